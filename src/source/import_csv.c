/*
 * import_csv.c
 *		Delimited text files: layout, columns, rows.
 */
#include "source/source.h"

#include "miscadmin.h"

#define HEAD_SAMPLE_BYTES  (1024 * 1024)
#define INNER_SAMPLE_BYTES (64 * 1024)
#define INNER_SAMPLES	   8

/* What one import of a delimited file works with. */
typedef struct Delimited
{
	Import		   *import;
	Input		   *input;
	SourceFile	   *file;
	CsvLayout		layout;
	CsvReader	   *reader;
	Loader		   *loader;
	CsvHints		hints;
	const Encoding *encoding; /* of the reader's bytes */
	bool			sheet;	  /* each row of the text is a row of a sheet */
	bool			keep_all; /* rows that look like none are rows */
	bool			only_one; /* nothing is looked for below the first table */

	/* the table */
	int		   table;		/* which one of the file, from 1 */
	bool	   at_row;		/* the reader stands on its first row, a title or a header */
	int64	   header_line; /* of the row that names the columns */
	TableAbove above;		/* the table, as far as it tells it from the next one */
	bool	   after_blank; /* rows without content are right above */
	List	  *damaged_names;
	List	  *titles;	   /* of the tables so far */
	bool	   full_above; /* a line above the header is as full as the table */

	/* a row that was too short, when it is right above */
	int64 short_line;
	int	  short_cells;
} Delimited;

static void
release_reader(void *object)
{
	csv_reader_free(object);
}

static void
release_sample(void *object)
{
	bytes_free(object);
}

static void
take_sample(ByteSource source, size_t limit, Bytes *sample)
{
	ssize_t n = 1;

	guard(release_sample, sample);
	if (!bytes_reserve(sample, limit))
		out_of_memory();
	while (sample->length < limit && n > 0)
	{
		n = source.read(source.arg, sample->data + sample->length, limit - sample->length);
		sample->length += (size_t) n;
	}
}

/* Samples from the start and, in long files, from all over. */
static int
take_samples(Input *input, Bytes samples[INNER_SAMPLES + 1], bool *whole)
{
	int count = 1;

	take_sample(input_text(input), HEAD_SAMPLE_BYTES, &samples[0]);
	*whole = samples[0].length < HEAD_SAMPLE_BYTES;
	if (input->encoding.kind != ENCODING_CONVERTED)
		for (; count <= INNER_SAMPLES; count++)
		{
			int64 at = input->bytes / (INNER_SAMPLES + 1) * count;

			if (at < HEAD_SAMPLE_BYTES || at + INNER_SAMPLE_BYTES > input->bytes)
				break;
			take_sample(input_source(input, at), INNER_SAMPLE_BYTES, &samples[count]);
		}
	return count;
}

static void
detect(Input *input, const CsvHints *hints, CsvLayout *layout)
{
	Bytes *samples = palloc0(sizeof(Bytes) * (INNER_SAMPLES + 1));
	bool   whole;
	int	   count = take_samples(input, samples, &whole);

	if (!csv_detect(samples, count, whole, hints, layout))
		out_of_memory();
	for (int i = 0; i < count; i++)
		bytes_free(&samples[i]);
}

bool
input_is_tabular(Input *input)
{
	CsvHints  hints = {.delimiter = -1, .quote = -1, .header_rows = -1, .preamble_rows = -1};
	CsvLayout layout;

	if (input->has_nuls && input->encoding.kind != ENCODING_CONVERTED)
		return false;
	detect(input, &hints, &layout);
	return layout.tabular;
}

static int
option_character(Import *import, const char *name, const char *key)
{
	char *value = import_option(import, name, key);

	if (value == NULL)
		return -1;
	if (strcmp(value, "\\t") == 0 || pg_strcasecmp(value, "tab") == 0)
		return '\t';
	if (strlen(value) > 1 || (value[0] & 0x80))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("option \"%s\" must be one ASCII character", key),
						errhint("For example options => '{\"%s\": \";\"}'; a tab is \"\\\\t\", and \"\" means none.", key)));
	return (unsigned char) value[0];
}

static int
option_number(Import *import, const char *name, const char *key)
{
	char *value = import_option(import, name, key);

	if (value == NULL)
		return -1;
	if (strcmp(value, "true") == 0)
		return 1;
	if (strcmp(value, "false") == 0)
		return 0;
	if (strspn(value, "0123456789") != strlen(value) || strlen(value) > 4)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("option \"%s\" must be a number of rows", key)));
	return atoi(value);
}

