'use strict';
/*
 * Which real-life fact a patient carries. Every 300 neighbouring patients hold
 * every fact in the same numbers, whatever the seed: the index is turned into a
 * slot (a permutation of 0..299) and the slots are given to the facts.
 */

const CYCLE = 300;
/** Coprime to 300, so that neighbours land far apart. */
const STRIDE = 77;

/** fact, first slot, last slot; what is not named is an ordinary patient */
const FACTS = [
  ['duplicate', 0, 2], // the same person under a second id
  ['repeated', 3, 4], // the very same row twice
  ['deleted', 5, 11],
  ['test', 12, 12], // in the first cycle only
  ['stale', 13, 36],
  ['new', 37, 44], // no visit yet
  ['phone-extension', 45, 45],
  ['phone-brackets', 46, 46],
  ['phone-uk', 47, 47],
  ['phone-dash', 48, 48],
  ['phone-zeros', 49, 49],
  ['email-invalid', 50, 50],
  ['birth-invalid', 51, 51],
  ['arrived', 52, 52], // is in the clinic on the export day
  ['in-session', 53, 53],
  ['long-note', 54, 54],
  ['two-phones', 55, 55], // two numbers in one cell
  ['type-spelling', 56, 56], // an appointment type in another case
  ['twin', 57, 57], // shares e-mail and birth date with somebody else
  ['refund', 58, 59], // negative payment and balance
  ['break', 60, 61], // blocked time without a patient follows
  ['no-last-name', 62, 62],
  ['delta-gone', 70, 70],
  ['delta-changed', 71, 79],
  ['delta-grown', 80, 83], // gets new rows in the later export
];
/** From here on patients may be in a family, or be the target of a duplicate or twin. */
const FIRST_PLAIN_SLOT = 100;

/** Facts that `--clean` leaves out. */
const DIRTY = new Set(['duplicate', 'repeated', 'test', 'phone-dash', 'phone-zeros', 'email-invalid', 'birth-invalid', 'two-phones',
  'type-spelling', 'twin', 'no-last-name']);

const slotFact = new Array(CYCLE).fill('');
for (const [fact, first, last] of FACTS) slotFact.fill(fact, first, last + 1);

const slotOf = (seed, index) => (index * STRIDE + (seed % CYCLE) * 31) % CYCLE;

/** Position of a patient inside the fact's slots, from 0: the third of the changed ones and so on. */
function factPosition(seed, index) {
  const slot = slotOf(seed, index);
  const fact = FACTS.find(([, first, last]) => slot >= first && slot <= last);
  return fact ? slot - fact[1] : 0;
}

const isPlain = (seed, index) => slotOf(seed, index) >= FIRST_PLAIN_SLOT;

/** The fact of patient `index` (from 1), or ''. Patients that only the later export has carry none. */
function factOf(clinic, index, patients) {
  if (index > patients) return '';
  const fact = slotFact[slotOf(clinic.seed, index)];
  if (fact === 'test' && index > CYCLE) return '';
  return clinic.clean && DIRTY.has(fact) ? '' : fact;
}

/** The plain patient whose person a duplicate or twin repeats. */
function targetOf(seed, index) {
  const step = index > 50 ? -1 : 1;
  let target = index + 3 * step;
  while (!isPlain(seed, target)) target += step;
  return target;
}

module.exports = { factOf, factPosition, isPlain, targetOf };
