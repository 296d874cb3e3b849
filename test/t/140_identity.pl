# Twenty is what it was, to the byte, after whatever was rolled back: a full run, a sample alone, a delta, a run that was killed,
# a rollback that was killed and resumed.  On a workspace with foreign records that people have edited.
# FLITMIG_LONG=1 (make check-long): every way on both models, with a larger clinic.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use Flitmig;
use File::Temp qw(tempdir);
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $long = $ENV{FLITMIG_LONG};
my $work = tempdir(CLEANUP => 1);
chmod 0755, $work;
my @members = ('anna@clinic.test', 'ben@clinic.test');
if ($long)
{
	my $manifest = generate_clinic("$work/first", '--patients', 300, '--seed', '17');
	generate_clinic("$work/second", '--patients', 300, '--seed', '17', '--delta');
	@members = @{ $manifest->{members} };
}
else
{
	small_clinic('first', 'Town', 30);
	small_clinic('second', 'City', 33);
}
my $node = start_cluster('identity', conf => "flitmig.late_window = '1s'\n");
my $last_run = 0;
my @ways = ('full run', 'sample only', 'delta', 'killed run', 'killed and resumed rollback');

for my $model ('2.19', '1.17')
{
	my $twenty = start_twenty('--model', $model, '--seed-foreign', '500', '--latency', '20', '--members', join(',', @members));
	my $server = 'crm_' . ($model =~ s/\W/_/r);
	connect_twenty($node, $twenty, $server);
	edit_by_hand($twenty);
	my $before = dump_of($twenty);
	# a full run alone is 010's, on both models
	for my $way ($long ? @ways : $model eq '2.19' ? @ways[1 .. 4] : $ways[4])
	{
		my $name = 'c_' . ($model =~ s/\W/_/r) . '_' . ($way =~ s/\W+/_/gr);
		$node->safe_psql('postgres', "SELECT flitmig_create('$name', '$server', time_zone => 'America/New_York', date_order => 'MDY'); SELECT * FROM flitmig_import('$name', '$work/first'); SELECT flitmig_confirm('$name')");
		sign_off($node, $name, 20);
		if ($way eq 'killed run')
		{
			$last_run = $node->safe_psql('postgres', 'SELECT max(id) FROM flitmig.run');
			$node->safe_psql('postgres', "SELECT * FROM flitmig_run('$name', wait => false)");
			kill_worker_when("SELECT count(*) FROM flitmig.batch b JOIN flitmig.run r ON r.id = b.run_id JOIN flitmig.migration m ON m.id = r.migration_id WHERE m.name = '$name' AND r.kind = 'run' AND b.kind = 'create' AND b.state = 'done'", 2);
		}
		elsif ($way ne 'sample only')
		{
			$node->safe_psql('postgres', "SELECT * FROM flitmig_run('$name')");
		}
		if ($way eq 'delta')
		{
			$node->safe_psql('postgres', "SELECT * FROM flitmig_import('$name', '$work/second'); ");
			$node->safe_psql('postgres', "SELECT * FROM flitmig_run('$name')");
		}
		if ($way =~ /rollback/)
		{
			start_call("SELECT * FROM flitmig_rollback('$name')");
			kill_worker_when("SELECT count(*) FROM flitmig.batch b JOIN flitmig.run r ON r.id = b.run_id JOIN flitmig.migration m ON m.id = r.migration_id WHERE m.name = '$name' AND b.kind = 'destroy' AND b.state = 'done'", 3);
		}
		is($node->safe_psql('postgres', "SELECT coalesce(sum(kept), 0) FROM flitmig_rollback('$name')"), '0', "$model, $way: nothing is kept");
		my $after = dump_of($twenty);
		ok($after eq $before, "$model, $way: rolled back to the byte") or diag lines_that_differ($before, $after);
		is(destroys_without_ids($twenty), 0, "$model, $way: no destroy without a list of ids");
	}
}

