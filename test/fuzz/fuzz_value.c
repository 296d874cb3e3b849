/*
 * fuzz_value.c
 *		Shapes, names and patterns of any text.
 */
#include "memory.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *text = malloc(size + 1);
	char		name[NAME_LIMIT + 1];
	char		again[NAME_LIMIT + 1];
	Shape		shape;

	memcpy(text, data, size);
	text[size] = '\0';
	shape = value_shape(text, size);
	MUST(shape.kind < SHAPE_COUNT && shape_name(shape.kind) != NULL);
	MUST(!(shape.first_gt12 && shape.second_gt12));
	normal_name(text, size, name);
	MUST(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name) && strlen(name) <= NAME_LIMIT);
	MUST(name[0] != '_' && !(name[0] >= '0' && name[0] <= '9'));
	normal_name(name, strlen(name), again);
	MUST(strcmp(name, again) == 0);
	pattern_matches(text, name);
	pattern_matches("*a*b?", text);
	free(text);
	return 0;
}
