/* help: always the one next step. */

CREATE FUNCTION flitmig._next_step(migration text)
RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	m			flitmig.migration;
	server		text;
	newest		flitmig.run;
	sampled		bigint;
	pushed		flitmig.run;
	waiting		bigint;
BEGIN
	IF migration IS NOT NULL THEN
		m := flitmig._migration_row(migration);
	ELSE
		SELECT * INTO m FROM flitmig.migration ORDER BY created_at DESC, id DESC LIMIT 1;
	END IF;

	IF m.id IS NULL THEN
		SELECT s.srvname INTO server
		FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
		WHERE w.fdwname = 'flitmig_twenty' ORDER BY s.oid LIMIT 1;
		IF server IS NULL THEN
			RETURN $text$-- Say where Twenty is:
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');$text$;
		ELSIF NOT EXISTS (SELECT FROM pg_user_mappings u WHERE u.srvname = server AND (u.usename = current_user OR u.umuser = 0)) THEN
			RETURN format(E'-- Give the API key (Twenty: Settings, API & Webhooks), or api_key_file, a file on this server:\n'
				'CREATE USER MAPPING FOR CURRENT_USER SERVER %I OPTIONS (api_key ''…'');', server);
		END IF;
		RETURN format(E'-- Begin a migration; time zone, country and currency are the clinic''s:\n'
			'SELECT flitmig_create(''clinic'', %L,\n  time_zone => ''America/New_York'', country => ''US'', currency => ''USD'');', server);
	END IF;

	SELECT * INTO newest FROM flitmig.run r WHERE r.migration_id = m.id AND r.kind <> 'read' ORDER BY r.id DESC LIMIT 1;
	IF newest.state IN ('queued', 'running') AND EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = newest.worker_pid) THEN
		RETURN format(E'-- A %s is under way. Watch it:\nSELECT * FROM flitmig_status(%L) \\watch 2', newest.kind, m.name);
	END IF;
	IF NOT EXISTS (SELECT FROM flitmig.source_file f WHERE f.migration_id = m.id) THEN
		RETURN format(E'-- Import the export, a file, an archive or a directory on the database server:\n'
			'SELECT * FROM flitmig_import(%L, ''/path/to/export'');', m.name);
	END IF;
	IF m.mapping_hash IS NULL THEN
		IF NOT EXISTS (SELECT FROM flitmig.finding f WHERE f.migration_id = m.id AND f.step = 'audit') THEN
			RETURN format(E'-- See what the export holds and lacks:\nSELECT * FROM flitmig_audit(%L);', m.name);
		END IF;
		RETURN format(E'-- Freeze the mapping:\nSELECT flitmig_confirm(%L);', m.name);
	END IF;
	IF newest.id IS NULL AND NOT EXISTS (SELECT FROM flitmig.run r WHERE r.migration_id = m.id AND r.state = 'done' AND r.requested_at > m.confirmed_at) THEN
		RETURN format(E'-- Is Twenty ready for it?\nSELECT * FROM flitmig_preflight(%L);', m.name);
	END IF;
	IF newest.id IS NULL THEN
		RETURN format(E'-- Create what Twenty lacks; look at it first with SELECT * FROM flitmig_plan(%1$L);\n'
			'SELECT * FROM flitmig_prepare(%1$L);', m.name);
	END IF;

	IF newest.kind = 'rollback' AND newest.state = 'done' AND NOT COALESCE((newest.options->>'dry_run')::boolean, false)
		AND NOT EXISTS (SELECT FROM flitmig.base b WHERE b.migration_id = m.id) THEN
		RETURN format(E'-- All of it was taken back. Begin again when ready:\nSELECT * FROM flitmig_sample(%L);', m.name);
	END IF;
	IF newest.kind = 'rollback' AND newest.state <> 'done' THEN
		RETURN format(E'-- The rollback did not finish. It goes on where it stopped:\nSELECT * FROM flitmig_rollback(%L);', m.name);
	END IF;
	IF newest.kind = 'prepare' AND newest.state <> 'done' THEN
		RETURN format(E'-- Preparing did not finish%2$s. Again:\nSELECT * FROM flitmig_prepare(%1$L);', m.name,
			COALESCE(' (' || (newest.error->>'message') || ')', ''));
	END IF;

	IF m.signed_hash IS DISTINCT FROM m.mapping_hash THEN
		SELECT max(r.id) INTO sampled FROM flitmig.run r
		WHERE r.migration_id = m.id AND r.kind = 'sample' AND r.state = 'done' AND r.mapping_hash = m.mapping_hash;
		IF sampled IS NULL THEN
			RETURN format(E'-- Push a sample that is closed under its relations:\nSELECT * FROM flitmig_sample(%L);', m.name);
		END IF;
		RETURN format(E'-- Look at the sample in Twenty, and at what is not stored as it was sent:\n'
			'--   SELECT * FROM flitmig.side_by_side(%1$L);\n-- Then open the run:\n'
			'SELECT flitmig_sign_off(%1$L, ''what you looked at'');', m.name);
	END IF;

	SELECT * INTO pushed FROM flitmig.run r
	WHERE r.migration_id = m.id AND r.kind IN ('run', 'delta') ORDER BY r.id DESC LIMIT 1;
	IF pushed.id IS NULL THEN
		RETURN format(E'-- Move everything:\nSELECT * FROM flitmig_run(%L);', m.name);
	ELSIF pushed.state <> 'done' THEN
		RETURN format(E'-- Run %2$s did not finish%3$s. It goes on where it stopped:\nSELECT * FROM flitmig_run(%1$L);', m.name, pushed.id,
			COALESCE(' (' || (pushed.error->>'message') || ')', ''));
	ELSIF EXISTS (SELECT FROM flitmig.source_file f WHERE f.migration_id = m.id AND f.imported_at > pushed.requested_at) THEN
		IF m.delta_until IS NOT NULL AND m.delta_until < now() THEN
			RETURN format(E'-- A newer export was imported, but the delta window ended. Open it again, then run:\n'
				'SELECT flitmig_delta_window(%1$L, ''48 hours'');', m.name);
		END IF;
		RETURN format(E'-- A newer export was imported. Send what changed:\nSELECT * FROM flitmig_run(%L);', m.name);
	END IF;

	SELECT count(*) INTO waiting FROM flitmig.quarantine q WHERE q.migration_id = m.id;
	IF waiting > 0 THEN
		RETURN format(E'-- %2$s records are in quarantine; this says why:\n'
			'--   SELECT object, kind, reason, count(*) FROM flitmig.quarantine GROUP BY 1, 2, 3;\n'
			'-- Once the cause is mended:\nSELECT flitmig_retry(%1$L);', m.name, waiting);
	END IF;
	RETURN format(E'-- Done. For the files and the manager:\n'
		'SELECT flitmig_report(%L) \\g (format=unaligned tuples_only=on) flitmig-report.html', m.name);
END $$;
COMMENT ON FUNCTION flitmig._next_step(text) IS 'The one next step of a migration, for whoever may take it';

CREATE FUNCTION @extschema@.flitmig_help(migration text DEFAULT NULL)
RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
	/* who may not push a run may not do the others either: all are an operator's */
	SELECT CASE WHEN has_function_privilege('@extschema@.flitmig_run(text, boolean)', 'EXECUTE') THEN ''
			ELSE E'-- You may look: flitmig_status, flitmig_balance, flitmig_report. What an operator would do next:\n' END
		|| flitmig._next_step(migration)
$$;
COMMENT ON FUNCTION @extschema@.flitmig_help(text) IS 'The one next step of a migration (NULL: the newest one), as SQL to paste';