# Records of one map that point at each other, more than one destroy call names: what a rollback has unlinked itself is no person's change.
{
	my $many = 2300;
	mkdir "$work/chain";
	open(my $fh, '>', "$work/chain/patients.csv");
	print $fh "Patient ID,First Name,Last Name,Referring Provider ID\n";
	print $fh "P$_,Given$_,Family$_," . ($_ > 1 ? 'P' . ($_ - 1) : '') . "\n" for 1 .. $many;
	close $fh;
	$node->safe_psql('postgres', q{
		INSERT INTO flitmig.profile (name, doc)
		SELECT 'chain', jsonb_build_object('entities', doc -> 'entities', 'targets', '{"person": {"fields": {"sourceSystemId": {"type": "TEXT", "label": "Source system id", "unique": true},
			"guardian": {"type": "RELATION", "label": "Guardian", "relation": "person", "relationLabel": "Wards"}}}}'::jsonb,
			'maps', '[{"name": "patient", "object": "person", "source": "{patients} s", "key": "s.patient_id",
			  "fields": {"name": "flitmig.full_name(s.first_name, s.last_name)", "sourceSystemId": "s.patient_id", "guardian": {"relation": "patient", "key": "s.referring_provider_id"}}}]'::jsonb)
		FROM flitmig.profile WHERE name = 'generic'});
	my $twenty = start_twenty('--model', '2.19', '--seed-foreign', '20');
	connect_twenty($node, $twenty, 'crm_chain');
	my $before = dump_of($twenty);
	# as it is in a large run: the planner knows nothing yet of what comes now
	$node->safe_psql('postgres', $_) for 'ALTER SYSTEM SET autovacuum = off', 'SELECT pg_reload_conf()', 'ANALYZE';
	$node->safe_psql('postgres', "SELECT flitmig_create('chain', 'crm_chain', profile => 'chain', time_zone => 'UTC'); SELECT * FROM flitmig_import('chain', '$work/chain'); SELECT flitmig_confirm('chain')");
	sign_off($node, 'chain', 5);
	$node->safe_psql('postgres', "SELECT * FROM flitmig_run('chain')");
	is(graphql($twenty, 'query { people(filter: { guardianId: { is: NOT_NULL } }) { totalCount } }')->{people}{totalCount}, $many - 1, 'every ward has its guardian');
	http_post($twenty, '/__faults', encode_json([ { on => 'destroyPeople', nth => 2, fault => 'timeout-before', ms => 20000 } ]));
	start_call("SELECT * FROM flitmig_rollback('chain')");
	kill_worker_when("SELECT count(*) FROM flitmig.batch b JOIN flitmig.migration m ON m.id = b.migration_id WHERE m.name = 'chain' AND b.kind = 'destroy' AND b.state = 'done'", 1);
	http_post($twenty, '/__faults', '[]');
	cmp_ok(graphql($twenty, 'query { people(filter: { guardianId: { is: NOT_NULL } }) { totalCount } }')->{people}{totalCount}, '<', 300, 'some were destroyed, and with them links of others');
	is($node->safe_psql('postgres', "SELECT coalesce(sum(kept), 0) FROM flitmig_rollback('chain')"), '0', 'the resumed rollback keeps none of them');
	my $after = dump_of($twenty);
	ok($after eq $before, 'and Twenty is what it was') or diag lines_that_differ($before, $after);
}
done_testing();

