/*
 * value_html.c
 *		HTML of notes into Markdown, with libxml2's tolerant parser.
 */
#include "value_markup.h"

#include "mb/pg_wchar.h"

#include <libxml/HTMLparser.h>
#include <libxml/parserInternals.h>

/* Nested elements deeper than this are read as text. */
#define DEPTH_MAX 200

typedef struct HtmlReader
{
	Markdown *md;
	int		  depth;
	int		  cells; /* in the table row under way */
	bool	  flat;	 /* that row is written as one line */
} HtmlReader;

static void read_children(HtmlReader *reader, xmlNodePtr node);

static bool
named(xmlNodePtr node, const char *name)
{
	return strcmp((const char *) node->name, name) == 0;
}

static bool
named_in(xmlNodePtr node, const char *const *names, int count)
{
	return word_in((const char *) node->name, names, count);
}

/*
 * Word writes an apostrophe as &#146;: numbers from 128 to 159 are characters
 * of Windows-1252, says HTML 5, and no control characters.  0 for others.
 */
static uint32
windows_character(uint32 code)
{
	static const unsigned short windows[32] = {
		0x20AC, 0, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017D, 0,
		0, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0, 0x017E, 0x0178};

	return code >= 0x80 && code < 0xA0 ? windows[code - 0x80] : 0;
}

static void
append_character(StringInfo out, uint32 code)
{
	unsigned char utf8[4];

	unicode_to_utf8(code, utf8);
	appendBinaryStringInfo(out, (char *) utf8, pg_utf_mblen(utf8));
}

/* Writes text, the characters of Windows-1252 in it as what they were meant to be. */
static void
write_text(Markdown *md, const char *content)
{
	const char	  *end = content + strlen(content);
	const char	  *from = content;
	StringInfoData out = {0};

	for (const char *p = content; (p = memchr(p, 0xC2, end - p)) != NULL; p++)
	{
		uint32 code = p + 1 < end ? windows_character((unsigned char) p[1]) : 0;

		if (code == 0)
			continue;
		if (out.data == NULL)
			initStringInfo(&out);
		appendBinaryStringInfo(&out, from, (int) (p - from));
		append_character(&out, code);
		from = p + 2;
	}
	if (out.data == NULL)
	{
		markdown_text(md, content, (int) strlen(content), SPACES_FOLD);
		return;
	}
	appendBinaryStringInfo(&out, from, (int) (end - from));
	markdown_text(md, out.data, out.len, SPACES_FOLD);
	pfree(out.data);
}

/* Text of <pre>: lines and blanks stay; fenced, so nothing in it is markup. */
static void
read_pre(HtmlReader *reader, xmlNodePtr node)
{
	xmlChar	 *content = xmlNodeGetContent(node);
	Markdown *md = reader->md;
	Span	  span;

	if (content == NULL)
		return;
	span = (Span){(const char *) content, (int) strlen((const char *) content)};
	while (span.len > 0 && (span.data[span.len - 1] == '\n' || span.data[span.len - 1] == ' '))
		span.len--;
	if (span_trim(span).len > 0)
	{
		const char *fence = strstr((const char *) content, "```") ? "~~~~" : "```";

		if (span.data[0] == '\n')
			span.data++, span.len--;
		markdown_break(md, 2);
		markdown_raw(md, fence, (int) strlen(fence));
		for (const char *s = span.data, *end = s + span.len; s <= end;)
		{
			const char *stop = s;

			while (stop < end && *stop != '\n')
				stop++;
			markdown_break(md, 1);
			markdown_raw(md, s, (int) (stop - s));
			s = stop + 1;
		}
		markdown_break(md, 1);
		markdown_raw(md, fence, (int) strlen(fence));
		markdown_break(md, 2);
	}
	xmlFree(content);
}

/* An item: the mark now, deeper lines indented by its width. */
static void
read_item(HtmlReader *reader, xmlNodePtr node, int number)
{
	Markdown *md = reader->md;
	char	  mark[16];
	int		  before = md->indent.len;
	int		  width;

	if (number > 0)
		width = snprintf(mark, sizeof(mark), "%d. ", number);
	else
		width = snprintf(mark, sizeof(mark), "- ");
	markdown_break(md, 1);
	appendStringInfoSpaces(&md->indent, width);
	memcpy(md->item, mark, width + 1);
	md->bullet = md->item;
	read_children(reader, node);
	md->bullet = NULL;
	md->indent.len = before;
	md->indent.data[before] = '\0';
	markdown_break(md, 1);
}

