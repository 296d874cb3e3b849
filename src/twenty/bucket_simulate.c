/*
 * bucket_simulate.c
 *		Our model of the call limit against Twenty's own arithmetic, in
 *		simulated time: what share of the limit do we get, how often are we
 *		refused, and when is a run through?
 *
 * A call's way: send_call (our work before it leaves) -> arrive (is there a
 * token? then the server works on it) -> take_answer (our work with it).
 */
#include "flitmig.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "twenty/twenty.h"
#include "utils/array.h"

PG_FUNCTION_INFO_V1(flitmig_bucket_simulate);
PG_FUNCTION_INFO_V1(flitmig_run_simulate);

/* What the pump needs to commit an intent before a call leaves. */
#define OPEN_US 2000

#define MAX_SLOTS 64

typedef struct SimulatedCall
{
	bool  busy;
	bool  arrived;
	bool  accepted;
	int64 arrives_us;
	int64 back_us; /* the way back */
	int64 answered_us;
} SimulatedCall;

/* Calls that follow each other without a reason to wait, and are alike. */
typedef struct SimulatedPhase
{
	int64 calls;
	int64 pause_us;	  /* our work before the first of them */
	int64 service_us; /* a call's way there, work and way back, when it is the only one */
	int64 send_us;	  /* our work with each call before it leaves */
	int64 take_us;	  /* ... and with its answer */
	bool  metered;
	bool  endless; /* nobody knows how many calls are to come */
} SimulatedPhase;

