--
-- Value functions for FHIR: each reads one data type out of a cell of JSON
-- text.  What is no JSON, or says nothing, is NULL.
--
\pset null '(null)'

-- Concepts: text, display, code; the first that says something.
-- (Not aligned: how wide an emoji is, each psql has its own opinion.)
\pset format unaligned
SELECT cell, flitmig.fhir_text(cell), flitmig.fhir_code(cell), flitmig.fhir_code(cell, 'http://loinc.org') AS loinc
FROM (VALUES
	('{"text": "Sodium", "coding": [{"system": "http://loinc.org", "code": "2951-2", "display": "Sodium [Moles/volume]"}]}'),
	('{"coding": [{"system": "urn:local", "code": "NA"}, {"system": "http://loinc.org", "code": "2951-2", "display": "Sodium"}]}'),
	('{"system": "urn:x", "code": "AMB"}'), ('[{"coding": []}, {"text": "second"}]'),
	('"caf\u00e9 \ud83d\ude00 \"quoted\"\n\\end"'), ('plain'), ('{}'), ('[]'), ('null'), (''), ('{"text": "cut'), ('{"text"'), ('{{{{')) AS c (cell);
\pset format aligned

-- Elements of arrays; the element of a kind.
SELECT flitmig.fhir_elements('[{"a": [1, {"b": "]"}]}, "text", 5, null, ["x"]]'), flitmig.fhir_elements('{"one": 1}') AS single, flitmig.fhir_elements('[') AS broken;
SELECT flitmig.fhir_item('[{"system": "urn:a", "value": "1"}, {"type": {"coding": [{"code": "MR"}]}, "value": "2"}]', code, 'value')
FROM (VALUES ('MR'), ('urn:a'), ('SS'), (NULL)) AS k (code);
SELECT flitmig.fhir_item('[{"url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex", "valueCode": "F"}]', 'us-core-birthsex', 'valueCode') AS extension,
	flitmig.fhir_item('[{"type": {"coding": [{"code": "plan"}]}, "name": "Gold"}]', 'plan') AS whole;

-- Names: official, then usual, then any that is not old or over.
SELECT flitmig.fhir_name(cell), flitmig.fhir_name_part(cell, 'prefix') AS prefix, flitmig.fhir_name_part(cell, 'middle') AS middle,
	flitmig.fhir_name_part(cell, 'suffix') AS suffix, flitmig.fhir_name_part(cell, 'preferred') AS preferred
FROM (VALUES
	('[{"use": "maiden", "family": "Old"}, {"use": "usual", "family": "Usual"}, {"use": "official", "family": "Byrne", "given": ["Orla", "Maeve", "Jo"], "prefix": ["Dr."], "suffix": ["MD", "PhD"]}]'),
	('[{"use": "old", "family": "Only"}]'), ('{"family": "Single", "given": ["Ann"]}'), ('[{"text": "van der Berg, Dr. Anna Maria"}]'),
	('[{"family": "Over", "period": {"end": "2000"}}, {"family": "Now", "given": ["Bo"]}]'), ('[{"use": "nickname", "given": ["Bob"]}, {"family": "Kim", "given": ["Robert"]}]'),
	('[{"use": "official"}]'), ('[]'), ('Byrne')) AS n (cell);

-- Contact points: by rank, then mobile, home, work; old ones not.
SELECT flitmig.fhir_telecom(cell, 'phone') AS phone, flitmig.fhir_telecom(cell, 'email') AS email
FROM (VALUES
	('[{"system": "phone", "use": "work", "value": "1"}, {"system": "phone", "use": "home", "value": "2"}, {"system": "sms", "use": "mobile", "value": "3"}, {"system": "phone", "use": "old", "value": "4"}, {"system": "email", "value": "a@example.com"}]'),
	('[{"system": "phone", "use": "mobile", "value": "1"}, {"system": "phone", "use": "work", "rank": 1, "value": "2"}]'), ('[{"value": "1"}]'), ('x')) AS t (cell);
SELECT flitmig.to_phones('US', VARIADIC flitmig.fhir_telecom('[]', 'phone')) AS no_phone, flitmig.to_emails(VARIADIC flitmig.fhir_telecom('x', 'email')) AS no_mail;

-- Addresses: home, else any that is not old.
SELECT flitmig.fhir_address(cell)
FROM (VALUES
	('[{"use": "old", "city": "Then"}, {"use": "work", "city": "Work"}, {"use": "home", "line": ["1 A St", "Apt 2", "Back"], "city": "Boston", "state": "MA", "postalCode": "02110", "country": "US"}]'),
	('{"text": "1 A St, Boston"}'), ('[{"use": "home"}]'), ('[')) AS a (cell);

