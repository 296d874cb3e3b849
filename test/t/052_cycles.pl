# Records that point at each other: within one object, between two, around three.  They are created without what points
# forward, a second pass sends it, and a rollback takes all of it back.
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
my $node = start_cluster('cycles');
my $twenty = start_twenty('--model', '2.19', '--seed-foreign', '8');
connect_twenty($node, $twenty);
my $before = dump_of($twenty);

sub relation { my ($to, $label) = @_; return { type => 'RELATION', label => ucfirst $label, relation => $to, relationLabel => "Of $label" }; }
sub object_of_ours { my ($name, %fields) = @_; return { namePlural => "${name}s", label => ucfirst $name, labelPlural => ucfirst "${name}s", fields => \%fields }; }
sub points_at { my ($map, $column) = @_; return { relation => $map, key => "s.$column" }; }

# staff: each has a manager (self), heads a company and belongs to one (a→b→a); ward → doctor → room → ward
my %profile = (
	description => 'cycles',
	entities => { staff => { files => ['staff*'], columns => { id => [], manager => [], company => [], tag => [] }, required => ['id'] },
		firms => { files => ['firms*'], columns => { id => [], head => [] }, required => ['id'] },
		rings => { files => ['rings*'], columns => { id => [], next => [] }, required => ['id'] } },
	targets => {
		person => { fields => { manager => relation('person', 'manager'), tag => { type => 'SELECT', label => 'Tag', options => [ { value => 'GOOD', label => 'Good' } ] } } },
		company => { fields => { head => relation('person', 'head') } },
		ward => object_of_ours('ward', doctor => relation('doctor', 'doctor')),
		doctor => object_of_ours('doctor', room => relation('room', 'room')),
		room => object_of_ours('room', ward => relation('ward', 'ward')) },
	maps => [
		{ name => 'staff', object => 'person', source => '{staff} s', key => 's.id', fields => { jobTitle => 's.id', tag => 's.tag', manager => points_at('staff', 'manager'), company => points_at('firm', 'company') } },
		{ name => 'firm', object => 'company', source => '{firms} s', key => 's.id', fields => { name => 's.id', head => points_at('staff', 'head') } },
		{ name => 'ward', object => 'ward', source => '{rings} s', key => 's.id', fields => { name => 's.id', doctor => points_at('doctor', 'id') } },
		{ name => 'doctor', object => 'doctor', source => '{rings} s', key => 's.id', fields => { name => 's.id', room => points_at('room', 'id') } },
		{ name => 'room', object => 'room', source => '{rings} s', key => 's.id', fields => { name => 's.id', ward => points_at('ward', 'next') } } ]);
mkdir "$work/export";
# one manages all who come before and after, in a chain; 5 manages itself
write_lines("$work/export/staff.csv", 'id,manager,company,tag', map { my $boss = $_ == 5 ? 5 : $_ % 40 + 1; "S$_,S$boss,F" . ($_ % 4) . ',GOOD' } 1 .. 40);
write_lines("$work/export/firms.csv", 'id,head', map { "F$_,S" . (10 * $_ + 1) } 0 .. 3);
write_lines("$work/export/rings.csv", 'id,next', map { "R$_,R" . ($_ % 6 + 1) } 1 .. 6);
$node->safe_psql('postgres', "INSERT INTO flitmig.profile (name, doc) VALUES ('cycles', \$doc\$" . encode_json(\%profile) . "\$doc\$)");
migrate_up_to($node, 'clinic', "$work/export", profile => 'cycles');
sign_off($node, 'clinic', 5);
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");
is($node->safe_psql('postgres', 'SELECT sum(difference) FROM flitmig.balance'), '0', 'balance is zero');
is($node->safe_psql('postgres', "SELECT string_agg(DISTINCT object, ',' ORDER BY object) FROM flitmig.finding WHERE code = 'REFERENCE_CYCLE'") ne '', 1, 'the cycles are findings');
is_deeply(broken_links(), [], 'every record points where its row does');

# The manager of some is refused: they are stored, and their link waits for it.
$node->safe_psql('postgres', q{
	INSERT INTO clinic_staging.staff (_file, _line, _hash, id, manager, company, tag)
	SELECT min(p._file), 100 + i, i, 'T' || i, CASE WHEN i > 1 THEN 'T1' END, 'F1', CASE i WHEN 1 THEN 'BAD_T1' ELSE 'GOOD' END FROM clinic_staging.staff p, generate_series(1, 5) i GROUP BY i;
	UPDATE clinic_staging.staff SET manager = 'T1' WHERE id = 'S7'});
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");
is(set_aside(), 'S7 held, T1 refused, T2 held, T3 held, T4 held, T5 held', 'who points at a refused record is held, not refused');
my $refusals = $node->safe_psql('postgres', "SELECT count(*) FROM flitmig.batch WHERE state IN ('refused', 'split') AND run_id = (SELECT max(id) FROM flitmig.run)");
cmp_ok($refusals, '<=', 3, 'and was not tried');
is($node->safe_psql('postgres', 'SELECT sum(difference) FROM flitmig.balance'), '0', 'balance is zero');
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");
is(set_aside(), 'S7 held, T1 refused, T2 held, T3 held, T4 held, T5 held', 'nor by the next run');
$node->safe_psql('postgres', "UPDATE clinic_staging.staff SET tag = 'GOOD' WHERE id = 'T1'; SELECT flitmig_retry('clinic')");
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('clinic')");
is(set_aside(), '', 'once it is mended, all go');
is_deeply(broken_links(), [], 'and point at it');
is($node->safe_psql('postgres', 'SELECT sum(difference) FROM flitmig.balance'), '0', 'balance is zero');

$node->safe_psql('postgres', "SELECT * FROM flitmig_rollback('clinic')");
my $after = dump_of($twenty);
ok($after eq $before, 'rolled back to the byte') or diag lines_that_differ($before, $after);

sub set_aside { return $node->safe_psql('postgres', "SELECT string_agg(r.source_key || ' ' || q.kind, ', ' ORDER BY r.source_key) FROM flitmig.quarantine q JOIN flitmig.record r ON r.id = q.id"); }

# Relations in Twenty that are not what the rows say.
sub broken_links
{
	my %is = map { my $r = decode_json($_); $r->{id} => $r } map { s/,$//r } grep { /^\{"record":"(person|company|ward|doctor|room)"/ } split /\n/, dump_of($twenty);
	my @broken;
	for (split /\n/, $node->safe_psql('postgres', "SELECT r.id, k.key, k.value FROM flitmig.record r, jsonb_each_text(r.payload) k WHERE k.key LIKE '%Id' AND r.state = 'mapped'"))
	{
		my ($id, $field, $to) = split /\|/;
		push @broken, "$id.$field" if ($is{$id}{$field} // '') ne $to;
	}
	return \@broken;
}

done_testing();
