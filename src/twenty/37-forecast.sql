/*
 * forecast: how long calls will take.
 *
 *	what is to be done (_plan_calls) ─┐
 *	the limit and what is left of it ─┼─▶ _run_simulate: the pump's own pacing, in simulated time
 *	what this server needs for a call ┘
 *
 * Everything that can be measured is taken from the journal of this very
 * migration: its sample has sent the same records to the same server.  What
 * was not measured yet is assumed, and the plan says so.
 */

CREATE FUNCTION flitmig._call_share(server text) RETURNS integer
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce((SELECT o.option_value::integer FROM pg_foreign_server s, pg_options_to_table(s.srvoptions) o
					 WHERE s.srvname = server AND o.option_name = 'call_share'), 100)
$$;
COMMENT ON FUNCTION flitmig._call_share(text) IS 'Percent of a server''s call limit that migrations keep to: its option call_share, else all';

/* The calls that took a token of a server lately, of all its migrations. */
CREATE FUNCTION flitmig._token_calls(server text, window_ms integer) RETURNS TABLE (sent_at timestamptz, answered_at timestamptz)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT b.answered_at - make_interval(secs => coalesce(b.took_ms, 0) / 1000.0), b.answered_at
	FROM flitmig.migration m
	JOIN flitmig.run r ON r.migration_id = m.id AND coalesce(r.finished_at, r.updated_at) > clock_timestamp() - make_interval(secs => 3 * window_ms / 1000.0)
	JOIN flitmig.batch b ON b.run_id = r.id
	/* activities are read and then destroyed */
	CROSS JOIN generate_series(1, CASE b.kind WHEN 'timeline' THEN greatest(1, least(b.attempts, 2)) ELSE 1 END)
	/* none of the future, should the clock have been put back */
	WHERE m.server = _token_calls.server AND b.answered_at <= clock_timestamp() AND b.answered_at > clock_timestamp() - make_interval(secs => 3 * window_ms / 1000.0)
	  AND b.outcome <> 'throttled'
	  AND CASE b.kind
			WHEN 'introspect' THEN b.detail ->> 'step' IN ('members', 'workflows', 'triggers', 'holders')	/* what /graphql itself offers costs nothing */
			WHEN 'schema' THEN b.phase = 'count'
			WHEN 'upload' THEN flitmig._upload_dialect(m.id) = 'path'
			ELSE true END
$$;
COMMENT ON FUNCTION flitmig._token_calls(text, integer) IS 'When a server''s tokens were taken by us, in the last three windows';

/*
 * Twenty's own arithmetic over our calls (TWENTY.md 2): it brings whole tokens
 * and loses the fraction with each call, so after a run at the limit less is
 * left than the clock would say.  A call that was accepted had a token.  At
 * empty_at, before the first call, there was none.
 */
CREATE FUNCTION flitmig._tokens_walk(calls timestamptz[], max_tokens integer, window_ms integer, empty_at timestamptz DEFAULT NULL) RETURNS double precision
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	tokens double precision := CASE WHEN empty_at IS NULL THEN max_tokens ELSE 0 END;
	last timestamptz := empty_at;
	call timestamptz;
BEGIN
	FOREACH call IN ARRAY calls || clock_timestamp()
	LOOP
		IF last IS NOT NULL THEN
			tokens := least(max_tokens, greatest(0, tokens - 1) + floor(extract(epoch FROM call - last) * 1000 * max_tokens / window_ms));
		END IF;
		last := call;
	END LOOP;
	RETURN tokens;
END
$$;
COMMENT ON FUNCTION flitmig._tokens_walk(timestamptz[], integer, integer, timestamptz) IS 'Tokens that are left now after calls at these times, in order; empty_at: when there was none, NULL: at first all were there';

CREATE FUNCTION flitmig._tokens_left(server text, max_tokens integer, window_ms integer) RETURNS double precision
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	/* at which moment of a call its token is taken only the server knows: the less that may be left is counted on */
	SELECT least(flitmig._tokens_walk(coalesce(array_agg(t.sent_at ORDER BY t.sent_at) FILTER (WHERE t.sent_at IS NOT NULL), '{}'), max_tokens, window_ms),
				 flitmig._tokens_walk(coalesce(array_agg(t.answered_at ORDER BY t.answered_at) FILTER (WHERE t.answered_at IS NOT NULL), '{}'), max_tokens, window_ms),
				 flitmig._tokens_walk(coalesce(array_agg(t.sent_at ORDER BY t.sent_at) FILTER (WHERE t.sent_at > r.at), '{}'), max_tokens, window_ms, r.at))
	FROM (SELECT (SELECT l.refused_at FROM flitmig.server_limit l WHERE l.server = _tokens_left.server AND l.refused_at <= clock_timestamp()) AS at) r
	LEFT JOIN flitmig._token_calls(server, window_ms) t ON true
	GROUP BY r.at
