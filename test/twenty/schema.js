'use strict';

/**
 * The GraphQL schema of /graphql, built from the data model as Twenty builds its own: type and root field names from
 * nameSingular / namePlural, one set of inputs per object. It validates documents, coerces variables (1.17) and
 * answers introspection; execution is in execute.js. Source: schema.person.input, filter.types, createdBy.enum.
 */

const {
  GraphQLSchema, GraphQLObjectType, GraphQLInputObjectType, GraphQLEnumType, GraphQLScalarType, GraphQLList, GraphQLNonNull,
  GraphQLString, GraphQLInt, GraphQLFloat, GraphQLBoolean, GraphQLID, valueFromASTUntyped,
} = require('./graphql');
const { capitalise, relationColumns } = require('./model');
const { ACTOR_SOURCES } = require('./values');

const scalar = (name) => new GraphQLScalarType({
  name, serialize: (value) => value, parseValue: (value) => value, parseLiteral: (node, variables) => valueFromASTUntyped(node, variables),
});

/** Scalars and enums that do not depend on the workspace. */
function baseTypes() {
  const t = {
    UUID: scalar('UUID'), DateTime: scalar('DateTime'), Date: scalar('Date'), Position: scalar('Position'), TSVector: scalar('TSVector'),
    JSON: scalar('JSON'), BigFloat: scalar('BigFloat'), ID: GraphQLID, String: GraphQLString, Float: GraphQLFloat, Boolean: GraphQLBoolean,
  };
  t.FilterIs = new GraphQLEnumType({ name: 'FilterIs', values: { NULL: {}, NOT_NULL: {} } });
  t.OrderBy = new GraphQLEnumType({
    name: 'OrderByDirection', values: { AscNullsFirst: {}, AscNullsLast: {}, DescNullsFirst: {}, DescNullsLast: {} },
  });
  t.ActorSource = new GraphQLEnumType({ name: 'ActorSourceEnum', values: Object.fromEntries(ACTOR_SOURCES.map((each) => [each, {}])) });
  return t;
}

function filterTypes(t) {
  const list = (type) => new GraphQLList(type);
  const input = (name, fields) => new GraphQLInputObjectType({
    name, fields: Object.fromEntries(Object.entries(fields).map(([key, type]) => [key, { type }])),
  });
  const ordered = (type) => ({ eq: type, gt: type, gte: type, in: list(type), lt: type, lte: type, neq: type, is: t.FilterIs });
  const texts = { startsWith: t.String, endsWith: t.String, like: t.String, ilike: t.String, regex: t.String, iregex: t.String };
  return {
    UUID: input('UUIDFilter', ordered(t.UUID)),
    String: input('StringFilter', { ...ordered(t.String), ...texts }),
    Float: input('FloatFilter', ordered(t.Float)),
    BigFloat: input('BigFloatFilter', ordered(t.BigFloat)),
    DateTime: input('DateTimeFilter', ordered(t.DateTime)),
    Date: input('DateFilter', ordered(t.Date)),
    Boolean: input('BooleanFilter', { eq: t.Boolean, is: t.FilterIs }),
    RawJson: input('RawJsonFilter', { is: t.FilterIs, like: t.String }),
    Array: input('ArrayFilter', { contains: list(t.String), containsAny: list(t.String), containsIlike: t.String, isEmptyArray: t.Boolean, is: t.FilterIs }),
    TSVector: input('TSVectorFilter', { search: t.String }),
  };
}

/** Composite types: part → [output type, filter]. */
function compositeParts(t, f) {
  const string = [t.String, f.String];
  const float = [t.Float, f.Float];
  const raw = [t.JSON, f.RawJson];
  return {
    FULL_NAME: ['FullName', { firstName: string, lastName: string }],
    EMAILS: ['Emails', { primaryEmail: string, additionalEmails: raw }],
    PHONES: ['Phones', { primaryPhoneNumber: string, primaryPhoneCountryCode: string, primaryPhoneCallingCode: string, additionalPhones: raw }],
    LINKS: ['Links', { primaryLinkLabel: string, primaryLinkUrl: string, secondaryLinks: raw }],
    CURRENCY: ['Currency', { amountMicros: [t.BigFloat, f.BigFloat], currencyCode: string }],
    RICH_TEXT: ['RichText', { blocknote: string, markdown: string }],
    RICH_TEXT_V2: ['RichTextV2', { blocknote: string, markdown: string }],
    ADDRESS: ['Address', {
      addressStreet1: string, addressStreet2: string, addressCity: string, addressPostcode: string, addressState: string,
      addressCountry: string, addressLat: float, addressLng: float,
    }],
    ACTOR: ['Actor', { source: [t.ActorSource, null], workspaceMemberId: [t.UUID, f.UUID], name: string, context: raw }],
  };
}

