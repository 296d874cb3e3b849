-- Profiles, order, compilation and what a newer export changes, on both recorded models.
\ir setup.psql
SELECT plan(79);

-- ---- profile documents ----
CREATE FUNCTION pg_temp.problems(change jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(p, E'\n'), '') FROM flitmig._profile_check('{
		"entities": {"people": {"files": ["people*"], "columns": {"id": ["Id"], "name": ["Name"]}, "required": ["id"]}},
		"maps": [{"name": "person", "object": "person", "source": "{people} s", "key": "s.id", "fields": {"jobTitle": "s.name"}}]}'::jsonb || change) p $$;
SELECT is(pg_temp.problems('{}'), '', 'a small profile is sound');
SELECT is_empty($$SELECT name, flitmig._profile_check(doc) FROM flitmig.profile WHERE builtin$$, 'the profiles that ship are sound');
SELECT is(pg_temp.problems('{"entity": {}}'), 'profile.entity is unknown; known: description, entities, values, targets, maps, unique, automations, staff, audit, owner_aliases', 'unknown members are named');
SELECT is(pg_temp.problems('{"maps": []}'), 'maps is missing or empty', 'maps must be there');
SELECT is(pg_temp.problems('{"entities": {"people": {"files": "people*", "columns": {"id": "Id", "name": []}, "required": ["mrn"], "unmapped": "keep"}}}'),
	E'entities.people.files must be an array of file name patterns\nentities.people.columns.id must be an array of header spellings\nentities.people.required names mrn, which is not among its columns\nentities.people.unmapped must be "report", "collect" or "fields"',
	'entities: each problem has its path');
SELECT is(pg_temp.problems('{"maps": [{"name": "person", "object": "person", "source": "{persons} s", "key": "s.id", "fields": {"jobTitle": "s.name"}}]}'),
	'maps[0] (person).source: {persons} is neither an entity (people) nor country, currency, time_zone, year, salt, order entity.column', 'unknown entities are named');
SELECT is(pg_temp.problems('{"maps": [{"name": "person", "object": "person", "source": "{people} s", "key": "s.id", "fields": {"jobTitle": "s.nam"}}]}'),
	'maps[0] (person).fields.jobTitle reads s.nam, which is not among entities.people.columns', 'unknown columns are named');
SELECT is(pg_temp.problems('{"maps": [{"name": "person", "object": "person", "source": "{people} s", "key": "s.id", "filter": "s.name <> ''s.x''", "fields": {"jobTitle": "flitmig.to_date(s.name, {order people.nam})"}}]}'),
	'maps[0] (person).fields.jobTitle: {order people.nam} is neither an entity (people) nor country, currency, time_zone, year, salt, order entity.column', 'date orders name a column; what stands in quotes is no column');
SELECT is(pg_temp.problems('{"maps": [{"name": "person", "object": "person", "source": "{people} s", "key": "s.id", "fields": {
		"a": {"relation": "company", "key": "s.id"}, "b": {"relation": "person"}, "c": {"expression": "s.id", "owner": "s.id"}, "@d": "s.id", "e": {"expression": "s.name", "values": "sex", "defualt": "x"}}}]}'),
	E'maps[0] (person).fields.e.defualt is unknown; known: expression, values, default, onError, onBlank, relation, key, by, aliases, onMissing, owner, columns, description\nmaps[0] (person).fields.c needs exactly one of expression, relation, owner\nmaps[0] (person).fields.b: a relation needs a key\nmaps[0] (person).fields.@d: only a relation begins with @\nmaps[0] (person).fields.a.relation names company, which is not a map; the maps are person\nmaps[0] (person).fields.e.values names sex, which is not in values',
	'fields: each problem has its path');
