/*
 * value_fhir.c
 *		Values out of FHIR's data types, which staging holds as JSON text.
 *
 * A cell holds one top-level member of a resource: a name, an address, a
 * reference, or an array of them.  Cells are small and many, so they are read
 * where they lie: a value's end is found by its brackets and quotes, nothing
 * is copied but what is asked for.  What is no JSON has no members and gives
 * NULL.  An object where an array may stand is taken as its only element.
 *
 * Data types: https://hl7.org/fhir/R4/datatypes.html, references.html
 */
#include "mapping.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"

PG_FUNCTION_INFO_V1(flitmig_fhir_elements);
PG_FUNCTION_INFO_V1(flitmig_fhir_item);
PG_FUNCTION_INFO_V1(flitmig_fhir_text);
PG_FUNCTION_INFO_V1(flitmig_fhir_code);
PG_FUNCTION_INFO_V1(flitmig_fhir_name);
PG_FUNCTION_INFO_V1(flitmig_fhir_name_part);
PG_FUNCTION_INFO_V1(flitmig_fhir_telecom);
PG_FUNCTION_INFO_V1(flitmig_fhir_address);
PG_FUNCTION_INFO_V1(flitmig_fhir_ref);
PG_FUNCTION_INFO_V1(flitmig_fhir_keys);
PG_FUNCTION_INFO_V1(flitmig_fhir_quantity);
PG_FUNCTION_INFO_V1(flitmig_fhir_range);
PG_FUNCTION_INFO_V1(flitmig_base64_markdown);
PG_FUNCTION_INFO_V1(flitmig_fhir_attachment_text);

extern Datum flitmig_decode_base64_text(PG_FUNCTION_ARGS);
extern Datum flitmig_to_markdown(PG_FUNCTION_ARGS);

static const Span nothing = {NULL, 0};

/* ---- JSON, read in place ---- */

