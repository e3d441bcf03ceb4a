import type { Key, KeyRange } from '../../verification/chunks.ts';
import type { KeyPart } from './keyPart.ts';

/** SQL condition for a range of keys; empty for the whole table. */
export function rangeCondition(parts: readonly KeyPart[], range: KeyRange): string {
  const conditions = [
    ...(range.after === null ? [] : [beyond(parts, range.after, '>', '>')]),
    ...(range.upTo === null ? [] : [beyond(parts, range.upTo, '<', '<=')]),
  ];
  return conditions.map((condition) => ` AND ${condition}`).join('');
}

/** SQL condition for one row. */
export function keyCondition(parts: readonly KeyPart[], key: Key): string {
  return `(${parts.map((part, i) => `${part.column} = ${literalAt(parts, key, i)}`).join(' AND ')})`;
}

/**
 * Lexicographic comparison, written out: `(a, b) > (1, 2)` is right, but the servers do not use an index for it. The
 * first column's bound is repeated outside so that it is one range and not a union of them.
 */
function beyond(parts: readonly KeyPart[], key: Key, operator: '<' | '>', lastOperator: string): string {
  const cases = parts.map((part, i) => {
    const equal = parts.slice(0, i).map((before, j) => `${before.column} = ${literalAt(parts, key, j)}`);
    const last = i === parts.length - 1;
    return [...equal, `${part.column} ${last ? lastOperator : operator} ${literalAt(parts, key, i)}`].join(' AND ');
  });
  if (cases.length === 1) return cases.join('');
  const first = `${parts[0]?.column} ${operator}= ${literalAt(parts, key, 0)}`;
  return `${first} AND (${cases.map((one) => `(${one})`).join(' OR ')})`;
}

function literalAt(parts: readonly KeyPart[], key: Key, index: number): string {
  const value = key[index];
  const part = parts[index];
  if (value === undefined || part === undefined) throw new TypeError(`the key has no part ${index}`);
  return part.literal(value);
}
