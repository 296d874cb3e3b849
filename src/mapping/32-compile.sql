/*
 * mapping: an object map becomes SQL.
 *
 *	 source ──_compile──▶ flitmig_w<id>: key, payload of its own values, keys of what it points at
 *	        ──_compile_resolve──▶ flitmig_r<id>: ids of what it points at filled in
 *
 * In work rows, issues holds field_map.position: n = value not readable,
 * -n = value not in the value map; in resolved rows: n = reference not found,
 * -n = what it points at is excluded, n + 10000 = two records have that handle.
 * ends has a letter for each relation: resolved, missing, ambiguous, excluded, blank.
 */

CREATE FUNCTION flitmig._map_rows_sql(mig integer, o flitmig.object_map)
RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('%s WHERE (%s) AND %s', flitmig._expand(mig, o.source), coalesce(flitmig._expand(mig, o.filter), 'true'),
		(SELECT coalesce(string_agg(format('(%s) IS NOT TRUE', flitmig._expand(mig, x->>'when')), ' AND '), 'true') FROM jsonb_array_elements(o.exclude) x))
$$;
COMMENT ON FUNCTION flitmig._map_rows_sql(mig integer, o flitmig.object_map) IS 'FROM and WHERE of the rows that an object map takes: neither filtered nor excluded';

CREATE FUNCTION flitmig._field_type(mig integer, object text, field text)
RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce((SELECT l.type FROM flitmig.live_field l WHERE l.migration_id = mig AND l.object = _field_type.object AND l.name = field),
					(SELECT t.type FROM flitmig.target_field t WHERE t.migration_id = mig AND t.object = _field_type.object AND t.name = field))
$$;
COMMENT ON FUNCTION flitmig._field_type(mig integer, object text, field text) IS 'Type of a field: what it is in Twenty, else what it is to be made as; NULL for one that neither knows';

CREATE FUNCTION flitmig._values_doc(mig integer, name text)
RETURNS jsonb LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(jsonb_object_agg(v.source_value, v.target_value), '{}')
	FROM flitmig.value_map v WHERE v.migration_id = mig AND v.name = _values_doc.name
$$;
COMMENT ON FUNCTION flitmig._values_doc(mig integer, name text) IS 'A value map as one JSON object';

/*
 * A cell that cannot be read (n) gives NULL; one that the value map does not
 * know (-n) is not in it.  Of an expression over several columns nobody can
 * tell that, unless the profile says what is to become of it.
 */
