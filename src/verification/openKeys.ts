import { createHash } from 'node:crypto';
import { parseColumnType } from '../adapters/comparison/columnType.ts';
import type { TableShape } from '../ports/place.ts';
import type { Mismatch } from './result.ts';

/** Families of key columns whose values say nothing of a person: ids, counters and dates. */
const OPEN: ReadonlySet<string> = new Set(['exact', 'real', 'date', 'time', 'moment']);

/**
 * The mismatches as everybody may read them. A key of text or bytes can be a customer's own data (a telephone number, a
 * name): a digest stands for it, the same for the same value. Numbers and dates stay, so that a row can be looked up.
 */
export function withOpenKeys(mismatches: readonly Mismatch[], shapes: readonly TableShape[]): Mismatch[] {
  return mismatches.map((mismatch) => {
    const columns = shapes.find(({ table }) => table === mismatch.table)?.columns ?? [];
    const isOpen = (name: string) => {
      const shape = columns.find((column) => column.name.toLowerCase() === name.toLowerCase());
      return shape !== undefined && OPEN.has(parseColumnType(shape)?.family ?? '');
    };
    const entries = Object.entries(mismatch.key).map(([name, value]) => [name, isOpen(name) ? value : digestOf(value)]);
    return { ...mismatch, key: Object.fromEntries(entries) };
  });
}

function digestOf(value: string): string {
  return `sha256:${createHash('sha256').update(value).digest('hex').slice(0, 16)}`;
}
