-- What a reference may be, how each ends, and where columns go that the profile does not know.
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\set ECHO none
\i test/fixtures/tiny-clinic.sql
\set ECHO all
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');

-- Staff are named by id, link, e-mail or name; "handles" say what else names a record, "by" which of them a reference uses.
INSERT INTO flitmig.profile (name, doc) VALUES ('references', $json${
	"entities": {
		"staff": {"files": ["staff*"], "columns": {"id": [], "name": [], "email": [], "left": []}, "required": ["id"]},
		"visits": {"files": ["visits*"], "columns": {"id": [], "by_id": [], "by_link": [], "by_email": [], "by_name": []}, "required": ["id"], "unmapped": "fields"}},
	"values": {"nicknames": {"mike mann": "michael mann"}},
	"maps": [
		{"name": "staff", "object": "person", "source": "{staff} s", "key": "s.id",
		 "handles": {"email": "flitmig.to_email(s.email)", "name": "flitmig.name_key(s.name)"},
		 "exclude": [{"when": "flitmig.to_boolean(s.left)", "reason": "left the clinic"}],
		 "fields": {"name": "flitmig.full_name(s.name)"}},
		{"name": "visit", "object": "task", "source": "{visits} s", "key": "s.id",
		 "fields": {
			"title": "'Visit ' || s.id",
			"!id": {"relation": "staff", "key": "s.by_id"},
			"!link": {"relation": "staff", "key": "flitmig.url_tail(s.by_link)"},
			"!email": {"relation": "staff", "by": "email", "key": "flitmig.to_email(s.by_email)"},
			"!name": {"relation": "staff", "by": "name", "key": "flitmig.name_key(s.by_name)", "aliases": "nicknames"}}}]}$json$);
SELECT flitmig_create('tiny', 'crm', profile => 'references', time_zone => 'UTC');
SELECT pg_temp.stage('staff', 'ID,Name,Email,Left',
	'1,Dr. Sarah Johnson MD,sarah@clinic.example,No',
	'2,Michael Mann,mike@clinic.example,No',
	'3,Ann Lee,desk@clinic.example,No',
	'4,Ann Lee,desk@clinic.example,No',
	'5,Olga Old,olga@clinic.example,Yes');
SELECT pg_temp.stage('visits', 'ID,By ID,By link,By email,By name,Shoe size,Title,Favourite colour',
	'V1,1,https://api.example.com/v1/staff/1,Sarah@Clinic.example,Johnson; Sarah,38,x,-',
	'V2,2,https://api.example.com/v1/staff/2/?x=y,MIKE@clinic.example,Mike Mann,-,y,blue',
	'V3,9,https://api.example.com/v1/staff/9,nobody@clinic.example,No Body,-,-,-',
	'V4,3,-,desk@clinic.example,Ann Lee,-,-,-',
	'V5,5,-,olga@clinic.example,Olga Old,-,-,-',
	'V6,-,-,-,-,41,-,-');
UPDATE tiny_staging.visits SET by_name = replace(by_name, ';', ',');

-- A column that nobody knows is a finding; here the profile lets it become a custom field.
SELECT severity, code, object, "column" FROM flitmig_audit('tiny') WHERE code = 'UNMAPPED_COLUMN' ORDER BY 3, 4;
SELECT flitmig_confirm('tiny') ~ '^[0-9a-f]{64}$' AS hash;
SELECT count(*) FROM flitmig_audit('tiny') WHERE code = 'UNMAPPED_COLUMN';
SELECT severity, message FROM flitmig.finding WHERE code = 'UNMAPPED_COLUMN' ORDER BY 2;
SELECT name, type, label, description FROM flitmig.target_field WHERE object = 'task' ORDER BY position;
-- Confirming again adds nothing.
SELECT flitmig_confirm('tiny') = mapping_hash AS same FROM flitmig.migration WHERE name = 'tiny';

SELECT set_config('test.migration', id::text, false) IS NOT NULL AS migration FROM flitmig.migration WHERE name = 'tiny';
\set ECHO none
\o /dev/null
\i test/fixtures/live-2.19.sql
\i test/fixtures/live-prepare.sql
\o
\set ECHO all
SELECT flitmig._map(current_setting('test.migration')::integer);
SELECT source_key, payload, refs <> '{}' AS points FROM flitmig.record WHERE object = 'task' ORDER BY sequence;
-- Each reference ends in one way, and the ends add up to the rows.
SELECT o.name, c.field, c.resolved, c.missing, c.ambiguous, c.excluded, c.blank, c.resolved + c.missing + c.ambiguous + c.excluded + c.blank AS rows
FROM flitmig.reference_count c JOIN flitmig.object_map o ON o.id = c.object_map_id ORDER BY 1, 2;
SELECT severity, code, column_name, count, places, message, hint FROM flitmig.finding WHERE step = 'map' AND code LIKE '%REFERENCE%' ORDER BY column_name, code;

-- A visit that must have its doctor says why it stays behind.
UPDATE flitmig.field_map SET on_missing = 'exclude' WHERE field = '!name';
SELECT flitmig_confirm('tiny') IS NOT NULL AS confirmed;
SELECT flitmig._map(current_setting('test.migration')::integer);
SELECT source_key, state, reason FROM flitmig.record WHERE object = 'task' ORDER BY sequence;

