'use strict';

/**
 * What the recordings do not cover of the stand-in itself: limits over time, faults, dumps, restarts, files, the timeline.
 *   node test/twenty/standin.test.js [--only NAME]
 * Prints TAP.
 */

const assert = require('assert');
const fs = require('fs');
const net = require('net');
const os = require('os');
const path = require('path');
const { spawn } = require('child_process');
const { Bucket } = require('./bucket');
const { MODELS } = require('./model');
const { uuid5 } = require('./seed');
const { start } = require('./server');

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

class Client {
  constructor({ url, apiKey, handKey, server }) { Object.assign(this, { url, key: apiKey, handKey, server }); }

  async post(where, body, key = this.key, signal = undefined) {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
    const response = await fetch(this.url + where, { method: 'POST', headers, body: JSON.stringify(body), signal, redirect: 'manual' });
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  async call(where, query, variables, key) {
    const body = JSON.parse((await this.post(where, { query, variables }, key)).text);
    if (body.errors) throw new Error(body.errors[0].message);
    return body.data;
  }

  graphql(query, variables, key) { return this.call('/graphql', query, variables, key); }

  metadata(query, variables) { return this.call('/metadata', query, variables); }

  async dump(how = '') { return (await fetch(`${this.url}/__dump${how}`)).text(); }

  async control(what, body = {}) { return (await this.post(`/__${what}`, body)).text; }

  async people(names) {
    const data = names.map((name) => ({ id: uuid5(name), name: { firstName: name } }));
    return (await this.graphql('mutation($d:[PersonCreateInput!]!){createPeople(data:$d){id}}', { d: data })).createPeople;
  }

  async count(plural = 'people') { return (await this.graphql(`{${plural}{totalCount}}`))[plural].totalCount; }

  async objectId(name) {
    const { objects } = await this.metadata('{objects(paging:{first:200}){edges{node{id nameSingular fieldsList{id name options}}}}}');
    return objects.edges.map((edge) => edge.node).find((node) => node.nameSingular === name);
  }

  addField(objectMetadataId, type, name, more = {}) {
    return this.metadata('mutation($i:CreateOneFieldMetadataInput!){createOneField(input:$i){id}}',
      { i: { field: { objectMetadataId, type, name, label: name, ...more } } }).then((data) => data.createOneField.id);
  }

  close() { this.server.close(); }
}

const open = async (...argv) => new Client(await start(['--port', '0', ...argv]));

/** How many calls a bucket of 100 a minute takes in ten minutes, per minute, at given moments. */
function perMinute(times) {
  const bucket = new Bucket(100, 60000);
  bucket.tokens = 0;
  let accepted = 0;
  for (const now of times) {
    try { bucket.take(now); accepted++; } catch { /* refused */ }
  }
  return accepted / 10;
}

const steady = (gap) => Array.from({ length: Math.floor(600000 / gap) }, (_, i) => (i + 1) * gap);

const tests = {
  'bucket: 599 ms gets 50 a minute, 600 ms gets 100, bursts get 98.7 (TWENTY 2)': async () => {
    assert.ok(Math.abs(perMinute(steady(599)) - 50) < 1);
    assert.ok(Math.abs(perMinute(steady(600)) - 100) < 1);
    const bursts = [];
    for (let at = 12100; at <= 600000; at += 12100 + 20 * 2) for (let i = 0; i < 20; i++) bursts.push(at + i * 2);
    assert.ok(Math.abs(perMinute(bursts) - 98.7) < 2);
  },

  'limits: a refused call answers 200 and is counted': async () => {
    const c = await open('--calls-per-minute', '5');
    for (let i = 0; i < 5; i++) await c.count();
    const refused = await c.post('/graphql', { query: '{people{totalCount}}' });
    assert.strictEqual(refused.status, 200);
    assert.match(refused.text, /Limit reached \(5 tokens per 60000 ms\)/);
    const log = JSON.parse(await (await fetch(`${c.url}/__log`)).text());
    assert.strictEqual(log.refused, 1);
    assert.strictEqual(log.accepted, 5);
    c.close();
  },

  'limits: tokens are taken when a call arrives, not when its turn has come': async () => {
    const c = await open('--calls-per-minute', '3', '--latency', '8000', '--workers', '1');
    const answered = [];
    const calls = [0, 1, 2, 3].map((i) => c.post('/graphql', { query: '{people{totalCount} companies{totalCount}}' }).then(({ text }) => answered.push([i, text])));
    await Promise.all(calls);
    // two tokens a call: the second call has one root refused, the last two are refused whole and wait for nobody
    assert.deepStrictEqual(answered.slice(0, 2).map(([, text]) => (text.match(/Limit reached/g) || []).length), [2, 2]);
    assert.deepStrictEqual(answered.slice(2).map(([, text]) => (text.match(/Limit reached/g) || []).length), [0, 1]);
    const log = JSON.parse(await (await fetch(`${c.url}/__log`)).text());
    assert.deepStrictEqual([log.accepted, log.refused], [3, 5]);
    c.close();
  },

  'dump: the same bytes twice, and again after schema and records came and went': async () => {
    for (const model of MODELS) {
      const c = await open('--model', model, '--seed-foreign', '20', '--members', 'a@clinic.test,b@clinic.test');
      const before = await c.dump();
      assert.strictEqual(await c.dump(), before);
      await migrateAndTakeBack(c, model);
      assert.strictEqual(await c.dump(), before);
      c.close();
    }
  },

  'dump: a change of one record is one line': async () => {
    const c = await open('--seed-foreign', '3');
    const before = (await c.dump()).split('\n');
    await c.graphql('mutation($i:UUID!){updatePerson(id:$i,data:{jobTitle:"Changed"}){id}}', { i: uuid5('foreign/person/0') }, c.handKey);
    await c.control('settle');
    const after = (await c.dump('?part=records')).split('\n');
    const changed = after.filter((line) => !before.includes(line));
    assert.strictEqual(changed.filter((line) => line.includes('"record":"person"')).length, 1);
    assert.match(changed.find((line) => line.includes('"record":"person"')), /"updatedBy":\{"context":\{\},"name":"Hand Edit","source":"MANUAL"/);
    assert.strictEqual(changed.filter((line) => line.includes('person.updated')).length, 1);
    c.close();
  },

  'timeline: 50 tasks and 50 notes leave 100 rows without a target (TWENTY 5)': async () => {
    for (const model of MODELS) {
      const c = await open('--model', model, '--no-demo');
      for (const [One, Many] of [['Task', 'Tasks'], ['Note', 'Notes']]) {
        const ids = Array.from({ length: 50 }, (_, i) => ({ id: uuid5(`${One}${i}`), title: 'x' }));
        await c.graphql(`mutation($d:[${One}CreateInput!]!){create${Many}(data:$d){id}}`, { d: ids });
        await c.control('settle');
        await c.graphql(`mutation($f:${One}FilterInput!){destroy${Many}(filter:$f){id}}`, { f: { id: { in: ids.map((each) => each.id) } } });
      }
      const { timelineActivities } = await c.graphql('{timelineActivities(first:200){totalCount edges{node{targetTaskId targetNoteId}}}}');
      assert.strictEqual(timelineActivities.totalCount, 100);
      assert.ok(timelineActivities.edges.every(({ node }) => !node.targetTaskId && !node.targetNoteId));
      c.close();
    }
  },

  'timeline: rows come a moment later by themselves': async () => {
    const c = await open('--no-demo', '--timeline-delay', '200');
    await c.people(['late']);
    assert.strictEqual(await c.count('timelineActivities'), 0);
    await pause(400);
    assert.strictEqual(await c.count('timelineActivities'), 1);
    c.close();
  },

  'paging: every record once, by id and by another order': async () => {
    const c = await open('--no-demo', '--page-max', '200');
    for (let i = 0; i < 3; i++) await c.people(Array.from({ length: 150 }, (_, j) => `p${i}-${j}`));
    for (const order of ['', ',orderBy:[{createdAt:DescNullsLast}]', ',orderBy:[{name:{firstName:AscNullsLast}}]']) {
      const seen = new Set();
      let after = null;
      do {
        const { people } = await c.graphql(`query($a:String){people(first:500,after:$a${order}){edges{node{id}} pageInfo{hasNextPage endCursor}}}`, { a: after });
        for (const { node } of people.edges) seen.add(node.id);
        after = people.pageInfo.hasNextPage ? people.pageInfo.endCursor : null;
      } while (after);
      assert.strictEqual(seen.size, 450);
    }
    c.close();
  },

  'files: the bytes come back, on both models': async () => {
    const bytes = Buffer.from(Array.from({ length: 100000 }, (_, i) => i % 256));
    for (const model of MODELS) {
      const c = await open('--model', model);
      const url = model === '1.17' ? await attachByPath(c, bytes) : await attachDirect(c, bytes);
      const back = Buffer.from(await (await fetch(url)).arrayBuffer());
      assert.ok(back.equals(bytes));
      assert.match(await c.dump('?part=files'), /"size":100000,"sha256":"[0-9a-f]{64}"/);
      await c.graphql('mutation{destroyAttachments(filter:{name:{eq:"scan.bin"}}){id}}');
      assert.doesNotMatch(await c.dump('?part=files'), /scan\.bin/);
      c.close();
    }
  },

  'restart: --data brings everything back after a kill': async () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'standin-'));
    const argv = ['--port', '0', '--model', '2.19', '--seed-foreign', '5', '--data', directory];
    const first = await spawned(argv);
    const person = await first.objectId('person');
    await first.addField(person.id, 'TEXT', 'chartNumber', { isUnique: true });
    await first.people(['kept']);
    await attachDirect(first, Buffer.from('kept bytes'));
    await first.graphql('mutation($i:UUID!){destroyPerson(id:$i){id}}', { i: uuid5('foreign/person/1') });
    await first.control('settle');
    const before = await first.dump();
    first.child.kill('SIGKILL');
    await pause(100);
    const second = await spawned(argv);
    assert.strictEqual(await second.dump(), before);
    second.child.kill();
    fs.rmSync(directory, { recursive: true });
  },

  'fault limit, 429, 502, 503, redirect: answered, nothing done': async () => {
    const c = await open('--no-demo');
    const expected = { limit: 200, 429: 429, 502: 502, '503-retry-after': 503, redirect: 302 };
    for (const [fault, status] of Object.entries(expected)) {
      await c.control('faults', [{ on: 'createPeople', nth: 1, fault, ms: 2000 }]);
      const answer = await c.post('/graphql', createOf('x'));
      assert.strictEqual(answer.status, status);
      if (fault === '503-retry-after') assert.strictEqual(answer.headers.get('retry-after'), '2');
      if (fault === 'limit') assert.match(answer.text, /LIMIT_REACHED/);
      assert.strictEqual(await c.count(), 0);
    }
    c.close();
  },

  'fault reset-before, reset-after, apply-then-timeout, reset-then-apply-later': async () => {
    const c = await open('--no-demo');
    const stored = { 'reset-before': 0, 'reset-after': 1, 'apply-then-timeout': 2, 'reset-then-apply-later': 2 };
    for (const [fault, count] of Object.entries(stored)) {
      await c.control('faults', [{ on: 'createPeople', fault, ms: 200 }]);
      await assert.rejects(c.post('/graphql', createOf(fault)));
      assert.strictEqual(await c.count(), count, fault);
    }
    await pause(300);
    assert.strictEqual(await c.count(), 3);
    c.close();
  },

  'fault cut-json, slow-drip, huge': async () => {
    const c = await open('--no-demo');
    await c.control('faults', [{ on: 'createPeople', fault: 'cut-json' }]);
    await assert.rejects(c.post('/graphql', createOf('cut')));
    assert.strictEqual(await c.count(), 1);
    await c.control('faults', [{ on: '/graphql', fault: 'cut-json', clean: true }]);
    assert.throws(() => JSON.parse('{'), SyntaxError);
    const clean = await c.post('/graphql', { query: '{people{totalCount}}' });
    assert.throws(() => JSON.parse(clean.text), SyntaxError);
    await c.control('faults', [{ on: '/people|person/', fault: 'slow-drip', ms: 400 }]);
    const began = Date.now();
    assert.match((await c.post('/graphql', { query: '{people{totalCount}}' })).text, /totalCount/);
    assert.ok(Date.now() - began >= 300);
    await c.control('faults', [{ on: 'people', fault: 'huge', bytes: 5000000 }]);
    assert.ok((await c.post('/graphql', { query: '{people{totalCount}}' })).text.length >= 5000000);
    c.close();
  },

  'fault metadata-half: applied with an error, lost with a success': async () => {
    const c = await open();
    const { id } = await c.objectId('person');
    await c.control('faults', [{ on: 'createOneField', fault: 'metadata-half' }]);
    await assert.rejects(c.addField(id, 'TEXT', 'halfDone'));
    assert.ok((await c.objectId('person')).fieldsList.some((field) => field.name === 'halfDone'));
    await c.control('faults', [{ on: 'createOneField', fault: 'metadata-half', half: 'lost' }]);
    await c.addField(id, 'TEXT', 'neverMade');
    assert.ok(!(await c.objectId('person')).fieldsList.some((field) => field.name === 'neverMade'));
    await c.people(['still works']);
    c.close();
  },

  'fault script: nth, times, every': async () => {
    const c = await open('--no-demo');
    await c.control('faults', [{ on: 'people', nth: 2, times: 2, fault: '502' }]);
    const seen = [];
    for (let i = 0; i < 5; i++) seen.push((await c.post('/graphql', { query: '{people{totalCount}}' })).status);
    assert.deepStrictEqual(seen, [200, 502, 502, 200, 200]);
    c.close();
  },

  'latency: at most two at a time': async () => {
    const c = await open('--no-demo', '--latency', '1000');
    const began = Date.now();
    await Promise.all([1, 2, 3, 4].map(() => c.count()));
    const took = Date.now() - began;
    assert.ok(took >= 190 && took < 1000, `${took} ms`);
    c.close();
  },

  'body of more than 10 MB is refused': async () => {
    const c = await open();
    const answer = await c.post('/graphql', { query: '{people{totalCount}}', variables: { x: 'y'.repeat(11 * 1024 * 1024) } });
    assert.strictEqual(answer.status, 413);
    c.close();
  },

  'listens on loopback only': async () => {
    const c = await open();
    assert.strictEqual(c.server.http.address().address, '127.0.0.1');
    assert.ok(net.isIPv4(c.server.http.address().address));
    c.close();
  },
};

