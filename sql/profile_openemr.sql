-- OpenEMR: one CSV per table; a status is one symbol, a duration is seconds, a referral is key-value rows, pid 0 is blocked time.
BEGIN;
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');
\set migration clinic
\set profile openemr
\set folder test/data/vendors/openemr
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

SELECT * FROM pg_temp.records('location');
SELECT * FROM pg_temp.records('payer');
-- Users are providers if they have an NPI or a specialty, or if something names them.
SELECT * FROM pg_temp.records('provider');
-- Columns that a clinic named itself are collected in sourceExtra.
SELECT * FROM pg_temp.records('patient');
SELECT * FROM pg_temp.records('appointment');
SELECT * FROM pg_temp.records('note');
SELECT * FROM pg_temp.records('encounter_note');
SELECT * FROM pg_temp.records('patient_note');
-- One claim per encounter: fees, payments, latest version.
SELECT * FROM pg_temp.records('claim');
SELECT * FROM pg_temp.records('care_plan');
SELECT * FROM pg_temp.records('care_plan_note');
SELECT * FROM pg_temp.records('care_plan_item');
SELECT * FROM pg_temp.records('lab_result');
SELECT * FROM pg_temp.records('lab_note');
SELECT * FROM pg_temp.records('lab_comment');
SELECT * FROM pg_temp.records('lab_comment_patient');
SELECT * FROM pg_temp.records('lab_comment_result');
SELECT * FROM pg_temp.records('document');

-- What a person is told.
SELECT count(*) > 0 AS findings FROM flitmig_audit(:'migration');
SELECT * FROM pg_temp.findings();
ROLLBACK;
