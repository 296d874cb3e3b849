/*
 * import_json.c
 *		JSON files: what their rows are, their keys as columns, the rows.
 *
 * The file is read three times: for its outline, for all keys, for the rows.
 * So the table has its columns before the first row comes.
 */
#include "source/source.h"

#include "common/hashfn.h"

/* Keys as they are written, with their quotes, in the order in which they were first seen. */
typedef struct Keys
{
	char  **text;
	size_t *length;
	int64  *line; /* where it was first seen */
	int		count;
	int		size;
	int	   *table; /* open addressing: index + 1 */
	uint32	mask;
	int		guess; /* rows tend to have the same keys in the same order */
} Keys;

typedef struct JsonImport
{
	Import		   *import;
	Input		   *input;
	SourceFile	   *file;
	JsonReader	   *reader;
	Loader		   *loader;
	const Encoding *encoding;
	Keys			keys;
	int				value_column; /* of elements that are no objects; -1: none */
	int64		   *given;		  /* of each column: the last element (from 1) that gave it a value */
	Bytes			decoded;	  /* a value that was not plain UTF-8 */
	Bytes			text;		  /* a string without its escapes */
	bool			one_object;	  /* the file is one */
	int64			lists;		  /* lists that may be rows, but are staged as cells */
} JsonImport;

/* Names of arrays that hold an answer's rows, beside its page numbers and totals. */
static const char *const wrapper_keys[] = {"data", "items", "results", "records", "rows", "entry", "value", NULL};

static void
release_import(void *object)
{
	JsonImport *j = object;

	json_reader_free(j->reader);
	bytes_free(&j->decoded);
	bytes_free(&j->text);
}

/* ---- keys ---- */

/* Makes room for twice as many keys. */
static void
keys_grow(Keys *keys)
{
	keys->size = keys->size ? keys->size * 2 : 64;
	keys->text = keys->text ? repalloc(keys->text, sizeof(char *) * keys->size) : palloc(sizeof(char *) * keys->size);
	keys->length = keys->length ? repalloc(keys->length, sizeof(size_t) * keys->size) : palloc(sizeof(size_t) * keys->size);
	keys->line = keys->line ? repalloc(keys->line, sizeof(int64) * keys->size) : palloc(sizeof(int64) * keys->size);
	keys->mask = keys->size * 4 - 1;
	keys->table = palloc0(sizeof(int) * keys->size * 4);
	for (int i = 0; i < keys->count; i++)
	{
		uint32 at = hash_bytes((const unsigned char *) keys->text[i], (int) keys->length[i]) & keys->mask;

		while (keys->table[at])
			at = (at + 1) & keys->mask;
		keys->table[at] = i + 1;
	}
}

static inline bool
key_is(const Keys *keys, int i, const char *key, size_t length)
{
	return keys->length[i] == length && memcmp(keys->text[i], key, length) == 0;
}

/* The key's column; -1 when it is new and line, where it stands, is 0. */
static int
keys_find(Keys *keys, const char *key, size_t length, int64 line)
{
	uint32 at;

	if (keys->guess < keys->count && key_is(keys, keys->guess, key, length))
		return keys->guess++;
	if (keys->count * 2 >= keys->size)
		keys_grow(keys);
	for (at = hash_bytes((const unsigned char *) key, (int) length) & keys->mask; keys->table[at]; at = (at + 1) & keys->mask)
		if (key_is(keys, keys->table[at] - 1, key, length))
		{
			keys->guess = keys->table[at];
			return keys->table[at] - 1;
		}
	if (line == 0)
		return -1;
	keys->line[keys->count] = line;
	keys->text[keys->count] = pnstrdup(key, length);
	keys->length[keys->count] = length;
	keys->table[at] = ++keys->count;
	keys->guess = keys->count;
	return keys->count - 1;
}

/* ---- elements ---- */

static void
open_reader(JsonImport *j, JsonLayout layout, const char *member)
{
	json_reader_free(j->reader);
	if (!json_reader_init(j->reader, input_text(j->input), layout, member))
		out_of_memory();
}

