/*
 * xlsx_part.c
 *		A member of a workbook's archive as a stream of XML nodes.
 *
 * libxml2's push parser is fed a chunk at a time and calls back for each
 * node; the callbacks only note it down (in malloc'd memory: nothing may jump
 * over libxml2), and part_next hands the notes out.  So everything before a
 * damage is handed out, which libxml2's own reader does not do: it loses the
 * rest of the chunk.
 */
#include "source/xlsx.h"

#include <libxml/parser.h>

#include "miscadmin.h"

#define CHUNK_BYTES (16 * 1024)

/* Since 2.12 a handler cannot change the error that it is told. */
#if LIBXML_VERSION >= 21200
#define XML_ERROR_OF_HANDLER const xmlError *
#else
#define XML_ERROR_OF_HANDLER xmlErrorPtr
#endif

typedef enum PartNodeKind
{
	NODE_START,
	NODE_TEXT,
	NODE_END
} PartNodeKind;

typedef struct PartNode
{
	PartNodeKind kind;
	const char	*name;	 /* of the element; the parser's own copy */
	size_t		 at;	 /* in texts: the text; or names and values of attributes in turn, each ended by NUL */
	size_t		 length; /* of the text; or how many attributes */
} PartNode;

struct Part
{
	Archive			*archive;
	xmlParserCtxtPtr parser;
	Bytes			 nodes; /* PartNode: noted down and not handed out yet */
	Bytes			 texts;
	size_t			 next; /* offset in nodes */
	PartNode		 node; /* the one handed out last */
	bool			 no_memory;
	bool			 at_end;
	bool			 damaged;
	char			 chunk[CHUNK_BYTES];
};

/* ---- callbacks ---- */

/* libxml2 gives lengths as int, or as the distance of two pointers: never negative. */
static void
note_text(Part *part, const xmlChar *text, size_t length)
{
	part->no_memory |= !bytes_append(&part->texts, (const char *) text, length);
}

static void
note_node(Part *part, PartNodeKind kind, const xmlChar *name, size_t at, size_t length)
{
	PartNode node = {kind, (const char *) name, at, length};

	part->no_memory |= !bytes_append(&part->nodes, (const char *) &node, sizeof(node));
}

static void
on_start(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int namespace_count,
		 const xmlChar **namespaces, int attribute_count, int defaulted, const xmlChar **attributes)
{
	Part  *part = context;
	size_t at = part->texts.length;

	/* five pointers an attribute: name, prefix, URI, start and end of the value */
	for (int i = 0; i < attribute_count; i++, attributes += 5)
	{
		note_text(part, attributes[0], strlen((const char *) attributes[0]) + 1);
		note_text(part, attributes[3], (size_t) (attributes[4] - attributes[3]));
		note_text(part, (const xmlChar *) "", 1);
	}
	note_node(part, NODE_START, name, at, (size_t) attribute_count);
}

static void
on_text(void *context, const xmlChar *text, int length)
{
	Part  *part = context;
	size_t at = part->texts.length;

	note_text(part, text, (size_t) length);
	note_node(part, NODE_TEXT, NULL, at, (size_t) length);
}

static void
on_end(void *context, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	note_node(context, NODE_END, name, 0, 0);
}

static void
ignore_error(void *context, XML_ERROR_OF_HANDLER error)
{
}

/* ---- feeding ---- */

static void
release_part(void *object)
{
	Part *part = object;

	if (part->parser)
	{
		/* libxml2 makes one to put entities into, should there be any */
		if (part->parser->myDoc)
			xmlFreeDoc(part->parser->myDoc);
		part->parser->myDoc = NULL;
		xmlFreeParserCtxt(part->parser);
	}
	part->parser = NULL;
	bytes_free(&part->nodes);
	bytes_free(&part->texts);
}

/* Lets libxml2 see the next bytes; none: that was all. */
static void
parse(Part *part, const char *data, int length)
{
	/* Errors that it ties to no parser (of encodings, say) would go to the server's log, with bytes of the file. */
	xmlStructuredErrorFunc heard_by = xmlStructuredError;
	void				  *heard_by_context = xmlStructuredErrorContext;

	xmlSetStructuredErrorFunc(NULL, ignore_error);
	xmlParseChunk(part->parser, data, length, length == 0);
	xmlSetStructuredErrorFunc(heard_by_context, heard_by);
	if (part->no_memory)
		out_of_memory();
}

/* Notes down the nodes of the next chunk. */
static void
feed(Part *part)
{
	ssize_t n = archive_data(part->archive, part->chunk, CHUNK_BYTES);

	part->nodes.length = part->texts.length = part->next = 0;
	if (n >= 0)
		parse(part, part->chunk, (int) n);
	part->damaged = n < 0 || !part->parser->wellFormed;
	part->at_end = n == 0 || part->damaged;
}

Part *
part_open(Input *input, const char *name)
{
	static const xmlSAXHandler handler = {
		.initialized = XML_SAX2_MAGIC,
		.startElementNs = on_start,
		.endElementNs = on_end,
		.characters = on_text,
		.ignorableWhitespace = on_text,
		.cdataBlock = on_text,
		.serror = ignore_error};
	Archive *archive = archive_open(input);
	Part	*part;

	if (!archive_find(archive, name))
	{
		archive_close(archive);
		return NULL;
	}
	part = palloc0(sizeof(Part));
	guard(release_part, part);
	part->archive = archive;
	/* it copies the handler, whatever its declaration says */
	part->parser = xmlCreatePushParserCtxt((xmlSAXHandlerPtr) &handler, part, NULL, 0, NULL);
	if (part->parser == NULL)
		out_of_memory();
	xmlCtxtUseOptions(part->parser, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	return part;
}

bool
part_close(Part *part)
{
	release_part(part);
	archive_close(part->archive);
	return !part->damaged;
}

/* ---- nodes ---- */

bool
part_next(Part *part)
{
	while (part->next >= part->nodes.length)
	{
		if (part->at_end)
			return false;
		CHECK_FOR_INTERRUPTS();
		feed(part);
	}
	memcpy(&part->node, part->nodes.data + part->next, sizeof(PartNode));
	part->next += sizeof(PartNode);
	return true;
}

bool
part_starts(const Part *part, const char *element)
{
	return part->node.kind == NODE_START && strcmp(part->node.name, element) == 0;
}

bool
part_ends(const Part *part, const char *element)
{
	return part->node.kind == NODE_END && strcmp(part->node.name, element) == 0;
}

const char *
part_text(const Part *part, size_t *length)
{
	if (part->node.kind != NODE_TEXT)
		return NULL;
	*length = part->node.length;
	return part->texts.data + part->node.at;
}

const char *
part_attribute(const Part *part, const char *name)
{
	const char *at;

	if (part->node.kind != NODE_START || part->node.length == 0)
		return NULL;
	at = part->texts.data + part->node.at;
	for (size_t i = 0; i < part->node.length; i++)
	{
		const char *value = at + strlen(at) + 1;

		if (strcmp(at, name) == 0)
			return value;
		at = value + strlen(value) + 1;
	}
	return NULL;
}

/* An attribute that is a whole number; one that no int holds is the nearest one. */
int
part_number(const Part *part, const char *name, int absent)
{
	const char *value = part_attribute(part, name);
	long		number = value ? strtol(value, NULL, 10) : absent;

	return (int) Max(Min(number, PG_INT32_MAX), PG_INT32_MIN);
}
