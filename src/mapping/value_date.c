/*
 * value_date.c
 *		Dates and times as exports write them.
 *
 * Twenty stores a guess for 03/04/2024 (TWENTY.md, Values), so nothing
 * ambiguous may reach it: a value is read in exactly one way or not at all.
 *
 *	  cell ──read_date──▶ year, month, day ──read_time──▶ time ──read_zone──▶ offset
 */
#include "mapping.h"

#include "datatype/timestamp.h"
#include "pgtime.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(flitmig_to_date);
PG_FUNCTION_INFO_V1(flitmig_to_timestamp_tz);
PG_FUNCTION_INFO_V1(flitmig_to_timestamp_tz_cells);
PG_FUNCTION_INFO_V1(flitmig_iso_timestamptz);
PG_FUNCTION_INFO_V1(flitmig_iso_date);

/* Two-digit years below are 20xx, the others 19xx. */
#define PIVOT_YEAR 30

/* Years that a clinic's export can mean; below it is a typing error or a program's zero date. */
#define FIRST_YEAR 1000
#define LAST_YEAR  9999

typedef enum DateOrder
{
	ORDER_UNKNOWN, /* only values with one possible reading */
	ORDER_MDY,
	ORDER_DMY,
	ORDER_YMD
} DateOrder;

typedef struct Stamp
{
	int year,
		month,
		day;
	int hour,
		minute,
		second,
		usec;
	bool has_time;
	bool has_zone;
	int	 zone; /* seconds east of UTC */
} Stamp;

typedef struct Cursor
{
	const char *at;
	const char *end;
} Cursor;

typedef struct NamedNumber
{
	const char *name;
	int			number;
} NamedNumber;

/*
 * Months in English, German, French, Spanish, Italian, Portuguese and Dutch,
 * folded (no accents), sorted.  No word means two months.
 */
/* clang-format off */
static const NamedNumber month_words[] = {
	{"abr", 4}, {"abril", 4}, {"ago", 8}, {"agosto", 8}, {"aout", 8}, {"apr", 4}, {"april", 4},
	{"aprile", 4}, {"aug", 8}, {"august", 8}, {"augustus", 8}, {"avr", 4}, {"avril", 4}, {"dec", 12},
	{"december", 12}, {"decembre", 12}, {"dez", 12}, {"dezember", 12}, {"dezembro", 12}, {"dic", 12},
	{"dicembre", 12}, {"diciembre", 12}, {"ene", 1}, {"enero", 1}, {"feb", 2}, {"febbraio", 2},
	{"febrero", 2}, {"februar", 2}, {"februari", 2}, {"february", 2}, {"fev", 2}, {"fevereiro", 2},
	{"fevr", 2}, {"fevrier", 2}, {"gen", 1}, {"gennaio", 1}, {"giu", 6}, {"giugno", 6},
	{"jaenner", 1}, {"jan", 1}, {"janeiro", 1}, {"janner", 1}, {"januar", 1}, {"januari", 1},
	{"january", 1}, {"janv", 1}, {"janvier", 1}, {"juil", 7}, {"juillet", 7}, {"juin", 6}, {"jul", 7},
	{"julho", 7}, {"juli", 7}, {"julio", 7}, {"july", 7}, {"jun", 6}, {"june", 6}, {"junho", 6},
	{"juni", 6}, {"junio", 6}, {"lug", 7}, {"luglio", 7}, {"maart", 3}, {"maerz", 3}, {"mag", 5},
	{"maggio", 5}, {"mai", 5}, {"maio", 5}, {"mar", 3}, {"march", 3}, {"marco", 3}, {"mars", 3},
	{"marz", 3}, {"marzo", 3}, {"may", 5}, {"mayo", 5}, {"mei", 5}, {"mrt", 3}, {"mrz", 3},
	{"nov", 11}, {"november", 11}, {"novembre", 11}, {"novembro", 11}, {"noviembre", 11}, {"oct", 10},
	{"october", 10}, {"octobre", 10}, {"octubre", 10}, {"okt", 10}, {"oktober", 10}, {"ott", 10},
	{"ottobre", 10}, {"out", 10}, {"outubro", 10}, {"sep", 9}, {"sept", 9}, {"september", 9},
	{"septembre", 9}, {"septiembre", 9}, {"set", 9}, {"setembro", 9}, {"setiembre", 9},
	{"settembre", 9}
};
/* clang-format on */

