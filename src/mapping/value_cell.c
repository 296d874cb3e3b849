/*
 * value_cell.c
 *		Values that hide inside a cell: JSON paths and base64.
 */
#include "mapping.h"

#include <iconv.h>

#include "catalog/pg_type.h"
#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/json.h"
#include "utils/jsonfuncs.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(flitmig_json_path_text);
PG_FUNCTION_INFO_V1(flitmig_decode_base64_text);

/* Longest path into a document, in steps. */
#define STEPS_MAX 32

/* Deepest nesting that is read; the parser is recursive and would raise an error. */
#define NESTING_MAX 500

/* Opening brackets that are not closed again, at most; those inside strings are counted too. */
static int
nesting(const text *value)
{
	const char *s = VARDATA_ANY(value);
	int			open = 0;
	int			most = 0;

	for (int i = 0; i < (int) VARSIZE_ANY_EXHDR(value); i++)
	{
		if (s[i] == '[' || s[i] == '{')
			most = Max(most, ++open);
		else if (s[i] == ']' || s[i] == '}')
			open--;
	}
	return most;
}

/* Is the text JSON whose strings all fit into text? */
static bool
valid_json(text *value)
{
	JsonLexContext	  *lex;
	JsonParseErrorType error;

	lex = json_lexer(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), GetDatabaseEncoding(), true);
	error = pg_parse_json(lex, &nullSemAction);
	return error == JSON_SUCCESS;
}

/*
 * json_path_text(value text, path text) → text
 *
 * The member at a path such as 'codes.0.display' (names and, in arrays,
 * numbers from 0, negative from the end) of JSON inside a cell; strings
 * without quotes, everything else as JSON.  NULL when the cell is no JSON or
 * the path leads nowhere.
 */
Datum
flitmig_json_path_text(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	Span		path = span_arg(fcinfo, 1);
	Datum		steps[STEPS_MAX];
	int			count = 0;
	const char *s = path.data;
	const char *end = s + path.len;
	LOCAL_FCINFO(call, 2);
	Datum result;

	while (s < end)
	{
		const char *dot = memchr(s, '.', end - s);

		if (dot == NULL)
			dot = end;
		if (count == STEPS_MAX)
			PG_RETURN_NULL();
		steps[count++] = PointerGetDatum(cstring_to_text_with_len(s, (int) (dot - s)));
		s = dot + 1;
	}
	if (nesting(value) > NESTING_MAX || !valid_json(value))
		PG_RETURN_NULL();
	InitFunctionCallInfoData(*call, NULL, 2, InvalidOid, NULL, NULL);
	call->args[0].value = PointerGetDatum(value);
	call->args[0].isnull = false;
	call->args[1].value = PointerGetDatum(construct_array(steps, count, TEXTOID, -1, false, TYPALIGN_INT));
	call->args[1].isnull = false;
	result = json_extract_path_text(call);
	if (call->isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(result);
}

/* Converts to UTF-8; NULL when the charset is unknown or a byte means nothing in it. */
static text *
convert_to_utf8(const char *bytes, int len, const char *charset)
{
	iconv_t cd = iconv_open("UTF-8", charset);
	text   *result;
	char   *in = (char *) bytes;
	char   *out;
	size_t	in_left = len;
	size_t	out_left = (size_t) len * 4 + 8;
	bool	ok;

	if (cd == (iconv_t) -1)
		return NULL;
	result = palloc_extended(VARHDRSZ + out_left, MCXT_ALLOC_NO_OOM);
	if (result == NULL)
	{
		iconv_close(cd);
		return NULL;
	}
	out = VARDATA(result);
	ok = iconv(cd, &in, &in_left, &out, &out_left) != (size_t) -1 && in_left == 0 &&
		 iconv(cd, NULL, NULL, &out, &out_left) != (size_t) -1; /* a letter that waited for its accent */
	iconv_close(cd);
	if (!ok)
		return NULL;
	SET_VARSIZE(result, out - (char *) result);
	return result;
}

/*
 * decode_base64_text(value text, charset text) → text
 *
 * A text that the export holds in base64 (FHIR attachments); charset is its
 * encoding, NULL is UTF-8.  NULL when it is no base64, the charset is unknown
 * or the bytes are no text in it.
 */
Datum
flitmig_decode_base64_text(PG_FUNCTION_ARGS)
{
	Span  span;
	char *bytes;
	int	  len;
	text *result;
	char  charset[32] = "UTF-8";

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	require_utf8();
	span = span_arg(fcinfo, 0);
	if (!PG_ARGISNULL(1))
	{
		Span name = span_arg(fcinfo, 1);

		if (name.len == 0 || name.len >= (int) sizeof(charset))
			PG_RETURN_NULL();
		for (int i = 0; i < name.len; i++)
			if (!is_ascii_alnum(name.data[i]) && strchr("-_.", name.data[i]) == NULL)
				PG_RETURN_NULL();
		memcpy(charset, name.data, name.len);
		charset[name.len] = '\0';
	}
	len = span.len == 0 ? -1 : base64_decode(span.data, span.len, &bytes);
	/* four times the bytes must stay below what one value may hold */
	if (len < 0 || len > (int) (MaxAllocSize / 4 - 64))
		PG_RETURN_NULL();
	result = convert_to_utf8(bytes, len, charset);
	if (result == NULL || VARSIZE_ANY_EXHDR(result) == 0 ||
		memchr(VARDATA_ANY(result), '\0', VARSIZE_ANY_EXHDR(result)) != NULL ||
		!pg_verify_mbstr(PG_UTF8, VARDATA_ANY(result), VARSIZE_ANY_EXHDR(result), true))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(result);
}
