# What a person does in Twenty, or to the mapping, while a migration is under way: names that are taken by other types,
# fields that come and go, records that go between our look and our write.
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
my $node = start_cluster('between');
my $twenty = start_twenty('--model', '2.19');
connect_twenty($node, $twenty);
mkdir "$work/export";
open(my $fh, '>', "$work/export/people.csv");
print $fh "id,town\n";
print $fh "P$_,Town\n" for 1 .. 30;
close $fh;
my %profile = (
	description => 'people and their claims',
	entities => { people => { files => ['people*'], columns => { id => [], town => [] }, required => ['id'] } },
	targets => {
		person => { fields => { town => { type => 'TEXT', label => 'Town' } } },
		claim => { namePlural => 'claims', label => 'Claim', labelPlural => 'Claims', fields => { amount => { type => 'CURRENCY', label => 'Amount' }, patient => { type => 'RELATION', label => 'Patient', relation => 'person', relationLabel => 'Claims' } } } },
	maps => [
		{ name => 'person', object => 'person', source => '{people} s', key => 's.id', fields => { jobTitle => 's.id', town => 's.town' } },
		{ name => 'claim', object => 'claim', source => '{people} s', key => 's.id', fields => { name => 's.id', patient => { relation => 'person', key => 's.id' } } } ]);
$node->safe_psql('postgres', "INSERT INTO flitmig.profile (name, doc) VALUES ('claims', \$doc\$" . encode_json(\%profile) . "\$doc\$)");

# ---- a workspace that has such an object already, made otherwise ----
my $object = metadata('mutation($i: CreateOneObjectInput!) { createOneObject(input: $i) { id } }',
	{ i => { object => { nameSingular => 'claim', namePlural => 'claims', labelSingular => 'Claim', labelPlural => 'Claims' } } })->{createOneObject}{id};
make_field($object, 'amount', 'TEXT');
my $before = dump_of($twenty);
migrate_up_to($node, 'clinic', "$work/export", profile => 'claims');
http_post($twenty, '/__log-clear', '');
like(psql_error($node, "SELECT * FROM flitmig_sample('clinic', 5)"), qr/cannot take this mapping.*claim\.amount.*HINT:.*Nothing was sent/s, 'a name that is taken by another type is told, with its place');
is_deeply(writes_of($twenty), [], 'before anything is sent');
ok(dump_of($twenty) eq $before, 'Twenty is as it was');
like($node->safe_psql('postgres', q{SELECT string_agg(status || ' ' || detail, E'\n') FROM flitmig_preflight('clinic') WHERE status <> 'green'}), qr/claim/, 'preflight tells it too');
metadata('mutation($i: DeleteOneObjectInput!) { deleteOneObject(input: $i) { id } }', { i => { id => $object } });

# ---- a server that changes its model and then says that it could not (2.19 did when somebody else changed the model at the same time) ----
my $unchanged = dump_of($twenty);
my @could_not = (fault => 'metadata-half', words => 'Could not find flat entity with universal identifier 35b15a8c-a1cc-4df0-a9e8-86ad6a46cb61');
for my $half (qw(applied refused))
{
	http_post($twenty, '/__faults', encode_json([ { on => 'createOneField', nth => 1, half => $half, @could_not }, { on => 'createOneObject', nth => 1, half => $half, @could_not } ]));
	$node->safe_psql('postgres', "SELECT * FROM flitmig_prepare('clinic')");
	is(scalar(grep { $_->{struck} } @{ decode_json(http_get($twenty, '/__faults')) }), 2, "$half: it stumbles over a field and an object");
	http_post($twenty, '/__faults', '[]');
	is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT concat_ws('.', object, field), ' ' ORDER BY concat_ws('.', object, field)) FROM flitmig.undo WHERE undone_by IS NULL}), 'claim claim.amount claim.patient person.town', "$half: the undo log has each of its changes");
	$node->safe_psql('postgres', "SELECT * FROM flitmig_rollback('clinic')");
	my $after = dump_of($twenty);
	ok($after eq $unchanged, "$half: and all of it is taken back") or diag lines_that_differ($unchanged, $after);
}

# ---- an object map that was removed, and something still points at it ----
$node->safe_psql('postgres', q{UPDATE flitmig.object_map SET name = 'gone' WHERE name = 'person'});
like(psql_error($node, "SELECT flitmig_confirm('clinic')"), qr/object map "claim", field patient: it points at records of "person".*HINT:.*DELETE FROM flitmig.field_map/s, 'confirm tells which field points at a map that is gone');
$node->safe_psql('postgres', q{UPDATE flitmig.object_map SET name = 'person' WHERE name = 'gone'; SELECT flitmig_confirm('clinic')});

# ---- a field that comes while a run is at work ----
sign_off($node, 'clinic', 4);
my $person = field_ids('person');
hold('createPeople', 'delay', sub { make_field($person->{object}, 'addedByHand', 'TEXT') });
is(state_of_last(), 'done', 'a field that a person adds in the middle harms nobody');
is($node->safe_psql('postgres', 'SELECT sum(difference) FROM flitmig.balance'), '0', 'balance is zero');

# ---- records that go between our look and our write ----
my $destroyed = $node->safe_psql('postgres', "SELECT id FROM flitmig.record WHERE object = 'person' ORDER BY sequence LIMIT 1");
$node->safe_psql('postgres', "UPDATE clinic_staging.people SET town = 'Village'");
hold('people', 'slow-drip', sub { graphql($twenty, 'mutation($id: UUID!) { destroyPerson(id: $id) { id } }', { id => $destroyed }) });
is(state_of_last(), 'done', 'a record that goes between look and write does not stop the run');
unlike(dump_of($twenty), qr/"record":"person","id":"$destroyed"/, 'it is not brought back as a torso');
is($node->safe_psql('postgres', "SELECT kind FROM flitmig.conflict WHERE id = '$destroyed'"), 'missing', 'and is listed as missing');
is($node->safe_psql('postgres', 'SELECT sum(difference) FROM flitmig.balance'), '0', 'balance is zero');
is(towns(), 'Village', 'the others are updated');
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");
unlike(dump_of($twenty), qr/"record":"person","id":"$destroyed"/, 'nor does the next run bring it back');

