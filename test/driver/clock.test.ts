import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import { systemClock } from '../../src/adapters/clock.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { type StoreServer, startStoreServer } from '../store/world.ts';
import { allWell, Script } from './script.ts';
import { controller, journalIn, plan, rowOf, running } from './world.ts';

const hourMs = 3_600_000;

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer('mariadb');
});
afterAll(() => server.close());

/** A machine whose clock somebody sets. */
function settable(): { clock: Clock; jump(ms: number): void } {
  let aheadMs = 0;
  return {
    clock: { ...systemClock, nowMs: () => Date.now() + aheadMs },
    jump: (ms) => {
      aheadMs += ms;
    },
  };
}

describe.each([
  ['ahead', hourMs],
  ['back', -hourMs],
] as const)('a controller’s clock that jumps an hour %s', (_, jumpMs) => {
  test('in a hold: the budget stays the budget', async () => {
    const { store } = await server.newStore();
    const id = await plan(store, 42, { flipBudgetMs: 1_500, flipTries: 1 });
    const script = new Script(allWell(['flip.marker']));
    const machine = settable();
    const a = controller('a', store, script, machine.clock);
    await a.driver.start();
    await a.driver.command(id, 'start', 'ann', undefined);
    await running(script, 'flip.marker');
    const heldAtMs = performance.now();
    machine.jump(jumpMs);
    await pollUntil('the hold to end', async () => script.of('flip.abort').length > 0, { everyMs: 5 });
    expect(performance.now() - heldAtMs).toBeGreaterThan(1_000);
    expect(await journalIn({ store }, id, 'ready')).toMatchObject({
      journal: { context: { reason: { code: 'FLIP_BUDGET_SPENT' } } },
    });
    await a.stop();
  });

  test('while soaking, and at the one that takes over: the soak ends when it was to end', async () => {
    const { store, another } = await server.newStore();
    const soon = await plan(store, 4, { soakMs: 2_500 });
    const late = await plan(store, 42, { soakMs: hourMs / 2 });
    const script = new Script(allWell());
    const machine = settable();
    const a = controller('a', store, script, machine.clock);
    await a.driver.start();
    for (const id of [soon, late]) {
      await a.driver.command(id, 'start', 'ann', undefined);
      await journalIn({ store }, id, 'soaking');
    }
    machine.jump(jumpMs);
    await a.stop();
    machine.jump(jumpMs);
    const b = controller('b', another(), script, machine.clock);
    await b.driver.start();
    await journalIn({ store }, soon, 'completed');
    // A command goes all the way round meanwhile.
    await b.driver.command(late, 'pause', 'ann', undefined);
    await b.driver.command(late, 'resume', 'ann', undefined);
    expect((await rowOf(store, late)).state).toBe('soaking');
    await b.stop();
  });
});

test('a store whose clock was set back an hour: no deadline lies further ahead than the policy says', async () => {
  const { store, another } = await server.newStore();
  const id = await plan(store, 42, { soakMs: 1_000 });
  const script = new Script(allWell(['soak.watch']));
  const a = controller('a', store, script);
  await a.driver.start();
  await a.driver.command(id, 'start', 'ann', undefined);
  const { journal, revision, epoch, state, sinceMs } = await journalIn({ store }, id, 'soaking');
  await a.stop();
  const row = await rowOf(store, id);
  const ahead = { ...journal, deadlines: { soak: (journal.deadlines.soak ?? 0) + hourMs } };
  await store.commit({
    id,
    epoch,
    revision: row.revision,
    state,
    sinceMs,
    ended: false,
    journal: ahead,
    timeline: [],
    commands: [],
  });
  expect(row.revision).toBeGreaterThan(revision);
  const b = controller('b', another(), script);
  await b.driver.start();
  await journalIn({ store }, id, 'completed');
  await b.stop();
});
