#!/usr/bin/env node
'use strict';
/*
 * compare.js STAGED [ANSWERS]: STAGED is one JSON document a line, what the
 * database knows of a file: path, format, dialect, header, rows and rejects.
 * Each file is read again here, by readers that share nothing with flitmig's
 * (or ANSWERS says what is in it), and every cell compared. TAP, one test a file.
 * Of damaged files the bytes of every cell are known: those that are damaged
 * must stand in originals, and only those; the others must be staged as the text.
 */
const fs = require('node:fs');

const [staged_path, answers_path] = process.argv.slice(2);
const answers = answers_path ? JSON.parse(fs.readFileSync(answers_path, 'utf8')) : {};

const decoders = { 'UTF-8': 'utf-8', 'UTF-16LE': 'utf-16le', 'UTF-16BE': 'utf-16be', 'WINDOWS-1252': 'windows-1252', 'ISO-8859-1': 'windows-1252' };

// RFC 4180 and nothing else: rows of { text, quoted }, each with its first line.
function read_csv(text, delimiter, newline) {
	const rows = [];
	let at = 0;
	let line = 1;
	const ends_at = (i) => text.startsWith(newline, i) ? newline.length : i >= text.length ? 1 : text[i] === newline.at(-1) ? 1 : 0;

	while (at < text.length) {
		const row = { line, cells: [], from: at };
		for (;;) {
			let cell = { text: '', quoted: false };
			if (text[at] === '"') {
				const parts = [];
				let from = ++at;
				for (;;) {
					const quote = text.indexOf('"', from);
					if (quote < 0) throw new Error(`line ${line}: no closing quote`);
					parts.push(text.slice(from, quote));
					from = quote + 1;
					if (text[from] !== '"') break;
					parts.push('"');
					from++;
				}
				cell = { text: parts.join(''), quoted: true };
				line += cell.text.split(newline.at(-1)).length - 1;
				at = from;
			}
			else {
				const from = at;
				while (text[at] !== delimiter && !ends_at(at)) at++;
				cell.text = text.slice(from, at);
			}
			row.cells.push(cell);
			if (text[at] !== delimiter) break;
			at++;
		}
		if (!ends_at(at)) throw new Error(`line ${line}: text behind a closing quote`);
		at += ends_at(at);
		line++;
		rows.push(row);
	}
	return rows;
}

const is_blank = (row) => row.cells.every((c) => c.text.trim() === '' && !c.quoted);

function expect_csv(file, bytes) {
	const text = new TextDecoder(decoders[file.encoding.toUpperCase()], { fatal: true }).decode(bytes);
	const newline = { LF: '\n', CRLF: '\r\n', CR: '\r' }[file.newline];
	const rows = read_csv(text, file.delimiter, newline).filter((r) => !is_blank(r));
	const header = rows[file.preamble_rows];
	const width = file.columns.length;
	const expected = { header: header.cells.map((c) => c.text), rows: [], rejects: [] };

	if (file.header_rows !== 1) throw new Error(`${file.header_rows} header rows`);
	while (expected.header.length > width && expected.header.at(-1) === '') expected.header.pop();
	for (const row of rows.slice(file.preamble_rows + 1)) {
		if (row.cells.slice(width).some((c) => c.text !== '')) expected.rejects.push({ line: row.line });
		else expected.rows.push({ line: row.line, cells: Array.from({ length: width }, (_, i) => {
			const c = row.cells[i];
			return c && (c.quoted || c.text !== '') ? c.text : null;
		}) });
	}
	return expected;
}

// One value of JSON as staging must hold it; numbers and nested values are compared by what they mean.
function same_value(staged, value) {
	if (value === null || value === undefined) return staged === null;
	if (typeof value === 'string') return staged === value;
	return staged !== null && JSON.stringify(JSON.parse(staged)) === JSON.stringify(value);
}

function compare_json(file, bytes) {
	const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
	const elements = file.format === 'ndjson'
		? text.split('\n').map((l, i) => ({ line: i + 1, text: l })).filter((l) => l.text.trim() !== '').map((l) => ({ line: l.line, value: JSON.parse(l.text) }))
		: [JSON.parse(text)].flat().map((value, i) => ({ line: i + 1, value }));

	if (elements.length !== file.rows.length) return `${file.rows.length} rows staged instead of ${elements.length}`;
	for (const [i, element] of elements.entries()) {
		const row = file.rows[i];
		if (row.line !== element.line) return `row ${i} is said to be on line ${row.line} instead of ${element.line}`;
		for (const key of Object.keys(element.value)) {
			if (!file.header.includes(key)) return `line ${element.line}: key ${key} has no column`;
		}
		for (const [c, key] of file.header.entries()) {
			if (!same_value(row.cells[c], element.value[key])) return `line ${element.line}, ${key}`;
		}
	}
	return null;
}