class Builder {
  constructor(model) {
    this.model = model;
    this.t = baseTypes();
    this.f = filterTypes(this.t);
    this.composites = {};
    this.makeComposites();
    this.byObject = new Map();
    this.pageInfo = new GraphQLObjectType({
      name: 'PageInfo',
      fields: {
        hasNextPage: { type: GraphQLBoolean }, hasPreviousPage: { type: GraphQLBoolean },
        startCursor: { type: GraphQLString }, endCursor: { type: GraphQLString },
      },
    });
    this.fileItem = new GraphQLObjectType({
      name: 'FileItem',
      fields: { fileId: { type: this.t.UUID }, label: { type: GraphQLString }, extension: { type: GraphQLString }, url: { type: GraphQLString } },
    });
    this.fileItemInput = new GraphQLInputObjectType({
      name: 'FileItemInput',
      fields: { fileId: { type: new GraphQLNonNull(this.t.UUID) }, label: { type: new GraphQLNonNull(GraphQLString) } },
    });
  }

  makeComposites() {
    for (const [type, [name, parts]] of Object.entries(compositeParts(this.t, this.f))) {
      const fields = (pick) => Object.fromEntries(Object.entries(parts).map(([part, each]) => [part, { type: pick(each, part) }]));
      const input = (suffix) => new GraphQLInputObjectType({
        name: name + suffix,
        fields: type === 'ACTOR'
          ? { source: { type: new GraphQLNonNull(this.t.ActorSource) }, context: { type: this.t.JSON } }
          : fields(([out]) => out),
      });
      const filtered = Object.fromEntries(Object.entries(parts).filter(([, each]) => each[1]).map(([part, each]) => [part, { type: each[1] }]));
      this.composites[type] = {
        output: new GraphQLObjectType({ name, fields: fields(([out]) => out) }),
        create: input('CreateInput'),
        update: input('UpdateInput'),
        filter: new GraphQLInputObjectType({ name: `${name}FilterInput`, fields: filtered }),
        order: new GraphQLInputObjectType({ name: `${name}OrderByInput`, fields: fields(() => this.t.OrderBy) }),
      };
    }
  }

  enumOf(object, field) {
    const name = `${capitalise(object.nameSingular)}${capitalise(field.name)}Enum`;
    const values = Object.fromEntries((field.options || []).map((option) => [option.value, {}]));
    return new GraphQLEnumType({ name, values: Object.keys(values).length ? values : { NONE: {} } });
  }

  /** {output, input, filter, order} of a value field. */
  fieldTypes(object, field) {
    const { t, f } = this;
    const simple = (type, filter) => ({ output: type, create: type, update: type, filter, order: t.OrderBy });
    switch (field.type) {
      case 'UUID': return { ...simple(t.UUID, f.UUID), create: field.name === 'id' ? t.ID : t.UUID, update: field.name === 'id' ? t.ID : t.UUID };
      case 'TEXT': return simple(t.String, f.String);
      case 'NUMBER': case 'NUMERIC': return simple(t.Float, f.Float);
      case 'POSITION': return simple(t.Position, f.Float);
      case 'BOOLEAN': return simple(t.Boolean, f.Boolean);
      case 'DATE': return simple(t.Date, f.Date);
      case 'DATE_TIME': return simple(t.DateTime, f.DateTime);
      case 'RAW_JSON': return simple(t.JSON, f.RawJson);
      case 'ARRAY': return simple(new GraphQLList(t.String), f.Array);
      case 'TS_VECTOR': return simple(t.TSVector, f.TSVector);
      case 'FILES': return {
        output: new GraphQLList(this.fileItem), create: new GraphQLList(this.fileItemInput), update: new GraphQLList(this.fileItemInput),
        filter: f.RawJson, order: t.OrderBy,
      };
      case 'SELECT': case 'RATING': { const type = this.enumOf(object, field); return simple(type, this.enumFilter(type)); }
      case 'MULTI_SELECT': { const type = this.enumOf(object, field); return { ...simple(new GraphQLList(type), this.multiFilter(type)) }; }
      default: return this.composites[field.type];
    }
  }

