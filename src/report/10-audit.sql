/*
 * audit: who did what when, as a chain.
 *
 * Each row's hash is sha256(hash of the row before || the row as canonical
 * text), so a row that was changed, removed or slipped in later breaks the
 * chain at a place that flitmig_audit_verify names.  The chain is made by a
 * trigger: whoever may insert cannot choose number, time, actor or hash.
 */

CREATE FUNCTION flitmig._audit_hash(previous bytea, seq bigint, at timestamptz, actor text, migration text, event text, detail jsonb)
RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT sha256(COALESCE(previous, ''::bytea) || convert_to(
		jsonb_build_array(seq, (extract(epoch FROM at) * 1000000)::bigint, actor, migration, event, detail)::text, 'UTF8'))
$$;
COMMENT ON FUNCTION flitmig._audit_hash(bytea, bigint, timestamptz, text, text, text, jsonb)
IS 'Hash of one audit row: SHA-256 over the hash before it and the row as JSON array (time in microseconds since 1970 UTC)';

CREATE FUNCTION flitmig._audit_append() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	last	flitmig.audit;
BEGIN
	/* One writer at a time, until commit: the row before must be the last one that will ever stand before. */
	PERFORM pg_advisory_xact_lock(1718381940, 1);		-- 'flmt' in ASCII; 1: the audit chain
	SELECT * INTO last FROM flitmig.audit ORDER BY seq DESC LIMIT 1;

	/* A row that brings its hash comes from a dump; it is let in where it continues the chain. */
	IF NEW.hash IS NOT NULL THEN
		IF NEW.hash IS DISTINCT FROM flitmig._audit_hash(last.hash, NEW.seq, NEW.at, NEW.actor, NEW.migration, NEW.event, NEW.detail)
			OR NOT pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
			RAISE EXCEPTION 'audit row % does not continue the chain', NEW.seq
				USING ERRCODE = 'integrity_constraint_violation',
					HINT = 'Audit rows are written by flitmig itself; only a dump restored into an empty table brings its own.';
		END IF;
		RETURN NEW;
	END IF;

	NEW.seq := COALESCE(last.seq, 0) + 1;
	NEW.at := clock_timestamp();
	NEW.actor := session_user;
	NEW.hash := flitmig._audit_hash(last.hash, NEW.seq, NEW.at, NEW.actor, NEW.migration, NEW.event, NEW.detail);
	RETURN NEW;
END $$;
COMMENT ON FUNCTION flitmig._audit_append() IS 'Trigger: numbers, dates, signs and chains a new audit row';

CREATE FUNCTION flitmig._audit_refuse() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RAISE EXCEPTION 'flitmig.audit is append-only: % refused', TG_OP
		USING ERRCODE = 'insufficient_privilege',
			HINT = 'The audit outlives the migration; DROP EXTENSION flitmig is what removes it.';
END $$;
COMMENT ON FUNCTION flitmig._audit_refuse() IS 'Trigger: refuses UPDATE, DELETE and TRUNCATE of the audit';

CREATE TRIGGER audit_append BEFORE INSERT ON flitmig.audit
	FOR EACH ROW EXECUTE FUNCTION flitmig._audit_append();
CREATE TRIGGER audit_refuse BEFORE UPDATE OR DELETE ON flitmig.audit
	FOR EACH ROW EXECUTE FUNCTION flitmig._audit_refuse();
CREATE TRIGGER audit_refuse_truncate BEFORE TRUNCATE ON flitmig.audit
	FOR EACH STATEMENT EXECUTE FUNCTION flitmig._audit_refuse();
/* Also in a session that calls itself a replica, where ordinary triggers rest. */
ALTER TABLE flitmig.audit ENABLE ALWAYS TRIGGER audit_append;
ALTER TABLE flitmig.audit ENABLE ALWAYS TRIGGER audit_refuse;
ALTER TABLE flitmig.audit ENABLE ALWAYS TRIGGER audit_refuse_truncate;

CREATE FUNCTION flitmig._audit(migration text, event text, detail jsonb DEFAULT '{}')
RETURNS void LANGUAGE sql
SET search_path = pg_catalog, pg_temp AS $$
	INSERT INTO flitmig.audit (migration, event, detail)
	VALUES ($1, $2, COALESCE($3, '{}'::jsonb))
$$;
COMMENT ON FUNCTION flitmig._audit(text, text, jsonb)
IS 'Appends to the audit, as the last thing a function does: writers wait for each other until commit. Counts, names of objects and hashes only, never a value';

/*
 * An operator may UPDATE its migrations: options are set that way, and the
 * functions themselves run as the operator.  So whatever opens the gate, moves
 * the window or changes hands leaves an entry, whoever did it and however.
 */
