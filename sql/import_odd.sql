-- Exports with more in them than one clean table: each part has a place, and what has none is told.
\set abs_srcdir `pwd`
SET client_min_messages = warning;
\pset null '<null>'
CREATE SERVER odd FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');
INSERT INTO flitmig.migration (name, server, profile, profile_doc, namespace, staging_schema, time_zone, country, currency)
VALUES ('odd', 'odd', 'generic', '{"entities": {"patients": {"files": ["patients*"], "columns": {"patient": ["Patient ID"], "start": [], "status": []}}, "nulls": {"files": ["nulls"], "columns": {"id": [], "name": [], "born": [], "city": []}}}}',
	gen_random_uuid(), 'odd_staging', 'UTC', 'US', 'USD');
\set path :abs_srcdir '/test/data/odd'
SELECT "table", file, rows, rejected, encoding, delimiter AS d, header, note FROM flitmig_import('odd', :'path');
SELECT * FROM flitmig.file_balance WHERE migration = 'odd' AND difference <> 0;
SELECT object, severity, code, column_name, count, places FROM flitmig.finding ORDER BY object, code, column_name;
SELECT f.name, r.line_no, r.reason, encode(r.raw, 'escape') AS raw
FROM flitmig.reject r JOIN flitmig.source_file f ON f.id = r.file_id ORDER BY f.name, r.line_no;
SELECT f.name, o.line_no, encode(o.raw, 'escape') AS raw
FROM flitmig.original o JOIN flitmig.source_file f ON f.id = o.file_id WHERE o.column_name IS NULL ORDER BY f.name, o.line_no, o.raw;

-- Of each table the names and the first row.
CREATE FUNCTION first_row(file flitmig.source_file) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	result text[];
BEGIN
	EXECUTE format('SELECT ARRAY[%s] FROM odd_staging.%I WHERE _file = %s ORDER BY _line LIMIT 1',
		(SELECT string_agg(quote_ident(c), ', ' ORDER BY n) FROM unnest(file.columns) WITH ORDINALITY u(c, n)), file.staging_table, file.id) INTO result;
	RETURN result;
END $$;
SELECT name, columns, first_row(f) FROM flitmig.source_file f WHERE staging_table IS NOT NULL ORDER BY name;

-- What looks like no row, or like another table, can be told to be one.
SELECT "table", file, rows, rejected, note FROM flitmig_import('odd', :'path' || '/groups.csv', options => '{"again": true, "rows": "all"}');
SELECT "table", file, rows, rejected, note FROM flitmig_import('odd', :'path' || '/sections.csv', options => '{"again": true, "tables": 1}');
SELECT name, rows_read FROM flitmig.source_file WHERE name LIKE 'sections%' ORDER BY name;
-- The tables of a file go and come with it.
SELECT "table", file, rows FROM flitmig_import('odd', :'path' || '/sections.csv', options => '{"again": true}');
\! mkdir -p results/odd && cp test/data/odd/known.csv results/odd/sections.csv
\set newer :abs_srcdir '/results/odd/sections.csv'
SELECT "table", file, rows, note FROM flitmig_import('odd', :'newer');
SELECT name, superseded_by IS NULL AS live FROM flitmig.source_file WHERE name LIKE 'sections%' ORDER BY name, id;
SELECT file, rows, note FROM flitmig_import('odd', :'path' || '/sections.csv');
SELECT name, superseded_by IS NULL AS live, staging_table FROM flitmig.source_file WHERE name LIKE 'sections%' ORDER BY name, id;

-- What programs write for none is staged as it stands, and read as blank where a table has it often; a person may be called Null.
\set ECHO none
SELECT format('SELECT id, name, born, city FROM %s x ORDER BY _line', flitmig._entity_sql(m.id, 'nulls')) FROM flitmig.migration m \gexec
\set ECHO all
SELECT name, city FROM odd_staging.nulls ORDER BY _line;
SELECT column_name, shapes ? 'null_word' AS none FROM flitmig.column_census WHERE staging_table IN ('nulls', 'null_family') AND (shapes->>'text')::bigint > 0 ORDER BY staging_table, column_name;

DROP FUNCTION first_row;
DROP SCHEMA odd_staging CASCADE;
DELETE FROM flitmig.migration;
DROP SERVER odd;
