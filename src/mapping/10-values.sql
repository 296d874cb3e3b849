/*
 * mapping: value functions. Each reads a cell in one way or returns NULL; none guesses, none fails on bad input.
 * COST is the time of a call in tenths of a microsecond: the planner shares out among workers what is worth it.
 */

CREATE FUNCTION flitmig.to_date(value text, date_order text)
RETURNS date AS 'MODULE_PATHNAME', 'flitmig_to_date' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION flitmig.to_date(value text, date_order text) IS 'Reads a date however it is written. date_order MDY, DMY or YMD settles 03/04/2024; with NULL only unambiguous values are read. Two-digit years: 00-29 are 20xx. NULL for what cannot be read';

CREATE FUNCTION flitmig.to_date(value text, date_order text, latest_year integer)
RETURNS date AS 'MODULE_PATHNAME', 'flitmig_to_date_until' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 2;
COMMENT ON FUNCTION flitmig.to_date(value text, date_order text, latest_year integer) IS 'As to_date, but a year of two digits is the latest one that is not after latest_year: for birth dates, with {year}. A later date in four digits is read as it stands';

CREATE FUNCTION flitmig.to_timestamp_tz(value text, date_order text, time_zone text)
RETURNS timestamptz AS 'MODULE_PATHNAME', 'flitmig_to_timestamp_tz' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 5;
COMMENT ON FUNCTION flitmig.to_timestamp_tz(value text, date_order text, time_zone text) IS 'Reads a date with or without time. Without offset it is local time in time_zone, a date alone local midnight. NULL for what cannot be read';

CREATE FUNCTION flitmig.to_timestamp_tz(date_value text, time_value text, date_order text, time_zone text)
RETURNS timestamptz AS 'MODULE_PATHNAME', 'flitmig_to_timestamp_tz_cells' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 5;
COMMENT ON FUNCTION flitmig.to_timestamp_tz(date_value text, time_value text, date_order text, time_zone text) IS 'As to_timestamp_tz, for a date and a time in two cells. A blank time is midnight';

CREATE FUNCTION flitmig.iso(value timestamptz)
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_iso_timestamptz' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION flitmig.iso(value timestamptz) IS 'A timestamp as Twenty stores it: UTC, milliseconds, 2024-03-04T05:06:07.089Z';

CREATE FUNCTION flitmig.iso(value date)
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_iso_date' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION flitmig.iso(value date) IS 'A date as Twenty stores it: 2024-03-04';

CREATE FUNCTION flitmig.to_number(value text)
RETURNS numeric AS 'MODULE_PATHNAME', 'flitmig_to_number' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 3;
COMMENT ON FUNCTION flitmig.to_number(value text) IS 'Reads a number with decimal point or comma and grouping marks (rule in src/mapping/value_number.c). NULL for anything else';

CREATE FUNCTION flitmig.to_integer(value text)
RETURNS bigint AS 'MODULE_PATHNAME', 'flitmig_to_integer' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 3;
COMMENT ON FUNCTION flitmig.to_integer(value text) IS 'As to_number, for round numbers only; ''30 min'' is NULL';

CREATE FUNCTION flitmig.to_minutes(value text, unit text DEFAULT 'min')
RETURNS integer AS 'MODULE_PATHNAME', 'flitmig_to_minutes' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 3;
COMMENT ON FUNCTION flitmig.to_minutes(value text, unit text) IS 'Reads a duration in minutes: 30, 30 min, 0:45, 1h30, PT1H. unit (min, sec, hour) is what a number alone means';

CREATE FUNCTION flitmig.to_money(value text)
RETURNS numeric AS 'MODULE_PATHNAME', 'flitmig_to_money' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 3;
COMMENT ON FUNCTION flitmig.to_money(value text) IS 'Reads an amount: $1,234.50, (12.00), 1.234,50, USD 5. The currency sign is passed over, parentheses mean minus';

CREATE FUNCTION flitmig.currency(amount numeric, code text)
RETURNS jsonb AS 'MODULE_PATHNAME', 'flitmig_currency' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 8;
COMMENT ON FUNCTION flitmig.currency(amount numeric, code text) IS 'A CURRENCY value for Twenty: amountMicros and currencyCode. NULL for a NULL amount';

CREATE FUNCTION flitmig.to_boolean(value text)
RETURNS boolean AS 'MODULE_PATHNAME', 'flitmig_to_boolean' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 3;
COMMENT ON FUNCTION flitmig.to_boolean(value text) IS 'Reads yes and no in several languages, 1 and 0, x, on and off. NULL for any other word';

