import { initialTransition } from 'xstate';
import { journalVersion, migrationMachine } from '../../statecharts/machine.ts';
import type { Policy } from '../../statecharts/policy.ts';
import { policySchema, tightenPolicy } from '../config/index.ts';
import type { Driver } from '../driver/driver.ts';
import { restoreSnapshot } from '../driver/restore.ts';
import {
  CommandNotAllowedError,
  FrozenError,
  NoHomeRegionError,
  OrgAlreadyMovedError,
  UnknownMigrationError,
} from '../errors/index.ts';
import type { Estate } from '../estate/estate.ts';
import type { FleetWatch } from '../fleet/watch.ts';
import type { RouteKeeper } from '../flip/routeKeeper.ts';
import type { MigrationRow, Store, UnreadableRow } from '../ports/store.ts';
import { acceptSchemaOf } from './acceptSchema.ts';
import { Answers } from './answers.ts';
import { mismatchesOf } from './mismatches.ts';
import { assertProofCounts, verifyOf } from './proof.ts';
import { Readiness } from './readiness.ts';
import { refuseTheStarter } from './secondPerson.ts';
import { commandNames, type MigrationService, type MigrationStatus, type OrderName, orderText } from './status.ts';
import { timedId } from './timedId.ts';

/** States that a repeated command has already led to: asked again, nothing happens and nothing is wrong. */
const alreadyDone: Readonly<Record<OrderName, (row: MigrationRow) => boolean>> = {
  start: (row) => row.state !== 'planned' && !row.ended,
  approve: (row) => row.journal.context.approved && !row.ended,
  pause: (row) => row.journal.context.pauseRequested && !row.ended,
  resume: (row) => !row.journal.context.pauseRequested && !row.ended,
  rollback: (row) => row.journal.context.returnRequested === 'rolledBack' || row.state === 'rolledBack',
  cancel: (row) => row.journal.context.returnRequested === 'cancelled' || row.state === 'cancelled',
  complete: (row) => row.state === 'soaking.schemaCheck' || row.state === 'completing' || row.state === 'completed',
  retry: () => false,
  acceptLoss: (row) => row.journal.context.lossAccepted,
};

