/*
 * flitmig.h
 *		What every room includes: the server's headers and the version bridge.
 */
#ifndef FLITMIG_H
#define FLITMIG_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#if PG_VERSION_NUM < 130000
#error "flitmig needs PostgreSQL 13 or newer"
#endif

/*
 * The version bridge: the rooms are written for the newest PostgreSQL, and what
 * older ones lack or spell otherwise is here and nowhere else.  Macros where a
 * room includes the header that they need, so that not every file has to.
 */

/* 14: the hash functions share one interface. */
#if PG_VERSION_NUM >= 140000
#include "common/cryptohash.h"
#else
#include "common/sha2.h"

typedef pg_sha256_ctx pg_cryptohash_ctx;

#define PG_SHA256								 0
#define pg_cryptohash_create(type)				 ((pg_cryptohash_ctx *) palloc0(sizeof(pg_cryptohash_ctx)))
#define pg_cryptohash_init(ctx)					 (pg_sha256_init(ctx), 0)
#define pg_cryptohash_update(ctx, data, length)	 (pg_sha256_update(ctx, data, length), 0)
#define pg_cryptohash_final(ctx, digest, length) (pg_sha256_final(ctx, digest), 0)
#define pg_cryptohash_free(ctx)					 pfree(ctx)
#endif

/* 14: predefined roles.  16: one function checks the rights on any kind of object. */
#if PG_VERSION_NUM < 140000
#define ROLE_PG_READ_SERVER_FILES DEFAULT_ROLE_READ_SERVER_FILES
#endif
#if PG_VERSION_NUM >= 160000
#define server_aclcheck(server, role, mode) object_aclcheck(ForeignServerRelationId, server, role, mode)
#else
#define server_aclcheck(server, role, mode) pg_foreign_server_aclcheck(server, role, mode)
#endif

/* 14: the executor is told the table with each call.  16: indexes may be of summaries only. */
#if PG_VERSION_NUM >= 140000
#define estate_set_result(estate, result) ((void) 0)
#else
#define estate_set_result(estate, result) \
	((estate)->es_result_relations = (estate)->es_result_relation_info = (result), (estate)->es_num_result_relations = 1)
#endif
#if PG_VERSION_NUM >= 160000
#define insert_index_tuples(result, slot, estate) ExecInsertIndexTuples(result, slot, estate, false, false, NULL, NIL, false)
#elif PG_VERSION_NUM >= 140000
#define insert_index_tuples(result, slot, estate) ExecInsertIndexTuples(result, slot, estate, false, false, NULL, NIL)
#else
#define insert_index_tuples(result, slot, estate) ExecInsertIndexTuples(slot, estate, false, NULL, NIL)
#endif

/* 15: a random number generator of the server's own. */
#if PG_VERSION_NUM >= 150000
#include "common/pg_prng.h"
#define random_below_one() pg_prng_double(&pg_global_prng_state)
#else
#define random_below_one()			  (random() / ((double) MAX_RANDOM_VALUE + 1.0))
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#endif

/* 16: varlena's macros have a header of their own. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/*
 * 17: a lexer of the caller's own; a wait set belongs to a resource owner (or,
 * with NULL, to the session); the names of temporary files left storage/fd.h.
 */
#if PG_VERSION_NUM >= 170000
#include "common/file_utils.h"
#define json_lexer(json, length, encoding, escapes) makeJsonLexContextCstringLen(NULL, json, length, encoding, escapes)
#define create_wait_set(context, events)			CreateWaitEventSet(NULL, events)
#else
#define json_lexer(json, length, encoding, escapes) \
	makeJsonLexContextCstringLen((char *) (json), (int) (length), encoding, escapes)
#define create_wait_set(context, events) CreateWaitEventSet(context, events)
#endif

/* 18: the attribute comes first. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* GUCs, defined in flitmig.c */
extern int flitmig_requests_in_flight;
extern int flitmig_connect_timeout_ms;
extern int flitmig_request_timeout_ms;
extern int flitmig_late_window_ms;
extern int flitmig_answer_limit_mb;

/* What base64_digit says of a character that is no digit. */
#define BASE64_BLANK   (-1)
#define BASE64_PADDING (-2)
#define BASE64_OTHER   (-3)

extern int base64_digit(char ch);

/* Decodes into fresh memory, and says how many bytes; -1 when it is no base64. */
extern int base64_decode(const char *data, int length, char **out);

#endif /* FLITMIG_H */
