/* mapping: staged rows become flitmig.record, one INSERT … SELECT per object map. */

CREATE FUNCTION flitmig._migration_id(migration text)
RETURNS integer LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mig		integer := (SELECT m.id FROM flitmig.migration m WHERE m.name = _migration_id.migration);
BEGIN
	IF mig IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('migration "%s" does not exist', migration),
			HINT = coalesce('Migrations: ' || (SELECT string_agg(m.name, ', ' ORDER BY m.name) FROM flitmig.migration m) || '.',
							'SELECT flitmig_create(''clinic'', ''crm'');');
	END IF;
	RETURN mig;
END
$$;
COMMENT ON FUNCTION flitmig._migration_id(migration text) IS 'Id of a migration by name';

CREATE FUNCTION flitmig._find_missing_fields(mig integer)
RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO flitmig.finding (migration_id, step, severity, code, object, column_name, count, message, hint)
	SELECT mig, 'map', 'error', 'MISSING_FIELD', o.name, f.field, 1,
		format('Twenty has no %s.%s', o.object, f.field),
		CASE WHEN t.name IS NOT NULL OR f.field LIKE '@%' THEN format('SELECT flitmig_prepare(%L); creates it.', m.name)
			 ELSE 'Remove the field from flitmig.field_map, or add it to the profile''s targets.' END
	FROM flitmig.migration m
	JOIN flitmig.object_map o ON o.migration_id = m.id
	JOIN flitmig.field_map f ON f.object_map_id = o.id
	LEFT JOIN flitmig.target_field t ON t.migration_id = m.id AND t.object = o.object AND t.name = f.field
	WHERE m.id = mig AND CASE WHEN f.kind = 'value'
		THEN NOT EXISTS (SELECT FROM flitmig.live_field l WHERE l.migration_id = mig AND l.object = o.object AND l.name = f.field AND l.is_active)
		ELSE NOT (SELECT r.live FROM flitmig._relation(mig, o.object, f.field) r) END;
	INSERT INTO flitmig.finding (migration_id, step, severity, code, object, column_name, count, message, hint)
	SELECT mig, 'map', 'error', 'MISSING_FIELD', o.name, o.gone ->> 'field', 1,
		format('Twenty has no %s.%s of type BOOLEAN to flag records that are gone from the export', o.object, o.gone ->> 'field'),
		'Add the field to the profile''s targets, or name another one in flitmig.object_map.gone.'
	FROM flitmig.object_map o
	WHERE o.migration_id = mig AND o.gone ->> 'action' = 'flag'
	  AND NOT EXISTS (SELECT FROM flitmig.live_field l WHERE l.migration_id = mig AND l.object = o.object AND l.name = o.gone ->> 'field' AND l.is_active AND l.type = 'BOOLEAN')
$$;
COMMENT ON FUNCTION flitmig._find_missing_fields(mig integer) IS 'Findings: mapped fields that the live schema lacks';

/*
 * An expression that raises on a cell would put the cell into the error text:
 * the server's words are dropped, what the expression is for is named instead.
 */
CREATE FUNCTION flitmig._raise_without_value(what text, code text)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION USING ERRCODE = code,
		MESSAGE = format('%s: the expression fails on a value of the export', what),
		HINT = 'Read cells with the functions flitmig.to_date, to_number, to_integer and kin: they give NULL for what cannot be read, and a finding tells where.';
END
$$;
COMMENT ON FUNCTION flitmig._raise_without_value(what text, code text) IS 'Raises an error that says where an expression fails, never the value';

CREATE FUNCTION flitmig._raise_bad_expression(mig integer, map integer, code text)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	o		flitmig.object_map := (SELECT x FROM flitmig.object_map x WHERE x.id = map);
	f		flitmig.field_map;
	field	text;
BEGIN
	FOR f IN SELECT * FROM flitmig.field_map x WHERE x.object_map_id = map ORDER BY x.position LOOP
		BEGIN
			EXECUTE format('SELECT count((%s)::text) FROM %s%s', flitmig._expand(mig, f.expression), flitmig._expand(mig, o.source),
						   coalesce(' WHERE (' || flitmig._expand(mig, o.filter) || ')', ''));
		EXCEPTION WHEN data_exception OR raise_exception THEN
			field := f.field;
			EXIT;
		END;
	END LOOP;
	PERFORM flitmig._raise_without_value(format('object map "%s"%s', o.name, coalesce(format(', field "%s"', field), '')), code);
