/*
 * mapping.h
 *		Door of the room that turns staged text into values for Twenty.
 *
 * The value functions are SQL functions (10-values.sql); what is declared here
 * is shared by their files.  None of it raises an error on bad input: what
 * cannot be read is NULL in SQL and false in C.
 */
#ifndef FLITMIG_MAPPING_H
#define FLITMIG_MAPPING_H

#include "flitmig.h"
#include "latin_base.h"

#include "utils/jsonb.h"

/* A stretch of UTF-8 bytes inside memory that someone else owns. */
typedef struct Span
{
	const char *data;
	int			len;
} Span;

/* <ctype.h> goes by the database's locale; a cell means the same in all of them. */
static inline bool
is_ascii_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
is_ascii_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static inline bool
is_ascii_alnum(char c)
{
	return is_ascii_letter(c) || is_ascii_digit(c);
}

static inline bool
is_ascii_punct(char c)
{
	return c > ' ' && c < 0x7F && !is_ascii_alnum(c);
}

/* The number of a hexadecimal digit, -1 for none. */
static inline int
hex_value(char c)
{
	if (is_ascii_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* ---- value_text.c ---- */

/* Bytes of a white space or invisible character at s (1-3), or 0; s < end. */
extern int space_width(const char *s, const char *end);

/* A span without the white space and control characters around it. */
extern Span span_trim(Span span);

/* The trimmed content of a function's text argument. */
extern Span	 span_arg(FunctionCallInfo fcinfo, int arg);
extern Span	 span_of_text(const text *value);
extern text *span_to_text(Span span);

/* ASCII case-insensitive comparison with a lower-case C string. */
extern bool span_is(Span span, const char *lower);

/*
 * Writes the span in lower case, without accents, into buffer
 * (NUL-terminated).  False when it does not fit.  What is neither ASCII nor
 * an accented Latin letter stays as it is.
 */
extern bool span_fold(Span span, char *buffer, int size);

/* Is the folded word in a sorted list of words? */
extern bool word_in(const char *word, const char *const *words, int count);

/* Reads one UTF-8 character; its width goes to *width. */
extern uint32 utf8_read(const char *s, const char *end, int *width);

/*
 * For functions that make characters out of entities or code pages: an error
 * when the database is not in UTF-8, where the result would be no text.
 */
extern void require_utf8(void);

/* ---- value_json.c ---- */

/*
 * An object of strings.  Keys must come in jsonb's order (shorter first,
 * then bytewise); values with data == NULL are left out.
 */
extern Jsonb *json_strings(int count, const char *const *keys, const Span *values);

extern void json_push_key(JsonbParseState **state, const char *key);
extern void json_push_string(JsonbParseState **state, JsonbIteratorToken token, Span value);

/* ---- value_number.c ---- */

/* Room for what decimal_read writes. */
#define DECIMAL_SIZE 80

/*
 * Reads digits with decimal and grouping marks (no sign) and writes them with
 * a decimal point and no grouping.  The rule is written at the function.
 */
extern bool decimal_read(Span span, char *out);

#endif /* FLITMIG_MAPPING_H */
