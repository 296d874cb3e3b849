'use strict';

const { limited } = require('./errors');

/**
 * One token bucket with Twenty's arithmetic (TWENTY 2):
 * tokens = min(max, tokens + floor((now - last) * max / window)); an accepted call sets last = now
 * (so the fraction is lost), a refused one changes nothing.
 */
class Bucket {
  constructor(max, windowMs) {
    this.max = max;
    this.windowMs = windowMs;
    this.tokens = max;
    this.last = 0;
  }

  /** Takes one token at `now` (ms); throws the limit error when there is none. */
  take(now) {
    const refill = Math.floor(((now - this.last) * this.max) / this.windowMs);
    const tokens = Math.min(this.max, this.tokens + refill);
    if (tokens < 1) throw limited(this.max, this.windowMs);
    this.tokens = tokens - 1;
    this.last = now;
  }
}

/**
 * The two buckets of a workspace: the short one (1,000 ms) is asked before the long one (60,000 ms),
 * and keeps the token it gave when the long one refuses (published source, common-base-query-runner).
 * A max of 0 means no limit. Buckets start full (rate.* were recorded after 100 accepted calls).
 */
class Limiter {
  constructor(perSecond, perMinute) {
    this.buckets = [];
    if (perSecond > 0) this.buckets.push(new Bucket(perSecond, 1000));
    if (perMinute > 0) this.buckets.push(new Bucket(perMinute, 60000));
  }

  take(now = Date.now()) {
    for (const bucket of this.buckets) bucket.take(now);
  }

  /** For tests: what is left, as the next call would see it. */
  state(now = Date.now()) {
    return this.buckets.map((b) => ({
      max: b.max,
      windowMs: b.windowMs,
      tokens: Math.min(b.max, b.tokens + Math.floor(((now - b.last) * b.max) / b.windowMs)),
    }));
  }
}

module.exports = { Bucket, Limiter };
