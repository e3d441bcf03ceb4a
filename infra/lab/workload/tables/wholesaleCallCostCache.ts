import { born, changed, differs, gone, type TableKind } from './kind.ts';

/** A cache: rows come, change and go. */
export const wholesaleCallCostCache: TableKind = {
  name: 'WholesaleCallCostCache',
  insert({ orgId, writeId, prepared }) {
    const carrierId = 1000 + (writeId % 7);
    const prefix = String(writeId).slice(-15);
    return {
      table: this,
      key: `${carrierId}/${prefix}`,
      after: born(writeId),
      statement: {
        sql: `INSERT INTO WholesaleCallCostCache (OrgID, CarrierID, Prefix, RatePerMinute, SetupCost, ValidFrom, WriteId)
              VALUES (?, ?, ?, ?, NULL, '2025-01-01', ?)`,
        values: [orgId, carrierId, prefix, rate(writeId), writeId],
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
        sql: `UPDATE WholesaleCallCostCache SET RatePerMinute = ?, WriteId = ?, WriteSide = DEFAULT
              WHERE OrgID = ? AND CarrierID = ? AND Prefix = ?`,
        values: [rate(writeId), writeId, orgId, ...keyParts(key)],
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
        sql: 'DELETE FROM WholesaleCallCostCache WHERE OrgID = ? AND CarrierID = ? AND Prefix = ?',
        values: [orgId, ...keyParts(key)],
        prepared,
      },
    };
  },
  checkColumns: 'CarrierID, Prefix, RatePerMinute',
  keyOf: (row) => `${row.CarrierID}/${row.Prefix}`,
  problem: (row, { writeId }) =>
    writeId === 0 ? undefined : differs('RatePerMinute', row.RatePerMinute, rate(writeId)),
};

function keyParts(key: string): [number, string] {
  const slash = key.indexOf('/');
  return [Number(key.slice(0, slash)), key.slice(slash + 1)];
}

function rate(writeId: number): string {
  return `${writeId % 1000}.${String(writeId % 100_000_000).padStart(8, '0')}`;
}
