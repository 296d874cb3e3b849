/*
 * census.c
 *		What the live rows of a staging table hold, column by column.
 *
 * Rows are counted as they are loaded, while their cells are at hand.  Only
 * when a table holds live rows of an earlier import, too, or a file of this
 * one was superseded by another, the table is scanned.
 *
 * Distinct values are counted exactly up to a limit and estimated beyond it;
 * values themselves are kept while they are few and short, as code lists are.
 */
#include "source/source.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "lib/hyperloglog.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#define EXACT_VALUES	10000	/* distinct values that are counted one by one */
#define KEPT_VALUES		200		/* distinct values up to which they are kept */
#define KEPT_BYTES		200		/* length up to which they are kept */
#define TOP_VALUES		20
#define FIRST_SLOTS		256

typedef struct Value
{
	uint64		hash;			/* 0: free */
	int64		count;
	uint16		shape;			/* ShapeKind and flags, see pack_shape */
	char	   *text;			/* while values are kept */
	int			length;
} Value;

typedef struct Column
{
	const char *name;
	int			attribute;
	int64		filled;			/* rows whose cell is not blank */
	int64		max_length;
	int			distinct;
	int			size;
	Value	   *values;			/* NULL once there are more than EXACT_VALUES */
	bool		kept;
	hyperLogLogState estimate;
	int64		shapes[SHAPE_COUNT];
	int64		datetimes;
	int64		first_gt12;
	int64		second_gt12;
} Column;

/* What the rows hold that this import has loaded into one table. */
struct Census
{
	char	   *table;
	MemoryContext context;
	List	   *files;			/* ids */
	int64		rows;
	Column	   *columns;
	int			count;
	int			size;
};

/* ---- one value ---- */

#define SHAPE_HAS_TIME	0x100
#define SHAPE_FIRST		0x200
#define SHAPE_SECOND	0x400

static uint16
pack_shape(Shape shape)
{
	return (uint16) (shape.kind | (shape.has_time ? SHAPE_HAS_TIME : 0) |
					 (shape.first_gt12 ? SHAPE_FIRST : 0) | (shape.second_gt12 ? SHAPE_SECOND : 0));
}

static void
count_shape(Column *column, uint16 shape, int64 times)
{
	column->shapes[shape & 0xFF] += times;
	if (shape & SHAPE_HAS_TIME)
		column->datetimes += times;
	if (shape & SHAPE_FIRST)
		column->first_gt12 += times;
	if (shape & SHAPE_SECOND)
		column->second_gt12 += times;
}

static void
grow_values(Column *column)
{
	int			size = column->size ? column->size * 2 : FIRST_SLOTS;
	Value	   *values = palloc0(sizeof(Value) * size);

	for (int i = 0; i < column->size; i++)
		if (column->values[i].hash)
		{
			uint64		at = column->values[i].hash & (size - 1);

			while (values[at].hash)
				at = (at + 1) & (size - 1);
			values[at] = column->values[i];
		}
	if (column->values)
		pfree(column->values);
	column->values = values;
	column->size = size;
}

/* Too many values to count one by one: from here on an estimate. */
static void
start_estimate(Column *column)
{
	initHyperLogLog(&column->estimate, 12);
	for (int i = 0; i < column->size; i++)
		if (column->values[i].hash)
		{
			addHyperLogLog(&column->estimate, (uint32) (column->values[i].hash >> 32));
			count_shape(column, column->values[i].shape, column->values[i].count);
		}
	pfree(column->values);
	column->values = NULL;
}

static void
forget_texts(Column *column)
{
	for (int i = 0; i < column->size; i++)
		if (column->values[i].hash && column->values[i].text)
		{
			pfree(column->values[i].text);
			column->values[i].text = NULL;
		}
	column->kept = false;
}

static void
count_value(Column *column, const char *data, int length, uint64 hash)
{
	uint64		at;
	Value	   *value;

	if (column->values == NULL && column->distinct > 0)
	{
		addHyperLogLog(&column->estimate, (uint32) (hash >> 32));
		count_shape(column, pack_shape(value_shape(data, (size_t) length)), 1);
		return;
	}
	if (column->distinct * 2 >= column->size)
		grow_values(column);
	for (at = hash & (column->size - 1); column->values[at].hash; at = (at + 1) & (column->size - 1))
		if (column->values[at].hash == hash)
		{
			column->values[at].count++;
			return;
		}
	if (++column->distinct > EXACT_VALUES)
	{
		start_estimate(column);
		count_value(column, data, length, hash);
		return;
	}
	value = &column->values[at];
	value->hash = hash;
	value->count = 1;
	value->shape = pack_shape(value_shape(data, (size_t) length));
	if (column->kept && (column->distinct > KEPT_VALUES || length > KEPT_BYTES))
		forget_texts(column);
	if (column->kept)
	{
		value->text = pnstrdup(data, length);
		value->length = length;
	}
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
	int64		n = 0;

	for (int i = 0; i < length; i++)
		n += (data[i] & 0xC0) != 0x80;
	return n;
}

