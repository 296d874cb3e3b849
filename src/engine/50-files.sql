/*
 * files: bytes go up before the attachment records that carry them.
 *
 *	planned ─▶ sent (each step's answer kept in file_ref) ─▶ done
 *	     └───▶ missing (not in the export)      └──▶ refused (too large, …)
 *
 * One upload per call; the steps of a dialect are named by the twenty room.
 */

CREATE FUNCTION flitmig._plan_upload(this_run bigint, mig integer, map integer, phase text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	sampling boolean := (SELECT r.kind = 'sample' FROM flitmig.run r WHERE r.id = this_run);
	spoken text;
BEGIN
	INSERT INTO flitmig.upload (migration_id, record_id, path, name, bytes, sha256, state, reason)
	SELECT mig, r.id, coalesce(f.path, r.file_path), r.payload ->> 'name', f.bytes, f.sha256,
		   CASE WHEN f.id IS NULL THEN 'missing' ELSE 'planned' END,
		   CASE WHEN f.id IS NULL THEN 'the file is not among the imported ones' END
	FROM flitmig.record r
	LEFT JOIN LATERAL (SELECT s.* FROM flitmig.source_file s
					   WHERE s.migration_id = mig AND s.superseded_by IS NULL AND s.name = r.file_path
					   ORDER BY s.id DESC LIMIT 1) f ON true
	WHERE r.object_map_id = map AND r.state = 'mapped' AND r.file_path IS NOT NULL
	  AND NOT EXISTS (SELECT FROM flitmig.base b WHERE b.migration_id = mig AND b.id = r.id)
	  AND (NOT sampling OR EXISTS (SELECT FROM flitmig.sample_record s WHERE s.migration_id = mig AND s.id = r.id))
	ON CONFLICT (migration_id, record_id) DO UPDATE
	SET path = excluded.path, bytes = excluded.bytes, sha256 = excluded.sha256, state = excluded.state, reason = excluded.reason
	WHERE upload.state = 'missing';
	INSERT INTO flitmig.quarantine (migration_id, id, object, object_map_id, run_id, kind, code, reason, hash)
	SELECT mig, r.id, r.object, map, this_run, 'file', 'FILE_MISSING', u.reason, r.hash
	FROM flitmig.upload u JOIN flitmig.record r ON r.migration_id = mig AND r.id = u.record_id
	WHERE u.migration_id = mig AND r.object_map_id = map AND u.state = 'missing'
	ON CONFLICT (migration_id, id) DO NOTHING;
	DELETE FROM flitmig.quarantine q USING flitmig.upload u
	WHERE q.migration_id = mig AND q.object_map_id = map AND q.kind = 'file' AND q.code = 'FILE_MISSING'
	  AND u.migration_id = mig AND u.record_id = q.id AND u.state = 'planned';

	IF NOT EXISTS (SELECT FROM flitmig.upload u JOIN flitmig.record r ON r.migration_id = mig AND r.id = u.record_id
				   WHERE u.migration_id = mig AND r.object_map_id = map AND u.state IN ('planned', 'sent')) THEN
		RETURN;
	END IF;
	spoken := flitmig._upload_dialect(mig);
	IF spoken IS NULL THEN
		RAISE EXCEPTION 'the server offers no way to upload files that flitmig knows'
			USING ERRCODE = 'feature_not_supported',
				  HINT = 'Leave the attachments out: remove their object map from the profile, then confirm again.';
	END IF;
	UPDATE flitmig.upload u SET dialect = spoken WHERE u.migration_id = mig AND u.state = 'planned';
	INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, purpose, object, object_map_id, ids, detail)
	SELECT this_run, mig, _plan_upload.phase, 'upload', 'push', r.object, map, ARRAY[u.record_id],
		   /* an upload url lives for a quarter of an hour: begin again with a new one */
		   jsonb_build_object('step', CASE WHEN u.state = 'sent' AND NOT (u.file_ref ->> 'next' = 'put' AND u.file_ref ->> 'expiresAt' IS NOT NULL
																		 AND (u.file_ref ->> 'expiresAt')::timestamptz < clock_timestamp() + interval '1 minute')
										   THEN u.file_ref ->> 'next' END)
	FROM flitmig.upload u JOIN flitmig.record r ON r.migration_id = mig AND r.id = u.record_id
	WHERE u.migration_id = mig AND r.object_map_id = map AND u.state IN ('planned', 'sent') AND r.state = 'mapped'
	  AND NOT EXISTS (SELECT FROM flitmig.quarantine q WHERE q.migration_id = mig AND (q.id = r.id OR q.id = ANY (r.refs)))
	  AND (NOT sampling OR EXISTS (SELECT FROM flitmig.sample_record s WHERE s.migration_id = mig AND s.id = r.id))
	ORDER BY r.sequence;
