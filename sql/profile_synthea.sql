-- Synthea's files changed their headers twice: one profile for the three generations. One row a file tells.
\set VERBOSITY terse
SET client_min_messages = warning;
\set ECHO none
CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'https://crm.example.com');
CREATE TEMP TABLE generation (migration text, entity text, header text);
INSERT INTO generation VALUES
	('first', 'patients', 'ID,BIRTHDATE,DEATHDATE,SSN,DRIVERS,PASSPORT,PREFIX,FIRST,LAST,SUFFIX,MAIDEN,MARITAL,RACE,ETHNICITY,GENDER,BIRTHPLACE,ADDRESS'),
	('first', 'encounters', 'ID,DATE,PATIENT,CODE,DESCRIPTION,REASONCODE,REASONDESCRIPTION'),
	('first', 'careplans', 'ID,START,STOP,PATIENT,ENCOUNTER,CODE,DESCRIPTION,REASONCODE,REASONDESCRIPTION'),
	('first', 'procedures', 'DATE,PATIENT,ENCOUNTER,CODE,DESCRIPTION,REASONCODE,REASONDESCRIPTION'),
	('first', 'observations', 'DATE,PATIENT,ENCOUNTER,CODE,DESCRIPTION,VALUE,UNITS'),
	('second', 'patients', 'Id,BIRTHDATE,DEATHDATE,SSN,DRIVERS,PASSPORT,PREFIX,FIRST,LAST,SUFFIX,MAIDEN,MARITAL,RACE,ETHNICITY,GENDER,BIRTHPLACE,ADDRESS,CITY,STATE,COUNTY,ZIP,LAT,LON,HEALTHCARE_EXPENSES,HEALTHCARE_COVERAGE'),
	('second', 'organizations', 'Id,NAME,ADDRESS,CITY,STATE,ZIP,LAT,LON,PHONE,REVENUE,UTILIZATION'),
	('second', 'providers', 'Id,ORGANIZATION,NAME,GENDER,SPECIALITY,ADDRESS,CITY,STATE,ZIP,LAT,LON,UTILIZATION'),
	('second', 'payers', 'Id,NAME,ADDRESS,CITY,STATE_HEADQUARTERED,ZIP,PHONE,AMOUNT_COVERED,AMOUNT_UNCOVERED,REVENUE,COVERED_ENCOUNTERS,UNCOVERED_ENCOUNTERS,COVERED_MEDICATIONS,UNCOVERED_MEDICATIONS,COVERED_PROCEDURES,UNCOVERED_PROCEDURES,COVERED_IMMUNIZATIONS,UNCOVERED_IMMUNIZATIONS,UNIQUE_CUSTOMERS,QOLS_AVG,MEMBER_MONTHS'),
	('second', 'payer_transitions', 'PATIENT,START_YEAR,END_YEAR,PAYER,OWNERSHIP'),
	('second', 'encounters', 'Id,START,STOP,PATIENT,ORGANIZATION,PROVIDER,PAYER,ENCOUNTERCLASS,CODE,DESCRIPTION,BASE_ENCOUNTER_COST,TOTAL_CLAIM_COST,PAYER_COVERAGE,REASONCODE,REASONDESCRIPTION'),
	('second', 'careplans', 'Id,START,STOP,PATIENT,ENCOUNTER,CODE,DESCRIPTION,REASONCODE,REASONDESCRIPTION'),
	('second', 'procedures', 'DATE,PATIENT,ENCOUNTER,CODE,DESCRIPTION,BASE_COST,REASONCODE,REASONDESCRIPTION'),
	('second', 'observations', 'DATE,PATIENT,ENCOUNTER,CODE,DESCRIPTION,VALUE,UNITS,TYPE'),
	('third', 'patients', 'Id,BIRTHDATE,DEATHDATE,SSN,DRIVERS,PASSPORT,PREFIX,FIRST,MIDDLE,LAST,SUFFIX,MAIDEN,MARITAL,RACE,ETHNICITY,GENDER,BIRTHPLACE,ADDRESS,CITY,STATE,COUNTY,FIPS,ZIP,LAT,LON,HEALTHCARE_EXPENSES,HEALTHCARE_COVERAGE,INCOME'),
	('third', 'organizations', 'Id,NAME,ADDRESS,CITY,STATE,ZIP,LAT,LON,PHONE,REVENUE,UTILIZATION'),
	('third', 'providers', 'Id,ORGANIZATION,NAME,GENDER,SPECIALITY,ADDRESS,CITY,STATE,ZIP,LAT,LON,ENCOUNTERS,PROCEDURES'),
	('third', 'payers', 'Id,NAME,OWNERSHIP,ADDRESS,CITY,STATE_HEADQUARTERED,ZIP,PHONE,AMOUNT_COVERED,AMOUNT_UNCOVERED,REVENUE,COVERED_ENCOUNTERS,UNCOVERED_ENCOUNTERS,COVERED_MEDICATIONS,UNCOVERED_MEDICATIONS,COVERED_PROCEDURES,UNCOVERED_PROCEDURES,COVERED_IMMUNIZATIONS,UNCOVERED_IMMUNIZATIONS,UNIQUE_CUSTOMERS,QOLS_AVG,MEMBER_MONTHS'),
	('third', 'payer_transitions', 'PATIENT,MEMBERID,START_DATE,END_DATE,PAYER,SECONDARY_PAYER,PLAN_OWNERSHIP,OWNER_NAME'),
	('third', 'encounters', 'Id,START,STOP,PATIENT,ORGANIZATION,PROVIDER,PAYER,ENCOUNTERCLASS,CODE,DESCRIPTION,BASE_ENCOUNTER_COST,TOTAL_CLAIM_COST,PAYER_COVERAGE,REASONCODE,REASONDESCRIPTION'),
	('third', 'claims', 'Id,PATIENTID,PROVIDERID,PRIMARYPATIENTINSURANCEID,SECONDARYPATIENTINSURANCEID,DEPARTMENTID,PATIENTDEPARTMENTID,DIAGNOSIS1,DIAGNOSIS2,DIAGNOSIS3,DIAGNOSIS4,DIAGNOSIS5,DIAGNOSIS6,DIAGNOSIS7,DIAGNOSIS8,REFERRINGPROVIDERID,APPOINTMENTID,CURRENTILLNESSDATE,SERVICEDATE,SUPERVISINGPROVIDERID,STATUS1,STATUS2,STATUSP,OUTSTANDING1,OUTSTANDING2,OUTSTANDINGP,LASTBILLEDDATE1,LASTBILLEDDATE2,LASTBILLEDDATEP,HEALTHCARECLAIMTYPEID1,HEALTHCARECLAIMTYPEID2'),
	('third', 'claims_transactions', 'ID,CLAIMID,CHARGEID,PATIENTID,TYPE,AMOUNT,METHOD,FROMDATE,TODATE,PLACEOFSERVICE,PROCEDURECODE,MODIFIER1,MODIFIER2,DIAGNOSISREF1,DIAGNOSISREF2,DIAGNOSISREF3,DIAGNOSISREF4,UNITS,DEPARTMENTID,NOTES,UNITAMOUNT,TRANSFEROUTID,TRANSFERTYPE,PAYMENTS,ADJUSTMENTS,TRANSFERS,OUTSTANDING,APPOINTMENTID,LINENOTE,PATIENTINSURANCEID,FEESCHEDULEID,PROVIDERID,SUPERVISINGPROVIDERID'),
	('third', 'careplans', 'Id,START,STOP,PATIENT,ENCOUNTER,CODE,DESCRIPTION,REASONCODE,REASONDESCRIPTION'),
	('third', 'procedures', 'START,STOP,PATIENT,ENCOUNTER,SYSTEM,CODE,DESCRIPTION,BASE_COST,REASONCODE,REASONDESCRIPTION'),
	('third', 'observations', 'DATE,PATIENT,ENCOUNTER,CATEGORY,CODE,DESCRIPTION,VALUE,UNITS,TYPE');
