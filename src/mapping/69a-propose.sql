/* mapping: flitmig_propose, for people to read. */

CREATE FUNCTION flitmig._propose_expressions(maps jsonb)
RETURNS TABLE (entity text, object text, field text, expression text) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	/* insurance and referrals have no map of their own: the patient's joins them */
	SELECT flitmig._driving_entity(m->>'source'), m->>'object', ltrim(f.key, '@!'), coalesce(f.value->>'expression', f.value->>'key', f.value->>'owner', f.value #>> '{}')
	FROM jsonb_array_elements(maps) m CROSS JOIN LATERAL jsonb_each(m->'fields') f
	UNION ALL
	SELECT a.entity, m->>'object', f.key, coalesce(f.value->>'expression', f.value->>'key', f.value #>> '{}')
	FROM jsonb_array_elements(maps) m
	CROSS JOIN LATERAL jsonb_each(m->'fields') f
	CROSS JOIN (VALUES ('insurance', '\mi1\.'), ('referrals', '\mr\.')) a(entity, alias)
	WHERE m->>'name' = 'patient' AND f.value::text ~ a.alias
	UNION ALL
	SELECT flitmig._driving_entity(m->>'source'), m->>'object', 'file', m->>'file' FROM jsonb_array_elements(maps) m WHERE m ? 'file'
$$;
COMMENT ON FUNCTION flitmig._propose_expressions(maps jsonb) IS 'The expressions of a profile''s maps by the entity whose row they read';

/* What is left when columns became NULL, as one would have written it. */
CREATE FUNCTION flitmig._propose_simplify(expression text)
RETURNS text LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	result	text := expression;
	rule	text[];
BEGIN
	FOREACH rule SLICE 1 IN ARRAY ARRAY[
		ARRAY['coalesce\(NULL, (s\.(?:[a-z0-9_]+|"[^"]+"))\)', '\1'],
		ARRAY['coalesce\((s\.(?:[a-z0-9_]+|"[^"]+")), NULL\)', '\1'],
		ARRAY['coalesce\(NULL, NULL\)', 'NULL'],
		ARRAY['nullif\(concat_ws\([^()]*?'', (?:NULL, )*(s\.(?:[a-z0-9_]+|"[^"]+"))(?:, NULL)*\), ''''\)', '\1'],
		ARRAY['nullif\(concat_ws\([^()]*?''(?:, NULL)+\), ''''\)', 'NULL'],
		ARRAY['coalesce\(flitmig\.to_timestamp_tz\(NULL, NULL, \{time_zone\}\), (flitmig\.to_timestamp_tz\([^()]*\))\)', '\1'],
		ARRAY['coalesce\((flitmig\.to_timestamp_tz\([^()]*\)), flitmig\.to_timestamp_tz\(NULL, [^()]*\)\)', '\1'],
		ARRAY[', \(extract\(epoch FROM flitmig\.to_timestamp_tz\((?:NULL, NULL|coalesce\([^()]*\), NULL|s\.[a-z0-9_"]+, NULL), (?:\{[^}]*\}|NULL), \{time_zone\}\) - flitmig\.to_timestamp_tz\([^()]*(?:\([^()]*\))?[^()]*\)\) / 60\)::integer', ''],
		ARRAY[', \(extract\(epoch FROM flitmig\.to_timestamp_tz\(NULL, [^()]*\) - flitmig\.to_timestamp_tz\([^()]*\)\) / 60\)::integer', ''],
		ARRAY['^coalesce\((flitmig\.to_minutes\([^()]*\))\)$', '\1'],
		ARRAY['^coalesce\(flitmig\.to_minutes\(NULL\), (.*)\)$', '\1'],
		ARRAY['CASE WHEN upper\(NULL\) .*? THEN upper\(NULL\) ELSE \{country\} END', '{country}'],
		ARRAY['^CASE WHEN NULL IS NULL AND NULL IS NULL THEN (.*) ELSE .* END$', '\1'],
		ARRAY['^CASE WHEN .* IS NULL THEN flitmig\.full_name\(NULL\) ELSE (.*) END$', '\1'],
		ARRAY['^CASE WHEN (\S+) IS NOT NULL THEN \1 WHEN NULL IS NOT NULL (?:(?!\ms\.).)*END$', '\1'],
		ARRAY['^(flitmig\.(?:to_phones|phone_extensions|to_emails)\(.*?)(?:, NULL)+\)$', '\1)']]
	LOOP
		result := regexp_replace(result, rule[1], rule[2], 'g');
	END LOOP;
	RETURN result;
END
$$;
COMMENT ON FUNCTION flitmig._propose_simplify(expression text) IS 'An expression without the parts that are always NULL';

/* The canonical columns of an expression replaced by those of the export; NULL for what it lacks. */
CREATE FUNCTION flitmig._propose_expression(expression text, entity text, staged text, names jsonb)
RETURNS text LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	alias	text := CASE entity WHEN 'insurance' THEN 'i1' WHEN 'referrals' THEN 'r' ELSE 's' END;
	result	text := expression;
	word	text[];
BEGIN
	FOR word IN SELECT DISTINCT m FROM regexp_matches(expression, '\m((?:s|i1|r)\."?([a-z_][a-z0-9_]*)"?)', 'g') m LOOP
		result := regexp_replace(result, '\m' || replace(word[1], '.', '\.') || '(?![a-z0-9_"])',
			CASE WHEN names ? word[2] AND left(word[1], length(alias) + 1) = alias || '.' THEN 's.' || quote_ident(names->>word[2]) ELSE 'NULL' END, 'g');
	END LOOP;
	FOR word IN SELECT DISTINCT m FROM regexp_matches(result, '(\{order [a-z_]+\.([a-z_0-9]+)\})', 'g') m LOOP
		result := replace(result, word[1], CASE WHEN names ? word[2] THEN format('{order %s.%s}', staged, names->>word[2]) ELSE 'NULL' END);
	END LOOP;
	RETURN flitmig._propose_simplify(result);
END
$$;
COMMENT ON FUNCTION flitmig._propose_expression(expression text, entity text, staged text, names jsonb) IS 'An expression of the generic profile over the columns of a staging table; names: canonical name to column';

CREATE FUNCTION flitmig._propose_rows(mig integer, leave_out text DEFAULT NULL)
RETURNS TABLE (source_table text, source_column text, place integer, object text, field text, expression text, confidence numeric(3,2), why text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
	WITH plan AS MATERIALIZED (SELECT * FROM flitmig._propose_plan(mig, leave_out)),
	verdict AS (
		SELECT p.staging_table, string_agg(p.entity, ' and ' ORDER BY p.entity) AS entity, string_agg(p.why, '; ' ORDER BY p.entity) AS why
		FROM plan p WHERE p.canonical = '' GROUP BY 1),
	name AS (
		SELECT p.staging_table, p.entity, jsonb_object_agg(p.canonical, p.column_name) AS names
		FROM plan p WHERE p.canonical NOT IN ('', '-', '?') GROUP BY 1, 2),
	form AS MATERIALIZED (SELECT * FROM flitmig._propose_forms(mig, ARRAY(SELECT ROW(p.*)::flitmig.proposal_candidate FROM plan p))),
	formula AS MATERIALIZED (SELECT * FROM flitmig._propose_expressions(flitmig._propose_base()->'maps'))
	SELECT z.staging_table, z.column_name, z.position,
		CASE WHEN p.canonical NOT IN ('-', '?') AND k.field <> '(drop)' THEN k.object END,
		CASE WHEN p.canonical NOT IN ('-', '?') AND k.field <> '(drop)' THEN k.field END,
		/* as the profile does: a reference in the form that it has here */
		CASE WHEN g.form IS NULL THEN x.sql ELSE regexp_replace(x.sql, '\ms\.' || quote_ident(z.column_name) || '(?![a-z0-9_"])', flitmig._propose_form_sql(g.form, format('s.%I', z.column_name)), 'g') END,
		CASE WHEN p.score IS NOT NULL THEN round(least(p.score, 0.99)::numeric, 2) END::numeric(3,2),
		CASE
			WHEN p.canonical = '-' THEN 'left behind: ' || p.why
			WHEN p.canonical = '?' THEN 'no field for it: ' || p.why
			WHEN k.field = '(drop)' THEN format('left behind, %s.%s: %s', p.entity, p.canonical, p.why)
			WHEN p.canonical IS NOT NULL THEN format('%s.%s: %s%s', p.entity, p.canonical, p.why,
				CASE g.form WHEN 'url' THEN '; the id is the end of the address' WHEN 'json' THEN '; a FHIR reference' WHEN 'name' THEN '; found by name: two of one name are not told apart' ELSE '' END)
			WHEN v.entity IS NULL THEN 'no telling what this table is'
			WHEN v.entity = 'other' THEN 'the table holds nothing to migrate: ' || v.why
			ELSE format('nothing like it among the columns of %s', v.entity)
		END
	FROM flitmig.column_census z
	LEFT JOIN verdict v ON v.staging_table = z.staging_table
	LEFT JOIN plan p ON p.staging_table = z.staging_table AND p.column_name = z.column_name AND p.canonical <> ''
	LEFT JOIN flitmig.proposal_column k ON k.entity = p.entity AND k.column_name = p.canonical
	LEFT JOIN form g ON g.staging_table = p.staging_table AND g.column_name = p.column_name AND g.canonical = p.canonical
	LEFT JOIN name n ON n.staging_table = p.staging_table AND n.entity = p.entity
	CROSS JOIN LATERAL (
		SELECT CASE WHEN p.canonical NOT IN ('-', '?') AND k.field <> '(drop)' THEN coalesce(
			flitmig._propose_expression((SELECT f.expression FROM formula f WHERE f.entity = p.entity AND f.object = k.object AND f.field = k.field LIMIT 1),
				p.entity, z.staging_table, n.names
					|| CASE WHEN p.entity = 'patients' AND NOT n.names ? 'patient_id' THEN coalesce((SELECT jsonb_build_object('patient_id', y.column_name) FROM plan y
						WHERE y.staging_table = z.staging_table AND y.canonical = 'patient_id' LIMIT 1), '{}') ELSE '{}' END),
			format('s.%I', z.column_name)) END AS sql) x
	WHERE z.migration_id = mig AND z.column_name NOT IN ('_file', '_line', '_hash')
$$;
COMMENT ON FUNCTION flitmig._propose_rows(mig integer, leave_out text) IS 'A proposal in rows; leave_out: as if nothing had been learned from that product';

/* A profile that was written for this very product is better than any proposal. */
CREATE FUNCTION flitmig._propose_known_profile(mig integer, OUT profile text, OUT known bigint, OUT columns bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
	WITH col AS MATERIALIZED (
		SELECT c.staging_table, c.column_name FROM flitmig.column_census c WHERE c.migration_id = mig AND c.column_name NOT IN ('_file', '_line', '_hash')),
	spelling AS MATERIALIZED (
		SELECT DISTINCT p.name, e.key AS entity, flitmig._column_name(x.header) AS column_name
		FROM flitmig.profile p
		CROSS JOIN LATERAL jsonb_each(flitmig._object_of(p.doc->'entities')) e
		CROSS JOIN LATERAL (
			SELECT c.key FROM jsonb_each(flitmig._object_of(e.value->'columns')) c
			UNION ALL SELECT h FROM jsonb_each(flitmig._object_of(e.value->'columns')) c, jsonb_array_elements_text(flitmig._array_of(c.value)) h
			UNION ALL SELECT d FROM jsonb_array_elements_text(flitmig._array_of(e.value->'drop')) d) x(header)
		WHERE p.name <> 'generic'),
	best AS (									-- each table is the entity that knows most of its columns
		SELECT DISTINCT ON (h.name, h.staging_table) h.name, h.staging_table, h.known
		FROM (SELECT s.name, c.staging_table, s.entity, count(*) AS known FROM col c JOIN spelling s ON s.column_name = c.column_name GROUP BY 1, 2, 3) h
		ORDER BY h.name, h.staging_table, h.known DESC),
	total AS (SELECT b.name, sum(b.known)::bigint AS known, (SELECT count(*) FROM col) AS columns FROM best b GROUP BY 1)
	SELECT t.name, t.known, t.columns FROM total t WHERE t.columns >= 5 AND t.known >= 0.9 * t.columns ORDER BY t.known DESC, t.name LIMIT 1
$$;
COMMENT ON FUNCTION flitmig._propose_known_profile(mig integer) IS 'The profile that knows at least nine tenths of the columns that were imported, and how many; NULL: none does';

CREATE FUNCTION flitmig._require_imported(migration text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM flitmig.column_census c WHERE c.migration_id = flitmig._migration_id(_require_imported.migration)) THEN
		RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = format('nothing was imported into migration "%s"', migration),
			HINT = format('SELECT * FROM flitmig_import(%L, ''/path/of/the/export'');', migration);
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._require_imported(text) IS 'Error unless a migration has a census of imported columns';

CREATE FUNCTION @extschema@.flitmig_propose(migration text)
RETURNS TABLE (source_table text, source_column text, object text, field text, expression text, confidence numeric(3,2), why text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
#variable_conflict use_column
DECLARE
	mig		integer := flitmig._migration_id(flitmig_propose.migration);
	better	record;
BEGIN
	PERFORM flitmig._require_owner_rights(mig), flitmig._require_imported(flitmig_propose.migration);
	SELECT k.* INTO better FROM flitmig._propose_known_profile(mig) k JOIN flitmig.migration m ON m.id = mig AND m.profile IS DISTINCT FROM k.profile WHERE k.profile IS NOT NULL;
	IF FOUND THEN
		RAISE NOTICE 'profile "%" knows % of the % columns: if this is that product''s export, use it rather than a proposal', better.profile, better.known, better.columns
			USING HINT = format('SELECT flitmig_create(''another'', %L, profile => %L);', (SELECT m.server FROM flitmig.migration m WHERE m.id = mig), better.profile);
	END IF;
	RETURN QUERY
	SELECT r.source_table, r.source_column, r.object, r.field, r.expression, r.confidence, r.why
	FROM flitmig._propose_rows(mig) r ORDER BY r.source_table, r.place, r.source_column;
END
$$;
COMMENT ON FUNCTION @extschema@.flitmig_propose(migration text) IS 'Proposes for every staged column where it goes, by names, values and links between tables, with confidence and reason. Nothing is mapped by it';

CREATE FUNCTION flitmig.propose_profile(migration text)
RETURNS jsonb LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
	mig		integer := flitmig._migration_id(propose_profile.migration);
BEGIN
	PERFORM flitmig._require_owner_rights(mig), flitmig._require_imported(propose_profile.migration);
	RETURN flitmig._propose_profile(mig);
END
$$;
COMMENT ON FUNCTION flitmig.propose_profile(migration text) IS 'What flitmig_propose proposes as a profile: INSERT INTO flitmig.profile (name, doc) VALUES (''mine'', flitmig.propose_profile(''clinic'')); read it, change it, then name it in flitmig_create';
