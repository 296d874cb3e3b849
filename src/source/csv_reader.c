/*
 * csv_reader.c
 *		Delimited text, row by row, with bounded memory.
 *
 * The buffer holds the current row from its first byte on; cells are offsets
 * into it, so that a row costs no copy unless a cell has doubled quotes.
 *
 *		        quote at the start of a cell
 *		   cell ───────────────────────────▶ quoted ──┐ "" and \" stay inside
 *		    │ ▲                                │  ▲───┘
 *		    │ └── delimiter ── quote, then a delimiter, a line end or the end
 *		    ▼
 *		   row end
 *
 * A quote inside a quoted cell that is followed by anything else was meant as
 * a character: the cell goes on if its real end is on the same line or if it
 * spans lines already, else the whole cell is taken as it stands, unquoted.
 * A quote that finds no end before the file ends costs only the line that it
 * stands on, if the next line has as many cells as a row should have.  So does
 * one that finds its end in another cell's quote, many rows later: rows of the
 * right width inside a cell are rows.
 */
#include "source/csv_fast.h"

#include <stdlib.h>
#include <string.h>

#ifndef FIRST_BUFFER_BYTES /* fuzz targets want to see it grow */
#define FIRST_BUFFER_BYTES (256 * 1024)
#endif
#define ROW_LIMIT_BYTES (0x3fffffff - 1024 * 1024) /* what a PostgreSQL value can hold, less headers */

/* After so many quotes without end, quoted cells must end on their line. */
#define UNTERMINATED_LIMIT 8

/* So many lines of the right width, if they are that wide, are rows; fewer do behind a quote that makes no sense. */
#define SWALLOWED_LINES 8
#define SWALLOWED_FEW	3
#define SWALLOWED_WIDTH 4

typedef enum Fill
{
	FILL_MORE,
	FILL_END,
	FILL_TOO_LONG,
	FILL_NO_MEMORY
} Fill;

bool
csv_reader_init(CsvReader *reader, ByteSource source, const CsvDialect *dialect)
{
	memset(reader, 0, sizeof(*reader));
	reader->source = source;
	reader->dialect = *dialect;
	reader->row_limit = ROW_LIMIT_BYTES;
	reader->next_line = 1;
	reader->special[(unsigned char) (dialect->cr_only ? '\r' : '\n')] = 1;
	if (dialect->delimiter)
		reader->special[(unsigned char) dialect->delimiter] = 1;
	reader->size = FIRST_BUFFER_BYTES;
	reader->buffer = malloc(reader->size + CSV_FAST_SLACK);
	reader->fast = csv_is_fast(dialect);
	reader->cell_size = 64;
	reader->cells = malloc(sizeof(CsvCell) * reader->cell_size);
	return reader->buffer != NULL && reader->cells != NULL;
}

void
csv_reader_free(CsvReader *reader)
{
	free(reader->buffer);
	free(reader->cells);
	bytes_free(&reader->scratch);
	reader->buffer = NULL;
	reader->cells = NULL;
}

/* Reads on, keeping the current row; its bytes may move. */
static Fill
fill(CsvReader *reader)
{
	ssize_t n;

	if (reader->at_end)
		return FILL_END;
	if (reader->row > 0)
	{
		memmove(reader->buffer, reader->buffer + reader->row, reader->filled - reader->row);
		reader->filled -= reader->row;
		reader->row = 0;
	}
	if (reader->filled == reader->size)
	{
		size_t size = reader->size * 2;
		char  *bigger;

		if (reader->filled >= reader->row_limit)
			return FILL_TOO_LONG;
		if (size > reader->row_limit)
			size = reader->row_limit;
		bigger = realloc(reader->buffer, size + CSV_FAST_SLACK);
		if (bigger == NULL)
			return FILL_NO_MEMORY;
		reader->buffer = bigger;
		reader->size = size;
	}
	n = reader->source.read(reader->source.arg, reader->buffer + reader->filled, reader->size - reader->filled);
	if (n <= 0)
	{
		reader->at_end = true;
		return FILL_END;
	}
	reader->filled += (size_t) n;
	/* csv_fast_row looks at it, too, and takes no notice. */
	memset(reader->buffer + reader->filled, ' ', CSV_FAST_SLACK);
	return FILL_MORE;
}

