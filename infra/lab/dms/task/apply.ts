import type { ResultSetHeader } from 'mysql2';
import type { SourceTransaction } from '../binlog/router.ts';
import type { RowChange } from '../binlog/rows.ts';
import { messageOf, TableError, TaskError } from '../errors.ts';
import type { TaskSettings } from '../settings/settings.ts';
import { run } from '../sql/connect.ts';
import { type DatabaseTrouble, troubleOf } from '../sql/errors.ts';
import type { TargetSession } from './target.ts';
import type { WritePlan } from './writePlan.ts';

/** What the applier asks of the task's run. */
export interface ApplyContext {
  readonly settings: TaskSettings;
  /** The plan for a change's table; null when the table is suspended. */
  planOf(change: RowChange): WritePlan | null;
  /** Was this table possibly still being loaded when the transaction committed? Then its change may be in the load already. */
  overlapsLoad(change: RowChange, transaction: SourceTransaction): boolean;
  /** SQL that keeps the checkpoint in the target, in the same transaction; null when that is switched off. */
  checkpointSql(transaction: SourceTransaction): string | null;
  suspend(change: RowChange, error: TableError): void;
  logError(change: RowChange, message: string): void;
  count(change: RowChange, applied: boolean): void;
}

interface Statement {
  readonly sql: string;
  /** Rows it must touch. */
  readonly rows: number;
}

/** Statements of one round trip stay below this size. */
const BATCH_CHARACTERS = 512 * 1024;
const ROWS_PER_INSERT = 500;
const LOCK_RETRIES = 10;

/**
 * Applies one transaction of the source as one of the target. All at once if nothing is in the way; when something is, once more
 * change by change, with the policies of ErrorBehavior.
 */
export async function applyTransaction(
  session: TargetSession,
  transaction: SourceTransaction,
  context: ApplyContext,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await applyOnce(session, transaction, context);
      return;
    } catch (error) {
      if (error instanceof TaskError || error instanceof TableError) throw error;
      const trouble = troubleOf(error);
      if (trouble === 'retry' && attempt < LOCK_RETRIES) {
        await run(session.connection, 'ROLLBACK');
        continue;
      }
      throw new TaskError('TARGET_WRITE', `writing to the target: ${messageOf(error)}`, {
        recoverable: trouble === 'retry' || trouble === 'connection',
        cause: error,
      });
    }
  }
}

/**
 * Applies transactions that follow each other in one of the target, which takes far fewer round trips; the last one's
 * checkpoint stands for all. False, with nothing written, where anything is in the way of any of them.
 */
export async function applyTogether(
  session: TargetSession,
  transactions: readonly SourceTransaction[],
  last: SourceTransaction,
  context: ApplyContext,
): Promise<boolean> {
  const changes = transactions
    .flatMap((transaction) => transaction.changes)
    .filter((change) => context.planOf(change) !== null);
  try {
    if (!(await applyWhole(session, changes, context.checkpointSql(last), context))) return false;
  } catch (error) {
    if (troubleOf(error) !== 'connection') await run(session.connection, 'ROLLBACK');
    return false;
  }
  for (const change of changes) context.count(change, true);
  return true;
}

async function applyOnce(session: TargetSession, transaction: SourceTransaction, context: ApplyContext): Promise<void> {
  const changes = transaction.changes.filter((change) => context.planOf(change) !== null);
  const checkpoint = context.checkpointSql(transaction);
  if (changes.length === 0 && checkpoint === null) return;
  if (await applyWhole(session, changes, checkpoint, context)) {
    for (const change of changes) context.count(change, true);
    return;
  }
  const outcome = new Map<RowChange, boolean>();
  await run(session.connection, 'BEGIN');
  try {
    for (const change of changes) {
      const plan = context.planOf(change);
      if (plan === null) continue;
      outcome.set(change, await applyChange(session, change, plan, transaction, context));
    }
    await run(session.connection, checkpoint === null ? 'COMMIT' : `${checkpoint};COMMIT`);
  } catch (error) {
    if (troubleOf(error) !== 'connection') await run(session.connection, 'ROLLBACK');
    throw error;
  }
  for (const [change, applied] of outcome) context.count(change, applied);
}

/** The quick way: true when every statement did exactly what it should; otherwise nothing has happened. */
async function applyWhole(
  session: TargetSession,
  changes: readonly RowChange[],
  checkpoint: string | null,
  context: ApplyContext,
): Promise<boolean> {
  const statements = toStatements(changes, context);
  const only = statements[0];
  if (only === undefined && checkpoint === null) return true;
  try {
    if (only !== undefined && statements.length === 1 && checkpoint === null) {
      const header = await run<ResultSetHeader>(session.connection, only.sql);
      if (header.affectedRows === only.rows) return true;
      // One row was meant and none is there: nothing was written.
      return false;
    }
    let opening = 'BEGIN;';
    for (const batch of inBatches(statements)) {
      const headers = await runBatch(session, opening, batch);
      opening = '';
      if (batch.some((statement, index) => headers[index]?.affectedRows !== statement.rows)) {
        await run(session.connection, 'ROLLBACK');
        return false;
      }
    }
    await run(session.connection, checkpoint === null ? 'COMMIT' : `${opening}${checkpoint};COMMIT`);
    return true;
  } catch (error) {
    const trouble = troubleOf(error);
    if (trouble === 'connection' || trouble === 'retry') throw error;
    await run(session.connection, 'ROLLBACK');
    return false;
  }
}

