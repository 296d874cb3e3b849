/*
 * delta: what changed since it was stored. Three ways per field: base (what
 * we stored), source now, target now.
 *
 *	source = base                     leave it (target changed: noted)
 *	source ≠ base, target = base      update
 *	source ≠ base, target = source    already so
 *	source ≠ base, target ≠ both      conflict, the target's value stays
 */

CREATE FUNCTION flitmig._plan_map(this_run bigint, mig integer) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM flitmig._map(mig);
	PERFORM flitmig._count_planned(this_run, mig);
END
$$;
COMMENT ON FUNCTION flitmig._plan_map(bigint, integer) IS 'Recomputes the records';

CREATE FUNCTION flitmig._count_planned(this_run bigint, mig integer) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	r flitmig.run;
BEGIN
	SELECT * INTO STRICT r FROM flitmig.run WHERE id = this_run;
	IF r.kind = 'sample' THEN
		PERFORM flitmig._choose_sample(mig, coalesce((r.options ->> 'size')::integer, 300));
	END IF;
	DELETE FROM flitmig.run_object p WHERE p.run_id = this_run;
	INSERT INTO flitmig.run_object (run_id, object_map_id, planned, unchanged, again)
	SELECT this_run, o.id,
		   count(c.id) FILTER (WHERE b.id IS NULL OR b.hash <> c.hash),
		   count(c.id) FILTER (WHERE b.hash = c.hash),
		   count(c.id) FILTER (WHERE b.id IS NULL AND d.fields <> '{}' AND c.payload ?| d.fields)
	FROM flitmig.object_map o
	CROSS JOIN LATERAL (SELECT ARRAY(SELECT f.field FROM flitmig.deferred_field f WHERE f.object_map_id = o.id) AS fields) d
	LEFT JOIN flitmig.record c ON c.object_map_id = o.id AND c.state = 'mapped'
		AND (r.kind <> 'sample' OR EXISTS (SELECT FROM flitmig.sample_record s WHERE s.migration_id = mig AND s.id = c.id))
	LEFT JOIN flitmig.base b ON b.migration_id = mig AND b.id = c.id
	WHERE o.migration_id = mig
	GROUP BY o.id;
	UPDATE flitmig.run SET total = (SELECT sum(p.planned) FROM flitmig.run_object p WHERE p.run_id = this_run) WHERE id = this_run;
END
$$;
COMMENT ON FUNCTION flitmig._count_planned(bigint, integer) IS 'Chooses the slice when a sample runs, and counts what the run sets out to send';

/*
 * The slice: some records of the object map that most others point at (the
 * patients), spread by hash, then everything that points at them, then
 * everything that those point at.
 */
CREATE FUNCTION flitmig._choose_sample(mig integer, size integer) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	root integer;
	roots integer;
BEGIN
	DELETE FROM flitmig.sample_record WHERE migration_id = mig;
	SELECT p.object_map_id INTO root
	FROM flitmig.record c, unnest(c.refs) AS ref(id)
	JOIN flitmig.record p ON p.migration_id = mig AND p.id = ref.id
	WHERE c.migration_id = mig AND c.state = 'mapped'
	GROUP BY p.object_map_id ORDER BY count(DISTINCT c.object_map_id) DESC, count(*) DESC LIMIT 1;
	/* as many roots as make the slice about as large as asked for */
	SELECT greatest(1, ceil(size::numeric * count(*) FILTER (WHERE r.object_map_id = root) / greatest(count(*), 1))) INTO roots
	FROM flitmig.record r WHERE r.migration_id = mig AND r.state = 'mapped';
	WITH RECURSIVE edge AS MATERIALIZED (
		SELECT c.id AS child, ref.id AS parent, c.object_map_id
		FROM flitmig.record c, unnest(c.refs) AS ref(id)
		WHERE c.migration_id = mig AND c.state = 'mapped'),
	seed AS (
		SELECT r.id FROM flitmig.record r
		WHERE r.migration_id = mig AND r.state = 'mapped' AND (r.object_map_id = root OR root IS NULL)
		ORDER BY hashtextextended(r.id::text, 1) LIMIT roots),
	one_each AS (	/* every kind of record shows itself, also those that nothing ties to a patient */
		SELECT DISTINCT ON (r.object_map_id) r.id FROM flitmig.record r
		WHERE r.migration_id = mig AND r.state = 'mapped'
		ORDER BY r.object_map_id, hashtextextended(r.id::text, 1)),
	down AS (
		SELECT id FROM seed
		UNION
		SELECT e.child FROM down d JOIN edge e ON e.parent = d.id),
	up AS (
		SELECT id FROM down
		UNION
		SELECT id FROM one_each
		UNION
		SELECT e.parent FROM up u JOIN edge e ON e.child = u.id)
	INSERT INTO flitmig.sample_record (migration_id, id)
	SELECT mig, u.id FROM up u JOIN flitmig.record r ON r.migration_id = mig AND r.id = u.id AND r.state = 'mapped';
