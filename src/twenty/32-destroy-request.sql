/*
 * destroy requests.  destroyPeople(filter: {}) destroys everything
 * (TWENTY.md 9), so nothing here builds a filter that is not a list of ids,
 * and every id must stand in the undo log as created by this migration.
 */

/*
 * Each destroy call of a rollback asks this of 2,000 ids, and the log names as
 * many as were ever sent: both are gone through once, the call's own in a hash
 * table.  _batch_next, whose plans are index joins alone, must not forbid it:
 * id by id this took 13 s for a log of 200,000.
 */
CREATE FUNCTION flitmig._assert_ours(mig integer, object text, ids uuid[], logged_as text[] DEFAULT '{create}') RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_hashjoin = on
AS $$
DECLARE
	foreign_ids bigint;
BEGIN
	IF coalesce(cardinality(ids), 0) = 0 OR array_position(ids, NULL) IS NOT NULL THEN
		RAISE EXCEPTION 'a destroy of object "%" must list its ids', object
			USING ERRCODE = 'internal_error', DETAIL = 'The list is empty or holds NULL; an empty filter would destroy every record.';
	END IF;
	SELECT (SELECT count(DISTINCT i.id) FROM unnest(ids) AS i(id)) - count(DISTINCT logged.id) INTO foreign_ids
	FROM (SELECT unnest(u.ids) AS id FROM flitmig.undo u
		  WHERE u.migration_id = mig AND u.action = ANY (logged_as) AND u.object = _assert_ours.object AND u.undone_by IS NULL) logged
	WHERE logged.id IN (SELECT i.id FROM unnest(ids) AS i(id));
	IF foreign_ids > 0 THEN
		RAISE EXCEPTION 'refused to destroy % records of object "%" that this migration did not create', foreign_ids, object
			USING ERRCODE = 'internal_error', DETAIL = 'Their ids are not in the undo log (flitmig.undo).';
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._assert_ours(integer, text, uuid[], text[]) IS 'Error unless every id is logged in flitmig.undo as created by this migration (or as logged_as says) and not undone';

/* By their index: an update of a million records asks this five thousand times. */
CREATE FUNCTION flitmig._assert_stored(mig integer, object text, ids uuid[]) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF coalesce(cardinality(ids), 0) = 0 OR array_position(ids, NULL) IS NOT NULL THEN
		RAISE EXCEPTION 'a change of object "%" must list its ids', object
			USING ERRCODE = 'internal_error', DETAIL = 'The list is empty or holds NULL; an empty filter would mean every record.';
	ELSIF EXISTS (SELECT FROM unnest(ids) AS i(id)
				  WHERE NOT EXISTS (SELECT FROM flitmig.base s WHERE s.migration_id = mig AND s.id = i.id AND s.object = _assert_stored.object)) THEN
		RAISE EXCEPTION 'refused to change records of object "%" that this migration has neither created nor adopted', object
			USING ERRCODE = 'internal_error', DETAIL = 'They are not in flitmig.base.';
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._assert_stored(integer, text, uuid[]) IS 'Error unless every id is one of a record that this migration has created or adopted (flitmig.base)';

