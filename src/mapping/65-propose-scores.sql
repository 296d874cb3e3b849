/* mapping: how well each column of an export fits each column that is looked for. */

CREATE TYPE flitmig.proposal_candidate AS (
	staging_table	text,
	column_name		text,
	position		integer,
	entity			text,
	canonical		text,
	score			float8,
	why				text
);
COMMENT ON TYPE flitmig.proposal_candidate IS 'A column of an export, a column of an entity, how well they fit (0 to 1) and why';

CREATE FUNCTION flitmig._propose_own_words(entity text)
RETURNS text[] LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE entity
		WHEN 'patients' THEN '{patient}' WHEN 'providers' THEN '{provider}' WHEN 'staff' THEN '{staff}'
		WHEN 'locations' THEN '{location,organization}' WHEN 'payers' THEN '{payer,insurance}'
		WHEN 'appointments' THEN '{appointment}' WHEN 'notes' THEN '{note}' WHEN 'insurance' THEN '{insurance,policy,coverage}'
		WHEN 'claims' THEN '{claim,invoice}' WHEN 'referrals' THEN '{referral}' WHEN 'care_plans' THEN '{care,plan,treatment}'
		WHEN 'care_plan_items' THEN '{item}' WHEN 'lab_results' THEN '{lab,result,test}' WHEN 'documents' THEN '{document,file}'
		ELSE '{}' END::text[]
$$;
COMMENT ON FUNCTION flitmig._propose_own_words(entity text) IS 'Words that say little in a table of that entity: the patient in "patient name"';

/*
 * How well the values of a column agree with a kind: 1 when there are none to
 * judge by, a little more when they are of a telling shape.
 */
CREATE FUNCTION flitmig._propose_fit(kind text, shapes jsonb, filled bigint, distinct_values bigint, max_length integer)
RETURNS float8 LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN coalesce(filled, 0) <= 0 OR kind = 'any' OR shapes = '{}' THEN 1
		WHEN f.share >= 0.8 AND kind IN ('date', 'time', 'email', 'phone', 'money') THEN 1.08
		WHEN f.share < 0.2 THEN 0.25
		ELSE 0.4 + 0.6 * least(f.share, 1)
	END
	FROM (
		SELECT coalesce(sum(v.value::float8) FILTER (WHERE v.key IN ('date_iso', 'date_slash', 'date_named', 'datetime')), 0) / nullif(filled, 0) AS dates,
			coalesce(sum(v.value::float8) FILTER (WHERE v.key = 'integer'), 0) / nullif(filled, 0) AS integers,
			coalesce(sum(v.value::float8) FILTER (WHERE v.key IN ('number', 'percent')), 0) / nullif(filled, 0) AS numbers,
			coalesce(sum(v.value::float8) FILTER (WHERE v.key = 'money'), 0) / nullif(filled, 0) AS money,
			coalesce(sum(v.value::float8) FILTER (WHERE v.key = 'email'), 0) / nullif(filled, 0) AS emails,
			coalesce(sum(v.value::float8) FILTER (WHERE v.key = 'phone'), 0) / nullif(filled, 0) AS phones,
			coalesce(sum(v.value::float8) FILTER (WHERE v.key = 'time'), 0) / nullif(filled, 0) AS times,
			coalesce(sum(v.value::float8) FILTER (WHERE v.key = 'boolean'), 0) / nullif(filled, 0) AS flags,
			coalesce(sum(v.value::float8) FILTER (WHERE v.key = 'uuid'), 0) / nullif(filled, 0) AS uuids
		FROM jsonb_each_text(shapes) v WHERE v.value ~ '^[0-9]+$') s,
	LATERAL (SELECT CASE kind
		WHEN 'date' THEN s.dates + CASE WHEN max_length IN (8, 14) THEN s.integers ELSE 0 END
		WHEN 'time' THEN s.times + 0.5 * s.dates + CASE WHEN max_length <= 4 THEN s.integers ELSE 0 END
		WHEN 'email' THEN s.emails
		WHEN 'phone' THEN s.phones + CASE WHEN max_length >= 7 THEN s.integers + s.numbers ELSE 0 END
		WHEN 'money' THEN s.money + s.numbers + s.integers + CASE WHEN max_length = 1 THEN s.flags ELSE 0 END
		WHEN 'number' THEN s.integers + s.numbers + s.times + CASE WHEN max_length = 1 THEN s.flags ELSE 0 END
		WHEN 'flag' THEN s.flags + CASE WHEN distinct_values <= 4 AND max_length <= 20 THEN 1 ELSE 0 END + s.dates
		WHEN 'word' THEN 1 - s.dates - s.emails - s.money - s.uuids - CASE WHEN max_length > 100 THEN 0.6 ELSE 0 END
		WHEN 'id' THEN 1 - s.dates - s.emails - s.money - s.times - CASE WHEN max_length > 100 THEN 0.6 ELSE 0 END
		WHEN 'ref' THEN 1 - s.dates - s.emails - s.money - s.times - CASE WHEN max_length > 200 THEN 0.6 ELSE 0 END
		WHEN 'name' THEN 1 - s.dates - s.emails - s.money - s.integers - s.numbers - s.phones - s.uuids
		WHEN 'text' THEN 1 - s.dates - s.emails - s.uuids - 0.3 * (s.integers + s.numbers + s.money)
		WHEN 'prose' THEN 1 - s.dates - s.emails - s.uuids - s.money - 0.7 * (s.integers + s.flags)
		ELSE 1 END AS share) f
