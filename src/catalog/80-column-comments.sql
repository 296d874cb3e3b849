/* What each column holds that catalog.sql does not tell beside it, for \d+ and the reference. */

COMMENT ON COLUMN flitmig.adoption.source_key IS 'Key of the row whose record was adopted';
COMMENT ON COLUMN flitmig.adoption.record_id IS 'Id that mapping derives for it, used again after a rollback';
COMMENT ON COLUMN flitmig.adoption.target_id IS 'Id of the record in Twenty';
COMMENT ON COLUMN flitmig.adoption.run_id IS 'The run that adopted it';
COMMENT ON COLUMN flitmig.adoption.since IS 'Its updatedAt when it was adopted';
COMMENT ON COLUMN flitmig.adoption.settled IS 'What points at it was mapped since';

COMMENT ON COLUMN flitmig.audit.seq IS 'Number, without gaps';
COMMENT ON COLUMN flitmig.audit.at IS 'When it was written';
COMMENT ON COLUMN flitmig.audit.actor IS 'Who did it: the session''s role';
COMMENT ON COLUMN flitmig.audit.migration IS 'Name of the migration; NULL: of none';
COMMENT ON COLUMN flitmig.audit.event IS 'What was done';
COMMENT ON COLUMN flitmig.audit.detail IS 'Counts, names of objects and hashes';
COMMENT ON COLUMN flitmig.audit.hash IS 'SHA-256 over the hash before and this row';

COMMENT ON COLUMN flitmig.balance.migration IS 'Name of the migration';
COMMENT ON COLUMN flitmig.balance.object_map IS 'Name of the object map';
COMMENT ON COLUMN flitmig.balance.object IS 'Object of Twenty';
COMMENT ON COLUMN flitmig.balance.rows_read IS 'Staged rows that the map saw';
COMMENT ON COLUMN flitmig.balance.blank_keys IS 'Rows without a key';
COMMENT ON COLUMN flitmig.balance.mapped IS 'Records that are meant for Twenty, with what became of them in the columns after';
COMMENT ON COLUMN flitmig.balance.excluded IS 'Records that a rule of the profile leaves out';
COMMENT ON COLUMN flitmig.balance.quarantined IS 'Records that Twenty refused';
COMMENT ON COLUMN flitmig.balance.conflict IS 'Records in which a person changed the same field';

COMMENT ON COLUMN flitmig.base.origin IS 'created by us, or adopted';
COMMENT ON COLUMN flitmig.base.run_id IS 'The run that stored it last';
COMMENT ON COLUMN flitmig.base.hash IS 'Hash of the payload as sent last';
COMMENT ON COLUMN flitmig.base.sent IS 'The payload as sent last';
COMMENT ON COLUMN flitmig.base.stored IS 'The values as the server gave them back';
COMMENT ON COLUMN flitmig.base.stored_at IS 'When they were stored last';

COMMENT ON COLUMN flitmig.batch.id IS 'Number of the call';
COMMENT ON COLUMN flitmig.batch.run_id IS 'The run that made it';
COMMENT ON COLUMN flitmig.batch.phase IS 'The run''s phase';
COMMENT ON COLUMN flitmig.batch.kind IS 'What the call does';
COMMENT ON COLUMN flitmig.batch.purpose IS 'Why, where a kind has several uses';
COMMENT ON COLUMN flitmig.batch.parent_id IS 'The batch that this one is a part of, or looks for';
COMMENT ON COLUMN flitmig.batch.position IS 'Order within the phase; lower goes first';
COMMENT ON COLUMN flitmig.batch.ids IS 'The records in it';
COMMENT ON COLUMN flitmig.batch.detail IS 'What the call needs besides';
COMMENT ON COLUMN flitmig.batch.state IS 'How far it is, see the table';
COMMENT ON COLUMN flitmig.batch.attempts IS 'How often it was sent';
COMMENT ON COLUMN flitmig.batch.stored IS 'Records that it stored';
COMMENT ON COLUMN flitmig.batch.opened_at IS 'When its intent was committed';
COMMENT ON COLUMN flitmig.batch.answered_at IS 'When its answer was written down';
COMMENT ON COLUMN flitmig.batch.took_ms IS 'Milliseconds from sending it to the whole answer';
COMMENT ON COLUMN flitmig.batch.status IS 'HTTP status';
COMMENT ON COLUMN flitmig.batch.outcome IS 'Class of the answer';
COMMENT ON COLUMN flitmig.batch.message IS 'The server''s own words, which may quote a value';

