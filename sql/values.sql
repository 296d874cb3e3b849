--
-- Value functions: how a cell becomes a value.  Each reads a cell in one way
-- or returns NULL; none guesses, none raises an error.
--
\pset null '(null)'
SET timezone = 'UTC';
SET datestyle = 'ISO';

-- Dates.  The order of day and month is stated, or the value must be unambiguous.
SELECT value, flitmig.to_date(value, 'MDY') AS mdy, flitmig.to_date(value, 'DMY') AS dmy,
       flitmig.to_date(value, 'YMD') AS ymd, flitmig.to_date(value, NULL) AS unstated
FROM (VALUES
	('2024-03-04'), ('2024/3/4'), ('2024.03.04'), ('20240304'), ('2024 03 04'),
	('03/04/2024'), ('3/4/2024'), ('03-04-2024'), ('3.4.2024'), ('3. 4. 2024'), (' 03/04/2024 '),
	('25/12/2024'), ('12/25/2024'), ('05/05/2024'),
	('03/04/24'), ('03/04/85'), ('31/12/99'), ('99/12/31'), ('29-02-00'), ('01/01/29'), ('01/01/30'),
	('03042024'), ('12311980'), ('31121980'),
	('02/29/2023'), ('2024-02-30'), ('2024-13-01'), ('1900-02-29'), ('2000-02-29')) AS cell (value);

-- Month names, weekdays, ordinals, in several languages.
SELECT value, flitmig.to_date(value, NULL)
FROM (VALUES
	('3 Mar 2024'), ('3-Mar-2024'), ('03MAR2024'), ('3-Mar-24'), ('Mar 3, 2024'), ('March 3rd, 2024'), ('3rd of March 2024'),
	('Sept. 3 2024'), ('2024-Mar-03'), ('2024 March 3'), ('Sunday, March 3, 2024'), ('Sun 3 Mar 2024'),
	('3. März 2024'), ('1er août 2024'), ('3 février 2024'), ('3 de marzo de 2024'), ('3 de março de 2024'),
	('3 dicembre 2024'), ('3 mei 2024'), ('Dienstag, 5. März 2024'), ('Mar 2024'), ('March 2024'), ('31 Apr 2024'), ('3 Foo 2024')
	) AS cell (value);

-- A date with a time is a date; the time must be one.
SELECT value, flitmig.to_date(value, 'MDY')
FROM (VALUES
	('10/06/2025 12:00'), ('10/06/2025 3:15 PM'), ('2025-10-06T12:00:00Z'), ('2025-10-06T23:30:00.123456-05:00'),
	('20251006123000'), ('20251006123000-0500'), ('202510061230'), ('20251006123000.123+0100'),
	('05/08/79 0:00'), ('Mon Oct 06 2025 12:00:00 GMT+0100 (BST)'), ('Mon, 06 Oct 2025 12:00:00 +0000'),
	('2025-10-06 25:00'), ('2025-10-06 12:00 maybe'), ('2025-10-06 12')) AS cell (value);

-- What is no date.
SELECT value, flitmig.to_date(value, 'MDY')
FROM (VALUES
	(''), (' '), ('0000-00-00'), ('0000-00-00 00:00:00'), ('00/00/0000'), ('n/a'), ('-'), ('today'), ('45123'), ('1583020800'),
	('123-45-6789'), ('(619) 555-7823'), ('1/2'), ('1/2/3'), ('1/2/003'), ('0201-03-04'), ('0001-01-01'), ('10000-01-01'),
	('2024-1'), ('2024'), ('1/2-2024'), ('1-2/2024'), ('--2024-01-01'), ('2024-01-01-'), (NULL)) AS cell (value);

