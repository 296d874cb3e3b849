/* diff: what the export says, what was sent, what Twenty stored, field by field. */

CREATE FUNCTION flitmig._plain(value jsonb)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT value OPERATOR(pg_catalog.#>>) '{}'
$$;
COMMENT ON FUNCTION flitmig._plain(jsonb) IS 'A JSON value as people write it: text without quotes, null as NULL';

CREATE FUNCTION flitmig._field_columns(map integer)
RETURNS TABLE (field text, columns text[]) LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
	/* A payload names the join column (patientId, targetPersonId), the mapping names the relation (patient, @person). */
	SELECT f.field, f.columns FROM flitmig.field_map f WHERE f.object_map_id = map
	UNION
	SELECT l.join_column, f.columns
	FROM flitmig.field_map f
	JOIN flitmig.object_map o ON o.id = f.object_map_id
	JOIN flitmig.live_field l ON l.migration_id = o.migration_id AND l.object = o.object AND l.join_column IS NOT NULL
		AND (l.name = f.field OR '@' || l.relation_object = f.field)
	WHERE o.id = map AND f.kind <> 'value'
$$;
COMMENT ON FUNCTION flitmig._field_columns(integer) IS 'Staging columns that each payload field of an object map is made from';

CREATE FUNCTION @extschema@.flitmig_diff(migration text, run bigint DEFAULT NULL, all_fields boolean DEFAULT false)
RETURNS TABLE (object text, source_key text, field text, source_value text, sent_value text, stored_value text, verdict text, rule text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	m			flitmig.migration := flitmig._migration_row(migration);
	chosen		flitmig.run;
	part		record;
BEGIN
	SELECT r.* INTO chosen FROM flitmig.run r
	WHERE r.migration_id = m.id AND r.kind IN ('sample', 'run', 'delta') AND r.state <> 'queued'
		AND (flitmig_diff.run IS NULL OR r.id = flitmig_diff.run)
	ORDER BY r.id DESC LIMIT 1;
	IF chosen.id IS NULL THEN
		RAISE EXCEPTION 'migration "%" has no % to compare', m.name, COALESCE('run ' || flitmig_diff.run, 'run')
			USING ERRCODE = 'no_data_found',
				HINT = CASE WHEN flitmig_diff.run IS NULL THEN format('SELECT * FROM flitmig_sample(%L);', m.name)
					ELSE format('SELECT id, kind, state FROM flitmig.run WHERE migration_id = %s;', m.id) END;
	END IF;

	/* One query per object map: the row that a record came from stands where the record says. */
	FOR part IN
		SELECT o.id AS map, flitmig._driving_entity(o.source) AS entity, o.source, o.key
		FROM flitmig.object_map o WHERE o.migration_id = m.id
		ORDER BY o.position, o.id
	LOOP
		RETURN QUERY EXECUTE format($query$
			SELECT d.object, r.source_key, d.field,
				(SELECT string_agg(v.row OPERATOR(pg_catalog.->>) c.name, ' | ' ORDER BY c.n)
					FROM unnest(w.columns) WITH ORDINALITY AS c(name, n)
					WHERE v.row OPERATOR(pg_catalog.->>) c.name <> ''),
				flitmig._plain(d.sent), flitmig._plain(d.stored), d.verdict, d.rule
			FROM %s d
			JOIN flitmig.record r ON r.migration_id = $1 AND r.id = d.id
			LEFT JOIN %s s ON s._file = r.file_id AND s._line = r.line_no%s
			LEFT JOIN flitmig._field_columns($3) w ON w.field = split_part(d.field, '.', 1)
			CROSS JOIN LATERAL (SELECT to_jsonb(s.*) AS row) v
			WHERE r.object_map_id = $3
			ORDER BY r.sequence, d.field$query$,
			CASE WHEN all_fields
				THEN '(SELECT b.id, b.object, c.field, c.sent, c.stored, c.verdict, c.rule
						FROM flitmig.base b CROSS JOIN LATERAL flitmig._compare(b.sent, b.stored, $1, b.object) c
						WHERE b.migration_id = $1 AND b.object_map_id = $3 AND (b.run_id = $2 OR b.stored_at BETWEEN $4 AND $5))'
				ELSE '(SELECT * FROM flitmig.diff WHERE run_id = $2)' END,
			COALESCE(flitmig._entity_sql(m.id, part.entity), '(SELECT NULL::integer AS _file, NULL::bigint AS _line WHERE false)'),
			/* groups that repeat in a row have one place: the key tells which of them it was */
			CASE WHEN NOT flitmig._entity_doc(m.id, part.entity) ? 'of' OR part.entity IS NULL THEN ''
				WHEN part.source ~ '^\s*\{[a-z0-9_]+\}\s+s\s*$' THEN format(' AND flitmig.clean((%s)::text) = r.source_key', flitmig._expand(m.id, part.key))
				ELSE ' AND false' END)
		USING m.id, chosen.id, part.map, chosen.started_at, COALESCE(chosen.finished_at, 'infinity');
	END LOOP;
	/* no row is good news, but only if something was compared */
	RAISE NOTICE '%', (
		SELECT format('%s %s compared every field of %s records; ', chosen.kind, chosen.id,
				(SELECT count(*) FROM flitmig.base b WHERE b.migration_id = m.id AND (b.run_id = chosen.id OR b.stored_at BETWEEN chosen.started_at AND COALESCE(chosen.finished_at, 'infinity'))))
			|| CASE WHEN sum(v.n) IS NULL THEN 'all stored letter by letter as sent'
				ELSE 'not letter by letter as sent: ' || string_agg(v.n || ' ' || v.verdict, ', ' ORDER BY v.verdict) END
		FROM (SELECT d.verdict, count(*) AS n FROM flitmig.diff d WHERE d.run_id = chosen.id GROUP BY d.verdict) v);
END $$;
COMMENT ON FUNCTION @extschema@.flitmig_diff(text, bigint, boolean)
IS 'Field by field what the export says, what was sent and what Twenty stored in a run (NULL: the newest). Only what is not literally equal: normalised by a named rule, mismatch or missing; all_fields shows the equal ones too';

CREATE FUNCTION flitmig._narrow(value text, width integer)
RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
	/* psql shows other control characters as escapes, which are wider; what takes two columns gets a private character beside it until the lines are cut */
	SELECT CASE WHEN flitmig._width(c.text) = length(c.text) THEN regexp_replace(c.text, format('(.{%s})(?=.)', width), E'\\1\n', 'gn')
		ELSE replace(regexp_replace(regexp_replace(c.text, '(' || flitmig._wide_characters() || ')', '\1' || chr(57344), 'g'), format('(.{%s})(?=.)', width - 1), E'\\1\n', 'gn'), chr(57344), '') END
	FROM (SELECT regexp_replace(replace(replace(value, E'\r', ''), E'\t', ' '), E'[\\x01-\\x09\\x0B-\\x1F\\x7F]', ' ', 'g') AS text) c
$$;
COMMENT ON FUNCTION flitmig._narrow(text, integer) IS 'A text in lines of at most that many characters';

CREATE FUNCTION flitmig.side_by_side(migration text, run bigint DEFAULT NULL, all_fields boolean DEFAULT false, columns integer DEFAULT 100)
RETURNS TABLE (place text, export text, sent text, stored text) LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	home	name := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'flitmig');
	/* psql's aligned format: a blank on either side of four columns and three bars between; the line break's mark stands in the blank */
	width	integer := greatest(10, (side_by_side.columns - 11) / 4);
