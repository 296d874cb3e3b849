/*
 * time left: what a run has still to do, in simulated time (37-forecast.sql).
 *
 * A full bucket lets the first hundred calls go at once and the others as the
 * limit allows, so neither the rate so far nor the share that is done tells
 * when a run ends.  What is left is counted in calls, phase by phase, and
 * paced as the pump paces it, with the tokens that our calls have left.
 */

CREATE FUNCTION flitmig._calls_left(r flitmig.run)
RETURNS TABLE (n bigint, phase text, calls bigint, records bigint, kind text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH map AS MATERIALIZED (
		SELECT o.name, o.object, greatest(0, p.planned - coalesce(d.n, 0)) AS todo, p.planned, p.again
		FROM flitmig.run_object p JOIN flitmig.object_map o ON o.id = p.object_map_id
		LEFT JOIN (SELECT b.object_map_id, sum(cardinality(b.ids)) AS n FROM flitmig.batch b
				   WHERE b.run_id = r.id AND b.kind IN ('create', 'update') AND b.phase ~ '^(create|check)' AND b.state IN ('done', 'settled', 'refused') GROUP BY 1) d ON d.object_map_id = o.id
		WHERE p.run_id = r.id),
	/* a rollback's items may be millions: they are counted first, and what hangs on the few that carry a file is looked up from there */
	counted AS MATERIALIZED (
		SELECT i.object_map_id, i.object, i.state, count(*) AS n FROM flitmig.rollback_item i WHERE i.run_id = r.id GROUP BY 1, 2, 3),
	carrying AS MATERIALIZED (
		SELECT i.object_map_id, i.object, i.state, count(*) AS n
		FROM flitmig.upload u JOIN flitmig.rollback_item i ON i.run_id = r.id AND i.id = u.record_id
		WHERE r.kind = 'rollback' AND u.migration_id = r.migration_id AND u.state IN ('sent', 'done')
		GROUP BY 1, 2, 3),
	item AS MATERIALIZED (
		SELECT coalesce(o.name, '') AS name, c.object, c.state, sum(c.n) AS n, sum(coalesce(f.n, 0)) AS files
		FROM counted c
		LEFT JOIN flitmig.object_map o ON o.id = c.object_map_id
		LEFT JOIN carrying f ON f.object_map_id IS NOT DISTINCT FROM c.object_map_id AND f.object = c.object AND f.state = c.state
		GROUP BY 1, 2, 3),
	phase AS MATERIALIZED (
		SELECT x.n, x.phase, split_part(x.phase, ':', 1) AS step, substr(x.phase, strpos(x.phase, ':') + 1) AS name
		FROM unnest(flitmig._phases(r.id)) WITH ORDINALITY AS x(phase, n)
		WHERE x.n >= r.phase_no),
	waiting AS MATERIALIZED (
		SELECT count(*) AS calls, coalesce(sum(cardinality(b.ids)), 0) AS records, min(b.kind) AS kind, count(DISTINCT b.ids[1]) AS files
		FROM flitmig.batch b WHERE b.run_id = r.id AND b.phase = r.phase AND b.state IN ('planned', 'open'))
	/* the present phase knows its calls; a file that goes up has each of its calls planned by the one before */
	SELECT p.n, p.phase, CASE p.step WHEN 'upload' THEN w.files * f.calls ELSE w.calls END, w.records, CASE p.step WHEN 'upload' THEN 'upload' ELSE coalesce(w.kind, 'read') END
	FROM phase p, waiting w, flitmig._file_times(r.migration_id) f
	WHERE p.n = r.phase_no
	UNION ALL
	SELECT p.n, p.phase, c.calls::bigint, c.records, c.kind
	FROM phase p
	LEFT JOIN map m ON m.name = p.name AND p.step IN ('create', 'upload', 'deferred')
	CROSS JOIN LATERAL (SELECT flitmig._batch_size(r.migration_id)::numeric AS batch, flitmig._ids_per_call()::numeric AS ids) s
	CROSS JOIN LATERAL (
		SELECT ceil(m.todo / s.batch) AS calls, m.todo AS records, 'create' AS kind WHERE p.step = 'create'
		UNION ALL
		SELECT m.todo * f.calls, m.todo, 'upload' FROM flitmig._file_times(r.migration_id) f WHERE p.step = 'upload'
		UNION ALL
		SELECT ceil(m.again / 200.0), m.again, k FROM unnest(ARRAY['read', 'update']) k WHERE p.step = 'deferred' AND m.again > 0
		UNION ALL
		SELECT sum(ceil(v.planned / 200.0)), sum(v.planned)::bigint, 'read' FROM map v WHERE p.step = 'verify'
		UNION ALL
		SELECT sum(i.files + ceil((i.n - i.files) / s.ids)), sum(i.n)::bigint, 'destroy' FROM item i WHERE p.step = 'destroy' AND i.name = p.name AND i.state = 'destroy'
		UNION ALL
		SELECT count(DISTINCT i.object), 0, 'read' FROM item i WHERE p.step IN ('timeline', 'late') AND i.state IN ('destroy', 'destroyed')
		UNION ALL
		SELECT ceil(sum(i.n) / 200.0), sum(i.n)::bigint, CASE p.step WHEN 'restore' THEN 'read' ELSE 'update' END FROM item i WHERE p.step IN ('restore', 'restored') AND i.state = 'restore'
		UNION ALL	/* the second look at the schema finds nothing left */
		SELECT count(*), 0, 'schema' FROM flitmig._undo_scope(r.id) u
		WHERE p.step = 'unschema' AND p.n = (SELECT min(o.n) FROM phase o WHERE o.step = 'unschema') AND NOT r.options ? 'dry_run'
		  AND u.action IN ('create_object', 'create_field', 'add_options', 'alter_field')) c
	WHERE p.n > r.phase_no AND c.calls > 0
$$;
COMMENT ON FUNCTION flitmig._calls_left(flitmig.run) IS 'Calls that a run has still to make, phase by phase, as far as they can be foreseen';

CREATE FUNCTION flitmig._seconds_left(r flitmig.run) RETURNS double precision
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	left_s double precision;
BEGIN
	/* before the rows are mapped, or what is to be taken back is listed, nobody knows */
	IF r.total = 0 OR r.kind NOT IN ('sample', 'run', 'delta', 'rollback') THEN
		RETURN NULL;
	END IF;
	WITH call AS MATERIALIZED (
		SELECT c.n, c.calls, c.kind,
			   CASE c.kind
				   WHEN 'upload' THEN f.call_ms
				   WHEN 'schema' THEN flitmig._schema_ms(r.migration_id)
				   /* its time was not measured: what a read of so many takes */
				   ELSE k.call_ms + k.record_ms * c.records / c.calls END AS service,
			   CASE WHEN c.kind IN ('upload', 'schema') THEN 0.7 ELSE flitmig._own_ms(c.records::double precision / c.calls) END AS own,
			   (c.kind NOT IN ('upload', 'schema', 'introspect') OR c.kind = 'upload' AND flitmig._upload_dialect(r.migration_id) = 'path')::integer::double precision AS metered
		FROM flitmig._calls_left(r) c
		CROSS JOIN flitmig._file_times(r.migration_id) f
		LEFT JOIN flitmig._call_times(r.migration_id) k ON k.kind = CASE WHEN c.kind IN ('create', 'update') THEN c.kind ELSE 'read' END
		WHERE c.calls > 0)
	SELECT (SELECT (flitmig._run_simulate(CASE WHEN p.unlimited THEN 0 ELSE p.all_tokens END, p.window_ms, true, flitmig._tokens_left(p.server, p.all_tokens, p.window_ms), p.share, flitmig._workers(r.migration_id),
							array_agg(c.calls::double precision ORDER BY c.n, c.kind), array_agg(10::double precision ORDER BY c.n, c.kind), array_agg(c.service ORDER BY c.n, c.kind),
							array_agg(c.own ORDER BY c.n, c.kind), array_agg(c.metered ORDER BY c.n, c.kind)))[count(*)] FROM call c)
	INTO left_s
	FROM flitmig._pace(r.migration_id) p;
	RETURN coalesce(left_s, 0);
END
$$;
COMMENT ON FUNCTION flitmig._seconds_left(flitmig.run) IS 'How long a run will still take, at the limit that is known (else Twenty''s default, until it is disproved) and at the speed that was measured; NULL before its records are counted';

/*
 * Nobody's run may end because its end could not be foretold, nor wait for
 * that: what it took says when it is done again (_tell_now_and_then).  The
 * journal's functions plan with index joins alone; this one counts whole tables.
 */
CREATE FUNCTION flitmig._foretell(r flitmig.run) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = on SET enable_hashjoin = on SET enable_mergejoin = on
AS $$
DECLARE
	began timestamptz := clock_timestamp();
	ends timestamptz;
BEGIN
	BEGIN
		ends := clock_timestamp() + make_interval(secs => flitmig._seconds_left(r));
	EXCEPTION WHEN OTHERS THEN
		ends := NULL;
	END;
	/* should the clock be set in between, that is no reason to be silent for days */
	UPDATE flitmig.run u
	SET ends_at = ends, foreseen_at = clock_timestamp(), foreseen_in = least(greatest(clock_timestamp() - began, interval '0'), interval '1 minute')
	WHERE u.id = r.id;
END
$$;
COMMENT ON FUNCTION flitmig._foretell(flitmig.run) IS 'Writes down when a run will end, and how long it took to reckon that; an error in reckoning leaves the end unknown';
