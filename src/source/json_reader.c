/*
 * json_reader.c
 *		JSON files as a stream of values; only one value is in memory.
 *
 * A value's end is found by its brackets and quotes alone; json_valid then
 * judges it by the grammar of RFC 8259.  So a broken value costs itself, not
 * the file.
 */
#include "source/text_core.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BUFFER_BYTES	(256 * 1024)
#define ELEMENT_LIMIT_BYTES	(0x3fffffff - 1024 * 1024)	/* what a PostgreSQL value can hold, less headers */
#define DEPTH_LIMIT			6400	/* what the server's own JSON parser takes, about */

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* ---- the grammar ---- */

static const char *
skip_spaces(const char *p, const char *end)
{
	while (p < end && is_space(*p))
		p++;
	return p;
}

/* Behind the string that starts at p; NULL when it is none. */
static const char *
valid_string(const char *p, const char *end)
{
	if (p == end || *p++ != '"')
		return NULL;
	while (p < end && *p != '"')
	{
		if ((unsigned char) *p < 0x20 && *p != '\t' && *p != '\0')
			return NULL;
		if (*p++ != '\\')
			continue;
		if (p == end)
			return NULL;
		if (*p == 'u')
		{
			if (end - p < 5)
				return NULL;
			for (int i = 1; i <= 4; i++)
				if (!strchr("0123456789abcdefABCDEF", p[i]) || p[i] == '\0')
					return NULL;
			p += 5;
		}
		else if (*p != '\0' && strchr("\"\\/bfnrt", *p))
			p++;
		else
			return NULL;
	}
	return p < end ? p + 1 : NULL;
}

static const char *
valid_digits(const char *p, const char *end)
{
	const char *from = p;

	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p > from ? p : NULL;
}

static const char *
valid_number(const char *p, const char *end)
{
	if (p < end && *p == '-')
		p++;
	p = valid_digits(p, end);
	if (p && p < end && *p == '.')
		p = valid_digits(p + 1, end);
	if (p && p < end && (*p == 'e' || *p == 'E'))
	{
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		p = valid_digits(p, end);
	}
	return p;
}

static const char *
valid_scalar(const char *p, const char *end)
{
	static const char *const words[] = {"true", "false", "null"};

	if (p == end)
		return NULL;
	if (*p == '"')
		return valid_string(p, end);
	for (int i = 0; i < 3; i++)
	{
		size_t		n = strlen(words[i]);

		if ((size_t) (end - p) >= n && memcmp(p, words[i], n) == 0)
			return p + n;
	}
	return valid_number(p, end);
}

/* Behind a key and its colon; NULL when there is none. */
static const char *
valid_key(const char *p, const char *end)
{
	p = valid_string(skip_spaces(p, end), end);
	if (p)
		p = skip_spaces(p, end);
	return p && p < end && *p == ':' ? p + 1 : NULL;
}

/* Behind the value that starts at p; NULL when it is none.  Brackets are kept as bits, not by recursion. */
static const char *
valid_value(const char *p, const char *end)
{
	unsigned char object[DEPTH_LIMIT / 8];	/* bit set: the bracket at that depth is a brace */
	int			depth = 0;

	for (;;)
	{
		p = skip_spaces(p, end);
		if (p < end && (*p == '{' || *p == '['))
		{
			bool		brace = *p == '{';

			if (depth == DEPTH_LIMIT)
				return NULL;
			object[depth / 8] = (unsigned char) (brace ? object[depth / 8] | 1 << depth % 8 : object[depth / 8] & ~(1 << depth % 8));
			depth++;
			p = skip_spaces(p + 1, end);
			if (p < end && *p == (brace ? '}' : ']'))
				goto closed;
			if (brace && (p = valid_key(p, end)) == NULL)
				return NULL;
			continue;
		}
		if ((p = valid_scalar(p, end)) == NULL)
			return NULL;
		for (;;)
		{
			bool		brace;

			if (depth == 0)
				return p;
			brace = object[(depth - 1) / 8] >> (depth - 1) % 8 & 1;
			p = skip_spaces(p, end);
			if (p == end)
				return NULL;
			if (*p == ',')
			{
				p++;
				if (brace && (p = valid_key(p, end)) == NULL)
					return NULL;
				break;
			}
			if (*p != (brace ? '}' : ']'))
				return NULL;
	closed:
			p++;
			depth--;
		}
	}
}

