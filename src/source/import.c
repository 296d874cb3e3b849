/*
 * import.c
 *		flitmig_import: what is asked for, file by file; what becomes of each.
 */
#include "source/source.h"

#include <dirent.h>
#include <sys/stat.h>

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(flitmig_import_path);
PG_FUNCTION_INFO_V1(flitmig_import_large_object);
PG_FUNCTION_INFO_V1(flitmig_column_name);
PG_FUNCTION_INFO_V1(flitmig_name_matches);

#define BEGINNING_BYTES (16 * 1024 * 1024) /* in which the first value of a file that may be JSON must end */

/* Sizes of staging tables, in blocks, up to which a smaller sample is taken for their statistics. */
#define TINY_TABLE_BLOCKS  400	/* 3 MB, some 20,000 rows */
#define SMALL_TABLE_BLOCKS 1000 /* 8 MB */

/* ---- one input ---- */

static bool
has_ending(const char *name, const char *const *endings)
{
	size_t length = strlen(name);

	for (int i = 0; endings[i]; i++)
	{
		size_t n = strlen(endings[i]);

		if (length > n && pg_strcasecmp(name + length - n, endings[i]) == 0)
			return true;
	}
	return false;
}

static void
keep_as_file(Import *import, Input *input, const char *note)
{
	SourceFile *file = source_file_begin(import, input, NULL, "file");

	source_file_note(file, note);
	source_file_end(import, file);
}

/* An old Excel workbook, a database: a table that this reader cannot open. */
static void
keep_unread(Import *import, Input *input, const char *hint)
{
	SourceFile *file = source_file_begin(import, input, NULL, "file");

	source_file_note(file, "cannot be read as a table");
	finding_add(&file->findings, "warning", "UNSUPPORTED_FORMAT", 0, "The file holds tables in a format that is not read", hint);
	source_file_end(import, file);
}

/* What the file is by its first bytes, when it says that it is a table and is none; NULL: nothing known. */
static const char *
disguise_of(const char *head, size_t length)
{
	static const struct
	{
		const char *start;
		const char *hint;
	} known[] = {
		{"%PDF-", "It is a PDF, whatever its name says. Ask for the export as CSV or Excel."},
		{"<!doctype", "It is a web page, whatever its name says. If it shows a table, open it in Excel or LibreOffice and save it as .xlsx; if it shows an error, export again."},
		{"<html", "It is a web page, whatever its name says. If it shows a table, open it in Excel or LibreOffice and save it as .xlsx; if it shows an error, export again."},
		{"<table", "It is a web page, whatever its name says. If it shows a table, open it in Excel or LibreOffice and save it as .xlsx; if it shows an error, export again."},
		{"<?xml", "It is XML, whatever its name says. If it is an Excel 2003 workbook, open it in Excel or LibreOffice and save it as .xlsx."},
		{"SQLite format 3", "It is an SQLite database: export its tables as CSV (sqlite3 -csv -header)."},
		{"{\\rtf", "It is a text document (RTF), whatever its name says. Ask for the export as CSV or Excel."},
	};
	size_t from = 0;

	while (from < length && (strchr(" \t\r\n", head[from]) && head[from]))
		from++;
	for (int i = 0; i < lengthof(known); i++)
		if (length - from >= strlen(known[i].start) && pg_strncasecmp(head + from, known[i].start, strlen(known[i].start)) == 0)
			return known[i].hint;
	return NULL;
}

/* A workbook under another name: an archive with a workbook's first part in it. */
static bool
is_workbook(Input *input)
{
	Archive *archive = archive_open(input);
	bool	 found = archive_find(archive, "xl/workbook.xml");

	archive_close(archive);
	return found;
}

/* Whether the first value of the text is JSON as a table's rows are: an object, or an array. */
static bool
begins_with_json(Input *input)
{
	JsonReader	reader;
	JsonOutline outline;
	bool		found = false;

	if (!json_outline(input_text(input), &outline))
		out_of_memory();
	json_outline_free(&outline);
	if (!json_reader_init(&reader, input_text(input), outline.layout, NULL))
		out_of_memory();
	reader.element_limit = BEGINNING_BYTES;
	found = json_reader_next(&reader) == JSON_ELEMENT && (json_element(&reader)[0] == '{' || outline.layout == JSON_ARRAY);
	json_reader_free(&reader);
	return found;
}

