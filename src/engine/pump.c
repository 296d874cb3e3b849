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
 * What a call means and what its answer changes is SQL, which journal.c asks;
 * here is only pace, order and patience.
 */
#include "engine/journal.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "storage/latch.h"
#include "utils/memutils.h"

/* How long a stop waits for answers under way before it leaves them to the next run. */
#define DRAIN_LIMIT_US (INT64CONST(8) * 1000000)

/* Longest sleep between two looks at the latch, so that a held pump still notices a stop. */
#define MAX_WAIT_MS 1000

/* Most batches opened ahead of their moment: one commit writes all their intents. */
#define READY_MAX 4

typedef struct Pump
{
	Journal		  journal;
	HttpPool	 *pool;
	Bucket		  bucket;
	int64		  hold_until_us;	/* back-off asked for by an answer */
	MemoryContext ctx;				/* lives as long as the run */
	MemoryContext call_ctx;			/* reset after each answer */
	Request		 *ready[READY_MAX]; /* intents committed, wait for their moment */
	int			  ready_first;		/* the next to be sent */
	int			  ready_end;		/* behind the last */
} Pump;

/* A call under way: the tag of its HTTP request. */
typedef struct Call
{
	int64 batch_id;
	int	  roots;
} Call;

/* Pace goes by a clock that nobody sets: one put back by an hour would hold the pump for that hour. */
static int64
now_us(void)
{
	instr_time now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MICROSEC(now);
}

/* ---- sending ---- */

/* Hands an opened batch to curl, which copies what it is given. */
static void
call_send(Pump *pump, const Request *request)
{
	Call		 *call = MemoryContextAlloc(pump->ctx, sizeof(Call));
	MemoryContext old = MemoryContextSwitchTo(pump->call_ctx); /* for the url that is put together on the way */

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
	MemoryContextSwitchTo(old);
	if (call->roots > 0)
		bucket_sent(&pump->bucket, now_us(), call->roots);
}

/* ---- answers ---- */

/* A file that may not go up is refused here, as the server would refuse it. */
static void
refuse_file(Pump *pump, const Request *request)
{
	HttpAnswer	http = {0};
	Answer		answer = {0};
	AfterAnswer after = {0};

	answer.class = ANSWER_BATCH_REFUSED;
	answer.code = request->file_problem;
	answer.message = "the file is not there any more, is not the one that was imported, or may not be read by this role";
	journal_write_answer(&pump->journal, request->batch_id, &http, &answer, &after);
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
	if (pump->journal.serial)
		return 1;
	return pump->journal.metered ? bucket_in_flight(&pump->bucket) : flitmig_requests_in_flight;
}

static bool
is_ready(const Pump *pump)
{
	return pump->ready_first < pump->ready_end;
}

/*
 * Opens batches for the time when those that are under way leave room: a
 * commit that reaches the disk costs more than everything else of a small one.
 */
static void
open_batches(Pump *pump)
{
	pump->ready_first = 0;
	pump->ready_end = journal_open_batches(&pump->journal, http_in_flight(pump->pool) == 0, Min(width(pump), READY_MAX), pump->ready);
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
		bucket_accepted(&pump->bucket, now);
	if (answer->class == ANSWER_STORED && !worker_stop_requested)
	{
		send_ready(pump);
		http_push(pump->pool);
	}
	journal_write_answer(&pump->journal, call->batch_id, http, answer, &after);
	MemoryContextSwitchTo(old);
	http_answer_free(http);
	pfree(call);
	MemoryContextReset(pump->call_ctx);
	if (after.hold_ms > 0)
		pump->hold_until_us = Max(pump->hold_until_us, now + after.hold_ms * INT64CONST(1000));
	if (after.sqlstate) /* the journal says that the run cannot go on */
		raise_written(after.sqlstate, after.message, after.detail, after.hint);
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
		if (pump->journal.serial && http_in_flight(pump->pool) > 0)
			return MAX_WAIT_MS;
		http_push(pump->pool);
		open_batches(pump);
		if (!is_ready(pump))
			return -1;
	}
}

/* Batches that were opened and never sent are planned again: nobody has to look them up. */
static void
unsend(Pump *pump)
{
	if (is_ready(pump))
		journal_take_back(pump->ready + pump->ready_first, pump->ready_end - pump->ready_first);
	pump->ready_first = pump->ready_end = 0;
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

/* Sends the phase's calls and takes their answers until none is left, or a stop is asked for. */
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

static void
phase_plan(Pump *pump)
{
	int batches;
	int hold_ms;

	journal_plan_phase(&pump->journal, &batches, &hold_ms);
	/* knowing how many calls are to come, the bucket does not save up for more */
	if (pump->journal.metered)
		bucket_expect(&pump->bucket, batches);
	pump->hold_until_us = Max(pump->hold_until_us, now_us() + hold_ms * INT64CONST(1000));
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

/* Reads server and limit, and opens the pool of connections. */
static void
pump_start(Pump *pump, int64 run_id, const char *server_name, MemoryContext ctx)
{
	Oid			  types[] = {TEXTOID};
	Datum		  values[1];
	TwentyServer *server;
	MemoryContext old;

	memset(pump, 0, sizeof(Pump));
	journal_init(&pump->journal, run_id, ctx);
	pump->ctx = ctx;
	pump->call_ctx = AllocSetContextCreate(ctx, "flitmig call", ALLOCSET_DEFAULT_SIZES);
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
		journal_enter_phase(&pump.journal);
		if (pump.journal.phase == NULL)
			return;
		pgstat_report_activity(STATE_RUNNING, pump.journal.phase);
		phase_plan(&pump);
		phase_hold(&pump);
		phase_pump(&pump);
	}
}
