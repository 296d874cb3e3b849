/* mapping: the mapping is frozen, by its hash. */

/* Colours in the order in which Twenty offers them. */
/*
 * Options that come from the data: an option once found stays, new ones come
 * after it, so that a delta only ever appends.
 */
CREATE FUNCTION flitmig._refresh_targets(mig integer)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wanted	record;
	found	jsonb;
BEGIN
	FOR wanted IN
		SELECT t.key AS object, f.key AS field, f.value->'options' AS fixed, f.value#>>'{optionsFrom,expression}' AS expression, o.source, o.filter
		FROM flitmig.migration m
		CROSS JOIN LATERAL jsonb_each(flitmig._object_of(m.profile_doc->'targets')) t
		CROSS JOIN LATERAL jsonb_each(flitmig._object_of(t.value->'fields')) f
		JOIN flitmig.object_map o ON o.migration_id = mig AND o.name = f.value#>>'{optionsFrom,map}'
		WHERE m.id = mig
	LOOP
		BEGIN
			EXECUTE format($sql$
SELECT jsonb_agg(jsonb_build_object('value', v.value, 'label', v.label) ORDER BY v.label)
FROM (SELECT DISTINCT ON (l.value) l.value, l.label
	  FROM (SELECT flitmig.option_value(x.label) AS value, left(flitmig.one_line(x.label), 63) AS label, sum(x.n) AS n
			FROM (SELECT e.label::text AS label, count(*) AS n FROM (SELECT %s AS label FROM %s WHERE %s) e GROUP BY 1) x GROUP BY 1, 2) l
	  WHERE l.value IS NOT NULL
	  ORDER BY l.value, l.n DESC, l.label COLLATE "C") v$sql$,
				flitmig._expand(mig, wanted.expression), flitmig._expand(mig, wanted.source), coalesce('(' || flitmig._expand(mig, wanted.filter) || ')', 'true'))
			INTO found;
		EXCEPTION WHEN data_exception OR raise_exception THEN
			PERFORM flitmig._raise_without_value(format('the options of %s.%s', wanted.object, wanted.field), SQLSTATE);
		END;

		UPDATE flitmig.target_field t SET options = n.options
		FROM (
			SELECT jsonb_agg(x.option || jsonb_build_object('color', coalesce(x.option->>'color', flitmig._colour(x.n - 1))) ORDER BY x.n) AS options
			FROM (
				SELECT a.option, row_number() OVER (ORDER BY a.kind, a.n) AS n
				FROM (
					SELECT DISTINCT ON (c.option->>'value') c.* FROM (
						SELECT 1 AS kind, e.n, e.option FROM flitmig.target_field k, jsonb_array_elements(flitmig._array_of(coalesce(k.options, wanted.fixed))) WITH ORDINALITY e(option, n)
						WHERE k.migration_id = mig AND k.object = wanted.object AND k.name = wanted.field
						UNION ALL SELECT 2, e.n, e.option FROM jsonb_array_elements(flitmig._array_of(found)) WITH ORDINALITY e(option, n)) c
					ORDER BY c.option->>'value', c.kind, c.n) a) x) n
		WHERE t.migration_id = mig AND t.object = wanted.object AND t.name = wanted.field AND t.options IS DISTINCT FROM n.options;
	END LOOP;
	/* fixed lists: only their colours */
	UPDATE flitmig.target_field t SET options = n.options
	FROM (SELECT k.object, k.name,
				 jsonb_agg(e.option || jsonb_build_object('color', coalesce(e.option->>'color', flitmig._colour(e.n - 1))) ORDER BY e.n) AS options
		  FROM flitmig.target_field k, jsonb_array_elements(flitmig._array_of(k.options)) WITH ORDINALITY e(option, n)
		  WHERE k.migration_id = mig GROUP BY 1, 2) n
	WHERE t.migration_id = mig AND t.object = n.object AND t.name = n.name AND t.options IS DISTINCT FROM n.options;
END
$$;
COMMENT ON FUNCTION flitmig._refresh_targets(mig integer) IS 'Collects the options of fields whose options come from the data; appends, never removes';

