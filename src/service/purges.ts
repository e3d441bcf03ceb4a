import { policyDefaults } from '../config/index.ts';
import {
  CommandNotAllowedError,
  messageOf,
  PurgeRefusedError,
  PurgeUnknownError,
  UnknownMigrationError,
} from '../errors/index.ts';
import type { MigrationRow } from '../ports/store.ts';
import type { PurgeDeps } from '../purge/deps.ts';
import { type OrgTableRows, orgTables } from '../purge/orgTable.ts';
import { purgeRefusals } from '../purge/refusals.ts';
import { type PurgeAnswer, type PurgeChange, type PurgePlan, type PurgeService, purgeChanges } from './purgeAnswer.ts';
import { refuseTheStarter } from './secondPerson.ts';
import type { Actor, PurgeState, PurgeStatus } from './status.ts';

/** Questions of a purge take no longer (milliseconds). */
const withinMs = 20_000;
/** States in which each change may be given, and what it leads to. */
const ways: Readonly<Record<PurgeChange, { readonly from: readonly PurgeState[]; readonly to: PurgeState }>> = {
  pause: { from: ['running'], to: 'paused' },
  resume: { from: ['paused', 'stopped'], to: 'running' },
  cancel: { from: ['running', 'paused', 'stopped'], to: 'cancelled' },
};

export function createPurges(deps: PurgeDeps): PurgeService {
  const { estate, policy, limits } = deps;
  const { store, clock } = estate;

  const rowOf = async (id: string): Promise<MigrationRow> => {
    const row = await store.get(id);
    if (row === null) throw new UnknownMigrationError(id);
    return row;
  };
  const answer = async ({ id, orgId }: MigrationRow, plan: PurgePlan | null = null): Promise<PurgeAnswer> => ({
    id,
    orgId,
    plan,
    purge: await store.readPurge(id),
  });
  const note = (row: MigrationRow, actor: Actor, command: string, reason: string | undefined) =>
    store.note(row.id, [
      {
        atMs: clock.nowMs(),
        type: 'command',
        state: row.state,
        attempt: null,
        message: `${command} by ${actor.name}${reason === undefined ? '' : `: ${reason}`}`,
        data: { command, actor: actor.name, from: actor.from, reason: reason ?? null },
      },
    ]);
  const refusalsOf = (row: MigrationRow) =>
    purgeRefusals(deps, row, AbortSignal.timeout(withinMs), (error) => `it could not be asked: ${messageOf(error)}`);
  const assertAllowed = async (row: MigrationRow) => {
    const refusals = await refusalsOf(row);
    if (refusals.length > 0) throw new PurgeRefusedError(row.orgId, refusals);
  };
  const ordered = (actor: Actor, why: string): PurgeStatus => ({
    state: 'running',
    by: actor.name,
    why,
    orderedAt: new Date(clock.nowMs()).toISOString(),
    site: null,
    rowsExpected: null,
    rowsDeleted: 0,
    tables: [],
    etaMs: null,
    waitsFor: 'its turn',
    reason: null,
    changedAt: new Date(clock.nowMs()).toISOString(),
  });

  return {
    async purge(id) {
      const found = await answer(await rowOf(id));
      if (found.purge === null) throw new PurgeUnknownError(id);
      return found;
    },

    async plan(id) {
      const row = await rowOf(id);
      const refusals = [...(await refusalsOf(row))];
      const counted: { table: string; counts: Awaited<ReturnType<OrgTableRows['count']>> }[] = [];
      try {
        for (const rows of await orgTables(estate, { orgId: row.orgId, epoch: row.epoch })) {
          counted.push({ table: rows.table.table, counts: await rows.count(AbortSignal.timeout(withinMs)) });
        }
      } catch (error) {
        refusals.push(`its rows could not be counted: ${messageOf(error)}`);
      }
      const sites = estate.sites.map(({ name }) => ({
        site: name,
        tables: counted.map(({ table, counts }) => ({
          table,
          rows: counts.find(({ site }) => site === name)?.rows ?? 0,
        })),
      }));
      const counts = (sites[0]?.tables ?? []).map(({ rows }) => rows);
      return answer(row, {
        refusals,
        purgeAfterMs: Math.max(policy.purgeAfterMs, { ...policyDefaults, ...row.journal.context.policy }.purgeAfterMs),
        rows: counts.reduce((sum, rows) => sum + rows, 0),
        chunks: counts.reduce((sum, rows) => sum + Math.ceil(rows / limits.chunkRows), 0),
        sites,
      });
    },

    async order(id, reason, actor) {
      const row = await rowOf(id);
      await refuseTheStarter(store, id, 'purge', actor);
      const known = await store.readPurge(id);
      if (known !== null && (known.state === 'running' || known.state === 'done')) return answer(row);
      if (known !== null && known.state !== 'cancelled') throw notAllowed('purge', known.state);
      await assertAllowed(row);
      const { orgId, homeRegion } = row;
      if (await store.beginPurge({ migrationId: id, orgId, homeRegion }, ordered(actor, reason))) {
        await note(row, actor, 'purge', reason);
      }
      return answer(row);
    },

    async change(id, change, reason, actor) {
      const row = await rowOf(id);
      if (change === 'resume') await refuseTheStarter(store, id, 'purge resume', actor);
      const known = await store.readPurge(id);
      if (known === null) throw new PurgeUnknownError(id);
      const { from, to } = ways[change];
      if (known.state === to) return answer(row);
      if (!from.includes(known.state)) throw notAllowed(`purge ${change}`, known.state);
      if (change === 'resume') await assertAllowed(row);
      const resumed = change === 'resume' ? { by: actor.name, ...(reason !== undefined && { why: reason }) } : {};
      const changed = await store.changePurge(id, from, {
        ...resumed,
        state: to,
        waitsFor: change === 'resume' ? 'its turn' : null,
        etaMs: null,
        reason: null,
        changedAt: new Date(clock.nowMs()).toISOString(),
      });
      if (changed) await note(row, actor, `purge ${change}`, reason);
      return answer(row);
    },
  };
}

function notAllowed(command: string, state: PurgeState): CommandNotAllowedError {
  const allowed = purgeChanges.filter((change) => ways[change].from.includes(state)).map((change) => `purge ${change}`);
  return new CommandNotAllowedError(command, `purge ${state}`, allowed);
}
