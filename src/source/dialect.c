/*
 * dialect.c
 *		Delimiter, quote, line ends, preamble and header of delimited text,
 *		judged by the whole shape: each candidate parses samples from all over
 *		the file, and the one whose rows agree on their width wins.
 */
#include "source/text_core.h"

#include <stdlib.h>
#include <string.h>

#define WIDTH_LIMIT		   2048 /* columns; wider rows count as this wide */
#define HEADER_SEARCH_ROWS 40	/* rows among which the header is looked for */
#define SHAPE_ROWS		   400	/* rows whose values are looked at */
#define SHAPE_COLUMNS	   256	/* columns whose values are looked at */

/* ---- a sample as a source ---- */

typedef struct Memory
{
	const char *data;
	size_t		length;
} Memory;

static ssize_t
memory_read(void *arg, char *buf, size_t length)
{
	Memory *memory = arg;
	size_t	n = memory->length < length ? memory->length : length;

	memcpy(buf, memory->data, n);
	memory->data += n;
	memory->length -= n;
	return (ssize_t) n;
}

/* ---- how well a dialect fits ---- */

typedef struct Fit
{
	int64_t rows;
	int64_t stray;	/* rows with quotes that make no sense */
	int64_t quoted; /* cells in quotes */
	int64_t widths[WIDTH_LIMIT + 1];
	int		first_width;
} Fit;

static bool
measure(const Bytes *sample, bool from_start, bool whole, const CsvDialect *dialect, Fit *fit)
{
	Memory	   memory = {sample->data, sample->length};
	ByteSource source = {memory_read, &memory};
	CsvReader  reader;
	CsvResult  result;
	int		   last = -1;
	bool	   ok;

	if (!from_start)
	{
		/* Start behind the first line end. */
		const char *p = memchr(memory.data, dialect->cr_only ? '\r' : '\n', memory.length);

		if (p == NULL)
			return true;
		memory.length -= (size_t) (p + 1 - memory.data);
		memory.data = p + 1;
	}
	ok = csv_reader_init(&reader, source, dialect);
	while (ok && (result = csv_reader_next(&reader)) != CSV_END)
	{
		ok = result != CSV_NO_MEMORY;
		if (result == CSV_UNTERMINATED && !whole)
			break;
		if (result == CSV_UNTERMINATED || result == CSV_TOO_LONG)
			fit->stray++;
		if (result != CSV_ROW)
			continue;
		last = reader.cell_count < WIDTH_LIMIT ? reader.cell_count : WIDTH_LIMIT;
		if (fit->rows++ == 0)
			fit->first_width = last;
		fit->widths[last]++;
		fit->stray += reader.stray_quote;
		for (int i = 0; i < reader.cell_count; i++)
			fit->quoted += reader.cells[i].quoted;
	}
	csv_reader_free(&reader);
	if (!whole && last >= 0 && fit->rows > 1) /* the sample may end inside a row */
	{
		fit->widths[last]--;
		fit->rows--;
	}
	return ok;
}

static bool
measure_all(const Bytes *samples, int count, bool whole, const CsvDialect *dialect, Fit *fit)
{
	memset(fit, 0, sizeof(*fit));
	for (int i = 0; i < count; i++)
		if (!measure(&samples[i], i == 0, whole && i == 0, dialect, fit))
			return false;
	return true;
}

/* The width that most rows have; the larger one of two that are as common. */
static int
common_width(const Fit *fit)
{
	int best = 1;

	for (int i = 1; i <= WIDTH_LIMIT; i++)
		if (fit->widths[i] > 0 && fit->widths[i] >= fit->widths[best])
			best = i;
	return best;
}

/* 0 to 1, and a little more for many columns; 0 for a single one. */
static double
score(const Fit *fit, bool likely)
{
	int	   width = common_width(fit);
	double share;
	double result;

	if (fit->rows == 0 || width < 2)
		return 0;
	share = (double) fit->widths[width] / (double) fit->rows;
	/* Rows a little off still show the delimiter. */
	for (int i = 2; i <= WIDTH_LIMIT; i++)
		if (i != width && fit->widths[i] && i * 2 > width && i < width * 2)
			share += 0.5 * (double) fit->widths[i] / (double) fit->rows;
	if (share > 1)
		share = 1;
	result = share * share * (1.0 - 0.8 * (double) fit->stray / (double) (fit->rows + fit->stray));
	result += 0.1 * (1.0 - 2.0 / (width + 1)) * share;
	if (fit->first_width >= 2)
		result += 0.02;
	return likely ? result + 0.1 : result;
}

