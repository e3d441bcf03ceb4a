import { z } from 'zod';
import type { App } from './types.ts';

/** The figures of a controller, as Prometheus reads them. */
export interface MetricsText {
  readonly contentType: string;
  text(): Promise<string>;
}

/** Answered from memory: a scrape asks nobody. */
export function metricsRoute(scope: App, metrics: MetricsText): void {
  scope.get(
    '/metrics',
    {
      config: { role: 'viewer' },
      schema: { summary: 'Figures for Prometheus', answersIn: 'text/plain', response: { 200: z.string() } },
    },
    async (_request, reply) => {
      reply.header('cache-control', 'no-store').type(metrics.contentType);
      return metrics.text();
    },
  );
}
