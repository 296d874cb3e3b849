'use strict';

/**
 * Files: the three upload dialects of TWENTY 7, and downloads so that tests can compare bytes.
 * path (1.17 /graphql uploadFile), field (2.19 /metadata uploadFilesFieldFile), direct (createFileUpload, PUT,
 * completeFileUpload). A file is temporary until a record takes it; it serves one record only.
 */

const { createHash, randomUUID } = require('crypto');
const errors = require('./errors');

const MAX_BYTES = 1073741824; // file.createUpload.huge
const UPLOAD_LIFE_MS = 15 * 60 * 1000; // file.createUpload.wrong-size: expiresAt is 15 minutes ahead

const extensionOf = (name) => { const match = /\.[A-Za-z0-9]+$/.exec(name || ''); return match ? match[0] : ''; };

class Files {
  /** @param workspace {model, baseUrl, workspaceId, token(kind, id)} */
  constructor(workspace) {
    this.workspace = workspace;
    this.clear();
  }

  clear() {
    this.byId = new Map();
    this.byPath = new Map();
  }

  add(name, data, contentType, pathOf) {
    const id = randomUUID();
    const file = {
      id, name, size: data.length, declared: data.length, data, contentType, createdAt: new Date().toISOString(), uploaded: true, complete: true,
      holder: null, path: pathOf(id),
    };
    this.keep(file);
    return file;
  }

  keep(file) {
    this.byId.set(file.id, file);
    this.byPath.set(file.path, file);
    this.stored(file);
  }

  stored(file) {
    if (this.workspace.journal) this.workspace.journal.keepFile(file);
  }

  /** 1.17: file.upload/graphql → {path, token}. */
  uploadPath({ file }) {
    const kept = this.add(file.name, file.data, file.contentType, (id) => `attachment/${id}${extensionOf(file.name)}`);
    this.workspace.log.note('uploadFile', { records: 1, bytes: kept.size });
    return { path: kept.path, token: this.workspace.token('file', kept.id) };
  }

  /** 2.19: file.upload/metadata → {id, path, size, createdAt, url}. */
  uploadField(file, fieldMetadataId) {
    this.checkField(fieldMetadataId);
    const kept = this.add(file.name, file.data, file.contentType, (id) => this.fieldPath(id, file.name));
    this.workspace.log.note('uploadFilesFieldFile', { records: 1, bytes: kept.size });
    return this.show(kept);
  }

  fieldPath(id, name) {
    return `files-field/${this.workspace.workspaceId}/${id}${extensionOf(name)}`;
  }

  checkField(id) {
    const field = this.workspace.model.fields.get(id);
    if (!field || field.type !== 'FILES') throw errors.internal('Field metadata not found or not of type FILES');
  }

  show(file) {
    return { id: file.id, path: file.path, size: file.size, createdAt: file.createdAt, url: this.url(file) };
  }

  url(file) {
    return `${this.workspace.baseUrl}/file/files-field/${file.id}?token=${this.workspace.token('file', file.id)}`;
  }

  /** file.createUpload: a place to PUT the bytes to. */
  createUpload({ filename, size, fieldMetadataId }) {
    if (!(size > 0) || size > MAX_BYTES) {
      const error = errors.internal(`Invalid file size ${size} (max ${MAX_BYTES} bytes)`);
      error.extensions.userFriendlyMessage = 'The file is empty or exceeds the maximum allowed size.';
      throw error;
    }
    if (fieldMetadataId) this.checkField(fieldMetadataId);
    const id = randomUUID();
    const file = {
      id, name: filename, size, declared: size, data: null, contentType: 'application/octet-stream', createdAt: new Date().toISOString(),
      uploaded: false, complete: false, holder: null, path: this.fieldPath(id, filename), expiresAt: Date.now() + UPLOAD_LIFE_MS,
    };
    this.byId.set(id, file);
    this.byPath.set(file.path, file);
    this.workspace.log.note('createFileUpload', { records: 1, ids: [id] });
    return {
      fileId: id, uploadUrl: `${this.workspace.uploadBase || this.workspace.baseUrl}/file-upload/${id}?token=${this.workspace.token('upload', id)}`,
      contentType: file.contentType,
      expiresAt: new Date(file.expiresAt).toISOString(),
    };
  }

  /** PUT of the bytes: file.put (204), file.put.again (204), file.put.wrong-size (413). */
  put(id, token, data, contentType, withKey) {
    const file = this.byId.get(id);
    if (!file || token !== this.workspace.token('upload', id) || !file.expiresAt || Date.now() > file.expiresAt) {
      return { status: 403, body: { statusCode: 403, error: 'ForbiddenException', messages: ['Invalid or expired upload token'] } };
    }
    if (data.length > file.declared) {
      return { status: 413, body: { statusCode: 413, error: 'Error', messages: [`Upload exceeds declared size of ${file.declared} bytes`], code: 'FILE_TOO_LARGE' } };
    }
    file.data = data;
    file.size = data.length;
    file.contentType = contentType || file.contentType;
    file.uploaded = true;
    this.workspace.log.note('PUT /file-upload', { records: 1, ids: [id], bytes: data.length, authorization: withKey });
    this.stored(file);
    return { status: 204 };
  }

