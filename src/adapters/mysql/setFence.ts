import { FenceTimeoutError, FenceUncertainError, PlaceError, StaleEpochError } from '../../errors/index.ts';
import { between } from '../../failpoints/failpoints.ts';
import { CONTROL_SCHEMA } from '../../fence/schema.ts';
import type { FenceWriter } from '../../ports/place.ts';
import { type Blocker, blockersOf } from './blockers.ts';
import type { PlaceContext } from './context.ts';
import { errorNumber, isDeadlock, isLockWaitTimeout } from './failures.ts';
import { explainUnchanged, fenceRowOn } from './fenceRow.ts';
import { isThisPlace } from './identity.ts';
import { type Limits, watchLimits } from './limits.ts';
import type { Session } from './session.ts';

/** What the fence is to be. */
export interface FenceChange {
  readonly orgId: number;
  readonly writer: FenceWriter;
  readonly epoch: number;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

// Time for a killed thread to be gone.
const ENDING_MS = 500;
// The blockers are asked for while the request still waits (afterwards nobody is blocked any more), and again until
// there is an answer: MariaDB gives a cached one, which it renews only after a tenth of a second without questions.
const BLOCKERS_AT = 0.6;
const BLOCKERS_EVERY_MS = 120;

/**
 * Sets who may write the org here. One autocommit UPDATE, whose exclusive lock waits for the shared locks that the
 * triggers took in the transactions which wrote the org. Rules that it keeps:
 * - The lock request does not outlive the call: what is given up is killed, waited for, and read back.
 * - The epoch and the place are conditions of the UPDATE itself: nothing happens between the check and the change.
 * - The server knows whole seconds only; the finer bound is this side's.
 */
export function setFence(context: PlaceContext, change: FenceChange): Promise<void> {
  return between(`fence.${change.writer}`, change.orgId, () => untilSet(context, change));
}

async function untilSet(context: PlaceContext, change: FenceChange): Promise<void> {
  const { critical, key, machine } = context;
  const { clock } = machine;
  const deadlineMs = clock.monotonicMs() + change.timeoutMs;
  for (;;) {
    const remainingMs = Math.max(1, deadlineMs - clock.monotonicMs());
    const limits = { signal: change.signal, timeoutMs: remainingMs };
    const outcome = await critical.use('changing the fence', (s) => attempt(context, s, change, remainingMs), limits);
    if (outcome === 'changed') return;
    if (outcome !== 'deadlock' || clock.monotonicMs() >= deadlineMs) {
      const blockers = outcome === 'deadlock' ? [] : outcome.blockers;
      throw new FenceTimeoutError(
        key.name,
        change.orgId,
        change.timeoutMs,
        blockers.map((b) => ({ ...b })),
      );
    }
  }
}

type Outcome = 'changed' | 'deadlock' | { readonly blockers: readonly Blocker[] };

async function attempt(
  context: PlaceContext,
  session: Session,
  change: FenceChange,
  remainingMs: number,
): Promise<Outcome> {
  const limits = { signal: change.signal, timeoutMs: remainingMs };
  await boundByServer(session, remainingMs, limits);
  const request = new LockRequest(context, session, change);
  const outcome = await request.run(remainingMs);
  if (outcome !== 'answered') return outcome;
  if (request.matched === 0) throw await explainUnchanged(session, context, change.orgId, change.epoch);
  await readBack(session, context, change);
  return 'changed';
}

/** Ends the request also when this side dies: the server's own limit, rounded up to whole seconds. */
async function boundByServer(session: Session, remainingMs: number, limits: Limits): Promise<void> {
  const seconds = Math.ceil(remainingMs / 1000);
  if (session.lockWaitSeconds === seconds) return;
  await session.run(`SET SESSION innodb_lock_wait_timeout = ${seconds}`, [], limits);
  session.lockWaitSeconds = seconds;
}

async function readBack(session: Session, { key }: PlaceContext, change: FenceChange): Promise<void> {
  const row = await fenceRowOn(session, key.name, change.orgId);
  if (row?.writer === change.writer && row.epoch === change.epoch) return;
  if (row !== null && row.epoch > change.epoch) throw new StaleEpochError(key.name, change.orgId, change.epoch);
  throw new PlaceError(key.name, 'reading the fence back', new Error('it is not what was written'));
}

/** One UPDATE that may have to wait, with what ends it. */
class LockRequest {
  readonly #context: PlaceContext;
  readonly #session: Session;
  readonly #change: FenceChange;
  /** Rows that the UPDATE matched, once it was answered. */
  matched = 0;
  #blockers: readonly Blocker[] = [];
  /** Ends the wait for the next question; null: nobody asks any more. */
  #stopAsking: (() => void) | null = null;