/* One cell; hash: of its bytes, the same for the same bytes of this column. */
static void
look_at(Column *column, const char *data, int length, uint64 hash)
{
	if (length > column->max_length)
		column->max_length = Max(column->max_length, characters(data, length));
	if (is_blank(data, length))
		return;
	column->filled++;
	count_value(column, data, length, hash | 1);
}

static void
look_at_datum(Column *column, Datum datum)
{
	struct varlena *packed = PG_DETOAST_DATUM_PACKED(datum);
	const char *data = VARDATA_ANY(packed);
	int			length = (int) VARSIZE_ANY_EXHDR(packed);

	look_at(column, data, length, hash_bytes_extended((const unsigned char *) data, length, 0));
	if ((void *) packed != DatumGetPointer(datum))
		pfree(packed);
}

/* ---- on the way in ---- */

static int
add_column(Census *census, const char *name)
{
	for (int i = 0; i < census->count; i++)
		if (strcmp(census->columns[i].name, name) == 0)
			return i;
	if (census->count == census->size)
	{
		census->size = census->size ? census->size * 2 : 32;
		census->columns = census->columns ? repalloc(census->columns, sizeof(Column) * census->size)
			: palloc(sizeof(Column) * census->size);
	}
	census->columns[census->count] = (Column) {.name = pstrdup(name), .kept = true};
	return census->count++;
}

/* The census of the file's table; column[i]: what its columns[i] is to census_cell. */
Census *
census_open(Import *import, const SourceFile *file, int *column)
{
	Census	   *census = NULL;
	ListCell   *cell;
	MemoryContext old;

	foreach(cell, import->censuses)
		if (strcmp(((Census *) lfirst(cell))->table, file->table) == 0)
			census = lfirst(cell);
	old = MemoryContextSwitchTo(import->context);
	if (census == NULL)
	{
		census = palloc0(sizeof(Census));
		census->table = pstrdup(file->table);
		census->context = AllocSetContextCreate(import->context, "flitmig census", ALLOCSET_DEFAULT_SIZES);
		import->censuses = lappend(import->censuses, census);
	}
	MemoryContextSwitchTo(census->context);
	census->files = lappend_int(census->files, file->id);
	for (int i = 0; i < file->column_count; i++)
		column[i] = add_column(census, file->columns[i]);
	MemoryContextSwitchTo(old);
	return census;
}

/* The table of a column of many values does not fit the processor's cache: have its slot at hand when the row ends. */
void
census_expect(Census *census, int column, uint64 hash)
{
	Column	   *c = &census->columns[column];

	if (c->values)
		__builtin_prefetch(&c->values[(hash | 1) & (c->size - 1)]);
}

MemoryContext
census_row(Census *census)
{
	census->rows++;
	return MemoryContextSwitchTo(census->context);
}

void
census_cell(Census *census, int column, const char *data, int length, uint64 hash)
{
	look_at(&census->columns[column], data, length, hash);
}

/* ---- the result ---- */

static int
by_count(const void *a, const void *b)
{
	const Value *left = *(Value *const *) a;
	const Value *right = *(Value *const *) b;

	if (left->count != right->count)
		return left->count > right->count ? -1 : 1;
	return strcmp(left->text, right->text);
}

static char *
top_values(Column *column)
{
	StringInfoData json;
	Value	  **order;
	int			count = 0;

	if (!column->kept || column->values == NULL)
		return NULL;
	order = palloc(sizeof(Value *) * (column->distinct + 1));
	for (int i = 0; i < column->size; i++)
		if (column->values[i].hash)
			order[count++] = &column->values[i];
	qsort(order, count, sizeof(Value *), by_count);
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
	appendStringInfoChar(&json, '}');
	return json.data;
}

