/*
 * Every answer that a live Twenty gave, judged.  The recordings are read
 * from $FLITMIG_RECORDED (default test/twenty): pg_prove runs in the root of
 * the sources.
 */
\ir setup.psql

CREATE TEMP TABLE line (line text);
\copy line FROM PROGRAM 'cat "${FLITMIG_RECORDED:-test/twenty}/recorded-1.17.jsonl"' WITH (FORMAT csv, QUOTE e'\x01', DELIMITER e'\x02')
CREATE TEMP TABLE recorded AS SELECT '1.17' AS model, replace(line, '\u0000', '')::json AS exchange FROM line;
TRUNCATE line;
\copy line FROM PROGRAM 'cat "${FLITMIG_RECORDED:-test/twenty}/recorded-2.19.jsonl"' WITH (FORMAT csv, QUOTE e'\x01', DELIMITER e'\x02')
INSERT INTO recorded SELECT '2.19', replace(line, '\u0000', '')::json FROM line;

CREATE TEMP TABLE judged AS
SELECT model, exchange->>'label' AS label,
	(exchange->'response'->'errors' IS NOT NULL OR (exchange->>'status')::integer >= 300) AS failed,
	(flitmig.classify_answer((exchange->>'status')::integer,
		CASE json_typeof(exchange->'response') WHEN 'string' THEN exchange->>'response' ELSE (exchange->'response')::text END)).*
FROM recorded
WHERE exchange->>'path' <> '/client-config' AND exchange->>'label' NOT LIKE 'file.get.%';	/* what is got, not asked */

/* A NULL in 1.17 or 2.19: not recorded there, or not refused there. */
CREATE TEMP TABLE expected (label text, v117 text, v219 text, clue text);
INSERT INTO expected VALUES
	('object.create.duplicate', 'batch_refused', 'batch_refused', NULL),
	('object.create.badname', 'batch_refused', 'batch_refused', 'Billing_Claim__c'),
	('object.create.reserved', 'batch_refused', 'batch_refused', 'user'),
	('field.create.text.duplicate', 'batch_refused', 'batch_refused', 'medicalRecordNumber'),
	('field.create.badname', 'batch_refused', 'batch_refused', 'Date_Of_Birth__c'),
	('field.create.reserved', 'batch_refused', 'batch_refused', 'type'),
	('field.create.select', 'batch_refused', 'batch_refused', 'role'),
	('field.create.select.badvalue', 'batch_refused', 'batch_refused', 'New Patient Exam'),
	('field.create.address.reserved', 'batch_refused', 'batch_refused', 'address'),
	('field.create.numeric', 'batch_refused', 'batch_refused', 'NUMERIC'),
	('field.create.files', 'batch_refused', NULL, NULL),
	('metadata.many-in-one', 'schema_changed', 'schema_changed', 'createOneField'),
	('metadata.many-in-one.one-fails', 'schema_changed', 'schema_changed', 'createOneField'),
	('people.create.same-id', 'batch_refused', 'batch_refused', NULL),
	('people.create.dup-email', 'batch_refused', 'batch_refused', NULL),
	('people.create.dup-email.case', 'batch_refused', 'batch_refused', NULL),
	('people.create.dup-npi', 'batch_refused', 'batch_refused', NULL),
	('people.create.one-bad-in-batch', 'batch_refused', 'batch_refused', NULL),
	('people.create.unknown-field', 'schema_changed', 'schema_changed', 'insuranceCarrierX'),
	('people.create.bad-select', 'batch_refused', 'batch_refused', 'NURSE'),
	('people.create.bad-email', NULL, 'batch_refused', 'not an email'),
	('people.create.bad-phone', 'batch_refused', 'batch_refused', 'ZZ'),
	('people.create.phone-mismatch', 'batch_refused', 'batch_refused', NULL),
	('people.create.bad-uuid', 'batch_refused', 'batch_refused', 'not-a-uuid'),
	('people.create.text-number', 'batch_refused', 'batch_refused', '123'),
	('people.create.nul-char', 'batch_refused', 'batch_refused', NULL),
	('people.create.bad-fk', 'batch_refused', 'batch_refused', NULL),
	('people.create.201', 'batch_refused', 'batch_refused', NULL),
	('people.create.email-of-soft-deleted', 'batch_refused', 'batch_refused', NULL),
	('two-aliases-same-mutation', 'schema_changed', 'schema_changed', 'createPeople'),
	('two-mutations-second-fails', 'ambiguous', 'ambiguous', NULL),
	('taskTargets.create.bad-fk', 'batch_refused', 'batch_refused', NULL),
	('syntax-error', 'schema_changed', 'schema_changed', NULL),
	('auth.bad-token/graphql', 'unauthorised', 'unauthorised', NULL),
	('auth.bad-token/metadata', 'unauthorised', 'unauthorised', NULL),
	('auth.bad-signature', 'unauthorised', 'unauthorised', NULL),
	('auth.none', 'unauthorised', 'unauthorised', 'people'),
	('people.phone.ph3', 'batch_refused', 'batch_refused', '202-555-0103'),
	('people.phone.ph7', 'batch_refused', 'batch_refused', 'call mum'),
	('people.email.spaces', NULL, 'batch_refused', ' Space@X.test '),
	('tasks.number.string', 'batch_refused', 'batch_refused', '30'),
	('person.destroy.missing', 'batch_refused', 'batch_refused', NULL),
	('field.deactivate', 'batch_refused', 'batch_refused', NULL),
	('field.delete.inactive', 'batch_refused', 'batch_refused', NULL),
	('field.delete.standard', 'batch_refused', 'batch_refused', NULL),
	('object.deactivate', 'batch_refused', 'batch_refused', NULL),
	('object.delete.inactive', 'batch_refused', 'batch_refused', NULL),
	('attachments.create.reuse-file', NULL, 'batch_refused', NULL),
	('rate.graphql.limited', 'throttled', 'throttled', NULL),
	('rate.rest.limited', 'throttled', 'throttled', NULL),
	('rate.two-roots.limited', 'throttled', 'throttled', NULL),
	('people.upsert.two-matches', 'batch_refused', 'batch_refused', NULL),
	('people.destroy.in-empty', 'batch_refused', 'batch_refused', NULL),
	('file.put.wrong-size', NULL, 'batch_refused', NULL),
	('file.completeUpload.wrong-size', NULL, 'batch_refused', NULL),
	('file.completeUpload.never-sent', NULL, 'batch_refused', NULL),
	('file.createUpload.huge', NULL, 'batch_refused', NULL);

