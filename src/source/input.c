/*
 * input.c
 *		Bytes that can be read again: a file of the server, a member of an
 *		archive (spooled to a temporary file), a large object.
 */
#include "source/source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/sha2.h"
#include "libpq/libpq-fs.h"
#include "miscadmin.h"
#include "storage/buffile.h"
#include "storage/fd.h"
#include "storage/large_object.h"

#define SURVEY_BUFFER_BYTES (256 * 1024)

/* What looks at every byte once. */
typedef struct Hasher
{
	EncodingSurvey	   survey;
	pg_cryptohash_ctx *sha;
} Hasher;

/* ---- resources ---- */

void
guard(void (*release)(void *object), void *object)
{
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));

	callback->func = release;
	callback->arg = object;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
}

void
out_of_memory(void)
{
	ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory while reading a file")));
}

static void
release_hasher(void *object)
{
	Hasher *hasher = object;

	survey_free(&hasher->survey);
	if (hasher->sha)
		pg_cryptohash_free(hasher->sha);
	hasher->sha = NULL;
}

/* ---- the one look at every byte ---- */

static Hasher *
hasher_start(void)
{
	Hasher *hasher = palloc0(sizeof(Hasher));

	hasher->sha = pg_cryptohash_create(PG_SHA256);
	guard(release_hasher, hasher);
	if (hasher->sha == NULL || pg_cryptohash_init(hasher->sha) < 0)
		elog(ERROR, "could not compute SHA-256");
	return hasher;
}

static void
hasher_feed(Hasher *hasher, const char *data, size_t length)
{
	if (pg_cryptohash_update(hasher->sha, (const uint8 *) data, length) < 0)
		elog(ERROR, "could not compute SHA-256");
	if (!survey_feed(&hasher->survey, data, length))
		out_of_memory();
}

static void
hasher_end(Hasher *hasher, Input *input)
{
	if (pg_cryptohash_final(hasher->sha, input->sha256, SHA256_BYTES) < 0)
		elog(ERROR, "could not compute SHA-256");
	if (!survey_encoding(&hasher->survey, &input->encoding))
		out_of_memory();
	input->guessed = hasher->survey.sample.length > 0 && input->encoding.kind != ENCODING_UTF8 && input->encoding.bom_length == 0 &&
					 strncmp(input->encoding.name, "UTF-", 4) != 0;
	input->bytes = hasher->survey.bytes;
	input->has_nuls = hasher->survey.nuls > 0;
	release_hasher(hasher);
}

/* ---- reading ---- */

/* The read of an input's ByteSource, which moves its position. */
static ssize_t
input_read(void *arg, char *buf, size_t length)
{
	Input  *input = arg;
	ssize_t n;

	CHECK_FOR_INTERRUPTS();
	if (length > 8 * 1024 * 1024)
		length = 8 * 1024 * 1024;
	if (input->spool)
		n = (ssize_t) BufFileRead((BufFile *) input->spool, buf, length);
	else if (input->large_object)
		n = inv_read((LargeObjectDesc *) input->large_object, buf, (int) length);
	else
	{
		n = pread(input->fd, buf, length, input->position);
		if (n < 0)
			ereport(ERROR, (errcode_for_file_access(), errmsg("could not read file \"%s\": %m", input->path)));
	}
	input->position += n;
	return n;
}

ByteSource
input_source(Input *input, int64 offset)
{
	ByteSource source = {input_read, input};

	input->position = offset;
	if (input->spool && BufFileSeek((BufFile *) input->spool, 0, offset, SEEK_SET) != 0)
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not go back in the temporary copy of \"%s\"", input->path)));
	if (input->large_object)
		inv_seek((LargeObjectDesc *) input->large_object, offset, SEEK_SET);
	return source;
}

/* Reads up to length bytes from an offset on. */
size_t
input_peek(Input *input, int64 offset, char *buf, size_t length)
{
	ByteSource source = input_source(input, offset);
	size_t	   got = 0;
	ssize_t	   n;

	while (got < length && (n = source.read(source.arg, buf + got, length - got)) > 0)
		got += (size_t) n;
	return got;
}

