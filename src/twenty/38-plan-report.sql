/* plan report: what a run would do, and how long that lasts at the call limit. */

/*
 * Seconds until the n-th call is through.  The full bucket at the start is
 * spent as fast as calls go, about 0.2 s for 200 records with two in flight
 * (TWENTY.md 3), and nothing comes in meanwhile: calls closer together than a
 * token bring none (TWENTY.md 2).  The rest comes at the limit less the two
 * per cent that pacing costs.
 */
CREATE FUNCTION flitmig._seconds(calls bigint, max_tokens integer, window_ms integer) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT least(calls, max_tokens) * 0.2 + greatest(calls - max_tokens, 0) * greatest(0.2, window_ms / 1000.0 / max_tokens / 0.98)
$$;
COMMENT ON FUNCTION flitmig._seconds(bigint, integer, integer) IS 'Seconds that so many record calls take at a call limit';

CREATE FUNCTION flitmig._call_share(server text) RETURNS integer
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce((SELECT o.option_value::integer FROM pg_foreign_server s, pg_options_to_table(s.srvoptions) o
					 WHERE s.srvname = server AND o.option_name = 'call_share'), 100)
$$;
COMMENT ON FUNCTION flitmig._call_share(text) IS 'Percent of a server''s call limit that migrations keep to: its option call_share, else all';

