import type { Estate } from '../estate/estate.ts';
import { type Contradiction, type Judged, judge } from './contradictions.ts';
import { type Journal, readJournal } from './journal.ts';
import { type Observed, seenValue } from './observed.ts';
import { lookAt, type Reality } from './reality.ts';

/** Journal and reality of one org, side by side. */
export interface Diagnosis extends Judged {
  readonly orgId: number;
  readonly journal: Observed<Journal>;
  readonly reality: Reality;
}

/** Wait before a second look where the first found something (milliseconds): longer than a step of a flip. */
const secondLookMs = 1_000;

/**
 * Reads the journal and looks at everything the org touches; changes nothing. While an owner is at work, what one look
 * finds may be a step on its way: then only what a second look finds too counts.
 */
export async function diagnose(
  estate: Estate,
  orgId: number,
  { twice = true }: { readonly twice?: boolean } = {},
): Promise<Diagnosis> {
  const first = await look(estate, orgId);
  const atWork = twice && seenValue(first.journal)?.ownerAlive === true;
  if (!atWork || first.contradictions.length === 0) return first;
  await estate.clock.sleep(secondLookMs);
  const second = await look(estate, orgId);
  const stood = (one: Contradiction) =>
    first.contradictions.some(({ code, where }) => code === one.code && where === one.where);
  return { ...second, contradictions: second.contradictions.filter(stood) };
}

async function look(estate: Estate, orgId: number): Promise<Diagnosis> {
  const journal = await readJournal(estate, orgId);
  const reality = await lookAt(estate, orgId);
  return { orgId, journal, reality, ...judge(journal, reality) };
}
