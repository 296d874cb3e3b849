/*
 * source_file.c
 *		The account of each file: flitmig.source_file, its columns and staging
 *		table, its row of the result.
 */
#include "source/source.h"

#include "catalog/pg_type.h"
#include "nodes/value.h"
#include "utils/array.h"
#include "utils/memutils.h"

#define COLUMN_LIMIT 1590 /* MaxHeapAttributeNumber less the fixed columns and some room */

/* The file name without its folder and endings: what profile patterns see. */
char *
file_base_name(const char *name)
{
	static const char *const packing[] = {".gz", ".bz2", ".xz", ".zst", NULL};
	const char				*slash = strrchr(name, '/');
	const char				*bang = strrchr(name, '!');
	char					*base = pstrdup(Max(slash ? slash + 1 : name, bang ? bang + 1 : name));
	char					*dot;

	for (int i = 0; packing[i]; i++)
	{
		size_t length = strlen(base),
			   n = strlen(packing[i]);

		if (length > n && pg_strcasecmp(base + length - n, packing[i]) == 0)
			base[length - n] = '\0';
	}
	dot = strrchr(base, '.');
	if (dot && dot > base)
		*dot = '\0';
	return base;
}

/* Formats of which source_file holds the whole and each part. */
#define CONTAINER_FORMATS "('archive', 'workbook', 'document')"

/* Takes back what was staged from a file, and from what is inside it. */
static void
forget_file(Import *import, const char *path)
{
	SqlArguments args = {0};
	uint64		 count;
	char	   **ids;
	char	   **tables;

	sql_int(&args, import->migration);
	sql_text(&args, path);
	count = sql_run("DELETE FROM flitmig.source_file WHERE migration_id = $1 AND (path = $2 OR starts_with(path, $2 || '!')) "
					"RETURNING id, staging_table",
					&args);
	ids = palloc(sizeof(char *) * Max(count, 1));
	tables = palloc(sizeof(char *) * Max(count, 1));
	for (uint64 i = 0; i < count; i++)
	{
		ids[i] = sql_value(i, 1);
		tables[i] = sql_value(i, 2);
	}
	for (uint64 i = 0; i < count; i++)
	{
		MemoryContext old;

		if (tables[i] == NULL)
			continue;
		sql_run_once(psprintf("DELETE FROM %s.%s WHERE _file = %s", quote_identifier(import->schema), quote_identifier(tables[i]), ids[i]));
		old = MemoryContextSwitchTo(import->context);
		import->tables = list_append_unique(import->tables, makeString(pstrdup(tables[i])));
		MemoryContextSwitchTo(old);
	}
}

/* Notes that these staging tables have other live rows than before: of the statement that has just run, its first column. */
static void
note_tables(Import *import, uint64 count)
{
	MemoryContext old = MemoryContextSwitchTo(import->context);

	for (uint64 i = 0; i < count; i++)
	{
		char *table = sql_value(i, 1);

		if (table)
			import->tables = list_append_unique(import->tables, makeString(table));
	}
	MemoryContextSwitchTo(old);
}

/* Tables that stand below the first one of a file come and go with it. */
static void
revive_tables_below(Import *import, Input *input, const char *name)
{
	SqlArguments args = {0};

	sql_int(&args, import->migration);
	sql_text(&args, name);
	sql_bytes(&args, input->sha256, SHA256_BYTES);
	note_tables(import, sql_run("UPDATE flitmig.source_file f SET superseded_by = p.id FROM flitmig.source_file p "
								"WHERE p.migration_id = $1 AND p.name = $2 AND p.superseded_by IS NULL "
								"AND f.migration_id = $1 AND starts_with(f.name, $2 || '!') AND f.sha256 <> $3 AND f.superseded_by IS NULL "
								"RETURNING f.staging_table",
								&args));
	note_tables(import, sql_run("UPDATE flitmig.source_file f SET superseded_by = nullif(p.id, f.id) FROM flitmig.source_file p "
								"WHERE p.migration_id = $1 AND starts_with(p.name, $2 || '!') AND p.sha256 = $3 "
								"AND f.migration_id = $1 AND f.name = p.name AND (f.superseded_by IS NULL OR f.id = p.id) RETURNING f.staging_table",
								&args));
}

