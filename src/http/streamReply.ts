import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { App } from './types.ts';

/** Streams of server-sent events that are open. */
export interface OpenStreams {
  readonly size: number;
  /** Answers with the frames until they end, the asker goes, or the server closes; `ended` is told once. */
  answer(
    request: FastifyRequest,
    reply: FastifyReply,
    frames: (controller: AbortController) => AsyncIterable<string>,
    ended?: () => void,
  ): FastifyReply;
}

/** Ends streams when the server closes, which would wait for them for ever. */
export function openStreams(scope: App): OpenStreams {
  const open = new Set<AbortController>();
  scope.addHook('preClose', async () => {
    for (const stream of open) stream.abort();
  });
  return {
    get size() {
      return open.size;
    },
    answer(request, reply, frames, ended = () => {}) {
      const controller = new AbortController();
      open.add(controller);
      const { socket } = request.raw;
      const gone = () => controller.abort();
      socket.once('close', gone);
      const body = Readable.from(frames(controller), { objectMode: false });
      body.once('close', () => {
        // A connection that is kept alive outlives its streams.
        socket.off('close', gone);
        open.delete(controller);
        controller.abort();
        ended();
      });
      return reply
        .header('cache-control', 'no-store')
        .header('x-accel-buffering', 'no')
        .type('text/event-stream; charset=utf-8')
        .send(body);
    },
  };
}

/** Whether the asker wants a stream rather than one answer. */
export function wantsStream(request: FastifyRequest): boolean {
  return /\btext\/event-stream\b/i.test(request.headers.accept ?? '');
}
