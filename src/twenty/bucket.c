/*
 * bucket.c
 *		When the next call may leave, so that Twenty refuses almost none and
 *		almost none of what it allows is lost.
 *
 * Twenty's arithmetic, at each call (measured):
 *
 *		tokens = min(max, tokens + floor((now - last) * max / window))
 *		accepted if tokens >= root fields; then tokens -= root fields, last = now
 *
 * The floor is the trap: with 100 tokens a minute, a call 599 ms after the
 * last one brings nothing and starts the clock again.  A gap between two
 * accepted calls is worth only its whole tokens.  So calls go in bursts, as
 * many at once as may be under way, and between two bursts we wait a whole
 * number of tokens and a margin:
 *
 *		 ||||||||		  ||||||||			burst of 8
 *			  |<- 8 * 600 ms + margin ->|
 *
 * The margin covers that the last call of a burst may reach Twenty late and
 * the first of the next one early.  It is never more than the round trip
 * (the last call arrived before it was answered), grows when a refusal shows
 * that it was too small, and shrinks slowly while none comes.  What a
 * margin too small by a hair costs, one token, is taken from a reserve that
 * is left in the bucket; only when that is gone does Twenty refuse.
 *
 * Twenty takes a token before it works on a call: how late the answers of a
 * burst come says nothing of when its calls were counted.  Where something in
 * front of Twenty lets them through one after another, a burst is counted
 * over a longer time than any margin covers, and several of its calls are
 * refused: then bursts become smaller, down to one call at a time.
 *
 * A full bucket is spent at once (opening): waiting could not fill it more.
 */
#include "flitmig.h"

#include <math.h>

#include "twenty/twenty.h"

/* Most Twenties stand near: a refusal widens it, for those that do not. */
#define MARGIN_START_MS 20.0
#define MARGIN_MIN_MS	10.0
#define MARGIN_MAX_MS	200.0

/* Calls without a refusal after which the margin may shrink by a tenth. */
#define MARGIN_TRIAL_CALLS 500

/* A timer fires, a commit takes its time: so late, a burst still goes. */
#define LATE_TOLERANCE_MS 15.0

/* With small tokens (high limits) a burst is what this long brings. */
#define BURST_MS 4800.0

/* The most that we believe of what a caller needs to send. */
#define LEAD_MAX_MS 100.0

#define RESERVE_TOKENS 3

/* Backoff when refusals do not end and the limit is not known. */
#define BACKOFF_BASE_MS 1000.0

static double
token_ms(const Bucket *bucket)
{
	return (double) bucket->window_ms / bucket->max_tokens;
}

/* In (0, 1]. */
static double
random_fraction(void)
{
	return 1.0 - random_below_one();
}

int
bucket_in_flight(const Bucket *bucket)
{
	if (bucket->max_tokens == 0 || flitmig_requests_in_flight == 1)
		return flitmig_requests_in_flight;
	return Min(Max(flitmig_requests_in_flight, PACED_IN_FLIGHT), bucket->max_tokens);
}

/* With small tokens (high limits), what a longer time brings. */
static int
full_burst(const Bucket *bucket)
{
	int burst = Max(bucket_in_flight(bucket), (int) (BURST_MS / token_ms(bucket)));

	return Min(burst, bucket->max_tokens);
}

static void
set_limit(Bucket *bucket, int max_tokens, int window_ms)
{
	bucket->max_tokens = max_tokens;
	bucket->window_ms = window_ms;
	if (max_tokens == 0)
		return;
	bucket->burst = full_burst(bucket);
	bucket->reserve = Min(RESERVE_TOKENS, max_tokens - bucket->burst);
}

static int
our_share(const Bucket *bucket, int max_tokens)
{
	return max_tokens > 0 ? Max(1, (int) (INT64CONST(1) * max_tokens * bucket->share / 100)) : 0;
}

/*
 * Starts a model: share percent of max_tokens per window_ms, as learned
 * earlier (0: no limit known).  The bucket is believed full.
 */
void
bucket_init(Bucket *bucket, int share, int max_tokens, int window_ms)
{
	memset(bucket, 0, sizeof(Bucket));
	bucket->share = share;
	max_tokens = our_share(bucket, max_tokens);
	bucket->margin_ms = MARGIN_START_MS;
	bucket->opening = true;
	if (max_tokens > 0 && window_ms > 0)
		set_limit(bucket, max_tokens, window_ms);
	bucket->tokens = bucket->max_tokens;
}

void
bucket_begin_with(Bucket *bucket, int64 now_us, int max_tokens, double tokens)
{
	double ours = tokens - (max_tokens - bucket->max_tokens);

	if (bucket->max_tokens == 0 || tokens >= max_tokens)
		return;
	bucket->tokens = Max(0, Min(ours, bucket->max_tokens));
	bucket->opening = bucket->tokens >= bucket->burst + bucket->reserve;
	bucket->last_refill_us = now_us;
}

