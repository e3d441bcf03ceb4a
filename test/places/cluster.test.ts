import { afterAll, beforeAll, describe } from 'vitest';
import { closingSuite } from './suites/closing.ts';
import { connectionSuite } from './suites/connections.ts';
import { definitionSuite } from './suites/definitions.ts';
import { deletingSuite } from './suites/deleting.ts';
import { estimatingSuite } from './suites/estimating.ts';
import { findingSuite } from './suites/findings.ts';
import { heartbeatSuite } from './suites/heartbeats.ts';
import { refusingSuite } from './suites/refusing.ts';
import { strangeTextSuite } from './suites/strangeText.ts';
import { viewSuite } from './suites/views.ts';
import { makeWorld, type World } from './world.ts';

describe('a cluster', () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld('cluster');
  });
  afterAll(() => world.close());

  for (const suite of [
    closingSuite,
    refusingSuite,
    heartbeatSuite,
    viewSuite,
    deletingSuite,
    estimatingSuite,
    strangeTextSuite,
    findingSuite,
    definitionSuite,
    connectionSuite,
  ]) {
    suite(() => world);
  }
});
