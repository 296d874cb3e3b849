/*
 * mapping: values that Twenty takes once only.
 *
 * Whoever holds a value in Twenty keeps it, else the first in mapping order.
 * A family shares an e-mail address: the others get it as additional address.
 */

CREATE FUNCTION flitmig._unique_paths(mig integer, object text)
RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	WITH live AS (
		SELECT l.name || CASE l.type WHEN 'EMAILS' THEN '.primaryEmail' WHEN 'LINKS' THEN '.primaryLinkUrl' WHEN 'PHONES' THEN '.primaryPhoneNumber' ELSE '' END AS path
		FROM flitmig.live_field l WHERE l.migration_id = mig AND l.object = _unique_paths.object AND l.is_unique),
	wanted AS (
		SELECT u AS path FROM flitmig.migration m, jsonb_array_elements_text(flitmig._array_of(m.profile_doc#>ARRAY['unique', _unique_paths.object])) u WHERE m.id = mig
		UNION SELECT t.name FROM flitmig.target_field t WHERE t.migration_id = mig AND t.object = _unique_paths.object AND t.is_unique
		UNION SELECT path FROM live)
	SELECT w.path FROM wanted w
	WHERE EXISTS (SELECT FROM flitmig.field_map f JOIN flitmig.object_map o ON o.id = f.object_map_id
				  WHERE o.migration_id = mig AND o.object = _unique_paths.object AND f.kind = 'value' AND f.field = split_part(w.path, '.', 1))
	ORDER BY 1
$$;
COMMENT ON FUNCTION flitmig._unique_paths(mig integer, object text) IS 'Paths in an object''s payload whose values are unique: as the profile, the wanted and the live schema say';

CREATE FUNCTION flitmig._unique_rows_sql(mig integer, object text, keys text[])
RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(format(
		'SELECT %s AS map, %s AS position, r.sequence, r.id, r.file_id, r.line_no, nullif(lower(r.payload #>> %L), '''') AS value FROM pg_temp.%I r WHERE r.reason IS NULL',
		o.id, o.position, keys, 'flitmig_r' || o.id), ' UNION ALL ')
	FROM flitmig.object_map o WHERE o.migration_id = mig AND o.object = _unique_rows_sql.object
$$;
COMMENT ON FUNCTION flitmig._unique_rows_sql(mig integer, object text, keys text[]) IS 'A query: the resolved rows of an object and the value that each has at a path';

/* Nearly all values stand alone: only those that do not are looked at closely. */
CREATE FUNCTION flitmig._find_losers(mig integer, object text, keys text[], rows text)
RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DROP TABLE IF EXISTS pg_temp.flitmig_crowd, pg_temp.flitmig_held, pg_temp.flitmig_lost;
	/* What Twenty holds from us. A record that is mapped says itself what it keeps; one that is gone or excluded stays there as it is. */
	EXECUTE format($sql$
CREATE TEMP TABLE flitmig_held ON COMMIT DROP AS
SELECT lower(b.sent #>> %1$L) AS value, b.id, v.id IS NULL AS stays
FROM flitmig.base b LEFT JOIN (%2$s) v ON v.id = b.id
WHERE b.migration_id = %3$s AND b.object = %4$L AND b.sent #>> %1$L <> ''$sql$, keys, rows, mig, object);
	EXECUTE format($sql$
CREATE TEMP TABLE flitmig_crowd ON COMMIT DROP AS
SELECT v.value, false AS taken FROM (%s) v WHERE v.value IS NOT NULL GROUP BY v.value HAVING count(*) > 1
UNION ALL
SELECT DISTINCT h.value, true FROM pg_temp.flitmig_held h WHERE h.stays$sql$, rows);
	IF NOT EXISTS (SELECT FROM pg_temp.flitmig_crowd) THEN
		RETURN false;
	END IF;
	ANALYZE flitmig_crowd;
	ANALYZE flitmig_held;
	EXECUTE format($sql$
CREATE TEMP TABLE flitmig_lost ON COMMIT DROP AS
WITH ranked AS (
	SELECT v.*, row_number() OVER (PARTITION BY v.value ORDER BY h.id IS NULL, v.position, v.sequence, v.id) AS rank, c.taken
	FROM (%s) v
	JOIN (SELECT x.value, bool_or(x.taken) AS taken FROM pg_temp.flitmig_crowd x GROUP BY 1) c ON c.value = v.value
	LEFT JOIN pg_temp.flitmig_held h ON h.value = v.value AND h.id = v.id)
SELECT r.map, r.position, r.sequence, r.id, r.file_id, r.line_no, r.value, NULL::text AS instead
FROM ranked r WHERE r.rank > 1 OR r.taken$sql$, rows);
	ANALYZE flitmig_lost (id);
	RETURN EXISTS (SELECT FROM pg_temp.flitmig_lost);
END
$$;
COMMENT ON FUNCTION flitmig._find_losers(mig integer, object text, keys text[], rows text) IS 'Lists in pg_temp.flitmig_lost the records whose value another one keeps; false: none';

CREATE FUNCTION flitmig._lose_value(keys text[])
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	map	integer;
BEGIN
	FOR map IN SELECT DISTINCT l.map FROM pg_temp.flitmig_lost l LOOP
		EXECUTE format('UPDATE pg_temp.%I r SET payload = r.payload #- %L FROM pg_temp.flitmig_lost l WHERE l.id = r.id AND l.map = %s', 'flitmig_r' || map, keys, map);
	END LOOP;
END
$$;
COMMENT ON FUNCTION flitmig._lose_value(keys text[]) IS 'Takes the value at a path out of the records in pg_temp.flitmig_lost';

/* The first own address that nobody has as primary steps up; what was the primary one stays as additional address. */
CREATE FUNCTION flitmig._lose_address(keys text[], rows text)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	map		integer;
	others	text[] := ARRAY[keys[1], 'additionalEmails'];
BEGIN
	FOR map IN SELECT DISTINCT l.map FROM pg_temp.flitmig_lost l LOOP
		EXECUTE format($sql$
UPDATE pg_temp.flitmig_lost l SET instead = n.email
FROM (SELECT DISTINCT ON (x.id) x.id, a.email
	  FROM pg_temp.flitmig_lost x JOIN pg_temp.%I r ON r.id = x.id
	  CROSS JOIN LATERAL jsonb_array_elements_text(flitmig._array_of(r.payload #> %L)) WITH ORDINALITY a(email, n)
	  WHERE x.map = %s AND NOT EXISTS (SELECT FROM (%s) v WHERE v.value = lower(a.email))
	  ORDER BY x.id, a.n) n
WHERE l.id = n.id$sql$, 'flitmig_r' || map, others, map, rows);
	END LOOP;
	UPDATE pg_temp.flitmig_lost l SET instead = NULL
	FROM (SELECT x.id, row_number() OVER (PARTITION BY lower(x.instead) ORDER BY x.position, x.sequence, x.id) AS rank FROM pg_temp.flitmig_lost x WHERE x.instead IS NOT NULL) d
	WHERE d.id = l.id AND d.rank > 1;
	FOR map IN SELECT DISTINCT l.map FROM pg_temp.flitmig_lost l LOOP
		EXECUTE format($sql$
UPDATE pg_temp.%I r SET payload = jsonb_set(r.payload, %L, jsonb_build_object('primaryEmail', coalesce(l.instead, ''),
	'additionalEmails', jsonb_build_array(r.payload #> %L) || (flitmig._array_of(r.payload #> %L) - coalesce(l.instead, ''))))
FROM pg_temp.flitmig_lost l WHERE l.id = r.id AND l.map = %s$sql$, 'flitmig_r' || map, keys[1:1], keys, others, map);
	END LOOP;
END
$$;
COMMENT ON FUNCTION flitmig._lose_address(keys text[], rows text) IS 'Gives the records in pg_temp.flitmig_lost another primary address, or none';

CREATE FUNCTION flitmig._settle_unique(mig integer, object text, path text)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	keys	text[] := string_to_array(path, '.');
	rows	text := flitmig._unique_rows_sql(mig, object, keys);
	is_mail	boolean := path LIKE '%.primaryEmail';
BEGIN
	IF NOT flitmig._find_losers(mig, object, keys, rows) THEN
		RETURN;
	END IF;
	IF is_mail THEN
		PERFORM flitmig._lose_address(keys, rows);
	ELSE
		PERFORM flitmig._lose_value(keys);
	END IF;
	INSERT INTO flitmig.finding (migration_id, step, severity, code, object, column_name, count, places, message, hint)
	SELECT mig, 'map', 'warning', CASE WHEN is_mail THEN 'SHARED_EMAIL' ELSE 'DUPLICATE_UNIQUE' END, object, path, f.lost, flitmig._places(mig, f.files, f.lines),
		CASE WHEN is_mail THEN format('%s record(s) share an e-mail address with another, which keeps it as primary; these have it as additional address', f.lost)
			 ELSE format('%s record(s) have a value of %s that another record has too, and go without it', f.lost, path) END,
		CASE WHEN is_mail THEN 'Nothing to do for families; duplicates of one person are better merged in the source.'
			 ELSE 'Correct the values in the source, or make the field not unique in the profile.' END
	FROM (SELECT count(*) AS lost, (array_agg(l.file_id ORDER BY l.position, l.sequence))[1:5] AS files, (array_agg(l.line_no ORDER BY l.position, l.sequence))[1:5] AS lines
		  FROM pg_temp.flitmig_lost l) f;
END
$$;
COMMENT ON FUNCTION flitmig._settle_unique(mig integer, object text, path text) IS 'Leaves a unique value with one record: its holder in Twenty, else the first';
