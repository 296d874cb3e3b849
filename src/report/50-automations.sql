/* automations: reminders, recalls and billing rules of the export, as a reference to rebuild them by. */

CREATE FUNCTION flitmig._report_parse(value text)
RETURNS jsonb LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF value ~ '^\s*[\[{]' OR value IN ('true', 'false') THEN
		RETURN value::jsonb;
	END IF;
	RETURN to_jsonb(value);
EXCEPTION WHEN invalid_text_representation THEN
	RETURN to_jsonb(value);
END $$;
COMMENT ON FUNCTION flitmig._report_parse(text) IS 'A staged cell as JSON again: objects, arrays and booleans that import kept as text, else the text';

CREATE FUNCTION flitmig._report_trigger(rule jsonb)
RETURNS text LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE
		WHEN rule::text ~* 'webhook' THEN 'Webhook'
		/* Before or after a date in a record: Twenty has no such trigger; a workflow on a schedule searches for what is due. */
		WHEN rule::text ~* '"(offset|delay|interval|every|schedule|cron|trigger_offset|trigger_every|after|before)"' THEN 'On a schedule: search the records that are due, then act on each'
		WHEN rule->>'trigger' ~* 'creat|new|add' OR rule->>'trigger_event' ~* 'creat|new|add' THEN 'Record is created'
		WHEN rule ? 'trigger' OR rule ? 'trigger_event' THEN 'Record is updated'
		ELSE 'Launch manually'
	END
$$;
COMMENT ON FUNCTION flitmig._report_trigger(jsonb) IS 'The Twenty workflow trigger nearest to a rule of the old software';

CREATE FUNCTION flitmig._report_automations(mig integer)
RETURNS SETOF jsonb LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	m		flitmig.migration;
	entity	text;
BEGIN
	SELECT * INTO m FROM flitmig.migration WHERE id = mig;
	entity := COALESCE(m.profile_doc->'automations'->>'entity', 'automations');
	/* A viewer has no staging tables; and who is not the owner does not run what the owner may have made of them. */
	IF m.owner <> current_user AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = m.owner AND r.rolsuper) OR NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
				   WHERE n.nspname = m.staging_schema AND c.relname = entity
					AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')) THEN
		RETURN;
	END IF;
	RETURN QUERY EXECUTE format($query$
		SELECT jsonb_strip_nulls(rule) || jsonb_build_object('twentyTrigger', flitmig._report_trigger(rule))
		FROM (
			SELECT s._file, s._line, (
				SELECT jsonb_object_agg(c.key, flitmig._report_parse(c.value))
				FROM jsonb_each_text(to_jsonb(s.*)) c WHERE c.key NOT LIKE '\_%%') AS rule
			FROM %I.%I s
			JOIN flitmig.source_file f ON f.id = s._file AND f.superseded_by IS NULL) r
		ORDER BY r._file, r._line$query$, m.staging_schema, entity);
END $$;
COMMENT ON FUNCTION flitmig._report_automations(integer) IS 'Each automation of the newest export as JSON, with the nearest Twenty workflow trigger';

CREATE FUNCTION @extschema@.flitmig_automations(migration text)
RETURNS jsonb LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	m	flitmig.migration := flitmig._migration_row(migration);
BEGIN
	PERFORM flitmig._require_owner_rights(m.id);
	RETURN jsonb_build_object(
		'migration', m.name,
		'note', 'Automations are not moved: rebuild each as a Twenty workflow (Settings, Workflows). twentyTrigger names the nearest trigger.',
		'automations', COALESCE((SELECT jsonb_agg(a) FROM flitmig._report_automations(m.id) a), '[]'));
END $$;
COMMENT ON FUNCTION @extschema@.flitmig_automations(text)
IS 'Reminders, recalls and billing rules found in the export, as JSON to rebuild them by, each with the nearest Twenty workflow trigger';
