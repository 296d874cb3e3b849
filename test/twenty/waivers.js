'use strict';

/**
 * Differences between the stand-in and the recordings that are meant to stay. Each says where, and why.
 *   label   exact label, or a regexp over labels
 *   path    regexp over the JSON path of the difference (`$.data.people.edges`)
 *   kind    "order": the list is compared as a set; "value": the value may differ
 * A waiver that no exchange needs fails the contract test.
 */
module.exports = [];
