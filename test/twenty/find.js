'use strict';

/**
 * Reading: filters, order, pages and cursors of a list. A soft-deleted row is left out unless the filter speaks of
 * `deletedAt` (people.read.soft-deleted.*); mutations do not leave it out. Without `first` a page holds 200; `first` itself is
 * not capped (people.read.201-first: 201 of 201 at `first: 500`) unless the server was started with --page-max.
 */

const errors = require('./errors');
const { isUuid } = require('./values');

const PAGE_DEFAULT = 200; // QUERY_MAX_RECORDS

const isNothing = (value) => value === null || value === undefined || value === '' || (Array.isArray(value) && !value.length);

const likePattern = (pattern, flags) => new RegExp(
  `^${pattern.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/%/g, '[\\s\\S]*').replace(/_/g, '[\\s\\S]')}$`, flags);

const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
const asList = (value) => (Array.isArray(value) ? value : [value]);

/** The operators of all filter types: (operand) → test of a stored value. */
const OPERATORS = {
  eq: (to) => (value) => (isNothing(to) ? isNothing(value) : value === to),
  neq: (to) => (value) => (isNothing(to) ? !isNothing(value) : value !== to),
  in: (list) => { const set = new Set(list); return (value) => set.has(value); },
  is: (what) => (what === 'NULL' ? isNothing : (value) => !isNothing(value)),
  gt: (to) => (value) => !isNothing(value) && compare(value, to) > 0,
  gte: (to) => (value) => !isNothing(value) && compare(value, to) >= 0,
  lt: (to) => (value) => !isNothing(value) && compare(value, to) < 0,
  lte: (to) => (value) => !isNothing(value) && compare(value, to) <= 0,
  like: (pattern) => { const regexp = likePattern(pattern, ''); return (value) => regexp.test(text(value)); },
  ilike: (pattern) => { const regexp = likePattern(pattern, 'i'); return (value) => regexp.test(text(value)); },
  startsWith: (prefix) => (value) => text(value).startsWith(prefix),
  endsWith: (suffix) => (value) => text(value).endsWith(suffix),
  regex: (pattern) => { const regexp = new RegExp(pattern); return (value) => regexp.test(text(value)); },
  iregex: (pattern) => { const regexp = new RegExp(pattern, 'i'); return (value) => regexp.test(text(value)); },
  contains: (list) => (value) => asList(list).every((item) => (value || []).includes(item)),
  containsAny: (list) => (value) => asList(list).some((item) => (value || []).includes(item)),
  containsIlike: (pattern) => { const regexp = likePattern(pattern, 'i'); return (value) => (value || []).some((item) => regexp.test(item)); },
  isEmptyArray: () => (value) => isNothing(value),
};

const text = (value) => (value === null || value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value));

/** people.destroy.in-empty */
function emptyList(key) {
  return errors.userInput('INVALID_QUERY_INPUT', `Invalid filter value for field ${key}. Expected non-empty array`, 'Invalid filter value: ""');
}

function operand(type, key, operator, value) {
  if (operator === 'in' && Array.isArray(value) && !value.length) throw emptyList(key);
  if (type === 'UUID' && ['eq', 'neq', 'in'].includes(operator)) {
    for (const each of asList(value)) if (each !== null && !isUuid(each)) throw errors.badUuid(each);
    return Array.isArray(value) ? value.map((each) => each.toLowerCase()) : value && value.toLowerCase();
  }
  if (type === 'DATE_TIME' && typeof value === 'string' && operator !== 'is') {
    const time = new Date(value);
    if (!Number.isNaN(time.getTime())) return time.toISOString();
  }
  return value;
}

/** {operator: operand, …} → test of a value. */
function conditions(type, key, filter) {
  const tests = [];
  for (const operator in filter) {
    if (filter[operator] === undefined) continue;
    const make = OPERATORS[operator];
    if (!make) throw errors.userInput('INVALID_QUERY_INPUT', `Operator "${operator}" is not supported for field ${key}`);
    tests.push(make(operand(type, key, operator, filter[operator])));
  }
  return (value) => tests.every((test) => test(value));
}

const isComposite = (column) => column.codec.merge;

