# Ctrl-C stops a run cleanly, in a long statement as between calls; a closed connection leaves it running; a second run is refused with a hint.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use Flitmig;
use File::Temp qw(tempdir);
use IPC::Run qw(start);
use PostgreSQL::Test::Utils;
use Test::More;

my $work = tempdir(CLEANUP => 1);
chmod 0755, $work;
my $manifest = generate_clinic("$work/export", '--patients', '600', '--seed', '9');
my $node = start_cluster('interrupt');
my $twenty = start_twenty('--model', '2.19', '--latency', '250', '--members', join(',', @{ $manifest->{members} }));
connect_twenty($node, $twenty);
migrate_up_to($node, 'clinic', "$work/export");
sign_off($node, 'clinic', 20);

# Ctrl-C
my ($out, $err) = ('', '');
my $psql = run_in_psql();
wait_until('records are stored', \&some_new);
like(psql_error($node, "SELECT * FROM flitmig_run('clinic')"), qr/being worked on by another session.*flitmig_cancel/s, 'a second run is refused with a hint');
$psql->signal('INT');
$psql->finish;
like($err, qr/cancel/i, 'Ctrl-C ends the call');
is(workers($node), 0, 'and the worker');
is($node->safe_psql('postgres', 'SELECT state FROM flitmig.run ORDER BY id DESC LIMIT 1'), 'cancelled', 'the run is known as cancelled');
is($node->safe_psql('postgres', "SELECT count(*) FROM flitmig.batch WHERE state = 'open'"), '0', 'no call is left in the dark');

# The connection goes away
$psql = run_in_psql();
wait_until('records are stored', \&some_new);
$psql->signal('KILL');
eval { $psql->finish };
is(workers($node), 1, 'without its client the worker goes on');
is($node->safe_psql('postgres', "SELECT state FROM flitmig.progress"), 'running', 'seen from any session');

# flitmig_cancel
like($node->safe_psql('postgres', "SELECT flitmig_cancel('clinic')"), qr/asked the worker/, 'flitmig_cancel from another session');
wait_until('the worker is gone', sub { workers($node) == 0 });
is($node->safe_psql('postgres', 'SELECT state FROM flitmig.run ORDER BY id DESC LIMIT 1'), 'cancelled', 'stops it cleanly');

# and all of it goes on. The worker's lock goes with its process, so the call waits for that: who types one command after another does
# not meet the one before. Here the process is held up at its end, where it removes its temporary tables.
$psql = run_in_psql("SELECT * FROM flitmig_run('clinic')", "SELECT flitmig_confirm('clinic')");
wait_until('records are stored', \&some_new);
in_background($node, 'LOCK TABLE pg_catalog.pg_depend IN SHARE MODE; SELECT pg_sleep(3600)', name => 'holder of pg_depend');
wait_until('the run is done', sub { $node->safe_psql('postgres', 'SELECT state FROM flitmig.run ORDER BY id DESC LIMIT 1') eq 'done' });
sleep 1;
is(workers($node), 1, 'the run is done, its process still there');
release_table($node, 'pg_depend');
$psql->finish;
like($out, qr/TOTAL.*[0-9a-f]{64}/s, 'the next command is done as well') or diag $err;
is($node->safe_psql('postgres', "SELECT sum(difference) FROM flitmig.balance"), '0', 'the next run completes it');
like(psql_error($node, "BEGIN; SELECT * FROM flitmig_run('clinic'); COMMIT"), qr/cannot run inside a transaction block|inside a transaction/, 'refused inside a transaction block');

# Whoever asks whether a command may start holds nothing meanwhile, or a worker that starts just then would find its lock taken.
$node->safe_psql('postgres', 'CREATE TABLE public.asked (missed integer)');
my $taker = in_background($node, q{DO $$
	DECLARE
		found integer := 0;
	BEGIN
		WHILE NOT EXISTS (SELECT FROM public.asked) LOOP
			IF pg_try_advisory_lock(flitmig._lock_class(), 1) THEN
				PERFORM pg_advisory_unlock(flitmig._lock_class(), 1);
			ELSE
				found := found + 1;
			END IF;
		END LOOP;
		UPDATE public.asked a SET missed = found;
	END $$}, name => 'taker');
