import { afterAll, beforeAll, expect, test } from 'vitest';
import { compare, ORG, onBoth, series, startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());

interface KeyCase {
  readonly name: string;
  /** Columns besides OrgID, for both sides or one each, and the primary key. */
  readonly columns: string | readonly [string, string];
  readonly key: string;
  /** SELECT list for row number n. */
  readonly values: string;
  /** Condition that picks one row, which then changes at the cluster, and its key as reported. */
  readonly where: string;
  readonly reported: Readonly<Record<string, string>>;
}

const CASES: readonly KeyCase[] = [
  {
    name: 'number, date and text',
    columns: [
      'Feature VARCHAR(60) COLLATE utf8mb4_general_ci, Day DATE',
      'Feature VARCHAR(60) COLLATE utf8mb4_unicode_ci, Day DATE',
    ],
    key: 'Feature, OrgID, Day',
    values: `CONCAT(ELT(n % 5 + 1, 'a', 'ä-', 'Z', '_', 'ß'), n DIV 50), '2024-01-01' + INTERVAL n % 50 DAY`,
    where: "Feature = 'Z40' AND Day = '2024-01-23'",
    reported: { Feature: 'Z40', Day: '2024-01-23' },
  },
  {
    name: 'three numbers',
    columns: 'A INT, B DECIMAL(12,3), C BIGINT UNSIGNED',
    key: 'A, B, OrgID, C',
    values: 'n % 3 - 1, (n % 7) / 8, 18446744073709551615 - n',
    where: 'C = 18446744073709551615 - 1234',
    reported: { A: '0', B: '0.250', C: String(18446744073709551615n - 1234n) },
  },
  {
    name: 'a moment of two fractions',
    columns: ['At DATETIME(3)', 'At DATETIME(6)'],
    key: 'OrgID, At',
    values: `IF(n = 1, '0000-00-00', '2024-01-01 00:00:00.001' + INTERVAL n * 1009 * 1000 MICROSECOND)`,
    where: "At = '0000-00-00'",
    reported: { At: '0000-00-00 00:00:00.000000' },
  },
  {
    name: 'timestamp and time',
    columns: 'At TIMESTAMP(6), T TIME(2)',
    key: 'OrgID, At, T',
    values: `'2024-03-31 00:30:00' + INTERVAL n DIV 3 MINUTE, SEC_TO_TIME((n % 3 - 1) * 7200.25)`,
    where: "At = '2024-03-31 01:00:00' AND T < 0",
    reported: { At: '2024-03-31 01:00:00.000000', T: '-02:00:00.25' },
  },
  {
    name: 'members of an enum',
    columns: "Kind ENUM('z','a','M',''), N INT",
    key: 'OrgID, Kind, N',
    values: 'n % 4 + 1, n',
    where: "Kind = 'a' AND N = 1001",
    reported: { Kind: 'a', N: '1001' },
  },
  {
    name: 'an enum with its members in another order',
    columns: ["Kind ENUM('z','a','M'), N INT", "Kind ENUM('M','z','a'), N INT"],
    key: 'OrgID, Kind, N',
    values: "ELT(n % 3 + 1, 'z', 'a', 'M'), n",
    where: "Kind = 'a' AND N = 1000",
    reported: { Kind: 'a', N: '1000' },
  },
  {
    name: 'bytes',
    columns: 'K BINARY(16)',
    key: 'K',
    values: 'UNHEX(LEFT(SHA2(n, 256), 32))',
    where: 'K = UNHEX(LEFT(SHA2(777, 256), 32))',
    reported: { K: '0xEAF89DB7108470DC3F6B23EA90618264' },
  },
  {
    name: 'text in two character sets',
    columns: ['K VARCHAR(80) CHARACTER SET latin1', 'K VARCHAR(80) COLLATE utf8mb4_bin'],
    key: 'OrgID, K',
    values: "CONCAT(IF(n % 2, 'é', 'e'), n)",
    where: "K = 'é1001'",
    reported: { K: 'é1001' },
  },
  {
    name: 'double and bit',
    columns: 'D DOUBLE, B BIT(5)',
    key: 'OrgID, D, B',
    values: '(n DIV 32 - 40) / 3e0, n % 32',
    where: 'D < 0 AND D > -0.4 AND B = 9',
    reported: { D: String(-1 / 3), B: '9' },
  },
];

