'use strict';

/**
 * Telephone numbers as Twenty stores them. Twenty only *parses* with libphonenumber-js (it never asks whether the
 * number is valid), so what matters here is: which text is a number at all, which prefix is cut off, and which
 * country a calling code stands for. The numbering plans are public; the recordings (people.phone.*,
 * people.create.bad-phone, people.create.phone-mismatch) decide. Countries that share a calling code are told apart
 * for +1, +7, +39, +44, +47, +61, +358; elsewhere the main country is taken.
 */

const { userInput } = require('./errors');

/** ISO country → calling code, national (trunk) prefix. Enough for Europe, the Americas, Oceania and big others. */
const COUNTRIES = {};
const plan = (callingCode, trunk, countries) => {
  for (const country of countries.split(' ')) COUNTRIES[country] = { callingCode, trunk };
};
plan('1', '1', 'US AG AI AS BB BM BS CA DM DO GD GU JM KN KY LC MP MS PR SX TC TT VC VG VI');
plan('7', '8', 'RU KZ');
plan('44', '0', 'GB GG IM JE');
plan('39', '', 'IT VA');
plan('61', '0', 'AU CC CX');
plan('47', '', 'NO SJ');
plan('358', '0', 'FI AX');
plan('33', '0', 'FR'); plan('49', '0', 'DE'); plan('43', '0', 'AT'); plan('41', '0', 'CH'); plan('32', '0', 'BE');
plan('31', '0', 'NL'); plan('34', '', 'ES'); plan('351', '', 'PT'); plan('353', '0', 'IE'); plan('352', '', 'LU');
plan('45', '', 'DK'); plan('46', '0', 'SE'); plan('354', '', 'IS'); plan('48', '', 'PL'); plan('420', '', 'CZ');
plan('421', '0', 'SK'); plan('36', '06', 'HU'); plan('30', '', 'GR'); plan('40', '0', 'RO'); plan('359', '0', 'BG');
plan('385', '0', 'HR'); plan('386', '0', 'SI'); plan('381', '0', 'RS'); plan('372', '', 'EE'); plan('371', '', 'LV');
plan('370', '0', 'LT'); plan('380', '0', 'UA'); plan('90', '0', 'TR'); plan('356', '', 'MT'); plan('357', '', 'CY');
plan('64', '0', 'NZ'); plan('81', '0', 'JP'); plan('82', '0', 'KR'); plan('86', '0', 'CN'); plan('852', '', 'HK');
plan('886', '0', 'TW'); plan('65', '', 'SG'); plan('60', '0', 'MY'); plan('62', '0', 'ID'); plan('63', '0', 'PH');
plan('66', '0', 'TH'); plan('84', '0', 'VN'); plan('91', '0', 'IN'); plan('92', '0', 'PK'); plan('880', '0', 'BD');
plan('94', '0', 'LK'); plan('971', '0', 'AE'); plan('966', '0', 'SA'); plan('972', '0', 'IL'); plan('20', '0', 'EG');
plan('27', '0', 'ZA'); plan('234', '0', 'NG'); plan('254', '0', 'KE'); plan('212', '0', 'MA'); plan('216', '', 'TN');
plan('52', '', 'MX'); plan('55', '0', 'BR'); plan('54', '0', 'AR'); plan('56', '', 'CL'); plan('57', '0', 'CO');
plan('51', '0', 'PE'); plan('58', '0', 'VE'); plan('593', '0', 'EC'); plan('506', '', 'CR'); plan('507', '', 'PA');
plan('502', '', 'GT'); plan('503', '', 'SV'); plan('504', '', 'HN'); plan('505', '', 'NI'); plan('595', '0', 'PY');
plan('598', '0', 'UY'); plan('591', '0', 'BO');

