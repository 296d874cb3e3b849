-- The commands that change Twenty, and what keeps them from doing so too early.
-- (What they do when all is in order needs a server: test/t.)
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'http://127.0.0.1:1');
CREATE USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (api_key 'secret');
SELECT flitmig_create('clinic', 'crm', time_zone => 'Europe/Berlin');
\set SHOW_CONTEXT never

-- Mistyped.
SELECT * FROM flitmig_run('clinc');
SELECT * FROM flitmig_rollback('clinc');
SELECT flitmig_cancel('clinc');

-- Each step says which one it waits for.
SELECT * FROM flitmig_prepare('clinic');
SELECT * FROM flitmig_sample('clinic');
SELECT * FROM flitmig_plan('clinic');
SELECT * FROM flitmig_run('clinic');
SELECT * FROM flitmig_sample('clinic', 0);

-- Twenty cannot be rolled back by a ROLLBACK here.
BEGIN;
SELECT * FROM flitmig_prepare('clinic');
ROLLBACK;
BEGIN;
SELECT * FROM flitmig_rollback('clinic');
ROLLBACK;
SET default_transaction_isolation = 'repeatable read';
SELECT * FROM flitmig_prepare('clinic');
RESET default_transaction_isolation;

-- Nobody listens there: a clear error, soon, and nothing changed. (A slow machine has time to tell how far it is.)
SET client_min_messages = warning;
SELECT * FROM flitmig_preflight('clinic');
RESET client_min_messages;
SELECT kind, state, error ->> 'sqlstate' AS sqlstate FROM flitmig.run;
SELECT count(*) FROM flitmig.undo;

-- Nothing to do is no error.
SELECT * FROM flitmig_rollback('clinic');
SELECT flitmig_cancel('clinic');
SELECT flitmig_retry('clinic');
SELECT * FROM flitmig_rollback('clinic', run => 4711);

-- The delta window.
SELECT flitmig_delta_window('clinic', '-1 day');
SELECT flitmig_delta_window('clinic', '7 days') IS NULL AS not_open_yet;
SELECT delta_window FROM flitmig.migration;

-- Over before it began.
SET client_min_messages = warning;
SELECT flitmig_drop('clinic');
DROP SERVER crm CASCADE;
