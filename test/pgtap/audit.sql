-- Every code of a finding: in the reference, and yielded by some export that is broken in just that way.
\ir setup.psql
SELECT plan(23);

-- The codes in the sources: what the C of the import gives, what SQL inserts beside its step and severity, what the profiles' rules say.
\set in_c `grep -ohE '"(info|warning|error)", "[A-Z_]+"|code = "[A-Z_]+"|reject\(d, "[A-Z_]+"' src/source/*.c | grep -oE '"[A-Z_]{4,}"' | tr -d '"' | sort -u | tr '\n' ' '`
\set in_sql `cat src/*/*.sql | grep -oE "'(import|map|audit|owners|preflight|plan|prepare|run|rollback)', *(CASE[^']*('[^']*'[^']*)*END|[a-z]\.severity|'(info|warning|error)'), *('[A-Z_]+'|CASE WHEN.*)|'(value|reference)', (true|false), '(info|warning|error)', '[A-Z_]+'" | grep -oE "'[A-Z]+(_[A-Z]+)+'" | tr -d "'" | sort -u | tr '\n' ' '`
\set in_profiles `grep -ohE '"code": *"[A-Z_]+"' src/mapping/profiles/*.json | grep -oE '"[A-Z_]+"' | tr -d '"' | sort -u | tr '\n' ' '`
CREATE TEMP TABLE in_source AS SELECT DISTINCT c AS code FROM regexp_split_to_table(btrim(:'in_c' || :'in_sql' || :'in_profiles'), '\s+') c;
SELECT cmp_ok((SELECT count(*) FROM in_source), '>=', 55::bigint, 'the sources were read');
SELECT is((SELECT string_agg(code, ' ' ORDER BY code) FROM in_source WHERE code NOT IN (SELECT code FROM flitmig.finding_code)), NULL, 'every code in the sources is in the reference');
SELECT is((SELECT string_agg(code, ' ' ORDER BY code) FROM flitmig.finding_code WHERE step <> 'run' AND code NOT IN (SELECT code FROM in_source)), NULL, 'every code of the reference is in the sources');
SELECT is_empty($$SELECT code FROM flitmig.finding_code GROUP BY code HAVING count(*) > 1 OR min(meaning) = '' OR min(what_to_do) = ''$$, 'each once, with a meaning and what to do');

-- Exports that are broken in every way.
\set dir `mktemp -d "${TMPDIR:-/tmp}/flitmig-codes.XXXXXX"`
\setenv DIR :dir
\! bash test/fixtures/broken-exports.sh "$DIR"

