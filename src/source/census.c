/*
 * census.c
 *		What the live rows of a staging table hold, column by column.
 *
 * The loader shows each row on its way into the table.  When live rows are
 * there from an earlier import too, the table is scanned instead.
 *
 * A column starts as a list of values with their counts, as code lists are;
 * when it has too many, or a long one, it becomes a set of hashes that counts
 * them exactly, and in the end an estimate:
 *
 *		 VALUES ──more than KEPT_VALUES──▶ SET ──more than EXACT_VALUES──▶ ESTIMATE
 */
#include "source/source.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "lib/hyperloglog.h"
#include "miscadmin.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#define EXACT_VALUES 10000 /* distinct values that are counted one by one, where there is room */
#define KEPT_VALUES	 200   /* distinct values up to which they are kept */
#define KEPT_BYTES	 200   /* length up to which they are kept */
#define TOP_VALUES	 20
#define FIRST_SLOTS	 64

/* Counts of all tables of an import; what is beyond it is scanned for in the end. */
#define MEMORY_LIMIT ((Size) 32 * 1024 * 1024)

/* In a wide table a column's set must not take more than its share of this. */
#define SETS_LIMIT ((Size) 16 * 1024 * 1024)

typedef struct Distinct
{
	uint64 hash; /* 0: free */
	int64  count;
	char  *text;
	uint16 shape; /* ShapeKind and flags, see pack_shape */
} Distinct;

typedef enum Stage
{
	STAGE_VALUES,
	STAGE_SET,
	STAGE_ESTIMATE
} Stage;

typedef struct Column
{
	char			*name;
	uint64			 seed;		   /* of its hashes */
	int				 exact_values; /* distinct values that are counted one by one */
	int64			 filled;	   /* values that are not blank */
	int64			 max_length;
	Stage			 stage;
	int				 distinct;
	int				 size; /* of values or set, a power of two */
	Distinct		*values;
	uint64			*set; /* hashes, their low bits being the value's shape; 0: free */
	hyperLogLogState estimate;
	int64			 shapes[SHAPE_COUNT];
	int64			 datetimes;
	int64			 first_gt12;
	int64			 second_gt12;
	int64			 forced;	 /* values written as ="…" */
	int64			 nulls;		 /* values that programs write for none */
	bool			 null_words; /* they mean none */
} Column;

struct Census
{
	char		 *table;
	MemoryContext context;
	Column		**columns;
	int			  count;
	List		 *files; /* ids that were counted */
	int64		  rows;
};

/* ---- one value ---- */

#define SHAPE_HAS_TIME 0x20
#define SHAPE_FIRST	   0x40
#define SHAPE_SECOND   0x80
#define SHAPE_KIND	   0x1F
#define SHAPE_BITS	   0xFF

static uint16
pack_shape(Shape shape)
{
	return (uint16) (shape.kind | (shape.has_time ? SHAPE_HAS_TIME : 0) |
					 (shape.first_gt12 ? SHAPE_FIRST : 0) | (shape.second_gt12 ? SHAPE_SECOND : 0));
}

static inline void
count_shape(Column *column, uint16 shape, int64 times)
{
	column->shapes[shape & SHAPE_KIND] += times;
	if (shape & SHAPE_HAS_TIME)
		column->datetimes += times;
	if (shape & SHAPE_FIRST)
		column->first_gt12 += times;
	if (shape & SHAPE_SECOND)
		column->second_gt12 += times;
}

/* Where the hash is in the list of values, or where it would go. */
static inline Distinct *
find_value(Distinct *values, int size, uint64 hash)
{
	uint64 at = (hash >> 8) & (size - 1);

	while (values[at].hash && values[at].hash != hash)
		at = (at + 1) & (size - 1);
	return &values[at];
}

/* The same in a set; the hash comes without its low bits. */
static inline uint64 *
find_member(uint64 *set, int size, uint64 hash)
{
	uint64 at = (hash >> 8) & (size - 1);

	while (set[at] && (set[at] & ~(uint64) SHAPE_BITS) != hash)
		at = (at + 1) & (size - 1);
	return &set[at];
}

