# What networks and servers do, at every phase: a run ends complete, or stops with a clear state that the next call completes.
# FLITMIG_LONG=1 (make check-long) tries every fault everywhere; by default only the nastiest of each kind.
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
write_export();
my $node = start_cluster('faults', conf => "flitmig.request_timeout = '1500ms'\nflitmig.late_window = '6s'\n");

# phase => which requests of that phase the fault is for
my %phase = (
	introspect => '/metadata', schema => '/createOne(Object|Field)/', create => 'createPeople', children => 'createTasks',
	update => '/updatePerson|createPeople/', readback => '/ people$/', timeline => 'destroyTimelineActivities', destroy => 'destroyPeople', unschema => '/deleteOne(Object|Field)/');
my @faults = qw(limit 429 502 503-retry-after reset-before reset-after apply-then-timeout reset-then-apply-later cut-json slow-drip redirect metadata-half);
my %only = ('metadata-half' => { schema => 1 }, limit => { map { $_ => 1 } qw(create children update readback timeline destroy) });

my @cases;
if ($ENV{FLITMIG_LONG})
{
	for my $p (sort keys %phase)
	{
		push @cases, map { [ $p, $_ ] } grep { !$only{$_} || $only{$_}{$p} } @faults;
	}
}
else
{
	# the nastiest of each kind
	@cases = ([ schema => 'metadata-half' ], [ create => 'reset-then-apply-later' ], [ create => 'apply-then-timeout' ], [ children => '429' ],
		[ update => 'reset-after' ], [ destroy => 'reset-then-apply-later' ]);
}

my $twenty = start_twenty('--model', '2.19', '--seed-foreign', '10');
connect_twenty($node, $twenty);
my $pristine = dump_of($twenty);
for my $case (@cases)
{
	my ($where, $fault) = @$case;
	subtest "$fault at $where" => sub { strike($where, $fault) };
}

sub strike
{
	my ($where, $fault) = @_;
	my $script = encode_json([ { on => $phase{$where}, nth => 1, fault => $fault, ms => 1800 } ]);
	my $name = 'f_' . $where . '_' . ($fault =~ s/\W/_/gr);
	my $armed = sub { http_post($twenty, '/__faults', $script) };
	$node->safe_psql('postgres', "SELECT flitmig_create('$name', 'crm'); SELECT * FROM flitmig_import('$name', '$work/export'); SELECT flitmig_confirm('$name')");
	$armed->() if $where =~ /introspect|schema$/;
	until_done($name, "SELECT * FROM flitmig_sample('$name', 3)") or return;
	$node->safe_psql('postgres', "SELECT flitmig_sign_off('$name', 'ok')");
	$armed->() if $where =~ /create|children|readback/;
	until_done($name, "SELECT * FROM flitmig_run('$name')") or return;
	if ($where eq 'update')
	{
		$node->safe_psql('postgres', "UPDATE ${name}_staging.patients SET first_name = 'Changed'");
		$armed->();
		until_done($name, "SELECT * FROM flitmig_run('$name')") or return;
	}
	exact_set($name);
	$armed->() if $where =~ /timeline|destroy|unschema/;
	until_done($name, "SELECT * FROM flitmig_rollback('$name')") or return;
	http_post($twenty, '/__faults', '[]');
	select(undef, undef, undef, 2) if $fault eq 'reset-then-apply-later';    # the server's own delay, before the last comparison
	my $after = dump_of($twenty);
	ok($after eq $pristine, 'rolled back to the byte') or diag lines_that_differ($pristine, $after);
	if ($after ne $pristine) { http_post($twenty, '/__reset', '{}'); }
}

# Repeats a call that may stop with a clear error, as a DBA would; the third try must do.
sub until_done
{
	my ($name, $sql) = @_;
	for my $try (1 .. 3)
	{
		my ($rc, $out, $err) = $node->psql('postgres', $sql);
		return ok(1, "done in try $try") if $rc == 0;
		like($err, qr/HINT/, 'an error comes with its hint') or diag $err;
		note $err;
	}
	return ok(0, "not done in three tries: $sql");
}

sub exact_set
{
	my ($name) = @_;
	my $mapped = $node->safe_psql('postgres', "SELECT r.object, count(*) FROM flitmig.record r JOIN flitmig.migration m ON m.id = r.migration_id WHERE m.name = '$name' AND r.state = 'mapped' AND r.object IN ('person', 'task') GROUP BY 1 ORDER BY 1");
	my $people = graphql($twenty, 'query { people(filter: { sourceSystemId: { neq: "" } }) { totalCount } }')->{people}{totalCount};
	my $tasks = graphql($twenty, 'query { tasks(filter: { sourceSystemId: { neq: "" } }) { totalCount } }')->{tasks}{totalCount};
	is("person|$people\ntask|$tasks", $mapped, 'Twenty holds exactly the mapped set');
	is($node->safe_psql('postgres', "SELECT sum(difference) FROM flitmig.balance WHERE migration = '$name'"), '0', 'balance is zero');
}

sub write_export
{
	open(my $p, '>', "$work/export/patients.csv");
	print $p "Patient ID,First Name,Last Name,Email\n";
	print $p "$_,Given$_,Family$_,p$_\@example.org\n" for 1 .. 30;
	close $p;
	open(my $a, '>', "$work/export/appointments.csv");
	print $a "Appointment ID,Patient ID,Type,Status,Start,Duration\n";
	print $a "A$_,$_,Visit,Completed,01/15/2026 09:30,30\n" for 1 .. 30;
	close $a;
}
done_testing();