CREATE FUNCTION flitmig._mapping_hash(mig integer)
RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	/* jsonb's text is canonical; ids and positions say nothing about the mapping, options that data bring neither */
	SELECT encode(sha256(convert_to(jsonb_build_object(
		'settings', jsonb_build_array(m.namespace, m.staging_schema, m.time_zone, m.country, m.currency, m.date_order, m.default_owner),
		'profile', m.profile_doc - '{description,audit,maps,values,automations}'::text[],
		'owner_aliases', m.options->'owner_aliases',
		'object_map', (SELECT jsonb_agg(to_jsonb(o) - '{id,migration_id,position}'::text[] ORDER BY o.name) FROM flitmig.object_map o WHERE o.migration_id = m.id),
		'field_map', (SELECT jsonb_agg(to_jsonb(f) - '{id,object_map_id,position,description}'::text[] || jsonb_build_object('map', o.name) ORDER BY o.name, f.field)
					  FROM flitmig.object_map o JOIN flitmig.field_map f ON f.object_map_id = o.id WHERE o.migration_id = m.id),
		'value_map', (SELECT jsonb_agg(to_jsonb(v) - 'migration_id' ORDER BY v.name, v.source_value) FROM flitmig.value_map v WHERE v.migration_id = m.id),
		'target_object', (SELECT jsonb_agg(to_jsonb(t) - '{migration_id,position}'::text[] ORDER BY t.name) FROM flitmig.target_object t WHERE t.migration_id = m.id),
		'target_field', (SELECT jsonb_agg(to_jsonb(t) - '{migration_id,position,options}'::text[] ORDER BY t.object, t.name) FROM flitmig.target_field t WHERE t.migration_id = m.id)
		)::text, 'UTF8')), 'hex')
	FROM flitmig.migration m WHERE m.id = mig
$$;
COMMENT ON FUNCTION flitmig._mapping_hash(mig integer) IS 'SHA-256 of everything that decides what a staged row becomes';

CREATE FUNCTION flitmig._custom_field_name(staged text)
RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN flitmig._name_problem(n.name) IS NULL THEN n.name ELSE 'source' || flitmig._capital(n.name) END
	FROM (SELECT left(string_agg(CASE WHEN w.n = 1 THEN w.word ELSE flitmig._capital(w.word) END, '' ORDER BY w.n), 50) AS name
		  FROM (SELECT x.word, row_number() OVER (ORDER BY x.n) AS n FROM regexp_split_to_table(staged, '_+') WITH ORDINALITY x(word, n) WHERE x.word <> '') w) n
$$;
COMMENT ON FUNCTION flitmig._custom_field_name(staged text) IS 'The name of the custom field that a staged column becomes';

/*
 * "unmapped": "fields": each column that the profile does not know becomes a
 * custom field of the first map that its entity drives, under its own header.
 */
CREATE FUNCTION flitmig._add_custom_fields(mig integer)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	item	record;
	custom	text;
