'use strict';

/**
 * /metadata: the schema API (TWENTY 6). Objects and fields are read and changed here; every change rebuilds tables and
 * the GraphQL schema. Schema calls take no tokens (rate.metadata.unlimited). Executed by graphql-js: volume is low.
 */

const { createHash, randomUUID } = require('crypto');
const { buildSchema, parse, validate, execute, getOperationAST } = require('./graphql');
const errors = require('./errors');
const rules = require('./metadata-rules');
const { typeDefinitions } = require('./metadata-types');
const { capitalise } = require('./model');

/** What a new object gets besides its columns: name of the object with the far side, label there, onDelete. */
const TIES = {
  1.17: ['timelineActivity', 'favorite', 'attachment', 'noteTarget', 'taskTarget'],
  2.19: ['timelineActivity', 'attachment', 'noteTarget', 'taskTarget'],
};
const TIE_LABELS = {
  timelineActivity: 'Timeline Activities', favorite: 'Favorites', attachment: 'Attachments',
  noteTarget: ['Note Targets', 'Notes'], taskTarget: ['Task Targets', 'Tasks'],
};

/** The id of an object's view: made from the object's, so that nobody need keep it. */
const viewOf = (objectId) => createHash('sha256').update(`view ${objectId}`).digest('hex').replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5');

const EPOCH = '2026-01-01T00:00:00.000Z';

class Metadata {
  /** @param workspace {model, records, files, refresh(), webhooks} */
  constructor(workspace) {
    this.workspace = workspace;
    this.version = workspace.model.version;
    const hidden = workspace.options.without || [];
    // one mutation a line there, or the line's others would go too
    const text = typeDefinitions(this.version).split('\n').filter((line) => !hidden.some((name) => line.trim().startsWith(`${name}(`))).join('\n');
    this.schema = buildSchema(text, { assumeValid: true });
  }

  get model() { return this.workspace.model; }

  /** Answers one request: {status, body}. */
  run({ query, variables, operationName }) {
    let document;
    try {
      document = parse(query);
    } catch (error) {
      return { status: 200, body: { errors: [errors.toBody(error)] } };
    }
    const twice = duplicateRoot(document);
    if (twice) return { status: 200, body: { errors: [errors.toBody(errors.duplicateRoot(twice, true))] } };
    const wrong = validate(this.schema, document);
    if (wrong.length) return { status: 200, body: { errors: wrong.map(errors.toBody) } };
    if (!getOperationAST(document, operationName)) return { status: 400, body: { errors: [{ message: 'Unknown operation.' }] } };
    this.note(document);
    const result = execute({ schema: this.schema, document, variableValues: variables || {}, operationName, rootValue: this.roots() });
    if (!result.errors) return { status: 200, body: { data: result.data } };
    const status = 'data' in result ? 200 : 400;
    return { status, body: { errors: result.errors.map(errors.toBody), ...('data' in result ? { data: result.data } : {}) } };
  }

  /** Changes of the schema are shown by /__log; uploads note themselves. */
  note(document) {
    for (const definition of document.definitions) {
      if (definition.operation !== 'mutation') continue;
      for (const { name } of definition.selectionSet.selections) {
        if (name && /(Object|OneField|Webhook)$/.test(name.value)) this.workspace.log.note(name.value, { kind: 'metadata' });
      }
    }
  }

  roots() {
    const { files } = this.workspace;
    return {
      objects: ({ paging }) => this.list([...this.model.objects.values()].map((object) => this.showObject(object)), paging),
      object: ({ id }) => this.showObject(this.objectOr(id, 'read')),
      fields: ({ paging }) => this.list([...this.model.fields.values()].map((field) => this.showField(field)), paging),
      field: ({ id }) => this.showField(this.fieldOr(id, 'read')),
      webhooks: () => this.workspace.webhooks,
      getCoreViews: ({ objectMetadataId }) => this.views(objectMetadataId),
      apiKeys: () => [this.workspace.key],
      getRoles: () => [this.workspace.role],
      createOneObject: ({ input }) => this.createObject(input.object),
      updateOneObject: ({ input }) => this.updateObject(input.id, input.update),
      deleteOneObject: ({ input }) => this.deleteObject(input.id),
      createOneField: ({ input }) => this.createField(input.field),
      updateOneField: ({ input }) => this.updateField(input.id, input.update),
      deleteOneField: ({ input }) => this.deleteField(input.id),
      createWebhook: ({ input }) => { const hook = { id: randomUUID(), description: null, secret: null, ...input }; this.workspace.webhooks.push(hook); this.keepHooks(); return hook; },
      deleteWebhook: ({ id }) => { this.workspace.webhooks = this.workspace.webhooks.filter((each) => each.id !== id); this.keepHooks(); return true; },
      uploadFilesFieldFile: ({ file, fieldMetadataId }) => files.uploadField(file, fieldMetadataId),
      createFileUpload: (args) => files.createUpload(args),
      completeFileUpload: ({ fileId }) => files.completeUpload(fileId),
    };
  }

