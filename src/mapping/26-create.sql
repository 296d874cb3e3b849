/* mapping: a migration begins. */

CREATE FUNCTION flitmig._load_profile(mig integer)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	doc		jsonb := (SELECT m.profile_doc FROM flitmig.migration m WHERE m.id = mig);
BEGIN
	INSERT INTO flitmig.object_map (migration_id, name, object, position, source, key, filter, exclude, file_path, file_data, handles, merge, adopt, gone)
	SELECT mig, m.doc->>'name', m.doc->>'object', m.n, m.doc->>'source', m.doc->>'key', m.doc->>'filter',
		coalesce(m.doc->'exclude', '[]'), m.doc->>'file', m.doc->>'fileData', coalesce(m.doc->'handles', '{}'), coalesce(m.doc->'merge', '"last"'), ARRAY(SELECT jsonb_array_elements_text(flitmig._array_of(m.doc->'adopt'))),
		CASE jsonb_typeof(m.doc->'gone') WHEN 'object' THEN m.doc->'gone' WHEN 'string' THEN jsonb_build_object('action', m.doc->'gone') ELSE '{"action": "ignore"}' END
	FROM jsonb_array_elements(doc->'maps') WITH ORDINALITY m(doc, n);

	INSERT INTO flitmig.field_map (object_map_id, position, field, kind, expression, reference, reference_by, values_name, default_value, on_error, on_blank, columns, on_missing, description)
	SELECT o.id, row_number() OVER (PARTITION BY o.id ORDER BY f.key), f.key,
		CASE WHEN d.doc ? 'relation' THEN 'relation' WHEN d.doc ? 'owner' THEN 'owner' ELSE 'value' END,
		coalesce(d.doc->>'expression', d.doc->>'key', d.doc->>'owner'),
		d.doc->>'relation', d.doc->>'by', coalesce(d.doc->>'values', d.doc->>'aliases'), d.doc->>'default', d.doc->>'onError', d.doc->>'onBlank',
		CASE WHEN d.doc ? 'columns' THEN ARRAY(SELECT jsonb_array_elements_text(d.doc->'columns'))
			 ELSE flitmig._source_columns(coalesce(d.doc->>'expression', d.doc->>'key', d.doc->>'owner')) END,
		coalesce(d.doc->>'onMissing', 'null'), d.doc->>'description'
	FROM jsonb_array_elements(doc->'maps') m
	JOIN flitmig.object_map o ON o.migration_id = mig AND o.name = m->>'name'
	CROSS JOIN LATERAL jsonb_each(m->'fields') f
	CROSS JOIN LATERAL (SELECT CASE WHEN jsonb_typeof(f.value) = 'string' THEN jsonb_build_object('expression', f.value) ELSE f.value END AS doc) d;

	INSERT INTO flitmig.value_map (migration_id, name, source_value, target_value)
	SELECT mig, v.key, e.key, e.value #>> '{}'
	FROM jsonb_each(flitmig._object_of(doc->'values')) v, jsonb_each(v.value) e;

	INSERT INTO flitmig.target_object (migration_id, name, name_plural, label, label_plural, icon, description, position)
	SELECT mig, t.key, t.value->>'namePlural', t.value->>'label', t.value->>'labelPlural', t.value->>'icon', t.value->>'description',
		row_number() OVER (ORDER BY t.key)
	FROM jsonb_each(flitmig._object_of(doc->'targets')) t;

	INSERT INTO flitmig.target_field (migration_id, object, name, type, label, icon, description, is_unique, options, settings, relation_object, relation_label, position)
	SELECT mig, t.key, f.key, f.value->>'type', f.value->>'label', f.value->>'icon', f.value->>'description',
		coalesce((f.value->>'unique')::boolean, false), coalesce(f.value->'options', f.value->'appendOptions'), f.value->'settings',
		f.value->>'relation', f.value->>'relationLabel', row_number() OVER (PARTITION BY t.key ORDER BY f.key)
	FROM jsonb_each(flitmig._object_of(doc->'targets')) t, jsonb_each(flitmig._object_of(t.value->'fields')) f;
END
$$;
COMMENT ON FUNCTION flitmig._load_profile(mig integer) IS 'Spreads a migration''s profile document over the mapping tables';

