/*
 * import_csv.c
 *		Delimited text files: their layout, and the tables in them.
 */
#include "source/delimited.h"

#include "miscadmin.h"

#define HEAD_SAMPLE_BYTES  (1024 * 1024)
#define INNER_SAMPLE_BYTES (64 * 1024)
#define INNER_SAMPLES	   8


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
	CsvHints  hints = {.delimiter = -1, .quote = -1, .escape = -1, .header_rows = -1, .preamble_rows = -1};
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
	hints.escape = option_character(import, name, "escape");
	hints.header_rows = option_number(import, name, "header");
	hints.preamble_rows = option_number(import, name, "skip");
	read_known_names(import, &hints);
	hints.tab_likely = length > 4 && (pg_strcasecmp(name + length - 4, ".tsv") == 0 || pg_strcasecmp(name + length - 4, ".tab") == 0);
	return hints;
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
	char	 *title = d->layout.preamble_rows > 0 ? delimited_title(d) : psprintf("table %d", d->table);
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
	header = delimited_header(d, &count);
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
	delimited_keep_names(d);

	d->reader->width = d->above.columns = file->column_count;
	d->loader = loader_open(d->import, file);
	last = delimited_rows(d);
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
