import { createHash } from 'node:crypto';

/** An answer as it is sent: many get the same bytes. The ETag is of the content, whichever controller answers. */
export interface Answer {
  readonly etag: string;
  readonly body: Buffer;
}

export function answerOf(content: object): Answer {
  const body = Buffer.from(JSON.stringify(content));
  return { body, etag: `W/"${digestOf(body)}"` };
}

export function digestOf(content: Buffer | string): string {
  return createHash('sha256').update(content).digest('base64url').slice(0, 22);
}
