/*
 * answer.c
 *		What an answer of Twenty means, judged by its body.
 *
 * Twenty says most of its refusals with HTTP 200, a proxy in front of it
 * says its own with HTML, and the same mistake has other codes on other
 * versions.  Every error is looked up in the table error_rules; the worst
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

#include "twenty/json_peek.h"
#include "twenty/twenty.h"

/* Messages go into tables; Twenty's longest lists some options. */
#define MESSAGE_MAX_BYTES 2000
#define CODE_MAX_BYTES	  100

/* One error of an answer, as far as the rules look at it. */
typedef struct TwentyError
{
	const char *message;	   /* never NULL */
	const char *code;		   /* extensions.code, or "" */
	const char *sub_code;	   /* extensions.subCode, or that of the inner error of the metadata API, or "" */
	const char *inner_message; /* of the metadata API, or NULL */
	const char *inner_value;
	const char *conflicting_id;
} TwentyError;

typedef struct ErrorRule
{
	const char *code;	  /* NULL: any */
	const char *sub_code; /* part of it; NULL: any */
	const char *words;	  /* in the message; NULL: any */
	AnswerClass class;
	bool duplicate;
} ErrorRule;

/* The first rule that matches decides. */
static const ErrorRule error_rules[] = {
	{NULL, "LIMIT_REACHED", NULL, ANSWER_THROTTLED, false},
	{NULL, NULL, "Limit reached (", ANSWER_THROTTLED, false},

	/* who we are */
	{"UNAUTHENTICATED", NULL, NULL, ANSWER_UNAUTHORISED, false},
	{"FORBIDDEN", "_NOT_ALLOWED", NULL, ANSWER_BATCH_REFUSED, false}, /* that thing, not that key */
	{"FORBIDDEN", NULL, NULL, ANSWER_UNAUTHORISED, false},
	{NULL, "PERMISSION_DENIED", NULL, ANSWER_UNAUTHORISED, false},

	/* trouble of Twenty's database, with whatever code it comes */
	{NULL, NULL, "Query read timeout", ANSWER_AMBIGUOUS, false},
	{NULL, NULL, "statement timeout", ANSWER_AMBIGUOUS, false},
	{NULL, NULL, "deadlock detected", ANSWER_AMBIGUOUS, false},
	{NULL, NULL, "Connection terminated", ANSWER_AMBIGUOUS, false},

	/* what exists */
	{NULL, NULL, "A duplicate entry was detected", ANSWER_BATCH_REFUSED, true},
	{NULL, NULL, "This record already exists", ANSWER_BATCH_REFUSED, true},
	{NULL, NULL, "duplicate key value violates", ANSWER_BATCH_REFUSED, true},
	{"METADATA_VALIDATION_FAILED", "OBJECT_ALREADY_EXISTS", NULL, ANSWER_BATCH_REFUSED, true},
	{"METADATA_VALIDATION_FAILED", "NOT_AVAILABLE", NULL, ANSWER_BATCH_REFUSED, true},
	{"METADATA_VALIDATION_FAILED", NULL, NULL, ANSWER_BATCH_REFUSED, false},

	/* names that this schema has not */
	{NULL, NULL, "is not defined by type", ANSWER_SCHEMA_CHANGED, false},
	{NULL, NULL, "doesn't have any \"", ANSWER_SCHEMA_CHANGED, false},
	{NULL, NULL, "Cannot query field", ANSWER_SCHEMA_CHANGED, false},
	{NULL, NULL, "Unknown type", ANSWER_SCHEMA_CHANGED, false},
	{NULL, NULL, "Unknown argument", ANSWER_SCHEMA_CHANGED, false},
	{NULL, NULL, "a selection", ANSWER_SCHEMA_CHANGED, false},
	{NULL, NULL, "used in position expecting", ANSWER_SCHEMA_CHANGED, false},

	/* values; before GRAPHQL_VALIDATION_FAILED, which may come with them */
	{NULL, NULL, "does not exist in \"", ANSWER_BATCH_REFUSED, false},
	{NULL, NULL, "cannot represent", ANSWER_BATCH_REFUSED, false},
	{NULL, NULL, "was not provided", ANSWER_BATCH_REFUSED, false},
	{NULL, NULL, "got invalid value", ANSWER_BATCH_REFUSED, false},

	/* a document that this server does not understand: no record is to blame */
	{"GRAPHQL_VALIDATION_FAILED", NULL, NULL, ANSWER_SCHEMA_CHANGED, false},
	{"GRAPHQL_PARSE_FAILED", NULL, NULL, ANSWER_SCHEMA_CHANGED, false},
	{NULL, NULL, "Syntax Error", ANSWER_SCHEMA_CHANGED, false},
	{NULL, NULL, "Duplicate root resolver", ANSWER_SCHEMA_CHANGED, false},

	{"BAD_USER_INPUT", NULL, NULL, ANSWER_BATCH_REFUSED, false},
	{"NOT_FOUND", NULL, NULL, ANSWER_BATCH_REFUSED, false},
	{"CONFLICT", NULL, NULL, ANSWER_BATCH_REFUSED, false},

	/* INTERNAL_SERVER_ERROR that is the data's fault */
	{NULL, NULL, "violates ", ANSWER_BATCH_REFUSED, false},
	{NULL, NULL, "invalid byte sequence", ANSWER_BATCH_REFUSED, false},
	{NULL, NULL, "unsupported Unicode escape", ANSWER_BATCH_REFUSED, false},
	{NULL, NULL, "Data validation error", ANSWER_BATCH_REFUSED, false},
	{NULL, NULL, "invalid input syntax", ANSWER_BATCH_REFUSED, false},
	{NULL, NULL, "invalid input value", ANSWER_BATCH_REFUSED, false},
	{NULL, NULL, "value too long", ANSWER_BATCH_REFUSED, false},
	{NULL, NULL, "out of range", ANSWER_BATCH_REFUSED, false},
	{NULL, NULL, "has not been uploaded", ANSWER_BATCH_REFUSED, false},
	{NULL, NULL, "Invalid file size", ANSWER_BATCH_REFUSED, false},
	{NULL, NULL, "Could not find flat entity", ANSWER_BATCH_REFUSED, false},

	{NULL, NULL, NULL, ANSWER_AMBIGUOUS, false}};

