/*
 * rights: who may see and do what.
 *
 * Nothing is granted to PUBLIC.  An operator has the tables, but row security
 * (src/catalog/90-grants.sql) leaves only the migrations of roles that it is
 * a member of.  A viewer has the views and those columns that never hold a
 * patient's value, of every migration.
 */

CREATE TABLE flitmig.role_right (
	role		text PRIMARY KEY,
	what		text NOT NULL CHECK (what IN ('operator', 'viewer')),
	granted_by	text NOT NULL DEFAULT session_user,
	granted_at	timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE flitmig.role_right IS 'Roles that flitmig_grant made operator (own migrations) or viewer (all migrations, no values)';

CREATE FUNCTION flitmig._may_own(owner text)
RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = $1 AND pg_has_role(r.oid, 'MEMBER'))
$$;
COMMENT ON FUNCTION flitmig._may_own(text) IS 'Is the current user that owner, or a member of it?';

CREATE FUNCTION flitmig._may_see(owner text)
RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT flitmig._may_own($1) OR EXISTS (
		SELECT FROM flitmig.role_right g JOIN pg_roles r ON r.rolname = g.role
		WHERE g.what = 'viewer' AND pg_has_role(r.oid, 'MEMBER'))
		/* an operator's tables are open to writing: who has both rights sees only the own migrations */
		AND NOT EXISTS (
			SELECT FROM flitmig.role_right g JOIN pg_roles r ON r.rolname = g.role
			WHERE g.what = 'operator' AND pg_has_role(r.oid, 'MEMBER'))
$$;
COMMENT ON FUNCTION flitmig._may_see(text) IS 'Is the current user a member of that owner, or a viewer?';

/*
 * The expressions of a mapping, and the staging tables with whatever their
 * owner made of them, are SQL that other people wrote.  It runs with the
 * rights of whoever calls, so the caller must be the owner: a superuser, or a
 * member of the owner who has more rights besides, would lend these to it.
 * A superuser's own mapping cannot gain anything from anyone.
 * Everything that makes SQL of a mapping goes through _expand and
 * _entity_sql, and these ask here.
 */
CREATE FUNCTION flitmig._require_owner_rights(mig integer)
RETURNS void LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	m		flitmig.migration := (SELECT x FROM flitmig.migration x WHERE x.id = mig);
BEGIN
	IF m.owner = current_user OR EXISTS (SELECT FROM pg_roles r WHERE r.rolname = m.owner AND r.rolsuper) THEN
		RETURN;
	END IF;
	RAISE EXCEPTION 'the mapping of migration "%" runs only with the rights of its owner, role "%"', m.name, m.owner
		USING ERRCODE = 'insufficient_privilege',
			DETAIL = format('Its expressions are SQL that others may have written; as role "%s" they could do whatever that role may.', current_user),
			HINT = CASE WHEN EXISTS (SELECT FROM pg_roles r WHERE r.rolname = m.owner) THEN format('SET ROLE %I;  then again;  RESET ROLE; afterwards.', m.owner)
				ELSE format('That role is gone. Read the mapping, then: UPDATE flitmig.migration SET owner = current_user WHERE name = %L;', m.name) END;
END $$;
COMMENT ON FUNCTION flitmig._require_owner_rights(integer) IS 'Error unless the current user is the migration''s owner (or the owner is a superuser): nobody lends rights to a mapping that others wrote';

CREATE FUNCTION flitmig._viewer_columns()
RETURNS TABLE (table_name text, hidden text[]) LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
	VALUES
		('profile', '{}'::text[]),
		('migration', '{}'),
		('source_file', '{path,name,header,note,labels}'),
		('column_census', '{top_values}'),
		('finding', '{places}'),
		('object_map', '{}'),
		('map_count', '{}'),
		('reference_count', '{}'),
		('field_map', '{}'),
		('value_map', '{}'),
		('owner', '{}'),
		('record', '{source_key,file_path,payload}'),
		('live_object', '{}'),
		('live_field', '{}'),
		('target_object', '{}'),
		('target_field', '{}'),
		('run', '{}'),
		('run_object', '{}'),
		('batch', '{detail,message}'),
		('base', '{sent,stored}'),
		('quarantine', '{reason}'),
		('conflict', '{base_value,source_value,target_value}'),
		('undo', '{before}'),
		('upload', '{path,name,file_ref,reason}'),
		('rollback_item', '{}'),
		('diff', '{sent,stored}'),
		('server_limit', '{}'),
		('role_right', '{}'),
		('audit', '{}')
$$;
COMMENT ON FUNCTION flitmig._viewer_columns() IS 'Tables that a viewer may read, and the columns of each that may hold a patient''s value and stay hidden. A table that is not listed stays closed';

