/*
 * xlsx_workbook.c
 *		What a workbook says of all its sheets: their names and members, the
 *		formats of numbers, the texts that cells share.
 */
#include "source/xlsx.h"

#include "utils/memutils.h"

#define STYLES 65536 /* cell formats, and ids of number formats, that count; Excel has fewer */

/* ---- sheets ---- */

/* The next node of a part that may be absent; at its end closes it, and notes whether it is damaged. */
static bool
next_of(Workbook *book, Part *part)
{
	if (part == NULL)
		return false;
	if (part_next(part))
		return true;
	book->damaged |= !part_close(part);
	return false;
}

/* Names of the sheets, in their order. */
static void
read_sheets(Workbook *book)
{
	Part *part = part_open(book->input, "xl/workbook.xml");

	while (next_of(book, part))
	{
		const char *value;

		if (part_starts(part, "workbookPr") && (value = part_attribute(part, "date1904")) != NULL)
			book->from_1904 = strcmp(value, "1") == 0 || strcmp(value, "true") == 0;
		if (part_starts(part, "sheet") && part_attribute(part, "name") && part_attribute(part, "id"))
		{
			Sheet *sheet = palloc0(sizeof(Sheet));

			sheet->name = pstrdup(part_attribute(part, "name"));
			sheet->relation = pstrdup(part_attribute(part, "id"));
			sheet->hidden = (value = part_attribute(part, "state")) != NULL && strcmp(value, "visible") != 0;
			book->sheets = lappend(book->sheets, sheet);
		}
	}
}

/* Where each sheet is in the archive. */
static void
read_relations(Workbook *book)
{
	Part *part = part_open(book->input, "xl/_rels/workbook.xml.rels");

	while (next_of(book, part))
	{
		const char *id = part_attribute(part, "Id");
		const char *target = part_attribute(part, "Target");
		ListCell   *cell;

		if (!part_starts(part, "Relationship") || id == NULL || target == NULL)
			continue;
		foreach (cell, book->sheets)
		{
			Sheet *sheet = lfirst(cell);

			if (strcmp(sheet->relation, id) == 0)
				sheet->target = target[0] == '/' ? pstrdup(target + 1) : psprintf("xl/%s", target);
		}
	}
}

/* ---- styles ---- */

/* Takes a number format that the workbook defines; formats: NumberStyle + 1 of each, by its id. */
static void
read_format(Part *part, unsigned char *formats)
{
	int			id = part_number(part, "numFmtId", -1);
	const char *code = part_attribute(part, "formatCode");

	if (id >= 0 && id < STYLES && code)
		formats[id] = (unsigned char) (style_of_code(code) + 1);
}

/* Which number formats show dates and times. */
static void
read_styles(Workbook *book)
{
	Part		  *part = part_open(book->input, "xl/styles.xml");
	unsigned char *formats = palloc0(STYLES);
	bool		   in_cells = false; /* of cells, not of named styles */

	book->styles = palloc0(STYLES);
	while (next_of(book, part))
	{
		if (part_starts(part, "cellXfs"))
			in_cells = true;
		else if (part_ends(part, "cellXfs"))
			in_cells = false;
		else if (part_starts(part, "numFmt"))
			read_format(part, formats);
		else if (in_cells && part_starts(part, "xf") && book->style_count < STYLES)
		{
			int id = part_number(part, "numFmtId", 0);

			book->styles[book->style_count++] = (unsigned char) (id >= 0 && id < STYLES && formats[id] ? formats[id] - 1 : style_of_id(id));
		}
	}
	pfree(formats);
}

NumberStyle
workbook_style(const Workbook *book, int style)
{
	return style >= 0 && style < book->style_count ? book->styles[style] : STYLE_NUMBER;
}

/* ---- shared texts ---- */

