/* report as one HTML page: no network, no script; light and dark, paper and phone. */

CREATE FUNCTION flitmig._report_escape(value text)
RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT replace(replace(replace(replace(replace(value, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;')
$$;
COMMENT ON FUNCTION flitmig._report_escape(text) IS 'Text for HTML, inside and outside of attributes';

/* Stable: to_char goes by lc_numeric. */
CREATE FUNCTION flitmig._report_number(value numeric)
RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN value = trunc(value) THEN to_char(value, 'FM999,999,999,999,990') ELSE to_char(value, 'FM999,999,999,990.0') END
$$;
COMMENT ON FUNCTION flitmig._report_number(numeric) IS 'A number with thousands set apart';

CREATE FUNCTION flitmig._report_style()
RETURNS text LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
	SELECT $css$
:root{color-scheme:light dark;--page:#f4f5f7;--card:#fff;--ink:#1b2430;--soft:#596575;--line:#dde2e8;--accent:#2f5fd0;
--stored:#2a7555;--unchanged:#8fbfa8;--excluded:#a9b3bf;--look:#9a6700;--conflict:#8b5fbf;--missing:#c0392b}
@media(prefers-color-scheme:dark){:root{--page:#12161c;--card:#1a2028;--ink:#e6eaf0;--soft:#9aa6b5;--line:#2c3540;--accent:#7ea2f5;
--stored:#4bb287;--unchanged:#2f6a51;--excluded:#586473;--look:#e0a83a;--conflict:#b08be0;--missing:#e8695c}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1180px;margin:0 auto;padding:32px 20px 64px}
header{margin-bottom:24px}
.eyebrow{margin:0;color:var(--soft);font-size:13px}
h1{margin:2px 0 10px;font-size:30px;line-height:1.2;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{margin:0 0 4px;font-size:18px}
p{margin:0 0 12px}
.lead{color:var(--soft);max-width:75ch}
.pill{display:inline-block;padding:3px 12px;border-radius:99px;font-weight:600;font-size:14px;border:1.5px solid currentColor}
.good{color:var(--stored)}.warn{color:var(--look)}.bad{color:var(--missing)}.calm{color:var(--accent)}
.meta{display:flex;flex-wrap:wrap;gap:4px 22px;margin:12px 0 0;color:var(--soft);font-size:14px}
.meta b{color:var(--ink);font-weight:500}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:20px;margin:0 0 16px}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(106px,1fr));gap:12px 18px;margin:0}
.figures dt{color:var(--soft);font-size:13px}.figures dd{margin:0;font-size:25px;font-weight:600;font-variant-numeric:tabular-nums;line-height:1.25}
.bars{display:grid;grid-template-columns:minmax(90px,auto) 1fr auto;gap:7px 14px;align-items:center;font-size:14px;margin:6px 0 14px}
.bars .n{text-align:right;font-variant-numeric:tabular-nums;color:var(--soft)}
.bar{display:flex;height:14px;border-radius:4px;overflow:hidden;background:var(--line)}
.bar i{display:block;min-width:2px}
.s-stored{background:var(--stored)}.s-unchanged{background:var(--unchanged)}.s-excluded{background:var(--excluded)}
.s-look{background:var(--look)}.s-conflict{background:var(--conflict)}.s-missing{background:var(--missing)}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;color:var(--soft);font-size:13px;margin:0 0 14px;padding:0;list-style:none}
.legend i{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:6px}
.scroll{overflow-x:auto;margin:0 -20px;padding:0 20px}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{text-align:left;padding:6px 12px 6px 0;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--soft);font-weight:500;font-size:13px;white-space:nowrap}
td:last-child,th:last-child{padding-right:0}
.num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.long{min-width:24ch;overflow-wrap:anywhere}
.wide table{font-size:13px}.wide th{font-size:12px}.wide th,.wide td{padding-right:9px}
td.zero{color:var(--soft);opacity:.55}
.none{color:var(--soft);margin:0}
.query{margin:14px 0 0;font-size:12.5px;color:var(--soft)}
code{padding:2px 6px;background:var(--page);border-radius:5px;color:var(--soft);font:12.5px/1.6 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere;-webkit-box-decoration-break:clone;box-decoration-break:clone}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,430px),1fr));gap:18px 24px}
figure{margin:0}figcaption{font-size:14px;margin-bottom:4px}figcaption span{color:var(--soft)}
svg{display:block;width:100%;height:auto}
svg text{fill:var(--soft);font:15px system-ui,sans-serif}
.calls{fill:var(--accent);opacity:.4}.area{fill:var(--stored);opacity:.16}.line{fill:none;stroke:var(--stored);stroke-width:2;stroke-linejoin:round}.axis{stroke:var(--line)}
footer{color:var(--soft);font-size:13px}
@media(max-width:560px){main{padding:20px 14px 40px}.card{padding:16px 14px}.scroll{margin:0 -14px;padding:0 14px}h1{font-size:25px}}
@media print{:root{color-scheme:light;--page:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#bbb}main{max-width:none;padding:0}
.card{border:0;padding:0;margin:0 0 20px;border-radius:0}.scroll{overflow:visible;margin:0;padding:0}table{font-size:10.5px}th,td{padding:3px 6px 3px 0}th{white-space:normal}tr,figure,.figures div{break-inside:avoid}h2{break-after:avoid}
.query{margin:6px 0 0;font-size:9.5px}code{font-size:9.5px;padding:0}.bar i,.legend i,svg *{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
$css$
$$;
COMMENT ON FUNCTION flitmig._report_style() IS 'Style sheet of the HTML report';

CREATE FUNCTION flitmig._report_html_table(columns text[], rows jsonb)
RETURNS text LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
	WITH cell AS (
		SELECT r.n AS row_n, c.n, c.value, jsonb_typeof(c.value) = 'number' AS is_number
		FROM jsonb_array_elements(rows) WITH ORDINALITY AS r(value, n),
			jsonb_array_elements(r.value) WITH ORDINALITY AS c(value, n)
	), numeric_column AS (
		SELECT n FROM cell WHERE value <> 'null' GROUP BY n HAVING bool_and(is_number)
	)
	SELECT format('<div class="scroll%s"><table><thead><tr>', CASE WHEN cardinality(columns) > 12 THEN ' wide' END) || (
		SELECT string_agg(format('<th%s>%s</th>', CASE WHEN h.n IN (SELECT n FROM numeric_column) THEN ' class="num"' END, flitmig._report_escape(h.name)), '' ORDER BY h.n)
		FROM unnest(columns) WITH ORDINALITY AS h(name, n))
	|| '</tr></thead><tbody>' || (
		SELECT string_agg('<tr>' || r.cells || '</tr>', E'\n' ORDER BY r.row_n)
		FROM (
			SELECT row_n, string_agg(
				CASE
					WHEN is_number THEN format('<td class="num%s">%s</td>', CASE WHEN value = '0' THEN ' zero' END, flitmig._report_number((value #>> '{}')::numeric))
					WHEN value = 'null' THEN format('<td%s></td>', CASE WHEN n IN (SELECT n FROM numeric_column) THEN ' class="num"' END)
					ELSE format('<td%s>%s</td>', CASE WHEN length(value #>> '{}') > 40 THEN ' class="long"' END, flitmig._report_escape(value #>> '{}'))
				END, '' ORDER BY n) AS cells
			FROM cell GROUP BY row_n) r)
	|| '</tbody></table></div>'
$$;
COMMENT ON FUNCTION flitmig._report_html_table(text[], jsonb) IS 'Rows (array of arrays) as an HTML table; columns of numbers stand right';

CREATE FUNCTION flitmig._report_html_bars(mig integer)
RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
	WITH part AS (
		SELECT o.position, o.id, b.object_map, b.mapped + b.difference AS total, b.stored + b.unchanged AS there, p.*
		FROM flitmig.migration m
		JOIN flitmig.balance b ON b.migration = m.name
		JOIN flitmig.object_map o ON o.migration_id = m.id AND o.name = b.object_map
		CROSS JOIN LATERAL (VALUES
			(1, 'stored', 'stored', b.stored), (2, 'unchanged', 'stored earlier, unchanged', b.unchanged),
			(3, 'look', 'quarantine and held', b.quarantined + b.held), (4, 'conflict', 'conflict', b.conflict),
			(5, 'excluded', 'excluded', b.excluded), (6, 'missing', 'missing', b.difference)) AS p(n, class, name, amount)
		WHERE m.id = mig
	)
	SELECT '<div class="bars">' || string_agg(b.html, E'\n' ORDER BY b.position, b.id) || '</div><ul class="legend">' || (
		SELECT string_agg(format('<li><i class="s-%s"></i>%s</li>', class, name), '' ORDER BY n)
		FROM (SELECT DISTINCT n, class, name FROM part WHERE amount > 0) l) || '</ul>'
	FROM (
		SELECT position, id, format('<span>%s</span><div class="bar" role="img" aria-label="%s">%s</div><span class="n">%s</span>',
			flitmig._report_escape(object_map),
			flitmig._report_escape(string_agg(amount || ' ' || name, ', ' ORDER BY n) FILTER (WHERE amount > 0)),
			string_agg(format('<i class="s-%s" style="flex:%s" title="%s"></i>', class, amount, flitmig._report_number(amount) || ' ' || name), '' ORDER BY n) FILTER (WHERE amount > 0),
			flitmig._report_number(there)) AS html
		FROM part WHERE total > 0 GROUP BY position, id, object_map, there) b
$$;
COMMENT ON FUNCTION flitmig._report_html_bars(integer) IS 'The fate of the records of each object map as stacked bars';

CREATE FUNCTION flitmig._report_html_chart(mig integer)
RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
	/* 600 x 150 units: sixty steps of ten; calls as bars (up to 60 high), records as a line (up to 108 high), base at 130. */
	WITH step AS (
		SELECT t.run, t.kind, t.state, t.seconds, s.n, COALESCE(p.calls, 0) AS calls,
			sum(COALESCE(p.records, 0)) OVER (PARTITION BY t.run ORDER BY s.n) AS records
		FROM (SELECT DISTINCT run, kind, state, seconds FROM flitmig._report_timeline(mig)) t
		CROSS JOIN generate_series(0, 59) AS s(n)
		LEFT JOIN flitmig._report_timeline(mig) p ON p.run = t.run AND p.step = s.n
	), chart AS (
		SELECT run, kind, state, seconds, max(records) AS records, sum(calls) AS calls, max(calls) AS peak
		FROM step GROUP BY run, kind, state, seconds
	)
	SELECT '<div class="charts">' || string_agg(format(
		'<figure><figcaption><b>%s</b> <span>run %s, %s: %s records, %s calls in %s</span></figcaption>'
		'<svg viewBox="0 0 600 152" role="img" aria-label="records and calls over time"><line class="axis" x1="0" y1="130.5" x2="600" y2="130.5"/>%s%s'
		'<text x="0" y="149">0</text><text x="600" y="149" text-anchor="end">%s</text><text x="600" y="14" text-anchor="end">%s records</text></svg></figure>',
		initcap(c.kind), c.run, flitmig._report_escape(c.state), flitmig._report_number(c.records), flitmig._report_number(c.calls), d.took,
		(SELECT string_agg(format('<rect class="calls" x="%s" y="%s" width="8" height="%s"/>', s.n * 10 + 1, 130 - h.height, h.height), '' ORDER BY s.n)
		 FROM step s CROSS JOIN LATERAL (SELECT round(60.0 * s.calls / c.peak, 1) AS height) h WHERE s.run = c.run AND s.calls > 0),
		CASE WHEN c.records > 0 THEN
			(SELECT format('<path class="area" d="M0 130 L%s L600 130 Z"/><polyline class="line" points="0,130 %s"/>', string_agg(p.point, ' L' ORDER BY p.n), string_agg(replace(p.point, ' ', ','), ' ' ORDER BY p.n))
			 FROM (SELECT s.n, (s.n + 1) * 10 || ' ' || round(130 - 108.0 * s.records / c.records, 1) AS point FROM step s WHERE s.run = c.run) p) END,
		d.took, flitmig._report_number(c.records)), E'\n' ORDER BY c.run) || '</div>'
		|| '<ul class="legend" style="margin:12px 0 0"><li><i style="background:var(--stored)"></i>records, summed up</li><li><i class="s-none" style="background:var(--accent);opacity:.4"></i>calls</li></ul>'
	FROM chart c CROSS JOIN LATERAL (SELECT flitmig._report_duration(c.seconds) AS took) d
$$;
COMMENT ON FUNCTION flitmig._report_html_chart(integer) IS 'Calls and records over time, one SVG chart a run';

CREATE FUNCTION flitmig._report_html(mig integer, with_values boolean)
RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	s		jsonb := flitmig._report_summary(mig);
	zone	text := s->>'timeZone';
	chart	text := flitmig._report_html_chart(mig);
	body	text;
BEGIN
	SELECT string_agg(format('<section class="card" id="%s"><h2>%s</h2>%s<p class="query">The same in psql <code>%s</code></p></section>',
			key, flitmig._report_escape(title),
			CASE WHEN rows IS NULL THEN '<p class="none">' || CASE WHEN key = 'diff' THEN flitmig._report_escape(lead) ELSE 'None.' END || '</p>'
				ELSE '<p class="lead">' || flitmig._report_escape(lead) || '</p>'
					|| CASE WHEN key = 'objects' THEN COALESCE(flitmig._report_html_bars(mig), '') ELSE '' END
					|| flitmig._report_html_table(columns, rows) END,
			flitmig._report_escape(query))
		|| CASE WHEN key = 'objects' AND chart IS NOT NULL
			THEN '<section class="card" id="timeline"><h2>Calls and records over time</h2><p class="lead">The last runs, each on its own clock.</p>' || chart
				|| '<p class="query">The same in psql <code>' || flitmig._report_escape(format('SELECT run_id, date_trunc(''minute'', answered_at), count(*) AS calls, sum(stored) AS records FROM flitmig.batch WHERE migration_id = %s GROUP BY 1, 2 ORDER BY 1, 2;', mig)) || '</code></p></section>' ELSE '' END,
		E'\n' ORDER BY n)
	INTO body FROM flitmig._report_sections(mig, with_values);

	RETURN format($html$<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Migration %s: %s</title><style>%s</style></head><body><main>
<header><p class="eyebrow">Migration report, %s</p><h1>%s</h1><span class="pill %s">%s</span>
<p class="meta"><span>into <b>%s</b></span><span>profile <b>%s</b></span><span>begun <b>%s</b></span><span>mapping <b>%s</b></span><span>signed off <b>%s</b></span></p></header>
<section class="card"><dl class="figures">%s</dl></section>
%s
<footer><p>Times are those of %s. %s</p></footer>
</main></body></html>
$html$,
		flitmig._report_escape(s->>'migration'), s->>'verdict', flitmig._report_style(),
		flitmig._report_time((s->>'reported')::timestamptz, zone), flitmig._report_escape(s->>'migration'),
		CASE s->>'verdict' WHEN 'complete' THEN 'good' WHEN 'incomplete' THEN 'bad' WHEN 'stopped' THEN 'bad'
			WHEN 'complete, with open points' THEN 'warn' WHEN 'taken back in part' THEN 'warn' ELSE 'calm' END,
		upper(left(s->>'verdict', 1)) || substr(s->>'verdict', 2),
		flitmig._report_escape(s->>'server'), flitmig._report_escape(s->>'profile'),
		flitmig._report_time((s->>'created')::timestamptz, zone),
		COALESCE(flitmig._report_escape(left(s->>'mappingHash', 12)), 'not confirmed'),
		CASE WHEN (s->>'signed')::boolean THEN flitmig._report_escape(format('by %s, %s', s->>'signedBy', flitmig._report_time((s->>'signedAt')::timestamptz, zone))) ELSE 'not yet' END,
		(SELECT string_agg(format('<div><dt>%s</dt><dd%s>%s</dd></div>', f.name, CASE WHEN f.alarm AND f.amount > 0 THEN ' class="' || f.class || '"' END, flitmig._report_number(f.amount)), '' ORDER BY f.n)
		 FROM (VALUES
			(1, 'rows read', (s->>'rowsRead')::numeric, false, ''), (2, 'rows rejected', (s->>'rowsRejected')::numeric, true, 'warn'),
			(3, 'records mapped', (s->>'mapped')::numeric, false, ''), (4, 'in Twenty', (s->>'stored')::numeric, true, 'good'),
			(5, 'excluded', (s->>'excluded')::numeric, false, ''), (6, 'quarantine, held', (s->>'quarantined')::numeric, true, 'warn'),
			(7, 'conflicts', (s->>'conflict')::numeric, true, 'warn'), (8, 'missing', (s->>'difference')::numeric, s->>'verdict' = 'incomplete', 'bad')) AS f(n, name, amount, alarm, class)),
		body, flitmig._report_escape(zone),
		CASE WHEN with_values THEN 'This report quotes values of patients: handle it as you handle their files.' ELSE 'This report holds counts and names of fields, no value of a patient.' END);
END $$;
COMMENT ON FUNCTION flitmig._report_html(integer, boolean) IS 'The report as one HTML page';
