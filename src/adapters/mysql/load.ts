import { z } from 'zod';
import type { PlaceLoad } from '../../ports/traffic.ts';
import type { PlaceContext } from './context.ts';
import { integer, text } from './rows.ts';

const statusRow = z.object({ Value: integer });
const threadsRow = z.object({ Variable_name: text, Value: integer });
const limitRow = z.object({ most: integer });

/** Statements that run at the place now, the one that asks included. */
export function runningThreads({ watch }: PlaceContext): Promise<number> {
  return watch.use('asking how busy it is', async (session) => {
    const row = await session.row(statusRow, "SHOW GLOBAL STATUS LIKE 'Threads_running'");
    return row?.Value ?? 0;
  });
}

/** Connections of everybody, those that run a statement, and how many the server takes. */
export function load({ watch }: PlaceContext, signal?: AbortSignal): Promise<PlaceLoad> {
  const limits = { signal };
  return watch.use(
    'asking how many connections it has',
    async (session) => {
      const rows = await session.rows(threadsRow, "SHOW GLOBAL STATUS LIKE 'Threads\\_%'", [], limits);
      const threads = new Map(rows.map((row) => [row.Variable_name, row.Value]));
      const most = await session.row(limitRow, 'SELECT @@GLOBAL.max_connections AS most', [], limits);
      return {
        connected: threads.get('Threads_connected') ?? 0,
        running: threads.get('Threads_running') ?? 0,
        limit: most?.most ?? 0,
      };
    },
    limits,
  );
}
