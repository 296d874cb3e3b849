/*
 * archive.c
 *		Members of zip, tar, 7z … and compressed files, by libarchive.
 *
 * Each member is spooled to a temporary file (temp_file_limit bounds it) and
 * imported from there, so that it can be read twice.  Nothing is ever written
 * under a member's own name.
 */
#include "source/source.h"

#include <archive.h>
#include <archive_entry.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#define READ_BYTES (256 * 1024)

/* A member that is longer than this and than so many times its archive is a bomb; text packs ten- to fiftyfold. */
#define BOMB_BYTES	((int64) 256 * 1024 * 1024)
#define BOMB_FACTOR 500

struct Archive
{
	struct archive *handle;
	Input		   *input;
	ByteSource		source;
	char			buffer[READ_BYTES];
	ErrorData	   *error; /* what a read reported; thrown when libarchive has returned */
	int64			member_bytes;
	bool			no_memory;
	bool			bomb;
	MemoryContext	context;
};

static void
release_archive(void *object)
{
	Archive *archive = object;

	if (archive->handle)
		archive_read_free(archive->handle);
	archive->handle = NULL;
}

/* Takes the error that was thrown; where there is no memory for it, that it is the error remains. */
static void
keep_error(Archive *archive, struct archive *handle)
{
	MemoryContextSwitchTo(archive->context);
	PG_TRY();
	{
		archive->error = CopyErrorData();
	}
	PG_CATCH();
	{
		archive->no_memory = true;
	}
	PG_END_TRY();
	FlushErrorState();
	archive_set_error(handle, EIO, "read error");
}

/*
 * libarchive must not be jumped over: an error waits until it is done.  Nor
 * must the backend exit inside of it, which would free the handle while it is
 * in use: an interrupt is left to rethrow.
 */
static la_ssize_t
read_archive(struct archive *handle, void *data, const void **buffer)
{
	Archive *archive = data;
	ssize_t	 n = -1;

	*buffer = archive->buffer;
	if (ProcDiePending || QueryCancelPending)
		return -1;
	PG_TRY();
	{
		HOLD_INTERRUPTS();
		n = archive->source.read(archive->source.arg, archive->buffer, READ_BYTES);
		RESUME_INTERRUPTS();
	}
	PG_CATCH();
	{
		keep_error(archive, handle);
	}
	PG_END_TRY();
	return n;
}

/* zip and 7z keep their list of members at the end. */
static la_int64_t
seek_archive(struct archive *handle, void *data, la_int64_t offset, int whence)
{
	Archive			   *archive = data;
	volatile la_int64_t to = offset;

	if (whence == SEEK_CUR)
		to += archive->input->position;
	else if (whence == SEEK_END)
		to += archive->input->bytes;
	if (to < 0)
		return ARCHIVE_FATAL;
	PG_TRY();
	{
		HOLD_INTERRUPTS();
		archive->source = input_source(archive->input, to);
		RESUME_INTERRUPTS();
	}
	PG_CATCH();
	{
		keep_error(archive, handle);
		to = ARCHIVE_FATAL;
	}
	PG_END_TRY();
	return to;
}

/* An error of a read is thrown once libarchive is out of the way. */
static void
rethrow(Archive *archive)
{
	if (archive->no_memory)
		out_of_memory();
	if (archive->error)
		ReThrowError(archive->error);
	CHECK_FOR_INTERRUPTS();
}

Archive *
archive_open(Input *input)
{
	Archive		   *archive = palloc0(sizeof(Archive));
	struct archive *handle = archive_read_new();

	if (handle == NULL)
		out_of_memory();
	archive->handle = handle;
	archive->context = CurrentMemoryContext;
	archive->input = input;
	archive->source = input_source(input, 0);
	guard(release_archive, archive);
	archive_read_support_filter_all(handle);
	archive_read_support_format_zip(handle);
	archive_read_support_format_tar(handle);
	archive_read_support_format_7zip(handle);
	archive_read_support_format_rar(handle);
	archive_read_support_format_rar5(handle);
	archive_read_support_format_cab(handle);
	archive_read_support_format_raw(handle); /* a single compressed file */
	archive_read_set_callback_data(handle, archive);
	archive_read_set_read_callback(handle, read_archive);
	archive_read_set_seek_callback(handle, seek_archive);
	archive_read_open1(handle);
	rethrow(archive);
	return archive;
}

void
archive_close(Archive *archive)
{
	release_archive(archive);
}

/* Goes on to the next member: a result of libarchive's. */
static int
next_header(Archive *archive, struct archive_entry **entry)
{
	int result = archive_read_next_header(archive->handle, entry);

	rethrow(archive);
	archive->member_bytes = 0;
	return result;
}

/* Whether there is one. */
static bool
is_header(int result)
{
	return result == ARCHIVE_OK || result == ARCHIVE_WARN;
}

/* Goes on to the member of that name, upper and lower case alike; false when there is none behind. */
bool
archive_find(Archive *archive, const char *name)
{
	struct archive_entry *entry;

	while (is_header(next_header(archive, &entry)))
		if (archive_entry_pathname(entry) && pg_strcasecmp(archive_entry_pathname(entry), name) == 0)
			return true;
	return false;
}

/*
 * Reads from the member; 0 at its end, -1 when it is damaged, or swells to
 * what nobody would have packed.  Throws what a read has met.
 */
