'use strict';

/**
 * Errors as Twenty's API words them. Source of every text: the recordings (label in the comment),
 * TWENTY.md sections 1-4, or, where neither shows one, the published source of 1.17 / 2.19.
 */

const { GraphQLError } = require('./graphql');

const STANDARD = 'An error occurred.';

/** An error that becomes `errors[0]` of a GraphQL answer: message and extensions, no locations, no path. */
class ApiError extends Error {
  constructor(message, extensions) {
    super(message);
    this.extensions = extensions;
  }
}

/** `INVALID_ARGS_DATA`: a value that the data processor refuses (people.create.text-number, 2.19). */
function invalidArgs(message, friendly = STANDARD) {
  return new ApiError(message, { subCode: 'INVALID_ARGS_DATA', userFriendlyMessage: friendly, code: 'BAD_USER_INPUT' });
}

/** `BAD_USER_INPUT` with its own sub code and the message repeated for people (people.create.bad-phone). */
function userInput(subCode, message, friendly = message) {
  return new ApiError(message, { subCode, userFriendlyMessage: friendly, code: 'BAD_USER_INPUT' });
}

/** A unique index is hit: people.create.same-id, people.create.dup-email, people.create.email-of-soft-deleted. */
function duplicate(holder) {
  if (!holder) {
    return new ApiError('A duplicate entry was detected', {
      userFriendlyMessage: 'This record already exists. Please check your data and try again.',
      code: 'BAD_USER_INPUT',
    });
  }
  return new ApiError('A duplicate entry was detected', {
    userFriendlyMessage: `This ${holder.label} value is already in use. Please check your data and try again.`,
    conflictingRecordId: holder.id,
    conflictingObjectNameSingular: holder.object,
    code: 'BAD_USER_INPUT',
  });
}

/** A relation points nowhere: people.create.bad-fk (the code differs between the models). */
function foreignKey(model, table, constraint) {
  const message = `insert or update on table "${table}" violates foreign key constraint "${constraint}"`;
  if (model === '1.17') return internal(message);
  return new ApiError(message, {
    userFriendlyMessage:
      'This operation references a record that does not exist or cannot be modified due to existing relationships.',
    code: 'BAD_USER_INPUT',
  });
}

/** Anything the server did not foresee: people.create.nul-char (1.17), object.delete.inactive. */
function internal(message) {
  return new ApiError(message, { code: 'INTERNAL_SERVER_ERROR', userFriendlyMessage: STANDARD });
}

/** A PostgreSQL error that 2.19 hides: people.create.nul-char (2.19); 1.17 shows the database's own text. */
function database(model, message) {
  if (model === '1.17') return internal(message);
  return new ApiError('Data validation error.', { code: 'INTERNAL_SERVER_ERROR' });
}

/** person.destroy.missing */
function notFound() {
  return new ApiError('Record not found', {
    subCode: 'RECORD_NOT_FOUND',
    userFriendlyMessage: 'This record does not exist or has been deleted.',
    code: 'NOT_FOUND',
  });
}

/** people.create.bad-uuid */
function badUuid(value) {
  return userInput('INVALID_QUERY_INPUT', `Value "${value}" is not a valid UUID`, 'Invalid UUID format.');
}

/** rate.graphql.limited */
function limited(max, windowMs) {
  return new ApiError(`Limit reached (${max} tokens per ${windowMs} ms)`, {
    subCode: 'LIMIT_REACHED',
    userFriendlyMessage: 'Rate limit reached. Please try again later.',
    code: 'BAD_USER_INPUT',
  });
}

/** auth.bad-token/graphql, auth.bad-signature */
function unauthenticated(message) {
  return new ApiError(message, {
    userFriendlyMessage: { id: 'z+7x/s', message: 'You must be authenticated to perform this action.' },
    subCode: 'UNAUTHENTICATED',
    code: 'UNAUTHENTICATED',
  });
}

/** role.nothing.people, and with the field role.some.createPeople.emails (2.19) */
function permission(detail = '') {
  return new ApiError(`Entity performing the request does not have permission${detail}`, {
    userFriendlyMessage: 'User does not have permission.',
    subCode: 'PERMISSION_DENIED',
    code: 'FORBIDDEN',
  });
}

/** role.nothing.webhooks: the guard of a setting words it in its own way */
function settingsPermission() {
  return new ApiError('Entity performing the request does not have permission', {
    code: 'INTERNAL_SERVER_ERROR',
    userFriendlyMessage: 'You do not have permission to access this feature. Please contact your workspace administrator for access.',
  });
}

/** two-aliases-same-mutation, metadata.many-in-one */
function duplicateRoot(name, withHint) {
  const extensions = { code: 'BAD_USER_INPUT' };
  if (withHint) {
    extensions.userFriendlyMessage = {
      id: 'UrzTjS',
      message: 'Duplicate root resolver found. Each root resolver can only be called once per document.',
    };
  }
  return new ApiError(`Duplicate root resolver: "${name}"`, extensions);
}

/** What goes into `errors`: ours without locations (people.create.dup-email), graphql-js's own with (syntax-error). */
function toBody(error) {
  if (error instanceof ApiError) return { message: error.message, extensions: error.extensions };
  if (error instanceof GraphQLError) {
    if (error.originalError instanceof ApiError) return toBody(error.originalError);
    if (error.originalError && !(error.originalError instanceof GraphQLError)) return toBody(error.originalError);
    const body = { message: error.message };
    if (error.locations) body.locations = error.locations;
    return body;
  }
  return { message: String(error.message), extensions: { code: 'INTERNAL_SERVER_ERROR', userFriendlyMessage: STANDARD } };
}

module.exports = {
  ApiError, STANDARD, invalidArgs, userInput, duplicate, foreignKey, internal, database, notFound, badUuid, limited,
  unauthenticated, permission, settingsPermission, duplicateRoot, toBody,
};