/* What a key's role may not do; the two that were let through failed later, for want of a name. */
INSERT INTO expected
SELECT DISTINCT label, CASE WHEN refused THEN 'unauthorised' ELSE 'batch_refused' END, CASE WHEN refused THEN 'unauthorised' ELSE 'batch_refused' END, NULL
FROM judged, LATERAL (SELECT label NOT IN ('role.some.createOneField', 'role.model.createOneField') AS refused) r
WHERE label LIKE 'role.%' AND failed;

SELECT no_plan();

SELECT cmp_ok(count(*), '>=', 100::bigint, 'recordings of ' || model || ' were read') FROM recorded GROUP BY model;

SELECT is(class, 'stored', model || ' ' || label)
FROM judged WHERE NOT failed AND class IS DISTINCT FROM 'stored';

SELECT is((SELECT count(*) FROM judged WHERE NOT failed AND class <> 'stored'), 0::bigint, 'every good answer is stored');

SELECT is_empty($$
	SELECT model, label FROM judged j
	WHERE failed AND NOT EXISTS (SELECT FROM expected e WHERE e.label = j.label)
$$, 'every recorded error is expected here');

SELECT is(j.class, CASE model WHEN '1.17' THEN v117 ELSE v219 END, model || ' ' || j.label || ': ' || j.class)
FROM judged j JOIN expected e USING (label) WHERE failed ORDER BY model, label;

SELECT is(j.clue, e.clue, model || ' ' || label || ' names ' || e.clue)
FROM judged j JOIN expected e USING (label) WHERE failed AND e.clue IS NOT NULL ORDER BY model, label;

SELECT ok(duplicate, model || ' ' || label || ' is a duplicate')
FROM judged
WHERE label IN ('people.create.same-id', 'people.create.dup-email', 'people.create.dup-email.case', 'people.create.dup-npi',
	'people.create.one-bad-in-batch', 'people.create.email-of-soft-deleted', 'object.create.duplicate', 'field.create.text.duplicate')
ORDER BY model, label;
SELECT is_empty($$
	SELECT model, label FROM judged WHERE duplicate AND label !~ 'dup|same-id|one-bad|soft-deleted|second-fails'
$$, 'nothing else is a duplicate');
SELECT is(conflicting_id, 'e9cf8c2a-ef71-5e6d-a0aa-af20f1847622', model || ' ' || label || ' names the holder')
FROM judged WHERE label IN ('people.create.dup-email', 'people.create.dup-npi', 'people.create.one-bad-in-batch');

