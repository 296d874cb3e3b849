/*
 * key_id.c
 *		Which of a workspace's API keys ours is.
 *
 * An API key is a JSON Web Token: head.claims.signature, each part base64url
 * (Twenty's ApiKeyService signs it with the key's id as claim "jti").  Only
 * that id leaves this file, never the key or another part of it.
 */
#include "flitmig.h"

#include "miscadmin.h"
#include "twenty/json_peek.h"
#include "twenty/twenty.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(flitmig_key_id);

static int
digit_of(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const char		 *found = c != '\0' ? strchr(digits, c) : NULL;

	return found ? (int) (found - digits) : -1;
}

/* Decodes base64url without padding up to the first other character; into has room for 3 bytes of every 4 characters. */
static size_t
decode_base64url(const char *text, char *into)
{
	uint32 bits = 0;
	int	   waiting = 0;
	size_t length = 0;

	for (; digit_of(*text) >= 0; text++)
	{
		bits = bits << 6 | digit_of(*text);
		waiting += 6;
		if (waiting >= 8)
		{
			waiting -= 8;
			into[length++] = (char) (bits >> waiting & 0xFF);
		}
	}
	return length;
}

/*
 * flitmig._key_id(server text) → text: the id of the API key that the current
 * user has for a server, NULL when the key does not tell.  Errors: as
 * twenty_server_load.
 */
Datum
flitmig_key_id(PG_FUNCTION_ARGS)
{
	TwentyServer *server = twenty_server_load(text_to_cstring(PG_GETARG_TEXT_PP(0)), GetUserId());
	const char	 *claims = strchr(server->key, '.');
	char		 *id = NULL;
	char		 *json;
	size_t		  length;
	JsonPeek	  root;

	if (claims == NULL)
		PG_RETURN_NULL();
	json = palloc(strlen(claims));
	length = decode_base64url(claims + 1, json);
	if (json_peek_open(json, length, &root) && json_peek_kind(root) == '{')
	{
		JsonPeek jti = json_peek_member(root, "jti");

		if (jti.start != NULL && json_peek_kind(jti) == '"')
			id = json_peek_text(jti, 64);
	}
	if (id == NULL || strlen(id) != 36 || strspn(id, "0123456789abcdefABCDEF-") != 36)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(id));
}
