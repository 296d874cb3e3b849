/*
 * encoding.c
 *		Which encoding a file is in, and its bytes as UTF-8.
 *
 * UTF-8 is recognised by its own rules, UTF-16 and UTF-32 by a byte order
 * mark or by where their NUL bytes fall, everything else by uchardet, which
 * sees the neighbourhoods of all bytes above 0x7f instead of the first
 * kilobyte.  Between encodings of the Latin alphabets uchardet guesses wildly:
 * latin.c judges those.
 */
#include "source/text_core.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

#include <uchardet.h>

#define SAMPLE_LIMIT  (256 * 1024) /* bytes for uchardet */
#define NEIGHBOURHOOD 48		   /* bytes on each side */
#define HEAD_LIMIT	  65536		   /* bytes looked at for UTF-16 without a mark */

static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */

/* ---- UTF-8 ---- */

/* Length of the well-formed sequence at p; 0: none (Unicode 15, table 3-7). */
static inline int
utf8_length(const unsigned char *p, size_t left)
{
	unsigned char c = p[0];

	if (c < 0x80)
		return 1;
	if (c < 0xC2 || c > 0xF4 || left < 2)
		return 0;
	if (c < 0xE0)
		return (p[1] & 0xC0) == 0x80 ? 2 : 0;
	if (p[1] < (c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90
											 : 0x80) ||
		p[1] > (c == 0xED ? 0x9F : c == 0xF4 ? 0x8F
											 : 0xBF))
		return 0;
	if (left < 3 || (p[2] & 0xC0) != 0x80)
		return 0;
	if (c < 0xF0)
		return 3;
	return left >= 4 && (p[3] & 0xC0) == 0x80 ? 4 : 0;
}

static inline bool
eight_are_ascii(const char *p)
{
	uint64_t word;

	memcpy(&word, p, 8);
	return (word & UINT64_C(0x8080808080808080)) == 0;
}

/* How many of the bytes, from the first on, are ASCII. */
static inline size_t
ascii_run(const char *data, size_t length)
{
	size_t i = 0;

	while (i + 8 <= length && eight_are_ascii(data + i))
		i += 8;
	while (i < length && !((unsigned char) data[i] & 0x80))
		i++;
	return i;
}

bool
text_is_plain(const Encoding *encoding, const char *data, size_t length)
{
	size_t i = ascii_run(data, length);

	if (memchr(data, '\0', length) != NULL)
		return false;
	if (i < length && encoding->kind == ENCODING_SINGLE_BYTE)
		return false;
	while (i < length)
	{
		int n = utf8_length((const unsigned char *) data + i, length - i);

		if (n == 0)
			return false;
		i += (size_t) n;
		i += ascii_run(data + i, length - i);
	}
	return true;
}

bool
text_decode(const Encoding *encoding, const char *data, size_t length, Bytes *out, Damage *damage)
{
	const unsigned char *p = (const unsigned char *) data;
	bool				 broken = false; /* inside a run of damaged bytes: one mark for it */

	for (size_t i = 0; i < length;)
	{
		const char *text = data + i;
		int			n = 1;
		int			used = 1;

		if (data[i] == NOTE_TWIN && encoding->kind == ENCODING_TRANSCODED)
		{
			i += note_length(text, length - i);
			continue;
		}
		if (p[i] == 0)
			damage->nuls++;
		if (p[i] >= 0x80 && encoding->kind == ENCODING_SINGLE_BYTE)
		{
			text = encoding->table[p[i] - 0x80];
			n = encoding->table_length[p[i] - 0x80];
		}
		else if (p[i] >= 0x80)
			n = used = utf8_length(p + i, length - i);

		if (n == 0)
		{
			/* The bytes of one broken sequence share one mark. */
			if (!broken || p[i] >= 0xC0)
			{
				if (!bytes_append(out, replacement, 3))
					return false;
			}
			broken = encoding->kind != ENCODING_SINGLE_BYTE;
			damage->invalid++;
			used = 1;
		}
		else
		{
			broken = false;
			if (!(p[i] == 0 ? bytes_append(out, replacement, 3) : bytes_append(out, text, (size_t) n)))
				return false;
		}
		i += (size_t) used;
	}
	return true;
}

/* ---- the survey ---- */

/* Remembers the neighbourhood of bytes above 0x7f for uchardet; neighbourhoods that touch are one piece, with whole characters in it. */
static bool
keep_sample(EncodingSurvey *survey, const char *data, size_t length)
{
	size_t kept = 0; /* up to there */

	for (size_t i = 0; i < length && survey->sample.length < SAMPLE_LIMIT;)
	{
		size_t from,
			to;

		i += ascii_run(data + i, length - i);
		if (i >= length)
			break;
		from = i > kept + NEIGHBOURHOOD ? i - NEIGHBOURHOOD : kept;
		to = i + NEIGHBOURHOOD < length ? i + NEIGHBOURHOOD : length;
		if (!bytes_append(&survey->sample, data + from, to - from))
			return false;
		i = kept = to;
	}
	return true;
}

