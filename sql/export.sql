-- Export: the same records as CSV for Twenty's own import page, which works outside the call limit.
\set SHOW_CONTEXT never
BEGIN;
\set ECHO none
\i test/report/fixture.sql
\set ECHO all
INSERT INTO flitmig.live_field (migration_id, object, name, field_id, label, type, join_column) VALUES
	(900, 'person', 'name', gen_random_uuid(), 'Name', 'FULL_NAME', NULL),
	(900, 'person', 'emails', gen_random_uuid(), 'Emails', 'EMAILS', NULL),
	(900, 'person', 'accountBalance', gen_random_uuid(), 'Account balance', 'CURRENCY', NULL),
	(900, 'person', 'company', gen_random_uuid(), 'Company', 'RELATION', 'companyId'),
	(900, 'person', 'createdBy', gen_random_uuid(), 'Created by', 'ACTOR', NULL);
UPDATE flitmig.record SET payload = payload || '{"accountBalance": {"amountMicros": 12500000, "currencyCode": "USD"}, "companyId": "20202020-0000-4000-8000-000000000000",
	"createdBy": {"source": "IMPORT"}, "emails": {"primaryEmail": "ann1@example.com", "additionalEmails": ["a@example.com", "b@example.com"]}, "name": {"firstName": "Ann \"Nan\"", "lastName": "Miller\nJr"}}'
WHERE migration_id = 900 AND sequence = 1;
SELECT file_name, line FROM flitmig_export('fixture', 'person'), regexp_split_to_table(csv, '\r\n') WITH ORDINALITY AS l(line, n) WHERE n <= 3;
-- No file has more rows than the page takes; each has the header, and none is in two.
INSERT INTO flitmig.record (migration_id, id, object, object_map_id, source_key, file_id, line_no, sequence, hash, payload)
SELECT 900, gen_random_uuid(), 'person', 900, 'N' || n, 900, 100 + n, 100 + n, n, '{"emails": {"primaryEmail": "n@example.com"}}' FROM generate_series(1, 20005 - (SELECT count(*) FROM flitmig.record WHERE migration_id = 900 AND object = 'person' AND state = 'mapped')) n;
SELECT file_name, count(*) - 1 AS lines, count(DISTINCT line) - 1 AS different, min(line) FILTER (WHERE n = 1) LIKE 'Id,%' AS header
FROM flitmig_export('fixture', 'person'), regexp_split_to_table(rtrim(replace(csv, E'Miller\nJr', ''), E'\r\n'), '\r\n') WITH ORDINALITY AS l(line, n) GROUP BY file_name ORDER BY file_name;
SELECT flitmig_export('fixture', 'patient');
ROLLBACK;
