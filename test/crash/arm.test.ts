import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { armFailpoints } from '../../src/failpoints/arm.ts';
import { between, failpoint, watchFailpoints } from '../../src/failpoints/failpoints.ts';
import { failpointNames } from '../../src/failpoints/names.ts';

afterEach(() => watchFailpoints(null));

describe('failpoints', () => {
  it('have each a name of its own', () => {
    expect(new Set(failpointNames).size).toBe(failpointNames.length);
  });

  it('do nothing unless they are armed', async () => {
    await failpoint('flip.hold.before', 42);
    expect(await between('flip.hold', 42, async () => 'done')).toBe('done');
  });

  it('happen once, for whom they were armed', async () => {
    armFailpoints('flip.hold.after@42=throw, flip.drain.before=throw');
    await failpoint('flip.hold.after', 4);
    await expect(failpoint('flip.hold.after', 42)).rejects.toThrow('failpoint flip.hold.after');
    await failpoint('flip.hold.after', 42);
    await expect(failpoint('flip.drain.before', 4)).rejects.toThrow('flip.drain.before');
    await failpoint('flip.drain.before', 42);
  });

  it('stand before and behind the work, and a failed work reaches no point behind it', async () => {
    const seen: string[] = [];
    watchFailpoints(async (name) => void seen.push(name));
    await between('flip.pin', 42, async () => seen.push('work'));
    await between('flip.park', 42, async () => {
      throw new Error('no');
    }).catch(() => {});
    expect(seen).toEqual(['flip.pin.before', 'work', 'flip.pin.after', 'flip.park.before']);
  });

  it('are armed by a folder at any time, which is told what was reached', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'failpoints-'));
    try {
      const folder = join(parent, 'points');
      await mkdir(folder);
      armFailpoints(`@${folder}`);
      await failpoint('flip.hold.before', 42);
      for (const point of ['flip.pin.before@42=throw', 'flip.park.before=throw']) {
        await writeFile(join(folder, point), '');
      }
      await expect(failpoint('flip.pin.before', 42)).rejects.toThrow('flip.pin.before');
      expect(await readdir(folder)).toEqual(['flip.park.before=throw']);
      expect(await readFile(`${folder}.reached`, 'utf8')).toBe('flip.hold.before 42\nflip.pin.before 42\n');
    } finally {
      await rm(parent, { recursive: true });
    }
  });

  it.each(['flip.hold=kill', 'flip.hold.before=maim', 'flip.hold.before', '='])('"%s" is refused', (text) => {
    expect(() => armFailpoints(text)).toThrow(RangeError);
  });
});