# ---- records that a person puts in the trash between our look and our write ----
my @ids = split /\n/, $node->safe_psql('postgres', "SELECT b.id FROM flitmig.base b JOIN flitmig.record r USING (migration_id, id) WHERE b.object = 'person' AND b.id <> '$destroyed' ORDER BY r.sequence LIMIT 2");
my $trash = sub { graphql($twenty, 'mutation($id: UUID!) { deletePerson(id: $id) { id } }', { id => $_[0] }) };
my $restore = sub { graphql($twenty, 'mutation($id: UUID!) { restorePerson(id: $id) { id } }', { id => $_[0] }) };
# each gets a town of its own, so that they go by upsert
$node->safe_psql('postgres', "UPDATE clinic_staging.people SET town = 'Hamlet ' || id");
$trash->($ids[1]);
$restore->($ids[1]);
hold('people', 'slow-drip', sub { $trash->($ids[0]) });
is(state_of_last(), 'done', 'a record that goes to the trash between look and write does not stop the run');
is(deleted($ids[0]), 1, 'our update takes it out, and it is put back');
is($node->safe_psql('postgres', "SELECT kind FROM flitmig.conflict WHERE id = '$ids[0]'"), 'trashed', 'and is listed');
is(deleted($ids[1]), 0, 'one that a person restored before stays out');
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");
is(deleted($ids[0]), 1, 'the next run leaves it there');
# all get the same: such an update takes nothing out of the trash
$node->safe_psql('postgres', "UPDATE clinic_staging.people SET town = 'Port'");
$restore->($ids[0]);
hold('people', 'slow-drip', sub { $trash->($ids[1]) });
is(deleted($ids[1]), 1, 'an update of many that get the same leaves in the trash what is there');
is($node->safe_psql('postgres', 'SELECT sum(difference) FROM flitmig.balance'), '0', 'balance is zero');
$restore->($ids[1]);
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");

# ---- a field that goes while a run is at work ----
$node->safe_psql('postgres', "UPDATE clinic_staging.people SET town = 'City'");
my ($rc, $err) = hold('people', 'slow-drip', sub { remove_field(field_ids('person')->{town}) });
like($err, qr/schema of server "crm" is not what it was.*HINT:.*flitmig_prepare/s, 'a field that goes in the middle ends the run, with what to do');
$node->safe_psql('postgres', "SELECT * FROM flitmig_prepare('clinic')");
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");
is($node->safe_psql('postgres', 'SELECT sum(difference) FROM flitmig.balance'), '0', 'balance is zero');
is($node->safe_psql('postgres', "SELECT kind, count(*) FROM flitmig.conflict WHERE field = 'town' GROUP BY 1"), 'both|29', 'made again, its emptiness is what a person did: listed, not overwritten');

# Runs, and does something once the server has done the held call but we have not got its answer (or it waits to do it).
sub hold
{
	my ($on, $fault, $meanwhile) = @_;
	http_post($twenty, '/__faults', encode_json([ { on => $on, fault => $fault, nth => 1, ms => 3000 } ]));
	my $errors = "$work/errors";
	my $caller = in_background($node, "SELECT * FROM flitmig_run('clinic')", errors => $errors);
	wait_until('the call is there', sub { decode_json(http_get($twenty, '/__faults'))->[0]{struck} > 0 });
	http_post($twenty, '/__faults', '[]');
	select(undef, undef, undef, 0.3);
	$meanwhile->();
	waitpid($caller, 0);
	return ($? >> 8, slurp_file($errors));
}

sub deleted { my ($id) = @_; return graphql($twenty, 'query($id: UUID!) { people(filter: { and: [ { id: { eq: $id } }, { deletedAt: { is: NOT_NULL } } ] }) { totalCount } }', { id => $id })->{people}{totalCount}; }

sub state_of_last { return $node->safe_psql('postgres', 'SELECT state FROM flitmig.run ORDER BY id DESC LIMIT 1'); }

sub towns
{
	my %town = map { $_->{node}{town} => 1 } grep { $_->{node}{jobTitle} =~ /^P/ } @{ graphql($twenty, 'query { people(first: 100) { edges { node { jobTitle town } } } }')->{people}{edges} };
	return join ',', sort keys %town;
}

sub metadata { my ($query, $variables) = @_; return graphql($twenty, $query, $variables, '/metadata'); }

sub make_field
{
	my ($object, $name, $type) = @_;
	metadata('mutation($i: CreateOneFieldMetadataInput!) { createOneField(input: $i) { id } }', { i => { field => { objectMetadataId => $object, name => $name, label => ucfirst $name, type => $type } } });
}

sub remove_field { my ($id) = @_; metadata('mutation($i: DeleteOneFieldInput!) { deleteOneField(input: $i) { id } }', { i => { id => $id } }); }

sub field_ids
{
	my ($name) = @_;
	my ($line) = grep { /"object":"$name"/ } split /\n/, http_get($twenty, '/__dump?part=schema');
	my %ids = map { my $f = decode_json(s/,$//r); ($f->{field} =~ s/.*\.//r) => $f->{id} } grep { /^\{"field":"$name\./ } split /\n/, http_get($twenty, '/__dump?part=schema');
	return { %ids, object => decode_json($line =~ s/,$//r)->{id} };
}
done_testing();
