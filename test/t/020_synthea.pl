# Synthea's published CSV: counts known by heart, no orphan, no mismatch, and back to the byte.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use Flitmig;
use PostgreSQL::Test::Utils;
use Test::More;

my $data = $ENV{FLITMIG_SYNTHEA} // "$repository/../shared/data/synthea-csv-27";
plan skip_all => "the Synthea set is not there (FLITMIG_SYNTHEA names its directory)" unless -e "$data/patients.csv";

my $node = start_cluster('synthea');
for my $model ('1.17', '2.19')
{
	my $twenty = start_twenty('--model', $model, '--seed-foreign', '20');
	my $name = $model eq '1.17' ? 'syn_old' : 'syn_new';
	connect_twenty($node, $twenty, "crm_$name");
	my $before = dump_of($twenty);
	$node->safe_psql('postgres', "SELECT flitmig_create('$name', 'crm_$name', profile => 'synthea', time_zone => 'America/New_York')");
	$node->safe_psql('postgres', "SELECT * FROM flitmig_import('$name', '$data')");
	$node->safe_psql('postgres', "SELECT flitmig_confirm('$name')");
	sign_off($node, $name);
	$node->safe_psql('postgres', "SELECT * FROM flitmig_run('$name')");

	my %stored = map { split /\|/ } split /\n/, $node->safe_psql('postgres', qq{
		SELECT b.object_map, b.stored + b.unchanged FROM flitmig.balance b WHERE b.migration = '$name'});
	is($stored{patient}, 27, "$model: 27 patients");
	is($stored{provider}, 166, "$model: 166 providers");
	is($stored{organization}, 63, "$model: 63 organizations");
	is($stored{payer}, 9, "$model: 9 payers, NO_INSURANCE is none");
	is($stored{encounter} // $stored{appointment}, 604, "$model: 604 encounters as tasks");
	is($stored{claim}, 1267, "$model: 1,267 claims");
	is($stored{care_plan}, 49, "$model: 49 care plans");
	is($stored{lab_result}, 251, "$model: 251 laboratory observations");
	is(graphql($twenty, 'query { taskTargets { totalCount } }')->{taskTargets}{totalCount} >= 604, 1, "$model: each task has its target");
	is(graphql($twenty, 'query { tasks(filter: { and: [{ sourceSystemId: { neq: "" } }, { or: [{ patientId: { is: NULL } }, { providerId: { is: NULL } }] }] }) { totalCount } }')->{tasks}{totalCount},
		0, "$model: each task has its patient and its provider");
	is($node->safe_psql('postgres', "SELECT count(*) FROM flitmig.finding f JOIN flitmig.migration m ON m.id = f.migration_id WHERE m.name = '$name' AND f.code = 'UNRESOLVED_REFERENCE'"), '0', "$model: no orphan");
	is($node->safe_psql('postgres', "SELECT count(*) FROM flitmig_diff('$name') WHERE verdict IN ('mismatch', 'missing')"), '0', "$model: no mismatch");
	is($node->safe_psql('postgres', "SELECT sum(difference) FROM flitmig.balance WHERE migration = '$name'"), '0', "$model: balance is zero");

	my $writes = scalar @{ writes_of($twenty) };
	$node->safe_psql('postgres', "SELECT * FROM flitmig_run('$name')");
	is(scalar @{ writes_of($twenty) }, $writes, "$model: run again, no call that writes");
	$node->safe_psql('postgres', "SELECT * FROM flitmig_rollback('$name')");
	my $after = dump_of($twenty);
	ok($after eq $before, "$model: rolled back to the byte, timeline and schema included") or diag lines_that_differ($before, $after);
}
done_testing();
