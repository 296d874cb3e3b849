/* mapping: what stands for a column of the generic profile where the export has it in another form, or not at all. */

/*
 * How the columns of a proposal that point at something do it, where that is
 * not the other's id as it stands: url (its end is the id), json (a FHIR
 * reference), name (of a patient or provider who is in the export).
 */
CREATE FUNCTION flitmig._propose_forms(mig integer, plan flitmig.proposal_candidate[])
RETURNS TABLE (staging_table text, column_name text, entity text, canonical text, form text) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT p.staging_table, p.column_name, p.entity, p.canonical, f.form
	FROM unnest(plan) p
	JOIN flitmig.proposal_column k ON k.entity = p.entity AND k.column_name = p.canonical AND k.kind = 'ref'
	JOIN flitmig.column_census z ON z.migration_id = mig AND z.staging_table = p.staging_table AND z.column_name = p.column_name
	JOIN flitmig.migration m ON m.id = mig
	CROSS JOIN LATERAL (SELECT to_regclass(format('%I.%I', m.staging_schema, p.staging_table)) AS staged) t
	CROSS JOIN LATERAL (
		SELECT count(*) >= 1 AND bool_and(v ~ '[[:alpha:]]{2}' AND v !~ '[0-9]') AND count(*) FILTER (WHERE v ~ '[[:alpha:].][ ,]+[[:alpha:]]') >= 0.5 * count(*) AS names
		FROM unnest(CASE WHEN t.staged IS NOT NULL AND z.rows > z.blanks THEN flitmig._propose_sample(t.staged, z.column_name, 20) END) v) s
	CROSS JOIN LATERAL (SELECT CASE
		WHEN coalesce((z.shapes->>'url')::bigint, 0) >= 0.5 * greatest(z.rows - z.blanks, 1) THEN 'url'
		WHEN coalesce((z.shapes->>'json')::bigint, 0) >= 0.5 * greatest(z.rows - z.blanks, 1) THEN 'json'
		WHEN s.names AND k.reference IN ('patients', 'providers') AND EXISTS (SELECT FROM unnest(plan) o WHERE o.canonical = '' AND o.entity = k.reference AND o.staging_table <> p.staging_table)
			THEN 'name' END AS form) f
	WHERE f.form IS NOT NULL
$$;
COMMENT ON FUNCTION flitmig._propose_forms(mig integer, plan flitmig.proposal_candidate[]) IS 'Columns of a proposal that point at something by an address, a FHIR reference or a name';

CREATE FUNCTION flitmig._propose_form_sql(form text, term text)
RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE form WHEN 'url' THEN format('flitmig.url_tail(%s)', term) WHEN 'json' THEN format('flitmig.fhir_ref(%s)', term)
		WHEN 'name' THEN format('flitmig.name_key(%s)', term) ELSE term END
$$;
COMMENT ON FUNCTION flitmig._propose_form_sql(form text, term text) IS 'An expression that gives the key which a cell of that form means';

/* The first of these that the export has, as a list of SQL terms; NULL when it has none. */
CREATE FUNCTION flitmig._propose_have(found text[], wanted text[], prefix text)
RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(format('s.%s%s', prefix, w), ', ' ORDER BY n) FROM unnest(wanted) WITH ORDINALITY u(w, n) WHERE prefix || w = ANY (found)
$$;
COMMENT ON FUNCTION flitmig._propose_have(found text[], wanted text[], prefix text) IS 'Columns of an entity that an export has, as SQL';

/*
 * Rows without an id get a key of what they have: a patient the medical record
 * number, if any. A name alone names nobody: with it goes the birth date, else the address, e-mail or phone; who
 * has none of them has no key. What may be there twice on one day has its
 * row's hash in it.
 */
