/* mapping: which object map goes before which. */

/*
 * A relation's column is what the live schema says. Before flitmig_prepare has
 * made it, its name can be told by Twenty's rule; live is false then.
 */
CREATE FUNCTION flitmig._relation(mig integer, object text, field text)
RETURNS TABLE (payload_key text, relation_object text, live boolean) LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	target	text := substr(_relation.field, 2);
BEGIN
	IF _relation.field LIKE '!%' THEN			-- must exist, is not sent
		RETURN QUERY SELECT NULL::text, NULL::text, true;
	ELSIF _relation.field LIKE '@%' THEN
		RETURN QUERY
		SELECT l.join_column, l.relation_object, true
		FROM flitmig.live_field l
		WHERE l.migration_id = mig AND l.object = _relation.object AND l.relation_object = target AND l.join_column IS NOT NULL AND l.is_active
		ORDER BY l.name = 'target' || flitmig._capital(target) DESC, l.name = target DESC, l.name
		LIMIT 1;
		IF NOT FOUND THEN
			RETURN QUERY
			SELECT CASE WHEN count(*) FILTER (WHERE l.name = 'target' || flitmig._capital(l.relation_object)) > 0
						THEN 'target' || flitmig._capital(target) ELSE target END || 'Id', target, false
			FROM flitmig.live_field l
			WHERE l.migration_id = mig AND l.object = _relation.object AND l.join_column IS NOT NULL;
		END IF;
	ELSE
		RETURN QUERY
		SELECT l.join_column, l.relation_object, true
		FROM flitmig.live_field l
		WHERE l.migration_id = mig AND l.object = _relation.object AND l.name = _relation.field AND l.join_column IS NOT NULL AND l.is_active;
		IF NOT FOUND THEN
			RETURN QUERY
			SELECT _relation.field || 'Id',
				(SELECT t.relation_object FROM flitmig.target_field t
				 WHERE t.migration_id = mig AND t.object = _relation.object AND t.name = _relation.field), false;
		END IF;
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._relation(mig integer, object text, field text) IS 'The payload key of a relation, the object it points at, and whether the server has it already';

CREATE FUNCTION flitmig._reference_edges(mig integer)
RETURNS jsonb LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(jsonb_agg(jsonb_build_object('from', e.a, 'to', e.b, 'n', e.n, 'must', e.must)), '[]')
	FROM (SELECT o.id AS a, r.id AS b, count(*) AS n, count(*) FILTER (WHERE f.on_missing = 'exclude') AS must
		  FROM flitmig.object_map o
		  JOIN flitmig.field_map f ON f.object_map_id = o.id AND f.kind = 'relation'
		  CROSS JOIN LATERAL unnest(string_to_array(f.reference, '|')) ref
		  JOIN flitmig.object_map r ON r.migration_id = mig AND r.name = ref AND r.id <> o.id
		  WHERE o.migration_id = mig GROUP BY 1, 2) e
$$;
COMMENT ON FUNCTION flitmig._reference_edges(mig integer) IS 'Which map''s fields point at records of which other map: n, how many do; must, how many of them cannot be missing';

CREATE FUNCTION flitmig._order_wishes(mig integer)
RETURNS jsonb LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_object('from', o.id, 'to', r.id)), '[]')
	FROM flitmig.object_map o
	JOIN flitmig.live_field l ON l.migration_id = mig AND l.object = o.object AND l.join_column IS NOT NULL AND l.relation_object <> 'workspaceMember'
	JOIN flitmig.object_map r ON r.migration_id = mig AND r.object = l.relation_object AND r.object <> o.object
	WHERE o.migration_id = mig
$$;
COMMENT ON FUNCTION flitmig._order_wishes(mig integer) IS 'Which map''s object may point at which other''s by the live schema, though no field does';

/*
 * The next map is one that waits for nothing. When there is none, it is one
 * of a cycle that waits for nothing but itself, where the fewest fields
 * have to come in a second pass.
 */
