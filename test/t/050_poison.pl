# Bad records end alone in quarantine with the server's reason, however many, in few calls; the others are stored; what
# points at them waits and goes once they are mended.
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
write_lines("$work/export/patients.csv", 'Patient ID,First Name,Last Name,Email', map { "$_,Given$_,Family$_,p$_\@example.org" } 1 .. 200);

my $node = start_cluster('poison');
my $twenty = start_twenty('--model', '2.19');
connect_twenty($node, $twenty);

# Somebody in Twenty has the e-mail of one of them, without being that patient.
graphql($twenty, 'mutation { createPeople(data: [{ emails: { primaryEmail: "p77@example.org" } }]) { id } }');
$node->safe_psql('postgres', "SELECT flitmig_create('clinic', 'crm'); SELECT * FROM flitmig_import('clinic', '$work/export'); SELECT flitmig_confirm('clinic')");
$node->safe_psql('postgres', "SELECT * FROM flitmig_sample('clinic', 1)");
$node->safe_psql('postgres', "SELECT flitmig_sign_off('clinic', 'ok')");
# While it is looked for, answers get lost: that is no reason to set others aside.
http_post($twenty, '/__faults', encode_json([ { on => 'createPeople', nth => 12, times => 5, fault => 'reset-before' } ]));
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

# ---- more of them, in a mapping that lets them through ----

my %profile = (
	description => 'values as they are, so that Twenty has something to refuse',
	entities => { people => { files => ['people*'], columns => { id => [], tag => [], email => [], code => [] }, required => ['id'] } },
	targets => { person => { fields => {
		tag => { type => 'SELECT', label => 'Tag', options => [ { value => 'GOOD', label => 'Good' } ] },
		code => { type => 'TEXT', label => 'Code', unique => JSON::PP::true } } } },
	maps => [
		{ name => 'person', object => 'person', source => '{people} s', key => 's.id',
			fields => { jobTitle => 's.id', tag => 's.tag', code => 's.code', emails => q(CASE WHEN s.email IS NOT NULL THEN jsonb_build_object('primaryEmail', s.email) END) } },
		{ name => 'visit', object => 'task', source => '{people} s', key => 's.id', fields => { title => q('Visit'), '!patient' => { relation => 'person', key => 's.id', onMissing => 'exclude' } } },
		{ name => 'visit_person', object => 'taskTarget', source => '{people} s', key => 's.id',
			fields => { task => { relation => 'visit', key => 's.id' }, '@person' => { relation => 'person', key => 's.id' } } } ]);
mkdir "$work/people";
write_lines("$work/people/people.csv", 'id,tag,email,code', '0,GOOD,,');
$node->safe_psql('postgres', "INSERT INTO flitmig.profile (name, doc) VALUES ('raw', \$doc\$" . encode_json(\%profile) . "\$doc\$)");
migrate_up_to($node, 'raw', "$work/people", profile => 'raw');
sign_off($node, 'raw', 1);
my $generation = 0;

# The message names value and field: who has it there is known without another try.
is_deeply(poison("CASE WHEN i = 77 THEN 'BAD_' || i ELSE 'GOOD' END"), { bad => 1, held => 2, calls => 2 }, 'one that the message names: the batch, the others');
is_deeply(poison("CASE WHEN i % 29 = 1 THEN 'BAD' ELSE 'GOOD' END"), { bad => 7, held => 14, calls => 2 }, 'seven alike');
is_deeply(poison("'BAD'"), { bad => 200, held => 400, calls => 1 }, 'two hundred alike: the reason concerns all, nothing is tried again');
my $each = poison("'BAD_' || i");
is("$each->{bad}, $each->{held}", '200, 400', 'two hundred, each bad in its own way');
cmp_ok($each->{calls}, '<=', 200, "in $each->{calls} calls, for the server names one at a time");
# The same word where it is good proves nothing: the server names the field.
is_deeply(poison("CASE i WHEN 9 THEN 'BAD_WORD' ELSE 'GOOD' END", undef, "CASE i WHEN 30 THEN 'BAD_WORD' END"), { bad => 1, held => 2, calls => 2 }, 'the same word in a field where it is good harms nobody');
# A taken value: one look at the ids, one at who holds any of theirs.
my @taken = map { { emails => { primaryEmail => "taken$_\@example.org" } } } 1 .. 190;
graphql($twenty, 'mutation($d: [PersonCreateInput!]!) { createPeople(data: $d) { id } }', { d => \@taken });
is_deeply(poison("'GOOD'", "'Taken' || i || '\@example.org'"), { bad => 190, held => 380, calls => 2 }, 'a hundred and ninety whose e-mail addresses are taken');
# The server tells of one only: a value that is no option is found before it looks for an e-mail that is taken.
is_deeply(poison("CASE i WHEN 20 THEN 'BAD_20' ELSE 'GOOD' END", "CASE i WHEN 150 THEN 'other\@example.org' END"), { bad => 2, held => 4, calls => 3 }, 'two that hide each other');
# Each is good without the other: mapping has told them apart before Twenty could.
my $pair = poison("'GOOD'", "CASE i WHEN 3 THEN 'Pair\@example.org' WHEN 4 THEN 'pair\@example.org' END", "CASE WHEN i IN (5, 6) THEN 'same' END");
is("$pair->{bad}, $pair->{held}", '0, 0', 'records that share a unique value are told apart by mapping');

