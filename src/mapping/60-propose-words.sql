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

CREATE FUNCTION flitmig._propose_plain(header text)
RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	/* PatNum and patientID are two words each, address1 and ZIP2 too; accents are spelt out */
	SELECT btrim(regexp_replace(lower(
		regexp_replace(regexp_replace(regexp_replace(regexp_replace(
			translate(replace(replace(replace(replace(replace(h.folded, '#', ' number '), 'ß', 'ss'), 'œ', 'oe'), 'æ', 'ae'), '''s', 's'),
				'ÀÁÂÃÄÅàáâãäåÇçÈÉÊËèéêëÌÍÎÏìíîïÑñÒÓÔÕÖØòóôõöøÙÚÛÜùúûüÝýÿŁłŚśŹźŻżČčŠšŽž',
				'AAAAAAaaaaaaCcEEEEeeeeIIIIiiiiNnOOOOOOooooooUUUUuuuuYyyLlSsZzZzCcSsZz'),
			'([a-z])([A-Z])', '\1 \2', 'g'), '([A-Z])([A-Z][a-z]{2})', '\1 \2', 'g'), '([A-Za-z])([0-9])', '\1 \2', 'g'), '([0-9])([A-Za-z])', '\1 \2', 'g')),
		'[^a-z0-9]+', ' ', 'g'))
	FROM (SELECT replace(replace(replace(header, 'ä', 'ae'), 'ö', 'oe'), 'ü', 'ue') AS folded) h
$$;
COMMENT ON FUNCTION flitmig._propose_plain(header text) IS 'A header as lower-case words with one blank between them';

CREATE FUNCTION flitmig._propose_stem(word text)
RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN length(word) > 3 AND word ~ '[^sui]s$' THEN left(word, -1) ELSE word END
$$;
COMMENT ON FUNCTION flitmig._propose_stem(word text) IS 'A word without the s of the plural';

CREATE FUNCTION flitmig._propose_trigrams(word text)
RETURNS SETOF text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT DISTINCT substr('  ' || word || ' ', n, 3) FROM generate_series(1, length(word) + 1) n
$$;
COMMENT ON FUNCTION flitmig._propose_trigrams(word text) IS 'The trigrams of a word as pg_trgm counts them; own, because that extension may be absent';

CREATE FUNCTION flitmig._propose_vocabulary(leave_out text)
RETURNS TABLE (word text, means text) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT w.word, min(w.means) FROM flitmig.synonym_word w
	WHERE array_remove(w.source, leave_out) <> '{}' GROUP BY 1
	UNION
	SELECT p.word, p.word
	FROM (SELECT DISTINCT flitmig._propose_stem(x) AS word
		  FROM flitmig.synonym y, regexp_split_to_table(flitmig._propose_plain(y.phrase), ' ') x
		  WHERE array_remove(y.source, leave_out) <> '{}') p
	WHERE p.word <> '' AND NOT EXISTS (SELECT FROM flitmig.synonym_word w WHERE w.word = p.word AND array_remove(w.source, leave_out) <> '{}')
$$;
COMMENT ON FUNCTION flitmig._propose_vocabulary(leave_out text) IS 'Every word that is known, and what it means; words learned from the product leave_out alone are not';

/*
 * Words that nobody knows: several known ones written together (PATIENTID,
 * Patientennummer), or a known one misspelt.
 */
CREATE FUNCTION flitmig._propose_unknown(words text[], leave_out text)
RETURNS TABLE (word text, means text) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	WITH RECURSIVE known AS MATERIALIZED (SELECT v.word, v.means FROM flitmig._propose_vocabulary(leave_out) v WHERE length(v.word) > 1),
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
	missing AS (
		SELECT u.word, array_agg(t) AS grams FROM (SELECT DISTINCT unnest(words) AS word) u, flitmig._propose_trigrams(u.word) t
		WHERE length(u.word) > 3 AND u.word !~ '[0-9]' AND NOT EXISTS (SELECT FROM joined j WHERE j.word = u.word) GROUP BY 1),
	close AS (
		SELECT DISTINCT ON (m.word) m.word, k.means
		FROM missing m
		JOIN known k ON abs(length(k.word) - length(m.word)) < 3 AND length(k.word) > 3
		CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE t = ANY (m.grams)) AS common, count(*) AS n FROM flitmig._propose_trigrams(k.word) t) c
		WHERE c.common >= 0.55 * (c.n + cardinality(m.grams) - c.common)
		ORDER BY m.word, c.common::float8 / (c.n + cardinality(m.grams) - c.common) DESC, k.word)
	SELECT j.word, j.means FROM joined j
	UNION ALL SELECT c.word, c.means FROM close c
$$;
COMMENT ON FUNCTION flitmig._propose_unknown(words text[], leave_out text) IS 'What unknown words mean: known ones written together, or one misspelt (trigram similarity)';

CREATE FUNCTION flitmig._propose_words(phrases text[], leave_out text)
RETURNS TABLE (phrase text, words text[]) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	WITH piece AS MATERIALIZED (
		SELECT p.phrase, w.n, flitmig._propose_stem(w.word) AS word, lower(w.word) AS full_word
		FROM (SELECT DISTINCT unnest(phrases) AS phrase) p
		CROSS JOIN LATERAL regexp_split_to_table(flitmig._propose_plain(p.phrase), ' ') WITH ORDINALITY w(word, n)
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
	CROSS JOIN LATERAL regexp_split_to_table(coalesce(r.means, u.means, r.word), ' ') w
	WHERE w NOT IN ('', 'of')
	GROUP BY r.phrase
$$;
COMMENT ON FUNCTION flitmig._propose_words(phrases text[], leave_out text) IS 'Headers and phrases as sets of plain English words';
