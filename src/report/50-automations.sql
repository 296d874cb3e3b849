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

/* Exports name the same thing in many ways; the first of these that holds something counts. */
CREATE FUNCTION flitmig._report_first(rule jsonb, VARIADIC names text[])
RETURNS jsonb LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT rule->n FROM unnest(names) WITH ORDINALITY u(n, place) WHERE COALESCE(rule->>n, '') <> '' ORDER BY place LIMIT 1
$$;
COMMENT ON FUNCTION flitmig._report_first(jsonb, text[]) IS 'The first of these members that is not blank';

CREATE FUNCTION flitmig._report_trigger(event text, timing text, rule jsonb)
RETURNS text LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE
		WHEN event ~* 'webhook' THEN 'Webhook'
		WHEN event IS NULL AND rule->>'kind' ~* 'recall|remind' THEN 'On a schedule: search the records that are due, then act on each'
		/* Before or after a date in a record: Twenty has no such trigger; a workflow on a schedule searches for what is due. */
		WHEN timing !~ '^[-+]?0+[a-z ]*$' OR event ~* 'schedule|daily|weekly|monthly|every' OR rule ?| '{every,schedule,cron,interval}'
			THEN 'On a schedule: search the records that are due, then act on each'
		WHEN event ~* 'creat|new|add|book' THEN 'Record is created'
		WHEN event ~* 'delet|cancel.*remov' THEN 'Record is deleted'
		WHEN event <> '' THEN 'Record is updated'
		ELSE 'Launch manually'
	END
$$;
COMMENT ON FUNCTION flitmig._report_trigger(text, text, jsonb) IS 'The Twenty workflow trigger nearest to a rule of the old software';

CREATE FUNCTION flitmig._report_automation(mig integer, rule jsonb)
RETURNS jsonb LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
	WITH part AS (
		/* trigger is a text, or an object with an event and an offset */
		SELECT CASE jsonb_typeof(t.value) WHEN 'object' THEN flitmig._report_first(t.value, 'event', 'on', 'when', 'type', 'name') #>> '{}' ELSE t.value #>> '{}' END AS event,
			COALESCE(CASE jsonb_typeof(t.value) WHEN 'object' THEN flitmig._report_first(t.value, 'offset', 'delay', 'timing', 'before', 'after', 'every') END,
				flitmig._report_first(rule, 'timing', 'trigger_offset', 'offset', 'delay', 'send_time', 'interval', 'before', 'after', 'every', 'schedule', 'cron')) #>> '{}' AS timing,
			flitmig._report_first(rule, 'condition', 'conditions', 'filter', 'criteria', 'trigger_condition') AS condition,
			flitmig._report_first(rule, 'channel', 'reminder_type', 'medium', 'via', 'method', 'send_by') AS channel,
			flitmig._report_first(rule, 'template', 'message', 'body', 'text', 'content', 'subject') AS template,
			flitmig._report_first(rule, 'active', 'enabled', 'is_active', 'status') AS active
		FROM (SELECT flitmig._report_first(rule, 'trigger', 'trigger_event', 'event', 'when') AS value) t
	), place AS (
		/* appointment.start speaks of what the map appointment makes of it */
		SELECT p.*, (SELECT o.object FROM flitmig.object_map o
					 WHERE o.migration_id = mig AND o.name = lower(substring(p.event FROM '^([A-Za-z_]+?)s?(?:\W|$)')) LIMIT 1) AS object
		FROM part p
	)
	SELECT jsonb_strip_nulls(jsonb_build_object(
			'id', rule->'id', 'kind', rule->'kind', 'name', rule->'name', 'active', p.active,
			'trigger', p.event, 'timing', p.timing, 'condition', p.condition, 'channel', p.channel, 'template', p.template,
			/* what has no place above stays as it was */
			'other', nullif(rule - '{id,kind,name,active,enabled,is_active,status,trigger,trigger_event,event,when,timing,trigger_offset,offset,delay,send_time,interval,before,after,every,schedule,cron,'
				'condition,conditions,filter,criteria,trigger_condition,channel,reminder_type,medium,via,method,send_by,template,message,body,text,content,subject}'::text[], '{}'),
			'twentyObject', p.object,
			'twentyTrigger', flitmig._report_trigger(p.event, p.timing, rule)))
	FROM place p
$$;
COMMENT ON FUNCTION flitmig._report_automation(integer, jsonb) IS 'One rule of the old software under one set of names, with the object of Twenty that it speaks of and the nearest trigger there';

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
		SELECT flitmig._report_automation($1, jsonb_strip_nulls(rule))
		FROM (
			SELECT s._file, s._line, (
				SELECT jsonb_object_agg(c.key, flitmig._report_parse(c.value))
				FROM jsonb_each_text(to_jsonb(s.*)) c WHERE c.key NOT LIKE '\_%%') AS rule
			FROM %I.%I s
			JOIN flitmig.source_file f ON f.id = s._file AND f.superseded_by IS NULL) r
		ORDER BY r._file, r._line$query$, m.staging_schema, entity) USING mig;
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
		'note', 'Not moved: rebuild each as a Twenty workflow. twentyTrigger is the nearest one.',
		'automations', COALESCE((SELECT jsonb_agg(a) FROM flitmig._report_automations(m.id) a), '[]'));
END $$;
COMMENT ON FUNCTION @extschema@.flitmig_automations(text)
IS 'Reminders, recalls and billing rules found in the export, as JSON to rebuild them by: kind, name, trigger, timing, condition, channel, template, the nearest Twenty workflow trigger and the object that it is about';