/* Words around the value or field that a message names; behind NULL: to the end. */
static const struct
{
	const char *before;
	const char *behind;
} clue_patterns[] =
	{
		{"Invalid string value '", "' for "},
		{"Invalid number value '", "' for "},
		{"Invalid value \"", "\" for "},
		{"Invalid string value ", " for "},
		{"Invalid number value ", " for "},
		{"Value \"", "\" "},
		{"phone number is invalid ", NULL},
		{"Invalid country code ", NULL},
		{"non string value: ", NULL},
		{"non numeric value: \"", "\""},
		{"invalid input syntax for type uuid: \"", "\""},
		{"invalid input syntax for type date: \"", "\""},
		{"unique field values for ", ". Cannot"},
		{"File ", " is already"},
		{"doesn't have any \"", "\" field"},
		{"Cannot query field \"", "\""},
		{"Unknown type \"", "\""},
		{"Unknown argument \"", "\""},
		{"Duplicate root resolver: \"", "\""},
		{"field \"", "\""},
		{"Field \"", "\""},
};

/*
 * Objects that every workspace has, plural and singular as they stand in
 * root fields: when one of these is unknown, it is we who are unknown.
 */
static const char *const standard_roots[] = {
	"people",
	"person",
	"companies",
	"company",
	"tasks",
	"task",
	"notes",
	"note",
	"taskTargets",
	"noteTargets",
	"attachments",
	"workspaceMembers",
	"timelineActivities",
};

static Answer *
make_answer(AnswerClass class, const char *code, const char *message)
{
	Answer *answer = palloc0(sizeof(Answer));

	answer->class = class;
	answer->code = code;
	answer->message = message;
	return answer;
}

static const char *
text_or_empty(JsonPeek value, size_t max_bytes)
{
	return json_peek_kind(value) == '"' ? json_peek_text(value, max_bytes) : "";
}

static JsonPeek
first_element(JsonPeek array)
{
	JsonPeek cursor = {0};
	JsonPeek name;
	JsonPeek value = {0};

	if (json_peek_kind(array) == '[' && json_peek_next(array, &cursor, &name, &value))
		return value;
	return (JsonPeek){0};
}

/*
 * The metadata API lists what is wrong by kind of thing.  Everything that
 * hangs on a refused object is listed too, so the object's own error counts.
 */
