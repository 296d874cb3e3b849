/*
 * value_rtf.c
 *		RTF of notes into Markdown: a small reader of what word processors and
 *		practice software write (RTF 1.9.1; only what carries text or emphasis).
 *
 *	  {  push state		\word  apply		\'xx  byte of the code page ┐ collected, then
 *	  }  pop state		text   write		raw   as it stands			┘ converted at once
 *
 * Unknown words are passed over, unknown groups marked \* are skipped, a group
 * that never closes ends with the text.
 */
#include "value_markup.h"

#include <iconv.h>

#include "mb/pg_wchar.h"

/* Open groups that are remembered; deeper ones share the last state. */
#define GROUPS_MAX 200

/* Fonts whose character set is remembered. */
#define FONTS_MAX 256

/* Bytes of one run in a code page. */
#define RUN_MAX 512

typedef struct RtfState
{
	bool bold;
	bool italic;
	bool strike;
	bool skip;		   /* text of this group is not shown */
	bool hidden;	   /* \v */
	bool fonts;		   /* inside \fonttbl */
	bool marker;	   /* inside \listtext or \pntext */
	int	 unicode_skip; /* characters that stand for a \u */
	int	 codepage;	   /* of the current font; 0: the document's */
} RtfState;

typedef struct RtfReader
{
	Markdown   *md;
	const char *at;
	const char *end;
	RtfState	state;
	RtfState	stack[GROUPS_MAX];
	int			depth;
	int			codepage; /* of the document */
	int			font;	  /* last \f in the font table */
	short		font_codepage[FONTS_MAX];
	char		run[RUN_MAX]; /* bytes of a code page that wait for conversion */
	int			run_len;
	int			run_codepage;
	uint32		high_surrogate;
	char		marker[16]; /* text of a list marker */
	int			marker_len;
	bool		cell;	/* a table cell ended on this line */
	bool		struck; /* a strike is open in the output */
} RtfReader;

/* \fcharset numbers and their code pages (RTF 1.9.1, font table). */
static int
charset_codepage(int charset)
{
	static const int pairs[][2] = {
		{77, 10000}, {128, 932}, {129, 949}, {134, 936}, {136, 950}, {161, 1253}, {162, 1254}, {163, 1258}, {177, 1255}, {178, 1256}, {186, 1257}, {204, 1251}, {222, 874}, {238, 1250}, {255, 850}};

	for (int i = 0; i < lengthof(pairs); i++)
		if (pairs[i][0] == charset)
			return pairs[i][1];
	return 0;
}

/* A converter from a code page; the last one stays open for the session. */
static iconv_t
converter(int codepage)
{
	static iconv_t cached = (iconv_t) -1;
	static int	   cached_codepage = -1;
	char		   name[16];

	if (codepage == cached_codepage)
		return cached;
	if (cached != (iconv_t) -1)
		iconv_close(cached);
	if (codepage == 10000)
		strcpy(name, "MACINTOSH");
	else if (codepage == 65001)
		strcpy(name, "UTF-8");
	else
		snprintf(name, sizeof(name), "CP%d", codepage);
	cached = iconv_open("UTF-8", name);
	cached_codepage = codepage;
	return cached;
}

/* Opens or closes a strike: struck text says the opposite of plain text. */
static void
set_struck(RtfReader *reader, bool struck)
{
	bool space = reader->md->space;

	if (reader->struck == struck)
		return;
	if (!struck)
		reader->md->space = false;
	markdown_raw(reader->md, "~~", 2);
	if (!struck)
		reader->md->space = space;
	reader->struck = struck;
}

/* Writes text where the group's state wants it: as a list marker, nowhere, or into the note. */
static void
write_text(RtfReader *reader, const char *s, int len)
{
	RtfState *state = &reader->state;

	if (state->marker)
	{
		int room = (int) sizeof(reader->marker) - reader->marker_len;

		len = Min(len, room);
		memcpy(reader->marker + reader->marker_len, s, len);
		reader->marker_len += len;
		return;
	}
	if (state->skip || state->hidden || state->fonts)
		return;
	if (reader->cell)
		markdown_text(reader->md, " | ", 3, SPACES_KEEP);
	reader->cell = false;
	reader->md->want_bold = state->bold;
	reader->md->want_italic = state->italic;
	for (; state->strike && !reader->struck && len > 0 && *s == ' '; s++, len--)
		markdown_text(reader->md, s, 1, SPACES_KEEP);
	if (len > 0)
		set_struck(reader, state->strike);
	markdown_text(reader->md, s, len, SPACES_KEEP);
}