  enumFilter(type) {
    return new GraphQLInputObjectType({
      name: `${type.name}Filter`,
      fields: { eq: { type }, neq: { type }, in: { type: new GraphQLList(type) }, is: { type: this.t.FilterIs } },
    });
  }

  multiFilter(type) {
    return new GraphQLInputObjectType({
      name: `${type.name}Filter`,
      fields: { containsAny: { type: new GraphQLList(type) }, isEmptyArray: { type: GraphQLBoolean }, is: { type: this.t.FilterIs } },
    });
  }

  /** All types of one object. */
  typesOf(objectId) {
    if (this.byObject.has(objectId)) return this.byObject.get(objectId);
    const object = this.model.objects.get(objectId);
    const types = {};
    this.byObject.set(objectId, types);
    const values = object.fields.filter((field) => field.isActive && field.type !== 'RELATION' && field.type !== 'MORPH_RELATION')
      .map((field) => [field, this.fieldTypes(object, field)]);
    const name = capitalise(object.nameSingular);
    types.output = new GraphQLObjectType({ name, fields: () => this.outputFields(object, values) });
    types.edge = new GraphQLObjectType({ name: `${name}Edge`, fields: { node: { type: types.output }, cursor: { type: GraphQLString } } });
    types.connection = new GraphQLObjectType({
      name: `${name}Connection`,
      fields: { totalCount: { type: GraphQLInt }, edges: { type: new GraphQLList(types.edge) }, pageInfo: { type: this.pageInfo } },
    });
    types.create = new GraphQLInputObjectType({ name: `${name}CreateInput`, fields: () => this.inputFields(object, values, 'create') });
    types.update = new GraphQLInputObjectType({ name: `${name}UpdateInput`, fields: () => this.inputFields(object, values, 'update') });
    types.relation = this.relationInput(object, name);
    types.filter = new GraphQLInputObjectType({ name: `${name}FilterInput`, fields: () => this.filterFields(object, values, types) });
    types.order = new GraphQLInputObjectType({ name: `${name}OrderByInput`, fields: () => this.orderFields(object, values) });
    return types;
  }

  relationInput(object, name) {
    const uniques = object.fields.filter((field) => field.isUnique && field.name !== 'id' && field.type !== 'RELATION');
    const where = new GraphQLInputObjectType({
      name: `${name}WhereUniqueInput`,
      fields: Object.fromEntries([['id', { type: this.t.UUID }], ...uniques.map((field) => [field.name, {
        type: this.composites[field.type] ? this.composites[field.type].create : this.t.String,
      }])]),
    });
    const connect = new GraphQLInputObjectType({ name: `Connect${name}Input`, fields: { where: { type: where } } });
    return new GraphQLInputObjectType({
      name: `${name}RelationInput`, fields: { connect: { type: connect }, disconnect: { type: GraphQLBoolean } },
    });
  }

  outputFields(object, values) {
    const out = {};
    const required = (field, type) => (field.name === 'id' ? new GraphQLNonNull(type) : type);
    const byField = new Map(values);
    for (const field of object.fields) {
      if (!field.isActive) continue;
      if (byField.has(field)) out[field.name] = { type: required(field, byField.get(field).output), args: {} };
      else if (field.type === 'RELATION' && field.relation.type === 'ONE_TO_MANY') {
        const types = this.typesOf(field.relation.objectId);
        out[field.name] = { type: types.connection, args: this.listArgs(types) };
      } else {
        for (const { name, column, objectId } of relationColumns(this.model, field)) {
          out[column] = { type: this.t.UUID };
          out[name] = { type: this.typesOf(objectId).output };
        }
      }
    }
    return out;
  }

  inputFields(object, values, kind) {
    const out = {};
    const byField = new Map(values);
    for (const field of object.fields) {
      if (!field.isActive) continue;
      if (byField.has(field)) { out[field.name] = { type: byField.get(field)[kind] }; continue; }
      for (const { name, column, objectId } of relationColumns(this.model, field)) {
        out[column] = { type: this.t.ID };
        out[name] = { type: this.typesOf(objectId).relation };
      }
    }
    return out;
  }

