-- Sign-off: the full run stays closed until somebody looked at a sample of this very mapping.
\set SHOW_CONTEXT never
BEGIN;
\set ECHO none
\i test/report/fixture.sql
\set ECHO all
SAVEPOINT here;

-- No sample yet.
SELECT flitmig_sign_off('fixture', 'looks good');
ROLLBACK TO here;

-- After the sample it binds who, when, the mapping's hash and the run.
\set ECHO none
\i test/report/sample.sql
\set ECHO all
SAVEPOINT sampled;
-- It says what was looked at.
SELECT flitmig_sign_off('fixture');
ROLLBACK TO sampled;
SELECT flitmig_sign_off('fixture', E' \t ');
ROLLBACK TO sampled;
SELECT flitmig_sign_off('fixture', 'looked at all three');
SELECT signed_hash = mapping_hash AS open, signed_by = session_user AS by_me, signed_run, signed_comment FROM flitmig.migration WHERE name = 'fixture';
SELECT event, detail - 'ran_by' AS detail FROM flitmig.audit WHERE migration = 'fixture' AND event <> 'migration changed';

-- A sample that Twenty refused shows nothing.
INSERT INTO flitmig.sample_record (migration_id, id) SELECT migration_id, id FROM flitmig.record WHERE migration_id = 900 AND sequence IN (1, 5, 6, 7);
INSERT INTO flitmig.quarantine (migration_id, id, object, object_map_id, run_id, kind, code, reason)
SELECT 900, id, 'person', 900, 900, 'refused', 'BAD_USER_INPUT', 'A duplicate entry was detected' FROM flitmig.record WHERE migration_id = 900 AND sequence IN (5, 6, 7);
SELECT flitmig_sign_off('fixture', 'looked at the one that is there');
DELETE FROM flitmig.base WHERE migration_id = 900;
SELECT flitmig_sign_off('fixture', 'looked at nothing');
ROLLBACK TO sampled;

-- A changed mapping closes it again.
UPDATE flitmig.migration SET mapping_hash = 'another' WHERE name = 'fixture';
SELECT flitmig_sign_off('fixture', 'looks good');
ROLLBACK TO sampled;

-- Four eyes: who ran the sample does not sign it.
UPDATE flitmig.migration SET options = '{"four_eyes": true}' WHERE name = 'fixture';
UPDATE flitmig.run SET requested_by = 'night_shift' WHERE id = 900;
SELECT flitmig_sign_off('fixture', 'looked at all three');
UPDATE flitmig.run SET requested_by = session_user WHERE id = 900;
\set VERBOSITY sqlstate
SELECT flitmig_sign_off('fixture', 'looked at all three');
ROLLBACK;
