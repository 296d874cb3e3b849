--
-- Notes: HTML, RTF and plain text become Markdown.
--
\pset null '(null)'
\pset format unaligned
\pset tuples_only on
\pset recordsep '\n----\n'
-- HTML
SELECT flitmig.html_to_markdown(html) FROM (VALUES
	('<p>One</p><p>Two<br>lines</p>'),
	('<div>One</div><div>Two</div><div><br></div><div>Three</div>'),
	('<b>bold</b>, <i>italic</i>, <strong><em>both</em></strong> and <b> spaced </b>text'),
	('<b></b>nothing <i> </i>bold'),
	('<h1>Title</h1><h3>Sub <b>x</b></h3>text<h2></h2>'),
	('<ul><li>a</li><li>b<ul><li>b1</li><li>b2</li></ul></li><li>c</li></ul><ol><li>one</li><li><p>two</p></li></ol>after'),
	('<ul><li><p>a</p><p>second</p></li></ul>'),
	('<a href="https://x.test/a b">link</a> <a href="#top">no link</a> <a href="javascript:x()">no</a> <b><a href="https://x.test">bold link</a></b>'),
	('<table><thead><tr><th>Test</th><th>Value</th></tr></thead><tbody><tr><td>Na</td><td>140</td></tr><tr><td></td><td>4.1</td></tr></tbody></table>'),
	('<table><tr><td><p>Na</p></td><td><div>140</div><br></td></tr></table><table><tr><td><p>layout</p><p>only</p></td></tr></table>'),
	('<b>Pain:</b>5/10 x<b>(y)</b> <font>unclosed <font>fonts'),
	('BP <input value="120/80"> <input type="checkbox" checked>fever <input type=checkbox>cough <input type="hidden" value="no"><select><option>left<option selected>right</select>'),
	('10<sup>3</sup>/uL H<sub>2</sub>O <s>no</s> allergies <textarea>typed</textarea>'),
	('<pre>  a' || chr(10) || '    b *x*' || chr(10) || '</pre>'),
	('a &amp; b &lt;5 &nbsp; &eacute; &#8364; &unknown; 3 < 5'),
	('<script>alert(1)</script><style>p{}</style><!-- no -->text'),
	('<html><head><title>T</title></head><body>body</body></html>'),
	('<blockquote>quoted<br>lines<p>more</p></blockquote>after'),
	('<p>open <b>bold <i>both</b> end'), ('</p></div>stray'), ('<p>2*3*4 snake_case_word # no [x] 1. no</p><p># no heading</p><p>1. no list</p><p>- no item</p><p>+ x</p><p>=====</p>'),
	('plain text'), ('<p>&nbsp;</p>'), ('<hr>x<hr>y'), ('<p>😀 naïve</p>'), ('<div>' || repeat('<div>', 400) || 'deep' || repeat('</div>', 400) || '</div>')) AS note (html);
-- RTF
SELECT flitmig.rtf_to_markdown(rtf) FROM (VALUES
	('{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fswiss Arial;}{\f1\fcharset204 Arial Cyr;}}{\colortbl;\red0\green0\blue0;}\f0\fs20 Hello \b bold\b0 , \i it\i0  and {\b\i both} end\par Second line\par\par New paragraph\line broken\par}'),
	('{\rtf1\ansi\ansicpg1252 caf\''e9 \''93quoted\''94 \emdash  \u8364? \u-10179?\u-8704? \{x\} \~y}'),
	('{\rtf1\ansi{\fonttbl{\f0 A;}{\f1\fcharset204 B;}}{\f1 \''cc\''e0\''f1\''f1\''e0\''e6} \f0 x}'),
	('{\rtf1\ansi\ansicpg1255 \''f9\''ec\''e5\''ed}'), -- the last letter could take a point
	('{\rtf1\ansi\ansicpg1258 Vi\''ea\''f2t a}'),
	('{\rtf1{\*\generator Riched20;}{\info{\author Dr X}}{\pict\pngblip 89504e47}{\field{\*\fldinst HYPERLINK "x"}{\fldrslt shown}} after}'),
	('{\rtf1 A\cell B\cell\row C\cell D\cell\row}'),
	('{\rtf1{\listtext\''b7\tab}one\par{\listtext\''b7\tab}two\par{\pntext 1.\tab}three\par}'),
	('{\rtf1\uc2 \u233ab!\bin3 xyz!}'), ('{\rtf1 unclosed {\b group'), ('{\rtf1 too many }}}} end'), ('{\rtf1\v hidden\v0 shown}'), ('{\rtf1}'), ('no rtf at all'), ('{\rtf1 \'), ('{\rtf1 \''e'), ('{\rtf1 \''zz\u }'), ('{\rtf1 naïve raw}')) AS note (rtf);
-- Plain text, and what is taken for markup
SELECT flitmig.to_markdown(body) FROM (VALUES
	(E'S: pain\r\nO: fine\r\n\r\nA: ok'), (E'- a\n- b\ntext\n1. one\n2) two'), (E'* star item\n*** ALERT ***\n2 * 3\n_x_ snake_case'), (E'# 3 left\n> 5\n-----\n====='), ('BP <5 and <name> & x'), ('<b>bold</b>'), ('{\rtf1 rtf}'), (E'  indented\n      deep'), ('a `code` [link](x) \ \*'), (''), (NULL)) AS note (body);
SELECT flitmig.to_markdown('<b>x</b>', 'text'), flitmig.to_markdown('a<5', 'html'), flitmig.to_markdown('x', 'rtf'), flitmig.to_markdown('<p>x</p>', 'whatever');
SELECT flitmig.rich_text('# H'), flitmig.rich_text(' '), flitmig.rich_text(NULL);
