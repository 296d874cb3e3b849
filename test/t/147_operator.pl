# What an operator does to a migration while it is at work, or between its steps: two migrations at once, restarts, Ctrl-C at every
# command, a worker that is terminated phase by phase, tables that are renamed, rebuilt or retyped, a server, a user mapping and a role
# that go.  Each call ends complete or with what to do, and in the end Twenty holds what it should, once.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use Flitmig;
use File::Temp qw(tempdir);
use JSON::PP;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;

my $work = tempdir(CLEANUP => 1);
chmod 0755, $work;
mkdir "$work/export";
write_lines("$work/export/patients.csv", 'Patient ID,First Name,Last Name,Email', map { "$_,Given$_,Family$_,p$_\@example.org" } 1 .. 60);
my $node = start_cluster('operator');
my $twenty = start_twenty('--model', '2.19', '--seed-foreign', '10', '--no-timeline');
connect_twenty($node, $twenty);
my $before = dump_of($twenty);
my %profile = (
	description => 'people alone',
	entities => { patients => { files => ['patients*'], columns => { patient_id => [], first_name => [], last_name => [], email => [] }, required => ['patient_id'] } },
	targets => { person => { fields => { sourceSystemId => { type => 'TEXT', label => 'Source system id', unique => JSON::PP::true } } } },
	maps => [ { name => 'patient', object => 'person', source => '{patients} s', key => 's.patient_id',
			fields => { name => 'flitmig.full_name(s.first_name, s.last_name)', emails => 'flitmig.to_emails(s.email)', jobTitle => 's.last_name', sourceSystemId => 's.patient_id' } } ]);
$node->safe_psql('postgres', "INSERT INTO flitmig.profile (name, doc) VALUES ('people', \$doc\$" . encode_json(\%profile) . "\$doc\$)");

# ---- a restart between each pair of steps, and Ctrl-C at every command before it is let through ----

my $wrong = '';
for my $command ("flitmig_create('clinic', 'crm', profile => 'people', time_zone => 'UTC')", "flitmig_import('clinic', '$work/export')", "flitmig_propose('clinic')", "flitmig_audit('clinic')", "flitmig_owners('clinic')",
	"flitmig_confirm('clinic')", "flitmig_preflight('clinic')", "flitmig_plan('clinic')", "flitmig_prepare('clinic')", "flitmig_sample('clinic', 5)", "flitmig_diff('clinic')", "flitmig_sign_off('clinic', 'ok')",
	"flitmig_run('clinic')", "flitmig_status('clinic')", "flitmig_report('clinic')", "flitmig_run('clinic')", "flitmig_rollback('clinic', dry_run => true)", "flitmig_rollback('clinic')", "flitmig_sample('clinic', 5)",
	"flitmig_sign_off('clinic', 'ok')", "flitmig_run('clinic')", "flitmig_audit_verify('clinic')")
{
	# what runs too short to be interrupted is complete: called again, it may say so
	my $interrupted = interrupt("SELECT * FROM $command");
	$node->restart;
	my ($rc, $out, $err) = $node->psql('postgres', "SELECT * FROM $command");
	$wrong .= "$command after " . ($interrupted ? 'Ctrl-C' : 'having run') . ": $err\n" if $rc != 0 && !(!$interrupted && $command =~ /^flitmig_create/ && $err =~ /already exists/);
}
is($wrong, '', 'every command goes through after it was interrupted, and the server restarted');
holds_mapped_people($node, $twenty, 'after Ctrl-C and a restart at each step', 'clinic');
is($node->safe_psql('postgres', "SELECT count(*) FROM flitmig_audit_verify('clinic')"), '0', 'the audit is unbroken');

# ---- a worker that is terminated as soon as it is in another phase ----

stage_new_patients($node, 61, 100);
my %seen;
for (1 .. 40)
{
	http_post($twenty, '/__faults', encode_json([ { fault => 'delay', nth => 'every', ms => 300 } ]));
	$node->safe_psql('postgres', "SELECT flitmig_run('clinic', wait => false)");
	my $phase;
	wait_until('it is in a phase that was not seen, or has ended', sub {
			(my $state, $phase) = split /\|/, $node->safe_psql('postgres', "SELECT state, coalesce(phase, '') FROM flitmig.run ORDER BY id DESC LIMIT 1");
			return $state ne 'running' || !$seen{$phase}; });
	last if $node->safe_psql('postgres', "SELECT state FROM flitmig.run ORDER BY id DESC LIMIT 1") eq 'done';
	$seen{$phase} = 1;
	$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'flitmig worker'");
	wait_until('the worker has gone', sub { workers($node) eq '0' });
}
http_post($twenty, '/__faults', '[]');
cmp_ok(scalar keys %seen, '>=', 1, 'the worker was terminated in: ' . join(' ', sort keys %seen));
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");
holds_mapped_people($node, $twenty, 'after all of them', 'clinic');

