import { z } from 'zod';
import { waveOrgPage } from '../../../../src/http/waves.ts';
import { migrationStatusSchema } from '../../../../src/service/status.ts';
import { type WaveStatus, waveStatusSchema } from '../../../../src/service/waveStatus.ts';
import { labOrgIds } from '../../bigdb/index.ts';
import { openTransaction } from '../clients.ts';
import { acknowledged, ScenarioError, type Stage } from '../stage.ts';
import type { Scenario } from './scenario.ts';

const orgs = 200;
const atOnce = 10;
/** Orgs whose flip is made to fail: a transaction that does not end. */
const failing = 3;
const lookEveryMs = 500;
/** Longest time without any org getting further (milliseconds). */
const quietMs = 180_000;
const writesAfterCommit = 5;

export const wave: Scenario = {
  name: 'wave',
  about: `${orgs} orgs of two home regions in a wave, ${atOnce} at once: it stops at ${failing} that fail, and is resumed`,
  lab: {
    orgs,
    regions: 2,
    rows: 60,
    policy: { completion: 'auto', soakMs: 2_000, flipTries: 3 },
    waveLimits: { source: atOnce, cluster: atOnce, flips: 4 },
  },
  workload: { ratePerOrg: 2, writersPerProxy: 1, readsPerOrg: 1, jobInstancesPerProxy: 0 },
  movers: new Map(labOrgIds(orgs).map((orgId) => [orgId, 'completed'])),
  writesAfterCommit,
  writesWait: false,
  async drive(stage) {
    const ids = stage.lab.orgs.map(({ orgId }) => orgId);
    const { id } = waveStatusSchema.parse(
      await stage.api.post('/v1/waves', 'operator', {
        name: 'all of them',
        orgs: ids,
        order: 'asGiven',
        stop: { stuck: failing, aborts: null, pauseMs: null },
      }),
    );
    await stage.api.post(`/v1/waves/${id}/start`, 'operator', { reason: 'the demonstration of a wave' });
    await until(stage, id, 'the first orgs to be ready', ({ standings }) => (standings.ready ?? 0) >= atOnce);
    const held = ids.slice(0, failing);
    const ends: (() => Promise<void>)[] = [];
    try {
      for (const orgId of held) ends.push(await openTransaction(stage, orgId));
      await stage.api.post(`/v1/waves/${id}/approve`, 'approver', {});
      await stopsAt(stage, id, held);
    } finally {
      for (const end of ends) await end();
    }
    await stage.api.post(`/v1/waves/${id}/resume`, 'operator', { reason: 'the transactions have ended' });
    await until(stage, id, 'all orgs to have completed', ({ state }) => state === 'completed');
    await seeAll(stage, id);
    for (const orgId of ids.slice(-atOnce)) await acknowledged(stage, orgId, writesAfterCommit);
  },
};

/** The wave stops by its rule, for these orgs, and has left alone whatever it had not begun. */
async function stopsAt(stage: Stage, id: string, held: readonly number[]): Promise<void> {
  const stopped = await until(stage, id, 'the stop', ({ state }) => state === 'paused');
  const { stuck } = stopped.troubles;
  // On a busy machine another org may have spent its tries as well.
  if (stopped.reason?.code !== 'WAVE_STOPPED' || !held.every((orgId) => stuck.includes(orgId))) {
    throw new ScenarioError(`the wave stopped with ${stopped.reason?.code} at orgs ${stuck.join(', ')}`);
  }
  const { items } = waveOrgPage.parse(await stage.api.read(`/v1/waves/${id}/orgs?limit=1000`));
  const waiting = items.filter(({ standing }) => standing === 'waiting');
  if (waiting.length === 0) throw new ScenarioError('no org was left alone when the wave stopped');
  for (const { orgId, migrationId } of waiting) {
    if (migrationId !== null) throw new ScenarioError(`org ${orgId} waits, and has migration ${migrationId}`);
  }
  stage.say(`stopped by its rule at orgs ${stuck.join(', ')}; ${waiting.length} orgs are as they were`);
}

/** Polls until the condition holds; a wave that gets nowhere for too long is an error. */
async function until(
  stage: Stage,
  id: string,
  what: string,
  condition: (wave: WaveStatus) => boolean,
): Promise<WaveStatus> {
  let told = '';
  let movedAtMs = Date.now();
  for (;;) {
    stage.signal.throwIfAborted();
    const status = waveStatusSchema.parse(await stage.api.read(`/v1/waves/${id}`));
    if (condition(status)) return status;
    const now = Object.entries(status.standings)
      .filter(([, count]) => count > 0)
      .map(([standing, count]) => `${count} ${standing}`)
      .join(', ');
    if (now !== told) {
      stage.say(`${status.state}: ${now}`);
      movedAtMs = Date.now();
    }
    told = now;
    if (Date.now() - movedAtMs > quietMs) {
      throw new ScenarioError(`the wave waits in vain for ${what}: ${JSON.stringify(status)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}

const page = z.object({ items: z.array(migrationStatusSchema), nextCursor: z.string().nullable() });

async function seeAll(stage: Stage, id: string): Promise<void> {
  let cursor: string | null = null;
  do {
    const behind: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const { items, nextCursor } = page.parse(await stage.api.read(`/v1/migrations?wave=${id}&limit=100${behind}`));
    for (const status of items) stage.seen.set(status.orgId, status);
    cursor = nextCursor;
  } while (cursor !== null);
}
