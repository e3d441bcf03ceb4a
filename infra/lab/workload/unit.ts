// A unit of work: one autocommitted write, or several between BEGIN and COMMIT, and what is known about it afterwards.

import type { ResultSetHeader } from 'mysql2/promise';
import { isAmbiguous } from './clientErrors.ts';
import type { WorkloadContext } from './context.ts';
import type { ClientSession } from './session.ts';
import type { PlannedWrite } from './tables/kind.ts';
import { pause } from './tokenBucket.ts';

const PAUSE_AFTER_ERROR_MS = 50;

/** An acknowledged write; `key` is known now. */
export interface AcknowledgedWrite {
  readonly plan: PlannedWrite;
  readonly key: string;
}

/** How a unit ended. `retired` are writes whose rows nobody may touch any more: their state is open. */
export interface UnitResult {
  readonly acknowledged: readonly AcknowledgedWrite[];
  readonly retired: readonly PlannedWrite[];
  /** Writes that found no row. */
  readonly missed: readonly PlannedWrite[];
}

const NOTHING: UnitResult = { acknowledged: [], retired: [], missed: [] };

/** Sends one write by itself. */
export async function autocommit(
  context: WorkloadContext,
  session: ClientSession,
  plan: PlannedWrite,
): Promise<UnitResult> {
  const sentMs = Date.now();
  let result: ResultSetHeader;
  try {
    result = await session.write(plan.statement);
  } catch (error) {
    return failed(context, session, plan.statement.sql, error, isAmbiguous(error) ? [plan] : []);
  }
  return settle(context, session, [{ plan, result }], sentMs);
}

/**
 * Sends writes as one explicit transaction.
 *
 * @param plan called inside the transaction, so that it may read with locks; the writes it gives are sent one by one
 */
export async function transaction(
  context: WorkloadContext,
  session: ClientSession,
  plan: () => Promise<readonly PlannedWrite[]> | readonly PlannedWrite[],
  { annotateBegin = true }: { annotateBegin?: boolean } = {},
): Promise<UnitResult> {
  const sentMs = Date.now();
  const sent: { plan: PlannedWrite; result: ResultSetHeader }[] = [];
  let step = 'BEGIN';
  try {
    await session.control('BEGIN', annotateBegin);
    step = 'plan';
    for (const write of await plan()) {
      step = write.statement.sql;
      sent.push({ plan: write, result: await session.write(write.statement) });
    }
    step = 'COMMIT';
    await session.control('COMMIT');
  } catch (error) {
    // Before COMMIT was sent nothing can have taken effect, whatever the error is.
    const open = step === 'COMMIT' && isAmbiguous(error) ? sent.map((one) => one.plan) : [];
    if (!isAmbiguous(error)) await session.control('ROLLBACK').catch(() => session.disconnect());
    return failed(context, session, step, error, open);
  }
  return settle(context, session, sent, sentMs);
}

async function failed(
  context: WorkloadContext,
  session: ClientSession,
  sql: string,
  error: unknown,
  open: readonly PlannedWrite[],
): Promise<UnitResult> {
  const { orgId } = session.org;
  for (const { table, key, after } of open) context.ledger(orgId).ambiguous(table.name, key, after);
  // What we cut off ourselves at the end is nobody's error.
  if (!context.signal.aborted || !isAmbiguous(error)) context.errors.record(orgId, session.proxy.name, sql, error);
  if (isAmbiguous(error)) session.disconnect();
  await pause(PAUSE_AFTER_ERROR_MS, context.signal);
  return { ...NOTHING, retired: open };
}

function settle(
  context: WorkloadContext,
  session: ClientSession,
  sent: readonly { plan: PlannedWrite; result: ResultSetHeader }[],
  sentMs: number,
): UnitResult {
  const { orgId } = session.org;
  const ledger = context.ledger(orgId);
  const ackMs = Date.now();
  const acknowledged: AcknowledgedWrite[] = [];
  const missed: PlannedWrite[] = [];
  for (const { plan, result } of sent) {
    const key = plan.key ?? String(result.insertId);
    if (result.affectedRows === 0) {
      missed.push(plan);
      ledger.vanished(plan.table.name, key);
    } else {
      acknowledged.push({ plan, key });
      ledger.acknowledge(plan.table.name, key, plan.after, sentMs, ackMs);
    }
  }
  context.timings.acknowledged(orgId, acknowledged.length);
  return { acknowledged, retired: [], missed };
}
