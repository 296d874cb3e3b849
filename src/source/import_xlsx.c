/*
 * import_xlsx.c
 *		Excel workbooks (ECMA-376): each sheet is written out as delimited text
 *		into a temporary file and goes the way of all delimited text.
 *
 * Cells become what a person reads: shared and inline strings their text,
 * dates (known by their style) ISO, numbers the shortest decimal that is the
 * same number.
 */
#include "source/source.h"

#include <math.h>

#include <libxml/xmlreader.h>

#include "common/shortest_dec.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#define SHEETS		  256 /* of a workbook that are read */
#define STYLES		  65536
#define ROWS_LIMIT	  1048576 /* of a sheet (Excel specifications and limits) */
#define COLUMNS_LIMIT 16384
#define WHOLE_LIMIT	  9007199254740992.0 /* 2^53: up to there every whole number is itself */

/* Since 2.12 a handler cannot change the error that it is told. */
#if LIBXML_VERSION >= 21200
#define XML_ERROR_OF_HANDLER const xmlError *
#else
#define XML_ERROR_OF_HANDLER xmlErrorPtr
#endif

typedef struct Sheet
{
	char *name;
	char *relation; /* r:id */
	char *target;	/* member of the archive */
} Sheet;

/* How a cell's number is shown. */
typedef enum NumberStyle
{
	STYLE_NUMBER,
	STYLE_DATE,
	STYLE_TIME
} NumberStyle;

typedef struct Workbook
{
	Input				  *input;
	Sheet				   sheets[SHEETS];
	int					   sheet_count;
	bool				   from_1904; /* day 0 of its dates */
	unsigned char		  *styles;	  /* NumberStyle of each cell format */
	int					   style_count;
	Bytes				   strings; /* shared strings, one after the other */
	size_t				  *string_at;
	int					   string_count;
	int					   string_size;
	bool				   strings_damaged; /* some are missing */
	Archive				  *archive;			/* of the part that is being read */
	xmlTextReaderPtr	   reader;
	bool				   silent; /* libxml2's errors go nowhere; before that they went there: */
	xmlStructuredErrorFunc heard_by;
	void				  *heard_by_context;
} Workbook;

/* ---- XML parts ---- */

static void
ignore_error(void *context, XML_ERROR_OF_HANDLER error)
{
}

/* Errors that libxml2 ties to no reader (of encodings, say) would go to the server's log, with bytes of the file. */
static void
silence_errors(Workbook *book)
{
	book->heard_by = xmlStructuredError;
	book->heard_by_context = xmlStructuredErrorContext;
	xmlSetStructuredErrorFunc(NULL, ignore_error);
	book->silent = true;
}

static void
release_workbook(void *object)
{
	Workbook *book = object;

	if (book->reader)
		xmlFreeTextReader(book->reader);
	book->reader = NULL;
	if (book->silent)
		xmlSetStructuredErrorFunc(book->heard_by_context, book->heard_by);
	book->silent = false;
	bytes_free(&book->strings);
}

static int
read_part(void *context, char *buffer, int length)
{
	return (int) archive_data(context, buffer, (size_t) length);
}

static void
stay_silent(void *arg, const char *message, xmlParserSeverities severity, xmlTextReaderLocatorPtr locator)
{
}

