import type { ColumnType } from './columnType.ts';
import { fractionOf, scaleOf } from './columnType.ts';
import { realOf } from './realForm.ts';
import { identifier, utf8 } from './sqlText.ts';
import { typePairOf } from './typePairs.ts';

/** One key column on one side. */
export interface KeyPart {
  readonly column: string;
  /** SQL for the value as text, from which {@link literal} makes it again. */
  readonly read: string;
  /** SQL literal that the column can be compared and ordered with, by its index. Throws on a text it did not write. */
  readonly literal: (value: string) => string;
  /** SQL for the value's name, the same text on both sides for the same value. */
  readonly name: string;
  /** The value for people, from its name. */
  readonly describe: (name: string) => string;
  /** Both sides order the column alike when these are equal; null never is. */
  readonly order: string | null;
}

const NUMBER = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/;
const MOMENT = /^[\d:. -]+$/;
const HEX = /^([0-9A-F]{2})*$/;

/** A key column made readable in chunks; null for types that cannot be. */
export function keyPart(mine: ColumnType, other: ColumnType): KeyPart | null {
  const form = typePairOf(mine, other)?.form;
  if (form === undefined || form === null) return null;
  const column = identifier(mine.column);
  const base = { column, name: form(mine, other), describe: (name: string) => name };
  switch (mine.family) {
    case 'exact': {
      const read = `(${column} + 0)`;
      return { ...base, name: scaleOf(mine) === scaleOf(other) ? read : base.name, read, literal: number, order: 'n' };
    }
    case 'real':
      // Without an exponent the literal would be a DECIMAL, which a FLOAT never equals.
      return {
        ...base,
        // Not inside another expression, where its text would not be exact.
        read: `(${column} * 1e0)`,
        describe: (name) => String(realOf(name)),
        literal: (value) => (value.includes('e') ? number(value) : `${number(value)}e0`),
        order: 'n',
      };
    case 'date':
    case 'time':
    case 'moment':
      return {
        ...base,
        name: fractionOf(mine) === fractionOf(other) ? `CAST(${column} AS CHAR)` : base.name,
        read: `CAST(${column} AS CHAR)`,
        literal: moment,
        order: mine.family,
      };
    case 'bytes': {
      const hex = `HEX(${column})`;
      const padded = mine.base === 'binary' || other.base === 'binary';
      return {
        column,
        read: hex,
        name: hex,
        literal: bytes,
        describe: (name) => `0x${name}`,
        order: !padded || mine.text === other.text ? 'bytes' : null,
      };
    }
    case 'text': {
      const name = `HEX(${utf8(mine.column, mine.characterSet)})`;
      const text = { column, name, describe: (hex: string) => Buffer.from(hex, 'hex').toString('utf8') };
      if (mine.base === 'enum' || mine.base === 'set') {
        // Both servers order these by the member's number, whatever it is called.
        return { ...text, read: `(${column} + 0)`, literal: number, order: `${mine.text}/${other.text}`.toLowerCase() };
      }
      return {
        ...text,
        read: name,
        literal: (hex) => (hex === '' ? "_utf8mb4''" : `_utf8mb4 ${bytes(hex)}`),
        order: null,
      };
    }
    case 'json':
      return null;
  }
}

/** True when keys of one side cut the other side's rows at the same place. */
export function orderedAlike(source: readonly KeyPart[], target: readonly KeyPart[]): boolean {
  return source.every((part, i) => part.order !== null && part.order === target[i]?.order);
}

function number(value: string): string {
  return checked(NUMBER, value);
}

function moment(value: string): string {
  return `'${checked(MOMENT, value)}'`;
}

function bytes(value: string): string {
  return `X'${checked(HEX, value)}'`;
}

function checked(form: RegExp, value: string): string {
  if (!form.test(value)) throw new TypeError(`not a key value as it was read: ${JSON.stringify(value)}`);
  return value;
}
