/* schema rules: what Twenty accepts as name, type and option, and whether a live field can take the place of a wanted one. */

/*
 * Names that Twenty keeps for itself; their plurals too.  Twenty.md 6 and the
 * messages of both recorded models ("This name is reserved").
 */
CREATE FUNCTION flitmig._reserved_name(name text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT name = ANY (ARRAY[
		'role', 'roles', 'type', 'types', 'address', 'addresses', 'plan', 'plans', 'event', 'events', 'link', 'links', 'currency', 'currencies',
		'field', 'fields', 'object', 'objects', 'index', 'indexes', 'relation', 'relations', 'search', 'searches', 'user', 'users', 'job', 'jobs',
		'workspace', 'workspaces', 'aggregate', 'fullNames', 'appToken', 'appTokens', 'approvedAccessDomain', 'approvedAccessDomains',
		'billingCustomer', 'billingCustomers', 'billingEntitlement', 'billingEntitlements', 'billingMeter', 'billingMeters', 'billingProduct',
		'billingProducts', 'billingSubscription', 'billingSubscriptions', 'billingSubscriptionItem', 'billingSubscriptionItems', 'featureFlag',
		'featureFlags', 'keyValuePair', 'keyValuePairs', 'pageLayout', 'pageLayouts', 'pageLayoutTab', 'pageLayoutTabs', 'pageLayoutWidget',
		'pageLayoutWidgets', 'twoFactorMethod', 'twoFactorMethods', 'userWorkspace', 'userWorkspaces', 'userWorkspaceRole', 'userWorkspaceRoles'])
$$;
COMMENT ON FUNCTION flitmig._reserved_name(text) IS 'Whether Twenty refuses a name for a new field or object because it keeps it for itself';

CREATE FUNCTION flitmig._name_problem(name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN name !~ '^[a-z][A-Za-z0-9]*$' THEN format('"%s" is no name for Twenty: camelCase letters and digits only, a lower-case letter first', name)
		WHEN length(name) > 63 THEN format('"%s" is longer than the 63 characters that Twenty allows', name)
		WHEN flitmig._reserved_name(name) THEN format('"%s" is reserved in Twenty; choose another name, the label may stay', name)
	END
$$;
COMMENT ON FUNCTION flitmig._name_problem(text) IS 'Why Twenty would refuse a name, in words; NULL when it would not';

/*
 * Rich text is RICH_TEXT_V2 on servers that still have the older kind under
 * the short name.  What the server's own fields use decides, then its list
 * of types.
 */
CREATE FUNCTION flitmig._server_type(mig integer, type text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN type IN ('RICH_TEXT', 'RICH_TEXT_V2')
			THEN coalesce((SELECT max(f.type) FROM flitmig.live_field f WHERE f.migration_id = mig AND f.type IN ('RICH_TEXT', 'RICH_TEXT_V2')),
						  CASE WHEN flitmig._capable(mig, 'field_types', 'RICH_TEXT_V2') THEN 'RICH_TEXT_V2' ELSE 'RICH_TEXT' END)
		ELSE type
	END
$$;
COMMENT ON FUNCTION flitmig._server_type(integer, text) IS 'A portable field type as this server calls it';

CREATE FUNCTION flitmig._type_creatable(mig integer, type text) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT type IN ('TEXT', 'DATE', 'DATE_TIME', 'NUMBER', 'BOOLEAN', 'SELECT', 'MULTI_SELECT', 'CURRENCY', 'ADDRESS', 'PHONES', 'EMAILS', 'LINKS',
					'RAW_JSON', 'ARRAY', 'RATING', 'UUID', 'RELATION', 'FULL_NAME', 'RICH_TEXT', 'RICH_TEXT_V2')
		/* a type that some live field has, or files where attachments have them: the list of types alone does not say what may be created */
		OR (type = 'FILES' AND EXISTS (SELECT FROM flitmig.live_field f WHERE f.migration_id = mig AND f.type = 'FILES'))
$$;
COMMENT ON FUNCTION flitmig._type_creatable(integer, text) IS 'Whether a field of this type (as the server calls it) can be created';

/* ---- options ---- */

CREATE FUNCTION flitmig._colour(n bigint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT (ARRAY['green', 'turquoise', 'sky', 'blue', 'purple', 'pink', 'red', 'orange', 'yellow', 'gray'])[1 + n % 10] $$;
COMMENT ON FUNCTION flitmig._colour(bigint) IS 'Colour of the n-th option, from 0: Twenty''s ten, in turn';

/* Wanted options that are not there yet, as createOneField and updateOneField take them. */
CREATE FUNCTION flitmig._new_options(wanted jsonb, present jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(jsonb_agg(jsonb_build_object('value', w.value, 'label', coalesce(w.label, initcap(replace(w.value, '_', ' '))),
												 'color', coalesce(w.color, flitmig._colour(p.next + w.n - 1)), 'position', p.next + w.n - 1) ORDER BY w.n), '[]')
	FROM (SELECT coalesce(max((o ->> 'position')::numeric::bigint) + 1, 0) AS next
		  FROM jsonb_array_elements(coalesce(nullif(present, 'null'), '[]')) o) p,
		 (SELECT u.value, u.label, u.color, row_number() OVER (ORDER BY u.n) AS n
		  FROM (SELECT DISTINCT ON (o ->> 'value') o ->> 'value' AS value, nullif(btrim(o ->> 'label'), '') AS label, o ->> 'color' AS color, i.n
				FROM jsonb_array_elements(coalesce(nullif(wanted, 'null'), '[]')) WITH ORDINALITY AS i(o, n)
				WHERE NOT jsonb_path_exists(coalesce(nullif(present, 'null'), '[]'), '$[*] ? (@.value == $v)', jsonb_build_object('v', o -> 'value'))
				ORDER BY o ->> 'value', i.n) u) w
$$;
COMMENT ON FUNCTION flitmig._new_options(jsonb, jsonb) IS 'The options wanted and not present, with colour and position; present ones keep theirs';

CREATE FUNCTION flitmig._option_problem(options jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT 'option values must be UPPER_SNAKE and begin with a letter: ' || string_agg(DISTINCT quote_literal(left(o ->> 'value', 40)), ', ')
	FROM jsonb_array_elements(coalesce(nullif(options, 'null'), '[]')) o
	WHERE o ->> 'value' IS NULL OR o ->> 'value' !~ '^[A-Z][A-Z0-9_]*$'
$$;
COMMENT ON FUNCTION flitmig._option_problem(jsonb) IS 'Why Twenty would refuse options, in words; NULL when it would not';

/* ---- far sides of relations ---- */

/* The server makes the far field's name from its label: Appointments as provider, appointmentsAsProvider. */
CREATE FUNCTION flitmig._name_of_label(label text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(CASE WHEN w.n = 1 THEN lower(left(w.word, 1)) ELSE upper(left(w.word, 1)) END || substr(w.word, 2), '' ORDER BY w.n)
	FROM regexp_split_to_table(btrim(regexp_replace(normalize(label, NFD), '[^A-Za-z0-9]+', ' ', 'g')), ' ') WITH ORDINALITY AS w(word, n)
	WHERE w.word <> ''
$$;
COMMENT ON FUNCTION flitmig._name_of_label(text) IS 'Name that the server derives from a label';

CREATE FUNCTION flitmig._far_label(mig integer, object text, far_object text, label text, wanted text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT c.label
	FROM flitmig.live_object o,
		 LATERAL (VALUES (1, wanted), (CASE WHEN wanted IS NULL THEN 2 ELSE 5 END, o.label_plural), (3, o.label_plural || ' by ' || _far_label.label), (4, wanted || ' of ' || o.label_plural),
						 (6, o.label_plural || ' ' || substr(md5(_far_label.object || _far_label.label), 1, 6))) AS c(n, label)
	WHERE o.migration_id = mig AND o.name = _far_label.object
	  AND flitmig._name_problem(flitmig._name_of_label(c.label)) IS NULL
	  AND NOT EXISTS (SELECT FROM flitmig.live_field f
					  WHERE f.migration_id = mig AND f.object = far_object
						AND (lower(f.name) = lower(flitmig._name_of_label(c.label)) OR lower(f.label) = lower(c.label)))
	ORDER BY c.n
	LIMIT 1
$$;
COMMENT ON FUNCTION flitmig._far_label(integer, text, text, text, text) IS 'Label for the far side of a relation whose name is still free there: the wanted one, else one made from the object';
