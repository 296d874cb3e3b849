/*
 * xlsx.h
 *		What the files that read Excel workbooks (ECMA-376) share.
 *
 *	 archive ─▶ xlsx_part.c: a member's XML, node by node
 *			 ─▶ xlsx_workbook.c: sheets, styles, shared texts ─▶ import_xlsx.c: the rows of each sheet
 *															  ◀─ xlsx_number.c: what a number shows
 */
#ifndef FLITMIG_XLSX_H
#define FLITMIG_XLSX_H

#include "source/source.h"

/* ---- parts (xlsx_part.c) ---- */

/* A member of the archive, read as XML.  Comments and the like are passed over. */
typedef struct Part Part;

/* NULL when there is no such member. */
extern Part *part_open(Input *input, const char *name);

/* Goes on to the next node; false at the end, and where the XML or the archive is damaged. */
extern bool part_next(Part *part);

/* Whether the node is the start or the end of an element of that name; a prefix does not count. */
extern bool part_starts(const Part *part, const char *element);
extern bool part_ends(const Part *part, const char *element);

/* The node's text, or NULL when it is none; good until the next node. */
extern const char *part_text(const Part *part, size_t *length);

/* An attribute of the element that starts, or NULL; good until the next node. */
extern const char *part_attribute(const Part *part, const char *name);
extern int		   part_number(const Part *part, const char *name, int absent);

/* False when it was damaged, as far as it was read. */
extern bool part_close(Part *part);

/* ---- what a number shows (xlsx_number.c) ---- */

typedef enum NumberStyle
{
	STYLE_NUMBER,
	STYLE_DATE,
	STYLE_TIME,
	STYLE_PADDED /* with zeros before it until it has two digits; one above, three; … */
} NumberStyle;

#define PADDED_DIGITS 20 /* more are none of an identifier */

#define NUMBER_TEXT 64 /* bytes that any number or date fits */

extern NumberStyle style_of_code(const char *code);
extern NumberStyle style_of_id(int id);
extern size_t	   write_number(const char *text, NumberStyle shown, bool from_1904, char out[NUMBER_TEXT]);

/* ---- the workbook (xlsx_workbook.c) ---- */

typedef struct Sheet
{
	const char *name;
	const char *relation; /* r:id */
	const char *target;	  /* member of the archive; NULL: none is named */
	bool		hidden;
} Sheet;

typedef struct Workbook
{
	Input		  *input;
	List		  *sheets;	  /* Sheet */
	bool		   from_1904; /* day 0 of its dates */
	unsigned char *styles;	  /* NumberStyle of each cell format */
	int			   style_count;
	Bytes		   strings; /* shared texts, one after the other */
	size_t		  *string_at;
	size_t		   string_count;
	size_t		   string_size;
	bool		   damaged; /* a part that says something of every sheet */
} Workbook;

extern Workbook	  *workbook_open(Input *input);
extern NumberStyle workbook_style(const Workbook *book, int style);

/* The shared text that an index in a cell names; NULL when the workbook has none such. */
extern const char *workbook_string(const Workbook *book, const char *index, size_t *length);

/* Undoes _xHHHH_ in the text from an offset on. */
extern void unescape_text(Bytes *text, size_t from);

#endif /* FLITMIG_XLSX_H */
