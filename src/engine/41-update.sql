/*
 * update: changes that were cleared (flitmig.change: by a check, by an
 * adoption, by a rollback) are written into records that are there.
 *
 *	_plan_update ─▶ _open_update: before-images, then the call ─▶ _stored_update: base
 */

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
						  OR NOT flitmig._made_field(mig, f.object, f.name)))
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
	IF flitmig._told_column(b.migration_id, b.object) IS NOT NULL THEN
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
