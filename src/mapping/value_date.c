/*
 * value_date.c
 *		Dates and instants from cells: the SQL functions. How a cell is read is in
 *		value_date_read.c and value_time_read.c.
 */
#include "value_stamp.h"

#include "datatype/timestamp.h"
#include "pgtime.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(flitmig_to_date);
PG_FUNCTION_INFO_V1(flitmig_to_date_until);
PG_FUNCTION_INFO_V1(flitmig_to_timestamp_tz);
PG_FUNCTION_INFO_V1(flitmig_to_timestamp_tz_cells);

/* Years that two digits can be made to mean. */
#define FIRST_CENTURY 1800
#define LAST_CENTURY  2199

/* Day 0 of spreadsheets and of Delphi: a blank cell that became a date. */
static bool
is_day_zero(const Stamp *stamp)
{
	return stamp->year == 1899 && stamp->month == 12 && stamp->day == 30;
}

/* MDY, DMY or YMD of an argument; anything else is unknown. */
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

	if (PG_ARGISNULL(0) || !read_stamp(span_arg(fcinfo, 0), order_arg(fcinfo, 1), &stamp) || is_day_zero(&stamp))
		PG_RETURN_NULL();
	PG_RETURN_DATEADT(date2j(stamp.year, stamp.month, stamp.day) - POSTGRES_EPOCH_JDATE);
}

/*
 * to_date(value text, date_order text, latest_year integer) → date
 *
 * As to_date, but a year of two digits is the latest one that is not after
 * latest_year: nobody was born in the future.
 */
Datum
flitmig_to_date_until(PG_FUNCTION_ARGS)
{
	Stamp stamp;

	if (PG_ARGISNULL(0) || !read_stamp(span_arg(fcinfo, 0), order_arg(fcinfo, 1), &stamp) || is_day_zero(&stamp))
		PG_RETURN_NULL();
	if (stamp.short_year && !PG_ARGISNULL(2))
	{
		int year = stamp.year % 100;
		int latest = PG_GETARG_INT32(2);

		if (latest < FIRST_CENTURY || latest > LAST_CENTURY)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the latest year %d is none that a date of two digits can mean", latest),
					 errhint("Give a year from %d to %d.", FIRST_CENTURY, LAST_CENTURY)));
		stamp.year = latest / 100 * 100 + year;
		if (stamp.year > latest)
			stamp.year -= 100;
		/* 29 February of the other century */
		if (stamp.day > day_tab[isleap(stamp.year)][stamp.month - 1])
			PG_RETURN_NULL();
	}
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

	if (PG_ARGISNULL(0) || !read_stamp(span_arg(fcinfo, 0), order_arg(fcinfo, 1), &stamp) || is_day_zero(&stamp) ||
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

	if (PG_ARGISNULL(0) || !read_stamp(span_arg(fcinfo, 0), order_arg(fcinfo, 2), &stamp) || is_day_zero(&stamp))
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