CREATE FUNCTION flitmig.split_name(name text)
RETURNS jsonb AS 'MODULE_PATHNAME', 'flitmig_split_name' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 8;
COMMENT ON FUNCTION flitmig.split_name(name text) IS 'Takes a name apart: prefix, firstName, middleName, lastName, suffix, preferred; only the parts that are there';

CREATE FUNCTION flitmig.full_name(first text, last text)
RETURNS jsonb AS 'MODULE_PATHNAME', 'flitmig_full_name' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 8;
COMMENT ON FUNCTION flitmig.full_name(first text, last text) IS 'A FULL_NAME value for Twenty from two cells; NULL when both are blank';

CREATE FUNCTION flitmig.full_name(one_cell text)
RETURNS jsonb AS 'MODULE_PATHNAME', 'flitmig_full_name_cell' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 8;
COMMENT ON FUNCTION flitmig.full_name(one_cell text) IS 'A FULL_NAME value for Twenty from one cell. Middle names stay with the first name, Jr. and III with the last';

CREATE FUNCTION flitmig.name_key(name text)
RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
	SELECT pg_catalog.lower(coalesce(n.first OPERATOR(pg_catalog.||) ' ' OPERATOR(pg_catalog.||) n.last, n.first, n.last))
	FROM (SELECT p.parts OPERATOR(pg_catalog.->>) 'firstName' AS first, p.parts OPERATOR(pg_catalog.->>) 'lastName' AS last FROM (SELECT flitmig.split_name($1) AS parts) p) n
$$;
COMMENT ON FUNCTION flitmig.name_key(name text) IS 'A name as it is compared: first and last name in lower case, whatever their order; titles, degrees and middle names do not count';

CREATE FUNCTION flitmig.url_tail(value text)
RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT pg_catalog.substring($1, '([^/?#[:space:]]+)/*(?:[?#].*)?$') $$;
COMMENT ON FUNCTION flitmig.url_tail(value text) IS 'The last part of a link''s path: the id in https://api.example.com/v1/patients/123?x=y';

CREATE FUNCTION flitmig.to_phones(country text, VARIADIC cells text[])
RETURNS jsonb AS 'MODULE_PATHNAME', 'flitmig_to_phones' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 200;
COMMENT ON FUNCTION flitmig.to_phones(country text, VARIADIC cells text[]) IS 'A PHONES value for Twenty from all valid numbers of the cells; country (ISO) is where numbers without + are dialled. NULL when none is valid';

CREATE FUNCTION flitmig.phone_extensions(country text, VARIADIC cells text[])
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_phone_extensions' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 200;
COMMENT ON FUNCTION flitmig.phone_extensions(country text, VARIADIC cells text[]) IS 'The extensions of the valid numbers in the cells, which Twenty has no place for';

CREATE FUNCTION flitmig.bad_phones(country text, VARIADIC cells text[])
RETURNS integer AS 'MODULE_PATHNAME', 'flitmig_bad_phones' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 200;
COMMENT ON FUNCTION flitmig.bad_phones(country text, VARIADIC cells text[]) IS 'How many pieces of the cells are meant to be a phone number and are none, or say that it is wrong or not to be called';

CREATE FUNCTION flitmig.to_email(value text)
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_to_email' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 3;
COMMENT ON FUNCTION flitmig.to_email(value text) IS 'The first valid e-mail address in the cell, in lower case';

CREATE FUNCTION flitmig.to_emails(VARIADIC cells text[])
RETURNS jsonb AS 'MODULE_PATHNAME', 'flitmig_to_emails' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 8;
COMMENT ON FUNCTION flitmig.to_emails(VARIADIC cells text[]) IS 'An EMAILS value for Twenty from all valid addresses of the cells, each once, in lower case. NULL when none is valid';

