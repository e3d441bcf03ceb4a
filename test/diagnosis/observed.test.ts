import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/adapters/clock.ts';
import { observe } from '../../src/diagnosis/observed.ts';

describe('what is asked in a diagnosis', () => {
  it('is seen', async () => {
    expect(await observe(systemClock, async () => 42)).toEqual({ seen: true, value: 42 });
  });

  it('is not seen where asking fails, and the reason is told', async () => {
    const fails = () => Promise.reject(new Error('connection refused'));
    expect(await observe(systemClock, fails)).toMatchObject({ seen: false, message: 'connection refused' });
  });

  it('is not waited for where nobody answers', async () => {
    const impatient = { after: (ms: number, work: () => void) => systemClock.after(ms / 1_000, work) };
    const silent = () => new Promise<never>(() => {});
    expect(await observe(impatient, silent)).toEqual({
      seen: false,
      code: 'NO_ANSWER',
      message: 'no answer within 6 s',
    });
  });
});
