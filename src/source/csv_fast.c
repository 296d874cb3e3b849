/*
 * csv_fast.c
 *		Rows that need no thought: whole in the buffer, each cell on one line and
 *		either without quotes or with one at each end.  Sixty-four bytes at a
 *		time become a word whose bits say where a delimiter, a quote or a line
 *		end stands.  Whatever else a row holds is csv_reader.c's to judge.
 */
#include "source/csv_fast.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

typedef struct Marks
{
	char delimiter;
	char quote;
	char end;
} Marks;

#ifdef __SSE2__

static inline uint64_t
mask_of(__m128i v)
{
	return (uint64_t) (uint32_t) _mm_movemask_epi8(v);
}

/* Which of the 64 bytes are marks; *odd is set when one is NUL or no ASCII. */
static inline uint64_t
find_marks(const char *p, Marks marks, bool *odd)
{
	__m128i	 delimiter = _mm_set1_epi8(marks.delimiter);
	__m128i	 quote = _mm_set1_epi8(marks.quote);
	__m128i	 end = _mm_set1_epi8(marks.end);
	__m128i	 one = _mm_set1_epi8(1);
	__m128i	 least = _mm_set1_epi8(127);
	uint64_t bits = 0;

	for (int i = 0; i < 4; i++)
	{
		__m128i v = _mm_loadu_si128((const __m128i *) (p + 16 * i));
		__m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, delimiter), _mm_cmpeq_epi8(v, quote)), _mm_cmpeq_epi8(v, end));

		bits |= mask_of(hit) << (16 * i);
		least = _mm_and_si128(least, _mm_cmpgt_epi8(v, _mm_setzero_si128()));
	}
	*odd |= mask_of(_mm_cmplt_epi8(least, one)) != 0;
	return bits;
}

#else

static inline uint64_t
find_marks(const char *p, Marks marks, bool *odd)
{
	uint64_t bits = 0;
	bool	 seen = false;

	for (int i = 0; i < 64; i++)
	{
		bits |= (uint64_t) (p[i] == marks.delimiter || p[i] == marks.quote || p[i] == marks.end) << i;
		seen |= (signed char) p[i] <= 0;
	}
	*odd |= seen;
	return bits;
}

#endif

bool
csv_is_fast(const CsvDialect *dialect)
{
	char end = dialect->cr_only ? '\r' : '\n';

	return !dialect->backslash && dialect->delimiter != end && dialect->quote != end &&
		   dialect->delimiter != '\r' && dialect->quote != '\r' && (dialect->delimiter != dialect->quote || dialect->quote == 0);
}

/* Whether a quote that ends its cell stands before at. */
static inline bool
ends_cell(const CsvDialect *dialect, char end, const char *text, size_t at, size_t length)
{
	if (at >= length)
		return false;
	if (text[at] == end || (dialect->delimiter && text[at] == dialect->delimiter))
		return true;
	return !dialect->cr_only && text[at] == '\r' && at + 1 < length && text[at + 1] == '\n';
}

/* The cell from start to at; closed: where its closing quote stands, 0 when it has none. */
static inline void
set_cell(CsvCell *cell, size_t start, size_t closed, size_t at)
{
	cell->in_scratch = false;
	cell->quoted = closed > 0;
	cell->offset = closed ? start + 1 : start;
	cell->length = closed ? closed - start - 1 : at - start;
}

/*
 * Splits the row at the start of the buffer into its cells.  False: it is not
 * that simple, and nothing but the cells has changed.
 */
bool
csv_fast_row(CsvReader *reader)
{
	const CsvDialect *dialect = &reader->dialect;
	const char		 *text = reader->buffer + reader->row;
	size_t			  length = reader->filled - reader->row;
	char			  end = dialect->cr_only ? '\r' : '\n';
	Marks			  marks = {dialect->delimiter ? dialect->delimiter : end, dialect->quote ? dialect->quote : end, end};
	size_t			  start = 0;
	size_t			  closed = 0; /* where the quoted cell that was opened at start ended */
	bool			  open = false;
	bool			  odd = false;
	CsvCell			 *cell = reader->cells;
	CsvCell			 *last = reader->cells + reader->cell_size;

	for (size_t block = 0; block < length; block += 64)
	{
		uint64_t bits = find_marks(text + block, marks, &odd);

		if (length - block < 64)
			bits &= (UINT64_C(1) << (length - block)) - 1;
		for (; bits; bits &= bits - 1)
		{
			size_t at = block + (size_t) __builtin_ctzll(bits);
			char   c = text[at];

			if (c == marks.quote && c != end)
			{
				if (open)
				{
					if (!ends_cell(dialect, end, text, at + 1, length))
						return false;
					open = false;
					closed = at;
				}
				else
					open = at == start;
				continue;
			}
			if (open)
			{
				if (c == end)
					return false;
				continue;
			}
			if (cell == last || (dialect->skip_space && !closed && text[start] == ' '))
				return false;
			set_cell(cell, start, closed, at);
			if (c == end)
			{
				bool cr = !dialect->cr_only && at > start && text[at - 1] == '\r';

				cell->length -= cr && !closed;
				reader->cell_count = (int) (cell - reader->cells) + 1;
				reader->text_length = cr && closed ? at - 1 : at;
				reader->raw_length = at + 1;
				reader->ascii = !odd;
				return true;
			}
			cell++;
			start = at + 1;
			closed = 0;
		}
	}
	return false;
}
