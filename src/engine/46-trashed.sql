/*
 * trashed: an upsert takes a record out of the trash (TWENTY.md 4), also one
 * that a person has put there between our look and our write.  Its answer is
 * the same as for any other record; only the activity tells that Twenty writes
 * about the deletion, a moment later (TWENTY.md 5).  So at the end of a run:
 *
 *	read activities ─▶ deleted since our look, not restored by anyone ─▶ back into the trash, listed
 *
 * Objects without activities, and servers that write none, keep the gap.
 */

/* Updates of this run and of those since the last whole one that may have gone by upsert. */
CREATE FUNCTION flitmig._upserted(this_run bigint, mig integer) RETURNS TABLE (object text, id uuid)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT DISTINCT b.object, i.id
	FROM flitmig.batch b CROSS JOIN LATERAL unnest(b.ids) AS i(id)
	WHERE b.migration_id = mig AND b.run_id <= this_run AND b.kind = 'update' AND b.state IN ('done', 'settled')
	  AND b.run_id > coalesce((SELECT max(r.id) FROM flitmig.run r WHERE r.migration_id = mig AND r.id < this_run AND r.state = 'done' AND r.kind IN ('sample', 'run', 'delta', 'rollback')), 0)
	  AND NOT coalesce(b.detail, '{}') ?| ARRAY['alike', 'single']
	  /* the second pass writes into records that the first has just made */
	  AND b.phase NOT LIKE 'deferred:%'
$$;
COMMENT ON FUNCTION flitmig._upserted(bigint, integer) IS 'Records that were updated by upsert and not looked at since, see _plan_trashed';

CREATE FUNCTION flitmig._plan_trashed(this_run bigint, mig integer, phase text) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	/* each step for itself: a planner that has not heard yet of how many records there are would ask them of each other */
	INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, purpose, object, ids)
	WITH upserted AS MATERIALIZED (
		SELECT u.object, u.id FROM flitmig._upserted(this_run, mig) u),
	told AS MATERIALIZED (
		SELECT o.object FROM (SELECT DISTINCT u.object FROM upserted u) o WHERE flitmig._told_column(mig, o.object) IS NOT NULL AND flitmig._has_trash(mig, o.object)),
	known AS MATERIALIZED (
		SELECT u.object, u.id, row_number() OVER (PARTITION BY u.object ORDER BY u.id) - 1 AS n
		FROM upserted u
		WHERE u.object IN (SELECT t.object FROM told t)
		  AND (SELECT true FROM flitmig.base s WHERE s.migration_id = mig AND s.id = u.id))
	SELECT this_run, mig, _plan_trashed.phase, 'timeline', 'trashed', k.object, array_agg(k.id ORDER BY k.n)
	FROM known k
	GROUP BY k.object, k.n / flitmig._ids_per_call();
	RETURN CASE WHEN FOUND THEN 2000 ELSE 0 END;
END
$$;
COMMENT ON FUNCTION flitmig._plan_trashed(bigint, integer, text) IS 'Plans a look at what was told of the records that this run has updated by upsert; returns how long to hold before (ms)';

CREATE FUNCTION flitmig._open_trashed(b flitmig.batch, OUT path text, OUT body text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	col text := flitmig._identifier(flitmig._told_column(b.migration_id, b.object));
BEGIN
	path := '/graphql';
	body := flitmig._call(format('query($f:TimelineActivityFilterInput){%s(filter:$f,first:200){totalCount edges{node{id name updatedAt %s}}}}', flitmig._api_name(b.migration_id, 'timelineActivity', true), col),
						  jsonb_build_object('f', jsonb_build_object('and', jsonb_build_array(
							jsonb_build_object(col, jsonb_build_object('in', to_jsonb(b.ids))),
							jsonb_build_object('name', jsonb_build_object('in', jsonb_build_array(b.object || '.deleted', b.object || '.restored')))))));
END
$$;
COMMENT ON FUNCTION flitmig._open_trashed(flitmig.batch) IS 'Builds the read of what was told of deletions of these records';

/* How long before the answer to our last update of a record we looked at it, by our own clock. */
CREATE FUNCTION flitmig._gap(b flitmig.batch, record uuid) RETURNS interval
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT w.answered_at - l.opened_at
	FROM (SELECT u.run_id, u.opened_at, coalesce(u.answered_at, u.dark_at) AS answered_at FROM flitmig.batch u
		  WHERE u.migration_id = b.migration_id AND u.run_id <= b.run_id AND u.kind = 'update' AND u.object = b.object AND record = ANY (u.ids)
		  ORDER BY u.id DESC LIMIT 1) w,
		 LATERAL (SELECT r.opened_at FROM flitmig.batch r
				  WHERE r.migration_id = b.migration_id AND r.run_id = w.run_id AND r.kind = 'read' AND r.object = b.object AND r.opened_at < w.opened_at AND record = ANY (r.ids)
				  ORDER BY r.id DESC LIMIT 1) l
$$;
COMMENT ON FUNCTION flitmig._gap(flitmig.batch, uuid) IS 'Time between the look that cleared the last update of a record and its answer; NULL when there was none';

CREATE FUNCTION flitmig._read_trashed(b flitmig.batch, body jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	col text := flitmig._told_column(b.migration_id, b.object);
	back uuid[];
BEGIN
	IF flitmig._is_cut(body) AND cardinality(b.ids) > 1 THEN
		PERFORM flitmig._ask_in_halves(b);
		RETURN;
	END IF;
	SELECT array_agg(t.id) INTO back
	FROM (SELECT (a.doc ->> col)::uuid AS id,
				 max((a.doc ->> 'updatedAt')::timestamptz) FILTER (WHERE a.doc ->> 'name' LIKE '%.deleted') AS deleted,
				 max((a.doc ->> 'updatedAt')::timestamptz) FILTER (WHERE a.doc ->> 'name' LIKE '%.restored') AS restored
		  FROM flitmig._answer_records(body) a
		  GROUP BY 1) t
	JOIN flitmig.base s ON s.migration_id = b.migration_id AND s.id = t.id
	WHERE t.id = ANY (b.ids) AND (t.restored IS NULL OR t.restored < t.deleted)
	  AND s.stored ->> 'deletedAt' IS NULL
	  AND t.deleted >= (s.stored ->> 'updatedAt')::timestamptz - flitmig._gap(b, t.id);
	IF back IS NULL THEN
		RETURN;
	END IF;
	INSERT INTO flitmig.conflict (migration_id, id, object, object_map_id, field, run_id, kind)
	SELECT b.migration_id, s.id, b.object, s.object_map_id, '*', b.run_id, 'trashed'
	FROM flitmig.base s WHERE s.migration_id = b.migration_id AND s.id = ANY (back)
	ON CONFLICT (migration_id, id, field) DO UPDATE SET run_id = excluded.run_id, kind = excluded.kind;
	PERFORM flitmig._plan_batches(b.run_id, b.migration_id, b.phase, 'trash', 'put back', b.object, b.object_map_id, back, 200);
END
$$;
COMMENT ON FUNCTION flitmig._read_trashed(flitmig.batch, jsonb) IS 'Puts records back into the trash that a person had put there and an update of ours took out, and lists them';