bool
csv_reader_ahead(CsvReader *reader, size_t bytes)
{
	while (reader->filled - reader->row - reader->raw_length < bytes)
		if (fill(reader) != FILL_MORE)
			return reader->at_end;
	return false;
}

/* Where the parse of a row stands. */
typedef struct Scan
{
	CsvReader  *reader;
	const char *text;	/* the row's first byte */
	size_t		length; /* bytes of it that are there */
	size_t		at;
	Fill		stop;		/* why no more came */
	size_t		swallowing; /* end of the line whose quote swallows rows; 0: none does */
} Scan;

/* Whether offset at is there, reading on if need be. */
static inline bool
there(Scan *scan, size_t at)
{
	while (at >= scan->length)
	{
		scan->stop = fill(scan->reader);
		scan->text = scan->reader->buffer + scan->reader->row;
		scan->length = scan->reader->filled - scan->reader->row;
		if (scan->stop != FILL_MORE)
			return false;
	}
	return true;
}

/* Adds a cell to the row; false when memory is out. */
static bool
add_cell(CsvReader *reader, size_t offset, size_t length, bool quoted, bool in_scratch)
{
	CsvCell *cell;

	if (reader->cell_count == reader->cell_size)
	{
		CsvCell *more = realloc(reader->cells, sizeof(CsvCell) * reader->cell_size * 2);

		if (more == NULL)
			return false;
		reader->cells = more;
		reader->cell_size *= 2;
	}
	cell = &reader->cells[reader->cell_count++];
	cell->offset = offset;
	cell->length = length;
	cell->quoted = quoted;
	cell->in_scratch = in_scratch;
	return true;
}

/* Whether at stands on a line end, and how long it is. */
static bool
line_end(Scan *scan, size_t at, size_t *length)
{
	bool cr_only = scan->reader->dialect.cr_only;

	if (!there(scan, at))
		return false;
	*length = 1;
	if (scan->text[at] == (cr_only ? '\r' : '\n'))
		return true;
	if (!cr_only && scan->text[at] == '\r' && there(scan, at + 1) && scan->text[at + 1] == '\n')
	{
		*length = 2;
		return true;
	}
	return false;
}

/*
 * What stands behind a quote: whether the quoted cell ends here.  after: where
 * the delimiter, the line end or the end of the file is.
 */
static bool
quote_ends(Scan *scan, size_t at, size_t *after)
{
	char   delimiter = scan->reader->dialect.delimiter;
	size_t length;

	for (;; at++)
	{
		*after = at;
		if (!there(scan, at))
			return scan->stop == FILL_END;
		if ((delimiter && scan->text[at] == delimiter) || line_end(scan, at, &length))
			return true;
		if (scan->text[at] != ' ' && scan->text[at] != '\t')
			return false;
	}
}

/* What was found out about the line that a stray quote is on. */
typedef struct LineEnd
{
	size_t known_to; /* offset up to which the answer holds */
	bool   ends;
} LineEnd;

/* Whether a quote that ends a cell follows on this line. */
static bool
ends_on_line(Scan *scan, size_t at, LineEnd *line)
{
	char   quote = scan->reader->dialect.quote;
	size_t after;

	if (at < line->known_to)
		return line->ends;
	line->ends = false;
	for (; !line->ends && there(scan, at); at++)
	{
		char c = scan->text[at];

		if (c == '\n' || c == '\r')
			break;
		line->ends = c == quote && quote_ends(scan, at + 1, &after);
	}
	line->known_to = at;
	return line->ends;
}

typedef enum Quoted
{
	QUOTED_CELL,
	QUOTED_NOT,	 /* take the cell as it stands */
	QUOTED_OPEN, /* no end */
	QUOTED_NO_MEMORY
} Quoted;

