// look.js HTML DIRECTORY: opens a report in headless Chromium as people do (light, dark, on a phone, on paper), looks whether
// it holds together, and leaves a picture of each in the directory. Prints TAP. Debian: chromium
'use strict';
const { spawn } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');

const [html, directory] = process.argv.slice(2).map((name) => path.resolve(name));
const looks = [
	{ name: 'light', width: 1280, height: 900 },
	{ name: 'dark', width: 1280, height: 900, dark: true },
	{ name: 'phone', width: 390, height: 844, mobile: true },
	{ name: 'print', width: 1000, height: 1400, media: 'print' },
];
const sections = ['objects', 'timeline', 'files', 'runs', 'diff', 'findings', 'owners', 'quarantine', 'conflicts', 'schema', 'automations', 'rollback', 'audit'];

// Runs in the page's place: what a person would stumble over.
function inspect() {
	const shown = [...document.querySelectorAll('h1, h2, td, th, p, dt, dd, li, a, span, b, strong, code')].filter((e) => e.textContent.trim());
	const channel = (c) => { const v = c / 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
	const light = (css) => { const [r, g, b] = css.match(/[\d.]+/g).map(Number); return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b); };
	const behind = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/, 0\)$|transparent/.test(c)) return c; } return 'rgb(255, 255, 255)'; };
	const contrast = (e) => { const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x); return (a + 0.05) / (b + 0.05); };
	return {
		wider: document.documentElement.scrollWidth - document.documentElement.clientWidth,
		sections: [...document.querySelectorAll('section[id]')].map((e) => e.id),
		queries: document.querySelectorAll('section[id] .query code').length,
		charts: [...document.querySelectorAll('figure svg')].filter((e) => e.getBoundingClientRect().height > 40).length,
		requests: performance.getEntriesByType('resource').length,
		faint: shown.filter((e) => contrast(e) < 4.5 || parseFloat(getComputedStyle(e).opacity) < 1).map((e) => e.textContent.slice(0, 40)).slice(0, 5),
		small: shown.filter((e) => parseFloat(getComputedStyle(e).fontSize) < 9).length,
		// Letters of a chart grow and shrink with it.
		letters: Math.min(...[...document.querySelectorAll('figure svg')].map((e) => parseFloat(getComputedStyle(e.querySelector('text')).fontSize) * e.getBoundingClientRect().width / 480)),
		units: [...document.querySelectorAll('figure svg')].filter((e) => /records/.test(e.textContent) && /calls a minute/.test(e.textContent) && e.querySelectorAll('text').length >= 11).length,
		overlaps: [...document.querySelectorAll('figure svg')].filter((e) => { const boxes = [...e.querySelectorAll('text')].map((t) => t.getBoundingClientRect());
			return boxes.some((a, i) => boxes.some((b, k) => k > i && a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 && b.top < a.bottom - 3)); }).length,
		// Where the answer and the whole list of what is left to do end.
		answer: document.querySelector('#summary .answer').getBoundingClientRect().bottom, answered: document.querySelector('#summary .answer').textContent,
		todo: document.querySelector('#summary .todo').getBoundingClientRect().bottom, first: document.querySelector('#summary .todo li').getBoundingClientRect().bottom,
		points: [...document.querySelectorAll('#summary .todo a')].map((e) => e.getAttribute('href')),
		lost: [...document.querySelectorAll('#summary .todo a')].filter((e) => !document.querySelector(e.getAttribute('href'))).length,
		hidden: [...document.querySelectorAll('.scroll')].filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.parentElement.id),
		// Tables of sentences stand in the width of the window: nobody reads sideways.
		sideways: [...document.querySelectorAll('.words')].filter((e) => e.scrollWidth > e.clientWidth + 1).length, words: document.querySelectorAll('.words').length,
		ragged: [...document.querySelectorAll('td.num, .sum dd, .bars .n')].filter((e) => e.matches('td') && getComputedStyle(e).textAlign !== 'right' || !/tabular-nums/.test(getComputedStyle(e).fontVariantNumeric)).length,
		sums: [...document.querySelectorAll('#summary .sum dd')].map((e) => Number(e.textContent.replace(/,/g, ''))),
		height: document.documentElement.scrollHeight,
	};
}

let n = 0, failed = 0;
function ok(good, what, found) {
	if (!good) failed++;
	console.log(`${good ? 'ok' : 'not ok'} ${++n} - ${what}`);
	if (!good && found !== undefined) console.log(`# ${JSON.stringify(found)}`);
}

