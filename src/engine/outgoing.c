/*
 * outgoing.c
 *		What runs over every record of every batch on its way out.
 *
 * flitmig._record_text(head, payload) writes a record as JSON text.
 *
 * The aggregate flitmig._payload_keys(jsonb) gives the names of all fields
 * that some payloads use, as a sorted text[].  Payloads of one object map
 * have nearly the same keys in the same order, so the next key is almost
 * always the one that follows the last key found.
 */
#include "flitmig.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

typedef struct KeySet
{
	MemoryContext ctx;
	int			  count;
	int			  room;
	text		**keys;
} KeySet;

PG_FUNCTION_INFO_V1(flitmig_record_text);
PG_FUNCTION_INFO_V1(flitmig_payload_keys_step);
PG_FUNCTION_INFO_V1(flitmig_payload_keys_final);

/*
 * {head, payload's members}: head is an object's text without its closing
 * brace.  In SQL the payload would be copied for each member put before it,
 * or its text be counted character by character.
 */
Datum
flitmig_record_text(PG_FUNCTION_ARGS)
{
	text		  *head = PG_GETARG_TEXT_PP(0);
	Jsonb		  *payload = PG_GETARG_JSONB_P(1);
	StringInfoData out;
	int			   joint;

	if (!JB_ROOT_IS_OBJECT(payload))
		elog(ERROR, "a payload is no object");
	initStringInfo(&out);
	appendStringInfoSpaces(&out, VARHDRSZ);
	appendBinaryStringInfo(&out, VARDATA_ANY(head), VARSIZE_ANY_EXHDR(head));
	if (JB_ROOT_COUNT(payload) == 0)
		appendStringInfoChar(&out, '}');
	else
	{
		joint = out.len;
		JsonbToCString(&out, &payload->root, VARSIZE(payload));
		out.data[joint] = ','; /* where the payload's own brace was */
	}
	SET_VARSIZE(out.data, out.len);
	PG_RETURN_TEXT_P((text *) out.data);
}

static bool
is_key(const text *key, const char *name, int length)
{
	return VARSIZE_ANY_EXHDR(key) == length && memcmp(VARDATA_ANY(key), name, length) == 0;
}

/* Adds a key unless the set has it.  Returns where to look first for the next one. */
static int
add_key(KeySet *set, int at, const char *name, int length)
{
	MemoryContext old;

	for (int i = 0; i < set->count; i++, at++)
	{
		if (at >= set->count)
			at = 0;
		if (is_key(set->keys[at], name, length))
			return at + 1;
	}
	old = MemoryContextSwitchTo(set->ctx);
	if (set->count == set->room)
	{
		set->room *= 2;
		set->keys = repalloc(set->keys, set->room * sizeof(text *));
	}
	set->keys[set->count++] = cstring_to_text_with_len(name, length);
	MemoryContextSwitchTo(old);
	return 0;
}

static KeySet *
new_set(MemoryContext ctx)
{
	KeySet *set = MemoryContextAlloc(ctx, sizeof(KeySet));

	set->ctx = ctx;
	set->count = 0;
	set->room = 32;
	set->keys = MemoryContextAlloc(ctx, set->room * sizeof(text *));
	return set;
}

Datum
flitmig_payload_keys_step(PG_FUNCTION_ARGS)
{
	MemoryContext	ctx;
	KeySet		   *set;
	JsonbContainer *object;
	int				count;
	int				at = 0;

	if (!AggCheckCallContext(fcinfo, &ctx))
		elog(ERROR, "flitmig_payload_keys_step called in non-aggregate context");
	set = PG_ARGISNULL(0) ? new_set(ctx) : (KeySet *) PG_GETARG_POINTER(0);
	if (PG_ARGISNULL(1))
		PG_RETURN_POINTER(set);
	object = &PG_GETARG_JSONB_P(1)->root;
	if (!JsonContainerIsObject(object))
		PG_RETURN_POINTER(set);
	/* an object's keys stand before its values, each with its length */
	count = JsonContainerSize(object);
	for (int i = 0; i < count; i++)
		at = add_key(set, at, (char *) &object->children[2 * count] + getJsonbOffset(object, i), getJsonbLength(object, i));
	PG_RETURN_POINTER(set);
}

/* Bytewise, shorter first among equals. */
static int
compare_keys(const void *a, const void *b)
{
	const text *x = *(text *const *) a;
	const text *y = *(text *const *) b;
	int			nx = VARSIZE_ANY_EXHDR(x);
	int			ny = VARSIZE_ANY_EXHDR(y);
	int			order = memcmp(VARDATA_ANY(x), VARDATA_ANY(y), Min(nx, ny));

	return order != 0 ? order : nx - ny;
}

Datum
flitmig_payload_keys_final(PG_FUNCTION_ARGS)
{
	KeySet *set = PG_ARGISNULL(0) ? NULL : (KeySet *) PG_GETARG_POINTER(0);
	Datum  *values;

	if (set == NULL || set->count == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(TEXTOID));
	/* the state stays as it is: a window may ask again */
	values = palloc(set->count * sizeof(Datum));
	for (int i = 0; i < set->count; i++)
		values[i] = PointerGetDatum(set->keys[i]);
	qsort(values, set->count, sizeof(Datum), compare_keys);
	PG_RETURN_ARRAYTYPE_P(construct_array(values, set->count, TEXTOID, -1, false, TYPALIGN_INT));
}
