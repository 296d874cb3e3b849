/*
 * fuzz_json.c
 *		Elements that are handed out are valid, in every layout and however the
 *		bytes arrive; their members lie inside them.
 */
#include "memory.h"

static void
check_members(const char *element, size_t length)
{
	size_t		position = 0;
	JsonMember	member;
	Bytes		text = {0};
	Damage		damage = {0};

	while (json_member(element, length, &position, &member))
	{
		MUST(member.key >= element && member.value + member.value_length <= element + length);
		MUST(member.value_length > 0 && json_valid(member.value, member.value_length));
		text.length = 0;
		MUST(json_unescape(member.key, member.key_length, &text, &damage));
		text.length = 0;
		MUST(json_clean(member.value, member.value_length, &text, &damage));
		MUST(json_valid(text.data, text.length));
		if (member.value[0] == '"')
			MUST(json_unescape(member.value, member.value_length, &text, &damage));
	}
	bytes_free(&text);
}

static void
read_all(const uint8_t *data, size_t size, size_t step, JsonLayout layout, const char *member)
{
	Memory		memory = {(const char *) data, size, step};
	JsonReader	reader;
	JsonResult	result;
	size_t		total = 0;

	MUST(json_reader_init(&reader, (ByteSource) {memory_read, &memory}, layout, member));
	while ((result = json_reader_next(&reader)) != JSON_END)
	{
		MUST(result != JSON_NO_MEMORY);
		MUST(reader.length > 0);
		MUST((total += reader.length) <= size);
		if (result == JSON_BROKEN)
		{
			MUST(reader.reason != NULL);
			continue;
		}
		MUST(json_valid(json_element(&reader), reader.length));
		if (json_element(&reader)[0] == '{')
			check_members(json_element(&reader), reader.length);
	}
	json_reader_free(&reader);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Memory		memory;
	JsonOutline outline;
	size_t		step;

	if (size < 1)
		return 0;
	step = (size_t) data[0] + 1;
	data++;
	size--;
	memory = (Memory) {(const char *) data, size, step};
	MUST(json_outline((ByteSource) {memory_read, &memory}, &outline));
	read_all(data, size, step, JSON_LINES, NULL);
	read_all(data, size, step, JSON_VALUES, NULL);
	read_all(data, size, step, JSON_ARRAY, NULL);
	for (int i = 0; i < outline.count && i < 4; i++)
		read_all(data, size, step, JSON_MEMBER, outline.members[i].key);
	json_outline_free(&outline);
	return 0;
}
