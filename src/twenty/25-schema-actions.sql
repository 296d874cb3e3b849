/*
 * schema actions: what the mapping needs (target_object, target_field)
 * against what the server has (live_object, live_field).
 *
 *	create	not there: will be made			append	there, but lacks options or room for values
 *	exists	there and fit					clash	there and unfit, or not makeable: why says so
 *
 * Asked again after every reading, so a half-done schema is simply finished.
 */

CREATE FUNCTION flitmig._object_problem(mig integer, t flitmig.target_object) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN t.name_plural IS NULL THEN format('the server has no object "%s", and the profile does not say how to make one (namePlural is missing)', t.name)
		WHEN t.name = t.name_plural THEN 'singular and plural names must differ'
		WHEN lower(coalesce(t.label, t.name)) = lower(coalesce(t.label_plural, t.name_plural)) THEN 'singular and plural labels must differ'
		ELSE coalesce(flitmig._name_problem(t.name), flitmig._name_problem(t.name_plural),
					  (SELECT format('object "%s" of the server already uses the name "%s"', o.name, n.name)
					   FROM flitmig.live_object o, (VALUES (t.name), (t.name_plural)) n(name)
					   WHERE o.migration_id = mig AND n.name IN (o.name, o.name_plural) LIMIT 1))
	END
$$;
COMMENT ON FUNCTION flitmig._object_problem(integer, flitmig.target_object) IS 'Why a wanted object cannot be made, in words; NULL when it can';

/* v: the live field of that name. */
CREATE FUNCTION flitmig._field_misfit(mig integer, t flitmig.target_field, v flitmig.live_field) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN NOT v.is_active THEN 'a deactivated field has this name; activate or delete it in Twenty under Settings > Data model'
		WHEN t.type IS NULL THEN CASE WHEN t.options IS NOT NULL AND v.type NOT IN ('SELECT', 'MULTI_SELECT')
									  THEN format('it is %s on the server and takes no options', v.type) END
		WHEN t.type = 'RELATION' AND v.type IN ('RELATION', 'MORPH_RELATION') THEN
			CASE WHEN v.join_column IS NULL THEN format('it is the far side of a relation to "%s" on the server', v.relation_object)
				 WHEN v.relation_object <> t.relation_object THEN format('it points at "%s" on the server, the mapping needs "%s"', v.relation_object, t.relation_object) END
		WHEN v.type <> flitmig._server_type(mig, t.type) THEN format('it is %s on the server, the mapping needs %s', v.type, flitmig._server_type(mig, t.type))
		ELSE flitmig._option_problem(flitmig._new_options(t.options, v.options))
	END
$$;
COMMENT ON FUNCTION flitmig._field_misfit(integer, flitmig.target_field, flitmig.live_field) IS 'Why a live field cannot take what the mapping sends, in words; NULL when it can';

CREATE FUNCTION flitmig._field_problem(mig integer, t flitmig.target_field, object_is_new boolean) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN t.type IS NULL THEN format('object "%s" of the server has no field "%s", and the profile does not say how to make one', t.object, t.name)
		WHEN NOT object_is_new AND NOT EXISTS (SELECT FROM flitmig.live_object o WHERE o.migration_id = mig AND o.name = t.object AND o.is_active)
			THEN format('the server has no active object "%s"', t.object)
		WHEN NOT flitmig._type_creatable(mig, flitmig._server_type(mig, t.type)) THEN format('this server cannot make fields of type %s', t.type)
		WHEN t.type = 'RELATION' AND t.relation_object IS NULL THEN 'the profile does not say what the relation points at'
		WHEN t.type = 'RELATION'
			AND NOT EXISTS (SELECT FROM flitmig.live_object o WHERE o.migration_id = mig AND o.name = t.relation_object AND o.is_active)
			AND NOT EXISTS (SELECT FROM flitmig.target_object o WHERE o.migration_id = mig AND o.name = t.relation_object AND o.name_plural IS NOT NULL)
			THEN format('it should point at "%s", which the server does not have', t.relation_object)
		WHEN t.type = 'RELATION' AND EXISTS (SELECT FROM flitmig.live_field f WHERE f.migration_id = mig AND f.object = t.object AND f.name = t.name || 'Id')
			THEN format('its column "%sId" has the name of another field', t.name)
		ELSE coalesce(flitmig._name_problem(t.name), flitmig._option_problem(t.options))
	END
