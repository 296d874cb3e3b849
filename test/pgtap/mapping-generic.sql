-- The generic profile on a generated clinic: what the manifest expects is what is mapped, and a later export changes what it lists.
\set ON_ERROR_STOP 1
\set QUIET 1
\pset format unaligned
\pset tuples_only 1
SET client_min_messages = warning;
\set dir `mktemp -d "${TMPDIR:-/tmp}/flitmig-clinic.XXXXXX"`
\setenv CLINIC_DIR :dir
\! chmod 755 "$CLINIC_DIR" && test/clinic/generate --out "$CLINIC_DIR/first" --patients 300 --seed 7 >/dev/null && test/clinic/generate --out "$CLINIC_DIR/later" --patients 300 --seed 7 --delta >/dev/null && chmod -R a+rX "$CLINIC_DIR"
\set manifest `cat "$CLINIC_DIR/first.manifest.json"`
\set later_manifest `cat "$CLINIC_DIR/later.manifest.json"`
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS flitmig CASCADE;
BEGIN;
SET LOCAL search_path = public, pg_catalog;
SELECT plan(31);
CREATE TEMP TABLE manifest AS SELECT :'manifest'::jsonb AS doc, :'later_manifest'::jsonb AS later;

CREATE SERVER map_generic FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');
SELECT flitmig_create('generic_test', 'map_generic', time_zone => 'America/New_York') \g /dev/null
SELECT set_config('test.migration', id::text, true) FROM flitmig.migration WHERE name = 'generic_test' \g /dev/null
CREATE FUNCTION pg_temp.mig() RETURNS integer LANGUAGE sql STABLE AS $$ SELECT current_setting('test.migration')::integer $$;
CREATE FUNCTION pg_temp.mapped(VARIADIC maps text[]) RETURNS bigint LANGUAGE sql STABLE AS
$$ SELECT count(*) FROM flitmig.record r JOIN flitmig.object_map o ON o.id = r.object_map_id WHERE r.migration_id = pg_temp.mig() AND r.state = 'mapped' AND o.name = ANY (maps) $$;
CREATE FUNCTION pg_temp.expected(VARIADIC path text[]) RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT (doc #>> path)::bigint FROM manifest $$;
CREATE FUNCTION pg_temp.found(code text, object text) RETURNS bigint LANGUAGE sql STABLE AS
$$ SELECT coalesce(sum(f.count), 0)::bigint FROM flitmig.finding f WHERE f.migration_id = pg_temp.mig() AND f.code = $1 AND f.object = $2 $$;

SELECT count(*) FROM flitmig_import('generic_test', :'dir' || '/first') \g /dev/null
SELECT matches(flitmig_confirm('generic_test'), '^[0-9a-f]{64}$', 'the generated clinic is what the profile knows');
SELECT is((SELECT string_agg(severity || ' ' || code || ' ' || object, ', ') FROM flitmig_audit('generic_test') WHERE code LIKE 'UNMAPPED%'), NULL, 'every column is mapped or dropped by name, every value is known');
SELECT is(pg_temp.found('STALE_PATIENT', 'patients'), pg_temp.expected('patients', 'stale'), 'stale patients');
SELECT is(pg_temp.found('SHARED_EMAIL', 'patients'), pg_temp.expected('sharedEmails', 'patients'), 'patients who share an e-mail address');
SELECT is(pg_temp.found('BREAK', 'appointments'), (SELECT jsonb_array_length(doc#>'{lists,breaks}')::bigint FROM manifest), 'breaks');
SELECT is(pg_temp.found('ORPHAN', 'appointments') + pg_temp.found('ORPHAN', 'claims'), (SELECT jsonb_array_length(doc#>'{lists,orphanAppointments}') + jsonb_array_length(doc#>'{lists,orphanClaims}')::bigint FROM manifest), 'orphans');
SELECT is(pg_temp.found('BAD_PHONE', 'patients') >= 0 AND pg_temp.found('TEST_ROW', 'patients') = (SELECT jsonb_array_length(doc#>'{lists,testPatients}') FROM manifest), true, 'test patients');
SELECT is(pg_temp.found('UNREADABLE_VALUE', 'provider'), (SELECT jsonb_array_length(doc->'invalidNpis')::bigint FROM manifest), 'NPIs with a wrong check digit');

\ir ../fixtures/live-2.19.sql
\ir ../fixtures/live-prepare.sql
INSERT INTO flitmig.live_member SELECT pg_temp.mig(), md5(m)::uuid, m FROM manifest, jsonb_array_elements_text(doc->'members') m;
SELECT flitmig._map(pg_temp.mig()) \g /dev/null
SELECT is(pg_temp.mapped('patient'), pg_temp.expected('expected', 'patients'), 'patients');
SELECT is(pg_temp.mapped('provider'), pg_temp.expected('expected', 'providers'), 'providers');
SELECT is(pg_temp.mapped('location', 'payer'), pg_temp.expected('expected', 'companies'), 'companies');
SELECT is(pg_temp.mapped('appointment'), pg_temp.expected('expected', 'appointments'), 'appointments');
SELECT is(pg_temp.mapped('appointment_patient'), pg_temp.expected('expected', 'appointments'), 'and their links');
SELECT is(pg_temp.mapped('note'), pg_temp.expected('expected', 'notes'), 'notes');
SELECT is(pg_temp.mapped('note_patient'), pg_temp.expected('expected', 'notes'), 'and their links');
SELECT is(pg_temp.mapped('care_plan_note'), pg_temp.expected('expected', 'carePlanNarratives'), 'narratives of care plans');
SELECT is(pg_temp.mapped('lab_note'), pg_temp.expected('expected', 'labResultNarratives'), 'narratives of lab results');
SELECT is(pg_temp.mapped('claim'), pg_temp.expected('expected', 'billingClaims'), 'billing claims');
SELECT is(pg_temp.mapped('care_plan'), pg_temp.expected('expected', 'carePlans'), 'care plans');
SELECT is(pg_temp.mapped('care_plan_item'), pg_temp.expected('expected', 'carePlanItems'), 'items of care plans');
SELECT is(pg_temp.mapped('lab_result'), pg_temp.expected('expected', 'labResults'), 'lab results');
SELECT is(pg_temp.mapped('document'), pg_temp.expected('expected', 'documents'), 'documents');
SELECT is((SELECT count(*) FROM flitmig.record WHERE migration_id = pg_temp.mig() AND state = 'mapped' AND object = 'attachment' AND NOT payload ?& '{targetNoteId,targetPersonId,name,createdAt}'), 0::bigint, 'each on a note and on the patient');
SELECT is((SELECT count(*) FROM flitmig.record WHERE migration_id = pg_temp.mig() AND state = 'mapped' AND object = 'person' AND payload ? 'referringProviderId'), pg_temp.expected('patients', 'withReferringProviderId'), 'patients referred by a provider of the clinic');
SELECT is((SELECT count(*) FROM flitmig.record WHERE migration_id = pg_temp.mig() AND state = 'mapped' AND payload ? 'secondaryPolicyNumber'), pg_temp.expected('patients', 'withSecondaryInsurance'), 'patients with a second insurer');
SELECT is_empty('SELECT lower(payload#>>''{emails,primaryEmail}'') FROM flitmig.record WHERE migration_id = pg_temp.mig() AND state = ''mapped'' AND object = ''person'' AND payload#>>''{emails,primaryEmail}'' <> '''' GROUP BY 1 HAVING count(*) > 1', 'no e-mail address is primary twice');
SELECT is_empty('SELECT * FROM flitmig.map_count WHERE rows_read <> filtered + blank_keys + duplicate_keys + mapped + excluded', 'no row is lost');
SELECT is_empty('SELECT r.id FROM flitmig.record r, unnest(r.refs) t(id) WHERE r.migration_id = pg_temp.mig() AND r.state = ''mapped'' AND NOT EXISTS (SELECT FROM flitmig.record x WHERE x.migration_id = r.migration_id AND x.id = t.id AND x.state = ''mapped'')', 'what is mapped points at nothing that is not');

-- Two days later.
CREATE TEMP TABLE earlier AS SELECT id, state, hash FROM flitmig.record WHERE migration_id = pg_temp.mig();
SELECT count(*) FROM flitmig_import('generic_test', :'dir' || '/later') \g /dev/null
SELECT flitmig._map(pg_temp.mig()) \g /dev/null
CREATE TEMP VIEW moved AS
	SELECT o.name, r.source_key AS key, CASE WHEN e.id IS NULL THEN 'added' WHEN r.state = 'gone' THEN 'gone' ELSE 'changed' END AS what
	FROM flitmig.record r JOIN flitmig.object_map o ON o.id = r.object_map_id LEFT JOIN earlier e ON e.id = r.id
	WHERE r.migration_id = pg_temp.mig() AND (e.state, e.hash) IS DISTINCT FROM (r.state, r.hash);
SELECT set_eq($$SELECT name, key FROM moved WHERE what = 'added' AND name IN ('patient', 'appointment', 'note', 'claim', 'lab_result')$$,
	$$SELECT t.name, k FROM manifest, (VALUES ('patient', 'patients'), ('appointment', 'appointments'), ('note', 'notes'), ('claim', 'claims'), ('lab_result', 'lab_results')) t(name, entity), jsonb_array_elements_text(later#>ARRAY['delta', 'added', t.entity]) k$$, 'a later export adds what it lists');
SELECT set_eq($$SELECT name, key FROM moved WHERE what = 'gone' AND name IN ('patient', 'appointment', 'note', 'claim', 'lab_result', 'care_plan_item', 'document')$$,
	$$SELECT t.name, k FROM manifest, (VALUES ('patient', 'patients'), ('appointment', 'appointments'), ('note', 'notes'), ('claim', 'claims'), ('lab_result', 'lab_results'), ('care_plan_item', 'care_plan_items'), ('document', 'documents')) t(name, entity), jsonb_array_elements_text(later#>ARRAY['delta', 'gone', t.entity]) k$$, 'what is missing is gone');
SELECT is_empty($$SELECT k FROM manifest, jsonb_array_elements_text(later#>'{delta,changed,claims}') k WHERE NOT EXISTS (SELECT FROM moved WHERE name = 'claim' AND key = k)
	UNION ALL SELECT k FROM manifest, jsonb_array_elements_text(later#>'{delta,changed,lab_results}') k WHERE NOT EXISTS (SELECT FROM moved WHERE name = 'lab_result' AND key = k)$$, 'what changed is changed');
SELECT * FROM finish();
ROLLBACK;
\! rm -rf "$CLINIC_DIR"
