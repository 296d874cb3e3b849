/*
 * record requests: create, update, read.  Each gives the path, the body
 * ({"query", "variables"}) and the root field whose data the answer holds.
 */

CREATE FUNCTION flitmig._create_document(mig integer, object text, fields text[], upsert boolean DEFAULT false) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type text := flitmig._capital(flitmig._api_name(mig, object));
	root text := 'create' || flitmig._capital(flitmig._api_name(mig, object, true));
BEGIN
	RETURN format(CASE WHEN upsert THEN 'mutation($data:[%sCreateInput!]!,$upsert:Boolean){%s(data:$data,upsert:$upsert){%s}}'
					   ELSE 'mutation($data:[%sCreateInput!]!){%s(data:$data){%s}}' END, type, root, flitmig._selection(mig, object, fields));
END
$$;
COMMENT ON FUNCTION flitmig._create_document(integer, text, text[], boolean) IS 'Document of a call that creates (or updates by upsert) the records in its variable data and asks the fields back';

CREATE FUNCTION flitmig._create_request(mig integer, object text, records jsonb, fields text[], upsert boolean DEFAULT false,
	OUT path text, OUT body jsonb, OUT root text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	path := '/graphql';
	root := 'create' || flitmig._capital(flitmig._api_name(mig, object, true));
	body := flitmig._call(flitmig._create_document(mig, object, fields, upsert),
						  CASE WHEN upsert THEN jsonb_build_object('data', records, 'upsert', true)
							   ELSE jsonb_build_object('data', flitmig._as_import(mig, object, records)) END);
END
$$;
COMMENT ON FUNCTION flitmig._create_request(integer, text, jsonb, text[], boolean) IS 'Call that creates records [{id, …payload}] (at most 200, all or none) and asks the fields back. Never called with upsert for new records: it would overwrite whoever holds a unique value';

/*
 * The same call from records that are JSON text already: jsonb of a whole
 * batch would be copied once more for each level that is built around it.
 */
CREATE FUNCTION flitmig._create_body(mig integer, object text, records text, fields text[]) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT '{"query": ' || to_json(flitmig._create_document(mig, object, fields))::text || ', "variables": {"data": [' || records || ']}}'
$$;
COMMENT ON FUNCTION flitmig._create_body(integer, text, text, text[]) IS 'Body of a create of records, given as JSON texts with commas between them: each with its id and its _origin';

/* Twenty shows where a record came from; an import should say so. The name is always the key's (TWENTY.md 4). */
CREATE FUNCTION flitmig._origin(mig integer, object text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN flitmig._capable(mig, 'actor_sources', 'IMPORT')
					AND EXISTS (SELECT FROM flitmig.live_field f
								WHERE f.migration_id = mig AND f.object = _origin.object AND f.name = 'createdBy' AND f.type = 'ACTOR' AND f.is_active)
				THEN '{"createdBy": {"source": "IMPORT"}}'::jsonb ELSE '{}' END
$$;
COMMENT ON FUNCTION flitmig._origin(integer, text) IS 'What a new record says of where it came from: createdBy IMPORT where the server knows it, else nothing';

CREATE FUNCTION flitmig._as_import(mig integer, object text, records jsonb) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN o.origin = '{}' THEN records
				ELSE (SELECT jsonb_agg(o.origin || r.doc ORDER BY r.n) FROM jsonb_array_elements(records) WITH ORDINALITY AS r(doc, n)) END
	FROM (SELECT flitmig._origin(mig, object) AS origin) o
$$;
COMMENT ON FUNCTION flitmig._as_import(integer, text, jsonb) IS 'Records with their _origin';

CREATE FUNCTION flitmig._update_request(mig integer, object text, records jsonb, fields text[], OUT path text, OUT body jsonb, OUT root text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF jsonb_path_exists(records, '$[*] ? (!exists(@.id))') THEN
		RAISE EXCEPTION 'an update of object "%" lacks an id', object USING ERRCODE = 'internal_error';
	END IF;
	SELECT r.path, r.body, r.root INTO path, body, root FROM flitmig._create_request(mig, object, records, fields, true) r;
END
$$;
COMMENT ON FUNCTION flitmig._update_request(integer, text, jsonb, text[]) IS 'Call that updates up to 200 records that exist, by partial upsert on id: other fields stay (TWENTY.md 4). Not for unique fields: use _update_one_request';

CREATE FUNCTION flitmig._update_one_request(mig integer, object text, id uuid, data jsonb, fields text[], OUT path text, OUT body jsonb, OUT root text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type text := flitmig._capital(flitmig._api_name(mig, object));
BEGIN
	path := '/graphql';
	root := 'update' || type;
	body := flitmig._call(format('mutation($id:UUID!,$d:%sUpdateInput!){%s(id:$id,data:$d){%s}}', type, root, flitmig._selection(mig, object, fields)),
						  jsonb_build_object('id', id, 'd', data - 'id'));
END
$$;
COMMENT ON FUNCTION flitmig._update_one_request(integer, text, uuid, jsonb, text[]) IS 'Call that updates one record by id, never another one';

/* Its filter is a list of ids and nothing else: an empty one would mean everybody (TWENTY.md 9). */
CREATE FUNCTION flitmig._update_alike_request(mig integer, object text, ids uuid[], data jsonb, fields text[], OUT path text, OUT body jsonb, OUT root text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type text := flitmig._capital(flitmig._api_name(mig, object));
BEGIN
	PERFORM flitmig._assert_stored(mig, object, ids);
	path := '/graphql';
	root := 'update' || flitmig._capital(flitmig._api_name(mig, object, true));
	body := flitmig._call(format('mutation($f:%1$sFilterInput!,$d:%1$sUpdateInput!){%2$s(filter:$f,data:$d){%3$s}}', type, root, flitmig._selection(mig, object, fields)),
						  jsonb_build_object('f', jsonb_build_object('id', jsonb_build_object('in', to_jsonb(ids))), 'd', data - 'id'));
END
$$;
COMMENT ON FUNCTION flitmig._update_alike_request(integer, text, uuid[], jsonb, text[]) IS 'Call that gives up to 200 records, named by id, the same values; error when an id is neither created nor adopted by this migration, or there is none';

CREATE FUNCTION flitmig._has_trash(mig integer, object text) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (SELECT FROM flitmig.live_field f WHERE f.migration_id = mig AND f.object = _has_trash.object AND f.name = 'deletedAt')
$$;
COMMENT ON FUNCTION flitmig._has_trash(integer, text) IS 'Whether records of an object can be in the trash (soft-deleted)';

/* Naming deletedAt at all makes the server show the trash as well (people.read.soft-deleted.explicit). */
CREATE FUNCTION flitmig._trash_too(mig integer, object text, filter jsonb) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN NOT flitmig._has_trash(mig, object) THEN filter
		ELSE jsonb_build_object('and', jsonb_build_array('{"or": [{"deletedAt": {"is": "NULL"}}, {"deletedAt": {"is": "NOT_NULL"}}]}'::jsonb)
									   || CASE WHEN filter = '{}' THEN '[]' ELSE jsonb_build_array(filter) END)
	END
$$;
COMMENT ON FUNCTION flitmig._trash_too(integer, text, jsonb) IS 'A filter that finds what the given one does, in the trash as well where the object has one; {} is all records';

CREATE FUNCTION flitmig._read_request(mig integer, object text, ids uuid[], fields text[], include_trashed boolean,
	OUT path text, OUT body jsonb, OUT root text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	path := '/graphql';
	root := flitmig._api_name(mig, object, true);
	body := flitmig._call(format('query($ids:[UUID!]){%s(filter:%s,first:%s){edges{node{%s}}}}', root,
								 CASE WHEN include_trashed AND flitmig._has_trash(mig, object)
									  THEN '{and:[{id:{in:$ids}},{or:[{deletedAt:{is:NULL}},{deletedAt:{is:NOT_NULL}}]}]}'
									  ELSE '{id:{in:$ids}}' END,
								 greatest(1, least(200, cardinality(ids))),	/* a page is 200 at most (TWENTY.md 3) */
								 flitmig._selection(mig, object, fields)),
						  jsonb_build_object('ids', to_jsonb(ids)));
END
$$;
COMMENT ON FUNCTION flitmig._read_request(integer, text, uuid[], text[], boolean) IS 'Call that reads records by id, those in the trash too when asked; the first 200 of them when more ids are given';

CREATE FUNCTION flitmig._count_request(mig integer, object text, filter jsonb, OUT path text, OUT body jsonb, OUT root text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	path := '/graphql';
	root := flitmig._api_name(mig, object, true);
	body := flitmig._call(format('query($filter:%sFilterInput){%s(filter:$filter,first:1){totalCount edges{node{id}}}}', flitmig._capital(flitmig._api_name(mig, object)), root),
						  jsonb_build_object('filter', filter));
END
$$;
COMMENT ON FUNCTION flitmig._count_request(integer, text, jsonb) IS 'Call that counts records of a filter (in the answer: data.<root>.totalCount)';
