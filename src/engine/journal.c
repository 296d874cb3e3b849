/*
 * journal.c
 *		What the pump asks the journal, and tells it: a statement each, in a
 *		transaction of its own.  The statements' functions are in 10-run.sql and
 *		20-batch.sql.
 */
#include "engine/journal.h"

#include <unistd.h>

#include "access/xact.h"
#include "source/source.h"
#include "utils/memutils.h"

void
journal_init(Journal *journal, int64 run_id, MemoryContext ctx)
{
	memset(journal, 0, sizeof(Journal));
	journal->run_id = run_id;
	journal->ctx = ctx;
	journal->opened_ctx = AllocSetContextCreate(ctx, "flitmig request", ALLOCSET_DEFAULT_SIZES);
}

/* A column of the one row that a statement gave, as text in that context; or NULL. */
static char *
row_text(MemoryContext ctx, int column)
{
	char *value = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column);

	return value ? MemoryContextStrdup(ctx, value) : NULL;
}

Datum
row_datum(int column)
{
	bool  isnull;
	Datum value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? (Datum) 0 : value;
}

/* ---- phases ---- */

/* The next phase becomes the current one. */
void
journal_enter_phase(Journal *journal)
{
	Oid	  types[] = {INT8OID};
	Datum values[1] = {Int64GetDatum(journal->run_id)};

	worker_begin(true);
	if (SPI_execute_with_args("SELECT phase, metered, serial FROM flitmig._phase_enter($1)",
							  1, types, values, NULL, false, 1) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not enter a phase");
	journal->phase = row_text(journal->ctx, 1);
	journal->metered = DatumGetBool(row_datum(2));
	journal->serial = DatumGetBool(row_datum(3));
	worker_commit();
}

void
journal_plan_phase(Journal *journal, int *batches, int *hold_ms)
{
	Oid	  types[] = {INT8OID, TEXTOID};
	Datum values[2];

	worker_begin(true);
	values[0] = Int64GetDatum(journal->run_id);
	values[1] = CStringGetTextDatum(journal->phase);
	if (SPI_execute_with_args("SELECT batches, hold_ms FROM flitmig._phase_plan($1, $2)", 2, types, values, NULL, false, 1) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not plan a phase");
	*batches = DatumGetInt32(row_datum(1));
	*hold_ms = DatumGetInt32(row_datum(2));
	worker_commit();
}

/* ---- batches ---- */

static void
prepare_next(Journal *journal)
{
	Oid types[] = {INT8OID, TEXTOID};

	journal->next_plan = SPI_prepare("SELECT batch_id, roots, transport, path, body, file_path, file_name, content_type, file_map, file_size, file_sha256"
									 " FROM flitmig._batch_next($1, $2)",
									 2, types);
	if (journal->next_plan == NULL || SPI_keepplan(journal->next_plan) != 0)
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
request_read(Journal *journal)
{
	Request *request = MemoryContextAllocZero(journal->opened_ctx, sizeof(Request));

	request->batch_id = DatumGetInt64(row_datum(1));
	request->roots = DatumGetInt32(row_datum(2));
	request->transport = row_text(journal->opened_ctx, 3);
	request->path = row_text(journal->opened_ctx, 4);
	request->body = row_text(journal->opened_ctx, 5);
	request->file_name = row_text(journal->opened_ctx, 7);
	request->content_type = row_text(journal->opened_ctx, 8);
	request->file_map = row_text(journal->opened_ctx, 9);
	request->file = -1;
	file_open(request, row_text(journal->opened_ctx, 6), DatumGetInt64(row_datum(10)), row_datum(11));
	return request;
}

/* They are opened in one transaction: their intents are on disk together. */
int
journal_open_batches(Journal *journal, bool cancellable, int most, Request **opened)
{
	Datum values[2];
	int	  count = 0;

	MemoryContextReset(journal->opened_ctx);
	worker_begin(cancellable);
	if (journal->next_plan == NULL)
		prepare_next(journal);
	values[0] = Int64GetDatum(journal->run_id);
	values[1] = CStringGetTextDatum(journal->phase);
	while (count < most)
	{
		if (SPI_execute_plan(journal->next_plan, values, NULL, false, 1) != SPI_OK_SELECT)
			elog(ERROR, "could not open a batch");
		if (SPI_processed != 1)
			break;
		opened[count++] = request_read(journal);
		SPI_freetuptable(SPI_tuptable);
	}
	worker_commit();
	return count;
}

/* They were opened and will not be sent. */
void
journal_take_back(Request *const *unsent, int count)
{
	Oid types[] = {INT8OID};

	worker_begin(false);
	for (int i = 0; i < count; i++)
	{
		Datum values[1] = {Int64GetDatum(unsent[i]->batch_id)};

		if (unsent[i]->file >= 0)
			close(unsent[i]->file);
		if (SPI_execute_with_args("SELECT flitmig._batch_unsent($1)", 1, types, values, NULL, false, 0) != SPI_OK_SELECT)
			elog(ERROR, "could not take a batch back");
	}
	worker_commit();
}

/* ---- answers ---- */

/* Sets an argument that may be missing. */
static void
set_text(Datum *values, char *nulls, int i, const char *text)
{
	if (text)
		values[i] = CStringGetTextDatum(text);
	else
		nulls[i] = 'n';
}

/* What _batch_answer replied. */
static void
answer_read_reply(Journal *journal, AfterAnswer *after)
{
	if (SPI_processed != 1)
		elog(ERROR, "the journal did not reply");
	after->hold_ms = DatumGetInt32(row_datum(1));
	after->sqlstate = row_text(journal->ctx, 2);
	after->message = row_text(journal->ctx, 3);
	after->detail = row_text(journal->ctx, 4);
	after->hint = row_text(journal->ctx, 5);
}

static void
prepare_answer(Journal *journal)
{
	Oid types[] = {INT8OID, TEXTOID, INT4OID, INT4OID, TEXTOID, TEXTOID, INT4OID, INT4OID,
				   INT4OID, TEXTOID, TEXTOID, BOOLOID, TEXTOID, INT4OID};

	journal->answer_plan = SPI_prepare("SELECT hold_ms, sqlstate, message, detail, hint FROM flitmig._batch_answer"
									   "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
									   14, types);
	if (journal->answer_plan == NULL || SPI_keepplan(journal->answer_plan) != 0)
		elog(ERROR, "could not prepare the journal's answer");
}

/* Commits what an answer means. */
void
journal_write_answer(Journal *journal, int64 batch_id, const HttpAnswer *http, const Answer *answer, AfterAnswer *after)
{
	Datum values[14];
	char  nulls[14];

	memset(nulls, ' ', sizeof(nulls));
	worker_begin(false);
	if (journal->answer_plan == NULL)
		prepare_answer(journal);
	values[0] = Int64GetDatum(batch_id);
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
	if (SPI_execute_plan(journal->answer_plan, values, nulls, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not write an answer down");
	answer_read_reply(journal, after);
	worker_commit();
}
