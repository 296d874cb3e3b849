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
		CASE WHEN r.total > 0 THEN round(100.0 * least(r.done, r.total) / r.total, 1) END AS percent,
		r.calls, r.refusals,
		round(t.rate::numeric, 1) AS rate,
		round((r.calls / t.seconds * 60)::numeric, 1) AS calls_per_minute,
		l.max_tokens AS call_limit,
		make_interval(secs => l.window_ms / 1000.0) AS call_window,
		CASE WHEN r.state = 'running' AND a.pid IS NOT NULL AND t.rate > 0 AND r.total > r.done
			THEN make_interval(secs => ceil((r.total - r.done) / t.rate)) END AS eta,
		date_trunc('second', make_interval(secs => t.seconds)) AS elapsed,
		r.requested_by, r.started_at, r.updated_at, r.finished_at,
		r.error OPERATOR(pg_catalog.->>) 'message' AS error
	FROM flitmig.migration m
	LEFT JOIN LATERAL (
		SELECT * FROM flitmig.run r WHERE r.migration_id = m.id
		ORDER BY r.id DESC LIMIT 1) r ON true
	LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = r.worker_pid
	LEFT JOIN flitmig.server_limit l ON l.server = m.server
	LEFT JOIN LATERAL (
		SELECT s.seconds, r.done / s.seconds AS rate
		FROM (SELECT greatest(extract(epoch FROM COALESCE(r.finished_at, clock_timestamp()) - r.started_at)::float8, 0.001) AS seconds) s
	) t ON r.started_at IS NOT NULL
	WHERE flitmig._may_see(m.owner);
COMMENT ON VIEW flitmig.progress IS 'The newest run of each migration, live: state, phase, done of total, records a second, calls, time left. Made for \watch';

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
COMMENT ON VIEW flitmig.balance IS 'Nothing lost, in numbers, per object map: rows_read = filtered + blank_keys + duplicates + mapped, and mapped = excluded + stored + unchanged + quarantined + held + conflict; difference is what is missing and is 0 after a finished run';
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

CREATE TYPE flitmig.status AS (
	migration text, kind text, state text, phase text, done bigint, total bigint, percent numeric, rate numeric, eta interval, elapsed interval, calls bigint, error text);
COMMENT ON TYPE flitmig.status IS 'The columns of flitmig.progress that fit into a terminal';

CREATE FUNCTION @extschema@.flitmig_status(migration text DEFAULT NULL)
RETURNS SETOF flitmig.status LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF migration IS NOT NULL THEN
		PERFORM flitmig._migration_row(migration);
	END IF;
	RETURN QUERY
	SELECT p.migration, p.kind, p.state, p.phase, p.done, p.total, p.percent, p.rate, p.eta, p.elapsed, p.calls, p.error
	FROM flitmig.progress p
	WHERE flitmig_status.migration IS NULL OR p.migration = flitmig_status.migration
	ORDER BY p.migration;
END $$;
COMMENT ON FUNCTION @extschema@.flitmig_status(text) IS 'State, phase, progress and time left of the newest run of a migration (NULL: of each); live while another session runs. flitmig.progress has more columns';
