/*
 * bytes.c
 *		A growing byte string in malloc'd memory.
 */
#include "source/text_core.h"

#include <stdlib.h>
#include <string.h>

/* Makes room for that many more bytes; false when memory is out. */
bool
bytes_reserve(Bytes *b, size_t more)
{
	size_t size = b->size ? b->size : 256;
	char  *data;

	if (b->length + more <= b->size)
		return true;
	while (size < b->length + more)
		size *= 2;
	data = realloc(b->data, size);
	if (data == NULL)
		return false;
	b->data = data;
	b->size = size;
	return true;
}

bool
bytes_append(Bytes *b, const char *data, size_t length)
{
	if (!bytes_reserve(b, length))
		return false;
	if (length > 0)
		memcpy(b->data + b->length, data, length);
	b->length += length;
	return true;
}

void
bytes_free(Bytes *b)
{
	free(b->data);
	b->data = NULL;
	b->length = b->size = 0;
}

/* The read of a ByteSource over a Bytes, which shrinks to what is left. */
ssize_t
bytes_read(void *left, char *buf, size_t length)
{
	Bytes *b = left;
	size_t n = b->length < length ? b->length : length;

	memcpy(buf, b->data, n);
	b->data += n;
	b->length -= n;
	return (ssize_t) n;
}
