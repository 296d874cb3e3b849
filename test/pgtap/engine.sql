/* Small parts of the engine: base64 of inline files, what a refusal names, changes by filter. */
\ir setup.psql

SELECT no_plan();

-- ---- base64 ----
CREATE FUNCTION pg_temp.unpacked(data text) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
	made oid := (SELECT d.copy FROM flitmig._decode_inline(data) d);
BEGIN
	RETURN CASE WHEN made IS NOT NULL THEN lo_get(made) END;	/* seen by the next statement */
END $$;
SELECT is(pg_temp.unpacked(encode(b, 'base64')), b, 'base64 of ' || length(b) || ' bytes')
FROM (SELECT convert_to(left(repeat('The quick brown fox ', 40000), n), 'UTF8') AS b FROM unnest(ARRAY[1, 2, 3, 4, 57, 58, 196607, 196608, 196609, 800000]) n) x;
SELECT is(pg_temp.unpacked('_-8'), '\xffef'::bytea, 'the alphabet of URLs, without padding');
SELECT is(pg_temp.unpacked(E' /+8=\r\n'), '\xffef'::bytea, 'the usual one, with blanks around');
SELECT is(pg_temp.unpacked(bad), NULL, 'no base64: ' || bad) FROM unnest(ARRAY['', '=', 'A', 'AAAAA', 'AA=A', 'AAA==', 'A===', 'AA$A', 'see attachment', 'Zoë=']) bad;
SELECT is(d.sha256, sha256('abc'::bytea), 'with its hash') FROM flitmig._decode_inline('YWJj') d;
SELECT is(d.bytes, 3::bigint, 'and size') FROM flitmig._decode_inline('YWJj') d;

-- ---- what a refusal names ----
SELECT is((SELECT array_agg(array_to_string(f.keys, '.')) FROM flitmig._refused_fields(0, 'person', code, message) f), fields, message)
FROM (VALUES
	('INVALID_ARGS_DATA', 'Invalid value "NURSE" for field "clinicRole". Valid values are: PATIENT, PROVIDER', '{clinicRole}'::text[]),
	('INVALID_ARGS_DATA', 'Invalid string value ''not an email'' for email field "emails.primaryEmail"', '{emails.primaryEmail}'),
	('INVALID_ARGS_DATA', 'Invalid number value ''30'' for field "durationMinutes"', '{durationMinutes}'),
	('BAD_USER_INPUT', 'A duplicate entry was detected', NULL)) v(code, message, fields);
SELECT ok(flitmig._is_named('{"tag": "BAD"}', '{tag}', false, 'BAD'), 'the value in the field');
SELECT ok(NOT flitmig._is_named('{"tag": "BADLY", "other": "BAD"}', '{tag}', false, 'BAD'), 'not a longer one, nor the same elsewhere');
SELECT ok(flitmig._is_named('{"tags": ["GOOD", "BAD"]}', '{tags}', false, 'BAD'), 'one of several');
SELECT ok(NOT flitmig._is_named('{"n": 30}', '{n}', false, '30'), 'a number is not the text that was refused');
SELECT ok(flitmig._is_named('{"phones": {"additionalPhones": [{"number": "1"}]}}', '{phones}', true, '1'), 'any part of a field, where any may be meant');
SELECT ok(NOT flitmig._is_named('{}', '{tag}', false, 'BAD'), 'nothing is not a value');

SELECT is(flitmig._named(b, 'BAD_USER_INPUT', 'Variable "$data" got invalid value "x" at "data[1].clinicRole"; Value "x" does not exist in "PersonClinicRoleEnum" enum.', NULL),
		  ARRAY['22222222-2222-4333-8444-555555555555'::uuid], 'the second record, by its place in the call')
FROM jsonb_populate_record(NULL::flitmig.batch, '{"migration_id": 0, "kind": "create", "object": "person", "ids": ["11111111-2222-4333-8444-555555555555", "22222222-2222-4333-8444-555555555555"]}') b;
SELECT is(flitmig._named(b, 'BAD_USER_INPUT', 'Variable "$data" got invalid value "x" at "data[7].clinicRole".', NULL), NULL, 'a place that the call has not')
FROM jsonb_populate_record(NULL::flitmig.batch, '{"migration_id": 0, "kind": "create", "object": "person", "ids": ["11111111-2222-4333-8444-555555555555", "22222222-2222-4333-8444-555555555555"]}') b;

-- ---- changes by filter ----
-- Each function that builds one asks first whether the ids are ours (or, for activities, whether there are any).
SELECT is((SELECT string_agg(p.oid::regprocedure::text, ', ') FROM pg_proc p
		   WHERE p.pronamespace = 'flitmig'::regnamespace AND p.prosrc ~ 'mutation\([^'']*filter:' AND p.prosrc !~ '_assert_ours|_assert_stored|_timeline_filter|must list its ids|must list their views'), NULL, 'no other function builds a change by filter');
SELECT is((SELECT count(*) FROM pg_proc p WHERE p.pronamespace = 'flitmig'::regnamespace AND p.prosrc ~ 'mutation\([^'']*filter:'), 6::bigint, 'and these are all: destroy, activities (two), trash, alike, favourites');
SELECT throws_like(format('SELECT flitmig._assert_ours(1, %L, %L)', 'person', ids), '%must list its ids', 'an empty list is refused') FROM (VALUES ('{}'), (NULL), ('{NULL}')) v(ids);
SELECT throws_like($$SELECT flitmig._assert_ours(1, 'person', '{11111111-2222-4333-8444-555555555555}')$$, 'refused to destroy 1 records%', 'and so is an id that the undo log does not know');
SELECT throws_like(format('SELECT flitmig._assert_stored(1, %L, %L)', 'person', ids), '%must list its ids', 'nor is an empty list changed') FROM (VALUES ('{}'), (NULL), ('{NULL}')) v(ids);
SELECT throws_like($$SELECT flitmig._assert_stored(1, 'person', '{11111111-2222-4333-8444-555555555555}')$$, 'refused to change records%', 'nor a record that is not ours');
SELECT throws_like(format('SELECT flitmig._favorites_destroy_request(1, %L, %L)', 'claim', views), '%must list their views', 'favourites are named by their views') FROM (VALUES ('[]'), (NULL), ('[null]')) v(views);
SELECT throws_like($$SELECT flitmig._favorites_destroy_request(1, 'claim', '["11111111-2222-4333-8444-555555555555"]')$$, 'refused to remove favourites%', 'of an object that this migration made');
SELECT * FROM finish();
ROLLBACK;
