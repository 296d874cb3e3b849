/* What a sample of three adds to fixture.sql. */
INSERT INTO flitmig.run (id, migration_id, kind, state, mapping_hash, requested_by, started_at, finished_at, done, total, calls)
VALUES (900, 900, 'sample', 'done', 'hash of the mapping', session_user, '2026-07-01 09:00:00Z', '2026-07-01 09:00:10Z', 3, 3, 2);
INSERT INTO flitmig.batch (id, run_id, migration_id, phase, kind, object, object_map_id, ids, state, attempts, opened_at, answered_at)
	SELECT 900, 900, 900, 'create:patient', 'create', 'person', 900, array_agg(id), 'done', 1, '2026-07-01 09:00:01Z', '2026-07-01 09:00:02Z'
	FROM flitmig.record WHERE migration_id = 900 AND sequence <= 3;
INSERT INTO flitmig.base (migration_id, id, object, object_map_id, origin, run_id, hash, sent, stored)
	SELECT 900, id, object, object_map_id, 'created', 900, hash, payload, payload
	FROM flitmig.record WHERE migration_id = 900 AND sequence <= 3;
INSERT INTO flitmig.undo (id, migration_id, run_id, batch_id, action, object, ids)
	SELECT 900, 900, 900, 900, 'create', 'person', ids FROM flitmig.batch WHERE id = 900;
INSERT INTO flitmig.diff (migration_id, run_id, id, object, field, sent, stored, verdict, rule)
	SELECT 900, 900, id, object, 'emails.primaryEmail', payload->'emails'->'primaryEmail', to_jsonb(lower(payload->'emails'->>'primaryEmail')),
		'normalised', 'lower-case e-mail'
	FROM flitmig.record WHERE migration_id = 900 AND sequence <= 2;
