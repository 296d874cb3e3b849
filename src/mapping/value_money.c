/*
 * value_money.c
 *		Amounts of money, and Twenty's CURRENCY value.
 */
#include "mapping.h"

#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(flitmig_to_money);
PG_FUNCTION_INFO_V1(flitmig_currency);

/* ISO 4217 codes in use, three letters each. */
static const char currency_codes[] =
	"AEDAFNALLAMDANGAOAARSAUDAWGAZNBAMBBDBDTBGNBHDBIFBMDBNDBOBBRLBSDBTNBWPBYNBZDCADCDFCHFCLPCNYCOP"
	"CRCCUPCVECZKDJFDKKDOPDZDEGPERNETBEURFJDFKPGBPGELGHSGIPGMDGNFGTQGYDHKDHNLHTGHUFIDRILSINRIQDIRRISK"
	"JMDJODJPYKESKGSKHRKMFKPWKRWKWDKYDKZTLAKLBPLKRLRDLSLLYDMADMDLMGAMKDMMKMNTMOPMRUMURMVRMWKMXNMYRMZN"
	"NADNGNNIONOKNPRNZDOMRPABPENPGKPHPPKRPLNPYGQARRONRSDRUBRWFSARSBDSCRSDGSEKSGDSHPSLESOSSRDSSPSTNSYP"
	"SZLTHBTJSTMTTNDTOPTRYTTDTWDTZSUAHUGXUSDUYUUZSVESVNDVUVWSTXAFXCDXOFXPFYERZARZMWZWL";

/* What may stand before $ ("US$", "CA$"). */
static const char *const dollar_prefixes[] = {"a", "au", "c", "ca", "hk", "mx", "nz", "r", "s", "us"};

/* Everyday words for a currency. */
static const char *const currency_words[] = {
	"chf", "euro", "euros", "fr", "kc", "kr", "lei", "rs", "sfr", "tl", "zl"};

/* Bytes of the currency sign at s, or 0: $, U+00A3, U+00A5, U+0E3F, U+20A0-U+20CF. */
static int
sign_width(const char *s, const char *end)
{
	unsigned char a;

	if (s >= end)
		return 0;
	a = (unsigned char) *s;
	if (a == '$')
		return 1;
	if (a == 0xC2 && end - s >= 2 && ((unsigned char) s[1] == 0xA3 || (unsigned char) s[1] == 0xA5))
		return 2;
	if (a == 0xE2 && end - s >= 3 && (unsigned char) s[1] == 0x82 && (unsigned char) s[2] >= 0xA0)
		return 3;
	if (a == 0xE2 && end - s >= 3 && (unsigned char) s[1] == 0x83 && (unsigned char) s[2] <= 0x8F)
		return 3;
	if (a == 0xE0 && end - s >= 3 && (unsigned char) s[1] == 0xB8 && (unsigned char) s[2] == 0xBF)
		return 3;
	return 0;
}

static bool
is_letter(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (unsigned char) ch >= 0xC3;
}

static bool
is_currency_word(Span word)
{
	char folded[8];

	if (word.len == 3)
		for (const char *code = currency_codes; *code; code += 3)
			if (pg_strncasecmp(code, word.data, 3) == 0)
				return true;
	return span_fold(word, folded, sizeof(folded)) &&
		   word_in(folded, currency_words, lengthof(currency_words));
}

/* Takes a currency sign or word from the front. */
static bool
take_currency_before(Span *span)
{
	const char *s = span->data;
	const char *end = s + span->len;
	int			width = sign_width(s, end);

	if (width == 0)
	{
		char folded[8];
		Span word;

		while (s < end && (is_letter(*s) || (s > span->data && ((unsigned char) *s & 0xC0) == 0x80)))
			s++;
		word = (Span){span->data, (int) (s - span->data)};
		if (word.len == 0)
			return false;
		width = sign_width(s, end);
		if (width > 0)
		{
			if (!span_fold(word, folded, sizeof(folded)) ||
				!word_in(folded, dollar_prefixes, lengthof(dollar_prefixes)))
				return false;
		}
		else if (!is_currency_word(word))
			return false;
		else if (s < end && *s == '.' && !(end - s > 1 && s[1] >= '0' && s[1] <= '9' && word.len == 3))
			width = 1; /* "Rs. 500" */
	}
	s += width;
	*span = span_trim((Span){s, (int) (end - s)});
	return true;
}

/* Takes a currency sign or word from the end. */
static bool
take_currency_after(Span *span)
{
	const char *start = span->data;
	const char *end = start + span->len;
	const char *s = end;

	for (int width = 1; width <= 3 && width <= span->len; width++)
	{
		if (sign_width(end - width, end) == width)
		{
			*span = span_trim((Span){start, (int) (end - width - start)});
			return true;
		}
	}
	if (s > start && s[-1] == '.')
		s--;
	end = s;
	while (s > start && (is_letter(s[-1]) || ((unsigned char) s[-1] & 0xC0) == 0x80))
		s--;
	if (s == end || !is_currency_word((Span){s, (int) (end - s)}))
		return false;
	*span = span_trim((Span){start, (int) (s - start)});
	return true;
}

