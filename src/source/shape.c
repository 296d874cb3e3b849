/*
 * shape.c
 *		What a value looks like, by its characters alone.
 */
#include "source/text_core.h"

#include <string.h>

/* Longer values are text: no date, number or address needs more. */
#define SHAPE_LIMIT 254 /* bytes; the longest e-mail address (RFC 5321) */

/* clang-format off */
static const char *const names[SHAPE_COUNT] = {
	[SHAPE_BLANK] = "blank", [SHAPE_TEXT] = "text", [SHAPE_DATE_ISO] = "date_iso",
	[SHAPE_DATE_PARTS] = "date_slash", [SHAPE_DATE_NAMED] = "date_named", [SHAPE_TIME] = "time",
	[SHAPE_INTEGER] = "integer", [SHAPE_NUMBER] = "number", [SHAPE_MONEY] = "money",
	[SHAPE_PERCENT] = "percent", [SHAPE_EMAIL] = "email", [SHAPE_PHONE] = "phone",
	[SHAPE_UUID] = "uuid", [SHAPE_BOOLEAN] = "boolean", [SHAPE_URL] = "url", [SHAPE_JSON] = "json"
};
/* clang-format on */

const char *
shape_name(ShapeKind kind)
{
	return names[kind];
}

/* What a byte can be part of; a value's classes together rule most shapes out. */
#define CLASS_DIGIT	   0x01
#define CLASS_LETTER   0x02
#define CLASS_HEX	   0x04
#define CLASS_AT	   0x08
#define CLASS_NUMBER   0x10 /* a number, date or phone may begin with it */
#define CLASS_PHONE	   0x20 /* stands between a phone's digits */
#define CLASS_NO_EMAIL 0x40

/* clang-format off */
static const unsigned char class_of[256] = {
	['0' ... '9'] = CLASS_DIGIT | CLASS_HEX | CLASS_NUMBER,
	['a' ... 'f'] = CLASS_LETTER | CLASS_HEX, ['g' ... 'z'] = CLASS_LETTER,
	['A' ... 'F'] = CLASS_LETTER | CLASS_HEX, ['G' ... 'Z'] = CLASS_LETTER,
	['@'] = CLASS_AT,
	['+'] = CLASS_NUMBER | CLASS_PHONE, ['-'] = CLASS_NUMBER | CLASS_PHONE, ['.'] = CLASS_NUMBER | CLASS_PHONE,
	['('] = CLASS_NUMBER | CLASS_PHONE | CLASS_NO_EMAIL, [')'] = CLASS_PHONE | CLASS_NO_EMAIL, ['/'] = CLASS_PHONE,
	[' '] = CLASS_PHONE | CLASS_NO_EMAIL, ['\t' ... '\r'] = CLASS_NO_EMAIL,
	['$'] = CLASS_NUMBER, [0xC2] = CLASS_NUMBER, [0xE2] = CLASS_NUMBER,	/* pound and euro begin with these */
	[','] = CLASS_NO_EMAIL, [';'] = CLASS_NO_EMAIL, ['<'] = CLASS_NO_EMAIL, ['>'] = CLASS_NO_EMAIL, ['"'] = CLASS_NO_EMAIL
};
/* clang-format on */

static inline bool
is_class(char c, unsigned char classes)
{
	return (class_of[(unsigned char) c] & classes) != 0;
}

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Reads up to max digits; how many there were. */
static int
digits(const char **p, const char *end, int max, int *value)
{
	int n = 0;

	*value = 0;
	while (*p < end && n < max && is_digit(**p))
	{
		*value = *value * 10 + (**p - '0');
		(*p)++;
		n++;
	}
	return n;
}

