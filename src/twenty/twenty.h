/*
 * twenty.h
 *		Door of the room that talks to a Twenty server: server options, HTTP,
 *		call bucket, answers.  Knows nothing of clinics.
 *
 * Nothing here runs inside a transaction for long: requests are submitted,
 * and the caller waits for answers with no transaction open.
 */
#ifndef FLITMIG_TWENTY_H
#define FLITMIG_TWENTY_H

#include "flitmig.h"

/* Where a server is and how to get in; from CREATE SERVER and USER MAPPING. */
typedef struct TwentyServer
{
	char *name;		  /* foreign server */
	char *url;		  /* without trailing slash */
	char *key;		  /* API key; never printed, never logged */
	bool  allow_http; /* plain http to other hosts was allowed in so many words */
	char *ca_file;	  /* certificates to trust instead of the system's, or NULL */
	int	  call_share; /* percent of the call limit that we may use */
} TwentyServer;

/*
 * Looks a server up for a role.  Needs a transaction.  Result lives in the
 * current memory context.  Errors: no such server, not a flitmig_twenty
 * server, no USAGE on it, no user mapping, key file unreadable or empty.
 */
extern TwentyServer *twenty_server_load(const char *name, Oid userid);

/* ---- HTTP ---- */

typedef struct HttpPool HttpPool;

typedef enum HttpOutcome
{
	HTTP_ANSWERED,	/* a whole answer: look at status and body */
	HTTP_NOT_SENT,	/* could not connect, or nothing left us: safe to repeat */
	HTTP_AMBIGUOUS, /* sent, no whole answer: it may have been applied */
	HTTP_TOO_LARGE, /* answer larger than flitmig.answer_limit: ambiguous too */
	HTTP_TLS		/* certificate or protocol refused: final */
} HttpOutcome;

typedef enum HttpMethod
{
	HTTP_METHOD_POST, /* may change something: never sent twice */
	HTTP_METHOD_GET,  /* reads: may be repeated */
	HTTP_METHOD_PUT	  /* uploads a file: may be repeated */
} HttpMethod;

typedef struct HttpAnswer
{
	void	   *tag; /* as given at submission */
	HttpMethod	method;
	HttpOutcome outcome;
	int			status; /* HTTP status, 0 when none came */
	const char *body;	/* NUL-terminated, raw bytes, freed by http_answer_free */
	size_t		length;
	char		error[256];		/* curl's words, without url parameters or key */
	long		retry_after_ms; /* from Retry-After, -1 when absent */
	double		elapsed_ms;
	bool		is_json; /* content type says JSON */
} HttpAnswer;

/*
 * One keep-alive pool per run.  Lives in ctx: a reset callback of that
 * context ends all transfers and frees every curl handle, also on error.
 * accept: what "origin" may be sent to is fixed by the server; redirects are
 * not followed; TLS is verified; the key goes to server->url's origin only.
 */
extern HttpPool *http_pool_create(MemoryContext ctx, const TwentyServer *server);

/* POST a JSON body (UTF-8, copied) to url || path, with the key. */
extern void http_post(HttpPool *pool, const char *path, const char *body, size_t length, void *tag);

/* GET url || path, without the key when anonymous. */
extern void http_get(HttpPool *pool, const char *path, bool anonymous, void *tag);

/*
 * POST the GraphQL multipart request form: operations and map are JSON texts,
 * part "0" is the file behind the descriptor, streamed from disk.  The
 * request closes it.
 */
extern void http_post_file(HttpPool *pool, const char *path, const char *operations, const char *map,
						   int file, const char *file_name, const char *content_type, void *tag);

/*
 * PUT a file, streamed from disk, to a complete URL that the server handed
 * out; the key is not sent.  As http_post_file; an https server may not hand
 * out a plain http URL unless it has the option allow_http.
 */
extern void http_put_file(HttpPool *pool, const char *url, int file, const char *content_type, void *tag);

/* A descriptor for these; error when the file cannot be opened. */
extern int http_open_file(const char *path);

extern int http_in_flight(HttpPool *pool);

/* Requests at once while a limit paces us (bucket_in_flight): Twenty has ten connections to its database. */
#define PACED_IN_FLIGHT 8

/*
 * Lets curl send what was handed to it and receive what is there, as far as
 * that needs no waiting: before the caller turns to longer work.
 */
extern void http_push(HttpPool *pool);

/*
 * Waits until an answer is there, the timeout (ms) has passed or the latch is
 * set (it is reset).  NULL: no answer yet.  Does not process interrupts: the
 * caller decides what to do with requests under way.
 */
extern HttpAnswer *http_wait(HttpPool *pool, long timeout_ms);
extern void		   http_answer_free(HttpAnswer *answer);