/* Opens a member of the archive for reading as XML; false when there is none. */
static bool
open_part(Workbook *book, const char *name)
{
	book->archive = archive_open(book->input);
	if (!archive_find(book->archive, name))
	{
		archive_close(book->archive);
		return false;
	}
	book->reader = xmlReaderForIO(read_part, NULL, book->archive, NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	if (book->reader == NULL)
		out_of_memory();
	xmlTextReaderSetErrorHandler(book->reader, stay_silent, NULL);
	return true;
}

/* Closes it; false when the XML was damaged. */
static bool
close_part(Workbook *book, int result)
{
	xmlFreeTextReader(book->reader);
	book->reader = NULL;
	archive_check(book->archive);
	archive_close(book->archive);
	return result == 0;
}

/* The next start of an element, text or end of an element; 0 at the end, -1 when the XML is damaged. */
static int
next_node(Workbook *book)
{
	int result;

	do
		result = xmlTextReaderRead(book->reader);
	while (result == 1 && xmlTextReaderNodeType(book->reader) == XML_READER_TYPE_COMMENT);
	return result;
}

static bool
starts(Workbook *book, const char *element)
{
	return xmlTextReaderNodeType(book->reader) == XML_READER_TYPE_ELEMENT &&
		   strcmp((const char *) xmlTextReaderConstLocalName(book->reader), element) == 0;
}

static bool
ends(Workbook *book, const char *element)
{
	return (xmlTextReaderNodeType(book->reader) == XML_READER_TYPE_END_ELEMENT ||
			(xmlTextReaderNodeType(book->reader) == XML_READER_TYPE_ELEMENT && xmlTextReaderIsEmptyElement(book->reader))) &&
		   strcmp((const char *) xmlTextReaderConstLocalName(book->reader), element) == 0;
}

static bool
is_text(Workbook *book)
{
	int type = xmlTextReaderNodeType(book->reader);

	return type == XML_READER_TYPE_TEXT || type == XML_READER_TYPE_CDATA ||
		   type == XML_READER_TYPE_SIGNIFICANT_WHITESPACE || type == XML_READER_TYPE_WHITESPACE;
}

/* An attribute's value, or NULL. */
static char *
attribute(Workbook *book, const char *name)
{
	xmlChar *value = xmlTextReaderGetAttribute(book->reader, (const xmlChar *) name);
	char	*copy = value ? pstrdup((char *) value) : NULL;

	xmlFree(value);
	return copy;
}

static int
number_attribute(Workbook *book, const char *name, int absent)
{
	xmlChar *value = xmlTextReaderGetAttribute(book->reader, (const xmlChar *) name);
	int		 result = value ? atoi((char *) value) : absent;

	xmlFree(value);
	return result;
}

/* ---- workbook, relations, styles, strings ---- */

static void
read_sheets(Workbook *book)
{
	int result;

	if (!open_part(book, "xl/workbook.xml"))
		return;
	while ((result = next_node(book)) == 1)
	{
		char *value;

		if (starts(book, "workbookPr") && (value = attribute(book, "date1904")) != NULL)
			book->from_1904 = strcmp(value, "1") == 0 || strcmp(value, "true") == 0;
		if (starts(book, "sheet") && book->sheet_count < SHEETS)
		{
			Sheet *sheet = &book->sheets[book->sheet_count];

			sheet->name = attribute(book, "name");
			sheet->relation = attribute(book, "r:id");
			if (sheet->name && sheet->relation)
				book->sheet_count++;
		}
	}
	close_part(book, result);
}

static void
read_relations(Workbook *book)
{
	int result;

	if (!open_part(book, "xl/_rels/workbook.xml.rels"))
		return;
	while ((result = next_node(book)) == 1)
	{
		char *id;
		char *target;

		if (!starts(book, "Relationship") || (id = attribute(book, "Id")) == NULL || (target = attribute(book, "Target")) == NULL)
			continue;
		for (int i = 0; i < book->sheet_count; i++)
			if (strcmp(book->sheets[i].relation, id) == 0)
				book->sheets[i].target = target[0] == '/' ? pstrdup(target + 1) : psprintf("xl/%s", target);
	}
	close_part(book, result);
}

/* What a number format shows: letters of dates and times outside of quotes and brackets. */
static NumberStyle
style_of_code(const char *code)
{
	bool date = false,
		 time = false,
		 minutes = false;

	for (const char *p = code; *p && *p != ';'; p++)
	{
		if (*p == '"')
		{
			p = strchr(p + 1, '"');
			if (p == NULL)
				break;
		}
		else if (*p == '\\' && p[1])
			p++;
		else if (*p == '[' && strchr("hHmMsS", p[1]) == NULL)
		{
			p = strchr(p, ']');
			if (p == NULL)
				break;
		}
		else if (strchr("yYdD", *p))
			date = true;
		else if (strchr("hHsS", *p))
			time = true;
		else if (strchr("mM", *p))
			minutes = true;
		else if (strncmp(p, "General", 7) == 0)
			return STYLE_NUMBER;
	}
	return date || (minutes && !time) ? STYLE_DATE : time ? STYLE_TIME
														  : STYLE_NUMBER;
}

/* Number formats that every workbook has (ECMA-376 part 1, 18.8.30). */
static NumberStyle
style_of_id(int id)
{
	if ((id >= 14 && id <= 17) || id == 22 || (id >= 27 && id <= 31) || id == 36 || (id >= 50 && id <= 58))
		return STYLE_DATE;
	return (id >= 18 && id <= 21) || (id >= 32 && id <= 35) || (id >= 45 && id <= 47) ? STYLE_TIME : STYLE_NUMBER;
}

static void
read_styles(Workbook *book)
{
	unsigned char *formats = palloc0(STYLES); /* NumberStyle + 1 of formats of its own */
	bool		   in_formats = false;
	int			   result;

	if (!open_part(book, "xl/styles.xml"))
		return;
	book->styles = palloc0(STYLES);
	while ((result = next_node(book)) == 1)
	{
		if (starts(book, "cellXfs"))
			in_formats = true;
		else if (ends(book, "cellXfs"))
			in_formats = false;
		if (starts(book, "numFmt"))
		{
			int	  id = number_attribute(book, "numFmtId", -1);
			char *code = attribute(book, "formatCode");

			if (id >= 0 && id < STYLES && code)
				formats[id] = (unsigned char) (style_of_code(code) + 1);
		}
		else if (in_formats && starts(book, "xf") && book->style_count < STYLES)
		{
			int id = number_attribute(book, "numFmtId", 0);

			book->styles[book->style_count++] = (unsigned char) (id >= 0 && id < STYLES && formats[id] ? formats[id] - 1 : style_of_id(id));
		}
	}
	close_part(book, result);
}

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
static void
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

/* Shared strings; of rich text the runs, without phonetic hints. */
static void
read_strings(Workbook *book)
{
	bool in_text = false,
		 phonetic = false;
	int result;

	if (!open_part(book, "xl/sharedStrings.xml"))
		return;
	while ((result = next_node(book)) == 1)
	{
		if (starts(book, "t"))
			in_text = !xmlTextReaderIsEmptyElement(book->reader);
		else if (starts(book, "rPh"))
			phonetic = true;
		else if (in_text && !phonetic && is_text(book))
		{
			const char *text = (const char *) xmlTextReaderConstValue(book->reader);

			if (!bytes_append(&book->strings, text, strlen(text)))
				out_of_memory();
		}
		if (ends(book, "t"))
			in_text = false;
		if (ends(book, "rPh"))
			phonetic = false;
		if (ends(book, "si"))
			end_string(book);
	}
	book->strings_damaged = !close_part(book, result);
}

/* ---- cells ---- */

/* Days since 1970-01-01 as a civil date (Howard Hinnant, "chrono-compatible low-level date algorithms"). */
static void
civil_date(int64 days, int *year, int *month, int *day)
{
	int64 z = days + 719468;
	int64 era = (z >= 0 ? z : z - 146096) / 146097;
	int64 doe = z - era * 146097;
	int64 yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64 doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64 mp = (5 * doy + 2) / 153;

	*day = (int) (doy - (153 * mp + 2) / 5 + 1);
	*month = (int) (mp < 10 ? mp + 3 : mp - 9);
	*year = (int) (yoe + era * 400 + (*month <= 2));
}

/* A day number of Excel as ISO date, date and time, or time. */
static int
write_date(Workbook *book, double serial, NumberStyle style, char *out, size_t size)
{
	int64 seconds = (int64) floor(serial * 86400 + 0.5);
	int64 days = seconds / 86400;
	int	  rest = (int) (seconds % 86400);
	int	  year,
		month,
		day;

	if (style == STYLE_TIME && (serial < 1 || days < 60))
		return snprintf(out, size, "%02d:%02d:%02d", (int) (seconds / 3600), rest / 60 % 60, rest % 60);
	if (book->from_1904)
		days += 1462;
	else if (days < 60)
		days++; /* Excel has a 29 February 1900 */
	civil_date(days - 25569, &year, &month, &day);
	if (rest == 0)
		return snprintf(out, size, "%04d-%02d-%02d", year, month, day);
	return snprintf(out, size, "%04d-%02d-%02d %02d:%02d:%02d", year, month, day, rest / 3600, rest / 60 % 60, rest % 60);
}

/*
 * A number as Excel stores it (17 digits) in as few digits as say the same;
 * 0 when the text is to stay as it is: no number, or digits that none holds.
 */
static int
write_number(Workbook *book, const char *text, int style, char *out, size_t size)
{
	char	   *end;
	double		value = strtod(text, &end);
	NumberStyle shown = style >= 0 && style < book->style_count ? book->styles[style] : STYLE_NUMBER;

	if (*end != '\0' || end == text || isnan(value) || isinf(value) || strspn(text, "0123456789") > 17)
		return 0;
	if (shown != STYLE_NUMBER && value >= 0 && value < 2958466) /* 9999-12-31 */
		return write_date(book, value, shown, out, size);
	if (value == floor(value) && fabs(value) <= WHOLE_LIMIT)
		return snprintf(out, size, "%.0f", value);
	return double_to_shortest_decimal_buf(value, out);
}

/* Column of a reference as B3, from 0; -1 when there is none. */
static int
reference_column(const char *reference)
{
	int column = 0;

	while (reference && *reference >= 'A' && *reference <= 'Z' && column <= COLUMNS_LIMIT)
		column = column * 26 + (*reference++ - 'A' + 1);
	return column > 0 && column <= COLUMNS_LIMIT ? column - 1 : -1;
}

/* ---- sheets ---- */

/* The rows of a sheet on their way into the temporary file. */
typedef struct SheetWriter
{
	Input *spool;
	Bytes  line;
	int	   row;		/* rows written */
	int	   column;	/* of the last cell written in this row */
	int	   next;	/* column of a cell that does not say its own */
	int	   cells;	/* in the sheet */
	bool   formula; /* the cell is computed */
	List  *findings;
	Bytes  value;
	char   type[16];
	int	   style;
} SheetWriter;

static void
release_writer(void *object)
{
	SheetWriter *writer = object;

	bytes_free(&writer->line);
	bytes_free(&writer->value);
}

static void
put(Bytes *bytes, const char *data, size_t length)
{
	if (!bytes_append(bytes, data, length))
		out_of_memory();
}

static void
end_row(SheetWriter *writer)
{
	put(&writer->line, "\n", 1);
	if (writer->line.length > 64 * 1024)
	{
		input_append(writer->spool, writer->line.data, writer->line.length);
		writer->line.length = 0;
	}
	writer->row++;
	writer->column = writer->next = 0;
}

static void
put_quoted(SheetWriter *writer, const char *data, size_t length)
{
	put(&writer->line, "\"", 1);
	for (const char *p = data, *end = data + length; p < end;)
	{
		const char *quote = memchr(p, '"', (size_t) (end - p));
		size_t		n = (size_t) ((quote ? quote + 1 : end) - p);

		put(&writer->line, p, n);
		if (quote)
			put(&writer->line, "\"", 1);
		p += n;
	}
	put(&writer->line, "\"", 1);
}

static void
end_cell(Workbook *book, SheetWriter *writer, int column)
{
	char		text[400];
	const char *value;
	size_t		length;

	if (strcmp(writer->type, "inlineStr") == 0 || strcmp(writer->type, "str") == 0)
		unescape_text(&writer->value, 0);
	length = writer->value.length;
	if (length == 0 && writer->formula && strcmp(writer->type, "str") != 0)
		finding_add(&writer->findings, "warning", "FORMULA_WITHOUT_VALUE", writer->row + 1,
					"Cells hold a formula whose result is not in the file; they are staged as blank",
					"Open the workbook in Excel or LibreOffice, which compute it, and save it.");
	if (length == 0 && strcmp(writer->type, "s") != 0 && strcmp(writer->type, "str") != 0)
		return;
	put(&writer->value, "", 1);
	value = writer->value.data;
	while (writer->column < column && column < COLUMNS_LIMIT)
	{
		put(&writer->line, ",", 1);
		writer->column++;
	}
	if (strcmp(writer->type, "s") == 0)
	{
		int index = length ? atoi(value) : -1;

		length = 0;
		if (index >= book->string_count)
			book->strings_damaged = true;
		else if (index >= 0 && book->strings.data)
		{
			value = book->strings.data + book->string_at[index];
			length = book->string_at[index + 1] - book->string_at[index];
		}
	}
	else if (strcmp(writer->type, "b") == 0)
	{
		value = value[0] == '1' ? "TRUE" : "FALSE";
		length = strlen(value);
	}
	else if (writer->type[0] == '\0' || strcmp(writer->type, "n") == 0)
	{
		int written = write_number(book, value, writer->style, text, sizeof(text));

		if (written > 0)
		{
			length = (size_t) Min(written, (int) sizeof(text) - 1);
			value = text;
		}
	}
	put_quoted(writer, value, length);
	writer->cells++;
}

static void
start_cell(Workbook *book, SheetWriter *writer)
{
	xmlChar *type = xmlTextReaderGetAttribute(book->reader, (const xmlChar *) "t");

	strlcpy(writer->type, type ? (char *) type : "", sizeof(writer->type));
	xmlFree(type);
	writer->style = number_attribute(book, "s", -1);
	writer->formula = false;
	writer->value.length = 0;
}

/* Writes a sheet's rows; how many cells there were, up to where its XML is damaged. */
static int
write_sheet(Workbook *book, Sheet *sheet, Input *spool, bool *damaged, List **findings)
{
	SheetWriter *writer = palloc0(sizeof(SheetWriter));
	bool		 in_value = false;
	int			 column = -1;
	int			 result;

	writer->spool = spool;
	guard(release_writer, writer);
	*damaged = sheet->target == NULL || !open_part(book, sheet->target);
	if (*damaged)
		return 0;
	while ((result = next_node(book)) == 1)
	{
		if (starts(book, "row"))
		{
			int number = number_attribute(book, "r", writer->row + 1);

			CHECK_FOR_INTERRUPTS();
			while (writer->row + 1 < number && number <= ROWS_LIMIT)
				end_row(writer);
		}
		else if (starts(book, "c"))
		{
			xmlChar *reference = xmlTextReaderGetAttribute(book->reader, (const xmlChar *) "r");

			column = reference_column((char *) reference);
			xmlFree(reference);
			if (column < 0)
				column = writer->next;
			writer->next = column + 1;
			start_cell(book, writer);
		}
		else if (starts(book, "f"))
			writer->formula = true;
		else if (starts(book, "v") || starts(book, "t"))
			in_value = !xmlTextReaderIsEmptyElement(book->reader);
		else if (in_value && is_text(book))
		{
			const char *text = (const char *) xmlTextReaderConstValue(book->reader);

			put(&writer->value, text, strlen(text));
		}
		if (ends(book, "v") || ends(book, "t"))
			in_value = false;
		if (ends(book, "c"))
			end_cell(book, writer, column);
		if (ends(book, "row"))
			end_row(writer);
	}
	*damaged = !close_part(book, result);
	*findings = writer->findings;
	input_append(spool, writer->line.data ? writer->line.data : "", writer->line.length);
	return writer->cells;
}

/* Imports a sheet that is not empty; part: the workbook has several. */
static bool
import_sheet(Import *import, Input *input, Workbook *book, int i, bool part, bool *damaged)
{
	Sheet	   *sheet = &book->sheets[i];
	Input	   *spool = input_create_spool(psprintf("%s!%s", input->path, sheet->name), input->name);
	SourceFile *file;
	bool		cut;
	List	   *findings = NIL;
	int			cells = write_sheet(book, sheet, spool, &cut, &findings);

	cut |= book->strings_damaged;
	*damaged |= cut;
	input_finish(spool);
	if (cells > 0)
	{
		file = source_file_begin(import, input, part ? sheet->name : NULL, "xlsx");
		if (file)
		{
			file->encoding = "UTF-8";
			file->findings = findings;
			if (!part)
				file->second_base = sheet->name;
			else if (i == 0)
				file->second_base = file_base_name(input->name);
			if (part)
				file->own_table = psprintf("%s_%s", file_base_name(input->name), sheet->name);
			if (cut)
				finding_add(&file->findings, "error", "DAMAGED_SHEET", 0, "The sheet, or the texts that it shares with others, is damaged; what could be read of its rows is staged",
							"Open the workbook in Excel or LibreOffice and save it anew, or save the sheet as .csv.");
			spool->has_nuls = false;
			load_delimited(import, spool, file, true);
		}
	}
	input_close(spool);
	return cells > 0;
}

/* Sheets that hold anything at all. */
static int
count_sheets(Workbook *book)
{
	int count = 0;

	for (int i = 0; i < book->sheet_count; i++)
	{
		int	 result;
		bool cell = false;

		if (book->sheets[i].target == NULL || !open_part(book, book->sheets[i].target))
			continue;
		while (!cell && (result = next_node(book)) == 1)
			cell = starts(book, "v") || starts(book, "is");
		close_part(book, 0);
		count += cell;
	}
	return count;
}

void
import_workbook(Import *import, Input *input)
{
	Workbook   *book = palloc0(sizeof(Workbook));
	SourceFile *whole = NULL;
	bool		damaged = false;
	int			sheets;
	int			imported = 0;

	book->input = input;
	guard(release_workbook, book);
	silence_errors(book);
	read_sheets(book);
	read_relations(book);
	read_styles(book);
	read_strings(book);
	sheets = count_sheets(book);
	if (sheets != 1)
		whole = source_file_begin(import, input, NULL, "workbook");
	for (int i = 0; i < book->sheet_count; i++)
	{
		MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "flitmig sheet", ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(context);

		imported += import_sheet(import, input, book, i, whole != NULL, &damaged);
		MemoryContextSwitchTo(old);
		MemoryContextDelete(context);
	}
	if (whole == NULL && imported == 0)
		whole = source_file_begin(import, input, NULL, "workbook");
	if (whole)
	{
		source_file_note(whole, sheets == 0 ? "no sheet holds anything" : psprintf("%d sheets", imported));
		if (damaged || book->sheet_count == 0)
			finding_add(&whole->findings, "error", "UNREADABLE_WORKBOOK", 0, "The workbook is damaged or encrypted; not all of its sheets could be read",
						"Open it in Excel or LibreOffice, take its password off and save it anew, or save each sheet as .csv.");
		source_file_end(import, whole);
	}
	release_workbook(book);
}