static void
grow_values(Column *column)
{
	int		  size = column->size ? column->size * 2 : FIRST_SLOTS;
	Distinct *values = palloc0(sizeof(Distinct) * size);

	for (int i = 0; i < column->size; i++)
		if (column->values[i].hash)
			*find_value(values, size, column->values[i].hash) = column->values[i];
	if (column->values)
		pfree(column->values);
	column->values = values;
	column->size = size;
}

static void
grow_set(Column *column)
{
	int		size = column->size * (column->size < 4096 ? 4 : 2); /* each time all of it is read and written */
	uint64 *set = palloc0(sizeof(uint64) * size);

	for (int i = 0; i < column->size; i++)
		if (column->set[i])
			*find_member(set, size, column->set[i] & ~(uint64) SHAPE_BITS) = column->set[i];
	pfree(column->set);
	column->set = set;
	column->size = size;
}

/* Too many values for a list: their hashes stay, their counts become shapes. */
static void
start_set(Column *column)
{
	column->set = palloc0(sizeof(uint64) * Max(column->size, FIRST_SLOTS));
	for (int i = 0; i < column->size; i++)
	{
		Distinct *value = &column->values[i];

		if (value->hash == 0)
			continue;
		count_shape(column, value->shape, value->count);
		*find_member(column->set, column->size, value->hash) = value->hash | value->shape;
		pfree(value->text);
	}
	column->size = Max(column->size, FIRST_SLOTS);
	if (column->values)
		pfree(column->values);
	column->values = NULL;
	column->stage = STAGE_SET;
}

/* Too many values to count one by one. */
static void
start_estimate(Column *column)
{
	initHyperLogLog(&column->estimate, 12);
	for (int i = 0; i < column->size; i++)
		if (column->set[i])
			addHyperLogLog(&column->estimate, (uint32) (column->set[i] >> 32));
	pfree(column->set);
	column->set = NULL;
	column->stage = STAGE_ESTIMATE;
}

/* False when the value does not belong in a list. */
static bool
count_in_list(Column *column, const char *data, int length, uint64 hash)
{
	Distinct *value;

	if (column->distinct * 2 >= column->size)
		grow_values(column);
	value = find_value(column->values, column->size, hash);
	if (value->hash == 0)
	{
		if (column->distinct == KEPT_VALUES || length > KEPT_BYTES)
			return false;
		value->hash = hash;
		value->text = pnstrdup(data, length);
		value->shape = pack_shape(value_shape(data, (size_t) length));
		column->distinct++;
	}
	value->count++;
	return true;
}

static void
count_value(Column *column, const char *data, int length, uint64 hash)
{
	uint64 *member;

	hash = (hash | 0x100) & ~(uint64) SHAPE_BITS; /* never 0 */
	if (column->stage == STAGE_VALUES)
	{
		if (count_in_list(column, data, length, hash))
			return;
		start_set(column);
	}
	if (column->stage == STAGE_SET)
	{
		if (column->distinct * 2 >= column->size)
			grow_set(column);
		member = find_member(column->set, column->size, hash);
		if (*member == 0)
		{
			*member = hash | pack_shape(value_shape(data, (size_t) length));
			column->distinct++;
		}
		count_shape(column, *member & SHAPE_BITS, 1);
		if (column->distinct > column->exact_values)
			start_estimate(column);
		return;
	}
	addHyperLogLog(&column->estimate, (uint32) (hash >> 32));
	count_shape(column, pack_shape(value_shape(data, (size_t) length)), 1);
}

static bool
is_blank(const char *data, int length)
{
	for (int i = 0; i < length; i++)
		if (data[i] != ' ' && (data[i] < '\t' || data[i] > '\r'))
			return false;
	return true;
}

/* Characters of valid UTF-8. */
static int64
characters(const char *data, int length)
{
	int64 n = 0;

	for (int i = 0; i < length; i++)
		n += (data[i] & 0xC0) != 0x80;
	return n;
}