  keepHooks() {
    if (this.workspace.journal) this.workspace.journal.hooks(this.workspace.webhooks);
  }

  // ---- showing -------------------------------------------------------------------------------------------------

  /** A page; cursors are `arrayconnection:<n>` in base64 (metadata.objects). */
  list(nodes, paging) {
    const cursor = (i) => Buffer.from(`arrayconnection:${i}`).toString('base64');
    const { first = 10, after } = paging || {};
    const from = after ? Number(Buffer.from(after, 'base64').toString().split(':')[1]) + 1 : 0;
    const some = nodes.slice(from, from + first);
    return {
      edges: some.map((node, i) => ({ node, cursor: cursor(from + i) })),
      pageInfo: {
        hasNextPage: from + some.length < nodes.length, hasPreviousPage: from > 0,
        startCursor: some.length ? cursor(from) : null, endCursor: some.length ? cursor(from + some.length - 1) : null,
      },
    };
  }

  showObject(object) {
    const fieldsList = () => object.fields.map((field) => this.showField(field));
    return {
      createdAt: EPOCH, updatedAt: EPOCH, isUIReadOnly: false, isSearchable: !object.isSystem, isLabelSyncedWithName: false,
      imageIdentifierFieldMetadataId: null, ...object, fieldsList, fields: ({ paging }) => this.list(fieldsList(), paging),
    };
  }

  showField(field) {
    return {
      createdAt: EPOCH, updatedAt: EPOCH, isUIReadOnly: false, isLabelSyncedWithName: false, description: null, icon: null, ...field,
      object: () => this.showObject(this.model.objects.get(field.objectId)),
      objectMetadataId: field.objectId,
      relation: () => (field.relation ? this.showRelation(field, field.relation) : null),
      morphRelations: () => (field.morph ? field.morph.map((target) => this.showRelation(field, { type: 'MANY_TO_ONE', ...target })) : null),
    };
  }

  showRelation(field, { type, objectId, fieldId }) {
    return {
      type,
      sourceObjectMetadata: () => this.showObject(this.model.objects.get(field.objectId)),
      targetObjectMetadata: () => this.showObject(this.model.objects.get(objectId)),
      sourceFieldMetadata: () => this.showField(field),
      targetFieldMetadata: () => this.showField(this.model.fields.get(fieldId)),
    };
  }

  objectOr(id, act) {
    const object = this.model.objects.get(id);
    if (!object) throw rules.missing('Object', act);
    return object;
  }

  fieldOr(id, act) {
    const field = this.model.fields.get(id);
    if (!field) throw rules.missing('Field', act);
    return field;
  }

  // ---- objects -------------------------------------------------------------------------------------------------

  /** The columns and relations of a new custom object, in the order of the recording object.create.billingClaim. */
  ownFieldsOf() {
    const old = this.version === '1.17';
    const system = !old;
    const make = (name, label, type, more) => ({ name, label, type, isNullable: false, isUnique: false, isSystem: system, defaultValue: null, ...more });
    const actor = { defaultValue: { name: "''", source: "'MANUAL'" } };
    const fields = {
      id: make('id', 'Id', 'UUID', { isUnique: old, isSystem: true, defaultValue: 'uuid' }),
      name: make('name', 'Name', 'TEXT', { isNullable: true, isSystem: false }),
      createdAt: make('createdAt', 'Creation date', 'DATE_TIME', { defaultValue: 'now' }),
      updatedAt: make('updatedAt', 'Last update', 'DATE_TIME', { defaultValue: 'now' }),
      deletedAt: make('deletedAt', 'Deleted at', 'DATE_TIME', { isNullable: true }),
      createdBy: make('createdBy', 'Created by', 'ACTOR', actor),
      updatedBy: make('updatedBy', 'Updated by', 'ACTOR', actor),
      position: make('position', 'Position', 'POSITION', { isSystem: true, defaultValue: 0 }),
      searchVector: make('searchVector', 'Search vector', 'TS_VECTOR', { isNullable: true, isSystem: true }),
    };
    if (old) {
      fields.searchVector.settings = {
        asExpression: "to_tsvector('simple', COALESCE(public.unaccent_immutable(\"name\"), ''))", generatedType: 'STORED',
      };
    }
    const order = old
      ? ['id', 'name', 'createdAt', 'updatedAt', 'updatedBy', 'deletedAt', 'createdBy', 'position', 'searchVector']
      : ['name', 'id', 'createdAt', 'createdBy', 'deletedAt', 'position', 'searchVector', 'updatedAt', 'updatedBy'];
    return order.map((name) => fields[name]);
  }

