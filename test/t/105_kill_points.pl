# A kill at every point of a batch's life.  The product has no hooks for this: a point is reached and held from outside,
# by a lock on the table that the worker writes next, or by a stand-in that keeps its answer to itself.
#
#	planned ── intent committed ── sending ── sent ── applied ── answer read ── outcome committed ── verifying ── all done
#
# FLITMIG_LONG=1 (make check-long) does every blow at every point; by default each point and each blow comes once.
# FLITMIG_POINT='regular expression' does only points of such a name, FLITMIG_SLICE=2/5 a fifth of the cases.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use Flitmig;
use File::Temp qw(tempdir);
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $PATIENTS = 50;    # a case; three batches
my $work = tempdir(CLEANUP => 1);
chmod 0755, $work;
my $node = start_cluster('points', conf => "flitmig.requests_in_flight = 1\n");
my $twenty = start_twenty('--model', '2.19', '--seed-foreign', '10');
connect_twenty($node, $twenty);
my $before = dump_of($twenty);
my ($held, $n, $generation) = (0, 0, 0);
my %foreign = map { $_ => 1 } record_ids($before);
create_migration();

my $run = "SELECT * FROM flitmig_run('clinic')";
my $sample = "SELECT * FROM flitmig_sample('clinic', 100000)";
my $waits_for_lock = sub { workers($node, "wait_event_type = 'Lock'") > 0 };

# name, the command, what holds it there, and how it is seen to be there
my @points = (
	[ 'planned', $run, sub { hold_table($node, 'undo') }, $waits_for_lock ],
	[ 'intent committed', $run, sub { fault('createPeople', 'limit', message => 'Limit reached (1 tokens per 600000 ms)') },
		sub { is_open() && $node->safe_psql('postgres', "SELECT refusals > 0 FROM flitmig.run ORDER BY id DESC LIMIT 1") eq 't' } ],
	[ 'sending', $run, sub { fault('createPeople', 'timeout-before', ms => 6000) }, sub { struck() && is_open() } ],
	[ 'sent', $run, sub { fault('createPeople', 'delay', ms => 2500) }, sub { struck() && is_open() } ],
	[ 'applied', $run, sub { fault('createPeople', 'apply-then-timeout', ms => 6000) }, sub { struck() && is_open() && created() } ],
	[ 'answer read', $run, sub { hold_table($node, 'base') }, $waits_for_lock ],
	[ 'outcome committed', $run, sub { hold_table($node, 'base') }, sub { pass_on('undo') && of_this_run("state = 'done' AND kind = 'create'") > 0 } ],
	[ 'verifying', $sample, sub { fault('/ people$/', 'timeout-before', ms => 6000) }, sub { struck() && is_open() } ],
	[ 'all done', $run, sub { hold_table($node, 'base') }, sub { pass_on('audit') && of_this_run("state IN ('planned', 'open')") == 0 } ]);

my @blows = (
	[ 'SIGINT to the worker' => sub { kill 'INT', pid_of("backend_type = 'flitmig worker'") } ],
	[ 'kill -9 of the worker' => sub { kill_hard($node, pid_of("backend_type = 'flitmig worker'")) } ],
	[ 'kill -9 of the postmaster' => sub { $node->kill9; start_when_orphans_are_gone($node) } ],
	[ 'pg_ctl stop -m immediate' => sub { $node->stop('immediate'); $node->start } ],
	[ 'SIGTERM to the worker' => sub { kill 'TERM', pid_of("backend_type = 'flitmig worker'") } ],
	[ 'kill -9 of the waiting backend' => sub { kill_hard($node, pid_of("application_name = 'caller'")) } ],
	[ 'SIGINT to the waiting backend' => sub { kill 'INT', pid_of("application_name = 'caller'") } ],
	[ 'SIGTERM to the waiting backend' => sub { kill 'TERM', pid_of("application_name = 'caller'"); leave_to_the_worker() } ],
	[ 'pg_ctl stop -m fast' => sub { $node->stop('fast'); $node->start } ]);

