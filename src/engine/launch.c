/*
 * launch.c
 *		The caller's side: starts a worker, relays its progress as notices,
 *		passes on a cancel, and raises the worker's error as its own.
 *
 * Ctrl-C ends the worker cleanly; a closed connection leaves it running.
 */
#include "engine/engine.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(flitmig_work);
PG_FUNCTION_INFO_V1(flitmig_require_top_level);

#define POLL_MS		  200	  /* how often the caller looks at the run row */
#define EXIT_LIMIT_MS 10000	  /* how long an ended worker's process may take to go */
#define STUCK_MS	  2000	  /* how long its worker waits for a lock before it asks whose */
#define NOTICE_US	  1000000 /* how often it tells the client */
#define STOP_AGAIN_MS 9000	  /* when it insists: answers under way had their time (DRAIN_LIMIT_US in pump.c) */
#define STOP_LIMIT_MS 12000	  /* how long a cancelled caller waits for the worker's clean end */

/* What the run row says, as far as the caller needs it. */
typedef struct RunView
{
	MemoryContext ctx; /* holds the texts below; reset at each look */
	int64		  run_id;
	char		 *state;
	char		 *line; /* progress in words */
	char		 *sqlstate;
	char		 *message;
	char		 *detail;
	char		 *hint;
} RunView;

/*
 * Refuses to go on inside a transaction block: effects in Twenty would not be
 * undone by its rollback.  Functions cannot see isTopLevel, so the state of
 * the transaction is asked, as far as it is known there.
 */
static void
require_top_level(const char *what)
{
	if (IsTransactionBlock() || IsSubTransaction())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s cannot run inside a transaction block", what),
				 errdetail("It changes Twenty, which no ROLLBACK here could undo."),
				 errhint("Call it on its own, outside BEGIN … COMMIT.")));
	/* a worker starts when recovery has ended: on a standby never */
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("%s cannot run on a standby", what),
				 errhint("Call it on the primary: its journal is written there.")));
	if (XactReadOnly)
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("%s cannot run in a read-only transaction", what),
				 errdetail("It writes a journal before it changes Twenty."),
				 errhint("SET default_transaction_read_only = off;")));
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s needs isolation level READ COMMITTED", what),
				 errhint("SET default_transaction_isolation = 'read committed';")));
}

/* flitmig._require_top_level(what text) → void */
Datum
flitmig_require_top_level(PG_FUNCTION_ARGS)
{
	require_top_level(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_VOID();
}

static int64
new_cookie(void)
{
	int64 cookie = 0;

	if (!pg_strong_random(&cookie, sizeof(cookie)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random number")));
	return cookie;
}

/* A worker logs in as the role that it works for (PostgreSQL before 17 has no way around that). */
static void
require_login(Oid role)
{
	HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	bool	  may_log_in;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for role %u", role);
	may_log_in = ((Form_pg_authid) GETSTRUCT(tuple))->rolcanlogin;
	ReleaseSysCache(tuple);
	if (!may_log_in)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("role \"%s\" cannot log in, so no worker can run with its rights", GetUserNameFromId(role, false)),
				 errhint("RESET ROLE;  or, as its administrator: ALTER ROLE %s LOGIN;", quote_identifier(GetUserNameFromId(role, false)))));
}

/* Whoever waits may be cut off by a setting that is meant for queries. */
static void
tell_of_timeout(void)
{
	if (StatementTimeout > 0)
		ereport(NOTICE,
				(errmsg("statement_timeout ends this call, and with it the work, after %d s", (StatementTimeout + 999) / 1000),
				 errhint("SET statement_timeout = 0;  or let it work in the background: wait => false.")));
}

/* Registers the worker; an error when all slots are taken. */
static BackgroundWorkerHandle *
start_worker(const WorkOrder *order)
{
	BackgroundWorker		worker;
	BackgroundWorkerHandle *handle;

	StaticAssertStmt(sizeof(WorkOrder) <= BGW_EXTRALEN, "a work order must fit into bgw_extra");
	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = MyProcPid;
	strlcpy(worker.bgw_library_name, "flitmig", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "flitmig_worker_main", sizeof(worker.bgw_function_name));
	strlcpy(worker.bgw_type, "flitmig worker", BGW_MAXLEN);
	snprintf(worker.bgw_name, BGW_MAXLEN, "flitmig worker: %s of migration %d", order->kind, order->migration_id);
	memcpy(worker.bgw_extra, order, sizeof(WorkOrder));
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("no free slot for a flitmig worker"),
				 errhint("Raise max_worker_processes (it needs a restart), or wait until other background workers have ended.")));
	return handle;
}

