/*
 * names.c
 *		Headers and file names as SQL names.
 */
#include "source/text_core.h"

#include "latin_base.h"

#include <string.h>

/* Columns that every PostgreSQL table has already. */
static const char *const taken[] = {"tableoid", "xmin", "xmax", "cmin", "cmax", "ctid", NULL};

/* One character of UTF-8; a damaged byte counts as one. */
static unsigned
next_character(const unsigned char *s, size_t left, size_t *used)
{
	*used = 1;
	if (left >= 2 && s[0] >= 0xC2 && s[0] <= 0xDF && (s[1] & 0xC0) == 0x80)
	{
		*used = 2;
		return (unsigned) (s[0] & 0x1F) << 6 | (s[1] & 0x3F);
	}
	return s[0];
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

void
normal_name(const char *header, size_t length, char out[NAME_LIMIT + 1])
{
	char   name[NAME_LIMIT + 4];
	size_t n = 0;
	bool   gap = false;

	for (size_t i = 0, used; i < length && n < NAME_LIMIT; i += used)
	{
		unsigned	c = next_character((const unsigned char *) header + i, length - i, &used);
		char		ascii[2] = {0};
		const char *plain = ascii;

		if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			ascii[0] = (char) c;
		else if (used == 2 && c >= 0xC0 && c <= 0x17F && latin_base(c) != NULL)
			plain = latin_base(c);
		else if (used == 2 && c >= 0x300 && c <= 0x36F)
			continue; /* a combining accent */

		if (*plain == '\0')
		{
			gap = true;
			continue;
		}
		if (gap && n > 0)
			name[n++] = '_';
		gap = false;
		for (; *plain; plain++)
			name[n++] = lower(*plain);
	}
	name[n] = '\0';

	out[0] = '\0';
	if (name[0] >= '0' && name[0] <= '9')
		strcpy(out, "c_");
	for (int i = 0; taken[i]; i++)
		if (strcmp(name, taken[i]) == 0)
			strcpy(out, "c_");
	strncat(out, name, NAME_LIMIT - strlen(out));
	for (n = strlen(out); n > 0 && out[n - 1] == '_'; n--)
		out[n - 1] = '\0';
}

/* The text may be one without an end, as long as it is not shorter than the beginning. */
bool
ascii_begins(const char *text, const char *beginning)
{
	while (*beginning && lower(*text) == lower(*beginning))
	{
		text++;
		beginning++;
	}
	return *beginning == '\0';
}

bool
ascii_equal(const char *a, const char *b)
{
	return strlen(a) == strlen(b) && ascii_begins(a, b);
}

bool
pattern_matches(const char *pattern, const char *name)
{
	const char *star = NULL;
	const char *retry = NULL;

	while (*name)
	{
		if (*pattern == '*')
		{
			star = ++pattern;
			retry = name;
		}
		else if (*pattern == '?' || (*pattern && lower(*pattern) == lower(*name)))
		{
			pattern++;
			name++;
		}
		else if (star)
		{
			pattern = star;
			name = ++retry;
		}
		else
			return false;
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}
