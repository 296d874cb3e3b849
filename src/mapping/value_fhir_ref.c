/*
 * value_fhir_ref.c
 *		References: whom one means, and by which keys a resource can be meant.
 *
 * https://hl7.org/fhir/R4/references.html
 */
#include "mapping/fhir.h"

#include "mb/pg_wchar.h"

PG_FUNCTION_INFO_V1(flitmig_fhir_ref);
PG_FUNCTION_INFO_V1(flitmig_fhir_keys);
PG_FUNCTION_INFO_V1(flitmig_fhir_references);

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
		int high = span.data[i] == '%' && i + 2 < span.len ? hex_value(span.data[i + 1]) : -1;
		int low = high < 0 ? -1 : hex_value(span.data[i + 2]);

		if (low >= 0 && high + low > 0)
		{
			out[len++] = (char) (high << 4 | low);
			i += 2;
		}
		else
			out[len++] = span.data[i];
	}
	return pg_verify_mbstr(GetDatabaseEncoding(), out, len, true) ? (Span){out, len} : fhir_nothing;
}

/* system|value, or |value; the bar tells it from an id. */
static Span
identifier_key(Span system, Span value)
{
	if (system.data == NULL)
		system = (Span){"", 0};
	return value.data ? fhir_join(system, "|", value) : fhir_nothing;
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

	*type = fhir_nothing;
	if (reference.len == 0 || *s == '#')
		return fhir_nothing;
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

				return key.len > 0 && memchr(key.data, '|', key.len) == NULL ? identifier_key(fhir_nothing, key) : key;
			}
			from = stop + 1;
		}
		return fhir_nothing;
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
			return fhir_nothing;
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
	Span type = fhir_nothing;
	Span key = fhir_nothing;

	if (!fhir_opens_with(reference, '{'))
	{
		if ((reference = fhir_value(reference)).data)
			key = reference_key(reference, &type);
	}
	else
	{
		Span name = fhir_text_at(reference, "reference");

		if (name.data)
			key = reference_key(name, &type);
		else
			key = identifier_key(fhir_text_at(reference, "identifier.system"), fhir_text_at(reference, "identifier.value"));
		if (type.data == NULL)
			type = fhir_text_at(reference, "type");
	}
	if (wanted.data && type.data && !fhir_equal(type, wanted))
		return fhir_nothing;
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
	Span		items = fhir_arg(fcinfo, 0);
	Span		type = fhir_arg(fcinfo, 1);
	char	   *path = PG_ARGISNULL(2) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(2));
	const char *cursor = NULL;
	Span		element;
	Span		found = fhir_nothing;

	while (fhir_next_element(items, &cursor, &element))
	{
		Span key = ref_of(fhir_at(element, path), type);

		if (key.len == 0)
			continue;
		if (*path == '\0' || fhir_concept_is(fhir_member(element, "type"), (Span){"PPRF", 4}))
			return fhir_return(fcinfo, key);
		if (found.data == NULL)
			found = key;
	}
	return fhir_return(fcinfo, found);
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
	Span		items = fhir_arg(fcinfo, 0);
	const char *cursor = NULL;
	Span		element;
	Datum	   *texts = NULL;
	int			count = 0;
	int			room = 0;

	while (fhir_next_element(items, &cursor, &element))
	{
		Span system = fhir_text_at(element, "system");
		Span value = fhir_text_at(element, "value");

		if (value.data == NULL)
			continue;
		texts = fhir_more_texts(texts, count, &room, 2);
		texts[count++] = PointerGetDatum(span_to_text(identifier_key(fhir_nothing, value)));
		if (system.data)
			texts[count++] = PointerGetDatum(span_to_text(identifier_key(system, value)));
	}
	return fhir_return_texts(fcinfo, texts, count);
}

/* Deepest nesting that is searched for references. */
#define DEPTH_MAX 500

typedef struct Found
{
	Datum *texts;
	int	   count;
	int	   room;
} Found;

/* Adds every reference below a value, by address or by identifier. */
static void
collect_references(Span value, int depth, Found *found)
{
	const char *cursor = NULL;
	Span		key;
	Span		part;

	if (depth > DEPTH_MAX)
		return;
	if (fhir_opens_with(value, '['))
	{
		while (fhir_next_element(value, &cursor, &part))
			collect_references(part, depth + 1, found);
		return;
	}
	if (fhir_opens_with(fhir_member(value, "reference"), '"') || fhir_opens_with(fhir_member(value, "identifier"), '{'))
	{
		found->texts = fhir_more_texts(found->texts, found->count, &found->room, 1);
		found->texts[found->count++] = PointerGetDatum(span_to_text(value));
	}
	while (fhir_next_member(value, &cursor, &key, &part))
		if (fhir_opens_with(part, '{') || fhir_opens_with(part, '['))
			collect_references(part, depth + 1, found);
}

/*
 * _fhir_references(value text) → text[]
 *
 * Every Reference inside a cell, as JSON.
 */
Datum
flitmig_fhir_references(PG_FUNCTION_ARGS)
{
	Found found = {NULL, 0, 0};

	collect_references(fhir_arg(fcinfo, 0), 0, &found);
	return fhir_return_texts(fcinfo, found.texts, found.count);
}
