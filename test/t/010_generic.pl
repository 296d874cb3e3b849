# A generated clinic of 300 patients goes into Twenty and back out, on both models, at the default call limit.
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
my $export = "$work/export";
my $manifest = generate_clinic($export, '--patients', '300', '--seed', '11');
my @members = @{ $manifest->{members} };
my $node = start_cluster('generic');

for my $model ('1.17', '2.19')
{
	note "model $model";
	my $twenty = start_twenty('--model', $model, '--calls-per-minute', '100', '--members', join(',', @members), '--seed-foreign', '50');
	my $clinic = $model eq '1.17' ? 'clinic_old' : 'clinic_new';
	my $server = "crm_$clinic";
	connect_twenty($node, $twenty, $server);
	my $before = dump_of($twenty);

	$node->safe_psql('postgres', "SELECT flitmig_create('$clinic', '$server', time_zone => 'America/New_York', date_order => 'MDY', default_owner => '$members[0]')");
	$node->safe_psql('postgres', "SELECT * FROM flitmig_import('$clinic', '$export')");
	is($node->safe_psql('postgres', 'SELECT sum(difference) FROM flitmig.file_balance'), '0', "$model: every row of every file is staged or rejected");
	$node->safe_psql('postgres', "SELECT flitmig_confirm('$clinic')");
	like(psql_error($node, "SELECT * FROM flitmig_run('$clinic')"), qr/not signed off/, "$model: nothing moves unseen");
	sign_off($node, $clinic);
	my $total = $node->safe_psql('postgres', "SELECT quarantined || ' ' || conflicts FROM flitmig_run('$clinic') WHERE object = 'TOTAL'");
	is($total, '0 0', "$model: nothing refused, no conflict");

	is($node->safe_psql('postgres', "SELECT coalesce(sum(difference), 0) FROM flitmig.balance WHERE migration = '$clinic'"), '0', "$model: balance is zero");
	is($node->safe_psql('postgres', "SELECT count(*) FROM flitmig.diff d JOIN flitmig.migration m ON m.id = d.migration_id WHERE m.name = '$clinic' AND verdict <> 'normalised'"), '0', "$model: no field differs from what was sent");
	my $counts = counts($twenty);
	my $expected = $manifest->{expected};
	my $people = $expected->{patients} + $expected->{providers};
	is($counts->{people}, $people + $counts->{foreign_people}, "$model: every patient and provider is a person");
	is($counts->{tasks}, $expected->{appointments} + $counts->{foreign_tasks}, "$model: every appointment is a task");
	is($counts->{billingClaims}, $expected->{billingClaims}, "$model: claims");
	is($counts->{carePlans}, $expected->{carePlans}, "$model: care plans");
	is($counts->{carePlanItems}, $expected->{carePlanItems}, "$model: care plan items");
	is($counts->{labResults}, $expected->{labResults}, "$model: lab results");
	is_deeply(uploaded($twenty), sent_files($node, $clinic), "$model: the bytes of every file arrived");

	my $writes = scalar @{ writes_of($twenty) };
	$node->safe_psql('postgres', "SELECT * FROM flitmig_run('$clinic')");
	is(scalar @{ writes_of($twenty) }, $writes, "$model: a second run writes nothing");

	$node->safe_psql('postgres', "SELECT * FROM flitmig_rollback('$clinic')");
	my $after = dump_of($twenty);
	ok($after eq $before, "$model: rolled back, Twenty is what it was, byte for byte") or diag lines_that_differ($before, $after);
}

# Records by object, from the dump; foreign ones counted before anything was sent.
sub counts
{
	my ($twenty) = @_;
	my %count;
	for my $root (qw(people tasks billingClaims carePlans carePlanItems labResults))
	{
		$count{$root} = graphql($twenty, "query { $root { totalCount } }")->{$root}{totalCount};
	}
	$count{foreign_people} = foreign($twenty, 'people');
	$count{foreign_tasks} = foreign($twenty, 'tasks');
	return \%count;
}

# Foreign records carry no source id of ours.
sub foreign
{
	my ($twenty, $root) = @_;
	return graphql($twenty, "query { $root(filter: { or: [{ sourceSystemId: { is: NULL } }, { sourceSystemId: { eq: \"\" } }] }) { totalCount } }")->{$root}{totalCount};
}

sub uploaded
{
	my ($twenty) = @_;
	my @sums = dump_of($twenty) =~ /"sha256":\s*"([0-9a-f]{64})"/g;
	return [ sort @sums ];
}

sub sent_files
{
	my ($node, $clinic) = @_;
	my $list = $node->safe_psql('postgres', qq{
		SELECT encode(f.sha256, 'hex') FROM flitmig.record r
		JOIN flitmig.migration m ON m.id = r.migration_id AND m.name = '$clinic'
		JOIN flitmig.source_file f ON f.migration_id = m.id AND f.name = r.file_path
		WHERE r.state = 'mapped' AND r.file_path IS NOT NULL ORDER BY 1});
	return [ sort split /\n/, $list ];
}

done_testing();
