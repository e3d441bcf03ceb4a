import { expect, it } from 'vitest';
import { PreflightWorld } from './world.ts';

it.each([
  'schema',
  'comment',
] as const)('told apart by %s, nothing refuses where nothing is broken', async (routing) => {
  const world = await PreflightWorld.start({ routing });
  try {
    expect(world.baseline.filter(({ severity }) => severity === 'refuse')).toEqual([]);
  } finally {
    await world.stop();
  }
});