COMMENT ON COLUMN flitmig.capability.name IS 'What the server can do';
COMMENT ON COLUMN flitmig.capability.value IS 'How';
COMMENT ON COLUMN flitmig.capability.read_at IS 'When it was read';

COMMENT ON COLUMN flitmig.change.run_id IS 'The run that is about to update it';
COMMENT ON COLUMN flitmig.change.single IS 'May not go by upsert, because a field of it is unique on the server';
COMMENT ON COLUMN flitmig.change.changes IS 'Fields and their new values';
COMMENT ON COLUMN flitmig.change.before IS 'These fields as they are in Twenty';

COMMENT ON COLUMN flitmig.column_census.staging_table IS 'Staging table';
COMMENT ON COLUMN flitmig.column_census.column_name IS 'Column of the staging table';
COMMENT ON COLUMN flitmig.column_census.header IS 'As the export spells it';
COMMENT ON COLUMN flitmig.column_census.position IS 'Place among the columns';
COMMENT ON COLUMN flitmig.column_census.rows IS 'Rows of the table';
COMMENT ON COLUMN flitmig.column_census.blanks IS 'Rows where it is blank';
COMMENT ON COLUMN flitmig.column_census.distinct_values IS 'How many different values; NULL: too many to count exactly';
COMMENT ON COLUMN flitmig.column_census.max_length IS 'Longest value, in characters';
COMMENT ON COLUMN flitmig.column_census.top_values IS 'The most frequent values and how often each stands; may hold patients'' values';
COMMENT ON COLUMN flitmig.column_census.shapes IS 'How many values look like a date, phone, money, e-mail, id …';
COMMENT ON COLUMN flitmig.column_census.date_order IS 'Order of day and month that its values prove; NULL: they do not';

COMMENT ON COLUMN flitmig.conflict.field IS 'Field of the object';
COMMENT ON COLUMN flitmig.conflict.run_id IS 'The run that found it';
COMMENT ON COLUMN flitmig.conflict.kind IS 'both, target, trashed, missing: see the table';
COMMENT ON COLUMN flitmig.conflict.base_value IS 'What we stored last';
COMMENT ON COLUMN flitmig.conflict.source_value IS 'What the export says now';
COMMENT ON COLUMN flitmig.conflict.target_value IS 'What Twenty holds now';
COMMENT ON COLUMN flitmig.conflict.found_at IS 'When it was found';

COMMENT ON COLUMN flitmig.deferred_field.field IS 'Key of the payload that is sent in a second pass';

COMMENT ON COLUMN flitmig.diff.run_id IS 'The run that stored it';
COMMENT ON COLUMN flitmig.diff.field IS 'Field, with its part after a dot';
COMMENT ON COLUMN flitmig.diff.sent IS 'Value as sent';
COMMENT ON COLUMN flitmig.diff.stored IS 'Value as stored';
COMMENT ON COLUMN flitmig.diff.verdict IS 'normalised by a rule, mismatch, or missing';
COMMENT ON COLUMN flitmig.diff.rule IS 'Name of the rule';

COMMENT ON COLUMN flitmig.field_map.id IS 'Number';
COMMENT ON COLUMN flitmig.field_map.position IS 'Order of the fields';
COMMENT ON COLUMN flitmig.field_map.kind IS 'value, relation, or owner';
COMMENT ON COLUMN flitmig.field_map.expression IS 'SQL over the staging columns; s is the row';
COMMENT ON COLUMN flitmig.field_map.values_name IS 'Value map that translates the result';
COMMENT ON COLUMN flitmig.field_map.default_value IS 'Value for what the value map has none of, and for expressions that give NULL; read as the expression''s type';
COMMENT ON COLUMN flitmig.field_map.columns IS 'Staging columns that it reads';
COMMENT ON COLUMN flitmig.field_map.on_missing IS 'What becomes of a record whose reference is not found: null or exclude';
COMMENT ON COLUMN flitmig.field_map.description IS 'Why it is so';