/*
 * The same name with the same bytes needs no second import; it may need to be
 * made live again.  A container that was superseded is gone through once more:
 * its parts are in already, each is made live again by itself.
 */
bool
imported_already(Import *import, Input *input, const char *path, const char *name)
{
	SqlArguments  args = {0};
	Datum		  values[8] = {0};
	bool		  nulls[8] = {true, false, false, false, true, true, true, false};
	bool		  superseded;
	char		 *table;
	char		 *again;
	MemoryContext old;

	if (import->options && (again = import_option(import, name, "again")) != NULL && strcmp(again, "true") == 0)
	{
		forget_file(import, path);
		return false;
	}
	sql_int(&args, import->migration);
	sql_text(&args, name);
	sql_bytes(&args, input->sha256, SHA256_BYTES);
	sql_text(&args, path);
	if (sql_run("SELECT id, superseded_by, staging_table, name FROM flitmig.source_file "
				"WHERE migration_id = $1 AND sha256 = $3 AND (name = $2 OR path = $4) "
				"AND NOT (superseded_by IS NOT NULL AND format IN " CONTAINER_FORMATS ") "
				"ORDER BY superseded_by IS NOT NULL, name <> $2, id DESC LIMIT 1",
				&args) == 0)
		return false;
	superseded = sql_value(0, 2) != NULL;
	table = sql_value(0, 3);
	nulls[0] = table == NULL;
	if (table)
		values[0] = CStringGetTextDatum(table);
	values[1] = CStringGetTextDatum(name);
	values[2] = values[3] = Int64GetDatum(0);
	values[7] = CStringGetTextDatum(superseded ? "imported before, live again" : import->options ? "already imported; to read it anew: options => '{\"again\": true, …}'"
																								 : "already imported");
	tuplestore_putvalues(import->rows, import->row_desc, values, nulls);
	if (superseded)
	{
		int	  id = atoi(sql_value(0, 1));
		char *known_as = sql_value(0, 4);

		args.count = 0;
		sql_int(&args, import->migration);
		sql_text(&args, known_as);
		sql_int(&args, id);
		sql_run("UPDATE flitmig.source_file SET superseded_by = nullif($3, id) "
				"WHERE migration_id = $1 AND name = $2 AND (superseded_by IS NULL OR id = $3)",
				&args);
		old = MemoryContextSwitchTo(import->context);
		if (table)
			import->tables = list_append_unique(import->tables, makeString(pstrdup(table)));
		MemoryContextSwitchTo(old);
		revive_tables_below(import, input, known_as);
	}
	return true;
}

/* Writes the account's row; an earlier file of that name is superseded, and so are the sheets and tables in it. */
static void
store_source_file(Import *import, SourceFile *file, Input *input)
{
	SqlArguments args = {0};
	uint64		 replaced;

	sql_int(&args, import->migration);
	sql_text(&args, file->path);
	sql_text(&args, file->name);
	sql_bytes(&args, input->sha256, SHA256_BYTES);
	sql_bigint(&args, input->bytes);
	sql_text(&args, file->format);
	sql_run("INSERT INTO flitmig.source_file (migration_id, path, name, sha256, bytes, format) "
			"VALUES ($1, $2, $3, $4, $5, $6) "
			"ON CONFLICT (migration_id, path, sha256) DO UPDATE SET superseded_by = NULL, imported_at = now() RETURNING id",
			&args);
	file->id = atoi(sql_value(0, 1));

	args.count = 0;
	sql_int(&args, import->migration);
	sql_text(&args, file->name);
	sql_int(&args, file->id);
	replaced = sql_run("UPDATE flitmig.source_file SET superseded_by = $3 "
					   "WHERE migration_id = $1 AND name = $2 AND id <> $3 AND superseded_by IS NULL RETURNING staging_table",
					   &args);
	for (uint64 i = 0; i < replaced; i++)
	{
		char		 *table = sql_value(i, 1);
		MemoryContext old = MemoryContextSwitchTo(import->context);

		if (table)
			import->tables = list_append_unique(import->tables, makeString(pstrdup(table)));
		file->note = "replaces an earlier export";
		MemoryContextSwitchTo(old);
	}
	if (file->first_path == NULL && strcmp(file->format, "archive") != 0)
		note_tables(import, sql_run("UPDATE flitmig.source_file SET superseded_by = $3 "
									"WHERE migration_id = $1 AND starts_with(name, $2 || '!') AND superseded_by IS NULL "
									"AND sha256 <> (SELECT sha256 FROM flitmig.source_file WHERE id = $3) RETURNING staging_table",
									&args));
	findings_clear(import->migration, file->name);
}

