/** One pair of column types. Values are SQL; one alone stands for both sides. */
export interface PairCase {
  readonly name: string;
  readonly source: string;
  readonly target: string;
  readonly equal: readonly (string | readonly [string, string])[];
  readonly different: readonly (readonly [string, string])[];
  /** Columns that are reported as different; V unless said otherwise. */
  readonly columns?: readonly string[];
  /** Only MySQL can hold the difference, or keeps JSON as anything but text. */
  readonly mysqlOnly?: boolean;
}

const same = (type: string) => ({ source: type, target: type });
const json = (text: string) => `'${text}'`;

export const PAIR_CASES: readonly PairCase[] = [
  {
    name: 'integer',
    ...same('BIGINT'),
    equal: ['-9223372036854775808', '0', 'NULL'],
    different: [
      ['1', '-1'],
      ['0', 'NULL'],
    ],
  },
  {
    name: 'unsigned',
    ...same('BIGINT UNSIGNED'),
    equal: ['18446744073709551615'],
    different: [['18446744073709551615', '18446744073709551614']],
  },
  {
    name: 'width and zerofill',
    source: 'INT(8) ZEROFILL',
    target: 'INT UNSIGNED',
    equal: ['42', '4294967295'],
    different: [['42', '420']],
  },
  ...['TINYINT', 'SMALLINT', 'MEDIUMINT'].map((type) => ({
    name: `integers of other widths: ${type}`,
    source: type,
    target: 'INTEGER',
    equal: ['-128', '127', 'NULL'],
    different: [['127', '126']] as const,
  })),
  {
    name: 'bit',
    ...same('BIT(64)'),
    equal: ["b'0'", `b'${'1'.repeat(64)}'`, "b'1010'"],
    different: [
      ["b'1'", "b'10'"],
      ["b'0'", 'NULL'],
    ],
  },
  {
    name: 'bit and tinyint',
    source: 'BIT(1)',
    target: 'TINYINT(1)',
    equal: [
      ["b'1'", '1'],
      ["b'0'", '0'],
    ],
    different: [["b'1'", '0']],
  },
  { name: 'year', ...same('YEAR'), equal: ["'0000'", '1901', '2155'], different: [['1999', '2000']] },
  {
    name: 'decimal',
    ...same('DECIMAL(30,10)'),
    equal: ['12345678901234567890.0123456789', '-0.0000000001'],
    different: [
      ['0.0000000001', '0'],
      ['1', '-1'],
    ],
  },
  {
    name: 'decimal of two scales',
    source: 'DECIMAL(10,2)',
    target: 'NUMERIC(12,4)',
    equal: ['1.5', '-99999999.99'],
    different: [['1.5', '1.5001']],
  },
  {
    name: 'decimal and integer',
    source: 'DECIMAL(10,2)',
    target: 'BIGINT',
    equal: ['7', '-12345678'],
    different: [['7.01', '7']],
  },
  {
    name: 'float',
    ...same('FLOAT'),
    equal: ['0.1', '16777216', '-3.40282e38', '1e-37'],
    different: [
      ['16777215', '16777216'],
      ['0.1', '0.10000001'],
    ],
  },
  {
    name: 'float with digits',
    source: 'FLOAT(9,2)',
    target: 'DOUBLE(12,2)',
    equal: ['1.5', '-0.01', '99999.99', 'NULL'],
    different: [['1.25', '1.5']],
  },
  {
    name: 'double',
    ...same('DOUBLE'),
    equal: ['0.1', '1.7976931348623157e308', '2.2250738585072014e-308', '1e15', '123456789012345678'],
    different: [
      ['0.1', '0.10000000000000002'],
      ['1e22', '1.0000000000000002e22'],
    ],
  },
  {
    name: 'float and double',
    source: 'FLOAT',
    target: 'REAL',
    equal: ['0.5', '-16777216', ['0.1', '0.10000000149011612']],
    different: [['0.1', '0.1']],
  },
  {
    name: 'double with digits',
    ...same('DOUBLE(20,4)'),
    equal: ['1.5', '-0.0001', '1234567890.1234'],
    different: [['1.5', '1.5001']],
  },
  { name: 'negative zero', ...same('DOUBLE'), equal: ['0'], different: [['0', '-0e0']], mysqlOnly: true },
  { name: 'negative zero, float', ...same('FLOAT'), equal: ['0'], different: [['0', '-0e0']], mysqlOnly: true },
  {
    name: 'date',
    ...same('DATE'),
    equal: ["'0000-00-00'", "'2024-00-00'", "'9999-12-31'", 'NULL'],
    different: [
      ["'0000-00-00'", 'NULL'],
      ["'2024-02-28'", "'2024-02-29'"],
    ],
  },
  {
    name: 'datetime',
    ...same('DATETIME(6)'),
    equal: ["'0000-00-00 00:00:00'", "'2024-01-02 03:04:05.000006'"],
    different: [["'2024-01-02 03:04:05.000006'", "'2024-01-02 03:04:05.000005'"]],
  },
  {
    name: 'datetime of two fractions',
    source: 'DATETIME(3)',
    target: 'DATETIME(6)',
    equal: ["'2024-01-02 03:04:05.123'", "'0000-00-00 00:00:00'"],
    different: [["'2024-01-02 03:04:05.123'", "'2024-01-02 03:04:05.123456'"]],
  },
  {
    name: 'timestamp',
    ...same('TIMESTAMP(6) NULL'),
    equal: [
      "'0000-00-00 00:00:00'",
      "'1970-01-01 00:00:01'",
      "'2038-01-19 03:14:07.999999'",
      // The hour that a session in Europe/London has not, and the one that it has twice.
      "'2024-03-31 01:30:00'",
      "'2024-10-27 00:30:00'",
      "'2024-10-27 01:30:00'",
    ],
    different: [["'2024-07-01 12:00:00'", "'2024-07-01 13:00:00'"]],
  },
  {
    name: 'timestamp and datetime',
    source: 'TIMESTAMP NULL',
    target: 'DATETIME',
    equal: ["'2024-07-01 12:00:00'"],
    different: [["'2024-07-01 12:00:00'", "'2024-07-01 11:00:00'"]],
  },
  {
    name: 'time',
    ...same('TIME(6)'),
    equal: ["'-838:59:59'", "'-00:00:00.000001'", "'838:59:58.999999'"],
    different: [["'00:00:00.000001'", "'-00:00:00.000001'"]],
  },
  {
    name: 'time of two fractions',
    source: 'TIME',
    target: 'TIME(2)',
    equal: ["'-12:00:01'", "'100:00:00'"],
    different: [["'12:00:01'", "'12:00:01.01'"]],
  },
  {
    name: 'char',
    ...same('CHAR(10)'),
    equal: ["'ab '", "''", 'NULL', "'ünïcödé'"],
    different: [
      ["''", 'NULL'],
      ["'a'", "'A'"],
      ["'e'", "'é'"],
    ],
  },
  {
    name: 'varchar',
    source: 'VARCHAR(50) COLLATE utf8mb4_general_ci',
    target: 'VARCHAR(50) COLLATE utf8mb4_unicode_ci',
    equal: ["'x '", "'😀'", "''"],
    different: [
      ["'x'", "'x '"],
      ["'ss'", "'ß'"],
      ["'a'", "'a\\0'"],
      ["''", 'NULL'],
      ["'é'", "_utf8mb4 X'65CC81'"],
    ],
  },
  {
    name: 'latin1 and utf8mb4',
    source: 'VARCHAR(50) CHARACTER SET latin1',
    target: 'VARCHAR(50)',
    equal: ["'café €'", "'ÿ'"],
    different: [
      ["'café'", "'cafÃ©'"],
      ["'ÿ'", "'y'"],
    ],
  },
  {
    name: 'other character sets',
    source: 'VARCHAR(50) CHARACTER SET utf16',
    target: 'VARCHAR(50) CHARACTER SET utf8mb3',
    equal: ["'Grüße'", "''"],
    different: [["'Grüße'", "'Gruße'"]],
  },
  {
    name: 'text',
    ...same('LONGTEXT'),
    equal: ["REPEAT('ü', 70000)", "''", 'NULL'],
    different: [
      ["REPEAT('a', 70000)", "REPEAT('a', 65535)"],
      ["''", 'NULL'],
      ["'a'", "'a '"],
    ],
  },
  {
    name: 'latin1 text',
    source: 'TEXT CHARACTER SET latin1',
    target: 'MEDIUMTEXT',
    equal: ["REPEAT('ü', 60000)"],
    different: [["'ü'", "'u'"]],
  },
  {
    name: 'short texts of other sizes',
    source: 'TINYTEXT',
    target: 'VARCHAR(255)',
    equal: ["'x '", "''", 'NULL'],
    different: [
      ["'x'", "'x '"],
      ["''", 'NULL'],
    ],
  },
  {
    name: 'uuid of MariaDB',
    source: 'UUID',
    target: 'CHAR(36)',
    equal: ["'123e4567-e89b-12d3-a456-426655440000'", 'NULL'],
    different: [["'123e4567-e89b-12d3-a456-426655440000'", "'123e4567-e89b-12d3-a456-426655440001'"]],
    mysqlOnly: true,
  },
  {
    name: 'inet6 of MariaDB',
    source: 'INET6',
    target: 'VARCHAR(45)',
    equal: ["'2001:db8::1'", "'::ffff:192.0.2.1'", 'NULL'],
    different: [["'::1'", "'::2'"]],
    mysqlOnly: true,
  },
  {
    name: 'inet4 of MariaDB',
    source: 'INET4',
    target: 'VARCHAR(15)',
    equal: ["'192.0.2.1'", 'NULL'],
    different: [["'192.0.2.1'", "'192.0.2.10'"]],
    mysqlOnly: true,
  },
  {
    name: 'enum',
    source: "ENUM('a','','é') CHARACTER SET latin1",
    target: "ENUM('é','a','')",
    equal: ["'a'", "''", "'é'", 'NULL'],
    different: [
      ["'a'", "'é'"],
      ["''", 'NULL'],
    ],
  },
  {
    name: 'set',
    ...same("SET('a','b','ç')"),
    equal: ["'a,ç'", "''", "'b,a'"],
    different: [
      ["'a'", "'a,b'"],
      ["''", 'NULL'],
    ],
  },
  {
    name: 'set with its members in another order',
    source: "SET('a','b')",
    target: "SET('c','a','b')",
    equal: ["'a'", "'a,b'", "''", 'NULL'],
    different: [["'a'", "'a,c'"]],
  },
  { name: 'binary', ...same('BINARY(8)'), equal: ["X'00FF'", "'a '"], different: [["X'00FF'", "X'01FF'"]] },
  {
    name: 'varbinary',
    ...same('VARBINARY(300)'),
    equal: ["X'00FF20'", "''", "X'FE'"],
    different: [
      ["X'FF'", "X'FF00'"],
      ["''", 'NULL'],
      ["'a'", "'a '"],
      ["X'FE'", 'NULL'],
    ],
  },
  {
    name: 'short varbinary',
    ...same('VARBINARY(16)'),
    equal: ["X'FEFF'", "''"],
    different: [
      ["X'FE'", 'NULL'],
      ["X'FF'", "X'FE'"],
    ],
  },
  {
    name: 'blob',
    ...same('MEDIUMBLOB'),
    equal: ["REPEAT(X'00FF', 100000)", "''", 'NULL'],
    different: [
      ["REPEAT(X'00FF', 100000)", "CONCAT(REPEAT(X'00FF', 99999), X'00FE')"],
      ["''", 'NULL'],
    ],
  },
  {
    name: 'blobs of other sizes',
    source: 'TINYBLOB',
    target: 'BLOB',
    equal: ["X'00FF20'", "''", 'NULL'],
    different: [
      ["X'00'", "X'01'"],
      ["''", 'NULL'],
    ],
  },
  {
    name: 'large blob',
    ...same('LONGBLOB'),
    equal: ["REPEAT(X'00', 70000)"],
    different: [["REPEAT(X'00', 70000)", "REPEAT(X'00', 65536)"]],
  },
  {
    name: 'json',
    mysqlOnly: true,
    ...same('JSON'),
    equal: [
      [
        json('{ "b" : 1, "aa":[1.0,true,null], "c":{"y":"\\\\u00e9","x":"\\\\/"} }'),
        json('{"aa":[1,true,null],"b":1.0,"c":{"x":"/","y":"é"}}'),
      ],
      [
        json('[9007199254740993, 18446744073709551615, -0, 1e2, 0.30000000000000004, 123456789012345678901234]'),
        json('[9007199254740993, 18446744073709551615, 0, 100, 0.30000000000000004, 123456789012345678901234]'),
      ],
      json('{"__proto__": 1, "10": 2, "9": 3}'),
      json('"text"'),
      json('null'),
      json('{}'),
      'NULL',
    ],
    different: [
      [json('{"a":1}'), json('{"a":2}')],
      [json('[1,2]'), json('[2,1]')],
      [json('[9007199254740993]'), json('[9007199254740992]')],
      [json('null'), 'NULL'],
      [json('"1"'), json('1')],
      [json('{}'), json('[]')],
      [json('{"a":null}'), json('{}')],
      [json('"é"'), json('"e"')],
      [json('[0.1]'), json('[0.10000000000000002]')],
    ],
  },
  {
    name: 'generated',
    source: 'INT, W INT AS (V * 2) VIRTUAL',
    target: 'INT, W INT AS (V * 2) STORED',
    equal: ['1', 'NULL'],
    different: [],
  },
  {
    name: 'generated by another expression',
    source: 'INT, W INT AS (V * 2) STORED',
    target: 'INT, W INT AS (V * V) VIRTUAL',
    equal: ['2', '0', 'NULL'],
    different: [['3', '3']],
    columns: ['W'],
  },
  {
    name: 'invisible',
    source: 'INT INVISIBLE',
    target: 'INT INVISIBLE',
    equal: ['1', 'NULL'],
    different: [['1', '2']],
  },
];
