/*
 * tuple.c
 *		The cells of a row as a heap tuple, in one pass from where they stand:
 *		no varlena of their own, no array of datums in between.
 */
#include "source/source.h"

#include "access/htup_details.h"

/* Room that a cell takes at most beside its bytes: a long header and its alignment. */
#define CELL_OVERHEAD (VARHDRSZ + ALIGNOF_INT - 1)

/* Data area of _file integer, _line bigint, _hash bigint. */
#define FIXED_BYTES (DOUBLEALIGN(sizeof(int32)) + 2 * sizeof(int64))

/* Bytes behind the tuple's header at most; has_null tells whether there is a NULL. */
static Size
data_limit(const TupleCell *cells, int count, bool *has_null)
{
	Size size = FIXED_BYTES;

	*has_null = false;
	for (int i = 0; i < count; i++)
	{
		if (cells[i].data)
			size += cells[i].length + CELL_OVERHEAD;
		else
			*has_null = true;
	}
	return size;
}

static inline char *
put_cell(char *to, const TupleCell *cell)
{
	if (cell->length + VARHDRSZ_SHORT <= VARATT_SHORT_MAX && !cell->plain_storage)
	{
		SET_VARSIZE_SHORT(to, cell->length + VARHDRSZ_SHORT);
		memcpy(to + VARHDRSZ_SHORT, cell->data, cell->length);
		return to + VARHDRSZ_SHORT + cell->length;
	}
	while ((uintptr_t) to % ALIGNOF_INT)
		*to++ = '\0';
	SET_VARSIZE(to, cell->length + VARHDRSZ);
	memcpy(VARDATA(to), cell->data, cell->length);
	return to + VARHDRSZ + cell->length;
}

/*
 * The tuple, in the current memory context.  cells: those behind the fixed
 * columns, in the order of the table; afterwards their data points into the
 * tuple.
 */
HeapTuple
form_tuple(int32 file, int64 line, int64 hash, TupleCell *cells, int count)
{
	bool			has_null;
	Size			limit = data_limit(cells, count, &has_null);
	int				attributes = count + FIXED_COLUMNS;
	Size			header = MAXALIGN(SizeofHeapTupleHeader + (has_null ? BITMAPLEN(attributes) : 0));
	HeapTuple		tuple = palloc(HEAPTUPLESIZE + header + limit);
	HeapTupleHeader head = (HeapTupleHeader) ((char *) tuple + HEAPTUPLESIZE);
	char		   *to = (char *) head + header;

	memset(head, 0, header + FIXED_BYTES);
	HeapTupleHeaderSetNatts(head, attributes);
	head->t_hoff = (uint8) header;
	head->t_infomask = HEAP_HASVARWIDTH | (has_null ? HEAP_HASNULL : 0);
	ItemPointerSetInvalid(&head->t_ctid);

	memcpy(to, &file, sizeof(file));
	to += DOUBLEALIGN(sizeof(int32));
	memcpy(to, &line, sizeof(line));
	to += sizeof(line);
	memcpy(to, &hash, sizeof(hash));
	to += sizeof(hash);
	if (has_null)
		head->t_bits[0] |= (1 << FIXED_COLUMNS) - 1;
	for (int i = 0; i < count; i++)
	{
		if (cells[i].data == NULL)
			continue;
		if (has_null)
			head->t_bits[(i + FIXED_COLUMNS) >> 3] |= 1 << ((i + FIXED_COLUMNS) & 7);
		to = put_cell(to, &cells[i]);
		cells[i].data = to - cells[i].length;
	}
	tuple->t_len = (uint32) (to - (char *) head);
	ItemPointerSetInvalid(&tuple->t_self);
	tuple->t_tableOid = InvalidOid;
	tuple->t_data = head;
	return tuple;
}
