# What flitmig_plan foretells is what the run then takes, in records and calls, within a tenth: first run and delta, on both models.
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
generate_clinic("$work/export", '--patients', '300', '--seed', '17');
generate_clinic("$work/later", '--patients', '300', '--seed', '17', '--delta');
my $node = start_cluster('forecast');

for my $model ('1.17', '2.19')
{
	my $twenty = start_twenty('--model', $model, '--calls-per-minute', '1000');
	my $clinic = $model eq '1.17' ? 'clinic_old' : 'clinic_new';
	connect_twenty($node, $twenty, "crm_$clinic");
	$node->safe_psql('postgres', "SELECT flitmig_create('$clinic', 'crm_$clinic', time_zone => 'America/New_York', date_order => 'MDY')");
	$node->safe_psql('postgres', "SELECT * FROM flitmig_import('$clinic', '$work/export')");
	$node->safe_psql('postgres', "SELECT flitmig_confirm('$clinic')");
	sign_off($node, $clinic, 100);
	compare($clinic, "$model: first run");
	$node->safe_psql('postgres', "SELECT * FROM flitmig_import('$clinic', '$work/later')");
	compare($clinic, "$model: delta");
}

# Plans, runs, compares: per object what is sent, in all what is called.
sub compare
{
	my ($clinic, $what) = @_;
	my $forecast = $node->safe_psql('postgres', "SELECT object, action, records FROM flitmig_plan('$clinic') WHERE step = 'records' AND action IN ('create', 'update') AND records > 0 ORDER BY 1, 2");
	my ($records, $calls) = split /\|/, $node->safe_psql('postgres', "SELECT records, calls FROM flitmig_plan('$clinic') WHERE step = 'TOTAL'");
	$node->safe_psql('postgres', "SELECT * FROM flitmig_run('$clinic')");
	my $taken = $node->safe_psql('postgres', qq{
		SELECT o.name, b.kind, sum(b.stored) FROM flitmig.batch b JOIN flitmig.object_map o ON o.id = b.object_map_id
		WHERE b.run_id = (SELECT max(id) FROM flitmig.run) AND b.kind IN ('create', 'update') AND b.phase !~ '^deferred' GROUP BY 1, 2 HAVING sum(b.stored) > 0 ORDER BY 1, 2});
	# Calls that take a token: those at /graphql.
	my ($sent, $called) = split /\|/, $node->safe_psql('postgres', qq{
		SELECT coalesce(sum(b.stored) FILTER (WHERE b.kind IN ('create', 'update')), 0),
			count(*) FILTER (WHERE b.kind IN ('create', 'update', 'read', 'timeline', 'trash') OR b.kind = 'upload' AND flitmig._upload_dialect(b.migration_id) = 'path')
		FROM flitmig.batch b WHERE b.run_id = (SELECT max(id) FROM flitmig.run)});
	note "$what: $records records and $calls calls foretold, $sent and $called taken";
	is($taken, $forecast, "$what: records per object");
	cmp_ok(abs($sent - $records), '<=', 0.1 * $sent, "$what: records in all");
	cmp_ok(abs($called - $calls), '<=', 0.1 * $called, "$what: calls");
}
done_testing();
