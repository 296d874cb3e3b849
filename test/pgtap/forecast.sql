-- How long a run will take: the simulated run, and what it takes from the journal.
BEGIN;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS flitmig;
SELECT plan(27);

-- The last phase's end. One row a case: limit, known, tokens left, share, work at once, phases.
CREATE FUNCTION pg_temp.ends(max_tokens integer, known boolean, tokens float8, share integer, workers float8, calls float8[], service float8, metered float8 DEFAULT 1) RETURNS float8[]
LANGUAGE sql AS $$
	SELECT flitmig._run_simulate(max_tokens, 60000, known, tokens, share, workers, calls, array_fill(0::float8, ARRAY[cardinality(calls)]),
		array_fill(service, ARRAY[cardinality(calls)]), array_fill(0::float8, ARRAY[cardinality(calls)]), array_fill(metered, ARRAY[cardinality(calls)]))
$$;
CREATE FUNCTION pg_temp.about(seconds float8, wanted float8, what text) RETURNS text
LANGUAGE sql AS $$ SELECT ok(seconds BETWEEN 0.95 * wanted AND 1.05 * wanted, format('%s: %s s, about %s', what, round(seconds::numeric, 1), wanted)) $$;

SET flitmig.requests_in_flight = 2;
SELECT pg_temp.about((pg_temp.ends(0, false, 0, 100, 2, '{40}', 230))[1], 4.6, 'without a limit, two at a time');
SELECT pg_temp.about((pg_temp.ends(0, false, 0, 100, 1, '{40}', 230))[1], 9.2, 'a server that does one thing at a time');
SELECT pg_temp.about((pg_temp.ends(0, false, 0, 100, 2, '{1,1,1,1}', 230))[4], 0.92, 'object maps of one call each wait for each other');
SELECT pg_temp.about((pg_temp.ends(100, true, 100, 100, 2, '{90}', 100))[1], 4.5, 'a full bucket is spent as fast as the server works');
SELECT pg_temp.about((pg_temp.ends(100, true, 100, 100, 2, '{300}', 100))[1], 124, 'then calls come at the limit, with what pacing loses');
SELECT pg_temp.about((pg_temp.ends(100, true, 0, 100, 2, '{300}', 100))[1], 183, 'an empty bucket has nothing to spend at first');
SELECT pg_temp.about((pg_temp.ends(100, true, 100, 50, 2, '{150}', 100))[1], 124, 'half of the limit');
SELECT pg_temp.about((pg_temp.ends(100, false, 100, 100, 2, '{300}', 100))[1], 128, 'a limit that the run learns on its way costs little');
SELECT pg_temp.about((pg_temp.ends(100, true, 0, 100, 2, '{900}', 20, 0))[1], 9, 'files take no tokens, and as many go up as are under way');
SELECT is(pg_temp.ends(100, true, 100, 100, 2, '{}', 1), '{}', 'nothing to do');
SELECT throws_ok($$SELECT flitmig._run_simulate(0, 1, false, 0, 100, 1, '{1,2}', '{1}', '{1}', '{1}', '{1}')$$, '2202E', NULL, 'arrays of other lengths are refused');

-- What the journal tells.
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'http://127.0.0.1:1');
SELECT flitmig_create('clinic', 'crm');
SELECT id AS mig FROM flitmig.migration \gset
INSERT INTO flitmig.run (migration_id, kind, state, started_at, finished_at) VALUES (:mig, 'sample', 'done', clock_timestamp(), clock_timestamp()) RETURNING id AS run \gset
SELECT is(flitmig._tokens_left('crm', 100, 60000), 100::float8, 'nothing was sent: a full bucket');
SELECT ok(bool_and(NOT measured), 'and nothing was measured') FROM flitmig._call_times(:mig);
SELECT is(flitmig._workers(:mig), 1.1::float8, 'nor how much the server does at once');

-- calls one after another, 20 ms and 1 ms a record, a few more than a token apart
CREATE FUNCTION pg_temp.call(records integer, sent interval, took integer) RETURNS void
LANGUAGE sql AS $$
	INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, state, outcome, ids, took_ms, answered_at)
	SELECT r.id, r.migration_id, 'create:x', 'create', 'done', 'stored', array_fill('00000000-0000-0000-0000-000000000000'::uuid, ARRAY[records]), took,
		clock_timestamp() - sent + make_interval(secs => took / 1000.0)
	FROM flitmig.run r
