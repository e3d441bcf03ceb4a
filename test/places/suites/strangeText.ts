import type { RowDataPacket } from 'mysql2';
import { expect, it } from 'vitest';
import { pollUntil } from '../../../infra/lab/databases/index.ts';
import { FenceTimeoutError } from '../../../src/errors/index.ts';
import { insert, nextEpoch, rejectionOf } from '../help.ts';
import type { World } from '../world.ts';

/** MySQL shows running statements in utf8mb3, and tables that do so fail at what is not in it; real servers only. */
export function strangeTextSuite(world: () => World): void {
  it('while a client’s statement has an emoji in it, blockers are named and the undo is looked at', async () => {
    const { place } = world();
    const admin = await world().connect(world().server.user);
    const app = await world().connect('app');
    await place.setFence(42, 'clients', nextEpoch(), 1_000);
    await app.query('START TRANSACTION');
    await insert(app, 42);
    const running = app.query(`SELECT SLEEP(30), '😀'`).catch(() => null);
    try {
      await pollUntil('the statement to run', async () => {
        const [rows] = await admin.query<RowDataPacket[]>('SHOW PROCESSLIST');
        return rows.some(({ Id, State }) => Id === app.threadId && State === 'User sleep');
      });
      const error = await rejectionOf(place.setFence(42, 'nobody', nextEpoch(), 600));
      expect(error).toBeInstanceOf(FenceTimeoutError);
      expect((error as FenceTimeoutError).blockers).toEqual([
        { threadId: app.threadId, user: 'app', host: expect.any(String), ageSeconds: expect.any(Number) },
      ]);
      expect((await place.undoLoad()).oldestTransactionS).toBeGreaterThanOrEqual(0);
    } finally {
      await admin.query(`KILL ${app.threadId}`);
      await running;
    }
  });
}
