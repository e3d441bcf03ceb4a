import { afterAll, beforeAll, expect, test } from 'vitest';
import { namesIn, sectionsOf, textOf } from '../docs/documents.ts';
import { alertRules, dashboard, expressions } from './monitoring.ts';
import { usesOf } from './promql.ts';
import { MetricsWorld } from './world.ts';

/** What Prometheus itself puts on every series, and the bound of a histogram's bucket. */
const added = ['instance', 'job', 'le'];
let world: MetricsWorld;
/** Labels by name, a histogram by its parts. */
let known: ReadonlyMap<string, readonly string[]>;

beforeAll(() => {
  world = new MetricsWorld();
  world.startSampling();
  const all = world.metrics.registry.getMetricsAsArray() as unknown as {
    name: string;
    type: string;
    labelNames: readonly string[];
    buckets?: unknown;
  }[];
  known = new Map(
    all.flatMap((metric) => {
      const parts = 'buckets' in metric || metric.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
      return parts.map((part): [string, readonly string[]] => [metric.name + part, metric.labelNames]);
    }),
  );
});
afterAll(() => world.metrics.stop());

test('every metric and label that rules and dashboard name is there', () => {
  const missing = expressions().flatMap(({ where, expr }) => {
    const { metrics, grouping } = usesOf(expr);
    expect(metrics, where).not.toEqual([]);
    const unknown = metrics.filter(({ metric }) => !known.has(metric)).map(({ metric }) => `${where}: ${metric}`);
    const foreign = metrics.flatMap(({ metric, labels }) =>
      labels
        .filter((label) => ![...(known.get(metric) ?? []), ...added].includes(label))
        .map((label) => `${where}: ${metric}{${label}}`),
    );
    const unmet = grouping
      .filter((label) => !metrics.every(({ metric }) => [...(known.get(metric) ?? []), ...added].includes(label)))
      .map((label) => `${where}: by ${label}`);
    return [...unknown, ...foreign, ...unmet];
  });
  expect(missing).toEqual([]);
});

test('what is checked is every expression, and an unknown name is noticed', () => {
  expect(expressions().length).toBeGreaterThan(60);
  expect(usesOf('sum by (a, b) (rate(x_total{c=~"d{e}", f!="g"}[5m])) > on (h) 0.5 * y and z')).toEqual({
    metrics: [
      { metric: 'x_total', labels: ['c', 'f'] },
      { metric: 'y', labels: [] },
      { metric: 'z', labels: [] },
    ],
    grouping: ['a', 'b', 'h'],
  });
  expect(() => usesOf('avg(x)')).toThrow('no function that is known');
  expect(known.has('bigdb_cutover_lag')).toBe(false);
});

test('every alert has its section in the runbook, and every section its alert', () => {
  const sections = sectionsOf(textOf('RUNBOOK.md')).filter(({ under }) => under.includes('Alerts'));
  const alerts = alertRules().map(({ alert }) => alert);
  expect(new Set(alerts).size).toBe(alerts.length);
  expect(sections.flatMap(({ title }) => namesIn(title)).sort()).toEqual([...alerts].sort());
  expect(sections.filter(({ text }) => text.trim().length < 80).map(({ title }) => title)).toEqual([]);
  for (const { alert, annotations } of alertRules()) {
    expect(annotations.runbook).toBe(`RUNBOOK.md#${alert.toLowerCase()}`);
  }
});

test('the labels that an alert’s sentence shows are left by its expression', () => {
  for (const { alert, expr, annotations } of alertRules()) {
    const shown = [...annotations.summary.matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label);
    const { metrics, grouping } = usesOf(expr);
    const grouped = /^(sum|max) by|histogram_quantile/.test(expr);
    const left = grouped ? grouping : [...metrics.flatMap(({ metric }) => known.get(metric) ?? []), ...added];
    for (const label of shown) expect(left, `${alert} shows ${label}`).toContain(label);
  }
});

test('the panels have numbers of their own and do not lie on each other', () => {
  const { panels } = dashboard();
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const taken = new Map<string, string>();
  for (const { title, gridPos } of panels) {
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        expect(taken.get(`${x} ${y}`), `${title} at ${x}, ${y}`).toBeUndefined();
        taken.set(`${x} ${y}`, title);
        expect(x).toBeLessThan(24);
      }
    }
  }
});
