import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Answer, answerOf, digestOf } from '../service/answer.ts';
import { type MigrationStatus, migrationStatusSchema } from '../service/status.ts';

/** ETag of one migration: of all that it says, so that it is the one that a GET would have. */
export function etagOf(status: MigrationStatus): string {
  return answerOf(migrationStatusSchema.parse(status)).etag;
}

/** ETag of anything that is JSON. */
export function etagOfAny(content: object): string {
  return `W/"${digestOf(JSON.stringify(content))}"`;
}

/** Sets the ETag; true, with 304 sent, where the asker has that very version already. */
export function sentNotModified(request: FastifyRequest, reply: FastifyReply, etag: string): boolean {
  reply.header('etag', etag).header('cache-control', 'private, no-cache');
  const wanted = request.headers['if-none-match'];
  if (wanted === undefined) return false;
  // Nearly always it is what was told last, letter by letter.
  if (wanted !== etag && !namesIt(wanted, etag)) return false;
  reply.code(304).send();
  return true;
}

function namesIt(wanted: string, etag: string): boolean {
  const bare = (tag: string) => tag.trim().replace(/^W\//, '');
  return wanted.trim() === '*' || wanted.split(',').some((tag) => bare(tag) === bare(etag));
}

/** Sends what is kept as bytes, or 304 where the asker has it already. */
export function sendAnswer(request: FastifyRequest, reply: FastifyReply, { etag, body }: Answer): FastifyReply {
  if (sentNotModified(request, reply, etag)) return reply;
  return reply.type('application/json; charset=utf-8').send(body);
}
