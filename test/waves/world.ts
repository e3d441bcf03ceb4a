import { pino } from 'pino';
import { systemClock } from '../../src/adapters/clock.ts';
import { CommandNotAllowedError, SecondPersonError } from '../../src/errors/index.ts';
import type { MigrationRow } from '../../src/ports/store.ts';
import type { Actor, MigrationService, MigrationStatus } from '../../src/service/status.ts';
import { createWaves } from '../../src/service/waves.ts';
import { WaveDriver } from '../../src/waves/driver.ts';
import { waveRequestSchema } from '../../src/waves/settings.ts';
import type { Policy } from '../../statecharts/policy.ts';
import { policyWith } from '../statecharts/machine.ts';
import { type AnyStore, plannedJournal, type StoreInstance, take } from '../store/world.ts';

export const alice: Actor = { name: 'alice', role: 'operator', from: '10.0.0.1' };
export const bob: Actor = { name: 'bob', role: 'approver', from: '10.0.0.2' };

/** Orgs of the directory, with their rows at the source. */
export interface Directory {
  readonly [orgId: number]: { readonly homeRegion: string | null; readonly rows: number };
}

/** The real service and drivers of waves over a real store. Only the moves themselves are played by hand. */
export class WaveWorld {
  readonly instance: StoreInstance;
  /** What the drivers and nobody else asked of moves: `create 42 by alice`. */
  readonly given: string[] = [];
  /** Thrown by the next command of the name, then forgotten. */
  readonly failures = new Map<string, unknown>();
  readonly waves: ReturnType<typeof createWaves>;
  readonly policy: Policy;
  readonly #directory: Directory;
  readonly #limits: { source: number; instance: number; cluster: number; flips: number };
  readonly #drivers: WaveDriver[] = [];
  /** Last attempt of each org. */
  readonly #attempts = new Map<number, number>();
  /** While it is set, nothing that the drivers ask of moves comes back. */
  stalled: Promise<void> | null = null;

