'use strict';

/**
 * What each field type accepts, how it is stored and what an empty one reads as (TWENTY 4, Values).
 * A stored value has the shape of the answer: text is "" when empty, composites are objects, dates are ISO text.
 * A codec is {empty, accept(value, key) → stored}; composite codecs return only the parts that were sent
 * (`merge: true`). Error texts: recordings; where none shows one, the published source.
 */

const { inspect } = require('util');
const { invalidArgs, userInput, database } = require('./errors');
const { normalisePhone } = require('./phones');
const { toBlocknote, toMarkdown } = require('./richtext');

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;
const ACTOR_SOURCES = ['EMAIL', 'CALENDAR', 'WORKFLOW', 'AGENT', 'API', 'IMPORT', 'MANUAL', 'SYSTEM', 'WEBHOOK', 'APPLICATION'];
const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');

const freeze = (value) => Object.freeze(value);
const NO_ITEMS = freeze([]);

/** UUID versions 1-5 only (TWENTY 4). */
const isUuid = (value) => typeof value === 'string' && UUID.test(value);

function refuseValue(what, value, key, friendly = 'Invalid value') {
  const seen = inspect(value);
  return invalidArgs(`Invalid ${what} value ${seen} for ${what === 'string' ? 'text field' : 'field'} "${key}"`, `${friendly}: "${seen}"`);
}

function text(model, value, key) {
  if (value === null) return '';
  if (typeof value !== 'string') throw refuseValue('string', value, key);
  if (value.includes('\0')) throw database(model, 'invalid byte sequence for encoding "UTF8": 0x00');
  return value;
}

function number(value, key) {
  if (value === null) return null;
  if (typeof value !== 'number' || !Number.isFinite(value)) throw refuseValue('number', value, key, 'Invalid value for number');
  return value;
}

/** BigFloat: numbers or numerals; the database keeps the integer part of micros (claims.currency.2: 12.5 → 12). */
function micros(value, key) {
  if (value === null || value === '') return null;
  const numeric = Number(value);
  if (!Number.isFinite(numeric)) throw refuseValue('number', numeric, key, 'Invalid value for number');
  return Math.trunc(numeric);
}

function bool(value, key) {
  if (value === null || typeof value === 'boolean') return value;
  throw invalidArgs(`Invalid boolean value ${inspect(value)} for field "${key}"`, `Invalid value: "${inspect(value)}"`);
}

function uuid(value, key) {
  if (value === null) return null;
  if (!isUuid(value)) {
    throw invalidArgs(`Invalid UUID value ${inspect(value)} for field "${key}"`, `Invalid value for UUID: "${inspect(value)}"`);
  }
  return value.toLowerCase();
}

function object(value, key) {
  if (value === null || (typeof value === 'object' && value !== null)) return value;
  throw invalidArgs(`Invalid object value ${inspect(value)} for field "${key}"`, `Invalid value for JSON: "${inspect(value)}"`);
}

function json(model, value, key) {
  if (value === null) return null;
  let parsed = value;
  if (typeof value === 'string') {
    try { parsed = JSON.parse(value); } catch {
      throw invalidArgs(`Invalid object value ${inspect(value)} for field "${key}"`, 'Invalid value for JSON.');
    }
  } else object(value, key);
  if (parsed && typeof parsed === 'object' && Object.keys(parsed).length === 0) return null;
  if (JSON.stringify(parsed).includes('\\u0000')) throw database(model, 'unsupported Unicode escape sequence');
  return parsed;
}

function strings(model, value, key) {
  if (value === null) return NO_ITEMS;
  const list = typeof value === 'string' ? [value] : value;
  if (!Array.isArray(list) || list.some((item) => typeof item !== 'string')) {
    throw invalidArgs(`Invalid value ${inspect(value)} for field "${key} - Array values need to be string"`, `Invalid value: "${inspect(value)}"`);
  }
  for (const item of list) text(model, item, key);
  return list.length ? list : NO_ITEMS;
}

function choice(values, value, key) {
  if (value === null) return null;
  if (typeof value !== 'string') throw refuseValue('string', value, key);
  if (!values.has(value)) {
    throw invalidArgs(`Invalid value "${value}" for field "${key}". Valid values are: ${[...values].join(', ')}`,
      `Invalid value for field "${key}"`);
  }
  return value;
}

