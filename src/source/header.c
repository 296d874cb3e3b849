/*
 * header.c
 *		Where the table begins in delimited text: lines above the header, header
 *		rows, rows that tell how to fill the columns in.
 *
 * Names that the profile knows decide; else the first row that is as wide and
 * as full as the table is its header, if it says words where the column below
 * it says dates, amounts and the like.
 */
#include "source/text_core.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_SEARCH_ROWS 40  /* rows among which the header is looked for */
#define SHAPE_ROWS		   400 /* rows whose values are looked at */
#define SHAPE_COLUMNS	   256 /* columns whose values are looked at */

typedef struct HeadRow
{
	int	 width;
	int	 used;	  /* cells up to the last one that is not blank */
	int	 filled;  /* cells that are not blank */
	int	 text;	  /* cells that look like words */
	int	 data;	  /* cells that look like dates, addresses, amounts */
	int	 known;	  /* cells that name a column which the table may have */
	int	 forms;	  /* cells that tell what to fill in: DD/MM/YYYY, required */
	bool comment; /* starts with # */
} HeadRow;

typedef struct Head
{
	int			   rows;
	int			   width; /* columns looked at */
	HeadRow		   row[HEADER_SEARCH_ROWS];
	unsigned char *shapes; /* [SHAPE_ROWS][width] */
	uint32_t	  *hashes; /* the same, of the values */
} Head;

static uint32_t
hash_of(const char *p, size_t length)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < length; i++)
		h = (h ^ (unsigned char) p[i]) * 16777619u;
	return h;
}

/* An identifier, amount, date or address rather than a word; years may be headers. */
static bool
is_data_shape(ShapeKind kind, const char *value, size_t length)
{
	switch (kind)
	{
		case SHAPE_BLANK:
		case SHAPE_TEXT:
		case SHAPE_BOOLEAN:
			return false;
		case SHAPE_INTEGER:
			return !(length == 4 && (memcmp(value, "19", 2) == 0 || memcmp(value, "20", 2) == 0));
		default:
			return true;
	}
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(a, *(const char *const *) b);
}

bool
csv_is_known_name(const CsvHints *hints, const char *value, size_t length)
{
	char name[NAME_LIMIT + 1];

	if (hints->known_count == 0)
		return false;
	normal_name(value, length, name);
	return name[0] && bsearch(name, hints->known, (size_t) hints->known_count, sizeof(char *), compare_names) != NULL;
}

/* Whether the cell tells what to fill in. */
static bool
is_form(const char *value, size_t length)
{
	static const char *const words[] = {"required", "optional", "mandatory", "text", "string", "number", "numeric", "integer", "date", "varchar", "boolean", "yes/no", "y/n", NULL};
	char					 text[40];
	size_t					 letters = 0;

	if (length == 0 || length >= sizeof(text))
		return false;
	memcpy(text, value, length);
	text[length] = '\0';
	for (char *p = text; *p; p++)
	{
		*p = *p >= 'A' && *p <= 'Z' ? (char) (*p | 0x20) : *p;
		letters += strchr("dmyjath", *p) != NULL; /* of day, month, year in some languages */
	}
	for (int i = 0; words[i]; i++)
		if (ascii_begins(text, words[i]) || (i < 3 && strstr(text, words[i])))
			return true;
	return letters >= 6 && strspn(text, "dmyjath/-. :s") == length && (strstr(text, "dd") || strstr(text, "mm"));
}

