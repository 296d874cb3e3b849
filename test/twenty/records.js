'use strict';

/**
 * The records: one table per object, with unique indexes (soft-deleted rows count), foreign keys and their
 * deletion rules, one transaction per create, upserts, soft deletion. Rows are sparse: a property that was never
 * written is absent and reads as the column's `empty`; that keeps 10^6 rows small and makes a new field cheap.
 * Facts: TWENTY 3-5 and the recordings people.*, taskTargets.*.
 */

const { createHash, randomUUID } = require('crypto');
const errors = require('./errors');
const { codecOf, isUuid, uuid } = require('./values');
const { relationColumns } = require('./model');

const MAX_RECORDS = 200;

/** The part of a value that its unique index looks at. Empty ones do not collide (people.create.empty-emails-many). */
const UNIQUE_PART = { EMAILS: 'primaryEmail', LINKS: 'primaryLinkUrl', PHONES: 'primaryPhoneNumber' };

/** Target id → one id or a Set of them: most records are referred to once. */
class Index {
  constructor() { this.map = new Map(); }

  add(key, id) {
    const held = this.map.get(key);
    if (held === undefined) this.map.set(key, id);
    else if (held instanceof Set) held.add(id);
    else if (held !== id) this.map.set(key, new Set([held, id]));
  }

  remove(key, id) {
    const held = this.map.get(key);
    if (held === id) this.map.delete(key);
    else if (held instanceof Set) { held.delete(id); if (!held.size) this.map.delete(key); }
  }

  get(key) {
    const held = this.map.get(key);
    return held === undefined ? [] : held instanceof Set ? [...held] : [held];
  }
}

/** Two sorted lists as one, without repetitions: cheaper than sorting 10^6 ids after every batch. */
function merged(a, b) {
  const out = [];
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    const next = j >= b.length || (i < a.length && a[i] <= b[j]) ? a[i++] : b[j++];
    if (out[out.length - 1] !== next) out.push(next);
  }
  return out;
}

class Table {
  constructor(object) {
    this.rows = new Map();
    this.deleted = 0;
    this.sorted = [];
    this.fresh = [];
    this.lost = false;
    this.minimum = null;
    this.unique = new Map();
    this.links = new Map();
    this.object = object;
  }

  /** Reads the columns from the model again; indexes of new columns are built, lost ones dropped. */
  refresh(model) {
    const object = model.objects.get(this.object.id);
    this.object = object;
    this.values = new Map();
    this.relations = new Map();
    this.collections = new Map();
    for (const field of object.fields) this.addColumns(model, field);
    this.rebuildIndexes();
  }

  addColumns(model, field) {
    if (field.type === 'RELATION' && field.relation.type === 'ONE_TO_MANY') {
      this.collections.set(field.name, this.collectionOf(model, field));
      return;
    }
    const relations = relationColumns(model, field);
    for (const relation of relations) this.relations.set(relation.column, { ...relation, field });
    if (relations.length || field.type === 'MORPH_RELATION') return;
    this.values.set(field.name, { field, codec: codecOf(field, model.version) });
  }

  collectionOf(model, field) {
    const back = model.fields.get(field.relation.fieldId);
    const column = back && relationColumns(model, back).find((each) => each.objectId === this.object.id);
    return { field, objectId: field.relation.objectId, column: column && column.column };
  }

  rebuildIndexes() {
    const keep = (map, wanted) => { for (const key of [...map.keys()]) if (!wanted.has(key)) map.delete(key); };
    const uniques = new Map([...this.values].filter(([name, { field }]) => field.isUnique && name !== 'id'));
    keep(this.unique, uniques);
    keep(this.links, this.relations);
    for (const [name, column] of uniques) {
      if (this.unique.has(name)) continue;
      const index = { column, part: UNIQUE_PART[column.field.type], map: new Map() };
      this.unique.set(name, index);
      for (const row of this.rows.values()) if (this.uniqueKey(index, row)) index.map.set(this.uniqueKey(index, row), row.id);
    }
    for (const name of this.relations.keys()) {
      if (this.links.has(name)) continue;
      const index = new Index();
      this.links.set(name, index);
      for (const row of this.rows.values()) if (row[name]) index.add(row[name], row.id);
    }
  }

  uniqueKey(index, row) {
    const value = row[index.column.field.name];
    if (value === undefined || value === null) return '';
    return index.part ? value[index.part] : value;
  }

  insert(row) {
    this.rows.set(row.id, row);
    this.fresh.push(row.id);
    if (row.deletedAt) this.deleted++;
    if (row.position !== undefined && (this.minimum === null || row.position < this.minimum)) this.minimum = row.position;
    this.index(row);
  }