my @cases;
for my $i (0 .. $#points)
{
	next if defined $ENV{FLITMIG_POINT} && $points[$i][0] !~ /$ENV{FLITMIG_POINT}/;
	push @cases, map { [ $points[$i], $blows[ ($i + $_) % @blows ] ] } $ENV{FLITMIG_LONG} ? (0 .. $#blows) : (1);
}
@cases = slice_of(@cases);
for my $case (@cases)
{
	my ($point, $blow) = @$case;
	subtest "$point->[0]: $blow->[0]" => sub { strike(@$point, @$blow) };
	take_back() if ++$n % 4 == 0 || $n == @cases;
}

sub strike
{
	my ($name, $sql, $hold, $there, $blow, $hit) = @_;
	stage_patients();
	http_post($twenty, '/__log-clear', '');
	$held = 0;
	$hold->();
	my $caller = in_background($node, $sql, name => 'caller');
	wait_until("the batch is there: $name", $there);
	$hit->();
	http_post($twenty, '/__faults', '[]');
	release_table($node);
	waitpid($caller, 0);
	wait_until('the worker is gone', sub { workers($node) == 0 });
	know_limit();
	my ($rc, $out, $err) = $node->psql('postgres', $run);
	is($rc, 0, 'the next run completes') or diag $err;
	is_exact();
}

# Twenty holds the mapped set, and no id was ever stored twice.
sub is_exact
{
	my @ours = grep { !$foreign{$_} } record_ids(dump_of($twenty));
	my @mapped = split /\n/, $node->safe_psql('postgres', "SELECT id FROM flitmig.record WHERE state = 'mapped'");
	is_deeply([ sort @ours ], [ sort @mapped ], 'Twenty holds exactly the mapped set');
	cmp_ok(scalar @mapped, '>=', 3 * $PATIENTS, 'which is not empty');
	my %times;
	$times{$_}++ for map { @{ $_->{ids} } } grep { $_->{field} =~ /^create/ && !$_->{error} && !$_->{free} } @{ writes_of($twenty) };
	is(scalar(grep { $_ > 1 } values %times), 0, 'no id was created twice');
	is($node->safe_psql('postgres', "SELECT (SELECT sum(difference) FROM flitmig.balance), (SELECT count(*) FROM flitmig.quarantine), (SELECT count(*) FROM flitmig.run WHERE state IN ('queued', 'running'))"),
		'0|0|0', 'balance is zero, nothing is set aside, every run is known to have ended');
}

sub take_back
{
	my ($rc, $out, $err) = $node->psql('postgres', "SELECT * FROM flitmig_rollback('clinic')");
	is($rc, 0, 'rollback') or diag $err;
	my $after = dump_of($twenty);
	ok($after eq $before, "after $n kills: taken back to the byte") or diag lines_that_differ($before, $after);
	$node->safe_psql('postgres', 'DELETE FROM clinic_staging.patients WHERE _line > 2');
}

# A session that is ended leaves its worker at work; here it is stopped after all.
sub leave_to_the_worker
{
	wait_until('the caller is gone', sub { $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'caller'") eq '0' });
	is(workers($node), 1, 'the worker goes on alone');
	kill 'INT', pid_of("backend_type = 'flitmig worker'");    # flitmig_cancel would wait for the audit, where that is held
}

# ---- holding and seeing ----

sub fault
{
	my ($on, $fault, %more) = @_;
	http_post($twenty, '/__faults', encode_json([ { on => $on, fault => $fault, nth => 1, times => $fault eq 'limit' ? 1000 : 1, %more } ]));
}

sub struck { return decode_json(http_get($twenty, '/__faults'))->[0]{struck} > 0; }
sub is_open { return $node->safe_psql('postgres', "SELECT count(*) FROM flitmig.batch b WHERE b.state = 'open' AND b.run_id = (SELECT max(id) FROM flitmig.run) AND b.phase ~ '^(create|verify)'") > 0; }
sub created { return grep { $_->{field} eq 'createPeople' } @{ writes_of($twenty) }; }
sub of_this_run { my ($condition) = @_; return $node->safe_psql('postgres', "SELECT count(*) FROM flitmig.batch WHERE run_id = (SELECT max(id) FROM flitmig.run) AND $condition"); }

# While the worker waits for the first table it cannot get ahead of us: the next lock is taken, then the first one given free.
sub pass_on
{
	my ($table) = @_;
	return 0 unless $waits_for_lock->();
	return 1 if $held;
	hold_table($node, $table);
	release_table($node, 'base');
	$held = 1;
	return 0;
}

sub pid_of
{
	my ($condition) = @_;
	my $pid = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE $condition");
	like($pid, qr/^\d+$/, 'there is somebody to hit');
	return $pid;
}

# ---- the clinic ----

# Small batches, and no memory of a limit that was only played.
sub know_limit
{
	$node->safe_psql('postgres', "DELETE FROM flitmig.server_limit; INSERT INTO flitmig.server_limit (server, max_tokens, window_ms, batch_size) VALUES ('crm', 0, 0, 20)");
}

# So many patients more than before.
sub stage_patients
{
	$generation++;
	$node->safe_psql('postgres', "INSERT INTO clinic_staging.patients (_file, _line, _hash, patient_id, first_name, last_name) "
		  . "SELECT min(p._file), $generation * 1000 + i, i, '$generation-' || i, 'Given' || i, 'Family' || $generation FROM clinic_staging.patients p, generate_series(1, $PATIENTS) i GROUP BY i");
}

sub create_migration
{
	my %profile = (
		description => 'people, and a task for each',
		entities => { patients => { files => ['patients*'], columns => { patient_id => [], first_name => [], last_name => [] }, required => ['patient_id'] } },
		targets => { person => { fields => { sourceSystemId => { type => 'TEXT', label => 'Source system id', unique => JSON::PP::true } } } },
		maps => [
			{ name => 'patient', object => 'person', source => '{patients} s', key => 's.patient_id',
				fields => { name => 'flitmig.full_name(s.first_name, s.last_name)', sourceSystemId => 's.patient_id' } },
			{ name => 'visit', object => 'task', source => '{patients} s', key => 's.patient_id', fields => { title => q('Visit') } },
			{ name => 'visit_patient', object => 'taskTarget', source => '{patients} s', key => 's.patient_id',
				fields => { task => { relation => 'visit', key => 's.patient_id' }, '@person' => { relation => 'patient', key => 's.patient_id' } } } ]);
	$node->safe_psql('postgres', "INSERT INTO flitmig.profile (name, doc) VALUES ('small', \$doc\$" . encode_json(\%profile) . "\$doc\$)");
	mkdir "$work/export";
	open(my $fh, '>', "$work/export/patients.csv");
	print $fh "patient_id,first_name,last_name\n0-0,Ada,First\n";
	close $fh;
	migrate_up_to($node, 'clinic', "$work/export", profile => 'small');
	know_limit();
	sign_off($node, 'clinic', 1);
}

sub record_ids
{
	my ($dump) = @_;
	return $dump =~ /^\{"record":"(?!timelineActivity)\w+","id":"([0-9a-f-]{36})"/mg;
}
done_testing();
