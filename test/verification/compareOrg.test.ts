import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ColumnShape, TableShape } from '../../src/ports/place.ts';
import {
  type Checkpoint,
  type ComparisonProgress,
  checkpointSchema,
  compareOrg,
  incomparableTables,
  keysOrderedApart,
} from '../../src/verification/index.ts';
import { compare, ORG, onBoth, orgTable, series, startWorld, type World } from './world.ts';

const TABLES = ['First', 'Second', 'Third'];
const ROWS = 30_000;

let world: World;
beforeAll(async () => {
  world = await startWorld();
  // Where MariaDB stands for the cluster, JSON is text on both sides.
  const atSite = world.cluster.server.flavour === 'mysql' ? ['{"b":', ',"a" :1.0}'] : ['{"a":1,"b":', '}'];
  for (const table of TABLES) {
    const key = table === 'Third' ? 'VARCHAR(30)' : 'INT';
    await onBoth(world, `CREATE TABLE BigDB.${table} (OrgID INT, K ${key}, V INT, J JSON, PRIMARY KEY (OrgID, K))`);
    await world.site.sql(
      `INSERT INTO BigDB.${table} SELECT ${ORG}, n, n, CONCAT('${atSite[0]}', n, '${atSite[1]}') FROM ${series(ROWS)}`,
    );
    await world.cluster.sql(
      `INSERT INTO BigDB.${table} SELECT ${ORG}, n, n, CONCAT('{"a":1,"b":', n, '}') FROM ${series(ROWS)}`,
    );
  }
});
afterAll(() => world.close());

test('several tables, with progress and time left', async () => {
  const progress: ComparisonProgress[] = [];
  const result = await compare(world, TABLES, {
    onProgress: (one) => progress.push(one),
    expectedRows: new Map(TABLES.map((table) => [table, ROWS])),
  });
  expect(result.tables.map(({ table, rows }) => [table, rows])).toEqual(TABLES.map((table) => [table, ROWS]));
  expect(result).toMatchObject({ rows: TABLES.length * ROWS, mismatches: 0, sample: [] });
  expect(progress.map(({ rows }) => rows)).toEqual(progress.map(({ rows }) => rows).sort((a, b) => a - b));
  expect(progress.at(-1)).toMatchObject({ rows: TABLES.length * ROWS, rowsExpected: TABLES.length * ROWS, etaMs: 0 });
  expect(new Set(progress.map(({ table }) => table))).toEqual(new Set(TABLES));
});

test('pinned views show their moment, live ones what is there now', async () => {
  const tables = [orgTable('First')];
  const shapes = { source: await world.site.shapes(tables), target: await world.cluster.shapes(tables) };
  const pinned = {
    source: await world.site.views(2, { pinned: true }),
    target: await world.cluster.views(2, { pinned: true }),
  };
  await world.cluster.sql(`UPDATE BigDB.First SET V = V + 1 WHERE OrgID = ${ORG} AND K IN (5, 29000)`);
  await world.site.sql(`DELETE FROM BigDB.First WHERE OrgID = ${ORG} AND K = 17`);
  const atCutover = await compareOrg({
    source: { views: pinned.source, shapes: shapes.source },
    target: { views: pinned.target, shapes: shapes.target },
    tables,
    orgId: ORG,
  });
  expect(atCutover).toMatchObject({ rows: ROWS, mismatches: 0 });
  const now = await compare(world, ['First']);
  expect(now.sample.map(({ kind, key }) => `${kind} ${key.K}`).sort()).toEqual([
    'different 29000',
    'different 5',
    'extra 17',
  ]);
  await world.site.sql(`INSERT INTO BigDB.First VALUES (${ORG}, 17, 17, '{"a":1,"b":17}')`);
  await world.cluster.sql(`UPDATE BigDB.First SET V = V - 1 WHERE OrgID = ${ORG} AND K IN (5, 29000)`);
});

test('goes on from a checkpoint, with what was found before', async () => {
  await world.cluster.sql(`UPDATE BigDB.Second SET V = -1 WHERE OrgID = ${ORG} AND K IN (3, 29999)`);
  const checkpoints: Checkpoint[] = [];
  const whole = await compare(world, TABLES, {
    onCheckpoint: async (checkpoint) => {
      checkpoints.push(checkpointSchema.parse(JSON.parse(JSON.stringify(checkpoint))));
    },
  });
  expect(whole.mismatches).toBe(2);
  const inSecond = checkpoints.filter(({ current }) => current?.table === 'Second');
  expect(inSecond.length).toBeGreaterThan(1);
  for (const resumeFrom of [inSecond[0], inSecond.at(-1), checkpoints.at(-1)]) {
    if (resumeFrom === undefined) throw new Error('there is such a checkpoint');
    const seen: string[] = [];
    const rest = await compare(world, TABLES, { resumeFrom, onProgress: ({ table }) => seen.push(table) });
    // Rows are found again only where this run met them: who goes on keeps the others in its notes.
    expect({ ...rest, sampleRows: [] }).toEqual({ ...whole, sampleRows: [] });
    expect(seen).not.toContain('First');
  }
  await expect(
    compare(world, ['Third'], { resumeFrom: { version: 1, orgId: ORG, done: [], current: null, sample: [] } }),
  ).resolves.toMatchObject({ rows: ROWS });
  await expect(
    compare(world, TABLES, { resumeFrom: { version: 1, orgId: 4, done: [], current: null, sample: [] } }),
  ).rejects.toMatchObject({ code: 'COMPARISON_CHECKPOINT_FOREIGN' });
  await world.cluster.sql(`UPDATE BigDB.Second SET V = K WHERE OrgID = ${ORG} AND V = -1`);
});

