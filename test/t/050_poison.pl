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
open($fh, '>', "$work/people/people.csv");
print $fh "id,tag,email,code\n0,GOOD,,\n";
close $fh;
$node->safe_psql('postgres', "INSERT INTO flitmig.profile (name, doc) VALUES ('raw', \$doc\$" . encode_json(\%profile) . "\$doc\$)");
migrate_up_to($node, 'raw', "$work/people", profile => 'raw');
sign_off($node, 'raw', 1);
my $generation = 0;

# The tag names the record; the server's message does, too.
is_deeply(poison("CASE WHEN i = 77 THEN 'BAD_' || i ELSE 'GOOD' END"), { bad => 1, held => 2, calls => 3 }, 'one that the message points at: the batch, it, the others');
# One value in seven records: the message points at none, halves find them.
my $seven = poison("CASE WHEN i % 29 = 1 THEN 'BAD' ELSE 'GOOD' END");
is("$seven->{bad}, $seven->{held}", '7, 14', 'seven alike: found, their children held');
cmp_ok($seven->{calls}, '<=', 2 * 7 * 6, "in $seven->{calls} calls");
my $all = poison("'BAD'");
is("$all->{bad}, $all->{held}", '200, 400', 'two hundred');
cmp_ok($all->{calls}, '<=', 399, "in $all->{calls} calls, which is each alone and what led there");
# The server tells of one only: a value that is no option is found before it looks for an e-mail that is taken.
my $hidden = poison("CASE i WHEN 20 THEN 'BAD_20' ELSE 'GOOD' END", "CASE i WHEN 150 THEN 'other\@example.org' END");
is("$hidden->{bad}, $hidden->{held}", '2, 4', 'two that hide each other');
cmp_ok($hidden->{calls}, '<=', 3 + 2 * 8, "in $hidden->{calls} calls");
# Each is good without the other: mapping has told them apart before Twenty could.
my $pair = poison("'GOOD'", "CASE i WHEN 3 THEN 'Pair\@example.org' WHEN 4 THEN 'pair\@example.org' END", "CASE WHEN i IN (5, 6) THEN 'same' END");
is("$pair->{bad}, $pair->{held}", '0, 0', 'records that share a unique value are told apart by mapping');

# Mended, all of it goes; what was held goes with it.
$node->safe_psql('postgres', q{UPDATE raw_staging.people SET tag = 'GOOD', email = NULL, code = NULL WHERE tag <> 'GOOD' OR email IS NOT NULL OR code IS NOT NULL});
is($node->safe_psql('postgres', "SELECT flitmig_retry('raw')"), (1 + 7 + 200 + 2) * 3, 'flitmig_retry takes parents and children out of quarantine');
is($node->safe_psql('postgres', "SELECT created, quarantined FROM flitmig_run('raw') WHERE object = 'TOTAL'"), (1 + 7 + 200 + 2) * 3 . '|0', 'and the next run stores them');
is($node->safe_psql('postgres', "SELECT sum(difference) FROM flitmig.balance WHERE migration = 'raw'"), '0', 'balance is zero');

# Stages 200 people, runs, and says how many were set aside, how many wait for them, and what that cost.
sub poison
{
	my ($tag, $email, $code) = @_;
	$generation++;
	$email //= 'NULL';
	$code //= 'NULL';
	$node->safe_psql('postgres', "INSERT INTO raw_staging.people (_file, _line, _hash, id, tag, email, code)"
		  . " SELECT (SELECT min(_file) FROM raw_staging.people), $generation * 1000 + i, i, '$generation-' || i, $tag, $email, $code FROM generate_series(1, 200) i");
	http_post($twenty, '/__log-clear', '');
	my $before = $node->safe_psql('postgres', "SELECT count(*) FILTER (WHERE kind = 'refused') || ' ' || count(*) FILTER (WHERE kind = 'held') FROM flitmig.quarantine q JOIN flitmig.migration m ON m.id = q.migration_id WHERE m.name = 'raw'");
	$node->safe_psql('postgres', "SELECT * FROM flitmig_run('raw')");
	my $after = $node->safe_psql('postgres', "SELECT count(*) FILTER (WHERE kind = 'refused') || ' ' || count(*) FILTER (WHERE kind = 'held') FROM flitmig.quarantine q JOIN flitmig.migration m ON m.id = q.migration_id WHERE m.name = 'raw'");
	my ($bad, $held) = split / /, $after;
	my ($bad_before, $held_before) = split / /, $before;
	is($node->safe_psql('postgres', "SELECT sum(difference) FROM flitmig.balance WHERE migration = 'raw'"), '0', 'balance is zero');
	return { bad => $bad - $bad_before, held => $held - $held_before, calls => scalar grep { $_->{field} eq 'createPeople' } @{ decode_json(http_get($twenty, '/__log'))->{calls} } };
}
done_testing();
