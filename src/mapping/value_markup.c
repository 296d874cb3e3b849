/*
 * value_markup.c
 *		Notes as Markdown: the writer, plain text, and the choice of reader.
 *
 * Twenty shows Markdown as blocks, so a character that means something there
 * is escaped, and a line break inside a paragraph is written as two blanks
 * and a newline (CommonMark 6.7); otherwise lines would run together.
 */
#include "value_markup.h"

PG_FUNCTION_INFO_V1(flitmig_html_to_markdown);
PG_FUNCTION_INFO_V1(flitmig_rtf_to_markdown);
PG_FUNCTION_INFO_V1(flitmig_to_markdown);
PG_FUNCTION_INFO_V1(flitmig_rich_text);

void
markdown_init(Markdown *md)
{
	memset(md, 0, sizeof(*md));
	initStringInfo(&md->out);
	initStringInfo(&md->indent);
	md->line_start = true;
}

/* Drops blanks at the end of what was written. */
static void
trim_end(Markdown *md)
{
	while (md->out.len > 0 && md->out.data[md->out.len - 1] == ' ')
		md->out.data[--md->out.len] = '\0';
}

/* Closes open marks; a blank before the closing mark would make it text, so it moves behind. */
static void
close_marks(Markdown *md)
{
	if (!md->bold && !md->italic)
		return;
	if (md->italic)
		appendStringInfoChar(&md->out, '*');
	if (md->bold)
		appendStringInfoString(&md->out, "**");
	md->bold = md->italic = false;
}

/* Writes line ends, indent and bullet that are due before text. */
static void
open_line(Markdown *md)
{
	if (md->breaks > 0)
	{
		close_marks(md);
		if (md->out.len > 0)
		{
			trim_end(md);
			if (md->hard && md->breaks == 1)
				appendStringInfoString(&md->out, "  ");
			appendStringInfoChar(&md->out, '\n');
			if (md->breaks > 1)
			{
				for (int i = md->indent.len; i > 0; i--)
					if (md->indent.data[i - 1] != ' ')
					{
						appendBinaryStringInfo(&md->out, md->indent.data, i);
						break;
					}
				appendStringInfoChar(&md->out, '\n');
			}
		}
		md->line_start = true;
	}
	md->breaks = 0;
	md->hard = false;
	if (md->line_start)
	{
		int bullet = md->bullet ? (int) strlen(md->bullet) : 0;

		if (md->indent.len > bullet)
			appendBinaryStringInfo(&md->out, md->indent.data, md->indent.len - bullet);
		if (bullet)
			appendBinaryStringInfo(&md->out, md->bullet, bullet);
		md->bullet = NULL;
		md->space = false;
	}
}

static bool
is_word(char ch)
{
	return is_ascii_alnum(ch) || (unsigned char) ch >= 0x80;
}

/*
 * Opens and closes marks before the next character.  Between punctuation and
 * a letter a mark would not count as one (CommonMark 6.2: "**Pain:**5"), so a
 * blank goes there.
 */
static void
set_marks(Markdown *md, char next)
{
	char last = md->out.len > 0 && !md->line_start ? md->out.data[md->out.len - 1] : ' ';

	if (md->bold == md->want_bold && md->italic == md->want_italic)
		return;
	if ((md->bold || md->italic) && is_ascii_punct(last) && is_word(next))
		md->space = true;
	close_marks(md);
	if ((md->want_bold || md->want_italic) && is_word(last) && is_ascii_punct(next))
		md->space = true;
	if (md->space)
		appendStringInfoChar(&md->out, ' ');
	md->space = false;
	if (md->want_bold)
		appendStringInfoString(&md->out, "**");
	if (md->want_italic)
		appendStringInfoChar(&md->out, '*');
	md->bold = md->want_bold;
	md->italic = md->want_italic;
}

/* Would the character mean something in Markdown here? */
static bool
needs_escape(const Markdown *md, const char *s, int at, int len)
{
	char ch = s[at];
	char next = at + 1 < len ? s[at + 1] : ' ';
	bool word_before = at > 0 && is_word(s[at - 1]);

	switch (ch)
	{
		case '\\':
			return is_ascii_punct(next);
		case '`':
			return true;
		case '*':
			/* a star with blanks on both sides is a star */
			return !(next == ' ' && (at == 0 || s[at - 1] == ' ')) || md->line_start;
		case '_':
			/* inside a word an underscore is one */
			return !(word_before && is_word(next)) && next != ' ';
		case '~':
			return next == '~';
		case '[':
			return true;
		case '<':
			return is_ascii_letter(next) || next == '/' || next == '!' || next == '?';
		case '&':
			return is_ascii_letter(next) || next == '#';
		case '#':
			return md->line_start && (next == '#' || next == ' ');
		case '>':
			return md->line_start;
		case '=':
			return md->line_start && (next == '=' || at + 1 == len);
		case '-':
		case '+':
			return md->line_start && (next == ' ' || next == ch || at + 1 == len);
		default:
			return false;
	}
}

