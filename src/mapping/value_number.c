/*
 * value_number.c
 *		Numbers, durations, identifiers with a check digit.
 */
#include "mapping.h"

#include <math.h>

#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(flitmig_to_number);
PG_FUNCTION_INFO_V1(flitmig_to_integer);
PG_FUNCTION_INFO_V1(flitmig_to_minutes);
PG_FUNCTION_INFO_V1(flitmig_to_npi);

/* Longest cell that is looked at as a number, in bytes. */
#define NUMBER_MAX 64

/* The mark at s that can only group digits (blank, apostrophe, underscore): its bytes, or 0. */
static int
group_mark_width(const char *s, const char *end)
{
	if (*s == ' ' || *s == '\'' || *s == '_')
		return 1;
	if (end - s >= 3 && memcmp(s, "\xE2\x80\x99", 3) == 0) /* U+2019 */
		return 3;
	return (unsigned char) *s >= 0x80 ? space_width(s, end) : 0;
}

/* Copies the number with every pure grouping mark as one apostrophe; false on any other character. */
static bool
normalise_marks(Span span, char *out, int *dots, int *commas)
{
	const char *s = span.data;
	const char *end = s + span.len;

	*dots = *commas = 0;
	if (span.len == 0 || span.len > NUMBER_MAX)
		return false;
	while (s < end)
	{
		int width = 1;

		if (*s == '.')
			++*dots;
		else if (*s == ',')
			++*commas;
		else if (*s < '0' || *s > '9')
		{
			width = group_mark_width(s, end);
			if (width == 0)
				return false;
			*out++ = '\'';
			s += width;
			continue;
		}
		*out++ = *s;
		s += width;
	}
	*out = '\0';
	return true;
}

/* Which mark is the decimal one, 0 for none; -1 when the marks make no sense. */
static int
decimal_mark(const char *number, int dots, int commas)
{
	const char *dot = strrchr(number, '.');
	const char *comma = strrchr(number, ',');

	if (dots && commas)
	{
		if (dot > comma)
			return dots == 1 ? '.' : -1;
		return commas == 1 ? ',' : -1;
	}
	if (dots == 1)
		return '.';
	if (commas == 1)
	{
		bool thousands = strlen(comma + 1) == 3 && comma > number &&
						 comma - number <= 3 && number[0] != '0';

		return thousands ? 0 : ',';
	}
	return 0;
}

/*
 * The rule for marks:
 *	 both . and , occur    the last one is the decimal mark and occurs once
 *	 . once                decimal point, always ("1.234" is one and a bit)
 *	 , once                thousands if one to three digits (not a leading 0)
 *	                       stand before it and exactly three after it,
 *	                       else the decimal mark ("12,50", "0,125")
 *	 . or , several times  grouping
 *	 blank ' _             grouping
 * Groups have three digits, the first one to three, or two as in India
 * ("12,34,567"); groups of other sizes are no number.
 */
bool
decimal_read(Span span, char *out)
{
	char		number[NUMBER_MAX + 1];
	int			dots;
	int			commas;
	int			mark;
	int			digits = 0; /* since the last grouping mark */
	int			total = 0;
	char		group = 0;
	bool		narrow = false; /* a group of two was seen */
	const char *s = number;

	if (!normalise_marks(span, number, &dots, &commas))
		return false;
	mark = decimal_mark(number, dots, commas);
	if (mark < 0)
		return false;
	for (; *s && *s != mark; s++)
	{
		if (*s >= '0' && *s <= '9')
		{
			*out++ = *s;
			digits++;
			total++;
			continue;
		}
		if ((group && *s != group) || digits == 0 || digits > 3 ||
			(group && digits == 1))
			return false;
		if (group == '.' && digits == 2)
			return false; /* India's groups stand between commas */
		if (group && digits == 2)
			narrow = true;
		else if (group && narrow)
			return false;
		group = *s;
		digits = 0;
	}
	if (group && digits != 3)
		return false;
	if (*s == '\0')
	{
		*out = '\0';
		return total > 0;
	}
	if (total == 0)
		*out++ = '0';
	s++;
	if (*s)
		*out++ = '.';
	for (; *s; s++)
	{
		if (*s < '0' || *s > '9')
			return false;
		*out++ = *s;
		total++;
	}
	*out = '\0';
	return total > 0;
}

/* Takes + or - (also U+2212) from the front; returns true for minus. */
static bool
take_sign(Span *span)
{
	if (span->len >= 1 && (span->data[0] == '+' || span->data[0] == '-'))
	{
		bool minus = span->data[0] == '-';

		*span = span_trim((Span){span->data + 1, span->len - 1});
		return minus;
	}
	if (span->len >= 3 && memcmp(span->data, "\xE2\x88\x92", 3) == 0)
	{
		*span = span_trim((Span){span->data + 3, span->len - 3});
		return true;
	}
	return false;
}

