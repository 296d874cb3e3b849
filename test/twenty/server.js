'use strict';

/**
 * The stand-in Twenty: HTTP on loopback around a workspace. See README.md for the options.
 *   node test/twenty/server.js --port 3999 --model 2.19
 * prints `ready <url> <api key>` when it listens.
 */

process.env.TZ = 'UTC';

const fs = require('fs');
const http = require('http');
const errors = require('./errors');
const { dumpText } = require('./dump');
const { Exchange, MAX_FILE_BYTES } = require('./exchange');
const { Faults, answerEarly, spoil } = require('./faults');
const { readMultipart } = require('./files');
const { GraphQLError, GraphQLObjectType, GraphQLSchema, GraphQLString, parse, validate } = require('./graphql');
const { Limiter } = require('./bucket');
const { MODELS, Model, readRecording } = require('./model');
const { rest } = require('./rest');
const { Workspace } = require('./workspace');

const KEEP_ALIVE_MS = { 1.17: 5000, 2.19: 65000 }; // TWENTY 1
const LATER_MS = 3000; // reset-then-apply-later unless `ms` says otherwise

/** What somebody without a token sees (auth.none): a schema without a workspace. */
const NOBODY = new GraphQLSchema({ query: new GraphQLObjectType({ name: 'Query', fields: { _none: { type: GraphQLString } } }) });

class Server {
  constructor(options) {
    this.options = options;
    this.workspace = new Workspace(options);
    this.faults = new Faults(options.faults ? JSON.parse(fs.readFileSync(options.faults, 'utf8')) : []);
    this.config = readRecording(options.model).find((line) => line.label === 'client-config').response;
    this.busy = 0;
    this.queue = [];
    this.open = 0;
    this.http = http.createServer((request, response) => this.answer(new Exchange(request, response)));
    this.http.keepAliveTimeout = KEEP_ALIVE_MS[options.model];
    this.http.requestTimeout = 0;
  }

  /** Listens on loopback; resolves to the url. */
  listen() {
    return new Promise((resolve, reject) => {
      this.http.once('error', reject);
      this.http.listen(this.options.port, '127.0.0.1', () => {
        this.url = `http://127.0.0.1:${this.http.address().port}`;
        this.workspace.baseUrl = this.url;
        resolve(this.options.uploadOrigin ? this.listenForUploads() : this.url);
      });
    });
  }

  /** `--upload-origin`: uploads go to another port, as with object storage; the log tells whether a key came along. */
  listenForUploads() {
    this.uploadHttp = http.createServer((request, response) => this.answer(new Exchange(request, response)));
    return new Promise((resolve) => {
      this.uploadHttp.listen(0, '127.0.0.1', () => {
        this.workspace.uploadBase = `http://127.0.0.1:${this.uploadHttp.address().port}`;
        resolve(this.url);
      });
    });
  }

  close() {
    this.workspace.timeline.clear();
    if (this.uploadHttp) this.uploadHttp.close();
    this.http.close();
    if (this.http.closeAllConnections) this.http.closeAllConnections();
  }

  async answer(exchange) {
    const url = new URL(exchange.request.url, 'http://localhost');
    try {
      if (url.pathname.startsWith('/__')) await this.control(exchange, url);
      else await this.serve(exchange, url);
    } catch (error) {
      process.stderr.write(`${error.stack}\n`);
      if (!exchange.response.headersSent) exchange.json(500, { statusCode: 500, error: 'InternalServerError', messages: [error.message] });
    }
  }

  // ---- what Twenty serves --------------------------------------------------------------------------------------

