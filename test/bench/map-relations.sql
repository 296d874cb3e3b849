--
-- As map.sql, for the usual map with relations: :rows appointments of :rows/10
-- patients and 100 providers.  By hand it is three INSERT ... SELECT, the last
-- one joined to the patients and providers whose ids it holds.  flitmig._map
-- also counts how each reference ends and keeps what each record points at.
-- Called by map.sh.
--
\set QUIET 1
\set ON_ERROR_STOP 1
SET client_min_messages = warning;
SELECT set_config('bench.rows', :'rows', false) \g /dev/null
CREATE SERVER bench FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');
INSERT INTO flitmig.profile (name, doc) VALUES ('bench', $json${
	"entities": {
		"patients": {"files": ["patients*"], "columns": {"patient_id": [], "first_name": [], "last_name": [], "date_of_birth": []}},
		"providers": {"files": ["providers*"], "columns": {"provider_id": [], "name": []}},
		"appointments": {"files": ["appointments*"], "columns": {"appointment_id": [], "patient_id": [], "provider_id": [], "start": [], "duration": [], "status": [], "type": [], "reason": []}}},
	"values": {"status": {"completed": "DONE", "booked": "TODO", "no show": "NO_SHOW", "": "TODO"}},
	"targets": {
		"person": {"fields": {"clinicRole": {"type": "SELECT", "label": "Role", "options": [{"value": "PATIENT", "label": "Patient"}, {"value": "PROVIDER", "label": "Provider"}]},
			"dateOfBirth": {"type": "DATE", "label": "Born"}, "sourceSystemId": {"type": "TEXT", "label": "Id"}}},
		"task": {"fields": {"durationMinutes": {"type": "NUMBER", "label": "Minutes"}, "visitReason": {"type": "TEXT", "label": "Reason"}, "sourceSystemId": {"type": "TEXT", "label": "Id"},
			"taskType": {"type": "SELECT", "label": "Type", "options": [{"value": "INITIAL_VISIT", "label": "Initial visit"}, {"value": "FOLLOW_UP", "label": "Follow-up"}]},
			"patient": {"type": "RELATION", "label": "Patient", "relation": "person", "relationLabel": "Visits"}, "provider": {"type": "RELATION", "label": "Provider", "relation": "person", "relationLabel": "Visits given"}}}},
	"maps": [
		{"name": "provider", "object": "person", "source": "{providers} s", "key": "s.provider_id",
		 "fields": {"name": "flitmig.full_name(s.name)", "clinicRole": "'PROVIDER'", "sourceSystemId": "s.provider_id"}},
		{"name": "patient", "object": "person", "source": "{patients} s", "key": "s.patient_id",
		 "fields": {"name": "flitmig.full_name(s.first_name, s.last_name)", "clinicRole": "'PATIENT'", "sourceSystemId": "s.patient_id", "dateOfBirth": "flitmig.iso(flitmig.to_date(s.date_of_birth, 'MDY'))"}},
		{"name": "appointment", "object": "task", "source": "{appointments} s", "key": "s.appointment_id",
		 "fields": {"title": "flitmig.one_line(s.type)", "status": {"expression": "s.status", "values": "status"}, "dueAt": "flitmig.iso(flitmig.to_timestamp_tz(s.start, 'MDY', {time_zone}))",
			"durationMinutes": "flitmig.to_minutes(s.duration)", "taskType": "flitmig.option_value(s.type)", "visitReason": "flitmig.one_line(s.reason)", "sourceSystemId": "s.appointment_id",
			"patient": {"relation": "patient", "key": "s.patient_id", "onMissing": "exclude"}, "provider": {"relation": "provider", "key": "s.provider_id"}}}]}$json$);
SELECT flitmig_create('bench', 'bench', profile => 'bench', time_zone => 'America/New_York', date_order => 'MDY') \g /dev/null

CREATE TABLE bench_staging.providers (_file integer NOT NULL, _line bigint NOT NULL, _hash bigint NOT NULL, provider_id text, name text);
INSERT INTO bench_staging.providers SELECT 1, i + 1, hashint8extended(i, 1), 'D' || i, 'Dr. Eve Hale' || i FROM generate_series(1, 100) i;
CREATE TABLE bench_staging.patients (_file integer NOT NULL, _line bigint NOT NULL, _hash bigint NOT NULL, patient_id text, first_name text, last_name text, date_of_birth text);
INSERT INTO bench_staging.patients
SELECT 2, i + 1, hashint8extended(i, 2), 'P' || i, 'Ann', 'Moss' || i % 5000, to_char('1930-01-01'::date + (i * 31 % 34000)::integer, 'MM/DD/YYYY') FROM generate_series(1, :rows::bigint / 10) i;
CREATE TABLE bench_staging.appointments (_file integer NOT NULL, _line bigint NOT NULL, _hash bigint NOT NULL,
	appointment_id text, patient_id text, provider_id text, start text, duration text, status text, type text, reason text);
