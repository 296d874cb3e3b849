/* run: a worker's order from its first row to its last state, and the phases between. */

/*
 * Class id of the advisory locks: one session lock per migration, held by
 * the worker from _run_begin to its end, so that one migration runs once.
 */
CREATE FUNCTION flitmig._lock_class() RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT 1718381938 $$;
COMMENT ON FUNCTION flitmig._lock_class() IS 'First key of the advisory lock (class, migration id) that a worker holds';

CREATE FUNCTION flitmig._raise_busy(migration text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION 'migration "%" is being worked on by another session', migration
		USING ERRCODE = 'object_in_use',
			  HINT = format('Watch it: SELECT * FROM flitmig_status(%1$L);   stop it: SELECT flitmig_cancel(%1$L);', migration);
END
$$;
COMMENT ON FUNCTION flitmig._raise_busy(text) IS 'The error of whoever comes second';

CREATE FUNCTION flitmig._refuse_while_running(mig integer) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT pg_try_advisory_xact_lock(flitmig._lock_class(), mig) THEN
		PERFORM flitmig._raise_busy((SELECT m.name FROM flitmig.migration m WHERE m.id = mig));
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._refuse_while_running(integer) IS 'Error when a worker holds the migration; otherwise the lock is held to the end of this transaction';

/*
 * Tools LISTEN on channel flitmig.  Each state is told at once; phases and
 * counts at most once a second, for a NOTIFY makes commits of the whole server
 * wait for each other.  Anyone in the database may listen: names and counts only.
 */
CREATE FUNCTION flitmig._tell(r flitmig.run) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE flitmig.run SET told_at = clock_timestamp() WHERE id = r.id;
	SELECT pg_notify('flitmig', json_build_object('migration', m.name, 'run', r.id, 'kind', r.kind, 'state', r.state, 'phase', r.phase,
												  'done', r.done, 'total', r.total)::text)
	FROM flitmig.migration m WHERE m.id = r.migration_id
$$;
COMMENT ON FUNCTION flitmig._tell(flitmig.run) IS 'Tells those who LISTEN flitmig where a run stands';

CREATE FUNCTION flitmig._tell_now_and_then(r flitmig.run) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	/* a time that lies ahead was written before the clock was put back */
	IF (r.told_at BETWEEN clock_timestamp() - interval '1 second' AND clock_timestamp()) IS NOT TRUE THEN
		PERFORM flitmig._tell(r);
		/* reckoning the end takes as long as sending a few calls, of a large run longer: a fiftieth of the time at most */
		IF (r.foreseen_at BETWEEN clock_timestamp() - greatest(interval '3 seconds', 50 * r.foreseen_in) AND clock_timestamp()) IS NOT TRUE THEN
			PERFORM flitmig._foretell(r);
		END IF;
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._tell_now_and_then(flitmig.run) IS 'Tells those who LISTEN flitmig where a run stands, unless they were told within the last second, and now and then foretells its end';

CREATE FUNCTION flitmig._run_create(mig integer, kind text, cookie bigint, pid integer, size integer, undo_run bigint, force boolean, dry_run boolean)
RETURNS bigint
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO flitmig.run (migration_id, kind, cookie, worker_pid, mapping_hash, options)
	SELECT mig, kind, cookie, pid, m.mapping_hash,
		   jsonb_strip_nulls(jsonb_build_object('size', nullif(size, 0), 'undo_run', nullif(undo_run, 0),
												'force', nullif(force, false), 'dry_run', nullif(dry_run, false)))
	FROM flitmig.migration m
	WHERE m.id = mig
	RETURNING id
$$;
COMMENT ON FUNCTION flitmig._run_create(integer, text, bigint, integer, integer, bigint, boolean, boolean) IS 'Writes the run row of a worker that has just started';

CREATE FUNCTION flitmig._run_begin(this_run bigint) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	r flitmig.run;
	m flitmig.migration;
	interrupted flitmig.run[];
BEGIN
	SELECT * INTO STRICT r FROM flitmig.run WHERE id = this_run;
	SELECT * INTO STRICT m FROM flitmig.migration WHERE id = r.migration_id;
	IF NOT pg_try_advisory_lock(flitmig._lock_class(), m.id) THEN
		PERFORM flitmig._raise_busy(m.name);
	END IF;
	PERFORM flitmig._audit(m.name, i.kind || ' interrupted', jsonb_build_object('run', i.id, 'calls', i.calls, 'records', i.done) || flitmig._schema_changes(i.id))
	FROM flitmig.run i WHERE i.migration_id = m.id AND i.id <> this_run AND i.state IN ('queued', 'running') ORDER BY i.id;
	WITH dead AS (
		UPDATE flitmig.run i SET state = 'interrupted', finished_at = coalesce(i.updated_at, clock_timestamp())
		WHERE i.migration_id = m.id AND i.id <> this_run AND i.state IN ('queued', 'running')
		RETURNING i.*)
	SELECT array_agg(dead::flitmig.run) INTO interrupted FROM dead;
	PERFORM flitmig._tell(i) FROM unnest(interrupted) i;
	/* a rollback reads no mapping */
	IF r.kind <> 'rollback' THEN
		PERFORM flitmig._require_owner_rights(m.id);
	END IF;
	/* the gate stands here, behind the lock: nobody can change the mapping between look and start */
	IF r.kind IN ('prepare', 'sample', 'run', 'delta') THEN
		PERFORM flitmig._require_confirmed(m.id);
	END IF;
	IF r.kind IN ('run', 'delta') THEN
		PERFORM flitmig._require_signed(m.id);
	END IF;
	UPDATE flitmig.batch SET state = 'void'
	WHERE migration_id = m.id AND run_id <> this_run AND state = 'planned';
	/* the worker that opened them was killed: when, nobody knows, but a call does not wait longer than this to leave and to be answered */
	UPDATE flitmig.batch
	SET dark_at = least(clock_timestamp(), opened_at + current_setting('flitmig.request_timeout')::interval + interval '2 minutes')
	WHERE migration_id = m.id AND run_id <> this_run AND state = 'open' AND dark_at IS NULL;
	UPDATE flitmig.run SET state = 'running', started_at = clock_timestamp(), updated_at = clock_timestamp() WHERE id = this_run RETURNING * INTO r;
	PERFORM flitmig._tell(r);
	PERFORM flitmig._audit(m.name, r.kind || ' started', jsonb_build_object('run', this_run) || r.options);
	RETURN m.server;
END
$$;
COMMENT ON FUNCTION flitmig._run_begin(bigint) IS 'Takes the migration''s session lock, closes runs whose worker is gone, and returns the server''s name. Error 55006 when another worker holds the migration';

CREATE FUNCTION flitmig._schema_changes(this_run bigint) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN count(*) = 0 THEN '{}'
				ELSE jsonb_build_object('schema', jsonb_agg(concat_ws('.', b.detail ->> 'object', b.detail ->> 'field') || ' ' || CASE b.purpose WHEN 'undo' THEN 'taken back' ELSE b.detail ->> 'action' END ORDER BY b.id))
		   END
	FROM flitmig.batch b
	WHERE b.run_id = this_run AND b.kind = 'schema' AND b.purpose IN ('do', 'undo') AND b.state IN ('done', 'settled')
$$;
COMMENT ON FUNCTION flitmig._schema_changes(bigint) IS 'Objects, fields and options that a run made or took back, for the audit';

CREATE FUNCTION flitmig._run_end(this_run bigint, state text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	r flitmig.run;
BEGIN
	UPDATE flitmig.run u SET state = _run_end.state, finished_at = clock_timestamp(), updated_at = clock_timestamp(),
		   phase = CASE WHEN _run_end.state = 'done' THEN NULL ELSE u.phase END
	WHERE u.id = this_run
	RETURNING * INTO r;
	IF r.kind = 'run' AND _run_end.state = 'done' THEN
		UPDATE flitmig.migration m SET delta_until = clock_timestamp() + m.delta_window WHERE m.id = r.migration_id AND m.delta_until IS NULL;
	END IF;
	PERFORM flitmig._tell(r);
	PERFORM flitmig._audit((SELECT m.name FROM flitmig.migration m WHERE m.id = r.migration_id), r.kind || ' ' || _run_end.state,
						   jsonb_build_object('run', this_run, 'calls', r.calls, 'records', r.done) || flitmig._schema_changes(this_run));
END
$$;
COMMENT ON FUNCTION flitmig._run_end(bigint, text) IS 'Writes a run''s last state; the first full run that is done opens the delta window';

CREATE FUNCTION flitmig._run_fail(this_run bigint, state text, sqlstate text, message text, detail text, hint text) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE flitmig.run SET error = jsonb_strip_nulls(jsonb_build_object('sqlstate', sqlstate, 'message', message, 'detail', detail, 'hint', hint))
	WHERE id = this_run;
	SELECT flitmig._run_end(this_run, state);
$$;
COMMENT ON FUNCTION flitmig._run_fail(bigint, text, text, text, text, text) IS 'Writes why a run ended early; the waiting caller raises it as its own error';

CREATE FUNCTION flitmig._phase_words(phase text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE split_part(phase, ':', 1)
			   WHEN 'wait' THEN 'waiting for calls that may land late'
			   WHEN 'introspect' THEN 'reading the model of Twenty'
			   WHEN 'settle' THEN 'looking up calls of an earlier run'
			   WHEN 'schema' THEN 'checking objects and fields'
			   WHEN 'prepared' THEN 'reading the model back'
			   WHEN 'map' THEN 'mapping the staged rows'
			   WHEN 'planmap' THEN 'mapping the staged rows'
			   WHEN 'adopt' THEN 'looking for records that Twenty has'
			   WHEN 'remap' THEN 'mapping the staged rows'
			   WHEN 'gone' THEN 'looking at what the export lost'
			   WHEN 'check' THEN 'comparing and changing'
			   WHEN 'update' THEN 'changing what waited'
			   WHEN 'trashed' THEN 'looking for what went to the trash'
			   WHEN 'verify' THEN 'reading the sample back'
			   WHEN 'look' THEN 'looking for what people changed'
			   WHEN 'timeline' THEN 'removing timeline entries'
			   WHEN 'late' THEN 'making sure that nothing is left'
			   WHEN 'restore' THEN 'reading what is to be restored'
			   WHEN 'restored' THEN 'restoring earlier values'
			   WHEN 'untold' THEN 'removing late timeline entries'
			   WHEN 'count' THEN 'looking for other data in our fields'
			   WHEN 'unschema' THEN 'removing objects and fields'
			   WHEN 'undone' THEN 'closing'
			   WHEN 'create' THEN 'creating ' || substr(phase, 8)
			   WHEN 'upload' THEN 'sending files of ' || substr(phase, 8)
			   WHEN 'deferred' THEN 'linking ' || substr(phase, 10)
			   WHEN 'destroy' THEN concat('destroying ', nullif(substr(phase, 9), ''))
			   ELSE phase
		   END
$$;
COMMENT ON FUNCTION flitmig._phase_words(text) IS 'A phase in words, for progress lines';

/*
 * Records are counted over the whole run, as long as there are any to send or
 * to destroy; any other phase counts its own calls, and one that sends files
 * its files: what still goes on is never done.
 */
CREATE FUNCTION flitmig._phase_work(r flitmig.run, OUT done bigint, OUT total bigint, OUT unit text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF r.phase ~ '^(create|check|destroy)' AND r.total > r.done THEN
		done := r.done;
		total := r.total;
		unit := 'records';
	ELSIF r.phase NOT IN ('introspect', 'wait', 'map', 'planmap', 'remap', 'prepared', 'undone') THEN
		SELECT count(DISTINCT w.work) - count(DISTINCT w.work) FILTER (WHERE w.waits), count(DISTINCT w.work), CASE WHEN r.phase LIKE 'upload:%' THEN 'files' ELSE 'calls' END
		INTO done, total, unit
		FROM (SELECT CASE WHEN r.phase LIKE 'upload:%' THEN b.ids[1]::text ELSE b.id::text END AS work, b.state IN ('planned', 'open') AS waits
			  FROM flitmig.batch b WHERE b.run_id = r.id AND b.phase = r.phase) w;
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._phase_work(flitmig.run) IS 'How much of a run''s present phase is done, of how much, and what is counted; NULL where there is nothing to count';

CREATE FUNCTION flitmig._time_left(r flitmig.run) RETURNS interval
LANGUAGE sql VOLATILE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT CASE WHEN r.state = 'running' AND r.ends_at IS NOT NULL THEN make_interval(secs => greatest(1, ceil(extract(epoch FROM r.ends_at - clock_timestamp())))) END $$;
COMMENT ON FUNCTION flitmig._time_left(flitmig.run) IS 'Time until a run is expected to end, in whole seconds; NULL before that can be said';

CREATE FUNCTION flitmig._progress_line(r flitmig.run) RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN coalesce(w.total, 0) = 0 THEN coalesce(flitmig._phase_words(r.phase), r.kind)
				ELSE rpad(flitmig._phase_words(r.phase), 36) || format('  [%s%s]  %s/%s ', repeat('#', t.tenths), repeat('.', 10 - t.tenths), w.done, w.total)
					 || CASE WHEN w.unit = 'records' THEN format(' %s/s', round(t.rate, 1)) ELSE w.unit END
					 || coalesce('  ETA ' || flitmig._time_left(r)::text, '') END
	FROM flitmig._phase_work(r) w,
		 LATERAL (SELECT (w.done * 10 / nullif(w.total, 0))::integer AS tenths,
						 coalesce(w.done / nullif(extract(epoch FROM clock_timestamp() - r.started_at), 0), 0)::numeric AS rate) t
$$;
COMMENT ON FUNCTION flitmig._progress_line(flitmig.run) IS 'What a run is doing, with a bar, for records their rate, and the time left of the whole run; a line of at most 90 characters for most names';

CREATE FUNCTION flitmig._run_view(cookie bigint, OUT run_id bigint, OUT state text, OUT line text, OUT sqlstate text, OUT message text, OUT detail text, OUT hint text)
RETURNS SETOF record
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT r.id, r.state, flitmig._progress_line(r), r.error ->> 'sqlstate', r.error ->> 'message', r.error ->> 'detail', r.error ->> 'hint'
	FROM flitmig.run r
	WHERE r.cookie = _run_view.cookie
$$;
COMMENT ON FUNCTION flitmig._run_view(bigint) IS 'What the waiting caller shows: state, a line of progress, and the error if there is one';

/*
 * The phases of each kind of run. "create:<map>" and its like stand once per
 * object map, in the order that mapping found; they come after "map", so the
 * positions before them do not move when the order is computed.
 */
CREATE FUNCTION flitmig._phases(this_run bigint) RETURNS text[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH kinds(kind, phases) AS (VALUES
		('read', ARRAY['introspect', 'planmap', 'introspect']),
		('prepare', ARRAY['introspect', 'schema', 'introspect', 'schema', 'introspect', 'prepared']),
		('sample', ARRAY['wait', 'introspect', 'settle', 'schema', 'introspect', 'schema', 'introspect', 'map', 'adopt', 'remap',
						 'create', 'update', 'trashed', 'verify']),
		('run', ARRAY['wait', 'introspect', 'settle', 'schema', 'introspect', 'schema', 'introspect', 'map', 'adopt', 'remap', 'gone',
					  'check', 'create', 'update', 'deferred', 'trashed']),
		('rollback', ARRAY['wait', 'introspect', 'settle', 'look', 'timeline', 'destroy', 'late', 'restore', 'restored', 'trashed', 'untold', 'count', 'unschema', 'introspect', 'unschema', 'introspect', 'undone'])),
	wanted AS (
		SELECT p.phase, p.n, r.migration_id
		FROM flitmig.run r
		JOIN kinds k ON k.kind = CASE r.kind WHEN 'delta' THEN 'run' ELSE r.kind END,
			 unnest(CASE WHEN r.options ? 'dry_run' THEN ARRAY['introspect', 'settle', 'look', 'restore', 'count'] ELSE k.phases END) WITH ORDINALITY AS p(phase, n)
		WHERE r.id = this_run),
	expanded AS (
		SELECT w.n, o.position AS a, 0 AS b, w.phase || ':' || o.name AS phase
		FROM wanted w JOIN flitmig.object_map o ON o.migration_id = w.migration_id WHERE w.phase IN ('create', 'deferred')
		UNION ALL	/* files go up just before the attachments that carry them */
		SELECT w.n, o.position, -1, 'upload:' || o.name
		FROM wanted w JOIN flitmig.object_map o ON o.migration_id = w.migration_id WHERE w.phase = 'create' AND o.file_path IS NOT NULL
		UNION ALL
		SELECT w.n, - o.position, 0, w.phase || ':' || o.name
		FROM wanted w JOIN flitmig.object_map o ON o.migration_id = w.migration_id WHERE w.phase = 'destroy'
		UNION ALL	/* records whose object map is gone from the profile */
		SELECT w.n, -1000000, 0, 'destroy:' FROM wanted w WHERE w.phase = 'destroy'
		UNION ALL
		SELECT w.n, 0, 0, w.phase FROM wanted w WHERE w.phase NOT IN ('create', 'deferred', 'destroy'))
	SELECT array_agg(phase ORDER BY n, a, b, phase) FROM expanded
$$;
COMMENT ON FUNCTION flitmig._phases(bigint) IS 'Names of a run''s phases, in order';

CREATE FUNCTION flitmig._phase_enter(this_run bigint, OUT phase text, OUT metered boolean, OUT serial boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	entered flitmig.run;
BEGIN
	UPDATE flitmig.run r SET phase_no = r.phase_no + 1, phase = (flitmig._phases(this_run))[r.phase_no + 1], updated_at = clock_timestamp()
	WHERE r.id = this_run
	RETURNING r.* INTO entered;
	phase := entered.phase;
	/* mapping makes no calls whose answers would tell */
	IF phase IN ('map', 'planmap') THEN
		PERFORM flitmig._tell(entered);
	ELSIF phase IS NOT NULL THEN
		PERFORM flitmig._tell_now_and_then(entered);
	END IF;
	/* only /graphql takes tokens: models are read and changed, and files go up, elsewhere, but for one dialect */
	metered := phase IS NULL
		OR phase NOT IN ('introspect', 'schema', 'unschema') AND (phase NOT LIKE 'upload:%' OR flitmig._upload_dialect(entered.migration_id) = 'path');
	serial := phase IS NULL OR phase IN ('introspect', 'schema', 'unschema');
END
$$;
COMMENT ON FUNCTION flitmig._phase_enter(bigint) IS 'Moves a run to its next phase. phase NULL: there is none; metered: its calls take tokens; serial: one call at a time';

/*
 * A server may act on a call after its connection broke (a create that comes
 * twice is refused; others are not). A rollback begins when none can land any
 * more; a run when no update or destroy can: it would undo what the run does.
 */
CREATE FUNCTION flitmig._late_ms(this_run bigint) RETURNS integer
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
	/* never longer than the window: the clock may have been put back since */
	SELECT coalesce(max(ceil(least(greatest(w.ms - 1000 * extract(epoch FROM clock_timestamp() - b.dark_at), 0), w.ms))), 0)::integer
	FROM flitmig.run r JOIN flitmig.batch b ON b.migration_id = r.migration_id AND b.run_id < r.id AND b.dark_at IS NOT NULL,
		 LATERAL (SELECT 1000 * extract(epoch FROM current_setting('flitmig.late_window')::interval)) w(ms)
	WHERE r.id = this_run AND b.kind = ANY (CASE r.kind WHEN 'rollback' THEN ARRAY['create', 'update', 'destroy', 'trash', 'untrash', 'schema'] ELSE ARRAY['update', 'destroy', 'trash', 'untrash'] END)
$$;
COMMENT ON FUNCTION flitmig._late_ms(bigint) IS 'Milliseconds until calls of earlier runs whose connection broke can no longer be applied, see flitmig.late_window';

CREATE FUNCTION flitmig._phase_plan(this_run bigint, phase text, OUT batches integer, OUT hold_ms integer)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	mig integer := (SELECT r.migration_id FROM flitmig.run r WHERE r.id = this_run);
	map integer := (SELECT o.id FROM flitmig.object_map o WHERE o.migration_id = mig AND o.name = substr(phase, strpos(phase, ':') + 1));
BEGIN
	hold_ms := 0;
	CASE split_part(phase, ':', 1)
		WHEN 'wait' THEN hold_ms := flitmig._late_ms(this_run);
		WHEN 'introspect' THEN PERFORM flitmig._plan_introspect(this_run, mig);
		WHEN 'settle' THEN PERFORM flitmig._require_same_twenty(mig), flitmig._plan_settle(this_run, mig, phase);
		WHEN 'schema' THEN PERFORM flitmig._plan_schema(this_run, mig, phase);
		WHEN 'prepared' THEN PERFORM flitmig._require_schema(this_run, mig);
		WHEN 'planmap' THEN PERFORM flitmig._plan_planmap(mig);
		WHEN 'map' THEN PERFORM flitmig._require_schema(this_run, mig), flitmig._plan_map(this_run, mig);
		WHEN 'adopt' THEN PERFORM flitmig._plan_adopt(this_run, mig, phase);
		WHEN 'remap' THEN PERFORM flitmig._plan_remap(this_run, mig);
		WHEN 'gone' THEN PERFORM flitmig._plan_gone(this_run, mig, phase);
		WHEN 'check' THEN PERFORM flitmig._plan_check(this_run, mig, phase);
		WHEN 'update' THEN PERFORM flitmig._plan_again(this_run, mig, phase);
		WHEN 'create' THEN PERFORM flitmig._plan_create(this_run, mig, map, phase);
		WHEN 'upload' THEN PERFORM flitmig._plan_upload(this_run, mig, map, phase);
		WHEN 'deferred' THEN PERFORM flitmig._plan_deferred(this_run, mig, map, phase);
		WHEN 'verify' THEN PERFORM flitmig._plan_verify(this_run, mig, phase);
		WHEN 'look' THEN PERFORM flitmig._plan_look(this_run, mig, phase);
		WHEN 'timeline' THEN PERFORM flitmig._plan_timeline(this_run, mig, phase);
		WHEN 'destroy' THEN PERFORM flitmig._plan_destroy(this_run, mig, map, phase);
		WHEN 'late' THEN PERFORM flitmig._plan_late(this_run, mig, phase);
		WHEN 'restore' THEN PERFORM flitmig._plan_restore(this_run, mig, phase);
		WHEN 'restored' THEN PERFORM flitmig._plan_update(this_run, mig, phase);
		WHEN 'trashed' THEN hold_ms := flitmig._plan_trashed(this_run, mig, phase);
		WHEN 'untold' THEN hold_ms := flitmig._plan_untold(this_run, mig, phase);
		WHEN 'count' THEN PERFORM flitmig._plan_count(this_run, mig, phase);
		WHEN 'unschema' THEN PERFORM flitmig._plan_unschema_again(this_run, mig);	/* at first planned by the answers of count */
		WHEN 'undone' THEN PERFORM flitmig._plan_undone(this_run, mig);
	END CASE;
	batches := (SELECT count(*) FROM flitmig.batch b WHERE b.run_id = this_run AND b.phase = _phase_plan.phase AND b.state = 'planned');
END
$$;
COMMENT ON FUNCTION flitmig._phase_plan(bigint, text) IS 'Plans the batches of a phase and says how many there are and how long to hold before them; the table of phases and their planners';

CREATE FUNCTION flitmig._server_limit(server text, OUT max_tokens integer, OUT window_ms integer, OUT tokens double precision)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT l.max_tokens, l.window_ms, CASE WHEN l.max_tokens > 0 THEN flitmig._tokens_left(_server_limit.server, l.max_tokens, l.window_ms) ELSE 0 END
	FROM (SELECT coalesce(max(t.max_tokens), 0) AS max_tokens, coalesce(max(t.window_ms), 0) AS window_ms FROM flitmig.server_limit t WHERE t.server = _server_limit.server) l
$$;
COMMENT ON FUNCTION flitmig._server_limit(text) IS 'Call limit learned from a server''s messages (0: none seen yet), and how many tokens our own calls have left of it';

CREATE FUNCTION flitmig._batch_size(mig integer) RETURNS integer
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce((SELECT l.batch_size FROM flitmig.server_limit l JOIN flitmig.migration m ON m.server = l.server WHERE m.id = mig), 200)
$$;
COMMENT ON FUNCTION flitmig._batch_size(integer) IS 'Records per create or update call: 200 (Twenty''s cap, TWENTY.md 3) unless the server said less';
