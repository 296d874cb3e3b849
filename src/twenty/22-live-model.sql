/* live model: the server's objects, fields and members as rows. */

/* One row per field; a morph relation becomes one row per target: target + Person, column targetPersonId. */
CREATE FUNCTION flitmig._field_rows(object text, fields jsonb)
RETURNS TABLE(object_name text, name text, field_id uuid, label text, type text, is_active boolean, is_system boolean, is_unique boolean,
			  is_nullable boolean, options jsonb, settings jsonb, relation_type text, relation_object text, join_column text)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT object, n.name, (f ->> 'id')::uuid, f ->> 'label', f ->> 'type',
		   coalesce((f ->> 'isActive')::boolean, true), coalesce((f ->> 'isSystem')::boolean, false),
		   coalesce((f ->> 'isUnique')::boolean, false), coalesce((f ->> 'isNullable')::boolean, true),
		   nullif(f -> 'options', 'null'), nullif(f -> 'settings', 'null'),
		   r.relation_type, r.relation -> 'targetObjectMetadata' ->> 'nameSingular',
		   CASE WHEN r.relation_type = 'MANY_TO_ONE'
				THEN CASE WHEN r.morph THEN n.name || 'Id' ELSE coalesce(f -> 'settings' ->> 'joinColumnName', n.name || 'Id') END END
	FROM jsonb_array_elements(flitmig._array_of(fields)) f
	CROSS JOIN LATERAL (
		SELECT nullif(f -> 'relation', 'null') AS relation, coalesce(f -> 'relation' ->> 'type', f -> 'settings' ->> 'relationType') AS relation_type, false AS morph
		WHERE coalesce(jsonb_array_length(nullif(f -> 'morphRelations', 'null')), 0) = 0
		UNION ALL
		SELECT m, coalesce(m ->> 'type', f -> 'settings' ->> 'relationType'), true
		FROM jsonb_array_elements(flitmig._array_of(f -> 'morphRelations')) m) r
	CROSS JOIN LATERAL (
		SELECT flitmig._identifier(CASE WHEN r.morph THEN (f ->> 'name') || flitmig._capital(r.relation -> 'targetObjectMetadata' ->> 'nameSingular')
										ELSE f ->> 'name' END) AS name) n
$$;
COMMENT ON FUNCTION flitmig._field_rows(text, jsonb) IS 'Metadata fields (as the server lists them) as rows of live_field';

CREATE FUNCTION flitmig._take_fields(mig integer, object text, fields jsonb) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO flitmig.live_field (migration_id, object, name, field_id, label, type, is_active, is_system, is_unique, is_nullable,
									options, settings, relation_type, relation_object, join_column)
	SELECT DISTINCT ON (r.name) mig, r.*
	FROM flitmig._field_rows(object, fields) r
	ORDER BY r.name, r.type = 'MORPH_RELATION', r.is_active DESC
	ON CONFLICT (migration_id, object, name) DO UPDATE
	SET field_id = excluded.field_id, label = excluded.label, type = excluded.type, is_active = excluded.is_active, is_system = excluded.is_system,
		is_unique = excluded.is_unique, is_nullable = excluded.is_nullable, options = excluded.options, settings = excluded.settings,
		relation_type = excluded.relation_type, relation_object = excluded.relation_object, join_column = excluded.join_column
$$;
COMMENT ON FUNCTION flitmig._take_fields(integer, text, jsonb) IS 'Writes fields of one object into live_field';

CREATE FUNCTION flitmig._take_object(mig integer, node jsonb) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO flitmig.live_object (migration_id, name, name_plural, object_id, label, label_plural, is_active, is_system)
	VALUES (mig, flitmig._identifier(node ->> 'nameSingular'), flitmig._identifier(node ->> 'namePlural'), (node ->> 'id')::uuid,
			node ->> 'labelSingular', node ->> 'labelPlural', coalesce((node ->> 'isActive')::boolean, true), coalesce((node ->> 'isSystem')::boolean, false))
	ON CONFLICT (migration_id, name) DO UPDATE
	SET name_plural = excluded.name_plural, object_id = excluded.object_id, label = excluded.label, label_plural = excluded.label_plural,
		is_active = excluded.is_active, is_system = excluded.is_system;
	SELECT flitmig._take_fields(mig, node ->> 'nameSingular', node -> 'fieldsList')
$$;
COMMENT ON FUNCTION flitmig._take_object(integer, jsonb) IS 'Writes one metadata object and its fields';

CREATE FUNCTION flitmig._take_model(mig integer, nodes jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT jsonb_path_exists(nodes, '$[*].fieldsList[0]') THEN
		RAISE EXCEPTION 'server "%" shows no objects', (SELECT m.server FROM flitmig.migration m WHERE m.id = mig)
			USING ERRCODE = 'insufficient_privilege', HINT = 'The API key''s role must be allowed to see all objects (Settings > Roles in Twenty).';
	END IF;
	DELETE FROM flitmig.live_field f WHERE f.migration_id = mig;
	DELETE FROM flitmig.live_object o WHERE o.migration_id = mig;
	PERFORM flitmig._take_object(mig, n) FROM jsonb_array_elements(nodes) n;
END
$$;
COMMENT ON FUNCTION flitmig._take_model(integer, jsonb) IS 'Replaces the live model by what was read, all at once';

CREATE FUNCTION flitmig._take_members(mig integer, page jsonb, first_page boolean) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	DELETE FROM flitmig.live_member WHERE migration_id = mig AND first_page;
	INSERT INTO flitmig.live_member (migration_id, member_id, email, first_name, last_name)
	SELECT mig, (n ->> 'id')::uuid, lower(btrim(n ->> 'userEmail')), n -> 'name' ->> 'firstName', n -> 'name' ->> 'lastName'
	FROM jsonb_path_query(page, '$.edges[*].node') n
	WHERE n ->> 'userEmail' IS NOT NULL
	ON CONFLICT (migration_id, member_id) DO UPDATE
	SET email = excluded.email, first_name = excluded.first_name, last_name = excluded.last_name
$$;
COMMENT ON FUNCTION flitmig._take_members(integer, jsonb, boolean) IS 'Writes a page of workspace members; the first page replaces what was there';

CREATE FUNCTION flitmig._is_live(mig integer, object text) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (SELECT FROM flitmig.live_object l WHERE l.migration_id = mig AND l.name = _is_live.object)
$$;
COMMENT ON FUNCTION flitmig._is_live(integer, text) IS 'Whether the server has an object of that name';

CREATE FUNCTION flitmig._told_column(mig integer, object text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT f.join_column FROM flitmig.live_field f
	WHERE f.migration_id = mig AND f.object = 'timelineActivity' AND f.relation_object = _told_column.object AND f.join_column IS NOT NULL
	ORDER BY f.name LIMIT 1
$$;
COMMENT ON FUNCTION flitmig._told_column(integer, text) IS 'Column by which a timeline activity points at records of an object; NULL: it does not';