/* The number of _xHHHH_ at p; -1 when it is none. */
static int
escaped_unit(const char *p, const char *end)
{
	int unit = 0;

	if (end - p < 7 || p[0] != '_' || p[1] != 'x' || p[6] != '_')
		return -1;
	for (int i = 2; i < 6; i++)
	{
		const char *digit = strchr("0123456789abcdef", p[i] >= 'A' && p[i] <= 'F' ? p[i] | 0x20 : p[i]);

		if (digit == NULL || p[i] == '\0')
			return -1;
		unit = unit * 16 + (int) (digit - "0123456789abcdef");
	}
	return unit;
}

/*
 * Undoes how Excel writes what XML cannot hold, a carriage return as _x000D_
 * (ECMA-376 part 1, 22.9.2.19: ST_Xstring), in the text from offset from on.
 */
void
unescape_text(Bytes *text, size_t from)
{
	const char *p;
	const char *end;
	char	   *to;

	if (text->length < from + 7)
		return;
	p = to = text->data + from;
	end = text->data + text->length;
	while (p < end)
	{
		int unit = escaped_unit(p, end);
		int low = unit >= 0xD800 && unit < 0xDC00 ? escaped_unit(p + 7, end) : -1;

		if (low >= 0xDC00 && low < 0xE000)
		{
			to += put_utf8(0x10000 + ((unsigned) (unit - 0xD800) << 10) + (unsigned) (low - 0xDC00), to);
			p += 14;
		}
		else if (unit >= 0 && (unit < 0xD800 || unit >= 0xE000))
		{
			to += put_utf8((unsigned) unit, to);
			p += 7;
		}
		else
			*to++ = *p++;
	}
	text->length = (size_t) (to - text->data);
}

/* Notes where the text that was collected ends; string_at[0] is where the first one begins. */
static void
end_string(Workbook *book)
{
	if (book->string_count + 2 > book->string_size)
	{
		book->string_size = Max(book->string_size * 2, 1024);
		book->string_at = book->string_at
							  ? repalloc_huge(book->string_at, sizeof(size_t) * book->string_size)
							  : MemoryContextAllocHuge(CurrentMemoryContext, sizeof(size_t) * book->string_size);
		book->string_at[0] = 0;
	}
	unescape_text(&book->strings, book->string_at[book->string_count]);
	book->string_at[++book->string_count] = book->strings.length;
}

/* Of rich text the runs, without phonetic hints. */
static void
read_strings(Workbook *book)
{
	Part *part = part_open(book->input, "xl/sharedStrings.xml");
	bool  in_text = false,
		 phonetic = false;

	while (next_of(book, part))
	{
		size_t		length;
		const char *text = part_text(part, &length);

		if (text && in_text && !phonetic && !bytes_append(&book->strings, text, length))
			out_of_memory();
		if (part_starts(part, "t") || part_ends(part, "t"))
			in_text = part_starts(part, "t");
		else if (part_starts(part, "rPh") || part_ends(part, "rPh"))
			phonetic = part_starts(part, "rPh");
		else if (part_ends(part, "si"))
			end_string(book);
	}
}

const char *
workbook_string(const Workbook *book, const char *index, size_t *length)
{
	char *end;
	long  i = strtol(index, &end, 10);

	if (end == index || *end != '\0' || i < 0 || (size_t) i >= book->string_count)
		return NULL;
	*length = book->string_at[i + 1] - book->string_at[i];
	return *length == 0 ? "" : book->strings.data + book->string_at[i];
}

/* ---- the whole ---- */

static void
release_workbook(void *object)
{
	Workbook *book = object;

	bytes_free(&book->strings);
}

/* Reads all but the sheets; without a workbook.xml there are none. */
Workbook *
workbook_open(Input *input)
{
	Workbook *book = palloc0(sizeof(Workbook));

	book->input = input;
	guard(release_workbook, book);
	read_sheets(book);
	read_relations(book);
	read_styles(book);
	read_strings(book);
	return book;
}
