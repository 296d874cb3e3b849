/*
 * file_type.c
 *		What an imported file is, for its upload: its media type.
 */
#include "source/source.h"

#define HEAD_BYTES 4096 /* that are looked at */

PG_FUNCTION_INFO_V1(flitmig_file_type);

/* By its first bytes, and by the ending of its name where formats share them. */
typedef struct Signature
{
	int			offset;
	const char *bytes;
	int			length;
	const char *ending; /* NULL: any */
	const char *type;
} Signature;

#define AT(offset, bytes, ending, type)                \
	{                                                  \
		offset, bytes, sizeof(bytes) - 1, ending, type \
	}

static const Signature signatures[] = {
	AT(0, "%PDF-", NULL, "application/pdf"),
	AT(0, "\x89PNG\r\n\x1a\n", NULL, "image/png"),
	AT(0, "\xFF\xD8\xFF", NULL, "image/jpeg"),
	AT(0, "GIF87a", NULL, "image/gif"),
	AT(0, "GIF89a", NULL, "image/gif"),
	AT(0, "II*\0", NULL, "image/tiff"),
	AT(0, "MM\0*", NULL, "image/tiff"),
	AT(8, "WEBP", NULL, "image/webp"),
	AT(8, "WAVE", NULL, "audio/wav"),
	AT(8, "AVI ", NULL, "video/x-msvideo"),
	AT(4, "ftyphei", NULL, "image/heic"),
	AT(4, "ftypmif", NULL, "image/heic"),
	AT(4, "ftypM4A", NULL, "audio/mp4"),
	AT(4, "ftypqt", NULL, "video/quicktime"),
	AT(4, "ftyp", NULL, "video/mp4"),
	AT(0, "BM", "bmp", "image/bmp"),
	AT(0, "ID3", NULL, "audio/mpeg"),
	AT(0, "\xFF\xFB", NULL, "audio/mpeg"),
	AT(0, "OggS", NULL, "audio/ogg"),
	AT(0, "\x1A\x45\xDF\xA3", NULL, "video/webm"),
	AT(128, "DICM", NULL, "application/dicom"),
	AT(0, "PK\3\4", "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
	AT(0, "PK\3\4", "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
	AT(0, "PK\3\4", "pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
	AT(30, "mimetypeapplication/vnd.oasis.opendocument.text", NULL, "application/vnd.oasis.opendocument.text"),
	AT(30, "mimetypeapplication/vnd.oasis.opendocument.spreadsheet", NULL, "application/vnd.oasis.opendocument.spreadsheet"),
	AT(30, "mimetypeapplication/vnd.oasis.opendocument.presentation", NULL, "application/vnd.oasis.opendocument.presentation"),
	AT(0, "PK\3\4", NULL, "application/zip"),
	AT(0, "\xD0\xCF\x11\xE0", "xls", "application/vnd.ms-excel"),
	AT(0, "\xD0\xCF\x11\xE0", "ppt", "application/vnd.ms-powerpoint"),
	AT(0, "\xD0\xCF\x11\xE0", "msg", "application/vnd.ms-outlook"),
	AT(0, "\xD0\xCF\x11\xE0", NULL, "application/msword"),
	AT(0, "{\\rtf", NULL, "application/rtf"),
	AT(0, "\x1F\x8B", NULL, "application/gzip"),
	AT(0, "7z\xBC\xAF\x27\x1C", NULL, "application/x-7z-compressed"),
	AT(0, "Rar!", NULL, "application/vnd.rar"),
	AT(0, "<svg", NULL, "image/svg+xml"),
	AT(0, "<?xml", "svg", "image/svg+xml"),
	AT(0, "<?xml", NULL, "application/xml"),
	AT(0, "<!DOCTYPE html", NULL, "text/html"),
	AT(0, "<!doctype html", NULL, "text/html"),
	AT(0, "<html", NULL, "text/html"),
	AT(0, "<HTML", NULL, "text/html"),
	AT(0, "", "csv", "text/csv"),
	AT(0, "", "md", "text/markdown"),
	AT(0, "", "json", "application/json"),
	AT(0, "", "html", "text/html"),
	AT(0, "", "htm", "text/html"),
};

static bool
has_ending(const char *name, const char *ending)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL && pg_strcasecmp(dot + 1, ending) == 0;
}

/* Text has no control characters but those of its layout. */
static bool
looks_like_text(const char *head, int length)
{
	for (int i = 0; i < length; i++)
		if ((unsigned char) head[i] < ' ' && strchr("\t\n\r\f\033", head[i]) == NULL)
			return false;
	return length > 0 && memchr(head, '\0', length) == NULL;
}

static const char *
type_of(const char *head, int length, const char *name)
{
	bool text = looks_like_text(head, length);

	for (int i = 0; i < lengthof(signatures); i++)
	{
		const Signature *s = &signatures[i];

		if (s->offset + s->length <= length && memcmp(head + s->offset, s->bytes, s->length) == 0 &&
			(s->ending == NULL || has_ending(name, s->ending)) && (s->length > 0 || text))
			return s->type;
	}
	return text ? "text/plain" : "application/octet-stream";
}

/*
 * _file_type(path text, name text) → text
 *
 * Media type of an imported file, by its first bytes; NULL when it cannot be
 * read.
 */
Datum
flitmig_file_type(PG_FUNCTION_ARGS)
{
	char *path = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char  head[HEAD_BYTES];
	int	  length = imported_file_head(path, head, HEAD_BYTES);

	if (length < 0)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(type_of(head, length, name)));
}
