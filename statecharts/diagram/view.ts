import { initialContext, type MigrationContext } from '../context.ts';
import { migrationMachine } from '../machine.ts';
import type { Policy } from '../policy.ts';

/** The machine as the diagram shows it: plain data, in the order of the source. */
export interface StateView {
  readonly path: readonly string[];
  readonly isFinal: boolean;
  readonly tags: readonly string[];
  /** Path of the state that is entered inside; null where there is none. */
  readonly initial: readonly string[] | null;
  readonly entry: readonly ActionView[];
  readonly exit: readonly ActionView[];
  readonly transitions: readonly TransitionView[];
  readonly states: readonly StateView[];
}

export interface TransitionView {
  /** Null for one that is taken by itself. */
  readonly event: string | null;
  readonly guard: string | null;
  /** Null where the state is not left. */
  readonly target: readonly string[] | null;
  readonly actions: readonly ActionView[];
}

export interface ActionView {
  readonly type: string;
  /** What it is done with, in one word: an effect, a deadline, a side, an end. */
  readonly subject: string | null;
}

/** What is read of the machine's own nodes: its type carries far more. */
interface Node {
  readonly path: readonly string[];
  readonly type: string;
  readonly tags: readonly string[];
  readonly entry: readonly unknown[];
  readonly exit: readonly unknown[];
  readonly transitions: ReadonlyMap<string, readonly Candidate[]>;
  readonly always?: readonly Candidate[] | undefined;
  readonly states: Readonly<Record<string, Node>>;
  readonly initial: { readonly target?: readonly Node[] | undefined };
}
interface Candidate {
  readonly guard?: unknown;
  readonly target?: readonly Node[] | undefined;
  readonly actions: readonly unknown[];
}

/** The top-level states, in order. */
export function viewOfMachine(): readonly StateView[] {
  const root = migrationMachine.root as unknown as Node;
  return Object.values(root.states).map(viewOf);
}

function viewOf(node: Node): StateView {
  const always = (node.always ?? []).map((candidate) => transitionOf(null, candidate));
  const events = [...node.transitions].flatMap(([event, candidates]) =>
    candidates.map((candidate) => transitionOf(event, candidate)),
  );
  return {
    path: node.path,
    isFinal: node.type === 'final',
    tags: node.tags,
    initial: node.type === 'compound' ? (node.initial.target?.[0]?.path ?? null) : null,
    entry: node.entry.map(actionOf),
    exit: node.exit.map(actionOf),
    transitions: [...always, ...events],
    states: Object.values(node.states).map(viewOf),
  };
}

function transitionOf(event: string | null, { guard, target, actions }: Candidate): TransitionView {
  return { event, guard: guardOf(guard), target: target?.[0]?.path ?? null, actions: actions.map(actionOf) };
}

function guardOf(guard: unknown): string | null {
  if (guard === undefined) return null;
  const { type, subject } = named(guard, 'guard');
  return subject === null ? type : `${type} ${subject}`;
}

function actionOf(action: unknown): ActionView {
  return named(action, 'action');
}

/** Guards and actions have names, so that the table can say them. */
function named(thing: unknown, kind: string): ActionView {
  if (typeof thing === 'string') return { type: thing, subject: null };
  const { type, params } = thing as { type?: unknown; params?: unknown };
  if (typeof type !== 'string') throw new TypeError(`the machine has a ${kind} without a name`);
  const given = typeof params === 'function' ? params({ context: sampleContext }) : params;
  const [subject] = Object.values((given ?? {}) as Record<string, unknown>);
  return { type, subject: subject === undefined ? null : String(subject) };
}

/** For parameters that are computed: their names do not depend on it, and their figures are not shown. */
const sampleContext: MigrationContext = initialContext({
  migrationId: '',
  orgId: 0,
  homeRegion: '',
  generationBefore: 0,
  attemptBefore: 0,
  policy: {} as Policy,
});

/** The state and everything inside it, outermost first. */
export function withInner(state: StateView): readonly StateView[] {
  return [state, ...state.states.flatMap(withInner)];
}
