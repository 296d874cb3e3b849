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
	int			  length;
	JsonPeek	  root;

	if (claims == NULL)
		PG_RETURN_NULL();
	length = base64_decode(claims + 1, (int) strcspn(claims + 1, "."), &json);
	if (length > 0 && json_peek_open(json, length, &root) && json_peek_kind(root) == '{')
	{
		JsonPeek jti = json_peek_member(root, "jti");

		if (jti.start != NULL && json_peek_kind(jti) == '"')
			id = json_peek_text(jti, 64);
	}
	if (id == NULL || strlen(id) != 36 || strspn(id, "0123456789abcdefABCDEF-") != 36)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(id));
}
