/*
 * import_xlsx.c
 *		Excel workbooks: each sheet is written out as delimited text into a
 *		temporary file and goes the way of all delimited text.
 *
 * Cells become what a person reads: shared and inline strings their text,
 * dates (known by their style) ISO, numbers the shortest decimal that is the
 * same number.
 */
#include "source/xlsx.h"

#include "utils/memutils.h"

#define ROWS_LIMIT	  1048576 /* of a sheet (Excel specifications and limits) */
#define COLUMNS_LIMIT 16384
#define MERGED_LIMIT  1000		  /* cells that are told of */
#define LINES_BYTES	  (64 * 1024) /* that are written at a time */

/* The rows of a sheet on their way into the temporary file. */
typedef struct SheetWriter
{
	Workbook *book;
	Input	 *spool;
	Bytes	  lines;  /* not written yet */
	size_t	  row_at; /* in lines: where the current row starts */
	int		  row;	  /* rows written */
	int		  column; /* of the last cell written in this row */
	int		  next;	  /* column of a cell that does not say its own */
	int		  filled; /* of them rows with cells */
	List	 *findings;
	List	 *merged; /* first rows of cells that are merged over several */
	bool	  damaged;

	/* cells of the row that stand in it where their column says otherwise, each as column, length and text */
	Bytes late;
	Bytes mended; /* such a row, being put in order */

	/* the cell */
	int	  cell_column;
	char  type[16];
	int	  style;
	bool  formula;	/* it is computed */
	bool  in_value; /* between the tags of its value */
	Bytes value;
} SheetWriter;

static void
release_writer(void *object)
{
	SheetWriter *writer = object;

	bytes_free(&writer->lines);
	bytes_free(&writer->late);
	bytes_free(&writer->mended);
	bytes_free(&writer->value);
}

static void
put(Bytes *bytes, const char *data, size_t length)
{
	if (!bytes_append(bytes, data, length))
		out_of_memory();
}

/* ---- damage ---- */

/* Tells of the row, or with 0 of the sheet as a whole. */
static void
damaged_at(SheetWriter *writer, int row)
{
	writer->damaged = true;
	finding_add(&writer->findings, "error", "DAMAGED_SHEET", row,
				"The sheet, or a part of the workbook that it needs, is damaged; what could be read of its rows is staged",
				"Open the workbook in Excel or LibreOffice and save it anew, or save the sheet as .csv.");
}

/* ---- cells ---- */

/* Column of a reference as B3, from 0; -1 when there is none. */
static int
reference_column(const char *reference)
{
	int column = 0;

	while (reference && *reference >= 'A' && *reference <= 'Z' && column <= COLUMNS_LIMIT)
		column = column * 26 + (*reference++ - 'A' + 1);
	return column > 0 && column <= COLUMNS_LIMIT ? column - 1 : -1;
}

static void
start_cell(SheetWriter *writer, const Part *part)
{
	const char *type = part_attribute(part, "t");

	writer->cell_column = reference_column(part_attribute(part, "r"));
	if (writer->cell_column < 0)
		writer->cell_column = writer->next;
	writer->next = writer->cell_column + 1;
	strlcpy(writer->type, type ? type : "", sizeof(writer->type));
	writer->style = part_number(part, "s", -1);
	writer->formula = false;
	writer->value.length = 0;
}

static bool
is_type(const SheetWriter *writer, const char *type)
{
	return strcmp(writer->type, type) == 0;
}

/* What the cell says; it is good until the next one.  number: room for one. */
static const char *
cell_text(SheetWriter *writer, size_t *length, char number[NUMBER_TEXT])
{
	const char *value;

	if (is_type(writer, "inlineStr") || is_type(writer, "str"))
		unescape_text(&writer->value, 0);
	*length = writer->value.length;
	put(&writer->value, "", 1); /* ends it for those who take a string */
	value = writer->value.data;
	if (*length == 0)
		return value;
	if (is_type(writer, "s"))
	{
		value = workbook_string(writer->book, value, length);
		if (value == NULL)
		{
			damaged_at(writer, writer->row + 1);
			*length = 0;
			return "";
		}
	}
	else if (is_type(writer, "b"))
	{
		value = strcmp(value, "1") == 0 || strcmp(value, "true") == 0 ? "TRUE" : "FALSE";
		*length = strlen(value);
	}
	else if (is_type(writer, "") || is_type(writer, "n"))
	{
		size_t written = write_number(value, workbook_style(writer->book, writer->style), writer->book->from_1904, number);

		if (written > 0)
		{
			*length = written;
			value = number;
		}
	}
	return value;
}

