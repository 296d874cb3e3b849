/*
 * restore: records that were updated, or moved in or out of the trash, get
 * back what was there before us: three-way, only where Twenty still holds
 * what we stored.
 */

CREATE FUNCTION flitmig._plan_restore(this_run bigint, mig integer, phase text) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	DELETE FROM flitmig.change WHERE migration_id = mig;
	SELECT flitmig._plan_batches(this_run, mig, phase, 'read', 'restore', t.object, t.object_map_id, t.ids, 200)
	FROM (SELECT i.object, i.object_map_id, array_agg(i.id ORDER BY i.id) AS ids
		  FROM flitmig.rollback_item i
		  WHERE i.run_id = this_run AND i.state = 'restore'
		  GROUP BY i.object, i.object_map_id) t;
$$;
COMMENT ON FUNCTION flitmig._plan_restore(bigint, integer, text) IS 'Plans a read of the records that were updated and are not destroyed';

/* What a rollback takes back in records that stay: the oldest image of each field is what was there before us. */
CREATE FUNCTION flitmig._images(this_run bigint, records uuid[]) RETURNS TABLE (id uuid, field text, value jsonb)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT DISTINCT ON (i.id, f.key) i.id, f.key, f.value
	FROM flitmig._undo_scope(this_run) u, unnest(u.ids) AS i(id), jsonb_each(u.before -> i.id::text) f
	WHERE u.action IN ('update', 'adopt') AND i.id = ANY (records)
	  /* with a field of ours that an earlier rollback has removed its values are gone */
	  AND EXISTS (SELECT FROM flitmig.live_field l WHERE l.migration_id = u.migration_id AND l.object = u.object AND f.key IN (l.name, l.join_column))
	ORDER BY i.id, f.key, u.id
$$;
COMMENT ON FUNCTION flitmig._images(bigint, uuid[]) IS 'Before-images of records within a rollback''s scope, one a field';

