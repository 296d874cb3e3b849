/*
 * value_date_read.c
 *		Reading a date as exports write it.
 *
 * Twenty stores a guess for 03/04/2024 (TWENTY.md, Values), so nothing
 * ambiguous may reach it: a value is read in exactly one way or not at all.
 *
 *	  cell ──read_date──▶ year, month, day ──read_time──▶ time ──read_zone──▶ offset
 */
#include "value_stamp.h"

#include "datatype/timestamp.h"
#include "utils/datetime.h"

/* Two-digit years below are 20xx, the others 19xx. */
#define PIVOT_YEAR 30

/* Years that a clinic's export can mean; below it is a typing error or a program's zero date. */
#define FIRST_YEAR 1800
#define LAST_YEAR  9999

/*
 * Months in most languages of Europe with Latin letters and in Indonesian, as
 * they stand in dates, folded (no accents), sorted.  No word means two months:
 * listopada is November in Polish and October in Croatian, and is not read.
 */
/* clang-format off */
static const NamedNumber month_words[] = {
	{"abr", 4}, {"abril", 4}, {"ago", 8}, {"agosto", 8}, {"agustos", 8}, {"agustus", 8},
	{"aout", 8}, {"apr", 4}, {"april", 4}, {"aprila", 4}, {"aprile", 4}, {"aprilie", 4},
	{"aprilis", 4}, {"aralik", 12}, {"aug", 8}, {"august", 8}, {"augusta", 8}, {"augusti", 8},
	{"augustus", 8}, {"augusztus", 8}, {"avr", 4}, {"avril", 4}, {"brezen", 3}, {"brezna", 3},
	{"cerven", 6}, {"cervence", 7}, {"cervenec", 7}, {"cervna", 6}, {"czerwca", 6}, {"czerwiec", 6},
	{"dec", 12}, {"december", 12}, {"decembra", 12}, {"decembre", 12}, {"decembrie", 12},
	{"des", 12}, {"desember", 12}, {"dez", 12}, {"dezember", 12}, {"dezembro", 12}, {"dic", 12},
	{"dicembre", 12}, {"diciembre", 12}, {"duben", 4}, {"dubna", 4}, {"ekim", 10}, {"elokuuta", 8},
	{"ene", 1}, {"enero", 1}, {"eylul", 9}, {"feb", 2}, {"febbraio", 2}, {"feber", 2},
	{"febrero", 2}, {"februar", 2}, {"februara", 2}, {"februari", 2}, {"februarie", 2},
	{"february", 2}, {"fev", 2}, {"fevereiro", 2}, {"fevr", 2}, {"fevrier", 2}, {"gen", 1},
	{"gennaio", 1}, {"giu", 6}, {"giugno", 6}, {"grudnia", 12}, {"grudzien", 12}, {"haziran", 6},
	{"heinakuuta", 7}, {"helmikuuta", 2}, {"huhtikuuta", 4}, {"ian", 1}, {"ianuarie", 1},
	{"iulie", 7}, {"iunie", 6}, {"jaenner", 1}, {"jan", 1}, {"janeiro", 1}, {"janner", 1},
	{"januar", 1}, {"januara", 1}, {"januari", 1}, {"january", 1}, {"janv", 1}, {"janvier", 1},
	{"joulukuuta", 12}, {"juil", 7}, {"juillet", 7}, {"juin", 6}, {"jul", 7}, {"jula", 7},
	{"julho", 7}, {"juli", 7}, {"julio", 7}, {"julius", 7}, {"july", 7}, {"jun", 6}, {"juna", 6},
	{"june", 6}, {"junho", 6}, {"juni", 6}, {"junio", 6}, {"junius", 6}, {"kasim", 11},
	{"kesakuuta", 6}, {"kveten", 5}, {"kvetna", 5}, {"kwiecien", 4}, {"kwietnia", 4}, {"leden", 1},
	{"ledna", 1}, {"lipca", 7}, {"lipiec", 7}, {"listopadu", 11}, {"lokakuuta", 10}, {"lug", 7},
	{"luglio", 7}, {"lutego", 2}, {"luty", 2}, {"maaliskuuta", 3}, {"maart", 3}, {"maerz", 3},
	{"mag", 5}, {"maggio", 5}, {"mai", 5}, {"maio", 5}, {"maj", 5}, {"maja", 5}, {"majus", 5},
	{"mar", 3}, {"marca", 3}, {"march", 3}, {"marcius", 3}, {"marco", 3}, {"marec", 3},
	{"maret", 3}, {"marraskuuta", 11}, {"mars", 3}, {"mart", 3}, {"martie", 3}, {"marts", 3},
	{"marz", 3}, {"marzec", 3}, {"marzo", 3}, {"may", 5}, {"mayis", 5}, {"mayo", 5}, {"mei", 5},
	{"mrt", 3}, {"mrz", 3}, {"nisan", 4}, {"noiembrie", 11}, {"nov", 11}, {"november", 11},
	{"novembra", 11}, {"novembre", 11}, {"novembro", 11}, {"noviembre", 11}, {"ocak", 1},
	{"oct", 10}, {"october", 10}, {"octobre", 10}, {"octombrie", 10}, {"octubre", 10}, {"okt", 10},
	{"oktober", 10}, {"oktobra", 10}, {"ott", 10}, {"ottobre", 10}, {"out", 10}, {"outubro", 10},
	{"pazdziernik", 10}, {"pazdziernika", 10}, {"prosince", 12}, {"prosinec", 12}, {"rijen", 10},
	{"rijna", 10}, {"sep", 9}, {"sept", 9}, {"september", 9}, {"septembra", 9}, {"septembre", 9},
	{"septembrie", 9}, {"septiembre", 9}, {"set", 9}, {"setembro", 9}, {"setiembre", 9},
	{"settembre", 9}, {"sierpien", 8}, {"sierpnia", 8}, {"srpen", 8}, {"srpna", 8}, {"styczen", 1},
	{"stycznia", 1}, {"subat", 2}, {"syyskuuta", 9}, {"szeptember", 9}, {"tammikuuta", 1},
	{"temmuz", 7}, {"toukokuuta", 5}, {"unor", 2}, {"unora", 2}, {"wrzesien", 9}, {"wrzesnia", 9},
	{"zari", 9}
};
/* clang-format on */

