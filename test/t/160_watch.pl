# What a person sees in psql: no line of any command is wider than 100 columns; progress never says 100 % while work goes on;
# the time left reckons with a full bucket that is soon empty; what a rollback will cost is said before it is needed.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use Flitmig;
use File::Temp qw(tempdir);
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time sleep);

my $work = tempdir(CLEANUP => 1);
chmod 0755, $work;
my $manifest = generate_clinic("$work/export", '--patients', '300', '--seed', '51');
my $node = start_cluster('watch');
my $twenty = start_twenty('--model', '2.19', '--members', join(',', @{ $manifest->{members} }[ 0 .. 2 ]));
connect_twenty($node, $twenty);

# The generated names have Chinese ones among them, of which each character takes two columns.
sub columns { my $line = shift // ''; return length($line) + (() = $line =~ /\p{Han}/g); }

# Every command as it is typed, in a terminal that wraps nothing.  The widest line, marks of psql and notices included.
my %width;
sub shown
{
	my ($sql) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'psql', '-X', '-P', 'pager=off', '-P', 'null=-', '-v', 'SHOW_CONTEXT=never', '-d', $node->connstr('postgres'), '-c', $sql ], '>', \$out, '2>', \$err) or die "$sql: $err";
	utf8::decode($_) for $out, $err;
	my ($widest) = sort { columns($b) <=> columns($a) } split /\n/, $out . $err;
	my ($name) = $sql =~ /(flitmig[._][a-z_]+)/;
	$width{$name} = columns($widest) if columns($widest) > ($width{$name} // 0);
	cmp_ok(columns($widest), '<=', 100, "fits 100 columns: $sql") or diag $widest;
	return $out . $err;
}

$node->safe_psql('postgres', q{SELECT flitmig_create('clinic', 'crm', time_zone => 'America/New_York', date_order => 'MDY')});
$node->safe_psql('postgres', "SELECT count(*) FROM flitmig_import('clinic', '$work/export')");
shown('SELECT flitmig_help()');
my $audit = shown(q{SELECT * FROM flitmig_audit('clinic')});
like($audit, qr/DUPLICATE_PATIENT/, 'codes are never broken');
unlike($audit, qr/\|\s+-\s*$/m, 'each finding says what to do or where');
shown(q{SELECT * FROM flitmig.invite_list('clinic', 'text')});
shown(q{SELECT flitmig_confirm('clinic')});
my $ready = shown(q{SELECT * FROM flitmig_preflight('clinic')});
like($ready, qr/^ rights +\| green/m, 'what the key may do is read');
like($ready, qr/^ server +\| green .*\n?.*on this machine/m, 'and how it is reached');
like(shown(q{SELECT * FROM flitmig_owners('clinic')}), qr/matched/, 'members are matched');
like(shown(q{SELECT * FROM flitmig_plan('clinic')}), qr/^ rollback .*\n.*with a file go one\b/m, 'the plan says what its rollback takes, and why');
shown(q{SELECT * FROM flitmig_prepare('clinic')});
shown(q{SELECT * FROM flitmig_sample('clinic', 60)});
shown(q{SELECT * FROM flitmig.side_by_side('clinic', all_fields => true)});
shown(q{SELECT flitmig_sign_off('clinic', 'looked at it')});

