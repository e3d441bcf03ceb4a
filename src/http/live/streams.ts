import type { FastifyReply, FastifyRequest } from 'fastify';
import { CutoverError } from '../../errors/base.ts';
import { InternalFaultError, TooManyStreamsError } from '../../errors/http.ts';
import { openStreams } from '../streamReply.ts';
import type { App } from '../types.ts';
import type { SharedLook, Sight } from './sharedLook.ts';

/** How live streams behave. Durations in milliseconds. */
export interface LiveSettings {
  /** Time between two looks that all watchers share. */
  readonly lookMs: number;
  /** Silence after which a comment is sent. Pages take a stream for dead after three of them. */
  readonly heartbeatMs: number;
  /** Open streams that one controller serves: each costs a socket, and nothing at the store. */
  readonly limit: number;
  /** Life of a stream; its reader comes back by itself, with a token that is looked at again. */
  readonly lifeMs: number;
}

export const liveDefaults: LiveSettings = { lookMs: 1_000, heartbeatMs: 5_000, limit: 2_000, lifeMs: 600_000 };

/** What was true a moment ago is not to be kept anywhere. */
export const noStore = { 'cache-control': 'no-store' };

/** One server-sent event. */
export function frame(event: string, data: unknown, id?: number): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Answers a request with a stream of what is seen. */
export type LiveStream = ReturnType<typeof liveStreams>;

/** Opens streams that share their looks; each ends with its life. */
export function liveStreams(scope: App, settings: LiveSettings, version: string) {
  const streams = openStreams(scope);

  /**
   * Answers with the frames that `show` makes of each sight. A look that fails is said, and said to be over: a reader
   * must know that what it shows is old.
   */
  return function stream<T>(
    request: FastifyRequest,
    reply: FastifyReply,
    look: SharedLook<T>,
    show: (value: T) => AsyncIterable<string> | Iterable<string>,
  ): FastifyReply {
    if (streams.size >= settings.limit) throw new TooManyStreamsError(settings.limit);
    let life: NodeJS.Timeout | undefined;
    const frames = async function* ({ signal }: AbortController) {
      yield frame('hello', { now: new Date().toISOString(), version });
      let troubled = false;
      for await (const sight of look.watch(signal, settings.heartbeatMs)) {
        if (sight === null) {
          yield ': still here\n\n';
          continue;
        }
        if (sight.failure !== null) {
          if (!troubled) request.log.warn({ err: sight.failure }, 'a live stream cannot look');
          troubled = true;
          yield frame('trouble', troubleOf(sight));
          continue;
        }
        if (troubled) yield frame('trouble', null);
        troubled = false;
        if (sight.value !== null) yield* show(sight.value);
      }
    };
    const begin = (controller: AbortController) => {
      life = setTimeout(() => controller.abort(), settings.lifeMs);
      return frames(controller);
    };
    return streams.answer(request, reply, begin, () => clearTimeout(life));
  };
}

function troubleOf({ failure }: Sight<unknown>): { code: string; detail: string; remedy: string } {
  const error = failure instanceof CutoverError ? failure : new InternalFaultError(failure);
  return { code: error.code, detail: error.message, remedy: error.remedy };
}
