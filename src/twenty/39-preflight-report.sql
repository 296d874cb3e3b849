/* preflight report: green, yellow or red, and what to do about it. Reads only what introspection brought. */

CREATE FUNCTION flitmig._check(name text, level integer, detail text, hint text DEFAULT NULL)
RETURNS TABLE("check" text, status text, detail text, hint text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT $1, (ARRAY['green', 'yellow', 'red'])[1 + $2], $3, CASE WHEN $2 > 0 THEN $4 END $$;
COMMENT ON FUNCTION flitmig._check(text, integer, text, text) IS 'One line of a preflight: level 0 green, 1 yellow, 2 red';

CREATE FUNCTION flitmig._preflight_server(mig integer) RETURNS TABLE("check" text, status text, detail text, hint text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT c.* FROM flitmig._check('server', 0, format('Twenty %s, %s objects, %s fields', coalesce(flitmig._capability(mig, 'version') #>> '{}', 'of unknown version'),
		(SELECT count(*) FROM flitmig.live_object o WHERE o.migration_id = mig), (SELECT count(DISTINCT f.field_id) FROM flitmig.live_field f WHERE f.migration_id = mig))) c
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
							sum((e ->> 'trashed')::bigint) AS trashed
					 FROM jsonb_array_elements(coalesce(nullif(flitmig._capability(mig, 'holders'), 'null'), '[]')) e GROUP BY 1, 2) h,
		flitmig._check('holders', (h.holders > 0)::integer, format('%s.%s: of %s values of ours, %s are taken on the server, %s of them in the trash', h.object, h.field, h.asked, h.holders, h.trashed),
			CASE WHEN EXISTS (SELECT FROM flitmig.object_map o, unnest(o.adopt) p WHERE o.migration_id = mig AND o.object = h.object AND split_part(p, '.', 1) = h.field)
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
							count(*) FILTER (WHERE o.status = 'unmatched') AS unmatched, count(*) FILTER (WHERE o.status = 'default') AS defaulted
					 FROM flitmig.owner o WHERE o.migration_id = mig) n,
		flitmig._check('members', CASE WHEN n.unmatched + n.defaulted > 0 THEN 1 ELSE 0 END,
			format('%s workspace members; %s owners of the export go to the default owner, %s to nobody', n.members, n.defaulted, n.unmatched),
			format('SELECT * FROM flitmig_owners(%L);  lists whom to invite in Twenty.', (SELECT m.name FROM flitmig.migration m WHERE m.id = mig))) c
$$;
COMMENT ON FUNCTION flitmig._preflight_people(integer) IS 'Checks about staff and workspace members';

/* What would fire on the records that a run creates. */
CREATE FUNCTION flitmig._preflight_automations(mig integer) RETURNS TABLE("check" text, status text, detail text, hint text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT c.* FROM (SELECT flitmig._capability(mig, 'workflows') AS doc) w,
		LATERAL (SELECT count(*) AS n, string_agg(e ->> 'name', ', ') AS names
				 FROM jsonb_array_elements(CASE jsonb_typeof(w.doc) WHEN 'array' THEN w.doc ELSE '[]' END) e WHERE e -> 'statuses' ? 'ACTIVE') a,
		flitmig._check('workflows', CASE WHEN coalesce(jsonb_typeof(w.doc), 'null') = 'null' OR a.n > 0 THEN 1 ELSE 0 END,
			CASE WHEN coalesce(jsonb_typeof(w.doc), 'null') = 'null' THEN 'could not be read with this key' WHEN a.n > 0 THEN format('%s active: %s', a.n, a.names) ELSE 'none active' END,
			'Active workflows run for every record that is created: deactivate them in Twenty for the time of the migration.') c
	UNION ALL
	SELECT c.* FROM (SELECT flitmig._capability(mig, 'webhooks') AS doc) w,
		LATERAL (SELECT count(*) AS n
				 FROM jsonb_array_elements(CASE jsonb_typeof(w.doc) WHEN 'array' THEN w.doc ELSE '[]' END) e
				 WHERE EXISTS (SELECT FROM jsonb_array_elements_text(e -> 'operations') op
							   WHERE op IN ('*', '*.*') OR op LIKE '%.created' OR op LIKE '%.*')) a,
		flitmig._check('webhooks', CASE WHEN coalesce(jsonb_typeof(w.doc), 'null') = 'null' OR a.n > 0 THEN 1 ELSE 0 END,
			CASE WHEN coalesce(jsonb_typeof(w.doc), 'null') = 'null' THEN 'could not be read with this key' WHEN a.n > 0 THEN format('%s would be called for created records', a.n) ELSE 'none for created records' END,
			'Each created record is sent to them, patients'' data included: delete them in Twenty (Settings > APIs & Webhooks) for the time of the migration.') c
$$;
COMMENT ON FUNCTION flitmig._preflight_automations(integer) IS 'Checks about workflows and webhooks that created records would set off';

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
	SELECT * FROM flitmig._preflight_automations(mig)
$$;
COMMENT ON FUNCTION flitmig._preflight_report(integer) IS 'All checks that can be made from what was read';
