import type { Metric, Registry } from 'prom-client';
import { prefix } from './registry.ts';

/** Observations that somebody else has sorted into brackets, and their sum. */
export interface Brackets {
  readonly labels: Readonly<Record<string, string>>;
  /** One figure for each bound, and a last one for what lies above all; each counts its own bracket alone. */
  readonly counts: readonly number[];
  readonly sumSeconds: number;
}

/** A Prometheus histogram of figures that were counted elsewhere, which the library's own cannot be given. */
export function bracketHistogram(
  registry: Registry,
  { name, help, labels }: { readonly name: string; readonly help: string; readonly labels: readonly string[] },
  boundsSeconds: readonly number[],
  read: () => readonly Brackets[],
): void {
  const full = `${prefix}${name}`;
  const show = (brackets: Brackets) => {
    let total = 0;
    const buckets = brackets.counts.map((count, index) => {
      total += count;
      const le = boundsSeconds[index] ?? '+Inf';
      return { metricName: `${full}_bucket`, labels: { ...brackets.labels, le }, value: total };
    });
    return [
      ...buckets,
      { metricName: `${full}_sum`, labels: brackets.labels, value: brackets.sumSeconds },
      { metricName: `${full}_count`, labels: brackets.labels, value: total },
    ];
  };
  const metric = {
    name: full,
    help,
    type: 'histogram',
    aggregator: 'sum',
    labelNames: labels,
    get: async () => ({ name: full, help, type: 'histogram', aggregator: 'sum', values: read().flatMap(show) }),
    reset: () => {},
  };
  registry.registerMetric(metric as unknown as Metric);
}
