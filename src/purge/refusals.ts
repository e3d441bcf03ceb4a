import { z } from 'zod';
import { policyDefaults } from '../config/index.ts';
import { CutoverError, isTransient } from '../errors/index.ts';
import { clusterOf } from '../estate/estate.ts';
import type { MigrationRow } from '../ports/store.ts';
import { readVerification, whyNotProven } from '../proof/record.ts';
import type { PurgeDeps } from './deps.ts';

type Question = (deps: PurgeDeps, row: MigrationRow, signal: AbortSignal) => Promise<readonly string[]>;

/** Asked of the store alone, and of everything else. */
const ofTheStore = () => [isNewest, isServed, isProven, isOldEnough, isThawed, wasMoved];
const ofTheRest = () => [isAtHome, hasNoTask, isClosed];

/**
 * Everything that stands against removing a migration's rows at the source; nothing: they may go. What cannot be asked
 * is no permission: `unanswered` makes a text of an error, or throws it.
 */
export async function purgeRefusals(
  deps: PurgeDeps,
  row: MigrationRow,
  signal: AbortSignal,
  unanswered: (error: unknown) => string = rethrow,
): Promise<readonly string[]> {
  if (row.state !== 'completed') return [`its move is in ${row.state}: until it has completed it may go back`];
  const ask = async (questions: readonly Question[]) => {
    const found = await Promise.all(
      questions.map((question) => question(deps, row, signal).catch((error: unknown) => [unanswered(error)])),
    );
    return found.flat();
  };
  // What the store knows against it is answered at once.
  const known = await ask(ofTheStore());
  return known.length > 0 ? known : ask(ofTheRest());
}

function rethrow(error: unknown): never {
  throw error;
}

/** Tasks of the org in every region, not even stopped: one that reads the sites would carry the deletes to the cluster. */
export async function tasksLeft(
  { estate }: Pick<PurgeDeps, 'estate'>,
  orgId: number,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const regions = [...estate.clusters.keys()];
  const left = await Promise.all(regions.map((region) => estate.replication.tasksOf(orgId, region, signal)));
  return left.flat();
}

export const tasksText = (left: readonly string[]) => `tasks of it still exist: ${left.join(', ')}`;

const isNewest: Question = async ({ estate }, { id, orgId }) => {
  const newest = await estate.store.newestOf(orgId);
  return newest === null || newest.id === id ? [] : [`migration ${newest.id} came later, and is in ${newest.state}`];
};

const isServed: Question = async ({ estate }, { orgId }) => {
  const served = await estate.store.servedBy(orgId);
  return served?.side === 'cluster' ? [] : [`it is served by the ${served?.side ?? 'source'}`];
};

/** The age of the proof does not count: it was made before the way back was given up, and the sites stand still since. */
const isProven: Question = async ({ estate }, { id, journal }) => {
  const verification = await readVerification(estate.store, id);
  const why = whyNotProven(verification, journal.context, estate.clock.nowMs());
  if (why === 'none') return ['its sides were never found equal since it is served by the cluster'];
  return why === 'different' ? ['the last comparison of its sides found rows that differ'] : [];
};

const isOldEnough: Question = async ({ estate, policy }, { id, sinceMs, journal }) => {
  const own = { ...policyDefaults, ...journal.context.policy };
  const wantedMs = Math.max(policy.purgeAfterMs, own.purgeAfterMs);
  // One clock that is wrong, the store's or this one, brings nothing forward.
  const completedForMs = Math.min(await estate.store.ageInState(id), estate.clock.nowMs() - sinceMs);
  if (completedForMs >= wantedMs) return [];
  const until = new Date(sinceMs + wantedMs).toISOString();
  return [`it has completed ${seconds(completedForMs)} ago; the policy says ${seconds(wantedMs)}, which is ${until}`];
};

const isThawed: Question = async ({ estate }) => {
  const freeze = await estate.store.frozen();
  return freeze === null ? [] : [`${freeze.actor} froze everything: ${freeze.reason}`];
};

const isAtHome: Question = async ({ estate }, { orgId, homeRegion }, signal) => {
  try {
    const found = await estate.directory.homeRegion(orgId, signal);
    return found === homeRegion ? [] : [`its home region is ${found} by now; it lives in ${homeRegion}`];
  } catch (error) {
    if (isTransient(error) || !(error instanceof CutoverError)) throw error;
    return [error.message];
  }
};

const hasNoTask: Question = async (deps, { orgId }, signal) => {
  const left = await tasksLeft(deps, orgId, signal);
  return left.length === 0 ? [] : [tasksText(left)];
};

/** The cluster is the one that serves, and no site is open to anybody. */
const isClosed: Question = async ({ estate }, { orgId, homeRegion }) => {
  const cluster = clusterOf(estate, homeRegion);
  const wanted = [...estate.sites.map((site) => [site, 'nobody'] as const), [cluster, 'clients'] as const];
  const found = await Promise.all(
    wanted.map(async ([place, writer]) => {
      const fence = await place.readFence(orgId);
      return fence?.writer === writer ? [] : [`its fence at ${place.name} is ${fence?.writer ?? 'missing'}`];
    }),
  );
  return found.flat();
};

const snapshotRecord = z.object({ counts: z.array(z.object({ table: z.string() })) });

/** A table that came into the catalogue behind the snapshot has never been copied: its rows are at the source alone. */
const wasMoved: Question = async ({ estate }, { id }) => {
  const snapshot = snapshotRecord.nullable().parse(await estate.store.getRecord(id, 'snapshot'));
  const moved = new Set(snapshot?.counts.map(({ table }) => table));
  const never = estate.tables.map(({ table }) => table).filter((table) => !moved.has(table));
  return never.length === 0 ? [] : [`the move did not carry ${never.join(', ')}, which the catalogue names by now`];
};

const seconds = (ms: number) => `${Math.max(0, Math.floor(ms / 1000))} s`;
