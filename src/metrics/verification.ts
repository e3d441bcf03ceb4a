import type { Registry } from 'prom-client';
import type { Clock } from '../ports/clock.ts';
import { ageMs, figuresOf, type StoredVerification } from '../proof/record.ts';
import { seconds } from './calls.ts';
import { type OwnedOrg, type OwnedOrgs, orgLabels } from './orgs.ts';
import { gauge } from './registry.ts';

/** The last comparison of each org that is owned here: heard when it is stored, and read once after a take-over. */
export class VerificationMeter {
  readonly #orgs: OwnedOrgs;
  readonly #results = new Map<string, StoredVerification | null>();

  constructor(registry: Registry, orgs: OwnedOrgs, clock: Clock) {
    this.#orgs = orgs;
    gauge(
      registry,
      {
        name: 'verification_mismatches',
        help: 'Rows that the last comparison of both sides found different; no series before there is one',
        labels: ['org', 'home_region'],
      },
      (metric) => this.#each((org, result) => metric.set(orgLabels(org.context), result.mismatches)),
    );
    gauge(
      registry,
      {
        name: 'verification_age_seconds',
        help: 'Time since the end of the last comparison',
        labels: ['org', 'home_region'],
      },
      (metric) =>
        this.#each((org, result) => metric.set(orgLabels(org.context), seconds(ageMs(result, clock.nowMs())))),
    );
    gauge(
      registry,
      {
        name: 'verification_limit_seconds',
        help: 'Age from which on a comparison does not count for approve and complete any more',
        labels: ['org', 'home_region'],
      },
      (metric) =>
        this.#each((org) =>
          metric.set(orgLabels(org.context), seconds(figuresOf(org.context.policy).verificationMaxAgeMs)),
        ),
    );
  }

  /** Moves whose last comparison is not known here yet. */
  get unknown(): readonly string[] {
    return this.#orgs.all.map(({ context }) => context.migrationId).filter((id) => !this.#results.has(id));
  }

  stored(migrationId: string, result: StoredVerification | null): void {
    this.#results.set(migrationId, result);
  }

  forget(migrationId: string): void {
    this.#results.delete(migrationId);
  }

  #each(show: (org: OwnedOrg, result: StoredVerification) => void): void {
    for (const org of this.#orgs.all) {
      const result = this.#results.get(org.context.migrationId);
      // One of an earlier task's work says nothing of what is there now.
      if (result != null && result.generation === org.context.generation) show(org, result);
    }
  }
}
