# What operators and their servers do to a migration: settings of a role, SET ROLE, a standby, no worker to be had, several
# sessions at once, another Twenty behind the same server, a key that changes, a restored dump, a full disk, the extension
# dropped under a run.  Each ends complete, or is refused with what to do, and Twenty holds what it should.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use Flitmig;
use File::Temp qw(tempdir);
use JSON::PP;
use PostgreSQL::Test::Utils;
use POSIX ();
use Test::More;

my $work = tempdir(CLEANUP => 1);
chmod 0755, $work;
mkdir "$work/export";
write_lines("$work/export/patients.csv", 'Patient ID,First Name,Last Name,Email', map { "$_,Given$_,Family$_,p$_\@example.org" } 1 .. 60);
my $node = start_cluster('hostile', streaming => 1, conf => "autovacuum = off\n");
my $twenty = start_twenty('--model', '2.19', '--seed-foreign', '10');
connect_twenty($node, $twenty);
my $before = dump_of($twenty);
my %profile = (
	description => 'people alone',
	entities => { patients => { files => ['patients*'], columns => { patient_id => [], first_name => [], last_name => [], email => [] }, required => ['patient_id'] } },
	targets => { person => { fields => { sourceSystemId => { type => 'TEXT', label => 'Source system id', unique => JSON::PP::true } } } },
	maps => [ { name => 'patient', object => 'person', source => '{patients} s', key => 's.patient_id',
			fields => { name => 'flitmig.full_name(s.first_name, s.last_name)', emails => 'flitmig.to_emails(s.email)', jobTitle => 's.last_name', sourceSystemId => 's.patient_id' } } ]);
$node->safe_psql('postgres', "INSERT INTO flitmig.profile (name, doc) VALUES ('people', \$doc\$" . encode_json(\%profile) . "\$doc\$)");
migrate_up_to($node, 'clinic', "$work/export", profile => 'people');
sign_off($node, 'clinic', 5);

# ---- who calls ----

# A role whose settings are those of a careful DBA, or of a hostile one.
$node->safe_psql('postgres', q{
	CREATE ROLE dba SUPERUSER LOGIN; CREATE ROLE clerks SUPERUSER NOLOGIN;
	CREATE SCHEMA evil;
	CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz';
	CREATE FUNCTION evil.count(uuid) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';
	CREATE FUNCTION evil.same(uuid, uuid) RETURNS boolean LANGUAGE sql AS 'SELECT false';
	CREATE OPERATOR evil.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = evil.same);
	CREATE TABLE evil.record (id integer); CREATE TABLE evil.base (id integer);
	ALTER ROLE dba SET search_path = evil, pg_catalog, public;
	ALTER ROLE dba SET lock_timeout = '1ms';
	ALTER ROLE dba SET idle_in_transaction_session_timeout = '500ms';
	ALTER ROLE dba SET default_transaction_read_only = on;
	ALTER ROLE dba SET default_transaction_isolation = 'serializable';
	ALTER ROLE dba SET default_transaction_deferrable = on;
	ALTER ROLE dba SET synchronous_commit = off;
	ALTER ROLE dba SET enable_nestloop = off;
	ALTER ROLE dba SET DateStyle = 'German, DMY';
	ALTER ROLE dba SET IntervalStyle = 'sql_standard';
	ALTER ROLE dba SET TimeZone = 'Pacific/Kiritimati';
	ALTER ROLE dba SET bytea_output = 'escape';
	ALTER ROLE dba SET standard_conforming_strings = off;
	ALTER ROLE dba SET client_min_messages = error;});
$node->safe_psql('postgres', "CREATE USER MAPPING FOR dba SERVER crm OPTIONS (api_key '$twenty->{key}')");
like(as('dba', "SELECT * FROM flitmig_run('clinic')"), qr/cannot run in a read-only transaction.*HINT:.*default_transaction_read_only = off/s, 'a read-only transaction is told');
like(as('dba', "SET default_transaction_read_only = off; SELECT * FROM flitmig_run('clinic')"), qr/needs isolation level READ COMMITTED.*HINT/s, 'and so is an isolation level');
hold_table($node, 'base');
my $waiting = fork();
if ($waiting == 0) { my $said = as('dba', "SET default_transaction_read_only = off; SET default_transaction_isolation = 'read committed'; SELECT * FROM flitmig_run('clinic')"); print STDERR $said if $said =~ /ERROR/; POSIX::_exit($said =~ /ERROR/ ? 1 : 0); }
wait_until('the worker waits for a lock', sub { workers($node, "wait_event_type = 'Lock'") > 0 });
select(undef, undef, undef, 0.3);
release_table($node);
waitpid($waiting, 0);
is($?, 0, 'with these two mended it runs, whatever else its role is used to');
holds_mapped_people($node, $twenty, 'after that');

