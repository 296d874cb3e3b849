/*
 * worker.c
 *		The background worker: how it starts, with whose rights, how it stops,
 *		and how it says why it failed.
 *
 * The worker writes its own run row (the caller's transaction is not yet
 * committed), holds a session advisory lock for the migration, and ends in
 * one of these states:
 *
 *		queued -> running -> done | failed | cancelled
 *		                  \-> interrupted (found by the next run: killed)
 */
#include "engine/engine.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

volatile sig_atomic_t worker_stop_requested = false;

static volatile sig_atomic_t worker_cancellable = false; /* in a transaction that a first SIGINT may cancel */
static volatile sig_atomic_t worker_closing = false;	 /* writing its last words, which nothing may cut short */

PGDLLEXPORT void flitmig_worker_main(Datum arg);

static void
worker_cancel_statement(void)
{
	InterruptPending = true;
	QueryCancelPending = true;
}

/*
 * SIGINT (Ctrl-C of the caller, flitmig_cancel, pg_cancel_backend): stop
 * cleanly.  A statement that no call depends on (mapping may take minutes) is
 * cancelled.  A second SIGINT cancels any: what it keeps from being written
 * down, the next run looks up.
 */
static void
worker_sigint(SIGNAL_ARGS)
{
	int save_errno = errno;

	if ((worker_cancellable || worker_stop_requested) && !worker_closing)
		worker_cancel_statement();
	worker_stop_requested = true;
	SetLatch(MyLatch);
	errno = save_errno;
}

void
worker_begin(bool cancellable)
{
	worker_cancellable = cancellable;
	/* a SIGINT that came a moment ago saw nothing to cancel */
	if (cancellable && worker_stop_requested)
		worker_cancel_statement();
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	PushActiveSnapshot(GetTransactionSnapshot());
}

void
worker_commit(void)
{
	/* one that came when the statement was through: the request to stop is enough */
	worker_cancellable = false;
	QueryCancelPending = false;
	SPI_finish();
	PopActiveSnapshot();
	CommitTransactionCommand();
	pgstat_report_stat(false);
}