/* Line ends: lone CR only when there is no LF. */
static bool
is_cr_only(const Bytes *samples, int count)
{
	bool cr = false;

	for (int i = 0; i < count; i++)
	{
		if (memchr(samples[i].data, '\n', samples[i].length))
			return false;
		cr |= memchr(samples[i].data, '\r', samples[i].length) != NULL;
	}
	return cr;
}

/* How often the three characters stand in a row; 0 for c: any character.  The rarest of them is looked for. */
static int64_t
count_pattern(const Bytes *samples, int count, char a, char b, char c)
{
	int		at = c ? 2 : 0; /* which of them is looked for */
	int64_t n = 0;

	for (int i = 0; i < count; i++)
	{
		const char *end = samples[i].data + samples[i].length;

		if (samples[i].length < 3)
			continue;
		for (const char *p = samples[i].data + at; p < end - 2 + at && (p = memchr(p, c ? c : a, (size_t) (end - 2 + at - p))) != NULL; p++)
			n += p[-at] == a && p[1 - at] == b;
	}
	return n;
}

/* Cells that begin with this quote; a line start counts as a delimiter. */
static int64_t
count_openings(const Bytes *samples, int count, char quote, const char *delimiters)
{
	int64_t n = 0;

	for (int i = 0; i < count; i++)
	{
		const char *start = samples[i].data;
		const char *end = start + samples[i].length;

		for (const char *p = start; p < end && (p = memchr(p, quote, (size_t) (end - p))) != NULL; p++)
			n += p == start || p[-1] == '\n' || p[-1] == '\r' || (p[-1] && strchr(delimiters, p[-1]));
	}
	return n;
}

static char
choose_quote(const Bytes *samples, int count, const CsvHints *hints)
{
	if (hints->quote >= 0)
		return (char) hints->quote;
	if (count_openings(samples, count, '"', ",;\t| ") == 0 && count_openings(samples, count, '\'', ",;\t|") >= 4)
		return '\'';
	return '"';
}

static bool
occurs(const Bytes *samples, int count, char c)
{
	for (int i = 0; i < count; i++)
		if (memchr(samples[i].data, c, samples[i].length))
			return true;
	return false;
}

/* Chooses delimiter and quote; fit is left as the winner's. */
static bool
choose_dialect(const Bytes *samples, int count, bool whole, const CsvHints *hints, CsvDialect *dialect, Fit *fit)
{
	static const char candidates[] = ",;\t|";
	Fit				 *trial = malloc(sizeof(Fit));
	double			  best = 0;

	if (trial == NULL)
		return false;
	memset(dialect, 0, sizeof(*dialect));
	dialect->quote = choose_quote(samples, count, hints);
	dialect->cr_only = is_cr_only(samples, count);
	dialect->backslash = dialect->quote && count_pattern(samples, count, '\\', dialect->quote, 0) > 0 &&
						 count_pattern(samples, count, '\\', dialect->quote, 0) > count_pattern(samples, count, '\\', dialect->quote, '\n') +
																					  count_pattern(samples, count, '\\', dialect->quote, '\r') + count_pattern(samples, count, '\\', dialect->quote, ',');
	for (const char *c = candidates; *c; c++)
	{
		CsvDialect candidate = *dialect;
		double	   points;

		/* What stands nowhere makes one column, for which there are no points: half of the time of a small file would go there. */
		if (c > candidates && !occurs(samples, count, *c))
			continue;
		candidate.delimiter = hints->delimiter >= 0 ? (char) hints->delimiter : *c;
		candidate.skip_space = candidate.quote && candidate.delimiter &&
							   count_pattern(samples, count, candidate.delimiter, ' ', candidate.quote) > 0;
		if (!measure_all(samples, count, whole, &candidate, trial))
		{
			free(trial);
			return false;
		}
		points = score(trial, *c == '\t' && hints->tab_likely);
		if (points > best || c == candidates)
		{
			best = points;
			*dialect = candidate;
			*fit = *trial;
		}
		if (hints->delimiter >= 0)
			break;
	}
	free(trial);
	/* One column whose text has a comma here and there. */
	if (hints->delimiter < 0 && (best < 0.25 || (fit->first_width == 1 && best < 0.5)) && common_width(fit) < 3)
	{
		dialect->delimiter = 0;
		dialect->skip_space = false;
		return measure_all(samples, count, whole, dialect, fit);
	}
	return true;
}

/* ---- preamble and header ---- */

