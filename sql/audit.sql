-- The audit: who did what when. Append-only, and each entry is chained to the one before it.
BEGIN;
SELECT flitmig._audit('clinic', 'confirm', '{"mapping_hash": "abc"}');
SELECT flitmig._audit('clinic', 'sign_off', '{"mismatches": 0}');
SELECT event, actor = session_user AS by_me, length(hash) AS hash_bytes FROM flitmig.audit WHERE migration = 'clinic' ORDER BY seq;

-- No entry is broken.
SELECT * FROM flitmig_audit_verify();
SELECT * FROM flitmig_audit_verify('clinic');

-- Whoever inserts cannot choose time, actor or place in the chain.
INSERT INTO flitmig.audit (seq, at, actor, migration, event, detail)
VALUES (1, '1999-01-01', 'somebody else', 'clinic', 'forged', '{}');
SELECT actor = session_user AS by_me, at > '2020-01-01' AS now, seq > 2 AS last FROM flitmig.audit WHERE event = 'forged';

-- Nothing is changed or removed.
SAVEPOINT here;
UPDATE flitmig.audit SET actor = 'somebody else';
ROLLBACK TO here;
DELETE FROM flitmig.audit;
ROLLBACK TO here;
TRUNCATE flitmig.audit;
ROLLBACK TO here;
SET session_replication_role = replica;
DELETE FROM flitmig.audit;
ROLLBACK TO here;

-- A superuser who takes the trigger away can; the chain tells.
ALTER TABLE flitmig.audit DISABLE TRIGGER audit_refuse;
UPDATE flitmig.audit SET actor = 'somebody else' WHERE event = 'sign_off';
SELECT event, problem FROM flitmig_audit_verify('clinic');
ROLLBACK TO here;
ALTER TABLE flitmig.audit DISABLE TRIGGER audit_refuse;
DELETE FROM flitmig.audit WHERE event = 'sign_off';
SELECT event, problem FROM flitmig_audit_verify('clinic');
ROLLBACK;
