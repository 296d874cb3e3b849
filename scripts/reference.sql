-- reference.sql: the reference of the README, made from the comments. "make reference" puts it there; test/pgtap/reference.sql compares.
-- Commands, views and tables, value functions, findings, settings: what starts with _ is the extension's own business.
\pset format unaligned
\pset tuples_only on
\pset footer off
BEGIN;
SET LOCAL search_path = pg_catalog;
SELECT flitmig.clean('the settings are known once the library is loaded') \g /dev/null

CREATE TEMP TABLE reference_object AS
	SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'flitmig'
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e';
CREATE FUNCTION pg_temp.prose(value text) RETURNS text LANGUAGE sql AS $$ SELECT replace(replace(value, '<', '&lt;'), 'timestamp with time zone', 'timestamptz') $$;
CREATE FUNCTION pg_temp.cell(value text) RETURNS text LANGUAGE sql AS $$ SELECT replace(replace(pg_temp.prose(value), '|', '\|'), E'\n', ' ') $$;
/* Arguments without the noise: name type, and the default where there is one. */
CREATE FUNCTION pg_temp.arguments(function oid) RETURNS text LANGUAGE sql AS
$$ SELECT replace(replace(regexp_replace(pg_get_function_arguments(function), '::[a-z ]+(\[\])?', '', 'g'), ' DEFAULT ', ' => '), 'NULL => ', '') $$;
CREATE TEMP VIEW reference_function AS
	SELECT p.oid, n.nspname, p.proname, pg_temp.arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result, obj_description(p.oid, 'pg_proc') AS comment
	FROM reference_object r JOIN pg_proc p ON r.classid = 'pg_proc'::regclass AND p.oid = r.objid JOIN pg_namespace n ON n.oid = p.pronamespace
	WHERE p.proname !~ '^_' AND p.prorettype <> 'trigger'::regtype AND p.proname NOT LIKE '%\_handler' AND p.proname NOT LIKE '%\_validator';
CREATE TEMP VIEW reference_relation AS
	SELECT c.oid, c.relname, c.relkind, obj_description(c.oid, 'pg_class') AS comment
	FROM reference_object r JOIN pg_class c ON r.classid = 'pg_class'::regclass AND c.oid = r.objid WHERE c.relkind IN ('r', 'v');

SELECT '### Commands' || E'\n\nIn the schema in which the extension was created. `\\df+ flitmig_*` shows the same in psql.\n';
SELECT format(E'**`%s(%s)`** → %s<br>\n%s.\n', f.proname, f.arguments,
		pg_temp.prose(CASE WHEN f.result LIKE 'TABLE(%' THEN 'rows of ' || substr(f.result, 7, length(f.result) - 7) WHEN f.result = 'void' THEN 'nothing' ELSE replace(f.result, 'SETOF ', 'rows of ') END), pg_temp.prose(f.comment))
FROM reference_function f WHERE f.proname LIKE 'flitmig\_%' ORDER BY f.proname COLLATE "C", f.arguments COLLATE "C";

SELECT '### Views and tables' || E'\n\nIn schema `flitmig`. `\\d+ flitmig.*` shows the same in psql.\n';
SELECT format(E'<details><summary><b>flitmig.%s</b>%s: %s</summary>\n\n| column | type | holds |\n|---|---|---|\n%s\n\n</details>\n', r.relname, CASE r.relkind WHEN 'v' THEN ' (view)' ELSE '' END, pg_temp.prose(r.comment),
		(SELECT string_agg(format('| `%s` | %s | %s |', a.attname, pg_temp.prose(format_type(a.atttypid, a.atttypmod)), pg_temp.cell(col_description(r.oid, a.attnum))), E'\n' ORDER BY a.attnum)
		 FROM pg_attribute a WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped))
FROM reference_relation r ORDER BY r.relkind DESC, r.relname COLLATE "C";

SELECT '### Functions for mappings, and other helpers' || E'\n\nIn schema `flitmig`: what the expressions of a mapping are made of.\n\n| function | gives |\n|---|---|';
SELECT format('| `%s(%s)` → %s | %s |', f.proname, pg_temp.cell(f.arguments), CASE WHEN f.result LIKE 'TABLE(%' OR f.result = 'record' THEN 'rows' ELSE pg_temp.prose(f.result) END, pg_temp.cell(f.comment))
FROM reference_function f WHERE f.proname NOT LIKE 'flitmig\_%' ORDER BY f.proname COLLATE "C", f.arguments COLLATE "C";

SELECT E'\n### Findings\n\nThe codes of `flitmig.finding`, as in `flitmig.finding_code`.\n\n| code | severity | step | means | do |\n|---|---|---|---|---|';
SELECT format('| `%s` | %s | %s | %s | %s |', c.code, c.severity, c.step, pg_temp.cell(c.meaning), pg_temp.cell(c.what_to_do)) FROM flitmig.finding_code c ORDER BY c.code COLLATE "C";

SELECT E'\n### Settings\n\nFor a session, a role or the server (`SET`, `ALTER ROLE … SET`, `postgresql.conf`).\n\n| setting | default | does |\n|---|---|---|';
SELECT format('| `%s` | %s%s | %s |', s.name, s.boot_val, coalesce(' ' || s.unit, ''), pg_temp.cell(concat_ws(' ', s.short_desc, s.extra_desc))) FROM pg_settings s WHERE s.name LIKE 'flitmig.%' ORDER BY s.name COLLATE "C";
ROLLBACK;
