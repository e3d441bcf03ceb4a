import { z } from 'zod';
import type { PlaceContext } from './context.ts';
import { integer } from './rows.ts';

const statusRow = z.object({ Value: integer });

/** Statements that run at the place now, the one that asks included. */
export function runningThreads({ watch }: PlaceContext): Promise<number> {
  return watch.use('asking how busy it is', async (session) => {
    const row = await session.row(statusRow, "SHOW GLOBAL STATUS LIKE 'Threads_running'");
    return row?.Value ?? 0;
  });
}
