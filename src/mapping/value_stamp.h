/*
 * value_stamp.h
 *		What the readers of dates and of times share: a place in the cell, and
 *		the stamp that is read from it.
 */
#ifndef FLITMIG_VALUE_STAMP_H
#define FLITMIG_VALUE_STAMP_H

#include "mapping.h"

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
	bool short_year; /* two digits: the century is ours */
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

/* ---- value_date_read.c ---- */

/* The whole value: a date, perhaps a time, perhaps an offset, and nothing else. */
extern bool read_stamp(Span span, DateOrder order, Stamp *stamp);

/* A cell that holds a time alone, or a whole timestamp of which only the time counts. */
extern bool read_time_cell(Span span, Stamp *stamp);

/* ---- value_time_read.c ---- */

/* HHMM, HHMMSS or HHMMSSfff in a row. */
extern bool read_compact_time(Cursor *c, Stamp *stamp, int digits);

/* Hours, minutes, perhaps seconds and AM or PM; compact: digits in a row too. */
extern bool read_time(Cursor *c, Stamp *stamp, bool compact);

/* An offset, UTC, an abbreviation, and then perhaps a name in brackets, which adds nothing. */
extern bool read_zone(Cursor *c, Stamp *stamp);

/* ---- taking a cell apart ---- */

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

static inline void
skip_spaces(Cursor *c)
{
	int width;

	while (c->at < c->end && (width = space_width(c->at, c->end)) > 0)
		c->at += width;
}

static inline int
count_digits(const Cursor *c)
{
	const char *s = c->at;

	while (s < c->end && is_digit(*s))
		s++;
	return (int) (s - c->at);
}

/* Takes that many digits, which must be there. */
static inline int
take_digits(Cursor *c, int count)
{
	int value = 0;

	for (; count > 0; count--)
		value = value * 10 + (*c->at++ - '0');
	return value;
}

/* Takes a run of at most max digits; returns how many there were, 0 when none or too many. */
static inline int
take_number(Cursor *c, int max, int *value)
{
	int count = count_digits(c);

	if (count == 0 || count > max)
		return 0;
	*value = take_digits(c, count);
	return count;
}

static inline bool
take_char(Cursor *c, char ch)
{
	if (c->at >= c->end || *c->at != ch)
		return false;
	c->at++;
	return true;
}

/* The word at the cursor, folded; empty when there is none or it is too long. */
static inline Cursor
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

static inline int
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

#endif /* FLITMIG_VALUE_STAMP_H */
