# Files: three upload dialects, five places where files lie, each arrives once with its bytes, name, type and date.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use Digest::SHA qw(sha256_hex);
use Flitmig;
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use JSON::PP;
use IO::Compress::Zip qw($ZipError);
use MIME::Base64 qw(encode_base64);
use PostgreSQL::Test::Utils;
use Test::More;

my $work = tempdir(CLEANUP => 1);
chmod 0755, $work;
my %bytes = (
	named => "%PDF-1.4 named\n" . pack('C*', 0 .. 255) x 4000,
	bare => "\x89PNG\r\n\x1a\n bare" . pack('C*', 0 .. 255),
	drive => "plain words of a letter\n",
	packed => "\xFF\xD8\xFF packed" . pack('C*', reverse 0 .. 255) x 4000,
	twin1 => "one\n",
	twin2 => "another\n",
	gone => "vanishes\n");
mkdir "$work/$_" for qw(export export/scans export/scans/7 export/other box);
put("export/scans/7/letter.pdf", $bytes{named});
put("export/other/x-ray", $bytes{bare});
put("export/other/words.txt", $bytes{drive});
put("export/scans/twin.txt", $bytes{twin1});
put("export/other/twin.txt", $bytes{twin2});
put("export/other/gone.txt", $bytes{gone});
zip_of('box/inner.zip', 'inner/photo.jpg' => $bytes{packed});
system("cd $work/box && tar -czf ../export/docs.tar.gz inner.zip") == 0 or BAIL_OUT('no tar');
put('export/patients.csv', join('', map { "$_\n" } 'Patient ID,First Name,Last Name', map { "P$_,Given$_,Family$_" } 1 .. 3));
my @index = ([ 'F1', 'scans/7/letter.pdf' ], [ 'F2', 'x-ray' ], [ 'F3', 'C:\\EHR\\other\\words.txt' ], [ 'F4', 'docs.tar.gz!inner.zip!inner/photo.jpg' ], [ 'F5', 'twin.txt' ], [ 'F6', 'nowhere.pdf' ], [ 'F7', 'other/gone.txt' ]);
put('export/documents.csv', join('', map { "$_\n" } 'Document ID,Patient ID,File Name,Path,Title,Uploaded At', map { "$_->[0],P1,,$_->[1],Scan,2020-01-02 10:00:00" } @index));

