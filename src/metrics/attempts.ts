import type { Registry } from 'prom-client';
import type { AttemptReport } from '../ports/store.ts';
import { seconds } from './calls.ts';
import type { OwnedOrgs } from './orgs.ts';
import { counter, histogram } from './registry.ts';

/** Upper bounds of a pause (seconds): a median flip to a spent budget and what comes on top of it. */
const pauseBuckets = [0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10];
const stepBuckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10];

/** Attempts at a flip, either way: what each came to, what clients waited, and where the time went. */
export class AttemptMeter {
  readonly #orgs: OwnedOrgs;
  readonly #attempts;
  readonly #pauses;
  readonly #steps;

  constructor(registry: Registry, orgs: OwnedOrgs) {
    this.#orgs = orgs;
    this.#attempts = counter(registry, {
      name: 'attempts_total',
      help: 'Attempts at a flip that ended, by decision; reason is the code of what an abort was for',
      labels: ['home_region', 'direction', 'decision', 'reason'],
    });
    this.#pauses = histogram(
      registry,
      {
        name: 'pause_seconds',
        help: 'Pause of an attempt, from the first proxy held to the last released: of writes and of reads',
        labels: ['home_region', 'direction', 'decision', 'kind'],
      },
      pauseBuckets,
    );
    this.#steps = histogram(
      registry,
      {
        name: 'flip_step_duration_seconds',
        help: 'Time of each step of an attempt: hold, drain, fence, marker, pin, park, commit, release, abort',
        labels: ['home_region', 'direction', 'step', 'ok'],
      },
      stepBuckets,
    );
  }

  /** What an attempt leaves for its readers. One whose migration is not owned here is somebody else's figure. */
  ended(migrationId: string, { phases, writePauseMs, readPauseMs, reason }: AttemptReport): void {
    const context = this.#orgs.get(migrationId)?.context;
    if (context === undefined) return;
    const labels = { home_region: context.homeRegion, direction: context.direction };
    const decision = phases.at(-1)?.phase === 'abort' ? 'abort' : 'commit';
    this.#attempts.inc({ ...labels, decision, reason: reason?.code ?? '' });
    if (writePauseMs !== null) this.#pauses.observe({ ...labels, decision, kind: 'write' }, seconds(writePauseMs));
    if (readPauseMs !== null) this.#pauses.observe({ ...labels, decision, kind: 'read' }, seconds(readPauseMs));
    for (const { phase, ms, ok } of phases) {
      this.#steps.observe({ ...labels, step: phase, ok: String(ok) }, seconds(ms));
    }
  }
}
