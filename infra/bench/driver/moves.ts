import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { initialTransition } from 'xstate';
import { systemClock } from '../../../src/adapters/clock.ts';
import { policySchema } from '../../../src/config/index.ts';
import { Driver } from '../../../src/driver/driver.ts';
import type { EffectHandlers } from '../../../src/driver/handlers.ts';
import type { StepCommit, Store } from '../../../src/ports/store.ts';
import type { EffectName, EffectOutputs } from '../../../statecharts/effects.ts';
import { journalVersion, migrationMachine } from '../../../statecharts/machine.ts';

const homeRegion = 'eu-west-2';
/** From end to end without anybody. */
const policy = policySchema.parse({ approval: 'auto', completion: 'auto', soakMs: 1 });

/** What effects answer that have nothing to do; those that end only when they are dropped are left out. */
const answers: { readonly [E in EffectName]?: EffectOutputs[E] } = {
  preflight: { refusals: 0, homeRegion },
  snapshot: { largestLobBytes: 4_096 },
  'replication.reset': {},
  'replication.create': {},
  'replication.fullLoad': {},
  'replication.catchUp': {},
  'lag.check': { lagMs: 12 },
  'flip.prepare': {},
  'flip.hold': {},
  'flip.drain': {},
  'flip.fence': {},
  'flip.marker': {},
  'flip.pin': {},
  'flip.park': {},
  'flip.commit': { decision: 'commit' },
  'flip.release': {},
  'flip.settle': {},
  verify: { outcome: 'equal', mismatches: 0 },
  'schema.watch': {},
  complete: {},
};
const watches: ReadonlySet<EffectName> = new Set(['lag.watch', 'verify.watch', 'soak.watch']);

/** Answers at once, and does nothing: what is left is the driver. */
function idleHandlers(): EffectHandlers {
  const handler = (_: object, name: string | symbol) => async () => {
    const effect = name as EffectName;
    if (effect in answers) return answers[effect];
    if (watches.has(effect)) return new Promise(() => {});
    throw new Error(`${effect} is no part of a move from end to end`);
  };
  return new Proxy({}, { get: handler }) as EffectHandlers;
}

/** How a crowd of moves went. */
export interface Crowd {
  /** Steps that were written down, in order. */
  readonly steps: readonly StepCommit[];
  readonly tookMs: number;
  /** Of this process (microseconds). */
  readonly cpuUs: number;
}

/** So many moves at once, from their start to their end, through a driver over this store. */
export async function moveCrowd(store: Store, moves: number, firstOrg: number, signal: AbortSignal): Promise<Crowd> {
  const ids: string[] = [];
  for (let n = 0; n < moves; n++) ids.push(await plan(store, firstOrg + n));
  const steps: StepCommit[] = [];
  const counting: Store = {
    ...store,
    async commit(step) {
      steps.push(step);
      await store.commit(step);
    },
  };
  const left = new Set(ids);
  const { promise: allEnded, resolve, reject } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  const driver = new Driver({
    instance: `bench-${randomBytes(4).toString('hex')}`,
    leaseMs: 2_000,
    store: counting,
    clock: systemClock,
    handlers: idleHandlers(),
    logger: pino({ level: 'silent' }),
    onState: ({ migrationId }, state) => {
      if (state === 'needsOperator') reject(new Error(`${migrationId} did not get to its end`));
      if (state === 'completed' && left.delete(migrationId) && left.size === 0) resolve();
    },
    onTaken: () => {},
    onReleased: () => {},
  });
  await driver.start();
  try {
    const startedAtMs = performance.now();
    const cpu = process.cpuUsage();
    await Promise.all(ids.map((id) => driver.command(id, 'start', 'bench', undefined)));
    await allEnded;
    const { user, system } = process.cpuUsage(cpu);
    return { steps, tookMs: performance.now() - startedAtMs, cpuUs: user + system };
  } finally {
    await driver.stop();
  }
}

async function plan(store: Store, orgId: number): Promise<string> {
  const migrationId = `m-bench-${orgId}`;
  const input = { migrationId, orgId, homeRegion, policy, generationBefore: 0, attemptBefore: 0 };
  const [{ value, context }] = initialTransition(migrationMachine, input);
  await store.create({
    id: migrationId,
    orgId,
    homeRegion,
    state: 'planned',
    atMs: Date.now(),
    journal: { version: journalVersion, value, context, asked: [], deadlines: {} },
    timeline: [],
  });
  return migrationId;
}
