/*
 * engine.h
 *		Door of the room that does the work: a background worker that pumps
 *		calls from the journal to Twenty and answers back into it.
 */
#ifndef FLITMIG_ENGINE_H
#define FLITMIG_ENGINE_H

#include <signal.h>

#include "flitmig.h"

/* What a worker is asked to do; travels in bgw_extra, so it must stay small. */
typedef struct WorkOrder
{
	Oid	  database;
	Oid	  role; /* the caller: the worker runs with exactly these rights */
	int32 migration_id;
	char  kind[16]; /* flitmig.run.kind */
	int64 cookie;	/* lets the caller find the run row that the worker writes */
	int32 size;		/* sample: records wanted */
	int64 undo_run; /* rollback: only this run, 0 = all */
	bool  force;	/* rollback: also what a person has changed */
	bool  dry_run;	/* rollback: plan only */

	/* the caller's settings: what was SET in the session holds for its worker too */
	int32 requests_in_flight;
	int32 connect_timeout_ms;
	int32 request_timeout_ms;
	int32 late_window_ms;
	int32 answer_limit_mb;
} WorkOrder;

/* Set by SIGINT in a worker: open nothing more, take in what is under way, stop. */
extern volatile sig_atomic_t worker_stop_requested;

/* Runs every phase of a run; ereports on failure.  In pump.c. */
extern void pump_run(int64 run_id, const char *server, MemoryContext ctx);

/*
 * One transaction around SPI work in the worker.  cancellable: no call is
 * under way, so SIGINT may cancel its statement.  In worker.c.
 */
extern void worker_begin(bool cancellable);
extern void worker_commit(void);

/* Raises an error that SQL has told or that a run row keeps: detail and hint may be NULL. */
pg_noreturn extern void raise_written(const char *sqlstate, const char *message, const char *detail, const char *hint);

#endif /* FLITMIG_ENGINE_H */
