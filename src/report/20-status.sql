/* status: where a migration stands, how fast it goes, and whether anything is missing. */

/* The name is looked up first: in one statement, row security may leave no row for which the look-up, and its error, would be asked. */
CREATE FUNCTION flitmig._migration_row(migration text)
RETURNS flitmig.migration LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	wanted	integer := flitmig._migration_id(migration);
	found	flitmig.migration;
BEGIN
	SELECT * INTO found FROM flitmig.migration m WHERE m.id = wanted;
	RETURN found;
END
$$;
COMMENT ON FUNCTION flitmig._migration_row(text) IS 'The migration of that name, or an error that lists the names there are';

CREATE VIEW flitmig.progress AS
	SELECT m.name AS migration, r.id AS run, r.kind,
		/* A worker that is no longer there did not finish. */
		CASE WHEN r.state = 'running' AND a.pid IS NULL THEN 'interrupted' ELSE r.state END AS state,
		r.phase, r.done, r.total,
		CASE WHEN r.state = 'done' THEN 100.0 WHEN w.total > 0 THEN least(99.9, round(100.0 * w.done / w.total, 1)) END AS percent,
		r.calls, r.refusals,
		round(t.rate::numeric, 1) AS rate,
		round((r.calls / t.seconds * 60)::numeric, 1) AS calls_per_minute,
		l.max_tokens AS call_limit,
		make_interval(secs => l.window_ms / 1000.0) AS call_window,
		CASE WHEN a.pid IS NOT NULL THEN flitmig._time_left(r) END AS eta,
		date_trunc('second', make_interval(secs => t.seconds)) AS elapsed,
		r.requested_by, r.started_at, r.updated_at, r.finished_at,
		r.error OPERATOR(pg_catalog.->>) 'message' AS error,
		w.done AS phase_done, w.total AS phase_total, w.unit
	FROM flitmig.migration m
	LEFT JOIN flitmig.run r ON r.id = (SELECT max(n.id) FROM flitmig.run n WHERE n.migration_id = m.id)
	LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = r.worker_pid
	LEFT JOIN flitmig.server_limit l ON l.server = m.server
	LEFT JOIN LATERAL flitmig._phase_work(r) w ON r.state <> 'done'
	LEFT JOIN LATERAL (
		SELECT s.seconds, r.done / s.seconds AS rate
		FROM (SELECT greatest(extract(epoch FROM COALESCE(r.finished_at, clock_timestamp()) - r.started_at)::float8, 0.001) AS seconds) s
	) t ON r.started_at IS NOT NULL
	WHERE flitmig._may_see(m.owner);
COMMENT ON VIEW flitmig.progress IS 'The newest run of each migration, live: state, phase, done of total, records a second, calls, time left. Wide: read it with \x, or flitmig_status, which fits a terminal';