typedef struct Simulation
{
	Bucket		  ours;
	int			  max_tokens; /* Twenty's bucket; 0: there is no limit */
	int			  window_ms;
	double		  tokens;
	int64		  last_us;
	int64		  now_us;
	int64		  latency_us;
	int64		  jitter_us;
	double		  workers;		 /* so many times one call's work the server does at once; 0: any number */
	int64		  work_until_us; /* when the work that has arrived is done */
	bool		  counted_late;	 /* a call waits for its turn before its token is taken */
	uint64		  seed;
	SimulatedCall slots[MAX_SLOTS];
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
send_call(Simulation *s, const SimulatedPhase *phase, SimulatedCall *call)
{
	s->now_us += phase->send_us;
	if (phase->metered)
		bucket_sent(&s->ours, s->now_us, 1);
	call->busy = true;
	call->arrived = false;
	call->arrives_us = s->now_us + s->latency_us / 2 + random_delay_us(s);
	call->back_us = s->latency_us / 2 + random_delay_us(s);
}

/* Twenty's arithmetic, as measured. */
static bool
take_token(Simulation *s, int64 at_us)
{
	double refilled;
	double tokens;

	if (s->max_tokens == 0)
		return true;
	refilled = floor((at_us - s->last_us) * (double) s->max_tokens / (s->window_ms * 1000.0));
	tokens = Min(s->max_tokens, s->tokens + refilled);
	if (tokens < 1)
		return false;
	s->tokens = tokens - 1;
	s->last_us = at_us;
	return true;
}

/*
 * When the server is done with a call that arrives: one that is alone takes
 * its time, of many each takes its share of what the server can do at once.
 */
static int64
serve(Simulation *s, int64 at_us, int64 service_us)
{
	if (s->workers <= 0)
		return at_us + service_us;
	s->work_until_us = Max(s->work_until_us, at_us) + (int64) (service_us / s->workers);
	return Max(at_us + service_us, s->work_until_us);
}

static void
arrive(Simulation *s, const SimulatedPhase *phase, SimulatedCall *call)
{
	call->arrived = true;
	if (s->counted_late)
		call->arrives_us = Max(call->arrives_us, s->work_until_us);
	call->accepted = !phase->metered || take_token(s, call->arrives_us);
	call->answered_us = call->arrives_us;
	if (call->accepted)
		call->answered_us = serve(s, call->arrives_us, phase->service_us);
	call->answered_us += call->back_us;
	if (!call->accepted || !phase->metered)
		return;
	s->last_accepted_us = call->arrives_us;
	if (++s->accepted == s->max_tokens)
		s->measured_from_us = call->arrives_us;
}

static void
take_answer(Simulation *s, const SimulatedPhase *phase, SimulatedCall *call)
{
	call->busy = false;
	if (!call->accepted)
	{
		s->refused++;
		bucket_refused(&s->ours, s->now_us, s->max_tokens, s->window_ms, -1);
		return;
	}
	if (phase->metered)
		bucket_accepted(&s->ours, s->now_us);
	s->now_us += phase->take_us;
}

/* The next thing that happens to a call, not later than a given time. */
static SimulatedCall *
next_event(Simulation *s, int64 *when_us)
{
	SimulatedCall *next = NULL;

	for (int i = 0; i < MAX_SLOTS; i++)
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

/* How many calls the pump would have under way (width in pump.c). */
static int
width(Simulation *s, const SimulatedPhase *phase)
{
	return Min(phase->metered ? bucket_in_flight(&s->ours) : flitmig_requests_in_flight, MAX_SLOTS);
}

static SimulatedCall *
free_slot(Simulation *s, const SimulatedPhase *phase)
{
	for (int i = 0; i < width(s, phase); i++)
		if (!s->slots[i].busy)
			return &s->slots[i];
	return NULL;
}

/* As phase_pump does it.  Leaves when every call of the phase was answered, or after ten times as many as there are. */
static void
run_phase(Simulation *s, const SimulatedPhase *phase)
{
	int64 left = phase->calls;
	int64 sent = 0;

	s->now_us += phase->pause_us;
	if (phase->metered && !phase->endless)
		bucket_expect(&s->ours, (int) Min(phase->calls, PG_INT32_MAX));
	while (sent < 10 * phase->calls + 1000)
	{
		SimulatedCall *slot = left > 0 ? free_slot(s, phase) : NULL;
		int64		   when_us = PG_INT64_MAX;
		SimulatedCall *call;

		CHECK_FOR_INTERRUPTS();
		if (slot)
		{
			long delay = phase->metered ? bucket_delay_ms(&s->ours, s->now_us, 1) : 0;

			if (delay == 0)
			{
				send_call(s, phase, slot);
				left--;
				sent++;
				continue;
			}
			when_us = s->now_us + delay * INT64CONST(1000);
		}
		call = next_event(s, &when_us);
		if (call == NULL && slot == NULL)
			return;
		s->now_us = Max(s->now_us, when_us);
		if (call && !call->arrived)
			arrive(s, phase, call);
		else if (call)
		{
			take_answer(s, phase, call);
			left += !call->accepted;
		}
	}
}

static void
simulation_init(Simulation *s, int max_tokens, int window_ms, double tokens)
{
	memset(s, 0, sizeof(Simulation));
	s->max_tokens = Max(0, max_tokens);
	s->window_ms = Max(1, window_ms);
	s->tokens = tokens;
	s->now_us = s->last_us = INT64CONST(1000000000);
	s->seed = UINT64CONST(88172645463325252);
}

/*
 * _bucket_simulate(max, window_ms, jitter_ms, calls, latency_ms, start, share, service_ms,
 * workers, counted_late):
 * jitter is added to the way there and to the way back, evenly between 0 and
 * jitter_ms; start is what Twenty's bucket holds at first, share the percent
 * of its limit that we keep to.  Gives the calls
 * accepted a minute after the first max calls, and the refusals in all.
 */
Datum
flitmig_bucket_simulate(PG_FUNCTION_ARGS)
{
	Simulation	   s;
	SimulatedPhase phase = {0};
	Datum		   values[3];
	bool		   nulls[3] = {0};
	double		   minutes;
	TupleDesc	   tupdesc;

	simulation_init(&s, Max(1, PG_GETARG_INT32(0)), PG_GETARG_INT32(1), PG_GETARG_INT32(5));
	s.jitter_us = PG_GETARG_INT32(2) * INT64CONST(1000);
	s.latency_us = PG_GETARG_INT32(4) * INT64CONST(1000);
	s.workers = PG_GETARG_FLOAT8(8);
	s.counted_late = PG_GETARG_BOOL(9);
	bucket_init(&s.ours, PG_GETARG_INT32(6), s.max_tokens, s.window_ms);
	phase.calls = PG_GETARG_INT32(3);
	phase.service_us = PG_GETARG_INT32(7) * INT64CONST(1000);
	phase.send_us = OPEN_US;
	phase.metered = true;
	phase.endless = true;
	run_phase(&s, &phase);

	minutes = (s.last_accepted_us - s.measured_from_us) / 60e6;
	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	nulls[0] = s.measured_from_us == 0 || minutes <= 0;
	values[0] = Float8GetDatum(nulls[0] ? 0 : (s.accepted - s.max_tokens) / minutes);
	values[1] = Int64GetDatum(s.refused);
	values[2] = Float8GetDatum(s.ours.margin_ms);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}

/* Elements of a float8 array without NULLs, as many as there are phases. */
static float8 *
phase_numbers(ArrayType *array, int n)
{
	if (ARR_NDIM(array) > 1 || ARR_HASNULL(array) || ARR_ELEMTYPE(array) != FLOAT8OID ||
		ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) != n)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("each phase needs its number of calls, its times, and whether it is metered")));
	return (float8 *) ARR_DATA_PTR(array);
}

