-- Delimited text as it comes: every dialect, every kind of damaged row.
\set abs_srcdir `pwd`
SET client_min_messages = warning;
\pset null '<null>'
INSERT INTO flitmig.migration (name, server, profile, profile_doc, namespace, staging_schema, time_zone, country, currency)
VALUES ('rows', 'crm', 'generic', '{}', gen_random_uuid(), 'rows_staging', 'UTC', 'US', 'USD');
-- The cells of a staged file, in order.
CREATE FUNCTION staged(staging_table text) RETURNS TABLE (line bigint, cells text[]) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT _line, ARRAY[%s] FROM rows_staging.%I ORDER BY _line',
		(SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
		 WHERE attrelid = format('rows_staging.%I', staging_table)::regclass AND attnum > 3), staging_table);
END $$;

-- Delimiter, quote, line ends, preamble and header are found out.
\set path :abs_srcdir '/test/data/dialect'
SELECT * FROM flitmig_import('rows', :'path');
SELECT name, delimiter, quote, newline, header_rows, preamble_rows, columns FROM flitmig.source_file WHERE staging_table IS NOT NULL ORDER BY name;
SELECT * FROM staged('semicolon');
SELECT * FROM staged('carriage_return');
SELECT * FROM staged('windows');
SELECT * FROM staged('single_quotes');
SELECT * FROM staged('backslash');
SELECT * FROM staged('one_column');
SELECT * FROM staged('preamble');
SELECT * FROM staged('no_header');
SELECT * FROM staged('groups');
SELECT * FROM staged('instructions');
SELECT line_no, reason, convert_from(raw, 'UTF8') AS raw FROM flitmig.reject;
SELECT * FROM staged('odd_headers');

-- A row of names that the profile knows is the header, whatever stands above it or below.
SELECT "table", rows, header FROM flitmig_import('rows', :'abs_srcdir' || '/test/data/header');
UPDATE flitmig.migration SET profile_doc = '{"entities": {"people": {"files": ["none"], "columns": {"client": [], "town": ["City", "Town"], "kin": []}}}}';
SELECT "table", rows, header FROM flitmig_import('rows', :'abs_srcdir' || '/test/data/header', options => '{"again": true}');
SELECT * FROM staged('clients');
UPDATE flitmig.migration SET profile_doc = '{}';

-- Or they are said.
\set path :abs_srcdir '/test/data/dialect/one_column.csv'
SELECT * FROM flitmig_import('rows', :'path', options => '{"files": {"one*": {"delimiter": ","}}}');
SELECT * FROM flitmig_import('rows', :'path', options => '{"again": true, "files": {"one*": {"delimiter": ",", "header": false, "table": "said"}}}');
SELECT * FROM staged('one_column');
SELECT * FROM staged('said');
-- (The lines of the call's context are not the same in PostgreSQL 13.)
\set SHOW_CONTEXT never
SELECT * FROM flitmig_import('rows', :'path', options => '{"delimiter": ";;", "again": true}');
\set SHOW_CONTEXT errors
SELECT rows, rejected, note FROM flitmig_import('rows', :'abs_srcdir' || '/test/data/dialect/backslash.csv', options => '{"escape": "\"", "again": true}');
SELECT * FROM staged('backslash');
SELECT rows, rejected FROM flitmig_import('rows', :'abs_srcdir' || '/test/data/dialect/backslash.csv', options => '{"escape": "\\", "again": true}');
-- The third argument may be the options as well; what is none is told from a large object's number.
SELECT file, rows, delimiter, note FROM flitmig_import('rows', :'path', '{"again": true, "delimiter": ","}');
SELECT file, note FROM flitmig_import('rows', :'path', NULL);
\set VERBOSITY terse
SELECT file FROM flitmig_import('rows', :'path', '{again: true}');
\set VERBOSITY default
SELECT file FROM flitmig_import('rows', 'one_column.csv', '16999');

-- Ragged rows, stray quotes, quotes without end: each row is staged or rejected, none is lost.
DELETE FROM flitmig.finding;
DELETE FROM flitmig.source_file;
\set path :abs_srcdir '/test/data/rows'
SELECT * FROM flitmig_import('rows', :'path');
SELECT * FROM staged('ragged');
SELECT * FROM staged('blank_rows');
SELECT * FROM staged('quotes');
SELECT * FROM staged('unterminated');
SELECT * FROM staged('cut_off');
SELECT f.name, r.line_no, r.reason, convert_from(r.raw, 'UTF8') AS raw
FROM flitmig.reject r JOIN flitmig.source_file f ON f.id = r.file_id ORDER BY f.name, r.line_no;
SELECT object, severity, code, count, places FROM flitmig.finding ORDER BY object, code;

-- csv-spectrum: each CSV file is staged as its JSON answer says.
DELETE FROM flitmig.source_file;
DROP SCHEMA rows_staging CASCADE;
\set path :abs_srcdir '/test/data/csv-spectrum/csvs'
SELECT file, rows FROM flitmig_import('rows', :'path');
CREATE FUNCTION answer(dir text, name text) RETURNS jsonb LANGUAGE sql AS $$
	SELECT CASE jsonb_typeof(j) WHEN 'array' THEN j ELSE jsonb_build_array(j) END
	FROM (SELECT pg_read_file(dir || '/test/data/csv-spectrum/json/' || name || '.json')::jsonb) x(j)
$$;
CREATE FUNCTION rebuilt(file flitmig.source_file) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	result jsonb;
BEGIN
	EXECUTE format('SELECT jsonb_agg(jsonb_build_object(%s) ORDER BY _line) FROM rows_staging.%I WHERE _file = %s',
		(SELECT string_agg(format('%L, coalesce(%I, '''')', h, c), ', ') FROM unnest(file.header, file.columns) u(h, c)),
		file.staging_table, file.id) INTO result;
	RETURN result;
END $$;
-- (The answer for location_coordinates has other values than its CSV, and that for newlines_crlf has the CRs that its CSV has lost.)
SELECT f.staging_table, rebuilt(f) = answer(:'abs_srcdir', f.staging_table) AS as_answered
FROM flitmig.source_file f WHERE f.staging_table NOT IN ('location_coordinates', 'newlines_crlf') ORDER BY 1;
-- '' and nothing at all are told apart.
SELECT * FROM staged('empty');

DROP FUNCTION answer, rebuilt, staged;
DROP SCHEMA rows_staging CASCADE;
DELETE FROM flitmig.migration;
