import { createHash } from 'node:crypto';

/** An answer as it is sent: many get the same bytes. The ETag is of the content, whichever controller answers. */
export interface Answer {
  readonly etag: string;
  readonly body: Buffer;
}

export function answerOf(content: object): Answer {
  const body = Buffer.from(JSON.stringify(content));
  return { body, etag: `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` };
}
