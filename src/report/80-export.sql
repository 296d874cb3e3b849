/*
 * export: the mapped records of an object as CSV for Twenty's own import page,
 * which works outside the call limit (TWENTY.md 8): columns are matched by
 * label, a file has at most 10,000 rows.
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
		('LINKS', 1, 'Link Label', '{primaryLinkLabel}'), ('LINKS', 2, 'Link URL', '{primaryLinkUrl}'),
		('RICH_TEXT', 1, 'Markdown', '{markdown}'), ('RICH_TEXT_V2', 1, 'Markdown', '{markdown}')) AS p(type, n, label, path)
	WHERE p.type = $1
	UNION ALL
	SELECT 1, NULL, '{}'
	WHERE $1 NOT IN ('FULL_NAME', 'EMAILS', 'PHONES', 'ADDRESS', 'CURRENCY', 'LINKS', 'RICH_TEXT', 'RICH_TEXT_V2', 'ACTOR', 'FILES')
$$;
COMMENT ON FUNCTION flitmig._export_parts(text) IS 'Columns of the import page that a field type has, and where its JSON keeps them; none for types that the page cannot take';

CREATE FUNCTION flitmig._export_columns(mig integer, object text)
RETURNS TABLE (n bigint, header text, key text, type text, path text[]) LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT row_number() OVER (ORDER BY k.key <> 'id', l.label, p.n),
		CASE WHEN k.key = 'id' THEN 'Id'
			WHEN l.join_column = k.key THEN l.label || ' / Id'
			ELSE concat_ws(' / ', l.label, p.label) END,
		k.key, CASE WHEN l.join_column = k.key OR k.key = 'id' THEN 'UUID' ELSE l.type END, COALESCE(p.path, '{}')
	FROM (SELECT 'id' AS key
		  UNION
		  SELECT jsonb_object_keys(r.payload) FROM flitmig.record r
		  WHERE r.migration_id = mig AND r.object = $2 AND r.state = 'mapped') k
	LEFT JOIN flitmig.live_field l ON l.migration_id = mig AND l.object = $2 AND k.key IN (l.name, l.join_column)
	LEFT JOIN LATERAL flitmig._export_parts(CASE WHEN l.join_column = k.key THEN 'UUID' ELSE l.type END) p ON true
	WHERE k.key = 'id' OR p.n IS NOT NULL
$$;
COMMENT ON FUNCTION flitmig._export_columns(integer, text) IS 'Headers for the import page and the place of each in a record''s payload';

CREATE FUNCTION flitmig._export_cell(payload jsonb, key text, type text, path text[])
RETURNS text LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN v.text ~ '[",\r\n]' OR v.text <> btrim(v.text) THEN '"' || replace(v.text, '"', '""') || '"' ELSE COALESCE(v.text, '') END
	FROM (SELECT CASE
			/* The page takes units, the API millionths. */
			WHEN type = 'CURRENCY' AND path = '{amountMicros}' THEN trim_scale((payload->key->>'amountMicros')::numeric / 1000000)::text
			ELSE (payload->key) #>> path END AS text) v
$$;
COMMENT ON FUNCTION flitmig._export_cell(jsonb, text, text, text[]) IS 'One CSV cell, quoted where it must be; lists as JSON';

CREATE FUNCTION @extschema@.flitmig_export(migration text, object text)
RETURNS TABLE (file_name text, csv text) LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	m			flitmig.migration := flitmig._migration_row(migration);
	page_rows	constant integer := 10000;		-- of Twenty's import page
	known		text;
BEGIN
	IF NOT EXISTS (SELECT FROM flitmig.record r WHERE r.migration_id = m.id AND r.object = flitmig_export.object AND r.state = 'mapped') THEN
		SELECT string_agg(DISTINCT r.object, ', ') INTO known FROM flitmig.record r WHERE r.migration_id = m.id AND r.state = 'mapped';
		RAISE EXCEPTION 'migration "%" has no mapped records of object "%"', m.name, flitmig_export.object
			USING ERRCODE = 'no_data_found',
				HINT = COALESCE('There are records of: ' || known || '.', format('They are mapped by: SELECT * FROM flitmig_prepare(%1$L); SELECT * FROM flitmig_sample(%1$L);', m.name));
	END IF;

	RETURN QUERY
	WITH col AS MATERIALIZED (
		SELECT * FROM flitmig._export_columns(m.id, flitmig_export.object)
	), line AS (
		SELECT r.n, (
			SELECT string_agg(flitmig._export_cell(r.payload || jsonb_build_object('id', r.id), c.key, c.type, c.path), ',' ORDER BY c.n) FROM col c) AS text
		FROM (SELECT row_number() OVER (ORDER BY o.position, t.sequence, t.id) AS n, t.id, t.payload
			  FROM flitmig.record t JOIN flitmig.object_map o ON o.id = t.object_map_id
			  WHERE t.migration_id = m.id AND t.object = flitmig_export.object AND t.state = 'mapped') r
	)
	SELECT format('%s-%s-%s.csv', m.name, flitmig_export.object, (l.n - 1) / page_rows + 1),
		(SELECT string_agg(flitmig._export_cell(jsonb_build_object('h', c.header), 'h', 'TEXT', '{}'), ',' ORDER BY c.n) FROM col c)
			|| E'\r\n' || string_agg(l.text, E'\r\n' ORDER BY l.n) || E'\r\n'
	FROM line l
	GROUP BY (l.n - 1) / page_rows
	ORDER BY (l.n - 1) / page_rows;
END $$;
COMMENT ON FUNCTION @extschema@.flitmig_export(text, text)
IS 'The mapped records of a Twenty object as CSV for Twenty''s own import page, at most 10,000 rows a file, columns named by the fields'' labels. The page works outside the call limit, but is no part of journal, diff or rollback';