END
$$;
COMMENT ON FUNCTION flitmig._choose_sample(integer, integer) IS 'Chooses a slice of about so many records that is closed under its relations';

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

/*
 * A change of a unique field never goes by upsert: that would match another
 * holder of the value, or of its blankness (TWENTY.md 4).  Nobody but us
 * writes into a field that this migration has made.
 */
CREATE FUNCTION flitmig._is_touchy(mig integer, object text, payload_key text, value jsonb) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (SELECT FROM flitmig.live_field f
				   WHERE f.migration_id = mig AND f.object = _is_touchy.object AND f.name = payload_key AND f.is_unique
					 AND (flitmig._blank(value)
						  OR NOT EXISTS (SELECT FROM flitmig.undo u
										 WHERE u.migration_id = mig AND u.undone_by IS NULL AND u.object = f.object
										   AND (u.action = 'create_object' OR (u.action = 'create_field' AND u.field = f.name)))))
$$;
COMMENT ON FUNCTION flitmig._is_touchy(integer, text, text, jsonb) IS 'Whether a field must not get this value by upsert, because it is unique on the server';

/*
 * Three ways to write (TWENTY.md 3, 4), the safest that takes few calls:
 *
 *	alike	updatePeople(filter: ids, data)		records that get the same; never inserts, never takes out of the trash
 *	single	updatePerson(id, data)				what may not go by upsert
 *	else	createPeople(data, upsert)			200 to a call
 *
 * Also the write half of a restore: changes then hold the before-images.
 */
CREATE FUNCTION flitmig._plan_update(this_run bigint, mig integer, phase text) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	WITH waiting AS (
		SELECT c.*, count(*) OVER (PARTITION BY c.object, c.object_map_id, c.changes) AS alike, count(*) OVER (PARTITION BY c.object, c.object_map_id, c.single) AS others
		FROM flitmig.change c
		WHERE c.migration_id = mig AND c.run_id = this_run
		  AND NOT EXISTS (SELECT FROM flitmig.batch b
						  WHERE b.run_id = this_run AND b.phase = _plan_update.phase AND b.kind = 'update' AND c.id = ANY (b.ids)
							AND (b.state IN ('planned', 'open') OR (b.state = 'refused' AND b.phase = 'check')))),
	way AS (
		SELECT w.object, w.object_map_id, w.id, x.way, CASE x.way WHEN 'alike' THEN w.changes END AS said,
			   CASE x.way WHEN 'single' THEN 1 ELSE flitmig._batch_size(mig) END AS size
		FROM waiting w,
			 LATERAL (SELECT CASE WHEN w.alike > 1 AND (w.single OR w.alike >= least(w.others, 200)) THEN 'alike' WHEN w.single THEN 'single' END AS way) x),
	numbered AS (
		SELECT w.*, row_number() OVER (PARTITION BY w.object, w.object_map_id, w.way, w.said ORDER BY w.id) - 1 AS n FROM way w)
	INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, purpose, object, object_map_id, position, ids, detail)
	SELECT this_run, mig, _plan_update.phase, 'update', CASE phase WHEN 'restored' THEN 'restore' WHEN 'gone' THEN 'gone' ELSE 'push' END,
		   w.object, w.object_map_id, -1, array_agg(w.id ORDER BY w.n), CASE WHEN w.way IS NOT NULL THEN jsonb_build_object(w.way, true) END
	FROM numbered w
	GROUP BY w.object, w.object_map_id, w.way, w.said, w.n / w.size
	ORDER BY w.object, w.object_map_id, w.way NULLS FIRST, w.said, min(w.n)
$$;
COMMENT ON FUNCTION flitmig._plan_update(bigint, integer, text) IS 'Plans the cleared changes, 200 to a call wherever that is safe';

