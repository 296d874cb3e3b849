# A hostile tester: kills at random moments, with every signal, during push and rollback.  FLITMIG_KILLS says how many
# (make check-long: 200; by default a handful).  After each round the stand-in holds the exact set, once each, and
# after the rollback it is what it was.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use Flitmig;
use File::Temp qw(tempdir);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $kills_wanted = $ENV{FLITMIG_KILLS} // 6;
my $seed = $ENV{FLITMIG_SEED} // time();
srand($seed);
note "seed $seed (FLITMIG_SEED repeats it)";

my $work = tempdir(CLEANUP => 1);
chmod 0755, $work;
my $manifest = generate_clinic("$work/export", '--patients', '300', '--seed', '21');
my $node = start_cluster('kills', conf => "restart_after_crash = on\n");
my $twenty = start_twenty('--model', '2.19', '--latency', '60', '--seed-foreign', '30', '--members', join(',', @{ $manifest->{members} }));
connect_twenty($node, $twenty);
my $before = dump_of($twenty);
migrate_up_to($node, 'clinic', "$work/export");
sign_off($node, 'clinic', 20);

my %how = (
	'SIGINT to the worker' => sub { signal_worker('INT') },
	'SIGTERM to the worker' => sub { signal_worker('TERM') },
	'kill -9 of the worker' => sub { signal_worker('KILL') },
	'kill -9 of the postmaster' => sub { $node->kill9; start_when_orphans_are_gone($node); },
	'stop -m immediate' => sub { $node->stop('immediate'); $node->start; },
	'stop -m fast' => sub { $node->stop('fast'); $node->start; });
my @ways = sort keys %how;
my ($kills, $round) = (0, 0);
my $per_round = $kills_wanted < 20 ? 3 : 10;
while ($kills < $kills_wanted)
{
	$round++;
	$kills += harass("SELECT * FROM flitmig_run('clinic', wait => false)", $per_round);
	finish("SELECT * FROM flitmig_run('clinic')");
	my %times;
	my %mapped = map { $_ => 1 } split /\n/, $node->safe_psql('postgres', "SELECT id FROM flitmig.record WHERE state = 'mapped'");
	my @ids = dump_of($twenty) =~ /"id":\s*"([0-9a-f-]{36})"/g;
	$times{$_}++ for grep { $mapped{$_} } @ids;
	is(scalar(keys %times), scalar(keys %mapped), "round $round: every record is there");
	is(scalar(grep { $_ > 1 } values %times), 0, "round $round: once");
	is($node->safe_psql('postgres', 'SELECT sum(difference) FROM flitmig.balance'), '0', "round $round: balance is zero");
	$kills += harass(undef, $per_round);
	finish("SELECT * FROM flitmig_rollback('clinic')");
	my $after = dump_of($twenty);
	ok($after eq $before, "round $round: and it can be taken back") or diag lines_that_differ($before, $after);
}
cmp_ok($kills, '>=', $kills_wanted, "$kills kills");

# Starts the work (undef: a rollback, in a background psql) and kills it at a random moment, again and again.
sub harass
{
	my ($sql, $times) = @_;
	my $done = 0;
	for (1 .. $times)
	{
		my $background;
		if (defined $sql) { $node->psql('postgres', $sql); }
		else
		{
			$background = fork();
			if ($background == 0)
			{
				open(STDOUT, '>', '/dev/null');
				open(STDERR, '>', '/dev/null');
				exec('psql', '-X', '-d', $node->connstr('postgres'), '-c', "SELECT * FROM flitmig_rollback('clinic')") or exit 1;
			}
		}
		sleep(rand(1.2));
		my $way = $ways[ int(rand(@ways)) ];
		note $way;
		$how{$way}->();
		waitpid($background, 0) if $background;
		wait_until('the worker is gone', sub { workers($node) == 0 });
		$done++;
	}
	return $done;
}

sub signal_worker
{
	my ($signal) = @_;
	my ($rc, $pid) = $node->psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'flitmig worker' LIMIT 1");
	return unless defined $pid && $pid =~ /^\d+$/;
	if ($signal eq 'KILL') { kill_hard($node, $pid); }
	else { kill $signal, $pid; }
}

# The call that must complete now.
sub finish
{
	my ($sql) = @_;
	my ($rc, $out, $err) = $node->psql('postgres', $sql);
	is($rc, 0, "round $round: $sql completes") or diag $err;
}
done_testing();