/*
 * _run_simulate(max, window_ms, known, tokens, share, workers, calls[],
 * pause_ms[], service_ms[], own_ms[], metered[]): the phases of a run one
 * after another.  max 0: there is no limit; known: the run knows it from the
 * start, and does not have to be refused first.  metered is 0, 1, or 2 where
 * the run does not know how many calls are to come.  Gives the second at which each phase is through.
 */
Datum
flitmig_run_simulate(PG_FUNCTION_ARGS)
{
	Simulation s;
	int		   n = ArrayGetNItems(ARR_NDIM(PG_GETARG_ARRAYTYPE_P(6)), ARR_DIMS(PG_GETARG_ARRAYTYPE_P(6)));
	float8	  *calls = phase_numbers(PG_GETARG_ARRAYTYPE_P(6), n);
	float8	  *pause_ms = phase_numbers(PG_GETARG_ARRAYTYPE_P(7), n);
	float8	  *service_ms = phase_numbers(PG_GETARG_ARRAYTYPE_P(8), n);
	float8	  *own_ms = phase_numbers(PG_GETARG_ARRAYTYPE_P(9), n);
	float8	  *metered = phase_numbers(PG_GETARG_ARRAYTYPE_P(10), n);
	Datum	  *ends = palloc(sizeof(Datum) * Max(n, 1));
	int64	   start_us;

	simulation_init(&s, PG_GETARG_INT32(0), PG_GETARG_INT32(1), PG_GETARG_FLOAT8(3));
	s.workers = PG_GETARG_FLOAT8(5);
	bucket_init(&s.ours, PG_GETARG_INT32(4), PG_GETARG_BOOL(2) ? s.max_tokens : 0, s.window_ms);
	bucket_begin_with(&s.ours, s.now_us, s.max_tokens, s.tokens);
	start_us = s.now_us;
	for (int i = 0; i < n; i++)
	{
		SimulatedPhase phase = {0};

		phase.calls = (int64) calls[i];
		phase.pause_us = (int64) (pause_ms[i] * 1000);
		phase.service_us = (int64) (service_ms[i] * 1000);
		phase.send_us = phase.take_us = (int64) (own_ms[i] * 500);
		phase.metered = metered[i] != 0;
		phase.endless = metered[i] == 2;
		/* files go up beside the records' server, as many at once as we send */
		s.workers = phase.metered ? PG_GETARG_FLOAT8(5) : 0;
		run_phase(&s, &phase);
		ends[i] = Float8GetDatum((s.now_us - start_us) / 1e6);
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(ends, n, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}