like(as(undef, "SET ROLE clerks; SELECT * FROM flitmig_run('clinic')"), qr/role "clerks" cannot log in.*HINT:.*RESET ROLE/s, 'a role that cannot log in is told before a worker is started');
$node->safe_psql('postgres', "ALTER ROLE clerks LOGIN; CREATE USER MAPPING FOR clerks SERVER crm OPTIONS (api_key '$twenty->{key}')");
unlike(as(undef, "SET ROLE clerks; SELECT * FROM flitmig_run('clinic')"), qr/ERROR/, 'SET ROLE to one that can runs with its rights');
is($node->safe_psql('postgres', "SELECT state FROM flitmig.run ORDER BY id DESC LIMIT 1"), 'done', 'to its end');

$node->safe_psql('postgres', "CREATE ROLE helper LOGIN; SELECT flitmig_grant('helper', 'operator'); GRANT USAGE ON FOREIGN SERVER crm TO helper; REVOKE CREATE ON DATABASE postgres FROM helper");
like(as('helper', "SELECT flitmig_create('mine', 'crm', time_zone => 'UTC')"), qr/permission denied for database.*HINT:.*GRANT CREATE ON DATABASE postgres TO helper/s, 'a role that may make no schema is told what it needs');
unlike(as('helper', "SELECT * FROM flitmig_run('clinic')"), qr/Given|Family/, 'and another operator learns nothing');

# ---- a time limit meant for queries ----

stage_new_patients($node, 61, 120);
http_post($twenty, '/__faults', encode_json([ { on => 'createPeople', fault => 'delay', nth => 1, ms => 3000 } ]));
my $said = as(undef, "SET statement_timeout = '1s'; SELECT * FROM flitmig_run('clinic')");
like($said, qr/NOTICE:  statement_timeout ends this call.*HINT:.*wait => false.*statement timeout/s, 'statement_timeout is told before it strikes');
is($node->safe_psql('postgres', "SELECT state FROM flitmig.run ORDER BY id DESC LIMIT 1"), 'cancelled', 'and ends the run cleanly');
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");
holds_mapped_people($node, $twenty, 'the next run completes');

# ---- several sessions ----

stage_new_patients($node, 121, 180);
http_post($twenty, '/__faults', encode_json([ { on => 'createPeople', fault => 'delay', nth => 1, ms => 4000 } ]));
my $caller = in_background($node, "SELECT * FROM flitmig_run('clinic')", name => 'caller');
wait_until('a call is under way', sub { decode_json(http_get($twenty, '/__faults'))->[0]{struck} > 0 });
for my $call ("flitmig_run('clinic')", "flitmig_rollback('clinic')", "flitmig_sample('clinic')", "flitmig_prepare('clinic')", "flitmig_plan('clinic')", "flitmig_preflight('clinic')",
	"flitmig_confirm('clinic')", "flitmig_retry('clinic')", "flitmig_purge('clinic')", "flitmig_drop('clinic', force => true)")
{
	like(as(undef, "SELECT * FROM $call"), qr/is being worked on by another session.*HINT/s, "while a run is at work: $call is refused");
}
unlike(as(undef, "SELECT * FROM flitmig_import('clinic', '$work/export')"), qr/ERROR/, 'an import is not');
waitpid($caller, 0);
holds_mapped_people($node, $twenty, 'and the run was not disturbed');

# ---- the mapping changes between sample and run ----

$node->safe_psql('postgres', "UPDATE flitmig.field_map SET expression = 'upper(' || expression || ')' WHERE field = 'jobTitle'; UPDATE flitmig.object_map SET filter = 'true' WHERE name = 'patient'");
like(as(undef, "SELECT * FROM flitmig_run('clinic')"), qr/ERROR:.*mapping.*HINT/s, 'a mapping that was changed since is not what runs');
$node->safe_psql('postgres', "UPDATE flitmig.object_map SET filter = NULL WHERE name = 'patient'; SELECT flitmig_confirm('clinic')");
sign_off($node, 'clinic', 5);

