/*
 * loader.c
 *		Rows into a staging table, in bulk through its table access method.
 *
 * A row's cells are set one by one in any order; loader_row hashes them and
 * queues the row, and a full queue goes to table_multi_insert.  The memory of
 * a batch is one context that is reset when the batch is in.
 */
#include "source/source.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#define BATCH_ROWS		 256 /* a slot each, which a small file makes for itself alone */
#define BATCH_BYTES		 (1024 * 1024)
#define PROGRESS_SECONDS 5	 /* between two notices */
#define CENSUS_ROWS		 128 /* shown to the census at once: they and its counts stay in the cache */

/* Rows of fewer columns always fit a page: each takes at most a TOAST pointer. */
#define SURE_COLUMNS 300
#define REJECT_BYTES (64 * 1024 * 1024) /* of a raw row that are kept */

typedef struct DamagedCell
{
	int			column;
	const char *data; /* as the reader gave it */
	size_t		length;
	Damage		damage;
} DamagedCell;

struct Loader
{
	Import		   *import;
	SourceFile	   *file;
	Relation		rel;
	int			   *attribute; /* index in cells of each column of the file */
	int				width;	   /* columns of the table behind the fixed ones */
	TupleCell	   *cells;	   /* of the row, in the table's order */
	uint64		   *seed;	   /* of each column's name, for the row hash */
	Census		   *census;
	void		  **counts;			 /* the census's handle of each column; NULL: not of this file */
	CensusCell	   *uncounted;		 /* CENSUS_ROWS of each column */
	int			   *uncounted_cells; /* of each column */
	int				uncounted_rows;
	TupleTableSlot *slots[BATCH_ROWS];
	int				queued;
	size_t			batch_bytes;
	size_t			row_bytes;
	bool			row_open;
	MemoryContext	batch;
	BulkInsertState bulk;
	CommandId		command;
	int				options;
	EState		   *estate; /* only when somebody has put an index on the table */
	ResultRelInfo  *result;
	Bytes			text;	 /* a decoded cell */
	DamagedCell	   *damaged; /* of the row */
	int				damaged_count;
	int				damaged_size;
	TimestampTz		started;
	TimestampTz		told;
};

/* ---- the table ---- */

static void
create_table(Import *import, SourceFile *file)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE TABLE %s.%s (_file integer NOT NULL, _line bigint NOT NULL, _hash bigint NOT NULL",
					 quote_identifier(import->schema), quote_identifier(file->table));
	for (int i = 0; i < file->column_count; i++)
		appendStringInfo(&sql, ", %s text", quote_identifier(file->columns[i]));
	appendStringInfoChar(&sql, ')');
	sql_run_once(sql.data);
	resetStringInfo(&sql);
	appendStringInfo(&sql, "COMMENT ON TABLE %s.%s IS %s", quote_identifier(import->schema), quote_identifier(file->table),
					 quote_literal_cstr(psprintf("Staged rows of migration %s: text as it was exported; _file: flitmig.source_file, _line: where the row starts",
												 import->migration_name)));
	sql_run_once(sql.data);
}

static void
add_columns(Import *import, SourceFile *file, Oid relid)
{
	StringInfoData sql;
	int			   added = 0;

	initStringInfo(&sql);
	appendStringInfo(&sql, "ALTER TABLE %s.%s", quote_identifier(import->schema), quote_identifier(file->table));
	for (int i = 0; i < file->column_count; i++)
		if (get_attnum(relid, file->columns[i]) == InvalidAttrNumber)
			appendStringInfo(&sql, "%s ADD COLUMN %s text", added++ ? "," : "", quote_identifier(file->columns[i]));
	if (added > 0)
		sql_run_once(sql.data);
}

/* Cells that no row has are NULL, and rows go past what checks that. */
static bool
has_required_cell(Relation rel)
{
	for (int i = FIXED_COLUMNS; i < RelationGetDescr(rel)->natts; i++)
		if (TupleDescAttr(RelationGetDescr(rel), i)->attnotnull)
			return true;
	return false;
}

