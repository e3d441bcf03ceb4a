import type { Counter, Registry } from 'prom-client';
import type { Logger } from '../driver/logger.ts';
import { messageOf } from '../errors/index.ts';
import type { Clock } from '../ports/clock.ts';
import { codeOf, seconds } from './calls.ts';
import { counter, gauge } from './registry.ts';

/** Rest after a sample, as a multiple of what it took: a slow dependency is asked less often, whatever the interval says. */
const restPerWork = 50;

/** Longest time that a sample of many places or proxies may take (milliseconds): one that is silent costs the others nothing. */
export const sampleLimitMs = 5_000;

/** Something that is asked beside the work, again and again. */
export interface Sample {
  readonly name: string;
  readonly everyMs: number;
  /** Longest time that it may take; the signal ends then (milliseconds). */
  readonly limitMs: number;
  take(signal: AbortSignal): Promise<void>;
}

/**
 * Takes samples in the background, each in a loop of its own and never twice at once. A scrape reads what they left in
 * memory; one that fails costs its figures and nothing else.
 */
export class Sampler {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #takenAtMs = new Map<string, number>();
  readonly #failures: Counter;
  readonly #stopping = new AbortController();
  readonly #loops: Promise<void>[] = [];

  constructor(registry: Registry, clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
    this.#failures = counter(registry, {
      name: 'sample_failures_total',
      help: 'Samples that could not be taken',
      labels: ['sample', 'code'],
    });
    gauge(
      registry,
      {
        name: 'sample_age_seconds',
        help: 'Time since a sample was last taken: store, traffic, queries, places, storage',
        labels: ['sample'],
      },
      (metric) => {
        for (const [sample, atMs] of this.#takenAtMs) metric.set({ sample }, seconds(clock.monotonicMs() - atMs));
      },
    );
  }

  /** Begins to take it. */
  add(sample: Sample): void {
    this.#takenAtMs.set(sample.name, this.#clock.monotonicMs());
    this.#loops.push(this.#loop(sample));
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the controller stops'));
    await Promise.all(this.#loops);
  }

  async #loop({ name, everyMs, limitMs, take }: Sample): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const beganMs = this.#clock.monotonicMs();
      try {
        await take(AbortSignal.any([signal, this.#clock.timeoutSignal(limitMs)]));
        this.#takenAtMs.set(name, this.#clock.monotonicMs());
      } catch (error) {
        if (signal.aborted) return;
        this.#failures.inc({ sample: name, code: codeOf(error) });
        this.#logger.debug({ sample: name, err: messageOf(error) }, 'a sample could not be taken');
      }
      const tookMs = this.#clock.monotonicMs() - beganMs;
      await this.#clock.sleep(Math.max(everyMs, tookMs * restPerWork), signal).catch(() => {});
    }
  }
}
