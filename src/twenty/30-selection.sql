/* selection: what to ask back, so that an answer shows what was stored. */

/* Parts of composite types. blocknote is left out (the server makes it from markdown), and so is a file's signed url. */
CREATE FUNCTION flitmig._parts(type text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE type
		WHEN 'FULL_NAME' THEN '{firstName lastName}'
		WHEN 'EMAILS' THEN '{primaryEmail additionalEmails}'
		WHEN 'PHONES' THEN '{primaryPhoneNumber primaryPhoneCountryCode primaryPhoneCallingCode additionalPhones}'
		WHEN 'ADDRESS' THEN '{addressStreet1 addressStreet2 addressCity addressState addressPostcode addressCountry addressLat addressLng}'
		WHEN 'CURRENCY' THEN '{amountMicros currencyCode}'
		WHEN 'LINKS' THEN '{primaryLinkLabel primaryLinkUrl secondaryLinks}'
		WHEN 'RICH_TEXT' THEN '{markdown}'
		WHEN 'RICH_TEXT_V2' THEN '{markdown}'
		WHEN 'ACTOR' THEN '{source name workspaceMemberId}'
		WHEN 'FILES' THEN '{fileId label extension}'
		ELSE ''
	END
$$;
COMMENT ON FUNCTION flitmig._parts(text) IS 'Selection of a composite type''s parts; empty for plain values';

CREATE FUNCTION flitmig._selection(mig integer, object text, fields text[]) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	selection text;
	unknown text;
BEGIN
	/* a name that both a field and a join column have (rare) is the field's */
	WITH known AS (
		SELECT DISTINCT ON (k.name) k.name, k.parts
		FROM flitmig.live_field f,
			 LATERAL (SELECT f.name, flitmig._parts(f.type), 0 WHERE f.type NOT IN ('RELATION', 'MORPH_RELATION')
					  UNION ALL
					  SELECT f.join_column, '', 1 WHERE f.join_column IS NOT NULL) AS k(name, parts, rank)
		WHERE f.migration_id = mig AND f.object = _selection.object AND f.is_active
		ORDER BY k.name, k.rank)
	SELECT string_agg(flitmig._identifier(w.name) || k.parts, ' ' ORDER BY w.n) FILTER (WHERE k.name IS NOT NULL),
		   string_agg(w.name, ', ' ORDER BY w.n) FILTER (WHERE k.name IS NULL)
	INTO selection, unknown
	FROM unnest(fields) WITH ORDINALITY AS w(name, n)
	LEFT JOIN known k ON k.name = w.name
	WHERE w.name <> 'id';
	IF unknown IS NOT NULL THEN
		RAISE EXCEPTION 'object "%" of the server has no field %', object, unknown
			USING ERRCODE = 'undefined_column',
				  HINT = format('SELECT * FROM flitmig_prepare(%L);', (SELECT m.name FROM flitmig.migration m WHERE m.id = mig));
	END IF;
	RETURN concat_ws(' ', 'id', selection);
END
$$;
COMMENT ON FUNCTION flitmig._selection(integer, text, text[]) IS 'Selection set for payload keys of an object: composites with all their parts, join columns plain, id first; error 42703 for a field that the server does not have';
