# No patient value and no key in the server's log, however loud it is, during a whole migration with faults.
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
my $manifest = generate_clinic("$work/export", '--patients', '300', '--seed', '13');
my $later = generate_clinic("$work/later", '--patients', '300', '--seed', '13', '--delta');
my $node = start_cluster('private', conf => "flitmig.request_timeout = '2s'\n");
my $twenty = start_twenty('--model', '2.19', '--members', join(',', @{ $manifest->{members} }));

# The key comes from a file here: a key in CREATE USER MAPPING is in any log of statements.
my $keyfile = "$work/key";
open(my $fh, '>', $keyfile);
print $fh $twenty->{key};
close $fh;
$node->append_conf('postgresql.conf', "log_min_messages = debug1\nlog_statement = all\nlog_min_duration_statement = 0\nlog_error_verbosity = verbose\nlog_parameter_max_length = -1\n");
$node->restart;
$node->safe_psql('postgres', "CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url '$twenty->{url}'); CREATE USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (api_key_file '$keyfile')");
my $said = '';
say_sql("SELECT flitmig_create('clinic', 'crm', time_zone => 'America/New_York', date_order => 'MDY')");
say_sql("SELECT * FROM flitmig_import('clinic', '$work/export')");
say_sql("SELECT * FROM flitmig_audit('clinic')");
say_sql("SELECT flitmig_confirm('clinic')");
say_sql("SELECT * FROM flitmig_preflight('clinic')");

# Somebody has an e-mail of theirs, a batch is refused, another is cut, the limit strikes, a proxy stumbles.
my $email = $node->safe_psql('postgres', "SELECT lower(email) FROM clinic_staging.patients WHERE email LIKE '%\@%' ORDER BY _line DESC LIMIT 1");
graphql($twenty, 'mutation($e: String!) { createPeople(data: [{ emails: { primaryEmail: $e } }]) { id } }', { e => $email });
http_post($twenty, '/__faults', encode_json([
			{ on => 'createTasks', nth => 1, fault => 'cut-json' }, { on => 'createNotes', nth => 1, fault => 'limit' },
			{ on => 'createBillingClaims', nth => 1, fault => '502' }, { on => 'createLabResults', nth => 1, fault => 'reset-after' } ]));
say_sql("SELECT * FROM flitmig_sample('clinic', 100)");
say_sql("SELECT flitmig_sign_off('clinic', 'fine')");
say_sql("SELECT * FROM flitmig_run('clinic')");
say_sql("SELECT * FROM flitmig_import('clinic', '$work/later')");
say_sql("SELECT * FROM flitmig_run('clinic')");

# An expression that chokes on a value: the error names the field, not the value.
$node->safe_psql('postgres', "UPDATE flitmig.field_map f SET expression = 's.last_name::integer' FROM flitmig.object_map o WHERE o.id = f.object_map_id AND o.name = 'patient' AND f.field = 'middleName'");
say_sql("SELECT flitmig_confirm('clinic')");
say_sql("SELECT * FROM flitmig_sample('clinic', 10)");
say_sql("SELECT * FROM flitmig_rollback('clinic', force => true)");
say_sql("SELECT flitmig_report('clinic', 'markdown')");

my $log = slurp_file($node->logfile);
my $audit = $node->safe_psql('postgres', 'SELECT string_agg(a::text, E\'\n\') FROM flitmig.audit a');
cmp_ok(length($log), '>', 10_000, 'the log was loud');

# Every e-mail, phone, family name and policy number of the export; short and common words would be found anywhere.
my %values;
$values{$_} = 1 for grep { length > 7 } split /\n/, $node->safe_psql('postgres', q{
	SELECT DISTINCT v FROM clinic_staging.patients, unnest(ARRAY[email, mobile_phone, home_phone, address_1, mrn, first_name || ' ' || last_name]) v WHERE v <> ''
	UNION SELECT DISTINCT policy_number FROM clinic_staging.insurance UNION SELECT DISTINCT email FROM clinic_staging.providers});
my @staff = map { quotemeta } @{ $manifest->{members} };
delete $values{$_} for @{ $manifest->{members} };
cmp_ok(scalar(keys %values), '>', 800, 'values to look for');
my $pattern = join '|', map { quotemeta } keys %values;
for ([ "the server's log", $log ], [ 'what the client was told', $said ], [ 'the audit table', $audit ])
{
	my ($where, $text) = @$_;
	my @hits = $text =~ /^(.*?(?:$pattern).*)$/mg;
	is(scalar(@hits), 0, "no patient value in $where") or diag join "\n", map { substr($_, 0, 300) } @hits[0 .. ($#hits > 4 ? 4 : $#hits)];
	unlike($text, qr/\Q$twenty->{key}\E/, "no key in $where");
}

# All that psql shows, errors included, except the tables that are asked for by name.
sub say_sql
{
	my ($sql) = @_;
	my ($rc, $out, $err) = $node->psql('postgres', $sql);
	$said .= ($err // '') . "\n" . ($sql =~ /audit|preflight|report/ ? $out // '' : '') . "\n";
}
done_testing();