/* Weekdays that may stand before a date; what is also a month's abbreviation is left out. */
static const char *const weekdays[] = {
	"di", "dienstag", "dim", "dimanche", "dinsdag", "do", "dom", "domenica", "domingo", "donderdag",
	"donnerstag", "fr", "fredag", "freitag", "fri", "friday", "giovedi", "je", "jeu", "jeudi",
	"jue", "jueves", "lordag", "lu", "lun", "lundi", "lunedi", "lunes", "ma", "maandag", "mandag",
	"mardi", "martedi", "martes", "mer", "mercoledi", "mercredi", "mi", "mie", "miercoles",
	"mittwoch", "mo", "mon", "monday", "montag", "onsdag", "quarta", "quinta", "sa", "sab",
	"sabado", "sam", "samedi", "samstag", "sat", "saturday", "segunda", "sexta", "so", "sondag",
	"sonntag", "sun", "sunday", "terca", "thu", "thur", "thurs", "thursday", "tirsdag", "tisdag",
	"torsdag", "tue", "tues", "tuesday", "ve", "ven", "vendredi", "venerdi", "vie", "viernes", "vr",
	"vrijdag", "wed", "wednesday", "wo", "woensdag", "za", "zaterdag", "zo", "zondag"};

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
	stamp->short_year = digits[2] != 4;
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
		(void) take_char(c, '.');
	}
	else if (first_digits <= 2 && (second_digits == 2 || second_digits == 4))
	{
		stamp->year = full_year(second, second_digits);
		stamp->short_year = second_digits == 2;
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

/* The sign of a year, month or day that China, Japan and Korea write behind the number. */
static bool
take_sign(Cursor *c, const char *chinese, const char *korean)
{
	for (int i = 0; i < 2; i++)
	{
		const char *sign = i ? korean : chinese;
		int			length = (int) strlen(sign);

		if (c->end - c->at >= length && memcmp(c->at, sign, length) == 0)
		{
			c->at += length;
			return true;
		}
	}
	return false;
}

/* 2024年3月4日, of which the year has been taken. */
static bool
read_with_signs(Cursor *c, Stamp *stamp, int year)
{
	stamp->year = year;
	skip_spaces(c);
	if (take_number(c, 2, &stamp->month) == 0 || !take_sign(c, "\xE6\x9C\x88", "\xEC\x9B\x94"))
		return false;
	skip_spaces(c);
	return take_number(c, 2, &stamp->day) > 0 && take_sign(c, "\xE6\x97\xA5", "\xEC\x9D\xBC") &&
		   valid_date(stamp->year, stamp->month, stamp->day);
}

/* Three numbers with the same mark between them, in an order that is told or that they show. */
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
	if (digits[0] == 4 && take_sign(c, "\xE5\xB9\xB4", "\xEB\x85\x84"))
		return read_with_signs(c, stamp, number[0]);
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
	if (separator == '.') /* Hungarian and Croatian end the last number as the others */
		(void) take_char(c, '.');
	return digits[2] > 0 && resolve(stamp, order, number, digits);
}

/* "den 4. mars", "le 4 mars": an article, if a number follows it. */
static void
skip_article(Cursor *c)
{
	static const char *const articles[] = {"am", "den", "el", "il", "le", "the"};
	char					 word[8];
	Cursor					 after = peek_word(c, word, sizeof(word));

	if (word[0] == '\0' || !word_in(word, articles, lengthof(articles)))
		return;
	skip_spaces(&after);
	if (count_digits(&after) > 0)
		*c = after;
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

/* The date at the beginning of what is left. */
static bool
read_date(Cursor *c, Stamp *stamp, DateOrder order)
{
	int digits;
	int month;

	if (c->at < c->end && is_letter(*c->at))
	{
		skip_weekday(c);
		skip_article(c);
	}
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

/* What stands between a date and its time: at, um, à, kl. */
static bool
take_time_word(Cursor *c)
{
	static const char *const words[] = {"a", "at", "kl", "om", "um"};
	char					 word[8];
	Cursor					 after = peek_word(c, word, sizeof(word));

	if (word[0] == '\0' || !word_in(word, words, lengthof(words)))
		return false;
	(void) take_char(&after, '.');
	skip_spaces(&after);
	if (count_digits(&after) == 0)
		return false;
	*c = after;
	return true;
}

/* The whole value: a date, perhaps a time, perhaps an offset, and nothing else. */
bool
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
		else if (take_time_word(&c))
			;
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
bool
read_time_cell(Span span, Stamp *stamp)
{
	Cursor c = {span.data, span.data + span.len};

	memset(stamp, 0, sizeof(*stamp));
	if (read_time(&c, stamp, true) && (c.at == c.end || read_zone(&c, stamp)) && c.at == c.end)
		return true;
	return read_stamp(span, ORDER_UNKNOWN, stamp) && stamp->has_time;
}