/* Converts and writes the collected run; bytes that mean nothing become U+FFFD. */
static void
flush_run(RtfReader *reader)
{
	char	buffer[RUN_MAX * 3 + 4];
	char   *in = reader->run;
	char   *out = buffer;
	size_t	in_left = reader->run_len;
	size_t	out_left = sizeof(buffer) - 4;
	iconv_t cd;

	if (reader->run_len == 0)
		return;
	reader->run_len = 0;
	cd = converter(reader->run_codepage);
	if (cd != (iconv_t) -1)
		(void) iconv(cd, NULL, NULL, NULL, NULL);
	while (in_left > 0 && out_left >= 3)
	{
		bool whole = cd != (iconv_t) -1 && iconv(cd, &in, &in_left, &out, &out_left) != (size_t) -1;

		/* a letter of Hebrew or Vietnamese waits for its accent */
		if (cd != (iconv_t) -1)
			(void) iconv(cd, NULL, NULL, &out, &out_left);
		if (whole || in_left == 0 || out_left < 3)
			break;
		memcpy(out, "\xEF\xBF\xBD", 3);
		out += 3;
		out_left -= 3;
		in++;
		in_left--;
	}
	write_text(reader, buffer, (int) (out - buffer));
}

static void
add_byte(RtfReader *reader, unsigned char byte)
{
	int codepage = reader->state.codepage ? reader->state.codepage : reader->codepage;

	if (byte == 0)
		return;
	if (reader->run_len == RUN_MAX || (reader->run_len > 0 && reader->run_codepage != codepage))
		flush_run(reader);
	reader->run_codepage = codepage;
	reader->run[reader->run_len++] = (char) byte;
}

/* Writes a \u character; a half of a pair waits for the other. */
static void
write_codepoint(RtfReader *reader, uint32 code)
{
	unsigned char buffer[4];

	flush_run(reader);
	if (code >= 0xD800 && code < 0xDC00)
	{
		reader->high_surrogate = code;
		return;
	}
	if (code >= 0xDC00 && code < 0xE000)
	{
		if (reader->high_surrogate == 0)
			return;
		code = 0x10000 + ((reader->high_surrogate - 0xD800) << 10) + (code - 0xDC00);
	}
	reader->high_surrogate = 0;
	/* symbol fonts put their characters at U+F000 */
	if (code >= 0xF020 && code <= 0xF0FF)
		code = code == 0xF0B7 || code == 0xF0A7 ? 0x2022 : code - 0xF000;
	if (code < ' ')
		return;
	unicode_to_utf8(code, buffer);
	write_text(reader, (char *) buffer, pg_utf_mblen(buffer));
}

/* Passes over the characters that a reader without Unicode would show instead of \u. */
static void
skip_substitute(RtfReader *reader)
{
	for (int left = reader->state.unicode_skip; left > 0 && reader->at < reader->end; left--)
	{
		const char *s = reader->at;

		if (*s == '{' || *s == '}')
			return;
		if (*s == '\\')
		{
			if (reader->end - s >= 4 && s[1] == '\'')
				reader->at += 4;
			else
				return;
		}
		else
			reader->at++;
	}
}

/* Takes a text's code for a list marker at its end: a number stays, everything else is a bullet. */
static void
write_marker(RtfReader *reader)
{
	int digits = 0;

	while (digits < reader->marker_len && is_ascii_digit(reader->marker[digits]))
		digits++;
	reader->md->want_bold = reader->md->want_italic = false;
	reader->md->hard = false;
	if (digits > 0 && digits < 9)
	{
		markdown_raw(reader->md, reader->marker, digits);
		markdown_raw(reader->md, ". ", 2);
	}
	else
		markdown_raw(reader->md, "- ", 2);
	reader->marker_len = 0;
}

typedef enum RtfAction
{
	RTF_SKIP, /* destination without text of the note */
	RTF_LINE,
	RTF_CELL,
	RTF_ROW,
	RTF_TAB,
	RTF_TEXT, /* stands for a text */
	RTF_BOLD,
	RTF_ITALIC,
	RTF_PLAIN,
	RTF_HIDDEN,
	RTF_UNICODE,
	RTF_UNICODE_SKIP,
	RTF_BINARY,
	RTF_CODEPAGE,
	RTF_NAMED_CODEPAGE,
	RTF_STRIKE,
	RTF_SHOW, /* text of the note within a group that is skipped */
	RTF_FONT_TABLE,
	RTF_FONT,
	RTF_CHARSET,
	RTF_MARKER
} RtfAction;

typedef struct RtfWord
{
	const char *name;
	RtfAction	action;
	const char *text;
} RtfWord;

