# An operator without superuser moves a clinic; another operator and a viewer see no patient; the log knows none either.
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
my $manifest = generate_clinic("$work/export", '--patients', '300', '--seed', '5');
my $twenty = start_twenty('--model', '2.19', '--members', join(',', @{ $manifest->{members} }));
my $node = start_cluster('rights', conf => "log_min_messages = debug1\nlog_statement = all\nlog_min_duration_statement = 0\n");

# The key comes from a file: a statement that holds it would stand in the log, and that is PostgreSQL's own doing.
open(my $file, '>', "$work/key") or die;
print $file "$twenty->{key}\n";
close($file);
chmod 0600, "$work/key";
$node->safe_psql('postgres', qq{
	CREATE ROLE night_shift LOGIN; CREATE ROLE other_clinic LOGIN; CREATE ROLE manager LOGIN; CREATE ROLE nobody_special LOGIN;
	SELECT flitmig_grant('night_shift', 'operator'), flitmig_grant('other_clinic', 'operator'), flitmig_grant('manager', 'viewer');
	GRANT pg_read_server_files TO night_shift;
	CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url '$twenty->{url}');
	GRANT USAGE ON FOREIGN SERVER crm TO night_shift;
	CREATE USER MAPPING FOR night_shift SERVER crm OPTIONS (api_key_file '$work/key');});

# As a role; dies with psql's words.
sub as_role
{
	my ($role, $sql) = @_;
	return $node->safe_psql('postgres', $sql, extra_params => [ '-U', $role ]);
}

# As a role; what psql said when it refused.
sub refusal
{
	my ($role, $sql) = @_;
	my ($rc, $out, $err) = $node->psql('postgres', $sql, extra_params => [ '-U', $role ]);
	return $rc == 0 ? "not refused: $out" : $err;
}

as_role('night_shift', $_) for (
	"SELECT flitmig_create('clinic', 'crm', time_zone => 'America/New_York')",
	"SELECT * FROM flitmig_import('clinic', '$work/export')",
	"SELECT * FROM flitmig_audit('clinic')",
	"SELECT flitmig_confirm('clinic')",
	"SELECT * FROM flitmig_plan('clinic')",
	"SELECT * FROM flitmig_prepare('clinic')",
	"SELECT * FROM flitmig_sample('clinic', 50)",
	"SELECT flitmig_sign_off('clinic', 'looked at it')",
	"SELECT * FROM flitmig_run('clinic')");
is(as_role('night_shift', 'SELECT sum(difference) FROM flitmig.balance'), '0', 'an operator moves a clinic without being superuser');
cmp_ok(as_role('night_shift', 'SELECT count(*) FROM flitmig.record'), '>', 2000, 'and sees its records');

is(as_role('other_clinic', 'SELECT (SELECT count(*) FROM flitmig.record) + (SELECT count(*) FROM flitmig.base) + (SELECT count(*) FROM flitmig.progress)'), '0', 'another operator sees nothing of it');
like(refusal('other_clinic', "SELECT * FROM flitmig_run('clinic')"), qr/does not exist/, 'and cannot run it');
like(refusal('other_clinic', 'SELECT * FROM clinic_staging.patients'), qr/permission denied/, 'nor read its staging tables');

is(as_role('manager', 'SELECT sum(difference) FROM flitmig.balance'), '0', 'a viewer sees the balance');
like(refusal('manager', 'SELECT payload FROM flitmig.record'), qr/permission denied/, 'but no record');
like(refusal('manager', "SELECT * FROM flitmig_rollback('clinic')"), qr/permission denied/, 'and starts nothing');
like(refusal('nobody_special', 'SELECT * FROM flitmig_status()'), qr/permission denied/, 'PUBLIC has nothing');

# Every value of the export that names somebody.
my %secret = map { $_ => 1 } split /\n/, as_role('night_shift', q{
	SELECT DISTINCT v FROM clinic_staging.patients p, LATERAL (VALUES (p.last_name || ', ' || p.first_name), (p.first_name || ' ' || p.last_name), (p.email), (p.mobile_phone), (p.address_1)) AS x(v)
	WHERE length(v) > 7 AND v NOT IN (SELECT s.name FROM clinic_staging.staff s)});    # the report names staff, and a patient may have a namesake
cmp_ok(scalar keys %secret, '>', 500, 'there are values to look for');
sub values_in
{
	my ($text) = @_;
	return join(', ', grep { index($text, $_) >= 0 } sort keys %secret);
}
my $report = as_role('manager', "SELECT flitmig_report('clinic')");
is(values_in($report), '', 'the report holds no value of a patient');
is(values_in(as_role('manager', 'SELECT * FROM flitmig.audit')), '', 'nor does the audit');
my $log = slurp_file($node->logfile);
cmp_ok(length($log), '>', 100_000, 'the log is talkative');
is(values_in($log), '', 'and holds no value of a patient');
is(index($log, $twenty->{key}), -1, 'nor the key');

as_role('night_shift', "SELECT * FROM flitmig_rollback('clinic')");
is(as_role('night_shift', 'SELECT count(*) FROM flitmig.base'), '0', 'the operator takes it back');
as_role('night_shift', "SELECT flitmig_drop('clinic')");
is(as_role('night_shift', 'SELECT count(*) FROM flitmig.migration'), '0', 'and drops the migration');
is(as_role('night_shift', 'SELECT count(*) FROM flitmig_audit_verify()'), '0', 'the audit is not, and unbroken');

done_testing();
