/*
 * pump.c
 *		Carries calls from the journal to Twenty and answers back into it.
 *
 *		for each phase:
 *			_phase_enter, _phase_plan		batches are planned
 *			loop
 *				_batch_next					intents committed, a few at a time
 *				http_post					no transaction open
 *				http_wait
 *				_batch_answer				outcome committed; may plan more
 *
 * What a call means and what its answer changes is SQL (batch.sql and its
 * neighbours); here is only pace, order and patience.
 */
#include "engine/engine.h"

#include <unistd.h>

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "storage/latch.h"
#include "utils/memutils.h"

#include "source/source.h"
#include "twenty/twenty.h"

/* How long a stop waits for answers under way before it leaves them to the next run. */
#define DRAIN_LIMIT_US (INT64CONST(8) * 1000000)

/* Longest sleep between two looks at the latch, so that a held pump still notices a stop. */
#define MAX_WAIT_MS 1000

/* Most batches opened ahead of their moment: one commit writes all their intents. */
#define READY_MAX 4

typedef struct Pump
{
	int64			run_id;
	char		   *phase;
	bool			metered; /* calls of this phase take tokens */
	bool			serial;	 /* one call of this phase at a time */
	HttpPool	   *pool;
	Bucket			bucket;
	int64			hold_until_us;	  /* back-off asked for by an answer */
	MemoryContext	ctx;			  /* lives as long as the run */
	MemoryContext	call_ctx;		  /* reset after each answer */
	MemoryContext	ready_ctx;		  /* holds ready; reset when all are sent */
	struct Request *ready[READY_MAX]; /* intents committed, wait for their moment */
	int				ready_first;	  /* the next to be sent */
	int				ready_end;		  /* behind the last */
	SPIPlanPtr		next_plan;
	SPIPlanPtr		answer_plan;
} Pump;

/* One opened batch on its way into curl. */
typedef struct Request
{
	int64		batch_id;
	int			roots; /* tokens that it takes */
	char	   *transport;
	char	   *path;
	char	   *body;
	int			file; /* descriptor, or -1 */
	char	   *file_name;
	char	   *content_type;
	char	   *file_map;
	const char *file_problem; /* why its file may not go up, or NULL */
} Request;

/* A call under way: the tag of its HTTP request. */
typedef struct Call
{
	int64 batch_id;
	int	  roots;
} Call;

/* What the journal wants after an answer was written down. */
typedef struct AfterAnswer
{
	int	  hold_ms;	/* do not send before */
	char *sqlstate; /* the run must end with this error; NULL: go on */
	char *message;
	char *detail;
	char *hint;
} AfterAnswer;

/* Pace goes by a clock that nobody sets: one put back by an hour would hold the pump for that hour. */
static int64
now_us(void)
{
	instr_time now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MICROSEC(now);
}

static char *
row_text(MemoryContext ctx, int column)
{
	char *value = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column);

	return value ? MemoryContextStrdup(ctx, value) : NULL;
}

static Datum
row_datum(int column)
{
	bool  isnull;
	Datum value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? (Datum) 0 : value;
}

/* ---- phases ---- */

