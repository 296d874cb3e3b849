/*
 * functions.c
 *		What of this room can be called from SQL: for tests, and for a DBA who
 *		wants to see what a server answers.
 */
#include "flitmig.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "twenty/twenty.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(flitmig_classify_answer);
PG_FUNCTION_INFO_V1(flitmig_http);

/* Longest part of a body that _http shows. */
#define SHOWN_BODY_BYTES (1024 * 1024)

/* A materialized result, as InitMaterializedSRF of newer servers does it. */
static Tuplestorestate *
begin_rows(FunctionCallInfo fcinfo, TupleDesc *tupdesc)
{
	ReturnSetInfo	*result = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext	 old;
	Tuplestorestate *rows;

	if (result == NULL || !IsA(result, ReturnSetInfo) || !(result->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	old = MemoryContextSwitchTo(result->econtext->ecxt_per_query_memory);
	if (get_call_result_type(fcinfo, NULL, tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	rows = tuplestore_begin_heap(false, false, work_mem);
	result->returnMode = SFRM_Materialize;
	result->setResult = rows;
	result->setDesc = *tupdesc;
	MemoryContextSwitchTo(old);
	return rows;
}

static Datum
text_or_null(const char *text, bool *null)
{
	*null = text == NULL;
	return text ? CStringGetTextDatum(text) : (Datum) 0;
}

static Datum
number_or_null(int number, bool *null)
{
	*null = number == 0;
	return Int32GetDatum(number);
}

/* A UUID that a server wrote: null when it is none. */
static Datum
uuid_or_null(const char *text, bool *null)
{
	*null = text == NULL || strlen(text) != 36 || strspn(text, "0123456789abcdefABCDEF-") != 36;
	for (int i = 0; !*null && i < 36; i++)
		*null = (text[i] == '-') != (i == 8 || i == 13 || i == 18 || i == 23);
	return *null ? (Datum) 0 : DirectFunctionCall1(uuid_in, CStringGetDatum(text));
}

/*
 * classify_answer(status integer, body text): one row, the answer's meaning
 * as the engine sees it when such an answer comes to a POST.
 */
Datum
flitmig_classify_answer(PG_FUNCTION_ARGS)
{
	text	  *body = PG_GETARG_TEXT_PP(1);
	char	  *bytes = text_to_cstring(body);
	HttpAnswer http = {.outcome = HTTP_ANSWERED, .retry_after_ms = -1};
	Answer	  *answer;
	Datum	   values[9];
	bool	   nulls[9] = {0};
	TupleDesc  tupdesc;

	http.status = PG_GETARG_INT32(0);
	http.body = pg_server_to_any(bytes, strlen(bytes), PG_UTF8);
	http.length = strlen(http.body);
	answer = answer_classify(&http);

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = CStringGetTextDatum(answer_class_name(answer->class));
	values[1] = text_or_null(answer->code, &nulls[1]);
	values[2] = text_or_null(answer->message, &nulls[2]);
	values[3] = number_or_null(answer->limit_tokens, &nulls[3]);
	values[4] = number_or_null(answer->limit_window_ms, &nulls[4]);
	values[5] = number_or_null(answer->max_records, &nulls[5]);
	values[6] = uuid_or_null(answer->conflicting_id, &nulls[6]);
	values[7] = text_or_null(answer->clue, &nulls[7]);
	values[8] = BoolGetDatum(answer->duplicate);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}

/* The word that SQL has for it. */
static const char *
outcome_name(HttpOutcome outcome)
{
	switch (outcome)
	{
		case HTTP_ANSWERED:
			return "answered";
		case HTTP_NOT_SENT:
			return "not_sent";
		case HTTP_AMBIGUOUS:
			return "ambiguous";
		case HTTP_TOO_LARGE:
			return "too_large";
		case HTTP_TLS:
			return "tls";
	}
	return "unknown";
}

/* Bytes as text: what is not valid in the database's encoding shows as '?'. */
static text *
show_body(const char *bytes, size_t length)
{
	char *shown = pnstrdup(bytes, Min(length, SHOWN_BODY_BYTES));
	int	  n = strlen(shown);

	if (!pg_verifymbstr(shown, n, true))
		for (int i = 0; i < n; i++)
			if (IS_HIGHBIT_SET(shown[i]))
				shown[i] = '?';
	return cstring_to_text(shown);
}

/* Fills the row of flitmig._http. */
static void
put_answer(Tuplestorestate *rows, TupleDesc tupdesc, const HttpAnswer *http)
{
	Datum values[7];
	bool  nulls[7] = {0};

	values[0] = CStringGetTextDatum(outcome_name(http->outcome));
	values[1] = number_or_null(http->status, &nulls[1]);
	values[2] = PointerGetDatum(show_body(http->body, http->length));
	values[3] = Float8GetDatum(http->elapsed_ms);
	values[4] = text_or_null(http->error[0] ? http->error : NULL, &nulls[4]);
	nulls[5] = http->retry_after_ms < 0;
	values[5] = Int32GetDatum((int32) http->retry_after_ms);
	values[6] = CStringGetTextDatum(answer_class_name(answer_classify(http)->class));
	tuplestore_putvalues(rows, tupdesc, values, nulls);
}

/* method: GET, POST, FILE (multipart; body is the file's path), PUT (path is the URL, body the file's path). */
static void
submit(HttpPool *pool, const char *method, const char *path, const char *body)
{
	if (strcmp(method, "GET") == 0)
		http_get(pool, path, false, NULL);
	else if (strcmp(method, "POST") == 0)
		http_post(pool, path, body, strlen(body), NULL);
	else if (strcmp(method, "FILE") == 0)
		http_post_file(pool, path, "{\"query\":\"mutation\"}", "{\"0\":[\"variables.file\"]}",
					   http_open_file(body), "file.bin", "application/octet-stream", NULL);
	else if (strcmp(method, "PUT") == 0)
		http_put_file(pool, path, http_open_file(body), "application/octet-stream", NULL);
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown method \"%s\"", method),
				 errhint("Valid methods are: GET, POST, FILE, PUT.")));
}

/* Takes an answer as the pump does: the bucket learns from it. */
static void
tell_bucket(Bucket *bucket, const HttpAnswer *http)
{
	Answer *answer = answer_classify(http);

	if (answer->class == ANSWER_THROTTLED)
		bucket_refused(bucket, GetCurrentTimestamp(), answer->limit_tokens, answer->limit_window_ms, http->retry_after_ms);
	else if (http->outcome == HTTP_ANSWERED)
		bucket_accepted(bucket, GetCurrentTimestamp());
}

/*
 * _http(server, method, path, body, calls, at_once, per_minute): sends the
 * same request so many times over one pool, at_once of them under way
 * together, and gives a row for each answer.  With per_minute, calls are
 * paced as the pump does it.  Superusers only: it speaks with the key.
 */
Datum
flitmig_http(PG_FUNCTION_ARGS)
{
	char			*server = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char			*method = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char			*path = text_to_cstring(PG_GETARG_TEXT_PP(2));
	char			*body = text_to_cstring(PG_GETARG_TEXT_PP(3));
	int				 calls = PG_GETARG_INT32(4);
	int				 at_once = PG_GETARG_INT32(5);
	int				 per_minute = PG_GETARG_INT32(6);
	int				 submitted = 0;
	Bucket			 bucket;
	TupleDesc		 tupdesc;
	Tuplestorestate *rows = begin_rows(fcinfo, &tupdesc);
	MemoryContext	 context;
	HttpPool		*pool;

	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be superuser to send requests by hand")));
	context = AllocSetContextCreate(CurrentMemoryContext, "flitmig http", ALLOCSET_DEFAULT_SIZES);
	pool = http_pool_create(context, twenty_server_load(server, GetUserId()));
	bucket_init(&bucket, 100, per_minute, 60000);
	bucket_expect(&bucket, calls);
	while (submitted < calls || http_in_flight(pool) > 0)
	{
		HttpAnswer *answer;
		long		delay = -1;

		while (submitted < calls && http_in_flight(pool) < (per_minute > 0 ? bucket_in_flight(&bucket) : at_once))
		{
			delay = bucket_delay_ms(&bucket, GetCurrentTimestamp(), 1);
			if (delay > 0)
				break;
			submit(pool, method, path, body);
			bucket_sent(&bucket, GetCurrentTimestamp(), 1);
			submitted++;
			delay = -1;
		}
		answer = http_wait(pool, delay);
		CHECK_FOR_INTERRUPTS();
		if (answer)
		{
			tell_bucket(&bucket, answer);
			put_answer(rows, tupdesc, answer);
			http_answer_free(answer);
		}
	}
	MemoryContextDelete(context);
	return (Datum) 0;
}
