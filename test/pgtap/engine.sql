/* Small parts of the engine: base64 of inline files, what a refusal names, changes by filter. */
\ir setup.psql

SELECT plan(68);

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
-- ---- what Twenty does not destroy ----
-- A key without the right gets no error. An answer holds 200 records at most, whatever the call asks for: none of the others may count as gone.
CREATE SERVER stubborn FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'http://127.0.0.1:1');
SELECT flitmig_create('stubborn', 'stubborn') \g /dev/null
INSERT INTO flitmig.run (id, migration_id, kind) SELECT -1, m.id, 'rollback' FROM flitmig.migration m WHERE m.name = 'stubborn';
INSERT INTO flitmig.rollback_item (run_id, migration_id, id, object, state) SELECT -1, m.id, md5('stubborn ' || n)::uuid, 'person', 'destroyed'
FROM flitmig.migration m, generate_series(1, 450) n WHERE m.name = 'stubborn';
INSERT INTO flitmig.live_object (migration_id, name, name_plural, object_id, is_active, is_system) SELECT m.id, 'person', 'people', gen_random_uuid(), true, false FROM flitmig.migration m WHERE m.name = 'stubborn';
SELECT flitmig._plan_late(-1, m.id, 'late') FROM flitmig.migration m WHERE m.name = 'stubborn' \g /dev/null
/* Answers the reads that are planned from what is there, a page each, until none is planned; how many it took. */
CREATE FUNCTION pg_temp.looked_at(there uuid[]) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	b flitmig.batch;
	calls integer := 0;
BEGIN
	LOOP
		SELECT * INTO b FROM flitmig.batch t WHERE t.run_id = -1 AND t.purpose = 'late' AND t.state = 'planned' ORDER BY t.id LIMIT 1;
		EXIT WHEN NOT FOUND OR calls > 100;
		calls := calls + 1;
		UPDATE flitmig.batch SET state = 'done' WHERE id = b.id;
		PERFORM flitmig._read_late(b, jsonb_build_object('data', jsonb_build_object('people', jsonb_build_object('edges', coalesce((
			SELECT jsonb_agg(jsonb_build_object('node', jsonb_build_object('id', p.id))) FROM (SELECT i.id FROM unnest(b.ids) i(id) WHERE i.id = ANY (there) LIMIT 200) p), '[]')))));
	END LOOP;
	RETURN calls;
END $$;
SAVEPOINT before;
SELECT is(pg_temp.looked_at(ARRAY(SELECT id FROM flitmig.rollback_item WHERE run_id = -1)), 12, 'ten times, then page by page');
SELECT is((SELECT string_agg(DISTINCT state || ': ' || why, ', ') FROM flitmig.rollback_item WHERE run_id = -1), 'kept: Twenty does not destroy it', 'all of them are listed as kept');
ROLLBACK TO before;
SELECT is(pg_temp.looked_at(ARRAY(SELECT id FROM flitmig.rollback_item WHERE run_id = -1 ORDER BY id LIMIT 3)), 11, 'few: the others are looked for once more');
SELECT is((SELECT count(*) FILTER (WHERE state = 'kept') || ' ' || count(*) FILTER (WHERE state = 'destroyed') FROM flitmig.rollback_item WHERE run_id = -1), '3 447', 'and are gone');

-- ---- calls that may still arrive ----
CREATE SERVER late FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'http://127.0.0.1:1');
SELECT flitmig_create('late', 'late') \g /dev/null
INSERT INTO flitmig.run (migration_id, kind) SELECT id, k FROM flitmig.migration, unnest(ARRAY['sample', 'run', 'rollback']) k WHERE name = 'late';
CREATE FUNCTION pg_temp.late(run_kind text) RETURNS integer LANGUAGE sql AS $$
	SELECT flitmig._late_ms(r.id) FROM flitmig.run r JOIN flitmig.migration m ON m.id = r.migration_id WHERE m.name = 'late' AND r.kind = run_kind
$$;
CREATE FUNCTION pg_temp.went_dark(batch_kind text, ago interval) RETURNS void LANGUAGE sql AS $$
	DELETE FROM flitmig.batch b USING flitmig.migration m WHERE m.id = b.migration_id AND m.name = 'late';
	INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, dark_at) SELECT r.id, m.id, 'x', batch_kind, clock_timestamp() - ago
	FROM flitmig.migration m JOIN flitmig.run r ON r.migration_id = m.id WHERE m.name = 'late' AND r.kind = 'sample'
$$;
SET LOCAL flitmig.late_window = '10s';
SELECT is(pg_temp.late('run'), 0, 'nobody waits when there was no call');
SELECT pg_temp.went_dark('update', NULL) \g /dev/null
SELECT is(pg_temp.late(k), 0, k || ': nor when all were answered') FROM unnest(ARRAY['run', 'rollback']) k;
SELECT pg_temp.went_dark('update', '4 s') \g /dev/null
SELECT ok(pg_temp.late(k) BETWEEN 5000 AND 6000, k || ': what is left of the window after an update went dark') FROM unnest(ARRAY['run', 'rollback']) k;
SELECT pg_temp.went_dark('create', '4 s') \g /dev/null
SELECT is(pg_temp.late('run'), 0, 'a late create does no harm to a run: it is an upsert of the same');
SELECT ok(pg_temp.late('rollback') BETWEEN 5000 AND 6000, 'but to a rollback');
SELECT pg_temp.went_dark('update', '1 hour') \g /dev/null
SELECT is(pg_temp.late('rollback'), 0, 'the window is over');
SELECT pg_temp.went_dark('update', '-1 hour') \g /dev/null
SELECT is(pg_temp.late('rollback'), 10000, 'a clock that was put back does not hold a run for longer than the window');
SET LOCAL flitmig.late_window = 0;
SELECT is(pg_temp.late('rollback'), 0, 'no window');

-- ---- the gate behind the lock: a mapping that was changed after the command had looked ----
INSERT INTO flitmig.migration (id, name, server, profile, profile_doc, namespace, staging_schema, time_zone, country, currency)
OVERRIDING SYSTEM VALUE VALUES (99, 'changed', 'crm', 'generic', '{"entities": {}, "maps": []}', gen_random_uuid(), 'flitmig_changed', 'UTC', 'US', 'USD');
INSERT INTO flitmig.run (id, migration_id, kind) OVERRIDING SYSTEM VALUE SELECT 9900 + n, 99, kind FROM unnest('{prepare,sample,run,delta}'::text[]) WITH ORDINALITY k(kind, n);
SELECT throws_ok(format('SELECT flitmig._run_begin(%s)', r.id), '55000', 'the mapping of migration "changed" is not confirmed', r.kind || ' of a mapping that is not confirmed') FROM flitmig.run r WHERE r.migration_id = 99 ORDER BY r.id;
SELECT pg_advisory_unlock_all() \g /dev/null

SELECT * FROM finish();
ROLLBACK;
