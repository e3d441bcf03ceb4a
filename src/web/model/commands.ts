import type { MigrationStatus, PurgeState } from '../../service/status.ts';
import { phaseOf } from './states.ts';

/** One thing that may be done with a migration. */
export interface Command {
  readonly name: string;
  readonly label: string;
  /** Behind `/v1/migrations/ID/`. */
  readonly path: string;
  /** Under which `/v1/me` says the role it needs. */
  readonly role: string;
  readonly about: string;
  readonly needsReason: boolean;
  /** `final` cannot be taken back: the org's number is asked for. */
  readonly weight: 'light' | 'heavy' | 'final';
  readonly body?: Readonly<Record<string, unknown>>;
}

const light = { needsReason: false, weight: 'light' } as const;
const heavy = { needsReason: true, weight: 'heavy' } as const;
const final = { needsReason: true, weight: 'final' } as const;

const known: Readonly<Record<string, Omit<Command, 'name' | 'path' | 'role'> & Partial<Command>>> = {
  start: {
    label: 'Start',
    about: 'Preflight, snapshot and replication begin. Clients notice nothing; it stops at ready.',
    ...light,
  },
  approve: {
    label: 'Approve the flip',
    about:
      'The org’s writes wait at the proxies for a moment, then Aurora serves it. Until it is completed there is a way back.',
    needsReason: false,
    weight: 'heavy',
  },
  pause: {
    label: 'Pause',
    about: 'Stops at the next safe place, never inside a hold. The guards of an org on Aurora stay on.',
    ...light,
  },
  resume: { label: 'Resume', about: 'Goes on, or takes back a pause that has not taken effect yet.', ...light },
  retry: { label: 'Retry', about: 'Tries again what stopped.', ...light },
  rollback: {
    label: 'Roll back',
    about: 'The org goes back to BigDB with everything that was written meanwhile. Its writes wait for a moment.',
    ...heavy,
  },
  cancel: {
    label: 'Cancel the move',
    about: 'Ends the move: task, heartbeat and the org’s rows at Aurora are removed. BigDB goes on serving.',
    ...heavy,
  },
  complete: {
    label: 'Complete',
    about: 'The org stays on Aurora for good. The way back is given up: this cannot be undone.',
    ...final,
  },
  acceptLoss: {
    label: 'Roll back and accept the loss',
    about:
      'The org goes back to BigDB now. Rows that have not travelled are exported to a file and stay behind: this cannot be undone.',
    path: 'rollback',
    body: { acceptLoss: true },
    ...final,
  },
  verify: { label: 'Compare now', about: 'Both sides are compared row by row, while clients go on.', ...light },
  repairRows: {
    label: 'Copy rows that differ',
    about:
      'Rows that differ are copied from the side that serves the org to the other, and the sides are compared again.',
    path: 'repair-rows',
    ...heavy,
  },
  purge: {
    label: 'Purge the old rows',
    about:
      'The org’s rows at BigDB’s sites are deleted, chunk by chunk, where nothing stands against it: this cannot be undone.',
    ...final,
  },
  purgePause: { label: 'Pause the purge', about: 'Stops behind the chunk under way.', path: 'purge/pause', ...light },
  purgeResume: {
    label: 'Resume the purge',
    about: 'Goes on where it ended, once everything has been asked anew.',
    path: 'purge/resume',
    needsReason: false,
    weight: 'heavy',
  },
  purgeCancel: {
    label: 'Cancel the purge',
    about: 'Stops behind the chunk under way. What is deleted stays so.',
    path: 'purge/cancel',
    ...heavy,
  },
  acceptSchema: {
    label: 'Accept the schema',
    about: 'The schema as it is now counts as the one that the move rests on, once both sides have it.',
    path: 'schema/accept',
    needsReason: false,
    weight: 'heavy',
  },
};

/** The command of this name; null where this page does not know it. */
export function command(name: string): Command | null {
  const found = known[name];
  return found === undefined ? null : { name, path: name, role: name, ...found };
}

const compares: ReadonlySet<string> = new Set(['lagCheck', 'ready', 'soaking']);
const ofSchema: ReadonlySet<string> = new Set(['SCHEMA_DRIFT', 'SHAPES_DIFFER', 'TABLE_NOT_COMPARABLE']);
const order = [
  'start',
  'approve',
  'complete',
  'retry',
  'resume',
  'verify',
  'repairRows',
  'acceptSchema',
  'pause',
  'rollback',
  'cancel',
  'purgeResume',
  'purgePause',
  'purge',
  'purgeCancel',
];

/** What may be done about a completed org's old rows, by how far that is. */
const ofPurge: Readonly<Record<PurgeState | 'none', readonly string[]>> = {
  none: ['purge'],
  cancelled: ['purge'],
  running: ['purgePause', 'purgeCancel'],
  paused: ['purgeResume', 'purgeCancel'],
  stopped: ['purgeResume', 'purgeCancel'],
  done: [],
};

/** What the state allows, first what leads on. What a way back that stopped offers is not here: it has words of its own. */
export function commandsOf(status: MigrationStatus): readonly Command[] {
  // Nobody here knows what would be right.
  if (status.serving === 'unknown') return [];
  const phase = phaseOf(status.state);
  const names = new Set<string>(status.allowed);
  // One that is not asked to pause has nothing to take back.
  if (names.has('pause') && !status.pauseRequested) names.delete('resume');
  if (status.pauseRequested) names.delete('pause');
  if (status.outcome === null && compares.has(phase)) {
    names.add('verify');
    if ((status.verification?.mismatches ?? 0) > 0) names.add('repairRows');
  }
  const drifted = phase === 'drifted' || ofSchema.has(status.reason?.code ?? '');
  if (status.outcome === null && drifted) names.add('acceptSchema');
  if (status.outcome === 'completed') for (const name of ofPurge[status.purge?.state ?? 'none']) names.add(name);
  for (const choice of status.wayBack?.choices ?? []) names.delete(choice.command);
  return [...names].sort((a, b) => order.indexOf(a) - order.indexOf(b)).flatMap((name) => command(name) ?? []);
}
