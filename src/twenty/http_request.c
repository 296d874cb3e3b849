/*
 * http_request.c
 *		One request: what is sent, what comes, and what became of it.
 *
 * curl sends a request again by itself when a kept-alive connection ends
 * before the first byte of an answer (Curl_retry_request in its transfer.c,
 * up to five times, POST included), although the server may have worked on
 * it.  It can only do that by rewinding the body.  So bodies are given by a
 * read callback whose seek callback refuses once a byte was taken: curl then
 * fails with CURLE_SEND_FAIL_REWIND, which is an ambiguous outcome like any
 * other.  A repeat of which no byte of the body was taken yet stays allowed:
 * the server cannot act on a request without its body.
 *
 * No proxy is used, whatever the environment of the server says: a variable
 * left over from someone's shell must not decide which way patient data goes.
 */
#include "flitmig.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"

#include "twenty/http_internal.h"

#define USER_AGENT "flitmig/0.1"

/* curl's largest buffer is 2 MB; a batch of 200 records has some 100 kB. */
#define UPLOAD_BUFFER_BYTES (256L * 1024)

/* A file may take long, but not stand still: fewer bytes a second for flitmig.request_timeout end it. */
#define LOW_SPEED_BYTES 64L

/* ---- callbacks: they record and return ---- */

/* Gives curl the next bytes of the body. */
static size_t
take_body(char *buffer, size_t size, size_t n, void *request_ptr)
{
	HttpRequest *request = request_ptr;
	size_t		 wanted = Min(size * n, request->size - request->taken);

	if (request->file >= 0)
	{
		ssize_t got = wanted == 0 ? 0 : pread(request->file, buffer, wanted, request->taken);

		if (got < 0 || (got == 0 && wanted > 0))
		{
			request->read_failed = true;
			return CURL_READFUNC_ABORT;
		}
		wanted = got;
	}
	else
		memcpy(buffer, request->body + request->taken, wanted);
	request->taken += wanted;
	return wanted;
}

static int
refuse_rewind(void *request_ptr, curl_off_t offset, int origin)
{
	HttpRequest *request = request_ptr;

	if (origin == SEEK_SET && offset == (curl_off_t) request->taken)
		return CURL_SEEKFUNC_OK;
	request->resend_refused = true;
	return CURL_SEEKFUNC_FAIL;
}

/* Keeps what came of the answer, up to flitmig.answer_limit. */
static size_t
keep_answer(char *data, size_t size, size_t n, void *request_ptr)
{
	HttpRequest *request = request_ptr;
	size_t		 length = size * n;
	size_t		 needed = request->n_received + length + 1;

	if (request->n_received + length > request->pool->answer_limit)
	{
		request->too_large = true;
		return 0;
	}
	if (needed > request->max_received)
	{
		size_t wanted = Max(needed, Max(request->max_received * 2, 16384));
		char  *larger = realloc(request->received, wanted);

		if (larger == NULL)
		{
			request->out_of_memory = true;
			return 0;
		}
		request->received = larger;
		request->max_received = wanted;
	}
	memcpy(request->received + request->n_received, data, length);
	request->n_received += length;
	request->received[request->n_received] = '\0';
	return length;
}

/*
 * "Keep-Alive: timeout=5": be first to let go of an idle connection, so that
 * a request rarely meets one that the server is just closing.
 */
static size_t
note_header(char *line, size_t size, size_t n, void *request_ptr)
{
	HttpPool   *pool = ((HttpRequest *) request_ptr)->pool;
	char		text[80];
	const char *timeout;
	size_t		length = Min(size * n, sizeof(text) - 1);
	int			seconds;

	/* curl does not promise that a line ends with a NUL. */
	memcpy(text, line, length);
	text[length] = '\0';
	if (pg_strncasecmp(text, "Keep-Alive:", 11) == 0 && (timeout = strstr(text, "timeout=")) != NULL &&
		sscanf(timeout, "timeout=%5d", &seconds) == 1)
		pool->idle_seconds = Max(1, Min(seconds - 1, 60));
	return size * n;
}

/* ---- setting up ---- */

/* Frees a request that the pool may or may not know; curl must be allowed to run. */
void
http_request_free(HttpRequest *request)
{
	if (request->easy)
	{
		curl_multi_remove_handle(request->pool->multi, request->easy);
		curl_easy_cleanup(request->easy);
	}
	curl_mime_free(request->form);
	curl_slist_free_all(request->headers);
	if (request->file >= 0)
		close(request->file);
	dlist_delete(&request->node);
	free(request->body);
	free(request->received);
	free(request);
}

