import { type ActionView, type StateView, type TransitionView, withInner } from './view.ts';

/** What is under way in each state, and what its tags say. */
export function stateTable(states: readonly StateView[]): string {
  const rows = states.flatMap(withInner).map((state) => {
    const { asks, deadlines, others } = sorted(state.entry);
    return [code(nameOf(state.path)), state.tags.join(', '), codes(asks), codes(deadlines), others.join(', ')];
  });
  return table(['state', 'tags', 'effect asked', 'deadline set', 'also on entry'], rows);
}

/** Every transition, in the order in which candidates are tried. */
export function transitionTable(states: readonly StateView[]): string {
  const all = new Map(states.flatMap(withInner).map((state) => [nameOf(state.path), state]));
  const rows = [...all.values()].flatMap((state) =>
    state.transitions.map((transition) => [
      code(nameOf(state.path)),
      transition.event === null ? 'by itself' : code(transition.event),
      transition.guard ?? '',
      transition.target === null ? 'stays' : code(nameOf(transition.target)),
      transition.actions.map(phrase).join(', '),
      codes(asksOf(state, transition, all)),
    ]),
  );
  return table(['state', 'event', 'guard', 'target', 'actions', 'effects asked'], rows);
}

/** Effects that the states on the way in ask for; states that are active already are not entered again. */
function asksOf(from: StateView, { target }: TransitionView, all: ReadonlyMap<string, StateView>): readonly string[] {
  if (target === null) return [];
  const entered = target.map((_, index) => target.slice(0, index + 1)).filter((path) => !isWithin(from.path, path));
  let inner = all.get(nameOf(target));
  if (entered.length === 0) entered.push([...target]);
  for (let next = inner?.initial ?? null; next !== null; next = inner?.initial ?? null) {
    entered.push([...next]);
    inner = all.get(nameOf(next));
  }
  return entered.flatMap((path) => sorted(all.get(nameOf(path))?.entry ?? []).asks);
}

function isWithin(path: readonly string[], outer: readonly string[]): boolean {
  return outer.every((part, index) => path[index] === part);
}

function sorted(actions: readonly ActionView[]): { asks: string[]; deadlines: string[]; others: string[] } {
  const subjects = (type: string) =>
    actions.filter((action) => action.type === type).map(({ subject }) => subject ?? '');
  const others = actions.filter(({ type }) => type !== 'ask' && type !== 'setDeadline').map(phrase);
  return { asks: subjects('ask'), deadlines: subjects('setDeadline'), others };
}

function phrase({ type, subject }: ActionView): string {
  return subject === null ? type : `${type} ${subject}`;
}

function nameOf(path: readonly string[]): string {
  return path.join('.');
}

function code(text: string): string {
  return `\`${text}\``;
}

function codes(texts: readonly string[]): string {
  return texts.map(code).join(', ');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
