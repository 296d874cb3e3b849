/*
 * transcoder.c
 *		Text in UTF-16 and kin as UTF-8 before it is read, and back again.
 *
 * What iconv cannot tell, or would write otherwise, is left in the text as a
 * note (see text_core.h), so that every byte of the file can be had back.
 */
#include "source/text_core.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

const Encoding encoding_transcoded = {ENCODING_TRANSCODED, "UTF-8"};

#define CHARACTER_LIMIT 8						  /* bytes of a character in any encoding */
#define NOTE_ROOM		(1 + 2 * CHARACTER_LIMIT) /* a note on one character */

/* ---- notes ---- */

static inline bool
is_continuation(char c)
{
	return ((unsigned char) c & 0xC0) == 0x80;
}

/* Length of a note and of the bytes behind it. */
size_t
note_length(const char *data, size_t length)
{
	size_t i = 1;

	while (i + 1 < length && is_continuation(data[i]) && is_continuation(data[i + 1]))
		i += 2;
	return i;
}

/* Writes a note on some bytes; the caller has NOTE_ROOM. */
static void
write_note(char **to, size_t *room, char note, const char *bytes, size_t length)
{
	*(*to)++ = note;
	for (size_t i = 0; i < length; i++)
	{
		*(*to)++ = (char) (0x80 | (unsigned char) bytes[i] >> 6);
		*(*to)++ = (char) (0x80 | ((unsigned char) bytes[i] & 0x3F));
	}
	*room -= 1 + 2 * length;
}

/* The bytes that a note tells. */
static bool
restore_note(const char *note, size_t length, Bytes *out)
{
	if (!bytes_reserve(out, length / 2 + 1))
		return false;
	for (size_t i = 1; i + 1 < length; i += 2)
		out->data[out->length++] = (char) (((unsigned char) note[i] & 3) << 6 | (note[i + 1] & 0x3F));
	return true;
}

/* ---- to UTF-8, before the reader ---- */

/*
 * Whether two spellings may stand for one character, each by itself.  Not in
 * Unicode's own encodings; and where sets are shifted or accents joined to the
 * letter before them, a character by itself says nothing.
 */
static bool
has_twins(const char *name)
{
	static const char *const without[] = {"UTF", "UCS", "ISO-10646", "ISO-2022", "ISO2022", "CSISO2022", "HZ",
										  "CP1258", "WINDOWS-1258", "TCVN", "EUC-JISX0213", "EUC-JIS-2004", "SHIFT_JISX0213", "SHIFT_JIS-2004",
										  "BIG5-HKSCS", "BIG5HKSCS", NULL};

	for (int i = 0; without[i]; i++)
		if (ascii_begins(name, without[i]))
			return false;
	return true;
}

bool
transcoder_init(Transcoder *t, ByteSource from, const Encoding *encoding)
{
	memset(t, 0, sizeof(*t));
	t->from = from;
	t->encoding = *encoding;
	t->unit = ascii_begins(encoding->name, "UTF-16") ? 2 : ascii_begins(encoding->name, "UTF-32") ? 4
																								  : 1;
	t->iconv = iconv_open("UTF-8", encoding->name);
	if (t->iconv == (iconv_t) -1)
		return false;
	if (has_twins(encoding->name))
		t->back = iconv_open(encoding->name, "UTF-8");
	if (t->back != (iconv_t) -1)
		return true;
	transcoder_free(t);
	return false;
}

void
transcoder_free(Transcoder *t)
{
	if (t->iconv && t->iconv != (iconv_t) -1)
		iconv_close((iconv_t) t->iconv);
	if (t->back && t->back != (iconv_t) -1)
		iconv_close((iconv_t) t->back);
	t->iconv = t->back = NULL;
}

/* Tops up the input; false when there is no more. */
static bool
transcoder_fill(Transcoder *t)
{
	ssize_t n;

	if (t->at_end)
		return false;
	memmove(t->in, t->in + t->in_start, t->in_end - t->in_start);
	t->in_end -= t->in_start;
	t->in_start = 0;
	n = t->from.read(t->from.arg, t->in + t->in_end, sizeof(t->in) - t->in_end);
	if (n <= 0)
		t->at_end = true;
	else
		t->in_end += (size_t) n;
	return n > 0;
}

/* Whether the text, converted back, is those bytes. */
static bool
is_same_back(Transcoder *t, const char *text, size_t length, const char *bytes, size_t count)
{
	char  back[4096];
	char *from = (char *) text;

	iconv((iconv_t) t->back, NULL, NULL, NULL, NULL);
	while (length > 0)
	{
		char  *to = back;
		size_t room = sizeof(back);
		bool   failed = iconv((iconv_t) t->back, &from, &length, &to, &room) == (size_t) -1 && errno != E2BIG;
		size_t n = (size_t) (to - back);

		if (failed || n > count || memcmp(back, bytes, n) != 0)
			return false;
		bytes += n;
		count -= n;
	}
	return count == 0;
}

