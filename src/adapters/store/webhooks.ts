import { z } from 'zod';
import type { NewDelivery, WebhookStore } from '../../ports/webhooks.ts';
import { type Statement, type StorePool, withSession } from './connection.ts';
import { alive } from './ownership.ts';

const int = z.coerce.number().int();
const dueRow = z
  .object({ seq: int, id: z.string(), migration_id: z.string(), body: z.string(), tries: int, age_ms: int })
  .transform(({ migration_id, age_ms, ...row }) => ({ ...row, migrationId: migration_id, ageMs: age_ms }));
/** A list for `IN`, which may not be empty. */
const listed = (ids: readonly string[]) => (ids.length === 0 ? [''] : ids);

/** Part of a step: what hooks are told of it stands with it, or nothing does. */
export function deliveries(made: readonly NewDelivery[]): Statement[] {
  if (made.length === 0) return [];
  const row = '(?, ?, ?, ?, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))';
  return [
    {
      sql: `INSERT INTO webhook_deliveries (id, hook, migration_id, body, made_at, due_at)
            VALUES ${made.map(() => row).join(', ')}`,
      values: made.flatMap(({ id, hook, migrationId, body }) => [id, hook, migrationId, body]),
    },
  ];
}

export function webhookOperations(pool: StorePool): WebhookStore {
  return {
    keepHook: (hook, instance, leaseMs) =>
      withSession(pool, 'keep a webhook', async (session) => {
        const kept = await session.write(
          `UPDATE webhook_hooks SET owner = ?, seen_at = UTC_TIMESTAMP(3)
            WHERE hook = ? AND (owner IS NULL OR owner = ? OR NOT (${alive}))`,
          [instance, hook, instance, leaseMs * 1000, leaseMs * 1000],
        );
        if (kept > 0) return true;
        const made = await session.write(
          'INSERT IGNORE INTO webhook_hooks (hook, owner, seen_at) VALUES (?, ?, UTC_TIMESTAMP(3))',
          [hook, instance],
        );
        return made > 0;
      }),

    letHooksGo: (instance) =>
      withSession(pool, 'let webhooks go', async (session) => {
        await session.write('UPDATE webhook_hooks SET owner = NULL WHERE owner = ?', [instance]);
      }),

    async dueDeliveries(hook, besides, atMost) {
      const rows = await withSession(pool, 'look for deliveries', (session) =>
        session.rows(
          `SELECT seq, id, migration_id, body, tries,
                  TIMESTAMPDIFF(MICROSECOND, made_at, UTC_TIMESTAMP(3)) DIV 1000 AS age_ms
             FROM webhook_deliveries AS delivery
            WHERE hook = ? AND due_at <= UTC_TIMESTAMP(3) AND migration_id NOT IN (?)
              AND NOT EXISTS (SELECT 1 FROM webhook_deliveries AS earlier
                               WHERE earlier.hook = delivery.hook AND earlier.migration_id = delivery.migration_id
                                 AND earlier.due_at IS NOT NULL AND earlier.seq < delivery.seq)
            ORDER BY seq LIMIT ?`,
          [hook, listed(besides), atMost],
        ),
      );
      return rows.map((row) => ({ ...dueRow.parse(row), hook }));
    },

    async recordTry(seq, { outcome, answer, againInMs }) {
      const [change, values] =
        outcome === 'failed'
          ? ['due_at = UTC_TIMESTAMP(3) + INTERVAL ? MICROSECOND', [againInMs * 1000]]
          : ['due_at = NULL, ended_at = UTC_TIMESTAMP(3)', []];
      await withSession(pool, 'record a delivery', (session) =>
        session.write(
          `UPDATE webhook_deliveries SET tries = tries + 1, outcome = ?, answer = ?, ${change}
            WHERE seq = ? AND due_at IS NOT NULL`,
          [outcome, answer, ...values, seq],
        ),
      );
    },

    async dropDeliveries(olderThanMs) {
      await withSession(pool, 'forget old deliveries', (session) =>
        session.write('DELETE FROM webhook_deliveries WHERE made_at < UTC_TIMESTAMP(3) - INTERVAL ? MICROSECOND', [
          olderThanMs * 1000,
        ]),
      );
    },
  };
}
