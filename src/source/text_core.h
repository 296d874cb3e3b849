/*
 * text_core.h
 *		The reader core: bytes in, rows of cells out.  Plain C without the
 *		server, so that it can be fuzzed on its own.
 *
 * Every structure here owns malloc'd memory only; whoever uses one inside
 * the server frees it from a memory-context callback.  A ByteSource may leave
 * by a jump: no function below holds anything across a read but its struct.
 */
#ifndef FLITMIG_TEXT_CORE_H
#define FLITMIG_TEXT_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Bytes from anywhere.  read: > 0 bytes read, 0 at the end.  To read again, start anew. */
typedef struct ByteSource
{
	ssize_t (*read)(void *arg, char *buf, size_t length);
	void *arg;
} ByteSource;

/* A growing byte string.  append returns false when memory is out. */
typedef struct Bytes
{
	char  *data;
	size_t length;
	size_t size;
} Bytes;

extern bool bytes_reserve(Bytes *b, size_t more);
extern bool bytes_append(Bytes *b, const char *data, size_t length);
extern void bytes_free(Bytes *b);

/* Reads a copy of a Bytes that someone else owns: {bytes_read, &copy} is a ByteSource. */
extern ssize_t bytes_read(void *left, char *buf, size_t length);

/* ---- shapes: what a value looks like (shape.c) ---- */

typedef enum ShapeKind
{
	SHAPE_BLANK,
	SHAPE_TEXT,
	SHAPE_DATE_ISO,	  /* 2024-01-31, with or without a time */
	SHAPE_DATE_PARTS, /* 1/2/2024, 1.2.24, 1-2-2024, with or without a time */
	SHAPE_DATE_NAMED, /* 31 Jan 2024, January 31, 2024 */
	SHAPE_TIME,		  /* 10:30, 10:30 AM */
	SHAPE_INTEGER,
	SHAPE_NUMBER,
	SHAPE_MONEY,
	SHAPE_PERCENT,
	SHAPE_EMAIL,
	SHAPE_PHONE,
	SHAPE_UUID,
	SHAPE_BOOLEAN,
	SHAPE_URL,
	SHAPE_JSON,
	SHAPE_COUNT
} ShapeKind;

typedef struct Shape
{
	ShapeKind kind;
	bool	  has_time;	   /* a date with a time of day */
	bool	  first_gt12;  /* SHAPE_DATE_PARTS: day comes first */
	bool	  second_gt12; /* SHAPE_DATE_PARTS: month comes first */
} Shape;

extern Shape	   value_shape(const char *value, size_t length);
extern bool		   is_forced_text(const char *value, size_t length);
extern const char *shape_name(ShapeKind kind);

/* ---- encodings (encoding.c, transcoder.c) ---- */

typedef enum EncodingKind
{
	ENCODING_UTF8,
	ENCODING_SINGLE_BYTE, /* ASCII is ASCII, a table gives the rest */
	ENCODING_CONVERTED,	  /* UTF-16 and kin: iconv before the reader */
	ENCODING_TRANSCODED	  /* what a Transcoder gives: UTF-8 with notes */
} EncodingKind;

typedef struct Encoding
{
	EncodingKind  kind;
	char		  name[40]; /* as iconv spells it */
	int			  bom_length;
	char		  table[128][4]; /* ENCODING_SINGLE_BYTE: UTF-8 of 0x80 + i; length 0: undefined */
	unsigned char table_length[128];
} Encoding;

/* Of the bytes that a Transcoder gives. */
extern const Encoding encoding_transcoded;

/*
 * What a first pass over all bytes of a file tells.  Feed every byte in
 * order, then ask for the encoding.
 */
typedef struct EncodingSurvey
{
	int64_t		  bytes;
	int64_t		  nuls;
	int64_t		  nuls_even; /* of the first 64 kB */
	int64_t		  nuls_odd;
	int64_t		  lines_even; /* line feeds at even places with a NUL behind them */
	int64_t		  lines_odd;  /* at odd places with a NUL before them */
	int64_t		  lines;	  /* all of them */
	int64_t		  head_bytes;
	int64_t		  valid_multibyte; /* well-formed UTF-8 sequences */
	int64_t		  invalid;		   /* bytes that are no UTF-8 */
	int			  state;		   /* continuation bytes still due */
	unsigned char low;			   /* range of the next continuation byte */
	unsigned char high;
	unsigned char head[4];
	unsigned char last;	  /* byte of the head */
	Bytes		  sample; /* neighbourhoods of bytes above 0x7f */
} EncodingSurvey;

