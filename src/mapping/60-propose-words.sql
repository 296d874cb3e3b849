/* mapping: the words of headers. What a column of an export may be called, and how a header becomes words. */

CREATE TABLE flitmig.synonym_word (
	word		text NOT NULL,
	means		text NOT NULL,
	language	text NOT NULL DEFAULT 'en',
	source		text[] NOT NULL DEFAULT '{general}',
	builtin		boolean NOT NULL DEFAULT false,
	PRIMARY KEY (word, means)
);
COMMENT ON TABLE flitmig.synonym_word IS 'Words and abbreviations of headers in several languages, and the plain English words that they mean. Read by flitmig_propose; add your own';
COMMENT ON COLUMN flitmig.synonym_word.word IS 'Lower case, a-z and 0-9 only, in the singular where that ends on s';
COMMENT ON COLUMN flitmig.synonym_word.source IS 'Where it was learned: general, or the products whose exports use it';

CREATE TABLE flitmig.synonym (
	entity		text NOT NULL,
	column_name	text NOT NULL,
	phrase		text NOT NULL,
	language	text NOT NULL DEFAULT 'en',
	source		text[] NOT NULL DEFAULT '{general}',
	builtin		boolean NOT NULL DEFAULT false,
	PRIMARY KEY (entity, column_name, phrase)
);
COMMENT ON TABLE flitmig.synonym IS 'What exports call the columns of an entity. Read by flitmig_propose; add your own';
COMMENT ON COLUMN flitmig.synonym.entity IS 'Entity of the generic profile; * for every entity that has the column; other for tables that hold nothing to migrate';
COMMENT ON COLUMN flitmig.synonym.column_name IS 'Column of the entity; '''' when the phrase names the table itself; - when it names a column to leave behind';
COMMENT ON COLUMN flitmig.synonym.source IS 'Where it was learned: general, or the products whose exports use it';

/* Without a search_path of its own, and qualified throughout, so that it is inlined. */
CREATE FUNCTION flitmig._propose_plain(header text)
RETURNS text LANGUAGE sql IMMUTABLE
AS $$
	/* PatNum and patientID are two words each, address1 and ZIP2 too; accents are spelt out */
	SELECT pg_catalog.btrim(pg_catalog.regexp_replace(pg_catalog.lower(
		pg_catalog.regexp_replace(pg_catalog.regexp_replace(pg_catalog.regexp_replace(pg_catalog.regexp_replace(
			pg_catalog.translate(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(
				pg_catalog.replace(pg_catalog.replace(header, 'Ü', 'Ue'), 'Ä', 'Ae'), 'ä', 'ae'), 'ö', 'oe'), 'ü', 'ue'), '#', ' number '), 'ß', 'ss'), 'œ', 'oe'), '''s', 's'),
				'ÀÁÂÃÅàáâãåÇçÈÉÊËèéêëÌÍÎÏìíîïÑñÒÓÔÕÖØòóôõøÙÚÛÜùúûÝýÿŁłŚśŹźŻżČčŠšŽž',
				'AAAAAaaaaaCcEEEEeeeeIIIIiiiiNnOOOOOOoooooUUUUuuuYyyLlSsZzZzCcSsZz'),
			'([a-z])([A-Z])', '\1 \2', 'g'), '([A-Z]{2})([A-Z][a-z]{2})', '\1 \2', 'g'), '([A-Za-z])([0-9])', '\1 \2', 'g'), '([0-9])([A-Za-z])', '\1 \2', 'g')),
		'[^a-z0-9]+', ' ', 'g'))
$$;
COMMENT ON FUNCTION flitmig._propose_plain(header text) IS 'A header as lower-case words with one blank between them';

CREATE FUNCTION flitmig._propose_stem(word text)
RETURNS text LANGUAGE sql IMMUTABLE
AS $$
	SELECT CASE WHEN pg_catalog.length(word) OPERATOR(pg_catalog.>) 4 AND pg_catalog.right(word, 3) OPERATOR(pg_catalog.=) 'ies' THEN pg_catalog.left(word, -3) OPERATOR(pg_catalog.||) 'y'
		WHEN pg_catalog.length(word) OPERATOR(pg_catalog.>) 3 AND word OPERATOR(pg_catalog.~) '[^sui]s$' THEN pg_catalog.left(word, -1) ELSE word END
$$;
COMMENT ON FUNCTION flitmig._propose_stem(word text) IS 'A word without the s of the plural';

CREATE FUNCTION flitmig._propose_vocabulary(leave_out text)
RETURNS TABLE (word text, means text) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT w.word, min(w.means) FROM flitmig.synonym_word w
	WHERE array_remove(w.source, leave_out) <> '{}' GROUP BY 1
	UNION
	SELECT p.word, p.word
	FROM (SELECT DISTINCT flitmig._propose_stem(x) AS word
		  FROM flitmig.synonym y, regexp_split_to_table(flitmig._propose_plain(y.phrase), ' ') x
		  WHERE 'general' = ANY (y.source) OR NOT y.builtin) p
	WHERE p.word <> '' AND NOT EXISTS (SELECT FROM flitmig.synonym_word w WHERE w.word = p.word AND array_remove(w.source, leave_out) <> '{}')
$$;
COMMENT ON FUNCTION flitmig._propose_vocabulary(leave_out text) IS 'Every word that is known, and what it means; words learned from the product leave_out alone are not, nor are the words of phrases that are one product''s';

/*
 * Words that nobody knows: several known ones written together (PATIENTID,
 * Patientennummer), a known one misspelt, or cut short (Descript).
 */