CREATE FUNCTION flitmig._read_restore(b flitmig.batch, body jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	force boolean := flitmig._is_forced(b.run_id);
BEGIN
	UPDATE flitmig.rollback_item i SET state = 'absent', why = 'not there any more'
	WHERE i.run_id = b.run_id AND i.id = ANY (b.ids) AND i.state = 'restore'
	  AND NOT EXISTS (SELECT FROM flitmig._answer_records(body) a WHERE a.id = i.id);
	PERFORM flitmig._restore_trash(b, body, force);
	IF NOT flitmig._is_dry(b.run_id) THEN
		PERFORM flitmig._note_touched(b, body);
	END IF;
	WITH place AS (
		SELECT m.id, m.field AS key, m.value, a.doc -> m.field AS target,
			   a.doc -> m.field = m.value AS done,
			   a.doc -> m.field IS NOT DISTINCT FROM s.stored -> m.field OR a.doc -> m.field = m.value OR force AS ours
		FROM flitmig._images(b.run_id, b.ids) m
		JOIN flitmig._answer_records(body) a ON a.id = m.id
		JOIN flitmig.base s ON s.migration_id = b.migration_id AND s.id = m.id
		JOIN flitmig.rollback_item i ON i.run_id = b.run_id AND i.id = m.id AND i.state = 'restore'
		/* those that are about to go in or out of the trash are looked at after it */
		WHERE NOT EXISTS (SELECT FROM flitmig.batch t WHERE t.run_id = b.run_id AND t.kind IN ('trash', 'untrash') AND t.state IN ('planned', 'open') AND m.id = ANY (t.ids))),
	kept AS (
		UPDATE flitmig.rollback_item i SET state = 'kept', why = 'changed in Twenty since it was stored'
		FROM (SELECT DISTINCT p.id FROM place p WHERE NOT p.ours) p
		WHERE i.run_id = b.run_id AND i.id = p.id
		RETURNING 1)
	INSERT INTO flitmig.change (migration_id, id, run_id, object, object_map_id, single, changes, before)
	SELECT b.migration_id, p.id, b.run_id, b.object, b.object_map_id,
		   bool_or(flitmig._is_touchy(b.migration_id, b.object, p.key, p.value)),
		   jsonb_object_agg(p.key, p.value), jsonb_object_agg(p.key, coalesce(p.target, 'null'))
	FROM place p
	WHERE p.ours AND NOT coalesce(p.done, false)
	GROUP BY p.id
	ON CONFLICT (migration_id, id) DO UPDATE SET changes = excluded.changes, before = excluded.before, run_id = excluded.run_id, single = excluded.single;
	/* nothing to write: nothing was filled, or a call whose answer was lost has restored it */
	UPDATE flitmig.rollback_item i SET state = 'restored'
	WHERE i.run_id = b.run_id AND i.id = ANY (b.ids) AND i.state = 'restore'
	  AND NOT EXISTS (SELECT FROM flitmig.change c WHERE c.migration_id = b.migration_id AND c.run_id = b.run_id AND c.id = i.id)
	  AND NOT EXISTS (SELECT FROM flitmig.batch t WHERE t.run_id = b.run_id AND t.kind IN ('trash', 'untrash') AND t.state IN ('planned', 'open') AND i.id = ANY (t.ids));
	PERFORM flitmig._note_place(b, body);
	IF b.phase = 'restored' THEN
		PERFORM flitmig._plan_update(b.run_id, b.migration_id, b.phase);
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._read_restore(flitmig.batch, jsonb) IS 'Clears before-images for writing where Twenty still holds what we stored';

/*
 * What a run put in the trash comes out, what it took out goes in again: as
 * long as no person has moved it since.  Never by an update: an upsert would
 * resurrect what a person put in the trash.
 */
CREATE FUNCTION flitmig._restore_trash(b flitmig.batch, body jsonb, force boolean) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DROP TABLE IF EXISTS pg_temp.flitmig_fate;
	CREATE TEMP TABLE flitmig_fate ON COMMIT DROP AS
	SELECT i.id, CASE
			WHEN x.trashed AND y.action = 'trash' AND (s.stored -> 'deletedAt' = a.doc -> 'deletedAt' OR force) THEN 'untrash'
			WHEN x.trashed AND y.action IS DISTINCT FROM 'untrash' THEN 'in the trash'
			WHEN NOT x.trashed AND y.action = 'untrash' THEN CASE WHEN flitmig._changed_since(s, a.doc) AND NOT force THEN 'changed' ELSE 'trash' END
		END AS fate
	FROM flitmig.rollback_item i
	JOIN flitmig._answer_records(body) a ON a.id = i.id
	LEFT JOIN flitmig.base s ON s.migration_id = b.migration_id AND s.id = i.id
	CROSS JOIN LATERAL (SELECT a.doc ->> 'deletedAt' IS NOT NULL AS trashed) x
	LEFT JOIN LATERAL (SELECT u.action FROM flitmig._undo_scope(b.run_id) u
					   WHERE u.action IN ('trash', 'untrash') AND i.id = ANY (u.ids) ORDER BY u.id LIMIT 1) y ON true
	WHERE i.run_id = b.run_id AND i.id = ANY (b.ids) AND i.state = 'restore';
	UPDATE flitmig.rollback_item i
	SET state = 'kept', why = CASE f.fate WHEN 'changed' THEN 'changed in Twenty since it was stored' ELSE 'in the trash of Twenty, where someone else put it' END
	FROM pg_temp.flitmig_fate f
	WHERE f.fate IN ('in the trash', 'changed') AND i.run_id = b.run_id AND i.id = f.id;
	IF NOT flitmig._is_dry(b.run_id) THEN
		PERFORM flitmig._plan_batches(b.run_id, b.migration_id, b.phase, t.fate, 'undo', b.object, b.object_map_id, t.ids, 200)
		FROM (SELECT f.fate, array_agg(f.id ORDER BY f.id) AS ids FROM pg_temp.flitmig_fate f WHERE f.fate IN ('trash', 'untrash') GROUP BY f.fate) t;
	END IF;
	DROP TABLE pg_temp.flitmig_fate;
END
$$;
COMMENT ON FUNCTION flitmig._restore_trash(flitmig.batch, jsonb, boolean) IS 'Plans what of a rollback is about the trash, and keeps what a person has put there';
