/* mapping: the proposal as a whole: tables, columns, links. */

/*
 * Rows that hold two things: a patient in every appointment and no table of
 * patients. The appointment is the row, the patient comes out of it.
 */
CREATE FUNCTION flitmig._propose_combined(tables flitmig.proposal_candidate[], candidates flitmig.proposal_candidate[])
RETURNS SETOF flitmig.proposal_candidate LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	WITH evidence AS (
		SELECT b.staging_table, b.entity, sum(b.telling) AS weight
		FROM (SELECT DISTINCT c.staging_table, c.entity, c.canonical, k.telling
			  FROM (SELECT DISTINCT ON (x.staging_table, x.entity, x.column_name) x.* FROM unnest(candidates) x
					WHERE x.score >= 0.8 ORDER BY x.staging_table, x.entity, x.column_name, x.score DESC) c
			  JOIN flitmig.proposal_column k ON k.entity = c.entity AND k.column_name = c.canonical
			  WHERE c.entity = 'patients' AND c.canonical = ANY ('{first_name,last_name,full_name,date_of_birth,sex,email,mobile_phone,home_phone,address_1}')
				OR c.entity = 'appointments' AND c.canonical = ANY ('{appointment_id,start,start_date,start_time,duration,no_show,arrived}')) b
		GROUP BY 1, 2),
	row_kind AS (
		SELECT t.staging_table,
			CASE WHEN t.entity = 'patients' AND coalesce(a.weight, 0) >= 1 THEN 'appointments' ELSE t.entity END AS entity,
			t.score, t.why, coalesce(p.weight, 0) AS patient
		FROM unnest(tables) t
		LEFT JOIN evidence a ON a.staging_table = t.staging_table AND a.entity = 'appointments'
		LEFT JOIN evidence p ON p.staging_table = t.staging_table AND p.entity = 'patients')
	SELECT r.staging_table, '', 0, r.entity, '', r.score, r.why FROM row_kind r
	UNION ALL
	(SELECT r.staging_table, '', 0, 'patients', '', r.score, 'no other table has the patients'
	 FROM row_kind r
	 WHERE r.entity = 'appointments' AND r.patient >= 1 AND NOT EXISTS (SELECT FROM row_kind o WHERE o.entity = 'patients')
	 ORDER BY r.patient DESC LIMIT 1)
$$;
COMMENT ON FUNCTION flitmig._propose_combined(tables flitmig.proposal_candidate[], candidates flitmig.proposal_candidate[]) IS 'The entities of the tables, a second one where a row is appointment and patient';

CREATE FUNCTION flitmig._propose_choose(tables flitmig.proposal_candidate[], candidates flitmig.proposal_candidate[])
RETURNS SETOF flitmig.proposal_candidate LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT s.*
	FROM (SELECT t.staging_table, min(t.entity) AS entity, nullif(max(t.entity), min(t.entity)) AS second
		  FROM unnest(tables) t WHERE t.entity <> 'other' GROUP BY 1) t
	JOIN (SELECT c.staging_table, array_agg(c) AS own FROM unnest(candidates) c GROUP BY 1) o ON o.staging_table = t.staging_table
	CROSS JOIN LATERAL (SELECT array_agg(a) AS chosen FROM flitmig._propose_assign(o.own, t.entity, t.second) a) a
	CROSS JOIN LATERAL flitmig._propose_settle(a.chosen) s
$$;
COMMENT ON FUNCTION flitmig._propose_choose(tables flitmig.proposal_candidate[], candidates flitmig.proposal_candidate[]) IS 'The proposed columns of every table';

CREATE FUNCTION flitmig._propose_plan(mig integer, leave_out text DEFAULT NULL)
RETURNS SETOF flitmig.proposal_candidate LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
/* the planner takes functions for long tables, and compiling for them takes longer than the work */
SET jit = off
AS $$
DECLARE
	candidates	flitmig.proposal_candidate[];
	tables		flitmig.proposal_candidate[];
	chosen		flitmig.proposal_candidate[];
	links		flitmig.proposal_candidate[];
BEGIN
	candidates := ARRAY(SELECT c FROM (SELECT * FROM flitmig._propose_scores(mig, leave_out) UNION ALL SELECT * FROM flitmig._propose_by_value(mig)) c WHERE c.score >= 0.25);
	tables := ARRAY(SELECT ROW(e.staging_table, '', 0, e.entity, '', e.score, e.why)::flitmig.proposal_candidate
					FROM flitmig._propose_entities(mig, leave_out, candidates) e);
	tables := ARRAY(SELECT c FROM flitmig._propose_combined(tables, candidates) c);
	chosen := ARRAY(SELECT c FROM flitmig._propose_choose(tables, candidates) c);
	links := ARRAY(SELECT c FROM flitmig._propose_links(mig, chosen, candidates) c);
	/* all of whose values are ids of another table is no text, whatever it is called */
	candidates := ARRAY(
		SELECT c FROM unnest(candidates) c
		LEFT JOIN flitmig.proposal_column k ON k.entity = c.entity AND k.column_name = c.canonical
		WHERE NOT (k.kind IN ('text', 'prose') AND EXISTS (
			SELECT FROM unnest(links) l WHERE l.staging_table = c.staging_table AND l.column_name = c.column_name AND l.score >= 0.8 AND l.why LIKE 'all of its values%')) IS TRUE);
	chosen := ARRAY(SELECT c FROM flitmig._propose_choose(tables, candidates || links) c);
	RETURN QUERY SELECT t.* FROM unnest(tables) t UNION ALL SELECT c.* FROM unnest(chosen) c;
END
$$;
COMMENT ON FUNCTION flitmig._propose_plan(mig integer, leave_out text) IS 'What flitmig_propose says, in the terms of the generic profile: a row with canonical '''' names a table''s entity, the others its columns';
