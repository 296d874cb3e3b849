/*
 * delimited_rows.c
 *		The rows of a table of delimited text: staged, or rejected, or told of.
 */
#include "source/delimited.h"

/* Where the row is, as the user can find it. */
int64
delimited_line(Delimited *d)
{
	return d->sheet ? d->reader->ordinal : d->reader->line;
}

void
delimited_reject(Delimited *d, const char *code, const char *reason, const char *message, const char *hint)
{
	loader_reject(d->file, delimited_line(d), reason, csv_raw(d->reader), d->reader->raw_length);
	finding_add(&d->file->findings, "warning", code, delimited_line(d), message, hint);
}

/* A row whose end cannot be found. */
void
delimited_reject_unread(Delimited *d, CsvResult result)
{
	d->file->rows_read++;
	if (result == CSV_UNTERMINATED)
		delimited_reject(d, "UNTERMINATED_QUOTE", "a quote is opened and never closed",
						 "A quote is opened and never closed; its line is not staged, nor what follows unless rows of the right width go on there",
						 "Is the export cut off? Ask for it again, or mend the line.");
	else
		delimited_reject(d, "ROW_TOO_LONG", "longer than 1 GB", "Rows longer than 1 GB are not staged", NULL);
}

static bool
extras_are_empty(CsvReader *reader, int from)
{
	for (int i = from; i < reader->cell_count; i++)
		if (reader->cells[i].length > 0)
			return false;
	return true;
}

static void
look_at_first_row(Delimited *d)
{
	d->above.data = palloc0(sizeof(bool) * Max(d->file->column_count, 1));
	for (int i = 0; i < Min(d->reader->cell_count, d->file->column_count); i++)
		d->above.data[i] = csv_is_data(d->reader, i);
}

/* Whether another table begins at the row at hand, which is then no row of this one. */
static bool
ends_table(Delimited *d)
{
	NextTable next;

	if (d->only_one)
		return false;
	next = csv_next_table(d->reader, &d->hints, &d->above, d->after_blank);
	if (next == TABLE_DOUBTFUL && d->after_blank)
		finding_add(&d->file->findings, "warning", "SECOND_TABLE", delimited_line(d),
					"Behind a gap stands what looks like the header of another table; it and its rows are taken for rows of this one",
					"If it is one, cut the file in two at that line, and import both.");
	if (next != TABLE_HERE && next != TABLE_BELOW_TITLE)
		return false;
	finding_add(&d->file->findings, "info", "SECOND_TABLE", delimited_line(d), "Below the table stands another one; it is staged as a table of its own",
				"If they are one table: options => '{\"tables\": 1, \"again\": true}'");
	d->layout.preamble_rows = next == TABLE_BELOW_TITLE;
	return true;
}

/* Rejects the row at hand when it is none of the table; false when it is one. */
static bool
reject_odd_row(Delimited *d)
{
	if (d->keep_all)
		return false;
	if (csv_is_header_again(d->reader, &d->above.header))
	{
		delimited_reject(d, "REPEATED_HEADER", "the header once more", "The header stands once more among the rows, as in a printed report or in files put together; it is not staged there", NULL);
		return true;
	}
	switch (csv_odd_row(d->reader, d->file->column_count))
	{
		case ROW_PLAIN:
			return false;
		case ROW_TOTALS:
			delimited_reject(d, "TOTALS_ROW", "a sum of the rows above", "Rows that sum up others are no records; they are not staged",
							 "If they are records: options => '{\"rows\": \"all\", \"again\": true}'");
			return true;
		case ROW_FOOTER:
			delimited_reject(d, "FOOTER_ROW", "a line of the report, not of the table", "Page numbers, counts, comments and the like among the rows are not staged",
							 "If they are records: options => '{\"rows\": \"all\", \"again\": true}'");
			return true;
		case ROW_LONE:
			finding_add(&d->file->findings, "warning", "LONE_CELL", delimited_line(d), "Rows have one cell alone that is not empty; they are staged",
						"Look whether they are records or headings.");
			return false;
	}
	return false;
}

/* Tells of a row that was too short. */
static void
note_short_row(Delimited *d, int count)
{
	SourceFile *file = d->file;
	CsvReader  *reader = d->reader;
	Finding	   *finding = finding_add(&file->findings, "info", "TOO_FEW_CELLS", delimited_line(d),
									  "Rows have fewer cells than the header; the missing ones are NULL", NULL);

	if (d->short_line > 0 && count + d->short_cells - 1 == file->column_count)
	{
		finding_add(&file->findings, "warning", "SPLIT_ROW", d->short_line,
					"Two rows, one below the other, have together the cells of one: a line break in a cell that was not quoted? They are staged as they stand",
					"Mend the line, or export again with text in quotes.");
		d->short_line = 0;
		return;
	}
	d->short_line = delimited_line(d);
	d->short_cells = count;
	if (finding->count == 1 && reader->raw_length == reader->text_length && reader->at_end)
		finding_add(&file->findings, "warning", "CUT_OFF", delimited_line(d),
					"The file ends inside its last row, which no other is as short as: is it cut off?", "Ask for the export again, or compare how many rows it should have.");
}

