/* schema change: the metadata calls that make what is missing, and take in what the server says it made. */

/* A call that asks nothing: stands where a change has nothing (more) to do, so that a caller can send it all the same. */
CREATE FUNCTION flitmig._no_change(OUT path text, OUT body jsonb)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT '/metadata', flitmig._call('query{__typename}') $$;
COMMENT ON FUNCTION flitmig._no_change() IS 'A metadata call without effect';

CREATE FUNCTION flitmig._live_field(mig integer, object text, field text) RETURNS flitmig.live_field
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT f FROM flitmig.live_field f WHERE f.migration_id = mig AND f.object = _live_field.object AND f.name = field
$$;
COMMENT ON FUNCTION flitmig._live_field(integer, text, text) IS 'A field as last read; NULL when the server has none of that name';

CREATE FUNCTION flitmig._create_field_input(mig integer, object text, field text, detail jsonb) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT (detail - '{relationObject,relationLabel}'::text[]) || jsonb_build_object('objectMetadataId', o.object_id, 'name', flitmig._identifier(field))
		|| CASE WHEN detail ->> 'type' = 'RELATION'
				THEN jsonb_build_object('relationCreationPayload', jsonb_build_object(
						'type', 'MANY_TO_ONE', 'targetObjectMetadataId', far.object_id,
						'targetFieldLabel', flitmig._far_label(mig, o.name, far.name, detail ->> 'label', detail ->> 'relationLabel'),
						'targetFieldIcon', coalesce(detail ->> 'icon', 'IconLink')))
				ELSE '{}' END
	FROM flitmig.live_object o
	LEFT JOIN flitmig.live_object far ON far.migration_id = mig AND far.name = detail ->> 'relationObject'
	WHERE o.migration_id = mig AND o.name = _create_field_input.object AND (far.name IS NOT NULL OR detail ->> 'type' <> 'RELATION')
$$;
COMMENT ON FUNCTION flitmig._create_field_input(integer, text, text, jsonb) IS 'The field of a createOneField; NULL while an object that it needs is not there';

/*
 * A field whose object could not be made yet is not an error: the call then
 * changes nothing, and the second round (or the second run) makes it.
 */
CREATE FUNCTION flitmig._schema_request(mig integer, action text, object text, field text, detail jsonb, OUT path text, OUT body jsonb)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v flitmig.live_field := flitmig._live_field(mig, object, field);
	input jsonb;
	change jsonb;
BEGIN
	path := '/metadata';
	CASE action
		WHEN 'create_object' THEN
			body := flitmig._call(format('mutation($input:CreateOneObjectInput!){createOneObject(input:$input){%s}}', flitmig._object_selection(mig)),
								  jsonb_build_object('input', jsonb_build_object('object', jsonb_strip_nulls(jsonb_build_object(
									'nameSingular', flitmig._identifier(object), 'namePlural', flitmig._identifier(detail ->> 'namePlural'),
									'labelSingular', detail ->> 'label', 'labelPlural', detail ->> 'labelPlural',
									'icon', coalesce(detail ->> 'icon', 'IconBox'), 'description', detail ->> 'description')))));
		WHEN 'create_field' THEN
			input := flitmig._create_field_input(mig, object, field, detail);
			IF input IS NOT NULL THEN
				body := flitmig._call(format('mutation($input:CreateOneFieldMetadataInput!){createOneField(input:$input){%s}}', flitmig._field_selection(mig)),
									  jsonb_build_object('input', jsonb_build_object('field', input)));
			END IF;
		WHEN 'add_options', 'alter_field' THEN
			change := CASE action
				WHEN 'add_options' THEN jsonb_build_object('options', coalesce(v.options, '[]') || flitmig._new_options(detail -> 'options', v.options))
				ELSE jsonb_build_object('settings', coalesce(v.settings, '{}') || (detail -> 'settings'))
			END;
			IF v.field_id IS NOT NULL THEN
				body := flitmig._update_field_call(mig, v.field_id, change);
			END IF;
	END CASE;
	IF body IS NULL THEN
		SELECT n.path, n.body INTO path, body FROM flitmig._no_change() n;
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._schema_request(integer, text, text, text, jsonb) IS 'The metadata call for one action of _schema_actions';

