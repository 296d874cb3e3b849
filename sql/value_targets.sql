-- A value map that gives a BOOLEAN or NUMBER field something else is told before a row is read: field, map and entry.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');
CREATE TEMP TABLE draft AS SELECT $json${
	"entities": {"patients": {"files": ["patients*"], "columns": {"id": [], "consent": [], "stage": []}, "required": ["id"]}},
	"values": {"yes_no": {"y": true, "n": "false", "?": null}, "stages": {"first": 1, "second": "2.5"}},
	"targets": {"person": {"fields": {
		"consentOnFile": {"type": "BOOLEAN", "label": "Consent on file"}, "stage": {"type": "NUMBER", "label": "Stage"}}}},
	"maps": [{"name": "patient", "object": "person", "source": "{patients} s", "key": "s.id", "fields": {
		"name": "flitmig.full_name(s.id)",
		"consentOnFile": {"expression": "s.consent", "values": "yes_no", "default": "false"},
		"stage": {"expression": "s.stage", "values": "stages"}}}]}$json$::jsonb AS doc;
SELECT flitmig._profile_check(doc) FROM draft;
SELECT flitmig._profile_check(jsonb_set(jsonb_set(jsonb_set(doc, '{values,yes_no,m}', '"maybe"'), '{values,stages,last}', '"NaN"'), '{maps,0,fields,consentOnFile,default}', '"unknown"')) FROM draft;

-- In a migration's own tables it is what confirming says.
INSERT INTO flitmig.profile (name, doc) SELECT 'targets', doc FROM draft;
SELECT flitmig_create('targets', 'crm', profile => 'targets', time_zone => 'UTC');
SELECT lo_from_bytea(0, convert_to(E'ID,Consent,Stage\nP1,y,first\nP2,maybe,last\n', 'UTF8')) AS patients \gset
SELECT "table", rows FROM flitmig_import('targets', 'patients.csv', :patients::oid);
SELECT flitmig_confirm('targets') IS NOT NULL AS confirmed;
INSERT INTO flitmig.value_map (migration_id, name, source_value, target_value) SELECT id, 'yes_no', 'maybe', 'perhaps' FROM flitmig.migration WHERE name = 'targets';
DO $$
DECLARE
	words	text;
	hint	text;
BEGIN
	PERFORM flitmig_confirm('targets');
EXCEPTION WHEN invalid_object_definition THEN
	GET STACKED DIAGNOSTICS words = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RAISE WARNING E'%\n%', words, regexp_replace(hint, '[0-9]+', '#');
END $$;
\set VERBOSITY terse
UPDATE flitmig.value_map SET target_value = NULL WHERE source_value = 'maybe';
UPDATE flitmig.value_map SET target_value = 'infinity' WHERE source_value = 'first';
SELECT flitmig_confirm('targets');
UPDATE flitmig.value_map SET target_value = '1e2' WHERE source_value = 'first';
UPDATE flitmig.field_map SET default_value = 'none' WHERE field = 'stage' AND object_map_id = (SELECT o.id FROM flitmig.object_map o JOIN flitmig.migration m ON m.id = o.migration_id WHERE m.name = 'targets');
SELECT flitmig_confirm('targets');

DROP SCHEMA targets_staging CASCADE;
DELETE FROM flitmig.migration WHERE name = 'targets';
DELETE FROM flitmig.profile WHERE name = 'targets';
SELECT lo_unlink(:patients);
DROP SERVER crm;
