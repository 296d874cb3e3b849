'use strict';

/**
 * /graphql: parses, validates, takes the tokens and runs the root fields. 1.17 coerces variables by the schema and
 * answers HTTP 400 (people.create.text-number); 2.19 hands the arguments to the records as they came. One token per
 * root field, taken before it runs; a root field that fails leaves the others alone (two-mutations-second-fails).
 */

const { parse, validate, execute, getOperationAST, coerceInputValue, typeFromAST, valueFromASTUntyped, GraphQLError } = require('./graphql');
const { getVariableValues, getArgumentValues } = loadValues();
const errors = require('./errors');
const { page, select } = require('./find');
const { Planner, argumentsOf } = require('./plan');
const { buildSchema } = require('./schema');
const { MAX_RECORDS } = require('./records');

const ROOT_MAX = 20; // TWENTY 3
const CACHE_MAX = 500;

/** graphql-js exports these two from a deeper module only. */
function loadValues() {
  for (const place of ['graphql', '/usr/share/nodejs/graphql']) {
    try { return require(`${place}/execution/values`); } catch (error) { if (error.code !== 'MODULE_NOT_FOUND') throw error; }
  }
  throw new Error('graphql/execution/values is missing');
}

class Executor {
  /** @param workspace {model, records, limiter, log, decorate, uploads} */
  constructor(workspace) {
    this.workspace = workspace;
    this.refresh();
  }

  /** After every change of the model; the schema itself is built when it is first needed. */
  refresh() {
    this.built = null;
    this.cache = new Map();
  }

  get schema() {
    if (!this.built) this.built = buildSchema(this.workspace.model);
    return this.built.schema;
  }

  get roots() { return this.schema && this.built.roots; }

  /** Parsed and validated, cached by text: {document, fragments, refusal}. */
  prepare(text) {
    let held = this.cache.get(text);
    if (!held) {
      held = this.compile(text);
      if (this.cache.size >= CACHE_MAX) this.cache.clear();
      this.cache.set(text, held);
    }
    return held;
  }

  compile(text) {
    let document;
    try {
      document = parse(text, { noLocation: false });
    } catch (error) {
      return { refusal: { errors: [errors.toBody(error)] } };
    }
    const fragments = new Map(document.definitions.filter((each) => each.kind === 'FragmentDefinition').map((each) => [each.name.value, each]));
    const planner = new Planner({ records: this.workspace.records, decorate: this.workspace.decorate, mayRead: (object) => this.mayRead(object) }, fragments);
    const prepared = { document, planner, operations: new Map() };
    prepared.refusal = this.refuseRoots(prepared) || this.refuseInvalid(document);
    return prepared;
  }

  refuseRoots({ document, planner }) {
    for (const definition of document.definitions) {
      if (definition.kind !== 'OperationDefinition') continue;
      const names = planner.flatten(definition.selectionSet).map((each) => each.node.name.value).filter((name) => !name.startsWith('__'));
      const twice = names.find((name, i) => names.indexOf(name) !== i);
      const old = this.workspace.model.version === '1.17';
      const refuse = (error) => (old ? { errors: [errors.toBody(error)] } : { data: {}, errors: [errors.toBody(error)] });
      if (twice) return refuse(errors.duplicateRoot(twice, old));
      if (names.length > ROOT_MAX) {
        const message = `Query too complex - Too many root resolvers requested: ${names.length} - Maximum allowed root resolvers: ${ROOT_MAX}`;
        return refuse(new errors.ApiError(message, { code: 'BAD_USER_INPUT' }));
      }
    }
    return null;
  }

  refuseInvalid(document) {
    const found = validate(this.schema, document);
    return found.length ? { errors: found.map(errors.toBody) } : null;
  }

  /**
   * Takes the tokens of a request before its work begins: what Twenty does first of all, so that a call that then waits long for
   * its turn has been counted when it came (throttleQueryExecution in the published source; seen on live servers of both lines).
   * There, calls that arrive within some milliseconds of each other read the same count and cost one token together; here each costs one.
   * Returns the limit error, or nothing, for each record field by its key; `run` takes it as `admission`.
   */
  admit({ query, variables, operationName }) {
    const admission = new Map();
    const prepared = typeof query === 'string' ? this.prepare(query) : {};
    const operation = prepared.document && !prepared.refusal && getOperationAST(prepared.document, operationName);
    if (!operation || this.coerce(operation, variables || {}).refusal) return admission;
    const values = withDefaults(operation, variables || {});
    for (const field of this.planRoots(prepared, operation).fields) {
      if (!field.root || (field.when && !field.when(values))) continue;
      try { this.takeToken(field.node.name.value); admission.set(field.key, null); } catch (error) { admission.set(field.key, error); }
    }
    return admission;
  }