COMMENT ON COLUMN flitmig.file_balance.migration IS 'Name of the migration';
COMMENT ON COLUMN flitmig.file_balance.file_id IS 'Number of the file';
COMMENT ON COLUMN flitmig.file_balance.file IS 'Name of the file';
COMMENT ON COLUMN flitmig.file_balance.staging_table IS 'Where its rows are; NULL: it has none';
COMMENT ON COLUMN flitmig.file_balance.rows_read IS 'Rows in the file';
COMMENT ON COLUMN flitmig.file_balance.rows_loaded IS 'Rows in staging';
COMMENT ON COLUMN flitmig.file_balance.rows_rejected IS 'Rows in flitmig.reject';
COMMENT ON COLUMN flitmig.file_balance.superseded IS 'A newer export of this file was imported';
COMMENT ON COLUMN flitmig.file_balance.difference IS 'Rows unaccounted for: 0';

COMMENT ON COLUMN flitmig.finding.id IS 'Number';
COMMENT ON COLUMN flitmig.finding.step IS 'The step that found it, which replaces its own findings when it runs again';
COMMENT ON COLUMN flitmig.finding.severity IS 'error, warning or info';
COMMENT ON COLUMN flitmig.finding.code IS 'What was found; flitmig.finding_code tells more';
COMMENT ON COLUMN flitmig.finding.object IS 'Staging table, object map or object';
COMMENT ON COLUMN flitmig.finding.column_name IS 'Column, field or key';
COMMENT ON COLUMN flitmig.finding.count IS 'How often';
COMMENT ON COLUMN flitmig.finding.places IS 'The first places, as file:line';
COMMENT ON COLUMN flitmig.finding.message IS 'In words, without a value';
COMMENT ON COLUMN flitmig.finding.hint IS 'What to do';
COMMENT ON COLUMN flitmig.finding.found_at IS 'When it was found';

COMMENT ON COLUMN flitmig.live_field.name IS 'Field';
COMMENT ON COLUMN flitmig.live_field.field_id IS 'Its id on the server';
COMMENT ON COLUMN flitmig.live_field.label IS 'As people see it';
COMMENT ON COLUMN flitmig.live_field.type IS 'Twenty''s type';
COMMENT ON COLUMN flitmig.live_field.is_active IS 'Not deactivated';
COMMENT ON COLUMN flitmig.live_field.is_system IS 'Kept by Twenty itself';
COMMENT ON COLUMN flitmig.live_field.is_unique IS 'No two records may have the same value';
COMMENT ON COLUMN flitmig.live_field.is_nullable IS 'May be empty';
COMMENT ON COLUMN flitmig.live_field.options IS 'Of a select';
COMMENT ON COLUMN flitmig.live_field.settings IS 'Of the type';
COMMENT ON COLUMN flitmig.live_field.relation_type IS 'MANY_TO_ONE, ONE_TO_MANY';
COMMENT ON COLUMN flitmig.live_field.relation_object IS 'Object on the other side';

COMMENT ON COLUMN flitmig.live_member.member_id IS 'Workspace member';
COMMENT ON COLUMN flitmig.live_member.email IS 'In lower case';
COMMENT ON COLUMN flitmig.live_member.first_name IS 'First name';
COMMENT ON COLUMN flitmig.live_member.last_name IS 'Last name';

COMMENT ON COLUMN flitmig.live_object.name IS 'Object';
COMMENT ON COLUMN flitmig.live_object.name_plural IS 'As the API names several';
COMMENT ON COLUMN flitmig.live_object.object_id IS 'Its id on the server';
COMMENT ON COLUMN flitmig.live_object.label IS 'As people see it';
COMMENT ON COLUMN flitmig.live_object.label_plural IS 'As people see several';
COMMENT ON COLUMN flitmig.live_object.is_active IS 'Not deactivated';
COMMENT ON COLUMN flitmig.live_object.is_system IS 'Kept by Twenty itself';

