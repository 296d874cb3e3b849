'use strict';
/* The files under documents/: small, but of the kinds that clinics keep. */

const fs = require('fs');
const path = require('path');

const REAL_FILES_AT_MOST = 200;

const everyByte = () => Buffer.from(Array.from({ length: 1024 }, (_, i) => i % 256));

/** One white pixel. */
const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8/5+hHgAHggJ/PchI7wAAAABJRU5ErkJggg==', 'base64');

function pdf(label) {
  const stream = `BT /F1 12 Tf 40 740 Td (${label}) Tj ET`;
  return Buffer.from(`%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n`
    + `3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R>>endobj\n4 0 obj<</Length ${stream.length}>>stream\n${stream}\nendstream endobj\n`
    + 'trailer<</Root 1 0 R>>\n%%EOF\n', 'latin1');
}

const KINDS = [
  ['intake.pdf', 'Intake form', 'application/pdf', (id) => pdf('Intake ' + id)],
  ['scan.bin', 'Scanner raw data', 'application/octet-stream', (id) => Buffer.concat([everyByte(), Buffer.from(id)])],
  ['photo.png', 'Photo', 'image/png', (id) => Buffer.concat([PNG, Buffer.from(id)])],
  ['letter.txt', 'Letter', 'text/plain', (id) => Buffer.from(`Lieber Kollege,\r\nüber ${id}: alles in Ordnung.\r\n`, 'utf8')],
  ['Überweisung Nr. 4.pdf', 'Überweisung', 'application/pdf', (id) => pdf('Referral ' + id)],
  ['consent, signed.txt', 'Consent "signed"', 'text/plain', (id) => Buffer.from(`I agree. ${id}\n`)],
];

/** Name, title and type of the document with number `number` (from 1). The same names come back in many folders. */
function documentKind(number) {
  const [fileName, title, contentType, bytes] = KINDS[(number - 1) % KINDS.length];
  return { fileName, title, contentType, bytes };
}

/**
 * Writes the real files. Beyond the first 200 documents, rows point at files
 * that exist already, as copies of one form do; `missing` leaves out one.
 */
class DocumentFiles {
  constructor(directory, missing) {
    this.directory = directory;
    this.paths = []; // by number of the document, from 0
    this.seen = 0;
    this.written = 0;
    this.missingNumber = missing ? 3 : 0;
    this.missing = [];
  }

  /** Writes the file of one row, or changes the row's path to a file that exists. */
  place(row) {
    this.seen++;
    if (this.seen > REAL_FILES_AT_MOST) {
      row[4] = this.copyOf(this.seen - 1);
      return;
    }
    this.paths.push(row[4]);
    if (this.seen === this.missingNumber) {
      this.missing.push(row[0]);
      return;
    }
    const target = path.join(this.directory, row[4]);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.writeFileSync(target, documentKind(this.seen).bytes(row[0]));
    this.written++;
  }

  /** The path of an existing file of the same kind. */
  copyOf(number) {
    const whole = REAL_FILES_AT_MOST - (REAL_FILES_AT_MOST % KINDS.length);
    const original = number % whole;
    return this.paths[original === this.missingNumber - 1 ? original + KINDS.length : original];
  }
}

module.exports = { documentKind, DocumentFiles };
