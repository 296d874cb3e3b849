/*
 * fuzz_encoding.c
 *		Whatever the bytes are, what comes out is UTF-8 without NUL, the encoding
 *		does not depend on how the bytes arrive, and they can be had back.
 */
#include "memory.h"

static const Encoding utf8 = {ENCODING_UTF8, "UTF-8"};
static const Encoding transcoded = {ENCODING_TRANSCODED, "UTF-8"};

static void
survey_all(const uint8_t *data, size_t size, size_t step, Encoding *encoding)
{
	EncodingSurvey survey = {0};

	for (size_t i = 0; i < size; i += step)
		MUST(survey_feed(&survey, (const char *) data + i, size - i < step ? size - i : step));
	MUST(survey_encoding(&survey, encoding));
	survey_free(&survey);
}

static void
check_decoded(const Encoding *encoding, const char *data, size_t size)
{
	Bytes		out = {0};
	Damage		damage = {0};

	MUST(text_decode(encoding, data, size, &out, &damage));
	MUST(text_is_plain(&utf8, out.data ? out.data : "", out.length));
	if (text_is_plain(encoding, data, size))
		MUST(out.length == size && damage.invalid == 0 && damage.nuls == 0 && (size == 0 || memcmp(out.data, data, size) == 0));
	bytes_free(&out);
}

/* In encodings that shift between sets iconv may write the same in other bytes. */
static void
check_restored(const Encoding *encoding, const Bytes *text, const char *data, size_t size)
{
	Bytes		out = {0};

	MUST(encoding_restore(encoding, text->data ? text->data : "", text->length, &out));
	if (strncmp(encoding->name, "ISO-2022", 8) != 0 && strncmp(encoding->name, "HZ", 2) != 0)
		MUST(out.length == size && (size == 0 || memcmp(out.data, data, size) == 0));
	bytes_free(&out);
}

/* The way of a file that is not read as it stands: text, and back. */
static void
check_transcoded(const Encoding *encoding, const char *data, size_t size, size_t step)
{
	static Transcoder transcoder;
	Memory		memory = {data, size, step};
	ByteSource	source;
	Bytes		text = {0};
	char		buf[100];
	ssize_t		n;

	MUST(transcoder_init(&transcoder, (ByteSource) {memory_read, &memory}, encoding));
	source = transcoder_source(&transcoder);
	while ((n = source.read(source.arg, buf, step < 100 ? step : 100)) > 0)
		MUST(bytes_append(&text, buf, (size_t) n));
	transcoder_free(&transcoder);
	check_decoded(&transcoded, text.data ? text.data : "", text.length);
	check_restored(encoding, &text, data, size);
	bytes_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* What the survey would seldom choose, or never. */
	static const char *const names[] = {"UTF-16LE", "UTF-16BE", "UTF-32LE", "SHIFT_JIS", "CP932", "EUC-JP", "GB18030", "BIG5", "EUC-KR", "CP949", "IBM037"};
	Encoding	encoding;
	Encoding	whole;
	size_t		step;

	if (size < 1)
		return 0;
	step = (size_t) data[0] + 1;
	data++;
	size--;
	survey_all(data, size, step, &encoding);
	survey_all(data, size, size + 1, &whole);
	/* uchardet sees other neighbourhoods when the pieces are other ones. */
	MUST((encoding.kind == ENCODING_UTF8) == (whole.kind == ENCODING_UTF8));
	if (encoding.kind == ENCODING_CONVERTED)
		check_transcoded(&encoding, (const char *) data, size, step);
	else
		check_decoded(&encoding, (const char *) data, size);
	MUST(encoding_by_name(&encoding, names[step % (sizeof(names) / sizeof(names[0]))]));
	if (encoding.kind == ENCODING_CONVERTED)
		check_transcoded(&encoding, (const char *) data, size, step);
	return 0;
}
