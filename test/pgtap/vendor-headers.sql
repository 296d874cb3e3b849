/*
 * Every header that a vendor is known to export, in the profile made for it: mapped, dropped by name, collected, or
 * reported on purpose.  test/data/vendors/headers.json has the lists: profile → name of the file → its headers.
 */
\ir setup.psql
\set headers `cat test/data/vendors/headers.json`
CREATE TEMP TABLE vendor_file AS
SELECT v.key AS profile, f.key AS name, ARRAY(SELECT jsonb_array_elements_text(f.value)) AS header
FROM jsonb_each(:'headers'::jsonb) v, jsonb_each(v.value) f;
SELECT plan((3 * (SELECT count(DISTINCT profile) FROM vendor_file) + (SELECT count(*) FROM vendor_file) + 2)::integer);

CREATE SERVER vendors FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com/');
SELECT flitmig_create('of_' || profile, 'vendors', profile => profile, time_zone => 'UTC') FROM (SELECT DISTINCT profile FROM vendor_file) p \g /dev/null
/* One row in which every cell holds something: what stays behind must be told. */
ALTER TABLE vendor_file ADD large_object oid;
UPDATE vendor_file v SET large_object = lo_from_bytea(0, convert_to((
	SELECT string_agg('"' || h || '"', ',' ORDER BY n) || E'\n' || string_agg('x' || n, ',' ORDER BY n) || E'\n' FROM unnest(v.header) WITH ORDINALITY h(h, n)), 'UTF8'));
SELECT f.rows FROM vendor_file v CROSS JOIN LATERAL flitmig_import('of_' || v.profile, v.name || '.csv', v.large_object) f \g /dev/null
SELECT flitmig._audit_columns(id) FROM flitmig.migration \g /dev/null

SELECT is((SELECT s.rows_loaded::text || ' row in ' || cardinality(s.header) || ' columns' FROM flitmig.source_file s JOIN flitmig.migration m ON m.id = s.migration_id
		   WHERE m.profile = v.profile AND s.name = v.name || '.csv' AND m.profile_doc->'entities' ? s.staging_table),
		  '1 row in ' || cardinality(v.header) || ' columns', format('%s: %s is a file that the profile knows', v.profile, v.name))
FROM vendor_file v ORDER BY 1;

/* What is reported on purpose: a person has to decide. Each with the reason why no profile can. */
CREATE TEMP TABLE on_purpose (profile text, entity text, col text, why text);
INSERT INTO on_purpose SELECT NULL, NULL, NULL, NULL WHERE false;

SELECT is((SELECT string_agg(f.object || '.' || f.column_name, ', ' ORDER BY f.object, f.column_name) FROM flitmig.finding f JOIN flitmig.migration m ON m.id = f.migration_id
		   WHERE m.profile = p.profile AND f.code = 'UNMAPPED_COLUMN' AND f.severity = 'warning'
			 AND NOT EXISTS (SELECT FROM on_purpose o WHERE o.profile = p.profile AND o.entity = f.object AND o.col = f.column_name)),
		  NULL, p.profile || ': no header is unknown')
FROM (SELECT DISTINCT profile FROM vendor_file) p ORDER BY 1;
SELECT is((SELECT count(*) FROM flitmig.finding f JOIN flitmig.migration m ON m.id = f.migration_id WHERE m.profile = p.profile AND f.code IN ('UNMAPPED_FILE', 'MISSING_COLUMN')),
		  0::bigint, p.profile || ': each file has its map and the columns that it must have')
FROM (SELECT DISTINCT profile FROM vendor_file) p ORDER BY 1;
/* The other way: nothing is dropped that a map reads. */
SELECT is((SELECT string_agg(e.key || '.' || d, ', ' ORDER BY e.key, d)
		   FROM flitmig.migration m CROSS JOIN LATERAL jsonb_each(m.profile_doc->'entities') e
		   CROSS JOIN LATERAL jsonb_array_elements_text(flitmig._array_of(e.value->'drop')) d
		   WHERE m.profile = p.profile AND EXISTS (SELECT FROM flitmig.object_map o JOIN flitmig.field_map f ON f.object_map_id = o.id
				WHERE o.migration_id = m.id AND flitmig._driving_entity(o.source) = e.key AND flitmig._column_name(d) = ANY (f.columns))),
		  NULL, p.profile || ': nothing that a map reads is dropped')
FROM (SELECT DISTINCT profile FROM vendor_file) p ORDER BY 1;
SELECT is((SELECT count(*) FROM on_purpose o WHERE NOT EXISTS (SELECT FROM flitmig.finding f JOIN flitmig.migration m ON m.id = f.migration_id
		   WHERE m.profile = o.profile AND f.object = o.entity AND f.column_name = o.col AND f.severity = 'warning')), 0::bigint, 'what is reported on purpose is reported');
/* The test can fail: a header that nobody has. */
SELECT lo_from_bytea(0, E'Appointment Start Date & Time,Patient Number,Moon phase\n1,2,3\n'::bytea) AS later \gset
SELECT f.rows FROM flitmig_import('of_jane', 'Appointments later.csv', :'later'::oid) f \g /dev/null
DELETE FROM flitmig.finding;
SELECT flitmig._audit_columns(id) FROM flitmig.migration WHERE profile = 'jane' \g /dev/null
SELECT is((SELECT string_agg(f.object || '.' || f.column_name, ', ') FROM flitmig.finding f WHERE f.code = 'UNMAPPED_COLUMN' AND f.severity = 'warning'), 'appointments.moon_phase', 'an unknown header is reported');
SELECT * FROM finish();
ROLLBACK;