/* 10:30, 10:30:15.123, 1:30 PM, with Z or an offset behind. */
static bool
read_time(const char *p, const char *end)
{
	int hour,
		part;

	if (digits(&p, end, 2, &hour) == 0 || hour > 24)
		return false;
	if (p == end || *p != ':')
		return false;
	for (int i = 0; i < 2 && p < end && *p == ':'; i++)
	{
		p++;
		if (digits(&p, end, 2, &part) != 2 || part > 60)
			return false;
	}
	if (p < end && (*p == '.' || *p == ','))
	{
		p++;
		if (digits(&p, end, 9, &part) == 0)
			return false;
	}
	while (p < end && *p == ' ')
		p++;
	if (end - p >= 2 && strchr("aApP", *p) && strchr("mM.", p[1]))
		return end - p <= 4;
	if (p < end && (*p == 'Z' || *p == 'z'))
		return p + 1 == end;
	if (p < end && (*p == '+' || *p == '-'))
	{
		p++;
		if (digits(&p, end, 2, &part) != 2)
			return false;
		if (p < end && *p == ':')
			p++;
		digits(&p, end, 2, &part);
	}
	return p == end;
}

/* What follows a date: nothing, or T or a blank and a time. */
static bool
read_date_tail(const char *p, const char *end, Shape *shape)
{
	if (p == end)
		return true;
	if (*p != ' ' && *p != 'T' && *p != 't' && *p != ',')
		return false;
	while (p < end && (*p == ' ' || *p == 'T' || *p == 't' || *p == ','))
		p++;
	shape->has_time = read_time(p, end);
	return shape->has_time;
}

/* 1/2/2024, 2024-01-31 and kin, with or without a time behind. */
static bool
read_date(const char *p, const char *end, Shape *shape)
{
	int a,
		b,
		c;
	int	 n = digits(&p, end, 4, &a);
	char separator;

	if (n == 0 || n == 3 || p == end)
		return false;
	separator = *p++;
	if (separator != '-' && separator != '/' && separator != '.')
		return false;
	if (digits(&p, end, 2, &b) == 0 || p == end || *p++ != separator)
		return false;
	if (n == 4)
	{
		if (digits(&p, end, 2, &c) == 0 || b > 12 || c > 31)
			return false;
		shape->kind = SHAPE_DATE_ISO;
		return read_date_tail(p, end, shape);
	}
	n = digits(&p, end, 4, &c);
	if ((n != 2 && n != 4) || a > 31 || b > 31 || a == 0 || b == 0 || (a > 12 && b > 12))
		return false;
	shape->kind = SHAPE_DATE_PARTS;
	shape->first_gt12 = a > 12;
	shape->second_gt12 = b > 12;
	return read_date_tail(p, end, shape);
}

#define MONTH(a, b, c) (((a) << 16) | ((b) << 8) | (c))

/* A month's English name, known by its first three letters. */
static bool
read_month(const char **p, const char *end)
{
	const char *start = *p;

	while (*p < end && is_letter(**p))
		(*p)++;
	if (*p - start < 3 || *p - start > 9)
		return false;
	switch (MONTH(start[0] | 0x20, start[1] | 0x20, start[2] | 0x20))
	{
		case MONTH('j', 'a', 'n'):
		case MONTH('f', 'e', 'b'):
		case MONTH('m', 'a', 'r'):
		case MONTH('a', 'p', 'r'):
		case MONTH('m', 'a', 'y'):
		case MONTH('j', 'u', 'n'):
		case MONTH('j', 'u', 'l'):
		case MONTH('a', 'u', 'g'):
		case MONTH('s', 'e', 'p'):
		case MONTH('o', 'c', 't'):
		case MONTH('n', 'o', 'v'):
		case MONTH('d', 'e', 'c'):
			return true;
	}
	return false;
}

