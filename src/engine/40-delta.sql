/*
 * delta: what changed since it was stored. Three ways per field: base (what
 * we stored), source now, target now.
 *
 *	source = base                     leave it (target changed: noted)
 *	source ≠ base, target = base      update
 *	source ≠ base, target = source    already so
 *	source ≠ base, target ≠ both      conflict, the target's value stays
 */

/* Twenty refuses a link to a record that it does not have, with the whole batch. */
CREATE FUNCTION flitmig._waits(mig integer, refs uuid[]) RETURNS boolean
LANGUAGE sql STABLE
AS $$
	SELECT EXISTS (SELECT FROM pg_catalog.unnest(refs) AS x(id) WHERE NOT EXISTS (SELECT FROM flitmig.base p WHERE p.migration_id OPERATOR(pg_catalog.=) mig AND p.id OPERATOR(pg_catalog.=) x.id))
$$;
COMMENT ON FUNCTION flitmig._waits(integer, uuid[]) IS 'Whether one of these records is not stored yet. Inlined, so without a search path of its own';

CREATE FUNCTION flitmig._plan_check(this_run bigint, mig integer, phase text) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	DELETE FROM flitmig.change WHERE migration_id = mig;
	DELETE FROM flitmig.conflict WHERE migration_id = mig AND kind <> 'gone';
	/* refused when it was sent last, unchanged since: not sent again by itself */
	SELECT flitmig._plan_batches(this_run, mig, phase, 'read', 'check', t.object, t.object_map_id, t.ids, 200)
	FROM (SELECT r.object, r.object_map_id, array_agg(r.id ORDER BY r.sequence, r.id) AS ids
		  FROM flitmig.record r JOIN flitmig.base b ON b.migration_id = mig AND b.id = r.id
		  WHERE r.migration_id = mig AND r.state = 'mapped' AND b.hash <> r.hash AND b.origin = 'created'
			AND NOT EXISTS (SELECT FROM flitmig.quarantine q WHERE q.migration_id = mig AND q.id = r.id AND q.hash = r.hash AND q.kind <> 'held')
			/* after the creates */
			AND NOT flitmig._waits(mig, r.refs)
		  GROUP BY r.object, r.object_map_id) t;
$$;
COMMENT ON FUNCTION flitmig._plan_check(bigint, integer, text) IS 'Plans a read of the current state of every record of ours whose source changed';

/*
 * An update of a composite field changes the parts that it names and leaves
 * the others: parts that were sent before and are no more are emptied by name.
 */
