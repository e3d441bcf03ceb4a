import { born, differs, firstProblem, type TableKind, textOf } from './kind.ts';

/** Calls before this day are deleted by the retention job. */
export const RETENTION_CUTOFF = '2020-02-01';

/** Wide rows, only ever appended; one in twenty is old enough for retention. */
export const callLogs: TableKind = {
  name: 'CallLogs',
  insert({ orgId, writeId, prepared }) {
    return {
      table: this,
      key: null,
      after: born(writeId),
      statement: {
        sql: `INSERT INTO CallLogs (OrgID, StartedAt, AnsweredAt, Direction, CallerNumber, CalleeNumber, CallerName, DurationMs,
                HangupCause, Codec, MosScore, SipCallId, Notes, WriteId)
              VALUES (?, ?, NULL, 'out', ?, ?, ?, ?, 16, 'opus', '4.125', ?, ?, ?)`,
        values: [
          orgId,
          startedAt(writeId),
          `+44${String(writeId).slice(-10)}`,
          `+1${String(writeId).slice(-9)}`,
          writeId % 3 === 0 ? null : 'Zoë 日本 😀',
          writeId % 3_600_000,
          `w${writeId}@lab.example.org`,
          textOf(writeId),
          writeId,
        ],
        prepared,
      },
    };
  },
  checkColumns: 'CallLogID, StartedAt, CallerName, SipCallId, Notes',
  keyOf: (row) => String(row.CallLogID),
  problem: (row, { bornId }) =>
    bornId === 0
      ? undefined
      : firstProblem(
          differs('StartedAt', row.StartedAt, startedAt(bornId)),
          differs('CallerName', row.CallerName, bornId % 3 === 0 ? null : 'Zoë 日本 😀'),
          differs('SipCallId', row.SipCallId, `w${bornId}@lab.example.org`),
          differs('Notes', row.Notes, textOf(bornId)),
        ),
};

function startedAt(writeId: number): string {
  const day = writeId % 20 === 0 ? '2019-11-30' : '2025-06-15';
  return `${day} 12:34:56.${String(writeId % 1_000_000).padStart(6, '0')}`;
}
