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

/* The clinic's word (options) goes before the profile's.  Keys are folded as owner values are. */
CREATE FUNCTION flitmig._owner_aliases(mig integer)
RETURNS TABLE (value text, email text, people bigint) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT DISTINCT ON (1) lower(flitmig.one_line(a.key)), min(lower(btrim(a.value))), count(DISTINCT lower(btrim(a.value)))
	FROM flitmig.migration m
	CROSS JOIN LATERAL (VALUES (1, m.options->'owner_aliases'), (2, m.profile_doc->'owner_aliases')) d(rank, doc)
	CROSS JOIN LATERAL jsonb_each_text(flitmig._object_of(d.doc)) a
	WHERE m.id = mig
	GROUP BY 1, d.rank
	ORDER BY 1, d.rank
$$;
COMMENT ON FUNCTION flitmig._owner_aliases(mig integer) IS 'Aliases of staff owners, keys in lower case and without spare blanks; people: how many e-mail addresses stand for that key';

CREATE FUNCTION flitmig._match_owners(mig integer, counts text)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	/* a session may look at the owners while the worker maps */
	PERFORM pg_advisory_xact_lock(hashtext('flitmig.owner'), mig);
	DELETE FROM flitmig.owner w WHERE w.migration_id = mig;
	BEGIN
		EXECUTE format($sql$
INSERT INTO flitmig.owner (migration_id, source_value, email, name, records, member_id, status)
WITH staff AS MATERIALIZED (%s),
value AS (
	SELECT c.value, sum(c.n) AS n
	FROM (SELECT c.value, c.n FROM (%s) c
		  UNION ALL SELECT t.email, 0 FROM staff t WHERE t.email IS NOT NULL) c
	WHERE c.value <> '' GROUP BY c.value),
alias AS (
	/* one that means two people means nobody */
	SELECT a.value, a.email FROM flitmig._owner_aliases(%3$s) a WHERE a.people = 1),
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
	EXCEPTION WHEN data_exception OR raise_exception THEN
		/* the error's own text would quote the cell */
		RAISE EXCEPTION USING ERRCODE = SQLSTATE,
			MESSAGE = 'an expression of the staff owners fails on a value of the export',
			HINT = 'SELECT o.name, f.field, f.expression FROM flitmig.object_map o JOIN flitmig.field_map f ON f.object_map_id = o.id WHERE f.kind = ''owner'';';
	END;

	DELETE FROM flitmig.finding f WHERE f.migration_id = mig AND f.step = 'owners';
	INSERT INTO flitmig.finding (migration_id, step, severity, code, object, count, message, hint)
	SELECT mig, 'owners', 'warning', 'OWNER_UNMATCHED', 'workspaceMember', sum(w.records),
		format('%s staff owner(s) of %s record(s) are no workspace members; %s', count(DISTINCT coalesce(w.email, w.source_value)), sum(w.records),
			CASE WHEN bool_or(w.status = 'default') THEN 'the default owner stands in' ELSE 'these records get no owner' END),
		format('SELECT * FROM flitmig_owners(%L); invite them in Twenty, or give aliases and confirm: UPDATE flitmig.migration SET options = options || ''{"owner_aliases": {"mike smith": "m.smith@example.com"}}'' WHERE name = %1$L;',
			(SELECT m.name FROM flitmig.migration m WHERE m.id = mig))
	FROM flitmig.owner w
	WHERE w.migration_id = mig AND w.status IN ('default', 'unmatched') AND w.records > 0
	HAVING count(*) > 0
	UNION ALL
	SELECT mig, 'owners', 'warning', 'OWNER_ALIAS_TWICE', 'workspaceMember', count(*),
		format('%s alias(es) stand twice in owner_aliases, but for upper case or blanks, and name different people; they do not count', count(*)),
		'Keep one of each in the option owner_aliases of the migration.'
	FROM flitmig._owner_aliases(mig) a WHERE a.people > 1
	HAVING count(*) > 0
	UNION ALL
	SELECT mig, 'owners', 'warning', 'DEFAULT_OWNER_UNKNOWN', 'workspaceMember', 1,
		'the default owner is no workspace member: what unmatched staff owned goes without an owner',
		'Invite that person in Twenty, or name another: UPDATE flitmig.migration SET default_owner = ''reception@clinic.example'' WHERE …; then confirm.'
	FROM flitmig.migration m
	WHERE m.id = mig AND m.default_owner IS NOT NULL
		/* not before the members were read */
		AND EXISTS (SELECT FROM flitmig.live_member l WHERE l.migration_id = mig)
		AND NOT EXISTS (SELECT FROM flitmig.live_member l WHERE l.migration_id = mig AND lower(l.email) = m.default_owner);
END
$$;
COMMENT ON FUNCTION flitmig._match_owners(mig integer, counts text) IS 'Fills flitmig.owner: each owner value of the export (query counts: value, n) against the workspace members by alias, e-mail, staff list, name';

CREATE FUNCTION flitmig._owner_counts_sql(mig integer)
RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(format('SELECT lower(flitmig.one_line((%s)::text)) AS value, count(*) AS n FROM %s GROUP BY 1', flitmig._expand(mig, f.expression), flitmig._map_rows_sql(mig, o)), ' UNION ALL ')
	FROM flitmig.object_map o JOIN flitmig.field_map f ON f.object_map_id = o.id AND f.kind = 'owner'
	WHERE o.migration_id = mig
$$;
COMMENT ON FUNCTION flitmig._owner_counts_sql(mig integer) IS 'A query over the staged rows: owner values and how many records name them';

CREATE FUNCTION @extschema@.flitmig_owners(migration text)
RETURNS TABLE (email text, name text, records bigint, member text, status text, invite boolean)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	mig		integer := flitmig._migration_id(flitmig_owners.migration);
BEGIN
	PERFORM flitmig._match_owners(mig, flitmig._owner_counts_sql(mig));
	RETURN QUERY
	SELECT flitmig._wrap(min(w.email), 26), flitmig._wrap(coalesce(max(w.name), min(w.source_value)), 16), sum(w.records)::bigint,
		flitmig._wrap((SELECT l.email FROM flitmig.live_member l
					   WHERE l.migration_id = mig AND l.member_id = (array_agg(w.member_id) FILTER (WHERE w.status IN ('matched', 'alias')))[1]), 19),
		(array_agg(w.status ORDER BY w.status))[1],
		min(w.email) IS NOT NULL AND bool_and(w.status IN ('default', 'unmatched'))
	FROM flitmig.owner w
	WHERE w.migration_id = mig
	GROUP BY coalesce(w.email, w.source_value)
	ORDER BY bool_and(w.status IN ('default', 'unmatched')) DESC, sum(w.records) DESC, 1, 2;
END
$$;
COMMENT ON FUNCTION @extschema@.flitmig_owners(migration text) IS 'The clinic''s staff against the workspace members (member: the e-mail of whom they are); whom to invite, and (without e-mail) who needs an alias. flitmig.owner has the members'' ids';

CREATE FUNCTION flitmig.invite_list(migration text, format text DEFAULT 'csv')
RETURNS SETOF text LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	m		flitmig.migration := flitmig._migration_row(invite_list.migration);
BEGIN
	IF format IS NULL OR format NOT IN ('csv', 'text') THEN
		RAISE EXCEPTION 'unknown format of an invite list: "%"', format
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Valid formats are: csv, text.';
	END IF;
	PERFORM flitmig._match_owners(m.id, flitmig._owner_counts_sql(m.id));
	IF to_regclass('pg_temp.flitmig_invite') IS NOT NULL THEN
		DROP TABLE pg_temp.flitmig_invite;
	END IF;
	CREATE TEMP TABLE flitmig_invite ON COMMIT DROP AS
	SELECT w.email, coalesce(max(w.name), '') AS name, sum(w.records)::bigint AS records, min(w.source_value) AS spelt
	FROM flitmig.owner w
	WHERE w.migration_id = m.id
	GROUP BY w.email, CASE WHEN w.email IS NULL THEN w.source_value END
	HAVING bool_and(w.status IN ('default', 'unmatched'));

	IF format = 'csv' THEN
		RETURN NEXT 'email,name,records';
		RETURN QUERY
		SELECT concat_ws(',', i.email, CASE WHEN i.name ~ '[",]' THEN '"' || replace(i.name, '"', '""') || '"' ELSE i.name END, i.records)
		FROM pg_temp.flitmig_invite i WHERE i.email IS NOT NULL ORDER BY i.records DESC, i.email;
		RETURN;
	END IF;

	RETURN NEXT pg_catalog.format('Staff of %s to invite in Twenty (Settings > Members):', m.name);
	RETURN QUERY
	SELECT pg_catalog.format('  %s  (%s)', CASE WHEN i.name = '' THEN i.email ELSE i.name || ' <' || i.email || '>' END,
							 CASE i.records WHEN 0 THEN 'owns no record' WHEN 1 THEN '1 record' ELSE i.records || ' records' END)
	FROM pg_temp.flitmig_invite i WHERE i.email IS NOT NULL ORDER BY i.records DESC, i.email;
	IF NOT EXISTS (SELECT FROM pg_temp.flitmig_invite i WHERE i.email IS NOT NULL) THEN
		RETURN NEXT '  nobody: all who have an e-mail address are members';
	END IF;
	IF EXISTS (SELECT FROM pg_temp.flitmig_invite i WHERE i.email IS NULL) THEN
		RETURN NEXT 'Without an e-mail address in the export; name theirs in the option owner_aliases:';
		RETURN QUERY
		SELECT pg_catalog.format('  %s  (%s record(s))', coalesce(nullif(i.name, ''), i.spelt), i.records)
		FROM pg_temp.flitmig_invite i WHERE i.email IS NULL ORDER BY i.records DESC, i.spelt;
	END IF;
	RETURN NEXT CASE WHEN m.default_owner IS NULL THEN 'Until then their records have no owner.'
					 ELSE pg_catalog.format('Until then their records belong to %s.', m.default_owner) END;
END
$$;
COMMENT ON FUNCTION flitmig.invite_list(migration text, format text) IS 'Whom to invite to Twenty, line by line: csv (email, name, records) or text to mail to its administrator, with those who need an alias. \g (format=unaligned tuples_only=on) invite.csv writes it to a file';