END
$$;
COMMENT ON FUNCTION flitmig._raise_bad_expression(mig integer, map integer, code text) IS 'Raises an error that names the object map and field whose expression fails, never the value';

CREATE FUNCTION flitmig._drop_work(map integer)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
BEGIN
	/* resolved rows may be a view of the work rows, which goes with them */
	EXECUTE format('DROP TABLE IF EXISTS pg_temp.%I CASCADE', 'flitmig_w' || map);
	EXECUTE format('DROP TABLE IF EXISTS pg_temp.%I', 'flitmig_r' || map);
END
$$;
COMMENT ON FUNCTION flitmig._drop_work(map integer) IS 'Removes the work tables of an object map';

CREATE FUNCTION flitmig._merge_order(merge jsonb)
RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN jsonb_typeof(merge) = 'object' THEN 'w.newest DESC NULLS LAST, '
				WHEN merge = '"first"' THEN 'w.sequence, '
				WHEN merge = '"fullest"' THEN '(SELECT count(*) FROM jsonb_object_keys(w.payload)) DESC, length(w.payload::text) DESC, '
				ELSE '' END || 'w.sequence DESC, w.ctid'
$$;
COMMENT ON FUNCTION flitmig._merge_order(merge jsonb) IS 'The order of work rows with one key in which the first one counts';

/* Work rows of one object map, one a key: which row counts is object_map.merge. */
CREATE FUNCTION flitmig._merge_rows(mig integer, o flitmig.object_map)
RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	work	text := 'flitmig_w' || o.id;
	twice	bigint;
BEGIN
	DROP TABLE IF EXISTS pg_temp.flitmig_twice;
	EXECUTE format($sql$
CREATE TEMP TABLE flitmig_twice ON COMMIT DROP AS
SELECT w.ctid AS tid, w.file_id, w.line_no, w.sequence,
	row_number() OVER key AS rank,
	w.row_hash IS NOT DISTINCT FROM first_value(w.row_hash) OVER key AS same,
	w.sequence = first_value(w.sequence) OVER key AS joined,
	bool_or(w.row_hash IS DISTINCT FROM k.row_hash) OVER (PARTITION BY w.id) AS differ
FROM pg_temp.%1$I w
JOIN (SELECT k.id, min(k.row_hash) AS row_hash FROM pg_temp.%1$I k WHERE k.id IS NOT NULL GROUP BY 1 HAVING count(*) > 1) k ON k.id = w.id
WINDOW key AS (PARTITION BY w.source_key ORDER BY %2$s)$sql$, work, flitmig._merge_order(o.merge));
	EXECUTE format('DELETE FROM pg_temp.%I w USING pg_temp.flitmig_twice t WHERE t.tid = w.ctid AND t.rank > 1', work);
	GET DIAGNOSTICS twice = ROW_COUNT;
	IF o.merge = '"refuse"' THEN
		EXECUTE format('UPDATE pg_temp.%I w SET reason = coalesce(w.reason, ''several different rows have its key'') FROM pg_temp.flitmig_twice t WHERE t.tid = w.ctid AND t.rank = 1 AND t.differ', work);
	END IF;
	INSERT INTO flitmig.finding (migration_id, step, severity, code, object, column_name, count, places, message, hint)
	SELECT mig, 'map', CASE WHEN t.same AND NOT t.joined THEN 'info' ELSE 'warning' END, CASE WHEN t.joined THEN 'JOIN_MULTIPLIES' ELSE 'DUPLICATE_KEY' END,
		o.name, o.key, count(*),
		flitmig._places(mig, (array_agg(t.file_id ORDER BY t.sequence))[1:5], (array_agg(t.line_no ORDER BY t.sequence))[1:5]),
		CASE WHEN t.joined THEN format('%s row(s) came out of a join more than once', count(*))
			 WHEN t.same THEN format('%s row(s) stand in the export more than once, word for word', count(*))
			 ELSE format('%s row(s) have a key that %s row has too; %s', count(*),
				CASE WHEN o.merge = '"last"' THEN 'a later' ELSE 'another' END,
				CASE WHEN o.merge = '"last"' THEN 'the later row counts' WHEN o.merge = '"first"' THEN 'the first row counts' WHEN o.merge = '"fullest"' THEN 'the fullest row counts'
					 WHEN o.merge = '"refuse"' THEN 'none of them counts' ELSE 'the newest row counts' END) END,
		CASE WHEN t.joined THEN 'Let the map''s source give one row per key.' WHEN t.same THEN NULL ELSE 'Compare the rows in the staging table; correct the export if the later one is not the right one.' END
	FROM pg_temp.flitmig_twice t WHERE t.rank > 1
	GROUP BY t.same, t.joined;
	RETURN twice;
