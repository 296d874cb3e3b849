'use strict';
/* Every word that the export is made of. No list comes from real people. */

const FEMALE = ['Mary', 'Patricia', 'Linda', 'Elena', 'Sofía', 'Zoë', 'Chloé', 'Aïsha', 'Hannah', 'Grace', 'Renée', 'Ingrid', 'Åsa', 'Thị Mai',
  'Mei-Ling', 'Priya', 'Fatima', 'Olga', 'Bożena', 'Noémie', 'Ruth', 'Carla', 'Denise', 'Yuki', 'Abigail', 'Siobhán', '小明', 'Dana'];
const MALE = ['James', 'Robert', 'José', 'Michael', 'Søren', 'Łukasz', 'Björn', 'François', 'Omar', 'David', 'Daniel', 'Hiroshi', 'Nuno', 'Peter',
  'André', 'Thomas', 'Kwame', 'Rafael', 'Đức', 'Ivan', 'Günther', 'Matteo', 'Samuel', 'Walter', 'Jean-Luc', 'Ahmed', 'Çetin', 'Victor'];
const LAST = ['Smith', 'Johnson', 'García', 'Müller', 'O\'Brien', 'Nguyễn', 'Okafor', 'Kowalski', 'Łukasiewicz', 'Sørensen', 'Núñez', 'Dubois',
  'D’Angelo', 'Patel', 'Yamamoto', 'Van der Berg', 'Strauß', 'Håkansson', 'Brown', 'Williams', 'Castañeda', 'Novák', 'Dvořák', 'Öztürk', 'Kim',
  'Haddad', 'Mensah', 'Rossi', 'Silva', 'Lefèvre', 'St. John', 'Smith-Jones', 'Baker', 'Turner', 'Whitfield', 'Abernathy', '王', 'Ng', 'de la Cruz', 'Petrov'];

/** city, state, first digits of the postal code, country, area code */
const CITIES = [
  ['Boston', 'MA', '021', 'US', '617'], ['Cambridge', 'MA', '021', 'US', '857'], ['Worcester', 'MA', '016', 'US', '508'],
  ['Lowell', 'MA', '018', 'US', '978'], ['Springfield', 'MA', '011', 'US', '413'], ['New York', 'NY', '100', 'US', '212'],
  ['New York', 'NY', '101', 'US', '646'], ['Philadelphia', 'PA', '191', 'US', '215'], ['San Francisco', 'CA', '941', 'US', '415'],
  ['Austin', 'TX', '787', 'US', '512'], ['Chicago', 'IL', '606', 'US', '312'], ['Miami', 'FL', '331', 'US', '305'],
  ['Seattle', 'WA', '981', 'US', '206'], ['Cañon City', 'CO', '812', 'US', '719'], ['La Cañada Flintridge', 'CA', '910', 'US', '818'],
  ['Montréal', 'QC', 'H2X', 'CA', '514'],
];
const STREETS = ['Main St', 'Elm St', 'Maple Ave', 'Río Grande Blvd', 'Harbor Rd', 'Lake Dr', '2nd Ave', 'Old Mill Ln', 'Rue Saint-Denis', 'Church St'];
const MAIL_DOMAINS = ['example.com', 'example.com', 'example.org', 'mail.test', 'inbox.test'];

const SPECIALTIES = ['Family Medicine', 'Internal Medicine', 'Pediatrics', 'Physical Therapy', 'Dermatology', 'Cardiology', 'Psychiatry',
  'Nutrition', 'Sports Medicine', 'Women\'s Health', 'Chiropractic', 'Acupuncture'];

const APPOINTMENT_TYPES = ['Initial Consultation', 'Follow-up', 'Follow-up', 'Annual Physical', 'Telehealth Visit', 'Physical Therapy',
  'Vaccination', 'Lab Draw', 'Nutrition Counseling', 'Chiropractic Adjustment', 'Massage 60'];
