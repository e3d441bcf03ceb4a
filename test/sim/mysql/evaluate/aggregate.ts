import type { Expression } from '../sql/ast.ts';
import { compare, keyText, numberOf, type Value } from '../sql/value.ts';
import type { Environment, Evaluate } from './environment.ts';

/** A function over the rows of the group at hand. */
export function aggregate(
  { name, distinct }: Extract<Expression, { kind: 'aggregate' }>,
  arg: Evaluate | null,
): Evaluate {
  return (environment) => {
    const { group } = environment;
    if (group === null) throw new Error(`${name} has no group of rows`);
    if (arg === null) return group.length;
    const values = valuesOf(environment, group, arg, distinct);
    if (name === 'COUNT') return values.length;
    if (name === 'BIT_XOR') return xor(values);
    if (values.length === 0) return null;
    // The driver gives sums as text: they are decimals.
    if (name === 'SUM') return String(values.reduce<number>((sum, value) => sum + numberOf(value), 0));
    const wanted = name === 'MAX' ? 1 : -1;
    return values.reduce((best, value) => (Math.sign(compare(value, best) ?? 0) === wanted ? value : best));
  };
}

/** In 64 bits. */
function xor(values: readonly Exclude<Value, null>[]): Value {
  const all = values.reduce<bigint>(
    (sum, value) => sum ^ BigInt(typeof value === 'bigint' ? value : numberOf(value)),
    0n,
  );
  return all <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(all) : all;
}

function valuesOf(
  environment: Environment,
  group: NonNullable<Environment['group']>,
  arg: Evaluate,
  distinct: boolean,
): readonly Exclude<Value, null>[] {
  const before = environment.cells;
  const values: Exclude<Value, null>[] = [];
  const seen = new Set<string>();
  for (const cells of group) {
    environment.cells = cells;
    const value = arg(environment);
    if (value === null) continue;
    const key = distinct ? keyText([value]) : '';
    if (distinct && seen.has(key)) continue;
    seen.add(key);
    values.push(value);
  }
  environment.cells = before;
  return values;
}
