--
-- A clinic of :patients patients and :appointments appointments, written to
-- :export as a generic export, imported, mapped, sampled and signed off for the
-- server at :url with :key.  Called by push.sh.
--
\set QUIET 1
\set ON_ERROR_STOP 1
SET client_min_messages = warning;
CREATE EXTENSION flitmig;
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url :'url');
CREATE USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (api_key :'key');
SELECT set_config('bench.export', :'export', false), set_config('bench.patients', :'patients', false), set_config('bench.appointments', :'appointments', false) \g /dev/null
DO $do$
BEGIN
	EXECUTE format($sql$COPY (SELECT 'P' || i AS "Patient ID", 'MRN' || lpad(i::text, 8, '0') AS "MRN",
		(ARRAY['Ann', 'Ben', 'Cleo', 'Dmitri', 'Eve', 'Farouk', 'Gisela', 'Henry'])[1 + i %% 8] AS "First Name",
		(ARRAY['Moss', 'O''Neill', 'Hale', 'de la Cruz', 'Nguyen', 'Smith'])[1 + i %% 6] || i %% 5000 AS "Last Name",
		to_char('1930-01-01'::date + (i * 31 %% 34000)::integer, 'MM/DD/YYYY') AS "Date of Birth",
		(ARRAY['F', 'M'])[1 + i %% 2] AS "Sex", 'person' || i || '@example.com' AS "Email",
		format('(617) 555-%%s', lpad((i %% 10000)::text, 4, '0')) AS "Mobile Phone", format('%%s Long Pond Road', i %% 997) AS "Address 1",
		(ARRAY['Boston', 'Worcester', 'Springfield', 'Cambridge'])[1 + i %% 4] AS "City", 'MA' AS "State",
		lpad((i %% 2700 + 1001)::text, 5, '0') AS "Postal Code", (ARRAY['Active', 'Inactive'])[1 + i %% 2] AS "Status",
		to_char(i * 13 %% 90000 / 100.0, 'FM999990.00') AS "Balance"
		FROM generate_series(1, %s::bigint) AS i) TO %L (FORMAT csv, HEADER)$sql$,
		current_setting('bench.patients'), current_setting('bench.export') || '/patients.csv');
	IF current_setting('bench.appointments') <> '0' THEN
		EXECUTE format($sql$COPY (SELECT 'A' || i AS "Appointment ID", 'P' || 1 + i %% %s AS "Patient ID",
			(ARRAY['Initial visit', 'Follow-up', 'Massage'])[1 + i %% 3] AS "Type", (ARRAY['Completed', 'Booked', 'No-Show'])[1 + i %% 3] AS "Status",
			to_char('2024-01-01 08:00'::timestamp + i * interval '17 minutes', 'MM/DD/YYYY HH24:MI') AS "Start", 30 AS "Duration",
			'Sore foot no. ' || i AS "Reason"
			FROM generate_series(1, %s::bigint) AS i) TO %L (FORMAT csv, HEADER)$sql$,
			current_setting('bench.patients'), current_setting('bench.appointments'), current_setting('bench.export') || '/appointments.csv');
	END IF;
END $do$;
SELECT flitmig_create('bench', 'crm', country => 'US', currency => 'USD', time_zone => 'America/New_York', date_order => 'MDY') \g /dev/null
SELECT count(*) FROM flitmig_import('bench', :'export') \g /dev/null
SELECT flitmig_confirm('bench') \g /dev/null
SELECT count(*) FROM flitmig_sample('bench', 20) \g /dev/null
SELECT flitmig_sign_off('bench', 'a benchmark') \g /dev/null