CREATE FUNCTION @extschema@.flitmig_grant(role name, what text)
RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	home		name;
	member		record;
BEGIN
	IF what IS NULL OR what NOT IN ('operator', 'viewer') THEN
		RAISE EXCEPTION 'unknown right "%"', what
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Valid rights are: operator, viewer.';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = role) THEN
		RAISE EXCEPTION 'role "%" does not exist', role
			USING ERRCODE = 'undefined_object', HINT = format('CREATE ROLE %I LOGIN;', role);
	END IF;
	IF EXISTS (SELECT FROM flitmig.role_right g WHERE g.role = flitmig_grant.role AND g.what <> flitmig_grant.what) THEN
		RAISE EXCEPTION 'role "%" has the other right already', role
			USING ERRCODE = 'duplicate_object',
				HINT = 'An operator sees the values of its own migrations, a viewer sees all migrations without values: use two roles.';
	END IF;

	SELECT n.nspname INTO STRICT home
	FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'flitmig';
	EXECUTE format('GRANT USAGE ON SCHEMA flitmig, %I TO %I', home, role);

	/* Relations of the extension. */
	FOR member IN
		SELECT c.oid, c.relname, c.relkind,
			(SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
			 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> ALL (v.hidden)) AS visible,
			c.relrowsecurity
		FROM pg_depend d
		JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'flitmig'
		JOIN pg_class c ON c.oid = d.objid
		LEFT JOIN flitmig._viewer_columns() v ON v.table_name = c.relname
		WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
			AND c.relnamespace = 'flitmig'::regnamespace AND c.relkind IN ('r', 'v')
	LOOP
		IF member.relkind = 'v' THEN
			EXECUTE format('GRANT SELECT ON flitmig.%I TO %I', member.relname, role);
		ELSIF what = 'viewer' AND member.visible IS NOT NULL THEN
			EXECUTE format('GRANT SELECT (%s) ON flitmig.%I TO %I', member.visible, member.relname, role);
		ELSIF what = 'operator' AND (member.relrowsecurity OR member.relname = 'server_limit') THEN
			EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON flitmig.%I TO %I', member.relname, role);
		ELSIF what = 'operator' AND member.relname = 'audit' THEN
			EXECUTE format('GRANT SELECT, INSERT ON flitmig.audit TO %I', role);
		ELSIF what = 'operator' AND member.relname IN ('profile', 'role_right') THEN
			EXECUTE format('GRANT SELECT ON flitmig.%I TO %I', member.relname, role);
		END IF;
	END LOOP;

	/* Functions of the extension: all for an operator, those that only look for a viewer. */
	FOR member IN
		SELECT p.oid::regprocedure AS signature
		FROM pg_depend d
		JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'flitmig'
		JOIN pg_proc p ON p.oid = d.objid
		WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
			AND p.prorettype <> 'trigger'::regtype AND p.proname <> 'flitmig_grant'
			AND (what = 'operator'
				OR p.proname IN ('flitmig_status', 'flitmig_balance', 'flitmig_report', 'flitmig_help', 'flitmig_audit_verify',
								 '_may_own', '_may_see', '_migration_id', '_migration_row', '_audit_hash', '_phase_work', '_phase_words', '_time_left', '_next_step', '_wrap', '_width', '_wide_characters')
				OR p.proname LIKE '\_report\_%')
	LOOP
		EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', member.signature, role);
	END LOOP;

	IF what = 'operator' THEN
		/* A migration has a staging schema of its own, and talks to a server. */
		EXECUTE format('GRANT CREATE ON DATABASE %I TO %I', current_database(), role);
		FOR member IN
			SELECT format('FOREIGN DATA WRAPPER %I', w.fdwname) AS thing FROM pg_foreign_data_wrapper w WHERE w.fdwname = 'flitmig_twenty'
			UNION ALL
			SELECT format('FOREIGN SERVER %I', s.srvname)
			FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw WHERE w.fdwname = 'flitmig_twenty'
		LOOP
			EXECUTE format('GRANT USAGE ON %s TO %I', member.thing, role);
		END LOOP;
	END IF;

	INSERT INTO flitmig.role_right (role, what) VALUES (role, what)
	ON CONFLICT ON CONSTRAINT role_right_pkey DO UPDATE SET granted_by = session_user, granted_at = now();
	PERFORM flitmig._audit(NULL, 'grant', jsonb_build_object('role', role, 'what', what));
END $$;
COMMENT ON FUNCTION @extschema@.flitmig_grant(name, text)
IS 'Makes a role operator (everything, on the migrations of roles it is a member of; importing server files also needs pg_read_server_files) or viewer (status, balance and report of every migration, never a value)';
