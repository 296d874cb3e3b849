/* report: the public door, and the forms other than HTML. */

CREATE FUNCTION flitmig._report_markdown(mig integer, with_values boolean)
RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	s		jsonb := flitmig._report_summary(mig);
	body	text;
BEGIN
	SELECT string_agg(format(E'## %s\n\n%s\n\n%s\n    %s\n', title, lead,
			CASE WHEN rows IS NULL THEN E'None.\n' ELSE
				'| ' || array_to_string(columns, ' | ') || E' |\n|' || repeat('---|', cardinality(columns)) || E'\n'
				|| (SELECT string_agg('| ' || (
						/* A bar or a line break would end the cell. */
						SELECT string_agg(translate(replace(COALESCE(c.value OPERATOR(pg_catalog.#>>) '{}', ''), '|', '\|'), E'\r\n', '  '), ' | ' ORDER BY c.n)
						FROM jsonb_array_elements(r.value) WITH ORDINALITY AS c(value, n)) || E' |\n', '' ORDER BY r.n)
					FROM jsonb_array_elements(rows) WITH ORDINALITY AS r(value, n)) END,
			query), E'\n' ORDER BY n)
	INTO body FROM flitmig._report_sections(mig, with_values);

	RETURN format(E'# Migration %s: %s\n\n%s\n\n%s, into %s, profile %s, mapping %s, signed off %s.\n\n', s->>'migration', s->>'verdict', s->>'answer',
			flitmig._report_time((s->>'reported')::timestamptz, s->>'timeZone'), s->>'server', s->>'profile', COALESCE(left(s->>'mappingHash', 12), 'not confirmed'),
			CASE WHEN (s->>'signed')::boolean THEN format('by %s, %s', s->>'signedBy', flitmig._report_time((s->>'signedAt')::timestamptz, s->>'timeZone')) ELSE 'not yet' END)
		|| format(E'| rows read | rejected | mapped | in Twenty | excluded | quarantine, held | conflicts | missing |\n|---|---|---|---|---|---|---|---|\n| %s | %s | %s | %s | %s | %s | %s | %s |\n\n',
			s->>'rowsRead', s->>'rowsRejected', s->>'mapped', s->>'stored', s->>'excluded', s->>'quarantined', s->>'conflict', s->>'difference')
		|| E'## What is left to do\n\n' || COALESCE((SELECT string_agg(format(E'- **%s** %s. %s', t.value->>'count', t.value->>'what', t.value->>'how'), E'\n' ORDER BY t.n)
													FROM jsonb_array_elements(s->'todo') WITH ORDINALITY AS t(value, n)), 'Nothing.') || E'\n\n'
		|| body;
END $$;
COMMENT ON FUNCTION flitmig._report_markdown(integer, boolean) IS 'The report as Markdown';

CREATE FUNCTION flitmig._report_json(mig integer, with_values boolean)
RETURNS jsonb LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT jsonb_build_object('summary', flitmig._report_summary(mig)) || jsonb_object_agg(s.key, COALESCE((
			SELECT jsonb_agg((
				SELECT jsonb_object_agg(s.columns[c.n], c.value)
				FROM jsonb_array_elements(r.value) WITH ORDINALITY AS c(value, n)) ORDER BY r.n)
			FROM jsonb_array_elements(s.rows) WITH ORDINALITY AS r(value, n)), '[]'))
	FROM flitmig._report_sections(mig, with_values) s
$$;
COMMENT ON FUNCTION flitmig._report_json(integer, boolean) IS 'The report as JSON: summary, and one array of objects a section';

CREATE FUNCTION @extschema@.flitmig_report(migration text, format text DEFAULT 'html', with_values boolean DEFAULT false)
RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
	m	flitmig.migration := flitmig._migration_row(migration);
BEGIN
	RETURN CASE lower(flitmig_report.format)
		WHEN 'html' THEN flitmig._report_html(m.id, with_values)
		WHEN 'markdown' THEN flitmig._report_markdown(m.id, with_values)
		WHEN 'jsonb' THEN flitmig._report_json(m.id, with_values)::text
		WHEN 'json' THEN flitmig._report_json(m.id, with_values)::text
		ELSE flitmig._report_unknown(flitmig_report.format) END;
END $$;
COMMENT ON FUNCTION @extschema@.flitmig_report(text, text, boolean)
IS 'The migration report: one self-contained page as html, or markdown, or jsonb. Counts and names only; with_values adds the server''s reasons and the values of conflicts';

CREATE FUNCTION flitmig._report_unknown(format text)
RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RAISE EXCEPTION 'unknown report format "%"', format
		USING ERRCODE = 'invalid_parameter_value', HINT = 'Valid formats are: html, markdown, jsonb.';
END $$;
COMMENT ON FUNCTION flitmig._report_unknown(text) IS 'Error for a report format that there is not';
