/* mapping: what each code of a finding means. A test compares this list with the sources. */

CREATE VIEW flitmig.finding_code AS
	SELECT c.step, c.code, c.severity, c.meaning, c.what_to_do
	FROM (VALUES
		/* files and rows */
		('import', 'BLANK_ROWS', 'info', 'Rows without any content; they are skipped and not counted', 'Nothing.'),
		('import', 'DAMAGED_SHEET', 'error', 'A worksheet that is cut off or damaged, or whose texts are; what could be read is staged', 'Open the workbook in a spreadsheet program, or export it again.'),
		('import', 'NOT_READ', 'warning', 'Something in the directory or archive that is no plain file (a pipe, a link that leads nowhere or to a directory) or cannot be unpacked', 'If it belongs to the export, put the files themselves there and import again.'),
		('audit', 'MISSING_COLUMN', 'error', 'A file without a column that its kind of record needs; its rows cannot be mapped', 'Export it with that column, or name the column''s spelling in the profile.'),
		('import', 'BROKEN_JSON', 'warning', 'Elements that are no JSON, or too wide for a table; they are rejected', 'Look at flitmig.reject; ask for the export again if it is cut off.'),
		('import', 'DAMAGED_TEXT', 'info, warning', 'Bytes that mean nothing in the file''s encoding; they are staged as U+FFFD, flitmig.original has the bytes', 'If all accents look wrong, name the encoding in the options of flitmig_import.'),
		('import', 'DUPLICATE_HEADER', 'info', 'Several columns have one header; the later ones are named _2, _3', 'Check that the right one of them is mapped.'),
		('import', 'FORMULA_WITHOUT_VALUE', 'warning', 'Cells of a worksheet hold a formula whose result is not in the file; they are staged as blank', 'Open the workbook in a spreadsheet program, which computes it, and save it.'),
		('import', 'HEADER_MISMATCH', 'error', 'The file has the name of a known one, but not its columns', 'Import the right export, or add the header''s spelling to the profile.'),
		('import', 'INSTRUCTION_ROW', 'warning', 'A row below the header tells how to fill the columns in; it is rejected', 'If it is data, say how many header rows there are in the options of flitmig_import.'),
		('import', 'MIXED_DATE_ORDER', 'warning', 'Some dates of a column begin with the day, others with the month', 'Set date_order of the migration, or export in one form.'),
		('import', 'NO_HEADER', 'info', 'The file has no header row; its columns are column_1, column_2 …', 'If the first row is the header, say so in the options of flitmig_import.'),
		('import', 'NUL_BYTES', 'info', 'NUL bytes in cells; they are staged as U+FFFD, flitmig.original has the bytes', 'Nothing; some databases pad with them.'),
		('import', 'PREAMBLE', 'info', 'Lines above the header; flitmig.original has them', 'If they are data, say so in the options of flitmig_import.'),
		('import', 'REPEATED_KEY', 'warning', 'Objects of JSON that have a key twice; the last value is staged, flitmig.original has the object', 'Look at the places; ask the vendor which value is right.'),
		('import', 'ROW_TOO_LONG', 'warning', 'Rows of more than 1 GB; they are rejected', 'Usually a quote that is never closed: mend the line.'),
		('import', 'ROW_TOO_WIDE', 'warning', 'Rows too wide for a table; they are rejected', 'Split the export.'),
		('import', 'SECOND_TABLE', 'warning', 'Behind blank rows stands what looks like the header of another table; its rows are taken for rows of the first', 'Cut the file in two at that line, and import both.'),
		('import', 'STRAY_QUOTE', 'info', 'Quotes that neither end a cell nor are doubled; they are kept as characters', 'Look at the places if cells seem to run together.'),
		('import', 'TOO_FEW_CELLS', 'info', 'Rows shorter than the header; the missing cells are NULL', 'Look at the places if columns seem to be shifted.'),
		('import', 'TOO_MANY_CELLS', 'warning', 'Rows longer than the header; they are rejected', 'Usually a separator inside a cell that is not quoted: mend the line in flitmig.reject''s file.'),
		('import', 'TOO_MANY_COLUMNS', 'error', 'More columns than a table can have', 'Export fewer columns at a time.'),
		('import', 'UNREADABLE_ARCHIVE', 'error', 'The archive could not be read to its end', 'Unpack it on the server and import the directory.'),
		('import', 'UNREADABLE_WORKBOOK', 'error', 'The workbook is damaged or encrypted', 'Take the password off and save it anew, or save each sheet as CSV.'),
		('import', 'UNSUPPORTED_FORMAT', 'warning', 'Tables in a format that is not read', 'Convert the file as the hint says.'),
		('import', 'UNTERMINATED_QUOTE', 'warning', 'A quote is opened and never closed', 'Ask for the export again if it is cut off, or mend the line.'),
		('audit', 'EMPTY_FILE', 'warning', 'A file with a header and no row', 'Check the export''s date range and filters.'),
		('audit', 'REJECTED_ROWS', 'warning', 'Rows that could not be staged', 'Look at flitmig.reject; the import''s findings say how to mend them.'),
		('audit', 'MISSING_ENTITY', 'info', 'Kinds of data that the profile knows and the export has no file of', 'Export them as well, if the practice has such data.'),
		('audit', 'UNMAPPED_FILE', 'warning', 'A file that no map reads', 'Add its entity to the profile, or leave it out on purpose.'),
		('audit', 'UNMAPPED_COLUMN', 'info, warning', 'A column that no field takes (info: it is collected into one field)', 'Map it, or name it in the entity''s drop list.'),
		('audit', 'FILE_MISSING', 'warning', 'Rows that name a file which was not imported', 'Import the directory or archive that has the files.'),
		('audit', 'UNUSED_FILE', 'warning', 'Files that no row names', 'Import their index as well.'),
		/* ids and references */
		('audit', 'DAMAGED_ID', 'error', 'Ids that a spreadsheet has rounded (2.98E+13)', 'Export again and import the file untouched.'),
		('map', 'BLANK_KEY', 'warning', 'Rows without an id; they cannot become records', 'Give them an id in the source, or the map another key.'),
		('map', 'DUPLICATE_KEY', 'info, warning', 'An id twice (info: word for word the same row); the later row counts', 'Compare the rows; correct the export if the earlier one is right.'),
		('map', 'JOIN_MULTIPLIES', 'warning', 'A map''s source gives several rows for one', 'Let the source of the map give one row a key.'),
		('map', 'UNRESOLVED_REFERENCE', 'warning', 'Rows that point at something which the export does not hold', 'Import the file that has it, or correct the ids.'),
		('map', 'EXCLUDED_REFERENCE', 'info', 'Rows that point at something which is excluded', 'Nothing, if it is excluded on purpose.'),
		('map', 'REFERENCE_CYCLE', 'info', 'Records that point at each other; these fields are sent in a second pass', 'Nothing.'),
		('audit', 'ORPHAN', 'warning', 'Rows of a patient who is not in the export; they are excluded', 'Import the patient, or correct the id.'),
		('audit', 'AMBIGUOUS_NAME', 'warning, error', 'Rows tied by a name that several patients have; they are excluded', 'Export with ids, or make the names differ in the source.'),
		/* patients */
		('audit', 'DUPLICATE_PATIENT', 'info, warning', 'The same id, e-mail + birth date, phone + birth date or name + birth date twice; never merged on its own', 'Merge them in the source, or in Twenty afterwards.'),
		('audit', 'STALE_PATIENT', 'info', 'Patients without activity in the two years before the export', 'Exclude them in the map, if they are to stay behind.'),
		('audit', 'DELETED_ROW', 'info', 'Rows that are deleted in the source; they are excluded', 'Nothing.'),
		('audit', 'ARCHIVED_PATIENT', 'info', 'Archived patients; they move like the others', 'Exclude them in the map, if they are to stay behind.'),
		('audit', 'MERGED_PATIENT', 'info', 'Patients merged into another in the source', 'Nothing: what is theirs goes to the other.'),
		('audit', 'DECEASED_PATIENT', 'info', 'Patients who have died', 'Make sure that no reminder reaches the family.'),
		('audit', 'TEST_ROW', 'warning', 'Patients that look like tests by their name', 'Delete them in the source, or exclude them in the map.'),
		('audit', 'MISSING_NAME', 'warning', 'Patients without first or last name', 'Complete them in the source.'),
		('audit, map', 'SHARED_EMAIL', 'info, warning', 'Patients with one e-mail address: the first keeps it as primary, the others as additional', 'Nothing for families; merge duplicates in the source.'),
		('map', 'DUPLICATE_UNIQUE', 'warning', 'A value that must be unique in Twenty twice; the later record goes without', 'Correct it in the source, or make the field not unique in the profile.'),
		('audit', 'BAD_PHONE', 'warning', 'Phone numbers that are not valid', 'Correct them in the source, or in Twenty.'),
		('audit', 'BAD_NPI', 'warning', 'NPIs whose check digit is wrong; the field stays empty', 'Look them up in the registry.'),
		('audit', 'NEGATIVE_BALANCE', 'info', 'Credits of patients', 'Settle or note them before the switch.'),
		/* visits, papers */
		('audit', 'FUTURE_APPOINTMENT', 'info', 'Appointments after the export', 'Import a last export just before the switch; a delta sends what changed.'),
		('audit', 'BREAK', 'info', 'Appointments without patient (breaks, blocked time); they are excluded', 'Nothing.'),
		('audit', 'DRAFT_NOTE', 'warning', 'Notes that are still drafts; they move as they are', 'Let their authors finish them before the last export.'),
		('audit', 'INLINE_FILE', 'info', 'Files inside the export as base64 that are no text; they become attachments', 'Nothing.'),
		('audit', 'EARLIER_POLICY', 'info', 'More policies than the first and second insurer have fields for; the current ones move', 'Nothing, or map them to notes.'),
		('audit', 'SEVERAL_REFERRALS', 'info', 'Several referrals of one patient; the latest moves', 'Nothing, or map them to notes.'),
		('audit', 'OTHER_OBSERVATION', 'info', 'Observations that are no laboratory results; they stay behind', 'Map them, if the practice needs them.'),
		('audit', 'NO_LABORATORY', 'info', 'Observations that are no laboratory results; they stay behind', 'Map them, if the practice needs them.'),
		/* values */
		('audit', 'UNREADABLE_DATE', 'warning', 'Dates that cannot be read; the field stays empty', 'Look at the places; set date_order if day and month are mixed.'),
		('map', 'UNREADABLE_VALUE', 'warning', 'Values that cannot be read as what their field holds; it stays empty', 'Look at the places; correct the source, or the expression.'),
		('map', 'UNMAPPED_VALUE', 'warning', 'Statuses and codes that the value map does not know; the field gets its default', 'Add them to flitmig.value_map, confirm again.'),
		/* staff, Twenty */
		('owners', 'OWNER_UNMATCHED', 'warning', 'Staff who are no workspace members; the default owner stands in, or nobody', 'Invite them (flitmig_owners), or name them in owner_aliases; then run again.'),
		('owners', 'OWNER_ALIAS_TWICE', 'warning', 'Aliases that differ only in case or blanks and name different people; none of them counts', 'Keep one of them in owner_aliases.'),
		('owners', 'DEFAULT_OWNER_UNKNOWN', 'warning', 'The default owner is no workspace member; records of unmatched staff go without an owner', 'Invite that person, or name another default_owner.'),
		('map', 'MISSING_FIELD', 'error', 'Twenty lacks a mapped field', 'flitmig_prepare creates it; else take it out of the mapping.'),
		/* runs */
		('run', 'GONE_ROWS', 'info, warning', 'Records in Twenty whose row is no longer in the export; left, flagged or put in the trash, as flitmig.object_map.gone says', 'Nothing, or choose another action in flitmig.object_map.gone and confirm.'),
		('run', 'GONE_TOO_MANY', 'warning', 'So many rows are gone that the export is not believed to be whole; nothing is done about them', 'Export again; if they are really gone, raise "limit" in flitmig.object_map.gone and confirm.'),
		('run', 'ADOPTED', 'info', 'Records that Twenty had already, taken for the same', 'Nothing; flitmig.adoption lists them.'),
		('run', 'ADOPT_AMBIGUOUS', 'warning', 'Records that match several in Twenty, or share one; they are set aside', 'Merge the duplicates, then run again.'),
		('run', 'ADOPT_CONTRADICTS', 'warning', 'The record in Twenty that matches has another first name or date of birth; ours is set aside', 'Correct one of them if it is the same person, then run again.'),
		('run', 'ADOPT_TRASHED', 'warning', 'The record in Twenty that matches is in its trash; ours is set aside', 'Restore or destroy it in Twenty, then run again.'),
		('run', 'FILE_AMBIGUOUS', 'warning', 'Several imported files could be the one that a row names', 'Let the index name their folder as well.'),
		('run', 'FILE_CHANGED', 'warning', 'Files that are not what they were when they were imported', 'Import them again, then flitmig_retry.'),
		('run', 'FILE_TOO_LARGE', 'warning', 'Files of more than 1 GB, which Twenty does not take', 'Make them smaller and import them again.'),
		('run', 'FILE_FORBIDDEN', 'warning', 'Files that the role may not read', 'Grant it pg_read_server_files, then flitmig_retry.'),
		('run', 'FILE_DAMAGED', 'warning', 'Files of which the server stored another number of bytes', 'flitmig_retry sends them again.'),
		('rollback', 'SCHEMA_KEPT', 'warning', 'An object or field was kept, for it holds data that is not ours', 'Remove it in Twenty when that data is no longer needed.')
	) AS c(step, code, severity, meaning, what_to_do);
COMMENT ON VIEW flitmig.finding_code IS 'What each code of flitmig.finding means and what to do about it';
COMMENT ON COLUMN flitmig.finding_code.step IS 'The step that finds it';
COMMENT ON COLUMN flitmig.finding_code.code IS 'As in flitmig.finding';
COMMENT ON COLUMN flitmig.finding_code.severity IS 'How bad it is: error, warning, info; several where it depends';
COMMENT ON COLUMN flitmig.finding_code.meaning IS 'What was found';
COMMENT ON COLUMN flitmig.finding_code.what_to_do IS 'What a person does about it';
