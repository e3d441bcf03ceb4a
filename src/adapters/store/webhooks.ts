import { z } from 'zod';
import type { NewDelivery, WebhookStore } from '../../ports/webhooks.ts';
import { type Statement, type StorePool, withSession } from './connection.ts';
import { alive } from './ownership.ts';

const int = z.coerce.number().int();
const dueRow = z
  .object({ seq: int, id: z.string(), migration_id: z.string(), body: z.string(), tries: int, age_ms: int })
  .transform(({ migration_id, age_ms, ...row }) => ({ ...row, migrationId: migration_id, ageMs: age_ms }));
const outcome = z.enum(['delivered', 'failed', 'givenUp']).nullable();
const answer = z.string().nullable();
const backlogRow = z
  .object({
    hook: z.string(),
    owner: z.string().nullable(),
    waiting: int,
    oldest_ms: int.nullable(),
    tries: int,
    answer,
  })
  .transform(({ oldest_ms, ...row }) => ({ ...row, oldestMs: oldest_ms }));
const keptRow = z
  .object({
    seq: int,
    id: z.string(),
    migration_id: z.string(),
    made_ms: int,
    due_ms: int.nullable(),
    ended_ms: int.nullable(),
    tries: int,
    outcome,
    answer,
  })
  .transform(({ migration_id, made_ms, due_ms, ended_ms, ...row }) => ({
    ...row,
    migrationId: migration_id,
    madeMs: made_ms,
    dueMs: due_ms,
    endedMs: ended_ms,
  }));
/** Independent of any session's time zone. */
const epochMs = (column: string) => `TIMESTAMPDIFF(MICROSECOND, '1970-01-01', ${column}) DIV 1000`;
const conditionOf = {
  waiting: 'due_at IS NOT NULL',
  delivered: "due_at IS NULL AND outcome = 'delivered'",
  givenUp: "due_at IS NULL AND outcome = 'givenUp'",
} as const;
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

    async hookBacklogs() {
      const rows = await withSession(pool, 'look at what waits for webhooks', (session) =>
        session.rows(
          `SELECT hooks.hook, hooks.owner, COUNT(delivery.seq) AS waiting, ${epochMs('MIN(delivery.made_at)')} AS oldest_ms,
                  COALESCE(MAX(delivery.tries), 0) AS tries,
                  (SELECT tried.answer FROM webhook_deliveries AS tried
                    WHERE tried.hook = hooks.hook AND tried.due_at IS NOT NULL
                    ORDER BY tried.tries DESC, tried.seq LIMIT 1) AS answer
             FROM webhook_hooks AS hooks
             LEFT JOIN webhook_deliveries AS delivery ON delivery.hook = hooks.hook AND delivery.due_at IS NOT NULL
            GROUP BY hooks.hook, hooks.owner ORDER BY hooks.hook`,
        ),
      );
      return rows.map((row) => backlogRow.parse(row));
    },

    async keptDeliveries({ hook, state, migrationId, before, limit }) {
      const conditions: readonly (readonly [sql: string, ...values: unknown[]])[] = [
        ['hook = ?', hook],
        ...(state === undefined ? [] : [[conditionOf[state]] as const]),
        ...(migrationId === undefined ? [] : [['migration_id = ?', migrationId] as const]),
        ...(before === undefined ? [] : [['seq < ?', before] as const]),
      ];
      const rows = await withSession(pool, 'read deliveries', (session) =>
        session.rows(
          `SELECT seq, id, migration_id, ${epochMs('made_at')} AS made_ms, ${epochMs('due_at')} AS due_ms,
                  ${epochMs('ended_at')} AS ended_ms, tries, outcome, answer
             FROM webhook_deliveries WHERE ${conditions.map(([sql]) => sql).join(' AND ')} ORDER BY seq DESC LIMIT ?`,
          [...conditions.flatMap(([, ...values]) => values), limit],
        ),
      );
      return rows.map((row) => keptRow.parse(row));
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
