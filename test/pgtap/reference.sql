-- The reference in the README is the one that the comments make.
\set ON_ERROR_STOP 1
\set QUIET 1
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS flitmig CASCADE;
\set generated_file `mktemp`
\setenv GENERATED :generated_file
\o :generated_file
\i scripts/reference.sql
\o
\pset format unaligned
\pset tuples_only on
\set differences `sed '1,/^<!-- reference: begin/d; /^<!-- reference: end/,$d' README.md | diff - "$GENERATED" | head -20; rm "$GENERATED"`
SELECT plan(2);
SELECT is(:'differences'::text, ''::text, 'the reference is what the comments say: make reference');
-- Whoever looks for a command finds it there.
\set readme `cat README.md`
SELECT is((SELECT string_agg(DISTINCT p.proname::text, ' ') FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
		   WHERE p.proname LIKE 'flitmig\_%' AND p.proname NOT LIKE '%\_handler' AND p.proname NOT LIKE '%\_validator' AND strpos(:'readme', '**`' || p.proname || '(') = 0), NULL, 'every command is in it');
SELECT * FROM finish();
