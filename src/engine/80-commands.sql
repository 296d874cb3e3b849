/* commands: what a DBA types. Each checks, lets the worker work, and reports. */

CREATE FUNCTION flitmig._work(mig integer, kind text, wait boolean, size integer, undo_run bigint, force boolean, dry_run boolean) RETURNS bigint
AS 'MODULE_PATHNAME', 'flitmig_work'
LANGUAGE C STRICT;
COMMENT ON FUNCTION flitmig._work(integer, text, boolean, integer, bigint, boolean, boolean) IS 'Starts a worker with the caller''s rights and, if asked, waits for it; raises the worker''s error. Refuses inside a transaction block';

CREATE FUNCTION flitmig._require_top_level(what text) RETURNS void
AS 'MODULE_PATHNAME', 'flitmig_require_top_level'
LANGUAGE C STRICT;
COMMENT ON FUNCTION flitmig._require_top_level(text) IS 'Error when called inside a transaction block: what it does in Twenty could not be rolled back with it';

CREATE FUNCTION flitmig._ready(migration text, command text) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mig integer := flitmig._migration_id(migration);
BEGIN
	PERFORM flitmig._require_top_level(command);
	/* looked at, not taken: a worker that starts in the same moment would find it held */
	IF EXISTS (SELECT FROM pg_locks l
			   WHERE l.locktype = 'advisory' AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
				 AND l.classid = flitmig._lock_class()::oid AND l.objid = mig::oid AND l.objsubid = 2 AND l.granted) THEN
		PERFORM flitmig._raise_busy(migration);
	END IF;
	RETURN mig;
END
$$;
COMMENT ON FUNCTION flitmig._ready(text, text) IS 'Checks that a command may start a worker for a migration now; returns its id';

CREATE FUNCTION flitmig._require_confirmed(mig integer) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	m flitmig.migration;
BEGIN
	SELECT * INTO STRICT m FROM flitmig.migration WHERE id = mig;
	IF m.mapping_hash IS NULL THEN
		RAISE EXCEPTION 'the mapping of migration "%" is not confirmed', m.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				  HINT = format('SELECT flitmig_confirm(%L);', m.name);
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._require_confirmed(integer) IS 'Error when the mapping was not frozen yet';

CREATE FUNCTION flitmig._run_report(this_run bigint)
RETURNS TABLE(object text, planned bigint, created bigint, updated bigint, unchanged bigint, quarantined bigint, conflicts bigint, calls bigint, seconds numeric)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH per_map AS (
		SELECT o.position, o.name, p.planned, p.unchanged,
			   (SELECT coalesce(sum(b.stored), 0) FROM flitmig.batch b WHERE b.run_id = this_run AND b.object_map_id = o.id AND (b.kind = 'create' OR (b.kind = 'read' AND b.purpose = 'settle' AND b.phase <> 'settle'))) AS created,
			   (SELECT coalesce(sum(b.stored), 0) FROM flitmig.batch b WHERE b.run_id = this_run AND b.object_map_id = o.id AND b.kind = 'update') AS updated,
			   /* set aside by this run, or by an earlier one and not to be tried again before flitmig_retry */
			   (SELECT count(*) FROM flitmig.quarantine q WHERE q.object_map_id = o.id AND (q.run_id = this_run OR q.run_id < this_run AND r.kind IN ('run', 'delta'))
					/* what waits for a refused one is held wholly, a sample has a part of it */
					AND (r.kind <> 'sample' OR EXISTS (SELECT FROM flitmig.sample_record s WHERE s.migration_id = q.migration_id AND s.id = q.id))) AS quarantined,
			   (SELECT count(DISTINCT c.id) FROM flitmig.conflict c WHERE c.run_id = this_run AND c.object_map_id = o.id AND c.kind <> 'target') AS conflicts,
			   (SELECT coalesce(sum(b.attempts), 0) FROM flitmig.batch b WHERE b.run_id = this_run AND b.object_map_id = o.id) AS calls,
			   (SELECT extract(epoch FROM max(b.answered_at) - min(b.opened_at)) FROM flitmig.batch b WHERE b.run_id = this_run AND b.object_map_id = o.id) AS seconds
		FROM flitmig.run_object p JOIN flitmig.object_map o ON o.id = p.object_map_id JOIN flitmig.run r ON r.id = p.run_id
		WHERE p.run_id = this_run)
	SELECT flitmig._wrap(t.name, 12), t.planned, t.created::bigint, t.updated::bigint, t.unchanged, t.quarantined, t.conflicts, t.calls::bigint, round(coalesce(t.seconds, 0)::numeric, CASE WHEN t.seconds >= 1000 THEN 0 ELSE 2 END)
	FROM (SELECT 0 AS part, m.* FROM per_map m
		  UNION ALL
		  SELECT 1, 0, 'TOTAL', sum(m.planned)::bigint, sum(m.unchanged)::bigint, sum(m.created), sum(m.updated), sum(m.quarantined)::bigint, sum(m.conflicts)::bigint,
				 (SELECT r.calls FROM flitmig.run r WHERE r.id = this_run),
				 (SELECT extract(epoch FROM coalesce(r.finished_at, clock_timestamp()) - r.started_at) FROM flitmig.run r WHERE r.id = this_run)
		  FROM per_map m) t
	ORDER BY t.part, t.position
