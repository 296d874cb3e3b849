-- Cliniko: rows are tied by links that end in the id, and an appointment's status is two yes/no columns and a time.
BEGIN;
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');
\set migration clinic
\set profile cliniko
\set folder test/data/vendors/cliniko
\set time_zone Australia/Perth
\set country AU
\set currency AUD
\set ECHO none
\i test/fixtures/import.psql
\i test/fixtures/records.sql
\set ECHO all

-- The profile has no problem; each row of each map is accounted for.
SELECT * FROM flitmig._profile_check((SELECT p.doc FROM flitmig.profile p WHERE p.name = :'profile'));
SELECT o.object, o.name, c.rows_read, c.filtered, c.blank_keys + c.duplicate_keys AS dropped, c.mapped, c.excluded
FROM flitmig.map_count c JOIN flitmig.object_map o ON o.id = c.object_map_id
WHERE o.migration_id = current_setting('test.migration')::integer ORDER BY o.id;

-- People and places.
SELECT * FROM pg_temp.records('location');
SELECT * FROM pg_temp.records('provider');
SELECT * FROM pg_temp.records('patient');
-- Visits: arrived, did not arrive, cancelled, neither; the lunch break has no patient.
SELECT * FROM pg_temp.records('appointment');
-- Notes: JSON of sections and answers, or plain text.
SELECT * FROM pg_temp.records('note');
SELECT * FROM pg_temp.records('claim');

-- What a person is told.
SELECT count(*) > 0 AS findings FROM flitmig_audit(:'migration');
SELECT * FROM pg_temp.findings();
ROLLBACK;
