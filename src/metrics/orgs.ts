import type { Registry } from 'prom-client';
import type { MigrationContext } from '../../statecharts/context.ts';
import type { GuardCode } from '../errors/index.ts';
import type { LagSample } from '../heartbeat/lag.ts';
import type { Clock } from '../ports/clock.ts';
import { seconds } from './calls.ts';
import { counter, gauge, histogram } from './registry.ts';
import { beganGoingBack, reasonOf } from './wayBack.ts';

/** Upper bounds of the time in a phase (seconds): a moment to two days. */
const phaseBuckets = [1, 5, 15, 60, 300, 900, 3_600, 4 * 3_600, 12 * 3_600, 86_400, 2 * 86_400];

/** A move that this controller owns, as its last step left it. */
export interface OwnedOrg {
  readonly context: MigrationContext;
  readonly state: string;
  /** Since when it is in its phase here (monotonic milliseconds). */
  readonly phaseSinceMs: number;
  /** Since when its clients wait (monotonic milliseconds); null while they do not. */
  readonly heldSinceMs: number | null;
  /** When it was last seen to change sides (epoch milliseconds). */
  readonly flippedAtMs: number | null;
}

/**
 * The moves that this controller owns, and what is counted of them. Series that name an org are there from its start
 * until its end only: thousands of orgs leave nothing behind.
 */
export class OwnedOrgs {
  readonly #owned = new Map<string, OwnedOrg>();
  readonly #clock: Clock;
  readonly #count: ReturnType<typeof counters>;

  constructor(registry: Registry, clock: Clock, homeRegions: readonly string[]) {
    this.#clock = clock;
    this.#count = counters(registry, homeRegions);
    this.#gauges(registry);
  }

  get all(): readonly OwnedOrg[] {
    return [...this.#owned.values()];
  }

  get(migrationId: string): OwnedOrg | undefined {
    return this.#owned.get(migrationId);
  }

  /** True while clients of an org wait, or are about to: nothing may be asked of a proxy that is not needed. */
  get inFlip(): boolean {
    return this.all.some(({ context, state }) => context.serving === 'held' || aboutToHold.test(state));
  }

  /** `sinceMs`: since when the move is in this state, epoch milliseconds. */
  onState(context: MigrationContext, state: string, sinceMs: number): void {
    const before = this.#owned.get(context.migrationId);
    const nowMs = this.#clock.monotonicMs();
    const phase = phaseOf(state);
    const samePhase = before !== undefined && phaseOf(before.state) === phase;
    if (before !== undefined && !samePhase) this.#leave(before, nowMs);
    if (before !== undefined) this.#countChange(before, context, state);
    const agoMs = Math.max(0, this.#clock.nowMs() - sinceMs);
    this.#owned.set(context.migrationId, {
      context,
      state,
      phaseSinceMs: samePhase ? before.phaseSinceMs : nowMs - agoMs,
      heldSinceMs: context.serving === 'held' ? (before?.heldSinceMs ?? nowMs - agoMs) : null,
      flippedAtMs: this.#flippedAt(before, context),
    });
  }

  /** Ended, or somebody else's by now. */
  onReleased(migrationId: string): void {
    this.#owned.delete(migrationId);
  }

  /** The lag of each org that is tracked, and what it may be. */
  showLag(registry: Registry, lagOf: (orgId: number) => LagSample | null): void {
    gauge(
      registry,
      {
        name: 'lag_seconds',
        help: 'Heartbeat lag of an org in flight or soaking, end to end: forward to the cluster, back to the sites',
        labels: ['org', 'home_region', 'direction'],
      },
      (metric) => {
        for (const { context } of this.all) {
          const sample = lagOf(context.orgId);
          // A sample that stands still says nothing of now: it grows by its age.
          if (sample === null) continue;
          const staleMs = Math.max(0, this.#clock.monotonicMs() - sample.atMs - freshMs);
          metric.set({ ...orgLabels(context), direction: lagDirection(context) }, seconds(sample.lagMs + staleMs));
        }
      },
    );
    gauge(
      registry,
      {
        name: 'lag_limit_seconds',
        help: 'What the policy allows: the gate forward, the limit of the way back',
        labels: ['org', 'home_region', 'direction'],
      },
      (metric) => {
        for (const { context } of this.all) {
          const { lagGateMs, reverseLagMs } = context.policy;
          const direction = lagDirection(context);
          metric.set({ ...orgLabels(context), direction }, seconds(direction === 'back' ? reverseLagMs : lagGateMs));
        }
      },
    );
  }

  #flippedAt(before: OwnedOrg | undefined, { serving }: MigrationContext): number | null {
    const was = before?.context.serving;
    const changed = was !== undefined && was !== serving && serving !== 'held';
    return changed ? this.#clock.nowMs() : (before?.flippedAtMs ?? null);
  }