static void
release_file(void *object)
{
	SourceFile *file = object;

	bytes_free(&file->restored);
}

SourceFile *
source_file_begin(Import *import, Input *input, const char *part, const char *format)
{
	SourceFile *file = palloc0(sizeof(SourceFile));

	guard(release_file, file);
	file->path = part ? psprintf("%s!%s", input->path, part) : input->path;
	file->name = part ? psprintf("%s!%s", input->name, part) : input->name;
	file->base = part ? pstrdup(part) : file_base_name(input->name);
	file->format = format;
	file->encoding = input->encoding.name;
	file->input = input;
	if (part && imported_already(import, input, file->path, file->name))
		return NULL;
	store_source_file(import, file, input);
	return file;
}

/* The account of another table that stands below the one of this account, in the same file. */
SourceFile *
source_file_below(Import *import, SourceFile *above, const char *title)
{
	SourceFile *file = palloc0(sizeof(SourceFile));
	const char *first = above->first_path ? above->first_path : above->path;

	guard(release_file, file);
	file->first_path = first;
	file->first_name = above->first_name ? above->first_name : above->name;
	file->path = psprintf("%s!%s", first, title);
	file->name = psprintf("%s!%s", file->first_name, title);
	file->base = title;
	file->own_table = psprintf("%s_%s", file_base_name(file->first_name), title);
	file->format = above->format;
	file->encoding = above->encoding;
	file->input = above->input;
	if (imported_already(import, file->input, file->path, file->name))
		return NULL;
	store_source_file(import, file, file->input);
	return file;
}

void
source_file_note(SourceFile *file, const char *note)
{
	file->note = file->note ? psprintf("%s; %s", note, file->note) : note;
}

/* Tells of an encoding that nothing but the letters in the file has told. */
void
source_file_encoding(SourceFile *file, const Input *input)
{
	if (input->guessed)
		finding_add(&file->findings, "info", "ENCODING_GUESSED", 0, psprintf("The file is not UTF-8; by its letters it is %s", input->encoding.name),
					"Look at names with accents; if they are wrong: options => '{\"encoding\": \"windows-1252\", \"again\": true}'");
}

static char *
visible_delimiter(const SourceFile *file)
{
	if (file->delimiter == '\t')
		return "tab";
	if (file->delimiter > 0 && file->delimiter < ' ')
		return psprintf("\\x%02x", file->delimiter);
	return file->delimiter ? psprintf("%c", file->delimiter) : NULL;
}

/* Says in the note what was found that is more than information: each code once, whatever the columns. */
static void
note_findings(SourceFile *file)
{
	for (int i = 0; i < list_length(file->findings); i++)
	{
		Finding *finding = list_nth(file->findings, i);
		int64	 count = 0;
		bool	 told = false;

		for (int j = 0; j < list_length(file->findings); j++)
		{
			Finding *other = list_nth(file->findings, j);

			if (strcmp(other->code, finding->code) != 0)
				continue;
			told |= j < i;
			count += other->count;
		}
		if (strcmp(finding->severity, "info") != 0 && !told)
			file->note = psprintf("%s%s%s " INT64_FORMAT, file->note ? file->note : "", file->note ? "; " : "", finding->code, count);
	}
}

