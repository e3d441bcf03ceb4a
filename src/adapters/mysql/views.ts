import { z } from 'zod';
import { ViewLostError, ViewNotPinnedError } from '../../errors/index.ts';
import { CONTROL_SCHEMA, PIN_PROBE_SLOTS } from '../../fence/schema.ts';
import type { ReadView } from '../../ports/place.ts';
import type { PlaceContext } from './context.ts';
import { asPlaceError } from './failures.ts';
import type { Limits } from './limits.ts';
import type { MetadataWatch } from './metadataWatch.ts';
import { integer } from './rows.ts';
import type { RawValue, Session } from './session.ts';

const probeRow = z.object({ value: integer });
const READ_PROBE = `SELECT value FROM ${CONTROL_SCHEMA}.pin_probe WHERE place = ? AND slot = ?`;

/**
 * Opens `count` views and proves that each is pinned: a row is read in every one, changed by another connection, and
 * read again. Under READ COMMITTED the server takes the same statement and pins nothing, silently.
 */
export async function openViews(
  context: PlaceContext,
  watch: MetadataWatch,
  count: number,
  signal?: AbortSignal,
): Promise<readonly ReadView[]> {
  const { key, views } = context;
  const limits: Limits = { signal, timeoutMs: context.tuning.statementTimeoutMs };
  const lent: Session[] = [];
  try {
    await Promise.all(
      Array.from({ length: count }, async () => {
        const session = await views.acquire(limits);
        lent.push(session);
        await session.run('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ', [], limits);
        await session.run('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY', [], limits);
      }),
    );
    await proveThatTheyHold(context, lent, limits);
    return lent.map((session) => new PinnedView(context, session, watch));
  } catch (error) {
    for (const session of lent) {
      session.discard(error);
      views.release(session);
    }
    if (signal?.aborted && error === signal.reason) throw error;
    throw asPlaceError(key.name, 'opening read views', error);
  }
}

async function proveThatTheyHold(context: PlaceContext, lent: readonly Session[], limits: Limits): Promise<void> {
  const { key, critical, machine } = context;
  // Several rows, so that flips of different orgs do not wait for each other.
  const slot = machine.randomInt(PIN_PROBE_SLOTS);
  const read = () => Promise.all(lent.map((session) => session.row(probeRow, READ_PROBE, [key.name, slot], limits)));
  const before = await read();
  await critical.use(
    'proving that a view holds',
    (session) =>
      session.run(
        `INSERT INTO ${CONTROL_SCHEMA}.pin_probe (place, slot, value) VALUES (?, ?, 1)
         ON DUPLICATE KEY UPDATE value = value + 1`,
        [key.name, slot],
        limits,
      ),
    limits,
  );
  const after = await read();
  if (after.some((row, index) => row?.value !== before[index]?.value)) throw new ViewNotPinnedError(key.name);
}

/** A view as its caller sees it. It goes when it is closed, when its connection ends, or when it stands in a DDL's way. */
class PinnedView implements ReadView {
  readonly #context: PlaceContext;
  readonly #session: Session;
  readonly #watch: MetadataWatch;
  readonly #drop: (reason: string) => void;
  #ended: ViewLostError | null = null;

  constructor(context: PlaceContext, session: Session, watch: MetadataWatch) {
    this.#context = context;
    this.#session = session;
    this.#watch = watch;
    this.#drop = (reason) => this.#end(new ViewLostError(context.key.name, reason), true);
    watch.add(this.#drop);
  }

  async query(sql: string, values: readonly unknown[] = []): Promise<readonly Record<string, RawValue>[]> {
    if (this.#ended !== null) throw this.#ended;
    const { key, tuning } = this.#context;
    try {
      return await this.#session.rawRows(sql, values, { timeoutMs: tuning.bulkTimeoutMs });
    } catch (error) {
      if (this.#ended !== null) throw this.#ended;
      const failure = asPlaceError(key.name, 'reading in a view', error);
      // A statement that was refused leaves the snapshot as it is; a lost connection took it along.
      if (!this.#session.alive) this.#end(new ViewLostError(key.name, 'its connection ended', error), true);
      throw this.#ended ?? failure;
    }
  }

  async close(): Promise<void> {
    if (this.#ended !== null) return;
    try {
      await this.#session.run('ROLLBACK', [], { timeoutMs: this.#context.tuning.statementTimeoutMs });
      this.#end(new ViewLostError(this.#context.key.name, 'it was closed'), false);
    } catch (error) {
      // The snapshot ends with its connection all the same.
      this.#end(new ViewLostError(this.#context.key.name, 'it was closed', error), true);
    }
  }

  #end(reason: ViewLostError, discard: boolean): void {
    if (this.#ended !== null) return;
    this.#ended = reason;
    this.#watch.remove(this.#drop);
    if (discard) this.#session.discard(reason);
    this.#context.views.release(this.#session);
  }
}