SELECT is(pg_temp.problems('{"targets": {"Person": {"fields": {}}, "person": {"fields": {"role": {"type": "TEXT", "label": "Role"}, "size": {"type": "NUMERIC", "label": "Size"}, "kind": {"type": "SELECT", "label": "Kind"},
		"hue": {"type": "SELECT", "label": "Hue", "options": [{"value": "red", "label": "Red"}]}, "boss": {"type": "RELATION", "label": "Boss"}}}}}') ~
	'"Person" is no name.*"role" is reserved.*person.fields.size.type "NUMERIC" is none.*fields.boss: a RELATION needs.*fields.kind: a SELECT needs options.*hue.options\[0\] needs a value in UPPER_SNAKE_CASE', true, 'targets: names, types and options are checked');
SELECT is(pg_temp.problems('{"values": {"sex": {"F": "FEMALE", "m": []}}, "unique": {"person": "npi"}, "audit": [{"code": "X", "severity": "bad", "entity": "pets"}], "staff": {"entity": "staff"}}'),
	E'values.sex must be an object: source value → target value (text, number, true, false) or null\nvalues.sex.F: source values are trimmed and lower case\nunique.person must be an array of fields\naudit[0].where is missing\naudit[0].severity must be "info", "warning" or "error"\naudit[0].entity names "pets", which is not an entity\nstaff.entity names "staff", which is not an entity',
	'values, unique, audit and staff are checked');

-- ---- a clinic in small, on both models ----
CREATE SERVER map_test FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com/');
INSERT INTO flitmig.profile (name, doc) VALUES ('small', '{
	"entities": {
		"people": {"files": ["people*"], "required": ["id"], "unmapped": "collect", "drop": ["SSN"],
			"columns": {"id": ["Person ID"], "name": ["Name"], "email": ["Email", "E-mail address"], "boss": ["Boss"], "born": ["Born"], "deleted": ["Deleted"], "kind": ["Kind"], "owner": ["Owner"]}},
		"visits": {"files": ["visits*"], "columns": {"id": ["Id"], "person": ["Person"], "friend": ["Friend"], "owner": ["Owner"], "status": ["Status"]}}},
	"values": {"status": {"done": "DONE", "open": "TODO", "": null}},
	"targets": {
		"person": {"fields": {
			"code": {"type": "TEXT", "label": "Code", "unique": true}, "dateOfBirth": {"type": "DATE", "label": "Birth date"}, "sourceExtra": {"type": "RAW_JSON", "label": "Extra"},
			"kind": {"type": "SELECT", "label": "Kind", "optionsFrom": {"map": "person", "expression": "s.kind"}},
			"boss": {"type": "RELATION", "label": "Boss", "relation": "person", "relationLabel": "Staff"},
			"lastVisit": {"type": "RELATION", "label": "Last visit", "relation": "visit", "relationLabel": "Last of"}}},
		"visit": {"namePlural": "visits", "label": "Visit", "labelPlural": "Visits", "fields": {
			"visitStatus": {"type": "TEXT", "label": "Status"}, "visitor": {"type": "RELATION", "label": "Visitor", "relation": "person", "relationLabel": "Visits"},
			"friend": {"type": "RELATION", "label": "Friend", "relation": "person", "relationLabel": "Visits as friend"},
			"keeper": {"type": "RELATION", "label": "Keeper", "relation": "workspaceMember", "relationLabel": "Kept visits"}}}},
	"maps": [
		{"name": "link", "object": "noteTarget", "source": "{visits} s", "key": "s.id", "fields": {"note": {"relation": "note", "key": "s.id", "onMissing": "exclude"}, "@visit": {"relation": "visit", "key": "s.id"}, "@person": {"relation": "person|nobody", "key": "s.person"}}},
		{"name": "note", "object": "note", "source": "{visits} s", "key": "s.id", "fields": {"title": "s.id", "!visit": {"relation": "visit", "key": "s.id", "onMissing": "exclude"}}},
		{"name": "visit", "object": "visit", "source": "{visits} s", "key": "s.id", "filter": "s.status IS DISTINCT FROM ''never''",
			"fields": {"name": "s.id", "visitStatus": {"expression": "s.status", "values": "status", "default": "OTHER"}, "visitor": {"relation": "person", "key": "s.person", "onMissing": "exclude"},
				"friend": {"relation": "nobody|person", "key": "s.friend"}, "keeper": {"owner": "s.owner"}}},
		{"name": "nobody", "object": "person", "source": "{people} s", "key": "s.id", "filter": "false", "fields": {"jobTitle": "s.name"}},
		{"name": "person", "object": "person", "source": "{people} s", "key": "s.id", "exclude": [{"when": "s.deleted = ''yes''", "reason": "deleted"}],
			"fields": {"jobTitle": "s.name", "emails": "flitmig.to_emails(s.email)", "dateOfBirth": "flitmig.iso(flitmig.to_date(s.born, {order people.born}))", "code": "s.name", "sourceExtra": "s._extra",
				"kind": "flitmig.option_value(s.kind)", "boss": {"relation": "person", "key": "s.boss"}, "lastVisit": {"relation": "visit", "key": "(SELECT max(v.id) FROM {visits} v WHERE v.person = s.id)"}}}],
	"unique": {"person": ["emails.primaryEmail"]}}');