# ---- the key and the url ----

$node->safe_psql('postgres', "ALTER USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (SET api_key 'revoked')");
like(as(undef, "SELECT * FROM flitmig_run('clinic')"), qr/does not accept the API key.*HINT:.*ALTER USER MAPPING/s, 'a key that was revoked is told');
stage_new_patients($node, 181, 240);
$node->safe_psql('postgres', "ALTER USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (SET api_key '$twenty->{key}')");
http_post($twenty, '/__faults', encode_json([ { on => 'createPeople', fault => 'delay', nth => 1, ms => 2000 } ]));
$caller = in_background($node, "SELECT * FROM flitmig_run('clinic')", name => 'caller');
wait_until('a call is under way', sub { decode_json(http_get($twenty, '/__faults'))->[0]{struck} > 0 });
$node->safe_psql('postgres', "ALTER USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (SET api_key 'rotated')");
waitpid($caller, 0);
is($node->safe_psql('postgres', "SELECT state FROM flitmig.run ORDER BY id DESC LIMIT 1"), 'done', 'a run goes on with the key that it began with');
$node->safe_psql('postgres', "ALTER USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (SET api_key '$twenty->{key}')");
holds_mapped_people($node, $twenty, 'all is there');
my $other = start_twenty('--model', '1.17', '--seed-foreign', '3');
my $other_before = dump_of($other);
$node->safe_psql('postgres', "ALTER SERVER crm OPTIONS (SET url '$other->{url}'); ALTER USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (SET api_key '$other->{key}')");
for my $call ("flitmig_run('clinic')", "flitmig_rollback('clinic')", "flitmig_sample('clinic')")
{
	like(as(undef, "SELECT * FROM $call"), qr/is not the Twenty that migration "clinic" has written into.*HINT:.*ALTER SERVER/s, "another Twenty behind the server: $call is refused");
}
ok(dump_of($other) eq $other_before, 'and nothing was sent there');
$node->safe_psql('postgres', "ALTER SERVER crm OPTIONS (SET url '$twenty->{url}'); ALTER USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (SET api_key '$twenty->{key}')");

# ---- a clock that is put back ----

$node->safe_psql('postgres', "UPDATE flitmig.batch SET dark_at = clock_timestamp() + interval '1 day' WHERE id = (SELECT max(id) FROM flitmig.batch WHERE kind = 'create')");
is($node->safe_psql('postgres', "INSERT INTO flitmig.run (migration_id, kind, state) SELECT id, 'rollback', 'queued' FROM flitmig.migration WHERE name = 'clinic'; SELECT flitmig._late_ms((SELECT max(id) FROM flitmig.run)) <= 3000"), 't',
	'a broken call that seems to lie in the future is waited for no longer than any other');
$node->safe_psql('postgres', "DELETE FROM flitmig.run WHERE id = (SELECT max(id) FROM flitmig.run); UPDATE flitmig.batch SET dark_at = NULL");

# ---- a standby ----

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
for my $call ("flitmig_run('clinic')", "flitmig_rollback('clinic')", "flitmig_preflight('clinic')")
{
	my ($rc, $out, $err) = $standby->psql('postgres', "SELECT * FROM $call", timeout => 60);
	like($err, qr/cannot run on a standby.*HINT/s, "on a standby $call is refused at once");
}
unlike((psql_error($standby, "SELECT * FROM flitmig_status('clinic')")), qr/ERROR/, 'status can be asked there');
$standby->stop;

# ---- a disk that is full for the worker ----

SKIP:
{
	skip 'there is no prlimit', 3 unless system('command -v prlimit >/dev/null 2>&1') == 0;
	# 20 MB of base, so that the next row needs a new page beyond the 16 MB that a segment of WAL takes
	$node->safe_psql('postgres', "INSERT INTO flitmig.base (migration_id, id, object, origin, run_id, hash, sent, stored) SELECT -1, gen_random_uuid(), 'x', 'created', 0, 0, '{}', to_jsonb(repeat(md5(i::text), 20)) FROM generate_series(1, 30000) i");
	stage_new_patients($node, 241, 300);
	http_post($twenty, '/__faults', encode_json([ { on => 'createPeople', fault => 'delay', nth => 1, ms => 3000 } ]));
	my $errors = "$work/errors";
	$caller = in_background($node, "SELECT * FROM flitmig_run('clinic')", name => 'caller', errors => $errors);
	wait_until('a call is under way', sub { decode_json(http_get($twenty, '/__faults'))->[0]{struck} > 0 });
	my $worker = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'flitmig worker'");
	system('prlimit', "--fsize=16777216", '--pid', $worker) == 0 or die 'prlimit';
	waitpid($caller, 0);
	like(slurp_file($errors), qr/ERROR:.*could not extend file/s, 'a disk that is full in the middle ends the run, and is told');
	is($node->safe_psql('postgres', "SELECT state FROM flitmig.run ORDER BY id DESC LIMIT 1"), 'failed', 'its state is known');
	$node->safe_psql('postgres', "DELETE FROM flitmig.base WHERE migration_id = -1");
	$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");
	holds_mapped_people($node, $twenty, 'once there is room, the next run finds what had been stored');
}

