import type { Gtid, RowChange } from '../server/binlog.ts';
import type { ServerCore } from '../server/core.ts';
import { MustWait } from '../storage/locks.ts';
import { currentOf } from '../storage/table.ts';
import type { Transaction } from '../storage/transaction.ts';

/** A row was not as the other server had it: its replica stops. */
export class ReplicaConflict extends Error {
  readonly errno: number;

  constructor(errno: number, what: string) {
    super(what);
    this.name = 'ReplicaConflict';
    this.errno = errno;
  }
}

const OWNER = { id: 0, user: 'replication' };

/**
 * Applies another server's transaction: the rows as they are, no triggers, logged under its own GTID. Waits for locks as
 * long as it takes; the loser of a deadlock begins anew. Rejects with `ReplicaConflict`, having changed nothing.
 */
export async function applyRows(core: ServerCore, rows: readonly RowChange[], gtid: Gtid): Promise<void> {
  let transaction = core.begin(OWNER, 'READ COMMITTED');
  for (;;) {
    try {
      for (const row of rows) applyRow(core, transaction, row);
      core.transactions.commit(transaction, gtid);
      return;
    } catch (error) {
      if (!(error instanceof MustWait)) {
        core.transactions.rollBack(transaction);
        throw error;
      }
      transaction.rollBackTo({ undo: 0, changes: 0 });
      if (await granted(core, transaction, error)) continue;
      core.transactions.rollBack(transaction);
      transaction = core.begin(OWNER, 'READ COMMITTED');
    }
  }
}

/** False where it would be a deadlock. */
function granted(core: ServerCore, transaction: Transaction, wanted: MustWait): Promise<boolean> {
  return new Promise((resolve) => {
    if (!core.transactions.locks.wait(transaction, wanted, () => resolve(true))) resolve(false);
  });
}

function applyRow(core: ServerCore, transaction: Transaction, { schema, table: name, before, after }: RowChange): void {
  const table = core.catalog.table(schema, name);
  const values = after ?? before ?? [];
  const key = table.keyOf(values);
  const there = table.rowAt(key);
  const what = `${schema}.${name} ${key.replaceAll('\u0000', '-')}`;
  const lock = () => core.transactions.locks.take(transaction, `${table.fullName} ${key}`, 'exclusive');
  lock();
  const [now] = there === undefined ? [null] : currentOf(there, transaction);
  if (before === null && now) throw new ReplicaConflict(1062, `${what} is there already`);
  if (before !== null && !now) throw new ReplicaConflict(1032, `${what} is not there`);
  table.write(transaction, table.makeRow(key), now ?? null, after);
  if (after !== null && table.autoIncrement >= 0) {
    table.nextId = Math.max(table.nextId, Number(after[table.autoIncrement]) + 1);
  }
}
