import type { Announce } from '../ports/webhooks.ts';
import { type BodyFormat, bodyOf } from './bodies.ts';
import { type StateChange, stateChanges } from './events.ts';

/** What a hook wants to hear of. */
export interface Subscription {
  readonly name: string;
  readonly format: BodyFormat;
  readonly phases?: readonly string[] | undefined;
  readonly steps: boolean;
}

const phaseOf = (state: string) => state.split('.')[0] ?? state;

function wants({ phases, steps }: Subscription, { previous, state }: StateChange): boolean {
  if (phases !== undefined && !phases.includes(phaseOf(state))) return false;
  return steps || previous === null || phaseOf(previous) !== phaseOf(state);
}

/** Tells each hook what it subscribed to; null where there is none: then no step carries anything for them. */
export function announcer(hooks: readonly Subscription[]): Announce | null {
  if (hooks.length === 0) return null;
  return (announced) =>
    stateChanges(announced).flatMap((change) =>
      hooks
        .filter((hook) => wants(hook, change))
        .map(({ name, format }) => ({
          id: change.id,
          hook: name,
          migrationId: change.migrationId,
          body: bodyOf(format, change),
        })),
    );
}