/*
 * to_number(text) → numeric
 *
 * An optional sign, digits by the rule of decimal_read, an optional exponent
 * of at most two digits.  NULL when anything else stands in the cell.
 */
Datum
flitmig_to_number(PG_FUNCTION_ARGS)
{
	Span  span = span_arg(fcinfo, 0);
	Span  mantissa;
	char  buffer[DECIMAL_SIZE + 8];
	char *number = buffer;
	int	  e = 0;

	if (take_sign(&span))
		*number++ = '-';
	mantissa = span;
	while (e < span.len && span.data[e] != 'e' && span.data[e] != 'E')
		e++;
	mantissa.len = e;
	if (!decimal_read(mantissa, number))
		PG_RETURN_NULL();
	if (e < span.len)
	{
		int i = e + 1;
		int digits;

		if (i < span.len && (span.data[i] == '+' || span.data[i] == '-'))
			i++;
		digits = span.len - i;
		if (digits < 1 || digits > 2)
			PG_RETURN_NULL();
		for (; i < span.len; i++)
			if (span.data[i] < '0' || span.data[i] > '9')
				PG_RETURN_NULL();
		number += strlen(number);
		memcpy(number, span.data + e, span.len - e);
		number[span.len - e] = '\0';
	}
	return DirectFunctionCall3(numeric_in, CStringGetDatum(buffer),
							   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

/*
 * to_integer(text) → bigint
 *
 * As to_number, for round numbers only: "30.0" is 30, "30.5", "30 min" and
 * "2.98E+13" (a number that a spreadsheet has damaged) are NULL.
 */
Datum
flitmig_to_integer(PG_FUNCTION_ARGS)
{
	Span		span = span_arg(fcinfo, 0);
	bool		minus = take_sign(&span);
	char		buffer[DECIMAL_SIZE];
	const char *s = buffer;
	int64		value = 0;

	if (!decimal_read(span, buffer))
		PG_RETURN_NULL();
	for (; *s && *s != '.'; s++)
	{
		int digit = *s - '0';

		if (value > (PG_INT64_MAX - digit) / 10)
			PG_RETURN_NULL();
		value = value * 10 + digit;
	}
	if (*s == '.')
		s++;
	for (; *s; s++)
		if (*s != '0')
			PG_RETURN_NULL();
	PG_RETURN_INT64(minus ? -value : value);
}

/* Seconds in a unit of time, 0 for an unknown word.  Months and years are no durations of a visit. */
static int
unit_seconds(Span word)
{
	static const char *const hours[] = {"h", "heure", "heures", "hora", "horas", "hour", "hours",
										"hr", "hrs", "ora", "ore", "std", "stunde", "stunden", "timer", "timmar", "timme", "uren", "uur"};
	static const char *const minutes[] = {"m", "min", "mins", "minuta", "minute", "minuten",
										  "minutes", "minuti", "minuto", "minutos", "minutter", "minuut"};
	static const char *const seconds[] = {"s", "sec", "second", "seconde", "secondes", "seconds",
										  "secs", "sek", "sekunden"};
	char					 folded[16];

	if (!span_fold(word, folded, sizeof(folded)))
		return 0;
	if (word_in(folded, minutes, lengthof(minutes)))
		return 60;
	if (word_in(folded, hours, lengthof(hours)))
		return 3600;
	if (word_in(folded, seconds, lengthof(seconds)))
		return 1;
	return 0;
}

/* H:MM or H:MM:SS; false when it is not one. */
static bool
read_clock(Span span, double *seconds)
{
	int part[3] = {0};
	int parts = 0;
	int digits = 0;

	for (int i = 0; i <= span.len; i++)
	{
		if (i == span.len || span.data[i] == ':')
		{
			if (digits == 0 || digits > 4 || (parts > 0 && (digits != 2 || part[parts] > 59)))
				return false;
			parts++;
			digits = 0;
			if (i < span.len && parts == 3)
				return false;
			continue;
		}
		if (span.data[i] < '0' || span.data[i] > '9' || ++digits > 4)
			return false;
		part[parts] = part[parts] * 10 + span.data[i] - '0';
	}
	*seconds = part[0] * 3600.0 + part[1] * 60.0 + part[2];
	/* 30:15 may be minutes and seconds */
	return parts == 3 || (parts == 2 && part[0] <= 24);
}

/* Takes a plain number with decimals from the front. */
static bool
take_amount(const char **at, const char *end, double *amount)
{
	const char *s = *at;
	char		buffer[DECIMAL_SIZE];

	while (s < end && ((*s >= '0' && *s <= '9') || *s == '.' || *s == ','))
		s++;
	if (s == *at || s[-1] == '.' || s[-1] == ',' ||
		!decimal_read((Span){*at, (int) (s - *at)}, buffer))
		return false;
	*amount = strtod(buffer, NULL);
	*at = s;
	return true;
}

#define FEW_MINUTES 10

/* "1h", "1 h 30 min", "1h30", "PT1H30M", "30" (in the given unit); units fall in size. */
static bool
read_amounts(Span span, int plain_unit, double *seconds)
{
	const char *s = span.data;
	const char *end = s + span.len;
	int			last = 0;

	*seconds = 0;
	if (span.len > 2 && (s[0] == 'P' || s[0] == 'p') && (s[1] == 'T' || s[1] == 't'))
		s += 2;
	while (s < end)
	{
		double		amount;
		const char *word;
		int			unit;

		if (!take_amount(&s, end, &amount))
			return false;
		while (s < end && space_width(s, end) > 0)
			s += space_width(s, end);
		word = s;
		while (s < end && ((unsigned char) *s >= 0x80 || (*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z')) &&
			   space_width(s, end) == 0)
			s++;
		if (s > word)
			unit = unit_seconds((Span){word, (int) (s - word)});
		else
			unit = last == 0 ? plain_unit : (last == 3600 ? 60 : 0);
		if (unit == 0 || (last != 0 && unit >= last))
			return false;
		/* 1.5 without a word is an hour and a half as likely as 90 seconds */
		if (s == word && last == 0 && unit == 60 && amount < FEW_MINUTES && amount != floor(amount))
			return false;
		if (s == word && s < end)
			return false;
		*seconds += amount * unit;
		last = unit;
		while (s < end && (*s == '.' || *s == ',' || space_width(s, end) > 0))
			s += Max(1, space_width(s, end));
		if (end - s > 4 && memcmp(s, "and ", 4) == 0)
			s += 4;
	}
	return last != 0;
}

/*
 * to_minutes(value text, unit text) → integer
 *
 * A duration in minutes, seconds rounded to the nearest.  unit ('min', 'sec',
 * 'hour'; NULL is 'min') is what a number alone means; 0:45 is always hours
 * and minutes, up to 24.  NULL for negative and unreadable values and above one year.
 */
Datum
flitmig_to_minutes(PG_FUNCTION_ARGS)
{
	Span   span;
	int	   unit = 60;
	double seconds;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	span = span_arg(fcinfo, 0);
	if (!PG_ARGISNULL(1))
		unit = unit_seconds(span_arg(fcinfo, 1));
	if (span.len == 0 || unit == 0)
		PG_RETURN_NULL();
	if (!read_clock(span, &seconds) && !read_amounts(span, unit, &seconds))
		PG_RETURN_NULL();
	if (!(seconds >= 0 && seconds <= 366 * 86400.0))
		PG_RETURN_NULL();
	PG_RETURN_INT32((int32) floor(seconds / 60 + 0.5));
}

/*
 * to_npi(text) → text
 *
 * A US National Provider Identifier: ten digits beginning with 1 or 2 whose
 * Luhn sum over the prefix 80840 and the number ends in 0 (45 CFR 162.406,
 * ISO/IEC 7812).  Blanks, hyphens and a leading "NPI" are passed over.
 */
Datum
flitmig_to_npi(PG_FUNCTION_ARGS)
{
	Span span = span_arg(fcinfo, 0);
	char digits[10] = {0};
	int	 count = 0;
	int	 sum = 24; /* of the prefix 80840 */
	int	 i = 0;

	if (span.len >= 3 && pg_strncasecmp(span.data, "npi", 3) == 0)
		i = 3;
	for (; i < span.len; i++)
	{
		char ch = span.data[i];

		if (ch == ' ' || ch == '-' || (count == 0 && (ch == ':' || ch == '#')))
			continue;
		if (ch < '0' || ch > '9' || count == 10)
			PG_RETURN_NULL();
		digits[count++] = ch;
	}
	if (count != 10 || (digits[0] != '1' && digits[0] != '2'))
		PG_RETURN_NULL();
	for (i = 0; i < 10; i++)
	{
		int digit = digits[i] - '0';

		if (i % 2 == 0)
			digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
		sum += digit;
	}
	if (sum % 10 != 0)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(digits, 10));
}