/* What programs write for no value; "None" and "N/A" people write, too. */
static bool
is_null_word(const char *data, int length)
{
	static const char *const words[] = {"\\N", "NULL", "null", "NaN", "nan", "NaT", "<NA>", "<null>", "(null)"};
	char					 c = length < 2 || length > 6 ? '\0' : data[0];

	if (c != 'N' && c != 'n' && c != '\\' && c != '<' && c != '(')
		return false;
	for (int i = 0; i < lengthof(words); i++)
		if ((int) strlen(words[i]) == length && memcmp(data, words[i], length) == 0)
			return true;
	return false;
}

/* Counts a value of a column; hash is that of value_hash with the column's seed. */
static inline void
look_at(Column *column, const char *data, int length, uint64 hash)
{
	if (length > column->max_length)
		column->max_length = Max(column->max_length, characters(data, length));
	if (is_blank(data, length))
		return;
	column->filled++;
	column->forced += is_forced_text(data, (size_t) length);
	column->nulls += is_null_word(data, length);
	count_value(column, data, length, hash);
}

/* ---- on the way into the table ---- */

static Census *
new_census(MemoryContext parent, const char *table)
{
	MemoryContext context = AllocSetContextCreate(parent, "flitmig census", ALLOCSET_DEFAULT_SIZES);
	Census		 *census = MemoryContextAllocZero(context, sizeof(Census));

	census->context = context;
	census->table = MemoryContextStrdup(context, table);
	return census;
}

/* The column of that name, made when new. */
static Column *
census_column(Census *census, const char *name)
{
	MemoryContext old;
	Column		 *column;

	for (int i = 0; i < census->count; i++)
		if (strcmp(census->columns[i]->name, name) == 0)
			return census->columns[i];
	old = MemoryContextSwitchTo(census->context);
	if (census->columns == NULL)
		census->columns = palloc(sizeof(Column *) * MaxHeapAttributeNumber);
	column = palloc0(sizeof(Column));
	column->name = pstrdup(name);
	column->seed = name_seed(name);
	column->exact_values = EXACT_VALUES;
	census->columns[census->count++] = column;
	MemoryContextSwitchTo(old);
	return column;
}

static Census *
find_census(Import *import, const char *table)
{
	ListCell *cell;

	foreach (cell, import->censuses)
	{
		if (strcmp(((Census *) lfirst(cell))->table, table) == 0)
			return lfirst(cell);
	}
	return NULL;
}

/* Starts to count a file's rows; handles are for census_cell, one for each of the file's columns. */
Census *
census_open(Import *import, SourceFile *file, void **handles)
{
	Census		 *census = find_census(import, file->table);
	MemoryContext old = MemoryContextSwitchTo(import->context);

	if (census == NULL)
	{
		census = new_census(import->context, file->table);
		import->censuses = lappend(import->censuses, census);
	}
	MemoryContextSwitchTo(census->context);
	census->files = lappend_int(census->files, file->id);
	MemoryContextSwitchTo(old);
	for (int i = 0; i < file->column_count; i++)
	{
		Column *column = census_column(census, file->columns[i]);

		/* A set has two to four slots a value. */
		column->exact_values = Min(EXACT_VALUES, Max(KEPT_VALUES, (int) (SETS_LIMIT / sizeof(uint64) / 4 / file->column_count)));
		handles[i] = column;
	}
	return census;
}

/* Fetches what the counts of these cells need, so that they do not wait for memory one by one. */
static inline void
fetch_counts(const Column *column, const CensusCell *cells, int count)
{
	if (column->stage == STAGE_SET)
		for (int i = 0; i < count; i++)
			__builtin_prefetch(&column->set[(cells[i].hash >> 8) & (column->size - 1)]);
}

/* Counts cells of one column; those of many rows at once, because its counts are then at hand. */
void
census_cells(Census *census, void *handle, const CensusCell *cells, int count)
{
	MemoryContext old = MemoryContextSwitchTo(census->context);

	fetch_counts(handle, cells, count);
	for (int i = 0; i < count; i++)
		look_at(handle, cells[i].data, cells[i].length, cells[i].hash);
	MemoryContextSwitchTo(old);
}