/* Names the next phase in pump->phase, or NULL when the run is complete. */
static void
phase_enter(Pump *pump)
{
	Oid	  types[] = {INT8OID};
	Datum values[1] = {Int64GetDatum(pump->run_id)};

	worker_begin(true);
	if (SPI_execute_with_args("SELECT phase, metered, serial FROM flitmig._phase_enter($1)",
							  1, types, values, NULL, false, 1) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not enter a phase");
	pump->phase = row_text(pump->ctx, 1);
	pump->metered = DatumGetBool(row_datum(2));
	pump->serial = DatumGetBool(row_datum(3));
	worker_commit();
}

static void
phase_plan(Pump *pump)
{
	Oid	  types[] = {INT8OID, TEXTOID};
	Datum values[2];

	worker_begin(true);
	values[0] = Int64GetDatum(pump->run_id);
	values[1] = CStringGetTextDatum(pump->phase);
	if (SPI_execute_with_args("SELECT batches, hold_ms FROM flitmig._phase_plan($1, $2)", 2, types, values, NULL, false, 1) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not plan a phase");
	/* knowing how many calls are to come, the bucket does not save up for more */
	if (pump->metered)
		bucket_expect(&pump->bucket, DatumGetInt32(row_datum(1)));
	pump->hold_until_us = Max(pump->hold_until_us, now_us() + DatumGetInt32(row_datum(2)) * INT64CONST(1000));
	worker_commit();
}

/* ---- sending ---- */

static void
prepare_next(Pump *pump)
{
	Oid types[] = {INT8OID, TEXTOID};

	pump->next_plan = SPI_prepare("SELECT batch_id, roots, transport, path, body, file_path, file_name, content_type, file_map, file_size, file_sha256"
								  " FROM flitmig._batch_next($1, $2)",
								  2, types);
	if (pump->next_plan == NULL || SPI_keepplan(pump->next_plan) != 0)
		elog(ERROR, "could not prepare the journal's next call");
}

/*
 * A file is looked at before the server is told of it, too: a reservation
 * without a file would stay behind.
 */
static void
file_open(Request *request, const char *path, int64 bytes, Datum sha256)
{
	if (path == NULL)
		return;
	if (strcmp(request->transport, "post") == 0)
		request->file_problem = imported_file_problem(path);
	else
		request->file = imported_file_open(path, bytes,
										   DatumGetPointer(sha256) ? (uint8 *) VARDATA_ANY(DatumGetByteaPP(sha256)) : NULL,
										   &request->file_problem);
}

/* The row that _batch_next gave. */
static Request *
request_read(Pump *pump)
{
	Request *request = MemoryContextAllocZero(pump->ready_ctx, sizeof(Request));

	request->batch_id = DatumGetInt64(row_datum(1));
	request->roots = DatumGetInt32(row_datum(2));
	request->transport = row_text(pump->ready_ctx, 3);
	request->path = row_text(pump->ready_ctx, 4);
	request->body = row_text(pump->ready_ctx, 5);
	request->file_name = row_text(pump->ready_ctx, 7);
	request->content_type = row_text(pump->ready_ctx, 8);
	request->file_map = row_text(pump->ready_ctx, 9);
	request->file = -1;
	file_open(request, row_text(pump->ready_ctx, 6), DatumGetInt64(row_datum(10)), row_datum(11));
	return request;
}

/*
 * Opens planned batches, as many as may be under way at once, and commits
 * their intents together: a commit that reaches the disk costs more than
 * everything else of a small batch.
 */
static void
batches_open(Pump *pump, int most)
{
	Datum values[2];

	MemoryContextReset(pump->ready_ctx);
	pump->ready_first = pump->ready_end = 0;
	worker_begin(http_in_flight(pump->pool) == 0);
	if (pump->next_plan == NULL)
		prepare_next(pump);
	values[0] = Int64GetDatum(pump->run_id);
	values[1] = CStringGetTextDatum(pump->phase);
	while (pump->ready_end < Min(most, READY_MAX))
	{
		if (SPI_execute_plan(pump->next_plan, values, NULL, false, 1) != SPI_OK_SELECT)
			elog(ERROR, "could not open a batch");
		if (SPI_processed != 1)
			break;
		pump->ready[pump->ready_end++] = request_read(pump);
		SPI_freetuptable(SPI_tuptable);
	}
	worker_commit();
}

/* Hands an opened batch to curl, which copies what it is given. */
static void
call_send(Pump *pump, const Request *request)
{
	Call *call = MemoryContextAlloc(pump->ctx, sizeof(Call));

	call->batch_id = request->batch_id;
	call->roots = request->roots;
	if (strcmp(request->transport, "post") == 0)
		http_post(pump->pool, request->path, request->body, strlen(request->body), call);
	else if (strcmp(request->transport, "get") == 0)
		http_get(pump->pool, request->path, true, call);
	else if (strcmp(request->transport, "put") == 0)
		http_put_file(pump->pool, request->path, request->file, request->content_type, call);
	else if (strcmp(request->transport, "multipart") == 0)
		http_post_file(pump->pool, request->path, request->body, request->file_map,
					   request->file, request->file_name, request->content_type, call);
	else
		elog(ERROR, "unknown transport \"%s\"", request->transport);
	if (call->roots > 0)
		bucket_sent(&pump->bucket, now_us(), call->roots);
}

/* ---- answers ---- */

static void
set_text(Datum *values, char *nulls, int i, const char *text)
{
	if (text)
		values[i] = CStringGetTextDatum(text);
	else
		nulls[i] = 'n';
}

static void
answer_read_reply(Pump *pump, AfterAnswer *after)
{
	if (SPI_processed != 1)
		elog(ERROR, "the journal did not reply");
	after->hold_ms = DatumGetInt32(row_datum(1));
	after->sqlstate = row_text(pump->ctx, 2);
	after->message = row_text(pump->ctx, 3);
	after->detail = row_text(pump->ctx, 4);
	after->hint = row_text(pump->ctx, 5);
}

/* Commits what an answer means. */
static void
answer_write(Pump *pump, const Call *call, const HttpAnswer *http, const Answer *answer, AfterAnswer *after)
{
	Datum values[14];
	char  nulls[14];

	memset(nulls, ' ', sizeof(nulls));
	worker_begin(false);
	if (pump->answer_plan == NULL)
	{
		Oid types[] = {INT8OID, TEXTOID, INT4OID, INT4OID, TEXTOID, TEXTOID, INT4OID, INT4OID,
					   INT4OID, TEXTOID, TEXTOID, BOOLOID, TEXTOID, INT4OID};

		pump->answer_plan = SPI_prepare("SELECT hold_ms, sqlstate, message, detail, hint FROM flitmig._batch_answer"
										"($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
										14, types);
		if (pump->answer_plan == NULL || SPI_keepplan(pump->answer_plan) != 0)
			elog(ERROR, "could not prepare the journal's answer");
	}
	values[0] = Int64GetDatum(call->batch_id);
	values[1] = CStringGetTextDatum(answer_class_name(answer->class));
	values[2] = Int32GetDatum((int) http->outcome);
	values[3] = Int32GetDatum(http->status);
	set_text(values, nulls, 4, answer->code);
	set_text(values, nulls, 5, answer->message);
	values[6] = Int32GetDatum(answer->limit_tokens);
	values[7] = Int32GetDatum(answer->limit_window_ms);
	values[8] = Int32GetDatum(answer->max_records);
	set_text(values, nulls, 9, answer->conflicting_id);
	set_text(values, nulls, 10, answer->clue);
	values[11] = BoolGetDatum(answer->duplicate);
	set_text(values, nulls, 12, answer->class == ANSWER_STORED ? http->body : NULL);
	values[13] = Int32GetDatum((int) http->elapsed_ms);
	if (SPI_execute_plan(pump->answer_plan, values, nulls, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not write an answer down");
	answer_read_reply(pump, after);
	worker_commit();
}

/* The journal says that the run cannot go on. */
static void
answer_raise(const AfterAnswer *after)
{
	ereport(ERROR,
			(errcode(MAKE_SQLSTATE(after->sqlstate[0], after->sqlstate[1], after->sqlstate[2],
								   after->sqlstate[3], after->sqlstate[4])),
			 errmsg_internal("%s", after->message),
			 after->detail ? errdetail_internal("%s", after->detail) : 0,
			 after->hint ? errhint("%s", after->hint) : 0));
}

/* A file that may not go up is refused here, as the server would refuse it. */
static void
refuse_file(Pump *pump, const Request *request)
{
	Call		call = {request->batch_id, 0};
	HttpAnswer	http = {0};
	Answer		answer = {0};
	AfterAnswer after = {0};

	answer.class = ANSWER_BATCH_REFUSED;
	answer.code = request->file_problem;
	answer.message = "the file is not there any more, is not the one that was imported, or may not be read by this role";
	answer_write(pump, &call, &http, &answer, &after);
}

/* Milliseconds until the next call may leave; 0: now. */
static long
send_delay_ms(Pump *pump, const Request *next)
{
	int64 now = now_us();
	long  delay = 0;

	if (pump->hold_until_us > now)
		delay = (pump->hold_until_us - now) / 1000 + 1;
	if (next->roots > 0)
		delay = Max(delay, bucket_delay_ms(&pump->bucket, now, next->roots));
	return delay;
}

/* How many calls may be under way: a known limit is used best in bursts. */
static int
width(Pump *pump)
{
	if (pump->serial)
		return 1;
	return pump->metered ? bucket_in_flight(&pump->bucket) : flitmig_requests_in_flight;
}

static bool
is_ready(const Pump *pump)
{
	return pump->ready_first < pump->ready_end;
}

/*
 * Sends batches that are open already, as many as may leave now.  Returns how
 * long the next of them has to wait (ms); MAX_WAIT_MS when none is left or
 * enough are under way.
 */
static long
send_ready(Pump *pump)
{
	while (is_ready(pump) && http_in_flight(pump->pool) < width(pump))
	{
		Request *next = pump->ready[pump->ready_first];
		long	 delay = send_delay_ms(pump, next);

		if (delay > 0)
			return delay;
		pump->ready_first++;
		if (next->file_problem)
			refuse_file(pump, next);
		else
			call_send(pump, next);
	}
	return MAX_WAIT_MS;
}

/*
 * The next call leaves before this answer is written down: Twenty need not
 * wait for our journal.  Only behind an answer that changes nothing about
 * what is to be sent; the others are written down first.
 */
static void
answer_take(Pump *pump, HttpAnswer *http)
{
	Call		 *call = http->tag;
	int64		  now = now_us();
	AfterAnswer	  after = {0};
	MemoryContext old = MemoryContextSwitchTo(pump->call_ctx);
	Answer		 *answer = answer_classify(http);

	if (answer->class == ANSWER_THROTTLED)
		bucket_refused(&pump->bucket, now, answer->limit_tokens, answer->limit_window_ms, http->retry_after_ms);
	else if (call->roots > 0 && http->outcome == HTTP_ANSWERED)
		bucket_accepted(&pump->bucket, now, call->roots);
	if (answer->class == ANSWER_STORED && !worker_stop_requested)
	{
		send_ready(pump);
		http_push(pump->pool);
	}
	answer_write(pump, call, http, answer, &after);
	MemoryContextSwitchTo(old);
	http_answer_free(http);
	pfree(call);
	MemoryContextReset(pump->call_ctx);
	if (after.hold_ms > 0)
		pump->hold_until_us = Max(pump->hold_until_us, now + after.hold_ms * INT64CONST(1000));
	if (after.sqlstate)
		answer_raise(&after);
}

/* ---- the loop ---- */

/*
 * Sends what may be sent, and opens the next batches while those are under
 * way: the commit of their intents then costs no time when their moment has
 * come.  Returns how long to wait before more may leave (ms), or -1 when
 * nothing is planned.
 */
static long
send_allowed(Pump *pump)
{
	for (;;)
	{
		long delay = send_ready(pump);

		if (is_ready(pump))
			return delay;
		/* what a serial phase sends next, the answer to its last call decides */
		if (pump->serial && http_in_flight(pump->pool) > 0)
			return MAX_WAIT_MS;
		http_push(pump->pool);
		batches_open(pump, width(pump));
		if (!is_ready(pump))
			return -1;
	}
}

/* Batches that were opened and never sent are planned again: nobody has to look them up. */
static void
unsend(Pump *pump)
{
	Oid types[] = {INT8OID};

	if (!is_ready(pump))
		return;
	worker_begin(false);
	for (int i = pump->ready_first; i < pump->ready_end; i++)
	{
		Datum values[1] = {Int64GetDatum(pump->ready[i]->batch_id)};

		if (pump->ready[i]->file >= 0)
			close(pump->ready[i]->file);

		if (SPI_execute_with_args("SELECT flitmig._batch_unsent($1)", 1, types, values, NULL, false, 0) != SPI_OK_SELECT)
			elog(ERROR, "could not take a batch back");
	}
	worker_commit();
	pump->ready_first = pump->ready_end = 0;
	MemoryContextReset(pump->ready_ctx);
}

/* A clean stop: nothing new leaves, answers under way are still written down. */
static void
drain(Pump *pump)
{
	int64 until = now_us() + DRAIN_LIMIT_US;

	unsend(pump);
	while (http_in_flight(pump->pool) > 0 && now_us() < until)
	{
		HttpAnswer *http = http_wait(pump->pool, MAX_WAIT_MS);

		CHECK_FOR_INTERRUPTS();
		if (http)
			answer_take(pump, http);
	}
}

static void
phase_pump(Pump *pump)
{
	while (!worker_stop_requested)
	{
		long		wait = send_allowed(pump);
		HttpAnswer *http;

		CHECK_FOR_INTERRUPTS();
		if (wait < 0 && http_in_flight(pump->pool) == 0)
			return; /* nothing planned, nothing under way, nothing ready */
		http = http_wait(pump->pool, wait < 0 ? MAX_WAIT_MS : Min(wait, MAX_WAIT_MS));
		CHECK_FOR_INTERRUPTS();
		if (http)
			answer_take(pump, http);
	}
	drain(pump);
}

/* A phase may be a wait and nothing else. */
static void
phase_hold(Pump *pump)
{
	int64 now;

	while (!worker_stop_requested && (now = now_us()) < pump->hold_until_us)
	{
		WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
				  Min((pump->hold_until_us - now) / 1000 + 1, MAX_WAIT_MS), PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

static void
pump_start(Pump *pump, int64 run_id, const char *server_name, MemoryContext ctx)
{
	Oid			  types[] = {TEXTOID};
	Datum		  values[1];
	TwentyServer *server;
	MemoryContext old;

	memset(pump, 0, sizeof(Pump));
	pump->run_id = run_id;
	pump->ctx = ctx;
	pump->call_ctx = AllocSetContextCreate(ctx, "flitmig call", ALLOCSET_DEFAULT_SIZES);
	pump->ready_ctx = AllocSetContextCreate(ctx, "flitmig request", ALLOCSET_DEFAULT_SIZES);
	worker_begin(true);
	old = MemoryContextSwitchTo(ctx);
	server = twenty_server_load(server_name, GetUserId());
	MemoryContextSwitchTo(old);
	values[0] = CStringGetTextDatum(server_name);
	if (SPI_execute_with_args("SELECT max_tokens, window_ms, tokens FROM flitmig._server_limit($1)",
							  1, types, values, NULL, true, 1) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not read the server's limit");
	bucket_init(&pump->bucket, server->call_share, DatumGetInt32(row_datum(1)), DatumGetInt32(row_datum(2)));
	bucket_begin_with(&pump->bucket, now_us(), DatumGetInt32(row_datum(1)), DatumGetFloat8(row_datum(3)));
	worker_commit();
	pump->pool = http_pool_create(ctx, server);
}

void
pump_run(int64 run_id, const char *server, MemoryContext ctx)
{
	Pump pump;

	pump_start(&pump, run_id, server, ctx);
	while (!worker_stop_requested)
	{
		phase_enter(&pump);
		if (pump.phase == NULL)
			return;
		pgstat_report_activity(STATE_RUNNING, pump.phase);
		phase_plan(&pump);
		phase_hold(&pump);
		phase_pump(&pump);
	}
}