CREATE FUNCTION flitmig._propose_key(entity text, found text[], prefix text)
RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	/* put together by ||, so that it is NULL when the export lacks all columns of a part */
	SELECT CASE entity
		WHEN 'patients' THEN coalesce('coalesce(' || flitmig._propose_have(found, '{mrn}', prefix) || ', ', '(') || 'lower(flitmig.one_line(concat_ws('' '', ' || flitmig._propose_have(found, '{first_name,last_name,full_name}', prefix)
			|| '))) || ''|'' || coalesce(' || flitmig._propose_have(found, '{date_of_birth,email,mobile_phone,home_phone,work_phone,postal_code}', prefix) || '))'
		WHEN 'providers' THEN 'lower(flitmig.one_line(concat_ws('' '', ' || flitmig._propose_have(found, '{name,first_name,last_name}', '') || ')))'
		WHEN 'locations' THEN 'lower(flitmig.one_line(' || flitmig._propose_have(found, '{name}', '') || '))'
		WHEN 'payers' THEN 'lower(flitmig.one_line(' || flitmig._propose_have(found, '{name}', '') || '))'
		WHEN 'appointments' THEN 'nullif(concat_ws(''|'', ' || flitmig._propose_have(found, '{start,start_date}', '')
			|| coalesce(', ' || flitmig._propose_have(found, '{start_time,patient_id}', ''), '')
			|| coalesce(', ' || flitmig._propose_have(found, '{first_name,last_name,full_name,date_of_birth}', 'patient_'), '')
			|| coalesce(', ' || flitmig._propose_have(found, '{provider_id,type}', ''), '') || '), '''')'
		WHEN 'notes' THEN 'nullif(concat_ws(''|'', ' || flitmig._propose_have(found, '{patient_id}', '') || coalesce(', ' || flitmig._propose_have(found, '{encounter_date,created_at}', ''), '') || ', s._hash::text), '''')'
		WHEN 'lab_results' THEN 'nullif(concat_ws(''|'', ' || flitmig._propose_have(found, '{patient_id}', '') || coalesce(', ' || flitmig._propose_have(found, '{date_collected,test_name}', ''), '') || ', s._hash::text), '''')'
		WHEN 'documents' THEN 'nullif(concat_ws(''|'', ' || flitmig._propose_have(found, '{path,file_name}', '') || coalesce(', ' || flitmig._propose_have(found, '{patient_id}', ''), '') || '), '''')'
		WHEN 'care_plans' THEN 'nullif(concat_ws(''|'', ' || flitmig._propose_have(found, '{patient_id}', '') || ', ' || flitmig._propose_have(found, '{title,start}', '') || '), '''')'
		WHEN 'care_plan_items' THEN 'nullif(concat_ws(''|'', ' || flitmig._propose_have(found, '{plan_id}', '') || ', ' || flitmig._propose_have(found, '{procedure_code,description,start}', '') || '), '''')'
	END
$$;
COMMENT ON FUNCTION flitmig._propose_key(entity text, found text[], prefix text) IS 'SQL of a key for the rows of an entity that come without an id; NULL when they have nothing that tells them apart';

CREATE FUNCTION flitmig._propose_id(entity text)
RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT k.column_name FROM flitmig.proposal_column k WHERE k.entity = _propose_id.entity AND k.reference = k.entity AND k.column_name <> 'claim_number' $$;
COMMENT ON FUNCTION flitmig._propose_id(entity text) IS 'The column of an entity that tells its rows apart';

/*
 * The maps with these in place of the columns. columns: entity to the names of
 * its columns that the export has, a patient's inside an appointment with their prefix.
 */
CREATE FUNCTION flitmig._propose_replace(maps jsonb, columns jsonb, forms jsonb)
RETURNS jsonb LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	result	jsonb := '[]';
	map		jsonb;
	words	text;
	entity	text;
	found	text[];
	id		text;
	key		text;
	item	record;
BEGIN
	FOR map IN SELECT m FROM jsonb_array_elements(maps) m LOOP
		entity := flitmig._driving_entity(map->>'source');
		words := map::text;
		found := ARRAY(SELECT jsonb_array_elements_text(columns->entity));
		id := flitmig._propose_id(entity);
		IF NOT id = ANY (found) THEN
			key := flitmig._propose_key(entity, found, '');
			words := CASE WHEN key IS NULL THEN words ELSE regexp_replace(words, '\ms\.' || id || '\M', format('(%s)', key), 'g') END;
		END IF;
		IF entity = 'appointments' AND NOT 'patient_id' = ANY (found) THEN		-- a patient inside the row
			key := flitmig._propose_key('patients', found, 'patient_');
			words := CASE WHEN key IS NULL THEN words ELSE regexp_replace(words, '\ms\.patient_id\M', format('(%s)', key), 'g') END;
		END IF;
		FOR item IN SELECT f->>'canonical' AS canonical, f->>'form' AS form FROM jsonb_array_elements(coalesce(forms->entity, '[]')) f LOOP
			IF item.form = 'name' THEN
				words := replace(words, format('"key": "s.%s"', item.canonical), format('"by": "name", "key": "%s"', flitmig._propose_form_sql('name', 's.' || item.canonical)));
			ELSE
				words := regexp_replace(words, '\ms\.' || item.canonical || '\M', flitmig._propose_form_sql(item.form, 's.' || item.canonical), 'g');
			END IF;
		END LOOP;
		result := result || words::jsonb;
	END LOOP;
	RETURN result;
END
$$;
COMMENT ON FUNCTION flitmig._propose_replace(maps jsonb, columns jsonb, forms jsonb) IS 'Maps with keys for rows without id, and with references in the form that the export has them in';