function choices(model, values, value, key) {
  const list = strings(model, value, key);
  if (list.some((item) => !values.has(item))) {
    throw invalidArgs(`Invalid value ${inspect(value)} for multi select field "${key}"`, `Invalid value for multi-select: "${inspect(value)}"`);
  }
  return list;
}

/** Year, month, day of a text as PostgreSQL reads it with DateStyle MDY: the guess of people.create.bad-date. */
function dateParts(value) {
  let m = /^(\d{4})[-./](\d{1,2})[-./](\d{1,2})/.exec(value) || /^(\d{4})(\d{2})(\d{2})$/.exec(value);
  if (m) return [+m[1], +m[2], +m[3]];
  m = /^(\d{1,2})[-./](\d{1,2})[-./](\d{4})/.exec(value);
  if (m) return [+m[3], +m[1], +m[2]];
  m = /^([A-Za-z]{3,9})\.? (\d{1,2}),? (\d{4})/.exec(value);
  if (m) return [+m[3], MONTHS.indexOf(m[1].slice(0, 3).toLowerCase()) + 1, +m[2]];
  m = /^(\d{1,2})[ -]([A-Za-z]{3,9})[ -](\d{4})/.exec(value);
  if (m) return [+m[3], MONTHS.indexOf(m[2].slice(0, 3).toLowerCase()) + 1, +m[1]];
  return null;
}

function realDate([year, month, day]) {
  if (month < 1 || month > 12 || day < 1) return false;
  return day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}

function refuseDate(model, value, key, isTime) {
  const seen = inspect(value);
  if (model === '1.17') {
    return invalidArgs(`Invalid value ${seen} for date or date-time field "${key}"`, `Invalid value for date: "${seen}"`);
  }
  const [what, label, shape] = isTime ? ['date-time', 'date-time', 'YYYY-MM-DDTHH:mm:ssZ'] : ['date', 'date', 'YYYY-MM-DD'];
  return invalidArgs(`Invalid value ${seen} for ${what} field "${key}". Expected format: '${shape}'`,
    `Invalid value for ${label}: "${seen}". Expected format: '${shape}'`);
}

/** Checks a date text; impossible dates are refused on both models, 1.17 by the database (TWENTY 4). */
function checkedParts(model, value, key, isTime) {
  if (typeof value !== 'string') throw refuseDate(model, value, key, isTime);
  const parts = dateParts(value.trim());
  if (!parts) throw refuseDate(model, value, key, isTime);
  if (!realDate(parts)) {
    if (model === '1.17' && !Number.isNaN(new Date(value).getTime())) {
      throw database(model, `date/time field value out of range: "${value}"`);
    }
    throw refuseDate(model, value, key, isTime);
  }
  return parts;
}

const pad = (value, length = 2) => String(value).padStart(length, '0');

function date(model, value, key) {
  if (value === null) return null;
  const [year, month, day] = checkedParts(model, value, key, false);
  return `${pad(year, 4)}-${pad(month)}-${pad(day)}`;
}

/** Already as it is stored, and a day that every month has: nothing to compute. */
const SAFE_UTC = /^\d{4}-(0[1-9]|1[0-2])-([01][1-9]|10|2[0-8])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:?\d\d)$/;

