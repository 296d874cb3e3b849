# What becomes of a request when servers and networks do what they should not.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use Flitmig;
use File::Temp qw(tempdir);
use IO::Socket::INET;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $work = tempdir(CLEANUP => 1);
chmod 0755, $work;
my $has_tls = system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
	  . " -keyout $work/key.pem -out $work/cert.pem >/dev/null 2>&1") == 0;
my ($pid, $pipe);
END    # names $pipe, or perl would close it, and wait for node, before we come here
{
	my $status = $?;
	kill('TERM', $pid) if $pid;
	close($pipe) if $pipe;
	$? = $status;
}
$pid = open($pipe, '-|', 'node', "$FindBin::RealBin/odd_server.js", $has_tls ? ("$work/key.pem", "$work/cert.pem") : ())
  or die "no node: $!";
my ($port, $raw_port, $tls_port) = <$pipe> =~ /^ready (\d+) (\d+) ?(\d*)/ or die 'the server did not start';

my $nobody = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'tcp');    # bound, never listening
my $node = start_cluster('http');

sub server
{
	my ($name, $url, $more) = @_;
	$node->safe_psql('postgres', "CREATE SERVER $name FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url '$url'" . ($more // '') . ");
		CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS (api_key 'tiger')");
}

# Rows of "outcome|status|class", one for each call.
sub ask
{
	my ($server, $method, $path, $body, $more, $settings) = @_;
	return $node->safe_psql('postgres', ($settings // '')
		  . "SELECT outcome, status, class FROM flitmig._http('$server', '$method', '$path', '$body'" . ($more // '') . ")");
}

sub seen
{
	my ($path) = @_;
	my $all = $node->safe_psql('postgres', "SELECT answer FROM flitmig._http('odd', 'GET', '/__seen')");
	return grep { $_->[1] eq $path } @{ decode_json($all) };
}

server('odd', "http://127.0.0.1:$port");
server('nobody', 'http://127.0.0.1:' . $nobody->sockport);
server('mail', "http://127.0.0.1:$raw_port");
server('nowhere', 'https://flitmig.invalid');

is(ask('odd', 'POST', '/ok', '{}'), 'answered|200|stored', 'an answer');
is(ask('odd', 'POST', '/gzip', '{}'), 'answered|200|stored', 'a compressed answer');
is(ask('nobody', 'POST', '/ok', '{}'), 'not_sent||transient', 'nobody listens: nothing was sent');
is(ask('nowhere', 'POST', '/ok', '{}'), 'not_sent||transient', 'no such host: nothing was sent');
like(ask('mail', 'POST', '/ok', '{}'), qr/^(answered\|\|not_twenty|not_sent\|\|transient)$/, 'not a web server');
is(ask('odd', 'POST', '/redirect', '{}'), 'answered|302|not_twenty', 'a redirect is not followed');
is(scalar(seen('/redirect')), 1, '... and costs one request');
is(ask('odd', 'POST', '/huge', '{}', '', "SET flitmig.answer_limit = '2MB';"), 'too_large|200|ambiguous', 'an endless answer is cut off');
is(ask('odd', 'POST', '/bomb', '{}', '', "SET flitmig.answer_limit = '2MB';"), 'too_large|200|ambiguous', '... also one that unpacks to more');
is(ask('odd', 'POST', '/reset', '{}'), 'ambiguous||ambiguous', 'a reset after the request: it may have been applied');
is(scalar(seen('/reset')), 1, '... and it is not sent again');
is(ask('odd', 'POST', '/cut', '{}'), 'ambiguous|200|ambiguous', 'an answer that breaks off');
is(ask('odd', 'POST', '/stall', '{}', '', "SET flitmig.request_timeout = '1s';"), 'ambiguous||ambiguous', 'no answer in time');
is(ask('odd', 'POST', '/drip', '{}', '', "SET flitmig.request_timeout = '1s';"), 'ambiguous|200|ambiguous', 'an answer that never ends, drop by drop');
is(ask('odd', 'GET', '/stall', '', '', "SET flitmig.request_timeout = '1s';"), 'ambiguous||transient', 'a read may be repeated');
is($node->safe_psql('postgres', "SELECT class, retry_after_ms FROM flitmig._http('odd', 'POST', '/later', '{}')"),
	'throttled|7000', 'Retry-After in seconds');
like($node->safe_psql('postgres', "SELECT retry_after_ms FROM flitmig._http('odd', 'POST', '/later-date', '{}')"),
	qr/^(5[5-9]|60)000$/, 'Retry-After as a date');

# curl would send a POST again over a new connection when a kept-alive one ends without an answer.
is(ask('odd', 'POST', '/once', '{}', ', 2'), "answered|200|stored\nambiguous||ambiguous", 'a kept-alive connection that ends: ambiguous');
is(scalar(seen('/once')), 2, '... and the second POST arrived once');
my $big = 'x' x 300_000;
is(ask('odd', 'POST', '/once', $big, ', 2'), "answered|200|stored\nambiguous||ambiguous", '... also with a large body');
is(scalar(seen('/once')), 4, '... once');
append_to_file("$work/file", 'x' x 200_000);
is(ask('odd', 'FILE', '/once', "$work/file", ', 2'), "answered|200|stored\nambiguous||ambiguous", '... also with a file');
is(scalar(seen('/once')), 6, '... once');

# One connection serves one call after the other, and is given up in good time.
is(ask('odd', 'POST', '/kept', '{}', ', 5'), join("\n", ('answered|200|stored') x 5), 'five calls');
my %connections = map { $_->[4] => 1 } seen('/kept');
is(scalar(keys %connections), 1, '... over one connection');

# Files: the key stays with the server's own origin.
is(ask('odd', 'FILE', '/file', "$work/file"), 'answered|200|stored', 'a file in a form');
is(ask('odd', 'PUT', "http://127.0.0.1:$port/put", "$work/file"), 'answered|200|stored', 'a file to an upload URL');
my ($form) = seen('/file');
my ($put) = seen('/put');
is($form->[2], 'Bearer tiger', 'the form carries the key');
cmp_ok($form->[3], '>', 200_000, '... and the whole file');
is($put->[2], undef, 'the upload URL gets no key');
is($put->[3], 200_000, '... but the whole file');
like(ask('odd', 'PUT', "http://127.0.0.1:$port/refuse", "$work/file"), qr/^(answered\|413\|batch_refused|not_sent\|.*\|transient)$/, 'a refusal before the file was sent');

# Several at once, one connection each, and nothing left behind.
is(ask('odd', 'POST', '/slow', '{}', ', 8, 4'), join("\n", ('answered|200|stored') x 8), 'eight calls');
like($node->safe_psql('postgres', "SELECT answer FROM flitmig._http('odd', 'GET', '/__peak')"), qr/^[234]$/, '... several at once, and never more than four');
my $start = time();
like(psql_error($node, "SET statement_timeout = '500ms'; SELECT * FROM flitmig._http('odd', 'POST', '/stall', '{}', 4, 4)"),
	qr/statement timeout/, 'a cancel is heard while waiting');
cmp_ok(time() - $start, '<', 10, '... at once');
ok(wait_until('connections are closed', sub { $node->safe_psql('postgres', "SELECT answer FROM flitmig._http('odd', 'GET', '/__open')") <= 1 }),
	'every connection is closed after an error');

SKIP:
{
	skip 'no openssl', 4 unless $has_tls;
	server('selfmade', "https://127.0.0.1:$tls_port");
	server('trusted', "https://127.0.0.1:$tls_port", ", ca_file '$work/cert.pem'");
	server('other_name', "https://localhost:$tls_port", ", ca_file '$work/cert.pem'");
	server('no_ca', "https://127.0.0.1:$tls_port", ", ca_file '/nowhere/ca.pem'");
	server('no_tls', "https://127.0.0.1:$port");
	is(ask('selfmade', 'POST', '/ok', '{}'), 'tls||not_twenty', 'a certificate that nobody vouches for');
	is(ask('trusted', 'POST', '/tls', '{}'), 'answered|200|stored', '... is fine when the ca_file does');
	is(ask('no_ca', 'POST', '/ok', '{}'), 'tls||not_twenty', 'a ca_file that is not there');
	is(ask('no_tls', 'POST', '/ok', '{}'), 'tls||not_twenty', 'a server that speaks no TLS');
	is(ask('trusted', 'PUT', "http://127.0.0.1:$port/clear", "$work/file"), 'not_sent||transient', 'an https server cannot have files sent in the clear');
	is(scalar(seen('/clear')), 0, '... none was');
}

unlike($node->safe_psql('postgres', "SELECT string_agg(error, ' ') FROM flitmig._http('odd', 'POST', '/reset?token=tiger', '{}', 3)"),
	qr/tiger/, 'no error holds a key or token');
unlike(slurp_file($node->logfile), qr/Bearer/, 'nor does the log');

# ---- the last gate: no change by a filter that lists no ids leaves the machine ----

my $seen_before = scalar(seen('/ok'));
my $id = '11111111-2222-4333-8444-555555555555';
for my $variables ('{}', '{"f": {}}', '{"f": {"id": {}}}', '{"f": {"id": {"in": []}}}', '{"f": {"id": {"in": null}}}', '{"f": {"id": {"in": [null]}}}', '{"f": {"id": {"in": ["not an id"]}}}',
	'{"f": {"id": {"is": "NOT_NULL"}}}', '{"f": {"name": {"eq": "' . $id . '"}}}')
{
	for my $root ('destroyPeople(filter:$f)', 'deletePeople(filter:$f)', 'restorePeople(filter:$f)', 'updatePeople(filter:$f,data:$d)', 'destroyTimelineActivities(filter:$f)')
	{
		my $error = psql_error($node, qq(SELECT * FROM flitmig._http('odd', 'POST', '/ok', \$body\${"query": "mutation(\$f:PersonFilterInput!){$root\{id}}", "variables": $variables}\$body\$)));
		like($error, qr/refused to send a change by a filter that lists no ids/, "$root with $variables stays here");
	}
}
is(scalar(seen('/ok')), $seen_before, 'none of them was seen on the other side');
unlike(psql_error($node, qq(SELECT * FROM flitmig._http('odd', 'POST', '/ok', \$body\${"query": "mutation(\$f:PersonFilterInput!){destroyPeople(filter:\$f){id}}", "variables": {"f": {"id": {"in": ["$id"]}}}}\$body\$))),
	qr/refused to send/, 'one that lists ids may go');
is(scalar(seen('/ok')), $seen_before + 1, 'and goes');

$node->stop;
done_testing();
