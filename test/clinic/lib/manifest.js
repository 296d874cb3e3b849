'use strict';
/* Counts rows and facts while they are written, for the manifest beside the export. */

const { at, HISTORY } = require('./tables');
const dates = require('./dates');

const cell = (table, row, name) => row[at(table, name)];
/** How far apart, in patients, two holders of one e-mail can be. */
const SHARING_DISTANCE = 500;

const NARRATIVE = { care_plans: 'Narrative', lab_results: 'Narrative' };
/** Columns whose distinct spellings tests want to see, with counts. */
const SPELLINGS = { appointments: ['Type', 'Status'], claims: ['Claim Status'], lab_results: ['Status'], care_plans: ['Status'], care_plan_items: ['Status'], insurance: ['Coverage Type'] };

class Tally {
  constructor() {
    this.rows = {};
    this.live = {};
    this.ofDeleted = {};
    this.values = {};
    this.patients = { rows: 0, distinct: 0, deleted: 0, live: 0, stale: 0, withoutLastVisit: 0, withPrimaryInsurance: 0, withSecondaryInsurance: 0,
      withReferringProvider: 0, withReferringProviderId: 0, withoutEmail: 0 };
    this.lists = { duplicatePersons: [], twins: [], repeatedPatientRows: [], deletedPatients: [], testPatients: [], orphanAppointments: [], orphanClaims: [],
      breaks: [], invalidMobilePhones: [], severalMobilePhones: [], invalidEmails: [], invalidBirthDates: [], missingLastNames: [] };
    this.counts = { carePlansWithNarrative: 0, labResultsWithNarrative: 0, documentsWithNote: 0, documentsWithoutNote: 0, htmlNotes: 0,
      futureAppointments: 0, negativeBalances: 0, appointmentsOwnedByName: 0, appointmentsWithoutOwner: 0 };
    this.mail = new Map();
    this.shared = { addresses: 0, patients: 0 };
  }

  row(table) {
    this.rows[table] = (this.rows[table] || 0) + 1;
  }

  value(table, row) {
    for (const name of SPELLINGS[table] || []) {
      const seen = (this.values[`${table}.${name}`] = this.values[`${table}.${name}`] || {});
      const text = cell(table, row, name);
      seen[text] = (seen[text] || 0) + 1;
    }
  }

  /** A row that belongs to a patient of this export. */
  child(table, row, patientIsLive) {
    this.row(table);
    this.value(table, row);
    const side = patientIsLive ? this.live : this.ofDeleted;
    side[table] = (side[table] || 0) + 1;
    if (patientIsLive) this.liveChild(table, row);
  }

  liveChild(table, row) {
    const { counts } = this;
    if (table === 'care_plans' && cell(table, row, NARRATIVE[table])) counts.carePlansWithNarrative++;
    if (table === 'lab_results' && cell(table, row, NARRATIVE[table])) counts.labResultsWithNarrative++;
    if (table === 'documents') counts[cell(table, row, 'Note ID') ? 'documentsWithNote' : 'documentsWithoutNote']++;
    if (table === 'notes' && cell(table, row, 'Format') === 'html') counts.htmlNotes++;
    if (table !== 'appointments') return;
    if (/^(scheduled|booked)$/i.test(cell(table, row, 'Status'))) counts.futureAppointments++;
    const owner = cell(table, row, 'Owner');
    if (owner === '') counts.appointmentsWithoutOwner++;
    else if (!owner.includes('@')) counts.appointmentsOwnedByName++;
  }

  /** A row of appointments or claims without a known patient. */
  loose(table, row, list) {
    this.row(table);
    this.value(table, row);
    this.lists[list].push(row[0]);
  }

  /** A patient with all rows, as written. */
  bundle({ patient, row, history }) {
    const live = cell('patients', row, 'Deleted') !== 'Yes';
    this.patients.rows++;
    this.patients.distinct++;
    if (patient.fact === 'repeated') {
      this.patients.rows++;
      this.lists.repeatedPatientRows.push(patient.id);
    }
    this.facts(patient, row);
    if (live) this.livePatient(patient, row, history);
    else {
      this.patients.deleted++;
      this.lists.deletedPatients.push(patient.id);
    }
    for (const table of HISTORY) for (const child of history[table]) this.child(table, child, live);
  }

