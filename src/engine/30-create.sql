/* create: records that Twenty does not have yet. Plain create, never upsert: nobody's data is overwritten. */

CREATE FUNCTION flitmig._plan_create(this_run bigint, mig integer, map integer, phase text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	sampling boolean := (SELECT r.kind = 'sample' FROM flitmig.run r WHERE r.id = this_run);
	object text := (SELECT o.object FROM flitmig.object_map o WHERE o.id = map);
	size integer := flitmig._batch_size(mig);
BEGIN
	/* several calls at once tell what the server does at once: of the sample's largest object map there are four (_workers) */
	IF sampling THEN
		SELECT CASE WHEN s.map = _plan_create.map THEN least(size, greatest(1, (s.n + 3) / 4)) ELSE size END INTO size
		FROM (SELECT r.object_map_id AS map, count(*)::integer AS n
			  FROM flitmig.sample_record s JOIN flitmig.record r ON r.migration_id = mig AND r.id = s.id
			  WHERE s.migration_id = mig GROUP BY r.object_map_id ORDER BY n DESC, map LIMIT 1) s;
		size := coalesce(size, flitmig._batch_size(mig));
	END IF;
	/* mended in the source since: no reason to keep it aside */
	DELETE FROM flitmig.quarantine q USING flitmig.record r
	WHERE q.migration_id = mig AND q.object_map_id = map AND r.migration_id = mig AND r.id = q.id
	  AND (q.kind = 'held' OR (q.kind = 'refused' AND q.hash <> r.hash));
	/* a child of a record that is set aside waits for it, unless only an update of that was refused */
	INSERT INTO flitmig.quarantine (migration_id, id, object, object_map_id, run_id, kind, code, reason, hash)
	SELECT mig, r.id, r.object, map, this_run, 'held', 'PARENT', 'a record that it points at is in quarantine', r.hash
	FROM flitmig.record r
	WHERE r.object_map_id = map AND r.state = 'mapped' AND r.refs <> '{}'
	  AND EXISTS (SELECT FROM flitmig.quarantine q WHERE q.migration_id = mig AND q.id = ANY (r.refs)
				  AND NOT EXISTS (SELECT FROM flitmig.base p WHERE p.migration_id = mig AND p.id = q.id))
	  AND NOT EXISTS (SELECT FROM flitmig.base b WHERE b.migration_id = mig AND b.id = r.id)
	ON CONFLICT (migration_id, id) DO NOTHING;
	/* not _plan_batches: one array of a million ids would have to fit in memory */
	INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, purpose, object, object_map_id, ids)
	SELECT this_run, mig, phase, 'create', 'push', object, map, array_agg(p.id ORDER BY p.n)
	FROM (SELECT r.id, row_number() OVER (ORDER BY r.sequence, r.id) AS n
		  FROM flitmig.record r
		  WHERE r.object_map_id = map AND r.state = 'mapped'
			AND NOT EXISTS (SELECT FROM flitmig.base b WHERE b.migration_id = mig AND b.id = r.id)
			AND NOT EXISTS (SELECT FROM flitmig.quarantine q WHERE q.migration_id = mig AND q.id = r.id)
			AND (NOT sampling OR EXISTS (SELECT FROM flitmig.sample_record s WHERE s.migration_id = mig AND s.id = r.id))) p
	GROUP BY (p.n - 1) / size
	ORDER BY (p.n - 1) / size;
END
$$;
COMMENT ON FUNCTION flitmig._plan_create(bigint, integer, integer, text) IS 'Plans creates of one object map: mapped, not stored, not set aside; in a sample only the sample';

CREATE FUNCTION flitmig._deferred_fields(map integer) RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN ARRAY(SELECT f.field FROM flitmig.deferred_field f WHERE f.object_map_id = map);
END
$$;
COMMENT ON FUNCTION flitmig._deferred_fields(integer) IS 'Fields of an object map that a second pass sends';

CREATE FUNCTION flitmig._record_text(head text, payload jsonb) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'flitmig_record_text';
COMMENT ON FUNCTION flitmig._record_text(text, jsonb) IS 'JSON text of an object whose first members are in head (an object''s text without its closing brace) and whose others are the payload''s';

