/* mapping: a proposal as a profile. The generic profile, with the columns that this export has. */

/*
 * What other exports have that the generic profile does not read: names in
 * parts, more phones, an insurance inside the patient's row, the end of an
 * appointment, a note in sections. Members replace those of the map.
 */
CREATE FUNCTION flitmig._propose_patches()
RETURNS TABLE (map text, field text, definition jsonb) LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT v.map, v.field, to_jsonb(v.expression)
	FROM (VALUES
		('patient', 'name', 'CASE WHEN s.first_name IS NULL AND s.last_name IS NULL THEN flitmig.full_name(s.full_name) ELSE flitmig.full_name(s.first_name, s.last_name) END'),
		('patient', 'emails', 'flitmig.to_emails(s.email, s.email_2)'),
		('patient', 'phones', 'flitmig.to_phones(CASE WHEN upper(s.country) ~ ''^[A-Z][A-Z]$'' THEN upper(s.country) ELSE {country} END, s.mobile_phone, s.home_phone, s.work_phone, s.other_phone)'),
		('patient', 'phoneExtension', 'flitmig.phone_extensions(CASE WHEN upper(s.country) ~ ''^[A-Z][A-Z]$'' THEN upper(s.country) ELSE {country} END, s.mobile_phone, s.home_phone, s.work_phone, s.other_phone)'),
		('patient', 'homeAddress', 'flitmig.address(s.address_1, nullif(concat_ws('', '', s.address_2, s.address_3), ''''), s.city, s.state, s.postal_code, s.country)'),
		('patient', 'referringProviderNpi', 'flitmig.to_npi(coalesce(s.referring_npi, r.referring_npi))'),
		('patient', 'insuranceCarrier', 'flitmig.one_line(coalesce(i1.carrier, s.insurance_carrier))'),
		('patient', 'policyNumber', 'flitmig.one_line(coalesce(i1.policy_number, s.insurance_policy_number))'),
		('patient', 'groupNumber', 'flitmig.one_line(coalesce(i1.group_number, s.insurance_group_number))'),
		('patient', 'coverageType', 'flitmig.option_value(coalesce(i1.coverage_type, s.insurance_coverage_type))'),
		('patient', 'secondaryInsuranceCarrier', 'flitmig.one_line(coalesce(i2.carrier, s.secondary_insurance_carrier))'),
		('patient', 'secondaryPolicyNumber', 'flitmig.one_line(coalesce(i2.policy_number, s.secondary_insurance_policy_number))'),
		('patient', 'secondaryGroupNumber', 'flitmig.one_line(coalesce(i2.group_number, s.secondary_insurance_group_number))'),
		('patient', 'secondaryCoverageType', 'flitmig.option_value(coalesce(i2.coverage_type, s.secondary_insurance_coverage_type))'),
		('provider', 'name', 'CASE WHEN s.first_name IS NULL AND s.last_name IS NULL THEN flitmig.full_name(s.name) ELSE flitmig.full_name(s.first_name, s.last_name) END'),
		('appointment', 'dueAt', 'flitmig.iso(coalesce(flitmig.to_timestamp_tz(s.start, {order appointments.start}, {time_zone}), flitmig.to_timestamp_tz(s.start_date, coalesce(s.start_time, s.start), {order appointments.start_date}, {time_zone})))'),
		('appointment', 'durationMinutes', 'coalesce(flitmig.to_minutes(s.duration), (extract(epoch FROM flitmig.to_timestamp_tz(s."end", {order appointments.end}, {time_zone}) - flitmig.to_timestamp_tz(s.start, {order appointments.start}, {time_zone})) / 60)::integer, (extract(epoch FROM flitmig.to_timestamp_tz(coalesce(s.start_date, s.start), s.end_time, {order appointments.start_date}, {time_zone}) - flitmig.to_timestamp_tz(coalesce(s.start_date, s.start), s.start_time, {order appointments.start_date}, {time_zone})) / 60)::integer)'),
		('appointment', 'bodyV2', 'flitmig.rich_text(flitmig.to_markdown(s.notes))'),
		('note', 'bodyV2', 'flitmig.rich_text(flitmig.to_markdown(nullif(concat_ws(E''\n\n'', s.body, s.subjective, s.objective, s.assessment, s.plan), ''''), s.format))'),
		('claim', 'sourceSystemId', 'flitmig.one_line(coalesce(s.claim_id, s.claim_number))')
		) v(map, field, expression)
	UNION ALL
	VALUES ('appointment', 'status', jsonb_build_object('values', 'appointment_status', 'default', 'TODO', 'expression',
		'CASE WHEN s.status IS NOT NULL THEN s.status WHEN s.cancelled_at IS NOT NULL AND flitmig.to_boolean(s.cancelled_at) IS NOT FALSE THEN ''cancelled'' WHEN flitmig.to_boolean(s.no_show) THEN ''no show'' WHEN flitmig.to_boolean(s.arrived) THEN ''completed'' END'))
