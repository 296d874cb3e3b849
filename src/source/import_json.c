/*
 * import_json.c
 *		JSON files: what their rows are, their keys as columns, the rows.
 *
 * The file is read three times: for its outline, for all keys, for the rows.
 * So the table has its columns before the first row comes.
 */
#include "source/source.h"

#include "common/hashfn.h"

/* Raw keys (with quotes, in UTF-8) in the order in which they were first seen. */
typedef struct Keys
{
	char	  **text;
	size_t	   *length;
	int			count;
	int			size;
	int		   *table;			/* open addressing: index + 1 */
	uint32		mask;
	int			guess;			/* rows tend to have the same keys in the same order */
} Keys;

typedef struct JsonImport
{
	Import	   *import;
	Input	   *input;
	SourceFile *file;
	JsonReader *reader;
	Loader	   *loader;
	Encoding   *encoding;
	Keys		keys;
	int			value_column;	/* of elements that are no objects; -1: none */
	Bytes		decoded;		/* an element that was not plain UTF-8 */
	Bytes		text;			/* a string without its escapes */
} JsonImport;

static Encoding utf8 = {ENCODING_UTF8, "UTF-8"};

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

static void
keys_grow(Keys *keys)
{
	keys->size = keys->size ? keys->size * 2 : 64;
	keys->text = keys->text ? repalloc(keys->text, sizeof(char *) * keys->size) : palloc(sizeof(char *) * keys->size);
	keys->length = keys->length ? repalloc(keys->length, sizeof(size_t) * keys->size) : palloc(sizeof(size_t) * keys->size);
	keys->mask = keys->size * 4 - 1;
	keys->table = palloc0(sizeof(int) * keys->size * 4);
	for (int i = 0; i < keys->count; i++)
	{
		uint32		at = hash_bytes((const unsigned char *) keys->text[i], (int) keys->length[i]) & keys->mask;

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

/* The key's column; -1 when it is new and add is false. */
static int
keys_find(Keys *keys, const char *key, size_t length, bool add)
{
	uint32		at;

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
	if (!add)
		return -1;
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

/* The element in UTF-8. */
static const char *
element_text(JsonImport *j, size_t *length, Damage *damage)
{
	const char *data = json_element(j->reader);

	*length = j->reader->length;
	if (text_is_plain(j->encoding, data, *length))
		return data;
	j->decoded.length = 0;
	if (!text_decode(j->encoding, data, *length, &j->decoded, damage))
		out_of_memory();
	*length = j->decoded.length;
	return j->decoded.data;
}

static void
collect_keys(JsonImport *j)
{
	JsonResult	result;
	Damage		damage = {0};

	while ((result = json_reader_next(j->reader)) != JSON_END)
	{
		size_t		length,
					position = 0;
		const char *element;
		JsonMember	member;

		if (result == JSON_NO_MEMORY)
			out_of_memory();
		if (result == JSON_BROKEN)
			continue;
		element = element_text(j, &length, &damage);
		j->keys.guess = 0;
		if (element[0] == '{')
			while (json_member(element, length, &position, &member))
				keys_find(&j->keys, member.key, member.key_length, true);
		else
			j->value_column = 0;
	}
}

static char *
plain_text(const char *string, size_t length)
{
	Bytes		out = {0};
	Damage		damage = {0};
	char	   *result;

	if (!json_unescape(string, length, &out, &damage))
		out_of_memory();
	result = pnstrdup(out.data ? out.data : "", out.length);
	bytes_free(&out);
	return result;
}

static void
name_columns(JsonImport *j)
{
	int			count = j->keys.count + (j->value_column >= 0);
	char	  **header = palloc(sizeof(char *) * Max(count, 1));

	for (int i = 0; i < j->keys.count; i++)
		header[i] = plain_text(j->keys.text[i], j->keys.length[i]);
	if (j->value_column >= 0)
	{
		j->value_column = j->keys.count;
		header[j->value_column] = "value";
	}
	source_file_columns(j->file, header, count);
}

/* Stages one value: text of a string, JSON of everything else; null is NULL. */
static void
load_value(JsonImport *j, int column, const char *value, size_t length, Damage *damage)
{
	if (length == 4 && memcmp(value, "null", 4) == 0)
		return;
	j->text.length = 0;
	if (value[0] == '"' && memchr(value, '\\', length) == NULL)
		loader_cell(j->loader, column, value + 1, length - 2);
	else if (value[0] == '"')
	{
		if (!json_unescape(value, length, &j->text, damage))
			out_of_memory();
		loader_copy(j->loader, column, j->text.data, j->text.length);
	}
	else if (value[0] <= '9' || memchr(value, '\\', length) == NULL)
		loader_cell(j->loader, column, value, length);
	else
	{
		if (!json_clean(value, length, &j->text, damage))
			out_of_memory();
		loader_copy(j->loader, column, j->text.data, j->text.length);
	}
}

static void
reject(JsonImport *j, int64 line, const char *reason)
{
	const char *raw = json_element(j->reader);
	size_t		length = j->reader->length;
	Bytes		restored = {0};

	if (j->input->encoding.kind == ENCODING_CONVERTED)
	{
		if (!encoding_restore(&j->input->encoding, raw, length, &restored))
			out_of_memory();
		raw = restored.data;
		length = restored.length;
	}
	loader_reject(j->file, line, reason, raw ? raw : "", length);
	bytes_free(&restored);
	finding_add(&j->file->findings, "warning", "BROKEN_JSON", line, "Elements that are no JSON, or too wide for a table, are not staged",
				"Look at them: SELECT line_no, reason FROM flitmig.reject;");
}

/* False when the element has a key beyond the columns of a table. */
static bool
load_element(JsonImport *j, const char *element, size_t length, Damage *damage)
{
	size_t		position = 0;
	JsonMember	member;

	j->keys.guess = 0;
	if (element[0] != '{')
	{
		load_value(j, j->value_column, element, length, damage);
		return true;
	}
	while (json_member(element, length, &position, &member))
	{
		int			column = keys_find(&j->keys, member.key, member.key_length, false);

		if (column < 0 || column >= j->file->column_count)
			return false;
		load_value(j, column, member.value, member.value_length, damage);
	}
	return true;
}

static void
load_elements(JsonImport *j, bool by_line)
{
	JsonResult	result;

	while ((result = json_reader_next(j->reader)) != JSON_END)
	{
		int64		line = by_line ? j->reader->line : j->reader->ordinal;
		Damage		damage = {0};
		size_t		length;
		const char *element;

		if (result == JSON_NO_MEMORY)
			out_of_memory();
		j->file->rows_read++;
		if (result == JSON_BROKEN)
		{
			reject(j, line, j->reader->reason);
			continue;
		}
		element = element_text(j, &length, &damage);
		if (!load_element(j, element, length, &damage) || !loader_row(j->loader, line))
		{
			loader_forget_row(j->loader);
			reject(j, line, "too wide for a table");
			continue;
		}
		if (damage.invalid > 0)
			finding_add(&j->file->findings, "warning", "DAMAGED_TEXT", line,
						"Values hold bytes that mean nothing in the file's encoding, or half characters; they are staged as U+FFFD", NULL);
		if (damage.nuls > 0)
			finding_add(&j->file->findings, "info", "NUL_BYTES", line, "Values hold NUL characters; they are staged as U+FFFD", NULL);
	}
}

/* Imports one table of the file: all of it, or the array of one member. */
static void
import_part(Import *import, Input *input, JsonLayout layout, const char *member, const char *part)
{
	JsonImport *j = palloc0(sizeof(JsonImport));

	j->import = import;
	j->input = input;
	j->encoding = input->encoding.kind == ENCODING_CONVERTED ? &utf8 : &input->encoding;
	j->value_column = -1;
	j->reader = palloc0(sizeof(JsonReader));
	guard(release_import, j);
	j->file = source_file_begin(import, input, part, layout == JSON_LINES ? "ndjson" : "json");
	if (j->file == NULL)
		return;
	j->file->read_from = input;
	if (member && part == NULL)
		j->file->second_base = plain_text(member, strlen(member));

	open_reader(j, layout, member);
	collect_keys(j);
	name_columns(j);
	source_file_table(import, j->file);
	j->loader = loader_open(import, j->file);
	open_reader(j, layout, member);
	load_elements(j, layout == JSON_LINES);
	loader_close(j->loader);
	json_reader_free(j->reader);
	if (j->file->rows_read == 0)
		source_file_note(j->file, "no rows");
	source_file_end(import, j->file);
}

/* How many members are arrays of objects, and whether all others are plain values. */
static int
count_tables(const JsonOutline *outline, int *table, bool *others_are_plain)
{
	int			count = 0;

	*others_are_plain = true;
	for (int i = 0; i < outline->count; i++)
	{
		char		kind = outline->members[i].kind;

		if (kind == 'o')
		{
			count++;
			*table = i;
		}
		else if (kind == '[')
			*others_are_plain = false;
	}
	return count;
}

static bool
is_wrapper_key(const char *key)
{
	for (int i = 0; wrapper_keys[i]; i++)
	{
		size_t		n = strlen(wrapper_keys[i]);

		if (strlen(key) == n + 2 && pg_strncasecmp(key + 1, wrapper_keys[i], n) == 0)
			return true;
	}
	return false;
}

static void
release_outline(void *object)
{
	json_outline_free(object);
}

/* Several tables in one document: the document is their container. */
static void
import_document(Import *import, Input *input, JsonOutline *outline)
{
	SourceFile *whole = source_file_begin(import, input, NULL, "document");
	int			tables = 0;

	for (int i = 0; i < outline->count; i++)
		if (outline->members[i].kind == 'o')
		{
			import_part(import, input, JSON_MEMBER, outline->members[i].key,
						plain_text(outline->members[i].key, strlen(outline->members[i].key)));
			tables++;
		}
	source_file_note(whole, psprintf("%d tables", tables));
	source_file_end(import, whole);
}

void
import_json(Import *import, Input *input)
{
	JsonOutline *outline = palloc0(sizeof(JsonOutline));
	int			table = 0;
	bool		others_are_plain;
	int			tables;

	guard(release_outline, outline);
	if (!json_outline(input_text(input), outline))
		out_of_memory();
	tables = count_tables(outline, &table, &others_are_plain);
	if (!outline->one_object || tables == 0)
		import_part(import, input, outline->layout, NULL, NULL);
	else if (outline->count == 1 || (tables == 1 && others_are_plain && is_wrapper_key(outline->members[table].key)))
		import_part(import, input, JSON_MEMBER, outline->members[table].key, NULL);
	else if (tables == outline->count)
		import_document(import, input, outline);
	else
		import_part(import, input, outline->layout, NULL, NULL);
}
