/*
 * value_text.c
 *		Text as it comes out of a cell: trimming, folding, words for true and false.
 *
 * Cells hold what people pasted: no-break spaces, zero-width characters,
 * control characters, three kinds of line ends.
 */
#include "mapping.h"

#include "mb/pg_wchar.h"

PG_FUNCTION_INFO_V1(flitmig_clean);
PG_FUNCTION_INFO_V1(flitmig_one_line);
PG_FUNCTION_INFO_V1(flitmig_to_boolean);

/*
 * White space and invisible characters beyond ASCII: U+0080-U+009F (C1
 * controls), U+00A0, U+1680, U+2000-U+200F, U+2028-U+202F, U+205F-U+2060,
 * U+3000, U+FEFF.
 */
int
space_width(const char *s, const char *end)
{
	unsigned char a = (unsigned char) s[0];
	unsigned char b;
	unsigned char c;

	if (a <= ' ' || a == 0x7F)
		return 1;
	if (a < 0xC2 || end - s < 2)
		return 0;
	b = (unsigned char) s[1];
	if (a == 0xC2)
		return b <= 0xA0 ? 2 : 0;
	if (a < 0xE1 || end - s < 3)
		return 0;
	c = (unsigned char) s[2];
	if (a == 0xE2 && b == 0x80)
		return c <= 0x8F || (c >= 0xA8 && c <= 0xAF) ? 3 : 0;
	if (a == 0xE2 && b == 0x81)
		return c == 0x9F || c == 0xA0 ? 3 : 0;
	if ((a == 0xE1 && b == 0x9A && c == 0x80) ||
		(a == 0xE3 && b == 0x80 && c == 0x80) ||
		(a == 0xEF && b == 0xBB && c == 0xBF))
		return 3;
	return 0;
}

/* As space_width, for the character that ends before end. */
static int
space_width_before(const char *start, const char *end)
{
	const char *s = end - 1;

	while (s > start && end - s < 4 && ((unsigned char) *s & 0xC0) == 0x80)
		s--;
	return space_width(s, end) == end - s ? (int) (end - s) : 0;
}

Span
span_trim(Span span)
{
	const char *s = span.data;
	const char *end = s + span.len;
	int			width;

	while (s < end && (width = space_width(s, end)) > 0)
		s += width;
	while (end > s && (width = space_width_before(s, end)) > 0)
		end -= width;
	return (Span){s, (int) (end - s)};
}

Span
span_of_text(const text *value)
{
	return span_trim((Span){VARDATA_ANY(value), (int) VARSIZE_ANY_EXHDR(value)});
}

Span
span_arg(FunctionCallInfo fcinfo, int arg)
{
	return span_of_text(PG_GETARG_TEXT_PP(arg));
}

text *
span_to_text(Span span)
{
	return cstring_to_text_with_len(span.data, span.len);
}

bool
span_is(Span span, const char *lower)
{
	for (int i = 0; i < span.len; i++)
	{
		char ch = span.data[i];

		if (ch >= 'A' && ch <= 'Z')
			ch += 'a' - 'A';
		if (lower[i] == '\0' || ch != lower[i])
			return false;
	}
	return lower[span.len] == '\0';
}

uint32
utf8_read(const char *s, const char *end, int *width)
{
	unsigned char first = (unsigned char) *s;
	int			  len = first < 0xC0 ? 1 : first < 0xE0 ? 2
									   : first < 0xF0	? 3
														: 4;
	uint32		  code;

	/* cut short: in UTF-8 this cannot be, in another encoding bytes are characters */
	if (len > end - s)
		len = 1;
	*width = len;
	if (len == 1)
		return first;
	code = first & (0x7F >> len);
	for (int i = 1; i < len; i++)
		code = code << 6 | ((unsigned char) s[i] & 0x3F);
	return code;
}

void
require_utf8(void)
{
	if (GetDatabaseEncoding() != PG_UTF8)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("flitmig needs a database in UTF-8 for this"),
				 errhint("Create the database with ENCODING 'UTF8' and install flitmig there.")));
}

bool
span_fold(Span span, char *buffer, int size)
{
	const char *s = span.data;
	const char *end = s + span.len;
	int			used = 0;

	while (s < end)
	{
		int			width = 1;
		const char *base = NULL;

		if ((unsigned char) *s >= 0x80)
			base = latin_base(utf8_read(s, end, &width));
		if (used + Max(width, 2) >= size)
			return false;
		if (base)
		{
			for (; *base; base++)
				buffer[used++] = pg_ascii_tolower((unsigned char) *base);
		}
		else if (width == 1)
			buffer[used++] = pg_ascii_tolower((unsigned char) *s);
		else
		{
			memcpy(buffer + used, s, width);
			used += width;
		}
		s += width;
	}
	buffer[used] = '\0';
	return true;
}

