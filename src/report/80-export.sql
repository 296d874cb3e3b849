/*
 * export: the mapped records of an object as CSV for Twenty's own import page,
 * which works outside the call limit (TWENTY.md 8): columns are matched by
 * label, a file has at most 10,000 rows.
 *
 * What the page asks of a relation (its source, and the server's): one unique
 * field of the other side, by which it looks the record up; the same field in
 * every row that goes up together; and a record that is there already, for a
 * call of 200 rows is looked up before it is stored.  So links between records
 * of one object, and those that point forward, are files of their own, to be
 * taken last: the page writes to a record that it finds by its id.
 */

CREATE FUNCTION flitmig._export_parts(type text)
RETURNS TABLE (n integer, label text, path text[]) LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT p.n, p.label, p.path
	FROM (VALUES
		('FULL_NAME', 1, 'First Name', '{firstName}'::text[]), ('FULL_NAME', 2, 'Last Name', '{lastName}'),
		('EMAILS', 1, 'Primary Email', '{primaryEmail}'), ('EMAILS', 2, 'Additional Emails', '{additionalEmails}'),
		('PHONES', 1, 'Primary Phone Number', '{primaryPhoneNumber}'), ('PHONES', 2, 'Primary Phone Country Code', '{primaryPhoneCountryCode}'),
		('PHONES', 3, 'Primary Phone Calling Code', '{primaryPhoneCallingCode}'), ('PHONES', 4, 'Additional Phones', '{additionalPhones}'),
		('ADDRESS', 1, 'Address 1', '{addressStreet1}'), ('ADDRESS', 2, 'Address 2', '{addressStreet2}'), ('ADDRESS', 3, 'City', '{addressCity}'),
		('ADDRESS', 4, 'State', '{addressState}'), ('ADDRESS', 5, 'Post Code', '{addressPostcode}'), ('ADDRESS', 6, 'Country', '{addressCountry}'),
		('CURRENCY', 1, 'Amount', '{amountMicros}'), ('CURRENCY', 2, 'Currency', '{currencyCode}'),
		('LINKS', 1, 'Link Label', '{primaryLinkLabel}'), ('LINKS', 2, 'Link URL', '{primaryLinkUrl}'), ('LINKS', 3, 'Secondary Links', '{secondaryLinks}'),
		('RICH_TEXT', 1, 'Markdown', '{markdown}'), ('RICH_TEXT_V2', 1, 'Markdown', '{markdown}')) AS p(type, n, label, path)
	WHERE p.type = $1
	UNION ALL
	SELECT 1, NULL, '{}'
	WHERE $1 NOT IN ('FULL_NAME', 'EMAILS', 'PHONES', 'ADDRESS', 'CURRENCY', 'LINKS', 'RICH_TEXT', 'RICH_TEXT_V2', 'ACTOR', 'FILES', 'RELATION', 'MORPH_RELATION', 'POSITION', 'TS_VECTOR')
$$;
COMMENT ON FUNCTION flitmig._export_parts(text) IS 'Columns of the import page that a field type has, and where its JSON keeps them; none for types that the page does not take so';

