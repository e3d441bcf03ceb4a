import { z } from 'zod';
import { FenceRowMissingError, RepairRefusedError, StaleEpochError } from '../../errors/index.ts';
import { CONTROL_SCHEMA, FENCE_WRITERS } from '../../fence/schema.ts';
import { literal } from '../../fence/sql.ts';
import type { FenceWriter, RowTransaction } from '../../ports/place.ts';
import type { PlaceContext } from './context.ts';
import { requireThisPlace } from './identity.ts';
import { integer, text } from './rows.ts';

const fenceRow = z.object({ writer: text.pipe(z.enum(FENCE_WRITERS)), epoch: integer });

/** Who repairs or purges, and as whom the org's rows have to be writable meanwhile. */
export interface RepairOwner {
  readonly orgId: number;
  readonly epoch: number;
  readonly writer: FenceWriter;
}

/**
 * Runs the work in one transaction of the account that the fence lets pass. The org's fence row is locked first, its
 * epoch and writer asked: a stale owner repairs nothing, and a flip that closes the fence waits for the end of this.
 */
export function repairRows<T>(
  context: PlaceContext,
  { orgId, epoch, writer }: RepairOwner,
  signal: AbortSignal,
  work: (transaction: RowTransaction) => Promise<T>,
): Promise<T> {
  const { key, tuning } = context;
  const limits = { signal, timeoutMs: tuning.bulkTimeoutMs };
  return context.purge.use(
    'repairing rows',
    async (session) => {
      await requireThisPlace(session, key);
      return session.transaction(async () => {
        const fence = await session.row(
          fenceRow,
          `SELECT writer, epoch FROM ${CONTROL_SCHEMA}.fence WHERE org_id = ? AND place = ? FOR UPDATE`,
          [orgId, key.name],
          { signal },
        );
        if (fence === null) throw new FenceRowMissingError(key.name, orgId);
        if (fence.epoch > epoch) throw new StaleEpochError(key.name, orgId, epoch);
        if (fence.writer !== writer)
          throw new RepairRefusedError(orgId, `the fence at ${key.name} is open to ${fence.writer}`);
        return work({
          query: (sql) => session.rawRows(sql, [], limits),
          run: (sql) => session.run(sql, [], limits),
          close: async () => {},
        });
      });
    },
    { signal },
  );
}

/**
 * Gives the org's fence this epoch, and changes nothing else of it: it has to be `writer`'s before and stays so. Whoever
 * has an older epoch can do nothing here from then on.
 */
export async function takeFence(context: PlaceContext, owner: RepairOwner, signal: AbortSignal): Promise<void> {
  const { orgId, epoch } = owner;
  const place = context.key.name;
  await repairRows(context, owner, signal, (transaction) =>
    transaction.run(
      `UPDATE ${CONTROL_SCHEMA}.fence SET epoch = ${integer.parse(epoch)}, updated_at = UTC_TIMESTAMP(6)
       WHERE org_id = ${integer.parse(orgId)} AND place = ${literal(place)}`,
    ),
  );
}
