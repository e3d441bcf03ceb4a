import { stateName } from '../driver/stateName.ts';
import { CommandNotAllowedError, VerificationStaleError } from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import type { MigrationRow, NewTimelineEvent } from '../ports/store.ts';
import { ageMs, figuresOf, readVerification, requestVerification, whyNotProven } from '../proof/record.ts';
import type { Actor, CommandName } from './status.ts';

/** Phases in which the owner looks whether a comparison is wanted. */
const compares: ReadonlySet<string> = new Set(['lagCheck', 'ready', 'soaking']);

/** Steps that rest on a comparison, by the state in which they do. What comes later, the effects ask for themselves. */
const restsOnProof: Readonly<Partial<Record<CommandName, string>>> = { approve: 'ready', complete: 'soaking' };

const phaseOf = (row: MigrationRow) => row.state.split('.')[0] ?? row.state;

/** Throws `VerificationStaleError` where the command rests on a comparison and none counts. */
export async function assertProofCounts(estate: Estate, row: MigrationRow, command: CommandName): Promise<void> {
  if (restsOnProof[command] !== phaseOf(row)) return;
  const { context } = row.journal;
  const last = await readVerification(estate.store, row.id);
  const nowMs = estate.clock.nowMs();
  const why = whyNotProven(last, context, nowMs);
  if (why === null) return;
  throw new VerificationStaleError(row.orgId, why, {
    at: last?.at ?? null,
    ageMs: last === null ? null : ageMs(last, nowMs),
    mostMs: figuresOf(context.policy).verificationMaxAgeMs,
    mismatches: last?.mismatches ?? null,
  });
}

/** Asks for a comparison, and for the repair of what differs, which the owner sees in the store. Throws `CommandNotAllowedError` where nobody would look. */
export async function verifyOf(
  estate: Estate,
  row: MigrationRow,
  reason: string | undefined,
  actor: Actor,
  repair: boolean,
): Promise<void> {
  if (row.ended || !compares.has(phaseOf(row)))
    throw new CommandNotAllowedError(repair ? 'repair-rows' : 'verify', row.state, []);
  const nowMs = estate.clock.nowMs();
  const command = repair ? 'repair-rows' : 'verify';
  const what = repair ? 'a repair of rows that differ' : 'a comparison';
  await estate.store.note(row.id, [commandNote(row, command, what, reason, actor, nowMs)]);
  await requestVerification(estate.store, row.id, { at: new Date(nowMs).toISOString(), by: actor.name, repair });
}

/** Who asked for what, for the timeline. */
export function commandNote(
  row: MigrationRow,
  command: string,
  what: string,
  reason: string | undefined,
  actor: Actor,
  atMs: number,
): NewTimelineEvent {
  return {
    atMs,
    type: 'command',
    state: stateName(row.journal.value),
    attempt: row.journal.context.attempt || null,
    message: `${what} asked for by ${actor.name}${reason === undefined ? '' : `: ${reason}`}`,
    data: { command, actor: actor.name, from: actor.from, reason: reason ?? null },
  };
}