# Mended, all of it goes; what was held goes with it.
$node->safe_psql('postgres', q{UPDATE raw_staging.people SET tag = 'GOOD', email = NULL, code = NULL WHERE tag <> 'GOOD' OR email IS NOT NULL OR code IS NOT NULL});
is($node->safe_psql('postgres', "SELECT flitmig_retry('raw')"), (1 + 7 + 200 + 200 + 1 + 190 + 2) * 3, 'flitmig_retry takes parents and children out of quarantine');
is($node->safe_psql('postgres', "SELECT created, quarantined FROM flitmig_run('raw') WHERE object = 'TOTAL'"), (1 + 7 + 200 + 200 + 1 + 190 + 2) * 3 . '|0', 'and the next run stores them');
is($node->safe_psql('postgres', "SELECT sum(difference) FROM flitmig.balance WHERE migration = 'raw'"), '0', 'balance is zero');

# ---- links to people whom somebody destroys before their links are made ----

http_post($twenty, '/__faults', encode_json([ { on => 'createTasks', fault => 'delay', nth => 1, ms => 3000 } ]));
stage("'GOOD'");
http_post($twenty, '/__log-clear', '');
my $caller = in_background($node, "SELECT * FROM flitmig_run('raw')");
wait_until('tasks are on their way', sub { decode_json(http_get($twenty, '/__faults'))->[0]{struck} > 0 });
my @gone = split /\n/, $node->safe_psql('postgres', "SELECT b.id FROM flitmig.base b JOIN flitmig.record r USING (migration_id, id) WHERE b.object = 'person' AND r.source_key ~ '^$generation-(3|50|51|52|120|199|200)\$'");
graphql($twenty, 'mutation($ids: [UUID!]) { destroyPeople(filter: { id: { in: $ids } }) { id } }', { ids => \@gone });
waitpid($caller, 0);
is($node->safe_psql('postgres', "SELECT count(*), count(DISTINCT q.reason ~ 'foreign key') FROM flitmig.quarantine q JOIN flitmig.migration m ON m.id = q.migration_id WHERE m.name = 'raw' AND q.object = 'taskTarget' AND q.kind = 'refused'"), '7|1', 'seven links to people who are gone are set aside');
my @calls = grep { $_->{field} =~ /^(createTaskTargets|people|tasks)$/ } @{ decode_json(http_get($twenty, '/__log'))->{calls} };
is(scalar(grep { $_->{field} eq 'createTaskTargets' } @calls), 2, 'the batch, and it without them: what they point at was read instead');
is($node->safe_psql('postgres', "SELECT sum(difference) FROM flitmig.balance WHERE migration = 'raw'"), '0', 'balance is zero');

# Stages 200 people, runs, and says how many were set aside, how many wait for them, and what that cost.
sub poison
{
	stage(@_);
	http_post($twenty, '/__log-clear', '');
	my $before = $node->safe_psql('postgres', "SELECT count(*) FILTER (WHERE kind = 'refused') || ' ' || count(*) FILTER (WHERE kind = 'held') FROM flitmig.quarantine q JOIN flitmig.migration m ON m.id = q.migration_id WHERE m.name = 'raw'");
	$node->safe_psql('postgres', "SELECT * FROM flitmig_run('raw')");
	my $after = $node->safe_psql('postgres', "SELECT count(*) FILTER (WHERE kind = 'refused') || ' ' || count(*) FILTER (WHERE kind = 'held') FROM flitmig.quarantine q JOIN flitmig.migration m ON m.id = q.migration_id WHERE m.name = 'raw'");
	my ($bad, $held) = split / /, $after;
	my ($bad_before, $held_before) = split / /, $before;
	is($node->safe_psql('postgres', "SELECT sum(difference) FROM flitmig.balance WHERE migration = 'raw'"), '0', 'balance is zero');
	return { bad => $bad - $bad_before, held => $held - $held_before, calls => scalar grep { $_->{field} eq 'createPeople' } @{ decode_json(http_get($twenty, '/__log'))->{calls} } };
}

sub stage
{
	my ($tag, $email, $code) = @_;
	$generation++;
	$email //= 'NULL';
	$code //= 'NULL';
	$node->safe_psql('postgres', "INSERT INTO raw_staging.people (_file, _line, _hash, id, tag, email, code)"
		  . " SELECT (SELECT min(_file) FROM raw_staging.people), $generation * 1000 + i, i, '$generation-' || i, $tag, $email, $code FROM generate_series(1, 200) i");
}
done_testing();
