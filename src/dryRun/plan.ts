import type { MigrationContext } from '../../statecharts/context.ts';
import type { EffectRun } from '../driver/handlers.ts';
import { CutoverError } from '../errors/index.ts';
import { clusterOf, type Estate } from '../estate/estate.ts';
import { reversePlan } from '../estate/taskPlans.ts';
import { newAttempt } from '../flip/attempt.ts';
import { commit } from '../flip/commit.ts';
import { drain } from '../flip/drain.ts';
import { fence } from '../flip/fence.ts';
import { hold } from '../flip/hold.ts';
import { marker } from '../flip/marker.ts';
import { park } from '../flip/park.ts';
import { pin } from '../flip/pin.ts';
import { release } from '../flip/release.ts';
import { RouteKeeper } from '../flip/routeKeeper.ts';
import { settle } from '../flip/settle.ts';
import type { RouteOwner } from '../ports/routing.ts';
import { cleanUp, complete } from '../steps/ending.ts';
import { createTask, reset } from '../steps/replicating.ts';
import { takeSnapshot } from '../steps/snapshot.ts';
import { type Describe, dryPlace, dryProxy, dryReplication, dryRouting, dryStore, type Markers } from './adapters.ts';
import { DryRecord, only } from './record.ts';
import { forwardPhases, type Phase, restOf } from './rest.ts';

/**
 * What the rest of a move would do, and where: its own steps run here, over adapters that record instead of acting. So
 * a plan cannot say what the move does not do.
 */
export async function dryRun(
  estate: Estate,
  describe: Describe,
  migration: MigrationContext,
  now: { readonly state: string; readonly epoch: number },
): Promise<DryRecord> {
  const record = new DryRecord();
  const known = await lookAround(estate, migration, record);
  const markers: Markers = [];
  const places = { sites: estate.sites.map((site) => dryPlace(site, record, markers)) };
  const dry: Estate = only<Estate>('estate', {
    sites: places.sites as unknown as Estate['sites'],
    clusters: new Map([[migration.homeRegion, dryPlace(clusterOf(estate, migration.homeRegion), record, markers)]]),
    replication: dryReplication(known.tasks, record, describe),
    routing: dryRouting(
      estate.routing,
      estate.routing.proxies.map((proxy) => dryProxy(proxy, record, describe)),
    ),
    // Asked before every step that writes; the plan is of the region that the move began with.
    directory: only<Estate['directory']>('directory', { homeRegion: async () => migration.homeRegion }),
    store: dryStore(record),
    clock: estate.clock,
    ids: only<Estate['ids']>('ids', { uuid: () => 'drawn then' }),
    logger: estate.logger,
    tables: estate.tables,
    catalogue: estate.catalogue,
    comparisons: only<Estate['comparisons']>('comparisons', { limits: estate.comparisons.limits }),
    holdHostgroups: estate.holdHostgroups,
    proxiesPatienceMs: estate.proxiesPatienceMs,
  });
  const rest = restOf(now.state, migration);
  if (rest.underWay) record.cannotKnow('how far the flip that is under way has come: the plan begins before it');
  const walk = new Walk(dry, record, migration, now.epoch, known);
  for (const phase of rest.phases) {
    try {
      await walk.go(phase);
    } catch (error) {
      if (!(error instanceof CutoverError)) throw error;
      record.cannotKnow(`${phase}: ${error.message}`);
    }
  }
  return record;
}

interface Known {
  readonly tasks: readonly string[];
  readonly slot: number;
}

/** What a plan needs of what is there; it is read as people read it, and changes nothing. */
async function lookAround(estate: Estate, migration: MigrationContext, record: DryRecord): Promise<Known> {
  const { orgId, homeRegion } = migration;
  await estate.routing.refresh();
  const [tasks, routes] = await Promise.allSettled([
    estate.replication.describeTasksOf(orgId, homeRegion),
    Promise.any(estate.routing.proxies.map((proxy) => proxy.publishedRoute(orgId))),
  ]);
  if (tasks.status === 'rejected') record.cannotKnow('which tasks of the org exist: DMS did not answer');
  const slot = routes.status === 'fulfilled' ? routes.value.slot : null;
  if (slot === null) {
    record.cannotKnow(
      'the ids of the org’s rules: they are given at its first flip; the first of the range stand for them',
    );
  }
  const { from, to } = estate.holdHostgroups;
  record.cannotKnow(`the number of a hold hostgroup: the next free one of ${from} to ${to}; ${from} stands for it`);
  record.cannotKnow('the binlog position that the way back starts from: it is read while nothing moves');
  return { tasks: tasks.status === 'fulfilled' ? tasks.value.map(({ id }) => id) : [], slot: slot ?? 1 };
}

