/*
 * A migration as import, mapping and a sample would have left it: ten patients,
 * one excluded, three of them stored by a sample whose first two e-mails came
 * back in another shape. For tests that look, not for tests that push.
 */
INSERT INTO flitmig.migration (id, name, server, profile, profile_doc, namespace, staging_schema, time_zone, country, currency)
VALUES (900, 'fixture', 'crm', 'generic',
	'{"entities": {"patients": {"files": ["patients*"], "columns": {"patient_id": [], "first_name": [], "last_name": [], "email": ["E-mail"]}}}}', '6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'fixture_staging', 'UTC', 'US', 'USD');
CREATE SCHEMA fixture_staging;
CREATE TABLE fixture_staging.patients (_file integer, _line bigint, _hash bigint, patient_id text, first_name text, last_name text, e_mail text);
INSERT INTO fixture_staging.patients
	SELECT 900, n + 1, n, 'P' || n, 'Ann', '<b>Miller' || n, 'Ann' || n || '@Example.com' FROM generate_series(1, 10) n;
CREATE TABLE fixture_staging.automations (_file integer, _line bigint, _hash bigint, kind text, name text, trigger text, channel text, condition text, template text, active text, note text);
INSERT INTO fixture_staging.automations VALUES
	(901, 1, 1, 'appointment_reminder', 'Two days before', '{"event": "appointment.start", "offset": "-48h"}', 'email', 'status in (Scheduled)', 'See you on {{start}}.', 'true', 'since 2019'),
	(901, 2, 2, 'billing_rule', 'No-show fee', '{"event": "patient.status=No show", "offset": "0"}', NULL, NULL, NULL, NULL, NULL),
	(901, 3, 3, 'recall', 'Birthday', NULL, 'sms', NULL, NULL, 'false', NULL);
INSERT INTO flitmig.source_file (id, migration_id, path, name, staging_table, sha256, bytes, format, rows_read, rows_loaded, rows_rejected) VALUES
	(900, 900, '/export/patients.csv', 'patients.csv', 'patients', '\x01', 1000, 'csv', 11, 10, 1),
	(901, 900, '/export/automations.json', 'automations.json', 'automations', '\x02', 300, 'json', 3, 3, 0);
INSERT INTO flitmig.object_map (id, migration_id, name, object, position, source, key)
VALUES (900, 900, 'patient', 'person', 1, '{patients} s', 's.patient_id');
INSERT INTO flitmig.field_map (object_map_id, position, field, expression, columns) VALUES
	(900, 1, 'name', 'flitmig.full_name(s.first_name, s.last_name)', '{first_name,last_name}'),
	(900, 2, 'emails', 'flitmig.to_emails(s.email)', '{email}');
INSERT INTO flitmig.map_count (migration_id, object_map_id, rows_read, filtered, blank_keys, duplicate_keys, mapped, excluded)
VALUES (900, 900, 10, 0, 0, 0, 10, 1);
INSERT INTO flitmig.record (migration_id, id, object, object_map_id, source_key, file_id, line_no, sequence, state, reason, hash, payload)
	SELECT 900, md5('fixture' || n)::uuid, 'person', 900, 'P' || n, 900, n + 1, n,
		CASE WHEN n = 10 THEN 'excluded' ELSE 'mapped' END, CASE WHEN n = 10 THEN 'deleted in the source' END, n,
		jsonb_build_object('name', jsonb_build_object('firstName', 'Ann', 'lastName', '<b>Miller' || n),
			'emails', jsonb_build_object('primaryEmail', 'Ann' || n || '@Example.com'))
	FROM generate_series(1, 10) n;
UPDATE flitmig.migration SET mapping_hash = 'hash of the mapping' WHERE id = 900;
