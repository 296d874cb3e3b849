# Wrong key, no key, nobody there, wrong url, not Twenty: a clear error, soon, and nothing changed.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use Flitmig;
use File::Temp qw(tempdir);
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use Test::More;

my $work = tempdir(CLEANUP => 1);
chmod 0755, $work;
open(my $fh, '>', "$work/patients.csv");
print $fh "Patient ID,First Name,Last Name\n1,A,B\n";
close $fh;
my $node = start_cluster('wrong');
my $twenty = start_twenty('--model', '2.19');
my $before = dump_of($twenty);
my $nobody = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'tcp');    # bound, never listening
my $port = $nobody->sockport;

# A web server that is not Twenty: says hello to everything.
my $web = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 16, ReuseAddr => 1) or die $!;
my $web_port = $web->sockport;
my $web_pid = fork();
if ($web_pid == 0)
{
	while (my $client = $web->accept)
	{
		sysread($client, my $request, 65536);
		print $client "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 14\r\nConnection: close\r\n\r\n<h1>hello</h1>";
		close $client;
	}
	exit 0;
}

my @cases = (
	[ 'wrong_key', $twenty->{url}, "api_key 'wrong'", qr/does not accept the API key/, qr/ALTER USER MAPPING/ ],
	[ 'nobody', "http://127.0.0.1:$port", "api_key 'x'", qr/could not be reached/, qr/goes on from here/ ],
	[ 'wrong_path', "$twenty->{url}/app", "api_key '$twenty->{key}'", qr/is not Twenty/, qr/ALTER SERVER/ ],
	[ 'web', "http://127.0.0.1:$web_port", "api_key 'x'", qr/is not Twenty/, qr/ALTER SERVER/ ]);

for my $case (@cases)
{
	my ($name, $url, $mapping, $message, $hint) = @$case;
	$node->safe_psql('postgres', "CREATE SERVER $name FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url '$url')");
	$node->safe_psql('postgres', "CREATE USER MAPPING FOR CURRENT_USER SERVER $name OPTIONS ($mapping)");
	$node->safe_psql('postgres', "SELECT flitmig_create('$name', '$name'); SELECT * FROM flitmig_import('$name', '$work/patients.csv'); SELECT flitmig_confirm('$name')");
	my $error = psql_error($node, "SET statement_timeout = '5s'; SELECT * FROM flitmig_preflight('$name')");
	like($error, $message, "$name: says what is wrong");
	like($error, $hint, "$name: and what to do");
	unlike($error, qr/\Q$twenty->{key}\E/, "$name: without the key");
	like(psql_error($node, "SELECT * FROM flitmig_prepare('$name')"), $message, "$name: prepare says the same");
}
$node->safe_psql('postgres', "CREATE SERVER no_key FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url '$twenty->{url}')");
$node->safe_psql('postgres', "SELECT flitmig_create('no_key', 'no_key')");
like(psql_error($node, "SELECT * FROM flitmig_preflight('no_key')"), qr/user mapping.*CREATE USER MAPPING/s, 'no key: says how to give one');
ok(dump_of($twenty) eq $before, 'nothing changed');
kill 'TERM', $web_pid;
waitpid($web_pid, 0);
done_testing();
