-- Every command as every role: an operator on its own migration, another operator, a viewer, a stranger. The list comes from the catalog.
\ir setup.psql
SET client_min_messages = error;
SELECT plan(7);
\o /dev/null
\i test/report/fixture.sql
\i test/report/sample.sql
INSERT INTO flitmig.live_field (migration_id, object, name, field_id, label, type) VALUES (900, 'person', 'name', gen_random_uuid(), 'Name', 'FULL_NAME');
CREATE ROLE test_operator;
CREATE ROLE test_other;
CREATE ROLE test_viewer;
CREATE ROLE test_stranger;
SELECT flitmig_grant('test_operator', 'operator'), flitmig_grant('test_other', 'operator'), flitmig_grant('test_viewer', 'viewer');
UPDATE flitmig.migration SET owner = 'test_operator' WHERE id = 900;
ALTER SCHEMA fixture_staging OWNER TO test_operator;
ALTER TABLE fixture_staging.patients OWNER TO test_operator;
ALTER TABLE fixture_staging.automations OWNER TO test_operator;
CREATE SERVER crm_roles FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');
GRANT USAGE ON FOREIGN SERVER crm_roles TO test_operator, test_other;
\o

-- What each command answers: 00000 done; 42501 may not; 25001 would begin (a call that changes Twenty refuses to inside a transaction, after the rights were looked at);
-- 42704 there is no such migration, for all that this role can see; others as said.
CREATE TEMP TABLE expected (command text, call text, operator text, other text, viewer text, stranger text);
INSERT INTO expected VALUES
	('flitmig_audit(text)', $$SELECT * FROM flitmig_audit('fixture')$$, '00000', '42704', '42501', '42501'),
	('flitmig_audit_verify(text)', $$SELECT * FROM flitmig_audit_verify('fixture')$$, '00000', '00000', '00000', '42501'),
	('flitmig_automations(text)', $$SELECT flitmig_automations('fixture')$$, '00000', '42704', '42501', '42501'),
	('flitmig_balance(text)', $$SELECT * FROM flitmig_balance('fixture')$$, '00000', '42704', '00000', '42501'),
	('flitmig_cancel(text)', $$SELECT flitmig_cancel('fixture')$$, '00000', '42704', '42501', '42501'),
	('flitmig_confirm(text)', $$SELECT flitmig_confirm('fixture')$$, '00000', '42704', '42501', '42501'),
	('flitmig_create(text,text,text,text,text,text,text,text)', $$SELECT flitmig_create('mine', 'crm_roles', time_zone => 'UTC')$$, '00000', '00000', '42501', '42501'),
	('flitmig_delta_window(text,interval)', $$SELECT flitmig_delta_window('fixture', '1 day')$$, '00000', '42704', '42501', '42501'),
	('flitmig_diff(text,bigint,boolean)', $$SELECT * FROM flitmig_diff('fixture')$$, '00000', '42704', '42501', '42501'),
	('flitmig_drop(text,boolean)', $$SELECT flitmig_drop('fixture', force => true)$$, '00000', '42704', '42501', '42501'),
	('flitmig_export(text,text)', $$SELECT * FROM flitmig_export('fixture', 'person')$$, '00000', '42704', '42501', '42501'),
	('flitmig_grant(name,text)', $$SELECT flitmig_grant('test_stranger', 'viewer')$$, '42501', '42501', '42501', '42501'),
	('flitmig_help(text)', $$SELECT flitmig_help('fixture')$$, '00000', '42704', '00000', '42501'),
	('flitmig_import(text,text,jsonb)', $$SELECT * FROM flitmig_import('fixture', '/nowhere')$$, '42501', '42501', '42501', '42501'),
	('flitmig_import(text,text,text)', $$SELECT * FROM flitmig_import('fixture', '/nowhere', '{}')$$, '42501', '42501', '42501', '42501'),
	('flitmig_import(text,text,oid,jsonb)', $$SELECT * FROM flitmig_import('fixture', 'a.csv', 0::oid)$$, '42704', '42704', '42501', '42501'),
	('flitmig_owners(text)', $$SELECT * FROM flitmig_owners('fixture')$$, '00000', '42704', '42501', '42501'),
	('flitmig_plan(text)', $$SELECT * FROM flitmig_plan('fixture')$$, '25001', '42704', '42501', '42501'),
	('flitmig_preflight(text)', $$SELECT * FROM flitmig_preflight('fixture')$$, '25001', '42704', '42501', '42501'),
	('flitmig_prepare(text)', $$SELECT * FROM flitmig_prepare('fixture')$$, '25001', '42704', '42501', '42501'),
	('flitmig_propose(text)', $$SELECT * FROM flitmig_propose('fixture')$$, '55000', '42704', '42501', '42501'),
	('flitmig_purge(text)', $$SELECT flitmig_purge('fixture')$$, '00000', '42704', '42501', '42501'),
	('flitmig_report(text,text,boolean)', $$SELECT flitmig_report('fixture')$$, '00000', '42704', '00000', '42501'),
	('flitmig_retry(text)', $$SELECT flitmig_retry('fixture')$$, '00000', '42704', '42501', '42501'),
	('flitmig_rollback(text,bigint,boolean,boolean)', $$SELECT * FROM flitmig_rollback('fixture')$$, '25001', '42704', '42501', '42501'),
	('flitmig_run(text,boolean)', $$SELECT * FROM flitmig_run('fixture')$$, '25001', '42704', '42501', '42501'),
	('flitmig_sample(text,integer)', $$SELECT * FROM flitmig_sample('fixture')$$, '25001', '42704', '42501', '42501'),
	('flitmig_sign_off(text,text)', $$SELECT flitmig_sign_off('fixture', 'seen')$$, '00000', '42704', '42501', '42501'),
	('flitmig_status(text)', $$SELECT * FROM flitmig_status('fixture')$$, '00000', '42704', '00000', '42501'),
	('flitmig.invite_list(text,text)', $$SELECT flitmig.invite_list('fixture')$$, '00000', '42704', '42501', '42501'),
	('flitmig.conflicts(text,integer)', $$SELECT * FROM flitmig.conflicts('fixture')$$, '00000', '42704', '42501', '42501'),
	('flitmig.exclude(text,text)', $$SELECT * FROM flitmig.exclude('fixture', 'TEST_ROW')$$, '42704', '42704', '42501', '42501'),
	('flitmig.propose_profile(text)', $$SELECT flitmig.propose_profile('fixture')$$, '55000', '42704', '42501', '42501'),
	('flitmig.side_by_side(text,bigint,boolean,integer)', $$SELECT * FROM flitmig.side_by_side('fixture')$$, '00000', '42704', '42501', '42501'),
	('flitmig.fhir_references(text)', $$SELECT * FROM flitmig.fhir_references('fixture')$$, '00000', '42704', '42501', '42501');

