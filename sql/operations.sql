-- What a profile can say: the very profile that the README lists, run on rows that need each operation.
\set ECHO none
SET client_min_messages = warning;
\set abs_srcdir `pwd`
\set doc `awk '/operations: begin/ {on = 1} /operations: end/ {on = 0} on && /^[ {}]/' README.md | sed -E 's# +// .*$##'`
\set said `awk '/operations: begin/ {on = 1} /operations: end/ {on = 0} on' README.md | grep -o '// [0-9][0-9]*' | tr -d '/ ' | sort -nu | tr '\n' ' '`
\set ECHO all
-- All twenty-two are there.
SELECT :'said' AS operations, array_to_string(ARRAY(SELECT generate_series(1, 22)), ' ') || ' ' = :'said' AS all_of_them;
SELECT flitmig._profile_check(:'doc'::jsonb);
INSERT INTO flitmig.profile (name, doc) VALUES ('operations', :'doc'::jsonb);
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');
SELECT flitmig_create('tiny', 'crm', profile => 'operations', time_zone => 'America/New_York', country => 'US', currency => 'USD', date_order => 'MDY');
SELECT "table", file, rows, rejected FROM flitmig_import('tiny', :'abs_srcdir' || '/test/data/operations');
SELECT flitmig_confirm('tiny') ~ '^[0-9a-f]{64}$' AS hash;
SELECT set_config('test.migration', id::text, false) IS NOT NULL AS migration FROM flitmig.migration WHERE name = 'tiny';
-- A hash must be the same in each run of this test: a salt that everybody knows.
UPDATE flitmig.migration SET salt = decode(repeat('5a', 64), 'hex'), created_at = '2025-01-01' WHERE name = 'tiny';
\set ECHO none
\o /dev/null
\i test/fixtures/live-2.19.sql
\i test/fixtures/live-prepare.sql
\o
\set ECHO all
INSERT INTO flitmig.live_member SELECT current_setting('test.migration')::integer, '00000000-0000-4000-8000-000000000001', 'front@clinic.example', 'Mia', 'Front';
SELECT flitmig._map(current_setting('test.migration')::integer);
SELECT o.name, r.source_key, r.state, r.reason FROM flitmig.record r JOIN flitmig.object_map o ON o.id = r.object_map_id
WHERE r.migration_id = current_setting('test.migration')::integer ORDER BY o.position, r.sequence, r.source_key;
SELECT o.name, r.source_key, jsonb_pretty(r.payload) AS payload FROM flitmig.record r JOIN flitmig.object_map o ON o.id = r.object_map_id
WHERE r.migration_id = current_setting('test.migration')::integer AND r.state = 'mapped' ORDER BY o.position, r.sequence, r.source_key;
SELECT o.name, c.rows_read, c.filtered, c.blank_keys, c.duplicate_keys, c.mapped, c.excluded FROM flitmig.map_count c JOIN flitmig.object_map o ON o.id = c.object_map_id
WHERE c.migration_id = current_setting('test.migration')::integer ORDER BY o.position;
-- What was not read, not known, not resolved; a name that no column folds (room) is reported as a column would be.
SELECT count(*) > 0 AS findings FROM flitmig_audit('tiny');
SELECT severity, code, object, column_name AS "column", count, places FROM flitmig.finding WHERE migration_id = current_setting('test.migration')::integer AND code IN ('UNMAPPED_COLUMN', 'UNREADABLE_VALUE', 'UNMAPPED_VALUE', 'UNRESOLVED_REFERENCE', 'MISSING_ENTITY', 'UNMAPPED_FILE') ORDER BY 2, 3, 4;
SELECT code, message FROM flitmig.finding WHERE migration_id = current_setting('test.migration')::integer AND code IN ('UNREADABLE_VALUE', 'UNMAPPED_VALUE') ORDER BY 1, 2;

-- The other choices for cells that cannot be read, are not in the value map, or are blank.
CREATE PROCEDURE pg_temp.choose(name text, sql text, error text, blank text, instead text) LANGUAGE sql AS $$
	UPDATE flitmig.field_map f SET expression = coalesce(sql, f.expression), columns = flitmig._source_columns(coalesce(sql, f.expression)), on_error = error, on_blank = blank, default_value = instead
	FROM flitmig.object_map o WHERE o.id = f.object_map_id AND o.name = 'person' AND f.field = choose.name $$;