/* Where the element is, as the user can find it: its line, or which one of the array it is. */
static int64
element_line(JsonImport *j)
{
	return j->reader->layout == JSON_LINES ? j->reader->line : j->reader->ordinal;
}

/* Goes through the elements once, for their keys. */
static void
collect_keys(JsonImport *j)
{
	JsonResult result;

	while ((result = json_reader_next(j->reader)) != JSON_END)
	{
		size_t		position = 0;
		const char *element = json_element(j->reader);
		JsonMember	member;

		if (result == JSON_NO_MEMORY)
			out_of_memory();
		if (result == JSON_BROKEN)
			continue;
		j->keys.guess = 0;
		if (element[0] == '{')
			while (json_member(element, j->reader->length, &position, &member))
				keys_find(&j->keys, member.key, member.key_length, element_line(j));
		else
			j->value_column = 0;
	}
}

/* What a key says; damage: what it lost thereby. */
static char *
key_text(const Encoding *encoding, const char *key, size_t length, Damage *damage)
{
	Bytes decoded = {0};
	Bytes out = {0};
	char *result;

	if (!text_decode(encoding, key, length, &decoded, damage) || !json_unescape(decoded.data, decoded.length, &out, damage))
		out_of_memory();
	result = pnstrdup(out.data ? out.data : "", out.length);
	bytes_free(&decoded);
	bytes_free(&out);
	return result;
}

/* Makes columns of the keys. */
static void
name_columns(JsonImport *j)
{
	int		count = j->keys.count + (j->value_column >= 0);
	char  **header = palloc(sizeof(char *) * Max(count, 1));
	Damage *damage = palloc0(sizeof(Damage) * Max(count, 1));

	for (int i = 0; i < j->keys.count; i++)
		header[i] = key_text(j->encoding, j->keys.text[i], j->keys.length[i], &damage[i]);
	if (j->value_column >= 0)
	{
		j->value_column = j->keys.count;
		header[j->value_column] = "value";
	}
	source_file_columns(j->file, header, count);
	for (int i = 0; i < Min(j->keys.count, j->file->column_count); i++)
		if (damage[i].invalid > 0 || damage[i].nuls > 0)
		{
			damage_found(j->file, j->keys.line[i], j->file->columns[i], &damage[i]);
			original_keep(j->file, 0, j->file->columns[i], j->keys.text[i], j->keys.length[i]);
		}
	pfree(damage);
	j->given = palloc0(sizeof(int64) * Max(count, 1));
}

/* Stages one value: text of a string, JSON of everything else; null is NULL. */
static void
load_value(JsonImport *j, int column, const char *raw, size_t raw_length)
{
	Damage		damage = {0};
	const char *value = raw;
	size_t		length = raw_length;
	bool		decode = !text_is_plain(j->encoding, raw, raw_length);

	if (length == 4 && memcmp(value, "null", 4) == 0)
		return;
	if (decode)
	{
		j->decoded.length = 0;
		if (!text_decode(j->encoding, raw, raw_length, &j->decoded, &damage))
			out_of_memory();
		value = j->decoded.data;
		length = j->decoded.length;
	}
	j->text.length = 0;
	if (memchr(value, '\\', length) == NULL)
	{
		size_t quote = value[0] == '"';

		(decode ? loader_copy : loader_cell)(j->loader, column, value + quote, length - 2 * quote);
	}
	else
	{
		if (!(value[0] == '"' ? json_unescape : json_clean)(value, length, &j->text, &damage))
			out_of_memory();
		loader_copy(j->loader, column, j->text.data, j->text.length);
	}
	loader_damage(j->loader, column, raw, raw_length, &damage);
}

static void
reject(JsonImport *j, const char *reason)
{
	loader_reject(j->file, element_line(j), reason, json_element(j->reader), j->reader->length);
	finding_add(&j->file->findings, "warning", "BROKEN_JSON", element_line(j), "Elements that are no JSON, or too wide for a table, are not staged",
				"Look at them: SELECT line_no, reason FROM flitmig.reject;");
}