END
$$;
COMMENT ON FUNCTION flitmig._merge_rows(mig integer, o flitmig.object_map) IS 'Keeps one work row a key, as the map''s merge says; how many went';

CREATE FUNCTION flitmig._find_blank_keys(mig integer, o flitmig.object_map)
RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found	record;
BEGIN
	EXECUTE format($sql$SELECT count(*) AS n, (array_agg(w.file_id ORDER BY w.sequence))[1:5] AS files, (array_agg(w.line_no ORDER BY w.sequence))[1:5] AS lines
					FROM pg_temp.%I w WHERE w.source_key IS NULL$sql$, 'flitmig_w' || o.id) INTO found;
	INSERT INTO flitmig.finding (migration_id, step, severity, code, object, column_name, count, places, message, hint)
	SELECT mig, 'map', 'warning', 'BLANK_KEY', o.name, o.key, found.n, flitmig._places(mig, found.files, found.lines),
		format('%s row(s) have no key and cannot become records', found.n), 'Give them an id in the export, or another key in flitmig.object_map.'
	WHERE found.n > 0;
	RETURN found.n;
END
$$;
COMMENT ON FUNCTION flitmig._find_blank_keys(mig integer, o flitmig.object_map) IS 'Finding: work rows without a key; how many there are';

CREATE FUNCTION flitmig._map_rows(mig integer, map integer)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	o			flitmig.object_map := (SELECT x FROM flitmig.object_map x WHERE x.id = map);
	work		text := 'flitmig_w' || map;
	driving		text := flitmig._driving_entity(o.source);
	read		bigint;
	made		bigint;
	twice		bigint;
	blank		bigint;
BEGIN
	PERFORM flitmig._drop_work(map);
	BEGIN
		EXECUTE format('CREATE TEMP TABLE %I ON COMMIT DROP AS %s', work, flitmig._compile(mig, map));
		GET DIAGNOSTICS made = ROW_COUNT;
	EXCEPTION WHEN data_exception OR raise_exception THEN
		PERFORM flitmig._raise_bad_expression(mig, map, SQLSTATE);
	END;

	twice := flitmig._merge_rows(mig, o);
	blank := flitmig._find_blank_keys(mig, o);
	/* what the filter, or an inner join, left out */
	EXECUTE CASE WHEN driving IS NULL THEN 'SELECT count(*) FROM ' || flitmig._expand(mig, o.source)
				 ELSE 'SELECT count(*) FROM ' || flitmig._entity_sql(mig, driving) || ' s' END INTO read;
	INSERT INTO flitmig.map_count (migration_id, object_map_id, rows_read, filtered, blank_keys, duplicate_keys, mapped, excluded)
	VALUES (mig, map, greatest(read, made), greatest(read - made, 0), blank, twice, 0, 0);
	EXECUTE format('ANALYZE pg_temp.%I (source_key, id, sequence)', work);
END
$$;
COMMENT ON FUNCTION flitmig._map_rows(mig integer, map integer) IS 'Makes the work rows of an object map, one per key, and counts where the others went';

