// The BigDB schema as data: one SQL file for each table, in a dialect that MariaDB 10.6+ and MySQL 8.0+ share.
//
// Two columns of every org-owned table are the lab's own, for the workload that checks itself:
//   WriteId    the number of the last write to the row; 0 for seeded rows
//   WriteSide  the place that took the row's last write. Its default differs from server to server, and a write says
//              DEFAULT, so the statement is the same everywhere and needs no @@variable, which a proxy would notice

import { readFile } from 'node:fs/promises';

/** Schema of the product. */
export const BIGDB_SCHEMA = 'BigDB';

/** Column of the owner in every org-owned table; never changes once a row is there. */
export const ORG_COLUMN = 'OrgID';

/** A table whose rows belong to orgs. */
export interface OrgOwnedTable {
  readonly name: string;
  readonly primaryKey: readonly string[];
  /** The column whose numbers sites and clusters have to share out, or null. */
  readonly autoIncrement: string | null;
}

/** All org-owned tables. */
export const ORG_TABLES: readonly OrgOwnedTable[] = [
  { name: 'CdrTasks', primaryKey: ['TaskID'], autoIncrement: 'TaskID' },
  { name: 'CallLogs', primaryKey: ['CallLogID'], autoIncrement: 'CallLogID' },
  { name: 'RecordingMetadata', primaryKey: ['OrgID', 'RecordingID'], autoIncrement: 'RecordingID' },
  { name: 'ApplicationBlob', primaryKey: ['OrgID', 'BlobKey'], autoIncrement: null },
  { name: 'WholesaleCallCostCache', primaryKey: ['OrgID', 'CarrierID', 'Prefix'], autoIncrement: null },
  { name: 'CompositeUsage', primaryKey: ['Feature', 'OrgID', 'UsageDate'], autoIncrement: null },
  { name: 'EveryType', primaryKey: ['EveryTypeID'], autoIncrement: 'EveryTypeID' },
];

/** Tables without an owner; at the sites only. */
export const TECH_TABLES: readonly string[] = ['Toolbox'];

/** The CREATE TABLE statement of one table for the server with this number (its server id). */
export async function createTableSql(table: string, side: number): Promise<string> {
  const text = await readFile(new URL(`./tables/${table}.sql`, import.meta.url), 'utf8');
  return text.replaceAll('{side}', String(side));
}