static JsonPeek
inner_error(JsonPeek extensions)
{
	JsonPeek kinds = json_peek_member(extensions, "errors");
	JsonPeek failures = json_peek_member(kinds, "objectMetadata");
	JsonPeek cursor = {0};
	JsonPeek name;

	if (json_peek_kind(kinds) != '{')
		return (JsonPeek){0};
	if (json_peek_kind(first_element(failures)) != '{')
		while (json_peek_next(kinds, &cursor, &name, &failures))
			if (json_peek_kind(first_element(failures)) == '{')
				break;
	return first_element(json_peek_member(first_element(failures), "errors"));
}

static TwentyError
read_error(JsonPeek object)
{
	TwentyError error = {0};
	JsonPeek	extensions = json_peek_member(object, "extensions");
	JsonPeek	inner = inner_error(extensions);
	JsonPeek	id = json_peek_member(extensions, "conflictingRecordId");

	error.message = text_or_empty(json_peek_member(object, "message"), MESSAGE_MAX_BYTES);
	error.code = text_or_empty(json_peek_member(extensions, "code"), CODE_MAX_BYTES);
	error.sub_code = text_or_empty(json_peek_member(extensions, "subCode"), CODE_MAX_BYTES);
	if (error.sub_code[0] == '\0')
		error.sub_code = text_or_empty(json_peek_member(inner, "code"), CODE_MAX_BYTES);
	if (json_peek_kind(json_peek_member(inner, "message")) == '"')
		error.inner_message = json_peek_text(json_peek_member(inner, "message"), MESSAGE_MAX_BYTES);
	if (json_peek_kind(json_peek_member(inner, "value")) == '"')
		error.inner_value = json_peek_text(json_peek_member(inner, "value"), MESSAGE_MAX_BYTES);
	if (json_peek_kind(id) == '"')
		error.conflicting_id = json_peek_text(id, CODE_MAX_BYTES);
	return error;
}

static const ErrorRule *
find_rule(const TwentyError *error)
{
	const ErrorRule *rule = error_rules;

	while ((rule->code && strcmp(rule->code, error->code) != 0) ||
		   (rule->sub_code && strstr(error->sub_code, rule->sub_code) == NULL) ||
		   (rule->words && strstr(error->message, rule->words) == NULL))
		rule++;
	return rule;
}

/*
 * Does the error say that an object of every workspace is unknown?  That is
 * how Twenty treats a request without a key (a proxy that drops the header
 * does it): its schema is then empty, so it has no likeness to suggest.
 */
static bool
is_unknown_standard_root(const TwentyError *error)
{
	static const char *const verbs[] = {"", "create", "update", "delete", "destroy", "restore"};
	char					 pattern[80];

	if (strncmp(error->message, "Cannot query field \"", 20) != 0 ||
		(strstr(error->message, "on type \"Query\"") == NULL &&
		 strstr(error->message, "on type \"Mutation\"") == NULL) ||
		strstr(error->message, "Did you mean") != NULL)
		return false;
	for (int verb = 0; verb < lengthof(verbs); verb++)
		for (int root = 0; root < lengthof(standard_roots); root++)
		{
			snprintf(pattern, sizeof(pattern), "\"%s%s\" on type", verbs[verb], standard_roots[root]);
			if (verb > 0)
				pattern[1 + strlen(verbs[verb])] = pg_toupper((unsigned char) standard_roots[root][0]);
			if (strstr(error->message, pattern) != NULL)
				return true;
		}
	return false;
}

static const char *
find_clue(const char *message)
{
	for (int i = 0; i < lengthof(clue_patterns); i++)
	{
		const char *start = strstr(message, clue_patterns[i].before);
		const char *end;

		if (start == NULL)
			continue;
		start += strlen(clue_patterns[i].before);
		end = clue_patterns[i].behind ? strstr(start, clue_patterns[i].behind) : start + strlen(start);
		if (end != NULL && end > start)
			return pnstrdup(start, end - start);
	}
	return NULL;
}