/* Sorted by name. */
static const RtfWord words[] = {
	{"ansicpg", RTF_CODEPAGE, NULL},
	{"b", RTF_BOLD, NULL},
	{"bin", RTF_BINARY, NULL},
	{"bullet", RTF_TEXT, "\xE2\x80\xA2"},
	{"cell", RTF_CELL, NULL},
	{"colortbl", RTF_SKIP, NULL},
	{"column", RTF_LINE, NULL},
	{"deleted", RTF_HIDDEN, NULL},
	{"emdash", RTF_TEXT, "\xE2\x80\x94"},
	{"emspace", RTF_TEXT, " "},
	{"endash", RTF_TEXT, "\xE2\x80\x93"},
	{"enspace", RTF_TEXT, " "},
	{"f", RTF_FONT, NULL},
	{"fcharset", RTF_CHARSET, NULL},
	{"fldinst", RTF_SKIP, NULL},
	{"fonttbl", RTF_FONT_TABLE, NULL},
	{"footer", RTF_SKIP, NULL},
	{"footerf", RTF_SKIP, NULL},
	{"footerl", RTF_SKIP, NULL},
	{"footerr", RTF_SKIP, NULL},
	{"header", RTF_SKIP, NULL},
	{"headerf", RTF_SKIP, NULL},
	{"headerl", RTF_SKIP, NULL},
	{"headerr", RTF_SKIP, NULL},
	{"htmlrtf", RTF_HIDDEN, NULL},
	{"i", RTF_ITALIC, NULL},
	{"info", RTF_SKIP, NULL},
	{"ldblquote", RTF_TEXT, "\xE2\x80\x9C"},
	{"line", RTF_LINE, NULL},
	{"listtext", RTF_MARKER, NULL},
	{"lquote", RTF_TEXT, "\xE2\x80\x98"},
	{"mac", RTF_NAMED_CODEPAGE, "10000"},
	{"nestcell", RTF_CELL, NULL},
	{"nestrow", RTF_ROW, NULL},
	{"object", RTF_SKIP, NULL},
	{"page", RTF_LINE, NULL},
	{"par", RTF_LINE, NULL},
	{"pc", RTF_NAMED_CODEPAGE, "437"},
	{"pca", RTF_NAMED_CODEPAGE, "850"},
	{"pict", RTF_SKIP, NULL},
	{"plain", RTF_PLAIN, NULL},
	{"pntext", RTF_MARKER, NULL},
	{"rdblquote", RTF_TEXT, "\xE2\x80\x9D"},
	{"row", RTF_ROW, NULL},
	{"rquote", RTF_TEXT, "\xE2\x80\x99"},
	{"sect", RTF_LINE, NULL},
	{"shptxt", RTF_SHOW, NULL},
	{"strike", RTF_STRIKE, NULL},
	{"striked", RTF_STRIKE, NULL},
	{"stylesheet", RTF_SKIP, NULL},
	{"tab", RTF_TAB, NULL},
	{"u", RTF_UNICODE, NULL},
	{"uc", RTF_UNICODE_SKIP, NULL},
	{"v", RTF_HIDDEN, NULL}};