async function runBatch(
  session: TargetSession,
  opening: string,
  batch: readonly Statement[],
): Promise<ResultSetHeader[]> {
  const sql = opening + batch.map((statement) => statement.sql).join(';');
  const result = await run<ResultSetHeader | ResultSetHeader[]>(session.connection, sql);
  const headers = Array.isArray(result) ? result : [result];
  return opening === '' ? headers : headers.slice(1);
}

/** Inserts that follow each other into one table become one statement. */
function toStatements(changes: readonly RowChange[], context: ApplyContext): Statement[] {
  const statements: Statement[] = [];
  let open: { plan: WritePlan; rows: string[]; size: number } | null = null;
  const flush = (): void => {
    if (open !== null) statements.push({ sql: open.plan.insertHead + open.rows.join(','), rows: open.rows.length });
    open = null;
  };
  for (const change of changes) {
    const plan = context.planOf(change);
    if (plan === null) continue;
    if (change.kind === 'insert') {
      const values = plan.values(change.after);
      if (open !== null && (open.plan !== plan || open.rows.length >= ROWS_PER_INSERT || open.size > BATCH_CHARACTERS))
        flush();
      open ??= { plan, rows: [], size: 0 };
      open.rows.push(values);
      open.size += values.length;
      continue;
    }
    flush();
    const sql = change.kind === 'update' ? plan.update(change.before, change.after) : plan.delete(change.before);
    if (sql !== null) statements.push({ sql, rows: 1 });
  }
  flush();
  return statements;
}

function* inBatches(statements: readonly Statement[]): Generator<Statement[]> {
  let batch: Statement[] = [];
  let size = 0;
  for (const statement of statements) {
    if (batch.length > 0 && size + statement.sql.length > BATCH_CHARACTERS) {
      yield batch;
      batch = [];
      size = 0;
    }
    batch.push(statement);
    size += statement.sql.length;
  }
  if (batch.length > 0) yield batch;
}

/** One change with its policies; false when it was dropped. */
async function applyChange(
  session: TargetSession,
  change: RowChange,
  plan: WritePlan,
  transaction: SourceTransaction,
  context: ApplyContext,
): Promise<boolean> {
  const overlap = context.overlapsLoad(change, transaction);
  try {
    if (await write(session, change, plan, overlap)) return true;
    return await onConflict(session, change, plan, overlap, context, `no row for the ${change.kind}`);
  } catch (error) {
    const trouble = troubleOf(error);
    if (error instanceof TaskError || trouble === 'retry' || trouble === 'connection') throw error;
    if (trouble === 'conflict') return onConflict(session, change, plan, overlap, context, messageOf(error));
    return byPolicy(change, policyFor(trouble, change, context.settings), messageOf(error), context);
  }
}

/** False when the row that should be there is not. */
async function write(session: TargetSession, change: RowChange, plan: WritePlan, overlap: boolean): Promise<boolean> {
  const touched = async (sql: string): Promise<boolean> =>
    (await run<ResultSetHeader>(session.connection, sql)).affectedRows > 0;
  if (change.kind === 'insert') return touched(plan.insert(change.after));
  if (change.kind === 'delete') return touched(plan.delete(change.before));
  if (overlap && plan.keyChanged(change.before, change.after)) {
    // The load may have brought the row under either key.
    await run(session.connection, plan.delete(change.before));
    if (await touched(plan.overwrite(change.after))) return true;
    return touched(plan.insert(change.after));
  }
  const sql = plan.update(change.before, change.after);
  return sql === null ? true : touched(sql);
}

async function onConflict(
  session: TargetSession,
  change: RowChange,
  plan: WritePlan,
  overlap: boolean,
  context: ApplyContext,
  message: string,
): Promise<boolean> {
  const behavior = context.settings.ErrorBehavior;
  if (overlap && behavior.FullLoadIgnoreConflicts) return true;
  const policy =
    change.kind === 'insert'
      ? behavior.ApplyErrorInsertPolicy
      : change.kind === 'update'
        ? behavior.ApplyErrorUpdatePolicy
        : behavior.ApplyErrorDeletePolicy;
  if (change.kind === 'insert' && policy === 'UPDATE_RECORD') {
    await run(session.connection, plan.overwrite(change.after));
    return true;
  }
  if (change.kind === 'update' && policy === 'INSERT_RECORD') {
    await run(session.connection, plan.insert(change.after));
    return true;
  }
  return byPolicy(change, policy, message, context);
}

function policyFor(trouble: DatabaseTrouble, change: RowChange, settings: TaskSettings): string {
  const behavior = settings.ErrorBehavior;
  if (trouble === 'truncation') return behavior.DataTruncationErrorPolicy;
  if (trouble === 'table') return behavior.TableErrorPolicy;
  if (trouble === 'data') return behavior.DataErrorPolicy;
  return change.kind === 'insert'
    ? behavior.ApplyErrorInsertPolicy
    : change.kind === 'update'
      ? behavior.ApplyErrorUpdatePolicy
      : behavior.ApplyErrorDeletePolicy;
}

function byPolicy(change: RowChange, policy: string, message: string, context: ApplyContext): boolean {
  const where = `${change.kind} on ${change.table.schema}.${change.table.name}: ${message}`;
  switch (policy) {
    case 'IGNORE_RECORD':
      return false;
    case 'STOP_TASK':
      throw new TaskError('APPLY_ERROR', where, { recoverable: false });
    case 'SUSPEND_TABLE':
      context.suspend(change, new TableError('APPLY_ERROR', where));
      return false;
    default:
      context.logError(change, where);
      return false;
  }
}
