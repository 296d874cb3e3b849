-- Record calls: the documents, what may be destroyed, and how answers are read and compared.
\ir setup.psql
SELECT plan(63);
\set model 1.17
\ir schema-load.psql
\set old_mig :mig
SELECT pg_temp.introspect(:mig, '1.17', 'metadata.objects.after') \g /dev/null
\set model 2.19
\ir schema-load.psql
SELECT pg_temp.introspect(:mig, '2.19', 'metadata.objects.after') \g /dev/null
SELECT set_config('test.mig', :'mig', true) \g /dev/null
CREATE FUNCTION pg_temp.mig() RETURNS integer LANGUAGE sql AS $$ SELECT current_setting('test.mig')::integer $$;

-- selections
SELECT is(flitmig._selection(:mig, 'person', '{name,emails,phones,medicalRecordNumber,companyId,homeAddress,portal}'),
	'id name{firstName lastName} emails{primaryEmail additionalEmails} phones{primaryPhoneNumber primaryPhoneCountryCode primaryPhoneCallingCode additionalPhones} '
	'medicalRecordNumber companyId homeAddress{addressStreet1 addressStreet2 addressCity addressState addressPostcode addressCountry addressLat addressLng} '
	'portal{primaryLinkLabel primaryLinkUrl secondaryLinks}', 'composites with their parts, columns plain');
SELECT is(flitmig._selection(:mig, 'task', '{id,bodyV2,providerId}'), 'id bodyV2{markdown} providerId', 'id once, rich text as markdown');
SELECT is(flitmig._selection(:old_mig, 'note', '{bodyV2}'), 'id bodyV2{markdown}', 'on 1.17 too');
SELECT is(flitmig._selection(:mig, 'attachment', '{file,targetNoteId,createdBy}'), 'id file{fileId label extension} targetNoteId createdBy{source name workspaceMemberId}', 'files without their signed address');
SELECT is(flitmig._selection(:mig, 'person', '{}'), 'id', 'nothing but the id');
SELECT throws_ok(format($$SELECT flitmig._selection(%s, 'person', '{name,nonsense}')$$, :mig), '42703', 'object "person" of the server has no field nonsense', 'a field that the server lacks');
SELECT throws_ok(format($$SELECT flitmig._selection(%s, 'person', '{company}')$$, :mig), '42703', NULL, 'a relation is asked for by its column');
SELECT throws_ok(format($$SELECT flitmig._create_request(%s, 'nothing', '[]', '{}')$$, :mig), '42704', NULL, 'an object that the server lacks');

