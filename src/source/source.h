/*
 * source.h
 *		Door of the room that turns bytes into staged rows, and what its files
 *		share.  The reader core without the server is in text_core.h.
 *
 *	 path ─▶ input (file, archive member, large object) ─▶ survey: SHA-256, encoding
 *		  ─▶ format ─▶ reader (delimited, JSON, XLSX) ─▶ loader ─▶ staging table ─▶ census
 */
#ifndef FLITMIG_SOURCE_H
#define FLITMIG_SOURCE_H

#include "flitmig.h"

#include "access/htup.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/tuplestore.h"

#include "source/text_core.h"

/* ---- inputs (input.c) ---- */

#define SHA256_BYTES 32

/* Bytes that can be read as often as need be. */
typedef struct Input
{
	char	*path; /* where it is, absolute; archive!member; lo:oid */
	char	*name; /* relative to what was imported */
	int64	 bytes;
	uint8	 sha256[SHA256_BYTES];
	Encoding encoding;
	bool	 guessed; /* the encoding, from which letters there are */
	bool	 has_nuls;

	int			   fd;		   /* a file, or -1 */
	int64		   file_bytes; /* its size and time of change, in nanoseconds, when it was opened */
	int64		   file_changed;
	void		  *spool;		 /* BufFile of an archive member, or NULL */
	void		  *large_object; /* LargeObjectDesc, or NULL */
	int64		   position;
	struct Hasher *hasher; /* while the input is being made */
} Input;

extern Input *input_open_file(const char *path, const char *name);
extern Input *input_open_large_object(Oid oid, const char *name);

/* An input made from pieces: create, append…, finish. */
extern Input *input_create_spool(const char *path, const char *name);
extern void	  input_append(Input *input, const char *data, size_t length);
extern void	  input_finish(Input *input);
extern void	  input_check_unchanged(Input *input);
extern void	  input_close(Input *input);

/* Reads from an offset on; the source is good until the next one is asked for. */
extern ByteSource input_source(Input *input, int64 offset);
extern size_t	  input_peek(Input *input, int64 offset, char *buf, size_t length);

/* As UTF-8 or a superset of ASCII: behind the byte order mark, converted if need be. */
extern ByteSource input_text(Input *input);

/* Calls release(object) when the current memory context goes. */
extern void				guard(void (*release)(void *object), void *object);
pg_noreturn extern void out_of_memory(void);

/* ---- statements (sql.c) ---- */

#define SQL_ARGUMENTS 24

typedef struct SqlArguments
{
	int	  count;
	Oid	  types[SQL_ARGUMENTS];
	Datum values[SQL_ARGUMENTS];
	char  nulls[SQL_ARGUMENTS];
} SqlArguments;

extern void	  sql_text(SqlArguments *args, const char *value);
extern void	  sql_int(SqlArguments *args, int value);
extern void	  sql_bigint(SqlArguments *args, int64 value);
extern void	  sql_bytes(SqlArguments *args, const void *data, size_t length);
extern void	  sql_datum(SqlArguments *args, Oid type, Datum value);
extern void	  sql_jsonb(SqlArguments *args, Jsonb *value);
extern void	  sql_texts(SqlArguments *args, char *const *values, int count);
extern uint64 sql_run(const char *sql, SqlArguments *args);
extern uint64 sql_run_once(const char *sql);
extern char	 *sql_value(uint64 row, int column);

/* ---- archives (archive.c) ---- */

#define ARCHIVE_DEPTH_LIMIT 5 /* archives inside archives */

typedef struct Archive Archive;

extern Archive *archive_open(Input *input);
extern bool		archive_find(Archive *archive, const char *name);
extern ssize_t	archive_data(Archive *archive, void *buf, size_t length);
extern void		archive_close(Archive *archive);

struct archive;
struct archive_entry;
extern char *archive_member_name(struct archive *handle, struct archive_entry *entry, const char *archive_name);

/* ---- imported files once more (member.c) ---- */

/*
 * Opens a file by the path that the import wrote down (file, archive!member,
 * lo:oid); the caller closes the descriptor.  -1: problem says why, as a code
 * for the quarantine; so it does when size or SHA-256 (-1, NULL: unknown) are
 * not those of the import.  Needs a transaction.
 */
