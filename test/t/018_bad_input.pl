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
