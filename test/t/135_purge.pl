# After flitmig_purge and the VACUUM that it names, no patient is found in the data directory; what was done still can be taken back.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use Flitmig;
use File::Find;
use File::Temp qw(tempdir);
use PostgreSQL::Test::Utils;
use Test::More;

my $work = tempdir(CLEANUP => 1);
chmod 0755, $work;
generate_clinic("$work/export", '--patients', '300', '--seed', '23');
generate_clinic("$work/later", '--patients', '300', '--seed', '23', '--delta');
my $node = start_cluster('purge', conf => "autovacuum = off\nwal_recycle = off\nwal_level = replica\n");
my $twenty = start_twenty('--model', '2.19', '--calls-per-minute', '1000', '--seed-foreign', '20');
my $before = dump_of($twenty);
connect_twenty($node, $twenty);
migrate_up_to($node, 'clinic', "$work/export");
$node->safe_psql('postgres', "SELECT * FROM flitmig_audit('clinic')");
sign_off($node, 'clinic', 60);
# Somebody in Twenty has an e-mail of the export: one record goes to quarantine, with Twenty's words about it.
my $taken = $node->safe_psql('postgres', "SELECT payload #>> '{emails,primaryEmail}' FROM flitmig.record r WHERE object = 'person' AND payload #>> '{emails,primaryEmail}' <> '' AND NOT EXISTS (SELECT FROM flitmig.base b WHERE b.id = r.id) ORDER BY sequence DESC LIMIT 1");
my $somebody = graphql($twenty, 'mutation($e: String!) { createPerson(data: { emails: { primaryEmail: $e } }) { id } }', { e => $taken })->{createPerson}{id};
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");
$node->safe_psql('postgres', "SELECT * FROM flitmig_import('clinic', '$work/later')");
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");
$node->safe_psql('postgres', "ANALYZE");

# Names of two words, e-mails, phones, addresses, policy numbers, words of notes.
my @values = grep { length > 9 } split /\n/, $node->safe_psql('postgres', q{
	SELECT DISTINCT v FROM (
		SELECT unnest(ARRAY[email, mobile_phone, address_1, first_name || ',' || last_name]) FROM clinic_staging.patients
		UNION ALL SELECT payload #>> '{emails,primaryEmail}' FROM flitmig.record WHERE object = 'person'
		UNION ALL SELECT payload #>> '{homeAddress,addressStreet1}' FROM flitmig.record WHERE object = 'person'
		UNION ALL SELECT policy_number FROM clinic_staging.insurance
		UNION ALL SELECT left(payload #>> '{bodyV2,markdown}', 40) FROM flitmig.record WHERE object = 'note') x(v) WHERE v IS NOT NULL});
cmp_ok(scalar(@values), '>', 1000, 'values to look for');
my $pattern = join('|', map { quotemeta } @values);
$node->safe_psql('postgres', 'CHECKPOINT');
cmp_ok(scalar(keys %{ found_in('base') }), '>', 3, 'before the purge they are in the data directory');
my $hashes = $node->safe_psql('postgres', "SELECT sum(hash), count(*) FROM flitmig.base");
my $audit = $node->safe_psql('postgres', 'SELECT count(*) FROM flitmig.audit');

my ($rc, $out, $err) = $node->psql('postgres', "SELECT flitmig_purge('clinic')");
is($rc, 0, 'purge');
my ($todo) = $err =~ /HINT:\s+(VACUUM.*?CHECKPOINT;)/;
ok($todo, 'it names what makes the disk forget') or diag $err;
$node->safe_psql('postgres', $_) for map { "$_;" } grep { /\S/ } split /;/, $todo;
my $hits = found_in(qw(base global pg_xact pg_multixact pg_subtrans pg_stat pg_commit_ts pg_notify pg_twophase));
is(join("\n", map { $node->safe_psql('postgres', "SELECT '$_ ' || coalesce((SELECT relname FROM pg_class WHERE pg_relation_filepath(oid) = regexp_replace('$_', '\\..*', '')), '')") . " $hits->{$_}" } sort keys %$hits), '', 'no value is left in the data directory');

# WAL is recycled in its own time; where wal_recycle is off, it goes with the next segment.
$node->safe_psql('postgres', 'SELECT pg_switch_wal()');
$node->safe_psql('postgres', 'CREATE TABLE something AS SELECT 1');
$node->safe_psql('postgres', 'CHECKPOINT');
is(join("\n", %{ found_in('pg_wal') }), '', 'nor, without recycling, in the WAL');

is($node->safe_psql('postgres', "SELECT sum(hash), count(*) FROM flitmig.base"), $hashes, 'ids and hashes are kept');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM flitmig.audit'), '>', $audit, 'the audit too');
is($node->safe_psql('postgres', 'SELECT count(*) FROM flitmig_audit_verify()'), '0', 'unbroken');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_namespace WHERE nspname = 'clinic_staging'"), '0', 'staging is gone');
like(psql_error($node, "SELECT * FROM flitmig_run('clinic')"), qr/not confirmed|purged/, 'nothing moves any more');
like(psql_error($node, "SELECT flitmig_confirm('clinic')"), qr/ERROR/, 'nor can the mapping be confirmed without an export');

# What was created can still be taken back.
$node->safe_psql('postgres', "SELECT * FROM flitmig_rollback('clinic')");
graphql($twenty, 'mutation($id: UUID!) { destroyPerson(id: $id) { id } }', { id => $somebody });
my $after = dump_of($twenty);
ok($after eq $before, 'rolled back after the purge, Twenty is what it was') or diag lines_that_differ($before, $after);

# Files below these directories in which a value stands, and which.
sub found_in
{
	my @directories = grep { -d } map { $node->data_dir . "/$_" } @_;
	my %found;
	find(sub {
		return unless -f $_;
		my $bytes = slurp_file($_);
		my $name = substr($File::Find::name, length($node->data_dir) + 1);
		$found{$name} = $1 if $bytes =~ /($pattern)/;
	}, @directories);
	return \%found;
}
done_testing();
