# A database with migrations in it is dumped and restored, upgraded, and left: what was there is there again, and goes on from there.
# FLITMIG_UPGRADE_FROM=/usr/lib/postgresql/15 (where flitmig is installed, too): pg_upgrade from that version instead of from the same.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use Flitmig;
use File::Temp qw(tempdir);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $work = tempdir(CLEANUP => 1);
chmod 0755, $work;
my $manifest = generate_clinic("$work/export", '--patients', '300', '--seed', '23');
my $later = generate_clinic("$work/later", '--patients', '300', '--seed', '23', '--delta');
my $from = $ENV{FLITMIG_UPGRADE_FROM};
my $node = start_cluster('dumped', conf => "flitmig.late_window = '1s'\n", $from ? (install_path => $from) : ());
my $twenty = start_twenty('--model', '2.19', '--members', join(',', @{ $manifest->{members} }), '--seed-foreign', '10');
connect_twenty($node, $twenty);
my $before = dump_of($twenty);
# Kinds of state that a dump must carry: a profile of one's own beside those that ship, an operator.
$node->safe_psql('postgres', q{CREATE ROLE anna; SELECT flitmig_grant('anna', 'operator');
	INSERT INTO flitmig.profile (name, doc) SELECT 'mine', doc FROM flitmig.profile WHERE name = 'generic'});
migrate_up_to($node, 'clinic', "$work/export", profile => 'mine');
sign_off($node, 'clinic', 100);
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");

# ---- into a fresh cluster ----

my $state = state_of($node);
my $fresh = PostgreSQL::Test::Cluster->new('restored');
$fresh->init;
$fresh->append_conf('postgresql.conf', "max_worker_processes = 16\nflitmig.late_window = '1s'\n");
$fresh->start;
$fresh->safe_psql('postgres', 'CREATE ROLE anna; CREATE DATABASE there');
$node->command_ok([ 'pg_dump', '--format=custom', '--file', "$work/dump", $node->connstr('postgres') ], 'pg_dump');
$fresh->command_ok([ 'pg_restore', '--exit-on-error', '--dbname', $fresh->connstr('there'), "$work/dump" ], 'pg_restore into a fresh cluster');
my $restored = state_of($fresh, 'there');
is($restored, $state, 'every row of every table of flitmig, every staged row and every counter') or diag lines_that_differ($state, $restored);
is($fresh->safe_psql('there', 'SELECT count(*) FROM flitmig_audit_verify()'), '0', 'the audit is the unbroken chain that it was');
is($fresh->safe_psql('there', "SELECT state FROM flitmig_status('clinic')"), $node->safe_psql('postgres', "SELECT state FROM flitmig_status('clinic')"), 'flitmig_status says the same');
is($fresh->safe_psql('there', "SELECT pg_catalog.has_function_privilege('anna', 'flitmig_run(text, boolean)', 'EXECUTE')"), 't', 'an operator is one');

# ---- an upgrade in place: a later version that adds nothing ----

chomp(my $extensions = qx{pg_config --sharedir});
$extensions .= '/extension';
open(my $fh, '>', "$extensions/flitmig--0.1--0.1.test.sql") or die "cannot write there: $!";
print $fh "\\echo Use \"ALTER EXTENSION flitmig UPDATE\" to load this file. \\quit\nCOMMENT ON SCHEMA flitmig IS 'upgraded';\n";
close $fh;
$fresh->safe_psql('there', "ALTER EXTENSION flitmig UPDATE TO '0.1.test'");
unlink "$extensions/flitmig--0.1--0.1.test.sql";
is($fresh->safe_psql('there', "SELECT extversion FROM pg_extension WHERE extname = 'flitmig'"), '0.1.test', 'ALTER EXTENSION UPDATE');
is(state_of($fresh, 'there'), $state, 'and everything is as it was');

# ---- it goes on from there ----

my $writes = @{ writes_of($twenty) };
$fresh->safe_psql('there', "SELECT * FROM flitmig_run('clinic')");
is(scalar @{ writes_of($twenty) }, $writes, 'a run in the restored database has nothing to send');
$fresh->safe_psql('there', "SELECT * FROM flitmig_import('clinic', '$work/later')");
my $done = $fresh->safe_psql('there', "SELECT quarantined || ' ' || conflicts || ' ' || (created + updated > 0) FROM flitmig_run('clinic') WHERE object = 'TOTAL'");
is($done, '0 0 true', 'the delta goes from there');
$fresh->safe_psql('there', "SELECT * FROM flitmig_rollback('clinic')");
my $after = dump_of($twenty);
ok($after eq $before, 'rolled back from there to the byte') or diag lines_that_differ($before, $after);

# ---- pg_upgrade, with another migration in the middle of its run ----

