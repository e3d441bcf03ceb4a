import { isTransient } from '../errors/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { Place } from '../ports/place.ts';
import { SharedReading } from '../soaking/shared.ts';
import { beatSites, type SiteBeats } from './siteBeats.ts';

/** When the source counts as strained, and when as calm again: between the two it stays what it was. */
export interface SourceLoadLimits {
  /** Statements that run at a site. */
  readonly busyThreads: number;
  readonly calmThreads: number;
  /** How far a site is behind another one (milliseconds). */
  readonly lagMs: number;
  readonly calmLagMs: number;
  /** Free space of a site's fullest disk (bytes); null: nobody asks. */
  readonly freeDiskBytes: number | null;
  readonly calmFreeDiskBytes: number | null;
}

/** How old a reading may be for those who share it (milliseconds). */
const threadsFreshMs = 1_000;
const lagFreshMs = 500;
const diskFreshMs = 60_000;
/** How long a look waits for beats that are on their way, and how often it looks (milliseconds). */
const travelPatienceMs = 1_000;
const travelLookMs = 50;
/** Time between two looks of somebody who waits (milliseconds). */
const waitMs = 500;

/** One measure of one site. Over the one limit it is on, under the other off; a missing sample changes nothing. */
class Brake {
  readonly #over: number;
  readonly #under: number;
  #on = false;

  constructor(over: number, under: number) {
    this.#over = over;
    this.#under = under;
  }

  /** Answers with whether it is on. */
  see(sample: number | null): boolean {
    if (sample !== null && sample > this.#over) this.#on = true;
    else if (sample !== null && sample <= this.#under) this.#on = false;
    return this.#on;
  }
}

/**
 * Whether the sites can bear new work: what is asked is asked once for all who want to begin something. What runs is
 * not stopped by it, and nothing asks inside a hold.
 */
export class SourceLoad {
  readonly #sites: readonly Place[];
  readonly #clock: Clock;
  readonly #limits: SourceLoadLimits;
  readonly #threads = new Map<Place, SharedReading<number>>();
  readonly #disks = new Map<Place, SharedReading<number | null>>();
  readonly #brakes = new Map<string, Brake>();
  readonly #lag: SharedReading<{ readonly ms: number; readonly arrived: boolean }>;
  /** Beats that are under way, and when they were sent (monotonic). */
  #travelling: { readonly beats: SiteBeats; readonly sentAtMs: number } | null = null;
  /** Whose heartbeats are sent: the org that asked last. */
  #orgId = 0;

  constructor(deps: { sites: readonly Place[]; clock: Clock; limits: SourceLoadLimits }) {
    this.#sites = deps.sites;
    this.#clock = deps.clock;
    this.#limits = deps.limits;
    this.#lag = new SharedReading(this.#clock, lagFreshMs, () => this.#measureLag());
  }

  /** Statements that run at a place, asked once a second for everybody. */
  threadsAt(place: Place): Promise<number> {
    return shared(
      this.#threads,
      place,
      () => new SharedReading(this.#clock, threadsFreshMs, () => place.runningThreads()),
    ).get();
  }

  /** What strains the source, in words; null: nothing does. `orgId` is whose heartbeats may travel for it. */
  async strain(orgId: number): Promise<string | null> {
    this.#orgId = orgId;
    const { busyThreads, calmThreads, lagMs, calmLagMs, freeDiskBytes, calmFreeDiskBytes } = this.#limits;
    const found: string[] = [];
    const look = (name: string, sample: number | null, [over, under]: readonly [number, number], text: string) => {
      const brake = shared(this.#brakes, name, () => new Brake(over, under));
      if (brake.see(sample)) found.push(text);
    };
    for (const site of this.#sites) {
      const threads = await sampled(() => this.threadsAt(site));
      const text = `${threads ?? 'an unknown number of'} statements run at ${site.name} (calm at ${calmThreads})`;
      look(`threads ${site.name}`, threads, [busyThreads, calmThreads], text);
    }
    if (this.#sites.length > 1) {
      const lag = await sampled(() => this.#lag.get());
      // What is still on its way is the least that it can be: enough to put the brake on, never to let go of it.
      const counts = lag !== null && (lag.arrived || lag.ms > lagMs);
      const behind =
        lag === null ? 'how far is not known' : `by ${Math.round(lag.ms)} ms${lag.arrived ? '' : ' or more'}`;
      const text = `a site is behind another, ${behind} (calm at ${calmLagMs} ms)`;
      look('lag', counts ? lag.ms : null, [lagMs, calmLagMs], text);
    }
    if (freeDiskBytes !== null) {
      const calm = calmFreeDiskBytes ?? freeDiskBytes;
      for (const site of this.#sites) {
        const free = await sampled(() => this.#freeDisk(site));
        const text = `${free ?? 'an unknown number of'} bytes are free at ${site.name} (calm at ${calm})`;
        look(`disk ${site.name}`, free === null ? null : -free, [-freeDiskBytes, -calm], text);
      }
    }
    return found.length === 0 ? null : found.join('; ');
  }

  /** Resolves when nothing strains the source; says meanwhile what does. */
  async untilCalm(
    orgId: number,
    what: string,
    waitsFor: (what: string | null) => void,
    signal: AbortSignal,
  ): Promise<void> {
    for (let waited = false; ; waited = true) {
      signal.throwIfAborted();
      const strain = await this.strain(orgId);
      if (strain === null) {
        if (waited) waitsFor(null);
        return;
      }
      waitsFor(`the source to be calm before ${what}: ${strain}`);
      await this.#clock.sleep(waitMs, signal);
    }
  }

  #freeDisk(site: Place): Promise<number | null> {
    return shared(
      this.#disks,
      site,
      () => new SharedReading(this.#clock, diskFreshMs, () => site.freeDiskBytes()),
    ).get();
  }

  /**
   * How long the last beats travelled between the sites, or how long those under way have been by now: with a clock that
   * is one and the same. A site that stands still so shows a lag that grows.
   */
  async #measureLag(): Promise<{ ms: number; arrived: boolean }> {
    if (this.#travelling === null) {
      const sentAtMs = this.#clock.monotonicMs();
      this.#travelling = { beats: await beatSites(this.#sites, this.#orgId), sentAtMs };
    }
    const { beats, sentAtMs } = this.#travelling;
    const untilMs = this.#clock.monotonicMs() + travelPatienceMs;
    for (;;) {
      const outstanding = await beats.outstanding();
      const nowMs = this.#clock.monotonicMs();
      const arrived = outstanding.length === 0;
      if (arrived) this.#travelling = null;
      if (arrived || nowMs >= untilMs) return { ms: nowMs - sentAtMs, arrived };
      await this.#clock.sleep(travelLookMs);
    }
  }
}

function shared<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key) ?? make();
  map.set(key, known);
  return known;
}

/** A place that does not answer gives no sample; nor does an org that has no heartbeats. */
async function sampled<T>(read: () => Promise<T>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (!isTransient(error) && !isMissing(error)) throw error;
    return null;
  }
}

const isMissing = (error: unknown) => (error as { code?: unknown }).code === 'HEARTBEAT_ROW_MISSING';