/* Every name that a column has in the migration's profile; asked for once an import. */
static void
read_known_names(Import *import, CsvHints *hints)
{
	if (import->known_names == NULL)
	{
		MemoryContext old;
		SqlArguments  args = {0};
		uint64		  count;

		sql_int(&args, import->migration);
		count = sql_run("SELECT n FROM flitmig._known_columns($1) n ORDER BY n COLLATE \"C\"", &args);
		old = MemoryContextSwitchTo(import->context);
		import->known_names = palloc(sizeof(char *) * Max(count, 1));
		for (uint64 i = 0; i < count; i++)
			import->known_names[i] = sql_value(i, 1);
		import->known_count = (int) count;
		MemoryContextSwitchTo(old);
	}
	hints->known = (const char *const *) import->known_names;
	hints->known_count = import->known_count;
}

static CsvHints
read_hints(Import *import, const char *name)
{
	CsvHints hints = {0};
	size_t	 length = strlen(name);

	hints.delimiter = option_character(import, name, "delimiter");
	hints.quote = option_character(import, name, "quote");
	hints.header_rows = option_number(import, name, "header");
	hints.preamble_rows = option_number(import, name, "skip");
	read_known_names(import, &hints);
	hints.tab_likely = length > 4 && (pg_strcasecmp(name + length - 4, ".tsv") == 0 || pg_strcasecmp(name + length - 4, ".tab") == 0);
	return hints;
}

/* ---- where a row is, and rows that cannot be staged ---- */

/* Where the row is, as the user can find it. */
static int64
row_line(Delimited *d)
{
	return d->sheet ? d->reader->ordinal : d->reader->line;
}

static void
reject(Delimited *d, const char *code, const char *reason, const char *message, const char *hint)
{
	loader_reject(d->file, row_line(d), reason, csv_raw(d->reader), d->reader->raw_length);
	finding_add(&d->file->findings, "warning", code, row_line(d), message, hint);
}

/* A row whose end cannot be found. */
static void
reject_unread(Delimited *d, CsvResult result)
{
	d->file->rows_read++;
	if (result == CSV_UNTERMINATED)
		reject(d, "UNTERMINATED_QUOTE", "a quote is opened and never closed",
			   "A quote is opened and never closed; its line is not staged, nor what follows unless rows of the right width go on there",
			   "Is the export cut off? Ask for it again, or mend the line.");
	else
		reject(d, "ROW_TOO_LONG", "longer than 1 GB", "Rows longer than 1 GB are not staged", NULL);
}

/* ---- header ---- */

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
static void
keep_damaged_names(Delimited *d)
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
		finding_add(&d->file->findings, "warning", "UNNAMED_COLUMNS", row_line(d),
					"Most rows have more cells than the header; the last ones are columns without a name",
					"Look whether the cells stand under the right names: a separator inside a cell that is not quoted (1,50) moves all behind it.")
			->count = d->layout.width - d->reader->cell_count;
}

/* The text of a title's only cell, without brackets, and without what divides names of parts and of folders. */
static char *
title_text(Delimited *d)
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
		char *title = title_text(d);

		if (title[0] && strcspn(title, " \t,;") == strlen(title))
			d->file->second_base = title;
	}
}

/* Reads past the preamble and through the header rows, which it keeps but for the last; leaves the reader at the first row of data. */
static char **
read_header(Delimited *d, int *count)
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
			reject_unread(d, result);
			continue;
		}
		if (preamble > 0 || rows > 1)
			original_keep(d->file, row_line(d), NULL, csv_raw(d->reader), d->reader->raw_length);
		if (preamble > 0)
		{
			note_preamble(d);
			preamble--;
			continue;
		}
		d->header_line = d->file->header_line = row_line(d);
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

/* ---- rows ---- */

static bool
extras_are_empty(CsvReader *reader, int from)
{
	for (int i = from; i < reader->cell_count; i++)
		if (reader->cells[i].length > 0)
			return false;
	return true;
}

/* An identifier, amount, date or address: what no header is. */
static bool
is_data(Delimited *d, int i)
{
	ShapeKind kind = value_shape(csv_cell(d->reader, i), d->reader->cells[i].length).kind;

	return kind != SHAPE_BLANK && kind != SHAPE_TEXT && kind != SHAPE_BOOLEAN;
}

