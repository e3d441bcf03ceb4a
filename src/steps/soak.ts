import type { EffectRun } from '../driver/handlers.ts';
import { CutoverError, GuardTrippedError, isTransient, messageOf, TaskFailedError } from '../errors/index.ts';
import { clusterOf, type Estate } from '../flip/estate.ts';
import { assertTaskHealthy } from './replicating.ts';

/** Time between two looks of the guards (milliseconds). */
const lookEveryMs = 500;
/** Samples that are kept as evidence. */
const samplesKept = 20;

interface Sample {
  readonly at: string;
  readonly value: number | string;
}

/** A guard trips when every sample over a duration was a breach. A missing sample is neither breach nor health. */
class Guard {
  #since: number | null = null;
  #samples: Sample[] = [];

  /** Takes a sample; true where the breach has lasted `forMs`. */
  take(breach: boolean, sample: Sample, nowMs: number, forMs: number): boolean {
    if (!breach) {
      this.#since = null;
      this.#samples = [];
      return false;
    }
    this.#since ??= nowMs;
    this.#samples = [...this.#samples, sample].slice(-samplesKept);
    return nowMs - this.#since >= forMs;
  }

  get samples(): readonly Sample[] {
    return this.#samples;
  }
}

/** The guards of an org on the cluster: reverse lag, the reverse task, the cluster's health. Ends only by tripping one. */
export async function soak(estate: Estate, run: EffectRun): Promise<never> {
  const { policy, orgId, homeRegion } = run.migration;
  const cluster = clusterOf(estate, homeRegion);
  const lagGuard = new Guard();
  const healthGuard = new Guard();
  const alerted = new Set<string>();
  const trip = (action: 'rollback' | 'alert', tripped: GuardTrippedError) => {
    if (action === 'rollback') throw tripped;
    if (alerted.has(tripped.code)) return;
    alerted.add(tripped.code);
    run.note(`alert: ${tripped.message}`, { ...tripped.details });
  };
  for (;;) {
    const nowMs = estate.clock.monotonicMs();
    const at = new Date(estate.clock.nowMs()).toISOString();

    const lag = estate.heartbeats.lag(orgId);
    if (lag !== null) {
      const sample = { at, value: Math.round(lag.lagMs) };
      if (lagGuard.take(lag.lagMs > policy.reverseLagMs, sample, nowMs, policy.reverseLagForMs)) {
        const message = `org ${orgId}: the way back lags by ${sample.value} ms, over ${policy.reverseLagMs} ms for ${policy.reverseLagForMs} ms`;
        trip(policy.onReverseLag, new GuardTrippedError('REVERSE_LAG', message, lagGuard.samples));
      }
    }

    const unhealthy = await clusterTrouble(() => cluster.isReadOnly());
    const sample = { at, value: unhealthy ?? 'well' };
    if (healthGuard.take(unhealthy !== null, sample, nowMs, policy.unhealthyForMs)) {
      const message = `${cluster.name} has been unfit for ${policy.unhealthyForMs} ms: ${unhealthy}`;
      trip(policy.onUnhealthy, new GuardTrippedError('CLUSTER_UNHEALTHY', message, healthGuard.samples));
    }

    await assertTaskHealthy(estate, run).catch((error) => {
      if (error instanceof TaskFailedError) {
        trip(
          policy.onReverseLag,
          new GuardTrippedError('REVERSE_TASK_FAILED', error.message, [{ at, value: error.message }]),
        );
      } else if (!isTransient(error)) {
        throw error;
      }
    });
    await estate.clock.sleep(lookEveryMs, run.signal);
  }
}

/** Why the cluster is unfit, or null: it does not answer, or refuses writes. */
async function clusterTrouble(isReadOnly: () => Promise<boolean>): Promise<string | null> {
  try {
    return (await isReadOnly()) ? 'read-only' : null;
  } catch (error) {
    if (error instanceof CutoverError) return messageOf(error);
    throw error;
  }
}
