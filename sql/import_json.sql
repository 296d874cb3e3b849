-- JSON: keys become columns, nested values stay JSON.
\set abs_srcdir `pwd`
SET client_min_messages = warning;
\pset null '<null>'
INSERT INTO flitmig.migration (name, server, profile, profile_doc, namespace, staging_schema, time_zone, country, currency)
VALUES ('json', 'crm', 'generic', '{"entities": {"visits": {"files": ["visits"]}}}', gen_random_uuid(), 'json_staging', 'UTC', 'US', 'USD');
\set path :abs_srcdir '/test/data/json'
SELECT "table", file, rows, rejected, header, note FROM flitmig_import('json', :'path');
SELECT _line, a, b, c, value FROM json_staging.array ORDER BY _line;
SELECT _line, id FROM json_staging.wrapped ORDER BY _line;
SELECT _line, patient_id FROM json_staging.patients ORDER BY _line;
SELECT _line, visit FROM json_staging.visits ORDER BY _line;
SELECT _line, id, name, active FROM json_staging.nested ORDER BY _line;
-- In NDJSON a broken line costs itself; _line is the line.
SELECT _line, id, extra, n, n::jsonb IS NOT NULL AS is_jsonb FROM json_staging.lines ORDER BY _line;
SELECT _line, a FROM json_staging.broken ORDER BY _line;
SELECT f.name, r.line_no, r.reason, convert_from(r.raw, 'UTF8') AS raw
FROM flitmig.reject r JOIN flitmig.source_file f ON f.id = r.file_id ORDER BY f.name, r.line_no;
SELECT severity, code, object, column_name, count, places FROM flitmig.finding ORDER BY object, code;
-- What staging cannot hold is kept as it is written.
SELECT f.name, o.line_no, o.column_name, o.raw FROM flitmig.original o JOIN flitmig.source_file f ON f.id = o.file_id ORDER BY f.name, o.line_no, o.column_name;

SELECT "table", file, note FROM flitmig_import('json', :'path') WHERE note <> 'already imported';
DROP SCHEMA json_staging CASCADE;
DELETE FROM flitmig.migration;
