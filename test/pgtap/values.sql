--
-- Properties of the value functions over junk: none raises an error, results
-- are stable under a second reading, and obey what Twenty demands.
--	  psql -X -f test/pgtap/values.sql		(a database with pgtap and flitmig)
--
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
\set ON_ERROR_STOP 1
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS flitmig;
SELECT plan(41);
SELECT setseed(0.42);

-- Junk: pieces of what cells hold, in random order, cut at random places.
CREATE TEMP TABLE junk AS
SELECT i, left(string_agg(piece[1 + floor(random() * array_length(piece, 1))::integer], ''), 1 + (random() * 60)::integer) AS v
FROM generate_series(1, 30000) AS i, generate_series(1, 8) AS n, LATERAL (SELECT ARRAY[
	'1', '12', '2024', '0', '99', '31', '-', '/', '.', ',', ':', ' ', '  ', E'\n', E'\t', '+', '(', ')', '$', '€', '%', '@', 'example', '.com', 'ann', 'x', 'T', 'Z', 'AM', 'pm', 'Mar', 'März', 'de', 'van', 'Dr.',
	'Smith', ', ', 'Jr', 'MD', '"', '''', '“', '”', U&'\00A0', U&'\200B', U&'\FEFF', U&'\0301', 'é', 'ß', '李', '😀', '<', '>', '<b>', '</b>', '<p>', '<li>', '<ul>', '<td>', '<a href="http://x.test">', '&amp;', '&', ';', '|', '\', '{', '}', '\par ', '\b ', '\u8364?', '\''e9',
	'{\rtf1 ', '619', '555', '7823', 'ext', 'http://', 'mailto:', '?', '#', '*', '_', '`', '[', ']', '~', '=', 'e', 'E+5', 'min', 'h', 'USD', 'yes', 'n/a', '00000000', '20240304', '101112', '-0500', '[0]', '{"a":', '"b"', 'aMOp', '∞', '−', '٣', '１'] || (i % 2)::text AS piece) AS p
GROUP BY i;
INSERT INTO junk SELECT -i, repeat(v, 200) FROM (SELECT i, v FROM junk LIMIT 300) AS few;
-- Cells that are right but for one character.
INSERT INTO junk
SELECT 200000 + i, CASE i % 3 WHEN 0 THEN overlay(cell PLACING chr(32 + (random() * 94)::integer) FROM at FOR 1)
	WHEN 1 THEN overlay(cell PLACING chr(32 + (random() * 94)::integer) FROM at FOR 0) ELSE overlay(cell PLACING '' FROM at FOR 1) END
FROM (SELECT i, cell, 1 + (random() * length(cell))::integer AS at
	FROM generate_series(1, 400) AS i, unnest(ARRAY['2024-03-04', '03/14/2024', '3.4.24', '20240304', '3 Mar 2024', 'March 3rd, 2024', 'Sun 3. März 2024',
		'2024-03-04T10:20:30.456-05:00', '03/14/2024 10:20:30 PM', '20240304102030+0100', '$1,234.50', '(1.234,50)', 'USD 12.50-', '1 h 30 min', '0:45',
		'Dr. Anna (Ann) van der Berg-Smith, MD', 'Smith Jr., John Q.', '(619) 555-7823 x12; +44 20 7946 0958', '619-555-7823 or 619-555-7824', 'Ann <ann.smith+x@mail.example.com>, bob@x.co',
		'https://Example.com:8080/Path?x#y', '<p>a<b>b</b><ul><li>c</li></ul><table><tr><td>1</td><td>2</td></tr></table>', '{\rtf1\ansi{\fonttbl{\f0 A;}}\b x\b0\par \''e9\u8364? {\*\x y}}', '1234567893']) AS cell) AS m;
INSERT INTO junk SELECT 100000 + i, chr(i) || 'a' || chr(i) FROM generate_series(1, 3000) AS i;

SELECT lives_ok(format('SELECT count(%s) FROM junk', call), call || ' never fails')
FROM unnest(ARRAY[
	'flitmig.to_date(v, ''MDY'')', 'flitmig.to_date(v, v)', 'flitmig.to_timestamp_tz(v, ''DMY'', ''Europe/Paris'')', 'flitmig.to_timestamp_tz(v, v, v, v)',
	'flitmig.to_number(v)', 'flitmig.to_integer(v)', 'flitmig.to_minutes(v, v)', 'flitmig.to_minutes(v)', 'flitmig.currency(flitmig.to_money(v), v)',
	'flitmig.to_boolean(v)', 'flitmig.split_name(v)::text', 'flitmig.full_name(v)::text', 'flitmig.to_phones(v, v, v)::text', 'flitmig.to_emails(v, v)::text',
	'flitmig.links(v, v)::text', 'flitmig.html_to_markdown(v)', 'flitmig.rtf_to_markdown(v)', 'flitmig.to_markdown(v)', 'flitmig.option_values(v, NULL)::text',
	'flitmig.json_path_text(v, v)', 'flitmig.decode_base64_text(v, v)', 'flitmig.to_npi(v)']) AS call;

SELECT is_empty($$SELECT v FROM junk WHERE flitmig.to_date(flitmig.iso(flitmig.to_date(v, 'MDY')), NULL) IS DISTINCT FROM flitmig.to_date(v, 'MDY')$$, 'a date read is read again from ISO');
SELECT is_empty($$SELECT v FROM junk, LATERAL (SELECT flitmig.to_timestamp_tz(v, 'MDY', 'Asia/Kolkata') AS t) AS r
	WHERE flitmig.to_timestamp_tz(flitmig.iso(t), NULL, NULL) IS DISTINCT FROM date_trunc('milliseconds', t)$$, 'so is a timestamp, in milliseconds');
SELECT is_empty($$SELECT v FROM junk WHERE flitmig.to_date(v, NULL) <> flitmig.to_date(v, 'MDY')$$, 'an unambiguous date does not depend on the order');
SELECT is_empty($$SELECT v FROM junk WHERE flitmig.option_value(v) !~ '^[A-Z][A-Z0-9_]{0,62}$' OR flitmig.option_value(flitmig.option_value(v)) <> flitmig.option_value(v)$$, 'option values are UPPER_SNAKE and stable');
SELECT is_empty($$SELECT v FROM junk WHERE flitmig.clean(v) IS NOT NULL AND flitmig.option_value(v) IS NULL$$, 'every label that is not blank has an option value');
SELECT is_empty($$SELECT v FROM junk WHERE flitmig.clean(flitmig.clean(v)) IS DISTINCT FROM flitmig.clean(v) OR flitmig.one_line(flitmig.one_line(v)) IS DISTINCT FROM flitmig.one_line(v) OR flitmig.one_line(v) ~ '\n|\r|\t|  '$$, 'clean and one_line are stable');
SELECT is_empty($$SELECT e FROM junk, LATERAL (SELECT flitmig.to_email(v) AS e) AS r
	WHERE e !~ '^(?!\.)(?!.*\.\.)([A-Za-z0-9_''+.-]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9-]*\.)+[A-Za-z]{2,}$' OR flitmig.to_email(e) IS DISTINCT FROM e$$, 'every e-mail address is one that Twenty takes');
SELECT is_empty($$SELECT p FROM junk, LATERAL (SELECT flitmig.to_phones('US', v) - 'additionalPhones' AS p) AS r
	WHERE flitmig.to_phones(NULL, (p ->> 'primaryPhoneCallingCode') || (p ->> 'primaryPhoneNumber')) IS DISTINCT FROM p$$, 'every phone number stands without its country');
SELECT is_empty($$SELECT v FROM junk, LATERAL (SELECT flitmig.links(v, NULL) AS l) AS r WHERE flitmig.links(l ->> 'primaryLinkUrl', NULL) IS DISTINCT FROM l$$, 'links are stable');
SELECT is_empty($$SELECT v FROM junk WHERE v ~ '[[:alnum:]]' AND flitmig.to_markdown(v, 'text') IS NULL$$, 'plain text is never lost');
SELECT is_empty($$SELECT v FROM junk, LATERAL (SELECT flitmig.split_name(v) AS n) AS r WHERE n IS NOT NULL AND n::text::jsonb IS DISTINCT FROM n$$, 'objects are well-formed jsonb');

-- The server's own code as the judge.
SELECT is_empty($$SELECT d, f FROM (SELECT '1935-01-01'::date + i AS d FROM generate_series(0, 36000) AS i) AS days,
	unnest(ARRAY['YYYY-MM-DD', 'YYYY/MM/DD', 'YYYYMMDD', 'MM/DD/YYYY', 'FMMM/FMDD/YYYY', 'MM-DD-YYYY', 'MMDDYYYY', 'DD Mon YYYY', 'FMMonth FMDDth, YYYY', 'Dy, DD-Mon-YYYY', 'YYYYMMDDHH24MISS', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"']) AS f
	WHERE flitmig.to_date(to_char(d, f), 'MDY') IS DISTINCT FROM d$$, 'every day of a century in every shape, month first');
SELECT is_empty($$SELECT d, f FROM (SELECT '1935-01-01'::date + i AS d FROM generate_series(0, 36000) AS i) AS days, unnest(ARRAY['DD/MM/YYYY', 'FMDD.FMMM.YYYY', 'DDMMYYYY', 'DD-MM-YYYY HH24:MI']) AS f
	WHERE flitmig.to_date(to_char(d, f), 'DMY') IS DISTINCT FROM d$$, 'and day first');
SELECT is_empty($$SELECT d FROM (SELECT '1930-01-01'::date + i AS d FROM generate_series(0, 36523) AS i) AS days
	WHERE flitmig.to_date(to_char(d, 'MM/DD/YY'), 'MDY') IS DISTINCT FROM d OR flitmig.to_date(to_char(d, 'DD/MM/YY'), 'DMY') IS DISTINCT FROM d OR flitmig.to_date(to_char(d, 'YY/MM/DD'), 'YMD') IS DISTINCT FROM d$$, 'and two digits of the year, 1930 to 2029');
SELECT is_empty($$SELECT t, z, f FROM (SELECT '2024-01-01'::timestamp + i * interval '37 minutes 11.123 seconds' AS t FROM generate_series(0, 14000) AS i) AS times,
	unnest(ARRAY['America/New_York', 'Europe/London', 'Australia/Lord_Howe', 'Asia/Kolkata', 'UTC']) AS z, unnest(ARRAY['YYYY-MM-DD HH24:MI:SS.MS', 'MM/DD/YYYY HH12:MI:SS.MS AM', 'FMMM/FMDD/YYYY FMHH12:MI:SS.MS p.m.']) AS f
	WHERE flitmig.to_timestamp_tz(to_char(t, f), 'MDY', z) IS DISTINCT FROM t AT TIME ZONE z$$, 'local times are what the server says, through clock changes');
SELECT is_empty($$SELECT t FROM (SELECT '1890-01-01 00:00:00+00'::timestamptz + i * interval '17 days 5 hours 3 minutes 7.654321 seconds' AS t FROM generate_series(0, 5000) AS i) AS times
	WHERE flitmig.iso(t) IS DISTINCT FROM to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
	AND flitmig.iso(t)::timestamptz IS DISTINCT FROM date_trunc('milliseconds', t)$$, 'iso is what the server says, cut to milliseconds');
SELECT is_empty($$SELECT n FROM (SELECT round((random() * 10 ^ (i % 12) - 10 ^ (i % 9))::numeric, 2) AS n FROM generate_series(1, 20000) AS i) AS numbers
	WHERE flitmig.to_number(n::text) IS DISTINCT FROM n OR flitmig.to_money(to_char(n, 'FML999,999,999,999,990.00')) IS DISTINCT FROM n
	OR flitmig.to_money(translate(to_char(n, 'FM999,999,999,999,990.00'), ',.', '.,') || ' €') IS DISTINCT FROM n
	OR (flitmig.currency(n, 'USD') ->> 'amountMicros')::numeric IS DISTINCT FROM n * 1000000 AND abs(n) < 9000000000$$, 'amounts of money in American and European writing');
SELECT is_empty($$SELECT d FROM (SELECT '123456789' || d AS d FROM generate_series(0, 9) AS d) AS npi WHERE (flitmig.to_npi(d) IS NOT NULL) <> (d = '1234567893')$$, 'one check digit in ten is right');
SELECT cmp_ok((SELECT count(*) FROM junk WHERE flitmig.to_date(v, 'MDY') IS NOT NULL), '>', 300::bigint, 'the junk holds enough that can be read');

SELECT * FROM finish();
ROLLBACK;
