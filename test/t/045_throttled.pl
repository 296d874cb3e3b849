# Being told to wait is no fault of a record: whichever way Twenty or a proxy says it, whoever else takes the tokens,
# nothing is set aside and nothing is sent twice.
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
mkdir "$work/export";
mkdir "$work/export/documents";
write_lines("$work/export/patients.csv", 'Patient ID,First Name,Last Name', map { "$_,Given$_,Family$_" } 1 .. 60);
write_lines("$work/export/documents.csv", 'Document ID,Patient ID,Note ID,File Name,Path,Title,Content Type,Uploaded At', map { "F$_,$_,,f$_.txt,documents/f$_.txt,Letter,text/plain,2026-01-0$_ 10:00:00" } 1 .. 9);
write_lines("$work/export/documents/f$_.txt", "letter $_") for 1 .. 9;
my $node = start_cluster('throttled');
my $twenty = start_twenty('--model', '2.19');
connect_twenty($node, $twenty);
my $before = dump_of($twenty);
migrate_up_to($node, 'clinic', "$work/export");
sign_off($node, 'clinic', 5);

my $words = 'Limit reached (1000 tokens per 1000 ms)';
my @everywhere = qw(/createPeople|createNotes|createAttachments/ /createNoteTargets/ /createFileUpload|completeFileUpload/ /file-upload);
my @ways = ([ 'a refusal in a 200', 'limit' ], [ 'a 429', '429' ], [ q(a proxy's 503 with Retry-After), '503-retry-after' ]);
for my $way (@ways)
{
	my ($name, $fault) = @$way;
	# an upload's address is no place where Twenty counts
	my @rules = map { { on => $_, nth => 1, times => 3, fault => $fault, message => $words, ms => 1000 } } grep { $fault ne 'limit' || !/upload/i } @everywhere;
	http_post($twenty, '/__log-clear', '');
	http_post($twenty, '/__faults', encode_json(\@rules));
	$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");
	my @struck = map { $_->{struck} } @{ decode_json(http_get($twenty, '/__faults')) };
	http_post($twenty, '/__faults', '[]');
	is_deeply(\@struck, [ map { 3 } @rules ], "$name: three times for each kind of call");
	is($node->safe_psql('postgres', 'SELECT refusals FROM flitmig.run ORDER BY id DESC LIMIT 1'), 3 * @rules, "$name: counted as refusals");
	nothing_lost($name);
	$node->safe_psql('postgres', "SELECT * FROM flitmig_rollback('clinic')");
	ok(dump_of($twenty) eq $before, "$name: and back");
	$node->safe_psql('postgres', 'DELETE FROM flitmig.server_limit');
}

# A rollback is told to wait, too.
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");
http_post($twenty, '/__faults', encode_json([ map { { on => $_, nth => 1, times => 2, fault => 'limit', message => $words } } qw(people destroyTimelineActivities destroyPeople) ]));
$node->safe_psql('postgres', "SELECT * FROM flitmig_rollback('clinic')");
http_post($twenty, '/__faults', '[]');
ok(dump_of($twenty) eq $before, 'a rollback that is told to wait goes on');
$node->safe_psql('postgres', 'DELETE FROM flitmig.server_limit');

# Somebody else works in the same workspace and takes all tokens that there are, for a while.
http_post($twenty, '/__limit', encode_json({ perMinute => 150, perSecond => 0 }));
http_post($twenty, '/__log-clear', '');
$node->safe_psql('postgres', "ALTER SERVER crm OPTIONS (ADD call_share '80')");
my $other = fork();
if ($other == 0)
{
	# until it has met the limit often, however slow this machine is
	my $met = 0;
	for (1 .. 5000)
	{
		$met++ if http_post($twenty, '/graphql', encode_json({ query => '{ companies { totalCount } }' })) =~ /Limit reached/;
		last if $met >= 50;
		select(undef, undef, undef, 0.02);
	}
	POSIX::_exit(0);
}
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");
waitpid($other, 0);
my $log = decode_json(http_get($twenty, '/__log'));
cmp_ok($log->{refused}, '>', 0, 'the limit was reached');
nothing_lost('beside another user');
http_post($twenty, '/__limit', '{}');
$node->safe_psql('postgres', "SELECT * FROM flitmig_rollback('clinic')");
ok(dump_of($twenty) eq $before, 'and back');

# A run knows what the runs before it have left in the bucket: nothing is refused.
$node->safe_psql('postgres', "ALTER SERVER crm OPTIONS (DROP call_share); UPDATE flitmig.batch SET answered_at = answered_at - interval '1 hour';"
	  . "INSERT INTO flitmig.server_limit (server, max_tokens, window_ms) VALUES ('crm', 100, 60000) ON CONFLICT (server) DO UPDATE SET max_tokens = 100, window_ms = 60000");
http_post($twenty, '/__limit', encode_json({ perMinute => 100, perSecond => 0 }));
http_post($twenty, '/__log-clear', '');
my $calls = 0;
while ($calls < 115)
{
	$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");
	$node->safe_psql('postgres', "SELECT * FROM flitmig_rollback('clinic')");
	$calls = $node->safe_psql('postgres', "SELECT count(*) FROM flitmig._token_calls('crm', 60000)");
}
is(decode_json(http_get($twenty, '/__log'))->{refused}, 0, "runs that together need more than a bucket: $calls calls, none refused");

sub nothing_lost
{
	my ($name) = @_;
	is($node->safe_psql('postgres', 'SELECT (SELECT count(*) FROM flitmig.quarantine), (SELECT sum(difference) FROM flitmig.balance)'), '0|0', "$name: nothing is set aside, balance is zero");
	my %times;
	$times{$_}++ for map { @{ $_->{ids} } } grep { $_->{field} =~ /^create/ && !$_->{error} && !$_->{free} } @{ writes_of($twenty) };
	is(scalar(grep { $_ > 1 } values %times), 0, "$name: nothing was created twice");
}

done_testing();