CREATE FUNCTION flitmig._next_map(mig integer, placed integer[], edges jsonb, wishes jsonb, OUT id integer, OUT name text, OUT forward bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	WITH RECURSIVE edge AS (
		SELECT e.* FROM jsonb_to_recordset(edges) e("from" integer, "to" integer, n integer, must integer)
		WHERE NOT e."from" = ANY (placed) AND NOT e."to" = ANY (placed)),
	reach AS (
		SELECT e."from" AS a, e."to" AS b FROM edge e
		UNION
		SELECT r.a, e."to" FROM reach r JOIN edge e ON e."from" = r.b)
	SELECT o.id, o.name, coalesce(h.n, 0)
	FROM flitmig.object_map o
	LEFT JOIN (SELECT e."from" AS id, sum(e.n) AS n, sum(e.must) AS must FROM edge e GROUP BY 1) h ON h.id = o.id
	LEFT JOIN (SELECT w."from" AS id, count(*) AS n FROM jsonb_to_recordset(wishes) w("from" integer, "to" integer) WHERE NOT w."to" = ANY (placed) GROUP BY 1) w ON w.id = o.id
	WHERE o.migration_id = mig AND NOT o.id = ANY (placed)
		AND NOT EXISTS (SELECT FROM reach r WHERE r.a = o.id AND NOT EXISTS (SELECT FROM reach back WHERE back.a = r.b AND back.b = o.id))
	ORDER BY coalesce(h.must, 0), coalesce(h.n, 0), coalesce(w.n, 0), o.id LIMIT 1
$$;
COMMENT ON FUNCTION flitmig._next_map(mig integer, placed integer[], edges jsonb, wishes jsonb) IS 'The map that comes after those that are placed; forward: how many of its fields point at maps that are not';

CREATE FUNCTION flitmig._defer_fields(mig integer)
RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$
	DELETE FROM flitmig.deferred_field d WHERE d.migration_id = mig;
	INSERT INTO flitmig.deferred_field (migration_id, object_map_id, field)
	SELECT DISTINCT mig, o.id, k.payload_key
	FROM flitmig.object_map o
	JOIN flitmig.field_map f ON f.object_map_id = o.id AND f.kind = 'relation'
	CROSS JOIN LATERAL unnest(string_to_array(f.reference, '|')) ref
	JOIN flitmig.object_map r ON r.migration_id = mig AND r.name = ref AND r.position >= o.position
	CROSS JOIN LATERAL flitmig._relation(mig, o.object, f.field) k
	WHERE o.migration_id = mig AND k.payload_key IS NOT NULL;
$$;
COMMENT ON FUNCTION flitmig._defer_fields(mig integer) IS 'Notes the fields that point forward: at a map that comes later, or at records of the same map';

CREATE FUNCTION flitmig._order(mig integer)
RETURNS TABLE (object_map_id integer, field text) LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	maps		integer := (SELECT count(*) FROM flitmig.object_map o WHERE o.migration_id = mig);
	edges		jsonb := flitmig._reference_edges(mig);
	wishes		jsonb := flitmig._order_wishes(mig);
	placed		integer[] := '{}';
	next_map	record;
	cyclic		text[] := '{}';
BEGIN
	WHILE cardinality(placed) < maps LOOP
		SELECT * INTO next_map FROM flitmig._next_map(mig, placed, edges, wishes);
		placed := placed || next_map.id;
		IF next_map.forward > 0 THEN
			cyclic := cyclic || next_map.name;
		END IF;
	END LOOP;

	UPDATE flitmig.object_map o SET position = p.n
	FROM unnest(placed) WITH ORDINALITY p(id, n)
	WHERE o.id = p.id AND o.position IS DISTINCT FROM p.n;

	DELETE FROM flitmig.finding f WHERE f.migration_id = mig AND f.step = 'map' AND f.code = 'REFERENCE_CYCLE';
	INSERT INTO flitmig.finding (migration_id, step, severity, code, object, count, message, hint)
	SELECT mig, 'map', 'info', 'REFERENCE_CYCLE', n, 1, format('%s points at records that come after it', n), 'Nothing to do: these fields are sent in a second pass.'
	FROM unnest(cyclic) n;

	PERFORM flitmig._defer_fields(mig);
	RETURN QUERY SELECT d.object_map_id, d.field FROM flitmig.deferred_field d WHERE d.migration_id = mig ORDER BY 1, 2;
END
$$;
COMMENT ON FUNCTION flitmig._order(mig integer) IS 'Sets object_map.position so that records come after what they point at; returns the fields that still point forward';
