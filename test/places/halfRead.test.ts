import { createConnection } from 'mysql2/promise';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refreshFence } from '../../src/fence/index.ts';
import { insert, nextEpoch } from './help.ts';
import { makeWorld, type World } from './world.ts';

/** Orgs that one statement of an estimate asks for: it opens the table as often. */
const opened = 50;

// MariaDB keeps a table with triggers half read where a statement is ended while it opens the table.
describe('a site whose statements are ended while they open tables', () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld('site');
    await world.place.setFence(42, 'clients', nextEpoch(), 1_000);
  });
  afterAll(() => world?.close());

  const admins = async (count: number) => {
    const { host, port, user, password } = world.server;
    const open = await Promise.all(
      Array.from({ length: count }, () => createConnection({ host, port, user, password })),
    );
    return Object.assign(open, { [Symbol.dispose]: () => open.forEach((each) => void each.destroy()) });
  };

  /** Writes that fail, of several through every table that is kept. */
  async function failing(): Promise<string[]> {
    using writers = await admins(opened + 10);
    const failed: string[] = [];
    for (let round = 0; round < 2; round += 1) {
      await Promise.all(
        writers.map((writer) =>
          writer
            .query('INSERT INTO BigDB.CallLogs (OrgID, Body) SELECT 42, SLEEP(0.02)')
            .catch((error: Error) => failed.push(error.message)),
        ),
      );
    }
    return failed;
  }

  it('refuses writes from then on, until the triggers are refreshed', async () => {
    {
      using victims = await admins(16);
      using killers = await admins(16);
      // Found soon, by chance: a kill has to meet a table being opened.
      for (let round = 0; (await failing()).length === 0; round += 1) {
        expect(round).toBeLessThan(200);
        await killers[0]?.query('FLUSH TABLES');
        await Promise.all(
          victims.map(async (victim, index) => {
            const written = victim.query('INSERT INTO BigDB.CallLogs (OrgID) VALUES (42)').catch(() => {});
            await killers[index]?.query(`KILL QUERY ${victim.threadId}`);
            await written;
          }),
        );
      }
    }
    expect((await failing()).at(-1)).toMatch(/has an error in its body/);
    expect(await refreshFence(world.plan)).toEqual({ tablesRefreshed: world.plan.tables.length });
    expect(await failing()).toEqual([]);
    const app = await world.connect('app');
    await insert(app, 42);
    await world.place.setFence(42, 'nobody', nextEpoch(), 1_000);
    await expect(insert(app, 42)).rejects.toThrow('BIGDB_FENCE');
    await world.place.setFence(42, 'clients', nextEpoch(), 1_000);
  });

  it('does not get there by what the adapter gives up', async () => {
    const admin = await world.connect(world.server.user);
    const orgIds = Array.from({ length: opened }, (_, index) => index);
    for (let round = 0; round < 100; round += 1) {
      await admin.query('FLUSH TABLES');
      const giveUp = new AbortController();
      const asked = world.place.estimatedRows(world.plan.tables, orgIds, giveUp.signal).catch(() => {});
      const cancelled = setTimeout(() => giveUp.abort(new Error('given up')), 2 + (round % 15));
      await asked;
      clearTimeout(cancelled);
      // What is left over would be read anew by the next round.
      expect(await failing(), `in round ${round}`).toEqual([]);
    }
  });
});
