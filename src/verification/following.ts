import { differingColumns, type RowLook } from './lookAtRows.ts';

/** Looks in a row that have to speak against it: one could have met a value that went and came back. */
const PROOFS = 2;
/** Looks after which a row that changed on both sides between any two of them counts as one that is carried. */
const MOST_LOOKS = 20;

/** What is known of a row that was not the same on both sides. */
export interface Suspicion {
  /** How the row was on the side that leads, and on the one that follows, at the last look; null before the first. */
  readonly last: { readonly leading: string; readonly following: string } | null;
  /** Looks in a row that the lag does not explain. */
  readonly proofs: number;
  readonly looks: number;
}

export const SUSPECTED: Suspicion = { last: null, proofs: 0, looks: 0 };

/**
 * Judges a row by one more look, made after everything that the leading side had at the last look has arrived at the
 * following one. Then one of two things is left unexplained: the leading side has not changed and the other is not like
 * it, or the following side has not changed and so has not taken what it was behind by. A row that changes on both
 * sides all the time is being carried.
 */
export function judge(
  suspicion: Suspicion,
  look: RowLook,
  leads: 'source' | 'target',
): 'agrees' | 'differs' | Suspicion {
  const leading = text(look[leads]);
  const following = text(look[leads === 'source' ? 'target' : 'source']);
  if (leading === following) return 'agrees';
  const { last } = suspicion;
  const unexplained = last !== null && (last.leading === leading || last.following === following);
  const proofs = unexplained ? suspicion.proofs + 1 : 0;
  const looks = suspicion.looks + 1;
  if (proofs >= PROOFS) return 'differs';
  return looks >= MOST_LOOKS && proofs === 0 ? 'agrees' : { last: { leading, following }, proofs, looks };
}

/** Kind and columns of a row that differs. */
export function describeLook(look: RowLook): { kind: 'missing' | 'extra' | 'different'; columns: string[] } {
  const kind = look.target === null ? 'missing' : look.source === null ? 'extra' : 'different';
  return { kind, columns: differingColumns(look) };
}

function text(columns: Readonly<Record<string, string>> | null): string {
  return columns === null ? 'absent' : JSON.stringify(Object.entries(columns).sort(([a], [b]) => (a < b ? -1 : 1)));
}
