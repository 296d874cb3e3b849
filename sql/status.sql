-- Status, balance, differences and the next step of a migration.
\set SHOW_CONTEXT never
BEGIN;
\set ECHO none
\i test/report/fixture.sql
\set ECHO all

-- Before anything was sent all that is to be sent is missing.
SELECT object_map, rows_read, mapped, excluded, stored, difference FROM flitmig.balance WHERE migration = 'fixture';
SELECT file, rows_read, rows_loaded, rows_rejected, difference FROM flitmig.file_balance WHERE migration = 'fixture';
SELECT flitmig_help('fixture');
SAVEPOINT here;
UPDATE flitmig.migration SET confirmed_at = now() - interval '1 minute' WHERE id = 900;
INSERT INTO flitmig.run (migration_id, kind, state, requested_by) VALUES (900, 'read', 'done', 'dana');
SELECT flitmig_help('fixture');
ROLLBACK TO here;
SAVEPOINT here;
SELECT * FROM flitmig_diff('fixture');
ROLLBACK TO here;

-- After a sample of three.
\set ECHO none
\i test/report/sample.sql
\set ECHO all
SELECT object_map, mapped, excluded, stored, difference FROM flitmig.balance WHERE migration = 'fixture';
SELECT migration, kind, state, done, total, percent, calls, rate, elapsed FROM flitmig.progress WHERE migration = 'fixture';
SELECT * FROM flitmig_status('fixture');
SELECT * FROM flitmig_diff('fixture');

-- A run whose worker is gone is not running, whatever its row says.
UPDATE flitmig.run SET state = 'running', worker_pid = 1 WHERE id = 900;
SELECT state, eta FROM flitmig.progress WHERE migration = 'fixture';
UPDATE flitmig.run SET state = 'running', worker_pid = pg_backend_pid(), finished_at = NULL, phase = 'create:patient', total = 6, started_at = clock_timestamp() - interval '3 s' WHERE id = 900;
SELECT state, phase, done, total, percent, eta FROM flitmig_status('fixture');
-- The time left is what the run reckons, counted down.
UPDATE flitmig.run SET ends_at = clock_timestamp() + interval '90.5 s' WHERE id = 900;
SELECT percent, eta BETWEEN '85 s' AND '91 s' AS counted_down FROM flitmig.progress WHERE migration = 'fixture';
UPDATE flitmig.run SET ends_at = clock_timestamp() - interval '5 s' WHERE id = 900;
SELECT eta FROM flitmig.progress WHERE migration = 'fixture';
-- All records are there, but the run goes on: it is not at 100 %, and what it is at counts its own calls.
UPDATE flitmig.run SET phase = 'unschema', kind = 'rollback', total = 3 WHERE id = 900;
SELECT percent, phase_done, phase_total, unit FROM flitmig.progress WHERE migration = 'fixture';
INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, state) SELECT 900, 900, 'unschema', 'schema', CASE WHEN n <= 37 THEN 'done' ELSE 'planned' END FROM generate_series(1, 100) n;
SELECT percent, done, total, phase_done, phase_total, unit FROM flitmig.progress WHERE migration = 'fixture';
SELECT state, phase, done, total, percent FROM flitmig_status('fixture');
UPDATE flitmig.run SET phase = 'create:patient', kind = 'run' WHERE id = 900;
SELECT percent FROM flitmig.progress WHERE migration = 'fixture';
DELETE FROM flitmig.batch WHERE phase = 'unschema' AND run_id = 900;
UPDATE flitmig.run SET kind = 'sample', error = '{"message": "server \"crm\" could not be reached"}' WHERE id = 900;
SELECT state, phase FROM flitmig_status('fixture');
UPDATE flitmig.run SET error = NULL WHERE id = 900;
SELECT flitmig_help('fixture');

-- Every record has one fate.
UPDATE flitmig.run SET state = 'done', finished_at = clock_timestamp() WHERE id = 900;
INSERT INTO flitmig.run (id, migration_id, kind, state, mapping_hash, requested_at, started_at) VALUES (901, 900, 'run', 'done', 'hash of the mapping', clock_timestamp(), clock_timestamp());
INSERT INTO flitmig.base (migration_id, id, object, object_map_id, origin, run_id, hash, sent, stored)
	SELECT 900, id, object, object_map_id, 'created', 901, hash, payload, payload FROM flitmig.record WHERE migration_id = 900 AND sequence IN (4, 5, 8);
INSERT INTO flitmig.quarantine (migration_id, id, object, object_map_id, run_id, kind, code, reason)
	SELECT 900, id, object, 900, 901, CASE sequence WHEN 6 THEN 'refused' ELSE 'held' END, 'INVALID_PHONE_NUMBER', 'reason of the server'
	FROM flitmig.record WHERE migration_id = 900 AND sequence IN (6, 7);
INSERT INTO flitmig.conflict (migration_id, id, object, object_map_id, field, run_id, kind)
	SELECT 900, id, object, 900, 'jobTitle', 901, CASE sequence WHEN 8 THEN 'both' ELSE 'target' END FROM flitmig.record WHERE migration_id = 900 AND sequence IN (5, 8);
SELECT mapped, excluded, stored, unchanged, quarantined, held, conflict, gone, difference FROM flitmig.balance WHERE migration = 'fixture';
UPDATE flitmig.record SET state = 'gone' WHERE migration_id = 900 AND sequence = 9;
UPDATE flitmig.map_count SET rows_read = 9, mapped = 9 WHERE migration_id = 900;
SELECT mapped, excluded, stored, unchanged, quarantined, held, conflict, gone, difference FROM flitmig.balance WHERE migration = 'fixture';
-- The same for reading.
SELECT * FROM flitmig_balance('fixture');
SELECT flitmig_sign_off('fixture', 'looked at it');
SELECT flitmig_help('fixture');
ROLLBACK;
