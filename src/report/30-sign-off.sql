/* sign-off: the gate between the sample and the full run. */

CREATE FUNCTION @extschema@.flitmig_sign_off(migration text, comment text DEFAULT NULL)
RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	m			flitmig.migration := flitmig._migration_row(migration);
	sample		flitmig.run;
	mismatches	bigint;
	wanted		bigint;
	stored		bigint;
	refused		bigint;
BEGIN
	IF COALESCE(flitmig_sign_off.comment, '') !~ '\S' THEN
		RAISE EXCEPTION 'a sign-off says what was looked at: its comment is empty'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = 'It is kept with who signed and when.',
				HINT = format('SELECT flitmig_sign_off(%L, ''looked at 20 patients with the front desk'');', m.name);
	END IF;
	PERFORM flitmig._require_confirmed(m.id);

	SELECT r.* INTO sample FROM flitmig.run r
	WHERE r.migration_id = m.id AND r.kind = 'sample' AND r.state = 'done' AND r.mapping_hash = m.mapping_hash
	ORDER BY r.id DESC LIMIT 1;
	IF sample.id IS NULL THEN
		RAISE EXCEPTION 'there is nothing to sign off: no sample of the present mapping of migration "%" was finished', m.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = format('SELECT * FROM flitmig_sample(%L);', m.name);
	END IF;
	IF EXISTS (SELECT FROM flitmig.run r
			   WHERE r.migration_id = m.id AND r.kind = 'rollback' AND r.state = 'done' AND r.id > sample.id
				AND NOT COALESCE((r.options->>'dry_run')::boolean, false)) THEN
		RAISE EXCEPTION 'the sample of migration "%" was rolled back and can no longer be looked at', m.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = format('SELECT * FROM flitmig_sample(%L);', m.name);
	END IF;

	/* Four eyes: who looked must not be who ran. */
	IF COALESCE((m.options->>'four_eyes')::boolean, false) AND sample.requested_by = session_user THEN
		RAISE EXCEPTION 'migration "%" asks for four eyes: role "%" ran the sample and may not sign it off', m.name, session_user
			USING ERRCODE = 'insufficient_privilege',
				HINT = format('Another operator types: SELECT flitmig_sign_off(%L, ''looked at the sample'');', m.name);
	END IF;

	SELECT count(*) INTO mismatches FROM flitmig.diff d
	WHERE d.run_id = sample.id AND d.verdict IN ('mismatch', 'missing');
	SELECT count(*), count(b.id), count(q.id) INTO wanted, stored, refused
	FROM flitmig.sample_record s
	LEFT JOIN flitmig.base b ON b.migration_id = m.id AND b.id = s.id
	LEFT JOIN flitmig.quarantine q ON q.migration_id = m.id AND q.id = s.id
	WHERE s.migration_id = m.id;
	IF wanted > 0 AND stored = 0 THEN
		RAISE EXCEPTION 'nothing of sample run % is in Twenty: there is nothing to look at', sample.id
			USING ERRCODE = 'object_not_in_prerequisite_state',
				DETAIL = format('Of its %s records %s are in quarantine.', wanted, refused),
				HINT = 'SELECT object, cause, count(*) FROM flitmig.quarantine WHERE kind <> ''held'' GROUP BY 1, 2;  mend what it says and take the sample again.';
	ELSIF refused > stored THEN
		RAISE WARNING 'most of the sample was refused: % of % records are in quarantine', refused, wanted
			USING HINT = 'SELECT object, cause, count(*) FROM flitmig.quarantine WHERE kind <> ''held'' GROUP BY 1, 2;';
	END IF;

	UPDATE flitmig.migration SET
		signed_hash = m.mapping_hash, signed_by = session_user, signed_at = clock_timestamp(),
		signed_comment = flitmig_sign_off.comment, signed_run = sample.id
	WHERE id = m.id;

	RAISE NOTICE 'signed off: sample run %, % mismatches, % records in quarantine', sample.id, mismatches, refused
		USING HINT = format('SELECT * FROM flitmig_run(%L);', m.name);
	PERFORM flitmig._audit(m.name, 'sign_off', jsonb_build_object(
		'mapping_hash', m.mapping_hash, 'run', sample.id, 'ran_by', sample.requested_by,
		'mismatches', mismatches, 'quarantined', refused));
END $$;
COMMENT ON FUNCTION @extschema@.flitmig_sign_off(text, text)
IS 'Opens the full run for the mapping as it is: binds who, when, mapping hash, sample run and its mismatches. comment: what was looked at. A changed mapping closes it again. With option four_eyes the signer may not be the one who ran the sample';