/* A staging table is a plain table that nobody has made do more than hold rows. */
static void
check_table(Relation rel)
{
	AclResult	acl = pg_class_aclcheck(RelationGetRelid(rel), GetUserId(), ACL_INSERT);
	const char *trouble = NULL;

	if (acl != ACLCHECK_OK)
		aclcheck_error(acl, OBJECT_TABLE, RelationGetRelationName(rel));
	if (rel->rd_rel->relkind != RELKIND_RELATION)
		trouble = "it is not a plain table";
	else if (rel->trigdesc != NULL)
		trouble = "it has triggers";
	else if (rel->rd_att->constr && (rel->rd_att->constr->num_check > 0 || rel->rd_att->constr->has_generated_stored || has_required_cell(rel)))
		trouble = "it has constraints or generated columns";
	else if (rel->rd_rel->relrowsecurity)
		trouble = "it has row security";
	if (trouble)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("cannot stage rows in table \"%s\": %s", RelationGetRelationName(rel), trouble),
						errhint("Put that on a view or a copy of the table, or name another table: "
								"SELECT * FROM flitmig_import(…, options => '{\"table\": \"…\"}');")));
}

static void
map_columns(Loader *loader, SourceFile *file)
{
	Oid		  relid = RelationGetRelid(loader->rel);
	TupleDesc desc = RelationGetDescr(loader->rel);

	loader->attribute = palloc(sizeof(int) * Max(file->column_count, 1));
	loader->width = desc->natts - FIXED_COLUMNS;
	loader->cells = palloc0(sizeof(TupleCell) * Max(loader->width, 1));
	loader->seed = palloc0(sizeof(uint64) * Max(loader->width, 1));
	for (int i = 0; i < loader->width; i++)
		loader->cells[i].plain_storage = TupleDescAttr(desc, i + FIXED_COLUMNS)->attstorage == TYPSTORAGE_PLAIN;
	for (int i = 0; i < file->column_count; i++)
	{
		AttrNumber number = get_attnum(relid, file->columns[i]);

		if (number == InvalidAttrNumber || TupleDescAttr(desc, number - 1)->atttypid != TEXTOID)
			ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
							errmsg("column \"%s\" of staging table \"%s\" is not of type text", file->columns[i], file->table),
							errhint("Give it back its type: ALTER TABLE … ALTER COLUMN … TYPE text;")));
		loader->attribute[i] = number - 1 - FIXED_COLUMNS;
		loader->seed[loader->attribute[i]] = name_seed(file->columns[i]);
	}
	for (int i = 0; i < FIXED_COLUMNS; i++)
	{
		static const char *const fixed[] = {"_file", "_line", "_hash"};

		if (get_attnum(relid, fixed[i]) != i + 1)
			ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
							errmsg("table \"%s\" of the staging schema was not made by flitmig_import", file->table),
							errhint("Rename it: ALTER TABLE … RENAME TO …;")));
	}
}

static void
open_census(Loader *loader, SourceFile *file)
{
	void **handles = palloc(sizeof(void *) * Max(file->column_count, 1));

	loader->census = census_open(loader->import, file, handles);
	loader->counts = palloc0(sizeof(void *) * Max(loader->width, 1));
	for (int i = 0; i < file->column_count; i++)
		loader->counts[loader->attribute[i]] = handles[i];
	loader->uncounted = palloc(sizeof(CensusCell) * Max(loader->width, 1) * CENSUS_ROWS);
	loader->uncounted_cells = palloc0(sizeof(int) * Max(loader->width, 1));
	pfree(handles);
}

static void
release_text(void *object)
{
	bytes_free(object);
}

static void
open_indexes(Loader *loader)
{
	loader->estate = CreateExecutorState();
	loader->result = makeNode(ResultRelInfo);
	InitResultRelInfo(loader->result, loader->rel, 0, NULL, 0);
	ExecOpenIndices(loader->result, false);
	estate_set_result(loader->estate, loader->result);
}

Loader *
loader_open(Import *import, SourceFile *file)
{
	Loader *loader = palloc0(sizeof(Loader));
	Oid		schema = get_namespace_oid(import->schema, false);
	Oid		relid = get_relname_relid(file->table, schema);

	if (!OidIsValid(relid))
		create_table(import, file);
	else
		add_columns(import, file, relid);
	relid = get_relname_relid(file->table, schema);

	loader->import = import;
	loader->file = file;
	loader->rel = table_open(relid, RowExclusiveLock);
	check_table(loader->rel);
	map_columns(loader, file);
	open_census(loader, file);
	guard(release_text, &loader->text);
	loader->batch = AllocSetContextCreate(CurrentMemoryContext, "flitmig staging batch", ALLOCSET_DEFAULT_SIZES);
	loader->bulk = GetBulkInsertState();
	loader->command = GetCurrentCommandId(true);
	loader->options = TABLE_INSERT_SKIP_FSM;
	loader->started = loader->told = GetCurrentTimestamp();
	if (loader->rel->rd_rel->relhasindex)
		open_indexes(loader);
	return loader;
}

/* ---- rows ---- */

