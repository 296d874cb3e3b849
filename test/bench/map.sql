--
-- Times flitmig._map against one INSERT ... SELECT by hand: :rows staged
-- patients with 13 columns, the same expressions for the same 12 fields, the
-- same id and hash, a primary key on each side.  Both sides run in turns.
-- flitmig._map also finds duplicate and blank keys, values that cannot be read
-- and shared e-mail addresses, and keeps the source key and place of each row.
-- Called by map.sh.
--
\set QUIET 1
\set ON_ERROR_STOP 1
SET client_min_messages = warning;
SELECT set_config('bench.rows', :'rows', false) \g /dev/null
CREATE SERVER bench FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');

-- The generic profile's map of patients, less what the export does not have.
INSERT INTO flitmig.profile (name, doc)
SELECT 'bench', jsonb_build_object(
	'description', 'Patients alone',
	'entities', jsonb_build_object('patients', doc #> '{entities,patients}'),
	'values', doc -> 'values',
	'targets', jsonb_build_object('person', jsonb_build_object('fields', (
		SELECT jsonb_object_agg(f.key, f.value) FROM jsonb_each(doc #> '{targets,person,fields}') f
		WHERE f.key = ANY ('{clinicRole,sourceSystemId,medicalRecordNumber,dateOfBirth,sex,homeAddress,patientStatus,lastVisit,accountBalance}')))),
	'unique', doc -> 'unique',
	'maps', jsonb_build_array(m.map || jsonb_build_object('source', '{patients} s', 'fields', (
		SELECT jsonb_object_agg(f.key, f.value) FROM jsonb_each(m.map -> 'fields') f
		WHERE f.key = ANY ('{name,emails,phones,clinicRole,sourceSystemId,medicalRecordNumber,dateOfBirth,sex,homeAddress,patientStatus,lastVisit,accountBalance}')))))
FROM flitmig.profile, LATERAL (SELECT m AS map FROM jsonb_array_elements(doc -> 'maps') m WHERE m ->> 'name' = 'patient') m
WHERE name = 'generic';
SELECT flitmig_create('bench', 'bench', profile => 'bench', country => 'US', currency => 'USD', time_zone => 'America/New_York', date_order => 'MDY') \g /dev/null

CREATE TABLE bench_staging.patients (_file integer NOT NULL, _line bigint NOT NULL, _hash bigint NOT NULL,
	patient_id text, mrn text, first_name text, last_name text, date_of_birth text, sex text, email text,
	mobile_phone text, address_1 text, city text, state text, postal_code text, status text, balance text, last_visit text);
INSERT INTO flitmig.source_file (id, migration_id, path, name, sha256, bytes, format, staging_table, header, columns, rows_read, rows_loaded)
SELECT 1, id, '/patients.csv', 'patients.csv', sha256('patients'), 1, 'csv', 'patients', c.names, c.names, :rows, :rows
FROM flitmig.migration,
	(SELECT array_agg(attname::text ORDER BY attnum) AS names FROM pg_attribute WHERE attrelid = 'bench_staging.patients'::regclass AND attnum > 3) c;
INSERT INTO bench_staging.patients
SELECT 1, i + 1, hashint8extended(i, 0), 'P' || i, 'MRN' || lpad((i * 7919 % 10000000)::text, 8, '0'),
	(ARRAY['Ann', 'Ben', 'Cleo', 'Dmitri', 'Eve', 'Farouk', 'Gisela', 'Henry'])[1 + i % 8],
	(ARRAY['Moss', 'O''Neill', 'Hale', 'de la Cruz', 'Nguyen', 'Smith'])[1 + i % 6] || i % 5000,
	to_char('1930-01-01'::date + (i * 31 % 34000)::integer, 'MM/DD/YYYY'), (ARRAY['F', 'M', 'Female'])[1 + i % 3],
	'person' || i || '@example.com', format('(617) 555-%s', lpad((i % 10000)::text, 4, '0')),
	format('%s Long Pond Road', i % 997), (ARRAY['Boston', 'Worcester', 'Springfield', 'Cambridge'])[1 + i % 4], 'MA',
	lpad((i % 2700 + 1001)::text, 5, '0'), (ARRAY['Active', 'Inactive', 'Prospect', NULL])[1 + i % 4],
	to_char(i * 13 % 90000 / 100.0, 'FM999990.00'), to_char('2020-01-01'::date + (i * 7 % 2000)::integer, 'MM/DD/YYYY')
FROM generate_series(1, :rows::bigint) AS i;
VACUUM ANALYZE bench_staging.patients;
SELECT flitmig_confirm('bench') \g /dev/null
-- A server with the objects and fields that the mapping needs.
SELECT set_config('test.migration', id::text, false) FROM flitmig.migration \g /dev/null
\i test/fixtures/live-2.19.sql
\i test/fixtures/live-prepare.sql

CREATE TABLE timing (side text, turn integer, seconds double precision);
CREATE TABLE by_hand (id uuid PRIMARY KEY, payload jsonb NOT NULL, hash bigint NOT NULL);
CREATE PROCEDURE time_side(side text, turn integer) LANGUAGE plpgsql AS $$
DECLARE
	start timestamptz;
	made bigint;
BEGIN
	TRUNCATE by_hand, flitmig.record;
	start := clock_timestamp();
	IF side = 'map' THEN
		PERFORM flitmig._map(id) FROM flitmig.migration;
	ELSE
		INSERT INTO by_hand (id, payload, hash)
		SELECT r.id, r.payload, jsonb_hash_extended(r.payload, 0)
		FROM (SELECT flitmig.uuid_v5(m.namespace, 'patient:' || s.patient_id) AS id,
				jsonb_strip_nulls(jsonb_build_object(
					'name', flitmig.full_name(s.first_name, s.last_name),
					'emails', flitmig.to_emails(s.email),
					'phones', flitmig.to_phones('US', s.mobile_phone),
					'clinicRole', 'PATIENT',
					'sourceSystemId', flitmig.one_line(s.patient_id),
					'medicalRecordNumber', flitmig.one_line(s.mrn),
					'dateOfBirth', flitmig.iso(flitmig.to_date(s.date_of_birth, 'MDY')),
					'sex', CASE lower(s.sex) WHEN 'f' THEN 'FEMALE' WHEN 'female' THEN 'FEMALE' WHEN 'm' THEN 'MALE' WHEN 'male' THEN 'MALE' END,
					'homeAddress', flitmig.address(s.address_1, NULL, s.city, s.state, s.postal_code, NULL),
					'patientStatus', flitmig.option_value(s.status),
					'lastVisit', flitmig.iso(flitmig.to_date(s.last_visit, 'MDY')),
					'accountBalance', flitmig.currency(flitmig.to_money(s.balance), 'USD'))) AS payload
			  FROM bench_staging.patients s, flitmig.migration m OFFSET 0) r;
	END IF;
	INSERT INTO timing VALUES (side, turn, extract(epoch FROM clock_timestamp() - start));
	SELECT count(*) INTO made FROM flitmig.record WHERE state = 'mapped';
	IF side = 'map' AND made <> current_setting('bench.rows')::bigint THEN
		RAISE '% records were made', made;
	END IF;
	COMMIT;
	CHECKPOINT;
END $$;
\ir map-turns.psql
SELECT format('%s patients: flitmig._map %s records/s, by hand %s records/s', :rows, round(:rows / m.seconds), round(:rows / h.seconds))
FROM median m, median h WHERE m.side = 'map' AND h.side = 'hand';
SELECT 'map ratio ' || round((h.seconds / m.seconds)::numeric, 2) FROM median m, median h WHERE m.side = 'map' AND h.side = 'hand';