my $slow = start_twenty('--model', '2.19', '--latency', '300', '--seed-foreign', '10', '--members', join(',', @{ $manifest->{members} }));
connect_twenty($node, $slow, 'slow');
my $slow_before = dump_of($slow);
$node->safe_psql('postgres', "SELECT flitmig_create('halfway', 'slow', time_zone => 'America/New_York', date_order => 'MDY'); SELECT * FROM flitmig_import('halfway', '$work/export'); SELECT flitmig_confirm('halfway')");
sign_off($node, 'halfway', 20);
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('halfway', wait => false)");
my $batches = "SELECT count(*) FROM flitmig.batch b JOIN flitmig.migration m ON m.id = b.migration_id JOIN flitmig.run r ON r.id = b.run_id WHERE m.name = 'halfway' AND r.kind = 'run' AND b.kind = 'create'";
wait_until('the run is in its middle', sub { $node->safe_psql('postgres', "SELECT ($batches AND b.state = 'done') >= 2 AND ($batches AND b.state = 'open') > 0") eq 't' });
$node->stop;
$node->start;
cmp_ok($node->safe_psql('postgres', "$batches AND b.state = 'open'"), '>', 0, 'calls were under way when the old server stopped');
$state = state_of($node);
my $upgraded = PostgreSQL::Test::Cluster->new('upgraded');
$upgraded->init;
$upgraded->append_conf('postgresql.conf', "max_worker_processes = 16\nflitmig.late_window = '1s'\n");
$node->stop;
chomp(my $bin = qx{pg_config --bindir});
chdir $work;
command_ok([ 'pg_upgrade', '--old-datadir', $node->data_dir, '--new-datadir', $upgraded->data_dir, '--old-bindir', $from ? "$from/bin" : $bin, '--new-bindir', $bin,
	'--old-port', $node->port, '--new-port', $upgraded->port, '--socketdir', $upgraded->host ], 'pg_upgrade');
$upgraded->start;
my $state_after = state_of($upgraded);
is($state_after, $state, 'everything is as it was after pg_upgrade') or diag lines_that_differ($state, $state_after);
$upgraded->safe_psql('postgres', "SELECT * FROM flitmig_run('halfway')");
is($upgraded->safe_psql('postgres', "SELECT count(*) || ' ' || sum(abs(difference)) || ' ' || (sum(stored) > 1000) FROM flitmig.balance WHERE migration = 'halfway'"),
	$upgraded->safe_psql('postgres', "SELECT count(*) || ' 0 true' FROM flitmig.balance WHERE migration = 'halfway'"), 'the run goes on there, to its end');
$upgraded->safe_psql('postgres', "SELECT * FROM flitmig_rollback('halfway')");
my $slow_after = dump_of($slow);
ok($slow_after eq $slow_before, 'and is rolled back to the byte') or diag lines_that_differ($slow_before, $slow_after);

# ---- and leaves nothing behind ----

$fresh->safe_psql('there', "SELECT flitmig_drop('clinic'); DROP EXTENSION flitmig CASCADE");
is(objects_of($fresh, 'there'), '', 'after flitmig_drop and DROP EXTENSION nothing is left');
done_testing();

# Every row of flitmig's tables, its counters, and the staged rows, as a text.
sub state_of
{
	my ($from, $database) = @_;
	my $tables = $from->safe_psql($database // 'postgres', q{
		SELECT c.oid::regclass || '|' || c.relkind::text FROM pg_class c
		WHERE c.relnamespace IN ('flitmig'::regnamespace, 'clinic_staging'::regnamespace) AND c.relkind IN ('r', 'S') ORDER BY 1});
	my @told;
	for (split /\n/, $tables)
	{
		my ($table, $kind) = split /\|/;
		my $sql = $kind eq 'S' ? "SELECT last_value::text || is_called FROM $table" : "SELECT md5(coalesce(string_agg(md5(t::text), '' ORDER BY t::text COLLATE \"C\"), '')) || ' ' || count(*) FROM $table t";
		push @told, "$table: " . $from->safe_psql($database // 'postgres', $sql);
	}
	return join "\n", @told;
}

# What a database holds beyond what PostgreSQL put there.
sub objects_of
{
	my ($from, $database) = @_;
	return $from->safe_psql($database, q{
		SELECT 'class ' || oid::regclass FROM pg_class WHERE oid >= 16384 AND relnamespace <> 'pg_toast'::regnamespace
		UNION ALL SELECT 'function ' || oid::regprocedure FROM pg_proc WHERE oid >= 16384
		UNION ALL SELECT 'type ' || oid::regtype FROM pg_type WHERE oid >= 16384
		UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE oid >= 16384 AND nspname !~ '^pg_(toast_)?temp_'
		UNION ALL SELECT 'wrapper ' || fdwname FROM pg_foreign_data_wrapper
		UNION ALL SELECT 'server ' || srvname FROM pg_foreign_server
		UNION ALL SELECT 'extension ' || extname FROM pg_extension WHERE extname <> 'plpgsql'
		UNION ALL SELECT 'large object ' || oid FROM pg_largeobject_metadata
		ORDER BY 1});
}