CREATE FUNCTION flitmig._behind(this_run bigint, mig integer) RETURNS SETOF flitmig.record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT r.*
	FROM flitmig.record r JOIN flitmig.base b ON b.migration_id = mig AND b.id = r.id
	WHERE r.migration_id = mig AND r.state = 'mapped' AND b.hash <> r.hash
	  AND ((SELECT n.kind FROM flitmig.run n WHERE n.id = this_run) <> 'sample'
		   OR EXISTS (SELECT FROM flitmig.sample_record s WHERE s.migration_id = mig AND s.id = r.id))
$$;
COMMENT ON FUNCTION flitmig._behind(bigint, integer) IS 'Stored records, of the sample if the run is one, that differ from what is mapped now';

/*
 * After this run's creates: updates that were refused before them, and records
 * that waited for one of them, as adopted ones always do (most of what fills
 * their blanks points at new records). Who still waits is held.
 */
CREATE FUNCTION flitmig._plan_again(this_run bigint, mig integer, phase text) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO flitmig.quarantine (migration_id, id, object, object_map_id, run_id, kind, code, reason, hash)
	SELECT mig, w.id, w.object, w.object_map_id, this_run, 'held', 'PARENT', 'it is stored; its change waits for a record that it points at', w.hash
	FROM flitmig._behind(this_run, mig) w
	WHERE w.refs <> '{}' AND flitmig._waits(mig, w.refs)
	ON CONFLICT (migration_id, id) DO NOTHING;
	SELECT flitmig._plan_batches(this_run, mig, phase, 'read', 'check', t.object, t.object_map_id, t.ids, 200)
	FROM (SELECT n.object, n.object_map_id, array_agg(n.id ORDER BY n.id) AS ids
		  FROM (SELECT c.object, c.object_map_id, c.id
				FROM flitmig.change c
				WHERE c.migration_id = mig AND c.run_id = this_run
				UNION
				SELECT w.object, w.object_map_id, w.id
				FROM flitmig._behind(this_run, mig) w JOIN flitmig.base b ON b.migration_id = mig AND b.id = w.id
				WHERE (b.origin = 'adopted'
					   OR (w.refs <> '{}' AND b.run_id <> this_run
						   AND (SELECT n.kind FROM flitmig.run n WHERE n.id = this_run) <> 'sample'
						   AND NOT EXISTS (SELECT FROM flitmig.conflict f WHERE f.migration_id = mig AND f.id = w.id)))
				  AND NOT EXISTS (SELECT FROM flitmig.quarantine q WHERE q.migration_id = mig AND q.id = w.id AND q.hash = w.hash)) n
		  GROUP BY n.object, n.object_map_id) t
$$;
COMMENT ON FUNCTION flitmig._plan_again(bigint, integer, text) IS 'Plans a check, after the creates, of the records whose update was refused or had to wait';