const createOf = (name) => ({
  query: 'mutation($d:[PersonCreateInput!]!){createPeople(data:$d){id}}', variables: { d: [{ id: uuid5(name), name: { firstName: name } }] },
});

/** What a migration does, and its rollback, in the order of the undo log. */
async function migrateAndTakeBack(c, model) {
  const [person, task] = [await c.objectId('person'), await c.objectId('task')];
  const status = task.fieldsList.find((field) => field.name === 'status');
  const setOptions = (options) => c.metadata('mutation($i:UpdateOneFieldMetadataInput!){updateOneField(input:$i){id}}', { i: { id: status.id, update: { options } } });
  const { createOneObject: claim } = await c.metadata('mutation($i:CreateOneObjectInput!){createOneObject(input:$i){id}}', {
    i: { object: { nameSingular: 'billingClaim', namePlural: 'billingClaims', labelSingular: 'Claim', labelPlural: 'Claims' } },
  });
  const fields = [await c.addField(person.id, 'TEXT', 'sourceSystemId', { isUnique: true })];
  fields.push(await c.addField(claim.id, 'RELATION', 'patient', { relationCreationPayload: { type: 'MANY_TO_ONE', targetObjectMetadataId: person.id, targetFieldLabel: 'Claims', targetFieldIcon: 'IconX' } }));
  await setOptions([...status.options, { value: 'CANCELLED', label: 'Cancelled', color: 'red', position: 3 }]);
  const id = (name) => uuid5(`mine/${name}`);
  const target = model === '1.17' ? 'personId' : 'targetPersonId';
  await c.graphql('mutation($d:[PersonCreateInput!]!){createPeople(data:$d){id}}', { d: [{ id: id('p'), sourceSystemId: 's1', companyId: uuid5('foreign/company/0') }] });
  await c.graphql('mutation($d:[TaskCreateInput!]!){createTasks(data:$d){id}}', { d: [{ id: id('t'), title: 't', status: 'CANCELLED' }] });
  await c.graphql('mutation($d:[TaskTargetCreateInput!]!){createTaskTargets(data:$d){id}}', { d: [{ id: id('tt'), taskId: id('t'), [target]: id('p') }] });
  await c.graphql('mutation($d:[BillingClaimCreateInput!]!){createBillingClaims(data:$d){id}}', { d: [{ id: id('c'), name: 'c', patientId: id('p') }] });
  await c.control('settle');
  const filter = { or: [{ targetPersonId: { in: [id('p')] } }, { targetTaskId: { in: [id('t')] } }, { targetBillingClaimId: { in: [id('c')] } }] };
  await c.graphql('mutation($f:TimelineActivityFilterInput!){destroyTimelineActivities(filter:$f){id}}', { f: filter });
  for (const [One, Many, name] of [['BillingClaim', 'BillingClaims', 'c'], ['Task', 'Tasks', 't'], ['Person', 'People', 'p']]) {
    await c.graphql(`mutation($f:${One}FilterInput!){destroy${Many}(filter:$f){id}}`, { f: { id: { in: [id(name)] } } });
  }
  await setOptions(status.options);
  for (const field of fields.reverse()) await c.metadata('mutation($i:DeleteOneFieldInput!){deleteOneField(input:$i){id}}', { i: { id: field } });
  if (model === '1.17') {
    const { getCoreViews: views } = await c.metadata('query($o:String){getCoreViews(objectMetadataId:$o){id}}', { o: claim.id });
    const gone = await c.graphql('mutation($f:FavoriteFilterInput!){destroyFavorites(filter:$f){id}}', { f: { viewId: { in: views.map((view) => view.id) } } });
    assert.strictEqual(gone.destroyFavorites.length, 1);
  }
  await c.metadata('mutation($i:DeleteOneObjectInput!){deleteOneObject(input:$i){id}}', { i: { id: claim.id } });
}