  /** Answers one request: {status, body}. `actor` is who asks; without an `admission` the tokens are taken here. */
  run({ query, variables, operationName }, actor, admission) {
    if (typeof query !== 'string') return { status: 400, body: { errors: [{ message: 'Must provide query string.' }] } };
    const prepared = this.prepare(query);
    if (prepared.refusal) return { status: 200, body: prepared.refusal };
    const operation = getOperationAST(prepared.document, operationName);
    if (!operation) return { status: 400, body: { errors: [{ message: 'Unknown operation.' }] } };
    const given = variables || {};
    const coerced = this.coerce(operation, given);
    if (coerced.refusal) return coerced.refusal;
    const roots = this.planRoots(prepared, operation);
    if (roots.introspection) return { status: 200, body: this.introspect(prepared.document, given, operationName) };
    return { status: 200, body: this.runRoots(roots, coerced.values, actor, admission) };
  }

  /** 1.17 only: the schema's own coercion; its messages lose the `Variable "$data" got …` in front. */
  coerce(operation, given) {
    if (this.workspace.model.version !== '1.17') return { values: withDefaults(operation, given) };
    const { coerced, errors: wrong } = getVariableValues(this.schema, operation.variableDefinitions || [], given, { maxErrors: 50 });
    if (!wrong) return { values: coerced };
    const list = this.bareMessages(operation, given, wrong).map((message) => ({
      message,
      extensions: { http: { status: 400 }, code: 'BAD_USER_INPUT', userFriendlyMessage: errors.STANDARD },
    }));
    return { refusal: { status: 400, body: { errors: list } } };
  }

  /** What is wrong with the values, without graphql-js's `Variable "$data" got invalid value … at "data[0]"; `. */
  bareMessages(operation, given, wrong) {
    const out = [];
    for (const { variable, type } of operation.variableDefinitions || []) {
      const value = given[variable.name.value];
      if (value !== undefined) coerceInputValue(value, typeFromAST(this.schema, type), (path, invalid, error) => out.push(error.message));
    }
    return out.length ? out : wrong.map((each) => each.message);
  }

  introspect(document, variables, operationName) {
    const result = execute({ schema: this.schema, document, variableValues: variables, operationName });
    return result.errors ? { errors: result.errors.map(errors.toBody), data: result.data } : { data: result.data };
  }

  planRoots(prepared, operation) {
    let planned = prepared.operations.get(operation);
    if (planned) return planned;
    const fields = prepared.planner.merged(operation.selectionSet);
    planned = { introspection: fields.some(({ node }) => /^__(schema|type)$/.test(node.name.value)), fields };
    for (const field of planned.introspection ? [] : fields) {
      const root = this.roots[field.node.name.value];
      if (!root) continue;
      const table = this.workspace.records.tables.get(root.object.id);
      field.root = root;
      field.table = table;
      prepared.planner.uses = field.uses = [];
      field.read = root.kind === 'findMany' ? prepared.planner.connection(table, field.selection) : prepared.planner.record(table, field.selection);
    }
    prepared.operations.set(operation, planned);
    return planned;
  }

  runRoots({ fields }, variables, actor, admission) {
    const data = {};
    const failed = [];
    for (const field of fields) {
      if (field.when && !field.when(variables)) continue;
      const name = field.node.name.value;
      if (name === '__typename') { data[field.key] = 'Query'; continue; }
      try {
        data[field.key] = this.runRoot(field, name, variables, actor, admission);
      } catch (error) {
        if (!(error instanceof errors.ApiError) && !(error instanceof GraphQLError)) process.stderr.write(`${error.stack}\n`);
        data[field.key] = null;
        failed.push(errors.toBody(error));
      }
    }
    return failed.length ? { errors: failed, data } : { data };
  }