my $node = start_cluster('files', conf => "flitmig.late_window = '1s'\n");
for my $dialect (qw(path direct field))
{
	note "dialect $dialect";
	my $twenty = start_twenty('--model', $dialect eq 'path' ? '1.17' : '2.19', $dialect eq 'field' ? ('--without-mutations', 'createFileUpload,completeFileUpload') : ());
	my $name = "f_$dialect";
	put('export/other/gone.txt', $bytes{gone});
	connect_twenty($node, $twenty, "crm_$name");
	my $before = dump_of($twenty);
	$node->safe_psql('postgres', "SELECT flitmig_create('$name', 'crm_$name', time_zone => 'UTC', date_order => 'MDY'); SELECT * FROM flitmig_import('$name', '$work/export'); SELECT flitmig_confirm('$name')");
	$node->safe_psql('postgres', "UPDATE flitmig.migration SET signed_hash = mapping_hash WHERE name = '$name'");
	put('export/other/gone.txt', 'other bytes');
	# killed while the first file is on its way
	http_post($twenty, '/__faults', encode_json([ { on => { path => 'uploadFile', field => 'uploadFilesFieldFile', direct => '/file-upload' }->{$dialect}, nth => 1, fault => 'apply-then-timeout', ms => 8000 } ]));
	$node->safe_psql('postgres', "SELECT * FROM flitmig_run('$name', wait => false)");
	wait_until('a file is on its way', sub { $node->safe_psql('postgres', "SELECT count(*) FROM flitmig.batch b JOIN flitmig.migration m ON m.id = b.migration_id WHERE m.name = '$name' AND b.kind = 'upload' AND b.state = 'open'") > 0 });
	$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'flitmig worker'");
	wait_until('the worker is gone', sub { $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'flitmig worker'") == 0 });
	http_post($twenty, '/__faults', '[]');
	$node->safe_psql('postgres', "SELECT * FROM flitmig_run('$name')");

	is($node->safe_psql('postgres', "SELECT DISTINCT dialect FROM flitmig.upload u JOIN flitmig.migration m ON m.id = u.migration_id WHERE m.name = '$name' AND dialect IS NOT NULL"), $dialect, "$dialect: chosen from the server's schema");
	my %held = held_files($twenty);
	is_deeply([ sort keys %held ], [ sort map { sha256_hex($bytes{$_}) } qw(named bare drive packed) ], "$dialect: the bytes of each arrived");
	is(join(' ', map { $held{ sha256_hex($bytes{$_}) } // '-' } qw(named bare drive packed)), 'letter.pdf x-ray.png words.txt photo.jpg', "$dialect: under its name");
	is($node->safe_psql('postgres', "SELECT r.source_key || ' ' || q.code FROM flitmig.quarantine q JOIN flitmig.record r USING (migration_id, id) JOIN flitmig.migration m ON m.id = q.migration_id WHERE m.name = '$name' ORDER BY 1"),
		"F5 FILE_AMBIGUOUS\nF6 FILE_MISSING\nF7 FILE_CHANGED", "$dialect: doubtful, missing and changed ones are set aside");
	is($node->safe_psql('postgres', "SELECT string_agg(code, ' ' ORDER BY code) FROM flitmig.finding f JOIN flitmig.migration m ON m.id = f.migration_id WHERE m.name = '$name' AND step = 'run' AND code LIKE 'FILE%'"),
		'FILE_AMBIGUOUS FILE_CHANGED FILE_MISSING', "$dialect: and are findings");
	is($node->safe_psql('postgres', "SELECT content_type FROM flitmig.upload u JOIN flitmig.record r ON r.id = u.record_id JOIN flitmig.migration m ON m.id = u.migration_id WHERE m.name = '$name' AND u.state = 'done' ORDER BY r.source_key"),
		"application/pdf\nimage/png\ntext/plain\nimage/jpeg", "$dialect: types are told by the bytes");
	like(graphql($twenty, 'query { attachments(filter: { name: { like: "letter%" } }) { edges { node { createdAt } } } }')->{attachments}{edges}[0]{node}{createdAt}, qr/^2020-01-02T10:00:00/, "$dialect: the date is the original one");
	is($node->safe_psql('postgres', "SELECT sum(difference) FROM flitmig.balance WHERE migration = '$name'"), '0', "$dialect: balance is zero");
	my $writes = @{ writes_of($twenty) };
	$node->safe_psql('postgres', "SELECT * FROM flitmig_run('$name')");
	is(scalar @{ writes_of($twenty) }, $writes, "$dialect: a second run writes nothing");
	$node->safe_psql('postgres', "SELECT * FROM flitmig_rollback('$name')");
	my $after = dump_of($twenty);
	ok(attached($after) eq attached($before), "$dialect: taken back") or diag lines_that_differ(attached($before), attached($after));
	is(scalar(grep { /^\{"file".*"holder":"/ } split /\n/, $after), 0, "$dialect: no file of an attachment lies in Twenty's storage any more");
}

# Files inside the export, in base64; and a container that came as a large object.
my %inline = (scan => "%PDF-1.7 inline\n" . pack('C*', 0 .. 255) x 2000, binary => "\x89PNG\r\n\x1a\n binary" . pack('C*', 0 .. 255) x 100);
zip_of('fhir.zip',
	'Patient.ndjson' => encode_json({ resourceType => 'Patient', id => 'a1', name => [ { family => 'Family1', given => ['Given1'] } ] }) . "\n",
	'DocumentReference.ndjson' => join('', map { encode_json($_) . "\n" }
		{ resourceType => 'DocumentReference', id => 'd1', status => 'current', subject => { reference => 'Patient/a1' }, date => '2020-01-02T10:00:00Z',
			content => [ { attachment => { contentType => 'application/pdf', title => 'Scan', data => encode_base64($inline{scan}, '') } } ] },
		{ resourceType => 'DocumentReference', id => 'd2', status => 'current', subject => { reference => 'Patient/a1' }, date => '2020-01-03T10:00:00Z',
			content => [ { attachment => { contentType => 'image/png', url => 'Binary/b1' } } ] }),
	'Binary.ndjson' => encode_json({ resourceType => 'Binary', id => 'b1', contentType => 'image/png', data => encode_base64($inline{binary}, '') }) . "\n");
my $twenty = start_twenty('--model', '2.19');
connect_twenty($node, $twenty, 'crm_fhir');
my $oid = $node->safe_psql('postgres', "SELECT lo_import('$work/fhir.zip')");
$node->safe_psql('postgres', "SELECT flitmig_create('fhir', 'crm_fhir', profile => 'fhir-r4', time_zone => 'UTC'); SELECT * FROM flitmig_import('fhir', 'fhir.zip', $oid); SELECT flitmig_confirm('fhir')");
sign_off($node, 'fhir', 100);
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('fhir')");
my %held = held_files($twenty);
is_deeply(\%held, { sha256_hex($inline{scan}) => 'Scan.pdf', sha256_hex($inline{binary}) => 'b1.png' }, 'files inside a FHIR export arrive') or diag explain \%held;
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_largeobject_metadata"), '1', 'no decoded copy stays behind');

# Nothing but the folder ties a file to its patient; the archive came as a large object.
zip_of('folders.zip', 'patients.csv' => "Patient ID,First Name,Last Name\nP1,Given1,Family1\nP2,Given2,Family2\n", 'P1/notes.pdf' => $bytes{named}, 'P2/picture' => $bytes{bare});
$oid = $node->safe_psql('postgres', "SELECT lo_import('$work/folders.zip')");
$twenty = start_twenty('--model', '2.19');
connect_twenty($node, $twenty, 'crm_folders');
$node->safe_psql('postgres', q{
	INSERT INTO flitmig.profile (name, doc)
	SELECT 'folders', jsonb_build_object('entities', doc -> 'entities', 'values', doc -> 'values', 'targets', jsonb_build_object('person', '{"fields": {"sourceSystemId": {"type": "TEXT", "label": "Source system id", "unique": true}}}'::jsonb), 'maps', jsonb_build_array(
		'{"name": "patient", "object": "person", "source": "{patients} s", "key": "s.patient_id", "fields": {"name": "flitmig.full_name(s.first_name, s.last_name)", "sourceSystemId": "s.patient_id"}}'::jsonb,
		'{"name": "scan", "object": "attachment", "source": "{_files} s", "key": "s.path", "file": "s.path",
		  "fields": {"name": "s.file_name", "@person": {"relation": "patient", "key": "split_part(s.path, ''/'', 1)", "onMissing": "exclude"}}}'::jsonb))
	FROM flitmig.profile WHERE name = 'generic'});
$node->safe_psql('postgres', "SELECT flitmig_create('folders', 'crm_folders', profile => 'folders', time_zone => 'UTC'); SELECT * FROM flitmig_import('folders', 'folders.zip', $oid); SELECT flitmig_confirm('folders')");
sign_off($node, 'folders', 100);
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('folders')");
%held = held_files($twenty);
is_deeply(\%held, { sha256_hex($bytes{named}) => 'notes.pdf', sha256_hex($bytes{bare}) => 'picture.png' }, 'files in a folder for each patient arrive, out of an archive in a large object') or diag explain \%held;
# The storage loses a byte: the size that the server tells at the end does not fit, so the attachment is not made.
put('short/patients.csv', "Patient ID,First Name,Last Name\nP1,Given1,Family1\n");
put('short/P1/one.txt', 'the first letter');
put('short/P1/two.txt', 'the second letter');
$twenty = start_twenty('--model', '2.19');
connect_twenty($node, $twenty, 'crm_short');
$node->safe_psql('postgres', "SELECT flitmig_create('short', 'crm_short', profile => 'folders', time_zone => 'UTC'); SELECT * FROM flitmig_import('short', '$work/short'); SELECT flitmig_confirm('short')");
http_post($twenty, '/__faults', encode_json([ { on => '/file-upload', nth => 1, fault => 'store-short' } ]));
sign_off($node, 'short', 100);
is($node->safe_psql('postgres', "SELECT q.code, count(*) FROM flitmig.quarantine q JOIN flitmig.migration m ON m.id = q.migration_id WHERE m.name = 'short' GROUP BY 1"), 'FILE_DAMAGED|1', 'a file that the server has stored with another size is set aside');
is($node->safe_psql('postgres', "SELECT f.severity, f.count FROM flitmig.finding f JOIN flitmig.migration m ON m.id = f.migration_id WHERE m.name = 'short' AND f.code = 'FILE_DAMAGED'"), 'warning|1', 'and is a finding');
%held = held_files($twenty, 1);
is(scalar(grep { /^(one|two)\.txt$/ } values %held), 1, 'no damaged file is attached');
is($node->safe_psql('postgres', "SELECT flitmig_retry('short')"), '1', 'flitmig_retry');
$node->safe_psql('postgres', "SELECT * FROM flitmig_run('short')");
%held = held_files($twenty, 1);
is_deeply(\%held, { sha256_hex('the first letter') => 'one.txt', sha256_hex('the second letter') => 'two.txt' }, 'takes it up once more, whole') or diag explain \%held;
done_testing();

# A zip of names and bytes, in order.
sub zip_of
{
	my ($name, @members) = @_;
	my $zip;
	while (my ($member, $bytes) = splice(@members, 0, 2))
	{
		$zip ? $zip->newStream(Name => $member) : ($zip = IO::Compress::Zip->new("$work/$name", Name => $member)) or die "zip: $ZipError";
		$zip->print($bytes);
	}
	$zip->close;
}

sub put
{
	my ($name, $bytes) = @_;
	my ($dir) = "$work/$name" =~ m{^(.*)/};
	make_path($dir);
	open(my $fh, '>:raw', "$work/$name") or die "$name: $!";
	print $fh $bytes;
	close $fh;
}

# What attachments hold, by their hash; each once.  $by_record: only files that a record holds by their ids.
sub held_files
{
	my ($twenty, $by_record) = @_;
	my %files;
	for my $file (grep { $_->{complete} && (!$by_record || $_->{holder}) } map { decode_json($_ =~ s/,\s*$//r) } grep { /^\{"file"/ } split /\n/, dump_of($twenty))
	{
		$files{ $file->{sha256} } = $file->{name};
	}
	return %files;
}

# An upload that was cut off leaves a file that no record holds; the server drops it by itself.
sub attached { my ($dump) = @_; return join "\n", map { s/,$//r } grep { !/^\{"file"/ } split /\n/, $dump; }
