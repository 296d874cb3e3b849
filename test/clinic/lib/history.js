'use strict';
/* What happened to one patient: visits, notes, policies, claims, referrals, plans, results, documents. */

const words = require('./words');
const dates = require('./dates');
const money = require('./money');
const { STAFF_SPELLINGS } = require('./clinic');
const { noteBody, longNoteBody } = require('./notes');
const { documentKind } = require('./documents');

const { EXPORT_DAY, DELTA_DAY, STALE_DAY } = dates;
const EARLIEST_STALE_VISIT = dates.dayOf(2020, 1, 10);

const STATUS = {
  done: ['Completed', 'Completed', 'completed', 'COMPLETE'],
  future: ['Scheduled', 'Scheduled', 'Booked'],
  cancelled: ['Cancelled', 'Canceled'],
  missed: ['No show', 'No-Show'],
  arrived: ['Arrived'],
  inSession: ['In session'],
};

/** Numbers the rows of each table through the whole export. */
class Numbers {
  constructor() {
    this.last = {};
  }

  next(table, prefix, width) {
    this.last[table] = (this.last[table] || 0) + 1;
    return prefix + String(this.last[table]).padStart(width, '0');
  }
}

/** The same day, or the Friday before a weekend. */
function workday(day) {
  const weekday = (day + 4) % 7; // 1970-01-01 was a Thursday
  if (weekday === 6) return day - 1;
  return weekday === 0 ? day - 2 : day;
}

/** The day of the last completed visit, or 0. */
function lastVisitDay(fact, random) {
  const share = random.next();
  if (fact === 'new') return 0;
  if (fact === 'added') return DELTA_DAY - 1;
  if (fact === 'stale') return workday(EARLIEST_STALE_VISIT + 3 + Math.floor(share * (STALE_DAY - EARLIEST_STALE_VISIT - 120)));
  return workday(EXPORT_DAY - 1 - Math.floor(share * share * 700));
}

/** One more visit around the last completed one: [kind, day]. */
function extraVisit(fact, lastDay, random) {
  const share = random.next();
  const past = random.chance(0.78) ? 'done' : random.pick(['cancelled', 'missed']);
  if (fact === 'stale') return [past, workday(lastDay - random.between(7, 500))];
  if (share < 0.6 && fact !== 'added') return [past, workday(lastDay - random.between(7, 600))];
  if (share < 0.72 && fact !== 'added') return [random.pick(['cancelled', 'missed']), Math.max(lastDay, workday(random.between(lastDay, EXPORT_DAY - 1)))];
  return ['future', workday(DELTA_DAY + random.between(3, 150))];
}

function visitList(fact, lastDay, random) {
  if (!lastDay) return random.chance(0.7) ? [['future', workday(DELTA_DAY + random.between(3, 60))]] : [];
  const visits = [['done', lastDay]];
  const most = { stale: 1, duplicate: 0, deleted: 0, test: 0 }[fact];
  const share = random.next();
  const extras = Math.min(most === undefined ? 9 : most, share < 0.36 ? 0 : share < 0.66 ? 1 : share < 0.86 ? 2 : 3);
  for (let i = 0; i < extras; i++) visits.push(extraVisit(fact, lastDay, random));
  if (fact === 'arrived') visits.push(['arrived', EXPORT_DAY]);
  if (fact === 'in-session') visits.push(['inSession', EXPORT_DAY]);
  return visits.sort((a, b) => a[1] - b[1]);
}

/** Who treats the patient, who sent them, and the days that frame their history. */
function makeVisits(clinic, patient, random) {
  const lastDay = lastVisitDay(patient.fact, random);
  const list = visitList(patient.fact, lastDay, random);
  const firstDay = list.length ? Math.min(list[0][1], DELTA_DAY - 1) : EXPORT_DAY - 5;
  const sent = random.chance(0.2);
  const byColleague = random.chance(0.25);
  return {
    list, lastDay, provider: random.pick(clinic.providers),
    referrer: sent ? random.pick(byColleague ? clinic.providers : clinic.referrers) : null,
    createdDay: firstDay - (patient.fact === 'added' ? 0 : random.between(3, 40)),
    updatedDay: Math.min(patient.fact === 'added' ? DELTA_DAY : EXPORT_DAY, lastDay ? lastDay + random.between(0, 9) : EXPORT_DAY - random.between(0, 2)),
  };
}

