'use strict';

/**
 * Differences between the stand-in and the recordings that are meant to stay. Each says where, and why.
 *   label   exact label, or a regexp over labels
 *   path    regexp over the JSON path of the difference (`$.data.people.edges`)
 *   kind    "order": the list is compared as a set; "value": the value may differ
 *   model   only this model
 * A waiver that no exchange needs fails the contract test.
 */
module.exports = [
  {
    label: 'metadata.objects.after', path: /^\$\.data\.objects\.edges(\[\d+\]\.node\.fieldsList(\[\d+\]\.morphRelations)?)?$/, kind: 'order',
    reason: 'PostgreSQL lists changed rows where its heap has room for them; the stand-in keeps the order of creation.',
  },
  {
    label: /^people\.destroy\./, path: /^\$\.data\.destroyPeople$/, kind: 'order',
    reason: 'DELETE … RETURNING gives rows in physical order, which updates have shuffled.',
  },
  {
    label: 'timelineActivities.count', path: /^\$\.data\.timelineActivities\.edges\[\d\]\.node\.name$/, kind: 'value',
    reason: 'The first three of a list that is sorted by random, server-made ids.',
  },
  {
    label: 'role.some.getRoles', path: /^\$\.data\.getRoles\[0\]\.(permissionFlags|objectPermissions|fieldPermissions)$/, kind: 'order',
    reason: 'Lists of a role come in physical order.',
  },
];
