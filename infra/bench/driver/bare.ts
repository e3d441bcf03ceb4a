import { createPool } from 'mysql2/promise';
import type { StoreConfig } from '../../../src/adapters/store/connection.ts';
import type { StepCommit } from '../../../src/ports/store.ts';

/** As many as the store opens. */
const connections = 12;

/** What the same steps take as bare transactions: a row changed and a row added, of the same size, and nothing asked. */
export interface Bare {
  readonly tookMs: number;
  /** Of this process (microseconds). */
  readonly cpuUs: number;
}

/** Writes the steps once more, those of a migration one after the other, into tables like the store's own. */
export async function writeBare(config: StoreConfig, steps: readonly StepCommit[]): Promise<Bare> {
  const { host, port, user, password, database } = config;
  const pool = createPool({ host, port, user, password, database, connectionLimit: connections, maxIdle: connections });
  try {
    for (const table of ['migrations', 'timeline']) {
      await pool.query(`CREATE TABLE IF NOT EXISTS bare_${table} LIKE ${table}`);
    }
    await pool.query('INSERT IGNORE INTO bare_migrations SELECT * FROM migrations');
    const lanes = [...Map.groupBy(steps.map(written), ({ id }) => id).values()];
    const startedAtMs = performance.now();
    const cpu = process.cpuUsage();
    await Promise.all(
      lanes.map(async (lane) => {
        for (const { update, insert } of lane) {
          const connection = await pool.getConnection();
          await connection.query('START TRANSACTION');
          await connection.query(
            'UPDATE bare_migrations SET state = ?, since_ms = ?, journal = ? WHERE id = ?',
            update,
          );
          await connection.query(
            'INSERT INTO bare_timeline (migration_id, seq, at_ms, type, state, attempt, message, data) VALUES ?',
            [insert],
          );
          await connection.query('COMMIT');
          connection.release();
        }
      }),
    );
    const { user: userUs, system } = process.cpuUsage(cpu);
    return { tookMs: performance.now() - startedAtMs, cpuUs: userUs + system };
  } finally {
    await pool.end();
  }
}

/** Values as they go over the wire, made beforehand. */
function written({ id, revision, state, sinceMs, journal, timeline }: StepCommit) {
  const insert = timeline.map((event, n) => {
    const { atMs, type, attempt, message, data } = event;
    return [id, revision * 100 + n, atMs, type, event.state, attempt, message, JSON.stringify(data)];
  });
  return { id, update: [state, sinceMs, JSON.stringify(journal), id], insert };
}
