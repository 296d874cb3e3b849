/*
 * value_fhir_note.c
 *		Texts that a resource carries in base64.
 */
#include "mapping/fhir.h"

#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(flitmig_base64_markdown);
PG_FUNCTION_INFO_V1(flitmig_fhir_attachment_text);

extern Datum flitmig_decode_base64_text(PG_FUNCTION_ARGS);
extern Datum flitmig_to_markdown(PG_FUNCTION_ARGS);

/* Does the content type say text, and how is it marked up? */
static bool
is_text_type(Span type, const char **format, Span *charset)
{
	static const char mark[] = "charset=";
	char			  folded[128];
	char			 *at;

	*charset = fhir_nothing;
	*format = NULL;
	if (type.len == 0)
		return true;
	if (!span_fold(type, folded, sizeof(folded)))
		return false;
	if (strstr(folded, "html"))
		*format = "html";
	else if (strstr(folded, "rtf"))
		*format = "rtf";
	else if (strncmp(folded, "text/plain", 10) == 0)
		*format = "text";
	else if (strncmp(folded, "text/markdown", 13) == 0)
		*format = "markdown";
	else if (strncmp(folded, "text/", 5) != 0 || strstr(folded, "xml"))
		return false;
	at = strstr(folded, mark);
	if (at)
	{
		at += strlen(mark) + strspn(at + strlen(mark), "\"' ");
		*charset = (Span){pstrdup(at), (int) strcspn(at, "\"'; ")};
	}
	return true;
}

/* The text of an attachment in base64 as Markdown; nothing when it is no text. */
static Span
decoded_markdown(Span data, Span type)
{
	const char *format;
	Span		charset;
	LOCAL_FCINFO(call, 2);
	Datum body;

	if (data.len == 0 || !is_text_type(type, &format, &charset))
		return fhir_nothing;
	InitFunctionCallInfoData(*call, NULL, 2, InvalidOid, NULL, NULL);
	call->args[0].value = PointerGetDatum(span_to_text(data));
	call->args[0].isnull = false;
	call->args[1].isnull = charset.len == 0;
	if (charset.len > 0)
		call->args[1].value = PointerGetDatum(span_to_text(charset));
	body = flitmig_decode_base64_text(call);
	if (call->isnull)
		return fhir_nothing;
	if (format && strcmp(format, "markdown") == 0)
		return span_of_text(DatumGetTextPP(body));
	InitFunctionCallInfoData(*call, NULL, 2, InvalidOid, NULL, NULL);
	call->args[0].value = body;
	call->args[0].isnull = false;
	call->args[1].isnull = format == NULL;
	if (format)
		call->args[1].value = CStringGetTextDatum(format);
	body = flitmig_to_markdown(call);
	return call->isnull ? fhir_nothing : span_of_text(DatumGetTextPP(body));
}

/*
 * base64_markdown(data text, content_type text) → text
 *
 * A note that the export holds in base64, as Markdown.  NULL when the content
 * type is not that of a text, HTML or RTF, or the bytes are none.
 */
Datum
flitmig_base64_markdown(PG_FUNCTION_ARGS)
{
	return fhir_return(fcinfo, decoded_markdown(fhir_arg(fcinfo, 0), fhir_arg(fcinfo, 1)));
}

/*
 * fhir_attachment_text(content text) → text
 *
 * The notes inside a DocumentReference's content, or inside attachments such
 * as presentedForm, as Markdown.  One document in several formats is one
 * note: the first that is a text counts.
 */
Datum
flitmig_fhir_attachment_text(PG_FUNCTION_ARGS)
{
	Span		items = fhir_arg(fcinfo, 0);
	const char *cursor = NULL;
	Span		element;

	while (fhir_next_element(items, &cursor, &element))
	{
		Span attachment = fhir_member(element, "attachment");
		Span body;

		if (attachment.data == NULL)
			attachment = element;
		body = decoded_markdown(fhir_text_at(attachment, "data"), fhir_text_at(attachment, "contentType"));
		if (body.data)
			return fhir_return(fcinfo, body);
	}
	PG_RETURN_NULL();
}