/* Text between the items of a list, where none should be: a line of its own. */
static void
read_loose_text(HtmlReader *reader, xmlNodePtr node, const char *bullet)
{
	const char *content = (const char *) node->content;

	if (span_trim((Span){content, (int) strlen(content)}).len == 0)
		return;
	markdown_break(reader->md, 1);
	reader->md->bullet = bullet;
	write_text(reader->md, content);
	reader->md->bullet = NULL;
	markdown_break(reader->md, 1);
}

/* Items of a list, numbered or not. */
static void
read_list(HtmlReader *reader, xmlNodePtr node)
{
	Markdown *md = reader->md;
	bool	  nested = md->indent.len > 0;
	int		  number = named(node, "ol") ? 1 : 0;

	/* a list as the first thing of an item takes the item's place */
	md->bullet = NULL;
	markdown_break(md, nested ? 1 : 2);
	for (xmlNodePtr child = node->children; child; child = child->next)
	{
		if (child->type == XML_TEXT_NODE)
			read_loose_text(reader, child, number > 0 ? NULL : "- ");
		if (child->type != XML_ELEMENT_NODE)
			continue;
		if (named(child, "li"))
		{
			read_item(reader, child, number);
			number += number > 0;
		}
		else if (named(child, "ul") || named(child, "ol"))
			read_list(reader, child);
		else
			read_item(reader, child, number);
	}
	markdown_break(md, nested ? 1 : 2);
}

/* A link keeps its address when it leads somewhere and its text says something else. */
static void
read_link(HtmlReader *reader, xmlNodePtr node)
{
	Markdown *md = reader->md;
	xmlChar	 *href = xmlGetProp(node, (const xmlChar *) "href");
	xmlChar	 *content = xmlNodeGetContent(node);
	Span	  url = {"", 0};
	Span	  label = {"", 0};
	bool	  usable;

	if (href)
		url = span_trim((Span){(const char *) href, (int) strlen((const char *) href)});
	if (content)
		label = span_trim((Span){(const char *) content, (int) strlen((const char *) content)});
	usable = label.len > 0 && url.len > 7 &&
			 (pg_strncasecmp(url.data, "http://", 7) == 0 || pg_strncasecmp(url.data, "https://", 8) == 0 ||
			  pg_strncasecmp(url.data, "mailto:", 7) == 0);
	if (usable)
		markdown_raw(md, "[", 1);
	read_children(reader, node);
	if (usable)
	{
		md->want_bold = md->bold;
		md->want_italic = md->italic;
		md->space = false;
		markdown_raw(md, "](", 2);
		for (int i = 0; i < url.len; i++)
		{
			if (strchr(" ()<>\\\n", url.data[i]))
			{
				char code[4];

				snprintf(code, sizeof(code), "%%%02X", (unsigned char) url.data[i]);
				markdown_raw(md, code, 3);
			}
			else
				markdown_raw(md, url.data + i, 1);
		}
		markdown_raw(md, ")", 1);
	}
	xmlFree(href);
	xmlFree(content);
}

static void
read_marked(HtmlReader *reader, xmlNodePtr node, bool bold)
{
	Markdown *md = reader->md;
	bool	 *want = bold ? &md->want_bold : &md->want_italic;
	bool	  before = *want;

	*want = true;
	read_children(reader, node);
	*want = before;
}

/* A heading, one line with its signs. */
static void
read_heading(HtmlReader *reader, xmlNodePtr node)
{
	Markdown *md = reader->md;
	xmlChar	 *content = xmlNodeGetContent(node);
	bool	  blank = content == NULL ||
				 span_trim((Span){(const char *) content, (int) strlen((const char *) content)}).len == 0;

	xmlFree(content);
	markdown_break(md, 2);
	if (!blank)
	{
		markdown_raw(md, "###### ", node->name[1] - '0');
		md->space = true;
		read_children(reader, node);
		markdown_break(md, 2);
	}
}

static void
read_quote(HtmlReader *reader, xmlNodePtr node)
{
	Markdown *md = reader->md;
	int		  before = md->indent.len;

	markdown_break(md, 2);
	appendStringInfoString(&md->indent, "> ");
	read_children(reader, node);
	md->indent.len = before;
	md->indent.data[before] = '\0';
	markdown_break(md, 2);
}

/* A new line, unless one is due already. */
static void
break_line(Markdown *md)
{
	if (md->breaks == 0 && md->out.len > 0)
		md->hard = true;
	markdown_break(md, 1);
}

