/* mapping: what any export can lack, whatever its profile: files, ids, what rows point at. */

CREATE FUNCTION flitmig._audit_files(mig integer)
RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO flitmig.finding (migration_id, step, severity, code, object, count, places, message, hint)
	SELECT mig, 'audit', 'warning', 'EMPTY_FILE', f.staging_table, count(*), (array_agg(f.name ORDER BY f.id))[1:5],
		format('%s file(s) of %s hold no row', count(*), f.staging_table), 'Is the export''s date range or its filter right? Some products ask for "any time to any time".'
	FROM flitmig.source_file f
	WHERE f.migration_id = mig AND f.superseded_by IS NULL AND f.staging_table IS NOT NULL AND f.rows_read = 0
	GROUP BY f.staging_table
	UNION ALL
	SELECT mig, 'audit', 'warning', 'REJECTED_ROWS', f.staging_table, sum(f.rows_rejected), (array_agg(f.name ORDER BY f.id))[1:5],
		format('%s row(s) of %s could not be staged and stay behind', sum(f.rows_rejected), f.staging_table),
		'SELECT file_id, line_no, reason FROM flitmig.reject;  the import''s findings say how to mend them.'
	FROM flitmig.source_file f
	WHERE f.migration_id = mig AND f.superseded_by IS NULL AND f.rows_rejected > 0
	GROUP BY f.staging_table;

	/* only entities that rows of a map come from: the others lend columns to these */
	INSERT INTO flitmig.finding (migration_id, step, severity, code, object, count, message, hint)
	SELECT mig, 'audit', 'info', 'MISSING_ENTITY', NULL, count(*),
		format('the export has no file of: %s', string_agg(e.name, ', ' ORDER BY e.name)), 'If the practice has such data, export it as well; otherwise there is nothing to do.'
	FROM (SELECT DISTINCT flitmig._staged_as(mig, flitmig._driving_entity(o.source)) AS name FROM flitmig.object_map o WHERE o.migration_id = mig) e
	WHERE NOT EXISTS (SELECT FROM flitmig.source_file f WHERE f.migration_id = mig AND f.staging_table = e.name)
	HAVING count(*) > 0;
$$;
COMMENT ON FUNCTION flitmig._audit_files(mig integer) IS 'Findings: files without rows, rows that were rejected, entities without a file';

CREATE FUNCTION flitmig._audit_keys_of(mig integer, o flitmig.object_map)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format('INSERT INTO pg_temp.flitmig_key SELECT DISTINCT %L, flitmig.clean((%s)::text) FROM %s', o.name, flitmig._expand(mig, o.key),
				   flitmig._expand(mig, o.source) || coalesce(' WHERE (' || flitmig._expand(mig, o.filter) || ')', ''));
END
$$;
COMMENT ON FUNCTION flitmig._audit_keys_of(mig integer, o flitmig.object_map) IS 'Notes the keys of an object map, for the rows that point at them';

/*
 * In one reading of a map's rows: ids that a spreadsheet has rounded (2.98E+13:
 * what it was is lost, and many ids become one), and references into nothing.
 */
CREATE FUNCTION flitmig._audit_references(mig integer, o flitmig.object_map)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	f			flitmig.field_map;
	cells		text := '';
	checks		text := '';
	hit			record;
