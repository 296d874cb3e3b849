/*
 * value_fhir_person.c
 *		Names, addresses and contact points: which of several, by their use.
 *
 * https://hl7.org/fhir/R4/datatypes.html#HumanName
 */
#include "mapping/fhir.h"

PG_FUNCTION_INFO_V1(flitmig_fhir_name);
PG_FUNCTION_INFO_V1(flitmig_fhir_name_part);
PG_FUNCTION_INFO_V1(flitmig_fhir_telecom);
PG_FUNCTION_INFO_V1(flitmig_fhir_address);

extern Datum flitmig_full_name_cell(PG_FUNCTION_ARGS);

/* A use and how good it is, 0 best; the uses of a kind end with one that has no name. */
typedef struct Use
{
	const char *name;
	int			rank;
} Use;

/* What ended, or is said to be old, comes last; those after it are never taken. */
#define RANK_OLD   8
#define RANK_NEVER 9

static int
use_rank(Span element, const Use *uses)
{
	Span use = fhir_text_at(element, "use");

	if (fhir_text_at(element, "period.end").data)
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
	Span		best = fhir_nothing;
	int			best_rank = RANK_NEVER;

	while (fhir_next_element(items, &cursor, &element))
	{
		int rank = fhir_opens_with(element, '{') ? use_rank(element, uses) : RANK_NEVER;

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
	Span					 name = best_by_use(fhir_arg(fcinfo, 0), name_uses);
	Span					 values[2];
	Span					 whole;
	Jsonb					*result;

	values[0] = fhir_text_at(name, "family");
	values[1] = fhir_text_at(name, "given.0");
	if (values[1].data == NULL && !fhir_opens_with(fhir_member(name, "given"), '['))
		values[1] = fhir_text_at(name, "given");
	if (values[0].data == NULL && values[1].data == NULL)
	{
		/* only written out: taken apart as any name in one cell */
		LOCAL_FCINFO(call, 1);
		Datum parts;

		whole = fhir_text_at(name, "text");
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
	Span			 names = fhir_arg(fcinfo, 0);
	Span			 part = fhir_arg(fcinfo, 1);
	Span			 name = best_by_use(names, name_uses);

	if (part.len == 0)
		PG_RETURN_NULL();
	if (span_is(part, "prefix") || span_is(part, "suffix"))
		return fhir_return(fcinfo, fhir_joined_texts(fhir_member(name, span_is(part, "prefix") ? "prefix" : "suffix"), 0, " "));
	if (span_is(part, "middle"))
		return fhir_return(fcinfo, fhir_joined_texts(fhir_member(name, "given"), 1, " "));
	if (span_is(part, "preferred"))
		return fhir_return(fcinfo, fhir_joined_texts(fhir_member(best_by_use(names, nickname_uses), "given"), 0, " "));
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
	Span			 items = fhir_arg(fcinfo, 0);
	Span			 wanted = fhir_arg(fcinfo, 1);
	const char		*cursor = NULL;
	Span			 element;
	Span			 found[TELECOMS_MAX];
	int				 ranks[TELECOMS_MAX];
	Datum			 texts[TELECOMS_MAX];
	int				 count = 0;

	while (count < TELECOMS_MAX && fhir_next_element(items, &cursor, &element))
	{
		Span system = fhir_text_at(element, "system");
		Span value = fhir_text_at(element, "value");
		Span order = fhir_text_at(element, "rank");
		int	 rank = use_rank(element, uses);
		int	 at;

		if (value.data == NULL || system.data == NULL || rank >= RANK_NEVER || wanted.len == 0 ||
			!(fhir_equal(system, wanted) || (span_is(system, "sms") && span_is(wanted, "phone"))))
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
	return fhir_return_texts(fcinfo, texts, count);
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
	Span					 address = best_by_use(fhir_arg(fcinfo, 0), uses);
	Span					 values[6];
	bool					 blank = true;
	Jsonb					*result;

	values[0] = fhir_text_at(address, "city");
	values[1] = fhir_text_at(address, "state");
	values[2] = fhir_text_at(address, "country");
	values[3] = fhir_text_at(address, "line.0");
	values[4] = fhir_joined_texts(fhir_member(address, "line"), 1, ", ");
	values[5] = fhir_text_at(address, "postalCode");
	for (int i = 0; i < 6; i++)
		blank = blank && values[i].data == NULL;
	if (blank)
	{
		values[3] = fhir_text_at(address, "text");
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
