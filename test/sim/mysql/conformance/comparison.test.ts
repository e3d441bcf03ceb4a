import { describe, expect, it } from 'vitest';
import type { ReadView, TableShape } from '../../../../src/ports/place.ts';
import { compareOrg } from '../../../../src/verification/index.ts';
import { Scheduler } from '../../time/scheduler.ts';
import { rawRows } from '../client/rows.ts';
import { SimServer } from '../simServer.ts';

const tables = [{ schema: 'BigDB', table: 'T', orgColumn: 'OrgID' }];
const column = (name: string, type: string, characterSet: string | null = null) => ({
  name,
  type,
  nullable: name !== 'OrgID' && name !== 'ID',
  characterSet,
  collation: null,
  generated: false,
});
const shapes: readonly TableShape[] = [
  {
    table: 'T',
    exists: true,
    primaryKey: ['OrgID', 'ID'],
    columns: [
      column('OrgID', 'int'),
      column('ID', 'bigint'),
      column('Text', 'varchar(40)', 'utf8mb4'),
      column('At', 'datetime(6)'),
      column('Price', 'decimal(20,6)'),
    ],
  },
];

async function side(flavour: 'mariadb' | 'mysql', changes: readonly string[]) {
  const fault = (error: unknown) => {
    throw error;
  };
  const server = new SimServer({ name: flavour, flavour, serverId: 1, domain: 0, scheduler: new Scheduler(), fault });
  const session = server.local();
  await session.execute('CREATE DATABASE BigDB');
  await session.execute(
    `CREATE TABLE BigDB.T (OrgID INT NOT NULL, ID BIGINT NOT NULL, Text VARCHAR(40) NULL, At DATETIME(6) NULL,
       Price DECIMAL(20,6) NULL, PRIMARY KEY (OrgID, ID)) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4`,
  );
  const rows = Array.from({ length: 300 }, (_, id) => [
    42,
    id,
    id % 7 === 0 ? null : `Zeile “${id}” 𝄞`,
    '2024-02-29 23:59:59.000001',
    `${id}.5`,
  ]);
  await session.execute('INSERT INTO BigDB.T VALUES ?', [rows]);
  for (const change of changes) await session.execute(change);
  await session.execute(`SET SESSION time_zone = '+00:00'`);
  const view: ReadView = {
    query: async (sql, values) => {
      const { rows: found, fields } = rawRows(await session.execute(sql, values));
      const bytes = new Set(fields.filter(({ characterSet }) => characterSet === 63).map(({ name }) => name));
      return found.map((row) =>
        Object.fromEntries(
          Object.entries(row).map(([name, value]) => [
            name,
            value === null || bytes.has(name) ? (value as Buffer | null) : String(value),
          ]),
        ),
      );
    },
    close: async () => session.end('done'),
  };
  return { views: [view], shapes };
}

describe('the comparison on simulated servers', () => {
  it.each([
    ['nothing', [], []],
    ['a text', [`UPDATE BigDB.T SET Text = 'other' WHERE ID = 17`], ['different 17']],
    ['a fraction of a second', [`UPDATE BigDB.T SET At = '2024-02-29 23:59:59.000002' WHERE ID = 3`], ['different 3']],
    ['NULL instead of a text', ['UPDATE BigDB.T SET Text = NULL WHERE ID = 18'], ['different 18']],
    ['a row that is missing', ['DELETE FROM BigDB.T WHERE ID = 250'], ['missing 250']],
    ['a row too many', ['INSERT INTO BigDB.T (OrgID, ID) VALUES (42, 900)'], ['extra 900']],
    ['a row of another org', ['INSERT INTO BigDB.T (OrgID, ID) VALUES (4, 900)'], []],
  ] as const)('finds %s', async (_, changes, wanted) => {
    const result = await compareOrg({
      source: await side('mariadb', []),
      target: await side('mysql', changes),
      tables,
      orgId: 42,
    });
    expect(result.sample.map(({ kind, key }) => `${kind} ${key.ID}`)).toEqual(wanted);
    expect(result.mismatches).toBe(wanted.length);
    expect(result.rows).toBe(300);
  });
});