static void
release_transcoder(void *object)
{
	transcoder_free(object);
}

ByteSource
input_text(Input *input)
{
	ByteSource	source = input_source(input, input->encoding.bom_length);
	Transcoder *transcoder;

	if (input->encoding.kind != ENCODING_CONVERTED)
		return source;
	transcoder = palloc(sizeof(Transcoder));
	if (!transcoder_init(transcoder, source, &input->encoding))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("cannot convert from encoding %s", input->encoding.name)));
	guard(release_transcoder, transcoder);
	return transcoder_source(transcoder);
}

/* ---- opening ---- */

static void
survey_input(Input *input)
{
	ByteSource source = input_source(input, 0);
	Hasher	  *hasher = hasher_start();
	char	  *buf = palloc(SURVEY_BUFFER_BYTES);
	ssize_t	   n;

	while ((n = source.read(source.arg, buf, SURVEY_BUFFER_BYTES)) > 0)
		hasher_feed(hasher, buf, (size_t) n);
	hasher_end(hasher, input);
	pfree(buf);
}

/* Size and time of change of an open file. */
static void
look_at_file(Input *input, int64 *bytes, int64 *changed)
{
	struct stat st;

	if (fstat(input->fd, &st) != 0)
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not stat file \"%s\": %m", input->path)));
	*bytes = st.st_size;
	*changed = (int64) st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

/*
 * A file is read twice: for its hash and encoding, and for its rows.  Fails
 * when somebody has written to it since it was opened.
 */
void
input_check_unchanged(Input *input)
{
	int64 bytes;
	int64 changed;

	if (input->fd < 0)
		return;
	look_at_file(input, &bytes, &changed);
	if (bytes != input->file_bytes || changed != input->file_changed || bytes != input->bytes)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE), errmsg("file \"%s\" was changed while it was read", input->path),
						errhint("Nothing of this import is staged. Import again when the export is complete.")));
}

static Input *
new_input(const char *path, const char *name)
{
	Input *input = palloc0(sizeof(Input));

	input->path = pstrdup(path);
	input->name = pstrdup(name);
	input->fd = -1;
	return input;
}

/* Opens and surveys a file of the server; an error names it. */
Input *
input_open_file(const char *path, const char *name)
{
	Input *input = new_input(path, name);

	input->fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);
	if (input->fd < 0)
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not open file \"%s\": %m", path),
						errhint("The file is read by the operating system user that runs PostgreSQL.")));
#if defined(USE_POSIX_FADVISE) && defined(POSIX_FADV_SEQUENTIAL)
	(void) posix_fadvise(input->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
#endif
	look_at_file(input, &input->file_bytes, &input->file_changed);
	survey_input(input);
	return input;
}

Input *
input_open_large_object(Oid oid, const char *name)
{
	Input *input = new_input(psprintf("lo:%u", oid), name);

	input->large_object = inv_open(oid, INV_READ, CurrentMemoryContext);
	survey_input(input);
	return input;
}

Input *
input_create_spool(const char *path, const char *name)
{
	Input *input = new_input(path, name);

	input->spool = BufFileCreateTemp(false);
	input->hasher = hasher_start();
	return input;
}

void
input_append(Input *input, const char *data, size_t length)
{
	hasher_feed(input->hasher, data, length);
	BufFileWrite((BufFile *) input->spool, (void *) data, length);
}

void
input_finish(Input *input)
{
	hasher_end(input->hasher, input);
}

void
input_close(Input *input)
{
	if (input->fd >= 0)
		CloseTransientFile(input->fd);
	if (input->spool)
		BufFileClose((BufFile *) input->spool);
	if (input->large_object)
	{
		inv_close((LargeObjectDesc *) input->large_object);
		close_lo_relation(true); /* lo_open would do it at the end of the transaction */
	}
	input->fd = -1;
	input->spool = input->large_object = NULL;
}
