/*
 * unschema: fields, options and objects that we added go again, unless
 * someone else's data is in them.
 *
 *	count ─ nothing of others ─▶ undo, latest first (an object's views lose their favourites before it)
 *		  └ something ─▶ kept, with a finding
 */

CREATE FUNCTION flitmig._plan_count(this_run bigint, mig integer, phase text) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT flitmig._close_records(this_run, mig) WHERE NOT flitmig._is_dry(this_run);
	/* whose data is in it? One question an object for the fields, one for each object and option list of ours; settings hold no data */
	INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, purpose, object, detail)
	SELECT this_run, mig, _plan_count.phase, 'schema', 'count any', s.object,
		   jsonb_build_object('object', s.object, 'fields', jsonb_agg(s.field), 'undo', jsonb_agg(s.id))
	FROM flitmig._schema_scope(this_run) s WHERE s.action = 'create_field' GROUP BY s.object
	UNION ALL
	SELECT this_run, mig, _plan_count.phase, 'schema', 'count', s.object,
		   jsonb_build_object('undo', s.id, 'action', s.action, 'object', s.object, 'field', s.field, 'before', s.before)
	FROM flitmig._schema_scope(this_run) s WHERE s.action IN ('create_object', 'add_options');
	SELECT flitmig._plan_undo_schema(this_run, s.id) FROM flitmig._schema_scope(this_run) s WHERE s.action = 'alter_field' AND NOT flitmig._is_dry(this_run);
$$;
COMMENT ON FUNCTION flitmig._plan_count(bigint, integer, text) IS 'Closes the undo rows of records that are gone or restored, then asks whether someone else''s data is in what we added to the schema';

/* A field goes with its object; what is not there any more needs nothing. */
CREATE FUNCTION flitmig._schema_scope(this_run bigint) RETURNS SETOF flitmig.undo
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT u.*
	FROM flitmig._undo_scope(this_run) u
	WHERE u.action IN ('create_object', 'create_field', 'add_options', 'alter_field')
	  AND (u.action = 'create_object'
		   OR NOT EXISTS (SELECT FROM flitmig._undo_scope(this_run) o WHERE o.action = 'create_object' AND o.object = u.object))
	  AND flitmig._is_live(u.migration_id, u.object)
	  AND (u.field IS NULL OR EXISTS (SELECT FROM flitmig.live_field f WHERE f.migration_id = u.migration_id AND f.object = u.object AND f.name = u.field))
$$;
COMMENT ON FUNCTION flitmig._schema_scope(bigint) IS 'Schema changes that a rollback has to take back one by one';

CREATE FUNCTION flitmig._plan_undo_schema(this_run bigint, undo_id bigint) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	/* latest first: negative positions order the phase */
	INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, purpose, object, position, detail)
	SELECT this_run, u.migration_id, 'unschema', 'schema', 'undo', u.object,
		   - (SELECT count(*) FROM flitmig.undo o WHERE o.migration_id = u.migration_id AND o.id <= u.id)::integer,
		   jsonb_build_object('undo', u.id, 'action', u.action, 'object', u.object, 'field', u.field, 'before', u.before)
	FROM flitmig.undo u WHERE u.id = undo_id
	UNION ALL
	/* a position before it, because its views go with it */
	SELECT this_run, u.migration_id, 'unschema', 'schema', 'views', u.object,
		   - (SELECT count(*) FROM flitmig.undo o WHERE o.migration_id = u.migration_id AND o.id <= u.id)::integer - 1,
		   jsonb_build_object('object', u.object)
	FROM flitmig.undo u
	WHERE u.id = undo_id AND u.action = 'create_object' AND NOT coalesce((u.before ->> 'existed')::boolean, true)
	  AND flitmig._has_favorites(u.migration_id);
$$;
COMMENT ON FUNCTION flitmig._plan_undo_schema(bigint, bigint) IS 'Plans the call that takes one schema change back, in the phase unschema';

/* A call that broke may not have been applied: the model that was read since tells. */
CREATE FUNCTION flitmig._unschema_lost(this_run bigint) RETURNS SETOF flitmig.undo
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT s.*
	FROM flitmig._schema_scope(this_run) s
	WHERE (SELECT b.state FROM flitmig.batch b
		   WHERE b.run_id = this_run AND b.kind = 'schema' AND b.purpose = 'undo' AND (b.detail ->> 'undo')::bigint = s.id
		   ORDER BY b.id DESC LIMIT 1) = 'settled'
