/* schema: reading the server's model, adding what the mapping needs, and reading it back. */

CREATE FUNCTION flitmig._plan_introspect(this_run bigint, mig integer) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, detail)
	SELECT this_run, mig, 'introspect', 'introspect', flitmig._introspect_start(mig)
	WHERE NOT EXISTS (SELECT FROM flitmig.batch b WHERE b.run_id = this_run AND b.kind = 'introspect')
	   /* a preflight asks again when the records are known: who holds their unique values? */
	   OR EXISTS (SELECT FROM flitmig.run r WHERE r.id = this_run AND r.kind = 'read'
				  AND EXISTS (SELECT FROM flitmig.record c WHERE c.migration_id = mig))
	   OR (SELECT max(b.id) FROM flitmig.batch b WHERE b.run_id = this_run AND b.kind = 'schema')
		  > (SELECT max(b.id) FROM flitmig.batch b WHERE b.run_id = this_run AND b.kind = 'introspect');
$$;
COMMENT ON FUNCTION flitmig._plan_introspect(bigint, integer) IS 'Plans a reading of the model, unless nothing was changed since this run''s last one';

CREATE FUNCTION flitmig._open_introspect(b flitmig.batch, OUT transport text, OUT path text, OUT body text)
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT lower(r.method), r.path, r.body::text FROM flitmig._introspect_request(b.migration_id, b.detail) r
$$;
COMMENT ON FUNCTION flitmig._open_introspect(flitmig.batch) IS 'Builds the next call of an introspection';

CREATE FUNCTION flitmig._stored_introspect(b flitmig.batch, body jsonb) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, detail)
	SELECT b.run_id, b.migration_id, b.phase, 'introspect', n.detail
	FROM (SELECT flitmig._introspect_answer(b.migration_id, b.detail, body) AS detail) n
	WHERE n.detail IS NOT NULL
$$;
COMMENT ON FUNCTION flitmig._stored_introspect(flitmig.batch, jsonb) IS 'Digests one introspection answer and plans the call that follows from it';

/*
 * The url may lead elsewhere by now, or the workspace was made anew: what we
 * hold of its records would be wrong, and a second set of them would be made.
 * Each workspace gives the objects of its model ids of its own.
 */
CREATE FUNCTION flitmig._require_same_twenty(mig integer) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	m flitmig.migration;
	here jsonb := (SELECT to_jsonb(o.object_id) FROM flitmig.live_object o WHERE o.migration_id = mig AND o.name = 'person');
BEGIN
	IF here IS NULL OR here = flitmig._capability(mig, 'workspace') THEN
		RETURN;
	ELSIF flitmig._capability(mig, 'workspace') IS NOT NULL AND EXISTS (SELECT FROM flitmig.undo u WHERE u.migration_id = mig AND u.undone_by IS NULL) THEN
		SELECT * INTO m FROM flitmig.migration WHERE id = mig;
		RAISE EXCEPTION 'server "%" is not the Twenty that migration "%" has written into', m.server, m.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				  DETAIL = 'Its data model has other ids than before: the url leads to another workspace, or the workspace was made anew. Nothing was sent.',
				  HINT = format('Set the url back: ALTER SERVER %I OPTIONS (SET url ''…'');  for this workspace create another migration. If the old one is gone for good: SELECT flitmig_drop(%L, force => true);', m.server, m.name);
	END IF;
	PERFORM flitmig._learn(mig, 'workspace', here);
END
$$;
COMMENT ON FUNCTION flitmig._require_same_twenty(integer) IS 'Error when the server is another workspace than the one that holds what this migration has sent';

/* Forecasts and preflight need the records too; mapping works before the schema is made. */
CREATE FUNCTION flitmig._plan_planmap(mig integer) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF (SELECT m.mapping_hash IS NOT NULL FROM flitmig.migration m WHERE m.id = mig) THEN
		PERFORM flitmig._refresh_targets(mig);
		PERFORM flitmig._map(mig);
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._plan_planmap(integer) IS 'Computes the records of a confirmed mapping without sending anything';

