-- At night one mistypes: every mistake names what was wrong and the SQL to type next.
\set SHOW_CONTEXT never
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'http://127.0.0.1:1');
SELECT flitmig_help();
CREATE USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (api_key_file '/no/such/key');
SELECT flitmig_create(NULL, 'crm');
SELECT flitmig_create('Clinic One', 'crm');
SELECT flitmig_create('cl''i"nic', 'crm');
SELECT flitmig_create(repeat('x', 70), 'crm');
SELECT flitmig_create('pg_clinic', 'crm');
SELECT flitmig_create('clinic', 'crn');
SELECT flitmig_create('clinic', 'crm', profile => 'jane ');
SELECT flitmig_create('clinic', 'crm', time_zone => 'America/NewYork');
SELECT flitmig_create('clinic', 'crm', country => 'USA');
SELECT flitmig_create('clinic', 'crm', default_owner => 'nobody');
SELECT flitmig_create('clinic', 'crm');
SELECT flitmig_create('clinic', 'crm');

-- The key's file is not there. (A slow machine has time to tell how far it is.)
SET client_min_messages = warning;
SELECT * FROM flitmig_preflight('clinic');
RESET client_min_messages;

-- Too early.
SELECT count(*) FROM flitmig_audit('clinic');
SELECT count(*) FROM flitmig_owners('clinic');
SELECT flitmig_confirm('clinic');
SELECT * FROM flitmig_propose('clinic');
SELECT * FROM flitmig_diff('clinic');
SELECT * FROM flitmig_export('clinic', 'person');
SELECT flitmig_sign_off('clinic', 'too early');

-- Nobody's name. A chain of nobody's entries is not an unbroken one.
SELECT * FROM flitmig_import('clinik', '/srv/export');
SELECT * FROM flitmig_audit_verify('clinik');
SELECT * FROM flitmig_audit_verify('clinic');
SELECT * FROM flitmig_status('clinik');
SELECT flitmig_report('clinic', 'pdf');
SELECT flitmig_grant('no_such_role', 'viewer');
SELECT flitmig.invite_list('clinic', 'pdf');

-- A progress line says what is done and counts that work.
INSERT INTO flitmig.run (id, migration_id, kind, state, started_at, done, total)
	SELECT 1000000, id, 'rollback', 'running', clock_timestamp(), 40, 40 FROM flitmig.migration;
INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, state, ids)
	SELECT 1000000, m.id, v.phase, v.kind, v.state, ARRAY[md5(v.n::text)::uuid]
	FROM flitmig.migration m, (VALUES ('late', 'read', 'done', 1), ('late', 'read', 'open', 2), ('late', 'read', 'planned', 3), ('late', 'read', 'planned', 4), ('count', 'schema', 'planned', 5),
		('upload:document', 'upload', 'done', 6), ('upload:document', 'upload', 'planned', 6), ('upload:document', 'upload', 'done', 7)) v(phase, kind, state, n);
SELECT p AS phase, flitmig._progress_line(r) AS line
FROM unnest(ARRAY['wait', 'look', 'late', 'count', 'upload:document', 'unschema', 'introspect']) WITH ORDINALITY AS x(p, n),
	LATERAL (SELECT jsonb_populate_record(r, jsonb_build_object('phase', p)) AS r FROM flitmig.run r WHERE r.id = 1000000) y(r)
ORDER BY n;
SELECT p AS phase, regexp_replace(flitmig._progress_line(r), '[0-9.]+/s  ETA .*', '#/s  ETA #') AS line
FROM unnest(ARRAY['create:care_plan_note_patient', 'destroy:care_plan_note_patient', 'destroy:']) AS x(p),
	LATERAL (SELECT jsonb_populate_record(r, jsonb_build_object('phase', p, 'done', 30, 'ends_at', clock_timestamp() + interval '1 hour')) AS r FROM flitmig.run r WHERE r.id = 1000000) y(r);
-- Each phase of each kind of run has words of its own.
INSERT INTO flitmig.run (migration_id, kind) SELECT m.id, k FROM flitmig.migration m, unnest(ARRAY['prepare', 'sample', 'run', 'rollback', 'read']) k;
SELECT r.kind, p AS phase FROM flitmig.run r, LATERAL (SELECT unnest(flitmig._phases(r.id)) AS p) x WHERE flitmig._phase_words(p) = p;

-- A table in a terminal of 100 columns; what is to be pasted stays whole.
SELECT flitmig._wrap('SELECT * FROM flitmig_owners(''clinic'');  lists whom to invite in Twenty.', 40);
SELECT flitmig._wrap('create field: SELECT, options ANNUAL_PHYSICAL BREAK CHIROPRACTIC_ADJUSTMENT FOLLOW_UP', 36);
SELECT flitmig._wrap('short', 36), flitmig._wrap(NULL, 36);
-- A name that is too long is broken where its parts meet; a statement that is too long between its words.
SELECT flitmig._wrap(n, 12) FROM unnest(ARRAY['care_plan_note_patient', 'workspaceMember', 'katherine.oneil@lakeside-clinic.test', 'abcdefghijklmnopqrstuvwxyz', E'one\n\ntwo']) n;
SELECT flitmig._wrap('Then: SELECT flitmig_confirm(''a clinic of a long name''); and go on', 30);

DELETE FROM flitmig.run;
SET client_min_messages = warning;
SELECT flitmig_drop('clinic');
DROP SERVER crm CASCADE;
