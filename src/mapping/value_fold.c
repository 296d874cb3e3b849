/*
 * value_fold.c
 *		Text as it is compared, and text that must not be seen whole.
 */
#include "mapping.h"

PG_FUNCTION_INFO_V1(flitmig_digits);
PG_FUNCTION_INFO_V1(flitmig_fold);
PG_FUNCTION_INFO_V1(flitmig_mask);

static bool
is_letter_or_digit(const char *s, const char *end, int width)
{
	if (width > 1)
		return space_width(s, end) == 0;
	return is_ascii_alnum(*s);
}

/* A combining accent (U+0300-U+036F): what it stands on counts alone. */
static bool
is_accent(const char *s, int width)
{
	unsigned char a = (unsigned char) s[0];
	unsigned char b = width == 2 ? (unsigned char) s[1] : 0;

	return (a == 0xCC && b >= 0x80) || (a == 0xCD && b >= 0x80 && b <= 0xAF);
}

/*
 * digits(text) → text
 *
 * The ASCII digits of a cell and nothing else: telephone numbers, SSNs and
 * card numbers as they are compared.  NULL when there are none.
 */
Datum
flitmig_digits(PG_FUNCTION_ARGS)
{
	Span  in = span_arg(fcinfo, 0);
	text *result = palloc(VARHDRSZ + in.len);
	char *out = VARDATA(result);

	for (int i = 0; i < in.len; i++)
		if (in.data[i] >= '0' && in.data[i] <= '9')
			*out++ = in.data[i];
	if (out == VARDATA(result))
		PG_RETURN_NULL();
	SET_VARSIZE(result, out - (char *) result);
	PG_RETURN_TEXT_P(result);
}

/*
 * _fold(text) → text
 *
 * Without Latin accents, in ASCII lower case, every run of what is neither
 * letter nor digit one blank.  The SQL function fold lowers other scripts
 * first, which needs the locale.  NULL when nothing is left.
 */
Datum
flitmig_fold(PG_FUNCTION_ARGS)
{
	Span		in = span_arg(fcinfo, 0);
	const char *s = in.data;
	const char *end = s + in.len;
	/* a letter of two bytes becomes two at most, and a blank may stand before it */
	text *result = palloc(VARHDRSZ + (Size) in.len * 2);
	char *start = VARDATA(result);
	char *out = start;
	bool  gap = false;

	while (s < end)
	{
		int			width;
		const char *base = latin_base(utf8_read(s, end, &width));

		if (is_accent(s, width))
		{
			s += width;
			continue;
		}
		if (!is_letter_or_digit(s, end, width))
			gap = true;
		else
		{
			if (gap && out > start)
				*out++ = ' ';
			gap = false;
			if (base)
				while (*base)
					*out++ = pg_ascii_tolower((unsigned char) *base++);
			else if (width == 1)
				*out++ = pg_ascii_tolower((unsigned char) *s);
			else
			{
				memcpy(out, s, width);
				out += width;
			}
		}
		s += width;
	}
	if (out == start)
		PG_RETURN_NULL();
	SET_VARSIZE(result, out - (char *) result);
	PG_RETURN_TEXT_P(result);
}

/*
 * mask(value text, keep integer) → text
 *
 * All letters and digits but the last keep are stars; marks between them
 * stay.  Never more than half of them is shown.
 */
Datum
flitmig_mask(PG_FUNCTION_ARGS)
{
	Span		in = span_arg(fcinfo, 0);
	const char *s = in.data;
	const char *end = s + in.len;
	int			count = 0;
	int			hidden;
	int			width;
	text	   *result = palloc(VARHDRSZ + in.len);
	char	   *out = VARDATA(result);

	if (in.len == 0)
		PG_RETURN_NULL();
	for (; s < end; s += width)
	{
		(void) utf8_read(s, end, &width);
		if (is_letter_or_digit(s, end, width))
			count++;
	}
	hidden = count - Min(Max(PG_GETARG_INT32(1), 0), count / 2);
	for (s = in.data; s < end; s += width)
	{
		(void) utf8_read(s, end, &width);
		if (is_letter_or_digit(s, end, width) && hidden > 0)
		{
			hidden--;
			*out++ = '*';
			continue;
		}
		memcpy(out, s, width);
		out += width;
	}
	SET_VARSIZE(result, out - (char *) result);
	PG_RETURN_TEXT_P(result);
}
