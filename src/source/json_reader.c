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

#ifndef FIRST_BUFFER_BYTES /* fuzz targets want to see it grow */
#define FIRST_BUFFER_BYTES (256 * 1024)
#endif
#define KEPT_OBJECT_BYTES	(64 * 1024)				   /* of what stands beside an answer's rows */
#define ELEMENT_LIMIT_BYTES (0x3fffffff - 1024 * 1024) /* what a PostgreSQL value can hold, less headers */

/* Reads on, keeping what begins at start; false at the end, at the limit or without memory. */
static bool
fill(JsonReader *reader)
{
	ssize_t n;

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
		size_t size = reader->size * 2 < reader->element_limit ? reader->size * 2 : reader->element_limit;
		char  *bigger = size > reader->size ? realloc(reader->buffer, size) : NULL;

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
	while (there(reader) && (json_space(reader->buffer[reader->position]) ||
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
	int64_t depth = 0;
	bool	string = false;
	bool	begun = false;

	while (there(reader))
	{
		char c = reader->buffer[reader->position];

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
		else if (depth == 0 && (c == ',' || c == ':' || json_space(c)))
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
		bool found;

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

/* A line that is not blank; a comma behind it, as between the values of an array, does no harm. */
static JsonResult
next_line(JsonReader *reader)
{
	if (!skip_between(reader, reader->after_comma))
		return JSON_END;
	reader->after_comma = false;
	reader->line = reader->next_line;
	for (;;)
	{
		char *from = reader->buffer + reader->position;
		char *end = memchr(from, '\n', reader->filled - reader->position);

		reader->position = end ? (size_t) (end - reader->buffer) : reader->filled;
		if (end || !fill(reader))
			break;
	}
	while (reader->position > reader->start && json_space(reader->buffer[reader->position - 1]))
		reader->position--;
	if (reader->position > reader->start + 1 && reader->buffer[reader->position - 1] == ',' &&
		json_valid(reader->buffer + reader->start, reader->position - reader->start - 1))
	{
		reader->position--;
		reader->after_comma = true;
	}
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
	bool whole;

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
		return take_rest(reader, reader->reason ? reader->reason : reader->at_end && reader->position >= reader->filled ? "the file ends inside a value"
																														: "not valid JSON");
	if (reader->inside)
	{
		/* Up to the comma: two values without one between them are a broken one. */
		for (bool more = true; more && there(reader) && reader->buffer[reader->position] != ',' &&
							   reader->buffer[reader->position] != ']';)
		{
			if (json_space(reader->buffer[reader->position]))
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
	{
		free(outline->members[i].key);
		free(outline->members[i].value);
	}
	outline->count = 0;
}

/* How long the object at hand is, when that is little; 0: it is long, or has no end. */
static size_t
short_object(JsonReader *reader)
{
	size_t depth = 0;
	bool   string = false;

	while (reader->filled - reader->position < KEPT_OBJECT_BYTES && fill(reader))
		;
	for (size_t i = reader->position; i < reader->filled && i - reader->position < KEPT_OBJECT_BYTES; i++)
	{
		char c = reader->buffer[i];

		if (c == '"')
			string = !string;
		else if (c == '\\' && string)
			i++;
		else if (!string && (c == '{' || c == '['))
			depth++;
		else if (!string && (c == '}' || c == ']') && --depth == 0)
			return i + 1 - reader->position;
	}
	return 0;
}

/* Passes one member of the file's object and notes its name and kind. */
static bool
outline_member(JsonReader *reader, JsonOutline *outline)
{
	JsonOutlineMember *member = &outline->members[outline->count];
	size_t			   length;

	if (!pass_value(reader, true) || (length = reader->position - reader->start) > 4096)
		return false;
	member->key = malloc(length + 1);
	if (member->key == NULL)
		return false;
	memcpy(member->key, reader->buffer + reader->start, length);
	member->key[length] = '\0';
	member->value = NULL;
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
		size_t at;

		for (at = 1;; at++)
		{
			while (reader->position + at >= reader->filled && fill(reader))
				;
			if (reader->position + at >= reader->filled || !json_space(reader->buffer[reader->position + at]))
				break;
		}
		if (reader->position + at < reader->filled && reader->buffer[reader->position + at] == '{')
			member->kind = 'o';
	}
	if (member->kind == '[' || member->kind == 'o' || (member->kind == '{' && short_object(reader) == 0))
		return pass_value(reader, false);
	if (!pass_value(reader, true))
		return false;
	member->value_length = reader->position - reader->start;
	member->value = malloc(member->value_length + 1);
	if (member->value == NULL)
		return false;
	memcpy(member->value, reader->buffer + reader->start, member->value_length);
	return true;
}

/* Whether another object begins on the line on which one has ended. */
static bool
another_follows(JsonReader *reader)
{
	while (there(reader) && (reader->buffer[reader->position] == ' ' || reader->buffer[reader->position] == '\t'))
		advance(reader);
	return there(reader) && reader->buffer[reader->position] == '{';
}

/* Looks at a file as a whole: what its rows are. */
bool
json_outline(ByteSource source, JsonOutline *outline)
{
	JsonReader reader;
	bool	   ok = json_reader_init(&reader, source, JSON_VALUES, NULL);

	memset(outline, 0, sizeof(*outline));
	outline->layout = JSON_LINES;
	if (ok && skip_between(&reader, false))
	{
		char	first = reader.buffer[reader.position];
		int64_t line = reader.next_line;
		bool	whole = true;

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
			if (whole && (reader.next_line > line || another_follows(&reader)))
				outline->layout = JSON_VALUES;
			outline->one_object = whole && !skip_between(&reader, false);
		}
	}
	json_reader_free(&reader);
	return ok;
}
