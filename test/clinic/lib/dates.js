'use strict';
/* Dates as days since 1970-01-01. No wall clock and no time zone is ever asked. */

const DAY_MS = 86400000;
const two = (n) => (n < 10 ? '0' + n : String(n));

const dayOf = (year, month, day) => Date.UTC(year, month - 1, day) / DAY_MS;

/** The clinic stopped the clock here; everything "today" or "stale" is relative to it. */
const EXPORT_DAY = dayOf(2026, 6, 30);
/** The later export (`--delta`) was taken two days after. */
const DELTA_DAY = EXPORT_DAY + 2;
/** A patient whose last visit is before this day is stale. */
const STALE_DAY = dayOf(2024, 6, 30);

/** Both spellings of every day from 1930 to 2030, made when first asked for. */
const FIRST_DAY = dayOf(1930, 1, 1);
const cache = new Array(dayOf(2030, 12, 31) - FIRST_DAY + 1).fill(null);

function texts(day) {
  let found = cache[day - FIRST_DAY];
  if (!found) {
    const iso = new Date(day * DAY_MS).toISOString().slice(0, 10);
    found = { iso, us: iso.slice(5, 7) + '/' + iso.slice(8, 10) + '/' + iso.slice(0, 4) };
    cache[day - FIRST_DAY] = found;
  }
  return found;
}

const clock = (minute) => two(Math.floor(minute / 60)) + ':' + two(minute % 60);

/** MM/DD/YYYY */
const usDate = (day) => texts(day).us;
/** MM/DD/YYYY HH:MM in the clinic's local time */
const usTime = (day, minute) => texts(day).us + ' ' + clock(minute);
/** YYYY-MM-DD */
const isoDate = (day) => texts(day).iso;
/** YYYY-MM-DDTHH:MM:SSZ */
const isoTime = (day, minute, second) => texts(day).iso + 'T' + clock(minute) + ':' + two(second) + 'Z';
/** YYYY-MM-DD HH:MM:SS without a zone, in the clinic's local time */
const localTime = (day, minute, second) => texts(day).iso + ' ' + clock(minute) + ':' + two(second);

module.exports = { EXPORT_DAY, DELTA_DAY, STALE_DAY, dayOf, usDate, usTime, isoDate, isoTime, localTime };