/* Whether a value of the only object of a file is a list of objects or lists, or has one in it. */
static bool
holds_lists(const char *value, size_t length)
{
	bool string = false,
		 list = false;

	if (value[0] != '[' && value[0] != '{')
		return false;
	for (size_t i = 0; i < length; i++)
	{
		if (string ? value[i] == '\\' : false)
			i++;
		else if (value[i] == '"')
			string = !string;
		else if (!string && list && (value[i] == '{' || value[i] == '['))
			return true;
		if (!string && strchr(" \t\r\n", value[i]) == NULL)
			list = value[i] == '[';
	}
	return false;
}

/* False when the element has a key beyond the columns of a table; repeated: a key stands in it twice. */
static bool
load_element(JsonImport *j, int64 number, bool *repeated)
{
	const char *element = json_element(j->reader);
	size_t		position = 0;
	JsonMember	member;

	j->keys.guess = 0;
	if (element[0] != '{')
	{
		j->lists += element[0] == '[';
		load_value(j, j->value_column, element, j->reader->length);
		return true;
	}
	while (json_member(element, j->reader->length, &position, &member))
	{
		int column = keys_find(&j->keys, member.key, member.key_length, 0);

		if (column < 0 || column >= j->file->column_count)
			return false;
		*repeated |= j->given[column] == number;
		j->given[column] = number;
		j->lists += j->one_object && holds_lists(member.value, member.value_length);
		load_value(j, column, member.value, member.value_length);
	}
	return true;
}

/* Stages all elements. */
static void
load_elements(JsonImport *j)
{
	JsonResult result;

	for (int64 number = 1; (result = json_reader_next(j->reader)) != JSON_END; number++)
	{
		bool repeated = false;

		if (result == JSON_NO_MEMORY)
			out_of_memory();
		j->file->rows_read++;
		if (result == JSON_BROKEN)
		{
			reject(j, j->reader->reason);
			continue;
		}
		if (!load_element(j, number, &repeated) || !loader_row(j->loader, element_line(j)))
		{
			loader_forget_row(j->loader);
			reject(j, "too wide for a table");
			continue;
		}
		if (repeated)
		{
			original_keep(j->file, element_line(j), NULL, json_element(j->reader), j->reader->length);
			finding_add(&j->file->findings, "warning", "REPEATED_KEY", element_line(j),
						"Objects have a key twice; the last value is staged, flitmig.original has the whole object", NULL);
		}
	}
}

/* Page numbers, totals and the like that stand beside the array of rows. */
static void
keep_others(SourceFile *file, const JsonOutline *outline)
{
	for (int i = 0; i < outline->count; i++)
	{
		const JsonOutlineMember *member = &outline->members[i];
		StringInfoData			 text;

		if (member->value == NULL)
			continue;
		initStringInfo(&text);
		appendStringInfo(&text, "%s:", member->key);
		appendBinaryStringInfo(&text, member->value, (int) member->value_length);
		original_keep(file, 0, NULL, text.data, (size_t) text.len);
		pfree(text.data);
	}
}

/* A resource of FHIR is one row, whatever lists it has. */
static bool
is_resource(const JsonOutline *outline)
{
	for (int i = 0; i < outline->count; i++)
		if (strcmp(outline->members[i].key, "\"resourceType\"") == 0)
			return true;
	return false;
}

/* Imports one table of the file: all of it (with an outline: one object), or the array of one member beside the others of the outline. */
static void
import_part(Import *import, Input *input, JsonLayout layout, const char *member, const char *part, const JsonOutline *outline)
{
	JsonImport *j = palloc0(sizeof(JsonImport));
	Damage		damage = {0};

	j->import = import;
	j->input = input;
	j->encoding = input->encoding.kind == ENCODING_CONVERTED ? &encoding_transcoded : &input->encoding;
	j->value_column = -1;
	j->reader = palloc0(sizeof(JsonReader));
	guard(release_import, j);
	j->file = source_file_begin(import, input, part, layout == JSON_LINES ? "ndjson" : "json");
	if (j->file == NULL)
		return;
	j->file->read_from = input;
	j->file->converted_from = input->encoding.kind == ENCODING_CONVERTED ? &input->encoding : NULL;
	j->one_object = outline != NULL && member == NULL && !is_resource(outline);
	if (outline && member)
		keep_others(j->file, outline);
	if (member && part == NULL)
		j->file->second_base = key_text(j->encoding, member, strlen(member), &damage);

	source_file_encoding(j->file, input);
	open_reader(j, layout, member);
	collect_keys(j);
	name_columns(j);
	source_file_table(import, j->file);
	j->loader = loader_open(import, j->file);
	open_reader(j, layout, member);
	load_elements(j);
	loader_close(j->loader);
	json_reader_free(j->reader);
	if (j->lists > 0)
		finding_add(&j->file->findings, "warning", "JSON_LISTS", 1, "Rows are lists, or one object has lists of them: they are staged as JSON in cells, not as rows and columns",
					"Make an array of objects of it (for example with jq) and import that.")
			->count = j->lists;
	if (j->file->rows_read == 0)
		source_file_note(j->file, "no rows");
	source_file_end(import, j->file);
}