bool
json_valid(const char *data, size_t length)
{
	const char *end = data + length;
	const char *p = valid_value(data, end);

	return p && skip_spaces(p, end) == end;
}

/* ---- inside a value that is known to be valid ---- */

static const char *
string_end(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p < end ? p + 1 : end;
}

/* Behind the value that starts at p. */
static const char *
value_end(const char *p, const char *end)
{
	int			depth = 0;

	for (; p < end; p++)
	{
		if (*p == '"')
		{
			p = string_end(p, end);
			if (depth == 0)
				return p;
			p--;
		}
		else if (*p == '{' || *p == '[')
			depth++;
		else if (*p == '}' || *p == ']')
		{
			if (depth == 0)
				return p;
			if (--depth == 0)
				return p + 1;
		}
		else if (depth == 0 && (*p == ',' || *p == ':' || is_space(*p)))
			return p;
	}
	return end;
}

bool
json_member(const char *object, size_t length, size_t *position, JsonMember *member)
{
	const char *end = object + length;
	const char *p = object + *position;

	while (p < end && (is_space(*p) || *p == ',' || (*p == '{' && *position == 0)))
		p++;
	if (p >= end || *p != '"')
		return false;
	member->key = p;
	p = string_end(p, end);
	member->key_length = (size_t) (p - member->key);
	p = skip_spaces(p, end);
	if (p < end && *p == ':')
		p++;
	member->value = p = skip_spaces(p, end);
	p = value_end(p, end);
	member->value_length = (size_t) (p - member->value);
	*position = (size_t) (p - object);
	return true;
}

bool
json_item(const char *array, size_t length, size_t *position, const char **value, size_t *value_length)
{
	const char *end = array + length;
	const char *p = array + *position;

	if (*position == 0)
		p = skip_spaces(p, end) + 1;
	while (p < end && (is_space(*p) || *p == ','))
		p++;
	if (p >= end || *p == ']')
		return false;
	*value = p;
	p = value_end(p, end);
	*value_length = (size_t) (p - *value);
	*position = (size_t) (p - array);
	return true;
}

static unsigned
hex4(const char *p)
{
	unsigned	value = 0;

	for (int i = 0; i < 4; i++)
		value = value * 16 + (unsigned) (p[i] <= '9' ? p[i] - '0' : (p[i] | 32) - 'a' + 10);
	return value;
}

static size_t
put_utf8(unsigned c, char out[4])
{
	if (c < 0x80)
	{
		out[0] = (char) c;
		return 1;
	}
	if (c < 0x800)
	{
		out[0] = (char) (0xC0 | c >> 6);
		out[1] = (char) (0x80 | (c & 0x3F));
		return 2;
	}
	if (c < 0x10000)
	{
		out[0] = (char) (0xE0 | c >> 12);
		out[1] = (char) (0x80 | (c >> 6 & 0x3F));
		out[2] = (char) (0x80 | (c & 0x3F));
		return 3;
	}
	out[0] = (char) (0xF0 | c >> 18);
	out[1] = (char) (0x80 | (c >> 12 & 0x3F));
	out[2] = (char) (0x80 | (c >> 6 & 0x3F));
	out[3] = (char) (0x80 | (c & 0x3F));
	return 4;
}

