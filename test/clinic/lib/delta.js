'use strict';
/*
 * Turns the export into the one taken two days later: some rows changed, some
 * gone, some new. Every effect is listed, by table and id.
 */

const { Random, STREAM } = require('./random');
const { HISTORY, TABLES, at } = require('./tables');
const { factPosition } = require('./roles');
const { makeAppointments, noteRow, claimRow, labRow, workday } = require('./history');
const dates = require('./dates');

/** One row in 31 of every table changes (3.2 %), one in 211 goes. Fixed places, so that small exports have some too. */
const CHANGE_EVERY = 31;
const CHANGE_AT = 5;
const GONE_EVERY = 211;
const GONE_AT = 9;

const TOUCHED = dates.isoTime(dates.DELTA_DAY - 1, 900, 0);
const column = {
  appointments: { status: at('appointments', 'Status'), duration: at('appointments', 'Duration'), start: at('appointments', 'Start'), updated: at('appointments', 'Updated At') },
};

function changeAppointment(row, random) {
  const { status, duration, start, updated } = column.appointments;
  if (/^(scheduled|booked)$/i.test(row[status])) {
    const later = workday(dates.DELTA_DAY + 180 + random.between(0, 20));
    if (random.chance(0.5)) row[status] = 'Canceled';
    else row[start] = dates.usTime(later, 600);
  } else if (row[status] === 'Arrived' || row[status] === 'In session') row[status] = 'Completed';
  else row[duration] = row[duration] === '75' ? '90' : '75';
  row[updated] = TOUCHED;
}

function changeNote(row) {
  const body = at('notes', 'Body');
  row[body] += row[at('notes', 'Format')] === 'html' ? '\n<p><b>Addendum:</b> reviewed.</p>' : '\n\nAddendum: reviewed.';
  row[at('notes', 'Signed')] = 'Yes';
}

function changeClaim(row) {
  const status = at('claims', 'Claim Status');
  const paid = at('claims', 'Amount Paid');
  if (/^paid$/i.test(row[status])) {
    row[status] = 'Partially Paid';
    row[paid] = '10.00';
  } else {
    row[status] = 'Paid';
    row[paid] = row[at('claims', 'Amount Billed')];
  }
}

function changeLab(row) {
  row[at('lab_results', 'Status')] = row[at('lab_results', 'Status')] === 'Corrected' ? 'Final' : 'Corrected';
  row[at('lab_results', 'Narrative')] += 'Repeated, confirmed.';
}

/** Sets a cell to the first value, or to the second if it holds the first already. */
function flip(table, name, first, second) {
  const position = at(table, name);
  return (row) => { row[position] = row[position] === first ? second : first; };
}

const CHANGES = {
  appointments: changeAppointment,
  notes: changeNote,
  insurance: flip('insurance', 'End', '06/30/2026', ''),
  claims: changeClaim,
  referrals: flip('referrals', 'Reason', 'Urgent evaluation', 'Second opinion'),
  care_plans: flip('care_plans', 'Status', 'Completed', 'On hold'),
  care_plan_items: flip('care_plan_items', 'Status', 'Completed', 'In progress'),
  lab_results: changeLab,
  documents: (row) => { row[at('documents', 'Title')] += ' (rev. 2)'; },
};

/** The nine changes of patient rows, one for each slot of the fact 'delta-changed'. */
const PATIENT_CHANGES = [
  (row, random) => { row[at('patients', 'Mobile Phone')] = `+1 617 555 ${row[at('patients', 'Mobile Phone')].slice(-4)} x${random.between(10, 99)}`; },
  (row) => { row[at('patients', 'Email')] = `moved.${row[0]}@example.net`; },
  (row) => { row[at('patients', 'Address 1')] = '1 New Harbor Rd'; row[at('patients', 'Address 2')] = 'Suite é'; },
  (row) => { row[at('patients', 'Status')] = row[at('patients', 'Status')] === 'Inactive' ? 'Active' : 'Inactive'; },
  (row) => { row[at('patients', 'Balance')] = '-120.50'; },
  (row) => { row[at('patients', 'Last Name')] += '-Wells'; },
  (row) => { row[at('patients', 'Consent on File')] = row[at('patients', 'Consent on File')] === 'Yes' ? 'No' : 'Yes'; },
  (row) => { row[at('patients', 'Mobile Phone')] = ''; },
  (row, random, clean) => { row[at('patients', clean ? 'Preferred Name' : 'Deleted')] = clean ? 'Wells' : 'Yes'; },
];

