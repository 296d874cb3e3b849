# A rollback of one run or of all: the dry run tells exactly what then happens; what a person has changed is kept and listed; force takes it too.
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
write_lines("$work/export/providers.csv", 'Provider ID,Name,Role', 'D1,Dr. Ann Doc,Provider');
export_of('Town', 1 .. 10);
my $node = start_cluster('rollback', conf => "flitmig.late_window = '1s'\n");
my $twenty = start_twenty('--model', '2.19', '--seed-foreign', '8');
connect_twenty($node, $twenty);
my $before = dump_of($twenty);
my $hand = graphql($twenty, 'mutation($d: PersonCreateInput!) { createPerson(data: $d) { id } }',
	{ d => { name => { firstName => 'Given1', lastName => 'Byhand' }, emails => { primaryEmail => 'p1@example.org' } } })->{createPerson}{id};
migrate_up_to($node, 'clinic', "$work/export");
$node->safe_psql('postgres', "UPDATE flitmig.object_map SET adopt = '{emails.primaryEmail}' WHERE name = 'patient'; SELECT flitmig_confirm('clinic')");
sign_off($node, 'clinic', 5);
run();
export_of('City', 1 .. 14);
import_and_run();
my $second = last_run();
export_of('Village', 1 .. 14);
import_and_run();
my $third = last_run();

like(psql_error($node, "SELECT * FROM flitmig_rollback('clinic', run => $second)"), qr/cannot be rolled back alone.*Run $third changed 10 of the records/s, 'a run whose records a later one changed once more is not taken back alone');
like(psql_error($node, "SELECT * FROM flitmig_rollback('clinic', run => $second, dry_run => true)"), qr/cannot be rolled back alone/, 'the dry run says so, too');
is(psql_error($node, "SELECT * FROM flitmig_rollback('clinic', run => 4711)") =~ /has no run 4711/ ? 1 : 0, 1, 'a run that is not there');

# one run
person($_->[0], $_->[1]) for ([ 'P3', { homeAddress => { addressCity => 'Hamlet' } } ], [ 'P4', { jobTitle => 'Baker' } ]);
is(told_and_done("run => $third"), "patient|0|13|1|changed in Twenty since it was stored", 'one run: told and done');
is(city('P3') . ' ' . city('P5') . ' ' . city('P12'), 'Hamlet City City', 'its updates are taken back, a hand\'s value stays');
is($node->safe_psql('postgres', "SELECT r.source_key || ': ' || i.why FROM flitmig.rollback_item i JOIN flitmig.record r USING (migration_id, id) WHERE i.state = 'kept' ORDER BY 1"),
	"P3: changed in Twenty since it was stored\nP3: changed in Twenty since it was stored", 'kept records are listed');
is(told_and_done("run => $third, force => true"), "patient|0|1|0|", 'forced, it too');
is(city('P3'), 'City', 'what was there before');
is(told_and_done("run => $second"), "appointment_patient|4|0|0|\nappointment|4|0|0|\npatient|4|10|0|", 'a run that created and updated: told and done');
is(tasks(), '10 8', 'its creates are gone, not those of the first run');

# everything, with somebody's data in what we made
graphql($twenty, 'mutation($d: PersonCreateInput!) { createPerson(data: $d) { id } }', { d => { name => { firstName => 'New' }, middleName => 'Foreign', accountBalance => { amountMicros => 0, currencyCode => 'USD' }, consentOnFile => JSON::PP::true } });
graphql($twenty, 'mutation($d: BillingClaimCreateInput!) { createBillingClaim(data: $d) { id } }', { d => { name => 'by hand' } });
graphql($twenty, 'mutation($d: TaskCreateInput!) { createTask(data: $d) { id } }', { d => { title => 'by hand', status => 'NO_SHOW' } });
my $all = told_and_done('');
like($all, qr/^patient\|7\|1\|2\|changed/m, 'everything: the adopted is restored, the touched kept');
like($all, qr/^schema\|\d+\|0\|\d+\|.*task\.status/m, 'and what holds somebody\'s data of the schema');
like($all, qr/^schema.*person\.middleName/m, 'fields');
like($all, qr/^schema.*billingClaim/m, 'objects');
unlike($all, qr/^schema.*person\.insuranceId/m, 'but no more');
my $rest = told_and_done('force => true');
like($rest, qr/^patient\|2\|0\|0\|$/m, 'forced: the touched ones');
done_testing();

# What the dry run tells and then the real one does; returns it, or the difference.
sub told_and_done
{
	my ($options) = @_;
	my $call = sub { return $node->safe_psql('postgres', "SELECT object, destroyed, restored, kept, translate(why, chr(10), ' ') FROM flitmig_rollback('clinic'" . join('', map { ", $_" } grep { $_ } $options, @_) . ")"); };
	my $writes = @{ writes_of($twenty) };
	my $told = $call->('dry_run => true');
	is(scalar @{ writes_of($twenty) }, $writes, 'a dry run writes nothing');
	my $done = $call->();
	is($told, $done, "told is done: $options");
	return join "\n", grep { !/^schema\|0\|0\|0/ } split /\n/, $done;
}

sub export_of
{
	my ($town, @who) = @_;
	write_lines("$work/export/patients.csv", 'Patient ID,First Name,Last Name,Email,Address 1,City,Middle Name,Consent', map { "P$_,Given$_,Family$_,p$_\@example.org,$_ Main St,$town,M$_,Yes" } @who);
	write_lines("$work/export/appointments.csv", 'Appointment ID,Patient ID,Provider ID,Type,Status,Start,Duration', map { "A$_,P$_,D1,Visit,No show,01/15/2026 09:30,30" } @who);
}

sub run { $node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')"); }
sub last_run { return $node->safe_psql('postgres', 'SELECT max(id) FROM flitmig.run'); }

sub import_and_run
{
	$node->safe_psql('postgres', "SELECT * FROM flitmig_import('clinic', '$work/export')");
	run();
}

sub id_of
{
	my ($key) = @_;
	return $node->safe_psql('postgres', "SELECT r.id FROM flitmig.record r JOIN flitmig.object_map o ON o.id = r.object_map_id WHERE o.name = 'patient' AND r.source_key = '$key'");
}

# A person edits a patient.
sub person
{
	my ($key, $data) = @_;
	graphql($twenty, 'mutation($id: UUID!, $d: PersonUpdateInput!) { updatePerson(id: $id, data: $d) { id } }', { id => id_of($key), d => $data });
}

sub city
{
	my ($key) = @_;
	return graphql($twenty, 'query($id: UUID!) { person(filter: { id: { eq: $id } }) { homeAddress { addressCity } } }', { id => id_of($key) })->{person}{homeAddress}{addressCity};
}

# Ours, and somebody else's.
sub tasks
{
	my $ours = graphql($twenty, 'query { tasks(filter: { sourceSystemId: { ilike: "A%" } }) { totalCount } }')->{tasks}{totalCount};
	return "$ours " . (graphql($twenty, 'query { tasks { totalCount } }')->{tasks}{totalCount} - $ours);
}