/** Goes through the phases in order, as the machine would if all went well. */
class Walk {
  readonly #dry: Estate;
  readonly #record: DryRecord;
  readonly #keeper: RouteKeeper;
  readonly #epoch: number;
  readonly #slot: number;
  #migration: MigrationContext;

  constructor(dry: Estate, record: DryRecord, migration: MigrationContext, epoch: number, { slot }: Known) {
    this.#dry = dry;
    this.#record = record;
    this.#keeper = new RouteKeeper(dry);
    this.#migration = migration;
    this.#epoch = epoch;
    this.#slot = slot;
  }

  async go(phase: Phase): Promise<void> {
    this.#record.begin(phase);
    const { policy } = this.#migration;
    for (const wait of forwardPhases[phase]?.(policy) ?? []) this.#record.waits(wait);
    const run = this.#run();
    switch (phase) {
      case 'snapshot':
        await takeSnapshot(this.#dry, run);
        this.#record.cannotKnow(
          'the size of the largest LOB, and with it the LOB settings of the tasks, before the snapshot',
        );
        return;
      case 'replicating':
        if (this.#migration.replicationTries === 0) {
          const { generation, replicationTries } = this.#migration;
          this.#migration = { ...this.#migration, generation: generation + 1, replicationTries: replicationTries + 1 };
        } else await reset(this.#dry, run);
        return createTask(this.#dry, this.#run());
      case 'flipping':
        return this.#flip('forward');
      case 'rollingBack':
        return this.#flip('back');
      case 'completing':
        return complete(this.#dry, this.#keeper, this.#owner(), run);
      case 'cleaningUp':
        return cleanUp(this.#dry, this.#keeper, this.#owner(), run);
    }
  }

  /** The steps of the flip in their order, each under its own name. */
  async #flip(direction: 'forward' | 'back'): Promise<void> {
    const serving = direction === 'forward' ? 'source' : 'cluster';
    this.#migration = { ...this.#migration, direction, serving, attempt: this.#migration.attempt + 1 };
    const [dry, record, run] = [this.#dry, this.#record, this.#run()];
    const attempt = newAttempt(this.#migration, this.#owner(), dry.holdHostgroups.from);
    if (direction === 'forward') await dry.replication.ensureTask(reversePlan(dry, this.#migration), run.signal);
    attempt.fleetRevision = (await dry.routing.refresh()).revision;
    for (const proxy of dry.routing.proxies) {
      attempt.comments.set(
        proxy.name,
        await proxy.setRoute(attempt.owner, 'prepare', { kind: serving }, '', run.signal),
      );
    }
    const steps = { hold, drain, fence, marker, pin, park, commit };
    for (const [name, step] of Object.entries(steps)) {
      record.begin(`${direction === 'forward' ? 'flipping' : 'rollingBack'}.${name}`);
      await step(dry, attempt, run);
    }
    record.begin(direction === 'forward' ? 'flipping.release' : 'rollingBack.release');
    await release(dry, attempt, this.#keeper, run);
    record.begin(direction === 'forward' ? 'verifying.settling' : 'rollingBack.settling');
    await settle(dry, attempt, run);
    // What is retired beside it waits for nothing here.
    await new Promise((resolve) => setImmediate(resolve));
    this.#migration = { ...this.#migration, serving: direction === 'forward' ? 'cluster' : 'source' };
  }

  #owner(): RouteOwner {
    const { orgId, homeRegion, attempt } = this.#migration;
    return { orgId, homeRegion, slot: this.#slot, epoch: this.#epoch, attempt };
  }

  #run(): EffectRun {
    const { signal } = new AbortController();
    return {
      migration: this.#migration,
      epoch: this.#epoch,
      signal,
      ownership: signal,
      note: () => {},
      waitsFor: () => {},
    };
  }
}
