-- Excel workbooks: each sheet is a table; _line is the sheet's row.
\set abs_srcdir `pwd`
SET client_min_messages = warning;
\pset null '<null>'
INSERT INTO flitmig.migration (name, server, profile, profile_doc, namespace, staging_schema, time_zone, country, currency)
VALUES ('xlsx', 'crm', 'generic', '{"entities": {"visits": {"files": ["visits"]}}}', gen_random_uuid(), 'xlsx_staging', 'UTC', 'US', 'USD');
\set path :abs_srcdir '/test/data/xlsx'
SELECT * FROM flitmig_import('xlsx', :'path');
-- Dates are ISO by their style, numbers have no float noise, text is as it stands.
SELECT _line, patient_id, name, born, seen, at, fee FROM xlsx_staging.patients ORDER BY _line;
SELECT _line, visit, "when" FROM xlsx_staging.visits;
-- The same workbook with dates counted from 1904.
SELECT _line, patient_id, born, seen FROM xlsx_staging.clinic_patients ORDER BY _line;
SELECT name, staging_table, format, preamble_rows, header FROM flitmig.source_file ORDER BY name;
SELECT severity, code, object FROM flitmig.finding ORDER BY object, code;
SELECT file, note FROM flitmig_import('xlsx', :'path');
DROP SCHEMA xlsx_staging CASCADE;
DELETE FROM flitmig.migration;
