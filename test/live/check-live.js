#!/usr/bin/env node
'use strict';
/*
 * The acceptance of flitmig against a Twenty that somebody offers for it: the
 * path, a delta and a rollback with an invented clinic of 300 patients.
 *
 *   TWENTY_URL=… TWENTY_KEY=… [FOREIGN=yes] node test/live/check-live.js
 *
 * Needs a PostgreSQL with flitmig installed (PGHOST, PGPORT, PGUSER). Prints
 * TAP. Counts only what it created: all numbers are compared with those from
 * before. Refuses a workspace that holds records, unless FOREIGN=yes: it
 * destroys nothing that it did not create, but a workspace that matters is
 * not the place to try software; and one whose workflows would act on what it
 * creates. Takes back what it sent, also when something fails. Speaks to
 * Twenty as any client would.
 */

const { execFileSync } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');

const url = (process.env.TWENTY_URL || '').replace(/\/+$/, '');
const key = process.env.TWENTY_KEY || '';
const generate = path.join(__dirname, '../clinic/generate');
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'check-live-'));
const database = `check_live_${process.pid}`;

// ---- TAP ----

let tests = 0;
let failures = 0;
let takenBack = true;

function ok(passed, name, details) {
  tests += 1;
  if (!passed) failures += 1;
  process.stdout.write(`${passed ? 'ok' : 'not ok'} ${tests} - ${name}\n`);
  if (!passed && details !== undefined) process.stdout.write(`${String(details)}\n`.replace(/^/gm, '# ').replace(/# $/, ''));
  return passed;
}

const is = (got, expected, name) => ok(String(got) === String(expected), name, `got ${got}, expected ${expected}`);

function stop(reason) {
  process.stdout.write(`Bail out! ${reason}\n`);
  process.exitCode = 1;
  throw new Error(reason);
}

// ---- PostgreSQL ----

function sql(text, name = database) {
  return execFileSync('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', name, '-c', text],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 26 }).trim();
}

const quote = (text) => `'${String(text).replace(/'/g, "''")}'`;

// ---- Twenty ----

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A GraphQL call; waits where the call limit asks for it. */
async function ask(query, variables = {}, endpoint = '/graphql') {
  for (let attempt = 0; ; attempt++) {
    const answer = await fetch(url + endpoint, {
      method: 'POST',
      // psql keeps this process for minutes between two calls: a kept connection would be dead, and nobody here to notice.
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, connection: 'close' },
      body: JSON.stringify({ query, variables }),
    });
    const body = await answer.json().catch(() => ({ errors: [{ message: `HTTP ${answer.status}` }] }));
    if (!body.errors) return body.data;
    if (!/limit reached/i.test(JSON.stringify(body.errors)) || attempt > 30) throw new Error(body.errors[0].message);
    await sleep(5000);
  }
}

/** The active objects with their fields: what a rollback must leave as it was. */
async function readSchema() {
  const data = await ask(
    'query($n: Int!) { objects(paging: {first: $n}) { edges { node { nameSingular namePlural isActive isSystem fieldsList { name type options } } } } }',
    { n: 500 }, '/metadata');
  return data.objects.edges.map(({ node }) => node).filter((node) => node.isActive)
    .sort((a, b) => (a.nameSingular < b.nameSingular ? -1 : 1));
}

const describe = (schema) => schema.flatMap((object) => object.fieldsList.map((field) =>
  `${object.nameSingular}.${field.name} ${field.type} ${JSON.stringify((field.options || []).map((option) => option.value).sort())}`)).sort();

/** Number of records of every object that can be counted. */
async function countAll(schema) {
  const counts = {};
  for (const { namePlural } of schema) {
    try {
      counts[namePlural] = (await ask(`query { ${namePlural} { totalCount } }`))[namePlural].totalCount;
    } catch (error) {
      // Not every key may read every system object.
      counts[namePlural] = `not readable`;
    }
  }
  return counts;
}

/** Where the files of these attachments can be fetched: their field is FILES, or a signed path on older servers. */
async function fileUrls(ids) {
  const read = (fields) => ask(`query($ids: [UUID!], $n: Int) { attachments(first: $n, filter: {id: {in: $ids}}) { edges { node { ${fields} } } } }`, { ids, n: ids.length });
  const data = await read('file { url }').catch(() => read('fullPath'));
  return data.attachments.edges.flatMap(({ node }) => node.fullPath || (node.file || []).map((file) => file.url));
}