static double
margin_now_ms(const Bucket *bucket)
{
	double round_trip_ms = bucket->round_trip_us / 1000.0;

	if (round_trip_ms > 0 && round_trip_ms < bucket->margin_ms)
		return Max(round_trip_ms, MARGIN_MIN_MS);
	return bucket->margin_ms;
}

/* Small bursts do not save up what came in while nothing was sent: that goes at once. */
static int
burst_from_now(const Bucket *bucket)
{
	return Max(bucket->burst, Min((int) bucket->tokens - bucket->reserve, full_burst(bucket)));
}

/* Whole tokens that a gap since the last call has certainly brought. */
static double
refill(const Bucket *bucket, double gap_ms)
{
	return Max(0.0, floor((gap_ms - margin_now_ms(bucket)) / token_ms(bucket) + 1e-6));
}

/* The short limit is a plain wait: half of its window brings half of its tokens. */
static double
brief_delay_ms(const BriefLimit *brief, int64 now_us, int roots)
{
	double one_ms;
	double gap_ms;

	if (brief->max_tokens == 0)
		return 0;
	one_ms = (double) brief->window_ms / brief->max_tokens;
	gap_ms = (now_us - brief->last_refill_us) / 1000.0;
	if (brief->tokens + floor(gap_ms / one_ms) >= roots)
		return 0;
	return brief->window_ms / 2.0 + MARGIN_START_MS - gap_ms;
}

/* Is this the end, so that no reserve is of use any more? */
static bool
is_last_burst(const Bucket *bucket)
{
	return bucket->expected > 0 && bucket->expected <= bucket->burst;
}

/* What must be in the bucket before a burst starts. */
static double
tokens_wanted(const Bucket *bucket, int roots)
{
	if (is_last_burst(bucket))
		return Max(bucket->expected, roots);
	return Max(bucket->burst, roots) + bucket->reserve;
}

/*
 * Time until a burst may start: enough whole tokens, and not in the middle
 * of one, unless tokens are so small that this does not matter.
 */
static double
burst_delay_ms(const Bucket *bucket, double gap_ms, int roots)
{
	double one_ms = token_ms(bucket);
	double margin_ms = margin_now_ms(bucket);
	double wanted = Min(tokens_wanted(bucket, roots), bucket->max_tokens);
	double target = Max(1.0, ceil(wanted - bucket->tokens)) * one_ms + margin_ms;

	if (gap_ms < target)
		return target - gap_ms;
	if (one_ms > 2 * margin_ms)
	{
		double late_ms = fmod(gap_ms - margin_ms, one_ms);

		if (late_ms > LATE_TOLERANCE_MS && bucket->tokens + refill(bucket, gap_ms) < bucket->max_tokens)
			return one_ms - late_ms;
	}
	return 0;
}

void
bucket_expect(Bucket *bucket, int calls)
{
	bucket->expected = calls;
}

long
bucket_delay_ms(Bucket *bucket, int64 now_us, int roots)
{
	double gap_ms = (now_us - bucket->last_refill_us) / 1000.0;
	double delay_ms = brief_delay_ms(&bucket->brief, now_us, roots);

	if (bucket->hold_until_us > now_us)
		delay_ms = Max(delay_ms, (bucket->hold_until_us - now_us) / 1000.0);
	if (bucket->max_tokens > 0)
	{
		bool in_burst = bucket->opening || (gap_ms <= bucket->margin_ms && bucket->burst_calls < bucket->burst_size);

		double reserve = is_last_burst(bucket) ? 0 : bucket->reserve;

		if (!in_burst || bucket->tokens < roots + reserve)
			delay_ms = Max(delay_ms, burst_delay_ms(bucket, gap_ms, roots));
	}
	if (delay_ms > bucket->lead_us / 1000.0)
		return (long) ceil(delay_ms - bucket->lead_us / 1000.0);
	bucket->allowed_us = now_us;
	return 0;
}

/* The caller commits an intent before it sends: let it begin that much earlier, but never count on more than its best. */
static void
learn_lead(Bucket *bucket, int64 now_us)
{
	int64 took_us = Min(now_us - bucket->allowed_us, (int64) (LEAD_MAX_MS * 1000));

	if (bucket->allowed_us > 0)
		bucket->lead_us = Min(took_us * 9 / 10, bucket->lead_us + 1000);
	bucket->allowed_us = 0;
}