/* Writes the account and gives the row of the result. */
void
source_file_end(Import *import, SourceFile *file)
{
	SqlArguments  args = {0};
	Datum		  values[8];
	bool		  nulls[8] = {false};
	MemoryContext old;
	char		  quote[2] = {file->quote, '\0'};
	char		  delimiter[2] = {file->delimiter, '\0'};

	note_findings(file);
	originals_store(file);
	sql_int(&args, file->id);
	sql_text(&args, file->table);
	sql_text(&args, file->table ? file->encoding : NULL);
	sql_text(&args, file->delimiter ? delimiter : NULL);
	sql_text(&args, file->quote ? quote : NULL);
	sql_text(&args, file->newline);
	sql_int(&args, file->header_rows);
	sql_int(&args, file->preamble_rows);
	sql_texts(&args, file->header, file->column_count);
	sql_texts(&args, file->columns, file->column_count);
	sql_bigint(&args, file->rows_read);
	sql_bigint(&args, file->rows_loaded);
	sql_bigint(&args, file->rows_rejected);
	sql_text(&args, file->note);
	sql_text(&args, file->format);
	if (file->table == NULL)
		args.nulls[8] = args.nulls[9] = 'n';
	sql_run("UPDATE flitmig.source_file f SET format = $15, staging_table = $2, encoding = $3, delimiter = $4, quote = $5, newline = $6, "
			"header_rows = $7, preamble_rows = $8, header = $9, columns = $10, rows_read = $11, rows_loaded = $12, "
			"rows_rejected = $13, note = $14 WHERE f.id = $1",
			&args);
	findings_store(import->migration, file->name, file->findings);
	if (file->rows_read != file->rows_loaded + file->rows_rejected)
		elog(ERROR, "rows read, loaded and rejected do not add up for file \"%s\"", file->name);

	values[0] = args.values[1];
	nulls[0] = file->table == NULL;
	values[1] = CStringGetTextDatum(file->name);
	values[2] = args.values[10];
	values[3] = args.values[12];
	values[4] = args.values[2];
	nulls[4] = file->table == NULL;
	nulls[5] = visible_delimiter(file) == NULL;
	values[5] = nulls[5] ? (Datum) 0 : CStringGetTextDatum(visible_delimiter(file));
	nulls[6] = file->header_text == NULL;
	values[6] = nulls[6] ? (Datum) 0 : CStringGetTextDatum(file->header_text);
	nulls[7] = file->note == NULL;
	values[7] = nulls[7] ? (Datum) 0 : CStringGetTextDatum(file->note);
	tuplestore_putvalues(import->rows, import->row_desc, values, nulls);

	old = MemoryContextSwitchTo(import->context);
	import->files = lappend_int(import->files, file->id);
	if (file->table)
		import->tables = list_append_unique(import->tables, makeString(pstrdup(file->table)));
	MemoryContextSwitchTo(old);
}

/* Reads the labels of all files out of their names: in one statement, whose functions are set up once. */
void
source_files_label(Import *import)
{
	SqlArguments args = {0};
	Datum		*ids = palloc(sizeof(Datum) * Max(list_length(import->files), 1));
	int			 count = 0;
	ListCell	*cell;

	foreach (cell, import->files)
		ids[count++] = Int32GetDatum(lfirst_int(cell));
	sql_int(&args, import->migration);
	sql_datum(&args, INT4ARRAYOID, PointerGetDatum(construct_array(ids, count, INT4OID, 4, true, TYPALIGN_INT)));
	sql_run("UPDATE flitmig.source_file f "
			"SET labels = flitmig._file_labels(f.name, f.staging_table IS NOT NULL, m.profile_doc#>ARRAY['entities', f.staging_table, 'labels']) "
			"FROM flitmig.migration m WHERE m.id = $1 AND f.migration_id = m.id AND f.id = ANY ($2)",
			&args);
}

/* ---- columns and table ---- */

