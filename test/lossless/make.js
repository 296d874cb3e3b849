#!/usr/bin/env node
'use strict';
/*
 * make.js DIRECTORY: forty delimited files as odd as real exports, each in its
 * own dialect and encoding, and answers.json, which says what every cell is
 * and which rows cannot be staged. The same files each time.
 *
 * In DIRECTORY/../damaged files with bytes that mean nothing in their encoding,
 * NULs and mixed encodings; damaged.json says which bytes each cell is, and
 * for those that are not damaged the text.
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

/* ---- damage ---- */

const bytes = (...list) => Buffer.from(list);
const latin = (s) => Buffer.from(s, 'latin1');
const utf16 = (s, big) => big ? Buffer.from(s, 'utf16le').swap16() : Buffer.from(s, 'utf16le');

// What is undamaged in an encoding, [bytes, text], and what is damaged in it, bytes.
const kinds = {
	'UTF-8': {
		write: (s) => Buffer.from(s),
		good: ['Zoë', 'Łódź', '日本', '🙂', 'Ann', 'a,b', 'say "x"', 'two\nlines'].map((s) => [Buffer.from(s), s]),
		bad: [latin('M\xfcller'), bytes(0x41, 0xc3), bytes(0xe2, 0x82, 0x2c, 0x41), bytes(0xc0, 0xaf), bytes(0xed, 0xa0, 0x80), bytes(0xf4, 0x90, 0x80, 0x80), bytes(0xff, 0xfe),
			bytes(0x80, 0x22, 0x80, 0x22, 0x22), bytes(0x61, 0x0a, 0xe9, 0x0a), bytes(0x82, 0x84, 0x94), bytes(0xfe, 0x83, 0x83), bytes(0xf0, 0x9f, 0x99)] },
	'WINDOWS-1252': {
		write: latin,
		good: ['Zo\xeb', 'Ang\xe9lique', 'na\xefve', 'Fran\xe7ois', 'Ann', 'a,b', 'say "x"', 'two\nlines'].map((s) => [latin(s), s]),
		bad: [bytes(0x41, 0x81), bytes(0x8d), bytes(0x8f, 0x22, 0x90), bytes(0x9d, 0x0a, 0xe9)] },
	'UTF-16LE': {
		write: (s) => utf16(s), bom: bytes(0xff, 0xfe),
		good: ['Zoë', '日本', '🙂', 'Ann', 'a,b', 'say "x"', 'two\nlines'].map((s) => [utf16(s), s]),
		bad: ['a\ud800', '\udc00b', '\ud83d\ud83d\ude42', '\ud800"', '\ud8000,1'].map((s) => utf16(s)) },
	'UTF-16BE': {
		write: (s) => utf16(s, true), bom: bytes(0xfe, 0xff),
		good: ['Zoë', '日本', '🙂', 'Ann', 'a,b', 'say "x"', 'two\nlines'].map((s) => [utf16(s, true), s]),
		bad: ['a\ud800', '\udc00b', '\udc00\n\udc00'].map((s) => utf16(s, true)) },
	'SHIFT_JIS': {
		write: latin,
		good: [[bytes(0x8e, 0x52, 0x93, 0x63, 0x91, 0xbe, 0x98, 0x59), '山田太郎'], [bytes(0x97, 0xe9, 0x96, 0xd8, 0x89, 0xd4, 0x8e, 0x71), '鈴木花子'], [bytes(0x83, 0x5c, 0x83, 0x7c), 'ソポ'],
			[bytes(0x82, 0xa0, 0x82, 0xa2), 'あい'], [latin('Ann'), 'Ann']],
		bad: [bytes(0x8e, 0x52, 0xff), bytes(0xa0, 0x83, 0x5c), bytes(0x83, 0x5c, 0xfe, 0x22)] },
};