/** The rest of the world, trunk prefix 0 or none. */
for (const each of ('AF93 AL355 DZ213 AM374 AZ994 BY375 BA387 KH855 CU53 ET251 GE995 GH233 IR98 IQ964 JO962 KG996 LA856 LB961 LY218 '
  + 'MD373 ME382 MG261 MK389 MM95 MN976 NA264 RW250 SO252 SY963 TJ992 TZ255 UG256 YE967 ZM260 ZW263 PS970 XK383 SS211 SL232 SR597').split(' ')) {
  plan(each.slice(2), '0', each.slice(0, 2));
}
for (const each of ('AD376 AO244 BH973 BZ501 BJ229 BT975 BW267 BN673 BF226 BI257 CM237 CV238 CF236 TD235 KM269 CG242 CD243 CI225 DJ253 ER291 '
  + 'FJ679 GA241 GM220 GN224 GQ240 GW245 GY592 HT509 KI686 KW965 LS266 LR231 LI423 MO853 MW265 MV960 ML223 MH692 MR222 MU230 FM691 MC377 MZ258 '
  + 'NR674 NP977 NE227 OM968 PW680 PG675 QA974 WS685 SM378 ST239 SN221 SC248 SB677 SZ268 TG228 TO676 TM993 TV688 UZ998 VU678 GI350 GL299 FO298 '
  + 'PF689 NC687 RE262 GP590 MQ596 GF594 CW599 AW297 FK500 PM508').split(' ')) {
  plan(each.slice(2), '', each.slice(0, 2));
}

const BY_CODE = new Map();
for (const [country, { callingCode }] of Object.entries(COUNTRIES)) {
  if (!BY_CODE.has(callingCode)) BY_CODE.set(callingCode, []);
  BY_CODE.get(callingCode).push(country);
}

/** Area codes of Canada and of the small countries behind +1 (public numbering plan). */
const CANADA = new Set(('204 226 236 249 250 257 263 289 306 343 354 365 367 368 382 403 416 418 428 431 437 438 450 468 474 '
  + '506 514 519 548 579 581 584 587 604 613 639 647 672 683 705 709 742 753 778 780 782 807 819 825 867 873 879 902 905').split(' '));
const ISLANDS = {
  242: 'BS', 246: 'BB', 264: 'AI', 268: 'AG', 284: 'VG', 340: 'VI', 345: 'KY', 441: 'BM', 473: 'GD', 649: 'TC', 658: 'JM',
  664: 'MS', 670: 'MP', 671: 'GU', 684: 'AS', 721: 'SX', 758: 'LC', 767: 'DM', 784: 'VC', 787: 'PR', 809: 'DO', 829: 'DO',
  849: 'DO', 868: 'TT', 869: 'KN', 876: 'JM', 939: 'PR',
};

/** Toll-free, premium and personal numbers of +1 belong to all its countries alike: the caller's own, else US. */
const SHARED = /^(8(00|33|44|55|66|77|88)|900|5(00|2[1-9]|33|44|66|77|88))/;

/** The country of a national number behind a shared calling code; undefined when its plan knows no such number. */
function countryOf(callingCode, national, own) {
  if (callingCode === '1') {
    if (!/^[2-9]\d{2}[2-9]\d{6}$/.test(national)) return undefined;
    const area = national.slice(0, 3);
    if (SHARED.test(area)) return own && COUNTRIES[own].callingCode === '1' ? own : 'US';
    if (ISLANDS[area]) return ISLANDS[area];
    return CANADA.has(area) ? 'CA' : 'US';
  }
  if (callingCode === '44') {
    if (/^(1481\d{6}|7(781|839)\d{6}|7911[17]\d{5})$/.test(national)) return 'GG';
    if (/^(1534\d{6}|7(509|700|797|829|937)\d{6})$/.test(national)) return 'JE';
    if (/^(1624\d{6}|7([56]24)\d{6}|74576\d{5})$/.test(national)) return 'IM';
    return /^([1-9]\d{6,9})$/.test(national) ? 'GB' : undefined;
  }
  if (callingCode === '7') return /^(33\d|7\d{2})\d{7}$/.test(national) ? 'KZ' : 'RU';
  if (callingCode === '39') return /^06698/.test(national) ? 'VA' : 'IT';
  if (callingCode === '47') return /^79/.test(national) ? 'SJ' : 'NO';
  if (callingCode === '61') return /^89162/.test(national) ? 'CC' : /^89164/.test(national) ? 'CX' : 'AU';
  if (callingCode === '358') return /^18/.test(national) ? 'AX' : 'FI';
  return BY_CODE.get(callingCode)[0];
}

