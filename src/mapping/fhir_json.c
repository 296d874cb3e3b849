/*
 * fhir_json.c
 *		JSON in a cell, read where it lies.
 *
 * Cells are small and many: a value's end is found by its brackets and quotes
 * alone, and nothing is copied but what is asked for.  What is no JSON has no
 * members.
 */
#include "mapping/fhir.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"

const Span fhir_nothing = {NULL, 0};

static const char *
skip_space(const char *s, const char *end)
{
	while (s < end && (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\r'))
		s++;
	return s;
}

/* Behind the string that opens at s; NULL when it does not close. */
static const char *
skip_string(const char *s, const char *end)
{
	for (s++; s < end; s++)
	{
		if (*s == '"')
			return s + 1;
		if (*s == '\\')
			s++;
	}
	return NULL;
}

/* Behind the value at s; NULL when there is none. */
static const char *
skip_value(const char *s, const char *end)
{
	int			open = 0;
	const char *start = s;

	while (s < end)
	{
		if (*s == '"')
		{
			s = skip_string(s, end);
			if (s == NULL)
				return NULL;
		}
		else if (*s == '{' || *s == '[')
		{
			open++;
			s++;
			continue;
		}
		else if (*s == '}' || *s == ']')
		{
			if (open == 0)
				return s > start ? s : NULL;
			open--;
			s++;
		}
		else if (open == 0)
		{
			while (s < end && strchr(",]} \t\n\r", *s) == NULL)
				s++;
			return s > start ? s : NULL;
		}
		else
		{
			s++;
			continue;
		}
		if (open == 0)
			return s;
	}
	return NULL;
}

Span
fhir_arg(FunctionCallInfo fcinfo, int arg)
{
	return PG_ARGISNULL(arg) ? fhir_nothing : span_arg(fcinfo, arg);
}

bool
fhir_opens_with(Span value, char bracket)
{
	return value.len > 0 && value.data[0] == bracket;
}

bool
fhir_next_member(Span object, const char **cursor, Span *key, Span *value)
{
	const char *end = object.data + object.len;
	const char *s = *cursor;

	if (!fhir_opens_with(object, '{'))
		return false;
	s = skip_space(s ? s : object.data + 1, end);
	if (s < end && *s == ',')
		s = skip_space(s + 1, end);
	if (s >= end || *s != '"')
		return false;
	key->data = s + 1;
	s = skip_string(s, end);
	if (s == NULL)
		return false;
	key->len = (int) (s - 1 - key->data);
	s = skip_space(s, end);
	if (s >= end || *s != ':')
		return false;
	value->data = skip_space(s + 1, end);
	s = skip_value(value->data, end);
	if (s == NULL)
		return false;
	value->len = (int) (s - value->data);
	*cursor = s;
	return true;
}

Span
fhir_member(Span object, const char *name)
{
	const char *cursor = NULL;
	int			len = (int) strlen(name);
	Span		key;
	Span		value;

	while (fhir_next_member(object, &cursor, &key, &value))
		if (key.len == len && memcmp(key.data, name, len) == 0)
			return value;
	return fhir_nothing;
}

bool
fhir_next_element(Span array, const char **cursor, Span *element)
{
	const char *end = array.data + array.len;
	const char *s = *cursor;

	if (array.len == 0)
		return false;
	if (!fhir_opens_with(array, '['))
	{
		*element = array;
		*cursor = end;
		return s == NULL;
	}
	s = skip_space(s ? s : array.data + 1, end);
	if (s < end && *s == ',')
		s = skip_space(s + 1, end);
	if (s >= end || *s == ']')
		return false;
	*element = (Span){s, 0};
	s = skip_value(s, end);
	if (s == NULL)
		return false;
	element->len = (int) (s - element->data);
	*cursor = s;
	return true;
}

Span
fhir_at(Span value, const char *path)
{
	while (value.data && *path)
	{
		const char *dot = strchr(path, '.');
		char		step[64];
		int			len = dot ? (int) (dot - path) : (int) strlen(path);

		if (len >= (int) sizeof(step))
			return fhir_nothing;
		memcpy(step, path, len);
		step[len] = '\0';
		path += dot ? len + 1 : len;
		if (fhir_opens_with(value, '['))
		{
			const char *cursor = NULL;
			Span		element;
			long		n = -1;

			if (strspn(step, "0123456789") == strlen(step))
				n = strtol(step, NULL, 10);
			while (n >= 0 && fhir_next_element(value, &cursor, &element))
				n--;
			if (cursor == NULL || n >= 0)
				return fhir_nothing;
			value = element;
		}
		else
			value = fhir_member(value, step);
	}
	return value;
}

/* The number of four hexadecimal digits. */
static int
hex_digits(const char *s, const char *end)
{
	int code = 0;

	if (end - s < 4)
		return -1;
	for (int i = 0; i < 4; i++)
	{
		if (hex_value(s[i]) < 0)
			return -1;
		code = code << 4 | hex_value(s[i]);
	}
	return code;
}

/* Reads \uXXXX (s is behind the u), with its second half if it is a pair; what is no character, NUL included, is left out. */
static const char *
append_escaped(StringInfo out, const char *s, const char *end)
{
	int			  code = hex_digits(s, end);
	unsigned char utf8[5] = {0};

	if (code < 0)
		return s;
	s += 4;
	if (code >= 0xD800 && code < 0xDC00 && end - s >= 6 && s[0] == '\\' && s[1] == 'u')
	{
		int low = hex_digits(s + 2, end);

		if (low >= 0xDC00 && low < 0xE000)
		{
			code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
			s += 6;
		}
	}
	if (code == 0 || (code >= 0xD800 && code < 0xE000))
		return s;
	if (code >= 0x80)
		require_utf8();
	unicode_to_utf8(code, utf8);
	appendBinaryStringInfo(out, (char *) utf8, pg_utf_mblen(utf8));
	return s;
}

Span
fhir_value(Span value)
{
	const char	  *s;
	const char	  *end;
	StringInfoData out;

	if (value.len == 0 || span_is(value, "null"))
		return fhir_nothing;
	s = value.data + 1;
	end = value.data + value.len - 1;
	if (fhir_opens_with(value, '"') && value.len >= 2)
	{
		value = (Span){s, (int) (end - s)};
		if (memchr(s, '\\', end - s))
		{
			initStringInfo(&out);
			while (s < end)
			{
				const char		 *back = memchr(s, '\\', end - s);
				static const char from[] = "bfnrt";
				static const char to[] = "\b\f\n\r\t";
				const char		 *known;

				if (back == NULL || back + 1 >= end)
					back = end;
				appendBinaryStringInfo(&out, s, (int) (back - s));
				if (back == end)
					break;
				s = back + 2;
				if (back[1] == 'u')
					s = append_escaped(&out, s, end);
				else
				{
					known = strchr(from, back[1]);
					appendStringInfoChar(&out, known ? to[known - from] : back[1]);
				}
			}
			value = (Span){out.data, out.len};
		}
	}
	value = span_trim(value);
	return value.len > 0 ? value : fhir_nothing;
}

Span
fhir_text_at(Span value, const char *path)
{
	return fhir_value(fhir_at(value, path));
}

bool
fhir_equal(Span a, Span b)
{
	return a.data && b.data && a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

Span
fhir_join(Span a, const char *between, Span b)
{
	StringInfoData out;

	if (a.data == NULL || b.data == NULL)
		return a.data ? a : b;
	initStringInfo(&out);
	appendBinaryStringInfo(&out, a.data, a.len);
	appendStringInfoString(&out, between);
	appendBinaryStringInfo(&out, b.data, b.len);
	return (Span){out.data, out.len};
}

Span
fhir_joined_texts(Span array, int from, const char *between)
{
	const char	  *cursor = NULL;
	Span		   element;
	StringInfoData all = {0};

	for (int i = 0; fhir_next_element(array, &cursor, &element); i++)
	{
		Span text = i >= from ? fhir_value(element) : fhir_nothing;

		if (text.data == NULL)
			continue;
		if (all.data == NULL)
			initStringInfo(&all);
		else
			appendStringInfoString(&all, between);
		appendBinaryStringInfo(&all, text.data, text.len);
	}
	return (Span){all.data, all.len};
}

Datum
fhir_return(FunctionCallInfo fcinfo, Span span)
{
	if (span.data == NULL || span.len == 0)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(span_to_text(span));
}

Datum
fhir_return_texts(FunctionCallInfo fcinfo, Datum *texts, int count)
{
	if (count == 0)
		PG_RETURN_NULL();
	PG_RETURN_ARRAYTYPE_P(construct_array(texts, count, TEXTOID, -1, false, TYPALIGN_INT));
}

Datum *
fhir_more_texts(Datum *texts, int count, int *room, int n)
{
	if (texts == NULL)
		return palloc(sizeof(Datum) * (*room = 16 + n));
	if (count + n > *room)
		texts = repalloc(texts, sizeof(Datum) * (*room = (*room + n) * 2));
	return texts;
}
