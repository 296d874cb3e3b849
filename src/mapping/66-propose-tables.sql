/* mapping: which entity each staging table is, and which of its columns is which of the entity's. */

CREATE FUNCTION flitmig._propose_table_names(mig integer, leave_out text)
RETURNS TABLE (staging_table text, entity text, score float8, why text) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	WITH label AS MATERIALIZED (				-- the file names, without dates and endings, and the table's own
		SELECT DISTINCT n.staging_table, btrim(regexp_replace(n.name, '[^[:alpha:]]+', ' ', 'g')) AS name
		FROM (SELECT c.staging_table, c.staging_table AS name FROM flitmig.column_census c WHERE c.migration_id = mig
			  UNION SELECT f.staging_table, regexp_replace(regexp_replace(f.name, '^.*/', ''), '\.[A-Za-z0-9]{1,6}$', '')
			  FROM flitmig.source_file f WHERE f.migration_id = mig AND f.superseded_by IS NULL AND f.staging_table IS NOT NULL) n),
	word AS MATERIALIZED (SELECT w.phrase, w.words FROM flitmig._propose_words(ARRAY(SELECT DISTINCT label.name FROM label), leave_out) w),
	phrase AS MATERIALIZED (SELECT * FROM flitmig._propose_phrases(leave_out) p WHERE p.canonical = ''),
	pair AS (
		SELECT l.staging_table, p.entity, p.phrase, c.common / nullif(a.weight + b.weight - c.common, 0) AS score
		FROM label l JOIN word w ON w.phrase = l.name
		JOIN phrase p ON p.words && w.words
		CROSS JOIN LATERAL (SELECT sum(CASE WHEN x IN ('list', 'report', 'data', 'export', 'all') THEN 0.2 ELSE 1 END::float8) AS weight FROM unnest(w.words) x) a
		CROSS JOIN LATERAL (SELECT sum(CASE WHEN x IN ('list', 'report', 'data', 'export', 'all') THEN 0.2 ELSE 1 END::float8) AS weight FROM unnest(p.words) x) b
		CROSS JOIN LATERAL (SELECT sum(CASE WHEN x IN ('list', 'report', 'data', 'export', 'all') THEN 0.2 ELSE 1 END::float8) AS common FROM unnest(w.words) x WHERE x = ANY (p.words)) c)
	SELECT DISTINCT ON (p.staging_table, p.entity) p.staging_table, p.entity, p.score, format('the name is %slike "%s"', CASE WHEN p.score < 0.99 THEN 'somewhat ' ELSE '' END, p.phrase)
	FROM pair p ORDER BY p.staging_table, p.entity, p.score DESC, p.phrase
$$;
COMMENT ON FUNCTION flitmig._propose_table_names(mig integer, leave_out text) IS 'What the names of files and tables say about their entity';