  index(row) {
    for (const index of this.unique.values()) {
      const key = this.uniqueKey(index, row);
      if (key) index.map.set(key, row.id);
    }
    for (const [column, index] of this.links) if (row[column]) index.add(row[column], row.id);
  }

  unindex(row) {
    for (const index of this.unique.values()) {
      const key = this.uniqueKey(index, row);
      if (key && index.map.get(key) === row.id) index.map.delete(key);
    }
    for (const [column, index] of this.links) if (row[column]) index.remove(row[column], row.id);
  }

  remove(row) {
    this.unindex(row);
    this.rows.delete(row.id);
    this.lost = true;
    if (row.deletedAt) this.deleted--;
    if (row.position === this.minimum) this.minimum = undefined;
  }

  /** The lowest position, which the next record goes below (people.create.3: 0, -1, -2). */
  lowest() {
    if (this.minimum === undefined) {
      this.minimum = null;
      for (const row of this.rows.values()) {
        if (row.position !== undefined && (this.minimum === null || row.position < this.minimum)) this.minimum = row.position;
      }
    }
    return this.minimum;
  }

  /** All ids in the default order of a list: ascending (people.read.200-by-id). */
  ids() {
    if (this.lost) {
      this.sorted = this.sorted.filter((id) => this.rows.has(id));
      this.fresh = this.fresh.filter((id) => this.rows.has(id));
      this.lost = false;
    }
    if (this.fresh.length) {
      this.sorted = merged(this.sorted, this.fresh.sort());
      this.fresh = [];
    }
    return this.sorted;
  }

  /** What a column of a row reads as. */
  read(row, name) {
    const value = row[name];
    if (value !== undefined) return value;
    const column = this.values.get(name);
    return column ? column.codec.empty : null;
  }
}

class Records {
  /** @param model the data model; @param options {keyName, files, clock, onChange(kind, object, row), journal} */
  constructor(model, options) {
    this.model = model;
    this.options = options;
    this.tables = new Map();
    this.actors = new Map();
    this.refresh();
  }

  /** After every change of the model. */
  refresh() {
    for (const id of [...this.tables.keys()]) if (!this.model.objects.has(id)) this.tables.delete(id);
    for (const object of this.model.objects.values()) {
      if (!this.tables.has(object.id)) this.tables.set(object.id, new Table(object));
    }
    this.referrers = new Map([...this.model.objects.keys()].map((id) => [id, []]));
    for (const table of this.tables.values()) {
      table.refresh(this.model);
      for (const [column, relation] of table.relations) {
        this.referrers.get(relation.objectId).push({ table, column, onDelete: relation.onDelete });
      }
    }
  }

  table(nameSingular) {
    return this.tables.get(this.model.objectByName(nameSingular).id);
  }

  now() { return new Date().toISOString(); }

  /** The value of createdBy / updatedBy; one object for all records of an actor and source. */
  apiActor(actor, source = actor.source) {
    const key = `${actor.name} ${actor.workspaceMemberId} ${source}`;
    if (!this.actors.has(key)) {
      this.actors.set(key, Object.freeze({ source, workspaceMemberId: actor.workspaceMemberId, name: actor.name, context: Object.freeze({}) }));
    }
    return this.actors.get(key);
  }

  // ---- writing -----------------------------------------------------------------------------------------------

  /** Checks one input record: {property: stored value or parts}. */
  accept(table, input) {
    const out = {};
    for (const key in input) {
      const value = input[key];
      if (value === undefined) continue;
      const column = table.values.get(key);
      if (column) {
        if (value === null) out[key] = this.acceptNull(column, key);
        else out[key] = column.codec.accept(value, key);
      } else if (table.relations.has(key)) out[key] = uuid(value, key);
      else this.acceptRelation(table, key, value, out);
    }
    return out;
  }

  acceptNull({ field, codec }, key) {
    if (!field.isNullable && (field.defaultValue === null || field.defaultValue === undefined)) {
      throw errors.invalidArgs(`Field ${key} is not nullable and has no default value.`, 'A required field is missing.');
    }
    if (codec.merge || field.type === 'TEXT') return field.type === 'TEXT' ? '' : codec.empty;
    if (field.type === 'MULTI_SELECT' || field.type === 'ARRAY') return [];
    return null;
  }

