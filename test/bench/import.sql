--
-- Times flitmig_import against COPY: one file of :rows invented patients with 13
-- columns in :directory, both sides in turns.  flitmig_import also finds out
-- encoding and dialect, hashes the file and each row, keeps line numbers and
-- takes a census of each column; COPY knows beforehand and keeps nothing.
-- Called by import.sh.
--
\set QUIET 1
\set ON_ERROR_STOP 1
SET client_min_messages = warning;
SELECT set_config('bench.directory', :'directory', false), set_config('bench.rows', :'rows', false) \g /dev/null
CREATE SERVER bench FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');
CREATE TABLE timing (side text, size bigint, turn integer, seconds double precision);

CREATE PROCEDURE make_file(size bigint) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format($sql$
COPY (SELECT 'P' || i AS "Patient ID", 'MRN' || lpad((i * 7919 %% 10000000)::text, 8, '0') AS "MRN",
	(ARRAY['Ann', 'Ben', 'Cleo', 'Dmitri', 'Eve', 'Farouk', 'Gisela', 'Henry'])[1 + i %% 8] AS "First Name",
	(ARRAY['Moss', 'O''Neill', 'Hale', 'de la Cruz', 'Nguyen', 'Smith'])[1 + i %% 6] || i %% 5000 AS "Last Name",
	to_char('1930-01-01'::date + (i * 31 %% 34000)::integer, 'MM/DD/YYYY') AS "Date of Birth",
	(ARRAY['F', 'M', 'Other'])[1 + i %% 3] AS "Sex",
	'person' || i || '@example.com' AS "Email",
	format('(617) 555-%%s', lpad((i %% 10000)::text, 4, '0')) AS "Mobile Phone",
	format('%%s Long Pond Road, Apt. %%s', i %% 997, i %% 31) AS "Address 1",
	(ARRAY['Boston', 'Worcester', 'Springfield', 'Cambridge'])[1 + i %% 4] AS "City",
	lpad((i %% 2700 + 1001)::text, 5, '0') AS "Postal Code",
	(ARRAY['Active', 'Inactive', 'Prospect', NULL])[1 + i %% 4] AS "Status",
	to_char(i * 13 %% 90000 / 100.0, 'FM999990.00') AS "Balance"
FROM generate_series(1, %s::bigint) AS i) TO %L (FORMAT csv, HEADER)$sql$,
		size, format('%s/patients_%s.csv', current_setting('bench.directory'), size));
END $$;

CREATE PROCEDURE time_side(side text, size bigint, turn integer) LANGUAGE plpgsql AS $$
DECLARE
	file text := format('%s/patients_%s.csv', current_setting('bench.directory'), size);
	migration text := format('bench_%s_%s', size, turn);
	start timestamptz;
	loaded bigint;
BEGIN
	IF side = 'import' THEN
		PERFORM flitmig_create(migration, 'bench');
	ELSE
		CREATE TABLE copied (patient_id text, mrn text, first_name text, last_name text, date_of_birth text, sex text, email text,
			mobile_phone text, address_1 text, city text, postal_code text, status text, balance text);
	END IF;
	CHECKPOINT;
	COMMIT;
	start := clock_timestamp();
	IF side = 'import' THEN
		SELECT sum(i.rows) INTO loaded FROM flitmig_import(migration, file) i;
	ELSE
		EXECUTE format('COPY copied FROM %L (FORMAT csv, HEADER)', file);
		GET DIAGNOSTICS loaded = ROW_COUNT;
	END IF;
	COMMIT;
	INSERT INTO timing VALUES (side, size, turn, extract(epoch FROM clock_timestamp() - start));
	IF loaded IS DISTINCT FROM size THEN
		RAISE '% loaded % rows instead of %', side, loaded, size;
	END IF;
	IF side = 'import' THEN
		EXECUTE format('DROP SCHEMA %I CASCADE', (SELECT m.staging_schema FROM flitmig.migration m WHERE m.name = migration));
	ELSE
		DROP TABLE copied;
	END IF;
	COMMIT;
END $$;

CREATE PROCEDURE measure(size bigint, turns integer) LANGUAGE plpgsql AS $$
BEGIN
	FOR turn IN 1..turns LOOP
		CALL time_side(CASE turn % 2 WHEN 1 THEN 'copy' ELSE 'import' END, size, turn);
		CALL time_side(CASE turn % 2 WHEN 1 THEN 'import' ELSE 'copy' END, size, turn);
	END LOOP;
END $$;

CALL make_file(:rows / 100);
CALL make_file(:rows / 10);
CALL make_file(:rows);
CALL measure(:rows / 100, 5);
CALL measure(:rows / 10, 5);
CALL measure(:rows, 5);
\if :growth
CALL make_file(:rows * 10);
CALL measure(:rows * 10, 1);
\endif

CREATE VIEW median AS
SELECT side, size, percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS seconds FROM timing GROUP BY side, size;
SELECT format('%s rows: flitmig_import %s rows/s, COPY %s rows/s',
	lpad(to_char(i.size, 'FM99,999,999'), 10), lpad(to_char(i.size / i.seconds, 'FM9,999,999'), 9), lpad(to_char(i.size / c.seconds, 'FM9,999,999'), 9))
FROM median i JOIN median c USING (size) WHERE i.side = 'import' AND c.side = 'copy' ORDER BY i.size;
SELECT format('from %s to %s rows flitmig_import takes %s times as long', to_char(a.size, 'FM99,999,999'), to_char(b.size, 'FM99,999,999'),
	round((b.seconds / a.seconds)::numeric, 1))
FROM median a JOIN median b ON b.side = a.side AND b.size = a.size * 10 WHERE a.side = 'import' AND a.size >= :rows / 10 ORDER BY a.size;
SELECT 'import ratio ' || round((c.seconds / i.seconds)::numeric, 2)
FROM median i JOIN median c USING (size) WHERE i.side = 'import' AND c.side = 'copy' AND size = :rows;