/** The number inside a text: from the first plus sign or digit, without an extension (people.phone.ph5). */
function extract(text) {
  const start = text.search(/[+＋\d]/);
  if (start < 0 || text.length > 250) return undefined;
  const candidate = text
    .slice(start)
    .replace(/\s*(;ext=|,|;|\bext\.?|\bextn\.?|\bextension|\bx|#)\s*\.?:?\s*\d{1,9}#?\s*$/i, '')
    .replace(/[^\d)]+$/, '');
  const digits = candidate.replace(/[()[\]\s.\-‐-―−/~⁓]/g, '');
  return /^[+＋]?\d{2,}$/.test(digits) ? digits.replace('＋', '+') : undefined;
}

function codeOf(international) {
  for (let length = 1; length <= 3; length++) {
    const code = international.slice(0, length);
    if (BY_CODE.has(code)) return code;
  }
  return undefined;
}

/**
 * What libphonenumber-js's parsePhoneNumberWithError gives: {country, callingCode, national}; undefined = it throws.
 * `country` and `callingCode` are the defaults of the caller.
 */
function parse(text, country, callingCode) {
  let digits = extract(text);
  if (!digits) return undefined;
  const fallback = callingCode || (country && COUNTRIES[country].callingCode);
  if (!digits.startsWith('+') && fallback) {
    const idd = fallback === '1' ? /^011/ : fallback === '61' ? /^0011/ : /^00/;
    if (idd.test(digits) && codeOf(digits.replace(idd, ''))) digits = `+${digits.replace(idd, '')}`;
  }
  let code = fallback;
  let national = digits;
  if (digits.startsWith('+')) {
    code = codeOf(digits.slice(1));
    if (!code) return undefined;
    national = digits.slice(1 + code.length);
  }
  if (!code) return undefined;
  const trunk = COUNTRIES[BY_CODE.get(code)[0]].trunk;
  const keep = code === '1' ? national.length !== 11 : national.length <= trunk.length + 2;
  if (trunk && !keep && national.startsWith(trunk)) national = national.slice(trunk.length);
  if (national.length < 2 || national.length > 17) return undefined;
  const found = BY_CODE.get(code).length > 1 ? countryOf(code, national, country) : BY_CODE.get(code)[0];
  return { country: found || (digits.startsWith('+') ? undefined : country), callingCode: code, national };
}

function checkCodes(countryCode, callingCode) {
  if (countryCode && !COUNTRIES[countryCode]) {
    throw userInput('INVALID_PHONE_COUNTRY_CODE', `Invalid country code ${countryCode}`);
  }
  if (!callingCode) return;
  const countries = BY_CODE.get(callingCode.replace(/\+/g, ''));
  if (!countries) throw userInput('INVALID_PHONE_CALLING_CODE', `Invalid calling code ${callingCode}`);
  if (countryCode && !countries.includes(countryCode)) {
    throw userInput('CONFLICTING_PHONE_CALLING_CODE_AND_COUNTRY_CODE',
      'Provided country code and calling code are conflicting');
  }
}

/**
 * One number with its codes, checked and completed: {number, countryCode, callingCode}.
 * Errors: INVALID_PHONE_COUNTRY_CODE, INVALID_PHONE_NUMBER, CONFLICTING_PHONE_COUNTRY_CODE … (TWENTY 4, PHONES).
 */
function normalisePhone({ number, countryCode, callingCode }) {
  checkCodes(countryCode, callingCode);
  if (!number) return { number, countryCode, callingCode };
  const phone = parse(number, countryCode, callingCode && callingCode.replace(/\+/g, ''));
  if (!phone) throw userInput('INVALID_PHONE_NUMBER', `Provided phone number is invalid ${number}`);
  if (phone.country && countryCode && phone.country !== countryCode) {
    throw userInput('CONFLICTING_PHONE_COUNTRY_CODE', 'Provided and inferred country code are conflicting');
  }
  if (callingCode && phone.callingCode !== callingCode.replace(/\+/g, '')) {
    throw userInput('CONFLICTING_PHONE_CALLING_CODE', 'Provided and inferred calling code are conflicting');
  }
  return {
    number: phone.national,
    countryCode: countryCode || phone.country,
    callingCode: callingCode || `+${phone.callingCode}`,
  };
}

module.exports = { normalisePhone };
