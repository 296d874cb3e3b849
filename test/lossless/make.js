#!/usr/bin/env node
'use strict';
/*
 * make.js DIRECTORY: forty delimited files as odd as real exports, each in its
 * own dialect and encoding, and answers.json, which says what every cell is
 * and which rows cannot be staged. The same files each time.
 */
const fs = require('node:fs');
const path = require('node:path');

const directory = process.argv[2];
let state = 20240229;

// Numerical Recipes' generator: the same numbers everywhere.
function below(n) {
	state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
	return Math.floor(state / 2 ** 32 * n);
}
const pick = (list) => list[below(list.length)];

const words = ['Ann', 'O\'Neill', 'de la Cruz', ' padded ', 'Zoë', 'Müller', 'naïve', '5\'4" tall', '"quoted"', 'a "b" c', 'none', '-', 'N/A', '=1+1', '007', 'TRUE'];
const wide = ['日本', 'Łódź', '🙂', 'Ωmega'];
const headers = ['Patient ID', 'Last, First', 'Date of birth', 'Note', 'Note', '', 'E-Mail (home)', 'Größe/Height', 'Visit\nreason', 'Status'];

function text(style) {
	const n = below(10);
	if (n === 0) return `line one${style.newline}line "two"${style.newline}`;
	if (n === 1) return `a${style.delimiter}b${style.delimiter}`;
	if (n === 2 && style.encoding !== 'windows-1252') return pick(wide);
	if (n === 3) return 'x'.repeat(below(3000));
	return pick(words);
}

function value(column, row, style) {
	if (below(9) === 0) return '';
	switch (column) {
		case 0: return `P${String(row).padStart(5, '0')}`;
		case 2: return `${1 + row % 12}/${1 + row % 28}/${1930 + row % 90}`;
		case 6: return `p${row}@example.com`;
		default: return text(style);
	}
}

const must_quote = (s, style) => s.includes(style.delimiter) || s.includes('"') || s.includes('\n') || s.includes('\r') ||
	(style.spaces && s.startsWith(' '));

// A cell as it is written, and what staging must hold: NULL when nothing is written at all.
function cell(s, style) {
	const quoted = must_quote(s, style) || style.quoting === 'all' || (style.quoting === 'some' && below(3) === 0);
	return { written: quoted ? `"${s.replaceAll('"', '""')}"` : s, staged: s === '' && !quoted ? null : s };
}

function encode(s, encoding) {
	const swapped = (b) => b.swap16();
	switch (encoding) {
		case 'utf-8': return Buffer.from(s);
		case 'utf-8 bom': return Buffer.from('\ufeff' + s);
		case 'utf-16le': return Buffer.from('\ufeff' + s, 'utf16le');
		case 'utf-16be': return swapped(Buffer.from('\ufeff' + s, 'utf16le'));
		default: return Buffer.from(s, 'latin1');
	}
}

const lines_in = (s, style) => s.split(style.newline === '\r' ? '\r' : '\n').length - 1;

function make(number) {
	const style = {
		delimiter: pick([',', ',', ';', '\t', '|']), newline: pick(['\n', '\n', '\r\n', '\r']), quoting: pick(['all', 'some', 'least', 'least']),
		encoding: pick(['utf-8', 'utf-8', 'utf-8 bom', 'utf-16le', 'utf-16be', 'windows-1252']), final: below(4) > 0 };
	const width = 5 + below(6);
	const answer = { header: headers.slice(0, width).map((h) => h.replace('\n', style.newline)), rows: [], rejects: [] };
	let out = answer.header.map((h) => cell(h, { ...style, quoting: 'all' }).written).join(style.delimiter) + style.newline;
	let line = 1 + lines_in(out, style);

	for (let row = 1; row <= 60; row++) {
		const odd = below(20);
		const count = odd === 0 ? 2 + below(width - 2) : odd === 1 ? width + 2 : width;
		const cells = Array.from({ length: count }, (_, i) => cell(i === 0 ? `P${row}` : i >= width ? 'beyond' : value(i, row, style), style));
		const raw = cells.map((c) => c.written).join(style.delimiter) + (row === 60 && !style.final ? '' : style.newline);

		if (count > width) answer.rejects.push({ line, raw: encode(raw, style.encoding).subarray(style.encoding.startsWith('utf-16') ? 2 : style.encoding === 'utf-8 bom' ? 3 : 0).toString('hex') });
		else answer.rows.push({ line, cells: Array.from({ length: width }, (_, i) => i < count ? cells[i].staged : null) });
		out += raw;
		line += lines_in(raw, style);
		if (odd === 2 && row < 60) {	// a blank line
			out += style.newline;
			line++;
		}
	}
	const name = `odd_${String(number).padStart(2, '0')}.${style.delimiter === '\t' ? 'tsv' : 'csv'}`;
	fs.writeFileSync(path.join(directory, name), encode(out, style.encoding));
	return [name, answer];
}

fs.mkdirSync(directory, { recursive: true });
fs.writeFileSync(path.join(directory, '..', 'answers.json'), JSON.stringify(Object.fromEntries(Array.from({ length: 40 }, (_, i) => make(i + 1)))));