END
$$;
COMMENT ON FUNCTION flitmig._plan_upload(bigint, integer, integer, text) IS 'Finds the file of each attachment that is not stored yet and plans its upload; a missing file sets its attachment aside';

CREATE FUNCTION flitmig._open_upload(b flitmig.batch, OUT transport text, OUT path text, OUT body text,
	OUT file_path text, OUT file_name text, OUT content_type text, OUT file_map text, OUT file_size bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	u flitmig.upload;
BEGIN
	SELECT * INTO STRICT u FROM flitmig.upload t WHERE t.migration_id = b.migration_id AND t.record_id = b.ids[1];
	INSERT INTO flitmig.undo (migration_id, run_id, batch_id, action, object, ids)
	SELECT b.migration_id, b.run_id, b.id, 'upload', b.object, b.ids
	WHERE NOT EXISTS (SELECT FROM flitmig.undo t WHERE t.batch_id = b.id);
	SELECT r.transport, r.path, r.body::text, r.map::text, r.content_type INTO transport, path, body, file_map, content_type
	FROM flitmig._upload_request(b.migration_id, u.dialect, b.detail ->> 'step', u) r;
	/* looked at before the server is told of it, too: a reservation without a file would stay behind */
	IF b.detail ->> 'step' IS DISTINCT FROM 'complete' THEN
		file_path := u.path;
		file_name := coalesce(u.name, 'file');
		file_size := coalesce(u.bytes, -1);
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._open_upload(flitmig.batch) IS 'Builds the next call of one file''s upload';

CREATE FUNCTION flitmig._stored_upload(b flitmig.batch, body jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	u flitmig.upload;
	reply jsonb;
BEGIN
	SELECT * INTO STRICT u FROM flitmig.upload t WHERE t.migration_id = b.migration_id AND t.record_id = b.ids[1];
	reply := flitmig._upload_answer(b.migration_id, u.dialect, b.detail ->> 'step', u, body);
	UPDATE flitmig.upload t
	SET file_ref = (reply -> 'file_ref') || jsonb_build_object('next', reply -> 'next_step'),
		state = CASE WHEN reply ->> 'next_step' IS NULL THEN 'done' ELSE 'sent' END
	WHERE t.migration_id = b.migration_id AND t.record_id = b.ids[1];
	IF reply ->> 'next_step' IS NOT NULL THEN
		/* ahead of files that have not begun: their urls do not live long */
		INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, purpose, object, object_map_id, position, ids, detail)
		SELECT b.run_id, b.migration_id, b.phase, 'upload', 'push', b.object, b.object_map_id, b.position - 1, b.ids, jsonb_build_object('step', reply ->> 'next_step');
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._stored_upload(flitmig.batch, jsonb) IS 'Keeps what the server calls the file and plans the next step, if there is one';

CREATE FUNCTION flitmig._refused_upload(b flitmig.batch, code text, reason text) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE flitmig.batch SET state = 'refused' WHERE id = b.id;
	UPDATE flitmig.upload u SET state = 'refused', reason = _refused_upload.reason
	WHERE u.migration_id = b.migration_id AND u.record_id = b.ids[1];
	INSERT INTO flitmig.quarantine (migration_id, id, object, object_map_id, run_id, kind, code, reason, hash)
	SELECT b.migration_id, r.id, b.object, b.object_map_id, b.run_id, 'file', _refused_upload.code, _refused_upload.reason, r.hash
	FROM flitmig.record r WHERE r.migration_id = b.migration_id AND r.id = b.ids[1]
	ON CONFLICT (migration_id, id) DO NOTHING;
$$;
COMMENT ON FUNCTION flitmig._refused_upload(flitmig.batch, text, text) IS 'Sets an attachment aside whose file the server does not take';
