/*
 * value_length.c
 *		Text that is longer than its field may be: what fits, and what is over.
 */
#include "mapping.h"

#include "mb/pg_wchar.h"

PG_FUNCTION_INFO_V1(flitmig_fit);
PG_FUNCTION_INFO_V1(flitmig_overflow);

/* What stands where a text was cut: U+2026. */
static const char ellipsis[] = "\xE2\x80\xA6";

/*
 * Where a text of more than length characters is cut, in bytes; its whole
 * length when it fits.  One character is left for the ellipsis.  The cut is
 * at white space if there is some in the second half, so that no word is
 * torn.
 */
static int
cut_at(Span span, int length)
{
	const char *s = span.data;
	const char *end = s + span.len;
	int			cut = 0;
	int			blank = 0;
	int			width;

	if (length < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a text cannot be made to fit into %d characters", length),
				 errhint("The length must be 2 or more.")));
	for (int n = 0; s < end; s += width, n++)
	{
		if (n == length)
			return blank > 0 ? blank : cut;
		(void) utf8_read(s, end, &width);
		if (n < length && space_width(s, end) > 0 && n > length / 2)
			blank = (int) (s - span.data);
		if (n == length - 1)
			cut = (int) (s - span.data);
	}
	return span.len;
}

/*
 * fit(value text, length integer) → text
 *
 * The trimmed text in at most length characters; what was cut ends with an
 * ellipsis.  NULL when blank.
 */
Datum
flitmig_fit(PG_FUNCTION_ARGS)
{
	Span  span = span_arg(fcinfo, 0);
	int	  cut = cut_at(span, PG_GETARG_INT32(1));
	Span  kept;
	text *result;

	if (span.len == 0)
		PG_RETURN_NULL();
	if (cut == span.len)
		PG_RETURN_TEXT_P(span_to_text(span));
	kept = span_trim((Span){span.data, cut});
	result = palloc(VARHDRSZ + kept.len + sizeof(ellipsis) - 1);
	memcpy(VARDATA(result), kept.data, kept.len);
	memcpy(VARDATA(result) + kept.len, ellipsis, sizeof(ellipsis) - 1);
	SET_VARSIZE(result, VARHDRSZ + kept.len + sizeof(ellipsis) - 1);
	PG_RETURN_TEXT_P(result);
}

/*
 * overflow(value text, length integer) → text
 *
 * What fit leaves out; NULL when the text fits.
 */
Datum
flitmig_overflow(PG_FUNCTION_ARGS)
{
	Span span = span_arg(fcinfo, 0);
	int	 cut = cut_at(span, PG_GETARG_INT32(1));

	if (cut == span.len)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(span_to_text(span_trim((Span){span.data + cut, span.len - cut})));
}