  async serve(exchange, url) {
    const { method } = exchange.request;
    const upload = method === 'PUT' && /^\/file-upload\/([0-9a-f-]{36})$/.exec(url.pathname);
    const multipart = /^multipart\//.test(exchange.request.headers['content-type'] || '');
    const body = await exchange.read(upload || multipart ? MAX_FILE_BYTES : undefined);
    if (!body) return;
    const request = this.understand(exchange, url, body, multipart);
    const rule = this.faults.strike(url.pathname, request.roots);
    if (rule && answerEarly(rule, request.roots, exchange, url.pathname, this.options.callsPerMinute || 100)) return;
    if (rule && rule.fault === 'delay') await pause(rule.ms || 1000);
    if (rule && rule.fault === 'reset-then-apply-later') {
      exchange.reset();
      setTimeout(() => { this.perform(exchange, url, request, upload, body, rule); this.workspace.flush(); }, rule.ms || LATER_MS);
      return;
    }
    await this.slot(url.pathname, request);
    const answer = this.perform(exchange, url, request, upload, body, rule);
    this.workspace.flush();
    if (answer.raw) { exchange.text(answer.status, answer.raw, { 'content-type': answer.type }); return; }
    const text = answer.body === undefined ? '' : JSON.stringify(answer.body);
    if (rule) spoil(rule, exchange, answer.status, text);
    else exchange.text(answer.status, text, answer.status === 204 ? {} : { 'content-type': answer.type || 'application/json; charset=utf-8' });
  }

  /** Body and names of root fields. */
  understand(exchange, url, body, multipart) {
    if (exchange.request.method !== 'POST' || !['/graphql', '/metadata'].includes(url.pathname)) return { roots: [], json: null };
    let json = null;
    try {
      json = multipart ? readMultipart(body, exchange.request.headers['content-type']) : JSON.parse(body.toString('utf8'));
    } catch { return { roots: [], json: null, broken: true }; }
    return { json, roots: this.faults.rules.length ? rootNames(json && json.query) : [] };
  }