static void
check_setup(bool ok)
{
	if (!ok)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("could not set up a request to Twenty"),
				 errdetail("libcurl refused an option or is out of memory.")));
}

static bool
set_protocols(CURL *easy, bool allow_http)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, allow_http ? "http,https" : "https") == CURLE_OK;
#else
	return curl_easy_setopt(easy, CURLOPT_PROTOCOLS,
							allow_http ? CURLPROTO_HTTP | CURLPROTO_HTTPS : CURLPROTO_HTTPS) == CURLE_OK;
#endif
}

/* A handle with everything that all requests have in common. */
static CURL *
create_easy(HttpPool *pool, HttpRequest *request, const char *url)
{
	CURL *easy = curl_easy_init();
	bool  ok = easy != NULL;

#define SET(option, value) (ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK)
	SET(CURLOPT_URL, url);
	SET(CURLOPT_PRIVATE, request);
	SET(CURLOPT_ERRORBUFFER, request->curl_error);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
	if (pool->ca_file)
		SET(CURLOPT_CAINFO, pool->ca_file);
	SET(CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_TCP_NODELAY, 1L);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_ACCEPT_ENCODING, "gzip");
	SET(CURLOPT_USERAGENT, USER_AGENT);
	SET(CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER_BYTES);
	SET(CURLOPT_WRITEFUNCTION, keep_answer);
	SET(CURLOPT_WRITEDATA, request);
	SET(CURLOPT_HEADERFUNCTION, note_header);
	SET(CURLOPT_HEADERDATA, request);
	SET(CURLOPT_CONNECTTIMEOUT_MS, pool->connect_timeout_ms);
#if LIBCURL_VERSION_NUM >= 0x075700
	SET(CURLOPT_QUICK_EXIT, 1L);
#endif
#undef SET
	if (!ok || !set_protocols(easy, pool->allow_http))
	{
		curl_easy_cleanup(easy);
		return NULL;
	}
	return easy;
}

/* A request that the pool knows, so that it is freed whatever happens next. */
static HttpRequest *
create_request(HttpPool *pool, HttpMethod method, const char *url, void *tag)
{
	HttpRequest *request = calloc(1, sizeof(HttpRequest));

	check_setup(request != NULL);
	request->pool = pool;
	request->file = -1;
	request->answer.tag = tag;
	request->answer.method = method;
	request->answer.retry_after_ms = -1;
	dlist_push_tail(&pool->requests, &request->node);
	request->easy = create_easy(pool, request, url);
	check_setup(request->easy != NULL);
	return request;
}

/* url || path: the slash in between keeps the origin the server's. */
static char *
url_of_path(HttpPool *pool, const char *path)
{
	if (path[0] != '/')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("path of a request to Twenty must begin with a slash")));
	return psprintf("%s%s", pool->url, path);
}

int
http_open_file(const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (file < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\" to upload it: %m", path)));
	return file;
}

/* From now on the request closes it. */
static void
take_file(HttpRequest *request, int file)
{
	struct stat status;

	request->file = file;
	if (fstat(request->file, &status) < 0 || !S_ISREG(status.st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("what is to be uploaded is not a regular file")));
	request->size = status.st_size;
}

/* A file takes as long as the line needs; only standing still ends it. */
static bool
set_file_timeouts(HttpRequest *request)
{
	long seconds = Max(1, request->pool->request_timeout_ms / 1000);

	return curl_easy_setopt(request->easy, CURLOPT_LOW_SPEED_LIMIT, LOW_SPEED_BYTES) == CURLE_OK &&
		   curl_easy_setopt(request->easy, CURLOPT_LOW_SPEED_TIME, seconds) == CURLE_OK;
}

/* The document's arguments stand at its beginning: "mutation($f:PersonFilterInput!){destroyPeople(filter:$f)". */
#define ARGUMENTS_BYTES 400

/*
 * The last gate before the wire.  A change by filter reaches whatever the
 * filter means, and an empty one means every record (TWENTY.md 9).  So none
 * leaves that does not list ids.  That they are ours, the undo log has told
 * (_assert_ours).
 */
static bool
is_bounded(const char *body)
{
	char		head[ARGUMENTS_BYTES + 1];
	size_t		n = strnlen(body, ARGUMENTS_BYTES);
	const char *ids;

	memcpy(head, body, n);
	head[n] = '\0';
	if (strstr(head, "mutation") == NULL || strstr(head, "filter:") == NULL)
		return true;
	ids = strstr(body, "\"variables\"");
	ids = ids ? strstr(ids, "\"in\": [\"") : NULL;
	if (ids == NULL)
		return false;
	ids += strlen("\"in\": [\"");
	return strspn(ids, "0123456789abcdef-") == 36 && ids[36] == '"';
}

