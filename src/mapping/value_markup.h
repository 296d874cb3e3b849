/*
 * value_markup.h
 *		Writing Markdown, shared by the readers of HTML, RTF and plain text.
 */
#ifndef FLITMIG_VALUE_MARKUP_H
#define FLITMIG_VALUE_MARKUP_H

#include "mapping.h"

#include "lib/stringinfo.h"

typedef enum MarkdownSpaces
{
	SPACES_FOLD, /* runs of white space are one space (HTML) */
	SPACES_KEEP	 /* as they stand (RTF, plain text) */
} MarkdownSpaces;

/*
 * A Markdown text under way.  Line ends and blank lines are requested, not
 * written, so that no empty paragraph and no trailing blank comes out.
 */
typedef struct Markdown
{
	StringInfoData out;
	StringInfoData indent;	   /* what begins every line: list depth, quote marks */
	const char	  *bullet;	   /* mark of a list item that waits for its first text */
	int			   breaks;	   /* line ends due: 0, 1 (new line), 2 (blank line) */
	bool		   hard;	   /* the one line end due is a <br> */
	bool		   space;	   /* a space is due */
	bool		   line_start; /* nothing was written on this line yet */
	bool		   bold;	   /* marks that are open in the output */
	bool		   italic;
	bool		   want_bold; /* marks that the next text should have */
	bool		   want_italic;
	char		   item[16];
} Markdown;

extern void markdown_init(Markdown *md);
extern void markdown_text(Markdown *md, const char *s, int len, MarkdownSpaces spaces);

/* Markup that must not be escaped. */
extern void markdown_raw(Markdown *md, const char *s, int len);
extern void markdown_break(Markdown *md, int breaks);
extern void markdown_line_break(Markdown *md);

/* The result, NULL when there is no text in it. */
extern text *markdown_finish(Markdown *md);

/* Readers; the input is UTF-8. */
extern void html_read(Markdown *md, const char *s, int len);
extern void rtf_read(Markdown *md, const char *s, int len);

#endif /* FLITMIG_VALUE_MARKUP_H */
