import { createHash } from 'node:crypto';
import type { RowDataPacket } from 'mysql2/promise';
import { countOrgRows, ORG_TABLES } from '../../infra/lab/bigdb/index.ts';
import { type DatabaseServer, onServer } from '../../infra/lab/databases/index.ts';
import type { Stage } from './stage.ts';

/** What a refused request must leave as it was: rules and servers of every layer, fences, tasks, rows. */
export async function pictureOf(stage: Stage): Promise<Record<string, unknown>> {
  const picture: Record<string, unknown> = {};
  for (const [index, { name }] of stage.lab.proxies.entries()) {
    for (const layer of ['', 'runtime_', 'disk.']) {
      for (const table of ['mysql_query_rules', 'mysql_query_rules_fast_routing', 'mysql_servers']) {
        picture[`${name} ${layer}${table}`] = await stage.admin(index, `SELECT * FROM ${layer}${table}`);
      }
    }
  }
  for (const server of [...stage.sites, stage.cluster]) {
    picture[`${server.name} fence`] = await stage.at<RowDataPacket[]>(
      server,
      'SELECT org_id, place, writer, epoch FROM bigdb_cutover.fence ORDER BY org_id, place',
    );
    for (const { orgId } of stage.lab.orgs) {
      picture[`${server.name} rows of ${orgId}`] = Object.fromEntries(await countOrgRows(server, orgId));
    }
  }
  picture.tasks = (await stage.lab.dms.faults.state()).tasks.map(({ identifier, status }) => ({ identifier, status }));
  return picture;
}

/** Every row of the org in every table, comparable between MariaDB and MySQL. */
export async function rowsOf(server: DatabaseServer, orgId: number): Promise<Record<string, string[]>> {
  const tables: Record<string, string[]> = {};
  await onServer(server, async (connection) => {
    await connection.query("SET time_zone = '+00:00'");
    for (const { name } of ORG_TABLES) {
      const [rows] = await connection.query<RowDataPacket[]>({
        sql: `SELECT * FROM BigDB.${name} WHERE OrgID = ?`,
        values: [orgId],
        // As the server writes it: the two drivers' own conversions do not come into it.
        typeCast: (field) => {
          const bytes = field.buffer();
          return bytes === null ? null : comparable(bytes);
        },
      });
      tables[name] = rows.map((row) => JSON.stringify(row)).sort();
    }
  });
  return tables;
}

/** A JSON document in one spelling; everything else as its bytes. */
function comparable(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  if (/^\s*[[{]/.test(text)) {
    try {
      return `json ${canonical(JSON.parse(text))}`;
    } catch {
      // Text that begins like a document and is none.
    }
  }
  return bytes.length > 200 ? `${bytes.length} bytes ${digest(bytes)}` : bytes.toString('latin1');
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join()}}`;
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