CREATE VIEW flitmig.balance AS
	WITH last_run AS (
		SELECT migration_id, max(started_at) AS started_at FROM flitmig.run WHERE kind IN ('run', 'delta') GROUP BY migration_id
	), fate AS (
		/* Every record has one fate; the first that holds counts. */
		SELECT r.object_map_id,
			CASE
				WHEN r.state = 'gone' THEN 'gone'
				WHEN r.state = 'excluded' THEN 'excluded'
				WHEN q.kind = 'held' THEN 'held'
				WHEN q.id IS NOT NULL THEN 'quarantined'
				WHEN c.id IS NOT NULL THEN 'conflict'
				WHEN b.hash = r.hash AND b.stored_at >= COALESCE(l.started_at, '-infinity') THEN 'stored'
				WHEN b.hash = r.hash THEN 'unchanged'
				ELSE 'missing'
			END AS fate
		FROM flitmig.record r
		LEFT JOIN last_run l ON l.migration_id = r.migration_id
		LEFT JOIN flitmig.base b ON b.migration_id = r.migration_id AND b.id = r.id
		LEFT JOIN flitmig.quarantine q ON q.migration_id = r.migration_id AND q.id = r.id
		LEFT JOIN (
			SELECT DISTINCT migration_id, id FROM flitmig.conflict
			WHERE kind IN ('both', 'trashed', 'missing')) c ON c.migration_id = r.migration_id AND c.id = r.id
	), sums AS (
		SELECT object_map_id,
			count(*) FILTER (WHERE fate <> 'gone') AS mapped,
			count(*) FILTER (WHERE fate = 'excluded') AS excluded,
			count(*) FILTER (WHERE fate = 'stored') AS stored,
			count(*) FILTER (WHERE fate = 'unchanged') AS unchanged,
			count(*) FILTER (WHERE fate = 'quarantined') AS quarantined,
			count(*) FILTER (WHERE fate = 'held') AS held,
			count(*) FILTER (WHERE fate = 'conflict') AS conflict,
			count(*) FILTER (WHERE fate = 'gone') AS gone,
			count(*) FILTER (WHERE fate = 'missing') AS missing
		FROM fate GROUP BY object_map_id
	)
	SELECT m.name AS migration, o.name AS object_map, o.object,
		COALESCE(n.rows_read, 0) AS rows_read,
		COALESCE(n.filtered, 0) AS filtered,
		COALESCE(n.blank_keys, 0) AS blank_keys,
		COALESCE(n.duplicate_keys, 0) AS duplicates,
		COALESCE(s.mapped, 0) AS mapped,
		COALESCE(s.excluded, 0) AS excluded,
		COALESCE(s.stored, 0) AS stored,
		COALESCE(s.unchanged, 0) AS unchanged,
		COALESCE(s.quarantined, 0) AS quarantined,
		COALESCE(s.held, 0) AS held,
		COALESCE(s.conflict, 0) AS conflict,
		COALESCE(s.gone, 0) AS gone,
		/* Rows that became no record, and records that came to no end. */
		abs(COALESCE(n.rows_read - n.filtered - n.blank_keys - n.duplicate_keys, s.mapped, 0) - COALESCE(s.mapped, 0))
			+ COALESCE(s.missing, 0) AS difference
	FROM flitmig.object_map o
	JOIN flitmig.migration m ON m.id = o.migration_id
	LEFT JOIN flitmig.map_count n ON n.object_map_id = o.id
	LEFT JOIN sums s ON s.object_map_id = o.id
	WHERE flitmig._may_see(m.owner)
	ORDER BY m.name, o.position, o.id;
COMMENT ON VIEW flitmig.balance IS 'Nothing lost, in numbers, per object map: rows_read = filtered + blank_keys + duplicates + mapped, and mapped = excluded + stored + unchanged + quarantined + held + conflict; difference is what is missing and is 0 after a finished run. Wide: flitmig_balance fits a terminal';
COMMENT ON COLUMN flitmig.balance.filtered IS 'Rows that the mapping''s filter does not want as records';
COMMENT ON COLUMN flitmig.balance.duplicates IS 'Rows whose source key another row of the same map already has; the first one counts';
COMMENT ON COLUMN flitmig.balance.stored IS 'Stored in Twenty, as mapped, by the newest full run (before there is one: by the sample)';
COMMENT ON COLUMN flitmig.balance.unchanged IS 'Stored in Twenty, as mapped, by an earlier run (the sample too): the newest had nothing to send';
COMMENT ON COLUMN flitmig.balance.held IS 'Not tried, because a record they point at is in quarantine';
COMMENT ON COLUMN flitmig.balance.gone IS 'Records whose row is no longer in the newest export; not part of mapped';
COMMENT ON COLUMN flitmig.balance.difference IS 'Rows that became no record, and records without an end. Before the full run and after a rollback: all that is not in Twenty';

CREATE VIEW flitmig.file_balance AS
	SELECT m.name AS migration, f.id AS file_id,
		/* A file may be named after a patient. */
		CASE WHEN flitmig._may_own(m.owner) THEN f.name END AS file, f.staging_table, f.rows_read, f.rows_loaded, f.rows_rejected,
		f.superseded_by IS NOT NULL AS superseded,
		f.rows_read - f.rows_loaded - f.rows_rejected AS difference
	FROM flitmig.source_file f
	JOIN flitmig.migration m ON m.id = f.migration_id
	WHERE flitmig._may_see(m.owner)
	ORDER BY m.name, f.id;