/* Weekdays that may stand before a date; what is also a month's abbreviation is left out. */
static const char *const weekdays[] = {
	"dienstag", "dimanche", "dinsdag", "domenica", "domingo", "donderdag", "donnerstag",
	"freitag", "fri", "friday", "giovedi", "jeudi", "jueves", "lundi", "lunedi", "lunes",
	"maandag", "mardi", "martedi", "martes", "mercoledi", "mercredi", "miercoles", "mittwoch",
	"mon", "monday", "montag", "sabado", "samedi", "samstag", "sat", "saturday", "sonntag",
	"sun", "sunday", "thu", "thur", "thurs", "thursday", "tue", "tues", "tuesday", "vendredi",
	"venerdi", "viernes", "vrijdag", "wed", "wednesday", "woensdag", "zaterdag", "zondag"};

/* Abbreviations of time zones with the meaning that PostgreSQL's Default set gives them, hours east of UTC. */
/* clang-format off */
static const NamedNumber zones[] = {
	{"akdt", -8}, {"akst", -9}, {"bst", 1}, {"cdt", -5}, {"cest", 2}, {"cet", 1}, {"cst", -6},
	{"edt", -4}, {"eest", 3}, {"eet", 2}, {"est", -5}, {"gmt", 0}, {"hst", -10}, {"mdt", -6},
	{"mst", -7}, {"nzdt", 13}, {"nzst", 12}, {"pdt", -7}, {"pst", -8}, {"ut", 0}, {"utc", 0},
	{"z", 0}
};
/* clang-format on */

static inline bool
is_digit(char ch)
{
	return ch >= '0' && ch <= '9';
}

static inline bool
is_letter(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (unsigned char) ch >= 0x80;
}

static void
skip_spaces(Cursor *c)
{
	int width;

	while (c->at < c->end && (width = space_width(c->at, c->end)) > 0)
		c->at += width;
}

static int
count_digits(const Cursor *c)
{
	const char *s = c->at;

	while (s < c->end && is_digit(*s))
		s++;
	return (int) (s - c->at);
}

/* Takes that many digits, which must be there. */
static int
take_digits(Cursor *c, int count)
{
	int value = 0;

	for (; count > 0; count--)
		value = value * 10 + (*c->at++ - '0');
	return value;
}

/* Takes a run of at most max digits; returns how many there were, 0 when none or too many. */
static int
take_number(Cursor *c, int max, int *value)
{
	int count = count_digits(c);

	if (count == 0 || count > max)
		return 0;
	*value = take_digits(c, count);
	return count;
}

static bool
take_char(Cursor *c, char ch)
{
	if (c->at >= c->end || *c->at != ch)
		return false;
	c->at++;
	return true;
}

/* The word at the cursor, folded; empty when there is none or it is too long. */
static Cursor
peek_word(const Cursor *c, char *word, int size)
{
	Cursor after = *c;

	while (after.at < after.end && is_letter(*after.at) &&
		   space_width(after.at, after.end) == 0)
		after.at++;
	if (!span_fold((Span){c->at, (int) (after.at - c->at)}, word, size))
		word[0] = '\0';
	return after;
}

