'use strict';
/*
 * Writes src/mapping/64-propose-learned-list.sql from answers/*.tsv: what each
 * product calls its columns, with the product's name, so that a benchmark can
 * leave out what was learned from the product under test.
 *
 *   node test/bench/propose/learn.js > src/mapping/64-propose-learned-list.sql
 */
const fs = require('fs');
const path = require('path');

const directory = path.join(__dirname, 'answers');
const LANGUAGE = { libreosteo: 'fr' };
const learned = new Map();

for (const file of fs.readdirSync(directory).sort()) {
	const product = path.basename(file, '.tsv');
	if (product === 'clinic') continue;			// the tests' own generator is no product
	for (const line of fs.readFileSync(path.join(directory, file), 'utf8').split('\n')) {
		if (!line || line.startsWith('#')) continue;
		const [table, header, , , canonical] = line.split('\t');
		if (!canonical) continue;
		const [entity, column] = canonical.split('.');
		for (const [c, phrase] of [[column, header], ['', table.replace(/[^\p{L}]+/gu, ' ').trim()]]) {
			if (c === '' && canonical.split('.')[0] === 'patients' && /appoint|Kaggle/.test(table)) continue;
			const key = JSON.stringify([entity, c, phrase, LANGUAGE[product] || 'en']);
			learned.set(key, (learned.get(key) || new Set()).add(product));
		}
	}
}
const quote = (s) => `'${s.replace(/'/g, "''")}'`;
const rows = [...learned].map(([key, products]) => {
	const [entity, column, phrase, language] = JSON.parse(key);
	return `\t(${[entity, column, phrase, language].map(quote).join(', ')}, '{${[...products].join(',')}}', true)`;
}).sort();
console.log(`/*
 * mapping: what products call their columns. Made by test/bench/propose/learn.js
 * from the answers of the benchmark; source names the products.
 */
INSERT INTO flitmig.synonym (entity, column_name, phrase, language, source, builtin) VALUES
${rows.join(',\n')}
ON CONFLICT (entity, column_name, phrase) DO NOTHING;`);
