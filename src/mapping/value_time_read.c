/*
 * value_time_read.c
 *		Reading a time of day and its offset as exports write them.
 */
#include "value_stamp.h"

#include "datatype/timestamp.h"

/* Abbreviations of time zones with the meaning that PostgreSQL's Default set gives them, hours east of UTC. */
/* clang-format off */
static const NamedNumber zones[] = {
	{"akdt", -8}, {"akst", -9}, {"bst", 1}, {"cdt", -5}, {"cest", 2}, {"cet", 1}, {"cst", -6},
	{"edt", -4}, {"eest", 3}, {"eet", 2}, {"est", -5}, {"gmt", 0}, {"hst", -10}, {"mdt", -6},
	{"mst", -7}, {"nzdt", 13}, {"nzst", 12}, {"pdt", -7}, {"pst", -8}, {"ut", 0}, {"utc", 0},
	{"z", 0}
};
/* clang-format on */

/* HHMM, HHMMSS or HHMMSSfff in a row. */
bool
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
	/* SQL Server writes 09:00:00:000AM */
	if (ahead.at < ahead.end && *ahead.at == ':')
	{
		ahead.at++;
		if (count_digits(&ahead) != 3)
			return stamp->second < 60;
		stamp->usec = take_digits(&ahead, 3) * 1000;
		*c = ahead;
	}
	else if ((take_char(&ahead, '.') || take_char(&ahead, ',')) && count_digits(&ahead) > 0)
	{
		int unit = 100000;

		for (; ahead.at < ahead.end && is_digit(*ahead.at); ahead.at++, unit /= 10)
			stamp->usec += (*ahead.at - '0') * unit;
		*c = ahead;
	}
	return stamp->second < 60;
}

/* What some languages write behind a time: 14:30 Uhr. */
static bool
take_clock_word(Cursor *c)
{
	static const char *const words[] = {"uhr", "uur"};
	Cursor					 ahead = *c;
	Cursor					 after;
	char					 word[8];

	skip_spaces(&ahead);
	after = peek_word(&ahead, word, sizeof(word));
	if (word[0] == '\0' || !word_in(word, words, lengthof(words)))
		return false;
	*c = after;
	return true;
}

/*
 * A time of day.  compact: four or six digits without marks are one too.
 * 24:00 is the end of the day, as in ISO 8601.
 */
bool
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
	if (!read_half_of_day(c, stamp, &half) || (!take_clock_word(c) && !mark && !half))
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
bool
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
