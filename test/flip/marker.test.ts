import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/adapters/clock.ts';
import { systemIds } from '../../src/adapters/ids.ts';
import type { DatabasePlace } from '../../src/adapters/mysql/index.ts';
import type { EffectRun } from '../../src/driver/handlers.ts';
import { MarkerTimeoutError } from '../../src/errors/index.ts';
import type { Estate } from '../../src/estate/estate.ts';
import type { FlipAttempt } from '../../src/flip/attempt.ts';
import { marker } from '../../src/flip/marker.ts';
import { makeWorld, type World } from '../places/world.ts';

const orgId = 42;
const budgetMs = 600;

/** Two servers that nothing replicates between: what arrives at the cluster is what the test carries there. */
let site: World;
let cluster: World;
/** A server beside the cluster's writer, which nothing replicates to either. */
let reader: World;
let from: Connection;
let to: Connection;
let attempt: FlipAttempt;
let estate: Estate;

beforeAll(async () => {
  [site, cluster, reader] = await Promise.all([makeWorld('site'), makeWorld('cluster'), makeWorld('cluster')]);
  from = await site.connect(site.server.user);
  to = await cluster.connect(cluster.server.user);
  estate = {
    sites: [site.place],
    clusters: new Map([['eu-west-2', cluster.place]]),
    routing: { proxies: [] },
    clock: systemClock,
    ids: systemIds,
  } as unknown as Estate;
});
afterAll(async () => {
  await Promise.all([site?.close(), cluster?.close(), reader?.close()]);
});

beforeEach(async () => {
  await cluster.place.forgetHeartbeats(orgId);
  attempt = {
    owner: { orgId, homeRegion: 'eu-west-2', slot: 1, epoch: 7, attempt: 3 },
    direction: 'forward',
    budgetMs,
    heldAtMs: systemClock.monotonicMs(),
  } as unknown as FlipAttempt;
});

const run = { signal: new AbortController().signal } as unknown as EffectRun;

/** Puts what the site's heartbeat row says at the cluster, with some of it changed on the way. */
async function carry(
  change: Partial<Record<'epoch' | 'attempt' | 'nonce', string | number>> = {},
  targets: readonly Connection[] = [to],
): Promise<void> {
  const [rows] = await from.query(
    `SELECT org_id, site, seq, written_at, epoch, attempt, nonce FROM bigdb_cutover.heartbeat WHERE org_id = ${orgId} AND site = 'lon1'`,
  );
  const row = { ...(rows as Record<string, unknown>[])[0], ...change };
  for (const target of targets) await target.query('REPLACE INTO bigdb_cutover.heartbeat SET ?', [row]);
}

/** Carries the row again and again while the marker is waited for, as replication would. */
async function whileCarrying(
  change: Parameters<typeof carry>[0],
  work: () => Promise<unknown>,
  targets: readonly Connection[] = [to],
): Promise<unknown> {
  let ended = false;
  const done = work().finally(() => {
    ended = true;
  });
  done.catch(() => {});
  while (!ended) await carry(change, targets);
  return done;
}

describe('the marker', () => {
  it('is proven by the very row that was written, once it has arrived', async () => {
    await whileCarrying({}, () => marker(estate, attempt, run));
    const arrived = (await cluster.place.readHeartbeats([orgId])).get(orgId);
    expect(arrived?.[0]?.marker).toMatchObject({ epoch: 7, attempt: 3 });
  });

  it('is not proven by silence: the attempt ends and names the site', async () => {
    const waiting = marker(estate, attempt, run);
    await expect(waiting).rejects.toThrow(MarkerTimeoutError);
    await expect(waiting).rejects.toThrow('lon1');
  });

  it.each([
    ['of an older attempt', { attempt: 2 }],
    ['of a later attempt', { attempt: 4 }],
    ['of another owner', { epoch: 6 }],
    ['with another nonce', { nonce: 'another' }],
  ])('is not proven by one %s', async (_, change) => {
    await expect(whileCarrying(change, () => marker(estate, attempt, run))).rejects.toThrow(MarkerTimeoutError);
  });

  it('has to come from every site', async () => {
    const silent = {
      name: 'lon2',
      writeMarker: async () => {},
      preparedXa: async () => [],
    } as unknown as DatabasePlace;
    const both = { ...estate, sites: [site.place, silent] } as unknown as Estate;
    await expect(whileCarrying({}, () => marker(both, attempt, run))).rejects.toThrow('lon2');
  });

  it('has to be seen by every reader that proxies will send reads to, and names the one that stands still', async () => {
    const follower = await reader.connect(reader.server.user);
    // A replica has the accounts of its source.
    await follower.query('ALTER USER ?@? IDENTIFIED BY ?', [cluster.server.user, '%', cluster.server.password]);
    const address = { host: reader.server.host, port: reader.server.port };
    const proxy = { blockingSessions: async () => ({ blocking: [], openSinceHold: new Map() }) };
    const routing = { proxies: [{ ...proxy, name: 'px1', readers: async () => [address] }] };
    const withReader = { ...estate, routing } as unknown as Estate;
    attempt = { ...attempt, next: 'cluster', openSinceHold: new Map() };
    const still = whileCarrying({}, () => marker(withReader, attempt, run));
    await expect(still).rejects.toThrow(MarkerTimeoutError);
    await expect(still).rejects.toThrow(`lon1 at reader ${address.host}:${address.port}`);
    attempt = { ...attempt, heldAtMs: systemClock.monotonicMs() };
    await whileCarrying({}, () => marker(withReader, attempt, run), [to, follower]);
  });
});
