import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2';
import { oldestPosition } from '../binlog/connection.ts';
import { type BinlogPosition, comparePositions, formatPosition } from '../binlog/position.ts';
import { TaskError } from '../errors.ts';
import { close, connect, type DatabaseAddress, select } from '../sql/connect.ts';
import type { RunSpec } from './spec.ts';

/** How long a quiet MySQL gets to make its last commits visible to readers; MariaDB can be asked. */
const SETTLE_MS = 50;

/**
 * Where a run's change capture begins: where the last one ended, where the user says, or now. A load that starts afterwards sees
 * everything that was committed before.
 */
export async function startOfCapture(spec: RunSpec, signal: AbortSignal): Promise<BinlogPosition> {
  const { feed, progress, source, from, notBeforeMs } = spec;
  const { position, flavour } = await feed.currentPosition();
  const known = progress.checkpoint ?? progress.captureFrom ?? from;
  if (known !== null) {
    // A position that the log has not reached yet belongs to another log.
    if (comparePositions(known, position) <= 0) return known;
    throw new TaskError('POSITION', `${formatPosition(known)} is not in the binary log of the source`, {
      recoverable: false,
    });
  }
  if (notBeforeMs !== null) return withConnection(source, oldestPosition);
  if (flavour === 'mariadb') await withConnection(source, (connection) => untilVisible(connection, position, signal));
  else await sleep(SETTLE_MS);
  return position;
}

async function withConnection<T>(address: DatabaseAddress, use: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await connect(address, () => undefined);
  try {
    return await use(connection);
  } finally {
    close(connection);
  }
}

/**
 * A transaction is in the binary log a moment before readers see it. A consistent snapshot of MariaDB says up to where it sees, so
 * this waits until that is the position or more.
 */
async function untilVisible(connection: Connection, position: BinlogPosition, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await select(connection, 'START TRANSACTION WITH CONSISTENT SNAPSHOT');
    const rows = await select(connection, "SHOW STATUS LIKE 'binlog_snapshot_%'");
    await select(connection, 'COMMIT');
    const value = (name: string): string => rows.find((row) => row.Variable_name?.toLowerCase() === name)?.Value ?? '';
    const seen = { file: value('binlog_snapshot_file'), offset: Number(value('binlog_snapshot_position')) };
    if (seen.file === '' || comparePositions(seen, position) >= 0) return;
    await sleep(2);
  }
}