/* Where the next quote (or backslash) is; false when there is none. */
static bool
find_quote(Scan *scan, bool one_line)
{
	CsvReader *reader = scan->reader;
	char	   quote = reader->dialect.quote;

	while (there(scan, scan->at))
	{
		const char *from = scan->text + scan->at;
		size_t		left = scan->length - scan->at;
		const char *hit = NULL;

		if (!one_line && !reader->dialect.backslash)
			hit = memchr(from, quote, left);
		else
			for (size_t i = 0; i < left && hit == NULL; i++)
			{
				if (from[i] == quote || (reader->dialect.backslash && from[i] == '\\'))
					hit = from + i;
				else if (one_line && (from[i] == '\n' || from[i] == '\r'))
					return false;
			}
		if (hit)
		{
			scan->at = (size_t) (hit - scan->text);
			return true;
		}
		scan->at = scan->length;
	}
	return false;
}

static int64_t
count_lines(const CsvReader *reader, const char *text, size_t length)
{
	char	end = reader->dialect.cr_only ? '\r' : '\n';
	int64_t n = 0;

	for (const char *p = text; (p = memchr(p, end, (size_t) (text + length - p))) != NULL; p++)
		n++;
	return n;
}

/* Copies a quoted cell with its doubled quotes and backslashes undone. */
static bool
unescape_cell(CsvReader *reader, const char *text, size_t from, size_t to, size_t *offset)
{
	char   quote = reader->dialect.quote;
	Bytes *out = &reader->scratch;

	*offset = out->length;
	if (!bytes_reserve(out, to - from))
		return false;
	for (size_t i = from; i < to; i++)
	{
		if (i + 1 < to && ((text[i] == quote && text[i + 1] == quote) ||
						   (reader->dialect.backslash && text[i] == '\\' &&
							(text[i + 1] == quote || text[i + 1] == '\\'))))
			i++;
		out->data[out->length++] = text[i];
	}
	return true;
}

/*
 * Cells of the line that starts at offset at, for a guess whether it is a row
 * of its own.  Reads on to its end: how much happens to be in the buffer must
 * not matter.
 */
static int
cells_of_line(Scan *scan, size_t at)
{
	CsvReader *reader = scan->reader;
	char	   quote = reader->dialect.quote;
	bool	   inside = false;
	int		   cells = 1;
	Fill	   stop = scan->stop;

	for (; there(scan, at); at++)
	{
		char c = scan->text[at];

		if (quote && c == quote)
			inside = !inside;
		else if (c == '\n' || c == '\r')
			break;
		else if (!inside && c == reader->dialect.delimiter)
			cells++;
	}
	if (scan->stop != FILL_NO_MEMORY)
		scan->stop = stop; /* of the row at hand nothing is known yet */
	return inside ? 0 : cells;
}

/* Whether the lines of a quoted cell behind its first one are rows of the right width, and wide. */
static bool
swallows_rows(Scan *scan, size_t from, int lines)
{
	CsvReader *reader = scan->reader;
	char	   end = reader->dialect.cr_only ? '\r' : '\n';
	size_t	   first = 0;

	if (reader->width < SWALLOWED_WIDTH)
		return false;

	for (int i = 0; i < lines; i++)
	{
		const char *line = memchr(scan->text + from, end, scan->at - from);

		if (line == NULL)
			return false;
		from = (size_t) (line - scan->text) + 1;
		if (cells_of_line(scan, from) != reader->width)
			return false;
		first = i == 0 ? from : first;
	}
	scan->swallowing = first;
	return true;
}

