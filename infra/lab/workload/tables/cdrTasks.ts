import { born, changed, differs, firstProblem, type TableKind, textOf } from './kind.ts';

const OWN_STATUSES = ['open', 'working', 'waiting', 'failed'] as const;

/** A quarter of the tasks is left to the CDR worker. Whoever wrote the row leaves those alone from then on. */
export const QUEUED = 'queued';
/** What the CDR worker makes of them. */
export const DONE = 'done';

/** Tasks that change their status; the attempts are counted by the database. */
export const cdrTasks: TableKind = {
  name: 'CdrTasks',
  insert({ orgId, writeId, prepared }) {
    const status = writeId % 4 === 1 ? QUEUED : 'open';
    const reference = Buffer.alloc(16);
    reference.writeBigUInt64BE(BigInt(writeId), 8);
    return {
      table: this,
      key: null,
      after: born(writeId, status),
      statement: {
        sql: 'INSERT INTO CdrTasks (OrgID, CdrRef, Status, Payload, WriteId) VALUES (?, ?, ?, ?, ?)',
        values: [orgId, reference, status, textOf(writeId), writeId],
        prepared,
      },
    };
  },
  update({ orgId, writeId, key, before, prepared }) {
    const status = OWN_STATUSES[writeId % OWN_STATUSES.length] ?? 'open';
    return {
      ...updateTask(orgId, writeId, key, status, prepared),
      after: changed(before, writeId, taskChange(before, status)),
    };
  },
  checkColumns: 'TaskID, Status, Attempts, LastError, Payload',
  counterColumn: 'Attempts',
  keyOf: (row) => String(row.TaskID),
  problem: (row, state) =>
    firstProblem(
      state.bornId === 0 ? undefined : differs('Payload', row.Payload, textOf(state.bornId)),
      state.writeId === state.bornId || state.writeId === 0
        ? undefined
        : differs('LastError', row.LastError, textOf(state.writeId)),
      differs('Status', row.Status, state.status),
    ),
};

/** How one more attempt changes the state of a task. */
export function taskChange(before: { counter: number }, status: string): { counter: number; status: string } {
  return { counter: before.counter + 1, status };
}

/** The statement that gives a task its next status. */
export function updateTask(orgId: number, writeId: number, key: string, status: string, prepared: boolean) {
  return {
    table: cdrTasks,
    key,
    statement: {
      sql: `UPDATE CdrTasks SET Status = ?, Attempts = Attempts + 1, LastError = ?, WriteId = ?, WriteSide = DEFAULT
            WHERE OrgID = ? AND TaskID = ?`,
      values: [status, textOf(writeId), writeId, orgId, Number(key)],
      prepared,
    },
  };
}
