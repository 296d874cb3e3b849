/*
 * value_xml.c
 *		XML inside a cell: what stands at a path.
 */
#include "mapping.h"

#include <libxml/parser.h>
#include <libxml/tree.h>

PG_FUNCTION_INFO_V1(flitmig_xml_path_text);

static bool
is_named(const xmlChar *name, Span step)
{
	return (int) strlen((const char *) name) == step.len && memcmp(name, step.data, step.len) == 0;
}

/* The first element from node on, among its siblings, that is called so; names are compared without their prefix. */
static xmlNodePtr
find_element(xmlNodePtr node, Span name)
{
	while (node != NULL && !(node->type == XML_ELEMENT_NODE && is_named(node->name, name)))
		node = node->next;
	return node;
}

static xmlAttrPtr
find_attribute(xmlNodePtr node, Span name)
{
	xmlAttrPtr attribute = node->properties;

	while (attribute != NULL && !is_named(attribute->name, name))
		attribute = attribute->next;
	return attribute;
}

/* A step of digits, or -1. */
static int
to_number(Span step)
{
	int number = 0;

	if (step.len == 0 || step.len > 8)
		return -1;
	for (int i = 0; i < step.len; i++)
	{
		if (step.data[i] < '0' || step.data[i] > '9')
			return -1;
		number = number * 10 + (step.data[i] - '0');
	}
	return number;
}

/* The node at a path inside an element; NULL when it leads nowhere. */
static xmlNodePtr
follow_path(xmlNodePtr node, Span path)
{
	const char *s = path.data;
	const char *end = s + path.len;

	while (s < end && node != NULL)
	{
		const char *dot = memchr(s, '.', end - s);
		Span		step;

		if (dot == NULL)
			dot = end;
		step = (Span){s, (int) (dot - s)};
		if (node->type != XML_ELEMENT_NODE)
			return NULL;
		if (step.len > 1 && step.data[0] == '@')
			node = (xmlNodePtr) find_attribute(node, (Span){step.data + 1, step.len - 1});
		else if (to_number(step) >= 0)
		{
			Span name = {(const char *) node->name, (int) strlen((const char *) node->name)};

			/* the first of that name has been found by the step before */
			for (int n = to_number(step); n > 0 && node != NULL; n--)
				node = find_element(node->next, name);
		}
		else
			node = find_element(node->children, step);
		s = dot + 1;
	}
	return node;
}

/*
 * xml_path_text(value text, path text) → text
 *
 * The text of the element or attribute at a path such as 'name.given.1' or
 * 'id.@extension' inside the root element of XML in a cell.  A number takes
 * the n-th element of the name before it, from 0.  NULL when the cell is no
 * XML, has a document type (nothing that entities could swell is read), or
 * the path leads nowhere.
 */
Datum
flitmig_xml_path_text(PG_FUNCTION_ARGS)
{
	Span	  value = span_arg(fcinfo, 0);
	Span	  path = span_arg(fcinfo, 1);
	xmlDocPtr doc;
	/* what PG_FINALLY reads */
	xmlChar *volatile content = NULL;
	text *result = NULL;

	require_utf8();
	if (value.len == 0 || value.data[0] != '<')
		PG_RETURN_NULL();
	doc = xmlReadMemory(value.data, value.len, NULL, "UTF-8",
						XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA);
	if (doc == NULL)
		PG_RETURN_NULL();
	PG_TRY();
	{
		xmlNodePtr node = NULL;

		if (doc->intSubset == NULL && doc->extSubset == NULL && xmlDocGetRootElement(doc) != NULL)
			node = follow_path(xmlDocGetRootElement(doc), path);
		if (node != NULL)
			content = xmlNodeGetContent(node);
		if (content != NULL && content[0] != '\0')
			result = cstring_to_text((char *) content);
	}
	PG_FINALLY();
	{
		if (content != NULL)
			xmlFree(content);
		xmlFreeDoc(doc);
	}
	PG_END_TRY();
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(result);
}