  constructor(
    instance: StoreInstance,
    {
      orgs = {},
      policy = { approval: 'auto' },
      limits = {},
    }: { orgs?: Directory; policy?: Partial<Policy>; limits?: Partial<WaveWorld['limits']> } = {},
  ) {
    this.instance = instance;
    this.#directory = orgs;
    this.policy = policyWith(policy);
    this.#limits = { source: 100, instance: 100, cluster: 100, flips: 100, ...limits };
    const { store } = instance;
    this.waves = createWaves({
      estate: {
        store,
        clock: systemClock,
        ids: { uuid: () => crypto.randomUUID() },
        tables: [],
        directory: { orgs: async (query: Parameters<WaveWorld['orgs']>[0]) => this.orgs(query) },
        sites: [{ estimatedRows: async () => new Map(this.#rows()) }],
        replication: { taskQuotas: async () => [{ where: 'region eu-west-2', used: 590, max: 600 }] },
      } as unknown as Parameters<typeof createWaves>[0]['estate'],
      policy: this.policy,
      limits: this.#limits,
      rowsPerSecond: 1_000,
      instanceOf: (homeRegion) => homeRegion,
      leaseMs: 1_000,
      onCommand: () => this.wake(),
    });
  }

  get limits() {
    return this.#limits;
  }

  get store(): AnyStore {
    return this.instance.store;
  }

  create(request: object, actor = alice) {
    return this.waves.create(waveRequestSchema.parse({ name: 'test', ...request }), actor);
  }

  orgs({
    homeRegion,
    orgIds,
    after,
    limit,
  }: {
    homeRegion?: string;
    orgIds?: readonly number[];
    after: number;
    limit: number;
  }) {
    return Object.entries(this.#directory)
      .map(([orgId, org]) => ({ orgId: Number(orgId), homeRegion: org.homeRegion }))
      .filter((org) => org.orgId > after && (homeRegion === undefined || org.homeRegion === homeRegion))
      .filter(({ orgId }) => orgIds?.includes(orgId) ?? true)
      .slice(0, limit);
  }

  #rows(): [number, number][] {
    return Object.entries(this.#directory).map(([orgId, { rows }]) => [Number(orgId), rows]);
  }

  /** Another controller's driver of waves; `instance` names it. */
  drive(instance: string, leaseMs = 1_000): WaveDriver {
    const driver = new WaveDriver({
      store: this.instance.another(),
      clock: systemClock,
      limits: this.#limits,
      instanceOf: (homeRegion) => homeRegion,
      leaseMs,
      migrations: this.#migrations(instance),
      logger: pino({ level: 'silent' }),
      instance,
    });
    this.#drivers.push(driver);
    driver.start();
    return driver;
  }

  wake(): void {
    for (const driver of this.#drivers) driver.wake();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#drivers.map((driver) => driver.stop()));
  }

  /** The move of an org; there has to be one. */
  async move(orgId: number): Promise<MigrationRow> {
    const row = await this.store.newestOf(orgId);
    if (row === null) throw new Error(`org ${orgId} has no move`);
    return row;
  }

  /** The org's move comes to a state; `approved` is what its context says. */
  async comeTo(
    orgId: number,
    state: string,
    approved = false,
    changes: Partial<MigrationRow['journal']['context']> = {},
  ): Promise<void> {
    const row = await this.move(orgId);
    const attempt = this.#attempts.get(orgId) ?? row.journal.context.attempt;
    const context = { ...row.journal.context, approved, attempt, ...changes };
    const serving = /^(verifying|soaking|completing|completed|rollingBack)/.test(state) ? 'cluster' : 'source';
    const ended = ['completed', 'rolledBack', 'cancelled'].includes(state);
    await this.store.commit({
      id: row.id,
      epoch: row.epoch,
      revision: row.revision,
      state,
      sinceMs: Date.now(),
      ended,
      journal: { ...row.journal, context: { ...context, serving } },
      timeline: [],
      commands: [],
    });
    this.wake();
  }

  /** One attempt at a flip, ended. */
  async attempt(orgId: number, attempt: number, decision: 'commit' | 'abort', writePauseMs = 100): Promise<void> {
    this.#attempts.set(orgId, attempt);
    const { id, epoch } = await this.move(orgId);
    const own = { migrationId: id, attempt, epoch };
    await this.store.beginAttempt({
      ...own,
      direction: 'forward',
      hostgroups: { from: 9_000, to: 9_999 },
      atMs: Date.now(),
    });
    await this.store.decide({ ...own, decision, pinned: null });
    await this.store.reportAttempt(id, attempt, {
      phases: [],
      writePauseMs,
      readPauseMs: null,
      endedAtMs: Date.now(),
      reason: null,
    });
  }

  /** A move is created as the service does it, and goes no further than it is led. */
  #migrations(instance: string): Pick<MigrationService, 'create' | 'command'> {
    const { store } = this;
    return {
      create: async ({ orgId, wave, policy }, actor) => {
        await this.#asked(instance, `create ${orgId} by ${actor.name}`, 'create');
        if (policy?.approval !== 'manual') throw new Error('an org of a wave would flip by itself');
        const id = `m-${orgId}`;
        await store.create({
          id,
          orgId,
          homeRegion: this.#directory[orgId]?.homeRegion ?? 'eu-west-2',
          ...(wave !== undefined && { waveId: wave }),
          state: 'planned',
          atMs: Date.now(),
          journal: plannedJournal(orgId, id),
          timeline: [],
        });
        await take(store, 'owner');
        return { id, orgId } as MigrationStatus;
      },
      command: async (id, command, _input, actor) => {
        const orgId = Number(id.slice(2));
        await this.#asked(instance, `${command} ${orgId} by ${actor.name}`, command);
        const { state } = await this.move(orgId);
        if (command === 'start' && state === 'planned') await this.comeTo(orgId, 'preflight');
        if (command === 'approve') {
          if (this.policy.approvedBy === 'another' && actor.name === 'alice')
            throw new SecondPersonError('approve', 'alice');
          if (state !== 'ready') throw new CommandNotAllowedError('approve', state, []);
          await this.comeTo(orgId, 'flipping.prepare', true);
        }
        if (command === 'cancel') await this.comeTo(orgId, 'cancelled');
        if (command === 'rollback')
          await this.comeTo(orgId, state.startsWith('soaking') ? 'rollingBack.catchUp' : 'rolledBack');
        return { id, orgId } as MigrationStatus;
      },
    };
  }

  async #asked(instance: string, what: string, command: string): Promise<void> {
    await this.stalled;
    this.given.push(this.#drivers.length > 1 ? `${instance}: ${what}` : what);
    const failure = this.failures.get(command);
    this.failures.delete(command);
    if (failure !== undefined) throw failure;
  }
}

/** Orgs that the directory has, of one region, with as many rows as their id. */
export function orgs(...ids: number[]): Directory {
  return Object.fromEntries(ids.map((orgId) => [orgId, { homeRegion: 'eu-west-2', rows: orgId }]));
}
