import { parse } from 'yaml';
import { z } from 'zod';
import { textOf } from '../docs/documents.ts';

const rulesFile = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string().regex(/^BigdbCutover[A-Z]\w+$/),
          expr: z.string().min(1),
          for: z.string().regex(/^\d+[smh]$/),
          labels: z.strictObject({ severity: z.enum(['warning', 'critical']) }),
          annotations: z.strictObject({ summary: z.string().min(1), runbook: z.string() }),
        }),
      ),
    }),
  ),
});

/** The alert rules of the project. */
export function alertRules() {
  return rulesFile.parse(parse(textOf('infra/monitoring/alerts.yaml'))).groups.flatMap(({ rules }) => rules);
}

const dashboardFile = z.looseObject({
  panels: z.array(
    z.looseObject({
      id: z.number(),
      type: z.string(),
      title: z.string().min(1),
      gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
      targets: z.array(z.looseObject({ expr: z.string().min(1), legendFormat: z.string() })).optional(),
    }),
  ),
  templating: z.object({ list: z.array(z.looseObject({ type: z.string(), name: z.string(), query: z.string() })) }),
  annotations: z.object({ list: z.array(z.looseObject({ expr: z.string() })) }),
});

/** The dashboard of the project. */
export function dashboard() {
  return dashboardFile.parse(JSON.parse(textOf('infra/monitoring/dashboard.json')));
}

/** Every expression of the rules and of the dashboard, with where it stands. */
export function expressions(): readonly { readonly where: string; readonly expr: string }[] {
  const board = dashboard();
  return [
    ...alertRules().map(({ alert, expr }) => ({ where: alert, expr })),
    ...board.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ where: title, expr }))),
    ...board.templating.list
      .filter(({ type }) => type === 'query')
      .map(({ name, query }) => ({ where: `variable ${name}`, expr: query })),
    ...board.annotations.list.map(({ expr }) => ({ where: 'annotation', expr })),
  ];
}