void
census_rows(Census *census, int count)
{
	census->rows += count;
}

/* Gives up counting when all counts take too much memory. */
void
census_close(Import *import, Census *census)
{
	Size	  total = 0;
	ListCell *cell;

	foreach (cell, import->censuses)
		total += MemoryContextMemAllocated(((Census *) lfirst(cell))->context, true);
	if (total > MEMORY_LIMIT)
	{
		import->censuses = list_delete_ptr(import->censuses, census);
		MemoryContextDelete(census->context);
	}
}

/* ---- the result ---- */

static int
by_count(const void *a, const void *b)
{
	const Distinct *left = *(Distinct *const *) a;
	const Distinct *right = *(Distinct *const *) b;

	if (left->count != right->count)
		return left->count > right->count ? -1 : 1;
	return strcmp(left->text, right->text);
}

static char *
top_values(Column *column)
{
	StringInfoData json;
	Distinct	 **order;
	int			   count = 0;

	if (column->stage != STAGE_VALUES || column->distinct == 0)
		return NULL;
	order = palloc(sizeof(Distinct *) * (column->distinct + 1));
	for (int i = 0; i < column->size; i++)
		if (column->values[i].hash)
			order[count++] = &column->values[i];
	qsort(order, count, sizeof(Distinct *), by_count);
	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	for (int i = 0; i < Min(count, TOP_VALUES); i++)
	{
		appendStringInfoString(&json, i ? ", {\"value\": " : "{\"value\": ");
		escape_json(&json, order[i]->text);
		appendStringInfo(&json, ", \"count\": " INT64_FORMAT "}", order[i]->count);
	}
	appendStringInfoChar(&json, ']');
	return json.data;
}

static void
append_count(StringInfo json, const char *name, int64 count)
{
	if (count > 0)
		appendStringInfo(json, "%s\"%s\": " INT64_FORMAT, json->len > 1 ? ", " : "", name, count);
}

static char *
shapes_of(Column *column)
{
	StringInfoData json;

	for (int i = 0; column->values && i < column->size; i++)
		if (column->values[i].hash)
			count_shape(column, column->values[i].shape, column->values[i].count);
	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (int kind = SHAPE_TEXT; kind < SHAPE_COUNT; kind++)
		append_count(&json, shape_name(kind), column->shapes[kind]);
	append_count(&json, "date_first_gt12", column->first_gt12);
	append_count(&json, "date_second_gt12", column->second_gt12);
	append_count(&json, "datetime", column->datetimes);
	append_count(&json, "forced_text", column->forced);
	append_count(&json, "null_word", column->null_words ? column->nulls : 0);
	appendStringInfoChar(&json, '}');
	return json.data;
}

/* The order of the dates in a column, when some of its values tell; NULL: none does, or they disagree, which is a finding. */
static const char *
date_order(Import *import, const Column *column, List **findings)
{
	Finding *finding;

	if (column->first_gt12 == 0)
		return column->second_gt12 > 0 ? "MDY" : NULL;
	if (column->second_gt12 == 0)
		return "DMY";
	finding = palloc0(sizeof(Finding));
	finding->severity = "warning";
	finding->code = "MIXED_DATE_ORDER";
	finding->column = column->name;
	finding->count = Min(column->first_gt12, column->second_gt12);
	finding->message = "Some dates of this column begin with the day, others with the month; those where both are at most 12 cannot be told apart";
	finding->hint = psprintf("Say which it is: UPDATE flitmig.migration SET date_order = 'MDY' WHERE name = '%s';", import->migration_name);
	*findings = lappend(*findings, finding);
	return NULL;
}

static int64
distinct_values(Column *column)
{
	if (column->stage != STAGE_ESTIMATE)
		return column->distinct;
	return Max((int64) estimateHyperLogLog(&column->estimate), column->exact_values + 1);
}