/* Reads a quoted cell; at stands behind the quote, and then behind the cell. */
static Quoted
quoted_cell(Scan *scan)
{
	CsvReader *reader = scan->reader;
	char	   quote = reader->dialect.quote;
	size_t	   from = scan->at;
	bool	   escaped = false;
	bool	   one_line = reader->unterminated >= UNTERMINATED_LIMIT;
	LineEnd	   line = {0, false};
	size_t	   after,
		offset = from;

	for (;;)
	{
		if (!find_quote(scan, one_line))
			return scan->stop == FILL_NO_MEMORY ? QUOTED_NO_MEMORY : QUOTED_OPEN;
		if (scan->text[scan->at] != quote) /* a backslash */
		{
			if (there(scan, scan->at + 1) && (scan->text[scan->at + 1] == quote || scan->text[scan->at + 1] == '\\'))
			{
				escaped = true;
				scan->at++;
			}
			scan->at++;
			continue;
		}
		if (there(scan, scan->at + 1) && scan->text[scan->at + 1] == quote)
		{
			escaped = true;
			scan->at += 2;
			continue;
		}
		if (quote_ends(scan, scan->at + 1, &after))
			break;
		if (!reader->stray_quote && swallows_rows(scan, from, SWALLOWED_FEW))
			return QUOTED_OPEN;
		reader->stray_quote = true;
		if (!ends_on_line(scan, scan->at + 1, &line) && count_lines(reader, scan->text + from, scan->at - from) == 0)
			return QUOTED_NOT;
		scan->at++;
	}
	if (swallows_rows(scan, from, SWALLOWED_LINES))
		return QUOTED_OPEN;
	reader->next_line += count_lines(reader, scan->text + from, scan->at - from);
	if (after > scan->at + 1)
		reader->stray_quote = true; /* blanks behind the quote are not part of the cell */
	if (escaped && !unescape_cell(reader, scan->text, from, scan->at, &offset))
		return QUOTED_NO_MEMORY;
	if (!add_cell(reader, offset, escaped ? reader->scratch.length - offset : scan->at - from, true, escaped))
		return QUOTED_NO_MEMORY;
	scan->at = after;
	return QUOTED_CELL;
}

/* Where the first line ends, reading on for it: how much happens to be in the buffer must not matter. */
static const char *
first_line_end(Scan *scan, char end, bool read_on)
{
	size_t		from = 0;
	const char *found;

	while ((found = memchr(scan->text + from, end, scan->length - from)) == NULL && read_on)
	{
		from = scan->length;
		if (!there(scan, from))
			break;
	}
	return found;
}

/* Gives up a row that does not end: its first line, or all that is left. */
static CsvResult
give_up(Scan *scan, CsvResult result)
{
	CsvReader  *reader = scan->reader;
	char		end = reader->dialect.cr_only ? '\r' : '\n';
	const char *first = first_line_end(scan, end, result == CSV_UNTERMINATED);
	size_t		raw = first ? (size_t) (first - scan->text) + 1 : scan->length;
	bool		more = first != NULL && raw < scan->length;

	if (scan->stop == FILL_NO_MEMORY)
		return CSV_NO_MEMORY;
	reader->unterminated++;
	if (scan->swallowing > 0)
		raw = scan->swallowing;
	else if (more && result == CSV_UNTERMINATED && reader->unterminated < UNTERMINATED_LIMIT &&
			 reader->width > 1 && cells_of_line(scan, raw) != reader->width)
		raw = scan->length;
	reader->skipping = first == NULL && result == CSV_TOO_LONG;
	reader->cell_count = 0;
	reader->next_line = reader->line + count_lines(reader, scan->text, raw);
	reader->raw_length = raw;
	reader->text_length = raw;
	return result;
}

static bool
is_blank_row(const CsvReader *reader, const char *text)
{
	for (int i = 0; i < reader->cell_count; i++)
		if (reader->cells[i].length > 0 || reader->cells[i].quoted)
		{
			if (reader->cell_count > 1 || reader->cells[i].quoted || reader->width <= 1)
				return false;
			for (size_t j = 0; j < reader->cells[i].length; j++)
				if (text[j] != ' ' && text[j] != '\t' && text[j] != '\r')
					return false;
		}
	return true;
}

/* Drops the rest of a line whose beginning was given up. */
static void
skip_line(CsvReader *reader)
{
	char end = reader->dialect.cr_only ? '\r' : '\n';

	do
	{
		const char *from = reader->buffer + reader->row;
		const char *hit = memchr(from, end, reader->filled - reader->row);

		if (hit)
		{
			reader->row += (size_t) (hit - from) + 1;
			reader->next_line++;
			break;
		}
		reader->row = reader->filled;
	} while (fill(reader) == FILL_MORE);
	reader->skipping = false;
}

/* ---- a row ---- */

/* Passes over blanks before a quote, where the dialect has them. */
static inline void
skip_blanks(Scan *scan)
{
	size_t from = scan->at;

	while (there(scan, scan->at) && scan->text[scan->at] == ' ')
		scan->at++;
	if (!(there(scan, scan->at) && scan->text[scan->at] == scan->reader->dialect.quote))
		scan->at = from;
}

