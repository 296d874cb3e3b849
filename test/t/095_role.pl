# A key whose role lacks rights: preflight tells what, as far as Twenty tells it; a call that is refused for it ends the run with
# what to do, and nothing is lost.
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
write_lines("$work/export/patients.csv", 'Patient ID,First Name,Last Name,Email,Mobile Phone', map { "$_,Given$_,Family$_,p$_\@example.org,2025550" . (100 + $_) } 1 .. 20);
write_lines("$work/export/appointments.csv", 'Appointment ID,Patient ID,Type,Status,Start,Duration', map { "A$_,$_,Visit,Scheduled,01/15/2026 09:30,30" } 1 .. 20);
my $node = start_cluster('role');
for my $model ('1.17', '2.19')
{
	my $name = 'clinic_' . ($model =~ tr/.//dr);
	my $twenty = start_twenty('--model', $model, '--no-demo');
	connect_twenty($node, $twenty, "crm_$name");
	my $before = dump_of($twenty);
	$node->safe_psql('postgres', "SELECT flitmig_create('$name', 'crm_$name', time_zone => 'UTC'); SELECT * FROM flitmig_import('$name', '$work/export'); SELECT flitmig_confirm('$name')");
	my $role = sub { http_post($twenty, '/__role', encode_json($_[0])) };
	my $check = sub { return $node->safe_psql('postgres', "SELECT string_agg(status || ' ' || regexp_replace(detail, '\\s+', ' ', 'g'), '; ') FROM flitmig_preflight('$name') WHERE \"check\" = '$_[0]'") };
	my $refused = sub { return psql_error($node, "SELECT * FROM $_[0]") };

	is($check->('rights'), 'green role "Admin" may change the data model, write and destroy records', "$model: a role that may do everything");
	my %mover = (label => 'Mover', flags => [qw(DATA_MODEL API_KEYS_AND_WEBHOOKS ROLES)]);
	$role->({%mover});
	is($check->('rights'), 'green role "Mover" may change the data model, write and destroy records', "$model: one that may do what is needed");
	$role->({ %mover, objects => { task => '', note => 'r' }, fields => { 'person.emails' => 'r', 'person.phones' => '' } });
	is($check->('rights'), 'red role "Mover" may not read records of task; nor create and edit records of note, task; nor read person.phones; nor write person.emails, person.phones;'
		  . ' nor put records in the trash of note, task; nor destroy records of note, task, so a rollback could not take them back', "$model: single objects and fields");
	$role->({ %mover, all => '', objects => { person => 'rusd' } });
	like($check->('rights'), qr/^red role "Mover" may not read records of (?!.*person)(?=.*task).*nor create and edit/, "$model: rights to some objects only");
	$role->({ %mover, objects => { person => '' } });
	like($check->('holders'), qr/yellow person\.emails: whether values of ours are taken on the server this key may not see/, "$model: unique values that it may not look for are not said to be free");
	$role->({ %mover, all => 'rus' });
	is($check->('rights'), 'yellow role "Mover" may not destroy records, so a rollback could not take them back', "$model: who may not destroy cannot roll back");
	$role->({ %mover, flags => ['API_KEYS_AND_WEBHOOKS'] });
	is($check->('rights'), 'yellow role "Mover" may write and destroy records; not told: whether it may change the data model and what it may do with single objects and fields', "$model: a key that may not see roles");
	# the sensible one: all records, the data model, and nothing else
	$role->({ label => 'Mover', flags => ['DATA_MODEL'] });
	is($check->('rights'), 'yellow what this key may do could not be read', "$model: one that sees neither keys nor roles");
	is($check->('webhooks'), 'yellow could not be read with this key', "$model: nor webhooks");
	is($check->('workflows'), 'green this key may not see them; none is set off by what is written', "$model: nor workflows, but what sets them off");
	my $trigger = graphql($twenty, 'mutation($d: [WorkflowAutomatedTriggerCreateInput!]!) { createWorkflowAutomatedTriggers(data: $d) { id } }',
		{ d => [ { type => 'DATABASE_EVENT', settings => { eventName => 'person.created' } } ] })->{createWorkflowAutomatedTriggers}[0]{id};
	is($check->('workflows'), 'yellow one whose name this key may not see runs for each person that is created: 20 times', "$model: so one that would fire is told");
	graphql($twenty, 'mutation($i: UUID!) { destroyWorkflowAutomatedTrigger(id: $i) { id } }', { i => $trigger });

	# a right that is lacking in the middle
	$role->({ %mover, objects => { task => 'r' } });
	like($refused->("flitmig_sample('$name', 10)"), qr/ERROR:  the role of our API key may not do this on server "crm_$name".*DETAIL:  Kind of call: create, object: task\..*HINT:.*Settings > Roles.*flitmig_preflight\('$name'\)/s, "$model: a refusal says what for, and that it is not the key");
	$role->({ %mover, fields => { 'person.emails' => 'r' } });
	$node->safe_psql('postgres', "INSERT INTO clinic_" . ($model =~ tr/.//dr) . "_staging.patients (_file, _line, _hash, patient_id, first_name, last_name, email) SELECT min(_file), 99, 99, '99', 'Given99', 'Family99', 'p99\@example.org' FROM clinic_" . ($model =~ tr/.//dr) . "_staging.patients");
	my $field = $model eq '1.17' ? '' : ', field: emails';
	like($refused->("flitmig_sample('$name', 30)"), qr/DETAIL:  Kind of call: create, object: person$field\./, "$model: so does one for a field");
	$role->({ %mover, flags => [] });
	like($refused->("flitmig_sample('$name', 30)"), qr/^(?!.*ERROR.*does not accept the API key)/s, "$model: a key that may not change the model, where all is made");
	$role->({%mover});
	$node->safe_psql('postgres', "SELECT * FROM flitmig_sample('$name', 30)");
	cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM flitmig.base b JOIN flitmig.migration m ON m.id = b.migration_id WHERE m.name = '$name' AND b.object IN ('person', 'task')"), '>=', 20, "$model: with the right it goes on");
	$role->({ %mover, all => 'rus' });
	like($refused->("flitmig_rollback('$name')"), qr/may not do this.*Kind of call: destroy/s, "$model: who may not destroy is told so by a rollback");
	$role->({%mover});
	$node->safe_psql('postgres', "SELECT * FROM flitmig_rollback('$name')");
	$role->({});
	my $after = dump_of($twenty);
	ok($after eq $before, "$model: with the right all is taken back") or diag lines_that_differ($before, $after);
}
done_testing();
