import { pino } from 'pino';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import { systemClock } from '../../src/adapters/clock.ts';
import { Driver } from '../../src/driver/driver.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { MigrationRow, Store } from '../../src/ports/store.ts';
import type { Policy } from '../../statecharts/policy.ts';
import { planned, policyWith } from '../statecharts/machine.ts';
import type { StoreInstance } from '../store/world.ts';
import type { Call, Script } from './script.ts';

const quick: Partial<Policy> = {
  approval: 'auto',
  completion: 'auto',
  flipBackoffMs: 20,
  flipBackoffMaxMs: 20,
  soakMs: 50,
};

/** A migration in `planned`, under a policy that waits for nobody unless told otherwise. */
export async function plan(store: Store, orgId: number, choices: Partial<Policy> = {}): Promise<string> {
  const id = `m-${orgId}`;
  const { value, context } = planned(policyWith({ ...quick, ...choices }));
  await store.create({
    id,
    orgId,
    homeRegion: 'eu-west-2',
    state: 'planned',
    atMs: Date.now(),
    journal: { version: 1, value, context: { ...context, orgId, migrationId: id }, asked: [], deadlines: {} },
    timeline: [],
  });
  return id;
}

/** A controller's driver, with the states that it told of. */
export interface Controller {
  readonly driver: Driver;
  /** By migration: every state in order. */
  readonly states: Map<string, string[]>;
  readonly released: string[];
  stop(): Promise<void>;
}

export function controller(instance: string, store: Store, script: Script, clock: Clock = systemClock): Controller {
  const states = new Map<string, string[]>();
  const released: string[] = [];
  const driver = new Driver({
    instance,
    leaseMs: 2_000,
    store,
    clock,
    handlers: script.handlers(instance),
    logger: pino({ level: 'silent' }),
    onState: ({ migrationId }, state) => states.set(migrationId, [...(states.get(migrationId) ?? []), state]),
    onTaken: () => {},
    onReleased: ({ migrationId }) => released.push(migrationId),
  });
  return { driver, states, released, stop: () => driver.stop() };
}

/** A controller whose process can be frozen: its calls of the store wait until it goes on. */
export function freezable(store: Store): { store: Store; freeze(): void; goOn(): void } {
  let gate = Promise.resolve();
  let open = () => {};
  const frozen = new Proxy(store, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      return async (...given: unknown[]) => {
        await gate;
        return Reflect.apply(method, target, given);
      };
    },
  });
  return {
    store: frozen,
    freeze() {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      open = resolve;
    },
    goOn: () => open(),
  };
}

/** Loses the answer to the next call of one operation: it is carried out, and the caller hears of an outage. */
export function losingAnswerOf(
  store: Store,
  operation: keyof Store,
  outage: () => Error,
): { store: Store; lost(): number } {
  let lost = 0;
  const losing = new Proxy(store, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      return async (...given: unknown[]) => {
        const answer: unknown = await Reflect.apply(method, target, given);
        if (name !== operation || lost > 0) return answer;
        lost += 1;
        throw outage();
      };
    },
  });
  return { store: losing, lost: () => lost };
}

/** Is told of every step, before it is written and behind it. */
export function aroundCommits(
  store: Store,
  hear: (when: 'before' | 'behind', step: Parameters<Store['commit']>[0]) => void,
): Store {
  return new Proxy(store, {
    get(target, name) {
      if (name !== 'commit') return Reflect.get(target, name);
      return async (step: Parameters<Store['commit']>[0]) => {
        hear('before', step);
        await target.commit(step);
        hear('behind', step);
      };
    },
  });
}

export async function rowOf(store: Store, id: string): Promise<MigrationRow> {
  const row = await store.get(id);
  if (row === null) throw new Error(`there is no ${id}`);
  return row;
}

/** Waits until the journal says so. */
export function journalIn({ store }: Pick<StoreInstance, 'store'>, id: string, state: string): Promise<MigrationRow> {
  return pollUntil(`${id} to be journalled in ${state}`, async () => {
    const row = await rowOf(store, id);
    return row.state === state && row;
  });
}

/** Waits until the effect runs (again, where it ran before) and has not been ended. */
export function running(script: Script, effect: Call['effect'], instance?: string): Promise<Call> {
  return pollUntil(
    `${effect} to run`,
    async () =>
      script.open().find((call) => call.effect === effect && (instance === undefined || call.instance === instance)),
    { everyMs: 5 },
  );
}

export async function messages(store: Store, id: string): Promise<string[]> {
  return (await store.events(id, 0, 1_000)).map(({ message }) => message);
}
