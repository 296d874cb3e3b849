-- What a proposal promises, whatever the export.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS flitmig;
\ir ../bench/propose/census.sql
\ir ../bench/propose/stage.sql
SELECT plan(44);

/* One file in which every row is an appointment and its patient. */
INSERT INTO flitmig.migration (id, name, server, profile, profile_doc, namespace, staging_schema, time_zone, country, currency)
VALUES (960, 'combined', 'crm', 'generic', '{"entities": {}}', '6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'combined_staging', 'UTC', 'US', 'USD');
CREATE SCHEMA combined_staging;
CREATE TABLE combined_staging.report (_file integer, _line bigint, _hash bigint,
	booking_id text, client_id text, client_first_name text, client_surname text, dob text, client_mobile text, visit_type text, starts_at text, "end" text, status text);
INSERT INTO combined_staging.report
	SELECT 961, n + 1, n, 'V' || 70000 + n, 'C' || 5000 + n % 7, 'Ann', 'Miller', '1980-01-0' || 1 + n % 7, '(617) 555-010' || n % 7,
		'Check-up', '2026-03-01 09:00', '2026-03-01 09:30', 'Booked' FROM generate_series(1, 30) n;
INSERT INTO flitmig.source_file (id, migration_id, path, name, staging_table, sha256, bytes, format, header, columns)
VALUES (961, 960, '/export/2026-03.csv', '2026-03.csv', 'report', '\x01', 1, 'csv',
	'{Booking ID,Client ID,Client First Name,Client Surname,DOB,Client Mobile,Visit Type,Starts At,End,Status}',
	'{booking_id,client_id,client_first_name,client_surname,dob,client_mobile,visit_type,starts_at,end,status}');
SELECT pg_temp.census(960);

CREATE TEMP TABLE proposal AS
	SELECT 'unseen' AS migration, p.* FROM flitmig_propose('unseen') p UNION ALL SELECT 'combined', p.* FROM flitmig_propose('combined') p;

-- Shape of the answer
SELECT is((SELECT count(*) FROM proposal), (SELECT count(*) FROM flitmig.column_census WHERE migration_id IN (950, 960)), 'every staged column has one row');
SELECT is_empty($$SELECT source_table, source_column FROM proposal GROUP BY migration, 1, 2 HAVING count(*) > 1$$, 'no column has two');
SELECT is_empty($$SELECT * FROM proposal WHERE why IS NULL OR why = ''$$, 'every row says why');
SELECT is_empty($$SELECT * FROM proposal WHERE (object IS NULL) <> (field IS NULL) OR (field IS NULL) <> (expression IS NULL)$$, 'object, field and expression come together');
SELECT is_empty($$SELECT * FROM proposal WHERE object IS NOT NULL AND confidence NOT BETWEEN 0.55 AND 0.99$$, 'what is proposed is more likely than not, and never certain');
SELECT is_empty($$SELECT migration, source_table, object, field FROM proposal WHERE field IS NOT NULL GROUP BY 1, 2, 3, 4 HAVING count(DISTINCT expression) > 1$$,
	'a field has one expression, however many columns it is made from');
SELECT is_empty($$SELECT p.migration, canonical FROM (SELECT migration, source_table, split_part(why, ':', 1) AS canonical FROM proposal WHERE object IS NOT NULL) p GROUP BY 1, source_table, 2 HAVING count(*) > 1$$,
	'nothing is proposed twice');
SELECT is_empty($$SELECT p.* FROM proposal p JOIN flitmig.column_census c ON c.staging_table = p.source_table AND c.column_name = p.source_column
	WHERE p.field IN ('dateOfBirth', 'dueAt') AND NOT c.shapes ?| '{date_iso,date_slash,time}'$$, 'a date has values of a date');
SELECT results_eq($$SELECT * FROM flitmig_propose('unseen')$$, $$SELECT * FROM flitmig_propose('unseen')$$, 'asked again it says the same');

-- One row, two records
SELECT results_eq($$SELECT source_column, object FROM proposal WHERE migration = 'combined' ORDER BY source_column$$,
	$$VALUES ('booking_id', 'task'), ('client_first_name', 'person'), ('client_id', 'task'), ('client_mobile', 'person'), ('client_surname', 'person'), ('dob', 'person'),
		('end', 'task'), ('starts_at', 'task'), ('status', 'task'), ('visit_type', 'task')$$, 'the patient inside the appointment is a person');

-- Words
SELECT results_eq($$SELECT words FROM flitmig._propose_words('{PatientBirthDate,patient_birth_date,Geburtsdatum Patient,PATIENTBIRTHDATE,Patiennt birthdate}', NULL)$$,
	$$SELECT '{birth,date,patient}'::text[] FROM generate_series(1, 5)$$, 'case, underscores, other languages, missing blanks and a slip of the pen mean the same');
SELECT is((SELECT words FROM flitmig._propose_words('{Dauer (Minuten)}', NULL)), '{duration}', 'what stands in parentheses is an instruction');
SELECT isnt_empty($$SELECT FROM flitmig._propose_words('{wireless}', NULL) WHERE words = '{mobile}'$$, 'a product''s word is known');
SELECT is_empty($$SELECT FROM flitmig._propose_words('{wireless}', 'opendental') WHERE words = '{mobile}'$$, 'unless that product is left out');
SELECT is_empty($$SELECT y.entity, y.column_name FROM flitmig.synonym y WHERE y.column_name NOT IN ('', '-', '?') AND NOT EXISTS (
	SELECT FROM flitmig.proposal_column k WHERE y.entity IN ('*', k.entity) AND k.column_name = y.column_name)$$, 'every synonym names a column that is looked for');
SELECT is_empty($$SELECT k.entity, k.column_name FROM flitmig.proposal_column k WHERE NOT EXISTS (
	SELECT FROM flitmig.synonym y WHERE y.entity IN ('*', k.entity) AND y.column_name = k.column_name)$$, 'every column that is looked for has a name');

-- The profile
SELECT is_empty($$SELECT flitmig._profile_check(flitmig._propose_profile(950))$$, 'the proposed profile is sound');
SELECT is_empty($$SELECT flitmig._profile_check(flitmig._propose_profile(960))$$, 'also where a row is two records');
SELECT is(flitmig._propose_profile(960)#>>'{entities,appointments,columns,patient_first_name,0}', 'Client First Name', 'whose patient is read from the appointment');
INSERT INTO flitmig.profile (name, doc) SELECT m.name, flitmig._propose_profile(m.id) FROM flitmig.migration m WHERE m.id IN (950, 960);
CREATE SERVER propose_crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');
SELECT lives_ok($$SELECT flitmig_create('mine', 'propose_crm', profile => 'unseen', time_zone => 'UTC'), flitmig_create('mine_too', 'propose_crm', profile => 'combined', time_zone => 'UTC')$$, 'a migration begins with it');
CREATE TABLE mine_staging.patients AS TABLE unseen_staging.klanten;
CREATE TABLE mine_staging.appointments AS TABLE unseen_staging.afspraken;
CREATE TABLE mine_staging.providers AS TABLE unseen_staging.behandelaars;
CREATE TABLE mine_too_staging.appointments AS TABLE combined_staging.report;
SELECT lives_ok($$SELECT flitmig_confirm('mine')$$, 'and is confirmed: every expression is sound over the export''s columns');
SELECT lives_ok($$SELECT flitmig_confirm('mine_too')$$, 'so is the one of the combined rows');

-- Nothing is mapped before that
SELECT is_empty($$SELECT FROM flitmig.object_map WHERE migration_id IN (950, 960)$$, 'a proposal maps nothing');

-- Links that no name tells: the values do, and where they do not fit nothing is proposed
INSERT INTO flitmig.migration (id, name, server, profile, profile_doc, namespace, staging_schema, time_zone, country, currency)
VALUES (970, 'nameless', 'crm', 'generic', '{"entities": {}}', '6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'nameless_staging', 'UTC', 'US', 'USD');
CREATE SCHEMA nameless_staging;
CREATE TABLE nameless_staging.patients (_file integer, _line bigint, _hash bigint, patient_id text, first_name text, last_name text, date_of_birth text, email text);
INSERT INTO nameless_staging.patients SELECT 971, n + 1, n, 'PX' || 4000 + n, 'Ann', 'Moss' || n, '1980-01-' || lpad(n::text, 2, '0'), 'p' || n || '@example.com' FROM generate_series(1, 20) n;
CREATE TABLE nameless_staging.appointments (_file integer, _line bigint, _hash bigint, appointment_id text, qq17 text, qq18 text, start text, duration text, status text);
INSERT INTO nameless_staging.appointments SELECT 972, n + 1, n, 'V' || 9000 + n, 'PX' || 4001 + n % 20, 'ZY' || 4001 + n % 20, '2026-03-01 09:00', '30', 'Booked' FROM generate_series(1, 40) n;
INSERT INTO flitmig.source_file (id, migration_id, path, name, staging_table, sha256, bytes, format, header, columns) VALUES
	(971, 970, '/export/patients.csv', 'patients.csv', 'patients', '\x01', 1, 'csv', '{Patient ID,First Name,Last Name,Date of Birth,Email}', '{patient_id,first_name,last_name,date_of_birth,email}'),
	(972, 970, '/export/appointments.csv', 'appointments.csv', 'appointments', '\x02', 1, 'csv', '{Appointment ID,QQ17,QQ18,Start,Duration,Status}', '{appointment_id,qq17,qq18,start,duration,status}');
SELECT pg_temp.census(970);
CREATE FUNCTION pg_temp.proposed(col text) RETURNS text LANGUAGE sql AS $$
	SELECT p.object || '.' || p.field FROM flitmig_propose('nameless') p WHERE p.source_table = 'appointments' AND p.source_column = col $$;
SELECT is(pg_temp.proposed('qq17'), 'task.patient', 'a column whose values are the patients'' ids points at them, whatever it is called');
SELECT matches((SELECT why FROM flitmig_propose('nameless') WHERE source_column = 'qq17'), 'all of its values are patients\.patient_id', 'and the reason says so');
SELECT ok((SELECT confidence BETWEEN 0.55 AND 0.99 FROM flitmig_propose('nameless') WHERE source_column = 'qq17'), 'with a confidence');
SELECT is(pg_temp.proposed('qq18'), NULL, 'ids of nothing point at nothing');
UPDATE nameless_staging.appointments SET qq17 = 'https://api.example.com/v1/patients/' || qq17;
SELECT pg_temp.census(970);
SELECT is(pg_temp.proposed('qq17'), 'task.patient', 'also at the end of a link');
UPDATE nameless_staging.appointments SET qq17 = CASE WHEN _line % 2 = 0 THEN qq17 ELSE 'PX' || 70000 + _line END;
SELECT pg_temp.census(970);
SELECT is(pg_temp.proposed('qq17'), NULL, 'half of them is chance');
UPDATE nameless_staging.patients SET patient_id = n::text FROM (SELECT _line - 1 AS n, _line AS l FROM nameless_staging.patients) x WHERE x.l = _line;
UPDATE nameless_staging.appointments SET qq17 = ((_line % 20) + 1)::text;
SELECT pg_temp.census(970);
SELECT is(pg_temp.proposed('qq17'), NULL, 'small numbers are in every table: they link nothing without a name');

-- A product that has a profile of its own is told
SELECT is((SELECT k.profile FROM flitmig._propose_known_profile(970) k), NULL, 'no profile knows an unseen export');
INSERT INTO flitmig.migration (id, name, server, profile, profile_doc, namespace, staging_schema, time_zone, country, currency)
VALUES (990, 'familiar', 'crm', 'generic', '{"entities": {}}', '6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'familiar_staging', 'UTC', 'US', 'USD');
INSERT INTO flitmig.column_census (migration_id, staging_table, column_name, header, position, rows, blanks, distinct_values)
	SELECT 990, 'appointments', flitmig._column_name(h), h, n, 0, 0, 0 FROM unnest('{ID,Starts At,Ends At,Patient Arrived,Did Not Arrive,Cancelled At,Cancellation Note,Treatment Note Status,Invoice Status,patient.links.self,practitioner.links.self}'::text[]) WITH ORDINALITY u(h, n);
SELECT results_eq($$SELECT k.profile, k.known, k.columns FROM flitmig._propose_known_profile(990) k$$, $$VALUES ('cliniko', 11::bigint, 11::bigint)$$, 'the profile that knows the columns');

-- Words: what German writes together, what is cut short
SELECT results_eq($$SELECT words FROM flitmig._propose_words('{Behandlungsdauer,Patientennummer,Descript}', NULL) ORDER BY phrase$$,
	$$VALUES ('{duration,treatment}'::text[]), ('{description}'), ('{number,patient}')$$, 'letters between words that are written together, and words cut short');

-- An export without any id, whose visits name the patient: keys of what there is, links by name; a link may be an address
INSERT INTO flitmig.migration (id, name, server, profile, profile_doc, namespace, staging_schema, time_zone, country, currency)
VALUES (980, 'by_name', 'crm', 'generic', '{"entities": {}}', '6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'by_name_staging', 'UTC', 'US', 'USD');
CREATE SCHEMA by_name_staging;
CREATE TABLE by_name_staging.patients (_file integer, _line bigint, _hash bigint, first_name text, last_name text, date_of_birth text, email text);
INSERT INTO by_name_staging.patients SELECT 981, n + 1, n, 'Ann', 'Moss' || chr(96 + n), '1980-01-' || lpad(n::text, 2, '0'), NULL FROM generate_series(1, 20) n;
CREATE TABLE by_name_staging.appointments (_file integer, _line bigint, _hash bigint, patient text, start_date text, start_time text, end_time text, status text);
INSERT INTO by_name_staging.appointments SELECT 982, n + 1, n, 'Moss' || chr(96 + n) || ', Ann', '2026-03-' || lpad(n::text, 2, '0'), '09:00', '09:45', 'Completed' FROM generate_series(1, 20) n;
CREATE TABLE by_name_staging.documents (_file integer, _line bigint, _hash bigint, patient_link text, scan text);
INSERT INTO by_name_staging.documents SELECT 983, n + 1, n, 'https://api.example.com/patients/' || n, 'scans/' || n || '.pdf' FROM generate_series(1, 20) n;
INSERT INTO flitmig.source_file (id, migration_id, path, name, staging_table, sha256, bytes, format, header, columns) VALUES
	(981, 980, '/export/patients.csv', 'patients.csv', 'patients', '\x01', 1, 'csv', '{First Name,Last Name,Date of Birth,Email}', '{first_name,last_name,date_of_birth,email}'),
	(982, 980, '/export/appointments.csv', 'appointments.csv', 'appointments', '\x02', 1, 'csv', '{Patient,Date,Start time,End time,Status}', '{patient,start_date,start_time,end_time,status}'),
	(983, 980, '/export/documents.csv', 'documents.csv', 'documents', '\x03', 1, 'csv', '{Patient link,Scan}', '{patient_link,scan}');
SELECT pg_temp.census(980);
CREATE TEMP TABLE by_name AS SELECT * FROM flitmig_propose('by_name');
SELECT is((SELECT expression FROM by_name WHERE source_table = 'appointments' AND source_column = 'patient'), 'flitmig.name_key(s.patient)', 'a link by name reads the name');
SELECT matches((SELECT why FROM by_name WHERE source_table = 'appointments' AND source_column = 'patient'), 'found by name', 'and says so');
SELECT is((SELECT object || '.' || field FROM by_name WHERE source_column = 'end_time'), 'task.durationMinutes', 'an end without its day');
SELECT is((SELECT object || '.' || field FROM by_name WHERE source_column = 'scan'), 'attachment.file', 'names of files are the file, whatever their header says');
SELECT is((SELECT expression FROM by_name WHERE source_column = 'patient_link'), 'flitmig.url_tail(s.patient_link)', 'of an address the end is the id');
SELECT is_empty($$SELECT flitmig._profile_check(flitmig._propose_profile(980))$$, 'the profile is sound');
INSERT INTO flitmig.profile (name, doc) VALUES ('by_name', flitmig._propose_profile(980));
SELECT lives_ok($$SELECT flitmig_create('mine_by_name', 'propose_crm', profile => 'by_name', time_zone => 'UTC')$$, 'a migration begins with it');
CREATE TABLE mine_by_name_staging.patients AS TABLE by_name_staging.patients;
CREATE TABLE mine_by_name_staging.appointments AS TABLE by_name_staging.appointments;
CREATE TABLE mine_by_name_staging.documents AS TABLE by_name_staging.documents;
INSERT INTO flitmig.source_file (id, migration_id, path, name, staging_table, sha256, bytes, format, header, columns)
	SELECT f.id, m.id, f.path, f.name, f.staging_table, f.sha256, f.bytes, f.format, f.header, f.columns
	FROM flitmig.migration m, (SELECT s.id + 4 AS id, s.path, s.name, s.staging_table, s.sha256, s.bytes, s.format, s.header, s.columns FROM flitmig.source_file s WHERE s.migration_id = 980) f WHERE m.name = 'mine_by_name';
UPDATE mine_by_name_staging.patients SET _file = _file + 4;
UPDATE mine_by_name_staging.appointments SET _file = _file + 4;
UPDATE mine_by_name_staging.documents SET _file = _file + 4;
SELECT lives_ok($$SELECT flitmig_confirm('mine_by_name')$$, 'and is confirmed');
SELECT set_config('test.migration', id::text, false) FROM flitmig.migration WHERE name = 'mine_by_name' \g /dev/null
\o /dev/null
\ir ../fixtures/live-2.19.sql
\ir ../fixtures/live-prepare.sql
\o
SELECT lives_ok($$SELECT flitmig._map(current_setting('test.migration')::integer)$$, 'and maps');
SELECT is((SELECT count(DISTINCT source_key) FROM flitmig.record WHERE migration_id = current_setting('test.migration')::integer AND object = 'person'), 20::bigint, 'a patient without an id is known by name and birth date');
SELECT results_eq($$SELECT count(*), count(*) FILTER (WHERE payload->>'durationMinutes' = '45') FROM flitmig.record WHERE migration_id = current_setting('test.migration')::integer AND object = 'task' AND state = 'mapped'$$,
	$$VALUES (20::bigint, 20::bigint)$$, 'each visit found its patient, and its length');
SELECT * FROM finish();
ROLLBACK;