BEGIN
	FOR f IN
		SELECT x.* FROM flitmig.field_map x
		WHERE x.object_map_id = o.id AND x.kind = 'relation' AND EXISTS (SELECT FROM pg_temp.flitmig_key k)
			/* by a handle or through aliases: mapping tells how they end */
			AND x.reference_by IS NULL AND x.values_name IS NULL
			/* a profile's own rule says the same of the same column, in its own words */
			AND NOT EXISTS (
				SELECT FROM flitmig.migration m, jsonb_array_elements(flitmig._array_of(m.profile_doc->'audit')) r
				WHERE m.id = mig AND r->>'code' = 'ORPHAN' AND r->>'entity' = flitmig._driving_entity(o.source) AND ARRAY[r->>'column'] = x.columns)
		ORDER BY x.position
	LOOP
		cells := cells || format(', flitmig.clean((%s)::text) AS r%s', flitmig._expand(mig, f.expression), f.position);
		checks := checks || format(', (%1$s, x.r%1$s, %2$L::text[])', f.position, string_to_array(f.reference, '|'));
	END LOOP;
	FOR hit IN EXECUTE format($sql$
SELECT r.n AS place, count(*) AS n, (array_agg(x._file ORDER BY x._file, x._line))[1:5] AS files, (array_agg(x._line ORDER BY x._file, x._line))[1:5] AS lines
FROM (SELECT s._file, s._line, (%s)::text AS key%s FROM %s OFFSET 0) x
CROSS JOIN LATERAL (VALUES (0, substring(x.key FROM '^\s*[0-9](?:[.,][0-9]+)?[eE]\+[0-9]+\s*$'), NULL::text[])%s) r(n, key, maps)
WHERE r.key IS NOT NULL AND NOT EXISTS (SELECT FROM pg_temp.flitmig_key k WHERE k.key = r.key AND k.map = ANY (r.maps))
GROUP BY r.n ORDER BY r.n$sql$, flitmig._expand(mig, o.key), cells, flitmig._map_rows_sql(mig, o), checks)
	LOOP
		IF hit.place = 0 THEN
			INSERT INTO flitmig.finding (migration_id, step, severity, code, object, column_name, count, places, message, hint)
			SELECT mig, 'audit', 'error', 'DAMAGED_ID', o.name, o.key, hit.n, flitmig._places(mig, hit.files, hit.lines),
				format('%s: %s id(s) were rounded by a spreadsheet (2.98E+13)', o.name, hit.n), 'Export again and import the file as it comes, without opening and saving it in a spreadsheet.';
			CONTINUE;
		END IF;
		SELECT * INTO f FROM flitmig.field_map x WHERE x.object_map_id = o.id AND x.position = hit.place;
		INSERT INTO flitmig.finding (migration_id, step, severity, code, object, column_name, count, places, message, hint)
		SELECT mig, 'audit', 'warning', 'UNRESOLVED_REFERENCE', o.name, coalesce(CASE WHEN cardinality(f.columns) = 1 THEN f.columns[1] END, f.field), hit.n,
			flitmig._places(mig, hit.files, hit.lines),
			format('%s: %s row(s) name %s records that the export does not hold; %s', o.name, hit.n, replace(f.reference, '|', ' or '),
				   CASE f.on_missing WHEN 'exclude' THEN 'they are excluded' ELSE 'they go without it' END),
			'Import the file that has them, or correct the ids.';
	END LOOP;
END
$$;
COMMENT ON FUNCTION flitmig._audit_references(mig integer, o flitmig.object_map) IS 'Findings: ids that a spreadsheet has rounded; unless nothing stands in flitmig_key, rows that point at records which the export does not hold';

CREATE FUNCTION flitmig._audit_attachments(mig integer)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	o		flitmig.object_map;
	hit		record;
	named	text := 'SELECT NULL::text AS path WHERE false';
