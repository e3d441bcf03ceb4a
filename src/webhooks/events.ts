import { z } from 'zod';
import type { Announced } from '../ports/webhooks.ts';

/** A migration has come into a state: what webhooks are told. */
export interface StateChange {
  readonly id: string;
  /** ISO 8601 in UTC. */
  readonly at: string;
  readonly migrationId: string;
  readonly orgId: number;
  readonly homeRegion: string;
  /** The state that was left; null for a migration that was just created. */
  readonly previous: string | null;
  readonly state: string;
  readonly attempt: number | null;
  /** What led there, in words. */
  readonly message: string;
  /** Who gave the command that led there, and why; null where nobody did. */
  readonly actor: string | null;
  readonly note: string | null;
  /** Why it waits or failed; its details stay in the status. */
  readonly reason: { readonly code: string; readonly message: string; readonly remedy: string } | null;
}

const entryData = z.looseObject({
  previous: z.string().nullable().catch(null),
  actor: z.string().nullable().catch(null),
  reason: z.string().nullable().catch(null),
  failure: z.object({ code: z.string(), message: z.string(), remedy: z.string() }).nullable().catch(null),
});

/**
 * The state changes of a step, the states that lived in memory among them, in order. What its context says of a reason
 * belongs to the last of them.
 */
export function stateChanges({ context, entries }: Announced): readonly StateChange[] {
  const { migrationId, orgId, homeRegion } = context;
  const changes = entries.filter(({ type, data }) => type === 'state' || data.command === 'create');
  return changes.map(({ seq, atMs, state, attempt, message, data: raw }, index) => {
    const data = entryData.parse(raw);
    const reason = index === changes.length - 1 ? context.reason : data.failure;
    return {
      id: `${migrationId}.${seq}`,
      at: new Date(atMs).toISOString(),
      migrationId,
      orgId,
      homeRegion,
      previous: data.previous,
      state,
      attempt,
      message,
      actor: data.actor,
      note: data.reason,
      reason: reason === null ? null : { code: reason.code, message: reason.message, remedy: reason.remedy },
    };
  });
}
