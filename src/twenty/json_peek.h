/*
 * json_peek.h
 *		Looks into a JSON text that a stranger sent, without ever raising an
 *		error: jsonb_in would, at a number or a \u0000 that it cannot hold.
 */
#ifndef FLITMIG_JSON_PEEK_H
#define FLITMIG_JSON_PEEK_H

/* A value in the text: where it starts and ends.  start is NULL: there is none. */
typedef struct JsonPeek
{
	const char *start;
	const char *end;
} JsonPeek;

/* Deeper nesting than any answer of Twenty's, and far from the stack's end. */
#define JSON_PEEK_MAX_DEPTH 256

extern bool		json_peek_open(const char *text, size_t length, JsonPeek *root);
extern char		json_peek_kind(JsonPeek value);
extern JsonPeek json_peek_member(JsonPeek object, const char *name);
extern void		json_peek_members(JsonPeek object, int n, const char *const *names, JsonPeek *values);
extern bool		json_peek_empty(JsonPeek container);
extern bool		json_peek_next(JsonPeek container, JsonPeek *cursor, JsonPeek *name, JsonPeek *value);
extern char	   *json_peek_text(JsonPeek value, size_t max_bytes);

/* The text of a string; "" when it is none. */
extern const char *json_peek_string(JsonPeek value, size_t max_bytes);

/* The first element of an array; none when it is no array or empty. */
extern JsonPeek json_peek_first(JsonPeek array);

#endif /* FLITMIG_JSON_PEEK_H */