typedef struct HeadRow
{
	int	 width;
	int	 filled;  /* cells that are not blank */
	int	 text;	  /* cells that look like words */
	int	 data;	  /* cells that look like dates, addresses, amounts */
	int	 known;	  /* cells that name a column which the table may have */
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

static bool
is_known_name(const CsvHints *hints, const char *value, size_t length)
{
	char name[NAME_LIMIT + 1];

	if (hints->known_count == 0)
		return false;
	normal_name(value, length, name);
	return name[0] && bsearch(name, hints->known, (size_t) hints->known_count, sizeof(char *), compare_names) != NULL;
}

static void
look_at_row(Head *head, const CsvHints *hints, CsvReader *reader)
{
	HeadRow *row = head->rows < HEADER_SEARCH_ROWS ? &head->row[head->rows] : NULL;

	for (int i = 0; i < reader->cell_count; i++)
	{
		const char *value = csv_cell(reader, i);
		size_t		length = reader->cells[i].length;
		Shape		shape = value_shape(value, length);
		bool		data = is_data_shape(shape.kind, value, length);

		if (row)
		{
			row->filled += shape.kind != SHAPE_BLANK;
			row->data += data;
			row->text += shape.kind != SHAPE_BLANK && !data;
			row->known += !data && is_known_name(hints, value, length);
		}
		if (i < head->width)
		{
			head->shapes[head->rows * head->width + i] = data || shape.kind == SHAPE_BLANK ? shape.kind : SHAPE_TEXT;
			head->hashes[head->rows * head->width + i] = hash_of(value, length);
		}
	}
	if (row)
	{
		row->width = reader->cell_count;
		row->comment = reader->cells[0].length > 0 && csv_cell(reader, 0)[0] == '#';
	}
	head->rows++;
}

static bool
look_at_head(const Bytes *sample, const CsvHints *hints, const CsvLayout *layout, Head *head)
{
	Memory	   memory = {sample->data, sample->length};
	ByteSource source = {memory_read, &memory};
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

/* Whether the row tells how to fill the columns in: words where everything below is data. */
static bool
is_instruction(const Head *head, int at)
{
	int words = 0;

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
			return false;
		words++;
	}
	return words >= 2;
}

/* Whether the row names groups of the columns that the row below it names. */
static bool
is_group_row(const Head *head, int at)
{
	const HeadRow *row = &head->row[at];
	const HeadRow *below = &head->row[at + 1];

	return row->width == below->width && row->filled >= 2 && row->filled < below->filled && row->data == 0 && !row->comment;
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

	layout->preamble_rows = at;
	layout->header_rows = hints->header_rows >= 0 ? hints->header_rows : 1;
	if (at >= HEADER_SEARCH_ROWS || at >= head->rows)
		return;
	if (hints->header_rows < 0)
	{
		layout->header_rows = known >= 0 || is_header(head, at);
		layout->instruction_rows = layout->header_rows && is_instruction(head, at + 1);
		if (layout->header_rows && at > separator_line && hints->preamble_rows < 0 && is_group_row(head, at - 1))
		{
			layout->header_rows++;
			layout->preamble_rows--;
		}
	}
	if (layout->header_rows > 0)
		trim_width(head, head->row[at].width, layout);
}

/*
 * Judges the samples.  False only when memory is out; what cannot be told is
 * a table of one column.
 */
bool
csv_detect(const Bytes *samples, int count, bool first_is_whole, const CsvHints *hints, CsvLayout *layout)
{
	Fit		   *fit;
	const char *line_end;
	CsvHints	told = *hints;
	bool		separator_line;
	Head		head;
	bool		ok;

	memset(layout, 0, sizeof(*layout));
	layout->width = 1;
	if (samples[0].length == 0)
		return true;
	line_end = memchr(samples[0].data, '\n', samples[0].length);
	layout->crlf = line_end > samples[0].data && line_end[-1] == '\r';
	separator_line = samples[0].length > 5 && memcmp(samples[0].data, "sep=", 4) == 0 &&
					 (samples[0].data[5] == '\n' || samples[0].data[5] == '\r');
	if (separator_line && hints->delimiter < 0) /* Excel's own hint */
		told.delimiter = (unsigned char) samples[0].data[4];
	hints = &told;
	fit = calloc(1, sizeof(Fit));
	if (fit == NULL || !choose_dialect(samples, count, first_is_whole, hints, &layout->dialect, fit))
	{
		free(fit);
		return false;
	}
	layout->width = common_width(fit);
	layout->rows = fit->rows;
	layout->consistency = fit->rows ? (double) fit->widths[layout->width] / (double) fit->rows : 0;
	/* Letters have a comma in every line, too. */
	layout->tabular = layout->width >= (layout->dialect.delimiter == ',' ? 3 : 2) && layout->rows >= 2 && layout->consistency >= 0.9 && fit->stray * 10 <= fit->rows;
	free(fit);

	ok = look_at_head(&samples[0], hints, layout, &head);
	if (ok && head.rows > 0)
		find_header(&head, hints, separator_line, layout);
	free(head.shapes);
	free(head.hashes);
	return ok;
}
