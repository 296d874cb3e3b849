/*
 * json_text.c
 *		The grammar of JSON (RFC 8259), members of an object, text of a string.
 */
#include "source/text_core.h"

#include <string.h>

#define DEPTH_LIMIT 6400 /* what the server's own JSON parser takes, about */

/* ---- the grammar ---- */

static const char *
skip_spaces(const char *p, const char *end)
{
	while (p < end && json_space(*p))
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

/* Behind the number that starts at p; NULL when it is none. */
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

/* The same of a string, a word or a number. */
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
		size_t n = strlen(words[i]);

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
	unsigned char object[DEPTH_LIMIT / 8]; /* bit set: the bracket at that depth is a brace */
	int			  depth = 0;

	for (;;)
	{
		p = skip_spaces(p, end);
		if (p < end && (*p == '{' || *p == '['))
		{
			bool brace = *p == '{';

			if (depth == DEPTH_LIMIT)
				return NULL;
			if (depth % 8 == 0)
				object[depth / 8] = 0;
			object[depth / 8] = (unsigned char) ((object[depth / 8] & ~(1 << depth % 8)) | brace << depth % 8);
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
			bool brace;

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
	int depth = 0;

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
		else if (depth == 0 && (*p == ',' || *p == ':' || json_space(*p)))
			return p;
	}
	return end;
}

bool
json_member(const char *object, size_t length, size_t *position, JsonMember *member)
{
	const char *end = object + length;
	const char *p = object + *position;

	while (p < end && (json_space(*p) || *p == ',' || (*p == '{' && *position == 0)))
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
	while (p < end && (json_space(*p) || *p == ','))
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
	unsigned value = 0;

	for (int i = 0; i < 4; i++)
		value = value * 16 + (unsigned) (p[i] <= '9' ? p[i] - '0' : (p[i] | 32) - 'a' + 10);
	return value;
}

size_t
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
	unsigned c = hex4(*p);

	*p += 4;
	if (c >= 0xD800 && c < 0xDC00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u')
	{
		unsigned second = hex4(*p + 2);

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
	const char		 *p = string + 1;
	const char		 *end = string + length - 1;

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
