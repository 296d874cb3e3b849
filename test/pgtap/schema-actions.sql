-- What is missing on the server, how it is made, and how it is taken back.
\ir setup.psql
SELECT plan(44);
\set model 2.19
\ir schema-load.psql
SELECT set_config('test.mig', :'mig', true) \g /dev/null
SELECT pg_temp.introspect(:mig, '2.19', 'metadata.objects') \g /dev/null
CREATE FUNCTION pg_temp.mig() RETURNS integer LANGUAGE sql AS $$ SELECT current_setting('test.mig')::integer $$;
CREATE FUNCTION pg_temp.act(action text, object text, field text) RETURNS record LANGUAGE sql AS
$$ SELECT a.state, a.why FROM flitmig._schema_actions(pg_temp.mig()) a WHERE a.action = $1 AND a.object = $2 AND a.field IS NOT DISTINCT FROM $3 $$;
CREATE FUNCTION pg_temp.state(action text, object text, field text DEFAULT NULL) RETURNS text LANGUAGE sql AS
$$ SELECT a.state FROM flitmig._schema_actions(pg_temp.mig()) a WHERE a.action = $1 AND a.object = $2 AND a.field IS NOT DISTINCT FROM $3 $$;
CREATE FUNCTION pg_temp.why(object text, field text DEFAULT NULL) RETURNS text LANGUAGE sql AS
$$ SELECT a.why FROM flitmig._schema_actions(pg_temp.mig()) a WHERE a.object = $1 AND a.field IS NOT DISTINCT FROM $2 AND a.why IS NOT NULL $$;
CREATE FUNCTION pg_temp.request(action text, object text, field text) RETURNS jsonb LANGUAGE sql AS
$$ SELECT r.body FROM flitmig._schema_actions(pg_temp.mig()) a, flitmig._schema_request(pg_temp.mig(), a.action, a.object, a.field, a.detail) r
   WHERE a.action = $1 AND a.object = $2 AND a.field IS NOT DISTINCT FROM $3 $$;

INSERT INTO flitmig.target_object (migration_id, name, name_plural, label, label_plural, icon, description, position) VALUES
	(:mig, 'person', NULL, NULL, NULL, NULL, NULL, 1), (:mig, 'task', NULL, NULL, NULL, NULL, NULL, 2),
	(:mig, 'billingClaim', 'billingClaims', 'Billing Claim', 'Billing Claims', 'IconReceipt', 'Claims', 3);
INSERT INTO flitmig.target_field (migration_id, object, name, type, label, icon, is_unique, options, settings, relation_object, relation_label, position) VALUES
	(:mig, 'person', 'name', NULL, NULL, NULL, false, NULL, NULL, NULL, NULL, 0),
	(:mig, 'person', 'medicalRecordNumber', 'TEXT', 'Medical Record Number', 'IconId', false, NULL, NULL, NULL, NULL, 1),
	(:mig, 'person', 'npi', 'TEXT', 'NPI', NULL, true, NULL, NULL, NULL, NULL, 2),
	(:mig, 'person', 'clinicRole', 'SELECT', 'Clinic Role', NULL, false, '[{"value": "PATIENT", "label": "Patient", "color": "blue"}, {"value": "PROVIDER", "label": "Provider"}]', NULL, NULL, NULL, 3),
	(:mig, 'person', 'consentOnFile', 'BOOLEAN', 'Consent on File', NULL, false, NULL, NULL, NULL, NULL, 4),
	(:mig, 'person', 'referringProvider', 'RELATION', 'Referring Provider', 'IconUsers', false, NULL, NULL, 'person', 'Referred patients', 5),
	(:mig, 'person', 'emails', 'EMAILS', NULL, NULL, false, NULL, '{"maxNumberOfValues": 5}', NULL, NULL, 6),
	(:mig, 'task', 'status', NULL, NULL, NULL, false, '[{"value": "CANCELLED", "label": "Cancelled", "color": "red"}]', NULL, NULL, NULL, 1),
	(:mig, 'task', 'durationMinutes', 'NUMBER', 'Duration Minutes', NULL, false, NULL, '{"decimals": 0}', NULL, NULL, 2),
	(:mig, 'task', 'taskType', 'SELECT', 'Type', NULL, false, '[]', NULL, NULL, NULL, 3),
	(:mig, 'billingClaim', 'name', NULL, NULL, NULL, false, NULL, NULL, NULL, NULL, 0),
	(:mig, 'billingClaim', 'amountBilled', 'CURRENCY', 'Amount Billed', NULL, false, NULL, NULL, NULL, NULL, 1),
	(:mig, 'billingClaim', 'narrative', 'RICH_TEXT_V2', 'Narrative', NULL, false, NULL, NULL, NULL, NULL, 2),
	(:mig, 'billingClaim', 'patient', 'RELATION', 'Patient', 'IconReceipt', false, NULL, NULL, 'person', 'Billing claims', 3),
	(:mig, 'taskTarget', '@person', NULL, NULL, NULL, false, NULL, NULL, NULL, NULL, 1);

