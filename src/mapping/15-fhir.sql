/*
 * mapping: value functions for FHIR (https://hl7.org/fhir/R4). A cell holds one top-level member of a resource as JSON
 * text. What is no JSON, or says nothing, is NULL; an object is taken as an array of one.
 */

CREATE FUNCTION flitmig.fhir_elements(items text)
RETURNS text[] AS 'MODULE_PATHNAME', 'flitmig_fhir_elements' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION flitmig.fhir_elements(items text) IS 'The elements of a JSON array: strings as text, everything else as JSON';

CREATE FUNCTION flitmig.fhir_item(items text, code text, path text DEFAULT NULL)
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_fhir_item' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 30;
COMMENT ON FUNCTION flitmig.fhir_item(items text, code text, path text) IS 'The first element whose type, category, code, use or system is the code, or whose url ends in it; of it the value at path. fhir_item(identifier, ''MR'', ''value'')';

CREATE FUNCTION flitmig.fhir_text(concept text)
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_fhir_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION flitmig.fhir_text(concept text) IS 'Text, display or else code of a CodeableConcept, a Coding or an array of them';

CREATE FUNCTION flitmig.fhir_code(concept text, system text DEFAULT NULL)
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_fhir_code' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 30;
COMMENT ON FUNCTION flitmig.fhir_code(concept text, system text) IS 'Code of a CodeableConcept, a Coding or an array of them; with a system, the code in that system';

CREATE FUNCTION flitmig.fhir_name(names text)
RETURNS jsonb AS 'MODULE_PATHNAME', 'flitmig_fhir_name' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION flitmig.fhir_name(names text) IS 'A FULL_NAME value for Twenty: the official name, else the usual one, else any that is not old. Given names after the first are left to fhir_name_part';

CREATE FUNCTION flitmig.fhir_name_part(names text, part text)
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_fhir_name_part' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION flitmig.fhir_name_part(names text, part text) IS 'prefix, middle or suffix of the name that fhir_name takes; preferred: the nickname';

CREATE FUNCTION flitmig.fhir_telecom(telecom text, system text)
RETURNS text[] AS 'MODULE_PATHNAME', 'flitmig_fhir_telecom' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION flitmig.fhir_telecom(telecom text, system text) IS 'Contact points of a system (phone, email, fax, url), the preferred first: by rank, then mobile, home, work; old ones not';

CREATE FUNCTION flitmig.fhir_address(addresses text)
RETURNS jsonb AS 'MODULE_PATHNAME', 'flitmig_fhir_address' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION flitmig.fhir_address(addresses text) IS 'An ADDRESS value for Twenty: the home address, else any that is not old';

CREATE FUNCTION flitmig.fhir_ref(reference text, type text DEFAULT NULL, path text DEFAULT NULL)
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_fhir_ref' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 30;
COMMENT ON FUNCTION flitmig.fhir_ref(reference text, type text, path text) IS 'Whom a reference means: the id for Type/id, URLs and urn:uuid:; system|value for Type?identifier=system|value and for identifiers. NULL when it points to another type. Of an array the first that fits, a primary performer before others; path leads from an element to its reference';

CREATE FUNCTION flitmig.fhir_keys(identifiers text)
RETURNS text[] AS 'MODULE_PATHNAME', 'flitmig_fhir_keys' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION flitmig.fhir_keys(identifiers text) IS 'What fhir_ref may give for a resource beside its id: system|value and |value of each identifier';

CREATE FUNCTION flitmig.fhir_quantity(quantity text)
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_fhir_quantity' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION flitmig.fhir_quantity(quantity text) IS 'Value of a Quantity with its comparator: 5.2, <0.01';

CREATE FUNCTION flitmig.fhir_range(range text)
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_fhir_range' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION flitmig.fhir_range(range text) IS 'A Range or referenceRange: its text, or low - high, >= low, <= high';

CREATE FUNCTION flitmig.base64_markdown(data text, content_type text)
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_base64_markdown' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 30;
COMMENT ON FUNCTION flitmig.base64_markdown(data text, content_type text) IS 'A text, HTML or RTF that the export holds in base64, as Markdown; the content type may name its charset. NULL for what is no text';

