// Servers that do what servers should not; prints "ready PORT RAWPORT [TLSPORT]".
// GET /__seen: every request whose body arrived whole, as [method, path, authorization, bytes, connection].
'use strict';
const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const net = require('node:net');

const seen = [];
const json = { 'Content-Type': 'application/json' };
const answer = { data: { ok: true } };
let slow = 0;	// calls of /slow under way, and the most that ever were
let peak = 0;

const behaviours = {
	'/ok': (q, r) => { r.writeHead(200, json); r.end(JSON.stringify(answer)); },
	'/slow': (q, r) => { peak = Math.max(peak, ++slow); setTimeout(() => { slow--; behaviours['/ok'](q, r); }, 300); },
	'/redirect': (q, r) => { r.writeHead(302, { Location: '/ok' }); r.end(); },
	'/huge': (q, r) => {
		r.writeHead(200, json);
		const block = Buffer.alloc(1 << 20, 'x');
		const more = () => { while (!r.destroyed && r.write(block)); };
		r.on('drain', more);
		more();
	},
	'/bomb': (q, r) => {
		r.writeHead(200, { ...json, 'Content-Encoding': 'gzip' });
		r.end(require('node:zlib').gzipSync(Buffer.alloc(8 << 20, 'x')));
	},
	'/gzip': (q, r) => {
		r.writeHead(200, { ...json, 'Content-Encoding': 'gzip' });
		r.end(require('node:zlib').gzipSync(JSON.stringify(answer)));
	},
	'/stall': () => {},
	'/drip': (q, r) => {
		r.writeHead(200, json);
		const timer = setInterval(() => r.write(' '), 100);
		r.on('close', () => clearInterval(timer));
	},
	'/reset': q => q.socket.resetAndDestroy ? q.socket.resetAndDestroy() : q.socket.destroy(),
	'/cut': (q, r) => { r.writeHead(200, { ...json, 'Content-Length': 1000 }); r.write('{"data":'); setTimeout(() => q.socket.destroy(), 50); },
	'/later': (q, r) => { r.writeHead(503, { 'Retry-After': '7' }); r.end(); },
	'/later-date': (q, r) => { r.writeHead(429, { 'Retry-After': new Date(Date.now() + 60000).toUTCString() }); r.end(); },
	// A connection that is used again is closed when its second request has arrived whole.
	'/once': (q, r) => { q.socket.used = (q.socket.used || 0) + 1; if (q.socket.used > 1) q.socket.destroy(); else behaviours['/ok'](q, r); },
	'/__seen': (q, r) => { r.writeHead(200, json); r.end(JSON.stringify(seen)); },
	'/__peak': (q, r) => { r.writeHead(200, json); r.end(String(peak)); },
	'/__open': (q, r) => server.getConnections((e, n) => { r.writeHead(200, json); r.end(String(n)); }),
};

function serve(q, r) {
	if (q.url === '/refuse') {	// before the body came
		r.writeHead(413, { Connection: 'close' });
		r.end('too large');
		return;
	}
	let bytes = 0;
	q.on('data', chunk => { bytes += chunk.length; });
	q.on('end', () => {
		if (!q.url.startsWith('/__')) seen.push([q.method, q.url, q.headers.authorization || null, bytes, q.socket.number]);
		(behaviours[q.url] || behaviours['/ok'])(q, r);
	});
}

const server = http.createServer({ keepAliveTimeout: 3000 }, serve);
let connections = 0;
server.on('connection', socket => { socket.number = ++connections; });
server.listen(0, '127.0.0.1', () => {
	const raw = net.createServer(socket => { socket.on('error', () => {}); socket.end('220 mail.example.com ESMTP\r\n'); });
	raw.listen(0, '127.0.0.1', () => {
		const ports = [server.address().port, raw.address().port];
		if (process.argv.length < 4) return console.log('ready', ...ports);
		const tls = https.createServer({ key: fs.readFileSync(process.argv[2]), cert: fs.readFileSync(process.argv[3]) }, serve);
		tls.listen(0, '127.0.0.1', () => console.log('ready', ...ports, tls.address().port));
	});
});