/* Names count for a little more than half; what the columns say never quite reaches the other half. */
CREATE FUNCTION flitmig._propose_entities(mig integer, leave_out text, candidates flitmig.proposal_candidate[])
RETURNS TABLE (staging_table text, entity text, score float8, why text) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	WITH cand AS MATERIALIZED (SELECT c.* FROM unnest(candidates) c WHERE c.score >= 0.55 AND c.canonical NOT IN ('-', '?')),
	own AS (									-- each column speaks for one column of the entity
		SELECT DISTINCT ON (c.staging_table, c.entity, c.column_name) c.* FROM cand c
		ORDER BY c.staging_table, c.entity, c.column_name, c.score DESC),
	slot AS (SELECT o.staging_table, o.entity, o.canonical, max(o.score) AS score FROM own o GROUP BY 1, 2, 3),
	evidence AS (
		SELECT s.staging_table, s.entity, sum(k.telling * greatest(0, least(s.score, 1) - 0.4) / 0.6) AS weight, count(*) AS n
		FROM slot s JOIN flitmig.proposal_column k ON k.entity = s.entity AND k.column_name = s.canonical GROUP BY 1, 2),
	said AS MATERIALIZED (SELECT * FROM flitmig._propose_table_names(mig, leave_out)),
	/* users and employees may be those who treat: what they have beside their names tells */
	named AS MATERIALIZED (
		SELECT DISTINCT ON (x.staging_table, x.entity) x.*
		FROM (SELECT * FROM said UNION ALL SELECT s.staging_table, 'providers', 0.8 * s.score, s.why FROM said s WHERE s.entity = 'staff') x
		ORDER BY x.staging_table, x.entity, x.score DESC, x.why),
	total AS (
		SELECT coalesce(n.staging_table, e.staging_table) AS staging_table, coalesce(n.entity, e.entity) AS entity,
			/* a name that means nothing leaves it to the columns */
			CASE WHEN coalesce(max(n.score) OVER (PARTITION BY coalesce(n.staging_table, e.staging_table)), 0) < 0.3 THEN 0.9 * coalesce(e.weight / (e.weight + 2), 0)
				ELSE 0.55 * coalesce(n.score, 0) + 0.45 * coalesce(e.weight / (e.weight + 2), 0) END AS score,
			0.9 * coalesce(e.weight / (e.weight + 2), 0) AS by_columns,
			concat_ws('; ', n.why, CASE WHEN e.n > 0 THEN format('%s columns fit', e.n) END) AS why
		FROM named n FULL JOIN evidence e ON e.staging_table = n.staging_table AND e.entity = n.entity),
	best AS (
		SELECT DISTINCT ON (t.staging_table) t.* FROM total t WHERE t.score >= 0.22
		ORDER BY t.staging_table, t.score DESC, t.entity),
	leader AS (SELECT DISTINCT ON (b.entity) b.* FROM best b ORDER BY b.entity, b.score DESC, b.staging_table),
	/* a second table of an entity only if it has mostly the same columns (one file per year); places may be in several */
	place AS (
		SELECT b.*, l.staging_table AS led_by,
			b.entity IN ('other', 'locations') OR b.staging_table = l.staging_table OR (
				SELECT count(*) FILTER (WHERE EXISTS (SELECT FROM flitmig.column_census y WHERE y.migration_id = mig AND y.staging_table = l.staging_table AND y.column_name = x.column_name))
					>= 0.6 * count(*)
				FROM flitmig.column_census x WHERE x.migration_id = mig AND x.staging_table = b.staging_table) AS kept
		FROM best b JOIN leader l ON l.entity = b.entity),
	/* the others become what they are next likely to be, if no table is that */
	next AS (
		SELECT DISTINCT ON (t.entity) t.*
		FROM (SELECT DISTINCT ON (t.staging_table) t.* FROM total t JOIN place p ON p.staging_table = t.staging_table AND NOT p.kept
			  WHERE (t.score >= 0.28 OR t.by_columns >= 0.36) AND t.entity <> p.entity AND t.entity <> 'other' AND NOT EXISTS (SELECT FROM leader l WHERE l.entity = t.entity)
				AND NOT EXISTS (SELECT FROM named n WHERE n.staging_table = t.staging_table AND n.entity = 'other' AND n.score >= 0.4)
			  ORDER BY t.staging_table, t.score + t.by_columns DESC, t.entity) t
		ORDER BY t.entity, t.score + t.by_columns DESC, t.staging_table)
	SELECT p.staging_table, CASE WHEN p.kept THEN p.entity ELSE coalesce(n.entity, 'other') END, CASE WHEN p.kept OR n.entity IS NULL THEN p.score ELSE greatest(n.score, n.by_columns) END,
		CASE WHEN p.kept THEN p.why WHEN n.entity IS NOT NULL THEN n.why ELSE format('%s is %s already', p.led_by, p.entity) END
	FROM place p LEFT JOIN next n ON n.staging_table = p.staging_table AND NOT p.kept
$$;
COMMENT ON FUNCTION flitmig._propose_entities(mig integer, leave_out text, candidates flitmig.proposal_candidate[]) IS 'The entity of each staging table, by its name and its columns';

/*
 * The best pairs first, each column and each target once (but for what says in
 * several ways that a row is none). With a second
 * entity in every row (patient and appointment in one), both choose together.
 */
