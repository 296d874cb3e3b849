-- Rights: nothing for PUBLIC, operators on their own migrations, viewers without values.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
BEGIN;
CREATE ROLE flitmig_test_operator;
CREATE ROLE flitmig_test_other;
CREATE ROLE flitmig_test_viewer;
CREATE ROLE flitmig_test_nobody;
\set ECHO none
\i test/report/fixture.sql
\set ECHO all
\set ECHO none
\i test/report/sample.sql
\set ECHO all
UPDATE flitmig.migration SET owner = 'flitmig_test_operator' WHERE id = 900;
SELECT flitmig_grant('flitmig_test_operator', 'operator');
SELECT flitmig_grant('flitmig_test_other', 'operator');
SELECT flitmig_grant('flitmig_test_viewer', 'viewer');
SAVEPOINT here;
SELECT flitmig_grant('flitmig_test_viewer', 'owner');
ROLLBACK TO here;
SELECT flitmig_grant('flitmig_test_nowhere', 'viewer');
ROLLBACK TO here;
SELECT flitmig_grant('flitmig_test_viewer', 'operator');
ROLLBACK TO here;

-- PUBLIC: no function, no schema.
SET ROLE flitmig_test_nobody;
SELECT flitmig_status();
ROLLBACK TO here;
SET ROLE flitmig_test_nobody;
SELECT count(*) FROM flitmig.progress;
ROLLBACK TO here;

-- An operator has its own migration, with values ...
SET ROLE flitmig_test_operator;
SELECT migration, state FROM flitmig_status();
SELECT count(*) FROM flitmig.record;
SELECT object_map, mapped, stored FROM flitmig.balance;
UPDATE flitmig.migration SET options = '{"four_eyes": true}';
-- ... and cannot give it away, nor grant, nor forge the audit.
SAVEPOINT mine;
UPDATE flitmig.migration SET owner = 'flitmig_test_other';
ROLLBACK TO mine;
SELECT flitmig_grant('flitmig_test_nobody', 'viewer');
ROLLBACK TO mine;
UPDATE flitmig.audit SET actor = 'nobody';
ROLLBACK TO here;

-- Another operator does not see it.
SET ROLE flitmig_test_other;
SELECT count(*) FROM flitmig_status();
SELECT (SELECT count(*) FROM flitmig.record) AS records, (SELECT count(*) FROM flitmig.batch) AS batches, (SELECT count(*) FROM flitmig.field_map) AS fields,
	(SELECT count(*) FROM flitmig.balance) AS balance, (SELECT count(*) FROM flitmig.source_file) AS files;
SELECT flitmig_report('fixture');
ROLLBACK TO here;

-- A viewer sees how it goes, and no value.
SET ROLE flitmig_test_viewer;
SELECT migration, state FROM flitmig_status() WHERE migration = 'fixture';
SELECT object_map, mapped, stored FROM flitmig.balance WHERE migration = 'fixture';
SELECT file, rows_read FROM flitmig.file_balance WHERE migration = 'fixture';
SELECT length(flitmig_report('fixture')) > 1000 AS report;
SELECT flitmig_help('fixture');
SELECT count(*) FROM flitmig_audit_verify();
SAVEPOINT mine;
SELECT payload FROM flitmig.record WHERE migration_id = 900;
ROLLBACK TO mine;
SELECT stored FROM flitmig.base;
ROLLBACK TO mine;
SELECT flitmig_report('fixture', with_values => true);
ROLLBACK TO mine;
SELECT * FROM flitmig_diff('fixture');
ROLLBACK TO mine;
SELECT flitmig_sign_off('fixture', 'looked at it');
ROLLBACK TO mine;
SELECT * FROM fixture_staging.patients;
ROLLBACK;
