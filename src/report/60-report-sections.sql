/*
 * report sections: what the migration report says, as tables. HTML, Markdown
 * and JSON are made from these rows, so they cannot disagree.
 *
 * A section has columns and rows (arrays of arrays) and the query that shows
 * the same in psql. Without with_values no column that can hold a patient's
 * value is even read.
 */

/* Stable: to_char goes by lc_numeric. */
CREATE FUNCTION flitmig._report_number(value numeric)
RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN value = trunc(value) THEN to_char(value, 'FM999,999,999,999,990') ELSE to_char(value, 'FM999,999,999,990.0') END
$$;
COMMENT ON FUNCTION flitmig._report_number(numeric) IS 'A number with thousands set apart';

CREATE FUNCTION flitmig._report_time(at timestamptz, zone text)
RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT to_char(at AT TIME ZONE zone, 'YYYY-MM-DD HH24:MI:SS')
$$;
COMMENT ON FUNCTION flitmig._report_time(timestamptz, text) IS 'A moment on the clinic''s clock';

CREATE FUNCTION flitmig._report_duration(seconds double precision)
RETURNS text LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE
		WHEN seconds IS NULL THEN NULL
		WHEN seconds < 100 THEN round(seconds::numeric, 1) || ' s'
		WHEN seconds < 6000 THEN floor(seconds / 60) || ' min ' || round((seconds::numeric) % 60) || ' s'
		ELSE floor(seconds / 3600) || ' h ' || round((seconds::numeric % 3600) / 60) || ' min'
	END
$$;
COMMENT ON FUNCTION flitmig._report_duration(double precision) IS 'Seconds as people say them';

/* What somebody has still to do, most pressing first; each point says where in the report it stands. */
CREATE FUNCTION flitmig._report_todo(mig integer, difference numeric)
RETURNS TABLE (n integer, count bigint, what text, how text, section text) LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	m		flitmig.migration;
	newest	flitmig.run;
	pushed	boolean;
BEGIN
	SELECT * INTO m FROM flitmig.migration g WHERE g.id = mig;
	SELECT r.* INTO newest FROM flitmig.run r
	WHERE r.migration_id = mig AND r.kind <> 'read' AND NOT COALESCE((r.options->>'dry_run')::boolean, false) ORDER BY r.id DESC LIMIT 1;
	pushed := EXISTS (SELECT FROM flitmig.run r WHERE r.migration_id = mig AND r.kind IN ('run', 'delta') AND r.state = 'done') AND newest.kind IS DISTINCT FROM 'rollback';

	RETURN QUERY
	SELECT t.n, t.count, CASE t.count WHEN 1 THEN t.one ELSE t.many END, t.how, t.section
	FROM (
		SELECT 1 AS n, 1::bigint AS count, format('%s did not finish', newest.kind) AS one, NULL AS many,
			format('It goes on where it stopped: SELECT * FROM flitmig_%s(%L);', CASE newest.kind WHEN 'delta' THEN 'run' ELSE newest.kind END, m.name) AS how, 'runs' AS section
		WHERE newest.state IN ('failed', 'interrupted', 'cancelled')
		UNION ALL
		SELECT 2, difference::bigint, 'record is missing in Twenty', 'records are missing in Twenty', format('SELECT * FROM flitmig_run(%L); sends what is missing.', m.name), 'objects' WHERE pushed
		UNION ALL
		SELECT 3, count(*) FILTER (WHERE q.kind <> 'held'), 'record that Twenty refused', 'records that Twenty refused',
			format('Mend the cause, then SELECT flitmig_retry(%L); and run again.', m.name), 'quarantine' FROM flitmig.quarantine q WHERE q.migration_id = mig
		UNION ALL
		SELECT 4, count(*) FILTER (WHERE q.kind = 'held'), 'record that waits for a refused one', 'records that wait for refused ones', 'They go when the others go.', 'quarantine'
		FROM flitmig.quarantine q WHERE q.migration_id = mig
		UNION ALL
		SELECT 5, count(DISTINCT c.id), 'record changed on both sides', 'records changed on both sides', 'Twenty''s value was kept: decide which one is right.', 'conflicts'
		FROM flitmig.conflict c WHERE c.migration_id = mig AND c.kind IN ('both', 'trashed', 'missing')
		UNION ALL
		SELECT 6, count(*), 'field stored otherwise than sent', 'fields stored otherwise than sent', format('SELECT * FROM flitmig.side_by_side(%L); shows them.', m.name), 'diff'
		FROM flitmig.diff d WHERE d.verdict IN ('mismatch', 'missing')
			AND d.run_id = (SELECT max(r.id) FROM flitmig.run r WHERE r.migration_id = mig AND r.kind IN ('sample', 'run', 'delta'))
		UNION ALL
		SELECT 7, count(DISTINCT COALESCE(o.email, o.source_value)), 'member of staff who is not in Twenty', 'members of staff who are not in Twenty',
			format('%s records are not with their owner: invite them, then run again.', sum(o.records)), 'owners'
		FROM flitmig.owner o WHERE o.migration_id = mig AND o.status NOT IN ('matched', 'alias')
		UNION ALL
		SELECT 8, sum(f.rows_rejected)::bigint, 'row that could not be read', 'rows that could not be read', 'They are kept byte for byte in flitmig.reject.', 'files'
		FROM flitmig.source_file f WHERE f.migration_id = mig AND f.superseded_by IS NULL
		UNION ALL
		SELECT 9, count(DISTINCT f.code), 'kind of finding to look at', 'kinds of finding to look at', 'Each says what to do.', 'findings'
		FROM flitmig.finding f WHERE f.migration_id = mig AND f.severity <> 'info'
		UNION ALL
		SELECT 10, count(*), 'automation to rebuild', 'automations to rebuild', 'Reminders, recalls and billing rules are not moved.', 'automations' FROM flitmig._report_automations(mig) WHERE pushed) t
	WHERE t.count > 0
	ORDER BY t.n;
