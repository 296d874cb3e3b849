/*
 * fuzz_csv.c
 *		Every byte of a file belongs to exactly one row, a row can be rebuilt
 *		from its cells, and the fast path says what the slow one says.
 */
#include "memory.h"

/* What the row would look like if it were written from its cells. */
static void
check_rebuilt(const CsvReader *reader)
{
	Bytes		text = {0};

	for (int i = 0; i < reader->cell_count; i++)
	{
		const CsvCell *cell = &reader->cells[i];
		const char *data = csv_cell(reader, i);

		if (i > 0)
			bytes_append(&text, &reader->dialect.delimiter, 1);
		if (cell->quoted)
			bytes_append(&text, &reader->dialect.quote, 1);
		for (size_t j = 0; j < cell->length; j++)
		{
			bytes_append(&text, data + j, 1);
			if (cell->quoted && data[j] == reader->dialect.quote)
				bytes_append(&text, &reader->dialect.quote, 1);
		}
		if (cell->quoted)
			bytes_append(&text, &reader->dialect.quote, 1);
	}
	/* An unquoted cell before LF loses a CR, which is part of the line end. */
	if (text.length < reader->text_length && csv_raw(reader)[reader->text_length - 1] == '\r')
		bytes_append(&text, "\r", 1);
	MUST(text.length == reader->text_length);
	MUST(text.length == 0 || memcmp(text.data, csv_raw(reader), text.length) == 0);
	bytes_free(&text);
}

static void
check_equal(const CsvReader *a, const CsvReader *b)
{
	MUST(a->line == b->line && a->next_line == b->next_line && a->ordinal == b->ordinal);
	MUST(a->raw_length == b->raw_length && a->text_length == b->text_length);
	MUST(a->cell_count == b->cell_count && a->stray_quote == b->stray_quote && a->unterminated == b->unterminated);
	for (int i = 0; i < a->cell_count; i++)
	{
		MUST(a->cells[i].length == b->cells[i].length && a->cells[i].quoted == b->cells[i].quoted);
		MUST(a->cells[i].length == 0 || memcmp(csv_cell(a, i), csv_cell(b, i), a->cells[i].length) == 0);
	}
	MUST(!a->ascii || text_is_plain(&(Encoding) {ENCODING_SINGLE_BYTE}, csv_raw(a), a->raw_length));
}

static void
open_reader(CsvReader *reader, Memory *memory, const CsvDialect *dialect, const uint8_t *data)
{
	MUST(csv_reader_init(reader, (ByteSource) {memory_read, memory}, dialect));
	if (data[0] & 128)
	{
		/* Rows beyond a limit. */
		reader->size = 16;
		reader->row_limit = 64;
	}
	reader->width = data[2] & 7;
}

/* Whatever a row looks like, looking does not change it. */
static void
look(CsvReader *reader, int columns)
{
	static const char *const known[] = {"name", "patient_id"};
	CsvHints	hints = {.escape = -1, .known = known, .known_count = 2};
	bool		data[8] = {true, false, true, true, false, true, true, true};
	TableAbove	above = {.columns = columns, .data = data, .header = {.data = "id,name", .length = 7}};
	int			count = reader->cell_count;

	csv_odd_row(reader, columns);
	csv_next_table(reader, &hints, &above, columns & 1);
	MUST(reader->cell_count == count);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char delimiters[] = ",;\t|\0,,,";
	CsvDialect	dialect = {0};
	CsvReader	reader;
	CsvReader	slow;
	CsvResult	result;
	Memory		memory;
	Memory		slow_memory;
	size_t		total = 0;
	int64_t		line = 0;

	if (size < 3)
		return 0;
	dialect.delimiter = delimiters[data[0] & 7];
	dialect.quote = data[0] & 8 ? '\'' : '"';
	dialect.cr_only = data[0] & 16;
	dialect.backslash = data[0] & 32;
	dialect.skip_space = data[0] & 64;
	memory = (Memory) {(const char *) data + 3, size - 3, (size_t) data[1] + 1};
	slow_memory = memory;
	open_reader(&reader, &memory, &dialect, data);
	open_reader(&slow, &slow_memory, &dialect, data);
	slow.fast = false;
	while ((result = csv_reader_next(&reader)) != CSV_END)
	{
		MUST(result != CSV_NO_MEMORY);
		MUST(csv_reader_next(&slow) == result);
		check_equal(&reader, &slow);
		MUST(reader.raw_length > 0);
		MUST(reader.line >= line);
		line = reader.line;
		total += reader.raw_length;
		MUST(total <= size - 3);
		if (result != CSV_ROW && result != CSV_BLANK)
			continue;
		MUST(reader.cell_count > 0);
		look(&reader, data[2] & 7);
		if (!reader.stray_quote && !dialect.backslash && !dialect.skip_space)
			check_rebuilt(&reader);
	}
	MUST(total == size - 3 || (data[0] & 128));
	MUST(csv_reader_next(&slow) == CSV_END);
	csv_reader_free(&slow);
	csv_reader_free(&reader);
	return 0;
}
