'use strict';
/*
 * Prints SQL that stages one product's export as the import would.
 *
 *   load.js PRODUCT ID values|names [DIRECTORY]
 *
 * With a directory the rows come from its files (.csv, .ndjson; 1,500 a file
 * are enough); without, from the kinds noted in answers/PRODUCT.tsv or
 * heldout/PRODUCT.tsv.
 */
const fs = require('fs');
const path = require('path');

const [product, id, mode, directory] = process.argv.slice(2);
const ROWS = 1500;

/** The answers: [{file, header, kind, origin}]. */
function answers() {
	return fs.readFileSync((['answers', 'heldout'].map((d) => path.join(__dirname, d, `${product}.tsv`)).find((f) => fs.existsSync(f))), 'utf8').split('\n')
		.filter((line) => line && !line.startsWith('#'))
		.map((line) => line.split('\t'))
		.map(([file, header, kind, answer, , origin]) => ({ file, header, kind, answer, origin }));
}

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

/** NDJSON: the top-level members; objects and arrays stay JSON, a reference is its text. */
function parseNdjson(text) {
	const header = [];
	const docs = text.split('\n').filter(Boolean).slice(0, ROWS).map((line) => JSON.parse(line));
	for (const doc of docs) for (const key of Object.keys(doc)) if (!header.includes(key)) header.push(key);
	const cell = (v) => (v === undefined ? '' : v && v.reference ? v.reference : typeof v === 'object' ? JSON.stringify(v) : String(v));
	return { header, rows: docs.map((doc) => header.map((key) => cell(doc[key]))) };
}

/* ---- invented values ---- */

let state = 7;
const random = (n) => { state = (state * 1103515245 + 12345) % 2147483648; return Math.floor(state / 65536) % n; };
const one = (...list) => list[random(list.length)];
const two = (n) => String(n).padStart(2, '0');
const POOL = { patients: [10001, 40], providers: [11, 6], locations: [1, 3], appointments: [50001, 40], payers: [301, 6], appointment_types: [1, 5] };
const pool = (entity) => POOL[entity] || [701, 40];
const word = () => one('Amber', 'Birch', 'Cedar', 'Dale', 'Elm', 'Fern', 'Grove', 'Hazel', 'Iris', 'Juniper');
const date = () => `20${two(10 + random(15))}-${two(1 + random(12))}-${two(1 + random(28))}`;

function invent(kind, header, n) {
	const [what, entity] = kind.split(':');
	switch (what) {
		case 'key': return String(pool(entity)[0] + n);
		case 'ref': return String(pool(entity)[0] + random(pool(entity)[1]));
		case 'url': return entity ? `https://api.example.com/v1/${entity}/${pool(entity)[0] + random(pool(entity)[1])}` : `https://${word()}.example.com`;
		case 'id': return `${one('A', 'B', 'C')}${10000 + random(90000)}`;
		case 'hash': return String(random(1e9)).padStart(40, '0');
		case 'date': return /time|\bat\b|_at$/i.test(header) ? `${date()} ${two(8 + random(9))}:${one('00', '15', '30')}` : date();
		case 'datetime': return `${date()} ${two(8 + random(9))}:${one('00', '15', '30')}`;
		case 'time': return `${two(8 + random(9))}:${one('00', '15', '30')}`;
		case 'email': return `${word().toLowerCase()}${random(99)}@example.com`;
		case 'phone': return `(617) 555-01${two(random(100))}`;
		case 'money': return `${random(400)}.${two(random(100))}`;
		case 'number': return one('15', '30', '45', '60');
		case 'flag': return one('Yes', 'No');
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
	return { header: columns.map((c) => c.header), rows: Array.from({ length: few && rows ? 6 : rows }, (_, n) => columns.map((c) => (c.kind ? invent(c.kind, c.header, n) : ''))) };
}

/* ---- files ---- */

function tables() {
	const byFile = new Map();
	for (const a of answers()) byFile.set(a.file, [...(byFile.get(a.file) || []), a]);
	return [...byFile].map(([file, columns]) => {
		if (!directory) return { file, ...invented(columns) };
		const origin = columns[0].origin ? columns[0].origin.split('.')[0] : file;
		const base = fs.readdirSync(directory).find((f) => f === `${origin}.csv` || f === `${origin}.000.ndjson`);
		const bytes = fs.readFileSync(path.join(directory, base));
		const utf8 = bytes.toString('utf8');
		const text = (utf8.includes('\ufffd') ? bytes.toString('latin1') : utf8).replace(/^\ufeff/, '');
		const read = base.endsWith('.csv') ? parseCsv(text) : parseNdjson(text);
		/* under other headers, where the answers say which column a header stands for */
		const spelt = new Map(columns.filter((c) => c.origin).map((c) => [c.origin.slice(origin.length + 1), c.header]));
		return { file, header: read.header.map((h) => spelt.get(h) || h), rows: mode === 'names' ? [] : read.rows };
	});
}

const quote = (s) => `'${s.replace(/'/g, "''")}'`;
const copy = (s) => (s === '' || s === undefined ? '\\N' : s.replace(/\\/g, '\\\\').replace(/\t/g, '\\t').replace(/\n/g, '\\n').replace(/\r/g, '\\r'));
const schema = `bench_${product}_staging`;

console.log(`INSERT INTO flitmig.migration (id, name, server, profile, profile_doc, namespace, staging_schema, time_zone, country, currency)
VALUES (${id}, 'bench_${product}', 'none', 'none', '{"entities": {}}', '6ba7b810-9dad-11d1-80b4-00c04fd430c8', '${schema}', 'UTC', 'US', 'USD');
CREATE SCHEMA ${schema};`);
for (const { file, header, rows } of tables()) {
	const table = columnName(file).slice(0, 40);
	const columns = [];
	for (const h of header) {
		let name = columnName(h);
		for (let n = 2; columns.includes(name); n++) name = `${columnName(h)}_${n}`;
		columns.push(name);
	}
	console.log(`CREATE TABLE ${schema}.${table} (_file integer, _line bigint, _hash bigint, ${columns.map((c) => `"${c}" text`).join(', ')});`);
	console.log(`INSERT INTO flitmig.source_file (migration_id, path, name, staging_table, sha256, bytes, format, header, columns, rows_read, rows_loaded)
VALUES (${id}, ${quote(file)}, ${quote(`${file}.csv`)}, ${quote(table)}, '\\x00', 0, 'csv', ARRAY[${header.map(quote)}], ARRAY[${columns.map(quote)}], ${rows.length}, ${rows.length});`);
	console.log(`COPY ${schema}.${table} (${columns.map((c) => `"${c}"`)}) FROM stdin;`);
	for (const row of rows) console.log(header.map((_, i) => copy(row[i])).join('\t'));
	console.log('\\.');
}
console.log(`CREATE TEMP TABLE IF NOT EXISTS answer (product text, mode text, staging_table text, header text, answer text);
COPY answer FROM stdin;
${answers().map((a) => [product, mode, columnName(a.file).slice(0, 40), copy(a.header), a.answer].join('\t')).join('\n')}
\\.
SELECT pg_temp.census(${id});`);
