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
SELECT html LIKE '<!DOCTYPE html>%</html>_' AS whole, html ~* '(src=|href="[^#])|<script|@import|url\(' AS fetches, html LIKE '%Miller%' OR html LIKE '%Example.com%' AS value_of_a_patient
FROM flitmig_report('fixture') AS html;

-- Values come only when asked for, and then as text.
INSERT INTO flitmig.conflict (migration_id, id, object, object_map_id, field, run_id, kind, base_value, source_value, target_value)
	SELECT 900, id, 'person', 900, 'name.lastName', 900, 'both', '"a"', '"b"', '"<script>alert(1)</script>"' FROM flitmig.record WHERE migration_id = 900 AND sequence = 1;
SELECT html LIKE '%alert(1)%' AS quoted, html LIKE '%<script>%' AS as_html
FROM unnest(ARRAY[flitmig_report('fixture'), flitmig_report('fixture', with_values => true)]) AS html;

SELECT line FROM regexp_split_to_table(flitmig_report('fixture', 'markdown'), '\n') AS line WHERE line LIKE '|%patient%' OR line LIKE '## C%';
-- The three forms say the same: answer, points, sections.
SELECT html LIKE '%' || flitmig._report_escape(split_part(doc #>> '{summary,answer}', '. ', 2)) || '%' AS answer_in_html, strpos(md, doc #>> '{summary,answer}') > 0 AS in_markdown,
	(SELECT bool_and(strpos(html, 'href="#' || (t->>'section') || '"') > 0 AND strpos(md, t->>'how') > 0 AND strpos(html, flitmig._report_escape(t->>'how')) > 0) FROM jsonb_array_elements(doc #> '{summary,todo}') t) AS points,
	(SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(doc - 'summary') k) = (SELECT array_agg(m[1] ORDER BY m[1]) FROM regexp_matches(html, '<section class="card[^>]* id="([a-z]+)"', 'g') m WHERE m[1] <> 'summary') AS sections,
	(SELECT count(*) FROM regexp_matches(md, '^## ', 'gn')) = (SELECT count(*) FROM jsonb_object_keys(doc - 'summary')) + 1 AS headings
FROM flitmig_report('fixture') html, flitmig_report('fixture', 'markdown') md, LATERAL (SELECT flitmig_report('fixture', 'jsonb')::jsonb AS doc) d;
-- Is it all there?
SELECT flitmig._report_answer(v, 10, 8, 1, w, d) FROM (VALUES ('complete', 0, 0), ('complete, with open points', 1, 0), ('incomplete', 0, 1), ('stopped', 0, 2), ('not moved yet', 0, 9), ('taken back', 0, 9)) AS x(v, w, d);
SELECT jsonb_pretty(flitmig_automations('fixture') -> 'automations');
SELECT flitmig_report('fixture', 'pdf');
ROLLBACK;