  livePatient(patient, row, history) {
    const { patients } = this;
    const last = cell('patients', row, 'Last Visit');
    patients.live++;
    if (patient.fact === 'stale') patients.stale++;
    if (last === '') patients.withoutLastVisit++;
    if (history.insurance.some((policy) => cell('insurance', policy, 'Priority') === '1')) patients.withPrimaryInsurance++;
    if (history.insurance.some((policy) => cell('insurance', policy, 'Priority') === '2')) patients.withSecondaryInsurance++;
    if (cell('patients', row, 'Referring Provider Name')) patients.withReferringProvider++;
    if (cell('patients', row, 'Referring Provider ID')) patients.withReferringProviderId++;
    if (/^[-(]/.test(cell('patients', row, 'Balance'))) this.counts.negativeBalances++;
    this.sharing(patient, cell('patients', row, 'Email').toLowerCase());
  }

  facts(patient, row) {
    const { lists } = this;
    const { id, fact } = patient;
    const target = patient.target ? String(100000 + patient.target) : '';
    if (fact === 'duplicate') lists.duplicatePersons.push([target, id]);
    if (fact === 'twin') lists.twins.push([target, id]);
    if (fact === 'test') lists.testPatients.push(id);
    if (fact === 'phone-dash' || fact === 'phone-zeros') lists.invalidMobilePhones.push(id);
    if (fact === 'two-phones') lists.severalMobilePhones.push(id);
    if (fact === 'email-invalid') lists.invalidEmails.push(id);
    if (fact === 'birth-invalid') lists.invalidBirthDates.push(id);
    if (cell('patients', row, 'Last Name') === '') lists.missingLastNames.push(id);
  }

  /** Counts e-mails held by several patients; holders are never far apart, so old entries are forgotten. */
  sharing(patient, email) {
    if (email === '') this.patients.withoutEmail++;
    if (!email.includes('@')) return;
    const entry = this.mail.get(email) || { holders: 0, index: 0 };
    entry.holders++;
    entry.index = patient.index;
    this.mail.set(email, entry);
    if (entry.holders === 2) {
      this.shared.addresses++;
      this.shared.patients += 2;
    } else if (entry.holders > 2) this.shared.patients++;
    if (this.mail.size > 4 * SHARING_DISTANCE) {
      for (const [address, { index }] of this.mail) if (index < patient.index - SHARING_DISTANCE) this.mail.delete(address);
    }
  }
}

/** What Twenty should hold after a run that leaves out deleted patients, repeated rows, breaks and orphans, and merges nobody. */
function expected(tally, clinic, providers) {
  const live = (table) => tally.live[table] || 0;
  return {
    patients: tally.patients.live,
    providers,
    companies: clinic.payers.length + clinic.locations.length,
    appointments: live('appointments'),
    notes: live('notes'),
    carePlanNarratives: tally.counts.carePlansWithNarrative,
    labResultNarratives: tally.counts.labResultsWithNarrative,
    billingClaims: live('claims'),
    carePlans: live('care_plans'),
    carePlanItems: live('care_plan_items'),
    labResults: live('lab_results'),
    referrals: live('referrals'),
    policies: live('insurance'),
    documents: live('documents'),
  };
}

/** The manifest of one export, as written beside its directory. */
function makeManifest(options, clinic, tally, files, providers, delta, timeZone) {
  const rows = Object.assign({ patients: tally.patients.rows, providers: providers.length, staff: clinic.staff.length,
    locations: clinic.locations.length, payers: clinic.payers.length }, tally.rows);
  const manifest = {
    seed: options.seed, requestedPatients: options.patients, clean: options.clean, dirtyFiles: options.dirtyFiles, laterExport: options.delta,
    exportDate: dates.isoDate(options.delta ? dates.DELTA_DAY : dates.EXPORT_DAY), staleBefore: dates.isoDate(dates.STALE_DAY), timeZone, dateOrder: 'MDY',
    rows, expected: expected(tally, clinic, providers.length), ofDeletedPatients: tally.ofDeleted,
    patients: tally.patients, sharedEmails: tally.shared, counts: tally.counts, lists: tally.lists,
    invalidNpis: providers.filter((p) => p.npiFault).map((p) => ({ id: p.id, fault: p.npiFault })),
    values: tally.values,
    staff: clinic.staff.map(({ id, name, email, active, member }) => ({ id, name, email, active, member })),
    members: clinic.staff.filter((s) => s.member).map((s) => s.email),
    notMembers: clinic.staff.filter((s) => !s.member).map((s) => s.email),
    files: { real: files.written, missing: files.missing },
  };
  if (delta) manifest.delta = { changed: delta.changed, changedColumns: delta.changedColumns, added: delta.added, gone: delta.gone };
  return manifest;
}

module.exports = { Tally, makeManifest };
