/*
 * bucket_simulate.c
 *		Our model of the call limit against Twenty's own arithmetic, in
 *		simulated time: what share of the limit do we get, and how often are
 *		we refused?
 */
#include "flitmig.h"

#include <math.h>

#include "access/htup_details.h"
#include "funcapi.h"
#include "twenty/twenty.h"

PG_FUNCTION_INFO_V1(flitmig_bucket_simulate);

/* What the pump needs to commit an intent before a call leaves. */
#define OPEN_US 2000

#define MAX_SLOTS 16

typedef struct SimulatedCall
{
	bool  busy;
	bool  arrived;
	bool  accepted;
	int64 arrives_us;
	int64 answered_us;
} SimulatedCall;

typedef struct Simulation
{
	Bucket		  ours;
	int			  max_tokens; /* Twenty's bucket */
	int			  window_ms;
	double		  tokens;
	int64		  last_us;
	int64		  now_us;
	int64		  latency_us;
	int64		  jitter_us;
	uint64		  seed;
	SimulatedCall slots[MAX_SLOTS];
	int			  n_slots;
	int64		  accepted;
	int64		  refused;
	int64		  measured_from_us; /* the first max_tokens calls were accepted */
	int64		  last_accepted_us;
} Simulation;

/* xorshift64: the same numbers in every run. */
static int64
random_delay_us(Simulation *s)
{
	s->seed ^= s->seed << 13;
	s->seed ^= s->seed >> 7;
	s->seed ^= s->seed << 17;
	return s->jitter_us > 0 ? (int64) (s->seed % (uint64) s->jitter_us) : 0;
}

static void
send_call(Simulation *s, SimulatedCall *call)
{
	s->now_us += OPEN_US;
	bucket_sent(&s->ours, s->now_us, 1);
	call->busy = true;
	call->arrived = false;
	call->arrives_us = s->now_us + s->latency_us / 2 + random_delay_us(s);
	call->answered_us = call->arrives_us + s->latency_us / 2 + random_delay_us(s);
}

/* Twenty's arithmetic, as measured. */
static void
arrive(Simulation *s, SimulatedCall *call)
{
	double refilled = floor((call->arrives_us - s->last_us) * (double) s->max_tokens /
							(s->window_ms * 1000.0));
	double tokens = Min(s->max_tokens, s->tokens + refilled);

	call->arrived = true;
	call->accepted = tokens >= 1;
	if (!call->accepted)
		return;
	s->tokens = tokens - 1;
	s->last_us = call->arrives_us;
	s->last_accepted_us = call->arrives_us;
	if (++s->accepted == s->max_tokens)
		s->measured_from_us = call->arrives_us;
}

static void
take_answer(Simulation *s, SimulatedCall *call)
{
	call->busy = false;
	if (call->accepted)
		bucket_accepted(&s->ours, s->now_us, 1);
	else
	{
		s->refused++;
		bucket_refused(&s->ours, s->now_us, s->max_tokens, s->window_ms, -1);
	}
}

/* The next thing that happens to a call, not later than a given time. */
static SimulatedCall *
next_event(Simulation *s, int64 *when_us)
{
	SimulatedCall *next = NULL;

	for (int i = 0; i < s->n_slots; i++)
	{
		SimulatedCall *call = &s->slots[i];
		int64		   at = call->arrived ? call->answered_us : call->arrives_us;

		if (call->busy && at <= *when_us)
		{
			*when_us = at;
			next = call;
		}
	}
	return next;
}

static SimulatedCall *
free_slot(Simulation *s)
{
	for (int i = 0; i < s->n_slots; i++)
		if (!s->slots[i].busy)
			return &s->slots[i];
	return NULL;
}

static void
run(Simulation *s, int calls)
{
	while (s->accepted < calls && s->accepted + s->refused < 10 * (int64) calls)
	{
		SimulatedCall *slot = free_slot(s);
		int64		   when_us = PG_INT64_MAX;
		SimulatedCall *call;

		if (slot)
		{
			long delay = bucket_delay_ms(&s->ours, s->now_us, 1);

			if (delay == 0)
			{
				send_call(s, slot);
				continue;
			}
			when_us = s->now_us + delay * INT64CONST(1000);
		}
		call = next_event(s, &when_us);
		s->now_us = Max(s->now_us, when_us);
		if (call && !call->arrived)
			arrive(s, call);
		else if (call)
			take_answer(s, call);
	}
}

/*
 * _bucket_simulate(max, window_ms, jitter_ms, calls, latency_ms, start, share):
 * jitter is added to the way there and to the way back, evenly between 0 and
 * jitter_ms; start is what Twenty's bucket holds at first, share the percent
 * of its limit that we keep to.  Gives the calls
 * accepted a minute after the first max calls, and the refusals in all.
 */
Datum
flitmig_bucket_simulate(PG_FUNCTION_ARGS)
{
	Simulation s = {0};
	Datum	   values[3];
	bool	   nulls[3] = {0};
	double	   minutes;
	TupleDesc  tupdesc;

	s.max_tokens = Max(1, PG_GETARG_INT32(0));
	s.window_ms = Max(1, PG_GETARG_INT32(1));
	s.jitter_us = PG_GETARG_INT32(2) * INT64CONST(1000);
	s.latency_us = PG_GETARG_INT32(4) * INT64CONST(1000);
	s.tokens = PG_GETARG_INT32(5);
	s.now_us = s.last_us = INT64CONST(1000000000);
	s.seed = UINT64CONST(88172645463325252);
	bucket_init(&s.ours, PG_GETARG_INT32(6), s.max_tokens, s.window_ms);
	s.n_slots = Min(bucket_in_flight(&s.ours), MAX_SLOTS);
	run(&s, PG_GETARG_INT32(3));

	minutes = (s.last_accepted_us - s.measured_from_us) / 60e6;
	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	nulls[0] = s.measured_from_us == 0 || minutes <= 0;
	values[0] = Float8GetDatum(nulls[0] ? 0 : (s.accepted - s.max_tokens) / minutes);
	values[1] = Int64GetDatum(s.refused);
	values[2] = Float8GetDatum(s.ours.margin_ms);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}
