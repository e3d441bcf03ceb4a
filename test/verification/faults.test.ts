import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Mismatch } from '../../src/verification/index.ts';
import { compare, ORG, onBoth, series, startWorld, type World } from './world.ts';

const ROWS = 1_000_000;
/** Of another org, so that ranges of keys hold rows of both. */
const OTHER_ROWS = 20_000;
const OTHER_ORG = 420;

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
  // A row as large as they come.
  await onBoth(
    world,
    `UPDATE BigDB.Calls SET Recording = REPEAT('x', 1000000), Notes = REPEAT('ü', 30000) WHERE CallID = 200`,
  );
});
afterAll(() => world.close());

const id = (n: number) => n * 2;
const change = (n: number, set: string) => `UPDATE BigDB.Calls SET ${set} WHERE CallID = ${id(n)}`;
const found = (kind: Mismatch['kind'], n: number, ...columns: string[]): Mismatch => ({
  kind,
  table: 'Calls',
  key: { CallID: String(id(n)) },
  columns,
});

describe('planted faults', () => {
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
    const faults: readonly { mismatch: Mismatch; statements: readonly string[]; mysqlOnly?: boolean }[] = [
      {
        mismatch: found('different', 100, 'Recording'),
        statements: [change(100, "Recording = CONCAT(SUBSTR(Recording, 1, 499999), 'y', SUBSTR(Recording, 500001))")],
      },
      {
        mismatch: found('different', 1_000, 'StartedAt'),
        statements: [change(1_000, 'StartedAt = StartedAt - INTERVAL 1 MICROSECOND')],
      },
      {
        mismatch: found('different', 2_000, 'Caller', 'Callee'),
        statements: [change(2_000, 'Caller = NULL, Callee = Caller')],
      },
      { mismatch: found('different', 3_000, 'Notes'), statements: [change(3_000, "Notes = ''")] },
      { mismatch: found('different', 3_001, 'Notes'), statements: [change(3_001, "Notes = ''")] },
      {
        mismatch: found('different', 400_000, 'Stamp'),
        statements: [change(400_000, 'Stamp = Stamp + INTERVAL 1 HOUR')],
      },
      { mismatch: found('different', 5_000, 'Caller'), statements: [change(5_000, "Caller = CONCAT(Caller, ' ')")] },
      { mismatch: found('different', 5_002, 'Callee'), statements: [change(5_002, "Callee = 'CAFÉ'")] },
      {
        mismatch: found('different', 5_004, 'Callee'),
        statements: [change(5_004, "Callee = _utf8mb4 X'63616665CC81'")],
      },
      { mismatch: found('different', 6_000, 'Score'), statements: [change(6_000, 'Score = -0e0')], mysqlOnly: true },
      { mismatch: found('different', 700_000, 'Cost'), statements: [change(700_000, 'Cost = Cost + 0.000001')] },
      // Values that change places between two rows: a sum must not balance out.
      { mismatch: found('different', 8_000, 'Caller'), statements: [change(8_000, "Caller = '+44 8001'")] },
      { mismatch: found('different', 8_001, 'Caller'), statements: [change(8_001, "Caller = '+44 8000'")] },

      // A character that moves from the end of one value to the start of the next.
      {
        mismatch: found('different', 10_000, 'Caller', 'Callee'),
        statements: [change(10_000, "Caller = '+44 1000', Callee = '0café'")],
      },
      { mismatch: found('missing', 512_000), statements: [`DELETE FROM BigDB.Calls WHERE CallID = ${id(512_000)}`] },
      { mismatch: found('missing', ROWS), statements: [`DELETE FROM BigDB.Calls WHERE CallID = ${id(ROWS)}`] },
      {
        mismatch: found('extra', 0),
        statements: [`INSERT INTO BigDB.Calls (CallID, OrgID) VALUES (${id(0)}, ${ORG})`],
      },
      {
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
