import type { FaultKind } from '../world/faults.ts';
import { faultKinds } from '../world/faults.ts';

/** What a run, or many, have come by. */
export interface Coverage {
  seeds: number;
  steps: number;
  flips: number;
  rollbacks: number;
  aborts: number;
  crashes: number;
  partitions: number;
  acknowledged: number;
  /** Orgs that share their route at every proxy in the end. */
  shared: number;
  /** How orgs ended. */
  readonly ends: Record<string, number>;
  /** Faults by the state that the journal of an org was in, and by the state it was in. */
  readonly faultsIn: Record<string, Partial<Record<FaultKind, number>>>;
  readonly faultsDuring: Record<string, Partial<Record<FaultKind, number>>>;
}

export function noCoverage(): Coverage {
  return {
    seeds: 0,
    steps: 0,
    flips: 0,
    rollbacks: 0,
    aborts: 0,
    crashes: 0,
    partitions: 0,
    acknowledged: 0,
    shared: 0,
    ends: {},
    faultsIn: {},
    faultsDuring: {},
  };
}

/** Adds what another run has come by. */
export function addCoverage(sum: Coverage, more: Coverage): void {
  for (const key of [
    'seeds',
    'steps',
    'flips',
    'rollbacks',
    'aborts',
    'crashes',
    'partitions',
    'acknowledged',
    'shared',
  ] as const) {
    sum[key] += more[key];
  }
  for (const [end, count] of Object.entries(more.ends)) sum.ends[end] = (sum.ends[end] ?? 0) + count;
  for (const table of ['faultsIn', 'faultsDuring'] as const) {
    for (const [state, faults] of Object.entries(more[table])) {
      for (const [kind, count] of Object.entries(faults)) countFault(sum[table], state, kind as FaultKind, count);
    }
  }
}

export function countFault(table: Coverage['faultsIn'], state: string, kind: FaultKind, count = 1): void {
  const row = table[state] ?? {};
  table[state] = row;
  row[kind] = (row[kind] ?? 0) + count;
}

/** The table of states and faults, as text. */
export function faultTable(table: Coverage['faultsIn']): string {
  const width = Math.max(10, ...Object.keys(table).map((state) => state.length));
  const head = ['state'.padEnd(width), ...faultKinds.map((kind) => kind.padStart(16))].join('');
  const lines = Object.entries(table)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([state, row]) =>
      [state.padEnd(width), ...faultKinds.map((kind) => String(row[kind] ?? 0).padStart(16))].join(''),
    );
  return [head, ...lines].join('\n');
}