/* How many members are arrays of objects, and whether all others are plain values. */
static int
count_tables(const JsonOutline *outline, int *table, bool *others_are_plain)
{
	int count = 0;

	*others_are_plain = true;
	for (int i = 0; i < outline->count; i++)
	{
		char kind = outline->members[i].kind;

		if (kind == 'o')
		{
			count++;
			*table = i;
		}
		else if (outline->members[i].value == NULL)
			*others_are_plain = false;
	}
	return count;
}

static bool
is_wrapper_key(const char *key)
{
	for (int i = 0; wrapper_keys[i]; i++)
	{
		size_t n = strlen(wrapper_keys[i]);

		if (strlen(key) == n + 2 && pg_strncasecmp(key + 1, wrapper_keys[i], n) == 0)
			return true;
	}
	return false;
}

/* Whether what stands beside several tables tells of the export, not of a record that has lists. */
static bool
others_tell_of_export(const JsonOutline *outline)
{
	static const char *const words[] = {"export", "generated", "created", "version", "schema", "$schema", "meta", "clinic", "practice", "organi", "source", "format", "date", "time",
										"count", "total", "status", "success", "page", "next", "prev", "limit", "offset", "link", "info", "about", "type", "kind", NULL};

	for (int i = 0; i < outline->count; i++)
	{
		bool known = outline->members[i].kind == 'o';

		for (int w = 0; words[w] && !known; w++)
			known = ascii_begins(outline->members[i].key + 1, words[w]);
		if (!known)
			return false;
	}
	return true;
}

static void
release_outline(void *object)
{
	json_outline_free(object);
}

/* Several tables in one document: the document is their container, and has what stands beside them. */
static void
import_document(Import *import, Input *input, JsonOutline *outline)
{
	SourceFile *whole = source_file_begin(import, input, NULL, "document");
	int			tables = 0;

	keep_others(whole, outline);

	for (int i = 0; i < outline->count; i++)
		if (outline->members[i].kind == 'o')
		{
			const char *key = outline->members[i].key;
			Damage		damage = {0};

			import_part(import, input, JSON_MEMBER, key,
						key_text(input->encoding.kind == ENCODING_CONVERTED ? &encoding_transcoded : &input->encoding, key, strlen(key), &damage), NULL);
			tables++;
		}
	source_file_note(whole, psprintf("%d tables", tables));
	source_file_end(import, whole);
}

void
import_json(Import *import, Input *input)
{
	JsonOutline *outline = palloc0(sizeof(JsonOutline));
	int			 table = 0;
	bool		 others_are_plain;
	int			 tables;

	guard(release_outline, outline);
	if (!json_outline(input_text(input), outline))
		out_of_memory();
	tables = count_tables(outline, &table, &others_are_plain);
	if (!outline->one_object || tables == 0)
		import_part(import, input, outline->layout, NULL, NULL, outline->one_object ? outline : NULL);
	else if (outline->count == 1 || (tables == 1 && others_are_plain && is_wrapper_key(outline->members[table].key)))
		import_part(import, input, JSON_MEMBER, outline->members[table].key, NULL, outline);
	else if (tables == outline->count || (tables > 1 && others_are_plain && others_tell_of_export(outline) && !is_resource(outline)))
		import_document(import, input, outline);
	else
		import_part(import, input, outline->layout, NULL, NULL, outline);
}
