'use strict';
/* Bodies of medical notes: plain text and the HTML that web editors leave behind. */

const words = require('./words');

function textBody(random) {
  return `S: ${random.pick(words.FINDINGS)}\nO: ${random.pick(words.FINDINGS)}\n\nA/P: ${random.pick(words.PLANS)} ${random.pick(words.PLANS)}`;
}

const escapeHtml = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;').replace(/°/g, '&deg;').replace(/—/g, '&#8212;');

function htmlBody(random) {
  const finding = () => escapeHtml(random.pick(words.FINDINGS));
  const plan = () => escapeHtml(random.pick(words.PLANS));
  return `<p><b>Subjective:</b> ${finding()}<br>\n${finding()}</p>\n<p>Objective:&nbsp;${finding()}</p>\n<ul>\n<li>${plan()}</li>\n<li><i>${plan()}</i></li>\n</ul>`;
}

/** Characters that mean something in markdown and must come out as themselves. */
const MARKDOWN_TRAPS = 'Dose *unchanged*: 2_000 IU # see chart | [not a link] `code` ~10 kg\n1. first\n2. second';

function noteBody(html, random) {
  if (html) return htmlBody(random);
  return random.chance(0.03) ? MARKDOWN_TRAPS : textBody(random);
}

/** About 30,000 characters in one cell. */
function longNoteBody(random) {
  const parts = [];
  for (let i = 0; i < 230; i++) parts.push(`${i + 1}. ${textBody(random)}`);
  return parts.join('\n\n');
}

module.exports = { noteBody, longNoteBody };