-- Runs it as the role, takes it back, and says how it went.
CREATE FUNCTION pg_temp.outcome(whose text, call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE state text := '00000';
BEGIN
	BEGIN
		EXECUTE format('SET LOCAL ROLE %I', whose);
		EXECUTE call;
		RAISE EXCEPTION 'took it back' USING ERRCODE = 'ZZ000';
	EXCEPTION WHEN OTHERS THEN
		state := CASE SQLSTATE WHEN 'ZZ000' THEN '00000' ELSE SQLSTATE END;
	END;
	RESET ROLE;
	RETURN state;
END $$;
CREATE TEMP VIEW public_function AS
	SELECT p.oid, p.oid::regprocedure::text AS command
	FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
	JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'flitmig'
	WHERE p.proname !~ '^_' AND p.proname !~ '_(handler|validator)$' AND p.prorettype <> 'trigger'::regtype;

-- What takes a migration is a command; what does not turns values into values.
SELECT is((SELECT string_agg(command, ' ' ORDER BY command) FROM public_function
		   WHERE (command ~ '^flitmig_' OR command ~ '^flitmig\.' AND 'migration' = ANY (COALESCE((SELECT proargnames FROM pg_proc p WHERE p.oid = public_function.oid), '{}'))) AND command NOT IN (SELECT e.command FROM expected e)),
	NULL, 'every command has its case here');
SELECT results_eq('SELECT command, pg_temp.outcome(''test_operator'', call) FROM expected ORDER BY 1', 'SELECT command, operator FROM expected ORDER BY 1', 'an operator, on its own migration');
SELECT results_eq('SELECT command, pg_temp.outcome(''test_other'', call) FROM expected ORDER BY 1', 'SELECT command, other FROM expected ORDER BY 1', 'another operator does not see it');
SELECT results_eq('SELECT command, pg_temp.outcome(''test_viewer'', call) FROM expected ORDER BY 1', 'SELECT command, viewer FROM expected ORDER BY 1', 'a viewer looks only');
SELECT results_eq('SELECT command, pg_temp.outcome(''test_stranger'', call) FROM expected ORDER BY 1', 'SELECT command, stranger FROM expected ORDER BY 1', 'a stranger may nothing');
SELECT is_empty($$SELECT command FROM public_function WHERE NOT has_function_privilege('test_operator', oid, 'EXECUTE') AND command <> 'flitmig_grant(name,text)' OR has_function_privilege('test_stranger', oid, 'EXECUTE')$$,
	'values: for operators, not for strangers');
SELECT is_empty($$SELECT command FROM public_function WHERE has_function_privilege('test_viewer', oid, 'EXECUTE') AND command NOT IN (SELECT e.command FROM expected e WHERE e.viewer = '00000')$$, 'nor for viewers');
SELECT * FROM finish();
ROLLBACK;