BEGIN
	FOR item IN
		SELECT e.key AS entity, u.name AS col, o.id AS map, o.object,
			coalesce((SELECT (array_agg(h.header))[1] FROM flitmig.source_file f, unnest(f.columns, f.header) h(name, header)
					  WHERE f.migration_id = mig AND f.staging_table = e.key AND f.superseded_by IS NULL AND h.name = u.name), u.name) AS header
		FROM flitmig.migration m
		CROSS JOIN LATERAL jsonb_each(m.profile_doc->'entities') e
		CROSS JOIN LATERAL flitmig._unknown_columns(mig, e.key) WITH ORDINALITY u(name, n)
		CROSS JOIN LATERAL (SELECT x.id, x.object FROM flitmig.object_map x
							WHERE x.migration_id = mig AND flitmig._driving_entity(x.source) = e.key ORDER BY x.id LIMIT 1) o
		WHERE m.id = mig AND e.value->>'unmapped' = 'fields'
		ORDER BY e.key, u.n
	LOOP
		CONTINUE WHEN EXISTS (SELECT FROM flitmig.field_map f WHERE f.object_map_id = item.map AND f.expression = format('s._extra ->> %L', item.col));
		custom := flitmig._custom_field_name(item.col);
		/* a name that the map, the profile or Twenty has already means something else */
		IF EXISTS (SELECT FROM flitmig.field_map f WHERE f.object_map_id = item.map AND f.field = custom)
			OR EXISTS (SELECT FROM flitmig.target_field t WHERE t.migration_id = mig AND t.object = item.object AND t.name = custom)
			OR EXISTS (SELECT FROM flitmig.live_field l WHERE l.migration_id = mig AND l.object = item.object AND l.name = custom) THEN
			custom := 'source' || flitmig._capital(custom);
		END IF;
		INSERT INTO flitmig.target_object (migration_id, name, position)
		SELECT mig, item.object, coalesce(max(t.position), 0) + 1 FROM flitmig.target_object t WHERE t.migration_id = mig
		ON CONFLICT DO NOTHING;
		INSERT INTO flitmig.target_field (migration_id, object, name, type, label, description, position)
		SELECT mig, item.object, custom, 'TEXT', left(item.header, 63), format('Column %s of the export', item.header), coalesce(max(t.position), 0) + 1
		FROM flitmig.target_field t WHERE t.migration_id = mig AND t.object = item.object
		ON CONFLICT DO NOTHING;
		INSERT INTO flitmig.field_map (object_map_id, position, field, expression, columns)
		SELECT item.map, coalesce(max(f.position), 0) + 1, custom, format('s._extra ->> %L', item.col), '{}'
		FROM flitmig.field_map f WHERE f.object_map_id = item.map;
	END LOOP;
END
$$;
COMMENT ON FUNCTION flitmig._add_custom_fields(mig integer) IS 'Maps the columns that the profile does not know to custom fields, where it says so';

CREATE FUNCTION flitmig._check_staged(mig integer)
RETURNS void LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	m		flitmig.migration := (SELECT x FROM flitmig.migration x WHERE x.id = mig);
	lacking	text[];
BEGIN
	IF NOT EXISTS (SELECT FROM flitmig.object_map o WHERE o.migration_id = mig AND flitmig._staged_table(mig, flitmig._driving_entity(o.source)) IS NOT NULL) THEN
		RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('nothing that profile "%s" maps was imported into migration "%s"', m.profile, m.name),
			HINT = format('SELECT * FROM flitmig_import(%L, ''/path/of/the/export'');', m.name);
	END IF;
	SELECT array_agg(format('%s.%s (%s)', e.key, c.canonical, array_to_string(ARRAY(SELECT jsonb_array_elements_text(e.value->'columns'->c.canonical)), ', ')) ORDER BY e.key, c.canonical)
	INTO lacking
	FROM jsonb_each(m.profile_doc->'entities') e
	CROSS JOIN LATERAL flitmig._staged_columns(mig, e.key) c
	WHERE flitmig._staged_table(mig, e.key) IS NOT NULL
		AND flitmig._array_of(e.value->'required') ? c.canonical AND c.staged IS NULL;
	IF lacking IS NOT NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_column',
			MESSAGE = format('the export lacks %s column(s) that profile "%s" requires', cardinality(lacking), m.profile),
			DETAIL = array_to_string(lacking, E'\n'),
			HINT = 'Import the right file, or add the header that the export uses to entities.….columns of the profile.';
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._check_staged(mig integer) IS 'Error when the imported files lack what the profile requires';

/* Plans a statement without running it; NULL when it is sound, else the server's words. */
CREATE FUNCTION flitmig._sql_problem(statement text)
RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	words	text;
BEGIN
	EXECUTE 'EXPLAIN ' || statement;
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS words = MESSAGE_TEXT;
	RETURN words;
END
$$;
COMMENT ON FUNCTION flitmig._sql_problem(statement text) IS 'What is wrong with a SELECT; NULL when it can be planned';