/* Cells among the children, and whether a table is nested in one of them. */
static int
count_cells(xmlNodePtr row, bool *nested)
{
	int		   cells = 0;
	xmlNodePtr node = row->children;

	*nested = false;
	while (node && node != row)
	{
		if (node->type == XML_ELEMENT_NODE && (named(node, "td") || named(node, "th")) && node->parent == row)
			cells++;
		else if (node->type == XML_ELEMENT_NODE && named(node, "table"))
			*nested = true;
		if (node->type == XML_ELEMENT_NODE && node->children)
			node = node->children;
		else
		{
			while (node != row && node->next == NULL)
				node = node->parent;
			if (node != row)
				node = node->next;
		}
	}
	return cells;
}

/*
 * A row of data is one line, whatever stands in its cells; a row with one
 * cell or a table inside is there for the layout, and its cells are blocks.
 */
static void
read_row(HtmlReader *reader, xmlNodePtr node)
{
	bool flat = reader->flat;
	int	 cells = reader->cells;
	bool nested;

	reader->flat = count_cells(node, &nested) > 1 && !nested;
	reader->cells = 0;
	break_line(reader->md);
	read_children(reader, node);
	break_line(reader->md);
	reader->flat = flat;
	reader->cells = cells;
}

/* What a form's field holds: a chosen option, a typed value, a cross. */
static void
read_field(HtmlReader *reader, xmlNodePtr node)
{
	xmlChar	   *type = xmlGetProp(node, (const xmlChar *) "type");
	xmlChar	   *value = xmlGetProp(node, (const xmlChar *) "value");
	const char *kind = type ? (const char *) type : "text";

	if (pg_strcasecmp(kind, "checkbox") == 0 || pg_strcasecmp(kind, "radio") == 0)
	{
		markdown_raw(reader->md, xmlHasProp(node, (const xmlChar *) "checked") ? "[x]" : "[ ]", 3);
		reader->md->space = true;
	}
	else if (value && (pg_strcasecmp(kind, "text") == 0 || pg_strcasecmp(kind, "number") == 0 ||
					   pg_strcasecmp(kind, "date") == 0))
		markdown_text(reader->md, (const char *) value, (int) strlen((const char *) value), SPACES_FOLD);
	xmlFree(type);
	xmlFree(value);
}

/* Struck text says the opposite of plain text, so the strike stays. */
static void
read_struck(HtmlReader *reader, xmlNodePtr node)
{
	Markdown *md = reader->md;
	bool	  space;

	markdown_raw(md, "~~", 2);
	read_children(reader, node);
	space = md->space;
	md->space = false;
	markdown_raw(md, "~~", 2);
	md->space = space;
}

/* Marks inside a line; false when the element is none. */
static bool
read_inline(HtmlReader *reader, xmlNodePtr node)
{
	if (named(node, "b") || named(node, "strong"))
		read_marked(reader, node, true);
	else if (named(node, "i") || named(node, "em"))
		read_marked(reader, node, false);
	else if (named(node, "a"))
		read_link(reader, node);
	else if (named(node, "s") || named(node, "strike") || named(node, "del"))
		read_struck(reader, node);
	else if (named(node, "input"))
		read_field(reader, node);
	else if (named(node, "option"))
	{
		if (xmlHasProp(node, (const xmlChar *) "selected"))
			read_children(reader, node);
	}
	else if (named(node, "sup"))
	{
		/* 10<sup>3</sup> is no 103 */
		markdown_raw(reader->md, "^", 1);
		read_children(reader, node);
	}
	else
		return false;
	return true;
}

static void
read_rule(Markdown *md)
{
	markdown_break(md, 2);
	if (md->out.len > 0)
		markdown_raw(md, "---", 3);
	markdown_break(md, 2);
}

static void
read_cell(HtmlReader *reader, xmlNodePtr node)
{
	if (reader->cells++ > 0 && reader->flat)
		markdown_text(reader->md, " | ", 3, SPACES_FOLD);
	else if (!reader->flat)
		break_line(reader->md);
	read_children(reader, node);
}

/* Paragraphs and lines; an unknown element is passed through. */
static void
read_block(HtmlReader *reader, xmlNodePtr node)
{
	static const char *const paragraphs[] = {
		"address", "article", "aside", "center", "dl", "fieldset", "figure", "footer", "form", "header",
		"main", "nav", "p", "section", "table"};
	static const char *const lines[] = {
		"caption", "dd", "div", "dt", "figcaption", "legend", "tbody", "tfoot", "thead"};
	Markdown *md = reader->md;
	int		  breaks = 0;

	if (named_in(node, paragraphs, lengthof(paragraphs)))
		breaks = 2;
	else if (named_in(node, lines, lengthof(lines)))
		breaks = 1;
	if (breaks == 1)
		break_line(md);
	markdown_break(md, breaks);
	read_children(reader, node);
	if (breaks == 1)
		break_line(md);
	markdown_break(md, breaks);
}