-- What a cell says, by its header.
CREATE FUNCTION pg_temp.cell(entity text, header text) RETURNS text LANGUAGE sql AS $$
	SELECT CASE
		WHEN header ILIKE 'id' THEN left(entity, 3) || '-1'
		WHEN header IN ('PATIENT', 'PATIENTID') THEN 'pat-1' WHEN header IN ('ENCOUNTER', 'APPOINTMENTID') THEN 'enc-1'
		WHEN header = 'ORGANIZATION' THEN 'org-1' WHEN header IN ('PROVIDER', 'PROVIDERID') THEN 'pro-1' WHEN header IN ('PAYER', 'PRIMARYPATIENTINSURANCEID') THEN 'pay-1' WHEN header = 'CLAIMID' THEN 'cla-1'
		WHEN header IN ('BIRTHDATE') THEN '1970-02-03' WHEN header IN ('START', 'DATE', 'START_DATE', 'SERVICEDATE') THEN '2020-03-04T05:06:07Z' WHEN header IN ('STOP', 'END_DATE') THEN '2020-03-04T05:36:07Z'
		WHEN header = 'START_YEAR' THEN '2019' WHEN header = 'END_YEAR' THEN '2021' WHEN header = 'TYPE' AND entity = 'claims_transactions' THEN 'CHARGE' WHEN header = 'AMOUNT' THEN '12.50'
		WHEN header = 'CATEGORY' THEN 'laboratory' WHEN header = 'VALUE' THEN '5.1' WHEN header = 'UNITS' THEN 'mmol/L' WHEN header = 'CODE' THEN '2093-3' WHEN header = 'GENDER' THEN 'F'
		WHEN header IN ('FIRST', 'MIDDLE', 'LAST', 'NAME', 'DESCRIPTION', 'ADDRESS', 'CITY') THEN initcap(header) || entity END $$;