/* A number of each column, as an array for SQL. */
static void
sql_bigints(SqlArguments *args, const int64 *values, int count)
{
	Datum *items = palloc(sizeof(Datum) * Max(count, 1));

	for (int i = 0; i < count; i++)
		items[i] = Int64GetDatum(values[i]);
	sql_datum(args, INT8ARRAYOID, PointerGetDatum(construct_array(items, count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)));
}

#define NULLS_OFTEN 3 /* in one column alone, if they are a tenth of it */

/*
 * Whether NULL, NaN and the like mean none in this table: they do where
 * several columns have them or one has many.  A person may be called Null.
 */
static void
judge_null_words(Census *census, List **findings)
{
	int	 columns = 0;
	bool often = false;

	for (int i = 0; i < census->count; i++)
	{
		Column *column = census->columns[i];

		columns += column->nulls > 0;
		often |= column->nulls >= NULLS_OFTEN && column->nulls * 10 >= column->filled;
	}
	for (int i = 0; i < census->count && (columns > 1 || often); i++)
	{
		Column	*column = census->columns[i];
		Finding *finding;

		column->null_words = column->nulls > 0;
		if (!column->null_words)
			continue;
		finding = finding_add_column(findings, "info", "NULL_WORDS", 0, column->name,
									 "Cells say NULL, NaN or \\N, as programs write for no value; mapping reads them as blank", NULL);
		finding->count = column->nulls;
	}
}

/* Stores the columns in one statement: one each would take as long as reading a small file.  Findings are added. */
static void
store_columns(Import *import, Census *census, List **findings)
{
	int			 count = census->count;
	SqlArguments args = {0};
	char	   **names = palloc(sizeof(char *) * Max(count, 1));
	char	   **top = palloc(sizeof(char *) * Max(count, 1));
	char	   **shapes = palloc(sizeof(char *) * Max(count, 1));
	char	   **orders = palloc(sizeof(char *) * Max(count, 1));
	int64		*blanks = palloc(sizeof(int64) * Max(count, 1));
	int64		*distinct = palloc(sizeof(int64) * Max(count, 1));
	int64		*lengths = palloc(sizeof(int64) * Max(count, 1));

	judge_null_words(census, findings);
	for (int i = 0; i < count; i++)
	{
		Column	   *column = census->columns[i];
		char	   *values = top_values(column);
		const char *order;

		shapes[i] = shapes_of(column); /* counts what date_order reads */
		order = date_order(import, column, findings);
		names[i] = column->name;
		top[i] = values ? values : "";
		orders[i] = order ? (char *) order : "";
		blanks[i] = census->rows - column->filled;
		distinct[i] = distinct_values(column);
		lengths[i] = column->max_length;
	}
	sql_int(&args, import->migration);
	sql_text(&args, census->table);
	sql_text(&args, import->schema);
	sql_bigint(&args, census->rows);
	sql_texts(&args, names, count);
	sql_texts(&args, top, count);
	sql_texts(&args, shapes, count);
	sql_texts(&args, orders, count);
	sql_bigints(&args, blanks, count);
	sql_bigints(&args, distinct, count);
	sql_bigints(&args, lengths, count);
	sql_run("INSERT INTO flitmig.column_census (migration_id, staging_table, column_name, rows, blanks, distinct_values, "
			"max_length, top_values, shapes, date_order, position, header) "
			"SELECT $1, $2, c.name, $4, c.blanks, c.distinct_values, c.max_length::integer, nullif(c.top_values, '')::jsonb, c.shapes::jsonb, "
			"nullif(c.date_order, ''), a.attnum - 3, "
			"(SELECT f.header[array_position(f.columns, c.name)] FROM flitmig.source_file f "
			"WHERE f.migration_id = $1 AND f.staging_table = $2 AND f.superseded_by IS NULL AND c.name = ANY (f.columns) "
			"ORDER BY f.id DESC LIMIT 1) "
			"FROM unnest($5, $6, $7, $8, $9, $10, $11) c(name, top_values, shapes, date_order, blanks, distinct_values, max_length) "
			"JOIN pg_attribute a ON a.attrelid = format('%I.%I', $3, $2)::regclass AND a.attname = c.name",
			&args);
}

