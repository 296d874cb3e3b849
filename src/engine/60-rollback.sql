/*
 * rollback: the undo log backwards.
 *
 *	wait		until calls that ended in the dark can no longer land
 *	settle		creates in the dark are looked up
 *	look		every record of the log is read: changed by a person? kept, unless forced
 *	timeline	activities that point at our records, until none is left
 *	destroy		children before parents: object maps in reverse order
 *	late		everything is looked for once more; what turns up is destroyed again
 *	restore		before-images, three-way: only where Twenty still holds what we stored
 *	count		is someone else's data in what we added to the schema?
 *	unschema	fields, options and objects that we added go, unless it is; once
 *				more those that are still there because a call was lost
 */

/* Ids a call for calls that only name ids (TWENTY.md 3: no cap seen, 2,900 took 0.25 s). */
CREATE FUNCTION flitmig._ids_per_call() RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT 2000 $$;
COMMENT ON FUNCTION flitmig._ids_per_call() IS 'How many ids a destroy or an existence read lists';

/*
 * Twenty tells its own listeners of one record of a destroy call, however many
 * it names, and the listener that removes files learns of no other: their
 * bytes would lie in its storage for ever, out of everyone's sight.  So a
 * record that carries a file is destroyed by a call of its own.
 */
CREATE FUNCTION flitmig._plan_destroys(this_run bigint, mig integer, phase text, purpose text, object text, map integer, ids uuid[]) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT flitmig._plan_batches(this_run, mig, phase, 'destroy', purpose, object, map, t.ids, t.size)
	FROM (SELECT c.size, array_agg(i.id ORDER BY i.n) AS ids
		  FROM unnest(ids) WITH ORDINALITY AS i(id, n)
		  LEFT JOIN flitmig.upload p ON p.migration_id = mig AND p.record_id = i.id AND p.state IN ('sent', 'done')
		  CROSS JOIN LATERAL (VALUES (CASE WHEN p.record_id IS NULL THEN flitmig._ids_per_call() ELSE 1 END)) AS c(size)
		  GROUP BY c.size) t
$$;
COMMENT ON FUNCTION flitmig._plan_destroys(bigint, integer, text, text, text, integer, uuid[]) IS 'Plans the destruction of these records: one a call where a file hangs on it, else as many as a call takes';

CREATE FUNCTION flitmig._undo_scope(this_run bigint) RETURNS SETOF flitmig.undo
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT u.*
	FROM flitmig.run r
	JOIN flitmig.undo u ON u.migration_id = r.migration_id AND u.undone_by IS NULL
	 AND (r.options ->> 'undo_run' IS NULL OR u.run_id = (r.options ->> 'undo_run')::bigint)
	WHERE r.id = this_run
$$;
COMMENT ON FUNCTION flitmig._undo_scope(bigint) IS 'The part of the undo log that a rollback run is about';

CREATE FUNCTION flitmig._is_forced(this_run bigint) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT r.options ? 'force' FROM flitmig.run r WHERE r.id = this_run
$$;
COMMENT ON FUNCTION flitmig._is_forced(bigint) IS 'Whether a rollback takes back what a person has changed as well';