/** A filter object → test of a row. `tables` finds the table of a relation's target. */
function compileFilter(table, filter, tables) {
  const tests = [];
  for (const key in filter || {}) {
    const wanted = filter[key];
    if (wanted === undefined || wanted === null) continue;
    if (key === 'and') { const all = asList(wanted).map((each) => compileFilter(table, each, tables)); tests.push((row) => all.every((test) => test(row))); }
    else if (key === 'or') { const any = asList(wanted).map((each) => compileFilter(table, each, tables)); tests.push((row) => any.some((test) => test(row))); }
    else if (key === 'not') { const test = compileFilter(table, wanted, tables); tests.push((row) => !test(row)); }
    else tests.push(compileField(table, key, wanted, tables));
  }
  return tests.length === 1 ? tests[0] : (row) => tests.every((test) => test(row));
}

function compileField(table, key, wanted, tables) {
  const column = table.values.get(key);
  if (column && isComposite(column)) {
    const partTests = Object.keys(wanted).map((part) => {
      const test = conditions(null, `${key}.${part}`, wanted[part]);
      return (row) => test(table.read(row, key)[part]);
    });
    return (row) => partTests.every((test) => test(row));
  }
  if (column) { const test = conditions(column.field.type, key, wanted); return (row) => test(table.read(row, key)); }
  if (table.relations.has(key)) { const test = conditions('UUID', key, wanted); return (row) => test(row[key]); }
  const relation = [...table.relations.values()].find((each) => each.name === key);
  if (relation) {
    const target = tables.get(relation.objectId);
    const test = compileFilter(target, wanted, tables);
    return (row) => { const other = target.rows.get(row[relation.column]); return Boolean(other) && test(other); };
  }
  throw errors.invalidArgs(`Object ${table.object.nameSingular} doesn't have any "${key}" field.`);
}

const speaksOfDeletion = (filter) => Boolean(filter) && typeof filter === 'object'
  && ('deletedAt' in filter || ['and', 'or', 'not'].some((key) => filter[key] && asList(filter[key]).some(speaksOfDeletion)));

/** Rows that can match at all, by id or index; null = look at every row. */
function candidates(table, filter) {
  if (!filter) return null;
  const found = (ids) => [...new Set(ids)].map((id) => table.rows.get(id)).filter(Boolean);
  const wantedIds = (condition) => (condition.in && condition.in.length ? condition.in : condition.eq ? [condition.eq] : null);
  if (filter.id) {
    const ids = wantedIds(filter.id);
    if (ids && ids.every((id) => typeof id === 'string')) return found(ids.map((id) => id.toLowerCase()));
  }
  for (const [column, index] of table.links) {
    const ids = filter[column] && wantedIds(filter[column]);
    if (ids) return found(ids.flatMap((id) => index.get(id)));
  }
  for (const [name, index] of table.unique) {
    const values = filter[name] && wantedIds(index.part ? filter[name][index.part] || {} : filter[name]);
    if (values && values.every(Boolean)) return found(values.map((value) => index.map.get(value)));
  }
  for (const each of filter.and ? asList(filter.and) : []) {
    const rows = candidates(table, each);
    if (rows) return rows;
  }
  if (!filter.or) return null;
  const parts = asList(filter.or).map((each) => candidates(table, each));
  return parts.every(Boolean) ? [...new Set(parts.flat())] : null;
}

/** All rows of a filter, unordered; `withDeleted` for mutations. */
function select(table, filter, tables, withDeleted) {
  const test = compileFilter(table, filter, tables);
  const all = withDeleted || speaksOfDeletion(filter);
  const rows = candidates(table, filter) || [...table.rows.values()];
  return rows.filter((row) => (all || !row.deletedAt) && test(row));
}

/** orderBy → [{path, descending, nullsFirst}]; the id comes last. */
function orderKeys(orderBy) {
  const keys = [];
  const walk = (order, path) => {
    for (const key in order) {
      if (order[key] && typeof order[key] === 'object') walk(order[key], [...path, key]);
      else if (order[key]) keys.push({ path: [...path, key], descending: order[key].startsWith('Desc'), nullsFirst: order[key].endsWith('First') });
    }
  };
  for (const order of asList(orderBy || [])) walk(order, []);
  if (!keys.some((key) => key.path[0] === 'id')) keys.push({ path: ['id'], descending: false, nullsFirst: false });
  return keys;
}

const valueAt = (table, row, path) => path.slice(1).reduce((value, part) => (value ? value[part] : value), table.read(row, path[0]));

