# A delta that holds only what changed: what it points at was stored from an earlier export and stays tied.
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
export_to("$work/first", [ map { "$_,Given$_,Family$_" } 1 .. 5 ], [ map { "A$_,$_,Visit,Scheduled,01/1$_/2026 09:30,30" } 1 .. 5 ]);
export_to("$work/second", ['2,Given2,Married2'], [ 'A4,4,Visit,Completed,01/14/2026 09:30,30', 'A6,3,Visit,Scheduled,02/01/2026 10:00,30' ]);

my $node = start_cluster('partial');
my $twenty = start_twenty('--model', '2.19');
connect_twenty($node, $twenty);
migrate_up_to($node, 'clinic', "$work/first");
sign_off($node, 'clinic');
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");
$node->safe_psql('postgres', "SELECT * FROM flitmig_import('clinic', '$work/second')");
is($node->safe_psql('postgres', "SELECT created, updated, quarantined, conflicts FROM flitmig_run('clinic') WHERE object = 'TOTAL'"),
	'2|2|0|0', 'one visit and its target are new, one patient and one visit changed');
is(graphql($twenty, 'query { tasks(filter: { patientId: { is: NULL } }) { totalCount } }')->{tasks}{totalCount}, 0, 'every visit is still tied to its patient');
is(graphql($twenty, 'query { people { totalCount } }')->{people}{totalCount} >= 5, 1, 'patients that the delta does not name stay');
is(graphql($twenty, 'query { people(filter: { name: { lastName: { eq: "Married2" } } }) { totalCount } }')->{people}{totalCount}, 1, 'the one it changes is changed');
is($node->safe_psql('postgres', "SELECT count(*) FROM flitmig.finding WHERE code = 'UNRESOLVED_REFERENCE'"), '0', 'nothing is reported missing');
is($node->safe_psql('postgres', "SELECT sum(difference) FROM flitmig.balance"), '0', 'balance is zero');

sub export_to
{
	my ($dir, $patients, $appointments) = @_;
	mkdir $dir;
	open(my $p, '>', "$dir/patients.csv");
	print $p join("\n", 'Patient ID,First Name,Last Name', @$patients), "\n";
	close $p;
	open(my $a, '>', "$dir/appointments.csv");
	print $a join("\n", 'Appointment ID,Patient ID,Type,Status,Start,Duration', @$appointments), "\n";
	close $a;
}
done_testing();
