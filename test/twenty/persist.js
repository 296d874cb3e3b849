'use strict';

/**
 * `--data DIR`: a journal of what changed, written before the answer leaves, so that even a killed server comes back
 * with everything that it had answered. Read and rewritten in short form at the start; bytes of files lie beside it.
 */

const fs = require('fs');
const path = require('path');
const { Model } = require('./model');

class Journal {
  constructor(directory) {
    this.directory = directory;
    this.journalPath = path.join(directory, 'journal.jsonl');
    this.waiting = [];
    fs.mkdirSync(path.join(directory, 'files'), { recursive: true });
  }

  rows(kind, objectId, rows) {
    this.waiting.push(JSON.stringify(kind === 'drop' ? { drop: objectId, ids: rows.map((row) => row.id) } : { put: objectId, rows }));
  }

  schema(model) { this.waiting.push(JSON.stringify({ schema: model.save() })); }

  pathOf(file) { return path.join(this.directory, 'files', file.id); }

  keepFile(file) {
    if (file.data) fs.writeFileSync(this.pathOf(file), file.data);
    const { data, ...rest } = file;
    this.waiting.push(JSON.stringify({ file: rest }));
  }

  dropFile(file) {
    fs.rmSync(this.pathOf(file), { force: true });
    this.waiting.push(JSON.stringify({ dropFile: file.id }));
  }

  hooks(webhooks) { this.waiting.push(JSON.stringify({ webhooks })); }

  /** Writes what is waiting. */
  flush() {
    if (!this.waiting.length) return;
    fs.appendFileSync(this.journalPath, `${this.waiting.join('\n')}\n`);
    this.waiting = [];
  }

  clear() {
    this.waiting = [];
    fs.rmSync(this.journalPath, { force: true });
  }

  /** What was kept: {model, rows: object id → Map, files, webhooks}, or null when there is nothing. */
  load() {
    if (!fs.existsSync(this.journalPath)) return null;
    const state = { model: null, rows: new Map(), files: new Map(), webhooks: [] };
    for (const line of fs.readFileSync(this.journalPath, 'utf8').split('\n')) {
      let entry;
      try { entry = JSON.parse(line); } catch { continue; } // the last line of a killed server may be half
      this.replay(state, entry);
    }
    return state.model ? state : null;
  }

  replay(state, entry) {
    const of = (id) => { if (!state.rows.has(id)) state.rows.set(id, new Map()); return state.rows.get(id); };
    if (entry.schema) state.model = Model.load(entry.schema);
    else if (entry.put) for (const row of entry.rows) of(entry.put).set(row.id, row);
    else if (entry.drop) for (const id of entry.ids) of(entry.drop).delete(id);
    else if (entry.file) state.files.set(entry.file.id, entry.file);
    else if (entry.dropFile) state.files.delete(entry.dropFile);
    else if (entry.webhooks) state.webhooks = entry.webhooks;
  }

  dataOf(file) {
    return fs.existsSync(this.pathOf(file)) ? fs.readFileSync(this.pathOf(file)) : null;
  }

  /** Starts the journal over from a whole workspace. */
  rewrite(workspace) {
    this.clear();
    this.schema(workspace.model);
    for (const table of workspace.records.tables.values()) if (table.rows.size) this.rows('put', table.object.id, [...table.rows.values()]);
    for (const file of workspace.files.byId.values()) this.keepFile(file);
    this.hooks(workspace.webhooks);
    this.flush();
  }
}

module.exports = { Journal };
