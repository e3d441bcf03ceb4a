import { born, changed, differs, gone, type TableKind } from './kind.ts';

/** Counters that the database adds up: a write carried out twice makes the sum wrong. */
export const compositeUsage: TableKind = {
  name: 'CompositeUsage',
  insert({ orgId, writeId, prepared }) {
    const feature = `Über-Call 🎥/${writeId}`;
    const date = `2025-${String(1 + (writeId % 12)).padStart(2, '0')}-${String(1 + (writeId % 28)).padStart(2, '0')}`;
    return {
      table: this,
      key: `${date} ${feature}`,
      after: born(writeId),
      statement: {
        sql: 'INSERT INTO CompositeUsage (Feature, OrgID, UsageDate, Calls, Seconds, WriteId) VALUES (?, ?, ?, 0, ?, ?)',
        values: [feature, orgId, date, writeId, writeId],
        prepared,
      },
    };
  },
  update({ orgId, writeId, key, before, prepared }) {
    return {
      table: this,
      key,
      after: changed(before, writeId, { counter: before.counter + 1 }),
      statement: {
        sql: `UPDATE CompositeUsage SET Calls = Calls + 1, Seconds = ?, WriteId = ?, WriteSide = DEFAULT
              WHERE OrgID = ? AND UsageDate = ? AND Feature = ?`,
        values: [writeId, writeId, orgId, ...keyParts(key)],
        prepared,
      },
    };
  },
  remove({ orgId, writeId, key, before, prepared }) {
    return {
      table: this,
      key,
      after: gone(before, writeId),
      statement: {
        sql: 'DELETE FROM CompositeUsage WHERE OrgID = ? AND UsageDate = ? AND Feature = ?',
        values: [orgId, ...keyParts(key)],
        prepared,
      },
    };
  },
  checkColumns: 'Feature, UsageDate, Calls, Seconds',
  counterColumn: 'Calls',
  keyOf: (row) => `${row.UsageDate} ${row.Feature}`,
  problem: (row, { writeId }) => differs('Seconds', Number(row.Seconds), writeId),
};

function keyParts(key: string): [string, string] {
  return [key.slice(0, 10), key.slice(11)];
}