BEGIN
	FOR o IN SELECT * FROM flitmig.object_map x WHERE x.migration_id = mig AND x.file_path IS NOT NULL ORDER BY x.position, x.id LOOP
		named := named || format(' UNION ALL SELECT (%s)::text FROM %s', flitmig._expand(mig, o.file_path), flitmig._expand(mig, o.source));
		EXECUTE format($sql$
SELECT count(*) AS n, (array_agg(x._file ORDER BY x._file, x._line))[1:5] AS files, (array_agg(x._line ORDER BY x._file, x._line))[1:5] AS lines
FROM (SELECT s._file, s._line, (%s)::text AS path FROM %s OFFSET 0) x
WHERE x.path <> 'inline' AND NOT EXISTS (SELECT FROM flitmig.source_file f WHERE f.migration_id = $1 AND f.superseded_by IS NULL
	AND flitmig._file_base(f.name) = flitmig._file_base(x.path) AND flitmig._same_file(f.name, x.path))$sql$,
			flitmig._expand(mig, o.file_path), flitmig._map_rows_sql(mig, o)) INTO hit USING mig;
		INSERT INTO flitmig.finding (migration_id, step, severity, code, object, column_name, count, places, message, hint)
		SELECT mig, 'audit', 'warning', 'FILE_MISSING', o.name, 'file', hit.n, flitmig._places(mig, hit.files, hit.lines),
			format('%s: %s row(s) name a file that is not among the imported ones; they will be in quarantine', o.name, hit.n), 'Import the directory or archive that has the files; the names must be those of the index.'
		WHERE hit.n > 0;
	END LOOP;

	/* What neither became rows nor is named by any row. The paths stay out of the finding: a file may be named after a patient. */
	EXECUTE format($sql$
SELECT count(*) AS n FROM flitmig.source_file f
WHERE f.migration_id = $1 AND f.superseded_by IS NULL AND f.format = 'file' AND NOT EXISTS (SELECT FROM (%s) p WHERE flitmig._file_base(f.name) = flitmig._file_base(p.path) AND flitmig._same_file(f.name, p.path))$sql$, named) INTO hit USING mig;
	INSERT INTO flitmig.finding (migration_id, step, severity, code, object, count, message, hint)
	SELECT mig, 'audit', 'warning', 'UNUSED_FILE', NULL, hit.n, format('%s file(s) are named by no row of the export and stay behind', hit.n),
		format('SELECT name, bytes FROM flitmig.source_file WHERE migration_id = %s AND format = ''file'';  is their index missing?', mig)
	WHERE hit.n > 0;
END
$$;
COMMENT ON FUNCTION flitmig._audit_attachments(mig integer) IS 'Findings: rows whose file is missing, files that no row names';

CREATE FUNCTION flitmig._audit_data(mig integer)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mapped	boolean := (SELECT m.mapped_at FROM flitmig.migration m WHERE m.id = mig) > (SELECT max(f.imported_at) FROM flitmig.source_file f WHERE f.migration_id = mig);
	o		flitmig.object_map;
BEGIN
	PERFORM flitmig._audit_files(mig);
	IF to_regclass('pg_temp.flitmig_key') IS NOT NULL THEN
		DROP TABLE pg_temp.flitmig_key;
	END IF;
	CREATE TEMP TABLE flitmig_key (map text NOT NULL, key text) ON COMMIT DROP;
	FOR o IN SELECT * FROM flitmig.object_map x WHERE x.migration_id = mig ORDER BY x.position, x.id LOOP
		BEGIN
			/* mapping says it more exactly, for what was excluded or came twice does not count there */
			IF mapped IS NOT TRUE THEN
				PERFORM flitmig._audit_keys_of(mig, o);
			END IF;
		EXCEPTION WHEN data_exception OR raise_exception THEN
			PERFORM flitmig._raise_bad_expression(mig, o.id, SQLSTATE);
		END;
	END LOOP;
	ANALYZE pg_temp.flitmig_key;
	FOR o IN SELECT * FROM flitmig.object_map x WHERE x.migration_id = mig ORDER BY x.position, x.id LOOP
		BEGIN
			PERFORM flitmig._audit_references(mig, o);
		EXCEPTION WHEN data_exception OR raise_exception THEN
			PERFORM flitmig._raise_bad_expression(mig, o.id, SQLSTATE);
		END;
	END LOOP;
	PERFORM flitmig._audit_attachments(mig);
END
$$;
COMMENT ON FUNCTION flitmig._audit_data(mig integer) IS 'Findings about files, ids and references of any export';
