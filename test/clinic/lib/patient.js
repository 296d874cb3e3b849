'use strict';
/* One person: name, contact, address, and the row in patients.csv. */

const { Random, STREAM } = require('./random');
const { factOf, isPlain, targetOf } = require('./roles');
const words = require('./words');
const dates = require('./dates');
const money = require('./money');

const FIRST_BIRTH_DAY = dates.dayOf(1936, 1, 1);
const BIRTH_DAYS = dates.dayOf(2016, 12, 31) - FIRST_BIRTH_DAY;
const FIRST_NAMES = words.FEMALE.concat(words.MALE);
const PEOPLE = BIRTH_DAYS * FIRST_NAMES.length;
/** Coprime to PEOPLE: spreads patients over (first name, birth date), no pair twice, so no accidental duplicates. */
const PEOPLE_STRIDE = 1103513;
const FAMILY_SHARE = 0.18;

const patientId = (index) => String(100000 + index);

/** The patient's family is that of the neighbour before. */
function followsFamily(seed, index, patients) {
  if (index < 2 || index > patients || !isPlain(seed, index) || !isPlain(seed, index - 1)) return false;
  return new Random(seed, STREAM.FAMILY, index).chance(FAMILY_SHARE);
}

/**
 * A number in the exchange 555, which is nobody's, in a real area code: valid
 * by libphonenumber. People born on one day get different numbers.
 */
function phoneNumber(random, area, nameIndex) {
  let line = nameIndex + FIRST_NAMES.length * random.between(0, 177);
  if (line === 1212 || line === 4334) line += FIRST_NAMES.length;
  return area + '555' + String(line).padStart(4, '0');
}

/** Ten digits in the ways in which a front desk types them. */
function formatPhone(digits, style) {
  const [area, exchange, line] = [digits.slice(0, 3), digits.slice(3, 6), digits.slice(6)];
  if (style < 0.6) return `${area}-${exchange}-${line}`;
  if (style < 0.75) return `(${area}) ${exchange}-${line}`;
  if (style < 0.85) return digits;
  if (style < 0.95) return `+1 ${area} ${exchange} ${line}`;
  return `${area}.${exchange}.${line}`;
}

function postalCode(random, city) {
  return city[3] === 'CA' ? `${city[2]} ${random.between(1, 9)}Y${random.between(1, 9)}` : city[2] + random.digits(2);
}

function ownPerson(seed, index) {
  const random = new Random(seed, STREAM.PERSON, index);
  // Exact below 2^53: an index has 20 bits, the stride 21.
  const number = (index * PEOPLE_STRIDE + seed * 7919) % PEOPLE;
  const nameIndex = number % FIRST_NAMES.length;
  const first = FIRST_NAMES[nameIndex];
  const last = random.pick(words.LAST);
  const city = random.pick(words.CITIES);
  const domain = random.pick(words.MAIL_DOMAINS);
  return {
    index, leader: index, nameIndex, first, last, female: nameIndex < words.FEMALE.length,
    middle: random.chance(0.3) ? random.pick(nameIndex < words.FEMALE.length ? words.FEMALE : words.MALE) : '',
    birthDay: FIRST_BIRTH_DAY + Math.floor(number / FIRST_NAMES.length),
    email: random.chance(0.06) ? '' : `${words.MAIL_NAMES.get(first)}.${words.MAIL_NAMES.get(last)}${index}@${domain}`,
    mobile: phoneNumber(random, city[4], nameIndex), home: phoneNumber(random, city[4], nameIndex),
    hasMobile: !random.chance(0.05), hasHome: random.chance(0.35),
    address: [`${random.between(1, 990)} ${random.pick(words.STREETS)}`, random.chance(0.2) ? `Apt ${random.between(1, 40)}` : '',
      city[0], city[1], postalCode(random, city), city[3]],
  };
}

/** The person with index `index`; members of a family share last name, address, e-mail and home phone. */
function makePerson(seed, index, patients) {
  const person = ownPerson(seed, index);
  if (!followsFamily(seed, index, patients)) return person;
  const leader = makePerson(seed, index - 1, patients);
  person.last = leader.last;
  person.address = leader.address;
  person.home = leader.home;
  person.hasHome = leader.hasHome;
  if (leader.email) Object.assign(person, { email: leader.email, leader: leader.leader });
  return person;
}

/** The same person or a twin, entered again under the id of `index`. */
function repeatPerson(seed, index, patients, twin) {
  const target = makePerson(seed, targetOf(seed, index), patients);
  const person = Object.assign(target, { index, target: target.index });
  if (!twin) return person;
  const names = person.female ? words.FEMALE : words.MALE;
  const first = names[(names.indexOf(person.first) + 1) % names.length];
  return Object.assign(person, { first, middle: '', nameIndex: FIRST_NAMES.indexOf(first), mobile: '', hasMobile: false });
}

