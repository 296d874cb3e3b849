/*
 * delimited.h
 *		What the files that stage delimited text share.
 *
 *	 import_csv.c: samples, layout, the tables of a file one by one
 *		─▶ delimited_header.c: lines above a table, names of its columns
 *		─▶ delimited_rows.c: its rows, and rows that are none
 */
#ifndef FLITMIG_DELIMITED_H
#define FLITMIG_DELIMITED_H

#include "source/source.h"

/* What one import of a delimited file works with. */
typedef struct Delimited
{
	Import		   *import;
	Input		   *input;
	SourceFile	   *file;
	CsvLayout		layout;
	CsvReader	   *reader;
	Loader		   *loader;
	CsvHints		hints;
	const Encoding *encoding; /* of the reader's bytes */
	bool			sheet;	  /* each row of the text is a row of a sheet */
	bool			keep_all; /* rows that look like none are rows */
	bool			only_one; /* nothing is looked for below the first table */

	/* the table */
	int		   table;		/* which one of the file, from 1 */
	bool	   at_row;		/* the reader stands on its first row, a title or a header */
	int64	   header_line; /* of the row that names the columns */
	TableAbove above;		/* the table, as far as it tells it from the next one */
	bool	   after_blank; /* rows without content are right above */
	List	  *damaged_names;
	List	  *titles;	   /* of the tables so far */
	bool	   full_above; /* a line above the header is as full as the table */

	/* a row that was too short, when it is right above */
	int64 short_line;
	int	  short_cells;
} Delimited;

/* Where the row at hand is, as the user can find it. */
extern int64 delimited_line(Delimited *d);

/* Keeps the row at hand as a reject, and tells of it. */
extern void delimited_reject(Delimited *d, const char *code, const char *reason, const char *message, const char *hint);

/* The same for a row whose end cannot be found. */
extern void delimited_reject_unread(Delimited *d, CsvResult result);

/* Reads past the preamble and through the header rows, which it keeps but for the last; leaves the reader at the first row of data. */
extern char **delimited_header(Delimited *d, int *count);

/* Keeps what damaged header cells were, now that their columns have names. */
extern void delimited_keep_names(Delimited *d);

/* The text of the only cell of a title, without brackets, and without what divides names of parts and of folders. */
extern char *delimited_title(Delimited *d);

/* Stages all rows of the table; false when another one begins at the row that the reader then stands on. */
extern bool delimited_rows(Delimited *d);

#endif /* FLITMIG_DELIMITED_H */
