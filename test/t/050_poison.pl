# One bad record in a batch of 200 ends alone in quarantine with the server's reason; the others are stored.
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
mkdir "$work/export";
open(my $fh, '>', "$work/export/patients.csv");
print $fh "Patient ID,First Name,Last Name,Email\n";
print $fh "$_,Given$_,Family$_,p$_\@example.org\n" for 1 .. 200;
close $fh;

my $node = start_cluster('poison');
my $twenty = start_twenty('--model', '2.19');
connect_twenty($node, $twenty);

# Somebody in Twenty has the e-mail of one of them, without being that patient.
graphql($twenty, 'mutation { createPeople(data: [{ emails: { primaryEmail: "p77@example.org" } }]) { id } }');
$node->safe_psql('postgres', "SELECT flitmig_create('clinic', 'crm'); SELECT * FROM flitmig_import('clinic', '$work/export'); SELECT flitmig_confirm('clinic')");
$node->safe_psql('postgres', "SELECT * FROM flitmig_sample('clinic', 1)");
$node->safe_psql('postgres', "SELECT flitmig_sign_off('clinic', 'ok')");
my $row = $node->safe_psql('postgres', "SELECT quarantined FROM flitmig_run('clinic') WHERE object = 'patient'");
is($row, '1', 'one is set aside');
is($node->safe_psql('postgres', "SELECT r.source_key FROM flitmig.quarantine q JOIN flitmig.record r ON r.id = q.id"), '77', 'the right one');
like($node->safe_psql('postgres', 'SELECT reason FROM flitmig.quarantine'), qr/duplicate/i, "with the server's reason");
is($node->safe_psql('postgres', "SELECT count(*) FROM flitmig.base"), '199', 'the other 199 are stored');
is($node->safe_psql('postgres', "SELECT sum(difference) FROM flitmig.balance"), '0', 'balance is zero');

# Mended in Twenty, it goes with the next run.
my $holder = graphql($twenty, 'query { people(filter: { emails: { primaryEmail: { eq: "p77@example.org" } } }) { edges { node { id } } } }')->{people}{edges}[0]{node}{id};
graphql($twenty, 'mutation($id: UUID!) { updatePerson(id: $id, data: { emails: { primaryEmail: "other@example.org" } }) { id } }', { id => $holder });
is($node->safe_psql('postgres', "SELECT flitmig_retry('clinic')"), '1', 'flitmig_retry takes it out of quarantine');
is($node->safe_psql('postgres', "SELECT created FROM flitmig_run('clinic') WHERE object = 'patient'"), '1', 'and the next run stores it');
done_testing();
