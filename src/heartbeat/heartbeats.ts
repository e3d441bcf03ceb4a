import type { Logger } from '../driver/logger.ts';
import { messageOf } from '../errors/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { Place } from '../ports/place.ts';
import { LagHistory, type PastLag } from './history.ts';
import { LagMeter, type LagSample, percentile } from './lag.ts';

/** Time between two beats around a flip, and otherwise (milliseconds). */
export const fastBeatMs = 100;
export const slowBeatMs = 2_000;
/** Time between two looks at the other side while beats are under way (milliseconds). */
const lookEveryMs = 50;
/** Time between two samples for the history (milliseconds). */
const rememberEveryMs = 1_000;

/** Which way an org's heartbeats travel, and how often. */
export interface HeartbeatPlan {
  readonly direction: 'forward' | 'back';
  readonly origins: readonly Place[];
  readonly observers: readonly Place[];
  readonly fast: boolean;
}

interface Tracked {
  plan: HeartbeatPlan;
  dueAtMs: number;
  /** Keyed by `origin>observer`. */
  readonly meters: Map<string, LagMeter>;
}

/**
 * Writes and reads the heartbeats of all orgs in flight: one statement per place and round, whatever their number.
 * An observation that failed leaves no sample: a missing one is neither lag nor health.
 */
