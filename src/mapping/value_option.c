/*
 * value_option.c
 *		Values of SELECT and MULTI_SELECT options, made from labels.
 *
 * Twenty takes UPPER_SNAKE_CASE beginning with a letter.  The same label
 * always gives the same value, in every migration, and labels that differ in
 * more than case, accents, blanks and punctuation give different ones.
 */
#include "mapping.h"

#include "common/unicode_norm.h"
#include "mb/pg_wchar.h"

PG_FUNCTION_INFO_V1(flitmig_option_value);
PG_FUNCTION_INFO_V1(flitmig_option_values);

/* Longest option value. */
#define OPTION_MAX 63

typedef struct OptionWriter
{
	char   value[OPTION_MAX + 1];
	int	   len;
	uint32 hash; /* FNV-1a of the whole value, cut or not */
	bool   gap;	 /* a _ is due before the next letter */
	bool   cut;	 /* the label did not fit */
} OptionWriter;

static void
append_char(OptionWriter *writer, unsigned char ch)
{
	writer->hash = (writer->hash ^ ch) * 16777619;
	if (writer->len < OPTION_MAX)
		writer->value[writer->len++] = (char) ch;
	else
		writer->cut = true;
}

static void
put_char(OptionWriter *writer, char ch)
{
	if (writer->len == 0 && ch >= '0' && ch <= '9')
	{
		append_char(writer, 'V');
		writer->gap = true;
	}
	if (writer->gap && writer->len > 0)
		append_char(writer, '_');
	writer->gap = false;
	append_char(writer, pg_ascii_toupper((unsigned char) ch));
}

static void
put_word(OptionWriter *writer, const char *word)
{
	writer->gap = true;
	for (; *word; word++)
		put_char(writer, *word);
	writer->gap = true;
}

/* A character of another script as U and its code in hex. */
static void
put_code(OptionWriter *writer, uint32 codepoint)
{
	char word[12];

	snprintf(word, sizeof(word), "U%04X", codepoint);
	put_word(writer, word);
}

/* Signs that carry meaning, as words; a minus only behind a letter at the end of a word ("A-"). */
static void
put_sign(OptionWriter *writer, const char *s, const char *start, const char *end)
{
	switch (*s)
	{
		case '+':
			put_word(writer, "PLUS");
			break;
		case '%':
			put_word(writer, "PERCENT");
			break;
		case '&':
			put_word(writer, "AND");
			break;
		case '<':
			put_word(writer, "LESS");
			break;
		case '>':
			put_word(writer, "MORE");
			break;
		case '-':
			if (s > start && is_ascii_alnum(s[-1]) && (s + 1 == end || s[1] == ' '))
			{
				put_word(writer, "MINUS");
				break;
			}
			/* FALLTHROUGH */
		default:
			/* an apostrophe joins: Women's, WOMENS */
			if (*s != '\'')
				writer->gap = true;
	}
}

/* A character beyond ASCII: its ASCII base letters if it has any, else its code. */
static void
put_wide(OptionWriter *writer, uint32 codepoint)
{
	const char *base = latin_base(codepoint);
	pg_wchar	input[2] = {codepoint, 0};
	pg_wchar   *plain;
	bool		ascii = false;

	if (base)
	{
		for (; *base; base++)
			put_char(writer, *base);
		return;
	}
	/* marks that belong to a letter already written, typographic apostrophes */
	if ((codepoint >= 0x300 && codepoint <= 0x36F) || codepoint == 0x2019 || codepoint == 0x2018)
		return;
	/* dashes, quotes, bullets and other punctuation */
	if ((codepoint >= 0x2010 && codepoint <= 0x2027) || codepoint == 0xB7 || codepoint == 0xAB || codepoint == 0xBB)
	{
		writer->gap = true;
		return;
	}
	plain = unicode_normalize(UNICODE_NFKD, input);
	for (pg_wchar *p = plain; *p; p++)
		if (*p < 0x80 && is_ascii_alnum((char) *p))
		{
			put_char(writer, (char) *p);
			ascii = true;
		}
	pfree(plain);
	if (!ascii)
		put_code(writer, codepoint);
}

