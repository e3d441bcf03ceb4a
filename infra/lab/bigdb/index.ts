// The BigDB of the lab, as everything outside this folder imports it.
export { type Account, createAccounts, type LabAccounts, makeAccounts } from './accounts.ts';
export { createCoreDb } from './coredb.ts';
export { EVERY_TYPE_CASES, type EveryTypeCase, insertEveryTypeSql } from './everyType.ts';
export { HOME_REGIONS, type LabOrg, labOrgIds } from './orgs.ts';
export {
  countOrgRows,
  createBigDbSchema,
  createOrgSchemas,
  orgSchemaName,
  raiseAutoIncrements,
  setUpServer,
} from './schema.ts';
export { type SeedOptions, seedOrgs, sizeFactor } from './seed.ts';
export { BIGDB_SCHEMA, createTableSql, ORG_COLUMN, ORG_TABLES, type OrgOwnedTable, TECH_TABLES } from './tables.ts';