CREATE FUNCTION flitmig._destroy_request(mig integer, object text, ids uuid[], OUT path text, OUT body jsonb, OUT root text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM flitmig._assert_ours(mig, object, ids);
	path := '/graphql';
	root := 'destroy' || flitmig._capital(flitmig._api_name(mig, object, true));
	body := flitmig._call(format('mutation($f:%sFilterInput!){%s(filter:$f){id}}', flitmig._capital(flitmig._api_name(mig, object)), root),
						  jsonb_build_object('f', jsonb_build_object('id', jsonb_build_object('in', to_jsonb(ids)))));
END
$$;
COMMENT ON FUNCTION flitmig._destroy_request(integer, text, uuid[]) IS 'Call that destroys records by id; error when an id is not ours, or there is none';

/* Activities that point at our records, or tell of them on someone else's page (a linked note). */
CREATE FUNCTION flitmig._timeline_filter(mig integer, object text, ids uuid[]) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns text[];
BEGIN
	PERFORM flitmig._assert_ours(mig, object, ids);
	SELECT array_agg(c.name ORDER BY c.rank) INTO columns
	FROM (SELECT 0, flitmig._identifier(f.join_column)
		  FROM flitmig.live_field f
		  WHERE f.migration_id = mig AND f.object = 'timelineActivity' AND f.relation_object = _timeline_filter.object AND f.join_column IS NOT NULL
		  UNION ALL
		  SELECT 1, f.name
		  FROM flitmig.live_field f
		  WHERE f.migration_id = mig AND f.object = 'timelineActivity' AND f.name = 'linkedRecordId') AS c(rank, name);
	IF columns IS NULL THEN
		RAISE EXCEPTION 'timeline activities of the server do not point at object "%"', object
			USING ERRCODE = 'undefined_column';
	END IF;
	RETURN CASE cardinality(columns)
		WHEN 1 THEN jsonb_build_object(columns[1], jsonb_build_object('in', to_jsonb(ids)))
		ELSE jsonb_build_object('or', (SELECT jsonb_agg(jsonb_build_object(c, jsonb_build_object('in', to_jsonb(ids)))) FROM unnest(columns) c))
	END;
END
$$;
COMMENT ON FUNCTION flitmig._timeline_filter(integer, text, uuid[]) IS 'Filter of the timeline activities about these records of ours';

CREATE FUNCTION flitmig._timeline_read_request(mig integer, object text, ids uuid[], OUT path text, OUT body jsonb, OUT root text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	path := '/graphql';
	root := flitmig._api_name(mig, 'timelineActivity', true);
	body := flitmig._call(format('query($f:TimelineActivityFilterInput){%s(filter:$f,first:200){totalCount edges{node{id name}}}}', root),
						  jsonb_build_object('f', flitmig._timeline_filter(mig, object, ids)));
END
$$;
COMMENT ON FUNCTION flitmig._timeline_read_request(integer, text, uuid[]) IS 'Call that lists the timeline activities about these records';

CREATE FUNCTION flitmig._timeline_destroy_request(mig integer, object text, ids uuid[], OUT path text, OUT body jsonb, OUT root text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	path := '/graphql';
	root := 'destroy' || flitmig._capital(flitmig._api_name(mig, 'timelineActivity', true));
	body := flitmig._call(format('mutation($f:TimelineActivityFilterInput!){%s(filter:$f){id}}', root),
						  jsonb_build_object('f', flitmig._timeline_filter(mig, object, ids)));
END
$$;
COMMENT ON FUNCTION flitmig._timeline_destroy_request(integer, text, uuid[]) IS 'Call that destroys the timeline activities about these records of ours; the answer lists the ids it found';

CREATE FUNCTION flitmig._trash_request(mig integer, object text, ids uuid[], back boolean, logged_as text[] DEFAULT '{create}', OUT path text, OUT body jsonb, OUT root text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM flitmig._assert_ours(mig, object, ids, logged_as);
	path := '/graphql';
	root := CASE WHEN back THEN 'restore' ELSE 'delete' END || flitmig._capital(flitmig._api_name(mig, object, true));
	body := flitmig._call(format('mutation($f:%sFilterInput!){%s(filter:$f){id deletedAt updatedAt}}', flitmig._capital(flitmig._api_name(mig, object)), root),
						  jsonb_build_object('f', jsonb_build_object('id', jsonb_build_object('in', to_jsonb(ids)))));
END
$$;
COMMENT ON FUNCTION flitmig._trash_request(integer, text, uuid[], boolean, text[]) IS 'Call that puts records of ours in the trash by id, or takes them out of it; error when an id is not ours, or there is none';