COMMENT ON COLUMN flitmig.map_count.rows_read IS 'Staged rows that the map saw';
COMMENT ON COLUMN flitmig.map_count.filtered IS 'Left out by the map''s filter or join';
COMMENT ON COLUMN flitmig.map_count.blank_keys IS 'Rows without a key';
COMMENT ON COLUMN flitmig.map_count.duplicate_keys IS 'Rows whose key a later row has too';
COMMENT ON COLUMN flitmig.map_count.mapped IS 'Records meant for Twenty';
COMMENT ON COLUMN flitmig.map_count.excluded IS 'Records that a rule leaves out';

COMMENT ON COLUMN flitmig.migration.id IS 'Number';
COMMENT ON COLUMN flitmig.migration.name IS 'Name, as in every call';
COMMENT ON COLUMN flitmig.migration.server IS 'Foreign server that stands for Twenty';
COMMENT ON COLUMN flitmig.migration.owner IS 'Role that it belongs to: its members may work on it, and the mapping runs with their rights';
COMMENT ON COLUMN flitmig.migration.profile IS 'Profile that it began with';
COMMENT ON COLUMN flitmig.migration.profile_doc IS 'That profile as it was then; the migration''s own from then on';
COMMENT ON COLUMN flitmig.migration.staging_schema IS 'Schema of the staging tables';
COMMENT ON COLUMN flitmig.migration.time_zone IS 'The clinic''s time zone';
COMMENT ON COLUMN flitmig.migration.country IS 'ISO code; phones without + are dialled there';
COMMENT ON COLUMN flitmig.migration.currency IS 'ISO code of amounts without one';
COMMENT ON COLUMN flitmig.migration.default_owner IS 'E-mail of the member who gets what unmatched staff owned';
COMMENT ON COLUMN flitmig.migration.options IS 'four_eyes, owner_aliases and what else a migration may be told';
COMMENT ON COLUMN flitmig.migration.mapping_hash IS 'Hash of the confirmed mapping; NULL: not confirmed';
COMMENT ON COLUMN flitmig.migration.confirmed_at IS 'When it was confirmed';
COMMENT ON COLUMN flitmig.migration.signed_by IS 'Who signed the sample off';
COMMENT ON COLUMN flitmig.migration.signed_at IS 'When';
COMMENT ON COLUMN flitmig.migration.signed_comment IS 'What they looked at';
COMMENT ON COLUMN flitmig.migration.signed_run IS 'The sample that they looked at';
COMMENT ON COLUMN flitmig.migration.delta_window IS 'How long deltas are open after the first full run';
COMMENT ON COLUMN flitmig.migration.delta_until IS 'Until when they are open';
COMMENT ON COLUMN flitmig.migration.mapped_at IS 'When records were mapped last';
COMMENT ON COLUMN flitmig.migration.created_at IS 'When it began';

COMMENT ON COLUMN flitmig.object_map.id IS 'Number';
COMMENT ON COLUMN flitmig.object_map.name IS 'Name of the map';
COMMENT ON COLUMN flitmig.object_map.object IS 'Object of Twenty';
COMMENT ON COLUMN flitmig.object_map.position IS 'Order in which records go, computed from the relations';
COMMENT ON COLUMN flitmig.object_map.filter IS 'SQL condition: other rows are no business of this map';

COMMENT ON COLUMN flitmig.original.file_id IS 'File that the bytes stand in';
COMMENT ON COLUMN flitmig.original.line_no IS 'Line where their row begins: _line of the staged row, or a line of the header or above it. For an array of JSON the element''s number; 0: a key of JSON, or what stands beside its rows';
COMMENT ON COLUMN flitmig.original.column_name IS 'Column of the staging table; NULL: a whole line, or a whole object of JSON';
COMMENT ON COLUMN flitmig.original.raw IS 'The bytes in the file''s own encoding: of a cell without the quotes around it, of JSON the value as it is written';

