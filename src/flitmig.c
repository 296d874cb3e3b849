/*
 * flitmig.c
 *		Module magic and settings, nothing else.
 */
#include "flitmig.h"

#include "utils/guc.h"

PG_MODULE_MAGIC;

int flitmig_requests_in_flight = 2;
int flitmig_connect_timeout_ms = 4000;
int flitmig_request_timeout_ms = 60000;
int flitmig_late_window_ms = 15000;
int flitmig_answer_limit_mb = 64;

void _PG_init(void);

void
_PG_init(void)
{
	DefineCustomIntVariable("flitmig.requests_in_flight",
							"Requests that a run keeps under way at once.",
							"Two is the most that a two-core Twenty server makes use of.",
							&flitmig_requests_in_flight, 2, 1, 4,
							PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("flitmig.connect_timeout",
							"Time to wait for a connection to Twenty.",
							NULL,
							&flitmig_connect_timeout_ms, 4000, 100, 60000,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("flitmig.request_timeout",
							"Time to wait for the answer to one request to Twenty.",
							NULL,
							&flitmig_request_timeout_ms, 60000, 1000, 3600000,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("flitmig.late_window",
							"Time for which Twenty may still act on a call whose connection broke.",
							"A rollback, and a run after a broken update or destroy, does not begin before.",
							&flitmig_late_window_ms, 15000, 0, 3600000,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("flitmig.answer_limit",
							"Largest answer that is read from Twenty.",
							NULL,
							&flitmig_answer_limit_mb, 64, 1, 1024,
							PGC_USERSET, GUC_UNIT_MB, NULL, NULL, NULL);
	MarkGUCPrefixReserved("flitmig");
}