static void
insert_indexes(Loader *loader, TupleTableSlot *slot)
{
	list_free(insert_index_tuples(loader->result, slot, loader->estate));
	ResetPerTupleExprContext(loader->estate);
}

/* Tells how far a long import is. */
static void
tell_progress(Loader *loader)
{
	static const char bar[] = "####################--------------------";
	SourceFile		 *file = loader->file;
	Input			 *input = file->read_from;
	TimestampTz		  now = GetCurrentTimestamp();
	double			  part = input && input->bytes > 0 ? (double) input->position / (double) input->bytes : 0;
	double			  seconds = (double) (now - loader->started) / USECS_PER_SEC;

	if (now - loader->told < PROGRESS_SECONDS * USECS_PER_SEC)
		return;
	loader->told = now;
	ereport(NOTICE, (errmsg("%s [%.20s] %.0f %%, " INT64_FORMAT " rows, %.0f rows/s, %.0f s left", file->name,
							bar + 20 - (int) (Min(part, 1) * 20), part * 100, file->rows_loaded,
							(double) file->rows_loaded / seconds, part > 0 ? seconds / part - seconds : 0)));
}

/* Shows the rows that it has not seen to the census, column by column. */
static void
count_rows(Loader *loader)
{
	for (int i = 0; i < loader->width; i++)
		if (loader->uncounted_cells[i] > 0)
		{
			census_cells(loader->census, loader->counts[i], &loader->uncounted[i * CENSUS_ROWS], loader->uncounted_cells[i]);
			loader->uncounted_cells[i] = 0;
		}
	census_rows(loader->census, loader->uncounted_rows);
	loader->uncounted_rows = 0;
}

