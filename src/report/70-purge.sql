/* purge, drop: what is left of a migration when it is over. */

CREATE FUNCTION flitmig._drop_staging(mig integer)
RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	staging	text := (SELECT m.staging_schema FROM flitmig.migration m WHERE m.id = mig);
BEGIN
	/* Its owner can write any name there: only the owner's own schema goes. */
	IF EXISTS (SELECT FROM flitmig.migration m JOIN pg_namespace n ON n.nspname = staging
			   WHERE m.id = mig AND n.nspowner <> COALESCE((SELECT r.oid FROM pg_roles r WHERE r.rolname = m.owner), n.nspowner)) THEN
		RAISE EXCEPTION 'schema "%" does not belong to the owner of the migration', staging
			USING ERRCODE = 'insufficient_privilege',
				HINT = format('If it is the staging schema: ALTER SCHEMA %I OWNER TO …;', staging);
	END IF;
	IF EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = staging) THEN
		EXECUTE format('DROP SCHEMA %I CASCADE', staging);
	END IF;
END $$;
COMMENT ON FUNCTION flitmig._drop_staging(integer) IS 'Drops a migration''s staging schema with everything in it';

CREATE FUNCTION @extschema@.flitmig_purge(migration text)
RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
DECLARE
	m		flitmig.migration := flitmig._migration_row(migration);
	records	bigint;
BEGIN
	PERFORM flitmig._refuse_while_running(m.id);
	PERFORM flitmig._drop_staging(m.id);

	/* Values go; ids, hashes, counts and what the journal did with them stay. */
	UPDATE flitmig.record SET payload = '{}', source_key = id::text, file_path = NULL WHERE migration_id = m.id;
	GET DIAGNOSTICS records = ROW_COUNT;
	/* Twenty's own time of change stays: by it a rollback sees what a person has changed since. */
	UPDATE flitmig.base SET sent = '{}', stored = CASE WHEN stored ? 'updatedAt' THEN jsonb_build_object('updatedAt', stored->'updatedAt') ELSE '{}' END
	WHERE migration_id = m.id;
	UPDATE flitmig.batch SET detail = NULL, message = NULL WHERE migration_id = m.id AND (detail IS NOT NULL OR message IS NOT NULL);
	UPDATE flitmig.undo SET before = NULL WHERE migration_id = m.id AND before IS NOT NULL AND action IN ('update', 'adopt', 'upload');
	UPDATE flitmig.quarantine SET reason = 'purged: ' || cause WHERE migration_id = m.id AND reason NOT LIKE 'purged: %';
	UPDATE flitmig.conflict SET base_value = NULL, source_value = NULL, target_value = NULL WHERE migration_id = m.id;
	UPDATE flitmig.diff SET sent = NULL, stored = NULL WHERE migration_id = m.id;
	PERFORM lo_unlink(u.copy) FROM flitmig.upload u WHERE u.migration_id = m.id AND u.copy IS NOT NULL;
	UPDATE flitmig.adoption SET source_key = target_id::text WHERE migration_id = m.id;
	UPDATE flitmig.upload SET copy = NULL, path = '', name = NULL, file_ref = NULL, reason = NULL WHERE migration_id = m.id;
	UPDATE flitmig.column_census SET top_values = NULL WHERE migration_id = m.id;
	UPDATE flitmig.finding SET places = '{}' WHERE migration_id = m.id;
	UPDATE flitmig.run SET error = error - '{detail,message}'::text[] WHERE migration_id = m.id AND error IS NOT NULL;
	/* A file may be named after a patient. */
	UPDATE flitmig.source_file SET path = id::text, name = id::text, labels = '{}', note = NULL WHERE migration_id = m.id;
	DELETE FROM flitmig.reject WHERE file_id IN (SELECT f.id FROM flitmig.source_file f WHERE f.migration_id = m.id);
	DELETE FROM flitmig.original WHERE file_id IN (SELECT f.id FROM flitmig.source_file f WHERE f.migration_id = m.id);
	DELETE FROM flitmig.change WHERE migration_id = m.id;

	/* Nothing is left to send, so the gate closes. */
	UPDATE flitmig.migration SET salt = DEFAULT, mapping_hash = NULL, signed_hash = NULL, options = options || jsonb_build_object('purged_at', now())
	WHERE id = m.id;
	PERFORM flitmig._audit(m.name, 'purge', jsonb_build_object('records', records));
	RAISE WARNING 'the values of % records are deleted; old versions of the rows lie on disk until they are vacuumed', records
		USING HINT = format('VACUUM (FULL, ANALYZE) %s; VACUUM FULL pg_catalog.pg_statistic; VACUUM FULL pg_catalog.pg_largeobject; CHECKPOINT;   WAL, backups and the export itself have them still: see the README, "be done".',
			/* every table that held a value, the planner's samples of them, and decoded copies of inline files */
			(SELECT string_agg(format('flitmig.%I', c.relname), ', ' ORDER BY c.relname) FROM pg_class c
			 WHERE c.relnamespace = 'flitmig'::regnamespace AND c.relkind = 'r'
				AND c.relname IN ('adoption', 'base', 'batch', 'change', 'column_census', 'conflict', 'diff', 'finding', 'migration', 'original', 'owner', 'quarantine', 'record', 'reject',
								  'run', 'sample_record', 'source_file', 'undo', 'upload')));
END $$;
COMMENT ON FUNCTION @extschema@.flitmig_purge(text)
IS 'Removes the patients'' data from the database and keeps ids, hashes, counts, journal and audit. After it records can still be destroyed by a rollback, but no update restored and no delta sent';

CREATE FUNCTION @extschema@.flitmig_drop(migration text, force boolean DEFAULT false)
RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
DECLARE
	m		flitmig.migration := flitmig._migration_row(migration);
	open	bigint;
	state	record;
BEGIN
	PERFORM flitmig._refuse_while_running(m.id);
	SELECT count(*) INTO open FROM flitmig.undo u WHERE u.migration_id = m.id AND u.undone_by IS NULL;
	IF open > 0 AND NOT force THEN
		RAISE EXCEPTION 'what migration "%" brought into Twenty could no longer be taken back', m.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = format('The undo log holds %s entries that no rollback has undone.', open),
				HINT = format('SELECT flitmig_purge(%1$L); removes the patients'' data and keeps the log.   To lose it: SELECT flitmig_drop(%1$L, force => true);', m.name);
	END IF;

	PERFORM flitmig._drop_staging(m.id);
	PERFORM lo_unlink(u.copy) FROM flitmig.upload u WHERE u.migration_id = m.id AND u.copy IS NOT NULL;
	/* Every table that names the migration; those below object maps, files and runs go with these. */
	FOR state IN
		SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'migration_id' AND NOT a.attisdropped
		WHERE c.relnamespace = 'flitmig'::regnamespace AND c.relkind = 'r'
		ORDER BY c.relname
	LOOP
		EXECUTE format('DELETE FROM flitmig.%I WHERE migration_id = $1', state.relname) USING m.id;
	END LOOP;
	DELETE FROM flitmig.migration WHERE id = m.id;
	PERFORM flitmig._audit(m.name, 'drop', jsonb_build_object('undo_lost', open));
END $$;
COMMENT ON FUNCTION @extschema@.flitmig_drop(text, boolean)
IS 'Removes a migration with its staging schema, journal and undo log; the audit stays. Refuses while something in Twenty could still be taken back, unless forced';