  acceptRelation(table, key, value, out) {
    const relation = [...table.relations.values()].find((each) => each.name === key);
    if (!relation) {
      throw errors.invalidArgs(`Object ${table.object.nameSingular} doesn't have any "${key}" field.`);
    }
    if (value && value.disconnect) { out[relation.column] = null; return; }
    if (!value || !value.connect || !value.connect.where) {
      throw errors.invalidArgs(`Relation "${key}" requires connect or disconnect operation`);
    }
    out[relation.column] = this.connect(this.tables.get(relation.objectId), value.connect.where, key);
  }

  /** `connect: {where: {id}}` or by a unique field (people.connect). */
  connect(target, where, key) {
    if (where.id) { if (target.rows.has(where.id)) return where.id; } else {
      for (const [name, index] of target.unique) {
        const wanted = where[name] && (index.part ? where[name][index.part] : where[name]);
        if (wanted && index.map.has(wanted)) return index.map.get(wanted);
      }
    }
    throw errors.userInput('CONNECT_RECORD_NOT_FOUND', `Expected 1 record to connect to ${key}, but found 0 for ${JSON.stringify(where)}.`);
  }

  /** Puts accepted values into a row; composites keep the parts that were not sent. */
  assign(table, row, accepted) {
    for (const key in accepted) {
      const column = table.values.get(key);
      const value = accepted[key];
      row[key] = column && column.codec.merge && value !== null && value !== column.codec.empty ? { ...table.read(row, key), ...value } : value;
    }
  }

  newRow(table, accepted, position, now, actor) {
    const row = { id: accepted.id || randomUUID() };
    this.assign(table, row, accepted);
    row.createdAt = accepted.createdAt || now;
    row.updatedAt = accepted.updatedAt || now;
    if (table.values.has('position') && row.position === undefined) row.position = position;
    if (table.values.has('createdBy')) {
      const own = this.apiActor(actor);
      row.createdBy = this.createdBy(accepted.createdBy, actor);
      if (table.values.has('updatedBy')) row.updatedBy = own;
    }
    this.fileDefaults(table, row);
    return row;
  }

  /** `createdBy: {source: IMPORT}` is taken, its name becomes the key's (people.create.3). */
  createdBy(sent, actor) {
    const own = this.apiActor(actor, (sent && sent.source) || actor.source);
    return sent && sent.context && Object.keys(sent.context).length ? { ...own, context: sent.context } : own;
  }

  fileDefaults(table, row) {
    if (table.object.nameSingular === 'attachment' && row.fileCategory === undefined) row.fileCategory = 'OTHER';
  }

  checkIds(records) {
    if (records.some((record) => !record || typeof record !== 'object')) throw errors.invalidArgs('Invalid argument "data": expected records');
    for (const record of records) if (record && record.id && !isUuid(record.id)) throw errors.badUuid(record.id);
  }

  /** createX / createXs: all or nothing (people.create.one-bad-in-batch). Returns rows in the order of the input. */
  create(table, inputs, actor) {
    if (inputs.length > MAX_RECORDS) {
      throw errors.userInput('TOO_MANY_RECORDS_TO_UPDATE', `Maximum number of records to upsert is ${MAX_RECORDS}.`);
    }
    this.checkIds(inputs);
    const accepted = inputs.map((input) => this.accept(table, input));
    return this.insertAll(table, accepted, actor);
  }

  insertAll(table, accepted, actor) {
    const now = this.now();
    const lowest = table.lowest();
    const start = lowest === null ? 1 : lowest;
    const rows = accepted.map((each, i) => this.newRow(table, each, start - i - 1, now, actor));
    this.claimFiles(table, rows);
    this.checkUnique(table, rows);
    this.checkLinks(table, rows);
    for (const row of rows) table.insert(row);
    this.changed('created', table, rows);
    return rows;
  }

  /** Ids and unique fields against the table and against the batch itself, row by row as the database goes. */
  checkUnique(table, rows) {
    const batchIds = new Set();
    const batchKeys = [...table.unique.values()].map(() => new Set());
    for (const row of rows) {
      if (table.rows.has(row.id) || batchIds.has(row.id)) throw errors.duplicate();
      batchIds.add(row.id);
      let i = 0;
      for (const index of table.unique.values()) {
        const key = table.uniqueKey(index, row);
        if (key) {
          if (index.map.has(key)) throw this.duplicateOf(table, index, key);
          if (batchKeys[i].has(key)) throw errors.duplicate();
          batchKeys[i].add(key);
        }
        i++;
      }
    }
  }

  duplicateOf(table, index, key) {
    const holder = table.rows.get(index.map.get(key));
    if (holder.deletedAt) return errors.duplicate();
    return errors.duplicate({ label: index.column.field.label, id: holder.id, object: table.object.nameSingular });
  }