class Delta {
  constructor(clinic) {
    this.clinic = clinic;
    this.seen = {};
    this.owed = {}; // rows that should have gone but are needed by others: the next free one goes
    this.changed = {};
    this.changedColumns = {};
    this.added = {};
    this.gone = {};
    this.late = []; // new rows of patients that existed: [table, row], written at the end
    this.growing = [];
  }

  list(what, table, id) {
    (this[what][table] = this[what][table] || []).push(id);
  }

  /** Applies a change to a row and lists the columns that differ. */
  change(table, row, apply) {
    const before = row.slice();
    apply(row);
    const names = TABLES[table].columns.filter((_, i) => row[i] !== before[i]);
    this.list('changed', table, row[0]);
    (this.changedColumns[table] = this.changedColumns[table] || {})[row[0]] = names;
  }

  /** Changes the bundle of a patient who was in the earlier export. False: the patient is gone. */
  apply(bundle, visits) {
    const { clinic } = this;
    const { patient, row, history } = bundle;
    const random = new Random(clinic.seed, STREAM.DELTA, patient.index);
    if (patient.fact === 'delta-gone') {
      this.list('gone', 'patients', patient.id);
      for (const table of HISTORY) for (const child of history[table]) this.list('gone', table, child[0]);
      return false;
    }
    if (patient.fact === 'delta-changed') {
      const position = factPosition(clinic.seed, patient.index);
      this.change('patients', row, (cells) => {
        PATIENT_CHANGES[position](cells, random, clinic.clean);
        cells[at('patients', 'Updated At')] = TOUCHED;
      });
    }
    if (patient.fact === 'delta-grown') this.growing.push([patient, visits, factPosition(clinic.seed, patient.index)]);
    for (const table of HISTORY) history[table] = this.children(table, history, random);
    return true;
  }

  /** The rows of one table that remain, some of them changed. */
  children(table, history, random) {
    return history[table].filter((row, position) => {
      const number = this.seen[table] = (this.seen[table] || 0) + 1;
      if (number % GONE_EVERY === GONE_AT) this.owed[table] = (this.owed[table] || 0) + 1;
      if (this.owed[table] > 0 && isFree(table, row, position, history)) {
        this.owed[table]--;
        this.list('gone', table, row[0]);
        return false;
      }
      if (number % CHANGE_EVERY === CHANGE_AT) this.change(table, row, (cells) => CHANGES[table](cells, random));
      return true;
    });
  }

  /** New rows of patients who existed. Numbered after all others, as a database would. */
  grow(numbers) {
    for (const [patient, visits, position] of this.growing) {
      const random = new Random(this.clinic.seed, STREAM.DELTA, 5000000 + patient.index);
      const recent = Object.assign({}, visits, { list: [[position < 2 ? 'future' : 'done', position < 2 ? dates.DELTA_DAY + 14 : dates.DELTA_DAY - 1]],
        lastDay: dates.DELTA_DAY - 1, createdDay: dates.DELTA_DAY - 1 });
      const as = Object.assign({}, patient, { fact: 'added' });
      const appointments = makeAppointments(this.clinic, as, recent, numbers, random);
      this.late.push(['appointments', appointments[0].row]);
      if (position === 1) this.late.push(['lab_results', labRow(as, recent, numbers, random)]);
      if (position === 2) this.late.push(['notes', noteRow(as, recent, appointments[0], numbers, random)]);
      if (position === 3) this.late.push(['claims', claimRow(as, appointments[0], 'PAY-2', numbers, random)]);
    }
    for (const [table, row] of this.late) this.list('added', table, row[0]);
    return this.late;
  }
}

/** A row that no other row of the later export points at. */
function isFree(table, row, position, history) {
  const pointsHere = (name, columnName) => history[name].some((other) => other[at(name, columnName)] === row[0]);
  if (table === 'appointments') return !pointsHere('notes', 'Appointment ID') && !pointsHere('claims', 'Appointment ID');
  if (table === 'notes') return !pointsHere('documents', 'Note ID');
  if (table === 'care_plans') return false; // its items would be orphans
  if (table === 'insurance') return position === history.insurance.length - 1;
  return true;
}

module.exports = { Delta };