  createObject(input) {
    const own = [
      ...rules.nameErrors(this.version, input.nameSingular, 'INVALID_OBJECT_INPUT'),
      ...rules.nameErrors(this.version, input.namePlural, 'INVALID_OBJECT_INPUT'),
    ];
    const names = new Set([...this.model.objects.values()].flatMap((each) => [each.nameSingular, each.namePlural]));
    const exists = names.has(input.nameSingular) || names.has(input.namePlural);
    if (exists) own.push(rules.same('OBJECT_ALREADY_EXISTS', 'Object already exists'));
    if (input.nameSingular === input.namePlural) own.push(rules.same('INVALID_OBJECT_INPUT', 'The singular and plural names cannot be the same for an object', input.nameSingular));
    const ties = TIES[this.version];
    if (own.length) {
      const others = ties.map((tie) => this.model.objectByName(tie));
      const ownFields = [...this.ownFieldsOf().map(({ name }) => ({ name })), ...others.map(({ namePlural }) => ({ name: namePlural, tie: true }))];
      const backFields = others.map((object) => ({ name: this.backName(object, input.nameSingular), object }));
      throw rules.objectRefused(this.version, input, own, ownFields, backFields, exists);
    }
    const object = this.addObject(input);
    this.changed();
    this.favour(object);
    return this.showObject(object);
  }

  /** Name of the field on the far side: `targetBillingClaim` where it is a morph relation, `billingClaim` elsewhere. */
  backName(other, nameSingular) {
    const morph = other.fields.find((field) => field.type === 'MORPH_RELATION');
    return morph ? `target${capitalise(nameSingular)}` : nameSingular;
  }

  addObject(input) {
    const object = this.model.addObject({
      id: randomUUID(), nameSingular: input.nameSingular, namePlural: input.namePlural, isActive: true, isSystem: false, isRemote: false,
      labelIdentifierFieldMetadataId: null, labelSingular: input.labelSingular, labelPlural: input.labelPlural,
      isCustom: true, icon: input.icon || null, description: input.description || null, fields: [],
    });
    for (const field of this.ownFieldsOf()) this.model.addField(object, blankField(field));
    object.labelIdentifierFieldMetadataId = object.fields.find((field) => field.name === 'name').id;
    for (const tie of TIES[this.version]) this.tie(object, this.model.objectByName(tie));
    return object;
  }

  /** Ties a new object to timeline, attachments and targets: a morph target or a relation of its own. */
  tie(object, other) {
    const label = [].concat(TIE_LABELS[other.nameSingular]);
    const isSystem = this.version === '1.17';
    const many = blankField({
      name: other.namePlural, label: label[isSystem ? 0 : label.length - 1], type: 'RELATION', isNullable: true, isSystem,
      settings: { relationType: 'ONE_TO_MANY' }, relation: { type: 'ONE_TO_MANY', objectId: other.id, fieldId: null },
    });
    this.model.addField(object, many);
    const morph = other.fields.find((field) => field.type === 'MORPH_RELATION');
    if (morph) {
      many.relation.fieldId = morph.id;
      morph.morph.push({ objectId: object.id, fieldId: many.id, onDelete: 'SET_NULL' });
      return;
    }
    const one = blankField({
      name: object.nameSingular, label: capitalise(object.nameSingular), type: 'RELATION', isNullable: true, isSystem,
      settings: { onDelete: 'SET_NULL', relationType: 'MANY_TO_ONE', joinColumnName: `${object.nameSingular}Id` },
      relation: { type: 'MANY_TO_ONE', objectId: object.id, fieldId: many.id },
    });
    this.model.addField(other, one);
    many.relation.fieldId = one.id;
  }

  updateObject(id, update) {
    const object = this.objectOr(id, 'update');
    Object.assign(object, update);
    this.changed();
    return this.showObject(object);
  }

