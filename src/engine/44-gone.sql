/*
 * gone: rows that are no longer in the export, and rows that came back.
 *
 *	record gone		ignore		reported, nothing else
 *					flag		a BOOLEAN field of the object becomes true
 *					trash		soft-deleted; only what we created, only if nobody has changed it
 *	record back		what we flagged or put in the trash is taken back, nothing else:
 *					a record that a person put in the trash stays there
 *
 * base.gone says what we did. Each effect is in the undo log like any other.
 */

CREATE FUNCTION flitmig._gone_field(map integer) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT o.gone ->> 'field'
	FROM flitmig.object_map o
	JOIN flitmig.live_field l ON l.migration_id = o.migration_id AND l.object = o.object AND l.name = o.gone ->> 'field' AND l.is_active AND l.type = 'BOOLEAN'
	WHERE o.id = map AND o.gone ->> 'action' = 'flag'
$$;
COMMENT ON FUNCTION flitmig._gone_field(integer) IS 'Field that flags an object map''s records whose row is gone; NULL: none, or the server does not have it';

CREATE FUNCTION flitmig._gone_share(mig integer) RETURNS TABLE (object_map_id integer, gone bigint, within boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT o.id, c.gone, c.gone <= c.stored * coalesce((o.gone ->> 'limit')::numeric, 0.5)
	FROM flitmig.object_map o,
		 LATERAL (SELECT count(*) AS stored, count(*) FILTER (WHERE r.state = 'gone') AS gone
				  FROM flitmig.record r JOIN flitmig.base b ON b.migration_id = mig AND b.id = r.id
				  WHERE r.object_map_id = o.id) c
	WHERE o.migration_id = mig
$$;
COMMENT ON FUNCTION flitmig._gone_share(integer) IS 'Per object map how many stored records are gone from the export, and whether that is few enough to be believed';

CREATE FUNCTION flitmig._gone_or_back(mig integer) RETURNS TABLE (id uuid, object text, object_map_id integer, "position" integer, sequence bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT r.id, r.object, r.object_map_id, o.position, r.sequence
	FROM flitmig.object_map o
	JOIN flitmig._gone_share(mig) s ON s.object_map_id = o.id
	JOIN flitmig.record r ON r.object_map_id = o.id
	JOIN flitmig.base b ON b.migration_id = mig AND b.id = r.id
	WHERE o.migration_id = mig
	  AND CASE WHEN r.state = 'mapped' THEN b.gone IN ('flagged', 'trashed')
			   WHEN r.state = 'gone' THEN b.gone IS NULL AND s.within
				  AND CASE o.gone ->> 'action' WHEN 'flag' THEN flitmig._gone_field(o.id) IS NOT NULL WHEN 'trash' THEN b.origin = 'created' ELSE false END
			   ELSE false END
$$;
COMMENT ON FUNCTION flitmig._gone_or_back(integer) IS 'Records to be flagged or put in the trash because their row is gone, or to be taken back because it came back';

CREATE FUNCTION flitmig._plan_gone(this_run bigint, mig integer, phase text) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	DELETE FROM flitmig.finding WHERE migration_id = mig AND step = 'run' AND code IN ('GONE_ROWS', 'GONE_TOO_MANY');
	DELETE FROM flitmig.change WHERE migration_id = mig;
	DELETE FROM flitmig.conflict WHERE migration_id = mig AND kind = 'gone';
	INSERT INTO flitmig.finding (migration_id, step, severity, code, object, count, message, hint)
	SELECT mig, 'run', CASE WHEN s.within THEN 'info' ELSE 'warning' END, CASE WHEN s.within OR o.gone ->> 'action' = 'ignore' THEN 'GONE_ROWS' ELSE 'GONE_TOO_MANY' END, o.name, s.gone,
		   format('%s record(s) that are in Twenty are no longer in the export: %s', s.gone,
				  CASE WHEN o.gone ->> 'action' = 'ignore' THEN 'they are left as they are'
					   WHEN NOT s.within THEN 'too large a share to be believed, so nothing is done'
					   WHEN o.gone ->> 'action' = 'flag' THEN 'they are flagged in ' || (o.gone ->> 'field')
					   ELSE 'they go to the trash, unless a person has changed them' END),
		   CASE WHEN o.gone ->> 'action' = 'ignore' THEN format('To flag them or put them in the trash set flitmig.object_map.gone of "%s", then confirm.', o.name)
				WHEN NOT s.within THEN 'If the export is whole and they are really gone, raise "limit" in flitmig.object_map.gone, then confirm. An export that holds only changes should have "ignore".' END
	FROM flitmig._gone_share(mig) s JOIN flitmig.object_map o ON o.id = s.object_map_id
	WHERE s.gone > 0;
	SELECT flitmig._plan_batches(this_run, mig, phase, 'read', 'gone', t.object, t.object_map_id, t.ids, 200)
	FROM (SELECT g.object, g.object_map_id, g.position, array_agg(g.id ORDER BY g.sequence, g.id) AS ids
		  FROM flitmig._gone_or_back(mig) g
		  GROUP BY g.object, g.object_map_id, g.position
		  ORDER BY g.position) t;
$$;
COMMENT ON FUNCTION flitmig._plan_gone(bigint, integer, text) IS 'Reports what is gone from the export and plans a read of what is to be flagged, put in the trash, or taken back';

/* Of trashing and taking out again, what we did last and have not undone. */
CREATE FUNCTION flitmig._last_trashing(mig integer, record uuid) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT u.action FROM flitmig.undo u
	WHERE u.migration_id = mig AND u.undone_by IS NULL AND u.action IN ('trash', 'untrash') AND record = ANY (u.ids)
	ORDER BY u.id DESC LIMIT 1
$$;
COMMENT ON FUNCTION flitmig._last_trashing(integer, uuid) IS 'trash or untrash: the last of the two that we did to a record; NULL: neither';

/* Whether somebody else has changed a record since we stored it. */
CREATE FUNCTION flitmig._changed_since(s flitmig.base, doc jsonb) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT s.touched
		OR EXISTS (SELECT FROM jsonb_each(s.stored) f
				   WHERE doc ? f.key AND f.value <> doc -> f.key
					 AND NOT (f.key = 'updatedAt' AND EXISTS (SELECT FROM flitmig._dark_updates(s.migration_id) d WHERE d.id = s.id)))
$$;
COMMENT ON FUNCTION flitmig._changed_since(flitmig.base, jsonb) IS 'Whether a field that we stored, or updatedAt, is another one in Twenty now';

CREATE FUNCTION flitmig._read_gone(b flitmig.batch, body jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	flag text := flitmig._gone_field(b.object_map_id);
	trash boolean := (SELECT o.gone ->> 'action' = 'trash' FROM flitmig.object_map o WHERE o.id = b.object_map_id);
BEGIN
	PERFORM flitmig._note_touched(b, body);
	DROP TABLE IF EXISTS pg_temp.flitmig_fate;
	CREATE TEMP TABLE flitmig_fate ON COMMIT DROP AS
	SELECT s.id, t.doc,
		   CASE
			   WHEN r.state = 'gone' AND (t.id IS NULL OR (x.trashed AND NOT x.ours)) THEN 'left'
			   WHEN r.state = 'gone' AND x.trashed THEN 'is trashed'	/* by a call whose answer was lost */
			   WHEN r.state = 'gone' AND trash THEN CASE WHEN flitmig._changed_since(s, t.doc) THEN 'conflict' ELSE 'trash' END
			   WHEN r.state = 'gone' AND t.doc -> flag = 'true' THEN CASE WHEN y.before IS NULL THEN 'left' ELSE 'is flagged' END
			   WHEN r.state = 'gone' AND flag IS NOT NULL THEN 'flag'
			   WHEN s.gone = 'trashed' AND x.trashed AND t.doc -> 'deletedAt' = s.stored -> 'deletedAt' THEN 'untrash'
			   WHEN s.gone = 'flagged' AND NOT x.trashed AND t.doc -> flag = 'true' THEN 'unflag'
			   ELSE 'back'
		   END AS fate,
		   y.before
	FROM flitmig.base s
	JOIN flitmig.record r ON r.migration_id = s.migration_id AND r.id = s.id
	LEFT JOIN flitmig._answer_records(body) t ON t.id = s.id
	CROSS JOIN LATERAL (SELECT coalesce(t.doc ->> 'deletedAt' IS NOT NULL, false) AS trashed, flitmig._last_trashing(s.migration_id, s.id) IS NOT DISTINCT FROM 'trash' AS ours) x
	LEFT JOIN LATERAL (SELECT u.before -> s.id::text -> flag AS before FROM flitmig.undo u
					   WHERE u.migration_id = s.migration_id AND u.undone_by IS NULL AND u.action = 'update' AND s.id = ANY (u.ids) AND u.before -> s.id::text ? flag
						 AND u.before -> s.id::text -> flag <> 'true'
					   ORDER BY u.id DESC LIMIT 1) y ON true
	WHERE s.migration_id = b.migration_id AND s.id = ANY (b.ids);
	UPDATE flitmig.base s
	SET gone = CASE f.fate WHEN 'left' THEN 'left' WHEN 'is trashed' THEN 'trashed' WHEN 'is flagged' THEN 'flagged' END,
		stored = s.stored || CASE WHEN f.fate = 'left' THEN '{}'
								  ELSE coalesce((SELECT jsonb_object_agg(k, f.doc -> k) FROM unnest(ARRAY['deletedAt', 'updatedAt', flag]) k WHERE f.fate LIKE 'is %' AND f.doc ? k), '{}') END
	FROM pg_temp.flitmig_fate f
	WHERE s.migration_id = b.migration_id AND s.id = f.id AND f.fate IN ('left', 'is trashed', 'is flagged', 'back');
	INSERT INTO flitmig.conflict (migration_id, id, object, object_map_id, field, run_id, kind)
	SELECT b.migration_id, f.id, b.object, b.object_map_id, '*', b.run_id, 'gone' FROM pg_temp.flitmig_fate f WHERE f.fate = 'conflict'
	ON CONFLICT (migration_id, id, field) DO NOTHING;
	INSERT INTO flitmig.change (migration_id, id, run_id, object, object_map_id, single, changes, before)
	SELECT b.migration_id, f.id, b.run_id, b.object, b.object_map_id, false,
		   jsonb_build_object(flag, CASE f.fate WHEN 'flag' THEN 'true' ELSE coalesce(nullif(f.before, 'null'), 'false') END),
		   jsonb_build_object(flag, coalesce(f.doc -> flag, 'null'))
	FROM pg_temp.flitmig_fate f WHERE f.fate IN ('flag', 'unflag')
	ON CONFLICT (migration_id, id) DO UPDATE SET run_id = excluded.run_id, single = excluded.single, changes = excluded.changes, before = excluded.before;
	PERFORM flitmig._plan_batches(b.run_id, b.migration_id, b.phase, t.fate, 'push', b.object, b.object_map_id, t.ids, 200)
	FROM (SELECT f.fate, array_agg(f.id ORDER BY f.id) AS ids FROM pg_temp.flitmig_fate f WHERE f.fate IN ('trash', 'untrash') GROUP BY f.fate) t;
	DROP TABLE pg_temp.flitmig_fate;
	PERFORM flitmig._note_place(b, body);
	PERFORM flitmig._plan_update(b.run_id, b.migration_id, b.phase);
END
$$;
COMMENT ON FUNCTION flitmig._read_gone(flitmig.batch, jsonb) IS 'Decides about each record that is gone or came back: flag, trash, take back, or leave to the person who was there before';

/* ---- the trash ---- */

CREATE FUNCTION flitmig._open_trash(b flitmig.batch, OUT path text, OUT body text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF b.purpose = 'push' THEN
		INSERT INTO flitmig.undo (migration_id, run_id, batch_id, action, object, ids)
		SELECT b.migration_id, b.run_id, b.id, b.kind, b.object, b.ids
		WHERE NOT EXISTS (SELECT FROM flitmig.undo u WHERE u.batch_id = b.id);
	END IF;
	SELECT r.path, r.body::text INTO path, body FROM flitmig._trash_request(b.migration_id, b.object, b.ids, b.kind = 'untrash', CASE b.purpose WHEN 'put back' THEN '{create,adopt}'::text[] ELSE '{create}' END) r;
END
$$;
COMMENT ON FUNCTION flitmig._open_trash(flitmig.batch) IS 'Writes the undo row, then builds the call that puts records in the trash or takes them out; the builder refuses ids that the undo log does not list as created';

CREATE FUNCTION flitmig._stored_trash(b flitmig.batch, body jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	n integer;
BEGIN
	UPDATE flitmig.base s
	SET gone = CASE WHEN b.purpose = 'put back' THEN s.gone WHEN b.kind = 'trash' THEN 'trashed' END, stored_at = clock_timestamp(),
		stored = s.stored || jsonb_build_object('deletedAt', a.doc -> 'deletedAt', 'updatedAt', a.doc -> 'updatedAt')
	FROM flitmig._answer_records(body) a
	WHERE s.migration_id = b.migration_id AND s.id = a.id;
	GET DIAGNOSTICS n = ROW_COUNT;
	/* a task or note takes its links along, which gives them a new updatedAt */
	UPDATE flitmig.base s SET stored = s.stored - 'updatedAt' - 'deletedAt'
	WHERE s.migration_id = b.migration_id AND s.object = b.object || 'Target' AND (s.stored ->> (b.object || 'Id'))::uuid = ANY (b.ids);
	UPDATE flitmig.batch SET stored = n WHERE id = b.id;
	IF b.purpose = 'undo' THEN
		/* what else is to be restored in them is looked at now that they are where they were */
		PERFORM flitmig._plan_batches(b.run_id, b.migration_id, b.phase, 'read', 'restore', b.object, b.object_map_id, b.ids, 200);
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._stored_trash(flitmig.batch, jsonb) IS 'Records are in the trash, or out of it: base knows';
