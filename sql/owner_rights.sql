-- A mapping is SQL that its owner wrote: it runs with the owner's rights, and nobody lends it more. What is changed by hand is audited.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
BEGIN;
CREATE ROLE flitmig_test_operator;
CREATE ROLE flitmig_test_member;
SELECT flitmig_grant('flitmig_test_operator', 'operator'), flitmig_grant('flitmig_test_member', 'operator') \g /dev/null
GRANT flitmig_test_operator TO flitmig_test_member;
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');
GRANT USAGE ON FOREIGN SERVER crm TO flitmig_test_operator;
CREATE TABLE as_whom (role name);
GRANT INSERT ON as_whom TO PUBLIC;

-- An operator's mapping writes down with whose rights it runs.
SET ROLE flitmig_test_operator;
SELECT flitmig_create('clinic', 'crm', time_zone => 'UTC', profile => 'generic');
CREATE SCHEMA trap;
GRANT USAGE ON SCHEMA trap TO PUBLIC;
CREATE FUNCTION trap.spring(value text) RETURNS text LANGUAGE sql AS $$ INSERT INTO public.as_whom VALUES (current_user); SELECT value $$;
CREATE TABLE clinic_staging.patients (_file integer NOT NULL, _line bigint NOT NULL, _hash bigint NOT NULL, patient_id text, first_name text, last_name text, account_owner_email text);
INSERT INTO clinic_staging.patients VALUES (900, 2, 1, '1', 'Ann', 'Ames', 'staff@example.com');
INSERT INTO flitmig.source_file (id, migration_id, path, name, staging_table, sha256, bytes, format, header, columns, rows_read, rows_loaded)
SELECT 900, m.id, '/p.csv', 'p.csv', 'patients', '\x00', 1, 'csv', '{Patient ID,First Name,Last Name}', '{patient_id,first_name,last_name,account_owner_email}', 1, 1 FROM flitmig.migration m;
UPDATE flitmig.field_map SET expression = 'trap.spring(' || expression || ')' WHERE field IN ('gender', 'accountOwner') AND object_map_id IN (SELECT id FROM flitmig.object_map WHERE name = 'patient');
UPDATE flitmig.object_map SET key = 'trap.spring(s.patient_id)' WHERE name = 'patient';
UPDATE flitmig.migration SET profile_doc = jsonb_set(profile_doc, '{automations}', '{"entity": "patients"}');
RESET ROLE;

-- Not as a superuser, not as a member who may have more rights.
CREATE FUNCTION pg_temp.said(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text;
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN SQLERRM || '  HINT: ' || hint;
END $$;
CREATE TEMP TABLE call AS SELECT * FROM unnest(ARRAY['SELECT * FROM flitmig_audit(''clinic'')', 'SELECT * FROM flitmig_owners(''clinic'')', 'SELECT flitmig.invite_list(''clinic'')',
	'SELECT flitmig_confirm(''clinic'')', 'SELECT * FROM flitmig_propose(''clinic'')', 'SELECT flitmig_automations(''clinic'')', 'SELECT * FROM flitmig_import(''clinic'', ''/nowhere'')',
	'SELECT * FROM flitmig.fhir_references(''clinic'')']) WITH ORDINALITY AS c(statement, n);
GRANT SELECT ON call TO PUBLIC;
SELECT pg_temp.said(statement) FROM call ORDER BY n;
SET ROLE flitmig_test_member;
SELECT DISTINCT pg_temp.said(statement) FROM call;
RESET ROLE;
SELECT count(*) AS sprung FROM as_whom;
SELECT flitmig_report('clinic', 'markdown') ~ 'Only the owner of the migration, role flitmig_test_operator' AS the_report_does_without;

-- As the owner it runs, as the owner.
SET ROLE flitmig_test_operator;
SELECT count(*) > 0 AS findings FROM flitmig_audit('clinic');
RESET ROLE;
SELECT DISTINCT role FROM as_whom;

-- A superuser's drop takes no schema that is not the owner's.
CREATE SCHEMA precious;
SET ROLE flitmig_test_operator;
UPDATE flitmig.migration SET staging_schema = 'precious';
RESET ROLE;
SELECT pg_temp.said('SELECT flitmig_drop(''clinic'')');

-- Changes by hand: each is in the audit, with who and what.
SET ROLE flitmig_test_operator;
UPDATE flitmig.migration SET staging_schema = 'clinic_staging';
UPDATE flitmig.migration SET options = '{"four_eyes": true, "owner_aliases": {"mike": "mike@example.com"}}';
UPDATE flitmig.migration SET options = options || '{"four_eyes": false}';
UPDATE flitmig.migration SET mapping_hash = 'abc', signed_hash = 'abc', signed_by = 'somebody else', signed_comment = 'all fine', signed_at = now(), signed_run = 1;
UPDATE flitmig.migration SET delta_until = '2099-01-01 00:00+00', delta_window = '100 years';
UPDATE flitmig.migration SET mapped_at = now();
SET ROLE flitmig_test_member;
UPDATE flitmig.migration SET owner = 'flitmig_test_member';
RESET ROLE;
SELECT event, detail FROM flitmig.audit WHERE migration = 'clinic' AND seq >= (SELECT max(seq) FROM flitmig.audit WHERE migration = 'clinic' AND event = 'create') ORDER BY seq;
SELECT count(*) AS broken FROM flitmig_audit_verify();
SELECT position('mike@' IN string_agg(detail::text, '')) AS e_mail, position('all fine' IN string_agg(detail::text, '')) AS comment FROM flitmig.audit;

-- Four eyes are counted in the audit, whose actors nobody can choose.
UPDATE flitmig.migration SET options = '{"four_eyes": true}', delta_until = NULL;
SELECT pg_temp.said('SELECT flitmig._require_signed(' || id || ')') FROM flitmig.migration WHERE name = 'clinic';
ROLLBACK;
