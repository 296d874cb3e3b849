'use strict';
/* The clinic itself: locations, payers, staff, providers, referring doctors, automations. */

const { Random, STREAM } = require('./random');
const words = require('./words');

/** The zone in which every date without a zone was written. */
const TIME_ZONE = 'America/New_York';
const MAIL_DOMAIN = 'lakeside-clinic.test';
const PATIENTS_PER_PROVIDER = 60;
const PROVIDERS_AT_LEAST = 6;

const LOCATIONS = [
  ['LOC-1', 'Lakeside Clinic – Downtown', 'Main clinic', '12 Harbor Rd', 'Boston', 'MA', '02110', 'US', '617-555-0140', 'https://downtown.lakeside-clinic.test'],
  ['LOC-2', 'Lakeside Thérapie Montréal', 'Satellite', '48 Rue Saint-Denis, Étage 2', 'Montréal', 'QC', 'H2X 1Y4', 'CA', '+1 514-555-0162', 'https://montreal.lakeside-clinic.test'],
  ['LOC-3', 'Children’s Clinic “Cañon”', 'Laboratory', '7 Río Grande Blvd', 'New York', 'NY', '10011', 'US', '(212) 555-0187', ''],
];

const PAYERS = [
  ['PAY-1', 'Blue Harbor Health', '617-555-0101', 'https://blueharbor.example.com'],
  ['PAY-2', 'Evergreen Mutual, Inc.', '212-555-0102', 'https://evergreen.example.com'],
  ['PAY-3', 'Harbor; Hill & Partners', '415-555-0103', 'hillpartners.example.com'],
  ['PAY-4', 'Assurance Étoile', '+1 514 555 0104', 'https://etoile.example.org'],
  ['PAY-5', 'Cobalt Care', '', 'https://cobalt.example.com'],
  ['PAY-6', 'Northfield Community Plan', '512-555-0106', ''],
  ['PAY-7', 'State Medical Aid', '617-555-0107', 'https://aid.example.org'],
  ['PAY-8', 'Old Mill "Classic" Benefit', '303-555-0108', 'https://oldmill.example.com'],
];

/** id, name, e-mail, role, active, whether tests should make this one a workspace member */
const STAFF = [
  ['ST-01', 'Michael Torres', 'michael.torres', 'Practice manager', 'Yes', true],
  ['ST-02', 'Anaïs Lefèvre', 'anais.lefevre', 'Front desk', 'Yes', true],
  ['ST-03', 'Grace Okafor', 'grace.okafor', 'Front desk', 'Yes', true],
  ['ST-04', 'Björn Lind', 'bjorn.lind', 'Billing', 'Yes', true],
  ['ST-05', 'Dana Whitfield', 'dana.whitfield', 'Nurse', 'Yes', true],
  ['ST-06', 'Katherine O\'Neil', 'katherine.oneil', 'Scheduler', 'Yes', true],
  ['ST-07', 'Priya Raman', 'priya.raman', 'Contractor', 'Yes', false],
  ['ST-08', 'Walter Novák', 'walter.novak', 'Front desk (left 2025)', 'No', false],
].map(([id, name, mail, role, active, member]) => ({ id, name, email: mail + '@' + MAIL_DOMAIN, role, active, member }));

/** Other spellings under which a staff member owns appointments. */
const STAFF_SPELLINGS = { 'ST-01': ['Michael Torres', 'Mike Torres'], 'ST-06': ['Katherine O\'Neil', 'Kate O\'Neil'] };

/** The check digit of an NPI: Luhn over 80840 and the first nine digits (45 CFR 162.406, ISO 7812). */
function npiCheckDigit(nine) {
  const digits = '80840' + nine;
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]);
    const doubled = i % 2 === 0 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return (10 - (sum % 10)) % 10;
}

/**
 * A valid NPI for a number from 0 to 99,999,999, each its own. They begin with
 * 2: the standard allows it, but none was handed out so far, so that no real
 * person's NPI appears.
 */
function npi(number) {
  const nine = '2' + String((number * 61803399 + 10007) % 100000000).padStart(8, '0');
  return nine + npiCheckDigit(nine);
}

function wrongCheckDigit(valid) {
  return valid.slice(0, 9) + ((Number(valid[9]) + 1) % 10);
}

/** Name, title and degree as clinics write them. */
const PROVIDER_STYLES = [
  (name) => [`Dr. ${name}, MD`, 'Physician'],
  (name) => [`Dr ${name}`, 'Physician'],
  (name) => [`${name}, DO`, 'Physician'],
  (name) => [`${name}, NP`, 'Provider'],
  (name) => [`Ms. ${name} PT`, 'Provider'],
  (name) => [`Dr. ${name}, MD, PhD`, 'Physician'],
];

