/*
 * sql.c
 *		Statements on the catalog, with arguments that are added one by one.
 *
 * A thousand small files run the same dozen of statements a thousand times, so
 * their plans are kept for the session: parsing and planning took nine tenths
 * of the time of a small file.
 */
#include "source/source.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"

static void
add(SqlArguments *args, Oid type, Datum value, bool is_null)
{
	Assert(args->count < SQL_ARGUMENTS);
	args->types[args->count] = type;
	args->values[args->count] = value;
	args->nulls[args->count] = is_null ? 'n' : ' ';
	args->count++;
}

void
sql_text(SqlArguments *args, const char *value)
{
	add(args, TEXTOID, value ? CStringGetTextDatum(value) : (Datum) 0, value == NULL);
}

void
sql_int(SqlArguments *args, int value)
{
	add(args, INT4OID, Int32GetDatum(value), false);
}

void
sql_bigint(SqlArguments *args, int64 value)
{
	add(args, INT8OID, Int64GetDatum(value), false);
}

void
sql_bytes(SqlArguments *args, const void *data, size_t length)
{
	bytea *bytes = palloc(length + VARHDRSZ);

	SET_VARSIZE(bytes, length + VARHDRSZ);
	memcpy(VARDATA(bytes), data, length);
	add(args, BYTEAOID, PointerGetDatum(bytes), false);
}

void
sql_datum(SqlArguments *args, Oid type, Datum value)
{
	add(args, type, value, false);
}

void
sql_jsonb(SqlArguments *args, Jsonb *value)
{
	add(args, JSONBOID, PointerGetDatum(value), value == NULL);
}

void
sql_texts(SqlArguments *args, char *const *values, int count)
{
	Datum *items = palloc(sizeof(Datum) * Max(count, 1));

	for (int i = 0; i < count; i++)
		items[i] = CStringGetTextDatum(values[i]);
	add(args, TEXTARRAYOID, PointerGetDatum(construct_array(items, count, TEXTOID, -1, false, TYPALIGN_INT)), false);
}

#define PLANS 64 /* statements that are kept; the sources hold about half as many */

static struct
{
	const char *sql; /* a literal, known by its address */
	SPIPlanPtr	plan;
} plans[PLANS];
static int plan_count = 0;

/* The plan of a literal; the same for all arguments, which are keys. */
static SPIPlanPtr
plan_of(const char *sql, SqlArguments *args)
{
	SPIPlanPtr plan;

	for (int i = 0; i < plan_count; i++)
		if (plans[i].sql == sql)
			return plans[i].plan;
	plan = SPI_prepare_cursor(sql, args ? args->count : 0, args ? args->types : NULL, CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL)
		elog(ERROR, "could not prepare a statement on the catalog: %s", SPI_result_code_string(SPI_result));
	if (plan_count < PLANS)
	{
		SPI_keepplan(plan);
		plans[plan_count].sql = sql;
		plans[plan_count++].plan = plan;
	}
	return plan;
}

static uint64
rows_of(int code, MemoryContext context)
{
	MemoryContextSwitchTo(context);
	if (code < 0)
		elog(ERROR, "could not run a statement on the catalog: %s", SPI_result_code_string(code));
	return SPI_processed;
}

/* Runs a statement, which must be a literal; how many rows it gave.  They stand in SPI_tuptable until the next one. */
uint64
sql_run(const char *sql, SqlArguments *args)
{
	MemoryContext context = CurrentMemoryContext;

	return rows_of(SPI_execute_plan(plan_of(sql, args), args ? args->values : NULL, args ? args->nulls : NULL, false, 0), context);
}

/* The same for one that was put together. */
uint64
sql_run_once(const char *sql)
{
	MemoryContext context = CurrentMemoryContext;

	return rows_of(SPI_execute(sql, false, 0), context);
}

/* A column (from 1) of a row (from 0) as text in the current context; NULL for NULL. */
char *
sql_value(uint64 row, int column)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}
