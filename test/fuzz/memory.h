/*
 * memory.h
 *		Fuzz input as a ByteSource that gives a few bytes at a time.
 */
#include "source/text_core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Memory
{
	const char *data;
	size_t		length;
	size_t		step;
} Memory;

static ssize_t
memory_read(void *arg, char *buf, size_t length)
{
	Memory	   *memory = arg;
	size_t		n = memory->length < length ? memory->length : length;

	if (n > memory->step)
		n = memory->step;
	memcpy(buf, memory->data, n);
	memory->data += n;
	memory->length -= n;
	return (ssize_t) n;
}

#define MUST(condition) \
	do { if (!(condition)) { fprintf(stderr, "broken: %s (%s:%d)\n", #condition, __FILE__, __LINE__); abort(); } } while (0)
