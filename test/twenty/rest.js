'use strict';

/** The two REST paths that were recorded: rest.people, rest.batch.people, rate.rest.limited. */

const errors = require('./errors');
const { page } = require('./find');

/** A whole record as REST shows it: every column, no relations. */
function whole(workspace, table, row) {
  const out = {};
  for (const name of table.values.keys()) {
    const decorated = workspace.decorate(table, name);
    out[name] = name === 'searchVector' ? searchVector(table, row) : decorated ? decorated(row) : table.read(row, name);
  }
  for (const name of table.relations.keys()) out[name] = row[name] === undefined ? null : row[name];
  return out;
}

/** to_tsvector('simple') of the label field: words in order of the alphabet with their places. */
function searchVector(table, row) {
  const label = [...table.values.values()].find(({ field }) => field.id === table.object.labelIdentifierFieldMetadataId);
  const value = label ? table.read(row, label.field.name) : '';
  const text = typeof value === 'string' ? value : Object.values(value || {}).join(' ');
  const places = new Map();
  (text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) || []).forEach((word, i) => places.set(word, [...(places.get(word) || []), i + 1]));
  return [...places].sort(([a], [b]) => (a < b ? -1 : 1)).map(([word, at]) => `'${word}':${at.join(',')}`).join(' ');
}

/** @returns {status, body} or null when the path is none of ours. */
function rest(workspace, method, url, body, actor) {
  const [, batch, name] = /^\/rest\/(batch\/)?([A-Za-z]+)$/.exec(url.pathname) || [];
  const object = [...workspace.model.objects.values()].find((each) => each.namePlural === name);
  if (!object) return { status: 400, body: { statusCode: 400, error: 'BadRequestException', messages: [`object '${name}' not found`] } };
  const table = workspace.records.tables.get(object.id);
  const verb = method === 'GET' ? 'find' : 'create';
  try {
    workspace.limiter.take();
  } catch (error) {
    workspace.log.refuse(`${method} ${url.pathname}`);
    return { status: 429, body: { statusCode: 429, error: 'HttpException', messages: [error.message] } };
  }
  const data = batch ? body : [body];
  workspace.log.accept(`${method} ${url.pathname}`, verb, verb === 'create' ? { data } : {}, actor);
  try {
    return verb === 'find' ? list(workspace, table, name, url) : create(workspace, table, object, data, batch, actor);
  } catch (error) {
    if (!(error instanceof errors.ApiError)) throw error;
    return { status: 400, body: { statusCode: 400, error: 'BadRequestException', messages: [error.message] } };
  }
}

function list(workspace, table, name, url) {
  const asked = { first: Math.min(Number(url.searchParams.get('limit') || 60), 200), after: url.searchParams.get('starting_after') };
  const found = page(table, asked, workspace.records.tables);
  const rows = found.rows.map((row) => whole(workspace, table, row));
  const ends = (row) => (row ? found.cursor(row) : null);
  const pageInfo = {
    startCursor: ends(found.rows[0]), endCursor: ends(found.rows[found.rows.length - 1]), hasNextPage: found.hasNext, hasPreviousPage: found.hasPrevious,
  };
  return { status: 200, body: { data: { [name]: rows }, totalCount: found.total, pageInfo } };
}

function create(workspace, table, object, data, batch, actor) {
  const rows = workspace.records.create(table, data, actor).map((row) => whole(workspace, table, row));
  const one = object.nameSingular.charAt(0).toUpperCase() + object.nameSingular.slice(1);
  const many = object.namePlural.charAt(0).toUpperCase() + object.namePlural.slice(1);
  return { status: 201, body: { data: batch ? { [`create${many}`]: rows } : { [`create${one}`]: rows[0] } } };
}

module.exports = { rest };
