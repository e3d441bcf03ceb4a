import { z } from 'zod';
import { waveStates } from '../ports/waves.ts';
import {
  type WaveCommandName,
  waveCommandNames,
  waveOrgSchema,
  wavePlanSchema,
  waveStatusSchema,
} from '../service/waveStatus.ts';
import type { WaveService } from '../service/waves.ts';
import { waveRequestSchema } from '../waves/settings.ts';
import { actorOf, roleOfWaveCommand } from './auth.ts';
import { etagOfAny, sentNotModified } from './etag.ts';
import { commandBody, queryInteger, reasonBody, waveParams } from './schemas.ts';
import type { App } from './types.ts';

/** Thousands of orgs may be named. */
const bodyLimitBytes = 512 * 1024;

const listQuery = z.strictObject({
  state: z.enum(waveStates).optional(),
  limit: queryInteger(1, 100, { default: 20 }).default(20),
  cursor: z.string().min(1).max(512).optional(),
});
const orgsQuery = z.strictObject({
  after: queryInteger(0, Number.MAX_SAFE_INTEGER, { default: 0 }).default(0).describe('Orgs behind this position'),
  limit: queryInteger(1, 1_000, { default: 200 }).default(200),
});
export const wavePage = z.object({
  items: z.array(waveStatusSchema),
  nextCursor: z.string().nullable().describe('Give it as `cursor` for the next page; null on the last'),
});
export const waveOrgPage = z.object({
  items: z.array(waveOrgSchema),
  nextAfter: z.number().int().describe('Give it as `after` for what comes next'),
});

const summaries: Readonly<Record<WaveCommandName, string>> = {
  start: 'Begin: orgs start and flip as limits and windows allow',
  pause: 'Start and let go no more orgs; what is under way goes on to where it waits',
  resume: 'Go on after a pause; troubles seen until now count no more',
  approve: 'Let the orgs of the wave flip, each when it is ready and the wave lets it go',
  cancel: 'Start no more orgs, and cancel those that are not on their cluster yet',
  rollback: 'Take every org of the wave back that has not completed',
};

/** Sets of orgs that move together. */
export function waveRoutes(scope: App, waves: WaveService): void {
  scope.post(
    '/v1/waves',
    {
      config: { role: 'operator' },
      bodyLimit: bodyLimitBytes,
      schema: {
        summary: 'Plan the move of a set of orgs; nothing happens before `start`',
        body: waveRequestSchema,
        response: { 201: waveStatusSchema },
      },
    },
    async (request, reply) => {
      const status = await waves.create(request.body, actorOf(request));
      return reply
        .code(201)
        .header('location', `/v1/waves/${encodeURIComponent(status.id)}`)
        .header('etag', etagOfAny(status))
        .send(status);
    },
  );

  scope.get(
    '/v1/waves',
    {
      config: { role: 'viewer' },
      schema: { summary: 'List waves, page by page', querystring: listQuery, response: { 200: wavePage } },
    },
    async (request, reply) => {
      const { state, limit, cursor } = request.query;
      const page = await waves.list({
        limit,
        ...(state !== undefined && { state }),
        ...(cursor !== undefined && { cursor }),
      });
      if (sentNotModified(request, reply, etagOfAny(page))) return reply;
      return page;
    },
  );

  scope.get(
    '/v1/waves/:id',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'One wave: where its orgs are, what it waits for, and why it stopped',
        params: waveParams,
        response: { 200: waveStatusSchema },
      },
    },
    async (request, reply) => {
      const status = await waves.get(request.params.id);
      if (sentNotModified(request, reply, etagOfAny(status))) return reply;
      return status;
    },
  );

  scope.get(
    '/v1/waves/:id/orgs',
    {
      config: { role: 'viewer' },
      schema: {
        summary: 'The orgs of a wave in their order',
        params: waveParams,
        querystring: orgsQuery,
        response: { 200: waveOrgPage },
      },
    },
    async (request, reply) => {
      const { after, limit } = request.query;
      const items = await waves.orgs(request.params.id, { after, limit });
      reply.header('cache-control', 'no-store');
      return { items, nextAfter: items.at(-1)?.position ?? after };
    },
  );

  scope.get(
    '/v1/waves/:id/plan',
    {
      // It plays the whole wave, and asks DMS.
      config: { role: 'viewer', rateLimit: { max: 30, timeWindow: 60_000 } },
      schema: {
        summary: 'Dry run: schedule, tasks, load and quotas of the rest of the wave; changes nothing',
        params: waveParams,
        response: { 200: wavePlanSchema },
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store');
      return waves.plan(request.params.id);
    },
  );

  for (const command of waveCommandNames) {
    scope.post(
      `/v1/waves/:id/${command}`,
      {
        config: { role: roleOfWaveCommand[command] },
        schema: {
          summary: summaries[command],
          params: waveParams,
          // What concerns many orgs at once says why.
          body: command === 'rollback' || command === 'cancel' ? reasonBody : commandBody,
          response: { 200: waveStatusSchema },
        },
      },
      async (request, reply) => {
        const { reason }: { reason?: string | undefined } = request.body ?? {};
        const input = reason === undefined ? {} : { reason };
        const status = await waves.command(request.params.id, command, input, actorOf(request));
        reply.header('etag', etagOfAny(status)).header('cache-control', 'no-store');
        return status;
      },
    );
  }
}
