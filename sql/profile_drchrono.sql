-- DrChrono: ids under two names (patient, patient_id), times with offset, two insurers in the patient's row, a claim with its appointment's id.
BEGIN;
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');
\set migration clinic
\set profile drchrono
\set folder test/data/vendors/drchrono
\set time_zone America/Los_Angeles
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

SELECT * FROM pg_temp.records('location');
-- Insurers stand in other rows: one company per name.
SELECT * FROM pg_temp.records('payer');
SELECT * FROM pg_temp.records('provider');
SELECT * FROM pg_temp.records('patient');
-- A status of the clinic's own becomes TODO, with a finding.
SELECT * FROM pg_temp.records('appointment');
SELECT * FROM pg_temp.records('note');
SELECT * FROM pg_temp.records('claim');
-- The tree goal, objective, intervention.
SELECT * FROM pg_temp.records('care_plan');
SELECT * FROM pg_temp.records('care_plan_item');
-- A result finds its patient over document and order.
SELECT * FROM pg_temp.records('lab_result');
SELECT * FROM pg_temp.records('lab_note');
SELECT * FROM pg_temp.records('document');

-- What a person is told.
SELECT count(*) > 0 AS findings FROM flitmig_audit(:'migration');
SELECT * FROM pg_temp.findings();
ROLLBACK;
