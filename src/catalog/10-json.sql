/* catalog: documents that may be of another form than was thought. */

CREATE FUNCTION flitmig._object_of(doc jsonb)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT CASE WHEN pg_catalog.jsonb_typeof(doc) OPERATOR(pg_catalog.=) 'object' THEN doc ELSE '{}' END $$;
COMMENT ON FUNCTION flitmig._object_of(doc jsonb) IS 'The document if it is an object, else an empty one';

CREATE FUNCTION flitmig._array_of(doc jsonb)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT CASE WHEN pg_catalog.jsonb_typeof(doc) OPERATOR(pg_catalog.=) 'array' THEN doc ELSE '[]' END $$;
COMMENT ON FUNCTION flitmig._array_of(doc jsonb) IS 'The document if it is an array, else an empty one';