  #leave({ state, phaseSinceMs, context: { homeRegion } }: OwnedOrg, nowMs: number): void {
    this.#count.phases.observe({ home_region: homeRegion, phase: phaseOf(state) }, seconds(nowMs - phaseSinceMs));
  }

  #countChange(before: OwnedOrg, context: MigrationContext, state: string): void {
    const home_region = context.homeRegion;
    if (beganGoingBack(before, state)) this.#count.rollbacks.inc({ home_region, reason: reasonOf(context) });
    if (phaseOf(state) === 'needsOperator' && phaseOf(before.state) !== 'needsOperator') {
      this.#count.stops.inc({ home_region, reason: context.reason?.code ?? 'UNKNOWN' });
    }
    if (context.outcome !== null && before.context.outcome === null) {
      this.#count.ends.inc({ home_region, outcome: context.outcome });
    }
  }

  #gauges(registry: Registry): void {
    gauge(
      registry,
      {
        name: 'org_state',
        help: '1 for the state of each move that this controller owns; reason is the code of its last failure',
        labels: ['org', 'home_region', 'migration', 'state', 'serving', 'reason'],
      },
      (metric) => {
        for (const { context, state } of this.all) {
          const reason = context.reason?.code ?? '';
          const { migrationId: migration, serving } = context;
          metric.set({ ...orgLabels(context), migration, state, serving, reason }, 1);
        }
      },
    );
    gauge(
      registry,
      {
        name: 'org_held_seconds',
        help: 'How long the clients of an org have been waiting in a hold; no series while they do not',
        labels: ['org', 'home_region'],
      },
      (metric) => {
        for (const { context, heldSinceMs } of this.all) {
          if (heldSinceMs === null) continue;
          metric.set(orgLabels(context), seconds(this.#clock.monotonicMs() - heldSinceMs));
        }
      },
    );
    gauge(
      registry,
      {
        name: 'org_flip_budget_seconds',
        help: 'The longest hold that the policy of the move allows',
        labels: ['org', 'home_region'],
      },
      (metric) => {
        for (const { context } of this.all) metric.set(orgLabels(context), seconds(context.policy.flipBudgetMs));
      },
    );
    gauge(
      registry,
      {
        name: 'org_flipped_timestamp_seconds',
        help: 'When this controller last saw the org change sides (Unix time)',
        labels: ['org', 'home_region'],
      },
      (metric) => {
        for (const { context, flippedAtMs } of this.all) {
          if (flippedAtMs !== null) metric.set(orgLabels(context), seconds(flippedAtMs));
        }
      },
    );
  }
}

const aboutToHold = /\.(prepare|hold|recovering|release|aborting)$/;

/** A sample younger than this is as good as new (milliseconds): heartbeats are read every few. */
const freshMs = 3_000;

function counters(registry: Registry, homeRegions: readonly string[]) {
  const rollbacks = counter(registry, {
    name: 'rollbacks_total',
    help: 'Ways back begun after a flip, by what began them: the code of a guard, or REQUESTED',
    labels: ['home_region', 'reason'],
  });
  const ends = counter(registry, {
    name: 'migrations_ended_total',
    help: 'Moves that ended, by how',
    labels: ['home_region', 'outcome'],
  });
  const stops = counter(registry, {
    name: 'operator_stops_total',
    help: 'Moves that stopped for a person, by why',
    labels: ['home_region', 'reason'],
  });
  const phases = histogram(
    registry,
    {
      name: 'phase_duration_seconds',
      help: 'Time that moves spent in a phase of the machine, seen when they leave it',
      labels: ['home_region', 'phase'],
    },
    phaseBuckets,
  );
  // A series that begins with 1 shows no increase: what may be alerted about begins with 0.
  for (const home_region of homeRegions) {
    for (const reason of [...guardCodes, 'SIDES_DIFFER', 'REQUESTED']) rollbacks.inc({ home_region, reason }, 0);
    for (const outcome of ['completed', 'rolledBack', 'cancelled']) ends.inc({ home_region, outcome }, 0);
  }
  return { rollbacks, ends, stops, phases };
}

const guardCodes = [
  'REVERSE_LAG',
  'CLUSTER_UNHEALTHY',
  'REVERSE_TASK_FAILED',
  'ERROR_RATE_HIGH',
  'CLUSTER_ERROR_RATE_HIGH',
] as const satisfies readonly GuardCode[];

export function phaseOf(state: string): string {
  return state.split('.')[0] ?? state;
}

export function orgLabels({ orgId, homeRegion }: Pick<MigrationContext, 'orgId' | 'homeRegion'>) {
  return { org: String(orgId), home_region: homeRegion };
}

/** Which way heartbeats travel: back as long as the cluster serves, or does while the org is held on its way back. */
function lagDirection({ serving, direction }: MigrationContext): 'forward' | 'back' {
  if (serving === 'held') return direction;
  return serving === 'cluster' ? 'back' : 'forward';
}