function ownerCell(clinic, random) {
  const share = random.next();
  if (share < 0.04) return '';
  if (share < 0.16) return random.pick(STAFF_SPELLINGS[random.pick(['ST-01', 'ST-06'])]);
  return random.pick(clinic.staff).email;
}

/** The appointments as objects, with their rows. */
function makeAppointments(clinic, patient, visits, numbers, random) {
  return visits.list.map(([kind, day], position) => {
    const provider = random.chance(0.85) ? visits.provider : random.pick(clinic.providers);
    const minute = kind === 'arrived' || kind === 'inSession' ? 840 : 480 + 15 * random.between(0, 35);
    const latestBooking = patient.fact === 'added' ? DELTA_DAY - 1 : EXPORT_DAY;
    const bookedDay = Math.max(visits.createdDay, Math.min(latestBooking, day - random.between(0, 40)));
    const updatedDay = Math.min(latestBooking, Math.max(day, bookedDay));
    const type = patient.fact === 'type-spelling' && position === 0 ? 'follow-up' : random.pick(words.APPOINTMENT_TYPES);
    const id = numbers.next('appointments', '5', 7);
    const row = [
      id, patient.id, provider.id, ownerCell(clinic, random), type, random.pick(STATUS[kind]), dates.usTime(day, minute),
      random.chance(0.03) ? '' : String(random.pick([15, 30, 30, 45, 60, 90])), provider.location, random.pick(words.REASONS),
      dates.isoTime(bookedDay, random.between(780, 1200), random.between(0, 59)),
      dates.isoTime(kind === 'future' ? bookedDay : updatedDay, random.between(1210, 1400), random.between(0, 59)),
    ];
    return { id, kind, day, minute, provider, row };
  });
}

function noteRow(patient, visits, appointment, numbers, random) {
  const day = appointment ? appointment.day : visits.lastDay || visits.createdDay;
  const minute = appointment ? appointment.minute : 600 + random.between(0, 300);
  const provider = appointment ? appointment.provider : visits.provider;
  const html = random.chance(0.5);
  const hex = Math.floor(random.next() * 0x100000000).toString(16).padStart(8, '0');
  const id = `${hex}-${hex.slice(2, 6)}-4${hex.slice(5)}-8${hex.slice(1, 4)}-` + numbers.next('notes', '', 12);
  const body = patient.fact === 'long-note' ? longNoteBody(random) : noteBody(html, random);
  const asHtml = patient.fact !== 'long-note' && html;
  return [
    id, patient.id, appointment ? appointment.id : '', random.chance(0.9) ? provider.name : provider.email, random.pick(words.NOTE_TITLES),
    dates.usTime(day, minute), asHtml ? 'html' : 'text', body, random.pick(['Yes', 'Yes', 'Yes', 'No', 'Draft']),
    dates.isoTime(day, 1320, random.between(0, 59)),
  ];
}

function makeNotes(patient, visits, appointments, numbers, random) {
  const rows = [];
  for (const appointment of appointments) {
    const wanted = random.chance(0.42) || (patient.fact === 'long-note' && appointment.day === visits.lastDay);
    if (wanted && appointment.kind === 'done') rows.push(noteRow(patient, visits, appointment, numbers, random));
  }
  if (random.chance(0.08)) rows.push(noteRow(patient, visits, null, numbers, random));
  return rows;
}