COMMENT ON COLUMN flitmig.owner.source_value IS 'As the export spells it, trimmed and in lower case';
COMMENT ON COLUMN flitmig.owner.email IS 'E-mail, if the export or an alias gives one';
COMMENT ON COLUMN flitmig.owner.name IS 'Name, if one is known';
COMMENT ON COLUMN flitmig.owner.records IS 'Records that name this owner';
COMMENT ON COLUMN flitmig.owner.member_id IS 'Workspace member who gets them';
COMMENT ON COLUMN flitmig.owner.status IS 'matched, alias, default (the default owner stands in), unmatched (nobody)';

COMMENT ON COLUMN flitmig.profile.name IS 'Name, as in flitmig_create(profile =>)';
COMMENT ON COLUMN flitmig.profile.doc IS 'The profile; src/mapping/PROFILES.md describes it';
COMMENT ON COLUMN flitmig.profile.builtin IS 'Ships with the extension, and is not dumped';

COMMENT ON COLUMN flitmig.progress.migration IS 'Name of the migration';
COMMENT ON COLUMN flitmig.progress.run IS 'Number of its newest run';
COMMENT ON COLUMN flitmig.progress.kind IS 'prepare, sample, run, delta, rollback, read';
COMMENT ON COLUMN flitmig.progress.state IS 'queued, running, done, failed, cancelled, interrupted';
COMMENT ON COLUMN flitmig.progress.phase IS 'What it is at';
COMMENT ON COLUMN flitmig.progress.done IS 'Records done';
COMMENT ON COLUMN flitmig.progress.total IS 'Records to do';
COMMENT ON COLUMN flitmig.progress.percent IS 'What is done of what the present phase counts, see unit; 100 only when the run is done';
COMMENT ON COLUMN flitmig.progress.calls IS 'Calls answered';
COMMENT ON COLUMN flitmig.progress.refusals IS 'Calls that the limit refused';
COMMENT ON COLUMN flitmig.progress.rate IS 'Records a second';
COMMENT ON COLUMN flitmig.progress.calls_per_minute IS 'Calls a minute';
COMMENT ON COLUMN flitmig.progress.call_limit IS 'Calls that the server allows in a window';
COMMENT ON COLUMN flitmig.progress.call_window IS 'That window';
COMMENT ON COLUMN flitmig.progress.eta IS 'Time left of the whole run: by the calls that it has still to make, the limit and the speed of this server';
COMMENT ON COLUMN flitmig.progress.elapsed IS 'Time since it began';
COMMENT ON COLUMN flitmig.progress.requested_by IS 'Who asked for it';
COMMENT ON COLUMN flitmig.progress.started_at IS 'When it began';
COMMENT ON COLUMN flitmig.progress.updated_at IS 'When it last wrote';
COMMENT ON COLUMN flitmig.progress.finished_at IS 'When it ended';
COMMENT ON COLUMN flitmig.progress.error IS 'Why it failed';
COMMENT ON COLUMN flitmig.progress.phase_done IS 'Of what the present phase counts, what is done';
COMMENT ON COLUMN flitmig.progress.phase_total IS 'What the present phase counts; NULL: it counts nothing';
COMMENT ON COLUMN flitmig.progress.unit IS 'What that is: records (of the whole run), calls, files';

COMMENT ON COLUMN flitmig.proposal_column.entity IS 'Kind of source table';
COMMENT ON COLUMN flitmig.proposal_column.column_name IS 'Its column';
COMMENT ON COLUMN flitmig.proposal_column.object IS 'Object of Twenty';
COMMENT ON COLUMN flitmig.proposal_column.kind IS 'What kind of column it is';
COMMENT ON COLUMN flitmig.proposal_column.telling IS 'How much the column tells about the entity';

