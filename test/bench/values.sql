--
-- Calls a second of the value functions on one core, over 16 different cells
-- of each kind.  Run in a database with the extension:
--	  psql -X -f test/bench/values.sql [-v rows=1000000]
--
\if :{?rows}
\else
	\set rows 1000000
\endif
\set QUIET 1
\pset footer off
SET max_parallel_workers_per_gather = 0;
SET jit = off;
CREATE TEMP TABLE cell AS
SELECT i,
	(ARRAY['2024-03-04', '03/04/2024', '3/4/24', '20240304', '3 Mar 2024', 'March 3rd, 2024', '2024-03-04 10:20:30', '10/06/2025 12:00 PM'])[1 + i % 8] AS day,
	(ARRAY['$1,234.50', '(12.00)', '1.234,50', 'USD 5', '99.95', '-12', '€ 12,50', '0'])[1 + i % 8] AS money,
	(ARRAY['Johnson, Sarah', 'Dr. Sarah Johnson, MD', 'Robert (Bob) Smith', 'Anna van der Berg', 'John Smith', 'Smith Jr., John', 'Mary Ann Jones', 'Wright, Christina A'])[1 + i % 8] AS name,
	(ARRAY['ann' || i % 97 || '@example.com', 'Bob <Bob@Example.com>', 'none', 'a.b+c@mail.example.co.uk'])[1 + i % 4] AS email,
	(ARRAY['(619) 555-7823', '619-555-7824 x12', '+44 20 7946 0958', 'n/a'])[1 + i % 4] AS phone,
	(ARRAY['Initial visit', 'Follow-up (30 min)', 'Massage', 'Thérapie'])[1 + i % 4] AS label
FROM generate_series(1, :rows) AS i;
VACUUM ANALYZE cell;
CREATE TEMP TABLE timing (what text, seconds double precision);
CREATE FUNCTION pg_temp.measure(what text, expression text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	best double precision := 1e9;
	start timestamptz;
	n bigint;
BEGIN
	FOR i IN 1..3 LOOP
		start := clock_timestamp();
		EXECUTE format('SELECT count(%s) FROM cell', expression) INTO n;
		best := least(best, extract(epoch FROM clock_timestamp() - start));
	END LOOP;
	INSERT INTO timing VALUES (what, best);
END $$;
SELECT pg_temp.measure(what, expression) FROM (VALUES
	('nothing (the scan)', 'day'),
	('to_date', $$flitmig.to_date(day, 'MDY')$$),
	('to_timestamp_tz', $$flitmig.to_timestamp_tz(day, 'MDY', 'America/New_York')$$),
	('to_money', 'flitmig.to_money(money)'),
	('currency', $$flitmig.currency(flitmig.to_money(money), 'USD')$$),
	('split_name', 'flitmig.split_name(name)'),
	('full_name(cell)', 'flitmig.full_name(name)'),
	('full_name(2)', 'flitmig.full_name(name, name)'),
	('to_email', 'flitmig.to_email(email)'),
	('to_emails', 'flitmig.to_emails(email)'),
	('address', $$flitmig.address(name, NULL, 'Town', 'MA', '02101', 'US')$$),
	('option_value', 'flitmig.option_value(label)'),
	('clean', 'flitmig.clean(name)'),
	('to_boolean', 'flitmig.to_boolean(label)'),
	('uuid_v5', $$flitmig.uuid_v5('6ba7b811-9dad-11d1-80b4-00c04fd430c8', name)$$),
	('to_markdown', 'flitmig.to_markdown(name)'),
	('to_phones', $$flitmig.to_phones('US', phone)$$)) AS v (what, expression);
SELECT what, round((:rows / greatest(seconds - (SELECT seconds FROM timing WHERE what LIKE 'nothing%'), 1e-9))::numeric) AS calls_a_second
FROM timing WHERE what NOT LIKE 'nothing%';
