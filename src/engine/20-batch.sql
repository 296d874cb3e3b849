/*
 * batch: one call's life in the journal.
 *
 *	planned ──_batch_next──▶ open ──_batch_answer──▶ done		stored, read, destroyed …
 *	   ▲                      │                  ├──▶ split		refused, its halves are planned
 *	   ├── throttled, ────────┤                  ├──▶ refused	alone and refused: quarantine
 *	   │   transient          │                  └──▶ settled	looked up after a crash
 *	   └── looked up: absent ─┴── ambiguous: stays open, a read of its ids is planned
 */

/* Longest wait before a call is tried again, and how often (full jitter below that). */
CREATE FUNCTION flitmig._backoff_ms(attempts integer) RETURNS integer
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT (200 + random() * least(30000, 500 * 2 ^ least(attempts, 10)))::integer $$;
COMMENT ON FUNCTION flitmig._backoff_ms(integer) IS 'Milliseconds to hold after so many attempts: full jitter, capped at 30 seconds';

CREATE FUNCTION flitmig._plan_batches(this_run bigint, mig integer, phase text, kind text, purpose text, object text, map integer, ids uuid[], size integer)
RETURNS bigint
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	WITH planned AS (
		INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, purpose, object, object_map_id, ids)
		SELECT this_run, mig, phase, kind, purpose, object, map, array_agg(u.id ORDER BY u.n)
		FROM unnest(ids) WITH ORDINALITY AS u(id, n)
		GROUP BY (u.n - 1) / size
		ORDER BY (u.n - 1) / size
		RETURNING cardinality(batch.ids) AS records)
	SELECT coalesce(sum(records), 0)::bigint FROM planned
$$;
COMMENT ON FUNCTION flitmig._plan_batches(bigint, integer, text, text, text, text, integer, uuid[], integer) IS 'Cuts ids into batches of a size, in their order; returns how many ids were planned';

/*
 * A batch is a few hundred ids in tables that grow from nothing to millions
 * within a run: what the planner believes of their size is always out of date.
 * Index by index is right for all of them, so these two functions, and what
 * they call, are planned with nothing else.
 */

/* ---- the way out ---- */

CREATE FUNCTION flitmig._batch_next(this_run bigint, phase text,
	OUT batch_id bigint, OUT roots integer, OUT transport text, OUT path text, OUT body text,
	OUT file_path text, OUT file_name text, OUT content_type text, OUT file_map text, OUT file_size bigint, OUT file_sha256 bytea)
RETURNS SETOF record
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
	b flitmig.batch;
BEGIN
	SELECT * INTO b FROM flitmig.batch t
	WHERE t.run_id = this_run AND t.phase = _batch_next.phase AND t.state = 'planned'
	ORDER BY t.position, t.id LIMIT 1;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	UPDATE flitmig.batch t SET state = 'open', attempts = t.attempts + 1, opened_at = clock_timestamp() WHERE t.id = b.id
	RETURNING * INTO b;
	batch_id := b.id;
	transport := 'post';
	CASE b.kind
		WHEN 'create' THEN SELECT * INTO path, body FROM flitmig._open_create(b);
		WHEN 'read' THEN SELECT * INTO path, body FROM flitmig._open_read(b);
		WHEN 'update' THEN SELECT * INTO path, body FROM flitmig._open_update(b);
		WHEN 'destroy' THEN SELECT * INTO path, body FROM flitmig._open_destroy(b);
		WHEN 'timeline' THEN SELECT * INTO path, body FROM flitmig._open_timeline(b);
		WHEN 'trash', 'untrash' THEN SELECT * INTO path, body FROM flitmig._open_trash(b);
		WHEN 'introspect', 'members' THEN SELECT * INTO transport, path, body FROM flitmig._open_introspect(b);
		WHEN 'schema' THEN SELECT * INTO path, body FROM flitmig._open_schema(b);
		WHEN 'upload' THEN
			SELECT * INTO transport, path, body, file_path, file_name, content_type, file_map, file_size, file_sha256 FROM flitmig._open_upload(b);
	END CASE;
	roots := CASE WHEN path = '/graphql' THEN 1 ELSE 0 END;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION flitmig._batch_next(bigint, text) IS 'Opens the next planned batch of a phase (intent and undo rows are written here, committed by the caller before the request leaves) and gives its request';