  /** file.completeUpload (repeatable), file.completeUpload.never-sent */
  completeUpload(id) {
    const file = this.byId.get(id);
    if (!file || !file.uploaded) {
      const error = errors.internal(`File ${id} has not been uploaded to storage yet`);
      error.extensions.userFriendlyMessage = 'The file has not been uploaded yet. Please upload it before confirming.';
      throw error;
    }
    file.complete = true;
    this.stored(file);
    return this.show(file);
  }

  /** A record takes files: [[fileId, row, field, item]]. attachments.create.reuse-file */
  claim(claims, objectName) {
    for (const [id, row] of claims) {
      const file = this.byId.get(id);
      if (!file || !file.complete) throw errors.invalidArgs(`File ${id} not found`, 'File not found.');
      if (file.holder && file.holder !== row.id) {
        throw new errors.ApiError(`File ${id} is already associated with a permanent files field`, {
          userFriendlyMessage: `File ${id} is already associated with a permanent files field. Please re-upload the file.`, code: 'BAD_USER_INPUT',
        });
      }
    }
    for (const [id, row, field, item] of claims) {
      const file = this.byId.get(id);
      file.holder = row.id;
      file.object = objectName;
      row[field] = row[field].map((each) => (each === item ? { label: item.label, fileId: id, extension: extensionOf(file.name) } : each));
      this.stored(file);
    }
  }

  /** Records whose destruction the server's file listener hears of: the files that they held go too. */
  released(table, rows) {
    if (!this.byId.size) return;
    const gone = new Set(rows.map((row) => row.id));
    for (const file of [...this.byId.values()]) if (file.holder && gone.has(file.holder)) this.drop(file);
    if (table.object.nameSingular !== 'attachment') return;
    for (const row of rows) {
      const file = row.fullPath && this.byPath.get(row.fullPath);
      const shared = file && [...table.rows.values()].some((other) => other.fullPath === row.fullPath);
      if (file && !shared) this.drop(file);
    }
  }

  drop(file) {
    this.byId.delete(file.id);
    this.byPath.delete(file.path);
    if (this.workspace.journal) this.workspace.journal.dropFile(file);
  }

  /** Readers for values that the server dresses up: signed paths and urls. */
  decorate(table, name) {
    const { object } = table;
    const column = table.values.get(name);
    if (column && column.field.type === 'FILES') {
      return (row) => (row[name] || null) && row[name].map((item) => ({ ...item, url: this.url({ id: item.fileId }) }));
    }
    if (object.nameSingular === 'attachment' && name === 'fullPath' && this.workspace.model.version === '1.17') {
      return (row) => (row.fullPath ? this.signedPath(row.fullPath) : '');
    }
    return undefined;
  }

  /** attachments.create, 1.17: the token stands between folder and file name. */
  signedPath(path) {
    const at = path.lastIndexOf('/');
    if (/^https?:/.test(path)) return path;
    return `${this.workspace.baseUrl}/files/${path.slice(0, at)}/${this.workspace.token('file', path)}/${path.slice(at + 1)}`;
  }

  /** GET /file/files-field/<id> or /files/<folder>/<token>/<name>: the file or undefined. */
  find(pathname) {
    const byId = /^\/file\/files-field\/([0-9a-f-]{36})$/.exec(pathname);
    if (byId) return this.byId.get(byId[1]);
    const byPath = /^\/files\/(.+)\/[^/]+\/([^/]+)$/.exec(pathname);
    return byPath ? this.byPath.get(`${byPath[1]}/${byPath[2]}`) : undefined;
  }

  /** For the dump: what a file is, without its server-made id. */
  list() {
    return [...this.byId.values()].map((file) => ({
      name: file.name, size: file.data ? file.data.length : 0, sha256: file.data ? createHash('sha256').update(file.data).digest('hex') : null,
      complete: file.complete, holder: file.holder,
    }));
  }
}

/** Parts of a multipart/form-data body: [{name, filename, contentType, data}]. */
function parseMultipart(body, contentType) {
  const boundary = /boundary="?([^";]+)"?/.exec(contentType);
  if (!boundary) return [];
  const mark = Buffer.from(`--${boundary[1]}`);
  const parts = [];
  for (let start = body.indexOf(mark); start >= 0;) {
    const next = body.indexOf(mark, start + mark.length);
    if (next < 0) break;
    const head = body.indexOf('\r\n\r\n', start);
    const headers = body.toString('utf8', start + mark.length, head);
    parts.push({
      name: (/name="([^"]*)"/.exec(headers) || [])[1],
      filename: (/filename="([^"]*)"/.exec(headers) || [])[1],
      contentType: (/content-type:\s*([^\r\n]+)/i.exec(headers) || [])[1],
      data: body.subarray(head + 4, next - 2),
    });
    start = next;
  }
  return parts;
}

/** A GraphQL multipart request (parts `operations`, `map`, `0` …) as an ordinary body whose variables hold the files. */
function readMultipart(body, contentType) {
  const parts = parseMultipart(body, contentType);
  const part = (name) => parts.find((each) => each.name === name);
  if (!part('operations') || !part('map')) return null;
  const operations = JSON.parse(part('operations').data.toString());
  for (const [name, paths] of Object.entries(JSON.parse(part('map').data.toString()))) {
    const file = part(name);
    if (!file) return null;
    const value = { name: file.filename, contentType: file.contentType, data: Buffer.from(file.data) };
    for (const path of paths) put(operations, path.split('.'), value);
  }
  return operations;
}

function put(target, keys, value) {
  const last = keys.pop();
  for (const key of keys) target = target[key];
  target[last] = value;
}

module.exports = { Files, readMultipart };
