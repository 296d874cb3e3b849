-- When a migration is over: purge removes the patients' data, drop removes it all. The audit stays.
\set SHOW_CONTEXT never
BEGIN;
\set ECHO none
\i test/report/fixture.sql
\i test/report/sample.sql
\set ECHO all
INSERT INTO flitmig.conflict (migration_id, id, object, object_map_id, field, run_id, kind, base_value, source_value, target_value)
	SELECT 900, id, 'person', 900, 'name', 900, 'both', '"Miller1"', '"Miller"', '"Millar"' FROM flitmig.record WHERE migration_id = 900 AND sequence = 1;
INSERT INTO flitmig.reject (file_id, line_no, reason, raw) VALUES (900, 12, 'ragged', 'Miller11,');
INSERT INTO flitmig.original (file_id, line_no, column_name, raw) VALUES (900, 13, 'name', 'Miller13');
SELECT flitmig_purge('fixture');

-- No table knows a name any more; ids, hashes and counts are still there.
CREATE FUNCTION pg_temp.tables_that_say(what text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	candidate	regclass;
	found		boolean;
BEGIN
	FOR candidate IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace IN ('flitmig'::regnamespace, to_regnamespace('fixture_staging')) LOOP
		EXECUTE format('SELECT EXISTS (SELECT FROM %s t WHERE t::text LIKE %L)', candidate, '%' || what || '%') INTO found;
		IF found THEN RETURN NEXT candidate::text; END IF;
	END LOOP;
END $$;
SELECT pg_temp.tables_that_say('Miller');
SELECT pg_temp.tables_that_say('xample.com');
SELECT count(*) AS records, sum(hash) AS hashes FROM flitmig.record WHERE migration_id = 900;
SELECT mapped, stored, conflict FROM flitmig.balance WHERE migration = 'fixture';
SELECT action, cardinality(ids) AS ids FROM flitmig.undo WHERE migration_id = 900;
SELECT length(flitmig_report('fixture')) > 1000 AS report;
SAVEPOINT purged;
SELECT flitmig_sign_off('fixture', 'looked at it');
ROLLBACK TO purged;

-- Dropping would make it impossible to take back what is in Twenty.
SELECT flitmig_drop('fixture');
ROLLBACK TO purged;
SELECT flitmig_drop('fixture', force => true);
SELECT count(*) FROM flitmig.migration WHERE name = 'fixture';
SELECT count(*) FROM flitmig.record WHERE migration_id = 900;
SELECT event, detail FROM flitmig.audit WHERE migration = 'fixture' ORDER BY seq;
ROLLBACK;