static bool
name_is_taken(char **names, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

void
source_file_columns(SourceFile *file, char **header, int count)
{
	int twins = 0;

	if (count > COLUMN_LIMIT)
	{
		finding_add(&file->findings, "error", "TOO_MANY_COLUMNS", 1,
					"The file has more columns than a table can have; rows with more than 1590 cells are not staged",
					"Export fewer columns at a time.");
		count = COLUMN_LIMIT;
	}
	file->header = header;
	file->column_count = count;
	file->columns = palloc(sizeof(char *) * Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		char  name[NAME_LIMIT + 1];
		char *unique;

		normal_name(header[i], strlen(header[i]), name);
		if (name[0] == '\0')
			snprintf(name, sizeof(name), "column_%d", i + 1);
		unique = pstrdup(name);
		for (int n = 2; name_is_taken(file->columns, i, unique); n++)
		{
			char suffix[16];

			snprintf(suffix, sizeof(suffix), "_%d", n);
			unique = psprintf("%.*s%s", (int) (NAME_LIMIT - strlen(suffix)), name, suffix);
			twins += n == 2;
		}
		file->columns[i] = unique;
	}
	if (twins > 0)
		finding_add(&file->findings, "info", "DUPLICATE_HEADER", Max(file->header_line, 1),
					"Several columns have the same header; the later ones are named _2, _3, …", NULL)
			->count = twins;
	file->header_text = psprintf("%d column%s", count, count == 1 ? "" : "s");
}

#define MATCHES 256 /* answers that are kept */

/* What the profile says of a file of that name and those columns. */
typedef struct EntityMatch
{
	const char *name;
	const char *wanted;
	char	  **columns;
	int			column_count;
	const char *entity; /* NULL: none matches */
	const char *missing;
} EntityMatch;

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Files of many folders have the same names and columns: the answer for an earlier one; NULL: not asked yet. */
static const EntityMatch *
known_match(Import *import, SourceFile *file, const char *name, const char *wanted)
{
	ListCell *cell;

	foreach (cell, import->matches)
	{
		const EntityMatch *match = lfirst(cell);
		bool			   same = match->column_count == file->column_count && same_text(match->name, name) && same_text(match->wanted, wanted);

		for (int i = 0; same && i < file->column_count; i++)
			same = strcmp(match->columns[i], file->columns[i]) == 0;
		if (same)
			return match;
	}
	return NULL;
}

/* Asks the profile which entity a file of these names is. */
static const EntityMatch *
ask_match(Import *import, SourceFile *file, const char *name, const char *wanted)
{
	SqlArguments  args = {0};
	MemoryContext old;
	EntityMatch	 *match;
	uint64		  found;

	sql_int(&args, import->migration);
	sql_text(&args, name);
	sql_texts(&args, file->columns, file->column_count);
	sql_text(&args, wanted);
	found = sql_run("SELECT entity, missing FROM flitmig._match_entity($1, $2, $3, $4)", &args);
	old = MemoryContextSwitchTo(import->context);
	match = palloc0(sizeof(EntityMatch));
	if (found > 0)
	{
		match->entity = sql_value(0, 1);
		match->missing = sql_value(0, 2);
	}
	match->name = pstrdup(name);
	match->wanted = wanted ? pstrdup(wanted) : NULL;
	match->column_count = file->column_count;
	match->columns = palloc(sizeof(char *) * Max(file->column_count, 1));
	for (int i = 0; i < file->column_count; i++)
		match->columns[i] = pstrdup(file->columns[i]);
	if (list_length(import->matches) < MATCHES)
		import->matches = lappend(import->matches, match);
	MemoryContextSwitchTo(old);
	return match;
}

/* The entity of that name, by the profile's patterns; false when none matches. */
static bool
match_entity(Import *import, SourceFile *file, const char *name, const char *wanted)
{
	const EntityMatch *match;
	const char		  *missing;

	match = known_match(import, file, name, wanted);
	if (match == NULL)
		match = ask_match(import, file, name, wanted);
	if (match->entity == NULL)
		return false;
	file->table = match->entity;
	missing = match->missing;
	if (missing)
		finding_add(&file->findings, "error", "HEADER_MISMATCH", Max(file->header_line, 1),
					psprintf("The file looks like %s by its name but has no column %s", file->table, missing),
					psprintf("Is it the right export? If a header is only spelled differently, add the spelling to "
							 "entities.%s.columns of flitmig.migration.profile_doc and import again",
							 file->table));
	return true;
}

/*
 * Chooses the staging table: the entity of the profile whose patterns match
 * best, one that has all its required columns first; else the file's own name.
 */
void
source_file_table(Import *import, SourceFile *file)
{
	char	   *wanted = import_option(import, file->name, "table");
	const char *own = wanted ? wanted : file->own_table ? file->own_table
														: file->base;
	char		name[NAME_LIMIT + 1];

	if (match_entity(import, file, file->base, wanted) ||
		(file->second_base && !wanted && match_entity(import, file, file->second_base, NULL)))
		return;
	normal_name(own, strlen(own), name);
	file->table = name[0] ? pstrdup(name) : "table";
}

char *
import_option(Import *import, const char *name, const char *key)
{
	SqlArguments args = {0};

	if (import->options == NULL)
		return NULL;
	sql_jsonb(&args, import->options);
	sql_text(&args, name);
	sql_text(&args, key);
	sql_run("SELECT flitmig._file_option($1, $2, $3)", &args);
	return sql_value(0, 1);
}