/* "5.-", "5,-", "5.--": the dash stands for no cents, not for minus. */
static bool
take_no_cents(Span *span)
{
	int len = span->len;

	while (len > 0 && span->data[len - 1] == '-')
		len--;
	while (len > 2 && (memcmp(span->data + len - 3, "\xE2\x80\x93", 3) == 0 || memcmp(span->data + len - 3, "\xE2\x80\x94", 3) == 0))
		len -= 3; /* U+2013, U+2014 */
	if (len == span->len || len < 2 || (span->data[len - 1] != '.' && span->data[len - 1] != ',') ||
		span->data[len - 2] < '0' || span->data[len - 2] > '9')
		return false;
	*span = (Span){span->data, len - 1};
	return true;
}

/*
 * One to three digits, a point and three digits: 1.234 is one thousand in half
 * of Europe and one and a bit elsewhere.  An amount a thousand times too small
 * is worse than none.
 */
static bool
may_be_thousands(Span span)
{
	const char *point = memchr(span.data, '.', span.len);

	if (point == NULL || point == span.data || point - span.data > 3 || span.data[0] == '0' ||
		span.data + span.len - point != 4)
		return false;
	for (int i = 0; i < span.len; i++)
		if (span.data + i != point && (span.data[i] < '0' || span.data[i] > '9'))
			return false;
	return true;
}

/* Takes a minus from either end or parentheses around all; + is passed over. */
static bool
take_sign(Span *span, bool *negative)
{
	const char *s = span->data;
	int			len = span->len;

	if (len >= 2 && s[0] == '(' && s[len - 1] == ')')
	{
		*negative = true;
		*span = span_trim((Span){s + 1, len - 2});
		return true;
	}
	if (len >= 1 && (s[0] == '-' || s[0] == '+'))
	{
		*negative |= s[0] == '-';
		*span = span_trim((Span){s + 1, len - 1});
		return true;
	}
	if (len >= 3 && memcmp(s, "\xE2\x88\x92", 3) == 0) /* U+2212 */
	{
		*negative = true;
		*span = span_trim((Span){s + 3, len - 3});
		return true;
	}
	if (len >= 2 && s[len - 1] == '-')
	{
		*negative = true;
		*span = span_trim((Span){s, len - 1});
		return true;
	}
	return false;
}

/*
 * to_money(text) → numeric
 *
 * A number by the rule of decimal_read, with at most one currency sign or
 * code (which is passed over: the currency comes from the migration) and a
 * minus before or after it, or parentheses, which mean minus.  NULL for 1.234,
 * which may be meant either way.
 */
Datum
flitmig_to_money(PG_FUNCTION_ARGS)
{
	Span span = span_arg(fcinfo, 0);
	char buffer[DECIMAL_SIZE + 1];
	bool negative = false;
	int	 signs = 0;
	int	 currencies = 0;

	while (span.len > 0)
	{
		char first = span.data[0];
		char last = span.data[span.len - 1];

		if (first >= '0' && first <= '9' && last >= '0' && last <= '9')
			break;
		if (take_no_cents(&span))
			continue;
		if (take_sign(&span, &negative))
			signs++;
		else if (take_currency_before(&span) || take_currency_after(&span))
			currencies++;
		else
			break;
		if (signs > 2 || currencies > 1)
			PG_RETURN_NULL();
	}
	buffer[0] = '-';
	if (may_be_thousands(span) || !decimal_read(span, buffer + 1))
		PG_RETURN_NULL();
	return DirectFunctionCall3(numeric_in, CStringGetDatum(negative ? buffer : buffer + 1),
							   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

/* A copy of a code in upper case. */
static Span
upper_case(Span code)
{
	char *copy = palloc(code.len);

	for (int i = 0; i < code.len; i++)
		copy[i] = pg_ascii_toupper((unsigned char) code.data[i]);
	return (Span){copy, code.len};
}

/*
 * currency(amount numeric, code text) → jsonb {"amountMicros", "currencyCode"}
 *
 * amountMicros is the amount times 1,000,000, rounded to an integer, as
 * Twenty stores it (it cuts fractions).  NULL for a NULL amount, NaN,
 * infinity, and amounts whose micros exceed what JavaScript holds exactly
 * (2^53).  A blank code is left out.
 */
Datum
flitmig_currency(PG_FUNCTION_ARGS)
{
	JsonbParseState *state = NULL;
	JsonbValue		 value;
	Numeric			 micros;
	Span			 code = {NULL, 0};
	double			 size;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(1))
		code = span_arg(fcinfo, 1);
	size = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, PG_GETARG_DATUM(0)));
	if (!(size <= 9007199254.740991 && size >= -9007199254.740991))
		PG_RETURN_NULL();
	micros = DatumGetNumeric(DirectFunctionCall2(numeric_mul, PG_GETARG_DATUM(0),
												 DirectFunctionCall1(int8_numeric, Int64GetDatum(1000000))));
	micros = DatumGetNumeric(DirectFunctionCall2(numeric_round, NumericGetDatum(micros), Int32GetDatum(0)));

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_key(&state, "amountMicros");
	value.type = jbvNumeric;
	value.val.numeric = micros;
	(void) pushJsonbValue(&state, WJB_VALUE, &value);
	if (code.len > 0)
	{
		json_push_key(&state, "currencyCode");
		json_push_string(&state, WJB_VALUE, upper_case(code));
	}
	PG_RETURN_JSONB_P(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}