/* Converts bytes that are known to be whole characters, with a note behind each that does not convert back; how many. */
static size_t
convert_twins(Transcoder *t, const char *bytes, size_t length, char **to, size_t *room)
{
	size_t done = 0;

	iconv((iconv_t) t->iconv, NULL, NULL, NULL, NULL);
	while (done<length && * room> 8 + NOTE_ROOM)
	{
		char  *start = *to;
		size_t n;

		for (n = 1; n <= CHARACTER_LIMIT && done + n <= length; n++)
		{
			char  *from = (char *) bytes + done;
			size_t left = n;

			if (iconv((iconv_t) t->iconv, &from, &left, to, room) != (size_t) -1 && *to > start)
				break;
		}
		if (*to == start)
			break;
		if (*start & 0x80 && !is_same_back(t, start, (size_t) (*to - start), bytes + done, n))
			write_note(to, room, NOTE_TWIN, bytes + done, n);
		done += n;
	}
	return done;
}

/* Converts into a buffer of at least 64 bytes. */
static ssize_t
transcoder_convert(Transcoder *t, char *buf, size_t length)
{
	char  *to = buf;
	size_t room = length;

	while (room > 8 + NOTE_ROOM)
	{
		char  *bytes = t->in + t->in_start;
		char  *from = bytes;
		char  *text = to;
		size_t left = t->in_end - t->in_start;
		size_t skip;
		size_t result;
		int	   reason;

		if (left == 0)
		{
			if (to > buf)
				break;
			if (transcoder_fill(t))
				continue;
			iconv((iconv_t) t->iconv, NULL, NULL, &to, &room); /* a letter that waited for its accent */
			break;
		}
		result = iconv((iconv_t) t->iconv, &from, &left, &to, &room);
		reason = result == (size_t) -1 ? errno : 0;
		if (t->back && from > bytes && !is_same_back(t, text, (size_t) (to - text), bytes, (size_t) (from - bytes)))
		{
			room += (size_t) (to - text);
			to = text;
			skip = convert_twins(t, bytes, (size_t) (from - bytes), &to, &room);
			t->in_start += skip;
			if (skip > 0)
				continue;
			reason = EILSEQ; /* no single character after all */
			from = bytes;
		}
		t->in_start = (size_t) (from - t->in);
		left = t->in_end - t->in_start;
		if (reason == 0)
			continue;
		if (reason == E2BIG || room < NOTE_ROOM)
			break;
		if (reason == EINVAL && transcoder_fill(t))
			continue;
		/* Damage, or an end inside a character. */
		skip = left < (size_t) t->unit ? left : (size_t) t->unit;
		write_note(&to, &room, NOTE_DAMAGE, t->in + t->in_start, skip);
		t->in_start += skip;
	}
	return to - buf;
}

/* The read of a transcoder's ByteSource; a small buffer is served from the rest of a larger one. */
static ssize_t
transcoder_read(void *arg, char *buf, size_t length)
{
	Transcoder *t = arg;
	size_t		n;

	if (t->rest_start == t->rest_end && length >= 64)
		return transcoder_convert(t, buf, length);
	if (t->rest_start == t->rest_end)
	{
		t->rest_start = 0;
		t->rest_end = (size_t) transcoder_convert(t, t->rest, sizeof(t->rest));
	}
	n = t->rest_end - t->rest_start < length ? t->rest_end - t->rest_start : length;
	memcpy(buf, t->rest + t->rest_start, n);
	t->rest_start += n;
	return (ssize_t) n;
}

ByteSource
transcoder_source(Transcoder *t)
{
	ByteSource source = {transcoder_read, t};

	return source;
}

/* ---- and back ---- */

/* Converts text without notes back. */
static bool
restore_plain(iconv_t cd, const char *data, size_t length, Bytes *out)
{
	char  *from = (char *) data;
	size_t left = length;

	while (left > 0)
	{
		char  *to;
		size_t room;

		if (!bytes_reserve(out, left * 4 + 16))
			return false;
		to = out->data + out->length;
		room = out->size - out->length;
		if (iconv(cd, &from, &left, &to, &room) == (size_t) -1 && errno != E2BIG && left > 0)
		{
			from++; /* cannot be: it came out of this encoding */
			left--;
		}
		out->length = (size_t) (to - out->data);
	}
	return true;
}

bool
encoding_restore(const Encoding *encoding, const char *data, size_t length, Bytes *out)
{
	iconv_t cd = iconv_open(encoding->name, "UTF-8");
	bool	ok = cd != (iconv_t) -1;
	size_t	plain = 0; /* from there on nothing is restored yet */

	for (size_t i = 0; ok && i < length;)
	{
		size_t upto = i;
		size_t note;

		if (data[i] != NOTE_DAMAGE && data[i] != NOTE_TWIN)
		{
			i++;
			continue;
		}
		note = note_length(data + i, length - i);
		if (data[i] == NOTE_TWIN) /* stands for the character before it */
			do
				upto--;
			while (upto > plain && is_continuation(data[upto]));
		ok = restore_plain(cd, data + plain, upto - plain, out) && restore_note(data + i, note, out);
		plain = i += note;
	}
	ok = ok && restore_plain(cd, data + plain, length - plain, out);
	if (cd != (iconv_t) -1)
		iconv_close(cd);
	return ok;
}
