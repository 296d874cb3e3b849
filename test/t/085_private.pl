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
arm(qw(createTasks cut-json createNotes limit createBillingClaims 502 createLabResults reset-after));
until_done("SELECT * FROM flitmig_sample('clinic', 100)");
say_sql("SELECT flitmig_sign_off('clinic', 'fine')");

# Every fault that the stand-in knows, and a worker that is killed in the middle.
arm(qw(createPeople apply-then-timeout createTasks reset-then-apply-later createNotes 429 createTaskTargets slow-drip createNoteTargets reset-before
	createBillingClaims redirect createLabResults 503-retry-after createCarePlans reset-after createCarePlanItems cut-json createAttachments limit));
$node->safe_psql('postgres', "SELECT flitmig_run('clinic', wait => false)");
wait_until('records go out', sub { ($node->safe_psql('postgres', "SELECT done FROM flitmig.run ORDER BY id DESC LIMIT 1") || 0) > 100
	|| $node->safe_psql('postgres', "SELECT state FROM flitmig.run ORDER BY id DESC LIMIT 1") eq 'failed' });
my $worker = $node->safe_psql('postgres', "SELECT worker_pid FROM flitmig.run ORDER BY id DESC LIMIT 1");
kill 'KILL', $worker;
wait_until('the server is up again', sub { my (undef, $out) = $node->psql('postgres', "SELECT 1 WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $worker)"); return ($out // '') eq '1'; });
until_done("SELECT * FROM flitmig_run('clinic')");
# Somebody changes what the delta changes: a conflict.
my @patients = split /\n/, $node->safe_psql('postgres', "SELECT b.id FROM flitmig.base b JOIN flitmig.record r USING (migration_id, id) WHERE b.object = 'person' ORDER BY r.sequence DESC LIMIT 150");
graphql($twenty, 'mutation($ids: [UUID!]) { updatePeople(filter: { id: { in: $ids } }, data: { jobTitle: "seen by the front desk" }) { id } }', { ids => \@patients });
say_sql("SELECT * FROM flitmig_import('clinic', '$work/later')");
arm(qw(updatePerson reset-after updateTask apply-then-timeout createPeople 502 people cut-json));
until_done("SELECT * FROM flitmig_run('clinic')");
say_sql($_) for ("SELECT * FROM flitmig_audit('clinic')", "SELECT * FROM flitmig_plan('clinic')", "SELECT flitmig_help('clinic')", "SELECT * FROM flitmig_status('clinic')");

# An expression that chokes on a value: the error names the field, not the value.
$node->safe_psql('postgres', "UPDATE flitmig.field_map f SET expression = 's.last_name::integer' FROM flitmig.object_map o WHERE o.id = f.object_map_id AND o.name = 'patient' AND f.field = 'middleName'");
say_sql("SELECT * FROM flitmig_import('clinic', '$work/later/patients.csv', options => '{\"again\": true}')");
say_sql("SELECT * FROM flitmig_audit('clinic')");
like($said, qr/object map "patient", field "middleName": the expression fails on a value of the export/, 'the audit names the field');
say_sql("SELECT flitmig_confirm('clinic')");
say_sql("SELECT * FROM flitmig_sample('clinic', 10)");
$node->safe_psql('postgres', "UPDATE flitmig.field_map f SET expression = 's.owner::integer' WHERE f.field = 'assignee'");
say_sql("SELECT * FROM flitmig_owners('clinic')");
arm(qw(destroyPeople reset-then-apply-later destroyTasks 429 destroyNotes cut-json));
until_done("SELECT * FROM flitmig_rollback('clinic', force => true)");
say_sql("SELECT flitmig_report('clinic', 'markdown')");
say_sql("SELECT flitmig_report('clinic', 'html')");

my $log = slurp_file($node->logfile);
my $audit = $node->safe_psql('postgres', 'SELECT string_agg(a::text, E\'\n\') FROM flitmig.audit a');
cmp_ok(length($log), '>', 10_000, 'the log was loud');
# The name of a WAL file in what recovery says is twenty-four digits, and some number of a patient may be among them.
$log =~ s/segment \K[0-9A-F]{24}(, LSN [0-9A-F\/]+)?, offset \d+/…/g;

# Every e-mail, phone, name, street and number of the export, as it was exported and as it was sent, and how each note begins.
my %values;
$values{$_} = 1 for grep { length > 7 } split /\n/, $node->safe_psql('postgres', q{
	SELECT DISTINCT v FROM clinic_staging.patients, unnest(ARRAY[email, lower(email), mobile_phone, home_phone, address_1, mrn,
		first_name || ' ' || last_name, last_name || ', ' || first_name, first_name || ',' || last_name, first_name || '", "lastName": "' || last_name]) v WHERE v <> ''
	UNION SELECT DISTINCT policy_number FROM clinic_staging.insurance UNION SELECT DISTINCT email FROM clinic_staging.providers
	UNION SELECT DISTINCT v FROM flitmig.record, unnest(ARRAY[payload #>> '{emails,primaryEmail}', payload #>> '{phones,primaryPhoneNumber}', payload #>> '{homeAddress,addressStreet1}',
		left(payload #>> '{bodyV2,markdown}', 40), payload #>> '{insuranceId}', payload #>> '{policyNumber}']) v WHERE v <> ''});
delete $values{$_} for @{ $manifest->{members} };
cmp_ok(scalar(keys %values), '>', 1500, 'values to look for');
# Family names alone, but for those that are words of ours or of PostgreSQL's messages too, and of the staff.
my %ours = map { lc $_ => 1 } map { slurp_file($_) =~ /([A-Za-z]+)/g } grep { !m{/6\d[a-z]?-} } glob("$repository/src/*/*.sql $repository/test/t/*.p[lm]");
my @families = grep { !$ours{ lc $_ } } grep { my $name = lc $_; !grep { index($_, $name) >= 0 } @{ $manifest->{members} } } grep { /^[A-Z][a-z]{4,}$/ } split /\n/, $node->safe_psql('postgres', 'SELECT DISTINCT last_name FROM clinic_staging.patients');
cmp_ok(scalar(@families), '>', 10, 'family names to look for');
my $pattern = pattern_of(keys %values, @families);

# The search itself: it finds each value wherever a message may put it, and no number that another number holds.
is(scalar(grep { my $value = $_; grep { $_ !~ $pattern } sprintf('DETAIL:  Key (f)=(%s) exists.', $value), qq({"a":"$value"}), "{\\n$value\\n}", "'$value'", $value } keys %values, @families),
	0, 'each value is found where it is planted');
my $numbers = pattern_of('00000001', '10000000');
unlike('LOG:  invalid magic number 0000 in log segment 000000010000000000000002, offset 0', $numbers, 'a number within a longer one is none of ours');
like($_, $numbers, 'the same number by itself is') for 'mrn 00000001', '"00000001"', 'a\\n10000000', '\\u00e910000000', 'x_00000001_';
for ([ "the server's log", $log ], [ 'what the client was told', $said ], [ 'the audit table', $audit ])
{
	my ($where, $text) = @$_;
	my @hits = $text =~ /^(.*?(?:$pattern).*)$/mg;
	is(scalar(@hits), 0, "no patient value in $where") or diag join "\n", map { substr($_, 0, 300) } @hits[0 .. ($#hits > 4 ? 4 : $#hits)];
	unlike($text, qr/\Q$twenty->{key}\E/, "no key in $where");
}

# What finds one of these values.  One of letters and digits alone counts where it does not stand within a longer run of
# them, as MRN 00000001 does in the name of a WAL segment; the letter of an escape (\n, \u00e9) before it is no part of the run.
sub pattern_of
{
	my @values = @_;
	my $alone = join '|', grep { /^[A-Za-z0-9]+$/ } @values;
	my $within = join '|', map { quotemeta } grep { !/^[A-Za-z0-9]+$/ } @values;
	my @any = ($alone ne '' ? qr/(?:(?<![A-Za-z0-9])|(?<=\\[bfnrt])|(?<=\\u[0-9a-fA-F]{4}))(?:$alone)(?![A-Za-z0-9])/ : ());
	push @any, qr/$within/ if $within ne '';
	my $any = join '|', @any;
	return qr/$any/;
}

# One fault for the first request of each kind.
sub arm
{
	my @faults;
	while (my ($on, $fault) = splice(@_, 0, 2)) { push @faults, { on => $on, nth => 1, fault => $fault, ms => 2500 }; }
	http_post($twenty, '/__faults', encode_json(\@faults));
}

# What stops a run is said; the next call goes on.
sub until_done
{
	my ($sql) = @_;
	for (1 .. 8)
	{
		say_sql($sql);
		return if $node->safe_psql('postgres', "SELECT state FROM flitmig.run ORDER BY id DESC LIMIT 1") eq 'done';
	}
	fail("$sql is done in the end") or diag substr($said, -1500);
}

# All that psql shows, errors included, except the tables that are asked for by name.
sub say_sql
{
	my ($sql) = @_;
	my ($rc, $out, $err) = $node->psql('postgres', $sql);
	$said .= ($err // '') . "\n" . ($sql =~ /audit|preflight|report|help|status|plan|run|rollback|sample/ ? $out // '' : '') . "\n";
}
done_testing();
