'use strict';

/** What a workspace holds when it starts: its member, the demo records of 1.17, foreign records on request. */

const { createHash } = require('crypto');

const NAMESPACE_URL = '6ba7b8119dad11d180b400c04fd430c8';

/** UUIDv5 in the URL namespace, so that every start is the same. */
function uuid5(name) {
  const hash = createHash('sha1').update(Buffer.from(NAMESPACE_URL, 'hex')).update(name).digest();
  hash[6] = (hash[6] & 0x0f) | 0x50;
  hash[8] = (hash[8] & 0x3f) | 0x80;
  const hex = hash.toString('hex').slice(0, 32);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** The member of each recorded workspace (label workspaceMembers). */
const OWNERS = {
  1.17: { id: '8ba8d7e0-52f5-44bb-84be-8e09c09f06bd', userEmail: 'owner@clean.test' },
  2.19: { id: '325142d7-fca2-46bf-8203-35e8bbe0fbf3', userEmail: 'admin@blank.dev' },
};

/** The five demo people of 1.17, with the ids and addresses of label people.page. */
const DEMO_PEOPLE = [
  ['a2e78a5e-338b-46df-8811-fa08c7d19d35', 'chesky@airbnb.com'],
  ['93c72d2e-e65c-44c4-99ad-f87f50349dcf', 'amodei@anthropic.com'],
  ['edf6d445-13a7-4373-9a47-8f89e8c0a877', 'collison@stripe.com'],
  ['b1e26fa6-c757-4c88-abfa-4b11f5cf3acf', 'field@figma.com'],
  ['7a93d1e5-3f74-4945-8a65-d7f996083f72', 'zhao@notion.com'],
];

const DEMO_COMPANIES = ['Airbnb', 'Anthropic', 'Stripe', 'Figma', 'Notion'];
const SEEDED_AT = '2026-01-01T00:00:00.000Z';

const linkTo = (host) => ({ primaryLinkUrl: `https://${host}`, primaryLinkLabel: '', secondaryLinks: [] });

class Seeder {
  constructor(records) {
    this.records = records;
  }

  /** Rows straight into a table: no timeline, times fixed. */
  put(objectName, row, order) {
    const table = this.records.table(objectName);
    const by = { source: 'SYSTEM', workspaceMemberId: null, name: 'System', context: {} };
    const full = { createdAt: SEEDED_AT, updatedAt: SEEDED_AT, ...row };
    if (table.values.has('position')) full.position = order;
    if (table.values.has('createdBy')) { full.createdBy = by; full.updatedBy = by; }
    table.insert(full);
    this.records.journal('put', table, [full]);
  }

  member(userEmail, id = uuid5(`member/${userEmail}`), order = 1) {
    const name = { firstName: '', lastName: '' };
    const own = { colorScheme: 'System', locale: 'en', timeZone: 'system' };
    this.put('workspaceMember', { id, userEmail, name, userId: uuid5(`user/${userEmail}`), ...own }, order);
  }

  /** 1.17 begins with its demo records (README of the recordings); 2.19 was recorded emptied of them. */
  demo117() {
    DEMO_COMPANIES.forEach((name, i) => this.put('company', { id: uuid5(`demo/company/${i}`), name, domainName: linkTo(`${name.toLowerCase()}.com`) }, i + 1));
    DEMO_PEOPLE.forEach(([id, primaryEmail], i) => {
      const [firstName, lastName] = primaryEmail.split('@')[0].split(/[._]/);
      this.put('person', {
        id, name: { firstName, lastName: lastName || '' }, emails: { primaryEmail, additionalEmails: [] }, companyId: uuid5(`demo/company/${i}`),
      }, i + 1);
    });
    for (let i = 0; i < 6; i++) {
      const companyId = uuid5(`demo/company/${i % 5}`);
      this.put('opportunity', { id: uuid5(`demo/opportunity/${i}`), name: `Opportunity ${i + 1}`, stage: 'NEW', companyId }, i + 1);
    }
    this.put('workflow', { id: uuid5('demo/workflow/0'), name: 'Quick Lead', statuses: ['ACTIVE'] }, 1);
  }

  /**
   * N foreign records that a migration must leave alone: people (every tenth in the trash), companies, tasks, notes,
   * their targets, timeline activities.
   */
  foreign(count) {
    for (let i = 0; i < count; i++) {
      const id = (kind) => uuid5(`foreign/${kind}/${i}`);
      if (i % 4 === 0) this.put('company', { id: id('company'), name: `Foreign Company ${i}`, domainName: linkTo(`foreign${i}.example.com`) }, 1000 + i);
      this.put('person', {
        id: id('person'), name: { firstName: `Foreign${i}`, lastName: 'Person' }, emails: { primaryEmail: `foreign${i}@example.com`, additionalEmails: [] },
        phones: {
          primaryPhoneNumber: `20255501${String(i % 100).padStart(2, '0')}`, primaryPhoneCountryCode: 'US', primaryPhoneCallingCode: '+1', additionalPhones: [],
        },
        jobTitle: 'Neighbour', companyId: uuid5(`foreign/company/${i - (i % 4)}`), ...(i % 10 === 9 ? { deletedAt: SEEDED_AT } : {}),
      }, 1000 + i);
      this.put('task', { id: id('task'), title: `Foreign task ${i}`, status: 'TODO', dueAt: '2026-02-01T09:00:00.000Z' }, 1000 + i);
      this.put('note', { id: id('note'), title: `Foreign note ${i}`, bodyV2: { markdown: 'Not yours.', blocknote: null } }, 1000 + i);
      this.target('task', i);
      this.target('note', i);
      this.put('timelineActivity', { id: id('activity'), name: 'person.created', happensAt: SEEDED_AT, targetPersonId: id('person') }, 1000 + i);
    }
  }

  target(kind, i) {
    const table = this.records.table(`${kind}Target`);
    const column = table.relations.has('targetPersonId') ? 'targetPersonId' : 'personId';
    const ends = { [`${kind}Id`]: uuid5(`foreign/${kind}/${i}`), [column]: uuid5(`foreign/person/${i}`) };
    this.put(`${kind}Target`, { id: uuid5(`foreign/${kind}Target/${i}`), ...ends }, 1000 + i);
  }
}

/** Fills a new workspace. @param options {members: [e-mail], foreign: number, demo: boolean} */
function seed(records, options) {
  const seeder = new Seeder(records);
  const { version } = records.model;
  const owner = OWNERS[version];
  seeder.member(owner.userEmail, owner.id);
  options.members.forEach((email, i) => seeder.member(email.toLowerCase(), undefined, i + 2));
  if (version === '1.17' && options.demo) seeder.demo117();
  if (options.foreign) seeder.foreign(options.foreign);
}

module.exports = { OWNERS, seed, uuid5 };
