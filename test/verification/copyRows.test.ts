import { afterAll, beforeAll, expect, test } from 'vitest';
import { createBigDbSchema, insertEveryTypeSql } from '../../infra/lab/bigdb/index.ts';
import { createCluster, createSite, type DatabasePlace } from '../../src/adapters/mysql/index.ts';
import { CONTROL_SCHEMA, controlTables, identityTable } from '../../src/fence/schema.ts';
import type { FenceWriter } from '../../src/ports/place.ts';
import { copyRows, type RowRef, RowsMovedError } from '../../src/verification/index.ts';
import { compare, ORG, onBoth, orgTable, type Side, startWorld, type World } from './world.ts';

const homeRegion = 'eu-west-2';
const epoch = 7;

let world: World;
let site: DatabasePlace;
let cluster: DatabasePlace;
beforeAll(async () => {
  world = await startWorld();
  await onBoth(world, 'DROP DATABASE BigDB');
  await createBigDbSchema(world.site.server, 'site');
  await createBigDbSchema(world.cluster.server, 'cluster');
  for (const statement of [...controlTables(), identityTable()]) await onBoth(world, statement);
  await world.cluster.sql(`INSERT INTO ${CONTROL_SCHEMA}.identity VALUES (1, 'cluster', 'cluster', '${homeRegion}')`);
  await openTo('forward');
  const at = ({ server: { host, port, user, password } }: Side) => ({
    host,
    port,
    user,
    password,
    purge: { user, password },
  });
  site = createSite({ name: 'lon1', serverId: 1, ...at(world.site) });
  cluster = createCluster({ name: 'cluster', homeRegion, ...at(world.cluster) });
});
afterAll(async () => {
  await site?.close();
  await cluster?.close();
  await world?.close();
});

/** Sets the org's fence at the cluster. */
async function openTo(writer: FenceWriter): Promise<void> {
  await world.cluster.sql(
    `REPLACE INTO ${CONTROL_SCHEMA}.fence VALUES (${ORG}, 'cluster', '${writer}', ${epoch}, UTC_TIMESTAMP(6))`,
  );
}

/** Rows of the table that differ now. */
async function differing(table: string): Promise<RowRef[]> {
  const rows: RowRef[] = [];
  await compare(world, [table], {
    onDifferences: async (pair, differences) => {
      for (const { name, source, target } of differences) rows.push({ table: pair.table, name, source, target });
    },
  });
  return rows;
}

/** Copies from the site to the cluster; `meanwhile` happens between the first and the last look at the site. */
async function copy(table: string, rows: readonly RowRef[], meanwhile: () => Promise<void> = async () => {}) {
  const tables = [orgTable(table)];
  const shapes = { source: await site.shapes(tables), target: await cluster.shapes(tables) };
  let looks = 0;
  return cluster.repairRows({ orgId: ORG, epoch, writer: 'forward' }, AbortSignal.timeout(60_000), (transaction) =>
    copyRows({
      table: orgTable(table),
      orgId: ORG,
      leads: 'source',
      shapes,
      rows,
      transaction,
      async atLeading(work) {
        looks += 1;
        if (looks === 2) await meanwhile();
        const [view] = await site.openViews(1);
        if (view === undefined) throw new Error('no view was opened');
        return work(view).finally(() => view.close());
      },
    }),
  );
}

test('rows of every type, with their edge values, are the same afterwards', async () => {
  await world.site.sql(insertEveryTypeSql(ORG));
  const missing = await differing('EveryType');
  expect(missing.length).toBeGreaterThan(5);
  expect(await copy('EveryType', missing)).toBe(missing.length);
  expect(await compare(world, ['EveryType'])).toMatchObject({ mismatches: 0, rows: missing.length });
});

const call = (id: number, notes: string) =>
  `INSERT INTO BigDB.CallLogs (CallLogID, OrgID, StartedAt, Direction, CallerNumber, CalleeNumber, SipCallId, Notes, WriteSide)
   VALUES (${id}, ${ORG}, '2024-01-02 03:04:05.000006', 'in', '1', '2', 'a', '${notes}', 1)`;

test('missing, different and extra rows at once, and no others', async () => {
  await onBoth(world, call(1, 'same'));
  await world.site.sql(call(2, 'missing'));
  await world.site.sql(call(3, 'right'));
  await world.cluster.sql(call(3, 'wrong'));
  await world.cluster.sql(call(4, 'extra'));
  const rows = await differing('CallLogs');
  expect(await copy('CallLogs', rows)).toBe(3);
  expect(await compare(world, ['CallLogs'])).toMatchObject({ mismatches: 0, rows: 3 });
});

test('a row that changes while it is copied is left as it was', async () => {
  await world.cluster.sql('UPDATE BigDB.CallLogs SET Notes = NULL WHERE CallLogID = 1');
  const rows = await differing('CallLogs');
  const change = () => world.site.sql("UPDATE BigDB.CallLogs SET Notes = 'newer' WHERE CallLogID = 1").then(() => {});
  const refused = await copy('CallLogs', rows, change).catch((error: unknown) => error);
  expect(refused).toMatchObject({ cause: expect.any(RowsMovedError) });
  expect(await world.cluster.sql('SELECT Notes FROM BigDB.CallLogs WHERE CallLogID = 1')).toEqual([{ Notes: null }]);
  expect(await copy('CallLogs', rows)).toBe(1);
  expect(await compare(world, ['CallLogs'])).toMatchObject({ mismatches: 0 });
});

test('nothing is written where the fence is not open to the task, or the owner is an earlier one', async () => {
  await world.cluster.sql('DELETE FROM BigDB.CallLogs WHERE CallLogID = 2');
  const rows = await differing('CallLogs');
  await openTo('nobody');
  await expect(copy('CallLogs', rows)).rejects.toMatchObject({ code: 'REPAIR_REFUSED' });
  await openTo('forward');
  const stale = cluster.repairRows(
    { orgId: ORG, epoch: epoch - 1, writer: 'forward' },
    AbortSignal.timeout(60_000),
    async () => 0,
  );
  await expect(stale).rejects.toMatchObject({ code: 'EPOCH_STALE' });
  expect(await differing('CallLogs')).toHaveLength(1);
  expect(await copy('CallLogs', rows)).toBe(1);
});
