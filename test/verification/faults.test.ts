import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Mismatch } from '../../src/verification/index.ts';
import { compare, ORG, onBoth, series, startWorld, type World } from './world.ts';

/** Enough for a few chunks; `FAULT_ROWS=1000000` plants the same faults in a million rows, or as many as are wanted. */
const ROWS = z.coerce
  .number()
  .int()
  .min(20_000)
  .max(1_000_000)
  .parse(process.env.FAULT_ROWS ?? 60_000);
/** Of another org, so that ranges of keys hold rows of both. */
const OTHER_ROWS = ROWS / 5;
const OTHER_ORG = 420;
/** A row in the depth of the table, where chunks are large. */
const deep = (part: number) => Math.floor(ROWS * part);
/** Loading a million rows takes minutes on a busy machine (milliseconds). */
const patienceMs = 600_000;

let world: World;
beforeAll(async () => {
  world = await startWorld();
  await onBoth(
    world,
    `CREATE TABLE BigDB.Calls (
      CallID BIGINT UNSIGNED NOT NULL PRIMARY KEY, OrgID INT NOT NULL, Caller VARCHAR(40) COLLATE utf8mb4_unicode_ci,
      Callee VARCHAR(40), StartedAt DATETIME(6), Stamp TIMESTAMP(3) NULL, Seconds INT, Cost DECIMAL(12,6), Score DOUBLE,
      Recording MEDIUMBLOB, Notes TEXT, KEY Org (OrgID)) CHARACTER SET utf8mb4`,
  );
  for (const [org, offset, rows] of [
    [ORG, 0, ROWS],
    [OTHER_ORG, 1, OTHER_ROWS],
  ] as const) {
    await onBoth(
      world,
      `INSERT INTO BigDB.Calls SELECT n * 2 + ${offset}, ${org}, CONCAT('+44 ', n), CONCAT('caf', IF(n % 2, 'e', 'é')),
        '2024-01-02 03:04:05.123456' + INTERVAL n SECOND, '2024-07-01 12:00:00.5' + INTERVAL n SECOND, n % 600, n * 0.000007, 0,
        REPEAT(CHAR(n % 256), 30 + n % 50), IF(n % 3, NULL, CONCAT('note ', n)) FROM ${series(rows)}`,
    );
  }
  // Rows as large as they come.
  await onBoth(
    world,
    `UPDATE BigDB.Calls SET Recording = REPEAT('x', 1000000), Notes = REPEAT('ü', 30000) WHERE CallID IN (200, 202, 204)`,
  );
}, patienceMs);
afterAll(() => world.close());

const id = (n: number) => n * 2;
const change = (n: number, set: string) => `UPDATE BigDB.Calls SET ${set} WHERE CallID = ${id(n)}`;
const found = (kind: Mismatch['kind'], n: number, ...columns: string[]): Mismatch => ({
  kind,
  table: 'Calls',
  key: { CallID: String(id(n)) },
  columns,
});