static int
find_number(const char *word, const NamedNumber *table, int count, int none)
{
	int low = 0;
	int high = count;

	while (low < high)
	{
		int middle = (low + high) / 2;
		int order = strcmp(word, table[middle].name);

		if (order == 0)
			return table[middle].number;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return none;
}

static bool
take_month(Cursor *c, int *month)
{
	char   word[16];
	Cursor after = peek_word(c, word, sizeof(word));

	*month = find_number(word, month_words, lengthof(month_words), 0);
	if (*month == 0)
		return false;
	*c = after;
	(void) take_char(c, '.');
	return true;
}

static bool
valid_date(int year, int month, int day)
{
	return year >= FIRST_YEAR && year <= LAST_YEAR && month >= 1 && month <= 12 &&
		   day >= 1 && day <= day_tab[isleap(year)][month - 1];
}

static int
full_year(int year, int digits)
{
	if (digits > 2)
		return year;
	return year + (year < PIVOT_YEAR ? 2000 : 1900);
}

/* Adds a reading of the value; two different readings make it ambiguous. */
static void
add_reading(Stamp *stamp, int *readings, int year, int month, int day)
{
	if (!valid_date(year, month, day))
		return;
	if (*readings > 0 && stamp->year == year && stamp->month == month && stamp->day == day)
		return;
	(*readings)++;
	stamp->year = year;
	stamp->month = month;
	stamp->day = day;
}

/*
 * Three numbers with their counts of digits.  A year of four digits in front
 * is always followed by month and day.  Otherwise a stated order is the only
 * one tried, so that a value which contradicts its column is not read; with
 * no order, or with year first and a four-digit year last, all are tried and
 * must agree.
 */
static bool
resolve(Stamp *stamp, DateOrder order, const int *number, const int *digits)
{
	int	 readings = 0;
	bool year_last = digits[2] == 4 || digits[2] == 2;

	if (digits[0] == 4)
	{
		if (digits[1] <= 2 && digits[2] <= 2)
			add_reading(stamp, &readings, number[0], number[1], number[2]);
		return readings == 1;
	}
	if (digits[0] > 2 || digits[1] > 2 || digits[2] == 3)
		return false;
	if (order == ORDER_YMD && digits[2] == 4)
		order = ORDER_UNKNOWN;
	if (year_last && (order == ORDER_MDY || order == ORDER_UNKNOWN))
		add_reading(stamp, &readings, full_year(number[2], digits[2]), number[0], number[1]);
	if (year_last && (order == ORDER_DMY || order == ORDER_UNKNOWN))
		add_reading(stamp, &readings, full_year(number[2], digits[2]), number[1], number[0]);
	if (digits[0] == 2 && digits[2] != 4 && (order == ORDER_YMD || order == ORDER_UNKNOWN))
		add_reading(stamp, &readings, full_year(number[0], 2), number[1], number[2]);
	return readings == 1;
}

/*
 * Eight digits in a row.  The middle four of DDMMYYYY and MMDDYYYY begin with
 * the century (18-21), which is no month, so they cannot be mistaken for
 * YYYYMMDD.
 */
static bool
read_eight(Cursor *c, Stamp *stamp, DateOrder order)
{
	Cursor again = *c;
	int	   number[3] = {take_digits(c, 4), take_digits(c, 2), take_digits(c, 2)};
	int	   digits[3] = {4, 2, 2};

	if (number[0] >= 1800 && number[0] < 2200 && resolve(stamp, order, number, digits))
		return true;
	number[0] = take_digits(&again, 2);
	number[1] = take_digits(&again, 2);
	number[2] = take_digits(&again, 4);
	digits[0] = 2;
	digits[2] = 4;
	return number[2] >= 1800 && number[2] < 2200 && resolve(stamp, order, number, digits);
}

/* HHMM, HHMMSS or HHMMSSfff in a row. */
static bool
read_compact_time(Cursor *c, Stamp *stamp, int digits)
{
	if (digits != 4 && digits != 6 && digits != 9)
		return false;
	stamp->hour = take_digits(c, 2);
	stamp->minute = take_digits(c, 2);
	if (digits > 4)
		stamp->second = take_digits(c, 2);
	if (digits > 6)
		stamp->usec = take_digits(c, 3) * 1000;
	stamp->has_time = true;
	return stamp->hour < 24 && stamp->minute < 60 && stamp->second < 60;
}

/* Separator between the parts of a date: one of / . - or blanks, blanks around it allowed; 0: none. */
static char
take_separator(Cursor *c)
{
	const char *start = c->at;
	char		found = 0;

	skip_spaces(c);
	if (c->at < c->end && (*c->at == '/' || *c->at == '.' || *c->at == '-'))
	{
		found = *c->at++;
		skip_spaces(c);
	}
	else if (c->at > start)
		found = ' ';
	return found;
}

/* What may stand between day, month word and year: separators, commas, "of", "de", ordinal endings. */
static void
skip_connectors(Cursor *c)
{
	static const char *const words[] = {
		"a", "d", "de", "del", "do", "er", "nd", "o", "of", "rd", "st", "te", "th", "the"};

	for (;;)
	{
		char   word[8];
		Cursor after;

		(void) take_separator(c);
		if (take_char(c, ',') || take_char(c, '\''))
			continue;
		after = peek_word(c, word, sizeof(word));
		if (word[0] == '\0' || !word_in(word, words, lengthof(words)))
			return;
		*c = after;
	}
}

/* A day and a year on both sides of a month word, in either order. */
static bool
read_with_word(Cursor *c, Stamp *stamp, int first, int first_digits, int month)
{
	int second;
	int second_digits;

	skip_connectors(c);
	second_digits = take_number(c, 4, &second);
	if (first_digits == 4 && second_digits >= 1 && second_digits <= 2)
	{
		stamp->year = first;
		stamp->day = second;
	}
	else if (first_digits <= 2 && (second_digits == 2 || second_digits == 4))
	{
		stamp->year = full_year(second, second_digits);
		stamp->day = first;
	}
	else
		return false;
	stamp->month = month;
	return valid_date(stamp->year, stamp->month, stamp->day);
}

/* "Feb 3, 2020": the month word has been taken. */
static bool
read_after_word(Cursor *c, Stamp *stamp, int month)
{
	int day;
	int digits;

	skip_connectors(c);
	digits = take_number(c, 2, &day);
	return digits > 0 && read_with_word(c, stamp, day, digits, month);
}

static bool
read_numeric(Cursor *c, Stamp *stamp, DateOrder order)
{
	int	   number[3];
	int	   digits[3];
	int	   month;
	char   separator;
	Cursor before;

	digits[0] = take_number(c, 4, &number[0]);
	if (digits[0] == 0)
		return false;
	before = *c;
	separator = take_separator(c);
	if (c->at < c->end && !is_digit(*c->at))
	{
		*c = before;
		skip_connectors(c);
		return take_month(c, &month) && read_with_word(c, stamp, number[0], digits[0], month);
	}
	if (separator == 0)
		return false;
	digits[1] = take_number(c, 2, &number[1]);
	if (digits[1] == 0 || take_separator(c) != separator)
		return false;
	digits[2] = take_number(c, 4, &number[2]);
	return digits[2] > 0 && resolve(stamp, order, number, digits);
}

static void
skip_weekday(Cursor *c)
{
	char   word[16];
	Cursor after = peek_word(c, word, sizeof(word));

	if (word[0] == '\0' || !word_in(word, weekdays, lengthof(weekdays)))
		return;
	*c = after;
	(void) take_char(c, '.');
	(void) take_char(c, ',');
	skip_spaces(c);
}

static bool
read_date(Cursor *c, Stamp *stamp, DateOrder order)
{
	int digits;
	int month;

	if (c->at < c->end && is_letter(*c->at))
		skip_weekday(c);
	digits = count_digits(c);
	if (digits == 0)
		return take_month(c, &month) && read_after_word(c, stamp, month);
	if (digits == 8)
		return read_eight(c, stamp, order);
	if (digits == 12 || digits == 14 || digits == 17)
		return read_eight(c, stamp, ORDER_YMD) &&
			   read_compact_time(c, stamp, digits - 8);
	return read_numeric(c, stamp, order);
}

/* AM or PM after a time; the hour must agree with it. */
static bool
read_half_of_day(Cursor *c, Stamp *stamp, bool *found)
{
	Cursor ahead = *c;
	char   half;

	*found = false;
	skip_spaces(&ahead);
	if (ahead.at >= ahead.end)
		return true;
	half = pg_ascii_tolower((unsigned char) *ahead.at);
	if (half != 'a' && half != 'p')
		return true;
	ahead.at++;
	(void) take_char(&ahead, '.');
	skip_spaces(&ahead);
	if (take_char(&ahead, 'm') || take_char(&ahead, 'M'))
		(void) take_char(&ahead, '.');
	if (ahead.at < ahead.end && is_letter(*ahead.at))
		return true;
	*c = ahead;
	*found = true;
	if (half == 'a')
	{
		if (stamp->hour == 12)
			stamp->hour = 0;
		return stamp->hour < 12;
	}
	if (stamp->hour >= 1 && stamp->hour < 12)
		stamp->hour += 12;
	return stamp->hour >= 12;
}

/* Seconds and their fraction, after hour and minute; further digits than microseconds are cut. */
static bool
read_seconds(Cursor *c, Stamp *stamp, char mark)
{
	Cursor ahead = *c;

	if (mark == 'h' || !take_char(&ahead, mark) || count_digits(&ahead) != 2)
		return true;
	stamp->second = take_digits(&ahead, 2);
	*c = ahead;
	if ((take_char(&ahead, '.') || take_char(&ahead, ',')) && count_digits(&ahead) > 0)
	{
		int unit = 100000;

		for (; ahead.at < ahead.end && is_digit(*ahead.at); ahead.at++, unit /= 10)
			stamp->usec += (*ahead.at - '0') * unit;
		*c = ahead;
	}
	return stamp->second < 60;
}

/*
 * A time of day.  compact: four or six digits without marks are one too.
 * 24:00 is the end of the day, as in ISO 8601.
 */
static bool
read_time(Cursor *c, Stamp *stamp, bool compact)
{
	int	 digits = count_digits(c);
	bool half;
	char mark = 0;

	if (digits == 4 || digits == 6)
		return compact && read_compact_time(c, stamp, digits);
	if (digits == 0 || digits > 2)
		return false;
	stamp->has_time = true;
	stamp->hour = take_digits(c, digits);
	if (c->at < c->end && (*c->at == ':' || *c->at == 'h' || *c->at == 'H' || *c->at == '.'))
		mark = *c->at == 'H' ? 'h' : *c->at;
	if (mark)
	{
		c->at++;
		digits = count_digits(c);
		if (digits == 2)
			stamp->minute = take_digits(c, 2);
		else if (digits != 0 || mark != 'h')
			return false;
		if (!read_seconds(c, stamp, mark))
			return false;
	}
	if (!read_half_of_day(c, stamp, &half) || (!mark && !half))
		return false;
	if (stamp->hour == 24)
		return !half && stamp->minute == 0 && stamp->second == 0 && stamp->usec == 0;
	return stamp->hour < 24 && stamp->minute < 60;
}

/* +HH, +HHMM, +HH:MM; offsets run from -12:00 to +14:00. */
static bool
read_offset(Cursor *c, Stamp *stamp)
{
	int sign = *c->at == '-' ? -1 : 1;
	int digits;
	int minute = 0;

	c->at++;
	digits = count_digits(c);
	if (digits != 2 && digits != 4 && digits != 1)
		return false;
	stamp->zone = take_digits(c, digits == 1 ? 1 : 2) * 3600;
	if (digits == 4)
		minute = take_digits(c, 2);
	else if (take_char(c, ':'))
	{
		if (count_digits(c) != 2)
			return false;
		minute = take_digits(c, 2);
	}
	stamp->zone = sign * (stamp->zone + minute * 60);
	stamp->has_zone = true;
	return minute < 60 && stamp->zone >= -12 * 3600 && stamp->zone <= 14 * 3600;
}

/* An offset, UTC, an abbreviation, and then perhaps a name in brackets, which adds nothing. */
static bool
read_zone(Cursor *c, Stamp *stamp)
{
	char   word[8];
	Cursor after;
	int	   hours;

	skip_spaces(c);
	after = peek_word(c, word, sizeof(word));
	if (after.at > c->at)
	{
		hours = find_number(word, zones, lengthof(zones), 99);
		if (hours == 99)
			return false;
		*c = after;
		stamp->has_zone = true;
		stamp->zone = hours * 3600;
		skip_spaces(c);
	}
	if (c->at < c->end && (*c->at == '+' || *c->at == '-') &&
		(!stamp->has_zone || stamp->zone == 0) && !read_offset(c, stamp))
		return false;
	skip_spaces(c);
	if (stamp->has_zone && c->at < c->end &&
		((*c->at == '(' && c->end[-1] == ')') || (*c->at == '[' && c->end[-1] == ']')))
		c->at = c->end;
	return true;
}

/* The whole value: a date, perhaps a time, perhaps an offset, and nothing else. */
static bool
read_stamp(Span span, DateOrder order, Stamp *stamp)
{
	Cursor c = {span.data, span.data + span.len};
	bool   marked = false;

	memset(stamp, 0, sizeof(*stamp));
	if (span.len < 6 || !read_date(&c, stamp, order))
		return false;
	if (c.at == c.end)
		return true;
	if (!stamp->has_time)
	{
		const char *before = c.at;

		skip_spaces(&c);
		if (take_char(&c, ','))
			skip_spaces(&c);
		if (c.at + 1 < c.end && (*c.at == 'T' || *c.at == 't' || *c.at == '@'))
		{
			c.at++;
			marked = true;
		}
		else if (c.at + 3 < c.end && pg_strncasecmp(c.at, "at ", 3) == 0)
			c.at += 3;
		else if (c.at == before)
			return false;
		skip_spaces(&c);
		if (!read_time(&c, stamp, marked))
			return false;
	}
	else if (take_char(&c, '.'))
	{
		int unit = 100000;

		if (count_digits(&c) == 0)
			return false;
		for (; c.at < c.end && is_digit(*c.at); c.at++, unit /= 10)
			stamp->usec += (*c.at - '0') * unit;
	}
	return (c.at == c.end || read_zone(&c, stamp)) && c.at == c.end;
}

/* A cell that holds a time alone, or a whole timestamp of which only the time counts. */
static bool
read_time_cell(Span span, Stamp *stamp)
{
	Cursor c = {span.data, span.data + span.len};

	memset(stamp, 0, sizeof(*stamp));
	if (read_time(&c, stamp, true) && (c.at == c.end || read_zone(&c, stamp)) && c.at == c.end)
		return true;
	return read_stamp(span, ORDER_UNKNOWN, stamp) && stamp->has_time;
}

static DateOrder
order_arg(FunctionCallInfo fcinfo, int arg)
{
	Span span;

	if (PG_ARGISNULL(arg))
		return ORDER_UNKNOWN;
	span = span_arg(fcinfo, arg);
	if (span_is(span, "mdy"))
		return ORDER_MDY;
	if (span_is(span, "dmy"))
		return ORDER_DMY;
	if (span_is(span, "ymd"))
		return ORDER_YMD;
	return ORDER_UNKNOWN;
}

/* The time zone argument; NULL when absent or unknown.  pg_tzset keeps a cache of its own. */
static pg_tz *
zone_arg(FunctionCallInfo fcinfo, int arg)
{
	char name[TZ_STRLEN_MAX + 1];
	Span span;

	if (PG_ARGISNULL(arg))
		return NULL;
	span = span_arg(fcinfo, arg);
	if (span.len == 0 || span.len > TZ_STRLEN_MAX)
		return NULL;
	memcpy(name, span.data, span.len);
	name[span.len] = '\0';
	return pg_tzset(name);
}

/* The instant that a stamp names; false when it has no offset and there is no zone either. */
static bool
stamp_instant(const Stamp *stamp, pg_tz *zone, TimestampTz *result)
{
	int64 days = date2j(stamp->year, stamp->month, stamp->day) - POSTGRES_EPOCH_JDATE;
	int64 seconds = stamp->hour * 3600 + stamp->minute * 60 + stamp->second;

	if (stamp->has_zone)
		seconds -= stamp->zone;
	else
	{
		struct pg_tm tm = {0};

		if (zone == NULL)
			return false;
		/* 24:00 is the next day's midnight, which has an offset of its own */
		j2date(date2j(stamp->year, stamp->month, stamp->day) + stamp->hour / 24,
			   &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
		tm.tm_hour = stamp->hour % 24;
		tm.tm_min = stamp->minute;
		tm.tm_sec = stamp->second;
		seconds += DetermineTimeZoneOffset(&tm, zone);
	}
	*result = days * USECS_PER_DAY + seconds * USECS_PER_SEC + stamp->usec;
	return true;
}

/*
 * to_date(value text, date_order text) → date
 *
 * date_order: MDY, DMY or YMD says how 03/04/2024 is meant; NULL reads only
 * what has one meaning.  A time, with or without offset, is ignored after it
 * was found to be one.  Two-digit years: 00-29 are 20xx, 30-99 are 19xx.
 * NULL for everything else, impossible and zero dates included.
 */
Datum
flitmig_to_date(PG_FUNCTION_ARGS)
{
	Stamp stamp;

	if (PG_ARGISNULL(0) || !read_stamp(span_arg(fcinfo, 0), order_arg(fcinfo, 1), &stamp))
		PG_RETURN_NULL();
	PG_RETURN_DATEADT(date2j(stamp.year, stamp.month, stamp.day) - POSTGRES_EPOCH_JDATE);
}

/*
 * to_timestamp_tz(value text, date_order text, time_zone text) → timestamptz
 *
 * A value with an offset names its instant; one without is local time in
 * time_zone, a date alone local midnight.  A local time that a clock change
 * skips or repeats is read as the server reads it (standard time).
 */
Datum
flitmig_to_timestamp_tz(PG_FUNCTION_ARGS)
{
	Stamp		stamp;
	TimestampTz result;

	if (PG_ARGISNULL(0) || !read_stamp(span_arg(fcinfo, 0), order_arg(fcinfo, 1), &stamp) ||
		!stamp_instant(&stamp, zone_arg(fcinfo, 2), &result))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(result);
}

/*
 * to_timestamp_tz(date_value text, time_value text, date_order text, time_zone text) → timestamptz
 *
 * Date and time in two cells.  A time cell that is not blank counts, even if
 * the date cell has a time too (spreadsheets add 00:00:00); if it cannot be
 * read, neither can the pair.
 */
Datum
flitmig_to_timestamp_tz_cells(PG_FUNCTION_ARGS)
{
	Stamp		stamp;
	Stamp		time;
	TimestampTz result;
	Span		cell = {NULL, 0};

	if (PG_ARGISNULL(0) || !read_stamp(span_arg(fcinfo, 0), order_arg(fcinfo, 2), &stamp))
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(1))
		cell = span_arg(fcinfo, 1);
	if (cell.len > 0)
	{
		if (!read_time_cell(cell, &time))
			PG_RETURN_NULL();
		time.year = stamp.year;
		time.month = stamp.month;
		time.day = stamp.day;
		if (!time.has_zone && stamp.has_zone && stamp.has_time)
		{
			time.has_zone = true;
			time.zone = stamp.zone;
		}
		stamp = time;
	}
	if (!stamp_instant(&stamp, zone_arg(fcinfo, 3), &result))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(result);
}

static char *
put_digits(char *out, int value, int digits)
{
	for (int i = digits - 1; i >= 0; i--, value /= 10)
		out[i] = '0' + value % 10;
	return out + digits;
}

/* Writes YYYY-MM-DD; false when the day (from 2000-01-01) is outside years 1-9999. */
static bool
put_date(char *out, int64 day)
{
	int year;
	int month;
	int mday;

	if (day < 1721426 - POSTGRES_EPOCH_JDATE || day > 5373484 - POSTGRES_EPOCH_JDATE)
		return false;
	j2date((int) day + POSTGRES_EPOCH_JDATE, &year, &month, &mday);
	out = put_digits(out, year, 4);
	*out++ = '-';
	out = put_digits(out, month, 2);
	*out++ = '-';
	(void) put_digits(out, mday, 2);
	return true;
}

/*
 * iso(timestamptz) → text, YYYY-MM-DDTHH:MM:SS.mmmZ
 *
 * In UTC, with the milliseconds that Twenty stores: it cuts, so what comes
 * back compares equal.  NULL for infinity and years outside 1-9999.
 */
Datum
flitmig_iso_timestamptz(PG_FUNCTION_ARGS)
{
	TimestampTz value = PG_GETARG_TIMESTAMPTZ(0);
	int64		day;
	int64		ms;
	char		buffer[24];
	char	   *out = buffer + 10;

	if (TIMESTAMP_NOT_FINITE(value))
		PG_RETURN_NULL();
	day = value / USECS_PER_DAY;
	if (value % USECS_PER_DAY < 0)
		day--;
	ms = (value - day * USECS_PER_DAY) / 1000;
	if (!put_date(buffer, day))
		PG_RETURN_NULL();
	*out++ = 'T';
	out = put_digits(out, (int) (ms / 3600000), 2);
	*out++ = ':';
	out = put_digits(out, (int) (ms / 60000 % 60), 2);
	*out++ = ':';
	out = put_digits(out, (int) (ms / 1000 % 60), 2);
	*out++ = '.';
	out = put_digits(out, (int) (ms % 1000), 3);
	*out++ = 'Z';
	PG_RETURN_TEXT_P(cstring_to_text_with_len(buffer, sizeof(buffer)));
}

/* iso(date) → text, YYYY-MM-DD; NULL for infinity and years outside 1-9999. */
Datum
flitmig_iso_date(PG_FUNCTION_ARGS)
{
	char buffer[10];

	if (!put_date(buffer, PG_GETARG_DATEADT(0)))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(buffer, sizeof(buffer)));
}