CREATE FUNCTION flitmig._pace(mig integer, OUT max_tokens integer, OUT window_ms integer, OUT batch_size integer, OUT known boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT greatest(1, coalesce(max(l.max_tokens), 100)::bigint * max(flitmig._call_share(m.server)) / 100)::integer, coalesce(max(l.window_ms), 60000), coalesce(max(l.batch_size), 200), count(l.server) > 0
	FROM flitmig.migration m LEFT JOIN flitmig.server_limit l ON l.server = m.server AND l.max_tokens > 0 AND l.window_ms > 0
	WHERE m.id = mig
$$;
COMMENT ON FUNCTION flitmig._pace(integer) IS 'Calls that a migration may make: the limit learned from its server, else Twenty''s default of 100 a minute, times the server''s option call_share';

/* Records to send per object map, as calls: creates, and for changes a read before the write. */
CREATE FUNCTION flitmig._plan_calls(mig integer) RETURNS TABLE("position" integer, part integer, object text, action text, records bigint, calls bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH counted AS (
		SELECT o.position, o.name,
			   count(r.id) FILTER (WHERE b.id IS NULL) AS created,
			   count(r.id) FILTER (WHERE b.hash <> r.hash) AS changed,
			   count(r.id) FILTER (WHERE b.id IS NULL AND r.file_path IS NOT NULL) AS files
		FROM flitmig.object_map o
		LEFT JOIN flitmig.record r ON r.object_map_id = o.id AND r.state = 'mapped'
			AND NOT EXISTS (SELECT FROM flitmig.quarantine q WHERE q.migration_id = mig AND q.id = r.id AND q.hash = r.hash)
		LEFT JOIN flitmig.base b ON b.migration_id = mig AND b.id = r.id
		WHERE o.migration_id = mig
		GROUP BY o.position, o.name)
	SELECT c.position, s.part, c.name, s.action, s.n, s.calls
	FROM counted c, LATERAL flitmig._pace(mig) p,
		 LATERAL (VALUES
			(1, 'read', c.changed, ceil(c.changed / 200.0)),
			(2, 'update', c.changed, ceil(c.changed / p.batch_size::numeric)),
			(3, 'upload', c.files, CASE WHEN flitmig._upload_dialect(mig) = 'path' THEN c.files ELSE 0 END),
			(4, 'create', c.created, ceil(c.created / p.batch_size::numeric))) AS s(part, action, n, calls)
	WHERE s.n > 0 OR s.action = 'create'
$$;
COMMENT ON FUNCTION flitmig._plan_calls(integer) IS 'Per object map what is to be created, updated and uploaded, and the calls that count against the limit';

/*
 * What no arithmetic knows is measured: the newest run that stored something,
 * usually the sample, mapped the same rows and sent files to the same server.
 */
CREATE FUNCTION flitmig._plan_measured(mig integer, OUT before_calls numeric, OUT a_file numeric)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT (SELECT extract(epoch FROM min(b.opened_at) - r.started_at)
			FROM flitmig.run r JOIN flitmig.batch b ON b.run_id = r.id AND b.kind IN ('create', 'update') AND b.opened_at IS NOT NULL
			WHERE r.migration_id = mig AND r.kind IN ('sample', 'run', 'delta')
			GROUP BY r.id ORDER BY r.id DESC LIMIT 1)::numeric,
		   (SELECT extract(epoch FROM max(b.answered_at) - min(b.opened_at)) / count(DISTINCT b.ids)
			FROM flitmig.batch b WHERE b.migration_id = mig AND b.kind = 'upload' AND b.answered_at IS NOT NULL
			GROUP BY b.run_id ORDER BY b.run_id DESC LIMIT 1)::numeric
$$;
COMMENT ON FUNCTION flitmig._plan_measured(integer) IS 'Seconds that the newest run took from its start to its first record (reading the model, mapping), and for a file';

CREATE FUNCTION flitmig._plan_design(detail jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT nullif(concat_ws(', ', detail ->> 'type' || coalesce(' to ' || (detail ->> 'relationObject'), ''),
		CASE WHEN (detail ->> 'isUnique')::boolean THEN 'unique' END,
		(SELECT 'options ' || string_agg(o ->> 'value', ' ' ORDER BY n) FROM jsonb_array_elements(detail -> 'options') WITH ORDINALITY x(o, n))), '')
$$;
COMMENT ON FUNCTION flitmig._plan_design(jsonb) IS 'Type, relation and options of a field, for those who review the plan';

CREATE FUNCTION flitmig._plan_report(mig integer)
RETURNS TABLE(step text, object text, action text, records bigint, calls bigint, seconds numeric)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH pace AS (SELECT * FROM flitmig._pace(mig)),
	schema_step AS (
		SELECT 'schema' AS step, a.object || coalesce('.' || a.field, '') AS object,
			   CASE a.state WHEN 'clash' THEN 'clash: ' || a.why
							ELSE concat_ws(': ', CASE a.state WHEN 'exists' THEN 'reuse' ELSE replace(a.action, '_', ' ') END, flitmig._plan_design(a.detail)) END AS action,
			   NULL::bigint AS records, (a.state IN ('create', 'append'))::integer::bigint AS calls,
			   /* not metered, but each change rebuilds the server's schema */
			   CASE WHEN a.state IN ('create', 'append') THEN 0.5 ELSE 0 END AS seconds,
			   1 AS part, a.position::bigint AS place
		FROM flitmig._schema_actions(mig) a),
	push AS (
		SELECT c.*, sum(c.calls) OVER (ORDER BY c.part > 2, c.position, c.part) AS until
		FROM flitmig._plan_calls(mig) c),
	push_step AS (
		SELECT CASE WHEN p.action = 'upload' THEN 'files' ELSE 'records' END, p.object, p.action, p.records, p.calls::bigint,
			   CASE WHEN p.action = 'upload' AND p.calls = 0 THEN p.records * coalesce(t.a_file, 0.2)
					ELSE flitmig._seconds(p.until::bigint, l.max_tokens, l.window_ms) - flitmig._seconds((p.until - p.calls)::bigint, l.max_tokens, l.window_ms) END,
			   2, (row_number() OVER (ORDER BY p.part > 2, p.position, p.part))
		FROM push p, pace l, flitmig._plan_measured(mig) t),
	map_step AS (
		SELECT 'mapping', NULL::text, 'read the model, map the staged rows', NULL::bigint, 0::bigint, t.before_calls, 2, 0::bigint
		FROM flitmig._plan_measured(mig) t WHERE t.before_calls IS NOT NULL),
	step AS (
		SELECT * FROM schema_step
		UNION ALL
		SELECT * FROM map_step
		UNION ALL
		SELECT * FROM push_step)
	SELECT t.step, t.object, t.action, t.records, t.calls, round(t.seconds, 1)
	FROM (SELECT * FROM step
		  UNION ALL
		  SELECT 'TOTAL', CASE WHEN (SELECT m.mapped_at FROM flitmig.migration m WHERE m.id = mig) IS NULL THEN 'records are counted once they are mapped' END,
				 format('at %s calls per %s s%s', l.max_tokens, l.window_ms / 1000, CASE WHEN l.known THEN '' ELSE ' (Twenty''s default; this server has not said otherwise)' END),
				 sum(s.records) FILTER (WHERE s.action IN ('create', 'update')), sum(s.calls), sum(s.seconds), 3, 0
		  FROM step s RIGHT JOIN pace l ON true
		  GROUP BY l.max_tokens, l.window_ms, l.known) t
	ORDER BY t.part, t.place
$$;
COMMENT ON FUNCTION flitmig._plan_report(integer) IS 'Every schema change and every kind of record with calls and expected seconds, and a TOTAL';
