'use strict';

/** Telephone numbers: what the recordings show, and what the numbering plans say. Prints TAP. */

const { normalisePhone } = require('./phones');

/** [number, country, calling code, expected "national country code" or the sub code of the error, source] */
const CASES = [
  ['+447911123456', undefined, undefined, '7911123456 GG +44', 'people.phone.ph1'],
  ['(202) 555-0102', 'US', undefined, '2025550102 US +1', 'people.phone.ph2'],
  ['202-555-0103', undefined, undefined, 'INVALID_PHONE_NUMBER', 'people.phone.ph3'],
  ['555-0104 ext 7', 'US', '+1', '5550104 US +1', 'people.phone.ph5'],
  ['call mum', undefined, undefined, 'INVALID_PHONE_NUMBER', 'people.phone.ph7'],
  ['12ab', 'ZZ', undefined, 'INVALID_PHONE_COUNTRY_CODE', 'people.create.bad-phone'],
  ['+442079460000', 'US', '+1', 'CONFLICTING_PHONE_COUNTRY_CODE', 'people.create.phone-mismatch'],
  ['020 7946 0000', 'GB', undefined, '2079460000 GB +44', 'trunk prefix'],
  ['06 12 34 56 78', 'FR', '+33', '612345678 FR +33', 'trunk prefix'],
  ['+61 412 345 678', undefined, undefined, '412345678 AU +61', 'country of a code'],
  ['+49 30 123456', 'DE', undefined, '30123456 DE +49', 'country of a code'],
  ['0049 30 123456', 'DE', undefined, '30123456 DE +49', 'international prefix'],
  ['1-416-555-0101', 'CA', undefined, '4165550101 CA +1', 'Canada behind +1'],
  ['416-555-0101', 'US', undefined, 'CONFLICTING_PHONE_COUNTRY_CODE', 'a Canadian number is not American'],
  ['1-800-555-0199', 'CA', undefined, '8005550199 CA +1', 'toll-free belongs to all of +1'],
  ['2025550101', 'US', '+44', 'CONFLICTING_PHONE_CALLING_CODE_AND_COUNTRY_CODE', 'published source'],
  ['2025550101', undefined, '+999', 'INVALID_PHONE_CALLING_CODE', 'published source'],
  ['+39 06 1234567', undefined, undefined, '061234567 IT +39', 'Italy keeps its zero'],
];

let failed = 0;
CASES.forEach(([number, countryCode, callingCode, expected, source], i) => {
  let seen;
  try {
    const phone = normalisePhone({ number, countryCode, callingCode });
    seen = `${phone.number} ${phone.countryCode} ${phone.callingCode}`;
  } catch (error) { seen = error.extensions.subCode; }
  if (seen !== expected) failed++;
  process.stdout.write(`${seen === expected ? 'ok' : 'not ok'} ${i + 1} - ${number} (${source})${seen === expected ? '' : `: ${seen}`}\n`);
});
process.stdout.write(`1..${CASES.length}\n`);
process.exitCode = failed ? 1 : 0;
