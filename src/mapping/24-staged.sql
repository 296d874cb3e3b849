/* mapping: what stands behind {entity} and the other placeholders of a map. */

CREATE FUNCTION flitmig._entity_doc(mig integer, entity text)
RETURNS jsonb LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT flitmig._object_of(m.profile_doc#>ARRAY['entities', entity]) FROM flitmig.migration m WHERE m.id = mig);
END
$$;
COMMENT ON FUNCTION flitmig._entity_doc(mig integer, entity text) IS 'What a migration''s profile says of an entity';

/* An entity that is made "of" another has no staging table of its own. */
CREATE FUNCTION flitmig._staged_as(mig integer, entity text)
RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT coalesce(m.profile_doc#>>ARRAY['entities', entity, 'of'], entity) FROM flitmig.migration m WHERE m.id = mig);
END
$$;
COMMENT ON FUNCTION flitmig._staged_as(mig integer, entity text) IS 'The staging table that the rows of an entity come from';

CREATE FUNCTION flitmig._staged_table(mig integer, entity text)
RETURNS regclass LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN (SELECT to_regclass(quote_ident(m.staging_schema) || '.' || quote_ident(coalesce(m.profile_doc#>>ARRAY['entities', entity, 'of'], entity)))
			FROM flitmig.migration m WHERE m.id = mig);
END
$$;
COMMENT ON FUNCTION flitmig._staged_table(mig integer, entity text) IS 'As _staged_as, as a table; NULL when nothing of the kind was imported';

/*
 * A spelling with # stands for the same column of a group that repeats in one
 * row (Repeat.1.Date, Repeat.2.Date; primary_payer, secondary_payer): # is a
 * number, or a word of the entity's "repeat".  The name of a column is that of
 * its header, with # in the place of the number.
 */
CREATE FUNCTION flitmig._repeat_pattern(header text, words text[])
RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT '^' || CASE WHEN p.name LIKE 'zqz%' THEN '(?:c_)?' ELSE '' END
		|| replace(p.name, 'zqz', '(' || coalesce((SELECT string_agg(flitmig._column_name(w), '|') FROM unnest(words) w), '[0-9]+') || ')') || '$'
	FROM (SELECT flitmig._column_name(replace(header, '#', 'zqz')) AS name) p
$$;
COMMENT ON FUNCTION flitmig._repeat_pattern(header text, words text[]) IS 'A regular expression for the column names that a header with # stands for; its group is what # is';

CREATE FUNCTION flitmig._repeats(mig integer, entity text)
RETURNS TABLE (canonical text, staged text, header text, n text, place bigint) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT c.key, a.attname::text, replace(h.header, '#', m.n), m.n,
		coalesce(array_position(w.words, m.n), CASE WHEN m.n ~ '^[0-9]{1,9}$' THEN m.n::integer END, 0)
	FROM (SELECT flitmig._entity_doc(mig, entity) AS doc) e
	CROSS JOIN LATERAL (SELECT array_agg(flitmig._column_name(r)) AS words FROM jsonb_array_elements_text(flitmig._array_of(e.doc->'repeat')) r) w
	CROSS JOIN LATERAL jsonb_each(flitmig._object_of(e.doc->'columns')) c
	CROSS JOIN LATERAL jsonb_array_elements_text(flitmig._array_of(c.value)) h(header)
	JOIN pg_attribute a ON a.attrelid = flitmig._staged_table(mig, entity) AND a.attnum > 0 AND NOT a.attisdropped
	CROSS JOIN LATERAL (SELECT (regexp_match(a.attname, flitmig._repeat_pattern(h.header, w.words)))[1] AS n) m
	WHERE e.doc ? 'of' AND h.header LIKE '%#%' AND m.n IS NOT NULL
	ORDER BY 5, 4, a.attnum
$$;
COMMENT ON FUNCTION flitmig._repeats(mig integer, entity text) IS 'The staged columns of groups that repeat in a row: n is what tells the groups apart, place their order';

CREATE FUNCTION flitmig._staged_columns(mig integer, entity text)
RETURNS TABLE (canonical text, staged text[], header text[]) LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	doc			jsonb := flitmig._entity_doc(mig, entity);
	table_id	regclass := flitmig._staged_table(mig, entity);
BEGIN
	RETURN QUERY
	WITH repeated AS MATERIALIZED (SELECT r.* FROM flitmig._repeats(mig, entity) r WHERE doc ? 'of')
	SELECT c.key, array_agg(a.attname::text ORDER BY w.n) FILTER (WHERE a.attname IS NOT NULL),
		array_agg(w.header ORDER BY w.n) FILTER (WHERE a.attname IS NOT NULL)
	FROM jsonb_each(flitmig._object_of(doc->'columns')) c
	CROSS JOIN LATERAL (
		SELECT x.name, min(x.header) AS header, min(x.n) AS n
		FROM (SELECT c.key AS name, c.key AS header, 0 AS n
			  UNION ALL
			  SELECT flitmig._column_name(h.header), h.header, h.n
			  FROM jsonb_array_elements_text(flitmig._array_of(c.value)) WITH ORDINALITY h(header, n)
			  WHERE h.header NOT LIKE 'label:%' AND NOT (doc ? 'of' AND h.header LIKE '%#%')
			  UNION ALL
			  SELECT r.staged, r.header, r.place + 1000000 FROM repeated r WHERE r.canonical = c.key) x
		GROUP BY x.name) w
	LEFT JOIN pg_attribute a ON a.attrelid = table_id
		AND a.attname = w.name AND a.attnum > 0 AND NOT a.attisdropped
	GROUP BY c.key;
END
$$;
COMMENT ON FUNCTION flitmig._staged_columns(mig integer, entity text) IS 'A profile''s columns of an entity and the staged columns that they are read from, first match first; staged is NULL when the export has none';

/*
 * A table that somebody has renamed would be taken for an export without it,
 * and a column for one that was always empty: the next delta would then empty
 * those fields in Twenty.
 */
CREATE FUNCTION flitmig._require_staged(mig integer, entity text)
RETURNS void LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	doc			jsonb := flitmig._entity_doc(mig, entity);
	staged_as	text := coalesce(doc->>'of', entity);
	table_id	regclass := flitmig._staged_table(mig, entity);
	m			flitmig.migration;
	lost		text;
BEGIN
	SELECT * INTO m FROM flitmig.migration WHERE id = mig;
	WITH staged AS MATERIALIZED (
		SELECT DISTINCT c.name
		FROM flitmig.source_file f, unnest(f.columns) c(name)
		WHERE f.migration_id = mig AND f.staging_table = staged_as AND f.superseded_by IS NULL AND f.rows_loaded > 0
			/* what was purged is gone on purpose */
			AND (m.options->>'purged_at' IS NULL OR f.imported_at > (m.options->>'purged_at')::timestamptz))
	SELECT string_agg(s.name, ', ' ORDER BY s.name) INTO lost
	FROM staged s
	WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = table_id AND a.attname = s.name AND a.attnum > 0 AND NOT a.attisdropped)
		AND (table_id IS NULL
			 OR s.name IN (SELECT c.key FROM jsonb_each(flitmig._object_of(doc->'columns')) c
						   UNION
						   SELECT flitmig._column_name(h) FROM jsonb_each(flitmig._object_of(doc->'columns')) c, jsonb_array_elements_text(flitmig._array_of(c.value)) h WHERE h NOT LIKE 'label:%'));
	IF lost IS NULL THEN
		RETURN;
	ELSIF table_id IS NULL THEN
		RAISE EXCEPTION 'staging table "%" of migration "%" is not there any more', staged_as, m.name
			USING ERRCODE = 'undefined_table', DETAIL = format('Rows were imported into %I.%I.', m.staging_schema, staged_as),
				  HINT = format('Give it back its name and schema:  ALTER TABLE … RENAME TO %I;   or drop the migration and import anew.', staged_as);
	END IF;
	RAISE EXCEPTION 'staging table "%" of migration "%" has lost columns that the mapping reads', staged_as, m.name
		USING ERRCODE = 'undefined_column', DETAIL = format('Missing: %s.', lost),
			  HINT = format('Give them back their names:  ALTER TABLE %I.%I RENAME COLUMN … TO …;   what shall not be moved is left out by the map.', m.staging_schema, staged_as);
END
$$;
COMMENT ON FUNCTION flitmig._require_staged(mig integer, entity text) IS 'Error when a staging table, or a column of it that the profile knows, is not there any more though rows were imported into it';

/* Names in rows (field_id, field_value) are columns that only the rows tell of. */
CREATE FUNCTION flitmig._unknown_names(mig integer, entity text)
RETURNS SETOF text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	doc		jsonb := flitmig._entity_doc(mig, entity);
BEGIN
	RETURN QUERY EXECUTE format($sql$
SELECT DISTINCT u.name FROM (SELECT flitmig._column_name(t.%I) AS name FROM %s t WHERE t.%I IS NOT NULL) u
WHERE u.name <> ALL (%L::text[]) ORDER BY 1$sql$, doc#>>'{fold,name}', flitmig._entity_sql(mig, doc->>'of'), doc#>>'{fold,value}',
		ARRAY(SELECT c.key FROM jsonb_each(doc->'columns') c
			  UNION SELECT flitmig._column_name(h) FROM jsonb_each(doc->'columns') c, jsonb_array_elements_text(c.value) h
			  UNION SELECT flitmig._column_name(d) FROM jsonb_array_elements_text(flitmig._array_of(doc->'drop')) d));
END
$$;
COMMENT ON FUNCTION flitmig._unknown_names(mig integer, entity text) IS 'Names in the rows of a folded entity that the profile neither maps nor drops';

CREATE FUNCTION flitmig._unknown_columns(mig integer, entity text)
RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	WITH known AS MATERIALIZED (		/* its own columns, and those of what is made of it */
		SELECT unnest(c.staged) AS name
		FROM flitmig.migration m
		CROSS JOIN LATERAL jsonb_each(flitmig._object_of(m.profile_doc->'entities')) e
		CROSS JOIN LATERAL flitmig._staged_columns(mig, e.key) c
		WHERE m.id = mig AND (e.key = entity OR e.value->>'of' = entity AND NOT e.value ? 'fold'))
	SELECT x.name FROM (
		SELECT a.attname::text AS name, a.attnum AS n
		FROM flitmig.migration m
		JOIN pg_attribute a ON a.attrelid = to_regclass(format('%I.%I', m.staging_schema, entity)) AND a.attnum > 0 AND NOT a.attisdropped
		WHERE m.id = mig AND a.attname NOT IN ('_file', '_line', '_hash')
			AND NOT EXISTS (SELECT FROM known k WHERE k.name = a.attname)
			AND NOT EXISTS (SELECT FROM jsonb_array_elements_text(flitmig._array_of(m.profile_doc#>ARRAY['entities', entity, 'drop'])) d
							WHERE flitmig._column_name(d) = a.attname)
		UNION ALL
		SELECT u.name, u.n FROM flitmig._unknown_names(mig, entity) WITH ORDINALITY u(name, n)
		WHERE flitmig._entity_doc(mig, entity) ? 'fold' AND flitmig._staged_table(mig, entity) IS NOT NULL) x
	ORDER BY x.n
$$;
COMMENT ON FUNCTION flitmig._unknown_columns(mig integer, entity text) IS 'Staged columns of an entity (of a folded one: names in its rows) that the profile neither maps nor drops';

/* The name is known before a row is read: each file's label is a constant. */
CREATE FUNCTION flitmig._label_sql(mig integer, entity text, label text, pattern text)
RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce('CASE t._file ' || string_agg(format('WHEN %s THEN %L', f.id, v.value), ' ' ORDER BY f.id) || ' END', 'NULL')
	FROM flitmig.source_file f
	CROSS JOIN LATERAL (SELECT nullif(coalesce(f.labels->>label, (regexp_match(f.name, pattern, 'i'))[1]), '') AS value) v
	WHERE f.migration_id = mig AND f.staging_table = (SELECT flitmig._staged_as(mig, entity)) AND f.superseded_by IS NULL AND v.value IS NOT NULL
$$;
COMMENT ON FUNCTION flitmig._label_sql(mig integer, entity text, label text, pattern text) IS 'What a row''s file says by its name (first group of the pattern), or by flitmig.source_file.labels where somebody wrote it there';

/*
 * Rows that are the columns of one thing (field_id, field_value) as one row a
 * thing, with a column for each name.  What stands twice under a name stands
 * in one cell, line by line.
 */
CREATE FUNCTION flitmig._folded_sql(mig integer, entity text)
RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	doc		jsonb := flitmig._entity_doc(mig, entity);
	by_list	text[] := ARRAY(SELECT quote_ident(b) FROM jsonb_array_elements_text(doc#>'{fold,by}') b);
	cell	text := format('string_agg(t.%I, E''\n'' ORDER BY t._file, t._line)', doc#>>'{fold,value}');
	cells	text;
	extra	text := 'NULL::jsonb';
BEGIN
	SELECT coalesce(string_agg(format(', %s FILTER (WHERE t._name = ANY (%L::text[])) AS %I', cell,
			ARRAY(SELECT c.key UNION SELECT flitmig._column_name(h) FROM jsonb_array_elements_text(c.value) h), c.key), '' ORDER BY c.key), '')
	INTO cells
	FROM jsonb_each(doc->'columns') c WHERE NOT quote_ident(c.key) = ANY (by_list);
	IF doc->>'unmapped' = 'collect' THEN
		extra := format('(SELECT jsonb_object_agg(x.name, x.value) FROM (SELECT u.name, string_agg(u.value, E''\n'' ORDER BY u.n) AS value FROM unnest(array_agg(t._name ORDER BY t._file, t._line), array_agg(t.%I ORDER BY t._file, t._line)) WITH ORDINALITY u(name, value, n) WHERE u.name = ANY (%L::text[]) AND u.value IS NOT NULL GROUP BY 1) x)',
						doc#>>'{fold,value}', ARRAY(SELECT flitmig._unknown_names(mig, entity)));
	END IF;
	RETURN format($sql$(SELECT (array_agg(t._file ORDER BY t._file, t._line))[1] AS _file, (array_agg(t._line ORDER BY t._file, t._line))[1] AS _line,
	hashtextextended(string_agg(t._hash::text, ' ' ORDER BY t._file, t._line), 0) AS _hash, %s AS _extra, NULL::jsonb AS _labels%s%s
	FROM (SELECT u.*, flitmig._column_name(u.%I) AS _name FROM %s u) t GROUP BY %s)$sql$,
		extra, (SELECT string_agg(', t.' || b, '') FROM unnest(by_list) b), cells,
		doc#>>'{fold,name}', flitmig._entity_sql(mig, doc->>'of'), (SELECT string_agg('t.' || b, ', ') FROM unnest(by_list) b));
END
$$;
COMMENT ON FUNCTION flitmig._folded_sql(mig integer, entity text) IS 'A subquery: the rows of a folded entity';

/* A cell as mapping sees it. The census knows which columns have cells that Excel was to take for text, and which have words for none. */
CREATE FUNCTION flitmig._cell_sql(mig integer, staged_as text, col text)
RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format(CASE WHEN x.shapes ? 'null_word' THEN $sql$CASE WHEN t.%1$I NOT IN ('', '\N', 'NULL', 'null', 'NaN', 'nan', 'NaT', '<NA>', '<null>', '(null)') THEN %2$s END$sql$ ELSE $sql$nullif(%2$s, '')$sql$ END,
		col, format(CASE WHEN x.shapes ? 'forced_text' THEN 'flitmig.forced_text(t.%I)' ELSE 't.%I' END, col))
	FROM (SELECT coalesce((SELECT c.shapes FROM flitmig.column_census c WHERE c.migration_id = mig AND c.staging_table = staged_as AND c.column_name = col), '{}') AS shapes) x
$$;
COMMENT ON FUNCTION flitmig._cell_sql(mig integer, staged_as text, col text) IS 'SQL of a staged cell (of t): NULL when blank, or when it is a word for none in a column that has such, 0001 when it stands in the file as ="0001"';

/* Groups without a single cell are none. */
CREATE FUNCTION flitmig._repeats_sql(mig integer, entity text)
RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	doc		jsonb := flitmig._entity_doc(mig, entity);
	names	text[] := ARRAY(SELECT DISTINCT c.key FROM jsonb_each(flitmig._object_of(doc->'columns')) c, jsonb_array_elements_text(flitmig._array_of(c.value)) h
							WHERE doc ? 'of' AND h LIKE '%#%' ORDER BY 1);
	rows	text;
BEGIN
	IF names = '{}' THEN
		RETURN '';
	END IF;
	SELECT string_agg(r.row, ', ' ORDER BY r.place, r.n) INTO rows
	FROM (SELECT g.n, g.place, format('(%L, %s)', g.n, string_agg(coalesce(c.cell, 'NULL'), ', ' ORDER BY u.position)) AS row
		  FROM (SELECT DISTINCT r.n, r.place FROM flitmig._repeats(mig, entity) r) g
		  CROSS JOIN unnest(names) WITH ORDINALITY u(name, position)
		  CROSS JOIN LATERAL (SELECT format('coalesce(%s, NULL)', string_agg(flitmig._cell_sql(mig, doc->>'of', r.staged), ', ')) AS cell
							  FROM flitmig._repeats(mig, entity) r WHERE r.n = g.n AND r.canonical = u.name) c
		  GROUP BY g.n, g.place) r;
	RETURN format(' CROSS JOIN LATERAL (SELECT v.* FROM (VALUES %s) v(_n, %s) WHERE %s) g',
		coalesce(rows, format('(NULL::text, %s)', (SELECT string_agg('NULL::text', ', ') FROM unnest(names)))),
		(SELECT string_agg(quote_ident(n), ', ') FROM unnest(names) n), (SELECT string_agg(format('v.%I IS NOT NULL', n), ' OR ') FROM unnest(names) n));
END
$$;
COMMENT ON FUNCTION flitmig._repeats_sql(mig integer, entity text) IS 'A join that makes one row of each group of columns that repeats in a row; empty for an entity without any';

/* What was imported and is no table: for attachments that only their folder or name ties to something. */
CREATE FUNCTION flitmig._files_sql(mig integer)
RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format($sql$(SELECT f.id AS _file, 1::bigint AS _line, hashtextextended(f.name, 0) AS _hash, NULL::jsonb AS _extra, f.name AS path,
	regexp_replace(f.name, '[^/!]*$', '') AS folder, regexp_replace(f.name, '^.*[/!]', '') AS file_name, f.bytes::text AS bytes
	FROM flitmig.source_file f WHERE f.migration_id = %s AND f.superseded_by IS NULL AND f.format = 'file')$sql$, mig)
$$;
COMMENT ON FUNCTION flitmig._files_sql(mig integer) IS 'A subquery: the imported files that are no tables';

/*
 * The live rows of an entity as a subquery with the profile's columns. Blank
 * cells are NULL here: whether an exporter quotes them is nothing that a
 * mapping should see.
 */
CREATE FUNCTION flitmig._entity_sql(mig integer, entity text)
RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	doc		jsonb := flitmig._entity_doc(mig, entity);
	staging	regclass := flitmig._staged_table(mig, entity);
	staged_as text := coalesce(doc->>'of', entity);
	files	integer[] := ARRAY(SELECT f.id FROM flitmig.source_file f
							   WHERE f.migration_id = mig AND f.staging_table = staged_as AND f.superseded_by IS NULL ORDER BY f.id);
	cells	text;
	extra	text := 'NULL::jsonb';
	labelled boolean := EXISTS (SELECT FROM flitmig.source_file f WHERE f.id = ANY (files) AND f.labels <> '{}');
	repeats	text := CASE WHEN doc ? 'of' THEN flitmig._repeats_sql(mig, entity) ELSE '' END;
BEGIN
	PERFORM flitmig._require_owner_rights(mig);
	IF entity = '_files' THEN
		RETURN flitmig._files_sql(mig);
	END IF;
	PERFORM flitmig._require_staged(mig, entity);
	IF doc ? 'fold' AND staging IS NOT NULL THEN
		RETURN flitmig._folded_sql(mig, entity);
	END IF;
	SELECT string_agg(format(', %s AS %I',
			CASE WHEN v.repeats AND staging IS NOT NULL THEN format('g.%I', c.canonical)
				WHEN cardinality(v.candidates) = 0 THEN 'NULL::text' WHEN cardinality(v.candidates) = 1 THEN v.candidates[1]
				ELSE format('coalesce(%s)', array_to_string(v.candidates, ', ')) END, c.canonical), '' ORDER BY c.canonical)
	INTO cells
	FROM flitmig._staged_columns(mig, entity) c
	CROSS JOIN LATERAL (
		SELECT ARRAY(SELECT flitmig._cell_sql(mig, staged_as, n) FROM unnest(c.staged) WITH ORDINALITY u(n, position) ORDER BY position)
			|| ARRAY(SELECT format('(f.labels->>%L)', substr(h, 7))
					 FROM jsonb_array_elements_text(flitmig._array_of(doc#>ARRAY['columns', c.canonical])) WITH ORDINALITY u(h, position)
					 WHERE labelled AND h LIKE 'label:%' ORDER BY position) AS candidates,
			EXISTS (SELECT FROM jsonb_array_elements_text(flitmig._array_of(doc#>ARRAY['columns', c.canonical])) h WHERE doc ? 'of' AND h LIKE '%#%') AS repeats) v;
	SELECT coalesce(cells, '') || coalesce(string_agg(format(', %s::text AS %I', flitmig._label_sql(mig, entity, l.key, l.value), l.key), '' ORDER BY l.key), '')
	INTO cells
	FROM jsonb_each_text(flitmig._object_of(doc->'labels')) l;
	IF doc ? 'of' THEN
		cells := CASE WHEN repeats = '' THEN ', NULL::text AS _n' ELSE ', g._n' END || cells;
	END IF;
	IF staging IS NULL THEN
		RETURN format('(SELECT NULL::integer AS _file, NULL::bigint AS _line, NULL::bigint AS _hash, NULL::jsonb AS _extra, NULL::jsonb AS _labels%s WHERE false)', cells);
	END IF;
	IF doc->>'unmapped' IN ('collect', 'fields') THEN
		SELECT 'nullif(' || flitmig._build_object(array_agg(u), array_agg(flitmig._cell_sql(mig, staged_as, u))) || ', ''{}'')' INTO extra
		FROM flitmig._unknown_columns(mig, entity) u HAVING count(*) > 0;
	END IF;
	/* Where a map asks for no label the planner leaves the join away. */
	RETURN format('(SELECT t._file, t._line, t._hash, %s AS _extra, %s AS _labels%s FROM %s t%s%s WHERE t._file = ANY (%L::integer[]))',
				  coalesce(extra, 'NULL::jsonb'), CASE WHEN labelled THEN 'f.labels' ELSE 'NULL::jsonb' END, cells, staging,
				  CASE WHEN labelled THEN ' LEFT JOIN flitmig.source_file f ON f.id = t._file' ELSE '' END, repeats, files);
END
$$;
COMMENT ON FUNCTION flitmig._entity_sql(mig integer, entity text) IS 'A subquery: the live rows of an entity under the profile''s column names; _files: the imported files that are no tables';

CREATE FUNCTION flitmig._date_order(mig integer, entity text, col text)
RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(m.date_order,
		/* what was folded has one column for all its values */
		(SELECT flitmig._date_order(mig, d.doc->>'of', d.doc#>>'{fold,value}') FROM (SELECT flitmig._entity_doc(mig, entity) AS doc OFFSET 0) d WHERE d.doc ? 'fold'),
		(SELECT c.date_order
		 FROM flitmig._staged_columns(mig, entity) s
		 CROSS JOIN LATERAL unnest(s.staged) WITH ORDINALITY u(name, n)
		 JOIN flitmig.column_census c ON c.migration_id = mig AND c.staging_table = (SELECT flitmig._staged_as(mig, entity)) AND c.column_name = u.name
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
			/* one for the whole migration: what a date means does not change with New Year */
			WHEN word = 'year' THEN extract(year FROM m.created_at)::integer::text
			/* never as a literal: statements are seen and logged */
			WHEN word = 'salt' THEN format('(SELECT x.salt FROM flitmig.migration x WHERE x.id = %s)', mig)
			WHEN word = '_files' OR m.profile_doc->'entities' ? word THEN flitmig._entity_sql(mig, word)
		END;
		IF part IS NULL THEN
			RAISE EXCEPTION USING ERRCODE = 'undefined_object',
				MESSAGE = format('{%s} is neither an entity of the profile nor a setting', word),
				HINT = format('Entities: %s. Settings: {country}, {currency}, {time_zone}, {year}, {salt}, {order entity.column}.',
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