extern bool survey_feed(EncodingSurvey *survey, const char *data, size_t length);
extern bool survey_encoding(EncodingSurvey *survey, Encoding *encoding);
extern bool encoding_by_name(Encoding *encoding, const char *name);
extern void survey_free(EncodingSurvey *survey);

/* Which encoding of the Latin alphabets it is in (latin.c). */
extern const char *latin_encoding(const Bytes *sample);

/* What decoding a cell met. */
typedef struct Damage
{
	int64_t invalid; /* bytes that mean nothing in the encoding */
	int64_t nuls;
} Damage;

/* Whether the bytes need no decoding: UTF-8 without NUL and damage, or ASCII. */
extern bool text_is_plain(const Encoding *encoding, const char *data, size_t length);

/* Appends data as UTF-8; NUL and damaged bytes become U+FFFD and are counted. */
extern bool text_decode(const Encoding *encoding, const char *data, size_t length, Bytes *out, Damage *damage);

/*
 * A ByteSource of UTF-8 over one in an ENCODING_CONVERTED encoding.  So that
 * the file's own bytes can be had back it leaves notes, in bytes that UTF-8
 * does not have:
 *		NOTE_DAMAGE	what the next bytes say could not be converted; text_decode
 *					counts it as damage
 *		NOTE_TWIN	how the character before it was written, which is not how
 *					iconv would write it; text_decode passes over it
 * Behind a note each byte of the file stands as two continuation bytes.
 */
#define NOTE_DAMAGE ((char) 0xFF)
#define NOTE_TWIN	((char) 0xFE)

/* How long a note is, with the bytes behind it. */
extern size_t note_length(const char *data, size_t length);

typedef struct Transcoder
{
	ByteSource from;
	void	  *iconv;
	void	  *back; /* the other way; NULL: each character has one spelling */
	char	   in[65536];
	size_t	   in_start;
	size_t	   in_end;
	bool	   at_end;
	char	   rest[1024]; /* what did not fit the caller's buffer */
	size_t	   rest_start;
	size_t	   rest_end;
	int		   unit; /* bytes to skip over damage: 1, 2 or 4 */
	Encoding   encoding;
} Transcoder;

extern bool		  transcoder_init(Transcoder *t, ByteSource from, const Encoding *encoding);
extern ByteSource transcoder_source(Transcoder *t);
extern void		  transcoder_free(Transcoder *t);

/* Turns what a Transcoder gave, or a piece of it, back into the file's own bytes. */
extern bool encoding_restore(const Encoding *encoding, const char *data, size_t length, Bytes *out);

/* ---- delimited text (csv_reader.c, dialect.c, header.c) ---- */

typedef struct CsvDialect
{
	char delimiter;	 /* 0: one column */
	char quote;		 /* 0: none */
	bool backslash;	 /* \" and \\ inside quotes */
	bool cr_only;	 /* rows end with a lone CR */
	bool skip_space; /* blanks between a delimiter and a quote */
} CsvDialect;

typedef struct CsvCell
{
	size_t offset; /* into the row, or into the scratch when unescaped */
	size_t length;
	bool   quoted;
	bool   in_scratch;
} CsvCell;

typedef enum CsvResult
{
	CSV_ROW,
	CSV_BLANK,		  /* nothing, or only delimiters */
	CSV_UNTERMINATED, /* a quote without end: the row is its first line, or all that is left */
	CSV_TOO_LONG,	  /* more than row_limit: the row is its first line, or that much of it */
	CSV_END,
	CSV_NO_MEMORY
} CsvResult;

