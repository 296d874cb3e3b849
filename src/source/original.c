/*
 * original.c
 *		flitmig.original: the bytes of what staging cannot hold as it was: cells
 *		with damaged or NUL bytes, and lines above the header.
 *
 * They are gathered and stored many at a time, so that a file of nothing but
 * damage takes little memory and one statement for a thousand cells.
 */
#include "source/source.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define GATHERED	   1000 /* originals */
#define GATHERED_BYTES (1024 * 1024)

struct Originals
{
	MemoryContext context;
	int			  count;
	size_t		  bytes;
	Datum		  lines[GATHERED];
	Datum		  columns[GATHERED];
	bool		  no_column[GATHERED];
	Datum		  raws[GATHERED];
};

static void
add_array(SqlArguments *args, Oid type, Datum *values, bool *nulls, int count, Oid element, int length, bool by_value, char align)
{
	int dims[1] = {count};
	int least[1] = {1};

	sql_datum(args, type, PointerGetDatum(construct_md_array(values, nulls, 1, dims, least, element, length, by_value, align)));
}

/* Stores what was gathered. */
void
originals_store(SourceFile *file)
{
	struct Originals *originals = file->originals;
	SqlArguments	  args = {0};
	MemoryContext	  old;

	if (originals == NULL || originals->count == 0)
		return;
	old = MemoryContextSwitchTo(originals->context);
	sql_int(&args, file->id);
	add_array(&args, INT8ARRAYOID, originals->lines, NULL, originals->count, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
	add_array(&args, TEXTARRAYOID, originals->columns, originals->no_column, originals->count, TEXTOID, -1, false, TYPALIGN_INT);
	add_array(&args, BYTEAARRAYOID, originals->raws, NULL, originals->count, BYTEAOID, -1, false, TYPALIGN_INT);
	sql_run("INSERT INTO flitmig.original (file_id, line_no, column_name, raw) "
			"SELECT $1, o.line_no, o.column_name, o.raw FROM unnest($2, $3, $4) AS o(line_no, column_name, raw)",
			&args);
	MemoryContextSwitchTo(old);
	MemoryContextReset(originals->context);
	originals->count = 0;
	originals->bytes = 0;
}

/* One that would burst an array is stored by itself. */
static void
store_long(SourceFile *file, int64 line, const char *column, const char *data, size_t length)
{
	SqlArguments args = {0};

	originals_store(file);
	sql_int(&args, file->id);
	sql_bigint(&args, line);
	sql_text(&args, column);
	sql_bytes(&args, data, length);
	sql_run("INSERT INTO flitmig.original (file_id, line_no, column_name, raw) VALUES ($1, $2, $3, $4)", &args);
	pfree(DatumGetPointer(args.values[3]));
}

/* Keeps bytes as the reader gave them; column: NULL for a whole line. */
void
original_keep(SourceFile *file, int64 line, const char *column, const char *data, size_t length)
{
	struct Originals *originals = file->originals;
	MemoryContext	  old;

	if (originals == NULL)
	{
		originals = file->originals = palloc(sizeof(struct Originals));
		originals->context = AllocSetContextCreate(CurrentMemoryContext, "flitmig originals", ALLOCSET_DEFAULT_SIZES);
		originals->count = 0;
		originals->bytes = 0;
	}
	data = file_bytes(file, data, &length);
	if (length > GATHERED_BYTES)
		store_long(file, line, column, data, length);
	else
	{
		bytea *raw;

		old = MemoryContextSwitchTo(originals->context);
		raw = palloc(length + VARHDRSZ);
		SET_VARSIZE(raw, length + VARHDRSZ);
		memcpy(VARDATA(raw), data, length);
		originals->lines[originals->count] = Int64GetDatum(line);
		originals->columns[originals->count] = column ? CStringGetTextDatum(column) : (Datum) 0;
		originals->no_column[originals->count] = column == NULL;
		originals->raws[originals->count++] = PointerGetDatum(raw);
		originals->bytes += length;
		MemoryContextSwitchTo(old);
		if (originals->count == GATHERED || originals->bytes > GATHERED_BYTES)
			originals_store(file);
	}
}

/* Tells of a cell that is staged with U+FFFD. */
void
damage_found(SourceFile *file, int64 line, const char *column, const Damage *damage)
{
	if (damage->invalid > 0)
		finding_add_column(&file->findings, "warning", "DAMAGED_TEXT", line, column,
						   "Cells hold bytes that mean nothing in the file's encoding, or halves of characters; they are staged as U+FFFD, flitmig.original has the bytes",
						   "If all accents look wrong, name the encoding: options => '{\"encoding\": \"windows-1252\", \"again\": true}'");
	if (damage->nuls > 0)
		finding_add_column(&file->findings, "info", "NUL_BYTES", line, column,
						   "Cells hold NUL bytes; they are staged as U+FFFD, flitmig.original has the bytes", NULL);
}

/* Tells of such a cell and keeps its bytes; of one that is not damaged neither. */
void
original_keep_damaged(SourceFile *file, int64 line, const char *column, const char *data, size_t length, const Damage *damage)
{
	if (damage->invalid == 0 && damage->nuls == 0)
		return;
	damage_found(file, line, column, damage);
	original_keep(file, line, column, data, length);
}

/* What the reader gave as the bytes that stand in the file; good until it is asked again. */
const char *
file_bytes(SourceFile *file, const char *data, size_t *length)
{
	if (file->converted_from == NULL)
		return data ? data : "";
	file->restored.length = 0;
	if (!encoding_restore(file->converted_from, data, *length, &file->restored))
		out_of_memory();
	*length = file->restored.length;
	return file->restored.data ? file->restored.data : "";
}
