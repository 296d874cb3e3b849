-- The migration report: the same rows as one HTML page, as Markdown, as JSON.
\set SHOW_CONTEXT never
BEGIN;
\set ECHO none
\i test/report/fixture.sql
\set ECHO all
\set ECHO none
\i test/report/sample.sql
\set ECHO all
SELECT jsonb_pretty(((flitmig_report('fixture', 'jsonb')::jsonb #- '{summary,reported}') #- '{summary,created}') - '{audit,files,runs,findings}'::text[]);

-- The page carries everything with it, and nothing of a patient.
SELECT html LIKE '<!DOCTYPE html>%</html>_' AS whole, html ~* '(src|href)=|<script|@import|url\(' AS fetches, html LIKE '%Miller%' OR html LIKE '%Example.com%' AS value_of_a_patient
FROM flitmig_report('fixture') AS html;

-- Values come only when asked for, and then as text.
INSERT INTO flitmig.conflict (migration_id, id, object, object_map_id, field, run_id, kind, base_value, source_value, target_value)
	SELECT 900, id, 'person', 900, 'name.lastName', 900, 'both', '"a"', '"b"', '"<script>alert(1)</script>"' FROM flitmig.record WHERE migration_id = 900 AND sequence = 1;
SELECT html LIKE '%alert(1)%' AS quoted, html LIKE '%<script>%' AS as_html
FROM unnest(ARRAY[flitmig_report('fixture'), flitmig_report('fixture', with_values => true)]) AS html;

SELECT line FROM regexp_split_to_table(flitmig_report('fixture', 'markdown'), '\n') AS line WHERE line LIKE '|%patient%' OR line LIKE '## C%';
SELECT jsonb_pretty(flitmig_automations('fixture') -> 'automations');
SELECT flitmig_report('fixture', 'pdf');
ROLLBACK;