static bool
looks_like_json(Input *input)
{
	ByteSource source = input_text(input);
	char	   buf[512];
	ssize_t	   n = source.read(source.arg, buf, sizeof(buf));

	for (ssize_t i = 0; i < n; i++)
		if (!strchr(" \t\r\n", buf[i]))
			return buf[i] == '{' || buf[i] == '[';
	return false;
}

/* Which reader an input needs, by what it holds first and its name second. */
static void
import_by_format(Import *import, Input *input)
{
	static const char *const delimited[] = {".csv", ".tsv", ".tab", ".psv", NULL};
	static const char *const perhaps[] = {".txt", ".dat", ".asc", ".xls", ".data", ".export", NULL};
	static const char *const json[] = {".json", ".ndjson", ".jsonl", ".geojson", NULL};
	static const char *const workbook[] = {".xlsx", ".xlsm", NULL};
	static const char *const office[] = {".docx", ".pptx", ".odt", ".odp", ".docm", ".epub", ".jar", ".pages", NULL};
	static const char *const sheets[] = {".ods", ".fods", ".numbers", ".xlsb", NULL};
	static const char *const dumps[] = {".sql", ".dump", NULL};
	static const char *const cards[] = {".vcf", ".ics", ".hl7", NULL};
	static const char *const archives[] = {".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz", ".zst", ".7z", ".rar", NULL};
	static const char *const databases[] = {".mdb", ".accdb", ".sqlite", ".sqlite3", ".bak", ".fdb", ".mdf", ".dbf", NULL};
	char					 head[256] = {0};
	size_t					 got = input_peek(input, input->encoding.bom_length, head, sizeof(head));
	const char				*disguise = disguise_of(head, got);
	const char				*slash = strrchr(input->name, '/');
	bool					 nameless = strchr(slash ? slash : input->name, '.') == NULL;

	if (input->bytes <= input->encoding.bom_length)
		keep_as_file(import, input, "empty file");
	else if (has_ending(input->name, workbook) && memcmp(head, "PK", 2) == 0)
		import_workbook(import, input);
	else if (has_ending(input->name, sheets))
		keep_unread(import, input, "A spreadsheet of another program: open it there or in LibreOffice, and save it as .xlsx or .csv.");
	else if (has_ending(input->name, dumps))
		keep_unread(import, input, "A database's dump: restore it into a database, and export its tables as CSV.");
	else if (has_ending(input->name, cards))
		keep_unread(import, input, "Address cards, calendars and messages are kept as files; if what they hold is to move, ask for it as CSV.");
	else if (has_ending(input->name, office))
		keep_as_file(import, input, "kept as a file");
	else if (got >= 4 && memcmp(head, "PK\3\4", 4) == 0 && !has_ending(input->name, archives) && is_workbook(input))
		import_workbook(import, input);
	else if (has_ending(input->name, archives) || (got >= 4 && memcmp(head, "PK\3\4", 4) == 0))
		import_archive(import, input);
	else if (got >= 8 && memcmp(head, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", 8) == 0 &&
			 (has_ending(input->name, perhaps) || has_ending(input->name, workbook)))
		keep_unread(import, input, "Open it in Excel or LibreOffice, take its password off if it has one, and save it as .xlsx or .csv.");
	else if (has_ending(input->name, databases))
		keep_unread(import, input, "A database: export its tables as CSV (mdb-export, sqlite3 -csv -header, bcp), or ask the vendor for CSV.");
	else if (disguise && (has_ending(input->name, perhaps) || has_ending(input->name, delimited) || has_ending(input->name, workbook)))
		keep_unread(import, input, disguise);
	else if (has_ending(input->name, delimited) && looks_like_json(input) && begins_with_json(input))
		import_json(import, input);
	else if (has_ending(input->name, json) && !looks_like_json(input) && input_is_tabular(input))
		import_delimited(import, input);
	else if (has_ending(input->name, json) || ((nameless || import->seen == 1) && !has_ending(input->name, delimited) && looks_like_json(input) && begins_with_json(input)))
		import_json(import, input);
	else if (has_ending(input->name, delimited))
		import_delimited(import, input);
	else if ((nameless || has_ending(input->name, perhaps) || import_option(import, input->name, "delimiter")) && input_is_tabular(input))
		import_delimited(import, input);
	else
		keep_as_file(import, input, "kept as a file");
}

/*
 * Reads the input in the encoding that was asked for.  A name without a byte
 * order means the order that the file's mark, or its NUL bytes, show.
 */
static void
set_encoding(Input *input, const char *name)
{
	static const char *const families[][2] = {{"UTF-16", "UTF-16"}, {"UTF16", "UTF-16"}, {"UCS-2", "UTF-16"}, {"UCS2", "UTF-16"}, {"UNICODE", "UTF-16"}, {"UTF-32", "UTF-32"}, {"UTF32", "UTF-32"}, {"UCS-4", "UTF-32"}, {"UCS4", "UTF-32"}};
	int						 bom = input->encoding.bom_length;

	for (int i = 0; i < lengthof(families); i++)
		if (pg_strcasecmp(name, families[i][0]) == 0)
		{
			if (strncmp(input->encoding.name, families[i][1], 6) == 0)
				return;
			name = psprintf("%sLE", families[i][1]);
			break;
		}
	if (!encoding_by_name(&input->encoding, name))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("encoding \"%s\" is not known", name),
						errhint("Names are those of iconv, for example UTF-8, WINDOWS-1252, UTF-16LE.")));
	input->encoding.bom_length = bom;
	input->guessed = false;
}