CREATE FUNCTION flitmig._count_references(mig integer, map integer)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format($sql$
WITH e AS MATERIALIZED (SELECT r.ends, count(*) AS n FROM pg_temp.%3$I r GROUP BY 1)
INSERT INTO flitmig.reference_count (migration_id, object_map_id, field, resolved, missing, ambiguous, excluded, blank)
SELECT %1$s, %2$s, f.field, coalesce(sum(c.n) FILTER (WHERE c.letter = 'r'), 0), coalesce(sum(c.n) FILTER (WHERE c.letter = 'm'), 0),
	coalesce(sum(c.n) FILTER (WHERE c.letter = 'a'), 0), coalesce(sum(c.n) FILTER (WHERE c.letter = 'x'), 0), coalesce(sum(c.n) FILTER (WHERE c.letter = 'b'), 0)
FROM (SELECT x.field, row_number() OVER (ORDER BY x.position) AS place FROM flitmig.field_map x WHERE x.object_map_id = %2$s AND x.kind = 'relation') f
LEFT JOIN LATERAL (SELECT substr(e.ends, f.place::integer, 1) AS letter, e.n FROM e) c ON true
GROUP BY f.field$sql$, mig, map, 'flitmig_r' || map);
END
$$;
COMMENT ON FUNCTION flitmig._count_references(mig integer, map integer) IS 'Counts how the references of an object map''s resolved rows end';

CREATE FUNCTION flitmig._resolve_rows(mig integer, map integer)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF EXISTS (SELECT FROM flitmig.field_map f WHERE f.object_map_id = map AND f.kind IN ('relation', 'owner')) THEN
		EXECUTE format('CREATE TEMP TABLE %I ON COMMIT DROP AS %s', 'flitmig_r' || map, flitmig._compile_resolve(mig, map));
		EXECUTE format('ANALYZE pg_temp.%I (source_key, id, sequence)', 'flitmig_r' || map);
		PERFORM flitmig._find_issues(mig, map, 'map', 'reference', format('pg_temp.%I', 'flitmig_r' || map));
		PERFORM flitmig._count_references(mig, map);
	ELSE
		/* what points at nothing is resolved as it stands: no second copy of a million payloads */
		EXECUTE format($sql$
CREATE TEMP VIEW %I AS
SELECT w.source_key, w.id, w.file_id, w.line_no, w.sequence, w.file_path, w.reason, w.payload, '{}'::uuid[] AS refs, NULL::integer[] AS issues
FROM pg_temp.%I w WHERE w.source_key IS NOT NULL$sql$, 'flitmig_r' || map, 'flitmig_w' || map);
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._resolve_rows(mig integer, map integer) IS 'Makes the resolved rows of an object map: a table, or a view of its work rows when they point at nothing';

CREATE FUNCTION flitmig._in_order(map integer)
RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce((
		SELECT s.correlation > 0.9
		FROM pg_stats s JOIN pg_namespace n ON n.nspname = s.schemaname
		WHERE n.oid = pg_my_temp_schema() AND s.tablename IN ('flitmig_r' || map, 'flitmig_w' || map) AND s.attname = 'sequence'
		ORDER BY s.tablename LIMIT 1), false)		-- resolved rows are their own table, or a view of the work rows
$$;
COMMENT ON FUNCTION flitmig._in_order(map integer) IS 'Do the resolved rows of an object map lie, but for a few, in the order of the export?';

CREATE FUNCTION flitmig._find_issues(mig integer, map integer, step text, kind text, work text)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	o		flitmig.object_map := (SELECT x FROM flitmig.object_map x WHERE x.id = map);
	f		flitmig.field_map;
	issue	record;
