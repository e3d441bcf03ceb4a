import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RequestInvalidError, TooManyStreamsError } from '../errors/http.ts';
import type { MigrationService } from '../service/status.ts';
import { eventStream, type StreamSettings } from './eventStream.ts';
import { eventPage, eventsQuery, idParams } from './schemas.ts';
import type { App } from './types.ts';

/** The timeline of a migration: a page of JSON, or a stream where the asker accepts `text/event-stream`. */
export function eventRoutes(scope: App, service: MigrationService, settings: StreamSettings): void {
  const open = new Set<AbortController>();

  // A server that closes waits for its connections, and a stream never ends by itself.
  scope.addHook('preClose', async () => {
    for (const stream of open) stream.abort();
  });

  function stream(request: FastifyRequest, reply: FastifyReply, id: string, after: number): FastifyReply {
    const controller = new AbortController();
    open.add(controller);
    request.raw.socket.once('close', () => controller.abort());
    const body = Readable.from(eventStream(service, id, after, settings, controller.signal), { objectMode: false });
    body.once('close', () => {
      open.delete(controller);
      controller.abort();
    });
    return reply
      .header('cache-control', 'no-store')
      .header('x-accel-buffering', 'no')
      .type('text/event-stream; charset=utf-8')
      .send(body);
  }

  scope.get(
    '/v1/migrations/:id/events',
    {
      config: { role: 'viewer' },
      // The answer to a HEAD would be a stream that nobody reads.
      exposeHeadRoute: false,
      schema: {
        summary: 'What happened, in order; with `accept: text/event-stream` as it happens',
        params: idParams,
        querystring: eventsQuery,
        response: { 200: eventPage },
        alsoProduces: ['text/event-stream'],
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { after, limit } = request.query;
      if (!/\btext\/event-stream\b/i.test(request.headers.accept ?? '')) {
        const items = await service.events(id, { after, limit });
        reply.header('cache-control', 'no-store');
        return { items, nextAfter: items.at(-1)?.seq ?? after };
      }
      const resumeAfter = lastEventId(request) ?? after;
      // An unknown migration is an answer, not a stream that breaks off.
      await service.get(id);
      if (open.size >= settings.limit) throw new TooManyStreamsError(settings.limit);
      return stream(request, reply, id, resumeAfter);
    },
  );
}

/** Where a stream that broke off goes on. */
export function lastEventId(request: FastifyRequest): number | null {
  const given = request.headers['last-event-id'];
  if (given === undefined || given === '') return null;
  const seq = Number(given);
  if (typeof given === 'string' && /^\d+$/.test(given) && Number.isSafeInteger(seq)) return seq;
  throw new RequestInvalidError([{ path: 'headers.last-event-id', message: 'must be the id of an event' }]);
}