function compare_rows(file, expected) {
	if (JSON.stringify(file.header) !== JSON.stringify(expected.header)) return `header ${JSON.stringify(file.header)}`;
	if (file.rows.length !== expected.rows.length) return `${file.rows.length} rows staged instead of ${expected.rows.length}`;
	for (const [i, row] of expected.rows.entries()) {
		if (file.rows[i].line !== row.line) return `row ${i} is said to be on line ${file.rows[i].line} instead of ${row.line}`;
		for (const [c, cell] of row.cells.entries()) {
			if (file.rows[i].cells[c] !== cell) return `line ${row.line}, column ${c + 1}: ${JSON.stringify(file.rows[i].cells[c])} instead of ${JSON.stringify(cell)}`;
		}
	}
	if (file.rejects.length !== expected.rejects.length) return `${file.rejects.length} rejects instead of ${expected.rejects.length}`;
	for (const [i, reject] of expected.rejects.entries()) {
		if (file.rejects[i].line !== reject.line) return `a reject is said to be on line ${file.rejects[i].line} instead of ${reject.line}`;
		if (reject.raw !== undefined && file.rejects[i].raw !== reject.raw) return `the reject of line ${reject.line} is not the row's bytes`;
	}
	return null;
}

function compare_damaged(file, expected) {
	const kept = new Map(file.originals.map((o) => [`${o.line} ${file.columns.indexOf(o.column)}`, o.raw]));
	const compare = (line, c, staged, cell) => {
		const raw = kept.get(`${line} ${c}`);
		kept.delete(`${line} ${c}`);
		if (cell.text !== null) return raw !== undefined ? 'is kept though it is not damaged' : staged !== cell.text ? `${JSON.stringify(staged)} instead of ${JSON.stringify(cell.text)}` : null;
		if (raw === undefined) return 'its bytes are kept nowhere';
		if (raw !== cell.raw) return `bytes ${raw} instead of ${cell.raw}`;
		return staged.includes('\ufffd') || staged.includes('\\ufffd') ? null : 'no mark of damage';
	};
	if (file.encoding !== expected.encoding) return `taken for ${file.encoding} instead of ${expected.encoding}`;
	if (kept.size !== file.originals.length) return 'a cell is kept twice';
	for (const [c, cell] of expected.header.entries()) {
		const trouble = compare(expected.header_line, c, file.header[c], cell);
		if (trouble) return `header ${c + 1}: ${trouble}`;
	}
	if (file.rows.length !== expected.rows.length) return `${file.rows.length} rows staged instead of ${expected.rows.length}`;
	for (const [i, row] of expected.rows.entries()) {
		if (file.rows[i].line !== row.line) return `row ${i} is said to be on line ${file.rows[i].line} instead of ${row.line}`;
		for (const [c, cell] of row.cells.entries()) {
			const trouble = compare(row.line, c, file.rows[i].cells[c], cell);
			if (trouble) return `line ${row.line}, column ${c + 1}: ${trouble}`;
		}
	}
	return kept.size ? `${kept.size} cells are kept that are not damaged` : null;
}

const files = fs.readFileSync(staged_path, 'utf8').split('\n').filter(Boolean).map((l) => JSON.parse(l));
let cells = 0;
let test = 0;

for (const file of files) {
	const name = file.name.split('/').at(-1);
	let trouble;
	try {
		const bytes = fs.readFileSync(file.path);
		if (answers[name]?.damaged) trouble = compare_damaged(file, answers[name]);
		else trouble = file.format.endsWith('json') ? compare_json(file, bytes) : compare_rows(file, answers[name] ?? expect_csv(file, bytes));
	}
	catch (error) {
		trouble = error.message;
	}
	cells += file.rows.reduce((sum, r) => sum + r.cells.length, 0);
	console.log(`${trouble ? 'not ok' : 'ok'} ${++test} - ${file.name}${trouble ? `: ${trouble}` : `: ${file.rows.length} rows`}`);
}
console.log(`# ${cells} cells of ${files.length} files`);
console.log(`1..${test}`);
