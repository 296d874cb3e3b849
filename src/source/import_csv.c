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
	const Encoding *encoding;	 /* of the reader's bytes */
	bool			sheet;		 /* each row of the text is a row of a sheet */
	int64			header_line; /* of the row that names the columns */
	bool			after_blank; /* rows without content are right above */
	bool		   *data;		 /* of each column: in the first row it looks like no word */
	List		   *damaged_names;
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
	CsvHints  hints = {-1, -1, -1, -1, false, NULL, 0};
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
	CsvHints hints;
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
 * empty or not the only one of its name.
 */
static void
join_header(char **group, char **header, int count)
{
	char *above = "";

	for (int i = 0; i < count; i++)
	{
		bool twin = header[i][0] == '\0';

		if (group[i][0] != '\0')
			above = group[i];
		for (int j = 0; j < count && !twin; j++)
			twin = j != i && pg_strcasecmp(header[i], header[j]) == 0;
		group[i] = twin && above[0] ? psprintf("%s %s", above, header[i]) : header[i];
	}
	memcpy(header, group, sizeof(char *) * count);
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
		CsvResult result = csv_reader_next(d->reader);
		char	**row;
		int		  width;

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
			preamble--;
			continue;
		}
		d->header_line = row_line(d);
		width = Max(Max(d->reader->cell_count, *count), d->layout.width);
		row = palloc(sizeof(char *) * width);
		d->damaged_names = NIL;
		for (int i = 0; i < width; i++)
			row[i] = i < d->reader->cell_count ? decode_name(d, i) : "";
		if (header)
		{
			while (*count < width)
			{
				header = repalloc(header, sizeof(char *) * width);
				header[(*count)++] = "";
			}
			join_header(header, row, width);
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
	d->data = palloc0(sizeof(bool) * Max(d->file->column_count, 1));
	for (int i = 0; i < Min(d->reader->cell_count, d->file->column_count); i++)
		d->data[i] = is_data(d, i);
}

/*
 * Whether the row names the columns of another table: it stands behind a gap,
 * has a word in each of several cells, and one of them where the first row
 * has data.
 */
static bool
is_second_header(Delimited *d)
{
	bool word_for_data = false;

	if (!d->after_blank || d->data == NULL || d->reader->cell_count < 2)
		return false;
	for (int i = 0; i < d->reader->cell_count; i++)
	{
		if (d->reader->cells[i].length == 0 || is_data(d, i))
			return false;
		word_for_data |= i < d->file->column_count && d->data[i];
	}
	return word_for_data;
}

/* Stages the row at hand, or rejects it. */
static void
load_row(Delimited *d)
{
	CsvReader  *reader = d->reader;
	SourceFile *file = d->file;
	int			count = reader->cell_count;
	bool		plain;

	if (is_second_header(d))
		finding_add(&file->findings, "warning", "SECOND_TABLE", row_line(d),
					"Behind a gap stands what looks like the header of another table; it and its rows are taken for rows of this one",
					"Cut the file in two at that line, and import both.");
	if (d->data == NULL)
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
		finding_add(&file->findings, "info", "TOO_FEW_CELLS", row_line(d),
					"Rows have fewer cells than the header; the missing ones are NULL", NULL);
	if (reader->stray_quote)
		finding_add(&file->findings, "info", "STRAY_QUOTE", row_line(d),
					"Cells hold a quote that neither ends nor is doubled; it is kept as a character", NULL);
}

/* Stages all rows that are left. */
static void
load_rows(Delimited *d)
{
	SourceFile *file = d->file;

	for (;;)
	{
		CsvResult result = csv_reader_next(d->reader);

		switch (result)
		{
			case CSV_END:
				return;
			case CSV_NO_MEMORY:
				out_of_memory();
			case CSV_BLANK:
				finding_add(&file->findings, "info", "BLANK_ROWS", row_line(d),
							"Rows without any content are skipped and not counted", NULL);
				d->after_blank = true;
				break;
			case CSV_ROW:
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

static void
note_layout(Delimited *d)
{
	SourceFile *file = d->file;

	if (file->preamble_rows > 0)
		finding_add(&file->findings, "info", "PREAMBLE", 1, "Lines above the header are no rows; flitmig.original has them",
					"If they are data: options => '{\"skip\": 0, \"again\": true}'")
			->count = file->preamble_rows;
	if (file->header_rows == 0)
		finding_add(&file->findings, "info", "NO_HEADER", 1, "The file has no header row; its columns are column_1, column_2, …",
					"If the first row is the header: options => '{\"header\": true, \"again\": true}'");
}

void
load_delimited(Import *import, Input *text, SourceFile *file, bool sheet)
{
	Delimited *d = palloc0(sizeof(Delimited));
	CsvHints   hints = read_hints(import, file->name);
	char	 **header;
	int		   count;

	d->import = import;
	d->input = text;
	d->file = file;
	file->read_from = text;
	d->sheet = sheet;
	d->encoding = text->encoding.kind == ENCODING_CONVERTED ? &encoding_transcoded : &text->encoding;
	file->converted_from = text->encoding.kind == ENCODING_CONVERTED ? &text->encoding : NULL;
	if (sheet)
	{
		hints.delimiter = ',';
		hints.quote = '"';
	}
	detect(text, &hints, &d->layout);
	if (sheet)
		d->layout.dialect = (CsvDialect){.delimiter = ',', .quote = '"'};

	d->reader = palloc0(sizeof(CsvReader));
	guard(release_reader, d->reader);
	if (!csv_reader_init(d->reader, input_text(text), &d->layout.dialect))
		out_of_memory();

	header = read_header(d, &count);
	file->header_rows = d->layout.header_rows;
	file->preamble_rows = d->layout.preamble_rows;
	if (!sheet)
	{
		if (d->layout.dialect.delimiter == '\t')
			file->format = "tsv";
		file->delimiter = d->layout.dialect.delimiter;
		file->quote = d->layout.dialect.quote;
		file->newline = d->layout.dialect.cr_only ? "CR" : d->layout.crlf ? "CRLF"
																		  : "LF";
	}
	source_file_columns(file, header, count);
	source_file_table(import, file);
	note_layout(d);
	keep_damaged_names(d);

	d->reader->width = file->column_count;
	d->loader = loader_open(import, file);
	load_rows(d);
	loader_close(d->loader);
	csv_reader_free(d->reader);
	if (file->rows_read == 0)
		source_file_note(file, "header only");
	source_file_end(import, file);
}

void
import_delimited(Import *import, Input *input)
{
	load_delimited(import, input, source_file_begin(import, input, NULL, "csv"), false);
}