CREATE FUNCTION flitmig._update_field_call(mig integer, field_id uuid, change jsonb) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT flitmig._call(format('mutation($input:UpdateOneFieldMetadataInput!){updateOneField(input:$input){%s}}', flitmig._field_selection(mig)),
						 jsonb_build_object('input', jsonb_build_object('id', field_id, 'update', change)))
$$;
COMMENT ON FUNCTION flitmig._update_field_call(integer, uuid, jsonb) IS 'Body of an updateOneField';

/* Returns what was made, {"id", "name"}; the whole model is read again at the end anyway. */
CREATE FUNCTION flitmig._schema_answer(mig integer, action text, object text, field text, answer jsonb) RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	made jsonb := (SELECT nullif(d.value, 'null') FROM jsonb_each(flitmig._object_of(answer -> 'data')) d
				   WHERE d.key IN ('createOneObject', 'createOneField', 'updateOneField'));
BEGIN
	IF made IS NULL THEN
		RETURN NULL;	/* nothing was asked */
	ELSIF action = 'create_object' THEN
		PERFORM flitmig._take_object(mig, made);
	ELSE
		PERFORM flitmig._take_fields(mig, object, jsonb_build_array(made));
		/* the far side is there as well, and its name is taken for the next relation */
		PERFORM flitmig._take_fields(mig, r -> 'targetObjectMetadata' ->> 'nameSingular', jsonb_build_array((r -> 'targetFieldMetadata')
				|| jsonb_build_object('type', 'RELATION', 'relation', jsonb_build_object('type', 'ONE_TO_MANY', 'targetObjectMetadata', jsonb_build_object('nameSingular', object)))))
		FROM jsonb_path_query(made, '$.relation ? (@.targetFieldMetadata.id != null)') r;
	END IF;
	RETURN jsonb_build_object('id', made -> 'id', 'name', coalesce(made -> 'nameSingular', made -> 'name'));
END
$$;
COMMENT ON FUNCTION flitmig._schema_answer(integer, text, text, text, jsonb) IS 'Takes the server''s answer to a schema change into the live model';

/* ---- the way back ---- */

