-- A number that Excel was to leave alone (="0001"): staged as it stands in the file, read by mapping as what is meant.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');
INSERT INTO flitmig.profile (name, doc) VALUES ('forced', $json${
	"entities": {
		"patients": {"files": ["patients*"], "columns": {"id": [], "zip": [], "born": ["Birth date"]}, "required": ["id"], "unmapped": "collect"},
		"visits": {"files": ["visits*"], "columns": {"id": [], "patient": []}, "required": ["id"]}},
	"maps": [
		{"name": "patient", "object": "person", "source": "{patients} s", "key": "s.id", "fields": {"name": "flitmig.full_name(s.id)", "born": "flitmig.to_date(s.born, {order patients.born})"}},
		{"name": "visit", "object": "task", "source": "{visits} s", "key": "s.id", "fields": {"title": "s.id", "!patient": {"relation": "patient", "key": "s.patient"}}}]}$json$);
SELECT flitmig_create('forced', 'crm', profile => 'forced', time_zone => 'UTC');
SELECT lo_from_bytea(0, convert_to(E'ID,Zip,Birth date,Note\n="0001",="02139",="31/12/1980","=""say """"ah"""""""\n"=""0002""",,="01/02/1990",\n0003,="",="05/06/1970",=A1+1\n', 'UTF8')) AS patients \gset
SELECT lo_from_bytea(0, convert_to(E'ID,Patient\nV1,0001\nV2,0002\nV3,0003\nV4,4\n', 'UTF8')) AS visits \gset
SELECT "table", rows, rejected FROM flitmig_import('forced', 'patients.csv', :patients::oid);
SELECT "table", rows, rejected FROM flitmig_import('forced', 'visits.csv', :visits::oid);

-- As it came.
SELECT id, zip, birth_date, note FROM forced_staging.patients;
-- The census sees what is meant: the order of the dates is told by the first of them.
SELECT column_name, shapes, date_order FROM flitmig.column_census WHERE staging_table = 'patients' ORDER BY position;
-- Mapping reads what is meant; a formula is none of it, and a column without such cells is read as it stands.
SELECT format('SELECT id, zip, born, _extra FROM %s x', flitmig._entity_sql(id, 'patients')) AS as_mapped FROM flitmig.migration WHERE name = 'forced' \gset
:as_mapped;
SELECT flitmig._entity_sql(id, 'visits') LIKE '%forced_text%' AS touched FROM flitmig.migration WHERE name = 'forced';
SELECT flitmig_confirm('forced') IS NOT NULL AS confirmed;
SELECT set_config('test.migration', id::text, false) IS NOT NULL AS migration FROM flitmig.migration WHERE name = 'forced';
\set ECHO none
\o /dev/null
\i test/fixtures/live-2.19.sql
\i test/fixtures/live-prepare.sql
\o
\set ECHO all
SELECT flitmig._map(current_setting('test.migration')::integer);
SELECT source_key, payload->'born' AS born FROM flitmig.record r WHERE migration_id = current_setting('test.migration')::integer AND object = 'person' ORDER BY 1;
SELECT field, resolved, missing FROM flitmig.reference_count WHERE migration_id = current_setting('test.migration')::integer;
-- Anyone may use it.
SELECT v, flitmig.forced_text(v) FROM (VALUES ('="0001"'), ('=""'), ('="a""b"'), ('"0001"'), ('=A1'), (NULL)) x(v);

DROP SCHEMA forced_staging CASCADE;
DELETE FROM flitmig.record WHERE migration_id = current_setting('test.migration')::integer;
DELETE FROM flitmig.migration WHERE name = 'forced';
DELETE FROM flitmig.profile WHERE name = 'forced';
SELECT lo_unlink(:patients), lo_unlink(:visits);
DROP SERVER crm;