static void
look_at_first_row(Delimited *d)
{
	d->above.data = palloc0(sizeof(bool) * Max(d->file->column_count, 1));
	for (int i = 0; i < Min(d->reader->cell_count, d->file->column_count); i++)
		d->above.data[i] = is_data(d, i);
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
		finding_add(&d->file->findings, "warning", "SECOND_TABLE", row_line(d),
					"Behind a gap stands what looks like the header of another table; it and its rows are taken for rows of this one",
					"If it is one, cut the file in two at that line, and import both.");
	if (next != TABLE_HERE && next != TABLE_BELOW_TITLE)
		return false;
	finding_add(&d->file->findings, "info", "SECOND_TABLE", row_line(d), "Below the table stands another one; it is staged as a table of its own",
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
		reject(d, "REPEATED_HEADER", "the header once more", "The header stands once more among the rows, as in a printed report or in files put together; it is not staged there", NULL);
		return true;
	}
	switch (csv_odd_row(d->reader, d->file->column_count))
	{
		case ROW_PLAIN:
			return false;
		case ROW_TOTALS:
			reject(d, "TOTALS_ROW", "a sum of the rows above", "Rows that sum up others are no records; they are not staged",
				   "If they are records: options => '{\"rows\": \"all\", \"again\": true}'");
			return true;
		case ROW_FOOTER:
			reject(d, "FOOTER_ROW", "a line of the report, not of the table", "Page numbers, counts, comments and the like among the rows are not staged",
				   "If they are records: options => '{\"rows\": \"all\", \"again\": true}'");
			return true;
		case ROW_LONE:
			finding_add(&d->file->findings, "warning", "LONE_CELL", row_line(d), "Rows have one cell alone that is not empty; they are staged",
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
	Finding	   *finding = finding_add(&file->findings, "info", "TOO_FEW_CELLS", row_line(d),
									  "Rows have fewer cells than the header; the missing ones are NULL", NULL);

	if (d->short_line > 0 && count + d->short_cells - 1 == file->column_count)
	{
		finding_add(&file->findings, "warning", "SPLIT_ROW", d->short_line,
					"Two rows, one below the other, have together the cells of one: a line break in a cell that was not quoted? They are staged as they stand",
					"Mend the line, or export again with text in quotes.");
		d->short_line = 0;
		return;
	}
	d->short_line = row_line(d);
	d->short_cells = count;
	if (finding->count == 1 && reader->raw_length == reader->text_length && reader->at_end)
		finding_add(&file->findings, "warning", "CUT_OFF", row_line(d),
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
			reject(d, "TOO_MANY_CELLS", psprintf("%d cells instead of %d", reader->cell_count, file->column_count),
				   "Rows with more cells than the header are not staged",
				   "Look at them: SELECT line_no, reason, convert_from(raw, 'UTF8') FROM flitmig.reject;");
			return;
		}
		count = file->column_count;
	}
	if (!reader->ascii && is_encoded_twice(d))
		finding_add(&file->findings, "warning", "ENCODED_TWICE", row_line(d),
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
	if (!loader_row(d->loader, row_line(d)))
	{
		reject(d, "ROW_TOO_WIDE", "too wide for a table", "Rows too wide for a table are not staged", NULL);
		return;
	}
	if (count < file->column_count && !d->sheet)
		note_short_row(d, count);
	else
		d->short_line = 0;
	if (reader->stray_quote)
		finding_add(&file->findings, "info", "STRAY_QUOTE", row_line(d),
					"Cells hold a quote that neither ends nor is doubled; it is kept as a character", NULL);
}

/* Stages all rows of the table; false when another one begins at the row that the reader then stands on. */
static bool
load_rows(Delimited *d)
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
				finding_add(&file->findings, "info", "BLANK_ROWS", row_line(d),
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
					reject(d, "INSTRUCTION_ROW", "below the header, and tells how to fill the columns in",
						   "A row below the header tells how to fill the columns in; it is not staged",
						   "If it is data: options => '{\"header\": 1, \"again\": true}'");
				}
				else
					load_row(d);
				d->after_blank = false;
				break;
			case CSV_UNTERMINATED:
			case CSV_TOO_LONG:
				reject_unread(d, result);
				break;
		}
	}
}

/* How often the most frequent separator stands in a name. */
static int
count_separators(const char *name)
{
	int best = 0;

	for (const char *separator = ",;\t|"; *separator; separator++)
	{
		int count = 0;

		for (const char *p = name; (p = strchr(p, *separator)) != NULL; p++)
			count++;
		best = Max(best, count);
	}
	return best;
}

