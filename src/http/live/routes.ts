import type { FleetService, FleetStatus } from '../../service/fleetStatus.ts';
import { fleetStatusSchema } from '../../service/fleetStatus.ts';
import type { FreezeStatus, OperationsService } from '../../service/operations.ts';
import { type MigrationService, migrationStatusSchema } from '../../service/status.ts';
import type { WaveService } from '../../service/waves.ts';
import { etagOfAny, sentNotModified } from '../etag.ts';
import { lastEventId } from '../events.ts';
import { idParams } from '../schemas.ts';
import { wantsStream } from '../streamReply.ts';
import type { App } from '../types.ts';
import { eventsAfter, isSameOrg, lookAtOne, missedOf, type OrgSight } from './oneOrg.ts';
import { changeBetween, lookAtAll, type OverviewRow, type OverviewSight, overviewSchema } from './overview.ts';
import { madeOnce, madeOnceOfTwo } from './shared.ts';
import { lookOf, SharedLook, sameText } from './sharedLook.ts';
import { frame, type LiveSettings, liveStreams, noStore } from './streams.ts';
import { waveStreams } from './waveStreams.ts';

/** Most watchers have seen the same before: a frame is made once for all of them. */
const wholeFrame = madeOnce((rows: readonly OverviewRow[]) => frame('migrations', rows));
const changeFrame = madeOnceOfTwo((before: readonly OverviewRow[], now: readonly OverviewRow[]) => {
  const change = changeBetween(before, now);
  return change.changed.length + change.gone.length === 0 ? '' : frame('changes', change);
});

/** What is shown as it happens: all orgs in short, one org, waves, the fleet. Everybody who watches the same shares one look. */
export function liveRoutes(
  scope: App,
  parts: {
    service: MigrationService;
    operations: OperationsService;
    fleet: FleetService;
    waves: WaveService;
    version: string;
  },
  settings: LiveSettings,
): void {
  const { service, operations, fleet, waves, version } = parts;
  const stream = liveStreams(scope, settings, version);
  const everyMs = settings.lookMs;

  const all = new SharedLook<OverviewSight>({
    look: (before) => lookAtAll(service, operations, before),
    everyMs,
    isSame: (before, now) => sameText([before.items, before.freeze], [now.items, now.freeze]),
  });
  const proxies = new SharedLook<{ fleet: FleetStatus; freeze: FreezeStatus }>({
    look: async () => ({ fleet: await fleet.list(), freeze: await operations.freezeStatus() }),
    everyMs,
    isSame: sameText,
  });
  const orgs = new Map<string, SharedLook<OrgSight>>();
  const lookAt = (id: string) =>
    lookOf(orgs, id, () => ({
      look: (before) => lookAtOne(service, operations, id, before ?? { recent: [] }),
      everyMs,
      isSame: isSameOrg,
    }));

  scope.get(
    '/v1/live/migrations',
    {
      config: { role: 'viewer' },
      exposeHeadRoute: false,
      schema: {
        summary: 'All migrations in short; with `accept: text/event-stream` whole at first, then what changes',
        response: { 200: overviewSchema },
        alsoProduces: ['text/event-stream'],
      },
    },
    async (request, reply) => {
      if (!wantsStream(request)) {
        const { items, freeze } = await all.once();
        return sentNotModified(request, reply, etagOfAny({ items, freeze })) ? reply : { items, freeze };
      }
      let shown: readonly OverviewRow[] | null = null;
      let freeze = '';
      return stream(request, reply, all, function* (sight) {
        const text = shown === null ? wholeFrame(sight.items) : changeFrame(shown, sight.items);
        if (text !== '') yield text;
        shown = sight.items;
        if (JSON.stringify(sight.freeze) !== freeze) yield frame('freeze', sight.freeze);
        freeze = JSON.stringify(sight.freeze);
      });
    },
  );

  scope.get(
    '/v1/live/migrations/:id',
    {
      config: { role: 'viewer' },
      exposeHeadRoute: false,
      schema: {
        summary: 'One migration; with `accept: text/event-stream` its status and its timeline as they change',
        params: idParams,
        response: { 200: migrationStatusSchema },
        alsoProduces: ['text/event-stream'],
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      // An unknown migration is an answer, not a stream that says so again and again.
      const status = await service.get(id);
      if (!wantsStream(request)) return reply.headers(noStore).send(status);
      let seq = lastEventId(request) ?? 0;
      let shown = '';
      let freeze = '';
      return stream(request, reply, lookAt(id), async function* (sight) {
        const missed = missedOf(sight, seq) ?? (await eventsAfter(service, id, seq));
        for (const event of missed) {
          yield frame('timeline', event, event.seq);
          seq = event.seq;
        }
        const text = JSON.stringify(sight.status);
        if (text !== shown) yield frame('status', sight.status);
        shown = text;
        if (JSON.stringify(sight.freeze) !== freeze) yield frame('freeze', sight.freeze);
        freeze = JSON.stringify(sight.freeze);
      });
    },
  );

  scope.get(
    '/v1/live/fleet',
    {
      config: { role: 'viewer' },
      exposeHeadRoute: false,
      schema: {
        summary: 'The fleet; with `accept: text/event-stream` as it changes',
        response: { 200: fleetStatusSchema },
        alsoProduces: ['text/event-stream'],
      },
    },
    async (request, reply) => {
      if (!wantsStream(request)) return reply.headers(noStore).send((await proxies.once()).fleet);
      return stream(request, reply, proxies, (sight) => [frame('fleet', sight.fleet), frame('freeze', sight.freeze)]);
    },
  );

  waveStreams(scope, { waves, operations }, { stream, everyMs });
}