void
http_post(HttpPool *pool, const char *path, const char *body, size_t length, void *tag)
{
	HttpRequest *request;
	CURL		*easy;

	if (!is_bounded(body))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("refused to send a change by a filter that lists no ids"),
				 errdetail("An empty filter would mean every record.")));
	request = create_request(pool, HTTP_METHOD_POST, url_of_path(pool, path), tag);
	easy = request->easy;

	request->body = malloc(length + 1);
	check_setup(request->body != NULL);
	memcpy(request->body, body, length);
	request->size = length;
	check_setup(curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
				curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) length) == CURLE_OK &&
				curl_easy_setopt(easy, CURLOPT_READFUNCTION, take_body) == CURLE_OK &&
				curl_easy_setopt(easy, CURLOPT_READDATA, request) == CURLE_OK &&
				curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, refuse_rewind) == CURLE_OK &&
				curl_easy_setopt(easy, CURLOPT_SEEKDATA, request) == CURLE_OK &&
				curl_easy_setopt(easy, CURLOPT_HTTPHEADER, pool->json_headers) == CURLE_OK &&
				curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, pool->request_timeout_ms) == CURLE_OK);
	http_pool_submit(pool, request);
}

void
http_get(HttpPool *pool, const char *path, bool anonymous, void *tag)
{
	HttpRequest *request = create_request(pool, HTTP_METHOD_GET, url_of_path(pool, path), tag);

	check_setup(curl_easy_setopt(request->easy, CURLOPT_HTTPGET, 1L) == CURLE_OK &&
				curl_easy_setopt(request->easy, CURLOPT_HTTPHEADER,
								 anonymous ? pool->plain_headers : pool->key_headers) == CURLE_OK &&
				curl_easy_setopt(request->easy, CURLOPT_TIMEOUT_MS, pool->request_timeout_ms) == CURLE_OK);
	http_pool_submit(pool, request);
}

static bool
add_text_part(curl_mime *form, const char *name, const char *text)
{
	curl_mimepart *part = curl_mime_addpart(form);

	return part != NULL &&
		   curl_mime_name(part, name) == CURLE_OK &&
		   curl_mime_data(part, text, CURL_ZERO_TERMINATED) == CURLE_OK;
}

void
http_post_file(HttpPool *pool, const char *path, const char *operations, const char *map,
			   int file, const char *file_name, const char *content_type, void *tag)
{
	HttpRequest	  *request = create_request(pool, HTTP_METHOD_POST, url_of_path(pool, path), tag);
	curl_mimepart *part;

	take_file(request, file);
	request->form = curl_mime_init(request->easy);
	check_setup(request->form != NULL &&
				add_text_part(request->form, "operations", operations) &&
				add_text_part(request->form, "map", map));
	part = curl_mime_addpart(request->form);
	check_setup(part != NULL &&
				curl_mime_name(part, "0") == CURLE_OK &&
				curl_mime_filename(part, file_name) == CURLE_OK &&
				curl_mime_type(part, content_type) == CURLE_OK &&
				curl_mime_data_cb(part, request->size, take_body, refuse_rewind, NULL, request) == CURLE_OK &&
				curl_easy_setopt(request->easy, CURLOPT_MIMEPOST, request->form) == CURLE_OK &&
				curl_easy_setopt(request->easy, CURLOPT_HTTPHEADER, pool->key_headers) == CURLE_OK &&
				set_file_timeouts(request));
	http_pool_submit(pool, request);
}

void
http_put_file(HttpPool *pool, const char *url, int file, const char *content_type, void *tag)
{
	HttpRequest *request = create_request(pool, HTTP_METHOD_PUT, url, tag);
	CURL		*easy = request->easy;
	char		*type_header = psprintf("Content-Type: %s", content_type);

	take_file(request, file);
	request->headers = curl_slist_append(NULL, type_header);
	check_setup(request->headers != NULL && curl_slist_append(request->headers, "Expect:") != NULL);
	check_setup(curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L) == CURLE_OK &&
				curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t) request->size) == CURLE_OK &&
				curl_easy_setopt(easy, CURLOPT_READFUNCTION, take_body) == CURLE_OK &&
				curl_easy_setopt(easy, CURLOPT_READDATA, request) == CURLE_OK &&
				curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, refuse_rewind) == CURLE_OK &&
				curl_easy_setopt(easy, CURLOPT_SEEKDATA, request) == CURLE_OK &&
				curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers) == CURLE_OK &&
				set_file_timeouts(request));
	http_pool_submit(pool, request);
}

/* ---- what became of it ---- */

