/* The pacing of calls against Twenty's own arithmetic, in simulated time. */
\ir setup.psql

SELECT no_plan();

CREATE TEMP TABLE simulated AS
SELECT per_minute, jitter, latency, s.*
FROM (VALUES (50), (100)) a (per_minute), (VALUES (0), (20), (40), (60)) b (jitter), (VALUES (10), (50), (230), (800)) c (latency),
	LATERAL flitmig._bucket_simulate(per_minute, 60000, jitter, 5000, latency) s;

SELECT cmp_ok(accepted_per_minute / per_minute, '>=', 0.98::double precision,
	format('%s a minute, jitter %s ms, latency %s ms: at least 98 %%', per_minute, jitter, latency))
FROM simulated;
SELECT cmp_ok(refusals, '<=', 5::bigint,
	format('%s a minute, jitter %s ms, latency %s ms: at most one refusal in a thousand', per_minute, jitter, latency))
FROM simulated;

-- a server that needs 230 ms for a call, and does two at a time
CREATE TEMP TABLE busy AS
SELECT per_minute, jitter, s.*
FROM (VALUES (50), (100)) a (per_minute), (VALUES (0), (20), (40), (60)) b (jitter),
	LATERAL flitmig._bucket_simulate(per_minute, 60000, jitter, 5000, 10, service_ms => 230, workers => 2) s;
SELECT cmp_ok(accepted_per_minute / per_minute, '>=', 0.98::double precision, format('%s a minute, jitter %s ms, a busy server: at least 98 %%', per_minute, jitter)) FROM busy;
SELECT cmp_ok(refusals, '<=', 5::bigint, format('%s a minute, jitter %s ms, a busy server: at most one refusal in a thousand', per_minute, jitter)) FROM busy;

-- something in front of it that lets two calls through at a time
CREATE TEMP TABLE queued AS
SELECT per_minute, s.* FROM (VALUES (50), (100)) a (per_minute), LATERAL flitmig._bucket_simulate(per_minute, 60000, 20, 5000, 10, service_ms => 230, workers => 2, counted_late => true) s;
SELECT cmp_ok(accepted_per_minute / per_minute, '>=', 0.85::double precision, format('%s a minute, counted when their turn has come: bursts become small enough', per_minute)) FROM queued;
SELECT cmp_ok(refusals, '<=', 30::bigint, '... after few refusals') FROM queued;

CREATE TEMP TABLE emptied AS SELECT * FROM flitmig._bucket_simulate(100, 60000, 30, 1000, 100, 7);
SELECT cmp_ok(refusals, '<=', 16::bigint, 'a bucket that another run has emptied costs two bursts at most') FROM emptied;
SELECT cmp_ok(accepted_per_minute, '>=', 95::double precision, '... and no speed') FROM emptied;

CREATE TEMP TABLE shared AS SELECT share, s.* FROM (VALUES (20), (50), (80)) v (share), LATERAL flitmig._bucket_simulate(100, 60000, 40, 2000, 100, 100, share) s;
-- the last burst counts whole
SELECT cmp_ok(accepted_per_minute, '<=', share + 0.1::double precision, format('a share of %s %% takes no more', share)) FROM shared;
SELECT cmp_ok(accepted_per_minute, '>=', share * 0.95::double precision, format('a share of %s %% is used', share)) FROM shared;
SELECT is(refusals, 0::bigint, 'and never refused') FROM shared;

SET LOCAL flitmig.requests_in_flight = 1;
CREATE TEMP TABLE alone AS SELECT * FROM flitmig._bucket_simulate(100, 60000, 40, 5000, 230);
SELECT cmp_ok(accepted_per_minute, '>=', 88::double precision, 'one request at a time loses a margin with each call') FROM alone;
SELECT cmp_ok(refusals, '<=', 5::bigint, '... and is not refused either') FROM alone;

SELECT finish();
ROLLBACK;
