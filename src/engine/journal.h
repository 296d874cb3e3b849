/*
 * journal.h
 *		Between pump.c (pace and order) and journal.c (what it asks SQL).
 */
#ifndef FLITMIG_JOURNAL_H
#define FLITMIG_JOURNAL_H

#include "engine/engine.h"

#include "executor/spi.h"
#include "twenty/twenty.h"

/* The journal of one run, and the phase that it is in. */
typedef struct Journal
{
	int64		  run_id;
	char		 *phase;	  /* NULL: the run is complete */
	bool		  metered;	  /* calls of this phase take tokens */
	bool		  serial;	  /* one call of this phase at a time */
	MemoryContext ctx;		  /* lives as long as the run */
	MemoryContext opened_ctx; /* holds the requests opened last */
	SPIPlanPtr	  next_plan;
	SPIPlanPtr	  answer_plan;
} Journal;

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

/* What the journal wants after an answer was written down. */
typedef struct AfterAnswer
{
	int	  hold_ms;	/* do not send before */
	char *sqlstate; /* the run must end with this error; NULL: go on */
	char *message;
	char *detail;
	char *hint;
} AfterAnswer;

extern void journal_init(Journal *journal, int64 run_id, MemoryContext ctx);
extern void journal_enter_phase(Journal *journal);

/* Plans the phase: how many batches, and how long (ms) none may be sent. */
extern void journal_plan_phase(Journal *journal, int *batches, int *hold_ms);

/*
 * Opens planned batches, at most so many; how many there were.  The requests
 * are good until it is called again.  cancellable: see worker_begin.
 */
extern int	journal_open_batches(Journal *journal, bool cancellable, int most, Request **opened);
extern void journal_take_back(Request *const *unsent, int count);
extern void journal_write_answer(Journal *journal, int64 batch_id, const HttpAnswer *http, const Answer *answer, AfterAnswer *after);

/* A column, from 1, of the one row that a statement gave; NULL is 0. */
extern Datum row_datum(int column);

#endif /* FLITMIG_JOURNAL_H */