/* "1. " or "1) " at the start of a line would begin a list: escape the mark after the digits. */
static bool
is_list_number(const Markdown *md, const char *s, int at, int len)
{
	int i = at;

	if (s[at] != '.' && s[at] != ')')
		return false;
	while (i > 0 && is_ascii_digit(s[i - 1]))
		i--;
	return i < at && i == 0 && at - i <= 9 && (at + 1 == len || s[at + 1] == ' ') &&
		   md->out.len >= at && (md->out.len == at || md->out.data[md->out.len - at - 1] == '\n');
}

void
markdown_text(Markdown *md, const char *s, int len, MarkdownSpaces spaces)
{
	for (int i = 0; i < len; i++)
	{
		unsigned char ch = (unsigned char) s[i];

		/* a no-break space is a space: editors write them between all words */
		if (ch == 0xC2 && i + 1 < len && (unsigned char) s[i + 1] == 0xA0)
		{
			ch = ' ';
			i++;
		}
		if (ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r' || ch == '\f')
		{
			if (spaces == SPACES_KEEP && !md->line_start && md->breaks == 0)
			{
				if (md->space)
					appendStringInfoChar(&md->out, ' ');
			}
			md->space = true;
			continue;
		}
		if (ch < ' ' || ch == 0x7F)
			continue;
		open_line(md);
		set_marks(md, ch);
		if (md->space)
			appendStringInfoChar(&md->out, ' ');
		md->space = false;
		if (needs_escape(md, s, i, len) || is_list_number(md, s, i, len))
			appendStringInfoChar(&md->out, '\\');
		appendStringInfoChar(&md->out, ch);
		md->line_start = false;
	}
}

void
markdown_raw(Markdown *md, const char *s, int len)
{
	open_line(md);
	set_marks(md, len > 0 ? *s : ' ');
	if (md->space)
		appendStringInfoChar(&md->out, ' ');
	md->space = false;
	appendBinaryStringInfo(&md->out, s, len);
	md->line_start = false;
}

void
markdown_break(Markdown *md, int breaks)
{
	if (breaks == 0)
		return;
	if (md->breaks < breaks)
		md->breaks = breaks;
	md->space = false;
}

/* A <br>: one is a line break, two in a row are a paragraph. */
void
markdown_line_break(Markdown *md)
{
	if (md->breaks == 0)
		md->hard = true;
	else if (md->hard)
		md->breaks = 2;
	if (md->breaks == 0)
		md->breaks = 1;
	md->space = false;
}

text *
markdown_finish(Markdown *md)
{
	close_marks(md);
	trim_end(md);
	if (md->out.len == 0)
		return NULL;
	return cstring_to_text_with_len(md->out.data, md->out.len);
}

/* A line of a plain text that is a list item already: its mark stays. */
static int
item_mark(const char *s, int len)
{
	int i = 0;

	if (len > 2 && (s[0] == '-' || s[0] == '*' || s[0] == '+') && s[1] == ' ')
		return 2;
	while (i < len && i < 9 && is_ascii_digit(s[i]))
		i++;
	if (i > 0 && i + 1 < len && (s[i] == '.' || s[i] == ')') && s[i + 1] == ' ')
		return i + 2;
	return 0;
}

/* Plain text: lines stay lines, blank lines separate paragraphs, lists stay lists. */
static void
plain_read(Markdown *md, Span text)
{
	const char *s = text.data;
	const char *end = s + text.len;
	bool		list = false;

	while (s < end)
	{
		const char *stop = s;
		Span		line;
		int			mark;

		while (stop < end && *stop != '\n' && *stop != '\r')
			stop++;
		line = span_trim((Span){s, (int) (stop - s)});
		s = stop + 1;
		if (stop + 1 < end && stop[0] == '\r' && stop[1] == '\n')
			s++;
		if (line.len == 0)
		{
			markdown_break(md, 2);
			continue;
		}
		mark = item_mark(line.data, line.len);
		if (mark)
		{
			markdown_break(md, list ? 1 : 2);
			markdown_raw(md, line.data, mark);
		}
		else if (list)
			markdown_break(md, 2);
		else if (md->out.len > 0)
			markdown_line_break(md);
		list = mark > 0;
		markdown_text(md, line.data + mark, line.len - mark, SPACES_KEEP);
	}
}

typedef enum MarkupFormat
{
	MARKUP_TEXT,
	MARKUP_HTML,
	MARKUP_RTF
} MarkupFormat;

/* Tags that make a text HTML, sorted; a text with "<5" or "<name>" is none. */
static bool
is_known_tag(Span name)
{
	static const char *const tags[] = {
		"!doctype", "a", "b", "blockquote", "body", "br", "center", "code", "div", "em", "font",
		"h1", "h2", "h3", "h4", "h5", "h6", "head", "hr", "html", "i", "img", "li", "meta", "ol", "p",
		"pre", "s", "small", "span", "strong", "style", "sub", "sup", "table", "tbody", "td", "th",
		"thead", "tr", "u", "ul"};
	char folded[16];

	return span_fold(name, folded, sizeof(folded)) && word_in(folded, tags, lengthof(tags));
}

/* RTF says so in its first bytes; HTML has a known tag somewhere. */
static MarkupFormat
sniff(Span span)
{
	const char *s = span.data;
	const char *end = s + span.len;

	if (span.len > 5 && memcmp(s, "{\\rtf", 5) == 0)
		return MARKUP_RTF;
	while ((s = memchr(s, '<', end - s)) != NULL)
	{
		const char *name = ++s;

		if (name < end && *name == '/')
			name = ++s;
		while (s < end && (is_ascii_alnum(*s) || *s == '!'))
			s++;
		if (s > name && s < end && (*s == '>' || *s == '/' || *s == ' ' || *s == '\n' || *s == '\t') &&
			is_known_tag((Span){name, (int) (s - name)}))
			/* where no tag ends, none behind it does either */
			return memchr(s, '>', end - s) != NULL ? MARKUP_HTML : MARKUP_TEXT;
	}
	return MARKUP_TEXT;
}

/* Turns a cell into Markdown by the reader for what it is. */
static text *
convert(Span span, MarkupFormat format)
{
	Markdown md;

	if (span.len == 0)
		return NULL;
	if (format != MARKUP_TEXT)
		require_utf8();
	markdown_init(&md);
	if (format == MARKUP_HTML)
		html_read(&md, span.data, span.len);
	else if (format == MARKUP_RTF)
		rtf_read(&md, span.data, span.len);
	else
		plain_read(&md, span);
	return markdown_finish(&md);
}

/*
 * html_to_markdown(text) → text
 *
 * Paragraphs, line breaks, bold, italic, headings, nested lists, links,
 * table rows as lines, preformatted text, entities; scripts, styles and
 * comments are dropped.  Any text is accepted.  NULL when no text is left.
 */
Datum
flitmig_html_to_markdown(PG_FUNCTION_ARGS)
{
	text *result = convert(span_arg(fcinfo, 0), MARKUP_HTML);

	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(result);
}

/*
 * rtf_to_markdown(text) → text
 *
 * Paragraphs, lines, bold, italic, table cells, characters by code page and
 * by Unicode; pictures, tables of fonts and colours, fields' instructions are
 * dropped.  A text that is no RTF is taken as plain text.  NULL when no text
 * is left.
 */
Datum
flitmig_rtf_to_markdown(PG_FUNCTION_ARGS)
{
	Span  span = span_arg(fcinfo, 0);
	text *result = convert(span, sniff(span) == MARKUP_RTF ? MARKUP_RTF : MARKUP_TEXT);

	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(result);
}

/*
 * to_markdown(body text, format text) → text
 *
 * format: html, rtf or text; NULL or any other word looks at the text itself.
 * Plain text keeps its lines; what Markdown would take for markup is escaped.
 * NULL for a blank body.
 */
Datum
flitmig_to_markdown(PG_FUNCTION_ARGS)
{
	Span		 span;
	MarkupFormat format;
	text		*result;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	span = span_arg(fcinfo, 0);
	format = sniff(span);
	if (!PG_ARGISNULL(1))
	{
		Span name = span_arg(fcinfo, 1);

		if (span_is(name, "html"))
			format = MARKUP_HTML;
		else if (span_is(name, "text"))
			format = MARKUP_TEXT;
		else if (span_is(name, "rtf") && format != MARKUP_RTF)
			format = MARKUP_TEXT;
	}
	result = convert(span, format);
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(result);
}

/* rich_text(markdown text) → jsonb {"markdown"}; NULL for a blank text.  The server makes the blocks from it. */
Datum
flitmig_rich_text(PG_FUNCTION_ARGS)
{
	static const char *const keys[] = {"markdown"};
	Span					 span = span_arg(fcinfo, 0);

	if (span.len == 0)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(json_strings(1, keys, &span));
}
