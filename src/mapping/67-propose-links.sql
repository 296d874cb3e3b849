/* mapping: links between staging tables, by their values. */

/* How many of each sample's values are ids of the other table: one pass over that table. */
CREATE FUNCTION flitmig._propose_included(staged regclass, col text, samples jsonb)
RETURNS TABLE (place text, share float8, id_length integer, numbers boolean) LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	/* a link may be an URL, "Patient/17" or {"reference": "Patient/17"}: what follows the last slash counts too */
	RETURN QUERY EXECUTE format($sql$
WITH sample AS (SELECT p.key, e.n, e.v FROM jsonb_each($1) p CROSS JOIN LATERAL jsonb_array_elements_text(p.value) WITH ORDINALITY e(v, n)),
form AS MATERIALIZED (SELECT key, n, v FROM sample UNION SELECT key, n, substring(v FROM '/([^/"]+)"?[^/"]*$') FROM sample WHERE v ~ '/[^/"]+("|$)'
	UNION SELECT key, n, substring(v FROM '"reference" *: *"[^"?]*/([^"/]+)"') FROM sample WHERE v ~ '^[[{].*"reference"'),
hit AS MATERIALIZED (SELECT DISTINCT f.v FROM (SELECT DISTINCT v FROM form) f JOIN %2$s t ON btrim(t.%1$I) = f.v)
SELECT f.key, count(DISTINCT f.n) FILTER (WHERE h.v IS NOT NULL)::float8 / count(DISTINCT f.n), max(length(h.v)), coalesce(bool_and(h.v ~ '^[0-9]+$'), false)
FROM form f LEFT JOIN hit h ON h.v = f.v GROUP BY 1$sql$, col, staged) USING samples;
END
$$;
COMMENT ON FUNCTION flitmig._propose_included(staged regclass, col text, samples jsonb) IS 'Share of each sample''s values that a column of another table holds';

/*
 * chosen: what names and values gave so far, one row per column. A column
 * whose values are ids of a table of entity R fits the columns that refer to R.
 */
CREATE FUNCTION flitmig._propose_links(mig integer, chosen flitmig.proposal_candidate[], candidates flitmig.proposal_candidate[])
RETURNS SETOF flitmig.proposal_candidate LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	staging		text := (SELECT m.staging_schema FROM flitmig.migration m WHERE m.id = mig);
	samples		jsonb;
	id			record;
BEGIN
	SELECT jsonb_object_agg(z.staging_table || '.' || z.column_name, to_jsonb(s.sample)) INTO samples
	FROM flitmig.column_census z
	CROSS JOIN LATERAL (SELECT flitmig._propose_sample(to_regclass(format('%I.%I', staging, z.staging_table)), z.column_name, 60) AS sample) s
	WHERE z.migration_id = mig AND z.rows > z.blanks AND z.column_name NOT IN ('_file', '_line', '_hash')
		AND to_regclass(format('%I.%I', staging, z.staging_table)) IS NOT NULL
		AND flitmig._propose_fit('ref', z.shapes, z.rows - z.blanks, z.distinct_values, z.max_length) > 0.8
		AND EXISTS (SELECT FROM unnest(chosen) c WHERE c.staging_table = z.staging_table)
		AND cardinality(s.sample) >= 1;
	FOR id IN
		SELECT c.staging_table, c.column_name, c.entity
		FROM unnest(chosen) c JOIN flitmig.proposal_column k ON k.entity = c.entity AND k.column_name = c.canonical
		/* patients without an id are known by their record number */
		WHERE (k.reference = k.entity OR c.entity = 'patients' AND c.canonical = 'mrn' AND NOT EXISTS (SELECT FROM unnest(chosen) o WHERE o.entity = 'patients' AND o.canonical = 'patient_id'))
			AND to_regclass(format('%I.%I', staging, c.staging_table)) IS NOT NULL
	LOOP
		RETURN QUERY
		SELECT z.staging_table, z.column_name, z.position, k.entity, k.column_name,
			CASE WHEN strong.yes THEN greatest(0.8 + 0.2 * coalesce(n.score, 0), n.score) + 0.01 ELSE coalesce(n.score, 0) + 0.3 END,
			format('%s of its values are %s.%s%s', CASE WHEN i.share > 0.999 THEN 'all' ELSE round((100 * i.share)::numeric) || ' %' END, id.staging_table, id.column_name,
				coalesce('; ' || n.why, ''))
		FROM flitmig._propose_included(to_regclass(format('%I.%I', staging, id.staging_table)), id.column_name, coalesce(samples, '{}')) i
		JOIN flitmig.column_census z ON z.migration_id = mig AND i.place = z.staging_table || '.' || z.column_name
		JOIN (SELECT DISTINCT c.staging_table, c.entity FROM unnest(chosen) c) t ON t.staging_table = z.staging_table
		JOIN flitmig.proposal_column k ON k.entity = t.entity AND k.reference = id.entity AND k.entity <> id.entity
		LEFT JOIN unnest(candidates) n ON n.staging_table = z.staging_table AND n.column_name = z.column_name AND n.entity = k.entity AND n.canonical = k.column_name
		CROSS JOIN LATERAL (
			/* small numbers are in every table of numbers: they link only where the name says so too */
			SELECT z.distinct_values >= 3 AND (NOT i.numbers OR i.id_length >= 5) AS yes) strong
		WHERE i.share >= 0.8 AND z.staging_table <> id.staging_table AND (strong.yes OR coalesce(n.score, 0) >= 0.3);
	END LOOP;
END
$$;
COMMENT ON FUNCTION flitmig._propose_links(mig integer, chosen flitmig.proposal_candidate[], candidates flitmig.proposal_candidate[]) IS 'Columns whose values are ids of another table of the export';
