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

CREATE TABLE flitmig.reference_count (
	migration_id	integer NOT NULL REFERENCES flitmig.migration ON DELETE CASCADE,
	object_map_id	integer NOT NULL REFERENCES flitmig.object_map ON DELETE CASCADE,
	field			text NOT NULL,
	resolved		bigint NOT NULL,
	missing			bigint NOT NULL,
	ambiguous		bigint NOT NULL,
	excluded		bigint NOT NULL,
	blank			bigint NOT NULL,
	PRIMARY KEY (migration_id, object_map_id, field)
);
COMMENT ON TABLE flitmig.reference_count IS 'How the references of each relation end; the sum is the map''s rows. Written by mapping';
COMMENT ON COLUMN flitmig.reference_count.field IS 'The relation, as in field_map';
COMMENT ON COLUMN flitmig.reference_count.resolved IS 'Names one record, which it got';
COMMENT ON COLUMN flitmig.reference_count.blank IS 'Names nothing';
COMMENT ON COLUMN flitmig.reference_count.missing IS 'Names a record that no export holds';
COMMENT ON COLUMN flitmig.reference_count.ambiguous IS 'Names two records or more, so none is taken';
COMMENT ON COLUMN flitmig.reference_count.excluded IS 'Names a record that is excluded';

CREATE TABLE flitmig.deferred_field (
	migration_id	integer NOT NULL REFERENCES flitmig.migration ON DELETE CASCADE,
	object_map_id	integer NOT NULL REFERENCES flitmig.object_map ON DELETE CASCADE,
	field			text NOT NULL,
	PRIMARY KEY (migration_id, object_map_id, field)
);
COMMENT ON TABLE flitmig.deferred_field IS 'Payload keys that may point at a record sent later (self relations, cycles): sent in a second pass. Written by mapping';

/* A foreign key would ask for its object map once for each of a million records. */
CREATE FUNCTION flitmig._forget_records()
RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DELETE FROM flitmig.record r USING gone g WHERE r.object_map_id = g.id;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION flitmig._forget_records() IS 'Trigger: the records of an object map go with it';

CREATE TRIGGER forget_records AFTER DELETE ON flitmig.object_map
	REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION flitmig._forget_records();

CREATE FUNCTION flitmig._object(VARIADIC "any")
RETURNS jsonb AS 'MODULE_PATHNAME', 'flitmig_object' LANGUAGE C STABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION flitmig._object(VARIADIC "any") IS 'An object of name, value, … without values that are null; nested nulls stay. The names in jsonb''s order: shorter first, then bytewise';

CREATE FUNCTION flitmig._build_object(names text[], expressions text[])
RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	/* A function takes 100 arguments at most; of two values with one name the later counts. */
	SELECT coalesce(string_agg(c.part, ' || ' ORDER BY c.n), '''{}''::jsonb')
	FROM (SELECT o.n / 50 AS n, format('flitmig._object(%s)', string_agg(format('%L, %s', o.name, o.expression), ', ' ORDER BY o.n)) AS part
		  FROM (SELECT d.name, d.expression, row_number() OVER (ORDER BY octet_length(d.name), d.name COLLATE "C") - 1 AS n
				FROM (SELECT DISTINCT ON (p.name) p.name, p.expression FROM unnest(names, expressions) WITH ORDINALITY p(name, expression, n) ORDER BY p.name, p.n DESC) d) o
		  GROUP BY 1) c
$$;
COMMENT ON FUNCTION flitmig._build_object(names text[], expressions text[]) IS 'SQL that builds one object of the expressions that are not null';
