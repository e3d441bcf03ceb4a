import { describe, expect, it } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import { systemClock } from '../../src/adapters/clock.ts';
import type { EffectRun } from '../../src/driver/handlers.ts';
import { HomeRegionChangedError, ProxyUnavailableError } from '../../src/errors/index.ts';
import type { Estate } from '../../src/estate/estate.ts';
import type { Attempts } from '../../src/flip/attempts.ts';
import { prepare } from '../../src/flip/prepare.ts';
import { RouteKeeper } from '../../src/flip/routeKeeper.ts';
import { FlipTurns } from '../../src/flip/turns.ts';
import type { FleetProxy } from '../../src/ports/routing.ts';

const owner = { orgId: 42, homeRegion: 'eu-west-2', slot: 1, epoch: 7, attempt: 3 };
const held = { comment: 'held', route: { kind: 'held', serving: 'source', holdHostgroup: 900 }, epoch: 7, attempt: 3 };

/** A proxy that holds the org. While it is silent, nothing reaches it. */
function holdingProxy(name: string) {
  const seen = { silent: false, routes: [] as string[] };
  const proxy = {
    name,
    readRoute: async () => {
      if (seen.silent) throw new ProxyUnavailableError(name, 'a look', new Error('no answer'));
      return held;
    },
    openHold: async () => {},
    setRoute: async (_owner: unknown, _step: string, { kind }: { kind: string }) => {
      seen.routes.push(kind);
      return kind;
    },
  } as unknown as FleetProxy;
  return { proxy, seen };
}

describe('a proxy that fell silent while it held the org', () => {
  it('is let go as soon as it answers, though the next attempt has failed in its preparation', async () => {
    const ownership = new AbortController();
    const [answering, silent] = [holdingProxy('proxy-1'), holdingProxy('proxy-2')];
    const estate = {
      clock: systemClock,
      logger: { warn: () => {} },
      routing: { proxies: [answering.proxy, silent.proxy], recent: async () => {}, counts: () => true },
      // The next attempt does not get past its first question.
      directory: { homeRegion: async () => 'us-east-1' },
    } as unknown as Estate;
    const keeper = new RouteKeeper(estate);
    silent.seen.silent = true;
    const wanted = { migrationId: 'm', owner, step: 'abort', side: 'source', holdHostgroup: 900 } as const;
    const { stragglers } = await keeper.bring(wanted, ownership.signal);
    expect(stragglers).toEqual(['proxy-2']);

    const migration = { migrationId: 'm', orgId: 42, homeRegion: 'eu-west-2', direction: 'forward', serving: 'source' };
    const preparing = new AbortController();
    const run = {
      migration,
      epoch: 7,
      signal: preparing.signal,
      ownership: ownership.signal,
      note: () => {},
      waitsFor: () => {},
    } as unknown as EffectRun;
    await expect(prepare(estate, {} as Attempts, keeper, new FlipTurns(1), run)).rejects.toThrow(
      HomeRegionChangedError,
    );
    preparing.abort(new Error('the step has failed'));

    silent.seen.silent = false;
    await pollUntil('the proxy to be let go', async () => silent.seen.routes.length > 0);
    expect(silent.seen.routes).toEqual(['source']);
    ownership.abort(new Error('the test is over'));
  });
});
