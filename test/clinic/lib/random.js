'use strict';
/*
 * Random numbers that depend only on (seed, stream, index), never on what was
 * drawn before. A patient can therefore be generated alone: that is what lets
 * a later export repeat the earlier one row for row.
 */

/** Mixes a 32-bit number so that neighbouring inputs look unrelated (murmur3 finalizer). */
function mix(n) {
  n = Math.imul(n ^ (n >>> 16), 0x85ebca6b);
  n = Math.imul(n ^ (n >>> 13), 0xc2b2ae35);
  return (n ^ (n >>> 16)) >>> 0;
}

/** A generator of numbers (mulberry32) for one thing in one stream. */
class Random {
  constructor(seed, stream, index) {
    this.state = mix(mix(mix(seed + 0x9e3779b9) + stream) + index);
  }

  /** A number in [0, 1). */
  next() {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** A whole number in [low, high]. */
  between(low, high) {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(probability) {
    return this.next() < probability;
  }

  pick(list) {
    return list[Math.floor(this.next() * list.length)];
  }

  /** `count` decimal digits, leading zeros kept. */
  digits(count) {
    let text = '';
    while (text.length < count) text += Math.floor(this.next() * 10);
    return text;
  }
}

/** The streams, so that no two subjects ever share their numbers. */
const STREAM = { CLINIC: 1, PERSON: 2, FAMILY: 3, HISTORY: 4, DELTA: 5 };

module.exports = { Random, STREAM };