$$;
SELECT count(pg_temp.call(n, make_interval(secs => 70 - n / 5.0), 20 + n)) FROM generate_series(1, 101, 10) n;
SELECT ok(call_ms BETWEEN 19 AND 21 AND record_ms BETWEEN 0.95 AND 1.05 AND measured, 'a straight line through them') FROM flitmig._call_times(:mig) WHERE kind = 'create';
SELECT ok(NOT measured AND record_ms > 3, 'updates were not seen: they are assumed in proportion') FROM flitmig._call_times(:mig) WHERE kind = 'update';
-- four at once that took no longer than one alone, then four that waited for each other
SELECT count(pg_temp.call(80, '20 s', 100)) FROM generate_series(1, 4);
SELECT ok(flitmig._workers(:mig) BETWEEN 3.8 AND 4.6, 'four at once, none waits: all four are worked on');
UPDATE flitmig.batch SET took_ms = 100 * n, answered_at = answered_at + make_interval(secs => (n - 1) / 10.0)
FROM (SELECT id AS i, row_number() OVER (ORDER BY id) AS n FROM flitmig.batch WHERE cardinality(ids) = 80) x WHERE id = i;
SELECT ok(flitmig._workers(:mig) BETWEEN 1 AND 1.1, 'each waits for the one before: one at a time') FROM flitmig.migration;

-- the bucket
SELECT count(pg_temp.call(1, make_interval(secs => 30 - n / 1000.0), 1)) FROM generate_series(1, 100) n;
SELECT ok(t BETWEEN 43 AND 51, 'half a minute after a hundred calls half of it is there again: ' || t) FROM flitmig._tokens_left('crm', 100, 60000) t;
SELECT ok(flitmig._default_disproved(:mig) IS FALSE, 'that is what the default allows');
SELECT count(pg_temp.call(1, make_interval(secs => 29.5 - n / 1000.0), 1)) FROM generate_series(1, 60) n;
SELECT ok(flitmig._default_disproved(:mig), 'sixty more in the same second are more than it allows');

-- files: sixteen calls, of which the first four had to connect
INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, state, outcome, ids, took_ms, answered_at)
SELECT r.id, r.migration_id, 'upload:document', 'upload', 'done', 'stored', '{00000000-0000-0000-0000-000000000000}'::uuid[], CASE WHEN i <= 4 THEN 100 ELSE 10 END, clock_timestamp() + i * interval '1 s'
FROM (SELECT max(id) AS id, :mig AS migration_id FROM flitmig.run) r, generate_series(1, 16) i;
SELECT is(call_ms, 10::double precision, 'what a call of an upload takes once there are connections') FROM flitmig._file_times(:mig);
DELETE FROM flitmig.batch WHERE kind = 'upload' AND answered_at > (SELECT min(answered_at) + interval '5500 ms' FROM flitmig.batch WHERE kind = 'upload');
SELECT is(call_ms, 100::double precision, 'of a few calls the median') FROM flitmig._file_times(:mig);

-- what others took, a refusal tells
CREATE SERVER busy FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'http://127.0.0.1:2');
SELECT flitmig_create('shared', 'busy');
SELECT flitmig._learn_limit(id, 100, 60000, 0) FROM flitmig.migration WHERE name = 'shared';
SELECT ok(t < 2, 'nothing is left right behind a refusal, whoever took it: ' || t) FROM flitmig._tokens_left('busy', 100, 60000) t;
UPDATE flitmig.server_limit SET refused_at = clock_timestamp() - interval '12.1 s' WHERE server = 'busy';
SELECT ok(t BETWEEN 20 AND 21, 'twelve seconds bring twenty tokens: ' || t) FROM flitmig._tokens_left('busy', 100, 60000) t;
SELECT flitmig._learn_limit(id, 0, 0, 60) FROM flitmig.migration WHERE name = 'shared';
SELECT ok(t BETWEEN 20 AND 21, 'a batch that was too large is no refusal for want of tokens') FROM flitmig._tokens_left('busy', 100, 60000) t;

-- a sample's calls, one after another; two met a server that was busy with itself
SELECT flitmig_create('cold', 'crm');
INSERT INTO flitmig.run (migration_id, kind, state, started_at, finished_at) SELECT id, 'sample', 'done', clock_timestamp(), clock_timestamp() FROM flitmig.migration WHERE name = 'cold' RETURNING id AS run, migration_id AS mig \gset
INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, state, outcome, ids, took_ms, answered_at)
SELECT :run, :mig, 'create:x', 'create', 'done', 'stored', array_fill('00000000-0000-0000-0000-000000000000'::uuid, ARRAY[20]), CASE WHEN i IN (3, 5) THEN 3000 ELSE 87 END, clock_timestamp() + i * interval '10 s'
FROM generate_series(1, 7) i;
SELECT ok(call_ms BETWEEN 45 AND 47 AND record_ms BETWEEN 2.0 AND 2.1, 'they do not make every call slow') FROM flitmig._call_times(:mig) WHERE kind = 'create';

SELECT * FROM finish();
ROLLBACK;
