import type { Clock } from '../ports/clock.ts';
import type { NewDelivery } from '../ports/webhooks.ts';
import { signedHeaders } from './signature.ts';

/** Where and how a hook is told. Never logged: address and secret open somebody's door. */
export interface Receiver {
  readonly url: string;
  readonly secret: string;
  readonly timeoutMs: number;
}

/** How a receiver answered. */
export interface Answer {
  /** `gone`: it does not want this delivery, now or later. */
  readonly kind: 'taken' | 'refused' | 'gone';
  /** In our words: what a receiver writes is not kept. */
  readonly text: string;
  /** Rest that it asked for (milliseconds). */
  readonly restMs: number;
}

const gone = 410;

/** Sends a delivery once. Throws only where `signal` ended it: then nobody knows whether it was taken. */
export async function send(
  delivery: Pick<NewDelivery, 'id' | 'body'>,
  { url, secret, timeoutMs }: Receiver,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Answer> {
  const nowMs = clock.nowMs();
  try {
    const reply = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'bigdb-cutover',
        ...signedHeaders(delivery, secret, nowMs),
      },
      body: delivery.body,
      // Followed, it would take a signed body to somebody who was not named.
      redirect: 'manual',
      signal: AbortSignal.any([signal, clock.timeoutSignal(timeoutMs)]),
    });
    const restMs = restAsked(reply.headers.get('retry-after'), nowMs);
    await reply.body?.cancel().catch(() => {});
    if (reply.ok) return { kind: 'taken', text: `HTTP ${reply.status}`, restMs };
    return { kind: reply.status === gone ? 'gone' : 'refused', text: `HTTP ${reply.status}`, restMs };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: 'refused', text: faultText(error, timeoutMs), restMs: 0 };
  }
}

/** `Retry-After`: seconds, or a date. */
function restAsked(header: string | null, nowMs: number): number {
  if (header === null) return 0;
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - nowMs;
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}

/** The code alone: the words of an error may repeat the address. */
function faultText(error: unknown, timeoutMs: number): string {
  if (error instanceof DOMException && error.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`;
  const code = (error as { cause?: { code?: unknown } }).cause?.code;
  return typeof code === 'string' && /^[A-Z0-9_]{1,60}$/.test(code) ? code : 'not reached';
}