INSERT INTO bench_staging.appointments
SELECT 3, i + 1, hashint8extended(i, 3), 'A' || i, 'P' || 1 + i * 7919 % (:rows::bigint / 10), 'D' || 1 + i % 100, to_char('2020-01-01 08:00'::timestamp + make_interval(mins => (i % 900000 * 15 % 2000000)::integer), 'MM/DD/YYYY HH24:MI'),
	'30', (ARRAY['Completed', 'Booked', 'No show', NULL])[1 + i % 4], (ARRAY['Initial visit', 'Follow-up'])[1 + i % 2], 'Reason ' || i % 1000 FROM generate_series(1, :rows::bigint) i;
INSERT INTO flitmig.source_file (id, migration_id, path, name, sha256, bytes, format, staging_table, header, columns, rows_read, rows_loaded)
SELECT n, id, '/' || t || '.csv', t || '.csv', sha256(t::bytea), 1, 'csv', t, c.names, c.names, 1, 1
FROM flitmig.migration, unnest('{providers,patients,appointments}'::text[]) WITH ORDINALITY u(t, n),
	LATERAL (SELECT array_agg(attname::text ORDER BY attnum) AS names FROM pg_attribute WHERE attrelid = ('bench_staging.' || t)::regclass AND attnum > 3) c;
VACUUM ANALYZE bench_staging.providers, bench_staging.patients, bench_staging.appointments;
SELECT flitmig_confirm('bench') \g /dev/null
SELECT set_config('test.migration', id::text, false) FROM flitmig.migration \g /dev/null
\i test/fixtures/live-2.19.sql
\i test/fixtures/live-prepare.sql

CREATE TABLE timing (side text, turn integer, seconds double precision);
CREATE TABLE by_hand (id uuid PRIMARY KEY, source_key text, payload jsonb NOT NULL, hash bigint NOT NULL);
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
		INSERT INTO by_hand SELECT r.id, r.source_key, r.payload, jsonb_hash_extended(r.payload, 0)
		FROM (SELECT flitmig.uuid_v5(m.namespace, 'provider:' || s.provider_id) AS id, s.provider_id AS source_key,
				jsonb_strip_nulls(jsonb_build_object('name', flitmig.full_name(s.name), 'clinicRole', 'PROVIDER', 'sourceSystemId', s.provider_id)) AS payload
			  FROM bench_staging.providers s, flitmig.migration m OFFSET 0) r;
		INSERT INTO by_hand SELECT r.id, r.source_key, r.payload, jsonb_hash_extended(r.payload, 0)
		FROM (SELECT flitmig.uuid_v5(m.namespace, 'patient:' || s.patient_id) AS id, s.patient_id AS source_key,
				jsonb_strip_nulls(jsonb_build_object('name', flitmig.full_name(s.first_name, s.last_name), 'clinicRole', 'PATIENT', 'sourceSystemId', s.patient_id,
					'dateOfBirth', flitmig.iso(flitmig.to_date(s.date_of_birth, 'MDY')))) AS payload
			  FROM bench_staging.patients s, flitmig.migration m OFFSET 0) r;
		INSERT INTO by_hand SELECT r.id, r.source_key, r.payload, jsonb_hash_extended(r.payload, 0)
		FROM (SELECT flitmig.uuid_v5(m.namespace, 'appointment:' || s.appointment_id) AS id, s.appointment_id AS source_key,
				jsonb_strip_nulls(jsonb_build_object('title', flitmig.one_line(s.type),
					'status', CASE lower(s.status) WHEN 'completed' THEN 'DONE' WHEN 'booked' THEN 'TODO' WHEN 'no show' THEN 'NO_SHOW' ELSE 'TODO' END,
					'dueAt', flitmig.iso(flitmig.to_timestamp_tz(s.start, 'MDY', m.time_zone)), 'durationMinutes', flitmig.to_minutes(s.duration),
					'taskType', flitmig.option_value(s.type), 'visitReason', flitmig.one_line(s.reason), 'sourceSystemId', s.appointment_id,
					'patientId', p.id, 'providerId', d.id)) AS payload
			  FROM bench_staging.appointments s CROSS JOIN flitmig.migration m
			  JOIN by_hand p ON p.source_key = s.patient_id LEFT JOIN by_hand d ON d.source_key = s.provider_id OFFSET 0) r;
	END IF;
	INSERT INTO timing VALUES (side, turn, extract(epoch FROM clock_timestamp() - start));
	IF side = 'map' THEN
		SELECT count(*) INTO made FROM flitmig.record WHERE object = 'task' AND state = 'mapped' AND cardinality(refs) = 2;
	ELSE
		SELECT count(*) INTO made FROM by_hand WHERE payload ? 'patientId' AND payload ? 'providerId';
	END IF;
	IF made <> current_setting('bench.rows')::bigint THEN
		RAISE '% appointments were made', made;
	END IF;
	COMMIT;
	CHECKPOINT;
END $$;
\ir map-turns.psql
SELECT format('%s appointments with patient and provider: flitmig._map %s records/s, by hand %s records/s', :rows, round(1.1 * :rows / m.seconds), round(1.1 * :rows / h.seconds))
FROM median m, median h WHERE m.side = 'map' AND h.side = 'hand';
SELECT 'map with relations ratio ' || round((h.seconds / m.seconds)::numeric, 2) FROM median m, median h WHERE m.side = 'map' AND h.side = 'hand';
