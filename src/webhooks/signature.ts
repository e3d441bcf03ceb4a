import { createHmac } from 'node:crypto';

/** What begins a secret that is written in Base64. */
const base64Secret = 'whsec_';

/**
 * Headers by which a receiver knows who sent a body, when, and whether it had it before, as Standard Webhooks has them:
 * HMAC-SHA256 over `id.timestamp.body`. A secret that begins with `whsec_` is Base64, any other is its own bytes.
 */
export function signedHeaders(
  { id, body }: { readonly id: string; readonly body: string },
  secret: string,
  nowMs: number,
): Readonly<Record<string, string>> {
  const timestamp = Math.floor(nowMs / 1_000);
  const key = secret.startsWith(base64Secret)
    ? Buffer.from(secret.slice(base64Secret.length), 'base64')
    : Buffer.from(secret);
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': `${timestamp}`, 'webhook-signature': `v1,${signature}` };
}
