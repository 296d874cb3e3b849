-- What goes to Twenty, word for word: schema changes, record calls, and how an answer is read.
\set SHOW_CONTEXT never
\pset format unaligned
BEGIN;
-- A server with people, tasks and nothing else.
\set ECHO none
INSERT INTO flitmig.migration (id, name, server, profile, profile_doc, namespace, staging_schema, time_zone, country, currency)
VALUES (1000, 'words', 'crm', 'generic', '{}', '00000000-0000-5000-8000-000000000000', 'words_staging', 'UTC', 'US', 'USD');
INSERT INTO flitmig.live_object (migration_id, name, name_plural, object_id, label, label_plural, is_active, is_system) VALUES
	(1000, 'person', 'people', 'a0000000-0000-4000-8000-000000000001', 'Person', 'People', true, false),
	(1000, 'task', 'tasks', 'a0000000-0000-4000-8000-000000000002', 'Task', 'Tasks', true, false),
	(1000, 'timelineActivity', 'timelineActivities', 'a0000000-0000-4000-8000-000000000003', 'Event', 'Events', true, true);
INSERT INTO flitmig.live_field (migration_id, object, name, field_id, label, type, options, relation_type, relation_object, join_column)
SELECT 1000, f.object, f.name, ('b0000000-0000-4000-8000-' || lpad(f.n::text, 12, '0'))::uuid, f.label, f.type, f.options::jsonb, f.rel, f.far, f.col
FROM (VALUES
	(1, 'person', 'id', 'Id', 'UUID', NULL, NULL, NULL, NULL), (2, 'person', 'name', 'Name', 'FULL_NAME', NULL, NULL, NULL, NULL),
	(3, 'person', 'emails', 'Emails', 'EMAILS', NULL, NULL, NULL, NULL), (4, 'person', 'deletedAt', 'Deleted at', 'DATE_TIME', NULL, NULL, NULL, NULL),
	(5, 'task', 'id', 'Id', 'UUID', NULL, NULL, NULL, NULL), (6, 'task', 'dueAt', 'Due', 'DATE_TIME', NULL, NULL, NULL, NULL),
	(7, 'task', 'status', 'Status', 'SELECT', '[{"id": "1", "value": "TODO", "label": "To do", "color": "sky", "position": 0}]', NULL, NULL, NULL),
	(8, 'timelineActivity', 'targetPerson', 'Target', 'MORPH_RELATION', NULL, 'MANY_TO_ONE', 'person', 'targetPersonId')) AS f(n, object, name, label, type, options, rel, far, col);
INSERT INTO flitmig.capability (migration_id, name, value) VALUES (1000, 'type.Field', '["id", "name", "type", "options"]'), (1000, 'actor_sources', '["IMPORT"]');
INSERT INTO flitmig.target_field (migration_id, object, name, type, label, options, relation_object, relation_label, position) VALUES
	(1000, 'person', 'name', NULL, NULL, NULL, NULL, NULL, 1), (1000, 'person', 'role', 'TEXT', 'Role', NULL, NULL, NULL, 2),
	(1000, 'person', 'born', 'DATE', 'Date of birth', NULL, NULL, NULL, 3), (1000, 'person', 'emails', 'TEXT', NULL, NULL, NULL, NULL, 4),
	(1000, 'task', 'provider', 'RELATION', 'Provider', NULL, 'person', 'Appointments', 1),
	(1000, 'task', 'status', NULL, NULL, '[{"value": "NO_SHOW", "label": "No show"}]', NULL, NULL, 2);
\set ECHO all

-- What the mapping needs against what is there: the rest is said in words.
SELECT position, action, object, field, state, why FROM flitmig._schema_actions(1000);

-- The calls that make it. Names stand in the document, everything else in the variables.
SELECT r.path, r.body ->> 'query' AS query, r.body -> 'variables' AS variables
FROM flitmig._schema_actions(1000) a, flitmig._schema_request(1000, a.action, a.object, a.field, a.detail) r
WHERE a.state IN ('create', 'append');

-- And take it back.
SELECT r.body ->> 'query' AS query, r.body -> 'variables' AS variables, r.needed
FROM flitmig._schema_undo_request(1000, 'create_field', 'person', 'emails', '{"existed": false}') r;
SELECT r.needed FROM flitmig._schema_undo_request(1000, 'create_field', 'person', 'emails', '{"existed": true}') r;

-- Records: created plainly, updated by id, read with the trash.
SELECT r.body ->> 'query' AS query, r.body -> 'variables' AS variables
FROM flitmig._create_request(1000, 'person', '[{"id": "c0000000-0000-5000-8000-000000000001", "name": {"firstName": "Ada"}}]', '{name,emails}') r;
SELECT r.body ->> 'query' AS query FROM flitmig._update_request(1000, 'person', '[{"id": "c0000000-0000-5000-8000-000000000001"}]', '{name}') r;
SELECT r.body ->> 'query' AS query FROM flitmig._read_request(1000, 'person', '{c0000000-0000-5000-8000-000000000001}', '{name}', true) r;

-- A destroy lists ids that the undo log knows, or is refused.
SAVEPOINT here;
SELECT flitmig._destroy_request(1000, 'person', '{c0000000-0000-5000-8000-000000000001}');
ROLLBACK TO here;
SELECT flitmig._destroy_request(1000, 'person', '{}');
ROLLBACK TO here;
INSERT INTO flitmig.undo (migration_id, run_id, action, object, ids) VALUES (1000, 1, 'create', 'person', '{c0000000-0000-5000-8000-000000000001}');
SELECT r.body ->> 'query' AS query, r.body -> 'variables' AS variables FROM flitmig._destroy_request(1000, 'person', '{c0000000-0000-5000-8000-000000000001}') r;
SELECT r.body ->> 'query' AS query, r.body -> 'variables' AS variables FROM flitmig._timeline_destroy_request(1000, 'person', '{c0000000-0000-5000-8000-000000000001}') r;

-- Stored is not always literally sent.
SELECT type, sent, stored, flitmig._verdict(type, sent, stored) AS verdict
FROM (VALUES
	('TEXT', '" x "'::jsonb, '" x "'::jsonb), ('TEXT', 'null', '""'), ('TEXT', '"x"', '"y"'), ('TEXT', '"x"', NULL),
	('EMAILS', '{"primaryEmail": "Ada@X.test"}', '{"primaryEmail": "ada@x.test", "additionalEmails": []}'),
	('PHONES', '{"primaryPhoneNumber": "+44 7911 123456"}', '{"primaryPhoneNumber": "7911123456", "primaryPhoneCountryCode": "GG", "primaryPhoneCallingCode": "+44"}'),
	('DATE_TIME', '"2024-03-01T10:00:00+02:00"', '"2024-03-01T08:00:00.000Z"'), ('DATE_TIME', '"2024-03-01T10:00:00.123456Z"', '"2024-03-01T10:00:00.123Z"'),
	('DATE_TIME', '"03/04/2024"', '"2024-03-04T00:00:00.000Z"'), ('CURRENCY', '{"amountMicros": "1500000"}', '{"amountMicros": 1500000, "currencyCode": ""}'),
	('LINKS', '{"primaryLinkUrl": "https://Example.com/P"}', '{"primaryLinkUrl": "https://example.com/P", "secondaryLinks": []}'),
	('MULTI_SELECT', '["B", "A"]', '["A", "B"]'), ('SELECT', '"A"', '"B"')) AS v(type, sent, stored);
ROLLBACK;