/* Writes the run row, so that whatever fails from here on can be said in it. */
static int64
worker_create_run(const WorkOrder *order)
{
	Oid	  types[] = {INT4OID, TEXTOID, INT8OID, INT4OID, INT4OID, INT8OID, BOOLOID, BOOLOID};
	Datum values[8];
	int64 run_id;
	bool  isnull;

	worker_begin(true);
	values[0] = Int32GetDatum(order->migration_id);
	values[1] = CStringGetTextDatum(order->kind);
	values[2] = Int64GetDatum(order->cookie);
	values[3] = Int32GetDatum(MyProcPid);
	values[4] = Int32GetDatum(order->size);
	values[5] = Int64GetDatum(order->undo_run);
	values[6] = BoolGetDatum(order->force);
	values[7] = BoolGetDatum(order->dry_run);
	if (SPI_execute_with_args("SELECT flitmig._run_create($1, $2, $3, $4, $5, $6, $7, $8)",
							  8, types, values, NULL, false, 1) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not create a run");
	run_id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	worker_commit();
	return run_id;
}

/* Takes the migration's lock and names its server.  Errors: the migration is being worked on. */
static char *
worker_open_run(int64 run_id, MemoryContext ctx)
{
	Oid	  types[] = {INT8OID};
	Datum values[1] = {Int64GetDatum(run_id)};
	char *server;

	worker_begin(true);
	if (SPI_execute_with_args("SELECT flitmig._run_begin($1)",
							  1, types, values, NULL, false, 1) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not begin a run");
	server = MemoryContextStrdup(ctx, SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));
	worker_commit();
	return server;
}

/* From here on a SIGINT finds nothing to stop. */
static void
worker_ignore_sigint(void)
{
	worker_closing = true;
	QueryCancelPending = false;
}

static void
worker_close_run(int64 run_id, const char *state)
{
	Oid	  types[] = {INT8OID, TEXTOID};
	Datum values[2];

	worker_begin(false);
	values[0] = Int64GetDatum(run_id);
	values[1] = CStringGetTextDatum(state);
	if (SPI_execute_with_args("SELECT flitmig._run_end($1, $2)", 2, types, values, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not end a run");
	worker_commit();
}

/*
 * Messages of the server's own data exceptions quote the value that they
 * choked on; those never leave the worker.
 */
static bool
message_may_hold_values(const ErrorData *edata)
{
	int category = ERRCODE_TO_CATEGORY(edata->sqlerrcode);

	return category == ERRCODE_DATA_EXCEPTION ||
		   category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION;
}

/* Writes into the run row why the run failed. */
static void
worker_fail_run(int64 run_id, const ErrorData *edata)
{
	Oid			types[] = {INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID};
	Datum		values[6];
	char		nulls[6] = {' ', ' ', ' ', ' ', ' ', ' '};
	bool		hide = message_may_hold_values(edata);
	const char *message = hide ? "a value of the export could not be processed" : edata->message;

	worker_begin(false);
	values[0] = Int64GetDatum(run_id);
	values[1] = CStringGetTextDatum(edata->sqlerrcode == ERRCODE_QUERY_CANCELED ? "cancelled" : "failed");
	values[2] = CStringGetTextDatum(unpack_sql_state(edata->sqlerrcode));
	values[3] = CStringGetTextDatum(message ? message : "unknown error");
	if (hide || edata->detail == NULL)
		nulls[4] = 'n';
	else
		values[4] = CStringGetTextDatum(edata->detail);
	if (edata->hint == NULL)
		nulls[5] = 'n';
	else
		values[5] = CStringGetTextDatum(edata->hint);
	if (SPI_execute_with_args("SELECT flitmig._run_fail($1, $2, $3, $4, $5, $6)", 6, types, values, nulls, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not write down why a run failed");
	worker_commit();
}

void
raise_written(const char *sqlstate, const char *message, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(MAKE_SQLSTATE(sqlstate[0], sqlstate[1], sqlstate[2], sqlstate[3], sqlstate[4])),
			 errmsg_internal("%s", message),
			 detail ? errdetail_internal("%s", detail) : 0,
			 hint ? errhint("%s", hint) : 0));
}

/* Everything between the connection and the end of the run. */
static void
worker_work(const WorkOrder *order)
{
	MemoryContext  ctx = AllocSetContextCreate(TopMemoryContext, "flitmig run", ALLOCSET_DEFAULT_SIZES);
	volatile int64 run_id = 0;

	PG_TRY();
	{
		run_id = worker_create_run(order);
		pump_run(run_id, worker_open_run(run_id, ctx), ctx);
		worker_ignore_sigint();
		worker_close_run(run_id, worker_stop_requested ? "cancelled" : "done");
	}
	PG_CATCH();
	{
		ErrorData *edata;

		worker_ignore_sigint();
		MemoryContextSwitchTo(ctx);
		edata = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		if (run_id == 0)
		{
			/* no run row to say it in: the log and the caller's generic error must do */
			ereport(LOG,
					(errcode(edata->sqlerrcode),
					 errmsg("flitmig worker could not begin"),
					 message_may_hold_values(edata) ? 0 : errdetail_internal("%s", edata->message)));
			proc_exit(1);
		}
		if (edata->sqlerrcode == ERRCODE_QUERY_CANCELED && worker_stop_requested)
			worker_close_run(run_id, "cancelled");
		else
			worker_fail_run(run_id, edata);
	}
	PG_END_TRY();
	/* from PostgreSQL 18 on a commit goes back to the context that its transaction was begun in: after a failure the one that goes now */
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextDelete(ctx);
}

static void
set_number(const char *name, int value)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", value);
	SetConfigOption(name, text, PGC_USERSET, PGC_S_SESSION);
}

/* What the session of a worker must be, whatever its role is set to; then the caller's own settings. */
static void
take_settings(const WorkOrder *order)
{
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("application_name", "flitmig", PGC_USERSET, PGC_S_SESSION);
	/* journal queries look large to the planner and are small: see 90-grants.sql */
	SetConfigOption("jit", "off", PGC_USERSET, PGC_S_SESSION);
	/* the caller was asked about these; what its role is used to is meant for queries, not for a run of hours */
	SetConfigOption("default_transaction_read_only", "off", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("default_transaction_isolation", "read committed", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("default_transaction_deferrable", "off", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("lock_timeout", "0", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("row_security", "on", PGC_USERSET, PGC_S_SESSION);
	/* texts of functions and mappings are parsed in this session */
	SetConfigOption("standard_conforming_strings", "on", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("transform_null_equals", "off", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("array_nulls", "on", PGC_USERSET, PGC_S_SESSION);
#if PG_VERSION_NUM >= 170000
	SetConfigOption("transaction_timeout", "0", PGC_USERSET, PGC_S_SESSION);
#endif
	/* an intent must be on disk before its request leaves, whatever the role is used to */
	if (synchronous_commit == SYNCHRONOUS_COMMIT_OFF)
		SetConfigOption("synchronous_commit", "local", PGC_USERSET, PGC_S_SESSION);
	set_number("flitmig.requests_in_flight", order->requests_in_flight);
	set_number("flitmig.connect_timeout", order->connect_timeout_ms);
	set_number("flitmig.request_timeout", order->request_timeout_ms);
	set_number("flitmig.late_window", order->late_window_ms);
	set_number("flitmig.answer_limit", order->answer_limit_mb);
}

void
flitmig_worker_main(Datum arg)
{
	WorkOrder order;

	memcpy(&order, MyBgworkerEntry->bgw_extra, sizeof(order));
	pqsignal(SIGTERM, die);
	pqsignal(SIGINT, worker_sigint);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(order.database, order.role, 0);
	take_settings(&order);
	worker_work(&order);
	proc_exit(0);
}
