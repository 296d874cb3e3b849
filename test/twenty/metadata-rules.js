'use strict';

/**
 * What /metadata refuses, and in which words. A refused object drags everything that would have been made with it
 * (its fields, views, indexes) into the answer, as the recordings object.create.* show.
 */

const { randomUUID, createHash } = require('crypto');
const { ApiError } = require('./errors');
const { capitalise } = require('./model');

/** Reserved names (TWENTY 6 and published source; 2.19 adds search). */
const RESERVED = new Set(('approvedAccessDomain approvedAccessDomains appToken appTokens billingCustomer billingCustomers '
  + 'billingEntitlement billingEntitlements billingMeter billingMeters billingProduct billingProducts billingSubscription '
  + 'billingSubscriptions billingSubscriptionItem billingSubscriptionItems featureFlag featureFlags job jobs keyValuePair '
  + 'keyValuePairs pageLayout pageLayouts pageLayoutTab pageLayoutTabs pageLayoutWidget pageLayoutWidgets twoFactorMethod '
  + 'twoFactorMethods user users userWorkspace userWorkspaces workspace workspaces role roles userWorkspaceRole '
  + 'userWorkspaceRoles plan plans event events field fields link links currency currencies fullNames address addresses type '
  + 'types object objects index relation relations aggregate').split(' '));
const RESERVED_219 = new Set(['search', 'searches']);

const COLORS = new Set('green turquoise sky blue purple pink red orange yellow gray'.split(' '));
const CREATABLE = new Set(('TEXT DATE DATE_TIME NUMBER BOOLEAN SELECT MULTI_SELECT CURRENCY ADDRESS PHONES EMAILS LINKS RAW_JSON '
  + 'ARRAY RATING UUID RELATION FULL_NAME MORPH_RELATION').split(' '));

const same = (code, message, value) => ({ code, message, userFriendlyMessage: message, ...(value === undefined ? {} : { value }) });

const told = (code, message, userFriendlyMessage) => ({ code, message, userFriendlyMessage });

/** Errors of a name: camelCase, at most 63, not reserved (field.create.badname, field.create.reserved). */
function nameErrors(model, name, code) {
  const out = [];
  const wellFormed = /^[a-z][A-Za-z0-9]*$/.test(name);
  if (model === '1.17' && (!/^[a-z]/.test(name) || /[^A-Za-z0-9]/.test(name))) out.push(same(code, 'Name should be in camelCase', name));
  if (!wellFormed) out.push(same(code, 'Name is not valid: it must start with lowercase letter and contain only alphanumeric letters', name));
  if (name.length > 63) out.push(same(code, 'Name is too long: it exceeds the 63 characters limit.', name));
  if (RESERVED.has(name) || (model !== '1.17' && RESERVED_219.has(name))) {
    out.push(same(code, 'This name is reserved. Use a different name or the system will add "Custom" suffix.', name));
  }
  return out;
}

const taken = (name) => same('NOT_AVAILABLE', `Name "${name}" is not available as it is already used by another field`, name);

/** Errors of the options of a select (field.create.select.badvalue). */
function optionErrors(options) {
  const out = [];
  const values = new Set();
  for (const { value, label, color } of options || []) {
    if (!/^[A-Z][A-Z0-9_]*$/.test(value || '')) out.push(same('INVALID_FIELD_INPUT', `Value must be in UPPER_CASE and follow snake_case "${value}"`, value));
    if (values.has(value)) out.push(same('INVALID_FIELD_INPUT', `Duplicated option value "${value}"`, value));
    if (!label) out.push(same('INVALID_FIELD_INPUT', 'Option label is required', label));
    if (color && !COLORS.has(color)) out.push(same('INVALID_FIELD_INPUT', `Invalid option color "${color}"`, color));
    values.add(value);
  }
  return out;
}

function typeErrors(model, input) {
  if (input.type === 'NUMERIC') {
    return [{
      code: 'INVALID_FIELD_INPUT', message: 'Field type NUMERIC is not supported for field creation. Use NUMBER instead.', value: 'NUMERIC',
      userFriendlyMessage: 'Field type NUMERIC is not supported. Use Number instead.',
    }];
  }
  if (input.type === 'FILES' && model === '1.17') return [same('INVALID_FIELD_INPUT', 'Files field type is not supported')];
  const rich = model === '1.17' ? 'RICH_TEXT_V2' : 'RICH_TEXT';
  if (input.type === rich || CREATABLE.has(input.type) || input.type === 'FILES') return [];
  return [same('INVALID_FIELD_INPUT', `Unsupported field type ${input.type}`, input.type)];
}

/** Everything wrong with a field to be created on an object. */
function fieldErrors(model, object, input) {
  const out = [...typeErrors(model, input), ...nameErrors(model, input.name, 'INVALID_FIELD_INPUT')];
  if (object.fields.some((field) => field.name === input.name)) out.push(taken(input.name));
  if (input.type === 'SELECT' || input.type === 'MULTI_SELECT') {
    if (!input.options || !input.options.length) out.push(same('INVALID_FIELD_INPUT', 'Options are required for enum fields'));
    out.push(...optionErrors(input.options));
  }
  return out;
}