$$;
COMMENT ON FUNCTION flitmig._field_problem(integer, flitmig.target_field, boolean) IS 'Why a wanted field cannot be made, in words; NULL when it can';

/* Two fields of one label look alike on every page and in the CSV import: ours steps aside. */
CREATE FUNCTION flitmig._free_label(mig integer, t flitmig.target_field) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN EXISTS (SELECT FROM flitmig.live_field f
							 WHERE f.migration_id = mig AND f.object = t.object AND f.name <> t.name AND f.is_active AND lower(f.label) = lower(l.label))
				THEN l.label || ' (migrated)' ELSE l.label END
	FROM (SELECT coalesce(nullif(btrim(t.label), ''), flitmig._capital(t.name)) AS label) l
$$;
COMMENT ON FUNCTION flitmig._free_label(integer, flitmig.target_field) IS 'Label of a field to be made that no other field of the object has';

CREATE FUNCTION flitmig._field_detail(mig integer, t flitmig.target_field) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT jsonb_strip_nulls(jsonb_build_object(
		'type', s.type, 'label', flitmig._free_label(mig, t), 'icon', t.icon, 'description', t.description,
		'isUnique', nullif(t.is_unique, false),
		'settings', coalesce(nullif(t.settings, 'null'), CASE s.type WHEN 'FILES' THEN '{"maxNumberOfValues": 10}'::jsonb END),
		'defaultValue', CASE s.type WHEN 'BOOLEAN' THEN false END,
		/* Twenty refuses a select without options; the data may have none yet */
		'options', CASE WHEN s.type IN ('SELECT', 'MULTI_SELECT')
						THEN CASE WHEN coalesce(jsonb_array_length(nullif(t.options, 'null')), 0) = 0
								  THEN '[{"value": "OTHER", "label": "Other", "color": "gray", "position": 0}]'::jsonb
								  ELSE flitmig._new_options(t.options, NULL) END END,
		'relationObject', t.relation_object, 'relationLabel', t.relation_label))
	FROM (SELECT flitmig._server_type(mig, t.type) AS type) s
$$;
COMMENT ON FUNCTION flitmig._field_detail(integer, flitmig.target_field) IS 'What createOneField needs to know about a wanted field';