$$;
COMMENT ON FUNCTION flitmig._tokens_left(text, integer, integer) IS 'Tokens that are left in a server''s bucket after our own calls; what others took only a refusal tells';

/*
 * A run that took more than Twenty's default allows, and was not refused, has
 * shown that this server allows more.
 */
CREATE FUNCTION flitmig._default_disproved(mig integer) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH call AS (
		SELECT b.run_id, b.answered_at AS at, row_number() OVER w AS n, extract(epoch FROM b.answered_at) * 100 / 60 AS came_in
		FROM (SELECT * FROM flitmig.batch t
			  WHERE t.migration_id = mig AND t.kind IN ('create', 'update', 'read', 'destroy', 'timeline') AND t.outcome = 'stored' ORDER BY t.id DESC LIMIT 2000) b
		WINDOW w AS (PARTITION BY b.run_id ORDER BY b.answered_at))
	SELECT coalesce(max(d.beyond) > 100, false)
	FROM (SELECT c.n - c.came_in - min(c.n - c.came_in) OVER (PARTITION BY c.run_id ORDER BY c.at) AS beyond FROM call c) d
$$;
COMMENT ON FUNCTION flitmig._default_disproved(integer) IS 'Whether a migration made more calls than 100 a minute without a refusal';

CREATE FUNCTION flitmig._pace(mig integer, OUT max_tokens integer, OUT window_ms integer, OUT batch_size integer, OUT known boolean,
	OUT server text, OUT share integer, OUT all_tokens integer, OUT unlimited boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT greatest(1, t.all_tokens::bigint * t.share / 100)::integer, t.window_ms, t.batch_size, t.known, t.server, t.share, t.all_tokens, NOT t.known AND flitmig._default_disproved(mig)
	FROM (SELECT m.server, flitmig._call_share(m.server) AS share, l.server IS NOT NULL AS known,
				 coalesce(l.max_tokens, 100) AS all_tokens, coalesce(l.window_ms, 60000) AS window_ms, coalesce(l.batch_size, 200) AS batch_size
		  FROM flitmig.migration m LEFT JOIN flitmig.server_limit l ON l.server = m.server AND l.max_tokens > 0 AND l.window_ms > 0
		  WHERE m.id = mig) t
$$;
COMMENT ON FUNCTION flitmig._pace(integer) IS 'Calls that a migration may make (max_tokens): the limit learned from its server (known), else Twenty''s default of 100 a minute (all_tokens), times the server''s option call_share (share, in percent); unlimited: more went through than the default allows';

/* ---- what the server needs for a call ---- */

CREATE FUNCTION flitmig._schema_ms(mig integer) RETURNS numeric
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(avg(b.took_ms), 500) FROM flitmig.batch b WHERE b.migration_id = mig AND b.kind = 'schema' AND b.outcome = 'stored'
$$;
COMMENT ON FUNCTION flitmig._schema_ms(integer) IS 'Milliseconds that a change of the data model takes on this server; 500 until one was seen';

/*
 * The newest calls with records, and whether each was the only one under way.
 * 2,000 of them: a large run's journal has more than anybody needs.
 */
CREATE FUNCTION flitmig._timed_calls(mig integer) RETURNS TABLE (kind text, records integer, sent_at timestamptz, answered_at timestamptz, took_ms integer, alone boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH call AS (
		SELECT b.id, b.run_id, b.kind, cardinality(b.ids) AS records, b.answered_at - make_interval(secs => b.took_ms / 1000.0) AS sent_at, b.answered_at, b.took_ms
		FROM flitmig.batch b
		WHERE b.migration_id = mig AND b.kind IN ('create', 'update', 'read') AND b.outcome = 'stored' AND b.took_ms IS NOT NULL
		ORDER BY b.id DESC LIMIT 2000)
	SELECT c.kind, c.records, c.sent_at, c.answered_at, c.took_ms,
		   coalesce(max(c.answered_at) OVER earlier <= c.sent_at, true) AND coalesce(min(c.sent_at) OVER later >= c.answered_at, true)
	FROM call c
	WINDOW earlier AS (PARTITION BY c.run_id ORDER BY c.sent_at, c.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
		   later AS (PARTITION BY c.run_id ORDER BY c.sent_at, c.id ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)
$$;
COMMENT ON FUNCTION flitmig._timed_calls(integer) IS 'How long the newest calls of a migration took, and which of them were alone at the server';

/*
 * Milliseconds of a call: so many, and so many for each record.  Where calls
 * of few and of many records were seen, a straight line through them; else
 * the shape that was measured on a Twenty of two cores (TWENTY.md 3, 4), at
 * the height at which this server's calls lie.  Of a sample's few calls that
 * is the median, each counting by its size: a Twenty that was just started, or
 * whose model has just changed, holds single calls up for seconds.
 */
CREATE FUNCTION flitmig._call_times(mig integer) RETURNS TABLE (kind text, call_ms double precision, record_ms double precision, measured boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH shape(kind, call_ms, record_ms) AS (VALUES ('create', 23.0::double precision, 1.035::double precision), ('update', 23.0, 6.9), ('read', 23.0, 0.3)),
	timed AS (
		SELECT t.kind, t.took_ms, t.records, s.call_ms + t.records * s.record_ms AS shape_ms
		FROM flitmig._timed_calls(mig) t JOIN shape s ON s.kind = t.kind
		WHERE t.alone OR t.kind = 'read' AND t.records > 0),
	ranked AS (
		SELECT t.kind, t.took_ms / t.shape_ms AS height, sum(t.shape_ms) OVER (PARTITION BY t.kind ORDER BY t.took_ms / t.shape_ms) AS below, sum(t.shape_ms) OVER (PARTITION BY t.kind) AS of_all
		FROM timed t),
	median AS (
		SELECT r.kind, min(r.height) AS height FROM ranked r WHERE r.below >= r.of_all / 2 GROUP BY r.kind),
	seen AS (
		SELECT s.kind, s.call_ms, s.record_ms, count(t.kind) AS n,
			   regr_slope(t.took_ms, t.records) AS slope, regr_intercept(t.took_ms, t.records) AS intercept, regr_r2(t.took_ms, t.records) AS r2,
			   max(t.records) - min(t.records) AS span,
			   CASE WHEN count(t.kind) < 50 THEN (SELECT m.height FROM median m WHERE m.kind = s.kind) ELSE sum(t.took_ms) / sum(t.shape_ms) END AS height
		FROM shape s LEFT JOIN timed t ON t.kind = s.kind
		GROUP BY s.kind, s.call_ms, s.record_ms)
	SELECT s.kind,
		   CASE WHEN l.line THEN greatest(s.intercept, 0) ELSE s.call_ms * h.height END,
		   CASE WHEN l.line THEN s.slope ELSE s.record_ms * h.height END,
		   s.n > 0
	FROM seen s,
		 LATERAL (SELECT coalesce(s.n >= 6 AND s.span >= 40 AND s.slope > 0 AND s.r2 > 0.7, false) AS line) l,
		 /* a kind that was not seen yet is as much slower or faster as the creates were */
		 LATERAL (SELECT coalesce(s.height, (SELECT o.height FROM seen o WHERE o.kind = 'create'), 1) AS height) h
$$;
COMMENT ON FUNCTION flitmig._call_times(integer) IS 'Milliseconds that a call takes which is alone at the server, and for each of its records; measured: not only assumed';

/* The engine alone stores 15,000 to 20,000 records a second (make bench-push). */
CREATE FUNCTION flitmig._own_ms(records double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT 2 + 0.05 * records $$;
COMMENT ON FUNCTION flitmig._own_ms(double precision) IS 'Milliseconds of our own work with a call of so many records';

/*
 * Times in which several creates were under way: the work that was done in
 * them, over how long they lasted.  A Twenty of two cores does 1.1 times as
 * much with several calls as with one (TWENTY.md 3).
 */
CREATE FUNCTION flitmig._workers(mig integer) RETURNS double precision
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH call AS (
		SELECT t.*, t.sent_at > max(t.answered_at) OVER (ORDER BY t.sent_at, t.answered_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS begins
		FROM flitmig._timed_calls(mig) t WHERE t.kind = 'create'),
	numbered AS (
		SELECT c.*, count(*) FILTER (WHERE c.begins) OVER (ORDER BY c.sent_at, c.answered_at) AS crowd FROM call c),
	crowd AS (
		SELECT sum(k.call_ms + n.records * k.record_ms) AS work_ms,
			   /* while we look at an answer, the next one may lie there */
			   extract(epoch FROM max(n.answered_at) - min(n.sent_at)) * 1000 - sum(flitmig._own_ms(n.records)) * (count(*) - 1) / count(*) / 2 AS lasted_ms
		FROM numbered n, flitmig._call_times(mig) k
		WHERE k.kind = 'create'
		GROUP BY n.crowd HAVING count(*) >= 2)
	SELECT CASE WHEN sum(c.lasted_ms) > 0 THEN least(8, greatest(1, sum(c.work_ms) / sum(c.lasted_ms))) ELSE 1.1 END::double precision FROM crowd c
$$;
COMMENT ON FUNCTION flitmig._workers(integer) IS 'How many calls'' work a server does at once, by the journal';

/* ---- what is ours ---- */

/*
 * Before the first call of a run the model of Twenty is read and the rows are
 * mapped: as the plan itself has just done, which reads twice as much.  While
 * one of its calls waited for a token, nothing was done.
 */
CREATE FUNCTION flitmig._before_calls(mig integer) RETURNS double precision
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT extract(epoch FROM coalesce(r.finished_at, r.updated_at) - r.started_at)::double precision
		   - coalesce((SELECT sum(greatest(extract(epoch FROM b.answered_at - b.opened_at), b.took_ms / 1000.0) - b.took_ms / 2000.0) FROM flitmig.batch b WHERE b.run_id = r.id), 0)
	FROM flitmig.run r
	WHERE r.migration_id = mig AND r.kind = 'read' AND r.state = 'done'
	ORDER BY r.id DESC LIMIT 1
$$;
COMMENT ON FUNCTION flitmig._before_calls(integer) IS 'Seconds that reading the model and mapping took when the newest plan did so; NULL: there was none';

/* All files are looked for before the first goes up; then each takes its calls, of which the one that carries it grows with it. */
CREATE FUNCTION flitmig._file_times(mig integer, OUT pause_ms double precision, OUT call_ms double precision, OUT calls integer, OUT measured boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH sent_call AS (
		SELECT b.*, b.answered_at - make_interval(secs => b.took_ms / 1000.0) AS sent_at
		FROM flitmig.batch b
		WHERE b.run_id = (SELECT max(t.run_id) FROM flitmig.batch t WHERE t.migration_id = mig AND t.kind = 'upload' AND t.outcome = 'stored')
		  AND b.kind = 'upload' AND b.outcome = 'stored' AND b.took_ms IS NOT NULL
		LIMIT 2000),
	upload AS (
		SELECT c.*, row_number() OVER (ORDER BY c.sent_at) AS n, count(*) OVER () AS calls FROM sent_call c),
	sent AS (
		/* the first calls of a connection, to either server, take longer than any other; of few calls the median tells */
		SELECT CASE WHEN count(*) < 50 THEN percentile_cont(0.5) WITHIN GROUP (ORDER BY u.took_ms) FILTER (WHERE u.n > 2 * w.at_once OR u.calls < 4 * w.at_once) ELSE avg(u.took_ms) END AS took_ms, min(u.took_ms) AS least_ms, min(u.sent_at) AS first_at, min(u.run_id) AS run_id,
			   (SELECT avg(f.bytes) FROM flitmig.upload f WHERE f.migration_id = mig AND f.state = 'done') AS bytes
		FROM upload u, LATERAL (SELECT current_setting('flitmig.requests_in_flight')::integer) w(at_once)),
	waiting AS (
		SELECT avg(f.bytes) AS bytes, count(*) AS n FROM flitmig.source_file f WHERE f.migration_id = mig AND f.superseded_by IS NULL AND f.staging_table IS NULL)
	SELECT coalesce((SELECT greatest(extract(epoch FROM s.first_at - max(b.answered_at)) * 1000 - 10, 0) FROM flitmig.batch b WHERE b.run_id = s.run_id AND b.kind <> 'upload' AND b.answered_at < s.first_at)
					/ greatest(1, w.n), 2)::double precision,
		   coalesce(s.least_ms + (s.took_ms - s.least_ms) * least(1000, coalesce(w.bytes / nullif(s.bytes, 0), 1)), 50)::double precision,
		   k.calls,
		   s.took_ms IS NOT NULL
	FROM sent s, waiting w, LATERAL (SELECT CASE flitmig._upload_dialect(mig) WHEN 'direct' THEN 3 ELSE 1 END) k(calls)
$$;
COMMENT ON FUNCTION flitmig._file_times(integer) IS 'Milliseconds that looking for a file takes before the first goes up, and each call of a file''s upload, by the newest run that sent some; how many calls a file takes';

/* ---- the forecast ---- */

/*
 * Between the calls there is our own work, and 10 ms from one object map to
 * the next.  Before changed records are looked at again a run holds for 2 s
 * (46-trashed.sql).
 */
CREATE FUNCTION flitmig._forecast(mig integer, max_tokens integer, window_ms integer, known boolean, tokens double precision, share integer)
RETURNS TABLE ("order" bigint, object text, action text, records bigint, calls bigint, seconds double precision)
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH step AS MATERIALIZED (
		SELECT row_number() OVER (ORDER BY p.pass, p.position, p.part) AS n, p.pass, p.part, p.object, p.action, p.records, p.calls, 10 + f.pause_ms * p.records AS files_pause_ms,
			   /* what Twenty has is looked for in one phase of all object maps, and so are changes compared and sent, and looked at again */
			   CASE p.pass WHEN 1 THEN least(p.part, 2) WHEN 4 THEN 1000000 ELSE 2 + row_number() OVER (ORDER BY p.pass, p.position, p.part) END AS phase,
			   p.calls + CASE WHEN p.action = 'upload' AND p.calls = 0 THEN p.records * f.calls ELSE 0 END AS sent,
			   p.action <> 'upload' OR p.calls > 0 AS metered,
			   coalesce(k.call_ms + k.record_ms * p.records / greatest(p.calls, 1), f.call_ms) AS service_ms,
			   CASE p.action WHEN 'upload' THEN 0.7 ELSE flitmig._own_ms(p.records / greatest(p.calls, 1)) END AS own_ms
		FROM flitmig._plan_calls(mig) p
		CROSS JOIN flitmig._file_times(mig) f
		LEFT JOIN flitmig._call_times(mig) k ON k.kind = CASE WHEN p.action IN ('create', 'update') THEN p.action WHEN p.action = 'upload' THEN NULL WHEN p.action = 'second pass' THEN 'update' ELSE 'read' END),
	phase AS MATERIALIZED (
		SELECT row_number() OVER (ORDER BY s.phase) AS n, s.phase, sum(s.sent) AS calls,
			   CASE WHEN sum(s.sent) = 0 THEN 0 WHEN min(s.action) = 'upload' THEN min(s.files_pause_ms) WHEN min(s.pass) = 4 THEN 2000 ELSE 10 END AS pause,
			   sum(s.service_ms * s.sent) / greatest(sum(s.sent), 1) AS service, sum(s.own_ms * s.sent) / greatest(sum(s.sent), 1) AS own,
			   /* of changes nobody knows how many there are until they were compared */
			   CASE WHEN NOT bool_and(s.metered) THEN 0 WHEN s.phase = 2 THEN 2 ELSE 1 END AS metered
		FROM step s GROUP BY s.phase),
	way AS MATERIALIZED (
		/* reading the members takes a token before the first phase */
		SELECT flitmig._run_simulate(_forecast.max_tokens, _forecast.window_ms, _forecast.known, greatest(_forecast.tokens - 1, 0), share, flitmig._workers(mig),
				array_agg(w.calls ORDER BY w.n), array_agg(w.pause ORDER BY w.n), array_agg(w.service ORDER BY w.n), array_agg(w.own ORDER BY w.n), array_agg(w.metered ORDER BY w.n)) AS ends
		FROM (SELECT 0 AS n, 0::double precision AS calls, coalesce(flitmig._before_calls(mig), 0) * 1000 AS pause, 0::double precision AS service, 0::double precision AS own, 1::double precision AS metered
			  UNION ALL
			  SELECT p.n, p.calls, p.pause, p.service, p.own, p.metered FROM phase p) w)
	SELECT 0::bigint, NULL::text, 'mapping'::text, NULL::bigint, 0::bigint, w.ends[1] FROM way w WHERE flitmig._before_calls(mig) IS NOT NULL
	UNION ALL	/* object maps that share a phase share its time by their calls */
	SELECT s.n, s.object, s.action, s.records, s.calls::bigint, (w.ends[p.n + 1] - w.ends[p.n]) * CASE WHEN p.calls > 0 THEN s.sent / p.calls ELSE 0 END
	FROM step s JOIN phase p ON p.phase = s.phase CROSS JOIN way w
$$;
COMMENT ON FUNCTION flitmig._forecast(integer, integer, integer, boolean, double precision, integer) IS 'Each step of a run with its calls and how long it will take, at a limit of which so many tokens are left';