  perform(exchange, url, request, upload, body, rule) {
    const { pathname } = url;
    const { method } = exchange.request;
    if (pathname === '/client-config') return { status: 200, body: this.config };
    if (pathname === '/healthz') return { status: 200, body: { status: 'ok', info: {}, error: {}, details: {} } };
    if (upload) {
      const { headers } = exchange.request;
      const kept = rule && rule.fault === 'store-short' ? body.subarray(0, -1) : body;
      return this.workspace.files.put(upload[1], url.searchParams.get('token'), kept, headers['content-type'], Boolean(headers.authorization));
    }
    if (method === 'GET' && /^\/files?\//.test(pathname)) return this.download(url);
    const bearer = /^Bearer (.+)$/i.exec(exchange.request.headers.authorization || '');
    if (pathname === '/graphql' || pathname === '/metadata') return this.graphql(pathname, request, bearer && bearer[1], rule);
    if (pathname.startsWith('/rest/')) return this.rest(method, url, body, bearer && bearer[1]);
    return { status: 404, body: { statusCode: 404, error: 'NotFoundException', messages: [`Cannot ${method} ${pathname}`] } };
  }

  download(url) {
    const file = this.workspace.files.find(url.pathname);
    if (!file || !file.data) return { status: 404, body: { statusCode: 404, error: 'Error', messages: ['File not found'], code: 'FILE_NOT_FOUND' } };
    return { status: 200, raw: file.data, type: file.contentType || 'application/octet-stream' };
  }

  graphql(pathname, request, bearer, rule) {
    if (request.broken || !request.json) {
      return { status: 400, body: { errors: [{ message: 'POST body sent invalid JSON.', extensions: { code: 'BAD_REQUEST', http: { status: 400 } } }] } };
    }
    if (!bearer) return { status: 200, body: nobody(request.json.query, pathname) };
    const { actor, refusal } = this.workspace.actorOf(bearer);
    if (refusal) return { status: 200, body: { errors: [errors.toBody(errors.unauthenticated(refusal))] }, type: 'application/json' };
    if (pathname === '/graphql') return this.records(request.json, actor);
    return rule && rule.fault === 'metadata-half' ? this.halfMetadata(request.json, rule) : this.workspace.metadata.run(request.json);
  }

  /** 2.19 answers root fields past its GraphQL server, and its content type tells (recorded headers). */
  records(json, actor) {
    const answer = this.workspace.executor.run(json, actor);
    return this.options.model !== '1.17' && 'data' in answer.body ? { ...answer, type: 'application/json' } : answer;
  }

  /**
   * Metadata half-fails on a busy server (TWENTY 6). `half`: "applied" (default: done, but an error is answered),
   * "lost" (success is answered, nothing was done), "no-relations" (an object without its ties, a relation without its far side).
   */
  halfMetadata(json, rule) {
    const { workspace } = this;
    const before = rule.half === 'lost' ? JSON.stringify(workspace.model.save()) : null;
    const answer = workspace.metadata.run(json);
    if (rule.half === 'lost') { workspace.adopt(Model.load(JSON.parse(before))); return answer; }
    if (rule.half === 'no-relations') { workspace.metadata.loseRelations(answer.body.data); return answer; }
    const error = { message: 'Workspace migration failed to run', extensions: { code: 'INTERNAL_SERVER_ERROR', userFriendlyMessage: errors.STANDARD } };
    return { status: 200, body: { errors: [error], data: null } };
  }

  rest(method, url, body, bearer) {
    const { actor, refusal } = bearer ? this.workspace.actorOf(bearer) : { refusal: 'Missing authentication token' };
    if (refusal) return { status: 401, body: { statusCode: 401, error: 'UnauthorizedException', messages: [refusal] } };
    return rest(this.workspace, method, url, body.length ? JSON.parse(body.toString('utf8')) : null, actor);
  }

  // ---- service time --------------------------------------------------------------------------------------------

  /** Waits for one of the workers, then for the service time of `--latency` (scaled by the number of records). */
  async slot(pathname, request) {
    const { latency, workers } = this.options;
    if (!latency || pathname !== '/graphql') return;
    while (this.busy >= workers) await new Promise((resolve) => this.queue.push(resolve));
    this.busy++;
    await pause(latency * (0.1 + 0.9 * Math.min(1, recordCount(request.json) / 200)));
    this.busy--;
    if (this.queue.length) this.queue.shift()();
  }

  // ---- for tests -----------------------------------------------------------------------------------------------

  async control(exchange, url) {
    const body = await exchange.read();
    const { workspace } = this;
    const wants = url.pathname.slice(3);
    if (wants === 'dump') { await this.dump(exchange, url); return; }
    if (wants === 'log') { exchange.json(200, workspace.log.show(url.searchParams.get('ids') !== '0')); return; }
    if (wants === 'keys') { exchange.json(200, { apiKey: workspace.apiKey, handKey: workspace.handKey }); return; }
    if (wants === 'limits') { exchange.json(200, workspace.limiter.state()); return; }
    if (wants === 'faults') { this.setFaults(exchange, body); return; }
    if (exchange.request.method !== 'POST') { exchange.json(405, { error: 'POST only' }); return; }
    if (wants === 'reset') workspace.reset();
    else if (wants === 'settle') { workspace.timeline.settle(); workspace.flush(); }
    else if (wants === 'log-clear') workspace.log.clear();
    else if (wants === 'limit') this.setLimit(JSON.parse(body.toString()));
    else { exchange.json(404, { error: `no ${url.pathname}` }); return; }
    exchange.json(200, { done: wants });
  }

  /** Waits for the background work, then writes in pieces of about a megabyte, no faster than they are taken. */
  async dump(exchange, url) {
    const { response } = exchange;
    this.workspace.timeline.settle();
    this.workspace.flush();
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' });
    const without = new Set((url.searchParams.get('without') || '').split(',').filter(Boolean));
    let held = '';
    for (const piece of dumpText(this.workspace, { without, part: url.searchParams.get('part') || 'all' })) {
      held += piece;
      if (held.length < 1048576) continue;
      if (!response.write(held)) await new Promise((resolve) => { response.once('drain', resolve); response.once('close', resolve); });
      held = '';
    }
    response.end(held);
  }

  /** GET shows the script and its counts, POST replaces it, POST ?add=1 appends. */
  setFaults(exchange, body) {
    if (exchange.request.method === 'POST') {
      try {
        this.faults[/add=1/.test(exchange.request.url) ? 'add' : 'set'](JSON.parse(body.toString() || '[]'));
      } catch (error) { exchange.json(400, { error: error.message }); return; }
    }
    exchange.json(200, this.faults.show());
  }

  /** POST /__limit {perMinute, perSecond}: new buckets, full. */
  setLimit({ perMinute = 0, perSecond = 0 }) {
    this.workspace.limiter = new Limiter(perSecond, perMinute);
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function nobody(query, pathname) {
  try {
    if (pathname === '/metadata') return { errors: [errors.toBody(errors.unauthenticated('Forbidden resource'))] };
    return { errors: validate(NOBODY, parse(String(query))).map(errors.toBody) };
  } catch (error) {
    return { errors: [errors.toBody(error instanceof GraphQLError ? error : new GraphQLError(error.message))] };
  }
}

function rootNames(query) {
  try {
    return parse(query).definitions.filter((each) => each.kind === 'OperationDefinition')
      .flatMap((each) => each.selectionSet.selections).filter((each) => each.kind === 'Field').map((each) => each.name.value);
  } catch { return []; }
}

function recordCount(json) {
  let most = 0;
  for (const value of Object.values((json && json.variables) || {})) {
    if (Array.isArray(value)) most = Math.max(most, value.length);
    else if (value && value.id && Array.isArray(value.id.in)) most = Math.max(most, value.id.in.length);
  }
  return most;
}

/** Options of the command line; errors name what is wrong. */
function readOptions(argv) {
  const options = {
    port: 3999, model: '2.19', data: null, callsPerMinute: 0, callsPerSecond: null, faults: null, latency: 0, workers: 2, foreign: 0, members: [],
    demo: true, timeline: true, timelineDelay: [50, 200], keyName: null, pageMax: 0, uploadOrigin: false, without: [],
  };
  const take = {
    port: (value) => { options.port = Number(value); },
    model: (value) => { options.model = value; },
    data: (value) => { options.data = value; },
    'calls-per-minute': (value) => { options.callsPerMinute = Number(value); },
    'calls-per-second': (value) => { options.callsPerSecond = Number(value); },
    faults: (value) => { options.faults = value; },
    latency: (value) => { options.latency = Number(value); },
    workers: (value) => { options.workers = Number(value); },
    'seed-foreign': (value) => { options.foreign = Number(value); },
    members: (value) => { options.members = value.split(',').map((each) => each.trim()).filter(Boolean); },
    'key-name': (value) => { options.keyName = value; },
    'without-mutations': (value) => { options.without = value.split(','); },
    'role-without': (value) => { options.roleWithout = value.split(','); },
    'role-restrict': (value) => { options.roleRestrict = value.split(','); },
    'page-max': (value) => { options.pageMax = Number(value); },
    'timeline-delay': (value) => { options.timelineDelay = value.split('-').map(Number); },
  };
  for (let i = 0; i < argv.length; i++) {
    const name = argv[i].replace(/^--/, '');
    if (name === 'no-demo') options.demo = false;
    else if (name === 'no-timeline') options.timeline = false;
    else if (name === 'upload-origin') options.uploadOrigin = true;
    else if (take[name] && argv[i + 1] !== undefined) take[name](argv[++i]);
    else throw new Error(`unknown option ${argv[i]}; known: ${Object.keys(take).map((each) => `--${each}`).join(' ')} --no-demo --no-timeline --upload-origin`);
  }
  if (!MODELS.includes(options.model)) throw new Error(`--model is ${MODELS.join(' or ')}`);
  if (options.timelineDelay.length === 1) options.timelineDelay.push(options.timelineDelay[0]);
  // The short bucket of a real server is there as soon as there are limits at all.
  if (options.callsPerSecond === null) options.callsPerSecond = options.callsPerMinute ? Math.max(100, Math.ceil(options.callsPerMinute / 60)) : 0;
  return options;
}

/** Starts a server in this process: {url, apiKey, handKey, server}. */
async function start(argv) {
  const server = new Server(readOptions(argv));
  const url = await server.listen();
  return { url, apiKey: server.workspace.apiKey, handKey: server.workspace.handKey, server };
}

async function main() {
  try {
    const { url, apiKey, server } = await start(process.argv.slice(2));
    process.stdout.write(`ready ${url} ${apiKey}\n`);
    const stop = () => { server.workspace.flush(); server.close(); process.exit(0); };
    process.on('uncaughtException', (error) => process.stderr.write(`${error.stack}\n`));
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

if (require.main === module) main();

module.exports = { Server, readOptions, start };
