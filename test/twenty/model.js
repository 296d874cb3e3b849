'use strict';

/**
 * The data model of a workspace: objects and fields as `metadata.objects` of the recordings gives them,
 * changed afterwards over /metadata. Ids link fields and objects; names are looked up when they are asked for.
 */

const fs = require('fs');
const path = require('path');

const MODELS = ['1.17', '2.19'];

/** onDelete of timelineActivity per target (published source of both models; the recording shows one of many). */
const TIMELINE_CASCADE = new Set(['person', 'company', 'workflow', 'workflowVersion', 'workflowRun']);

const capitalise = (name) => name.charAt(0).toUpperCase() + name.slice(1);

/** Reads the recorded exchanges of one model: array of {label, path, request, status, response}. */
function readRecording(version) {
  const file = path.join(__dirname, `recorded-${version}.jsonl`);
  return fs.readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

class Model {
  constructor(version) {
    if (!MODELS.includes(version)) throw new Error(`unknown model ${version}: ${MODELS.join(' or ')}`);
    this.version = version;
    this.objects = new Map();
    this.fields = new Map();
  }

  /** The model of a new workspace, from the label `metadata.objects`. */
  static fromRecording(version) {
    const model = new Model(version);
    const line = readRecording(version).find((each) => each.label === 'metadata.objects');
    const nodes = line.response.data.objects.edges.map((edge) => edge.node);
    for (const node of nodes) model.addRecordedObject(node);
    for (const node of nodes) model.linkMorphs(node);
    return model;
  }

  addRecordedObject(node) {
    const { fieldsList, ...object } = node;
    const added = this.addObject({ ...object, isCustom: false, icon: null, description: null, fields: [] });
    for (const { relation, morphRelations, ...field } of fieldsList) {
      this.addField(added, {
        ...field,
        isCustom: false,
        relation: relation && {
          type: relation.type,
          objectId: relation.targetObjectMetadata.id,
          fieldId: relation.targetFieldMetadata.id,
        },
        morph: null,
      });
    }
  }

  /** The recorded morph relations name their targets; the deletion rule of each target is known here only. */
  linkMorphs(node) {
    for (const recorded of node.fieldsList) {
      if (recorded.type !== 'MORPH_RELATION') continue;
      const field = this.fields.get(recorded.id);
      field.morph = recorded.morphRelations.map((each) => {
        const target = this.objectByName(each.targetObjectMetadata.nameSingular);
        const back = target.fields.find((f) => f.name === each.targetFieldMetadata.name);
        const onTimeline = TIMELINE_CASCADE.has(target.nameSingular) ? 'CASCADE' : 'SET_NULL';
        const onDelete = node.nameSingular === 'timelineActivity' ? onTimeline : recorded.settings.onDelete;
        return { objectId: target.id, fieldId: back.id, onDelete };
      });
    }
  }

  addObject(object) {
    this.objects.set(object.id, object);
    return object;
  }

  addField(object, field) {
    field.objectId = object.id;
    object.fields.push(field);
    this.fields.set(field.id, field);
    return field;
  }

  removeField(field) {
    const object = this.objects.get(field.objectId);
    object.fields = object.fields.filter((each) => each.id !== field.id);
    this.fields.delete(field.id);
  }

  removeObject(object) {
    for (const field of [...object.fields]) this.removeField(field);
    this.objects.delete(object.id);
  }

  objectByName(nameSingular) {
    for (const object of this.objects.values()) if (object.nameSingular === nameSingular) return object;
    return undefined;
  }

  /** A plain copy for --data; `load` takes it back. */
  save() {
    return { version: this.version, objects: [...this.objects.values()] };
  }

  static load(saved) {
    const model = new Model(saved.version);
    for (const { fields, ...object } of saved.objects) {
      const added = model.addObject({ ...object, fields: [] });
      for (const field of fields) model.addField(added, field);
    }
    return model;
  }
}

/** Columns that relate: [{name, column, objectId, onDelete}], one per target of a morph relation. */
function relationColumns(model, field) {
  if (field.type === 'RELATION' && field.relation.type === 'MANY_TO_ONE') {
    const column = (field.settings && field.settings.joinColumnName) || `${field.name}Id`;
    return [{ name: field.name, column, objectId: field.relation.objectId, onDelete: field.settings.onDelete }];
  }
  if (field.type === 'MORPH_RELATION') {
    return field.morph.map((target) => {
      const name = field.name + capitalise(model.objects.get(target.objectId).nameSingular);
      return { name, column: `${name}Id`, objectId: target.objectId, onDelete: target.onDelete };
    });
  }
  return [];
}

module.exports = { MODELS, Model, capitalise, readRecording, relationColumns };