CREATE FUNCTION pg_temp.mig(name text DEFAULT 'map_a') RETURNS integer LANGUAGE sql STABLE AS $$ SELECT m.id FROM flitmig.migration m WHERE m.name = $1 $$;
CREATE FUNCTION pg_temp.stage(migration text, file text, entity text, header text, VARIADIC rows text[]) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	names	text[] := ARRAY(SELECT flitmig._column_name(h) FROM unnest(string_to_array(header, ',')) h);
	staging	text := migration || '_staging';
	id		integer;
	col		text;
BEGIN
	INSERT INTO flitmig.source_file (migration_id, path, name, staging_table, sha256, bytes, format, rows_read, rows_loaded)
	VALUES (pg_temp.mig(migration), file, file, entity, sha256(convert_to(clock_timestamp()::text, 'UTF8')), 0, 'csv', cardinality(rows), cardinality(rows)) RETURNING source_file.id INTO id;
	UPDATE flitmig.source_file f SET superseded_by = stage.id FROM (SELECT id) stage WHERE f.migration_id = pg_temp.mig(migration) AND f.name = file AND f.id <> stage.id;
	EXECUTE format('CREATE TABLE IF NOT EXISTS %I.%I (_file integer NOT NULL, _line bigint NOT NULL, _hash bigint NOT NULL)', staging, entity);
	FOREACH col IN ARRAY names LOOP
		EXECUTE format('ALTER TABLE %I.%I ADD COLUMN IF NOT EXISTS %I text', staging, entity, col);
	END LOOP;
	EXECUTE format('INSERT INTO %I.%I (_file, _line, _hash, %s) SELECT $1, r.n + 1, hashtextextended(r.line, 0), %s FROM (SELECT u.n, u.line, string_to_array(u.line, '','', ''-'') AS c FROM unnest($2) WITH ORDINALITY u(line, n)) r',
				   staging, entity, (SELECT string_agg(quote_ident(n), ', ') FROM unnest(names) n), (SELECT string_agg(format('r.c[%s]', i), ', ') FROM generate_subscripts(names, 1) i)) USING id, rows;
	RETURN id;
END $$;
CREATE FUNCTION pg_temp.payload(map text, key text, migration text DEFAULT 'map_a') RETURNS jsonb LANGUAGE sql STABLE AS
$$ SELECT r.payload FROM flitmig.record r JOIN flitmig.object_map o ON o.id = r.object_map_id WHERE r.migration_id = pg_temp.mig($3) AND o.name = $1 AND r.source_key = $2 $$;
CREATE FUNCTION pg_temp.state(map text, key text) RETURNS text LANGUAGE sql STABLE AS
$$ SELECT concat_ws(': ', r.state, r.reason) FROM flitmig.record r JOIN flitmig.object_map o ON o.id = r.object_map_id WHERE r.migration_id = pg_temp.mig() AND o.name = $1 AND r.source_key = $2 $$;
CREATE FUNCTION pg_temp.id(map text, key text) RETURNS text LANGUAGE sql STABLE AS
$$ SELECT flitmig.uuid_v5(m.namespace, $1 || ':' || $2)::text FROM flitmig.migration m WHERE m.id = pg_temp.mig() $$;
CREATE FUNCTION pg_temp.found(code text, object text DEFAULT NULL) RETURNS text LANGUAGE sql STABLE AS
$$ SELECT string_agg(concat_ws(' ', f.severity, f.object, f.column_name, f.count, nullif(array_to_string(f.places, ','), '')), '; ' ORDER BY f.object, f.column_name, f.severity) FROM flitmig.finding f
   WHERE f.migration_id = pg_temp.mig() AND f.code = $1 AND ($2 IS NULL OR f.object = $2) $$;