CREATE FUNCTION flitmig._payload_keys_step(internal, jsonb) RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'flitmig_payload_keys_step';
COMMENT ON FUNCTION flitmig._payload_keys_step(internal, jsonb) IS 'Adds one payload''s keys';

CREATE FUNCTION flitmig._payload_keys_final(internal) RETURNS text[]
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'flitmig_payload_keys_final';
COMMENT ON FUNCTION flitmig._payload_keys_final(internal) IS 'The keys, sorted';

CREATE AGGREGATE flitmig._payload_keys(jsonb) (SFUNC = flitmig._payload_keys_step, STYPE = internal, FINALFUNC = flitmig._payload_keys_final);
COMMENT ON AGGREGATE flitmig._payload_keys(jsonb) IS 'Names of the fields that some payloads use; empty for none';

/*
 * Records as they go out: payload, id, where they came from, and for an
 * attachment what the server calls its file.
 */
CREATE FUNCTION flitmig._outgoing(b flitmig.batch, OUT records text, OUT fields text[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	deferred text[] := flitmig._deferred_fields(b.object_map_id);
	origin jsonb := flitmig._origin(b.migration_id, b.object);
	head text := left(origin::text, -1) || CASE origin WHEN '{}' THEN '' ELSE ', ' END || '"id": "';
BEGIN
	SELECT string_agg(flitmig._record_text(head || p.id || '"', p.payload), ', ' ORDER BY p.n),
		   flitmig._payload_keys(p.sent)
	INTO records, fields
	FROM (SELECT i.n, r.id, r.payload AS sent,
				 CASE WHEN u.record_id IS NOT NULL THEN flitmig._attachment_payload(b.migration_id, r.payload, u)
					  WHEN deferred = '{}' THEN r.payload
					  ELSE r.payload - deferred END AS payload
		  FROM unnest(b.ids) WITH ORDINALITY AS i(id, n)
		  JOIN flitmig.record r ON r.migration_id = b.migration_id AND r.id = i.id
		  LEFT JOIN flitmig.upload u ON u.migration_id = b.migration_id AND u.record_id = r.id) p;
	fields := fields || flitmig._change_marks(b.migration_id, b.object);
END
$$;
COMMENT ON FUNCTION flitmig._outgoing(flitmig.batch) IS 'Records of a batch as JSON texts with commas between them, in the order of ids, ready for a create (fields that a second pass sends are left out), and the fields to ask back';

CREATE FUNCTION flitmig._change_marks(mig integer, object text) RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN ARRAY(SELECT f.name FROM flitmig.live_field f
				 WHERE f.migration_id = mig AND f.object = _change_marks.object AND f.name IN ('updatedAt', 'deletedAt') ORDER BY f.name);
END
$$;
COMMENT ON FUNCTION flitmig._change_marks(integer, text) IS 'The fields by which a later change of a record is noticed';

CREATE FUNCTION flitmig._open_create(b flitmig.batch, OUT path text, OUT body text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO flitmig.undo (migration_id, run_id, batch_id, action, object, ids)
	SELECT b.migration_id, b.run_id, b.id, 'create', b.object, b.ids
	WHERE NOT EXISTS (SELECT FROM flitmig.undo u WHERE u.batch_id = b.id);
	path := '/graphql';
	SELECT flitmig._create_body(b.migration_id, b.object, o.records, o.fields) INTO body FROM flitmig._outgoing(b) o;
END
$$;
COMMENT ON FUNCTION flitmig._open_create(flitmig.batch) IS 'Writes the undo row, then builds the create call';

CREATE FUNCTION flitmig._take_unlike(b flitmig.batch, from_read boolean, body jsonb, deferred text[]) RETURNS integer
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	WITH answer AS (
		SELECT r.id, r.object_map_id, r.payload - deferred AS sent, a.doc - 'id' AS stored
		FROM flitmig._answer_records(body) a
		JOIN flitmig.record r ON r.migration_id = b.migration_id AND r.id = a.id
		WHERE a.id = ANY (b.ids) AND NOT a.doc @> (r.payload - deferred)
		  AND NOT EXISTS (SELECT FROM flitmig.base o WHERE o.migration_id = b.migration_id AND o.id = r.id)),
	differing AS (
		SELECT a.id, c.*
		FROM answer a, LATERAL flitmig._compare(a.sent, a.stored, b.migration_id, b.object) c
		WHERE c.verdict <> 'same'),
	unlike AS (
		SELECT d.id, jsonb_object_agg(d.field, coalesce(a.stored -> d.field, 'null'::jsonb)) AS fields
		FROM differing d JOIN answer a ON a.id = d.id
		WHERE from_read AND d.verdict IN ('mismatch', 'missing')
		GROUP BY d.id),
	noted AS (
		INSERT INTO flitmig.diff (migration_id, run_id, id, object, field, sent, stored, verdict, rule)
		SELECT b.migration_id, b.run_id, d.id, b.object, d.field, d.sent, d.stored, d.verdict, d.rule
		FROM differing d LEFT JOIN unlike u ON u.id = d.id
		WHERE u.id IS NULL OR d.verdict = 'normalised'
		RETURNING 1),
	based AS (
		INSERT INTO flitmig.base (migration_id, id, object, object_map_id, origin, run_id, hash, sent, stored)
		SELECT b.migration_id, a.id, b.object, a.object_map_id, 'created', b.run_id,
			   jsonb_hash_extended(s.sent, 0), s.sent, a.stored
		FROM answer a LEFT JOIN unlike u ON u.id = a.id,
			 LATERAL (SELECT a.sent || coalesce(u.fields, '{}') AS sent) s
		RETURNING 1)
	SELECT count(*)::integer FROM based
$$;
COMMENT ON FUNCTION flitmig._take_unlike(flitmig.batch, boolean, jsonb, text[]) IS 'The part of _take_stored for records that came back other than they were sent';

/*
 * Takes rows that the server gave (from a create's answer or a read) as
 * stored.  From a read, another payload than today's may be what was sent
 * before a crash: fields that differ then count as sent with the stored
 * value, so that the next delta sees them as changed in the source.
 */
CREATE FUNCTION flitmig._take_stored(b flitmig.batch, from_read boolean, body jsonb) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	deferred text[] := flitmig._deferred_fields(b.object_map_id);
	n integer;
BEGIN
	/* nearly all records hold exactly what was sent */
	INSERT INTO flitmig.base (migration_id, id, object, object_map_id, origin, run_id, hash, sent, stored)
	SELECT b.migration_id, s.id, b.object, s.object_map_id, 'created', b.run_id, s.hash, s.sent, s.doc - 'id'
	FROM (SELECT r.id, r.object_map_id, a.doc,
				 CASE deferred WHEN '{}' THEN r.hash ELSE jsonb_hash_extended(r.payload - deferred, 0) END AS hash,
				 CASE deferred WHEN '{}' THEN r.payload ELSE r.payload - deferred END AS sent
		  FROM flitmig._answer_records(body) a
		  JOIN flitmig.record r ON r.migration_id = b.migration_id AND r.id = a.id
		  WHERE a.id = ANY (b.ids) AND NOT EXISTS (SELECT FROM flitmig.base o WHERE o.migration_id = b.migration_id AND o.id = r.id)) s
	WHERE s.doc @> s.sent;
	GET DIAGNOSTICS n = ROW_COUNT;
	IF n < cardinality(b.ids) THEN
		n := n + flitmig._take_unlike(b, from_read, body, deferred);
	END IF;
	UPDATE flitmig.batch SET stored = stored + n WHERE id = b.id;
	/* what an earlier run had under way is not among what this one set out to send */
	UPDATE flitmig.run SET done = done + n WHERE id = b.run_id AND b.phase <> 'settle';
	RETURN n;
END
$$;
COMMENT ON FUNCTION flitmig._take_stored(flitmig.batch, boolean, jsonb) IS 'Writes base and diff for the records in an answer; returns how many are new';

CREATE FUNCTION flitmig._stored_create(b flitmig.batch, body jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF flitmig._take_stored(b, false, body) < cardinality(b.ids) THEN
		/* stored, but not all of it came back: read what is missing */
		PERFORM flitmig._plan_ahead(b, 'settle');
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._stored_create(flitmig.batch, jsonb) IS 'A create was answered';

/* ---- settling: what became of a call whose answer never came ---- */

CREATE FUNCTION flitmig._plan_settle(this_run bigint, mig integer, phase text) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	/* updates are compared again, schema is read again, reads and destroys are repeated: only creates need a look */
	UPDATE flitmig.batch SET state = 'settled'
	WHERE migration_id = mig AND run_id < this_run AND state = 'open' AND kind <> 'create';
	INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, purpose, object, object_map_id, parent_id, ids)
	SELECT this_run, mig, _plan_settle.phase, 'read', 'settle', b.object, b.object_map_id, b.id, b.ids
	FROM flitmig.batch b
	WHERE b.migration_id = mig AND b.run_id < this_run AND b.state = 'open' AND b.kind = 'create'
	  AND flitmig._is_live(mig, b.object);
$$;
COMMENT ON FUNCTION flitmig._plan_settle(bigint, integer, text) IS 'Plans a read for every create that was open when an earlier run ended';

CREATE FUNCTION flitmig._read_settle(b flitmig.batch, body jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	parent flitmig.batch;
	found_ids uuid[];
	absent uuid[];
BEGIN
	SELECT * INTO STRICT parent FROM flitmig.batch WHERE id = b.parent_id;
	SELECT coalesce(array_agg(a.id), '{}') INTO found_ids FROM flitmig._answer_records(body) a;
	PERFORM flitmig._take_stored(b, true, body);
	SELECT array_agg(u.id ORDER BY u.n) INTO absent
	FROM unnest(parent.ids) WITH ORDINALITY AS u(id, n) WHERE u.id <> ALL (found_ids);
	IF parent.run_id < b.run_id THEN
		/* what is absent is planned with everything else that is not stored */
		UPDATE flitmig.batch SET state = 'settled' WHERE id = parent.id;
	ELSIF absent IS NULL THEN
		UPDATE flitmig.batch SET state = 'done' WHERE id = parent.id;
	ELSIF found_ids = '{}' AND parent.outcome = 'batch_refused' THEN
		/* refused as duplicates although none of its ids exist: some unique value is taken, find whose */
		IF cardinality(parent.ids) > 1 THEN
			PERFORM flitmig._narrow(parent, coalesce(parent.detail ->> 'code', 'DUPLICATE'), coalesce(parent.message, 'a unique value is taken'), true, NULL, 0);
		ELSE
			PERFORM flitmig._quarantine(parent, coalesce(parent.detail ->> 'code', 'DUPLICATE'), coalesce(parent.message, 'a unique value is taken'));
		END IF;
	ELSE
		/* a part of a refused batch is no more suspect than others when its answer was lost: it may land yet, so look again */
		UPDATE flitmig.batch SET state = 'planned', ids = absent, detail = detail - 'looked' WHERE id = parent.id;
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._read_settle(flitmig.batch, jsonb) IS 'Decides about a call in the dark by which of its ids exist';

/* ---- reads ---- */

CREATE FUNCTION flitmig._open_read(b flitmig.batch, OUT path text, OUT body text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF b.purpose = 'adopt' THEN
		SELECT r.path, r.body::text INTO path, body FROM flitmig._adopt_request(b) r;
	ELSIF b.purpose = 'holders' THEN
		SELECT r.path, r.body::text INTO path, body FROM flitmig._holders_request(b.migration_id, b.object, b.ids) r;
	ELSE
		SELECT r.path, r.body::text INTO path, body
		FROM flitmig._read_request(b.migration_id, b.object, b.ids,
								   CASE WHEN b.purpose IN ('late', 'parents') THEN '{}' ELSE flitmig._known_fields(b.migration_id, b.object, b.ids) END,
								   true) r;
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._open_read(flitmig.batch) IS 'Builds a read, records in the trash included: by ids, or of records that might be adopted';

/*
 * Each read and each update asks this, and before-images are as many as records
 * were ever changed: their ids are gone through once, those of the call in a
 * hash table, which _batch_next would forbid (see _assert_ours).
 */
CREATE FUNCTION flitmig._known_fields(mig integer, object text, ids uuid[]) RETURNS text[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_hashjoin = on
AS $$
	/* a field that is gone from the server (half a rollback, a person) is not asked for */
	SELECT array_agg(k.key ORDER BY k.key) FILTER (WHERE EXISTS (
		SELECT FROM flitmig.live_field f
		WHERE f.migration_id = mig AND f.object = _known_fields.object AND k.key IN (f.name, f.join_column)))
	FROM (SELECT unnest(flitmig._payload_keys(r.payload)) AS key FROM flitmig.record r WHERE r.migration_id = mig AND r.id = ANY (ids)
		  UNION
		  SELECT unnest(flitmig._change_marks(mig, object))
		  UNION
		  SELECT 'createdAt'	/* tells an update from an insert, see _unmake_inserted */
		  UNION
		  SELECT 'position' WHERE EXISTS (SELECT FROM flitmig.base b WHERE b.migration_id = mig AND b.id = ANY (ids) AND b.origin = 'adopted')	/* see _note_place */
		  UNION
		  SELECT jsonb_object_keys(b.sent) FROM flitmig.base b WHERE b.migration_id = mig AND b.id = ANY (ids)
		  UNION
		  SELECT jsonb_object_keys(u.before -> x.id::text)
		  FROM flitmig.undo u CROSS JOIN LATERAL unnest(u.ids) AS x(id)
		  WHERE u.migration_id = mig AND u.action IN ('update', 'adopt') AND u.object = _known_fields.object AND x.id IN (SELECT i.id FROM unnest(_known_fields.ids) AS i(id))
		  UNION
		  SELECT flitmig._gone_field(o.id) FROM flitmig.object_map o WHERE o.migration_id = mig AND o.object = _known_fields.object) k
$$;
COMMENT ON FUNCTION flitmig._known_fields(integer, text, uuid[]) IS 'Fields that these records'' payloads, bases or before-images know, and those that flag what is gone';

CREATE FUNCTION flitmig._plan_verify(this_run bigint, mig integer, phase text) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT flitmig._plan_batches(this_run, mig, phase, 'read', 'verify', t.object, t.object_map_id, t.ids, 200)
	FROM (SELECT b.object, b.object_map_id, array_agg(b.id ORDER BY b.id) AS ids
		  FROM flitmig.base b JOIN flitmig.sample_record s ON s.migration_id = mig AND s.id = b.id
		  WHERE b.migration_id = mig
		  GROUP BY b.object, b.object_map_id) t
$$;
COMMENT ON FUNCTION flitmig._plan_verify(bigint, integer, text) IS 'Plans an independent second read of the whole sample';

CREATE FUNCTION flitmig._read_verify(b flitmig.batch, body jsonb) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	DELETE FROM flitmig.diff d WHERE d.run_id = b.run_id AND d.id = ANY (b.ids);
	INSERT INTO flitmig.diff (migration_id, run_id, id, object, field, sent, stored, verdict, rule)
	SELECT b.migration_id, b.run_id, s.id, b.object, c.field, c.sent, c.stored, c.verdict, c.rule
	FROM flitmig.base s
	JOIN flitmig._answer_records(body) a ON a.id = s.id,
		 LATERAL flitmig._compare(s.sent - s.kept_fields, a.doc, b.migration_id, b.object) c
	WHERE s.migration_id = b.migration_id AND s.id = ANY (b.ids) AND NOT a.doc @> s.sent AND c.verdict <> 'same'
	UNION ALL
	SELECT b.migration_id, b.run_id, s.id, b.object, k.key, s.sent -> k.key, NULL, 'missing', NULL
	FROM flitmig.base s, jsonb_object_keys(s.sent) AS k(key)
	WHERE s.migration_id = b.migration_id AND s.id = ANY (b.ids)
	  AND NOT EXISTS (SELECT FROM flitmig._answer_records(body) a WHERE a.id = s.id);
$$;
COMMENT ON FUNCTION flitmig._read_verify(flitmig.batch, jsonb) IS 'Replaces the sample''s diff by the comparison with what a second read gave';