COMMENT ON VIEW flitmig.file_balance IS 'Nothing lost on the way in: per file rows_read = rows_loaded + rows_rejected; difference is 0';

/*
 * For people: the same in a terminal of 100 columns.  Views are for queries,
 * and have more columns than fit.
 */
CREATE TYPE flitmig.status AS (
	migration text, state text, phase text, done bigint, total bigint, percent numeric, rate numeric, eta interval);
COMMENT ON TYPE flitmig.status IS 'What flitmig_status shows, made for \watch in a terminal of 100 columns. phase: the run''s kind and what it is at, or why it failed; done, total, percent: what that phase counts (records, calls, files)';

CREATE FUNCTION @extschema@.flitmig_status(migration text DEFAULT NULL)
RETURNS SETOF flitmig.status LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF migration IS NOT NULL THEN
		PERFORM flitmig._migration_row(migration);
	END IF;
	RETURN QUERY
	SELECT flitmig._wrap(p.migration, 12), COALESCE(p.state, 'no run yet'),
		flitmig._wrap(concat_ws(': ', p.kind, CASE WHEN p.state <> 'done' THEN COALESCE(p.error, flitmig._phase_words(p.phase) || COALESCE(', ' || nullif(p.unit, 'records'), '')) END), 18),
		CASE WHEN p.phase_total > 0 THEN p.phase_done ELSE p.done END, CASE WHEN p.phase_total > 0 THEN p.phase_total ELSE p.total END,
		p.percent, p.rate, p.eta
	FROM flitmig.progress p
	WHERE flitmig_status.migration IS NULL OR p.migration = flitmig_status.migration
	ORDER BY p.migration;
END $$;
COMMENT ON FUNCTION @extschema@.flitmig_status(text) IS 'State, phase, progress and time left of the newest run of a migration (NULL: of each); live while another session runs: \watch it. flitmig.progress has more columns';

CREATE FUNCTION @extschema@.flitmig_balance(migration text)
RETURNS TABLE (object_map text, rows_read bigint, mapped bigint, in_twenty bigint, difference bigint, not_in_twenty text) LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	m	flitmig.migration := flitmig._migration_row(migration);
BEGIN
	RETURN QUERY
	WITH line AS (
		SELECT o.position AS place, o.id, b.object_map, b.rows_read, b.mapped, b.stored + b.unchanged AS there, b.difference,
			b.filtered, b.blank_keys, b.duplicates, b.excluded, b.quarantined, b.held, b.conflict, b.gone
		FROM flitmig.balance b JOIN flitmig.object_map o ON o.migration_id = m.id AND o.name = b.object_map
		WHERE b.migration = m.name
		UNION ALL
		SELECT NULL, NULL, 'TOTAL', sum(b.rows_read)::bigint, sum(b.mapped)::bigint, sum(b.stored + b.unchanged)::bigint, sum(b.difference)::bigint,
			sum(b.filtered)::bigint, sum(b.blank_keys)::bigint, sum(b.duplicates)::bigint, sum(b.excluded)::bigint, sum(b.quarantined)::bigint, sum(b.held)::bigint, sum(b.conflict)::bigint, sum(b.gone)::bigint
		FROM flitmig.balance b WHERE b.migration = m.name)
	SELECT flitmig._wrap(l.object_map, 24), l.rows_read, l.mapped, l.there, l.difference,
		flitmig._wrap((SELECT string_agg(format('%s %s', w.n, w.words), ', ' ORDER BY w.place) FROM (VALUES
			(1, l.filtered, 'filtered'), (2, l.blank_keys, 'without key'), (3, l.duplicates, 'duplicate'), (4, l.excluded, 'excluded'),
			(5, l.quarantined, 'quarantined'), (6, l.held, 'held'), (7, l.conflict, 'conflict')) AS w(place, n, words) WHERE w.n > 0), 28)
	FROM line l
	ORDER BY l.place, l.id;
END $$;
COMMENT ON FUNCTION @extschema@.flitmig_balance(text) IS 'Is it all there? Per object map what the export has, what of it is in Twenty, and where the rest is; difference is what is missing, 0 after a finished run. flitmig.balance has a column for each fate';