CREATE SERVER codes FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');
CREATE TEMP TABLE had AS SELECT code, severity, message, places FROM flitmig.finding LIMIT 0;
CREATE FUNCTION pg_temp.go(migration text, profile text, path text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM flitmig_create(migration, 'codes', profile => profile, time_zone => 'UTC', date_order => 'YMD', default_owner => 'front@example.com');
	PERFORM flitmig_import(migration, path);
	PERFORM flitmig_audit(migration);
	INSERT INTO had SELECT f.code, f.severity, f.message, f.places FROM flitmig.finding f JOIN flitmig.migration m ON m.id = f.migration_id WHERE m.name = migration;
END $$;
SELECT pg_temp.go('odd', 'generic', :'dir' || '/odd'), pg_temp.go('dental', 'opendental', :'dir' || '/dental'), pg_temp.go('fhir', 'fhir-r4', :'dir' || '/fhir'),
	pg_temp.go('synthea', 'synthea', :'dir' || '/synthea'), pg_temp.go('broken', 'generic', :'dir' || '/broken') \g /dev/null
\set vendors `pwd`/test/data/
SELECT pg_temp.go(v, v, :'vendors' || 'vendors/' || v) FROM unnest('{cliniko,jane,simplepractice,opendental}'::text[]) v \g /dev/null
SELECT pg_temp.go('fhir_whole', 'fhir-r4', :'vendors' || 'fhir') \g /dev/null

-- A clinic, audited and then mapped against a Twenty that lacks a field.
SELECT pg_temp.go('clinic', 'generic', :'dir' || '/clinic') \g /dev/null
SELECT set_config('test.migration', id::text, true) FROM flitmig.migration WHERE name = 'clinic' \g /dev/null
CREATE FUNCTION pg_temp.mig() RETURNS integer LANGUAGE sql STABLE AS $$ SELECT current_setting('test.migration')::integer $$;
SELECT set_eq($$SELECT DISTINCT object, column_name, count, places FROM flitmig.finding WHERE migration_id = pg_temp.mig() AND code = 'UNRESOLVED_REFERENCE' AND object IN ('patient')$$,
	$$VALUES ('patient', 'primary_provider_id', 1::bigint, '{patients.csv:6}'::text[])$$, 'what rows point at is looked for before anything is mapped; excluded rows do not count');
\ir ../fixtures/live-2.19.sql
UPDATE flitmig.migration SET options = '{"owner_aliases": {"Ann Lee": "ann@example.com", " ann  lee ": "lee@example.com"}}' WHERE id = pg_temp.mig();
UPDATE flitmig.object_map SET source = source || ' CROSS JOIN generate_series(1, 2) twice' WHERE migration_id = pg_temp.mig() AND name = 'provider';
SELECT flitmig_confirm('clinic') \g /dev/null
\ir ../fixtures/live-prepare.sql
INSERT INTO flitmig.live_member VALUES (pg_temp.mig(), '00000000-0000-4000-8000-000000000001', 'ann@example.com', 'Somebody', 'Else');
UPDATE flitmig.live_field SET is_unique = true WHERE migration_id = pg_temp.mig() AND object = 'person' AND name = 'medicalRecordNumber';
DELETE FROM flitmig.live_field WHERE migration_id = pg_temp.mig() AND object = 'person' AND name = 'dateOfBirth';
SELECT flitmig._map(pg_temp.mig()) \g /dev/null
INSERT INTO had SELECT f.code, f.severity, f.message, f.places FROM flitmig.finding f WHERE f.migration_id = pg_temp.mig();
-- A cycle, and a field that somebody else uses when it is about to be taken back.
INSERT INTO flitmig.field_map (object_map_id, position, field, kind, expression, reference)
SELECT o.id, 900, 'someVisit', 'relation', 's.patient_id', 'appointment' FROM flitmig.object_map o WHERE o.migration_id = pg_temp.mig() AND o.name = 'patient';
SELECT flitmig._order(pg_temp.mig()) \g /dev/null
INSERT INTO had SELECT f.code, f.severity, f.message, f.places FROM flitmig.finding f WHERE f.migration_id = pg_temp.mig() AND f.code = 'REFERENCE_CYCLE';
INSERT INTO flitmig.run (migration_id, kind) VALUES (pg_temp.mig(), 'rollback') RETURNING id AS run \gset
INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, purpose, object, detail)
VALUES (:run, pg_temp.mig(), 'count', 'schema', 'count', 'person', '{"object": "person", "field": "npi", "undo": 1}') RETURNING id AS batch \gset
SELECT flitmig._counted_schema(b, '{"data": {"people": {"totalCount": 1}}}') FROM flitmig.batch b WHERE b.id = :batch \g /dev/null
INSERT INTO had SELECT f.code, f.severity, f.message, f.places FROM flitmig.finding f WHERE f.migration_id = pg_temp.mig() AND f.code = 'SCHEMA_KEPT';

-- Rows of more than 1 GB, and what a directory or workbook does not give, have t/018; what a run finds is yielded by t/110, 115 and 130, which have a server.
SELECT is((SELECT string_agg(code, ' ' ORDER BY code) FROM flitmig.finding_code WHERE code NOT IN ('ROW_TOO_LONG', 'GONE_ROWS', 'GONE_TOO_MANY', 'NOT_READ', 'DAMAGED_SHEET', 'FORMULA_WITHOUT_VALUE', 'CELL_COMMENTS', 'MERGED_CELLS', 'REPEATED_CELL') AND step <> 'run' AND code NOT IN (SELECT code FROM had)), NULL, 'each code is yielded by an export that is broken in its way');
SELECT is((SELECT string_agg(DISTINCT h.severity || ' ' || h.code, ', ') FROM had h JOIN flitmig.finding_code c ON c.code = h.code WHERE h.severity <> ALL (string_to_array(c.severity, ', '))), NULL, 'with the severity that the reference gives');
SELECT is_empty($$SELECT message FROM had WHERE message ~ 'Ashe|example\.com|555|Nameless|not a day'$$, 'no finding holds a value');
SELECT is_empty($$SELECT p FROM had, unnest(places) p WHERE p !~ '(:[0-9]+|\.[a-z]+|![A-Za-z]+)$'$$, 'places are files and lines');

SELECT isnt_empty($$SELECT FROM flitmig_audit('clinic') WHERE hint ~ '\.csv line [0-9]+(, [0-9]+)*$'$$, 'flitmig_audit says where the first ones are');
SELECT is(flitmig._places_in_words('{a.csv:9,a.csv:12,b: c.csv:3,d.pdf}'), E'a.csv line 9, 12\nb: c.csv line 3\nd.pdf', 'each file once');