void
bucket_sent(Bucket *bucket, int64 now_us, int roots)
{
	BriefLimit *brief = &bucket->brief;
	double		gap_ms = (now_us - bucket->last_refill_us) / 1000.0;
	int			burst_size = 1;

	if (brief->max_tokens > 0)
	{
		double gained = floor((now_us - brief->last_refill_us) * brief->max_tokens / (brief->window_ms * 1000.0));

		brief->tokens = Max(0, Min(brief->max_tokens, brief->tokens + gained) - roots);
		brief->last_refill_us = now_us;
	}
	if (bucket->max_tokens > 0)
	{
		if (bucket->last_refill_us > 0)
			bucket->tokens += refill(bucket, gap_ms);
		if (bucket->tokens >= bucket->max_tokens)
		{
			bucket->tokens = bucket->max_tokens;
			bucket->opening = true;
		}
		burst_size = burst_from_now(bucket);
		bucket->tokens = Max(0, bucket->tokens - roots);
		if (bucket->tokens < bucket->burst + bucket->reserve)
			bucket->opening = false;
	}
	bucket->expected = Max(0, bucket->expected - 1);
	learn_lead(bucket, now_us);
	if (bucket->burst_calls == 0 || gap_ms > bucket->margin_ms)
	{
		bucket->burst_calls = 0;
		bucket->burst_size = burst_size;
		bucket->burst_start_us = now_us;
		bucket->round_trip_us = bucket->round_trip_us * 9 / 10;
	}
	bucket->burst_calls++;
	bucket->last_refill_us = now_us;
}

void
bucket_accepted(Bucket *bucket, int64 now_us)
{
	bucket->refusals = 0;
	bucket->round_trip_us = Max(bucket->round_trip_us, now_us - bucket->burst_start_us);
	if (++bucket->accepted >= MARGIN_TRIAL_CALLS)
	{
		bucket->margin_ms = Max(bucket->margin_ms * 0.9, MARGIN_MIN_MS);
		bucket->accepted = 0;
	}
}

/* Takes up what a refusal says of the limit. */
static void
learn_limit(Bucket *bucket, int64 now_us, int max_tokens, int window_ms)
{
	max_tokens = our_share(bucket, max_tokens);
	if (max_tokens <= 0 || window_ms <= 0 ||
		(max_tokens == bucket->max_tokens && window_ms == bucket->window_ms))
		return;
	if (bucket->max_tokens > 0 && window_ms * 10 < bucket->window_ms)
	{
		bucket->brief.max_tokens = max_tokens;
		bucket->brief.window_ms = window_ms;
		bucket->brief.last_refill_us = now_us;
		return;
	}
	if (bucket->max_tokens > 0 && bucket->window_ms * 10 < window_ms)
	{
		bucket->brief.max_tokens = bucket->max_tokens;
		bucket->brief.window_ms = bucket->window_ms;
		bucket->brief.last_refill_us = now_us;
	}
	set_limit(bucket, max_tokens, window_ms);
}

/* A refusal shows that the margin was too small, or, where no margin helps, that a burst takes too long. */
static void
widen(Bucket *bucket)
{
	if (bucket->margin_ms < MARGIN_MAX_MS)
		bucket->margin_ms = Min(bucket->margin_ms * 1.6, MARGIN_MAX_MS);
	else if (bucket->burst > 1)
	{
		bucket->burst /= 2;
		bucket->margin_ms = MARGIN_START_MS;
	}
}

void
bucket_refused(Bucket *bucket, int64 now_us, int max_tokens, int window_ms, long retry_after_ms)
{
	bool   limit_was_known = bucket->max_tokens > 0;
	bool   same_burst = bucket->refusals > 0 && bucket->refused_burst_us == bucket->burst_start_us;
	double base_ms = BACKOFF_BASE_MS;
	double longest_ms;

	learn_limit(bucket, now_us, max_tokens, window_ms);
	bucket->opening = false;
	if (window_ms > 0 && window_ms == bucket->brief.window_ms)
		bucket->brief.tokens = 0;
	else
		bucket->tokens = 0;
	if (retry_after_ms > 0)
		bucket->hold_until_us = Max(bucket->hold_until_us, now_us + retry_after_ms * INT64CONST(1000));
	if (same_burst)
		return;

	bucket->refused_burst_us = bucket->burst_start_us;
	bucket->refusals++;
	if (bucket->refusals == 1 && bucket->max_tokens > 0)
	{
		/* The model was wrong by a little, and knows now: it waits for a burst by itself. */
		if (limit_was_known)
			widen(bucket);
		bucket->accepted = 0;
		return;
	}
	if (bucket->max_tokens > 0)
		base_ms = token_ms(bucket) * bucket->burst;
	longest_ms = Min(base_ms * pow(2, Min(bucket->refusals, 10) - 1), 60000.0);
	bucket->hold_until_us = Max(bucket->hold_until_us,
								now_us + (int64) (longest_ms * random_fraction() * 1000));
}
