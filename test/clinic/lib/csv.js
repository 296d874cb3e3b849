'use strict';
/* Writes one delimited file in its dialect, a chunk at a time. */

const fs = require('fs');
const path = require('path');

const CHUNK_BYTES = 1 << 18;
/** The most bytes that one UTF-16 unit takes in UTF-8. */
const BYTES_PER_UNIT = 3;

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
    this.buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    this.used = 0;
    if (table.encoding === 'utf8-bom') this.append('\ufeff');
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
    this.append(line);
  }

  append(text) {
    const most = text.length * BYTES_PER_UNIT;
    if (this.used + most > CHUNK_BYTES) this.flush();
    if (this.windows1252) this.used += encodeWindows1252(text).copy(this.buffer, this.used);
    else if (most > CHUNK_BYTES) this.writeOut(Buffer.from(text, 'utf8'));
    else this.used += this.buffer.write(text, this.used, 'utf8');
  }

  flush() {
    this.writeOut(this.buffer.subarray(0, this.used));
    this.used = 0;
  }

  writeOut(bytes) {
    let done = 0;
    while (done < bytes.length) done += fs.writeSync(this.file, bytes, done);
  }

  close() {
    if (this.finalNewline) this.append(this.newline);
    this.flush();
    fs.closeSync(this.file);
  }
}

module.exports = { CsvFile };