typedef struct CsvReader
{
	ByteSource	  source;
	CsvDialect	  dialect;
	size_t		  row_limit; /* bytes */
	int			  width;	 /* cells that a row should have; 0: unknown */
	char		 *buffer;
	size_t		  size;
	size_t		  row; /* where the current row starts */
	size_t		  filled;
	bool		  at_end;
	int64_t		  next_line;
	int			  unterminated; /* how often a quote had no end */
	bool		  skipping;		/* the rest of a line that was too long */
	Bytes		  scratch;
	unsigned char special[256];
	bool		  fast; /* the dialect lets csv_fast.c try */

	/* the row */
	CsvCell *cells;
	int		 cell_count;
	int		 cell_size;
	int64_t	 line;
	int64_t	 ordinal;	  /* rows so far, blank ones and this one too */
	size_t	 raw_length;  /* with its line end */
	size_t	 text_length; /* without */
	bool	 ascii;		  /* surely ASCII without NUL; false: look */
	bool	 stray_quote; /* a quote inside a quoted cell that neither ends nor doubles it */
} CsvReader;

extern bool		 csv_reader_init(CsvReader *reader, ByteSource source, const CsvDialect *dialect);
extern CsvResult csv_reader_next(CsvReader *reader);
extern void		 csv_reader_free(CsvReader *reader);

static inline const char *
csv_raw(const CsvReader *reader)
{
	return reader->buffer + reader->row;
}

static inline const char *
csv_cell(const CsvReader *reader, int i)
{
	const CsvCell *cell = &reader->cells[i];

	return cell->in_scratch ? reader->scratch.data + cell->offset : csv_raw(reader) + cell->offset;
}

/* What dialect detection says about a file. */
typedef struct CsvLayout
{
	CsvDialect dialect;
	int		   preamble_rows; /* non-blank rows above the header */
	int		   header_rows;
	int		   instruction_rows; /* below the header: how to fill the columns in */
	bool	   wrapped;			 /* the names stand on two lines, broken between words */
	int		   width;			 /* columns */
	double	   consistency;		 /* share of rows of that width */
	int64_t	   rows;			 /* in the sample */
	bool	   crlf;			 /* the first line ends with CR LF */
	bool	   tabular;			 /* strong enough to call a nameless text file a table */
} CsvLayout;

/* What the caller already knows; 0 or -1: find out. */
typedef struct CsvHints
{
	int				   delimiter;	  /* -1: find out; 0: one column */
	int				   quote;		  /* -1 */
	int				   escape;		  /* -1; a backslash, else quotes are doubled */
	int				   header_rows;	  /* -1 */
	int				   preamble_rows; /* -1 */
	bool			   tab_likely;	  /* the name ends in .tsv or .tab */
	bool			   sheet;		  /* rows end with their last cell */
	const char *const *known;		  /* normal names of columns that the table may have, in the order of strcmp */
	int				   known_count;
} CsvHints;

/*
 * Judges text samples (in the reader's encoding): the first one starts where
 * the file starts, the others somewhere inside it.
 */
extern bool csv_detect(const Bytes *samples, int count, bool first_is_whole, const CsvHints *hints, CsvLayout *layout);

/* The half of it that finds the header.  separator_line: the first line is Excel's "sep=;". */
extern bool csv_find_header(const Bytes *sample, const CsvHints *hints, bool separator_line, CsvLayout *layout);

extern bool csv_is_known_name(const CsvHints *hints, const char *value, size_t length);

/* Reads on until so many bytes are there behind the row at hand; true when the file ends with them.  The row's bytes may move. */
extern bool csv_reader_ahead(CsvReader *reader, size_t bytes);

/* ---- rows that are none (odd_row.c) ---- */

typedef enum OddRow
{
	ROW_PLAIN,
	ROW_TOTALS, /* sums, with a word that says so */
	ROW_FOOTER, /* a page number, a count of rows, "End of report", a comment, a line drawn with dashes, an end-of-file mark */
	ROW_LONE	/* one cell of many */
} OddRow;

extern OddRow csv_odd_row(const CsvReader *reader, int columns);

typedef enum NextTable
{
	TABLE_SAME,
	TABLE_HERE,		   /* the row at hand names the columns of another one */
	TABLE_BELOW_TITLE, /* the row at hand is its title, the next one names its columns */
	TABLE_DOUBTFUL	   /* the row looks like names, but what follows does not fit them */
} NextTable;

/* What is known of the table above. */
typedef struct TableAbove
{
	int	  columns;
	bool *data;	  /* of each column, whether its first row has no word there; NULL: there was no row */
	Bytes header; /* the row that names the columns, as it stands */
} TableAbove;

/* Whether the cell is an identifier, amount, date or address: what names no column. */
extern bool csv_is_data(const CsvReader *reader, int i);

