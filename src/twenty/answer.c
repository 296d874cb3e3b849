/*
 * answer.c
 *		What an answer of Twenty means, judged by its body.
 *
 * Twenty says most of its refusals with HTTP 200, a proxy in front of it
 * says its own with HTML, and the same mistake has other codes on other
 * versions.  Every error is judged by itself (answer_error.c); the worst
 * class of all errors of an answer is its class:
 *
 *	body											class
 *	data, no errors									STORED
 *	data of some roots, errors for others			AMBIGUOUS: look what is there
 *	errors											the worst rule that matches
 *	{"statusCode": ...} (REST, body parser)			by that number
 *	JSON that breaks off							AMBIGUOUS: it was sent by someone who was at work
 *	no JSON, status 2xx 3xx 400 404					NOT_TWENTY
 *	no JSON, status 401 403							UNAUTHORISED: a guard in front of Twenty
 *	no JSON, status 413								BATCH_REFUSED: send less at once
 *	no JSON, status 429, or 503 with Retry-After	THROTTLED: it did not pass
 *	no JSON, other 5xx, 408							AMBIGUOUS: a proxy gave up on a Twenty that may have gone on
 *
 * What is AMBIGUOUS for a POST is TRANSIENT for a GET or PUT, which can be
 * repeated.  INTERNAL_SERVER_ERROR says nothing by itself: 1.17 says it for
 * a broken foreign key, 2.19 for a NUL character (both recorded: refused for
 * good).  With unknown words it may have come after the commit, so it is
 * AMBIGUOUS; whoever settles it by a read and gets it again for the same
 * records should take it for a refusal.
 */
#include "flitmig.h"

#include "twenty/answer_internal.h"

Answer *
answer_make(AnswerClass class, const char *code, const char *message)
{
	Answer *answer = palloc0(sizeof(Answer));

	answer->class = class;
	answer->code = code;
	answer->message = message;
	return answer;
}

/* How much worse is a class than another, when an answer holds errors of both? */
static int
badness(AnswerClass class)
{
	switch (class)
	{
		case ANSWER_STORED:
			return 0;
		case ANSWER_THROTTLED:
			return 1;
		case ANSWER_TRANSIENT:
			return 2;
		case ANSWER_BATCH_REFUSED:
			return 3;
		case ANSWER_SCHEMA_CHANGED:
			return 4;
		case ANSWER_UNAUTHORISED:
			return 5;
		case ANSWER_NOT_TWENTY:
			return 6;
		case ANSWER_AMBIGUOUS:
			return 7;
	}
	return 7;
}

/* The worst error of the list, with the numbers that any of them taught. */
static Answer *
answer_of_errors(JsonPeek errors)
{
	Answer	*worst = NULL;
	JsonPeek cursor = {0};
	JsonPeek name;
	JsonPeek error;
	int		 limit_tokens = 0;
	int		 limit_window_ms = 0;
	int		 max_records = 0;

	while (json_peek_next(errors, &cursor, &name, &error))
	{
		Answer *answer = answer_of_error(error);

		if (answer->limit_tokens)
		{
			limit_tokens = answer->limit_tokens;
			limit_window_ms = answer->limit_window_ms;
		}
		max_records = Max(max_records, answer->max_records);
		if (worst == NULL || badness(answer->class) > badness(worst->class))
			worst = answer;
	}
	if (worst)
	{
		worst->limit_tokens = limit_tokens;
		worst->limit_window_ms = limit_window_ms;
		worst->max_records = max_records;
	}
	return worst;
}

/* Did at least one root field bring something? */
static bool
has_some_data(JsonPeek data)
{
	JsonPeek cursor = {0};
	JsonPeek name;
	JsonPeek value;

	while (json_peek_next(data, &cursor, &name, &value))
		if (json_peek_kind(value) != 'n')
			return true;
	return false;
}

/* An answer that only its HTTP status explains. */
static Answer *
answer_of_status(const HttpAnswer *http, int status, const char *message)
{
	char   *code = psprintf("HTTP_%d", status);
	Answer *answer = answer_make(ANSWER_NOT_TWENTY, code, message);

	switch (status)
	{
		case 401:
		case 403:
			answer->class = ANSWER_UNAUTHORISED;
			break;
		case 413:
			answer->class = ANSWER_BATCH_REFUSED;
			break;
		case 429:
			answer->class = ANSWER_THROTTLED;
			break;
		case 408:
			answer->class = ANSWER_AMBIGUOUS;
			break;
		default:
			if (status == 503 && http->retry_after_ms >= 0)
				answer->class = ANSWER_THROTTLED;
			else if (status >= 500)
				answer->class = ANSWER_AMBIGUOUS;
	}
	return answer;
}

