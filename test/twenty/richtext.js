'use strict';

/**
 * Markdown to BlockNote blocks and back, as far as tests of a migration look at it: headings, paragraphs, lists,
 * tables, bold, italics, code, links. Source: tasks.create, notes.create.markdown, notes.create.both.
 * The ids of blocks are made by the server and random.
 */

const { randomUUID } = require('crypto');

const CELL = { colspan: 1, rowspan: 1, backgroundColor: 'default', textColor: 'default', textAlignment: 'left' };

/** Common props; their order differs between the models. */
function props(model) {
  return model === '1.17'
    ? { textColor: 'default', backgroundColor: 'default', textAlignment: 'left' }
    : { backgroundColor: 'default', textColor: 'default', textAlignment: 'left' };
}

const block = (type, ownProps, content) => ({ id: randomUUID(), type, props: ownProps, content, children: [] });

const TOKENS = /(\*\*|__)(?=\S)([\s\S]*?\S)\1|(\*|_)(?=\S)([\s\S]*?\S)\3|`([^`]+)`|<(b|strong|i|em)>([\s\S]*?)<\/\6>|\\([\\`*_{}[\]()#+\-.!|>~])|<[^>]+>/;

/** Inline text to BlockNote runs; 1.17 drops HTML tags, 2.19 understands <b> (notes.create.markdown). */
function inline(text, model, styles = {}) {
  const runs = [];
  const push = (value, style) => {
    if (!value) return;
    const last = runs[runs.length - 1];
    if (last && JSON.stringify(last.styles) === JSON.stringify(style)) last.text += value;
    else runs.push({ type: 'text', text: value, styles: style });
  };
  let rest = text.replace(/[ \t]*\n[ \t]*/g, ' ');
  for (let match = TOKENS.exec(rest); match; match = TOKENS.exec(rest)) {
    push(rest.slice(0, match.index), styles);
    const tag = match[6];
    if (match[2] !== undefined) for (const run of inline(match[2], model, { ...styles, bold: true })) push(run.text, run.styles);
    else if (match[4] !== undefined) for (const run of inline(match[4], model, { ...styles, italic: true })) push(run.text, run.styles);
    else if (match[5] !== undefined) push(match[5], { ...styles, code: true });
    else if (tag) {
      const style = model === '1.17' ? styles : { ...styles, [/^(b|strong)$/.test(tag) ? 'bold' : 'italic']: true };
      for (const run of inline(match[7], model, style)) push(run.text, run.styles);
    } else if (match[8] !== undefined) push(match[8], styles);
    rest = rest.slice(match.index + match[0].length);
  }
  push(rest, styles);
  return runs;
}

function table(lines, model) {
  const cells = (line) => line.trim().replace(/^\||\|$/g, '').split('|').map((cell) => cell.trim());
  const rows = [lines[0], ...lines.slice(2)].map((line) => ({
    cells: cells(line).map((cell) => ({ type: 'tableCell', content: inline(cell, model), props: { ...CELL } })),
  }));
  const columnWidths = rows[0].cells.map(() => null);
  return block('table', { textColor: 'default' }, { type: 'tableContent', columnWidths, headerRows: 1, rows });
}

/** Markdown → JSON text of BlockNote blocks. */
function toBlocknote(markdown, model) {
  const blocks = [];
  const lines = markdown.split(/\r?\n/);
  for (let i = 0; i < lines.length;) {
    const line = lines[i];
    const heading = /^(#{1,6})\s+(.*)$/.exec(line);
    const bullet = /^\s*[-*+]\s+(.*)$/.exec(line);
    const numbered = /^\s*\d+[.)]\s+(.*)$/.exec(line);
    if (!line.trim()) i++;
    else if (heading) {
      const own = { ...props(model), level: heading[1].length };
      if (model !== '1.17') own.isToggleable = false;
      blocks.push(block('heading', own, inline(heading[2], model)));
      i++;
    } else if (bullet) { blocks.push(block('bulletListItem', props(model), inline(bullet[1], model))); i++; }
    else if (numbered) { blocks.push(block('numberedListItem', props(model), inline(numbered[1], model))); i++; }
    else if (line.includes('|') && /^\s*\|?[\s:|-]+\|?\s*$/.test(lines[i + 1] || '') && lines[i + 1].includes('-')) {
      let end = i + 2;
      while (end < lines.length && lines[end].includes('|')) end++;
      blocks.push(table(lines.slice(i, end), model));
      i = end;
    } else {
      let end = i + 1;
      while (end < lines.length && lines[end].trim() && !/^(#{1,6}\s|\s*[-*+]\s|\s*\d+[.)]\s)/.test(lines[end])) end++;
      blocks.push(block('paragraph', props(model), inline(lines.slice(i, end).join('\n'), model)));
      i = end;
    }
  }
  return JSON.stringify(blocks);
}

const runsToText = (content) => (Array.isArray(content) ? content : [])
  .map((run) => (run.styles && run.styles.bold ? `**${run.text}**` : run.styles && run.styles.italic ? `*${run.text}*` : run.text || ''))
  .join('');

/** JSON text of BlockNote blocks → Markdown, each block ended by a newline (notes.create.both). */
function toMarkdown(blocknote) {
  let blocks;
  try {
    blocks = JSON.parse(blocknote);
  } catch {
    return blocknote;
  }
  if (!Array.isArray(blocks)) return blocknote;
  const mark = { bulletListItem: '* ', numberedListItem: '1. ' };
  return blocks.map((each) => {
    const prefix = each.type === 'heading' ? `${'#'.repeat(each.props.level || 1)} ` : mark[each.type] || '';
    return `${prefix}${runsToText(each.content)}\n`;
  }).join('\n');
}

module.exports = { toBlocknote, toMarkdown };