$$;
COMMENT ON FUNCTION flitmig._propose_fit(kind text, shapes jsonb, filled bigint, distinct_values bigint, max_length integer) IS 'Factor for a proposal: do the values of a column look like the kind?';

/* Columns and their words. A word that most columns of a table share (pc_, Patient) tells them not apart. */
CREATE FUNCTION flitmig._propose_columns(mig integer, leave_out text)
RETURNS TABLE (staging_table text, column_name text, place integer, words text[]) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	WITH col AS MATERIALIZED (
		SELECT c.staging_table, c.column_name, c.position, coalesce(nullif(btrim(c.header), ''), c.column_name) AS header
		FROM flitmig.column_census c WHERE c.migration_id = mig AND c.column_name NOT IN ('_file', '_line', '_hash')),
	word AS MATERIALIZED (
		SELECT w.phrase, w.words FROM flitmig._propose_words(ARRAY(SELECT DISTINCT col.header FROM col), leave_out) w),
	common AS (
		SELECT x.staging_table, array_agg(x.word) AS words
		FROM (SELECT col.staging_table, u.word, count(*) AS n
			  FROM col JOIN word ON word.phrase = col.header CROSS JOIN LATERAL unnest(word.words) u(word) GROUP BY 1, 2) x
		WHERE x.n >= 5 AND x.n >= 0.6 * (SELECT count(*) FROM col WHERE col.staging_table = x.staging_table) GROUP BY 1)
	SELECT col.staging_table, col.column_name, col.position,
		CASE WHEN k.rest = '{}' OR k.rest IS NULL THEN coalesce(word.words, '{}') ELSE k.rest END
	FROM col
	LEFT JOIN word ON word.phrase = col.header
	LEFT JOIN common ON common.staging_table = col.staging_table
	LEFT JOIN LATERAL (SELECT array_agg(w) AS rest FROM unnest(word.words) w WHERE NOT w = ANY (coalesce(common.words, '{}'))) k ON true
$$;
COMMENT ON FUNCTION flitmig._propose_columns(mig integer, leave_out text) IS 'The staged columns of a migration and the words of their headers';

CREATE FUNCTION flitmig._propose_phrases(leave_out text)
RETURNS TABLE (entity text, canonical text, phrase text, words text[]) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	WITH y AS MATERIALIZED (SELECT * FROM flitmig.synonym x WHERE array_remove(x.source, leave_out) <> '{}'),
	word AS MATERIALIZED (SELECT w.phrase, w.words FROM flitmig._propose_words(ARRAY(SELECT DISTINCT y.phrase FROM y), leave_out) w)
	SELECT y.entity, y.column_name, y.phrase, word.words FROM y JOIN word USING (phrase) WHERE y.entity <> '*'
	UNION ALL
	SELECT p.entity, y.column_name, y.phrase, word.words
	FROM y JOIN word USING (phrase) JOIN flitmig.proposal_column p ON p.column_name = y.column_name
	WHERE y.entity = '*' AND (p.reference IS DISTINCT FROM p.entity OR word.words && '{id,number,code,key}')
$$;
COMMENT ON FUNCTION flitmig._propose_phrases(leave_out text) IS 'What columns are called, per entity; what was learned from the product leave_out alone is left out';