CALL pg_temp.choose('dateOfBirth', NULL, 'default', 'exclude', '1900-01-01');
CALL pg_temp.choose('smoker', NULL, 'exclude', 'default', 'false');
CALL pg_temp.choose('diet', 'flitmig.to_email(s.referrer)', 'keep', NULL, NULL);
CALL pg_temp.choose('letterTo', 'CASE WHEN s.dx = ''R07.9'' THEN NULL ELSE s.dx || s.dx_text END', 'keep', 'default', 'none');
CALL pg_temp.choose('systolic', 'flitmig.to_number(s.minutes)', NULL, NULL, '30');
CALL pg_temp.choose('story', 's.story', 'null', 'exclude', NULL);
SELECT flitmig_confirm('tiny') IS NOT NULL AS confirmed;
SELECT flitmig._map(current_setting('test.migration')::integer);
SELECT r.source_key, r.reason, r.payload->'dateOfBirth' AS born, r.payload->'smoker' AS smoker, r.payload->'diet' AS diet, r.payload->'letterTo' AS letter_to, r.payload->'systolic' AS systolic
FROM flitmig.record r JOIN flitmig.object_map o ON o.id = r.object_map_id WHERE o.name = 'person' ORDER BY r.sequence;
SELECT code, message, places FROM flitmig.finding WHERE migration_id = current_setting('test.migration')::integer AND object = 'person' AND code IN ('UNREADABLE_VALUE', 'UNMAPPED_VALUE') ORDER BY 1, 2;
-- A cell as it stands is no number, and a default must be what its expression is.
CALL pg_temp.choose('systolic', NULL, NULL, NULL, 'many');
\set VERBOSITY terse
SELECT flitmig_confirm('tiny');
\set VERBOSITY default

-- Groups told apart by words; rows folded with all their names.
UPDATE flitmig.migration SET profile_doc = jsonb_set(jsonb_set(profile_doc, '{entities,forms,unmapped}', '"collect"'), '{entities,times}',
	'{"of": "people", "repeat": ["Time", "Day"], "columns": {"id": ["Client No"], "cell": ["Visit #"]}}') WHERE name = 'tiny';
CREATE FUNCTION pg_temp.rows_of(name text) RETURNS SETOF jsonb LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT to_jsonb(s) - ''{_file,_hash,_labels}''::text[] FROM %s s ORDER BY _file, _line, to_jsonb(s)->>''_n'' DESC', flitmig._entity_sql(current_setting('test.migration')::integer, name));
END $$;
SELECT pg_temp.rows_of('times');
SELECT pg_temp.rows_of('forms');
SELECT severity, "column" FROM flitmig_audit('tiny') WHERE code = 'UNMAPPED_COLUMN' AND object = 'forms';

-- What a profile may not say of them.
SELECT flitmig._profile_check('{"entities": {
	"a": {"files": [], "columns": {"id": [], "name": [], "value": []}, "fold": {"by": ["id"], "name": "name", "value": "value"}},
	"b": {"of": "c", "columns": {}}, "c": {"of": "a", "files": [], "columns": {"id": []}, "fold": {"by": ["no"], "name": "name", "value": "value"}, "unmapped": "fields"}, "d": {"of": "a", "repeat": "x", "columns": {"_n": []}}},
	"targets": {"person": {"fields": {"born": {"type": "DATE", "label": "Born"}}}},
	"maps": [{"name": "m", "object": "person", "source": "{d} s", "key": "s._n", "fields": {
		"born": {"expression": "s._n", "onError": "keep"}, "x": {"expression": "now()", "onBlank": "default"}, "y": {"owner": "s._n", "onError": "stop"}}}]}');

DROP SCHEMA tiny_staging CASCADE;
DELETE FROM flitmig.migration WHERE name = 'tiny';
DELETE FROM flitmig.profile WHERE name = 'operations';
DROP SERVER crm;
