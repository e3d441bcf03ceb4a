import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { stateName } from '../../src/driver/stateName.ts';
import type { MigrationRow } from '../../src/ports/store.ts';
import { journalVersion } from '../../statecharts/machine.ts';
import type { MigrationEvent } from '../../statecharts/setup.ts';
import { commands, eventsDuring, policies, type Snapshot, take, type Work } from './machine.ts';
import { isFoundInJournal, type Visit, walk } from './walk.ts';

/** A saved journal of one state, and what it was worth when it was saved. */
export interface SavedJournal {
  readonly state: string;
  readonly journal: {
    readonly version: number;
    readonly value: unknown;
    readonly context: Record<string, unknown>;
    readonly asked: readonly string[];
    readonly deadlines: Readonly<Record<string, number>>;
  };
  readonly allowed: readonly string[];
  /** Where the events that can come next lead. */
  readonly next: readonly { readonly event: { readonly type: string }; readonly state: string }[];
}

const savedSchema = z.strictObject({
  state: z.string(),
  journal: z.strictObject({
    version: z.number(),
    value: z.union([z.string(), z.record(z.string(), z.unknown())]),
    context: z.record(z.string(), z.unknown()),
    asked: z.array(z.string()),
    deadlines: z.record(z.string(), z.number()),
  }),
  allowed: z.array(z.string()),
  next: z.array(z.strictObject({ event: z.looseObject({ type: z.string() }), state: z.string() })),
});

export const fixturesFolder = fileURLToPath(new URL('../../statecharts/fixtures/', import.meta.url));

/** A fixed moment: deadlines are due times. */
const dueAtMs = Date.UTC(2026, 0, 1);

/** One journal for each state that the present machine writes down, by the shortest way there. */
export function journalsOfToday(): ReadonlyMap<string, SavedJournal> {
  const journals = new Map<string, SavedJournal>();
  for (const visit of policies.flatMap((policy) => walk(policy))) {
    const state = stateName(visit.snapshot.value);
    if (isFoundInJournal(visit.snapshot) && !journals.has(state)) journals.set(state, saved(state, visit));
  }
  return journals;
}

function saved(state: string, { snapshot, work }: Visit): SavedJournal {
  return {
    state,
    journal: {
      version: journalVersion,
      value: snapshot.value,
      context: { ...snapshot.context },
      asked: work.asked,
      deadlines: Object.fromEntries(work.deadlines.map((deadline) => [deadline, dueAtMs])),
    },
    allowed: allowedIn(snapshot),
    next: snapshot.status === 'done' ? [] : nextOf(snapshot, work),
  };
}

export function allowedIn(snapshot: Snapshot): string[] {
  return commands.filter((type) => snapshot.can({ type }));
}

/** Where `event` leads, by the name that users see. */
export function stateAfter(snapshot: Snapshot, work: Work, event: MigrationEvent): string {
  return stateName(take(snapshot, work, event).snapshot.value);
}

function nextOf(snapshot: Snapshot, work: Work): SavedJournal['next'] {
  const recovery: MigrationEvent[] = snapshot.hasTag('undecided') ? [{ type: 'recover' }] : [];
  return [...eventsDuring(work), ...recovery]
    .filter((event) => snapshot.can(event))
    .map((event) => ({ event, state: stateAfter(snapshot, work, event) }));
}

export function folderOf(version: number): string {
  return `${fixturesFolder}v${version}/`;
}

/** Every saved journal of a version, by file name. */
export async function savedJournals(version: number): Promise<ReadonlyMap<string, SavedJournal>> {
  const folder = folderOf(version);
  const files = (await readdir(folder)).filter((file) => file.endsWith('.json')).sort();
  const read = async (file: string): Promise<[string, SavedJournal]> => [
    file,
    savedSchema.parse(JSON.parse(await readFile(folder + file, 'utf8'))),
  ];
  return new Map(await Promise.all(files.map(read)));
}

/** The journal as a row of the store. */
export function rowOf({ state, journal }: SavedJournal): MigrationRow {
  return {
    id: 'm-saved',
    orgId: 42,
    homeRegion: 'eu-west-2',
    state,
    sinceMs: dueAtMs,
    createdAtMs: dueAtMs,
    ended: false,
    journal: journal as unknown as MigrationRow['journal'],
    revision: 1,
    epoch: 1,
    owner: null,
    waveId: null,
  };
}