  /** Deleting works on active objects; standard ones are refused, a missing one is an internal error (object.delete.inactive). */
  /** Every object has the view that shows all of it. */
  views(objectId) {
    return [...this.model.objects.values()].filter(({ id }) => !objectId || id === objectId)
      .map(({ id, labelPlural }) => ({ id: viewOf(id), objectMetadataId: id, name: `All ${labelPlural}` }));
  }

  /** 1.17 puts a new object's view among the favourites, and leaves it there when the object goes (favorites.after-create). */
  favour(object) {
    if (this.version !== '1.17') return;
    const { records } = this.workspace;
    const table = records.tables.get(this.model.objectByName('favorite').id);
    const now = new Date().toISOString();
    const row = { id: randomUUID(), createdAt: now, updatedAt: now, viewId: viewOf(object.id), position: table.rows.size };
    table.insert(row);
    records.journal('put', table, [row]);
  }

  deleteObject(id) {
    const object = this.model.objects.get(id);
    if (!object) throw errors.internal('Could not find flat entity in maps');
    if (!object.isCustom) throw rules.validationFailed(this.version, 'Multiple validation errors occurred while deleting object', {
      objectMetadata: [rules.failure('objectMetadata', [rules.same('OBJECT_MUTATION_NOT_ALLOWED', "Standard objects can't be deleted")], { id }, 'delete')],
    });
    const shown = { ...object, fieldsList: [] };
    for (const field of [...object.fields]) this.dropField(field);
    this.model.removeObject(object);
    this.dropReferences(id);
    this.changed();
    return shown;
  }

  /** Relations of other objects that pointed at an object that is gone. */
  dropReferences(objectId) {
    for (const field of [...this.model.fields.values()]) {
      if (field.morph && field.morph.some((target) => target.objectId === objectId)) this.dropMorphTarget(field, objectId);
      if (field.relation && field.relation.objectId === objectId) this.model.removeField(field);
    }
  }

  /** The column of a morph target goes with the object: `targetBillingClaimId`. */
  dropMorphTarget(field, objectId) {
    const table = this.workspace.records.tables.get(field.objectId);
    for (const [column, relation] of table.relations) {
      if (relation.field === field && relation.objectId === objectId) this.clearColumn(table, column);
    }
    field.morph = field.morph.filter((target) => target.objectId !== objectId);
  }

  // ---- fields --------------------------------------------------------------------------------------------------

  createField(input) {
    const object = this.model.objects.get(input.objectMetadataId);
    if (!object) throw rules.missing('Object', 'create field for');
    const list = rules.fieldErrors(this.version, object, input);
    if (list.length) throw rules.fieldRefused(this.version, object, input, list);
    const field = input.type === 'RELATION' ? this.addRelation(object, input) : this.addPlain(object, input);
    this.changed();
    return this.showField(field);
  }

  addPlain(object, input) {
    const field = blankField({
      name: input.name, label: input.label, type: input.type, isUnique: input.isUnique === true, isNullable: input.isNullable !== false,
      defaultValue: input.defaultValue === undefined ? null : input.defaultValue, settings: input.settings || null,
      options: optionsOf(input), isCustom: true, icon: input.icon || null, description: input.description || null,
    });
    return this.model.addField(object, field);
  }

  addRelation(object, input) {
    const payload = input.relationCreationPayload || {};
    const target = this.model.objects.get(payload.targetObjectMetadataId);
    const back = target && rules.nameFromLabel(payload.targetFieldLabel || object.labelPlural);
    const clash = target && target.fields.some((field) => field.name === back);
    if (!target || clash) {
      const what = target ? rules.same('NOT_AVAILABLE', `Name "${back}" is not available as it is already used by another field`, back)
        : rules.same('OBJECT_METADATA_NOT_FOUND', 'Relation target object metadata not found');
      throw rules.fieldRefused(this.version, target || object, { ...input, name: clash ? back : input.name }, [what]);
    }
    const joinColumn = (name) => ({ onDelete: 'SET_NULL', relationType: 'MANY_TO_ONE', joinColumnName: `${name}Id` });
    const manyToOne = payload.type !== 'ONE_TO_MANY';
    const make = (name, label, icon, one, objectId) => blankField({
      name, label, icon: icon || null, type: 'RELATION', isNullable: true, isCustom: true,
      settings: one ? joinColumn(name) : { relationType: 'ONE_TO_MANY' },
      relation: { type: one ? 'MANY_TO_ONE' : 'ONE_TO_MANY', objectId, fieldId: null },
    });
    const near = this.model.addField(object, make(input.name, input.label, input.icon, manyToOne, target.id));
    const far = this.model.addField(target, make(back, payload.targetFieldLabel || object.labelPlural, payload.targetFieldIcon, !manyToOne, object.id));
    near.relation.fieldId = far.id;
    far.relation.fieldId = near.id;
    return near;
  }

