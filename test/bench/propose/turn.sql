/* One product, once: imported as it is, proposed; then mapped by the proposal, as one who believes it would. */
INSERT INTO flitmig.migration (name, server, profile, profile_doc, namespace, staging_schema, time_zone, country, currency)
VALUES ('bench', 'bench_propose', 'none', '{"entities": {}}', '6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'bench_staging', :'zone', :'country', :'currency') RETURNING id AS bench \gset
SELECT count(*) FROM flitmig_import('bench', :'export') \g /dev/null
INSERT INTO proposed SELECT :'product', :'mode', r.source_table, r.source_column, r.object || '.' || r.field, r.expression, r.confidence, r.why FROM flitmig._propose_rows(:bench, :'taught') r;
INSERT INTO staged SELECT :'product', :'mode', c.staging_table, c.column_name, c.header, c.rows - c.blanks FROM flitmig.column_census c WHERE c.migration_id = :bench;
SELECT :'mode' = 'values' AS map \gset
\if :map
INSERT INTO flitmig.profile (name, doc) VALUES ('bench', flitmig._propose_profile(:bench, :'taught'));
SELECT flitmig_create('bench_mapped', 'bench_propose', profile => 'bench', time_zone => :'zone', country => :'country', currency => :'currency') \g /dev/null
SELECT count(*) FROM flitmig_import('bench_mapped', :'export') \g /dev/null
SELECT set_config('test.migration', id::text, false) FROM flitmig.migration WHERE name = 'bench_mapped' \g /dev/null
\o /dev/null
\i test/fixtures/live-2.19.sql
\i test/fixtures/live-prepare.sql
\o
SELECT set_config('bench.product', :'product', false) \g /dev/null
DO $$
BEGIN
	PERFORM flitmig_confirm('bench_mapped');
	PERFORM flitmig._map(current_setting('test.migration')::integer);
EXCEPTION WHEN OTHERS THEN
	INSERT INTO unmapped VALUES (current_setting('bench.product'), SQLERRM);
END $$;
INSERT INTO arrived
	SELECT :'product', r.object || '.' || e.key, count(*)
	FROM flitmig.record r CROSS JOIN LATERAL jsonb_each(r.payload) e
	WHERE r.migration_id = current_setting('test.migration')::integer AND r.state = 'mapped' AND e.value NOT IN ('null', '""', '[]', '{}') GROUP BY 2;
INSERT INTO linked
	SELECT :'product', o.object || '.' || ltrim(n.field, '@!'), sum(n.resolved), sum(n.missing + n.ambiguous)
	FROM flitmig.reference_count n JOIN flitmig.object_map o ON o.id = n.object_map_id
	WHERE n.migration_id = current_setting('test.migration')::integer GROUP BY 2;
DELETE FROM flitmig.migration WHERE name = 'bench_mapped';
DELETE FROM flitmig.profile WHERE name = 'bench';
DROP SCHEMA bench_mapped_staging CASCADE;
\endif
DELETE FROM flitmig.migration WHERE id = :bench;
DROP SCHEMA bench_staging CASCADE;