function comparator(keys, read) {
  return (a, b) => {
    for (const key of keys) {
      const x = read(a, key.path);
      const y = read(b, key.path);
      if (isNothing(x) || isNothing(y)) {
        if (isNothing(x) && isNothing(y)) continue;
        return isNothing(x) === key.nullsFirst ? -1 : 1;
      }
      const order = compare(x, y);
      if (order) return key.descending ? -order : order;
    }
    return 0;
  };
}

/** Cursor: base64 of the order values and the id (people.page: {"id": …}). */
function cursorOf(table, row, keys) {
  const out = {};
  for (const { path } of keys) {
    if (path.length === 1) out[path[0]] = table.read(row, path[0]);
    else out[path[0]] = { ...out[path[0]], [path[1]]: valueAt(table, row, path) };
  }
  return Buffer.from(JSON.stringify(out)).toString('base64');
}

function decodeCursor(cursor) {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64').toString());
  } catch {
    throw errors.userInput('INVALID_CURSOR', `Invalid cursor: ${cursor}`);
  }
}

const atPath = (cursor, path) => path.reduce((value, part) => (value ? value[part] : value), cursor);

/** A page of everything in order of the id, without building the list: reading back 10^6 records stays quick. */
function quickPage(table, args, keys, size) {
  const ids = table.ids();
  const after = args.after ? decodeCursor(args.after).id : '';
  let at = 0;
  let high = after ? ids.length : 0;
  while (at < high) {
    const middle = (at + high) >> 1;
    if (ids[middle] <= after) at = middle + 1;
    else high = middle;
  }
  const rows = [];
  for (let i = at; i < ids.length && rows.length <= size; i++) {
    const row = table.rows.get(ids[i]);
    if (!row.deletedAt) rows.push(row);
  }
  const hasNext = rows.length > size;
  if (hasNext) rows.pop();
  return { rows, total: table.rows.size - table.deleted, hasNext, hasPrevious: at > 0, cursor: (row) => cursorOf(table, row, keys) };
}

/** One page: {rows, total, hasNext, hasPrevious, cursor(row)}. Arguments as in GraphQL. */
function page(table, args, tables, fallback = PAGE_DEFAULT) {
  const keys = orderKeys(args.orderBy);
  const wanted = args.first ?? args.limit ?? fallback;
  const simple = keys.length === 1 && !keys[0].descending && !['last', 'before', 'offset'].some((each) => args[each]);
  if (simple && (!args.filter || !Object.keys(args.filter).length)) {
    return quickPage(table, args, keys, Math.min(wanted, args.pageMax || Infinity));
  }
  const rows = ordered(table, args.filter, keys, tables);
  const backwards = args.last !== undefined && args.last !== null;
  const size = Math.min(args.first ?? args.last ?? args.limit ?? fallback, args.pageMax || Infinity);
  let from = 0;
  let to = rows.length;
  const byKeys = comparator(keys, (row, path) => (row.cursor ? atPath(row.cursor, path) : valueAt(table, row, path)));
  if (args.after) from = bound(rows, { cursor: decodeCursor(args.after) }, byKeys, true);
  if (args.before) to = bound(rows, { cursor: decodeCursor(args.before) }, byKeys, false);
  if (args.offset) from += args.offset;
  const start = backwards ? Math.max(from, to - size) : from;
  const end = backwards ? to : Math.min(to, from + size);
  return {
    rows: rows.slice(start, end), total: rows.length, hasNext: end < rows.length, hasPrevious: start > 0,
    cursor: (row) => cursorOf(table, row, keys),
  };
}

/** First index whose row is after (or not before) the cursor. */
function bound(rows, cursor, byKeys, after) {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const order = byKeys(rows[middle], cursor);
    if (order < 0 || (after && order === 0)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function ordered(table, filter, keys, tables) {
  const byId = keys.length === 1 && !keys[0].descending;
  const sorted = (rows) => rows.sort(comparator(keys, (row, path) => valueAt(table, row, path)));
  if (!byId || candidates(table, filter)) return sorted(select(table, filter, tables, false));
  const test = compileFilter(table, filter, tables);
  const all = speaksOfDeletion(filter);
  const rows = [];
  for (const id of table.ids()) {
    const row = table.rows.get(id);
    if ((all || !row.deletedAt) && test(row)) rows.push(row);
  }
  return rows;
}

module.exports = { page, select };
