import type { Logger } from '../driver/logger.ts';
import { CutoverError, messageOf, ReturnPathUnprovenError } from '../errors/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { Place } from '../ports/place.ts';
import { pseudoOrgId, type Replication } from '../ports/replication.ts';
import { carryingTask } from './task.ts';

/** How long a proof is believed, so that flips do not wait for one each (milliseconds). */
const believedMs = 30_000;
/** A heartbeat has to arrive at every site within this time (milliseconds). */
const arriveWithinMs = 10_000;
/** Making and starting the task takes minutes where it is the first (milliseconds). */
const taskWithinMs = 15 * 60_000;
/** Time between two looks at the sites (milliseconds). */
const lookEveryMs = 50;

/** What the proof needs of the estate. */
export interface ReturnPathDeps {
  /** The first is the tasks' site. */
  readonly sites: readonly [Place, ...Place[]];
  readonly clusters: ReadonlyMap<string, Place>;
  readonly replication: Replication;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Proves, before any org depends on it, that what is written at a cluster arrives at every site: one tiny task per home
 * region, of a pseudo org and shared by all, carries nothing but that cluster's heartbeats of it.
 */
export class ReturnPath {
  readonly #deps: ReturnPathDeps;
  readonly #provenAtMs = new Map<string, number>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #closing = new AbortController();

  constructor(deps: ReturnPathDeps) {
    this.#deps = deps;
  }

  /** Begins a proof beside other work, so that the region's task is there when a flip asks. Never throws. */
  begin(homeRegion: string): void {
    if (this.#isBelieved(homeRegion)) return;
    this.#proof(homeRegion).catch((error) => {
      if (this.#closing.signal.aborted) return;
      this.#deps.logger.warn({ homeRegion, err: error }, 'the way back is not proven yet');
    });
  }

  /** Resolves when the way back was proven lately; throws `ReturnPathUnprovenError`, or the signal's reason. */
  async assertProven(homeRegion: string, signal: AbortSignal): Promise<void> {
    if (this.#isBelieved(homeRegion)) return;
    await endedBy(signal, this.#proof(homeRegion));
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('the controller stops'));
    await Promise.allSettled(this.#running.values());
  }

  #isBelieved(homeRegion: string): boolean {
    const provenAtMs = this.#provenAtMs.get(homeRegion);
    return provenAtMs !== undefined && this.#deps.clock.monotonicMs() - provenAtMs < believedMs;
  }

  /** Many flips share one proof. */
  #proof(homeRegion: string): Promise<void> {
    const running = this.#running.get(homeRegion);
    if (running !== undefined) return running;
    const proof = this.#prove(homeRegion)
      .then(() => {
        this.#provenAtMs.set(homeRegion, this.#deps.clock.monotonicMs());
      })
      .finally(() => this.#running.delete(homeRegion));
    this.#running.set(homeRegion, proof);
    // Whoever waited for it may have gone.
    proof.catch(() => {});
    return proof;
  }

  async #prove(homeRegion: string): Promise<void> {
    const { sites, clusters, replication } = this.#deps;
    const cluster = clusters.get(homeRegion);
    if (cluster === undefined) throw new RangeError(`no cluster serves ${homeRegion}`);
    const signal = AbortSignal.any([this.#closing.signal, this.#deps.clock.timeoutSignal(taskWithinMs)]);
    try {
      const [taskSite, ...otherSites] = sites;
      await taskSite.enrol(pseudoOrgId, 'clients', [cluster.name]);
      for (const site of otherSites) await site.enrol(pseudoOrgId, 'clients');
      await cluster.enrol(pseudoOrgId, 'nobody');
      await carryingTask(replication, cluster, homeRegion, signal);
      await this.#travels(homeRegion, cluster, signal);
    } catch (error) {
      if (this.#closing.signal.aborted || error instanceof ReturnPathUnprovenError) throw error;
      if (!(error instanceof CutoverError) && !signal.aborted) throw error;
      throw new ReturnPathUnprovenError(homeRegion, messageOf(error), { cause: error });
    }
  }

  /** Writes a heartbeat at the cluster and waits for it at every site. */
  async #travels(homeRegion: string, cluster: Place, signal: AbortSignal): Promise<void> {
    const { clock, sites } = this.#deps;
    let seq = await beatOnce(homeRegion, cluster);
    const arrived = async (site: Place) => {
      const found = await site.readHeartbeats([pseudoOrgId], signal);
      return found.get(pseudoOrgId)?.find((heartbeat) => heartbeat.site === cluster.name)?.seq ?? 0;
    };
    // A cluster that was restored from a backup counts from an earlier number: what the sites have would prove nothing.
    if ((await Promise.all(sites.map(arrived))).some((at) => at > seq)) {
      await sites[0].forgetHeartbeats(pseudoOrgId);
      seq = await beatOnce(homeRegion, cluster);
    }
    const sentAtMs = clock.monotonicMs();
    for (;;) {
      const seqs = await Promise.all(sites.map(arrived));
      const missing = sites.filter((_, index) => (seqs[index] ?? 0) < seq).map(({ name }) => name);
      if (missing.length === 0) return;
      if (clock.monotonicMs() - sentAtMs > arriveWithinMs) {
        throw new ReturnPathUnprovenError(
          homeRegion,
          `a heartbeat written at ${cluster.name} has not arrived at ${missing.join(', ')} after ${arriveWithinMs} ms`,
          { details: { cluster: cluster.name, missing, withinMs: arriveWithinMs } },
        );
      }
      await clock.sleep(lookEveryMs, signal);
    }
  }
}

async function beatOnce(homeRegion: string, cluster: Place): Promise<number> {
  const seq = (await cluster.beat([pseudoOrgId])).get(pseudoOrgId);
  if (seq !== undefined) return seq;
  throw new ReturnPathUnprovenError(homeRegion, `${cluster.name} has no heartbeat row of org ${pseudoOrgId}`);
}

/** What the signal ends for the one who waits goes on for the others. */
function endedBy(signal: AbortSignal, work: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
