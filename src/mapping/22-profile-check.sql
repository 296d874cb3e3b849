/* mapping: what a profile document may say. Every problem names its place in the document. */

CREATE FUNCTION flitmig._profile_keys(doc jsonb, path text, allowed text[])
RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('%s is not an object', path) WHERE jsonb_typeof(doc) IS DISTINCT FROM 'object'
	UNION ALL
	SELECT format('%s.%s is unknown; known: %s', path, k, array_to_string(allowed, ', '))
	FROM jsonb_object_keys(flitmig._object_of(doc)) k
	WHERE NOT k = ANY (allowed)
$$;
COMMENT ON FUNCTION flitmig._profile_keys(doc jsonb, path text, allowed text[]) IS 'Problems: not an object, or members that a profile does not know';

CREATE FUNCTION flitmig._placeholders(expression text)
RETURNS SETOF text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT DISTINCT m[1] FROM regexp_matches(expression, '\{(order [a-z0-9_]+\.[a-z0-9_]+|[a-z_][a-z0-9_]*)\}', 'g') m
$$;
COMMENT ON FUNCTION flitmig._placeholders(expression text) IS 'What stands in braces in an expression: {entity}, {country}, {order entity.column} …';

CREATE FUNCTION flitmig._driving_entity(source text)
RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$ SELECT substring(source FROM '^\s*\{([a-z_][a-z0-9_]*)\}\s+s\M') $$;
COMMENT ON FUNCTION flitmig._driving_entity(source text) IS 'The entity that a source begins with as alias s; NULL when the source is something else';

CREATE FUNCTION flitmig._source_columns(expression text)
RETURNS text[] LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(array_agg(DISTINCT m[1] ORDER BY m[1]), '{}')
	FROM regexp_matches(regexp_replace(expression, '''(?:[^'']|'''')*''', '''''', 'g'), '\ms\.([a-z_][a-z0-9_]*)', 'g') m
$$;
COMMENT ON FUNCTION flitmig._source_columns(expression text) IS 'Columns of the row s that an expression reads';