  constructor(context: PlaceContext, session: Session, change: FenceChange) {
    this.#context = context;
    this.#session = session;
    this.#change = change;
  }

  async run(remainingMs: number): Promise<Outcome | 'answered'> {
    const { signal } = this.#change;
    signal?.throwIfAborted();
    const guard = isThisPlace(this.#context.key);
    const { orgId, writer, epoch } = this.#change;
    const update = this.#session
      .run(
        `UPDATE ${CONTROL_SCHEMA}.fence SET writer = ?, epoch = ?, updated_at = UTC_TIMESTAMP(6)
         WHERE org_id = ? AND place = ? AND epoch <= ? AND ${guard.sql}`,
        [writer, epoch, orgId, this.#context.key.name, epoch, ...guard.values],
        // Only a backstop: this class ends the statement itself, in order.
        { timeoutMs: remainingMs + 2 * ENDING_MS },
      )
      .then(
        (matched) => ({ matched }),
        (error: unknown) => ({ error }),
      );
    this.#askForBlockers(remainingMs * BLOCKERS_AT);
    let stopWatching = () => {};
    const givenUp = new Promise<{ reason: unknown }>((resolve) => {
      stopWatching = watchLimits(
        this.#context.machine.clock,
        'the fence',
        { signal, timeoutMs: remainingMs },
        (reason) => resolve({ reason }),
      );
    });
    try {
      const first = await Promise.race([update, givenUp]);
      if ('matched' in first) return this.#answered(first.matched);
      if ('error' in first) return await this.#failed(first.error);
      return await this.#end();
    } finally {
      this.#stopAsking?.();
      this.#stopAsking = null;
      stopWatching();
    }
  }

  #askForBlockers(afterMs: number): void {
    const cancel = this.#context.machine.clock.after(afterMs, async () => {
      const blockers = await blockersOf(this.#context, this.#session.threadId);
      // Another timer or none: the request has ended meanwhile, and the answer says nothing about it.
      if (this.#stopAsking !== cancel) return;
      this.#blockers = blockers;
      if (blockers.length === 0) this.#askForBlockers(BLOCKERS_EVERY_MS);
    });
    this.#stopAsking = cancel;
  }

  #answered(matched: number): 'answered' {
    this.matched = matched;
    return 'answered';
  }

  async #failed(error: unknown): Promise<Outcome> {
    if (isDeadlock(error)) return 'deadlock';
    if (isLockWaitTimeout(error)) return { blockers: this.#blockers };
    // The server answered: the statement is over. Without an answer its thread may still wait.
    if ((errorNumber(error) ?? 0) >= 1000) throw error;
    await this.#makeSure();
    if (await this.#isAsWanted()) return 'changed';
    throw error;
  }

  /** The time is over or the caller gave up: kill, wait until the thread is gone, and read what is true now. */
  async #end(): Promise<Outcome> {
    await this.#makeSure();
    this.#change.signal?.throwIfAborted();
    if (await this.#isAsWanted()) return 'changed';
    return { blockers: this.#blockers };
  }

  async #makeSure(): Promise<void> {
    const { key, watch } = this.#context;
    const { threadId, lockWaitSeconds } = this.#session;
    try {
      await watch.kill(threadId, { timeoutMs: ENDING_MS });
    } catch (error) {
      throw new FenceUncertainError(key.name, this.#change.orgId, threadId, lockWaitSeconds, error);
    } finally {
      // Ends the wait for an answer that a frozen server does not give.
      this.#session.discard(new Error('the lock request was ended'));
    }
  }

  async #isAsWanted(): Promise<boolean> {
    const { key, watch } = this.#context;
    const row = await watch.use('reading the fence', (s) => fenceRowOn(s, key.name, this.#change.orgId));
    return row?.writer === this.#change.writer && row.epoch === this.#change.epoch;
  }
}