  filterFields(object, values, types) {
    const self = new GraphQLList(types.filter);
    const out = { and: { type: self }, or: { type: self }, not: { type: types.filter } };
    for (const [field, each] of values) out[field.name] = { type: each.filter };
    for (const field of object.fields) {
      for (const { name, column, objectId } of relationColumns(this.model, field)) {
        out[column] = { type: this.f.UUID };
        out[name] = { type: this.typesOf(objectId).filter };
      }
    }
    return out;
  }

  orderFields(object, values) {
    const out = {};
    for (const [field, each] of values) out[field.name] = { type: each.order };
    for (const field of object.fields) {
      for (const { column } of relationColumns(this.model, field)) out[column] = { type: this.t.OrderBy };
    }
    return out;
  }

  listArgs(types) {
    return {
      first: { type: GraphQLInt }, last: { type: GraphQLInt }, before: { type: GraphQLString }, after: { type: GraphQLString },
      limit: { type: GraphQLInt }, offset: { type: GraphQLInt }, filter: { type: types.filter }, orderBy: { type: new GraphQLList(types.order) },
    };
  }

  /** Root fields: name → {object, kind, type, args}. */
  roots() {
    const query = {};
    const mutation = {};
    const must = (type) => new GraphQLNonNull(type);
    for (const object of this.model.objects.values()) {
      if (!object.isActive) continue;
      const types = this.typesOf(object.id);
      const [one, many] = [capitalise(object.nameSingular), capitalise(object.namePlural)];
      const id = { id: { type: must(this.t.UUID) } };
      const filter = { filter: { type: must(types.filter) } };
      const upsert = { type: GraphQLBoolean };
      const data = (type) => ({ data: { type: must(type) } });
      const add = (map, name, kind, type, args) => { map[name] = { object, kind, type, args }; };
      const list = new GraphQLList(must(types.output));
      add(query, object.nameSingular, 'findOne', types.output, { filter: { type: types.filter } });
      add(query, object.namePlural, 'findMany', types.connection, this.listArgs(types));
      add(mutation, `create${one}`, 'createOne', types.output, { ...data(types.create), upsert });
      add(mutation, `create${many}`, 'createMany', list, { ...data(new GraphQLList(must(types.create))), upsert });
      add(mutation, `update${one}`, 'updateOne', types.output, { ...id, ...data(types.update) });
      add(mutation, `update${many}`, 'updateMany', list, { ...filter, ...data(types.update) });
      for (const verb of ['delete', 'destroy', 'restore']) {
        add(mutation, verb + one, `${verb}One`, types.output, id);
        add(mutation, verb + many, `${verb}Many`, list, filter);
      }
    }
    return { query, mutation };
  }
}

/** @returns {schema, roots}: the GraphQLSchema and what each root field does. */
function buildSchema(model) {
  const builder = new Builder(model);
  const roots = builder.roots();
  const asFields = (map) => Object.fromEntries(Object.entries(map).map(([name, { type, args }]) => [name, { type, args }]));
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: asFields(roots.query) }),
    mutation: new GraphQLObjectType({ name: 'Mutation', fields: { ...asFields(roots.mutation), ...uploads(model, builder.t) } }),
    types: [...builder.byObject.values()].flatMap((types) => [types.create, types.update]),
    assumeValid: true,
  });
  return { schema, roots: { ...roots.query, ...roots.mutation } };
}

/** 1.17 takes files on /graphql (file.upload/graphql). */
function uploads(model, t) {
  if (model.version !== '1.17') return {};
  const folder = new GraphQLEnumType({
    name: 'FileFolder',
    values: { ProfilePicture: {}, WorkspaceLogo: {}, Attachment: {}, PersonPicture: {}, ServerlessFunction: {}, File: {} },
  });
  const signed = new GraphQLObjectType({ name: 'SignedFile', fields: { path: { type: t.String }, token: { type: t.String } } });
  const args = { file: { type: new GraphQLNonNull(scalar('Upload')) }, fileFolder: { type: folder } };
  return { uploadFile: { type: signed, args }, uploadImage: { type: signed, args } };
}

module.exports = { buildSchema, scalar };