  runRoot(field, name, variables, actor, admission) {
    if (!field.root) return this.workspace.uploads[name](this.argumentsFor(name, field.node, variables), actor);
    const refused = admission && admission.get(field.key);
    if (refused) throw refused;
    if (!admission || !admission.has(field.key)) this.takeToken(name);
    const args = this.argumentsFor(name, field.node, variables);
    const entry = this.workspace.log.accept(name, field.root.kind, args, actor);
    this.role = this.workspace.roleOf(actor);
    try {
      if (this.role) this.role.check(field, args);
      return this.perform(field, args, variables, actor);
    } catch (error) {
      entry.error = error.extensions ? error.extensions.subCode || error.extensions.code : 'INTERNAL_SERVER_ERROR';
      throw error;
    }
  }

  /** What hangs on a record is asked for when there is a record (role.nothing.taskTargets.task). */
  mayRead(object) { if (this.role) this.role.checkRead(object); }

  takeToken(name) {
    try {
      this.workspace.limiter.take();
    } catch (error) {
      this.workspace.log.refuse(name);
      throw error;
    }
  }

  argumentsFor(name, node, variables) {
    if (this.workspace.model.version !== '1.17') return argumentsOf(node, variables);
    const type = this.schema.getQueryType().getFields()[name] || this.schema.getMutationType().getFields()[name];
    return getArgumentValues(type, node, variables);
  }

  perform({ root, table, read }, args, variables, actor) {
    const { records } = this.workspace;
    const all = (rows) => rows.map((row) => read(row, variables));
    const verb = root.kind.replace(/(One|Many)$/, '');
    if (verb === 'find') return this.find(root.kind, table, read, args, variables);
    if (verb === 'create') {
      const inputs = root.kind === 'createOne' ? [args.data] : [].concat(args.data);
      const rows = args.upsert ? records.upsert(table, inputs, actor) : records.create(table, inputs, actor);
      return root.kind === 'createOne' ? read(rows[0], variables) : all(rows);
    }
    if (verb === 'update' && (!args.data || typeof args.data !== 'object')) throw errors.invalidArgs('Invalid argument "data": expected a record');
    if (root.kind === 'updateOne') return read(records.updateOne(table, args.id, args.data, actor), variables);
    const rows = root.kind.endsWith('One') ? this.rowOf(table, args.id) : select(table, this.filterOf(args), records.tables, true);
    if (verb === 'update') return all(records.updateMany(table, this.capped(rows), args.data, actor));
    const act = { delete: 'softDelete', destroy: 'destroy', restore: 'restore' }[verb];
    // The answer of a destruction is read before the rows are gone.
    const before = verb === 'destroy' ? all(rows) : null;
    const done = records[act](table, rows);
    const answer = before || all(done);
    return root.kind.endsWith('One') ? answer[0] : answer;
  }

  find(kind, table, read, args, variables) {
    const { tables } = this.workspace.records;
    if (kind === 'findMany') return read(page(table, { ...args, pageMax: this.workspace.options.pageMax }, tables), variables);
    const [row] = page(table, { filter: args.filter, first: 1 }, tables).rows;
    if (!row) throw errors.notFound();
    return read(row, variables);
  }

  rowOf(table, id) {
    if (!/^[0-9a-f-]{36}$/i.test(String(id))) throw errors.badUuid(id);
    const row = table.rows.get(String(id).toLowerCase());
    if (!row) throw errors.notFound();
    return [row];
  }

  /** An empty filter is a filter: it means everything (people.destroy.empty-filter). */
  filterOf(args) {
    if (!args.filter) throw errors.userInput('INVALID_QUERY_INPUT', 'Filter is required', errors.STANDARD);
    return args.filter;
  }

  capped(rows) {
    if (rows.length <= MAX_RECORDS) return rows;
    throw errors.userInput('TOO_MANY_RECORDS_TO_UPDATE', `Maximum number of records to update is ${MAX_RECORDS}.`,
      `You can only update up to ${MAX_RECORDS} records at once.`);
  }
}

function withDefaults(operation, given) {
  const out = { ...given };
  for (const { variable, defaultValue } of operation.variableDefinitions || []) {
    if (out[variable.name.value] === undefined && defaultValue) out[variable.name.value] = valueFromASTUntyped(defaultValue);
  }
  return out;
}

module.exports = { Executor };