CREATE FUNCTION pg_temp.map(migration text DEFAULT 'map_a') RETURNS void LANGUAGE sql AS $$ SELECT flitmig._map(pg_temp.mig($1)) $$;

SELECT is(flitmig_create('map_a', 'map_test', profile => 'small', time_zone => 'UTC'), 'map_a', 'a migration is created');
SELECT is(flitmig_create('map_b', 'map_test', profile => 'small', time_zone => 'UTC', default_owner => 'Chief@clinic.example'), 'map_b', 'and another');
SELECT is((SELECT namespace FROM flitmig.migration WHERE name = 'map_a'), flitmig.uuid_v5('6ba7b811-9dad-11d1-80b4-00c04fd430c8', 'https://crm.example.com/map_a'), 'the namespace comes from url and name');
SELECT throws_like($$SELECT flitmig_create('map_c', 'map_test', currency => 'Dollar')$$, 'invalid currency%', 'currencies have three letters');
SELECT throws_like($$SELECT flitmig_create('map_c', 'map_test', default_owner => 'the boss')$$, 'the default owner is not an e-mail%', 'the default owner is an e-mail address');
INSERT INTO flitmig.profile (name, doc) VALUES ('broken', '{"entities": {}, "maps": []}');
SELECT throws_like($$SELECT flitmig_create('map_c', 'map_test', profile => 'broken')$$, 'profile "broken" has 2 problem(s): entities is missing or empty', 'a broken profile is refused');
SELECT throws_like($$SELECT flitmig._map(pg_temp.mig())$$, 'the schema of server "map_test" has not been read%', 'no records before the schema is known');

SELECT pg_temp.stage(m, 'people.csv', 'people', 'Person ID,Name,E-mail address,Boss,Born,Deleted,Kind,SSN,Shoe Size,Owner',
	'1,Ada,family@example.com,-,1980-03-04,-,Tall,1,38,-',
	'2,Ben,Family@example.com own@example.com,1,03/04/1980,-,Small,2,-,-',
	'3,Cleo,family@example.com,9,31.12.1999,yes,-,3,-,-',
	'4,Ada,own@example.com,4,-,-,tall,4,40,-',
	'-,Nobody,-,-,-,-,-,5,-,-',
	'5,Dee,-,-,-,-,-,6,-,-',
	'5,Dee,-,-,-,-,-,6,-,-',
	'6,Early,-,-,-,-,-,7,-,-',
	'6,Late,-,-,-,-,-,8,-,-') IS NOT NULL FROM unnest('{map_a,map_b}'::text[]) m \g /dev/null
SELECT pg_temp.stage(m, 'visits.csv', 'visits', 'Id,Person,Friend,Owner,Status',
	'V1,1,2,mia@clinic.example,Done', 'V2,3,1,Mia Front,open', 'V3,7,3,Mike Smith,moved', 'V4,4,8,-,-', 'V5,1,3,chief@clinic.example,never') IS NOT NULL
FROM unnest('{map_a,map_b}'::text[]) m \g /dev/null

-- Before flitmig_prepare: the fields that are missing are named, the payload is as it will be.
SELECT set_config('test.migration', pg_temp.mig('map_a')::text, true) \g /dev/null
\ir ../fixtures/live-2.19.sql
SELECT lives_ok('SELECT pg_temp.map()', 'records can be made for a fresh server');
SELECT is((SELECT string_agg(f.object || '.' || f.column_name, ' ' ORDER BY f.object COLLATE "C", f.column_name COLLATE "C") FROM flitmig.finding f WHERE f.migration_id = pg_temp.mig() AND f.code = 'MISSING_FIELD' AND f.severity = 'error'),
	'link.@visit person.boss person.code person.dateOfBirth person.kind person.lastVisit person.sourceExtra visit.friend visit.keeper visit.name visit.visitStatus visit.visitor', 'fields that the server lacks are named');