/* Writes a cell in quotes, those in it doubled. */
static void
put_quoted(Bytes *lines, const char *data, size_t length)
{
	put(lines, "\"", 1);
	for (const char *p = data, *end = data + length; p < end;)
	{
		const char *quote = memchr(p, '"', (size_t) (end - p));
		size_t		n = (size_t) ((quote ? quote + 1 : end) - p);

		put(lines, p, n);
		if (quote)
			put(lines, "\"", 1);
		p += n;
	}
	put(lines, "\"", 1);
}

/* Sets a cell aside that does not stand behind the ones before it. */
static void
put_late(SheetWriter *writer, const char *text, size_t length)
{
	put(&writer->late, (const char *) &writer->cell_column, sizeof(int));
	put(&writer->late, (const char *) &length, sizeof(size_t));
	put(&writer->late, text, length);
}

/* Writes the cell; one without anything, not even an empty text, is left out. */
static void
end_cell(SheetWriter *writer)
{
	bool		blank = writer->value.length == 0;
	char		number[NUMBER_TEXT];
	const char *text;
	size_t		length;

	if (blank && writer->formula && !is_type(writer, "str"))
		finding_add(&writer->findings, "warning", "FORMULA_WITHOUT_VALUE", writer->row + 1,
					"Cells hold a formula whose result is not in the file; they are staged as blank",
					"Open the workbook in Excel or LibreOffice, which compute it, and save it.");
	if (blank && !is_type(writer, "s") && !is_type(writer, "str"))
		return;
	text = cell_text(writer, &length, number);
	if (writer->lines.length > writer->row_at && writer->cell_column <= writer->column)
	{
		put_late(writer, text, length);
		return;
	}
	while (writer->column < writer->cell_column && writer->cell_column < COLUMNS_LIMIT)
	{
		put(&writer->lines, ",", 1);
		writer->column++;
	}
	put_quoted(&writer->lines, text, length);
}

/* ---- rows ---- */

/* How long the quoted cell is that stands at text; 0: none. */
static size_t
quoted_length(const char *text, const char *end)
{
	const char *p = text;

	if (p == end || *p != '"')
		return 0;
	for (p++; p < end && (*p != '"' || (p + 1 < end && p[1] == '"')); p++)
		p += *p == '"';
	return (size_t) (p - text) + 1;
}

/* Puts one cell where its column is in the row that was written; what stands there already gives way to it. */
static void
place_late(SheetWriter *writer, int column, const char *text, size_t length)
{
	Bytes	   *row = &writer->mended;
	const char *p = writer->lines.data + writer->row_at;
	const char *end = writer->lines.data + writer->lines.length;
	size_t		old;

	row->length = 0;
	for (int i = 0; i < column; i++)
	{
		old = quoted_length(p, end);
		put(row, p, old);
		put(row, ",", 1);
		p += old;
		p += p < end;
	}
	old = quoted_length(p, end);
	if (old > 0)
		finding_add(&writer->findings, "warning", "REPEATED_CELL", writer->row + 1, "Rows of the sheet have a cell twice; the last one is staged",
					"Open the workbook in Excel or LibreOffice and save it anew.");
	put_quoted(row, text, length);
	put(row, p + old, (size_t) (end - p) - old);
	writer->lines.length = writer->row_at;
	put(&writer->lines, row->data, row->length);
}

/* Places the cells that were set aside. */
static void
place_all_late(SheetWriter *writer)
{
	for (size_t at = 0; at < writer->late.length;)
	{
		int	   column;
		size_t length;

		memcpy(&column, writer->late.data + at, sizeof(int));
		memcpy(&length, writer->late.data + at + sizeof(int), sizeof(size_t));
		at += sizeof(int) + sizeof(size_t);
		place_late(writer, column, writer->late.data + at, length);
		at += length;
	}
	writer->late.length = 0;
}

static void
flush_lines(SheetWriter *writer)
{
	if (writer->lines.length > 0)
		input_append(writer->spool, writer->lines.data, writer->lines.length);
	writer->lines.length = 0;
}

static void
end_row(SheetWriter *writer)
{
	if (writer->late.length > 0)
		place_all_late(writer);
	writer->filled += writer->lines.length > writer->row_at;
	put(&writer->lines, "\n", 1);
	if (writer->lines.length > LINES_BYTES)
		flush_lines(writer);
	writer->row_at = writer->lines.length;
	writer->row++;
	writer->column = writer->next = 0;
}

/* Rows without cells need not stand in the file; each is a line of the text nevertheless. */
static void
start_row(SheetWriter *writer, const Part *part)
{
	int number = part_number(part, "r", writer->row + 1);

	while (writer->row + 1 < number && number <= ROWS_LIMIT)
		end_row(writer);
}