-- Owners: aliases that differ in case and blanks are one; if they mean two people, nobody.
SELECT is((SELECT string_agg(concat_ws(' ', value, email, people), '; ') FROM flitmig._owner_aliases(pg_temp.mig())), 'ann lee ann@example.com 2', 'folded, and seen to be two people');
UPDATE flitmig.migration SET options = '{"owner_aliases": {"Ann Lee": "Ann@example.com", " ann  lee ": "ann@example.com"}}' WHERE id = pg_temp.mig();
SELECT is((SELECT string_agg(concat_ws(' ', name, member, status, invite::text), '; ') FROM flitmig_owners('clinic') WHERE records > 0), 'Somebody Else ann@example.com alias false', 'two spellings of one person are one alias');
-- The invite list, as CSV and as text.
UPDATE flitmig.migration SET options = '{"owner_aliases": {"ann lee": "lee@example.com"}}' WHERE id = pg_temp.mig();
SELECT results_eq($$SELECT * FROM flitmig.invite_list('clinic')$$, $$VALUES ('email,name,records'), ('lee@example.com,ann lee,2')$$, 'whom to invite, as CSV');
SELECT is((SELECT string_agg(l, E'\n') FROM flitmig.invite_list('clinic', 'text') l), 'Staff of clinic to invite in Twenty (Settings > Members):
  ann lee <lee@example.com>  (2 records)
Until then their records belong to front@example.com.', 'and as text');
UPDATE flitmig.migration SET options = '{}', default_owner = NULL WHERE id = pg_temp.mig();
SELECT is((SELECT string_agg(l, E'\n') FROM flitmig.invite_list('clinic', 'text') l), 'Staff of clinic to invite in Twenty (Settings > Members):
  nobody: all who have an e-mail address are members
Without an e-mail address in the export; name theirs in the option owner_aliases:
  ann lee  (2 record(s))
Until then their records have no owner.', 'who has no e-mail address needs an alias');
SELECT throws_ok($$SELECT flitmig.invite_list('clinic', 'pdf')$$, '22023', 'unknown format of an invite list: "pdf"', 'other formats there are not');

-- What a rule finds can be left out by what its finding says to type.
SELECT pg_temp.go('left_out', 'generic', :'dir' || '/clinic') \g /dev/null
SELECT set_config('test.migration', id::text, true) FROM flitmig.migration WHERE name = 'left_out' \g /dev/null
SELECT isnt_empty($$SELECT FROM flitmig.finding WHERE migration_id = pg_temp.mig() AND code = 'STALE_PATIENT' AND hint LIKE '%SELECT flitmig.exclude(''left\_out'', ''STALE_PATIENT'');'$$, 'a finding says how to leave its rows out');
SELECT isnt_empty($$SELECT FROM flitmig_audit('left_out') WHERE code = 'DELETED_ROW' AND replace(hint, E'\n', ' ') LIKE 'Nothing to do: patients deleted in the source%'$$, 'and where nothing is to be done, what it is');
SELECT results_eq($$SELECT * FROM flitmig.exclude('left_out', 'STALE_PATIENT')$$, $$VALUES ('patient', 'patients without activity in the two years before the export')$$, 'done');
SELECT is_empty($$SELECT * FROM flitmig.exclude('left_out', 'STALE_PATIENT')$$, 'once');
SELECT throws_ok($$SELECT * FROM flitmig.exclude('left_out', 'STALE')$$, '42704', 'profile "generic" has no audit rule "STALE"', 'a code that no rule has');
\ir ../fixtures/live-2.19.sql
SELECT flitmig_confirm('left_out') \g /dev/null
\ir ../fixtures/live-prepare.sql
SELECT flitmig._map(pg_temp.mig()) \g /dev/null
SELECT results_eq($$SELECT count(*), bool_and(state = 'excluded') FROM flitmig.record WHERE migration_id = pg_temp.mig() AND object_map_id = (SELECT id FROM flitmig.object_map WHERE migration_id = pg_temp.mig() AND name = 'patient') AND reason = 'patients without activity in the two years before the export'$$,
	$$SELECT f.count, true FROM flitmig.finding f WHERE f.migration_id = pg_temp.mig() AND f.code = 'STALE_PATIENT'$$, 'and mapping excludes them, as many as were found');
\! rm -rf "$DIR"
SELECT * FROM finish();
ROLLBACK;
