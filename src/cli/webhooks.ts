import type { DeliveryPage, WebhookStatus } from '../service/webhooks.ts';
import type { Api } from './api.ts';
import type { WebhookInvocation } from './args.ts';
import type { Output } from './output.ts';
import { table } from './text.ts';

/** Shows every webhook with what waits for it, or the newest deliveries of one. */
export async function webhooks(api: Api, { hook, json }: WebhookInvocation, output: Output): Promise<void> {
  if (hook === null) {
    const { items } = await api.webhooks();
    output.out(json ? `${JSON.stringify(items)}\n` : hooksText(items));
    return;
  }
  const page = await api.deliveries(hook);
  output.out(json ? `${JSON.stringify(page)}\n` : deliveriesText(page));
}

function hooksText(items: readonly WebhookStatus[]): string {
  if (items.length === 0) return 'no webhooks\n';
  return table(
    ['WEBHOOK', 'FORMAT', 'WAITING', 'OLDEST', 'TRIES', 'ANSWER', 'DELIVERED BY'],
    items.map(({ name, configured, format, waiting, oldestAt, tries, answer, owner }) => [
      name,
      configured ? (format ?? '') : 'not configured any more',
      String(waiting),
      oldestAt ?? '',
      String(tries),
      answer ?? '',
      owner ?? '',
    ]),
  );
}

function deliveriesText({ items, nextBefore }: DeliveryPage): string {
  const older = nextBefore === null ? '' : `older ones: GET /v1/webhooks/NAME/deliveries?before=${nextBefore}\n`;
  const shown = table(
    ['ID', 'STATE', 'MADE', 'TRIES', 'ANSWER', 'NEXT TRY', 'ENDED'],
    items.map(({ id, state, madeAt, tries, answer, dueAt, endedAt }) => [
      id,
      state,
      madeAt,
      String(tries),
      answer ?? '',
      dueAt ?? '',
      endedAt ?? '',
    ]),
  );
  return `${shown}${older}`;
}