BEGIN
	FOR issue IN EXECUTE format($sql$
SELECT u.n, count(*) AS count, (array_agg(w.file_id ORDER BY w.sequence))[1:5] AS files, (array_agg(w.line_no ORDER BY w.sequence))[1:5] AS lines
FROM %s w, unnest(w.issues) u(n)
WHERE w.source_key IS NOT NULL AND w.issues IS NOT NULL%s
GROUP BY u.n ORDER BY abs(u.n), u.n$sql$, work, CASE kind WHEN 'value' THEN
		/* what is left out for its value's sake is reported, what is left out anyway is not */
		format(' AND (w.reason IS NULL OR EXISTS (SELECT FROM flitmig.field_map y WHERE y.object_map_id = %s AND y.position = abs(u.n) AND y.on_error = ''exclude'''
			' AND w.reason IN (y.field || '' cannot be read'', y.field || '' is not in the value map'')))', map) ELSE '' END)
	LOOP
		SELECT * INTO f FROM flitmig.field_map x WHERE x.object_map_id = map AND x.position = abs(issue.n) % 10000;
		INSERT INTO flitmig.finding (migration_id, step, severity, code, object, column_name, count, places, message, hint)
		SELECT mig, step, t.severity, t.code, o.name, coalesce(CASE WHEN cardinality(f.columns) = 1 THEN f.columns[1] END, f.field), issue.count,
			flitmig._places(mig, issue.files, issue.lines), format('%s: %s', o.name, t.message), t.hint
		FROM (SELECT CASE coalesce(f.on_error, CASE WHEN f.default_value IS NULL THEN 'null' ELSE 'default' END)
				WHEN 'null' THEN 'the field stays empty' WHEN 'default' THEN 'they become ' || f.default_value
				WHEN 'keep' THEN 'they are kept as they stand' ELSE 'these records are excluded' END AS words) ending
		CROSS JOIN LATERAL (VALUES
			('value', true, 'warning', 'UNREADABLE_VALUE',
				format('%s value(s) cannot be read as %s.%s; %s', issue.count, o.object, f.field, ending.words),
				CASE WHEN f.expression LIKE '%{order %' THEN 'Look at the places; if day and month cannot be told apart, give date_order in flitmig_create.'
					 ELSE 'Look at the places; correct the export, or the expression in flitmig.field_map.' END),
			('value', false, 'warning', 'UNMAPPED_VALUE',
				format('%s value(s) are not in the value map %s; %s', issue.count, f.values_name, ending.words),
				format('See top_values in flitmig.column_census, then INSERT INTO flitmig.value_map VALUES (%s, %L, source_value, target_value);', mig, f.values_name)),
			('reference', true, 'warning', 'UNRESOLVED_REFERENCE',
				format('%s row(s) name %s records that the export does not hold; %s', issue.count, replace(f.reference, '|', ' or '),
					   CASE f.on_missing WHEN 'exclude' THEN 'they are excluded' ELSE 'they go without it' END),
				CASE WHEN f.reference_by IS NULL THEN 'Import the file that has them, or correct the ids.'
					 ELSE 'Import the file that has them, or give aliases: "aliases" of the relation in the profile names a value map.' END),
			('ambiguous', true, 'warning', 'AMBIGUOUS_REFERENCE',
				format('%s row(s) name %s records by %s, which several of them share; %s', issue.count, replace(f.reference, '|', ' or '), f.reference_by,
					   CASE f.on_missing WHEN 'exclude' THEN 'they are excluded' ELSE 'they go without it' END),
				'Nothing is taken on a guess: merge the doubles in the source, or refer to them by id.'),
			('reference', false, 'info', 'EXCLUDED_REFERENCE',
				format('%s row(s) point at %s records that are excluded; %s', issue.count, replace(f.reference, '|', ' or '),
					   CASE f.on_missing WHEN 'exclude' THEN 'they are excluded too' ELSE 'they go without it' END), NULL)
			) t(kind, positive, severity, code, message, hint)
		WHERE t.kind = CASE WHEN issue.n > 10000 THEN 'ambiguous' ELSE _find_issues.kind END AND t.positive = (issue.n > 0);
	END LOOP;
END
$$;
COMMENT ON FUNCTION flitmig._find_issues(mig integer, map integer, step text, kind text, work text) IS 'Findings from the issues of work rows: kind value (unreadable, unmapped) or reference (unknown, excluded). work is a table or subquery';

/* Only what differs is written: a delta of a million rows touches the few that changed. */
CREATE FUNCTION flitmig._merge_records(mig integer, map integer)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	made	text := 'flitmig_r' || map;
	again	boolean := EXISTS (SELECT FROM flitmig.record c WHERE c.object_map_id = map);
	sorted	boolean := flitmig._in_order(map);
