'use strict';
/* Writes a whole export, patient by patient; memory does not grow with their number (the manifest's id lists aside). */

const fs = require('fs');
const path = require('path');
const { Random, STREAM } = require('./random');
const { TABLES, HISTORY } = require('./tables');
const { CsvFile } = require('./csv');
const { TIME_ZONE, AUTOMATIONS, makeClinic, makeProvider, providerRow, staffRow } = require('./clinic');
const { makePatient, patientRow } = require('./patient');
const { Numbers, makeVisits, makeHistory, looseAppointment, orphanClaim } = require('./history');
const { DocumentFiles } = require('./documents');
const { Delta } = require('./delta');
const { Tally, makeManifest } = require('./manifest');

/** After these patients come rows whose patient does not exist. */
const ORPHANS = { 100: ['appointments', '9900001'], 200: ['appointments', '9900002'], 150: ['claims', '9900003'] };
/** The later export has this share of new patients. */
const ADDED_SHARE = 0.01;
const ADDED_AT_LEAST = 3;

class Export {
  constructor(options) {
    this.options = options;
    this.clinic = makeClinic(options.seed, options.patients, options.clean);
    this.numbers = new Numbers();
    this.tally = new Tally();
    this.delta = options.delta ? new Delta(this.clinic) : null;
    fs.mkdirSync(options.out, { recursive: true });
    this.files = new DocumentFiles(options.out, options.dirtyFiles);
    this.csv = {};
    for (const table of Object.keys(TABLES)) this.csv[table] = new CsvFile(options.out, table, TABLES[table]);
  }

  run() {
    const { patients, out } = this.options;
    const providers = this.writeClinic();
    for (let index = 1; index <= patients; index++) this.patient(index);
    if (this.delta) this.additions(patients);
    for (const file of Object.values(this.csv)) file.close();
    fs.writeFileSync(path.join(out, 'automations.json'), JSON.stringify(AUTOMATIONS, null, 2) + '\n');
    const manifest = makeManifest(this.options, this.clinic, this.tally, this.files, providers, this.delta, TIME_ZONE);
    fs.writeFileSync(path.resolve(out) + '.manifest.json', JSON.stringify(manifest, null, 1) + '\n');
    return manifest;
  }

  /** The small tables. The later export knows a new provider and a new phone number of an old one. */
  writeClinic() {
    const { clinic, csv, delta } = this;
    const providers = clinic.providers.slice();
    if (delta) {
      providers[1] = Object.assign({}, providers[1], { phone: '617-555-0199' });
      providers.push(makeProvider(clinic.seed, providers.length, clinic.clean));
      delta.changed.providers = [providers[1].id];
      delta.changedColumns.providers = { [providers[1].id]: ['Phone'] };
      delta.added.providers = [providers[providers.length - 1].id];
    }
    for (const provider of providers) csv.providers.write(providerRow(provider));
    for (const person of clinic.staff) csv.staff.write(staffRow(person));
    for (const location of clinic.locations) csv.locations.write(location);
    for (const payer of clinic.payers) csv.payers.write(payer);
    return providers;
  }

  /** Generates one patient with all rows; `visits` frames the history. */
  make(index) {
    const { clinic, options } = this;
    const patient = makePatient(clinic, index, options.patients);
    if (index > options.patients) patient.fact = 'added';
    const random = new Random(clinic.seed, STREAM.HISTORY, index);
    const visits = makeVisits(clinic, patient, random);
    const row = patientRow(clinic, patient, visits, random);
    const history = Object.assign({}, makeHistory(clinic, patient, visits, this.numbers, random));
    for (const document of history.documents) this.files.place(document);
    return { bundle: { patient, row, history }, visits, random };
  }

  patient(index) {
    const { bundle, visits, random } = this.make(index);
    if (!this.delta || this.delta.apply(bundle, visits)) this.write(bundle);
    if (bundle.patient.fact === 'break') this.loose('appointments', looseAppointment(this.clinic, '', 'Break', 'Lunch', this.numbers, random), 'breaks');
    if (!this.clinic.clean && ORPHANS[index]) this.orphan(ORPHANS[index], random);
  }

  orphan([table, patientId], random) {
    if (table === 'claims') this.loose(table, orphanClaim(this.clinic, patientId, this.numbers, random), 'orphanClaims');
    else this.loose(table, looseAppointment(this.clinic, patientId, 'Follow-up', 'Back pain', this.numbers, random), 'orphanAppointments');
  }

  loose(table, row, list) {
    this.tally.loose(table, row, list);
    this.csv[table].write(row);
  }

  write(bundle) {
    const { csv } = this;
    this.tally.bundle(bundle);
    csv.patients.write(bundle.row);
    if (bundle.patient.fact === 'repeated') csv.patients.write(bundle.row);
    for (const table of HISTORY) for (const row of bundle.history[table]) csv[table].write(row);
  }

  /** New patients with all their rows, then new rows of patients who existed. */
  additions(patients) {
    const { delta } = this;
    const count = Math.max(ADDED_AT_LEAST, Math.round(patients * ADDED_SHARE));
    for (let index = patients + 1; index <= patients + count; index++) {
      const { bundle } = this.make(index);
      delta.list('added', 'patients', bundle.patient.id);
      for (const table of HISTORY) for (const row of bundle.history[table]) delta.list('added', table, row[0]);
      this.write(bundle);
    }
    for (const [table, row] of delta.grow(this.numbers)) {
      this.tally.child(table, row, true);
      this.csv[table].write(row);
    }
  }
}

/** Writes an export and its manifest; returns the manifest. */
const writeExport = (options) => new Export(options).run();

module.exports = { writeExport };