-- The other two choices: only reported, or collected into one field (as the map says: s._extra).
UPDATE flitmig.migration SET profile_doc = jsonb_set(profile_doc, '{entities,visits,unmapped}', '"collect"') WHERE name = 'tiny';
DELETE FROM flitmig.field_map WHERE expression LIKE 's._extra%';
SELECT severity, code, "column" FROM flitmig_audit('tiny') WHERE code = 'UNMAPPED_COLUMN' ORDER BY 3;
UPDATE flitmig.migration SET profile_doc = profile_doc #- '{entities,visits,unmapped}' WHERE name = 'tiny';
SELECT severity, code, "column" FROM flitmig_audit('tiny') WHERE code = 'UNMAPPED_COLUMN' ORDER BY 3;
-- Dropped by name, it is none.
UPDATE flitmig.migration SET profile_doc = jsonb_set(profile_doc, '{entities,visits,drop}', '["Shoe Size", "Title", "Favourite colour"]') WHERE name = 'tiny';
SELECT severity, code, "column" FROM flitmig_audit('tiny') WHERE code = 'UNMAPPED_COLUMN' ORDER BY 3;

-- The wrong file under a known name is one finding, not thousands, and nothing is confirmed.
SELECT pg_temp.stage('staff', 'Number,Name', '1,Somebody', '2,Else');
ALTER TABLE tiny_staging.staff RENAME id TO old_id;
SELECT severity, code, object, "column", count FROM flitmig_audit('tiny') WHERE code = 'MISSING_COLUMN';
SELECT flitmig_confirm('tiny');
ALTER TABLE tiny_staging.staff RENAME old_id TO id;

-- An expression that fails on a value never shows the value: options, owners, rules of the audit.
UPDATE flitmig.migration SET profile_doc = jsonb_set(profile_doc, '{targets}', '{"task": {"fields": {"kind": {"type": "SELECT", "label": "Kind", "optionsFrom": {"map": "visit", "expression": "s.by_email::integer"}}}}}') WHERE name = 'tiny';
SELECT flitmig._refresh_targets(id) FROM flitmig.migration WHERE name = 'tiny';
UPDATE flitmig.field_map SET kind = 'owner', expression = 's.by_email::date', reference = NULL WHERE field = '!id';
SELECT * FROM flitmig_owners('tiny');
UPDATE flitmig.field_map SET kind = 'relation', expression = 's.by_id', reference = 'staff' WHERE field = '!id';
UPDATE flitmig.migration SET mapped_at = NULL, profile_doc = jsonb_set(profile_doc, '{audit}', '[{"code": "ODD", "severity": "info", "entity": "visits", "where": "s.by_email::numeric > 1"}]') WHERE name = 'tiny';
SELECT * FROM flitmig_audit('tiny');
UPDATE flitmig.field_map SET expression = 's.by_email::numeric::text' WHERE field = 'title';
SELECT * FROM flitmig_audit('tiny');

-- Which of several rows with one key counts, and what only a file's name says.
UPDATE flitmig.migration SET profile_doc = profile_doc - 'audit' - 'targets' || '{"entities": {"visits": {"files": ["visits*"], "columns": {"id": [], "by_id": [], "changed": []}, "labels": {"year": "-(20[0-9]{2})\\."}}}}',
	mapping_hash = NULL WHERE name = 'tiny';
DELETE FROM flitmig.object_map WHERE name = 'staff';
DELETE FROM flitmig.field_map WHERE field <> 'title';
UPDATE flitmig.field_map SET expression = 'concat_ws('' '', s.by_id, s.year)';
DROP TABLE tiny_staging.visits;
SELECT pg_temp.stage('visits', 'ID,By ID,Changed', 'V1,early,2024-03-01', 'V1,with the longest title,2024-01-01', 'V1,late,2024-02-01', 'V2,same,-', 'V2,same,-');
UPDATE flitmig.source_file SET name = 'visits-2021.csv' WHERE staging_table = 'visits';
CREATE PROCEDURE pg_temp.merge(rule jsonb) LANGUAGE plpgsql AS $$
BEGIN
	UPDATE flitmig.object_map SET merge = rule;
	PERFORM flitmig._map(current_setting('test.migration')::integer);
END $$;
CALL pg_temp.merge('"last"');
SELECT source_key, state, payload ->> 'title' AS title FROM flitmig.record ORDER BY 1;
CALL pg_temp.merge('"first"');
SELECT source_key, state, payload ->> 'title' AS title FROM flitmig.record ORDER BY 1;
CALL pg_temp.merge('"fullest"');
SELECT source_key, state, payload ->> 'title' AS title FROM flitmig.record ORDER BY 1;
CALL pg_temp.merge('{"newest": "flitmig.to_date(s.changed, NULL)"}');
SELECT source_key, state, payload ->> 'title' AS title FROM flitmig.record ORDER BY 1;
CALL pg_temp.merge('"refuse"');
SELECT source_key, state, reason FROM flitmig.record ORDER BY 1;
SELECT severity, code, count, message FROM flitmig.finding WHERE step = 'map' AND code = 'DUPLICATE_KEY' ORDER BY 1;
UPDATE flitmig.source_file SET labels = '{"year": "1999"}' WHERE staging_table = 'visits';
CALL pg_temp.merge('"last"');
SELECT payload ->> 'title' AS title FROM flitmig.record WHERE source_key = 'V2';
SELECT flitmig._profile_check('{"entities": {"a": {"files": [], "columns": {"x": []}, "labels": {"x": "y"}}}, "maps": [{"name": "m", "object": "person", "source": "{a} s", "key": "s.x", "merge": "best", "handles": {"N": "s.x"}, "fields": {"name": {"relation": "m", "by": "mail", "key": "s.x", "aliases": "nick"}}}]}');
DELETE FROM flitmig.migration WHERE name = 'tiny';
SELECT count(*) AS records_left FROM flitmig.record;
DROP SCHEMA tiny_staging CASCADE;
DELETE FROM flitmig.profile WHERE name = 'references';
DROP SERVER crm;