function makePolicies(clinic, patient, visits, numbers, random) {
  const share = random.next();
  const count = share < 0.1 ? 2 : share < 0.7 ? 1 : 0;
  const rows = [];
  const firstPayer = random.between(0, clinic.payers.length - 1);
  for (let i = 0; i < count; i++) {
    const payer = clinic.payers[(firstPayer + i * 3) % clinic.payers.length];
    rows.push([
      numbers.next('insurance', 'POL-', 7), patient.id, String(i + 1), random.chance(0.05) ? '' : payer[0],
      random.chance(0.05) ? payer[1].toUpperCase() : payer[1], random.chance(0.2) ? '00' + random.digits(8) : 'W' + random.digits(9),
      random.chance(0.25) ? '' : 'G-' + random.digits(5), random.pick(['PPO', 'HMO', 'EPO', 'POS', 'Medicare', 'Medicaid']),
      dates.usDate(visits.createdDay - random.between(0, 300)), random.chance(0.08) ? '12/31/2026' : '',
    ]);
  }
  return rows;
}

const CLAIM_STATUSES = ['Paid', 'Paid', 'paid', 'PAID', 'Partially Paid', 'Submitted', 'Pending', 'Denied', 'DENIED'];

function paidCell(status, billed, refund, random) {
  if (refund) return money.negative(1200);
  if (/^paid$/i.test(status)) return random.chance(0.5) ? money.dollars(billed) : money.plain(billed);
  if (status === 'Partially Paid') return money.plain(Math.floor(billed * 0.6));
  return random.chance(0.5) ? '' : '0.00';
}

function claimRow(patient, appointment, payerId, numbers, random) {
  const billed = random.chance(0.1) ? random.between(100000, 480000) : random.between(4000, 38000);
  const refund = patient.fact === 'refund' && appointment.kind === 'done';
  const status = random.pick(CLAIM_STATUSES);
  return [
    numbers.next('claims', 'CLM-', 7), patient.id, appointment.provider.id, payerId, appointment.id, dates.usDate(appointment.day),
    random.chance(0.55) ? money.dollars(billed) : money.plain(billed), paidCell(status, billed, refund, random), status,
  ];
}

function makeClaims(patient, appointments, policies, numbers, random) {
  const rows = [];
  const payerId = policies.length ? policies[0][3] : '';
  for (const appointment of appointments) {
    const wanted = random.chance(0.52) || patient.fact === 'refund';
    if (appointment.kind === 'done' && wanted) rows.push(claimRow(patient, appointment, payerId, numbers, random));
  }
  return rows;
}

function makeReferrals(patient, visits, numbers, random) {
  const { referrer } = visits;
  if (!referrer) return [];
  return [[
    numbers.next('referrals', 'R', 6), patient.id, referrer.name, referrer.email, referrer.npiFault ? '' : referrer.npi, referrer.id,
    dates.usDate(visits.createdDay - random.between(0, 20)), random.pick(words.REFERRAL_REASONS),
  ]];
}

const PLAN_STATUSES = ['Active', 'Active', 'active', 'Completed', 'On hold'];

/** Rows of care_plans.csv and of care_plan_items.csv. */
function makePlans(patient, visits, numbers, random) {
  const plans = [];
  const items = [];
  const share = random.next();
  const count = !visits.lastDay || share > 0.14 ? 0 : share < 0.015 ? 2 : 1;
  for (let i = 0; i < count; i++) {
    const id = numbers.next('care_plans', 'CP-', 6);
    const start = visits.lastDay - random.between(0, 60);
    const status = random.pick(PLAN_STATUSES);
    const narrative = random.chance(0.8) ? `Goal: ${random.pick(words.PLANS)}\n\n- ${random.pick(words.FINDINGS)}\n- ${random.pick(words.PLANS)}` : '';
    plans.push([id, patient.id, visits.provider.id, random.pick(words.CARE_PLANS), status, dates.isoDate(start),
      status === 'Completed' ? dates.isoDate(start + 60) : '', narrative]);
    for (let k = random.between(2, 4); k > 0; k--) {
      const [code, description] = random.pick(words.PROCEDURES);
      items.push([`${id}-${k}`, id, code, description, random.pick(['Planned', 'In progress', 'Completed', 'completed']),
        dates.isoDate(start + k), random.chance(0.4) ? dates.isoDate(start + k + 30) : '']);
    }
  }
  return { plans, items };
}