# ---- what happens to tables and to the way to Twenty while a run is at work ----

my $from = 101;
for my $what (
	[ 'VACUUM FULL' => map { "VACUUM (FULL, ANALYZE) flitmig.$_" } qw(batch base record run undo) ],
	[ 'REINDEX and CLUSTER' => 'REINDEX SCHEMA CONCURRENTLY flitmig', 'REINDEX TABLE flitmig.batch', 'CLUSTER flitmig.base USING base_pkey' ],
	[ 'another url' => "ALTER SERVER crm OPTIONS (SET url 'http://127.0.0.1:1')" ],
	[ 'no user mapping' => 'DROP USER MAPPING FOR CURRENT_USER SERVER crm' ],
	[ 'no server' => 'DROP SERVER crm CASCADE' ],
	[ 'a renamed staging table' => 'ALTER TABLE clinic_staging.patients RENAME TO away' ],
	[ 'no staging table' => 'ALTER TABLE clinic_staging.patients SET SCHEMA public' ])
{
	my ($name, @commands) = @$what;
	stage_new_patients($node, $from, $from + 9);
	$from += 10;
	http_post($twenty, '/__faults', encode_json([ { on => 'createPeople', fault => 'delay', nth => 1, ms => 2500 } ]));
	$node->safe_psql('postgres', "SELECT flitmig_run('clinic', wait => false)");
	wait_until('a call is under way', sub { decode_json(http_get($twenty, '/__faults'))->[0]{struck} > 0 });
	$node->safe_psql('postgres', $_) for @commands;
	wait_until('the run has ended', sub { workers($node) eq '0' });
	is($node->safe_psql('postgres', "SELECT state FROM flitmig.run ORDER BY id DESC LIMIT 1"), 'done', "$name: the run goes on");
	my $said = psql_error($node, "SELECT * FROM flitmig_run('clinic')");
	if ($name eq 'another url') { like($said, qr/could not be reached.*HINT/s, "$name: the next one tells"); }
	elsif ($name eq 'no user mapping') { like($said, qr/user mapping.*HINT:.*CREATE USER MAPPING/s, "$name: the next one tells"); }
	elsif ($name eq 'no server') { like($said, qr/server "crm" does not exist/s, "$name: the next one tells"); }
	elsif ($name =~ /staging/) { like($said, qr/staging table "patients" of migration "clinic" is not there any more.*HINT/s, "$name: the next one tells"); }
	else { is($said, '', "$name: so does the next one"); }
	$node->safe_psql('postgres', "ALTER SERVER crm OPTIONS (SET url '$twenty->{url}')") if $name eq 'another url';
	$node->safe_psql('postgres', "CREATE USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (api_key '$twenty->{key}')") if $name eq 'no user mapping';
	connect_twenty($node, $twenty) if $name eq 'no server';
	$node->safe_psql('postgres', 'ALTER TABLE clinic_staging.away RENAME TO patients') if $name =~ /^a renamed/;
	$node->safe_psql('postgres', 'ALTER TABLE public.patients SET SCHEMA clinic_staging') if $name =~ /^no staging/;
	$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");
	holds_mapped_people($node, $twenty, $name, 'clinic');
}

# a column that is not what it was
$node->safe_psql('postgres', 'ALTER TABLE clinic_staging.patients ALTER COLUMN patient_id TYPE integer USING patient_id::integer');
like(psql_error($node, "SELECT * FROM flitmig_run('clinic')") || 'it runs', qr/ERROR|it runs/, 'a staging column of another type');
holds_mapped_people($node, $twenty, 'whether that runs or not', 'clinic');
$node->safe_psql('postgres', 'ALTER TABLE clinic_staging.patients ALTER COLUMN patient_id TYPE text');
$node->safe_psql('postgres', 'ALTER TABLE clinic_staging.patients RENAME COLUMN last_name TO surname');
my $said = psql_error($node, "SELECT * FROM flitmig_run('clinic')");
like($said, qr/has lost columns that the mapping reads.*Missing: last_name\./s, 'a staging column of another name is missed, not taken for empty');
$node->safe_psql('postgres', 'ALTER TABLE clinic_staging.patients RENAME COLUMN surname TO last_name');
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");
holds_mapped_people($node, $twenty, 'with its name again', 'clinic');

# ---- the role of a run goes ----