/* Imports whatever the input is, and closes it. */
void
import_input(Import *import, Input *input)
{
	char *encoding;

	CHECK_FOR_INTERRUPTS();
	import->seen++;
	if (!imported_already(import, input, input->path, input->name))
	{
		encoding = import_option(import, input->name, "encoding");
		if (encoding)
			set_encoding(input, encoding);
		import_by_format(import, input);
		input_check_unchanged(input);
	}
	input_close(input);
}

/* ---- what is asked for ---- */

static void
import_one(Import *import, const char *path, const char *name)
{
	MemoryContext context = AllocSetContextCreate(import->context, "flitmig file", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);

	import_input(import, input_open_file(path, name));
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Names in a directory, sorted bytewise; what operating systems leave behind is not among them. */
static char **
list_directory(const char *path, int *count)
{
	DIR			  *dir = AllocateDir(path);
	int			   size = 64;
	char		 **names = palloc(sizeof(char *) * size);
	struct dirent *entry;

	*count = 0;
	while ((entry = ReadDir(dir, path)) != NULL)
	{
		if (entry->d_name[0] == '.' || strcmp(entry->d_name, "__MACOSX") == 0 ||
			pg_strcasecmp(entry->d_name, "Thumbs.db") == 0 || strncmp(entry->d_name, "~$", 2) == 0)
			continue;
		if (*count == size)
			names = repalloc(names, sizeof(char *) * (size *= 2));
		names[(*count)++] = pstrdup(entry->d_name);
	}
	FreeDir(dir);
	qsort(names, *count, sizeof(char *), compare_names);
	return names;
}

/* What stands in the directory or archive and is not read, so that nobody believes it was. */
void
leave_out(Import *import, const char *name, const char *message)
{
	List *findings = NIL;

	findings_clear(import->migration, name);
	finding_add(&findings, "warning", "NOT_READ", 0, message, "If it belongs to the export, put the files themselves there, and import again.");
	findings_store(import->migration, name, findings);
}

static void
import_directory(Import *import, const char *path, const char *prefix)
{
	int	   count;
	char **names = list_directory(path, &count);

	check_stack_depth();
	for (int i = 0; i < count; i++)
	{
		char	   *child = psprintf("%s/%s", path, names[i]);
		char	   *name = prefix[0] ? psprintf("%s/%s", prefix, names[i]) : names[i];
		struct stat target;
		struct stat link;

		if (lstat(child, &link) != 0 || (stat(child, &target) != 0 && !S_ISLNK(link.st_mode)))
			ereport(ERROR, (errcode_for_file_access(), errmsg("could not stat file \"%s\": %m", child)));
		if (S_ISLNK(link.st_mode) && stat(child, &target) != 0)
			leave_out(import, name, "The link leads nowhere");
		else if (S_ISDIR(target.st_mode) && !S_ISLNK(link.st_mode)) /* a link could lead back up */
			import_directory(import, child, name);
		else if (S_ISREG(target.st_mode))
			import_one(import, child, name);
		else
			leave_out(import, name, S_ISDIR(target.st_mode) ? "A link to a directory is not followed" : "It is neither a file nor a directory");
	}
}

static void
check_may_read_files(void)
{
	if (!superuser() && !has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("only roles with the privileges of pg_read_server_files may import files of the server"),
						errhint("GRANT pg_read_server_files TO %s;   or from the client: \\lo_import '<file>' and "
								"SELECT * FROM flitmig_import('<migration>', '<file>', :LASTOID);",
								quote_identifier(GetUserNameFromId(GetUserId(), false)))));
}