/* A key that may not read workflows or webhooks is no reason to stop. */
CREATE FUNCTION flitmig._refused_introspect(b flitmig.batch, code text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT coalesce((b.detail ->> 'optional')::boolean, false) THEN
		RAISE EXCEPTION 'Twenty refused to tell its data model'
			USING ERRCODE = 'fdw_error',
				  DETAIL = format('Code %s in batch %s; the message is in flitmig.batch.', code, b.id),
				  HINT = 'Give the API key a role that may read the data model: Settings > Roles in Twenty.';
	END IF;
	UPDATE flitmig.batch SET state = 'refused' WHERE id = b.id;
	PERFORM flitmig._stored_introspect(b, NULL);
END
$$;
COMMENT ON FUNCTION flitmig._refused_introspect(flitmig.batch, text) IS 'Goes on without an answer that was only wished for; error when it was needed';

CREATE FUNCTION flitmig._our_options(before jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT array_agg(w.option ->> 'value')
	FROM jsonb_array_elements(flitmig._array_of(before -> 'wanted')) w(option)
	WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(flitmig._array_of(before -> 'options')) o(option)
					  WHERE o.option ->> 'value' = w.option ->> 'value')
$$;
COMMENT ON FUNCTION flitmig._our_options(jsonb) IS 'Option values that a change of options brought, from its before-image; NULL for another kind of change';

/*
 * A server commits a change of its model and then stumbles: while somebody
 * else changes the model too, it may not find in its cache what it has just
 * made, and answers with an error (half-failed metadata, TWENTY.md 6).  So the
 * way back of a refused change is kept until the model was read again.
 */
CREATE FUNCTION flitmig._forget_refused_schema(mig integer) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	DELETE FROM flitmig.undo u USING flitmig.batch b
	WHERE u.migration_id = mig AND u.undone_by IS NULL AND b.id = u.batch_id AND b.kind = 'schema' AND b.purpose = 'do' AND b.state = 'refused'
	  AND NOT EXISTS (SELECT FROM flitmig.live_field f
					  WHERE f.migration_id = mig AND f.object = u.object AND (u.field IS NULL OR f.name = u.field)
						AND CASE u.action
								WHEN 'add_options' THEN EXISTS (SELECT FROM unnest(flitmig._our_options(u.before)) x(value) WHERE jsonb_path_exists(f.options, '$[*] ? (@.value == $v)', jsonb_build_object('v', x.value)))
								WHEN 'alter_field' THEN f.settings IS DISTINCT FROM u.before -> 'settings'
								ELSE true END)
$$;
COMMENT ON FUNCTION flitmig._forget_refused_schema(integer) IS 'Drops the way back of schema changes that Twenty refused and that are indeed not there';

CREATE FUNCTION flitmig._plan_schema(this_run bigint, mig integer, phase text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	clashes text;
BEGIN
	PERFORM flitmig._refresh_targets(mig), flitmig._forget_refused_schema(mig);
	SELECT string_agg(coalesce(a.object || '.' || a.field, a.object) || ': ' || a.why, '; ' ORDER BY a.position)
	INTO clashes
	FROM flitmig._schema_actions(mig) a WHERE a.state = 'clash';
	IF clashes IS NOT NULL THEN
		RAISE EXCEPTION 'the model of the server cannot take this mapping'
			USING ERRCODE = 'datatype_mismatch',
				  DETAIL = clashes,
				  HINT = 'Nothing was sent. Rename the fields in the profile, or change them in Twenty, then confirm and prepare again.';
	END IF;
	INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, purpose, object, position, detail)
	SELECT this_run, mig, _plan_schema.phase, 'schema', 'do', a.object, a.position,
		   jsonb_build_object('action', a.action, 'object', a.object, 'field', a.field, 'detail', a.detail)
	FROM flitmig._schema_actions(mig) a
	WHERE a.state IN ('create', 'append')
	ORDER BY a.position;
END
$$;
COMMENT ON FUNCTION flitmig._plan_schema(bigint, integer, text) IS 'Plans one metadata call per missing object, field or option list. Error when a needed name exists with another type';

CREATE FUNCTION flitmig._open_schema(b flitmig.batch, OUT path text, OUT body text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF b.purpose = 'undo' THEN
		SELECT r.path, r.body::text INTO path, body
		FROM flitmig._schema_undo_request(b.migration_id, b.detail ->> 'action', b.detail ->> 'object', b.detail ->> 'field', b.detail -> 'before') r;
	ELSIF b.purpose = 'views' THEN
		SELECT r.path, r.body::text INTO path, body FROM flitmig._views_request(b.migration_id, b.object) r;
	ELSIF b.purpose = 'favorites' THEN
		SELECT r.path, r.body::text INTO path, body FROM flitmig._favorites_destroy_request(b.migration_id, b.object, b.detail -> 'views') r;
	ELSIF b.purpose = 'count any' THEN
		SELECT r.path, r.body::text INTO path, body
		FROM flitmig._foreign_any_request(b.migration_id, b.object, ARRAY(SELECT jsonb_array_elements_text(b.detail -> 'fields'))) r;
	ELSIF b.purpose = 'count' THEN
		SELECT r.path, r.body::text INTO path, body
		FROM flitmig._foreign_count_request(b.migration_id, b.detail ->> 'object', b.detail ->> 'field', flitmig._our_options(b.detail -> 'before')) r;
	ELSE
		INSERT INTO flitmig.undo (migration_id, run_id, batch_id, action, object, field, before)
		SELECT b.migration_id, b.run_id, b.id, b.detail ->> 'action', b.detail ->> 'object', b.detail ->> 'field',
			   flitmig._schema_undo_image(b.migration_id, b.detail ->> 'action', b.detail ->> 'object', b.detail ->> 'field')
		WHERE NOT EXISTS (SELECT FROM flitmig.undo u WHERE u.batch_id = b.id);
		SELECT r.path, r.body::text INTO path, body
		FROM flitmig._schema_request(b.migration_id, b.detail ->> 'action', b.detail ->> 'object', b.detail ->> 'field', b.detail -> 'detail') r;
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._open_schema(flitmig.batch) IS 'Writes the way back of a schema change, then builds its call';

CREATE FUNCTION flitmig._stored_schema(b flitmig.batch, body jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF b.purpose = 'undo' THEN
		PERFORM flitmig._undone_schema(b);
	ELSIF b.purpose = 'views' THEN
		PERFORM flitmig._told_views(b, body);
	ELSIF b.purpose = 'favorites' THEN
		UPDATE flitmig.batch SET stored = (SELECT count(*) FROM flitmig._answer_records(body)) WHERE id = b.id;
	ELSIF b.purpose IN ('count', 'count any') THEN
		PERFORM flitmig._counted_schema(b, body);
	ELSE
		PERFORM flitmig._schema_answer(b.migration_id, b.detail ->> 'action', b.detail ->> 'object', b.detail ->> 'field', body);
		UPDATE flitmig.batch SET stored = 1 WHERE id = b.id;
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._stored_schema(flitmig.batch, jsonb) IS 'A metadata call was answered';

CREATE FUNCTION flitmig._require_schema(this_run bigint, mig integer) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	missing text;
BEGIN
	PERFORM flitmig._forget_refused_schema(mig);
	SELECT string_agg(coalesce(a.object || '.' || a.field, a.object) || coalesce(' (' || b.code || ')', ''), ', ' ORDER BY a.position)
	INTO missing
	FROM flitmig._schema_actions(mig) a
	LEFT JOIN LATERAL (SELECT t.outcome AS code FROM flitmig.batch t
					   WHERE t.run_id = this_run AND t.kind = 'schema' AND t.state = 'refused'
						 AND t.detail ->> 'object' = a.object AND t.detail ->> 'field' IS NOT DISTINCT FROM a.field
					   ORDER BY t.id DESC LIMIT 1) b ON true
	WHERE a.state IN ('create', 'append');
	IF missing IS NOT NULL THEN
		RAISE EXCEPTION 'the server did not make every object and field that the mapping needs'
			USING ERRCODE = 'object_not_in_prerequisite_state',
				  DETAIL = 'Missing: ' || missing || '.',
				  HINT = 'Its words are in flitmig.batch (kind schema, state refused). The same call tries again.';
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._require_schema(bigint, integer) IS 'Error when, after two tries and two readings, the model still lacks something';

CREATE FUNCTION flitmig._made_field(mig integer, object text, field text) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (SELECT FROM flitmig.undo u
				   WHERE u.migration_id = mig AND u.undone_by IS NULL AND u.object = _made_field.object
					 AND (u.action = 'create_object' OR (u.action = 'create_field' AND u.field = _made_field.field)))
$$;
COMMENT ON FUNCTION flitmig._made_field(integer, text, text) IS 'Whether this migration has made a field, or its whole object: nobody but us writes into it';