function labRow(patient, visits, numbers, random) {
  const [test, unit, range, low, high, decimals] = random.pick(words.LABS);
  const number = low + random.next() * (high - low);
  const value = decimals < 0 ? random.pick(['Negative', 'Positive']) : (random.chance(0.05) ? '<' : '') + number.toFixed(decimals);
  const narrative = random.chance(0.35) ? `${random.pick(words.FINDINGS)}\n${random.pick(words.PLANS)}` : '';
  return [
    numbers.next('lab_results', '9', 7), patient.id, visits.provider.id, test, value, unit, range,
    dates.usTime(visits.lastDay - random.between(0, 3), 420 + random.between(0, 120)), random.pick(['Final', 'Final', 'final', 'Preliminary', 'Corrected']), narrative,
  ];
}

function makeLabs(patient, visits, numbers, random) {
  const rows = [];
  if (visits.lastDay && random.chance(0.26)) for (let k = random.between(1, 3); k > 0; k--) rows.push(labRow(patient, visits, numbers, random));
  return rows;
}

function makeDocuments(patient, visits, notes, numbers, random) {
  if (!random.chance(0.1)) return [];
  const id = numbers.next('documents', 'D-', 6);
  const kind = documentKind(numbers.last.documents, patient);
  const day = visits.lastDay || visits.createdDay;
  return [[id, patient.id, notes.length && random.chance(0.7) ? notes[0][0] : '', kind.fileName, `documents/${patient.id}/${kind.fileName}`,
    kind.title, kind.contentType, dates.localTime(day, 600 + random.between(0, 400), random.between(0, 59))]];
}

const NO_HISTORY = { appointments: [], notes: [], insurance: [], claims: [], referrals: [], care_plans: [], care_plan_items: [], lab_results: [], documents: [] };

/** All rows of one patient, by table. In a clean export a deleted patient has none. */
function makeHistory(clinic, patient, visits, numbers, random) {
  if (clinic.clean && patient.fact === 'deleted') return NO_HISTORY;
  const appointments = makeAppointments(clinic, patient, visits, numbers, random);
  const notes = makeNotes(patient, visits, appointments, numbers, random);
  const insurance = makePolicies(clinic, patient, visits, numbers, random);
  const claims = makeClaims(patient, appointments, insurance, numbers, random);
  const referrals = makeReferrals(patient, visits, numbers, random);
  const { plans, items } = makePlans(patient, visits, numbers, random);
  const labs = makeLabs(patient, visits, numbers, random);
  const documents = makeDocuments(patient, visits, notes, numbers, random);
  return { appointments: appointments.map((a) => a.row), notes, insurance, claims, referrals, care_plans: plans, care_plan_items: items, lab_results: labs, documents };
}

/** An appointment row that is no visit of a known patient: a break (no patient) or an orphan. */
function looseAppointment(clinic, patientIdText, type, reason, numbers, random) {
  const provider = random.pick(clinic.providers);
  const day = workday(EXPORT_DAY - random.between(1, 90));
  return [
    numbers.next('appointments', '5', 7), patientIdText, provider.id, clinic.staff[0].email, type, type === 'Break' ? 'Scheduled' : 'Completed',
    dates.usTime(day, 720), '30', provider.location, reason, dates.isoTime(day - 9, 900, 0), dates.isoTime(day - 9, 900, 0),
  ];
}

/** A claim whose patient is not in the export. */
function orphanClaim(clinic, patientIdText, numbers, random) {
  const appointment = { id: '', kind: 'done', day: EXPORT_DAY - 30, provider: clinic.providers[0] };
  return claimRow({ id: patientIdText, fact: '' }, appointment, 'PAY-1', numbers, random);
}

module.exports = { Numbers, makeVisits, makeHistory, makeAppointments, looseAppointment, orphanClaim, noteRow, claimRow, labRow, workday };