COMMENT ON COLUMN flitmig.quarantine.run_id IS 'The run that set it aside';
COMMENT ON COLUMN flitmig.quarantine.kind IS 'refused by Twenty, held because of another, or file';
COMMENT ON COLUMN flitmig.quarantine.code IS 'The server''s code';
COMMENT ON COLUMN flitmig.quarantine.cause IS 'Why it is here, without a value: what a viewer sees, and the report';
COMMENT ON COLUMN flitmig.quarantine.reason IS 'The server''s own words, which may quote a value';
COMMENT ON COLUMN flitmig.quarantine.hash IS 'Hash of the payload that was refused';
COMMENT ON COLUMN flitmig.quarantine.since IS 'Since when';

COMMENT ON COLUMN flitmig.record.source_key IS 'Key of the row in the source';
COMMENT ON COLUMN flitmig.record.file_id IS 'File that its row stands in';
COMMENT ON COLUMN flitmig.record.line_no IS 'Line where the row begins';
COMMENT ON COLUMN flitmig.record.sequence IS 'Order of the row in the export';
COMMENT ON COLUMN flitmig.record.reason IS 'Why it is excluded';
COMMENT ON COLUMN flitmig.record.file_path IS 'Of an attachment: the file''s path below the imported directory';

COMMENT ON COLUMN flitmig.reject.line_no IS 'Line where the row begins';
COMMENT ON COLUMN flitmig.reject.reason IS 'Why it could not be staged';
COMMENT ON COLUMN flitmig.reject.raw IS 'The row, byte for byte';

COMMENT ON COLUMN flitmig.role_right.role IS 'Role';
COMMENT ON COLUMN flitmig.role_right.what IS 'operator or viewer';
COMMENT ON COLUMN flitmig.role_right.granted_by IS 'Who granted it';
COMMENT ON COLUMN flitmig.role_right.granted_at IS 'When';

COMMENT ON COLUMN flitmig.rollback_item.run_id IS 'The rollback';
COMMENT ON COLUMN flitmig.rollback_item.state IS 'What it found or did';
COMMENT ON COLUMN flitmig.rollback_item.why IS 'Why a record was kept';

COMMENT ON COLUMN flitmig.run.id IS 'Number';
COMMENT ON COLUMN flitmig.run.kind IS 'prepare, sample, run, delta, rollback, read';
COMMENT ON COLUMN flitmig.run.state IS 'queued, running, done, failed, cancelled, interrupted';
COMMENT ON COLUMN flitmig.run.phase IS 'What it is at';
COMMENT ON COLUMN flitmig.run.phase_no IS 'Number of that phase';
COMMENT ON COLUMN flitmig.run.cookie IS 'By which the caller knows its worker';
COMMENT ON COLUMN flitmig.run.options IS 'size, undo_run, force, dry_run as asked for';
COMMENT ON COLUMN flitmig.run.mapping_hash IS 'The mapping that it moves';
COMMENT ON COLUMN flitmig.run.requested_by IS 'Who asked for it';
COMMENT ON COLUMN flitmig.run.requested_at IS 'When';
COMMENT ON COLUMN flitmig.run.started_at IS 'When its worker began';
COMMENT ON COLUMN flitmig.run.finished_at IS 'When it ended';
COMMENT ON COLUMN flitmig.run.updated_at IS 'When it last wrote';
COMMENT ON COLUMN flitmig.run.told_at IS 'When those who LISTEN were told last';
COMMENT ON COLUMN flitmig.run.worker_pid IS 'Process of its worker';
COMMENT ON COLUMN flitmig.run.done IS 'Records done';
COMMENT ON COLUMN flitmig.run.total IS 'Records to do';
COMMENT ON COLUMN flitmig.run.calls IS 'Calls answered';
COMMENT ON COLUMN flitmig.run.refusals IS 'Calls that the limit refused';
COMMENT ON COLUMN flitmig.run.ends_at IS 'When it is expected to end, by the calls that it has still to make; NULL: nobody knows yet';
COMMENT ON COLUMN flitmig.run.foreseen_at IS 'When that was reckoned';
COMMENT ON COLUMN flitmig.run.foreseen_in IS 'How long reckoning it took: the longer, the less often it is done';
COMMENT ON COLUMN flitmig.run.error IS 'Why it failed: sqlstate, message, detail, hint';