/* Notes down what a row's cells look like. */
static void
look_at_row(Head *head, const CsvHints *hints, CsvReader *reader)
{
	HeadRow *row = head->rows < HEADER_SEARCH_ROWS ? &head->row[head->rows] : NULL;
	int		 filled = 0;

	for (int i = 0; i < reader->cell_count; i++)
	{
		const char *value = csv_cell(reader, i);
		size_t		length = reader->cells[i].length;
		Shape		shape = value_shape(value, length);
		bool		data = is_data_shape(shape.kind, value, length);

		filled += shape.kind != SHAPE_BLANK;
		if (row)
		{
			row->used = shape.kind != SHAPE_BLANK ? i + 1 : row->used;
			row->filled += shape.kind != SHAPE_BLANK;
			row->forms += is_form(value, length);
			row->data += data;
			row->text += shape.kind != SHAPE_BLANK && !data;
			row->known += !data && csv_is_known_name(hints, value, length);
		}
		if (i < head->width)
		{
			head->shapes[head->rows * head->width + i] = data || shape.kind == SHAPE_BLANK ? shape.kind : SHAPE_TEXT;
			head->hashes[head->rows * head->width + i] = hash_of(value, length);
		}
	}
	/* a heading or page number says nothing of what the columns hold */
	if (filled == 1 && reader->cell_count > 2)
		memset(head->shapes + head->rows * head->width, SHAPE_BLANK, (size_t) head->width);
	if (row)
	{
		row->width = reader->cell_count;
		row->comment = reader->cells[0].length > 0 && csv_cell(reader, 0)[0] == '#';
	}
	head->rows++;
}

/* Looks at the first rows; false when memory is out. */
static bool
look_at_head(const Bytes *sample, const CsvHints *hints, const CsvLayout *layout, Head *head)
{
	Bytes	   left = *sample;
	ByteSource source = {bytes_read, &left};
	CsvReader  reader;
	CsvResult  result;
	bool	   ok;

	memset(head, 0, sizeof(*head));
	head->width = layout->width < SHAPE_COLUMNS ? layout->width : SHAPE_COLUMNS;
	head->shapes = calloc(SHAPE_ROWS, (size_t) head->width);
	head->hashes = calloc(SHAPE_ROWS, sizeof(uint32_t) * (size_t) head->width);
	ok = csv_reader_init(&reader, source, &layout->dialect) && head->shapes && head->hashes;
	while (ok && head->rows < SHAPE_ROWS && (result = csv_reader_next(&reader)) != CSV_END)
	{
		ok = result != CSV_NO_MEMORY;
		if (result == CSV_ROW)
			look_at_row(head, hints, &reader);
	}
	csv_reader_free(&reader);
	return ok;
}

/*
 * Whether the row names the columns of a table that begins below it: words in
 * all its cells, then rows that are no wider and about as full, with data.
 * Names and values one beside the other, as above many a report, are narrower.
 */
static bool
is_whole_table(const Head *head, int at)
{
	const HeadRow *row = &head->row[at];
	int			   limit = head->rows < HEADER_SEARCH_ROWS ? head->rows : HEADER_SEARCH_ROWS;
	int			   rows = 0;

	if (row->used < 2 || row->filled < row->used || row->data > 0 || row->comment || (row->used == 2 && row->known < 2))
		return false;
	while (rows < 2 && at + 1 + rows < limit)
	{
		const HeadRow *below = &head->row[at + 1 + rows];

		if (below->used > row->used || below->used * 2 <= row->used || below->data == 0)
			break;
		rows++;
	}
	return rows == 2 || (rows == 1 && row->known >= 2);
}

/* The first row that names the columns of a whole table, narrower than most rows; -1: there is none above. */
static int
find_earlier_table(const Head *head, int from, int above)
{
	int limit = above < HEADER_SEARCH_ROWS ? above : HEADER_SEARCH_ROWS;

	for (int i = from; i < limit && i < head->rows; i++)
		if (is_whole_table(head, i))
			return i;
	return -1;
}

/* The row of which most cells are known names of columns, and at least two; -1: there is none. */
static int
find_known_header(const Head *head, int from)
{
	int limit = head->rows < HEADER_SEARCH_ROWS ? head->rows : HEADER_SEARCH_ROWS;
	int best = -1;

	for (int i = from; i < limit; i++)
	{
		const HeadRow *row = &head->row[i];

		if (row->known >= 2 && row->known * 2 >= row->filled && (best < 0 || row->known > head->row[best].known))
			best = i;
	}
	return best;
}

