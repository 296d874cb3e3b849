/*
 * compare: what was sent against what the server gave back, field by field.
 *
 *	same		equal (an instant in another notation is the same instant; parts that were not sent do not count)
 *	normalised	the server wrote the same thing in its own way: rule says which
 *	mismatch	something else is stored
 *	missing		the answer does not have the field
 *
 * _canon gives a value as the server would store it, rule by rule; two values
 * of equal canon are one thing.
 */

CREATE FUNCTION flitmig._is_blank(value jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT value IS NULL OR value IN ('null', '""', '[]', '{}') $$;
COMMENT ON FUNCTION flitmig._is_blank(jsonb) IS 'null, empty text, empty list: the server turns each into whichever it keeps for the type';

/* Two instants may differ by what the server cuts off: it keeps milliseconds (TWENTY.md 4). NULL: not instants. */
CREATE FUNCTION flitmig._instant(value jsonb) RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $$
BEGIN
	IF value #>> '{}' !~ '^\d{4}-\d{2}-\d{2}' THEN
		RETURN NULL;
	END IF;
	RETURN (value #>> '{}')::timestamptz;
EXCEPTION WHEN invalid_datetime_format OR datetime_field_overflow THEN
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION flitmig._instant(jsonb) IS 'The instant that an ISO 8601 text names (without offset: UTC, as the server reads it); NULL when it names none';

CREATE FUNCTION flitmig._canon_url(value jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN flitmig._is_blank(value) THEN NULL
				ELSE to_jsonb(lower(coalesce(u.part[1], '')) || regexp_replace(coalesce(u.part[2], ''), '/$', '')) END
	FROM (SELECT regexp_match(btrim(value #>> '{}'), '^((?:[a-zA-Z][a-zA-Z0-9+.-]*://)?[^/?#]*)(.*)$') AS part) u
$$;
COMMENT ON FUNCTION flitmig._canon_url(jsonb) IS 'A url with its host in lower case and no slash at its end';

CREATE FUNCTION flitmig._canon_markdown(value jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT nullif(to_jsonb(regexp_replace(regexp_replace(regexp_replace(value #>> '{}', '\r\n?', E'\n', 'g'),
														 '\\([^A-Za-z0-9\s])', '\1', 'g'), '\s+$', '')), '""')
$$;
COMMENT ON FUNCTION flitmig._canon_markdown(jsonb) IS 'Markdown with plain line ends, without blank space at its end and without escaping backslashes';

/*
 * The server takes a number apart into national digits, country and calling
 * code, and drops a trunk zero, as the number's plan says.  The stored
 * calling code tells where the national part of the sent one begins.
 */
CREATE FUNCTION flitmig._same_phone(number text, calling_code text, stored_number text, stored_calling_code text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT ltrim(CASE WHEN number ~ '^\s*(\+|00)' AND starts_with(n.sent, n.code) THEN substr(n.sent, length(n.code) + 1) ELSE n.sent END, '0') = n.stored
		AND (coalesce(calling_code, '') = '' OR regexp_replace(calling_code, '\D', '', 'g') = n.code)
	FROM (SELECT regexp_replace(regexp_replace(coalesce(number, ''), '\D', '', 'g'), '^00', '') AS sent,
				 ltrim(regexp_replace(coalesce(stored_number, ''), '\D', '', 'g'), '0') AS stored,
				 regexp_replace(coalesce(stored_calling_code, ''), '\D', '', 'g') AS code) n
$$;
COMMENT ON FUNCTION flitmig._same_phone(text, text, text, text) IS 'Whether a number as sent and a number as the server keeps it reach the same telephone';

CREATE FUNCTION flitmig._same_phones(sent jsonb, stored jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(bool_and(coalesce(flitmig._same_phone(a ->> 'number', a ->> 'callingCode', b ->> 'number', b ->> 'callingCode'), false)), true)
	FROM jsonb_array_elements(CASE jsonb_typeof(sent) WHEN 'array' THEN sent ELSE '[]' END) WITH ORDINALITY AS x(a, n)
	FULL JOIN jsonb_array_elements(CASE jsonb_typeof(stored) WHEN 'array' THEN stored ELSE '[]' END) WITH ORDINALITY AS y(b, m) ON m = n
$$;
COMMENT ON FUNCTION flitmig._same_phones(jsonb, jsonb) IS 'Whether two lists of additional phones hold the same telephones in the same order';

/* One part of a composite as the server would store it; part NULL: a plain value. */
CREATE FUNCTION flitmig._canon(type text, part text, value jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN flitmig._is_blank(value) THEN NULL
		WHEN type = 'BOOLEAN' THEN nullif(value, 'false')
		WHEN type IN ('NUMBER', 'NUMERIC', 'POSITION') OR part IN ('addressLat', 'addressLng') THEN
			CASE WHEN value #>> '{}' ~ '^-?\d+(\.\d+)?([eE][-+]?\d+)?$' THEN to_jsonb((value #>> '{}')::numeric) ELSE value END
		WHEN part = 'amountMicros' THEN
			CASE WHEN value #>> '{}' ~ '^-?\d+(\.\d+)?$' THEN to_jsonb(trunc((value #>> '{}')::numeric)) ELSE value END
		WHEN type = 'DATE' THEN to_jsonb(left(value #>> '{}', 10))
		WHEN type IN ('UUID', 'RELATION') THEN to_jsonb(lower(value #>> '{}'))
		WHEN type = 'EMAILS' THEN
			CASE jsonb_typeof(value) WHEN 'array' THEN (SELECT jsonb_agg(lower(btrim(e)) ORDER BY n) FROM jsonb_array_elements_text(value) WITH ORDINALITY AS x(e, n))
									 ELSE to_jsonb(lower(btrim(value #>> '{}'))) END
		WHEN part = 'primaryLinkUrl' THEN flitmig._canon_url(value)
		WHEN part = 'secondaryLinks' AND jsonb_typeof(value) = 'array' THEN
			(SELECT jsonb_agg(jsonb_build_object('url', flitmig._canon_url(e -> 'url'), 'label', nullif(e ->> 'label', '')) ORDER BY n) FROM jsonb_array_elements(value) WITH ORDINALITY AS x(e, n))
		WHEN part = 'markdown' THEN flitmig._canon_markdown(value)
		WHEN type = 'MULTI_SELECT' AND jsonb_typeof(value) = 'array' THEN (SELECT jsonb_agg(DISTINCT e) FROM jsonb_array_elements(value) e)
		ELSE value
	END
$$;
COMMENT ON FUNCTION flitmig._canon(text, text, jsonb) IS 'A value as the server would keep it; NULL for every kind of blank';

/* The name under which a difference without meaning goes into the diff. */
CREATE FUNCTION flitmig._rule(type text, sent jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN flitmig._is_blank(sent) THEN 'a blank is kept as the type''s own blank'
		WHEN type = 'EMAILS' THEN 'e-mail addresses are kept in lower case'
		WHEN type = 'PHONES' THEN 'phone numbers are kept as national digits, country and calling code'
		WHEN type = 'LINKS' THEN 'hosts are kept in lower case'
		WHEN type = 'CURRENCY' THEN 'amounts are kept as whole micros'
		WHEN type IN ('RICH_TEXT', 'RICH_TEXT_V2') THEN 'markdown is rewritten: line ends, escapes'
		WHEN type = 'MULTI_SELECT' THEN 'the order of several choices is not kept'
		WHEN type IN ('NUMBER', 'NUMERIC', 'POSITION') THEN 'numbers are kept without notation'
		WHEN type IN ('DATE', 'DATE_TIME') THEN 'times are kept to the millisecond'
		WHEN type = 'UUID' THEN 'ids are kept in lower case'
		ELSE 'a blank is kept as the type''s own blank'
	END
$$;
COMMENT ON FUNCTION flitmig._rule(text, jsonb) IS 'Name of the server''s rule that makes a stored value differ in writing from the sent one';

/* Parts that were sent, one by one; parts that were not sent do not count. */
CREATE FUNCTION flitmig._same_parts(type text, sent jsonb, stored jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT bool_and(CASE
		WHEN flitmig._is_blank(p.value) THEN flitmig._is_blank(stored -> p.key)
		WHEN type = 'PHONES' THEN
			CASE p.key
				WHEN 'primaryPhoneNumber' THEN
					flitmig._same_phone(p.value #>> '{}', sent ->> 'primaryPhoneCallingCode', stored ->> 'primaryPhoneNumber', stored ->> 'primaryPhoneCallingCode')
				WHEN 'additionalPhones' THEN flitmig._same_phones(p.value, stored -> p.key)
				/* countries share calling codes and the number's plan decides; without a number there is neither */
				ELSE flitmig._is_blank(sent -> 'primaryPhoneNumber') OR p.value = stored -> p.key
					OR (p.key = 'primaryPhoneCountryCode' AND sent ->> 'primaryPhoneCallingCode' = stored ->> 'primaryPhoneCallingCode')
			END
		ELSE flitmig._canon(type, p.key, p.value) IS NOT DISTINCT FROM flitmig._canon(type, p.key, stored -> p.key)
	END)
	FROM jsonb_each(sent) p
$$;
COMMENT ON FUNCTION flitmig._same_parts(text, jsonb, jsonb) IS 'Whether the parts sent of a composite are stored, in the server''s own writing';

CREATE FUNCTION flitmig._verdict(type text, sent jsonb, stored jsonb) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN stored IS NULL THEN 'missing'
		WHEN sent = stored THEN 'same'
		WHEN jsonb_typeof(sent) = 'object' AND jsonb_typeof(stored) = 'object' AND type <> 'RAW_JSON' THEN
			CASE WHEN NOT EXISTS (SELECT FROM jsonb_each(sent) p WHERE p.value IS DISTINCT FROM stored -> p.key) THEN 'same'
				 WHEN flitmig._same_parts(type, sent, stored) THEN 'normalised'
				 ELSE 'mismatch' END
		WHEN type = 'DATE_TIME' AND NOT flitmig._is_blank(sent) THEN
			(SELECT CASE WHEN i.sent = i.stored THEN 'same'
						 WHEN date_trunc('milliseconds', i.sent) = date_trunc('milliseconds', i.stored) THEN 'normalised'
						 ELSE 'mismatch' END
			 FROM (SELECT flitmig._instant(sent) AS sent, flitmig._instant(stored) AS stored) i)
		WHEN type = 'FILES' AND jsonb_typeof(sent) = 'array' THEN CASE WHEN stored @> sent THEN 'same' ELSE 'mismatch' END
		WHEN type = 'RAW_JSON' THEN CASE WHEN flitmig._is_blank(sent) AND flitmig._is_blank(stored) THEN 'normalised' ELSE 'mismatch' END
		WHEN flitmig._canon(type, NULL, sent) IS NOT DISTINCT FROM flitmig._canon(type, NULL, stored) THEN 'normalised'
		/* a composite emptied by null comes back with every part blank */
		WHEN flitmig._is_blank(sent) AND jsonb_typeof(stored) = 'object' AND NOT EXISTS (SELECT FROM jsonb_each(stored) p WHERE NOT flitmig._is_blank(p.value)) THEN 'normalised'
		ELSE 'mismatch'
	END
$$;
COMMENT ON FUNCTION flitmig._verdict(text, jsonb, jsonb) IS 'same, normalised, mismatch or missing, for one value of a field type';

CREATE FUNCTION flitmig._compare(payload jsonb, answer jsonb, mig integer, object text)
RETURNS TABLE(field text, verdict text, rule text, sent jsonb, stored jsonb)
LANGUAGE sql STABLE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT s.key, v.verdict, CASE v.verdict WHEN 'normalised' THEN flitmig._rule(t.type, s.value) END, s.value, answer -> s.key
	FROM jsonb_each(payload) s
	CROSS JOIN LATERAL (
		SELECT coalesce((SELECT f.type FROM flitmig.live_field f WHERE f.migration_id = mig AND f.object = _compare.object AND f.name = s.key),
						'UUID') AS type) t	/* not a field: a join column, which holds an id */
	CROSS JOIN LATERAL (SELECT flitmig._verdict(t.type, s.value, answer -> s.key) AS verdict) v
	WHERE s.key <> 'id'
$$;
COMMENT ON FUNCTION flitmig._compare(jsonb, jsonb, integer, text) IS 'Every field that was sent, with verdict and, for what the server writes its own way, the rule. Where stored @> sent, all is the same and the call can be spared';
