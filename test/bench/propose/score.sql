/*
 * Proposals against answers. An answer with DROP among its alternatives may be
 * left open: it counts only when it was answered with something else.
 */
CREATE TEMP VIEW verdict AS
	SELECT a.product, a.mode, a.staging_table, a.header, a.answer, a.kind, p.field, p.expression, p.confidence, p.why, s.filled,
		w.alternatives <> '{DROP}' AND NOT 'DROP' = ANY (w.alternatives) AS wanted,
		p.field IS NOT NULL AND NOT p.field = ANY (w.alternatives) AS wrong,
		p.field IS NOT NULL AND p.field = ANY (w.alternatives) AND NOT 'DROP' = ANY (w.alternatives) AS found
	FROM answer a
	CROSS JOIN LATERAL (SELECT string_to_array(a.answer, '|') AS alternatives) w
	LEFT JOIN staged s ON (s.product, s.mode, s.staging_table, s.header) = (a.product, a.mode, a.staging_table, a.header)
	LEFT JOIN proposed p ON (p.product, p.mode, p.staging_table, p.column_name) = (s.product, s.mode, s.staging_table, s.column_name);

/* What was found must also arrive: a value in some record, and a link whose target is in the export must lead there. */
CREATE TEMP VIEW outcome AS
	SELECT v.product, v.staging_table, v.header, v.field, v.expression, links,
		CASE WHEN links THEN coalesce(l.resolved > 4 * l.unresolved, false) ELSE coalesce(r.records, 0) > 0 END AS good
	FROM verdict v
	CROSS JOIN LATERAL (SELECT v.kind ~ '^(ref|url):' AND EXISTS (
		SELECT FROM answer k WHERE k.product = v.product AND k.mode = v.mode AND k.kind = 'key:' || split_part(v.kind, ':', 2)) AS links) x
	LEFT JOIN linked l ON l.product = v.product AND l.field = v.field
	LEFT JOIN arrived r ON r.product = v.product AND r.field IN (v.field, v.field || 'Id')
	WHERE v.mode = 'values' AND v.found AND v.filled > 0 AND v.field !~ '[(]' AND v.field NOT LIKE 'workspaceMember.%'
		/* a link into nothing is no fault of the proposal, nor a visit whose patient is in no file, nor a document without its file */
		AND (links OR l.field IS NULL) AND v.field NOT LIKE 'attachment.%'
		AND (v.field ~ '^(person|company)' OR EXISTS (SELECT FROM arrived a WHERE a.product = v.product AND a.field = 'person.name'));

SELECT format('  %s %s %s.%s: wanted %s, proposed %s (%s) %s', product, mode, staging_table, header, answer, coalesce(field, '-'), confidence, why)
FROM verdict WHERE :verbose::integer > 0 AND (mode = 'values' OR :verbose::integer > 1) AND (wrong OR wanted AND NOT found)
	AND NOT EXISTS (SELECT FROM kind_of k WHERE k.product = verdict.product AND k.kind = 'heldout') ORDER BY product, mode, staging_table, header;
SELECT format('  %s %s.%s: %s by %s %s', product, staging_table, header, field, expression, CASE WHEN links THEN 'links to nothing' ELSE 'is never filled' END)
FROM outcome WHERE :verbose::integer > 0 AND NOT good ORDER BY product, staging_table, header;
SELECT format('  %s is not mapped: %s', product, message) FROM unmapped;

SELECT format('no such column: %s %s.%s', a.product, a.staging_table, a.header) FROM answer a
WHERE a.mode = 'values' AND NOT EXISTS (SELECT FROM staged s WHERE (s.product, s.mode, s.staging_table, s.header) = (a.product, a.mode, a.staging_table, a.header));

\echo Each product without what its own headers taught. values: real rows (synthea, fhir; clinic: generated, other headers), else invented by kind; names: headers alone.
\echo arrives: of what was found, mapped by the proposed profile, the share that fills its field; links: the share of links found that lead to their record.
SELECT format('%-20s %-6s columns %4s  wanted %4s  precision %s  recall %s', v.product, mode, count(*), count(*) FILTER (WHERE wanted),
	to_char(count(*) FILTER (WHERE found)::numeric / greatest(count(*) FILTER (WHERE found OR wrong), 1), '0.000'),
	to_char(count(*) FILTER (WHERE found)::numeric / greatest(count(*) FILTER (WHERE wanted), 1), '0.000'))
	|| CASE WHEN mode = 'values' THEN (SELECT format('  arrives %s/%s  links %s/%s', count(*) FILTER (WHERE good AND NOT links), count(*) FILTER (WHERE NOT links), count(*) FILTER (WHERE good AND links), count(*) FILTER (WHERE links))
		FROM outcome o WHERE o.product = v.product) ELSE '' END
FROM verdict v GROUP BY v.product, mode ORDER BY v.product, mode DESC;

\echo answers: learned from, each for the others. seen: nothing was learned from them, but mistakes in them were mended. held out: nothing was changed for them, and no mistake in them looked at.
SELECT format('%-20s %-6s columns %4s  wanted %4s  precision %s  recall %s', CASE k.kind WHEN 'heldout' THEN 'held out' ELSE k.kind END, mode, count(*), count(*) FILTER (WHERE wanted),
	to_char(count(*) FILTER (WHERE found)::numeric / greatest(count(*) FILTER (WHERE found OR wrong), 1), '0.000'),
	to_char(count(*) FILTER (WHERE found)::numeric / greatest(count(*) FILTER (WHERE wanted), 1), '0.000'))
FROM verdict CROSS JOIN LATERAL (SELECT k.kind FROM kind_of k WHERE k.product = verdict.product UNION ALL SELECT 'total') k
GROUP BY k.kind, mode ORDER BY k.kind = 'total', k.kind = 'heldout', k.kind, mode DESC;

SELECT format('propose arrives %s links %s', round(avg(good::integer) FILTER (WHERE NOT links), 3), round(avg(good::integer) FILTER (WHERE links), 3)) FROM outcome;
SELECT format('propose precision %s recall %s',
	round(count(*) FILTER (WHERE found)::numeric / greatest(count(*) FILTER (WHERE found OR wrong), 1), 3),
	round(count(*) FILTER (WHERE found)::numeric / greatest(count(*) FILTER (WHERE wanted), 1), 3))
FROM verdict WHERE mode = 'values';