/* The first row that is as wide and as full as the table. */
static int
find_table_start(const Head *head, int width, int from)
{
	int limit = head->rows < HEADER_SEARCH_ROWS ? head->rows : HEADER_SEARCH_ROWS;

	for (int i = from; i < limit; i++)
	{
		const HeadRow *row = &head->row[i];

		if (row->width * 4 >= width * 3 && row->filled * 2 >= width && (!row->comment || i + 1 == limit || head->row[i + 1].width > row->width))
			return i;
	}
	for (int i = from; i < limit; i++)
		if (head->row[i].width * 4 >= width * 3 && !head->row[i].comment)
			return i;
	return from;
}

/* What most values of a column from a row on look like; filled: how many there are. */
static int
common_shape(const Head *head, int column, int from, int *filled)
{
	int counts[SHAPE_COUNT] = {0};
	int best = SHAPE_TEXT;

	*filled = 0;
	for (int r = from; r < head->rows; r++)
	{
		int kind = head->shapes[r * head->width + column];

		*filled += kind != SHAPE_BLANK;
		counts[kind]++;
	}
	for (int k = 0; k < SHAPE_COUNT; k++)
		if (k != SHAPE_BLANK && counts[k] > counts[best])
			best = k;
	return counts[best] * 5 >= *filled * 4 ? best : SHAPE_TEXT;
}

/* Whether the row tells how to fill the columns in: words where everything below is data; examples beside them only where a cell says so. */
static bool
is_instruction(const Head *head, int at)
{
	int words = 0,
		examples = 0;

	if (at + 3 > head->rows)
		return false;
	for (int i = 0; i < head->width; i++)
	{
		int filled;
		int top = head->shapes[at * head->width + i];
		int common = common_shape(head, i, at + 1, &filled);

		if (common == SHAPE_TEXT || top == SHAPE_BLANK || filled < 2)
			continue;
		if (top != SHAPE_TEXT)
			examples++;
		else
			words++;
	}
	return words >= 2 && (examples == 0 || (words > examples && at < HEADER_SEARCH_ROWS && head->row[at].forms > 0));
}

/* Whether the row names groups of the columns that the row below it names. */
static bool
is_group_row(const Head *head, int at, bool sheet)
{
	const HeadRow *row = &head->row[at];
	const HeadRow *below = &head->row[at + 1];

	/* the rows of a sheet end with their last cell */
	return (row->width == below->width || (sheet && row->width < below->width)) && row->filled >= 2 && row->filled < below->filled && row->data == 0 && !row->comment;
}

/* Whether the names stand on this row and the one below, broken between words: that one has some of them twice, and both are full. */
static bool
is_wrapped_row(const Head *head, int at)
{
	const HeadRow  *row = &head->row[at];
	const HeadRow  *below = &head->row[at + 1];
	const uint32_t *names = head->hashes + (at + 1) * head->width;
	int				width = below->width < head->width ? below->width : head->width;

	if (row->width != below->width || row->filled != row->width || below->filled != below->width || row->data > 0 || below->data > 0 || row->comment)
		return false;
	/* what stands there again is an answer, not a name */
	for (int r = at + 2; r < head->rows; r++)
		for (int i = 0; i < width; i++)
			if (head->hashes[r * head->width + i] == names[i])
				return false;
	for (int i = 0; i < width; i++)
		for (int j = 0; j < i; j++)
			if (names[i] == names[j])
				return true;
	return false;
}

/* Whether a column has words in the row, and dates, amounts and the like below it. */
static bool
is_above_data(const Head *head, int at)
{
	for (int i = 0; i < head->width; i++)
	{
		int filled;
		int best = common_shape(head, i, at + 1, &filled);

		if (filled > 0 && best != SHAPE_TEXT && head->shapes[at * head->width + i] == SHAPE_TEXT)
			return true;
	}
	return false;
}

