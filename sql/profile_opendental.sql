-- Open Dental: integer codes, length as a pattern of / and X, 0001-01-01 for no date, a family under its guarantor, coverage over four tables.
BEGIN;
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');
\set migration clinic
\set profile opendental
\set folder test/data/vendors/opendental
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

SELECT * FROM pg_temp.records('payer');
SELECT * FROM pg_temp.records('provider');
SELECT * FROM pg_temp.records('patient');
-- Patient notes on the schedule (AptStatus 7) are notes.
SELECT * FROM pg_temp.records('appointment');
SELECT * FROM pg_temp.records('appointment_note');
SELECT * FROM pg_temp.records('note');
SELECT * FROM pg_temp.records('claim');
SELECT * FROM pg_temp.records('care_plan');
SELECT * FROM pg_temp.records('care_plan_note');
SELECT * FROM pg_temp.records('care_plan_item');
SELECT * FROM pg_temp.records('document');

-- What a person is told.
SELECT count(*) > 0 AS findings FROM flitmig_audit(:'migration');
SELECT * FROM pg_temp.findings();
ROLLBACK;