BEGIN
	RETURN QUERY EXECUTE format($query$
		SELECT flitmig._wrap(concat_ws(E'\n', d.object || ' ' || d.source_key, d.field, concat_ws(': ', d.verdict, d.rule)), $4),
			flitmig._narrow(d.source_value, $4), flitmig._narrow(d.sent_value, $4), flitmig._narrow(d.stored_value, $4)
		FROM %I.flitmig_diff($1, $2, $3) d$query$, home)
	USING side_by_side.migration, side_by_side.run, side_by_side.all_fields, width;
END $$;
COMMENT ON FUNCTION flitmig.side_by_side(text, bigint, boolean, integer)
IS 'flitmig_diff for reading: what the export says, what was sent and what is stored, side by side in a window of that many columns';

CREATE FUNCTION flitmig.conflicts(migration text, columns integer DEFAULT 100)
RETURNS TABLE (place text, sent text, export text, twenty text) LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	m		flitmig.migration := flitmig._migration_row(migration);
	width	integer := greatest(10, (conflicts.columns - 11) / 4);	/* as side_by_side */
BEGIN
	RETURN QUERY
	SELECT flitmig._wrap(concat_ws(E'\n', c.object || ' ' || r.source_key, nullif(c.field, ''), flitmig._report_conflict_words(c.kind)), width),
		flitmig._narrow(flitmig._plain(c.base_value), width), flitmig._narrow(flitmig._plain(c.source_value), width), flitmig._narrow(flitmig._plain(c.target_value), width)
	FROM flitmig.conflict c LEFT JOIN flitmig.record r ON r.migration_id = c.migration_id AND r.id = c.id
	WHERE c.migration_id = m.id
	ORDER BY c.kind = 'target', c.kind, c.object, r.sequence, c.field;
END $$;
COMMENT ON FUNCTION flitmig.conflicts(text, integer)
IS 'What people changed in Twenty since it was stored, for reading: what was sent last, what the export says now, and what Twenty has, side by side in a window of that many columns. Those that the export changed too come first';