CREATE FUNCTION flitmig._compile_value(mig integer, o flitmig.object_map, f flitmig.field_map,
	OUT inner_list text[], OUT piece text, OUT issue text, OUT place integer, OUT reasons text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	expression	text := flitmig._expand(mig, f.expression);
	cells		text[] := ARRAY(SELECT format('s.%I', c) FROM unnest(f.columns) c WHERE c NOT IN ('_file', '_line', '_hash', '_extra', '_labels', '_n'));
	known		text := format('%L::jsonb', flitmig._values_doc(mig, f.values_name));
	fallback	text := CASE WHEN f.default_value IS NULL THEN 'NULL' ELSE quote_literal(f.default_value) END;
	on_error	text := CASE f.on_error WHEN 'keep' THEN format('flitmig.clean(x.c%s)', f.position) WHEN 'null' THEN 'NULL' WHEN 'exclude' THEN 'NULL' ELSE fallback END;
	on_blank	text := CASE f.on_blank WHEN 'null' THEN 'NULL' WHEN 'exclude' THEN 'NULL' ELSE fallback END;
	blank		text;
	cast_to		text := CASE flitmig._field_type(mig, o.object, f.field) WHEN 'BOOLEAN' THEN '::boolean' WHEN 'NUMBER' THEN '::numeric' ELSE '' END;
BEGIN
	reasons := '';
	IF f.values_name IS NOT NULL THEN
		inner_list := ARRAY[format('coalesce(lower(flitmig.one_line((%s)::text)), '''') AS f%s', expression, f.position)];
		IF f.on_error = 'keep' THEN
			inner_list := inner_list || format('(%s)::text AS c%s', expression, f.position);
		END IF;
		blank := format('x.f%s = ''''', f.position);
		issue := format('x.f%s <> '''' AND NOT jsonb_exists(%s, x.f%1$s)', f.position, known);
		place := -f.position;
		piece := format('CASE%s WHEN jsonb_exists(%s, x.f%s) THEN (%2$s ->> x.f%3$s)%s ELSE (%s)%4$s END',
			CASE WHEN f.on_blank IS NULL THEN '' ELSE format(' WHEN %s THEN (%s)%s', blank, on_blank, cast_to) END, known, f.position, cast_to,
			CASE WHEN f.on_error IS NULL THEN on_error WHEN f.on_blank IS NULL THEN format('CASE WHEN %s THEN %s ELSE %s END', blank, fallback, on_error) ELSE on_error END);
	ELSE
		inner_list := ARRAY[format('(%s) AS f%s', expression, f.position)];
		IF cardinality(cells) = 1 OR cardinality(cells) > 1 AND coalesce(f.on_error, f.on_blank) IS NOT NULL THEN
			inner_list := inner_list || format(CASE cardinality(cells) WHEN 1 THEN '%s AS c%s' ELSE 'concat_ws('' '', %s) AS c%s' END, array_to_string(cells, ', '), f.position);
			issue := format('x.f%s IS NULL AND btrim(x.c%1$s, E'' \t\r\n'') <> ''''', f.position);
			blank := format('x.f%s IS NULL AND coalesce(btrim(x.c%1$s, E'' \t\r\n''), '''') = ''''', f.position);
			place := f.position;
		END IF;
		piece := CASE
			WHEN blank IS NOT NULL AND coalesce(f.on_error, f.on_blank) IS NOT NULL
				THEN format('CASE WHEN x.f%s IS NOT NULL THEN x.f%1$s WHEN %s THEN %s ELSE %s END', f.position, blank, on_blank, on_error)
			WHEN f.default_value IS NULL THEN format('x.f%s', f.position)
			ELSE format('coalesce(x.f%s, %L)', f.position, f.default_value) END;
	END IF;
	IF f.on_error = 'exclude' AND issue IS NOT NULL THEN
		reasons := reasons || format(' WHEN %s THEN %L', issue, f.field || CASE WHEN f.values_name IS NULL THEN ' cannot be read' ELSE ' is not in the value map' END);
	END IF;
	IF f.on_blank = 'exclude' AND blank IS NOT NULL THEN
		reasons := reasons || format(' WHEN %s THEN %L', blank, 'no ' || f.field);
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._compile_value(mig integer, o flitmig.object_map, f flitmig.field_map) IS 'SQL of one value: what is worked out of the row s, what of that (x) goes into the payload, what is an issue, what keeps the record back';

/*
 * OFFSET keeps each expression from being worked out twice, once for the field
 * and once for its issue.  Being a bigint it is a constant to the planner from
 * the beginning; after any other offset no workers share in the rest.
 */
CREATE FUNCTION flitmig._compile(mig integer, map integer)
RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	m			flitmig.migration := (SELECT x FROM flitmig.migration x WHERE x.id = mig);
	o			flitmig.object_map := (SELECT x FROM flitmig.object_map x WHERE x.id = map);
	f			flitmig.field_map;
	reasons		text := '';
	own_reasons	text := '';
	value		record;
	inner_list	text[] := '{}';
	outer_list	text[] := '{}';
	names		text[] := '{}';
	pieces		text[] := '{}';
	issues		text[] := '{}';
	places		integer[] := '{}';
	expression	text;
	item		record;
	adopted		boolean := EXISTS (SELECT FROM flitmig.adoption a WHERE a.object_map_id = map);
BEGIN
	FOR f IN SELECT * FROM flitmig.field_map x WHERE x.object_map_id = map ORDER BY x.position LOOP
		expression := flitmig._expand(mig, f.expression);
		IF f.kind = 'relation' THEN
			/* handles and aliases are compared as they read, keys as they stand */
			inner_list := inner_list || format(CASE WHEN f.reference_by IS NULL AND f.values_name IS NULL THEN 'flitmig.clean((%s)::text) AS r%s'
													ELSE 'lower(flitmig.one_line((%s)::text)) AS r%s' END, expression, f.position);
			outer_list := outer_list || CASE WHEN f.values_name IS NULL THEN format('x.r%s', f.position)
											 ELSE format('coalesce(%L::jsonb ->> x.r%s, x.r%2$s) AS r%2$s', flitmig._values_doc(mig, f.values_name), f.position) END;
		ELSIF f.kind = 'owner' THEN
			inner_list := inner_list || format('lower(flitmig.one_line((%s)::text)) AS o%s', expression, f.position);
			outer_list := outer_list || format('x.o%s', f.position);
		ELSE
			value := flitmig._compile_value(mig, o, f);
			inner_list := inner_list || value.inner_list;
			names := names || f.field;
			pieces := pieces || value.piece;
			IF value.issue IS NOT NULL THEN
				issues := issues || value.issue;
				places := places || value.place;
			END IF;
			own_reasons := own_reasons || value.reasons;
		END IF;
	END LOOP;

	IF o.merge ? 'newest' AND jsonb_typeof(o.merge) = 'object' THEN
		inner_list := inner_list || format('(%s) AS newest', flitmig._expand(mig, o.merge->>'newest'));
		outer_list := outer_list || 'x.newest'::text;
	END IF;
	FOR item IN SELECT h.key AS name, h.value AS expression FROM jsonb_each_text(o.handles) h LOOP
		inner_list := inner_list || format('lower(flitmig.one_line((%s)::text)) AS %I', flitmig._expand(mig, item.expression), 'h_' || item.name);
		outer_list := outer_list || format('x.%I', 'h_' || item.name);
	END LOOP;
	FOR item IN SELECT x.doc, x.n FROM jsonb_array_elements(o.exclude) WITH ORDINALITY x(doc, n) LOOP
		inner_list := inner_list || format('(%s) AS x%s', flitmig._expand(mig, item.doc->>'when'), item.n);
		reasons := reasons || format(' WHEN x.x%s THEN %L', item.n, item.doc->>'reason');
	END LOOP;

	RETURN format($sql$
SELECT x.source_key, %s AS id, x._file AS file_id, x._line AS line_no,
	(x._file::bigint << 40) | x._line AS sequence, x._hash AS row_hash, %s AS reason, x.file_path,
	%s AS payload, %s AS issues%s
FROM (SELECT flitmig.clean((%s)::text) AS source_key, s._file, s._line, s._hash, (%s)::text AS file_path%s
	  FROM %s%s OFFSET bigint '0') x%s$sql$,
		format(CASE WHEN adopted THEN 'coalesce(a.target_id, flitmig.uuid_v5(%L, %L || x.source_key))' ELSE 'flitmig.uuid_v5(%L, %L || x.source_key)' END, m.namespace, o.name || ':'),
		CASE WHEN reasons || own_reasons = '' THEN 'NULL::text' ELSE 'CASE' || reasons || own_reasons || ' END' END,
		flitmig._build_object(names, pieces),
		/* most rows have none: no array is made for those */
		coalesce((SELECT format('CASE WHEN %s THEN array_remove(ARRAY[%s], NULL) END',
								string_agg(u.issue, ' OR '), string_agg(format('CASE WHEN %s THEN %s END', u.issue, u.place), ', '))
				  FROM unnest(issues, places) u(issue, place) HAVING count(*) > 0), 'NULL::integer[]'),
		coalesce(', ' || nullif(array_to_string(outer_list, ', '), ''), ''),
		flitmig._expand(mig, o.key), coalesce(flitmig._expand(mig, o.file_path), 'NULL'),
		coalesce(', ' || nullif(array_to_string(inner_list, ', '), ''), ''),
		flitmig._expand(mig, o.source), coalesce(' WHERE ' || flitmig._expand(mig, '(' || o.filter || ')'), ''),
		/* a record that Twenty had already goes by its own id */
		CASE WHEN adopted THEN format(' LEFT JOIN flitmig.adoption a ON a.object_map_id = %s AND a.source_key = x.source_key', map) ELSE '' END);
END
$$;
COMMENT ON FUNCTION flitmig._compile(mig integer, map integer) IS 'The SELECT that makes an object map''s work rows from the staged rows';

/*
 * Alternatives a|b are tried in order; a map that was resolved before is read
 * with its final state, one that comes later (or is the same) as it was mapped.
 */
CREATE FUNCTION flitmig._compile_resolve(mig integer, map integer)
RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	o			flitmig.object_map := (SELECT x FROM flitmig.object_map x WHERE x.id = map);
	f			flitmig.field_map;
	namespace	uuid := (SELECT m.namespace FROM flitmig.migration m WHERE m.id = mig);
	rel			record;
	alternative	record;
	joins		text := '';
	excluded	text := '';
	unknown		text := '';
	excluded_issue text := '';
	unknown_issue text := '';
	names		text[] := '{}';
	pieces		text[] := '{}';
	found		text[] := '{}';
	issues		text[] := '{}';
	ends		text := '';
	ids			text;
	parents		text;
	twins		text;
	problem		text;
	alias		text;
BEGIN
	FOR f IN SELECT * FROM flitmig.field_map x WHERE x.object_map_id = map AND x.kind IN ('relation', 'owner') ORDER BY x.position LOOP
		SELECT * INTO rel FROM flitmig._relation(mig, o.object, f.field);
		IF f.kind = 'owner' THEN
			joins := joins || format(' LEFT JOIN flitmig.owner j%1$s ON j%1$s.migration_id = %2$s AND j%1$s.source_value = w.o%1$s', f.position, mig);
			names := names || rel.payload_key;
			pieces := pieces || format('j%s.member_id', f.position);
			CONTINUE;
		END IF;
		ids := '';
		parents := '';
		twins := '';
		FOR alternative IN
			SELECT r.id, r.name, r.position < o.position AS done, u.n
			FROM unnest(string_to_array(f.reference, '|')) WITH ORDINALITY u(name, n)
			JOIN flitmig.object_map r ON r.migration_id = mig AND r.name = u.name ORDER BY u.n
		LOOP
			alias := format('j%s_%s', f.position, alternative.n);
			IF f.reference_by IS NOT NULL THEN
				/* who has that handle; of several only one that is not excluded */
				joins := joins || format(' LEFT JOIN (SELECT t.%1$I AS handle, (array_agg(t.source_key ORDER BY t.reason IS NOT NULL))[1] AS source_key,'
					' count(*) FILTER (WHERE t.reason IS NULL) > 1 AS twins FROM pg_temp.%2$I t WHERE t.%1$I IS NOT NULL AND t.source_key IS NOT NULL GROUP BY 1) %3$s_h ON %3$s_h.handle = w.r%4$s',
					'h_' || f.reference_by, 'flitmig_w' || alternative.id, alias, f.position);
				twins := twins || format(' OR %s_h.twins', alias);
			END IF;
			joins := joins || format(' LEFT JOIN pg_temp.%I %s ON %2$s.source_key = %3$s',
				CASE WHEN alternative.done THEN 'flitmig_r' ELSE 'flitmig_w' END || alternative.id, alias,
				CASE WHEN f.reference_by IS NULL THEN format('w.r%s', f.position) ELSE format('%1$s_h.source_key AND NOT %1$s_h.twins', alias) END);
			ids := ids || format(', CASE WHEN %1$s.reason IS NULL THEN %1$s.id END', alias);
			/* a delta that holds only what changed: what it points at may be in Twenty since an earlier export */
			IF f.reference_by IS NULL AND EXISTS (SELECT FROM flitmig.base b WHERE b.object_map_id = alternative.id) THEN
				joins := joins || format(' LEFT JOIN (flitmig.record %1$s_r JOIN flitmig.base %1$s_b ON %1$s_b.migration_id = %1$s_r.migration_id AND %1$s_b.id = %1$s_r.id)'
					' ON %1$s_r.migration_id = %2$s AND %1$s_r.id = flitmig.uuid_v5(%3$L, %4$L || w.r%5$s) AND %1$s.source_key IS NULL',
					alias, mig, namespace, alternative.name || ':', f.position);
				ids := ids || format(', %s_r.id', alias);
			END IF;
			parents := parents || format(', %s.reason', alias);
		END LOOP;
		ids := 'coalesce(' || substr(ids, 3) || ')';
		parents := 'coalesce(' || substr(parents, 3) || ')';
		twins := coalesce(nullif(substr(twins, 5), ''), 'false');
		problem := format('CASE WHEN %s THEN %s + 10000 ELSE %2$s END', twins, f.position);
		ends := ends || format(' || CASE WHEN w.r%s IS NULL THEN ''b'' WHEN %s IS NOT NULL THEN ''r'' WHEN %s THEN ''a'' WHEN %s IS NOT NULL THEN ''x'' ELSE ''m'' END',
							   f.position, ids, twins, parents);
		IF rel.payload_key IS NOT NULL THEN
			names := names || rel.payload_key;
			pieces := pieces || ids;
		END IF;
		found := found || CASE WHEN found = '{}' THEN ids
							   ELSE format('CASE WHEN %1$s IN (%2$s) THEN NULL ELSE %1$s END', ids, array_to_string(found, ', ')) END;
		IF f.on_missing = 'exclude' THEN
			/* what is excluded because of one missing parent is reported once: an excluded parent before an unknown one */
			excluded := excluded || format(' WHEN %1$s IS NULL AND %2$s IS NOT NULL THEN ''parent excluded: '' || replace(%2$s, ''parent excluded: '', '''')', ids, parents);
			unknown := unknown || format(' WHEN %1$s IS NULL THEN CASE WHEN w.r%2$s IS NULL THEN %3$L WHEN %5$s THEN %6$L ELSE %4$L END',
										 ids, f.position, 'no ' || ltrim(f.field, '@!'), ltrim(f.field, '@!') || ' not found', twins, ltrim(f.field, '@!') || ' is ambiguous');
			excluded_issue := excluded_issue || format(' WHEN %1$s IS NULL AND %2$s IS NOT NULL THEN ARRAY[-%3$s]', ids, parents, f.position);
			unknown_issue := unknown_issue || format(' WHEN %1$s IS NULL THEN CASE WHEN w.r%2$s IS NOT NULL THEN ARRAY[%3$s] END', ids, f.position, problem);
		ELSE
			issues := issues || format('CASE WHEN w.r%1$s IS NOT NULL AND %2$s IS NULL THEN CASE WHEN %3$s IS NULL THEN %4$s ELSE -%1$s END END', f.position, ids, parents, problem);
		END IF;
	END LOOP;
	RETURN format($sql$
SELECT w.source_key, w.id, w.file_id, w.line_no, w.sequence, w.file_path, %s AS reason,
	%s AS payload, array_remove(ARRAY[%s]::uuid[], NULL) AS refs, %s AS issues, %s AS ends
FROM pg_temp.%I w%s
WHERE w.source_key IS NOT NULL$sql$,
		CASE WHEN excluded = '' THEN 'w.reason' ELSE 'CASE WHEN w.reason IS NOT NULL THEN w.reason' || excluded || unknown || ' END' END,
		CASE WHEN names = '{}' THEN 'w.payload' ELSE 'w.payload || ' || flitmig._build_object(names, pieces) END,
		array_to_string(found, ', '),
		'CASE WHEN w.reason IS NOT NULL THEN NULL' || excluded_issue || unknown_issue
			|| CASE WHEN issues = '{}' THEN '' ELSE format(' ELSE nullif(array_remove(ARRAY[%s]::integer[], NULL), ''{}'')', array_to_string(issues, ', ')) END || ' END::integer[]',
		coalesce(nullif(substr(ends, 5), ''), ''''''), 'flitmig_w' || map, joins);
END
$$;
COMMENT ON FUNCTION flitmig._compile_resolve(mig integer, map integer) IS 'The SELECT that fills the ids of related records and owners into an object map''s work rows';
