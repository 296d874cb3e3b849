/*
 * grants: runs last, so it knows every table and function of the extension.
 * Nothing is for PUBLIC; rows belong to the migration's owner; state is dumped.
 */
DO $grants$
DECLARE
	extension	oid := (SELECT e.oid FROM pg_catalog.pg_extension e WHERE e.extname = 'flitmig');
	member		record;
	rule		text;
BEGIN
	/* Functions: PostgreSQL lets PUBLIC execute what is new. */
	FOR member IN
		SELECT p.oid::pg_catalog.regprocedure AS signature
		FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_proc p ON p.oid = d.objid
		WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
			AND d.refobjid = extension AND d.deptype = 'e'
	LOOP
		EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', member.signature);
	END LOOP;

	/*
	 * The commands look at profiles and models, a few hundred rows that the
	 * planner takes for millions: compiling such a query takes seconds, running it
	 * takes milliseconds. What a command calls inherits the setting; the steps that are
	 * also called by themselves have it too.
	 */
	FOR member IN
		SELECT p.oid::pg_catalog.regprocedure AS signature
		FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_proc p ON p.oid = d.objid JOIN pg_catalog.pg_language l ON l.oid = p.prolang
		WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
			AND d.refobjid = extension AND d.deptype = 'e' AND l.lanname IN ('sql', 'plpgsql')
			AND (p.proname LIKE 'flitmig\_%' OR p.proname IN ('_profile_check', '_map', '_order', '_refresh_targets', '_schema_actions', '_propose_profile'))
	LOOP
		EXECUTE pg_catalog.format('ALTER FUNCTION %s SET jit = off', member.signature);
	END LOOP;

	/*
	 * A function's text is parsed when it is called, by the settings of who calls:
	 * where standard_conforming_strings is off, a backslash in a pattern would be
	 * lost without a word. What is inlined has no settings of its own and is called by commands alone.
	 */
	FOR member IN
		SELECT p.oid::pg_catalog.regprocedure AS signature
		FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_proc p ON p.oid = d.objid JOIN pg_catalog.pg_language l ON l.oid = p.prolang
		WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
			AND d.refobjid = extension AND d.deptype = 'e' AND l.lanname IN ('sql', 'plpgsql')
			AND (p.proname LIKE 'flitmig\_%' OR pg_catalog.strpos(p.prosrc, pg_catalog.chr(92)) > 0 AND p.proconfig IS NOT NULL)
	LOOP
		EXECUTE pg_catalog.format('ALTER FUNCTION %s SET standard_conforming_strings = on', member.signature);
	END LOOP;

	FOR member IN
		SELECT c.oid, c.relname, c.relkind,
			ARRAY(SELECT a.attname FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)::text[] AS columns
		FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class c ON c.oid = d.objid
		WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
			AND d.refobjid = extension AND d.deptype = 'e' AND c.relnamespace = 'flitmig'::pg_catalog.regnamespace AND c.relkind IN ('r', 'S')
		ORDER BY c.relkind, c.relname
	LOOP
		/* All state and its counters go into a dump; what ships (builtin) comes with CREATE EXTENSION. */
		PERFORM pg_catalog.pg_extension_config_dump(member.oid, CASE WHEN 'builtin' = ANY (member.columns) THEN 'WHERE NOT builtin' ELSE '' END);
		CONTINUE WHEN member.relkind = 'S';

		/*
		 * A row is seen by those who see its migration. The array is computed
		 * once a query, not once a row. What names no migration (profiles,
		 * learned limits, the audit) is for every operator to read.
		 */
		rule := CASE
			WHEN member.relname = 'migration' THEN 'flitmig._may_see(owner)'
			WHEN 'migration_id' = ANY (member.columns) THEN 'migration_id = ANY (ARRAY(SELECT m.id FROM flitmig.migration m))'
			WHEN 'file_id' = ANY (member.columns) THEN 'file_id IN (SELECT f.id FROM flitmig.source_file f)'
			WHEN 'object_map_id' = ANY (member.columns) THEN 'object_map_id IN (SELECT o.id FROM flitmig.object_map o)'
			WHEN 'run_id' = ANY (member.columns) THEN 'run_id IN (SELECT r.id FROM flitmig.run r)'
		END;
		IF rule IS NOT NULL THEN
			EXECUTE pg_catalog.format('ALTER TABLE flitmig.%I ENABLE ROW LEVEL SECURITY', member.relname);
			EXECUTE pg_catalog.format('CREATE POLICY own_migrations ON flitmig.%I USING (%s)', member.relname, rule);
		END IF;
	END LOOP;
END
$grants$;
REVOKE ALL ON SCHEMA flitmig FROM PUBLIC;