CREATE FUNCTION flitmig._audit_migration() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	/* What may be told in full. Of the others (a comment, e-mail addresses, a profile) only that they changed. */
	telling	constant text[] := '{name,server,owner,namespace,staging_schema,mapping_hash,signed_hash,signed_by,signed_run,delta_window,delta_until}';
	was		jsonb := to_jsonb(OLD);
	became	jsonb := to_jsonb(NEW);
BEGIN
	PERFORM flitmig._audit(NEW.name, 'migration changed', jsonb_strip_nulls(jsonb_build_object(
		'changed', (SELECT jsonb_agg(k ORDER BY k) FROM jsonb_object_keys(became) k WHERE was->k IS DISTINCT FROM became->k),
		'options', CASE WHEN was->'options' <> became->'options' THEN (
			SELECT jsonb_agg(DISTINCT o.key) FROM (SELECT * FROM jsonb_each(was->'options') UNION ALL SELECT * FROM jsonb_each(became->'options')) o
			WHERE was->'options'->o.key IS DISTINCT FROM became->'options'->o.key) END,
		'four_eyes', CASE WHEN was->'options'->'four_eyes' IS DISTINCT FROM became->'options'->'four_eyes'
			THEN COALESCE((became->'options'->>'four_eyes')::boolean, false) END,
		'to', (SELECT jsonb_object_agg(t, became->t) FROM unnest(telling) t WHERE was->t IS DISTINCT FROM became->t AND became->t <> 'null'))));
	RETURN NULL;
END $$;
COMMENT ON FUNCTION flitmig._audit_migration() IS 'Trigger: an audit entry for every change of what a migration is, may and was signed for';

CREATE TRIGGER audit_migration AFTER UPDATE ON flitmig.migration
	FOR EACH ROW WHEN (
		(OLD.name, OLD.server, OLD.owner, OLD.namespace, OLD.staging_schema, OLD.default_owner, OLD.profile_doc, OLD.options, OLD.mapping_hash, OLD.signed_hash, OLD.signed_by, OLD.signed_at, OLD.signed_comment,
		 OLD.signed_run, OLD.delta_window, OLD.delta_until)
		IS DISTINCT FROM
		(NEW.name, NEW.server, NEW.owner, NEW.namespace, NEW.staging_schema, NEW.default_owner, NEW.profile_doc, NEW.options, NEW.mapping_hash, NEW.signed_hash, NEW.signed_by, NEW.signed_at, NEW.signed_comment,
		 NEW.signed_run, NEW.delta_window, NEW.delta_until))
	EXECUTE FUNCTION flitmig._audit_migration();
ALTER TABLE flitmig.migration ENABLE ALWAYS TRIGGER audit_migration;

CREATE FUNCTION @extschema@.flitmig_audit_verify(migration text DEFAULT NULL)
RETURNS TABLE (seq bigint, at timestamptz, actor text, event text, problem text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	upto	bigint;
BEGIN
	SELECT max(a.seq) INTO upto FROM flitmig.audit a
	WHERE flitmig_audit_verify.migration IS NULL OR a.migration = flitmig_audit_verify.migration;
	/* a mistyped name must not look like a whole chain; a dropped migration still has its entries */
	IF upto IS NULL AND flitmig_audit_verify.migration IS NOT NULL THEN
		PERFORM flitmig._migration_id(flitmig_audit_verify.migration);
	END IF;

	RETURN QUERY
	SELECT c.seq, c.at, flitmig._wrap(c.actor, 12), flitmig._wrap(c.event, 16), flitmig._wrap(c.problem, 22)
	FROM (
		SELECT a.*,
			CASE
				WHEN a.seq <> COALESCE(lag(a.seq) OVER w, 0) + 1
					THEN format('%s row(s) before this one are gone', a.seq - COALESCE(lag(a.seq) OVER w, 0) - 1)
				WHEN a.hash IS DISTINCT FROM flitmig._audit_hash(lag(a.hash) OVER w, a.seq, a.at, a.actor, a.migration, a.event, a.detail)
					THEN 'the row, or the one before it, is not what was written'
			END AS problem
		FROM flitmig.audit a
		WHERE a.seq <= upto
		WINDOW w AS (ORDER BY a.seq)) c
	WHERE c.problem IS NOT NULL
	ORDER BY c.seq
	LIMIT 1;
END $$;
COMMENT ON FUNCTION @extschema@.flitmig_audit_verify(text)
IS 'Checks the hash chain of the audit up to the last entry of a migration (NULL: all of it). Returns the first broken entry, or nothing';