/* One byte above 0x7f, or any byte while a sequence is open. */
static void
survey_byte(EncodingSurvey *survey, unsigned char c)
{
	if (survey->state > 0)
	{
		if (c >= survey->low && c <= survey->high)
		{
			survey->low = 0x80;
			survey->high = 0xBF;
			if (--survey->state == 0)
				survey->valid_multibyte++;
			return;
		}
		survey->invalid++;
		survey->state = 0;
	}
	if (c < 0x80)
		return;
	if (c < 0xC2 || c > 0xF4)
	{
		survey->invalid++;
		return;
	}
	survey->state = c < 0xE0 ? 1 : c < 0xF0 ? 2
											: 3;
	survey->low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90
											   : 0x80;
	survey->high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F
												: 0xBF;
}

/* Looks for NUL bytes at even and odd places, as UTF-16 has them. */
static void
survey_head(EncodingSurvey *survey, const char *data, size_t length)
{
	for (size_t i = 0; i < length && survey->head_bytes < HEAD_LIMIT; i++, survey->head_bytes++)
	{
		if (survey->head_bytes < 4)
			survey->head[survey->head_bytes] = (unsigned char) data[i];
		if (data[i] == 0)
		{
			if (survey->head_bytes & 1)
				survey->nuls_odd++;
			else
				survey->nuls_even++;
		}
		if (data[i] == 0 && survey->last == '\n' && (survey->head_bytes & 1))
			survey->lines_even++;
		if (data[i] == '\n')
		{
			survey->lines++;
			if (survey->last == 0 && (survey->head_bytes & 1))
				survey->lines_odd++;
		}
		survey->last = (unsigned char) data[i];
	}
}

/* Looks at the next bytes of a file; false when memory is out. */
bool
survey_feed(EncodingSurvey *survey, const char *data, size_t length)
{
	if (survey->head_bytes < HEAD_LIMIT)
		survey_head(survey, data, length);
	survey->bytes += (int64_t) length;
	for (const char *p = data, *end = data + length; (p = memchr(p, 0, (size_t) (end - p))) != NULL; p++)
		survey->nuls++;
	for (size_t i = 0; i < length;)
	{
		if (survey->state == 0)
			i += ascii_run(data + i, length - i);
		if (i < length)
			survey_byte(survey, (unsigned char) data[i++]);
	}
	return keep_sample(survey, data, length);
}

void
survey_free(EncodingSurvey *survey)
{
	bytes_free(&survey->sample);
}

/* Fills the table of a single-byte encoding; false when it is not one. */
static bool
fill_table(Encoding *encoding)
{
	iconv_t cd = iconv_open("UTF-8", encoding->name);
	bool	ok = cd != (iconv_t) -1;

	for (int i = 0; ok && i < 256; i++)
	{
		char   in = (char) i;
		char   out[8];
		char  *from = &in;
		char  *to = out;
		size_t left = 1,
			   room = sizeof(out);
		size_t n;

		iconv(cd, NULL, NULL, NULL, NULL);
		n = iconv(cd, &from, &left, &to, &room);
		if (i < 128)
			ok = n != (size_t) -1 && to == out + 1 && out[0] == (char) i;
		else if (n != (size_t) -1 && to > out && to - out <= 4)
		{
			memcpy(encoding->table[i - 128], out, (size_t) (to - out));
			encoding->table_length[i - 128] = (unsigned char) (to - out);
		}
		else if (n == (size_t) -1 && errno == EINVAL)
			ok = false; /* the first byte of several */
	}
	if (cd != (iconv_t) -1)
		iconv_close(cd);
	return ok;
}

/* Sets up an encoding by any name that iconv knows; false when it knows none. */
bool
encoding_by_name(Encoding *encoding, const char *name)
{
	iconv_t cd;

	memset(encoding, 0, sizeof(*encoding));
	if (strlen(name) >= sizeof(encoding->name))
		return false;
	strcpy(encoding->name, name);
	if (ascii_equal(name, "UTF-8") || ascii_equal(name, "UTF8") || ascii_equal(name, "ASCII"))
	{
		strcpy(encoding->name, "UTF-8");
		encoding->kind = ENCODING_UTF8;
		return true;
	}
	cd = iconv_open("UTF-8", name);
	if (cd == (iconv_t) -1)
		return false;
	iconv_close(cd);
	encoding->kind = fill_table(encoding) ? ENCODING_SINGLE_BYTE : ENCODING_CONVERTED;
	return true;
}

