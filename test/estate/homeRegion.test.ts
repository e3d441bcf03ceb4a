import { beforeEach, describe, expect, it } from 'vitest';
import type { EffectRun } from '../../src/driver/handlers.ts';
import { DirectoryUnavailableError, HomeRegionChangedError } from '../../src/errors/index.ts';
import type { Estate } from '../../src/estate/estate.ts';
import { homeRegionEveryMs, whileAtHome } from '../../src/estate/homeRegion.ts';
import { FakeClock } from '../soaking/fakeClock.ts';

let clock: FakeClock;
let home: string | null;
let asked: number;
let fences: string[];
let given: AbortController;

/** Work that a task does at the cluster: it goes on until its signal ends. */
async function world(serving = 'source') {
  const estate = {
    clock,
    directory: {
      homeRegion: async () => {
        asked += 1;
        if (home === null) throw new DirectoryUnavailableError('CoreDB does not answer');
        return home;
      },
    },
    clusters: new Map([
      [
        'eu-west-2',
        {
          setFence: async (orgId: number, writer: string, epoch: number) => {
            fences.push(`${orgId} ${writer} ${epoch}`);
          },
        },
      ],
    ]),
  } as unknown as Estate;
  const direction = serving === 'cluster' ? 'back' : 'forward';
  const run = {
    migration: { orgId: 42, homeRegion: 'eu-west-2', direction, serving },
    epoch: 7,
    signal: given.signal,
  } as unknown as EffectRun;
  let ended: unknown = null;
  const done = Promise.withResolvers<string>();
  const outcome = whileAtHome(estate, run, ({ signal }) => {
    signal.addEventListener('abort', () => {
      ended = signal.reason;
      done.reject(signal.reason);
    });
    return done.promise;
  }).then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  await clock.advance(0);
  return { outcome, done, ended: () => ended };
}

describe('while a task writes at the cluster', () => {
  beforeEach(() => {
    clock = new FakeClock();
    home = 'eu-west-2';
    asked = 0;
    fences = [];
    given = new AbortController();
  });

  it('the home region is asked at once and every minute, and the work ends as it would', async () => {
    const { outcome, done } = await world();
    expect(asked).toBe(1);
    await clock.advance(3 * homeRegionEveryMs);
    expect(asked).toBe(4);
    done.resolve('loaded');
    expect(await outcome).toEqual({ value: 'loaded' });
    await clock.advance(3 * homeRegionEveryMs);
    expect(asked).toBe(4);
    expect(fences).toEqual([]);
  });

  it('a region that has changed ends the work, and the fence shuts the task out', async () => {
    const { outcome, ended } = await world();
    home = 'us-east-1';
    await clock.advance(homeRegionEveryMs);
    expect(await outcome).toEqual({ error: expect.any(HomeRegionChangedError) });
    expect(fences).toEqual(['42 nobody 7']);
    expect(ended()).not.toBeNull();
  });

  it('no answer is no change', async () => {
    const { outcome, done } = await world();
    home = null;
    await clock.advance(5 * homeRegionEveryMs);
    expect(asked).toBe(6);
    done.resolve('loaded');
    expect(await outcome).toEqual({ value: 'loaded' });
    expect(fences).toEqual([]);
  });

  it('a failure of the work is told, and not the end of the watch', async () => {
    const { outcome, done } = await world();
    done.reject(new Error('the task failed'));
    expect(await outcome).toEqual({ error: new Error('the task failed') });
  });
});