-- References: the id, or system|value, of whom they mean.
SELECT reference, flitmig.fhir_ref(reference) AS any_type, flitmig.fhir_ref(reference, 'Patient') AS patient
FROM (VALUES
	('{"reference": "Patient/1"}'), ('{"reference": "https://ehr.example/fhir/Patient/1/_history/2"}'), ('{"reference": "Practitioner/1"}'), ('"Patient/1"'),
	('{"reference": "Patient?identifier=http://mrn|0007"}'), ('{"reference": "Patient?active=true&identifier=urn%3Amrn%7C7"}'), ('{"reference": "Patient?identifier=7"}'), ('{"reference": "Patient?identifier=|7"}'), ('{"reference": "Patient?name=x"}'),
	('{"identifier": {"system": "urn:mrn", "value": "7"}, "display": "Lia"}'), ('{"type": "Patient", "identifier": {"value": "7"}}'), ('{"type": "Device", "identifier": {"value": "7"}}'),
	('{"reference": "urn:uuid:0b9875ba-9310-313d-93d4-bf552585d527"}'), ('{"reference": "#contained"}'), ('{"display": "somebody"}'), ('{"reference": ""}'), ('{"reference": "/"}'), ('{"reference": 5}'), ('[]'), ('no')) AS r (reference);
-- The first of an array that fits; a primary performer comes first.
SELECT flitmig.fhir_ref('[{"actor": {"reference": "Location/9"}}, {"actor": {"reference": "Patient/1"}}]', 'Patient', 'actor') AS of_type,
	flitmig.fhir_ref('[{"individual": {"reference": "Practitioner/1"}}, {"type": [{"coding": [{"code": "PPRF"}]}], "individual": {"reference": "Practitioner/2"}}]', 'Practitioner', 'individual') AS performer,
	flitmig.fhir_ref('{"encounter": [{"reference": "Encounter/3"}]}', 'Encounter', 'encounter.0') AS nested;
SELECT flitmig.fhir_keys('[{"system": "urn:mrn", "value": "7"}, {"value": "8"}, {"system": "urn:none"}]') AS keys, flitmig.fhir_keys('[]') AS none;

-- Measures.
SELECT flitmig.fhir_quantity('{"value": 0.01, "comparator": "<", "unit": "ng/mL"}') AS quantity, flitmig.fhir_quantity('{"unit": "x"}') AS none,
	flitmig.fhir_range('[{"low": {"value": 1}, "high": {"value": 2.50}}]') AS both, flitmig.fhir_range('{"high": {"value": 2}}') AS high, flitmig.fhir_range('{"low": {"value": 2}}') AS low, flitmig.fhir_range('[{"text": "negative"}]') AS text;

-- Notes in base64: text, HTML and RTF in their charset; of one document in several formats the first text.
SELECT flitmig.base64_markdown('RmVlbHMgKndlbGwq', 'text/plain') AS text, flitmig.base64_markdown('RmVlbHMgKndlbGwq', 'text/markdown; charset=utf-8') AS markdown,
	flitmig.base64_markdown('PHA+Q2Fm6TwvcD4=', 'text/html; charset="ISO-8859-1"') AS html, flitmig.base64_markdown('e1xydGYxIEhlbGxvIFxiIHdvcmxkfQ==', 'application/rtf') AS rtf,
	flitmig.base64_markdown('SGk=', NULL) AS unsaid, flitmig.base64_markdown('JVBERi0=', 'application/pdf') AS pdf, flitmig.base64_markdown('!!', 'text/plain') AS broken;
SELECT flitmig.fhir_attachment_text('[{"attachment": {"contentType": "application/pdf", "data": "JVBERi0="}}, {"attachment": {"contentType": "text/plain", "data": "SGk="}}]') AS content,
	flitmig.fhir_attachment_text('[{"contentType": "text/plain", "data": "SGk="}]') AS presented_form, flitmig.fhir_attachment_text('[{"attachment": {"url": "Binary/1"}}]') AS elsewhere;

-- Deep nesting and long texts cost time, not the backend.
SELECT flitmig.fhir_text(repeat('[', 100000) || repeat(']', 100000)) AS deep, flitmig.fhir_code(repeat('{"coding":', 100000) || '1' || repeat('}', 100000)) AS deep_code, length(flitmig.fhir_text('"' || repeat('x', 1000000) || '"')) AS long,
	flitmig._fhir_references(repeat('{"a":', 1000) || '1' || repeat('}', 1000)) AS deeper;