describe('planted faults', { timeout: patienceMs }, () => {
  test('two equal sides have none, whatever other orgs hold', async () => {
    await world.cluster.sql(`UPDATE BigDB.Calls SET Seconds = -1 WHERE OrgID = ${OTHER_ORG} AND CallID % 10 = 1`);
    await world.cluster.sql(`DELETE FROM BigDB.Calls WHERE OrgID = ${OTHER_ORG} AND CallID % 10 = 3`);
    const result = await compare(world, ['Calls']);
    expect(result).toEqual({
      rows: ROWS,
      tables: [{ table: 'Calls', rows: ROWS, targetRows: ROWS, mismatches: 0, exact: true }],
      mismatches: 0,
      exact: true,
      sample: [],
      sampleRows: [],
    });
  });

  test('two rows changed in the same way do not balance out', async () => {
    // Alike in the length of every value, so that a linear checksum changes by the same bits in both.
    await world.cluster.sql(change(9_011, "Caller = '+45 9011'"));
    await world.cluster.sql(change(9_017, "Caller = '+45 9017'"));
    const result = await compare(world, ['Calls']);
    expect(result.sample).toEqual([found('different', 9_011, 'Caller'), found('different', 9_017, 'Caller')]);
    await world.cluster.sql(change(9_011, "Caller = '+44 9011'"));
    await world.cluster.sql(change(9_017, "Caller = '+44 9017'"));
  });

  test('each is found, and nothing else', async () => {
    const faults: readonly {
      readonly what: string;
      readonly mismatch: Mismatch;
      readonly statements: readonly string[];
      readonly mysqlOnly?: boolean;
    }[] = [
      {
        what: 'one flipped bit in a blob: x is 0x78, y is 0x79',
        mismatch: found('different', 100, 'Recording'),
        statements: [change(100, "Recording = CONCAT(SUBSTR(Recording, 1, 499999), 'y', SUBSTR(Recording, 500001))")],
      },
      {
        what: 'a truncated BLOB',
        mismatch: found('different', 101, 'Recording'),
        statements: [change(101, 'Recording = LEFT(Recording, 65535)')],
      },
      {
        what: 'a truncated TEXT',
        mismatch: found('different', 102, 'Notes'),
        statements: [change(102, 'Notes = LEFT(Notes, 29999)')],
      },
      {
        what: 'a lost microsecond',
        mismatch: found('different', 1_000, 'StartedAt'),
        statements: [change(1_000, 'StartedAt = StartedAt - INTERVAL 1 MICROSECOND')],
      },
      {
        what: 'a fraction of a second that was cut off',
        mismatch: found('different', deep(0.3), 'StartedAt'),
        statements: [change(deep(0.3), 'StartedAt = LEFT(StartedAt, 19)')],
      },
      {
        what: 'a NULL that changed places with a value',
        mismatch: found('different', 2_000, 'Caller', 'Notes'),
        statements: [change(2_000, 'Notes = Caller, Caller = NULL')],
      },
      {
        what: 'text that became empty',
        mismatch: found('different', 3_000, 'Notes'),
        statements: [change(3_000, "Notes = ''")],
      },
      {
        what: 'NULL that became empty',
        mismatch: found('different', 3_001, 'Notes'),
        statements: [change(3_001, "Notes = ''")],
      },
      {
        what: 'a time that was written under a wrong time zone',
        mismatch: found('different', deep(0.4), 'Stamp'),
        statements: [
          "SET SESSION time_zone = '+01:00'",
          change(deep(0.4), `Stamp = '2024-07-01 12:00:00.5' + INTERVAL ${deep(0.4)} SECOND`),
          "SET SESSION time_zone = '+00:00'",
        ],
      },
      {
        what: 'a trailing space, which the collation ignores',
        mismatch: found('different', 5_000, 'Caller'),
        statements: [change(5_000, "Caller = CONCAT(Caller, ' ')")],
      },
      {
        what: 'a string that is equal under the collation: case and accent',
        mismatch: found('different', 5_002, 'Callee'),
        statements: [change(5_002, "Callee = 'CAFÉ'")],
      },
      {
        what: 'a string that is equal under the collation: an accent of its own',
        mismatch: found('different', 5_004, 'Callee'),
        statements: [change(5_004, "Callee = _utf8mb4 X'63616665CC81'")],
      },
      {
        what: '-0 and 0, which MariaDB cannot store',
        mismatch: found('different', 6_000, 'Score'),
        statements: [change(6_000, 'Score = -0e0')],
        mysqlOnly: true,
      },
      {
        what: 'the last digit of a decimal',
        mismatch: found('different', deep(0.7), 'Cost'),
        statements: [change(deep(0.7), 'Cost = Cost + 0.000001')],
      },
      {
        what: 'a value that changed places with that of the next row: a sum must not balance out',
        mismatch: found('different', 8_000, 'Caller'),
        statements: [change(8_000, "Caller = '+44 8001'")],
      },
      {
        what: 'the other one of the two',
        mismatch: found('different', 8_001, 'Caller'),
        statements: [change(8_001, "Caller = '+44 8000'")],
      },
      {
        what: 'a character that moved from the end of one value to the start of the next',
        mismatch: found('different', 10_000, 'Caller', 'Callee'),
        statements: [change(10_000, "Caller = '+44 1000', Callee = '0café'")],
      },
      {
        what: 'a missing row',
        mismatch: found('missing', deep(0.5)),
        statements: [`DELETE FROM BigDB.Calls WHERE CallID = ${id(deep(0.5))}`],
      },
      {
        what: 'the missing last row',
        mismatch: found('missing', ROWS),
        statements: [`DELETE FROM BigDB.Calls WHERE CallID = ${id(ROWS)}`],
      },
      {
        what: 'an extra row before the first',
        mismatch: found('extra', 0),
        statements: [`INSERT INTO BigDB.Calls (CallID, OrgID) VALUES (${id(0)}, ${ORG})`],
      },
      {
        what: 'an extra row behind the last',
        mismatch: found('extra', ROWS + 9),
        statements: [`INSERT INTO BigDB.Calls (CallID, OrgID) VALUES (${id(ROWS + 9)}, ${ORG})`],
      },
    ];
    const planted = faults.filter((fault) => fault.mysqlOnly !== true || world.cluster.server.flavour === 'mysql');
    for (const { statements } of planted) for (const statement of statements) await world.cluster.sql(statement);

    const result = await compare(world, ['Calls']);

    const byKey = (one: Mismatch, other: Mismatch) => Number(one.key.CallID) - Number(other.key.CallID);
    expect([...result.sample].sort(byKey)).toEqual(planted.map((fault) => fault.mismatch).sort(byKey));
    expect(result).toMatchObject({ rows: ROWS, mismatches: planted.length, exact: true });
  });

  test('a truncated large value is found', async () => {
    await onBoth(
      world,
      'CREATE TABLE BigDB.Blobs (OrgID INT, K VARBINARY(8), V LONGBLOB, T LONGTEXT, PRIMARY KEY (OrgID, K))',
    );
    await onBoth(
      world,
      `INSERT INTO BigDB.Blobs SELECT ${ORG}, CONCAT('k', n), REPEAT('ab', 50000), REPEAT('ü', 40000) FROM ${series(60)}`,
    );
    await world.cluster.sql("UPDATE BigDB.Blobs SET V = LEFT(V, 65536) WHERE K = 'k7'");
    await world.cluster.sql("UPDATE BigDB.Blobs SET T = LEFT(T, 32768) WHERE K = 'k8'");
    const result = await compare(world, ['Blobs']);
    expect(result.sample.map(({ key, columns }) => [key.K, columns])).toEqual([
      ['0x6B37', ['V']],
      ['0x6B38', ['T']],
    ]);
    expect(result.mismatches).toBe(2);
  });
});