SELECT is(limit_tokens || ' per ' || limit_window_ms, '100 per 60000', model || ' ' || label || ' teaches the limit')
FROM judged WHERE label LIKE 'rate.%limited' AND label <> 'rate.metadata.unlimited' ORDER BY model, label;
SELECT is(max_records, 200, model || ' people.create.201 teaches the batch size') FROM judged WHERE label = 'people.create.201';
SELECT is(code, 'OBJECT_ALREADY_EXISTS', model || ' the object''s own error, not those that hang on it')
FROM judged WHERE label = 'object.create.duplicate';
SELECT is(code, 'LIMIT_REACHED', model || ' subCode before code') FROM judged WHERE label = 'rate.graphql.limited';

/* What was not recorded: proxies, cut answers, newer words. */
CREATE TEMP TABLE said (class text, status integer, body text, why text);
INSERT INTO said VALUES
	('not_twenty', 200, '<html>It works!</html>', 'a web page'),
	('not_twenty', 200, '', 'nothing'),
	('not_twenty', 200, '{"hello": "world"}', 'JSON of something else'),
	('not_twenty', 200, '[1, 2]', 'a JSON array'),
	('not_twenty', 302, '<html>moved</html>', 'a redirect'),
	('not_twenty', 404, '<html>not found</html>', 'a page that is not there'),
	('not_twenty', 200, repeat('[', 100000), 'nesting without end'),
	('ambiguous', 200, '{"data":{"createPeople":' || repeat('[', 100000), 'nesting without end in something like an answer'),
	('ambiguous', 200, '{"data":{"createPeople":[{"id":"20d9', 'an answer that breaks off'),
	('ambiguous', 400, '{"errors":[{"message":"Val', 'a refusal that breaks off'),
	('ambiguous', 200, '{"data":null}', 'no data and no errors'),
	('ambiguous', 200, '{"data":{}}', 'data without a root'),
	('ambiguous', 500, '<html>error</html>', '500 of a proxy'),
	('ambiguous', 502, '<html>bad gateway</html>', '502: Twenty may have gone on'),
	('ambiguous', 503, '<html>unavailable</html>', '503 without Retry-After'),
	('ambiguous', 504, '<html>timeout</html>', '504: Twenty may have gone on'),
	('throttled', 429, '<html>slow down</html>', '429 of a proxy'),
	('throttled', 429, '{"statusCode":429,"error":"HttpException","messages":["Limit reached (50 tokens per 60000 ms)"]}', '429 of REST'),
	('unauthorised', 401, '<html>who are you</html>', '401 of a proxy'),
	('unauthorised', 403, '', '403 of a firewall'),
	('batch_refused', 413, '<html>too large</html>', '413 of a proxy'),
	('batch_refused', 413, '{"statusCode":413,"message":"request entity too large"}', '413 of the body parser'),
	('stored', 204, '', 'an upload'),
	('stored', 200, '{"data":{"person":null}}', 'a record that is not there'),
	('stored', 200, '{"data":{"people":{"edges":[]}},"errors":[]}', 'an empty list of errors'),
	('ambiguous', 200, '{"errors":[{"message":"something","extensions":{"code":"INTERNAL_SERVER_ERROR"}}],"data":{"createPeople":null}}', 'an unknown internal error'),
	('ambiguous', 200, '{"errors":[{"message":"Query read timeout","extensions":{"code":"BAD_USER_INPUT"}}],"data":{"createPeople":null}}', 'a timeout of its database'),
	('ambiguous', 200, '{"errors":[{"message":"Limit reached (100 tokens per 60000 ms)","extensions":{"subCode":"LIMIT_REACHED"}}],"data":{"createPeople":[{"id":"x"}],"createTasks":null}}', 'one root stored, one refused'),
	('unauthorised', 200, '{"errors":[{"message":"no","extensions":{"code":"FORBIDDEN","subCode":"PERMISSION_DENIED"}}],"data":{"createPeople":null}}', 'a key without rights'),
	('unauthorised', 200, '{"errors":[{"message":"Unknown type \"PersonCreateInput\"."},{"message":"Cannot query field \"createPeople\" on type \"Mutation\"."}]}', 'no key: the whole schema is unknown'),
	('schema_changed', 200, '{"errors":[{"message":"Cannot query field \"createBillingClaims\" on type \"Mutation\"."}]}', 'an object of ours is gone'),
	('schema_changed', 200, '{"errors":[{"message":"Cannot query field \"people\" on type \"Query\". Did you mean \"peoples\"?"}]}', 'renamed: somebody who is known is asked'),
	('schema_changed', 200, '{"errors":[{"message":"Cannot query field \"nope\" on type \"Person\".","extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}', 'a field is gone'),
	('batch_refused', 200, '{"errors":[{"message":"Variable \"$data\" got invalid value \"NURSE\" at \"data[0].clinicRole\"; Value \"NURSE\" does not exist in \"PersonClinicRoleEnum\" enum.","extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}', 'a value, though the code says validation'),
	('schema_changed', 200, '{"errors":[{"message":"Variable \"$data\" got invalid value { x: 1 } at \"data[0]\"; Field \"x\" is not defined by type \"PersonCreateInput\".","extensions":{"code":"BAD_USER_INPUT"}}]}', 'a field, though the code says input');
