# Ctrl-C stops a run cleanly; a closed connection leaves it running; a second run is refused with a hint.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use Flitmig;
use File::Temp qw(tempdir);
use IPC::Run qw(start);
use PostgreSQL::Test::Utils;
use Test::More;

my $work = tempdir(CLEANUP => 1);
chmod 0755, $work;
my $manifest = generate_clinic("$work/export", '--patients', '600', '--seed', '9');
my $node = start_cluster('interrupt');
my $twenty = start_twenty('--model', '2.19', '--latency', '250', '--members', join(',', @{ $manifest->{members} }));
connect_twenty($node, $twenty);
migrate_up_to($node, 'clinic', "$work/export");
sign_off($node, 'clinic', 20);

# Ctrl-C
my ($out, $err) = ('', '');
my $psql = run_in_psql();
wait_until('records are stored', \&some_new);
like(psql_error($node, "SELECT * FROM flitmig_run('clinic')"), qr/being worked on by another session.*flitmig_cancel/s, 'a second run is refused with a hint');
$psql->signal('INT');
$psql->finish;
like($err, qr/cancel/i, 'Ctrl-C ends the call');
is(workers(), 0, 'and the worker');
is($node->safe_psql('postgres', 'SELECT state FROM flitmig.run ORDER BY id DESC LIMIT 1'), 'cancelled', 'the run is known as cancelled');
is($node->safe_psql('postgres', "SELECT count(*) FROM flitmig.batch WHERE state = 'open'"), '0', 'no call is left in the dark');

# The connection goes away
$psql = run_in_psql();
wait_until('records are stored', \&some_new);
$psql->signal('KILL');
eval { $psql->finish };
is(workers(), 1, 'without its client the worker goes on');
is($node->safe_psql('postgres', "SELECT state FROM flitmig.progress"), 'running', 'seen from any session');

# flitmig_cancel
like($node->safe_psql('postgres', "SELECT flitmig_cancel('clinic')"), qr/asked the worker/, 'flitmig_cancel from another session');
wait_until('the worker is gone', sub { workers() == 0 });
is($node->safe_psql('postgres', 'SELECT state FROM flitmig.run ORDER BY id DESC LIMIT 1'), 'cancelled', 'stops it cleanly');

# and all of it goes on
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");
is($node->safe_psql('postgres', "SELECT sum(difference) FROM flitmig.balance"), '0', 'the next run completes it');
like(psql_error($node, "BEGIN; SELECT * FROM flitmig_run('clinic'); COMMIT"), qr/cannot run inside a transaction block|inside a transaction/, 'refused inside a transaction block');

sub run_in_psql
{
	our $stored = $node->safe_psql('postgres', 'SELECT count(*) FROM flitmig.base');
	($out, $err) = ('', '');
	return start [ 'psql', '-X', '-d', $node->connstr('postgres'), '-c', "SELECT * FROM flitmig_run('clinic')" ], '<', '/dev/null', '>', \$out, '2>', \$err;
}

sub some_new
{
	our $stored;
	return $node->safe_psql('postgres', 'SELECT count(*) FROM flitmig.base') > $stored + 100;
}

sub workers { return $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'flitmig worker'"); }
done_testing();
