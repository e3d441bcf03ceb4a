import type { ColumnShape } from '../../ports/place.ts';

/** Types that hold the same kind of value, whatever their size. */
export type Family = 'exact' | 'real' | 'date' | 'time' | 'moment' | 'text' | 'bytes' | 'json';

/** A column's type, taken apart. */
export interface ColumnType {
  readonly column: string;
  readonly family: Family;
  /** First word of the type, as in `varchar`. */
  readonly base: string;
  /** Numbers in parentheses: length, precision and scale, or digits of a second's fraction. */
  readonly sizes: readonly number[];
  readonly zerofill: boolean;
  readonly nullable: boolean;
  readonly characterSet: string | null;
  /** As information_schema writes it. */
  readonly text: string;
}

const FAMILIES: Readonly<Record<string, Family>> = {
  tinyint: 'exact',
  smallint: 'exact',
  mediumint: 'exact',
  int: 'exact',
  integer: 'exact',
  bigint: 'exact',
  decimal: 'exact',
  numeric: 'exact',
  bit: 'exact',
  year: 'exact',
  float: 'real',
  double: 'real',
  real: 'real',
  date: 'date',
  time: 'time',
  datetime: 'moment',
  timestamp: 'moment',
  char: 'text',
  varchar: 'text',
  tinytext: 'text',
  text: 'text',
  mediumtext: 'text',
  longtext: 'text',
  enum: 'text',
  set: 'text',
  uuid: 'text',
  inet4: 'text',
  inet6: 'text',
  binary: 'bytes',
  varbinary: 'bytes',
  tinyblob: 'bytes',
  blob: 'bytes',
  mediumblob: 'bytes',
  longblob: 'bytes',
  json: 'json',
};

/** Every type that can be compared, by its first word. */
export const COMPARABLE_TYPES: readonly string[] = Object.keys(FAMILIES);

/** Takes a column's type apart; null for a type that cannot be compared (spatial types, vectors). */
export function parseColumnType(shape: ColumnShape): ColumnType | null {
  const match = /^([a-z0-9]+)\s*(?:\(([^)]*)\))?(.*)$/is.exec(shape.type);
  const base = match?.[1]?.toLowerCase() ?? '';
  const family = Object.hasOwn(FAMILIES, base) ? FAMILIES[base] : undefined;
  if (family === undefined) return null;
  const named = base === 'enum' || base === 'set';
  return {
    column: shape.name,
    family,
    base,
    sizes: named || match?.[2] === undefined ? [] : match[2].split(',').map(Number),
    zerofill: !named && /\bzerofill\b/i.test(match?.[3] ?? ''),
    nullable: shape.nullable,
    characterSet: shape.characterSet?.toLowerCase() ?? null,
    text: shape.type,
  };
}

/** Digits behind the point of an exact number. */
export function scaleOf(type: ColumnType): number {
  return type.base === 'decimal' || type.base === 'numeric' ? (type.sizes[1] ?? 0) : 0;
}

/** Digits of a second's fraction. */
export function fractionOf(type: ColumnType): number {
  return type.sizes[0] ?? 0;
}

/** True for a type whose values can be large: the comparison takes a digest of each and begins with small chunks. */
export function isLarge(type: ColumnType): boolean {
  return /^(text|mediumtext|longtext|blob|mediumblob|longblob|json)$/.test(type.base);
}
