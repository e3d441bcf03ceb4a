import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Estate } from '../../src/estate/estate.ts';
import type { RecordName, Store } from '../../src/ports/store.ts';
import { Answers } from '../../src/service/answers.ts';
import { Random } from '../sim/time/random.ts';
import { create, type StoreInstance, type StoreServer, startStoreServer, step, take } from '../store/world.ts';

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer('mariadb');
});
afterAll(() => server?.close());

const ids = ['m-1', 'm-2', 'm-3'];
const startMs = Date.UTC(2026, 0, 5);

/** What only the memory of one controller has; the clock is everybody's. */
class Memory {
  lags = new Map<number, { lagMs: number; atMs: number; origin: string }>();
  stragglers = new Map<string, Map<string, string>>();
  runners = new Map<string, Record<string, unknown>>();
}

class Controller {
  readonly memory = new Memory();
  readonly #store: Store;
  readonly #time: { nowMs: number };
  readonly answers: Answers;

  constructor(store: Store, time: { nowMs: number }) {
    this.#store = store;
    this.#time = time;
    this.answers = this.fresh();
  }

  /** Answers of this controller that remember nothing. */
  fresh(): Answers {
    const { memory } = this;
    const time = this.#time;
    return new Answers({
      estate: {
        store: this.#store,
        clock: { nowMs: () => time.nowMs, monotonicMs: () => time.nowMs - startMs, sleep: async () => {} },
        heartbeats: { lag: (orgId: number) => memory.lags.get(orgId) ?? null },
      } as unknown as Estate,
      driver: { runner: (id: string) => memory.runners.get(id) } as never,
      keeper: { stragglers: (id: string) => memory.stragglers.get(id) ?? new Map() } as never,
    });
  }
}

async function world(): Promise<{ instance: StoreInstance; time: { nowMs: number }; controllers: Controller[] }> {
  const instance = await server.newStore();
  const time = { nowMs: startMs };
  for (const [index, id] of ids.entries()) await create(instance.store, index + 1, id);
  await take(instance.store, 'a');
  const controllers = [new Controller(instance.store, time), new Controller(instance.another(), time)];
  return { instance, time, controllers };
}

const records: readonly [RecordName, (n: number, nowMs: number) => unknown][] = [
  [
    'findings',
    (n) => [{ code: 'PROXY_UNFIT', severity: 'warn', message: `${n}`, remedy: 'Mend it.', evidence: { n } }],
  ],
  ['snapshot', (n) => ({ counts: [{ table: 'CallLogs', rows: n + 10 }] })],
  ['progress', (n) => ({ fullLoadPercent: n, tables: [{ table: 'CallLogs', state: 'Full load', fullLoadRows: n }] })],
  [
    'verification',
    (n, nowMs) => {
      const at = new Date(nowMs - n * 1_000).toISOString();
      const proven = { generation: 0, serving: 'source', outcome: 'equal', kind: 'live' };
      return { ...proven, rows: n, mismatches: 0, at, startedAt: at, sample: [] };
    },
  ],
  [
    'comparison',
    (n, nowMs) => ({
      kind: 'live',
      startedAt: new Date(nowMs).toISOString(),
      generation: 0,
      serving: 'source',
      progress: { table: 'CallLogs', rows: n, rowsExpected: null, mismatches: 0, elapsedMs: n, etaMs: null },
      checkpoint: null,
      suspects: [],
    }),
  ],
];

