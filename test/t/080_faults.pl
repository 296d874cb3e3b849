# What networks and servers do, at every phase: a run ends complete, or stops with a clear state that the next call completes.
# FLITMIG_LONG=1 (make check-long) tries every fault everywhere, and forty random mixes; by default only the nastiest of
# each kind and one mix.  FLITMIG_SLICE=2/5 does a fifth of either, FLITMIG_CASE='regular
# expression' only cases of such a name, as in 'reset-after at create'.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use Flitmig;
use File::Temp qw(tempdir);
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{FLITMIG_SEED} || time();
note "seed $seed (FLITMIG_SEED repeats it)";

my $work = tempdir(CLEANUP => 1);
chmod 0755, $work;
mkdir "$work/export";
mkdir "$work/export/documents";
write_export();
my $node = start_cluster('faults', conf => "flitmig.request_timeout = '1500ms'\nflitmig.late_window = '6s'\n");

# A migration's life. What is armed for a stage is armed when the stage begins.
my @stages = (
	[ sample => sub { "SELECT * FROM flitmig_sample('$_[0]', 3)" } ],
	[ run => sub { "SELECT * FROM flitmig_run('$_[0]')" } ],
	[ delta => sub { "SELECT * FROM flitmig_run('$_[0]')" } ],
	[ undo => sub { "SELECT * FROM flitmig_rollback('$_[0]', run => $_[1])" } ],    # of the delta alone
	[ rollback => sub { "SELECT * FROM flitmig_rollback('$_[0]')" } ]);

# phase => the stage that it is in, which of its requests the fault is for, and from which of them on
my %phase = (
	introspect => [ sample => '/metadata', 1 ],
	schema => [ sample => '/createOne(Object|Field)/', 1 ],
	readback => [ sample => '/ people$/', 1 ],
	create => [ run => 'createPeople', 1 ],
	children => [ run => 'createTasks', 1 ],
	reserve => [ run => 'createFileUpload', 2 ],
	file => [ run => '/file-upload', 2 ],
	complete => [ run => 'completeFileUpload', 2 ],
	attachment => [ run => 'createAttachments', 1 ],
	check => [ delta => '/ people$/', 1 ],
	update => [ delta => '/updatePerson|createPeople/', 1 ],
	restore => [ undo => '/updatePerson|createPeople/', 1 ],
	look => [ rollback => '/ people$/', 1 ],
	timeline => [ rollback => 'destroyTimelineActivities', 1 ],
	destroy => [ rollback => 'destroyPeople', 1 ],
	late => [ rollback => '/ people$/', 2 ],
	count => [ rollback => '/ people$/', 3 ],
	unschema => [ rollback => '/deleteOne(Object|Field)/', 1 ]);
my @faults = qw(limit 429 502 503-retry-after reset-before reset-after apply-then-timeout reset-then-apply-later cut-json slow-drip redirect metadata-half);
my %metadata = map { $_ => 1 } qw(introspect schema reserve file complete unschema);    # no token is asked for there
my %possible = map { my $p = $_; $p => [ grep { $_ eq 'limit' ? !$metadata{$p} : $_ eq 'metadata-half' ? $p =~ /schema$/ : 1 } @faults ] } keys %phase;

my (@cases, $mixes);
if ($ENV{FLITMIG_LONG})
{
	@cases = map { my $p = $_; map { [ $p, $_ ] } @{ $possible{$p} } } sort keys %phase;
	$mixes = 40;
}
else
{
	# the nastiest of each kind
	@cases = ([ schema => 'metadata-half' ], [ create => 'reset-then-apply-later' ], [ create => 'apply-then-timeout' ], [ children => '429' ],
		[ file => 'reset-after' ], [ update => 'reset-after' ], [ destroy => 'reset-then-apply-later' ], [ unschema => 'reset-before' ]);
	$mixes = 1;
}

my $twenty = start_twenty('--model', '2.19', '--seed-foreign', '10');
connect_twenty($node, $twenty);
my $pristine = state_of($twenty);
my $count = 0;
for my $case (slice_of(@cases))
{
	my ($where, $fault) = @$case;
	next if defined $ENV{FLITMIG_CASE} && "$fault at $where" !~ /$ENV{FLITMIG_CASE}/;
	subtest "$fault at $where" => sub { live_through([ rule($where, $fault, 1800) ]) };
}
for my $n (defined $ENV{FLITMIG_CASE} ? () : slice_of(1 .. $mixes))
{
	srand($seed + 7919 * $n);    # the same mix, whichever slice it is in
	my @mix = map { any_rule($_ > 1) } 1 .. 2 + int(rand(3));
	subtest "mix $n of seed $seed: " . join(', ', map { "$_->{fault} at $_->{where}" } @mix) => sub { live_through(\@mix) };
}

sub rule
{
	my ($where, $fault, $ms) = @_;
	my ($stage, $on, $nth) = @{ $phase{$where} };
	# a short window, so that what it teaches does not slow the test down
	return { where => $where, stage => $stage, on => $on, nth => $nth, fault => $fault, ms => $ms, message => 'Limit reached (1000 tokens per 1000 ms)' };
}

# later: may be for one request later, which small things do not always have; the first of a mix is sure to strike
sub any_rule
{
	my ($later) = @_;
	my @where = sort keys %phase;
	my $where = $where[ int(rand(@where)) ];
	my @fault = @{ $possible{$where} };
	my $rule = rule($where, $fault[ int(rand(@fault)) ], 300 + int(rand(2000)));
	return { %$rule, nth => $rule->{nth} + ($later ? int(rand(2)) : 0), times => 1 + int(rand(2)) };
}