CREATE FUNCTION flitmig._propose_unknown(words text[], leave_out text)
RETURNS TABLE (word text, means text) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	WITH RECURSIVE vocabulary AS MATERIALIZED (SELECT v.word, v.means FROM flitmig._propose_vocabulary(leave_out) v WHERE length(v.word) > 1),
	/* German and Dutch put an s or n between words that they write together: Behandlungsart, Patientennummer */
	known AS MATERIALIZED (
		SELECT v.word, v.means FROM vocabulary v
		UNION SELECT v.word || l.letters, v.means FROM vocabulary v, (VALUES ('s'), ('n'), ('en')) l(letters)
		WHERE length(v.word) > 4 AND NOT EXISTS (SELECT FROM vocabulary o WHERE o.word = v.word || l.letters)),
	part AS (									-- read from left to right; short words only at the end
		SELECT u.word, 1 AS at, ''::text AS means, 0 AS pieces, 0 AS weight FROM (SELECT DISTINCT unnest(words) AS word) u WHERE length(u.word) > 4
		UNION ALL
		SELECT p.word, p.at + length(k.word), p.means || ' ' || k.means, p.pieces + 1, p.weight + length(k.word) * length(k.word)
		FROM part p
		JOIN known k ON substr(p.word, p.at, length(k.word)) = k.word
			AND (length(k.word) > 3 OR p.at + length(k.word) > length(p.word) OR length(k.word) = 3 AND p.at = 1)
		WHERE p.at <= length(p.word) AND p.pieces < 4),
	joined AS (
		SELECT DISTINCT ON (p.word) p.word, btrim(p.means) AS means
		FROM part p WHERE p.at > length(p.word) ORDER BY p.word, p.pieces, p.weight DESC, p.means),
	/* trigrams as pg_trgm counts them; our own, because that extension may be absent */
	missing AS MATERIALIZED (
		SELECT DISTINCT u.word, substr('  ' || u.word || ' ', n, 3) AS gram
		FROM (SELECT DISTINCT unnest(words) AS word) u, generate_series(1, length(u.word) + 1) n
		WHERE length(u.word) > 3 AND u.word !~ '[0-9]' AND NOT EXISTS (SELECT FROM joined j WHERE j.word = u.word)),
	known_gram AS MATERIALIZED (
		SELECT DISTINCT k.word, k.means, substr('  ' || k.word || ' ', n, 3) AS gram FROM known k, generate_series(1, length(k.word) + 1) n WHERE length(k.word) > 3),
	close AS (
		SELECT DISTINCT ON (p.word) p.word, p.means
		FROM (SELECT m.word, k.word AS like_word, k.means, count(*)::float8 AS common FROM missing m JOIN known_gram k ON k.gram = m.gram GROUP BY 1, 2, 3) p
		/* Jaccard; a word has one trigram more than letters, but for repeated ones */
		WHERE p.common >= 0.65 * (length(p.word) + length(p.like_word) + 2 - p.common)
		ORDER BY p.word, p.common / (length(p.word) + length(p.like_word) + 2 - p.common) DESC, p.like_word)
	SELECT j.word, j.means FROM joined j
	UNION ALL SELECT c.word, c.means FROM close c
	UNION ALL									-- or the beginning of one, when all that begin so mean the same
	SELECT u.word, min(v.means)
	FROM (SELECT DISTINCT m.word FROM missing m WHERE NOT EXISTS (SELECT FROM close c WHERE c.word = m.word)) u
	JOIN vocabulary v ON starts_with(v.word, u.word)
	GROUP BY u.word HAVING min(v.means) = max(v.means)
$$;
COMMENT ON FUNCTION flitmig._propose_unknown(words text[], leave_out text) IS 'What unknown words mean: known ones written together, one misspelt (trigram similarity), or the beginning of one';

CREATE FUNCTION flitmig._propose_words(phrases text[], leave_out text)
RETURNS TABLE (phrase text, words text[]) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	WITH piece AS MATERIALIZED (
		SELECT p.phrase, w.n, flitmig._propose_stem(w.word) AS word, lower(w.word) AS full_word
		FROM (SELECT DISTINCT unnest(phrases) AS phrase) p
		/* what stands in parentheses is how to fill it in: (M/F), (minutes) */
		CROSS JOIN LATERAL regexp_split_to_table(flitmig._propose_plain(coalesce(nullif(btrim(regexp_replace(p.phrase, '\([^)]*\)', ' ', 'g')), ''), p.phrase)), ' ') WITH ORDINALITY w(word, n)
		WHERE w.word <> ''),
	known AS MATERIALIZED (SELECT v.word, v.means FROM flitmig._propose_vocabulary(leave_out) v),
	read AS (
		SELECT p.phrase, p.n, p.word, coalesce(k.means, f.means) AS means
		FROM piece p LEFT JOIN known k ON k.word = p.word LEFT JOIN known f ON f.word = p.full_word AND k.word IS NULL),
	unknown AS MATERIALIZED (
		SELECT u.word, u.means
		FROM flitmig._propose_unknown(ARRAY(SELECT DISTINCT r.word FROM read r WHERE r.means IS NULL), leave_out) u)
	SELECT r.phrase, array_agg(DISTINCT flitmig._propose_stem(w))
	FROM read r
	LEFT JOIN unknown u ON u.word = r.word AND r.means IS NULL
	CROSS JOIN LATERAL regexp_split_to_table(coalesce(r.means, u.means, r.word), ' ') m
	/* what another language's word means may be one of several English words for it */
	LEFT JOIN known k ON k.word = m AND r.means IS DISTINCT FROM m
	CROSS JOIN LATERAL regexp_split_to_table(coalesce(k.means, m), ' ') w
	WHERE w NOT IN ('', 'of')
	GROUP BY r.phrase
$$;
COMMENT ON FUNCTION flitmig._propose_words(phrases text[], leave_out text) IS 'Headers and phrases as sets of plain English words';
