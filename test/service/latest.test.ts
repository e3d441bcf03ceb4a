import { describe, expect, it } from 'vitest';
import { Latest } from '../../src/service/latest.ts';

describe('Latest', () => {
  it('never answers with what was looked up before the question', async () => {
    let truth = 0;
    const pending: (() => void)[] = [];
    const latest = new Latest(async () => {
      const seen = truth;
      await new Promise<void>((resolve) => pending.push(resolve));
      return seen;
    });
    const first = latest.ask();
    await expect.poll(() => pending.length).toBe(1);
    truth = 1;
    const behind = [latest.ask(), latest.ask()];
    pending.shift()?.();
    expect(await first).toBe(0);
    await expect.poll(() => pending.length).toBe(1);
    pending.shift()?.();
    expect(await Promise.all(behind)).toEqual([1, 1]);
  });

  it('goes on after a look that failed', async () => {
    let fails = true;
    const latest = new Latest(async () => {
      if (fails) throw new Error('no answer');
      return 1;
    });
    await expect(latest.ask()).rejects.toThrow('no answer');
    fails = false;
    expect(await latest.ask()).toBe(1);
  });

  it('begins no look sooner behind another one than it was told; who comes meanwhile shares the next', async () => {
    let nowMs = 0;
    let wake = () => {};
    const slept: number[] = [];
    const clock = {
      monotonicMs: () => nowMs,
      sleep: (ms: number) => {
        slept.push(ms);
        return new Promise<void>((resolve) => {
          wake = resolve;
        });
      },
    };
    let looks = 0;
    const latest = new Latest(async () => ++looks, 3, { ms: 5, clock });
    expect(await latest.ask()).toBe(1);
    nowMs = 2;
    const early = [latest.ask(), latest.ask()];
    await expect.poll(() => slept).toEqual([3]);
    const late = latest.ask();
    expect(looks).toBe(1);
    nowMs = 5;
    wake();
    expect(await Promise.all([...early, late])).toEqual([2, 2, 2]);
    nowMs = 11;
    expect(await latest.ask()).toBe(3);
    expect(slept).toEqual([3]);
  });
});
