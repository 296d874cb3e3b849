/*
 * narrow: which records of a refused call are the bad ones, in few calls.
 *
 *	the server's cap							parts of that size
 *	the message names value and field			every record that has it there is set aside, the others are sent again
 *	a unique value is taken						one read: who holds a value of ours?
 *	a link points at nothing					one read an object: which of them are not there any more?
 *	anything else								halves, or the records that the message may mean and the others
 *
 * Set aside without having stood alone is only who was named, whose value
 * another record holds, or whose parent was looked for and is not there.
 */

CREATE FUNCTION flitmig._narrow(b flitmig.batch, code text, reason text, duplicate boolean, clue text, max_records integer) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF coalesce(max_records, 0) = 0 AND b.purpose IS DISTINCT FROM 'restore' THEN
		IF flitmig._set_aside(b, flitmig._named(b, code, reason, clue), code, reason) THEN
			RETURN;
		ELSIF duplicate AND flitmig._ask_holders(b, code) THEN
			RETURN;
		ELSIF reason LIKE '%violates foreign key constraint%' AND flitmig._ask_parents(b, code) THEN
			RETURN;
		END IF;
	END IF;
	PERFORM flitmig._split(b, clue, max_records);
END
$$;
COMMENT ON FUNCTION flitmig._narrow(flitmig.batch, text, text, boolean, text, integer) IS 'Goes on with a refused call of several records: by what the message says, else in parts';

CREATE FUNCTION flitmig._named(b flitmig.batch, code text, reason text, clue text) RETURNS uuid[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT array_agg(n.id)
	FROM (SELECT r.id
		  FROM flitmig.record r
		  WHERE r.migration_id = b.migration_id AND r.id = ANY (b.ids) AND _named.clue <> ''
			AND EXISTS (SELECT FROM flitmig._refused_fields(b.migration_id, b.object, _named.code, _named.reason) f WHERE flitmig._is_named(r.payload, f.keys, f.whole, _named.clue))
		  UNION
		  SELECT b.ids[1 + substring(reason FROM 'at "data\[([0-9]{1,4})\]')::integer] WHERE b.detail -> 'alike' IS NULL AND reason ~ 'at "data\[[0-9]{1,4}\]') n
	WHERE n.id IS NOT NULL
$$;
COMMENT ON FUNCTION flitmig._named(flitmig.batch, text, text, text) IS 'Records of a refused call that its message names for certain; NULL: none';

/* What is left of the call goes again in its place. */
CREATE FUNCTION flitmig._set_aside(b flitmig.batch, bad uuid[], code text, reason text) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF bad IS NULL THEN
		RETURN false;
	END IF;
	INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, purpose, object, object_map_id, parent_id, position, ids, detail)
	SELECT b.run_id, b.migration_id, b.phase, b.kind, b.purpose, b.object, b.object_map_id, b.id, b.position, array_agg(u.id ORDER BY u.n), b.detail - 'holders' - 'parents'
	FROM unnest(b.ids) WITH ORDINALITY AS u(id, n)
	WHERE u.id <> ALL (bad)
	HAVING count(*) > 0;
	UPDATE flitmig.batch SET ids = bad WHERE id = b.id;
	b.ids := bad;
	PERFORM flitmig._quarantine(b, code, reason);
	RETURN true;
END
$$;
COMMENT ON FUNCTION flitmig._set_aside(flitmig.batch, uuid[], text, text) IS 'Quarantines some records of a refused call and plans the others again; false when there are none to quarantine';

/* ---- a question about a refused call: it is asked once, and goes on with what the answer says ---- */

CREATE FUNCTION flitmig._asking(b flitmig.batch, question text, code text) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE flitmig.batch SET detail = coalesce(detail, '{}') || jsonb_build_object(question, code) WHERE id = b.id
$$;
COMMENT ON FUNCTION flitmig._asking(flitmig.batch, text, text) IS 'Notes that a question about a refused call is asked, and the code of the refusal';

