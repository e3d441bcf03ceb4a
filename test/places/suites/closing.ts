import type { Connection } from 'mysql2/promise';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pollUntil } from '../../../infra/lab/databases/index.ts';
import {
  FenceRowMissingError,
  FenceTimeoutError,
  StaleEpochError,
  WrongPlaceError,
} from '../../../src/errors/index.ts';
import { countOf, insert, nextEpoch, rejectionOf, someoneWaitsForALock } from '../help.ts';
import type { World } from '../world.ts';

/** How the fence closes: for whom it waits, for whom not, and what it leaves behind when it cannot. */
export function closingSuite(world: () => World): void {
  describe('closing the fence', () => {
    let admin: Connection;
    let app: Connection;

    beforeAll(async () => {
      admin = await world().connect(world().server.user);
      app = await world().connect('app');
    });
    beforeEach(async () => {
      for (const orgId of [4, 42]) await world().place.setFence(orgId, 'clients', nextEpoch(), 1_000);
    });
    afterEach(() => app.query('ROLLBACK'));

    it.each(['READ COMMITTED', 'REPEATABLE READ'])('waits for an open %s writer of the org', async (isolation) => {
      const before = await countOf(admin, 42);
      await app.query(`SET SESSION TRANSACTION ISOLATION LEVEL ${isolation}`);
      await app.query('START TRANSACTION');
      await insert(app, 42);
      const epoch = nextEpoch();
      let closed = false;
      const closing = world()
        .place.setFence(42, 'nobody', epoch, 10_000)
        .then(() => {
          closed = true;
        });
      await someoneWaitsForALock(admin);
      // Who has written already may go on writing in the same transaction.
      await insert(app, 42);
      expect(closed).toBe(false);
      expect((await world().place.readFence(42))?.writer).toBe('clients');
      await app.query('COMMIT');
      await closing;
      expect(await world().place.readFence(42)).toEqual({ writer: 'nobody', epoch });
      expect(await rejectionOf(insert(app, 42))).toMatchObject({ sqlState: '45000' });
      expect(await countOf(admin, 42)).toBe(before + 2);
    });

    it.each([
      'READ COMMITTED',
      'REPEATABLE READ',
    ])('refuses a %s transaction that began before and writes only after', async (isolation) => {
      await app.query(`SET SESSION TRANSACTION ISOLATION LEVEL ${isolation}`);
      await app.query('START TRANSACTION');
      await countOf(app, 42);
      await app.query('SELECT * FROM BigDB.Blobs');
      await world().place.setFence(42, 'nobody', nextEpoch(), 1_000);
      await rejectionOf(insert(app, 42));
    });

    it('is not held up by a long transaction of another org', async () => {
      await app.query('START TRANSACTION');
      await insert(app, 4);
      await world().place.setFence(42, 'nobody', nextEpoch(), 1_000);
      await insert(app, 4);
      await app.query('COMMIT');
    });

    it('gives up in time, names who blocks, and leaves the fence as it was', async () => {
      await app.query('START TRANSACTION');
      await insert(app, 42);
      const before = await world().place.readFence(42);
      const startedMs = performance.now();
      const error = await rejectionOf(world().place.setFence(42, 'nobody', nextEpoch(), 400));
      expect(performance.now() - startedMs).toBeLessThan(1_500);
      expect(error).toBeInstanceOf(FenceTimeoutError);
      expect((error as FenceTimeoutError).blockers).toEqual([
        expect.objectContaining({ threadId: app.threadId, user: 'app' }),
      ]);
      await app.query('COMMIT');
      // Nothing is left that could close it now.
      await insert(app, 42);
      expect(await world().place.readFence(42)).toEqual(before);
    });

    it('ends its lock request when the caller gives up', async () => {
      await app.query('START TRANSACTION');
      await insert(app, 42);
      const before = await world().place.readFence(42);
      const giveUp = new AbortController();
      const closing = rejectionOf(world().place.setFence(42, 'nobody', nextEpoch(), 10_000, giveUp.signal));
      await someoneWaitsForALock(admin);
      const reason = new Error('the hold was aborted');
      giveUp.abort(reason);
      expect(await closing).toBe(reason);
      await app.query('COMMIT');
      await insert(app, 42);
      expect(await world().place.readFence(42)).toEqual(before);
    });

    it('a request of a former owner that still waits changes nothing once the new owner has written', async () => {
      const [former, owner] = [nextEpoch(), nextEpoch()];
      await app.query('START TRANSACTION');
      await insert(app, 42);
      const { place } = world();
      const late = place.setFence(42, 'nobody', former, 10_000).then(
        () => null,
        (error: unknown) => error,
      );
      await someoneWaitsForALock(admin);
      const behind = place.setFence(42, 'clients', owner, 10_000);
      await app.query('COMMIT');
      await behind;
      const outcome = await late;
      if (outcome !== null) expect(outcome).toBeInstanceOf(StaleEpochError);
      expect(await place.readFence(42)).toEqual({ writer: 'clients', epoch: owner });
      // And whatever of it comes later still.
      expect(await rejectionOf(place.setFence(42, 'nobody', former, 1_000))).toBeInstanceOf(StaleEpochError);
      await insert(app, 42);
    });

    it('refuses a stale epoch and changes nothing', async () => {
      const stale = nextEpoch();
      const epoch = nextEpoch();
      await world().place.setFence(42, 'clients', epoch, 1_000);
      expect(await rejectionOf(world().place.setFence(42, 'nobody', stale, 1_000))).toBeInstanceOf(StaleEpochError);
      expect(await world().place.readFence(42)).toEqual({ writer: 'clients', epoch });
    });

    it('may be set again to what it is', async () => {
      const epoch = nextEpoch();
      await world().place.setFence(42, 'nobody', epoch, 1_000);
      await world().place.setFence(42, 'nobody', epoch, 1_000);
      expect(await world().place.readFence(42)).toEqual({ writer: 'nobody', epoch });
    });

    it('says so when the org has no row, until it is enrolled', async () => {
      const { place } = world();
      expect(await rejectionOf(place.setFence(777, 'nobody', nextEpoch(), 1_000))).toBeInstanceOf(FenceRowMissingError);
      await place.enrol(777, 'nobody');
      await place.enrol(777, 'clients');
      expect(await place.readFence(777)).toEqual({ writer: 'nobody', epoch: 0 });
    });

    it('changes nothing through a connection to another place', async () => {
      const before = await world().place.readFence(42);
      const wrong = world().misconfigured();
      expect(await rejectionOf(wrong.setFence(42, 'nobody', nextEpoch(), 1_000))).toBeInstanceOf(WrongPlaceError);
      expect(await rejectionOf(wrong.beat([42]))).toBeInstanceOf(WrongPlaceError);
      expect(await rejectionOf(wrong.enrol(778, 'clients'))).toBeInstanceOf(WrongPlaceError);
      expect(await world().place.readFence(42)).toEqual(before);
      expect((await world().place.findings(world().plan.tables, 42)).map((f) => f.code)).not.toContain(
        'PLACE_IDENTITY_MISMATCH',
      );
      expect((await wrong.findings(world().plan.tables, 42)).map((f) => f.code)).toContain('PLACE_IDENTITY_MISMATCH');
    });

    it('is uncertain, in bounded time, when the server freezes, and an abort ends waiting at once', async () => {
      const place = world().another();
      await place.warmUp();
      // The connection that will be used has its time-out set: the first thing it sends is the lock request.
      await place.setFence(42, 'clients', nextEpoch(), 300);
      await world().freeze();
      try {
        const startedMs = performance.now();
        const setting = rejectionOf(place.setFence(42, 'nobody', nextEpoch(), 300));
        expect(await rejectionOf(place.ping(AbortSignal.timeout(50)))).toMatchObject({ name: 'TimeoutError' });
        expect(performance.now() - startedMs).toBeLessThan(500);
        expect(await setting).toMatchObject({ code: 'FENCE_UNCERTAIN' });
        expect(performance.now() - startedMs).toBeLessThan(3_500);
      } finally {
        await world().server.kill('SIGCONT');
      }
      await pollUntil('the server to answer again', () =>
        place.ping().then(
          () => true,
          () => false,
        ),
      );
      await place.setFence(42, 'clients', nextEpoch(), 2_000);
    });
  });
}