/** The controller as the ways in see it. */
export function createService(deps: {
  estate: Estate;
  driver: Driver;
  keeper: RouteKeeper;
  watch: FleetWatch;
  policy: Policy;
}): MigrationService {
  const { estate, driver, keeper, watch, policy } = deps;
  const { store, clock, directory, ids } = estate;
  const readiness = new Readiness(estate);

  const rowOf = async (id: string): Promise<MigrationRow> => {
    const row = await store.get(id);
    if (row === null) throw new UnknownMigrationError(id);
    return row;
  };
  const answers = new Answers({ estate, driver, keeper });
  const status = async (row: MigrationRow | UnreadableRow) => {
    const [one] = await answers.statuses([row]);
    if (one === undefined) throw new UnknownMigrationError(row.id);
    return one;
  };

  return {
    async create({ orgId, policy: requested, wave }, actor) {
      const effective = policySchema.parse(requested === undefined ? policy : tightenPolicy(policy, requested));
      const homeRegion = await directory.homeRegion(orgId);
      if (!estate.clusters.has(homeRegion)) throw new NoHomeRegionError(orgId, homeRegion);
      const earlier = await store.list({ orgId, limit: 1_000 });
      const completed = earlier.find(({ state }) => state === 'completed');
      if (completed !== undefined) throw new OrgAlreadyMovedError(orgId, completed.id);
      const id = timedId('m', clock.nowMs(), ids);
      // Task ids and attempts must not be used twice: what an unreadable journal used cannot be known.
      const readable = earlier.map((row) => {
        if (row.journal === null) throw row.refusal;
        return row;
      });
      const [snapshot] = initialTransition(migrationMachine, {
        migrationId: id,
        orgId,
        homeRegion,
        policy: effective,
        generationBefore: Math.max(0, ...readable.map(({ journal }) => journal.context.generation)),
        attemptBefore: Math.max(0, ...readable.map(({ journal }) => journal.context.attempt)),
      });
      await store.create({
        id,
        orgId,
        homeRegion,
        ...(wave !== undefined && { waveId: wave }),
        state: 'planned',
        atMs: clock.nowMs(),
        journal: {
          version: journalVersion,
          value: snapshot.value,
          context: snapshot.context,
          asked: [],
          deadlines: {},
        },
        timeline: [
          {
            atMs: clock.nowMs(),
            type: 'command',
            state: 'planned',
            attempt: null,
            message: `created by ${actor.name}`,
            data: { command: 'create', actor: actor.name, from: actor.from },
          },
        ],
      });
      await driver.claimNow();
      return status(await rowOf(id));
    },

    async list({ limit, cursor, known, ...filter }) {
      const asKnown = ({ id, revision }: { id: string; revision: number }) => {
        const last = known?.get(id);
        return last?.version === revision ? last : undefined;
      };
      const rows = await store.list({
        ...filter,
        limit: limit + 1,
        ...(cursor === undefined ? {} : { after: cursor }),
      });
      const page = rows.slice(0, limit);
      const statuses = await answers.statuses(page.filter((row) => asKnown(row) === undefined));
      const made = new Map(statuses.map((status) => [status.id, status]));
      return {
        items: page.map((row) => asKnown(row) ?? (made.get(row.id) as MigrationStatus)),
        nextCursor: rows.length > limit ? (page.at(-1)?.id ?? null) : null,
      };
    },

    getAnswer: (id) => answers.one(id),

    listAnswer: ({ cursor, ...query }) =>
      answers.page({ ...query, ...(cursor === undefined ? {} : { after: cursor }) }),

    async get(id) {
      const [row] = await store.list({ id, limit: 1 });
      if (row === undefined) throw new UnknownMigrationError(id);
      return status(row);
    },

    async command(id, command, { reason, acceptLoss = false }, actor) {
      const order = command === 'rollback' && acceptLoss ? 'acceptLoss' : command;
      const row = await rowOf(id);
      if (command === 'start') await refuseIfFrozen(store);
      const { approvedBy } = row.journal.context.policy;
      if (alwaysOfAnother.has(order) || (order === 'approve' && approvedBy === 'another')) {
        await refuseTheStarter(store, id, order, actor);
      }
      try {
        const runner = driver.runner(id);
        if (runner === undefined) refuseUnlessPossible(row, order);
        await assertProofCounts(estate, row, command);
        await driver.command(id, order, actor.name, reason);
      } catch (error) {
        if (!(error instanceof CommandNotAllowedError) || !alreadyDone[order](await rowOf(id))) throw error;
      }
      return status(await rowOf(id));
    },

    async verify(id, { reason }, actor) {
      const row = await rowOf(id);
      await verifyOf(estate, row, reason, actor, false);
      return status(row);
    },

    async repairRows(id, { reason }, actor) {
      const row = await rowOf(id);
      await refuseTheStarter(store, id, 'repair-rows', actor);
      await verifyOf(estate, row, reason, actor, true);
      return status(row);
    },

    async acceptSchema(id, { reason }, actor) {
      const stopped = await acceptSchemaOf(estate, await rowOf(id), reason, actor);
      if (stopped) {
        await driver.command(id, 'retry', actor.name, reason).catch((error: unknown) => {
          // Somebody was faster, or chose another way on.
          if (!(error instanceof CommandNotAllowedError)) throw error;
        });
      }
      return status(await rowOf(id));
    },

    async lagHistory(id) {
      const [row] = await store.list({ id, limit: 1 });
      if (row === undefined) throw new UnknownMigrationError(id);
      if (driver.runner(id) === undefined) return [];
      return estate.heartbeats.history(row.orgId).map(({ atMs, direction, lagMs }) => ({
        at: new Date(atMs).toISOString(),
        forwardMs: direction === 'forward' ? lagMs : null,
        reverseMs: direction === 'back' ? lagMs : null,
      }));
    },

    async mismatches(id, query) {
      return mismatchesOf(estate, await rowOf(id), query);
    },

    async events(id, { after, limit }) {
      if ((await store.list({ id, limit: 1 })).length === 0) throw new UnknownMigrationError(id);
      return [...(await store.events(id, after, limit))];
    },

    // A stranger that answers is as bad as a member that does not.
    notReady: async () => [
      ...(await readiness.missing()),
      ...watch.strangers().map(({ name, message }) => ({ dependency: `proxy ${name}`, message })),
    ],
  };
}

async function refuseIfFrozen(store: Store): Promise<void> {
  const freeze = await store.frozen();
  if (freeze !== null) throw new FrozenError(freeze.actor, freeze.reason, freeze.since);
}

/** What nobody does alone, whatever the policy says: the way back ends with it. */
const alwaysOfAnother: ReadonlySet<string> = new Set(['complete', 'acceptLoss']);

/** Another controller owns it: what its journal says now decides the answer. */
function refuseUnlessPossible(row: MigrationRow, order: OrderName): void {
  const snapshot = restoreSnapshot(row);
  if (snapshot.can({ type: order })) return;
  const allowed = commandNames.filter((name) => snapshot.can({ type: name }));
  throw new CommandNotAllowedError(orderText(order), row.state, allowed);
}