/* "Limit reached (100 tokens per 60000 ms)", "Maximum number of records to upsert is 200." */
static void
learn_numbers(Answer *answer, const char *message)
{
	const char *limit = strstr(message, "Limit reached (");
	const char *records = strstr(message, "Maximum number of records");
	int			tokens;
	int			window_ms;
	int			most;

	if (limit && sscanf(limit, "Limit reached (%9d tokens per %9d ms)", &tokens, &window_ms) == 2 &&
		tokens > 0 && window_ms > 0)
	{
		answer->limit_tokens = tokens;
		answer->limit_window_ms = window_ms;
	}
	if (records && (records = strstr(records, " is ")) != NULL &&
		sscanf(records, " is %9d", &most) == 1 && most > 0)
		answer->max_records = most;
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

static Answer *
answer_of_error(JsonPeek object)
{
	TwentyError		 error = read_error(object);
	const ErrorRule *rule = find_rule(&error);
	Answer			*answer = make_answer(rule->class, error.sub_code[0] ? error.sub_code : error.code,
										  error.message);

	if (is_unknown_standard_root(&error))
		answer->class = ANSWER_UNAUTHORISED;
	if (answer->code[0] == '\0')
		answer->code = strncmp(error.message, "Cannot query field", 18) == 0 ? "UNKNOWN_FIELD" : "NO_CODE";
	if (error.inner_message)
		answer->message = psprintf("%s: %s", error.message, error.inner_message);
	answer->duplicate = rule->duplicate;
	answer->conflicting_id = error.conflicting_id;
	answer->clue = error.inner_value ? error.inner_value : find_clue(error.message);
	learn_numbers(answer, error.message);
	return answer;
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
	Answer *answer = make_answer(ANSWER_NOT_TWENTY, code, message);

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
	JsonPeek	words = first_element(json_peek_member(root, "messages"));
	const char *code = text_or_empty(json_peek_member(root, "code"), CODE_MAX_BYTES);
	const char *message;
	int			status = atoi(number);
	Answer	   *answer;

	if (json_peek_kind(words) != '"')
		words = json_peek_member(root, "message");
	message = text_or_empty(words, MESSAGE_MAX_BYTES);
	answer = answer_of_status(http, status, message);
	if (status == 400 || status == 409 || status == 422)
		answer->class = ANSWER_BATCH_REFUSED;
	if (code[0] != '\0')
		answer->code = code;
	learn_numbers(answer, message);
	answer->clue = find_clue(message);
	return answer;
}

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
		return make_answer(ANSWER_STORED, "OK", NULL);
	if (json_peek_kind(data) != '\0' && successful)
		return make_answer(ANSWER_AMBIGUOUS, "NO_DATA", "The answer holds neither data nor errors.");
	if (json_peek_kind(root) == '{' && successful && http->method == HTTP_METHOD_GET)
		return make_answer(ANSWER_STORED, "OK", NULL);
	if (successful)
		return make_answer(ANSWER_NOT_TWENTY, "NO_DATA", "The answer is JSON, but not one of Twenty's.");
	return answer_of_status(http, http->status, "The answer is JSON, but not one of Twenty's.");
}

static Answer *
answer_of_body(const HttpAnswer *http)
{
	JsonPeek root;
	size_t	 blank = strspn(http->body, " \t\r\n");

	if (http->method == HTTP_METHOD_PUT && http->status >= 200 && http->status < 300)
		return make_answer(ANSWER_STORED, "OK", NULL);
	if (http->status == 204)
		return make_answer(ANSWER_STORED, "OK", NULL);
	if (json_peek_open(http->body, http->length, &root))
		return answer_of_json(http, root);
	if (http->body[blank] == '{' && http->status < 500)
		return make_answer(ANSWER_AMBIGUOUS, "CUT_ANSWER", "The answer is JSON that breaks off or is broken.");
	if (http->status == 0)
		return make_answer(ANSWER_NOT_TWENTY, "NOT_HTTP", pstrdup(http->error));
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
			answer = make_answer(ANSWER_TRANSIENT, "NOT_SENT", pstrdup(http->error));
			break;
		case HTTP_AMBIGUOUS:
			answer = make_answer(ANSWER_AMBIGUOUS, "NO_ANSWER", pstrdup(http->error));
			break;
		case HTTP_TOO_LARGE:
			answer = make_answer(ANSWER_AMBIGUOUS, "ANSWER_TOO_LARGE", pstrdup(http->error));
			break;
		case HTTP_TLS:
			answer = make_answer(ANSWER_NOT_TWENTY, "TLS", pstrdup(http->error));
			break;
	}
	if (answer == NULL)
		answer = make_answer(ANSWER_AMBIGUOUS, "UNKNOWN", "");
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