SELECT is(pg_temp.payload('link', 'V1'), jsonb_build_object('noteId', pg_temp.id('note', 'V1'), 'targetVisitId', pg_temp.id('visit', 'V1'), 'targetPersonId', pg_temp.id('person', '1')), '2.19 links through target…Id, also to objects to come');
CREATE TEMP TABLE before_prepare AS SELECT id, hash FROM flitmig.record WHERE migration_id = pg_temp.mig();
\ir ../fixtures/live-prepare.sql
SELECT pg_temp.map() \g /dev/null
SELECT is(pg_temp.found('MISSING_FIELD'), NULL, 'after flitmig_prepare nothing is missing');
SELECT is_empty($$SELECT id FROM flitmig.record r JOIN before_prepare b USING (id) WHERE r.hash <> b.hash$$, 'and the payloads were right before');

-- ---- order ----
SELECT is((SELECT string_agg(name, ' ' ORDER BY position) FROM flitmig.object_map WHERE migration_id = pg_temp.mig()), 'nobody person visit note link', 'the cycle of person and visit is broken at its cheapest, all else is in order');
SELECT is((SELECT string_agg(o.name || '.' || d.field, ' ' ORDER BY o.name, d.field) FROM flitmig.deferred_field d JOIN flitmig.object_map o ON o.id = d.object_map_id WHERE d.migration_id = pg_temp.mig()),
	'person.bossId person.lastVisitId', 'self relations and the cycle''s fields come in a second pass');
SELECT is(pg_temp.found('REFERENCE_CYCLE'), 'info person 1', 'a cycle is noted');
SELECT is((SELECT string_agg(name, ' ' ORDER BY position) FROM flitmig.object_map WHERE migration_id = pg_temp.mig()),
	(SELECT string_agg(o.name, ' ' ORDER BY o.position) FROM (SELECT count(*) FROM flitmig._order(pg_temp.mig())) x, flitmig.object_map o WHERE o.migration_id = pg_temp.mig()), 'the order is always the same');

-- ---- values, keys, places ----
SELECT is((SELECT (rows_read, filtered, blank_keys, duplicate_keys, mapped, excluded)::text FROM flitmig.map_count c JOIN flitmig.object_map o ON o.id = c.object_map_id WHERE c.migration_id = pg_temp.mig() AND o.name = 'person'), '(9,0,1,2,5,1)', 'every row of the people is accounted for');
SELECT is((SELECT (rows_read, filtered, blank_keys, duplicate_keys, mapped, excluded)::text FROM flitmig.map_count c JOIN flitmig.object_map o ON o.id = c.object_map_id WHERE c.migration_id = pg_temp.mig() AND o.name = 'visit'), '(5,1,0,0,2,2)', 'and of the visits');
SELECT is_empty($$SELECT * FROM flitmig.map_count WHERE rows_read <> filtered + blank_keys + duplicate_keys + mapped + excluded$$, 'no row is lost');
SELECT is(pg_temp.found('DUPLICATE_KEY'), 'info person s.id 1 people.csv:7; warning person s.id 1 people.csv:9', 'equal rows are told from rows that differ');
SELECT is(pg_temp.payload('person', '6')->>'jobTitle', 'Late', 'the last row of a key counts');
SELECT is(pg_temp.found('BLANK_KEY'), 'warning person s.id 1 people.csv:6', 'rows without key are reported');
SELECT is(pg_temp.found('UNREADABLE_VALUE'), 'warning person born 1 people.csv:3', 'an ambiguous date is not read, but reported; excluded rows are not');
SELECT is(pg_temp.found('UNMAPPED_VALUE', 'visit'), 'warning visit status 1 visits.csv:4', 'a value that the value map does not know is reported');
SELECT ok(NOT pg_temp.payload('visit', 'V4') ? 'visitStatus', 'a blank may be mapped to nothing');
SELECT is(pg_temp.payload('person', '1')->'sourceExtra', '{"owner": "-"}'::jsonb - 'owner' || '{"shoe_size": "38"}', 'columns that the profile does not know are collected, dropped ones are not');
SELECT ok(NOT pg_temp.payload('person', '2') ? 'sourceExtra', 'and nothing is said when they are blank');
SELECT is((SELECT refs FROM flitmig.record WHERE id = pg_temp.id('visit', 'V1')::uuid), ARRAY[pg_temp.id('person', '2'), pg_temp.id('person', '1')]::uuid[], 'refs are the records that are pointed at');
SELECT is((SELECT hash FROM flitmig.record WHERE id = pg_temp.id('visit', 'V1')::uuid), jsonb_hash_extended(pg_temp.payload('visit', 'V1'), 0), 'the hash is that of the payload');
SELECT is((SELECT array_agg(sequence ORDER BY sequence) = array_agg(sequence ORDER BY file_id, line_no) FROM flitmig.record WHERE migration_id = pg_temp.mig() AND object = 'visit'), true, 'the sequence is that of the file');