BEGIN
	IF again THEN
		EXECUTE format($sql$
UPDATE flitmig.record c
SET file_id = r.file_id, line_no = r.line_no, sequence = r.sequence, state = CASE WHEN r.reason IS NULL THEN 'mapped' ELSE 'excluded' END,
	reason = r.reason, file_path = r.file_path, refs = r.refs, hash = r.hash, payload = r.payload
FROM (SELECT x.*, jsonb_hash_extended(x.payload, 0) AS hash FROM pg_temp.%I x) r
WHERE c.migration_id = %s AND c.object_map_id = %s AND c.id = r.id
	AND (c.hash, c.state, c.reason, c.file_id, c.line_no, c.sequence, c.file_path, c.refs)
		IS DISTINCT FROM (r.hash, CASE WHEN r.reason IS NULL THEN 'mapped' ELSE 'excluded' END, r.reason, r.file_id, r.line_no, r.sequence, r.file_path, r.refs)$sql$, made, mig, map);
		EXECUTE format($sql$
UPDATE flitmig.record c SET state = 'gone', reason = NULL
WHERE c.object_map_id = %s AND c.state <> 'gone' AND NOT EXISTS (SELECT FROM pg_temp.%I r WHERE r.id = c.id)$sql$, map, made);
	END IF;
	EXECUTE format($sql$
INSERT INTO flitmig.record (migration_id, id, object, object_map_id, source_key, file_id, line_no, sequence, state, reason, file_path, refs, hash, payload)
SELECT %s, r.id, o.object, o.id, r.source_key, r.file_id, r.line_no, r.sequence, CASE WHEN r.reason IS NULL THEN 'mapped' ELSE 'excluded' END,
	r.reason, r.file_path, r.refs, jsonb_hash_extended(r.payload, 0), r.payload
FROM pg_temp.%I r JOIN flitmig.object_map o ON o.id = %s
WHERE %s%s$sql$, mig, made, map,
		CASE WHEN again THEN format('NOT EXISTS (SELECT FROM flitmig.record c WHERE c.object_map_id = %s AND c.id = r.id)', map) ELSE 'true' END,
		CASE WHEN sorted THEN '' ELSE ' ORDER BY r.sequence' END);
	EXECUTE format($sql$
UPDATE flitmig.map_count n SET mapped = r.mapped, excluded = r.excluded
FROM (SELECT count(*) FILTER (WHERE x.reason IS NULL) AS mapped, count(x.reason) AS excluded FROM pg_temp.%I x) r
WHERE n.migration_id = %s AND n.object_map_id = %s$sql$, made, mig, map);
END
$$;
COMMENT ON FUNCTION flitmig._merge_records(mig integer, map integer) IS 'Brings resolved rows into flitmig.record: changed ones updated, new ones added, missing ones gone, returned ones back';

/*
 * A field that points forward was resolved before its record's own fate was
 * known. Whatever that takes back is followed until nothing changes.
 */
CREATE FUNCTION flitmig._settle_forward(mig integer)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	item	record;
	changed	bigint;
	n		bigint;
BEGIN
	IF NOT EXISTS (SELECT FROM flitmig.deferred_field d WHERE d.migration_id = mig) THEN
		RETURN;
	END IF;
	LOOP
		changed := 0;
		FOR item IN
			SELECT format('flitmig_r%s', o.id) AS work, format('flitmig_r%s', r.id) AS target, k.payload_key AS key, f.on_missing
			FROM flitmig.object_map o
			JOIN flitmig.field_map f ON f.object_map_id = o.id AND f.kind = 'relation'
			CROSS JOIN LATERAL unnest(string_to_array(f.reference, '|')) ref
			JOIN flitmig.object_map r ON r.migration_id = mig AND r.name = ref
			CROSS JOIN LATERAL flitmig._relation(mig, o.object, f.field) k
			WHERE o.migration_id = mig AND k.payload_key IS NOT NULL
			ORDER BY o.position, f.position
		LOOP
			EXECUTE format($sql$
UPDATE pg_temp.%1$I w SET payload = w.payload - %3$L, refs = array_remove(w.refs, t.id),
	reason = CASE WHEN %4$L = 'exclude' THEN 'parent excluded: ' || replace(t.reason, 'parent excluded: ', '') END
FROM pg_temp.%2$I t
WHERE w.reason IS NULL AND t.id = (w.payload ->> %3$L)::uuid AND t.reason IS NOT NULL$sql$, item.work, item.target, item.key, item.on_missing);
			GET DIAGNOSTICS n = ROW_COUNT;
			changed := changed + n;
		END LOOP;
		EXIT WHEN changed = 0;
	END LOOP;
END
$$;
COMMENT ON FUNCTION flitmig._settle_forward(mig integer) IS 'Takes back references to records that turned out to be excluded after they were pointed at';