-- a fresh workspace
SELECT is((SELECT array_agg(DISTINCT state) FROM flitmig._schema_actions(:mig)), '{append,create,exists}', 'nothing clashes');
SELECT is(pg_temp.state('create_object', 'billingClaim'), 'create', 'the object is missing');
SELECT is(pg_temp.state('create_object', 'person'), 'exists', 'a standard object is there');
SELECT is(pg_temp.state('create_field', 'billingClaim', 'name'), 'exists', 'what comes with a new object is not made');
SELECT is(pg_temp.state('add_options', 'task', 'status'), 'append', 'an option is missing');
SELECT is(pg_temp.state('alter_field', 'person', 'emails'), 'append', 'more e-mail addresses need room');
SELECT ok((SELECT max(position) FILTER (WHERE action = 'create_object') < min(position) FILTER (WHERE action = 'create_field')
			  AND max(position) FILTER (WHERE detail ->> 'type' <> 'RELATION') < min(position) FILTER (WHERE detail ->> 'type' = 'RELATION') FROM flitmig._schema_actions(:mig)), 'objects, then fields, then relations');

-- the calls are those that live servers answered
SELECT is(pg_temp.request('create_object', 'billingClaim', NULL) -> 'variables', pg_temp.request('2.19', 'object.create.billingClaim') -> 'variables', 'createOneObject as recorded')
FROM (SELECT 1) x;
SELECT is(pg_temp.request('create_field', 'person', 'medicalRecordNumber') -> 'variables', pg_temp.request('2.19', 'field.create.text') -> 'variables', 'createOneField as recorded: text');
SELECT is(pg_temp.request('create_field', 'person', 'npi') -> 'variables', pg_temp.request('2.19', 'field.create.unique') -> 'variables', 'unique');
SELECT is(pg_temp.request('create_field', 'person', 'consentOnFile') -> 'variables', pg_temp.request('2.19', 'field.create.boolean') -> 'variables', 'boolean');
SELECT is(pg_temp.request('create_field', 'task', 'durationMinutes') -> 'variables', pg_temp.request('2.19', 'field.create.number.decimals') -> 'variables', 'number with settings');
SELECT is(pg_temp.request('create_field', 'person', 'referringProvider') -> 'variables', pg_temp.request('2.19', 'field.create.relation.selfref') -> 'variables' #- '{}'
	|| jsonb_build_object('input', jsonb_set(pg_temp.request('2.19', 'field.create.relation.selfref') #> '{variables,input}', '{field,icon}', '"IconUsers"')), 'a relation to itself');
SELECT is(pg_temp.request('create_field', 'person', 'clinicRole') #> '{variables,input,field,options}',
	'[{"value": "PATIENT", "label": "Patient", "color": "blue", "position": 0}, {"value": "PROVIDER", "label": "Provider", "color": "turquoise", "position": 1}]', 'options with colour and position');
SELECT is(pg_temp.request('create_field', 'task', 'taskType') #>> '{variables,input,field,options,0,value}', 'OTHER', 'a select is never made without options');
SELECT is(pg_temp.request('create_field', 'billingClaim', 'narrative') ->> 'query', 'query{__typename}', 'a field whose object is not there yet asks nothing');
SELECT is(pg_temp.request('add_options', 'task', 'status') -> 'variables', pg_temp.request('2.19', 'field.update.task.status.options') -> 'variables', 'updateOneField as recorded: options keep their ids');
SELECT is(pg_temp.request('alter_field', 'person', 'emails') -> 'variables', pg_temp.request('2.19', 'field.update.person.emails.max') -> 'variables', 'settings');

-- answers
SELECT is(flitmig._schema_undo_image(:mig, 'create_object', 'billingClaim', NULL), '{"existed": false}', 'before: the object did not exist');
SELECT is(flitmig._schema_answer(:mig, 'create_object', 'billingClaim', NULL,
	jsonb_set(pg_temp.answer('2.19', 'object.create.billingClaim'), '{data,createOneObject}', (SELECT n -> 'node' FROM jsonb_array_elements(pg_temp.answer('2.19', 'metadata.objects.after') #> '{data,objects,edges}') n WHERE n #>> '{node,nameSingular}' = 'billingClaim'))) ->> 'name',
	'billingClaim', 'the new object is known');
SELECT is(pg_temp.state('create_object', 'billingClaim'), 'exists', 'and exists');
DELETE FROM flitmig.live_field WHERE migration_id = :mig AND object = 'billingClaim' AND name IN ('amountBilled', 'patient', 'narrative');
SELECT is(pg_temp.request('create_field', 'billingClaim', 'patient') -> 'variables' #- '{input,field,icon}', pg_temp.request('2.19', 'field.create.relation.claim.patient') -> 'variables', 'its relation to a person as recorded');
SELECT is(pg_temp.request('create_field', 'billingClaim', 'narrative') #>> '{variables,input,field,type}', 'RICH_TEXT', 'rich text as this server calls it');
SELECT is(flitmig._schema_undo_image(:mig, 'create_field', 'billingClaim', 'patient'), '{"existed": false}', 'before: the field did not exist');
SELECT flitmig._schema_answer(:mig, 'create_field', 'billingClaim', 'patient', pg_temp.answer('2.19', 'field.create.relation.claim.patient')) \g /dev/null
SELECT is((SELECT join_column FROM flitmig.live_field WHERE migration_id = :mig AND object = 'billingClaim' AND name = 'patient'), 'patientId', 'its column is known from the answer');
SELECT flitmig._schema_answer(:mig, 'create_field', 'billingClaim', 'patient', jsonb_set(pg_temp.answer('2.19', 'field.create.relation.claim.patient'), '{data,createOneField,relation,targetFieldMetadata,id}', '"7e51c37f-997d-4990-b7f0-828ff3a2173b"')) \g /dev/null
SELECT is((SELECT relation_object || relation_type FROM flitmig.live_field WHERE migration_id = :mig AND object = 'person' AND name = 'billingClaims'), 'billingClaimONE_TO_MANY', 'and so is its far side');
SELECT is(flitmig._schema_answer(:mig, 'create_field', 'billingClaim', 'x', '{"data": {"__typename": "Query"}}'), NULL, 'an answer to nothing makes nothing');
SELECT lives_ok(format($$SELECT flitmig._schema_answer(%s, 'add_options', 'task', 'status', '{"data": {"updateOneField": null}}')$$, :mig), 'nor does a null');

-- the far side finds a free name
INSERT INTO flitmig.live_field (migration_id, object, name, field_id, label, type) VALUES (:mig, 'person', 'referredPatients', gen_random_uuid(), 'x', 'TEXT');
SELECT is(pg_temp.request('create_field', 'person', 'referringProvider') #>> '{variables,input,field,relationCreationPayload,targetFieldLabel}', 'People by Referring Provider',
	'a far side whose name is taken gets another label');

-- clashes, in words
UPDATE flitmig.live_field SET type = 'NUMBER' WHERE migration_id = :mig AND object = 'task' AND name = 'status';
SELECT is(pg_temp.why('task', 'status'), 'it is NUMBER on the server and takes no options', 'options for a field without options');
UPDATE flitmig.live_field SET type = 'SELECT' WHERE migration_id = :mig AND object = 'task' AND name = 'status';
UPDATE flitmig.target_field SET type = 'NUMBER', options = NULL WHERE migration_id = :mig AND object = 'task' AND name = 'status';
SELECT is(pg_temp.why('task', 'status'), 'it is SELECT on the server, the mapping needs NUMBER', 'another type');
UPDATE flitmig.target_field SET relation_object = 'company' WHERE migration_id = :mig AND object = 'billingClaim' AND name = 'patient';
SELECT is(pg_temp.why('billingClaim', 'patient'), 'it points at "person" on the server, the mapping needs "company"', 'another target');
UPDATE flitmig.live_field SET is_active = false WHERE migration_id = :mig AND object = 'person' AND name = 'name';
SELECT alike(pg_temp.why('person', 'name'), 'a deactivated field%', 'a deactivated field');
INSERT INTO flitmig.target_field (migration_id, object, name, type, options, position) VALUES (:mig, 'person', 'role', 'TEXT', NULL, 20), (:mig, 'person', 'Date_Of__c', 'DATE', NULL, 21),
	(:mig, 'person', 'bad', 'SELECT', '[{"value": "New Exam"}]', 22), (:mig, 'person', 'gone', NULL, NULL, 23), (:mig, 'nowhere', 'x', 'TEXT', NULL, 24);
SELECT alike(pg_temp.why('person', 'role'), '%reserved%', 'a reserved name');
SELECT alike(pg_temp.why('person', 'Date_Of__c'), '%camelCase%', 'a name that is none');
SELECT alike(pg_temp.why('person', 'bad'), '%UPPER_SNAKE%''New Exam''', 'an option value that is none');
SELECT alike(pg_temp.why('person', 'gone'), '%has no field "gone"%', 'a field that should be there');
SELECT alike(pg_temp.why('nowhere', 'x'), '%no active object%', 'an object that should be there');

-- the way back
SELECT is((r).body -> 'variables', format('{"input": {"id": "%s"}}', (SELECT object_id FROM flitmig.live_object WHERE migration_id = :mig AND name = 'billingClaim'))::jsonb, 'an object of ours is deleted')
FROM flitmig._schema_undo_request(:mig, 'create_object', 'billingClaim', NULL, '{"existed": false}') r;
SELECT ok(NOT (r).needed AND (r).body ->> 'query' = 'query{__typename}', 'one that was there before stays') FROM flitmig._schema_undo_request(:mig, 'create_object', 'person', NULL, '{"existed": true}') r;
SELECT ok(NOT (r).needed, 'and so does one without an image') FROM flitmig._schema_undo_request(:mig, 'create_object', 'billingClaim', NULL, NULL) r;
SELECT ok((r).needed, 'a field of ours is deleted') FROM flitmig._schema_undo_request(:mig, 'create_field', 'billingClaim', 'patient', '{"existed": false}') r;
UPDATE flitmig.live_field SET options = options || '[{"id": "1", "value": "CANCELLED", "label": "C", "color": "red", "position": 3}, {"id": "2", "value": "THEIRS", "label": "T", "color": "red", "position": 4}]'
WHERE migration_id = :mig AND object = 'task' AND name = 'status';
SELECT is((SELECT array_agg(o ->> 'value') FROM jsonb_array_elements((r).body #> '{variables,input,update,options}') o), '{TODO,IN_PROGRESS,DONE,THEIRS}', 'our options go, those of people stay')
FROM flitmig._schema_undo_request(:mig, 'add_options', 'task', 'status', '{"existed": true, "options": [{"value": "TODO"}, {"value": "IN_PROGRESS"}, {"value": "DONE"}], "wanted": [{"value": "CANCELLED"}, {"value": "DONE"}]}') r;
SELECT ok(NOT (r).needed, 'options that are as before stay') FROM flitmig._schema_undo_request(:mig, 'add_options', 'task', 'status', jsonb_build_object('options',
	(SELECT options FROM flitmig.live_field WHERE migration_id = :mig AND object = 'task' AND name = 'status'), 'wanted', NULL)) r;

SELECT * FROM finish();
ROLLBACK;
