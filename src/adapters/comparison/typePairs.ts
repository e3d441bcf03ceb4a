import { type ColumnType, type Family, fractionOf, isLarge, scaleOf } from './columnType.ts';
import { realForm } from './realForm.ts';
import { identifier, utf8 } from './sqlText.ts';

/** How columns of two families are compared. */
export interface TypePair {
  readonly families: readonly [Family, Family];
  /** What counts as equal, in words. */
  readonly equal: string;
  /**
   * SQL for the column's value on its own side, so that equal values give equal bytes on both: the same for MariaDB
   * 10.x and MySQL 8.0 to 9.7. NULL stays NULL. Null where the values are compared by the controller.
   */
  readonly form: ((mine: ColumnType, other: ColumnType) => string) | null;
}

/** Longest byte string that is written out rather than digested. */
const INLINE_BYTES = 64;

/** What is compared how. A pair that is not listed, in either order, cannot be compared. */
export const TYPE_PAIRS: readonly TypePair[] = [
  {
    families: ['exact', 'exact'],
    equal: 'the same number; integers, decimals, BIT and YEAR alike, whatever their width, scale or ZEROFILL',
    form: exact,
  },
  {
    families: ['real', 'real'],
    equal: 'the same double, to the last bit, or the same text where digits are declared; 0 and -0 differ',
    form: (mine) => (decimalsOf(mine) === null ? realForm(mine.column) : identifier(mine.column)),
  },
  { families: ['date', 'date'], equal: 'the same date; zero dates as they are', form: plain },
  {
    families: ['time', 'time'],
    equal: 'the same time, to the microsecond',
    form: (mine, other) =>
      fractionOf(mine) === fractionOf(other)
        ? identifier(mine.column)
        : `TIME_FORMAT(${identifier(mine.column)}, '%H:%i:%s.%f')`,
  },
  {
    families: ['moment', 'moment'],
    equal: 'the same date and time in UTC, to the microsecond; DATETIME and TIMESTAMP alike',
    form: (mine, other) =>
      fractionOf(mine) === fractionOf(other)
        ? identifier(mine.column)
        : `DATE_FORMAT(${identifier(mine.column)}, '%Y-%m-%d %H:%i:%s.%f')`,
  },
  {
    families: ['text', 'text'],
    equal: 'the same characters, whatever the character set; case, accents and trailing spaces of VARCHAR count',
    form: (mine, other) => {
      const value = utf8(mine.column, mine.characterSet);
      return isLarge(mine) || isLarge(other) ? `SHA2(${value}, 256)` : value;
    },
  },
  {
    families: ['bytes', 'bytes'],
    equal: 'the same bytes',
    form: (mine, other) =>
      isInline(mine) && isInline(other) ? `HEX(${identifier(mine.column)})` : `SHA2(${identifier(mine.column)}, 256)`,
  },
  {
    families: ['json', 'json'],
    equal: 'the same document: order of keys, white space, escapes and 1.0 versus 1 do not count',
    form: null,
  },
  // MariaDB's JSON is LONGTEXT.
  { families: ['json', 'text'], equal: 'the same document, as between two JSON columns', form: null },
];

/** The rule for two columns; undefined where they cannot be compared. */
export function typePairOf(source: ColumnType, target: ColumnType): TypePair | undefined {
  if (!fitsDecimal(source, target) || !sameDecimals(source, target)) return undefined;
  return TYPE_PAIRS.find(
    ({ families: [one, other] }) =>
      (one === source.family && other === target.family) || (one === target.family && other === source.family),
  );
}

function plain(mine: ColumnType): string {
  return identifier(mine.column);
}

function exact(mine: ColumnType, other: ColumnType): string {
  const column = identifier(mine.column);
  // BIT is bytes and YEAR and ZEROFILL have zeros in front, unless they are calculated with.
  const number = mine.zerofill || mine.base === 'bit' || mine.base === 'year' ? `(${column} + 0)` : column;
  const scale = Math.max(scaleOf(mine), scaleOf(other));
  return scaleOf(mine) === scaleOf(other) ? number : `CAST(${number} AS DECIMAL(65, ${scale}))`;
}

/** True unless bringing both to the larger scale would need more than the 65 digits there are. */
function fitsDecimal(source: ColumnType, target: ColumnType): boolean {
  if (source.family !== 'exact' || target.family !== 'exact' || scaleOf(source) === scaleOf(target)) return true;
  const scale = Math.max(scaleOf(source), scaleOf(target));
  return [source, target].every((type) => integerDigits(type) + scale <= 65);
}

/**
 * A DOUBLE(20,4) holds a double that is near the four digits, not always the nearest: with a plain DOUBLE at the other
 * side nobody could say what is equal.
 */
function sameDecimals(source: ColumnType, target: ColumnType): boolean {
  if (source.family !== 'real' || target.family !== 'real') return true;
  const declared = decimalsOf(source);
  return declared === decimalsOf(target) && (declared === null || source.zerofill === target.zerofill);
}

/** Declared digits behind the point of a FLOAT or DOUBLE; null without. */
function decimalsOf(type: ColumnType): number | null {
  return type.sizes[1] ?? null;
}

function integerDigits(type: ColumnType): number {
  // An unsigned BIGINT has twenty.
  return type.base === 'decimal' || type.base === 'numeric' ? (type.sizes[0] ?? 10) - scaleOf(type) : 20;
}

function isInline(type: ColumnType): boolean {
  return (type.base === 'binary' || type.base === 'varbinary') && (type.sizes[0] ?? 1) <= INLINE_BYTES;
}
