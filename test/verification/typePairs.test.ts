import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createBigDbSchema, insertEveryTypeSql } from '../../infra/lab/bigdb/index.ts';
import { COMPARABLE_TYPES, parseColumnType } from '../../src/adapters/comparison/columnType.ts';
import { TYPE_PAIRS } from '../../src/adapters/comparison/typePairs.ts';
import { PAIR_CASES } from './typePairCases.ts';
import { compare, ORG, onBoth, startWorld, type World } from './world.ts';

test('there is a case for every type and every pair of families', () => {
  const typeOf = (type: string, json: 'json' | 'longtext') => {
    // MariaDB's JSON is LONGTEXT.
    const text = /^json\b/i.test(type) ? json : type;
    return parseColumnType({
      name: 'V',
      type: text,
      nullable: true,
      characterSet: null,
      collation: null,
      generated: false,
    });
  };
  const pairs = PAIR_CASES.map(({ source, target }) => [source, target] as const);
  const words = new Set(pairs.flat().map((type) => type.split(/\W/)[0]?.toLowerCase()));
  expect(COMPARABLE_TYPES.filter((type) => !words.has(type))).toEqual([]);
  const families = new Set(
    pairs.flatMap(([source, target]) =>
      (['json', 'longtext'] as const).map(
        (json) => `${typeOf(target, 'json')?.family} ${typeOf(source, json)?.family}`,
      ),
    ),
  );
  expect(TYPE_PAIRS.map((pair) => pair.families.join(' ')).filter((pair) => !families.has(pair))).toEqual([]);
});

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.close());

describe('pairs of types', () => {
  test.each(PAIR_CASES)('$name', async ({ source, target, equal, different, mysqlOnly, columns = ['V'] }) => {
    if (mysqlOnly && world.cluster.server.flavour !== 'mysql') return;
    const create = (type: string) =>
      `CREATE OR REPLACE TABLE BigDB.Pair (OrgID INT NOT NULL, Id INT NOT NULL, V ${type}, PRIMARY KEY (OrgID, Id))`;
    await onBoth(world, 'DROP TABLE IF EXISTS BigDB.Pair');
    await world.site.sql(create(source).replace(' OR REPLACE', ''));
    await world.cluster.sql(create(target).replace(' OR REPLACE', ''));
    const rows = [
      ...equal.map((value) => (typeof value === 'string' ? ([value, value] as const) : value)),
      ...different,
    ];
    const insert = (which: 0 | 1) =>
      `INSERT INTO BigDB.Pair (OrgID, Id, V) VALUES ${rows.map((row, i) => `(${ORG}, ${i + 1}, ${row[which]})`).join(', ')}`;
    await world.site.sql(insert(0));
    await world.cluster.sql(insert(1));

    const result = await compare(world, ['Pair']);

    expect(result.rows).toBe(rows.length);
    expect(result.sample.map(({ kind, key, columns }) => ({ kind, key, columns }))).toEqual(
      different.map((_, i) => ({ kind: 'different', key: { Id: String(equal.length + i + 1) }, columns })),
    );
    expect(result.mismatches).toBe(different.length);
  });

  test('doubles and floats of every magnitude read alike', async () => {
    const doubles = [Number.MAX_VALUE, Number.MIN_VALUE, 2 ** -1022, 1e15, 1e16, 1e22, 0.1, 1 / 3, 2 ** 49, 2 ** -49];
    for (let power = -1074; power < 1024; power += 1) doubles.push(2 ** power, (1 + Math.abs(power) / 3) * 2 ** power);
    const floats = doubles.map(Math.fround).filter((value) => Math.abs(value) < 3.4e38 && Math.abs(value) > 1.2e-38);
    await onBoth(world, 'DROP TABLE IF EXISTS BigDB.Reals');
    await onBoth(
      world,
      'CREATE TABLE BigDB.Reals (OrgID INT NOT NULL, Id INT NOT NULL, D DOUBLE, F FLOAT, PRIMARY KEY (Id))',
    );
    const finite = doubles.filter(Number.isFinite);
    const rows = finite.map((value, i) =>
      `(${ORG}, ${i}, ${-value}e0, ${floats[i] ?? 1})`.replace(/(e[+-]\d+)e0/, '$1'),
    );
    await onBoth(world, `INSERT INTO BigDB.Reals VALUES ${rows.join(', ')}`);
    const result = await compare(world, ['Reals']);
    expect(result.sample).toEqual([]);
    expect(result).toMatchObject({ rows: finite.length, mismatches: 0 });
  });

  test('every type of the schema, with its edge values', async () => {
    await onBoth(world, 'DROP DATABASE BigDB');
    await createBigDbSchema(world.site.server, 'site');
    await createBigDbSchema(world.cluster.server, 'cluster');
    await onBoth(world, insertEveryTypeSql(ORG));
    // The side that took the write is a value like any other, and the same after replication.
    await onBoth(world, 'UPDATE BigDB.EveryType SET WriteSide = 1');
    const result = await compare(world, ['EveryType']);
    expect(result.sample).toEqual([]);
    expect(result).toMatchObject({ mismatches: 0, exact: true });
    expect(result.rows).toBeGreaterThan(5);
  });
});