test('slows down when told to, and ends with the signal’s reason', async () => {
  const abort = new AbortController();
  const reason = new Error('enough');
  let asked = 0;
  const pace = async () => {
    asked += 1;
    if (asked === 3) abort.abort(reason);
  };
  await expect(compare(world, TABLES, { signal: abort.signal, pace })).rejects.toBe(reason);
  expect(asked).toBe(3);
});

test('a lost view ends the comparison with its error', async () => {
  const tables = [orgTable('First')];
  const [view] = await world.cluster.views(1);
  let statements = 0;
  const failing = {
    query: async (sql: string) => {
      statements += 1;
      if (statements > 3) throw new Error('the view is gone');
      return (await view?.query(sql)) ?? [];
    },
    close: async () => {},
  };
  const source = { views: await world.site.views(2), shapes: await world.site.shapes(tables) };
  const target = { views: [failing], shapes: await world.cluster.shapes(tables) };
  await expect(compareOrg({ source, target, tables, orgId: ORG })).rejects.toThrow('the view is gone');
});

test.each([
  ["time_zone = '+02:00'", 'time_zone'],
  ["sql_mode = 'PAD_CHAR_TO_FULL_LENGTH'", 'sql_mode'],
  ["character_set_results = 'latin1'", 'character_set_results'],
])('refuses a view with %s', async (set, variable) => {
  const tables = [orgTable('First')];
  const source = { views: await world.site.views(1, { set }), shapes: await world.site.shapes(tables) };
  const target = { views: await world.cluster.views(1), shapes: await world.cluster.shapes(tables) };
  await expect(compareOrg({ source, target, tables, orgId: ORG })).rejects.toMatchObject({
    code: 'SESSION_NOT_COMPARABLE',
    side: 'source',
    variable,
  });
});

const column = (name: string, type = 'int', more: Partial<ColumnShape> = {}): ColumnShape => ({
  name,
  type,
  nullable: false,
  characterSet: null,
  collation: null,
  generated: false,
  ...more,
});
const shape = (columns: readonly ColumnShape[], primaryKey = ['OrgID', 'Id']): TableShape => ({
  table: 'T',
  exists: true,
  primaryKey,
  columns: [column('OrgID'), ...columns],
});

test.each<[string, TableShape | null, TableShape | null, string, RegExp]>([
  ['no table', null, shape([column('Id')]), 'TABLE_NOT_COMPARABLE', /missing at the source/],
  [
    'no primary key',
    shape([column('Id')], []),
    shape([column('Id')], []),
    'TABLE_NOT_COMPARABLE',
    /no primary key at the source; it has no primary key at the target/,
  ],
  [
    'other keys',
    shape([column('Id')], ['Id']),
    shape([column('Id')]),
    'TABLE_NOT_COMPARABLE',
    /primary keys differ: \(Id\) and \(OrgID, Id\)/,
  ],
  [
    'other columns',
    shape([column('Id'), column('A')]),
    shape([column('Id'), column('B')]),
    'TABLE_NOT_COMPARABLE',
    /B is at the target only; column A is at the source only/,
  ],
  [
    'other types',
    shape([column('Id'), column('A', 'date')]),
    shape([column('Id'), column('A', 'datetime(6)')]),
    'TABLE_NOT_COMPARABLE',
    /A is date at the source and datetime\(6\) at the target/,
  ],
  [
    'spatial',
    shape([column('Id'), column('A', 'point')]),
    shape([column('Id'), column('A', 'point')]),
    'TABLE_NOT_COMPARABLE',
    /A is point/,
  ],
  [
    'digits',
    shape([column('Id'), column('A', 'double(9,2)')]),
    shape([column('Id'), column('A', 'double')]),
    'TABLE_NOT_COMPARABLE',
    /double\(9,2\)/,
  ],
  [
    'a key of JSON',
    shape([column('Id', 'longtext')]),
    shape([column('Id', 'json')]),
    'KEY_NOT_ORDERABLE',
    /key column Id \(longtext and json\)/,
  ],
])('tells what stands in the way before anything is read: %s', (_, source, target, code, message) => {
  const found = incomparableTables([orgTable('T')], source ? [source] : [], target ? [target] : []);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatchObject({ code });
  expect(found[0]?.message).toMatch(message);
  expect(found[0]?.remedy).not.toBe('');
});

test('says nothing of tables that can be compared', () => {
  const one = shape(
    [column('id', 'INT(11) unsigned zerofill'), column('A', "enum('it''s (a)','zerofill')")],
    ['OrgID', 'id'],
  );
  expect(incomparableTables([orgTable('T')], [one], [one])).toEqual([]);
});

test.each<[string, Partial<ColumnShape>, Partial<ColumnShape>, boolean]>([
  ['the same collation', { collation: 'utf8mb4_bin' }, { collation: 'utf8mb4_bin' }, false],
  ['one character set by its two names', { collation: 'utf8_general_ci' }, { collation: 'utf8mb3_general_ci' }, false],
  ['another collation', { collation: 'utf8mb4_bin' }, { collation: 'utf8mb4_0900_ai_ci' }, true],
  ['members in another order', { type: "enum('a','b')" }, { type: "enum('b','a')" }, true],
  ['numbers of another width', { type: 'bigint(20)' }, { type: 'bigint' }, false],
])('a key that is not ordered alike is told with table and column: %s', (_, here, there, apart) => {
  const text = here.collation === undefined ? {} : { type: 'varchar(20)' };
  const found = keysOrderedApart(
    [orgTable('T')],
    [shape([column('Id', 'int', { ...text, ...here })])],
    [shape([column('Id', 'int', { ...text, ...there })])],
  );
  expect(found.map(({ code, table, column }) => [code, table, column])).toEqual(
    apart ? [['KEY_NOT_ORDERABLE', 'T', 'Id']] : [],
  );
});