/** The universal identifier of an object or view that exists: stable, made from its id. */
function universalOf(seed) {
  const hex = createHash('sha1').update(`universal ${seed}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Identity of a field that was not made, as the model words it. `bornEqual`: 1.17 gives new columns one id for both. */
function fieldIdentity(model, name, object, bornEqual) {
  const universalIdentifier = randomUUID();
  if (model !== '1.17') return { universalIdentifier, name, objectMetadataUniversalIdentifier: object.universal || universalOf(object.id) };
  return { id: bornEqual ? universalIdentifier : randomUUID(), universalIdentifier, name, objectMetadataId: object.id };
}

/** Identity of anything else. */
function identity(model, own) {
  const universalIdentifier = randomUUID();
  return model === '1.17' ? { id: randomUUID(), universalIdentifier, ...own } : { universalIdentifier, ...own };
}

const failure = (metadataName, errors, flatEntityMinimalInformation, type = 'create') => (
  { status: 'fail', errors, flatEntityMinimalInformation, metadataName, type });

const plural = (model, name, count) => {
  if (count === 1) return `1 ${name}`;
  if (model !== '1.17' && name === 'fieldMetadata') return `${count} fieldMetadata`;
  if (model !== '1.17' && name === 'index') return `${count} indices`;
  return `${count} ${name}s`;
};

/** METADATA_VALIDATION_FAILED around lists of failures by kind. */
function validationFailed(model, message, byKind) {
  const kinds = Object.keys(byKind);
  const summary = { totalErrors: kinds.reduce((sum, kind) => sum + byKind[kind].length, 0) };
  for (const kind of kinds) summary[kind] = byKind[kind].length;
  const many = model !== '1.17' && summary.totalErrors > 1;
  return new ApiError(message, {
    code: 'METADATA_VALIDATION_FAILED',
    errors: byKind,
    summary,
    message: `Validation failed for ${kinds.map((kind) => plural(model, kind, byKind[kind].length)).join(', ')}`,
    userFriendlyMessage: many ? 'Many validation errors' : 'Metadata validation failed',
  });
}

const VIEW_OF_NOTHING = (what) => same('INVALID_VIEW_DATA', what);

/** A view field that lost its field, and perhaps its view. */
function lostViewField(model, viewId, fieldId, withView) {
  const own = model === '1.17'
    ? { id: randomUUID(), universalIdentifier: randomUUID(), viewId, fieldMetadataId: fieldId }
    : { universalIdentifier: randomUUID(), viewUniversalIdentifier: viewId, fieldMetadataUniversalIdentifier: fieldId };
  const list = [VIEW_OF_NOTHING('Field metadata not found')];
  if (withView) list.push(VIEW_OF_NOTHING('View not found'));
  return failure('viewField', list, own);
}

/** field.create.badname and its kin */
function fieldRefused(model, object, input, list) {
  const own = fieldIdentity(model, input.name, object);
  const byKind = { fieldMetadata: [failure('fieldMetadata', list, own)] };
  // 2.19 adds the field to two views of the object.
  if (model !== '1.17') byKind.viewField = [0, 1].map((i) => lostViewField(model, universalOf(`${object.id} view ${i}`), own.universalIdentifier));
  return validationFailed(model, 'Multiple validation errors occurred while creating fields', byKind);
}

/** Twenty names an index after the SHA-256 of table and column; tables of custom objects begin with an underscore. */
function indexName(table, column) {
  return `IDX_${createHash('sha256').update(table + column).digest('hex').slice(0, 27)}`;
}

function lostIndexes(model, name, backFields, duplicate) {
  const noObject = told('INDEX_OBJECT_NOT_FOUND', 'Could not find index related object metadata', 'Index related object not found');
  const noField = told('INDEX_FIELD_NOT_FOUND', 'Could not find index field related field metadata', 'Field referenced in index does not exist');
  const twice = duplicate ? [same('INDEX_ALREADY_EXISTS', 'Index with same name already exists')] : [];
  const make = (list, indexed) => {
    const own = identity(model, { name: indexed });
    return failure('index', list, model === '1.17' ? { ...own, id: own.universalIdentifier } : own);
  };
  const out = [make([noObject, ...twice, noField], indexName(`_${name}`, 'searchVector'))];
  if (model !== '1.17') for (const back of backFields) out.push(make([...twice, noField], indexName(back.object.nameSingular, `${back.name}Id`)));
  return out;
}

/**
 * object.create.duplicate, .badname, .reserved: `own` are the errors of the object itself, `ownFields` the names of its
 * fields [{name, tie}], `backFields` those on the far sides [{name, object}].
 */
function objectRefused(model, input, own, ownFields, backFields, duplicate) {
  const old = model === '1.17';
  const object = identity(model, { namePlural: input.namePlural, nameSingular: input.nameSingular });
  const asOwner = { id: object.id, universal: object.universalIdentifier };
  const noObject = told('OBJECT_METADATA_NOT_FOUND', 'Object metadata not found', 'Field to create related object not found');
  const noTarget = told('OBJECT_METADATA_NOT_FOUND', 'Relation target object metadata not found', 'Object targeted by the relation not found');
  const fields = ownFields.map(({ name, tie }) => failure('fieldMetadata', [noObject], fieldIdentity(model, name, asOwner, !tie)));
  const far = backFields.map(({ name, object: other }) => failure('fieldMetadata',
    [...nameErrors(model, name, 'INVALID_FIELD_INPUT'), ...(duplicate ? [taken(name)] : []), noTarget], fieldIdentity(model, name, other)));
  const views = Array.from({ length: old ? 1 : 2 }, () => failure('view', [VIEW_OF_NOTHING('Object metadata not found')], identity(model, {})));
  const byKind = {
    fieldMetadata: [...fields, ...far],
    objectMetadata: [failure('objectMetadata', own, object)],
    view: views,
    viewField: lostViewFields(model, fields, views),
    index: lostIndexes(model, input.nameSingular, backFields, duplicate),
  };
  if (!old) byKind.searchFieldMetadata = [lostSearchField(object)];
  return validationFailed(model, 'Multiple validation errors occurred while creating object', byKind);
}

const LOST_VIEW_FIELDS = {
  1.17: [[0, 1], [0, 2], [0, 3], [0, 4], [0, 6], [0, 7], [0, 8], [0, 9], [0, 10], [0, 11], [0, 12], [0, 13]],
  2.19: [[0, 0], [0, 2], [0, 3], [0, 7], [0, 8], [1, 2], [1, 3], [1, 7], [1, 8]],
};

/** The columns of the views that were not made: [view, field] by their places in the lists. */
function lostViewFields(model, fields, views) {
  const key = model === '1.17' ? 'id' : 'universalIdentifier';
  return LOST_VIEW_FIELDS[model].map(([view, field]) => lostViewField(
    model, views[view].flatEntityMinimalInformation[key], fields[field].flatEntityMinimalInformation[key], true));
}

function lostSearchField(object) {
  return failure('searchFieldMetadata', [
    same('FIELD_METADATA_NOT_FOUND', 'Field metadata not found'),
    told('TS_VECTOR_FIELD_METADATA_NOT_FOUND', 'TS_VECTOR field metadata not found', 'Search vector field not found'),
    same('OBJECT_METADATA_NOT_FOUND', 'Object metadata not found'),
  ], { universalIdentifier: randomUUID(), objectMetadataUniversalIdentifier: object.universalIdentifier });
}

/** field.deactivate of a field that is gone */
function fieldToUpdateMissing(model) {
  const text = 'Field metadata to update not found';
  const error = validationFailed(model, 'Validation errors occurred while updating field', {
    fieldMetadata: [{ errors: [same('FIELD_METADATA_NOT_FOUND', text)], type: 'update', metadataName: 'fieldMetadata', flatEntityMinimalInformation: { id: '' } }],
  });
  if (model !== '1.17') error.extensions.userFriendlyMessage = text;
  return error;
}

/** field.delete.standard */
function standardField(model, field) {
  if (model !== '1.17') {
    return new ApiError(`Cannot delete standard field "${field.name}"`, {
      subCode: 'FIELD_MUTATION_NOT_ALLOWED', userFriendlyMessage: 'This field cannot be modified.', code: 'FORBIDDEN',
    });
  }
  const text = { code: 'INVALID_FIELD_INPUT', message: "Standard Fields can't be deleted", userFriendlyMessage: 'Standard fields cannot be deleted' };
  return validationFailed(model, 'Multiple validation errors occurred while deleting field', {
    fieldMetadata: [failure('fieldMetadata', [text], {
      id: field.id, universalIdentifier: randomUUID(), name: field.name, objectMetadataId: field.objectId,
    }, 'delete')],
  });
}

/** field.delete.inactive, object.deactivate: what is not there. */
function missing(what, act) {
  const code = what === 'Field' ? 'FIELD_METADATA_NOT_FOUND' : 'OBJECT_METADATA_NOT_FOUND';
  return new ApiError(`${what} to ${act} not found`, { subCode: code, userFriendlyMessage: `${what} not found.`, code: 'NOT_FOUND' });
}

/** camelCase of a label, for the far side of a relation (`Appointments as provider` → appointmentsAsProvider). */
function nameFromLabel(label) {
  const words = label.normalize('NFD').replace(/[^A-Za-z0-9]+/g, ' ').trim().split(' ').filter(Boolean);
  return words.map((word, i) => (i ? capitalise(word) : word.charAt(0).toLowerCase() + word.slice(1))).join('');
}

module.exports = {
  fieldErrors, fieldRefused, fieldToUpdateMissing, missing, nameErrors, nameFromLabel, objectRefused, optionErrors, same, standardField,
  validationFailed, failure,
};