wait_until('another takes the lock again and again', sub { $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'taker' AND state = 'active'") eq '1' });
$node->psql('postgres', "SELECT flitmig._ready('clinic', 'flitmig_run');\n" x 4000, on_error_stop => 0);
$node->safe_psql('postgres', 'INSERT INTO public.asked VALUES (0)');
waitpid($taker, 0);
is($node->safe_psql('postgres', 'SELECT missed FROM public.asked'), '0', 'to ask takes no lock');

# A long statement: mapping takes minutes where an export is large. Here one expression does.
$node->safe_psql('postgres', q{
	CREATE TABLE public.delay AS SELECT 0 AS seconds;
	INSERT INTO flitmig.profile (name, doc)
	SELECT 'slow', jsonb_set(p.doc, '{maps}', (SELECT jsonb_agg(CASE m ->> 'name' WHEN 'patient' THEN jsonb_set(m, '{filter}', '"(SELECT pg_sleep(d.seconds) IS NOT NULL FROM public.delay d)"') ELSE m END) FROM jsonb_array_elements(p.doc -> 'maps') m))
	FROM flitmig.profile p WHERE p.name = 'generic'});
mkdir "$work/small";
open(my $fh, '>', "$work/small/patients.csv");
print $fh "Patient ID,First Name,Last Name\n";
print $fh "$_,Given$_,Family$_\n" for 1 .. 60;
close $fh;
migrate_up_to($node, 'slow', "$work/small", profile => 'slow');
$node->safe_psql('postgres', 'UPDATE public.delay SET seconds = 600');
my $states = sub { $node->safe_psql('postgres', "SELECT string_agg(r.state, ',' ORDER BY r.id) FROM flitmig.run r JOIN flitmig.migration m ON m.id = r.migration_id WHERE m.name = 'slow'") };
$psql = run_in_psql("SELECT * FROM flitmig_sample('slow', 20)");
wait_until('mapping is at work', \&sleeping);
$psql->signal('INT');
$psql->finish;
like($err, qr/cancel/i, 'Ctrl-C ends the call in a long statement');
is(workers($node), 0, 'and the worker');
$psql = run_in_psql("SELECT * FROM flitmig_sample('slow', 20)");
wait_until('mapping is at work', \&sleeping);
like($node->safe_psql('postgres', "SELECT flitmig_cancel('slow')"), qr/asked the worker/, 'so does flitmig_cancel');
$psql->finish;
like($err, qr/the run was cancelled.*goes on from there/s, 'and the waiting call says how to go on');
is($states->(), 'cancelled,cancelled', 'both are known as cancelled');
$node->safe_psql('postgres', 'UPDATE public.delay SET seconds = 0');
$node->safe_psql('postgres', "SELECT * FROM flitmig_sample('slow', 20)");
is($states->(), 'cancelled,cancelled,done', 'and the same call does it');

# A lock that somebody forgot holds even the writing down of an answer: Ctrl-C insists after a while.
sign_off($node, 'slow', 20);
hold_table($node, 'base');
$psql = run_in_psql("SELECT * FROM flitmig_run('slow')");
wait_until('an answer waits to be written down', sub { workers($node, "wait_event_type = 'Lock'") > 0 });
$psql->signal('INT');
$psql->finish;
like($err, qr/cancel/i, 'Ctrl-C ends the call although an answer cannot be written down');
wait_until('the worker is gone', sub { workers($node) == 0 });
like($states->(), qr/,cancelled$/, 'the run is known as cancelled');
release_table($node);
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('slow')");
is($node->safe_psql('postgres', "SELECT sum(difference) FROM flitmig.balance WHERE migration = 'slow'"), '0', 'the next run looks the calls up and completes');

sub sleeping { return workers($node, "wait_event = 'PgSleep'") > 0; }

sub run_in_psql
{
	my @sql = @_ ? @_ : "SELECT * FROM flitmig_run('clinic')";
	our $stored = $node->safe_psql('postgres', 'SELECT count(*) FROM flitmig.base');
	($out, $err) = ('', '');
	return start [ 'psql', '-X', '-d', $node->connstr('postgres'), map { ('-c', $_) } @sql ], '<', '/dev/null', '>', \$out, '2>', \$err;
}

sub some_new
{
	our $stored;
	return $node->safe_psql('postgres', 'SELECT count(*) FROM flitmig.base') > $stored + 100;
}

done_testing();