/* 31 Jan 2024, 31-Jan-24, January 31, 2024. */
static bool
read_named_date(const char *p, const char *end, Shape *shape)
{
	int	 value;
	bool month = is_letter(*p);

	if (month ? !read_month(&p, end) : digits(&p, end, 2, &value) == 0)
		return false;
	while (p < end && strchr(" -./", *p))
		p++;
	if (p == end || (month ? digits(&p, end, 2, &value) == 0 : !read_month(&p, end)))
		return false;
	while (p < end && strchr(" -./,", *p))
		p++;
	value = digits(&p, end, 4, &value);
	if (value != 2 && value != 4)
		return false;
	shape->kind = SHAPE_DATE_NAMED;
	return read_date_tail(p, end, shape);
}

/* Takes a currency sign off either end; whether there was one. */
static inline bool
take_currency(const char **p, const char **end)
{
	const char *from = *p;

	if (*p < *end && **p == '$')
		(*p)++;
	else if (*end - *p > 2 && memcmp(*p, "\xC2\xA3", 2) == 0) /* pound */
		*p += 2;
	else if (*end - *p > 3 && memcmp(*p, "\xE2\x82\xAC", 3) == 0) /* euro */
		*p += 3;
	if (*end - *p > 3 && memcmp(*end - 3, "\xE2\x82\xAC", 3) == 0)
	{
		*end -= 3;
		return true;
	}
	return *p > from;
}

static inline bool
is_sign(const char *p, const char *end)
{
	return p < end && (*p == '-' || *p == '+');
}

/* How many digits there are, with marks between them and perhaps an exponent behind; 0: none, or something else too. */
static inline int
count_digits(const char *p, const char *end, bool exponent, bool *mark)
{
	int count = 0;

	for (; p < end; p++)
	{
		if (is_digit(*p))
			count++;
		else if ((*p == '.' || *p == ',') && p + 1 < end && is_digit(p[1]))
			*mark = true;
		else if ((*p == 'e' || *p == 'E') && exponent && count > 0 && end - p > 1 && end - p < 5)
		{
			if (is_sign(p + 1, end))
				p++;
			if (p + 1 == end)
				return 0;
			*mark = true;
		}
		else
			return 0;
	}
	return count;
}

/* Integer, number, money, percentage. */
static bool
read_number(const char *p, const char *end, Shape *shape)
{
	bool money = *p == '(' && end[-1] == ')';
	bool percent = false;
	bool mark = false;
	bool sign;

	if (money)
	{
		p++;
		end--;
	}
	sign = is_sign(p, end);
	p += sign;
	money |= take_currency(&p, &end);
	if (end > p && end[-1] == '%')
	{
		percent = true;
		end--;
	}
	while (p < end && *p == ' ')
		p++;
	while (end > p && end[-1] == ' ')
		end--;
	if (!sign && is_sign(p, end))
		p++;
	if (count_digits(p, end, !money, &mark) == 0)
		return false;
	shape->kind = money ? SHAPE_MONEY : percent ? SHAPE_PERCENT
									: mark		? SHAPE_NUMBER
												: SHAPE_INTEGER;
	return true;
}

/* With or without braces. */
static bool
is_uuid(const char *p, const char *end)
{
	if (end - p == 38 && *p == '{' && end[-1] == '}')
	{
		p++;
		end--;
	}
	if (end - p != 36)
		return false;
	for (int i = 0; i < 36; i++)
	{
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? p[i] != '-' : !is_class(p[i], CLASS_HEX))
			return false;
	}
	return true;
}

/* Something before and a domain behind the only @. */
static bool
is_email(const char *p, const char *end)
{
	const char *at = memchr(p, '@', (size_t) (end - p));
	const char *dot = NULL;

	if (at == NULL || at == p || at + 1 == end)
		return false;
	for (const char *c = p; c < end; c++)
	{
		if (is_class(*c, CLASS_NO_EMAIL) || (*c == '@' && c != at))
			return false;
		if (c > at && *c == '.')
			dot = c;
	}
	return dot && dot > at + 1 && end - dot > 2;
}

