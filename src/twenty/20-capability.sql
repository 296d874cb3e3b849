/* capability: what this server can do, read from its own schema. Never from a version number. */

CREATE TABLE flitmig.capability (
	migration_id	integer NOT NULL REFERENCES flitmig.migration ON DELETE CASCADE,
	name			text NOT NULL,
	value			jsonb NOT NULL,
	read_at			timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (migration_id, name)
);
COMMENT ON TABLE flitmig.capability IS 'What the server''s schema offers, as last read: mutations, fields of its metadata types, field types, actor sources. Written by introspection';

CREATE FUNCTION flitmig._capability(mig integer, name text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT c.value FROM flitmig.capability c WHERE c.migration_id = mig AND c.name = _capability.name
$$;
COMMENT ON FUNCTION flitmig._capability(integer, text) IS 'One capability of a migration''s server, NULL when unknown';

CREATE FUNCTION flitmig._capable(mig integer, name text, item text) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(flitmig._capability(mig, name) ? item, false)
$$;
COMMENT ON FUNCTION flitmig._capable(integer, text, text) IS 'Whether a list or map among the capabilities holds an item';

CREATE FUNCTION flitmig._learn(mig integer, name text, value jsonb) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
	INSERT INTO flitmig.capability (migration_id, name, value)
	VALUES (mig, name, coalesce(value, 'null'))
	ON CONFLICT (migration_id, name) DO UPDATE SET value = excluded.value, read_at = clock_timestamp()
$$;
COMMENT ON FUNCTION flitmig._learn(integer, text, jsonb) IS 'Notes a capability';

/*
 * Documents are text; everything that goes into one passes here.  Names come
 * from the server's own schema, so a name that is not one is a broken or
 * hostile answer, never something to send.
 */
CREATE FUNCTION flitmig._identifier(name text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF name IS NULL OR name !~ '^[A-Za-z][A-Za-z0-9]*$' OR length(name) > 128 THEN
		RAISE EXCEPTION '"%" cannot be a name in Twenty', left(name, 64)
			USING ERRCODE = 'invalid_name', HINT = 'Names are letters and digits and begin with a letter, like dateOfBirth.';
	END IF;
	RETURN name;
END
$$;
COMMENT ON FUNCTION flitmig._identifier(text) IS 'The name itself, or error 42602 when it may not stand in a GraphQL document';

CREATE FUNCTION flitmig._capital(name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT upper(left(name, 1)) || substr(name, 2) $$;
COMMENT ON FUNCTION flitmig._capital(text) IS 'First letter in upper case, as type and root names have it (billingClaim, BillingClaim)';

CREATE FUNCTION flitmig._api_name(mig integer, object text, plural boolean DEFAULT false) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	o flitmig.live_object;
BEGIN
	SELECT * INTO o FROM flitmig.live_object l WHERE l.migration_id = mig AND l.name = _api_name.object;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'the server has no object "%"', object
			USING ERRCODE = 'undefined_object',
				  HINT = format('SELECT * FROM flitmig_prepare(%L);', (SELECT m.name FROM flitmig.migration m WHERE m.id = mig));
	END IF;
	RETURN flitmig._identifier(CASE WHEN plural THEN o.name_plural ELSE o.name END);
END
$$;
COMMENT ON FUNCTION flitmig._api_name(integer, text, boolean) IS 'Singular or plural API name of a live object; error 42704 when the server has none of that name';

CREATE FUNCTION flitmig._call(document text, variables jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT jsonb_build_object('query', document, 'variables', variables) $$;
COMMENT ON FUNCTION flitmig._call(text, jsonb) IS 'Body of a GraphQL call: identifiers in the document, data in the variables';
