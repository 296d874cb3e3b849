/* report as one HTML page: no network, no script; light and dark, paper and phone. */

CREATE FUNCTION flitmig._report_escape(value text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT replace(replace(replace(replace(replace(value, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;')
$$;
COMMENT ON FUNCTION flitmig._report_escape(text) IS 'Text for HTML, inside and outside of attributes';

CREATE FUNCTION flitmig._report_style()
RETURNS text LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT $css$
:root{color-scheme:light dark;--page:#f4f5f7;--card:#fff;--ink:#1b2430;--soft:#566272;--line:#dde2e8;--accent:#2f5fd0;
--stored:#2a7555;--unchanged:#8fbfa8;--excluded:#a9b3bf;--look:#855800;--conflict:#8b5fbf;--missing:#c0392b}
@media(prefers-color-scheme:dark){:root{--page:#12161c;--card:#1a2028;--ink:#e6eaf0;--soft:#9aa6b5;--line:#2c3540;--accent:#7ea2f5;
--stored:#4bb287;--unchanged:#2f6a51;--excluded:#586473;--look:#e0a83a;--conflict:#b08be0;--missing:#e8695c}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1180px;margin:0 auto;padding:28px 20px 64px}
header{margin-bottom:20px}
.eyebrow{margin:0;color:var(--soft);font-size:13px}
.title{display:flex;flex-wrap:wrap;align-items:center;gap:6px 16px;margin:2px 0 8px}
h1{margin:0;font-size:30px;line-height:1.2;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{margin:0 0 4px;font-size:18px;line-height:1.35}
p{margin:0 0 12px}
a{color:inherit;text-decoration-color:var(--line);text-underline-offset:3px}a:hover{text-decoration-color:currentColor}
.lead{color:var(--soft);max-width:75ch}
.pill{display:inline-block;padding:3px 12px;border-radius:99px;font-weight:600;font-size:14px;border:1.5px solid currentColor}
.good{color:var(--stored)}.warn{color:var(--look)}.bad{color:var(--missing)}.calm{color:var(--accent)}
.meta{display:flex;flex-wrap:wrap;gap:2px 22px;margin:0;color:var(--soft);font-size:13.5px}
.meta b{color:var(--ink);font-weight:500}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:20px;margin:0 0 16px}
.answer{font-size:19px;line-height:1.45;margin:0 0 14px;max-width:60ch}
.answer strong{display:block}
.sum{display:flex;flex-wrap:wrap;gap:10px 0;margin:14px 0 0}
.sum div{padding-right:20px}.sum div[data-op]{display:grid;grid-template-columns:auto auto;column-gap:20px}.sum div[data-op]::before{content:attr(data-op);grid-row:1/3;align-self:end;line-height:30px;color:var(--soft);font-size:18px}
.sum dt{color:var(--soft);font-size:13px}.sum dd{margin:0;font-size:24px;font-weight:600;font-variant-numeric:tabular-nums;line-height:1.25}
.todo{margin:22px 0 0;padding:16px 0 0;border-top:1px solid var(--line)}
.todo ol{list-style:none;margin:8px 0 0;padding:0;display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,500px),1fr));gap:2px 28px}
.todo li{display:grid;grid-template-columns:4.2ch 1fr;gap:0 10px;padding:5px 0;align-items:baseline}
.todo b{text-align:right;font-variant-numeric:tabular-nums;font-size:17px}
.todo span{display:block;color:var(--soft);font-size:13.5px;overflow-wrap:anywhere}
.bars{display:grid;grid-template-columns:minmax(90px,auto) 1fr auto;gap:7px 14px;align-items:center;font-size:14px;margin:6px 0 14px}
.bars .n{text-align:right;font-variant-numeric:tabular-nums;color:var(--soft)}.bars .n b{color:var(--ink);font-weight:500}
.bar{display:flex;height:14px;border-radius:4px;overflow:hidden;background:var(--line)}
.bar.tall{height:22px;border-radius:6px}
.bar i{display:block;min-width:2px}
.s-stored{background:var(--stored)}.s-unchanged{background:var(--unchanged)}.s-excluded{background:var(--excluded)}
.s-look{background:var(--look)}.s-conflict{background:var(--conflict)}.s-missing{background:var(--missing)}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;color:var(--soft);font-size:13px;margin:8px 0 14px;padding:0;list-style:none}
.legend i{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:6px}
.scroll{overflow-x:auto;margin:0 -20px;padding:0 20px}
table{border-collapse:collapse;font-size:14px;min-width:min(100%,560px)}
th,td{text-align:left;padding:6px 20px 6px 0;border-bottom:1px solid var(--line);vertical-align:top;white-space:nowrap}
th{color:var(--soft);font-weight:500;font-size:13px;white-space:normal;vertical-align:bottom}.many th,.many td{padding-right:13px}
td:last-child,th:last-child{padding-right:0}
.num{text-align:right;font-variant-numeric:tabular-nums}
td.long{white-space:normal;min-width:16ch;max-width:64ch;overflow-wrap:anywhere}
.wide table{font-size:13px;width:100%}.wide th{font-size:12px;white-space:normal;vertical-align:bottom}.wide th,.wide td{padding-right:10px}
td.zero{color:var(--soft)}
td.mark{font-weight:600}
.none{color:var(--soft);margin:0}
.query{margin:14px 0 0;font-size:12.5px;color:var(--soft)}
code{padding:2px 6px;background:var(--page);border-radius:5px;color:var(--soft);font:12.5px/1.6 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere;-webkit-box-decoration-break:clone;box-decoration-break:clone}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,430px),1fr));gap:18px 28px}
figure{margin:0}figcaption{font-size:14px;margin-bottom:6px}figcaption span{color:var(--soft)}
svg{display:block;width:100%;max-width:620px;height:auto}
svg text{fill:var(--soft);font:13.5px system-ui,sans-serif;font-variant-numeric:tabular-nums}
svg .u-records{fill:var(--stored);font-weight:600}svg .u-calls{fill:var(--accent);font-weight:600}
.calls{fill:var(--accent);opacity:.42}.area{fill:var(--stored);opacity:.14}.line{fill:none;stroke:var(--stored);stroke-width:2.2;stroke-linejoin:round}.axis{stroke:var(--line)}.limit{stroke:var(--accent);stroke-dasharray:5 4}
footer{color:var(--soft);font-size:13px}
@media(max-width:700px){.sum{display:block}.sum div,.sum div[data-op]{display:flex;justify-content:space-between;align-items:baseline;padding:3px 0}.sum div[data-op]::before{display:none}.sum dd{font-size:18px}
td.long{min-width:34ch}
.scroll td:first-child,.scroll th:first-child{position:sticky;left:0;background:var(--card);box-shadow:-14px 0 0 var(--card),6px 0 6px -6px var(--soft)}
.words thead{display:none}.words table,.words tbody{display:block}.words tr{display:block;padding:9px 0;border-bottom:1px solid var(--line)}
.words td,.words td:first-child{display:flex;gap:12px;padding:2px 0;border:0;white-space:normal;overflow-wrap:anywhere;min-width:0;max-width:none;position:static;box-shadow:none}
.words td::before{content:attr(data-h);flex:0 0 30%;color:var(--soft);font-weight:400;font-size:13px;text-align:left}.words td:empty{display:none}}
@media(max-width:560px){main{padding:18px 14px 40px}.card{padding:16px 14px}.scroll{margin:0 -14px;padding:0 14px}h1{font-size:25px}.answer{font-size:17px}}
@page{size:A4;margin:14mm 12mm}
@media print{:root{color-scheme:light;--page:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#bbb;--accent:#2f5fd0;--stored:#2a7555;--unchanged:#8fbfa8;--excluded:#a9b3bf;--look:#855800;--conflict:#8b5fbf;--missing:#c0392b}main{max-width:none;padding:0}
.card{border:0;padding:0;margin:0 0 20px;border-radius:0}.scroll{overflow:visible;margin:0;padding:0}table,.wide table{font-size:10px}th,td{padding:3px 10px 3px 0}.wide th,.wide td{padding-right:5px}th,.wide th{font-size:9.5px;white-space:normal}td.long{min-width:0}
tr,figure,figcaption,.bars,.sum,.todo,.query,.short{break-inside:avoid}h2,.lead,thead{break-after:avoid}.lead,#objects .scroll{break-inside:avoid}.query,footer{break-before:avoid}.charts{grid-template-columns:1fr 1fr}.todo ol{grid-template-columns:1fr 1fr}
.query{margin:6px 0 0;font-size:9.5px}code{font-size:9.5px;padding:0}.bar i,.legend i,svg *{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
$css$
$$;
COMMENT ON FUNCTION flitmig._report_style() IS 'Style sheet of the HTML report';

CREATE FUNCTION flitmig._report_html_table(columns text[], rows jsonb)
RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
	WITH cell AS (
		SELECT r.n AS row_n, c.n, c.value, jsonb_typeof(c.value) = 'number' AS is_number
		FROM jsonb_array_elements(rows) WITH ORDINALITY AS r(value, n),
			jsonb_array_elements(r.value) WITH ORDINALITY AS c(value, n)
	), numeric_column AS (
		SELECT n FROM cell WHERE value <> 'null' GROUP BY n HAVING bool_and(is_number)
	), shape AS (	/* sentences: on a phone each row stands under the other, each cell behind its heading */
		SELECT max(length(value #>> '{}')) > 30 AND cardinality(columns) <= 12 AS words FROM cell
	), named AS (
		SELECT cell.*, CASE WHEN shape.words THEN format(' data-h="%s"', flitmig._report_escape(columns[cell.n])) END AS heading FROM cell, shape
	)
	SELECT format('<div class="scroll%s%s"><table><thead><tr>', CASE WHEN cardinality(columns) > 12 THEN ' wide' WHEN cardinality(columns) > 7 THEN ' many' END, CASE WHEN w.words THEN ' words' END) || (
		SELECT string_agg(format('<th%s>%s</th>', CASE WHEN h.n IN (SELECT n FROM numeric_column) THEN ' class="num"' END, flitmig._report_escape(h.name)), '' ORDER BY h.n)
		FROM unnest(columns) WITH ORDINALITY AS h(name, n))
	|| '</tr></thead><tbody>' || (
		SELECT string_agg('<tr>' || r.cells || '</tr>', E'\n' ORDER BY r.row_n)
		FROM (
			SELECT row_n, string_agg(
				CASE
					WHEN is_number THEN format('<td class="num%s"%s>%s</td>', CASE WHEN value = '0' THEN ' zero' END, heading, flitmig._report_number((value #>> '{}')::numeric))
					WHEN value = 'null' THEN format('<td%s></td>', CASE WHEN n IN (SELECT n FROM numeric_column) THEN ' class="num"' END)
					WHEN columns[n] IN ('severity', 'verdict', 'state', 'kind') AND value #>> '{}' IN ('error', 'warning', 'mismatch', 'missing', 'failed', 'interrupted', 'cancelled', 'refused')
						THEN format('<td class="mark %s"%s>%s</td>', CASE WHEN value #>> '{}' IN ('warning', 'cancelled') THEN 'warn' ELSE 'bad' END, heading, flitmig._report_escape(value #>> '{}'))
					ELSE format('<td%s%s>%s</td>', CASE WHEN length(value #>> '{}') > 24 THEN ' class="long"' END, heading, flitmig._report_escape(value #>> '{}'))
				END, '' ORDER BY n) AS cells
			FROM named GROUP BY row_n) r)
	|| '</tbody></table></div>'
	FROM shape w
$$;
COMMENT ON FUNCTION flitmig._report_html_table(text[], jsonb) IS 'Rows (array of arrays) as an HTML table; columns of numbers stand right';

/* The fate of records as parts of a bar, per object of Twenty and (object NULL) of all. */
CREATE FUNCTION flitmig._report_fates(mig integer)
RETURNS TABLE (object text, label text, place bigint, n integer, class text, name text, amount numeric, there numeric, mapped numeric) LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
	WITH fate AS (
		SELECT b.object, min(o.position) AS place, sum(b.mapped) AS mapped, sum(b.stored) AS stored, sum(b.unchanged) AS unchanged, sum(b.quarantined + b.held) AS look,
			sum(b.conflict) AS conflict, sum(b.excluded) AS excluded, sum(b.difference) AS missing
		FROM flitmig.migration m
		JOIN flitmig.balance b ON b.migration = m.name
		JOIN flitmig.object_map o ON o.migration_id = m.id AND o.name = b.object_map
		WHERE m.id = mig
		GROUP BY GROUPING SETS ((b.object), ()))
	SELECT f.object, COALESCE(l.label_plural, f.object), dense_rank() OVER (ORDER BY f.place, f.object), p.n, p.class, p.name, p.amount, f.stored + f.unchanged, f.mapped
	FROM fate f LEFT JOIN flitmig.live_object l ON l.migration_id = mig AND l.name = f.object
	CROSS JOIN LATERAL (VALUES
		(1, 'stored', 'stored by the last run', f.stored), (2, 'unchanged', 'stored earlier, unchanged', f.unchanged),
		(3, 'look', 'quarantine and held', f.look), (4, 'conflict', 'conflict', f.conflict),
		(5, 'excluded', 'excluded', f.excluded), (6, 'missing', 'missing', f.missing)) AS p(n, class, name, amount)
	WHERE f.mapped + f.missing > 0
$$;
COMMENT ON FUNCTION flitmig._report_fates(integer) IS 'What became of the records of each object of Twenty, and of all, as parts of a bar';

CREATE FUNCTION flitmig._report_html_bars(mig integer, whole boolean)
RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
	WITH part AS MATERIALIZED (
		SELECT * FROM flitmig._report_fates(mig) f WHERE (f.object IS NULL) = whole
	), bar AS (
		SELECT p.place, p.label, p.there, p.mapped,
			format('<div class="bar%s" role="img" aria-label="%s">%s</div>', CASE WHEN whole THEN ' tall' END,
				flitmig._report_escape(string_agg(p.amount || ' ' || p.name, ', ' ORDER BY p.n) FILTER (WHERE p.amount > 0)),
				string_agg(format('<i class="s-%s" style="flex:%s" title="%s"></i>', p.class, p.amount, flitmig._report_number(p.amount) || ' ' || p.name), '' ORDER BY p.n) FILTER (WHERE p.amount > 0)) AS html
		FROM part p GROUP BY p.place, p.label, p.there, p.mapped)
	SELECT CASE WHEN whole THEN string_agg(b.html, '')
			ELSE '<div class="bars">' || string_agg(format('<span>%s</span>%s<span class="n"><b>%s</b> of %s</span>', flitmig._report_escape(b.label), b.html,
				flitmig._report_number(b.there), flitmig._report_number(b.mapped)), E'\n' ORDER BY b.place) || '</div>' END
		|| '<ul class="legend">' || (SELECT string_agg(format('<li><i class="s-%s"></i>%s</li>', l.class, l.name), '' ORDER BY l.n)
									 FROM (SELECT DISTINCT p.n, p.class, p.name FROM part p WHERE p.amount > 0) l) || '</ul>'
	FROM bar b
$$;
COMMENT ON FUNCTION flitmig._report_html_bars(integer, boolean) IS 'The fate of the records as stacked bars: one of the whole migration, or one an object of Twenty';

CREATE FUNCTION flitmig._report_html_chart(mig integer)
RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
	/* 480 x 206 units, of them the plot 360 x 140 from (62, 30): sixty steps of six; records as a line, by the scale on the left, calls as bars, by the one on the right. */
	WITH step AS (
		SELECT t.run, t.kind, t.state, t.seconds, s.n, COALESCE(p.calls, 0) AS calls,
			sum(COALESCE(p.records, 0)) OVER (PARTITION BY t.run ORDER BY s.n) AS records
		FROM (SELECT DISTINCT run, kind, state, seconds FROM flitmig._report_timeline(mig)) t
		CROSS JOIN generate_series(0, 59) AS s(n)
		LEFT JOIN flitmig._report_timeline(mig) p ON p.run = t.run AND p.step = s.n
	), total AS (
		SELECT s.run, s.kind, s.state, s.seconds, max(s.records) AS records, sum(s.calls) AS calls, max(s.calls) AS peak, max(s.calls) * 3600 / s.seconds AS peak_a_minute
		FROM step s GROUP BY s.run, s.kind, s.state, s.seconds
	), chart AS (
		SELECT t.*, flitmig._report_duration(t.seconds) AS took,
			/* the limit, where it would show */
			(SELECT l.max_tokens * 60000.0 / l.window_ms FROM flitmig.migration m JOIN flitmig.server_limit l ON l.server = m.server
			 WHERE m.id = mig AND l.max_tokens > 0 AND l.max_tokens * 60000.0 / l.window_ms BETWEEN t.peak_a_minute / 20 AND t.peak_a_minute) AS allowed
		FROM total t
	)
	SELECT '<div class="charts">' || string_agg(format(
		'<figure><figcaption><b>%s</b> <span>run %s, %s: %s records, %s calls in %s</span></figcaption>'
		'<svg viewBox="0 0 480 206" role="img" aria-label="%s"><text class="u-records" x="0" y="14">records</text><text class="u-calls" x="480" y="14" text-anchor="end">calls a minute</text>'
		'<line class="axis" x1="62" y1="30.5" x2="422" y2="30.5"/><line class="axis" x1="62" y1="100.5" x2="422" y2="100.5"/><line class="axis" x1="62" y1="170.5" x2="422" y2="170.5"/>%s%s%s%s'
		'<text x="62" y="192">0</text><text x="242" y="192" text-anchor="middle">%s</text><text x="422" y="192" text-anchor="end">%s</text></svg></figure>',
		initcap(c.kind), c.run, flitmig._report_escape(c.state), flitmig._report_number(c.records), flitmig._report_number(c.calls), c.took,
		flitmig._report_escape(format('%s records and %s calls over %s', c.records, c.calls, c.took)),
		(SELECT string_agg(format('<rect class="calls" x="%s" y="%s" width="5" height="%s"/>', 62.5 + s.n * 6, 170 - h.height, h.height), '' ORDER BY s.n)
		 FROM step s CROSS JOIN LATERAL (SELECT round(140.0 * s.calls / c.peak, 1) AS height) h WHERE s.run = c.run AND s.calls > 0),
		CASE WHEN c.records > 0 THEN
			(SELECT format('<path class="area" d="M62 170 L%s L422 170 Z"/><polyline class="line" points="62,170 %s"/>', string_agg(p.point, ' L' ORDER BY p.n), string_agg(replace(p.point, ' ', ','), ' ' ORDER BY p.n))
			 FROM (SELECT s.n, 62 + (s.n + 1) * 6 || ' ' || round(170 - 140.0 * s.records / c.records, 1) AS point FROM step s WHERE s.run = c.run) p) END,
		(SELECT format('<line class="limit" x1="62" y1="%1$s" x2="422" y2="%1$s"/><text x="66" y="%2$s">limit %3$s</text>', y.y, y.y - 4, flitmig._report_number(round(c.allowed)))
		 FROM (SELECT round((170 - 140 * c.allowed / c.peak_a_minute)::numeric, 1) AS y WHERE c.allowed IS NOT NULL) y),
		(SELECT string_agg(format('<text x="56" y="%1$s" text-anchor="end">%2$s</text><text x="428" y="%1$s">%3$s</text>', t.y, flitmig._report_number(round(c.records * t.share)), flitmig._report_number(round((c.peak_a_minute * t.share)::numeric))), '')
		 FROM (VALUES (35, 1), (105, 0.5), (174, 0)) AS t(y, share) WHERE c.records > 0 OR t.share = 1 OR t.share = 0),
		flitmig._report_duration(c.seconds / 2), c.took), E'\n' ORDER BY c.run) || '</div>'
		|| '<ul class="legend"><li><i style="background:var(--stored)"></i>records stored or taken back, summed up (left scale)</li><li><i style="background:var(--accent);opacity:.5"></i>calls, each bar a sixtieth of the time (right scale)</li></ul>'
	FROM chart c
$$;
COMMENT ON FUNCTION flitmig._report_html_chart(integer) IS 'Calls and records over time, one SVG chart a run';

CREATE FUNCTION flitmig._report_html_summary(mig integer, s jsonb)
RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT format('<section class="card" id="summary"><p class="answer"><strong>%s</strong> %s</p>%s<dl class="sum">%s</dl><div class="todo"><h2>What is left to do</h2>%s</div></section>',
		flitmig._report_escape(substring(s->>'answer' FROM '^[^.]*[.]')), flitmig._report_escape(substring(s->>'answer' FROM '^[^.]*[.] (.*)$')),
		COALESCE(flitmig._report_html_bars(mig, true), ''),
		(SELECT string_agg(format('<div%s><dt>%s</dt><dd%s>%s</dd></div>', ' data-op="' || f.op || '"', f.name, CASE WHEN f.amount > 0 THEN ' class="' || f.class || '"' END, flitmig._report_number(f.amount)), '' ORDER BY f.n)
		 FROM (VALUES
			(1, 'records mapped', (s->>'mapped')::numeric, NULL, NULL), (2, 'in Twenty', (s->>'stored')::numeric, '=', 'good'),
			(3, 'left out on purpose', (s->>'excluded')::numeric, '+', NULL), (4, 'quarantine, held', (s->>'quarantined')::numeric, '+', 'warn'),
			(5, 'conflicts', (s->>'conflict')::numeric, '+', 'warn'), (6, 'missing', (s->>'difference')::numeric, '+', CASE WHEN s->>'verdict' = 'incomplete' THEN 'bad' END)) AS f(n, name, amount, op, class)),
		CASE WHEN jsonb_array_length(s->'todo') = 0 THEN '<p class="none">Nothing.</p>' ELSE '<ol>' || (
			SELECT string_agg(format('<li><b>%s</b><div><a href="#%s">%s</a><span>%s</span></div></li>', flitmig._report_number((t.value->>'count')::numeric), t.value->>'section',
				flitmig._report_escape(t.value->>'what'), flitmig._report_escape(t.value->>'how')), '' ORDER BY t.n)
			FROM jsonb_array_elements(s->'todo') WITH ORDINALITY AS t(value, n)) || '</ol>' END)
$$;
COMMENT ON FUNCTION flitmig._report_html_summary(integer, jsonb) IS 'The first screen of the report: is it all there, and what is left to do?';

CREATE FUNCTION flitmig._report_html(mig integer, with_values boolean)
RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	s		jsonb := flitmig._report_summary(mig);
	zone	text := s->>'timeZone';
	body	text;
BEGIN
	SELECT string_agg(format('<section class="card%s" id="%s"><h2>%s</h2>%s<p class="query">The same in psql <code>%s</code></p></section>',
			CASE WHEN COALESCE(jsonb_array_length(rows), 0) <= 12 THEN ' short' END, key, flitmig._report_escape(title),
			CASE WHEN rows IS NULL THEN '<p class="none">' || CASE WHEN key = 'diff' THEN flitmig._report_escape(lead) ELSE 'None.' END || '</p>'
				ELSE '<p class="lead">' || flitmig._report_escape(CASE key WHEN 'timeline' THEN 'The last runs, each on its own clock.' ELSE lead END) || '</p>'
					|| CASE key WHEN 'objects' THEN COALESCE(flitmig._report_html_bars(mig, false), '') || flitmig._report_html_table(columns, rows)
								WHEN 'timeline' THEN flitmig._report_html_chart(mig)
								ELSE flitmig._report_html_table(columns, rows) END END,
			flitmig._report_escape(query)), E'\n' ORDER BY n)
	INTO body FROM flitmig._report_sections(mig, with_values);

	RETURN format($html$<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Migration %s: %s</title><style>%s</style></head><body><main>
<header><p class="eyebrow">Migration report, %s</p><div class="title"><h1>%s</h1><span class="pill %s">%s</span></div>
<p class="meta"><span>into <b>%s</b></span><span>from <b>%s rows</b> of %s files</span><span>profile <b>%s</b></span><span>mapping <b>%s</b></span><span>signed off <b>%s</b></span>%s</p></header>
%s
%s
<footer><p>Begun %s. Times are those of %s. %s</p></footer>
</main></body></html>
$html$,
		flitmig._report_escape(s->>'migration'), s->>'verdict', flitmig._report_style(),
		flitmig._report_time((s->>'reported')::timestamptz, zone), flitmig._report_escape(s->>'migration'),
		CASE s->>'verdict' WHEN 'complete' THEN 'good' WHEN 'incomplete' THEN 'bad' WHEN 'stopped' THEN 'bad'
			WHEN 'complete, with open points' THEN 'warn' WHEN 'taken back in part' THEN 'warn' ELSE 'calm' END,
		upper(left(s->>'verdict', 1)) || substr(s->>'verdict', 2),
		flitmig._report_escape(s->>'server'), flitmig._report_number((s->>'rowsRead')::numeric), flitmig._report_number((s->>'files')::numeric), flitmig._report_escape(s->>'profile'),
		COALESCE(flitmig._report_escape(left(s->>'mappingHash', 12)), 'not confirmed'),
		CASE WHEN (s->>'signed')::boolean THEN flitmig._report_escape(format('by %s, %s', s->>'signedBy', flitmig._report_time((s->>'signedAt')::timestamptz, zone))) ELSE 'not yet' END,
		CASE WHEN s->>'deltaUntil' IS NOT NULL THEN format('<span>newer exports until <b>%s</b></span>', flitmig._report_time((s->>'deltaUntil')::timestamptz, zone)) END,
		flitmig._report_html_summary(mig, s), body,
		flitmig._report_time((s->>'created')::timestamptz, zone), flitmig._report_escape(zone),
		CASE WHEN with_values THEN 'This report quotes values of patients: handle it as you handle their files.' ELSE 'This report holds counts and names of fields, no value of a patient.' END);
END $$;
COMMENT ON FUNCTION flitmig._report_html(integer, boolean) IS 'The report as one HTML page';