CREATE FUNCTION flitmig._asked(b flitmig.batch, question text, bad uuid[], reason text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT flitmig._set_aside(b, bad, b.detail ->> question, coalesce(b.message, reason)) THEN
		PERFORM flitmig._split(b, NULL, 0);
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._asked(flitmig.batch, text, uuid[], text) IS 'Goes on with a refused call when its question is answered: the bad records are set aside; none found, it goes again in parts';

/* ---- who holds our values? ---- */

CREATE FUNCTION flitmig._ask_holders(b flitmig.batch, code text) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF b.detail ? 'holders' OR (SELECT h.path IS NULL FROM flitmig._holders_request(b.migration_id, b.object, b.ids) h) THEN
		RETURN false;
	END IF;
	PERFORM flitmig._asking(b, 'holders', code);
	PERFORM flitmig._plan_ahead(b, 'holders');
	RETURN true;
END
$$;
COMMENT ON FUNCTION flitmig._ask_holders(flitmig.batch, text) IS 'Plans the question who holds unique values of a refused call; false: it was asked already, or there are no such values';

/* Values are computed anew for each call: none stays in the journal. */
CREATE FUNCTION flitmig._holders_request(mig integer, object text, records uuid[], OUT path text, OUT body jsonb)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT h.path, h.body
	FROM (SELECT jsonb_agg(r.payload) AS payloads FROM flitmig.record r WHERE r.migration_id = mig AND r.id = ANY (records)) p,
		 LATERAL flitmig._holders_of_request(mig, object, p.payloads) h
$$;
COMMENT ON FUNCTION flitmig._holders_request(integer, text, uuid[]) IS 'Call that reads who holds unique values of these records; path NULL: they bring none';

CREATE FUNCTION flitmig._read_holders(b flitmig.batch, body jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	parent flitmig.batch;
	bad uuid[];
BEGIN
	SELECT * INTO STRICT parent FROM flitmig.batch WHERE id = b.parent_id;
	SELECT array_agg(DISTINCT r.id) INTO bad
	FROM flitmig.record r
	CROSS JOIN flitmig._unique_fields(b.migration_id) u
	JOIN flitmig._answer_records(body) a ON flitmig._unique_value(a.doc, u.field, u.part) = flitmig._unique_value(r.payload, u.field, u.part)
	WHERE r.migration_id = b.migration_id AND r.id = ANY (parent.ids) AND u.object = b.object
	  AND flitmig._unique_value(r.payload, u.field, u.part) <> '' AND a.id <> r.id;
	PERFORM flitmig._asked(parent, 'holders', bad, 'a unique value is taken');
END
$$;
COMMENT ON FUNCTION flitmig._read_holders(flitmig.batch, jsonb) IS 'Sets the records of a refused call aside whose unique value another record of Twenty holds';

/* ---- what do our links point at? ---- */

CREATE FUNCTION flitmig._linked(mig integer, records uuid[]) RETURNS TABLE (record_id uuid, target_id uuid)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT r.id, x.id
	FROM flitmig.record r CROSS JOIN LATERAL unnest(r.refs) AS x(id)
	WHERE r.migration_id = mig AND r.id = ANY (records)
	  /* one that must hold but is not sent is none of the server's business */
	  AND EXISTS (SELECT FROM jsonb_each_text(r.payload) f WHERE f.value = x.id::text)
$$;
COMMENT ON FUNCTION flitmig._linked(integer, uuid[]) IS 'What the payloads of these records point at';

CREATE FUNCTION flitmig._ask_parents(b flitmig.batch, code text) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF b.detail ? 'parents' THEN
		RETURN false;
	END IF;
	INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, purpose, object, object_map_id, parent_id, position, ids)
	SELECT b.run_id, b.migration_id, b.phase, 'read', 'parents', t.object, b.object_map_id, b.id, b.position - 1, array_agg(t.id ORDER BY t.n)
	FROM (SELECT s.object, s.id, row_number() OVER (PARTITION BY s.object ORDER BY s.id) - 1 AS n
		  FROM flitmig.base s
		  /* within its own batch a record may point at another one, which is not there yet */
		  WHERE s.migration_id = b.migration_id AND s.id <> ALL (b.ids) AND s.id IN (SELECT l.target_id FROM flitmig._linked(b.migration_id, b.ids) l)
			AND flitmig._is_live(b.migration_id, s.object)) t
	GROUP BY t.object, t.n / 200;
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	PERFORM flitmig._asking(b, 'parents', code);
	RETURN true;
END
$$;
COMMENT ON FUNCTION flitmig._ask_parents(flitmig.batch, text) IS 'Plans reads of what the records of a refused call point at; false: that was asked already, or they point at nothing';

CREATE FUNCTION flitmig._read_parents(b flitmig.batch, body jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	parent flitmig.batch;
	bad uuid[];
BEGIN
	/* what is not there any more is all that the journal need keep of this read */
	UPDATE flitmig.batch SET ids = ARRAY(SELECT i.id FROM unnest(b.ids) AS i(id) WHERE NOT EXISTS (SELECT FROM flitmig._answer_records(body) a WHERE a.id = i.id)) WHERE id = b.id;
	IF EXISTS (SELECT FROM flitmig.batch s WHERE s.run_id = b.run_id AND s.parent_id = b.parent_id AND s.purpose = 'parents' AND s.state IN ('planned', 'open')) THEN
		RETURN;
	END IF;
	SELECT * INTO STRICT parent FROM flitmig.batch WHERE id = b.parent_id;
	SELECT array_agg(DISTINCT l.record_id) INTO bad
	FROM flitmig._linked(b.migration_id, parent.ids) l
	JOIN flitmig.batch s ON s.run_id = b.run_id AND s.parent_id = b.parent_id AND s.purpose = 'parents' AND l.target_id = ANY (s.ids);
	PERFORM flitmig._asked(parent, 'parents', bad, 'what it points at is not there any more');
END
$$;
COMMENT ON FUNCTION flitmig._read_parents(flitmig.batch, jsonb) IS 'Sets the records of a refused call aside that point at what is not there any more, once all answers are there';
