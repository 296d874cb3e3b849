/*
 * value_email.c
 *		E-mail addresses, and Twenty's EMAILS value.
 *
 * Twenty 2.19 refuses a whole batch for one address it does not like, so the
 * test here is at least as strict as its own (the pattern of zod's email()):
 * local part of A-Z a-z 0-9 _ ' + - . without leading, trailing or double
 * dots, not ending in an apostrophe; labels of letters, digits and hyphens;
 * a last label of two letters or more.
 */
#include "mapping.h"

#include "utils/array.h"

PG_FUNCTION_INFO_V1(flitmig_to_email);
PG_FUNCTION_INFO_V1(flitmig_to_emails);

/* Longest address and local part, RFC 5321 section 4.5.3.1. */
#define ADDRESS_MAX 254
#define LOCAL_MAX	64

/* Addresses kept from one record. */
#define EMAILS_MAX 32

/* Character classes of the pattern above; everything else ends a token or makes it invalid. */
enum
{
	LOCAL_CHAR = 1,
	DOMAIN_CHAR = 2,
	TOKEN_END = 4
};

static const unsigned char classes[256] = {
	['0' ... '9'] = LOCAL_CHAR | DOMAIN_CHAR,
	['A' ... 'Z'] = LOCAL_CHAR | DOMAIN_CHAR,
	['a' ... 'z'] = LOCAL_CHAR | DOMAIN_CHAR,
	['-'] = LOCAL_CHAR | DOMAIN_CHAR,
	['.'] = LOCAL_CHAR | DOMAIN_CHAR,
	['_'] = LOCAL_CHAR,
	['+'] = LOCAL_CHAR,
	['\''] = LOCAL_CHAR,
	[0 ... 32] = TOKEN_END,
	[','] = TOKEN_END,
	[';'] = TOKEN_END,
	['|'] = TOKEN_END,
	['<'] = TOKEN_END,
	['>'] = TOKEN_END,
	['('] = TOKEN_END,
	[')'] = TOKEN_END,
	['['] = TOKEN_END,
	[']'] = TOKEN_END,
	['"'] = TOKEN_END,
	['/'] = TOKEN_END,
	['\\'] = TOKEN_END,
	[0x7F] = TOKEN_END};

static bool
valid_local(const char *s, int len)
{
	if (len < 1 || len > LOCAL_MAX || s[0] == '.' || s[len - 1] == '.' || s[len - 1] == '\'')
		return false;
	for (int i = 0; i < len; i++)
		if (!(classes[(unsigned char) s[i]] & LOCAL_CHAR) || (s[i] == '.' && s[i + 1] == '.'))
			return false;
	return true;
}

/* Labels of letters, digits and hyphens, and a last one of letters. */
static bool
valid_domain(const char *s, int len)
{
	int	 label = 0; /* length of the label so far */
	int	 labels = 1;
	bool letters = true; /* the label has only letters */

	for (int i = 0; i < len; i++)
	{
		char ch = s[i];

		if (!(classes[(unsigned char) ch] & DOMAIN_CHAR))
			return false;
		if (ch == '.')
		{
			if (label == 0 || s[i - 1] == '-')
				return false;
			label = 0;
			letters = true;
			labels++;
			continue;
		}
		if (ch == '-' && label == 0)
			return false;
		if (++label > 63)
			return false;
		letters &= ch > '9';
	}
	return labels > 1 && label >= 2 && letters;
}

/* Strips mailto:, its parameters, quotes around an address and a full stop behind it. */
static Span
strip_token(Span token)
{
	if (token.len > 7 && pg_strncasecmp(token.data, "mailto:", 7) == 0)
	{
		const char *mark;

		token.data += 7;
		token.len -= 7;
		mark = memchr(token.data, '?', token.len);
		if (mark)
			token.len = (int) (mark - token.data);
	}
	while (token.len > 0 && (token.data[0] == '\'' || token.data[0] == ':'))
		token.data++, token.len--;
	while (token.len > 0 && (token.data[token.len - 1] == '\'' || token.data[token.len - 1] == '.' ||
							 token.data[token.len - 1] == ':'))
		token.len--;
	return token;
}

/* What front desks type where an address is asked for, without marks, sorted. */
static const char *const no_addresses[] = {
	"declined", "donotemail", "donothave", "dontemail", "noaddress", "noemail", "noemailaddress", "nomail", "none", "noneprovided", "notgiven",
	"notprovided", "refused", "unknown"};

/* The same, where the domain repeats it: test@test.com. */
static const char *const repeated[] = {"a", "abc", "asdf", "na", "no", "test", "x", "xx", "xxx"};

/* Addresses that stand for none. */
static bool
is_junk(Span token, const char *at)
{
	char		word[20];
	int			len = 0;
	const char *end = token.data + token.len;

	for (const char *s = token.data; s < at; s++)
	{
		if (*s == '.' || *s == '-' || *s == '_')
			continue;
		if (len == sizeof(word) - 1)
			return false;
		word[len++] = pg_ascii_tolower((unsigned char) *s);
	}
	word[len] = '\0';
	if (word_in(word, no_addresses, lengthof(no_addresses)))
		return true;
	return end - at > len + 1 && at[1 + len] == '.' && word_in(word, repeated, lengthof(repeated)) &&
		   pg_strncasecmp(at + 1, word, len) == 0;
}

