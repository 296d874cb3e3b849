# What is no good export is a clear error, or a finding that names file and line; nothing else of the import suffers.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use File::Temp qw(tempdir);
use IO::Compress::Zip qw(:constants);
use POSIX qw(mkfifo);
use Flitmig;
use PostgreSQL::Test::Utils;
use Test::More;

my $scratch = tempdir(CLEANUP => 1);
chmod 0755, $scratch;
my $node = start_cluster('bad_input');
$node->safe_psql('postgres', q{CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com')});
my $count = 0;

sub put
{
	my ($name, @pieces) = @_;
	my ($dir) = "$scratch/$name" =~ m{(.*)/};
	mkdir $dir unless -d $dir;
	open(my $file, '>:raw', "$scratch/$name") or die "$name: $!";
	print $file $_ for @pieces;
	close $file;
	return "$scratch/$name";
}

# A zip archive with one member, made of pieces.
sub zip_of
{
	my ($name, $member, @pieces) = @_;
	my $packed;
	my $zip = IO::Compress::Zip->new(\$packed, Name => $member) or die;
	$zip->print($_) for @pieces;
	$zip->close;
	return put($name, $packed);
}

# Imports a path into a migration of its own; returns its result, its findings and its rejects, a line each.
sub import_of
{
	my ($path) = @_;
	my $name = 'bad' . ++$count;
	my $rows = $node->safe_psql('postgres', "SELECT FROM flitmig_create('$name', 'crm');
		SELECT coalesce(\"table\", '-'), file, rows, rejected, coalesce(note, '-') FROM flitmig_import('$name', '$path')");
	my $findings = $node->safe_psql('postgres', "SELECT severity, code, object, f.count, places FROM flitmig.finding f JOIN flitmig.migration m ON m.id = migration_id
		WHERE m.name = '$name' ORDER BY object, code");
	my $rejects = $node->safe_psql('postgres', "SELECT line_no, reason, length(raw) FROM flitmig.reject r JOIN flitmig.source_file s ON s.id = r.file_id
		JOIN flitmig.migration m ON m.id = s.migration_id WHERE m.name = '$name' ORDER BY line_no");
	return ($rows, $findings, $rejects);
}

sub import_error
{
	my ($path) = @_;
	my $name = 'bad' . ++$count;
	$node->safe_psql('postgres', "SELECT FROM flitmig_create('$name', 'crm')");
	my $error = psql_error($node, "SELECT FROM flitmig_import('$name', '$path')");
	is($node->safe_psql('postgres', "SELECT count(*) FROM flitmig.source_file s JOIN flitmig.migration m ON m.id = s.migration_id WHERE m.name = '$name'"),
		'0', 'an error stages nothing');
	return $error;
}

my $csv = join('', "id,name,born\n", map { "$_,Ann $_,01/02/19" . ($_ % 90 + 10) . "\n" } 1 .. 2000);

# Archives.
my $whole = slurp_file(zip_of('whole.zip', 'patients.csv', $csv));
my ($rows, $findings, $rejects) = import_of(put('cut.zip', substr($whole, 0, length($whole) / 2)));
like($findings, qr/^error\|UNREADABLE_ARCHIVE\|cut\.zip\|1\|/m, 'a truncated archive is a finding');
($rows, $findings) = import_of(zip_of('bomb.zip', 'patients.csv', "id,name\n", ("0,0\n" x 250_000) x 300));
like($findings, qr/^error\|UNREADABLE_ARCHIVE\|bomb\.zip\|1\|/m, 'so is one that unpacks to more than it could hold');
like($rows, qr/more than 500 times as long as the archive/, 'and the result says why');

# Workbooks that are none.
my $compound = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1" . "\0" x 600;
for my $name ('secret.xlsx', 'old.xls')
{
	($rows, $findings) = import_of(put($name, $compound));
	like($findings, qr/^warning\|UNSUPPORTED_FORMAT\|\Q$name\E\|1\|/m, "$name: encrypted or of old Excel, a finding");
}
($rows, $findings) = import_of(put('cut.xlsx', substr(slurp_file("$repository/test/data/xlsx/patients.xlsx"), 0, 700)));
like($findings, qr/^error\|UNREADABLE_WORKBOOK\|cut\.xlsx\|1\|/m, 'a truncated workbook is a finding');

# Directories with more in them than files.
put('odd/one.csv', "id,name,born\n1,Ann,01/02/1980\n");
put('elsewhere/two.csv', "id,name,born\n1,Eve,01/02/1980\n");
symlink("$scratch/elsewhere/two.csv", "$scratch/odd/two.csv");
symlink("$scratch/elsewhere", "$scratch/odd/loop");
symlink("$scratch/gone.csv", "$scratch/odd/gone.csv");
mkfifo("$scratch/odd/pipe.csv", 0600) or die "no FIFO: $!";
($rows, $findings) = import_of("$scratch/odd");
is($rows, "one|one.csv|1|0|-\ntwo|two.csv|1|0|-", 'files and links to files are read');
is(join(' ', $findings =~ /^warning\|NOT_READ\|([^|]+)\|/mg), 'gone.csv loop pipe.csv', 'a FIFO, a link to a directory and a dangling one are findings');
like(import_error("$scratch/odd/pipe.csv"), qr/is neither a file nor a directory/, 'a FIFO is no export');
mkdir "$scratch/locked";
put('locked/patients.csv', "id,name\n1,Ann\n");
chmod 0000, "$scratch/locked";
like(import_error("$scratch/locked"), qr/could not open directory ".*\/locked": Permission denied/, 'a directory without read rights is named');
chmod 0755, "$scratch/locked";
chmod 0000, "$scratch/locked/patients.csv";
like(import_error("$scratch/locked"), qr/could not open file ".*\/locked\/patients\.csv": Permission denied.*\n.*HINT:/s, 'so is a file');
chmod 0644, "$scratch/locked/patients.csv";

# A file that an exporter is still writing.
my $growing = put('growing.csv', $csv);
my $writer = fork();
if ($writer == 0)
{
	open(my $file, '>>', $growing);
	$file->autoflush(1);
	while (1) { print $file "9,Ann,01/02/1980\n"; select(undef, undef, undef, 0.001); }
}
my $error = import_error($growing);
kill 'KILL', $writer;
waitpid($writer, 0);
like($error, qr/growing\.csv" was changed while it was read/, 'a file that changes meanwhile is not staged');

# Shapes.
my @many = (1 .. 5000);
($rows, $findings, $rejects) = import_of(put('wide.csv', join(',', map { "c$_" } @many), "\n", join(',', @many), "\n", join(',', @many[0 .. 99]), "\n"));
like($findings, qr/^error\|TOO_MANY_COLUMNS\|wide\.csv\|1\|\{wide\.csv:1\}/m, 'more columns than a table has are a finding');
is($rejects, '2|5000 cells instead of 1590|' . length(join(',', @many) . "\n"), 'a row of 5,000 cells is kept as a reject');
is($rows, 'wide|wide.csv|2|1|TOO_MANY_COLUMNS 1; TOO_MANY_CELLS 1', 'a row that fits is staged');
($rows, $findings) = import_of(put('nul.csv', "id,name,born\n1,An\0n,01/02/1980\n2,Ben,01/02/1981\n3,Cleo,01/02/1982\n"));
like($findings, qr/^info\|NUL_BYTES\|nul\.csv\|1\|\{nul\.csv:2\}/m, 'NUL bytes are a finding with the line');
($rows) = import_of(put('header.csv', "id,name,born\n"));
is($rows, 'header|header.csv|0|0|header only', 'a header alone is a table without rows');
($rows) = import_of(put('empty.csv'));
is($rows, '-|empty.csv|0|0|empty file', 'an empty file is none');
($rows) = import_of(put('mark.csv', "\xEF\xBB\xBF"));
is($rows, '-|mark.csv|0|0|empty file', 'neither is a byte order mark');

# Quotes that are opened and find their end in another cell's quote, thousands of rows later.
my @rows = map { "$_,Ann $_,01/02/1980,ann\@example.com\n" } 1 .. 3000;
$rows[999] = qq(1000,"Ann 1000,01/02/1980,ann\@example.com\n);
$rows[1999] = qq(2000,"Ann ""the"" 2000",01/02/1980,ann\@example.com\n);
($rows, $findings, $rejects) = import_of(put('swallowed.csv', "id,name,born,email\n", @rows));
is($rows, 'swallowed|swallowed.csv|3000|1|UNTERMINATED_QUOTE 1', 'a quote that swallows rows costs its own line');
is($rejects, '1001|a quote is opened and never closed|' . length($rows[999]), 'which is a reject');
$rows[1999] = qq(2000,5'4",01/02/1980,ann\@example.com\n);
($rows, $findings, $rejects) = import_of(put('inches.csv', "id,name,born,email\n", @rows));
is($rows, 'inches|inches.csv|3000|1|UNTERMINATED_QUOTE 1', 'so does one that a sign for inches would end');
($rows) = import_of(put('letters.csv', "id,note,born,email\n", map { qq($_,"Dear Ann, \nwe, and you, know ""x""\nbest, yours, Eve\n",01/02/1980,a\@example.com\n) } 1 .. 20));
is($rows, 'letters|letters.csv|20|0|-', 'letters in cells are letters');

# Several tables in one file.
($rows, $findings) = import_of(put('two.csv', "id,name,born\n", (map { "$_,Ann,01/02/1980\n" } 1 .. 9), "\n,,\nVisit,Patient,Status\n", map { "V$_,$_,kept\n" } 1 .. 9));
like($findings, qr/^info\|SECOND_TABLE\|two\.csv\|1\|\{two\.csv:13\}/m, 'a second table below the first is a finding');
is($rows, "two|two.csv|9|0|-\ntwo_table_2|two.csv!table 2|9|0|-", 'and is staged as a table of its own');

# Files that are not what their names say.
($rows) = import_of(put('rows.csv', qq([{"id": 1, "name": "Ann"}, {"id": 2, "name": "Ben"}])));
is($rows, 'rows|rows.csv|2|0|-', 'JSON under the name of CSV is read');
($rows) = import_of(put('rows.json', $csv));
is($rows, 'rows|rows.json|2000|0|-', 'so is CSV under the name of JSON');
my $workbook = slurp_file("$repository/test/data/xlsx/patients.xlsx");
my ($as_it_is) = import_of(put('book.xlsx', $workbook));
($rows) = import_of(put('book.csv', $workbook));
is($rows, $as_it_is =~ s/book\.xlsx/book.csv/gr, 'so is a workbook under the name of CSV');
for my $other (['page.xls', '<html><table><tr><td>ID</td></tr></table></html>'], ['login.csv', "\n<!DOCTYPE html>\n<title>Log in</title>"], ['scan.csv', "%PDF-1.4\n%\xE2\xE3\xCF\xD3\n"])
{
	my ($name, $bytes) = @$other;
	($rows, $findings) = import_of(put($name, $bytes));
	like($findings, qr/^warning\|UNSUPPORTED_FORMAT\|\Q$name\E\|1\|/m, "$name is no table");
}

# Encodings that are asked for without a byte order take that of the file's mark.
for my $order ('UTF-16BE', 'UTF-16LE')
{
	my $pack = $order eq 'UTF-16BE' ? 'n*' : 'v*';
	my $path = put("\L$order\E.csv", pack($pack, 0xFEFF, map { ord } split //, "id,name,born\n1,Ann,01/02/1980\n"));
	$node->safe_psql('postgres', "SELECT FROM flitmig_create('order" . lc(substr($order, 6)) . "', 'crm')");
	is($node->safe_psql('postgres', "SELECT rows, encoding FROM flitmig_import('order" . lc(substr($order, 6)) . "', '$path', options => '{\"encoding\": \"utf-16\"}')"),
		"1|$order", "UTF-16 with the mark of $order");
}

# JSON as people write it.
($rows) = import_of(put('commas.ndjson', qq({"id": 1, "name": "Ann"},\n{"id": 2, "name": "Ben"},\n)));
is($rows, 'commas|commas.ndjson|2|0|-', 'commas behind lines of JSON do no harm');
($rows) = import_of(put('page.json', qq({"total": 7, "next": "p2", "data": [{"id": 1}, {"id": 2}]})));
is($rows, 'page|page.json|2|0|-', 'rows of an answer');
is($node->safe_psql('postgres', "SELECT string_agg(convert_from(raw, 'UTF8'), ' ' ORDER BY raw) FROM flitmig.original o JOIN flitmig.source_file f ON f.id = o.file_id WHERE f.name = 'page.json'"),
	'"next":"p2" "total":7', 'what stands beside them is kept');

# Archives with members that cannot be read among others.
my $mixed;
my $zip = IO::Compress::Zip->new(\$mixed, Name => 'secret.csv', Method => ZIP_CM_STORE, Stream => 0) or die;
$zip->print("id,name,born\n1,Ann,01/02/1980\n");
$zip->newStream(Name => 'open.csv', Method => ZIP_CM_STORE, Stream => 0);
$zip->print("id,name,born\n1,Ben,01/02/1980\n");
$zip->close;
substr($mixed, 6, 1) |= "\x01";	# its flags: encrypted
substr($mixed, index($mixed, "PK\x01\x02") + 8, 1) |= "\x01";
($rows, $findings) = import_of(put('mixed.zip', $mixed));
like($rows, qr/^open\|mixed\.zip!open\.csv\|1\|0\|-$|^open\|open\.csv\|1\|0\|-$/m, 'what stands behind an encrypted member is read');
like($findings, qr/^warning\|NOT_READ\|(mixed\.zip!)?secret\.csv\|/m, 'the encrypted member is named');
system('tar', '-C', "$scratch/odd", '-cf', "$scratch/links.tar", 'one.csv', 'two.csv', 'pipe.csv') == 0 or die 'no tar';
($rows, $findings) = import_of("$scratch/links.tar");
is(join(' ', $findings =~ /^warning\|NOT_READ\|([^|]+)\|/mg), 'pipe.csv two.csv', 'links and pipes in an archive are findings');

# Workbooks: what XML cannot hold, formulas that nobody computed, ids of sixteen digits.
sub workbook_of
{
	my ($name, $strings, $rows, %other) = @_;
	my $main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
	my @parts = (
		'xl/workbook.xml' => qq(<workbook xmlns="$main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Data" sheetId="1" r:id="r1"/></sheets></workbook>),
		'xl/_rels/workbook.xml.rels' => '<Relationships><Relationship Id="r1" Target="worksheets/sheet1.xml"/></Relationships>',
		'xl/sharedStrings.xml' => $strings, 'xl/worksheets/sheet1.xml' => qq(<worksheet xmlns="$main"><sheetData>$rows</sheetData></worksheet>));
	my $packed;
	my $book;
	while (my ($part, $text) = splice(@parts, 0, 2))
	{
		$text = delete $other{$part} // $text;
		if ($book) { $book->newStream(Name => $part) } else { $book = IO::Compress::Zip->new(\$packed, Name => $part) or die }
		$book->print($text);
	}
	for my $part (sort keys %other)
	{
		$book->newStream(Name => $part);
		$book->print($other{$part});
	}
	$book->close;
	return put($name, $packed);
}
my $cells = join('', map { my $row = $_; "<row r=\"$row\">" . join('', map { '<c t="s"><v>' . (2 * $row - 2 + $_) . '</v></c>' } 0, 1) . '</row>' } 1, 2);
my $texts = '<si><t>id</t></si><si><t>note</t></si><si><t>P1</t></si><si><t>a_x000D_b_x0000_c_x005F_x000D_</t></si>';
($rows, $findings) = import_of(workbook_of('escapes.xlsx', "<sst>$texts</sst>", $cells));
like($findings, qr/^info\|NUL_BYTES\|escapes\.xlsx\|1\|\{escapes\.xlsx:2\}/m, 'a NUL in a workbook is a finding');
is($node->safe_psql('postgres', "SELECT note = E'a\rb\\uFFFDc_x000D_' FROM bad${count}_staging.escapes"), 't', 'what XML cannot hold is undone');
is($node->safe_psql('postgres', "SELECT encode(raw, 'hex') FROM flitmig.original o JOIN flitmig.source_file f ON f.id = o.file_id WHERE f.name = 'escapes.xlsx'"),
	unpack('H*', "a\rb\0c_x000D_"), 'and its bytes are kept');
($rows, $findings) = import_of(workbook_of('cut_texts.xlsx', "<sst>$texts" =~ s/<si><t>a_x.*//r, $cells));
like($findings, qr/^error\|DAMAGED_SHEET\|cut_texts\.xlsx\|1\|\{cut_texts\.xlsx:2\}/m, 'missing texts of a workbook are a finding at the row that has them');
($rows, $findings) = import_of(workbook_of('formula.xlsx', '<sst/>', '<row r="1"><c t="inlineStr"><is><t>id</t></is></c><c t="inlineStr"><is><t>sum</t></is></c></row>' .
	'<row r="2"><c><v>1234567890123456</v></c><c><f>1+1</f></c></row>'));
like($findings, qr/^warning\|FORMULA_WITHOUT_VALUE\|formula\.xlsx\|1\|\{formula\.xlsx:2\}/m, 'a formula without a result is a finding');
is($node->safe_psql('postgres', "SELECT id FROM bad${count}_staging.formula"), '1234567890123456', 'an id of sixteen digits is kept');

# A sheet that breaks off: its rows up to there, however few, and the row that is cut as a reject.
my $text = sub { my ($cell) = @_; "<c t=\"inlineStr\"><is><t>$cell</t></is></c>" };
my $sheet = join('', map { "<row r=\"$_\">" . $text->($_ == 1 ? 'id' : "P$_") . $text->($_ == 1 ? 'name' : "Ann $_") . '</row>' } 1 .. 40);
for my $damage (['cut', substr($sheet, 0, index($sheet, 'Ann 31') + 3)], ['bad_byte', $sheet =~ s/Ann 31/A\x01n 31/r], ['bad_tag', $sheet =~ s{P31</t></is></c>}{P31</t></is></c><c<}r])
{
	my ($name, $broken) = @$damage;
	($rows, $findings, $rejects) = import_of(workbook_of("$name.xlsx", '<sst/>', $broken));
	is($rows, "$name|$name.xlsx|30|1|DAMAGED_SHEET 1", "$name: every row before the damage is staged");
	is($findings, "error|DAMAGED_SHEET|$name.xlsx|1|{$name.xlsx:31}", "$name: the finding names the row");
	is($rejects, '31|the sheet is damaged in this row|5', "$name: what there is of that row is kept");
	is($node->safe_psql('postgres', "SELECT count(*), max(_line), min(name) FROM bad${count}_staging.$name"), '29|30|Ann 10', "$name: no half row among them");
}

# The damage of one sheet, or of what all of them need, is told of wherever the others go.
my $two = '<workbook xmlns:q="x"><sheets><sheet name="One" q:id="r1"/><sheet name="Two" q:id="r2"/></sheets></workbook>';
my $relations = '<Relationships><Relationship Id="r1" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Target="/xl/worksheets/sheet2.xml"/></Relationships>';
($rows, $findings) = import_of(workbook_of('half.xlsx', '<sst/>', $sheet, 'xl/workbook.xml' => $two, 'xl/_rels/workbook.xml.rels' => $relations, 'xl/worksheets/sheet2.xml' => '<worksheet><sheetData><row r='));
is($rows, "half_one|half.xlsx!One|39|0|-\n-|half.xlsx|0|0|1 sheets; UNREADABLE_WORKBOOK 1", 'a sheet without a whole row is told of beside one that is whole');
($rows, $findings) = import_of(workbook_of('cut_list.xlsx', '<sst/>', $sheet, 'xl/workbook.xml' => substr($two, 0, 62)));
is($rows, 'cut_list|cut_list.xlsx|39|0|DAMAGED_SHEET 1', 'a list of sheets that breaks off is told of');
my $utf16 = pack('v*', 0xFEFF, map { ord } split //, "<?xml version=\"1.0\" encoding=\"UTF-16\"?><worksheet><sheetData>$sheet</sheetData></worksheet>");
($rows) = import_of(workbook_of('wide.xlsx', '<sst/>', '', 'xl/worksheets/sheet1.xml' => $utf16));
is($rows, 'wide|wide.xlsx|39|0|-', 'a part in UTF-16 is read');
($rows) = import_of(workbook_of('many.xlsx', '<sst/>', $sheet, 'xl/workbook.xml' => '<workbook xmlns:r="x"><sheets>' . join('', map { "<sheet name=\"S$_\" r:id=\"r1\"/>" } 1 .. 300) . '</sheets></workbook>'));
like($rows, qr/^-\|many\.xlsx\|0\|0\|300 sheets$/m, 'every one of 300 sheets is read');

# What a person sees in a workbook, or would not: comments, merged cells, hidden sheets, padded numbers, days that are none.
my $styles = '<styleSheet><numFmts><numFmt numFmtId="170" formatCode="00000"/><numFmt numFmtId="171" formatCode="_-* #,##0.00\\ _D_M_-"/><numFmt numFmtId="172" formatCode="dd/mm/yyyy"/></numFmts>'
	. '<cellXfs><xf numFmtId="0"/><xf numFmtId="170"/><xf numFmtId="171"/><xf numFmtId="172"/></cellXfs></styleSheet>';
my $number = sub { my ($value, $style) = @_; "<c s=\"$style\"><v>$value</v></c>" };
($rows, $findings) = import_of(workbook_of('seen.xlsx', '<sst/>', '<row r="1">' . join('', map { $text->($_) } qw(zip fee born)) . '</row>'
	. join('', map { my ($row, $born) = @$_; "<row r=\"$row\">" . $number->(123, 1) . $number->('12.5', 2) . $number->($born, 3) . '</row>' } [2, 0], [3, 59], [4, 60], [5, 61])
	. '</sheetData><mergeCells><mergeCell ref="A1:C1"/><mergeCell ref="A3:A4"/></mergeCells><sheetData>',
	'xl/styles.xml' => $styles,
	'xl/workbook.xml' => '<workbook xmlns:r="x"><sheets><sheet name="Data" state="veryHidden" r:id="r1"/></sheets></workbook>',
	'xl/worksheets/_rels/sheet1.xml.rels' => '<Relationships><Relationship Id="c" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/comments" Target="../comments1.xml"/></Relationships>',
	'xl/comments1.xml' => '<comments><commentList><comment ref="B3"><text><t>do not </t><t>call</t></text></comment></commentList></comments>'));
is($rows, 'seen|seen.xlsx|4|0|hidden sheet; CELL_COMMENTS 1; MERGED_CELLS 1', 'a hidden sheet is staged and named');
is($findings, "warning|CELL_COMMENTS|seen.xlsx|1|{seen.xlsx:3}\nwarning|MERGED_CELLS|seen.xlsx|1|{seen.xlsx:3}", 'comments and merged cells are told of');
is($node->safe_psql('postgres', "SELECT convert_from(raw, 'UTF8') FROM flitmig.original o JOIN flitmig.source_file f ON f.id = o.file_id WHERE f.name = 'seen.xlsx'"), 'B3: do not call', 'a comment is kept');
is($node->safe_psql('postgres', "SELECT string_agg(concat_ws(' ', zip, fee, born), ', ' ORDER BY _line) FROM bad${count}_staging.seen"),
	'00123 12.5 1900-01-00, 00123 12.5 1900-02-28, 00123 12.5 1900-02-29, 00123 12.5 1900-03-01', 'numbers are what a person reads');
($rows, $findings) = import_of(workbook_of('disorder.xlsx', '<sst/>', '<row r="1"><c r="A1" t="inlineStr"><is><t>id</t></is></c><c r="C1" t="inlineStr"><is><t>on</t></is></c><c r="B1" t="inlineStr"><is><t>"na,me"</t></is></c></row>'
	. '<row r="2"><c r="B2" t="inlineStr"><is><t>Ann</t></is></c><c r="A2"><v>1</v></c><c r="C2" t="b"><v>true</v></c><c r="A2"><v>9</v></c></row>'));
is($findings, 'warning|REPEATED_CELL|disorder.xlsx|1|{disorder.xlsx:2}', 'a cell that stands twice in a row is told of');
is($node->safe_psql('postgres', "SELECT concat_ws(' ', id, na_me, \"on\") FROM bad${count}_staging.disorder"), '9 Ann TRUE', 'cells out of order go where they belong');

# A cancel and the end of the backend, while libarchive reads and spools.
my $long = put('long.csv', "id,name,born\n", (join('', map { "$_,Ann $_,01/02/1980\n" } 1 .. 40000)) x 80) . '.gz';
system('gzip', '-1', "$scratch/long.csv") == 0 or die 'no gzip';
for my $end (['cancel', qr/canceling statement due to user request/], ['terminate', qr/terminating connection due to administrator command/])
{
	my ($how, $message) = @$end;
	$node->safe_psql('postgres', "SELECT FROM flitmig_create('$how', 'crm')");
	my $pid = in_background($node, "SELECT FROM flitmig_import('$how', '$long')", name => $how, errors => "$scratch/$how.err");
	wait_until('the import reads', sub { $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE application_name = '$how' AND state = 'active'") > 0 });
	select(undef, undef, undef, 0.3);
	$node->safe_psql('postgres', "SELECT pg_${how}_backend(pid) FROM pg_stat_activity WHERE application_name = '$how'");
	waitpid($pid, 0);
	like(slurp_file("$scratch/$how.err"), $message, "$how ends an import of an archive");
}
is($node->safe_psql('postgres', "SELECT count(*) FROM flitmig.source_file WHERE name LIKE 'long%'"), '0', 'nothing of it is staged');
unlink $long;

# A staging table that somebody has made do more than hold rows takes none: they would go past it.
my $plain = put('plain.csv', "id,name\n1,Ann\n");
import_of($plain);
for my $more (['ALTER TABLE %s ALTER COLUMN name SET NOT NULL', 'ALTER TABLE %s ALTER COLUMN name DROP NOT NULL', 'it has constraints or generated columns'],
	['CREATE TRIGGER t BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()', 'DROP TRIGGER t ON %s', 'it has triggers'],
	['ALTER TABLE %s ENABLE ROW LEVEL SECURITY', 'ALTER TABLE %s DISABLE ROW LEVEL SECURITY', 'it has row security'])
{
	my ($do, $undo, $why) = @$more;
	my $table = "bad${count}_staging.plain";
	$node->safe_psql('postgres', sprintf($do, $table));
	put('plain.csv', "id,name\n2,\n");
	like(psql_error($node, "SELECT FROM flitmig_import('bad$count', '$plain')"), qr/cannot stage rows in table "plain": \Q$why\E/, $why);
	$node->safe_psql('postgres', sprintf($undo, $table));
}
is($node->safe_psql('postgres', "SELECT rows FROM flitmig_import('bad$count', '$plain')"), '1', 'and takes them when it holds rows again');

# A database that cannot hold every letter is told so at once.
for my $encoding ('LATIN1', 'SQL_ASCII')
{
	$node->safe_psql('postgres', "CREATE DATABASE db_$encoding ENCODING '$encoding' LOCALE 'C' TEMPLATE template0");
	my ($code, $out, $err) = $node->psql("db_\L$encoding", 'CREATE EXTENSION flitmig');
	like($err, qr/flitmig needs a database in UTF8, this one is in $encoding.*\n.*HINT:/s, "no extension in a database in $encoding");
}

# A cell of 2 GB takes as much disk, and a backend of 1 GB: make check-long.
if ($ENV{FLITMIG_LONG})
{
	my $piece = 'x' x (1024 * 1024);
	($rows, $findings, $rejects) = import_of(put('huge.csv', "id,name,born\n1,", ($piece) x 2048, ",01/02/1980\n2,Ben,01/02/1981\n"));
	is($rejects, '2|longer than 1 GB (the first 64 MB are kept)|67108864', 'a cell of 2 GB costs its own row');
	is($rows, 'huge|huge.csv|2|1|ROW_TOO_LONG 1', 'and the next one is staged');
	unlink "$scratch/huge.csv";
}
done_testing();
