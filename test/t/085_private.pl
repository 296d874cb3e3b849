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
# What everyone may see of everyone's statements.
my $activity = '';
wait_until('records go out', sub { $activity .= $node->safe_psql('postgres', "SELECT query FROM pg_stat_activity WHERE backend_type IN ('flitmig worker', 'client backend') AND pid <> pg_backend_pid()") . "\n"; ($node->safe_psql('postgres', "SELECT done FROM flitmig.run ORDER BY id DESC LIMIT 1") || 0) > 100
	|| $node->safe_psql('postgres', "SELECT state FROM flitmig.run ORDER BY id DESC LIMIT 1") eq 'failed' });
my $worker = $node->safe_psql('postgres', "SELECT worker_pid FROM flitmig.run ORDER BY id DESC LIMIT 1");
kill_hard($node, $worker);
my $watcher = watch_activity();
until_done("SELECT * FROM flitmig_run('clinic')");
$activity .= $watcher->();
cmp_ok(length($activity), '>', 500, 'statements were seen');
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
my (undef, $heard) = $node->psql('postgres', "LISTEN flitmig;\nSELECT count(*) FROM flitmig_sample('clinic', 10);\nSELECT 2;", on_error_stop => 0);
like($heard, qr/notification "flitmig"/, 'who listens is told');
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
my @families = grep { !$ours{ lc $_ } } grep { my $name = lc $_; !grep { index($_, $name) >= 0 } @{ $manifest->{members} }, @{ $manifest->{notMembers} } } grep { /^[A-Z][a-z]{4,}$/ } split /\n/, $node->safe_psql('postgres', 'SELECT DISTINCT last_name FROM clinic_staging.patients');
cmp_ok(scalar(@families), '>', 10, 'family names to look for');
# The same as a url or JSON would write them: percent signs (a blank as + too), \u escapes in both cases, quotes and slashes escaped.
my %written;
for my $value (keys %values, @families)
{
	(my $url = $value) =~ s/([^A-Za-z0-9._~-])/sprintf('%%%02X', ord $1)/ge;
	(my $form = $url) =~ s/%20/+/g;
	my $text = $value;
	utf8::decode($text);
	my $json = join '', map { ord > 126 ? sprintf('\\u%04x', ord) : $_ } split //, $text;
	(my $upper = $json) =~ s/\\u([0-9a-f]{4})/'\\u' . uc $1/ge;
	(my $escaped = $value) =~ s/(["\\\/])/\\$1/g;
	(my $lines = $value) =~ s/\n/\\n/g;
	$written{$_} = 1 for grep { $_ ne $value && length > 7 } $url, $form, lc $url, $json, $upper, $escaped, $lines, unpack('H*', $value);
}
cmp_ok(scalar(keys %written), '>', 3000, 'and other ways to write them');
# First names alone, too.
push @families, grep { !$ours{ lc $_ } } grep { my $name = lc $_; !grep { index($_, $name) >= 0 } @{ $manifest->{members} }, @{ $manifest->{notMembers} } } grep { /^[A-Z][a-z]{4,}$/ } split /\n/, $node->safe_psql('postgres', 'SELECT DISTINCT first_name FROM clinic_staging.patients');
$values{$_} = 1 for keys %written;
my $search = search_for(keys %values, @families);

# The search itself: it finds each value wherever a message may put it, and no number that another number holds.
is(scalar(grep { my $value = $_; grep { !$search->($_) } sprintf('DETAIL:  Key (f)=(%s) exists.', $value), qq({"a":"$value"}), "{\\n$value\\n}", "'$value'", $value } keys %values, @families),
	0, 'each value is found where it is planted');
my $numbers = search_for('00000001', '10000000');
is(scalar($numbers->('LOG:  invalid magic number 0000 in log segment 000000010000000000000002, offset 0')), 0, 'a number within a longer one is none of ours');
is(scalar($numbers->($_)), 1, 'the same number by itself is') for 'mrn 00000001', '"00000001"', 'a\\n10000000', '\\u00e910000000', 'x_00000001_';
for ([ "the server's log", $log ], [ 'what the client was told', $said ], [ 'the audit table', $audit ], [ 'pg_stat_activity', $activity ], [ 'what LISTEN is told', $heard ])
{
	my ($where, $text) = @$_;
	my @hits = $search->($text);
	is(scalar(@hits), 0, "no patient value in $where") or diag join "\n", map { substr($_, 0, 300) } @hits[0 .. ($#hits > 4 ? 4 : $#hits)];
	unlike($text, qr/\Q$twenty->{key}\E/, "no key in $where");
}

# What finds these values in a text: the lines, around each hit.  A value of letters and digits alone counts where it does
# not stand within a longer run of them, as MRN 00000001 does in the name of a WAL segment; the letter of an escape
# (\n, \u00e9) before it is no part of the run.  By the first five bytes, for a regular expression of so many values crawls.
sub search_for
{
	my %begins;
	push @{ $begins{ substr($_, 0, 5) } }, $_ for @_;
	return sub {
		my ($text) = @_;
		my @hits;
		for my $from (0 .. length($text) - 5)
		{
			my $candidates = $begins{ substr($text, $from, 5) } or next;
			for my $value (grep { substr($text, $from, length) eq $_ } @$candidates)
			{
				my $before = substr($text, $from > 6 ? $from - 6 : 0, $from > 6 ? 6 : $from);
				my $within = $before =~ /[A-Za-z0-9]$/ && $before !~ /\\[bfnrt]$/ && $before !~ /\\u[0-9a-fA-F]{4}$/ || substr($text, $from + length $value, 1) =~ /[A-Za-z0-9]/;
				push @hits, line_around($text, $from) unless $within && $value =~ /^[A-Za-z0-9]+$/;
			}
		}
		return @hits;
	};
}

sub line_around
{
	my ($text, $at) = @_;
	my $from = $at > 150 ? $at - 150 : 0;
	return substr($text, $from, 300) =~ s/\n/ /gr;
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

# Another session looks at everyone's statements until it is told to stop; returns what it saw.
sub watch_activity
{
	my $file = "$work/activity";
	my $pid = fork();
	if ($pid == 0)
	{
		$SIG{TERM} = 'DEFAULT';
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', $file);
		open(STDERR, '>', '/dev/null');
		while (1) { system('psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', 'SELECT query FROM pg_stat_activity WHERE pid <> pg_backend_pid()'); }
	}
	return sub { kill 'TERM', $pid; waitpid($pid, 0); return slurp_file($file); };
}

# All that psql shows, errors included, except the tables that are asked for by name.
sub say_sql
{
	my ($sql) = @_;
	my ($rc, $out, $err) = $node->psql('postgres', $sql);
	$said .= ($err // '') . "\n" . ($sql =~ /audit|preflight|report|help|status|plan|run|rollback|sample/ ? $out // '' : '') . "\n";
}
done_testing();