-- ---- references ----
SELECT is(pg_temp.state('visit', 'V2'), 'excluded: parent excluded: deleted', 'who needs an excluded record is excluded');
SELECT is(pg_temp.state('note', 'V2'), 'excluded: parent excluded: deleted', 'through a record that is not sent along, too');
SELECT is(pg_temp.state('link', 'V2'), 'excluded: parent excluded: deleted', 'and down to the last one');
SELECT is(pg_temp.state('visit', 'V3'), 'excluded: visitor not found', 'who needs an unknown record is excluded');
SELECT is(pg_temp.found('UNRESOLVED_REFERENCE'), 'warning note id 1 visits.csv:6; warning person id 1 people.csv:2; warning visit friend 1 visits.csv:5; warning visit person 1 visits.csv:4', 'unknown and filtered records are reported, once each');
SELECT is(pg_temp.payload('visit', 'V4') ? 'friendId', false, 'a field without a record stays empty');
SELECT is(pg_temp.payload('visit', 'V1')->>'friendId', pg_temp.id('person', '2'), 'of several maps the one that has the key is taken');
SELECT is(pg_temp.payload('person', '4')->>'bossId', pg_temp.id('person', '4'), 'a record may point at itself');
SELECT is(pg_temp.payload('person', '1')->>'lastVisitId', NULL, 'a filtered record is no record');

