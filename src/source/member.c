/*
 * member.c
 *		The bytes of an imported file once more, for its upload: a file of the
 *		server, a member of an archive, a large object.
 *
 * Gives a descriptor that can be read at any offset.  Members and large
 * objects are copied to a temporary file that has no name any more when the
 * copying begins: nothing stays behind, whatever happens.
 */
#include "source/source.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/pg_authid.h"
#include "catalog/pg_largeobject.h"
#include "common/sha2.h"
#include "libpq/libpq-fs.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "storage/large_object.h"
#include "utils/acl.h"
#include "utils/memutils.h"

#define COPY_BYTES (256 * 1024)
#define WHOLE	   PG_INT64_MAX

/* A descriptor that is closed when its memory context goes, unless it was handed out. */
typedef struct Descriptor
{
	int fd;
} Descriptor;

static void
close_descriptor(void *object)
{
	Descriptor *descriptor = object;

	if (descriptor->fd >= 0)
		close(descriptor->fd);
	descriptor->fd = -1;
}

static Descriptor *
keep_descriptor(int fd)
{
	Descriptor *descriptor = palloc(sizeof(Descriptor));

	descriptor->fd = fd;
	guard(close_descriptor, descriptor);
	return descriptor;
}

/* To whom it is handed, closes it. */
static int
hand_out(Descriptor *descriptor)
{
	int fd = descriptor->fd;

	descriptor->fd = -1;
	return fd;
}

static void
free_handle(void *handle)
{
	archive_read_free(handle);
}

/* ---- copies ---- */

/* A new temporary file without a name. */
static Descriptor *
temporary_copy(void)
{
	char path[MAXPGPATH];
	int	 fd;

	/* where the server's own temporary files are; it removes what has this prefix when it starts */
	snprintf(path, sizeof(path), "base/%s/%sflitmig_XXXXXX", PG_TEMP_FILES_DIR, PG_TEMP_FILE_PREFIX);
	(void) MakePGDirectory("base/" PG_TEMP_FILES_DIR);
	fd = mkstemp(path);
	if (fd < 0)
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not create a temporary file: %m")));
	unlink(path);
	(void) fcntl(fd, F_SETFD, FD_CLOEXEC);
	return keep_descriptor(fd);
}

