import { z } from 'zod';
import type { WebhookConfig } from '../config/webhooks.ts';
import { WebhookUnknownError } from '../errors/webhooks.ts';
import type { DeliveryQuery, HookBacklog, KeptDelivery, WebhookStore } from '../ports/webhooks.ts';

/** A hook, and what waits for its receiver. Neither address nor secret: both may be as good as a password. */
export const webhookStatusSchema = z.object({
  name: z.string(),
  configured: z.boolean().describe('false: taken out of the configuration of the controller that is asked'),
  format: z.enum(['event', 'chat']).nullable(),
  owner: z.string().nullable().describe('The controller that delivers'),
  waiting: z.number().int(),
  oldestAt: z.iso.datetime().nullable().describe('When the oldest of those that wait was made'),
  tries: z.number().int().describe('Most tries that one of those that wait has had'),
  answer: z.string().nullable().describe('How that one was answered last'),
});
export const webhookListSchema = z.object({ items: z.array(webhookStatusSchema) });
export type WebhookStatus = z.infer<typeof webhookStatusSchema>;

export const deliveryStates = ['waiting', 'delivered', 'givenUp'] as const;

/** One delivery to one hook, kept for two weeks. */
export const deliverySchema = z.object({
  seq: z.number().int(),
  id: z.string().describe('The webhook-id that the receiver sees'),
  migrationId: z.string(),
  state: z.enum(deliveryStates),
  madeAt: z.iso.datetime(),
  dueAt: z.iso.datetime().nullable().describe('When it is tried next; null once it has ended'),
  endedAt: z.iso.datetime().nullable(),
  tries: z.number().int(),
  answer: z.string().nullable().describe('How the last try was answered'),
});
export const deliveryPageSchema = z.object({
  items: z.array(deliverySchema).describe('The newest first'),
  nextBefore: z.number().int().nullable().describe('Give it as `before` for older ones; null where there are none'),
});
export type DeliveryPage = z.infer<typeof deliveryPageSchema>;

/** What webhooks were told, and what waits. */
export interface WebhookService {
  list(): Promise<{ items: WebhookStatus[] }>;
  /** Throws `WebhookUnknownError`. */
  deliveries(query: DeliveryQuery): Promise<DeliveryPage>;
}

export function createWebhooks(
  store: Pick<WebhookStore, 'hookBacklogs' | 'keptDeliveries'>,
  configured: readonly Pick<WebhookConfig, 'name' | 'format'>[],
): WebhookService {
  /** Those of the configuration first, then what is left of others. */
  const all = async (): Promise<WebhookStatus[]> => {
    const found = new Map((await store.hookBacklogs()).map((backlog) => [backlog.hook, backlog]));
    const own = configured.map(({ name, format }) => statusOf(name, format, found.get(name)));
    const names = new Set(configured.map(({ name }) => name));
    const others = [...found.values()].filter(({ hook }) => !names.has(hook));
    return [...own, ...others.map((backlog) => statusOf(backlog.hook, null, backlog))];
  };
  return {
    list: async () => ({ items: await all() }),
    async deliveries(query) {
      const isConfigured = configured.some(({ name }) => name === query.hook);
      // One that was taken out of the configuration is known by what is left of it.
      if (!isConfigured && !(await all()).some(({ name }) => name === query.hook))
        throw new WebhookUnknownError(query.hook);
      const found = await store.keptDeliveries({ ...query, limit: query.limit + 1 });
      const items = found.slice(0, query.limit);
      return {
        items: items.map(deliveryOf),
        nextBefore: found.length > query.limit ? (items.at(-1)?.seq ?? null) : null,
      };
    },
  };
}

function statusOf(name: string, format: WebhookConfig['format'] | null, backlog?: HookBacklog): WebhookStatus {
  const { owner = null, waiting = 0, oldestMs = null, tries = 0, answer = null } = backlog ?? {};
  return { name, configured: format !== null, format, owner, waiting, oldestAt: iso(oldestMs), tries, answer };
}

function deliveryOf({ seq, id, migrationId, madeMs, dueMs, endedMs, tries, outcome, answer }: KeptDelivery) {
  const state = dueMs !== null ? ('waiting' as const) : outcome === 'givenUp' ? outcome : ('delivered' as const);
  const madeAt = new Date(madeMs).toISOString();
  return { seq, id, migrationId, state, madeAt, dueAt: iso(dueMs), endedAt: iso(endedMs), tries, answer };
}

const iso = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());
