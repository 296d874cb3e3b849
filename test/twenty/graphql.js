'use strict';

/**
 * graphql-js 16, wherever it is installed: Debian's `node-graphql` lives under /usr/share/nodejs,
 * which a node from elsewhere does not search by itself.
 */
function load() {
  for (const place of ['graphql', '/usr/share/nodejs/graphql']) {
    try {
      return require(place);
    } catch (error) {
      if (error.code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  throw new Error('graphql-js is missing: apt-get install node-graphql');
}

module.exports = load();
