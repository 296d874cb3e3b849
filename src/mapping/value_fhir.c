/*
 * value_fhir.c
 *		Values out of FHIR's data types: concepts, measures, arrays of them.
 *
 * https://hl7.org/fhir/R4/datatypes.html
 */
#include "mapping/fhir.h"

PG_FUNCTION_INFO_V1(flitmig_fhir_elements);
PG_FUNCTION_INFO_V1(flitmig_fhir_item);
PG_FUNCTION_INFO_V1(flitmig_fhir_text);
PG_FUNCTION_INFO_V1(flitmig_fhir_code);
PG_FUNCTION_INFO_V1(flitmig_fhir_quantity);
PG_FUNCTION_INFO_V1(flitmig_fhir_range);

/* ---- concepts ---- */

/* Arrays of codings inside an array of concepts: deeper than this is no concept. */
#define LEVELS 4

/* The words of a concept, or of the first in an array that has any. */
static Span
text_within(Span concept, int levels)
{
	const char *cursor = NULL;
	Span		element;
	Span		found;

	if (levels == 0)
		return fhir_nothing;
	if (fhir_opens_with(concept, '['))
	{
		while (fhir_next_element(concept, &cursor, &element))
			if ((found = text_within(element, levels - 1)).data)
				return found;
		return fhir_nothing;
	}
	if (!fhir_opens_with(concept, '{'))
		return fhir_value(concept);
	if ((found = fhir_text_at(concept, "text")).data)
		return found;
	if ((found = fhir_text_at(concept, "display")).data)
		return found;
	element = fhir_member(concept, "coding");
	while (fhir_next_element(element, &cursor, &found))
	{
		Span display = fhir_text_at(found, "display");

		if (display.data)
			return display;
	}
	return (found = fhir_text_at(concept, "code")).data ? found : fhir_text_at(concept, "coding.0.code");
}

/* The first code of a system in a concept, or in an array of them. */
static Span
code_within(Span concept, Span system, int levels)
{
	const char *cursor = NULL;
	Span		element;
	Span		found;

	if (levels == 0)
		return fhir_nothing;
	if (fhir_opens_with(concept, '['))
	{
		while (fhir_next_element(concept, &cursor, &element))
			if ((found = code_within(element, system, levels - 1)).data)
				return found;
		return fhir_nothing;
	}
	if (!fhir_opens_with(concept, '{'))
		return fhir_value(concept);
	element = fhir_member(concept, "coding");
	if (element.data)
		return code_within(element, system, levels - 1);
	if (system.data && !fhir_equal(fhir_text_at(concept, "system"), system))
		return fhir_nothing;
	return fhir_text_at(concept, "code");
}

/* Whether the concept, or one in an array of them, has the code or says it as its text. */
static bool
is_within(Span concept, Span code, int levels)
{
	const char *cursor = NULL;
	Span		element;

	if (levels == 0)
		return false;
	if (fhir_opens_with(concept, '['))
	{
		while (fhir_next_element(concept, &cursor, &element))
			if (is_within(element, code, levels - 1))
				return true;
		return false;
	}
	if (!fhir_opens_with(concept, '{'))
		return fhir_equal(fhir_value(concept), code);
	return fhir_equal(fhir_text_at(concept, "code"), code) || fhir_equal(fhir_text_at(concept, "text"), code) ||
		   is_within(fhir_member(concept, "coding"), code, levels - 1);
}

bool
fhir_concept_is(Span concept, Span code)
{
	return is_within(concept, code, LEVELS);
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
	return fhir_return(fcinfo, text_within(fhir_arg(fcinfo, 0), LEVELS));
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
	return fhir_return(fcinfo, code_within(fhir_arg(fcinfo, 0), fhir_arg(fcinfo, 1), LEVELS));
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
	Span		items = fhir_arg(fcinfo, 0);
	const char *cursor = NULL;
	Span		element;
	Datum	   *texts = NULL;
	int			count = 0;
	int			room = 0;

	while (fhir_next_element(items, &cursor, &element))
	{
		Span value = fhir_value(element);

		if (value.data == NULL)
			continue;
		texts = fhir_more_texts(texts, count, &room, 1);
		texts[count++] = PointerGetDatum(span_to_text(value));
	}
	return fhir_return_texts(fcinfo, texts, count);
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
	Span					 items = fhir_arg(fcinfo, 0);
	Span					 code = fhir_arg(fcinfo, 1);
	char					*path = PG_ARGISNULL(2) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(2));
	const char				*cursor = NULL;
	Span					 element;

	if (code.len == 0)
		PG_RETURN_NULL();
	while (fhir_next_element(items, &cursor, &element))
	{
		bool found = url_is(fhir_text_at(element, "url"), code);

		for (int i = 0; !found && i < (int) lengthof(kinds); i++)
			found = fhir_concept_is(fhir_member(element, kinds[i]), code);
		if (found)
			return fhir_return(fcinfo, fhir_text_at(element, path));
	}
	PG_RETURN_NULL();
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
	Span quantity = fhir_arg(fcinfo, 0);
	Span value = fhir_text_at(quantity, "value");

	return fhir_return(fcinfo, value.data ? fhir_join(fhir_text_at(quantity, "comparator"), "", value) : fhir_nothing);
}

/*
 * fhir_range(range text) → text
 *
 * A Range or referenceRange: its text, or low - high, >= low, <= high.
 */
Datum
flitmig_fhir_range(PG_FUNCTION_ARGS)
{
	Span		range = fhir_arg(fcinfo, 0);
	const char *cursor = NULL;
	Span		low;
	Span		high;

	if (fhir_opens_with(range, '[') && !fhir_next_element(range, &cursor, &range))
		PG_RETURN_NULL();
	if ((low = fhir_text_at(range, "text")).data)
		return fhir_return(fcinfo, low);
	low = fhir_text_at(range, "low.value");
	high = fhir_text_at(range, "high.value");
	if (low.data && high.data)
		return fhir_return(fcinfo, fhir_join(low, " - ", high));
	if (low.data)
		return fhir_return(fcinfo, fhir_join((Span){">=", 2}, " ", low));
	return fhir_return(fcinfo, high.data ? fhir_join((Span){"<=", 2}, " ", high) : fhir_nothing);
}