// A browser that is spoken to over a pipe: no port, no package.
function browser() {
	const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'look-'));
	const child = spawn('chromium', ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars', '--no-first-run',
		'--remote-debugging-pipe', `--user-data-dir=${profile}`, 'about:blank'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
	const waiting = new Map(), listeners = [];
	let id = 0, rest = '';
	child.stdio[4].setEncoding('utf8').on('data', (chunk) => {
		const parts = (rest + chunk).split('\0');
		rest = parts.pop();
		for (const message of parts.map((part) => JSON.parse(part))) {
			const call = waiting.get(message.id);
			if (!call) { listeners.forEach((listener) => listener(message)); continue; }
			waiting.delete(message.id);
			message.error ? call.reject(new Error(message.error.message)) : call.resolve(message.result);
		}
	});
	return {
		send: (method, params, sessionId) => new Promise((resolve, reject) => {
			waiting.set(++id, { resolve, reject });
			child.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + '\0');
		}),
		listen: (listener) => listeners.push(listener),
		close: () => new Promise((resolve) => { child.on('exit', () => { fs.rmSync(profile, { recursive: true, force: true }); resolve(); }); child.kill(); }),
	};
}

async function look(chromium, how) {
	const { targetId } = await chromium.send('Target.createTarget', { url: 'about:blank' });
	const { sessionId } = await chromium.send('Target.attachToTarget', { targetId, flatten: true });
	const send = (method, params = {}) => chromium.send(method, params, sessionId);
	const complaints = [];
	const loaded = new Promise((resolve) => chromium.listen((message) => {
		if (message.sessionId !== sessionId) return;
		if (message.method === 'Page.loadEventFired') resolve();
		if (message.method === 'Log.entryAdded') complaints.push(message.params.entry.text);
	}));
	await send('Page.enable');
	await send('Log.enable');
	await send('Emulation.setDeviceMetricsOverride', { width: how.width, height: how.height, deviceScaleFactor: 1, mobile: !!how.mobile });
	await send('Emulation.setEmulatedMedia', { media: how.media || 'screen', features: [{ name: 'prefers-color-scheme', value: how.dark ? 'dark' : 'light' }] });
	await send('Page.navigate', { url: `file://${html}` });
	await loaded;
	const { result } = await send('Runtime.evaluate', { expression: `(${inspect})()`, returnByValue: true });
	const seen = result.value;
	ok(complaints.length === 0, `${how.name}: the browser has nothing to complain of`, complaints);
	ok(seen.requests === 0, `${how.name}: nothing is fetched`, seen.requests);
	ok(seen.wider <= 0, `${how.name}: nothing sticks out`, seen.wider);
	ok(sections.every((id) => seen.sections.includes(id)), `${how.name}: every section is there`, seen.sections);
	ok(seen.queries >= sections.length - 1, `${how.name}: each with its query`, seen.queries);
	ok(seen.charts > 0, `${how.name}: the chart is drawn`, seen.charts);
	ok(seen.faint.length === 0, `${how.name}: all text is readable (contrast 4.5)`, seen.faint);
	ok(seen.small === 0 && seen.letters >= 9, `${how.name}: no text is too small, in the charts neither`, [seen.small, seen.letters]);
	ok(seen.words > 1 && seen.sideways === 0, `${how.name}: sentences are read from above to below`, [seen.words, seen.sideways]);
	ok(seen.units === seen.charts && seen.overlaps === 0, `${how.name}: each chart has its two scales, its units and its time, and none covers another`, [seen.units, seen.overlaps]);
	ok(/\d+ of [\d,]+ records are in Twenty/.test(seen.answered) && seen.answer < how.height, `${how.name}: the first screen says whether it is all there`, seen.answered);
	ok(seen.points.length > 3 && seen.lost === 0 && (how.mobile ? seen.first : seen.todo) < how.height, `${how.name}: and what is left to do, each point with its section`, [seen.todo, seen.points]);
	ok(seen.sums[0] === seen.sums.slice(1).reduce((a, b) => a + b, 0), `${how.name}: the sum adds up`, seen.sums);
	ok(seen.ragged === 0, `${how.name}: numbers stand right, below each other`, seen.ragged);
	ok(how.mobile || seen.hidden.length === 0, `${how.name}: no table is cut off`, seen.hidden);
	const { data } = await send('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true, clip: { x: 0, y: 0, width: how.width, height: Math.min(seen.height, 12000), scale: 1 } });
	fs.writeFileSync(path.join(directory, `report-${how.name}.png`), Buffer.from(data, 'base64'));
	if (how.media === 'print') {
		const pdf = await send('Page.printToPDF', { printBackground: false, preferCSSPageSize: true });
		const pages = (Buffer.from(pdf.data, 'base64').toString('latin1').match(/\/Type\s*\/Page\b/g) || []).length;
		ok(pages > 0 && pages <= 9, 'print: a clinic of 300 patients fits nine pages', pages);
		fs.writeFileSync(path.join(directory, 'report.pdf'), Buffer.from(pdf.data, 'base64'));
	}
	await chromium.send('Target.closeTarget', { targetId });
}

(async () => {
	const chromium = browser();
	try {
		for (const how of looks) await look(chromium, how);
	} finally {
		await chromium.close();
	}
	console.log(`1..${n}`);
	process.exitCode = failed ? 1 : 0;
})();
