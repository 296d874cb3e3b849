/*
 * sample: what a run sets out to send; of a sample, which records.
 */

CREATE FUNCTION flitmig._plan_map(this_run bigint, mig integer) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM flitmig._map(mig);
	PERFORM flitmig._count_planned(this_run, mig);
END
$$;
COMMENT ON FUNCTION flitmig._plan_map(bigint, integer) IS 'Recomputes the records';

CREATE FUNCTION flitmig._count_planned(this_run bigint, mig integer) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	r flitmig.run;
BEGIN
	SELECT * INTO STRICT r FROM flitmig.run WHERE id = this_run;
	IF r.kind = 'sample' THEN
		PERFORM flitmig._choose_sample(mig, coalesce((r.options ->> 'size')::integer, 300));
	END IF;
	DELETE FROM flitmig.run_object p WHERE p.run_id = this_run;
	INSERT INTO flitmig.run_object (run_id, object_map_id, planned, unchanged, again)
	SELECT this_run, o.id,
		   count(c.id) FILTER (WHERE b.id IS NULL OR b.hash <> c.hash),
		   count(c.id) FILTER (WHERE b.hash = c.hash),
		   count(c.id) FILTER (WHERE b.id IS NULL AND d.fields <> '{}' AND c.payload ?| d.fields)
	FROM flitmig.object_map o
	CROSS JOIN LATERAL (SELECT ARRAY(SELECT f.field FROM flitmig.deferred_field f WHERE f.object_map_id = o.id) AS fields) d
	LEFT JOIN flitmig.record c ON c.object_map_id = o.id AND c.state = 'mapped'
		AND (r.kind <> 'sample' OR EXISTS (SELECT FROM flitmig.sample_record s WHERE s.migration_id = mig AND s.id = c.id))
	LEFT JOIN flitmig.base b ON b.migration_id = mig AND b.id = c.id
	WHERE o.migration_id = mig
	GROUP BY o.id;
	UPDATE flitmig.run SET total = (SELECT sum(p.planned) FROM flitmig.run_object p WHERE p.run_id = this_run) WHERE id = this_run;
END
$$;
COMMENT ON FUNCTION flitmig._count_planned(bigint, integer) IS 'Chooses the slice when a sample runs, and counts what the run sets out to send';

/*
 * The slice: some records of the object map that most others point at (the
 * patients), spread by hash, then everything that points at them, then
 * everything that those point at.
 */
CREATE FUNCTION flitmig._choose_sample(mig integer, size integer) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	root integer;
	roots integer;
BEGIN
	DELETE FROM flitmig.sample_record WHERE migration_id = mig;
	SELECT p.object_map_id INTO root
	FROM flitmig.record c, unnest(c.refs) AS ref(id)
	JOIN flitmig.record p ON p.migration_id = mig AND p.id = ref.id
	WHERE c.migration_id = mig AND c.state = 'mapped'
	GROUP BY p.object_map_id ORDER BY count(DISTINCT c.object_map_id) DESC, count(*) DESC LIMIT 1;
	/* as many roots as make the slice about as large as asked for */
	SELECT greatest(1, ceil(size::numeric * count(*) FILTER (WHERE r.object_map_id = root OR root IS NULL) / greatest(count(*), 1))) INTO roots
	FROM flitmig.record r WHERE r.migration_id = mig AND r.state = 'mapped';
	WITH RECURSIVE edge AS MATERIALIZED (
		SELECT c.id AS child, ref.id AS parent, c.object_map_id
		FROM flitmig.record c, unnest(c.refs) AS ref(id)
		WHERE c.migration_id = mig AND c.state = 'mapped'),
	seed AS (
		SELECT r.id FROM flitmig.record r
		WHERE r.migration_id = mig AND r.state = 'mapped' AND (r.object_map_id = root OR root IS NULL)
		ORDER BY hashtextextended(r.id::text, 1) LIMIT roots),
	one_each AS (	/* every kind of record shows itself, also those that nothing ties to a patient */
		SELECT DISTINCT ON (r.object_map_id) r.id FROM flitmig.record r
		WHERE r.migration_id = mig AND r.state = 'mapped'
		ORDER BY r.object_map_id, hashtextextended(r.id::text, 1)),
	down AS (
		SELECT id FROM seed
		UNION
		SELECT e.child FROM down d JOIN edge e ON e.parent = d.id),
	up AS (
		SELECT id FROM down
		UNION
		SELECT id FROM one_each
		UNION
		SELECT e.parent FROM up u JOIN edge e ON e.child = u.id)
	INSERT INTO flitmig.sample_record (migration_id, id)
	SELECT mig, u.id FROM up u JOIN flitmig.record r ON r.migration_id = mig AND r.id = u.id AND r.state = 'mapped';
END
$$;
COMMENT ON FUNCTION flitmig._choose_sample(integer, integer) IS 'Chooses a slice of about so many records that is closed under its relations';
