-- When a run will end: what a rollback has still to do, how often that is reckoned, and that no run ends because it cannot be.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS flitmig;
SELECT plan(12);

CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'http://127.0.0.1:1');
SELECT flitmig_create('clinic', 'crm');
SELECT id AS mig FROM flitmig.migration \gset
DELETE FROM flitmig.object_map;
INSERT INTO flitmig.object_map (migration_id, name, object, position, source, key) VALUES (:mig, 'patient', 'person', 1, 's', 'k') RETURNING id AS patient \gset
INSERT INTO flitmig.object_map (migration_id, name, object, position, source, key) VALUES (:mig, 'document', 'attachment', 2, 's', 'k') RETURNING id AS document \gset
INSERT INTO flitmig.run (migration_id, kind, state, phase, phase_no, started_at, updated_at, total)
VALUES (:mig, 'rollback', 'running', 'look', 4, clock_timestamp(), clock_timestamp(), 5000) RETURNING id AS run \gset
-- 4,500 patients, of whom 100 stay; 450 documents, 3 of them with a file; 50 records whose map is gone
INSERT INTO flitmig.rollback_item (run_id, migration_id, id, object, object_map_id, state)
SELECT :run, :mig, md5(i::text)::uuid, CASE WHEN i <= 4500 THEN 'person' WHEN i <= 4950 THEN 'attachment' ELSE 'company' END,
	   CASE WHEN i <= 4500 THEN :patient WHEN i <= 4950 THEN :document END, CASE WHEN i <= 100 THEN 'kept' ELSE 'destroy' END
FROM generate_series(1, 5000) i;
INSERT INTO flitmig.upload (migration_id, record_id, path, state) SELECT :mig, md5(i::text)::uuid, 'x', CASE WHEN i = 4504 THEN 'missing' ELSE 'done' END FROM generate_series(4501, 4504) i;

SELECT results_eq(format($$SELECT l.phase, l.calls, l.records FROM flitmig._calls_left((SELECT r FROM flitmig.run r WHERE id = %s)) l WHERE l.phase LIKE 'destroy%%' ORDER BY l.n$$, :run),
	$$VALUES ('destroy:', 1::bigint, 50::bigint), ('destroy:document', 4, 450), ('destroy:patient', 3, 4400)$$, 'a rollback destroys records with a file one by one, others 2,000 a call');
SELECT is((SELECT calls FROM flitmig._calls_left((SELECT r FROM flitmig.run r WHERE id = :run)) l WHERE l.phase = 'late'), 3::bigint, 'and looks for what is left of each object');

-- how often
CREATE FUNCTION pg_temp.tell() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	before timestamptz := (SELECT foreseen_at FROM flitmig.run);
BEGIN
	PERFORM flitmig._tell_now_and_then(r) FROM flitmig.run r;
	RETURN (SELECT foreseen_at FROM flitmig.run) IS DISTINCT FROM before;
END
$$;
SELECT ok(pg_temp.tell(), 'the end is foretold');
SELECT ok(ends_at > clock_timestamp() AND foreseen_in > '0', 'it lies ahead, and what reckoning it took is known') FROM flitmig.run;
UPDATE flitmig.run SET told_at = told_at - interval '2 s', foreseen_at = foreseen_at - interval '2 s', foreseen_in = '1 ms';
SELECT ok(NOT pg_temp.tell(), 'not again within three seconds');
UPDATE flitmig.run SET told_at = told_at - interval '40 s', foreseen_at = foreseen_at - interval '40 s', foreseen_in = '1 s';
SELECT ok(NOT pg_temp.tell(), 'nor so often that it takes more than a fiftieth of the time');
UPDATE flitmig.run SET told_at = told_at - interval '60 s', foreseen_at = foreseen_at - interval '60 s';
SELECT ok(pg_temp.tell(), 'but then');

-- a clock that is put back
UPDATE flitmig.run SET told_at = clock_timestamp() + interval '1 h', foreseen_at = clock_timestamp() + interval '1 h', foreseen_in = '1 ms';
SELECT ok(pg_temp.tell(), 'a clock that is put back silences nobody');
SELECT ok(told_at <= clock_timestamp(), 'and the times are mended') FROM flitmig.run;

-- the journal's functions plan without sequential scans and hash joins
SET enable_seqscan = off;
SET enable_hashjoin = off;
CREATE OR REPLACE FUNCTION flitmig._seconds_left(r flitmig.run) RETURNS double precision LANGUAGE sql
AS $$ SELECT CASE WHEN current_setting('enable_seqscan') = 'on' AND current_setting('enable_hashjoin') = 'on' THEN 1 / (r.id - r.id) END $$;
UPDATE flitmig.run SET told_at = NULL, foreseen_at = NULL;
SELECT lives_ok('SELECT pg_temp.tell()', 'an error in reckoning it ends no run');
SELECT ok(ends_at IS NULL AND foreseen_at IS NOT NULL, 'the end is unknown then') FROM flitmig.run;
CREATE OR REPLACE FUNCTION flitmig._seconds_left(r flitmig.run) RETURNS double precision LANGUAGE sql AS $$ SELECT 1e300::double precision $$;
UPDATE flitmig.run SET told_at = NULL, foreseen_at = NULL;
SELECT lives_ok('SELECT pg_temp.tell()', 'nor does an end that no calendar has');

SELECT finish();
ROLLBACK;
