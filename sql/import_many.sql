-- Many files of one kind, one file of many kinds, facts that live only in a name, rows without an id.
\set abs_srcdir `pwd`
SET client_min_messages = warning;
\pset null '<null>'
INSERT INTO flitmig.migration (name, server, profile, profile_doc, namespace, staging_schema, time_zone, country, currency)
VALUES ('many', 'crm', 'generic', '{"entities": {
	"patients": {"files": ["*active patients", "patients_"], "columns": {
		"first_name": ["First Name"], "last_name": ["Last Name"], "status": ["Status", "label:status"], "patient_id": ["Patient ID", "label:patient"]}},
	"visits": {"files": ["visits_"], "columns": {"patient_id": ["label:patient"], "visit_date": ["Visit Date"], "reason": ["Reason"]}},
	"past": {"files": ["past appointments*"], "columns": {"patient_id": ["column 1"], "start": ["column 2"], "type": ["column 3"], "book": ["label:book"]},
		"labels": {"book": "appointments ([0-9]{4})"}},
	"combined": {"files": ["appointments_export*"], "columns": {"patient_id": ["Patient ID"], "name": ["Patient Name"], "visit": ["Appt Date"],
		"time": ["Start Time, Sortable"], "type": ["Appt Type"], "insurer": ["Primary Insurance"]}},
	"clients": {"files": ["clients*"], "columns": {"client_id": ["Client ID"], "name": ["Name"], "phone": ["Phone"]}},
	"sessions": {"files": ["sessions"], "columns": {"client": ["Client"], "seen": ["Seen"], "fee": ["Fee"]}}}}',
	gen_random_uuid(), 'many_staging', 'UTC', 'US', 'USD');
SELECT id AS many FROM flitmig.migration WHERE name = 'many' \gset
-- What a map's {entity} gives.
CREATE FUNCTION entity(name text) RETURNS SETOF jsonb LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT to_jsonb(s) - ''{_file,_line,_hash,_extra,_labels}''::text[] FROM %s s ORDER BY _file, _line',
		flitmig._entity_sql((SELECT id FROM flitmig.migration WHERE migration.name = 'many'), name));
END $$;

-- The status is in the file's name only.
SELECT "table", file, rows FROM flitmig_import('many', :'abs_srcdir' || '/test/data/many/status');
SELECT name, labels FROM flitmig.source_file ORDER BY id;
SELECT * FROM entity('patients');

-- A folder for each patient, the same names in each; a document by its folder too.
SELECT "table", file, rows FROM flitmig_import('many', :'abs_srcdir' || '/test/data/many/folders');
SELECT name, labels FROM flitmig.source_file WHERE labels ? 'folder' ORDER BY id;
SELECT * FROM entity('visits');

-- A file for each year, without a header; the profile finds the year by its own rule.
SELECT "table", file, rows, header FROM flitmig_import('many', :'abs_srcdir' || '/test/data/many/years');
SELECT name, labels FROM flitmig.source_file WHERE labels ? 'book' ORDER BY id;
SELECT * FROM entity('past');

-- One file of patients, appointments and insurance: staged once, read by a map of each kind. Ids stay text.
SELECT "table", file, rows FROM flitmig_import('many', :'abs_srcdir' || '/test/data/many/combined');
SELECT labels FROM flitmig.source_file WHERE staging_table = 'combined';
SELECT * FROM entity('combined');
SELECT DISTINCT c->>'patient_id' AS patient_id, c->>'name' AS name, c->>'insurer' AS insurer FROM entity('combined') c ORDER BY 1;

-- The same row in two files has the same hash; the same id with other cells has not.
SELECT "table", file, rows FROM flitmig_import('many', :'abs_srcdir' || '/test/data/many/twice');
SELECT client_id, count(*) AS rows, count(DISTINCT _file) AS files, count(DISTINCT _hash) AS contents
FROM many_staging.clients GROUP BY 1 ORDER BY 1;

-- Without an id, two rows that are alike are told apart by file and line alone.
SELECT "table", file, rows FROM flitmig_import('many', :'abs_srcdir' || '/test/data/many/no_id');
SELECT client, seen, count(*) AS rows, count(DISTINCT (_file, _line)) AS places, count(DISTINCT _hash) AS contents
FROM many_staging.sessions GROUP BY 1, 2 ORDER BY 1;

-- What names tell, and what they do not.
SELECT name, flitmig._file_labels(name, tabular, NULL) AS labels FROM (VALUES
	('Client List Report 291025_0710PM.xlsx', true), ('export_customer_list_2024-01-31.csv', true), ('appointments-2022-03.csv', true),
	('visits_20240131.csv.gz', true), ('Discharged_2021.csv', true), ('1000 patients.csv', true), ('ChartNotes/1001 Ann Q Moss chart.pdf', false),
	('patient_77/notes.csv', true), ('2022/No-show.csv', true), ('inactivated.csv', true), ('export.zip!PT9/Visits_.csv', true), ('12345678901.csv', true)) v(name, tabular);
-- A rule must have a group that says what it finds.
SELECT p FROM flitmig._profile_check('{"entities": {"a": {"files": [], "columns": {}, "labels": {"year": "[0-9]+"}}}}') p WHERE p LIKE '%labels%';

DROP FUNCTION entity;
DROP SCHEMA many_staging CASCADE;
DELETE FROM flitmig.migration;