// Cells as bytes; the line a row starts on counts LF bytes of the text, not of a UTF-16 unit.
function make_damaged(name, kind, nuls, mixed) {
	const { write, good, bad, bom } = kinds[kind];
	const wide = kind.startsWith('UTF-16') ? 2 : 1;
	const header = [[write('id'), 'id'], [write('first,name'), 'first,name'], [write('note'), 'note'], wide === 1 ? [Buffer.concat([write('r\xe9'), bytes(0)]), null] : [write('more'), 'more']];
	const answer = { damaged: true, encoding: kind, header_line: 1, header: header.map(([raw, text]) => ({ raw: raw.toString('hex'), text })), rows: [] };
	const text_of = (raw) => wide === 1 ? raw.toString('latin1') : (kind === 'UTF-16BE' ? Buffer.from(raw).swap16() : raw).toString('utf16le');
	const back = (s) => wide === 1 ? latin(s) : utf16(s, kind === 'UTF-16BE');
	const quoted = (raw) => back(`"${text_of(raw).replaceAll('"', '""')}"`);
	const out = [bom ?? bytes()];
	const put_row = (cells) => out.push(...cells.flatMap((raw, i) => [i ? write(',') : bytes(), quoted(raw)]), write('\n'));
	let line = 2;

	put_row(header.map(([raw]) => raw));
	for (let row = 1; row <= 80; row++) {
		const id = kind === 'UTF-8' ? `P${row} Łódź ëëë` : `P${row}`;	// so that it is taken for UTF-8
		const cells = [[write(id), id]];
		while (cells.length < 4) {
			const odd = below(10);
			if (odd < 2) cells.push([pick(bad), null]);
			else if (odd === 2 && nuls) cells.push([Buffer.concat([write('A'), wide === 1 ? bytes(0) : bytes(0, 0), write('n')]), null]);
			else if (odd === 3 && mixed) cells.push([pick(mixed), null]);
			else cells.push(pick(good));
		}
		answer.rows.push({ line, cells: cells.map(([raw, text]) => ({ raw: raw.toString('hex'), text })) });
		put_row(cells.map(([raw]) => raw));
		line += 1 + cells.reduce((sum, [raw]) => sum + text_of(raw).split('\n').length - 1, 0);
	}
	fs.writeFileSync(path.join(directory, '..', 'damaged', name), Buffer.concat(out));
	return [name, answer];
}

// Values of JSON as they are written; those that staging cannot hold have no text.
function make_damaged_json(name, by_line) {
	const keys = [[Buffer.from('"id"'), 'id'], [Buffer.from('"name"'), 'name'], [Buffer.concat([latin('"r\xe9'), latin('sum\xe9"')]), null], [Buffer.from('"nested"'), 'nested']];
	const good = [['"Zoë"', 'Zoë'], ['"a\\"b"', 'a"b'], ['{"k":[1,"ü"]}', '{"k":[1,"ü"]}'], ['12.50', '12.50'], ['"🙂"', '🙂'], ['"\\ud83d\\ude42"', '🙂']].map(([raw, text]) => [Buffer.from(raw), text]);
	const bad = [Buffer.from('"\\ud800"'), Buffer.from('"a\\u0000"'), Buffer.from('{"k":"\\u0000"}'), Buffer.concat([latin('"M\xfcller \\"x\\""')]), latin('["\xe9",{"k":"\\ud83d"}]'), bytes(0x22, 0x41, 0, 0x22)];
	const answer = { damaged: true, encoding: 'UTF-8', header_line: 0, header: keys.map(([raw, text]) => ({ raw: raw.toString('hex'), text })), rows: [] };
	const objects = [];

	for (let row = 1; row <= 60; row++) {
		const cells = [[Buffer.from(`"P${row} Łódź"`), `P${row} Łódź`]];
		while (cells.length < 4) cells.push(below(4) === 0 ? [pick(bad), null] : pick(good));
		answer.rows.push({ line: row, cells: cells.map(([raw, text]) => ({ raw: raw.toString('hex'), text })) });
		objects.push(Buffer.concat([Buffer.from('{'), ...cells.flatMap(([raw], i) => [Buffer.from(i ? ', ' : ''), keys[i][0], Buffer.from(': '), raw]), Buffer.from('}')]));
	}
	const between = Buffer.from(by_line ? '\n' : ',\n');
	fs.writeFileSync(path.join(directory, '..', 'damaged', name),
		Buffer.concat([Buffer.from(by_line ? '' : '[\n'), ...objects.flatMap((o, i) => [i ? between : bytes(), o]), Buffer.from(by_line ? '\n' : '\n]\n')]));
	return [name, answer];
}

fs.mkdirSync(path.join(directory, '..', 'damaged'), { recursive: true });
fs.writeFileSync(path.join(directory, '..', 'damaged.json'), JSON.stringify(Object.fromEntries([
	make_damaged('utf8.csv', 'UTF-8', false), make_damaged('utf8_nuls.csv', 'UTF-8', true),
	make_damaged('mixed.csv', 'UTF-8', true, [latin('Jos\xe9'), bytes(0x8e, 0x52), bytes(0x4d, 0x81, 0x6c, 0x6c, 0x65, 0x72), bytes(0xa4, 0xa2)]),
	make_damaged('western.csv', 'WINDOWS-1252', true), make_damaged('wide.csv', 'UTF-16LE', true), make_damaged('wide_big.csv', 'UTF-16BE', false),
	make_damaged('japan.csv', 'SHIFT_JIS', true), make_damaged_json('lines.ndjson', true), make_damaged_json('array.json', false)])));
fs.mkdirSync(directory, { recursive: true });
fs.writeFileSync(path.join(directory, '..', 'answers.json'), JSON.stringify(Object.fromEntries(Array.from({ length: 40 }, (_, i) => make(i + 1)))));
