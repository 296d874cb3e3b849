# From staging, rejects and the file's dialect every cell of a file is rebuilt, and it is what an independent reader finds.
use strict;
use warnings FATAL => 'all';
use FindBin;
use lib $FindBin::RealBin;
use File::Temp qw(tempdir);
use Flitmig;
use PostgreSQL::Test::Utils;
use Test::More;

# Real exports, where they stand beside the checkout or FLITMIG_DATA says.
my $shared = $ENV{FLITMIG_DATA} // "$repository/../shared/data";
my $scratch = tempdir(CLEANUP => 1);
chmod 0755, $scratch;

my $node = start_cluster('lossless');
$node->safe_psql('postgres', q{
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');
CREATE FUNCTION staged(file flitmig.source_file) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	rows jsonb;
BEGIN
	EXECUTE format('SELECT jsonb_agg(jsonb_build_object(''line'', _line, ''cells'', to_jsonb(ARRAY[%s]::text[])) ORDER BY _line) FROM %I.%I WHERE _file = %s',
		(SELECT string_agg(quote_ident(c), ', ' ORDER BY n) FROM unnest(file.columns) WITH ORDINALITY u(c, n)),
		(SELECT staging_schema FROM flitmig.migration WHERE id = file.migration_id), file.staging_table, file.id) INTO rows;
	RETURN to_jsonb(file) || jsonb_build_object('rows', coalesce(rows, '[]'), 'rejects',
		(SELECT coalesce(jsonb_agg(jsonb_build_object('line', line_no, 'raw', encode(raw, 'hex')) ORDER BY line_no), '[]')
		 FROM flitmig.reject WHERE file_id = file.id), 'originals',
		(SELECT coalesce(jsonb_agg(jsonb_build_object('line', line_no, 'column', column_name, 'raw', encode(raw, 'hex')) ORDER BY line_no), '[]')
		 FROM flitmig.original WHERE file_id = file.id AND column_name IS NOT NULL));
END $$});

# Imports a directory into a migration of its own; compares each file that became a table.
sub is_lossless
{
	my ($what, $directory, $least, @answers) = @_;
	# So little Japanese is not recognised.
	$node->safe_psql('postgres', qq(SELECT flitmig_create('$what', 'crm');
		SELECT FROM flitmig_import('$what', '$directory', options => '{"files": {"japan.csv": {"encoding": "SHIFT_JIS"}}}')));
	is($node->safe_psql('postgres', "SELECT count(*) FROM flitmig.source_file f JOIN flitmig.migration m ON m.id = f.migration_id
		WHERE m.name = '$what' AND rows_read <> rows_loaded + rows_rejected"), '0', "$what: every row read is loaded or rejected");
	my $out = "$scratch/$what.ndjson";
	$node->safe_psql('postgres', "COPY (SELECT staged(f) FROM flitmig.source_file f JOIN flitmig.migration m ON m.id = f.migration_id
		WHERE m.name = '$what' AND f.staging_table IS NOT NULL AND f.format IN ('csv', 'tsv', 'json', 'ndjson') ORDER BY f.name)
		TO PROGRAM 'cat > $out' (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')");
	my $told = `node '$repository/test/lossless/compare.js' '$out' @answers`;
	my @files = $told =~ /^(?:not )?ok .*$/mg;
	cmp_ok(scalar @files, '>=', $least, "$what: at least $least files");
	for my $line (@files) { $line =~ /^(not )?ok \d+ - (.*)/; ok(!$1, "$what: $2"); }
	diag(grep { /^# / } split /^/m, $told) if $ENV{FLITMIG_LONG};
}

system('node', "$repository/test/lossless/make.js", "$scratch/odd") == 0 or die 'no odd files';
system('chmod', '-R', 'a+rX', $scratch);
is_lossless('odd', "$scratch/odd", 40, "$scratch/answers.json");
is_lossless('damaged', "$scratch/damaged", 9, "$scratch/damaged.json");
is_lossless('fhir', "$repository/test/data/fhir", 15);
is_lossless('clinic', "$repository/test/data/clinic/1", 2);

if (-d $shared)
{
	is_lossless('synthea', "$shared/synthea-csv-27", 18);
	is_lossless('bulk', "$shared/fhir-r4-bulk-ndjson-10", 14);
}
done_testing();