# A limit that lets the first 400 calls go at once: more than half of the records are there before the bucket is empty.
http_post($twenty, '/__limit', '{"perMinute": 400}');
$node->safe_psql('postgres', "INSERT INTO flitmig.server_limit (server, max_tokens, window_ms, batch_size) VALUES ('crm', 400, 60000, 5) ON CONFLICT (server) DO UPDATE SET max_tokens = 400, window_ms = 60000, batch_size = 5");
my $psql = in_background($node, "SELECT * FROM flitmig_run('clinic')");
my ($told, @seen);
my $watch = q{SELECT p.state, p.percent, round(extract(epoch FROM p.eta)), p.done, p.total, round(extract(epoch FROM p.elapsed)), p.rate FROM flitmig.progress p};
for (1 .. 600)
{
	my @now = split /\|/, $node->safe_psql('postgres', $watch), -1;
	last if @seen && $now[0] eq 'done';
	if ($now[0] eq 'running')
	{
		push @seen, [@now];
		$told //= { left => $now[2], at => time, elapsed => $now[5], naive => ($now[4] - $now[3]) / $now[6], share => $now[3] / $now[4] } if $now[2] ne '' && $now[3] > 0 && $now[6] > 0;
		shown(q{SELECT * FROM flitmig_status('clinic')}) if @seen % 20 == 1;
	}
	sleep 0.25;
}
my $took = time - $told->{at};
waitpid($psql, 0);
note sprintf('foretold at %.0f %% of the records: %.0f s left; it took %.1f s; by the rate so far it would have been %.1f s', 100 * $told->{share}, $told->{left}, $took, $told->{naive});
cmp_ok($told->{share}, '<', 0.7, 'asked in the first burst');
cmp_ok($took, '>', 10, 'most of the time is still to come');
# A machine that is busy with something else in between makes it slower than could be foretold.
cmp_ok($told->{left}, '>', 0.5 * $took, 'the time left reckons with the bucket that will soon be empty');
cmp_ok($told->{left}, '<', 2 * $took + 3, 'and is not too long');
is(scalar(grep { $_->[1] ne '' && $_->[1] >= 100 } @seen), 0, 'never 100 % before it is done');
is($node->safe_psql('postgres', 'SELECT state, percent, eta FROM flitmig.progress'), 'done|100.0|', 'and 100 % then');

like(shown(q{SELECT * FROM flitmig_balance('clinic')}), qr/^ TOTAL .* 0 \|/m, 'the balance, and nothing is missing');
shown('SELECT flitmig_help()');
shown(q{SELECT * FROM flitmig_audit_verify('clinic')});
shown(q{SELECT * FROM flitmig_audit('clinic')});

# Before anyone needs it: what the rollback costs.
my $dry = shown(q{SELECT * FROM flitmig_rollback('clinic', dry_run => true)});
my ($files) = $node->safe_psql('postgres', "SELECT count(*) FROM flitmig.upload WHERE state = 'done'");
like($dry, qr/would take about \d+ calls, .* at the call limit\nDETAIL:  $files of \d+ records carry a file/, 'a dry run says how long, and that each file is a call');
my ($calls) = $dry =~ /about (\d+) calls/;

# Removing objects and fields takes long on a real server; all records are gone by then.
http_post($twenty, '/__limit', '{}');
http_post($twenty, '/__faults', encode_json([ { on => '/delete(OneField|OneObject)/', nth => 'every', fault => 'delay', ms => 60 } ]));
$psql = in_background($node, "SELECT * FROM flitmig_rollback('clinic')");
my @unschema;
wait_until('the schema goes', sub {
	my @now = split /\|/, $node->safe_psql('postgres', 'SELECT state, phase, percent, phase_done, phase_total, unit, done >= total FROM flitmig.progress'), -1;
	push @unschema, [@now] if $now[0] eq 'running' && $now[1] eq 'unschema' && $now[4];
	shown(q{SELECT * FROM flitmig_status('clinic')}) if @unschema == 3;
	return $now[0] eq 'done' && @unschema;
});
waitpid($psql, 0);
ok((grep { $_->[6] eq 't' } @unschema), 'all records are taken back when objects and fields are removed');
is(scalar(grep { $_->[2] >= 100 } @unschema), 0, 'but progress does not say 100 %');
cmp_ok($unschema[0][2], '<', 80, 'it counts what it is at');
is($unschema[0][5], 'calls', 'in calls');
my $used = $node->safe_psql('postgres', "SELECT calls FROM flitmig.run WHERE kind = 'rollback' AND NOT options ? 'dry_run' ORDER BY id DESC LIMIT 1");
cmp_ok(abs($calls - $used), '<=', 0.25 * $used, "calls of the rollback: about $calls foretold, $used made");
# A key that may not destroy: said before anything moves.
my $timid = start_twenty('--model', '1.17', '--role', '{"all":"rus"}');
connect_twenty($node, $timid, 'timid');
$node->safe_psql('postgres', "SELECT flitmig_create('timid', 'timid', time_zone => 'UTC'); SELECT flitmig_import('timid', '$work/export/patients.csv'); SELECT flitmig_confirm('timid')");
like(shown(q{SELECT * FROM flitmig_preflight('timid')}), qr/^ rights +\| yellow/m, 'a key whose records a rollback could not take back');
note join(', ', map { "$_ $width{$_}" } sort keys %width);
done_testing();