/* Makes the value of a label; false when the label is blank. */
static bool
write_option(Span label, OptionWriter *writer)
{
	const char *s = label.data;
	const char *end = s + label.len;

	writer->len = 0;
	writer->hash = 2166136261u;
	writer->gap = writer->cut = false;
	if (label.len == 0)
		return false;
	while (s < end)
	{
		int width = 1;

		if (is_ascii_alnum(*s))
			put_char(writer, *s);
		else if ((unsigned char) *s < 0x80)
			put_sign(writer, s, label.data, end);
		else if ((width = space_width(s, end)) > 0)
			writer->gap = true;
		else
			put_wide(writer, utf8_read(s, end, &width));
		s += width;
	}
	/* a label of signs alone ("?", "-", "@") is a value too: OpenEMR's statuses are such */
	if (writer->len == 0)
		for (s = label.data; s < end && !writer->cut; s++)
			if (*s != ' ')
				put_code(writer, (unsigned char) *s);
	if (writer->cut)
	{
		int length = OPTION_MAX - 9;

		while (writer->value[length - 1] == '_')
			length--;
		snprintf(writer->value + length, 10, "_%08X", writer->hash);
		writer->len = length + 9;
	}
	return true;
}

/*
 * option_value(label text) → text
 *
 * UPPER_SNAKE_CASE: accents removed, other scripts as U and hex code, a
 * leading digit prefixed with V_, at most 63 characters (longer ones end in a
 * hash).  + % & < > are PLUS PERCENT AND LESS MORE, so that "A+"
 * and "A-" differ.  NULL for a blank label.
 */
Datum
flitmig_option_value(PG_FUNCTION_ARGS)
{
	OptionWriter writer;

	if (!write_option(span_arg(fcinfo, 0), &writer))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(writer.value, writer.len));
}

/* The next delimited piece of a cell. */
static bool
next_label(const char **at, const char *end, Span delimiter, Span *label)
{
	const char *s = *at;

	if (s > end)
		return false;
	if (delimiter.len > 0)
		while (s + delimiter.len <= end && memcmp(s, delimiter.data, delimiter.len) != 0)
			s++;
	else
		while (s < end && *s != ';' && *s != '|' && *s != '\n')
			s++;
	if (delimiter.len > 0 && s + delimiter.len > end)
		s = end;
	*label = span_trim((Span){*at, (int) (s - *at)});
	*at = s + Max(delimiter.len, 1);
	if (s == end)
		*at = end + 1;
	return true;
}

/*
 * option_values(cell text, delimiter text) → jsonb, an array of option values
 *
 * The cell split at the delimiter (NULL: ; | or line end), each value once,
 * in order.  NULL when no label is left.
 */
Datum
flitmig_option_values(PG_FUNCTION_ARGS)
{
	JsonbParseState *state = NULL;
	Span			 cell;
	Span			 delimiter = {NULL, 0};
	Span			 label;
	Span			 seen[256];
	int				 count = 0;
	const char		*at;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	cell = span_arg(fcinfo, 0);
	if (!PG_ARGISNULL(1))
	{
		text *value = PG_GETARG_TEXT_PP(1);

		delimiter = (Span){VARDATA_ANY(value), (int) VARSIZE_ANY_EXHDR(value)};
	}
	(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	at = cell.data;
	while (count < lengthof(seen) && next_label(&at, cell.data + cell.len, delimiter, &label))
	{
		OptionWriter writer;
		bool		 known = false;

		if (!write_option(label, &writer))
			continue;
		for (int i = 0; i < count && !known; i++)
			known = seen[i].len == writer.len && memcmp(seen[i].data, writer.value, writer.len) == 0;
		if (known)
			continue;
		seen[count] = (Span){pnstrdup(writer.value, writer.len), writer.len};
		json_push_string(&state, WJB_ELEM, seen[count++]);
	}
	if (count == 0)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL)));
}
