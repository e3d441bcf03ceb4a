import type { Policy } from '../../statecharts/policy.ts';
import type { MigrationEvent } from '../../statecharts/setup.ts';
import { eventsDuring, keyOf, noWork, planned, type Snapshot, take, type Work } from './machine.ts';

export interface Edge {
  readonly event: MigrationEvent;
  readonly from: Visit;
  readonly to: Visit;
}

/** One state of the machine with all that decides its future, and the shortest way there. */
export interface Visit {
  readonly key: string;
  readonly snapshot: Snapshot;
  readonly work: Work;
  readonly path: readonly string[];
  readonly edges: Edge[];
}

/**
 * Walks everywhere that commands, results, deadlines and crashes can lead to, breadth first. An effect may answer what
 * it likes here; what is possible in the world is another model's business.
 */
export function walk(policy: Policy): readonly Visit[] {
  const visits = new Map<string, Visit>();
  const visit = (snapshot: Snapshot, work: Work, path: readonly string[]): Visit => {
    const key = keyOf(snapshot);
    const known = visits.get(key);
    if (known !== undefined) return known;
    const fresh: Visit = { key, snapshot, work, path, edges: [] };
    visits.set(key, fresh);
    queue.push(fresh);
    return fresh;
  };
  const queue: Visit[] = [];
  visit(planned(policy), noWork, []);
  for (let from = queue.shift(); from !== undefined; from = queue.shift()) {
    if (from.snapshot.status === 'done') continue;
    for (const event of [...eventsDuring(from.work), ...recoveryOf(from.snapshot)]) {
      if (!from.snapshot.can(event)) continue;
      const { snapshot, work } = take(from.snapshot, from.work, event);
      from.edges.push({ event, from, to: visit(snapshot, work, [...from.path, event.type]) });
    }
  }
  return [...visits.values()];
}

/** What a new owner says to what it finds in the journal; states in memory are never found. */
function recoveryOf(snapshot: Snapshot): readonly MigrationEvent[] {
  return isFoundInJournal(snapshot) && snapshot.hasTag('undecided') ? [{ type: 'recover' }] : [];
}

export function isFoundInJournal(snapshot: Snapshot): boolean {
  return !snapshot.hasTag('memory');
}
