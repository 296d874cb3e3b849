'use strict';
/*
 * Writes one product's export as files, for the import to read, and prints its
 * answers as SQL.
 *
 *   load.js PRODUCT values|names OUT [DIRECTORY]
 *
 * With a directory the rows come from its files (.csv, .ndjson; 1,500 a file
 * are enough); without, from the kinds noted in PRODUCT.tsv, spelt as the
 * country in its line "# locale" does. names: files without any row.
 */
const fs = require('fs');
const path = require('path');

const [product, mode, out, directory] = process.argv.slice(2);
const ROWS = 1500;

const notes = fs.readFileSync(['answers', 'seen', 'heldout'].map((d) => path.join(__dirname, d, `${product}.tsv`)).find((f) => fs.existsSync(f)), 'utf8').split('\n').filter(Boolean);
const locale = (notes.find((line) => line.startsWith('# locale ')) || '# locale en').slice(9).trim();

/** The answers: [{file, header, kind, answer, origin}]. */
const answers = notes.filter((line) => !line.startsWith('#')).map((line) => line.split('\t'))
	.map(([file, header, kind, answer, , origin]) => ({ file, header, kind, answer, origin }));

/** A header as the import names its column. */
function columnName(header) {
	const plain = header.normalize('NFD').replace(/[\u0300-\u036f]/g, '').replace(/ß/g, 'ss').toLowerCase();
	const name = plain.replace(/[^a-z0-9]+/g, '_').replace(/^_+|_+$/g, '');
	return (name === '' ? 'column' : /^[0-9]/.test(name) ? `c_${name}` : name).slice(0, 63);
}

/** CSV with quoted cells; the delimiter is the more frequent of , and ; in the header. */
function parseCsv(text) {
	const head = text.slice(0, text.indexOf('\n'));
	const delimiter = head.split(';').length > head.split(',').length ? ';' : ',';
	const rows = [];
	let row = [], cell = '', quoted = false;
	for (let i = 0; i < text.length && rows.length <= ROWS; i++) {
		const c = text[i];
		if (quoted) {
			if (c !== '"') cell += c;
			else if (text[i + 1] === '"') { cell += '"'; i++; }
			else quoted = false;
		} else if (c === '"') quoted = true;
		else if (c === delimiter) { row.push(cell); cell = ''; }
		else if (c === '\n') { row.push(cell.replace(/\r$/, '')); rows.push(row); row = []; cell = ''; }
		else cell += c;
	}
	if (cell || row.length) { row.push(cell); rows.push(row); }
	return { header: rows[0], rows: rows.slice(1) };
}

/* ---- invented values ---- */

let state = 7;
const random = (n) => { state = (state * 1103515245 + 12345) % 2147483648; return Math.floor(state / 65536) % n; };
const one = (...list) => list[random(list.length)];
const two = (n) => String(n).padStart(2, '0');
const POOL = { patients: [10001, 40], providers: [11, 6], locations: [1, 3], appointments: [50001, 40], payers: [301, 6], appointment_types: [1, 5] };
const pool = (entity) => POOL[entity] || [701, 40];
const word = () => one('Amber', 'Birch', 'Cedar', 'Dale', 'Elm', 'Fern', 'Grove', 'Hazel', 'Iris', 'Juniper');
const COUNTRY = {
	en: { country: 'US', currency: 'USD', zone: 'America/New_York', date: (y, m, d) => `${y}-${m}-${d}`, phone: () => `(617) 555-01${two(random(100))}`, point: '.', delimiter: ',', yes: 'Yes', no: 'No' },
	de: { country: 'DE', currency: 'EUR', zone: 'Europe/Berlin', date: (y, m, d) => `${d}.${m}.${y}`, phone: () => `030 2345${100 + random(900)}`, point: ',', delimiter: ';', yes: 'ja', no: 'nein' },
	fr: { country: 'FR', currency: 'EUR', zone: 'Europe/Paris', date: (y, m, d) => `${d}/${m}/${y}`, phone: () => `01 42 68 53 ${two(random(100))}`, point: ',', delimiter: ';', yes: 'oui', no: 'non' },
	es: { country: 'ES', currency: 'EUR', zone: 'Europe/Madrid', date: (y, m, d) => `${d}/${m}/${y}`, phone: () => `612 345 ${100 + random(900)}`, point: ',', delimiter: ';', yes: 'Sí', no: 'No' },
	nl: { country: 'NL', currency: 'EUR', zone: 'Europe/Amsterdam', date: (y, m, d) => `${d}-${m}-${y}`, phone: () => `06 12345${100 + random(900)}`, point: ',', delimiter: ';', yes: 'ja', no: 'nee' },
	it: { country: 'IT', currency: 'EUR', zone: 'Europe/Rome', date: (y, m, d) => `${d}/${m}/${y}`, phone: () => `347 1234${100 + random(900)}`, point: ',', delimiter: ';', yes: 'sì', no: 'no' },
}[locale];
const date = () => COUNTRY.date(`20${two(10 + random(15))}`, two(1 + random(12)), two(1 + random(28)));

