import type { DeadlineName, EffectName } from '../../statecharts/effects.ts';

/** What the machine wants with a step. */
export type StepAction =
  | { readonly type: 'ask' | 'drop'; readonly params: { readonly effect: EffectName } }
  | { readonly type: 'setDeadline'; readonly params: { readonly deadline: DeadlineName; readonly afterMs: number } }
  | { readonly type: 'clearDeadline'; readonly params: { readonly deadline: DeadlineName } };

/** Due times, epoch milliseconds of the store. */
export type Deadlines = Partial<Record<DeadlineName, number>>;

/** Effects that have not ended when the step is taken. */
export function askedAfter(running: Iterable<EffectName>, actions: readonly StepAction[]): EffectName[] {
  const asked = new Set(running);
  for (const action of actions) {
    if (action.type === 'drop') asked.delete(action.params.effect);
    if (action.type === 'ask') asked.add(action.params.effect);
  }
  return [...asked];
}

export function deadlinesAfter(before: Deadlines, actions: readonly StepAction[], storeNowMs: number): Deadlines {
  const deadlines = { ...before };
  for (const action of actions) {
    if (action.type === 'setDeadline') deadlines[action.params.deadline] = storeNowMs + action.params.afterMs;
    if (action.type === 'clearDeadline') delete deadlines[action.params.deadline];
  }
  return deadlines;
}

/** A state that was only passed through wants nothing: what it asks for is dropped again in the same step. */
export function isDroppedLater(actions: readonly StepAction[], index: number, effect: EffectName): boolean {
  return actions.slice(index).some((later) => later.type === 'drop' && later.params.effect === effect);
}
