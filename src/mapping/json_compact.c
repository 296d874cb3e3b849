/*
 * json_compact.c
 *		A record's payload says nothing about a field that has no value.
 */
#include "flitmig.h"

#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(flitmig_compact);

/*
 * _compact(object jsonb) → jsonb
 *
 * The object without its members that are null.  Unlike jsonb_strip_nulls it
 * leaves nested values as they are: a null inside JSON that the source kept is
 * data.  Anything but an object comes back as it is.
 */
Datum
flitmig_compact(PG_FUNCTION_ARGS)
{
	Jsonb	   *object = PG_GETARG_JSONB_P(0);
	JsonbParseState *state = NULL;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;
	JsonbValue *result;

	if (!JB_ROOT_IS_OBJECT(object))
		PG_RETURN_POINTER(object);

	iterator = JsonbIteratorInit(&object->root);
	(void) JsonbIteratorNext(&iterator, &value, false);
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	while ((token = JsonbIteratorNext(&iterator, &key, true)) == WJB_KEY)
	{
		(void) JsonbIteratorNext(&iterator, &value, true);
		if (value.type == jbvNull)
			continue;
		(void) pushJsonbValue(&state, WJB_KEY, &key);
		(void) pushJsonbValue(&state, WJB_VALUE, &value);
	}
	result = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	PG_RETURN_POINTER(JsonbValueToJsonb(result));
}
