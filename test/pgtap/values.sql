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
SELECT plan(33);
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

SELECT * FROM finish();
ROLLBACK;