static void
store_column(Import *import, const char *table, Column *column, int position, int64 rows, List **findings)
{
	SqlArguments args = {0};
	char	   *shapes = shapes_of(column);
	const char *order = NULL;

	if (column->first_gt12 > 0 && column->second_gt12 > 0)
	{
		Finding    *finding = palloc0(sizeof(Finding));

		finding->severity = "warning";
		finding->code = "MIXED_DATE_ORDER";
		finding->column = column->name;
		finding->count = Min(column->first_gt12, column->second_gt12);
		finding->message = "Some dates of this column begin with the day, others with the month; those where both are at most 12 cannot be told apart";
		finding->hint = psprintf("Say which it is: UPDATE flitmig.migration SET date_order = 'MDY' WHERE name = '%s';", import->migration_name);
		*findings = lappend(*findings, finding);
	}
	else if (column->second_gt12 > 0)
		order = "MDY";
	else if (column->first_gt12 > 0)
		order = "DMY";

	sql_int(&args, import->migration);
	sql_text(&args, table);
	sql_text(&args, column->name);
	sql_int(&args, position);
	sql_bigint(&args, rows);
	sql_bigint(&args, rows - column->filled);
	sql_bigint(&args, column->values || column->distinct == 0 ? column->distinct
			   : Max((int64) estimateHyperLogLog(&column->estimate), EXACT_VALUES + 1));
	sql_int(&args, (int) column->max_length);
	sql_text(&args, top_values(column));
	sql_text(&args, shapes);
	sql_text(&args, order);
	sql_run("INSERT INTO flitmig.column_census (migration_id, staging_table, column_name, position, rows, blanks, distinct_values, "
			"max_length, top_values, shapes, date_order, header) "
			"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10::jsonb, $11, "
			"(SELECT f.header[array_position(f.columns, $3)] FROM flitmig.source_file f "
			"WHERE f.migration_id = $1 AND f.staging_table = $2 AND f.superseded_by IS NULL AND $3 = ANY (f.columns) "
			"ORDER BY f.id DESC LIMIT 1))", &args);
}

/* ---- the scan ---- */

static int *
live_files(Import *import, const char *table, int *count)
{
	SqlArguments args = {0};
	int		   *ids;

	sql_int(&args, import->migration);
	sql_text(&args, table);
	*count = (int) sql_run("SELECT id FROM flitmig.source_file WHERE migration_id = $1 AND staging_table = $2 AND superseded_by IS NULL", &args);
	ids = palloc(sizeof(int) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
		ids[i] = atoi(sql_value(i, 1));
	return ids;
}

static int64
scan_table(Relation rel, const int *files, int file_count, Column *columns, int column_count)
{
	TableScanDesc scan = table_beginscan(rel, GetActiveSnapshot(), 0, NULL);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	int64		rows = 0;
	int			last = -1;

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		int			file;

		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(slot);
		file = DatumGetInt32(slot->tts_values[0]);
		if (file != last)
		{
			bool		live = false;

			for (int i = 0; i < file_count; i++)
				live |= files[i] == file;
			if (!live)
				continue;
			last = file;
		}
		rows++;
		for (int i = 0; i < column_count; i++)
			if (!slot->tts_isnull[columns[i].attribute])
				look_at_datum(&columns[i], slot->tts_values[columns[i].attribute]);
	}
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	return rows;
}

/* The census on the way in, when it saw all live rows; else NULL. */
static Census *
complete_census(Import *import, const char *table, const int *files, int file_count)
{
	ListCell   *cell;

	foreach(cell, import->censuses)
	{
		Census	   *census = lfirst(cell);

		if (strcmp(census->table, table) != 0)
			continue;
		if (list_length(census->files) != file_count)
			return NULL;
		for (int i = 0; i < file_count; i++)
			if (!list_member_int(census->files, files[i]))
				return NULL;
		return census;
	}
	return NULL;
}

/* Takes the census of a staging table anew. */
void
census_take(Import *import, const char *table)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "flitmig census", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Relation	rel = table_open(get_relname_relid(table, get_namespace_oid(import->schema, false)), AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	Column	   *columns = palloc0(sizeof(Column) * desc->natts);
	int			count = 0;
	int			file_count;
	int		   *files = live_files(import, table, &file_count);
	SqlArguments args = {0};
	Census	   *census = complete_census(import, table, files, file_count);
	List	   *findings = NIL;
	int64		rows;

	for (int i = 3; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (attribute->attisdropped || attribute->atttypid != TEXTOID)
			continue;
		columns[count].kept = true;
		for (int j = 0; census && j < census->count; j++)
			if (strcmp(census->columns[j].name, NameStr(attribute->attname)) == 0)
				columns[count] = census->columns[j];
		columns[count].name = NameStr(attribute->attname);
		columns[count++].attribute = i;
	}
	if (census)
		rows = census->rows;
	else
	{
		PushActiveSnapshot(GetLatestSnapshot());
		UpdateActiveSnapshotCommandId();
		rows = scan_table(rel, files, file_count, columns, count);
		PopActiveSnapshot();
	}

	sql_int(&args, import->migration);
	sql_text(&args, table);
	sql_run("DELETE FROM flitmig.column_census WHERE migration_id = $1 AND staging_table = $2", &args);
	findings_clear(import->migration, table);
	for (int i = 0; i < count; i++)
		store_column(import, table, &columns[i], i + 1, rows, &findings);
	findings_store(import->migration, table, findings);
	table_close(rel, NoLock);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
