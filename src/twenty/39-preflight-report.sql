/* preflight report: green, yellow or red, and what to do about it. Reads only what introspection brought. */

CREATE FUNCTION flitmig._check(name text, level integer, detail text, hint text DEFAULT NULL)
RETURNS TABLE("check" text, status text, detail text, hint text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT $1, (ARRAY['green', 'yellow', 'red'])[1 + $2], $3, CASE WHEN $2 > 0 THEN $4 END $$;
COMMENT ON FUNCTION flitmig._check(text, integer, text, text) IS 'One line of a preflight: level 0 green, 1 yellow, 2 red';

/*
 * What a migration asks of its key, and what its role gives.  A role may say
 * of single objects and fields something else than of all.
 */
CREATE FUNCTION flitmig._lacking_objects(mig integer, role jsonb, "right" text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	/* NULL: of none; '': of all, those that are yet to be made too */
	SELECT CASE WHEN count(*) FILTER (WHERE o.may IS FALSE) = 0 THEN NULL
				WHEN bool_and(o.may IS FALSE) FILTER (WHERE NOT o.own) AND NOT (role ->> format('can%sAllObjectRecords', "right"))::boolean THEN ''
				ELSE string_agg(o.object, ', ' ORDER BY o.object) FILTER (WHERE o.may IS FALSE) END
	/* nothing is withheld of an object that is Twenty's own affair */
	FROM (SELECT m.object, coalesce(l.is_system, false) AS own, coalesce(CASE WHEN l.is_system THEN true END, (p.doc ->> format('can%sObjectRecords', "right"))::boolean, (role ->> format('can%sAllObjectRecords', "right"))::boolean) AS may
		  FROM (SELECT DISTINCT x.object FROM flitmig.object_map x WHERE x.migration_id = mig) m
		  LEFT JOIN flitmig.live_object l ON l.migration_id = mig AND l.name = m.object
		  LEFT JOIN LATERAL (SELECT e AS doc FROM jsonb_array_elements(flitmig._array_of(role -> 'objectPermissions')) e
							 WHERE e ->> 'objectMetadataId' = l.object_id::text LIMIT 1) p ON true) o
$$;
COMMENT ON FUNCTION flitmig._lacking_objects(integer, jsonb, text) IS 'Objects of a migration with whose records a role may not do this (Read, Update, SoftDelete, Destroy): NULL when there is none, an empty text for all';

CREATE FUNCTION flitmig._lacking_fields(mig integer, role jsonb, "right" text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(DISTINCT l.object || '.' || l.name, ', ')
	FROM jsonb_array_elements(flitmig._array_of(role -> 'fieldPermissions')) e
	JOIN flitmig.live_field l ON l.migration_id = mig AND l.field_id::text = e ->> 'fieldMetadataId'
	JOIN flitmig.object_map o ON o.migration_id = mig AND o.object = l.object
	JOIN flitmig.field_map f ON f.object_map_id = o.id AND lower(ltrim(f.field, '@')) = lower(l.name)
	WHERE (e ->> format('can%sFieldValue', "right"))::boolean IS FALSE
$$;
COMMENT ON FUNCTION flitmig._lacking_fields(integer, jsonb, text) IS 'Fields of a migration that a role may not Read or Update; NULL when there is none';

CREATE FUNCTION flitmig._preflight_rights(mig integer) RETURNS TABLE("check" text, status text, detail text, hint text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH role AS (
		SELECT flitmig._capability(mig, 'rights') AS doc, (SELECT count(*) FROM flitmig._schema_actions(mig) a WHERE a.state IN ('create', 'append')) AS changes),
	model AS (
		SELECT r.doc, r.changes,
			   CASE WHEN (r.doc ->> 'canUpdateAllSettings')::boolean THEN true
					WHEN jsonb_typeof(r.doc -> 'permissionFlags') = 'array' THEN EXISTS (SELECT FROM jsonb_array_elements(r.doc -> 'permissionFlags') f WHERE f ->> 'flag' = 'DATA_MODEL') END AS may
		FROM role r),
	lack AS (
		SELECT 1 AS n, 2 AS level, CASE x.of WHEN '' THEN 'read all records' ELSE 'read records of ' || x.of END AS what FROM role r, flitmig._lacking_objects(mig, r.doc, 'Read') x(of) WHERE x.of IS NOT NULL
		UNION ALL
		SELECT 2, 2, CASE x.of WHEN '' THEN 'create and edit all records' ELSE 'create and edit records of ' || x.of END FROM role r, flitmig._lacking_objects(mig, r.doc, 'Update') x(of) WHERE x.of IS NOT NULL
		UNION ALL
		SELECT 3, 2, 'read ' || x.of FROM role r, flitmig._lacking_fields(mig, r.doc, 'Read') x(of) WHERE x.of IS NOT NULL
		UNION ALL
		SELECT 4, 2, 'write ' || x.of FROM role r, flitmig._lacking_fields(mig, r.doc, 'Update') x(of) WHERE x.of IS NOT NULL
		UNION ALL
		SELECT 5, CASE WHEN m.changes > 0 THEN 2 ELSE 1 END, 'change the data model' FROM model m WHERE m.may IS FALSE
		UNION ALL
		SELECT 6, 1, CASE x.of WHEN '' THEN 'put records in the trash' ELSE 'put records in the trash of ' || x.of END FROM role r, flitmig._lacking_objects(mig, r.doc, 'SoftDelete') x(of) WHERE x.of IS NOT NULL
		UNION ALL
		SELECT 7, 1, CASE x.of WHEN '' THEN 'destroy records' ELSE 'destroy records of ' || x.of END || ', so a rollback could not take them back'
		FROM role r, flitmig._lacking_objects(mig, r.doc, 'Destroy') x(of) WHERE x.of IS NOT NULL),
	lacking AS (
		SELECT max(l.level) AS level, string_agg(l.what, '; nor ' ORDER BY l.level DESC, l.n) AS what FROM lack l),
	/* general rights alone are known of a role that the list of keys told */
	told AS (
		SELECT concat_ws(' and ', CASE WHEN m.may IS NULL THEN 'whether it may change the data model' END,
						 CASE WHEN NOT m.doc ? 'objectPermissions' AND flitmig._role_details(mig) IS NOT NULL AND NOT coalesce((m.doc ->> 'canUpdateAllSettings')::boolean, false)
							  THEN 'what it may do with single objects and fields' END) AS unknown
		FROM model m)
	SELECT c.* FROM role r, lacking l, told t,
		flitmig._check('rights', CASE WHEN jsonb_typeof(r.doc) IS DISTINCT FROM 'object' THEN 1 ELSE greatest(coalesce(l.level, 0), (t.unknown <> '')::integer) END,
			CASE WHEN jsonb_typeof(r.doc) IS DISTINCT FROM 'object' THEN 'what this key may do could not be read'
				 WHEN l.what IS NOT NULL THEN format('role "%s" may not ', r.doc ->> 'label') || l.what || coalesce('; not told: ' || nullif(t.unknown, ''), '')
				 WHEN t.unknown <> '' THEN format('role "%s" may write and destroy records; not told: ', r.doc ->> 'label') || t.unknown
				 ELSE format('role "%s" may change the data model, write and destroy records', r.doc ->> 'label') END,
			CASE WHEN l.what IS NULL THEN 'A key may see its rights when its role has those to API keys and to roles; or make sure in Twenty, Settings > Roles, that it may change the data model, and read, edit, delete and destroy all records.'
				 ELSE 'In Twenty, Settings > Roles: give the key''s role the data model, and let it read, edit, delete and destroy all records.' END) c
$$;
COMMENT ON FUNCTION flitmig._preflight_rights(integer) IS 'Check about what the role of our API key may do';

CREATE FUNCTION flitmig._preflight_server(mig integer) RETURNS TABLE("check" text, status text, detail text, hint text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT c.* FROM (SELECT coalesce((SELECT o.option_value FROM flitmig.migration m JOIN pg_foreign_server s ON s.srvname = m.server, pg_options_to_table(s.srvoptions) o
									  WHERE m.id = mig AND o.option_name = 'url'), '') AS url) u,
		LATERAL (SELECT u.url !~* '^http:' AS tls, u.url ~* '^http://(localhost|127\.|\[::1\])' AS near) w,
		flitmig._check('server', (NOT w.tls AND NOT w.near)::integer, format('Twenty %s, %s objects, %s fields, %s', coalesce(flitmig._capability(mig, 'version') #>> '{}', 'of unknown version'),
			(SELECT count(*) FROM flitmig.live_object o WHERE o.migration_id = mig), (SELECT count(DISTINCT f.field_id) FROM flitmig.live_field f WHERE f.migration_id = mig),
			CASE WHEN w.tls THEN 'over TLS' WHEN w.near THEN 'on this machine' ELSE 'without TLS' END),
			'Patients'' data and the key cross the network in the clear. Put https in the url of the server, and drop its option allow_http.') c
	UNION ALL
	SELECT c.* FROM flitmig._preflight_rights(mig) c
	UNION ALL
	SELECT c.* FROM flitmig._pace(mig) p, flitmig._check('call limit', (NOT p.known)::integer,
		format('%s calls per %s s, %s records a call', p.max_tokens, p.window_ms / 1000, p.batch_size) || CASE WHEN p.known THEN '' ELSE ' (assumed)' END,
		'The limit is learned from the server''s first refusal. Whoever hosts Twenty can raise it (API_RATE_LIMITING_LONG_LIMIT).') c
	UNION ALL
	SELECT c.* FROM (SELECT count(*) AS n FROM flitmig.object_map o WHERE o.migration_id = mig AND o.file_path IS NOT NULL) f,
		flitmig._check('files', CASE WHEN flitmig._upload_dialect(mig) IS NOT NULL OR f.n = 0 THEN 0 ELSE 2 END,
			coalesce('uploads go by the dialect ' || flitmig._upload_dialect(mig), 'this server takes files in no way that flitmig knows'),
			'Leave the attachments out of the profile, or look for a newer flitmig.') c
	UNION ALL
	SELECT c.* FROM (SELECT current_setting('max_worker_processes')::integer - count(*) AS free
					 FROM pg_catalog.pg_stat_activity a WHERE a.backend_type NOT IN ('client backend', 'autovacuum worker', 'autovacuum launcher', 'walsender', 'walwriter',
						'checkpointer', 'background writer', 'startup', 'walreceiver', 'archiver', 'slotsync worker', 'io worker', 'walsummarizer')) w,
		flitmig._check('worker slots', CASE WHEN w.free > 0 THEN 0 ELSE 2 END, format('%s of %s free', w.free, current_setting('max_worker_processes')),
			'ALTER SYSTEM SET max_worker_processes = 16;  then restart PostgreSQL.') c
$$;
COMMENT ON FUNCTION flitmig._preflight_server(integer) IS 'Checks about the server and this database';

CREATE FUNCTION flitmig._preflight_model(mig integer) RETURNS TABLE("check" text, status text, detail text, hint text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH action AS (SELECT * FROM flitmig._schema_actions(mig))
	SELECT c.* FROM action a, flitmig._check('clash', 2, format('%s: %s', a.object || coalesce('.' || a.field, ''), a.why),
		'Rename it in the profile, or change it in Twenty under Settings > Data model; then flitmig_confirm again.') c
	WHERE a.state = 'clash'
	UNION ALL
	SELECT c.* FROM flitmig._check('data model', 0, (SELECT format('%s to make, %s to extend, %s there already',
		count(*) FILTER (WHERE a.state = 'create'), count(*) FILTER (WHERE a.state = 'append'), count(*) FILTER (WHERE a.state = 'exists')) FROM action a)) c
	UNION ALL	/* the server takes a second record with the same value, and nobody notices */
	SELECT c.* FROM flitmig._field_states(mig) s, flitmig._check('unique', 1, format('%s.%s is not unique on the server', (s.target).object, (s.target).name),
		'Make it unique in Twenty under Settings > Data model, or leave it: flitmig does not create a record twice either way.') c
	WHERE (s.target).is_unique AND NOT (s.live).is_unique AND s.problem IS NULL
	UNION ALL
	SELECT c.* FROM flitmig._check('unique', 0, (SELECT string_agg(DISTINCT f.object || '.' || f.name, ', ')
		FROM flitmig.live_field f JOIN flitmig.object_map o ON o.migration_id = mig AND o.object = f.object
		WHERE f.migration_id = mig AND f.is_unique AND f.name <> 'id') || ' must be unique, records in the trash count too') c
	WHERE c.detail IS NOT NULL
	UNION ALL
	SELECT c.* FROM (SELECT e ->> 'object' AS object, e ->> 'field' AS field, sum((e ->> 'asked')::bigint) AS asked, sum((e ->> 'holders')::bigint) AS holders,
							sum((e ->> 'trashed')::bigint) AS trashed, bool_or((e ->> 'refused')::boolean) AS refused
					 FROM jsonb_array_elements(coalesce(nullif(flitmig._capability(mig, 'holders'), 'null'), '[]')) e GROUP BY 1, 2) h,
		flitmig._check('holders', (h.holders > 0 OR h.refused)::integer,
			CASE WHEN h.refused THEN format('%s.%s: whether values of ours are taken on the server this key may not see', h.object, h.field)
				 ELSE format('%s.%s: of %s values of ours, %s are taken on the server, %s of them in the trash', h.object, h.field, h.asked, h.holders, h.trashed) END,
			CASE WHEN h.refused THEN 'Let the key''s role read them: Settings > Roles in Twenty. Records with a value that is taken are refused and set aside.'
				 WHEN EXISTS (SELECT FROM flitmig.object_map o, unnest(o.adopt) p WHERE o.migration_id = mig AND o.object = h.object AND split_part(p, '.', 1) = h.field)
				 THEN 'Records that match one of them and no other are adopted, the others will be set aside. Merge or rename doubtful ones in Twenty, empty its trash.'
				 ELSE 'Records with a value that is taken will be refused and set aside. Merge or rename them in Twenty, empty its trash, leave the field out; or, if they are the same people, '
					|| format('have them adopted: set flitmig.object_map.adopt to {%s} and confirm.', h.field || coalesce((SELECT '.' || u.part FROM flitmig._unique_fields(mig) u WHERE u.object = h.object AND u.field = h.field), '')) END) c
	UNION ALL
	SELECT c.* FROM flitmig._check('holders', 1, 'records are not mapped yet: whether their unique values are free was not asked', 'Ask again after a plan or a sample.') c
	WHERE (SELECT m.mapped_at FROM flitmig.migration m WHERE m.id = mig) IS NULL
$$;
COMMENT ON FUNCTION flitmig._preflight_model(integer) IS 'Checks about objects and fields';

CREATE FUNCTION flitmig._preflight_people(mig integer) RETURNS TABLE("check" text, status text, detail text, hint text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT c.* FROM (SELECT (SELECT count(*) FROM flitmig.live_member l WHERE l.migration_id = mig) AS members,
							count(*) FILTER (WHERE p.status = 'unmatched') AS unmatched, count(*) FILTER (WHERE p.status = 'default') AS defaulted
					 FROM (SELECT min(o.status) AS status FROM flitmig.owner o WHERE o.migration_id = mig		/* a person may be spelt in several ways */
						   GROUP BY coalesce(o.email, o.source_value) HAVING bool_and(o.status IN ('default', 'unmatched'))) p) n,
		flitmig._check('members', CASE WHEN n.unmatched + n.defaulted > 0 THEN 1 ELSE 0 END,
			format('workspace members: %s; owners of the export that are none: %s', n.members, n.unmatched + n.defaulted)
				|| CASE WHEN n.unmatched + n.defaulted = 0 THEN '' WHEN n.unmatched = 0 THEN ', so the default owner gets their records' ELSE ', so their records will have no owner' END,
			format('SELECT * FROM flitmig_owners(%L);  lists whom to invite in Twenty.', (SELECT m.name FROM flitmig.migration m WHERE m.id = mig))) c
$$;
COMMENT ON FUNCTION flitmig._preflight_people(integer) IS 'Checks about staff and workspace members';

/*
 * What would fire, and how often.  A workflow runs by itself for an event of a
 * record ("person.created") or by the clock; the others wait for a person or a
 * request, and nothing that a migration does sets them off.
 */
CREATE FUNCTION flitmig._record_events(mig integer) RETURNS TABLE (object text, event text, records bigint, fields text[])
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH planned AS (
		SELECT o.object, sum(p.records) FILTER (WHERE p.action = 'create') AS creates, sum(p.records) FILTER (WHERE p.action IN ('update', 'second pass')) AS updates
		FROM flitmig._plan_calls(mig) p JOIN flitmig.object_map o ON o.migration_id = mig AND o.name = p.object
		GROUP BY o.object),
	field AS (
		SELECT o.object, array_agg(DISTINCT lower(ltrim(f.field, '@'))) AS fields
		FROM flitmig.object_map o JOIN flitmig.field_map f ON f.object_map_id = o.id
		WHERE o.migration_id = mig GROUP BY o.object)
	SELECT o.object, e.event, CASE WHEN m.mapped_at IS NOT NULL THEN coalesce(e.records, 0)::bigint END, f.fields
	FROM (SELECT DISTINCT x.object FROM flitmig.object_map x WHERE x.migration_id = mig) o
	JOIN flitmig.migration m ON m.id = mig
	LEFT JOIN planned p ON p.object = o.object
	LEFT JOIN field f ON f.object = o.object
	CROSS JOIN LATERAL (VALUES ('created', p.creates), ('updated', p.updates), ('upserted', p.creates + coalesce(p.updates, 0))) AS e(event, records)
$$;
COMMENT ON FUNCTION flitmig._record_events(integer) IS 'Events of records that the next run would cause, and how often (NULL: the records are not mapped yet)';

CREATE FUNCTION flitmig._preflight_workflows(mig integer) RETURNS TABLE("check" text, status text, detail text, hint text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH known AS (
		SELECT flitmig._capability(mig, 'workflows') AS workflows, flitmig._capability(mig, 'triggers') AS triggers),
	readable AS (
		SELECT coalesce(jsonb_typeof(k.workflows) = 'array', false) AS workflows, coalesce(jsonb_typeof(k.triggers) = 'array', false) AS triggers FROM known k),
	active AS (
		SELECT e ->> 'id' AS id, e ->> 'name' AS name
		FROM known k, jsonb_array_elements(flitmig._array_of(k.workflows)) e WHERE e -> 'statuses' ? 'ACTIVE'),
	trigger AS (
		SELECT e ->> 'workflowId' AS id, a.name, e ->> 'type' AS type, split_part(e #>> '{settings,eventName}', '.', 1) AS object, split_part(e #>> '{settings,eventName}', '.', 2) AS event,
			   ARRAY(SELECT lower(t) FROM jsonb_array_elements_text(flitmig._array_of(e #> '{settings,fields}')) t) AS fields
		FROM known k, jsonb_array_elements(flitmig._array_of(k.triggers)) e
		/* of a workflow that is not active there is none; which those are, not every key may see */
		JOIN readable r ON true
		LEFT JOIN active a ON a.id = e ->> 'workflowId'
		WHERE a.id IS NOT NULL OR NOT r.workflows),
	fires AS (
		SELECT t.id, t.name, t.object, t.event, r.records
		FROM trigger t JOIN flitmig._record_events(mig) r ON r.object = t.object AND r.event = t.event
		WHERE t.type = 'DATABASE_EVENT' AND r.records IS DISTINCT FROM 0 AND (t.event = 'created' OR t.fields = '{}' OR t.fields && r.fields))
	SELECT c.* FROM fires f, flitmig._check('workflows', 1,
		format('%s runs for each %s that is %s', coalesce('"' || f.name || '"', 'one whose name this key may not see'), f.object, f.event) || coalesce(': ' || f.records || ' times', ', as often as there are records'),
		'Deactivate it in Twenty for the time of the migration, or make sure that it does no harm: it may write to patients.') c
	UNION ALL
	SELECT c.* FROM readable r, LATERAL (SELECT count(*) AS n, string_agg(a.name, ', ') AS names FROM active a) a, flitmig._check('workflows', 1,
		CASE WHEN NOT r.workflows THEN 'could not be read with this key' ELSE format('%s active: %s; what sets them off could not be read', a.n, a.names) END,
		'Look in Twenty under Workflows: those that start when a record is created or updated run for every record of the migration. Deactivate them for its time.') c
	WHERE NOT r.triggers AND (NOT r.workflows OR a.n > 0)
	UNION ALL
	SELECT c.* FROM readable r, flitmig._check('workflows', 0, CASE WHEN r.workflows AND NOT EXISTS (SELECT FROM active) THEN 'none active'
		WHEN NOT r.workflows THEN 'this key may not see them; none is set off by what is written' ELSE (
			SELECT format('%s active, none of them set off by what is written', count(*)) || coalesce(nullif(concat_ws(', ', '',
				nullif(count(*) FILTER (WHERE t.id IS NULL), 0) || ' by hand or request', nullif(count(*) FILTER (WHERE t.clock), 0) || ' by the clock',
				nullif(count(*) FILTER (WHERE t.events), 0) || ' by other events'), ''), '')
			FROM active a LEFT JOIN (SELECT t.id, bool_or(t.type = 'CRON') AS clock, bool_or(t.type = 'DATABASE_EVENT') AS events FROM trigger t GROUP BY t.id) t ON t.id = a.id) END) c
	WHERE (r.triggers OR r.workflows AND NOT EXISTS (SELECT FROM active)) AND NOT EXISTS (SELECT FROM fires)
$$;
COMMENT ON FUNCTION flitmig._preflight_workflows(integer) IS 'Checks about active workflows: which of them the records of a run would set off, and how often';

CREATE FUNCTION flitmig._preflight_webhooks(mig integer) RETURNS TABLE("check" text, status text, detail text, hint text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH known AS (
		SELECT flitmig._capability(mig, 'webhooks') AS webhooks),
	called AS (
		SELECT w.n, sum(e.records) AS times, count(*) FILTER (WHERE e.records IS NULL) > 0 AS unmapped
		FROM known k, jsonb_array_elements(flitmig._array_of(k.webhooks)) WITH ORDINALITY w(doc, n)
		JOIN flitmig._record_events(mig) e ON e.event IN ('created', 'updated') AND e.records IS DISTINCT FROM 0
			AND EXISTS (SELECT FROM jsonb_array_elements_text(w.doc -> 'operations') op
						WHERE op = '*' OR (split_part(op, '.', 1) IN ('*', e.object) AND split_part(op, '.', 2) IN ('*', e.event)))
		GROUP BY w.n)
	SELECT c.* FROM known k, (SELECT count(*) AS n, sum(h.times) AS times, bool_or(h.unmapped) AS unmapped FROM called h) t,
		flitmig._check('webhooks', CASE WHEN coalesce(jsonb_typeof(k.webhooks), 'null') = 'null' OR t.n > 0 THEN 1 ELSE 0 END,
			CASE WHEN coalesce(jsonb_typeof(k.webhooks), 'null') = 'null' THEN 'could not be read with this key'
				 WHEN t.n = 0 THEN 'none for records that are written'
				 ELSE format('%s would be called for records that are written', t.n) || CASE WHEN t.unmapped THEN ', as often as there are records' ELSE format(': %s times', t.times) END END,
			'Each record is sent to them, patients'' data included: delete them in Twenty (Settings > APIs & Webhooks) for the time of the migration.') c
$$;
COMMENT ON FUNCTION flitmig._preflight_webhooks(integer) IS 'Checks about webhooks that the records of a run would set off, and how often';

CREATE FUNCTION flitmig._preflight_report(mig integer) RETURNS TABLE("check" text, status text, detail text, hint text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT * FROM flitmig._preflight_server(mig)
	UNION ALL
	SELECT * FROM flitmig._preflight_model(mig)
	UNION ALL
	SELECT * FROM flitmig._preflight_people(mig)
	UNION ALL
	SELECT * FROM flitmig._preflight_workflows(mig)
	UNION ALL
	SELECT * FROM flitmig._preflight_webhooks(mig)
$$;
COMMENT ON FUNCTION flitmig._preflight_report(integer) IS 'All checks that can be made from what was read';
