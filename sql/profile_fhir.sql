-- FHIR R4, NDJSON: references by id, by URL, by identifier, to a role, to a merged patient; notes in base64 or in a Binary.
BEGIN;
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');
\set migration clinic
\set profile fhir-r4
\set folder test/data/fhir
\set time_zone America/New_York
\set country US
\set currency USD
\set ECHO none
\i test/fixtures/import.psql
\i test/fixtures/records.sql
\set ECHO all

-- The profile has no problem; each row of each map is accounted for.
SELECT * FROM flitmig._profile_check((SELECT p.doc FROM flitmig.profile p WHERE p.name = :'profile'));
SELECT o.object, o.name, c.rows_read, c.filtered, c.blank_keys + c.duplicate_keys AS dropped, c.mapped, c.excluded
FROM flitmig.map_count c JOIN flitmig.object_map o ON o.id = c.object_map_id
WHERE o.migration_id = current_setting('test.migration')::integer ORDER BY o.id;

-- How the resources point at each other.
SELECT * FROM flitmig.fhir_references(:'migration');
SELECT * FROM pg_temp.records('organization');
SELECT * FROM pg_temp.records('location');
SELECT * FROM pg_temp.records('provider');
-- Patient a2 was merged into a1: what points at a2 is a1's.
SELECT * FROM pg_temp.records('patient');
-- Appointments, and encounters that belong to none.
SELECT * FROM pg_temp.records('appointment');
-- Notes carry their encounter's date; of one document in two formats the text counts.
SELECT * FROM pg_temp.records('note');
SELECT * FROM pg_temp.records('document');
SELECT * FROM pg_temp.records('claim');
SELECT * FROM pg_temp.records('care_plan');
SELECT * FROM pg_temp.records('care_plan_note');
SELECT * FROM pg_temp.records('care_plan_item');
SELECT * FROM pg_temp.records('lab_result');
SELECT * FROM pg_temp.records('lab_note');
SELECT * FROM pg_temp.records('lab_note_result');

-- What a person is told.
SELECT count(*) > 0 AS findings FROM flitmig_audit(:'migration');
SELECT * FROM pg_temp.findings();
ROLLBACK;