CREATE FUNCTION flitmig._plan_look(this_run bigint, mig integer, phase text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	/* what an intent named but nobody stored is destroyed too: it may land late */
	INSERT INTO flitmig.rollback_item (run_id, migration_id, id, object, object_map_id, state)
	SELECT this_run, mig, i.id, u.object, r.object_map_id, 'destroy'
	FROM flitmig._undo_scope(this_run) u
	CROSS JOIN LATERAL unnest(u.ids) AS i(id)
	LEFT JOIN flitmig.record r ON r.migration_id = mig AND r.id = i.id
	WHERE u.action = 'create'
	ON CONFLICT (run_id, id) DO NOTHING;
	INSERT INTO flitmig.rollback_item (run_id, migration_id, id, object, object_map_id, state)
	SELECT this_run, mig, i.id, u.object, r.object_map_id, 'restore'
	FROM flitmig._undo_scope(this_run) u
	CROSS JOIN LATERAL unnest(u.ids) AS i(id)
	LEFT JOIN flitmig.record r ON r.migration_id = mig AND r.id = i.id
	WHERE u.action IN ('update', 'adopt', 'trash', 'untrash')
	ON CONFLICT (run_id, id) DO NOTHING;
	UPDATE flitmig.run SET total = (SELECT count(*) FROM flitmig.rollback_item i WHERE i.run_id = this_run) WHERE id = this_run;
	PERFORM flitmig._plan_batches(this_run, mig, phase, 'read', 'look', t.object, NULL, t.ids, 200)
	FROM (SELECT i.object, array_agg(i.id ORDER BY i.object_map_id, i.id) AS ids
		  FROM flitmig.rollback_item i
		  WHERE i.run_id = this_run AND i.state = 'destroy'
		  GROUP BY i.object) t
	WHERE flitmig._is_live(mig, t.object);
END
$$;
COMMENT ON FUNCTION flitmig._plan_look(bigint, integer, text) IS 'Lists what a rollback is about and plans a read of each record';

CREATE FUNCTION flitmig._read_look(b flitmig.batch, body jsonb) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	WITH target AS (
		SELECT a.id, a.doc FROM flitmig._answer_records(body) a),
	judged AS (
		SELECT i.id, t.id IS NULL AS absent,
			   /* one that a person put in the trash is not wanted by anyone */
			   s.id IS NOT NULL AND t.doc ->> 'deletedAt' IS NULL
			   AND (s.touched
					OR EXISTS (SELECT FROM jsonb_each(s.stored) f
							   WHERE t.doc ? f.key AND f.value <> t.doc -> f.key
								 AND NOT (f.key = 'updatedAt' AND EXISTS (SELECT FROM flitmig._dark_updates(b.migration_id) d WHERE d.id = i.id))
								 /* a rollback that broke off has destroyed what it pointed at; a person would have moved updatedAt */
								 AND NOT (t.doc -> f.key = 'null' AND f.key LIKE '%Id'
										  AND EXISTS (SELECT FROM flitmig.rollback_item p
													  WHERE p.run_id = b.run_id AND p.id = CASE WHEN f.value #>> '{}' ~ '^[0-9a-f-]{36}$' THEN (f.value #>> '{}')::uuid END)))) AS changed
		FROM unnest(b.ids) AS i(id)
		LEFT JOIN target t ON t.id = i.id
		LEFT JOIN flitmig.base s ON s.migration_id = b.migration_id AND s.id = i.id)
	UPDATE flitmig.rollback_item i
	SET state = CASE WHEN j.absent THEN 'absent' ELSE 'kept' END,
		why = CASE WHEN j.absent THEN 'not there any more' ELSE 'changed in Twenty since it was stored' END
	FROM judged j
	WHERE i.run_id = b.run_id AND i.id = j.id AND i.state = 'destroy'
	  AND (j.absent OR (j.changed AND NOT flitmig._is_forced(b.run_id)))
$$;
COMMENT ON FUNCTION flitmig._read_look(flitmig.batch, jsonb) IS 'Keeps records that a person has changed (any field of ours, or updatedAt), unless forced';

CREATE FUNCTION flitmig._plan_timeline(this_run bigint, mig integer, phase text) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT flitmig._plan_batches(this_run, mig, phase, 'timeline', 'destroy', t.object, NULL, t.ids, flitmig._ids_per_call())
	FROM (SELECT i.object, array_agg(i.id ORDER BY i.id) AS ids
		  FROM flitmig.rollback_item i
		  WHERE i.run_id = this_run AND i.state = 'destroy'
		  GROUP BY i.object) t
	WHERE flitmig._told_column(mig, t.object) IS NOT NULL
$$;
COMMENT ON FUNCTION flitmig._plan_timeline(bigint, integer, text) IS 'Plans the removal of timeline activities that point at records about to be destroyed';

CREATE FUNCTION flitmig._open_timeline(b flitmig.batch, OUT path text, OUT body text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF b.purpose = 'destroy' THEN
		SELECT r.path, r.body::text INTO path, body FROM flitmig._timeline_destroy_request(b.migration_id, b.object, b.ids) r;
	ELSIF b.purpose = 'trashed' THEN
		SELECT t.path, t.body INTO path, body FROM flitmig._open_trashed(b) t;
	ELSE
		SELECT t.path, t.body INTO path, body FROM flitmig._open_told(b) t;
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._open_timeline(flitmig.batch) IS 'Builds the removal of the activities of these records';

/* Activities are made a moment after their record (TWENTY.md 5): look again until a call finds none. */
CREATE FUNCTION flitmig._stored_timeline(b flitmig.batch, body jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF b.purpose = 'trashed' THEN
		PERFORM flitmig._read_trashed(b, body);
		RETURN;
	ELSIF b.purpose <> 'destroy' THEN
		PERFORM flitmig._stored_told(b, body);
		RETURN;
	END IF;
	UPDATE flitmig.batch SET stored = stored + n.found,
		state = CASE WHEN n.found > 0 AND b.attempts < 6 THEN 'planned' ELSE 'done' END
	FROM (SELECT count(*)::integer AS found FROM flitmig._answer_records(body)) n
	WHERE id = b.id;
END
$$;
COMMENT ON FUNCTION flitmig._stored_timeline(flitmig.batch, jsonb) IS 'Repeats the call until nothing is left to remove';

CREATE FUNCTION flitmig._plan_destroy(this_run bigint, mig integer, map integer, phase text) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT flitmig._plan_destroys(this_run, mig, phase, 'undo', t.object, map, t.ids)
	FROM (SELECT i.object, array_agg(i.id ORDER BY i.id) AS ids
		  FROM flitmig.rollback_item i
		  WHERE i.run_id = this_run AND i.object_map_id IS NOT DISTINCT FROM map AND i.state = 'destroy'
		  GROUP BY i.object) t
$$;
COMMENT ON FUNCTION flitmig._plan_destroy(bigint, integer, integer, text) IS 'Plans the destruction of one object map''s records';

CREATE FUNCTION flitmig._open_destroy(b flitmig.batch, OUT path text, OUT body text)
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT r.path, r.body::text FROM flitmig._destroy_request(b.migration_id, b.object, b.ids) r
$$;
COMMENT ON FUNCTION flitmig._open_destroy(flitmig.batch) IS 'Builds a destroy call; the builder refuses ids that the undo log does not list';

CREATE FUNCTION flitmig._stored_destroy(b flitmig.batch) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE flitmig.rollback_item SET state = 'destroyed'
	WHERE run_id = b.run_id AND id = ANY (b.ids);
	DELETE FROM flitmig.base s WHERE s.migration_id = b.migration_id AND s.id = ANY (b.ids);
	UPDATE flitmig.batch SET stored = cardinality(b.ids) WHERE id = b.id;
	UPDATE flitmig.run SET done = done + cardinality(b.ids) WHERE id = b.run_id;
$$;
COMMENT ON FUNCTION flitmig._stored_destroy(flitmig.batch) IS 'Records are gone from Twenty: their bases go too';

CREATE FUNCTION flitmig._plan_late(this_run bigint, mig integer, phase text) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT flitmig._plan_batches(this_run, mig, phase, 'read', 'late', t.object, NULL, t.ids, flitmig._ids_per_call())
	FROM (SELECT i.object, array_agg(i.id ORDER BY i.object_map_id, i.id) AS ids
		  FROM flitmig.rollback_item i
		  WHERE i.run_id = this_run AND i.state IN ('destroyed', 'absent')
		  GROUP BY i.object) t
	WHERE flitmig._is_live(mig, t.object)
$$;
COMMENT ON FUNCTION flitmig._plan_late(bigint, integer, text) IS 'Plans the last look: proof that nothing is left, also of calls that landed late';

CREATE FUNCTION flitmig._read_late(b flitmig.batch, body jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	survivors uuid[] := (SELECT array_agg(a.id) FROM flitmig._answer_records(body) a);
BEGIN
	IF survivors IS NULL THEN
		DELETE FROM flitmig.base s WHERE s.migration_id = b.migration_id AND s.id = ANY (b.ids);
		RETURN;
	END IF;
	/* a key without the right to destroy gets no error, and no effect */
	IF b.detail ? 'withstood'
	   OR (SELECT count(*) FROM flitmig.batch l WHERE l.run_id = b.run_id AND l.purpose = 'late' AND l.object = b.object AND l.ids = b.ids) >= 10 THEN
		UPDATE flitmig.rollback_item i SET state = 'kept', why = 'Twenty does not destroy it' WHERE i.run_id = b.run_id AND i.id = ANY (survivors);
		/* an answer is a page: of more ids than it holds, those behind it are still to be proven gone */
		INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, purpose, object, object_map_id, ids, detail)
		SELECT b.run_id, b.migration_id, b.phase, 'read', 'late', b.object, b.object_map_id, array_agg(i.id ORDER BY i.n), '{"withstood": true}'
		FROM unnest(b.ids) WITH ORDINALITY AS i(id, n)
		WHERE i.id <> ALL (survivors)
		HAVING count(*) > 0;
		RETURN;
	END IF;
	PERFORM flitmig._plan_batches(b.run_id, b.migration_id, b.phase, 'timeline', 'destroy', b.object, NULL, survivors, flitmig._ids_per_call())
	WHERE flitmig._told_column(b.migration_id, b.object) IS NOT NULL;
	PERFORM flitmig._plan_destroys(b.run_id, b.migration_id, b.phase, 'undo', b.object, b.object_map_id, survivors);
	PERFORM flitmig._plan_batches(b.run_id, b.migration_id, b.phase, 'read', 'late', b.object, b.object_map_id, b.ids, flitmig._ids_per_call());
END
$$;
COMMENT ON FUNCTION flitmig._read_late(flitmig.batch, jsonb) IS 'Nothing found is the proof; what is found is destroyed and looked for again, ten times, and is then listed as kept';

/* ---- the end ---- */

CREATE FUNCTION flitmig._close_records(this_run bigint, mig integer) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT flitmig._forget_adopted(this_run, mig);
	/* the log of records that are proven gone or restored is done with; all others stay in it */
	UPDATE flitmig.undo u
	SET ids = k.kept, undone_by = CASE WHEN k.kept = '{}' THEN this_run END
	FROM (SELECT u2.id, coalesce(array_agg(i.id) FILTER (WHERE i.state NOT IN ('destroyed', 'absent', 'restored')), '{}') AS kept
		  FROM flitmig._undo_scope(this_run) u2, unnest(u2.ids) AS x(id)
		  JOIN flitmig.rollback_item i ON i.run_id = this_run AND i.id = x.id
		  WHERE u2.action IN ('create', 'update', 'adopt', 'trash', 'untrash')
		  GROUP BY u2.id) k
	WHERE u.id = k.id;
$$;
COMMENT ON FUNCTION flitmig._close_records(bigint, integer) IS 'Closes the undo rows of records that are gone or restored';

CREATE FUNCTION flitmig._plan_undone(this_run bigint, mig integer) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	r flitmig.run;
BEGIN
	SELECT * INTO STRICT r FROM flitmig.run WHERE id = this_run;
	/* what was not there to be removed is undone as well; files go with their attachments */
	UPDATE flitmig.undo u SET undone_by = this_run
	FROM flitmig._undo_scope(this_run) s
	WHERE u.id = s.id
	  AND ((u.action IN ('create_object', 'create_field', 'add_options', 'alter_field')
			AND NOT EXISTS (SELECT FROM flitmig.live_field f WHERE f.migration_id = mig AND f.object = u.object AND (u.field IS NULL OR f.name = u.field)))
		   OR u.action = 'upload');
	IF EXISTS (SELECT FROM flitmig._unschema_lost(this_run)) THEN
		RAISE EXCEPTION 'the answers to schema changes that were to be taken back were lost twice'
			USING ERRCODE = 'connection_failure',
				  DETAIL = 'Still there: ' || (SELECT string_agg(s.object || coalesce('.' || s.field, ''), ', ' ORDER BY s.id) FROM flitmig._unschema_lost(this_run) s) || '.',
				  HINT = format('SELECT * FROM flitmig_rollback(%L);  goes on from there.', (SELECT m.name FROM flitmig.migration m WHERE m.id = mig));
	END IF;
	DELETE FROM flitmig.upload p USING flitmig.rollback_item i
	WHERE i.run_id = this_run AND i.state IN ('destroyed', 'absent') AND p.migration_id = mig AND p.record_id = i.id;
	DELETE FROM flitmig.conflict c USING flitmig.rollback_item i WHERE i.run_id = this_run AND i.state IN ('destroyed', 'absent') AND c.migration_id = mig AND c.id = i.id;
	IF NOT r.options ? 'undo_run' THEN
		DELETE FROM flitmig.quarantine WHERE migration_id = mig;
		UPDATE flitmig.migration SET delta_until = NULL WHERE id = mig;
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._plan_undone(bigint, integer) IS 'Last step of a rollback: closes the log of what is gone';
