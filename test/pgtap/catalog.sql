-- What every object of the extension must have, so that nothing is forgotten.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS flitmig;
SELECT plan(18);

CREATE TEMP VIEW member AS
	SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
	WHERE e.extname = 'flitmig' AND d.deptype = 'e';
CREATE TEMP VIEW function AS
	SELECT p.* FROM member m JOIN pg_proc p ON p.oid = m.objid WHERE m.classid = 'pg_proc'::regclass;
CREATE TEMP VIEW relation AS
	SELECT c.* FROM member m JOIN pg_class c ON c.oid = m.objid WHERE m.classid = 'pg_class'::regclass AND c.relkind IN ('r', 'v', 'S');

-- Documentation
SELECT is_empty($$SELECT oid::regprocedure FROM function WHERE obj_description(oid, 'pg_proc') IS NULL$$, 'every function has a comment');
SELECT is_empty($$SELECT relname FROM relation WHERE relkind IN ('r', 'v') AND obj_description(oid, 'pg_class') IS NULL$$, 'every table and view has a comment');
SELECT is_empty($$SELECT r.relname, a.attname FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped WHERE r.relkind IN ('r', 'v') AND col_description(r.oid, a.attnum) IS NULL$$, 'every column has a comment');
SELECT is_empty($$SELECT oid::regprocedure FROM function WHERE proname LIKE 'flitmig\_%' AND pronamespace <> (SELECT extnamespace FROM pg_extension WHERE extname = 'flitmig')$$, 'commands live where the extension was installed');
SELECT is_empty($$SELECT oid::regprocedure FROM function WHERE proname NOT LIKE 'flitmig\_%' AND pronamespace <> 'flitmig'::regnamespace$$, 'everything else lives in schema flitmig');

-- Safety
SELECT is_empty($$SELECT oid::regprocedure FROM function WHERE prolang IN (SELECT oid FROM pg_language WHERE lanname = 'plpgsql') AND NOT proconfig @> '{"search_path=pg_catalog, pg_temp"}'$$, 'every plpgsql function fixes its search_path');
SELECT is_empty($$SELECT oid::regprocedure FROM function WHERE prosecdef$$, 'no function runs with its owner''s rights');
SELECT is_empty($$SELECT oid::regprocedure FROM function WHERE proacl IS NULL OR EXISTS (SELECT FROM aclexplode(proacl) a WHERE a.grantee = 0)$$, 'PUBLIC executes nothing');
SELECT is_empty($$SELECT relname FROM relation r, aclexplode(r.relacl) a WHERE a.grantee = 0$$, 'PUBLIC reads nothing');
SELECT is_empty($$SELECT nspname FROM pg_namespace n, aclexplode(n.nspacl) a WHERE nspname = 'flitmig' AND a.grantee = 0$$, 'PUBLIC does not enter the schema');
SELECT is_empty($$SELECT relname FROM relation WHERE relkind = 'r' AND NOT relrowsecurity AND relname NOT IN ('profile', 'role_right', 'server_limit', 'audit')$$, 'rows of every table belong to a migration''s owner');

-- Labels: a function promises no more than those that it calls (two write a name into SQL, they do not call).
CREATE TEMP VIEW call AS
	SELECT DISTINCT f.oid AS caller, f.provolatile, f.proparallel, m[1] AS callee FROM function f, regexp_matches(f.prosrc, '\m(?:flitmig|@extschema@)\.(\w+)\s*\(', 'g') m
	WHERE f.prolang IN (SELECT oid FROM pg_language WHERE lanname IN ('sql', 'plpgsql')) AND f.proname NOT IN ('_build_object', '_report_sections');
SELECT is_empty($$SELECT oid::regprocedure FROM function WHERE proparallel <> 'u' AND prosrc ~* '\mEXCEPTION\s+WHEN\M'$$, 'nothing begins a subtransaction in a parallel plan');
SELECT is_empty($$SELECT c.caller::regprocedure, c.callee FROM call c JOIN function f ON f.proname = c.callee
	WHERE c.proparallel = 's' GROUP BY 1, 2 HAVING bool_and(f.proparallel <> 's')$$, 'what is safe in a parallel plan calls nothing that is not');
SELECT is_empty($$SELECT c.caller::regprocedure, c.callee FROM call c JOIN function f ON f.proname = c.callee
	GROUP BY c.caller, c.callee, c.provolatile HAVING bool_and(array_position('{i,s,v}', f.provolatile::text) > array_position('{i,s,v}', c.provolatile::text))$$, 'nothing is more volatile than its caller says');

-- Backup
SELECT is_empty($$SELECT relname FROM relation WHERE relkind IN ('r', 'S') AND oid <> ALL (SELECT unnest(extconfig) FROM pg_extension WHERE extname = 'flitmig')$$, 'every table and sequence is dumped');
SELECT is(
	(SELECT extcondition[array_position(extconfig, 'flitmig.profile'::regclass::oid)] FROM pg_extension WHERE extname = 'flitmig'),
	'WHERE NOT builtin', 'profiles that ship are not dumped');

-- Viewers: what is listed exists, and what may hold a value is not shown.
SELECT is_empty($$SELECT v.table_name, h.name FROM flitmig._viewer_columns() v LEFT JOIN unnest(v.hidden) AS h(name) ON true
	WHERE to_regclass('flitmig.' || v.table_name) IS NULL
		OR h.name IS NOT NULL AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = to_regclass('flitmig.' || v.table_name) AND a.attname = h.name)$$,
	'tables and columns that viewers may or may not read exist');
SELECT is_empty($$SELECT v.table_name, a.attname FROM flitmig._viewer_columns() v JOIN pg_attribute a ON a.attrelid = to_regclass('flitmig.' || v.table_name)
	WHERE a.attname ~ '(payload|sent|stored|before|changes|_value|raw|top_values)$' AND a.atttypid IN ('jsonb'::regtype, 'bytea'::regtype) AND a.attname <> ALL (v.hidden)$$,
	'no document of a patient is open to viewers');
SELECT * FROM finish();
ROLLBACK;
