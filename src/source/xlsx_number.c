/*
 * xlsx_number.c
 *		What a number in a workbook shows: by its format a date, a time, or a
 *		number in as few digits as say the same.
 */
#include "source/xlsx.h"

#include <math.h>

#include "common/shortest_dec.h"

#define WHOLE_LIMIT		9007199254740992.0 /* 2^53: up to there every whole number is itself */
#define EXACT_DIGITS	17				   /* that a double may have; more are no number but an identifier */
#define SECONDS_A_DAY	86400
#define DATE_LIMIT		2958466 /* the day behind 9999-12-31 */
#define LEAP_DAY		60		/* 1900-02-29, which Excel alone has */
#define DAYS_UNTIL_1904 1462	/* of 1900's count: day 0 of the other one */
#define DAYS_UNTIL_1970 25569

/* Bytes of a format's code that say nothing of the number: text in quotes or behind \, a character's width (_) or filling (*), a colour or locale in brackets; 0: none. */
static size_t
decoration_length(const char *p)
{
	const char *end = NULL;

	if ((*p == '\\' || *p == '_' || *p == '*') && p[1])
		return 2;
	if (*p == '"')
		end = strchr(p + 1, '"');
	else if (*p == '[' && strchr("hHmMsS", p[1]) == NULL) /* [h] counts hours */
		end = strchr(p, ']');
	else
		return 0;
	return end ? (size_t) (end + 1 - p) : strlen(p);
}

/* What a number format of the workbook's own shows: the letters of dates and times tell. */
NumberStyle
style_of_code(const char *code)
{
	size_t zeros = strspn(code, "0");
	bool   date = false,
		 time = false,
		 minutes = false;

	/* numbers that are identifiers: a postal code, a chart number */
	if (zeros >= 2 && zeros <= PADDED_DIGITS && (code[zeros] == '\0' || code[zeros] == ';'))
		return (NumberStyle) (STYLE_PADDED + (int) zeros - 2);

	for (const char *p = code; *p && *p != ';'; p++)
	{
		size_t decoration = decoration_length(p);

		if (decoration > 0)
			p += decoration - 1;
		else if (strchr("yYdD", *p))
			date = true;
		else if (strchr("hHsS", *p))
			time = true;
		else if (strchr("mM", *p))
			minutes = true; /* or months, where there are no hours */
		else if (strncmp(p, "General", 7) == 0)
			return STYLE_NUMBER;
	}
	if (date || (minutes && !time))
		return STYLE_DATE;
	return time ? STYLE_TIME : STYLE_NUMBER;
}

/* Number formats that every workbook has (ECMA-376 part 1, 18.8.30). */
NumberStyle
style_of_id(int id)
{
	if ((id >= 14 && id <= 17) || id == 22 || (id >= 27 && id <= 31) || id == 36 || (id >= 50 && id <= 58))
		return STYLE_DATE;
	return (id >= 18 && id <= 21) || (id >= 32 && id <= 35) || (id >= 45 && id <= 47) ? STYLE_TIME : STYLE_NUMBER;
}

/* Days since 1970-01-01 as a civil date (Howard Hinnant, "chrono-compatible low-level date algorithms"). */
static void
civil_date(int64 days, int *year, int *month, int *day)
{
	int64 z = days + 719468;
	int64 era = (z >= 0 ? z : z - 146096) / 146097;
	int64 doe = z - era * 146097;
	int64 yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64 doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64 mp = (5 * doy + 2) / 153;

	*day = (int) (doy - (153 * mp + 2) / 5 + 1);
	*month = (int) (mp < 10 ? mp + 3 : mp - 9);
	*year = (int) (yoe + era * 400 + (*month <= 2));
}

/* A day number as ISO date, date and time, or time. */
static int
write_date(double serial, NumberStyle shown, bool from_1904, char out[NUMBER_TEXT])
{
	int64 seconds = (int64) floor(serial * SECONDS_A_DAY + 0.5);
	int64 days = seconds / SECONDS_A_DAY;
	int	  rest = (int) (seconds % SECONDS_A_DAY);
	int	  hour = rest / 3600,
		minute = rest / 60 % 60,
		second = rest % 60;
	int year,
		month,
		day;

	if (shown == STYLE_TIME && (serial < 1 || days < LEAP_DAY))
		return snprintf(out, NUMBER_TEXT, "%02d:%02d:%02d", (int) (seconds / 3600), minute, second);
	if (from_1904)
		days += DAYS_UNTIL_1904;
	/* days that are none: Excel shows 1900-01-00 for 0, and a 29 February that year; to_date refuses them */
	if (days == 0 || days == LEAP_DAY)
	{
		year = 1900;
		month = days == 0 ? 1 : 2;
		day = days == 0 ? 0 : 29;
	}
	else
		civil_date((days < LEAP_DAY ? days + 1 : days) - DAYS_UNTIL_1970, &year, &month, &day);
	if (rest == 0)
		return snprintf(out, NUMBER_TEXT, "%04d-%02d-%02d", year, month, day);
	return snprintf(out, NUMBER_TEXT, "%04d-%02d-%02d %02d:%02d:%02d", year, month, day, hour, minute, second);
}

/*
 * A number as Excel stores it (17 digits) as it is to be read, and how long
 * that is; 0 when the text is to stay as it stands: no number, or digits that
 * none holds.  The server's LC_NUMERIC is always C.
 */
size_t
write_number(const char *text, NumberStyle shown, bool from_1904, char out[NUMBER_TEXT])
{
	char  *end;
	double value = strtod(text, &end);

	/* strtod knows more than XML Schema's double does: hexadecimal, nan, inf */
	if (end == text || text[strspn(text, "0123456789.+-eE")] != '\0' || *end != '\0' || isinf(value) ||
		strspn(text, "0123456789") > EXACT_DIGITS)
		return 0;
	if (shown >= STYLE_PADDED && value >= 0 && value == floor(value) && value <= WHOLE_LIMIT)
		return (size_t) snprintf(out, NUMBER_TEXT, "%0*.0f", (int) (shown - STYLE_PADDED) + 2, value);
	if ((shown == STYLE_DATE || shown == STYLE_TIME) && value >= 0 && value < DATE_LIMIT)
		return (size_t) write_date(value, shown, from_1904, out);
	if (value == floor(value) && fabs(value) <= WHOLE_LIMIT)
		return (size_t) snprintf(out, NUMBER_TEXT, "%.0f", value);
	return (size_t) double_to_shortest_decimal_buf(value, out);
}
