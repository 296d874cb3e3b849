# A later export of the same clinic: only what changed is sent; what a person changed in Twenty meanwhile stays.
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
my $manifest = generate_clinic("$work/first", '--patients', '300', '--seed', '5');
my $later = generate_clinic("$work/second", '--patients', '300', '--seed', '5', '--delta');
my $node = start_cluster('delta');
my $twenty = start_twenty('--model', '2.19', '--members', join(',', @{ $manifest->{members} }));
connect_twenty($node, $twenty);
my $before = dump_of($twenty);
migrate_up_to($node, 'clinic', "$work/first");
sign_off($node, 'clinic');
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");

# A person edits by hand: one patient that the delta changes too, in the same field; and one field that it does not touch.
my @phone_changed = grep { grep { $_ eq 'Mobile Phone' } @{ $later->{delta}{changedColumns}{patients}{$_} } } sort keys %{ $later->{delta}{changedColumns}{patients} };
my $both = $phone_changed[0];
ok(defined $both, 'the delta changes a phone') or BAIL_OUT('the generator has no changed phone');
my $both_id = record_id($both);
graphql($twenty, 'mutation($id: UUID!, $data: PersonUpdateInput!) { updatePerson(id: $id, data: $data) { id } }',
	{ id => $both_id, data => { phones => { primaryPhoneNumber => '2125559876', primaryPhoneCountryCode => 'US', primaryPhoneCallingCode => '+1' } } });
my $hand = phone_of($both_id);
# And one that the delta changes, in a field that is not ours: the delta's own write must not hide it from the rollback.
my $noted_id = record_id($phone_changed[1]);
graphql($twenty, 'mutation($id: UUID!, $data: PersonUpdateInput!) { updatePerson(id: $id, data: $data) { id } }', { id => $noted_id, data => { jobTitle => 'Noted by hand' } });

my $writes = scalar @{ writes_of($twenty) };
$node->safe_psql('postgres', "SELECT * FROM flitmig_import('clinic', '$work/second')");
my $report = $node->safe_psql('postgres', "SELECT object, created, updated, quarantined, conflicts FROM flitmig_run('clinic') WHERE object IN ('patient', 'TOTAL') ORDER BY object");
note $report;
is($node->safe_psql('postgres', 'SELECT kind FROM flitmig.run ORDER BY id DESC LIMIT 1'), 'delta', 'the run is labelled delta');
is(phone_of($both_id), $hand, "the hand's value stays");
is($node->safe_psql('postgres', "SELECT field || ' ' || kind FROM flitmig.conflict WHERE id = '$both_id'"), 'phones both', 'and is reported as a conflict with both values');
is($node->safe_psql('postgres', "SELECT count(*) FROM flitmig.conflict WHERE kind = 'both'"), '1', 'no other conflict');
is($node->safe_psql('postgres', "SELECT sum(difference) FROM flitmig.balance WHERE migration = 'clinic'"), '0', 'balance is zero');

# Only changed rows: every record updated had another payload before.
my $updated = $node->safe_psql('postgres', "SELECT coalesce(sum(stored), 0) FROM flitmig.batch b WHERE kind = 'update' AND run_id = (SELECT max(id) FROM flitmig.run)");
my $sent = 0;
$sent += $_->{records} // 0 for grep { $_->{field} !~ /createTimeline/ } @{ writes_of($twenty) }[$writes .. $#{ writes_of($twenty) }];
my $changed_rows = 0;
$changed_rows += keys %{ $later->{delta}{changedColumns}{$_} } for keys %{ $later->{delta}{changedColumns} };
cmp_ok($updated, '<=', $changed_rows, 'no more updates than changed rows') or note "$sent records written";
cmp_ok($updated, '>', 5, 'and there were some');

$writes = scalar @{ writes_of($twenty) };
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");
is(scalar @{ writes_of($twenty) }, $writes, 'the same delta again writes nothing');

my $kept = $node->safe_psql('postgres', "SELECT sum(kept) FROM flitmig_rollback('clinic') WHERE object <> 'schema'");
is($kept, '2', 'rollback keeps the records that a person changed, also the one that the delta wrote to since');
$node->safe_psql('postgres', "SELECT * FROM flitmig_rollback('clinic', force => true)");
my $after = dump_of($twenty);
ok($after eq $before, 'forced, Twenty is what it was') or diag lines_that_differ($before, $after);

sub record_id
{
	my ($key) = @_;
	return $node->safe_psql('postgres', "SELECT r.id FROM flitmig.record r JOIN flitmig.object_map o ON o.id = r.object_map_id WHERE o.name = 'patient' AND r.source_key = '$key'");
}

sub phone_of
{
	my ($id) = @_;
	return graphql($twenty, 'query($id: UUID!) { person(filter: { id: { eq: $id } }) { phones { primaryPhoneNumber } } }', { id => $id })->{person}{phones}{primaryPhoneNumber};
}

done_testing();