  /** updateOneField: settings, options (kept by their id), label … ; dropped options empty the records that had them. */
  updateField(id, update) {
    const field = this.model.fields.get(id);
    if (!field) throw rules.fieldToUpdateMissing(this.version);
    const { options, ...rest } = update;
    if (options) {
      const wrong = rules.optionErrors(options);
      if (wrong.length) throw rules.validationFailed(this.version, 'Validation errors occurred while updating field', {
        fieldMetadata: [rules.failure('fieldMetadata', wrong, { id, name: field.name }, 'update')],
      });
      const removed = (field.options || []).filter((old) => !options.some((each) => (each.id ? each.id === old.id : each.value === old.value)));
      field.options = optionsOf({ type: field.type, options });
      this.emptyOptions(field, new Set(removed.map((each) => each.value)));
    }
    Object.assign(field, rest);
    this.changed();
    return this.showField(field);
  }

  emptyOptions(field, removed) {
    if (!removed.size) return;
    const table = this.workspace.records.tables.get(field.objectId);
    const touched = [];
    for (const row of table.rows.values()) {
      const value = row[field.name];
      if (Array.isArray(value) ? !value.some((each) => removed.has(each)) : !removed.has(value)) continue;
      if (Array.isArray(value)) row[field.name] = value.filter((each) => !removed.has(each));
      else delete row[field.name];
      touched.push(row);
    }
    this.workspace.records.journal('put', table, touched);
  }

  deleteField(id) {
    const field = this.fieldOr(id, 'delete');
    if (!field.isCustom) throw rules.standardField(this.version, field);
    const shown = { ...field };
    this.dropField(field);
    this.changed();
    return shown;
  }

  /** Takes a field and the far side of its relation out of the model, and its values out of the records. */
  dropField(field) {
    const far = field.relation && this.model.fields.get(field.relation.fieldId);
    if (far && far.type === 'RELATION') { this.forget(far); this.model.removeField(far); }
    if (!this.model.fields.has(field.id)) return;
    this.forget(field);
    this.model.removeField(field);
  }

  forget(field) {
    const table = this.workspace.records.tables.get(field.objectId);
    const column = (field.settings && field.settings.joinColumnName) || field.name;
    if (table) this.clearColumn(table, column);
  }

  clearColumn(table, column) {
    const rows = [...table.rows.values()].filter((row) => row[column] !== undefined);
    for (const row of rows) delete row[column];
    this.workspace.records.journal('put', table, rows);
  }

  /** For the fault metadata-half "no-relations": takes the far sides of what was just made away again. */
  loseRelations(data) {
    const made = data && Object.values(data)[0];
    if (!made || !made.id) return;
    const object = this.model.objects.get(made.id);
    const field = this.model.fields.get(made.id);
    for (const each of object ? object.fields.filter((own) => own.relation) : [field]) {
      const far = each && each.relation && this.model.fields.get(each.relation.fieldId);
      if (far && far.type === 'RELATION') this.model.removeField(far);
      if (object) this.model.removeField(each);
    }
    if (object) this.dropReferences(object.id);
    this.changed();
  }

  changed() {
    this.workspace.refresh();
  }
}

/** A field with everything that a recorded one has. */
function blankField(own) {
  return {
    id: randomUUID(), name: '', label: '', type: '', isUnique: false, isNullable: true, isSystem: false, isActive: true, defaultValue: null,
    options: null, settings: null, isCustom: false, icon: null, description: null, relation: null, morph: null, ...own,
  };
}

/** Options with ids; a rating brings its own five (field.create.rating). */
function optionsOf({ type, options }) {
  if (type === 'RATING') {
    return [1, 2, 3, 4, 5].map((i) => ({ id: randomUUID(), label: String(i), value: `RATING_${i}`, position: i - 1 }));
  }
  if (!options) return null;
  return options.map(({ id, color, label, value, position }, i) => ({ id: id || randomUUID(), color, label, value, position: position === undefined ? i : position }));
}

function duplicateRoot(document) {
  for (const definition of document.definitions) {
    if (definition.kind !== 'OperationDefinition') continue;
    const names = definition.selectionSet.selections.filter((each) => each.kind === 'Field').map((each) => each.name.value);
    const twice = names.find((name, i) => !name.startsWith('__') && names.indexOf(name) !== i);
    if (twice) return twice;
  }
  return null;
}

module.exports = { Metadata };
