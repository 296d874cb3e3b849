/*
 * files: bytes go up before the attachment records that carry them.
 *
 *	planned ─▶ sent (each step's answer kept in file_ref) ─▶ done
 *	     └───▶ missing (not in the export)      └──▶ refused (too large, …)
 *
 * One upload per call; the steps of a dialect are named by the twenty room.
 * A reservation whose answer is lost is made once more: Twenty keeps the first
 * one, empty, and offers no way to find it.
 */

CREATE FUNCTION flitmig._file_type(path text, name text) RETURNS text
AS 'MODULE_PATHNAME', 'flitmig_file_type'
LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION flitmig._file_type(text, text) IS 'Media type of an imported file by its first bytes; NULL when it cannot be read';

/* Twenty takes no larger file (TWENTY.md 7). */
CREATE FUNCTION flitmig._file_limit() RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT 1073741824::bigint $$;
COMMENT ON FUNCTION flitmig._file_limit() IS 'Largest file that Twenty takes, in bytes';

/* Forward slashes, no drive, no ./ in front, one case. */
CREATE FUNCTION flitmig._file_words(path text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT lower(regexp_replace(regexp_replace(translate(path, '\!', '//'), '^([a-zA-Z]:)?(\./|/)*', ''), '/+', '/', 'g')) $$;
COMMENT ON FUNCTION flitmig._file_words(text) IS 'A path as files are matched by';

CREATE FUNCTION flitmig._file_base(path text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT regexp_replace(flitmig._file_words(path), '^.*/', '') $$;
COMMENT ON FUNCTION flitmig._file_base(text) IS 'The last part of a path as files are matched by';

CREATE FUNCTION flitmig._same_file(name text, path text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT f.words = w.words OR right(f.words, length(w.words) + 1) = '/' || w.words OR right(w.words, length(f.words) + 1) = '/' || f.words
	FROM (SELECT flitmig._file_words(name)) f(words), (SELECT flitmig._file_words(path)) w(words)
$$;
COMMENT ON FUNCTION flitmig._same_file(text, text) IS 'Whether a path in an index can mean a file of that name: one of them ends as the other one is';

/*
 * Which imported file an attachment means: the one of that very name; else
 * the only one whose path ends as the index says (an index names files
 * relative to itself, or by their name alone), or as whose path the index
 * ends (it names the drive on which they once were).
 */
CREATE FUNCTION flitmig._find_files(mig integer, map integer) RETURNS TABLE (record_id uuid, file_id integer, found bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH file AS MATERIALIZED (
		SELECT DISTINCT ON (f.name) f.id, f.name, f.sha256, flitmig._file_base(f.name) AS base
		FROM flitmig.source_file f
		WHERE f.migration_id = mig AND f.superseded_by IS NULL
		ORDER BY f.name, f.id DESC),
	wanted AS MATERIALIZED (
		SELECT r.id, r.file_path, flitmig._file_base(r.file_path) AS base
		FROM flitmig.record r
		WHERE r.object_map_id = map AND r.state = 'mapped' AND r.file_path IS NOT NULL AND r.file_path <> 'inline'
		  AND NOT EXISTS (SELECT FROM flitmig.base b WHERE b.migration_id = mig AND b.id = r.id)),
	exact AS (
		SELECT w.id, f.id AS file_id FROM wanted w JOIN file f ON f.name = w.file_path),
	alike AS (
		SELECT w.id, max(f.id) AS file_id, count(DISTINCT f.sha256) AS found
		FROM wanted w JOIN file f ON f.base = w.base AND w.base <> ''
		WHERE NOT EXISTS (SELECT FROM exact e WHERE e.id = w.id)
		  AND flitmig._same_file(f.name, w.file_path)
		GROUP BY w.id)
	SELECT w.id, coalesce(e.file_id, CASE WHEN a.found = 1 THEN a.file_id END), CASE WHEN e.id IS NOT NULL THEN 1 ELSE coalesce(a.found, 0) END
	FROM wanted w LEFT JOIN exact e ON e.id = w.id LEFT JOIN alike a ON a.id = w.id
$$;
COMMENT ON FUNCTION flitmig._find_files(integer, integer) IS 'The imported file of each attachment that is not stored yet; found: how many different ones it could be';

CREATE FUNCTION flitmig._plan_upload(this_run bigint, mig integer, map integer, phase text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	sampling boolean := (SELECT r.kind = 'sample' FROM flitmig.run r WHERE r.id = this_run);
	spoken text;
BEGIN
	INSERT INTO flitmig.upload (migration_id, record_id, path, name, bytes, sha256, state, reason)
	SELECT mig, r.id, coalesce(f.path, r.file_path), coalesce(r.payload ->> 'name', regexp_replace(f.name, '^.*[/!]', '')), f.bytes, f.sha256,
		   CASE WHEN r.file_path <> 'inline' AND f.id IS NULL THEN 'missing' WHEN f.bytes > flitmig._file_limit() THEN 'refused' ELSE 'planned' END,
		   CASE WHEN r.file_path <> 'inline' AND f.id IS NULL THEN CASE WHEN w.found > 1 THEN 'several of the imported files could be it' ELSE 'the file is not among the imported ones' END
				WHEN f.bytes > flitmig._file_limit() THEN 'the file is larger than Twenty takes' END
	FROM flitmig.record r
	LEFT JOIN flitmig._find_files(mig, map) w ON w.record_id = r.id
	LEFT JOIN flitmig.source_file f ON f.id = w.file_id
	WHERE r.object_map_id = map AND r.state = 'mapped' AND r.file_path IS NOT NULL
	  AND NOT EXISTS (SELECT FROM flitmig.base b WHERE b.migration_id = mig AND b.id = r.id)
	  AND (NOT sampling OR EXISTS (SELECT FROM flitmig.sample_record s WHERE s.migration_id = mig AND s.id = r.id))
	ON CONFLICT (migration_id, record_id) DO UPDATE
	SET path = excluded.path, name = excluded.name, bytes = excluded.bytes, sha256 = excluded.sha256, state = excluded.state, reason = excluded.reason, content_type = NULL
	WHERE upload.state = 'missing' OR excluded.sha256 <> upload.sha256;
	DELETE FROM flitmig.quarantine q USING flitmig.upload u
	WHERE q.migration_id = mig AND q.object_map_id = map AND q.kind = 'file'
	  AND u.migration_id = mig AND u.record_id = q.id AND u.state = 'planned';
	INSERT INTO flitmig.quarantine (migration_id, id, object, object_map_id, run_id, kind, code, reason, hash)
	SELECT mig, r.id, r.object, map, this_run, 'file', CASE WHEN u.bytes > flitmig._file_limit() THEN 'FILE_TOO_LARGE' WHEN u.reason LIKE 'several%' THEN 'FILE_AMBIGUOUS' ELSE 'FILE_MISSING' END, u.reason, r.hash
	FROM flitmig.upload u JOIN flitmig.record r ON r.migration_id = mig AND r.id = u.record_id
	WHERE u.migration_id = mig AND r.object_map_id = map AND (u.state = 'missing' OR (u.state = 'refused' AND u.bytes > flitmig._file_limit()))
	ON CONFLICT (migration_id, id) DO NOTHING;
	PERFORM flitmig._find_file_issues(mig, map);

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

/* Files that cannot go up are findings, with the places of their rows. */
CREATE FUNCTION flitmig._find_file_issues(mig integer, map integer) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	DELETE FROM flitmig.finding f USING flitmig.object_map o
	WHERE o.id = map AND f.migration_id = mig AND f.step = 'run' AND f.object = o.name AND f.code LIKE 'FILE\_%';
	INSERT INTO flitmig.finding (migration_id, step, severity, code, object, column_name, count, places, message, hint)
	SELECT mig, 'run', 'warning', q.code, o.name, (flitmig._source_columns(o.file_path))[1], count(*),
		   flitmig._places(mig, (array_agg(r.file_id ORDER BY r.sequence))[1:5], (array_agg(r.line_no ORDER BY r.sequence))[1:5]),
		   format('%s attachment(s) are set aside: %s', count(*), min(q.reason)),
		   CASE q.code WHEN 'FILE_MISSING' THEN 'Import the files too (the directory that holds them), then run again.'
					   WHEN 'FILE_AMBIGUOUS' THEN 'Let the index name their folder as well, then import it and run again.'
					   WHEN 'FILE_TOO_LARGE' THEN 'Twenty takes 1 GB at most. Make them smaller, import them and run again.'
					   WHEN 'FILE_CHANGED' THEN 'They changed after the import: import them again, then flitmig_retry and run.'
					   WHEN 'FILE_FORBIDDEN' THEN 'GRANT pg_read_server_files to the role that runs the migration, then flitmig_retry and run.'
					   ELSE 'The server''s reason is in flitmig.quarantine.' END
	FROM flitmig.quarantine q
	JOIN flitmig.record r ON r.migration_id = mig AND r.id = q.id
	JOIN flitmig.object_map o ON o.id = map
	WHERE q.migration_id = mig AND q.object_map_id = map AND q.kind = 'file'
	GROUP BY q.code, o.id, o.name, o.file_path;
$$;
COMMENT ON FUNCTION flitmig._find_file_issues(integer, integer) IS 'Findings: attachments of an object map whose files cannot go up';

CREATE FUNCTION flitmig._decode_inline(data text, OUT copy oid, OUT bytes bigint, OUT sha256 bytea)
AS 'MODULE_PATHNAME', 'flitmig_decode_inline'
LANGUAGE C STRICT;
COMMENT ON FUNCTION flitmig._decode_inline(text) IS 'Decodes base64 into a new large object, piece by piece; all NULL when it is empty or no base64';

/* A file that is inside the export is decoded when its turn comes, into a large object, and streamed from there. */
CREATE FUNCTION flitmig._unpack_inline(b flitmig.batch, u flitmig.upload) RETURNS flitmig.upload
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	o flitmig.object_map;
BEGIN
	SELECT * INTO STRICT o FROM flitmig.object_map m WHERE m.id = b.object_map_id;
	EXECUTE format('SELECT d.copy, d.bytes, d.sha256 FROM flitmig.record r JOIN %s s ON s._file = r.file_id AND s._line = r.line_no, LATERAL flitmig._decode_inline(%s) d WHERE r.migration_id = $1 AND r.id = $2',
				   flitmig._entity_sql(b.migration_id, flitmig._driving_entity(o.source)), flitmig._expand(b.migration_id, o.file_data))
	INTO u.copy, u.bytes, u.sha256 USING b.migration_id, u.record_id;
	RETURN u;
END
$$;
COMMENT ON FUNCTION flitmig._unpack_inline(flitmig.batch, flitmig.upload) IS 'Decodes a file that the export holds in base64; without copy when it holds none';

CREATE FUNCTION flitmig._file_ending(content_type text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE content_type
		WHEN 'application/pdf' THEN '.pdf' WHEN 'image/png' THEN '.png' WHEN 'image/jpeg' THEN '.jpg' WHEN 'image/gif' THEN '.gif' WHEN 'image/tiff' THEN '.tif'
		WHEN 'image/webp' THEN '.webp' WHEN 'image/heic' THEN '.heic' WHEN 'application/rtf' THEN '.rtf' WHEN 'text/html' THEN '.html' WHEN 'text/plain' THEN '.txt'
		WHEN 'application/xml' THEN '.xml' WHEN 'application/dicom' THEN '.dcm' WHEN 'application/zip' THEN '.zip' WHEN 'application/msword' THEN '.doc'
		WHEN 'audio/mpeg' THEN '.mp3' WHEN 'audio/wav' THEN '.wav' WHEN 'video/mp4' THEN '.mp4' ELSE '' END
$$;
COMMENT ON FUNCTION flitmig._file_ending(text) IS 'Ending for a file that has none, by its media type';

/* What only its bytes tell: size and hash of an inline file, the media type, an ending for its name. */
CREATE FUNCTION flitmig._look_at_file(b flitmig.batch, u flitmig.upload) RETURNS flitmig.upload
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF u.path = 'inline' AND u.copy IS NULL THEN
		u := flitmig._unpack_inline(b, u);
	END IF;
	IF u.content_type IS NULL THEN
		u.content_type := flitmig._file_type(coalesce('lo:' || u.copy, u.path), coalesce(u.name, ''));
		u.name := coalesce(nullif(u.name, ''), 'file');
		IF u.name !~ '\.[A-Za-z0-9]{1,8}$' THEN
			u.name := u.name || flitmig._file_ending(u.content_type);
		END IF;
	END IF;
	UPDATE flitmig.upload t SET copy = u.copy, bytes = u.bytes, sha256 = u.sha256, content_type = u.content_type, name = u.name
	WHERE t.migration_id = u.migration_id AND t.record_id = u.record_id;
	RETURN u;
END
$$;
COMMENT ON FUNCTION flitmig._look_at_file(flitmig.batch, flitmig.upload) IS 'Completes what is known of a file before its first call';

CREATE FUNCTION flitmig._drop_copy(mig integer, record uuid) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT lo_unlink(u.copy) FROM flitmig.upload u WHERE u.migration_id = mig AND u.record_id = record AND u.copy IS NOT NULL;
	UPDATE flitmig.upload u SET copy = NULL WHERE u.migration_id = mig AND u.record_id = record AND u.copy IS NOT NULL;
$$;
COMMENT ON FUNCTION flitmig._drop_copy(integer, uuid) IS 'Removes the decoded copy of an inline file';

CREATE FUNCTION flitmig._open_upload(b flitmig.batch, OUT transport text, OUT path text, OUT body text,
	OUT file_path text, OUT file_name text, OUT content_type text, OUT file_map text, OUT file_size bigint, OUT file_sha256 bytea)
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
	IF b.detail ->> 'step' IS DISTINCT FROM 'complete' THEN
		u := flitmig._look_at_file(b, u);
		/* looked at before the server is told of it, too: a reservation without a file would stay behind */
		file_path := CASE WHEN u.path = 'inline' THEN 'lo:' || coalesce(u.copy, 0) ELSE u.path END;
		file_name := u.name;
		file_size := coalesce(u.bytes, -1);
		file_sha256 := u.sha256;
	END IF;
	SELECT r.transport, r.path, r.body::text, r.map::text, r.content_type INTO transport, path, body, file_map, content_type
	FROM flitmig._upload_request(b.migration_id, u.dialect, b.detail ->> 'step', u) r;
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
	IF (reply #>> '{file_ref,bytes}')::bigint <> u.bytes THEN
		PERFORM flitmig._refused_upload(b, 'FILE_DAMAGED', 'the server has stored another number of bytes than were sent');
		RETURN;
	END IF;
	UPDATE flitmig.upload t
	SET file_ref = (reply -> 'file_ref') || jsonb_build_object('next', reply -> 'next_step'),
		state = CASE WHEN reply ->> 'next_step' IS NULL THEN 'done' ELSE 'sent' END
	WHERE t.migration_id = b.migration_id AND t.record_id = b.ids[1];
	IF reply ->> 'next_step' IS NULL THEN
		PERFORM flitmig._drop_copy(b.migration_id, b.ids[1]);
	ELSE
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
	SELECT flitmig._drop_copy(b.migration_id, b.ids[1]);
	SELECT flitmig._find_file_issues(b.migration_id, b.object_map_id);
$$;
COMMENT ON FUNCTION flitmig._refused_upload(flitmig.batch, text, text) IS 'Sets an attachment aside whose file the server does not take';