END $$;
COMMENT ON FUNCTION flitmig._report_todo(integer, numeric) IS 'What is left to do: how many of what, how, and in which section of the report';

CREATE FUNCTION flitmig._report_answer(verdict text, mapped numeric, stored numeric, excluded numeric, waiting numeric, difference numeric)
RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE verdict
			WHEN 'complete' THEN 'Yes, it is all there.'
			WHEN 'complete, with open points' THEN 'Nothing is missing, but something is left to do.'
			WHEN 'incomplete' THEN 'No, something is missing.'
			WHEN 'under way' THEN 'Not yet: it is being moved.'
			WHEN 'stopped' THEN 'Not yet: the last run did not finish.'
			WHEN 'not moved yet' THEN 'Not yet: the full run is still to come.'
			WHEN 'taken back' THEN 'All of it was taken back.'
			ELSE 'It was taken back, but for what people had changed since.' END
		|| format(' %s of %s records are in Twenty', flitmig._report_number(stored), flitmig._report_number(mapped))
		|| CASE WHEN excluded > 0 THEN format(', %s %s left out on purpose', flitmig._report_number(excluded), CASE excluded WHEN 1 THEN 'was' ELSE 'were' END) ELSE '' END
		|| CASE WHEN waiting > 0 THEN format(', %s for somebody', CASE waiting WHEN 1 THEN '1 waits' ELSE flitmig._report_number(waiting) || ' wait' END) ELSE '' END
		|| CASE WHEN difference > 0 AND verdict IN ('incomplete', 'under way', 'stopped') THEN format(', %s %s missing', flitmig._report_number(difference), CASE difference WHEN 1 THEN 'is' ELSE 'are' END) ELSE '' END
		|| '.'
$$;
COMMENT ON FUNCTION flitmig._report_answer(text, numeric, numeric, numeric, numeric, numeric) IS 'Is it all there? In a sentence or two';

