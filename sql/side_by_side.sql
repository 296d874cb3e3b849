-- Differences side by side: no line is wider than 100 columns, however long the values are.
\set SHOW_CONTEXT never
BEGIN;
\set ECHO none
\i test/report/fixture.sql
\i test/report/sample.sql
\set ECHO all
SELECT * FROM flitmig.side_by_side('fixture');

-- A long note, with line breaks, a tab and a carriage return in it.
UPDATE flitmig.diff SET sent = to_jsonb(repeat('Seen today. ', 30) || E'\nPlan:\trest\r\n' || repeat('x', 70)), stored = to_jsonb(repeat('Seen today. ', 30) || E'\nPlan: rest\n' || repeat('x', 70))
WHERE migration_id = 900 AND id = (SELECT id FROM flitmig.record WHERE migration_id = 900 AND source_key = 'P2');
\setenv WIDE `mktemp`
\o | cat >"$WIDE"
SELECT * FROM flitmig.side_by_side('fixture');
SELECT * FROM flitmig.side_by_side('fixture', all_fields => true);
\pset format wrapped
\pset columns 100
SELECT * FROM flitmig_diff('fixture');
\pset format aligned
\o
\! awk 'length > 100 { print } END { print (NR > 60 ? "many lines, the ones wider than 100 columns are above" : "too few lines") }' "$WIDE"; rm "$WIDE"
-- Characters that take two columns.
SELECT flitmig._width('abc'), flitmig._width('小明 Ängström'), flitmig._narrow('小明小明小明小明小明 x', 9), flitmig._wrap('小明小明小明 小明', 9);
-- A narrower window.
SELECT * FROM flitmig.side_by_side('fixture', columns => 80) LIMIT 1;
-- What people changed in Twenty meanwhile.
INSERT INTO flitmig.conflict (migration_id, id, object, object_map_id, field, run_id, kind, base_value, source_value, target_value)
SELECT 900, r.id, 'person', 900, 'jobTitle', 900, CASE r.source_key WHEN 'P1' THEN 'target' ELSE 'both' END, '"Patient"', CASE r.source_key WHEN 'P1' THEN '"Patient"' ELSE '"Patient and volunteer of the clinic"' END::jsonb, '"Retired"'
FROM flitmig.record r WHERE r.migration_id = 900 AND r.source_key IN ('P1', 'P2');
SELECT * FROM flitmig.conflicts('fixture');
ROLLBACK;