/* Whether uchardet's answer belongs to the Latin alphabets. */
static bool
is_latin_guess(const char *name)
{
	static const char *const latin[] = {"ISO-8859-1", "ISO-8859-2", "ISO-8859-3", "ISO-8859-4", "ISO-8859-9",
										"ISO-8859-10", "ISO-8859-13", "ISO-8859-14", "ISO-8859-15", "ISO-8859-16", "WINDOWS-1250", "WINDOWS-1252",
										"WINDOWS-1254", "WINDOWS-1257", "WINDOWS-1258", "MAC-CENTRALEUROPE", "IBM852", "IBM865", NULL};

	for (int i = 0; latin[i]; i++)
		if (ascii_equal(latin[i], name))
			return true;
	return false;
}

/* Whether each byte of the sample is a character in a single-byte encoding; of others that is not known. */
static bool
all_mean_something(const char *name, const Bytes *sample)
{
	Encoding encoding;

	if (!encoding_by_name(&encoding, name) || encoding.kind != ENCODING_SINGLE_BYTE)
		return true;
	for (size_t i = 0; i < sample->length; i++)
	{
		unsigned char c = (unsigned char) sample->data[i];

		if (c >= 0x80 && encoding.table_length[c - 0x80] == 0)
			return false;
	}
	return true;
}

/* The name of an 8-bit encoding for the sample. */
static void
guess_encoding(const EncodingSurvey *survey, char name[40])
{
	uchardet_t detector = uchardet_new();
	bool	   controls = false;

	name[0] = '\0';
	if (detector && uchardet_handle_data(detector, survey->sample.data, survey->sample.length) == 0)
	{
		uchardet_data_end(detector);
		strncat(name, uchardet_get_charset(detector), 39);
	}
	if (detector)
		uchardet_delete(detector);
	for (size_t i = 0; i < survey->sample.length; i++)
	{
		unsigned char c = (unsigned char) survey->sample.data[i];

		controls |= c >= 0x80 && c <= 0x9F;
	}
	/* What begins like a file in UTF-16 is the sample: the file has been looked at for that. */
	if (name[0] == '\0' || ascii_equal(name, "ASCII") || ascii_begins(name, "UTF-") || is_latin_guess(name) || !all_mean_something(name, &survey->sample))
	{
		const char *latin = latin_encoding(&survey->sample);
		bool		western = ascii_equal(name, "ISO-8859-1") || ascii_equal(name, "ISO-8859-15");

		/* ISO-8859-1 and -15 are Windows-1252 but for the control characters. */
		if (!ascii_equal(latin, "WINDOWS-1252") || !western || controls)
			strcpy(name, latin);
	}
}

/*
 * The encoding of the bytes that were fed.  Damaged UTF-8 stays UTF-8 while
 * whole sequences outnumber broken bytes.  False when memory is out.
 */
bool
survey_encoding(EncodingSurvey *survey, Encoding *encoding)
{
	const unsigned char *h = survey->head;
	int64_t				 half = survey->head_bytes / 2;
	const char			*name = NULL;
	int					 bom = 0;
	char				 guess[40];

	if (survey->state > 0)
	{
		survey->invalid++; /* the file ends inside a character */
		survey->state = 0;
	}
	if (survey->bytes >= 4 && memcmp(h, "\xFF\xFE\0\0", 4) == 0)
		name = "UTF-32LE", bom = 4;
	else if (survey->bytes >= 4 && memcmp(h, "\0\0\xFE\xFF", 4) == 0)
		name = "UTF-32BE", bom = 4;
	else if (survey->bytes >= 2 && memcmp(h, "\xFF\xFE", 2) == 0)
		name = "UTF-16LE", bom = 2;
	else if (survey->bytes >= 2 && memcmp(h, "\xFE\xFF", 2) == 0)
		name = "UTF-16BE", bom = 2;
	else if (survey->bytes >= 3 && memcmp(h, "\xEF\xBB\xBF", 3) == 0)
		name = "UTF-8", bom = 3;
	else if (half > 1 && survey->nuls_odd * 2 > half && survey->nuls_even * 8 < survey->nuls_odd)
		name = "UTF-16LE";
	else if (half > 1 && survey->nuls_even * 2 > half && survey->nuls_odd * 8 < survey->nuls_even)
		name = "UTF-16BE";
	else if (survey->lines_even >= 2 && survey->lines_even == survey->lines && survey->nuls_even * 8 < survey->nuls_odd)
		name = "UTF-16LE"; /* of another alphabet: only line ends, delimiters and digits have a NUL */
	else if (survey->lines_odd >= 2 && survey->lines_odd == survey->lines && survey->nuls_odd * 8 < survey->nuls_even)
		name = "UTF-16BE";
	else if (survey->invalid == 0 || survey->valid_multibyte > survey->invalid)
		name = "UTF-8";
	else
	{
		guess_encoding(survey, guess);
		name = guess;
	}
	if (!encoding_by_name(encoding, name) && !encoding_by_name(encoding, "WINDOWS-1252"))
		return false;
	encoding->bom_length = bom;
	return true;
}
