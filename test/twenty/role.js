'use strict';

/**
 * The role of the API key: what it may do in general, what the list of settings flags adds, what it says of single objects and
 * fields (role.* of the recordings; the order of rules from the published source of both models). Objects that are Twenty's own
 * affair are open to every key; the workflows are not, but what sets them off is.
 */

const { randomUUID } = require('crypto');
const errors = require('./errors');

const ALL = { Read: 'r', Update: 'u', SoftDelete: 's', Destroy: 'd' };
const RIGHT_OF = { find: 'Read', create: 'Update', update: 'Update', delete: 'SoftDelete', restore: 'SoftDelete', destroy: 'Destroy' };
const WORKFLOWS = new Set(['workflow', 'workflowVersion', 'workflowRun']);
/** Which flag a root of /metadata asks for. 2.19 refuses the keys as a thing of roles, both refuse webhooks as one of settings. */
const FLAG_OF = { apiKeys: 'API_KEYS_AND_WEBHOOKS', webhooks: 'API_KEYS_AND_WEBHOOKS', createWebhook: 'API_KEYS_AND_WEBHOOKS', deleteWebhook: 'API_KEYS_AND_WEBHOOKS', getRoles: 'ROLES' };

class Role {
  /**
   * @param definition {label, all, flags, objects, fields}: `all` and the values of `objects` are letters of "rusd" (read, update,
   * soft-delete, destroy), the values of `fields` of "ru". Without `flags` the role may change every setting.
   */
  constructor(version, { label = 'Admin', all = 'rusd', flags = null, objects = {}, fields = {} } = {}) {
    Object.assign(this, { version, label, all, flags, objects, fields, id: randomUUID() });
  }

  get isAdmin() { return !this.flags && this.all === 'rusd' && !Object.keys(this.objects).length && !Object.keys(this.fields).length; }

  has(flag) { return !this.flags || this.flags.includes(flag); }

  may(object, right) {
    if (WORKFLOWS.has(object.nameSingular)) return this.has('WORKFLOWS');
    if (object.nameSingular === 'workspaceMember' && this.version !== '1.17') return right === 'Read' || this.has('WORKSPACE_MEMBERS');
    if (object.isSystem) return true;
    const own = this.objects[object.nameSingular];
    return (own === undefined ? this.all : own).includes(ALL[right]);
  }

  mayField(object, name, letter) {
    const own = this.fields[`${object.nameSingular}.${name}`];
    return own === undefined || own.includes(letter);
  }

  /** Error unless a root field of /graphql may run: `uses` is what its answer shows, [{object, name}]. */
  check({ root, uses }, args) {
    if (this.isAdmin) return;
    const verb = root.kind.replace(/(One|Many)$/, '');
    if (!this.may(root.object, RIGHT_OF[verb])) throw this.refusal();
    if (verb === 'create' || verb === 'update') {
      for (const input of [].concat(args.data || [])) this.checkInput(root.object, input);
    }
    for (const { object, name } of uses) if (object === root.object && !this.mayField(object, name, 'r')) throw this.refusal(object, name, 'read');
  }

  checkRead(object) { if (!this.may(object, 'Read')) throw this.refusal(); }

  checkInput(object, input) {
    for (const name of Object.keys(input || {})) if (!this.mayField(object, name, 'u')) throw this.refusal(object, name, 'write');
  }

  /** 2.19 names the field. */
  refusal(object, name, act) {
    return errors.permission(object && this.version !== '1.17' ? `: no permission to ${act} field "${name}" on "${object.nameSingular}"` : '');
  }

  /** Error unless a root of /metadata may run. */
  checkSetting(name) {
    const flag = FLAG_OF[name] || (/^(create|update|delete)One(Object|Field)$/.test(name) ? 'DATA_MODEL' : null);
    if (!flag || this.has(flag)) return;
    throw flag === 'API_KEYS_AND_WEBHOOKS' && (name !== 'apiKeys' || this.version === '1.17') ? errors.settingsPermission() : errors.permission();
  }

  /** As /metadata shows it: the list of roles has all of it, the list of keys leaves single rights null. */
  show(model, withDetails) {
    const letters = (text) => Object.entries(ALL).map(([right, letter]) => [right, text.includes(letter)]);
    const fieldOf = (key) => model.objectByName(key.split('.')[0]).fields.find((field) => field.name === key.split('.')[1]);
    const objectPermissions = () => Object.entries(this.objects).map(([name, text]) => ({
      objectMetadataId: model.objectByName(name).id, ...Object.fromEntries(letters(text).map(([right, may]) => [`can${right}ObjectRecords`, may])),
    }));
    const fieldPermissions = () => Object.entries(this.fields).map(([key, text]) => ({
      id: randomUUID(), objectMetadataId: fieldOf(key).objectId, fieldMetadataId: fieldOf(key).id,
      canReadFieldValue: text.includes('r') ? null : false, canUpdateFieldValue: text.includes('u') ? null : false,
    }));
    return {
      id: this.id, label: this.label, canUpdateAllSettings: !this.flags,
      ...Object.fromEntries(letters(this.all).map(([right, may]) => [`can${right}AllObjectRecords`, may])),
      permissionFlags: withDetails ? (this.flags || []).map((flag) => ({ id: randomUUID(), roleId: this.id, flag })) : null,
      objectPermissions: withDetails ? objectPermissions : null, fieldPermissions: withDetails ? fieldPermissions : null,
    };
  }
}

module.exports = { Role };
