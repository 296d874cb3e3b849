# Many people whom Twenty has already: adopted, filled, changed and given back in full calls, and they keep their places in
# Twenty's lists, which an upsert would move (1.17).
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use Flitmig;
use File::Temp qw(tempdir);
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $PEOPLE = 250;
my $work = tempdir(CLEANUP => 1);
chmod 0755, $work;
mkdir "$work/export";
write_patients('Town');
my $node = start_cluster('adopt_many', conf => "flitmig.late_window = '1s'\n");

my %profile = (
	description => 'people alone, taken for those whom Twenty has already',
	entities => { patients => { files => ['patients*'], columns => { patient_id => [], first_name => [], last_name => [], email => [], city => [] }, required => ['patient_id'] } },
	targets => { person => { fields => { sourceSystemId => { type => 'TEXT', label => 'Source system id', unique => JSON::PP::true }, homeAddress => { type => 'ADDRESS', label => 'Home address' } } } },
	maps => [ { name => 'patient', object => 'person', source => '{patients} s', key => 's.patient_id', adopt => ['emails.primaryEmail'],
			fields => { name => 'flitmig.full_name(s.first_name, s.last_name)', emails => 'flitmig.to_emails(s.email)', homeAddress => q(jsonb_build_object('addressCity', s.city)), sourceSystemId => 's.patient_id' } } ]);
$node->safe_psql('postgres', "INSERT INTO flitmig.profile (name, doc) VALUES ('people', \$doc\$" . encode_json(\%profile) . "\$doc\$)");

for my $model ('1.17', '2.19')
{
	my $twenty = start_twenty('--model', $model, '--seed-foreign', '5');
	my $name = $model eq '1.17' ? 'old' : 'new';
	connect_twenty($node, $twenty, "crm_$name");
	for my $from (1, 201)
	{
		my @data = map { { name => { firstName => "Given$_", lastName => 'Byhand' }, emails => { primaryEmail => "p$_\@example.org" } } } $from .. ($from == 1 ? 200 : $PEOPLE);
		graphql($twenty, 'mutation($d: [PersonCreateInput!]!) { createPeople(data: $d) { id } }', { d => \@data });
	}
	my $before = dump_without_times($twenty);
	$node->safe_psql('postgres', "SELECT flitmig_create('$name', 'crm_$name', profile => 'people', time_zone => 'UTC')");
	$node->safe_psql('postgres', "SELECT * FROM flitmig_import('$name', '$work/export')");
	$node->safe_psql('postgres', "SELECT flitmig_confirm('$name')");
	$node->safe_psql('postgres', "SELECT * FROM flitmig_sample('$name', 3); SELECT flitmig_sign_off('$name', 'ok')");
	my $places = places($twenty);

	my $calls = calls_of($twenty, "SELECT * FROM flitmig_run('$name')");
	cmp_ok($calls, '<=', 4, "$model: $PEOPLE adopted people are filled in $calls calls");
	is(count_where($twenty, 'homeAddress: { addressCity: { eq: "Town" } }'), $PEOPLE, "$model: all of them");
	is(count_where($twenty, 'sourceSystemId: { ilike: "P%" }'), $PEOPLE, "$model: with their source ids");
	is_deeply(places($twenty), $places, "$model: each where it was in the list");
	is($node->safe_psql('postgres', "SELECT sum(difference) FROM flitmig.balance WHERE migration = '$name'"), '0', "$model: balance is zero");

	# a delta: the same for all, then another for each
	write_patients('City');
	$node->safe_psql('postgres', "SELECT * FROM flitmig_import('$name', '$work/export')");
	$calls = calls_of($twenty, "SELECT * FROM flitmig_run('$name')");
	cmp_ok($calls, '<=', 3, "$model: the same change for all takes $calls calls");
	write_patients('Village ');
	$node->safe_psql('postgres', "SELECT * FROM flitmig_import('$name', '$work/export')");
	$calls = calls_of($twenty, "SELECT * FROM flitmig_run('$name')");
	cmp_ok($calls, '<=', 3, "$model: another one for each takes $calls calls");
	is(count_where($twenty, 'homeAddress: { addressCity: { ilike: "Village %" } }'), $PEOPLE, "$model: all have it");
	is_deeply(places($twenty), $places, "$model: each where it was in the list");
	write_patients('Town');

	$calls = calls_of($twenty, "SELECT * FROM flitmig_rollback('$name')");
	cmp_ok($calls, '<=', 6, "$model: they are given back in $calls calls");
	my $after = dump_without_times($twenty);
	ok($after eq $before, "$model: to the byte") or diag lines_that_differ($before, $after);
	destroyed_meanwhile($twenty, $name) if $model eq '2.19';
}
done_testing();

