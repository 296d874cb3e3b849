'use strict';

/** One HTTP exchange: the ways to answer it, the honest one and the spoiled ones. */

const MAX_BODY_BYTES = 10 * 1024 * 1024; // TWENTY 1
const MAX_FILE_BYTES = 1024 * 1024 * 1024;

class Exchange {
  constructor(request, response) {
    this.request = request;
    this.response = response;
  }

  /** The body as a Buffer; null when it is too long (an answer was given then). */
  read(maximum = MAX_BODY_BYTES) {
    return new Promise((resolve) => {
      const chunks = [];
      let size = 0;
      this.request.on('data', (chunk) => {
        size += chunk.length;
        if (size <= maximum) chunks.push(chunk);
      });
      this.request.on('end', () => {
        if (size <= maximum) { resolve(Buffer.concat(chunks)); return; }
        this.json(413, { statusCode: 413, error: 'PayloadTooLargeError', messages: ['request entity too large'] });
        resolve(null);
      });
      this.request.on('error', () => resolve(null));
    });
  }

  json(status, body, type = 'application/json; charset=utf-8') {
    this.text(status, JSON.stringify(body), { 'content-type': type });
  }

  text(status, body, headers = {}) {
    if (this.response.destroyed) return;
    const data = Buffer.isBuffer(body) ? body : Buffer.from(body);
    this.response.writeHead(status, { ...headers, ...(status === 204 ? {} : { 'content-length': data.length }) });
    this.response.end(status === 204 ? undefined : data);
  }

  /** Connection reset (RST) without an answer. */
  reset() {
    const { socket } = this.request;
    if (socket.resetAndDestroy) socket.resetAndDestroy();
    else socket.destroy();
  }

  /** No answer; the connection is dropped after `ms` (ten minutes unless said). */
  hold(ms = 600000) {
    const timer = setTimeout(() => this.request.socket.destroy(), ms);
    timer.unref();
  }

  /** Half of the answer, then the connection breaks; `clean`: half an answer that claims to be whole. */
  cut(status, body, clean) {
    const data = Buffer.from(body);
    const half = data.subarray(0, Math.max(1, data.length >> 1));
    const headers = { 'content-type': 'application/json; charset=utf-8' };
    if (clean) { this.text(status, half, headers); return; }
    this.response.writeHead(status, { ...headers, 'content-length': data.length });
    this.response.write(half, () => setTimeout(() => this.request.socket.destroy(), 20));
  }

  /** The answer in small pieces over `ms`. */
  drip(status, body, ms) {
    const data = Buffer.from(body);
    const pieces = Math.min(50, data.length);
    this.response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'content-length': data.length });
    const step = (i) => {
      if (this.response.destroyed) return;
      this.response.write(data.subarray(Math.floor((i * data.length) / pieces), Math.floor(((i + 1) * data.length) / pieces)));
      if (i + 1 < pieces) setTimeout(() => step(i + 1), ms / pieces);
      else this.response.end();
    };
    step(0);
  }

  /** An endless-looking JSON answer of `bytes`. */
  huge(bytes) {
    this.response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' });
    const chunk = Buffer.from('{"id":"00000000-0000-4000-8000-000000000000"},'.repeat(1400));
    let left = bytes;
    const more = () => {
      while (left > 0) {
        left -= chunk.length;
        if (this.response.destroyed) return;
        if (!this.response.write(chunk)) { this.response.once('drain', more); return; }
      }
      this.response.end('{}]}}');
    };
    this.response.write('{"data":{"people":[');
    more();
  }
}

module.exports = { Exchange, MAX_FILE_BYTES };
