/*
 * http.c
 *		A pool of keep-alive connections: one curl multi handle, driven from a
 *		WaitEventSet so that the latch and the postmaster's death are seen.
 *
 *	  submit ──▶ curl ──socket_callback──▶ sockets[] ──▶ WaitEventSet
 *				   ▲  └─timer_callback──▶ timer			   │
 *				   └──────curl_multi_socket_action─────────┘
 *				   └──▶ curl_multi_info_read ──▶ http_request_finish ──▶ caller
 *
 * Callbacks run inside curl, which does not survive a longjmp: they neither
 * ereport nor palloc, they record and return.  Signals are blocked while
 * curl runs, because the thread in which it resolves names inherits the
 * mask: no handler of the backend must ever run in another thread.
 */
#include "flitmig.h"

#include <signal.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "twenty/http_internal.h"
#include "utils/memutils.h"

/*
 * Seconds after which an idle connection is not used again, unless the server
 * says how long it keeps them (Twenty does: 5 s on 1.17, 65 s on 2.19).
 */
#define IDLE_CONNECTION_SECONDS 30L

/* Sockets looked at after one wait; the rest are seen by the next one. */
#define EVENTS_PER_WAIT 8

/* curl writes 64 kB of a body at a time; Twenty takes 10 MB at most (TWENTY.md 1). */
#define PUSH_ROUNDS 200

static void
curl_begin(sigset_t *saved)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, saved);
}

static void
curl_end(const sigset_t *saved)
{
	pthread_sigmask(SIG_SETMASK, saved, NULL);
}

/* curl tells which socket to watch for what, or that it is gone. */
static int
socket_callback(CURL *easy, curl_socket_t fd, int what, void *pool_ptr, void *unused)
{
	HttpPool *pool = pool_ptr;
	int		  i;

	pool->sockets_changed = true;
	for (i = 0; i < pool->n_sockets; i++)
		if (pool->sockets[i].fd == fd)
			break;
	if (what == CURL_POLL_REMOVE)
	{
		if (i < pool->n_sockets)
			pool->sockets[i] = pool->sockets[--pool->n_sockets];
		return 0;
	}
	if (i == pool->max_sockets)
	{
		int			wanted = pool->max_sockets * 2 + 8;
		HttpSocket *larger = realloc(pool->sockets, wanted * sizeof(HttpSocket));

		if (larger == NULL)
		{
			pool->out_of_memory = true;
			return -1;
		}
		pool->sockets = larger;
		pool->max_sockets = wanted;
	}
	if (i == pool->n_sockets)
		pool->n_sockets++;
	pool->sockets[i].fd = fd;
	pool->sockets[i].events = what;
	return 0;
}

/* curl tells when it wants to be called though no socket is ready; -1: never. */
static int
timer_callback(CURLM *multi, long timeout_ms, void *pool_ptr)
{
	HttpPool *pool = pool_ptr;

	pool->timer_set = timeout_ms >= 0;
	pool->timer_ms = timeout_ms;
	INSTR_TIME_SET_CURRENT(pool->timer_start);
	return 0;
}

static long
elapsed_ms(instr_time start)
{
	instr_time now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	return (long) INSTR_TIME_GET_MILLISEC(now);
}

/* Ends everything: runs when the pool's memory context goes, also on error. */
static void
destroy_pool(void *pool_ptr)
{
	HttpPool *pool = pool_ptr;
	sigset_t  saved;

	curl_begin(&saved);
	while (!dlist_is_empty(&pool->requests))
		http_request_free(dlist_container(HttpRequest, node, dlist_head_node(&pool->requests)));
	if (pool->multi)
		curl_multi_cleanup(pool->multi);
	curl_slist_free_all(pool->json_headers);
	curl_slist_free_all(pool->key_headers);
	curl_slist_free_all(pool->plain_headers);
	curl_end(&saved);
	if (pool->wait_set)
		FreeWaitEventSet(pool->wait_set);
	free(pool->sockets);
}

static void
initialise_curl_once(void)
{
	static bool done = false;

	if (!done && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("could not initialize libcurl")));
	done = true;
}

static void
append_header(struct curl_slist **list, const char *header)
{
	struct curl_slist *longer = curl_slist_append(*list, header);

	if (longer == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_OUT_OF_MEMORY),
				 errmsg("out of memory")));
	*list = longer;
}

