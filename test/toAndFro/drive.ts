import { setTimeout as sleep } from 'node:timers/promises';
import { ApiRefusal, type LabApi } from '../../infra/lab/demo/api.ts';
import type { CommandName, MigrationStatus } from '../../src/service/status.ts';
import type { Random } from './random.ts';
import { randomStory, type Story } from './story.ts';

/** One move that has ended, with what was done to it. */
export interface Told {
  readonly story: Story;
  readonly status: MigrationStatus;
}

/** Time between two looks, and around a flip that is to be disturbed (milliseconds). */
const lookEveryMs = 100;
const lookCloselyEveryMs = 25;
const endsWithinMs = 450_000;
/** The phases in the order in which a move goes through them. */
const phases = [
  'planned',
  'preflight',
  'snapshot',
  'replicating',
  'lagCheck',
  'ready',
  'flipping',
  'held',
  'verifying',
  'soaking',
];
const aroundTheFlip: ReadonlySet<string> = new Set(['lagCheck', 'ready', 'flipping', 'held']);

/** Moves one org forward and back until it has been on the cluster `times` times; every move ends with the source serving. */
export async function toAndFro(api: LabApi, orgId: number, times: number, random: Random): Promise<Told[]> {
  const told: Told[] = [];
  for (let been = 0; been < times; ) {
    if (told.length >= 5 * times + 5) throw new Error(`org ${orgId} came to the cluster ${been} times only`);
    const story = randomStory(random);
    const status = await live(api, orgId, story);
    told.push({ story, status });
    if (status.attempts.some(({ direction, decision }) => direction === 'back' && decision === 'commit')) been += 1;
  }
  return told;
}

/** One move by its story, from its creation to its end. */
async function live(api: LabApi, orgId: number, story: Story): Promise<MigrationStatus> {
  const { approval, pause, back } = story;
  const { id } = await api.create(orgId, approval === 'atOnce' ? {} : { approval: 'manual' });
  await api.command(id, 'start');
  const deadlineMs = performance.now() + endsWithinMs;
  const since = new Map<string, number>();
  let paused: 'not yet' | { untilMs: number } | 'over' = pause === null ? 'over' : 'not yet';
  let backAsked = false;
  for (;;) {
    const status = await api.get(id);
    const phase = phaseOf(status);
    if (status.outcome !== null) return status;
    const stuck = `${id} of org ${orgId} is in ${status.state} (${JSON.stringify(story)}): ${JSON.stringify(status.reason)} ${status.waitsFor} ${JSON.stringify(status.findings)}`;
    if (phase === 'needsOperator') throw new Error(stuck);
    if (performance.now() > deadlineMs) throw new Error(`not ended in time: ${stuck}`);
    const now = performance.now();
    if (!since.has(phase)) since.set(phase, now);
    const inPhaseMs = now - (since.get(phase) ?? now);

    if (paused === 'not yet' && phase === pause?.phase && (await taken(api, id, 'pause'))) {
      paused = { untilMs: now + pause.forMs };
    } else if (typeof paused === 'object' && now >= paused.untilMs && (await taken(api, id, 'resume'))) {
      paused = 'over';
    }
    // An org that has passed the phase unseen is asked back from where it is.
    const [at, from] = [phases.indexOf(phase), phases.indexOf(back.phase)];
    const due = at > from || (at === from && inPhaseMs >= back.afterMs);
    if (!backAsked && due) backAsked = await taken(api, id, 'rollback');
    if (phase === 'ready' && (approval === 'atOnce' || inPhaseMs >= approval.afterMs)) await taken(api, id, 'approve');
    const closely = !backAsked && ['flipping', 'held'].includes(back.phase) && aroundTheFlip.has(phase);
    await sleep(closely ? lookCloselyEveryMs : lookEveryMs);
  }
}

/** The phase; `held` behind the preparation of a flip forward. */
function phaseOf({ state, serving }: MigrationStatus): string {
  const phase = state.split('.')[0] ?? state;
  return phase === 'flipping' && serving === 'held' ? 'held' : phase;
}

/** Gives a command; false where this is not the moment for it. */
async function taken(api: LabApi, id: string, command: CommandName): Promise<boolean> {
  try {
    await api.command(id, command, `${command} at a random moment`);
    return true;
  } catch (error) {
    if (error instanceof ApiRefusal && error.status === 409) return false;
    throw error;
  }
}
