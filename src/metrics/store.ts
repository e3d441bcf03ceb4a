import type { Registry } from 'prom-client';
import type { Clock } from '../ports/clock.ts';
import type { FleetStore } from '../ports/fleet.ts';
import type { AttemptReport, Claim, Store } from '../ports/store.ts';
import { verificationFrom } from '../proof/record.ts';
import type { AttemptMeter } from './attempts.ts';
import { CallMeter } from './calls.ts';
import type { Keep } from './guard.ts';
import { counter, gauge } from './registry.ts';
import type { VerificationMeter } from './verification.ts';

/** The store as everybody else has it, with what passes through it counted. */
export class StoreMeter {
  readonly #calls: CallMeter;
  readonly #leases;
  readonly #attempts: AttemptMeter;
  readonly #verifications: VerificationMeter;
  readonly #clock: Clock;
  readonly #instances = new Set<string>();
  #answeredAtMs: number;
  #answers = false;

  constructor(deps: {
    registry: Registry;
    clock: Clock;
    keep: Keep;
    attempts: AttemptMeter;
    verifications: VerificationMeter;
  }) {
    const { registry, clock, keep, attempts, verifications } = deps;
    this.#clock = clock;
    this.#attempts = attempts;
    this.#verifications = verifications;
    this.#answeredAtMs = clock.monotonicMs();
    this.#calls = new CallMeter({ registry, clock, keep, name: 'store_call', what: 'calls to the store', labels: [] });
    this.#leases = counter(registry, {
      name: 'lease_changes_total',
      help: 'Moves that this controller took (without an owner), took over (from a silent one), lost, or found without a lease',
      labels: ['change'],
    });
    for (const change of ['taken', 'takenOver', 'lost', 'leaseless']) this.#leases.inc({ change }, 0);
    gauge(
      registry,
      { name: 'store_up', help: '1 while the store answers the signs of life of this controller' },
      (metric) => metric.set(this.#answers ? 1 : 0),
    );
    gauge(
      registry,
      { name: 'store_silent_seconds', help: 'Time since the store last answered a sign of life' },
      (metric) => metric.set((this.#clock.monotonicMs() - this.#answeredAtMs) / 1_000),
    );
  }

  wrap<T extends Store & FleetStore>(store: T): T {
    return this.#calls.wrap(
      store,
      {},
      {
        answered: (operation, given, answer) => this.#hear(operation, given, answer),
        failed: (operation) => {
          if (operation === 'beatController') this.#answers = false;
        },
      },
    );
  }

  #hear(operation: string, given: readonly unknown[], answer: unknown): void {
    switch (operation) {
      case 'beatController':
        this.#instances.add(String(given[0]));
        this.#answers = true;
        this.#answeredAtMs = this.#clock.monotonicMs();
        return;
      case 'claim':
        this.#countClaim(answer as Claim);
        return;
      case 'reportAttempt':
        this.#attempts.ended(String(given[0]), given[2] as AttemptReport);
        return;
      case 'putRecord':
        if (given[1] === 'verification') {
          this.#verifications.stored(String(given[0]), verificationFrom(given[2]));
        }
        return;
    }
  }

  /** What it owned before and let go of itself is no change of hands. */
  #countClaim({ taken, lost, leaseless }: Claim): void {
    for (const { from } of taken) {
      if (from === null) this.#leases.inc({ change: 'taken' });
      else if (!this.#instances.has(from)) this.#leases.inc({ change: 'takenOver' });
    }
    this.#leases.inc({ change: 'lost' }, lost.length);
    this.#leases.inc({ change: 'leaseless' }, leaseless.length);
  }
}