/* REST and the body parser: {"statusCode": 429, "error": ..., "messages": [...]}. */
static Answer *
answer_of_rest_error(const HttpAnswer *http, JsonPeek root)
{
	char	   *number = json_peek_text(json_peek_member(root, "statusCode"), CODE_MAX_BYTES);
	JsonPeek	words = json_peek_first(json_peek_member(root, "messages"));
	const char *code = json_peek_string(json_peek_member(root, "code"), CODE_MAX_BYTES);
	const char *message;
	int			status = atoi(number);
	Answer	   *answer;

	if (json_peek_kind(words) != '"')
		words = json_peek_member(root, "message");
	message = json_peek_string(words, MESSAGE_MAX_BYTES);
	answer = answer_of_status(http, status, message);
	if (status == 400 || status == 409 || status == 422)
		answer->class = ANSWER_BATCH_REFUSED;
	if (code[0] != '\0')
		answer->code = code;
	answer_learn(answer, message);
	answer->clue = answer_clue(message);
	return answer;
}

/* An answer that is JSON: data, errors, or REST's own way to fail. */
static Answer *
answer_of_json(const HttpAnswer *http, JsonPeek root)
{
	static const char *const names[] = {"data", "errors", "statusCode"};
	JsonPeek				 members[lengthof(names)];
	JsonPeek				 data;
	JsonPeek				 errors;
	bool					 successful = http->status >= 200 && http->status < 300;
	Answer					*answer = NULL;

	json_peek_members(root, lengthof(names), names, members);
	data = members[0];
	errors = members[1];
	if (json_peek_kind(errors) == '[')
		answer = answer_of_errors(errors);
	if (answer != NULL)
	{
		if (has_some_data(data))
		{
			answer->class = ANSWER_AMBIGUOUS;
			answer->code = "PARTIAL";
		}
		return answer;
	}
	if (json_peek_kind(members[2]) == 'd')
		return answer_of_rest_error(http, root);
	if (successful && json_peek_kind(data) == '{' && !json_peek_empty(data))
		return answer_make(ANSWER_STORED, "OK", NULL);
	if (json_peek_kind(data) != '\0' && successful)
		return answer_make(ANSWER_AMBIGUOUS, "NO_DATA", "The answer holds neither data nor errors.");
	if (json_peek_kind(root) == '{' && successful && http->method == HTTP_METHOD_GET)
		return answer_make(ANSWER_STORED, "OK", NULL);
	if (successful)
		return answer_make(ANSWER_NOT_TWENTY, "NO_DATA", "The answer is JSON, but not one of Twenty's.");
	return answer_of_status(http, http->status, "The answer is JSON, but not one of Twenty's.");
}

/* A whole answer, JSON or not. */
static Answer *
answer_of_body(const HttpAnswer *http)
{
	JsonPeek root;
	size_t	 blank = strspn(http->body, " \t\r\n");

	if (http->method == HTTP_METHOD_PUT && http->status >= 200 && http->status < 300)
		return answer_make(ANSWER_STORED, "OK", NULL);
	if (http->status == 204)
		return answer_make(ANSWER_STORED, "OK", NULL);
	if (json_peek_open(http->body, http->length, &root))
		return answer_of_json(http, root);
	if (http->body[blank] == '{' && http->status < 500)
		return answer_make(ANSWER_AMBIGUOUS, "CUT_ANSWER", "The answer is JSON that breaks off or is broken.");
	if (http->status == 0)
		return answer_make(ANSWER_NOT_TWENTY, "NOT_HTTP", pstrdup(http->error));
	return answer_of_status(http, http->status,
							http->status >= 300 && http->status < 400
								? "The server wants to be asked elsewhere: correct the option \"url\"."
								: "The answer is not JSON.");
}

Answer *
answer_classify(const HttpAnswer *http)
{
	Answer *answer = NULL;

	switch (http->outcome)
	{
		case HTTP_ANSWERED:
			answer = answer_of_body(http);
			break;
		case HTTP_NOT_SENT:
			answer = answer_make(ANSWER_TRANSIENT, "NOT_SENT", pstrdup(http->error));
			break;
		case HTTP_AMBIGUOUS:
			answer = answer_make(ANSWER_AMBIGUOUS, "NO_ANSWER", pstrdup(http->error));
			break;
		case HTTP_TOO_LARGE:
			answer = answer_make(ANSWER_AMBIGUOUS, "ANSWER_TOO_LARGE", pstrdup(http->error));
			break;
		case HTTP_TLS:
			answer = answer_make(ANSWER_NOT_TWENTY, "TLS", pstrdup(http->error));
			break;
	}
	if (answer == NULL)
		answer = answer_make(ANSWER_AMBIGUOUS, "UNKNOWN", "");
	if (answer->class == ANSWER_AMBIGUOUS && http->method != HTTP_METHOD_POST)
		answer->class = ANSWER_TRANSIENT;
	return answer;
}

const char *
answer_class_name(AnswerClass class)
{
	switch (class)
	{
		case ANSWER_STORED:
			return "stored";
		case ANSWER_THROTTLED:
			return "throttled";
		case ANSWER_TRANSIENT:
			return "transient";
		case ANSWER_AMBIGUOUS:
			return "ambiguous";
		case ANSWER_BATCH_REFUSED:
			return "batch_refused";
		case ANSWER_UNAUTHORISED:
			return "unauthorised";
		case ANSWER_SCHEMA_CHANGED:
			return "schema_changed";
		case ANSWER_NOT_TWENTY:
			return "not_twenty";
	}
	return "ambiguous";
}
