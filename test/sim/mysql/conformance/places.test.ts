import { afterAll, beforeAll, describe } from 'vitest';
import { closingSuite } from '../../../places/suites/closing.ts';
import { connectionSuite } from '../../../places/suites/connections.ts';
import { deletingSuite } from '../../../places/suites/deleting.ts';
import { findingSuite } from '../../../places/suites/findings.ts';
import { heartbeatSuite } from '../../../places/suites/heartbeats.ts';
import { refusingSuite } from '../../../places/suites/refusing.ts';
import { viewSuite } from '../../../places/suites/views.ts';
import type { World } from '../../../places/world.ts';
import { simulatedWorld } from './place.ts';

describe.each(['site', 'cluster'] as const)('a simulated %s', (kind) => {
  let world: World;
  beforeAll(async () => {
    world = await simulatedWorld(kind);
  });
  afterAll(() => world.close());

  for (const suite of [
    closingSuite,
    refusingSuite,
    heartbeatSuite,
    viewSuite,
    deletingSuite,
    findingSuite,
    connectionSuite,
  ]) {
    suite(() => world);
  }
});