COMMENT ON COLUMN flitmig.run_object.run_id IS 'The run';
COMMENT ON COLUMN flitmig.run_object.planned IS 'Records that it set out to send';
COMMENT ON COLUMN flitmig.run_object.again IS 'Records among them that get a second pass, for fields that point forward';
COMMENT ON COLUMN flitmig.run_object.unchanged IS 'Records that were stored already';

COMMENT ON COLUMN flitmig.server_limit.server IS 'Foreign server';
COMMENT ON COLUMN flitmig.server_limit.max_tokens IS 'Calls that it allows in a window';
COMMENT ON COLUMN flitmig.server_limit.window_ms IS 'That window, in milliseconds';
COMMENT ON COLUMN flitmig.server_limit.batch_size IS 'Records that it takes in a call';
COMMENT ON COLUMN flitmig.server_limit.learned_at IS 'When it said so';
COMMENT ON COLUMN flitmig.server_limit.refused_at IS 'When it last refused a call for want of a token, whoever had taken them';

COMMENT ON COLUMN flitmig.source_file.id IS 'Number';
COMMENT ON COLUMN flitmig.source_file.path IS 'Where it was read';
COMMENT ON COLUMN flitmig.source_file.staging_table IS 'Where its rows are; NULL: it has none';
COMMENT ON COLUMN flitmig.source_file.sha256 IS 'SHA-256 of its bytes';
COMMENT ON COLUMN flitmig.source_file.bytes IS 'Its size';
COMMENT ON COLUMN flitmig.source_file.format IS 'csv, tsv, json, ndjson, xlsx, or file: kept as it is';
COMMENT ON COLUMN flitmig.source_file.encoding IS 'Encoding that it was read in';
COMMENT ON COLUMN flitmig.source_file.delimiter IS 'Between its cells';
COMMENT ON COLUMN flitmig.source_file.quote IS 'Around its cells';
COMMENT ON COLUMN flitmig.source_file.newline IS 'Between its rows';
COMMENT ON COLUMN flitmig.source_file.header_rows IS 'Rows of its header';
COMMENT ON COLUMN flitmig.source_file.preamble_rows IS 'Lines above the header';
COMMENT ON COLUMN flitmig.source_file.header IS 'The header, verbatim';
COMMENT ON COLUMN flitmig.source_file.columns IS 'The staging columns beside it';
COMMENT ON COLUMN flitmig.source_file.rows_read IS 'Rows in it';
COMMENT ON COLUMN flitmig.source_file.rows_loaded IS 'Rows in staging';
COMMENT ON COLUMN flitmig.source_file.rows_rejected IS 'Rows in flitmig.reject';
COMMENT ON COLUMN flitmig.source_file.labels IS 'What only its name tells';
COMMENT ON COLUMN flitmig.source_file.note IS 'What is to be known about it';
COMMENT ON COLUMN flitmig.source_file.imported_at IS 'When it was imported';

COMMENT ON COLUMN flitmig.synonym.phrase IS 'A header, normalised';
COMMENT ON COLUMN flitmig.synonym.language IS 'Language of the words';
COMMENT ON COLUMN flitmig.synonym.builtin IS 'Ships with the extension, and is not dumped';

COMMENT ON COLUMN flitmig.synonym_word.means IS 'What it stands for';
COMMENT ON COLUMN flitmig.synonym_word.language IS 'Language of the word';
COMMENT ON COLUMN flitmig.synonym_word.builtin IS 'Ships with the extension, and is not dumped';

COMMENT ON COLUMN flitmig.target_field.name IS 'Field';
COMMENT ON COLUMN flitmig.target_field.type IS 'Twenty''s type; NULL: the server must have it';
COMMENT ON COLUMN flitmig.target_field.label IS 'As people will see it';
COMMENT ON COLUMN flitmig.target_field.icon IS 'Name of Twenty''s icon';
COMMENT ON COLUMN flitmig.target_field.description IS 'As people will see it';
COMMENT ON COLUMN flitmig.target_field.is_unique IS 'No two records may have the same value';
COMMENT ON COLUMN flitmig.target_field.options IS 'Of a select';
COMMENT ON COLUMN flitmig.target_field.settings IS 'Of the type';
COMMENT ON COLUMN flitmig.target_field.relation_object IS 'Object on the other side';
COMMENT ON COLUMN flitmig.target_field.relation_label IS 'Label on the other side';
COMMENT ON COLUMN flitmig.target_field.position IS 'Order in which they are made';

