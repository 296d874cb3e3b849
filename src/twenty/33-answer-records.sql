/* answers: records out of whatever root they came in. */

/*
 * Signed addresses change with every read and are no part of the record:
 * fullPath goes back to the path that was uploaded
 * (http://…/files/attachment/<token>/<file> → attachment/<file>), a file's url is dropped.
 */
CREATE FUNCTION flitmig._unsigned(doc jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN doc ->> 'fullPath' ~ '^https?://[^/]+/files/' THEN
			jsonb_set(doc, '{fullPath}', to_jsonb(regexp_replace(doc ->> 'fullPath', '^https?://[^/]+/files/([^/]+)/[^/]+/([^/?]+).*$', '\1/\2')))
		WHEN doc @? '$.*[*].fileId' THEN
			(SELECT jsonb_object_agg(f.key, CASE WHEN jsonb_typeof(f.value) = 'array' AND f.value @? '$[*].fileId'
												 THEN (SELECT jsonb_agg(e - 'url' ORDER BY n) FROM jsonb_array_elements(f.value) WITH ORDINALITY AS x(e, n))
												 ELSE f.value END)
			 FROM jsonb_each(doc) f)
		ELSE doc
	END
$$;
COMMENT ON FUNCTION flitmig._unsigned(jsonb) IS 'A record without the signed addresses that the server adds anew at each read';

CREATE FUNCTION flitmig._answer_records(body jsonb, root text DEFAULT NULL) RETURNS TABLE(id uuid, doc jsonb)
LANGUAGE sql STABLE ROWS 200
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT (d.doc ->> 'id')::uuid, CASE WHEN d.doc ? 'fullPath' OR d.doc @? '$.*[*].fileId' THEN flitmig._unsigned(d.doc) ELSE d.doc END
	FROM jsonb_each(flitmig._object_of(body -> 'data')) r
	CROSS JOIN LATERAL (
		SELECT e AS doc FROM jsonb_array_elements(flitmig._array_of(r.value)) e
		UNION ALL
		SELECT e -> 'node' FROM jsonb_array_elements(flitmig._array_of(r.value -> 'edges')) e
		UNION ALL
		SELECT r.value WHERE jsonb_typeof(r.value) = 'object' AND r.value ? 'id') d
	WHERE (root IS NULL OR r.key = root) AND d.doc ? 'id'
$$;
COMMENT ON FUNCTION flitmig._answer_records(jsonb, text) IS 'Records in an answer, from a list, a connection or a single record; root NULL: from every root. doc holds the id too';

/* ---- whose data would be lost ---- */

/* When a field holds something, by type. Text is asked by pattern: servers disagree whether "not equal to empty" holds for everything. */
CREATE FUNCTION flitmig._filled_filter(f flitmig.live_field) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN f.join_column IS NOT NULL THEN jsonb_build_object(f.join_column, p.present)
		WHEN f.type = 'TEXT' THEN jsonb_build_object(f.name, p.some_text)
		WHEN f.type = 'BOOLEAN' THEN jsonb_build_object(f.name, '{"eq": true}'::jsonb)
		WHEN f.type IN ('MULTI_SELECT', 'ARRAY') THEN jsonb_build_object('and', jsonb_build_array(
			jsonb_build_object(f.name, p.present), jsonb_build_object('not', jsonb_build_object(f.name, '{"isEmptyArray": true}'::jsonb))))
		WHEN c.parts IS NOT NULL THEN jsonb_build_object('or', (SELECT jsonb_agg(jsonb_build_object(f.name, jsonb_build_object(x, p.some_text))) FROM unnest(c.parts) x))
		WHEN f.type = 'CURRENCY' THEN jsonb_build_object(f.name, jsonb_build_object('amountMicros', p.present))
		ELSE jsonb_build_object(f.name, p.present)
	END
	FROM (SELECT '{"is": "NOT_NULL"}'::jsonb AS present, '{"ilike": "%_%"}'::jsonb AS some_text) p,
		 LATERAL (SELECT CASE f.type
			WHEN 'FULL_NAME' THEN '{firstName,lastName}'::text[]
			WHEN 'EMAILS' THEN '{primaryEmail}'
			WHEN 'PHONES' THEN '{primaryPhoneNumber}'
			WHEN 'LINKS' THEN '{primaryLinkUrl}'
			WHEN 'RICH_TEXT' THEN '{markdown}'
			WHEN 'RICH_TEXT_V2' THEN '{markdown}'
			WHEN 'ADDRESS' THEN '{addressStreet1,addressCity,addressState,addressPostcode,addressCountry}'
		 END AS parts) c
$$;
COMMENT ON FUNCTION flitmig._filled_filter(flitmig.live_field) IS 'Filter of the records that have something in a field';

/* The same question about a record that we hold, by the names of its payload. */
CREATE FUNCTION flitmig._filled(f flitmig.live_field, doc jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(CASE
		WHEN v.value IS NULL OR v.value = 'null' THEN false
		WHEN f.join_column IS NOT NULL THEN true
		WHEN f.type = 'TEXT' THEN v.value <> '""'
		WHEN f.type = 'BOOLEAN' THEN v.value = 'true'
		WHEN f.type IN ('MULTI_SELECT', 'ARRAY') THEN v.value <> '[]'
		WHEN f.type IN ('FULL_NAME', 'EMAILS', 'PHONES', 'LINKS', 'RICH_TEXT', 'RICH_TEXT_V2', 'ADDRESS') THEN EXISTS (
			SELECT FROM jsonb_each(v.value) p
			WHERE p.value NOT IN ('null', '""')
			  AND p.key IN ('firstName', 'lastName', 'primaryEmail', 'primaryPhoneNumber', 'primaryLinkUrl', 'markdown',
							'addressStreet1', 'addressCity', 'addressState', 'addressPostcode', 'addressCountry'))
		WHEN f.type = 'CURRENCY' THEN v.value ->> 'amountMicros' IS NOT NULL
		ELSE true
	END, false)
	FROM (SELECT doc -> coalesce(f.join_column, f.name) AS value) v
$$;
COMMENT ON FUNCTION flitmig._filled(flitmig.live_field, jsonb) IS 'Whether _filled_filter would find a record that holds these values';

/*
 * Counts records that would lose data.  field NULL: records of the object
 * (removing it destroys them); options: records that use one of these values
 * of a select (removing the options empties them).  The trash counts too.
 */
CREATE FUNCTION flitmig._foreign_count_request(mig integer, object text, field text, options text[] DEFAULT NULL, OUT path text, OUT body jsonb, OUT root text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	v flitmig.live_field := flitmig._live_field(mig, object, field);
	filter jsonb := '{}';
BEGIN
	IF field IS NOT NULL AND v.name IS NULL THEN
		RAISE EXCEPTION 'object "%" of the server has no field "%"', object, field USING ERRCODE = 'undefined_column';
	ELSIF options IS NOT NULL THEN
		filter := jsonb_build_object(v.name, jsonb_build_object(CASE v.type WHEN 'MULTI_SELECT' THEN 'containsAny' ELSE 'in' END, to_jsonb(options)));
	ELSIF field IS NOT NULL THEN
		filter := flitmig._filled_filter(v);
	END IF;
	SELECT r.path, r.body, r.root INTO path, body, root FROM flitmig._count_request(mig, object, flitmig._trash_too(mig, object, filter)) r;
END
$$;
COMMENT ON FUNCTION flitmig._foreign_count_request(integer, text, text, text[]) IS 'Call that counts the records that would lose data if a field, its options or an object were removed; the answer goes to _foreign_count_answer';

/* One call instead of one per field: most often nothing is left in any of them. */
CREATE FUNCTION flitmig._foreign_any_request(mig integer, object text, fields text[], OUT path text, OUT body jsonb, OUT root text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT r.path, r.body, r.root
	FROM (SELECT jsonb_build_object('or', jsonb_agg(flitmig._filled_filter(f) ORDER BY f.name)) AS filled
		  FROM flitmig.live_field f
		  WHERE f.migration_id = mig AND f.object = _foreign_any_request.object AND f.name = ANY (fields)) x
	CROSS JOIN LATERAL flitmig._count_request(mig, object, flitmig._trash_too(mig, object, x.filled)) r
$$;
COMMENT ON FUNCTION flitmig._foreign_any_request(integer, text, text[]) IS 'Call that counts the records, the trash included, that hold something in any of these fields of an object';

CREATE FUNCTION flitmig._foreign_count_answer(answer jsonb) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(max((r.value ->> 'totalCount')::bigint), 9223372036854775807)
	FROM jsonb_each(flitmig._object_of(answer -> 'data')) r
	WHERE r.value ->> 'totalCount' IS NOT NULL
$$;
COMMENT ON FUNCTION flitmig._foreign_count_answer(jsonb) IS 'The count in an answer; an answer without one counts as more than any, so that nothing is removed on its word';