# Somebody destroys an adopted person between our look and our write, which inserts a torso.
sub destroyed_meanwhile
{
	my ($twenty, $name) = @_;
	$node->safe_psql('postgres', "SELECT * FROM flitmig_run('$name')");
	write_patients('Hamlet ');
	$node->safe_psql('postgres', "SELECT * FROM flitmig_import('$name', '$work/export')");
	http_post($twenty, '/__faults', encode_json([ { on => '/ people$/', fault => 'slow-drip', nth => 1, ms => 3000 } ]));
	my $caller = in_background($node, "SELECT * FROM flitmig_run('$name')");
	wait_until('the look is under way', sub { decode_json(http_get($twenty, '/__faults'))->[0]{struck} > 0 });
	my $victim = $node->safe_psql('postgres', "SELECT ids[1] FROM flitmig.batch WHERE state = 'open' AND kind = 'read' AND purpose = 'check' ORDER BY id LIMIT 1");
	http_post($twenty, '/__faults', '[]');
	graphql($twenty, 'mutation($id: UUID!) { destroyPerson(id: $id) { id } }', { id => $victim });
	waitpid($caller, 0);
	is($node->safe_psql('postgres', "SELECT state FROM flitmig.run ORDER BY id DESC LIMIT 1"), 'done', 'an adopted person who is destroyed between look and write does not stop the run');
	unlike(dump_of($twenty), qr/"$victim"/, 'and is not brought back as a torso');
	is($node->safe_psql('postgres', "SELECT kind FROM flitmig.conflict WHERE id = '$victim'"), 'missing', 'but listed as missing');
	is(count_where($twenty, 'homeAddress: { addressCity: { ilike: "Hamlet %" } }'), $PEOPLE - 1, 'the others are updated');
	my ($rc, $out, $err) = $node->psql('postgres', "SELECT sum(kept) FROM flitmig_rollback('$name')");
	is("$rc $out", '0 0', 'all of it is taken back') or diag $err;
	is(count_where($twenty, 'emails: { primaryEmail: { ilike: "p%@example.org" } }'), $PEOPLE - 1, 'the people are there') ;
}

# Calls that change people.
sub calls_of
{
	my ($twenty, $sql) = @_;
	http_post($twenty, '/__log-clear', '');
	my ($rc, $out, $err) = $node->psql('postgres', $sql);
	is($rc, 0, $sql) or diag $err;
	return scalar grep { $_->{field} =~ /^(createPeople|updatePeople|updatePerson)$/ } @{ writes_of($twenty) };
}

sub count_where { my ($twenty, $filter) = @_; return graphql($twenty, "query { people(filter: { $filter }) { totalCount } }")->{people}{totalCount}; }

sub places
{
	my ($twenty) = @_;
	return { map { my $r = decode_json(s/,$//r); $r->{id} => $r->{position} } grep { /^\{"record":"person"/ } split /\n/, dump_of($twenty) };
}

sub write_patients
{
	my ($town) = @_;
	open(my $fh, '>', "$work/export/patients.csv");
	print $fh "Patient ID,First Name,Last Name,Email,City\n";
	print $fh "P$_,Given$_,Family$_,p$_\@example.org,$town" . ($town =~ / $/ ? $_ : '') . "\n" for 1 .. $PEOPLE;
	close $fh;
}

# A record that was updated and restored has the time of the restoring write.
sub dump_without_times { my ($twenty) = @_; return http_get($twenty, '/__dump?without=updatedAt,updatedBy'); }
