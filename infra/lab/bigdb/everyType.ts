// Rows of EveryType with the values that get lost on the way between products, as SQL: one expression per column, the
// same for MariaDB and MySQL. Columns that a case does not name are NULL.

/** A name for tests, and the columns it fills. */
export interface EveryTypeCase {
  readonly name: string;
  readonly columns: Readonly<Record<string, string>>;
}

const ZERO_DATE = "'0000-00-00'";

export const EVERY_TYPE_CASES: readonly EveryTypeCase[] = [
  { name: 'all NULL', columns: {} },
  {
    name: 'lowest',
    columns: {
      TinySigned: '-128',
      TinyUnsigned: '0',
      Flag: 'FALSE',
      SmallSigned: '-32768',
      SmallUnsigned: '0',
      MediumSigned: '-8388608',
      MediumUnsigned: '0',
      IntSigned: '-2147483648',
      IntUnsigned: '0',
      BigSigned: '-9223372036854775808',
      BigUnsigned: '0',
      DecimalSmall: '-99999999.99',
      DecimalLarge: `-${'9'.repeat(35)}.${'9'.repeat(30)}`,
      FloatValue: '-3.40282e38',
      DoubleValue: '-1.7976931348623157e308',
      BitOne: "b'0'",
      BitTwelve: "b'0'",
      BitSixtyFour: "b'0'",
      DateValue: "'1000-01-01'",
      DateTimeSeconds: "'1000-01-01 00:00:00'",
      DateTimeMicros: "'1000-01-01 00:00:00.000001'",
      StampSeconds: "'1970-01-01 00:00:01'",
      StampMicros: "'1970-01-01 00:00:01.000001'",
      TimeSeconds: "'-838:59:59'",
      TimeMicros: "'-00:00:00.000001'",
      YearValue: '1901',
    },
  },
  {
    name: 'highest',
    columns: {
      TinySigned: '127',
      TinyUnsigned: '255',
      Flag: 'TRUE',
      SmallSigned: '32767',
      SmallUnsigned: '65535',
      MediumSigned: '8388607',
      MediumUnsigned: '16777215',
      IntSigned: '2147483647',
      IntUnsigned: '4294967295',
      BigSigned: '9223372036854775807',
      BigUnsigned: '18446744073709551615',
      DecimalSmall: '99999999.99',
      DecimalLarge: `${'9'.repeat(35)}.${'9'.repeat(30)}`,
      FloatValue: '3.40282e38',
      DoubleValue: '1.7976931348623157e308',
      BitOne: "b'1'",
      BitTwelve: "b'111111111111'",
      BitSixtyFour: `b'${'1'.repeat(64)}'`,
      DateValue: "'9999-12-31'",
      DateTimeSeconds: "'9999-12-31 23:59:59'",
      DateTimeMicros: "'9999-12-31 23:59:59.999999'",
      StampSeconds: "'2038-01-19 03:14:07'",
      StampMicros: "'2038-01-19 03:14:07.999999'",
      TimeSeconds: "'838:59:59'",
      TimeMicros: "'837:59:59.999999'",
      YearValue: '2155',
    },
  },
  {
    name: 'zero dates',
    columns: {
      DateValue: ZERO_DATE,
      DateTimeSeconds: "'0000-00-00 00:00:00'",
      DateTimeMicros: "'0000-00-00 00:00:00.000000'",
      StampSeconds: "'0000-00-00 00:00:00'",
      StampMicros: "'0000-00-00 00:00:00.000000'",
      TimeSeconds: "'00:00:00'",
      TimeMicros: "'00:00:00.000000'",
      YearValue: '0000',
    },
  },
  {
    name: 'partial dates',
    columns: {
      DateValue: "'2019-00-00'",
      DateTimeSeconds: "'2019-07-00 12:00:00'",
      DateTimeMicros: "'2019-00-00 12:00:00.5'",
    },
  },
  {
    name: 'microseconds',
    columns: {
      DateTimeSeconds: "'2024-02-29 23:59:59'",
      DateTimeMicros: "'2024-02-29 23:59:59.000100'",
      StampMicros: "'2024-10-27 01:30:00.123456'",
      TimeMicros: "'-12:34:56.789012'",
      StampSeconds: "'2024-03-31 01:30:00'",
    },
  },
  {
    name: 'text beyond the basic plane',
    columns: {
      CharValue: "'👩‍👩‍👧'",
      VarcharValue: "'Zoë 😀 e\\u0301 日本語 \\0 tab\\t quote'' back\\\\slash % _'",
      LatinValue: "'Grüße, ½ pint of café – £5'",
      TinyTextValue: "'𝔘𝔫𝔦𝔠𝔬𝔡𝔢'",
      TextValue: "REPEAT('😀é', 3000)",
      MediumTextValue: "REPEAT('नमस्ते ', 4000)",
      LongTextValue: "REPEAT('line\\n', 20000)",
      EnumValue: "'大'",
      SetValue: "'a,ç,d'",
      JsonValue: `'{"emoji": "😀", "escaped": "\\\\u00e9\\\\n", "nested": {"b": [1, 2.5, null, true], "a": {}}, "big": 9007199254740993}'`,
    },
  },
  {
    name: 'empty',
    columns: {
      CharValue: "''",
      VarcharValue: "''",
      LatinValue: "''",
      BinaryValue: "''",
      VarbinaryValue: "''",
      TinyTextValue: "''",
      TextValue: "''",
      MediumTextValue: "''",
      LongTextValue: "''",
      TinyBlobValue: "''",
      BlobValue: "''",
      MediumBlobValue: "''",
      LongBlobValue: "''",
      EnumValue: "''",
      SetValue: "''",
      JsonValue: "'{}'",
    },
  },
  {
    name: 'blanks and bytes',
    columns: {
      CharValue: "'pad   '",
      VarcharValue: "'pad   '",
      BinaryValue: "X'00FF0080'",
      VarbinaryValue: "X'00FF00800000'",
      TinyBlobValue: "X'0001FEFF'",
      BlobValue: "REPEAT(X'0DF0ADBA', 10000)",
      MediumBlobValue: "REPEAT(X'00', 70000)",
      LongBlobValue: "REPEAT(X'DEADBEEF', 50000)",
      JsonValue: "'[]'",
    },
  },
  {
    name: 'JSON scalars',
    columns: {
      JsonValue: "'null'",
      FloatValue: '0.1',
      DoubleValue: '0.1',
      DecimalSmall: '0.10',
      DecimalLarge: '0.000000000000000000000000000001',
    },
  },
  {
    name: 'small numbers',
    columns: {
      FloatValue: '1.17549e-38',
      DoubleValue: '2.2250738585072014e-308',
      BigUnsigned: '9007199254740993',
      BigSigned: '-9007199254740993',
      BitSixtyFour: "b'1000000000000000000000000000000000000000000000000000000000000001'",
      BitTwelve: "b'100000000001'",
      JsonValue: '\'"text only"\'',
    },
  },
];

/** One INSERT that stores every case for an org. */
export function insertEveryTypeSql(orgId: number): string {
  const columns = [...new Set(EVERY_TYPE_CASES.flatMap((one) => Object.keys(one.columns)))];
  const rows = EVERY_TYPE_CASES.map(
    (one) => `(${orgId}, ${columns.map((column) => one.columns[column] ?? 'NULL').join(', ')})`,
  );
  return `INSERT INTO BigDB.EveryType (OrgID, ${columns.join(', ')}) VALUES\n${rows.join(',\n')}`;
}
