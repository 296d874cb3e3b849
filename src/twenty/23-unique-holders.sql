/*
 * unique holders: who on the server already has a value that our records
 * would bring (TWENTY.md 4: the trash counts, and the second one is refused).
 * Part of a preflight's introspection: one call per 1,000 values.
 */

CREATE FUNCTION flitmig._unique_fields(mig integer) RETURNS TABLE(n bigint, object text, field text, part text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT row_number() OVER (ORDER BY f.object, f.name), f.object, f.name,
		   CASE f.type WHEN 'EMAILS' THEN 'primaryEmail' WHEN 'PHONES' THEN 'primaryPhoneNumber' WHEN 'LINKS' THEN 'primaryLinkUrl' END
	FROM flitmig.live_field f
	WHERE f.migration_id = mig AND f.is_unique AND f.is_active AND f.name <> 'id' AND f.type IN ('TEXT', 'EMAILS', 'PHONES', 'LINKS')
	  AND EXISTS (SELECT FROM flitmig.object_map o WHERE o.migration_id = mig AND o.object = f.object)
$$;
COMMENT ON FUNCTION flitmig._unique_fields(integer) IS 'Unique fields of the objects that are written to, numbered; part is what counts of a composite';

/* A page of values: computed anew for each call, so that no value of a patient stays in the journal. */
CREATE FUNCTION flitmig._unique_values(mig integer, object text, field text, part text, skip bigint) RETURNS text[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT array_agg(v.value ORDER BY v.value)
	FROM (SELECT DISTINCT w.value COLLATE "C" AS value
		  FROM flitmig.record r
		  CROSS JOIN LATERAL (SELECT CASE WHEN part IS NULL THEN r.payload ->> field
										  WHEN part = 'primaryEmail' THEN lower(r.payload -> field ->> part)
										  ELSE r.payload -> field ->> part END) AS w(value)
		  WHERE r.migration_id = mig AND r.object = _unique_values.object AND r.state = 'mapped' AND w.value <> ''
			AND NOT EXISTS (SELECT FROM flitmig.base b WHERE b.migration_id = mig AND b.id = r.id)
		  ORDER BY 1
		  OFFSET skip LIMIT 1000) v
$$;
COMMENT ON FUNCTION flitmig._unique_values(integer, text, text, text, bigint) IS 'Up to 1,000 values of a field that records not stored yet would bring, after so many others; NULL when there are none';

/* The next call, from a place that is done: later values of the same field, else the next field that has any. */
CREATE FUNCTION flitmig._holders_next(mig integer, detail jsonb) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT jsonb_build_object('step', 'holders', 'optional', true, 'n', u.n, 'skip', p.skip)
	FROM flitmig._unique_fields(mig) u
	CROSS JOIN LATERAL (SELECT CASE WHEN u.n = (detail ->> 'n')::bigint THEN (detail ->> 'skip')::bigint + 1000 ELSE 0 END AS skip) p
	WHERE u.n >= coalesce((detail ->> 'n')::bigint, 0) AND flitmig._unique_values(mig, u.object, u.field, u.part, p.skip) IS NOT NULL
	ORDER BY u.n
	LIMIT 1
$$;
COMMENT ON FUNCTION flitmig._holders_next(integer, jsonb) IS 'Detail of the next look for holders of unique values; NULL when all were asked for';

CREATE FUNCTION flitmig._holders_call(mig integer, detail jsonb) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT flitmig._call(format('query($filter:%sFilterInput){%s(filter:$filter,first:200){totalCount edges{node{id%s}}}}',
								flitmig._capital(flitmig._api_name(mig, u.object)), flitmig._api_name(mig, u.object, true),
								CASE WHEN flitmig._has_trash(mig, u.object) THEN ' deletedAt' ELSE '' END),
						 jsonb_build_object('filter', flitmig._trash_too(mig, u.object,
							jsonb_build_object(u.field, CASE WHEN u.part IS NULL THEN w.listed ELSE jsonb_build_object(u.part, w.listed) END))))
	FROM flitmig._unique_fields(mig) u
	CROSS JOIN LATERAL (SELECT jsonb_build_object('in', to_jsonb(flitmig._unique_values(mig, u.object, u.field, u.part, (detail ->> 'skip')::bigint)))) AS w(listed)
	WHERE u.n = (detail ->> 'n')::bigint
$$;
COMMENT ON FUNCTION flitmig._holders_call(integer, jsonb) IS 'Body of a look for holders of unique values, the trash included';

/* Records of ours (stored before a crash, say) are no holders to worry about. */
CREATE FUNCTION flitmig._take_holders(mig integer, detail jsonb, answer jsonb) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT flitmig._learn(mig, 'holders', coalesce(flitmig._capability(mig, 'holders'), '[]') || jsonb_build_object(
		'object', u.object, 'field', u.field, 'asked', cardinality(flitmig._unique_values(mig, u.object, u.field, u.part, (detail ->> 'skip')::bigint)),
		'holders', coalesce((SELECT (d.value ->> 'totalCount')::bigint FROM jsonb_each(answer -> 'data') d LIMIT 1), 0) - count(r.id),
		'trashed', count(a.id) FILTER (WHERE a.doc ->> 'deletedAt' IS NOT NULL AND r.id IS NULL),
		'refused', answer IS NULL))
	FROM flitmig._unique_fields(mig) u
	LEFT JOIN flitmig._answer_records(answer) a ON true
	LEFT JOIN flitmig.record r ON r.migration_id = mig AND r.id = a.id
	WHERE u.n = (detail ->> 'n')::bigint
	GROUP BY u.object, u.field, u.part
$$;
COMMENT ON FUNCTION flitmig._take_holders(integer, jsonb, jsonb) IS 'Counts the holders of unique values in an answer; answer NULL: the key may not look';