/* Every wanted field with the live field of its name and what stands against it. */
CREATE FUNCTION flitmig._field_states(mig integer)
RETURNS TABLE(target flitmig.target_field, live flitmig.live_field, made_by_server boolean, problem text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT t, v, w.made_by_server,
		   CASE WHEN v.name IS NOT NULL THEN flitmig._field_misfit(mig, t, v)
				WHEN NOT w.made_by_server THEN flitmig._field_problem(mig, t, w.object_is_new) END
	FROM flitmig.target_field t
	LEFT JOIN flitmig.live_field v ON v.migration_id = t.migration_id AND v.object = t.object AND v.name = t.name
	CROSS JOIN LATERAL (
		SELECT n.object_is_new, v.name IS NULL AND n.object_is_new
			   AND t.name IN ('id', 'name', 'createdAt', 'updatedAt', 'deletedAt', 'createdBy', 'updatedBy', 'position') AS made_by_server
		FROM (SELECT EXISTS (SELECT FROM flitmig.target_object o WHERE o.migration_id = mig AND o.name = t.object AND o.name_plural IS NOT NULL)
					 AND NOT EXISTS (SELECT FROM flitmig.live_object o WHERE o.migration_id = mig AND o.name = t.object) AS object_is_new) n) w
	/* the link of a target or attachment record is a relation of the server's own */
	WHERE t.migration_id = mig AND t.name NOT LIKE '@%'
$$;
COMMENT ON FUNCTION flitmig._field_states(integer) IS 'Wanted fields beside live ones, with the problem if there is one';

CREATE FUNCTION flitmig._schema_actions(mig integer)
RETURNS TABLE("position" integer, action text, object text, field text, state text, detail jsonb, why text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH action AS (
		SELECT 1 AS part, t.position AS a, 0 AS b, 'create_object' AS action, t.name AS object, NULL::text AS field, p.problem,
			   CASE WHEN p.problem IS NOT NULL THEN 'clash' WHEN o.name IS NULL THEN 'create' ELSE 'exists' END AS state,
			   jsonb_strip_nulls(jsonb_build_object('namePlural', t.name_plural, 'label', coalesce(t.label, flitmig._capital(t.name)),
													'labelPlural', coalesce(t.label_plural, flitmig._capital(t.name_plural)),
													'icon', t.icon, 'description', t.description)) AS detail
		FROM flitmig.target_object t
		LEFT JOIN flitmig.live_object o ON o.migration_id = mig AND o.name = t.name
		CROSS JOIN LATERAL (SELECT CASE WHEN o.name IS NULL THEN flitmig._object_problem(mig, t)
										WHEN NOT o.is_active THEN 'a deactivated object has this name; activate or delete it in Twenty under Settings > Data model'
								   END AS problem) p
		WHERE t.migration_id = mig
		UNION ALL	/* relations after the fields, so that everything they point at is there */
		SELECT CASE WHEN (s.target).type = 'RELATION' THEN 3 ELSE 2 END, coalesce(o.position, 0), (s.target).position,
			   'create_field', (s.target).object, (s.target).name, s.problem,
			   CASE WHEN s.problem IS NOT NULL THEN 'clash' WHEN (s.live).name IS NULL AND NOT s.made_by_server THEN 'create' ELSE 'exists' END,
			   flitmig._field_detail(mig, s.target)
		FROM flitmig._field_states(mig) s
		LEFT JOIN flitmig.target_object o ON o.migration_id = mig AND o.name = (s.target).object
		UNION ALL
		SELECT 4, coalesce(o.position, 0), (s.target).position, 'add_options', (s.target).object, (s.target).name, NULL, 'append',
			   jsonb_build_object('options', n.options)
		FROM flitmig._field_states(mig) s
		LEFT JOIN flitmig.target_object o ON o.migration_id = mig AND o.name = (s.target).object
		CROSS JOIN LATERAL (SELECT flitmig._new_options((s.target).options, (s.live).options) AS options) n
		WHERE s.problem IS NULL AND (s.live).type IN ('SELECT', 'MULTI_SELECT') AND n.options <> '[]'
		UNION ALL
		SELECT 5, coalesce(o.position, 0), (s.target).position, 'alter_field', (s.target).object, (s.target).name, NULL, 'append',
			   jsonb_build_object('settings', jsonb_build_object('maxNumberOfValues', (s.target).settings -> 'maxNumberOfValues'))
		FROM flitmig._field_states(mig) s
		LEFT JOIN flitmig.target_object o ON o.migration_id = mig AND o.name = (s.target).object
		WHERE s.problem IS NULL AND ((s.target).settings ->> 'maxNumberOfValues')::numeric > ((s.live).settings ->> 'maxNumberOfValues')::numeric)
	SELECT (row_number() OVER (ORDER BY a.part, a.a, a.object, a.b, a.field))::integer, a.action, a.object, a.field, a.state, a.detail, a.problem
	FROM action a
	ORDER BY 1
$$;
COMMENT ON FUNCTION flitmig._schema_actions(integer) IS 'What has to be made on the server for this mapping, what is there, and what stands in the way';
