import type { ColumnDefinition } from '../sql/ast.ts';
import { bytesOf, textOf, type Value } from '../sql/value.ts';
import { sqlErrors } from '../sqlError.ts';

export type ColumnKind = 'integer' | 'decimal' | 'real' | 'time' | 'text' | 'bytes' | 'enum';

export interface Column extends ColumnDefinition {
  readonly kind: ColumnKind;
}

const KINDS: Readonly<Record<string, ColumnKind>> = {
  tinyint: 'integer',
  smallint: 'integer',
  mediumint: 'integer',
  int: 'integer',
  bigint: 'integer',
  decimal: 'decimal',
  float: 'real',
  double: 'real',
  date: 'time',
  datetime: 'time',
  timestamp: 'time',
  char: 'text',
  varchar: 'text',
  text: 'text',
  mediumtext: 'text',
  longtext: 'text',
  enum: 'enum',
  blob: 'bytes',
  mediumblob: 'bytes',
  longblob: 'bytes',
  varbinary: 'bytes',
};

export function columnOf(definition: ColumnDefinition): Column {
  const kind = KINDS[definition.base];
  if (kind === undefined) throw new Error(`the simulated server has no columns of type ${definition.type}`);
  return { ...definition, kind };
}

/** The value as the column keeps it; throws as a strict server does. */
export function coerce(column: Column, value: Value): Value {
  if (value === null) {
    if (!column.nullable) throw sqlErrors.notNull(column.name);
    return null;
  }
  switch (column.kind) {
    case 'integer':
      return integer(column, value);
    case 'decimal':
      return decimal(textOf(value), column.sizes[1] ?? 0);
    case 'real':
      return Number(textOf(value));
    case 'time':
      return time(column, textOf(value));
    case 'bytes':
      return bytesOf(value);
    case 'enum':
      if (!column.type.includes(`'${textOf(value)}'`)) throw sqlErrors.truncated(column.name);
      return textOf(value);
    case 'text': {
      const text = textOf(value);
      const longest = column.sizes[0];
      if (longest !== undefined && [...text].length > longest) throw sqlErrors.tooLong(column.name);
      return text;
    }
  }
}

function integer(column: Column, value: Exclude<Value, null>): number | bigint {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  const text = textOf(value).replace(/\.0*$/, '');
  if (!/^-?\d+$/.test(text)) throw sqlErrors.truncated(column.name);
  const exact = BigInt(text);
  const number = Number(exact);
  return Number.isSafeInteger(number) ? number : exact;
}

function decimal(text: string, scale: number): string {
  const [whole = '0', fraction = ''] = text.split('.');
  return scale === 0 ? whole : `${whole}.${fraction.padEnd(scale, '0').slice(0, scale)}`;
}

function time(column: Column, text: string): string {
  if (column.base === 'date') return text.slice(0, 10);
  const match = /^(\d{4}-\d\d-\d\d)(?: (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?)?$/.exec(text);
  if (match === null) throw sqlErrors.truncated(column.name);
  const digits = column.sizes[0] ?? 0;
  const seconds = `${match[1]} ${match[2] ?? '00:00:00'}`;
  return digits === 0 ? seconds : `${seconds}.${(match[3] ?? '').padEnd(digits, '0').slice(0, digits)}`;
}
