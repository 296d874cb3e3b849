# What a database or its roles may be set to, all at once: the path gives the same as without, record for record, and goes back the same way.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use Flitmig;
use File::Temp qw(tempdir);
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;

my $work = tempdir(CLEANUP => 1);
chmod 0755, $work;
my $manifest = generate_clinic("$work/export", '--patients', '300', '--seed', '61');
my $later = generate_clinic("$work/later", '--patients', '300', '--seed', '61', '--delta');
my $twenty = start_twenty('--model', '2.19', '--members', join(',', @{ $manifest->{members} }));
my $node = start_cluster('settings');
my $before = dump_of($twenty);
my $start = POSIX::strftime('%Y-%m-%dT%H:%M:%S', gmtime);
my $version = $node->safe_psql('postgres', 'SHOW server_version_num');

my %set = (
	# what parses, prints and compares
	DateStyle => 'SQL, DMY', IntervalStyle => 'postgres_verbose', TimeZone => 'America/St_Johns', bytea_output => 'escape', extra_float_digits => '-5', xmlbinary => 'hex',
	xmloption => 'document', array_nulls => 'off', transform_null_equals => 'on', standard_conforming_strings => 'off', escape_string_warning => 'off', backslash_quote => 'on',
	quote_all_identifiers => 'on', lc_messages => 'C', 'plpgsql.variable_conflict' => 'use_column', 'plpgsql.extra_errors' => 'shadowed_variables', 'plpgsql.check_asserts' => 'off', check_function_bodies => 'off',
	# how it is planned
	jit => 'on',
	constraint_exclusion => 'on', work_mem => '1MB', maintenance_work_mem => '1MB', temp_buffers => '800kB',
	# how long and how safe
	lock_timeout => '5s', idle_in_transaction_session_timeout => '5s', statement_timeout => '5min', synchronous_commit => 'off', commit_delay => '1000', row_security => 'off', default_transaction_deferrable => 'on',
	'flitmig.requests_in_flight' => '3', search_path => 'evil, pg_catalog');
$set{idle_session_timeout} = '1min' if $version >= 140000;
$set{transaction_timeout} = '2min' if $version >= 170000;
$set{default_toast_compression} = 'pglz' if $version >= 140000;

my (%stored, %told);
for my $database ('plain', 'strict')
{
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, "CREATE EXTENSION flitmig; CREATE SCHEMA evil;
		CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz';
		CREATE FUNCTION evil.lower(text) RETURNS text LANGUAGE sql AS 'SELECT ''evil''::text';
		CREATE FUNCTION evil.yes(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true'; CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.yes)");
	if ($database eq 'strict')
	{
		$node->safe_psql('postgres', join '; ', map { my ($name, $value) = ($_, $set{$_}); "ALTER DATABASE strict SET $name = " . ($name eq 'search_path' ? $value : "'$value'") } sort keys %set);
	}
	# a role that sees its own rows alone: of the clinic, not of the server
	my $role = "operator_$database";
	$node->safe_psql($database, "CREATE ROLE $role LOGIN; SELECT public.flitmig_grant('$role', 'operator'); GRANT pg_read_server_files TO $role;
		CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url '$twenty->{url}'); GRANT USAGE ON FOREIGN SERVER crm TO $role; CREATE USER MAPPING FOR $role SERVER crm OPTIONS (api_key '$twenty->{key}')");
	my $ask = sub {
		my ($rc, $out, $err) = $node->psql($database, "SET row_security = on; $_[0]", extra_params => [ '-U', $role ]);
		is($rc, 0, "$database: " . substr($_[0], 0, 60)) or diag $err;
		return $out;
	};
	$ask->("SELECT public.flitmig_create('clinic', 'crm', time_zone => 'America/New_York', date_order => 'MDY')");
	$told{$database} = $ask->("SELECT file, \"table\", rows, rejected, encoding, delimiter FROM public.flitmig_import('clinic', '$work/export') ORDER BY file");
	$told{$database} .= $ask->("SELECT severity, code, object, \"column\", count FROM public.flitmig_audit('clinic') ORDER BY 1, 2, 3, 4, 5");
	$told{$database} .= $ask->("SELECT public.flitmig_confirm('clinic')");
	$ask->("SELECT count(*) FROM public.flitmig_preflight('clinic')");
	$ask->("SELECT count(*) FROM public.flitmig_plan('clinic')");
	$ask->("SELECT count(*) FROM public.flitmig_sample('clinic', 100)");
	$ask->("SELECT public.flitmig_sign_off('clinic', 'ok')");
	$told{$database} .= $ask->("SELECT object, planned, created, updated, unchanged, quarantined, conflicts FROM public.flitmig_run('clinic') WHERE object <> 'TOTAL' ORDER BY 1");
	$ask->("SELECT count(*) FROM public.flitmig_import('clinic', '$work/later')");
	$told{$database} .= $ask->("SELECT object, planned, created, updated, unchanged, quarantined, conflicts FROM public.flitmig_run('clinic') WHERE object <> 'TOTAL' ORDER BY 1");
	is($ask->('SELECT sum(difference) FROM flitmig.balance'), '0', "$database: balance is zero");
	$ask->("SELECT count(*), length(public.flitmig_report('clinic')) > 1000, (SELECT count(*) > 0 FROM public.flitmig_status('clinic')) FROM public.flitmig_propose('clinic')");
	# but for what the server itself gives: ids of uploads and of a note's paragraphs, and the time of what comes without one
	$stored{$database} = join "\n", sort map { s/"fileId":"[^"]*"|\\"id\\":\\"[0-9a-f-]{36}\\"//gr =~ s/"createdAt":"([^"]*)"/$1 ge $start ? '' : $&/ger } grep { /^\{"record":"(?!timelineActivity)/ } split /\n/, http_get($twenty, '/__dump?without=updatedAt,updatedBy,position');
	$ask->("SELECT count(*) FROM public.flitmig_rollback('clinic')");
	my $after = dump_of($twenty);
	ok($after eq $before, "$database: to the byte as it was") or diag lines_that_differ($before, $after);
}
cmp_ok(length($stored{plain}), '>', 1_000_000, 'there is much to compare');
ok($stored{plain} eq $stored{strict}, 'whatever the database is set to, Twenty gets the same') or diag lines_that_differ($stored{plain}, $stored{strict});
is($told{strict}, $told{plain}, 'and so does who calls');
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC/, 'the server has not fallen');
done_testing();