/* Remembers cells that are merged over several rows: all but the first are blank in the file, whatever a person sees. */
static void
note_merged(SheetWriter *writer, const char *reference)
{
	const char *colon = reference ? strchr(reference, ':') : NULL;
	int			first,
		last;

	if (colon == NULL)
		return;
	first = (int) strtol(reference + strspn(reference, "ABCDEFGHIJKLMNOPQRSTUVWXYZ$"), NULL, 10);
	last = (int) strtol(colon + 1 + strspn(colon + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ$"), NULL, 10);
	if (first > 0 && last > first && list_length(writer->merged) < MERGED_LIMIT)
		writer->merged = lappend_int(writer->merged, first);
}

/* What a node of the sheet's XML means. */
static void
take_node(SheetWriter *writer, const Part *part)
{
	size_t		length;
	const char *text = part_text(part, &length);

	if (text)
	{
		if (writer->in_value)
			put(&writer->value, text, length);
	}
	else if (part_starts(part, "row"))
		start_row(writer, part);
	else if (part_starts(part, "c"))
		start_cell(writer, part);
	else if (part_starts(part, "f"))
		writer->formula = true;
	else if (part_starts(part, "v") || part_starts(part, "t"))
		writer->in_value = true;
	else if (part_ends(part, "v") || part_ends(part, "t"))
		writer->in_value = false;
	else if (part_ends(part, "c"))
		end_cell(writer);
	else if (part_ends(part, "row"))
		end_row(writer);
	else if (part_starts(part, "mergeCell"))
		note_merged(writer, part_attribute(part, "ref"));
}

/* ---- sheets ---- */

/* Writes a sheet's rows, up to where it is damaged; of the row that is cut there the cells stay in lines, from row_at on. */
static void
write_sheet(SheetWriter *writer, const Sheet *sheet)
{
	Part *part = sheet->target ? part_open(writer->book->input, sheet->target) : NULL;

	if (part == NULL)
	{
		damaged_at(writer, 0);
		return;
	}
	while (part_next(part))
		take_node(writer, part);
	if (!part_close(part))
		damaged_at(writer, writer->row + 1);
	else
		writer->row_at = writer->lines.length;
	if (writer->book->damaged && !writer->damaged)
		damaged_at(writer, 0);
}

/* A row of which cells are missing is none: what there is of it is kept as a reject. */
static void
reject_cut_row(SheetWriter *writer, SourceFile *file)
{
	size_t length = writer->lines.length - writer->row_at;

	if (length == 0)
		return;
	file->rows_read++;
	loader_reject(file, writer->row + 1, "the sheet is damaged in this row", writer->lines.data + writer->row_at, length);
	writer->lines.length = writer->row_at;
}

/* The account of a sheet; part: the workbook has several. */
static SourceFile *
begin_sheet(Import *import, Workbook *book, const Sheet *sheet, bool part)
{
	Input	   *input = book->input;
	SourceFile *file = source_file_begin(import, input, part ? sheet->name : NULL, "xlsx");

	if (file == NULL)
		return NULL;
	file->encoding = "UTF-8";
	if (!part)
		file->second_base = sheet->name;
	else
		file->own_table = psprintf("%s_%s", file_base_name(input->name), sheet->name);
	if (part && sheet == linitial(book->sheets))
		file->second_base = file_base_name(input->name);
	return file;
}

/* The member of the archive that has the sheet's comments, by its relations; NULL: there is none. */
static const char *
comments_target(Workbook *book, const Sheet *sheet)
{
	const char *slash = sheet->target ? strrchr(sheet->target, '/') : NULL;
	const char *found = NULL;
	Part	   *part;

	if (slash == NULL)
		return NULL;
	part = part_open(book->input, psprintf("%.*s/_rels/%s.rels", (int) (slash - sheet->target), sheet->target, slash + 1));
	if (part == NULL)
		return NULL;
	while (part_next(part))
	{
		const char *type = part_attribute(part, "Type");
		const char *target = part_attribute(part, "Target");
		size_t		length = type ? strlen(type) : 0;

		if (!part_starts(part, "Relationship") || target == NULL || length < 9 || strcmp(type + length - 9, "/comments") != 0)
			continue;
		found = target[0] == '/' ? pstrdup(target + 1) : strncmp(target, "../", 3) == 0 ? psprintf("xl/%s", target + 3)
																						: psprintf("xl/worksheets/%s", target);
	}
	part_close(part);
	return found;
}

static void
release_text(void *object)
{
	bytes_free(object);
}

/* Comments on cells are no cells: they are kept beside the rows. */
static void
keep_comments(Workbook *book, const Sheet *sheet, SourceFile *file)
{
	const char *target = comments_target(book, sheet);
	Part	   *part = target ? part_open(book->input, target) : NULL;
	Bytes	   *text = palloc0(sizeof(Bytes));
	bool		in_text = false;
	int			row = 0;

	if (part == NULL)
		return;
	guard(release_text, text);
	while (part_next(part))
	{
		size_t		length;
		const char *piece = part_text(part, &length);

		if (piece && in_text)
			put(text, piece, length);
		else if (part_starts(part, "comment"))
		{
			const char *reference = part_attribute(part, "ref");

			text->length = 0;
			put(text, reference ? reference : "?", reference ? strlen(reference) : 1);
			put(text, ": ", 2);
			row = reference ? (int) strtol(reference + strspn(reference, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), NULL, 10) : 0;
		}
		else if (part_starts(part, "t") || part_ends(part, "t"))
			in_text = part_starts(part, "t");
		else if (part_ends(part, "comment") && text->length > 0)
		{
			original_keep(file, row, NULL, text->data, text->length);
			finding_add(&file->findings, "warning", "CELL_COMMENTS", row, "Cells have comments, which are no part of the table; flitmig.original has them",
						"If they matter, copy them into a column of their own.");
		}
	}
	part_close(part);
	bytes_free(text);
}

/* Imports a sheet; false when no row of it could be read.  part: the workbook has several. */
static bool
import_sheet(Import *import, Workbook *book, const Sheet *sheet, bool part, bool *damaged)
{
	SheetWriter *writer = palloc0(sizeof(SheetWriter));
	Input		*spool = input_create_spool(psprintf("%s!%s", book->input->path, sheet->name), book->input->name);
	SourceFile	*file;

	writer->book = book;
	writer->spool = spool;
	guard(release_writer, writer);
	write_sheet(writer, sheet);
	*damaged |= writer->damaged;
	file = writer->filled > 0 ? begin_sheet(import, book, sheet, part) : NULL;
	if (file)
	{
		file->findings = writer->findings;
		file->merged = writer->merged;
		if (sheet->hidden)
			source_file_note(file, "hidden sheet");
		keep_comments(book, sheet, file);
		reject_cut_row(writer, file);
		flush_lines(writer);
		input_finish(spool);
		encoding_by_name(&spool->encoding, "UTF-8"); /* whatever its cells look like */
		load_delimited(import, spool, file, true);
	}
	input_close(spool);
	return writer->filled > 0;
}

/* Sheets that hold anything at all, or whose damage does not let one know. */
static int
count_sheets(Workbook *book)
{
	int		  count = 0;
	ListCell *cell;

	foreach (cell, book->sheets)
	{
		Sheet *sheet = lfirst(cell);
		Part  *part = sheet->target ? part_open(book->input, sheet->target) : NULL;
		bool   found = part == NULL;

		while (!found && part_next(part))
			found = part_starts(part, "v") || part_starts(part, "is");
		if (part)
			found |= !part_close(part);
		count += found;
	}
	return count;
}

/* Imports each sheet; of how many there were rows. */
static int
import_sheets(Import *import, Workbook *book, bool part, bool *damaged)
{
	int		  imported = 0;
	ListCell *cell;

	foreach (cell, book->sheets)
	{
		MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "flitmig sheet", ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(context);

		imported += import_sheet(import, book, lfirst(cell), part, damaged);
		MemoryContextSwitchTo(old);
		MemoryContextDelete(context);
	}
	return imported;
}

/* A single sheet goes by the workbook's name; of several each has an account of its own, and so has the workbook. */
void
import_workbook(Import *import, Input *input)
{
	Workbook   *book = workbook_open(input);
	int			sheets = count_sheets(book);
	SourceFile *whole = sheets != 1 ? source_file_begin(import, input, NULL, "workbook") : NULL;
	bool		damaged = book->damaged;
	int			imported = import_sheets(import, book, whole != NULL, &damaged);

	if (whole == NULL && imported == 0)
		whole = source_file_begin(import, input, NULL, "workbook");
	if (whole)
	{
		source_file_note(whole, imported == 0 ? "no sheet holds anything" : psprintf("%d sheets", imported));
		if (damaged || book->sheets == NIL)
			finding_add(&whole->findings, "error", "UNREADABLE_WORKBOOK", 0, "The workbook is damaged or encrypted; not all of its sheets could be read",
						"Open it in Excel or LibreOffice, take its password off and save it anew, or save each sheet as .csv.");
		source_file_end(import, whole);
	}
}
