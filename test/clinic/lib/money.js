'use strict';
/* Amounts in the spellings that billing systems print. `cents` is a whole number. */

/** 123450 becomes 1234.50 */
const plain = (cents) => Math.floor(cents / 100) + '.' + String(cents % 100).padStart(2, '0');
/** 123450 becomes $1,234.50 */
const dollars = (cents) => '$' + plain(cents).replace(/(\d)(?=(\d{3})+\.)/g, '$1,');
/** 1200 becomes (12.00), the bookkeeper's minus */
const negative = (cents) => '(' + plain(cents) + ')';

module.exports = { plain, dollars, negative };
