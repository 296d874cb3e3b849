/* mapping: what the compiler keeps beside flitmig.record. */

CREATE TABLE flitmig.map_count (
	migration_id	integer NOT NULL REFERENCES flitmig.migration ON DELETE CASCADE,
	object_map_id	integer NOT NULL REFERENCES flitmig.object_map ON DELETE CASCADE,
	rows_read		bigint NOT NULL,
	filtered		bigint NOT NULL,
	blank_keys		bigint NOT NULL,
	duplicate_keys	bigint NOT NULL,
	mapped			bigint NOT NULL,
	excluded		bigint NOT NULL,
	PRIMARY KEY (migration_id, object_map_id)
);
COMMENT ON TABLE flitmig.map_count IS 'Where the rows of an object map''s source went: rows_read = filtered + blank_keys + duplicate_keys + mapped + excluded. Written by mapping';

CREATE TABLE flitmig.deferred_field (
	migration_id	integer NOT NULL REFERENCES flitmig.migration ON DELETE CASCADE,
	object_map_id	integer NOT NULL REFERENCES flitmig.object_map ON DELETE CASCADE,
	field			text NOT NULL,
	PRIMARY KEY (migration_id, object_map_id, field)
);
COMMENT ON TABLE flitmig.deferred_field IS 'Payload keys that may point at a record sent later (self relations, cycles): sent in a second pass. Written by mapping';

CREATE FUNCTION flitmig._compact(object jsonb)
RETURNS jsonb AS 'MODULE_PATHNAME', 'flitmig_compact' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION flitmig._compact(object jsonb) IS 'An object without its members that are null; nested nulls stay';