-- Timestamps: an offset names the instant; without one it is local time.
SELECT value, flitmig.to_timestamp_tz(value, 'MDY', 'America/New_York')
FROM (VALUES
	('10/06/2025'), ('10/06/2025 12:00'), ('10/06/2025 12:00 AM'), ('10/06/2025 12:00 pm'), ('10/06/2025 3 PM'), ('10/06/2025 3:15:07p'),
	('10/06/2025 03:15:07 a.m.'), ('10/06/2025 14:30 PM'), ('10/06/2025 14:30 AM'), ('10/06/2025 00:30 PM'), ('10/06/2025, 15:00'), ('10/06/2025 at 9:05 am'),
	('2025-10-06T12:00'), ('2025-10-06T1200'), ('2025-10-06 12:00:00.9999999'), ('2025-10-06T12:00:00,5'), ('2025-10-06 24:00'), ('2025-10-06 24:01'),
	('2025-10-06T12:00:00Z'), ('2025-10-06 12:00:00 UTC'), ('2025-10-06 12:00+02'), ('2025-10-06 12:00 +0530'), ('2025-10-06 12:00 PST'), ('2025-10-06 12:00 XYZ'),
	('2025-10-06 12:00-11:61'), ('2025-10-06 12:00-15:00'), ('20251006120000-0500'), ('20251006120000'), ('2025-10-06 14h30'), ('2025-10-06 14h'), ('2025-10-06 10.30'), ('2025-10-06-10.30.00.123456'),
	('2025-03-09 02:30'), ('2025-11-02 01:30'), ('2025-10-06 12:60'), ('2025-10-06 12:00:60'), ('2025-10-06 12:0'), ('2025-10-06T')) AS cell (value);
SELECT flitmig.to_timestamp_tz('2025-10-06 12:00', NULL, NULL) AS no_zone,
       flitmig.to_timestamp_tz('2025-10-06 12:00Z', NULL, NULL) AS offset_needs_none,
       flitmig.to_timestamp_tz('2025-10-06 12:00', NULL, 'Mars/Olympus') AS unknown_zone,
       flitmig.to_timestamp_tz('2025-10-06', NULL, 'Australia/Sydney') AS midnight_there;

-- Date and time in two cells.
SELECT day, clock, flitmig.to_timestamp_tz(day, clock, 'DMY', 'Europe/London')
FROM (VALUES
	('06/10/2025', '9:30'), ('06/10/2025', '9:30 PM'), ('06/10/2025', '0930'), ('06/10/2025', '093015'), ('06/10/2025', ''), ('06/10/2025', NULL),
	('06/10/2025 00:00:00', '14:15:00'), ('06/10/2025', '1899-12-30 14:15:00'), ('06/10/2025', 'noon'), ('06/10/2025', '930'), (NULL, '9:30'), ('x', '9:30')) AS cell (day, clock);

-- As Twenty stores them.
SELECT flitmig.iso('2024-03-04 05:06:07.089999+00'::timestamptz), flitmig.iso('1969-12-31 23:59:59.9999+00'::timestamptz),
       flitmig.iso('0001-01-01 00:00+00'::timestamptz), flitmig.iso('infinity'::timestamptz), flitmig.iso('0044-03-15 BC'::timestamptz);
SELECT flitmig.iso('2024-03-04'::date), flitmig.iso('0001-01-01'::date), flitmig.iso('9999-12-31'::date), flitmig.iso('infinity'::date), flitmig.iso('10000-01-01'::date);

-- Numbers.  One mark is the decimal one, except a comma before exactly three digits.
SELECT value, flitmig.to_number(value), flitmig.to_integer(value)
FROM (VALUES
	('30'), ('30.0'), ('30.5'), ('-3'), ('+3'), ('−3'), ('.5'), ('5.'), ('1,234'), ('1.234'), ('12,50'), ('0,125'), ('1,234,567'), ('1.234.567'),
	('1.234,50'), ('1,234.50'), ('1 234,50'), ('1 234,50'), ('1''234.50'), ('1’234.50'), ('12,34,567.89'), ('1,23'), ('1,2345'), ('1,23,45'), ('12,345,67'), ('1,,234'), ('1.2.3'),
	('2.98E+13'), ('1e3'), ('1e'), ('1e999'), ('30 min'), ('12%'), ('0x1F'), ('NaN'), ('Infinity'), (''), ('-'), ('.'), (','), ('--5'),
	('9223372036854775807'), ('9223372036854775808'), ('1234567890123456789012345678901234567890')) AS cell (value);