async function attachByPath(c, bytes) {
  const form = new FormData();
  form.append('operations', JSON.stringify({ query: 'mutation($file:Upload!,$f:FileFolder){uploadFile(file:$file,fileFolder:$f){path token}}', variables: { file: null, f: 'Attachment' } }));
  form.append('map', '{"0":["variables.file"]}');
  form.append('0', new Blob([bytes]), 'scan.bin');
  const response = await fetch(`${c.url}/graphql`, { method: 'POST', headers: { authorization: `Bearer ${c.key}` }, body: form });
  const { data } = await response.json();
  const made = await c.graphql('mutation($d:[AttachmentCreateInput!]!){createAttachments(data:$d){fullPath}}', { d: [{ name: 'scan.bin', fullPath: data.uploadFile.path }] });
  return made.createAttachments[0].fullPath;
}

async function attachDirect(c, bytes) {
  const field = (await c.objectId('attachment')).fieldsList.find((each) => each.name === 'file');
  const { createFileUpload: target } = await c.metadata(
    'mutation($s:Float!,$f:String!){createFileUpload(filename:"scan.bin",size:$s,fileFolder:FilesField,fieldMetadataId:$f){fileId uploadUrl contentType}}',
    { s: bytes.length, f: field.id });
  const put = await fetch(target.uploadUrl, { method: 'PUT', headers: { 'content-type': target.contentType }, body: bytes });
  assert.strictEqual(put.status, 204);
  await c.metadata('mutation($f:String!){completeFileUpload(fileId:$f){id}}', { f: target.fileId });
  const made = await c.graphql('mutation($d:[AttachmentCreateInput!]!){createAttachments(data:$d){file{url}}}', { d: [{ name: 'scan.bin', file: [{ fileId: target.fileId, label: 'scan.bin' }] }] });
  return made.createAttachments[0].file[0].url;
}

/** A server in a process of its own. */
function spawned(argv) {
  const child = spawn(process.execPath, [path.join(__dirname, 'server.js'), ...argv], { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve) => child.stdout.once('data', (text) => {
    const [, url, apiKey] = String(text).trim().split(' ');
    resolve(Object.assign(new Client({ url, apiKey }), { child }));
  }));
}

async function main() {
  const only = process.argv.indexOf('--only') > 0 ? process.argv[process.argv.indexOf('--only') + 1] : '';
  const names = Object.keys(tests).filter((name) => name.includes(only));
  let failed = 0;
  for (const [i, name] of names.entries()) {
    let error = null;
    try { await tests[name](); } catch (thrown) { error = thrown; failed++; }
    process.stdout.write(`${error ? 'not ok' : 'ok'} ${i + 1} - ${name}\n`);
    if (error) process.stdout.write(`${String(error.stack).slice(0, 1500).replace(/^/gm, '#   ')}\n`);
  }
  process.stdout.write(`1..${names.length}\n# ${names.length} tests, ${failed} failed\n`);
  process.exit(failed ? 1 : 0);
}

main();
