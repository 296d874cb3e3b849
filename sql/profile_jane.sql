-- Jane App: patients have numbers, everything else has names; two policies a patient; charts come as an index of files.
BEGIN;
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');
\set migration clinic
\set profile jane
\set folder test/data/vendors/jane
\set time_zone America/Vancouver
\set country CA
\set currency CAD
\set ECHO none
\i test/fixtures/import.psql
\i test/fixtures/records.sql
\set ECHO all

-- The profile has no problem; each row of each map is accounted for.
SELECT * FROM flitmig._profile_check((SELECT p.doc FROM flitmig.profile p WHERE p.name = :'profile'));
SELECT o.object, o.name, c.rows_read, c.filtered, c.blank_keys + c.duplicate_keys AS dropped, c.mapped, c.excluded
FROM flitmig.map_count c JOIN flitmig.object_map o ON o.id = c.object_map_id
WHERE o.migration_id = current_setting('test.migration')::integer ORDER BY o.id;

-- Companies and staff are made of the names in other files.
SELECT * FROM pg_temp.records('location');
SELECT * FROM pg_temp.records('payer');
SELECT * FROM pg_temp.records('provider');
SELECT * FROM pg_temp.records('patient');
-- Visits have no id: start, patient, staff member and treatment are the key.
SELECT * FROM pg_temp.records('appointment');
SELECT * FROM pg_temp.records('note');
-- A chart without a number needs a visit of that name on its day: nobody is matched on a name alone.
SELECT * FROM pg_temp.records('chart');
SELECT * FROM pg_temp.records('document');
SELECT * FROM pg_temp.records('claim');

-- What a person is told.
SELECT count(*) > 0 AS findings FROM flitmig_audit(:'migration');
SELECT * FROM pg_temp.findings();
ROLLBACK;
