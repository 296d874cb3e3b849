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

/* GUCs, defined in flitmig.c */
extern int	flitmig_requests_in_flight;
extern int	flitmig_connect_timeout_ms;
extern int	flitmig_request_timeout_ms;
extern int	flitmig_answer_limit_mb;

#endif							/* FLITMIG_H */
