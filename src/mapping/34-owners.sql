/* mapping: staff owners of the export against workspace members. */

CREATE FUNCTION flitmig._staff_sql(mig integer)
RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce((
		SELECT format('SELECT flitmig.to_email((%s)::text) AS email, lower(flitmig.one_line((%s)::text)) AS name, flitmig.one_line((%2$s)::text) AS label FROM %s s',
					  flitmig._expand(mig, m.profile_doc#>>'{staff,email}'), flitmig._expand(mig, m.profile_doc#>>'{staff,name}'),
					  flitmig._entity_sql(mig, m.profile_doc#>>'{staff,entity}'))
		FROM flitmig.migration m WHERE m.id = mig AND m.profile_doc ? 'staff'),
		'SELECT NULL::text AS email, NULL::text AS name, NULL::text AS label WHERE false')
$$;
COMMENT ON FUNCTION flitmig._staff_sql(mig integer) IS 'A query: e-mail and name of the staff that the export lists';

CREATE FUNCTION flitmig._match_owners(mig integer, counts text)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	/* a session may look at the owners while the worker maps */
	PERFORM pg_advisory_xact_lock(hashtext('flitmig.owner'), mig);
	DELETE FROM flitmig.owner w WHERE w.migration_id = mig;
	EXECUTE format($sql$
INSERT INTO flitmig.owner (migration_id, source_value, email, name, records, member_id, status)
WITH staff AS MATERIALIZED (%s),
value AS (
	SELECT c.value, sum(c.n) AS n
	FROM (SELECT c.value, c.n FROM (%s) c
		  UNION ALL SELECT t.email, 0 FROM staff t WHERE t.email IS NOT NULL) c
	WHERE c.value <> '' GROUP BY c.value),
alias AS (
	SELECT lower(btrim(a.key)) AS value, lower(btrim(a.value)) AS email
	FROM flitmig.migration m, jsonb_each_text(flitmig._object_of(m.profile_doc->'owner_aliases') || flitmig._object_of(m.options->'owner_aliases')) a
	WHERE m.id = %3$s),
known AS (
	SELECT v.value, v.n, a.email IS NOT NULL AS by_alias,
		coalesce(a.email, CASE WHEN v.value LIKE '%%@%%' THEN v.value END,
			(SELECT min(t.email) FROM staff t WHERE t.name = v.value HAVING count(DISTINCT t.email) = 1)) AS email
	FROM value v LEFT JOIN alias a ON a.value = v.value),
matched AS (
	SELECT k.*, l.member_id,
		coalesce((SELECT min(t.label) FROM staff t WHERE t.email = k.email), l.name, CASE WHEN k.value NOT LIKE '%%@%%' THEN k.value END) AS name
	FROM known k
	LEFT JOIN LATERAL (
		SELECT (array_agg(l.member_id))[1] AS member_id, min(flitmig.one_line(concat_ws(' ', l.first_name, l.last_name))) AS name FROM flitmig.live_member l
		WHERE l.migration_id = %3$s
			AND CASE WHEN k.email IS NOT NULL THEN lower(l.email) = k.email
					 ELSE lower(flitmig.one_line(concat_ws(' ', l.first_name, l.last_name))) = k.value END
		HAVING count(*) = 1) l ON true)
SELECT %3$s, x.value, x.email, x.name, x.n, coalesce(x.member_id, d.member_id),
	CASE WHEN x.member_id IS NULL THEN CASE WHEN d.member_id IS NULL THEN 'unmatched' ELSE 'default' END
		 WHEN x.by_alias THEN 'alias' ELSE 'matched' END
FROM matched x
LEFT JOIN (SELECT l.member_id FROM flitmig.migration m JOIN flitmig.live_member l ON l.migration_id = m.id AND lower(l.email) = m.default_owner
		   WHERE m.id = %3$s LIMIT 1) d ON true$sql$,
		flitmig._staff_sql(mig), coalesce(counts, 'SELECT NULL::text AS value, 0::bigint AS n WHERE false'), mig);

	DELETE FROM flitmig.finding f WHERE f.migration_id = mig AND f.step = 'owners';
	INSERT INTO flitmig.finding (migration_id, step, severity, code, object, count, message, hint)
	SELECT mig, 'owners', 'warning', 'OWNER_UNMATCHED', 'workspaceMember', sum(w.records),
		format('%s staff owner(s) of %s record(s) are no workspace members; %s', count(*), sum(w.records),
			CASE WHEN bool_or(w.status = 'default') THEN 'the default owner stands in' ELSE 'these records get no owner' END),
		format('SELECT * FROM flitmig_owners(%L); invite them in Twenty, or give aliases and confirm: UPDATE flitmig.migration SET options = options || ''{"owner_aliases": {"mike smith": "michael.smith@example.com"}}'' WHERE name = %1$L;',
			(SELECT m.name FROM flitmig.migration m WHERE m.id = mig))
	FROM flitmig.owner w
	WHERE w.migration_id = mig AND w.status IN ('default', 'unmatched') AND w.records > 0
	HAVING count(*) > 0;
END
$$;
COMMENT ON FUNCTION flitmig._match_owners(mig integer, counts text) IS 'Fills flitmig.owner: each owner value of the export (query counts: value, n) against the workspace members by alias, e-mail, staff list, name';

CREATE FUNCTION flitmig._owner_counts_sql(mig integer)
RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(format('SELECT lower(flitmig.one_line((%s)::text)) AS value, count(*) AS n FROM %s WHERE (%s) AND %s GROUP BY 1',
		flitmig._expand(mig, f.expression), flitmig._expand(mig, o.source), coalesce(flitmig._expand(mig, o.filter), 'true'),
		(SELECT coalesce(string_agg(format('(%s) IS NOT TRUE', flitmig._expand(mig, x->>'when')), ' AND '), 'true') FROM jsonb_array_elements(o.exclude) x)),
		' UNION ALL ')
	FROM flitmig.object_map o JOIN flitmig.field_map f ON f.object_map_id = o.id AND f.kind = 'owner'
	WHERE o.migration_id = mig
$$;
COMMENT ON FUNCTION flitmig._owner_counts_sql(mig integer) IS 'A query over the staged rows: owner values and how many records name them';

CREATE FUNCTION @extschema@.flitmig_owners(migration text)
RETURNS TABLE (email text, name text, records bigint, member uuid, status text, invite boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	mig		integer := flitmig._migration_id(flitmig_owners.migration);
BEGIN
	PERFORM flitmig._match_owners(mig, flitmig._owner_counts_sql(mig));
	RETURN QUERY
	SELECT min(w.email), coalesce(max(w.name), min(w.source_value)), sum(w.records)::bigint,
		(array_agg(w.member_id) FILTER (WHERE w.status IN ('matched', 'alias')))[1],
		(array_agg(w.status ORDER BY w.status))[1],
		min(w.email) IS NOT NULL AND bool_and(w.status IN ('default', 'unmatched'))
	FROM flitmig.owner w
	WHERE w.migration_id = mig
	GROUP BY coalesce(w.email, w.source_value)
	ORDER BY bool_and(w.status IN ('default', 'unmatched')) DESC, sum(w.records) DESC, 1, 2;
END
$$;
COMMENT ON FUNCTION @extschema@.flitmig_owners(migration text) IS 'The clinic''s staff against the workspace members; whom to invite, and (without e-mail) who needs an alias';
