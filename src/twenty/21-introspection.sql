/*
 * introspection: a handful of calls, each answer says the next.
 *
 *	config ─▶ metadata ─▶ objects ─▶ graphql ─▶ members ─▶ (roles ─▶ rights ─▶ workflows ─▶ triggers ─▶ webhooks ─▶ holders) ─▶ NULL
 *	                       ↺ next page            ↺ next page                                              ↺ next values
 *
 * What stands in brackets is read for a preflight only (a run of kind read).
 * A second reading within the same run begins at objects and ends there:
 * what the server can do does not change by creating fields.
 * Same root twice in a document is refused (TWENTY.md 3), so types are asked
 * for by __schema and not by several __type.
 */

CREATE FUNCTION flitmig._reading_run(mig integer) RETURNS flitmig.run
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT r FROM flitmig.run r WHERE r.migration_id = mig AND r.state = 'running' ORDER BY r.id DESC LIMIT 1
$$;
COMMENT ON FUNCTION flitmig._reading_run(integer) IS 'The run that is under way for a migration, or NULL';

CREATE FUNCTION flitmig._introspect_start(mig integer) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN EXISTS (SELECT FROM flitmig.capability c
							 WHERE c.migration_id = mig AND c.name = 'complete' AND c.read_at >= (flitmig._reading_run(mig)).started_at)
				THEN '{"step": "objects", "again": true}'::jsonb
				ELSE '{"step": "config"}'::jsonb
		   END
$$;
COMMENT ON FUNCTION flitmig._introspect_start(integer) IS 'Detail of the first call of an introspection';

/* Fields of a metadata Field that we ask for, where the server knows them; text for a selection set. */
CREATE FUNCTION flitmig._field_selection(mig integer) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(f.name || f.parts, ' ' ORDER BY f.n)
	FROM (VALUES
		(1, 'id', ''), (2, 'name', ''), (3, 'label', ''), (4, 'type', ''), (5, 'isUnique', ''), (6, 'isNullable', ''), (7, 'isSystem', ''),
		(8, 'isActive', ''), (9, 'options', ''), (10, 'settings', ''),
		(11, 'relation', '{type targetObjectMetadata{nameSingular} targetFieldMetadata{id name label}}'),
		(12, 'morphRelations', '{type targetObjectMetadata{nameSingular} targetFieldMetadata{name}}')) AS f(n, name, parts)
	WHERE flitmig._capable(mig, 'type.Field', f.name)
$$;
COMMENT ON FUNCTION flitmig._field_selection(integer) IS 'Selection set of a metadata field, without what this server does not know';

CREATE FUNCTION flitmig._object_selection(mig integer) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT 'id nameSingular namePlural labelSingular labelPlural isActive isSystem fieldsList{' || flitmig._field_selection(mig) || '}'
$$;
COMMENT ON FUNCTION flitmig._object_selection(integer) IS 'Selection set of a metadata object with its fields';

CREATE FUNCTION flitmig._introspect_request(mig integer, detail jsonb, OUT method text, OUT path text, OUT body jsonb)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	after text := detail ->> 'after';
BEGIN
	method := 'POST';
	path := '/graphql';
	CASE detail ->> 'step'
		WHEN 'config' THEN
			method := 'GET';
			path := '/client-config';
		WHEN 'metadata' THEN
			path := '/metadata';
			body := flitmig._call('query{__schema{queryType{name} mutationType{name} types{kind name fields(includeDeprecated:true){name args{name}} '
								  || 'enumValues(includeDeprecated:true){name}}}}');
		WHEN 'objects' THEN
			path := '/metadata';
			body := flitmig._call(format('query($first:Int!%s){objects(paging:{first:$first%s}){edges{node{%s}} pageInfo{hasNextPage endCursor}}}',
										 CASE WHEN after IS NOT NULL THEN ',$after:ConnectionCursor' ELSE '' END,
										 CASE WHEN after IS NOT NULL THEN ',after:$after' ELSE '' END, flitmig._object_selection(mig)),
								  jsonb_strip_nulls(jsonb_build_object('first', 200, 'after', after)));
		WHEN 'graphql' THEN
			body := flitmig._call('query{__schema{queryType{fields{name}} mutationType{fields(includeDeprecated:true){name}}} '
								  || '__type(name:"ActorSourceEnum"){enumValues{name}}}');
		WHEN 'members' THEN
			body := flitmig._call('query($after:String){workspaceMembers(first:200,after:$after){edges{node{id userEmail name{firstName lastName}}} '
								  || 'pageInfo{hasNextPage endCursor}}}', jsonb_build_object('after', after));
		WHEN 'roles' THEN
			path := '/metadata';
			body := flitmig._call(format('query{getRoles{%s%s apiKeys{id}}}', flitmig._role_selection(mig), flitmig._role_details(mig)));
		WHEN 'rights' THEN
			path := '/metadata';
			body := flitmig._call(format('query{apiKeys{id role{%s}}}', flitmig._role_selection(mig)));
		WHEN 'workflows' THEN
			body := flitmig._call('query{workflows(first:200){edges{node{id name statuses}}}}');
		WHEN 'triggers' THEN
			/* those of workflows that run by themselves, as long as they are active: at an event of a record, or by the clock. A key that may not see workflows may see these */
			body := flitmig._call('query{workflowAutomatedTriggers(first:200){edges{node{id type settings workflowId}}}}');
		WHEN 'webhooks' THEN
			path := '/metadata';
			/* a target url may hold a secret: not asked for */
			body := flitmig._call('query{webhooks{id operations}}');
		WHEN 'holders' THEN
			body := flitmig._holders_call(mig, detail);
	END CASE;