CREATE PROCEDURE pg_temp.stage_generation(migration text) LANGUAGE plpgsql AS $$
DECLARE
	item	record;
	names	text[];
	file	integer;
BEGIN
	FOR item IN SELECT * FROM generation g WHERE g.migration = stage_generation.migration LOOP
		names := ARRAY(SELECT flitmig._column_name(h) FROM unnest(string_to_array(item.header, ',')) h);
		INSERT INTO flitmig.source_file (migration_id, path, name, staging_table, sha256, bytes, format, header, columns, rows_read, rows_loaded)
		SELECT m.id, '/' || item.entity || '.csv', item.entity || '.csv', item.entity, sha256(item.header::bytea), 0, 'csv', string_to_array(item.header, ','), names, 1, 1
		FROM flitmig.migration m WHERE m.name = item.migration RETURNING id INTO file;
		EXECUTE format('CREATE TABLE %I.%I AS SELECT %s AS _file, 2::bigint AS _line, 7::bigint AS _hash, %s', item.migration || '_staging', item.entity, file,
			(SELECT string_agg(format('%L::text AS %I', pg_temp.cell(item.entity, h.header), h.name), ', ') FROM unnest(string_to_array(item.header, ','), names) h(header, name)));
	END LOOP;
END $$;
CREATE PROCEDURE pg_temp.map_generation(migration text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM flitmig_create(migration, 'crm', profile => 'synthea', time_zone => 'America/New_York');
	CALL pg_temp.stage_generation(migration);
	PERFORM flitmig_confirm(migration), set_config('test.migration', m.id::text, false) FROM flitmig.migration m WHERE m.name = migration;
END $$;
\o /dev/null
CALL pg_temp.map_generation('first');
\i test/fixtures/live-2.19.sql
\i test/fixtures/live-prepare.sql
SELECT flitmig._map(current_setting('test.migration')::integer);
CALL pg_temp.map_generation('second');
\i test/fixtures/live-2.19.sql
\i test/fixtures/live-prepare.sql
SELECT flitmig._map(current_setting('test.migration')::integer);
CALL pg_temp.map_generation('third');
\i test/fixtures/live-2.19.sql
\i test/fixtures/live-prepare.sql
SELECT flitmig._map(current_setting('test.migration')::integer);
\o
\set ECHO all
-- Every column of every generation is mapped or dropped by name.
SELECT m.name, a.code, a.object, a."column" FROM flitmig.migration m, flitmig_audit(m.name) a WHERE a.code IN ('UNMAPPED_COLUMN', 'MISSING_COLUMN', 'UNREADABLE_VALUE') ORDER BY 1, 2, 3, 4;
SELECT m.name, string_agg(o.name || ' ' || c.mapped, ', ' ORDER BY o.name) AS mapped
FROM flitmig.map_count c JOIN flitmig.object_map o ON o.id = c.object_map_id JOIN flitmig.migration m ON m.id = c.migration_id WHERE c.mapped > 0 GROUP BY m.id ORDER BY m.id;
-- Whom they saw, and when: the first generation knows no providers.
SELECT m.name, r.payload ->> 'dueAt' AS due, r.payload ->> 'durationMinutes' AS minutes, r.payload ? 'patientId' AS patient, r.payload ? 'providerId' AS provider
FROM flitmig.record r JOIN flitmig.migration m ON m.id = r.migration_id WHERE r.object = 'task' ORDER BY m.id;
SELECT m.name, r.payload -> 'name' AS patient, r.payload ->> 'insuranceCarrier' AS insurance FROM flitmig.record r JOIN flitmig.migration m ON m.id = r.migration_id JOIN flitmig.object_map o ON o.id = r.object_map_id WHERE o.name = 'patient' ORDER BY m.id;
\set ECHO none
DELETE FROM flitmig.migration;
DROP SERVER crm;
DROP SCHEMA first_staging CASCADE;
DROP SCHEMA second_staging CASCADE;
DROP SCHEMA third_staging CASCADE;