/* "Expect:" and its kin: an empty value removes what curl would add. */
static void
build_headers(HttpPool *pool, const char *key)
{
	char *authorization = psprintf("Authorization: Bearer %s", key);

	append_header(&pool->plain_headers, "Expect:");
	append_header(&pool->key_headers, "Expect:");
	append_header(&pool->key_headers, "Accept: application/json");
	append_header(&pool->key_headers, authorization);
	append_header(&pool->json_headers, "Expect:");
	append_header(&pool->json_headers, "Accept: application/json");
	append_header(&pool->json_headers, "Content-Type: application/json");
	append_header(&pool->json_headers, authorization);
	explicit_bzero(authorization, strlen(authorization));
	pfree(authorization);
}

HttpPool *
http_pool_create(MemoryContext ctx, const TwentyServer *server)
{
	MemoryContext old = MemoryContextSwitchTo(ctx);
	HttpPool	 *pool = palloc0(sizeof(HttpPool));
	long		  connections = Max(flitmig_requests_in_flight, PACED_IN_FLIGHT);

	initialise_curl_once();
	pool->context = ctx;
	dlist_init(&pool->requests);
	pool->cleanup.func = destroy_pool;
	pool->cleanup.arg = pool;
	MemoryContextRegisterResetCallback(ctx, &pool->cleanup);

	pool->url = pstrdup(server->url);
	pool->allow_http = server->allow_http || strncmp(server->url, "http:", 5) == 0;
	pool->ca_file = server->ca_file ? pstrdup(server->ca_file) : NULL;
	pool->answer_limit = (size_t) flitmig_answer_limit_mb * 1024 * 1024;
	pool->connect_timeout_ms = flitmig_connect_timeout_ms;
	pool->request_timeout_ms = flitmig_request_timeout_ms;
	pool->idle_seconds = IDLE_CONNECTION_SECONDS;
	build_headers(pool, server->key);

	pool->multi = curl_multi_init();
	if (pool->multi == NULL ||
		curl_multi_setopt(pool->multi, CURLMOPT_SOCKETFUNCTION, socket_callback) != CURLM_OK ||
		curl_multi_setopt(pool->multi, CURLMOPT_SOCKETDATA, pool) != CURLM_OK ||
		curl_multi_setopt(pool->multi, CURLMOPT_TIMERFUNCTION, timer_callback) != CURLM_OK ||
		curl_multi_setopt(pool->multi, CURLMOPT_TIMERDATA, pool) != CURLM_OK ||
		curl_multi_setopt(pool->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING) != CURLM_OK ||
		curl_multi_setopt(pool->multi, CURLMOPT_MAXCONNECTS, connections) != CURLM_OK ||
		curl_multi_setopt(pool->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections) != CURLM_OK)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("could not set up libcurl for connections to Twenty")));
	MemoryContextSwitchTo(old);
	return pool;
}

/* Hands a request that is set up to curl; from now on the pool owns it. */
void
http_pool_submit(HttpPool *pool, HttpRequest *request)
{
	CURLMcode result;
	sigset_t  saved;

	curl_easy_setopt(request->easy, CURLOPT_MAXAGE_CONN, pool->idle_seconds);
	INSTR_TIME_SET_CURRENT(request->start);
	curl_begin(&saved);
	result = curl_multi_add_handle(pool->multi, request->easy);
	curl_end(&saved);
	if (result != CURLM_OK)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("could not start a request to Twenty: %s", curl_multi_strerror(result))));
	pool->in_flight++;
}

int
http_in_flight(HttpPool *pool)
{
	return pool->in_flight;
}

/* Lets curl work on a socket or its timer; an error when it cannot go on. */
static void
run_curl(HttpPool *pool, curl_socket_t fd, int events)
{
	CURLMcode result;
	sigset_t  saved;
	int		  running;

	curl_begin(&saved);
	result = curl_multi_socket_action(pool->multi, fd, events, &running);
	curl_end(&saved);
	if (result != CURLM_OK || pool->out_of_memory)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_ERROR),
				 errmsg("could not go on with requests to Twenty: %s",
						pool->out_of_memory ? "out of memory" : curl_multi_strerror(result))));
}