/*
 * What curl's result means:
 *
 *	result							the server has the whole request?	outcome
 *	CURLE_OK						yes, and we have its answer			ANSWERED
 *	name, connect, proxy			no									NOT_SENT
 *	certificate, cipher, CA file	no									TLS
 *	handshake cut off				no									NOT_SENT
 *	not HTTP, on a first answer		whoever it is, it is not Twenty		ANSWERED, status 0
 *	answer over the limit			yes									TOO_LARGE
 *	anything else, body not taken	no									NOT_SENT; ANSWERED when a refusal came
 *	anything else					perhaps								AMBIGUOUS
 */
static HttpOutcome
judge(HttpRequest *request, CURLcode result, long status)
{
	curl_off_t sent_after_us = 0;

	switch (result)
	{
		case CURLE_OK:
			return HTTP_ANSWERED;
		case CURLE_COULDNT_RESOLVE_HOST:
		case CURLE_COULDNT_RESOLVE_PROXY:
		case CURLE_COULDNT_CONNECT:
		case CURLE_URL_MALFORMAT:
			return HTTP_NOT_SENT;
		case CURLE_PEER_FAILED_VERIFICATION:
		case CURLE_SSL_CERTPROBLEM:
		case CURLE_SSL_CIPHER:
		case CURLE_SSL_CACERT_BADFILE:
		case CURLE_SSL_ISSUER_ERROR:
		case CURLE_SSL_INVALIDCERTSTATUS:
		case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
			return HTTP_TLS;
		case CURLE_SSL_CONNECT_ERROR:
			/* OpenSSL's words for a connection that broke during the handshake */
			return strstr(request->curl_error, "SYSCALL") || strstr(request->curl_error, "reset by peer")
					   ? HTTP_NOT_SENT
					   : HTTP_TLS;
		case CURLE_UNSUPPORTED_PROTOCOL:
		case CURLE_WEIRD_SERVER_REPLY:
			/* Before a first answer: a port where no web server listens. */
			if (!request->pool->spoke_http)
				return request->taken == 0 && request->size > 0 ? HTTP_NOT_SENT : HTTP_ANSWERED;
			break;
		default:
			break;
	}
	if (request->too_large)
		return HTTP_TOO_LARGE;
	if (request->taken < request->size)
	{
		/* A refusal that came while we still sent, such as 413, is an answer. */
		return status >= 400 ? HTTP_ANSWERED : HTTP_NOT_SENT;
	}
	if (curl_easy_getinfo(request->easy, CURLINFO_PRETRANSFER_TIME_T, &sent_after_us) == CURLE_OK &&
		sent_after_us == 0)
		return HTTP_NOT_SENT;
	return HTTP_AMBIGUOUS;
}

/* curl's words; they are of hosts and sockets, but an address could carry a token. */
static void
describe_error(HttpRequest *request, CURLcode result)
{
	HttpAnswer *answer = &request->answer;
	const char *words = request->curl_error[0] ? request->curl_error : curl_easy_strerror(result);

	if (request->too_large)
		snprintf(answer->error, sizeof(answer->error), "answer is larger than flitmig.answer_limit");
	else if (request->out_of_memory)
		strlcpy(answer->error, "out of memory for the answer", sizeof(answer->error));
	else if (request->read_failed)
		strlcpy(answer->error, "the file to upload could not be read or became shorter", sizeof(answer->error));
	else if (request->resend_refused)
		strlcpy(answer->error, "the server closed the connection before it answered", sizeof(answer->error));
	else if (strpbrk(words, "?=") != NULL)
		strlcpy(answer->error, curl_easy_strerror(result), sizeof(answer->error));
	else
		strlcpy(answer->error, words, sizeof(answer->error));
}

/* Fills the answer of a request that curl is done with. */
void
http_request_finish(HttpRequest *request, CURLcode result)
{
	HttpAnswer *answer = &request->answer;
	curl_off_t	retry_after_s = 0;
	long		status = 0;
	char	   *type = NULL;
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, request->start);
	answer->elapsed_ms = INSTR_TIME_GET_MILLISEC(now);
	curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(request->easy, CURLINFO_CONTENT_TYPE, &type);
	curl_easy_getinfo(request->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
	answer->outcome = judge(request, result, status);
	if (result != CURLE_OK)
		describe_error(request, result);
	answer->status = (int) status;
	answer->is_json = type != NULL && strstr(type, "json") != NULL;
	if (retry_after_s > 0)
		answer->retry_after_ms = (long) Min(retry_after_s, 86400) * 1000;
	if (result == CURLE_OK)
		request->pool->spoke_http = true;
	answer->body = request->received ? request->received : "";
	answer->length = request->n_received;
}