$$;
COMMENT ON FUNCTION flitmig._unschema_lost(bigint) IS 'Schema changes that a rollback has asked Twenty to take back, got no answer, and that are still there';

CREATE FUNCTION flitmig._plan_unschema_again(this_run bigint, mig integer) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT flitmig._plan_undo_schema(this_run, s.id) FROM flitmig._unschema_lost(this_run) s
$$;
COMMENT ON FUNCTION flitmig._plan_unschema_again(bigint, integer) IS 'Plans once more what of a rollback''s schema changes was lost on its way; nothing the first time';

CREATE FUNCTION flitmig._counted_schema(b flitmig.batch, body jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	n bigint := flitmig._foreign_count_answer(body);
	dry boolean := flitmig._is_dry(b.run_id);
BEGIN
	IF dry AND n < 9223372036854775807 THEN
		n := greatest(0, n - flitmig._leaving(b.run_id, b.object,
			CASE b.purpose WHEN 'count any' THEN ARRAY(SELECT jsonb_array_elements_text(b.detail -> 'fields')) ELSE nullif(ARRAY[b.detail ->> 'field'], ARRAY[NULL::text]) END,
			CASE b.purpose WHEN 'count' THEN flitmig._our_options(b.detail -> 'before') END));
	END IF;
	IF n = 0 AND dry THEN
		NULL;	/* it would go */
	ELSIF b.purpose = 'count any' AND n = 0 THEN
		PERFORM flitmig._plan_undo_schema(b.run_id, u.id::bigint) FROM jsonb_array_elements_text(b.detail -> 'undo') u(id);
	ELSIF b.purpose = 'count any' THEN
		/* in some: which? */
		INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, purpose, object, detail)
		SELECT b.run_id, b.migration_id, b.phase, 'schema', 'count', b.object,
			   jsonb_build_object('undo', u.id, 'action', u.action, 'object', u.object, 'field', u.field, 'before', u.before)
		FROM jsonb_array_elements_text(b.detail -> 'undo') x(id) JOIN flitmig.undo u ON u.id = x.id::bigint;
	ELSIF n = 0 THEN
		PERFORM flitmig._plan_undo_schema(b.run_id, (b.detail ->> 'undo')::bigint);
	ELSE
		UPDATE flitmig.batch SET detail = detail || jsonb_build_object('foreign', n) WHERE id = b.id;
		IF dry THEN
			RETURN;
		END IF;
		INSERT INTO flitmig.finding (migration_id, step, severity, code, object, column_name, count, message, hint)
		VALUES (b.migration_id, 'rollback', 'warning', 'SCHEMA_KEPT', b.detail ->> 'object', b.detail ->> 'field', n,
				'Kept in Twenty: it holds data that this migration did not put there, or that a person has changed since.',
				'Remove it in Twenty under Settings > Data model when that data is no longer needed.');
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._counted_schema(flitmig.batch, jsonb) IS 'Has a field, an option list or an object removed only when nothing is in it';

/* Its favourites go before the object: afterwards nobody could tell whose they were. */
CREATE FUNCTION flitmig._told_views(b flitmig.batch, body jsonb) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, purpose, object, position, detail)
	SELECT b.run_id, b.migration_id, b.phase, 'schema', 'favorites', b.object, b.position, b.detail || jsonb_build_object('views', v.ids)
	FROM (SELECT jsonb_path_query_array(body, '$.data.getCoreViews[*].id') AS ids) v
	WHERE v.ids <> '[]'
$$;
COMMENT ON FUNCTION flitmig._told_views(flitmig.batch, jsonb) IS 'Plans the removal of the favourites of an object''s views';

CREATE FUNCTION flitmig._undone_schema(b flitmig.batch) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE flitmig.undo u SET undone_by = b.run_id
	WHERE u.migration_id = b.migration_id AND u.undone_by IS NULL AND u.object = b.detail ->> 'object'
	  AND (u.id = (b.detail ->> 'undo')::bigint
		   OR (b.detail ->> 'action' = 'create_object' AND u.action IN ('create_field', 'add_options', 'alter_field')));
	UPDATE flitmig.batch SET stored = 1 WHERE id = b.id;
$$;
COMMENT ON FUNCTION flitmig._undone_schema(flitmig.batch) IS 'A schema change was taken back';
