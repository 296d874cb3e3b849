# Tools that LISTEN flitmig are told each state at once, phases and counts about once a second, and never a value.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use Flitmig;
use File::Temp qw(tempdir);
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $work = tempdir(CLEANUP => 1);
chmod 0755, $work;
generate_clinic("$work/export", '--patients', '300', '--seed', '21');
my $node = start_cluster('listen');
my $twenty = start_twenty('--model', '2.19', '--latency', '120');
connect_twenty($node, $twenty);
migrate_up_to($node, 'clinic', "$work/export");
sign_off($node, 'clinic', 40);

# psql shows what it was notified of after each command.
my $said = $node->safe_psql('postgres', "LISTEN flitmig; SELECT 1; SELECT count(*) FROM flitmig_run('clinic'); SELECT 2");
my @told = map { decode_json($_) } $said =~ /^Asynchronous notification "flitmig" with payload "(.*)" received/mg;
my ($run, $seconds, $answers) = split /\|/, $node->safe_psql('postgres',
	"SELECT r.id, ceil(extract(epoch FROM r.finished_at - r.started_at)), (SELECT count(*) FROM flitmig.batch b WHERE b.run_id = r.id) FROM flitmig.run r ORDER BY r.id DESC LIMIT 1");

cmp_ok(scalar(@told), '>=', 4, 'a run tells') or diag $said;
is_deeply([ grep { $_->{migration} ne 'clinic' || $_->{run} != $run || $_->{kind} ne 'run' } @told ], [], 'each names migration, run and kind');
is($told[0]{state}, 'running', 'the first says that it runs');
is($told[-1]{state}, 'done', 'the last says that it is done');
is($told[-1]{done}, $node->safe_psql('postgres', "SELECT done FROM flitmig.run WHERE id = $run"), 'with the last count');
ok((grep { ($_->{phase} // '') eq 'map' } @told), 'mapping, which makes no calls, is told');
ok((grep { $_->{state} eq 'running' && $_->{total} > 0 && $_->{done} > 0 && $_->{done} < $_->{total} } @told), 'counts on the way');
# One a second, and besides: running, done, map.
cmp_ok(scalar(@told), '<=', $seconds + 4, 'not more than one a second');
cmp_ok($answers, '>', scalar(@told), 'not one a call');
is(join(' ', sort keys %{ $told[1] }), 'done kind migration phase run state total', 'names and counts, nothing else');

# A rollback tells as well; a run that fails says so.
$said = $node->safe_psql('postgres', "LISTEN flitmig; SELECT count(*) FROM flitmig_rollback('clinic'); SELECT 2");
like($said, qr/"kind" : "rollback", "state" : "done"/, 'a rollback tells when it is done');
kill 'TERM', $twenty->{pid};
waitpid($twenty->{pid}, 0);
my ($rc, $out) = $node->psql('postgres', "LISTEN flitmig;\nSELECT count(*) FROM flitmig_sample('clinic', 10);\nSELECT 2;", on_error_stop => 0);
like($out, qr/"kind" : "sample", "state" : "failed"/, 'a run that fails tells');
done_testing();
