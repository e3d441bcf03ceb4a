import type { TableName } from '../../../catalogue/catalogue.ts';
import type { OrgTable } from '../../../ports/place.ts';
import type { RoutingConfig } from '../config.ts';
import type { SampleStatement } from './ruleMatch.ts';

/** The usual forms of statements, on every table of the org's. */
export function orgSamples(routing: RoutingConfig, orgId: number, tables: readonly OrgTable[]): SampleStatement[] {
  const forms = tables.flatMap(({ schema, table, orgColumn }) =>
    [table, `${schema}.${table}`].flatMap((name) => [
      `SELECT * FROM ${name} WHERE ${orgColumn} = ${orgId}`,
      `SELECT * FROM ${name} WHERE ${orgColumn} = ${orgId} FOR UPDATE`,
      `INSERT INTO ${name} (${orgColumn}) VALUES (${orgId})`,
      `UPDATE ${name} SET ${orgColumn} = ${orgId} WHERE ${orgColumn} = ${orgId}`,
      `DELETE FROM ${name} WHERE ${orgColumn} = ${orgId}`,
    ]),
  );
  return ['BEGIN', 'START TRANSACTION', ...forms].map((sql) => sampleOf(routing, orgId, sql));
}

/** A read and a write of a tech table. */
export function techSamples(routing: RoutingConfig, orgId: number, { schema, table }: TableName): SampleStatement[] {
  return [table, `${schema}.${table}`]
    .flatMap((name) => [`SELECT * FROM ${name}`, `UPDATE ${name} SET Value = 1`])
    .map((sql) => sampleOf(routing, orgId, sql));
}

/** The digest has no values and no comments. */
function sampleOf(routing: RoutingConfig, orgId: number, sql: string): SampleStatement {
  const annotation = routing.by === 'comment' ? `${routing.template.replaceAll('{orgId}', String(orgId))} ` : '';
  return { sql: `${annotation}${sql}`, digest: sql.replace(/\b\d+\b/g, '?') };
}