-- Durations, in minutes.
SELECT value, flitmig.to_minutes(value) AS minutes, flitmig.to_minutes(value, 'sec') AS if_seconds, flitmig.to_minutes(value, 'hour') AS if_hours
FROM (VALUES
	('30'), ('30.0'), ('2700'), ('30 min'), ('30mins'), ('30 minutes'), ('0:45'), ('1:30'), ('1:30:00'), ('00:44:31'), ('1h'), ('1h30'), ('1 h 30 min'), ('1.5h'), ('1,5 h'),
	('1 hour and 15 minutes'), ('1 hour, 15 minutes'), ('PT1H30M'), ('PT45M'), ('90 sec'), ('1:75'), ('-30'), ('30 weeks'), ('30 60'), ('15 min 1 h'), ('min'), (''), ('99999999999')) AS cell (value);

-- Money.
SELECT value, flitmig.to_money(value)
FROM (VALUES
	('$1,234.50'), ('1,234.50'), ('1.234,50'), ('1.234,50 €'), ('€ 1.234,50'), ('(12.00)'), ('($12.00)'), ('$(12.00)'), ('-12'), ('12-'), ('-$12'), ('$-12'), ('$ -12.00'), ('USD 5'), ('5 USD'), ('5usd'),
	('US$5.00'), ('CA$ 5'), ('A$5'), ('£5'), ('¥500'), ('₹1,23,456.00'), ('Rs. 500'), ('CHF 1''234.50'), ('500 kr'), ('12,50 zł'), ('R$ 1.234,56'), ('0'), ('$0.00'), ('.99'),
	('1,234'), ('1.234'), ('12,5'), ('1 234,50'), (''), ('$'), ('free'), ('5 min'), ('USD 5 EUR'), ('5%'), ('1,2,3'), ('$1,23.45'), ('((5))'), ('12.00CR')) AS cell (value);
SELECT flitmig.currency(1234.5, 'usd'), flitmig.currency(-12, 'EUR'), flitmig.currency(0.0000015, 'USD'), flitmig.currency(5, NULL),
       flitmig.currency(NULL, 'USD') AS nothing, flitmig.currency('NaN', 'USD') AS nan, flitmig.currency(1e12, 'USD') AS too_large;

-- Booleans, by words.
SELECT value, flitmig.to_boolean(value)
FROM (VALUES
	('Y'), ('n'), ('Yes'), ('NO'), ('true'), ('False'), ('1'), ('0'), ('1.0'), ('-1'), ('x'), ('✓'), ('On'), ('off'), ('O'), ('oui'), ('non'), ('Ja'), ('nein'), ('Sí'), ('não'), (' yes '),
	('2'), ('maybe'), ('yes, signed'), (''), (NULL)) AS cell (value);

-- Names.
SELECT value, flitmig.split_name(value), flitmig.full_name(value) ->> 'firstName' AS first, flitmig.full_name(value) ->> 'lastName' AS last
FROM (VALUES
	('Sarah Johnson'), ('Johnson, Sarah'), ('Johnson, Sarah Ann'), ('Sarah Ann Johnson'), ('JOHNSON, SARAH A.'), ('Dr Sarah Johnson'), ('Dr. Sarah Johnson, MD'),
	('Miss Christina Wright MD'), ('Prof. Dr. med Anna Schmidt'), ('Smith Jr., John'), ('John Smith Jr.'), ('Smith, John, III'), ('Smith, Jr., John'), ('John Smith, PhD, LCSW'), ('John Ma'), ('John Smith MA'),
	('Ludwig van Beethoven'), ('van der Berg, Anna'), ('Anna van der Berg'), ('Maria de la Cruz'), ('Dick Van Dyke'), ('Al Smith'), ('Mary Ann de Souza e Silva'),
	('Robert (Bob) Smith'), ('Robert "Bob" Smith'), ('Robert “Bob” Smith'), ('Robert ''Bob'' Smith'), ('Smith, Robert (Bob) J.'), ('O''Brien, Pat'), ('Pat O''Brien'), ('Anne-Marie Saint-Pierre'),
	('John & Mary Smith'), ('Smith, John and Mary'), ('Madonna'), ('Mr Smith'), ('Smith,'), (', John'), ('(Bob)'), ('  José   Ñúñez  '), ('李 小龍'), ('John3 Test'), ('M. Dupont'), ('John Q Public, M.D., F.A.C.P.'), ('Sr. Juan Pérez'), ('John Smith Sr'),
	('-'), (''), ('...'), (',')) AS cell (value);
SELECT flitmig.full_name(' Ann ', 'O''Neil  Smith'), flitmig.full_name('Ann', NULL), flitmig.full_name(NULL, 'Smith'), flitmig.full_name('', ' '), flitmig.full_name(NULL, NULL);