ssize_t
archive_data(Archive *archive, void *buf, size_t length)
{
	ssize_t n = archive_read_data(archive->handle, buf, length);

	rethrow(archive);
	archive->member_bytes += Max(n, 0);
	archive->bomb |= archive->member_bytes > BOMB_BYTES && archive->member_bytes / BOMB_FACTOR > archive->input->bytes;
	return archive->bomb ? -1 : n;
}

/* Copies a member out; false when it cannot be read. */
static bool
spool_member(Archive *archive, Input *member)
{
	char   *buf = palloc(READ_BYTES);
	ssize_t n;

	while ((n = archive_data(archive, buf, READ_BYTES)) > 0)
		input_append(member, buf, (size_t) n);
	input_finish(member);
	pfree(buf);
	return n == 0;
}

/* What a member is called; a compressed single file goes by the archive's name. */
char *
archive_member_name(struct archive *handle, struct archive_entry *entry, const char *archive_name)
{
	const char *name = archive_entry_pathname_utf8(entry);
	Encoding	latin;
	Bytes		out = {0};
	Damage		damage = {0};
	char	   *result;

	if (archive_format(handle) == ARCHIVE_FORMAT_RAW)
	{
		char *dot;

		result = pstrdup(last_dir_separator(archive_name) ? last_dir_separator(archive_name) + 1 : archive_name);
		dot = strrchr(result, '.');
		if (dot && dot > result)
			*dot = '\0';
		return result;
	}
	if (name == NULL)
		name = archive_entry_pathname(entry);
	if (name == NULL)
		return NULL;
	/* Old zip tools write names in the code page of their time. */
	if (!encoding_by_name(&latin, text_is_plain(&(Encoding){ENCODING_UTF8}, name, strlen(name)) ? "UTF-8" : "CP437") ||
		!text_decode(&latin, name, strlen(name), &out, &damage))
		out_of_memory();
	result = pnstrdup(out.data ? out.data : "", out.length);
	bytes_free(&out);
	while (strncmp(result, "./", 2) == 0)
		result += 2;
	return result;
}

static bool
is_left_behind(const char *name)
{
	const char *base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;

	return base[0] == '.' || base[0] == '\0' || strncmp(name, "__MACOSX/", 9) == 0 || strcmp(base, "Thumbs.db") == 0;
}

/* Imports one member, and counts it; false when it cannot be read. */
static bool
import_member(Import *import, Archive *archive, struct archive_entry *entry, Input *input, bool plain, int *count)
{
	bool   raw = archive_format(archive->handle) == ARCHIVE_FORMAT_RAW;
	char  *name;
	Input *member;

	if (raw && archive_filter_count(archive->handle) <= 1)
		return false; /* neither packed nor compressed */
	if (!raw && archive_entry_filetype(entry) == AE_IFDIR)
		return true;
	name = archive_member_name(archive->handle, entry, input->name);
	if (name == NULL || is_left_behind(name))
		return true;
	if (!raw && (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != NULL))
	{
		leave_out(import, plain ? name : psprintf("%s!%s", input->name, name), "It is a link or no file at all");
		return true;
	}
	member = input_create_spool(psprintf("%s!%s", input->path, name),
								plain ? name : psprintf("%s!%s", input->name, name));
	if (!spool_member(archive, member))
	{
		leave_out(import, member->name, archive_entry_is_encrypted(entry) ? "It is encrypted" : "It could not be unpacked");
		input_close(member);
		return false;
	}
	import_input(import, member);
	(*count)++;
	return true;
}

/*
 * Goes through the members; how many there were.  plain: the archive is all
 * that was asked for, and stands for a directory.  trouble: why it stopped early.
 */
static int
import_members(Import *import, Archive *archive, Input *input, bool plain, const char **trouble)
{
	struct archive_entry *entry;
	int					  count = 0;
	int					  result = ARCHIVE_OK;
	bool				  whole = true;

	while (!archive->bomb && is_header(result = next_header(archive, &entry)))
	{
		MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "flitmig archive member", ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(context);

		whole &= import_member(import, archive, entry, input, plain, &count);
		MemoryContextSwitchTo(old);
		MemoryContextDelete(context);
	}
	if (!whole || result != ARCHIVE_EOF)
		*trouble = archive->bomb											 ? "a file in it is more than 500 times as long as the archive"
				   : archive_read_has_encrypted_entries(archive->handle) > 0 ? "it is encrypted"
																			 : "it is damaged or in an unknown format";
	return count;
}

void
import_archive(Import *import, Input *input)
{
	SourceFile *file = source_file_begin(import, input, NULL, "archive");
	const char *trouble = NULL;
	bool		plain = import->seen == 1;
	int			count = 0;
	Archive	   *archive;

	if (import->depth >= ARCHIVE_DEPTH_LIMIT)
		trouble = "archives are nested too deeply";
	else
	{
		import->depth++;
		archive = archive_open(input);
		count = import_members(import, archive, input, plain, &trouble);
		archive_close(archive);
		import->depth--;
	}
	source_file_note(file, psprintf("archive of %d file%s", count, count == 1 ? "" : "s"));
	if (trouble)
	{
		source_file_note(file, psprintf("not read to its end: %s", trouble));
		finding_add(&file->findings, "error", "UNREADABLE_ARCHIVE", 0,
					psprintf("The archive could not be read to its end: %s", trouble),
					"Unpack it on the server, and import the directory.");
	}
	source_file_end(import, file);
}