/* codes that the generic profile knows, so that what is mapped by them arrives */
const CODES = { 'person.sex': ['F', 'M'], 'task.status': ['Completed', 'Cancelled', 'Scheduled'], 'person.referringProviderNpi': ['1234567893', '1245319599', '1003000126'] };

function invent(kind, header, n, answer) {
	if (CODES[answer] && /^(word|id)$/.test(kind)) return one(...CODES[answer]);
	const [what, entity] = kind.split(':');
	switch (what) {
		case 'key': return String(pool(entity)[0] + n);
		case 'ref': return String(pool(entity)[0] + random(pool(entity)[1]));
		case 'url': return entity ? `https://api.example.com/v1/${entity}/${pool(entity)[0] + random(pool(entity)[1])}` : `https://${word()}.example.com`;
		case 'id': return `${one('A', 'B', 'C')}${10000 + random(90000)}`;
		case 'hash': return String(random(1e9)).padStart(40, '0');
		case 'date': return /time|\bat\b|_at$/i.test(header) && locale === 'en' ? `${date()} ${two(8 + random(9))}:${one('00', '15', '30')}` : date();
		case 'datetime': return `${date()} ${two(8 + random(9))}:${one('00', '15', '30')}`;
		case 'time': return `${two(8 + random(9))}:${one('00', '15', '30')}`;
		case 'email': return `${word().toLowerCase()}${random(99)}@example.com`;
		case 'phone': return COUNTRY.phone();
		case 'money': return `${random(400)}${COUNTRY.point}${two(random(100))}`;
		case 'number': return one('15', '30', '45', '60');
		case 'flag': return one(COUNTRY.yes, COUNTRY.no);
		case 'npi': return one('1234567893', '1245319599', '1003000126');
		case 'json': return `["${word()}"]`;
		case 'path': return `documents/${word().toLowerCase()}${n}.pdf`;
		case 'word': return one('Alpha', 'Beta', 'Gamma');
		case 'pattern': return one('//XX//', '/XXX/');
		case 'any': return `0${1000 + random(9000)}`;
		case 'name': return `${word()} ${word()}`.split(' ').slice(0, /first|last|middle|fname|lname|vorname/i.test(header) ? 1 : 2).join(' ');
		case 'prose': return `The ${word()} walked to the ${word()}, and then back to the ${word()} again; nothing else is to be said about it.`;
		default: return `${word()} ${word()} ${word()}`;
	}
}

function invented(columns) {
	const rows = mode === 'names' ? 0 : columns.some((c) => c.kind === 'key:patients' || c.kind === 'key:appointments') ? 40 : 30;
	const few = columns.map((c) => /^key:(providers|locations|payers|staff)$/.test(c.kind)).includes(true);
	return { header: columns.map((c) => c.header), rows: Array.from({ length: few && rows ? 6 : rows }, (_, n) => columns.map((c) => (c.kind ? invent(c.kind, c.header, n, c.answer) : ''))) };
}

/* ---- files ---- */

const cell = (v) => (/[",;\n\r]/.test(v) ? `"${v.replace(/"/g, '""')}"` : v);
const write = (file, header, rows) => fs.writeFileSync(path.join(out, `${file}.csv`),
	[header, ...rows].map((row) => header.map((_, i) => cell(row[i] === undefined ? '' : row[i])).join(COUNTRY.delimiter)).join('\n') + '\n');

const byFile = new Map();
for (const a of answers) byFile.set(a.file, [...(byFile.get(a.file) || []), a]);
for (const [file, columns] of byFile) {
	if (!directory) {
		const { header, rows } = invented(columns);
		write(file, header, rows);
		continue;
	}
	const origin = columns[0].origin ? columns[0].origin.split('.')[0] : file;
	const base = fs.readdirSync(directory).find((f) => f === `${origin}.csv` || f === `${origin}.000.ndjson`);
	const bytes = fs.readFileSync(path.join(directory, base));
	const utf8 = bytes.toString('utf8');
	const text = (utf8.includes('\ufffd') ? bytes.toString('latin1') : utf8).replace(/^\ufeff/, '');
	if (base.endsWith('.ndjson')) {
		if (mode === 'names') write(file, columns.map((c) => c.header), []);
		else fs.writeFileSync(path.join(out, `${file}.ndjson`), text.split('\n').slice(0, ROWS).join('\n'));
		continue;
	}
	/* under other headers, where the answers say which column a header stands for */
	const read = parseCsv(text);
	const spelt = new Map(columns.filter((c) => c.origin).map((c) => [c.origin.slice(origin.length + 1), c.header]));
	write(file, read.header.map((h) => spelt.get(h) || h), mode === 'names' ? [] : read.rows);
}

const copy = (s) => s.replace(/\\/g, '\\\\');
console.log(`\\set zone ${COUNTRY.zone}
\\set country ${COUNTRY.country}
\\set currency ${COUNTRY.currency}
COPY answer FROM stdin;
${answers.map((a) => [product, mode, columnName(a.file), copy(a.header), a.answer, a.kind || ''].join('\t')).join('\n')}
\\.`);