$$;
COMMENT ON FUNCTION flitmig._run_report(bigint) IS 'One row per object map and a TOTAL (calls of the whole run, schema and reads included)';

CREATE FUNCTION @extschema@.flitmig_prepare(migration text)
RETURNS TABLE(object text, field text, action text, state text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mig integer := flitmig._ready(migration, 'flitmig_prepare');
	this_run bigint;
BEGIN
	PERFORM flitmig._require_confirmed(mig);
	this_run := flitmig._work(mig, 'prepare', true, 0, 0, false, false);
	RETURN QUERY
	SELECT flitmig._wrap(a.object, 24), flitmig._wrap(a.field, 36), coalesce(b.action, a.action), CASE WHEN b.action IS NULL THEN 'was there' ELSE 'made' END
	FROM flitmig._schema_actions(mig) a
	LEFT JOIN (SELECT t.detail ->> 'object' AS object, t.detail ->> 'field' AS field, min(t.detail ->> 'action') AS action
			   FROM flitmig.batch t WHERE t.run_id = this_run AND t.kind = 'schema' AND t.state IN ('done', 'settled')
			   GROUP BY 1, 2) b ON b.object = a.object AND b.field IS NOT DISTINCT FROM a.field
	ORDER BY a.position;
END
$$;
COMMENT ON FUNCTION @extschema@.flitmig_prepare(text) IS 'Creates in Twenty the objects, fields and options that the mapping needs, and reads them back. Running it again makes only what is missing. Errors: mapping not confirmed, a name that exists with another type (nothing is sent then), wrong key, unreachable server';

CREATE FUNCTION @extschema@.flitmig_sample(migration text, size integer DEFAULT 300)
RETURNS TABLE(object text, planned bigint, created bigint, updated bigint, unchanged bigint, quarantined bigint, conflicts bigint, calls bigint, seconds numeric)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mig integer := flitmig._ready(migration, 'flitmig_sample');
	this_run bigint;
BEGIN
	IF size IS NULL OR size < 1 OR size > 100000 THEN
		RAISE EXCEPTION 'sample size must be between 1 and 100000 records'
			USING ERRCODE = 'invalid_parameter_value', HINT = format('SELECT * FROM flitmig_sample(%L, 300);', migration);
	END IF;
	PERFORM flitmig._require_confirmed(mig);
	/* a statement of its own: the report must see what the worker has committed */
	this_run := flitmig._work(mig, 'sample', true, size, 0, false, false);
	RETURN QUERY SELECT * FROM flitmig._run_report(this_run);
END
$$;
COMMENT ON FUNCTION @extschema@.flitmig_sample(text, integer) IS 'Pushes a slice of about size records that is closed under its relations, reads it back independently, and compares every field: look at it with flitmig_diff, then flitmig_sign_off';

CREATE FUNCTION flitmig._require_signed(mig integer) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	m flitmig.migration;
BEGIN
	SELECT * INTO STRICT m FROM flitmig.migration WHERE id = mig;
	IF m.signed_hash IS NULL THEN
		RAISE EXCEPTION 'migration "%" is not signed off', m.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				  DETAIL = 'Nothing moves unseen: the full run opens when a sample of this mapping was looked at and signed.',
				  HINT = format('SELECT * FROM flitmig_sample(%1$L);  SELECT * FROM flitmig_diff(%1$L);  SELECT flitmig_sign_off(%1$L, ''…'');', m.name);
	ELSIF m.signed_hash <> m.mapping_hash THEN
		RAISE EXCEPTION 'the mapping of migration "%" has changed since it was signed off', m.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				  HINT = format('SELECT * FROM flitmig_sample(%1$L);  SELECT * FROM flitmig_diff(%1$L);  SELECT flitmig_sign_off(%1$L, ''…'');', m.name);
	ELSIF (m.options ->> 'four_eyes')::boolean AND NOT EXISTS (
			/* the audit's actors cannot be written by those who act */
			SELECT FROM flitmig.audit s
			WHERE s.migration = m.name AND s.event = 'sign_off' AND s.detail ->> 'mapping_hash' = m.signed_hash
			  AND EXISTS (SELECT FROM flitmig.audit a WHERE a.migration = m.name AND a.event = 'sample started' AND a.detail -> 'run' = s.detail -> 'run' AND a.actor <> s.actor)) THEN
		RAISE EXCEPTION 'migration "%" asks for four eyes: the audit knows no sign-off by anyone but who ran the sample', m.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				  HINT = format('Another operator types: SELECT flitmig_sign_off(%L, ''…'');', m.name);
	ELSIF m.delta_until < clock_timestamp() THEN
		RAISE EXCEPTION 'the delta window of migration "%" closed at %', m.name, m.delta_until
			USING ERRCODE = 'object_not_in_prerequisite_state',
				  HINT = format('To go on importing changes: SELECT flitmig_delta_window(%L, ''48 hours'');', m.name);
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._require_signed(integer) IS 'The gate before the full run: signed for this mapping, and inside the delta window once that was opened';

CREATE FUNCTION @extschema@.flitmig_run(migration text, wait boolean DEFAULT true)
RETURNS TABLE(object text, planned bigint, created bigint, updated bigint, unchanged bigint, quarantined bigint, conflicts bigint, calls bigint, seconds numeric)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mig integer := flitmig._ready(migration, 'flitmig_run');
	kind text;
	this_run bigint;
BEGIN
	PERFORM flitmig._require_confirmed(mig), flitmig._require_signed(mig);
	kind := CASE WHEN EXISTS (SELECT FROM flitmig.run r WHERE r.migration_id = mig AND r.kind = 'run' AND r.state = 'done'
							  AND r.id > coalesce((SELECT max(b.id) FROM flitmig.run b WHERE b.migration_id = mig AND b.kind = 'rollback' AND b.state = 'done'
											 AND NOT b.options ?| ARRAY['dry_run', 'undo_run']), 0))
				 THEN 'delta' ELSE 'run' END;
	this_run := flitmig._work(mig, kind, coalesce(wait, true), 0, 0, false, false);
	IF coalesce(wait, true) THEN
		RETURN QUERY SELECT * FROM flitmig._run_report(this_run);
	ELSE
		RAISE NOTICE 'run % has begun', this_run
			USING HINT = format('SELECT * FROM flitmig_status(%1$L);   SELECT flitmig_cancel(%1$L);', migration);
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.flitmig_run(text, boolean) IS 'The full run: schema, records in dependency order, files, verification. Run it again to resume after anything, and for every newer export (delta): it sends only what differs. Refuses until a sample of this mapping was signed off. wait => false returns at once and leaves the work to the background';

CREATE FUNCTION @extschema@.flitmig_delta_window(migration text, length interval) RETURNS timestamptz
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mig integer := flitmig._migration_id(migration);
	until timestamptz;
BEGIN
	IF length IS NULL OR length <= interval '0' THEN
		RAISE EXCEPTION 'the delta window must be longer than nothing'
			USING ERRCODE = 'invalid_parameter_value', HINT = format('SELECT flitmig_delta_window(%L, ''48 hours'');', migration);
	END IF;
	UPDATE flitmig.migration m
	SET delta_window = length, delta_until = CASE WHEN m.delta_until IS NULL THEN NULL ELSE clock_timestamp() + length END
	WHERE m.id = mig
	RETURNING m.delta_until INTO until;
	PERFORM flitmig._audit(migration, 'delta window set', jsonb_build_object('length', length));
	RETURN until;
END
$$;
COMMENT ON FUNCTION @extschema@.flitmig_delta_window(text, interval) IS 'Opens the delta window for another while from now (before the first full run: sets how long it will be). Returns when it closes, NULL if it has not opened yet';

CREATE FUNCTION @extschema@.flitmig_cancel(migration text) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mig integer := flitmig._migration_id(migration);
	pid integer;
BEGIN
	SELECT r.worker_pid INTO pid
	FROM flitmig.run r
	JOIN pg_catalog.pg_stat_activity a ON a.pid = r.worker_pid AND a.backend_type = 'flitmig worker' AND a.backend_start <= r.requested_at
	WHERE r.migration_id = mig AND r.state IN ('queued', 'running')
	ORDER BY r.id DESC LIMIT 1;
	IF pid IS NULL THEN
		RETURN format('nothing is running for migration "%s"', migration);
	END IF;
	PERFORM pg_cancel_backend(pid);
	PERFORM flitmig._audit(migration, 'cancel requested', '{}');
	RETURN format('asked the worker (pid %s) to stop; SELECT flitmig_run(%L) goes on from there', pid, migration);
END
$$;
COMMENT ON FUNCTION @extschema@.flitmig_cancel(text) IS 'Stops a running migration cleanly from any session: calls under way are still taken in, the next flitmig_run goes on from there';

CREATE FUNCTION @extschema@.flitmig_retry(migration text) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mig integer := flitmig._migration_id(migration);
	n bigint;
BEGIN
	PERFORM flitmig._refuse_while_running(mig);
	DELETE FROM flitmig.quarantine q WHERE q.migration_id = mig;
	GET DIAGNOSTICS n = ROW_COUNT;
	DELETE FROM flitmig.upload u WHERE u.migration_id = mig AND u.state IN ('missing', 'refused');
	PERFORM flitmig._audit(migration, 'retry', jsonb_build_object('records', n));
	RETURN n;
END
$$;
COMMENT ON FUNCTION @extschema@.flitmig_retry(text) IS 'Takes every record out of quarantine, so that the next flitmig_run sends it again. Returns how many';

/*
 * Destroying a record takes the links of other runs' records with it, which
 * their bases would not know: such a run is not taken back alone.
 */
CREATE FUNCTION flitmig._refuse_if_pointed_at(mig integer, this_run bigint) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	n bigint;
	later bigint;
BEGIN
	WITH ours AS (
		SELECT DISTINCT i.id FROM flitmig.undo u, unnest(u.ids) AS i(id)
		WHERE u.migration_id = mig AND u.run_id = this_run AND u.action = 'create' AND u.undone_by IS NULL)
	SELECT count(DISTINCT c.id) INTO n
	FROM flitmig.record c
	JOIN flitmig.base s ON s.migration_id = mig AND s.id = c.id
	CROSS JOIN LATERAL unnest(c.refs) AS x(id)
	JOIN ours o ON o.id = x.id
	WHERE c.migration_id = mig AND NOT EXISTS (SELECT FROM ours w WHERE w.id = c.id);
	IF n > 0 THEN
		RAISE EXCEPTION 'run % cannot be rolled back alone', this_run
			USING ERRCODE = 'dependent_objects_still_exist',
				  DETAIL = format('%s records of other runs point at records that it created.', n),
				  HINT = format('Roll the later runs back first, or everything: SELECT * FROM flitmig_rollback(%L);', (SELECT m.name FROM flitmig.migration m WHERE m.id = mig));
	END IF;
	/* images are taken back in the order in which they were made, latest first */
	SELECT count(DISTINCT i.id), min(l.run_id) INTO n, later
	FROM flitmig.undo u CROSS JOIN LATERAL unnest(u.ids) AS i(id)
	JOIN (SELECT o.run_id, x.id FROM flitmig.undo o CROSS JOIN LATERAL unnest(o.ids) AS x(id)
		  WHERE o.migration_id = mig AND o.run_id > this_run AND o.undone_by IS NULL AND o.action IN ('update', 'trash', 'untrash')) l ON l.id = i.id
	WHERE u.migration_id = mig AND u.run_id = this_run AND u.undone_by IS NULL AND u.action IN ('update', 'adopt', 'trash', 'untrash');
	IF n > 0 THEN
		RAISE EXCEPTION 'run % cannot be rolled back alone', this_run
			USING ERRCODE = 'dependent_objects_still_exist',
				  DETAIL = format('Run %s changed %s of the records that it changed once more.', later, n),
				  HINT = format('Roll the later runs back first, or everything: SELECT * FROM flitmig_rollback(%L);', (SELECT m.name FROM flitmig.migration m WHERE m.id = mig));
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._refuse_if_pointed_at(integer, bigint) IS 'Error when records of other runs point at what a run created, or a later run changed what it changed';

CREATE FUNCTION @extschema@.flitmig_rollback(migration text, run bigint DEFAULT NULL, dry_run boolean DEFAULT false, force boolean DEFAULT false)
RETURNS TABLE(object text, destroyed bigint, restored bigint, kept bigint, why text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mig integer := flitmig._ready(migration, 'flitmig_rollback');
	done bigint;
	told record;
BEGIN
	IF flitmig_rollback.run IS NOT NULL AND NOT EXISTS (SELECT FROM flitmig.run r WHERE r.migration_id = mig AND r.id = flitmig_rollback.run) THEN
		RAISE EXCEPTION 'migration "%" has no run %', migration, flitmig_rollback.run
			USING ERRCODE = 'undefined_object', HINT = 'SELECT * FROM flitmig.run;';
	END IF;
	IF NOT EXISTS (SELECT FROM flitmig.undo u WHERE u.migration_id = mig AND u.undone_by IS NULL AND (flitmig_rollback.run IS NULL OR u.run_id = flitmig_rollback.run)) THEN
		RAISE NOTICE 'there is nothing to roll back';
		RETURN;
	END IF;
	IF flitmig_rollback.run IS NOT NULL THEN
		PERFORM flitmig._refuse_if_pointed_at(mig, flitmig_rollback.run);
	END IF;
	done := flitmig._work(mig, 'rollback', true, 0, coalesce(flitmig_rollback.run, 0), coalesce(force, false), coalesce(dry_run, false));
	RETURN QUERY SELECT flitmig._wrap(t.object, 24), t.destroyed, t.restored, t.kept, flitmig._wrap(t.why, 41) FROM flitmig._rollback_report(done, coalesce(dry_run, false)) t;
	IF dry_run THEN
		SELECT * INTO STRICT told FROM flitmig._rollback_forecast(mig, done);
		RAISE NOTICE 'it would take about % calls, % at the call limit', told.calls, flitmig._report_duration(told.seconds)
			USING DETAIL = CASE WHEN told.files > 0 THEN format('%s of %s records carry a file: each of these is a call of its own.', told.files, told.records) ELSE 'No record carries a file.' END;
	END IF;
END
$$;
COMMENT ON FUNCTION @extschema@.flitmig_rollback(text, bigint, boolean, boolean) IS 'Puts Twenty back as it was: destroys what was created, restores what was updated, removes schema that was added. run: only that run. dry_run: only tell. force: also records that a person has changed since. It is journalled: run it again to resume';

CREATE FUNCTION flitmig._rollback_report(this_run bigint, dry_run boolean)
RETURNS TABLE(object text, destroyed bigint, restored bigint, kept bigint, why text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT t.object, t.destroyed, t.restored, t.kept, t.why
	FROM (SELECT 0 AS part, coalesce(o.position, 0) AS position, coalesce(o.name, i.object) AS object,
				 count(*) FILTER (WHERE i.state = 'destroyed' OR (dry_run AND i.state = 'destroy')) AS destroyed,
				 count(*) FILTER (WHERE i.state = 'restored' OR (dry_run AND i.state = 'restore')) AS restored,
				 /* what is not proven done is still there: the next call goes on with it */
				 count(*) FILTER (WHERE i.state = 'kept' OR (NOT dry_run AND i.state IN ('destroy', 'restore'))) AS kept,
				 string_agg(DISTINCT coalesce(i.why, 'not done yet'), '; ') FILTER (WHERE i.state = 'kept' OR (NOT dry_run AND i.state IN ('destroy', 'restore'))) AS why
		  FROM flitmig.rollback_item i LEFT JOIN flitmig.object_map o ON o.id = i.object_map_id
		  WHERE i.run_id = this_run
		  GROUP BY o.position, coalesce(o.name, i.object)
		  UNION ALL
		  SELECT 1, 0, 'schema', count(*) FILTER (WHERE u.undone_by = this_run OR (dry_run AND k.undo_id IS NULL)), 0,
				 count(*) FILTER (WHERE u.undone_by IS NULL AND (NOT dry_run OR k.undo_id IS NOT NULL)),
				 string_agg(u.object || coalesce('.' || u.field, ''), ', ' ORDER BY u.id) FILTER (WHERE u.undone_by IS NULL AND (NOT dry_run OR k.undo_id IS NOT NULL))
		  FROM flitmig.run r JOIN flitmig.undo u ON u.migration_id = r.migration_id
		   AND (r.options ->> 'undo_run' IS NULL OR u.run_id = (r.options ->> 'undo_run')::bigint)
		  LEFT JOIN flitmig._schema_kept(this_run) k ON k.undo_id = u.id
		  WHERE r.id = this_run AND u.action IN ('create_object', 'create_field', 'add_options', 'alter_field')
			AND (u.undone_by IS NULL OR u.undone_by = this_run)) t
	ORDER BY t.part, t.position DESC
$$;
COMMENT ON FUNCTION flitmig._rollback_report(bigint, boolean) IS 'One row per object map, in the order of the rollback, and one for the schema';

CREATE FUNCTION @extschema@.flitmig_preflight(migration text)
RETURNS TABLE("check" text, status text, detail text, hint text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mig integer := flitmig._ready(migration, 'flitmig_preflight');
BEGIN
	PERFORM flitmig._work(mig, 'read', true, 0, 0, false, false);
	RETURN QUERY SELECT p."check", p.status, flitmig._wrap(p.detail, 30), flitmig._wrap(p.hint, 40) FROM flitmig._preflight_report(mig) p;
END
$$;
COMMENT ON FUNCTION @extschema@.flitmig_preflight(text) IS 'Reads Twenty and changes nothing: version, rights, limits, name clashes, members, workflows and webhooks that would fire; green, yellow or red with the next step';

CREATE FUNCTION @extschema@.flitmig_plan(migration text)
RETURNS TABLE(step text, object text, action text, records bigint, calls bigint, seconds numeric)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mig integer := flitmig._ready(migration, 'flitmig_plan');
BEGIN
	PERFORM flitmig._require_confirmed(mig);
	PERFORM flitmig._work(mig, 'read', true, 0, 0, false, false);
	RETURN QUERY SELECT p.step, flitmig._wrap(p.object, 26), flitmig._wrap(p.action, 30), p.records, p.calls, p.seconds FROM flitmig._plan_report(mig) p;
	RETURN QUERY
	SELECT 'rollback', NULL::text, flitmig._wrap('to take all of it back' || CASE WHEN f.files > 0 THEN format('; %s with a file go one a call', f.files) ELSE '' END, 30),
		   f.records, f.calls, round(f.seconds::numeric, 1)
	FROM flitmig._rollback_forecast(mig, NULL) f WHERE f.records > 0;
END
$$;
COMMENT ON FUNCTION @extschema@.flitmig_plan(text) IS 'Reads Twenty and changes nothing: which objects, fields and options would be made or reused, how many records and calls each object takes, and how long that takes at the call limit and at the speed that the sample measured. What is only assumed has a row of its own, and so has the rollback of it all';
