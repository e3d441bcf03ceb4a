import { initialTransition, type SnapshotFrom, transition } from 'xstate';
import { policyDefaults } from '../../src/config/index.ts';
import type { DeadlineName, EffectName, EffectOutputs, Failure } from '../../statecharts/effects.ts';
import { migrationMachine } from '../../statecharts/machine.ts';
import type { Policy } from '../../statecharts/policy.ts';
import type { CommandEvent, MigrationEvent } from '../../statecharts/setup.ts';

export type Snapshot = SnapshotFrom<typeof migrationMachine>;

export const commands: readonly CommandEvent['type'][] = [
  'start',
  'pause',
  'resume',
  'approve',
  'rollback',
  'complete',
  'cancel',
  'retry',
  'acceptLoss',
];

/** Every answer of an effect that the machine could tell from another one. */
export const outputs: { readonly [E in EffectName]: readonly EffectOutputs[E][] } = {
  preflight: [
    { refusals: 0, homeRegion: 'eu-west-2' },
    { refusals: 2, homeRegion: 'eu-west-2' },
  ],
  snapshot: [{ largestLobBytes: 4_096 }],
  'replication.reset': [{}],
  'replication.create': [{}],
  'replication.fullLoad': [{}],
  'replication.catchUp': [{}],
  'lag.check': [{ lagMs: 12 }],
  'lag.watch': [],
  'flip.prepare': [{}],
  'flip.hold': [{}],
  'flip.drain': [{}],
  'flip.fence': [{}],
  'flip.marker': [{}],
  'flip.pin': [{}],
  'flip.park': [{}],
  'flip.commit': [{ decision: 'commit' }, { decision: 'abort' }],
  'flip.release': [{}],
  'flip.abort': [{}],
  'flip.decide': [{ decision: 'commit' }, { decision: 'abort' }],
  'flip.settle': [{}],
  verify: [
    { outcome: 'equal', mismatches: 0 },
    { outcome: 'different', mismatches: 3 },
  ],
  'schema.watch': [{}],
  'verify.watch': [],
  'soak.watch': [],
  'reverse.catchUp': [{ lagMs: 8 }],
  'loss.export': [{}],
  'loss.detach': [{}],
  'loss.exportLast': [{}],
  complete: [{}],
  'clean.up': [{}],
};

export const someFailure: Failure = {
  code: 'TEST_FAILURE',
  message: 'the test says so',
  remedy: 'none needed',
  details: { by: 'the test' },
};

/** Bounded, so that walks end; the choices are those that the machine decides by. */
export function policyWith(choices: Partial<Policy> = {}): Policy {
  return {
    ...policyDefaults,
    approval: 'manual',
    completion: 'manual',
    onMismatch: 'rollback',
    flipTries: 2,
    flipBackoffMs: 1_000,
    flipBackoffMaxMs: 1_500,
    replicationTries: 2,
    ...choices,
  };
}

/** The choices that the machine decides by, each both ways. */
export const policies: readonly Policy[] = [
  policyWith(),
  policyWith({ completion: 'auto', onMismatch: 'alert' }),
  policyWith({ approval: 'auto', onMismatch: 'alert' }),
];

export function planned(policy: Policy): Snapshot {
  const [snapshot] = initialTransition(migrationMachine, {
    migrationId: 'm-test',
    orgId: 42,
    homeRegion: 'eu-west-2',
    policy,
    generationBefore: 0,
    attemptBefore: 0,
  });
  return snapshot;
}

/** The work that is under way in a state, as a driver keeps it. */
export interface Work {
  readonly asked: readonly EffectName[];
  readonly deadlines: readonly DeadlineName[];
}

export const noWork: Work = { asked: [], deadlines: [] };

interface WorkAction {
  readonly type: string;
  readonly params: { readonly effect: EffectName; readonly deadline: DeadlineName };
}

/** One step: the next snapshot, and the work that is under way after it. */
export function take(snapshot: Snapshot, work: Work, event: MigrationEvent): { snapshot: Snapshot; work: Work } {
  const [next, actions] = transition(migrationMachine, snapshot, event);
  const asked = new Set(work.asked);
  const deadlines = new Set(work.deadlines);
  for (const { type, params } of actions as unknown as WorkAction[]) {
    if (type === 'ask') asked.add(params.effect);
    if (type === 'drop') asked.delete(params.effect);
    if (type === 'setDeadline') deadlines.add(params.deadline);
    if (type === 'clearDeadline') deadlines.delete(params.deadline);
  }
  return { snapshot: next, work: { asked: [...asked].sort(), deadlines: [...deadlines].sort() } };
}

export function done<E extends EffectName>(effect: E, output: EffectOutputs[E]): MigrationEvent {
  return { type: `${effect}.done`, output } as unknown as MigrationEvent;
}

export function failed(effect: EffectName, failure: Failure = someFailure): MigrationEvent {
  return { type: `${effect}.failed`, failure } as MigrationEvent;
}

/** Failures of an effect that the machine could tell from each other. */
function failuresOf(effect: EffectName): readonly MigrationEvent[] {
  const drifts = effect === 'flip.prepare' || effect === 'lag.watch';
  return [failed(effect), ...(drifts ? [failed(effect, { ...someFailure, code: 'SCHEMA_DRIFT' })] : [])];
}

/** Everything that can happen while `work` is under way: commands, results, deadlines. */
export function eventsDuring(work: Work): readonly MigrationEvent[] {
  return [
    ...commands.map((type): MigrationEvent => ({ type })),
    ...work.asked.flatMap((effect) => [
      ...outputs[effect].map((output) => done(effect, output)),
      ...failuresOf(effect),
    ]),
    ...work.deadlines.map((deadline): MigrationEvent => ({ type: `deadline.${deadline}` })),
  ];
}

/** The state's path with every level: `flipping.undecided.hold`. */
export function fullName(snapshot: Snapshot): string {
  const parts: string[] = [];
  let rest: unknown = snapshot.value;
  while (typeof rest === 'object' && rest !== null) {
    const [entry] = Object.entries(rest);
    if (entry === undefined) break;
    parts.push(entry[0]);
    rest = entry[1];
  }
  return [...parts, String(rest)].join('.');
}

/**
 * What of a snapshot decides its future. Numbers that only ever grow and the reason decide nothing; beyond the policy's
 * bound one count of tries is like another.
 */
export function keyOf(snapshot: Snapshot): string {
  const { context } = snapshot;
  const { policy } = context;
  return [
    fullName(snapshot),
    context.direction,
    Math.min(context.tries, policy.flipTries),
    Math.min(context.replicationTries, policy.replicationTries),
    context.serving,
    context.approved,
    context.pauseRequested,
    context.returnRequested,
    context.verified,
    context.lossAccepted,
    context.stays,
    context.resumeAt,
    context.outcome,
  ].join(' ');
}