static void
flush(Loader *loader)
{
	MemoryContext old;

	count_rows(loader);
	old = MemoryContextSwitchTo(loader->batch);
	if (loader->queued > 0)
		table_multi_insert(loader->rel, loader->slots, loader->queued, loader->command, loader->options, loader->bulk);
	for (int i = 0; i < loader->queued; i++)
	{
		if (loader->result)
			insert_indexes(loader, loader->slots[i]);
		ExecClearTuple(loader->slots[i]);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(loader->batch);
	loader->queued = 0;
	loader->batch_bytes = 0;
	tell_progress(loader);
	CHECK_FOR_INTERRUPTS();
}

static void
begin_row(Loader *loader)
{
	for (int i = 0; i < loader->width; i++)
		loader->cells[i].data = NULL;
	loader->row_bytes = 0;
	loader->row_open = true;
	loader->damaged_count = 0;
}

void
loader_cell(Loader *loader, int column, const char *data, size_t length)
{
	TupleCell *cell = &loader->cells[loader->attribute[column]];

	if (!loader->row_open)
		begin_row(loader);
	cell->data = data;
	cell->length = length;
	loader->row_bytes += length;
}

void
loader_copy(Loader *loader, int column, const char *data, size_t length)
{
	char *copy;

	if (!loader->row_open)
		begin_row(loader);
	copy = MemoryContextAllocHuge(loader->batch, Max(length, 1));
	if (length > 0)
		memcpy(copy, data, length);
	loader_cell(loader, column, copy, length);
}

void
loader_damage(Loader *loader, int column, const char *data, size_t length, const Damage *damage)
{
	if (damage->invalid == 0 && damage->nuls == 0)
		return;
	if (!loader->row_open)
		begin_row(loader);
	if (loader->damaged_count == loader->damaged_size)
	{
		loader->damaged_size = Max(loader->damaged_size * 2, 16);
		loader->damaged = loader->damaged ? repalloc(loader->damaged, sizeof(DamagedCell) * loader->damaged_size)
										  : palloc(sizeof(DamagedCell) * loader->damaged_size);
	}
	loader->damaged[loader->damaged_count++] = (DamagedCell){column, data, length, *damage};
}

/* Sets a cell to bytes in the file's encoding; what is damaged is marked, and its bytes are kept. */
void
loader_text(Loader *loader, int column, const Encoding *encoding, const char *data, size_t length)
{
	Damage damage = {0};

	if (!loader->row_open)
		begin_row(loader);
	if (text_is_plain(encoding, data, length))
	{
		loader_cell(loader, column, data, length);
		return;
	}
	loader->text.length = 0;
	if (!text_decode(encoding, data, length, &loader->text, &damage))
		out_of_memory();
	loader_damage(loader, column, data, length, &damage);
	loader_copy(loader, column, loader->text.data, loader->text.length);
}

void
loader_forget_row(Loader *loader)
{
	loader->row_open = false;
}

/* Bytes that the row needs at least inside its page: what is long can move out to TOAST. */
static size_t
least_size(const Loader *loader)
{
	size_t size = 24 + loader->width / 8 + 24;

	for (int i = 0; i < loader->width; i++)
		if (loader->cells[i].data)
			size += Min(loader->cells[i].length + 1, 24);
	return size;
}

/* A sum: the order of the columns, and columns that are empty, do not matter. */
static uint64
hash_row(Loader *loader)
{
	uint64 sum = 0;

	for (int i = 0; i < loader->width; i++)
	{
		TupleCell  *cell = &loader->cells[i];
		CensusCell *uncounted;

		if (cell->data == NULL)
			continue;
		uncounted = &loader->uncounted[i * CENSUS_ROWS + loader->uncounted_cells[i]];
		uncounted->hash = value_hash(cell->data, cell->length, loader->seed[i]);
		uncounted->length = (int) cell->length;
		sum += uncounted->hash;
	}
	return sum;
}

/* Keeps the cells, which stand in a tuple now, for the census. */
static void
keep_for_census(Loader *loader)
{
	for (int i = 0; i < loader->width; i++)
		if (loader->cells[i].data)
			loader->uncounted[i * CENSUS_ROWS + loader->uncounted_cells[i]++].data = loader->cells[i].data;
	if (++loader->uncounted_rows == CENSUS_ROWS)
		count_rows(loader);
}

static void
report_damage(Loader *loader, int64 line)
{
	for (int i = 0; i < loader->damaged_count; i++)
	{
		DamagedCell *cell = &loader->damaged[i];

		original_keep_damaged(loader->file, line, loader->file->columns[cell->column], cell->data, cell->length, &cell->damage);
	}
}

/* Puts the row behind those that wait to be inserted. */
static void
queue_row(Loader *loader, int64 line)
{
	MemoryContext	old = MemoryContextSwitchTo(loader->batch);
	TupleTableSlot *slot = loader->slots[loader->queued];
	uint64			hash = hash_row(loader);
	HeapTuple		tuple = form_tuple(loader->file->id, line, (int64) hash, loader->cells, loader->width);

	MemoryContextSwitchTo(old);
	if (slot == NULL)
		slot = loader->slots[loader->queued] = MakeSingleTupleTableSlot(RelationGetDescr(loader->rel), &TTSOpsHeapTuple);
	ExecStoreHeapTuple(tuple, slot, true);
	slot->tts_tableOid = RelationGetRelid(loader->rel);
	loader->queued++;
	keep_for_census(loader);
}

bool
loader_row(Loader *loader, int64 line)
{
	if (!loader->row_open)
		begin_row(loader);
	loader->row_open = false;
	if ((loader->width > SURE_COLUMNS && least_size(loader) > 8000) || loader->row_bytes > MaxAllocSize - 1024 * 1024)
		return false;
	report_damage(loader, line);
	queue_row(loader, line);
	loader->batch_bytes += loader->row_bytes;
	loader->file->rows_loaded++;
	if (loader->queued == BATCH_ROWS || loader->batch_bytes > BATCH_BYTES)
		flush(loader);
	return true;
}

void
loader_close(Loader *loader)
{
	flush(loader);
	census_close(loader->import, loader->census);
	FreeBulkInsertState(loader->bulk);
	table_finish_bulk_insert(loader->rel, loader->options);
	for (int i = 0; i < BATCH_ROWS && loader->slots[i]; i++)
		ExecDropSingleTupleTableSlot(loader->slots[i]);
	if (loader->result)
	{
		ExecCloseIndices(loader->result);
		FreeExecutorState(loader->estate);
	}
	table_close(loader->rel, NoLock);
	MemoryContextDelete(loader->batch);
	CommandCounterIncrement();
}

/* Keeps a row that cannot be staged, byte for byte. */
void
loader_reject(SourceFile *file, int64 line, const char *reason, const char *raw, size_t length)
{
	SqlArguments args = {0};

	raw = file_bytes(file, raw, &length);
	if (length > REJECT_BYTES)
	{
		reason = psprintf("%s (the first 64 MB are kept)", reason);
		length = REJECT_BYTES;
	}
	sql_int(&args, file->id);
	sql_bigint(&args, line);
	sql_text(&args, reason);
	sql_bytes(&args, raw, length);
	sql_run("INSERT INTO flitmig.reject (file_id, line_no, reason, raw) VALUES ($1, $2, $3, $4)", &args);
	pfree(DatumGetPointer(args.values[3]));
	pfree(DatumGetPointer(args.values[2]));
	file->rows_rejected++;
}
