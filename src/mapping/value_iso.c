/*
 * value_iso.c
 *		Dates and times as Twenty stores them.
 */
#include "mapping.h"

#include "datatype/timestamp.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(flitmig_iso_timestamptz);
PG_FUNCTION_INFO_V1(flitmig_iso_date);

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