CREATE FUNCTION flitmig._batch_unsent(batch bigint) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	DELETE FROM flitmig.undo u USING flitmig.batch b WHERE b.id = _batch_unsent.batch AND u.batch_id = b.id AND b.attempts = 1;
	UPDATE flitmig.batch b SET state = 'planned', attempts = b.attempts - 1 WHERE b.id = _batch_unsent.batch;
$$;
COMMENT ON FUNCTION flitmig._batch_unsent(bigint) IS 'Takes back the opening of a batch that was never sent';

/* ---- the way back ---- */

CREATE FUNCTION flitmig._batch_answer(batch bigint, class text, http_outcome integer, status integer, code text, answer_message text,
	limit_tokens integer, limit_window_ms integer, max_records integer, conflicting_id text, clue text, duplicate boolean, body text, took_ms integer,
	OUT hold_ms integer, OUT sqlstate text, OUT message text, OUT detail text, OUT hint text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
	b flitmig.batch;
	first_contact boolean;
	fails boolean := false;
BEGIN
	UPDATE flitmig.batch t
	SET answered_at = clock_timestamp(), took_ms = _batch_answer.took_ms, status = _batch_answer.status, outcome = class, message = answer_message
	WHERE t.id = batch
	RETURNING * INTO STRICT b;
	hold_ms := 0;
	IF limit_tokens > 0 OR max_records > 0 THEN
		PERFORM flitmig._learn_limit(b.migration_id, limit_tokens, limit_window_ms, max_records);
	END IF;
	UPDATE flitmig.run r
	SET calls = r.calls + (class <> 'throttled' AND http_outcome = 0)::integer,
		refusals = r.refusals + (class = 'throttled')::integer,
		updated_at = clock_timestamp()
	WHERE r.id = b.run_id
	RETURNING r.calls <= 1 AND class <> 'stored' INTO first_contact;

	CASE class
		WHEN 'stored' THEN
			PERFORM flitmig._answer_stored(b, nullif(body, '')::jsonb);
		WHEN 'throttled' THEN
			/* no attempt at all: nothing was looked at */
			UPDATE flitmig.batch t SET state = 'planned', attempts = t.attempts - 1 WHERE t.id = b.id;
		WHEN 'transient', 'ambiguous' THEN
			IF class = 'transient' THEN
				PERFORM flitmig._answer_not_applied(b);
			ELSIF b.kind = 'introspect' AND http_outcome = 0 AND b.attempts >= 3 AND coalesce((b.detail ->> 'optional')::boolean, false) THEN
				/* what is only wished for and cannot be had is done without */
				PERFORM flitmig._refused_introspect(b, code);
				RETURN;
			ELSE
				PERFORM flitmig._answer_ambiguous(b);
			END IF;
			hold_ms := flitmig._backoff_ms(b.attempts);
			fails := first_contact OR b.attempts >= 8;
		WHEN 'batch_refused' THEN
			PERFORM flitmig._answer_refused(b, coalesce(code, 'REFUSED'), coalesce(answer_message, 'refused without a reason'),
											duplicate, clue, conflicting_id, max_records);
		WHEN 'unauthorised' THEN
			fails := flitmig._answer_unauthorised(b, code);
		ELSE	/* schema_changed, not_twenty: nothing that a repeat would change */
			PERFORM flitmig._answer_not_applied(b);
			fails := true;
	END CASE;
	IF fails THEN
		SELECT * INTO sqlstate, message, detail, hint FROM flitmig._failure(b, class, http_outcome, code);
	END IF;
	PERFORM flitmig._tell_now_and_then(r) FROM flitmig.run r WHERE r.id = b.run_id;
END
$$;
COMMENT ON FUNCTION flitmig._batch_answer(bigint, text, integer, integer, text, text, integer, integer, integer, text, text, boolean, text, integer) IS 'Writes an answer down, by class: one handler each. Result: how long to hold before the next call, and the error with which the run must end, if any';

CREATE FUNCTION flitmig._answer_unauthorised(b flitmig.batch, code text) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF b.kind = 'upload' AND b.detail ->> 'step' = 'put' THEN
		/* the url's own token, not our key: ask for another url, once */
		IF (b.detail ->> 'again')::boolean THEN
			PERFORM flitmig._refused_upload(b, coalesce(code, 'UPLOAD_URL'), 'the server refused the upload address that it had handed out');
		ELSE
			UPDATE flitmig.batch t SET state = 'planned', detail = '{"again": true}' WHERE t.id = b.id;
		END IF;
		RETURN false;
	ELSIF b.kind = 'introspect' AND coalesce((b.detail ->> 'optional')::boolean, false) THEN
		PERFORM flitmig._refused_introspect(b, code);
		RETURN false;
	END IF;
	PERFORM flitmig._answer_not_applied(b);
	RETURN true;
END
$$;
COMMENT ON FUNCTION flitmig._answer_unauthorised(flitmig.batch, text) IS 'A call that the key may not make; true: the run cannot go on';

CREATE FUNCTION flitmig._learn_limit(mig integer, tokens integer, window_ms integer, max_records integer) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO flitmig.server_limit AS l (server, max_tokens, window_ms, batch_size, refused_at)
	SELECT m.server, tokens, window_ms, coalesce(nullif(least(max_records, 200), 0), 200), CASE WHEN tokens > 0 THEN clock_timestamp() END
	FROM flitmig.migration m WHERE m.id = mig
	ON CONFLICT (server) DO UPDATE
	SET max_tokens = CASE WHEN tokens > 0 AND _learn_limit.window_ms >= l.window_ms THEN tokens ELSE l.max_tokens END,
		window_ms = CASE WHEN tokens > 0 AND _learn_limit.window_ms >= l.window_ms THEN _learn_limit.window_ms ELSE l.window_ms END,
		batch_size = coalesce(nullif(least(max_records, 200), 0), l.batch_size),
		learned_at = now(),
		refused_at = CASE WHEN tokens > 0 AND _learn_limit.window_ms >= l.window_ms THEN clock_timestamp() ELSE l.refused_at END
$$;
COMMENT ON FUNCTION flitmig._learn_limit(integer, integer, integer, integer) IS 'Remembers a server''s call limit and batch size for the next run; of two windows the longer one is kept';

CREATE FUNCTION flitmig._failure(b flitmig.batch, class text, http_outcome integer, code text,
	OUT sqlstate text, OUT message text, OUT detail text, OUT hint text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	m flitmig.migration;
BEGIN
	SELECT * INTO m FROM flitmig.migration WHERE id = b.migration_id;
	CASE
		/* the key is known, its role lacks a right; Twenty's words name objects and fields, never values */
		WHEN class = 'unauthorised' AND (code = 'PERMISSION_DENIED' OR b.message LIKE '%does not have permission%') THEN
			sqlstate := '42501';
			message := format('the role of our API key may not do this on server "%s"', m.server);
			detail := format('Kind of call: %s, object: %s', b.kind, coalesce(b.object, '-')) || coalesce(', field: ' || nullif(substring(b.message FROM 'no permission to [a-z]+ field "([A-Za-z0-9]+)"'), ''), '') || '.';
			hint := format('Give it that right in Twenty under Settings > Roles; the same call then goes on from here. What else it lacks: SELECT * FROM flitmig_preflight(%L);', m.name);
		WHEN class = 'unauthorised' THEN
			sqlstate := '28000';
			message := format('server "%s" does not accept the API key', m.server);
			/* the key's own option: SET of the other one would only be refused */
			hint := CASE WHEN EXISTS (SELECT FROM pg_user_mappings u, unnest(u.umoptions) o WHERE u.srvname = m.server AND u.usename IN (current_user, 'public') AND o LIKE 'api_key_file=%')
						 THEN 'Make a key in Twenty under Settings > API & Webhooks, and write it into the file that the user mapping names (api_key_file).'
						 ELSE format('Make a key in Twenty under Settings > API & Webhooks, then: ALTER USER MAPPING FOR CURRENT_USER SERVER %I OPTIONS (SET api_key ''…'');', m.server) END;
		WHEN http_outcome = 4 THEN
			sqlstate := '08006';
			message := format('the TLS certificate of server "%s" was not accepted', m.server);
			hint := format('ALTER SERVER %I OPTIONS (ADD ca_file ''/path/to/ca.pem'');', m.server);
		WHEN class = 'not_twenty' THEN
			sqlstate := '08P01';
			message := format('what answers at the url of server "%s" is not Twenty', m.server);
			hint := format('The url is that of the API, without a path: ALTER SERVER %I OPTIONS (SET url ''https://crm.example.com'');', m.server);
		WHEN class = 'schema_changed' THEN
			sqlstate := '55000';
			message := format('the schema of server "%s" is not what it was when it was read', m.server);
			detail := format('Kind of call: %s, object: %s, outcome: %s.', b.kind, coalesce(b.object, '-'), coalesce(code, 'a validation error'));
			hint := format('SELECT flitmig_prepare(%L);  then run again.', m.name);
		ELSE
			sqlstate := '08006';
			message := format('server "%s" could not be reached', m.server);
			detail := format('Kind of call: %s, attempt %s, outcome: %s.', b.kind, b.attempts, coalesce(code, class));
			hint := 'Nothing is lost: the same call goes on from here once the server answers. Check the url with: \des+';
	END CASE;
END
$$;
COMMENT ON FUNCTION flitmig._failure(flitmig.batch, text, integer, text) IS 'The error with which a run ends after an answer of that class: never with a value in it';

/* Known not to have been applied: plan it again as it was. */
CREATE FUNCTION flitmig._answer_not_applied(b flitmig.batch) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE flitmig.batch SET state = 'planned' WHERE id = b.id;
$$;
COMMENT ON FUNCTION flitmig._answer_not_applied(flitmig.batch) IS 'Plans a batch again that the server did not act on; its undo row stays for the next attempt';

CREATE FUNCTION flitmig._answer_stored(b flitmig.batch, body jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE flitmig.batch SET state = 'done' WHERE id = b.id;
	/* an outcome that a crash of the machine loses is looked up again; what a server hands out once (a model, a file's place) is not */
	IF b.kind IN ('create', 'read', 'update', 'destroy', 'timeline') THEN
		PERFORM set_config('synchronous_commit', 'off', true);
	END IF;
	CASE b.kind
		WHEN 'create' THEN PERFORM flitmig._stored_create(b, body);
		WHEN 'update' THEN PERFORM flitmig._stored_update(b, body);
		WHEN 'read' THEN
			CASE b.purpose
				WHEN 'settle' THEN PERFORM flitmig._read_settle(b, body);
				WHEN 'verify' THEN PERFORM flitmig._read_verify(b, body);
				WHEN 'check' THEN PERFORM flitmig._read_check(b, body);
				WHEN 'adopt' THEN PERFORM flitmig._read_adopt(b, body);
				WHEN 'gone' THEN PERFORM flitmig._read_gone(b, body);
				WHEN 'look' THEN PERFORM flitmig._read_look(b, body);
				WHEN 'late' THEN PERFORM flitmig._read_late(b, body);
				WHEN 'restore' THEN PERFORM flitmig._read_restore(b, body);
				WHEN 'holders' THEN PERFORM flitmig._read_holders(b, body);
				WHEN 'parents' THEN PERFORM flitmig._read_parents(b, body);
			END CASE;
		WHEN 'destroy' THEN
			IF b.purpose = 'undo' THEN	/* otherwise its base stays: the record is missing, not undone */
				PERFORM flitmig._stored_destroy(b);
			END IF;
		WHEN 'timeline' THEN PERFORM flitmig._stored_timeline(b, body);
		WHEN 'trash', 'untrash' THEN PERFORM flitmig._stored_trash(b, body);
		WHEN 'introspect' THEN PERFORM flitmig._stored_introspect(b, body);
		WHEN 'schema' THEN PERFORM flitmig._stored_schema(b, body);
		WHEN 'upload' THEN PERFORM flitmig._stored_upload(b, body);
	END CASE;
END
$$;
COMMENT ON FUNCTION flitmig._answer_stored(flitmig.batch, jsonb) IS 'The call did what it should: hand the answer to the kind that knows what it means';

/* Sent, no whole answer: it may have been applied, it may yet be. Look before doing anything again. */
CREATE FUNCTION flitmig._answer_ambiguous(b flitmig.batch) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE flitmig.batch SET dark_at = clock_timestamp() WHERE id = b.id;
	CASE
		WHEN b.kind = 'create' THEN
			PERFORM flitmig._plan_ahead(b, 'settle');
		WHEN b.kind = 'update' THEN
			/* its fields are compared with the server's again before anything is resent */
			UPDATE flitmig.batch SET state = 'settled' WHERE id = b.id;
			PERFORM flitmig._plan_batches(b.run_id, b.migration_id, b.phase, 'read',
										  CASE WHEN b.purpose IN ('restore', 'gone') THEN b.purpose ELSE 'check' END, b.object, b.object_map_id, b.ids, 200);
		WHEN b.kind = 'schema' AND b.purpose IN ('do', 'undo') THEN
			/* the introspection after this phase tells whether it was done; a count is a read and is repeated */
			UPDATE flitmig.batch SET state = 'settled' WHERE id = b.id;
		ELSE
			/* reads change nothing; destroys and uploads may be repeated */
			PERFORM flitmig._answer_not_applied(b);
	END CASE;
END
$$;
COMMENT ON FUNCTION flitmig._answer_ambiguous(flitmig.batch) IS 'Plans the look that decides about a call whose answer did not arrive';

CREATE FUNCTION flitmig._plan_ahead(b flitmig.batch, purpose text) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, purpose, object, object_map_id, parent_id, position, ids)
	VALUES (b.run_id, b.migration_id, b.phase, 'read', purpose, b.object, b.object_map_id, b.id, b.position - 1, b.ids)
$$;
COMMENT ON FUNCTION flitmig._plan_ahead(flitmig.batch, text) IS 'Plans a read for a batch''s records, ahead of what else is planned in its phase';

CREATE FUNCTION flitmig._answer_refused(b flitmig.batch, code text, reason text, duplicate boolean, clue text, conflicting_id text, max_records integer)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF b.kind = 'schema' THEN
		UPDATE flitmig.batch SET state = 'refused' WHERE id = b.id;
		/* the name is taken: what is there is not ours. Otherwise the model as it is read next tells whether nothing was done (_forget_refused_schema) */
		DELETE FROM flitmig.undo u WHERE u.batch_id = b.id AND duplicate AND b.attempts = 1;
	ELSIF b.kind = 'upload' THEN
		PERFORM flitmig._refused_upload(b, code, reason);
	ELSIF b.kind = 'introspect' THEN
		PERFORM flitmig._refused_introspect(b, code);
	ELSIF b.kind NOT IN ('create', 'update') THEN
		RAISE EXCEPTION 'Twenty refused a % of object "%"', b.kind, b.object
			USING ERRCODE = 'fdw_error',
				  DETAIL = format('Code %s in batch %s; the message is in flitmig.batch.', code, b.id),
				  HINT = 'SELECT message FROM flitmig.batch WHERE id = ' || b.id || ';';
	ELSIF b.kind = 'create' AND duplicate AND NOT coalesce((b.detail ->> 'looked')::boolean, false) THEN
		/* an earlier attempt, of this run or one before, may have landed after all: look, never quarantine unseen */
		UPDATE flitmig.batch SET detail = coalesce(detail, '{}') || jsonb_build_object('looked', true, 'code', code) WHERE id = b.id;
		PERFORM flitmig._plan_ahead(b, 'settle');
	ELSIF b.kind = 'update' AND cardinality(b.ids) = 1 AND b.phase = 'check' THEN
		/* what it points at may come with this run's creates, or another update give its value free: judged anew after them */
		UPDATE flitmig.batch SET state = 'refused' WHERE id = b.id;
	ELSIF cardinality(b.ids) > 1 THEN
		PERFORM flitmig._narrow(b, code, reason, duplicate, clue, max_records);
	ELSE
		PERFORM flitmig._quarantine(b, code, reason);
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._answer_refused(flitmig.batch, text, text, boolean, text, text, integer) IS 'A refused batch is narrowed until the bad record stands alone in quarantine';

/*
 * A create that was refused left nothing behind (one transaction, TWENTY.md
 * 4), so its undo row goes too — unless an earlier attempt ended in the dark.
 */
CREATE FUNCTION flitmig._split(b flitmig.batch, clue text, max_records integer) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE flitmig.batch SET state = 'split' WHERE id = b.id;
	DELETE FROM flitmig.undo WHERE batch_id = b.id AND b.attempts = 1 AND b.kind = 'create';
	WITH suspect AS (
		SELECT array_agg(r.id) AS ids
		FROM flitmig.record r
		WHERE r.migration_id = b.migration_id AND r.id = ANY (b.ids)
		  AND length(clue) >= 3 AND strpos(r.payload::text, clue) > 0),
	member AS (
		SELECT u.id, u.n,
			   CASE
				   WHEN max_records > 0 AND max_records < cardinality(b.ids) THEN (u.n - 1) / max_records
				   WHEN cardinality(s.ids) = 1 THEN (u.id = s.ids[1])::integer
				   ELSE (u.n - 1) / ((cardinality(b.ids) + 1) / 2)
			   END AS part
		FROM suspect s, unnest(b.ids) WITH ORDINALITY AS u(id, n))
	INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, purpose, object, object_map_id, parent_id, position, ids, detail)
	SELECT b.run_id, b.migration_id, b.phase, b.kind, b.purpose, b.object, b.object_map_id, b.id, b.position, array_agg(m.id ORDER BY m.n), b.detail
	FROM member m
	GROUP BY m.part
	ORDER BY m.part;
$$;
COMMENT ON FUNCTION flitmig._split(flitmig.batch, text, integer) IS 'Plans the parts of a refused batch: by the server''s cap, by the one record that the message points at, else in halves';

CREATE FUNCTION flitmig._quarantine(b flitmig.batch, code text, reason text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE flitmig.batch SET state = 'refused' WHERE id = b.id;
	DELETE FROM flitmig.undo WHERE batch_id = b.id AND b.attempts = 1 AND b.kind = 'create';
	DELETE FROM flitmig.change c WHERE c.migration_id = b.migration_id AND c.id = ANY (b.ids);
	UPDATE flitmig.run SET done = done + cardinality(b.ids) WHERE id = b.run_id;
	IF b.purpose = 'restore' THEN
		UPDATE flitmig.rollback_item i SET state = 'kept', why = 'Twenty refused to take the earlier value back'
		WHERE i.run_id = b.run_id AND i.id = ANY (b.ids);
		RETURN;
	END IF;
	INSERT INTO flitmig.quarantine (migration_id, id, object, object_map_id, run_id, kind, code, reason, hash)
	SELECT b.migration_id, r.id, b.object, b.object_map_id, b.run_id, 'refused', _quarantine.code, _quarantine.reason, r.hash
	FROM flitmig.record r
	WHERE r.migration_id = b.migration_id AND r.id = ANY (b.ids)
	ON CONFLICT (migration_id, id) DO UPDATE
	SET run_id = excluded.run_id, kind = excluded.kind, code = excluded.code, reason = excluded.reason, hash = excluded.hash, since = clock_timestamp();
END
$$;
COMMENT ON FUNCTION flitmig._quarantine(flitmig.batch, text, text) IS 'Sets a record aside with the server''s reason';

/* ---- reads whose answer does not fit on a page ---- */

CREATE FUNCTION flitmig._is_cut(body jsonb) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT flitmig._foreign_count_answer(body) > (SELECT count(*) FROM flitmig._answer_records(body))
$$;
COMMENT ON FUNCTION flitmig._is_cut(jsonb) IS 'Whether an answer holds fewer records than it counts';

CREATE FUNCTION flitmig._ask_in_halves(b flitmig.batch) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, purpose, object, object_map_id, position, ids)
	SELECT b.run_id, b.migration_id, b.phase, b.kind, b.purpose, b.object, b.object_map_id, b.position - 1, array_agg(u.id ORDER BY u.n)
	FROM unnest(b.ids) WITH ORDINALITY u(id, n)
	GROUP BY (u.n - 1) / ((cardinality(b.ids) + 1) / 2)
$$;
COMMENT ON FUNCTION flitmig._ask_in_halves(flitmig.batch) IS 'Plans a read of several records again, ahead of the others, in two calls';