CREATE FUNCTION flitmig._report_summary(mig integer)
RETURNS jsonb LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
	WITH m AS (
		SELECT * FROM flitmig.migration WHERE id = mig
	), total AS (
		SELECT COALESCE(sum(b.mapped), 0) AS mapped, COALESCE(sum(b.excluded), 0) AS excluded,
			COALESCE(sum(b.stored + b.unchanged), 0) AS stored,
			COALESCE(sum(b.quarantined + b.held), 0) AS quarantined, COALESCE(sum(b.conflict), 0) AS conflict,
			COALESCE(sum(b.gone), 0) AS gone, COALESCE(sum(b.difference), 0) AS difference
		FROM flitmig.balance b JOIN m ON m.name = b.migration
	), files AS (
		SELECT count(*) AS files, COALESCE(sum(f.rows_read), 0) AS rows_read, COALESCE(sum(f.rows_rejected), 0) AS rows_rejected,
			COALESCE(sum(f.rows_read - f.rows_loaded - f.rows_rejected), 0) AS difference
		FROM flitmig.source_file f JOIN m ON m.id = f.migration_id WHERE f.superseded_by IS NULL
	), last_run AS (
		SELECT r.* FROM flitmig.run r JOIN m ON m.id = r.migration_id
		WHERE r.kind <> 'read' AND NOT COALESCE((r.options->>'dry_run')::boolean, false) ORDER BY r.id DESC LIMIT 1
	), pushed AS (
		SELECT r.* FROM flitmig.run r JOIN m ON m.id = r.migration_id WHERE r.kind IN ('run', 'delta') ORDER BY r.id DESC LIMIT 1
	)
	SELECT v.doc || jsonb_build_object(
		'answer', flitmig._report_answer(v.doc->>'verdict', total.mapped, total.stored, total.excluded, total.quarantined + total.conflict, total.difference + files.difference),
		'todo', COALESCE((SELECT jsonb_agg(jsonb_build_object('count', t.count, 'what', t.what, 'how', t.how, 'section', t.section) ORDER BY t.n)
						  FROM flitmig._report_todo(m.id, total.difference + files.difference) t), '[]'))
	FROM m CROSS JOIN total CROSS JOIN files LEFT JOIN last_run ON true LEFT JOIN pushed ON true
	CROSS JOIN LATERAL (SELECT jsonb_build_object(
		'migration', m.name, 'server', m.server, 'profile', m.profile, 'timeZone', m.time_zone,
		'created', m.created_at, 'reported', now(),
		'mappingHash', m.mapping_hash, 'signedBy', m.signed_by, 'signedAt', m.signed_at, 'signedRun', m.signed_run,
		'signed', m.signed_hash IS NOT NULL AND m.signed_hash = m.mapping_hash, 'deltaUntil', m.delta_until,
		'files', files.files, 'rowsRead', files.rows_read, 'rowsRejected', files.rows_rejected,
		'mapped', total.mapped, 'excluded', total.excluded, 'stored', total.stored, 'quarantined', total.quarantined,
		'conflict', total.conflict, 'gone', total.gone, 'difference', total.difference + files.difference,
		'verdict', CASE
			WHEN last_run.kind = 'rollback' AND last_run.state = 'done' AND total.stored = 0 THEN 'taken back'
			WHEN last_run.kind = 'rollback' AND last_run.state = 'done' THEN 'taken back in part'
			WHEN last_run.state IN ('queued', 'running') THEN 'under way'
			WHEN last_run.state IN ('failed', 'interrupted', 'cancelled') THEN 'stopped'
			WHEN pushed.id IS NULL THEN 'not moved yet'
			WHEN total.difference + files.difference > 0 THEN 'incomplete'
			WHEN total.quarantined + total.conflict > 0 THEN 'complete, with open points'
			ELSE 'complete' END) AS doc) v
$$;
COMMENT ON FUNCTION flitmig._report_summary(integer) IS 'The head of the report: numbers, verdict, the answer to "is it all there?" and what is left to do';