const REASONS = ['Back pain', 'Knee pain, left', 'Annual check', 'Cough & fever', 'Medication review', 'Skin rash', '', 'Follow-up on labs',
  'Headache; "worse at night"', 'Diabetes follow-up', 'Anxiety', 'Post-op check', ''];
const REFERRAL_REASONS = ['Evaluate and treat', 'Second opinion', 'Imaging follow-up', 'Gait assessment', 'Chronic pain management', 'Diabetes education'];
const NOTE_TITLES = ['Progress note', 'SOAP note', 'Initial evaluation', 'Phone encounter', 'Treatment note', 'Discharge summary'];
const FINDINGS = ['Patient reports improvement since last visit.', 'Pain rated 4/10, was 7/10.', 'Range of motion within normal limits.',
  'BP 128/82, HR 72, SpO₂ 98 %.', 'No known drug allergies.', 'Slept < 5 h on most nights & feels tired.', 'Lungs clear, no wheeze.',
  'Temp. 37.2 °C — no fever.', 'Dose unchanged: 10 mg once daily.', 'Says "it comes and goes".', 'Naïve to opioids; prefers ibuprofen.', 'Gait steady, no cane.'];
const PLANS = ['Return in 2 weeks.', 'Continue home exercises, 3 × 10 daily.', 'Order CBC and lipid panel.', 'Refer to cardiology.', 'Ice 15 min after exercise.',
  'Recheck blood pressure in 1 month.', 'Stop smoking; hand-out given.', 'Increase fluids to 2 l a day.'];

const CARE_PLANS = ['Low back rehabilitation', 'Diabetes self-management', 'Hypertension control', 'Post-surgical knee recovery', 'Weight management', 'Anxiety care plan'];
/** procedure code, own short description */
const PROCEDURES = [['97110', 'Exercise to build strength'], ['97140', 'Hands-on therapy'], ['97530', 'Practice of daily activities'], ['97802', 'Nutrition session, first'],
  ['98941', 'Spine adjustment'], ['99213', 'Office visit'], ['99401', 'Counselling, 15 min'], ['G0108', 'Diabetes training, 30 min']];
/** test, unit, reference range, lowest, highest, decimals */
const LABS = [['Hemoglobin A1c', '%', '4.0-5.6', 4.5, 9.8, 1], ['Glucose, fasting', 'mg/dL', '70-99', 65, 210, 0], ['LDL cholesterol', 'mg/dL', '<100', 55, 190, 0],
  ['TSH', 'mIU/L', '0.4 – 4.0', 0.2, 7.5, 2], ['Hemoglobin', 'g/dL', '12.0-17.5', 9.5, 18, 1], ['Creatinine', 'mg/dL', '0.6-1.3', 0.5, 2.2, 2],
  ['Vitamin D, 25-OH', 'ng/mL', '30-100', 8, 80, 0], ['Leukocytes', '10³/µL', '4.5-11.0', 3, 15, 1], ['SARS-CoV-2 antigen', '', 'Negative', 0, 0, -1]];

/** Letters that do not decompose into an ASCII letter and an accent. */
const FOLD = { 'ł': 'l', 'ø': 'o', 'đ': 'd', 'ß': 'ss', 'ð': 'd', 'æ': 'ae' };

/** The form of a name that stands in an e-mail address: 'Strauß' becomes 'strauss'. */
function mailName(name) {
  const folded = name.toLowerCase().replace(/[łøđßðæ]/g, (letter) => FOLD[letter]).normalize('NFD');
  return folded.replace(/[^a-z]/g, '') || 'patient';
}

/** Mail names of all built-in names, made once. */
const MAIL_NAMES = new Map([...FEMALE, ...MALE, ...LAST].map((name) => [name, mailName(name)]));

module.exports = { FEMALE, MALE, LAST, CITIES, STREETS, MAIL_DOMAINS, SPECIALTIES, APPOINTMENT_TYPES, REASONS, REFERRAL_REASONS, NOTE_TITLES,
  FINDINGS, PLANS, CARE_PLANS, PROCEDURES, LABS, MAIL_NAMES };
