/* plan report: what a run would do, and how long that lasts. */

/*
 * Records to send per object map, as calls.  pass: 1 what Twenty has already
 * is looked for and changes are sent, 2 the rest is created, 3 fields that
 * point forward are sent in a second pass, 4 what was changed is looked at
 * again.
 */
CREATE FUNCTION flitmig._plan_calls(mig integer) RETURNS TABLE (pass integer, "position" integer, part integer, object text, action text, records bigint, calls bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH unique_field AS MATERIALIZED (
		SELECT f.object, f.name FROM flitmig.live_field f WHERE f.migration_id = mig AND f.is_unique AND f.name <> 'id'),
	waiting AS MATERIALIZED (
		SELECT r.id, r.object, r.object_map_id, r.hash, r.payload, r.file_path
		FROM flitmig.record r
		WHERE r.migration_id = mig AND r.state = 'mapped'
		  AND NOT EXISTS (SELECT FROM flitmig.quarantine q WHERE q.migration_id = mig AND q.id = r.id AND q.hash = r.hash)),
	change AS (
		SELECT w.object_map_id, w.id, d.changes, d.single
		FROM waiting w JOIN flitmig.base b ON b.migration_id = mig AND b.id = w.id AND b.hash <> w.hash
		CROSS JOIN LATERAL (
			SELECT jsonb_object_agg(key, n.value) AS changes, coalesce(bool_or(flitmig._is_touchy(mig, w.object, key, n.value)) FILTER (WHERE u.name IS NOT NULL), false) AS single
			FROM jsonb_each(b.sent) s FULL JOIN jsonb_each(w.payload) n USING (key) LEFT JOIN unique_field u ON u.object = w.object AND u.name = key
			WHERE s.value IS DISTINCT FROM n.value) d),
	way AS (	/* as _plan_update will choose, unless Twenty has changed meanwhile */
		SELECT c.object_map_id, c.changes, CASE WHEN c.alike > 1 AND (c.single OR c.alike >= least(c.others, 200)) THEN 'alike' WHEN c.single THEN 'single' ELSE 'upsert' END AS way
		FROM (SELECT *, count(*) OVER (PARTITION BY object_map_id, changes) AS alike, count(*) OVER (PARTITION BY object_map_id, single) AS others FROM change) c),
	changed AS (
		SELECT w.object_map_id, count(*) AS n, count(*) FILTER (WHERE w.way = 'upsert') AS upserted,
			   count(*) FILTER (WHERE w.way = 'single') + count(DISTINCT w.changes) FILTER (WHERE w.way = 'alike') AS apart
		FROM way w GROUP BY w.object_map_id),
	fresh AS (
		SELECT w.object_map_id, count(*) AS created,
			   count(*) FILTER (WHERE o.adopt <> '{}' AND EXISTS (SELECT FROM unnest(o.adopt) a(path) WHERE w.payload #>> string_to_array(a.path, '.') <> '')) AS looked_for,
			   count(*) FILTER (WHERE w.file_path IS NOT NULL) AS files,
			   count(*) FILTER (WHERE d.fields <> '{}' AND w.payload ?| d.fields) AS again
		FROM waiting w JOIN flitmig.object_map o ON o.id = w.object_map_id
		CROSS JOIN LATERAL (SELECT ARRAY(SELECT f.field FROM flitmig.deferred_field f WHERE f.object_map_id = o.id) AS fields) d
		WHERE NOT EXISTS (SELECT FROM flitmig.base b WHERE b.migration_id = mig AND b.id = w.id)
		GROUP BY w.object_map_id),
	gone AS (
		SELECT g.object_map_id, count(*) AS n FROM flitmig._gone_or_back(mig) g GROUP BY g.object_map_id),
	counted AS (
		SELECT o.position, o.name, coalesce(g.n, 0) AS gone, coalesce(c.n, 0) AS changed, coalesce(c.apart, 0) AS apart, coalesce(c.upserted, 0) AS upserted,
			   coalesce(f.created, 0) AS created, coalesce(f.looked_for, 0) AS looked_for, coalesce(f.files, 0) AS files, coalesce(f.again, 0) AS again,
			   /* looked at again by object, whatever maps it has: counted at its last one */
			   CASE WHEN lead(o.id) OVER (PARTITION BY o.object ORDER BY o.position) IS NULL AND flitmig._told_column(mig, o.object) IS NOT NULL AND flitmig._has_trash(mig, o.object)
					THEN sum(coalesce(c.upserted, 0)) OVER (PARTITION BY o.object)::bigint ELSE 0 END AS told
		FROM flitmig.object_map o
		LEFT JOIN gone g ON g.object_map_id = o.id
		LEFT JOIN changed c ON c.object_map_id = o.id
		LEFT JOIN fresh f ON f.object_map_id = o.id
		WHERE o.migration_id = mig)
	SELECT s.pass, c.position, s.part, c.name, s.action, s.n, s.calls
	FROM counted c, LATERAL flitmig._pace(mig) p,
		 LATERAL (VALUES
			(1, 0, 'look for', c.looked_for, ceil(c.looked_for / 100.0)),
			(1, 1, 'gone', c.gone, 2 * ceil(c.gone / 200.0)),
			(1, 2, 'read', c.changed, ceil(c.changed / 200.0)),
			(1, 3, 'update', c.changed, c.apart + ceil(c.upserted / p.batch_size::numeric)),
			(2, 4, 'upload', c.files, CASE WHEN flitmig._upload_dialect(mig) = 'path' THEN c.files ELSE 0 END),
			(2, 5, 'create', c.created, ceil(c.created / p.batch_size::numeric)),
			(3, 6, 'second pass', c.again, ceil(c.again / 200.0) + ceil(c.again / p.batch_size::numeric)),
			(4, 7, 'look again', c.told, ceil(c.told::numeric / flitmig._ids_per_call()))) AS s(pass, part, action, n, calls)
	WHERE s.n > 0 OR s.action = 'create'
$$;
COMMENT ON FUNCTION flitmig._plan_calls(integer) IS 'Per object map what is to be looked for, created, updated, uploaded and looked at again, and the calls that count against the limit';

/*
 * For terminals of 100 columns.  A statement to paste stays in one piece, on
 * a line of its own, if the column can hold it; a name that is too long is
 * broken behind a sign that joins its parts.
 */
CREATE FUNCTION flitmig._wide_characters() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT '[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF01-\uFF60\uFFE0-\uFFE6\U0001F300-\U0001FAFF\U00020000-\U0003FFFD]' $$;
COMMENT ON FUNCTION flitmig._wide_characters() IS 'Regular expression of characters that take two columns of a terminal, as psql counts them';

CREATE FUNCTION flitmig._width(value text) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	/* only there are such characters to be found by their number */
	SELECT length(value) + CASE WHEN getdatabaseencoding() = 'UTF8' AND octet_length(value) > length(value)
		THEN length(value) - length(regexp_replace(value, flitmig._wide_characters(), '', 'g')) ELSE 0 END
$$;
COMMENT ON FUNCTION flitmig._width(text) IS 'Columns of a terminal that a line of text takes';

CREATE FUNCTION flitmig._wrap(words text, width integer) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	glue CONSTANT text := chr(160);
	statement text;
	word text;
	line text;
	lines text[] := '{}';
	cut integer;
BEGIN
	IF words IS NULL OR flitmig._width(words) <= width AND strpos(words, E'\n') = 0 THEN
		RETURN words;
	END IF;
	FOR statement IN SELECT m[1] FROM regexp_matches(words, '((?:SELECT|UPDATE|ALTER|GRANT|CREATE|INSERT) [^;]*;)', 'g') m
	LOOP
		IF length(statement) <= width THEN
			words := replace(words, statement, replace(statement, ' ', glue));
		END IF;
	END LOOP;
	FOR line IN SELECT l FROM regexp_split_to_table(words, E'\n') l
	LOOP
		lines := lines || ''::text;
		FOREACH word IN ARRAY regexp_split_to_array(btrim(line, ' '), ' +')
		LOOP
			IF lines[cardinality(lines)] <> '' AND flitmig._width(lines[cardinality(lines)]) + 1 + flitmig._width(word) > width THEN
				lines := lines || ''::text;
			END IF;
			WHILE flitmig._width(word) > width LOOP
				cut := CASE WHEN flitmig._width(word) > length(word) THEN width / 2 END;
				cut := coalesce(cut, length(substring(word FROM format('^.{0,%s}(?:[-_/.,:;@+]|[a-z](?=[A-Z]))', width - 1))), width);
				lines[cardinality(lines)] := left(word, cut);
				lines := lines || ''::text;
				word := substr(word, cut + 1);
			END LOOP;
			lines[cardinality(lines)] := ltrim(lines[cardinality(lines)] || ' ' || word, ' ');
		END LOOP;
	END LOOP;
	RETURN replace(array_to_string(lines, E'\n'), glue, ' ');
END
$$;
COMMENT ON FUNCTION flitmig._wrap(text, integer) IS 'Words broken into lines of a width, for a column of a table; SQL to paste stays whole if it fits';

CREATE FUNCTION flitmig._plan_design(detail jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT nullif(concat_ws(', ', detail ->> 'type' || coalesce(' to ' || (detail ->> 'relationObject'), ''),
		CASE WHEN (detail ->> 'isUnique')::boolean THEN 'unique' END,
		(SELECT CASE WHEN detail ? 'type' THEN 'options ' ELSE '' END || string_agg(o ->> 'value', ' ' ORDER BY n) FROM jsonb_array_elements(detail -> 'options') WITH ORDINALITY x(o, n)),
		CASE WHEN NOT detail ? 'type' THEN 'up to ' || (detail #>> '{settings,maxNumberOfValues}') || ' values' END), '')
$$;
COMMENT ON FUNCTION flitmig._plan_design(jsonb) IS 'Type, relation and options of a field, for those who review the plan';

CREATE FUNCTION flitmig._plan_report(mig integer)
RETURNS TABLE(step text, object text, action text, records bigint, calls bigint, seconds numeric)
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH pace AS MATERIALIZED (
		SELECT p.*, flitmig._tokens_left(p.server, p.all_tokens, p.window_ms) AS left FROM flitmig._pace(mig) p),
	schema_step AS (
		SELECT 'schema' AS step, a.object || coalesce('.' || a.field, '') AS object,
			   CASE a.state WHEN 'clash' THEN 'clash: ' || a.why
							ELSE concat_ws(': ', CASE a.state WHEN 'exists' THEN 'reuse' ELSE replace(a.action, '_', ' ') END, CASE WHEN a.state <> 'exists' OR a.detail ? 'type' THEN flitmig._plan_design(a.detail) END) END AS action,
			   NULL::bigint AS records, (a.state IN ('create', 'append'))::integer::bigint AS calls,
			   /* not metered, but each change rebuilds the server's schema */
			   CASE WHEN a.state IN ('create', 'append') THEN t.ms / 1000 ELSE 0 END AS seconds,
			   1 AS part, a.position::bigint AS place
		FROM flitmig._schema_actions(mig) a,
			 (SELECT flitmig._schema_ms(mig) AS ms) t),
	forecast AS MATERIALIZED (
		SELECT f.* FROM pace p, flitmig._forecast(mig, CASE WHEN p.unlimited THEN 0 ELSE p.all_tokens END, p.window_ms, p.known, p.left, p.share) f),
	push_step AS (
		SELECT CASE WHEN f.action = 'mapping' THEN 'mapping' WHEN f.action = 'upload' THEN 'files' ELSE 'records' END, f.object,
			   CASE WHEN f.action = 'mapping' THEN 'read the model, map the staged rows' ELSE f.action END, f.records, f.calls, f.seconds::numeric, 2, f."order"
		FROM forecast f),
	step AS (
		SELECT * FROM schema_step
		UNION ALL
		SELECT * FROM push_step),
	total AS (
		SELECT 'TOTAL' AS step, CASE WHEN (SELECT m.mapped_at FROM flitmig.migration m WHERE m.id = mig) IS NULL THEN 'records are counted once they are mapped' END AS object,
			   CASE WHEN p.unlimited THEN 'without a limit, as far as seen'
					ELSE format('at %s calls per %s s%s', p.max_tokens, p.window_ms / 1000, CASE WHEN p.left < 0.9 * p.all_tokens THEN format(', %s left now', floor(p.left)) ELSE '' END) END AS action,
			   sum(s.records) FILTER (WHERE s.action IN ('create', 'update'))::bigint AS records, sum(s.calls)::bigint AS calls, sum(s.seconds) AS seconds, 3 AS part, 0::bigint AS place
		FROM step s RIGHT JOIN pace p ON true
		GROUP BY p.max_tokens, p.window_ms, p.unlimited, p.left, p.all_tokens),
	assumed AS (
		SELECT 'assumed', NULL::text, 'that limit is Twenty''s default; without one', NULL::bigint, NULL::bigint,
			   (SELECT sum(f.seconds)::numeric FROM flitmig._forecast(mig, 0, p.window_ms, false, 0, 100) f) + (SELECT coalesce(sum(s.seconds), 0) FROM schema_step s), 4, 1::bigint
		FROM pace p WHERE NOT p.known AND NOT p.unlimited
		UNION ALL
		SELECT 'assumed', NULL, 'how fast the server is: the sample will measure it', NULL, NULL, NULL, 4, 2
		WHERE NOT EXISTS (SELECT FROM flitmig._call_times(mig) t WHERE t.measured))
	SELECT t.step, t.object, t.action, t.records, t.calls, round(t.seconds, 1)
	FROM (SELECT * FROM step
		  UNION ALL
		  SELECT * FROM total
		  UNION ALL
		  SELECT * FROM assumed) t
	ORDER BY t.part, t.place
$$;
COMMENT ON FUNCTION flitmig._plan_report(integer) IS 'Every schema change and every kind of record with calls and expected seconds, a TOTAL, and what of it is assumed';
