-- A published bulk export of invented patients (https://github.com/smart-on-fhir/sample-bulk-fhir-datasets, 10 patients): two
-- references of five name their target by an identifier, and every note is base64. FLITMIG_FHIR names its folder.
\set folder `for d in "$FLITMIG_FHIR" ../shared/data/fhir-r4-bulk-ndjson-10; do [ -e "$d/DocumentReference.000.ndjson" ] && { cd "$d" && pwd; break; }; done`
SELECT :'folder' = '' AS skip \gset
\if :skip
\echo The set is not there: skipped.
\quit
\endif
BEGIN;
SET client_min_messages = warning;
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');
\set ECHO none
SELECT flitmig_create('clinic', 'crm', profile => 'fhir-r4', time_zone => 'America/Chicago');
SELECT set_config('test.migration', id::text, false) FROM flitmig.migration WHERE name = 'clinic' \g /dev/null
\set ECHO all
SELECT sum(i.rows) AS rows, sum(i.rejected) AS rejected FROM flitmig_import('clinic', :'folder') i WHERE i.file LIKE '%.000.ndjson';

-- All references of the export, unmapped resources included.
SELECT r.style, sum(r.count) AS count, sum(r.resolved) AS resolved FROM flitmig.fhir_references('clinic') r GROUP BY 1 ORDER BY 1;

\set ECHO none
\o /dev/null
\i test/fixtures/live-2.19.sql
SELECT flitmig_confirm('clinic');
\i test/fixtures/live-prepare.sql
SELECT flitmig._map(current_setting('test.migration')::integer);
\o
\set ECHO all
SELECT o.name, c.rows_read, c.mapped, c.excluded FROM flitmig.map_count c JOIN flitmig.object_map o ON o.id = c.object_map_id
WHERE o.migration_id = current_setting('test.migration')::integer AND c.mapped > 0 ORDER BY o.id;

-- Mapping found nothing to tell: no reference is lost.
SELECT f.severity, f.code, f.object, f.column_name, f.count FROM flitmig.finding f WHERE f.migration_id = current_setting('test.migration')::integer AND f.step = 'map';

-- Each visit has its patient, its provider and its place.
SELECT count(*) AS visits, count(r.payload -> 'patientId') AS patients, count(r.payload -> 'providerId') AS providers, count(r.payload -> 'clinicLocationId') AS places
FROM flitmig.record r JOIN flitmig.object_map o ON o.id = r.object_map_id AND o.name = 'appointment' WHERE r.migration_id = current_setting('test.migration')::integer;

-- Each note is text, word for word, and has its encounter's date, visit and patient.
SELECT count(*) AS notes,
	count(*) FILTER (WHERE regexp_replace(r.payload #>> '{bodyV2,markdown}', '[\\\s]', '', 'g') = regexp_replace(convert_from(decode(d.content::json #>> '{0,attachment,data}', 'base64'), 'UTF8'), '[\\\s]', '', 'g')) AS same_text,
	count(*) FILTER (WHERE (r.payload ->> 'encounterDate')::timestamptz = (e.period::json ->> 'start')::timestamptz) AS same_date,
	count(*) FILTER (WHERE v.source_key = e.id) AS same_visit,
	count(*) FILTER (WHERE p.source_key = substr(d.subject::json ->> 'reference', 9)) AS same_patient
FROM flitmig.record r
JOIN flitmig.object_map o ON o.id = r.object_map_id AND o.name = 'note'
JOIN clinic_staging.document_references d ON d.id = r.source_key
JOIN clinic_staging.encounters e ON e.id = substr(d.context::json #>> '{encounter,0,reference}', 11)
JOIN flitmig.record v ON v.migration_id = r.migration_id AND v.id = (r.payload ->> 'appointmentId')::uuid
JOIN flitmig.record t ON t.migration_id = r.migration_id AND t.object = 'noteTarget' AND t.source_key = r.source_key
JOIN flitmig.record p ON p.migration_id = r.migration_id AND p.id = (t.payload ->> 'targetPersonId')::uuid
WHERE r.migration_id = current_setting('test.migration')::integer;
ROLLBACK;