CREATE FUNCTION flitmig._report_sections(mig integer, with_values boolean)
RETURNS TABLE (n integer, key text, title text, lead text, columns text[], rows jsonb, query text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
	m		flitmig.migration;
	newest	bigint;
	undone	bigint;
BEGIN
	SELECT * INTO m FROM flitmig.migration WHERE id = mig;
	SELECT max(r.id) INTO newest FROM flitmig.run r
	WHERE r.migration_id = mig AND r.kind IN ('sample', 'run', 'delta') AND r.state <> 'queued'
		AND EXISTS (SELECT FROM flitmig.diff d WHERE d.run_id = r.id);
	SELECT max(r.id) INTO undone FROM flitmig.run r
	WHERE r.migration_id = mig AND r.kind = 'rollback' AND NOT COALESCE((r.options->>'dry_run')::boolean, false);

	RETURN QUERY SELECT 1, 'objects', 'What became of every record',
		'Rows of the export on the left, records of Twenty on the right. Every row is accounted for when "missing" is 0.',
		'{map,object,rows,filtered,"blank key",duplicate,mapped,excluded,stored,unchanged,quarantine,held,conflict,gone,missing}'::text[],
		(SELECT jsonb_agg(jsonb_build_array(b.object_map, b.object, b.rows_read, b.filtered, b.blank_keys, b.duplicates, b.mapped,
			b.excluded, b.stored, b.unchanged, b.quarantined, b.held, b.conflict, b.gone, b.difference) ORDER BY o.position, o.id)
		 FROM flitmig.balance b JOIN flitmig.object_map o ON o.migration_id = mig AND o.name = b.object_map
		 WHERE b.migration = m.name),
		format('SELECT * FROM flitmig.balance WHERE migration = %L;', m.name);

	RETURN QUERY SELECT 2, 'timeline', 'Calls and records over time', 'The last runs, each on its own clock, in tenths of its time.',
		'{run,kind,from,to,calls,"calls a minute",records,"in all"}'::text[],
		(SELECT jsonb_agg(jsonb_build_array(t.run, t.kind, flitmig._report_duration(t.seconds * t.part / 10), flitmig._report_duration(t.seconds * (t.part + 1) / 10),
				t.calls, round((t.calls * 600 / t.seconds)::numeric), t.records, t.in_all) ORDER BY t.run, t.part)
		 FROM (SELECT x.run, x.kind, x.seconds, x.step / 6 AS part, sum(x.calls) AS calls, sum(x.records) AS records, sum(sum(x.records)) OVER (PARTITION BY x.run ORDER BY x.step / 6) AS in_all
			   FROM flitmig._report_timeline(mig) x GROUP BY x.run, x.kind, x.seconds, x.step / 6) t),
		format('SELECT run_id, date_trunc(''minute'', answered_at), count(*) AS calls, sum(stored) AS records FROM flitmig.batch WHERE migration_id = %s GROUP BY 1, 2 ORDER BY 1, 2;', mig);

	RETURN QUERY SELECT 9, 'files', 'Files', 'Per file: rows read = rows loaded + rows rejected. Rejected rows are kept byte for byte in flitmig.reject.',
		'{"staging table",files,"rows read",loaded,rejected,superseded,missing}'::text[],
		(SELECT jsonb_agg(jsonb_build_array(COALESCE(f.staging_table, '(none: attachments)'), f.files, f.rows_read, f.loaded, f.rejected, f.superseded, f.missing) ORDER BY f.staging_table)
		 FROM (SELECT s.staging_table, count(*) AS files, sum(s.rows_read) AS rows_read, sum(s.rows_loaded) AS loaded,
				sum(s.rows_rejected) AS rejected, count(s.superseded_by) AS superseded,
				sum(s.rows_read - s.rows_loaded - s.rows_rejected) AS missing
			   FROM flitmig.source_file s WHERE s.migration_id = mig GROUP BY s.staging_table) f),
		format('SELECT * FROM flitmig.file_balance WHERE migration = %L;', m.name);

	RETURN QUERY SELECT 10, 'runs', 'Runs', 'Each time flitmig talked to Twenty. Refused calls are those over the call limit.',
		'{run,kind,state,by,"started","took",records,calls,refused,"records/s"}'::text[],
		(SELECT jsonb_agg(jsonb_build_array(r.id, r.kind || CASE WHEN (r.options->>'dry_run')::boolean THEN ' (dry)' ELSE '' END,
			r.state, r.requested_by, flitmig._report_time(r.started_at, m.time_zone), flitmig._report_duration(s.seconds), r.done, r.calls, r.refusals,
			CASE WHEN s.seconds > 0 THEN round((r.done / s.seconds)::numeric, 1) END) ORDER BY r.id)
		 FROM flitmig.run r
		 CROSS JOIN LATERAL (SELECT extract(epoch FROM COALESCE(r.finished_at, r.updated_at) - r.started_at)::float8 AS seconds) s
		 WHERE r.migration_id = mig AND r.kind <> 'read'),
		format('SELECT * FROM flitmig.run WHERE migration_id = %s ORDER BY id;', mig);

	RETURN QUERY SELECT 8, 'diff', 'Sent and stored', COALESCE('Fields of run ' || newest || ' whose stored value is not letter by letter what was sent. Normalised: Twenty writes it its own way, by the rule named.',
			'Every stored field is letter by letter what was sent.'),
		'{object,field,verdict,rule,count}'::text[],
		(SELECT jsonb_agg(jsonb_build_array(d.object, d.field, d.verdict, d.rule, d.count) ORDER BY d.verdict, d.object, d.field)
		 FROM (SELECT object, field, verdict, rule, count(*) FROM flitmig.diff WHERE run_id = newest GROUP BY object, field, verdict, rule) d),
		format('SELECT * FROM flitmig_diff(%L);', m.name);

	/* what several objects share is one line */
	RETURN QUERY SELECT 6, 'findings', 'Findings in the data', 'What the steps noticed, worst first. flitmig.finding names the files and lines.',
		'{severity,code,count,where,"what it is","what to do"}'::text[],
		(SELECT jsonb_agg(jsonb_build_array(f.severity, f.code, f.count, f.places, f.meaning, f.hint)
			ORDER BY array_position('{error,warning,info}', f.severity), f.count DESC, f.code, f.places)
		 FROM (SELECT f.severity, f.code, sum(f.count) AS count,
				string_agg(concat_ws('.', f.object, f.column_name) || CASE WHEN p.several AND f.count > 0 THEN format(' (%s)', f.count) ELSE '' END, ', ' ORDER BY f.count DESC, f.object, f.column_name) AS places,
				CASE WHEN p.several THEN COALESCE(c.meaning, min(f.message)) ELSE min(f.message) END AS meaning,
				CASE WHEN count(DISTINCT f.hint) = 1 THEN min(f.hint) ELSE COALESCE(c.what_to_do, min(f.hint)) END AS hint
			   FROM (SELECT x.severity, x.code, x.object, x.column_name, x.count, x.message, x.hint, count(*) OVER (PARTITION BY x.severity, x.code) > 1 AS several
					 FROM flitmig.finding x WHERE x.migration_id = mig) f
			   CROSS JOIN LATERAL (SELECT f.several) p
			   LEFT JOIN (SELECT code, min(meaning) AS meaning, min(what_to_do) AS what_to_do FROM flitmig.finding_code GROUP BY code) c ON c.code = f.code
			   GROUP BY f.severity, f.code, p.several, c.meaning, c.what_to_do) f),
		format('SELECT * FROM flitmig.finding WHERE migration_id = %s ORDER BY count DESC;', mig);

	RETURN QUERY SELECT 5, 'owners', 'Owners to reassign',
		'Staff of the export who are no workspace members (yet). '
		|| CASE WHEN m.default_owner IS NULL THEN 'Their records have no owner.' ELSE 'Their records went to the default owner, ' || m.default_owner || ', and want reassigning.' END
		|| ' Invite them in Twenty, then run again.',
		'{staff,e-mail,records,"now with"}'::text[],
		(SELECT jsonb_agg(jsonb_build_array(o.name, o.email, o.records, CASE WHEN o.defaulted THEN 'default owner ' || m.default_owner ELSE 'nobody' END) ORDER BY o.records DESC, o.name)
		 FROM (SELECT coalesce(max(w.name), min(w.source_value)) AS name, min(w.email) AS email, sum(w.records) AS records, bool_or(w.status = 'default') AS defaulted
			   FROM flitmig.owner w WHERE w.migration_id = mig AND w.status NOT IN ('matched', 'alias') GROUP BY coalesce(w.email, w.source_value)) o),
		format('SELECT * FROM flitmig_owners(%1$L);   SELECT * FROM flitmig.invite_list(%1$L, ''text'');', m.name);

	RETURN QUERY SELECT 3, 'quarantine', 'Quarantine', 'Records that Twenty refused, and those held back because they point at one. flitmig_retry plans them again.',
		CASE WHEN with_values THEN '{object,kind,why,"Twenty''s words",count}'::text[] ELSE '{object,kind,why,count}'::text[] END,
		flitmig._report_quarantine(mig, with_values),
		format('SELECT object, kind, cause, reason, count(*) FROM flitmig.quarantine WHERE migration_id = %s GROUP BY 1, 2, 3, 4;', mig);

	RETURN QUERY SELECT 4, 'conflicts', 'Conflicts', 'Fields that somebody changed in Twenty since they were stored. Twenty''s value was kept.',
		CASE WHEN with_values THEN '{object,field,"what happened","stored by us","in the export now","in Twenty now"}'::text[] ELSE '{object,field,"what happened",count}'::text[] END,
		flitmig._report_conflicts(mig, with_values),
		format('SELECT * FROM flitmig.conflicts(%L);', m.name);

	RETURN QUERY SELECT 11, 'schema', 'Changes to the schema of Twenty', 'Objects, fields and options that the migration added. Rollback removes them, unless somebody else''s data is in them.',
		'{action,object,count,fields,run,"taken back"}'::text[],
		(SELECT jsonb_agg(jsonb_build_array(u.action, u.object, u.count, u.fields, u.run_id, u.undone) ORDER BY u.first)
		 FROM (SELECT replace(action, '_', ' ') AS action, object, count(*), string_agg(DISTINCT field, ', ' ORDER BY field) AS fields, run_id,
				CASE WHEN undone_by IS NULL THEN 'no' ELSE 'yes' END AS undone, min(id) AS first
			   FROM flitmig.undo
			   WHERE migration_id = mig AND action IN ('create_object', 'create_field', 'add_options', 'alter_field')
			   GROUP BY 1, 2, run_id, 6) u),
		format('SELECT action, object, field, before FROM flitmig.undo WHERE migration_id = %s AND action ~ ''object|field|options'' ORDER BY id;', mig);

	RETURN QUERY SELECT 7, 'automations', 'Automations to rebuild', 'Reminders, recalls and billing rules are not moved. Rebuild each as a workflow; the trigger named is the nearest that Twenty has.'
			|| CASE WHEN m.owner = current_user THEN '' ELSE ' Only the owner of the migration, role ' || m.owner || ', reads them from the export.' END,
		'{kind,name,trigger,timing,condition,channel,"object in Twenty","trigger in Twenty"}'::text[],
		(SELECT jsonb_agg(jsonb_build_array(translate(a->>'kind', '_', ' '), a->>'name', a->>'trigger', a->>'timing', a->>'condition', a->>'channel', a->>'twentyObject', a->>'twentyTrigger'))
		 FROM flitmig._report_automations(mig) a),
		format('SELECT jsonb_pretty(flitmig_automations(%L));', m.name);

	RETURN QUERY SELECT 12, 'rollback', 'Rollback', CASE WHEN undone IS NULL
			THEN 'Nothing was taken back. The log holds what would be:'
			ELSE 'Run ' || undone || ' took back what the log held. Kept records were changed by a person since.' END,
		'{action,object,entries,"taken back",open}'::text[],
		(SELECT jsonb_agg(jsonb_build_array(u.action, u.object, u.records, u.undone, u.records - u.undone) ORDER BY u.first)
		 FROM (SELECT replace(action, '_', ' ') AS action, CASE WHEN action ~ 'object|field|options' THEN 'the schema' ELSE object END AS object,
				/* a file that goes up has an entry for each of its calls */
				CASE action WHEN 'upload' THEN count(DISTINCT ids) ELSE sum(COALESCE(cardinality(ids), 1)) END AS records,
				COALESCE(CASE action WHEN 'upload' THEN count(DISTINCT ids) FILTER (WHERE undone_by IS NOT NULL) ELSE sum(COALESCE(cardinality(ids), 1)) FILTER (WHERE undone_by IS NOT NULL) END, 0) AS undone, min(id) AS first
			   FROM flitmig.undo WHERE migration_id = mig GROUP BY undo.action, 2) u),
		format('SELECT * FROM flitmig_rollback(%L, dry_run => true);', m.name);

	RETURN QUERY SELECT 13, 'audit', 'Audit', 'Who did what. Each entry is chained to the one before it by SHA-256; note the last hash where it cannot be changed, and nobody can rewrite the story.',
		'{entry,at,who,what,hash}'::text[],
		(SELECT jsonb_agg(jsonb_build_array(a.seq, flitmig._report_time(a.at, m.time_zone), a.actor, replace(a.event, '_', ' '), encode(substr(a.hash, 1, 8), 'hex')) ORDER BY a.seq)
		 FROM (SELECT * FROM flitmig.audit WHERE migration = m.name ORDER BY seq DESC LIMIT 200) a),
		format('SELECT * FROM flitmig_audit_verify(%L);', m.name);
END $$;
COMMENT ON FUNCTION flitmig._report_sections(integer, boolean) IS 'The tables of the report, each with the query that shows the same';

/* These two read the columns that hold values only when asked to, so that a viewer, who may not, can have the rest. */

CREATE FUNCTION flitmig._report_quarantine(mig integer, with_values boolean)
RETURNS jsonb LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF with_values THEN
		RETURN (SELECT jsonb_agg(jsonb_build_array(q.object, q.kind, q.cause, q.reason, q.count) ORDER BY q.kind = 'held', q.count DESC, q.object)
			FROM (SELECT object, kind, cause, reason, count(*) FROM flitmig.quarantine WHERE migration_id = mig GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC LIMIT 500) q);
	END IF;
	RETURN (SELECT jsonb_agg(jsonb_build_array(q.object, q.kind, q.cause, q.count) ORDER BY q.kind = 'held', q.count DESC, q.object)
		FROM (SELECT object, kind, cause, count(*) FROM flitmig.quarantine WHERE migration_id = mig GROUP BY 1, 2, 3) q);
END $$;
COMMENT ON FUNCTION flitmig._report_quarantine(integer, boolean) IS 'Quarantine by object and cause; with the server''s own words, which may quote values, only when asked for';

CREATE FUNCTION flitmig._report_conflict_words(kind text)
RETURNS text LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE kind
		WHEN 'both' THEN 'changed on both sides: Twenty''s value was kept' WHEN 'target' THEN 'changed in Twenty only: kept'
		WHEN 'trashed' THEN 'the record is in Twenty''s trash: left there' WHEN 'missing' THEN 'the record is gone from Twenty: not made again'
		ELSE 'gone from the export, but changed in Twenty: left' END
$$;
COMMENT ON FUNCTION flitmig._report_conflict_words(text) IS 'What a kind of conflict means, and what was done';

CREATE FUNCTION flitmig._report_conflicts(mig integer, with_values boolean)
RETURNS jsonb LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF with_values THEN
		RETURN (SELECT jsonb_agg(jsonb_build_array(c.object, c.field, flitmig._report_conflict_words(c.kind), c.base_value, c.source_value, c.target_value) ORDER BY c.object, c.field, c.id)
			FROM (SELECT * FROM flitmig.conflict WHERE migration_id = mig ORDER BY object, field, id LIMIT 500) c);
	END IF;
	RETURN (SELECT jsonb_agg(jsonb_build_array(c.object, c.field, flitmig._report_conflict_words(c.kind), c.count) ORDER BY c.kind = 'target', c.object, c.field)
		FROM (SELECT object, field, kind, count(*) FROM flitmig.conflict WHERE migration_id = mig GROUP BY 1, 2, 3) c);
END $$;
COMMENT ON FUNCTION flitmig._report_conflicts(integer, boolean) IS 'Conflicts by object and field; with the three values only when asked for';

CREATE FUNCTION flitmig._report_timeline(mig integer)
RETURNS TABLE (run bigint, kind text, state text, seconds double precision, step integer, calls bigint, records bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
	/* Sixty steps a run, whatever it took. */
	WITH runs AS (
		SELECT r.id, r.kind, r.state, r.started_at,
			greatest(extract(epoch FROM COALESCE(r.finished_at, r.updated_at) - r.started_at)::float8, 0.001) AS seconds
		FROM flitmig.run r
		WHERE r.migration_id = mig AND r.kind IN ('sample', 'run', 'delta', 'rollback') AND r.started_at IS NOT NULL
		ORDER BY r.id DESC LIMIT 8
	)
	SELECT r.id, r.kind, r.state, r.seconds,
		least(59, greatest(0, floor(extract(epoch FROM b.answered_at - r.started_at)::float8 / r.seconds * 60)))::integer AS step,
		count(*),
		COALESCE(sum(cardinality(b.ids)) FILTER (WHERE b.state = 'done' AND b.kind IN ('create', 'update', 'destroy')), 0)::bigint
	FROM runs r JOIN flitmig.batch b ON b.run_id = r.id AND b.answered_at IS NOT NULL
	GROUP BY r.id, r.kind, r.state, r.seconds, step
	ORDER BY r.id, step
$$;
COMMENT ON FUNCTION flitmig._report_timeline(integer) IS 'Calls and records over time of the last eight runs, in sixty steps each';