/* ---- the call limit (TWENTY.md section 2) ---- */

/* A second, shorter limit, learned when it first refuses. */
typedef struct BriefLimit
{
	int	   max_tokens; /* 0: none known */
	int	   window_ms;
	double tokens;
	int64  last_refill_us;
} BriefLimit;

typedef struct Bucket
{
	int	   share;	   /* percent of the server's limit that is ours */
	int	   max_tokens; /* per window, our share of them; 0: no limit known */
	int	   window_ms;
	double tokens;		   /* our model of what the server has left */
	int64  last_refill_us; /* our clock, when the last call was sent; 0: never */
	int	   burst;		   /* calls we send close together */
	int64  hold_until_us;  /* after a refusal */
	int	   refusals;	   /* in a row */

	bool	   opening;			 /* the bucket is full: spend it at once */
	int		   reserve;			 /* tokens that we leave in it, for when a fraction is lost after all */
	double	   margin_ms;		 /* later than whole tokens, by how much a burst arrives together */
	int		   accepted;		 /* calls since margin_ms was changed */
	int64	   burst_start_us;	 /* first call of this burst was sent */
	int64	   refused_burst_us; /* the burst whose refusal counted last */
	int		   expected;		 /* calls that are still to come; 0: not known */
	int		   burst_calls;		 /* calls of this burst so far */
	int		   burst_size;		 /* ... and at most */
	int64	   allowed_us;		 /* when bucket_delay_ms last said now */
	int64	   lead_us;			 /* what the caller needs from there until a call is sent */
	int64	   round_trip_us;	 /* longest lately */
	BriefLimit brief;
} Bucket;

/*
 * Leaves the rest of the limit to others: a bucket with that share of the
 * tokens never holds, and never gains, more than that share of the server's.
 */
extern void bucket_init(Bucket *bucket, int share, int max_tokens, int window_ms);

/*
 * Begins with less than a full bucket: tokens of the server's max_tokens are
 * left (what others took nobody tells us).
 */
extern void bucket_begin_with(Bucket *bucket, int64 now_us, int max_tokens, double tokens);

/*
 * How many calls to keep under way: flitmig.requests_in_flight, but more of
 * them when a limit is known.  The server then rests between bursts, and the
 * more calls a burst has, the less of its arithmetic is lost (bucket.c).
 */
extern int bucket_in_flight(const Bucket *bucket);

/*
 * So many calls are still to come (0: not known).  Only saves time at the
 * end: the last burst then need not wait until it would be a whole one.
 */
extern void bucket_expect(Bucket *bucket, int calls);

/* How long (ms) to wait before a call of that many root fields; 0: now. */
extern long bucket_delay_ms(Bucket *bucket, int64 now_us, int roots);
extern void bucket_sent(Bucket *bucket, int64 now_us, int roots);
extern void bucket_accepted(Bucket *bucket, int64 now_us);

/* A refusal that names the limit teaches it (0 when unknown). */
extern void bucket_refused(Bucket *bucket, int64 now_us, int max_tokens, int window_ms, long retry_after_ms);

/* ---- answers ---- */

typedef enum AnswerClass
{
	ANSWER_STORED,		   /* data for every root asked for, no errors */
	ANSWER_THROTTLED,	   /* call limit; nothing was done */
	ANSWER_TRANSIENT,	   /* server or proxy in trouble, known not to be applied, or a read */
	ANSWER_AMBIGUOUS,	   /* may or may not have been applied */
	ANSWER_BATCH_REFUSED,  /* understood and refused: something in the data or too many */
	ANSWER_UNAUTHORISED,   /* wrong key, no key, key without rights */
	ANSWER_SCHEMA_CHANGED, /* a field or type we name is not there (any more) */
	ANSWER_NOT_TWENTY	   /* not JSON, or JSON that no Twenty says */
} AnswerClass;

typedef struct Answer
{
	AnswerClass class;
	const char *code;		  /* extensions.code / subCode, or curl's/HTTP's word; palloc'd */
	const char *message;	  /* server's words; may hold values: tables only, never a log */
	int			limit_tokens; /* learned limit, 0 unless throttled */
	int			limit_window_ms;
	int			max_records;	/* learned batch size, 0 unless told */
	const char *conflicting_id; /* conflictingRecordId, or NULL */
	const char *clue;			/* a value or field named by the message that narrows the bad record, or NULL */
	bool		duplicate;		/* refused because a record (id or unique value) exists */
} Answer;

/* Classifies by body, not status.  palloc's in the current context; never ereports. */
extern Answer	  *answer_classify(const HttpAnswer *http);
extern const char *answer_class_name(AnswerClass class);

#endif /* FLITMIG_TWENTY_H */
