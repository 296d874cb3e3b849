/*
 * dry run: a rollback that reads as the real one does, and tells what would happen.
 *
 *	settle, look	as in the real one
 *	restore			the reading half: what would be written is only counted
 *	count			whose data is in what we added to the schema?  Ours is still
 *					there, so it is subtracted: what we would destroy or restore
 */

CREATE FUNCTION flitmig._is_dry(this_run bigint) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT r.options ? 'dry_run' FROM flitmig.run r WHERE r.id = this_run
$$;
COMMENT ON FUNCTION flitmig._is_dry(bigint) IS 'Whether a rollback only tells';

/* Records that count as holding something now, and would not after the rollback. */
CREATE FUNCTION flitmig._leaving(this_run bigint, object text, fields text[], choices text[]) RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH held AS (
		SELECT i.id, i.state, i.migration_id, s.stored
		FROM flitmig.rollback_item i
		JOIN flitmig.base s ON s.migration_id = i.migration_id AND s.id = i.id
		WHERE i.run_id = this_run AND i.object = _leaving.object AND i.state IN ('destroy', 'restore')),
	known AS (
		SELECT l.* FROM flitmig.live_field l, flitmig.run r
		WHERE r.id = this_run AND l.migration_id = r.migration_id AND l.object = _leaving.object AND l.name = ANY (fields)),
	image AS MATERIALIZED (
		SELECT m.id, jsonb_object_agg(m.field, m.value) AS doc
		FROM flitmig._images(this_run, ARRAY(SELECT h.id FROM held h WHERE h.state = 'restore')) m
		GROUP BY m.id)
	SELECT count(*)
	FROM held h LEFT JOIN image m ON m.id = h.id
	WHERE CASE
			WHEN fields IS NULL THEN h.state = 'destroy'
			WHEN choices IS NOT NULL THEN
				EXISTS (SELECT FROM known k WHERE flitmig._holds_option(h.stored -> k.name, choices))
				AND (h.state = 'destroy' OR NOT EXISTS (SELECT FROM known k WHERE flitmig._holds_option((h.stored || coalesce(m.doc, '{}')) -> k.name, choices)))
			ELSE
				EXISTS (SELECT FROM known k WHERE flitmig._filled(k, h.stored))
				AND (h.state = 'destroy' OR NOT EXISTS (SELECT FROM known k WHERE flitmig._filled(k, h.stored || coalesce(m.doc, '{}'))))
		END
$$;
COMMENT ON FUNCTION flitmig._leaving(bigint, text, text[], text[]) IS 'How many records of an object hold something in one of these fields (or one of these options; fields NULL: exist) and would no longer after the rollback';

CREATE FUNCTION flitmig._holds_option(value jsonb, options text[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE jsonb_typeof(value) WHEN 'array' THEN value ?| options WHEN 'string' THEN value #>> '{}' = ANY (options) ELSE false END
$$;
COMMENT ON FUNCTION flitmig._holds_option(jsonb, text[]) IS 'Whether a value of a select is one of these options, or holds one of them';

/* Schema changes that a rollback did not take back, or would not. */
CREATE FUNCTION flitmig._schema_kept(this_run bigint) RETURNS TABLE (undo_id bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH counted AS (
		SELECT u.id, u.action, u.object
		FROM flitmig.batch b JOIN flitmig.undo u ON u.id = (b.detail ->> 'undo')::bigint
		WHERE b.run_id = this_run AND b.kind = 'schema' AND b.purpose = 'count' AND (b.detail ->> 'foreign')::bigint > 0)
	SELECT c.id FROM counted c
	UNION
	/* what stands in an object stays with it */
	SELECT u.id FROM flitmig._undo_scope(this_run) u JOIN counted c ON c.action = 'create_object' AND c.object = u.object
	WHERE u.action IN ('create_object', 'create_field', 'add_options', 'alter_field')
$$;
COMMENT ON FUNCTION flitmig._schema_kept(bigint) IS 'Undo rows of schema changes in which the count found somebody else''s data';

/*
 * What a rollback takes: of the records that a dry run has listed (run), or of
 * all that are mapped.  Most are destroyed 2,000 a call, those with a file one
 * a call (60-rollback.sql): nine hundred documents are nine minutes at
 * Twenty's default limit, which nobody should learn at night.
 */
CREATE FUNCTION flitmig._rollback_forecast(mig integer, run bigint, OUT records bigint, OUT files bigint, OUT calls bigint, OUT seconds double precision)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	WITH item AS (
		SELECT i.object, i.object_map_id AS map, u.record_id IS NOT NULL AS file
		FROM flitmig.rollback_item i LEFT JOIN flitmig.upload u ON u.migration_id = mig AND u.record_id = i.id AND u.state IN ('sent', 'done')
		WHERE i.run_id = _rollback_forecast.run AND i.state = 'destroy'
		UNION ALL
		SELECT r.object, r.object_map_id, r.file_path IS NOT NULL
		FROM flitmig.record r WHERE _rollback_forecast.run IS NULL AND r.migration_id = mig AND r.state = 'mapped'),
	per_map AS MATERIALIZED (
		SELECT i.object, count(*) FILTER (WHERE NOT i.file) AS plain, count(*) FILTER (WHERE i.file) AS files FROM item i GROUP BY i.object, i.map),
	/* looked at, 200 a call; activities removed until none is found; destroyed; looked for once more */
	call AS (
		SELECT coalesce(sum(ceil(o.n / 200.0)), 0) + coalesce(sum(3 * ceil(o.n / flitmig._ids_per_call()::numeric)), 0)
			   + coalesce((SELECT sum(m.files + ceil(m.plain / flitmig._ids_per_call()::numeric)) FROM per_map m), 0) AS n
		FROM (SELECT object, sum(plain + m.files) AS n FROM per_map m GROUP BY object) o),
	made AS (
		SELECT greatest((SELECT count(*) FROM flitmig._schema_actions(mig) a WHERE _rollback_forecast.run IS NULL AND a.state IN ('create', 'append')),
						(SELECT count(*) FROM flitmig.undo u WHERE u.migration_id = mig AND u.undone_by IS NULL AND u.action IN ('create_object', 'create_field', 'add_options', 'alter_field'))) AS n,
			   flitmig._schema_ms(mig) AS ms)
	SELECT (SELECT coalesce(sum(m.plain + m.files), 0) FROM per_map m), (SELECT coalesce(sum(m.files), 0) FROM per_map m), c.n + d.n,
		   /* when it will be begun nobody knows: the bucket is full then */
		   (flitmig._run_simulate(CASE WHEN p.unlimited THEN 0 ELSE p.all_tokens END, p.window_ms, true, p.all_tokens, p.share, 1,
				ARRAY[c.n, d.n]::double precision[], ARRAY[0, 0]::double precision[], ARRAY[k.call_ms, d.ms]::double precision[], ARRAY[2, 2]::double precision[], ARRAY[1, 0]::double precision[]))[2]
	INTO records, files, calls, seconds
	FROM call c, made d, flitmig._pace(mig) p, flitmig._call_times(mig) k
	WHERE k.kind = 'read';
END
$$;
COMMENT ON FUNCTION flitmig._rollback_forecast(integer, bigint) IS 'Records, of them with a file, calls and seconds of a rollback: of a dry run, or (run NULL) of everything once it has moved';