$$;
COMMENT ON FUNCTION flitmig._propose_patches() IS 'Fields of the generic profile''s maps that a proposal defines more widely';

CREATE FUNCTION flitmig._propose_base()
RETURNS jsonb LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT p.doc || jsonb_build_object('maps', (
			SELECT jsonb_agg(m.doc
				|| CASE m.doc->>'name'
					WHEN 'claim' THEN '{"key": "coalesce(s.claim_id, s.claim_number)"}'::jsonb
					WHEN 'appointment' THEN '{"exclude": [{"when": "s.patient_id IS NULL", "reason": "no patient: a break or blocked time"}, {"when": "flitmig.to_boolean(s.deleted)", "reason": "deleted in the source"}]}'::jsonb
					WHEN 'patient' THEN '{"handles": {"name": "flitmig.name_key(coalesce(s.full_name, nullif(concat_ws('' '', s.first_name, s.last_name), '''')))"}}'::jsonb
					WHEN 'provider' THEN '{"handles": {"name": "flitmig.name_key(coalesce(s.name, nullif(concat_ws('' '', s.first_name, s.last_name), '''')))"}}'::jsonb
					ELSE '{}' END
				|| jsonb_build_object('fields', (m.doc->'fields')
					|| coalesce((SELECT jsonb_object_agg(x.field, x.definition) FROM flitmig._propose_patches() x WHERE x.map = m.doc->>'name'), '{}')) ORDER BY m.n)
			FROM jsonb_array_elements(p.doc->'maps') WITH ORDINALITY m(doc, n)))
		|| CASE WHEN p.doc ? 'staff' THEN jsonb_build_object('staff', (p.doc->'staff') || '{"name": "coalesce(s.name, nullif(concat_ws('' '', s.first_name, s.last_name), ''''))"}') ELSE '{}' END
	FROM flitmig.profile p WHERE p.name = 'generic'
$$;
COMMENT ON FUNCTION flitmig._propose_base() IS 'The generic profile, widened to what a proposal may use';

/* A header as its file spells it, if the import would find the column by it. */
CREATE FUNCTION flitmig._propose_header(header text, col text)
RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE WHEN flitmig._column_name(header) = col THEN header ELSE col END $$;
COMMENT ON FUNCTION flitmig._propose_header(header text, col text) IS 'The header if it names that column, else the column''s name';

CREATE FUNCTION flitmig._propose_entity(mig integer, plan flitmig.proposal_candidate[], entity text, base jsonb)
RETURNS jsonb LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	/* canonical columns of the entity, with this export's headers; those of a patient inside an appointment are told apart by their prefix */
	WITH held AS (SELECT t.staging_table, t.entity FROM unnest(plan) t WHERE t.canonical = ''),
	main AS (SELECT h.staging_table FROM held h WHERE h.entity = _propose_entity.entity AND NOT (h.entity = 'patients' AND EXISTS (SELECT FROM held o WHERE o.staging_table = h.staging_table AND o.entity <> 'patients'))),
	found AS (
		SELECT CASE WHEN c.entity <> _propose_entity.entity THEN 'patient_' || c.canonical ELSE c.canonical END AS canonical,
			jsonb_agg(DISTINCT flitmig._propose_header(z.header, z.column_name)) AS headers
		FROM unnest(plan) c
		JOIN main ON main.staging_table = c.staging_table
		JOIN flitmig.column_census z ON z.migration_id = mig AND z.staging_table = c.staging_table AND z.column_name = c.column_name
		WHERE c.canonical NOT IN ('', '-', '?') GROUP BY 1),
	known AS (
		SELECT jsonb_object_keys(flitmig._object_of(base#>ARRAY['entities', _propose_entity.entity, 'columns'])) AS canonical
		UNION SELECT k.column_name FROM flitmig.proposal_column k WHERE k.entity = _propose_entity.entity
		UNION SELECT 'patient_' || k.column_name FROM flitmig.proposal_column k
			WHERE k.entity = 'patients' AND _propose_entity.entity = 'appointments' AND k.column_name <> 'patient_id'
				AND EXISTS (SELECT FROM held h JOIN held o USING (staging_table) WHERE h.entity = 'patients' AND o.entity = 'appointments')
		UNION SELECT found.canonical FROM found)
	SELECT jsonb_build_object(
		'files', coalesce((
			/* a name of digits alone would match every file */
			SELECT jsonb_agg(DISTINCT lower(n.pattern)) FILTER (WHERE n.pattern ~ '[[:alpha:]]')
			FROM main
			CROSS JOIN LATERAL (
				SELECT regexp_replace(regexp_replace(regexp_replace(f.name, '^.*/', ''), '\.[A-Za-z0-9]{1,6}$', ''), '[0-9][0-9_. -]*', '*', 'g') AS pattern
				FROM flitmig.source_file f WHERE f.migration_id = mig AND f.staging_table = main.staging_table AND f.superseded_by IS NULL
				UNION SELECT main.staging_table) n), '[]'),
		/* a canonical name that no header stands for matches itself: it would catch a column meant for another */
		'columns', (SELECT jsonb_object_agg(k.canonical, coalesce(f.headers, '[]')) FROM known k LEFT JOIN found f USING (canonical)),
		'required', coalesce((SELECT jsonb_agg(r) FROM jsonb_array_elements_text(flitmig._array_of(base#>ARRAY['entities', _propose_entity.entity, 'required'])) r WHERE r IN (SELECT f.canonical FROM found f)), '[]'),
		'drop', coalesce((
			SELECT jsonb_agg(DISTINCT d) FROM (
				SELECT to_jsonb(k.column_name) AS d FROM flitmig.proposal_column k WHERE k.entity = _propose_entity.entity AND k.field = '(drop)' AND k.column_name IN (SELECT f.canonical FROM found f)
				UNION SELECT to_jsonb(flitmig._propose_header(z.header, z.column_name))
				FROM unnest(plan) c JOIN main ON main.staging_table = c.staging_table
				JOIN flitmig.column_census z ON z.migration_id = mig AND z.staging_table = c.staging_table AND z.column_name = c.column_name
				WHERE c.canonical = '-') x), '[]'))
$$;
COMMENT ON FUNCTION flitmig._propose_entity(mig integer, plan flitmig.proposal_candidate[], entity text, base jsonb) IS 'An entity of a proposed profile';

/* Where the patient sits in the appointment's row, the map reads that row. */
CREATE FUNCTION flitmig._propose_maps(maps jsonb, combined boolean)
RETURNS jsonb LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN NOT combined THEN maps ELSE (
		SELECT jsonb_agg(CASE WHEN m.doc->>'name' <> 'patient' THEN m.doc
			ELSE regexp_replace(replace(m.doc::text, '{patients} s', '{appointments} s'), '\ms\.(?!patient_id\M)([a-z_0-9]+)', 's.patient_\1', 'g')::jsonb END ORDER BY m.n)
		FROM jsonb_array_elements(replace(maps::text, '{order patients.', '{order appointments.patient_')::jsonb) WITH ORDINALITY m(doc, n)) END
$$;
COMMENT ON FUNCTION flitmig._propose_maps(maps jsonb, combined boolean) IS 'The maps; with the patient taken from the appointments when combined';

CREATE FUNCTION flitmig._propose_profile(mig integer, leave_out text DEFAULT NULL)
RETURNS jsonb LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	base		jsonb := flitmig._propose_base();
	plan		flitmig.proposal_candidate[] := ARRAY(SELECT c FROM flitmig._propose_plan(mig, leave_out) c);
	combined	boolean := EXISTS (SELECT FROM unnest(plan) a JOIN unnest(plan) b ON b.staging_table = a.staging_table
								   WHERE a.canonical = '' AND b.canonical = '' AND a.entity = 'appointments' AND b.entity = 'patients');
	entities	jsonb;
	columns		jsonb;
	forms		jsonb;
BEGIN
	SELECT jsonb_object_agg(c.entity, c.names) INTO columns
	FROM (SELECT CASE WHEN combined AND p.entity = 'patients' THEN 'appointments' ELSE p.entity END AS entity,
			jsonb_agg(DISTINCT CASE WHEN combined AND p.entity = 'patients' AND p.canonical <> 'patient_id' THEN 'patient_' || p.canonical ELSE p.canonical END) AS names
		  FROM unnest(plan) p WHERE p.canonical NOT IN ('', '-', '?') GROUP BY 1) c;
	SELECT jsonb_object_agg(f.entity, f.list) INTO forms
	FROM (SELECT x.entity, jsonb_agg(jsonb_build_object('canonical', x.canonical, 'form', x.form)) AS list FROM flitmig._propose_forms(mig, plan) x GROUP BY 1) f;
	SELECT jsonb_object_agg(e, CASE WHEN EXISTS (SELECT FROM flitmig.proposal_column k WHERE k.entity = e)
									THEN flitmig._propose_entity(mig, plan, e, base) ELSE base#>ARRAY['entities', e] END)
	INTO entities FROM jsonb_object_keys(base->'entities') e;
	RETURN base || jsonb_build_object(
		'description', format('Proposed from the export of migration %s; read it before use', (SELECT m.name FROM flitmig.migration m WHERE m.id = mig)),
		'entities', entities,
		'maps', flitmig._propose_replace(flitmig._propose_maps(base->'maps', combined), coalesce(columns, '{}'), coalesce(forms, '{}')));
END
$$;
COMMENT ON FUNCTION flitmig._propose_profile(mig integer, leave_out text) IS 'The proposal as a profile document';