/* The character of \uXXXX (p behind the u), with its other half if it has one. */
static unsigned
unescape_unicode(const char **p, const char *end, Damage *damage)
{
	unsigned	c = hex4(*p);

	*p += 4;
	if (c >= 0xD800 && c < 0xDC00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u')
	{
		unsigned	second = hex4(*p + 2);

		if (second >= 0xDC00 && second < 0xE000)
		{
			*p += 6;
			return 0x10000 + ((c - 0xD800) << 10) + (second - 0xDC00);
		}
	}
	if (c == 0)
		damage->nuls++;
	else if (c >= 0xD800 && c < 0xE000)
		damage->invalid++;
	else
		return c;
	return 0xFFFD;
}

bool
json_unescape(const char *string, size_t length, Bytes *out, Damage *damage)
{
	static const char from[] = "bfnrt";
	static const char to[] = "\b\f\n\r\t";
	const char *p = string + 1;
	const char *end = string + length - 1;

	if (!bytes_reserve(out, length + 4))
		return false;
	while (p < end)
	{
		const char *slash = memchr(p, '\\', (size_t) (end - p));
		const char *letter;
		char		utf8[4];

		if (!bytes_append(out, p, (size_t) ((slash ? slash : end) - p)))
			return false;
		if (slash == NULL || slash + 1 >= end)
			break;
		p = slash + 2;
		if (slash[1] == 'u')
		{
			if (!bytes_append(out, utf8, put_utf8(unescape_unicode(&p, end, damage), utf8)))
				return false;
			continue;
		}
		letter = strchr(from, slash[1]);
		if (!bytes_append(out, letter ? to + (letter - from) : slash + 1, 1))
			return false;
	}
	return true;
}

/* Copies JSON, with U+FFFD for \\u0000 and lone surrogates: the server's jsonb takes neither. */
bool
json_clean(const char *data, size_t length, Bytes *out, Damage *damage)
{
	const char *p = data;
	const char *end = data + length;

	while (p < end)
	{
		const char *slash = memchr(p, '\\', (size_t) (end - p));

		if (slash == NULL || slash + 1 >= end)
			return bytes_append(out, p, (size_t) (end - p));
		if (slash[1] == 'u' && end - slash >= 6)
		{
			const char *behind = slash + 2;

			if (unescape_unicode(&behind, end, damage) != 0xFFFD)
			{
				if (!bytes_append(out, p, (size_t) (behind - p)))
					return false;
			}
			else if (!bytes_append(out, p, (size_t) (slash - p)) || !bytes_append(out, "\\ufffd", 6))
				return false;
			p = behind;
			continue;
		}
		if (!bytes_append(out, p, (size_t) (slash + 2 - p)))
			return false;
		p = slash + 2;
	}
	return true;
}

/* ---- the stream ---- */

/* Reads on, keeping what begins at start; false at the end, at the limit or without memory. */
static bool
fill(JsonReader *reader)
{
	ssize_t		n;

	if (reader->at_end)
		return false;
	if (reader->start > 0)
	{
		memmove(reader->buffer, reader->buffer + reader->start, reader->filled - reader->start);
		reader->filled -= reader->start;
		reader->position -= reader->start;
		reader->start = 0;
	}
	if (reader->filled == reader->size)
	{
		size_t		size = reader->size * 2 < reader->element_limit ? reader->size * 2 : reader->element_limit;
		char	   *bigger = size > reader->size ? realloc(reader->buffer, size) : NULL;

		if (bigger == NULL)
		{
			reader->reason = size > reader->size ? "out of memory" : "value longer than 1 GB";
			return false;
		}
		reader->buffer = bigger;
		reader->size = size;
	}
	n = reader->source.read(reader->source.arg, reader->buffer + reader->filled, reader->size - reader->filled);
	if (n <= 0)
		reader->at_end = true;
	else
		reader->filled += (size_t) n;
	return n > 0;
}

static inline bool
there(JsonReader *reader)
{
	return reader->position < reader->filled || fill(reader);
}

/* Moves on by one byte, counting lines. */
static inline void
advance(JsonReader *reader)
{
	if (reader->buffer[reader->position++] == '\n')
		reader->next_line++;
}

/* Passes blanks and, inside an array, commas; nothing before them is kept. */
static bool
skip_between(JsonReader *reader, bool commas)
{
	while (there(reader) && (is_space(reader->buffer[reader->position]) ||
							 (commas && reader->buffer[reader->position] == ',')))
	{
		advance(reader);
		reader->start = reader->position;
	}
	reader->start = reader->position;
	return reader->position < reader->filled;
}

/*
 * Moves behind a value by its brackets and quotes.  keep: the value stays in
 * the buffer from start on.  False when the file (or the room) ends inside.
 */
static bool
pass_value(JsonReader *reader, bool keep)
{
	int64_t		depth = 0;
	bool		string = false;
	bool		begun = false;

	while (there(reader))
	{
		char		c = reader->buffer[reader->position];

		if (string)
		{
			if (c == '\\')
			{
				advance(reader);
				if (!there(reader))
					return false;
			}
			else if (c == '"')
				string = false;
		}
		else if (c == '"')
			string = true;
		else if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
		{
			if (depth == 0)
				return begun;
			depth--;
		}
		else if (depth == 0 && (c == ',' || c == ':' || is_space(c)))
			return begun;
		begun = true;
		advance(reader);
		if (!keep)
			reader->start = reader->position;
		if (depth == 0 && !string && (c == '}' || c == ']' || c == '"'))
			return true;
	}
	return depth == 0 && !string && begun && reader->at_end;
}

/* Enters the array of the named member of the file's object. */
static bool
enter_member(JsonReader *reader, const char *member)
{
	if (!skip_between(reader, false) || reader->buffer[reader->position] != '{')
		return false;
	advance(reader);
	while (skip_between(reader, true) && reader->buffer[reader->position] == '"')
	{
		bool		found;

		if (!pass_value(reader, true))
			return false;
		found = strlen(member) == reader->position - reader->start &&
			memcmp(member, reader->buffer + reader->start, strlen(member)) == 0;
		if (!skip_between(reader, false) || reader->buffer[reader->position] != ':')
			return false;
		advance(reader);
		if (!skip_between(reader, false))
			return false;
		if (found)
			return reader->buffer[reader->position] == '[';
		if (!pass_value(reader, false))
			return false;
	}
	return false;
}

bool
json_reader_init(JsonReader *reader, ByteSource source, JsonLayout layout, const char *member)
{
	memset(reader, 0, sizeof(*reader));
	reader->source = source;
	reader->layout = layout;
	reader->element_limit = ELEMENT_LIMIT_BYTES;
	reader->next_line = 1;
	reader->size = FIRST_BUFFER_BYTES;
	reader->buffer = malloc(reader->size);
	if (reader->buffer == NULL)
		return false;
	if (layout == JSON_MEMBER ? !enter_member(reader, member) : layout != JSON_ARRAY)
		reader->done = layout == JSON_MEMBER;
	else if (skip_between(reader, false) && reader->buffer[reader->position] == '[')
	{
		advance(reader);
		reader->start = reader->position;
		reader->inside = true;
	}
	return true;
}

void
json_reader_free(JsonReader *reader)
{
	free(reader->buffer);
	reader->buffer = NULL;
}

static JsonResult
finish_element(JsonReader *reader, bool whole)
{
	reader->ordinal++;
	reader->length = reader->position - reader->start;
	if (reader->reason && strcmp(reader->reason, "out of memory") == 0)
		return JSON_NO_MEMORY;
	if (whole && json_valid(reader->buffer + reader->start, reader->length))
		return JSON_ELEMENT;
	if (reader->reason == NULL)
		reader->reason = whole ? "not valid JSON" : "the file ends inside a value";
	return JSON_BROKEN;
}

/* A line that is not blank. */
static JsonResult
next_line(JsonReader *reader)
{
	if (!skip_between(reader, false))
		return JSON_END;
	reader->line = reader->next_line;
	for (;;)
	{
		char	   *from = reader->buffer + reader->position;
		char	   *end = memchr(from, '\n', reader->filled - reader->position);

		reader->position = end ? (size_t) (end - reader->buffer) : reader->filled;
		if (end || !fill(reader))
			break;
	}
	while (reader->position > reader->start && is_space(reader->buffer[reader->position - 1]))
		reader->position--;
	return finish_element(reader, true);
}

/* All that is left, as one broken value. */
static JsonResult
take_rest(JsonReader *reader, const char *reason)
{
	reader->done = true;
	while (there(reader))
		reader->position = reader->filled;
	reader->reason = reason;
	return finish_element(reader, false);
}

JsonResult
json_reader_next(JsonReader *reader)
{
	bool		whole;

	reader->start = reader->position;
	reader->reason = NULL;
	if (reader->done)
		return JSON_END;
	if (reader->layout == JSON_LINES)
		return next_line(reader);
	if (!skip_between(reader, reader->inside))
	{
		reader->done = true;
		return JSON_END;
	}
	reader->line = reader->next_line;
	if (reader->inside && reader->buffer[reader->position] == ']')
	{
		advance(reader);
		reader->inside = false;
		reader->done = reader->layout == JSON_MEMBER || !skip_between(reader, false);
		if (reader->done)
			return JSON_END;
		reader->line = reader->next_line;
		return take_rest(reader, "text behind the end of the array");
	}
	whole = pass_value(reader, true);
	if (!whole)
		return take_rest(reader, reader->reason ? reader->reason : reader->at_end && reader->position >= reader->filled ? "the file ends inside a value" : "not valid JSON");
	if (reader->inside)
	{
		/* Up to the comma: two values without one between them are a broken one. */
		for (bool more = true; more && there(reader) && reader->buffer[reader->position] != ',' &&
			 reader->buffer[reader->position] != ']';)
		{
			if (is_space(reader->buffer[reader->position]))
				advance(reader);
			else
				more = pass_value(reader, true);
		}
	}
	return finish_element(reader, true);
}

/* ---- outline ---- */

void
json_outline_free(JsonOutline *outline)
{
	for (int i = 0; i < outline->count; i++)
		free(outline->members[i].key);
	outline->count = 0;
}

/* Passes one member of the file's object and notes its name and kind. */
static bool
outline_member(JsonReader *reader, JsonOutline *outline)
{
	JsonOutlineMember *member = &outline->members[outline->count];
	size_t		length;

	if (!pass_value(reader, true) || (length = reader->position - reader->start) > 4096)
		return false;
	member->key = malloc(length + 1);
	if (member->key == NULL)
		return false;
	memcpy(member->key, reader->buffer + reader->start, length);
	member->key[length] = '\0';
	member->kind = 's';
	outline->count++;
	if (!skip_between(reader, false) || reader->buffer[reader->position] != ':')
		return false;
	advance(reader);
	if (!skip_between(reader, false))
		return false;
	member->kind = reader->buffer[reader->position];
	if (member->kind == '[')
	{
		/* Look at the first item; the bracket stays in the buffer. */
		size_t		at;

		for (at = 1;; at++)
		{
			while (reader->position + at >= reader->filled && fill(reader))
				;
			if (reader->position + at >= reader->filled || !is_space(reader->buffer[reader->position + at]))
				break;
		}
		if (reader->position + at < reader->filled && reader->buffer[reader->position + at] == '{')
			member->kind = 'o';
	}
	return pass_value(reader, false);
}

/* Looks at a file as a whole: what its rows are. */
bool
json_outline(ByteSource source, JsonOutline *outline)
{
	JsonReader	reader;
	bool		ok = json_reader_init(&reader, source, JSON_VALUES, NULL);

	memset(outline, 0, sizeof(*outline));
	outline->layout = JSON_LINES;
	if (ok && skip_between(&reader, false))
	{
		char		first = reader.buffer[reader.position];
		int64_t		line = reader.next_line;
		bool		whole = true;

		if (first == '[')
			outline->layout = JSON_ARRAY;
		if (first == '{')
		{
			advance(&reader);
			while (whole && skip_between(&reader, true) && reader.buffer[reader.position] == '"' &&
				   outline->count < (int) (sizeof(outline->members) / sizeof(outline->members[0])))
				whole = outline_member(&reader, outline);
			whole = whole && skip_between(&reader, false) && reader.buffer[reader.position] == '}';
			if (whole)
				advance(&reader);
			if (whole && reader.next_line > line)
				outline->layout = JSON_VALUES;
			outline->one_object = whole && !skip_between(&reader, false);
		}
	}
	json_reader_free(&reader);
	return ok;
}
