-- Encodings are recognised; what is damaged is staged, marked and reported.
\set abs_srcdir `pwd`
SET client_min_messages = warning;
INSERT INTO flitmig.migration (name, server, profile, profile_doc, namespace, staging_schema, time_zone, country, currency)
VALUES ('enc', 'crm', 'generic', '{}', gen_random_uuid(), 'enc_staging', 'UTC', 'US', 'USD');
\set path :abs_srcdir '/test/data/encoding'
SELECT file, rows, rejected, encoding FROM flitmig_import('enc', :'path');
SELECT _line, id, name FROM enc_staging.utf8_bom ORDER BY _line;
SELECT _line, id, name FROM enc_staging.utf16le_bom ORDER BY _line;
SELECT _line, id, name FROM enc_staging.utf16be_bom ORDER BY _line;
SELECT _line, id, name FROM enc_staging.windows1252 ORDER BY _line;
SELECT DISTINCT name FROM enc_staging.greek;
SELECT DISTINCT name FROM enc_staging.cyrillic;
SELECT _line, id, name FROM enc_staging.damaged ORDER BY _line;
SELECT severity, code, object, count, places FROM flitmig.finding ORDER BY object, code;
-- A rejected row is kept in the bytes that the file has.
SELECT line_no, reason, raw FROM flitmig.reject;
-- The encoding can be said.
\set path :abs_srcdir '/test/data/encoding/windows1252.csv'
SELECT file, rows, encoding FROM flitmig_import('enc', :'path', options => '{"encoding": "ISO-8859-15", "table": "said", "again": true}');
SELECT name FROM enc_staging.said WHERE _line = 3;
DROP SCHEMA enc_staging CASCADE;
DELETE FROM flitmig.migration;
