import type { Registry } from 'prom-client';
import type { FleetProxy } from '../ports/routing.ts';
import type { OrgStatements } from '../ports/traffic.ts';
import { type OwnedOrg, type OwnedOrgs, orgLabels } from './orgs.ts';
import { quantileOfMeans, type Weighted } from './quantiles.ts';
import { counter, gauge } from './registry.ts';
import { type Sample, sampleLimitMs } from './sampler.ts';

/** Orgs whose statements are asked for at once; of more, those that were taken up last. */
const orgsAtMost = 200;
const quantiles = [0.5, 0.95, 0.99] as const;
const usPerSecond = 1_000_000;

interface Sums {
  count: number;
  us: number;
  longestUs: number;
  /** Between the last two samples. */
  lately: Weighted[];
}

/**
 * How long the statements of each org take, side by side: counted by the proxies, by form. Only the growth between two
 * samples counts, so that a proxy that begins anew, or an org that was here before, adds nothing that was not measured.
 */
export class OrgQueries {
  readonly #orgs: OwnedOrgs;
  readonly #proxies: readonly FleetProxy[];
  /** By proxy: the orgs that were asked for, and what each of their forms had come to. */
  readonly #last = new Map<
    string,
    { readonly orgIds: ReadonlySet<number>; readonly forms: Map<string, OrgStatements> }
  >();
  /** By org and side. */
  readonly #sums = new Map<number, Map<OrgStatements['side'], Sums>>();

  constructor(registry: Registry, orgs: OwnedOrgs, proxies: readonly FleetProxy[]) {
    this.#orgs = orgs;
    this.#proxies = proxies;
    this.#show(registry);
  }

  sample(everyMs: number): Sample {
    return { name: 'queries', everyMs, limitMs: sampleLimitMs, take: (signal) => this.#take(signal) };
  }

  async #take(signal: AbortSignal): Promise<void> {
    const asked = this.#orgs.all.slice(-orgsAtMost).map(({ context: { orgId } }) => ({ orgId }));
    const orgIds = new Set(asked.map(({ orgId }) => orgId));
    for (const orgId of this.#sums.keys()) if (!orgIds.has(orgId)) this.#sums.delete(orgId);
    for (const sides of this.#sums.values()) for (const sums of sides.values()) sums.lately = [];
    if (asked.length === 0) return;
    for (const proxy of this.#proxies) {
      // Whoever reads a large table of a proxy makes its other admin commands wait: never while somebody's hold does.
      if (this.#orgs.inFlip) return;
      const forms = await this.#formsOf(proxy, asked, signal);
      if (forms === null) continue;
      this.#grow(proxy.name, orgIds, forms);
    }
  }

  /** Null where the proxy does not answer, or has an org of anybody's in a hold. */
  async #formsOf(
    proxy: FleetProxy,
    asked: readonly { readonly orgId: number }[],
    signal: AbortSignal,
  ): Promise<readonly OrgStatements[] | null> {
    try {
      if ((await proxy.held(signal)).length > 0) return null;
      return await proxy.orgStatements(asked, signal);
    } catch {
      signal.throwIfAborted();
      this.#last.delete(proxy.name);
      return null;
    }
  }

  #grow(proxy: string, orgIds: ReadonlySet<number>, statements: readonly OrgStatements[]): void {
    const before = this.#last.get(proxy);
    const forms = new Map(statements.map((form) => [`${form.orgId} ${form.side} ${form.digest}`, form]));
    for (const [key, form] of forms) {
      // What an org had come to before it was asked for the first time is a beginning, no growth.
      if (before === undefined || !before.orgIds.has(form.orgId)) continue;
      const was = before.forms.get(key);
      const fresh = was === undefined || form.count < was.count || form.sumUs < was.sumUs;
      const count = form.count - (fresh ? 0 : was.count);
      const us = form.sumUs - (fresh ? 0 : was.sumUs);
      if (count === 0) continue;
      const sums = this.#sumsOf(form);
      sums.count += count;
      sums.us += us;
      sums.lately.push({ count, seconds: us / count / usPerSecond });
      if (fresh || form.longestUs > was.longestUs) sums.longestUs = Math.max(sums.longestUs, form.longestUs);
    }
    this.#last.set(proxy, { orgIds, forms });
  }

  #sumsOf({ orgId, side }: OrgStatements): Sums {
    const sides = this.#sums.get(orgId) ?? new Map<OrgStatements['side'], Sums>();
    this.#sums.set(orgId, sides);
    const sums = sides.get(side) ?? { count: 0, us: 0, longestUs: 0, lately: [] };
    sides.set(side, sums);
    return sums;
  }

  #show(registry: Registry): void {
    const labels = ['org', 'home_region', 'side'];
    const each = (show: (labels: Record<string, string>, sums: Sums) => void) => {
      for (const org of this.#orgs.all)
        for (const [side, sums] of this.#of(org)) show({ ...orgLabels(org.context), side }, sums);
    };
    counter(
      registry,
      {
        name: 'org_queries_total',
        help: 'Statements of an org in flight or soaking, by the side that ran them',
        labels,
      },
      (metric) => each((of, { count }) => metric.inc(of, count)),
    );
    counter(
      registry,
      {
        name: 'org_query_seconds_total',
        help: 'Time of these statements as the proxies count it: with org_queries_total the mean. held: what waited in a hold',
        labels,
      },
      (metric) => each((of, { us }) => metric.inc(of, us / usPerSecond)),
    );
    gauge(
      registry,
      { name: 'org_query_longest_seconds', help: 'The longest of them that raised a record of its form', labels },
      (metric) =>
        each((of, { longestUs }) => {
          if (longestUs > 0) metric.set(of, longestUs / usPerSecond);
        }),
    );
    gauge(
      registry,
      {
        name: 'org_query_quantile_seconds',
        help: 'Estimate over the last sample: each statement counts with the mean of its form, as ProxySQL keeps no more of one org',
        labels: [...labels, 'q'],
      },
      (metric) =>
        each((of, { lately }) => {
          for (const quantile of quantiles) {
            const value = quantileOfMeans(lately, quantile);
            if (value !== null) metric.set({ ...of, q: String(quantile) }, value);
          }
        }),
    );
  }

  #of({ context: { orgId } }: OwnedOrg): ReadonlyMap<OrgStatements['side'], Sums> {
    return this.#sums.get(orgId) ?? new Map();
  }
}