extern bool		 csv_is_header_again(const CsvReader *reader, const Bytes *header);
extern NextTable csv_next_table(CsvReader *reader, const CsvHints *hints, const TableAbove *above, bool after_gap);

/* ---- JSON (json_reader.c, json_text.c) ---- */

static inline bool
json_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

typedef enum JsonResult
{
	JSON_ELEMENT,
	JSON_BROKEN, /* text that is no JSON: the element is that text */
	JSON_END,
	JSON_NO_MEMORY
} JsonResult;

typedef enum JsonLayout
{
	JSON_LINES,	 /* one value a line */
	JSON_VALUES, /* values one after the other, each over many lines */
	JSON_ARRAY,	 /* [ values ] */
	JSON_MEMBER	 /* the array of one name in { "name": [ values ], … } */
} JsonLayout;

/* Hands out one value after the other. */
typedef struct JsonReader
{
	ByteSource	source;
	JsonLayout	layout;
	size_t		element_limit; /* bytes */
	char	   *buffer;
	size_t		size;
	size_t		start; /* of the element */
	size_t		position;
	size_t		filled;
	bool		at_end;
	int64_t		line; /* where the element starts */
	int64_t		next_line;
	int64_t		ordinal;
	bool		inside; /* between the brackets of an array */
	bool		done;
	bool		after_comma; /* JSON_LINES: one stands between this line's value and its end */
	size_t		length;		 /* of the element */
	const char *reason;		 /* JSON_BROKEN: why */
} JsonReader;

/* member: JSON_MEMBER only, the raw key with its quotes. */
extern bool		  json_reader_init(JsonReader *reader, ByteSource source, JsonLayout layout, const char *member);
extern JsonResult json_reader_next(JsonReader *reader);
extern void		  json_reader_free(JsonReader *reader);

static inline const char *
json_element(const JsonReader *reader)
{
	return reader->buffer + reader->start;
}

/* What stands in a JSON file, from one pass over it. */
typedef struct JsonOutlineMember
{
	char  *key;	  /* raw, with its quotes, NUL-terminated */
	char   kind;  /* first character of the value; 'o': array of objects */
	char  *value; /* of a string, number or word, as it is written; else NULL */
	size_t value_length;
} JsonOutlineMember;

typedef struct JsonOutline
{
	JsonLayout		  layout;	  /* JSON_ARRAY, JSON_LINES or JSON_VALUES */
	bool			  one_object; /* the file is a single object; its members follow */
	int				  count;
	JsonOutlineMember members[256];
} JsonOutline;

extern bool json_outline(ByteSource source, JsonOutline *outline);
extern void json_outline_free(JsonOutline *outline);

/* Whether the bytes are one JSON value and nothing else but blanks. */
extern bool json_valid(const char *data, size_t length);

/*
 * Walks the members of an object: *position starts at 0; false at the end.
 * The texts are raw, the key with its quotes.
 */
typedef struct JsonMember
{
	const char *key;
	size_t		key_length;
	const char *value;
	size_t		value_length;
} JsonMember;

extern bool json_member(const char *object, size_t length, size_t *position, JsonMember *member);
extern bool json_item(const char *array, size_t length, size_t *position, const char **value, size_t *value_length);

/* Appends what a JSON string (with its quotes) says; \u0000 and lone surrogates become U+FFFD. */
extern bool json_unescape(const char *string, size_t length, Bytes *out, Damage *damage);

/* Writes a character as UTF-8; how many bytes. */
extern size_t put_utf8(unsigned c, char out[4]);

extern bool json_clean(const char *data, size_t length, Bytes *out, Damage *damage);

/* ---- names (names.c) ---- */

/* Comparison of texts in any case: of ASCII letters alone, whatever the locale. */
extern bool ascii_equal(const char *a, const char *b);
extern bool ascii_begins(const char *text, const char *beginning);

#define NAME_LIMIT 63 /* bytes of a PostgreSQL name */

/*
 * A header as a column name: lower case, every run of anything but a-z and
 * 0-9 one underscore, Latin accents stripped.  Empty when nothing is left.
 */
extern void normal_name(const char *header, size_t length, char out[NAME_LIMIT + 1]);

/* Matches a name against a pattern with * and ?, case-insensitively. */
extern bool pattern_matches(const char *pattern, const char *name);

#endif /* FLITMIG_TEXT_CORE_H */