CREATE FUNCTION flitmig.address(street1 text, street2 text, city text, state text, postcode text, country text)
RETURNS jsonb AS 'MODULE_PATHNAME', 'flitmig_address' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 5;
COMMENT ON FUNCTION flitmig.address(street1 text, street2 text, city text, state text, postcode text, country text) IS 'An ADDRESS value for Twenty with all six parts, '''' for blank ones, as Twenty stores them. NULL when all are blank';

CREATE FUNCTION flitmig.address_line(cell text, country text)
RETURNS jsonb AS 'MODULE_PATHNAME', 'flitmig_address_line' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION flitmig.address_line(cell text, country text) IS 'An ADDRESS value for Twenty from one cell, read from its end; country (ISO) is where it lies unless it says so. NULL when there is neither postcode nor state, or street and city cannot be told apart';

CREATE FUNCTION flitmig.links(url text, label text)
RETURNS jsonb AS 'MODULE_PATHNAME', 'flitmig_links' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 5;
COMMENT ON FUNCTION flitmig.links(url text, label text) IS 'A LINKS value for Twenty; https:// is added, the host lower-cased. NULL for what is no web address';

/* Inlined, therefore qualified and without a search_path of its own. */
CREATE FUNCTION flitmig.forced_text(value text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
	SELECT CASE WHEN value OPERATOR(pg_catalog.~~) '="%"' THEN pg_catalog.replace(pg_catalog.substr(value, 3, pg_catalog.length(value) OPERATOR(pg_catalog.-) 3), '""', '"') ELSE value END
$$;
COMMENT ON FUNCTION flitmig.forced_text(value text) IS 'What stands in a cell that was written ="0001" so that Excel keeps its zeros: 0001. Mapping reads the columns of an entity through it where the census found such cells; staging keeps them as they came';

CREATE FUNCTION flitmig.clean(value text)
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_clean' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 3;
COMMENT ON FUNCTION flitmig.clean(value text) IS 'Trimmed text with LF line ends and without control characters; NULL when blank';

CREATE FUNCTION flitmig.one_line(value text)
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_one_line' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 3;
COMMENT ON FUNCTION flitmig.one_line(value text) IS 'As clean, with every run of white space folded to one space';

CREATE FUNCTION flitmig.html_to_markdown(value text)
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_html_to_markdown' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION flitmig.html_to_markdown(value text) IS 'HTML as Markdown; NULL when no text is left';

CREATE FUNCTION flitmig.rtf_to_markdown(value text)
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_rtf_to_markdown' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION flitmig.rtf_to_markdown(value text) IS 'RTF as Markdown; NULL when no text is left';

CREATE FUNCTION flitmig.to_markdown(body text, format text DEFAULT NULL)
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_to_markdown' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 50;
COMMENT ON FUNCTION flitmig.to_markdown(body text, format text) IS 'A note as Markdown. format html, rtf or text; NULL looks at the text. Plain text keeps its lines';

CREATE FUNCTION flitmig.rich_text(markdown text)
RETURNS jsonb AS 'MODULE_PATHNAME', 'flitmig_rich_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION flitmig.rich_text(markdown text) IS 'A RICH_TEXT value for Twenty; NULL for a blank text';

CREATE FUNCTION flitmig.to_npi(value text)
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_to_npi' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 3;
COMMENT ON FUNCTION flitmig.to_npi(value text) IS 'A US National Provider Identifier with a valid check digit, else NULL';

CREATE FUNCTION flitmig.option_value(label text)
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_option_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION flitmig.option_value(label text) IS 'The value of a SELECT option with that label: UPPER_SNAKE_CASE, at most 63 characters, always the same';

CREATE FUNCTION flitmig.option_values(cell text, delimiter text DEFAULT NULL)
RETURNS jsonb AS 'MODULE_PATHNAME', 'flitmig_option_values' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION flitmig.option_values(cell text, delimiter text) IS 'The option values of a cell with several labels, for MULTI_SELECT; without delimiter split at ; | and line ends';

CREATE FUNCTION flitmig.uuid_v5(namespace uuid, name text)
RETURNS uuid AS 'MODULE_PATHNAME', 'flitmig_uuid_v5' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 4;
COMMENT ON FUNCTION flitmig.uuid_v5(namespace uuid, name text) IS 'UUID version 5 (RFC 9562): the same name in the same namespace always gives the same id';

CREATE FUNCTION flitmig.json_path_text(value text, path text)
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_json_path_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION flitmig.json_path_text(value text, path text) IS 'The member at a path such as codes.0.display of JSON inside a cell; NULL when there is none';

CREATE FUNCTION flitmig.xml_path_text(value text, path text)
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_xml_path_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION flitmig.xml_path_text(value text, path text) IS 'The text at a path such as name.given.1 or id.@extension inside the root element of XML in a cell; NULL when there is none';

CREATE FUNCTION flitmig._fold(value text)
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_fold' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 3;
COMMENT ON FUNCTION flitmig._fold(value text) IS 'As fold, but lowers Latin letters alone';

CREATE FUNCTION flitmig.fold(value text)
RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT flitmig._fold(pg_catalog.lower($1)) $$;
COMMENT ON FUNCTION flitmig.fold(value text) IS 'A text as it is compared: lower case, without accents, all that is neither letter nor digit one blank. NULL when nothing is left';

CREATE FUNCTION flitmig.pairs(cell text)
RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
	/* jsonb_object_agg is STABLE for the sake of dates; of texts it makes the same everywhere */
	SELECT pg_catalog.jsonb_object_agg(p.name, p.value)
	FROM (SELECT coalesce(flitmig.fold(m.pair[1]), '') AS name, pg_catalog.string_agg(flitmig.one_line(m.pair[2]), '; ' ORDER BY x.n) AS value
		  FROM pg_catalog.regexp_split_to_table($1, E'[;|\r\n]+') WITH ORDINALITY x(piece, n)
		  CROSS JOIN LATERAL (SELECT coalesce(pg_catalog.regexp_match(x.piece, '^([^:=]*)[:=](.*)$'), ARRAY['', x.piece]) AS pair) m
		  WHERE flitmig.one_line(m.pair[2]) IS NOT NULL GROUP BY 1) p
$$;
COMMENT ON FUNCTION flitmig.pairs(cell text) IS 'A cell of pairs (Diet: vegan; Allergies = nuts, latex) as an object by folded names; pairs are parted by ; | and line ends. What is no pair stands under the empty name';

CREATE FUNCTION flitmig.coded(code_system text, code text, words text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
	SELECT CASE WHEN flitmig.one_line($2) IS NULL THEN flitmig.one_line($3)
		ELSE coalesce(flitmig.one_line($3) OPERATOR(pg_catalog.||) ' (', '') OPERATOR(pg_catalog.||) coalesce(flitmig.one_line($1) OPERATOR(pg_catalog.||) ' ', '') OPERATOR(pg_catalog.||) flitmig.one_line($2)
			OPERATOR(pg_catalog.||) CASE WHEN flitmig.one_line($3) IS NULL THEN '' ELSE ')' END END
$$;
COMMENT ON FUNCTION flitmig.coded(code_system text, code text, words text) IS 'A code with its system and its words in one text: Chest pain (ICD-10 R07.9)';

CREATE FUNCTION flitmig.digits(value text)
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_digits' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 3;
COMMENT ON FUNCTION flitmig.digits(value text) IS 'The digits of a cell and nothing else, to compare telephone and card numbers by';

CREATE FUNCTION flitmig.mask(value text, keep integer DEFAULT 4)
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_mask' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 3;
COMMENT ON FUNCTION flitmig.mask(value text, keep integer) IS 'Stars instead of all letters and digits but the last (***-**-6789); never more than half of them is shown';

CREATE FUNCTION flitmig.hash(value text, salt bytea)
RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
	/* Keyed twice, as HMAC is: whoever has the hash, but not the salt, cannot find the value by trying all of them. */
	SELECT pg_catalog.encode(pg_catalog.sha256(pg_catalog.substr($2, 33) OPERATOR(pg_catalog.||)
		pg_catalog.sha256(pg_catalog.substr($2, 1, 32) OPERATOR(pg_catalog.||) pg_catalog.convert_to(flitmig.clean($1), 'UTF8'))), 'hex')
	WHERE pg_catalog.octet_length($2) OPERATOR(pg_catalog.>=) 64
$$;
COMMENT ON FUNCTION flitmig.hash(value text, salt bytea) IS 'SHA-256 of a value with {salt}, the migration''s secret of 64 bytes: the same value gives the same hash, and nobody can look it up by trying all values. NULL for a shorter salt';

CREATE FUNCTION flitmig.fit(value text, length integer)
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_fit' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION flitmig.fit(value text, length integer) IS 'A text in at most that many characters, cut between words with an ellipsis; overflow has the rest';

CREATE FUNCTION flitmig.overflow(value text, length integer)
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_overflow' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;
COMMENT ON FUNCTION flitmig.overflow(value text, length integer) IS 'What fit leaves out of a text; NULL when it fits';

CREATE FUNCTION flitmig.decode_base64_text(value text, charset text DEFAULT NULL)
RETURNS text AS 'MODULE_PATHNAME', 'flitmig_decode_base64_text' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION flitmig.decode_base64_text(value text, charset text) IS 'Text that the export holds in base64, in the given charset (UTF-8 when NULL); NULL when it is none';

CREATE FUNCTION flitmig.payload_hash(payload jsonb)
RETURNS bigint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS 'SELECT pg_catalog.jsonb_hash_extended($1, 0)';
COMMENT ON FUNCTION flitmig.payload_hash(payload jsonb) IS 'Hash by which a payload is compared with what was stored';
