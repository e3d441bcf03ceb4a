/** How a state looks: a tone with a mark of its own, so that the colour is never alone. */
export interface Tone {
  readonly name: 'idle' | 'run' | 'ask' | 'hot' | 'back' | 'good' | 'done' | 'bad';
  readonly mark: string;
}

const tones: Readonly<Record<string, Tone>> = {
  planned: { name: 'idle', mark: '○' },
  paused: { name: 'idle', mark: '‖' },
  ready: { name: 'ask', mark: '?' },
  drifted: { name: 'ask', mark: '?' },
  flipping: { name: 'hot', mark: '⇄' },
  verifying: { name: 'good', mark: '≟' },
  soaking: { name: 'good', mark: '◔' },
  completing: { name: 'good', mark: '◕' },
  completed: { name: 'done', mark: '✓' },
  rollingBack: { name: 'back', mark: '↩' },
  cleaningUp: { name: 'back', mark: '↩' },
  rolledBack: { name: 'idle', mark: '↩' },
  cancelled: { name: 'idle', mark: '×' },
  needsOperator: { name: 'bad', mark: '!' },
};
const running: Tone = { name: 'run', mark: '▸' };

export const phaseOf = (state: string): string => state.split('.')[0] ?? state;

export function toneOf(state: string): Tone {
  return tones[phaseOf(state)] ?? running;
}

/** What serves an org, in words. */
export const servingText: Readonly<Record<string, string>> = {
  source: 'BigDB',
  cluster: 'Aurora',
  held: 'held',
  unknown: 'not known',
};

/** The path as people think of it: each stop with the phases of the machine that belong to it. */
const stops: readonly { readonly name: string; readonly phases: readonly string[] }[] = [
  { name: 'Planned', phases: ['planned'] },
  { name: 'Preflight', phases: ['preflight', 'preflightPassed'] },
  { name: 'Snapshot', phases: ['snapshot', 'snapshotTaken'] },
  { name: 'Replicate', phases: ['replicating'] },
  { name: 'Lag check', phases: ['lagCheck'] },
  { name: 'Ready', phases: ['ready', 'drifted'] },
  { name: 'Flip', phases: ['flipping'] },
  { name: 'Verify', phases: ['verifying'] },
  { name: 'Soak', phases: ['soaking'] },
  { name: 'Complete', phases: ['completing', 'completed'] },
];
const stopsBack: typeof stops = [
  { name: 'Flip back', phases: ['rollingBack'] },
  { name: 'Clean up', phases: ['cleaningUp'] },
  { name: 'Back at BigDB', phases: ['rolledBack', 'cancelled'] },
];

export interface Stop {
  readonly name: string;
  readonly is: 'past' | 'here' | 'ahead';
}

/**
 * Where an org is on the path. `visited` are the phases it has been in, in order. One that went back leaves the path at
 * the last stop it had; one that waits in a state beside the path stands where it was last.
 */
export function pathOf(state: string, visited: readonly string[]): readonly Stop[] {
  const all = [...visited, phaseOf(state)];
  const at = (path: typeof stops, phase: string) => path.findIndex(({ phases }) => phases.includes(phase));
  const turned = all.findLastIndex((phase) => at(stopsBack, phase) >= 0);
  const latest = (path: typeof stops, phases: readonly string[]) =>
    phases.reduce((found, phase) => (at(path, phase) >= 0 ? at(path, phase) : found), -1);
  const forward = latest(
    stops,
    turned < 0
      ? all
      : all.slice(
          0,
          all.findIndex((phase) => at(stopsBack, phase) >= 0),
        ),
  );
  // A way back that was given up leads to the path again.
  const isBack = turned >= 0 && latest(stops, all.slice(turned)) < 0;
  if (!isBack) {
    const here = latest(stops, all);
    return stops.map(({ name }, index) => ({ name, is: index < here ? 'past' : index === here ? 'here' : 'ahead' }));
  }
  const back = latest(stopsBack, all);
  return [
    ...stops.slice(0, forward + 1).map(({ name }) => ({ name, is: 'past' as const })),
    ...stopsBack.map(({ name }, index) => ({
      name,
      is: index < back ? ('past' as const) : index === back ? ('here' as const) : ('ahead' as const),
    })),
  ];
}