/* Seven to fifteen digits (ITU-T E.164) with phone punctuation; an extension may follow. */
static bool
is_phone(const char *p, const char *end)
{
	int count = 0,
		marks = 0;

	for (; p < end; p++)
	{
		if (is_digit(*p))
			count++;
		else if (is_class(*p, CLASS_PHONE))
			marks++;
		else if (count >= 7 && (*p == 'x' || *p == 'X' || *p == 'e' || *p == 'E'))
		{
			while (p < end && (is_letter(*p) || *p == '.' || *p == ' '))
				p++;
			while (p < end && is_digit(*p))
				p++;
			return p == end && count <= 15;
		}
		else
			return false;
	}
	return count >= 7 && count <= 15 && marks > 0;
}

static bool
is_boolean(const char *p, size_t length)
{
	static const char *const words[] = {"true", "false", "yes", "no", "y", "n", "on", "off", NULL};

	if (length > 5 || !strchr("tfyno", *p | 0x20))
		return false;
	for (int i = 0; words[i]; i++)
		if (strlen(words[i]) == length && ascii_begins(p, words[i]))
			return true;
	return false;
}

/* Whether a cell is ="0001": what exporters write so that Excel keeps the zeros of a number. */
bool
is_forced_text(const char *value, size_t length)
{
	return length >= 3 && value[0] == '=' && value[1] == '"' && value[length - 1] == '"';
}

/* The shape of a value; blanks around it do not matter, nor does that Excel was to take it for text. */
Shape
value_shape(const char *value, size_t length)
{
	Shape		  shape = {SHAPE_TEXT, false, false, false};
	const char	 *p = value;
	const char	 *end = value + length;
	unsigned char classes = 0;

	while (p < end && is_blank(*p))
		p++;
	while (end > p && is_blank(end[-1]))
		end--;
	if (p == end)
	{
		shape.kind = SHAPE_BLANK;
		return shape;
	}
	if (is_forced_text(p, (size_t) (end - p)))
	{
		p += 2;
		if (p == --end)
			return shape;
	}
	if ((*p == '{' && end[-1] == '}') || (*p == '[' && end[-1] == ']'))
	{
		shape.kind = is_uuid(p, end) ? SHAPE_UUID : SHAPE_JSON;
		return shape;
	}
	if (end - p > SHAPE_LIMIT)
		return shape;
	for (const char *c = p; c < end; c++)
		classes |= class_of[(unsigned char) *c];
	if (is_class(*p, CLASS_NUMBER))
	{
		if (is_digit(*p) && (read_date(p, end, &shape) || ((classes & CLASS_LETTER) && read_named_date(p, end, &shape))))
			return shape;
		shape.has_time = shape.first_gt12 = shape.second_gt12 = false;
		if (read_number(p, end, &shape))
			return shape;
		if (is_digit(*p) && read_time(p, end))
		{
			shape.kind = SHAPE_TIME;
			return shape;
		}
		shape.kind = is_phone(p, end) ? SHAPE_PHONE : SHAPE_TEXT;
		if (shape.kind == SHAPE_PHONE)
			return shape;
	}
	else if (is_boolean(p, (size_t) (end - p)))
		shape.kind = SHAPE_BOOLEAN;
	else if (is_letter(*p) && end - p <= 40 && is_digit(end[-1]) && read_named_date(p, end, &shape))
		return shape;
	if (shape.kind != SHAPE_BOOLEAN)
		shape.kind = SHAPE_TEXT;
	shape.has_time = shape.first_gt12 = shape.second_gt12 = false;
	if (end - p >= 36 && is_uuid(p, end))
		shape.kind = SHAPE_UUID;
	else if ((classes & CLASS_AT) && is_email(p, end))
		shape.kind = SHAPE_EMAIL;
	else if (end - p > 8 && (*p | 0x20) == 'h' && (ascii_begins(p, "http://") || ascii_begins(p, "https://")))
		shape.kind = SHAPE_URL;
	return shape;
}
