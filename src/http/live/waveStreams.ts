import type { OperationsService } from '../../service/operations.ts';
import { type WaveOrgStatus, waveStatusSchema } from '../../service/waveStatus.ts';
import type { WaveService } from '../../service/waves.ts';
import { waveParams } from '../schemas.ts';
import { wantsStream } from '../streamReply.ts';
import type { App } from '../types.ts';
import { wavePage } from '../waves.ts';
import { lookOf, SharedLook, sameText } from './sharedLook.ts';
import { frame, type LiveStream, noStore } from './streams.ts';
import { lookAtWave, lookAtWaves, orgsChanged, type WaveSight, type WavesSight } from './waves.ts';

/** Waves as they happen: all of them, and one with its orgs. */
export function waveStreams(
  scope: App,
  { waves, operations }: { waves: WaveService; operations: OperationsService },
  { stream, everyMs }: { stream: LiveStream; everyMs: number },
): void {
  const allWaves = new SharedLook<WavesSight>({
    look: (before) => lookAtWaves(waves, operations, before),
    everyMs,
    isSame: sameText,
  });
  const oneWave = new Map<string, SharedLook<WaveSight>>();

  scope.get(
    '/v1/live/waves',
    {
      config: { role: 'viewer' },
      exposeHeadRoute: false,
      schema: {
        summary: 'All waves; with `accept: text/event-stream` as they change',
        response: { 200: wavePage.pick({ items: true }) },
        alsoProduces: ['text/event-stream'],
      },
    },
    async (request, reply) => {
      if (!wantsStream(request)) return reply.headers(noStore).send({ items: [...(await allWaves.once()).waves] });
      return stream(request, reply, allWaves, (sight) => [frame('waves', sight.waves), frame('freeze', sight.freeze)]);
    },
  );

  scope.get(
    '/v1/live/waves/:id',
    {
      config: { role: 'viewer' },
      exposeHeadRoute: false,
      schema: {
        summary: 'One wave; with `accept: text/event-stream` it and its orgs, whole at first, then those that change',
        params: waveParams,
        response: { 200: waveStatusSchema },
        alsoProduces: ['text/event-stream'],
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const status = await waves.get(id);
      if (!wantsStream(request)) return reply.headers(noStore).send(status);
      let shown: readonly WaveOrgStatus[] = [];
      const look = lookOf(oneWave, id, () => ({
        look: () => lookAtWave(waves, operations, id),
        everyMs,
        isSame: sameText,
      }));
      return stream(request, reply, look, function* (sight) {
        const changed = orgsChanged(shown, sight.orgs);
        if (changed.length > 0) yield frame('waveOrgs', changed);
        shown = sight.orgs;
        yield frame('wave', sight.wave);
        yield frame('freeze', sight.freeze);
      });
    },
  );
}
