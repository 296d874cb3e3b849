/* mapping: what stands behind {entity} and the other placeholders of a map. */

CREATE FUNCTION flitmig._staged_columns(mig integer, entity text)
RETURNS TABLE (canonical text, staged text[], header text[]) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT c.key, array_agg(a.attname::text ORDER BY w.n) FILTER (WHERE a.attname IS NOT NULL),
		array_agg(w.header ORDER BY w.n) FILTER (WHERE a.attname IS NOT NULL)
	FROM flitmig.migration m
	CROSS JOIN LATERAL jsonb_each(m.profile_doc#>ARRAY['entities', entity, 'columns']) c
	CROSS JOIN LATERAL (
		SELECT x.name, min(x.header) AS header, min(x.n) AS n
		FROM (SELECT c.key AS name, c.key AS header, 0 AS n
			  UNION ALL
			  SELECT flitmig._column_name(h.header), h.header, h.n
			  FROM jsonb_array_elements_text(c.value) WITH ORDINALITY h(header, n)
			  WHERE h.header NOT LIKE 'label:%') x
		GROUP BY x.name) w
	LEFT JOIN pg_attribute a ON a.attrelid = to_regclass(format('%I.%I', m.staging_schema, entity))
		AND a.attname = w.name AND a.attnum > 0 AND NOT a.attisdropped
	WHERE m.id = mig
	GROUP BY c.key
$$;
COMMENT ON FUNCTION flitmig._staged_columns(mig integer, entity text) IS 'A profile''s columns of an entity and the staged columns that they are read from, first match first; staged is NULL when the export has none';

CREATE FUNCTION flitmig._unknown_columns(mig integer, entity text)
RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT a.attname::text
	FROM flitmig.migration m
	JOIN pg_attribute a ON a.attrelid = to_regclass(format('%I.%I', m.staging_schema, entity)) AND a.attnum > 0 AND NOT a.attisdropped
	WHERE m.id = mig AND a.attname NOT IN ('_file', '_line', '_hash')
		AND NOT EXISTS (SELECT FROM flitmig._staged_columns(mig, entity) c WHERE a.attname = ANY (c.staged))
		AND NOT EXISTS (SELECT FROM jsonb_array_elements_text(flitmig._array_of(m.profile_doc#>ARRAY['entities', entity, 'drop'])) d
						WHERE flitmig._column_name(d) = a.attname)
	ORDER BY a.attnum
$$;
COMMENT ON FUNCTION flitmig._unknown_columns(mig integer, entity text) IS 'Staged columns of an entity that the profile neither maps nor drops';

/* The name is known before a row is read: each file's label is a constant. */
CREATE FUNCTION flitmig._label_sql(mig integer, entity text, label text, pattern text)
RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce('CASE t._file ' || string_agg(format('WHEN %s THEN %L', f.id, v.value), ' ' ORDER BY f.id) || ' END', 'NULL')
	FROM flitmig.source_file f
	CROSS JOIN LATERAL (SELECT nullif(coalesce(f.labels->>label, (regexp_match(f.name, pattern, 'i'))[1]), '') AS value) v
	WHERE f.migration_id = mig AND f.staging_table = entity AND f.superseded_by IS NULL AND v.value IS NOT NULL
$$;
COMMENT ON FUNCTION flitmig._label_sql(mig integer, entity text, label text, pattern text) IS 'What a row''s file says by its name (first group of the pattern), or by flitmig.source_file.labels where somebody wrote it there';

/*
 * The live rows of an entity as a subquery with the profile's columns. Blank
 * cells are NULL here: whether an exporter quotes them is nothing that a
 * mapping should see.
 */
CREATE FUNCTION flitmig._entity_sql(mig integer, entity text)
RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	m		flitmig.migration := (SELECT x FROM flitmig.migration x WHERE x.id = mig);
	staged	regclass := to_regclass(format('%I.%I', m.staging_schema, entity));
	files	integer[] := ARRAY(SELECT f.id FROM flitmig.source_file f
							   WHERE f.migration_id = mig AND f.staging_table = entity AND f.superseded_by IS NULL ORDER BY f.id);
	cells	text;
	extra	text := 'NULL::jsonb';
	labelled boolean := EXISTS (SELECT FROM flitmig.source_file f WHERE f.id = ANY (files) AND f.labels <> '{}');
BEGIN
	PERFORM flitmig._require_owner_rights(mig);
	IF entity = '_files' THEN
		/* what was imported and is no table: for attachments that only their folder or name ties to something */
		RETURN format($sql$(SELECT f.id AS _file, 1::bigint AS _line, hashtextextended(f.name, 0) AS _hash, NULL::jsonb AS _extra, f.name AS path,
	regexp_replace(f.name, '[^/!]*$', '') AS folder, regexp_replace(f.name, '^.*[/!]', '') AS file_name, f.bytes::text AS bytes
	FROM flitmig.source_file f WHERE f.migration_id = %s AND f.superseded_by IS NULL AND f.format = 'file')$sql$, mig);
	END IF;
	SELECT string_agg(format(', %s AS %I',
			CASE cardinality(v.candidates) WHEN 0 THEN 'NULL::text' WHEN 1 THEN v.candidates[1]
				ELSE format('coalesce(%s)', array_to_string(v.candidates, ', ')) END, c.canonical), '' ORDER BY c.canonical)
	INTO cells
	FROM flitmig._staged_columns(mig, entity) c
	CROSS JOIN LATERAL (
		SELECT ARRAY(SELECT format('nullif(t.%I, '''')', n) FROM unnest(c.staged) WITH ORDINALITY u(n, position) ORDER BY position)
			|| ARRAY(SELECT format('(f.labels->>%L)', substr(h, 7))
					 FROM jsonb_array_elements_text(flitmig._array_of(m.profile_doc#>ARRAY['entities', entity, 'columns', c.canonical])) WITH ORDINALITY u(h, position)
					 WHERE labelled AND h LIKE 'label:%' ORDER BY position) AS candidates) v;
	SELECT coalesce(cells, '') || coalesce(string_agg(format(', %s::text AS %I', flitmig._label_sql(mig, entity, l.key, l.value), l.key), '' ORDER BY l.key), '')
	INTO cells
	FROM jsonb_each_text(flitmig._object_of(m.profile_doc#>ARRAY['entities', entity, 'labels'])) l;
	IF staged IS NULL THEN
		RETURN format('(SELECT NULL::integer AS _file, NULL::bigint AS _line, NULL::bigint AS _hash, NULL::jsonb AS _extra, NULL::jsonb AS _labels%s WHERE false)', cells);
	END IF;
	IF m.profile_doc#>>ARRAY['entities', entity, 'unmapped'] IN ('collect', 'fields') THEN
		SELECT 'nullif(' || flitmig._build_object(array_agg(u), array_agg(format('nullif(t.%I, '''')', u))) || ', ''{}'')' INTO extra
		FROM flitmig._unknown_columns(mig, entity) u HAVING count(*) > 0;
	END IF;
	/* Where a map asks for no label the planner leaves the join away. */
	RETURN format('(SELECT t._file, t._line, t._hash, %s AS _extra, %s AS _labels%s FROM %s t%s WHERE t._file = ANY (%L::integer[]))',
				  coalesce(extra, 'NULL::jsonb'), CASE WHEN labelled THEN 'f.labels' ELSE 'NULL::jsonb' END, cells,
				  format('%I.%I', m.staging_schema, entity),
				  CASE WHEN labelled THEN ' LEFT JOIN flitmig.source_file f ON f.id = t._file' ELSE '' END, files);
END
$$;
COMMENT ON FUNCTION flitmig._entity_sql(mig integer, entity text) IS 'A subquery: the live rows of an entity under the profile''s column names; _files: the imported files that are no tables';

CREATE FUNCTION flitmig._date_order(mig integer, entity text, col text)
RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(m.date_order,
		(SELECT c.date_order
		 FROM flitmig._staged_columns(mig, entity) s
		 CROSS JOIN LATERAL unnest(s.staged) WITH ORDINALITY u(name, n)
		 JOIN flitmig.column_census c ON c.migration_id = mig AND c.staging_table = entity AND c.column_name = u.name
		 WHERE s.canonical = col AND c.date_order IS NOT NULL
		 ORDER BY u.n LIMIT 1))
	FROM flitmig.migration m WHERE m.id = mig
$$;
COMMENT ON FUNCTION flitmig._date_order(mig integer, entity text, col text) IS 'How a column''s ambiguous dates are read: as the migration says, else as its own values show; NULL: only unambiguous ones are read';

CREATE FUNCTION flitmig._expand(mig integer, expression text)
RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	m		flitmig.migration := (SELECT x FROM flitmig.migration x WHERE x.id = mig);
	result	text := expression;
	word	text;
	part	text;
BEGIN
	PERFORM flitmig._require_owner_rights(mig);
	FOR word IN SELECT p FROM flitmig._placeholders(expression) p LOOP
		part := CASE
			WHEN word = 'country' THEN quote_literal(m.country)
			WHEN word = 'currency' THEN quote_literal(m.currency)
			WHEN word = 'time_zone' THEN quote_literal(m.time_zone)
			WHEN word LIKE 'order %' THEN coalesce(quote_literal(
				flitmig._date_order(mig, substring(word FROM '^order ([^.]+)'), substring(word FROM '\.(.+)$'))), 'NULL::text')
			WHEN word = '_files' OR m.profile_doc->'entities' ? word THEN flitmig._entity_sql(mig, word)
		END;
		IF part IS NULL THEN
			RAISE EXCEPTION USING ERRCODE = 'undefined_object',
				MESSAGE = format('{%s} is neither an entity of the profile nor a setting', word),
				HINT = format('Entities: %s. Settings: {country}, {currency}, {time_zone}, {order entity.column}.',
							  (SELECT string_agg(k, ', ' ORDER BY k) FROM jsonb_object_keys(m.profile_doc->'entities') k));
		END IF;
		result := replace(result, '{' || word || '}', part);
	END LOOP;
	RETURN result;
END
$$;
COMMENT ON FUNCTION flitmig._expand(mig integer, expression text) IS 'An expression or source with its placeholders filled in';

CREATE FUNCTION flitmig._places(mig integer, files integer[], lines bigint[])
RETURNS text[] LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(array_agg(format('%s:%s', f.name, p.line) ORDER BY p.n), '{}')
	FROM unnest(files, lines) WITH ORDINALITY p(file, line, n)
	JOIN flitmig.source_file f ON f.id = p.file AND f.migration_id = mig
$$;
COMMENT ON FUNCTION flitmig._places(mig integer, files integer[], lines bigint[]) IS 'Places as file:line';
