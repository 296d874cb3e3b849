'use strict';

/**
 * The background worker that writes timelineActivity rows a moment after a record was created, changed, soft-deleted
 * or restored (TWENTY 5). Rules from the published source: system objects make none except taskTarget and noteTarget,
 * which make `linked-task.*` / `linked-note.*` on the record they tie to; a change within ten minutes joins the newest
 * activity of the same name instead of making another; one group is one INSERT, so a record that is gone by then
 * (its foreign key fails) takes the whole group with it.
 */

const { randomUUID } = require('crypto');
const { capitalise } = require('./model');

const LINKED = { taskTarget: 'task', noteTarget: 'note' };
const TEN_MINUTES_MS = 600000;
const UNTOLD = new Set(['id', 'createdAt', 'updatedAt', 'deletedAt', 'position', 'createdBy', 'updatedBy', 'searchVector']);
const MANUAL = Object.freeze({ source: 'MANUAL', workspaceMemberId: null, name: 'System', context: Object.freeze({}) });

class Timeline {
  /** @param records the Records @param delay [least, most] in ms */
  constructor(records, delay) {
    this.records = records;
    this.delay = delay;
    this.queue = [];
    this.timer = null;
    this.turn = 0;
  }

  /** Notes a change; the row is written later. */
  add(kind, table, rows, before) {
    const { object } = table;
    if (object.isSystem && !LINKED[object.nameSingular]) return;
    this.queue.push({ kind, objectId: object.id, rows, before });
    this.schedule();
  }

  schedule() {
    if (this.timer) return;
    const [least, most] = this.delay;
    // Not random, so that runs can be repeated: steps of a third of the range.
    const wait = least + ((this.turn++ % 4) * (most - least)) / 3;
    this.timer = setTimeout(() => { this.timer = null; this.settle(); }, wait);
    this.timer.unref();
  }

  /** Writes everything that is waiting, now. */
  settle() {
    const waiting = this.queue;
    this.queue = [];
    for (const event of waiting) this.write(event);
    if (this.timer) { clearTimeout(this.timer); this.timer = null; }
  }

  clear() {
    this.queue = [];
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
  }

  write({ kind, objectId, rows, before }) {
    const table = this.records.tables.get(objectId);
    if (!table) return;
    const groups = new Map();
    const put = (objectName, payload) => {
      if (!groups.has(objectName)) groups.set(objectName, []);
      groups.get(objectName).push(payload);
    };
    rows.forEach((row, i) => this.payloads(table, kind, row, before && before[i], put));
    for (const [objectName, payloads] of groups) this.insert(objectName, payloads);
  }

  payloads(table, kind, row, before, put) {
    const name = table.object.nameSingular;
    if (LINKED[name]) { this.linked(table, LINKED[name], kind, row, put); return; }
    const properties = kind === 'updated' ? difference(table, before, row) : null;
    if (kind === 'updated' && !properties) return;
    put(name, { name: `${name}.${kind}`, recordId: row.id, properties });
  }

  linked(table, activity, kind, row, put) {
    const target = this.records.table(activity).rows.get(row[`${activity}Id`]);
    const column = [...table.relations].find(([key]) => key !== `${activity}Id` && row[key]);
    if (!target || !column) return;
    const other = this.records.model.objects.get(column[1].objectId);
    put(other.nameSingular, {
      name: `linked-${activity}.${kind}`, recordId: row[column[0]], properties: null, linkedRecordCachedName: target.title || '',
      linkedRecordId: target.id, linkedObjectMetadataId: this.records.table(activity).object.id,
    });
  }

  insert(objectName, payloads) {
    const table = this.records.table('timelineActivity');
    const column = `target${capitalise(objectName)}Id`;
    const relation = table.relations.get(column);
    if (!relation) return;
    const fresh = this.merge(table, column, payloads);
    const targets = this.records.tables.get(relation.objectId);
    if (!fresh.length || fresh.some(({ recordId }) => !targets.rows.has(recordId))) return;
    const now = new Date().toISOString();
    const rows = fresh.map((payload) => this.row(payload, column, now, table.values.has('createdBy')));
    for (const row of rows) table.insert(row);
    this.records.journal('put', table, rows);
  }

  row(payload, column, now, hasActor) {
    const row = { id: randomUUID(), createdAt: now, updatedAt: now, happensAt: now, name: payload.name, [column]: payload.recordId };
    if (payload.properties) row.properties = payload.properties;
    if (payload.linkedRecordId) {
      row.linkedRecordCachedName = payload.linkedRecordCachedName;
      row.linkedRecordId = payload.linkedRecordId;
      row.linkedObjectMetadataId = payload.linkedObjectMetadataId;
    }
    if (hasActor) { row.createdBy = MANUAL; row.updatedBy = MANUAL; }
    return row;
  }

  /** Payloads that no recent activity takes; the server looks at one activity only, the newest. */
  merge(table, column, payloads) {
    if (!payloads.some(({ name }) => !name.endsWith('.created'))) return payloads;
    const since = new Date(Date.now() - TEN_MINUTES_MS).toISOString();
    const index = table.links.get(column);
    let newest = null;
    for (const payload of payloads) {
      for (const id of index.get(payload.recordId)) {
        const row = table.rows.get(id);
        if (row.name === payload.name && row.createdAt > since && (!newest || row.createdAt > newest.createdAt)) newest = row;
      }
    }
    if (!newest) return payloads;
    return payloads.filter((payload) => {
      if (newest[column] !== payload.recordId || newest.name !== payload.name) return true;
      if (payload.linkedRecordId && payload.linkedRecordId !== newest.linkedRecordId) return true;
      if (payload.properties) {
        newest.properties = { diff: { ...(newest.properties && newest.properties.diff), ...payload.properties.diff } };
        newest.updatedAt = new Date().toISOString();
        this.records.journal('put', table, [newest]);
      }
      return false;
    });
  }
}

/** {diff: {field: {before, after}}} of two versions of a row, or null when nothing a person would see has changed. */
function difference(table, before, after) {
  const diff = {};
  for (const name of [...table.values.keys(), ...table.relations.keys()]) {
    if (UNTOLD.has(name) || before[name] === after[name]) continue;
    const old = table.read(before, name);
    const now = table.read(after, name);
    if (JSON.stringify(old) !== JSON.stringify(now)) diff[name] = { before: old, after: now };
  }
  return Object.keys(diff).length ? { diff } : null;
}

module.exports = { Timeline };
