'use strict';
/* The files of an export: header, and the dialect in which each is written. */

const columns = (text) => text.split(',');

/**
 * encoding: utf8, utf8-bom or windows-1252. newline, delimiter: as written.
 * quoteAll: every cell in quotes. finalNewline: false leaves it off.
 */
const TABLES = {
  patients: {
    columns: columns('Patient ID,MRN,Title,First Name,Middle Name,Last Name,Suffix,Preferred Name,Date of Birth,Sex,Email,Mobile Phone,Home Phone,Address 1,Address 2,City,State,Postal Code,Country,Consent on File,Status,Primary Provider ID,Location ID,Referring Provider Name,Referring Provider Email,Referring Provider ID,Account Owner Email,Balance,Deleted,Created At,Updated At,Last Visit'),
    encoding: 'utf8-bom',
  },
  providers: { columns: columns('Provider ID,Name,NPI,Specialties,Email,Phone,Role,Location ID,Active') },
  staff: { columns: columns('Staff ID,Name,Email,Role,Active'), finalNewline: false },
  locations: { columns: columns('Location ID,Name,Kind,Address 1,City,State,Postal Code,Country,Phone,Website'), encoding: 'windows-1252' },
  payers: { columns: columns('Payer ID,Name,Phone,Website'), delimiter: ';' },
  appointments: {
    columns: columns('Appointment ID,Patient ID,Provider ID,Owner,Type,Status,Start,Duration,Location ID,Reason,Booked At,Updated At'),
    newline: '\r\n',
  },
  notes: { columns: columns('Note ID,Patient ID,Appointment ID,Author,Title,Encounter Date,Format,Body,Signed,Created At') },
  insurance: {
    columns: columns('Policy ID,Patient ID,Priority,Payer ID,Carrier,Policy Number,Group Number,Coverage Type,Start,End'),
    quoteAll: true,
  },
  claims: { columns: columns('Claim Number,Patient ID,Provider ID,Payer ID,Appointment ID,Service Date,Amount Billed,Amount Paid,Claim Status') },
  referrals: { columns: columns('Referral ID,Patient ID,Referring Provider Name,Referring Provider Email,Referring NPI,Referring Provider ID,Referral Date,Reason') },
  care_plans: { columns: columns('Plan ID,Patient ID,Provider ID,Title,Status,Start,End,Narrative') },
  care_plan_items: { columns: columns('Item ID,Plan ID,Procedure Code,Description,Status,Start,End') },
  lab_results: { columns: columns('Result ID,Patient ID,Provider ID,Test Name,Value,Unit,Reference Range,Date Collected,Status,Narrative') },
  documents: { columns: columns('Document ID,Patient ID,Note ID,File Name,Path,Title,Content Type,Uploaded At') },
};

/** Position of a column by name: `at('patients', 'Email')`. */
function at(table, column) {
  const position = TABLES[table].columns.indexOf(column);
  if (position < 0) throw new Error(`no column ${column} in ${table}`);
  return position;
}

/** Tables whose rows belong to one patient, in the order in which they are written. */
const HISTORY = ['appointments', 'notes', 'insurance', 'claims', 'referrals', 'care_plans', 'care_plan_items', 'lab_results', 'documents'];

module.exports = { TABLES, HISTORY, at };