const answers = async (urls) => {
  let count = 0;
  for (const each of urls) if ((await fetch(each, { headers: { connection: 'close' } })).ok) count += 1;
  return count;
};

const difference = (before, after) => Object.keys({ ...before, ...after })
  .filter((name) => before[name] !== after[name]).map((name) => `${name}: ${before[name]} before, ${after[name]} after`).join('\n');

// ---- the acceptance ----

async function main() {
  if (!url || !key) stop('TWENTY_URL and TWENTY_KEY say where Twenty is and how to get in');

  const schema = await readSchema().catch((error) => stop(`no Twenty answers there: ${error.message}`));
  ok(schema.length > 0, 'Twenty answers and the key is good');
  const before = await countAll(schema);
  const own = ['people', 'companies', 'tasks', 'notes', 'opportunities'].filter((name) => before[name] > 0);
  if (own.length && process.env.FOREIGN !== 'yes') {
    stop(`the workspace holds records (${own.map((name) => `${before[name]} ${name}`).join(', ')}): offer an empty one, or say FOREIGN=yes`);
  }
  const acting = await ask('query { workflowAutomatedTriggers { edges { node { type workflow { name statuses } } } } }').then(
    (data) => data.workflowAutomatedTriggers.edges.map(({ node }) => node).filter(({ type, workflow }) => type === 'DATABASE_EVENT' && workflow && (workflow.statuses || []).includes('ACTIVE')),
    () => []);
  if (acting.length) {
    stop(`workflows would act on the records, and what they make nobody takes back: deactivate ${acting.map(({ workflow }) => `"${workflow.name}"`).join(', ')} first`);
  }
  const members = (await ask('query { workspaceMembers { edges { node { userEmail } } } }')).workspaceMembers.edges.map(({ node }) => node.userEmail);

  for (const [name, ...options] of [['export'], ['export-later', '--delta']]) {
    execFileSync(generate, ['--out', path.join(scratch, name), '--patients', '300', '--seed', '77', ...options]);
  }
  fs.chmodSync(scratch, 0o755);

  sql(`CREATE DATABASE ${database} ENCODING 'UTF8' TEMPLATE template0`, 'postgres');
  sql('CREATE EXTENSION flitmig');
  sql(`CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url ${quote(url)}${/^http:/.test(url) ? ", allow_http 'true'" : ''})`);
  sql(`CREATE USER MAPPING FOR CURRENT_USER SERVER crm OPTIONS (api_key ${quote(key)})`);

  sql(`SELECT flitmig_create('clinic', 'crm', time_zone => 'America/New_York', country => 'US', currency => 'USD', default_owner => ${quote(members[0])})`);
  sql(`SELECT * FROM flitmig_import('clinic', ${quote(path.join(scratch, 'export'))})`);
  is(sql('SELECT sum(difference) FROM flitmig.file_balance'), 0, 'every row of every file is staged or rejected');
  sql("SELECT flitmig_confirm('clinic')");
  sql("SELECT * FROM flitmig_plan('clinic')");
  ok(!difference(before, await countAll(schema)), 'until here nothing has changed in Twenty');

  takenBack = false;
  sql("SELECT * FROM flitmig_prepare('clinic')");
  sql("SELECT * FROM flitmig_sample('clinic', 100)");
  is(sql("SELECT count(*) FROM flitmig_diff('clinic') WHERE verdict IN ('mismatch', 'missing')"), 0, 'sample: every field is stored as sent, or normalised by a named rule');
  sql("SELECT flitmig_sign_off('clinic', 'check-live')");

  sql("SELECT * FROM flitmig_run('clinic')");
  is(sql('SELECT sum(difference) FROM flitmig.balance'), 0, 'run: the balance is zero');
  is(sql('SELECT count(*) FROM flitmig.quarantine'), 0, 'run: nothing was refused');
  is(sql("SELECT count(*) FROM flitmig.diff WHERE verdict IN ('mismatch', 'missing')"), 0, 'run: no field differs from what was sent');
  const full = await readSchema();
  const moved = await countAll(full);
  for (const line of sql("SELECT l.name_plural, count(*) FROM flitmig.base b JOIN flitmig.live_object l ON l.migration_id = b.migration_id AND l.name = b.object GROUP BY 1 ORDER BY 1").split('\n')) {
    const [name, stored] = line.split('|');
    is(moved[name] - (before[name] || 0), stored, `run: Twenty has ${stored} more ${name}`);
  }

  sql("SELECT * FROM flitmig_run('clinic')");
  is(sql("SELECT count(*) FROM flitmig.batch WHERE run_id = (SELECT max(id) FROM flitmig.run) AND kind IN ('create', 'update', 'destroy', 'upload', 'schema')"), 0, 'running again sends nothing');

  // A person edits a record; the newer export changes others.
  const edited = sql("SELECT b.id FROM flitmig.base b JOIN flitmig.object_map o ON o.id = b.object_map_id WHERE o.name = 'patient' ORDER BY b.id LIMIT 1");
  await ask('mutation($id: UUID!, $data: PersonUpdateInput!) { updatePerson(id: $id, data: $data) { id } }', { id: edited, data: { jobTitle: 'Edited by hand' } });
  sql(`SELECT * FROM flitmig_import('clinic', ${quote(path.join(scratch, 'export-later'))})`);
  sql("SELECT * FROM flitmig_run('clinic')");
  is(sql('SELECT sum(difference) FROM flitmig.balance'), 0, 'delta: the balance is zero');
  const [total, changed] = sql("SELECT (SELECT count(*) FROM flitmig.base), (SELECT count(*) FROM flitmig.base WHERE run_id = (SELECT max(id) FROM flitmig.run WHERE kind = 'delta'))").split('|').map(Number);
  ok(changed > 0 && changed < total / 5, 'delta: only what changed was sent', `${changed} of ${total}`);
  const job = (await ask('query($id: UUID!) { person(filter: {id: {eq: $id}}) { jobTitle } }', { id: edited })).person.jobTitle;
  is(job, 'Edited by hand', 'delta: what a person wrote is still there');

  const files = await fileUrls(sql("SELECT id FROM flitmig.base WHERE object = 'attachment' ORDER BY id LIMIT 100").split('\n'));
  is(await answers(files), files.length, 'delta: each file can be fetched from Twenty');
  ok(files.length > 0, 'delta: there are files');

  const kept = sql("SELECT coalesce(sum(kept), 0) FROM flitmig_rollback('clinic', dry_run => true)");
  ok(Number(kept) >= 1, 'rollback: the edited record would be kept', `${kept} kept`);
  sql("SELECT * FROM flitmig_rollback('clinic', force => true)");
  const left = await readSchema();
  is(describe(left).join('\n'), describe(schema).join('\n'), 'rollback: objects, fields and options are what they were');
  // Twenty writes its timeline a moment later; whatever hangs on records that are gone goes with them.
  let rest = '';
  for (let look = 0; look < 10; look++) {
    rest = difference(before, await countAll(left));
    if (!rest) break;
    await sleep(3000);
  }
  ok(!rest, 'rollback: as many records of every object as before', rest);
  let fetched = files.length;
  for (let look = 0; look < 10 && fetched; look++) {
    fetched = await answers(files);
    if (fetched) await sleep(3000);
  }
  is(fetched, 0, 'rollback: no file can be fetched any more');
  takenBack = true;
  is(sql("SELECT count(*) FROM flitmig_audit_verify('clinic')"), 0, 'the audit is unbroken');
}

main().catch((error) => {
  // psql's words are worth more than the stack of the call.
  const words = (error.stderr || error.message || '').toString().trim();
  if (!process.exitCode) ok(false, 'the acceptance goes through', words);
}).finally(() => {
  // The undo log goes with the database: whatever failed, the workspace is not left with an invented clinic.
  if (!takenBack) {
    try { sql("SELECT * FROM flitmig_rollback('clinic', force => true)"); } catch (error) {
      process.stdout.write(`# what was sent could not be taken back: ${(error.stderr || error.message).toString().trim().split('\n')[0]}\n`);
    }
  }
  try { sql(`DROP DATABASE IF EXISTS ${database}`, 'postgres'); } catch (error) { /* the cluster is thrown away anyway */ }
  fs.rmSync(scratch, { recursive: true, force: true });
  process.stdout.write(`1..${tests}\n`);
  if (failures) process.exitCode = 1;
});