# ---- no worker to be had ----

$node->append_conf('postgresql.conf', 'max_worker_processes = 1');
$node->restart;    # the launcher of logical replication has the only one
like(as(undef, "SELECT * FROM flitmig_run('clinic')"), qr/no free slot for a flitmig worker.*HINT:.*max_worker_processes/s, 'without a slot for a worker it is told which setting to raise');
$node->append_conf('postgresql.conf', 'max_worker_processes = 16');
$node->restart;

# ---- a dump, restored elsewhere, takes it all back ----

run_log([ 'pg_dump', '-d', $node->connstr('postgres'), '-f', "$work/dump.sql" ]) or die 'pg_dump';
$node->safe_psql('postgres', 'CREATE DATABASE elsewhere');
my ($rc, $out, $err) = $node->psql('elsewhere', "\\set ON_ERROR_STOP on\n\\i $work/dump.sql");
is($rc, 0, 'a dump is restored') or diag $err;
is($node->safe_psql('elsewhere', "SELECT sum(difference) FROM flitmig.balance"), '0', 'with its balance');
($rc, $out, $err) = $node->psql('elsewhere', "SELECT * FROM flitmig_run('clinic')");
is($rc, 0, 'a run of the restored one goes on') or diag $err;
is($node->safe_psql('elsewhere', "SELECT calls FROM flitmig.run ORDER BY id DESC LIMIT 1") < 15 ? 'few' : 'many', 'few', 'with nothing to send');
($rc, $out, $err) = $node->psql('elsewhere', "SELECT * FROM flitmig_rollback('clinic')");
is($rc, 0, 'and it takes everything back') or diag $err;
my $after = dump_of($twenty);
ok($after eq $before, 'to the byte') or diag lines_that_differ($before, $after);

# ---- the extension is dropped under a run ----

($rc, $out, $err) = $node->psql('elsewhere', "SELECT * FROM flitmig_sample('clinic', 5)");
is($rc, 0, 'a sample once more') or diag $err;
http_post($twenty, '/__faults', encode_json([ { on => 'createPeople', fault => 'delay', nth => 1, ms => 3000 } ]));
$node->safe_psql('elsewhere', "SELECT flitmig_sign_off('clinic', 'ok')");
my $running = fork();
if ($running == 0) { my (undef, undef, $told) = $node->psql('elsewhere', "SELECT * FROM flitmig_run('clinic')"); POSIX::_exit($told =~ /ERROR:.*deadlock/s ? 0 : 1); }
wait_until('a call is under way', sub { decode_json(http_get($twenty, '/__faults'))->[0]{struck} > 0 });
# PostgreSQL itself may see a part of the circle, and end one of them
my $dropped = $node->psql('elsewhere', 'DROP EXTENSION flitmig CASCADE') == 0;
waitpid($running, 0);
is($?, 0, 'the extension is dropped under a run: who waits for the run is told, instead of all three waiting for each other');
wait_until('the worker has ended', sub { workers($node) eq '0' });
$node->safe_psql('elsewhere', 'DROP EXTENSION flitmig CASCADE') unless $dropped;
is($node->safe_psql('elsewhere', "SELECT count(*) FROM pg_extension WHERE extname = 'flitmig'"), '0', 'it is dropped, and no worker is left');
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC/, 'nothing of all this has made the server fall');

# All that psql says, as one role.
sub as
{
	my ($role, $sql) = @_;
	my ($rc, $out, $err) = $node->psql('postgres', $sql, extra_params => [ defined $role ? ('-U', $role) : () ]);
	return ($err // '') . ($out // '');
}

done_testing();
