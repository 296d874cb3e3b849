/* mapping: what to know about the export before it moves. */

CREATE FUNCTION flitmig._read_columns(mig integer, entity text)
RETURNS text[] LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	/* the words of all SQL that sees the entity: generous, so that nothing is reported that is used */
	SELECT coalesce(array_agg(DISTINCT w[1]), '{}')
	FROM (
		SELECT concat_ws(' ', o.source, o.key, o.filter, o.file_path, o.exclude::text, o.handles::text,
			(SELECT string_agg(f.expression, ' ') FROM flitmig.field_map f WHERE f.object_map_id = o.id)) AS sql
		FROM flitmig.object_map o WHERE o.migration_id = mig
		UNION ALL
		SELECT concat_ws(' ', '{' || (m.profile_doc#>>'{staff,entity}') || '}', m.profile_doc->>'staff') FROM flitmig.migration m WHERE m.id = mig
		UNION ALL
		SELECT concat_ws(' ', '{' || (e.value->>'of') || '}', e.value->>'fold') FROM flitmig.migration m, jsonb_each(flitmig._object_of(m.profile_doc->'entities')) e
		WHERE m.id = mig AND e.value ? 'fold') x,
		regexp_matches(x.sql, '[a-z_][a-z0-9_]*', 'g') w
	WHERE x.sql LIKE '%{' || entity || '}%'
$$;
COMMENT ON FUNCTION flitmig._read_columns(mig integer, entity text) IS 'Column names that the maps of an entity mention';

CREATE FUNCTION flitmig._audit_columns(mig integer)
RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
	WITH entity AS (
		SELECT e.key AS name, e.value AS doc, m.name AS migration, m.staging_schema
		FROM flitmig.migration m, jsonb_each(m.profile_doc->'entities') e
		WHERE m.id = mig AND flitmig._staged_table(mig, e.key) IS NOT NULL
			AND e.key IS DISTINCT FROM m.profile_doc#>>'{automations,entity}'),		-- flitmig_automations gives these whole
	lost AS (
		SELECT e.name AS entity, u AS col,
			CASE WHEN k.field IS NOT NULL OR e.doc->>'unmapped' IN ('collect', 'fields') THEN 'info' ELSE 'warning' END AS severity,
			CASE WHEN k.field IS NOT NULL THEN 'custom field ' || k.field
				 WHEN e.doc->>'unmapped' = 'collect' THEN 'collected into one field'
				 WHEN e.doc->>'unmapped' = 'fields' THEN 'going to be a custom field with the next flitmig_confirm'
				 ELSE 'not in the profile: its values stay behind' END AS what
		FROM entity e
		CROSS JOIN LATERAL flitmig._unknown_columns(mig, e.name) u
		LEFT JOIN LATERAL (
			SELECT o.object || '.' || f.field AS field
			FROM flitmig.object_map o JOIN flitmig.field_map f ON f.object_map_id = o.id
			WHERE o.migration_id = mig AND flitmig._driving_entity(o.source) = e.name AND f.expression = format('s._extra ->> %L', u)
			LIMIT 1) k ON true
		UNION ALL
		SELECT e.name, s, 'warning', 'known to the profile, but no field takes it: its values stay behind'
		FROM entity e
		CROSS JOIN LATERAL flitmig._staged_columns(mig, e.name) c
		CROSS JOIN LATERAL unnest(c.staged) s
		WHERE NOT c.canonical = ANY (flitmig._read_columns(mig, e.name))
			AND NOT flitmig._array_of(e.doc->'drop') ? c.canonical)
	INSERT INTO flitmig.finding (migration_id, step, severity, code, object, column_name, count, message, hint)
	SELECT mig, 'audit', l.severity, 'UNMAPPED_COLUMN', l.entity, l.col, coalesce(c.rows - c.blanks, 0),
		format('column %s.%s is %s', l.entity, l.col, l.what),
		CASE l.severity WHEN 'warning' THEN 'Map it in flitmig.field_map, or name it in entities.….drop of the profile.' END
	FROM lost l
	LEFT JOIN flitmig.column_census c ON c.migration_id = mig AND c.staging_table = flitmig._staged_as(mig, l.entity) AND c.column_name = l.col
	WHERE c.rows IS NULL OR c.rows > c.blanks;

	/* a file that lacks what the profile requires: one finding for it, before a row is read */
	INSERT INTO flitmig.finding (migration_id, step, severity, code, object, column_name, count, places, message, hint)
	SELECT mig, 'audit', 'error', 'MISSING_COLUMN', f.staging_table, string_agg(r.name, ', ' ORDER BY r.name), f.rows_loaded, ARRAY[f.name],
		format('%s: a file has none of the headers of %s', f.staging_table, string_agg(r.name, ', ' ORDER BY r.name)),
		'Import the right file, or add the header that it uses to entities.….columns of the profile.'
	FROM flitmig.migration m
	JOIN flitmig.source_file f ON f.migration_id = m.id AND f.superseded_by IS NULL
	CROSS JOIN LATERAL jsonb_array_elements_text(flitmig._array_of(m.profile_doc#>ARRAY['entities', f.staging_table, 'required'])) r(name)
	JOIN flitmig._staged_columns(mig, f.staging_table) c ON c.canonical = r.name
	WHERE m.id = mig AND f.columns IS NOT NULL AND NOT coalesce(c.staged && f.columns, false)
	GROUP BY f.id, f.staging_table, f.rows_loaded, f.name;

	INSERT INTO flitmig.finding (migration_id, step, severity, code, object, count, message, hint)
	SELECT mig, 'audit', 'warning', 'UNMAPPED_FILE', f.staging_table, sum(f.rows_loaded),
		format('no map of the profile reads %s: its %s row(s) stay behind', f.staging_table, sum(f.rows_loaded)),
		'Add the entity to the profile, or leave the file out on purpose.'
	FROM flitmig.source_file f JOIN flitmig.migration m ON m.id = f.migration_id
	WHERE f.migration_id = mig AND f.superseded_by IS NULL AND f.staging_table IS NOT NULL AND NOT m.profile_doc->'entities' ? f.staging_table
	GROUP BY f.staging_table
$$;
COMMENT ON FUNCTION flitmig._audit_columns(mig integer) IS 'Findings: staged columns and files that nothing takes';

CREATE FUNCTION flitmig._audit_values(mig integer)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	o		flitmig.object_map;
BEGIN
	/* What the last mapping found still holds unless something was imported since. */
	IF (SELECT m.mapped_at FROM flitmig.migration m WHERE m.id = mig)
		> (SELECT max(f.imported_at) FROM flitmig.source_file f WHERE f.migration_id = mig) THEN
		RETURN;
	END IF;
	DELETE FROM flitmig.finding f WHERE f.migration_id = mig AND f.step = 'map' AND f.code IN ('UNREADABLE_VALUE', 'UNMAPPED_VALUE');
	FOR o IN SELECT * FROM flitmig.object_map x WHERE x.migration_id = mig ORDER BY x.position, x.id LOOP
		BEGIN
			PERFORM flitmig._find_issues(mig, o.id, 'audit', 'value', '(' || flitmig._compile(mig, o.id) || ')');
		EXCEPTION WHEN data_exception OR raise_exception THEN
			PERFORM flitmig._raise_bad_expression(mig, o.id, SQLSTATE);
		END;
	END LOOP;
END
$$;
COMMENT ON FUNCTION flitmig._audit_values(mig integer) IS 'Findings: values that cannot be read or that a value map does not know, without waiting for the schema of the server';

CREATE FUNCTION flitmig._audit_rules(mig integer)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	item	record;
	hit		record;
BEGIN
	FOR item IN
		SELECT r.doc, r.n, m.name FROM flitmig.migration m, jsonb_array_elements(flitmig._array_of(m.profile_doc->'audit')) WITH ORDINALITY r(doc, n)
		WHERE m.id = mig AND flitmig._staged_table(mig, r.doc->>'entity') IS NOT NULL ORDER BY r.n
	LOOP
		BEGIN
			EXECUTE format($sql$
SELECT count(*) AS n, (array_agg(s._file ORDER BY s._file, s._line))[1:5] AS files, (array_agg(s._line ORDER BY s._file, s._line))[1:5] AS lines
FROM %s s WHERE (%s)$sql$, flitmig._entity_sql(mig, item.doc->>'entity'), flitmig._expand(mig, item.doc->>'where')) INTO hit;
		EXCEPTION WHEN data_exception OR raise_exception THEN
			/* the error's own text would quote the cell */
			RAISE EXCEPTION USING ERRCODE = SQLSTATE,
				MESSAGE = format('audit rule %s of entity "%s" fails on a value of the export', item.doc->>'code', item.doc->>'entity'),
				HINT = 'Read cells with the functions flitmig.to_date, to_number, to_integer and kin: they give NULL for what cannot be read.';
		END;
		INSERT INTO flitmig.finding (migration_id, step, severity, code, object, column_name, count, places, message, hint)
		SELECT mig, 'audit', item.doc->>'severity', item.doc->>'code', item.doc->>'entity', item.doc->>'column', hit.n, flitmig._places(mig, hit.files, hit.lines),
			coalesce(format('%s row(s): ', hit.n) || (item.doc->>'message'), format('%s row(s) of %s', hit.n, item.doc->>'entity')), replace(item.doc->>'hint', '{migration}', quote_literal(item.name))
		WHERE hit.n > 0;
	END LOOP;
END
$$;
COMMENT ON FUNCTION flitmig._audit_rules(mig integer) IS 'Findings: the audit rules of the profile';

/* A rule of the audit finds rows; the same condition, as an exclusion, keeps them back. */
CREATE FUNCTION flitmig.exclude(migration text, code text)
RETURNS TABLE (object_map text, reason text) LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	m		flitmig.migration := flitmig._migration_row(exclude.migration);
	rules	jsonb := flitmig._array_of(m.profile_doc->'audit');
BEGIN
	IF NOT EXISTS (SELECT FROM jsonb_array_elements(rules) r WHERE r->>'code' = exclude.code) THEN
		RAISE EXCEPTION 'profile "%" has no audit rule "%"', m.profile, exclude.code
			USING ERRCODE = 'undefined_object',
				DETAIL = 'Only what a rule of the profile finds can be left out by its code; flitmig.object_map.exclude takes any condition.',
				HINT = format('Rules: %s.', coalesce((SELECT string_agg(DISTINCT r->>'code', ', ' ORDER BY r->>'code') FROM jsonb_array_elements(rules) r), 'none'));
	END IF;
	RETURN QUERY
	WITH rule AS (
		SELECT r.doc->>'entity' AS entity, jsonb_build_object('when', r.doc->>'where', 'reason', coalesce(r.doc->>'message', lower(replace(r.doc->>'code', '_', ' ')))) AS exclusion, r.n
		FROM jsonb_array_elements(rules) WITH ORDINALITY r(doc, n) WHERE r.doc->>'code' = exclude.code
	), wanted AS (
		SELECT o.id, jsonb_agg(r.exclusion ORDER BY r.n) AS exclusions
		FROM flitmig.object_map o JOIN rule r ON r.entity = flitmig._driving_entity(o.source)
		WHERE o.migration_id = m.id AND NOT o.exclude @> jsonb_build_array(r.exclusion)
		GROUP BY o.id
	), changed AS (
		UPDATE flitmig.object_map o SET exclude = o.exclude || w.exclusions FROM wanted w WHERE o.id = w.id
		RETURNING o.position, o.name, w.exclusions
	)
	SELECT c.name, x->>'reason' FROM changed c, jsonb_array_elements(c.exclusions) x ORDER BY c.position, c.name;
	RAISE NOTICE '%', CASE WHEN FOUND THEN 'they will be excluded, with what belongs to them' ELSE 'they are left out already, or no object map begins with these rows' END
		USING HINT = format('SELECT flitmig_confirm(%L);  gives the mapping its new hash.', m.name);
END
$$;
COMMENT ON FUNCTION flitmig.exclude(migration text, code text) IS 'Excludes what an audit rule of the profile finds (TEST_ROW, STALE_PATIENT …): mapped, counted, never sent. Returns the object maps that now have the exclusion; then flitmig_confirm';

CREATE FUNCTION flitmig._notice_if_empty(mig integer)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM flitmig.source_file f WHERE f.migration_id = mig) THEN
		RAISE NOTICE 'nothing was imported yet'
			USING HINT = format('SELECT * FROM flitmig_import(%L, ''/path/to/export'');', (SELECT m.name FROM flitmig.migration m WHERE m.id = mig));
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._notice_if_empty(mig integer) IS 'Says that a migration has no files yet, for whoever looks at what they hold';

CREATE FUNCTION flitmig._places_in_words(places text[])
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(g.file || coalesce(' line ' || g.lines, ''), E'\n' ORDER BY g.n)
	FROM (SELECT coalesce(substring(p.place FROM '^(.*):[0-9]+$'), p.place) AS file, string_agg(substring(p.place FROM ':([0-9]+)$'), ', ' ORDER BY p.n) AS lines, min(p.n) AS n
		  FROM unnest(places) WITH ORDINALITY AS p(place, n) GROUP BY 1) g
$$;
COMMENT ON FUNCTION flitmig._places_in_words(text[]) IS 'Places as people write them: each file once, with its lines';

CREATE FUNCTION @extschema@.flitmig_audit(migration text)
RETURNS TABLE (severity text, code text, object text, "column" text, count bigint, hint text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	mig		integer := flitmig._migration_id(flitmig_audit.migration);
	object_width	integer;
	column_width	integer;
	rest	integer;
BEGIN
	PERFORM flitmig._notice_if_empty(mig);
	DELETE FROM flitmig.finding f WHERE f.migration_id = mig AND f.step = 'audit';
	PERFORM flitmig._audit_columns(mig);
	PERFORM flitmig._audit_values(mig);
	PERFORM flitmig._audit_rules(mig);
	PERFORM flitmig._audit_data(mig);
	PERFORM flitmig._forget_said_twice(mig);
	PERFORM flitmig._match_owners(mig, flitmig._owner_counts_sql(mig));
	/* what is to be done gets what the other columns of a terminal of 100 leave; if that is too little, long names are broken */
	SELECT CASE WHEN w.rest - w.object - w.name >= 24 THEN w.object ELSE least(13, w.object) END, CASE WHEN w.rest - w.object - w.name >= 24 THEN w.name ELSE least(13, w.name) END, w.rest
	INTO object_width, column_width, rest
	FROM (SELECT greatest(6, max(length(f.object))) AS object, greatest(6, max(length(f.column_name))) AS name,
				 100 - 17 - 8 - coalesce(max(length(f.code)), 4) - greatest(5, length(max(f.count)::text)) AS rest
		  FROM flitmig.finding f WHERE f.migration_id = mig) w;
	RETURN QUERY
	SELECT f.severity, f.code, flitmig._wrap(f.object, object_width), flitmig._wrap(f.column_name, column_width), f.count,
		flitmig._wrap(nullif(concat_ws(E'\n', coalesce(f.hint, (
			/* nothing to do: then at least what it is */
			SELECT CASE c.what_to_do WHEN 'Nothing.' THEN 'Nothing to do: ' || regexp_replace(f.message, '^[0-9]+ row\(s\): ', '') ELSE c.what_to_do END
			FROM flitmig.finding_code c WHERE c.code = f.code ORDER BY c.what_to_do LIMIT 1)), flitmig._places_in_words(f.places)), ''), rest - object_width - column_width)
	FROM flitmig.finding f
	WHERE f.migration_id = mig
	ORDER BY array_position('{error,warning,info}'::text[], f.severity), f.count DESC, f.code, f.object, f.column_name;
END
$$;
COMMENT ON FUNCTION @extschema@.flitmig_audit(migration text) IS 'Checks the staged export: duplicates, stale and orphaned rows, shared addresses, unmapped columns and statuses, owners; returns all findings of the migration. hint: what to do, and where the first rows are (file and lines, never a value). flitmig.finding has the same for queries, with a message each';
