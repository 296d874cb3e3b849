# Patients whom Twenty has already: taken for the same where the profile says so, blanks filled, nothing overwritten, and given back.
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
write_patients('Town');
write_lines("$work/export/providers.csv", 'Provider ID,Name,Role', 'D1,Dr. Ann Doc,Provider');
write_lines("$work/export/appointments.csv", 'Appointment ID,Patient ID,Provider ID,Type,Status,Start,Duration', map { "A$_,P$_,D1,Visit,Scheduled,01/15/2026 09:30,30" } 1 .. 12);

my $node = start_cluster('adopt', conf => "flitmig.late_window = '1s'\n");

for my $model ('1.17', '2.19')
{
	note "model $model";
	my $twenty = start_twenty('--model', $model, '--seed-foreign', '8');
	my $name = $model eq '1.17' ? 'old' : 'new';
	connect_twenty($node, $twenty, "crm_$name");
	my %person = people_of_hand($twenty);
	my $before = dump_without_times($twenty);

	# without the option: the clash is told beforehand, the record is set aside
	$node->safe_psql('postgres', "SELECT flitmig_create('$name', 'crm_$name', time_zone => 'UTC', date_order => 'MDY')");
	$node->safe_psql('postgres', "SELECT * FROM flitmig_import('$name', '$work/export')");
	$node->safe_psql('postgres', "SELECT flitmig_confirm('$name')");
	like($node->safe_psql('postgres', "SELECT * FROM flitmig_plan('$name')"), qr/patient/, "$model: a plan");
	like($node->safe_psql('postgres', qq{SELECT translate(status || ': ' || detail || ' -> ' || hint, chr(10), ' ') FROM flitmig_preflight('$name') WHERE "check" = 'holders'}),
		qr/yellow: person\.emails: of \d+ values of ours, 5 are taken on the server, 1 of them in the trash.*adopt/, "$model: preflight tells whose e-mail addresses are taken, and of the option");
	sign_off($node, $name, 1000);
	is($node->safe_psql('postgres', "SELECT string_agg(r.source_key, ' ' ORDER BY r.source_key) FROM flitmig.quarantine q JOIN flitmig.record r USING (migration_id, id) JOIN flitmig.migration m ON m.id = q.migration_id WHERE m.name = '$name' AND q.kind = 'refused'"),
		'P1 P2 P3 P4 P5', "$model: without the option they are set aside");
	$node->safe_psql('postgres', "SELECT * FROM flitmig_rollback('$name')");
	is(dump_without_times($twenty), $before, "$model: taken back");

	# with it
	$node->safe_psql('postgres', "UPDATE flitmig.object_map o SET adopt = '{emails.primaryEmail,phones.primaryPhoneNumber}' FROM flitmig.migration m WHERE m.id = o.migration_id AND m.name = '$name' AND o.name = 'patient'");
	$node->safe_psql('postgres', "SELECT flitmig_confirm('$name')");
	sign_off($node, $name, 3);
	$node->safe_psql('postgres', "SELECT * FROM flitmig_run('$name', wait => false)");
	wait_until('a blank was filled', sub { $node->safe_psql('postgres', "SELECT count(*) FROM flitmig.batch b JOIN flitmig.migration m ON m.id = b.migration_id WHERE m.name = '$name' AND b.kind = 'update' AND b.state = 'done'") > 0 });
	$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'flitmig worker'");
	wait_until('the worker is gone', sub { $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'flitmig worker'") == 0 });
	$node->safe_psql('postgres', "SELECT * FROM flitmig_run('$name')");

	is($node->safe_psql('postgres', "SELECT a.source_key || ' ' || a.target_id FROM flitmig.adoption a JOIN flitmig.migration m ON m.id = a.migration_id WHERE m.name = '$name' ORDER BY 1"),
		"P1 $person{blank}\nP2 $person{filled}", "$model: two are adopted, each once");
	is($node->safe_psql('postgres', "SELECT r.source_key || ' ' || q.code FROM flitmig.quarantine q JOIN flitmig.record r USING (migration_id, id) JOIN flitmig.migration m ON m.id = q.migration_id WHERE m.name = '$name' AND q.kind = 'refused' ORDER BY 1"),
		"P3 ADOPT_CONTRADICTS\nP4 ADOPT_TRASHED\nP5 ADOPT_AMBIGUOUS", "$model: another person, one in the trash and a doubtful one are not");
	is($node->safe_psql('postgres', "SELECT count(*) FROM flitmig.finding f JOIN flitmig.migration m ON m.id = f.migration_id WHERE m.name = '$name' AND code LIKE 'ADOPT%' AND hint IS NOT NULL"), '4', "$model: findings tell");
	my $blank = person($twenty, $person{blank});
	is($blank->{homeAddress}{addressCity} . ' ' . $blank->{sourceSystemId} . ' ' . $blank->{clinicRole} . ' ' . $blank->{dateOfBirth}, 'Town P1 PATIENT 1980-01-01', "$model: blanks are filled");
	is($blank->{name}{lastName}, 'Byhand', "$model: a name that a person wrote stays");
	my $filled = person($twenty, $person{filled});
	is($filled->{phones}{primaryPhoneNumber}, '2125550199', "$model: and so does a phone");
	is($filled->{sourceSystemId}, 'P2', "$model: beside what was filled");
	is(visits($twenty, $person{blank}), 1, "$model: a visit points at the adopted person");
	is(graphql($twenty, 'query { people(filter: { emails: { primaryEmail: { eq: "p1@example.org" } } }) { totalCount } }')->{people}{totalCount}, 1, "$model: there is one of them");
	is($node->safe_psql('postgres', "SELECT sum(difference) FROM flitmig.balance WHERE migration = '$name'"), '0', "$model: balance is zero");
	my $writes = @{ writes_of($twenty) };
	$node->safe_psql('postgres', "SELECT * FROM flitmig_run('$name')");
	is(scalar @{ writes_of($twenty) }, $writes, "$model: a second run writes nothing");

	# a later export: what we filled follows, what was theirs is a conflict
	write_patients('City', '3125550177');
	$node->safe_psql('postgres', "SELECT * FROM flitmig_import('$name', '$work/export')");
	$node->safe_psql('postgres', "SELECT * FROM flitmig_run('$name')");
	is(person($twenty, $person{blank})->{homeAddress}{addressCity}, 'City', "$model: a delta changes what we filled");
	is(person($twenty, $person{filled})->{phones}{primaryPhoneNumber}, '2125550199', "$model: and not what was theirs");
	is($node->safe_psql('postgres', "SELECT field || ' ' || c.kind FROM flitmig.conflict c WHERE c.id = '$person{filled}' AND c.kind = 'both'"), 'phones both', "$model: that is a conflict");
	write_patients('Town');
	$node->safe_psql('postgres', "SELECT * FROM flitmig_import('$name', '$work/export')");
	$node->safe_psql('postgres', "SELECT * FROM flitmig_run('$name')");

	# what a person does to an adopted record is kept
	hand($twenty, $person{blank}, { homeAddress => { addressCity => 'Hamlet' } });
	my $report = $node->safe_psql('postgres', "SELECT sum(kept), count(*) FILTER (WHERE kept > 0 AND why ~ 'changed in Twenty') FROM flitmig_rollback('$name') WHERE object = 'patient'");
	is($report, '1|1', "$model: an adopted record that a person changed is kept");
	$blank = person($twenty, $person{blank});
	is($blank->{homeAddress}{addressCity}, 'Hamlet', "$model: with that change") or diag encode_json($blank);
	is($blank->{sourceSystemId} || '', '', "$model: and without the rest of ours");
	is($node->safe_psql('postgres', "SELECT count(*) FROM flitmig.adoption a JOIN flitmig.migration m ON m.id = a.migration_id WHERE m.name = '$name'"), '1', "$model: the other one is given back");
	$node->safe_psql('postgres', "SELECT * FROM flitmig_rollback('$name', force => true)");
	my $after = dump_without_times($twenty);
	ok(without_hand($after) eq without_hand($before), "$model: forced, Twenty is what it was") or diag lines_that_differ($before, $after);
	is($node->safe_psql('postgres', "SELECT count(*) FROM flitmig.adoption"), '0', "$model: nothing is adopted any more");

	# the whole way once more, without anybody's hand
	sign_off($node, $name, 3);
	$node->safe_psql('postgres', "SELECT * FROM flitmig_run('$name')");
	$before = without_hand($before);
	$node->safe_psql('postgres', "SELECT * FROM flitmig_rollback('$name')");
	$after = without_hand(dump_without_times($twenty));
	ok($after eq $before, "$model: adopted and given back to the byte") or diag lines_that_differ($before, $after);
}
done_testing();

# People of Twenty before us: by what our patients will find.
sub people_of_hand
{
	my ($twenty) = @_;
	my %id;
	my $make = sub {
		my ($what, $data) = @_;
		$id{$what} = graphql($twenty, 'mutation($d: PersonCreateInput!) { createPerson(data: $d) { id } }', { d => $data })->{createPerson}{id};
	};
	my $mail = sub { return (emails => { primaryEmail => "$_[0]\@example.org" }); };
	$make->('blank', { name => { firstName => 'Given1', lastName => 'Byhand' }, $mail->('p1') });
	$make->('filled', { name => { firstName => 'given2', lastName => 'Family2' }, $mail->('p2'),
			phones => { primaryPhoneNumber => '2125550199', primaryPhoneCountryCode => 'US', primaryPhoneCallingCode => '+1' } });
	$make->('other', { name => { firstName => 'Mother', lastName => 'Family3' }, $mail->('p3') });
	$make->('trashed', { name => { firstName => 'Given4', lastName => 'Family4' }, $mail->('p4') });
	graphql($twenty, 'mutation($id: UUID!) { deletePerson(id: $id) { id } }', { id => $id{trashed} });
	$make->('twin', { name => { firstName => 'Given5', lastName => 'Family5' }, $mail->('p5') });
	$make->('twin2', { name => { firstName => 'Given5', lastName => 'Family5' },
			phones => { primaryPhoneNumber => '2125550155', primaryPhoneCountryCode => 'US', primaryPhoneCallingCode => '+1' } });
	return %id;
}

sub write_patients
{
	my ($town, $phone) = @_;
	write_lines("$work/export/patients.csv", 'Patient ID,First Name,Last Name,Email,Mobile Phone,Date of Birth,Address 1,City,Primary Provider ID',
		map { my $p = $_ == 2 ? $phone // '2125550123' : $_ == 5 ? '2125550155' : ''; "P$_,Given$_,Family$_,p$_\@example.org,$p,01/01/1980,$_ Main St,$town,D1" } 1 .. 12);
}

sub person
{
	my ($twenty, $id) = @_;
	my %ours;
	for my $field ('homeAddress { addressCity }', 'sourceSystemId', 'clinicRole', 'dateOfBirth')
	{
		# fields of ours may not be there, or not any more
		my $got = eval { graphql($twenty, "query(\$id: UUID!) { person(filter: { id: { eq: \$id } }) { $field } }", { id => $id })->{person} };
		%ours = (%ours, %$got) if $got;
	}
	my $own = graphql($twenty, 'query($id: UUID!) { person(filter: { id: { eq: $id } }) { name { firstName lastName } phones { primaryPhoneNumber } } }', { id => $id })->{person};
	return { %$own, %ours };
}

sub hand
{
	my ($twenty, $id, $data) = @_;
	graphql($twenty, 'mutation($id: UUID!, $d: PersonUpdateInput!) { updatePerson(id: $id, data: $d) { id } }', { id => $id, d => $data });
}

sub visits
{
	my ($twenty, $id) = @_;
	return graphql($twenty, 'query($id: UUID!) { tasks(filter: { patientId: { eq: $id } }) { totalCount } }', { id => $id })->{tasks}{totalCount};
}

# A record that was updated and restored has the time of the restoring write.
sub dump_without_times { my ($twenty) = @_; return http_get($twenty, '/__dump?without=updatedAt,updatedBy'); }

# What the hand did above is told on the timeline.
sub without_hand { my ($dump) = @_; return join "\n", grep { !/timelineActivity/ || !/homeAddress/ } split /\n/, $dump; }
