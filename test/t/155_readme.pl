# What the README tells people to type works as it is written: its guide from install to rollback, its how-tos, its table for three in the morning.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use Flitmig;
use File::Temp qw(tempdir);
use IO::Compress::Zip qw(zip $ZipError);
use PostgreSQL::Test::Utils;
use Test::More;

my $work = tempdir(CLEANUP => 1);
chmod 0755, $work;
generate_clinic("$work/export", '--patients', '300', '--seed', '41');
generate_clinic("$work/later", '--patients', '300', '--seed', '41', '--delta');
my $twenty = start_twenty('--model', '2.19', '--calls-per-minute', '2000');
my $node = start_cluster('readme');
append_to_file("$work/key", $twenty->{key});
chmod 0600, "$work/key";

# The reader's own names in place of the README's.
my @own = (
	[ 'https://crm.example.com', $twenty->{url} ],
	[ '/etc/flitmig/key', "$work/key" ],
	[ '/srv/export-later', "$work/later" ],
	[ '/srv/export', "$work/export" ],
	[ 'flitmig-report.html', "$work/report.html" ],
	[ 'person.csv', "$work/person.csv" ],
	[ 's.born', 's.date_of_birth' ],
	[ 'patients.born', 'patients.date_of_birth' ],
	[ '\lo_import export.zip', "\\lo_import $work/export.zip" ],
	[ '\watch 2', '\g' ]);
zip([ glob("$work/export/*.csv") ] => "$work/export.zip", CanonicalName => 1, FilterName => sub { s!.*/!! }) or die $ZipError;

# Blocks of SQL and SQL within a line, by section.
my (%section, $name, $block);
for (split /\n/, slurp_file("$repository/README.md"))
{
	last if /<!-- reference: begin/;
	if (defined $block)
	{
		if (/^```/) { push @{ $section{$name} }, $block; undef $block; }
		else { $block .= "$_\n"; }
	}
	elsif (/^#+ (.*)/) { $name = $1; }
	elsif (/^```sql/) { $block = ''; }
	else
	{
		# a whole statement, with nothing left out
		push @{ $section{$name} }, grep { !/…/ } /`((?:SELECT|UPDATE|ALTER|SET|VACUUM|\\lo_import)\b[^`]*?(?:;|\\watch 2|\.zip))`/g;
	}
}

# From the client's own machine it is imported in another session, at the end.
my @from_client = grep { /LASTOID|lo_import/ } @{ $section{Import} };
$section{Import} = [ grep { !/LASTOID|lo_import/ } @{ $section{Import} } ];

# Types all of a section; returns what psql showed.
sub type_section
{
	my ($wanted, $database) = @_;
	my $sections = join ', ', sort keys %section;
	my $shown = '';
	ok(exists $section{$wanted}, "the README has commands under \"$wanted\"") or diag("there are: $sections");
	for my $text (@{ $section{$wanted} // [] })
	{
		$text =~ s/\Q$_->[0]\E/$_->[1]/g for @own;
		my ($rc, $out, $err) = $node->psql('postgres', $text);
		is($rc, 0, "$wanted: " . join(' ', split /\s+/, substr($text, 0, 70))) or diag($err);
		$shown .= "$out\n";
	}
	return $shown;
}

sub value { return $node->safe_psql('postgres', $_[0]); }

$node->safe_psql('postgres', 'DROP EXTENSION flitmig');
my $before = dump_of($twenty);

# ---- ten minutes ----

type_section('Install');
like(value("SELECT flitmig_help()"), qr/CREATE SERVER/, 'help tells the next step');
type_section('Connect');
like(value("SELECT flitmig_help()"), qr/flitmig_create/, 'help tells the next step');
like(type_section('Import'), qr/patients\.csv/, 'files are listed');
like(type_section('Look'), qr/TOTAL/, 'there is a plan');
type_section('Sample');
my $run = type_section('Run');
like($run, qr/^TOTAL\|/m, 'the run reports');
is(value("SELECT sum(difference) FROM flitmig.balance"), 0, 'and nothing is missing');
type_section('Delta');
is(value("SELECT kind FROM flitmig.run WHERE state = 'done' ORDER BY id DESC LIMIT 1"), 'delta', 'the second run is a delta');
is(value("SELECT sum(difference) FROM flitmig.balance"), 0, 'and nothing is missing');

# ---- how to, while there is something to look at ----

$node->safe_psql('postgres', 'CREATE ROLE dana LOGIN; CREATE ROLE manager LOGIN');
type_section('… let others do it, or watch');
is($node->safe_psql('postgres', 'SELECT count(*) FROM flitmig_status()', extra_params => [ '-U', 'manager' ]), 1, 'a viewer watches');
like(psql_error($node, "SELECT * FROM flitmig_run('clinic')"), qr/four eyes/, 'with four eyes the gate is closed');
$node->safe_psql('postgres', "UPDATE flitmig.migration SET options = options - 'four_eyes'");
# pg_cron runs each command in a connection of its own.
$node->safe_psql('postgres', q{CREATE SCHEMA cron; CREATE TABLE cron.job (command text); CREATE TABLE cron.job_run_details (command text, status text, start_time timestamptz);
	CREATE FUNCTION cron.schedule(name text, schedule text, command text) RETURNS bigint LANGUAGE sql AS 'INSERT INTO cron.job VALUES ($3); SELECT 1::bigint'});
type_section('… take a delta every night');
my @jobs = split /\n/, value('SELECT command FROM cron.job');
is(scalar @jobs, 2, 'two jobs');
for my $job (@jobs)
{
	my ($rc, $out, $err) = $node->psql('postgres', $job);
	is($rc, 0, "as a job: $job") or diag($err);
}
type_section('… be told how it goes');
type_section('… move a big practice');
type_section('… go without the API');
like(slurp_file("$work/person.csv"), qr/First Name/, 'a CSV for the import page');
type_section('… prove what happened');
type_section('At three in the morning');
is(value("SELECT count(*) FROM flitmig_audit_verify()"), 0, 'the audit is unbroken');

# ---- and back ----

type_section('Report, or back');
like(slurp_file("$work/report.html"), qr{<html.*</html>}s, 'a report');
is(dump_of($twenty), $before, 'Twenty is as it was');

type_section('… be done');
is(value("SELECT count(*) FROM flitmig.migration"), 0, 'everything is gone');

# ---- a mapping of one's own ----

is(scalar @from_client, 2, 'two commands to import from the client');
$section{client} = [ "SELECT flitmig_create('clinic', 'crm');\n" . join("\n", @from_client) ];
like(type_section('client'), qr/patients\.csv\|[1-9]/, 'an archive from the client');
$node->safe_psql('postgres', "SELECT flitmig_drop('clinic')");

my ($begin, @rest) = @{ $section{'… map an export that no profile knows'} };
$section{own} = [$begin];
type_section('own');
my $hash = value("SELECT flitmig_confirm('clinic')");
$section{own} = \@rest;
type_section('own');
ok(value("SELECT flitmig_confirm('clinic')") =~ /^[0-9a-f]{64}$/, 'a changed mapping is confirmed');
done_testing();
