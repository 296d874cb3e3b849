/*
 * Proposals against answers. An answer with DROP among its alternatives may be
 * left open: it counts only when it was answered with something else.
 */
CREATE TEMP VIEW verdict AS
	SELECT a.product, a.mode, a.staging_table, a.header, a.answer, p.field, p.confidence, p.why,
		w.alternatives <> '{DROP}' AND NOT 'DROP' = ANY (w.alternatives) AS wanted,
		p.field IS NOT NULL AND NOT p.field = ANY (w.alternatives) AS wrong,
		p.field IS NOT NULL AND p.field = ANY (w.alternatives) AND NOT 'DROP' = ANY (w.alternatives) AS found
	FROM answer a
	CROSS JOIN LATERAL (SELECT string_to_array(a.answer, '|') AS alternatives) w
	LEFT JOIN staged s ON (s.product, s.mode, s.staging_table, s.header) = (a.product, a.mode, a.staging_table, a.header)
	LEFT JOIN proposed p ON (p.product, p.mode, p.staging_table, p.column_name) = (s.product, s.mode, s.staging_table, s.column_name);

SELECT format('  %s %s.%s: wanted %s, proposed %s (%s) %s', mode, staging_table, header, answer, coalesce(field, '-'), confidence, why)
FROM verdict WHERE :verbose::integer > 0 AND (mode = 'values' OR :verbose::integer > 1) AND (wrong OR wanted AND NOT found) ORDER BY product, mode, staging_table, header;

SELECT format('no such column: %s %s.%s', a.product, a.staging_table, a.header) FROM answer a
WHERE a.mode = 'values' AND NOT EXISTS (SELECT FROM staged s WHERE (s.product, s.mode, s.staging_table, s.header) = (a.product, a.mode, a.staging_table, a.header));

\echo Each product without what its own headers taught. values: real rows (synthea, fhir; clinic: generated, other headers), else invented by kind; names: headers alone.
SELECT format('%-14s %-6s columns %4s  wanted %4s  precision %s  recall %s', product, mode, count(*), count(*) FILTER (WHERE wanted),
	to_char(count(*) FILTER (WHERE found)::numeric / greatest(count(*) FILTER (WHERE found OR wrong), 1), '0.000'),
	to_char(count(*) FILTER (WHERE found)::numeric / greatest(count(*) FILTER (WHERE wanted), 1), '0.000'))
FROM verdict GROUP BY product, mode ORDER BY product, mode DESC;

\echo known: the word list was written with these in view. held out: lists found after it was finished; nothing was learned from them, nothing changed for them.
SELECT format('%-14s %-6s columns %4s  wanted %4s  precision %s  recall %s', kind, mode, count(*), count(*) FILTER (WHERE wanted),
	to_char(count(*) FILTER (WHERE found)::numeric / greatest(count(*) FILTER (WHERE found OR wrong), 1), '0.000'),
	to_char(count(*) FILTER (WHERE found)::numeric / greatest(count(*) FILTER (WHERE wanted), 1), '0.000'))
FROM verdict CROSS JOIN LATERAL (SELECT CASE WHEN EXISTS (SELECT FROM held_out h WHERE h.product = verdict.product) THEN 'held out' ELSE 'known' END AS kind UNION ALL SELECT 'total') k
GROUP BY kind, mode ORDER BY kind = 'total', kind DESC, mode DESC;

SELECT format('propose precision %s recall %s',
	round(count(*) FILTER (WHERE found)::numeric / greatest(count(*) FILTER (WHERE found OR wrong), 1), 3),
	round(count(*) FILTER (WHERE found)::numeric / greatest(count(*) FILTER (WHERE wanted), 1), 3))
FROM verdict WHERE mode = 'values';