  /** Foreign keys, checked at the end of the statement: a later row of the same batch will do (selfref-forward). */
  checkLinks(table, rows) {
    let own = null;
    for (const row of rows) {
      for (const [column, relation] of table.relations) {
        const id = row[column];
        if (!id) continue;
        const target = this.tables.get(relation.objectId);
        if (target.rows.has(id)) continue;
        if (target === table) {
          if (!own) own = new Set(rows.map((each) => each.id));
          if (own.has(id)) continue;
        }
        throw this.foreignKeyError(table, column);
      }
    }
  }

  /** TypeORM names a foreign key after the SHA-1 of table and column (taskTargets.create.bad-fk). */
  foreignKeyError(table, column) {
    const name = table.object.isCustom ? `_${table.object.nameSingular}` : table.object.nameSingular;
    const hash = createHash('sha1').update(`${name}_${column}`).digest('hex').slice(0, 27);
    return errors.foreignKey(this.model.version, name, `FK_${hash}`);
  }

  /** One file serves one attachment (attachments.create.reuse-file). */
  claimFiles(table, rows) {
    const columns = [...table.values.values()].filter(({ field }) => field.type === 'FILES');
    if (!columns.length) return;
    const claims = [];
    for (const row of rows) {
      for (const { field } of columns) {
        for (const item of row[field.name] || []) claims.push([item.fileId, row, field.name, item]);
      }
    }
    this.options.files.claim(claims, table.object.nameSingular);
  }

  /** What an upsert matches on: the id and every unique field, soft-deleted rows included. */
  matches(table, record) {
    const found = new Set();
    const said = [];
    if (record.id) {
      said.push(`id: ${record.id}`);
      if (table.rows.has(record.id)) found.add(record.id);
    }
    for (const [name, index] of table.unique) {
      const key = record[name] === undefined ? '' : table.uniqueKey(index, record);
      if (!key) continue;
      said.push(`${index.part ? `${name}.${index.part}` : name}: ${key}`);
      if (index.map.has(key)) found.add(index.map.get(key));
    }
    if (found.size > 1) {
      throw errors.userInput('UPSERT_MULTIPLE_MATCHING_RECORDS_CONFLICT',
        `Multiple records found with the same unique field values for ${said.join(', ')}. Cannot determine which record to update.`);
    }
    return [...found][0];
  }

  /** createX with `upsert: true`: updates one by one, then the inserts in one go (TWENTY 4). */
  upsert(table, inputs, actor) {
    if (inputs.length > MAX_RECORDS) {
      throw errors.userInput('TOO_MANY_RECORDS_TO_UPDATE', `Maximum number of records to upsert is ${MAX_RECORDS}.`);
    }
    this.checkIds(inputs);
    const accepted = inputs.map((input) => this.accept(table, input));
    // 1.17 gives every record of an upsert a new position, existing ones too (people.create.same-id.upsert: -3).
    if (this.model.version === '1.17' && table.values.has('position')) {
      const lowest = table.lowest();
      accepted.forEach((each, i) => { if (each.position === undefined) each.position = (lowest === null ? 1 : lowest) - i - 1; });
    }
    const holders = accepted.map((each) => this.matches(table, each));
    const changes = accepted.flatMap(({ id, createdBy, ...values }, i) => (
      holders[i] ? [[table.rows.get(holders[i]), { ...values, deletedAt: null }]] : []));
    const rows = this.updateRows(table, changes, actor);
    return rows.concat(this.insertAll(table, accepted.filter((each, i) => !holders[i]), actor));
  }

  /** Updates one after another: [[row, accepted values]]. What was done before one fails stays done, and is told. */
  updateRows(table, changes, actor) {
    const before = [];
    const after = [];
    try {
      for (const [row, accepted] of changes) {
        after.push(this.updateRow(table, row, accepted, actor));
        before.push(row);
      }
    } finally {
      this.changed('updated', table, after, before);
    }
    return after;
  }

  /** Writes accepted values into one row, keeping indexes; createdAt is writable, createdBy and id are not. */
  updateRow(table, row, accepted, actor) {
    const next = { ...row };
    this.assign(table, next, accepted);
    next.updatedAt = accepted.updatedAt || this.now();
    if (table.values.has('updatedBy') && !accepted.updatedBy) next.updatedBy = this.apiActor(actor);
    this.claimNewFiles(table, row, next);
    this.checkUniqueOf(table, row, next);
    this.checkLinks(table, [next]);
    this.replace(table, row, next);
    return next;
  }