/* Weighted overlap of two sets of words: what both have over what either has. */
CREATE FUNCTION flitmig._propose_scores(mig integer, leave_out text)
RETURNS SETOF flitmig.proposal_candidate LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	WITH phrase AS MATERIALIZED (
		SELECT row_number() OVER () AS n, p.* FROM flitmig._propose_phrases(leave_out) p WHERE p.canonical <> ''),
	phrase_word AS MATERIALIZED (SELECT p.n, p.entity, p.canonical, p.phrase, w.word FROM phrase p CROSS JOIN LATERAL unnest(p.words) w(word)),
	col AS MATERIALIZED (SELECT * FROM flitmig._propose_columns(mig, leave_out)),
	col_word AS MATERIALIZED (SELECT c.staging_table, c.column_name, w.word FROM col c CROSS JOIN LATERAL unnest(c.words) w(word)),
	weight AS MATERIALIZED (					-- of a word within an entity
		SELECT e.entity, v.word,
			CASE WHEN v.word = ANY (flitmig._propose_own_words(e.entity)) THEN 0.12
				 WHEN v.word IN ('id', 'number', 'code', 'name', 'date', 'time', 'key', 'content', 'to', 'by', 'from') THEN 0.6
				 WHEN v.word ~ '^([0-9]+|[a-z])$' THEN 0.45 ELSE 1 END::float8 AS weight
		FROM (SELECT DISTINCT entity FROM phrase) e, (SELECT word FROM phrase_word UNION SELECT word FROM col_word) v),
	phrase_sum AS MATERIALIZED (SELECT p.n, sum(w.weight) AS weight FROM phrase_word p JOIN weight w ON w.entity = p.entity AND w.word = p.word GROUP BY 1),
	col_sum AS MATERIALIZED (
		SELECT c.staging_table, c.column_name, w.entity, sum(w.weight) AS weight FROM col_word c JOIN weight w ON w.word = c.word GROUP BY 1, 2, 3),
	overlap AS (
		SELECT c.staging_table, c.column_name, p.n, p.entity, p.canonical, p.phrase, sum(w.weight) AS common, count(*) AS words
		FROM col_word c JOIN phrase_word p ON p.word = c.word JOIN weight w ON w.entity = p.entity AND w.word = p.word
		GROUP BY 1, 2, 3, 4, 5, 6),
	best AS (
		SELECT DISTINCT ON (o.staging_table, o.column_name, o.entity, o.canonical) o.*,
			o.common / (x.weight + y.weight - o.common) * o.factor AS score
		FROM (SELECT o.*, CASE
				/* what makes somebody else of a doctor or contact must be said: "Doctor name" is no referring doctor's */
				WHEN o.entity = 'patients' AND split_part(o.canonical, '_', 1) = ANY ('{referring,emergency,guarantor,secondary,insured}')
					AND EXISTS (SELECT FROM phrase_word w WHERE w.n = o.n AND w.word = split_part(o.canonical, '_', 1))
					AND NOT EXISTS (SELECT FROM col_word w WHERE w.staging_table = o.staging_table AND w.column_name = o.column_name AND w.word = split_part(o.canonical, '_', 1))
				THEN 0.8 ELSE 1 END AS factor
			  FROM overlap o) o
		JOIN phrase_sum x ON x.n = o.n
		JOIN col_sum y ON y.staging_table = o.staging_table AND y.column_name = o.column_name AND y.entity = o.entity
		WHERE o.common > 0.3 * (x.weight + y.weight - o.common)
		ORDER BY o.staging_table, o.column_name, o.entity, o.canonical, o.common / (x.weight + y.weight - o.common) * o.factor DESC, o.phrase)
	SELECT b.staging_table, b.column_name, z.position, b.entity, b.canonical,
		/* of two that are called alike the one that says more goes first: appointment type before type */
		CASE WHEN b.canonical IN ('-', '?') THEN b.score ELSE b.score * f.fit END + 0.002 * b.words
			/* where client and patient stand side by side, as a vet's do, the patient is the patient */
			+ CASE WHEN b.canonical = 'patient_id' AND z.column_name ~ 'patient' THEN 0.003 ELSE 0 END,
		CASE WHEN b.score > 0.99 THEN format('called "%s"', b.phrase) ELSE format('called nearly "%s"', b.phrase) END
			|| CASE WHEN f.fit > 1 THEN format(', values look like %s', k.kind) WHEN f.fit < 0.7 THEN format(', but few values look like %s', k.kind) ELSE '' END
	FROM best b
	JOIN flitmig.column_census z ON z.migration_id = mig AND z.staging_table = b.staging_table AND z.column_name = b.column_name
	LEFT JOIN flitmig.proposal_column k ON k.entity = b.entity AND k.column_name = b.canonical
	CROSS JOIN LATERAL (SELECT flitmig._propose_fit(coalesce(k.kind, 'any'), z.shapes, z.rows - z.blanks, z.distinct_values, z.max_length) AS fit) f