/* Reads a cell without quotes, which begins at from; CSV_ROW: it is there, and at stands behind it. */
static inline CsvResult
plain_cell(Scan *scan, size_t from)
{
	CsvReader			*reader = scan->reader;
	const unsigned char *special = reader->special;
	size_t				 end;

	do
	{
		const char *text = scan->text;
		size_t		length = scan->length;
		size_t		at = scan->at;

		while (at < length && !special[(unsigned char) text[at]])
			at++;
		scan->at = at;
	} while (scan->at == scan->length && there(scan, scan->at));
	if (scan->stop == FILL_TOO_LONG)
		return CSV_TOO_LONG;
	end = scan->at;
	if (end > from && !reader->dialect.cr_only && scan->text[end - 1] == '\r' &&
		(end == scan->length || scan->text[end] == '\n'))
		end--;
	return add_cell(reader, from, end - from, false, false) ? CSV_ROW : CSV_NO_MEMORY;
}

/* Reads the cell at hand: as plain_cell, or CSV_UNTERMINATED. */
static inline CsvResult
read_cell(Scan *scan)
{
	const CsvDialect *dialect = &scan->reader->dialect;
	size_t			  from = scan->at;

	if (dialect->skip_space)
		skip_blanks(scan);
	if (dialect->quote && there(scan, scan->at) && scan->text[scan->at] == dialect->quote)
	{
		scan->at++;
		switch (quoted_cell(scan))
		{
			case QUOTED_CELL:
				return CSV_ROW;
			case QUOTED_OPEN:
				return scan->stop == FILL_TOO_LONG ? CSV_TOO_LONG : CSV_UNTERMINATED;
			case QUOTED_NO_MEMORY:
				return CSV_NO_MEMORY;
			case QUOTED_NOT: /* the quote is a character of a plain cell */
				scan->at = from;
				break;
		}
	}
	return plain_cell(scan, from);
}

/* Whether another cell follows; at then stands before it. */
static inline bool
next_cell(Scan *scan)
{
	char delimiter = scan->reader->dialect.delimiter;

	if (!there(scan, scan->at) || delimiter == 0 || scan->text[scan->at] != delimiter)
		return false;
	scan->at++;
	return true;
}

/* Leaves the row that was handed out last. */
static inline void
leave_row(CsvReader *reader)
{
	reader->row += reader->raw_length;
	reader->raw_length = 0;
	reader->cell_count = 0;
	reader->stray_quote = false;
	reader->ascii = false;
	reader->scratch.length = 0;
	if (reader->skipping)
		skip_line(reader);
	reader->line = reader->next_line;
}

/* Reads the next row; it stays until the next call. */
CsvResult
csv_reader_next(CsvReader *reader)
{
	Scan scan = {.reader = reader, .stop = FILL_MORE};

	leave_row(reader);
	scan.text = reader->buffer + reader->row;
	scan.length = reader->filled - reader->row;
	if (!there(&scan, 0))
		return scan.stop == FILL_NO_MEMORY ? CSV_NO_MEMORY : CSV_END;

	reader->ordinal++;
	/* Once quoted cells must end on their line, a lone CR ends it as well: not so fast. */
	if (reader->fast && reader->unterminated < UNTERMINATED_LIMIT && csv_fast_row(reader))
	{
		reader->next_line++;
		return is_blank_row(reader, scan.text) ? CSV_BLANK : CSV_ROW;
	}
	do
	{
		CsvResult result = read_cell(&scan);

		if (result != CSV_ROW)
			return result == CSV_NO_MEMORY ? result : give_up(&scan, result);
	} while (next_cell(&scan));
	if (scan.stop == FILL_NO_MEMORY)
		return CSV_NO_MEMORY;
	reader->text_length = scan.at;
	if (line_end(&scan, scan.at, &reader->raw_length))
		reader->next_line++;
	else
		reader->raw_length = 0;
	reader->raw_length += scan.at;
	return is_blank_row(reader, scan.text) ? CSV_BLANK : CSV_ROW;
}
