import { describe, expect, test } from 'vitest';
import { FlipTurns } from '../../src/flip/turns.ts';

type Run = Parameters<FlipTurns['wait']>[0];

/** An org that comes to its flip, with what it shows meanwhile. */
function org(migrationId: string, direction: 'forward' | 'back' = 'forward') {
  const end = new AbortController();
  const shown: (string | null)[] = [];
  const run = {
    migration: { migrationId, direction },
    signal: end.signal,
    waitsFor: (what: string | null) => void shown.push(what),
  } as Pick<Run, 'signal' | 'waitsFor'> & object as Run;
  return { run, shown, end: (why: string) => end.abort(new Error(why)) };
}

/** Which of them have their turn once every promise that can go on has gone on. */
async function turnsOf(waits: Readonly<Record<string, Promise<void>>>): Promise<string[]> {
  const there: string[] = [];
  for (const [id, wait] of Object.entries(waits))
    wait.then(
      () => there.push(id),
      () => there.push(`${id} gives up`),
    );
  await new Promise((resolve) => setImmediate(resolve));
  return there;
}

describe('turns of flips', () => {
  test('so many at once; who waits says so, and comes in order', async () => {
    const turns = new FlipTurns(2);
    const orgs = ['a', 'b', 'c', 'd'].map((id) => org(id));
    const waits = Object.fromEntries(orgs.map(({ run }) => [run.migration.migrationId, turns.wait(run)]));
    expect(await turnsOf(waits)).toEqual(['a', 'b']);
    expect(orgs.map(({ shown }) => shown)).toEqual([
      [],
      [],
      ['its turn: 2 orgs may be held at once, 0 wait before it'],
      ['its turn: 2 orgs may be held at once, 1 wait before it'],
    ]);
    turns.onState('b', 'verifying.settling');
    expect(await turnsOf(waits)).toEqual(['a', 'b', 'c']);
    expect(orgs[2]?.shown.at(-1)).toBeNull();
  });

  test('a place is kept through the hold, and left behind its release, its abort, or by its owner', async () => {
    const turns = new FlipTurns(1);
    const wait = async (id: string) => turnsOf({ [id]: turns.wait(org(id).run) });
    expect(await wait('a')).toEqual(['a']);
    for (const step of ['prepare', 'hold', 'drain', 'fence', 'marker', 'pinViews', 'parkReads', 'commit', 'release'])
      turns.onState('a', `flipping.${step}`);
    const next = { b: turns.wait(org('b').run) };
    expect(await turnsOf(next)).toEqual([]);
    turns.onState('a', 'flipping.aborting');
    expect(await turnsOf(next)).toEqual(['b']);
    const last = { c: turns.wait(org('c').run) };
    expect(await turnsOf(last)).toEqual([]);
    turns.leave('b');
    expect(await turnsOf(last)).toEqual(['c']);
    // Nobody waits: the place is free for whoever comes.
    turns.leave('c');
    expect(await wait('d')).toEqual(['d']);
  });

  test('ways back have places of their own', async () => {
    const turns = new FlipTurns(1);
    const waits = {
      forward: turns.wait(org('a').run),
      back: turns.wait(org('b', 'back').run),
      second: turns.wait(org('c', 'back').run),
    };
    expect(await turnsOf(waits)).toEqual(['forward', 'back']);
    turns.onState('b', 'rollingBack.settling');
    expect(await turnsOf(waits)).toEqual(['forward', 'back', 'second']);
  });

  test('who gives up waiting keeps nobody behind him waiting', async () => {
    const turns = new FlipTurns(1);
    const [first, second, third] = [org('a'), org('b'), org('c')];
    const waits = { a: turns.wait(first.run), b: turns.wait(second.run), c: turns.wait(third.run) };
    second.end('paused');
    expect(await turnsOf(waits)).toEqual(['a', 'b gives up']);
    await expect(waits.b).rejects.toThrow('paused');
    turns.leave('a');
    expect(await turnsOf({ c: waits.c })).toEqual(['c']);
    await expect(turns.wait(second.run)).rejects.toThrow('paused');
  });

  test('an org that has its place already goes on', async () => {
    const turns = new FlipTurns(1);
    const { run } = org('a');
    await turns.wait(run);
    expect(await turnsOf({ again: turns.wait(run) })).toEqual(['again']);
  });
});
