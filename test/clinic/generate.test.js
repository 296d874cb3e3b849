#!/usr/bin/env node
'use strict';
/*
 * Tests the generator with a CSV reader of its own: prints TAP, exits 1 on failure.
 *   node test/clinic/generate.test.js
 */

const assert = require('assert');
const { execFileSync, spawnSync } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { TABLES, HISTORY } = require('./lib/tables');

const GENERATE = path.join(__dirname, 'generate');
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'clinic-'));

function generate(name, ...options) {
  const directory = path.join(scratch, name);
  execFileSync(process.execPath, [GENERATE, '--out', directory, ...options]);
  return { directory, manifest: JSON.parse(fs.readFileSync(directory + '.manifest.json', 'utf8')) };
}

/** Splits text into rows of cells, quotes respected. */
function parse(text, delimiter) {
  const rows = [];
  let row = [];
  let cell = '';
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (quoted && character === '"' && text[i + 1] === '"') cell += text[i++];
    else if (character === '"') quoted = !quoted;
    else if (quoted) cell += character;
    else if (character === delimiter) {
      row.push(cell);
      cell = '';
    } else if (character === '\n') {
      rows.push([...row, cell]);
      row = [];
      cell = '';
    } else if (character !== '\r') cell += character;
  }
  return row.length || cell ? [...rows, [...row, cell]] : rows;
}

/** The rows of a table as objects. */
function read(directory, table) {
  const bytes = fs.readFileSync(path.join(directory, table + '.csv'));
  const text = new TextDecoder(TABLES[table].encoding === 'windows-1252' ? 'windows-1252' : 'utf-8', { fatal: true }).decode(bytes);
  const [header, ...rows] = parse(text, TABLES[table].delimiter || ',');
  assert.deepStrictEqual(header, TABLES[table].columns, table + ' header');
  return rows.map((cells) => {
    assert.strictEqual(cells.length, header.length, table + ' width');
    return Object.fromEntries(header.map((name, i) => [name, cells[i]]));
  });
}

const readAll = (directory) => Object.fromEntries(Object.keys(TABLES).map((table) => [table, read(directory, table)]));
const idOf = (table, row) => row[TABLES[table].columns[0]];

/** Every file under a directory with its bytes. */
function contents(directory, prefix = '') {
  return fs.readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const full = path.join(directory, entry.name);
    return entry.isDirectory() ? contents(full, prefix + entry.name + '/') : [[prefix + entry.name, fs.readFileSync(full).toString('latin1')]];
  }).sort((a, b) => (a[0] < b[0] ? -1 : 1));
}