-- Telephone numbers.
SELECT country, value, flitmig.to_phones(country, value), flitmig.phone_extensions(country, value) AS ext, flitmig.bad_phones(country, value) AS bad
FROM (VALUES
	('US', '(619) 555-7823'), ('US', '(619) 555-7823 x251'), ('US', '619.555.7823 ext. 251'), ('us', '1-619-555-7823'), ('US', '+1 619 555 7823'), ('US', 'Cell: 619-555-7823'), ('US', '619-555-7823 (mobile)'), ('US', '619-555-7823 home'),
	('US', '619-555-7823; 619-555-7824'), ('US', '619-555-7823 / 619-555-7824'), ('US', '619-555-7823 or 619-555-7824'), ('US', 'H 619-555-7823 W 619-555-7824 x9'), ('US', '619-555-7823, 619-555-7824'), ('US', '619-555-7823, ext 12'), ('US', E'619-555-7823\n(619) 555-7823'),
	('AU', '0412 345 678'), ('GB', '07911 123456'), ('DE', '089/123456'), ('DE', '+49 (0)89 123456'), ('IT', '02 3661 8300'), ('US', '+44 20 7946 0958'), ('CA', '613-232-0123'), ('US', '613-232-0123'), ('US', '416-555-0123'),
	('US', '555-7823'), ('US', '619-555-78230'), ('US', '+4178844'), ('US', 'call mum'), ('US', '619-CALL-NOW'), ('US', '+800 1234 5678'), (NULL, '619-555-7823'), (NULL, '+16195557823'), ('ZZ', '619-555-7823'), ('United States', '619-555-7823'),
	('US', '-'), ('US', 'n/a'), ('US', 'None'), ('US', '000-000-0000'), ('US', ''), ('US', NULL)) AS cell (country, value);
SELECT flitmig.to_phones('US', NULL, '619-555-7823', '', '619-555-7824 x5', '6195557823'), flitmig.bad_phones('US', '12', 'none', '34'), flitmig.to_phones('US', VARIADIC NULL), flitmig.bad_phones('US', VARIADIC '{}');

-- E-mail addresses.
SELECT value, flitmig.to_email(value), flitmig.to_emails(value)
FROM (VALUES
	('Ann@Example.COM'), (' ann@example.com '), ('mailto:ann@example.com?subject=x'), ('Ann Smith <ann@example.com>'), ('<ann@example.com>'), ('"ann@example.com"'), ('ann@example.com; bob@example.com'), ('ann@example.com,ANN@example.com'), ('ann@example.com / bob@example.com'), (E'ann@example.com\nbob@example.com'), ('ann@example.com (work)'),
	('ann+clinic@example.co.uk'), ('o''brien@example.com'), ('''ann@example.com'''), ('a_b-c.d@ex-ample.com'), ('ann@example.com.'), ('ann@example.com bob@'),
	('not an email'), ('ann@example'), ('ann@example.c'), ('ann@example.c0m'), ('ann@@example.com'), ('ann@ex_ample.com'), ('.ann@example.com'), ('a..b@example.com'), ('ann.@example.com'), ('ann@-example.com'), ('ann@example-.com'), ('ann@example..com'), ('änn@example.com'), ('ann@exämple.com'), ('a&b@example.com'), ('@example.com'), ('ann@'), ('@'), (''), ('none')) AS cell (value);
SELECT flitmig.to_emails(NULL, 'a@x.test', '', 'b@x.test; A@X.test'), flitmig.to_emails('x'), flitmig.to_emails(VARIADIC NULL);

-- Addresses and links.
SELECT flitmig.address(' 1 Main St ', NULL, 'Town', 'MA', '02101', 'United States');
SELECT flitmig.address(NULL, NULL, 'Town', NULL, '', NULL), flitmig.address(NULL, '', ' ', NULL, NULL, NULL);
SELECT value, flitmig.links(value, NULL)
FROM (VALUES
	('https://Example.com/Path'), ('HTTP://Example.COM'), ('example.com'), ('www.Example.com/A?b=C'), ('https://example.com/'), ('example.com:8080/x'), ('localhost/x'), ('https://portal.example.com/#/P'),
	('ftp://example.com'), ('javascript:alert(1)'), ('mailto:a@b.co'), ('not a link'), ('@handle'), ('a@b.co'), ('https://'), ('https:///x'), ('example'), ('-x.com'), ('x..com'), ('')) AS cell (value);
