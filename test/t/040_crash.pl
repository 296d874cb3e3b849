# Killed in the middle of the push: the next run ends with the exact set of records, none twice.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use Flitmig;
use File::Temp qw(tempdir);
use PostgreSQL::Test::Utils;
use Test::More;

my $work = tempdir(CLEANUP => 1);
chmod 0755, $work;
my $manifest = generate_clinic("$work/export", '--patients', '300', '--seed', '3');
my $node = start_cluster('crash');
my $twenty = start_twenty('--model', '2.19', '--latency', '150', '--members', join(',', @{ $manifest->{members} }));
connect_twenty($node, $twenty);
my $before = dump_of($twenty);
migrate_up_to($node, 'clinic', "$work/export");
sign_off($node, 'clinic', 20);

my %blow = (
	'kill -9 of the worker' => sub { kill_hard($node, worker_pid()) },
	'pg_ctl stop -m immediate' => sub { $node->stop('immediate'); $node->start; });

for my $what (sort keys %blow)
{
	push_to_the_middle();
	$blow{$what}->();
	is($node->safe_psql('postgres', "SELECT count(*) > 0 FROM flitmig.record r WHERE r.state = 'mapped' AND NOT EXISTS (SELECT FROM flitmig.base b WHERE b.id = r.id)"),
		't', "$what: the push was not complete");
}
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");
exact_set('after both');
is($node->safe_psql('postgres', "SELECT sum(difference) FROM flitmig.balance WHERE migration = 'clinic'"), '0', 'balance is zero');
is($node->safe_psql('postgres', "SELECT count(*) FROM flitmig.run WHERE state = 'interrupted'"), '2', 'the two runs are known as interrupted');
$node->safe_psql('postgres', "SELECT * FROM flitmig_rollback('clinic')");
my $after = dump_of($twenty);
ok($after eq $before, 'and all of it can be taken back') or diag lines_that_differ($before, $after);

# Starts a run in the background and returns once some of its creates are stored, but not all.
sub push_to_the_middle
{
	my $stored = $node->safe_psql('postgres', 'SELECT count(*) FROM flitmig.base');
	$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic', wait => false)");
	wait_until('some records are stored', sub { $node->safe_psql('postgres', 'SELECT count(*) FROM flitmig.base') > $stored + 100 });
	wait_until('a call is under way', sub { $node->safe_psql('postgres', "SELECT count(*) FROM flitmig.batch WHERE state = 'open'") > 0 });
}

sub worker_pid
{
	return $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'flitmig worker'");
}

# Every mapped record is in Twenty once; nothing else of ours is.
sub exact_set
{
	my ($when) = @_;
	my %mapped = map { $_ => 1 } split /\n/, $node->safe_psql('postgres', "SELECT id FROM flitmig.record WHERE state = 'mapped'");
	my @created = grep { $mapped{$_} } map { @{ $_->{ids} // [] } } grep { $_->{field} =~ /^create/ } @{ writes_of($twenty) };
	my %times;
	$times{$_}++ for @created;
	is(scalar(grep { $_ > 1 } values %times), 0, "$when: no id was created twice");
	is(scalar(keys %times), scalar(keys %mapped), "$when: every record was created");
}
done_testing();