/* Of alternatives a|b one is enough. */
CREATE FUNCTION flitmig._check_references(mig integer)
RETURNS void LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	f	record;
BEGIN
	SELECT o.id, o.name, x.field, x.reference INTO f
	FROM flitmig.object_map o
	JOIN flitmig.field_map x ON x.object_map_id = o.id AND x.kind = 'relation'
	WHERE o.migration_id = mig
	  AND NOT EXISTS (SELECT FROM flitmig.object_map r WHERE r.migration_id = mig AND r.name = ANY (string_to_array(x.reference, '|')))
	ORDER BY o.position, o.id, x.position LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_object',
			MESSAGE = format('object map "%s", field %s: it points at records of "%s", which is no object map of this migration', f.name, f.field, f.reference),
			HINT = format('Leave the field out: DELETE FROM flitmig.field_map WHERE object_map_id = %s AND field = %L;  or create the migration anew with the whole profile.', f.id, f.field);
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._check_references(mig integer) IS 'Error when a relation points at an object map that was removed';

/* A target value that is no boolean or number would stop mapping at the first row that needs it, without a word of where it is from. */
CREATE FUNCTION flitmig._check_targets(mig integer)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	f	record;
BEGIN
	SELECT o.id, o.name, o.object, x.field, k.type, v.name AS values_name, v.source_value, v.target_value, v.source_value IS NULL AS is_default INTO f
	FROM flitmig.object_map o
	JOIN flitmig.field_map x ON x.object_map_id = o.id AND x.kind = 'value'
	CROSS JOIN LATERAL (SELECT flitmig._field_type(mig, o.object, x.field) AS type) k
	CROSS JOIN LATERAL (
		SELECT m.name, m.source_value, m.target_value FROM flitmig.value_map m WHERE m.migration_id = mig AND m.name = x.values_name
		UNION ALL
		SELECT x.values_name, NULL, x.default_value) v
	WHERE o.migration_id = mig AND v.target_value IS NOT NULL AND NOT flitmig._is_of_type(v.target_value, k.type)
	ORDER BY o.position, o.id, x.position, v.source_value LIMIT 1;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	IF f.is_default THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_object_definition',
			MESSAGE = format('object map "%s", field %s of %s: the default "%s" is no %s', f.name, f.field, f.object, f.target_value, lower(f.type)),
			HINT = format('UPDATE flitmig.field_map SET default_value = ''%s'' WHERE object_map_id = %s AND field = %L;', CASE f.type WHEN 'BOOLEAN' THEN 'false' ELSE '0' END, f.id, f.field);
	END IF;
	RAISE EXCEPTION USING ERRCODE = 'invalid_object_definition',
		MESSAGE = format('object map "%s", field %s of %s: value map "%s" gives "%s" for "%s", which is no %s', f.name, f.field, f.object, f.values_name, f.target_value, f.source_value, lower(f.type)),
		HINT = format('UPDATE flitmig.value_map SET target_value = ''%s'' WHERE migration_id = %s AND name = %L AND source_value = %L;  or NULL for none.',
			CASE f.type WHEN 'BOOLEAN' THEN 'true' ELSE '1' END, mig, f.values_name, f.source_value);
END
$$;
COMMENT ON FUNCTION flitmig._check_targets(mig integer) IS 'Error, with object map, field and entry, when a value map or default gives a BOOLEAN or NUMBER field something else';

CREATE FUNCTION flitmig._check_compiles(mig integer)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	o		flitmig.object_map;
	piece	record;
	problem	text;
