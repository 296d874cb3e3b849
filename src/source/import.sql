/* source: flitmig_import and the names it gives. */

CREATE FUNCTION flitmig._column_name(header text)
RETURNS text LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'flitmig_column_name';
COMMENT ON FUNCTION flitmig._column_name(text) IS 'A header as the import names its column, before twins are numbered; empty when no letter or digit is left';

CREATE FUNCTION flitmig._name_matches(pattern text, name text)
RETURNS boolean LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'flitmig_name_matches';
COMMENT ON FUNCTION flitmig._name_matches(text, text) IS 'Whether a name matches a pattern with * and ?, upper and lower case alike';

/* These two are PL/pgSQL because it keeps their plans for the session: planning them takes longer than a small file. */
CREATE FUNCTION flitmig._match_entity(migration integer, name text, columns text[], wanted text,
	OUT entity text, OUT missing text)
RETURNS SETOF record LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT e.key, m.missing
	FROM flitmig.migration g
	CROSS JOIN LATERAL jsonb_each(flitmig._object_of(g.profile_doc->'entities')) e
	CROSS JOIN LATERAL (
		SELECT max(length(p)) AS length
		FROM jsonb_array_elements_text(flitmig._array_of(e.value->'files')) p
		WHERE flitmig._name_matches(p, $2)) pattern
	CROSS JOIN LATERAL (
		SELECT string_agg(format('"%s"', r), ', ' ORDER BY n) AS missing
		FROM jsonb_array_elements_text(flitmig._array_of(e.value->'required')) WITH ORDINALITY x(r, n)
		WHERE NOT EXISTS (
			SELECT FROM (
				SELECT r AS spelling
				UNION ALL
				SELECT s FROM jsonb_array_elements_text(flitmig._array_of(e.value->'columns'->r)) s) y
			WHERE flitmig._column_name(spelling) = ANY ($3) OR spelling LIKE 'label:%')) m
	WHERE g.id = $1
		AND CASE WHEN $4 IS NULL THEN pattern.length IS NOT NULL ELSE e.key = $4 END
	ORDER BY m.missing IS NOT NULL, pattern.length DESC, e.key
	LIMIT 1;
END
$$;
COMMENT ON FUNCTION flitmig._match_entity(integer, text, text[], text) IS 'The profile''s entity for a file of that name and those columns, and which required columns it lacks; no row: none';

CREATE FUNCTION flitmig._known_columns(migration integer)
RETURNS SETOF text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY
	SELECT n.name
	FROM flitmig.migration g
	CROSS JOIN LATERAL jsonb_each(flitmig._object_of(g.profile_doc->'entities')) e
	CROSS JOIN LATERAL jsonb_each(flitmig._object_of(e.value->'columns')) c
	CROSS JOIN LATERAL (
		SELECT c.key
		UNION ALL
		SELECT s FROM jsonb_array_elements_text(flitmig._array_of(c.value)) s) spelling(name)
	CROSS JOIN LATERAL flitmig._column_name(spelling.name) AS n(name)
	WHERE g.id = $1 AND n.name <> '' AND spelling.name NOT LIKE 'label:%'
	GROUP BY n.name;
END
$$;
COMMENT ON FUNCTION flitmig._known_columns(integer) IS 'Names that columns have in the migration''s profile, as the import names them: a row of such names is a header';

CREATE FUNCTION flitmig._file_option(options jsonb, name text, key text)
RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT coalesce(
		(SELECT f.value->>$3
		 FROM jsonb_each(flitmig._object_of($1->'files')) f
		 WHERE f.value ? $3 AND (flitmig._name_matches(f.key, $2) OR flitmig._name_matches('*/' || f.key, $2))
		 ORDER BY length(f.key) DESC, f.key LIMIT 1),
		$1->>$3)
$$;
COMMENT ON FUNCTION flitmig._file_option(jsonb, text, text) IS 'An import option for a file: from the longest matching pattern in options->files, else from options';

CREATE FUNCTION @extschema@.flitmig_import(migration text, path text, options jsonb DEFAULT NULL)
RETURNS TABLE ("table" text, file text, rows bigint, rejected bigint, encoding text, delimiter text, header text, note text)
LANGUAGE c VOLATILE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'flitmig_import_path';
COMMENT ON FUNCTION @extschema@.flitmig_import(text, text, jsonb) IS 'Stages a file, archive or directory of the server: one row per file. Options: delimiter, quote, escape, encoding, header (rows), skip (rows), table, tables (1: the file is one table), rows (all: sums and page lines are rows), again (true: read it anew though it is in already); and files => {"pattern": {…}} for some files only';

CREATE FUNCTION @extschema@.flitmig_import(migration text, file_name text, large_object oid, options jsonb DEFAULT NULL)
RETURNS TABLE ("table" text, file text, rows bigint, rejected bigint, encoding text, delimiter text, header text, note text)
LANGUAGE c VOLATILE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'flitmig_import_large_object';
COMMENT ON FUNCTION @extschema@.flitmig_import(text, text, oid, jsonb) IS 'The same from the client: \lo_import the file, then name it and give :LASTOID';

/*
 * A quoted third argument would fit jsonb and oid alike, and PostgreSQL would
 * say that the function is not unique; text it takes first.
 */
CREATE FUNCTION @extschema@.flitmig_import(migration text, path text, options text)
RETURNS TABLE ("table" text, file text, rows bigint, rejected bigint, encoding text, delimiter text, header text, note text)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	doc		jsonb;
BEGIN
	BEGIN
		doc := flitmig_import.options::jsonb;
	EXCEPTION WHEN data_exception THEN
		NULL;
	END;
	IF flitmig_import.options IS NOT NULL AND jsonb_typeof(doc) IS DISTINCT FROM 'object' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'the options of an import must be a JSON object',
			HINT = CASE WHEN flitmig_import.options ~ '^[0-9]+$'
				THEN format('For a large object give its number without quotes: SELECT * FROM flitmig_import(%L, %L, %s);', flitmig_import.migration, flitmig_import.path, flitmig_import.options)
				ELSE format('For example: SELECT * FROM flitmig_import(%L, %L, ''{"delimiter": ";"}'');', flitmig_import.migration, flitmig_import.path) END;
	END IF;
	RETURN QUERY SELECT * FROM @extschema@.flitmig_import(flitmig_import.migration, flitmig_import.path, options => doc);
END
$$;
COMMENT ON FUNCTION @extschema@.flitmig_import(text, text, text) IS 'The same with the options as text: flitmig_import(''clinic'', ''/srv/export'', ''{"delimiter": ";"}'')';
