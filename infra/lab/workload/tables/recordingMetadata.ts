import { born, changed, differs, firstProblem, type TableKind, textOf } from './kind.ts';

/** JSON documents; MySQL gives them back in an order and spelling of its own, so they are compared as values. */
export const recordingMetadata: TableKind = {
  name: 'RecordingMetadata',
  insert({ orgId, writeId, prepared }) {
    return {
      table: this,
      key: null,
      after: born(writeId),
      statement: {
        sql: `INSERT INTO RecordingMetadata (OrgID, Title, Details, SizeBytes, RecordedAt, WriteId)
              VALUES (?, ?, ?, ?, '2025-06-15 08:00:00.125', ?)`,
        values: [orgId, textOf(writeId), details(writeId), writeId % 1_000_000_000, writeId],
        prepared,
      },
    };
  },
  update({ orgId, writeId, key, before, prepared }) {
    return {
      table: this,
      key,
      after: changed(before, writeId),
      statement: {
        sql: `UPDATE RecordingMetadata SET Details = ?, SizeBytes = ?, WriteId = ?, WriteSide = DEFAULT
              WHERE OrgID = ? AND RecordingID = ?`,
        values: [details(writeId), writeId % 1_000_000_000, writeId, orgId, Number(key)],
        prepared,
      },
    };
  },
  checkColumns: 'RecordingID, Title, CAST(Details AS CHAR) AS Details, SizeBytes',
  keyOf: (row) => String(row.RecordingID),
  problem: (row, state) =>
    firstProblem(
      differs('Title', row.Title, textOf(state.bornId)),
      differs('Details', canonical(row.Details), canonical(details(state.writeId))),
      differs('SizeBytes', Number(row.SizeBytes), state.writeId % 1_000_000_000),
    ),
};

function details(writeId: number): string {
  return `{"write": ${writeId},   "parties": [{"name": "Zoë 😀", "n": null}, {}], "a": {"z": 1.5, "b": [true, "${writeId % 97}"]}}`;
}

function canonical(json: unknown): string {
  const sorted = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(sorted);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
      Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, inner]) => [key, sorted(inner)]),
    );
  };
  return JSON.stringify(sorted(JSON.parse(String(json))));
}