static const char *
skip_space(const char *s, const char *end)
{
	while (s < end && (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\r'))
		s++;
	return s;
}

/* Behind the string that opens at s; NULL when it does not close. */
static const char *
skip_string(const char *s, const char *end)
{
	for (s++; s < end; s++)
	{
		if (*s == '"')
			return s + 1;
		if (*s == '\\')
			s++;
	}
	return NULL;
}

/* Behind the value at s; NULL when there is none. */
static const char *
skip_value(const char *s, const char *end)
{
	int			open = 0;
	const char *start = s;

	while (s < end)
	{
		if (*s == '"')
		{
			s = skip_string(s, end);
			if (s == NULL)
				return NULL;
		}
		else if (*s == '{' || *s == '[')
		{
			open++;
			s++;
			continue;
		}
		else if (*s == '}' || *s == ']')
		{
			if (open == 0)
				return s > start ? s : NULL;
			open--;
			s++;
		}
		else if (open == 0)
		{
			while (s < end && strchr(",]} \t\n\r", *s) == NULL)
				s++;
			return s > start ? s : NULL;
		}
		else
		{
			s++;
			continue;
		}
		if (open == 0)
			return s;
	}
	return NULL;
}

/* The value of a whole cell; nothing when the cell is NULL. */
static Span
json_arg(FunctionCallInfo fcinfo, int arg)
{
	return PG_ARGISNULL(arg) ? nothing : span_arg(fcinfo, arg);
}

static bool
opens_with(Span value, char bracket)
{
	return value.len > 0 && value.data[0] == bracket;
}

/* A member of an object by name; nothing when the value is no object or has none. */
static Span
json_member(Span object, const char *name)
{
	const char *end = object.data + object.len;
	const char *s;
	int			len = (int) strlen(name);

	if (!opens_with(object, '{'))
		return nothing;
	s = skip_space(object.data + 1, end);
	while (s < end && *s == '"')
	{
		const char *key = s + 1;
		const char *value;
		bool		found;

		s = skip_string(s, end);
		if (s == NULL)
			return nothing;
		found = s - 1 - key == len && memcmp(key, name, len) == 0;
		s = skip_space(s, end);
		if (s == end || *s != ':')
			return nothing;
		value = skip_space(s + 1, end);
		s = skip_value(value, end);
		if (s == NULL)
			return nothing;
		if (found)
			return (Span){value, (int) (s - value)};
		s = skip_space(s, end);
		if (s < end && *s == ',')
			s = skip_space(s + 1, end);
	}
	return nothing;
}

/*
 * The next element of an array; false at its end.  The cursor starts as NULL.
 * What is no array is its own and only element.
 */
static bool
next_element(Span array, const char **cursor, Span *element)
{
	const char *end = array.data + array.len;
	const char *s = *cursor;

	if (array.len == 0)
		return false;
	if (!opens_with(array, '['))
	{
		*element = array;
		*cursor = end;
		return s == NULL;
	}
	s = skip_space(s ? s : array.data + 1, end);
	if (s < end && *s == ',')
		s = skip_space(s + 1, end);
	if (s >= end || *s == ']')
		return false;
	*element = (Span){s, 0};
	s = skip_value(s, end);
	if (s == NULL)
		return false;
	element->len = (int) (s - element->data);
	*cursor = s;
	return true;
}

/* The value at a path of names and, in arrays, numbers from 0: 'class.0.value'. */
static Span
json_at(Span value, const char *path)
{
	while (value.data && *path)
	{
		const char *dot = strchr(path, '.');
		char		step[64];
		int			len = dot ? (int) (dot - path) : (int) strlen(path);

		if (len >= (int) sizeof(step))
			return nothing;
		memcpy(step, path, len);
		step[len] = '\0';
		path += dot ? len + 1 : len;
		if (opens_with(value, '['))
		{
			const char *cursor = NULL;
			Span		element;
			long		n = -1;

			if (strspn(step, "0123456789") == strlen(step))
				n = strtol(step, NULL, 10);
			while (n >= 0 && next_element(value, &cursor, &element))
				n--;
			if (cursor == NULL || n >= 0)
				return nothing;
			value = element;
		}
		else
			value = json_member(value, step);
	}
	return value;
}

static int
hex_digits(const char *s, const char *end)
{
	int code = 0;

	if (end - s < 4)
		return -1;
	for (int i = 0; i < 4; i++)
	{
		char ch = s[i] | 0x20;

		if (s[i] >= '0' && s[i] <= '9')
			code = code << 4 | (s[i] - '0');
		else if (ch >= 'a' && ch <= 'f')
			code = code << 4 | (ch - 'a' + 10);
		else
			return -1;
	}
	return code;
}

/* Reads \uXXXX (s is behind the u), with its second half if it is a pair; what is no character, NUL included, is left out. */
static const char *
append_escaped(StringInfo out, const char *s, const char *end)
{
	int			  code = hex_digits(s, end);
	unsigned char utf8[5] = {0};

	if (code < 0)
		return s;
	s += 4;
	if (code >= 0xD800 && code < 0xDC00 && end - s >= 6 && s[0] == '\\' && s[1] == 'u')
	{
		int low = hex_digits(s + 2, end);

		if (low >= 0xDC00 && low < 0xE000)
		{
			code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
			s += 6;
		}
	}
	if (code == 0 || (code >= 0xD800 && code < 0xE000))
		return s;
	if (code >= 0x80)
		require_utf8();
	unicode_to_utf8(code, utf8);
	appendBinaryStringInfo(out, (char *) utf8, pg_utf_mblen(utf8));
	return s;
}

/* The text of a value: strings without quotes and escapes, everything else as it stands; nothing for null and blanks. */
static Span
json_text(Span value)
{
	const char	  *s = value.data + 1;
	const char	  *end = value.data + value.len - 1;
	StringInfoData out;

	if (value.len == 0 || span_is(value, "null"))
		return nothing;
	if (opens_with(value, '"') && value.len >= 2)
	{
		value = (Span){s, (int) (end - s)};
		if (memchr(s, '\\', end - s))
		{
			initStringInfo(&out);
			while (s < end)
			{
				const char *back = memchr(s, '\\', end - s);
				static const char from[] = "bfnrt";
				static const char to[] = "\b\f\n\r\t";
				const char *known;

				if (back == NULL || back + 1 >= end)
					back = end;
				appendBinaryStringInfo(&out, s, (int) (back - s));
				if (back == end)
					break;
				s = back + 2;
				if (back[1] == 'u')
					s = append_escaped(&out, s, end);
				else
				{
					known = strchr(from, back[1]);
					appendStringInfoChar(&out, known ? to[known - from] : back[1]);
				}
			}
			value = (Span){out.data, out.len};
		}
	}
	value = span_trim(value);
	return value.len > 0 ? value : nothing;
}

static Span
text_at(Span value, const char *path)
{
	return json_text(json_at(value, path));
}

static bool
span_equal(Span a, Span b)
{
	return a.data && b.data && a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

static Span
span_join(Span a, const char *between, Span b)
{
	StringInfoData out;

	if (a.data == NULL || b.data == NULL)
		return a.data ? a : b;
	initStringInfo(&out);
	appendBinaryStringInfo(&out, a.data, a.len);
	appendStringInfoString(&out, between);
	appendBinaryStringInfo(&out, b.data, b.len);
	return (Span){out.data, out.len};
}

/* All texts of an array, or those from one on, joined. */
static Span
joined_texts(Span array, int from, const char *between)
{
	const char *cursor = NULL;
	Span		element;
	Span		all = nothing;

	for (int i = 0; next_element(array, &cursor, &element); i++)
		if (i >= from)
			all = span_join(all, between, json_text(element));
	return all;
}

static Datum
return_span(FunctionCallInfo fcinfo, Span span)
{
	if (span.data == NULL || span.len == 0)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(span_to_text(span));
}

static Datum
return_texts(FunctionCallInfo fcinfo, Datum *texts, int count)
{
	if (count == 0)
		PG_RETURN_NULL();
	PG_RETURN_ARRAYTYPE_P(construct_array(texts, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Room for n more texts in an array that doubles. */
static Datum *
more_texts(Datum *texts, int count, int *room, int n)
{
	if (texts == NULL)
		return palloc(sizeof(Datum) * (*room = 16 + n));
	if (count + n > *room)
		texts = repalloc(texts, sizeof(Datum) * (*room = (*room + n) * 2));
	return texts;
}

/* ---- concepts ---- */

/* What a Coding, a CodeableConcept, an array of them or a code says to a reader. */
static Span
concept_text(Span concept)
{
	const char *cursor = NULL;
	Span		element;
	Span		found;

	if (opens_with(concept, '['))
	{
		while (next_element(concept, &cursor, &element))
			if ((found = concept_text(element)).data)
				return found;
		return nothing;
	}
	if (!opens_with(concept, '{'))
		return json_text(concept);
	if ((found = text_at(concept, "text")).data)
		return found;
	if ((found = text_at(concept, "display")).data)
		return found;
	element = json_member(concept, "coding");
	while (next_element(element, &cursor, &found))
	{
		Span display = text_at(found, "display");

		if (display.data)
			return display;
	}
	return (found = text_at(concept, "code")).data ? found : text_at(concept, "coding.0.code");
}

/* Its code; of a system, when one is named. */
static Span
concept_code(Span concept, Span system)
{
	const char *cursor = NULL;
	Span		element;
	Span		found;

	if (opens_with(concept, '['))
	{
		while (next_element(concept, &cursor, &element))
			if ((found = concept_code(element, system)).data)
				return found;
		return nothing;
	}
	if (!opens_with(concept, '{'))
		return json_text(concept);
	if (json_member(concept, "coding").data)
		return concept_code(json_member(concept, "coding"), system);
	if (system.data && !span_equal(text_at(concept, "system"), system))
		return nothing;
	return text_at(concept, "code");
}

/* Does one of its codings have the code, or its text the words? */
static bool
concept_is(Span concept, Span code)
{
	const char *cursor = NULL;
	Span		element;

	if (opens_with(concept, '['))
	{
		while (next_element(concept, &cursor, &element))
			if (concept_is(element, code))
				return true;
		return false;
	}
	if (!opens_with(concept, '{'))
		return span_equal(json_text(concept), code);
	return span_equal(text_at(concept, "code"), code) || span_equal(text_at(concept, "text"), code) ||
		concept_is(json_member(concept, "coding"), code);
}

/*
 * fhir_text(concept text) → text
 *
 * Text, display or else code of a CodeableConcept, a Coding or an array of
 * them (the first that says something).
 */
Datum
flitmig_fhir_text(PG_FUNCTION_ARGS)
{
	return return_span(fcinfo, concept_text(json_arg(fcinfo, 0)));
}

/*
 * fhir_code(concept text, system text) → text
 *
 * Code of a CodeableConcept, a Coding or an array of them; with a system, the
 * code in that system.
 */
Datum
flitmig_fhir_code(PG_FUNCTION_ARGS)
{
	return return_span(fcinfo, concept_code(json_arg(fcinfo, 0), json_arg(fcinfo, 1)));
}

/* ---- arrays ---- */

/*
 * fhir_elements(items text) → text[]
 *
 * The elements of an array, strings as text, everything else as JSON.
 */
Datum
flitmig_fhir_elements(PG_FUNCTION_ARGS)
{
	Span		items = json_arg(fcinfo, 0);
	const char *cursor = NULL;
	Span		element;
	Datum	   *texts = NULL;
	int			count = 0;
	int			room = 0;

	while (next_element(items, &cursor, &element))
	{
		Span value = json_text(element);

		if (value.data == NULL)
			continue;
		texts = more_texts(texts, count, &room, 1);
		texts[count++] = PointerGetDatum(span_to_text(value));
	}
	return return_texts(fcinfo, texts, count);
}

/* Is the wanted name the url of an extension, or its last part? */
static bool
url_is(Span url, Span wanted)
{
	if (url.data == NULL || url.len < wanted.len)
		return false;
	return memcmp(url.data + url.len - wanted.len, wanted.data, wanted.len) == 0 &&
		(url.len == wanted.len || url.data[url.len - wanted.len - 1] == '/');
}

/*
 * fhir_item(items text, code text, path text) → text
 *
 * The first element that is of a kind: its type, category, code, use or
 * system is the code, or its url ends in it (extensions); of that element the
 * value at path.  Identifiers, classes of a coverage, totals, extensions.
 */
Datum
flitmig_fhir_item(PG_FUNCTION_ARGS)
{
	static const char *const kinds[] = {"type", "category", "code", "use", "system"};
	Span					 items = json_arg(fcinfo, 0);
	Span					 code = json_arg(fcinfo, 1);
	char					*path = PG_ARGISNULL(2) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(2));
	const char				*cursor = NULL;
	Span					 element;

	if (code.len == 0)
		PG_RETURN_NULL();
	while (next_element(items, &cursor, &element))
	{
		bool found = url_is(text_at(element, "url"), code);

		for (int i = 0; !found && i < (int) lengthof(kinds); i++)
			found = concept_is(json_member(element, kinds[i]), code);
		if (found)
			return return_span(fcinfo, text_at(element, path));
	}
	PG_RETURN_NULL();
}

/* ---- people ---- */

/* A use and how good it is, 0 best; the uses of a kind end with one that has no name. */
typedef struct Use
{
	const char *name;
	int			rank;
} Use;

/* What ended, or is said to be old, comes last; those after it are never taken. */
#define RANK_OLD 8
#define RANK_NEVER 9

static int
use_rank(Span element, const Use *uses)
{
	Span use = text_at(element, "use");

	if (text_at(element, "period.end").data)
		return RANK_OLD;
	while (uses->name && !(use.data && span_is(use, uses->name)))
		uses++;
	return uses->rank;
}

/* The best element; among equals the first. */
static Span
best_by_use(Span items, const Use *uses)
{
	const char *cursor = NULL;
	Span		element;
	Span		best = nothing;
	int			best_rank = RANK_NEVER;

	while (next_element(items, &cursor, &element))
	{
		int rank = opens_with(element, '{') ? use_rank(element, uses) : RANK_NEVER;

		if (rank < best_rank)
		{
			best = element;
			best_rank = rank;
		}
	}
	return best;
}

static const Use name_uses[] = {{"official", 0}, {"usual", 1}, {"nickname", 5}, {"maiden", RANK_OLD}, {"old", RANK_OLD}, {"temp", 6}, {"anonymous", 4}, {NULL, 2}};

/*
 * fhir_name(names text) → jsonb {"firstName", "lastName"}
 *
 * The official name, else the usual one, else any that is not old; given
 * names after the first are middle names (fhir_name_part).
 */
Datum
flitmig_fhir_name(PG_FUNCTION_ARGS)
{
	static const char *const keys[] = {"lastName", "firstName"};
	Span					 name = best_by_use(json_arg(fcinfo, 0), name_uses);
	Span					 values[2];
	Span					 whole;
	Jsonb					*result;

	values[0] = text_at(name, "family");
	values[1] = text_at(name, "given.0");
	if (values[1].data == NULL && !opens_with(json_member(name, "given"), '['))
		values[1] = text_at(name, "given");
	if (values[0].data == NULL && values[1].data == NULL)
	{
		/* only written out: taken apart as any name in one cell */
		extern Datum flitmig_full_name_cell(PG_FUNCTION_ARGS);
		LOCAL_FCINFO(call, 1);
		Datum parts;

		whole = text_at(name, "text");
		if (whole.data == NULL)
			PG_RETURN_NULL();
		InitFunctionCallInfoData(*call, NULL, 1, InvalidOid, NULL, NULL);
		call->args[0].value = PointerGetDatum(span_to_text(whole));
		call->args[0].isnull = false;
		parts = flitmig_full_name_cell(call);
		if (call->isnull)
			PG_RETURN_NULL();
		PG_RETURN_DATUM(parts);
	}
	for (int i = 0; i < 2; i++)
		if (values[i].data == NULL)
			values[i] = (Span){"", 0};
	result = json_strings(2, keys, values);
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(result);
}

/*
 * fhir_name_part(names text, part text) → text
 *
 * What fhir_name leaves: prefix, middle, suffix of the same name; preferred,
 * the nickname.
 */
Datum
flitmig_fhir_name_part(PG_FUNCTION_ARGS)
{
	static const Use nickname_uses[] = {{"nickname", 0}, {NULL, RANK_NEVER}};
	Span			 names = json_arg(fcinfo, 0);
	Span			 part = json_arg(fcinfo, 1);
	Span			 name = best_by_use(names, name_uses);

	if (part.len == 0)
		PG_RETURN_NULL();
	if (span_is(part, "prefix") || span_is(part, "suffix"))
		return return_span(fcinfo, joined_texts(json_member(name, span_is(part, "prefix") ? "prefix" : "suffix"), 0, " "));
	if (span_is(part, "middle"))
		return return_span(fcinfo, joined_texts(json_member(name, "given"), 1, " "));
	if (span_is(part, "preferred"))
		return return_span(fcinfo, joined_texts(json_member(best_by_use(names, nickname_uses), "given"), 0, " "));
	PG_RETURN_NULL();
}

/* Most contact points of one system that are read. */
#define TELECOMS_MAX 32

/*
 * fhir_telecom(telecom text, system text) → text[]
 *
 * Values of the contact points of a system (phone, email, fax, url), the
 * preferred first: by rank, then mobile, home, work; old ones not at all.
 * Text messages (sms) go to phones.
 */
Datum
flitmig_fhir_telecom(PG_FUNCTION_ARGS)
{
	static const Use uses[] = {{"mobile", 1}, {"home", 2}, {"work", 3}, {"temp", 5}, {"old", RANK_NEVER}, {NULL, 4}};
	Span			 items = json_arg(fcinfo, 0);
	Span			 wanted = json_arg(fcinfo, 1);
	const char		*cursor = NULL;
	Span			 element;
	Span			 found[TELECOMS_MAX];
	int				 ranks[TELECOMS_MAX];
	Datum			 texts[TELECOMS_MAX];
	int				 count = 0;

	while (count < TELECOMS_MAX && next_element(items, &cursor, &element))
	{
		Span system = text_at(element, "system");
		Span value = text_at(element, "value");
		Span order = text_at(element, "rank");
		int	 rank = use_rank(element, uses);
		int	 at;

		if (value.data == NULL || system.data == NULL || rank >= RANK_NEVER || wanted.len == 0 ||
			!(span_equal(system, wanted) || (span_is(system, "sms") && span_is(wanted, "phone"))))
			continue;
		/* what is ranked comes before what is not */
		rank += 1000 * (order.data ? Min(Max((int) strtol(order.data, NULL, 10), 1), 99) : 100);
		for (at = count++; at > 0 && ranks[at - 1] > rank; at--)
		{
			found[at] = found[at - 1];
			ranks[at] = ranks[at - 1];
		}
		found[at] = value;
		ranks[at] = rank;
	}
	for (int i = 0; i < count; i++)
		texts[i] = PointerGetDatum(span_to_text(found[i]));
	return return_texts(fcinfo, texts, count);
}

/*
 * fhir_address(addresses text) → jsonb
 *
 * An ADDRESS value for Twenty of the home address, else of any that is not
 * old.  Lines after the first are one second line.
 */
Datum
flitmig_fhir_address(PG_FUNCTION_ARGS)
{
	static const Use		 uses[] = {{"home", 0}, {"work", 2}, {"temp", 3}, {"billing", 4}, {"old", RANK_OLD}, {NULL, 1}};
	static const char *const keys[] = {"addressCity", "addressState", "addressCountry", "addressStreet1", "addressStreet2", "addressPostcode"};
	Span					 address = best_by_use(json_arg(fcinfo, 0), uses);
	Span					 values[6];
	bool					 blank = true;
	Jsonb					*result;

	values[0] = text_at(address, "city");
	values[1] = text_at(address, "state");
	values[2] = text_at(address, "country");
	values[3] = text_at(address, "line.0");
	values[4] = joined_texts(json_member(address, "line"), 1, ", ");
	values[5] = text_at(address, "postalCode");
	for (int i = 0; i < 6; i++)
		blank = blank && values[i].data == NULL;
	if (blank)
	{
		values[3] = text_at(address, "text");
		blank = values[3].data == NULL;
	}
	for (int i = 0; i < 6; i++)
		if (values[i].data == NULL)
			values[i] = (Span){"", 0};
	result = blank ? NULL : json_strings(6, keys, values);
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(result);
}

/* ---- references ---- */

/* The text with %7C and the like read. */
static Span
percent_decoded(Span span)
{
	char *out;
	int	  len = 0;

	if (span.len == 0 || memchr(span.data, '%', span.len) == NULL)
		return span;
	out = palloc(span.len);
	for (int i = 0; i < span.len; i++)
	{
		char pair[5] = "00";
		int	 code = -1;

		if (span.data[i] == '%' && i + 2 < span.len)
		{
			pair[2] = span.data[i + 1];
			pair[3] = span.data[i + 2];
			code = hex_digits(pair, pair + 4);
		}
		if (code > 0)
			i += 2;
		out[len++] = code > 0 ? (char) code : span.data[i];
	}
	return pg_verify_mbstr(GetDatabaseEncoding(), out, len, true) ? (Span){out, len} : nothing;
}

/* system|value, or |value; the bar tells it from an id. */
static Span
identifier_key(Span system, Span value)
{
	if (system.data == NULL)
		system = (Span){"", 0};
	return value.data ? span_join(system, "|", value) : nothing;
}

/* Where the last part behind a mark begins: at the mark's right, or at the start. */
static const char *
behind_last(const char *s, const char *end, char mark)
{
	while (end > s && end[-1] != mark)
		end--;
	return end;
}

/*
 * Takes the text of a reference apart:
 *
 *	 Patient/1, https://host/fhir/Patient/1/_history/2	type Patient, key 1
 *	 Practitioner?identifier=http://npi|99			type Practitioner, key http://npi|99
 *	 urn:uuid:6ba7…									key 6ba7…
 *	 #p1											nothing: it is inside the resource
 */
static Span
reference_key(Span reference, Span *type)
{
	const char *s = reference.data;
	const char *end = s + reference.len;
	const char *query = memchr(s, '?', reference.len);
	const char *id;

	*type = nothing;
	if (reference.len == 0 || *s == '#')
		return nothing;
	if (query)
	{
		static const char name[] = "identifier=";
		const char		 *from = behind_last(s, query, '/');

		*type = (Span){from, (int) (query - from)};
		for (from = query + 1; from < end;)
		{
			const char *stop = memchr(from, '&', end - from);

			if (stop == NULL)
				stop = end;
			if (stop - from > (int) strlen(name) && memcmp(from, name, strlen(name)) == 0)
			{
				Span key = percent_decoded((Span){from + strlen(name), (int) (stop - from - strlen(name))});

				return key.len > 0 && memchr(key.data, '|', key.len) == NULL ? identifier_key(nothing, key) : key;
			}
			from = stop + 1;
		}
		return nothing;
	}
	if (reference.len > 4 && memcmp(s, "urn:", 4) == 0)
	{
		id = behind_last(s, end, ':');
		return (Span){id, (int) (end - id)};
	}
	id = behind_last(s, end, '/');
	while (id == end && end > s)
		id = behind_last(s, --end, '/');
	if (id - s > 9 && memcmp(id - 9, "_history/", 9) == 0)
	{
		end = id - 10;
		if (end <= s)
			return nothing;
		id = behind_last(s, end, '/');
	}
	if (id > s)
	{
		const char *from = behind_last(s, id - 1, '/');

		*type = (Span){from, (int) (id - 1 - from)};
	}
	return (Span){id, (int) (end - id)};
}

/* The key of a Reference (or of its text alone), if it is one to the type. */
static Span
ref_of(Span reference, Span wanted)
{
	Span type = nothing;
	Span key = nothing;

	if (!opens_with(reference, '{'))
	{
		if ((reference = json_text(reference)).data)
			key = reference_key(reference, &type);
	}
	else
	{
		Span name = text_at(reference, "reference");

		if (name.data)
			key = reference_key(name, &type);
		else
			key = identifier_key(text_at(reference, "identifier.system"), text_at(reference, "identifier.value"));
		if (type.data == NULL)
			type = text_at(reference, "type");
	}
	if (wanted.data && type.data && !span_equal(type, wanted))
		return nothing;
	return key;
}

/*
 * fhir_ref(reference text, type text, path text) → text
 *
 * Whom a reference means: the id for Type/id, URLs and urn:uuid:, system|value
 * for a conditional or a logical reference (fhir_keys gives the other side).
 * NULL when it points to something else than type.  Of an array, the first
 * that fits; path leads from an element to its reference, and an element that
 * is a primary performer (PPRF) comes before others.
 */
Datum
flitmig_fhir_ref(PG_FUNCTION_ARGS)
{
	Span		items = json_arg(fcinfo, 0);
	Span		type = json_arg(fcinfo, 1);
	char	   *path = PG_ARGISNULL(2) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(2));
	const char *cursor = NULL;
	Span		element;
	Span		found = nothing;

	while (next_element(items, &cursor, &element))
	{
		Span key = ref_of(json_at(element, path), type);

		if (key.len == 0)
			continue;
		if (*path == '\0' || concept_is(json_member(element, "type"), (Span){"PPRF", 4}))
			return return_span(fcinfo, key);
		if (found.data == NULL)
			found = key;
	}
	return return_span(fcinfo, found);
}

/*
 * fhir_keys(identifiers text) → text[]
 *
 * What fhir_ref may give for a resource beside its id: system|value and |value
 * of each identifier.
 */
Datum
flitmig_fhir_keys(PG_FUNCTION_ARGS)
{
	Span		items = json_arg(fcinfo, 0);
	const char *cursor = NULL;
	Span		element;
	Datum	   *texts = NULL;
	int			count = 0;
	int			room = 0;

	while (next_element(items, &cursor, &element))
	{
		Span system = text_at(element, "system");
		Span value = text_at(element, "value");

		if (value.data == NULL)
			continue;
		texts = more_texts(texts, count, &room, 2);
		texts[count++] = PointerGetDatum(span_to_text(identifier_key(nothing, value)));
		if (system.data)
			texts[count++] = PointerGetDatum(span_to_text(identifier_key(system, value)));
	}
	return return_texts(fcinfo, texts, count);
}

/* ---- measures ---- */

/*
 * fhir_quantity(quantity text) → text
 *
 * Value of a Quantity with its comparator: 5.2, <0.01.
 */
Datum
flitmig_fhir_quantity(PG_FUNCTION_ARGS)
{
	Span quantity = json_arg(fcinfo, 0);
	Span value = text_at(quantity, "value");

	return return_span(fcinfo, value.data ? span_join(text_at(quantity, "comparator"), "", value) : nothing);
}

/*
 * fhir_range(range text) → text
 *
 * A Range or referenceRange: its text, or low - high, >= low, <= high.
 */
Datum
flitmig_fhir_range(PG_FUNCTION_ARGS)
{
	Span		range = json_arg(fcinfo, 0);
	const char *cursor = NULL;
	Span		low;
	Span		high;

	if (opens_with(range, '[') && !next_element(range, &cursor, &range))
		PG_RETURN_NULL();
	if ((low = text_at(range, "text")).data)
		return return_span(fcinfo, low);
	low = text_at(range, "low.value");
	high = text_at(range, "high.value");
	if (low.data && high.data)
		return return_span(fcinfo, span_join(low, " - ", high));
	if (low.data)
		return return_span(fcinfo, span_join((Span){">=", 2}, " ", low));
	return return_span(fcinfo, high.data ? span_join((Span){"<=", 2}, " ", high) : nothing);
}

/* ---- attachments ---- */

/* Does the content type say text, and how is it marked up? */
static bool
is_text_type(Span type, const char **format, Span *charset)
{
	static const char mark[] = "charset=";
	char			  folded[128];
	char			 *at;

	*charset = nothing;
	*format = NULL;
	if (type.len == 0)
		return true;
	if (!span_fold(type, folded, sizeof(folded)))
		return false;
	if (strstr(folded, "html"))
		*format = "html";
	else if (strstr(folded, "rtf"))
		*format = "rtf";
	else if (strncmp(folded, "text/plain", 10) == 0)
		*format = "text";
	else if (strncmp(folded, "text/markdown", 13) == 0)
		*format = "markdown";
	else if (strncmp(folded, "text/", 5) != 0 || strstr(folded, "xml"))
		return false;
	at = strstr(folded, mark);
	if (at)
	{
		at += strlen(mark) + strspn(at + strlen(mark), "\"' ");
		*charset = (Span){pstrdup(at), (int) strcspn(at, "\"'; ")};
	}
	return true;
}

static Span
decoded_markdown(Span data, Span type)
{
	const char *format;
	Span		charset;
	LOCAL_FCINFO(call, 2);
	Datum body;

	if (data.len == 0 || !is_text_type(type, &format, &charset))
		return nothing;
	InitFunctionCallInfoData(*call, NULL, 2, InvalidOid, NULL, NULL);
	call->args[0].value = PointerGetDatum(span_to_text(data));
	call->args[0].isnull = false;
	call->args[1].isnull = charset.len == 0;
	if (charset.len > 0)
		call->args[1].value = PointerGetDatum(span_to_text(charset));
	body = flitmig_decode_base64_text(call);
	if (call->isnull)
		return nothing;
	if (format && strcmp(format, "markdown") == 0)
		return span_of_text(DatumGetTextPP(body));
	InitFunctionCallInfoData(*call, NULL, 2, InvalidOid, NULL, NULL);
	call->args[0].value = body;
	call->args[0].isnull = false;
	call->args[1].isnull = format == NULL;
	if (format)
		call->args[1].value = CStringGetTextDatum(format);
	body = flitmig_to_markdown(call);
	return call->isnull ? nothing : span_of_text(DatumGetTextPP(body));
}

/*
 * base64_markdown(data text, content_type text) → text
 *
 * A note that the export holds in base64, as Markdown.  NULL when the content
 * type is not that of a text, HTML or RTF, or the bytes are none.
 */
Datum
flitmig_base64_markdown(PG_FUNCTION_ARGS)
{
	return return_span(fcinfo, decoded_markdown(json_arg(fcinfo, 0), json_arg(fcinfo, 1)));
}

/*
 * fhir_attachment_text(content text) → text
 *
 * The notes inside a DocumentReference's content, or inside attachments such
 * as presentedForm, as Markdown.  One document in several formats is one
 * note: the first that is a text counts.
 */
Datum
flitmig_fhir_attachment_text(PG_FUNCTION_ARGS)
{
	Span		items = json_arg(fcinfo, 0);
	const char *cursor = NULL;
	Span		element;

	while (next_element(items, &cursor, &element))
	{
		Span attachment = json_member(element, "attachment");
		Span body;

		if (attachment.data == NULL)
			attachment = element;
		body = decoded_markdown(text_at(attachment, "data"), text_at(attachment, "contentType"));
		if (body.data)
			return return_span(fcinfo, body);
	}
	PG_RETURN_NULL();
}