CREATE FUNCTION flitmig._open_update(b flitmig.batch, OUT path text, OUT body text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	fields text[] := flitmig._known_fields(b.migration_id, b.object, b.ids);
BEGIN
	IF b.purpose <> 'restore' THEN
		INSERT INTO flitmig.undo (migration_id, run_id, batch_id, action, object, ids, before)
		SELECT b.migration_id, b.run_id, b.id, 'update', b.object, b.ids, jsonb_object_agg(c.id, c.before)
		FROM flitmig.change c
		WHERE c.migration_id = b.migration_id AND c.id = ANY (b.ids)
		  AND NOT EXISTS (SELECT FROM flitmig.undo u WHERE u.batch_id = b.id)
		HAVING count(*) > 0;
	END IF;
	IF (b.detail ->> 'single')::boolean THEN
		SELECT r.path, r.body::text INTO path, body
		FROM flitmig.change c, flitmig._update_one_request(b.migration_id, b.object, c.id, c.changes, fields) r
		WHERE c.migration_id = b.migration_id AND c.id = b.ids[1];
	ELSIF (b.detail ->> 'alike')::boolean THEN
		SELECT r.path, r.body::text INTO path, body
		FROM flitmig.change c, flitmig._update_alike_request(b.migration_id, b.object, b.ids, c.changes, fields) r
		WHERE c.migration_id = b.migration_id AND c.id = b.ids[1];
	ELSE
		SELECT r.path, r.body::text INTO path, body
		FROM flitmig._update_request(b.migration_id, b.object,
									 (SELECT jsonb_agg(c.changes || jsonb_strip_nulls(jsonb_build_object('id', c.id, 'position', c.position)) ORDER BY c.id)
									  FROM flitmig.change c WHERE c.migration_id = b.migration_id AND c.id = ANY (b.ids)), fields) r;
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._open_update(flitmig.batch) IS 'Writes the before-images, then builds the update call';

/*
 * An upsert by id inserts what a person destroyed between our look and our
 * write: a torso, that nobody wants. The server's createdAt gives it away; it
 * goes again, and the record is listed as missing.
 */
CREATE FUNCTION flitmig._unmake_inserted(b flitmig.batch, body jsonb) RETURNS uuid[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	inserted uuid[];
	unlogged uuid[];
BEGIN
	SELECT coalesce(array_agg(a.id), '{}') INTO inserted
	FROM flitmig._answer_records(body) a
	JOIN flitmig.change c ON c.migration_id = b.migration_id AND c.id = a.id
	WHERE c.created_at <> a.doc -> 'createdAt' AND NOT c.changes ? 'createdAt';
	IF inserted = '{}' THEN
		RETURN inserted;
	END IF;
	INSERT INTO flitmig.conflict (migration_id, id, object, object_map_id, field, run_id, kind)
	SELECT b.migration_id, i.id, b.object, b.object_map_id, '*', b.run_id, 'missing' FROM unnest(inserted) AS i(id)
	ON CONFLICT (migration_id, id, field) DO NOTHING;
	/* the torso of an adopted record is a record that we have made */
	SELECT array_agg(i.id) INTO unlogged
	FROM unnest(inserted) AS i(id)
	WHERE NOT EXISTS (SELECT FROM flitmig.undo u WHERE u.migration_id = b.migration_id AND u.action = 'create' AND u.undone_by IS NULL AND i.id = ANY (u.ids));
	INSERT INTO flitmig.undo (migration_id, run_id, action, object, ids)
	SELECT b.migration_id, b.run_id, 'create', b.object, unlogged WHERE unlogged IS NOT NULL;
	IF EXISTS (SELECT FROM flitmig.live_field f
			   WHERE f.migration_id = b.migration_id AND f.object = 'timelineActivity' AND f.relation_object = b.object AND f.join_column IS NOT NULL) THEN
		PERFORM flitmig._plan_batches(b.run_id, b.migration_id, b.phase, 'timeline', 'destroy', b.object, b.object_map_id, inserted, flitmig._ids_per_call());
	END IF;
	PERFORM flitmig._plan_destroys(b.run_id, b.migration_id, b.phase, 'unmake', b.object, b.object_map_id, inserted);
	RETURN inserted;
END
$$;
COMMENT ON FUNCTION flitmig._unmake_inserted(flitmig.batch, jsonb) IS 'Has records destroyed that an update call inserted, lists them as missing, and returns their ids';

/* Not updated with the others: destroyed or trashed since our look.  Judged by another one, but not for ever. */
CREATE FUNCTION flitmig._look_for_absent(b flitmig.batch, absent uuid[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF (SELECT count(*) FROM flitmig.batch u WHERE u.run_id = b.run_id AND u.phase = b.phase AND u.kind = 'update' AND u.ids && absent) < 4 THEN
		PERFORM flitmig._plan_batches(b.run_id, b.migration_id, b.phase, 'read', CASE WHEN b.purpose IN ('restore', 'gone') THEN b.purpose ELSE 'check' END, b.object, b.object_map_id, absent, 200);
	ELSE
		INSERT INTO flitmig.conflict (migration_id, id, object, object_map_id, field, run_id, kind)
		SELECT b.migration_id, i.id, b.object, b.object_map_id, '*', b.run_id, 'missing' FROM unnest(absent) AS i(id)
		ON CONFLICT (migration_id, id, field) DO NOTHING;
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._look_for_absent(flitmig.batch, uuid[]) IS 'Plans another look at records that an update named and its answer did not; lists them as missing when that has happened again and again';

CREATE FUNCTION flitmig._stored_update(b flitmig.batch, body jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	n integer;
	inserted uuid[] := flitmig._unmake_inserted(b, body);
	absent uuid[];
BEGIN
	WITH answer AS (
		SELECT a.id, a.doc - 'id' AS doc, c.changes, r.payload, s.sent, s.stored, flitmig._gone_field(s.object_map_id) AS flag
		FROM flitmig._answer_records(body) a
		JOIN flitmig.change c ON c.migration_id = b.migration_id AND c.id = a.id
		JOIN flitmig.base s ON s.migration_id = b.migration_id AND s.id = a.id
		LEFT JOIN flitmig.record r ON r.migration_id = b.migration_id AND r.id = a.id
		WHERE a.id <> ALL (inserted)),
	noted AS (
		INSERT INTO flitmig.diff (migration_id, run_id, id, object, field, sent, stored, verdict, rule)
		SELECT b.migration_id, b.run_id, a.id, b.object, d.field, d.sent, d.stored, d.verdict, d.rule
		FROM answer a, LATERAL flitmig._compare(a.changes, a.doc, b.migration_id, b.object) d
		WHERE d.verdict <> 'same' AND b.purpose <> 'restore'
		RETURNING 1),
	based AS (
		UPDATE flitmig.base s
		SET sent = n.sent, hash = jsonb_hash_extended(n.sent, 0), stored_at = clock_timestamp(),
			gone = CASE WHEN a.changes ? a.flag THEN CASE WHEN a.changes -> a.flag = 'true' THEN 'flagged' END ELSE s.gone END,
			stored = a.stored || (SELECT coalesce(jsonb_object_agg(k.key, a.doc -> k.key), '{}')
								  FROM jsonb_object_keys(a.doc) k(key)
								  WHERE k.key IN ('updatedAt', 'deletedAt') OR a.changes ? k.key)
		FROM answer a,
			 LATERAL (SELECT (a.sent - coalesce(array_agg(k.key), '{}'::text[]))
							 || coalesce(jsonb_object_agg(k.key, k.value) FILTER (WHERE k.value IS NOT NULL), '{}') AS sent
					  /* the flag of what is gone is no part of what a row says */
					  FROM (SELECT c.key, CASE b.purpose WHEN 'restore' THEN a.changes -> c.key ELSE a.payload -> c.key END AS value
							FROM jsonb_object_keys(a.changes) c(key) WHERE c.key IS DISTINCT FROM a.flag) k) n
		WHERE s.migration_id = b.migration_id AND s.id = a.id
		RETURNING 1)
	SELECT count(*) INTO n FROM based;
	DELETE FROM flitmig.change c WHERE c.migration_id = b.migration_id AND c.id = ANY (b.ids);
	SELECT array_agg(i.id) INTO absent FROM unnest(b.ids) AS i(id) WHERE NOT EXISTS (SELECT FROM flitmig._answer_records(body) a WHERE a.id = i.id);
	IF b.purpose = 'restore' THEN
		UPDATE flitmig.rollback_item SET state = 'restored' WHERE run_id = b.run_id AND id = ANY (b.ids) AND id <> ALL (coalesce(absent, '{}')) AND state = 'restore';
	END IF;
	IF absent IS NOT NULL THEN
		PERFORM flitmig._look_for_absent(b, absent);
	END IF;
	UPDATE flitmig.batch SET stored = n WHERE id = b.id;
	UPDATE flitmig.run SET done = done + n WHERE id = b.run_id;
END
$$;
COMMENT ON FUNCTION flitmig._stored_update(flitmig.batch, jsonb) IS 'An update was answered: base holds now what was sent and what came back';

/* ---- the second pass: fields that point forward in a cycle ---- */

CREATE FUNCTION flitmig._plan_deferred(this_run bigint, mig integer, map integer, phase text) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT flitmig._plan_batches(this_run, mig, phase, 'read', 'check', t.object, t.object_map_id, t.ids, 200)
	FROM (SELECT r.object, r.object_map_id, array_agg(r.id ORDER BY r.sequence, r.id) AS ids
		  FROM flitmig.record r JOIN flitmig.base b ON b.migration_id = mig AND b.id = r.id
		  WHERE r.object_map_id = map AND r.state = 'mapped' AND b.hash <> r.hash AND b.run_id = this_run AND NOT flitmig._waits(mig, r.refs)
			AND EXISTS (SELECT FROM flitmig.deferred_field d WHERE d.object_map_id = map)
		  GROUP BY r.object, r.object_map_id) t
$$;
COMMENT ON FUNCTION flitmig._plan_deferred(bigint, integer, integer, text) IS 'Plans the second pass over records whose forward relations were left out when they were created';
