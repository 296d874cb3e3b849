/*
 * json_peek.c
 *		Looks into a JSON text that a stranger sent, without raising an error.
 *
 * json_peek_open checks the whole text once; all else relies on that and
 * just follows quotes and brackets.
 */
#include "flitmig.h"

#include <limits.h>

#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "twenty/json_peek.h"

static const char *
skip_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

/* p is at the opening quote; result is behind the closing one. */
static const char *
skip_string(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p < end ? p + 1 : end;
}

/* Behind the value that starts at p. */
static const char *
skip_value(const char *p, const char *end)
{
	int depth = 0;

	do
	{
		if (p >= end)
			return end;
		if (*p == '"')
			p = skip_string(p, end);
		else if (*p == '{' || *p == '[')
			depth++, p++;
		else if (*p == '}' || *p == ']')
			depth--, p++;
		else if (depth > 0)
			p++;
		else
		{
			while (p < end && strchr(",}] \t\r\n", *p) == NULL)
				p++;
			return p;
		}
	} while (depth > 0);
	return p;
}

/* The parser recurses, so measure the depth before it does. */
static bool
is_shallow(const char *p, const char *end)
{
	int depth = 0;

	while (p < end)
	{
		if (*p == '"')
		{
			p = skip_string(p, end);
			continue;
		}
		if (*p == '{' || *p == '[')
		{
			if (++depth > JSON_PEEK_MAX_DEPTH)
				return false;
		}
		else if (*p == '}' || *p == ']')
			depth--;
		p++;
	}
	return true;
}

/*
 * Is the text, as a whole, valid UTF-8 and valid JSON?  If so, root is its
 * value.
 */
bool
json_peek_open(const char *text, size_t length, JsonPeek *root)
{
	JsonLexContext *lex;

	root->start = root->end = NULL;
	if (length == 0 || length > INT_MAX ||
		!pg_verify_mbstr(PG_UTF8, text, (int) length, true) ||
		!is_shallow(text, text + length))
		return false;
	lex = json_lexer(text, length, PG_UTF8, false);
	if (pg_parse_json(lex, &nullSemAction) != JSON_SUCCESS)
		return false;
	root->start = skip_space(text, text + length);
	root->end = text + length;
	while (strchr(" \t\r\n", root->end[-1]))
		root->end--;
	return true;
}

/* '{', '[', '"', 'n' (null), 't', 'f', or 'd' (number); '\0' for no value. */
char
json_peek_kind(JsonPeek value)
{
	if (value.start == NULL)
		return '\0';
	return (*value.start == '-' || (*value.start >= '0' && *value.start <= '9')) ? 'd' : *value.start;
}

/*
 * Steps through an object or array: cursor starts as all zero, name is only
 * set in objects.  Returns false at the end.
 */
bool
json_peek_next(JsonPeek container, JsonPeek *cursor, JsonPeek *name, JsonPeek *value)
{
	const char *end = container.end;
	const char *p = cursor->start;
	char		kind = json_peek_kind(container);

	if (kind != '{' && kind != '[')
		return false;
	p = skip_space(p == NULL ? container.start + 1 : p, end);
	if (p < end && *p == ',')
		p = skip_space(p + 1, end);
	if (p >= end || *p == '}' || *p == ']')
		return false;
	if (kind == '{')
	{
		name->start = p;
		p = name->end = skip_string(p, end);
		p = skip_space(skip_space(p, end) + 1, end); /* the colon */
	}
	value->start = p;
	value->end = cursor->start = skip_value(p, end);
	return true;
}

/* Member of that plain name, or none; also when it is not an object. */
JsonPeek
json_peek_member(JsonPeek object, const char *name)
{
	JsonPeek cursor = {0};
	JsonPeek found;
	JsonPeek value;
	size_t	 length = strlen(name);

	if (json_peek_kind(object) == '{')
		while (json_peek_next(object, &cursor, &found, &value))
			if (found.end - found.start == length + 2 && strncmp(found.start + 1, name, length) == 0)
				return value;
	return (JsonPeek){0};
}

