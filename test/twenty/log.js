'use strict';

/** What `GET /__log` shows: every accepted root field in order, and how many were refused for the limit. */
class Log {
  constructor() { this.clear(); }

  clear() {
    this.start = Date.now();
    this.calls = [];
    this.refused = 0;
    this.refusals = {};
  }

  /** @returns the entry, so that its outcome can be added. */
  accept(field, kind, args, actor) {
    const entry = { ms: Date.now() - this.start, field, kind, records: 0, ids: [] };
    if (args.data) {
      const list = [].concat(args.data);
      entry.records = list.length;
      entry.ids = list.map((each) => each && each.id).filter(Boolean);
    }
    if (args.upsert) entry.upsert = true;
    if (args.id) { entry.records = 1; entry.ids = [args.id]; }
    const wanted = args.filter && args.filter.id;
    if (wanted) { entry.ids = wanted.in || (wanted.eq ? [wanted.eq] : []); entry.records = entry.ids.length; }
    if (actor.source !== 'API') entry.actor = actor.source;
    this.calls.push(entry);
    return entry;
  }

  refuse(field) {
    this.refused++;
    this.refusals[field] = (this.refusals[field] || 0) + 1;
  }

  /** Uploads and schema changes: they take no token (`free`). */
  note(what, details) {
    this.calls.push({ ms: Date.now() - this.start, field: what, free: true, ...details });
  }

  show(withIds) {
    const calls = withIds ? this.calls : this.calls.map(({ ids, ...entry }) => entry);
    const accepted = this.calls.filter((call) => !call.free).length;
    return { start: new Date(this.start).toISOString(), accepted, refused: this.refused, refusals: this.refusals, calls };
  }
}

module.exports = { Log };
