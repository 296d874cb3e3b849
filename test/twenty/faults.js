'use strict';

/**
 * Scripted faults: what networks and servers do. A script is a JSON array of
 *   {on, nth, times, fault, ms, …}
 * on     root field name, path (begins with "/"), or /regexp/ over "path root1 root2"; left out = every API request
 * nth    1-based number of the matching request at which it strikes; "every" (or left out with times) = each one
 * times  how often it may strike (default 1; with nth "every": without end)
 * Rules are asked in order; one fault a request.
 */

const FAULTS = new Set([
  'limit', '429', '502', '503-retry-after', 'reset-before', 'reset-after', 'apply-then-timeout', 'reset-then-apply-later', 'cut-json',
  'slow-drip', 'redirect', 'huge', 'metadata-half', 'timeout-before', 'delay', 'close-after', 'store-short',
]);

class Faults {
  constructor(script) { this.set(script || []); }

  /** Replaces the script and starts counting anew. Errors: an unknown fault. */
  set(script) {
    const rules = Array.isArray(script) ? script : [script];
    for (const rule of rules) if (!FAULTS.has(String(rule.fault))) throw new Error(`unknown fault "${rule.fault}": ${[...FAULTS].join(', ')}`);
    this.rules = rules.map((rule) => ({ ...rule, fault: String(rule.fault), seen: 0, struck: 0, test: matcher(rule.on) }));
  }

  add(script) {
    const kept = this.rules;
    this.set(script);
    this.rules = [...kept, ...this.rules];
  }

  /** The fault for a request, or null. @param path without query @param roots names of its root fields */
  strike(path, roots) {
    let hit = null;
    for (const rule of this.rules) {
      if (!rule.test(path, roots)) continue;
      rule.seen++;
      if (hit) continue;
      const every = rule.nth === 'every' || rule.nth === undefined;
      const limit = rule.times === undefined ? (rule.nth === 'every' ? Infinity : 1) : rule.times;
      if (rule.struck >= limit) continue;
      if (every || rule.seen >= rule.nth) { rule.struck++; hit = rule; }
    }
    return hit;
  }

  show() {
    return this.rules.map(({ test, ...rule }) => rule);
  }
}

function matcher(on) {
  if (on === undefined || on === '*') return (path) => !path.startsWith('/__');
  if (/^\/.+\/[imsu]*$/.test(on)) {
    const regexp = new RegExp(on.slice(1, on.lastIndexOf('/')), on.slice(on.lastIndexOf('/') + 1));
    return (path, roots) => !path.startsWith('/__') && regexp.test(`${path} ${roots.join(' ')}`);
  }
  if (on.startsWith('/')) return (path) => path === on || path.startsWith(`${on}/`);
  return (path, roots) => roots.includes(on);
}

const HTML_502 = '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n';

/** Faults that answer by themselves, before anything is done. True when it did. */
function answerEarly(rule, roots, exchange, path, perMinute) {
  const limit = rule.message || `Limit reached (${perMinute} tokens per 60000 ms)`;
  const tooMany = { statusCode: 429, error: 'HttpException', messages: [limit] };
  switch (rule.fault) {
    case 'limit': {
      if (path.startsWith('/rest')) { exchange.json(429, tooMany); return true; }
      const error = {
        message: limit,
        extensions: { subCode: 'LIMIT_REACHED', userFriendlyMessage: 'Rate limit reached. Please try again later.', code: 'BAD_USER_INPUT' },
      };
      const keys = roots.length ? roots : ['people'];
      exchange.json(200, { errors: keys.map(() => error), data: Object.fromEntries(keys.map((key) => [key, null])) });
      return true;
    }
    case '429': exchange.json(429, tooMany); return true;
    case '502': exchange.text(502, HTML_502, { 'content-type': 'text/html' }); return true;
    case '503-retry-after':
      exchange.text(503, 'Service Unavailable', {
        'content-type': 'text/plain', 'retry-after': String(Math.max(1, Math.round((rule.ms || 1000) / 1000))),
      });
      return true;
    case 'redirect': exchange.text(302, '', { location: rule.location || 'http://127.0.0.2:1/graphql' }); return true;
    case 'reset-before': exchange.reset(); return true;
    case 'timeout-before': exchange.hold(rule.ms); return true;
    default: return false;
  }
}

/** Faults that spoil an answer which has been made. `body` is its text. */
function spoil(rule, exchange, status, body) {
  switch (rule.fault) {
    case 'reset-after': exchange.reset(); return;
    case 'apply-then-timeout': exchange.hold(rule.ms); return;
    case 'cut-json': exchange.cut(status, body, rule.clean); return;
    case 'slow-drip': exchange.drip(status, body, rule.ms || 5000); return;
    case 'huge': exchange.huge(rule.bytes || 64 * 1024 * 1024); return;
    case 'close-after': exchange.text(status, body, { 'content-type': 'application/json; charset=utf-8', connection: 'close' }); return;
    default: exchange.text(status, body, { 'content-type': 'application/json; charset=utf-8' });
  }
}

module.exports = { FAULTS, Faults, answerEarly, spoil };
