import { describe, expect, it } from 'vitest';
import type { EffectRun } from '../../src/driver/handlers.ts';
import { FenceTimeoutError } from '../../src/errors/index.ts';
import type { Estate } from '../../src/estate/estate.ts';
import type { FlipAttempt } from '../../src/flip/attempt.ts';
import { openFences } from '../../src/flip/openFences.ts';

/** A clock whose waits end when the test says so. */
class HandClock {
  readonly #waits: { readonly ms: number; readonly end: () => void }[] = [];

  monotonicMs(): number {
    return 0;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    signal?.addEventListener('abort', () => reject(signal.reason));
    this.#waits.push({ ms, end: resolve });
    return promise;
  }

  /** Ends the waits of that length, and lets everything that hangs on them happen. */
  async passed(ms: number): Promise<void> {
    const due = this.#waits.filter((wait) => wait.ms === ms);
    expect(due.length).toBeGreaterThan(0);
    for (const { end } of due) end();
    await turn();
  }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** An attempt of a new owner, which does not know for how long the org has been held. */
function begin(open: () => Promise<unknown>) {
  const clock = new HandClock();
  const seen = { followed: false, notes: [] as string[] };
  const never = new AbortController().signal;
  const run = {
    signal: never,
    ownership: never,
    note: (text: string) => seen.notes.push(text),
    waitsFor: () => {},
  } as unknown as EffectRun;
  const ended = openFences(
    { clock, proxiesPatienceMs: 4_000 } as unknown as Estate,
    { heldAtMs: null, budgetMs: 3_000 } as unknown as FlipAttempt,
    run,
    'opening',
    open,
    async () => {
      seen.followed = true;
    },
  );
  return { clock, seen, ended };
}

describe('the routes of a held org', () => {
  it('wait for a fence that is slow to open as long as the proxies let clients wait', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { clock, seen, ended } = begin(() => promise);
    await clock.passed(1_000);
    expect(seen.followed).toBe(false);
    resolve();
    await ended;
    expect(seen).toEqual({ followed: true, notes: [] });
  });

  it('go on without it when the proxies would fail what waits', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { clock, seen, ended } = begin(() => promise);
    await clock.passed(1_000);
    await clock.passed(4_000);
    expect(seen.followed).toBe(true);
    resolve();
    await ended;
    expect(seen.notes).toEqual([expect.stringContaining('takes too long')]);
  });

  it('do not wait beyond the budget for a place that refuses', async () => {
    let refuses = true;
    const { clock, seen, ended } = begin(async () => {
      if (refuses) throw new FenceTimeoutError('aurora-eu-west-2', 42, 2_000, []);
    });
    await turn();
    await clock.passed(1_000);
    expect(seen.followed).toBe(true);
    refuses = false;
    await clock.passed(200);
    await ended;
  });
});
