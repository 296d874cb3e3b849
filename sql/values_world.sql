--
-- Cells as clinics of other countries write them, and such as hide a trap: read in the one way that they can mean, or NULL.
--
\pset null '(null)'
\pset format unaligned
\pset fieldsep ' | '
\pset tuples_only on
SET timezone = 'UTC';
SET datestyle = 'ISO';
-- Dates.
SELECT quote_literal(value), flitmig.to_date(value, NULL) FROM (VALUES
	('7 Februar 1980'), ('7 Feber 1980'), ('7 février 1980'), ('7 juil. 1980'), ('7 de março de 1980'), ('7 agosto 1980'), ('7 settembre 1980'),
	('7 mrt 1980'), ('7 lutego 1980'), ('7 września 1980'), ('7 listopada 1980'), ('7 února 1980'), ('7 července 1980'), ('7 listopadu 1980'),
	('7 maj 1980'), ('7 marts 1980'), ('7 desember 1980'), ('7 kesäkuuta 1980'), ('7 március 1980'), ('7 ianuarie 1980'), ('7 Şubat 1980'),
	('7 Mayıs 1980'), ('7 Ağustos 1980'), ('7 Maret 1980'), ('7 января 1980'), ('den 4. mars 2024'), ('le 4 mars 2024'), ('lun. 4 mars 2024'),
	('Do, 3. Apr 1980'), ('Do 13.04.1980'), ('2024. március 4.'), ('1980.01.04.'), ('1980. 1. 4.'), ('14.03.2024.'), ('14/03/2024.'), ('2024年03月04日'),
	('2024년 3월 4일'), ('2024年13月4日'), ('令和6年3月4日'), ('1900-01-00'), ('1900-02-29'), ('4/III/2024'), ('03/04/1980 - 05/04/1980'), ('03/04/1980?'),
	('b. 13/4/1980'), ('29252'), ('April 1980'), ('80-Apr-03'), ('3-Apr')) v(value);
-- Instants, the day first.
SELECT quote_literal(value), flitmig.to_timestamp_tz(value, 'DMY', 'Europe/Berlin') FROM (VALUES
	('03.04.1980 14:30 Uhr'), ('03.04.1980, 14.30 Uhr'), ('03.04.1980 14 Uhr'), ('03.04.1980 um 14:30'), ('4 mars 1980 à 14h30'),
	('4. mars 1980 kl. 14.30'), ('1980年3月4日 14:30'), ('03.04.1980 um 14'), ('03.04.1980 14'), ('03.04.1980 Uhr'), ('1980-03-04 24:00'),
	('2024-03-31 02:30'), ('1980-03-04 14:30-15:30')) v(value);
-- Yes and no.
SELECT quote_literal(value), flitmig.to_boolean(value) FROM (VALUES
	('tak'), ('nie'), ('ano'), ('ne'), ('nej'), ('igen'), ('nem'), ('evet'), ('hayır'), ('kyllä'), ('ei'), ('да'), ('нет'), ('ναι'), ('όχι'), ('はい'),
	('いいえ'), ('是'), ('否'), ('예'), ('아니오'), ('da'), ('nu'), ('m'), ('not yes'), ('yes - verbal'), ('1 0')) v(value);
-- Durations: what may be hours or minutes is neither.
SELECT quote_literal(value), flitmig.to_minutes(value) FROM (VALUES
	('1,5 h'), ('1h30'), ('45 minuti'), ('2 ore'), ('30:15'), ('25:00'), ('24:00'), ('1:30'), ('0.5'), ('1.5'), ('22.5'), ('1 Std. 30 Min.'), ('30/45')) v(value);
-- Names.
SELECT quote_literal(value), flitmig.split_name(value) FROM (VALUES
	('Beethoven, Ludwig van'), ('Vries, A. de'), ('Silva, João da'), ('van der Berg, V.'), ('Gerard ''t Hooft'), ('Anne-Sophie von der Leyen'),
	('Prof. Dr. med. dent. Eva Schmidt'), ('Dr. rer. nat. Angela Merkel'), ('Dipl.-Ing. Karl Huber'), ('Mag. Karl Huber'), ('Mag Huber'), ('Nat Smith'),
	('Madame Dupont'), ('DUPONT Pierre'), ('Pierre DUPONT'), ('DE LA TOUR Anne'), ('DUPONT-MARTIN Marie-Claire'), ('JD Smith'), ('J.R.R. Tolkien'),
	('Mw. A. Jansen'), ('MUDr. Jan Novák'), ('Jan Novák, CSc.'), ('田中 太郎'), ('김 철수'), ('Путин В. В.'), ('Smith J. A.'), ('Mary J.'),
	('Mary Smith née Jones'), ('Mary Smith, geb. Jones'), ('Smith née Jones, Mary'), ('Mary Nee'), ('Nee, John'), ('Smith, John (12345)'),
	('(Smith, John)'), ('"Smith, John"'), ('John Smith - inactive'), ('John Smith - 12345'), ('DUPLICATE - John Smith'), ('Mary Smith - Jones'),
	('D''Arcy, Mr.'), ('John Smith, Esquire'), ('Amy Wong PT, DPT, OCS'), ('Amy Wong BSc (Hons)'), ('Amy Wong, LCSW-R'), ('Smith, V'), ('John Smith V')) v(value);
