import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Answer } from '../service/answer.ts';
import type { MigrationStatus } from '../service/status.ts';

/**
 * ETag of one migration: its version, and what it says. The version alone would not do, since lag and progress are
 * looked at when somebody asks, and move without a new version.
 */
export function etagOf(status: MigrationStatus): string {
  return `W/"${status.version}-${digest(status)}"`;
}

/** ETag of a page of migrations. */
export function etagOfPage(page: { items: readonly MigrationStatus[]; nextCursor: string | null }): string {
  return `W/"${digest(page)}"`;
}

function digest(content: object): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('base64url').slice(0, 16);
}

/** Sets the ETag; true, with 304 sent, where the asker has that very version already. */
export function sentNotModified(request: FastifyRequest, reply: FastifyReply, etag: string): boolean {
  reply.header('etag', etag).header('cache-control', 'private, no-cache');
  const wanted = request.headers['if-none-match'];
  if (wanted === undefined) return false;
  const bare = (tag: string) => tag.trim().replace(/^W\//, '');
  if (wanted.trim() !== '*' && !wanted.split(',').some((tag) => bare(tag) === bare(etag))) return false;
  reply.code(304).send();
  return true;
}

/** Sends what is kept as bytes, or 304 where the asker has it already. */
export function sendAnswer(request: FastifyRequest, reply: FastifyReply, { etag, body }: Answer): FastifyReply {
  if (sentNotModified(request, reply, etag)) return reply;
  return reply.type('application/json; charset=utf-8').send(body);
}