/* Members of those plain names in one pass: an answer is long, and most of it one member. */
void
json_peek_members(JsonPeek object, int n, const char *const *names, JsonPeek *values)
{
	JsonPeek cursor = {0};
	JsonPeek found;
	JsonPeek value;

	memset(values, 0, n * sizeof(JsonPeek));
	if (json_peek_kind(object) != '{')
		return;
	while (json_peek_next(object, &cursor, &found, &value))
		for (int i = 0; i < n; i++)
			if (values[i].start == NULL && found.end - found.start == strlen(names[i]) + 2 &&
				strncmp(found.start + 1, names[i], strlen(names[i])) == 0)
				values[i] = value;
}

/* Is it an object or array with nothing in it? */
bool
json_peek_empty(JsonPeek container)
{
	const char *p = skip_space(container.start + 1, container.end);

	return p >= container.end || *p == '}' || *p == ']';
}

static int
hex_value(char c)
{
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* p is at the u of an escape; the parser has seen four hex digits there. */
static pg_wchar
unicode_escape(const char *p)
{
	return (hex_value(p[1]) << 12) | (hex_value(p[2]) << 8) | (hex_value(p[3]) << 4) | hex_value(p[4]);
}

/*
 * One character at p of a string, after unescaping, in UTF-8.  What text
 * cannot hold (U+0000, half a surrogate pair) becomes '?'.
 */
static const char *
read_character(const char *p, const char *end, unsigned char *out, int *n)
{
	pg_wchar c;

	*n = 1;
	if (*p != '\\')
	{
		*n = Min(pg_utf_mblen((const unsigned char *) p), (int) (end - p));
		memcpy(out, p, *n);
		return p + *n;
	}
	p++;
	if (*p != 'u')
	{
		const char *known = "bfnrt";
		const char *at = strchr(known, *p);

		out[0] = (at && *at) ? "\b\f\n\r\t"[at - known] : *p;
		return p + 1;
	}
	c = unicode_escape(p);
	p += 5;
	if (is_utf16_surrogate_first(c) && end - p >= 6 && p[0] == '\\' && p[1] == 'u' &&
		is_utf16_surrogate_second(unicode_escape(p + 1)))
	{
		c = surrogate_pair_to_codepoint(c, unicode_escape(p + 1));
		p += 6;
	}
	if (!is_valid_unicode_codepoint(c) || is_utf16_surrogate_first(c) || is_utf16_surrogate_second(c))
		c = '?';
	unicode_to_utf8(c, out);
	*n = pg_utf_mblen(out);
	return p;
}

/*
 * A string's characters, anything else as it stands, palloc'd, cut to
 * max_bytes.  In the database's encoding: where that is not UTF-8, '?'
 * stands for what is not ASCII, because a conversion could fail.
 */
char *
json_peek_text(JsonPeek value, size_t max_bytes)
{
	bool		quoted = json_peek_kind(value) == '"';
	const char *p = value.start;
	const char *end = value.end;
	bool		keep = GetDatabaseEncoding() == PG_UTF8;
	char	   *result;
	size_t		used = 0;

	if (p == NULL)
		return NULL;
	if (quoted)
	{
		p++;
		end--;
	}
	result = palloc(Min(max_bytes, (size_t) (end - p)) + 8);
	while (p < end)
	{
		unsigned char c[8];
		int			  n;

		if (quoted)
			p = read_character(p, end, c, &n);
		else
			c[0] = *p++, n = 1;
		if (used + n > max_bytes)
			break;
		if (n > 1 && !keep)
			c[0] = '?', n = 1;
		memcpy(result + used, c, n);
		used += n;
	}
	result[used] = '\0';
	return result;
}

const char *
json_peek_string(JsonPeek value, size_t max_bytes)
{
	return json_peek_kind(value) == '"' ? json_peek_text(value, max_bytes) : "";
}

JsonPeek
json_peek_first(JsonPeek array)
{
	JsonPeek cursor = {0};
	JsonPeek name;
	JsonPeek value = {0};

	if (json_peek_kind(array) == '[' && json_peek_next(array, &cursor, &name, &value))
		return value;
	return (JsonPeek){0};
}