CREATE FUNCTION flitmig._propose_assign(candidates flitmig.proposal_candidate[], entity text, second text)
RETURNS SETOF flitmig.proposal_candidate LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	c			flitmig.proposal_candidate;
	columns		text[] := '{}';
	targets		text[] := '{}';
BEGIN
	FOR c IN
		SELECT x.* FROM unnest(candidates) x
		LEFT JOIN flitmig.proposal_column k ON k.entity = x.entity AND k.column_name = x.canonical
		WHERE x.score >= 0.55
			AND (x.entity = _propose_assign.entity
				 OR x.entity = _propose_assign.second
					AND x.canonical <> ALL ('{?,patient_id,status,created_at,updated_at,deleted,primary_provider_id,title,balance,consent_on_file,location_id,account_owner_email,last_visit}'))
			/* where the patient is in the row, "patient name" is no repetition */
			AND NOT (x.canonical = '?' AND _propose_assign.second IS NOT NULL AND EXISTS (
				SELECT FROM unnest(candidates) o WHERE o.column_name = x.column_name AND o.entity = _propose_assign.second AND o.score >= x.score - 0.15 AND o.canonical <> '?'))
		ORDER BY least(x.score, 1) DESC, x.entity = _propose_assign.entity DESC, k.telling DESC NULLS LAST, x.score DESC, x.position, x.canonical
	LOOP
		CONTINUE WHEN c.column_name = ANY (columns) OR c.canonical NOT IN ('-', '?', 'deleted') AND c.entity || '.' || c.canonical = ANY (targets);
		columns := columns || c.column_name;
		targets := targets || (c.entity || '.' || c.canonical);
		RETURN NEXT c;
	END LOOP;
END
$$;
COMMENT ON FUNCTION flitmig._propose_assign(candidates flitmig.proposal_candidate[], entity text, second text) IS 'One table''s candidates thinned out: each column once, each target once';

/* Choices that only the neighbours decide: "Name" beside "First name" is the last name. */
CREATE FUNCTION flitmig._propose_settle(chosen flitmig.proposal_candidate[])
RETURNS SETOF flitmig.proposal_candidate LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	WITH has AS (SELECT array_agg(c.entity || '.' || c.canonical) AS all_of_them FROM unnest(chosen) c),
	settled AS (
		SELECT c.staging_table, c.column_name, c.position, c.entity,
			CASE
				WHEN c.canonical IN ('full_name', 'name') AND h @> ARRAY[c.entity || '.first_name'] AND NOT h @> ARRAY[c.entity || '.last_name'] THEN 'last_name'
				WHEN c.canonical IN ('full_name', 'name') AND h @> ARRAY[c.entity || '.last_name'] AND NOT h @> ARRAY[c.entity || '.first_name'] THEN 'first_name'
				WHEN c.canonical IN ('full_name', 'name') AND h @> ARRAY[c.entity || '.first_name', c.entity || '.last_name'] THEN NULL
				WHEN c.canonical = 'start' AND h @> '{appointments.start_date}' AND NOT h @> '{appointments.start_time}'
					AND c.column_name ~ 'time' AND c.column_name !~ 'date' THEN 'start_time'
				WHEN c.canonical = 'start_date' AND h @> '{appointments.start}' AND NOT h @> '{appointments.start_time}'
					AND NOT EXISTS (SELECT FROM unnest(chosen) o WHERE o.canonical = 'start' AND o.column_name ~ 'time' AND o.column_name !~ 'date') THEN NULL
				WHEN c.canonical = 'start_time' AND NOT h @> '{appointments.start_date}' AND NOT h @> '{appointments.start}' THEN 'start'
				WHEN c.canonical = 'narrative' AND c.entity = 'care_plans' AND NOT h @> '{care_plans.title}' THEN 'title'
				ELSE c.canonical
			END AS canonical, c.score, c.why
		FROM unnest(chosen) c, has x(h))
	SELECT s.* FROM settled s WHERE s.canonical IS NOT NULL
$$;
COMMENT ON FUNCTION flitmig._propose_settle(chosen flitmig.proposal_candidate[]) IS 'Corrects choices by what else was chosen in the table';