CREATE FUNCTION flitmig.fhir_attachment_text(content text)
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_fhir_attachment_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION flitmig.fhir_attachment_text(content text) IS 'The note inside content of a DocumentReference or in a list of Attachments, as Markdown: the first that is a text';

CREATE FUNCTION flitmig._fhir_references(value text)
RETURNS text[] AS 'MODULE_PATHNAME', 'flitmig_fhir_references' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 30;
COMMENT ON FUNCTION flitmig._fhir_references(value text) IS 'Every Reference inside a cell, as JSON';

/*
 * How the staged resources point at each other, and how many of their
 * references lead to a resource of the export: by id, or by an identifier
 * that one resource alone has.
 */
CREATE FUNCTION flitmig.fhir_references(migration text)
RETURNS TABLE (entity text, style text, target text, count bigint, resolved bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	m		flitmig.migration := (SELECT x FROM flitmig.migration x WHERE x.name = fhir_references.migration);
	found	text;
	keys	text;
BEGIN
	PERFORM flitmig._require_owner_rights(flitmig._migration_id(fhir_references.migration));
	SELECT string_agg(format('SELECT %L::text AS entity, r.ref FROM %I.%I t, unnest(ARRAY[%s]) c(cell), unnest(flitmig._fhir_references(c.cell)) r(ref) WHERE t._file = ANY (%L)',
			e.name, m.staging_schema, e.name, e.cells, e.files), ' UNION ALL '),
		string_agg(format('SELECT t.resourcetype AS type, k.key, t.id FROM %I.%I t, unnest(array_append(%s, t.id)) k(key) WHERE t._file = ANY (%L)',
			m.staging_schema, e.name, e.identifiers, e.files), ' UNION ALL ')
	INTO found, keys
	FROM (
		SELECT c.relname AS name,
			string_agg(format('t.%I', a.attname), ', ') FILTER (WHERE a.attname NOT IN ('id', 'resourcetype', 'identifier')) AS cells,
			CASE WHEN bool_or(a.attname = 'identifier') THEN 'flitmig.fhir_keys(t.identifier)' ELSE 'NULL::text[]' END AS identifiers,
			ARRAY(SELECT s.id FROM flitmig.source_file s WHERE s.migration_id = m.id AND s.staging_table = c.relname AND s.superseded_by IS NULL ORDER BY s.id) AS files
		FROM pg_class c
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attname NOT IN ('_file', '_line', '_hash')
		WHERE c.relnamespace = (SELECT n.oid FROM pg_namespace n WHERE n.nspname = m.staging_schema) AND c.relkind = 'r'
		GROUP BY c.relname
		HAVING bool_or(a.attname = 'resourcetype') AND bool_or(a.attname = 'id')) e
	WHERE e.cells IS NOT NULL;
	IF found IS NULL THEN
		RETURN;
	END IF;
	RETURN QUERY EXECUTE format($sql$
WITH reference AS (
	SELECT x.entity, flitmig.fhir_ref(x.ref) AS key, t.text,
		coalesce(substring(t.text FROM '([A-Z][A-Za-z]+)[/?]'), flitmig.json_path_text(x.ref, 'type')) AS target
	FROM (%1$s) x, LATERAL (SELECT flitmig.json_path_text(x.ref, 'reference')) t(text)),
key AS (
	SELECT coalesce(k.type, '') AS type, k.key, count(DISTINCT k.id) AS ids
	FROM (%2$s) k WHERE k.key IS NOT NULL GROUP BY GROUPING SETS ((k.type, k.key), (k.key)))
SELECT r.entity::text, CASE WHEN r.text LIKE '#%%' THEN 'contained' WHEN r.text LIKE '%%?%%' THEN 'conditional' WHEN r.text IS NULL THEN 'logical' ELSE 'literal' END,
	r.target, count(*), count(*) FILTER (WHERE k.ids = 1)
FROM reference r LEFT JOIN key k ON k.key = r.key AND k.type = coalesce(r.target, '')
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3$sql$, found, keys);
END
$$;
COMMENT ON FUNCTION flitmig.fhir_references(migration text) IS 'How staged FHIR resources point at each other (literal, conditional, logical, contained), and how many of these references lead to a resource of the export';
