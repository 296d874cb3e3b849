/*
 * compare: what was sent against what the server gave back, field by field.
 *
 *	same		equal (an instant in another notation is the same instant; parts that were not sent do not count)
 *	normalised	the server wrote the same thing in its own way: rule says which
 *	mismatch	something else is stored
 *	missing		the answer does not have the field
 *
 * _canon gives a value as the server would store it, rule by rule; two values
 * of equal canon are one thing.  plpgsql, because this runs for every field
 * of every record that is not literally the same, and keeps its plans.
 */

CREATE FUNCTION flitmig._is_blank(value jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN value IS NULL OR value = 'null' OR value = '""' OR value = '[]' OR value = '{}';
END
$$;
COMMENT ON FUNCTION flitmig._is_blank(jsonb) IS 'null, empty text, empty list: the server turns each into whichever it keeps for the type';

/*
 * Two instants may differ by what the server cuts off: it keeps milliseconds (TWENTY.md 4). NULL: not instants.
 * Not PARALLEL SAFE: it begins a subtransaction, which servers before 17 refuse in a parallel plan.
 */
CREATE FUNCTION flitmig._instant(value jsonb) RETURNS timestamptz
LANGUAGE plpgsql STABLE
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
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	part text[] := regexp_match(btrim(value #>> '{}'), '^((?:[a-zA-Z][a-zA-Z0-9+.-]*://)?[^/?#]*)(.*)$');
BEGIN
	RETURN CASE WHEN flitmig._is_blank(value) THEN NULL ELSE to_jsonb(lower(coalesce(part[1], '')) || regexp_replace(coalesce(part[2], ''), '/$', '')) END;
END
$$;
COMMENT ON FUNCTION flitmig._canon_url(jsonb) IS 'A url with its host in lower case and no slash at its end';

CREATE FUNCTION flitmig._canon_markdown(value jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN nullif(to_jsonb(regexp_replace(regexp_replace(regexp_replace(value #>> '{}', '\r\n?', E'\n', 'g'), '\\([^A-Za-z0-9\s])', '\1', 'g'), '\s+$', '')), '""');
END
$$;
COMMENT ON FUNCTION flitmig._canon_markdown(jsonb) IS 'Markdown with plain line ends, without blank space at its end and without escaping backslashes';

/*
 * The server takes a number apart into national digits, country and calling
 * code, and drops a trunk zero, as the number's plan says.  The stored
 * calling code tells where the national part of the sent one begins.
 */
CREATE FUNCTION flitmig._same_phone(number text, calling_code text, stored_number text, stored_calling_code text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	code text := regexp_replace(coalesce(stored_calling_code, ''), '\D', '', 'g');
	sent text := regexp_replace(regexp_replace(coalesce(number, ''), '\D', '', 'g'), '^00', '');
BEGIN
	IF coalesce(calling_code, '') <> '' AND regexp_replace(calling_code, '\D', '', 'g') <> code THEN
		RETURN false;
	ELSIF number ~ '^\s*(\+|00)' AND starts_with(sent, code) THEN
		sent := substr(sent, length(code) + 1);
	END IF;
	RETURN ltrim(sent, '0') = ltrim(regexp_replace(coalesce(stored_number, ''), '\D', '', 'g'), '0');
END
$$;
COMMENT ON FUNCTION flitmig._same_phone(text, text, text, text) IS 'Whether a number as sent and a number as the server keeps it reach the same telephone';

CREATE FUNCTION flitmig._same_phones(sent jsonb, stored jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN jsonb_array_length(coalesce(nullif(sent, 'null'), '[]')) = jsonb_array_length(coalesce(nullif(stored, 'null'), '[]'))
		AND coalesce((SELECT bool_and(coalesce(flitmig._same_phone(a ->> 'number', a ->> 'callingCode', stored -> (n - 1)::integer ->> 'number', stored -> (n - 1)::integer ->> 'callingCode'), false))
					  FROM jsonb_array_elements(nullif(sent, 'null')) WITH ORDINALITY AS x(a, n)), true);
END
$$;
COMMENT ON FUNCTION flitmig._same_phones(jsonb, jsonb) IS 'Whether two lists of additional phones hold the same telephones in the same order';

/* One part of a composite as the server would store it; part NULL: a plain value. */
CREATE FUNCTION flitmig._canon(type text, part text, value jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	words text := value #>> '{}';
BEGIN
	IF flitmig._is_blank(value) THEN
		RETURN NULL;
	ELSIF type = 'BOOLEAN' THEN
		RETURN nullif(value, 'false');
	ELSIF type IN ('NUMBER', 'NUMERIC', 'POSITION') OR part IN ('addressLat', 'addressLng') THEN
		RETURN CASE WHEN words ~ '^-?\d+(\.\d+)?([eE][-+]?\d{1,3})?$' THEN to_jsonb(words::numeric) ELSE value END;
	ELSIF part = 'amountMicros' THEN
		RETURN CASE WHEN words ~ '^-?\d+(\.\d+)?$' THEN to_jsonb(trunc(words::numeric)) ELSE value END;
	ELSIF type = 'DATE' THEN
		RETURN to_jsonb(left(words, 10));
	ELSIF type IN ('UUID', 'RELATION') THEN
		RETURN to_jsonb(lower(words));
	ELSIF type = 'EMAILS' AND jsonb_typeof(value) = 'array' THEN
		RETURN (SELECT jsonb_agg(lower(btrim(e)) ORDER BY n) FROM jsonb_array_elements_text(value) WITH ORDINALITY AS x(e, n));
	ELSIF type = 'EMAILS' THEN
		RETURN to_jsonb(lower(btrim(words)));
	ELSIF part = 'primaryLinkUrl' THEN
		RETURN flitmig._canon_url(value);
	ELSIF part = 'secondaryLinks' AND jsonb_typeof(value) = 'array' THEN
		RETURN (SELECT jsonb_agg(jsonb_build_object('url', flitmig._canon_url(e -> 'url'), 'label', nullif(e ->> 'label', '')) ORDER BY n)
				FROM jsonb_array_elements(value) WITH ORDINALITY AS x(e, n));
	ELSIF part = 'markdown' THEN
		RETURN flitmig._canon_markdown(value);
	ELSIF type = 'MULTI_SELECT' AND jsonb_typeof(value) = 'array' THEN
		RETURN (SELECT jsonb_agg(DISTINCT e) FROM jsonb_array_elements(value) e);
	END IF;
	RETURN value;
END
$$;
COMMENT ON FUNCTION flitmig._canon(text, text, jsonb) IS 'A value as the server would keep it; NULL for every kind of blank';

/* The name under which a difference without meaning goes into the diff. */
CREATE FUNCTION flitmig._rule(type text, sent jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN CASE
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
	END;
END
$$;
COMMENT ON FUNCTION flitmig._rule(text, jsonb) IS 'Name of the server''s rule that makes a stored value differ in writing from the sent one';

/* Parts that were sent, one by one; parts that were not sent do not count. */
CREATE FUNCTION flitmig._same_parts(type text, sent jsonb, stored jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	key text;
	value jsonb;
	same boolean;
BEGIN
	FOR key, value IN SELECT p.key, p.value FROM jsonb_each(sent) p LOOP
		IF flitmig._is_blank(value) THEN
			same := flitmig._is_blank(stored -> key);
		ELSIF type = 'PHONES' AND key = 'primaryPhoneNumber' THEN
			same := flitmig._same_phone(value #>> '{}', sent ->> 'primaryPhoneCallingCode', stored ->> 'primaryPhoneNumber', stored ->> 'primaryPhoneCallingCode');
		ELSIF type = 'PHONES' AND key = 'additionalPhones' THEN
			same := flitmig._same_phones(value, stored -> key);
		ELSIF type = 'PHONES' THEN
			/* countries share calling codes and the number's plan decides; without a number there is neither */
			same := flitmig._is_blank(sent -> 'primaryPhoneNumber') OR value = stored -> key
				OR (key = 'primaryPhoneCountryCode' AND sent ->> 'primaryPhoneCallingCode' = stored ->> 'primaryPhoneCallingCode');
		ELSE
			same := flitmig._canon(type, key, value) IS NOT DISTINCT FROM flitmig._canon(type, key, stored -> key);
		END IF;
		IF same IS NOT TRUE THEN
			RETURN false;
		END IF;
	END LOOP;
	RETURN true;
END
$$;
COMMENT ON FUNCTION flitmig._same_parts(text, jsonb, jsonb) IS 'Whether the parts sent of a composite are stored, in the server''s own writing';

CREATE FUNCTION flitmig._verdict(type text, sent jsonb, stored jsonb) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	sent_at timestamptz;
	stored_at timestamptz;
	same boolean;
BEGIN
	IF stored IS NULL THEN
		RETURN 'missing';
	ELSIF sent = stored THEN
		RETURN 'same';
	ELSIF type = 'RAW_JSON' THEN
		same := flitmig._is_blank(sent) AND flitmig._is_blank(stored);
	ELSIF jsonb_typeof(sent) = 'object' AND jsonb_typeof(stored) = 'object' THEN
		IF NOT EXISTS (SELECT FROM jsonb_each(sent) p WHERE p.value IS DISTINCT FROM stored -> p.key) THEN
			RETURN 'same';
		END IF;
		same := flitmig._same_parts(type, sent, stored);
	ELSIF type = 'DATE_TIME' AND NOT flitmig._is_blank(sent) THEN
		sent_at := flitmig._instant(sent);
		stored_at := flitmig._instant(stored);
		IF sent_at = stored_at THEN
			RETURN 'same';
		END IF;
		same := date_trunc('milliseconds', sent_at) = date_trunc('milliseconds', stored_at);
	ELSIF type = 'FILES' AND stored @> sent THEN
		RETURN 'same';
	ELSE
		/* a composite emptied by null comes back with every part blank */
		same := flitmig._canon(type, NULL, sent) IS NOT DISTINCT FROM flitmig._canon(type, NULL, stored)
			OR (flitmig._is_blank(sent) AND jsonb_typeof(stored) = 'object' AND NOT EXISTS (SELECT FROM jsonb_each(stored) p WHERE NOT flitmig._is_blank(p.value)));
	END IF;
	RETURN CASE WHEN same THEN 'normalised' ELSE 'mismatch' END;
END
$$;
COMMENT ON FUNCTION flitmig._verdict(text, jsonb, jsonb) IS 'same, normalised, mismatch or missing, for one value of a field type';

CREATE FUNCTION flitmig._compare(payload jsonb, answer jsonb, mig integer, object text)
RETURNS TABLE(field text, verdict text, rule text, sent jsonb, stored jsonb)
LANGUAGE plpgsql STABLE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type text;
BEGIN
	FOR field, sent IN SELECT s.key, s.value FROM jsonb_each(payload) s WHERE s.key <> 'id' LOOP
		stored := answer -> field;
		rule := NULL;
		IF stored = sent THEN
			verdict := 'same';
		ELSE
			/* not a field: a join column, which holds an id */
			type := coalesce((SELECT f.type FROM flitmig.live_field f WHERE f.migration_id = mig AND f.object = _compare.object AND f.name = field), 'UUID');
			verdict := flitmig._verdict(type, sent, stored);
			IF verdict = 'normalised' THEN
				rule := flitmig._rule(type, sent);
			END IF;
		END IF;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION flitmig._compare(jsonb, jsonb, integer, text) IS 'Every field that was sent, with verdict and, for what the server writes its own way, the rule. Where stored @> sent, all is the same and the call can be spared';
