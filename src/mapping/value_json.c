/*
 * value_json.c
 *		Small jsonb objects, built in one piece.
 *
 * A composite value of Twenty is an object of a few strings.  Going through
 * the parse state of jsonb sorts and copies it three times, so the common
 * case is written down as it is stored (utils/jsonb.h describes the layout).
 */
#include "mapping.h"

Jsonb *
json_strings(int count, const char *const *keys, const Span *values)
{
	Size	total = 0;
	int		pairs = 0;
	Jsonb  *result;
	JEntry *entry;
	char   *data;
	uint32	used = 0;

	for (int i = 0; i < count; i++)
	{
		if (values[i].data == NULL)
			continue;
		pairs++;
		total += strlen(keys[i]) + values[i].len;
	}
	/* only the first entry of each JB_OFFSET_STRIDE carries an offset */
	Assert(pairs * 2 <= JB_OFFSET_STRIDE);
	if (total > JENTRY_OFFLENMASK)
		return NULL;

	total += offsetof(Jsonb, root.children) + sizeof(JEntry) * pairs * 2;
	result = palloc(total);
	SET_VARSIZE(result, total);
	result->root.header = JB_FOBJECT | pairs;
	entry = result->root.children;
	data = (char *) (entry + pairs * 2);

	for (int part = 0; part < 2; part++)
	{
		for (int i = 0; i < count; i++)
		{
			Span piece = values[i];

			if (piece.data == NULL)
				continue;
			if (part == 0)
				piece = (Span){keys[i], (int) strlen(keys[i])};
			memcpy(data + used, piece.data, piece.len);
			used += piece.len;
			*entry = JENTRY_ISSTRING | (uint32) piece.len;
			if (entry == result->root.children)
				*entry |= JENTRY_HAS_OFF;
			entry++;
		}
	}
	return result;
}

void
json_push_key(JsonbParseState **state, const char *key)
{
	json_push_string(state, WJB_KEY, (Span){key, (int) strlen(key)});
}

void
json_push_string(JsonbParseState **state, JsonbIteratorToken token, Span value)
{
	JsonbValue json;

	json.type = jbvString;
	json.val.string.val = (char *) value.data;
	json.val.string.len = value.len;
	(void) pushJsonbValue(state, token, &json);
}
