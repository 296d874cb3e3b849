'use strict';

/**
 * `GET /__dump`: the whole state as JSON, one thing a line, in a stable order, so that `diff` shows what changed and two
 * dumps without a change between them are the same bytes. Sorted by object name, field name, record id. Times of
 * schema elements and the physical order of lists are not state and not shown.
 */

/** Keys sorted, so that the order of writing never shows. */
function stable(value) {
  if (Array.isArray(value)) return value.map(stable);
  if (!value || typeof value !== 'object') return value;
  const out = {};
  for (const key of Object.keys(value).sort()) out[key] = stable(value[key]);
  return out;
}

const byName = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

function* schemaLines(model) {
  const objects = [...model.objects.values()].sort((a, b) => byName(a.nameSingular, b.nameSingular));
  for (const { fields, ...object } of objects) {
    yield { object: object.nameSingular, ...stable(object) };
    for (const field of [...fields].sort((a, b) => byName(a.name, b.name))) {
      const morph = field.morph && [...field.morph].sort((a, b) => byName(a.objectId, b.objectId));
      yield { field: `${object.nameSingular}.${field.name}`, ...stable({ ...field, morph }) };
    }
  }
}

/** A record with every column that it has now, empty ones too: what a reader would see. */
function recordLine(table, row, without) {
  const out = { record: table.object.nameSingular, id: row.id };
  const columns = [...table.values.keys(), ...table.relations.keys()].filter((name) => name !== 'searchVector' && !without.has(name)).sort(byName);
  for (const name of columns) out[name] = stable(table.read(row, name));
  return out;
}

function* recordLines(records, without) {
  const tables = [...records.tables.values()].sort((a, b) => byName(a.object.nameSingular, b.object.nameSingular));
  for (const table of tables) for (const id of table.ids()) yield recordLine(table, table.rows.get(id), without);
}

/**
 * @param without names of columns to leave out (`?without=updatedAt,updatedBy`).
 * @param part all | schema | records | files
 */
function* dumpLines({ model, records, files, webhooks }, { without = new Set(), part = 'all' } = {}) {
  const wants = (name) => part === 'all' || part === name;
  if (wants('schema')) {
    yield* schemaLines(model);
    for (const hook of webhooks) yield { webhook: hook.id, ...stable(hook) };
  }
  if (wants('records')) yield* recordLines(records, without);
  if (wants('files')) {
    const list = files.list().map((file) => JSON.stringify({ file: file.name, ...file })).sort();
    for (const line of list) yield JSON.parse(line);
  }
}

/** The dump as text in pieces: a JSON array, one element a line. */
function* dumpText(workspace, options) {
  let first = true;
  yield '[\n';
  for (const line of dumpLines(workspace, options)) {
    yield (first ? '' : ',\n') + JSON.stringify(line);
    first = false;
  }
  yield '\n]\n';
}

module.exports = { dumpText };
