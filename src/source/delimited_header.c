/*
 * delimited_header.c
 *		What stands above the rows of a table: its title and other lines, the
 *		rows that name its columns.
 */
#include "source/delimited.h"

/* A header cell that is not quite what stands in the file. */
typedef struct DamagedName
{
	int	   column;
	char  *data;
	size_t length;
	Damage damage;
} DamagedName;

/* A header cell as text; what it was, when it is damaged, waits until its column has a name. */
static char *
decode_name(Delimited *d, int i)
{
	const CsvCell *cell = &d->reader->cells[i];
	const char	  *data = csv_cell(d->reader, i);
	Bytes		   text = {0};
	Damage		   damage = {0};
	char		  *result;

	if (!text_decode(d->encoding, data, cell->length, &text, &damage))
		out_of_memory();
	result = pnstrdup(text.data ? text.data : "", text.length);
	bytes_free(&text);
	if (damage.invalid > 0 || damage.nuls > 0)
	{
		DamagedName *name = palloc(sizeof(DamagedName));

		*name = (DamagedName){i, memcpy(palloc(cell->length), data, cell->length), cell->length, damage};
		d->damaged_names = lappend(d->damaged_names, name);
	}
	return result;
}

/* Keeps what damaged header cells were, now that their columns have names. */
void
delimited_keep_names(Delimited *d)
{
	ListCell *cell;

	foreach (cell, d->damaged_names)
	{
		DamagedName *name = lfirst(cell);

		if (name->column < d->file->column_count)
			original_keep_damaged(d->file, d->header_line, d->file->columns[name->column], name->data, name->length, &name->damage);
	}
}

/*
 * The names in several header rows: the last one names a column, the ones
 * above (a group's name stands over its first column) help when that is
 * empty or not the only one of its name.  wrapped: they are its first words.
 */
static void
join_header(char **group, char **header, int count, bool wrapped)
{
	char *above = "";

	for (int i = 0; i < count; i++)
	{
		bool twin = header[i][0] == '\0' || wrapped;

		if (group[i][0] != '\0')
			above = group[i];
		for (int j = 0; j < count && !twin; j++)
			twin = j != i && pg_strcasecmp(header[i], header[j]) == 0;
		group[i] = twin && above[0] ? psprintf("%s %s", above, header[i]) : header[i];
	}
	memcpy(header, group, sizeof(char *) * count);
}

/* Cells of the header at hand; of a table below the first one without the empty ones that a wider table has left behind them. */
static int
header_cells(Delimited *d)
{
	int count = d->reader->cell_count;

	while (d->table > 1 && count > 1 && d->reader->cells[count - 1].length == 0)
		count--;
	return count;
}

/* Remembers the header as it stands, and tells when it names fewer columns than the rows below it have. */
static void
note_header(Delimited *d)
{
	d->above.header.length = 0;
	if (!bytes_append(&d->above.header, csv_raw(d->reader), d->reader->text_length))
		out_of_memory();
	if (d->layout.width > d->reader->cell_count && !d->sheet)
		finding_add(&d->file->findings, "warning", "UNNAMED_COLUMNS", delimited_line(d),
					"Most rows have more cells than the header; the last ones are columns without a name",
					"Look whether the cells stand under the right names: a separator inside a cell that is not quoted (1,50) moves all behind it.")
			->count = d->layout.width - d->reader->cell_count;
}

/* The text of a title's only cell, without brackets, and without what divides names of parts and of folders. */
char *
delimited_title(Delimited *d)
{
	char  *title = decode_name(d, 0);
	size_t length = strcspn(title, "\r\n");

	while (length > 0 && strchr("[]#*=:- ", title[length - 1]))
		length--;
	title[length] = '\0';
	title += strspn(title, "[]#*=:- ");
	for (char *p = title; *p; p++)
		if (*p == '!' || *p == '/')
			*p = ' ';
	return title;
}

/* A line above the header: a title of one word may say what kind of rows there are; one that is as full as the table is more than that. */
static void
note_preamble(Delimited *d)
{
	int filled = 0;

	for (int i = 0; i < d->reader->cell_count; i++)
		filled += d->reader->cells[i].length > 0;
	d->full_above |= filled > 2 && filled >= d->layout.width;
	if (filled == 1 && d->table == 1 && d->file->second_base == NULL && d->reader->cells[0].length > 0)
	{
		char *title = delimited_title(d);

		if (title[0] && strcspn(title, " \t,;") == strlen(title))
			d->file->second_base = title;
	}
}

/* Reads past the preamble and through the header rows, which it keeps but for the last; leaves the reader at the first row of data. */
char **
delimited_header(Delimited *d, int *count)
{
	char **header = NULL;
	int	   preamble = d->layout.preamble_rows;
	int	   rows = d->layout.header_rows;

	*count = 0;
	while (preamble > 0 || rows > 0)
	{
		CsvResult result = d->at_row ? CSV_ROW : csv_reader_next(d->reader);
		char	**row;
		int		  width;

		d->at_row = false;
		if (result == CSV_NO_MEMORY)
			out_of_memory();
		if (result == CSV_END)
			break;
		if (result == CSV_BLANK)
			continue;
		if (result != CSV_ROW)
		{
			delimited_reject_unread(d, result);
			continue;
		}
		if (preamble > 0 || rows > 1)
			original_keep(d->file, delimited_line(d), NULL, csv_raw(d->reader), d->reader->raw_length);
		if (preamble > 0)
		{
			note_preamble(d);
			preamble--;
			continue;
		}
		d->header_line = d->file->header_line = delimited_line(d);
		note_header(d);
		width = Max(Max(header_cells(d), *count), d->layout.width);
		row = palloc(sizeof(char *) * width);
		d->damaged_names = NIL;
		for (int i = 0; i < width; i++)
			row[i] = i < header_cells(d) ? decode_name(d, i) : "";
		if (header)
		{
			while (*count < width)
			{
				header = repalloc(header, sizeof(char *) * width);
				header[(*count)++] = "";
			}
			join_header(header, row, width, d->layout.wrapped);
		}
		header = row;
		*count = width;
		rows--;
	}
	if (header == NULL)
	{
		*count = Max(d->layout.width, 1);
		header = palloc(sizeof(char *) * *count);
		for (int i = 0; i < *count; i++)
			header[i] = "";
	}
	return header;
}