SELECT flitmig.links('example.com', ' Portal ');

-- Text.
SELECT flitmig.clean(E'  a\r\nb\rc\u0007d\te\u00a0 ') AS clean, flitmig.one_line(E'  a\r\nb \t c\u00a0\u00a0d\u200b ') AS one_line, flitmig.clean(E' \t\n\u00a0') AS blank, flitmig.one_line('') AS empty;

-- Option values.
SELECT value, flitmig.option_value(value)
FROM (VALUES
	('New Patient Exam'), ('new patient-exam'), ('Follow-up (30 min)'), ('30 min'), ('Über-Prüfung'), ('Œuvre straße'), ('A+'), ('A-'), ('A -'), ('50%'), ('Hip & Knee'), ('Women''s Health'), ('Women’s Health'), ('<18'), ('>65'), ('?'), ('-'), ('@'),
	('Массаж'), ('診察'), ('ﬁt'), ('café'), ('cafe' || U&'\0301'), ('①'), ('A__B'), ('_x_'), ('V_30_MIN'), (repeat('Long label ', 9)), (repeat('Long label ', 10)), (''), (' ')) AS cell (value);
SELECT flitmig.option_values('Chiropractic; Massage|chiropractic', NULL), flitmig.option_values('a, b,,c', ','), flitmig.option_values('a and b', ' and '), flitmig.option_values(' ; ', NULL), flitmig.option_values('a;b', ''), flitmig.option_values(NULL, ',');

-- National Provider Identifiers: the check digit counts.
SELECT value, flitmig.to_npi(value)
FROM (VALUES ('1234567893'), (' 1234567893 '), ('NPI: 1234567893'), ('1234-567-893'), ('1234567890'), ('123456789'), ('12345678930'), ('3234567893'), ('0000000000'), ('12345678x3'), ('')) AS cell (value);

-- Ids: the same name gives the same id, everywhere (RFC 9562; uuid-ossp agrees).
SELECT flitmig.uuid_v5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com') = '2ed6657d-e927-568b-95e1-2665a8aea6a2' AS known,
       flitmig.uuid_v5('6ba7b811-9dad-11d1-80b4-00c04fd430c8', 'probe/a') = 'e9cf8c2a-ef71-5e6d-a0aa-af20f1847622' AS recorded,
       flitmig.uuid_v5('6ba7b811-9dad-11d1-80b4-00c04fd430c8', repeat('é', 1000)) IS NOT NULL AS long;
SELECT flitmig.payload_hash('{"a": 1, "b": [2]}') = flitmig.payload_hash('{"b": [2], "a": 1.0}') AS same_payload_same_hash;

-- JSON and base64 inside a cell.
SELECT flitmig.json_path_text('{"codes": [{"display": "Pain \"x\""}, {"n": 5}]}', 'codes.0.display'), flitmig.json_path_text('{"codes": [{"n": 5}]}', 'codes.-1'),
       flitmig.json_path_text('{"a": null}', 'a'), flitmig.json_path_text('{"a": 1}', 'b.c'), flitmig.json_path_text('{a: 1}', 'a'), flitmig.json_path_text('{"a": "\u0000"}', 'a'), flitmig.json_path_text('', 'a'), flitmig.json_path_text(repeat('[', 100000), '0');
SELECT flitmig.decode_base64_text('aMOp'), flitmig.decode_base64_text('aOk=', 'ISO-8859-1'), flitmig.decode_base64_text('aOk='), flitmig.decode_base64_text('a'), flitmig.decode_base64_text('!!'), flitmig.decode_base64_text('AAA='), flitmig.decode_base64_text('aOk=', 'NO-SUCH');
-- Hebrew and Vietnamese letters that could take an accent, at the end
SELECT flitmig.decode_base64_text('+ezl7Q==', 'CP1255'), flitmig.decode_base64_text('Vmnq8nQgYQ==', 'CP1258');

