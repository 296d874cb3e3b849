/*
 * value_phone.c
 *		Telephone numbers, and Twenty's PHONES value.
 *
 * A cell may hold several numbers, labels ("cell", "home") and extensions:
 *
 *	  cell ──next_piece──▶ piece ──trim_labels──▶ number ──libphonenumber──▶ valid or not
 *
 * Twenty checks with the same library and refuses the whole batch for one bad
 * number, so only valid ones pass; bad_phones counts the others.
 */
#include "mapping.h"

#include "phone.h"
#include "utils/array.h"

PG_FUNCTION_INFO_V1(flitmig_to_phones);
PG_FUNCTION_INFO_V1(flitmig_phone_extensions);
PG_FUNCTION_INFO_V1(flitmig_bad_phones);

/* Numbers kept from one record. */
#define PHONES_MAX 16

/* Longest piece that is looked at (libphonenumber's own limit is 250). */
#define PIECE_MAX 200

/* Digits that make a number of its own on both sides of a soft separator. */
#define DIGITS_MIN 7

typedef struct PhoneList
{
	PhoneNumber numbers[PHONES_MAX];
	int			count;
	int			bad;
} PhoneList;

/* Words before an extension (libphonenumber knows the same), sorted. */
static bool
is_extension_word(Span word)
{
	static const char *const words[] = {"e", "ex", "ext", "extension", "extn", "int", "x", "xt", "xtn"};
	char					 folded[16];

	return span_fold(word, folded, sizeof(folded)) && word_in(folded, words, lengthof(words));
}

/* Do digits enough for a number come before the next hard end? */
static bool
number_follows(const char *s, const char *end)
{
	int digits = 0;

	for (; s < end && digits < DIGITS_MIN && *s != ';' && *s != '|' && *s != '\n' && *s != '\r'; s++)
		digits += is_ascii_digit(*s);
	return digits == DIGITS_MIN;
}

/*
 * The next piece of a cell.  ; | and line ends always separate; / , & and
 * words that announce no extension separate when a whole number stands on
 * both sides ("089/123456" is one number, "Smith 555-0100 or 555-0199" two).
 */
static bool
next_piece(const char **at, const char *end, Span *piece)
{
	const char *s = *at;
	int			digits = 0;
	bool		last = false; /* it is known that none follows: a long cell is not searched again and again */

	if (s >= end)
		return false;
	while (s < end)
	{
		const char *mark = s;

		if (*s == ';' || *s == '|' || *s == '\n' || *s == '\r')
			break;
		if (is_ascii_digit(*s))
		{
			digits++;
			s++;
			continue;
		}
		if (is_ascii_letter(*s))
		{
			while (s < end && is_ascii_letter(*s))
				s++;
			if (is_extension_word((Span){mark, (int) (s - mark)}))
				continue;
		}
		else
		{
			s++;
			if (*mark != '/' && *mark != ',' && *mark != '&')
				continue;
		}
		if (digits < DIGITS_MIN || last)
			continue;
		last = !number_follows(s, end);
		if (!last)
		{
			s = mark;
			break;
		}
	}
	*piece = span_trim((Span){*at, (int) (s - *at)});
	/* a soft separator is passed with the next piece's labels, a hard one here */
	*at = s < end && !is_ascii_letter(*s) ? s + 1 : s;
	return true;
}

/* Drops labels around a number: what stands before the first and after the last digit. */
static Span
trim_labels(Span piece)
{
	const char *s = piece.data;
	const char *end = s + piece.len;

	while (s < end && !is_ascii_digit(*s) && *s != '+' &&
		   !(*s == '(' && end - s > 1 && (is_ascii_digit(s[1]) || s[1] == '+')))
		s++;
	while (end > s && !is_ascii_digit(end[-1]))
		end--;
	return (Span){s, (int) (end - s)};
}

/* A word inside a number that announces no extension would be read as digits on a keypad: refuse. */
static bool
has_strange_word(Span number)
{
	const char *s = number.data;
	const char *end = s + number.len;

	while (s < end)
	{
		const char *word = s;

		while (s < end && is_ascii_letter(*s))
			s++;
		if (s > word && !is_extension_word((Span){word, (int) (s - word)}))
			return true;
		s += s == word;
	}
	return false;
}

/* Words that say that there is no number. */
static bool
is_junk_word(Span piece)
{
	static const char *const words[] = {
		"declined", "disconnected", "keine", "n.a.", "n/a", "na", "nan", "nil", "no", "no phone",
		"none", "not given", "not provided", "null", "refused", "tbd", "test", "unknown", "unlisted", "x"};
	char folded[24];

	return span_fold(piece, folded, sizeof(folded)) && word_in(folded, words, lengthof(words));
}

/* Blank, punctuation, a word for nothing, or one digit repeated (0, 000-000-0000). */
static bool
is_junk(Span piece)
{
	char digit = 0;
	bool letters = false;

	for (int i = 0; i < piece.len; i++)
	{
		char ch = piece.data[i];

		if (is_ascii_digit(ch))
		{
			if (digit && digit != ch)
				return false;
			digit = ch;
		}
		letters |= is_ascii_letter(ch) || (unsigned char) ch >= 0xC3;
	}
	return digit || !letters || is_junk_word(piece);
}

/* Whether the cell says that the number is not to be called, or is no longer theirs: somebody must read that. */
static bool
has_warning(Span piece)
{
	static const char *const words[] = {"disc", "disconnected", "dnc", "don't", "dont", "invalid", "never", "no", "not", "old", "wrong"};
	const char				*s = piece.data;
	const char				*end = s + piece.len;

	while (s < end)
	{
		const char *word = s;
		char		folded[16];

		while (s < end && (is_ascii_letter(*s) || *s == '\''))
			s++;
		if (s > word && span_fold((Span){word, (int) (s - word)}, folded, sizeof(folded)) && word_in(folded, words, lengthof(words)))
			return true;
		s += s == word;
	}
	return false;
}