END
$$;
COMMENT ON FUNCTION flitmig._introspect_request(integer, jsonb) IS 'The call that an introspection detail stands for: GET or POST, path, body';

CREATE FUNCTION flitmig._expect(mig integer, answer jsonb, VARIADIC way text[]) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found jsonb := answer #> way;
	server text := (SELECT m.server FROM flitmig.migration m WHERE m.id = mig);
BEGIN
	IF found IS NULL OR found = 'null' THEN
		RAISE EXCEPTION 'server "%" did not answer as Twenty does', server
			USING ERRCODE = 'protocol_violation',
				  DETAIL = format('Its answer has no %s.', array_to_string(way, '.')),
				  HINT = format('The url must be that of Twenty''s API, and the key one of an API key with access to the data model: ALTER SERVER %I OPTIONS (SET url ''https://crm.example.com'');', server);
	END IF;
	RETURN found;
END
$$;
COMMENT ON FUNCTION flitmig._expect(integer, jsonb, text[]) IS 'What an answer holds at a path; error 08P01 when it holds nothing there';

/*
 * Digests an answer; returns the detail of the next call, NULL at the end.
 * answer NULL: the server refused; only what a run can do without may be
 * missing (config and what is in brackets above: noted as not readable).
 */
CREATE FUNCTION flitmig._introspect_answer(mig integer, detail jsonb, answer jsonb) RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	page jsonb;
BEGIN
	CASE detail ->> 'step'
		WHEN 'config' THEN
			PERFORM flitmig._learn(mig, 'version', to_jsonb(regexp_replace(answer ->> 'appVersion', '^v', '')));
			RETURN '{"step": "metadata"}';
		WHEN 'metadata' THEN
			PERFORM flitmig._learn_metadata(mig, answer);
			RETURN '{"step": "objects"}';
		WHEN 'objects' THEN
			page := flitmig._expect(mig, answer, 'data', 'objects');
			PERFORM flitmig._learn(mig, 'pages', coalesce(CASE WHEN detail ? 'after' THEN flitmig._capability(mig, 'pages') END, '[]')
												|| jsonb_path_query_array(page, '$.edges[*].node'));
			IF (page #>> '{pageInfo,hasNextPage}')::boolean THEN
				RETURN detail || jsonb_build_object('after', page #>> '{pageInfo,endCursor}');
			END IF;
			PERFORM flitmig._take_model(mig, flitmig._capability(mig, 'pages'));
			DELETE FROM flitmig.capability c WHERE c.migration_id = mig AND c.name = 'pages';
			RETURN CASE WHEN detail ? 'again' THEN NULL ELSE '{"step": "graphql"}'::jsonb END;
		WHEN 'graphql' THEN
			PERFORM flitmig._learn_graphql(mig, answer);
			RETURN '{"step": "members"}';
		WHEN 'members' THEN
			page := flitmig._expect(mig, answer, 'data', 'workspaceMembers');
			PERFORM flitmig._take_members(mig, page, NOT detail ? 'after');
			IF (page #>> '{pageInfo,hasNextPage}')::boolean THEN
				RETURN detail || jsonb_build_object('after', page #>> '{pageInfo,endCursor}');
			END IF;
			PERFORM flitmig._learn(mig, 'complete', 'true');
			DELETE FROM flitmig.capability c WHERE c.migration_id = mig AND c.name IN ('rights', 'workflows', 'triggers', 'webhooks', 'holders');
			RETURN CASE WHEN (flitmig._reading_run(mig)).kind = 'read' THEN flitmig._introspect_extra(mig, 0) END;
		WHEN 'roles' THEN
			PERFORM flitmig._take_rights(mig, (SELECT jsonb_agg(k || jsonb_build_object('role', r - 'apiKeys'))
											   FROM jsonb_path_query(answer, '$.data.getRoles[*]') r, jsonb_array_elements(flitmig._array_of(r -> 'apiKeys')) k));
			RETURN flitmig._introspect_extra(mig, 1);
		WHEN 'rights' THEN
			PERFORM flitmig._take_rights(mig, answer #> '{data,apiKeys}');
			RETURN flitmig._introspect_extra(mig, 2);
		WHEN 'workflows' THEN
			PERFORM flitmig._learn(mig, 'workflows', CASE WHEN answer IS NOT NULL THEN jsonb_path_query_array(answer, '$.data.workflows.edges[*].node') END);
			RETURN flitmig._introspect_extra(mig, 3);
		WHEN 'triggers' THEN
			PERFORM flitmig._learn(mig, 'triggers', CASE WHEN answer IS NOT NULL THEN jsonb_path_query_array(answer, '$.data.workflowAutomatedTriggers.edges[*].node') END);
			RETURN flitmig._introspect_extra(mig, 4);
		WHEN 'webhooks' THEN
			PERFORM flitmig._learn(mig, 'webhooks', answer #> '{data,webhooks}');
			RETURN flitmig._introspect_extra(mig, 5);
		WHEN 'holders' THEN
			PERFORM flitmig._take_holders(mig, detail, answer);
			RETURN flitmig._holders_next(mig, detail);
	END CASE;
END
$$;
COMMENT ON FUNCTION flitmig._introspect_answer(integer, jsonb, jsonb) IS 'Digests one answer of an introspection; the next call''s detail, or NULL when all is read. Error 08P01 for an answer that is not Twenty''s';

/*
 * What the role of an API key may do, as far as this server tells.  The list
 * of roles has everything, but is shown only to who may change roles; the list
 * of keys has each one's role, with what it may do in general alone: lists of
 * single rights are null there, whatever they hold (roles.*, keys.* of the recordings).
 */
CREATE FUNCTION flitmig._role_selection(mig integer) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(string_agg(f.name, ' ' ORDER BY f.n), '')
		   || CASE WHEN flitmig._capable(mig, 'type.Role', 'permissionFlags') AND (flitmig._capable(mig, 'type.RolePermissionFlag', 'flag') OR flitmig._capable(mig, 'type.PermissionFlag', 'flag')) THEN ' permissionFlags{flag}' ELSE '' END
	FROM unnest(ARRAY['label', 'canUpdateAllSettings', 'canReadAllObjectRecords', 'canUpdateAllObjectRecords', 'canSoftDeleteAllObjectRecords', 'canDestroyAllObjectRecords']) WITH ORDINALITY AS f(name, n)
	WHERE flitmig._capable(mig, 'type.Role', f.name)
$$;
COMMENT ON FUNCTION flitmig._role_selection(integer) IS 'Fields of a role that tell what it may do, of those that this server has';

CREATE FUNCTION flitmig._role_details(mig integer) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(format(' %s{%s}', t.name, t.parts), '' ORDER BY t.name)
	FROM (SELECT d.name, string_agg(p.name, ' ' ORDER BY p.n) AS parts, count(*) FILTER (WHERE flitmig._capable(mig, 'type.' || d.type, p.name)) AS known
		  FROM (VALUES ('objectPermissions', 'ObjectPermission', ARRAY['objectMetadataId', 'canReadObjectRecords', 'canUpdateObjectRecords', 'canSoftDeleteObjectRecords', 'canDestroyObjectRecords']),
					   ('fieldPermissions', 'FieldPermission', ARRAY['fieldMetadataId', 'canReadFieldValue', 'canUpdateFieldValue'])) AS d(name, type, parts),
			   unnest(d.parts) WITH ORDINALITY AS p(name, n)
		  WHERE flitmig._capable(mig, 'type.Role', d.name)
		  GROUP BY d.name, d.parts) t
	WHERE t.known = (length(t.parts) - length(replace(t.parts, ' ', '')) + 1)
$$;
COMMENT ON FUNCTION flitmig._role_details(integer) IS 'Selection of what a role may do with single objects and fields, where this server has that';

CREATE FUNCTION flitmig._take_rights(mig integer, keys jsonb) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	/* of all keys only ours, and of a workspace with one key that one */
	SELECT flitmig._learn(mig, 'rights', (
		SELECT k -> 'role' FROM jsonb_array_elements(flitmig._array_of(keys)) k
		WHERE k ->> 'id' = coalesce(flitmig._key_id((SELECT m.server FROM flitmig.migration m WHERE m.id = mig)), CASE WHEN jsonb_array_length(keys) = 1 THEN k ->> 'id' END)
		LIMIT 1))
$$;
COMMENT ON FUNCTION flitmig._take_rights(integer, jsonb) IS 'Notes what the role of our API key may do, of a list of keys with their roles';

CREATE FUNCTION flitmig._introspect_extra(mig integer, done integer) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN done <= 0 AND flitmig._capable(mig, 'metadata_queries', 'getRoles') AND flitmig._capable(mig, 'type.Role', 'apiKeys') THEN '{"step": "roles", "optional": true}'::jsonb
		WHEN done <= 1 AND coalesce(jsonb_typeof(flitmig._capability(mig, 'rights')), 'null') = 'null'
			AND flitmig._capable(mig, 'metadata_queries', 'apiKeys') AND flitmig._capable(mig, 'type.ApiKey', 'role') AND flitmig._role_selection(mig) <> '' THEN '{"step": "rights", "optional": true}'::jsonb
		WHEN done <= 2 AND flitmig._capable(mig, 'graphql_queries', 'workflows') THEN '{"step": "workflows", "optional": true}'::jsonb
		WHEN done <= 3 AND flitmig._capable(mig, 'graphql_queries', 'workflowAutomatedTriggers') THEN '{"step": "triggers", "optional": true}'::jsonb
		WHEN done <= 4 AND flitmig._capable(mig, 'metadata_queries', 'webhooks') THEN '{"step": "webhooks", "optional": true}'::jsonb
		ELSE flitmig._holders_next(mig, '{}')
	END
$$;
COMMENT ON FUNCTION flitmig._introspect_extra(integer, integer) IS 'The next thing that only a preflight wants to know, where the server has it';

CREATE FUNCTION flitmig._learn_metadata(mig integer, answer jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	types jsonb := flitmig._expect(mig, answer, 'data', '__schema', 'types');
	root record;
BEGIN
	FOR root IN SELECT * FROM (VALUES ('queryType', 'metadata_queries'), ('mutationType', 'metadata_mutations')) AS r(kind, name)
	LOOP
		PERFORM flitmig._learn(mig, root.name,
							   (SELECT jsonb_object_agg(f ->> 'name', jsonb_path_query_array(f, '$.args[*].name'))
								FROM jsonb_array_elements(types) t, jsonb_array_elements(t -> 'fields') f
								WHERE t ->> 'name' = answer #>> ARRAY['data', '__schema', root.kind, 'name'] AND jsonb_typeof(t -> 'fields') = 'array'));
	END LOOP;
	PERFORM flitmig._learn(mig, 'type.' || (t ->> 'name'), jsonb_path_query_array(t, '$.fields[*].name'))
	FROM jsonb_array_elements(types) t
	WHERE t ->> 'name' IN ('Field', 'Object', 'FileUploadTarget', 'ApiKey', 'Role', 'RolePermissionFlag', 'PermissionFlag', 'ObjectPermission', 'FieldPermission');
	PERFORM flitmig._learn(mig, 'field_types', jsonb_path_query_array(t, '$.enumValues[*].name'))
	FROM jsonb_array_elements(types) t
	WHERE t ->> 'name' = 'FieldMetadataType';
	IF NOT flitmig._capable(mig, 'type.Object', 'fieldsList') OR NOT flitmig._capable(mig, 'metadata_mutations', 'createOneField') THEN
		RAISE EXCEPTION 'the metadata API of server "%" is not one that flitmig knows', (SELECT m.server FROM flitmig.migration m WHERE m.id = mig)
			USING ERRCODE = 'fdw_error',
				  DETAIL = 'It offers no Object.fieldsList or no createOneField.',
				  HINT = 'The key may belong to a role without access to the data model, or this version of Twenty is newer than flitmig: look for an update.';
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._learn_metadata(integer, jsonb) IS 'Notes what /metadata offers';

CREATE FUNCTION flitmig._learn_graphql(mig integer, answer jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	/* the roots that are not made from the data model; one per object would be thousands of names */
	PERFORM flitmig._learn(mig, 'graphql_mutations',
						   jsonb_path_query_array(flitmig._expect(mig, answer, 'data', '__schema', 'mutationType'), '$.fields[*].name ? (@ like_regex "^upload")')),
			flitmig._learn(mig, 'graphql_queries',
						   jsonb_path_query_array(flitmig._expect(mig, answer, 'data', '__schema', 'queryType'),
												  '$.fields[*].name ? (@ == "workflows" || @ == "workflowAutomatedTriggers" || @ == "timelineActivities" || @ == "workspaceMembers")')),
			flitmig._learn(mig, 'actor_sources', jsonb_path_query_array(answer, '$.data.__type.enumValues[*].name'));
END
$$;
COMMENT ON FUNCTION flitmig._learn_graphql(integer, jsonb) IS 'Notes what /graphql offers beside the records of each object';
