import { z } from 'zod';
import type { Finding } from '../../../ports/finding.ts';
import type { OrgTable } from '../../../ports/place.ts';
import { integer, nullableText, text } from '../rows.ts';
import type { Session } from '../session.ts';
import { shapeOf } from '../shapes.ts';
import type { FindingsInput } from './input.ts';

const engineRow = z.object({ engine: nullableText, partitions: integer });
const cascadeRow = z.object({ name: text, onUpdate: text, onDelete: text });
const granteeRow = z.object({ grantee: text });

/** The org-owned tables, one after the other. */
export async function tableFindings({ context, session, tables }: FindingsInput): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  for (const table of tables) found.push(...(await findingsOf(context.key.name, session, table)));
  return found;
}

async function findingsOf(place: string, session: Session, table: OrgTable): Promise<readonly Finding[]> {
  const name = `${table.schema}.${table.table}`;
  const evidence = { place, schema: table.schema, table: table.table };
  const shape = await shapeOf(session, table);
  if (!shape.exists) {
    return [
      {
        code: 'TABLE_MISSING',
        severity: 'refuse',
        message: `${place} has no table ${name}`,
        remedy: 'Create the table there, or take it out of the catalogue of org-owned tables.',
        evidence,
      },
    ];
  }
  const found: Finding[] = [];
  if (!shape.columns.some((column) => column.name.toLowerCase() === table.orgColumn.toLowerCase())) {
    found.push({
      code: 'ORG_COLUMN_MISSING',
      severity: 'refuse',
      message: `${name} at ${place} has no column ${table.orgColumn} that would say whose a row is`,
      remedy: 'Add the column, or name the right one in the catalogue.',
      evidence: { ...evidence, orgColumn: table.orgColumn, columns: shape.columns.map((column) => column.name) },
    });
  }
  if (shape.primaryKey.length === 0) {
    found.push({
      code: 'PRIMARY_KEY_MISSING',
      severity: 'refuse',
      message: `${name} at ${place} has no primary key: its rows can be neither replicated nor compared safely`,
      remedy: 'Add a primary key at every site and cluster.',
      evidence,
    });
  }
  found.push(...(await fenceBypasses(place, session, table)));
  return found;
}

/** What changes rows without firing a trigger. */
async function fenceBypasses(place: string, session: Session, table: OrgTable): Promise<readonly Finding[]> {
  const name = `${table.schema}.${table.table}`;
  const evidence = { place, schema: table.schema, table: table.table };
  const at = [table.schema, table.table];
  const found: Finding[] = [];

  const engine = await session.row(
    engineRow,
    `SELECT t.ENGINE AS engine, (SELECT COUNT(*) FROM information_schema.PARTITIONS p
       WHERE p.TABLE_SCHEMA = t.TABLE_SCHEMA AND p.TABLE_NAME = t.TABLE_NAME AND p.PARTITION_NAME IS NOT NULL) AS partitions
     FROM information_schema.TABLES t WHERE t.TABLE_SCHEMA = ? AND t.TABLE_NAME = ?`,
    at,
  );
  if (engine !== null && engine.engine !== 'InnoDB') {
    found.push({
      code: 'TABLE_NOT_INNODB',
      severity: 'refuse',
      message: `${name} at ${place} is not an InnoDB table: it has no transactions that the fence could wait for`,
      remedy: 'Convert the table to InnoDB, or take a view or foreign table out of the catalogue.',
      evidence: { ...evidence, engine: engine.engine },
    });
  }
  if (engine !== null && engine.partitions > 0) {
    found.push({
      code: 'TABLE_PARTITIONED',
      severity: 'refuse',
      message: `${name} at ${place} is partitioned: DROP and TRUNCATE PARTITION remove rows past the fence`,
      remedy: 'Stop the jobs that drop partitions and remove the partitioning while orgs move.',
      evidence: { ...evidence, partitions: engine.partitions },
    });
  }

  const cascades = await session.rows(
    cascadeRow,
    `SELECT CONSTRAINT_NAME AS name, UPDATE_RULE AS onUpdate, DELETE_RULE AS onDelete
     FROM information_schema.REFERENTIAL_CONSTRAINTS
     WHERE CONSTRAINT_SCHEMA = ? AND TABLE_NAME = ?
       AND (UPDATE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT') OR DELETE_RULE IN ('CASCADE', 'SET NULL', 'SET DEFAULT'))`,
    at,
  );
  for (const cascade of cascades) {
    found.push({
      code: 'FOREIGN_KEY_CASCADES',
      severity: 'refuse',
      message: `foreign key ${cascade.name} changes rows of ${name} at ${place} past the fence and the binlog`,
      remedy: 'Replace the cascade by statements of the application, or by ON DELETE RESTRICT.',
      evidence: { ...evidence, ...cascade },
    });
  }

  // Accounts with global rights are administrators, and the controller is asking; what is left is meant for applications.
  const grantees = await session.rows(
    granteeRow,
    `SELECT DISTINCT GRANTEE AS grantee FROM information_schema.SCHEMA_PRIVILEGES
       WHERE PRIVILEGE_TYPE = 'DROP' AND ? LIKE TABLE_SCHEMA
         AND GRANTEE NOT LIKE CONCAT('''', SUBSTRING_INDEX(USER(), '@', 1), '''@%')
     UNION SELECT DISTINCT GRANTEE FROM information_schema.TABLE_PRIVILEGES
       WHERE PRIVILEGE_TYPE = 'DROP' AND TABLE_SCHEMA = ? AND TABLE_NAME = ?
         AND GRANTEE NOT LIKE CONCAT('''', SUBSTRING_INDEX(USER(), '@', 1), '''@%')`,
    [table.schema, ...at],
  );
  if (grantees.length > 0) {
    found.push({
      code: 'TRUNCATE_GRANTED',
      severity: 'warn',
      message: `${grantees.length} account(s) may TRUNCATE ${name} at ${place}, which no fence refuses`,
      remedy: 'Revoke DROP from accounts of applications while orgs move.',
      evidence: { ...evidence, accounts: grantees.map((row) => row.grantee) },
    });
  }
  return found;
}
