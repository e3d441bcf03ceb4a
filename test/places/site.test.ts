import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WrongPlaceError } from '../../src/errors/index.ts';
import { insert, nextEpoch, rejectionOf } from './help.ts';
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

describe('a site', () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld('site');
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

  it('under an unknown server id, as after a failover, lets only those orgs be written that are open everywhere', async () => {
    const admin = await world.connect(world.server.user);
    const app = await world.connect('app');
    for (const orgId of [4, 42]) await world.place.setFence(orgId, 'clients', nextEpoch(), 1_000);
    await admin.query(
      `INSERT INTO bigdb_cutover.fence (org_id, place, writer, updated_at) VALUES (42, 'lon2', 'nobody', UTC_TIMESTAMP(6))`,
    );
    await insert(app, 42);
    await admin.query('SET GLOBAL server_id = 77');
    try {
      expect(await rejectionOf(insert(app, 42))).toMatchObject({
        message: 'BIGDB_FENCE org=42 place=unknown writer=nobody',
      });
      await insert(app, 4);
      expect(await rejectionOf(world.place.beat([42]))).toBeInstanceOf(WrongPlaceError);
    } finally {
      await admin.query('SET GLOBAL server_id = 1');
    }
  });
});