/* An element, by its name; one without a meaning is its children. */
static void
read_element(HtmlReader *reader, xmlNodePtr node)
{
	static const char *const dropped[] = {
		"applet", "audio", "canvas", "embed", "head", "iframe", "noscript", "object", "script",
		"style", "svg", "template", "title", "video"};
	static const char *const blocks[] = {
		"blockquote", "br", "center", "div", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p",
		"pre", "ul"};

	if (named_in(node, dropped, lengthof(dropped)) || read_inline(reader, node))
		return;
	if (reader->flat && named_in(node, blocks, lengthof(blocks)))
	{
		reader->md->space = true;
		read_children(reader, node);
		reader->md->space = true;
	}
	else if (named(node, "br"))
		markdown_line_break(reader->md);
	else if (named(node, "ul") || named(node, "ol"))
		read_list(reader, node);
	else if (named(node, "li"))
		read_item(reader, node, 0);
	else if (named(node, "pre"))
		read_pre(reader, node);
	else if (named(node, "blockquote"))
		read_quote(reader, node);
	else if (node->name[0] == 'h' && node->name[1] >= '1' && node->name[1] <= '6' && node->name[2] == '\0')
		read_heading(reader, node);
	else if (named(node, "hr"))
		read_rule(reader->md);
	else if (named(node, "tr"))
		read_row(reader, node);
	else if (named(node, "td") || named(node, "th"))
		read_cell(reader, node);
	else
		read_block(reader, node);
}

/* The text of an element, without its markup. */
static void
read_flat(HtmlReader *reader, xmlNodePtr node)
{
	xmlChar *content = xmlNodeGetContent(node);

	if (content)
		markdown_text(reader->md, (const char *) content, (int) strlen((const char *) content), SPACES_FOLD);
	xmlFree(content);
}

/* What stands between an element's tags. */
static void
read_children(HtmlReader *reader, xmlNodePtr parent)
{
	reader->depth++;
	for (xmlNodePtr node = parent->children; node; node = node->next)
	{
		if (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE)
			write_text(reader->md, (const char *) node->content);
		else if (node->type != XML_ELEMENT_NODE)
			continue;
		else if (reader->depth < DEPTH_MAX)
			read_element(reader, node);
		else
			read_flat(reader, node);
	}
	reader->depth--;
}

/* "<ann@example.com>" is no tag: no name has an at sign. */
static bool
is_address(const char *p, const char *end)
{
	bool at = false;

	for (p++; p < end && (is_ascii_letter(*p) || is_ascii_digit(*p) || strchr("@._+-", *p)); p++)
		at |= *p == '@';
	return at && p < end && *p == '>';
}

/*
 * A "<" before anything but a letter, "/", "!" or "?" opens no tag: it is text,
 * says HTML 5.  libxml2 before 2.14 loses it where text begins with it, 2.9.13
 * (Ubuntu 22.04) with all that follows: it gets "&lt;".  Returns s itself where
 * there is none.
 */
static const char *
escape_lone(const char *s, int *len)
{
	const char	  *end = s + *len;
	const char	  *from = s;
	StringInfoData out = {0};

	for (const char *p = s; (p = memchr(p, '<', end - p)) != NULL; p++)
	{
		if (p + 1 < end && (is_ascii_letter(p[1]) || p[1] == '/' || p[1] == '!' || p[1] == '?') && !is_address(p, end))
			continue;
		if (out.data == NULL)
			initStringInfo(&out);
		appendBinaryStringInfo(&out, from, (int) (p - from));
		appendStringInfoString(&out, "&lt;");
		from = p + 1;
	}
	if (out.data == NULL)
		return s;
	appendBinaryStringInfo(&out, from, (int) (end - from));
	*len = out.len;
	return out.data;
}

/* Reads "&#8364;" or "&#x20AC", the semicolon may be missing; false where *p is no such number. */
static bool
read_number(const char **p, const char *end, uint32 *code)
{
	const char *s = *p + 2;
	const char *digits;
	bool		hex;

	if (end - *p < 3 || (*p)[1] != '#')
		return false;
	hex = *s == 'x' || *s == 'X';
	if (hex)
		s++;
	digits = s;
	for (*code = 0; s < end && (hex ? hex_value(*s) >= 0 : is_ascii_digit(*s)); s++)
		if (*code <= 0x10FFFF)
			*code = *code * (hex ? 16 : 10) + hex_value(*s);
	if (s == digits)
		return false;
	*p = s < end && *s == ';' ? s + 1 : s;
	return true;
}

