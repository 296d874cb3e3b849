/*
 * dialect.c
 *		Delimiter, quote and line ends of delimited text, judged by the whole
 *		shape: each candidate parses samples from all over the file, and the one
 *		whose rows agree on their width wins.
 */
#include "source/text_core.h"

#include <stdlib.h>
#include <string.h>

#define WIDTH_LIMIT 2048 /* columns; wider rows count as this wide */

/* ---- how well a dialect fits ---- */

typedef struct Fit
{
	int64_t rows;
	int64_t stray;	/* rows with quotes that make no sense */
	int64_t quoted; /* cells in quotes */
	int64_t widths[WIDTH_LIMIT + 1];
	int		first_width;
} Fit;

/* Parses a sample by the dialect and adds up how its rows look; false when memory is out. */
static bool
measure(const Bytes *sample, bool from_start, bool whole, const CsvDialect *dialect, Fit *fit)
{
	Bytes	   left = *sample;
	ByteSource source = {bytes_read, &left};
	CsvReader  reader;
	CsvResult  result;
	int		   last = -1;
	bool	   ok;

	if (!from_start)
	{
		/* Start behind the first line end. */
		char *p = memchr(left.data, dialect->cr_only ? '\r' : '\n', left.length);

		if (p == NULL)
			return true;
		left.length -= (size_t) (p + 1 - left.data);
		left.data = p + 1;
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

/* Such quotes right before a delimiter or a line end. */
static int64_t
count_closings(const Bytes *samples, int count, char quote, const char *delimiters)
{
	int64_t n = 0;

	for (int i = 0; i < count; i++)
	{
		const char *start = samples[i].data;
		const char *end = start + samples[i].length;

		for (const char *p = start; p < end && (p = memchr(p, quote, (size_t) (end - p))) != NULL; p++)
			n += p + 1 == end || p[1] == '\n' || p[1] == '\r' || (p[1] && strchr(delimiters, p[1]));
	}
	return n;
}

/* An apostrophe before a number, as Excel's users write it to keep zeros, closes nothing. */
static bool
is_single_quoted(const Bytes *samples, int count)
{
	int64_t openings = count_openings(samples, count, '\'', ",;\t|");

	return openings >= 4 && count_closings(samples, count, '\'', ",;\t|") * 10 >= openings * 9;
}

static char
choose_quote(const Bytes *samples, int count, const CsvHints *hints)
{
	if (hints->quote >= 0)
		return (char) hints->quote;
	if (count_openings(samples, count, '"', ",;\t| ") == 0 && is_single_quoted(samples, count))
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
	static const char candidates[] = ",;\t|^~\x1f\x01";
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
	if (hints->escape >= 0)
		dialect->backslash = dialect->quote && hints->escape == '\\';
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
		/* a rare one stands in the header, too */
		if (strchr(",;\t|", *c) == NULL && trial->first_width < 2 && hints->delimiter < 0)
			points = 0;
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

	return csv_find_header(&samples[0], hints, separator_line, layout);
}