# One migration from its sample to its rollback, with those faults.
sub live_through
{
	my ($rules) = @_;
	my $name = 'f_' . ++$count;
	my $delta;
	my $struck = 0;
	$node->safe_psql('postgres', "SELECT flitmig_create('$name', 'crm'); SELECT * FROM flitmig_import('$name', '$work/export'); SELECT flitmig_confirm('$name')");
	for (@stages)
	{
		my ($stage, $sql) = @$_;
		my @now = grep { $_->{stage} eq $stage } @$rules;
		next if $stage eq 'delta' && !grep { $_->{stage} =~ /delta|undo/ } @$rules;
		next if $stage eq 'undo' && !$delta;
		$node->safe_psql('postgres', "UPDATE ${name}_staging.patients SET first_name = 'Changed'") if $stage eq 'delta';
		http_post($twenty, '/__faults', encode_json(\@now));
		until_done($sql->($name, $delta), 3 + @now) or last;
		$struck += grep { $_->{struck} } @{ decode_json(http_get($twenty, '/__faults')) };
		http_post($twenty, '/__faults', '[]');    # what has not struck is not for our own questions
		$node->safe_psql('postgres', "SELECT flitmig_sign_off('$name', 'ok')") if $stage eq 'sample';
		exact_set($name) if $stage eq 'run' || $stage eq 'delta';
		$delta = $node->safe_psql('postgres', "SELECT max(r.id) FROM flitmig.run r JOIN flitmig.migration m ON m.id = r.migration_id WHERE m.name = '$name' AND r.kind = 'delta' AND EXISTS (SELECT FROM flitmig.undo u WHERE u.run_id = r.id)")
		  if $stage eq 'delta';
	}
	cmp_ok($struck, '>=', 1, 'the fault has struck');
	select(undef, undef, undef, 2) if grep { $_->{fault} eq 'reset-then-apply-later' } @$rules;    # the server's own delay, before the last comparison
	my $after = state_of($twenty);
	if (ok($after eq $pristine, 'rolled back to the byte'))
	{
		$node->safe_psql('postgres', "SELECT flitmig_drop('$name')");
		return;
	}
	diag lines_that_differ($pristine, $after);
	http_post($twenty, '/__reset', '{}');
	$pristine = state_of($twenty);
}

# Everything in Twenty, but for reservations of uploads: one whose answer was lost has a name that nobody learns.  It
# holds no byte, and Twenty lets it expire.
sub state_of
{
	my ($twenty) = @_;
	return join("\n", grep { !/^\{"file":.*"size":0,.*"complete":false,"holder":null\}/ } map { s/,$//r } split /\n/, dump_of($twenty));
}

# Repeats a call that may stop with a clear error, as a DBA would.
sub until_done
{
	my ($sql, $tries) = @_;
	for my $try (1 .. $tries)
	{
		my ($rc, $out, $err) = $node->psql('postgres', $sql);
		return ok(1, "$sql: done in try $try") if $rc == 0;
		like($err, qr/HINT/, 'an error comes with its hint') or diag $err;
		note $err;
	}
	return ok(0, "not done in $tries tries: $sql");
}

sub exact_set
{
	my ($name) = @_;
	my %count = map { split /\|/ } split /\n/, $node->safe_psql('postgres', "SELECT r.object, count(*) FROM flitmig.record r JOIN flitmig.migration m ON m.id = r.migration_id WHERE m.name = '$name' AND r.state = 'mapped' GROUP BY 1");
	my %there = (
		person => graphql($twenty, 'query { people(filter: { sourceSystemId: { neq: "" } }) { totalCount } }')->{people}{totalCount},
		task => graphql($twenty, 'query { tasks(filter: { sourceSystemId: { neq: "" } }) { totalCount } }')->{tasks}{totalCount},
		attachment => graphql($twenty, 'query { attachments { totalCount } }')->{attachments}{totalCount});
	is_deeply(\%there, { map { $_ => $count{$_} } keys %there }, 'Twenty holds exactly the mapped set');
	is($node->safe_psql('postgres', "SELECT sum(difference) FROM flitmig.balance WHERE migration = '$name'"), '0', 'balance is zero');
	is($node->safe_psql('postgres', "SELECT count(*) FROM flitmig.quarantine q JOIN flitmig.migration m ON m.id = q.migration_id WHERE m.name = '$name'"), '0', 'nothing was set aside');
}

sub write_export
{
	write_lines("$work/export/patients.csv", 'Patient ID,First Name,Last Name,Email', map { "$_,Given$_,Family$_,p$_\@example.org" } 1 .. 30);
	write_lines("$work/export/appointments.csv", 'Appointment ID,Patient ID,Type,Status,Start,Duration', map { "A$_,$_,Visit,Completed,01/15/2026 09:30,30" } 1 .. 30);
	write_lines("$work/export/documents.csv", 'Document ID,Patient ID,Note ID,File Name,Path,Title,Content Type,Uploaded At',
		map { "F$_,$_,,f$_.txt,documents/f$_.txt,Letter,text/plain,2026-01-0$_ 10:00:00" } 1 .. 6);
	write_lines("$work/export/documents/f$_.txt", "letter $_") for 1 .. 6;
}

done_testing();