BEGIN
	FOR o IN SELECT * FROM flitmig.object_map x WHERE x.migration_id = mig ORDER BY x.position, x.id LOOP
		IF o.file_data IS NOT NULL THEN
			problem := flitmig._sql_problem(format('SELECT (%s)::text FROM flitmig.record r, %s s', flitmig._expand(mig, o.file_data), flitmig._entity_sql(mig, flitmig._driving_entity(o.source))));
			IF problem IS NOT NULL THEN
				RAISE EXCEPTION USING ERRCODE = 'invalid_object_definition', MESSAGE = format('object map "%s", fileData: %s', o.name, problem),
					HINT = format('UPDATE flitmig.object_map SET file_data = ''…'' WHERE id = %s;', o.id);
			END IF;
		END IF;
		problem := flitmig._sql_problem(flitmig._compile(mig, o.id));
		CONTINUE WHEN problem IS NULL;
		/* which piece is it? */
		FOR piece IN
			SELECT p.* FROM (
				SELECT 1 AS n, 0 AS position, 'source' AS what, 'SELECT s._file, s._line, s._hash FROM ' || flitmig._expand(mig, o.source) AS sql
				UNION ALL SELECT 2, 0, 'key', format('SELECT (%s)::text FROM %s', flitmig._expand(mig, o.key), flitmig._expand(mig, o.source))
				UNION ALL SELECT 3, 0, 'filter', format('SELECT FROM %s WHERE (%s)', flitmig._expand(mig, o.source), flitmig._expand(mig, o.filter)) WHERE o.filter IS NOT NULL
				UNION ALL SELECT 4, 0, 'file', format('SELECT (%s)::text FROM %s', flitmig._expand(mig, o.file_path), flitmig._expand(mig, o.source)) WHERE o.file_path IS NOT NULL
				UNION ALL SELECT 5, x.n, format('exclude[%s]', x.n - 1), format('SELECT FROM %s WHERE (%s)', flitmig._expand(mig, o.source), flitmig._expand(mig, x.doc->>'when'))
					FROM jsonb_array_elements(o.exclude) WITH ORDINALITY x(doc, n)
				UNION ALL SELECT 6, f.position, 'field ' || f.field, format('SELECT (%s) FROM %s', flitmig._expand(mig, f.expression), flitmig._expand(mig, o.source))
					FROM flitmig.field_map f WHERE f.object_map_id = o.id) p
			ORDER BY p.n, p.position
		LOOP
			IF flitmig._sql_problem(piece.sql) IS NOT NULL THEN
				RAISE EXCEPTION USING ERRCODE = 'invalid_object_definition',
					MESSAGE = format('object map "%s", %s: %s', o.name, piece.what, flitmig._sql_problem(piece.sql)),
					HINT = CASE WHEN piece.n = 6
						THEN format('UPDATE flitmig.field_map SET expression = ''…'' WHERE object_map_id = %s AND field = %L;', o.id, substr(piece.what, 7))
						ELSE format('UPDATE flitmig.object_map SET %s = ''…'' WHERE id = %s;', CASE piece.n WHEN 1 THEN 'source' WHEN 2 THEN 'key' WHEN 3 THEN 'filter' WHEN 4 THEN 'file_path' ELSE 'exclude' END, o.id) END;
			END IF;
		END LOOP;
		RAISE EXCEPTION USING ERRCODE = 'invalid_object_definition', MESSAGE = format('object map "%s": %s', o.name, problem);
	END LOOP;
END
$$;
COMMENT ON FUNCTION flitmig._check_compiles(mig integer) IS 'Error, with object map and field, when an expression is not sound SQL';

CREATE FUNCTION @extschema@.flitmig_confirm(migration text)
RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	mig		integer := flitmig._migration_id(flitmig_confirm.migration);
	hash	text;
BEGIN
	PERFORM flitmig._refuse_while_running(mig);
	PERFORM flitmig._check_staged(mig);
	PERFORM flitmig._add_custom_fields(mig);
	PERFORM flitmig._check_references(mig);
	PERFORM flitmig._check_targets(mig);
	PERFORM flitmig._check_compiles(mig);
	PERFORM flitmig._refresh_targets(mig);
	hash := flitmig._mapping_hash(mig);
	UPDATE flitmig.migration m SET mapping_hash = hash, confirmed_at = now() WHERE m.id = mig;
	PERFORM flitmig._audit(flitmig_confirm.migration, 'confirm', jsonb_build_object('mapping_hash', hash));
	RETURN hash;
END
$$;
COMMENT ON FUNCTION @extschema@.flitmig_confirm(migration text) IS 'Freezes the mapping after checking it against the imported files; returns its hash';