# One of everything that a map is for.
sub small_clinic
{
	my ($dir, $town, $n) = @_;
	mkdir "$work/$dir";
	mkdir "$work/$dir/docs";
	my $put = sub {
		my ($name, @lines) = @_;
		open(my $fh, '>', "$work/$dir/$name");
		print $fh "$_\n" for @lines;
		close $fh;
	};
	my @who = 1 .. $n;
	$put->('locations.csv', 'Location ID,Name,Kind,City', map { "L$_,Place $_,Clinic,$town" } 1 .. 3);
	$put->('payers.csv', 'Payer ID,Name,Website', map { "I$_,Insurer $_,https://insurer$_.example.org" } 1 .. 3);
	$put->('providers.csv', 'Provider ID,Name,Role,Location ID', map { "D$_,Dr. Doc$_,Physician,L1" } 1 .. 4);
	$put->('patients.csv', 'Patient ID,First Name,Last Name,Email,Mobile Phone,Address 1,City,Status,Consent,Balance,Primary Provider ID,Location ID,Account Owner Email',
		map { "P$_,Given$_,Family$_,p$_\@example.org,(212) 555-01" . sprintf('%02d', $_) . ",$_ Main St,$town,Active,Yes,\$12.50,D" . (1 + $_ % 4) . ",L2,anna\@clinic.test" } @who);
	$put->('insurance.csv', 'Policy ID,Patient ID,Priority,Payer ID,Carrier,Policy Number,Coverage Type', map { "Y$_,P$_,Primary,I1,Insurer 1,N$_,PPO" } @who);
	$put->('appointments.csv', 'Appointment ID,Patient ID,Provider ID,Owner,Type,Status,Start,Duration,Location ID', map { "A$_,P$_,D1,ben\@clinic.test,Visit,No show,01/15/2026 09:30,30,L1" } @who);
	$put->('notes.csv', 'Note ID,Patient ID,Appointment ID,Title,Encounter Date,Body', map { "N$_,P$_,A$_,Visit,01/15/2026,Came to $town." } @who);
	$put->('claims.csv', 'Claim Number,Patient ID,Provider ID,Payer ID,Service Date,Amount Billed,Status', map { "C$_,P$_,D1,I1,01/15/2026,\$100.00,Paid" } @who);
	$put->('care_plans.csv', 'Plan ID,Patient ID,Provider ID,Title,Status,Start,Narrative', map { "K$_,P$_,D2,Plan,Active,01/15/2026,Walk more." } @who);
	$put->('care_plan_items.csv', 'Item ID,Plan ID,Procedure Code,Description,Status', map { "T$_,K$_,97110,Exercise,Active" } @who);
	$put->('lab_results.csv', 'Result ID,Patient ID,Provider ID,Test Name,Value,Unit,Date Collected,Narrative', map { "R$_,P$_,D3,Glucose,9$_,mg/dL,01/15/2026,Fine." } @who);
	$put->('documents.csv', 'Document ID,Patient ID,File Name,Path,Title,Uploaded At', map { "F$_,P$_,f$_.txt,docs/f$_.txt,Letter,2026-01-02 10:00:00" } 1 .. 5);
	$put->("docs/f$_.txt", "letter $_") for 1 .. 5;
}

# What people had done before us.
sub edit_by_hand
{
	my ($twenty) = @_;
	my $people = graphql($twenty, 'query { people(filter: { jobTitle: { eq: "Neighbour" } }, first: 20) { edges { node { id } } } }')->{people}{edges};
	my $companies = graphql($twenty, 'query { companies(first: 20) { edges { node { id } } } }')->{companies}{edges};
	for my $i (0 .. 9)
	{
		graphql($twenty, 'mutation($id: UUID!, $d: PersonUpdateInput!) { updatePerson(id: $id, data: $d) { id } }',
			{ id => $people->[$i]{node}{id}, d => { jobTitle => "Edited $i", companyId => $companies->[ $i % @$companies ]{node}{id} } });
		graphql($twenty, 'mutation($id: UUID!, $d: CompanyUpdateInput!) { updateCompany(id: $id, data: $d) { id } }',
			{ id => $companies->[$i]{node}{id}, d => { name => "Edited company $i" } });
	}
}

# A call in a session of its own; its end is not waited for.
sub start_call
{
	my ($sql) = @_;
	$last_run = $node->safe_psql('postgres', 'SELECT coalesce(max(id), 0) FROM flitmig.run');
	my $pid = fork();
	if ($pid == 0)
	{
		open(STDOUT, '>', '/dev/null');
		open(STDERR, '>', '/dev/null');
		exec('psql', '-X', '-d', $node->connstr('postgres'), '-c', $sql) or exit 1;
	}
}

# kill -9 takes every session along; then the cluster comes back by itself.  A run that was over before the call says nothing.
sub kill_worker_when
{
	my ($count, $least) = @_;
	wait_until('the work is in its middle', sub { $node->safe_psql('postgres', $count) >= $least
		  || $node->safe_psql('postgres', "SELECT count(*) FROM flitmig.run WHERE id = (SELECT max(id) FROM flitmig.run) AND id > $last_run AND state IN ('done', 'failed')") });
	my $pid = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'flitmig worker' LIMIT 1");
	kill_hard($node, $pid) if $pid;
}

sub destroys_without_ids
{
	my ($twenty) = @_;
	return scalar grep { $_->{field} =~ /^destroy/ && $_->{field} ne 'destroyTimelineActivities' && !@{ $_->{ids} // [] } && ($_->{records} // 0) > 0 } @{ writes_of($twenty) };
}