/* Whether the row names the columns below it rather than being one of them. */
static bool
is_header(const Head *head, int at)
{
	const HeadRow		*row = &head->row[at];
	const unsigned char *top = head->shapes + at * head->width;
	int					 names = 0,
		values = 0;
	int repeats = 0;

	if (at + 1 >= head->rows)
		return row->data * 3 < row->filled;
	for (int i = 0; i < head->width; i++)
	{
		int filled;
		int best = common_shape(head, i, at + 1, &filled);
		int repeated = 0;

		for (int r = at + 1; r < head->rows; r++)
			repeated += head->shapes[r * head->width + i] != SHAPE_BLANK &&
						head->hashes[r * head->width + i] == head->hashes[at * head->width + i];
		if (filled == 0)
			continue;
		if (best != SHAPE_TEXT && top[i] == SHAPE_TEXT)
			names++;
		else if (best != SHAPE_TEXT && top[i] == best)
			values++;
		if (top[i] == SHAPE_TEXT && best == SHAPE_TEXT && repeated > 0)
			repeats++;
	}
	if (names > 0 || values > 0)
		return names > values || (names == values && row->data == 0);
	if (row->data > 0 && row->data * 3 >= row->filled)
		return false;
	return repeats < 2 || repeats * 3 < row->filled;
}

/*
 * Columns without a header count when most rows have something in them; a
 * trailing delimiter, or a few ragged rows, make none.
 */
static void
trim_width(const Head *head, int header_width, CsvLayout *layout)
{
	int first = layout->preamble_rows + layout->header_rows;

	while (layout->width > header_width && layout->width <= head->width)
	{
		int filled = 0;

		for (int r = first; r < head->rows; r++)
			filled += head->shapes[r * head->width + layout->width - 1] != SHAPE_BLANK;
		if (filled * 2 > head->rows - first)
			return;
		layout->width--;
	}
}

/* Preamble, header rows, instructions below the header. */
static void
find_header(const Head *head, const CsvHints *hints, bool separator_line, CsvLayout *layout)
{
	int known = hints->preamble_rows < 0 && hints->header_rows < 0 ? find_known_header(head, separator_line) : -1;
	int at = hints->preamble_rows >= 0 ? hints->preamble_rows
			 : known >= 0			   ? known
									   : find_table_start(head, layout->width, separator_line);

	if (hints->preamble_rows < 0 && hints->header_rows < 0)
	{
		int earlier = find_earlier_table(head, separator_line, at);

		if (earlier >= 0)
		{
			at = earlier;
			known = head->row[at].known >= 2 ? at : -1;
			layout->width = head->row[at].used;
		}
	}
	layout->preamble_rows = at;
	layout->header_rows = hints->header_rows >= 0 ? hints->header_rows : 1;
	if (at >= HEADER_SEARCH_ROWS || at >= head->rows)
		return;
	if (hints->header_rows < 0)
	{
		layout->header_rows = known >= 0 || is_header(head, at);
		layout->wrapped = layout->header_rows && known < 0 && at + 2 < head->rows && at + 1 < HEADER_SEARCH_ROWS && is_wrapped_row(head, at) && is_above_data(head, at + 1);
		layout->header_rows += layout->wrapped;
		layout->instruction_rows = layout->header_rows && is_instruction(head, at + layout->header_rows);
		if (layout->header_rows == 1 && at > separator_line && hints->preamble_rows < 0 &&
			((layout->wrapped = is_wrapped_row(head, at - 1)) || is_group_row(head, at - 1, hints->sheet)))
		{
			layout->header_rows++;
			layout->preamble_rows--;
		}
	}
	if (layout->header_rows > 0)
		trim_width(head, head->row[at].width, layout);
}

bool
csv_find_header(const Bytes *sample, const CsvHints *hints, bool separator_line, CsvLayout *layout)
{
	Head head;
	bool ok = look_at_head(sample, hints, layout, &head);

	if (ok && head.rows > 0)
		find_header(&head, hints, separator_line, layout);
	free(head.shapes);
	free(head.hashes);
	return ok;
}
