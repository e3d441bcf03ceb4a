import { describe, expect, test } from 'vitest';
import { FlipTurns } from '../../src/flip/turns.ts';

type Run = Parameters<FlipTurns['wait']>[0];

/** An org that comes to its flip, with what it shows meanwhile. */
function org(migrationId: string) {
  const [end, loss] = [new AbortController(), new AbortController()];
  const shown: (string | null)[] = [];
  const run = {
    migration: { migrationId },
    signal: end.signal,
    ownership: loss.signal,
    waitsFor: (what: string | null) => void shown.push(what),
  } as Pick<Run, 'signal' | 'ownership' | 'waitsFor'> & object as Run;
  const because = (why: string) => new Error(why);
  return { run, shown, end: (why: string) => end.abort(because(why)), lose: () => loss.abort(because('lost')) };
}

/** Which of them have their turn, once every promise that can go on has gone on. */
async function turnsOf(waits: Readonly<Record<string, Promise<boolean>>>): Promise<string[]> {
  const there: string[] = [];
  for (const [id, wait] of Object.entries(waits))
    wait.then(
      (waited) => there.push(waited ? `${id} waited` : id),
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
    const waiting = ['its turn: 2 orgs may be held at once'];
    expect(orgs.map(({ shown }) => shown)).toEqual([[], [], waiting, waiting]);
    turns.onState('b', 'verifying.settling');
    expect(await turnsOf(waits)).toEqual(['a', 'b', 'c waited']);
    expect(orgs[2]?.shown.at(-1)).toBeNull();
  });

  test('a place is kept until the release or the abort has ended', async () => {
    for (const last of ['release', 'aborting']) {
      const turns = new FlipTurns(1);
      await turns.wait(org('a').run);
      const steps = ['prepare', 'hold', 'drain', 'fence', 'marker', 'pinViews', 'parkReads', 'commit', 'recovering'];
      const next = { b: turns.wait(org('b').run) };
      for (const step of [...steps, last]) turns.onState('a', `flipping.${step}`);
      expect(await turnsOf(next)).toEqual([]);
      turns.onState('a', last === 'release' ? 'verifying.settling' : 'flipping.backoff');
      expect(await turnsOf(next)).toEqual(['b waited']);
    }
  });

  test('nobody waits: the place is free for whoever comes', async () => {
    const turns = new FlipTurns(1);
    await turns.wait(org('a').run);
    turns.leave('a');
    expect(await turnsOf({ b: turns.wait(org('b').run) })).toEqual(['b']);
  });

  test('an owner that loses its org leaves its place, also where it takes it later than it is told', async () => {
    const turns = new FlipTurns(1);
    const first = org('a');
    await turns.wait(first.run);
    const next = { b: turns.wait(org('b').run) };
    first.lose();
    expect(await turnsOf(next)).toEqual(['b waited']);
    await expect(turns.wait(first.run)).rejects.toThrow('lost');
    turns.leave('b');
    expect(await turnsOf({ c: turns.wait(org('c').run) })).toEqual(['c']);
  });

  test('who gives up waiting keeps nobody behind him waiting', async () => {
    const turns = new FlipTurns(1);
    const [first, second, third] = [org('a'), org('b'), org('c')];
    const waits = { a: turns.wait(first.run), b: turns.wait(second.run), c: turns.wait(third.run) };
    second.end('paused');
    expect(await turnsOf(waits)).toEqual(['a', 'b gives up']);
    await expect(waits.b).rejects.toThrow('paused');
    turns.leave('a');
    expect(await turnsOf({ c: waits.c })).toEqual(['c waited']);
    await expect(turns.wait(second.run)).rejects.toThrow('paused');
  });

  test('an org that has its place already goes on', async () => {
    const turns = new FlipTurns(1);
    const { run } = org('a');
    await turns.wait(run);
    expect(await turnsOf({ again: turns.wait(run) })).toEqual(['again']);
  });
});