-- E-mail addresses: a blank or comma may have been a dot.
SELECT quote_literal(value), flitmig.to_emails(value) FROM (VALUES
	('ann lee@example.com'), ('Ann Lee lee@example.com'), ('Ann lee@example.com'), ('work ann@example.com'), ('old ann@example.com'),
	('ann,lee@example.com'), ('ann, lee@example.com'), ('ann/lee@example.com'), ('ann;lee@example.com'), ('none, ann@example.com'),
	('ann@example.com/lee@example.com'), ('ann@example.com lee@example.com'), ('ann@example.com\nlee@example.com'), ('ann\lee@example.com'),
	('donotemail@example.com'), ('a@a.com'), ('ann@ann.com'), ('mom ann@example.com'), ('email: ann@example.com'), ('ann@exa mple.com'),
	('“ann@example.com”')) v(value);
-- Telephone numbers: one that is not to be called is read, and told of.
SELECT quote_literal(value), flitmig.to_phones('US', value)->>'primaryPhoneNumber', flitmig.bad_phones('US', value) FROM (VALUES
	('617-555-0111 do not call'), ('DNC 617-555-0111'), ('617-555-0111 wrong number'), ('617-555-0111 disconnected'), ('617-555-0111 (old)'),
	('617-555-0111 Noah'), ('617-555-0111 home'), ('+49 (0) 89 / 12 34 56'), ('+33 (0)6 12 34 56 78'), ('061755501'), ('617-555-0111 Room 3'),
	('617-555-0111p4'), ('４４'), ('+1-242-300-1234')) v(value);
-- Addresses.
SELECT quote_literal(value), flitmig.address_line(value, CASE WHEN value ~ 'rue' THEN 'FR' ELSE 'US' END) FROM (VALUES
	('1600 Pennsylvania Ave NW, Washington, D.C. 20500'), ('1 Main St, Boston, ZZ 02101'), ('1 Main St, Boston, Mass. 02101'),
	('1 Main St, Boston, Mass 02101'), ('1 Main St, Apt 4, Salem 01970'), ('PSC 1 Box 5, APO, AE 09012'), ('P.O. Box 123 Austin, Texas 78701'),
	('PO Box 12, Austin TX 78701'), ('12, rue de Rivoli, 75001 PARIS'), ('1 Main St, Boston, MA 02101; 2 Elm St, Boston, MA 02101'),
	('1 Main St; Boston; MA; 02101'), ('1 Indiana Ave, Delaware, OH 43015')) v(value);
-- Amounts.
SELECT quote_literal(value), flitmig.to_money(value) FROM (VALUES
	('5,234'), ('5.234'), ('1_234'), ('$12,50'), ('€ 12.500'), ('-12,50-'), ('-(5.00)'), ('12.50.-'), ('R$1.234'), ('1,2345'), ('1,234,56'),
	('CHF 12.-'), ('12:50'), ('50-60'), ('2x12.50'), ('0,999')) v(value);
-- HTML: text where none should be, Word's apostrophes, addresses in angle brackets, numbers of characters and of none.
SELECT quote_literal(value), quote_literal(flitmig.html_to_markdown(value)) FROM (VALUES
	('<ul><li>a</li>loose<li>b</li></ul>'), ('<ol>first<li>a</li></ol>'), ('it&#146;s &#150; &#133;'), ('John <john@example.com> wrote'), ('<a@b.c>'),
	('<b>x</b> <y z@w>'), ('<p>&#55357;&#56832; &#xD83D;&#XDE00&#33; &#xD83D;x&#xDE00;</p>'),
	('a&#1;b&#0;c&#12;d&#65534;e&#x110000;f&#99999999999;g&#'), ('<a href="https://x.test/&#0;a">l</a>'), ('<pre>it&#146;s&#1;</pre>'),
	('Ward 7&#B, &#x; &#; &amp;#0; &#38;#0;')) v(value);
-- RTF: the Mac's and DOS's letters, struck text, text in boxes.
SELECT quote_literal(value), quote_literal(flitmig.rtf_to_markdown(value)) FROM (VALUES
	('{\rtf1\mac caf\''8e}'), ('{\rtf1\pc M\''81ller}'), ('{\rtf1\ansicpg65001 \''c3\''a9}'), ('{\rtf1 \strike old\strike0  new}'),
	('{\rtf1 a\strike  b\par c\strike0 d}'), ('{\rtf1{\strike x}y}'), ('{\rtf1 x\column y}'),
	('{\rtf1{\shp{\*\shpinst{\sp{\sn a}{\sv b}}{\shptxt boxed}}}after}'), ('{\rtf1{\*\unknown hidden}seen}')) v(value);