COMMENT ON COLUMN flitmig.target_object.name IS 'Object';
COMMENT ON COLUMN flitmig.target_object.name_plural IS 'As the API will name several';
COMMENT ON COLUMN flitmig.target_object.label IS 'As people will see it';
COMMENT ON COLUMN flitmig.target_object.label_plural IS 'As people will see several';
COMMENT ON COLUMN flitmig.target_object.icon IS 'Name of Twenty''s icon';
COMMENT ON COLUMN flitmig.target_object.description IS 'As people will see it';
COMMENT ON COLUMN flitmig.target_object.position IS 'Order in which they are made';

COMMENT ON COLUMN flitmig.undo.id IS 'Number; rollback goes backwards';
COMMENT ON COLUMN flitmig.undo.run_id IS 'The run that did it';
COMMENT ON COLUMN flitmig.undo.batch_id IS 'The call that did it';
COMMENT ON COLUMN flitmig.undo.action IS 'What was done';
COMMENT ON COLUMN flitmig.undo.field IS 'Field, for changes of the schema';
COMMENT ON COLUMN flitmig.undo.ids IS 'Records that it was done to';
COMMENT ON COLUMN flitmig.undo.before IS 'What was there before';
COMMENT ON COLUMN flitmig.undo.at IS 'When it was written, before the effect';
COMMENT ON COLUMN flitmig.undo.undone_by IS 'The rollback that took it back';

COMMENT ON COLUMN flitmig.upload.record_id IS 'The attachment''s record';
COMMENT ON COLUMN flitmig.upload.path IS 'Where the file lies';
COMMENT ON COLUMN flitmig.upload.name IS 'Its name in Twenty';
COMMENT ON COLUMN flitmig.upload.bytes IS 'Its size';
COMMENT ON COLUMN flitmig.upload.sha256 IS 'SHA-256 of its bytes when it was imported';
COMMENT ON COLUMN flitmig.upload.content_type IS 'Its media type';
COMMENT ON COLUMN flitmig.upload.dialect IS 'How this server takes files';
COMMENT ON COLUMN flitmig.upload.state IS 'planned, sent, done, missing, refused';
COMMENT ON COLUMN flitmig.upload.file_ref IS 'What the server calls it';
COMMENT ON COLUMN flitmig.upload.reason IS 'Why it did not go';

COMMENT ON COLUMN flitmig.value_map.name IS 'Name of the value map';
COMMENT ON COLUMN flitmig.value_map.source_value IS 'Value of the export, trimmed, lower case';
COMMENT ON COLUMN flitmig.value_map.target_value IS 'Value for Twenty; NULL: none';

/* Columns that mean the same wherever they stand. */
DO $shared$
DECLARE
	member	record;
BEGIN
	FOR member IN
		SELECT c.relname, a.attname, m.meaning
		FROM (VALUES
			('migration_id', 'The migration'),
			('object_map_id', 'The object map'),
			('object', 'Object of Twenty'),
			('id', 'Id of the record in Twenty, derived from its source key'),
			('file_id', 'The file'),
			('run_id', 'The run')) AS m(name, meaning)
		JOIN pg_catalog.pg_attribute a ON a.attname OPERATOR(pg_catalog.=) m.name
		JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) a.attrelid
		WHERE c.relnamespace OPERATOR(pg_catalog.=) 'flitmig'::pg_catalog.regnamespace AND c.relkind IN ('r', 'v')
			AND pg_catalog.col_description(c.oid, a.attnum) IS NULL
	LOOP
		EXECUTE pg_catalog.format('COMMENT ON COLUMN flitmig.%I.%I IS %L', member.relname, member.attname, member.meaning);
	END LOOP;
END
$shared$;
