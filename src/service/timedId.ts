import type { Ids } from '../ports/ids.ts';

/** Ids sort by the time they were made: pages go on where the last one ended. */
export function timedId(prefix: 'm' | 'w', nowMs: number, ids: Ids): string {
  return `${prefix}-${nowMs.toString(36).padStart(9, '0')}-${ids.uuid().slice(0, 8)}`;
}
