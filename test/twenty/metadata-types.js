'use strict';

/** The type definitions; `isCustom` exists on 1.17 only, files differ (type.FileUploadTarget … type.FileFolder). */
function typeDefinitions(version) {
  const custom = version === '1.17' ? 'isCustom: Boolean' : '';
  return `
scalar UUID
scalar DateTime
scalar JSON
scalar ConnectionCursor
scalar Upload
enum RelationType { ONE_TO_MANY MANY_TO_ONE }
enum FieldMetadataType {
  ACTOR ADDRESS ARRAY BOOLEAN CURRENCY DATE DATE_TIME EMAILS FILES FULL_NAME LINKS MORPH_RELATION MULTI_SELECT NUMBER NUMERIC
  PHONES POSITION RATING RAW_JSON RELATION RICH_TEXT ${version === '1.17' ? 'RICH_TEXT_V2' : ''} SELECT TEXT TS_VECTOR UUID
}
type PageInfo {
  hasNextPage: Boolean hasPreviousPage: Boolean startCursor: ConnectionCursor endCursor: ConnectionCursor
}
type Relation {
  type: RelationType! sourceObjectMetadata: Object! targetObjectMetadata: Object! sourceFieldMetadata: Field!
  targetFieldMetadata: Field!
}
type Field {
  id: UUID! type: FieldMetadataType! name: String! label: String! description: String icon: String ${custom} isActive: Boolean
  isSystem: Boolean isUIReadOnly: Boolean isNullable: Boolean isUnique: Boolean defaultValue: JSON options: JSON
  settings: JSON objectMetadataId: UUID! isLabelSyncedWithName: Boolean createdAt: DateTime! updatedAt: DateTime!
  relation: Relation morphRelations: [Relation!] object: Object
}
type FieldEdge { node: Field! cursor: ConnectionCursor! }
type FieldConnection { pageInfo: PageInfo! edges: [FieldEdge!]! }
type Object {
  id: UUID! nameSingular: String! namePlural: String! labelSingular: String! labelPlural: String! description: String
  icon: String ${custom} isRemote: Boolean! isActive: Boolean! isSystem: Boolean! isUIReadOnly: Boolean isSearchable: Boolean
  isLabelSyncedWithName: Boolean createdAt: DateTime! updatedAt: DateTime! labelIdentifierFieldMetadataId: UUID
  imageIdentifierFieldMetadataId: UUID fieldsList: [Field!]! fields(paging: CursorPaging): FieldConnection!
}
type ObjectEdge { node: Object! cursor: ConnectionCursor! }
type ObjectConnection { pageInfo: PageInfo! edges: [ObjectEdge!]! }
type Webhook { id: UUID! targetUrl: String! operations: [String!]! description: String secret: String }
type ApiKey { id: UUID! name: String! expiresAt: DateTime! revokedAt: DateTime role: Role! }
type Role {
  id: UUID! label: String! canUpdateAllSettings: Boolean! canReadAllObjectRecords: Boolean! canUpdateAllObjectRecords: Boolean!
  canSoftDeleteAllObjectRecords: Boolean! canDestroyAllObjectRecords: Boolean! permissionFlags: [RolePermissionFlag!]
  objectPermissions: [ObjectPermission!] fieldPermissions: [FieldPermission!] apiKeys: [ApiKeyForRole!]
}
type ObjectPermission { objectMetadataId: UUID! canReadObjectRecords: Boolean canUpdateObjectRecords: Boolean canSoftDeleteObjectRecords: Boolean canDestroyObjectRecords: Boolean }
type FieldPermission { id: UUID! objectMetadataId: UUID! fieldMetadataId: UUID! roleId: UUID! canReadFieldValue: Boolean canUpdateFieldValue: Boolean }
type ApiKeyForRole { id: UUID! name: String! expiresAt: DateTime! revokedAt: DateTime }
type RolePermissionFlag { id: UUID! roleId: UUID! flag: String! }
input CursorPaging { before: ConnectionCursor after: ConnectionCursor first: Int last: Int }
input CreateObjectInput {
  nameSingular: String! namePlural: String! labelSingular: String! labelPlural: String! description: String icon: String
  shortcut: String isRemote: Boolean isLabelSyncedWithName: Boolean skipNameField: Boolean
}
input CreateOneObjectInput { object: CreateObjectInput! }
input UpdateObjectPayload {
  labelSingular: String labelPlural: String nameSingular: String namePlural: String description: String icon: String
  isActive: Boolean labelIdentifierFieldMetadataId: UUID imageIdentifierFieldMetadataId: UUID isLabelSyncedWithName: Boolean
}
input UpdateOneObjectInput { id: UUID! update: UpdateObjectPayload! }
input DeleteOneObjectInput { id: UUID! }
input CreateFieldInput {
  type: FieldMetadataType! name: String! label: String! description: String icon: String ${custom} isActive: Boolean
  isSystem: Boolean isNullable: Boolean isUnique: Boolean defaultValue: JSON options: JSON settings: JSON
  objectMetadataId: UUID! isLabelSyncedWithName: Boolean isRemoteCreation: Boolean relationCreationPayload: JSON
  morphRelationsCreationPayload: [JSON!]
}
input CreateOneFieldMetadataInput { field: CreateFieldInput! }
input UpdateFieldInput {
  name: String label: String description: String icon: String isActive: Boolean isNullable: Boolean isUnique: Boolean
  defaultValue: JSON options: JSON settings: JSON isLabelSyncedWithName: Boolean
}
input UpdateOneFieldMetadataInput { id: UUID! update: UpdateFieldInput! }
input DeleteOneFieldInput { id: UUID! }
input CreateWebhookInput { targetUrl: String! operations: [String!]! description: String secret: String }
type Query {
  objects(paging: CursorPaging): ObjectConnection! object(id: UUID!): Object! fields(paging: CursorPaging): FieldConnection!
  field(id: UUID!): Field! webhooks: [Webhook!]! apiKeys: [ApiKey!]! getRoles: [Role!]!
  ${version === '1.17' ? 'getCoreViews(objectMetadataId: String): [CoreView!]!' : ''}
}
${version === '1.17' ? 'type CoreView { id: UUID! objectMetadataId: UUID! name: String! }' : ''}
type Mutation {
  createOneObject(input: CreateOneObjectInput!): Object! updateOneObject(input: UpdateOneObjectInput!): Object!
  deleteOneObject(input: DeleteOneObjectInput!): Object! createOneField(input: CreateOneFieldMetadataInput!): Field!
  updateOneField(input: UpdateOneFieldMetadataInput!): Field! deleteOneField(input: DeleteOneFieldInput!): Field!
  createWebhook(input: CreateWebhookInput!): Webhook! deleteWebhook(id: UUID!): Boolean!
}
${version === '1.17' ? '' : `
enum FileFolder {
  CorePicture AgentChat BuiltLogicFunction BuiltFrontComponent PublicAsset Source FilesField Dependencies Workflow
  EmailAttachment AppTarball GeneratedSdkClient Dpa
}
type FileUploadTarget { fileId: UUID! uploadUrl: String! contentType: String! expiresAt: DateTime! }
type FileWithSignedUrl { id: UUID! path: String! size: Float! createdAt: DateTime! url: String! }
extend type Mutation {
  uploadFilesFieldFile(file: Upload!, fieldMetadataId: String!): FileWithSignedUrl!
  createFileUpload(filename: String!, size: Float!, fileFolder: FileFolder!, fieldMetadataId: String): FileUploadTarget!
  completeFileUpload(fileId: String!): FileWithSignedUrl!
}
`}`;
}

module.exports = { typeDefinitions };
