/*
 * answer_error.c
 *		What one error in an answer of Twenty means: by its code, or where that
 *		says nothing by words of its message, looked up in the table error_rules.
 */
#include "twenty/answer_internal.h"

/* One error of an answer, as far as the rules look at it. */
typedef struct TwentyError
{
	const char *message;	   /* never NULL */
	const char *code;		   /* extensions.code, or "" */
	const char *sub_code;	   /* extensions.subCode, or that of the inner error of the metadata API, or "" */
	const char *inner_message; /* of the metadata API, or NULL */
	const char *inner_value;
	const char *conflicting_id;
	const char *friendly; /* userFriendlyMessage, or NULL */
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
	{NULL, NULL, "does not have permission", ANSWER_UNAUTHORISED, false}, /* webhooks: as INTERNAL_SERVER_ERROR */

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
	if (json_peek_kind(json_peek_first(failures)) != '{')
		while (json_peek_next(kinds, &cursor, &name, &failures))
			if (json_peek_kind(json_peek_first(failures)) == '{')
				break;
	return json_peek_first(json_peek_member(json_peek_first(failures), "errors"));
}

/* An object of "errors". */
static TwentyError
read_error(JsonPeek object)
{
	TwentyError error = {0};
	JsonPeek	extensions = json_peek_member(object, "extensions");
	JsonPeek	inner = inner_error(extensions);
	JsonPeek	id = json_peek_member(extensions, "conflictingRecordId");

	error.message = json_peek_string(json_peek_member(object, "message"), MESSAGE_MAX_BYTES);
	error.code = json_peek_string(json_peek_member(extensions, "code"), CODE_MAX_BYTES);
	error.sub_code = json_peek_string(json_peek_member(extensions, "subCode"), CODE_MAX_BYTES);
	if (error.sub_code[0] == '\0')
		error.sub_code = json_peek_string(json_peek_member(inner, "code"), CODE_MAX_BYTES);
	if (json_peek_kind(json_peek_member(inner, "message")) == '"')
		error.inner_message = json_peek_text(json_peek_member(inner, "message"), MESSAGE_MAX_BYTES);
	if (json_peek_kind(json_peek_member(inner, "value")) == '"')
		error.inner_value = json_peek_text(json_peek_member(inner, "value"), MESSAGE_MAX_BYTES);
	if (json_peek_kind(id) == '"')
		error.conflicting_id = json_peek_text(id, CODE_MAX_BYTES);
	if (json_peek_kind(json_peek_member(extensions, "userFriendlyMessage")) == '"')
		error.friendly = json_peek_text(json_peek_member(extensions, "userFriendlyMessage"), MESSAGE_MAX_BYTES);
	return error;
}

/* There is always one: the last rule matches any. */
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

const char *
answer_clue(const char *message)
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
void
answer_learn(Answer *answer, const char *message)
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

/*
 * "A duplicate entry was detected" does not say of what: the words for people
 * name the field ("This Emails value is already in use. Please check …"), the
 * extensions the record that has it, unless that is in the trash.
 */
static const char *
duplicate_message(const TwentyError *error)
{
	const char *end = error->friendly ? strstr(error->friendly, ". ") : NULL;
	const char *what = end ? pnstrdup(error->friendly, end - error->friendly) : error->friendly;

	return psprintf("%s%s%s%s%s", error->message, what ? ": " : "", what ? what : "",
					error->conflicting_id ? ", by record " : "", error->conflicting_id ? error->conflicting_id : "");
}

Answer *
answer_of_error(JsonPeek object)
{
	TwentyError		 error = read_error(object);
	const ErrorRule *rule = find_rule(&error);
	Answer			*answer = answer_make(rule->class, error.sub_code[0] ? error.sub_code : error.code,
										  error.message);

	if (is_unknown_standard_root(&error))
		answer->class = ANSWER_UNAUTHORISED;
	if (answer->code[0] == '\0')
		answer->code = strncmp(error.message, "Cannot query field", 18) == 0 ? "UNKNOWN_FIELD" : "NO_CODE";
	if (error.inner_message)
		answer->message = psprintf("%s: %s", error.message, error.inner_message);
	if (rule->duplicate)
		answer->message = duplicate_message(&error);
	answer->duplicate = rule->duplicate;
	answer->conflicting_id = error.conflicting_id;
	answer->clue = error.inner_value ? error.inner_value : answer_clue(error.message);
	answer_learn(answer, error.message);
	return answer;
}