/** The facts of provider `index`, counted from 0. The first is always Dr. Sarah Johnson, MD. */
function makeProvider(seed, index, clean) {
  const random = new Random(seed, STREAM.CLINIC, index);
  const id = 'PR-' + String(index + 1).padStart(4, '0');
  const first = index === 0 ? 'Sarah' : random.pick(random.chance(0.5) ? words.FEMALE : words.MALE);
  const last = index === 0 ? 'Johnson' : random.pick(words.LAST);
  const [name, role] = PROVIDER_STYLES[index % PROVIDER_STYLES.length](`${first} ${last}`);
  const specialties = [random.pick(words.SPECIALTIES)];
  if (random.chance(0.4)) {
    const second = random.pick(words.SPECIALTIES);
    if (second !== specialties[0]) specialties.push(second);
  }
  const mailFirst = index === 0 ? 'sarah' : words.MAIL_NAMES.get(first);
  const provider = {
    id, name, role, npi: npi(index), specialties: specialties.join(index % 3 ? ';' : '; '),
    email: `${mailFirst}.${words.MAIL_NAMES.get(last)}${index + 1}@${MAIL_DOMAIN}`,
    phone: `617-555-${String(2000 + (index % 7000)).padStart(4, '0')}`,
    location: LOCATIONS[index % LOCATIONS.length][0], active: index % 11 === 10 ? 'No' : 'Yes', npiFault: '',
  };
  if (index === 5) provider.npi = '';
  if (!clean && index === 2) Object.assign(provider, { npi: wrongCheckDigit(provider.npi), npiFault: 'check digit' });
  if (!clean && index === 4) Object.assign(provider, { npi: provider.npi.slice(0, 9), npiFault: 'length' });
  return provider;
}

/** A doctor outside the clinic who sends patients. */
function makeReferrer(seed, index) {
  const random = new Random(seed, STREAM.CLINIC, 1000000 + index);
  const first = random.pick(random.chance(0.5) ? words.FEMALE : words.MALE);
  const last = random.pick(words.LAST);
  return {
    id: '', name: random.chance(0.5) ? `Dr. ${first} ${last}` : `${first} ${last} MD`, npi: npi(50000000 + index),
    email: `${words.MAIL_NAMES.get(first)}.${words.MAIL_NAMES.get(last)}${index + 1}@referrals.example.org`,
  };
}

/** Everything about the clinic that does not belong to one patient. */
function makeClinic(seed, patients, clean) {
  const providers = [];
  const count = Math.max(PROVIDERS_AT_LEAST, Math.round(patients / PATIENTS_PER_PROVIDER));
  for (let i = 0; i < count; i++) providers.push(makeProvider(seed, i, clean));
  const referrers = [];
  for (let i = 0; i < Math.max(12, Math.round(count / 2)); i++) referrers.push(makeReferrer(seed, i));
  return { seed, clean, providers, referrers, staff: STAFF, locations: LOCATIONS, payers: PAYERS };
}

const providerRow = (p) => [p.id, p.name, p.npi, p.specialties, p.email, p.phone, p.role, p.location, p.active];
const staffRow = (s) => [s.id, s.name, s.email, s.role, s.active];

/** Reminders, recalls and billing rules: read for a rebuild, never moved. */
const AUTOMATIONS = [
  ['AU-1', 'appointment_reminder', 'E-mail two days before', 'appointment.start', '-48h', 'status in (Scheduled, Booked)', 'email', 'Hello {{first_name}}, see you on {{start}}.', true],
  ['AU-2', 'appointment_reminder', 'Text two hours before', 'appointment.start', '-2h', 'mobile_phone is set and consent = Yes', 'sms', 'Your visit begins at {{start_time}}.', true],
  ['AU-3', 'appointment_reminder', 'After a no-show', 'appointment.status=No show', '+1d', '', 'email', 'We missed you. Book again: {{link}}', false],
  ['AU-4', 'recall', 'Annual physical', 'patient.last_visit', '+365d', 'no future appointment', 'email', 'Time for your annual physical.', true],
  ['AU-5', 'recall', 'Diabetes check', 'lab_result.date_collected', '+90d', 'test = Hemoglobin A1c and value > 6.5', 'task', 'Call {{first_name}} {{last_name}}', true],
  ['AU-6', 'billing_rule', 'Statement after 30 days', 'claim.service_date', '+30d', 'balance > 0', 'letter', 'Your balance is {{balance}}.', true],
  ['AU-7', 'billing_rule', 'Denied claim to billing', 'claim.status=Denied', '0', '', 'task', 'Rework claim {{claim_number}}', true],
  ['AU-8', 'billing_rule', 'No-show fee', 'appointment.status=No show', '0', 'third in 12 months', 'charge', 'No-show fee $25.00', false],
].map(([id, kind, name, event, offset, condition, channel, template, active]) =>
  ({ id, kind, name, trigger: { event, offset }, condition, channel, template, active }));

module.exports = { TIME_ZONE, STAFF_SPELLINGS, AUTOMATIONS, makeClinic, makeProvider, npiCheckDigit, providerRow, staffRow };