CREATE FUNCTION flitmig._schema_undo_image(mig integer, action text, object text, field text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE action
		WHEN 'create_object' THEN jsonb_build_object('existed', EXISTS (SELECT FROM flitmig.live_object o WHERE o.migration_id = mig AND o.name = _schema_undo_image.object))
		WHEN 'create_field' THEN jsonb_build_object('existed', v.name IS NOT NULL)
		WHEN 'add_options' THEN jsonb_build_object('existed', true, 'options', v.options, 'wanted',
												   (SELECT t.options FROM flitmig.target_field t WHERE t.migration_id = mig AND t.object = _schema_undo_image.object AND t.name = field))
		ELSE jsonb_build_object('existed', true, 'settings', v.settings)
	END
	FROM flitmig._live_field(mig, object, field) v
$$;
COMMENT ON FUNCTION flitmig._schema_undo_image(integer, text, text, text) IS 'What to remember before a schema change: whether it existed, options and settings as they are';

/* Options as they should be again: ours out, those of people (before or since) stay. */
CREATE FUNCTION flitmig._options_without_ours(now_there jsonb, before jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(jsonb_agg(o ORDER BY (o ->> 'position')::numeric), '[]')
	FROM jsonb_array_elements(coalesce(nullif(now_there, 'null'), '[]')) o
	WHERE jsonb_path_exists(coalesce(nullif(before -> 'options', 'null'), '[]'), '$[*] ? (@.value == $v)', jsonb_build_object('v', o -> 'value'))
	   OR NOT jsonb_path_exists(coalesce(nullif(before -> 'wanted', 'null'), '[]'), '$[*] ? (@.value == $v)', jsonb_build_object('v', o -> 'value'))
$$;
COMMENT ON FUNCTION flitmig._options_without_ours(jsonb, jsonb) IS 'The options of a field without those that an add_options brought';

/*
 * needed false: it is as it was; path and body are then a call without
 * effect.  Deleting an object or a relation takes the far sides with it.
 */
CREATE FUNCTION flitmig._schema_undo_request(mig integer, action text, object text, field text, before jsonb, OUT path text, OUT body jsonb, OUT needed boolean)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v flitmig.live_field := flitmig._live_field(mig, object, field);
	o uuid := (SELECT l.object_id FROM flitmig.live_object l WHERE l.migration_id = mig AND l.name = _schema_undo_request.object);
	ours boolean := NOT coalesce((before ->> 'existed')::boolean, true);
	target jsonb;
BEGIN
	path := '/metadata';
	CASE action
		WHEN 'create_object' THEN
			needed := ours AND o IS NOT NULL;
			body := flitmig._call('mutation($input:DeleteOneObjectInput!){deleteOneObject(input:$input){id}}', jsonb_build_object('input', jsonb_build_object('id', o)));
		WHEN 'create_field' THEN
			needed := ours AND v.field_id IS NOT NULL;
			body := flitmig._call('mutation($input:DeleteOneFieldInput!){deleteOneField(input:$input){id}}', jsonb_build_object('input', jsonb_build_object('id', v.field_id)));
		WHEN 'add_options' THEN
			target := flitmig._options_without_ours(v.options, before);
			needed := v.field_id IS NOT NULL AND target <> '[]' AND target <> coalesce(v.options, '[]');
			body := flitmig._update_field_call(mig, v.field_id, jsonb_build_object('options', target));
		WHEN 'alter_field' THEN
			target := coalesce(nullif(before -> 'settings', 'null'), '{}');
			needed := v.field_id IS NOT NULL AND target <> coalesce(v.settings, '{}');
			body := flitmig._update_field_call(mig, v.field_id, jsonb_build_object('settings', target));
	END CASE;
	IF NOT needed THEN
		SELECT n.path, n.body INTO path, body FROM flitmig._no_change() n;
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._schema_undo_request(integer, text, text, text, jsonb) IS 'The metadata call that takes a schema change back';

/*
 * Where favourites are records, making an object makes one that shows its
 * view, and deleting the object leaves it behind.  Newer servers keep such
 * entries with their model and take them along.
 */
CREATE FUNCTION flitmig._has_favorites(mig integer) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT flitmig._capable(mig, 'metadata_queries', 'getCoreViews')
	   AND EXISTS (SELECT FROM flitmig.live_field f WHERE f.migration_id = mig AND f.object = 'favorite' AND f.name = 'viewId')
$$;
COMMENT ON FUNCTION flitmig._has_favorites(integer) IS 'Whether this server keeps favourites of views as records';

CREATE FUNCTION flitmig._views_request(mig integer, object text, OUT path text, OUT body jsonb)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT '/metadata', flitmig._call('query($o:String){getCoreViews(objectMetadataId:$o){id}}',
									  jsonb_build_object('o', (SELECT l.object_id FROM flitmig.live_object l WHERE l.migration_id = mig AND l.name = _views_request.object)))
$$;
COMMENT ON FUNCTION flitmig._views_request(integer, text) IS 'Call that lists the views of an object';

CREATE FUNCTION flitmig._favorites_destroy_request(mig integer, object text, views jsonb, OUT path text, OUT body jsonb)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF coalesce(jsonb_array_length(views), 0) = 0 OR views @> '[null]' THEN
		RAISE EXCEPTION 'a removal of favourites must list their views'
			USING ERRCODE = 'internal_error';
	ELSIF NOT EXISTS (SELECT FROM flitmig.undo u WHERE u.migration_id = mig AND u.action = 'create_object' AND u.object = _favorites_destroy_request.object
						AND u.undone_by IS NULL AND NOT coalesce((u.before ->> 'existed')::boolean, true)) THEN
		RAISE EXCEPTION 'refused to remove favourites of object "%", which this migration did not make', object
			USING ERRCODE = 'internal_error', DETAIL = 'It is not in the undo log (flitmig.undo).';
	END IF;
	path := '/graphql';
	body := flitmig._call('mutation($f:FavoriteFilterInput!){destroyFavorites(filter:$f){id}}',
						  jsonb_build_object('f', jsonb_build_object('viewId', jsonb_build_object('in', views))));
END
$$;
COMMENT ON FUNCTION flitmig._favorites_destroy_request(integer, text, jsonb) IS 'Call that removes the favourites of these views of an object; error when this migration did not make the object, or there are none';
