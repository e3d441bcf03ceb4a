import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FenceTimeoutError, ViewLostError } from '../../src/errors/index.ts';
import { insert, nextEpoch, rejectionOf } from '../places/help.ts';
import { makeWorld, type World } from '../places/world.ts';

describe('a cluster whose performance_schema is off', () => {
  let world: World;
  beforeAll(async () => {
    world = await makeWorld('cluster', { 'performance-schema': 'OFF' });
  });
  afterAll(() => world?.close());

  it('is refused: PERFORMANCE_SCHEMA_OFF; a MariaDB has its sessions elsewhere', async () => {
    const { place, plan, server } = world;
    const found = await place.findings(plan.tables, 42);
    const wanted = server.flavour === 'mysql' ? [['PERFORMANCE_SCHEMA_OFF', 'refuse']] : [];
    expect(found.map(({ code, severity }) => [code, severity])).toEqual(wanted);
  });

  it('has a fence that is given up end all the same, without a word on who blocks it', async () => {
    const { place } = world;
    await place.setFence(42, 'clients', nextEpoch(), 1_000);
    const app = await world.connect('app');
    await app.query('START TRANSACTION');
    await insert(app, 42);
    const epoch = nextEpoch();
    expect(await rejectionOf(place.setFence(42, 'nobody', epoch, 400))).toBeInstanceOf(FenceTimeoutError);
    await app.query('COMMIT');
    await insert(app, 42);
    expect((await place.readFence(42))?.epoch).toBeLessThan(epoch);
  });

  it('keeps no view that nobody can watch', async () => {
    const { place, server } = world;
    const [view] = await place.openViews(1);
    const lost = () =>
      view?.query('SELECT 1').then(
        () => null,
        (error: unknown) => error,
      );
    if (server.flavour === 'mysql')
      await expect.poll(lost, { timeout: 10_000 }).toSatisfy((error) => error instanceof ViewLostError);
    else expect(await lost()).toBeNull();
    await view?.close();
  });
});
