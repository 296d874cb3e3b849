/*
 * http_internal.h
 *		Between http.c (pool and waiting) and http_request.c (one request).
 */
#ifndef FLITMIG_HTTP_INTERNAL_H
#define FLITMIG_HTTP_INTERNAL_H

#include <curl/curl.h>

#include "lib/ilist.h"
#include "portability/instr_time.h"
#include "twenty/twenty.h"

struct WaitEventSet;

/* A socket that curl wants watched; malloc'd list, written by a callback. */
typedef struct HttpSocket
{
	curl_socket_t fd;
	int			  events; /* CURL_POLL_IN, _OUT, _INOUT */
} HttpSocket;

struct HttpPool
{
	MemoryContext		  context;
	MemoryContextCallback cleanup;
	CURLM				 *multi;
	char				 *url; /* origin and path prefix of the server */
	bool				  allow_http;
	char				 *ca_file;
	struct curl_slist	 *json_headers;	 /* with the key */
	struct curl_slist	 *key_headers;	 /* with the key, no content type */
	struct curl_slist	 *plain_headers; /* without the key */
	size_t				  answer_limit;	 /* bytes */
	long				  connect_timeout_ms;
	long				  request_timeout_ms;
	long				  idle_seconds; /* a connection idle for longer is not used again */
	bool				  spoke_http;	/* an HTTP answer came once */

	dlist_head requests; /* HttpRequest, until http_answer_free */
	int		   in_flight;

	HttpSocket			*sockets; /* malloc'd */
	int					 n_sockets;
	int					 max_sockets;
	bool				 sockets_changed; /* wait_set is out of date */
	bool				 out_of_memory;	  /* a callback could not grow the list */
	bool				 timer_set;
	instr_time			 timer_start;
	long				 timer_ms; /* curl wants to be called that long after timer_start */
	struct WaitEventSet *wait_set;
};

/* One request from submission until its answer is freed; malloc'd whole. */
typedef struct HttpRequest
{
	HttpAnswer		   answer; /* first: http_answer_free finds us by it */
	dlist_node		   node;
	HttpPool		  *pool;
	CURL			  *easy;
	curl_mime		  *form;
	struct curl_slist *headers; /* of this request only */
	instr_time		   start;
	char			   curl_error[CURL_ERROR_SIZE];

	/* what is sent: memory, or a file */
	char  *body;
	int	   file; /* -1: none */
	size_t size;
	size_t taken;		   /* bytes that curl took from us to send */
	bool   resend_refused; /* curl wanted to send it once more */
	bool   read_failed;	   /* the file could not be read, or shrank */

	/* what came */
	char  *received;
	size_t n_received;
	size_t max_received;
	bool   too_large;
	bool   out_of_memory;
} HttpRequest;

extern void http_request_finish(HttpRequest *request, CURLcode result);
extern void http_request_free(HttpRequest *request);
extern void http_pool_submit(HttpPool *pool, HttpRequest *request);

#endif /* FLITMIG_HTTP_INTERNAL_H */