/* An answer that is complete, or NULL. */
static HttpAnswer *
take_answer(HttpPool *pool)
{
	CURLMsg *message;
	int		 left;

	while ((message = curl_multi_info_read(pool->multi, &left)) != NULL)
	{
		HttpRequest *request;
		CURLcode	 result = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		if (curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **) &request) != CURLE_OK)
			elog(ERROR, "libcurl lost a request");
		http_request_finish(request, result);
		pool->in_flight--;
		return &request->answer;
	}
	return NULL;
}

/* A WaitEventSet cannot drop an event, so a changed list makes a new set. */
static void
rebuild_wait_set(HttpPool *pool)
{
	if (pool->wait_set)
	{
		FreeWaitEventSet(pool->wait_set);
		pool->wait_set = NULL;
	}
	pool->wait_set = create_wait_set(pool->context, pool->n_sockets + 2);
	AddWaitEventToSet(pool->wait_set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(pool->wait_set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	for (int i = 0; i < pool->n_sockets; i++)
	{
		int	   what = pool->sockets[i].events;
		uint32 events = ((what & CURL_POLL_IN) ? WL_SOCKET_READABLE : 0) |
						((what & CURL_POLL_OUT) ? WL_SOCKET_WRITEABLE : 0);

		if (events == 0)
			continue;
		AddWaitEventToSet(pool->wait_set, events, pool->sockets[i].fd, NULL, NULL);
	}
	pool->sockets_changed = false;
}

/* Time until curl wants to be called, -1 when it does not. */
static long
timer_left_ms(HttpPool *pool)
{
	if (!pool->timer_set)
		return -1;
	return Max(0, pool->timer_ms - elapsed_ms(pool->timer_start));
}

/*
 * Waits once, at most timeout_ms (-1: forever), and lets curl work on what
 * happened.  Says whether the latch was set, and returns whether a socket was
 * ready.
 */
static bool
wait_and_work(HttpPool *pool, long timeout_ms, bool *latch_set)
{
	WaitEvent events[EVENTS_PER_WAIT];
	bool	  socket_ready = false;
	long	  timer = timer_left_ms(pool);
	int		  n;

	if (pool->wait_set == NULL || pool->sockets_changed)
		rebuild_wait_set(pool);
	if (timer >= 0 && (timeout_ms < 0 || timer < timeout_ms))
		timeout_ms = timer;
	n = WaitEventSetWait(pool->wait_set, timeout_ms, events, EVENTS_PER_WAIT, PG_WAIT_EXTENSION);
	for (int i = 0; i < n; i++)
	{
		uint32 what = events[i].events;

		if (what & WL_LATCH_SET)
		{
			ResetLatch(MyLatch);
			*latch_set = true;
		}
		else if (what & WL_SOCKET_MASK)
		{
			socket_ready = true;
			run_curl(pool, events[i].fd,
					 ((what & WL_SOCKET_READABLE) ? CURL_CSELECT_IN : 0) |
						 ((what & WL_SOCKET_WRITEABLE) ? CURL_CSELECT_OUT : 0));
		}
	}
	if (timer_left_ms(pool) == 0)
	{
		pool->timer_set = false; /* curl sets the next one */
		run_curl(pool, CURL_SOCKET_TIMEOUT, 0);
	}
	return socket_ready;
}

void
http_push(HttpPool *pool)
{
	bool latch_set = false;

	for (int round = 0; round < PUSH_ROUNDS; round++)
	{
		bool starting = timer_left_ms(pool) == 0;

		if (pool->n_sockets == 0 && !starting)
			break;
		if (!wait_and_work(pool, 0, &latch_set) && !starting)
			break;
	}
	/* whoever waits next must still see it */
	if (latch_set)
		SetLatch(MyLatch);
}

HttpAnswer *
http_wait(HttpPool *pool, long timeout_ms)
{
	instr_time	start;
	HttpAnswer *answer;

	INSTR_TIME_SET_CURRENT(start);
	while ((answer = take_answer(pool)) == NULL)
	{
		long left = timeout_ms < 0 ? -1 : timeout_ms - elapsed_ms(start);
		bool latch_set = false;

		if (timeout_ms >= 0 && left < 0)
			break;
		wait_and_work(pool, left, &latch_set);
		if (latch_set || left == 0)
			return take_answer(pool);
	}
	return answer;
}

void
http_answer_free(HttpAnswer *answer)
{
	sigset_t saved;

	curl_begin(&saved);
	http_request_free((HttpRequest *) answer);
	curl_end(&saved);
}