/* A word of the table, or NULL: it means nothing here. */
static const RtfWord *
find_word(const char *name)
{
	int low = 0;
	int high = lengthof(words);

	while (low < high)
	{
		int middle = (low + high) / 2;
		int order = strcmp(name, words[middle].name);

		if (order == 0)
			return &words[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static void
end_line(RtfReader *reader)
{
	flush_run(reader);
	if (!reader->state.skip && !reader->state.hidden)
	{
		set_struck(reader, false);
		markdown_line_break(reader->md);
	}
	reader->cell = false;
}

/* Words that change where text goes or what code page it has. */
static void
apply_font(RtfReader *reader, RtfAction action, int number)
{
	RtfState *state = &reader->state;

	if (action == RTF_FONT)
	{
		if (state->fonts)
			reader->font = number;
		else if (number >= 0 && number < FONTS_MAX)
			state->codepage = reader->font_codepage[number];
	}
	else if (action == RTF_CHARSET)
	{
		if (reader->font >= 0 && reader->font < FONTS_MAX)
			reader->font_codepage[reader->font] = (short) charset_codepage(number);
	}
	else if (action == RTF_CODEPAGE && number > 0 && number <= 65535)
		reader->codepage = number;
}

/* Does what a word says. */
static void
apply_word(RtfReader *reader, const RtfWord *word, int number, bool has_number)
{
	RtfState *state = &reader->state;
	bool	  on = !has_number || number != 0;

	if (word->action != RTF_UNICODE)
		flush_run(reader);
	switch (word->action)
	{
		case RTF_SKIP:
			state->skip = true;
			break;
		case RTF_LINE:
			end_line(reader);
			break;
		case RTF_CELL:
			reader->cell = true;
			break;
		case RTF_ROW:
			end_line(reader);
			break;
		case RTF_TAB:
			write_text(reader, " ", 1);
			break;
		case RTF_TEXT:
			write_text(reader, word->text, (int) strlen(word->text));
			break;
		case RTF_BOLD:
			state->bold = on;
			break;
		case RTF_ITALIC:
			state->italic = on;
			break;
		case RTF_PLAIN:
			state->bold = state->italic = state->hidden = state->strike = false;
			break;
		case RTF_STRIKE:
			state->strike = on;
			break;
		case RTF_SHOW:
			state->skip = false;
			break;
		case RTF_HIDDEN:
			state->hidden = on;
			break;
		case RTF_UNICODE:
			write_codepoint(reader, number < 0 ? (uint32) (number + 65536) & 0xFFFF : (uint32) number & 0xFFFF);
			skip_substitute(reader);
			break;
		case RTF_UNICODE_SKIP:
			state->unicode_skip = number >= 0 && number < 16 ? number : 1;
			break;
		case RTF_BINARY:
			if (number > 0)
				reader->at += Min((Size) number, (Size) (reader->end - reader->at));
			break;
		case RTF_FONT_TABLE:
			state->fonts = true;
			break;
		case RTF_MARKER:
			state->marker = !state->skip;
			reader->marker_len = 0;
			break;
		case RTF_NAMED_CODEPAGE:
			reader->codepage = atoi(word->text);
			break;
		case RTF_CODEPAGE:
		case RTF_FONT:
		case RTF_CHARSET:
			apply_font(reader, word->action, number);
			break;
	}
}

/* \word, perhaps with a number, and the one blank that ends it. */
static void
read_word(RtfReader *reader)
{
	char		   name[24];
	int			   len = 0;
	int			   number = 0;
	bool		   negative = false;
	bool		   has_number = false;
	const RtfWord *word;

	for (; reader->at < reader->end && is_ascii_letter(*reader->at); reader->at++)
		if (len < (int) sizeof(name) - 1)
			name[len++] = *reader->at;
	name[len] = '\0';
	if (reader->at + 1 < reader->end && *reader->at == '-' && is_ascii_digit(reader->at[1]))
	{
		negative = true;
		reader->at++;
	}
	for (; reader->at < reader->end && is_ascii_digit(*reader->at); reader->at++)
	{
		has_number = true;
		if (number < 100000000)
			number = number * 10 + (*reader->at - '0');
	}
	if (reader->at < reader->end && *reader->at == ' ')
		reader->at++;
	word = find_word(name);
	if (word)
		apply_word(reader, word, negative ? -number : number, has_number);
}

/* What follows a backslash. */
static void
read_control(RtfReader *reader)
{
	char ch;

	if (reader->at >= reader->end)
		return;
	ch = *reader->at;
	if (is_ascii_letter(ch))
	{
		read_word(reader);
		return;
	}
	reader->at++;
	switch (ch)
	{
		case '\'':
			if (reader->end - reader->at >= 2 && hex_value(reader->at[0]) >= 0 && hex_value(reader->at[1]) >= 0)
			{
				add_byte(reader, (unsigned char) (hex_value(reader->at[0]) << 4 | hex_value(reader->at[1])));
				reader->at += 2;
			}
			break;
		case '*':
			reader->state.skip = true;
			break;
		case '\r':
		case '\n':
			end_line(reader);
			break;
		case '~':
			flush_run(reader);
			write_text(reader, " ", 1);
			break;
		case '_':
			flush_run(reader);
			write_text(reader, "-", 1);
			break;
		case '\\':
		case '{':
		case '}':
			flush_run(reader);
			write_text(reader, &ch, 1);
			break;
		default:
			break;
	}
}

static void
close_group(RtfReader *reader)
{
	bool marker = reader->state.marker;

	flush_run(reader);
	if (reader->depth > 0 && --reader->depth < GROUPS_MAX)
		reader->state = reader->stack[reader->depth];
	if (marker && !reader->state.marker)
		write_marker(reader);
}

void
rtf_read(Markdown *md, const char *s, int len)
{
	RtfReader *reader = palloc0(sizeof(RtfReader));

	reader->md = md;
	reader->at = s;
	reader->end = s + len;
	reader->codepage = 1252;
	reader->state.unicode_skip = 1;
	while (reader->at < reader->end)
	{
		const char *start = reader->at;
		char		ch = *reader->at++;

		if (ch == '{')
		{
			flush_run(reader);
			if (reader->depth < GROUPS_MAX)
				reader->stack[reader->depth] = reader->state;
			reader->depth++;
		}
		else if (ch == '}')
			close_group(reader);
		else if (ch == '\\')
			read_control(reader);
		else if (ch != '\r' && ch != '\n')
		{
			flush_run(reader);
			while (reader->at < reader->end && strchr("{}\\\r\n", *reader->at) == NULL)
				reader->at++;
			write_text(reader, start, (int) (reader->at - start));
		}
	}
	flush_run(reader);
	set_struck(reader, false);
	pfree(reader);
}