/* ---- the scan ---- */

static int *
live_files(Import *import, const char *table, int *count)
{
	SqlArguments args = {0};
	int			*ids;

	sql_int(&args, import->migration);
	sql_text(&args, table);
	*count = (int) sql_run("SELECT id FROM flitmig.source_file WHERE migration_id = $1 AND staging_table = $2 AND superseded_by IS NULL ORDER BY id", &args);
	ids = palloc(sizeof(int) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
		ids[i] = atoi(sql_value(i, 1));
	return ids;
}

/* Counts the live rows of the table anew. */
static void
scan_table(Census *census, Relation rel, const int *files, int file_count)
{
	TupleDesc		desc = RelationGetDescr(rel);
	Column		  **columns = palloc0(sizeof(Column *) * desc->natts);
	TableScanDesc	scan;
	TupleTableSlot *slot;
	int				last = -1;

	for (int i = FIXED_COLUMNS; i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped && TupleDescAttr(desc, i)->atttypid == TEXTOID)
			columns[i] = census_column(census, NameStr(TupleDescAttr(desc, i)->attname));

	PushActiveSnapshot(GetLatestSnapshot());
	UpdateActiveSnapshotCommandId();
	scan = table_beginscan(rel, GetActiveSnapshot(), 0, NULL);
	slot = table_slot_create(rel, NULL);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		int	 file;
		bool live = false;

		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(slot);
		file = DatumGetInt32(slot->tts_values[0]);
		for (int i = 0; i < file_count && !live && file != last; i++)
			live = files[i] == file;
		if (!live && file != last)
			continue;
		last = file;
		census->rows++;
		for (int i = FIXED_COLUMNS; i < desc->natts; i++)
		{
			struct varlena *value;

			if (slot->tts_isnull[i] || columns[i] == NULL)
				continue;
			value = PG_DETOAST_DATUM_PACKED(slot->tts_values[i]);
			look_at(columns[i], VARDATA_ANY(value), (int) VARSIZE_ANY_EXHDR(value),
					value_hash(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), columns[i]->seed));
			if ((void *) value != DatumGetPointer(slot->tts_values[i]))
				pfree(value);
		}
	}
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	PopActiveSnapshot();
}

/* Whether what was counted on the way is all that is live. */
static bool
is_complete(const Census *census, const int *files, int file_count)
{
	if (census == NULL || list_length(census->files) != file_count)
		return false;
	for (int i = 0; i < file_count; i++) /* both in the order of their ids */
		if (list_nth_int(census->files, i) != files[i])
			return false;
	return true;
}

/* Stores the census of a staging table; columns that no live file has are counted as blank. */
void
census_take(Import *import, const char *table)
{
	Relation	  rel = table_open(get_relname_relid(table, get_namespace_oid(import->schema, false)), AccessShareLock);
	Census		 *census = find_census(import, table);
	int			  file_count;
	int			 *files = live_files(import, table, &file_count);
	SqlArguments  args = {0};
	List		 *findings = NIL;
	MemoryContext old;

	if (!is_complete(census, files, file_count) || file_count == 0)
		census = new_census(import->context, table);
	old = MemoryContextSwitchTo(census->context);
	if (census->files == NIL)
		scan_table(census, rel, files, file_count);
	for (int i = FIXED_COLUMNS; i < RelationGetDescr(rel)->natts; i++)
		if (!TupleDescAttr(RelationGetDescr(rel), i)->attisdropped)
			census_column(census, NameStr(TupleDescAttr(RelationGetDescr(rel), i)->attname));

	sql_int(&args, import->migration);
	sql_text(&args, table);
	sql_run("DELETE FROM flitmig.column_census WHERE migration_id = $1 AND staging_table = $2", &args);
	findings_clear(import->migration, table);
	store_columns(import, census, &findings);
	findings_store(import->migration, table, findings);
	table_close(rel, NoLock);
	MemoryContextSwitchTo(old);
	import->censuses = list_delete_ptr(import->censuses, census);
	MemoryContextDelete(census->context);
}