/* Joins the halves of a pair: programs that think in UTF-16 write an emoji as two numbers. */
static uint32
join_halves(const char **p, const char *end, uint32 high)
{
	const char *next = *p;
	uint32		low;

	if (next == end || *next != '&' || !read_number(&next, end, &low) || !is_utf16_surrogate_second(low))
		return high;
	*p = next;
	return surrogate_pair_to_codepoint(high, low);
}

/* Whether a number is left to the parser: all versions of libxml2 make the same character of it. */
static bool
is_plain(uint32 code)
{
	if (code < 0xA0)
		return (code >= ' ' && code < 0x7F) || code == '\t' || code == '\n' || code == '\r';
	return code <= 0x10FFFF && !is_utf16_surrogate_first(code) && !is_utf16_surrogate_second(code) && code != 0xFFFE &&
		   code != 0xFFFF;
}

/* Writes what a number means that is not plain; next is behind it, and set behind its second half. */
static void
append_number(StringInfo out, uint32 code, const char **next, const char *end)
{
	if (is_utf16_surrogate_first(code))
		code = join_halves(next, end, code);
	if (windows_character(code) != 0)
		code = windows_character(code);
	if (code == '\f')
		appendStringInfoChar(out, ' ');
	else if (is_plain(code))
		append_character(out, code);
}

/*
 * Numbers of no character (NUL, half a pair, beyond Unicode, controls) libxml2
 * leaves out before 2.14, in an attribute with all that follows, and makes
 * U+FFFD or a control character since: they are left out here, as they are in
 * FHIR's JSON and in RTF.  "&#" without a number is text, says HTML 5, and lost
 * before 2.14: it gets "&amp;".  Returns s itself where there are none.
 */
static const char *
mend_numbers(const char *s, int *len)
{
	const char	  *end = s + *len;
	const char	  *from = s;
	const char	  *next;
	StringInfoData out = {0};

	for (const char *p = s; (p = memchr(p, '&', end - p)) != NULL; p = next)
	{
		uint32 code;
		bool   number;

		next = p;
		number = read_number(&next, end, &code);
		if (!number)
			next = p + 1;
		if (number ? is_plain(code) : next == end || *next != '#')
			continue;
		if (out.data == NULL)
			initStringInfo(&out);
		appendBinaryStringInfo(&out, from, (int) (p - from));
		if (!number)
			appendStringInfoString(&out, "&amp;");
		else
			append_number(&out, code, &next, end);
		from = next;
	}
	if (out.data == NULL)
		return s;
	appendBinaryStringInfo(&out, from, (int) (end - from));
	*len = out.len;
	return out.data;
}

/*
 * Parses what is there, however broken.  Editors that never close <font> nest
 * hundreds deep, where the parser would stop unless told that size is fine.
 */
static htmlDocPtr
parse(const char *s, int len)
{
	int				  options = HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET;
	htmlParserCtxtPtr context;
	htmlDocPtr		  doc;

#if LIBXML_VERSION >= 21400
	options |= HTML_PARSE_HUGE;
	context = htmlNewParserCtxt();
	if (context == NULL)
		return NULL;
	doc = htmlCtxtReadMemory(context, s, len, NULL, "UTF-8", options);
#else
	context = htmlCreateMemoryParserCtxt(s, len);
	if (context == NULL)
		return NULL;
	(void) htmlCtxtUseOptions(context, options);
	context->options |= XML_PARSE_HUGE;
	(void) xmlSwitchToEncoding(context, xmlFindCharEncodingHandler("UTF-8"));
	/* a <meta charset> speaks of the file that the note once was */
	context->options |= HTML_PARSE_IGNORE_ENC;
	(void) htmlParseDocument(context);
	doc = context->myDoc;
	context->myDoc = NULL;
#endif
	htmlFreeParserCtxt(context);
	return doc;
}

void
html_read(Markdown *md, const char *s, int len)
{
	HtmlReader reader = {md, 0, 0, false};
	htmlDocPtr doc;

	s = mend_numbers(escape_lone(s, &len), &len);
	doc = parse(s, len);
	if (doc == NULL)
		return;
	/* the document is malloc'd: an error while writing (out of memory) must not leave it behind */
	PG_TRY();
	{
		read_children(&reader, (xmlNodePtr) doc);
	}
	PG_FINALLY();
	{
		xmlFreeDoc(doc);
	}
	PG_END_TRY();
}
