import type { Counter, Registry } from 'prom-client';
import type { Clock } from '../ports/clock.ts';
import type { TryOutcome } from '../ports/webhooks.ts';
import { seconds } from './calls.ts';
import { counter, gauge } from './registry.ts';

/** How webhooks are taken; only the controller that delivers for a hook has figures of it. */
export class WebhookMeter {
  readonly #tries: Counter;
  readonly #clock: Clock;
  /** Since when (monotonic milliseconds) nothing was taken; null where the last delivery was. */
  readonly #failingSinceMs = new Map<string, number | null>();

  constructor(registry: Registry, clock: Clock) {
    this.#clock = clock;
    this.#tries = counter(registry, {
      name: 'webhook_tries_total',
      help: 'Tries to deliver a state change, by hook: delivered, failed (to be tried again), givenUp',
      labels: ['hook', 'outcome'],
    });
    gauge(
      registry,
      {
        name: 'webhook_failing_seconds',
        help: 'Time since a hook’s receiver stopped taking what it is sent; 0 where it took the last',
        labels: ['hook'],
      },
      (metric) => {
        for (const [hook, sinceMs] of this.#failingSinceMs) {
          metric.set({ hook }, sinceMs === null ? 0 : seconds(this.#clock.monotonicMs() - sinceMs));
        }
      },
    );
  }

  /** A series that begins with one shows no increase. */
  begin(hooks: readonly string[]): void {
    for (const hook of hooks) {
      for (const outcome of ['delivered', 'failed', 'givenUp']) this.#tries.inc({ hook, outcome }, 0);
    }
  }

  tried(hook: string, outcome: TryOutcome['outcome']): void {
    this.#tries.inc({ hook, outcome });
    const sinceMs = this.#failingSinceMs.get(hook) ?? this.#clock.monotonicMs();
    this.#failingSinceMs.set(hook, outcome === 'delivered' ? null : sinceMs);
  }
}
