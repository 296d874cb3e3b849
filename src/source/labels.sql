/* source: facts that live in a file's name only. */

/* PL/pgSQL, because it keeps the plan for the session: planning takes longer than a small file. */
CREATE FUNCTION flitmig._file_labels(name text, tabular boolean, rules jsonb)
RETURNS jsonb LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN (WITH part AS (
		/* 1 is the file itself, without its endings, then the folders from the inside out. */
		SELECT row_number() OVER (ORDER BY n DESC) AS depth,
			CASE WHEN n = max(n) OVER () THEN regexp_replace(p, '(\.[a-z0-9]{1,5}){1,2}$', '', 'i') ELSE p END AS text
		FROM unnest(regexp_split_to_array(regexp_replace($1, '^.*!(?=[^!]*/)', ''), '[/!]')) WITH ORDINALITY u(p, n)),
	found AS (
		SELECT 'folder' AS key, p.text AS value, p.depth FROM part p WHERE p.depth = 2
		UNION ALL
		SELECT 'status', lower(regexp_replace(m[1], '[-_ ]', ' ')), p.depth
		FROM part p, regexp_matches(p.text,
			'(?:^|[^a-z])(active|inactive|discharged|pending|archived|deceased|deleted|cancell?ed|no[-_ ]?show|completed|scheduled)(?:[^a-z]|$)', 'i') m
		UNION ALL
		SELECT 'date', format('%s-%s-%s', m[1], m[3], m[4]), p.depth
		FROM part p, regexp_matches(p.text, '(?:^|[^0-9])((?:19|20)[0-9]{2})([-_.]?)(0[1-9]|1[0-2])\2(0[1-9]|[12][0-9]|3[01])(?:[^0-9]|$)') m
		UNION ALL
		SELECT k, v, p.depth
		FROM part p, regexp_matches(p.text, '(?:^|[^0-9])((?:19|20)[0-9]{2})(?:[-_](0[1-9]|1[0-2]))?(?![-_.]?[0-9])') m,
			unnest(ARRAY['year', 'month'], ARRAY[m[1], m[1] || '-' || m[2]]) u(k, v)
		UNION ALL
		/* "PT1001" is an id as it stands, of "patient 1001" the number is. */
		SELECT 'patient', coalesce(m[1], m[2], m[3]), p.depth
		FROM part p, regexp_matches(p.text,
			'^(?:(PT[0-9][A-Za-z0-9-]*)|(?:patient|client|chart|mrn|pt)[ _#-]+([A-Za-z0-9-]*[0-9][A-Za-z0-9-]*)|(?!(?:19|20)[0-9]{2}(?![0-9]))([0-9]{2,})(?=$|[ _-]))', 'i') m
		WHERE p.depth > 1 OR NOT $2
		UNION ALL
		SELECT r.key, (regexp_match($1, r.value))[1], 0
		FROM jsonb_each_text(flitmig._object_of($3)) r)
	SELECT coalesce(jsonb_object_agg(key, value), '{}')
	FROM (SELECT DISTINCT ON (key) key, value FROM found WHERE value <> '' ORDER BY key, depth) f);
END
$$;
COMMENT ON FUNCTION flitmig._file_labels(text, boolean, jsonb) IS 'What a file''s relative name tells: folder, status, date, year, month, patient (of a folder, or of a document), and what the rules of the profile''s entity find (label: regular expression with one group)';