test.each(CASES)('a key of $name', async ({ columns, key, values, where, reported }) => {
  const rows = 3_000;
  const [atSite, atCluster] = typeof columns === 'string' ? [columns, columns] : columns;
  const create = (list: string) =>
    `CREATE TABLE BigDB.Keyed (OrgID INT, ${list}, V INT, PRIMARY KEY (${key}), KEY Org (OrgID)) CHARACTER SET utf8mb4`;
  await onBoth(world, 'DROP TABLE IF EXISTS BigDB.Keyed');
  await world.site.sql(create(atSite));
  await world.cluster.sql(create(atCluster));
  await onBoth(world, `INSERT INTO BigDB.Keyed SELECT ${ORG}, ${values}, n FROM ${series(rows)}`);
  expect(await compare(world, ['Keyed'])).toMatchObject({ rows, mismatches: 0 });

  await world.cluster.sql(`UPDATE BigDB.Keyed SET V = V + 1 WHERE ${where}`);
  const changed = await compare(world, ['Keyed']);
  expect(changed.sample).toEqual([{ kind: 'different', table: 'Keyed', key: reported, columns: ['V'] }]);

  await world.cluster.sql(`DELETE FROM BigDB.Keyed WHERE ${where}`);
  const missing = await compare(world, ['Keyed']);
  expect(missing.sample).toEqual([{ kind: 'missing', table: 'Keyed', key: reported, columns: [] }]);
  expect(missing.mismatches).toBe(1);

  await world.site.sql(`DELETE FROM BigDB.Keyed WHERE V % 7 <> 0`);
  const extra = await compare(world, ['Keyed']);
  expect(extra.sample.every(({ kind }) => kind === 'extra' || kind === 'missing')).toBe(true);
  expect(extra).toMatchObject({ rows: Math.floor(rows / 7), exact: true });
  expect(extra.mismatches).toBeGreaterThanOrEqual(rows - Math.floor(rows / 7) - 1);
});

test('keys that only differ in what a collation ignores', async () => {
  await onBoth(world, 'DROP TABLE IF EXISTS BigDB.Keyed');
  await onBoth(
    world,
    'CREATE TABLE BigDB.Keyed (OrgID INT, K VARCHAR(20), PRIMARY KEY (OrgID, K)) COLLATE utf8mb4_general_ci',
  );
  await world.site.sql(`INSERT INTO BigDB.Keyed VALUES (${ORG}, 'a'), (${ORG}, 'é'), (${ORG}, 'same')`);
  await world.cluster.sql(`INSERT INTO BigDB.Keyed VALUES (${ORG}, 'A'), (${ORG}, 'e'), (${ORG}, 'same')`);
  const result = await compare(world, ['Keyed']);
  expect(result.sample.map(({ kind, key }) => `${kind} ${key.K}`).sort()).toEqual([
    'extra A',
    'extra e',
    'missing a',
    'missing é',
  ]);
});

test('the org as the whole key', async () => {
  await onBoth(world, 'CREATE TABLE BigDB.Settings (OrgID INT PRIMARY KEY, V VARCHAR(10))');
  await onBoth(world, `INSERT INTO BigDB.Settings VALUES (${ORG}, 'x'), (4, 'y'), (420, 'z')`);
  expect(await compare(world, ['Settings'])).toMatchObject({ rows: 1, mismatches: 0 });
  await world.cluster.sql(`UPDATE BigDB.Settings SET V = 'X'`);
  const result = await compare(world, ['Settings']);
  expect(result.sample).toEqual([{ kind: 'different', table: 'Settings', key: { OrgID: '42' }, columns: ['V'] }]);
  expect(result.mismatches).toBe(1);
});

test.each([
  ['number', 'K INT', 'n', false],
  // Buckets are looked up many at a time, so here the bound is not met.
  ['text', 'K VARCHAR(30)', "CONCAT('k', n)", true],
])('empty tables, one side empty, the last row missing: key of %s', async (_, column, value, exact) => {
  await onBoth(world, 'DROP TABLE IF EXISTS BigDB.Edge');
  await onBoth(world, `CREATE TABLE BigDB.Edge (OrgID INT, ${column}, PRIMARY KEY (OrgID, K))`);
  await onBoth(world, `INSERT INTO BigDB.Edge SELECT 4, ${value} FROM ${series(10)}`);
  expect(await compare(world, ['Edge'])).toMatchObject({ rows: 0, mismatches: 0, exact: true });

  await world.cluster.sql(`INSERT INTO BigDB.Edge SELECT ${ORG}, ${value} FROM ${series(12_000)}`);
  const extra = await compare(world, ['Edge'], { locateLimit: 20_000 });
  expect(extra).toMatchObject({ rows: 0, mismatches: 12_000, exact: true });
  expect(extra.sample).toHaveLength(100);
  expect(extra.sample.every(({ kind }) => kind === 'extra')).toBe(true);

  // So much differs that not every row is looked up: the count says so, and is still right for rows that are not there.
  const bounded = await compare(world, ['Edge'], { locateLimit: 1_000, sampleLimit: 5 });
  expect(bounded).toMatchObject({ mismatches: 12_000, exact });
  expect(bounded.sample).toHaveLength(5);

  await world.site.sql(`INSERT INTO BigDB.Edge SELECT ${ORG}, ${value} FROM ${series(12_000)}`);
  await world.cluster.sql(`DELETE FROM BigDB.Edge WHERE OrgID = ${ORG} ORDER BY K DESC LIMIT 1`);
  const lastMissing = await compare(world, ['Edge']);
  expect(lastMissing).toMatchObject({ rows: 12_000, mismatches: 1, tables: [{ targetRows: 11_999 }] });
  expect(lastMissing.sample[0]?.kind).toBe('missing');
});
