import { born, differs, firstProblem, type TableKind, textOf } from './kind.ts';

/** A row of the odd types now and then; the seed holds their extremes. */
export const everyType: TableKind = {
  name: 'EveryType',
  insert({ orgId, writeId, prepared }) {
    const expected = values(writeId);
    return {
      table: this,
      key: null,
      after: born(writeId),
      statement: {
        sql: `INSERT INTO EveryType (OrgID, IntSigned, BigUnsigned, DecimalLarge, DateValue, DateTimeMicros, StampMicros, TimeMicros,
                VarcharValue, LatinValue, VarbinaryValue, EnumValue, SetValue, JsonValue, WriteId)
              VALUES (?, ?, ?, ?, '0000-00-00', ?, '2024-10-27 01:30:00.123456', ?, ?, 'Grüße – £5', ?, 'ünïcode', 'a,ç', '[1, "é😀"]', ?)`,
        values: [
          orgId,
          writeId % 2_000_000_000,
          expected.bigUnsigned,
          expected.decimal,
          expected.dateTime,
          expected.time,
          expected.text,
          expected.bytes,
          writeId,
        ],
        prepared,
      },
    };
  },
  checkColumns: `EveryTypeID, Doubled, BigUnsigned, DecimalLarge, DateValue, DateTimeMicros, StampMicros, TimeMicros, VarcharValue,
    LatinValue, HEX(VarbinaryValue) AS bytes, EnumValue, SetValue`,
  keyOf: (row) => String(row.EveryTypeID),
  problem: (row, { bornId }) => {
    if (bornId === 0) return undefined;
    const expected = values(bornId);
    return firstProblem(
      differs('Doubled', Number(row.Doubled), (bornId % 2_000_000_000) * 2),
      differs('BigUnsigned', String(row.BigUnsigned), expected.bigUnsigned),
      differs('DecimalLarge', row.DecimalLarge, expected.decimal),
      differs('DateValue', row.DateValue, '0000-00-00'),
      differs('DateTimeMicros', row.DateTimeMicros, expected.dateTime),
      differs('StampMicros', row.StampMicros, '2024-10-27 01:30:00.123456'),
      differs('TimeMicros', row.TimeMicros, expected.time),
      differs('VarcharValue', row.VarcharValue, expected.text),
      differs('LatinValue', row.LatinValue, 'Grüße – £5'),
      differs('VarbinaryValue', row.bytes, expected.bytes.toString('hex').toUpperCase()),
      differs('EnumValue', row.EnumValue, 'ünïcode'),
      differs('SetValue', row.SetValue, 'a,ç'),
    );
  },
};

function values(writeId: number) {
  const six = String(writeId % 1_000_000).padStart(6, '0');
  const sign = writeId % 2 === 0 ? '-' : '';
  return {
    bigUnsigned: String(18_000_000_000_000_000_000n + (BigInt(writeId) % 400_000_000_000_000_000n)),
    decimal: `${sign}${writeId}.${six}000000000000000000000001`,
    dateTime: `2024-02-29 23:59:59.${six}`,
    time: `${sign}123:45:59.${six}`,
    text: [...textOf(writeId)].slice(0, 90).join(''),
    bytes: Buffer.from([0, 255, writeId % 256, 0, 128]),
  };
}
