/*
 * A small export that no profile knows, staged by hand: two files of a Dutch
 * practice and a list of its staff, ids as text. After it: pg_temp.census(950).
 */
INSERT INTO flitmig.migration (id, name, server, profile, profile_doc, namespace, staging_schema, time_zone, country, currency)
VALUES (950, 'unseen', 'crm', 'generic', '{"entities": {}}', '6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'unseen_staging', 'Europe/Amsterdam', 'NL', 'EUR');
CREATE SCHEMA unseen_staging;
CREATE TABLE unseen_staging.klanten (_file integer, _line bigint, _hash bigint,
	klantnr text, voornaam text, achternaam text, geboortedatum text, e_mail text, mobiel text, straat text, postcode text, woonplaats text, behandelaar text, bsn text, hobby text);
INSERT INTO unseen_staging.klanten VALUES
	(951, 2, 1, 'K-1001', 'Anna', 'de Vries', '04-05-1980', 'anna@example.nl', '06 12345601', 'Dorpsstraat 1', '1234 AB', 'Utrecht', 'B01', '111222333', 'lezen'),
	(951, 3, 2, 'K-1002', 'Bram', 'Jansen', '31-12-1975', 'bram@example.nl', '06 12345602', 'Kerkweg 22', '2345 BC', 'Leiden', 'B02', '222333444', NULL),
	(951, 4, 3, 'K-1003', 'Clara', 'Bakker', '17-08-2001', NULL, '06 12345603', 'Molenpad 3', '3456 CD', 'Delft', 'B01', NULL, 'fietsen'),
	(951, 5, 4, 'K-1004', 'Daan', 'Visser', '29-02-1992', 'daan@example.nl', NULL, 'Plein 40', '4567 DE', 'Breda', 'B02', '444555666', NULL);
CREATE TABLE unseen_staging.afspraken (_file integer, _line bigint, _hash bigint,
	nummer text, klantnr text, behandelaar text, soort_afspraak text, status text, datum text, aanvang text, duur_min text, opmerking text);
INSERT INTO unseen_staging.afspraken VALUES
	(952, 2, 1, 'A-90001', 'K-1001', 'B01', 'Intake', 'Completed', '04-03-2026', '09:00', '45', NULL),
	(952, 3, 2, 'A-90002', 'K-1002', 'B02', 'Controle', 'No show', '05-03-2026', '10:30', '20', 'belt terug'),
	(952, 4, 3, 'A-90003', 'K-1003', 'B01', 'Controle', 'Scheduled', '30-11-2026', '11:00', '20', NULL),
	(952, 5, 4, 'A-90004', 'K-1001', 'B02', 'Intake', 'Scheduled', '01-12-2026', '14:15', '45', NULL),
	(952, 6, 5, 'A-90005', 'K-1004', 'B02', 'Controle', 'Completed', '13-01-2026', '08:30', '20', NULL);
CREATE TABLE unseen_staging.behandelaars (_file integer, _line bigint, _hash bigint, code text, naam text, specialisme text, e_mail text);
INSERT INTO unseen_staging.behandelaars VALUES
	(953, 2, 1, 'B01', 'dr. E. Smit', 'Fysiotherapie', 'smit@example.nl'),
	(953, 3, 2, 'B02', 'F. Mulder', 'Podologie', 'mulder@example.nl'),
	(953, 4, 3, 'B03', 'G. de Boer', 'Fysiotherapie', 'deboer@example.nl');
INSERT INTO flitmig.source_file (id, migration_id, path, name, staging_table, sha256, bytes, format, header, columns, rows_read, rows_loaded) VALUES
	(951, 950, '/export/Klanten.csv', 'Klanten.csv', 'klanten', '\x01', 1, 'csv',
		'{Klantnr,Voornaam,Achternaam,Geboortedatum,E-mail,Mobiel,Straat,Postcode,Woonplaats,Behandelaar,BSN,Hobby}',
		'{klantnr,voornaam,achternaam,geboortedatum,e_mail,mobiel,straat,postcode,woonplaats,behandelaar,bsn,hobby}', 4, 4),
	(952, 950, '/export/Afspraken 2026.csv', 'Afspraken 2026.csv', 'afspraken', '\x02', 1, 'csv',
		'{Nummer,Klantnr,Behandelaar,"Soort afspraak",Status,Datum,Aanvang,"Duur (min)",Opmerking}',
		'{nummer,klantnr,behandelaar,soort_afspraak,status,datum,aanvang,duur_min,opmerking}', 5, 5),
	(953, 950, '/export/Behandelaars.csv', 'Behandelaars.csv', 'behandelaars', '\x03', 1, 'csv',
		'{Code,Naam,Specialisme,E-mail}', '{code,naam,specialisme,e_mail}', 3, 3);
SELECT pg_temp.census(950);