function npiIsValid(npi) {
  if (!/^[12]\d{9}$/.test(npi)) return false;
  const sum = Array.from('80840' + npi).reverse().reduce((total, digit, i) => {
    const value = Number(digit) * (i % 2 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

const tests = [];
const test = (name, run) => tests.push([name, run]);

const base = generate('base');
const rows = readAll(base.directory);
const { manifest } = base;
const patientsById = new Map(rows.patients.map((row) => [row['Patient ID'], row]));
const isLive = (row) => (patientsById.get(row['Patient ID']) || {}).Deleted === 'No';

test('the same seed gives the same bytes, another seed others', () => {
  assert.deepStrictEqual(contents(generate('again').directory), contents(base.directory));
  assert.notDeepStrictEqual(contents(generate('other', '--seed', '2').directory), contents(base.directory));
});

test('the manifest counts the rows of every file', () => {
  for (const table of Object.keys(TABLES)) assert.strictEqual(rows[table].length, manifest.rows[table], table);
});

test('the manifest expects what the rows say', () => {
  const plans = new Map(rows.care_plans.map((row) => [row['Plan ID'], row]));
  const { expected } = manifest;
  assert.strictEqual(expected.patients, [...patientsById.values()].filter((row) => row.Deleted === 'No').length);
  const names = { appointments: 'appointments', notes: 'notes', billingClaims: 'claims', carePlans: 'care_plans', labResults: 'lab_results',
    referrals: 'referrals', policies: 'insurance', documents: 'documents' };
  for (const [name, table] of Object.entries(names)) assert.strictEqual(expected[name], rows[table].filter(isLive).length, name);
  assert.strictEqual(expected.carePlanItems, rows.care_plan_items.filter((row) => isLive(plans.get(row['Plan ID']))).length);
  assert.strictEqual(expected.labResultNarratives, rows.lab_results.filter((row) => isLive(row) && row.Narrative).length);
});

test('every fact of real life is there, for several seeds', () => {
  for (const seed of ['1', '7', '4242']) {
    const { lists, patients, sharedEmails, invalidNpis } = generate('facts-' + seed, '--seed', seed).manifest;
    for (const [name, list] of Object.entries(lists)) assert.ok(list.length > 0, `${name}, seed ${seed}`);
    for (const name of ['stale', 'deleted', 'withSecondaryInsurance', 'withReferringProviderId']) assert.ok(patients[name] > 0, name);
    assert.ok(sharedEmails.addresses > 5 && invalidNpis.length === 2);
  }
});

test('stale and shared e-mails are counted as the rows show them', () => {
  const live = [...patientsById.values()].filter((row) => row.Deleted === 'No');
  const iso = (us) => us.replace(/(..)\/(..)\/(....)/, '$3-$1-$2');
  const stale = live.filter((row) => row['Last Visit'] && iso(row['Last Visit']) < manifest.staleBefore);
  assert.strictEqual(stale.length, manifest.patients.stale);
  const staleIds = new Set(stale.map((row) => row['Patient ID']));
  for (const row of rows.appointments) if (staleIds.has(row['Patient ID'])) assert.ok(iso(row.Start) < manifest.staleBefore);
  const holders = {};
  for (const row of live) if (row.Email.includes('@')) holders[row.Email.toLowerCase()] = (holders[row.Email.toLowerCase()] || 0) + 1;
  const shared = Object.values(holders).filter((count) => count > 1);
  assert.deepStrictEqual(manifest.sharedEmails, { addresses: shared.length, patients: shared.reduce((a, b) => a + b, 0) });
});

test('a duplicate is the same person, a twin is not, a repeated row is identical', () => {
  const key = (row) => [row['First Name'], row['Last Name'], row['Date of Birth']].join();
  for (const [one, other] of manifest.lists.duplicatePersons) assert.strictEqual(key(patientsById.get(one)), key(patientsById.get(other)));
  for (const [one, other] of manifest.lists.twins) {
    const [a, b] = [patientsById.get(one), patientsById.get(other)];
    assert.ok(a['Date of Birth'] === b['Date of Birth'] && a.Email.toLowerCase() === b.Email.toLowerCase() && a['First Name'] !== b['First Name']);
  }
  for (const id of manifest.lists.repeatedPatientRows) {
    const [a, b, ...more] = rows.patients.filter((row) => row['Patient ID'] === id);
    assert.deepStrictEqual(a, b);
    assert.strictEqual(more.length, 0);
  }
});

test('NPI check digits are right but for the listed ones', () => {
  const wrong = rows.providers.filter((row) => row.NPI && !npiIsValid(row.NPI)).map((row) => row['Provider ID']);
  assert.deepStrictEqual(wrong, manifest.invalidNpis.map((fault) => fault.id));
  assert.ok(npiIsValid('1234567893'), 'the example of the standard');
  for (const row of rows.referrals) assert.ok(row['Referring NPI'] === '' || npiIsValid(row['Referring NPI']));
});

test('each file is in its dialect', () => {
  const bytes = (table) => fs.readFileSync(path.join(base.directory, table + '.csv'));
  assert.strictEqual(bytes('patients').subarray(0, 3).toString('hex'), 'efbbbf');
  assert.ok(bytes('appointments').includes('\r\n') && !bytes('notes').includes('\r\n'));
  assert.ok(bytes('payers').toString().startsWith('Payer ID;Name'));
  assert.ok(bytes('locations').includes(0xe9) && bytes('locations').includes(0x92) && bytes('locations').includes(0x96));
  assert.ok(bytes('insurance').toString().startsWith('"Policy ID","Patient ID"'));
  assert.notStrictEqual(bytes('staff').at(-1), 10);
  assert.ok(rows.notes.some((row) => row.Body.includes('\n')) && rows.notes.some((row) => row.Body.length > 20000));
});

test('listed documents exist, with every byte value in one, and one is missing on request', () => {
  for (const row of rows.documents) assert.ok(fs.existsSync(path.join(base.directory, row.Path)), row.Path);
  const binary = rows.documents.find((row) => row['Content Type'] === 'application/octet-stream');
  assert.strictEqual(new Set(fs.readFileSync(path.join(base.directory, binary.Path))).size, 256);
  const dirty = generate('dirty', '--dirty-files');
  const gone = read(dirty.directory, 'documents').filter((row) => !fs.existsSync(path.join(dirty.directory, row.Path)));
  assert.deepStrictEqual(gone.map((row) => row['Document ID']), dirty.manifest.files.missing);
  assert.strictEqual(gone.length, 1);
});

/** Ids that rows point at without there being such a row: 'table column id'. */
function dangling(all) {
  const ids = (table) => new Set(all[table].map((row) => idOf(table, row)));
  const targets = { 'Patient ID': ids('patients'), 'Provider ID': ids('providers'), 'Primary Provider ID': ids('providers'), 'Payer ID': ids('payers'),
    'Location ID': ids('locations'), 'Appointment ID': ids('appointments'), 'Note ID': ids('notes'), 'Plan ID': ids('care_plans'), 'Referring Provider ID': ids('providers') };
  const found = [];
  for (const table of Object.keys(TABLES)) {
    for (const row of all[table]) for (const [column, known] of Object.entries(targets)) if (row[column] && !known.has(row[column])) found.push(`${table} ${idOf(table, row)}`);
  }
  return found;
}

test('only the listed rows point nowhere', () => {
  const listed = [...manifest.lists.orphanAppointments.map((id) => 'appointments ' + id), ...manifest.lists.orphanClaims.map((id) => 'claims ' + id)];
  assert.deepStrictEqual(dangling(rows).sort(), listed.sort());
  const breaks = rows.appointments.filter((row) => row['Patient ID'] === '').map((row) => row['Appointment ID']);
  assert.deepStrictEqual(breaks, manifest.lists.breaks);
});

test('a clean export has no orphans, no repetitions and no invalid values', () => {
  for (const options of [[], ['--delta']]) {
    const clean = generate('clean' + options.length, '--clean', ...options);
    const all = readAll(clean.directory);
    assert.deepStrictEqual(dangling(all), []);
    const { lists } = clean.manifest;
    for (const [name, list] of Object.entries(lists)) assert.strictEqual(list.length > 0, ['deletedPatients', 'breaks'].includes(name), name);
    for (const row of all.providers) assert.ok(row.NPI === '' || npiIsValid(row.NPI));
    for (const row of all.patients) {
      assert.match(row['Mobile Phone'], /^$|^(\+1 )?\(?\d{3}\)?[-. ]?555[-. ]?\d{4}( x\d+)?$|^\+44 7911 12\d{4}$/);
      assert.match(row.Email, /^$|^[a-z.0-9]+@(example\.(com|org|net)|(mail|inbox)\.test)$/i);
      assert.ok(row['Last Name'] !== '');
    }
    assert.deepStrictEqual(clean.manifest.ofDeletedPatients, {});
  }
});

/** What differs between two exports, by table: ids changed (with columns), added, gone. */
function difference(before, after) {
  const result = { changed: {}, changedColumns: {}, added: {}, gone: {} };
  const add = (what, table, id) => (result[what][table] = result[what][table] || []).push(id);
  for (const table of Object.keys(TABLES)) {
    const [old, now] = [before, after].map((all) => new Map(all[table].map((row) => [idOf(table, row), row])));
    for (const id of old.keys()) if (!now.has(id)) add('gone', table, id);
    for (const [id, row] of now) {
      const columns = old.has(id) ? TABLES[table].columns.filter((name) => row[name] !== old.get(id)[name]) : [];
      if (!old.has(id)) add('added', table, id);
      if (columns.length === 0) continue;
      add('changed', table, id);
      (result.changedColumns[table] = result.changedColumns[table] || {})[id] = columns;
    }
  }
  return result;
}

function sorted(lists) {
  return Object.fromEntries(Object.keys(lists).sort().map((table) => [table, [...lists[table]].sort()]));
}

test('the later export differs exactly as its manifest lists', () => {
  for (const options of [[], ['--clean'], ['--patients', '900', '--seed', '3']]) {
    const before = generate('before', ...options);
    const after = generate('after', '--delta', ...options);
    const found = difference(readAll(before.directory), readAll(after.directory));
    const { delta } = after.manifest;
    for (const what of ['changed', 'added', 'gone']) assert.deepStrictEqual(sorted(found[what]), sorted(delta[what]), what);
    assert.deepStrictEqual(found.changedColumns, delta.changedColumns);
    for (const table of ['patients', ...HISTORY]) assert.ok(delta.changed[table].length > 0, table);
    for (const row of read(after.directory, 'documents')) assert.ok(fs.existsSync(path.join(after.directory, row.Path)));
    fs.rmSync(before.directory, { recursive: true });
    fs.rmSync(after.directory, { recursive: true });
  }
});

test('rows that point nowhere in the later export are those of the earlier one', () => {
  const after = generate('later', '--delta');
  const { lists } = after.manifest;
  assert.deepStrictEqual(dangling(readAll(after.directory)).length, lists.orphanAppointments.length + lists.orphanClaims.length);
});

test('big exports share 200 files, each row with the name of its file', () => {
  const big = generate('big', '--patients', '3000', '--dirty-files');
  const listed = read(big.directory, 'documents');
  assert.ok(listed.length > 200 && big.manifest.files.real === 199);
  for (const row of listed) assert.strictEqual(path.basename(row.Path), row['File Name']);
  assert.strictEqual(listed.filter((row) => !fs.existsSync(path.join(big.directory, row.Path))).length, 1);
});

test('staff: members are listed, one name has two spellings', () => {
  assert.strictEqual(manifest.members.length + manifest.notMembers.length, rows.staff.length);
  const owners = new Set(rows.appointments.map((row) => row.Owner));
  for (const owner of ['Mike Torres', 'Michael Torres', ...manifest.members, ...manifest.notMembers]) assert.ok(owners.has(owner), owner);
});

test('wrong options are refused', () => {
  for (const options of [['--patients', '12'], ['--patients', 'x', '--out', 'y'], ['--colour'], []]) {
    assert.strictEqual(spawnSync(process.execPath, [GENERATE, ...options]).status, 2, options.join(' '));
  }
});

function main() {
  let failed = 0;
  process.stdout.write(`1..${tests.length}\n`);
  tests.forEach(([name, run], i) => {
    try {
      run();
      process.stdout.write(`ok ${i + 1} - ${name}\n`);
    } catch (error) {
      failed++;
      process.stdout.write(`not ok ${i + 1} - ${name}\n${String(error.message).split('\n').slice(0, 20).map((line) => '# ' + line).join('\n')}\n`);
    }
  });
  fs.rmSync(scratch, { recursive: true });
  process.exitCode = failed ? 1 : 0;
}

main();
