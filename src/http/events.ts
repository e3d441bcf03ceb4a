import type { FastifyRequest } from 'fastify';
import { RequestInvalidError, TooManyStreamsError } from '../errors/http.ts';
import type { MigrationService } from '../service/status.ts';
import { eventStream, type StreamSettings } from './eventStream.ts';
import { eventPage, eventsQuery, idParams } from './schemas.ts';
import { openStreams, wantsStream } from './streamReply.ts';
import type { App } from './types.ts';

/** The timeline of a migration: a page of JSON, or a stream where the asker accepts `text/event-stream`. */
export function eventRoutes(scope: App, service: MigrationService, settings: StreamSettings): void {
  const streams = openStreams(scope);

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
      if (!wantsStream(request)) {
        const items = await service.events(id, { after, limit });
        reply.header('cache-control', 'no-store');
        return { items, nextAfter: items.at(-1)?.seq ?? after };
      }
      const resumeAfter = lastEventId(request) ?? after;
      // An unknown migration is an answer, not a stream that breaks off.
      await service.get(id);
      if (streams.size >= settings.limit) throw new TooManyStreamsError(settings.limit);
      return streams.answer(request, reply, ({ signal }) => eventStream(service, id, resumeAfter, settings, signal));
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