$$;
COMMENT ON FUNCTION flitmig._propose_scores(mig integer, leave_out text) IS 'Every column of an export against every column that is looked for, by names and values';

CREATE FUNCTION flitmig._propose_sample(staged regclass, col text, most integer)
RETURNS text[] LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found	text[];
BEGIN
	EXECUTE format('SELECT array_agg(v) FROM (SELECT DISTINCT v FROM (SELECT btrim(t.%1$I) AS v FROM %2$s t WHERE btrim(t.%1$I) <> '''' LIMIT %3$s) r LIMIT %4$s) d', col, staged, most * 20, most) INTO found;
	RETURN coalesce(found, '{}');
END
$$;
COMMENT ON FUNCTION flitmig._propose_sample(staged regclass, col text, most integer) IS 'Some distinct values of a column, from its first rows';

CREATE FUNCTION flitmig._propose_by_value(mig integer)
RETURNS SETOF flitmig.proposal_candidate LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	/* an e-mail address is one whatever its header says, so is the name of a file; a first column in which every value differs is the id */
	SELECT z.staging_table, z.column_name, z.position, k.entity, k.column_name, 0.57, 'values look like email'
	FROM flitmig.column_census z JOIN flitmig.proposal_column k ON k.kind = 'email' AND k.column_name = 'email'
	WHERE z.migration_id = mig AND z.rows - z.blanks >= 3 AND (z.shapes->>'email')::bigint >= 0.9 * (z.rows - z.blanks)
	UNION ALL
	SELECT z.staging_table, z.column_name, z.position, k.entity, k.column_name, 0.57, 'the first column, and every value differs'
	FROM flitmig.column_census z JOIN flitmig.proposal_column k ON k.reference = k.entity AND k.kind = 'id'
	WHERE z.migration_id = mig AND z.rows >= 3 AND z.blanks = 0
		AND z.position = (SELECT min(o.position) FROM flitmig.column_census o WHERE o.migration_id = mig AND o.staging_table = z.staging_table AND left(o.column_name, 1) <> '_')
		AND z.distinct_values = z.rows AND z.max_length <= 64
		AND flitmig._propose_fit('id', z.shapes, z.rows - z.blanks, z.distinct_values, z.max_length) > 0.9
	UNION ALL
	SELECT z.staging_table, z.column_name, z.position, 'documents', CASE WHEN f.folders THEN 'path' ELSE 'file_name' END, 0.6, 'values look like names of files'
	FROM flitmig.column_census z
	JOIN flitmig.migration m ON m.id = z.migration_id
	CROSS JOIN LATERAL (SELECT to_regclass(format('%I.%I', m.staging_schema, z.staging_table)) AS staged) t
	CROSS JOIN LATERAL (
		SELECT count(*) FILTER (WHERE v ~* '\.(pdf|jpe?g|png|gif|tiff?|docx?|xlsx?|rtf|txt|html?|xml|dcm)$') >= 0.8 * count(*) AND count(*) >= 3 AS files, bool_or(v ~ '[/\\]') AS folders
		FROM unnest(CASE WHEN t.staged IS NOT NULL THEN flitmig._propose_sample(t.staged, z.column_name, 20) END) v) f
	WHERE z.migration_id = mig AND left(z.column_name, 1) <> '_' AND z.rows - z.blanks >= 3 AND z.max_length BETWEEN 5 AND 500
		AND coalesce((z.shapes->>'text')::bigint, 0) + coalesce((z.shapes->>'url')::bigint, 0) >= 0.8 * (z.rows - z.blanks) AND f.files
$$;
COMMENT ON FUNCTION flitmig._propose_by_value(mig integer) IS 'Candidates that the values alone suggest';