extern int imported_file_open(const char *path, int64 bytes, const uint8 *sha256, const char **problem);

/* Why it could not be opened, as far as that can be told without reading; or NULL. */
extern const char *imported_file_problem(const char *path);

/* Its first bytes, and how many there are; -1 when it cannot be read. */
extern int imported_file_head(const char *path, char *head, int length);

/* ---- findings (finding.c) ---- */

#define FINDING_PLACES 10

typedef struct Finding
{
	const char *code;
	const char *severity;
	const char *message; /* without any value */
	const char *hint;
	const char *column;
	int64		count;
	int			places;
	int64		lines[FINDING_PLACES];
} Finding;

/* The code's finding of this list, made when new; it counts one more, at that line (0: none). */
extern Finding *finding_add(List **findings, const char *severity, const char *code, int64 line,
							const char *message, const char *hint);

/* The same for one column, of which it has a finding of its own unless many columns have one. */
extern Finding *finding_add_column(List **findings, const char *severity, const char *code, int64 line, const char *column,
								   const char *message, const char *hint);
extern void		findings_store(int migration, const char *object, List *findings);
extern void		findings_clear(int migration, const char *object);

/* ---- the import as a whole (import.c) ---- */

typedef struct Import
{
	int				 migration;
	char			*migration_name;
	char			*schema;  /* of the staging tables */
	Jsonb			*options; /* or NULL */
	MemoryContext	 context;
	Tuplestorestate *rows;
	TupleDesc		 row_desc;
	List			*tables;	  /* staging tables that changed, names */
	List			*files;		  /* ids of what was imported */
	List			*matches;	  /* EntityMatch: what the profile said of files so far */
	List			*censuses;	  /* of rows loaded by this import */
	int				 depth;		  /* archives inside archives */
	int64			 seen;		  /* inputs */
	char		   **known_names; /* of columns in the profile, sorted; NULL: not asked for yet */
	int				 known_count;
} Import;

/* What became of an input; one row of flitmig_import and of source_file. */
typedef struct SourceFile
{
	int				  id;
	const char		 *path;
	const char		 *name;
	const char		 *base;		   /* name that profile patterns are matched with */
	const char		 *second_base; /* another such name, or NULL */
	const char		 *own_table;   /* table when the profile knows none; NULL: base */
	const char		 *format;
	const char		 *table; /* NULL: not a table */
	const char		 *encoding;
	char			  delimiter;
	char			  quote;
	const char		 *newline;
	const char		 *header_text; /* for the result */
	int				  header_rows;
	int				  preamble_rows;
	List			 *merged;	   /* rows of a sheet in which cells begin that are merged over several */
	int64			  header_line; /* of the row that names the columns; 0: of none */
	char			**header;	   /* verbatim */
	char			**columns;
	int				  column_count;
	int64			  rows_read;
	int64			  rows_loaded;
	int64			  rows_rejected;
	const char		 *note;
	List			 *findings;
	Input			 *input;	  /* whose account it is */
	const char		 *first_path; /* of a table below another one: the account of the file's first table, or NULL */
	const char		 *first_name;
	Input			 *read_from;	  /* for progress */
	const Encoding	 *converted_from; /* what the reader gives was converted from that; NULL: it gives the file's own bytes */
	struct Originals *originals;	  /* that are not stored yet, or NULL */
	Bytes			  restored;		  /* see file_bytes */
} SourceFile;

extern void import_input(Import *import, Input *input);
extern void leave_out(Import *import, const char *name, const char *message);

/* ---- accounts (source_file.c) ---- */

/* Whether a file of that name and content is staged; then the result has its row, and it is live. */
extern bool imported_already(Import *import, Input *input, const char *path, const char *name);
/*
 * Starts the account of an input, or of one part (sheet, member) of a container.
 * Formats archive, workbook and document are containers: their parts have
 * accounts of their own.  NULL: this part is in already.
 */