/* Reads the run row of a cookie with a new snapshot, whatever the caller's isolation. */
static bool
view_run(int64 cookie, RunView *view)
{
	Oid	  types[] = {INT8OID};
	Datum values[1] = {Int64GetDatum(cookie)};
	bool  found;
	bool  isnull;

	MemoryContextReset(view->ctx);
	PushActiveSnapshot(GetLatestSnapshot());
	if (SPI_execute_with_args("SELECT run_id, state, line, sqlstate, message, detail, hint FROM flitmig._run_view($1)",
							  1, types, values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read the run");
	found = SPI_processed == 1;
	if (found)
	{
		HeapTuple	  row = SPI_tuptable->vals[0];
		TupleDesc	  desc = SPI_tuptable->tupdesc;
		MemoryContext old = MemoryContextSwitchTo(view->ctx);

		view->run_id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
		view->state = SPI_getvalue(row, desc, 2);
		view->line = SPI_getvalue(row, desc, 3);
		view->sqlstate = SPI_getvalue(row, desc, 4);
		view->message = SPI_getvalue(row, desc, 5);
		view->detail = SPI_getvalue(row, desc, 6);
		view->hint = SPI_getvalue(row, desc, 7);
		MemoryContextSwitchTo(old);
	}
	SPI_freetuptable(SPI_tuptable);
	PopActiveSnapshot();
	return found;
}

static bool
run_ended(const RunView *view)
{
	return view->state != NULL &&
		   strcmp(view->state, "queued") != 0 && strcmp(view->state, "running") != 0;
}

/*
 * Our transaction holds light locks on what it has read, for as long as we
 * wait.  Who asks for an exclusive one (DROP EXTENSION, VACUUM FULL) waits for
 * us, the worker waits behind it, and we wait for the worker: a deadlock that
 * PostgreSQL does not see, for a waiting latch is no lock.
 */
static void
check_stuck(pid_t worker)
{
	Oid	  types[] = {INT4OID, INT4OID};
	Datum values[2] = {Int32GetDatum(worker), Int32GetDatum(MyProcPid)};

	if (SPI_execute_with_args("SELECT b.pid FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids($1)) AS b(pid)"
							  " WHERE $2 OPERATOR(pg_catalog.=) ANY (pg_catalog.pg_blocking_pids(b.pid))",
							  2, types, values, NULL, true, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not ask who is in the way");
	if (SPI_processed > 0)
	{
		bool  isnull;
		int32 pid = DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));

		ereport(ERROR,
				(errcode(ERRCODE_T_R_DEADLOCK_DETECTED),
				 errmsg("deadlock with process %d", pid),
				 errdetail("It waits for an exclusive lock on a table of flitmig; the worker waits behind it, and it behind this call."),
				 errhint("Let it finish, then call again: what was done is journalled. A run in the background (wait => false) holds nothing up.")));
	}
	SPI_freetuptable(SPI_tuptable);
}

static bool
waits_for_lock(pid_t pid)
{
	PGPROC *proc = BackendPidGetProc(pid);

	return proc != NULL && (proc->wait_event_info & 0xFF000000) == PG_WAIT_LOCK;
}

/* Waits for the worker's end, telling the client how far it is. */
static void
watch_worker(BackgroundWorkerHandle *handle, int64 cookie, RunView *view, bool until_begun)
{
	TimestampTz last_notice = GetCurrentTimestamp();
	TimestampTz ended = 0;
	char		last_line[512] = "";
	int			stuck_ms = 0;

	for (;;)
	{
		pid_t pid = 0;
		bool  stopped = GetBackgroundWorkerPid(handle, &pid) == BGWH_STOPPED;

		/* asked in this order, what a stopped worker wrote last is seen */
		view_run(cookie, view);
		if (stopped || (until_begun && view->run_id != 0))
			return;
		if (run_ended(view))
		{
			/* its lock goes with its process: the next command must not find it there */
			if (ended == 0)
				ended = GetCurrentTimestamp();
			else if (TimestampDifferenceExceeds(ended, GetCurrentTimestamp(), EXIT_LIMIT_MS))
				return;
		}
		else if (view->line && strcmp(view->line, last_line) != 0 &&
				 GetCurrentTimestamp() - last_notice >= NOTICE_US)
		{
			ereport(NOTICE, (errmsg_internal("%s", view->line)));
			strlcpy(last_line, view->line, sizeof(last_line));
			last_notice = GetCurrentTimestamp();
		}
		stuck_ms = pid != 0 && waits_for_lock(pid) ? stuck_ms + POLL_MS : 0;
		if (stuck_ms >= STUCK_MS)
		{
			check_stuck(pid);
			stuck_ms = 0;
		}
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, POLL_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/* Ctrl-C: ask the worker to stop, and give it time to take in what is under way. */
static void
stop_worker(BackgroundWorkerHandle *handle)
{
	int	  waited_ms;
	pid_t pid;

	HOLD_INTERRUPTS();
	for (waited_ms = 0; waited_ms < STOP_LIMIT_MS; waited_ms += POLL_MS)
	{
		BgwHandleStatus status = GetBackgroundWorkerPid(handle, &pid);

		if (status == BGWH_NOT_YET_STARTED)
			TerminateBackgroundWorker(handle); /* it has done nothing yet */
		if (status != BGWH_STARTED)
			break;
		if (waited_ms == 0 || waited_ms == STOP_AGAIN_MS)
			kill(pid, SIGINT);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, POLL_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
	RESUME_INTERRUPTS();
}

/* Raises what the run ended with; nothing when it is done. */
static void
raise_outcome(const RunView *view)
{
	if (view->run_id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the flitmig worker ended before it could begin"),
				 errhint("The server's log says why; often another worker holds this migration: SELECT * FROM flitmig_status();")));
	if (strcmp(view->state, "done") == 0)
		return;
	if (view->sqlstate != NULL)
		raise_written(view->sqlstate, view->message, view->detail, view->hint);
	ereport(ERROR,
			(errcode(strcmp(view->state, "cancelled") == 0 ? ERRCODE_QUERY_CANCELED : ERRCODE_SYSTEM_ERROR),
			 errmsg("the run was %s", strcmp(view->state, "cancelled") == 0 ? "cancelled" : "interrupted: its worker is gone"),
			 errhint("What was done is journalled: the same call goes on from there.")));
}

/* Takes the order from flitmig._work's arguments and the session's settings. */
static void
fill_order(WorkOrder *order, FunctionCallInfo fcinfo)
{
	memset(order, 0, sizeof(WorkOrder));
	order->database = MyDatabaseId;
	order->role = GetUserId();
	order->migration_id = PG_GETARG_INT32(0);
	text_to_cstring_buffer(PG_GETARG_TEXT_PP(1), order->kind, sizeof(order->kind));
	order->cookie = new_cookie();
	order->size = PG_GETARG_INT32(3);
	order->undo_run = PG_GETARG_INT64(4);
	order->force = PG_GETARG_BOOL(5);
	order->dry_run = PG_GETARG_BOOL(6);
	order->requests_in_flight = flitmig_requests_in_flight;
	order->connect_timeout_ms = flitmig_connect_timeout_ms;
	order->request_timeout_ms = flitmig_request_timeout_ms;
	order->late_window_ms = flitmig_late_window_ms;
	order->answer_limit_mb = flitmig_answer_limit_mb;
}

/*
 * flitmig._work(migration integer, kind text, wait boolean, size integer,
 *				 undo_run bigint, force boolean, dry_run boolean) → bigint
 *
 * Starts the worker and, if asked, waits for its end.  Result: the run's id
 * (with wait => false as soon as the worker has begun).  Errors: the
 * worker's own, no free worker slot, inside a transaction block.
 */
Datum
flitmig_work(PG_FUNCTION_ARGS)
{
	WorkOrder				order;
	BackgroundWorkerHandle *handle;
	RunView					view;
	bool					wait = PG_GETARG_BOOL(2);

	require_top_level("this command");
	require_login(GetUserId());
	if (wait)
		tell_of_timeout();
	fill_order(&order, fcinfo);
	memset(&view, 0, sizeof(view));
	handle = start_worker(&order);
	SPI_connect();
	view.ctx = AllocSetContextCreate(CurrentMemoryContext, "flitmig run view", ALLOCSET_SMALL_SIZES);
	PG_TRY();
	{
		watch_worker(handle, order.cookie, &view, !wait);
	}
	PG_CATCH();
	{
		stop_worker(handle);
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (wait || view.run_id == 0 || run_ended(&view))
		raise_outcome(&view);
	SPI_finish();
	PG_RETURN_INT64(view.run_id);
}
