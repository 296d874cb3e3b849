/*
 * fuzz_xlsx.c
 *		The parts of a workbook, whatever XML or none they are: what comes out of
 *		a sheet is clean delimited text within the limits of a sheet.
 *
 * The input is workbook.xml, its relations, styles, shared strings and one
 * sheet, with a byte 0xFF in between.  Archives are libarchive's to fuzz.
 */
#include "server.h"
#include "memory.h"

#include "source/xlsx_part.c"
#include "source/xlsx_number.c"
#include "source/xlsx_workbook.c"
#include "source/import_xlsx.c"

#include <stdarg.h>

#include <libxml/parser.h>

MemoryContext CurrentMemoryContext = NULL;
volatile sig_atomic_t InterruptPending = false;

/* ---- memory of a run ---- */

static void **blocks;
static size_t block_count;

static void *
keep(void *block)
{
	blocks = realloc(blocks, sizeof(void *) * (block_count + 1));
	blocks[block_count++] = block;
	return block;
}

void *
fuzz_palloc0(Size size)
{
	return keep(calloc(1, size));
}

void
fuzz_pfree(void *block)
{
}

char *
fuzz_pstrdup(const char *text)
{
	return keep(strdup(text));
}

char *
fuzz_psprintf(const char *format,...)
{
	char		text[8192];
	va_list		args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return fuzz_pstrdup(text);
}

void *
fuzz_alloc_huge(MemoryContext context, Size size)
{
	return keep(malloc(size));
}

void *
fuzz_repalloc_huge(void *block, Size size)
{
	void	   *bigger = realloc(block, size);

	for (size_t i = 0; i < block_count; i++)
		if (blocks[i] == block)
			blocks[i] = bigger;
	return bigger;
}

List *
lappend(List *list, void *datum)
{
	if (list == NULL)
		list = fuzz_palloc0(sizeof(List));
	if (list->length == list->max_length)
	{
		ListCell   *more = keep(malloc(sizeof(ListCell) * (list->max_length * 2 + 4)));

		if (list->length > 0)
			memcpy(more, list->elements, sizeof(ListCell) * list->length);
		list->elements = more;
		list->max_length = list->max_length * 2 + 4;
	}
	list->elements[list->length++].ptr_value = datum;
	return list;
}

List *
lappend_int(List *list, int datum)
{
	list = lappend(list, NULL);
	list->elements[list->length - 1].int_value = datum;
	return list;
}

MemoryContext
AllocSetContextCreateInternal(MemoryContext parent, const char *name, Size least, Size first, Size most)
{
	return NULL;
}

void
MemoryContextDelete(MemoryContext context)
{
}

void
ProcessInterrupts(void)
{
}

void
out_of_memory(void)
{
	abort();
}

/* What is to be released when the run ends. */
static void (*releases[4096]) (void *);
static void *released[4096];
static int	release_count;

void
guard(void (*release) (void *), void *object)
{
	MUST(release_count < 4096);
	releases[release_count] = release;
	released[release_count++] = object;
}

/* ---- the archive: five parts ---- */

struct Archive
{
	Memory		memory;
};

static Memory parts[5];

Archive *
archive_open(Input *input)
{
	return fuzz_palloc0(sizeof(Archive));
}

bool
archive_find(Archive *archive, const char *name)
{
	static const char *const names[] = {"xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml", "xl/sharedStrings.xml"};
	int			part = 0;

	while (part < 4 && strcmp(names[part], name) != 0)
		part++;
	archive->memory = parts[part];
	return parts[part].data != NULL;
}

ssize_t
archive_data(Archive *archive, void *buf, size_t length)
{
	return memory_read(&archive->memory, buf, length);
}

void
archive_close(Archive *archive)
{
}

/* ---- inputs and files ---- */

static Bytes spool;

Input *
input_create_spool(const char *path, const char *name)
{
	spool.length = 0;
	return fuzz_palloc0(sizeof(Input));
}

void
input_append(Input *input, const char *data, size_t length)
{
	MUST(bytes_append(&spool, data, length));
}

void
input_finish(Input *input)
{
}

void
input_close(Input *input)
{
}

SourceFile *
source_file_begin(Import *import, Input *input, const char *part, const char *format)
{
	return fuzz_palloc0(sizeof(SourceFile));
}

void
source_file_end(Import *import, SourceFile *file)
{
}

void
source_file_note(SourceFile *file, const char *note)
{
}

char *
file_base_name(const char *name)
{
	return fuzz_pstrdup(name);
}

Finding *
finding_add(List **findings, const char *severity, const char *code, int64 line, const char *message, const char *hint)
{
	return NULL;
}

void
original_keep(SourceFile *file, int64 line, const char *column, const char *data, size_t length)
{
	MUST(length > 0);
}

void
loader_reject(SourceFile *file, int64 line, const char *reason, const char *raw, size_t length)
{
	MUST(length > 0 && raw[0] != '\0');
}

/* What a sheet was written as. */
void
load_delimited(Import *import, Input *text, SourceFile *file, bool sheet)
{
	Memory		memory = {spool.data, spool.length, 65536};
	CsvDialect	dialect = {.delimiter = ',', .quote = '"'};
	CsvReader	reader;
	CsvResult	result;

	MUST(csv_reader_init(&reader, (ByteSource) {memory_read, &memory}, &dialect));
	while ((result = csv_reader_next(&reader)) != CSV_END)
	{
		MUST(result == CSV_ROW || result == CSV_BLANK);
		MUST(!reader.stray_quote);
		MUST(reader.cell_count <= COLUMNS_LIMIT);
		for (int i = 0; i < reader.cell_count; i++)
			MUST(reader.cells[i].quoted || reader.cells[i].length == 0);
	}
	MUST(reader.ordinal <= ROWS_LIMIT);
	csv_reader_free(&reader);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Import		import = {0};
	Input		input = {.path = "/x.xlsx", .name = "x.xlsx"};
	const uint8_t *end = data + size;

	memset(parts, 0, sizeof(parts));
	for (int i = 0; i < 5 && data < end; i++)
	{
		const uint8_t *stop = memchr(data, 0xFF, (size_t) (end - data));

		if (stop == NULL || i == 4)
			stop = end;
		parts[i] = (Memory) {(const char *) data, (size_t) (stop - data), 4096};
		data = stop + 1;
	}
	import_workbook(&import, &input);
	while (release_count > 0)
	{
		release_count--;
		releases[release_count] (released[release_count]);
	}
	for (size_t i = 0; i < block_count; i++)
		free(blocks[i]);
	block_count = 0;
	return 0;
}
