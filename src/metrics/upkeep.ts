import type { Registry } from 'prom-client';
import type { UpkeepReport } from '../ports/upkeep.ts';
import { gauge } from './registry.ts';

/** What the last round over the proxies found: shown by the controller that makes the rounds, by nobody else. */
export function showUpkeep(registry: Registry, report: () => UpkeepReport | null): void {
  gauge(
    registry,
    {
      name: 'proxy_drift',
      help: 'Routes and rules at a proxy that are not as the journals say, seen at two looks in a row',
      labels: ['proxy'],
    },
    (metric) => {
      for (const { name, drifts } of report()?.proxies ?? []) metric.set({ proxy: name }, drifts);
    },
  );
  gauge(
    registry,
    {
      name: 'proxy_shared_orgs',
      help: 'Completed orgs that a proxy leads by a route they share, without rules of their own',
      labels: ['proxy'],
    },
    (metric) => {
      for (const { name, shared } of report()?.proxies ?? []) metric.set({ proxy: name }, shared);
    },
  );
  gauge(
    registry,
    { name: 'own_rules_orgs', help: 'Completed orgs that keep rules of their own at the proxies' },
    (metric) => {
      const found = report();
      if (found !== null) metric.set(found.ownRules.reduce((sum, { orgs }) => sum + orgs, 0));
    },
  );
}
