-- SimplePractice: reports without ids, tied by the client's name; date and time in one cell; headers differ between reports.
BEGIN;
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');
\set migration clinic
\set profile simplepractice
\set folder test/data/vendors/simplepractice
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
SELECT * FROM pg_temp.records('payer');
SELECT * FROM pg_temp.records('provider');
-- Kit Marlow is two clients, told apart by birth date; the appointment has the name alone, which names neither.
SELECT * FROM pg_temp.records('patient');
-- Status and location come from the attendance report.
SELECT * FROM pg_temp.records('appointment');
SELECT * FROM pg_temp.records('visit_note');
SELECT * FROM pg_temp.records('claim');

-- What a person is told.
SELECT count(*) > 0 AS findings FROM flitmig_audit(:'migration');
SELECT * FROM pg_temp.findings();
ROLLBACK;