export class Heartbeats {
  readonly #tracked = new Map<number, Tracked>();
  readonly #histories = new Map<number, LagHistory>();
  #rememberedAtMs = Number.NEGATIVE_INFINITY;
  readonly #stopping = new AbortController();
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #busy = new Set<Place>();
  #loop: Promise<void> | null = null;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  start(): void {
    this.#loop ??= this.#rounds();
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('heartbeats stop'));
    await this.#loop;
  }

  /** Sets how an org is tracked; null ends it. A change of direction begins its measurement anew. */
  set(orgId: number, plan: HeartbeatPlan | null): void {
    const tracked = this.#tracked.get(orgId);
    if (plan === null) {
      this.#tracked.delete(orgId);
      this.#histories.delete(orgId);
    } else if (tracked !== undefined && tracked.plan.direction === plan.direction) {
      if (plan.fast && !tracked.plan.fast) tracked.dueAtMs = 0;
      tracked.plan = plan;
    } else {
      this.#tracked.set(orgId, { plan, dueAtMs: 0, meters: new Map() });
    }
  }

  /** The worst lag over all origins and observers; null while one of them has no sample. */
  lag(orgId: number): LagSample | null {
    const tracked = this.#tracked.get(orgId);
    if (tracked === undefined) return null;
    let worst: LagSample | null = null;
    for (const origin of tracked.plan.origins) {
      for (const observer of tracked.plan.observers) {
        const sample = tracked.meters.get(`${origin.name}>${observer.name}`)?.last;
        if (sample == null) return null;
        if (worst === null || sample.lagMs > worst.lagMs) worst = { ...sample, origin: origin.name };
      }
    }
    return worst;
  }

  /** Lag of the last hour, as far as this controller measured it. */
  history(orgId: number): readonly PastLag[] {
    return this.#histories.get(orgId)?.points ?? [];
  }

  /** True once every origin's beats have been seen by every observer. */
  arrived(orgId: number): boolean {
    const tracked = this.#tracked.get(orgId);
    if (tracked === undefined) return false;
    const { origins, observers } = tracked.plan;
    return origins.every((origin) =>
      observers.every((observer) => tracked.meters.get(`${origin.name}>${observer.name}`)?.arrived === true),
    );
  }

  /** True when a beat that every origin sent after `sinceMs` (monotonic) has arrived: with it, all from before has. */
  arrivedSince(orgId: number, sinceMs: number): boolean {
    const tracked = this.#tracked.get(orgId);
    if (tracked === undefined) return false;
    const { origins, observers } = tracked.plan;
    return origins.every((origin) =>
      observers.every(
        (observer) => (tracked.meters.get(`${origin.name}>${observer.name}`)?.arrivedSentAtMs ?? -1) > sinceMs,
      ),
    );
  }

  /** 95th percentile of the travel times lately measured, the slowest path's; null before the first arrival. */
  travelP95Ms(orgId: number): number | null {
    const meters = [...(this.#tracked.get(orgId)?.meters.values() ?? [])];
    if (meters.length === 0 || meters.some((meter) => !meter.arrived)) return null;
    return Math.max(...meters.map((meter) => percentile(meter.travels, 0.95)));
  }

  async #rounds(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      this.#beatDue();
      this.#look();
      this.#remember();
      await this.#clock.sleep(lookEveryMs, this.#stopping.signal).catch(() => {});
    }
  }

  #beatDue(): void {
    const now = this.#clock.monotonicMs();
    const due = new Map<Place, number[]>();
    for (const [orgId, tracked] of this.#tracked) {
      if (tracked.dueAtMs > now) continue;
      tracked.dueAtMs = now + (tracked.plan.fast ? fastBeatMs : slowBeatMs);
      for (const origin of tracked.plan.origins) due.set(origin, [...(due.get(origin) ?? []), orgId]);
    }
    for (const [origin, orgIds] of due) void this.#beat(origin, orgIds);
  }

  async #beat(origin: Place, orgIds: readonly number[]): Promise<void> {
    const sentAtMs = this.#clock.monotonicMs();
    try {
      for (const [orgId, seq] of await origin.beat(orgIds)) {
        const tracked = this.#tracked.get(orgId);
        if (tracked === undefined || !tracked.plan.origins.includes(origin)) continue;
        for (const observer of tracked.plan.observers)
          this.#meter(tracked, origin.name, observer.name).sent(seq, sentAtMs);
      }
    } catch (error) {
      this.#logger.debug({ place: origin.name, err: messageOf(error) }, 'a heartbeat could not be written');
    }
  }

  #look(): void {
    const wanted = new Map<Place, number[]>();
    for (const [orgId, tracked] of this.#tracked) {
      for (const observer of tracked.plan.observers) wanted.set(observer, [...(wanted.get(observer) ?? []), orgId]);
    }
    for (const [observer, orgIds] of wanted) if (!this.#busy.has(observer)) void this.#observe(observer, orgIds);
  }

  async #observe(observer: Place, orgIds: readonly number[]): Promise<void> {
    this.#busy.add(observer);
    try {
      const arrived = await observer.readHeartbeats(orgIds);
      const atMs = this.#clock.monotonicMs();
      for (const [orgId, heartbeats] of arrived) {
        const tracked = this.#tracked.get(orgId);
        if (tracked === undefined || !tracked.plan.observers.includes(observer)) continue;
        for (const { site, seq } of heartbeats) {
          if (!tracked.plan.origins.some(({ name }) => name === site)) continue;
          this.#meter(tracked, site, observer.name).seen(seq, atMs);
        }
      }
    } catch (error) {
      this.#logger.debug({ place: observer.name, err: messageOf(error) }, 'heartbeats could not be read');
    } finally {
      this.#busy.delete(observer);
    }
  }

  #remember(): void {
    const now = this.#clock.monotonicMs();
    if (now - this.#rememberedAtMs < rememberEveryMs) return;
    this.#rememberedAtMs = now;
    for (const [orgId, { plan }] of this.#tracked) {
      const sample = this.lag(orgId);
      if (sample === null) continue;
      const history = this.#histories.get(orgId) ?? new LagHistory();
      this.#histories.set(orgId, history);
      history.add(Math.round(this.#clock.nowMs() - (now - sample.atMs)), plan.direction, Math.round(sample.lagMs));
    }
  }

  #meter(tracked: Tracked, origin: string, observer: string): LagMeter {
    const key = `${origin}>${observer}`;
    const meter = tracked.meters.get(key) ?? new LagMeter();
    tracked.meters.set(key, meter);
    return meter;
  }
}