/* Reads one of several numbers in a cell. */
static void
read_piece(PhoneList *list, Span piece, const char *country)
{
	Span		 number = trim_labels(piece);
	PhoneNumber *phone = &list->numbers[list->count];

	if (is_junk(piece))
		return;
	if (list->count == PHONES_MAX || number.len == 0 || number.len > PIECE_MAX ||
		has_strange_word(number) ||
		!flitmig_phone_read(number.data, number.len, country, phone))
	{
		list->bad++;
		return;
	}
	list->bad += has_warning(piece);
	for (int i = 0; i < list->count; i++)
		if (strcmp(list->numbers[i].national, phone->national) == 0 &&
			strcmp(list->numbers[i].calling, phone->calling) == 0)
		{
			if (list->numbers[i].extension[0] == '\0')
				strcpy(list->numbers[i].extension, phone->extension);
			return;
		}
	list->count++;
}

/* Reads all cells of a function called as f(country text, VARIADIC cells text[]). */
static void
read_phones(FunctionCallInfo fcinfo, PhoneList *list)
{
	char		  country[3] = "ZZ";
	ArrayIterator iterator;
	Datum		  cell;
	bool		  null;

	list->count = list->bad = 0;
	if (PG_ARGISNULL(1))
		return;
	if (!PG_ARGISNULL(0))
	{
		Span span = span_arg(fcinfo, 0);

		if (span.len == 2 && is_ascii_letter(span.data[0]) && is_ascii_letter(span.data[1]))
		{
			country[0] = pg_ascii_toupper((unsigned char) span.data[0]);
			country[1] = pg_ascii_toupper((unsigned char) span.data[1]);
		}
	}
	iterator = array_create_iterator(PG_GETARG_ARRAYTYPE_P(1), 0, NULL);
	while (array_iterate(iterator, &cell, &null))
	{
		text	   *value;
		const char *s;
		const char *end;
		Span		piece;

		if (null)
			continue;
		value = DatumGetTextPP(cell);
		s = VARDATA_ANY(value);
		end = s + VARSIZE_ANY_EXHDR(value);
		while (next_piece(&s, end, &piece))
			read_piece(list, piece, country);
	}
}

static Span
c_span(const char *string)
{
	return (Span){string, (int) strlen(string)};
}

/* The object of several numbers. */
static Jsonb *
phones_object(const PhoneList *list)
{
	static const char *const keys[] = {"primaryPhoneNumber", "primaryPhoneCallingCode", "primaryPhoneCountryCode"};
	Span					 first[3];
	JsonbParseState			*state = NULL;

	/* jsonb's order of keys: by length, then bytewise */
	first[0] = c_span(list->numbers[0].national);
	first[1] = c_span(list->numbers[0].calling);
	first[2] = c_span(list->numbers[0].country);
	if (list->count == 1)
		return json_strings(3, keys, first);

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < 3; i++)
	{
		json_push_key(&state, keys[i]);
		json_push_string(&state, WJB_VALUE, first[i]);
	}
	json_push_key(&state, "additionalPhones");
	(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 1; i < list->count; i++)
	{
		(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		json_push_key(&state, "number");
		json_push_string(&state, WJB_VALUE, c_span(list->numbers[i].national));
		json_push_key(&state, "countryCode");
		json_push_string(&state, WJB_VALUE, c_span(list->numbers[i].country));
		json_push_key(&state, "callingCode");
		json_push_string(&state, WJB_VALUE, c_span(list->numbers[i].calling));
		(void) pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	}
	(void) pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/*
 * to_phones(country text, VARIADIC cells text[]) → jsonb
 *	{"primaryPhoneNumber", "primaryPhoneCountryCode", "primaryPhoneCallingCode",
 *	 "additionalPhones": [{"number", "countryCode", "callingCode"}]}
 *
 * country (ISO 3166) is where numbers without + are dialled; NULL reads only
 * numbers with +.  All valid numbers of all cells in their order, each once;
 * additionalPhones is there only when there are any.  NULL when there is no
 * valid number.
 */
Datum
flitmig_to_phones(PG_FUNCTION_ARGS)
{
	PhoneList list;

	read_phones(fcinfo, &list);
	if (list.count == 0)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(phones_object(&list));
}

/*
 * phone_extensions(country text, VARIADIC cells text[]) → text
 *
 * The extensions of the valid numbers, in their order, joined by ", "; Twenty
 * has no place for them and cuts them off.  NULL when there are none.
 */
Datum
flitmig_phone_extensions(PG_FUNCTION_ARGS)
{
	PhoneList list;
	char	  buffer[PHONES_MAX * 18];
	char	 *out = buffer;

	read_phones(fcinfo, &list);
	for (int i = 0; i < list.count; i++)
	{
		if (list.numbers[i].extension[0] == '\0')
			continue;
		if (out > buffer)
		{
			*out++ = ',';
			*out++ = ' ';
		}
		strcpy(out, list.numbers[i].extension);
		out += strlen(out);
	}
	if (out == buffer)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(buffer, out - buffer));
}

/*
 * bad_phones(country text, VARIADIC cells text[]) → integer
 *
 * How many pieces look like a number or a remark but are no valid number, or
 * say that theirs is wrong or not to be called (it is read all the same);
 * blanks, dashes, "none" and repeated digits do not count.
 */
Datum
flitmig_bad_phones(PG_FUNCTION_ARGS)
{
	PhoneList list;

	read_phones(fcinfo, &list);
	PG_RETURN_INT32(list.bad);
}