CREATE FUNCTION flitmig._emptied(value jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE jsonb_typeof(value)
			   WHEN 'object' THEN (SELECT jsonb_object_agg(p.key, CASE jsonb_typeof(p.value) WHEN 'array' THEN '[]'::jsonb ELSE 'null'::jsonb END) FROM jsonb_each(value) p)
			   WHEN 'array' THEN '[]'::jsonb
			   ELSE 'null'::jsonb
		   END
$$;
COMMENT ON FUNCTION flitmig._emptied(jsonb) IS 'What to send to empty a field that now holds this value';

/* A field that we never sent holds what the server gives by itself. */
CREATE FUNCTION flitmig._blank(value jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE jsonb_typeof(value)
			   WHEN 'object' THEN NOT EXISTS (SELECT FROM jsonb_each(value) p WHERE p.value NOT IN ('null', '""', '[]', '0'))
			   ELSE value IS NULL OR value IN ('null', '""', '[]', 'false')
		   END
$$;
COMMENT ON FUNCTION flitmig._blank(jsonb) IS 'Whether a stored value is what a field holds that nobody has filled';

CREATE FUNCTION flitmig._replacing(before jsonb, value jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
			   WHEN value IS NULL THEN flitmig._emptied(before)
			   WHEN jsonb_typeof(before) = 'object' AND jsonb_typeof(value) = 'object' THEN flitmig._emptied(before) || value
			   ELSE value
		   END
$$;
COMMENT ON FUNCTION flitmig._replacing(jsonb, jsonb) IS 'What to send so that value takes the place of before, part by part; value NULL: nothing is left';

/* Whether and when those were applied nobody knows: a new updatedAt may be of our own making. */
CREATE FUNCTION flitmig._dark_updates(mig integer) RETURNS TABLE (id uuid)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT DISTINCT i.id FROM flitmig.batch b, unnest(b.ids) AS i(id)
	WHERE b.migration_id = mig AND b.kind = 'update' AND b.dark_at IS NOT NULL
$$;
COMMENT ON FUNCTION flitmig._dark_updates(integer) IS 'Ids of records that an update named whose answer never came';

CREATE FUNCTION flitmig._note_touched(b flitmig.batch, body jsonb) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	/* an update of ours will give it a new updatedAt: remember now that someone was here */
	UPDATE flitmig.base s SET touched = true
	FROM flitmig._answer_records(body) a
	WHERE s.migration_id = b.migration_id AND s.id = a.id AND NOT s.touched
	  AND a.doc -> 'updatedAt' <> s.stored -> 'updatedAt'
	  AND NOT EXISTS (SELECT FROM flitmig._dark_updates(b.migration_id) d WHERE d.id = a.id)
$$;
COMMENT ON FUNCTION flitmig._note_touched(flitmig.batch, jsonb) IS 'Marks records that someone else has changed since we stored them';

/* An upsert gives a record a new place in Twenty's lists where it is sent without one (1.17); that of an adopted record is not ours. */
CREATE FUNCTION flitmig._note_place(b flitmig.batch, body jsonb) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE flitmig.change c
	SET created_at = a.doc -> 'createdAt',
		position = CASE WHEN s.origin = 'adopted' AND jsonb_typeof(a.doc -> 'position') = 'number' THEN a.doc -> 'position' END,
		single = c.single OR (s.origin = 'adopted' AND jsonb_typeof(a.doc -> 'position') IS DISTINCT FROM 'number')
	FROM flitmig._answer_records(body) a
	JOIN flitmig.base s ON s.migration_id = b.migration_id AND s.id = a.id
	WHERE c.migration_id = b.migration_id AND c.id = a.id
$$;
COMMENT ON FUNCTION flitmig._note_place(flitmig.batch, jsonb) IS 'Remembers of records about to be updated when they were made, see _unmake_inserted, and of adopted ones where they stand';

CREATE FUNCTION flitmig._read_check(b flitmig.batch, body jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DELETE FROM flitmig.conflict c WHERE c.migration_id = b.migration_id AND c.id = ANY (b.ids);
	PERFORM flitmig._note_touched(b, body);
	WITH target AS (
		SELECT a.id, a.doc FROM flitmig._answer_records(body) a),
	place AS (
		SELECT r.id, r.payload, s.sent, s.stored, s.kept_fields, t.doc,
			   CASE WHEN t.id IS NULL THEN 'missing' WHEN t.doc ->> 'deletedAt' IS NOT NULL THEN 'trashed' END AS lost
		FROM flitmig.record r
		JOIN flitmig.base s ON s.migration_id = r.migration_id AND s.id = r.id
		LEFT JOIN target t ON t.id = r.id
		WHERE r.migration_id = b.migration_id AND r.id = ANY (b.ids)),
	field AS (
		SELECT p.id, k.key, p.sent -> k.key AS base_sent, p.stored -> k.key AS base_stored,
			   p.payload -> k.key AS source, p.doc -> k.key AS target,
			   p.payload -> k.key IS DISTINCT FROM p.sent -> k.key AS source_changed,
			   /* what was somebody else's when we adopted the record is never written */
			   CASE WHEN k.key = ANY (p.kept_fields) AND p.payload -> k.key IS DISTINCT FROM p.sent -> k.key THEN true
					WHEN p.stored ? k.key THEN p.doc -> k.key IS DISTINCT FROM p.stored -> k.key
					ELSE NOT flitmig._blank(p.doc -> k.key) END AS target_changed
		FROM place p, LATERAL (SELECT jsonb_object_keys(p.payload) UNION SELECT jsonb_object_keys(p.sent)) k(key)
		WHERE p.lost IS NULL),
	judged AS (
		SELECT f.*,
			   f.source_changed AND coalesce((SELECT bool_and(c.verdict IN ('same', 'normalised'))
											  FROM flitmig._compare(jsonb_build_object(f.key, f.source), jsonb_build_object(f.key, f.target), b.migration_id, b.object) c
											  WHERE f.source IS NOT NULL), f.target IS NULL OR f.target = 'null') AS already
		FROM field f WHERE f.source_changed OR f.target_changed),
	lost AS (
		INSERT INTO flitmig.conflict (migration_id, id, object, object_map_id, field, run_id, kind)
		SELECT b.migration_id, p.id, b.object, b.object_map_id, '*', b.run_id, p.lost FROM place p WHERE p.lost IS NOT NULL
		RETURNING 1),
	conflicting AS (
		INSERT INTO flitmig.conflict (migration_id, id, object, object_map_id, field, run_id, kind, base_value, source_value, target_value)
		SELECT b.migration_id, j.id, b.object, b.object_map_id, j.key, b.run_id,
			   CASE WHEN j.source_changed THEN 'both' ELSE 'target' END, j.base_stored, j.source, j.target
		FROM judged j WHERE j.target_changed AND NOT j.already
		RETURNING 1),
	agreed AS (
		UPDATE flitmig.base s
		SET sent = n.sent, hash = jsonb_hash_extended(n.sent, 0),
			/* most likely an update of ours whose answer was lost: what is there now is what we stored */
			stored = s.stored || n.target || CASE WHEN n.in_the_dark THEN jsonb_strip_nulls(jsonb_build_object('updatedAt', n.doc -> 'updatedAt')) ELSE '{}' END
		FROM (SELECT p.id, p.doc, jsonb_object_agg(j.key, coalesce(j.target, 'null')) AS target,
					 EXISTS (SELECT FROM flitmig._dark_updates(b.migration_id) d WHERE d.id = p.id) AS in_the_dark,
					 (p.sent - coalesce(array_agg(j.key) FILTER (WHERE j.source IS NULL), '{}'::text[]))
					 || coalesce(jsonb_object_agg(j.key, j.source) FILTER (WHERE j.source IS NOT NULL), '{}') AS sent
			  FROM place p JOIN judged j ON j.id = p.id AND j.already
			  GROUP BY p.id, p.sent, p.doc) n
		WHERE s.migration_id = b.migration_id AND s.id = n.id
		RETURNING 1)
	INSERT INTO flitmig.change (migration_id, id, run_id, object, object_map_id, single, changes, before)
	SELECT b.migration_id, j.id, b.run_id, b.object, b.object_map_id,
		   bool_or(flitmig._is_touchy(b.migration_id, b.object, j.key, j.source)),
		   jsonb_object_agg(j.key, flitmig._replacing(coalesce(j.base_sent, j.base_stored), j.source)),
		   jsonb_object_agg(j.key, coalesce(j.target, 'null'))
	FROM judged j
	WHERE j.source_changed AND NOT j.target_changed AND NOT j.already
	GROUP BY j.id
	ON CONFLICT (migration_id, id) DO UPDATE
	SET run_id = excluded.run_id, single = excluded.single, changes = excluded.changes, before = excluded.before;
	PERFORM flitmig._note_place(b, body);
	/* at once, ahead of further reads: the less time between look and write, the less a person can do in it */
	PERFORM flitmig._plan_update(b.run_id, b.migration_id, b.phase);
END
$$;
COMMENT ON FUNCTION flitmig._read_check(flitmig.batch, jsonb) IS 'Judges every field of the records read: changes to send, conflicts to list, agreement to note';