-- ---- what Twenty takes once only ----
SELECT is(pg_temp.payload('person', '1')->'emails', '{"primaryEmail": "family@example.com"}', 'the first keeps a shared address');
SELECT is(pg_temp.payload('person', '2')->'emails', '{"primaryEmail": "", "additionalEmails": ["family@example.com", "own@example.com"]}', 'the next has it as additional; an own address that is somebody else''s does not step up');
SELECT is(pg_temp.payload('person', '3')->'emails', '{"primaryEmail": "family@example.com"}', 'excluded records take part in nothing');
SELECT is(pg_temp.found('SHARED_EMAIL'), 'warning person emails.primaryEmail 1 people.csv:3', 'shared addresses are reported');
SELECT ok(pg_temp.payload('person', '1') ? 'code' AND NOT pg_temp.payload('person', '4') ? 'code', 'of other unique values only the first stays');
SELECT is(pg_temp.found('DUPLICATE_UNIQUE'), 'warning person code 1 people.csv:5', 'and that is reported');
INSERT INTO flitmig.base (migration_id, id, object, object_map_id, origin, run_id, hash, sent, stored)
SELECT migration_id, id, object, object_map_id, 'created', 1, 0, jsonb_set(payload, '{emails}', '{"primaryEmail": "family@example.com"}'), '{}' FROM flitmig.record WHERE id = pg_temp.id('person', '2')::uuid;
SELECT pg_temp.map() \g /dev/null
SELECT is(pg_temp.payload('person', '2')->'emails', '{"primaryEmail": "family@example.com", "additionalEmails": ["own@example.com"]}', 'who holds the address in Twenty keeps it');
SELECT is(pg_temp.payload('person', '1')->'emails', '{"primaryEmail": "", "additionalEmails": ["family@example.com"]}', 'then the first has it as additional');
UPDATE flitmig.base SET id = pg_temp.id('person', '3')::uuid, object_map_id = (SELECT id FROM flitmig.object_map WHERE migration_id = pg_temp.mig() AND name = 'person');
SELECT pg_temp.map() \g /dev/null
SELECT is(pg_temp.payload('person', '1')#>>'{emails,primaryEmail}' || (pg_temp.payload('person', '2')#>>'{emails,primaryEmail}'), '', 'a record in Twenty that is not mapped any more still holds its address');
DELETE FROM flitmig.base WHERE migration_id = pg_temp.mig();

-- ---- owners ----
INSERT INTO flitmig.live_member SELECT pg_temp.mig(m), md5(e)::uuid, e, f, 'Front' FROM unnest('{map_a,map_b}'::text[]) m, (VALUES ('mia@clinic.example', 'Mia'), ('chief@clinic.example', 'Carl')) v(e, f);
SELECT pg_temp.map() \g /dev/null
SELECT is(pg_temp.payload('visit', 'V1')->>'keeperId', md5('mia@clinic.example')::uuid::text, 'an owner is found by e-mail');
SELECT set_eq($$SELECT source_value, status, records FROM flitmig.owner WHERE migration_id = pg_temp.mig()$$, $$VALUES ('mia@clinic.example', 'matched', 1), ('mia front', 'matched', 1), ('mike smith', 'unmatched', 1)$$, 'by name, or not at all');
SELECT is(pg_temp.found('OWNER_UNMATCHED'), 'warning workspaceMember 1', 'who is no member is counted');
UPDATE flitmig.migration SET options = '{"owner_aliases": {"Mike Smith": "MIA@clinic.example"}}' WHERE id = pg_temp.mig();
SELECT results_eq($$SELECT email, name, records, status, invite FROM flitmig_owners('map_a') ORDER BY 1, 2$$, $$VALUES ('mia@clinic.example', 'Mia Front', 2::numeric::bigint, 'alias', false), (NULL, 'Mia Front', 1, 'matched', false)$$, 'an alias leads to a member');

-- ---- the other model ----
SELECT set_config('test.migration', pg_temp.mig('map_b')::text, true) \g /dev/null
\ir ../fixtures/live-1.17.sql
\ir ../fixtures/live-prepare.sql
SELECT pg_temp.map('map_b') \g /dev/null
SELECT is((SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(pg_temp.payload('link', 'V1', 'map_b')) k), '{noteId,personId,visitId}', '1.17 links through …Id');
SELECT is((SELECT string_agg(name, ' ' ORDER BY position) FROM flitmig.object_map WHERE migration_id = pg_temp.mig('map_b')), 'nobody person visit note link', 'the order is the same on 1.17');
SELECT is((SELECT string_agg(source_value || ' ' || status, ', ' ORDER BY source_value) FROM flitmig.owner WHERE migration_id = pg_temp.mig('map_b')), 'mia front matched, mia@clinic.example matched, mike smith default', 'the default owner stands in');

-- ---- confirmation ----
CREATE TEMP TABLE hashes AS SELECT 1 AS n, flitmig_confirm('map_a') AS hash;
SELECT is((SELECT options FROM flitmig.target_field WHERE migration_id = pg_temp.mig() AND name = 'kind'), '[{"value": "SMALL", "label": "Small", "color": "green"}, {"value": "TALL", "label": "Tall", "color": "turquoise"}]', 'options come from the values, spellings of one value are one option');
SELECT pg_temp.stage('map_a', 'more.csv', 'people', 'Person ID,Name,Kind', '10,Zoe,Giant') \g /dev/null
SELECT is(flitmig_confirm('map_a'), (SELECT hash FROM hashes), 'a new option does not change the hash');
SELECT is((SELECT string_agg(o->>'value' || ' ' || (o->>'color'), ', ') FROM flitmig.target_field, jsonb_array_elements(options) o WHERE migration_id = pg_temp.mig() AND name = 'kind'), 'SMALL green, TALL turquoise, GIANT sky', 'a new option comes last');
UPDATE flitmig.value_map SET target_value = 'DOING' WHERE migration_id = pg_temp.mig() AND source_value = 'open';
SELECT isnt(flitmig_confirm('map_a'), (SELECT hash FROM hashes), 'a changed value map changes the hash');
UPDATE flitmig.object_map SET filter = 's.status <> 1' WHERE migration_id = pg_temp.mig() AND name = 'visit';
SELECT throws_like($$SELECT flitmig_confirm('map_a')$$, 'object map "visit", filter: operator does not exist%', 'a filter that is no SQL is named');
UPDATE flitmig.object_map SET filter = NULL WHERE migration_id = pg_temp.mig() AND name = 'visit';
UPDATE flitmig.field_map f SET expression = 's.name::integer' FROM flitmig.object_map o WHERE o.id = f.object_map_id AND o.migration_id = pg_temp.mig() AND o.name = 'person' AND f.field = 'jobTitle';
SELECT throws_ok('SELECT pg_temp.map()', '55000', 'the mapping of migration "map_a" was changed since it was confirmed', 'what was not confirmed is not mapped');
SELECT flitmig_confirm('map_a') \g /dev/null
SELECT throws_ok('SELECT pg_temp.map()', '22P02', 'object map "person", field "jobTitle": the expression fails on a value of the export', 'an error of an expression tells the field, not the value');
UPDATE flitmig.field_map f SET expression = 's.name' FROM flitmig.object_map o WHERE o.id = f.object_map_id AND o.migration_id = pg_temp.mig() AND o.name = 'person' AND f.field = 'jobTitle';
SELECT flitmig_confirm('map_a') \g /dev/null

-- ---- a newer export ----
SELECT pg_temp.map() \g /dev/null
CREATE TEMP TABLE earlier AS SELECT r.id, r.state, r.hash, r.xmin::text AS version FROM flitmig.record r WHERE r.migration_id = pg_temp.mig();
SELECT pg_temp.map() \g /dev/null
SELECT is_empty($$SELECT r.id FROM flitmig.record r JOIN earlier e USING (id) WHERE e.version <> r.xmin::text$$, 'mapping the same rows again writes nothing');
SELECT pg_temp.stage('map_a', 'more.csv', 'people', 'Person ID,Name,Kind', '11,Yan,Giant') \g /dev/null
SELECT pg_temp.map() \g /dev/null
SELECT is(pg_temp.state('person', '10') || ', ' || pg_temp.state('person', '11') || ', ' || pg_temp.state('person', '1'), 'gone, mapped, mapped', 'rows of a superseded file are gone, new ones come, other files stay');
SELECT pg_temp.stage('map_a', 'more.csv', 'people', 'Person ID,Name,Kind', '11,Yann,Giant', '10,Zoe,Giant') \g /dev/null
SELECT pg_temp.map() \g /dev/null
SELECT is(pg_temp.state('person', '10'), 'mapped', 'a row that returns is mapped again');
SELECT is((SELECT r.hash = e.hash FROM flitmig.record r JOIN earlier e USING (id) WHERE r.id = pg_temp.id('person', '10')::uuid), true, 'with the hash that it had');
SELECT is(pg_temp.payload('person', '11')->>'jobTitle', 'Yann', 'a row that changed is changed');

-- ---- audit ----
SELECT is((SELECT string_agg(concat_ws(' ', severity, object, "column"), ', ' ORDER BY object, "column") FROM flitmig_audit('map_a') WHERE code = 'UNMAPPED_COLUMN'), 'warning people owner, info people shoe_size', 'columns that nothing takes are reported, collected ones are noted');
SELECT * FROM finish();
ROLLBACK;