SELECT is((flitmig.classify_answer(status, body)).class, class, class || ': ' || why) FROM said;

SELECT is((flitmig.classify_answer(200, '{"errors":[{"message":"a\nb \u00e9\ud83d\ude00 \u0000\ud800 \"q\"","extensions":{"code":"BAD_USER_INPUT"}}]}')).message,
	E'a\nb é😀 ?? "q"', 'escapes in a message are read, what text cannot hold is replaced');
SELECT is((flitmig.classify_answer(200, '{"errors":[{"message":"Maximum number of records to upsert is 60.","extensions":{"code":"BAD_USER_INPUT"}}]}')).max_records,
	60, 'an older batch size is learned');
SELECT is((flitmig.classify_answer(200, '{"errors":[{"message":"A duplicate entry was detected","extensions":{"code":"BAD_USER_INPUT","conflictingRecordId":"nonsense"}}]}')).conflicting_id,
	NULL, 'a record id that is none is left out');
SELECT is((flitmig.classify_answer(200, '{"errors":[{"message":"A duplicate entry was detected","extensions":{"code":"BAD_USER_INPUT","userFriendlyMessage":"This Emails value is already in use. Please check your data and try again.","conflictingRecordId":"e9cf8c2a-ef71-5e6d-a0aa-af20f1847622"}}]}')).message,
	'A duplicate entry was detected: This Emails value is already in use, by record e9cf8c2a-ef71-5e6d-a0aa-af20f1847622', 'what is taken, and by whom');


-- Why a record is set aside, for those who may not see values: of the server's words only names of fields are taken.
SELECT is(flitmig._refusal_cause(v.kind, v.code, v.reason), v.cause, 'cause: ' || v.cause) FROM (VALUES
	('refused', 'BAD_USER_INPUT', 'A duplicate entry was detected: This Emails value is already in use, by record e9cf8c2a-ef71-5e6d-a0aa-af20f1847622', 'another record has the same Emails'),
	('refused', 'BAD_USER_INPUT', 'A duplicate entry was detected: This record already exists', 'another record has the same value, perhaps one in the trash'),
	('refused', 'BAD_USER_INPUT', 'A duplicate entry was detected: This ann@example.com value is already in use', 'another record has the same value, perhaps one in the trash'),
	('refused', 'INVALID_PHONE_NUMBER', 'Provided phone number is invalid 2125550101', 'a phone number that Twenty does not take'),
	('refused', 'BAD_USER_INPUT', 'Value "Ann Lee" does not exist in "PersonSexEnum" enum.', 'an option that a field does not have: PersonSex'),
	('refused', 'BAD_USER_INPUT', 'Invalid value for field "emails.primaryEmail": ann@', 'a value that Twenty does not take in emails.primaryEmail'),
	('refused', 'INTERNAL_SERVER_ERROR', 'insert on table "task" violates foreign key constraint "FK_1"', 'it points at a record that Twenty does not have'),
	('refused', 'ODD', 'Ann Lee is odd', 'refused: ODD'),
	('held', 'PARENT', 'a record that it points at is in quarantine', 'a record that it points at is in quarantine'),
	('file', 'FILE_TOO_LARGE', '/scans/ann lee.pdf has 2 GB', 'file too large'),
	('refused', 'BAD_USER_INPUT', 'purged: another record has the same Emails', 'another record has the same Emails')) AS v(kind, code, reason, cause);

SELECT finish();
ROLLBACK;
