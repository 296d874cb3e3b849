#!/usr/bin/env node
// relay.js: stands between the engine and the stand-in Twenty, for the push benchmark.
//
//   node relay.js --to URL [--jitter A-B] [--sink] [--keep FILE]     prints "ready URL"
//       --jitter   each request arrives A to B ms later
//       --sink     creates go no further: they are answered at once with the records that were sent
//       --keep     bodies of creates are appended to FILE, one a line
//   node relay.js --replay FILE --to URL --key KEY [--in-flight N]
//       posts the kept bodies, N at a time (2), as fast as the answers come; prints records and seconds
//   node relay.js --clear FILE --to URL --key KEY
//       destroys the records of the kept bodies, last first
'use strict';
const http = require('http');
const fs = require('fs');

const options = {};
for (let i = 2; i < process.argv.length; i++) {
	const name = process.argv[i].slice(2);
	options[name] = process.argv[i + 1] === undefined || process.argv[i + 1].startsWith('--') ? true : process.argv[++i];
}
const target = new URL(options.to);
const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });

function send(method, path, headers, body) {
	return new Promise((resolve, reject) => {
		const request = http.request({ host: target.hostname, port: target.port, method, path, headers, agent }, (answer) => {
			const parts = [];
			answer.on('data', (part) => parts.push(part));
			answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts) }));
		});
		request.on('error', reject);
		request.end(body);
	});
}

// The engine writes {"query": "mutation(…){createPeople(…", "variables": {"data": […]}}: what was sent is what is answered.
function echo(body) {
	const root = /\{(create\w+)\(/.exec(body.toString('latin1', 0, 400))[1];
	const from = body.indexOf('"data":') + 7;
	return Buffer.concat([Buffer.from(`{"data":{"${root}":`), body.subarray(from, body.length - 2), Buffer.from('}}')]);
}

const isCreate = (body) => /^\{"query": ?"mutation\(\$data:\[\w+!\]!\)\{create/.test(body.toString('latin1', 0, 100));

function relay() {
	const [least, most] = String(options.jitter || '0-0').split('-').map(Number);
	const keep = options.keep && fs.openSync(options.keep, 'a');
	const server = http.createServer((request, response) => {
		const parts = [];
		request.on('data', (part) => parts.push(part));
		request.on('end', async () => {
			const body = Buffer.concat(parts);
			const create = request.url === '/graphql' && isCreate(body);
			if (create && keep) fs.writeSync(keep, Buffer.concat([body, Buffer.from('\n')]));
			if (create && options.sink) {
				response.setHeader('Content-Type', 'application/json');
				response.end(echo(body));
				return;
			}
			if (most > 0) await new Promise((go) => setTimeout(go, least + Math.random() * (most - least)));
			try {
				const answer = await send(request.method, request.url, { ...request.headers, connection: 'keep-alive' }, body);
				delete answer.headers['transfer-encoding'];
				delete answer.headers.connection;
				delete answer.headers['keep-alive'];
				response.writeHead(answer.status, answer.headers);
				response.end(answer.body);
			} catch (error) {
				response.destroy();
			}
		});
	});
	server.keepAliveTimeout = 60000;
	server.listen(0, '127.0.0.1', () => console.log(`ready http://127.0.0.1:${server.address().port}`));
}

const lines = (file) => fs.readFileSync(file, 'utf8').split('\n').filter(Boolean);
const headers = () => ({ 'Content-Type': 'application/json', Authorization: `Bearer ${options.key}` });

async function replay() {
	const bodies = lines(options.replay).map((line) => Buffer.from(line));
	const start = process.hrtime.bigint();
	let next = 0, records = 0;
	const loop = async () => {
		while (next < bodies.length) {
			const answer = (await send('POST', '/graphql', { ...headers(), 'Content-Length': bodies[next].length }, bodies[next++])).body;
			if (answer.includes('"errors"')) throw new Error(answer.toString('utf8', 0, 400));
		}
	};
	await Promise.all(Array.from({ length: Number(options['in-flight'] || 2) }, loop));
	const seconds = Number(process.hrtime.bigint() - start) / 1e9;
	for (const body of bodies) records += JSON.parse(body).variables.data.length;
	console.log(records, seconds.toFixed(3));
}

async function clear() {
	for (const line of lines(options.clear).reverse()) {
		const { query, variables } = JSON.parse(line);
		const root = /create(\w+)\(/.exec(query)[1];
		const body = JSON.stringify({ query: `mutation($ids:[UUID!]){destroy${root}(filter:{id:{in:$ids}}){id}}`, variables: { ids: variables.data.map((r) => r.id) } });
		const answer = (await send('POST', '/graphql', headers(), body)).body;
		if (answer.includes('"errors"')) throw new Error(answer.toString('utf8', 0, 400));
	}
}

const work = options.replay ? replay() : options.clear ? clear() : relay();
if (work) work.then(() => process.exit(0), (error) => { console.error(error.message); process.exit(1); });
