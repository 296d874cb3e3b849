--
-- Measures the value functions over :rows cells of each kind.  Both sides of a
-- pair run in turns, three times; the medians are printed, the time of the
-- scan alone taken off.  Called by values.sh.
--
\set QUIET 1
\set ON_ERROR_STOP 1
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS flitmig;
SET max_parallel_workers_per_gather = 0;
SET jit = off;
CREATE TEMP TABLE cell AS
SELECT i,
	to_char('1950-01-01'::date + i % 25000, 'MM/DD/YYYY') AS us_day,
	(ARRAY['2024-03-04', '03/04/2024', '3/4/24', '20240304', '3 Mar 2024', 'March 3rd, 2024', '2024-03-04 10:20:30', '10/06/2025 12:00 PM'])[1 + i % 8] AS day,
	to_char(i % 100000 / 7.0, 'FM$999,990.00') AS us_money,
	(ARRAY['$1,234.50', '(12.00)', '1.234,50', 'USD 5', '99.95', '-12', '€ 12,50', '0'])[1 + i % 8] AS money,
	(ARRAY['Johnson, Sarah', 'Dr. Sarah Johnson, MD', 'Robert (Bob) Smith', 'Anna van der Berg', 'John Smith', 'Smith Jr., John', 'Mary Ann Jones', 'Wright, Christina A'])[1 + i % 8] AS name,
	(ARRAY['ann' || i % 97 || '@example.com', 'Bob <Bob@Example.com>', 'none', 'a.b+c@mail.example.co.uk'])[1 + i % 4] AS email,
	(ARRAY['(619) 555-7823', '619-555-7824 x12', '+44 20 7946 0958', 'n/a'])[1 + i % 4] AS phone,
	(ARRAY['Initial visit', 'Follow-up (30 min)', 'Massage', 'Thérapie'])[1 + i % 4] AS label
FROM generate_series(1, :rows) AS i;
VACUUM ANALYZE cell;

CREATE TEMP TABLE side (what text, ours text, theirs text);
INSERT INTO side VALUES
	('the scan', 'day', NULL),
	('to_date', $$flitmig.to_date(us_day, 'MDY')$$, $$pg_catalog.to_date(us_day, 'MM/DD/YYYY')$$),
	('to_date, eight shapes', $$flitmig.to_date(day, 'MDY')$$, NULL),
	('to_timestamp_tz', $$flitmig.to_timestamp_tz(day, 'MDY', 'America/New_York')$$, NULL),
	('to_money', 'flitmig.to_money(us_money)', $$regexp_replace(us_money, '[$,]', '', 'g')::numeric$$),
	('to_money, eight shapes', 'flitmig.to_money(money)', NULL),
	('currency', $$flitmig.currency(5.25, label)$$, $$jsonb_build_object('amountMicros', 5.25 * 1000000, 'currencyCode', upper(label))$$),
	('split_name', 'flitmig.split_name(name)', $$jsonb_build_object('lastName', split_part(name, ' ', 1), 'firstName', split_part(name, ' ', 2))$$),
	('full_name', 'flitmig.full_name(name, label)', $$jsonb_build_object('firstName', btrim(name), 'lastName', btrim(label))$$),
	('to_email', 'flitmig.to_email(email)', $$lower(substring(email FROM '[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}'))$$),
	('to_emails', 'flitmig.to_emails(email)', NULL),
	('address', $$flitmig.address(name, NULL, 'Town', 'MA', '02101', 'US')$$, NULL),
	('option_value', 'flitmig.option_value(label)', $$upper(regexp_replace(label, '[^A-Za-z0-9]+', '_', 'g'))$$),
	('clean', 'flitmig.clean(name)', $$btrim(regexp_replace(name, '[\x01-\x08]', '', 'g'))$$),
	('uuid_v5', $$flitmig.uuid_v5('6ba7b811-9dad-11d1-80b4-00c04fd430c8', name)$$, $$md5('6ba7b811-9dad-11d1-80b4-00c04fd430c8' || name)::uuid$$),
	('to_markdown', 'flitmig.to_markdown(name)', NULL),
	('to_phones', $$flitmig.to_phones('US', phone)$$, NULL);

CREATE TEMP TABLE timing (what text, ours boolean, seconds double precision);
DO $$
DECLARE
	pair record;
	start timestamptz;
	n bigint;
	mine boolean;
BEGIN
	FOR pair IN SELECT * FROM side LOOP
		FOR turn IN 1..3 LOOP
			FOREACH mine IN ARRAY ARRAY[true, false] LOOP
				CONTINUE WHEN NOT mine AND pair.theirs IS NULL;
				start := clock_timestamp();
				EXECUTE format('SELECT count(%s) FROM cell', CASE WHEN mine THEN pair.ours ELSE pair.theirs END) INTO n;
				INSERT INTO timing VALUES (pair.what, mine, extract(epoch FROM clock_timestamp() - start));
			END LOOP;
		END LOOP;
	END LOOP;
END $$;
CREATE TEMP TABLE rate AS
SELECT what, ours, :rows / greatest(percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds)
	- (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FROM timing WHERE what = 'the scan'), 1e-6) AS calls
FROM timing GROUP BY what, ours;
SELECT rpad(side.what, 24) || lpad(to_char(o.calls, 'FM999,999,999'), 14) || ' calls/s'
	|| coalesce(lpad(to_char(t.calls, 'FM999,999,999'), 14) || ' by the server''s own', '')
FROM side JOIN rate AS o USING (what) LEFT JOIN rate AS t ON t.what = side.what AND NOT t.ours
WHERE o.ours AND side.what <> 'the scan' ORDER BY side.ctid;
SELECT 'values ratio ' || round(exp(avg(ln(o.calls / t.calls)))::numeric, 2)
FROM rate AS o JOIN rate AS t USING (what) WHERE o.ours AND NOT t.ours;
