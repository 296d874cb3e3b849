'use strict';
/* Writes one delimited file in its dialect, a chunk at a time. */

const fs = require('fs');
const path = require('path');

const CHUNK_CHARACTERS = 1 << 18;

/** The characters of Windows-1252 that Latin-1 has not (0x80 to 0x9F), as far as they are used here. */
const WINDOWS_1252 = { '€': 0x80, '‘': 0x91, '’': 0x92, '“': 0x93, '”': 0x94, '–': 0x96, '—': 0x97, 'Š': 0x8a, 'š': 0x9a, 'œ': 0x9c };

function encodeWindows1252(text) {
  return Buffer.from(Array.from(text, (character) => {
    const code = WINDOWS_1252[character] || character.codePointAt(0);
    if (code > 0xff) throw new Error('a character that Windows-1252 has not');
    return code;
  }));
}

class CsvFile {
  constructor(directory, name, table) {
    this.delimiter = table.delimiter || ',';
    this.newline = table.newline || '\n';
    this.quoteAll = table.quoteAll === true;
    this.finalNewline = table.finalNewline !== false;
    this.windows1252 = table.encoding === 'windows-1252';
    this.special = this.delimiter === ';' ? /[";\r\n]/ : /[",\r\n]/;
    this.file = fs.openSync(path.join(directory, name + '.csv'), 'w');
    this.pending = table.encoding === 'utf8-bom' ? '\ufeff' : '';
    this.started = false;
    this.write(table.columns);
  }

  cell(value) {
    if (this.quoteAll || this.special.test(value)) return '"' + value.replace(/"/g, '""') + '"';
    return value;
  }

  write(row) {
    let line = this.started ? this.newline : '';
    for (let i = 0; i < row.length; i++) {
      if (i > 0) line += this.delimiter;
      line += this.cell(row[i]);
    }
    this.started = true;
    this.pending += line;
    if (this.pending.length > CHUNK_CHARACTERS) this.flush();
  }

  flush() {
    const bytes = this.windows1252 ? encodeWindows1252(this.pending) : Buffer.from(this.pending, 'utf8');
    let done = 0;
    while (done < bytes.length) done += fs.writeSync(this.file, bytes, done);
    this.pending = '';
  }

  close() {
    if (this.finalNewline) this.pending += this.newline;
    this.flush();
    fs.closeSync(this.file);
  }
}

module.exports = { CsvFile };
