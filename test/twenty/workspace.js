'use strict';

/** One workspace: data model, records, files, timeline, tokens, limits. Everything behind the HTTP of server.js. */

const { createHmac } = require('crypto');
const { Limiter } = require('./bucket');
const { Executor } = require('./execute');
const { Files } = require('./files');
const { Journal } = require('./persist');
const { Log } = require('./log');
const { Metadata } = require('./metadata');
const { Model } = require('./model');
const { Records } = require('./records');
const { OWNERS, seed } = require('./seed');
const { Timeline } = require('./timeline');

const KEY_ID = '20202020-aaaa-4bbb-8ccc-000000000001';
const ROLE_RIGHTS = ['canUpdateAllSettings', 'canReadAllObjectRecords', 'canUpdateAllObjectRecords', 'canSoftDeleteAllObjectRecords', 'canDestroyAllObjectRecords'];
/** Names of the API keys of the recorded workspaces (people.create.3: createdBy.name). */
const KEY_NAMES = { 1.17: 'migration', 2.19: 'migration-test' };

class Workspace {
  /** @param options the options of the command line, see README */
  constructor(options) {
    this.options = options;
    this.workspaceId = '20202020-15db-460e-8166-c7b5d87ad4be';
    this.keyName = options.keyName || KEY_NAMES[options.model];
    this.log = new Log();
    this.journal = options.data ? new Journal(options.data) : null;
    this.baseUrl = 'http://localhost';
    this.uploads = { uploadFile: (args) => this.files.uploadPath(args), uploadImage: (args) => this.files.uploadPath(args) };
    this.decorate = (table, name) => this.files.decorate(table, name);
    this.build((this.journal && this.journal.load()) || null);
  }

  /** Sets everything up, from nothing or from a journal. */
  build(saved) {
    const { journal } = this;
    this.journal = null;
    this.model = saved ? saved.model : Model.fromRecording(this.options.model);
    this.webhooks = saved ? saved.webhooks : [];
    this.limiter = new Limiter(this.options.callsPerSecond, this.options.callsPerMinute);
    this.files = new Files(this);
    this.records = new Records(this.model, {
      files: this.files,
      onChange: (kind, table, rows, before) => { if (this.options.timeline) this.timeline.add(kind, table, rows, before); },
    });
    this.timeline = new Timeline(this.records, this.options.timelineDelay);
    this.executor = new Executor(this);
    this.metadata = new Metadata(this);
    if (saved) this.restore(saved, journal);
    else seed(this.records, this.options);
    this.journal = journal;
    this.records.options.journal = journal;
    if (journal) journal.rewrite(this);
  }

  restore(saved, journal) {
    for (const [objectId, rows] of saved.rows) {
      const table = this.records.tables.get(objectId);
      if (table) for (const row of rows.values()) table.insert(row);
    }
    for (const file of saved.files.values()) this.files.keep({ ...file, data: journal.dataOf(file) });
  }

  /** Back to the start; options stay. */
  reset() {
    this.timeline.clear();
    this.log.clear();
    if (this.journal) this.journal.clear();
    this.build(null);
  }

  /** Takes another model in place of the present one. */
  adopt(model) {
    this.model = model;
    this.records.model = model;
    this.refresh();
  }

  /** After a change of the model. */
  refresh() {
    this.records.refresh();
    this.executor.refresh();
    if (this.journal) this.journal.schema(this.model);
  }

  flush() { if (this.journal) this.journal.flush(); }

  /**
   * The API key as /metadata tells of it: its role with what it may do in general, which is all but what the option takes
   * from it. Flags and what the role may not do with single objects only getRoles tells (ApiKeyRoleService.getRoleDtoByApiKeyId).
   */
  get key() {
    const { roleWithout } = this.options;
    const rights = Object.fromEntries(ROLE_RIGHTS.map((right) => [right, !(roleWithout || []).includes(right)]));
    return { id: KEY_ID, name: this.keyName, expiresAt: '2126-01-01T00:00:00.000Z', revokedAt: null, role: { id: KEY_ID, label: 'Admin', ...rights } };
  }

  get role() {
    const { role, ...key } = this.key;
    const objects = new Map();
    const fieldPermissions = [];
    for (const each of this.options.roleRestrict || []) {
      const [place, right] = each.split(':');
      const [objectName, fieldName] = place.split('.');
      const object = [...this.model.objects.values()].find(({ nameSingular }) => nameSingular === objectName);
      if (!object) continue;
      if (fieldName) fieldPermissions.push({ id: KEY_ID, roleId: role.id, objectMetadataId: object.id, fieldMetadataId: object.fields.find(({ name }) => name === fieldName).id, [right]: false });
      else objects.set(object.id, { ...objects.get(object.id), objectMetadataId: object.id, [right]: false });
    }
    return { ...role, permissionFlags: [], objectPermissions: [...objects.values()], fieldPermissions, apiKeys: [key] };
  }

  // ---- keys ----------------------------------------------------------------------------------------------------

  /** A signed token: deterministic, so that dumps and tests repeat. */
  token(kind, id) {
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ type: kind, sub: id, ...(kind === 'API_KEY' ? { jti: KEY_ID } : {}) })}`;
    return `${text}.${createHmac('sha256', 'stand-in').update(text).digest('base64url')}`;
  }

  /** API key of the migration, and that of a person at the keyboard (for hand edits). */
  get apiKey() { return this.token('API_KEY', this.workspaceId); }

  get handKey() { return this.token('ACCESS', OWNERS[this.options.model].id); }

  /** Who a bearer token is, or an error text: auth.bad-token (1.17 tells a token that is none from a forged one). */
  actorOf(bearer) {
    if (bearer === this.apiKey) return { actor: { source: 'API', name: this.keyName, workspaceMemberId: null } };
    if (bearer === this.handKey) return { actor: { source: 'MANUAL', name: 'Hand Edit', workspaceMemberId: OWNERS[this.options.model].id } };
    return { refusal: this.options.model === '1.17' && !isJwt(bearer) ? 'No payload' : 'Token invalid.' };
  }
}

function isJwt(text) {
  const parts = text.split('.');
  if (parts.length !== 3) return false;
  try { return typeof JSON.parse(Buffer.from(parts[1], 'base64url').toString()) === 'object'; } catch { return false; }
}

module.exports = { Workspace };
