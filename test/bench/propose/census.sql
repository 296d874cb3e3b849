/*
 * What the import's census says of staged columns, in plain SQL, for tests that
 * stage by hand: SELECT pg_temp.census(migration id) after the tables are filled.
 */
CREATE FUNCTION pg_temp.shape(value text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE
		WHEN value ~ '^\d{4}-\d{1,2}-\d{1,2}([T ].*)?$' THEN 'date_iso'
		WHEN value ~ '^\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}( .*)?$' THEN 'date_slash'
		WHEN value ~ '^\d{1,2}:\d{2}(:\d{2})?( ?[AaPp][Mm])?$' THEN 'time'
		WHEN value ~* '^(y|n|yes|no|true|false|t|f)$' THEN 'boolean'
		WHEN value ~ '^-?\d+$' THEN 'integer'
		WHEN value ~ '^-?[\d,]*\.\d+$' THEN 'number'
		WHEN value ~ '^[-(]?[$€£][\d,. -]+\)?$' THEN 'money'
		WHEN value ~ '^[^@\s]+@[^@\s]+\.[a-zA-Z]+$' THEN 'email'
		WHEN value ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN 'uuid'
		WHEN value ~ '^https?://' THEN 'url'
		WHEN value ~ '^[[{]' THEN 'json'
		WHEN value ~ '^\+?[\d(][\d ().-]{6,}(x\d+)?$' THEN 'phone'
		ELSE 'text' END
$$;

CREATE FUNCTION pg_temp.census(mig integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	col		record;
BEGIN
	DELETE FROM flitmig.column_census c WHERE c.migration_id = mig;
	FOR col IN
		SELECT f.staging_table, f.header[u.n] AS header, u.name, u.n, m.staging_schema
		FROM flitmig.source_file f JOIN flitmig.migration m ON m.id = f.migration_id
		CROSS JOIN LATERAL unnest(f.columns) WITH ORDINALITY u(name, n)
		WHERE f.migration_id = mig AND f.superseded_by IS NULL
	LOOP
		EXECUTE format($sql$
INSERT INTO flitmig.column_census (migration_id, staging_table, column_name, header, position, rows, blanks, distinct_values, max_length, shapes)
SELECT %s, %L, %L, %L, %s, coalesce(sum(n), 0), coalesce(sum(n) FILTER (WHERE v = ''), 0), count(*) FILTER (WHERE v <> ''), max(length(v)),
	coalesce((SELECT jsonb_object_agg(x.shape, x.n) FROM (SELECT pg_temp.shape(btrim(%I)) AS shape, count(*) AS n FROM %I.%I WHERE btrim(%I) <> '' GROUP BY 1) x), '{}')
FROM (SELECT coalesce(btrim(%I), '') AS v, count(*) AS n FROM %I.%I GROUP BY 1) d
ON CONFLICT DO NOTHING$sql$, mig, col.staging_table, col.name, col.header, col.n, col.name, col.staging_schema, col.staging_table, col.name, col.name, col.staging_schema, col.staging_table);
	END LOOP;
END
$$;