static void
append(Descriptor *copy, const char *data, size_t length)
{
	while (length > 0)
	{
		ssize_t n = write(copy->fd, data, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			ereport(ERROR, (errcode_for_file_access(), errmsg("could not write a temporary file: %m")));
		data += n;
		length -= n;
	}
}

/* Copies a large object, most bytes of it; NULL when there is none. */
static Descriptor *
copy_large_object(Oid oid, int64 most)
{
	LargeObjectDesc *object;
	Descriptor		*copy;
	char			*buf;
	int64			 copied = 0;
	int				 n;

	if (!LargeObjectExists(oid))
		return NULL;
	object = inv_open(oid, INV_READ, CurrentMemoryContext);
	copy = temporary_copy();
	buf = palloc(COPY_BYTES);
	while (copied < most && (n = inv_read(object, buf, COPY_BYTES)) > 0)
	{
		CHECK_FOR_INTERRUPTS();
		append(copy, buf, n);
		copied += n;
	}
	pfree(buf);
	inv_close(object);
	close_lo_relation(true);
	return copy;
}

/* NULL: the archive is damaged there. */
static Descriptor *
copy_member(struct archive *handle, int64 most)
{
	Descriptor *copy = temporary_copy();
	char	   *buf = palloc(COPY_BYTES);
	int64		copied = 0;
	la_ssize_t	n = 0;

	while (copied < most && (n = archive_read_data(handle, buf, COPY_BYTES)) > 0)
	{
		CHECK_FOR_INTERRUPTS();
		append(copy, buf, n);
		copied += n;
	}
	pfree(buf);
	return n < 0 ? NULL : copy;
}

/* ---- finding ---- */

static struct archive *
open_handle(int fd)
{
	struct archive *handle = archive_read_new();

	if (handle == NULL)
		out_of_memory();
	guard(free_handle, handle);
	archive_read_support_filter_all(handle);
	archive_read_support_format_all(handle);
	archive_read_support_format_raw(handle); /* a single compressed file */
	lseek(fd, 0, SEEK_SET);
	return archive_read_open_fd(handle, fd, COPY_BYTES) == ARCHIVE_OK ? handle : NULL;
}

/* The member of an open archive; rest may go on into an archive in it: a.zip!b.pdf. */
static Descriptor *
find_member(int fd, const char *archive_name, const char *rest, int64 most, int depth)
{
	struct archive		 *handle = open_handle(fd);
	struct archive_entry *entry;
	int					  result;

	if (handle == NULL || depth >= ARCHIVE_DEPTH_LIMIT)
		return NULL;
	while ((result = archive_read_next_header(handle, &entry)) == ARCHIVE_OK || result == ARCHIVE_WARN)
	{
		char  *name = archive_member_name(handle, entry, archive_name);
		size_t length = name ? strlen(name) : 0;

		CHECK_FOR_INTERRUPTS();
		if (archive_format(handle) == ARCHIVE_FORMAT_RAW && archive_filter_count(handle) <= 1)
			return NULL; /* neither packed nor compressed */
		if (name == NULL || strncmp(rest, name, length) != 0)
			continue;
		if (rest[length] == '\0')
			return copy_member(handle, most);
		if (rest[length] == '!')
		{
			Descriptor *inner = copy_member(handle, WHOLE);
			Descriptor *found = inner ? find_member(inner->fd, name, rest + length + 1, most, depth + 1) : NULL;

			if (inner)
				close_descriptor(inner);
			if (found)
				return found;
		}
	}
	return NULL;
}

static bool
is_file(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* The container that a path begins with: how long its own name is.  0: none. */
static size_t
container_length(const char *path)
{
	for (const char *bang = strchr(path, '!'); bang != NULL; bang = strchr(bang + 1, '!'))
		if (strncmp(path, "lo:", 3) == 0 || is_file(pnstrdup(path, bang - path)))
			return bang - path;
	return 0;
}

static Descriptor *
open_whole(const char *path, int64 most)
{
	int fd;

	if (strncmp(path, "lo:", 3) == 0)
		return copy_large_object((Oid) strtoul(path + 3, NULL, 10), most);
	if (!is_file(path))
		return NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? NULL : keep_descriptor(fd);
}

/* Opens what a path of the import leads to, through archives too; NULL: nothing. */
static Descriptor *
open_any(const char *path, int64 most)
{
	size_t		length = is_file(path) ? 0 : container_length(path);
	char	   *name;
	Descriptor *container;
	Descriptor *found;

	if (length == 0)
		return open_whole(path, most);
	name = pnstrdup(path, length);
	container = open_whole(name, WHOLE);
	if (container == NULL)
		return NULL;
	found = find_member(container->fd, name, path + length + 1, most, 0);
	close_descriptor(container);
	return found;
}

/* Reading with the server's eyes is for those who may; a large object has rights of its own. */
static bool
may_read(const char *path)
{
	return strncmp(path, "lo:", 3) == 0 || has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES);
}

const char *
imported_file_problem(const char *path)
{
	size_t length = container_length(path);

	if (!may_read(path))
		return "FILE_FORBIDDEN";
	if (strncmp(path, "lo:", 3) == 0)
		return LargeObjectExists((Oid) strtoul(path + 3, NULL, 10)) ? NULL : "FILE_MISSING";
	return is_file(path) || length > 0 ? NULL : "FILE_MISSING";
}

/* Whether the bytes are those that were imported. */
static bool
same_bytes(int fd, int64 bytes, const uint8 *sha256)
{
	pg_cryptohash_ctx *sha;
	uint8			   found[PG_SHA256_DIGEST_LENGTH];
	char			  *buf;
	ssize_t			   n;
	volatile int64	   offset = 0;
	struct stat		   status;
	volatile bool	   same = false;

	if (fstat(fd, &status) < 0 || (bytes >= 0 && status.st_size != bytes))
		return false;
	if (sha256 == NULL)
		return true;
	buf = palloc(COPY_BYTES);
	sha = pg_cryptohash_create(PG_SHA256);
	if (sha == NULL || pg_cryptohash_init(sha) < 0)
		elog(ERROR, "could not compute SHA-256");
	PG_TRY();
	{
		while ((n = pread(fd, buf, COPY_BYTES, offset)) > 0)
		{
			CHECK_FOR_INTERRUPTS();
			if (pg_cryptohash_update(sha, (const uint8 *) buf, n) < 0)
				elog(ERROR, "could not compute SHA-256");
			offset += n;
		}
		same = n == 0 && pg_cryptohash_final(sha, found, sizeof(found)) == 0 && memcmp(found, sha256, sizeof(found)) == 0;
	}
	PG_FINALLY();
	{
		pg_cryptohash_free(sha);
	}
	PG_END_TRY();
	pfree(buf);
	return same;
}

int
imported_file_open(const char *path, int64 bytes, const uint8 *sha256, const char **problem)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "flitmig file", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Descriptor	 *found;
	int			  fd = -1;

	*problem = imported_file_problem(path);
	if (*problem == NULL)
	{
		found = open_any(path, WHOLE);
		if (found == NULL)
			*problem = "FILE_MISSING";
		else if (!same_bytes(found->fd, bytes, sha256))
			*problem = "FILE_CHANGED";
		else
			fd = hand_out(found);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return fd;
}

int
imported_file_head(const char *path, char *head, int length)
{
	Descriptor *found = may_read(path) ? open_any(path, length) : NULL;
	int			n;

	if (found == NULL)
		return -1;
	n = (int) pread(found->fd, head, (size_t) length, 0);
	close_descriptor(found);
	return n;
}