extern SourceFile *source_file_begin(Import *import, Input *input, const char *part, const char *format);
extern SourceFile *source_file_below(Import *import, SourceFile *above, const char *title);
extern void		   source_file_end(Import *import, SourceFile *file);
extern void		   source_files_label(Import *import);
extern char		  *file_base_name(const char *name);
extern void		   source_file_note(SourceFile *file, const char *note);
extern void		   source_file_encoding(SourceFile *file, const Input *input);

/* Column names of the header cells, made unique. */
extern void source_file_columns(SourceFile *file, char **header, int count);

/* Chooses the staging table by the profile, and checks its required columns. */
extern void source_file_table(Import *import, SourceFile *file);

/* An option of this file: options->key, or of the first matching pattern in options->files. */
extern char *import_option(Import *import, const char *name, const char *key);

/* ---- what staging cannot hold as it was (original.c) ---- */

extern void		   original_keep(SourceFile *file, int64 line, const char *column, const char *data, size_t length);
extern void		   damage_found(SourceFile *file, int64 line, const char *column, const Damage *damage);
extern void		   original_keep_damaged(SourceFile *file, int64 line, const char *column, const char *data, size_t length, const Damage *damage);
extern void		   originals_store(SourceFile *file);
extern const char *file_bytes(SourceFile *file, const char *data, size_t *length);

/* ---- formats (import_csv.c, import_json.c, import_xlsx.c, archive.c) ---- */

extern void import_delimited(Import *import, Input *input);

/* Rows that stand in a text input; sheet: written by us from a sheet's rows, _line is the row's number. */
extern void load_delimited(Import *import, Input *text, SourceFile *file, bool sheet);
extern void import_json(Import *import, Input *input);
extern void import_archive(Import *import, Input *input);
extern void import_workbook(Import *import, Input *input);

/* Whether a nameless text file is a table (import_csv.c). */
extern bool input_is_tabular(Input *input);

/* ---- the loader (loader.c) ---- */

typedef struct Loader Loader;

/*
 * Opens the file's staging table for rows, creating it or adding columns.
 * Cells are given by the position in file->columns; those not given are NULL.
 */
extern Loader *loader_open(Import *import, SourceFile *file);

/* Text that is valid in the database, and stays where it is until the row ends; or is copied. */
extern void loader_cell(Loader *loader, int column, const char *data, size_t length);
extern void loader_copy(Loader *loader, int column, const char *data, size_t length);
extern void loader_text(Loader *loader, int column, const Encoding *encoding, const char *data, size_t length);

/* What a cell lost by decoding; data: its bytes, which stay where they are until the row ends. */
extern void loader_damage(Loader *loader, int column, const char *data, size_t length, const Damage *damage);

/* Ends the row: it is loaded, or rejected when it does not fit a page. */
extern bool loader_row(Loader *loader, int64 line);
extern void loader_forget_row(Loader *loader);
extern void loader_close(Loader *loader);
extern void loader_reject(SourceFile *file, int64 line, const char *reason, const char *raw, size_t length);

/* ---- rows as tuples (tuple.c) ---- */

#define FIXED_COLUMNS 3 /* _file, _line, _hash */

typedef struct TupleCell
{
	const char *data; /* valid text; NULL: the cell is */
	Size		length;
	bool		plain_storage; /* the column's storage is PLAIN: no short header */
} TupleCell;

extern HeapTuple form_tuple(int32 file, int64 line, int64 hash, TupleCell *cells, int count);

/* ---- the census (census.c) ---- */

typedef struct Census Census;

extern Census *census_open(Import *import, SourceFile *file, void **handles);

/* A cell that is not NULL; hash is that of value_hash with the column's seed. */
typedef struct CensusCell
{
	const char *data;
	int			length;
	uint64		hash;
} CensusCell;

extern void census_cells(Census *census, void *handle, const CensusCell *cells, int count);
extern void census_rows(Census *census, int count);
extern void census_close(Import *import, Census *census);
extern void census_take(Import *import, const char *table);

/* ---- hashes (hash.c) ---- */

extern uint64 value_hash(const char *data, size_t length, uint64 seed);
extern uint64 name_seed(const char *name);

#endif /* FLITMIG_SOURCE_H */
