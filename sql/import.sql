-- flitmig_import stages a clinic's export: one row per file tells what became of it.
\set abs_srcdir `pwd`
SET client_min_messages = warning;
\set export :abs_srcdir '/test/data/clinic'
\pset null '<null>'

CREATE FUNCTION make_migration(name text, profile jsonb) RETURNS void LANGUAGE sql AS $$
	INSERT INTO flitmig.migration (name, server, profile, profile_doc, namespace, staging_schema, time_zone, country, currency)
	VALUES (name, 'crm', 'generic', profile, gen_random_uuid(), name || '_staging', 'UTC', 'US', 'USD')
$$;
SELECT make_migration('clinic', '{"entities": {
	"patients": {"files": ["patients*", "clients*"], "columns": {"patient_id": ["Patient ID"]}, "required": ["patient_id"]},
	"appointments": {"files": ["appointments"], "columns": {}}}}');

-- A directory: tables by the profile, everything else is kept as a file to attach.
\set path :export '/1'
SELECT * FROM flitmig_import('clinic', :'path');

-- Staged as it was written: text, with file and line.
SELECT f.name, s._line, s.patient_id, s.name, s.seen, s.status
FROM clinic_staging.patients s JOIN flitmig.source_file f ON f.id = s._file ORDER BY s._line;
SELECT name, staging_table, bytes, format, encoding, delimiter, newline, header_rows, header, columns, rows_read, rows_loaded, rows_rejected
FROM flitmig.source_file ORDER BY id;

-- The census: what each column holds, and which date order it proves.
SELECT column_name, header, rows, blanks, distinct_values, max_length, top_values, shapes, date_order
FROM flitmig.column_census WHERE staging_table = 'patients' ORDER BY position;

-- Again: nothing to do.
SELECT * FROM flitmig_import('clinic', :'path');

-- A newer export replaces the files of the same name; its new column is added.
\set path :export '/2'
SELECT * FROM flitmig_import('clinic', :'path');
SELECT f.superseded_by IS NULL AS live, s._line, s.patient_id, s.seen, s.phone
FROM clinic_staging.patients s JOIN flitmig.source_file f ON f.id = s._file ORDER BY s._file, s._line;
SELECT column_name, rows, shapes, date_order FROM flitmig.column_census
WHERE staging_table = 'patients' AND column_name IN ('seen', 'phone') ORDER BY position;
SELECT severity, code, object, column_name, count, hint FROM flitmig.finding;

-- The older one once more: its rows are there, it is made live again.
\set path :export '/1/patients.csv'
SELECT * FROM flitmig_import('clinic', :'path');
SELECT name, superseded_by IS NULL AS live FROM flitmig.source_file WHERE staging_table = 'patients' ORDER BY id;

-- The hash of a row does not depend on columns that are empty or in another place.
SELECT count(DISTINCT _hash) AS hashes, count(*) AS rows FROM clinic_staging.patients;

-- An archive stands for a directory; its members are read without unpacking it.
\set path :export '/export.zip'
SELECT * FROM flitmig_import('clinic', :'path');
SELECT right(path, 24) AS path, name, superseded_by IS NULL AS live FROM flitmig.source_file WHERE format <> 'csv' ORDER BY id;

-- The wrong file under a known name: one finding, and the rows are staged all the same.
\set path :export '/wrong'
SELECT * FROM flitmig_import('clinic', :'path');
SELECT severity, code, object, message FROM flitmig.finding WHERE severity = 'error';

-- From the client: \lo_import, then the name and the object's id.
SELECT lo_from_bytea(0, convert_to(E'id,name\n1,Ann\n', 'UTF8')) AS object \gset
SELECT * FROM flitmig_import('clinic', 'exports/staff.csv', :object);
SELECT name, rows_loaded FROM flitmig.source_file WHERE path = 'lo:' || :object;

-- What can go wrong says what to type next.
SELECT * FROM flitmig_import('clinik', '/tmp');
SELECT * FROM flitmig_import('clinic', 'exports/patients.csv');
SELECT * FROM flitmig_import('clinic', '/no/such/file');
SELECT * FROM flitmig_import('clinic', NULL);
CREATE ROLE regress_flitmig_operator;
SELECT flitmig_grant('regress_flitmig_operator', 'operator');
SELECT make_migration('theirs', '{}');
UPDATE flitmig.migration SET owner = 'regress_flitmig_operator' WHERE name = 'theirs';
GRANT CREATE ON DATABASE :"DBNAME" TO regress_flitmig_operator;
\set path :export '/2'
SET ROLE regress_flitmig_operator;
SELECT * FROM flitmig_import('theirs', :'path');
RESET ROLE;

-- An operator who may read the server's files owns what is staged.
GRANT pg_read_server_files TO regress_flitmig_operator;
SET ROLE regress_flitmig_operator;
SELECT "table", rows FROM flitmig_import('theirs', :'path');
SELECT * FROM flitmig_import('clinic', :'path');
SELECT tableowner, tablename FROM pg_tables WHERE schemaname = 'theirs_staging';
RESET ROLE;
DROP SCHEMA theirs_staging CASCADE;
DROP OWNED BY regress_flitmig_operator;
DROP ROLE regress_flitmig_operator;

-- Nothing is lost: the sums hold for every file.
SELECT count(*) FROM flitmig.source_file WHERE rows_read <> rows_loaded + rows_rejected;

SELECT lo_unlink(:object);
DROP SCHEMA clinic_staging CASCADE;
DELETE FROM flitmig.migration;
DROP FUNCTION make_migration;
