/*
 * refusals: which records of a call a message of Twenty is about.
 *
 *	Invalid value "NURSE" for field "clinicRole". Valid values are …		every record with that value in that field
 *	Value "NURSE" does not exist in "PersonClinicRoleEnum" enum.
 *	Provided phone number is invalid 202-555-0103
 *	Variable "$data" got invalid value … at "data[3].clinicRole"			the fourth
 *
 * A message that names a value but no field proves nothing: the same word may
 * stand elsewhere in a record that is good.
 */

CREATE FUNCTION flitmig._refused_fields(mig integer, object text, code text, reason text) RETURNS TABLE (keys text[], whole boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_to_array(m.path, '.'), false
	FROM (SELECT substring(reason FROM 'field "([A-Za-z0-9_.]+)"') AS path) m
	WHERE m.path IS NOT NULL
	UNION ALL
	SELECT ARRAY[f.name], false
	FROM flitmig.live_field f
	WHERE f.migration_id = mig AND f.object = _refused_fields.object
	  AND reason LIKE '%"' || flitmig._capital(flitmig._api_name(mig, object)) || flitmig._capital(f.name) || 'Enum"%'
	UNION ALL
	SELECT ARRAY[f.name], true
	FROM flitmig.live_field f
	WHERE f.migration_id = mig AND f.object = _refused_fields.object AND f.type = 'PHONES' AND code LIKE '%PHONE%'
$$;
COMMENT ON FUNCTION flitmig._refused_fields(integer, text, text, text) IS 'Fields that a refusal''s message speaks of, as paths in a payload; whole: any part of the field may be meant';

CREATE FUNCTION flitmig._is_named(payload jsonb, keys text[], whole boolean, clue text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(CASE WHEN whole THEN jsonb_path_exists(payload #> keys, '$.** ? (@ == $v)', jsonb_build_object('v', clue))
						 ELSE payload #> keys = to_jsonb(clue) OR (jsonb_typeof(payload #> keys) = 'array' AND payload #> keys ? clue) END, false)
$$;
COMMENT ON FUNCTION flitmig._is_named(jsonb, text[], boolean, text) IS 'Whether a payload has exactly the value that a message names, in the field that it names';

/* A value that another record holds is found by asking who holds any of ours. */
CREATE FUNCTION flitmig._holders_of_request(mig integer, object text, payloads jsonb, OUT path text, OUT body jsonb, OUT root text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	listed jsonb;
	fields text[];
BEGIN
	SELECT jsonb_agg(jsonb_build_object(u.field, CASE WHEN u.part IS NULL THEN v.listed ELSE jsonb_build_object(u.part, v.listed) END)), array_agg(u.field)
	INTO listed, fields
	FROM flitmig._unique_fields(mig) u,
		 LATERAL (SELECT jsonb_build_object('in', jsonb_agg(DISTINCT w.value)) AS listed, count(*) AS n
				  FROM jsonb_array_elements(payloads) p, LATERAL (SELECT flitmig._unique_value(p.value, u.field, u.part) AS value) w
				  WHERE w.value <> '') v
	WHERE u.object = _holders_of_request.object AND v.n > 0;
	IF listed IS NULL THEN
		RETURN;
	END IF;
	path := '/graphql';
	root := flitmig._api_name(mig, object, true);
	body := flitmig._call(format('query($filter:%sFilterInput){%s(filter:$filter,first:200){edges{node{%s}}}}',
								 flitmig._capital(flitmig._api_name(mig, object)), root, flitmig._selection(mig, object, fields)),
						  jsonb_build_object('filter', flitmig._trash_too(mig, object, jsonb_build_object('or', listed))));
END
$$;
COMMENT ON FUNCTION flitmig._holders_of_request(integer, text, jsonb) IS 'Call that reads who holds a unique value of these payloads, the trash included; path NULL: they bring none';

CREATE FUNCTION flitmig._unique_value(payload jsonb, field text, part text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN part IS NULL THEN payload ->> field WHEN part = 'primaryEmail' THEN lower(payload -> field ->> part) ELSE payload -> field ->> part END
$$;
COMMENT ON FUNCTION flitmig._unique_value(jsonb, text, text) IS 'What of a unique field Twenty compares; see _unique_fields for part';