/** Everything that changes what a status shows, at the store and in one controller's memory. */
async function change(random: Random, { store }: StoreInstance, controllers: readonly Controller[], nowMs: number) {
  const id = random.pick(ids);
  const orgId = ids.indexOf(id) + 1;
  const n = random.integer(0, 90);
  const { memory } = random.pick(controllers);
  const row = await store.get(id);
  if (row === null) throw new Error(`there is no ${id}`);
  const attempt = { migrationId: id, attempt: random.integer(1, 3), epoch: row.epoch };
  switch (random.integer(0, 8)) {
    case 0:
      // An org whose migration has ended is what the others' sums must not be taken for.
      if (random.chance(0.2)) return step(store, id, { state: 'cancelled', ended: true });
      return step(store, id, { state: random.pick(['ready', 'lagCheck', 'soaking', 'replicating.fullLoad']) });
    case 1:
    case 2: {
      const [name, value] = random.pick(records);
      return store.putRecord(id, name, value(n, nowMs));
    }
    case 3:
      return void (await store
        .beginAttempt({ ...attempt, direction: 'forward', hostgroups: { from: 9_000, to: 9_099 }, atMs: nowMs })
        .catch(() => {}));
    case 4:
      if ((await store.getAttempt(id, attempt.attempt)) === null) return;
      return void (await store.decide({ ...attempt, decision: random.pick(['commit', 'abort']), pinned: null }));
    case 5:
      return store.reportAttempt(id, attempt.attempt, {
        phases: [{ phase: 'hold', ms: n, ok: true }],
        writePauseMs: n,
        readPauseMs: null,
        endedAtMs: nowMs,
        reason: null,
      });
    case 6:
      return void (await store.seize(random.pick(['a', 'b']), id));
    case 7:
      return void memory.lags.set(orgId, { lagMs: n, atMs: nowMs - startMs - n, origin: 'lon1' });
    default:
      return void memory.stragglers.set(id, new Map(n % 2 === 0 ? [] : [[`proxy-${n}`, 'silent']]));
  }
}

/** What is told but as an estimate, which may be a second old. */
function withoutEta(body: Buffer): unknown {
  return JSON.parse(body.toString(), (key, value: unknown) => (key === 'etaMs' ? null : value));
}

describe('a kept answer', () => {
  test.each([
    1, 2, 3, 4,
  ])('never hides a change, at whichever of two controllers it was made (seed %i)', async (seed) => {
    const { instance, time, controllers } = await world();
    const random = new Random(seed);
    let unchanged = 0;
    const last = new Map<string, string>();
    for (let turn = 0; turn < 150; turn++) {
      time.nowMs += random.pick([0, 0, 1, 100, 999, 1_000, 30_000, 3_600_000]);
      // Some ask while it happens: what they are given must not be kept for those who ask afterwards.
      const during = controllers.flatMap(({ answers }) => ids.map((id) => answers.one(id)));
      if (random.integer(0, 4) > 0) await change(random, instance, controllers, time.nowMs);
      for (const [at, controller] of controllers.entries()) {
        const fresh = controller.fresh();
        for (const id of ids) {
          const [kept, made] = await Promise.all([controller.answers.one(id), fresh.one(id)]);
          expect(withoutEta(kept.body)).toEqual(withoutEta(made.body));
          if (last.get(`${at} ${id}`) === kept.etag) unchanged += 1;
          last.set(`${at} ${id}`, kept.etag);
        }
        const [kept, made] = await Promise.all([controller.answers.page({ limit: 2 }), fresh.page({ limit: 2 })]);
        expect(withoutEta(kept.body)).toEqual(withoutEta(made.body));
        if (kept.body.equals(made.body)) expect(kept.etag).toBe(made.etag);
      }
      await Promise.all(during);
    }
    // And most of the time nobody is sent what he has.
    expect(unchanged).toBeGreaterThan(300);
  });

  test('is made without a look behind the number while nothing changes, and once for all who ask', async () => {
    const { instance, time } = await world();
    const asked: string[] = [];
    const counting = new Proxy(instance.store, {
      get: (store, name: keyof Store) => {
        asked.push(name);
        return store[name];
      },
    });
    const { answers } = new Controller(counting, time);
    await Promise.all(Array.from({ length: 200 }, (_, n) => answers.one(ids[n % 3] ?? '')));
    expect(asked.sort()).toEqual(['changeSums', 'list', 'parts', 'versions']);
    asked.length = 0;
    await Promise.all(Array.from({ length: 200 }, () => answers.page({ limit: 50 })));
    await answers.one('m-1');
    expect(asked).toEqual(['changeSums', 'versions', 'changeSums']);
  });

  test('of a memory that came back to what it was is not an older one', async () => {
    const { time, controllers } = await world();
    const [{ answers, memory } = new Controller(null as never, time)] = controllers;
    const held = new Map([['proxy-1', 'silent']]);
    memory.stragglers.set('m-1', held);
    const first = answers.one('m-1');
    memory.stragglers.set('m-1', new Map());
    await first;
    memory.stragglers.set('m-1', held);
    expect((await answers.one('m-1')).body.toString()).toContain('proxy-1');
  });

  test('of one that is not there is an error', async () => {
    const { controllers } = await world();
    await expect(controllers[0]?.answers.one('m-9')).rejects.toMatchObject({ code: 'MIGRATION_UNKNOWN' });
  });
});
