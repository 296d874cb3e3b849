-- Reading the server's model: both recorded models, answer by answer.
\ir setup.psql
SELECT plan(70);

\set model 1.17
\ir schema-load.psql
\set old_mig :mig
SELECT is(pg_temp.introspect(:mig, '1.17', 'metadata.objects.after'),
	ARRAY['config GET /client-config', 'metadata POST /metadata', 'objects POST /metadata', 'graphql POST /graphql', 'members POST /graphql'],
	'1.17: five calls, one of them without a key');
\set model 2.19
\ir schema-load.psql
\set new_mig :mig
SELECT is(cardinality(pg_temp.introspect(:mig, '2.19', 'metadata.objects.after')), 5, '2.19: five calls');

SELECT is(flitmig._capability(:old_mig, 'version'), '"1.17.0"', 'version of 1.17');
SELECT is(flitmig._capability(:new_mig, 'version'), '"2.19.0"', 'version of 2.19, without its v');
SELECT is(count(*), 30::bigint, '1.17: every object') FROM flitmig.live_object WHERE migration_id = :old_mig;
SELECT is((SELECT count(*) FROM flitmig.live_object WHERE migration_id = :new_mig),
		  (SELECT jsonb_array_length(pg_temp.answer('2.19', 'metadata.objects.after') #> '{data,objects,edges}')::bigint), '2.19: every object');
SELECT is((SELECT count(DISTINCT (object, field_id)) FROM flitmig.live_field WHERE migration_id = :new_mig),
		  (SELECT count(*) FROM jsonb_path_query(pg_temp.answer('2.19', 'metadata.objects.after'), '$.data.objects.edges[*].node.fieldsList[*]')), '2.19: every field');

-- relations
SELECT results_eq(format($$SELECT name, join_column, relation_type FROM flitmig.live_field WHERE migration_id = %s AND object = 'taskTarget' AND relation_object = 'person'$$, :old_mig),
	$$VALUES ('person', 'personId', 'MANY_TO_ONE')$$, '1.17: a task target points at a person by personId');
SELECT results_eq(format($$SELECT name, join_column, type FROM flitmig.live_field WHERE migration_id = %s AND object = 'taskTarget' AND relation_object = 'person'$$, :new_mig),
	$$VALUES ('targetPerson', 'targetPersonId', 'MORPH_RELATION')$$, '2.19: by the morph column targetPersonId');
SELECT is((SELECT join_column FROM flitmig.live_field WHERE migration_id = :new_mig AND object = 'noteTarget' AND relation_object = 'billingClaim'), 'targetBillingClaimId', '2.19: custom objects too');
SELECT is((SELECT join_column FROM flitmig.live_field WHERE migration_id = :old_mig AND object = 'noteTarget' AND relation_object = 'billingClaim'), 'billingClaimId', '1.17: custom objects too');
SELECT is((SELECT join_column FROM flitmig.live_field WHERE migration_id = :old_mig AND object = 'attachment' AND relation_object = 'note'), 'targetNoteId', '1.17: attachments are morph already');
SELECT is((SELECT join_column FROM flitmig.live_field WHERE migration_id = :new_mig AND object = 'task' AND name = 'provider'), 'providerId', 'our own relation');
SELECT ok((SELECT join_column IS NULL FROM flitmig.live_field WHERE migration_id = :new_mig AND object = 'person' AND name = 'billingClaims'), 'the far side holds no column');
SELECT results_eq(format('SELECT email FROM flitmig.live_member WHERE migration_id = %s', :new_mig),
	format($$SELECT lower(n #>> '{node,userEmail}') FROM jsonb_array_elements(pg_temp.answer('2.19', 'workspaceMembers') #> '{data,workspaceMembers,edges}') n$$), 'members, e-mail in lower case');
SELECT is((SELECT options -> 3 ->> 'value' FROM flitmig.live_field WHERE migration_id = :new_mig AND object = 'task' AND name = 'status'), 'CANCELLED', 'options are kept');
SELECT ok((SELECT is_unique FROM flitmig.live_field WHERE migration_id = :new_mig AND object = 'person' AND name = 'npi'), 'unique fields are known');

-- capabilities
SELECT is(flitmig._upload_dialect(:old_mig), 'path', '1.17 takes files by path');
SELECT is(flitmig._upload_dialect(:new_mig), 'direct', '2.19 takes files directly');
SELECT is(flitmig._server_type(:old_mig, 'RICH_TEXT'), 'RICH_TEXT_V2', '1.17 calls rich text RICH_TEXT_V2');
SELECT is(flitmig._server_type(:new_mig, 'RICH_TEXT_V2'), 'RICH_TEXT', '2.19 calls it RICH_TEXT');
SELECT ok(NOT flitmig._type_creatable(:old_mig, 'FILES'), '1.17 makes no fields of type FILES');
SELECT ok(flitmig._type_creatable(:new_mig, 'FILES'), '2.19 does');
SELECT ok(flitmig._capable(:new_mig, 'actor_sources', 'IMPORT'), 'an import may say that it is one');
SELECT ok(NOT EXISTS (SELECT FROM flitmig.capability WHERE name = 'pages'), 'nothing half-read is left');

-- asked for: only what this server knows
SELECT unalike(flitmig._field_selection(:new_mig), '%isCustom%', 'nothing that one of the models refuses');
UPDATE flitmig.capability SET value = value - 'morphRelations' WHERE migration_id = :old_mig AND name = 'type.Field';
SELECT unalike((flitmig._introspect_request(:old_mig, '{"step": "objects"}')).body ->> 'query', '%morphRelations%', 'a field that the server lacks is not asked for');

-- paging: old rows stay until the last page is there
SELECT is(flitmig._introspect_answer(:new_mig, '{"step": "objects"}', jsonb_set(pg_temp.answer('2.19', 'metadata.objects'), '{data,objects,pageInfo}', '{"hasNextPage": true, "endCursor": "x"}')),
	'{"step": "objects", "after": "x"}', 'a page that is not the last asks for the next');
SELECT ok(EXISTS (SELECT FROM flitmig.live_object WHERE migration_id = :new_mig AND name = 'billingClaim'), 'and leaves the model as it was');
SELECT is(flitmig._introspect_answer(:new_mig, '{"step": "objects", "after": "x", "again": true}', '{"data": {"objects": {"edges": [], "pageInfo": {"hasNextPage": false}}}}'), NULL, 'the last one ends it');
SELECT ok(NOT EXISTS (SELECT FROM flitmig.live_object WHERE migration_id = :new_mig AND name = 'billingClaim')
	  AND EXISTS (SELECT FROM flitmig.live_object WHERE migration_id = :new_mig AND name = 'person'), 'and replaces the model by both pages');

-- what is not Twenty
SELECT throws_ok(format($$SELECT flitmig._introspect_answer(%s, '{"step": "objects"}', '{"data": {"things": 1}}')$$, :new_mig), '08P01', 'server "crm" did not answer as Twenty does', 'an answer of something else');
SELECT throws_ok(format($$SELECT flitmig._introspect_answer(%s, '{"step": "objects"}', '{"data": {"objects": {"edges": [], "pageInfo": {}}}}')$$, :old_mig), '42501', NULL, 'a key that sees no objects');
SELECT throws_ok($$SELECT flitmig._identifier('a(id:1){id}b')$$, '42602', NULL, 'a name that is none never reaches a document');

-- a preflight reads on: automations, and who has our unique values
INSERT INTO flitmig.run (migration_id, kind, state, started_at) VALUES (:new_mig, 'read', 'running', clock_timestamp());
INSERT INTO flitmig.object_map (migration_id, name, object, position, source, key) VALUES (:new_mig, 'patient', 'person', 1, 'x', 'x') RETURNING id AS map \gset
INSERT INTO flitmig.record (migration_id, id, object, object_map_id, source_key, file_id, line_no, sequence, hash, payload)
SELECT :new_mig, gen_random_uuid(), 'person', :map, n::text, 1, n, n, 0, jsonb_build_object('emails', jsonb_build_object('primaryEmail', 'P' || n || '@x.test')) FROM generate_series(1, 1500) n;
SELECT is((pg_temp.introspect(:new_mig, '2.19', 'metadata.objects.after'))[6:], ARRAY['workflows POST /graphql', 'triggers POST /graphql', 'webhooks POST /metadata', 'holders POST /graphql', 'holders POST /graphql'],
	'2.19, preflight: workflows, what sets them off, webhooks, and holders by the thousand');
SELECT is((r).body #> '{variables,filter,and,1,emails,primaryEmail,in,0}', '"p1000@x.test"', 'e-mail addresses as the server keeps them') FROM flitmig._introspect_request(:new_mig, '{"step": "holders", "n": 1, "skip": 0}') r;
DELETE FROM flitmig.capability WHERE name = 'holders';
SELECT is(flitmig._introspect_answer(:new_mig, '{"step": "holders", "n": 1, "skip": 0}', '{"data": {"people": {"totalCount": 3, "edges": [{"node": {"id": "59ba3675-5b93-5119-b0ff-175f1d485d53", "deletedAt": "2026-01-01T00:00:00Z"}}]}}}'),
	'{"n": 1, "skip": 1000, "step": "holders", "optional": true}', 'the next thousand');
SELECT is(flitmig._capability(:new_mig, 'holders') -> 0, '{"object": "person", "field": "emails", "asked": 1000, "holders": 3, "trashed": 1}', 'holders are counted');
SELECT is(flitmig._introspect_answer(:new_mig, '{"step": "workflows"}', NULL), '{"step": "triggers", "optional": true}', 'a key that may not read workflows is told, not stopped');
SELECT is(flitmig._introspect_answer(:new_mig, '{"step": "triggers"}', NULL), '{"step": "webhooks", "optional": true}', 'nor one that may not read what sets them off');
SELECT is(flitmig._introspect_answer(:new_mig, '{"step": "webhooks"}', '{"data": {"webhooks": [{"id": "1", "operations": ["person.created"]}]}}') ->> 'step', 'holders', 'webhooks');
SELECT is((SELECT string_agg("check" || ' ' || status, ', ') FROM flitmig._preflight_report(:new_mig) WHERE "check" IN ('workflows', 'webhooks', 'holders', 'server')),
	'server green, holders yellow, holders yellow, workflows yellow, webhooks yellow', 'and reported');
SELECT alike((SELECT detail FROM flitmig._preflight_report(:new_mig) WHERE "check" = 'server'), 'Twenty 2.19.0, %', 'with the version');
SELECT ok(NOT EXISTS (SELECT FROM flitmig._preflight_report(:new_mig) WHERE status <> 'green' AND hint IS NULL), 'whatever is not green says what to do');
SELECT ok(NOT EXISTS (SELECT FROM flitmig._preflight_report(:new_mig) p WHERE p::text ~ 'x\.test'), 'no value of a patient is in it');

-- workflows and webhooks: only those that our records would set off, and how often
CREATE FUNCTION pg_temp.active(names text[], triggers jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT flitmig._learn(x.id, 'workflows', (SELECT jsonb_agg(jsonb_build_object('id', n, 'name', n, 'statuses', '["ACTIVE"]'::jsonb)) FROM unnest(names) n)),
		flitmig._learn(x.id, 'triggers', triggers) FROM (SELECT max(id) AS id FROM flitmig.migration) x;
	SELECT string_agg(p.status || ' ' || p.detail, '; ' ORDER BY p.detail) FROM (SELECT max(id) AS id FROM flitmig.migration) x, flitmig._preflight_report(x.id) p WHERE p."check" = 'workflows' $$;
CREATE FUNCTION pg_temp.at(event text, workflow text, settings jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('type', 'DATABASE_EVENT', 'settings', settings || jsonb_build_object('eventName', event), 'workflow', jsonb_build_object('id', workflow, 'name', workflow)) $$;
UPDATE flitmig.migration SET mapped_at = now() WHERE id = :new_mig;
SELECT is(pg_temp.active('{Quick Lead}', '[]'), 'green 1 active, none of them set off by what is written, 1 by hand or request', 'one that is started by hand is no danger');
SELECT is(pg_temp.active('{Nightly}', '[{"type": "CRON", "settings": {"pattern": "0 3 * * *"}, "workflow": {"id": "Nightly"}}]'), 'green 1 active, none of them set off by what is written, 1 by the clock', 'nor one that the clock starts');
SELECT is(pg_temp.active('{A,B}', jsonb_build_array(pg_temp.at('opportunity.created', 'A'), pg_temp.at('person.updated', 'B'))),
	'green 2 active, none of them set off by what is written, 2 by other events', 'nor events of objects that are not written, or that do not happen');
SELECT is(pg_temp.active('{Welcome,Score}', jsonb_build_array(pg_temp.at('person.created', 'Welcome'), pg_temp.at('person.upserted', 'Score'), pg_temp.at('person.created', 'switched off'))),
	'yellow "Score" runs for each person that is upserted: 1500 times; yellow "Welcome" runs for each person that is created: 1500 times', 'those that fire, with how often');
INSERT INTO flitmig.field_map (object_map_id, position, field, expression) VALUES (:map, 1, 'jobTitle', 'NULL');
SELECT is(pg_temp.active('{Score}', jsonb_build_array(pg_temp.at('person.upserted', 'Score', '{"fields": ["city"]}'))), 'green 1 active, none of them set off by what is written, 1 by other events', 'fields that are not written set nothing off');
SELECT alike(pg_temp.active('{Score}', jsonb_build_array(pg_temp.at('person.upserted', 'Score', '{"fields": ["city", "jobTitle"]}'))), 'yellow%1500 times', 'those that are do');
UPDATE flitmig.migration SET mapped_at = NULL WHERE id = :new_mig;
SELECT alike(pg_temp.active('{Welcome}', jsonb_build_array(pg_temp.at('person.created', 'Welcome'))), 'yellow%as often as there are records', 'before they are mapped nobody knows how often');
SELECT is(pg_temp.active('{Welcome}', NULL), 'yellow 1 active: Welcome; what sets them off could not be read', 'a key that may not see');
DELETE FROM flitmig.field_map WHERE object_map_id = :map;
UPDATE flitmig.migration SET mapped_at = now() WHERE id = :new_mig;
CREATE FUNCTION pg_temp.hooks(hooks jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT flitmig._learn(x.id, 'webhooks', hooks) FROM (SELECT max(id) AS id FROM flitmig.migration) x;
	SELECT p.status || ' ' || p.detail FROM (SELECT max(id) AS id FROM flitmig.migration) x, flitmig._preflight_report(x.id) p WHERE p."check" = 'webhooks' $$;
SELECT is(pg_temp.hooks('[{"operations": ["company.created", "person.deleted"]}]'), 'green none for records that are written', 'webhooks of other objects and events are not called');
SELECT is(pg_temp.hooks('[{"operations": ["*.*"]}, {"operations": ["person.created", "person.*"]}, {"operations": ["*.created"]}]'), 'yellow 3 would be called for records that are written: 4500 times', 'those of ours, with how often');

-- rights of our key's role
CREATE FUNCTION pg_temp.rights(keys jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT flitmig._take_rights(x.id, jsonb_build_object('data', jsonb_build_object('apiKeys', keys))) FROM (SELECT max(id) AS id FROM flitmig.migration) x;
	SELECT p.status || ' ' || p.detail FROM (SELECT max(id) AS id FROM flitmig.migration) x, flitmig._preflight_report(x.id) p WHERE p."check" = 'rights' $$;
CREATE FUNCTION pg_temp.may(rights text[], flags text[] DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('label', 'Mover', 'permissionFlags', (SELECT coalesce(jsonb_agg(jsonb_build_object('flag', f)), '[]') FROM unnest(flags) f))
		|| jsonb_object_agg(r, r = ANY (rights)) FROM unnest('{canUpdateAllSettings,canReadAllObjectRecords,canUpdateAllObjectRecords,canSoftDeleteAllObjectRecords,canDestroyAllObjectRecords}'::text[]) r $$;
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');
CREATE USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (api_key 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ3IiwianRpIjoiMjAyMDIwMjAtYWFhYS00YmJiLThjY2MtMDAwMDAwMDAwMDAxIn0.c2lnbmF0dXJl');
SELECT is(flitmig._key_id('crm'), '20202020-aaaa-4bbb-8ccc-000000000001', 'the key tells which it is');
SELECT is(pg_temp.rights(jsonb_build_array(jsonb_build_object('id', 'another', 'role', pg_temp.may('{}')),
	jsonb_build_object('id', flitmig._key_id('crm'), 'role', pg_temp.may('{canUpdateAllSettings,canReadAllObjectRecords,canUpdateAllObjectRecords,canSoftDeleteAllObjectRecords,canDestroyAllObjectRecords}')))),
	'green role "Mover" may change the data model, write and destroy records', 'of all keys ours counts');
SELECT is(pg_temp.rights(jsonb_build_array(jsonb_build_object('id', flitmig._key_id('crm'), 'role', pg_temp.may('{canReadAllObjectRecords,canUpdateAllObjectRecords,canSoftDeleteAllObjectRecords}', '{DATA_MODEL}')))),
	'yellow role "Mover" may not destroy records, so a rollback could not take them back', 'who may not destroy cannot roll back; the data model is a right of its own');
SELECT is(pg_temp.rights(jsonb_build_array(jsonb_build_object('id', flitmig._key_id('crm'), 'role', pg_temp.may('{canUpdateAllSettings,canReadAllObjectRecords,canSoftDeleteAllObjectRecords,canDestroyAllObjectRecords}')))),
	'red role "Mover" may not create and edit records', 'who may not write cannot migrate');
-- What newer servers tell of a role only when they are asked for roles.
SELECT is(pg_temp.rights(jsonb_build_array(jsonb_build_object('id', flitmig._key_id('crm'), 'role', pg_temp.may('{canReadAllObjectRecords,canUpdateAllObjectRecords,canSoftDeleteAllObjectRecords,canDestroyAllObjectRecords}') || '{"permissionFlags": null}'))),
	'yellow role "Mover" may write and destroy records; whether it may change the data model could not be read', 'flags that the key may not see are unknown, not lacking');
INSERT INTO flitmig.live_object (migration_id, name, name_plural, object_id, is_active, is_system) SELECT max(id), 'person', 'people', '00000000-0000-4000-8000-00000000a001', true, false FROM flitmig.migration ON CONFLICT (migration_id, name) DO UPDATE SET object_id = excluded.object_id;
INSERT INTO flitmig.live_field (migration_id, object, name, field_id, type) SELECT max(id), 'person', 'jobTitle', '00000000-0000-4000-8000-00000000a002', 'TEXT' FROM flitmig.migration ON CONFLICT (migration_id, object, name) DO UPDATE SET field_id = excluded.field_id;
INSERT INTO flitmig.field_map (object_map_id, position, field, expression) SELECT o.id, 990, 'jobTitle', '''x''' FROM flitmig.object_map o WHERE o.migration_id = (SELECT max(id) FROM flitmig.migration) AND o.object = 'person' LIMIT 1;
CREATE FUNCTION pg_temp.roles(role jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT flitmig._take_role(x.id, jsonb_build_object('data', jsonb_build_object('getRoles', jsonb_build_array('{"label": "Guest", "apiKeys": []}'::jsonb,
		role || jsonb_build_object('apiKeys', jsonb_build_array(jsonb_build_object('id', flitmig._key_id('crm')))))))) FROM (SELECT max(id) AS id FROM flitmig.migration) x;
	SELECT p.status || ' ' || p.detail FROM (SELECT max(id) AS id FROM flitmig.migration) x, flitmig._preflight_report(x.id) p WHERE p."check" = 'rights' $$;
\set all '{canUpdateAllSettings,canReadAllObjectRecords,canUpdateAllObjectRecords,canSoftDeleteAllObjectRecords,canDestroyAllObjectRecords}'
SELECT is(pg_temp.roles(pg_temp.may(:'all') || '{"objectPermissions": [], "fieldPermissions": []}'), 'green role "Mover" may change the data model, write and destroy records', 'a role without restrictions');
SELECT alike(pg_temp.roles(pg_temp.may(:'all') || '{"objectPermissions": [{"objectMetadataId": "00000000-0000-4000-8000-00000000a001", "canReadObjectRecords": null, "canUpdateObjectRecords": null, "canDestroyObjectRecords": false}]}'),
	'yellow role "Mover" may not destroy records%, so a rollback could not take them back', 'an object of which the role may not destroy records');
SELECT alike(pg_temp.roles(pg_temp.may(:'all') || '{"fieldPermissions": [{"fieldMetadataId": "00000000-0000-4000-8000-00000000a002", "canReadFieldValue": null, "canUpdateFieldValue": false}]}'),
	'red role "Mover" may not write person.jobTitle', 'a field that we write and the role may not');
SELECT is(pg_temp.roles(pg_temp.may('{canUpdateAllSettings,canReadAllObjectRecords,canSoftDeleteAllObjectRecords,canDestroyAllObjectRecords}')
	|| jsonb_build_object('objectPermissions', (SELECT jsonb_agg(DISTINCT jsonb_build_object('objectMetadataId', l.object_id, 'canUpdateObjectRecords', true)) FROM flitmig.live_object l WHERE l.migration_id = (SELECT max(id) FROM flitmig.migration)))),
	'green role "Mover" may change the data model, write and destroy records', 'what a role may not in general, it may with each object that we write');
SELECT is(pg_temp.rights(jsonb_build_array(jsonb_build_object('id', 'another', 'role', pg_temp.may('{}')), jsonb_build_object('id', 'a third', 'role', pg_temp.may('{}')))), 'yellow what this key may do could not be read', 'the rights of other keys are not ours');
ALTER USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (SET api_key 'a-key-of-another-kind');
SELECT is(flitmig._key_id('crm'), NULL, 'one that is no token tells nothing');
ALTER SERVER crm OPTIONS (SET url 'http://192.0.2.1:3000', ADD allow_http 'true');
SELECT is((SELECT status || ' ' || (detail ~ 'without TLS$') FROM flitmig._preflight_report(:new_mig) WHERE "check" = 'server'), 'yellow true', 'without TLS');

-- plan
UPDATE flitmig.migration SET mapped_at = now() WHERE id = :new_mig;
SELECT results_eq(format($$SELECT step, action, records, calls, seconds FROM flitmig._plan_report(%s)$$, :new_mig),
	$$VALUES ('records', 'create', 1500::bigint, 8::bigint, 1.6), ('TOTAL', 'at 100 calls per 60 s', 1500, 8, 1.6),
		('assumed', 'that limit is Twenty''s default; without one', NULL, NULL, 1.6), ('assumed', 'how fast the server is: the sample will measure it', NULL, NULL, NULL)$$, 'calls of 200, and what is not known yet');
INSERT INTO flitmig.server_limit (server, max_tokens, window_ms, batch_size) VALUES ('crm', 2, 1000, 60);
SELECT results_eq(format($$SELECT calls, seconds BETWEEN 11.5 AND 13.5 FROM flitmig._plan_report(%s) WHERE step = 'TOTAL'$$, :new_mig), $$VALUES (25::bigint, true)$$, 'a learned limit: the full bucket is free, the rest waits');
SELECT is(flitmig._introspect_start(:new_mig), '{"step": "objects", "again": true}', 'a second reading in the same run is of the objects alone');

SELECT * FROM finish();
ROLLBACK;