/* Mapping sees what the audit saw, and knows better how it ended. */
CREATE FUNCTION flitmig._forget_said_twice(mig integer)
RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
	DELETE FROM flitmig.finding f USING flitmig.finding m
	WHERE f.migration_id = mig AND f.step = 'audit' AND m.migration_id = mig AND m.step = 'map'
		AND m.code = f.code AND m.object IS NOT DISTINCT FROM f.object AND m.column_name IS NOT DISTINCT FROM f.column_name
$$;
COMMENT ON FUNCTION flitmig._forget_said_twice(mig integer) IS 'Findings of the audit that mapping has too go';

CREATE FUNCTION flitmig._map(mig integer)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET client_min_messages = warning
	SET default_statistics_target = 10		-- work tables: their size, and whether they are in order
AS $$
DECLARE
	m		flitmig.migration := (SELECT x FROM flitmig.migration x WHERE x.id = mig);
	maps	integer[];
	map		integer;
	item	record;
BEGIN
	IF m.id IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('there is no migration with id %s', mig);
	END IF;
	IF NOT EXISTS (SELECT FROM flitmig.live_field l WHERE l.migration_id = mig) THEN
		RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('the schema of server "%s" has not been read for migration "%s"', m.server, m.name),
			HINT = format('SELECT * FROM flitmig_plan(%L);', m.name);
	END IF;
	IF m.mapping_hash <> flitmig._mapping_hash(mig) THEN		-- what was confirmed, sampled and signed is what moves
		RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('the mapping of migration "%s" was changed since it was confirmed', m.name),
			HINT = format('SELECT flitmig_confirm(%L); then take a sample of it and sign it off.', m.name);
	END IF;
	/* one session's bulk work, as building an index is */
	IF pg_size_bytes(current_setting('work_mem')) < pg_size_bytes(current_setting('maintenance_work_mem')) THEN
		PERFORM set_config('work_mem', current_setting('maintenance_work_mem'), true);
	END IF;
	PERFORM flitmig._check_targets(mig);		/* the live schema tells types that the profile does not */
	DELETE FROM flitmig.finding f WHERE f.migration_id = mig AND f.step = 'map';
	DELETE FROM flitmig.map_count n WHERE n.migration_id = mig;
	DELETE FROM flitmig.reference_count n WHERE n.migration_id = mig;
	PERFORM flitmig._order(mig);
	PERFORM flitmig._find_missing_fields(mig);
	maps := ARRAY(SELECT o.id FROM flitmig.object_map o WHERE o.migration_id = mig ORDER BY o.position);

	FOREACH map IN ARRAY maps LOOP
		PERFORM flitmig._map_rows(mig, map);
		PERFORM flitmig._find_issues(mig, map, 'map', 'value', format('pg_temp.%I', 'flitmig_w' || map));
	END LOOP;
	PERFORM flitmig._match_owners(mig, (
		SELECT string_agg(format('SELECT w.o%s AS value, count(*) AS n FROM pg_temp.%I w WHERE w.reason IS NULL AND w.source_key IS NOT NULL GROUP BY 1', f.position, 'flitmig_w' || o.id), ' UNION ALL ')
		FROM flitmig.object_map o JOIN flitmig.field_map f ON f.object_map_id = o.id AND f.kind = 'owner' WHERE o.migration_id = mig));
	FOREACH map IN ARRAY maps LOOP
		PERFORM flitmig._resolve_rows(mig, map);
	END LOOP;
	PERFORM flitmig._settle_forward(mig);
	FOR item IN SELECT DISTINCT o.object, p.path FROM flitmig.object_map o, flitmig._unique_paths(mig, o.object) p(path) WHERE o.migration_id = mig ORDER BY 1, 2 LOOP
		PERFORM flitmig._settle_unique(mig, item.object, item.path);
	END LOOP;
	FOREACH map IN ARRAY maps LOOP
		PERFORM flitmig._merge_records(mig, map);
		PERFORM flitmig._drop_work(map);
	END LOOP;
	DROP TABLE IF EXISTS pg_temp.flitmig_twice, pg_temp.flitmig_crowd, pg_temp.flitmig_held, pg_temp.flitmig_lost;
	PERFORM flitmig._forget_said_twice(mig);
	UPDATE flitmig.migration x SET mapped_at = clock_timestamp() WHERE x.id = mig;
END
$$;
COMMENT ON FUNCTION flitmig._map(mig integer) IS 'Recomputes flitmig.record from the live staged rows. Running it again without new rows changes nothing';