/* What the records point at, and the unique field by which the page finds it: one that all of these have, each another; else the id. */
CREATE FUNCTION flitmig._export_links(mig integer, object text)
RETURNS TABLE (key text, later boolean, label text, id uuid, value text) LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET jit = off AS $$
	WITH link AS (
		SELECT l.join_column AS key, l.label, l.relation_object AS target,
			l.relation_object = l.object OR EXISTS (SELECT FROM flitmig.deferred_field d JOIN flitmig.object_map o ON o.id = d.object_map_id
													WHERE d.migration_id = mig AND d.field = l.join_column AND o.object = l.object) AS later
		FROM flitmig.live_field l
		WHERE l.migration_id = mig AND l.object = $2 AND l.join_column IS NOT NULL AND l.type = 'RELATION' AND l.is_active
	), pointed AS (
		SELECT DISTINCT k.key, k.target, (r.payload ->> k.key)::uuid AS id
		FROM link k JOIN flitmig.record r ON r.migration_id = mig AND r.object = $2 AND r.state = 'mapped' AND r.payload ->> k.key IS NOT NULL
	), other AS (	/* as Twenty holds it, else as it will be sent */
		SELECT p.key, p.target, p.id, COALESCE(t.payload, '{}') || COALESCE(b.stored, '{}') || jsonb_build_object('id', p.id)
			|| CASE WHEN w.email IS NULL THEN '{}' ELSE jsonb_build_object('userEmail', w.email) END AS doc
		FROM pointed p
		LEFT JOIN flitmig.base b ON b.migration_id = mig AND b.id = p.id
		LEFT JOIN flitmig.record t ON t.migration_id = mig AND t.id = p.id
		LEFT JOIN flitmig.live_member w ON w.migration_id = mig AND w.member_id = p.id AND p.target = 'workspaceMember'
	), way AS MATERIALIZED (
		SELECT o.key, o.id, u.rank, f.name, concat_ws(' / ', f.label, u.part) AS label, NULLIF(CASE f.type WHEN 'EMAILS' THEN lower(o.doc -> f.name #>> u.path) ELSE o.doc -> f.name #>> u.path END, '') AS value
		FROM other o
		JOIN flitmig.live_field f ON f.migration_id = mig AND f.object = o.target AND f.is_active AND (f.is_unique OR f.name = 'id')
		JOIN (VALUES ('TEXT', 1, NULL, '{}'::text[]), ('EMAILS', 2, 'Primary Email', '{primaryEmail}'), ('LINKS', 3, 'Link URL', '{primaryLinkUrl}'), ('UUID', 4, NULL, '{}'))
			AS u(type, rank, part, path) ON u.type = f.type AND (f.type = 'UUID') = (f.name = 'id')
	), best AS (
		SELECT DISTINCT ON (w.key) w.key, w.name
		FROM (SELECT w.key, w.rank, w.name FROM way w GROUP BY w.key, w.rank, w.name HAVING count(w.value) = count(*) AND count(DISTINCT lower(w.value)) = count(*)) w
		ORDER BY w.key, w.rank, w.name
	)
	SELECT k.key, k.later, k.label || ' / ' || w.label, w.id, w.value
	FROM best b JOIN way w ON w.key = b.key AND w.name = b.name JOIN link k ON k.key = b.key
$$;
COMMENT ON FUNCTION flitmig._export_links(integer, text)
IS 'For each link of an object''s records: the header and the value by which the import page finds what it points at, and whether it has to go in a later file';

CREATE FUNCTION flitmig._export_columns(mig integer, object text)
RETURNS TABLE (n bigint, header text, key text, type text, path text[], later boolean) LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT row_number() OVER (ORDER BY c.key <> 'id', c.header, c.n), c.header, c.key, c.type, c.path, c.later
	FROM (SELECT p.n, concat_ws(' / ', CASE WHEN k.key = 'id' THEN COALESCE(l.label, 'Id') ELSE l.label END, p.label) AS header, k.key, l.type, p.path, CASE WHEN k.key <> 'id' THEN false END AS later
		  FROM (SELECT 'id' AS key
				UNION
				SELECT jsonb_object_keys(r.payload) FROM flitmig.record r
				WHERE r.migration_id = mig AND r.object = $2 AND r.state = 'mapped') k
		  LEFT JOIN flitmig.live_field l ON l.migration_id = mig AND l.object = $2 AND l.name = k.key AND l.is_active
		  CROSS JOIN LATERAL flitmig._export_parts(CASE WHEN k.key = 'id' THEN 'UUID' ELSE l.type END) p
		  UNION ALL
		  SELECT DISTINCT 1, k.label, k.key, 'RELATION', '{}'::text[], k.later FROM flitmig._export_links(mig, $2) k) c
$$;
COMMENT ON FUNCTION flitmig._export_columns(integer, text)
IS 'Headers for the import page, the place of each in a record''s payload, and whether it stands in the later files (NULL: in all)';

/* Without settings of its own, so that the planner puts it in place: it is asked for each cell. */
CREATE FUNCTION flitmig._export_cell(payload jsonb, key text, type text, path text[])
RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN v.text ~ '[",\r\n]' OR v.text <> btrim(v.text) THEN '"' || replace(v.text, '"', '""') || '"' ELSE COALESCE(v.text, '') END
	FROM (SELECT CASE
			/* The page takes units, the API millionths. */
			WHEN type = 'CURRENCY' AND path = '{amountMicros}' THEN trim_scale((payload->key->>'amountMicros')::numeric / 1000000)::text
			/* The page reads it as JSON, so a text keeps its quotes. */
			WHEN type = 'RAW_JSON' THEN NULLIF((payload->key)::text, 'null')
			ELSE (payload->key) #>> path END AS text) v
$$;
COMMENT ON FUNCTION flitmig._export_cell(jsonb, text, text, text[]) IS 'One CSV cell, quoted where it must be; lists as JSON';

/* What the files do not say as the API would: told before they are taken to the page. */
CREATE FUNCTION flitmig._export_losses(mig integer, object text)
RETURNS TABLE (message text, hint text) LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
	WITH cell AS (
		SELECT e.key, count(*) AS n, count(*) FILTER (WHERE e.value <> 'null') AS filled FROM flitmig.record r, jsonb_each(r.payload) e
		WHERE r.migration_id = mig AND r.object = $2 AND r.state = 'mapped' GROUP BY e.key
	), total AS (
		SELECT count(*) AS n FROM flitmig.record r WHERE r.migration_id = mig AND r.object = $2 AND r.state = 'mapped'
	), known AS (
		SELECT c.key FROM flitmig._export_columns(mig, $2) c
	)
	SELECT format('the import page does not take %s of "%s": not in the file', string_agg(c.key, ', ' ORDER BY c.key), $2), 'Only flitmig_run sends them.'
	FROM cell c WHERE c.key NOT IN (SELECT k.key FROM known k) AND c.filled > 0
	HAVING count(*) > 0
	UNION ALL
	SELECT format('the import page takes a blank "%s" for no: %s of %s records', l.label, t.n - COALESCE(c.filled, 0), t.n), 'Leave the column out when the page asks what it is, or send them by flitmig_run.'
	FROM flitmig.live_field l CROSS JOIN total t JOIN cell c ON c.key = l.name
	WHERE l.migration_id = mig AND l.object = $2 AND l.type = 'BOOLEAN' AND c.filled < t.n AND c.filled > 0
$$;
COMMENT ON FUNCTION flitmig._export_losses(integer, text) IS 'What the import page does not take, or takes for something else';

/* The files of one kind: all columns but the late ones, or the late ones of those records that have any. */
CREATE FUNCTION flitmig._export_files(mig integer, object text, late boolean)
RETURNS TABLE (n bigint, csv text) LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET jit = off AS $$
	WITH col AS MATERIALIZED (
		SELECT * FROM flitmig._export_columns(mig, $2) c WHERE c.later IS NOT DISTINCT FROM late OR c.later IS NULL
	), row_of AS MATERIALIZED (
		SELECT row_number() OVER (ORDER BY o.position, t.sequence, t.id) AS n, t.id, t.payload
		FROM flitmig.record t JOIN flitmig.object_map o ON o.id = t.object_map_id
		WHERE t.migration_id = mig AND t.object = $2 AND t.state = 'mapped'
			AND (NOT late OR EXISTS (SELECT FROM col c WHERE c.later AND t.payload ->> c.key IS NOT NULL))
	), linked AS (	/* ids replaced by what the page looks for */
		SELECT p.n, jsonb_object_agg(l.key, l.value) AS doc
		FROM (SELECT r.n, c.key, r.payload ->> c.key AS id FROM row_of r CROSS JOIN (SELECT DISTINCT c.key FROM col c WHERE c.type = 'RELATION') c) p
		JOIN flitmig._export_links(mig, $2) l ON l.key = p.key AND l.id::text = p.id
		GROUP BY p.n
	), line AS (
		SELECT d.n, (SELECT string_agg(flitmig._export_cell(d.doc, c.key, c.type, c.path), ',' ORDER BY c.n) FROM col c) AS text
		FROM (SELECT r.n, r.payload || COALESCE(l.doc, '{}') || jsonb_build_object('id', r.id) AS doc
			  FROM row_of r LEFT JOIN linked l ON l.n = r.n OFFSET 0) d		/* once a record, not once a cell */
	)
	SELECT (l.n - 1) / 10000 + 1,		/* rows a file: of Twenty's import page */
		(SELECT string_agg(flitmig._export_cell(jsonb_build_object('h', c.header), 'h', 'TEXT', '{}'), ',' ORDER BY c.n) FROM col c)
			|| E'\r\n' || string_agg(l.text, E'\r\n' ORDER BY l.n) || E'\r\n'
	FROM line l
	WHERE (SELECT count(*) FROM col) > 1
	GROUP BY 1
$$;
COMMENT ON FUNCTION flitmig._export_files(integer, text, boolean) IS 'CSV files of an object: the records, or (late) their links to records that have to be there first';

CREATE FUNCTION @extschema@.flitmig_export(migration text, object text)
RETURNS TABLE (file_name text, csv text) LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	m		flitmig.migration := flitmig._migration_row(migration);
	known	text;
	loss	record;
BEGIN
	IF NOT EXISTS (SELECT FROM flitmig.record r WHERE r.migration_id = m.id AND r.object = flitmig_export.object AND r.state = 'mapped') THEN
		SELECT string_agg(DISTINCT r.object, ', ') INTO known FROM flitmig.record r WHERE r.migration_id = m.id AND r.state = 'mapped';
		RAISE EXCEPTION 'migration "%" has no mapped records of object "%"', m.name, flitmig_export.object
			USING ERRCODE = 'no_data_found',
				HINT = COALESCE('There are records of: ' || known || '.', format('They are mapped by: SELECT * FROM flitmig_prepare(%1$L); SELECT * FROM flitmig_sample(%1$L);', m.name));
	END IF;
	IF NOT EXISTS (SELECT FROM flitmig.live_field l WHERE l.migration_id = m.id AND l.object = flitmig_export.object) THEN
		RAISE EXCEPTION 'Twenty has no object "%" yet, as far as was read', flitmig_export.object
			USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = 'The import page knows columns by the labels of its fields.', HINT = format('SELECT * FROM flitmig_prepare(%L);', m.name);
	END IF;
	FOR loss IN SELECT * FROM flitmig._export_losses(m.id, flitmig_export.object) LOOP
		RAISE NOTICE '%', loss.message USING HINT = loss.hint;
	END LOOP;

	RETURN QUERY
	SELECT format('%s-%s-%s%s.csv', m.name, flitmig_export.object, CASE WHEN k.late THEN 'links-' END, f.n), f.csv
	FROM (VALUES (false), (true)) AS k(late), flitmig._export_files(m.id, flitmig_export.object, k.late) f
	ORDER BY k.late, f.n;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'the import page takes nothing of object "%"', flitmig_export.object
			USING ERRCODE = 'feature_not_supported', HINT = format('flitmig_run sends them: SELECT * FROM flitmig_run(%L);', m.name);
	END IF;
END $$;
COMMENT ON FUNCTION @extschema@.flitmig_export(text, text)
IS 'The mapped records of a Twenty object as CSV for Twenty''s own import page: at most 10,000 rows a file, columns named by the fields'' labels, what a record points at by a unique field of the other ("Company / Domain Name / Link URL") or its id. Files named links are for last: the page sets a link only to a record that is there. It works outside the call limit, but is no part of journal, diff or rollback';
