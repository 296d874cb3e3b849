-- What to do with an export that no profile knows: three files of a Dutch practice.
BEGIN;
SET client_min_messages = warning;
\set ECHO none
\i test/bench/propose/census.sql
\i test/bench/propose/stage.sql
\set ECHO all

-- Where each column goes, by its name, its values and its links to the other files.
SELECT source_table, source_column, object, field, confidence FROM flitmig_propose('unseen');

-- The reason of each, in words.
SELECT source_column, why FROM flitmig_propose('unseen') WHERE source_table = 'afspraken';

-- The expressions are those of the generic profile over these columns.
SELECT source_table, source_column, expression FROM flitmig_propose('unseen')
WHERE field IN ('name', 'dateOfBirth', 'homeAddress', 'emails', 'dueAt', 'durationMinutes', 'patient', 'primaryProvider');

-- A word of your own house: say what it means, and it is known from now on.
INSERT INTO flitmig.synonym (entity, column_name, phrase, language) VALUES ('patients', '-', 'bsn', 'nl');
INSERT INTO flitmig.synonym_word (word, means, language) VALUES ('hobby', 'note', 'nl');
SELECT source_column, object, field, why FROM flitmig_propose('unseen') WHERE source_column IN ('bsn', 'hobby');

-- As a profile: sound, with this export's headers; change it before you use it.
INSERT INTO flitmig.profile (name, doc) VALUES ('unseen', flitmig.propose_profile('unseen'));
SELECT * FROM flitmig._profile_check((SELECT doc FROM flitmig.profile WHERE name = 'unseen'));
SELECT e.key AS entity, e.value->'files' AS files, c.key AS canonical, c.value AS headers
FROM flitmig.profile p, jsonb_each(p.doc->'entities') e, jsonb_each(e.value->'columns') c
WHERE p.name = 'unseen' AND c.value <> '[]' AND e.key <> 'automations' ORDER BY 1, 3;

-- Nothing was mapped by all this.
SELECT count(*) FROM flitmig.object_map WHERE migration_id = 950;

-- Nothing imported, nothing to propose.
INSERT INTO flitmig.migration (id, name, server, profile, profile_doc, namespace, staging_schema, time_zone, country, currency)
VALUES (951, 'empty', 'crm', 'generic', '{"entities": {}}', '6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'empty_staging', 'UTC', 'US', 'USD');
\set SHOW_CONTEXT never
SELECT * FROM flitmig_propose('empty');
\set SHOW_CONTEXT errors
ROLLBACK;
