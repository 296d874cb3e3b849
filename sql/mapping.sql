-- From staged rows to records: create, confirm, map.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\set ECHO none
\i test/fixtures/tiny-clinic.sql
\set ECHO all
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');

-- A migration has a name, a server, and a profile that knows the export.
SELECT flitmig_create('Tiny Clinic', 'crm');
SELECT flitmig_create('tiny', 'crn');
SELECT flitmig_create('tiny', 'crm', profile => 'paper');
SELECT flitmig_create('tiny', 'crm', time_zone => 'New York');
SELECT flitmig_create('tiny', 'crm', country => 'USA');
SELECT flitmig_create('tiny', 'crm', date_order => 'MM/DD/YYYY');
SELECT flitmig_create('tiny', 'crm', time_zone => 'America/New_York', date_order => 'MDY');
SELECT flitmig_create('tiny', 'crm');
-- The same name on the same server gives the same ids, today and next year.
SELECT namespace, staging_schema FROM flitmig.migration WHERE name = 'tiny';

-- Nothing is confirmed before something is staged.
SELECT flitmig_confirm('tiny');

-- Three patients ("-" is an empty cell), as flitmig_import would stage them.
SELECT pg_temp.stage('patients',
	'Patient ID,First Name,Last Name,Date of Birth,Sex,Email,Mobile Phone,Primary Provider ID,Deleted,Shoe Size',
	'P1,Ada,Moss,03/04/1980,F,moss@example.com,617-555-0111,D1,No,38',
	'P2,Ben,Moss,11/30/2012,m,Moss@example.com,-,D1,No,-',
	'P3,Cy,Gone,02/30/1950,unicorn,-,-,D9,Yes,-');
SELECT pg_temp.stage('providers',
	'Provider ID,Name,NPI,Specialties,Role',
	'D1,Dr. Eve Hale,1234567893,Family Medicine;Podiatry,Physician');
SELECT pg_temp.stage('appointments',
	'Appointment ID,Patient ID,Provider ID,Owner,Type,Status,Start,Duration,Reason',
	'A1,P1,D1,front@clinic.example,Initial visit,Completed,03/04/2024 09:30,30,Sore foot',
	'A2,P2,D1,front@clinic.example,Follow-up,No-Show,07/01/2024 14:00,15,-',
	'A3,P3,D1,front@clinic.example,follow-up,Booked,07/02/2024 14:00,15,-',
	'A4,P7,D1,Mia Front,Initial visit,On the moon,07/03/2024 14:00,15,-');
SELECT pg_temp.stage('claims', 'Claim Number,Patient ID,Amount Billed,Amount Paid,Claim Status', 'C1,P1,$1234.50,0,Paid');

-- A required column that is missing, an expression that is no SQL: the error says which.
ALTER TABLE tiny_staging.claims RENAME claim_number TO number;
SELECT flitmig_confirm('tiny');
ALTER TABLE tiny_staging.claims RENAME number TO claim_number;
UPDATE flitmig.field_map f SET expression = 'flitmig.to_mony(s.amount_billed)' FROM flitmig.object_map o
WHERE o.id = f.object_map_id AND o.name = 'claim' AND f.field = 'amountBilled';
\set VERBOSITY terse
SELECT flitmig_confirm('tiny');
\set VERBOSITY default
UPDATE flitmig.field_map f SET expression = 'flitmig.currency(flitmig.to_money(s.amount_billed), {currency})' FROM flitmig.object_map o
WHERE o.id = f.object_map_id AND o.name = 'claim' AND f.field = 'amountBilled';

SELECT flitmig_confirm('tiny') ~ '^[0-9a-f]{64}$' AS hash;
-- Options come from the values that were found.
SELECT object, name, options FROM flitmig.target_field
WHERE migration_id = (SELECT id FROM flitmig.migration WHERE name = 'tiny') AND name IN ('taskType', 'specialty', 'status') ORDER BY 1, 2;

-- Records are made for the schema of a server that was read.
SELECT set_config('test.migration', id::text, false) IS NOT NULL AS migration FROM flitmig.migration WHERE name = 'tiny';
SELECT flitmig._map(current_setting('test.migration')::integer);
\set ECHO none
\i test/fixtures/live-2.19.sql
\i test/fixtures/live-prepare.sql
\set ECHO all
INSERT INTO flitmig.live_member SELECT current_setting('test.migration')::integer, '00000000-0000-4000-8000-000000000001', 'front@clinic.example', 'Mia', 'Front';
SELECT flitmig._map(current_setting('test.migration')::integer);

SELECT o.name, r.source_key, r.state, r.reason, r.line_no FROM flitmig.record r JOIN flitmig.object_map o ON o.id = r.object_map_id
WHERE r.migration_id = current_setting('test.migration')::integer ORDER BY o.position, r.sequence;
SELECT source_key, jsonb_pretty(payload) FROM flitmig.record WHERE migration_id = current_setting('test.migration')::integer
	AND object IN ('person', 'task', 'taskTarget') AND state = 'mapped' ORDER BY object_map_id, sequence;

-- Where each row went.
SELECT o.name, rows_read, filtered, blank_keys, duplicate_keys, mapped, excluded FROM flitmig.map_count c JOIN flitmig.object_map o ON o.id = c.object_map_id
WHERE c.migration_id = current_setting('test.migration')::integer AND rows_read > 0 ORDER BY o.position;

-- What there is to know, with places and without values.
SELECT severity, code, object, "column", count FROM flitmig_audit('tiny');
SELECT code, message, places FROM flitmig.finding WHERE migration_id = current_setting('test.migration')::integer AND places <> '{}' ORDER BY code, object, column_name;
SELECT email, name, records, status, invite FROM flitmig_owners('tiny');
SELECT * FROM flitmig_owners('tinny');

-- A newer export: one record changes, one appears, one is gone, and nothing else is touched.
CREATE TEMP TABLE earlier AS SELECT id, hash, state FROM flitmig.record WHERE migration_id = current_setting('test.migration')::integer;
SELECT pg_temp.stage('claims', 'Claim Number,Patient ID,Amount Billed,Amount Paid,Claim Status', 'C2,P2,10.00,-,Submitted');
SELECT pg_temp.stage('providers', 'Provider ID,Name,NPI,Specialties,Role', 'D1,Dr. Eve Hale-Moss,1234567893,Family Medicine;Podiatry,Physician');
SELECT flitmig._map(current_setting('test.migration')::integer);
SELECT r.object, r.source_key, e.state AS was, r.state, r.hash IS DISTINCT FROM e.hash AS changed
FROM flitmig.record r LEFT JOIN earlier e USING (id)
WHERE r.migration_id = current_setting('test.migration')::integer AND (e.state, e.hash) IS DISTINCT FROM (r.state, r.hash) ORDER BY 1, 2;

DROP SCHEMA tiny_staging CASCADE;
DELETE FROM flitmig.record WHERE migration_id = current_setting('test.migration')::integer;
DELETE FROM flitmig.migration WHERE name = 'tiny';
DROP SERVER crm;