static char *
clean_path(text *path)
{
	char *clean = text_to_cstring(path);

	canonicalize_path(clean);
	if (!is_absolute_path(clean))
		ereport(ERROR, (errcode(ERRCODE_INVALID_NAME), errmsg("path \"%s\" is not absolute", clean),
						errhint("Name the file or directory from the root of the server's file system, for example '/srv/export'.")));
	return clean;
}

/* Opens the result and the migration, which nobody else imports into meanwhile. */
static Import *
begin_import(FunctionCallInfo fcinfo, text *migration, int options_argument)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Import		  *import;
	MemoryContext  old;
	SqlArguments   args = {0};

	if (result == NULL || !IsA(result, ReturnSetInfo) || !(result->allowedModes & SFRM_Materialize))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("flitmig_import must be called in FROM"),
						errhint("SELECT * FROM flitmig_import(…);")));
	if (GetDatabaseEncoding() != PG_UTF8)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("flitmig_import needs a database in UTF8, this one is in %s", GetDatabaseEncodingName()),
						errhint("CREATE DATABASE clinic ENCODING 'UTF8' TEMPLATE template0;")));

	old = MemoryContextSwitchTo(result->econtext->ecxt_per_query_memory);
	import = palloc0(sizeof(Import));
	import->context = AllocSetContextCreate(CurrentMemoryContext, "flitmig import", ALLOCSET_DEFAULT_SIZES);
	if (get_call_result_type(fcinfo, NULL, &import->row_desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	import->row_desc = CreateTupleDescCopy(import->row_desc);
	import->rows = tuplestore_begin_heap((result->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
	result->returnMode = SFRM_Materialize;
	result->setResult = import->rows;
	result->setDesc = import->row_desc;
	MemoryContextSwitchTo(old);

	SPI_connect();
	MemoryContextSwitchTo(import->context);
	import->migration_name = text_to_cstring(migration);
	if (!PG_ARGISNULL(options_argument))
		import->options = PG_GETARG_JSONB_P_COPY(options_argument);
	sql_text(&args, import->migration_name);
	if (sql_run("SELECT id, staging_schema FROM flitmig.migration WHERE name = $1 FOR NO KEY UPDATE", &args) == 0)
		sql_run("SELECT flitmig._migration_id($1)", &args); /* raises the error of all commands */
	import->migration = atoi(sql_value(0, 1));
	import->schema = sql_value(0, 2);
	/* the staging tables are the owner's, with whatever the owner hung on them */
	sql_run_once(psprintf("SELECT flitmig._require_owner_rights(%d)", import->migration));
	if (!OidIsValid(get_namespace_oid(import->schema, true)))
	{
		sql_run_once(psprintf("CREATE SCHEMA %s", quote_identifier(import->schema)));
		sql_run_once(psprintf("COMMENT ON SCHEMA %s IS %s", quote_identifier(import->schema),
							  quote_literal_cstr(psprintf("Staged exports of migration %s", import->migration_name))));
	}
	return import;
}

/*
 * Statistics for the mapping's joins, which come next, maybe in this
 * transaction.  A small sample tells enough (a target of 10 is 3,000 rows); of
 * a small table less, or it takes longer than reading the file: sorting the
 * sample of each column is what it costs, and a plan for so few rows can be
 * little worse than another.
 */
static const char *
statistics_target(BlockNumber blocks)
{
	if (blocks < TINY_TABLE_BLOCKS)
		return "1";
	return blocks < SMALL_TABLE_BLOCKS ? "5" : "10";
}

static void
analyze_table(Import *import, const char *table)
{
	int			level = NewGUCNestLevel();
	Relation	rel = table_open(get_relname_relid(table, get_namespace_oid(import->schema, false)), AccessShareLock);
	const char *target = statistics_target(RelationGetNumberOfBlocks(rel));

	table_close(rel, NoLock);
	(void) set_config_option("default_statistics_target", target, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	sql_run_once(psprintf("ANALYZE %s.%s", quote_identifier(import->schema), quote_identifier(table)));
	AtEOXact_GUC(true, level);
}

static Datum
end_import(Import *import)
{
	ListCell *cell;

	source_files_label(import);
	foreach (cell, import->tables)
	{
		census_take(import, strVal(lfirst(cell)));
		analyze_table(import, strVal(lfirst(cell)));
	}
	SPI_finish();
	MemoryContextDelete(import->context);
	return (Datum) 0;
}

/* flitmig_import(migration, path, options) */
Datum
flitmig_import_path(PG_FUNCTION_ARGS)
{
	Import	   *import;
	char	   *path;
	struct stat st;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("migration and path must not be NULL"),
						errhint("SELECT * FROM flitmig_import('<migration>', '/srv/export');")));
	check_may_read_files();
	import = begin_import(fcinfo, PG_GETARG_TEXT_PP(0), 2);
	path = clean_path(PG_GETARG_TEXT_PP(1));
	if (stat(path, &st) != 0)
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not open \"%s\": %m", path),
						errhint("The path is on the database server and is read by the operating system user that runs PostgreSQL. "
								"From the client: \\lo_import '<file>' and SELECT * FROM flitmig_import('%s', '<file>', :LASTOID);",
								import->migration_name)));
	if (S_ISDIR(st.st_mode))
		import_directory(import, path, "");
	else if (S_ISREG(st.st_mode))
		import_one(import, path, strrchr(path, '/') + 1);
	else
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is neither a file nor a directory", path)));
	if (import->seen == 0)
		ereport(ERROR, (errcode(ERRCODE_NO_DATA), errmsg("directory \"%s\" holds no files", path),
						errhint("Unpack or copy the export there, then: SELECT * FROM flitmig_import('%s', '%s');",
								import->migration_name, path)));
	return end_import(import);
}

/* flitmig_import(migration, file_name, large_object, options) */
Datum
flitmig_import_large_object(PG_FUNCTION_ARGS)
{
	Import *import;
	char   *name;
	char   *slash;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("migration, file_name and large_object must not be NULL"),
						errhint("\\lo_import 'patients.csv'  and then  SELECT * FROM flitmig_import('<migration>', 'patients.csv', :LASTOID);")));
	import = begin_import(fcinfo, PG_GETARG_TEXT_PP(0), 3);
	name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	slash = last_dir_separator(name);
	import_input(import, input_open_large_object(PG_GETARG_OID(2), slash ? slash + 1 : name));
	return end_import(import);
}

/* flitmig._column_name(header): a header as a column name, '' when nothing is left of it. */
Datum
flitmig_column_name(PG_FUNCTION_ARGS)
{
	text *header = PG_GETARG_TEXT_PP(0);
	char  name[NAME_LIMIT + 1];

	normal_name(VARDATA_ANY(header), VARSIZE_ANY_EXHDR(header), name);
	PG_RETURN_TEXT_P(cstring_to_text(name));
}

/* flitmig._name_matches(pattern, name) */
Datum
flitmig_name_matches(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(pattern_matches(text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1))));
}