/** A patient: the person and the fact that it carries. */
function makePatient(clinic, index, patients) {
  const fact = factOf(clinic, index, patients);
  const again = fact === 'duplicate' || fact === 'twin';
  const person = again ? repeatPerson(clinic.seed, index, patients, fact === 'twin') : makePerson(clinic.seed, index, patients);
  if (fact === 'test') Object.assign(person, { first: 'Test', middle: '', last: 'Patient', email: 'test.patient@example.com' });
  return Object.assign(person, { id: patientId(index), fact });
}

function mobileCell(patient, style, clean) {
  const formatted = patient.hasMobile ? formatPhone(patient.mobile, style) : '';
  const { mobile } = patient;
  switch (patient.fact) {
    case 'phone-extension': return formatPhone(mobile, 0.7) + ' x251';
    case 'phone-brackets': return formatPhone(mobile, 0.7);
    case 'phone-uk': return '+44 7911 12' + mobile.slice(6);
    case 'phone-dash': return '-';
    case 'phone-zeros': return '000';
    case 'two-phones': return formatPhone(mobile, 0) + ' / ' + formatPhone(patient.home, 0);
    case 'delta-changed': return formatPhone(mobile, 0);
    default: return formatted;
  }
}

function emailCell(patient, random) {
  const upper = random.chance(0.03);
  if (patient.fact === 'email-invalid') return 'no e-mail';
  if (patient.fact === 'duplicate') return patient.email.toUpperCase();
  return upper && patient.leader === patient.index ? patient.email.replace(/^./, (c) => c.toUpperCase()).replace('@e', '@E') : patient.email;
}

function balanceCell(patient, random) {
  const cents = random.between(100, 190000);
  const kind = random.next();
  if (patient.fact === 'refund') return '-35.00';
  if (kind < 0.55) return '0.00';
  if (kind < 0.82) return money.dollars(cents);
  if (kind < 0.89) return '-' + money.plain(cents);
  if (kind < 0.93) return money.negative(cents);
  return '';
}

const STATUSES = ['Active', 'Active', 'Active', 'active', 'ACTIVE'];
const STALE_STATUSES = ['Inactive', 'inactive', 'Discharged', 'Active'];
const CONSENTS = ['Yes', 'Yes', 'Y', 'TRUE', 'No', 'N', ''];
const SEXES = { female: ['Female', 'Female', 'F'], male: ['Male', 'Male', 'M'] };
const COUNTRIES = { US: ['US', 'US', 'USA', 'United States'], CA: ['CA', 'Canada'] };

function birthCell(patient) {
  return patient.fact === 'birth-invalid' ? '02/30/1980' : dates.usDate(patient.birthDay);
}

/**
 * The row in patients.csv. `visits` is what the history says: the days of
 * creation, last change and last visit (0 for none), provider and referrer.
 */
function patientRow(clinic, patient, visits, random) {
  const { referrer } = visits;
  const title = random.chance(0.4) ? (patient.female ? random.pick(['Ms.', 'Mrs.', 'Miss']) : 'Mr.') : '';
  const owner = random.chance(0.06) ? '' : random.pick(clinic.staff).email;
  return [
    patient.id, String(patient.index).padStart(8, '0'), title, patient.first, patient.middle, patient.fact === 'no-last-name' ? '' : patient.last,
    random.chance(0.03) ? random.pick(['Jr.', 'III']) : '', random.chance(0.1) ? patient.first.slice(0, 3) : '',
    birthCell(patient), random.chance(0.03) ? random.pick(['X', '']) : random.pick(patient.female ? SEXES.female : SEXES.male),
    emailCell(patient, random), mobileCell(patient, random.next()),
    patient.hasHome ? formatPhone(patient.home, random.next()) : '',
    ...patient.address.slice(0, 5), random.pick(COUNTRIES[patient.address[5]]),
    random.pick(CONSENTS), random.pick(patient.fact === 'stale' ? STALE_STATUSES : STATUSES), visits.provider.id, visits.provider.location,
    referrer ? referrer.name : '', referrer ? referrer.email : '', referrer ? referrer.id : '',
    owner, balanceCell(patient, random), patient.fact === 'deleted' ? 'Yes' : 'No',
    dates.isoTime(visits.createdDay, 540 + random.between(0, 420), random.between(0, 59)),
    dates.isoTime(visits.updatedDay, 1020 + random.between(0, 60), random.between(0, 59)),
    visits.lastDay ? dates.usDate(visits.lastDay) : '',
  ];
}

module.exports = { makePatient, patientRow, patientId, followsFamily };