CREATE FUNCTION flitmig._profile_entities_check(document jsonb)
RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	WITH entity AS (
		SELECT e.key AS name, e.value AS doc, 'entities.' || e.key AS path FROM jsonb_each(flitmig._object_of(document->'entities')) e)
	SELECT 'entities is missing or empty' WHERE flitmig._object_of(document->'entities') = '{}'
	UNION ALL
	SELECT format('%s: the name must be a-z, 0-9 and _, at most 50 characters', path) FROM entity WHERE name !~ '^[a-z_][a-z0-9_]{0,49}$'
	UNION ALL
	SELECT p FROM entity, flitmig._profile_keys(entity.doc, path, '{files,columns,labels,required,drop,unmapped,of,repeat,fold,description}') p
	UNION ALL
	SELECT format('%s.labels must be an object: a name that is none of its columns → regular expression with one group', path) FROM entity
	WHERE entity.doc ? 'labels' AND (jsonb_typeof(entity.doc->'labels') <> 'object'
		OR EXISTS (SELECT FROM jsonb_each(flitmig._object_of(entity.doc->'labels')) l
				   WHERE l.key !~ '^[a-z_][a-z0-9_]{0,62}$' OR flitmig._object_of(entity.doc->'columns') ? l.key OR jsonb_typeof(l.value) <> 'string' OR l.value #>> '{}' !~ '\('))
	UNION ALL
	SELECT format('%s.files must be an array of file name patterns', path) FROM entity
	WHERE NOT entity.doc ? 'of' AND (jsonb_typeof(entity.doc->'files') IS DISTINCT FROM 'array'
		OR jsonb_path_exists(entity.doc->'files', '$[*] ? (@.type() != "string")'))
	UNION ALL
	SELECT format('%s.of must name an entity with files of its own, and leaves no room for files', path) FROM entity
	WHERE entity.doc ? 'of' AND (entity.doc ? 'files' OR NOT EXISTS (SELECT FROM entity o WHERE o.name = entity.doc->>'of' AND NOT o.doc ? 'of'))
	UNION ALL
	SELECT format('%s: repeat and fold are for an entity that is made "of" another, one of the two', path) FROM entity
	WHERE entity.doc ?| '{repeat,fold}' AND (NOT entity.doc ? 'of' OR entity.doc ?& '{repeat,fold}')
	UNION ALL
	SELECT format('%s.repeat must be an array of the words that stand for # in its spellings', path) FROM entity
	WHERE entity.doc ? 'repeat' AND (jsonb_typeof(entity.doc->'repeat') <> 'array' OR jsonb_path_exists(entity.doc->'repeat', '$[*] ? (@.type() != "string")'))
	UNION ALL
	SELECT format('%s.fold must be {"by": [columns of both], "name": column, "value": column} of entities.%s.columns', path, entity.doc->>'of') FROM entity
	WHERE entity.doc ? 'fold' AND (EXISTS (SELECT FROM flitmig._profile_keys(entity.doc->'fold', path, '{by,name,value}'))
		OR flitmig._array_of(entity.doc#>'{fold,by}') = '[]'
		OR EXISTS (SELECT FROM jsonb_array_elements_text(flitmig._array_of(entity.doc#>'{fold,by}')) b WHERE NOT flitmig._object_of(entity.doc->'columns') ? b
				   UNION ALL
				   SELECT FROM unnest(ARRAY(SELECT jsonb_array_elements_text(flitmig._array_of(entity.doc#>'{fold,by}')))
							|| ARRAY[coalesce(entity.doc#>>'{fold,name}', ''), coalesce(entity.doc#>>'{fold,value}', '')]) c
				   WHERE NOT flitmig._object_of(document#>ARRAY['entities', entity.doc->>'of', 'columns']) ? c))
	UNION ALL
	SELECT format('%s.columns must be an object: column name → array of header spellings', path) FROM entity
	WHERE jsonb_typeof(entity.doc->'columns') IS DISTINCT FROM 'object'
	UNION ALL
	SELECT format('%s.columns.%s must be an array of header spellings', path, c.key)
	FROM entity, jsonb_each(flitmig._object_of(entity.doc->'columns')) c
	WHERE jsonb_typeof(c.value) <> 'array' OR jsonb_path_exists(c.value, '$[*] ? (@.type() != "string")')
	UNION ALL
	SELECT format('%s.columns.%s: the name must be a-z, 0-9 and _', path, c.key)
	FROM entity, jsonb_each(flitmig._object_of(entity.doc->'columns')) c
	WHERE c.key !~ '^[a-z_][a-z0-9_]{0,62}$' OR c.key IN ('_file', '_line', '_hash', '_extra', '_labels', '_n')
	UNION ALL
	SELECT format('%s.%s must be an array of column names', path, k)
	FROM entity, unnest('{required,drop}'::text[]) k
	WHERE entity.doc ? k AND (jsonb_typeof(entity.doc->k) <> 'array' OR jsonb_path_exists(entity.doc->k, '$[*] ? (@.type() != "string")'))
	UNION ALL
	SELECT format('%s.required names %I, which is not among its columns', path, r)
	FROM entity, jsonb_array_elements_text(flitmig._array_of(entity.doc->'required')) r
	WHERE NOT flitmig._object_of(entity.doc->'columns') ? r
	UNION ALL
	SELECT format('%s.unmapped must be "report", "collect" or "fields"', path) FROM entity
	WHERE entity.doc ? 'unmapped' AND NOT coalesce(entity.doc->>'unmapped' IN ('report', 'collect', 'fields'), false)
	UNION ALL
	SELECT format('%s.unmapped: what is made of another entity has none of its own, but for a folded one "report" or "collect"', path) FROM entity
	WHERE entity.doc ? 'of' AND entity.doc ? 'unmapped' AND NOT (entity.doc ? 'fold' AND entity.doc->>'unmapped' <> 'fields')
	UNION ALL
	SELECT format('%s.unmapped is "fields", but no map''s source begins with {%s} s', path, name) FROM entity
	WHERE entity.doc->>'unmapped' = 'fields'
		AND NOT EXISTS (SELECT FROM jsonb_array_elements(flitmig._array_of(document->'maps')) m WHERE flitmig._driving_entity(m->>'source') = entity.name)
$$;
COMMENT ON FUNCTION flitmig._profile_entities_check(document jsonb) IS 'Problems in a profile''s entities';

CREATE FUNCTION flitmig._profile_targets_check(document jsonb)
RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	WITH target AS (
		SELECT t.key AS name, t.value AS doc, 'targets.' || t.key AS path FROM jsonb_each(flitmig._object_of(document->'targets')) t),
	field AS (
		SELECT f.key AS name, f.value AS doc, target.path || '.fields.' || f.key AS path
		FROM target, jsonb_each(flitmig._object_of(target.doc->'fields')) f),
	choice AS (
		SELECT field.path || format('.%s[%s]', k, o.n - 1) AS path, o.doc
		FROM field, unnest('{options,appendOptions}'::text[]) k,
			jsonb_array_elements(flitmig._array_of(field.doc->k)) WITH ORDINALITY o(doc, n))
	SELECT p FROM target, flitmig._profile_keys(target.doc, path, '{fields,namePlural,label,labelPlural,icon,description}') p
	UNION ALL
	SELECT format('%s: a new object needs namePlural, label and labelPlural', path) FROM target
	WHERE target.doc ?| '{namePlural,label,labelPlural}' AND NOT target.doc ?& '{namePlural,label,labelPlural}'
	UNION ALL
	SELECT format('%s: %s', n.path, flitmig._name_problem(n.name))
	FROM (SELECT name, path FROM target
		  UNION ALL SELECT target.doc->>'namePlural', path || '.namePlural' FROM target WHERE target.doc ? 'namePlural'
		  UNION ALL SELECT name, path FROM field WHERE field.doc ? 'type') n
	WHERE flitmig._name_problem(n.name) IS NOT NULL
	UNION ALL
	SELECT p FROM field, flitmig._profile_keys(field.doc, path,
		'{type,label,icon,description,unique,options,appendOptions,optionsFrom,settings,relation,relationLabel}') p
	UNION ALL
	SELECT format('%s.type %s is none that Twenty can create', path, field.doc->'type') FROM field
	WHERE field.doc ? 'type' AND NOT coalesce(field.doc->>'type' = ANY ('{TEXT,DATE,DATE_TIME,NUMBER,BOOLEAN,SELECT,MULTI_SELECT,CURRENCY,ADDRESS,PHONES,EMAILS,LINKS,RAW_JSON,ARRAY,RATING,UUID,RELATION,RICH_TEXT,FILES}'), false)
	UNION ALL
	SELECT format('%s.label is missing', path) FROM field WHERE field.doc ? 'type' AND NOT field.doc ? 'label'
	UNION ALL
	SELECT format('%s: a RELATION needs relation (the other object) and relationLabel', path) FROM field
	WHERE field.doc->>'type' = 'RELATION' AND NOT field.doc ?& '{relation,relationLabel}'
	UNION ALL
	SELECT format('%s: a %s needs options or optionsFrom', path, field.doc->>'type') FROM field
	WHERE field.doc->>'type' IN ('SELECT', 'MULTI_SELECT') AND NOT field.doc ?| '{options,optionsFrom}'
	UNION ALL
	SELECT format('%s: options are for SELECT and MULTI_SELECT', path) FROM field
	WHERE field.doc ?| '{options,optionsFrom}' AND NOT coalesce(field.doc->>'type' IN ('SELECT', 'MULTI_SELECT'), false)
	UNION ALL
	SELECT format('%s needs a value in UPPER_SNAKE_CASE and a label', path) FROM choice
	WHERE NOT choice.doc ?& '{value,label}' OR NOT coalesce(choice.doc->>'value' ~ '^[A-Z][A-Z0-9_]{0,62}$', false)
	UNION ALL
	SELECT format('%s.optionsFrom needs map and expression; the maps are %s', path, (SELECT string_agg(m->>'name', ', ') FROM jsonb_array_elements(flitmig._array_of(document->'maps')) m))
	FROM field
	WHERE field.doc ? 'optionsFrom' AND (NOT flitmig._object_of(field.doc->'optionsFrom') ?& '{map,expression}'
		OR NOT EXISTS (SELECT FROM jsonb_array_elements(flitmig._array_of(document->'maps')) m WHERE m->>'name' = field.doc->'optionsFrom'->>'map'))
$$;
COMMENT ON FUNCTION flitmig._profile_targets_check(document jsonb) IS 'Problems in a profile''s targets';

CREATE FUNCTION flitmig._profile_maps(document jsonb)
RETURNS TABLE(doc jsonb, name text, path text, entity text) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT m.doc, m.doc->>'name' AS name, format('maps[%s]%s', m.n - 1, coalesce(' (' || (m.doc->>'name') || ')', '')) AS path,
		flitmig._driving_entity(m.doc->>'source') AS entity
	FROM jsonb_array_elements(flitmig._array_of(document->'maps')) WITH ORDINALITY m(doc, n)
$$;
COMMENT ON FUNCTION flitmig._profile_maps(document jsonb) IS 'The maps of a profile document, each with its place and the entity that drives it';

CREATE FUNCTION flitmig._profile_fields(document jsonb)
RETURNS TABLE(path text, entity text, object text, name text, doc jsonb) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT map.path || '.fields.' || f.key AS path, map.entity, map.doc->>'object' AS object, f.key AS name,
		CASE WHEN jsonb_typeof(f.value) = 'string' THEN jsonb_build_object('expression', f.value) ELSE f.value END AS doc
	FROM flitmig._profile_maps(document) map, jsonb_each(flitmig._object_of(map.doc->'fields')) f
$$;
COMMENT ON FUNCTION flitmig._profile_fields(document jsonb) IS 'The fields of a profile document''s maps, each with its place; one that is an expression alone is spelt out';

/* Whether a text, as a value map or a default gives it, is one of the type. */
CREATE FUNCTION flitmig._is_of_type(value text, type text)
RETURNS boolean LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF type = 'BOOLEAN' THEN
		PERFORM value::boolean;
	ELSIF type IN ('NUMBER', 'NUMERIC') THEN
		PERFORM value::numeric;
		RETURN value::numeric::text !~* '[an]';		-- NaN and infinity are no JSON
	END IF;
	RETURN true;
EXCEPTION WHEN data_exception THEN
	RETURN false;
END
$$;
COMMENT ON FUNCTION flitmig._is_of_type(value text, type text) IS 'Whether a target value can stand in a BOOLEAN or NUMBER field; true for every other type';

CREATE FUNCTION flitmig._profile_maps_check(document jsonb)
RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	WITH map AS MATERIALIZED (SELECT * FROM flitmig._profile_maps(document))
	SELECT 'maps is missing or empty' WHERE flitmig._array_of(document->'maps') = '[]'
	UNION ALL
	SELECT p FROM map, flitmig._profile_keys(map.doc, path, '{name,object,source,key,filter,exclude,fields,file,fileData,adopt,gone,handles,merge,description}') p
	UNION ALL
	SELECT format('%s.handles must be an object: name (a-z, 0-9 and _, at most 50 characters) → SQL expression', path) FROM map
	WHERE map.doc ? 'handles' AND (jsonb_typeof(map.doc->'handles') <> 'object' OR jsonb_path_exists(map.doc->'handles', '$.* ? (@.type() != "string")')
		OR EXISTS (SELECT FROM jsonb_object_keys(flitmig._object_of(map.doc->'handles')) k WHERE k !~ '^[a-z_][a-z0-9_]{0,49}$'))
	UNION ALL
	SELECT format('%s.%s is missing', path, k) FROM map, unnest('{name,object,source,key,fields}'::text[]) k WHERE NOT map.doc ? k
	UNION ALL
	SELECT format('%s.name must be a-z, 0-9 and _', path) FROM map WHERE name !~ '^[a-z_][a-z0-9_]{0,49}$'
	UNION ALL
	SELECT format('maps: the name %s stands %s times', name, count(*)) FROM map GROUP BY name HAVING count(*) > 1
	UNION ALL
	SELECT format('%s.source has no alias s', path) FROM map WHERE map.doc->>'source' !~ '\ms\M'
	UNION ALL
	SELECT format('%s.exclude[%s] needs when and reason', path, x.n - 1)
	FROM map, jsonb_array_elements(flitmig._array_of(map.doc->'exclude')) WITH ORDINALITY x(doc, n)
	WHERE NOT flitmig._object_of(x.doc) ?& '{when,reason}'
	UNION ALL
	SELECT format('%s.fileData: the source must begin with {entity} s, an entity with files of its own', path) FROM map
	WHERE map.doc ? 'fileData' AND (entity IS NULL OR flitmig._object_of(document#>ARRAY['entities', entity]) ? 'of')
	UNION ALL
	SELECT format('%s.adopt must be an array of fields of the map, such as "emails.primaryEmail" or "sourceSystemId"', path) FROM map
	WHERE map.doc ? 'adopt' AND (jsonb_typeof(map.doc->'adopt') <> 'array'
		OR EXISTS (SELECT FROM jsonb_array_elements(flitmig._array_of(map.doc->'adopt')) a
				   WHERE jsonb_typeof(a) <> 'string' OR NOT a #>> '{}' ~ '^[a-z][A-Za-z0-9]*(\.[a-z][A-Za-z0-9]*)?$'
					OR NOT flitmig._object_of(map.doc->'fields') ? split_part(a #>> '{}', '.', 1)))
	UNION ALL
	SELECT format('%s.gone must be "ignore", "trash" or {"action": "flag", "field": a field of the object}, with "limit" a share from 0 to 1', path)
	FROM map CROSS JOIN LATERAL (SELECT CASE jsonb_typeof(map.doc->'gone') WHEN 'string' THEN jsonb_build_object('action', map.doc->'gone') ELSE map.doc->'gone' END) g(doc)
	WHERE map.doc ? 'gone' AND (jsonb_typeof(g.doc) <> 'object' OR EXISTS (SELECT FROM flitmig._profile_keys(g.doc, path, '{action,field,limit}'))
		OR NOT coalesce(g.doc->>'action' IN ('ignore', 'flag', 'trash'), false)
		OR (g.doc->>'action' = 'flag' AND NOT coalesce(g.doc->>'field' ~ '^[a-z][A-Za-z0-9]*$', false))
		OR (g.doc ? 'limit' AND NOT jsonb_path_exists(g.doc, '$.limit ? (@ >= 0 && @ <= 1)')))
	UNION ALL
	SELECT format('%s.merge must be "last", "first", "fullest", "refuse" or {"newest": SQL expression}', path) FROM map
	WHERE map.doc ? 'merge' AND NOT coalesce(map.doc->>'merge' IN ('last', 'first', 'fullest', 'refuse'), false)
		AND NOT (jsonb_typeof(map.doc->'merge') = 'object' AND map.doc->'merge' ? 'newest' AND (SELECT count(*) FROM jsonb_object_keys(flitmig._object_of(map.doc->'merge'))) = 1)
$$;
COMMENT ON FUNCTION flitmig._profile_maps_check(document jsonb) IS 'Problems in a profile''s maps as such';

CREATE FUNCTION flitmig._profile_fields_check(document jsonb)
RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	WITH field AS MATERIALIZED (SELECT * FROM flitmig._profile_fields(document))
	SELECT p FROM field, flitmig._profile_keys(field.doc, path,
		'{expression,values,default,onError,onBlank,relation,key,by,aliases,onMissing,owner,columns,description}') p
	UNION ALL
	SELECT format('%s: by and aliases are for relations', path) FROM field WHERE field.doc ?| '{by,aliases}' AND NOT field.doc ? 'relation'
	UNION ALL
	SELECT format('%s.by names %s, which is not among the handles of map %s', path, field.doc->>'by', r)
	FROM field, unnest(string_to_array(field.doc->>'relation', '|')) r
	WHERE field.doc ? 'by' AND EXISTS (SELECT FROM flitmig._profile_maps(document) map WHERE map.name = r AND NOT flitmig._object_of(map.doc->'handles') ? (field.doc->>'by'))
	UNION ALL
	SELECT format('%s.aliases names %s, which is not in values', path, field.doc->>'aliases') FROM field
	WHERE field.doc ? 'aliases' AND NOT flitmig._object_of(document->'values') ? (field.doc->>'aliases')
	UNION ALL
	SELECT format('%s needs exactly one of expression, relation, owner', path) FROM field
	WHERE (SELECT count(*) FROM unnest('{expression,relation,owner}'::text[]) k WHERE flitmig._object_of(field.doc) ? k) <> 1
	UNION ALL
	SELECT format('%s: a relation needs a key', path) FROM field WHERE field.doc ? 'relation' AND NOT field.doc ? 'key'
	UNION ALL
	SELECT format('%s: only a relation begins with %s', path, left(name, 1)) FROM field WHERE left(name, 1) IN ('@', '!') AND NOT field.doc ? 'relation'
	UNION ALL
	SELECT format('%s: the name must be a field name, @object or !label', path) FROM field WHERE name !~ '^[@!]?[a-z][A-Za-z0-9]{0,62}$'
	UNION ALL
	SELECT format('%s.relation names %s, which is not a map; the maps are %s', path, r, (SELECT string_agg(map.name, ', ') FROM flitmig._profile_maps(document) map))
	FROM field, unnest(string_to_array(field.doc->>'relation', '|')) r
	WHERE NOT EXISTS (SELECT FROM flitmig._profile_maps(document) map WHERE map.name = r)
	UNION ALL
	SELECT format('%s.onMissing must be "null" or "exclude"', path) FROM field
	WHERE field.doc ? 'onMissing' AND NOT coalesce(field.doc->>'onMissing' IN ('null', 'exclude'), false)
	UNION ALL
	SELECT format('%s.%s must be %s', path, k.name, k.words) FROM field, (VALUES
		('onError', '{"null",default,keep,exclude}'::text[], '"null", "default", "keep" or "exclude"'),
		('onBlank', '{"null",default,exclude}', '"null", "default" or "exclude"')) k(name, choices, words)
	WHERE field.doc ? k.name AND NOT coalesce(field.doc->>k.name = ANY (k.choices), false)
	UNION ALL
	SELECT format('%s: onError, onBlank and default are for expressions', path) FROM field WHERE field.doc ?| '{onError,onBlank,default}' AND NOT field.doc ? 'expression'
	UNION ALL
	SELECT format('%s: there is no default', path) FROM field WHERE 'default' IN (field.doc->>'onError', field.doc->>'onBlank') AND NOT field.doc ? 'default'
	UNION ALL
	SELECT format('%s: a cell as it stands is no %s; "keep" is for TEXT', path, t.type)
	FROM field CROSS JOIN LATERAL (SELECT document#>>ARRAY['targets', field.object, 'fields', field.name, 'type'] AS type) t
	WHERE field.doc->>'onError' = 'keep' AND t.type <> 'TEXT'
	UNION ALL
	SELECT format('%s: nothing tells a cell that cannot be read from a blank one, for the expression reads no column of s (name them in columns)', path) FROM field
	WHERE field.doc ?| '{onError,onBlank}' AND NOT field.doc ? 'values'
		AND CASE WHEN field.doc ? 'columns' THEN flitmig._array_of(field.doc->'columns') = '[]' ELSE flitmig._source_columns(field.doc->>'expression') = '{}' END
	UNION ALL
	SELECT format('%s.values names %s, which is not in values', path, field.doc->>'values') FROM field
	WHERE field.doc ? 'values' AND NOT flitmig._object_of(document->'values') ? (field.doc->>'values')
	UNION ALL
	SELECT format('%s.values: %s gives "%s" for "%s", which is no %s', path, field.doc->>'values', v.value #>> '{}', v.key, lower(t.type))
	FROM field CROSS JOIN LATERAL (SELECT document#>>ARRAY['targets', field.object, 'fields', field.name, 'type'] AS type) t
	CROSS JOIN LATERAL jsonb_each(flitmig._object_of(document#>ARRAY['values', field.doc->>'values'])) v
	WHERE field.doc ? 'expression' AND v.value <> 'null' AND NOT flitmig._is_of_type(v.value #>> '{}', t.type)
	UNION ALL
	SELECT format('%s.default: "%s" is no %s', path, field.doc->>'default', lower(t.type))
	FROM field CROSS JOIN LATERAL (SELECT document#>>ARRAY['targets', field.object, 'fields', field.name, 'type'] AS type) t
	WHERE field.doc->>'default' IS NOT NULL AND NOT flitmig._is_of_type(field.doc->>'default', t.type)
$$;
COMMENT ON FUNCTION flitmig._profile_fields_check(document jsonb) IS 'Problems in the fields of a profile''s maps';

CREATE FUNCTION flitmig._profile_sql_check(document jsonb)
RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	WITH map AS MATERIALIZED (SELECT * FROM flitmig._profile_maps(document)),
	text_at AS (								-- every piece of SQL, with its place
		SELECT path || '.source' AS path, entity, map.doc->>'source' AS sql FROM map
		UNION ALL SELECT path || '.key', entity, map.doc->>'key' FROM map
		UNION ALL SELECT path || '.filter', entity, map.doc->>'filter' FROM map
		UNION ALL SELECT path || '.file', entity, map.doc->>'file' FROM map
		UNION ALL SELECT format('%s.handles.%s', path, h.key), entity, h.value FROM map, jsonb_each_text(flitmig._object_of(map.doc->'handles')) h
		UNION ALL SELECT path || '.fileData', entity, map.doc->>'fileData' FROM map
		UNION ALL SELECT format('%s.exclude[%s].when', path, x.n - 1), entity, x.doc->>'when'
			FROM map, jsonb_array_elements(flitmig._array_of(map.doc->'exclude')) WITH ORDINALITY x(doc, n)
		UNION ALL SELECT path, entity, coalesce(field.doc->>'expression', field.doc->>'key', field.doc->>'owner') FROM flitmig._profile_fields(document) field)
	SELECT format('%s: {%s} is neither an entity (%s) nor country, currency, time_zone, year, salt, order entity.column', path, p,
		(SELECT string_agg(k, ', ' ORDER BY k) FROM jsonb_object_keys(flitmig._object_of(document->'entities')) k))
	FROM text_at, flitmig._placeholders(sql) p
	WHERE p NOT IN ('country', 'currency', 'time_zone', 'year', 'salt', '_files') AND NOT flitmig._object_of(document->'entities') ? p
		AND NOT coalesce(flitmig._object_of(document#>ARRAY['entities', substring(p FROM '^order ([^.]+)\.'), 'columns']) ? substring(p FROM '\.(.+)$'), false)
	UNION ALL
	SELECT format('%s reads s.%s, which is not among entities.%s.columns', path, c, entity)
	FROM text_at, unnest(flitmig._source_columns(sql)) c
	WHERE entity IS NOT NULL AND flitmig._object_of(document->'entities') ? entity
		AND c NOT IN ('_file', '_line', '_hash', '_extra', '_labels') AND NOT flitmig._object_of(document#>ARRAY['entities', entity, 'columns']) ? c
		AND NOT flitmig._object_of(document#>ARRAY['entities', entity, 'labels']) ? c
		AND NOT (c = '_n' AND flitmig._object_of(document#>ARRAY['entities', entity]) ? 'of')
$$;
COMMENT ON FUNCTION flitmig._profile_sql_check(document jsonb) IS 'Problems in the SQL of a profile''s maps: entities, columns and settings that there are not';

/* Costs are overestimated by far: compiling takes seconds, the check milliseconds. */
CREATE FUNCTION flitmig._profile_check(document jsonb)
RETURNS SETOF text LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
	WITH rule AS (
		SELECT a.doc, format('audit[%s]', a.n - 1) AS path
		FROM jsonb_array_elements(flitmig._array_of(document->'audit')) WITH ORDINALITY a(doc, n))
	SELECT p FROM flitmig._profile_keys(document, 'profile', '{description,entities,values,targets,maps,unique,automations,staff,audit,owner_aliases}') p
	UNION ALL SELECT flitmig._profile_entities_check(document)
	UNION ALL SELECT flitmig._profile_targets_check(document)
	UNION ALL SELECT flitmig._profile_maps_check(document)
	UNION ALL SELECT flitmig._profile_fields_check(document)
	UNION ALL SELECT flitmig._profile_sql_check(document)
	UNION ALL
	SELECT format('values.%s must be an object: source value → target value (text, number, true, false) or null', v.key)
	FROM jsonb_each(flitmig._object_of(document->'values')) v
	WHERE jsonb_typeof(v.value) <> 'object' OR jsonb_path_exists(v.value, 'strict $.* ? (@.type() == "object" || @.type() == "array")')
	UNION ALL
	SELECT format('values.%s.%s: source values are trimmed and lower case', v.key, k)
	FROM jsonb_each(flitmig._object_of(document->'values')) v, jsonb_object_keys(flitmig._object_of(v.value)) k WHERE k <> lower(btrim(k))
	UNION ALL
	SELECT format('unique.%s must be an array of fields', u.key) FROM jsonb_each(flitmig._object_of(document->'unique')) u
	WHERE jsonb_typeof(u.value) <> 'array' OR jsonb_path_exists(u.value, '$[*] ? (@.type() != "string")')
	UNION ALL
	SELECT p FROM rule, flitmig._profile_keys(rule.doc, path, '{code,severity,entity,where,column,hint,message}') p
	UNION ALL
	SELECT format('%s.%s is missing', path, k) FROM rule, unnest('{code,severity,entity,where}'::text[]) k WHERE NOT flitmig._object_of(rule.doc) ? k
	UNION ALL
	SELECT format('%s.severity must be "info", "warning" or "error"', path) FROM rule WHERE rule.doc->>'severity' NOT IN ('info', 'warning', 'error')
	UNION ALL
	SELECT format('%s.entity names %s, which is not an entity', n.path, n.entity)
	FROM (SELECT rule.doc->'entity' AS entity, path FROM rule
		  UNION ALL SELECT document->k->'entity', k FROM unnest('{staff,automations}'::text[]) k WHERE document ? k) n
	WHERE NOT coalesce(flitmig._object_of(document->'entities') ? (n.entity #>> '{}'), false)
$$;
COMMENT ON FUNCTION flitmig._profile_check(document jsonb) IS 'Problems of a profile document, each with its place; no row: the profile is sound';