function dateTime(model, value, key) {
  if (value === null) return null;
  if (typeof value === 'string' && SAFE_UTC.test(value)) return value;
  const parts = checkedParts(model, value, key, true);
  if (ISO.test(value)) {
    const time = new Date(value);
    if (Number.isNaN(time.getTime())) throw refuseDate(model, value, key, true);
    return time.toISOString();
  }
  const clock = /[T ](\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?\s*(am|pm)?\s*(Z|[+-]\d\d(?::?\d\d)?)?$/i.exec(value.trim());
  if (!clock) {
    if (/[T ]\d/.test(value.trim().slice(8)) && !/^[A-Za-z\d]+[ -]/.test(value)) throw refuseDate(model, value, key, true);
    return new Date(Date.UTC(parts[0], parts[1] - 1, parts[2])).toISOString();
  }
  const [, hour, minute, second = '0', fraction = '', half, zone] = clock;
  const hours = half ? (+hour % 12) + (/pm/i.test(half) ? 12 : 0) : +hour;
  if (hours > 23 || +minute > 59 || +second > 59) throw refuseDate(model, value, key, true);
  const ms = +(fraction.slice(0, 3).padEnd(3, '0'));
  let time = Date.UTC(parts[0], parts[1] - 1, parts[2], hours, +minute, +second, ms);
  if (zone && !/z/i.test(zone)) {
    const offset = +zone.slice(1, 3) * 60 + +(zone.replace(':', '').slice(3) || 0);
    time -= (zone[0] === '-' ? -offset : offset) * 60000;
  }
  return new Date(time).toISOString();
}

/** Walks the parts of a composite; an unknown one is refused as the published source does. */
function parts(value, key, kind, readers) {
  object(value, key);
  const out = {};
  for (const part in value) {
    const reader = readers[part];
    if (!reader) throw invalidArgs(`Invalid subfield ${part} for ${kind} field "${key}"`, `Invalid value for ${kind}.`);
    if (value[part] !== undefined) out[part] = reader(value[part], `${key}.${part}`);
  }
  return out;
}

const EMAIL = /^[A-Za-z0-9_'+\-.]*[A-Za-z0-9_+\-]@([A-Za-z0-9][A-Za-z0-9-]*\.)+[A-Za-z]{2,}$/;

/** 1.17 takes any text; 2.19 wants an address, and checks before it lower-cases (people.email.spaces). */
function email(model, value, key) {
  if (value === null || value === '') return '';
  if (typeof value !== 'string' || (model !== '1.17' && (!EMAIL.test(value) || value.includes('..') || value.startsWith('.')))) {
    throw invalidArgs(`Invalid string value ${inspect(value)} for email field "${key}"`, `Invalid value: "${inspect(value)}"`);
  }
  return text(model, value, key).toLowerCase();
}

function emails(model) {
  const readers = {
    primaryEmail: (value, key) => email(model, value, key),
    additionalEmails: (value, key) => {
      const list = value === null ? [] : typeof value === 'string' ? JSON.parse(value) : value;
      return list.length ? list.map((each) => email(model, each, key)) : NO_ITEMS;
    },
  };
  // A missing primaryEmail empties it: transformEmailsValue of both models.
  return (value, key) => ({ primaryEmail: '', ...parts(value, key, 'emails', readers) });
}

function phones(model) {
  const asText = (value, key) => text(model, value, key);
  const readers = {
    primaryPhoneNumber: asText, primaryPhoneCountryCode: asText, primaryPhoneCallingCode: asText,
    additionalPhones: (value, key) => json(model, value, key) || NO_ITEMS,
  };
  return (value, key) => {
    const sent = parts(value, key, 'phones', readers);
    const main = normalisePhone({
      number: sent.primaryPhoneNumber, countryCode: sent.primaryPhoneCountryCode, callingCode: sent.primaryPhoneCallingCode,
    });
    const out = {};
    if (main.number !== undefined) out.primaryPhoneNumber = main.number;
    if (main.countryCode !== undefined) out.primaryPhoneCountryCode = main.countryCode;
    if (main.callingCode !== undefined) out.primaryPhoneCallingCode = main.callingCode;
    // A write without additional phones empties them: transformPhonesValue of both models.
    out.additionalPhones = sent.additionalPhones && sent.additionalPhones.length ? sent.additionalPhones.map(normalisePhone) : NO_ITEMS;
    return out;
  };
}

/** Host and scheme are lower-cased, the rest is kept (people.links.json.array). */
function link(value) {
  if (!value) return '';
  const origin = /^([a-z][a-z0-9+.-]*:\/\/[^/?#]*)(.*)$/i.exec(value);
  if (origin) return origin[1].toLowerCase() + origin[2];
  if (!/^[^\s/?#]+\.[^\s/?#]{2,}/.test(value)) {
    throw userInput('INVALID_URL', 'The URL of the link is not valid');
  }
  return value.replace(/^[^/?#]+/, (host) => host.toLowerCase());
}

function links(model) {
  const asText = (value, key) => text(model, value, key);
  const readers = { primaryLinkUrl: asText, primaryLinkLabel: asText, secondaryLinks: (value, key) => json(model, value, key) || NO_ITEMS };
  return (value, key) => {
    const sent = parts(value, key, 'links', readers);
    const all = [{ url: sent.primaryLinkUrl, label: sent.primaryLinkLabel }, ...(sent.secondaryLinks || [])]
      .filter((each) => each && each.url)
      .map((each) => ({ url: link(each.url), label: each.label === undefined ? null : each.label }));
    const first = all.shift();
    return { primaryLinkLabel: (first && first.label) || '', primaryLinkUrl: first ? first.url : '', secondaryLinks: all.length ? all : NO_ITEMS };
  };
}

function richText(model) {
  const asText = (value, key) => text(model, value, key);
  const readers = { markdown: asText, blocknote: asText };
  return (value, key) => {
    const { markdown, blocknote } = parts(value, key, 'rich text', readers);
    return {
      markdown: markdown || (blocknote ? toMarkdown(blocknote) : ''),
      blocknote: blocknote || (markdown ? toBlocknote(markdown, model) : null),
    };
  };
}

const ADDRESS_TEXT = ['addressStreet1', 'addressStreet2', 'addressCity', 'addressPostcode', 'addressState', 'addressCountry'];

function address(model) {
  const readers = { addressLat: micros0, addressLng: micros0 };
  for (const part of ADDRESS_TEXT) readers[part] = (value, key) => text(model, value, key);
  return (value, key) => parts(value, key, 'address', readers);
}

/** Latitude and longitude: numbers or numerals, fractions kept. */
function micros0(value, key) {
  if (value === null || value === '') return null;
  const numeric = Number(value);
  if (!Number.isFinite(numeric)) throw refuseValue('number', numeric, key, 'Invalid value for number');
  return numeric;
}

const textReaders = (model, names) => Object.fromEntries(names.map((name) => [name, (value, key) => text(model, value, key)]));

function actor(model) {
  const sources = new Set(ACTOR_SOURCES);
  const readers = {
    source: (value, key) => choice(sources, value, key),
    context: (value, key) => json(model, value, key) || {},
    name: (value, key) => text(model, value, key),
    workspaceMemberId: uuid,
  };
  return (value, key) => parts(value, key, 'actor', readers);
}

function files(maximum) {
  return (value, key) => {
    if (value === null) return null;
    const bad = !Array.isArray(value)
      || value.some((item) => !item || !isUuid(item.fileId) || typeof item.label !== 'string' || Object.keys(item).length !== 2);
    if (bad) {
      throw invalidArgs(`Invalid value "${inspect(value)}" for FILES field "${key}"`, `Invalid value for FILES field "${key}"`);
    }
    if (value.length > maximum) throw invalidArgs(`Max number of files is ${maximum} for field "${key}"`, `Max number of files is ${maximum} for field "${key}"`);
    return value.length ? value : null;
  };
}

const EMPTY = {
  FULL_NAME: freeze({ firstName: '', lastName: '' }),
  EMAILS: freeze({ primaryEmail: '', additionalEmails: NO_ITEMS }),
  PHONES: freeze({ primaryPhoneNumber: '', primaryPhoneCountryCode: '', primaryPhoneCallingCode: '', additionalPhones: NO_ITEMS }),
  LINKS: freeze({ primaryLinkLabel: '', primaryLinkUrl: '', secondaryLinks: NO_ITEMS }),
  CURRENCY: freeze({ amountMicros: null, currencyCode: '' }),
  RICH_TEXT: freeze({ blocknote: null, markdown: '' }),
  ADDRESS: freeze({
    addressStreet1: '', addressStreet2: '', addressCity: '', addressPostcode: '', addressState: '', addressCountry: '',
    addressLat: null, addressLng: null,
  }),
  ACTOR: freeze({ source: 'MANUAL', workspaceMemberId: null, name: 'System', context: freeze({}) }),
};
EMPTY.RICH_TEXT_V2 = EMPTY.RICH_TEXT;

/** A default of the metadata (`"'TODO'"`, `{source: "'MANUAL'"}`, false, "now") as a stored value. */
function defaultOf(field) {
  const unquote = (value) => (typeof value === 'string' ? value.replace(/^'([\s\S]*)'$/, '$1') : value);
  const value = field.defaultValue;
  if (field.type in EMPTY) {
    if (!value || typeof value !== 'object') return EMPTY[field.type];
    const own = {};
    for (const part in EMPTY[field.type]) own[part] = value[part] === undefined || value[part] === null ? EMPTY[field.type][part] : unquote(value[part]);
    return freeze(own);
  }
  if (field.type === 'MULTI_SELECT' || field.type === 'ARRAY') return Array.isArray(value) ? freeze(value.map(unquote)) : NO_ITEMS;
  if (field.type === 'TEXT') return typeof value === 'string' ? unquote(value) : '';
  if (value === null || value === undefined || value === 'now' || value === 'uuid') return null;
  return unquote(value);
}

const CODECS = {
  UUID: () => ({ accept: uuid }),
  TEXT: (field, model) => ({ accept: (value, key) => text(model, value, key) }),
  NUMBER: () => ({ accept: number }),
  NUMERIC: () => ({ accept: micros0 }),
  // "first" is what a record without a position gets anyway; "last" is not imitated.
  POSITION: () => ({ accept: (value, key) => {
    if (value === 'first') return undefined;
    if (typeof value !== 'number') {
      throw invalidArgs(`Invalid position value ${inspect(value)} for field "${key}"`, `Invalid value for position: "${inspect(value)}"`);
    }
    return value;
  } }),
  BOOLEAN: () => ({ accept: bool }),
  DATE: (field, model) => ({ accept: (value, key) => date(model, value, key) }),
  DATE_TIME: (field, model) => ({ accept: (value, key) => dateTime(model, value, key) }),
  SELECT: (field) => { const values = optionSet(field); return { accept: (value, key) => choice(values, value, key) }; },
  RATING: (field) => { const values = optionSet(field); return { accept: (value, key) => choice(values, value, key) }; },
  MULTI_SELECT: (field, model) => { const values = optionSet(field); return { accept: (value, key) => choices(model, values, value, key) }; },
  ARRAY: (field, model) => ({ accept: (value, key) => strings(model, value, key) }),
  RAW_JSON: (field, model) => ({ accept: (value, key) => json(model, value, key) }),
  FILES: (field) => ({ accept: files((field.settings && field.settings.maxNumberOfValues) || 1) }),
  FULL_NAME: (field, model) => {
    const readers = textReaders(model, ['firstName', 'lastName']);
    return { merge: true, accept: (value, key) => parts(value, key, 'full name', readers) };
  },
  EMAILS: (field, model) => ({ merge: true, accept: emails(model) }),
  PHONES: (field, model) => ({ merge: true, accept: phones(model) }),
  LINKS: (field, model) => ({ merge: true, accept: links(model) }),
  ADDRESS: (field, model) => ({ merge: true, accept: address(model) }),
  CURRENCY: (field, model) => {
    const readers = { amountMicros: micros, currencyCode: (value, key) => text(model, value, key) };
    return { merge: true, accept: (value, key) => parts(value, key, 'currency', readers) };
  },
  RICH_TEXT: (field, model) => ({ merge: true, accept: richText(model) }),
  RICH_TEXT_V2: (field, model) => ({ merge: true, accept: richText(model) }),
  ACTOR: (field, model) => ({ merge: true, accept: actor(model) }),
  TS_VECTOR: () => ({ accept: (value, key) => {
    throw invalidArgs(`${key} TS_VECTOR-typed field does not support write operations`);
  } }),
};

const optionSet = (field) => new Set((field.options || []).map((option) => option.value));

/** The codec of a field: {empty, merge, accept}. */
function codecOf(field, model) {
  const make = CODECS[field.type];
  if (!make) throw new Error(`no codec for ${field.type}`);
  return { merge: false, ...make(field, model), empty: defaultOf(field) };
}

module.exports = { ACTOR_SOURCES, EMPTY, codecOf, isUuid, uuid };