static bool
holds(const char *text, size_t length, const char *wanted)
{
	size_t n = strlen(wanted);

	for (size_t i = 0; i + n <= length; i++)
		if (text[i] == wanted[0] && memcmp(text + i, wanted, n) == 0)
			return true;
	return false;
}

/*
 * Whether the row holds UTF-8 that was taken for Windows-1252: a letter with
 * an accent then is a capital A with a tilde and a sign, which no word has.
 */
static bool
is_encoded_twice(Delimited *d)
{
	const char *text = csv_raw(d->reader);
	size_t		length = d->reader->text_length;
	const char *name = d->encoding->name;

	if (d->encoding->kind != ENCODING_SINGLE_BYTE)
		return holds(text, length, "\xC3\x83\xC2") || holds(text, length, "\xC3\xA2\xE2\x82\xAC");
	if (!ascii_equal(name, "WINDOWS-1252") && !ascii_begins(name, "ISO-8859-1"))
		return false;
	for (size_t i = 0; i + 1 < length; i++)
		if (text[i] == '\xC3' && ((unsigned char) text[i + 1] & 0xC0) == 0x80)
			return true;
	return false;
}

/* Stages the row at hand, or rejects it. */
static void
load_row(Delimited *d)
{
	CsvReader  *reader = d->reader;
	SourceFile *file = d->file;
	int			count = reader->cell_count;
	bool		plain;

	if (reject_odd_row(d))
		return;
	if (d->above.data == NULL)
		look_at_first_row(d);
	if (count > file->column_count)
	{
		if (!extras_are_empty(reader, file->column_count))
		{
			delimited_reject(d, "TOO_MANY_CELLS", psprintf("%d cells instead of %d", reader->cell_count, file->column_count),
							 "Rows with more cells than the header are not staged",
							 "Look at them: SELECT line_no, reason, convert_from(raw, 'UTF8') FROM flitmig.reject;");
			return;
		}
		count = file->column_count;
	}
	if (!reader->ascii && is_encoded_twice(d))
		finding_add(&file->findings, "warning", "ENCODED_TWICE", delimited_line(d),
					"Cells hold UTF-8 that somebody has read as another encoding before (\xC3\x83\xC2\xA9 for \xC3\xA9); they are staged as they are",
					"Ask for the export again; or undo it in the profile: convert_from(convert_to(s.name, 'WIN1252'), 'UTF8')");
	plain = reader->ascii || text_is_plain(d->encoding, csv_raw(reader), reader->raw_length);
	for (int i = 0; i < count; i++)
	{
		if (reader->cells[i].length == 0 && !reader->cells[i].quoted)
			continue;
		if (plain)
			loader_cell(d->loader, i, csv_cell(reader, i), reader->cells[i].length);
		else
			loader_text(d->loader, i, d->encoding, csv_cell(reader, i), reader->cells[i].length);
	}
	if (!loader_row(d->loader, delimited_line(d)))
	{
		delimited_reject(d, "ROW_TOO_WIDE", "too wide for a table", "Rows too wide for a table are not staged", NULL);
		return;
	}
	if (count < file->column_count && !d->sheet)
		note_short_row(d, count);
	else
		d->short_line = 0;
	if (reader->stray_quote)
		finding_add(&file->findings, "info", "STRAY_QUOTE", delimited_line(d),
					"Cells hold a quote that neither ends nor is doubled; it is kept as a character", NULL);
}

/* Stages all rows of the table; false when another one begins at the row that the reader then stands on. */
bool
delimited_rows(Delimited *d)
{
	SourceFile *file = d->file;

	for (;;)
	{
		CsvResult result = csv_reader_next(d->reader);

		switch (result)
		{
			case CSV_END:
				return true;
			case CSV_NO_MEMORY:
				out_of_memory();
			case CSV_BLANK:
				finding_add(&file->findings, "info", "BLANK_ROWS", delimited_line(d),
							"Rows without any content are skipped and not counted", NULL);
				d->after_blank = true;
				break;
			case CSV_ROW:
				if (ends_table(d))
					return false;
				file->rows_read++;
				if (d->layout.instruction_rows > 0)
				{
					d->layout.instruction_rows--;
					delimited_reject(d, "INSTRUCTION_ROW", "below the header, and tells how to fill the columns in",
									 "A row below the header tells how to fill the columns in; it is not staged",
									 "If it is data: options => '{\"header\": 1, \"again\": true}'");
				}
				else
					load_row(d);
				d->after_blank = false;
				break;
			case CSV_UNTERMINATED:
			case CSV_TOO_LONG:
				delimited_reject_unread(d, result);
				break;
		}
	}
}
