import { beforeEach, describe, expect, it } from 'vitest';
import { HeartbeatRowMissingError, PlaceError, PlaceRefusedError } from '../../src/errors/index.ts';
import { SourceLoad } from '../../src/estate/sourceLoad.ts';
import type { Heartbeat, Place } from '../../src/ports/place.ts';
import { FakeClock } from '../soaking/fakeClock.ts';

const limits = {
  busyThreads: 64,
  calmThreads: 48,
  lagMs: 10_000,
  calmLagMs: 3_000,
  freeDiskBytes: 1_000,
  calmFreeDiskBytes: 2_000,
};
const away = () => Promise.reject(new PlaceError('lon1', 'asking', new Error('it is away')));
const never = new AbortController().signal;

let clock: FakeClock;
/** What a test sets: null is a site that does not answer. */
let now: { threads: number | null; free: number | null; travelMs: number };
let asked: { threads: number };
let load: SourceLoad;

/** Two sites whose beats arrive `travelMs` after they were sent. */
function world(): void {
  clock = new FakeClock();
  now = { threads: 1, free: 1_000_000, travelMs: 0 };
  asked = { threads: 0 };
  const sent = new Map<string, { seq: number; atMs: number }[]>([
    ['lon1', []],
    ['lon2', []],
  ]);
  const site = (name: string) =>
    ({
      name,
      runningThreads: async () => {
        asked.threads += 1;
        return name === 'lon2' ? 1 : (now.threads ?? away());
      },
      freeDiskBytes: async () => (name === 'lon2' ? null : now.free),
      beat: async ([orgId = 0]: readonly number[]) => {
        const own = sent.get(name) ?? [];
        own.push({ seq: own.length + 1, atMs: clock.monotonicMs() });
        return new Map([[orgId, own.length]]);
      },
      readHeartbeats: async ([orgId = 0]: readonly number[]) => {
        const arrived = [...sent].map(([from, beats]): Heartbeat => {
          const there = beats.filter(({ atMs }) => from === name || atMs + now.travelMs <= clock.monotonicMs());
          return { site: from, seq: there.at(-1)?.seq ?? 0, writtenAt: '', marker: null };
        });
        return new Map([[orgId, arrived]]);
      },
    }) as unknown as Place;
  load = new SourceLoad({ sites: [site('lon1'), site('lon2')], clock, limits });
}

/** The strain as somebody finds it who asks now, a minute after the last one. */
async function strain(): Promise<string | null> {
  await clock.advance(61_000);
  const asking = load.strain(42);
  await clock.advance(2_000);
  return asking;
}

describe('the load of the source', () => {
  beforeEach(world);

  it.each([
    [
      'statements',
      (much: boolean) => Object.assign(now, { threads: much ? 65 : 49 }),
      { threads: 48 },
      /65 statements run at lon1 \(calm at 48\)/,
    ],
    [
      'the sites’ lag',
      (much: boolean) => Object.assign(now, { travelMs: much ? 70_000 : 5_000 }),
      { travelMs: 100 },
      /a site is behind another, by \d+ ms \(calm at 3000 ms\)/,
    ],
    [
      'a full disk',
      (much: boolean) => Object.assign(now, { free: much ? 999 : 1_500 }),
      { free: 2_000 },
      /999 bytes are free at lon1 \(calm at 2000\)/,
    ],
  ])('of %s holds back over its limit, and until it is calm again', async (_what, set, calm, text) => {
    expect(await strain()).toBeNull();
    // Between the two figures nothing changes, from either side.
    set(false);
    expect(await strain()).toBeNull();
    set(true);
    await strain();
    expect(await strain()).toMatch(text);
    set(false);
    expect(await strain()).not.toBeNull();
    Object.assign(now, calm);
    await strain();
    expect(await strain()).toBeNull();
  });

  it('stays what it was where a sample is missing', async () => {
    now.threads = null;
    expect(await strain()).toBeNull();
    now.threads = 100;
    expect(await strain()).not.toBeNull();
    now.threads = null;
    expect(await strain()).toMatch(/an unknown number of statements run at lon1/);
    now.threads = 1;
    expect(await strain()).toBeNull();
    // Where nobody tells, the disk is no reason.
    now.free = null;
    expect(await strain()).toBeNull();
  });

  it('is asked once for all who want to begin', async () => {
    await Promise.all(Array.from({ length: 20 }, () => load.strain(42)));
    expect(asked.threads).toBe(2);
  });

  it('lets go on when it is calm, says what it waits for, and ends with its signal', async () => {
    now.threads = 100;
    const said: (string | null)[] = [];
    const ended = new AbortController();
    let begun = false;
    const waiting = load
      .untilCalm(42, 'the move begins', (what) => said.push(what), ended.signal)
      .then(() => {
        begun = true;
      });
    await clock.advance(5_000);
    expect(begun).toBe(false);
    expect(said.at(-1)).toBe('the source to be calm before the move begins: 100 statements run at lon1 (calm at 48)');
    now.threads = 48;
    await clock.advance(5_000);
    await waiting;
    expect(said.at(-1)).toBeNull();

    now.threads = 100;
    const another = load.untilCalm(42, 'the move begins', () => {}, ended.signal);
    await clock.advance(5_000);
    ended.abort(new Error('ended'));
    await expect(another).rejects.toThrow('ended');
  });

  it('of an org without heartbeats is no sample; what a site refuses is no matter of load', async () => {
    const only = (name: string, failure: Error) =>
      ({
        name,
        runningThreads: async () => 1,
        freeDiskBytes: async () => null,
        beat: () => Promise.reject(failure),
      }) as unknown as Place;
    const of = (failure: Error) =>
      new SourceLoad({ sites: [only('lon1', failure), only('lon2', failure)], clock, limits }).strain(42);
    expect(await of(new HeartbeatRowMissingError('lon1', 42))).toBeNull();
    await expect(of(new PlaceRefusedError('lon1', 'writing heartbeats', new Error('denied')))).rejects.toThrow(
      'denied',
    );
    await expect(load.untilCalm(42, 'it begins', () => {}, never)).resolves.toBeUndefined();
  });
});