$node->safe_psql('postgres', "CREATE ROLE temp LOGIN; SELECT flitmig_grant('temp', 'operator'); GRANT pg_read_server_files TO temp; GRANT USAGE ON FOREIGN SERVER crm TO temp; CREATE USER MAPPING FOR temp SERVER crm OPTIONS (api_key '$twenty->{key}')");
my $as_temp = [ '-U', 'temp' ];
for my $sql ("SELECT flitmig_create('theirs', 'crm', profile => 'people', time_zone => 'UTC')", "SELECT * FROM flitmig_import('theirs', '$work/export')", "SELECT flitmig_confirm('theirs')", "SELECT * FROM flitmig_preflight('theirs')")
{
	$node->safe_psql('postgres', $sql, extra_params => $as_temp);
}
http_post($twenty, '/__faults', encode_json([ { on => 'createPeople', fault => 'delay', nth => 1, ms => 2500 } ]));
my $running = fork();
if ($running == 0) { my (undef, $out, $err) = $node->psql('postgres', "SELECT * FROM flitmig_sample('theirs', 5)", extra_params => $as_temp); open(my $fh, '>', "$work/told"); print $fh $err // ''; close $fh; POSIX::_exit(0); }
wait_until('a call is under way', sub { decode_json(http_get($twenty, '/__faults'))->[0]{struck} > 0 });
$node->safe_psql('postgres', 'REASSIGN OWNED BY temp TO CURRENT_USER; DROP OWNED BY temp; DROP ROLE temp');
waitpid($running, 0);
wait_until('the worker has gone', sub { workers($node) eq '0' });
isnt(slurp_file("$work/told"), '', 'a role that goes in the middle of its run: it is told');
unlike(slurp_file("$work/told"), qr/server closed the connection|Given|Family\d/, 'and nothing falls');
$node->safe_psql('postgres', "UPDATE flitmig.migration SET owner = current_user WHERE name = 'theirs'");
$node->safe_psql('postgres', "SELECT * FROM flitmig_rollback('theirs')");
is($node->safe_psql('postgres', "SELECT count(*) FROM flitmig.base b JOIN flitmig.migration m ON m.id = b.migration_id WHERE m.name = 'theirs'"), '0', 'who takes the migration over takes it back');
holds_mapped_people($node, $twenty, 'the other migration is not touched by that', 'clinic');

# ---- two migrations at once onto one server, at its limit ----

http_post($twenty, '/__limit', encode_json({ perMinute => 600, perSecond => 20 }));
my @both;
mkdir "$work/$_" for qw(left right);
for my $name (qw(left right))
{
	write_lines("$work/$name/patients.csv", 'Patient ID,First Name,Last Name,Email', map { "$name$_,Given$_,Family$_,$name$_\@example.org" } 1 .. 400);
	$node->safe_psql('postgres', "SELECT flitmig_create('$name', 'crm', profile => 'people', time_zone => 'UTC'); SELECT * FROM flitmig_import('$name', '$work/$name'); SELECT flitmig_confirm('$name')");
}
push @both, in_background($node, "SELECT * FROM flitmig_sample('$_', 300)", errors => "$work/$_.told") for qw(left right);
my $fine = 0;
for my $pid (@both) { waitpid($pid, 0); $fine++ if $? == 0; }
$node->safe_psql('postgres', "SELECT * FROM flitmig_sample('$_', 300)") for qw(left right);    # one may have met the other's change of the model
for my $name (qw(left right))
{
	is($node->safe_psql('postgres', "SELECT count(*) FROM flitmig.base b JOIN flitmig.migration m ON m.id = b.migration_id WHERE m.name = '$name'"), '300', "two at once: all of $name is there");
}
is($fine, 2, 'neither was in the way of the other') or diag map { slurp_file("$work/$_.told") } qw(left right);
my ($calls, $refusals) = split /\|/, $node->safe_psql('postgres', "SELECT sum(calls), sum(refusals) FROM flitmig.run r JOIN flitmig.migration m ON m.id = r.migration_id WHERE m.name IN ('left', 'right')");
note "$calls calls, $refusals refused";
http_post($twenty, '/__limit', '{}');
push @both, in_background($node, "SELECT * FROM flitmig_rollback('$_')", errors => "$work/$_.told") for qw(left right);
waitpid($_, 0) for splice(@both, 2);
$node->safe_psql('postgres', "SELECT * FROM flitmig_rollback('$_')") for qw(left right clinic);
my $after = dump_of($twenty);
ok($after eq $before, 'all taken back, to the byte') or diag lines_that_differ($before, $after);
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|TRAP/, 'nothing of all this has made the server fall');

# Cancels the statement of a psql as Ctrl-C would, once it is at work; whether that came in time.
sub interrupt
{
	my ($sql) = @_;
	my $pid = in_background($node, $sql, name => 'interrupted', errors => "$work/interrupted");
	wait_until('it is at work, or over', sub { kill(0, $pid) == 0 || waitpid($pid, POSIX::WNOHANG()) != 0
		  || $node->safe_psql('postgres', "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE application_name = 'interrupted' AND state = 'active' AND query LIKE 'SELECT \* FROM%'") > 0 });
	waitpid($pid, 0);
	wait_until('its worker has gone', sub { workers($node) eq '0' });
	return slurp_file("$work/interrupted") =~ /ERROR/;
}

done_testing();