-- create, update, read
SELECT is((r).body, pg_temp.request('2.19', 'tasks.create') #- '{variables}' || jsonb_build_object('variables', jsonb_set(pg_temp.request('2.19', 'tasks.create') -> 'variables', '{data}',
	(SELECT jsonb_agg('{"createdBy": {"source": "IMPORT"}}'::jsonb || e ORDER BY n) FROM jsonb_array_elements(pg_temp.request('2.19', 'tasks.create') #> '{variables,data}') WITH ORDINALITY AS x(e, n))))
	|| jsonb_build_object('query', replace(pg_temp.request('2.19', 'tasks.create') ->> 'query', 'bodyV2{markdown blocknote}', 'bodyV2{markdown}')), 'createTasks as recorded, as an import')
FROM flitmig._create_request(:mig, 'task', pg_temp.request('2.19', 'tasks.create') #> '{variables,data}', '{title,status,dueAt,durationMinutes,taskType,providerId,assigneeId,bodyV2,createdAt}') r;
SELECT is((r).body - 'variables', pg_temp.request('1.17', 'taskTargets.create') - 'variables', 'createTaskTargets as recorded on 1.17')
FROM flitmig._create_request(:old_mig, 'taskTarget', '[]', '{taskId,personId}') r;
SELECT is((r).body, pg_temp.request('1.17', 'taskTargets.create'), 'without createdBy where the object has none')
FROM flitmig._create_request(:old_mig, 'taskTarget', pg_temp.request('1.17', 'taskTargets.create') #> '{variables,data}', '{taskId,personId}') r;
SELECT is((r).root, 'createPeople', 'irregular plurals are the server''s') FROM flitmig._create_request(:mig, 'person', '[]', '{name}') r;
SELECT is((r).body, pg_temp.request('2.19', 'people.upsert.partial.unknown-id') || jsonb_build_object('query', replace(pg_temp.request('2.19', 'people.upsert.partial.unknown-id') ->> 'query', 'createdBy{source name}', 'createdBy{source name workspaceMemberId}')),
	'an update is a partial upsert by id, as recorded')
FROM flitmig._update_request(:mig, 'person', pg_temp.request('2.19', 'people.upsert.partial.unknown-id') #> '{variables,data}', '{jobTitle,createdBy,updatedAt}') r;
SELECT throws_ok(format($$SELECT flitmig._update_request(%s, 'person', '[{"jobTitle": "x"}]', '{jobTitle}')$$, :mig), 'XX000', NULL, 'an update without an id would create');
SELECT is((r).body, pg_temp.request('2.19', 'people.update.one'), 'updatePerson as recorded')
FROM flitmig._update_one_request(:mig, 'person', (pg_temp.request('2.19', 'people.update.one') #>> '{variables,id}')::uuid, '{"medicalRecordNumber": "UPD1"}', '{medicalRecordNumber,updatedAt}') r;
SELECT is((r).body, pg_temp.request('2.19', 'people.read.soft-deleted.explicit') || jsonb_build_object('query',
		'query($ids:[UUID!]){people(filter:{and:[{id:{in:$ids}},{or:[{deletedAt:{is:NULL}},{deletedAt:{is:NOT_NULL}}]}]},first:2){edges{node{id deletedAt emails{primaryEmail additionalEmails}}}}}'),
	'a read shows the trash as recorded')
FROM flitmig._read_request(:mig, 'person', ARRAY(SELECT jsonb_array_elements_text(pg_temp.request('2.19', 'people.read.soft-deleted.explicit') #> '{variables,ids}')::uuid), '{deletedAt,emails}', true) r;
SELECT alike((r).body ->> 'query', '%{people(filter:{id:{in:$ids}},first:200){%', 'or not; a page is 200') FROM flitmig._read_request(:mig, 'person', array_fill(gen_random_uuid(), '{500}'), '{}', false) r;
SELECT ok((r).body ->> 'query' !~ 'Robert', 'values are in the variables, never in the document')
FROM flitmig._create_request(:mig, 'person', '[{"id": "e9cf8c2a-ef71-5e6d-a0aa-af20f1847622", "name": {"firstName": "Robert\"){id}}"}}]', '{name}') r;

-- destroy
INSERT INTO flitmig.undo (migration_id, run_id, action, object, ids) VALUES
	(:mig, 1, 'create', 'person', '{59ba3675-5b93-5119-b0ff-175f1d485d53,c8d401a0-9272-566e-b212-d50daa77594e}'),
	(:mig, 1, 'update', 'person', '{11111111-1111-4111-8111-111111111111}'),
	(:old_mig, 1, 'create', 'person', '{22222222-2222-4222-8222-222222222222}');
INSERT INTO flitmig.undo (migration_id, run_id, action, object, ids, undone_by) VALUES (:mig, 1, 'create', 'person', '{33333333-3333-4333-8333-333333333333}', 2);
SELECT is((r).body, pg_temp.request('2.19', 'people.destroy.many.60') || '{"variables": {"f": {"id": {"in": ["59ba3675-5b93-5119-b0ff-175f1d485d53"]}}}}', 'destroyPeople as recorded, by ids')
FROM flitmig._destroy_request(:mig, 'person', '{59ba3675-5b93-5119-b0ff-175f1d485d53}') r;
SELECT throws_ok(format($$SELECT flitmig._destroy_request(%s, 'person', %s)$$, :mig, ids), 'XX000', NULL, 'no destroy of ' || what)
FROM (VALUES ($$'{}'$$, 'an empty list'), ('NULL', 'no list'), ($$'{59ba3675-5b93-5119-b0ff-175f1d485d53,NULL}'$$, 'a list with a hole'),
	($$'{59ba3675-5b93-5119-b0ff-175f1d485d53,44444444-4444-4444-8444-444444444444}'$$, 'an id that the log does not know'),
	($$'{11111111-1111-4111-8111-111111111111}'$$, 'a record that was only updated'),
	($$'{22222222-2222-4222-8222-222222222222}'$$, 'another migration''s record'),
	($$'{33333333-3333-4333-8333-333333333333}'$$, 'a record that was taken back already')) AS x(ids, what);
SELECT throws_ok(format($$SELECT flitmig._destroy_request(%s, 'company', '{59ba3675-5b93-5119-b0ff-175f1d485d53}')$$, :mig), 'XX000', NULL, 'no destroy of the id in another object');
SELECT throws_ok(format($$SELECT flitmig._timeline_destroy_request(%s, 'person', '{}')$$, :mig), 'XX000', NULL, 'no activities of an empty list');
SELECT is((r).body, pg_temp.request('2.19', 'timeline.destroy') || jsonb_build_object('variables', jsonb_build_object('f', jsonb_build_object('or', jsonb_build_array(
		pg_temp.request('2.19', 'timeline.destroy') #> '{variables,f}', jsonb_build_object('linkedRecordId', pg_temp.request('2.19', 'timeline.destroy') #> '{variables,f,targetPersonId}'))))),
	'activities about our records, and those that tell of them elsewhere')
FROM flitmig._timeline_destroy_request(:mig, 'person', '{59ba3675-5b93-5119-b0ff-175f1d485d53,c8d401a0-9272-566e-b212-d50daa77594e}') r;
SELECT ok(value <> 'null', 'every destroy lists ids') FROM (SELECT jsonb_path_query_first((flitmig._timeline_destroy_request(:mig, 'person', '{59ba3675-5b93-5119-b0ff-175f1d485d53}')).body, '$.variables.f.or[*].*.in[0]') AS value) x;

-- answers
SELECT is((SELECT count(*) FROM flitmig._answer_records(pg_temp.answer('2.19', 'people.create.3'), 'createPeople')), 3::bigint, 'a list');
SELECT is((SELECT count(*) FROM flitmig._answer_records(pg_temp.answer('2.19', 'people.read.200-by-id'))), 200::bigint, 'a connection');
SELECT is((SELECT id FROM flitmig._answer_records(pg_temp.answer('2.19', 'people.update.one'))), NULL, 'a null') WHERE pg_temp.answer('2.19', 'people.update.one') #> '{data,updatePerson}' = 'null'
UNION ALL SELECT is((SELECT doc ->> 'medicalRecordNumber' FROM flitmig._answer_records(pg_temp.answer('2.19', 'people.update.one'))), 'UPD1', 'a single record') WHERE pg_temp.answer('2.19', 'people.update.one') #> '{data,updatePerson}' <> 'null';
SELECT is((SELECT count(*) FROM flitmig._answer_records('{"errors": [], "data": null}')), 0::bigint, 'no data');
SELECT is((SELECT count(*) FROM flitmig._answer_records(pg_temp.answer('2.19', 'people.create.3'), 'createTasks')), 0::bigint, 'another root');
SELECT is((SELECT array_agg(doc ->> 'fullPath') FROM flitmig._answer_records(pg_temp.answer('1.17', 'attachments.create'))),
	(SELECT array_agg(d ->> 'fullPath') FROM jsonb_array_elements(pg_temp.request('1.17', 'attachments.create') #> '{variables,data}') d), 'a signed path becomes the path that was sent');
SELECT is((SELECT doc #> '{file,0}' ->> 'url' FROM flitmig._answer_records(pg_temp.answer('2.19', 'attachments.create'))), NULL, 'a signed url is dropped');
SELECT is((SELECT doc #>> '{file,0,fileId}' FROM flitmig._answer_records(pg_temp.answer('2.19', 'attachments.create'))), '0c166874-3ffb-4648-ba22-5d013df282fc', 'the file stays');

-- compare: everything that live servers stored
CREATE FUNCTION pg_temp.compared(model text, label text, mig integer, object text) RETURNS TABLE(field text, verdict text, rule text) LANGUAGE sql AS
$$
	SELECT c.field, c.verdict, c.rule
	FROM jsonb_array_elements(pg_temp.request($1, $2) #> '{variables,data}') s
	JOIN flitmig._answer_records(pg_temp.answer($1, $2)) a ON a.id = (s ->> 'id')::uuid, LATERAL flitmig._compare(s, a.doc, mig, object) c
$$;
SELECT is((SELECT string_agg(DISTINCT field || ' ' || verdict, ', ') FROM pg_temp.compared('2.19', 'people.create.3', :mig, 'person') WHERE verdict <> 'same'), 'emails normalised, phones normalised', 'people: lower case, phones taken apart');
SELECT is((SELECT rule FROM pg_temp.compared('2.19', 'people.create.3', :mig, 'person') WHERE field = 'emails' AND verdict = 'normalised'), 'e-mail addresses are kept in lower case', 'the rule has a name');
SELECT is((SELECT string_agg(DISTINCT verdict, ', ') FROM pg_temp.compared('2.19', 'tasks.create', :mig, 'task')), 'same', 'tasks: an instant is an instant, markdown as sent');
SELECT is((SELECT string_agg(DISTINCT verdict, ', ') FROM pg_temp.compared('1.17', 'tasks.create', :old_mig, 'task')), 'same', 'on 1.17 too');
SELECT is((SELECT string_agg(field || ' ' || verdict, ', ') FROM pg_temp.compared('2.19', 'tasks.dueAt.5', :mig, 'task') WHERE field = 'dueAt'), 'dueAt normalised', 'microseconds are cut');
SELECT is((SELECT verdict FROM pg_temp.compared('2.19', 'tasks.dueAt.4', :mig, 'task') WHERE field = 'dueAt'), 'mismatch', 'a guessed date is a mismatch');
SELECT is((SELECT verdict FROM pg_temp.compared('2.19', 'tasks.dueAt.1', :mig, 'task') WHERE field = 'dueAt'), 'same', 'an offset is only notation');
SELECT is((SELECT verdict FROM pg_temp.compared('2.19', 'people.phone.' || p, :mig, 'person') WHERE field = 'phones'), v, what)
FROM (VALUES ('ph1', 'normalised', 'a number with its prefix'), ('ph2', 'normalised', 'a number with brackets'), ('ph5', 'mismatch', 'a lost extension is a mismatch'), ('ph6', 'same', 'more numbers')) AS x(p, v, what);
SELECT is((SELECT string_agg(field || ' ' || verdict, ', ' ORDER BY field) FROM pg_temp.compared('2.19', 'people.links.json.array', :mig, 'person') WHERE field <> 'name'),
	'alsoKnownAs same, portal normalised, sourceExtra same', 'hosts in lower case; json and lists as they are');
SELECT is((SELECT verdict FROM pg_temp.compared('2.19', 'claims.currency.' || n, :mig, 'billingClaim') WHERE field = 'amountBilled'), v, 'money ' || n)
FROM (VALUES (0, 'same'), (1, 'normalised'), (2, 'normalised'), (4, 'same')) AS x(n, v);
SELECT is((SELECT string_agg(DISTINCT verdict, ', ') FROM pg_temp.compared('2.19', 'attachments.create', :mig, 'attachment')), 'same', 'attachments of 2.19');
SELECT is((SELECT string_agg(DISTINCT verdict, ', ') FROM pg_temp.compared('1.17', 'attachments.create', :old_mig, 'attachment') WHERE field <> 'createdAt'), 'same', 'attachments of 1.17');
SELECT is((SELECT string_agg(DISTINCT verdict, ', ') FROM pg_temp.compared('2.19', 'people.text.trailing', :mig, 'person') WHERE field <> 'name'), 'same', 'blanks and line ends of text');
SELECT results_eq(format($$SELECT field, verdict FROM flitmig._compare('{"medicalRecordNumber": null, "specialty": ["A", "B"], "jobTitle": "x", "clinicRole": "P", "homeAddress": {"addressCity": "T"}, "companyId": "E9CF8C2A-EF71-5E6D-A0AA-AF20F1847622", "consentOnFile": null}',
		'{"medicalRecordNumber": "", "specialty": ["B", "A"], "jobTitle": "y", "homeAddress": {"addressCity": "T", "addressState": ""}, "companyId": "e9cf8c2a-ef71-5e6d-a0aa-af20f1847622", "consentOnFile": false}', %s, 'person') ORDER BY field$$, :mig),
	$$VALUES ('clinicRole', 'missing'), ('companyId', 'normalised'), ('consentOnFile', 'normalised'), ('homeAddress', 'same'), ('jobTitle', 'mismatch'), ('medicalRecordNumber', 'normalised'), ('specialty', 'normalised')$$,
	'one of each');
SELECT is(flitmig._verdict('RICH_TEXT', '{"markdown": "a\r\nb \\* c\n"}', '{"markdown": "a\nb * c"}'), 'normalised', 'markdown line ends and escapes');
SELECT is(flitmig._verdict('RICH_TEXT', '{"markdown": "a"}', '{"markdown": "b"}'), 'mismatch', 'other words are other words');
SELECT is(flitmig._verdict('PHONES', '{"primaryPhoneNumber": "07911 123456", "primaryPhoneCountryCode": "GB"}', '{"primaryPhoneNumber": "7911123456", "primaryPhoneCountryCode": "GB", "primaryPhoneCallingCode": "+44", "additionalPhones": []}'), 'normalised', 'a trunk zero');
SELECT is(flitmig._verdict('PHONES', '{"primaryPhoneNumber": "+390612345678"}', '{"primaryPhoneNumber": "0612345678", "primaryPhoneCountryCode": "IT", "primaryPhoneCallingCode": "+39"}'), 'normalised', 'a zero that is part of the number');
SELECT is(flitmig._verdict('PHONES', '{"primaryPhoneNumber": "2025550101", "primaryPhoneCallingCode": "+1"}', '{"primaryPhoneNumber": "2025550102", "primaryPhoneCallingCode": "+1"}'), 'mismatch', 'another number');

SELECT * FROM finish();
ROLLBACK;