CREATE FUNCTION flitmig._server_url(server text)
RETURNS text LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	known	text := (SELECT string_agg(s.srvname, ', ' ORDER BY s.srvname)
					 FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw WHERE w.fdwname = 'flitmig_twenty');
	wrapper	text;
	url		text;
BEGIN
	SELECT w.fdwname, (SELECT rtrim(o.option_value, '/') FROM pg_options_to_table(s.srvoptions) o WHERE o.option_name = 'url')
	INTO wrapper, url
	FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw WHERE s.srvname = server;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('server "%s" does not exist', server),
			HINT = coalesce('Servers: ' || known || '.', 'CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url ''https://crm.example.com'');');
	ELSIF wrapper <> 'flitmig_twenty' THEN
		RAISE EXCEPTION USING ERRCODE = 'wrong_object_type',
			MESSAGE = format('server "%s" belongs to the foreign data wrapper "%s", not flitmig_twenty', server, wrapper),
			HINT = coalesce('Servers: ' || known || '.', 'CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url ''https://crm.example.com'');');
	ELSIF NOT has_server_privilege(server, 'USAGE') THEN
		RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('permission denied for server "%s"', server),
			HINT = format('GRANT USAGE ON FOREIGN SERVER %I TO %I;', server, current_user);
	ELSIF url IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'fdw_option_name_not_found', MESSAGE = format('server "%s" has no url', server),
			HINT = format('ALTER SERVER %I OPTIONS (ADD url ''https://crm.example.com'');', server);
	END IF;
	RETURN url;
END
$$;
COMMENT ON FUNCTION flitmig._server_url(server text) IS 'The url of a flitmig_twenty server that the caller may use';

/* AT TIME ZONE also takes abbreviations and POSIX rules; pg_timezone_names reads six hundred files. */
CREATE FUNCTION flitmig._known_zone(zone text)
RETURNS boolean LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF zone ~ '^[A-Za-z_]+/[A-Za-z_/-]+$' THEN
		PERFORM now() AT TIME ZONE zone;
		RETURN true;
	END IF;
	RETURN zone = 'UTC' OR EXISTS (SELECT FROM pg_timezone_names z WHERE lower(z.name) = lower(zone));
EXCEPTION WHEN invalid_parameter_value THEN
	RETURN false;
END
$$;
COMMENT ON FUNCTION flitmig._known_zone(zone text) IS 'Is that the name of a time zone?';

CREATE FUNCTION flitmig._check_settings(zone text, country text, currency text, date_order text, default_owner text)
RETURNS void LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT flitmig._known_zone(zone) THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('unknown time zone: "%s"', zone),
			HINT = 'Name the clinic''s zone, such as America/New_York; SELECT name FROM pg_timezone_names lists them.';
	END IF;
	IF coalesce(country, '') !~ '^[A-Z]{2}$' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('invalid country: "%s"', country),
			HINT = 'Two capital letters of ISO 3166, such as US; phone numbers without + are dialled there.';
	END IF;
	IF coalesce(currency, '') !~ '^[A-Z]{3}$' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('invalid currency: "%s"', currency),
			HINT = 'Three capital letters of ISO 4217, such as USD.';
	END IF;
	IF date_order NOT IN ('MDY', 'DMY', 'YMD') THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('invalid date order: "%s"', date_order),
			HINT = 'MDY, DMY or YMD; NULL lets each column''s own values decide.';
	END IF;
	IF default_owner IS NOT NULL AND flitmig.to_email(default_owner) IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'the default owner is not an e-mail address',
			HINT = 'The e-mail address of a workspace member in Twenty.';
	END IF;
END
$$;
COMMENT ON FUNCTION flitmig._check_settings(zone text, country text, currency text, date_order text, default_owner text) IS 'Error when a setting of a migration is none: what each may be is in the hint';

CREATE FUNCTION @extschema@.flitmig_create(migration text, server text, profile text DEFAULT 'generic', time_zone text DEFAULT NULL,
	country text DEFAULT 'US', currency text DEFAULT 'USD', date_order text DEFAULT NULL, default_owner text DEFAULT NULL)
RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	doc			jsonb := (SELECT p.doc FROM flitmig.profile p WHERE p.name = flitmig_create.profile);
	zone		text := coalesce(flitmig_create.time_zone, current_setting('TimeZone'));
	staging		text := flitmig_create.migration || '_staging';
	url			text;
	problems	text[];
	mig			integer;
BEGIN
	IF flitmig_create.migration IS NULL OR flitmig_create.migration !~ '^(?!pg_)[a-z_][a-z0-9_]{0,49}$' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_name', MESSAGE = format('invalid name for a migration: "%s"', flitmig_create.migration),
			HINT = 'Lower-case letters, digits and _, not beginning with a digit or pg_, at most 50 characters.';
	END IF;
	IF EXISTS (SELECT FROM flitmig.migration m WHERE m.name = flitmig_create.migration) THEN
		RAISE EXCEPTION USING ERRCODE = 'duplicate_object', MESSAGE = format('migration "%s" already exists', flitmig_create.migration),
			HINT = format('Go on with it: SELECT flitmig_help(); or remove it with all its data: SELECT flitmig_drop(%L);', flitmig_create.migration);
	END IF;
	url := flitmig._server_url(flitmig_create.server);
	IF doc IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('profile "%s" does not exist', flitmig_create.profile),
			HINT = format('Profiles: %s. Your own is a row of flitmig.profile.', (SELECT string_agg(p.name, ', ' ORDER BY p.name) FROM flitmig.profile p));
	END IF;
	PERFORM flitmig._check_settings(zone, flitmig_create.country, flitmig_create.currency, flitmig_create.date_order, flitmig_create.default_owner);
	problems := ARRAY(SELECT p FROM flitmig._profile_check(doc) p);
	IF problems <> '{}' THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('profile "%s" has %s problem(s): %s', flitmig_create.profile, cardinality(problems), problems[1]),
			DETAIL = array_to_string(problems[1:20], E'\n'),
			HINT = format('SELECT flitmig._profile_check(doc) FROM flitmig.profile WHERE name = %L;', flitmig_create.profile);
	END IF;
	IF EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = staging) THEN
		RAISE EXCEPTION USING ERRCODE = 'duplicate_schema', MESSAGE = format('schema "%s" already exists', staging),
			HINT = format('Choose another name, or DROP SCHEMA %I CASCADE; if nothing in it is needed.', staging);
	END IF;

	IF NOT has_database_privilege(current_database(), 'CREATE') THEN
		RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('permission denied for database "%s"', current_database()),
			DETAIL = 'A migration has a staging schema of its own.',
			HINT = format('GRANT CREATE ON DATABASE %I TO %I;', current_database(), current_user);
	END IF;
	EXECUTE format('CREATE SCHEMA %I', staging);
	EXECUTE format('COMMENT ON SCHEMA %I IS %L', staging, format('Rows of the exports of flitmig migration %s, as they were read', flitmig_create.migration));
	INSERT INTO flitmig.migration (name, server, owner, profile, profile_doc, namespace, staging_schema, time_zone, country, currency, date_order, default_owner)
	VALUES (flitmig_create.migration, flitmig_create.server, current_user, flitmig_create.profile, doc,
			/* RFC 9562's namespace for URLs: the same migration on the same server finds its own ids again */
			flitmig.uuid_v5('6ba7b811-9dad-11d1-80b4-00c04fd430c8', url || '/' || flitmig_create.migration),
			staging, zone, flitmig_create.country, flitmig_create.currency, flitmig_create.date_order, flitmig.to_email(flitmig_create.default_owner))
	RETURNING id INTO mig;
	PERFORM flitmig._load_profile(mig);
	PERFORM flitmig._audit(flitmig_create.migration, 'create', jsonb_build_object('server', flitmig_create.server, 'profile', flitmig_create.profile));
	RETURN flitmig_create.migration;
END
$$;
COMMENT ON FUNCTION @extschema@.flitmig_create(migration text, server text, profile text, time_zone text, country text, currency text, date_order text, default_owner text)
	IS 'Begins a migration: a name, the server of Twenty, the profile of the export; creates the staging schema <name>_staging';
