import { type StateView, type TransitionView, withInner } from './view.ts';

/** The states as a mermaid diagram. Transitions that do not leave their state are in the table only. */
export function mermaid(states: readonly StateView[]): string {
  const [first] = states;
  const lines = [
    'stateDiagram-v2',
    ...(first === undefined ? [] : [`  [*] --> ${idOf(first.path)}`]),
    ...states.flatMap((state) => declared(state, '  ')),
    ...states.flatMap(withInner).flatMap((state) => arrows(state, states)),
    ...states.filter(({ isFinal }) => isFinal).map(({ path }) => `  ${idOf(path)} --> [*]`),
  ];
  return lines.join('\n');
}

function declared(state: StateView, indent: string): readonly string[] {
  const id = idOf(state.path);
  const label = `${indent}state "${labelOf(state)}" as ${id}`;
  if (state.states.length === 0) return [label];
  return [
    `${label} {`,
    ...(state.initial === null ? [] : [`${indent}  [*] --> ${idOf(state.initial)}`]),
    ...state.states.flatMap((inner) => declared(inner, `${indent}  `)),
    `${indent}}`,
  ];
}

/** One arrow for each pair of states, with every event that leads that way. */
function arrows(state: StateView, states: readonly StateView[]): readonly string[] {
  const labels = new Map<string, string[]>();
  for (const transition of state.transitions) {
    if (transition.target === null) continue;
    const to = idOf(drawnTarget(state, transition.target, states));
    labels.set(to, [...(labels.get(to) ?? []), eventLabel(transition)]);
  }
  return [...labels].map(([to, events]) => `  ${idOf(state.path)} --> ${to} : ${together(events).join(' / ')}`);
}

/** Many failures that lead the same way are one. */
function together(events: readonly string[]): readonly string[] {
  const isFailure = (event: string) => event.endsWith('.failed');
  const named = events.filter((event) => !isFailure(event));
  return [...new Set(events.filter(isFailure).length > 2 ? ['any failure', ...named] : events)];
}

/** Mermaid draws no arrow from the inside of one composite state into another: it ends at the outer one. */
function drawnTarget(from: StateView, target: readonly string[], states: readonly StateView[]): readonly string[] {
  const outer = target.slice(0, 1);
  const isComposite = states.some(({ path, states: inner }) => path[0] === from.path[0] && inner.length > 0);
  return target.length > 1 && isComposite && from.path[0] !== target[0] ? outer : target;
}

function labelOf(state: StateView): string {
  return state.path.at(-1) ?? '';
}

function eventLabel({ event, guard }: TransitionView): string {
  const condition = guard === null ? '' : `[${guard}]`;
  return [event, condition].filter((part) => part !== null && part !== '').join(' ') || 'else';
}

function idOf(path: readonly string[]): string {
  return path.join('_');
}