bool
word_in(const char *word, const char *const *words, int count)
{
	int low = 0;
	int high = count;

	while (low < high)
	{
		int middle = (low + high) / 2;
		int order = strcmp(word, words[middle]);

		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

/* What clean does with the character at s: how many bytes it takes, and what stands for them. */
static int
clean_step(const char *s, const char *end, char *replacement)
{
	unsigned char a = (unsigned char) *s;

	*replacement = '\0';
	if (a == '\r')
	{
		*replacement = '\n';
		return end - s > 1 && s[1] == '\n' ? 2 : 1;
	}
	if ((a < ' ' && a != '\n' && a != '\t') || a == 0x7F)
		return 1;
	if (a == 0xC2 && end - s > 1 && (unsigned char) s[1] < 0xA0)
	{
		if ((unsigned char) s[1] == 0x85)
			*replacement = '\n';
		return 2;
	}
	if (a == 0xEF && end - s > 2 && (unsigned char) s[1] == 0xBB && (unsigned char) s[2] == 0xBF)
		return 3;
	return 0;
}

/*
 * clean(text) → text
 *
 * Trimmed; CRLF, CR and NEL become LF; other control characters except
 * newline and tab, and byte order marks, are removed.  NULL when nothing is
 * left.
 */
Datum
flitmig_clean(PG_FUNCTION_ARGS)
{
	Span		in = span_arg(fcinfo, 0);
	const char *s = in.data;
	const char *end = s + in.len;
	text	   *result;
	char	   *out;

	if (in.len == 0)
		PG_RETURN_NULL();
	result = palloc(VARHDRSZ + in.len);
	out = VARDATA(result);
	while (s < end)
	{
		char replacement;
		int	 width = clean_step(s, end, &replacement);

		if (width == 0)
			*out++ = *s++;
		else
		{
			if (replacement)
				*out++ = replacement;
			s += width;
		}
	}
	SET_VARSIZE(result, out - (char *) result);
	PG_RETURN_TEXT_P(result);
}

/*
 * one_line(text) → text
 *
 * As clean, with every run of white space (line breaks, tabs, no-break
 * spaces) folded to one space.
 */
Datum
flitmig_one_line(PG_FUNCTION_ARGS)
{
	Span		in = span_arg(fcinfo, 0);
	const char *s = in.data;
	const char *end = s + in.len;
	text	   *result;
	char	   *out;
	bool		space = false;

	if (in.len == 0)
		PG_RETURN_NULL();
	result = palloc(VARHDRSZ + in.len);
	out = VARDATA(result);
	while (s < end)
	{
		int width = space_width(s, end);

		if (width == 0)
		{
			if (space)
				*out++ = ' ';
			space = false;
			*out++ = *s++;
			continue;
		}
		/* NUL-like controls and zero-width characters vanish, the rest is a space */
		if (*s == ' ' || (*s >= '\t' && *s <= '\r') ||
			(width == 2 && ((unsigned char) s[1] == 0xA0 || (unsigned char) s[1] == 0x85)) ||
			(width == 3 && (unsigned char) s[0] != 0xEF &&
			 !((unsigned char) s[1] == 0x80 && (unsigned char) s[0] == 0xE2 &&
			   ((unsigned char) s[2] >= 0x8B && (unsigned char) s[2] <= 0x8F)) &&
			 !((unsigned char) s[1] == 0x81 && (unsigned char) s[2] == 0xA0)))
			space = true;
		s += width;
	}
	SET_VARSIZE(result, out - (char *) result);
	PG_RETURN_TEXT_P(result);
}

/*
 * Words for true and false, folded, sorted bytewise.  English, French, German, Spanish,
 * Italian, Portuguese, Dutch, Nordic, Polish, Czech, Hungarian, Finnish, Turkish, Russian, Greek,
 * Japanese, Chinese, Korean (none that means yes in one and no in another), and what databases and spreadsheets write
 * (Access writes true as -1, pandas writes booleans with blanks as 1.0).
 */
static const char *const true_words[] = {
	"-1", "1", "1.0", "ano", "checked", "evet", "igen", "j", "ja", "jah", "kylla", "o", "on", "oui",
	"s", "si", "sim", "t", "tak", "true", "v", "verdadeiro", "verdadero", "vero", "vrai", "waar",
	"wahr", "x", "y", "yes", "\xCE\xBD\xCE\xB1\xCE\xB9", "\xD0\xB4\xD0\xB0", "\xE2\x98\x91",
	"\xE2\x98\x92", "\xE2\x9C\x93", "\xE2\x9C\x94", "\xE3\x81\xAF\xE3\x81\x84", "\xE6\x98\xAF",
	"\xEC\x98\x88"};
static const char *const false_words[] = {
	"0", "0.0", "ei", "f", "falsch", "false", "falso", "faux", "hayir", "n", "nao", "ne", "nee",
	"nei", "nein", "nej", "nem", "nie", "no", "non", "off", "onwaar", "unchecked",
	"\xCE\xBF\xCF\x87\xCE\xB9", "\xCF\x8C\xCF\x87\xCE\xB9", "\xD0\xBD\xD0\xB5\xD1\x82",
	"\xE2\x98\x90", "\xE3\x81\x84\xE3\x81\x84\xE3\x81\x88", "\xE5\x90\xA6",
	"\xEC\x95\x84\xEB\x8B\x88\xEC\x98\xA4"};

/*
 * to_boolean(text) → boolean
 *
 * By the word lists above, in any case; any other word is NULL.
 */
Datum
flitmig_to_boolean(PG_FUNCTION_ARGS)
{
	char word[16];

	if (!span_fold(span_arg(fcinfo, 0), word, sizeof(word)))
		PG_RETURN_NULL();
	if (word_in(word, true_words, lengthof(true_words)))
		PG_RETURN_BOOL(true);
	if (word_in(word, false_words, lengthof(false_words)))
		PG_RETURN_BOOL(false);
	PG_RETURN_NULL();
}
