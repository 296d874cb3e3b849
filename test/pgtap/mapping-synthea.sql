-- Synthea's export of 27 patients, when the environment says where it lies: SYNTHEA_CSV=/path/of/csv (https://github.com/OHDSI/dbt-synthea, seeds/synthea).
\set ON_ERROR_STOP 1
\set QUIET 1
\pset format unaligned
\pset tuples_only 1
SET client_min_messages = warning;
\set dir `echo "$SYNTHEA_CSV"`
SELECT :'dir' <> '' AS present \gset
CREATE EXTENSION IF NOT EXISTS pgtap;
\if :present
CREATE EXTENSION IF NOT EXISTS flitmig CASCADE;
BEGIN;
SET LOCAL search_path = public, pg_catalog;
SELECT plan(8);
CREATE SERVER map_synthea FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');
SELECT flitmig_create('synthea_test', 'map_synthea', profile => 'synthea', time_zone => 'America/New_York') \g /dev/null
SELECT set_config('test.migration', id::text, true) FROM flitmig.migration WHERE name = 'synthea_test' \g /dev/null
CREATE FUNCTION pg_temp.mig() RETURNS integer LANGUAGE sql STABLE AS $$ SELECT current_setting('test.migration')::integer $$;
SELECT count(*) FROM flitmig_import('synthea_test', :'dir') \g /dev/null
SELECT matches(flitmig_confirm('synthea_test'), '^[0-9a-f]{64}$', 'the profile knows the export');
SELECT is((SELECT string_agg(object || '.' || "column", ', ') FROM flitmig_audit('synthea_test') WHERE code = 'UNMAPPED_COLUMN'), NULL, 'every column of the mapped files is mapped or dropped by name');
\ir ../fixtures/live-1.17.sql
\ir ../fixtures/live-prepare.sql
SELECT flitmig._map(pg_temp.mig()) \g /dev/null
SELECT set_eq($$SELECT o.name, count(*)::integer FROM flitmig.record r JOIN flitmig.object_map o ON o.id = r.object_map_id WHERE r.migration_id = pg_temp.mig() AND r.state = 'mapped' GROUP BY 1$$,
	$$VALUES ('organization', 63), ('payer', 9), ('provider', 166), ('patient', 27), ('encounter', 604), ('encounter_patient', 604), ('claim', 1267), ('care_plan', 49), ('care_plan_item', 2), ('lab_result', 251)$$, 'records of every map');
SELECT is_empty('SELECT severity, code, object, column_name FROM flitmig.finding WHERE migration_id = pg_temp.mig() AND step = ''map''', 'every reference is resolved, every value is read');
SELECT is((SELECT count(*) FROM flitmig.record WHERE migration_id = pg_temp.mig() AND state = 'excluded'), 0::bigint, 'nothing is excluded');
SELECT is((SELECT count(*) FROM flitmig.record WHERE migration_id = pg_temp.mig() AND object = 'task' AND payload ?& '{patientId,providerId,dueAt,durationMinutes,createdAt}'), 604::bigint, 'appointments have patient, provider, time and duration');
SELECT is((SELECT count(*) FROM flitmig.record WHERE migration_id = pg_temp.mig() AND object = 'billingClaim' AND payload ? 'amountBilled'), 1267::bigint, 'claims have amounts from their transactions');
SELECT is((SELECT sum((payload#>>'{amountBilled,amountMicros}')::numeric) / 1000000 FROM flitmig.record WHERE migration_id = pg_temp.mig() AND object = 'billingClaim'),
	(SELECT sum(amount::numeric) FROM synthea_test_staging.claims_transactions WHERE type = 'CHARGE'), 'no cent is lost');
SELECT * FROM finish();
ROLLBACK;
\else
SELECT plan(1);
SELECT skip('SYNTHEA_CSV is not set', 1);
SELECT * FROM finish();
\endif