-- A payload is built in one piece: as jsonb_build_object would, less what is null.
SELECT flitmig._object('a', 'x'::text, 'b', NULL::text, 'c', 'null'::jsonb, 'd', true, 'aa', 12.50, 'bb', '{"n": null, "deep": [1, "two", null, {"k": -3.25}]}'::jsonb,
	'cc', '5'::jsonb, 'dd', '[]'::jsonb, 'ee', ARRAY[1, NULL], 'ff', '2024-03-04'::date, 'gg', 'NaN'::float8, 'hh', '00000000-0000-4000-8000-000000000001'::uuid, 'ii', 'plain'),
	flitmig._object('a', NULL::jsonb) AS all_null;
SELECT flitmig._object('b', 1, 'a', 2);
SELECT flitmig._object('a', 1, 'b');
-- Stored alike to the last bit: 45 members of five kinds, in a hundred mixtures.
SELECT string_agg(format('''m%s'', ', n) || format(CASE n % 5
	WHEN 0 THEN $$CASE WHEN hashint4(seed * 50 + %s) %% 3 <> 0 THEN repeat('é', seed %% 9) || %1$s END$$
	WHEN 1 THEN $$CASE WHEN hashint4(seed * 50 + %s) %% 4 <> 0 THEN to_jsonb(seed * %1$s / 7.0) END$$
	WHEN 2 THEN $$hashint4(seed + %s) %% 2 = 0$$
	WHEN 3 THEN $$jsonb_build_array(seed, %s, repeat('x', seed %% %1$s))$$
	ELSE $$(seed * %s)::bigint$$ END, n), ', ' ORDER BY n) AS members
FROM generate_series(10, 54) AS n \gset
SELECT count(*) AS mixtures, bool_and(ours::text = theirs::text AND (ours || '{}')::text = theirs::text AND ours -> 'm30' IS NOT DISTINCT FROM theirs -> 'm30'
	AND jsonb_hash_extended(ours, 0) = jsonb_hash_extended(theirs, 0) AND pg_column_size(ours) = pg_column_size(theirs)) AS alike
FROM (SELECT flitmig._object(:members) AS ours, jsonb_strip_nulls(jsonb_build_object(:members)) AS theirs FROM generate_series(1, 100) AS seed) AS x;

-- An address in one cell, read from its end; what is two things in one is not read.
SELECT v.country, left(replace(v.cell, E'\n', '\n'), 60) AS cell, concat_ws(' / ', a->>'addressStreet1', a->>'addressStreet2', a->>'addressCity', a->>'addressState', a->>'addressPostcode', a->>'addressCountry') AS address
FROM (VALUES
	('US', '12 Main St, Apt 4, Boston, MA 02101-1234, USA'), ('US', E'12 Main St\nBoston MA 02101'), ('US', 'Boston, MA 02101'), ('US', 'Boston MA 02101'), ('US', 'Boston, MA'), ('US', '12 Main St; Suite 5; Floor 2; New York, New York 10001'),
	('US', '12 Main St, Los Angeles, CA'), ('US', '12 Main St Boston MA 02101'), ('US', '12 Main St'), ('US', '12 Main St, Boston'), ('US', '12 Main St, MA 02101'), ('US', 'PO Box 7, Salt Lake City, ut, 84101'), ('US', '1 King St W, Toronto, ON M5H 1A1, Canada'),
	('US', '10 Downing St, London SW1A 2AA, United Kingdom'), ('US', ', , ,'), ('US', ''), ('US', '123 Virginia, 02101'), ('US', '02101'), ('US', 'see chart'), ('CA', '1 rue X, Montréal, Québec H2X 1Y4'), ('CA', '1 King St, Toronto, CA'),
	('AU', '5 High St, Richmond VIC 3121'), ('AU', 'Unit 2, 5 High St, Richmond, VIC, 3121'), ('GB', 'Flat 1, 5 High Street, Leeds, LS1 4AP'), ('FR', '5 rue de la Paix, 75002 Paris'), ('DE', 'Hauptstraße 5, 10115 Berlin, Deutschland'), ('NL', 'Dam 1, 1012 JS Amsterdam'),
	(NULL, '12 Main St, Boston, MA 02101'), (NULL, '12 Main St, Boston, MA 02101, USA'), ('US', repeat('a, ', 40) || 'MA 02101'), ('US', repeat('(', 300))) AS v (country, cell),
	flitmig.address_line(v.cell, v.country) AS a;
