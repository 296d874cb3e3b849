# What is easily forgotten: answers lost to a crash, restores that did not arrive, maps and files that vanished, gates walked around.
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
write_lines("$work/export/providers.csv", 'Provider ID,Name,Role', map { "D$_,Dr. Ann Doc$_,Provider" } 1 .. 2);
patients('Town');
write_lines("$work/export/appointments.csv", 'Appointment ID,Patient ID,Provider ID,Type,Status,Start,Duration', map { "A$_,$_,D1,Visit,Scheduled,01/15/2026 09:30,30" } 1 .. 20);
write_lines("$work/export/documents.csv", 'Document ID,Patient ID,Note ID,File Name,Path,Title,Content Type,Uploaded At', map { "F$_,$_,,f$_.txt,documents/f$_.txt,Letter,text/plain,2026-01-0$_ 10:00:00" } 1 .. 8);
write_lines("$work/export/documents/f$_.txt", "letter $_") for 1 .. 8;

my $node = start_cluster('dark', conf => "flitmig.request_timeout = '1s'\n");
my $twenty = start_twenty('--model', '2.19');
connect_twenty($node, $twenty);
my $before = dump_of($twenty);
migrate_up_to($node, 'clinic', "$work/export");

# The gate stands in the worker too.
like(psql_error($node, "SELECT flitmig._work(m.id, 'run', true, 0, 0, false, false) FROM flitmig.migration m"), qr/not signed off/, 'the gate cannot be walked around');
sign_off($node, 'clinic', 10);
my $sample = $node->safe_psql('postgres', "SELECT max(id) FROM flitmig.run WHERE kind = 'sample'");

# A file that vanished since the import: its attachment is set aside, everything else moves.
my $vanished = $node->safe_psql('postgres', "SELECT r.file_path FROM flitmig.record r WHERE r.file_path IS NOT NULL AND NOT EXISTS (SELECT FROM flitmig.base b WHERE b.id = r.id) ORDER BY 1 LIMIT 1");
like($vanished, qr/^documents/, 'some file has not gone up with the sample');
unlink "$work/export/$vanished";
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");
is($node->safe_psql('postgres', "SELECT count(*) FROM flitmig.quarantine WHERE kind = 'file' AND code = 'FILE_MISSING'"), '1', 'a vanished file costs its attachment, not the run');
is($node->safe_psql('postgres', 'SELECT sum(difference) FROM flitmig.balance'), '0', 'balance is zero');
like(psql_error($node, "SELECT * FROM flitmig_rollback('clinic', run => $sample)"), qr/cannot be rolled back alone.*point at records/s, 'a run that others build on is not taken back alone');

# An update arrives, its answer does not, and the worker dies: no conflict, no record taken for a person's.
patients('City');
$node->safe_psql('postgres', "SELECT * FROM flitmig_import('clinic', '$work/export')");
http_post($twenty, '/__faults', encode_json([ { on => 'createPeople', nth => 1, fault => 'apply-then-timeout', ms => 20000 } ]));
$node->safe_psql('postgres', "SET flitmig.request_timeout = '60s'; SELECT * FROM flitmig_run('clinic', wait => false)");
wait_until('the server has the update', sub { decode_json(http_get($twenty, '/__faults'))->[0]{struck} > 0 });
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'flitmig worker'");
wait_until('the worker is gone', sub { $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'flitmig worker'") == 0 });
http_post($twenty, '/__faults', '[]');
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");
is($node->safe_psql('postgres', 'SELECT count(*) FROM flitmig.conflict'), '0', 'an update in the dark is no conflict');
patients('Village');
$node->safe_psql('postgres', "SELECT * FROM flitmig_import('clinic', '$work/export')");
is($node->safe_psql('postgres', "SELECT updated, conflicts FROM flitmig_run('clinic') WHERE object = 'patient'"), '20|0', 'nor is the next delta');
my $delta = $node->safe_psql('postgres', "SELECT max(id) FROM flitmig.run WHERE kind = 'delta'");

# A restore whose call did not arrive is made again.
http_post($twenty, '/__faults', encode_json([ { on => 'createPeople', nth => 1, fault => 'reset-before' } ]));
is($node->safe_psql('postgres', "SELECT restored, kept FROM flitmig_rollback('clinic', run => $delta) WHERE object = 'patient'"), '20|0', 'a lost restore is made again');
is(cities(), 'City', 'and Twenty holds what it held before that run');
http_post($twenty, '/__faults', encode_json([ { on => 'createPeople', nth => 1, fault => 'reset-after' } ]));
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");
is(cities(), 'Village', 'the next run sends it again');
http_post($twenty, '/__faults', '[]');

# The map of some records is gone from the mapping: rollback knows them all the same.
$node->safe_psql('postgres', "DELETE FROM flitmig.object_map WHERE name IN ('document', 'appointment_patient')");
$node->safe_psql('postgres', "SELECT * FROM flitmig_rollback('clinic')");
my $after = dump_of($twenty);
ok($after eq $before, 'rolled back to the byte, records without a map included') or diag lines_that_differ($before, $after);
is($node->safe_psql('postgres', 'SELECT count(*) FROM flitmig.undo WHERE undone_by IS NULL'), '0', 'nothing is left in the undo log');

sub patients
{
	my ($town) = @_;
	write_lines("$work/export/patients.csv", 'Patient ID,First Name,Last Name,Email,Address 1,City,Primary Provider ID', map { "$_,Given$_,Family$_,p$_\@example.org,$_ Main St,$town,D2" } 1 .. 20);
}

# The cities of all patients in Twenty, each once.
sub cities
{
	my %city;
	$city{ $_->{node}{homeAddress}{addressCity} }++
	  for @{ graphql($twenty, 'query { people(filter: { clinicRole: { eq: PATIENT } }, first: 100) { edges { node { homeAddress { addressCity } } } } }')->{people}{edges} };
	return join ',', sort keys %city;
}
done_testing();