  claimNewFiles(table, row, next) {
    for (const [name, { field }] of table.values) {
      if (field.type === 'FILES' && next[name] !== row[name]) this.claimFiles(table, [{ ...next }]);
    }
  }

  checkUniqueOf(table, row, next) {
    for (const index of table.unique.values()) {
      const key = table.uniqueKey(index, next);
      const holder = key && index.map.get(key);
      if (holder && holder !== row.id) throw this.duplicateOf(table, index, key);
    }
  }

  replace(table, row, next) {
    table.unindex(row);
    if (Boolean(row.deletedAt) !== Boolean(next.deletedAt)) table.deleted += next.deletedAt ? 1 : -1;
    if (row.position === table.minimum && next.position !== row.position) table.minimum = undefined;
    else if (next.position < table.minimum) table.minimum = next.position;
    table.rows.set(next.id, next);
    table.index(next);
  }

  /** updateX: a soft-deleted record can be updated by its id (people.update.soft-deleted). */
  updateOne(table, id, input, actor) {
    if (!isUuid(id)) throw errors.badUuid(id);
    const row = table.rows.get(id.toLowerCase());
    if (!row) throw errors.notFound();
    return this.updateRows(table, [[row, this.acceptChange(table, input)]], actor)[0];
  }

  /** Neither the id nor the creator of a record can be changed. */
  acceptChange(table, input) {
    const { id, createdBy, ...accepted } = this.accept(table, input);
    return accepted;
  }

  updateMany(table, rows, input, actor) {
    const accepted = this.acceptChange(table, input);
    return this.updateRows(table, rows.map((row) => [row, accepted]), actor);
  }

  // ---- deleting ----------------------------------------------------------------------------------------------

  /** Soft deletion; tasks and notes take their targets along (published source, task-post-query-hook). */
  softDelete(table, rows) {
    const now = this.now();
    const done = rows.map((row) => this.setDeleted(table, row, now));
    this.withTargets(table, rows, (targets, each) => { if (!each.deletedAt) this.setDeleted(targets, each, now); });
    this.changed('deleted', table, done);
    return done;
  }

  restore(table, rows) {
    const done = rows.map((row) => this.setDeleted(table, row, null));
    this.withTargets(table, rows, (targets, each) => { if (each.deletedAt) this.setDeleted(targets, each, null); });
    this.changed('restored', table, done);
    return done;
  }

  withTargets(table, rows, act) {
    const name = table.object.nameSingular;
    if (name !== 'task' && name !== 'note') return;
    const targets = this.table(`${name}Target`);
    for (const row of rows) {
      for (const id of targets.links.get(`${name}Id`).get(row.id)) act(targets, targets.rows.get(id));
    }
  }

  setDeleted(table, row, when) {
    const next = { ...row, deletedAt: when, updatedAt: this.now() };
    if (!when) delete next.deletedAt;
    this.replace(table, row, next);
    this.journal('put', table, [next]);
    return next;
  }

  /** Destruction for good; what refers to the rows goes too or loses the reference (people.destroy.with-links). */
  destroy(table, rows) {
    const gone = this.erase(table, rows);
    // What listens for destructions hears of one record a call, and of none that the database takes along (file.get.after-destroy).
    this.options.files.released(table, gone.slice(0, 1));
    return gone;
  }

  erase(table, rows) {
    const gone = rows.filter((row) => table.rows.has(row.id));
    for (const row of gone) table.remove(row);
    this.journal('drop', table, gone);
    for (const { table: other, column, onDelete } of this.referrers.get(table.object.id)) {
      const index = other.links.get(column);
      const held = [];
      for (const row of gone) for (const id of index.get(row.id)) held.push(other.rows.get(id));
      if (!held.length) continue;
      if (onDelete === 'CASCADE') this.erase(other, held.filter((row) => row && other.rows.has(row.id)));
      else this.clearColumn(other, held, column);
    }
    return gone;
  }

  /** The database does this itself, so `updatedAt` of the other records does not move. */
  clearColumn(table, rows, column) {
    const index = table.links.get(column);
    for (const row of rows) {
      index.remove(row[column], row.id);
      delete row[column];
    }
    this.journal('put', table, rows);
  }

  changed(kind, table, rows, before) {
    if (kind === 'created' || kind === 'updated') this.journal('put', table, rows);
    if (rows.length) this.options.onChange(kind, table, rows, before);
  }

  journal(kind, table, rows) {
    if (this.options.journal && rows.length) this.options.journal.rows(kind, table.object.id, rows);
  }
}

module.exports = { MAX_RECORDS, Records, Table };