static void
note_layout(Delimited *d)
{
	SourceFile *file = d->file;
	ListCell   *cell;

	if (file->preamble_rows > 0)
		finding_add(&file->findings, d->full_above ? "warning" : "info", "PREAMBLE", d->table > 1 ? d->header_line - file->preamble_rows : 1, "Lines above the header are no rows; flitmig.original has them",
					"If they are data: options => '{\"skip\": 0, \"again\": true}'")
			->count = file->preamble_rows;
	if (file->header_rows == 0)
		finding_add(&file->findings, "info", "NO_HEADER", 1, "The file has no header row; its columns are column_1, column_2, …",
					"If the first row is the header: options => '{\"header\": true, \"again\": true}'");
	foreach (cell, file->merged)
		if (lfirst_int(cell) > d->header_line)
			finding_add(&file->findings, "warning", "MERGED_CELLS", lfirst_int(cell), "Cells are merged over several rows: only the first row has what they say, the others are blank",
						"If it holds for each row: in Excel unmerge the cells, fill them down, and save.");
	if (file->column_count == 1 && !d->sheet && count_separators(file->header[0]) >= 2)
		finding_add(&file->findings, "warning", "ONE_COLUMN", Max(d->header_line, 1), "Each line is one cell, whose header looks like several: has somebody put whole lines into quotes?",
					"Take the quotes around the lines away, or export again; if the separator is another one: options => '{\"delimiter\": \"…\", \"again\": true}'");
}

/* The title of the table at hand; no other table of the file has that name. */
static char *
table_title(Delimited *d)
{
	char	 *title = d->layout.preamble_rows > 0 ? title_text(d) : psprintf("table %d", d->table);
	ListCell *cell;

	foreach (cell, d->titles)
		if (pg_strcasecmp(lfirst(cell), title) == 0)
		{
			title = psprintf("%s (table %d)", title, d->table);
			break;
		}
	d->titles = lappend(d->titles, title);
	return title;
}

/* Stages the table that the reader comes to; false when another one follows. */
static bool
load_table(Delimited *d)
{
	SourceFile *file = d->file;
	char	  **header;
	int			count;
	bool		last;

	d->above.data = NULL;
	d->after_blank = d->full_above = false;
	d->short_line = 0;
	file->read_from = d->input;
	file->converted_from = d->input->encoding.kind == ENCODING_CONVERTED ? &d->input->encoding : NULL;
	header = read_header(d, &count);
	file->header_rows = d->layout.header_rows;
	file->preamble_rows = d->layout.preamble_rows;
	if (!d->sheet)
	{
		if (d->layout.dialect.delimiter == '\t')
			file->format = "tsv";
		file->delimiter = d->layout.dialect.delimiter;
		file->quote = d->layout.dialect.quote;
		file->newline = d->layout.dialect.cr_only ? "CR" : d->layout.crlf ? "CRLF"
																		  : "LF";
	}
	if (d->table == 1 && !d->sheet)
		source_file_encoding(file, d->input);
	source_file_columns(file, header, count);
	source_file_table(d->import, file);
	note_layout(d);
	keep_damaged_names(d);

	d->reader->width = d->above.columns = file->column_count;
	d->loader = loader_open(d->import, file);
	last = load_rows(d);
	loader_close(d->loader);
	if (file->rows_read == 0)
		source_file_note(file, "header only");
	source_file_end(d->import, file);
	return last;
}

/* Goes on to the table whose title or header the reader stands on; false when it is staged already. */
static bool
begin_next_table(Delimited *d)
{
	SourceFile *above = d->file;

	d->table++;
	d->at_row = true;
	d->layout.header_rows = 1;
	d->layout.instruction_rows = 0;
	d->layout.wrapped = false;
	d->layout.width = 0;
	d->file = source_file_below(d->import, above, table_title(d));
	return d->file != NULL;
}

void
load_delimited(Import *import, Input *text, SourceFile *file, bool sheet)
{
	Delimited *d = palloc0(sizeof(Delimited));
	char	  *rows = import_option(import, file->name, "rows");
	char	  *tables = import_option(import, file->name, "tables");

	d->import = import;
	d->input = text;
	d->file = file;
	d->sheet = sheet;
	d->table = 1;
	d->hints = read_hints(import, file->name);
	d->keep_all = rows && strcmp(rows, "all") == 0;
	d->only_one = tables && strcmp(tables, "1") == 0;
	d->encoding = text->encoding.kind == ENCODING_CONVERTED ? &encoding_transcoded : &text->encoding;
	if (sheet)
	{
		d->hints.delimiter = ',';
		d->hints.quote = '"';
		d->hints.sheet = true;
	}
	detect(text, &d->hints, &d->layout);
	if (sheet)
		d->layout.dialect = (CsvDialect){.delimiter = ',', .quote = '"'};

	d->reader = palloc0(sizeof(CsvReader));
	guard(release_reader, d->reader);
	guard(release_sample, &d->above.header);
	if (!csv_reader_init(d->reader, input_text(text), &d->layout.dialect))
		out_of_memory();
	while (!load_table(d) && begin_next_table(d))
		;
	csv_reader_free(d->reader);
}

void
import_delimited(Import *import, Input *input)
{
	load_delimited(import, input, source_file_begin(import, input, NULL, "csv"), false);
}