static bool
valid_email(Span token)
{
	const char *at;

	if (token.len < 6 || token.len > ADDRESS_MAX)
		return false;
	at = memchr(token.data, '@', token.len);
	return at != NULL && !is_junk(token, at) && valid_local(token.data, (int) (at - token.data)) &&
		   valid_domain(at + 1, (int) (token.data + token.len - at - 1));
}

/* Words that stand before an address and are no part of it, folded, sorted. */
static const char *const labels[] = {
	"and", "bounced", "business", "cc", "dad", "e", "email", "et", "father", "home", "mail", "mom", "mother", "mum", "new", "old", "or", "oder", "ou", "personal",
	"preferred", "primary", "private", "secondary", "try", "und", "use", "work"};

/* Whether the word could be the first part of the address that follows it: "ann lee@example.com" meant ann.lee, or Ann's is lee@? */
static bool
may_belong(Span word)
{
	char folded[16];

	if (word.len == 0 || !valid_local(word.data, word.len) || word.data[0] < 'a' || word.data[0] > 'z')
		return false;
	return !span_fold(word, folded, sizeof(folded)) || !word_in(folded, labels, lengthof(labels));
}

/* A line end or tab that some exports write as backslash and letter. */
static bool
is_written_blank(const char *s, const char *end)
{
	return s + 1 < end && *s == '\\' && (s[1] == 'n' || s[1] == 'r' || s[1] == 't');
}

/*
 * The next valid address in a cell; moves *at behind it.  False at the end.
 * One that a single small word stands before is not read, nor one behind a
 * mark that may be a dot's: ann,lee@example.com.
 */
static bool
next_email(const char **at, const char *end, Span *email)
{
	const char *s = *at;
	Span		before = {NULL, 0};
	int			words = 0; /* since the last address */

	while (s < end)
	{
		const char *start;
		int			width;

		while (s < end)
		{
			if (is_written_blank(s, end))
				s += 2;
			else if (classes[(unsigned char) *s] & TOKEN_END)
				s++;
			else if ((unsigned char) *s >= 0x80 && (width = space_width(s, end)) > 0)
				s += width;
			else
				break;
		}
		start = s;
		while (s < end && !(classes[(unsigned char) *s] & TOKEN_END) &&
			   ((unsigned char) *s < 0x80 || space_width(s, end) == 0))
			s++;
		*email = strip_token((Span){start, (int) (s - start)});
		if (valid_email(*email) && !(words == 1 && may_belong(before) && start == before.data + before.len + 1 && strchr(" ,;/\\", start[-1])))
		{
			*at = s;
			return true;
		}
		before = (Span){start, (int) (s - start)};
		words++;
	}
	*at = end;
	return false;
}

static void
lower_into(char *out, Span span)
{
	for (int i = 0; i < span.len; i++)
		out[i] = pg_ascii_tolower((unsigned char) span.data[i]);
}

/*
 * to_email(text) → text
 *
 * The first valid address in the cell, in lower case, without mailto: and
 * brackets; NULL when there is none.
 */
Datum
flitmig_to_email(PG_FUNCTION_ARGS)
{
	text	   *cell = PG_GETARG_TEXT_PP(0);
	const char *s = VARDATA_ANY(cell);
	Span		email;
	text	   *result;

	if (!next_email(&s, s + VARSIZE_ANY_EXHDR(cell), &email))
		PG_RETURN_NULL();
	result = palloc(VARHDRSZ + email.len);
	SET_VARSIZE(result, VARHDRSZ + email.len);
	lower_into(VARDATA(result), email);
	PG_RETURN_TEXT_P(result);
}

/* The object of several addresses. */
static Jsonb *
emails_object(const Span *emails, int count)
{
	static const char *const keys[] = {"primaryEmail"};
	JsonbParseState			*state = NULL;

	if (count == 1)
		return json_strings(1, keys, emails);
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	json_push_key(&state, "primaryEmail");
	json_push_string(&state, WJB_VALUE, emails[0]);
	json_push_key(&state, "additionalEmails");
	(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 1; i < count; i++)
		json_push_string(&state, WJB_ELEM, emails[i]);
	(void) pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/*
 * to_emails(VARIADIC cells text[]) → jsonb {"primaryEmail", "additionalEmails"}
 *
 * All valid addresses of all cells in their order, each once, in lower case
 * (Twenty compares them so).  What is no address (names, notes) is passed
 * over.  additionalEmails is there only when there are any.  NULL when there
 * is no address at all.
 */
Datum
flitmig_to_emails(PG_FUNCTION_ARGS)
{
	ArrayType	 *cells;
	ArrayIterator iterator;
	Datum		  cell;
	bool		  null;
	Span		  emails[EMAILS_MAX];
	int			  count = 0;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	cells = PG_GETARG_ARRAYTYPE_P(0);
	iterator = array_create_iterator(cells, 0, NULL);
	while (array_iterate(iterator, &cell, &null))
	{
		text	   *value;
		const char *s;
		const char *end;
		Span		email;

		if (null)
			continue;
		value = DatumGetTextPP(cell);
		s = VARDATA_ANY(value);
		end = s + VARSIZE_ANY_EXHDR(value);
		while (count < EMAILS_MAX && next_email(&s, end, &email))
		{
			char *lower = palloc(email.len);
			bool  known = false;

			lower_into(lower, email);
			for (int i = 0; i < count && !known; i++)
				known = emails[i].len == email.len && memcmp(emails[i].data, lower, email.len) == 0;
			if (!known)
				emails[count++] = (Span){lower, email.len};
		}
	}
	if (count == 0)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(emails_object(emails, count));
}
