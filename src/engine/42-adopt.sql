/*
 * adopt: records that Twenty had already, where the profile wants them taken for ours.
 *
 *	map ─▶ adopt (who in Twenty has our e-mail address, our source id?) ─▶ remap (their ids take the place of ours)
 *		─▶ create (children point at the adopted id) ─▶ update (blanks are filled)
 *
 * Adopting itself changes nothing in Twenty: it writes down whose id counts
 * from now on, which fields were blank (the undo log) and which hold
 * somebody else's value (base.kept_fields: never written). Filling is an
 * update like any other, after the creates, because it points at records.
 */

CREATE FUNCTION flitmig._adopt_paths(map integer) RETURNS TABLE (path text, keys text[])
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT p, string_to_array(p, '.') FROM flitmig.object_map o, unnest(o.adopt) p WHERE o.id = map
$$;
COMMENT ON FUNCTION flitmig._adopt_paths(integer) IS 'Payload paths by which an object map''s records are looked for in Twenty';

CREATE FUNCTION flitmig._plan_adopt(this_run bigint, mig integer, phase text) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	/* judged anew each time: a person may have sorted it out */
	DELETE FROM flitmig.quarantine WHERE migration_id = mig AND code IN ('ADOPT_AMBIGUOUS', 'ADOPT_CONTRADICTS', 'ADOPT_TRASHED');
	DELETE FROM flitmig.finding WHERE migration_id = mig AND step = 'run' AND code IN ('ADOPTED', 'ADOPT_AMBIGUOUS', 'ADOPT_CONTRADICTS', 'ADOPT_TRASHED');
	INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, purpose, object, object_map_id, ids)
	SELECT this_run, mig, _plan_adopt.phase, 'read', 'adopt', p.object, p.object_map_id, array_agg(p.id ORDER BY p.n)
	FROM (SELECT r.id, r.object, r.object_map_id, o.position, row_number() OVER (PARTITION BY o.id ORDER BY r.sequence, r.id) AS n
		  FROM flitmig.object_map o
		  JOIN flitmig.record r ON r.object_map_id = o.id AND r.state = 'mapped'
		  WHERE o.migration_id = mig AND o.adopt <> '{}'
			AND NOT EXISTS (SELECT FROM flitmig.base b WHERE b.migration_id = mig AND b.id = r.id)
			AND EXISTS (SELECT FROM flitmig._adopt_paths(o.id) a WHERE r.payload #>> a.keys <> '')) p
	GROUP BY p.object, p.object_map_id, p.position, (p.n - 1) / 100
	ORDER BY p.position, (p.n - 1) / 100;
$$;
COMMENT ON FUNCTION flitmig._plan_adopt(bigint, integer, text) IS 'Plans a look for records that Twenty has already, for the object maps whose records may be adopted';

/* Values travel in variables and are computed anew: none stays in the journal. */
CREATE FUNCTION flitmig._adopt_request(b flitmig.batch, OUT path text, OUT body jsonb)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	listed jsonb;
BEGIN
	SELECT jsonb_agg(CASE cardinality(a.keys) WHEN 1 THEN jsonb_build_object(a.keys[1], v.listed)
											 ELSE jsonb_build_object(a.keys[1], jsonb_build_object(a.keys[2], v.listed)) END)
	INTO listed
	FROM flitmig._adopt_paths(b.object_map_id) a,
		 LATERAL (SELECT jsonb_build_object('in', jsonb_agg(DISTINCT CASE a.keys[2] WHEN 'primaryEmail' THEN lower(r.payload #>> a.keys) ELSE r.payload #>> a.keys END)) AS listed,
						 count(*) AS n
				  FROM flitmig.record r
				  WHERE r.migration_id = b.migration_id AND r.id = ANY (b.ids) AND r.payload #>> a.keys <> '') v
	WHERE v.n > 0;
	path := '/graphql';
	body := flitmig._call(format('query($filter:%sFilterInput){%s(filter:$filter,first:200){totalCount edges{node{%s}}}}',
								 flitmig._capital(flitmig._api_name(b.migration_id, b.object)), flitmig._api_name(b.migration_id, b.object, true),
								 flitmig._selection(b.migration_id, b.object, flitmig._known_fields(b.migration_id, b.object, b.ids))),
						  jsonb_build_object('filter', flitmig._trash_too(b.migration_id, b.object, jsonb_build_object('or', listed))));
END
$$;
COMMENT ON FUNCTION flitmig._adopt_request(flitmig.batch) IS 'Call that reads the records of Twenty, the trash included, that have one of the values by which a batch''s records are known';

/* A boolean that a person may have set to false is no blank, unless the field is one that we made. */
CREATE FUNCTION flitmig._fillable(mig integer, object text, field text, value jsonb) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT flitmig._blank(value)
	   AND (value IS DISTINCT FROM 'false'
			OR flitmig._made_field(mig, object, field))
$$;
COMMENT ON FUNCTION flitmig._fillable(integer, text, text, jsonb) IS 'Whether a field of an adopted record holds nothing of anybody''s';

/* A family shares an e-mail address: another first name, or another date of birth, is another person. */
CREATE FUNCTION flitmig._contradicts(payload jsonb, doc jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (
		SELECT FROM (VALUES (payload #>> '{name,firstName}', doc #>> '{name,firstName}'), (payload ->> 'dateOfBirth', left(doc ->> 'dateOfBirth', 10))) v(ours, theirs)
		WHERE lower(btrim(v.ours)) <> lower(btrim(v.theirs)) AND btrim(v.ours) <> '' AND btrim(v.theirs) <> '')
$$;
COMMENT ON FUNCTION flitmig._contradicts(jsonb, jsonb) IS 'Whether two people who share a value are not one person, by first name and date of birth where both have one';

CREATE FUNCTION flitmig._read_adopt(b flitmig.batch, body jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	cut boolean := flitmig._is_cut(body);
BEGIN
	IF cut AND cardinality(b.ids) > 1 THEN
		PERFORM flitmig._ask_in_halves(b);
		RETURN;
	END IF;
	DROP TABLE IF EXISTS pg_temp.flitmig_match;
	CREATE TEMP TABLE flitmig_match ON COMMIT DROP AS
	WITH pair AS (
		SELECT r.id, r.source_key, r.payload, r.hash, a.id AS target_id, a.doc, bool_or(cardinality(p.keys) = 1) AS by_id
		FROM flitmig.record r
		CROSS JOIN flitmig._adopt_paths(b.object_map_id) p
		JOIN flitmig._answer_records(body) a ON lower(r.payload #>> p.keys) = lower(a.doc #>> p.keys)
		WHERE r.migration_id = b.migration_id AND r.id = ANY (b.ids) AND r.payload #>> p.keys <> ''
		  /* records of ours are nobody to adopt */
		  AND NOT EXISTS (SELECT FROM flitmig.record o WHERE o.migration_id = b.migration_id AND o.id = a.id)
		  AND NOT EXISTS (SELECT FROM flitmig.base o WHERE o.migration_id = b.migration_id AND o.id = a.id)
		GROUP BY r.id, r.source_key, r.payload, r.hash, a.id, a.doc)
	SELECT p.*, CASE
			WHEN cut OR count(*) OVER (PARTITION BY p.id) > 1 OR count(*) OVER (PARTITION BY p.target_id) > 1 THEN 'ADOPT_AMBIGUOUS'
			WHEN p.doc ->> 'deletedAt' IS NOT NULL THEN 'ADOPT_TRASHED'
			WHEN NOT p.by_id AND flitmig._contradicts(p.payload, p.doc) THEN 'ADOPT_CONTRADICTS'
		END AS code
	FROM pair p;
	INSERT INTO flitmig.quarantine (migration_id, id, object, object_map_id, run_id, kind, code, reason, hash)
	SELECT DISTINCT b.migration_id, m.id, b.object, b.object_map_id, b.run_id, 'refused', m.code,
		   CASE m.code WHEN 'ADOPT_AMBIGUOUS' THEN 'more than one record matches'
					   WHEN 'ADOPT_TRASHED' THEN 'the record in Twenty that matches is in its trash'
					   ELSE 'the record in Twenty that matches has another first name or date of birth' END, m.hash
	FROM flitmig_match m WHERE m.code IS NOT NULL
	ON CONFLICT (migration_id, id) DO UPDATE SET run_id = excluded.run_id, kind = excluded.kind, code = excluded.code, reason = excluded.reason, hash = excluded.hash;
	PERFORM flitmig._take_adopted(b);
	DROP TABLE flitmig_match;
END
$$;
COMMENT ON FUNCTION flitmig._read_adopt(flitmig.batch, jsonb) IS 'Adopts the records that match one of ours and no other; sets the doubtful ones of ours aside';

CREATE FUNCTION flitmig._take_adopted(b flitmig.batch) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	WITH adopted AS (
		SELECT m.*, f.blank, f.held
		FROM pg_temp.flitmig_match m,
			 LATERAL (SELECT coalesce(array_agg(k.key) FILTER (WHERE k.fillable), '{}') AS blank, coalesce(array_agg(k.key) FILTER (WHERE NOT k.fillable), '{}') AS held
					  FROM (SELECT j.key, flitmig._fillable(b.migration_id, b.object, j.key, m.doc -> j.key) AS fillable FROM jsonb_object_keys(m.payload) j(key)) k) f
		WHERE m.code IS NULL),
	logged AS (	/* before anything is written to them */
		INSERT INTO flitmig.undo (migration_id, run_id, batch_id, action, object, ids, before)
		SELECT b.migration_id, b.run_id, b.id, 'adopt', b.object, array_agg(a.target_id),
			   jsonb_object_agg(a.target_id, (SELECT coalesce(jsonb_object_agg(k, coalesce(a.doc -> k, 'null')), '{}') FROM unnest(a.blank) k))
		FROM adopted a
		HAVING count(*) > 0
		RETURNING 1),
	noted AS (
		INSERT INTO flitmig.adoption (migration_id, object_map_id, source_key, record_id, target_id, run_id, since)
		SELECT b.migration_id, b.object_map_id, a.source_key, a.id, a.target_id, b.run_id, (a.doc ->> 'updatedAt')::timestamptz FROM adopted a
		RETURNING 1),
	based AS (
		INSERT INTO flitmig.base (migration_id, id, object, object_map_id, origin, run_id, hash, sent, stored, kept_fields)
		SELECT b.migration_id, a.target_id, b.object, b.object_map_id, 'adopted', b.run_id, jsonb_hash_extended(a.payload - a.blank, 0), a.payload - a.blank, a.doc - 'id', a.held
		FROM adopted a
		RETURNING 1)
	UPDATE flitmig.record r SET id = a.target_id FROM adopted a WHERE r.migration_id = b.migration_id AND r.id = a.id;
$$;
COMMENT ON FUNCTION flitmig._take_adopted(flitmig.batch) IS 'Writes down what was adopted: before-images, whose id counts, which fields are not ours to write';

/* Everything that points at an adopted record is mapped once more. */
CREATE FUNCTION flitmig._plan_remap(this_run bigint, mig integer) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF EXISTS (SELECT FROM flitmig.adoption a WHERE a.migration_id = mig AND NOT a.settled) THEN
		PERFORM flitmig._map(mig);
		/* what is not ours to write counts as sent as it is mapped now, relations to adopted records included */
		UPDATE flitmig.base s
		SET sent = n.sent, hash = jsonb_hash_extended(n.sent, 0)
		FROM flitmig.adoption a
		JOIN flitmig.record r ON r.migration_id = mig AND r.id = a.target_id
		JOIN flitmig.base t ON t.migration_id = mig AND t.id = a.target_id,
			 LATERAL (SELECT coalesce(jsonb_object_agg(f.key, f.value), '{}') AS sent FROM jsonb_each(r.payload) f WHERE f.key = ANY (t.kept_fields)) n
		WHERE a.migration_id = mig AND NOT a.settled AND s.migration_id = mig AND s.id = a.target_id;
		UPDATE flitmig.quarantine q SET hash = r.hash
		FROM flitmig.record r
		WHERE q.migration_id = mig AND q.code LIKE 'ADOPT\_%' AND r.migration_id = mig AND r.id = q.id;
		UPDATE flitmig.adoption a SET settled = true WHERE a.migration_id = mig AND NOT a.settled;
		PERFORM flitmig._count_planned(this_run, mig);
	END IF;
	PERFORM flitmig._find_adopted(this_run, mig);
END
$$;
COMMENT ON FUNCTION flitmig._plan_remap(bigint, integer) IS 'Maps again when records were adopted, so that what points at them has their ids';

CREATE FUNCTION flitmig._find_adopted(this_run bigint, mig integer) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO flitmig.finding (migration_id, step, severity, code, object, count, message, hint)
	SELECT mig, 'run', 'info', 'ADOPTED', o.name, count(*),
		   format('%s record(s) that Twenty had already are taken for the same; their blanks are filled, nothing in them is overwritten', count(*)),
		   format('SELECT record_id, target_id FROM flitmig.adoption WHERE object_map_id = %s;', o.id)
	FROM flitmig.adoption a JOIN flitmig.object_map o ON o.id = a.object_map_id
	WHERE a.migration_id = mig
	GROUP BY o.id, o.name;
	INSERT INTO flitmig.finding (migration_id, step, severity, code, object, count, places, message, hint)
	SELECT mig, 'run', 'warning', q.code, o.name, count(*),
		   flitmig._places(mig, (array_agg(r.file_id ORDER BY r.sequence))[1:5], (array_agg(r.line_no ORDER BY r.sequence))[1:5]),
		   format('%s record(s) are set aside: %s', count(*), min(q.reason)),
		   CASE q.code WHEN 'ADOPT_AMBIGUOUS' THEN 'Merge the duplicates in Twenty or in the source, then run again.'
					   WHEN 'ADOPT_TRASHED' THEN 'Restore the record in Twenty to have it adopted, or destroy it to have a new one made, then run again.'
					   ELSE 'If it is the same person, correct the name or date on one side; if not, one of them needs another e-mail address. Then run again.' END
	FROM flitmig.quarantine q
	JOIN flitmig.record r ON r.migration_id = mig AND r.id = q.id
	JOIN flitmig.object_map o ON o.id = q.object_map_id
	WHERE q.migration_id = mig AND q.code IN ('ADOPT_AMBIGUOUS', 'ADOPT_CONTRADICTS', 'ADOPT_TRASHED')
	GROUP BY q.code, o.id, o.name;
$$;
COMMENT ON FUNCTION flitmig._find_adopted(bigint, integer) IS 'Findings: how many records were adopted, and which doubtful ones were not';

/* ---- the way back ---- */

/* Ids that a rollback gives back: nothing of ours is left in them. */
CREATE FUNCTION flitmig._given_back(this_run bigint) RETURNS TABLE (id uuid)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT DISTINCT i.id
	FROM flitmig._undo_scope(this_run) u CROSS JOIN LATERAL unnest(u.ids) AS x(id)
	JOIN flitmig.rollback_item i ON i.run_id = this_run AND i.id = x.id
	WHERE u.action = 'adopt' AND i.state IN ('restored', 'absent')
$$;
COMMENT ON FUNCTION flitmig._given_back(bigint) IS 'Adopted records that a rollback has restored';

CREATE FUNCTION flitmig._forget_adopted(this_run bigint, mig integer) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	UPDATE flitmig.record r SET id = a.record_id
	FROM flitmig.adoption a JOIN flitmig._given_back(this_run) g ON g.id = a.target_id
	WHERE a.migration_id = mig AND r.migration_id = mig AND r.id = a.target_id;
	DELETE FROM flitmig.base s USING flitmig._given_back(this_run) g WHERE s.migration_id = mig AND s.id = g.id;
	DELETE FROM flitmig.conflict c USING flitmig._given_back(this_run) g WHERE c.migration_id = mig AND c.id = g.id;
	DELETE FROM flitmig.quarantine q USING flitmig._given_back(this_run) g WHERE q.migration_id = mig AND q.id = g.id;
	DELETE FROM flitmig.adoption a USING flitmig._given_back(this_run) g WHERE a.migration_id = mig AND a.target_id = g.id;
$$;
COMMENT ON FUNCTION flitmig._forget_adopted(bigint, integer) IS 'Records that were given back are no longer ours; ours go by their own ids again';

/*
 * Our updates are told on the timeline of a record that was there before us
 * and stays: those activities, made since it was adopted by no workspace
 * member and about nothing but fields that we filled, are removed.
 */
CREATE FUNCTION flitmig._plan_untold(this_run bigint, mig integer, phase text) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, purpose, object, ids)
	SELECT this_run, mig, _plan_untold.phase, 'timeline', 'told', t.object, array_agg(t.id ORDER BY t.id)
	FROM (SELECT i.object, i.id, row_number() OVER (PARTITION BY i.object ORDER BY i.id) AS n
		  FROM flitmig._given_back(this_run) g JOIN flitmig.rollback_item i ON i.run_id = this_run AND i.id = g.id
		  WHERE i.state = 'restored' AND flitmig._told_column(mig, i.object) IS NOT NULL) t
	GROUP BY t.object, (t.n - 1) / 100;
	/* Twenty's worker writes activities a moment after the change (TWENTY.md 5) */
	RETURN CASE WHEN FOUND THEN 2000 ELSE 0 END;
END
$$;
COMMENT ON FUNCTION flitmig._plan_untold(bigint, integer, text) IS 'Plans the removal of activities that tell of our updates of adopted records; returns how long to hold before (ms)';

CREATE FUNCTION flitmig._open_told(b flitmig.batch, OUT path text, OUT body text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	col text := flitmig._identifier(flitmig._told_column(b.migration_id, b.object));
	root text := flitmig._api_name(b.migration_id, 'timelineActivity', true);
	about jsonb := jsonb_build_object(col, jsonb_build_object('in', to_jsonb(b.ids)));
BEGIN
	path := '/graphql';
	IF b.purpose = 'told' THEN
		body := flitmig._call(format('query($f:TimelineActivityFilterInput){%s(filter:$f,first:200){totalCount edges{node{id createdAt workspaceMemberId properties %s}}}}', root, col),
							  jsonb_build_object('f', jsonb_build_object('and', jsonb_build_array(about,
								jsonb_build_object('name', jsonb_build_object('eq', b.object || '.updated')), '{"workspaceMemberId": {"is": "NULL"}}'::jsonb,
								jsonb_build_object('createdAt', jsonb_build_object('gte', (SELECT min(a.since) FROM flitmig.adoption a WHERE a.migration_id = b.migration_id AND a.target_id = ANY (b.ids))))))));
	ELSE
		IF coalesce(jsonb_array_length(b.detail -> 'activities'), 0) = 0 OR cardinality(b.ids) = 0 THEN
			RAISE EXCEPTION 'a removal of activities must list its ids' USING ERRCODE = 'internal_error';
		END IF;
		body := flitmig._call(format('mutation($f:TimelineActivityFilterInput!){destroy%s(filter:$f){id}}', flitmig._capital(root)),
							  jsonb_build_object('f', jsonb_build_object('and', jsonb_build_array(about, jsonb_build_object('id', jsonb_build_object('in', b.detail -> 'activities'))))));
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._open_told(flitmig.batch) IS 'Builds the read of activities about adopted records, or the removal of those that tell of our updates';

CREATE FUNCTION flitmig._stored_told(b flitmig.batch, body jsonb) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	ours uuid[];
BEGIN
	IF b.purpose = 'untell' THEN
		UPDATE flitmig.batch SET stored = (SELECT count(*) FROM flitmig._answer_records(body)) WHERE id = b.id;
		RETURN;
	END IF;
	SELECT array_agg(a.id) INTO ours
	FROM flitmig._answer_records(body) a
	JOIN flitmig.adoption o ON o.migration_id = b.migration_id AND o.target_id = (a.doc ->> flitmig._told_column(b.migration_id, b.object))::uuid
	WHERE (a.doc ->> 'createdAt')::timestamptz >= o.since AND jsonb_typeof(a.doc #> '{properties,diff}') = 'object'
	  AND NOT EXISTS (SELECT FROM jsonb_object_keys(a.doc #> '{properties,diff}') k(key)
					  WHERE NOT EXISTS (SELECT FROM flitmig.undo u
										WHERE u.migration_id = b.migration_id AND u.action IN ('adopt', 'update') AND o.target_id = ANY (u.ids)
										  AND (u.before -> o.target_id::text) ?| ARRAY[k.key, k.key || 'Id']));
	IF ours IS NOT NULL AND b.attempts < 6 THEN
		INSERT INTO flitmig.batch (run_id, migration_id, phase, kind, purpose, object, position, ids, detail)
		VALUES (b.run_id, b.migration_id, b.phase, 'timeline', 'untell', b.object, b.position - 1, b.ids, jsonb_build_object('activities', to_jsonb(ours)));
		/* and look again: until none is left */
		UPDATE flitmig.batch SET state = 'planned' WHERE id = b.id;
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._stored_told(flitmig.batch, jsonb) IS 'Plans the removal of the activities that are ours, and another look';
