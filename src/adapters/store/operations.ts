import { z } from 'zod';
import type { AuditEntry, OperationsStore } from '../../ports/operations.ts';
import { type StorePool, transaction, withSession } from './connection.ts';

const freezeRow = z.object({ actor: z.string(), reason: z.string(), since_ms: z.coerce.number().int() });
const seqRow = z.object({ seq: z.coerce.number().int() });
const commandEntry = z.object({
  actor: z.string(),
  role: z.string(),
  from: z.string(),
  action: z.string(),
  target: z.string(),
  input: z.unknown(),
  requestId: z.string(),
});
const outcomeEntry = z.object({ status: z.number().int(), code: z.string().nullable() });
const auditRow = z.object({
  seq: z.coerce.number().int(),
  at_ms: z.coerce.number().int(),
  entry: z.string(),
  answered_at_ms: z.coerce.number().int().nullable(),
  answered: z.string().nullable(),
});
const requestRow = z.object({
  fingerprint: z.string(),
  answer: z.string().nullable(),
  age_seconds: z.coerce.number(),
});
const keptAnswer = z.object({
  status: z.number().int(),
  headers: z.record(z.string(), z.string()),
  body: z.string(),
});

/** After so long an unanswered request counts as one whose controller has died (seconds). */
const abandonedAfterSeconds = 60;
const iso = (ms: number) => new Date(ms).toISOString();

/** Freeze, audit log and keys of requests. */
export function operationsStore(pool: StorePool): OperationsStore {
  const read = <T>(action: string, schema: z.ZodType<T>, sql: string, values: readonly unknown[] = []) =>
    withSession(pool, action, async (session) => (await session.rows(sql, values)).map((row) => schema.parse(row)));
  const write = (action: string, sql: string, values: readonly unknown[]) =>
    withSession(pool, action, async (session) => void (await session.write(sql, values)));

  const frozen = async () => {
    const [row] = await read('read the freeze', freezeRow, 'SELECT actor, reason, since_ms FROM freezes WHERE id = 1');
    return row === undefined ? null : { actor: row.actor, reason: row.reason, since: iso(row.since_ms) };
  };

  return {
    frozen,
    async freeze(actor, reason, atMs) {
      await write('freeze', 'INSERT IGNORE INTO freezes (id, actor, reason, since_ms) VALUES (1, ?, ?, ?)', [
        actor,
        reason,
        atMs,
      ]);
      // Lifted again in between: then it stood for a moment.
      return (await frozen()) ?? { actor, reason, since: iso(atMs) };
    },
    unfreeze: () => write('unfreeze', 'DELETE FROM freezes WHERE id = ?', [1]),

    auditCommand: (command, atMs) =>
      transaction(pool, 'audit', async (session) => {
        await session.write('INSERT INTO audit (at_ms, entry) VALUES (?, ?)', [atMs, JSON.stringify(command)]);
        const [row] = await session.rows('SELECT LAST_INSERT_ID() AS seq');
        return seqRow.parse(row).seq;
      }),
    auditOutcome: (seq, outcome, atMs) =>
      write('audit', 'INSERT INTO audit (at_ms, answers, entry) VALUES (?, ?, ?)', [
        atMs,
        seq,
        JSON.stringify(outcome),
      ]),
    async audit(after, limit) {
      const rows = await read(
        'read the audit log',
        auditRow,
        `SELECT asked.seq, asked.at_ms, asked.entry, answered.at_ms AS answered_at_ms, answered.entry AS answered
           FROM audit AS asked LEFT JOIN audit AS answered ON answered.answers = asked.seq
          WHERE asked.answers IS NULL AND asked.seq > ? ORDER BY asked.seq LIMIT ?`,
        [after, limit],
      );
      return rows.map((row): AuditEntry => {
        const outcome =
          row.answered === null || row.answered_at_ms === null
            ? null
            : { ...outcomeEntry.parse(JSON.parse(row.answered)), at: iso(row.answered_at_ms) };
        return { seq: row.seq, at: iso(row.at_ms), ...commandEntry.parse(JSON.parse(row.entry)), outcome };
      });
    },

    beginRequest: (actor, key, fingerprint) =>
      transaction(pool, 'begin request', async (session) => {
        await session.write('DELETE FROM requests WHERE begun_at < UTC_TIMESTAMP(3) - INTERVAL 1 DAY', []);
        const inserted = await session.write(
          'INSERT IGNORE INTO requests (actor, request_key, fingerprint, begun_at) VALUES (?, ?, ?, UTC_TIMESTAMP(3))',
          [actor, key, fingerprint],
        );
        if (inserted === 1) return { found: 'nothing' };
        const [found] = await session.rows(
          `SELECT fingerprint, answer, TIMESTAMPDIFF(SECOND, begun_at, UTC_TIMESTAMP(3)) AS age_seconds
             FROM requests WHERE actor = ? AND request_key = ? FOR UPDATE`,
          [actor, key],
        );
        const row = requestRow.parse(found);
        if (row.fingerprint !== fingerprint) return { found: 'other' };
        if (row.answer !== null) return { found: 'answer', answer: keptAnswer.parse(JSON.parse(row.answer)) };
        if (row.age_seconds < abandonedAfterSeconds) return { found: 'unanswered' };
        await session.write('UPDATE requests SET begun_at = UTC_TIMESTAMP(3) WHERE actor = ? AND request_key = ?', [
          actor,
          key,
        ]);
        return { found: 'nothing' };
      }),
    keepAnswer: (actor, key, answer) =>
      write('keep an answer', 'UPDATE requests SET answer = ? WHERE actor = ? AND request_key = ?', [
        JSON.stringify(answer),
        actor,
        key,
      ]),
    forgetRequest: (actor, key) =>
      write('forget a request', 'DELETE FROM requests WHERE actor = ? AND request_key = ? AND answer IS NULL', [
        actor,
        key,
      ]),
  };
}
