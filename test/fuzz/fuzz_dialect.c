/*
 * fuzz_dialect.c
 *		A layout is found for anything, and the rows that it counts exist.
 */
#include "memory.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const known[] = {"a", "b", "born", "id", "name", "patient_id"};
	CsvHints	hints = {.delimiter = -1, .quote = -1, .escape = -1, .header_rows = -1, .preamble_rows = -1, .known = known, .known_count = 6};
	CsvLayout	layout;
	Bytes		samples[2] = {{0}};
	size_t		half;

	if (size < 1)
		return 0;
	half = data[0] & 1 ? (size - 1) / 2 : size - 1;
	MUST(bytes_append(&samples[0], (const char *) data + 1, half));
	MUST(bytes_append(&samples[1], (const char *) data + 1 + half, size - 1 - half));
	MUST(csv_detect(samples, data[0] & 1 ? 2 : 1, !(data[0] & 1), &hints, &layout));
	MUST(layout.width >= 1);
	MUST(layout.consistency >= 0 && layout.consistency <= 1);
	MUST(layout.header_rows >= 0 && layout.header_rows <= 2);
	bytes_free(&samples[0]);
	bytes_free(&samples[1]);
	return 0;
}
