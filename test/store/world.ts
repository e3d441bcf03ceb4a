import { createConnection, type RowDataPacket } from 'mysql2/promise';
import {
  type DatabaseServer,
  makeTempFolder,
  onServer,
  removeFolder,
  startCluster,
  startMariaDb,
} from '../../infra/lab/databases/index.ts';
import { openPool, type StorePool } from '../../src/adapters/store/connection.ts';
import { createStore } from '../../src/adapters/store/store.ts';
import type { FleetStore } from '../../src/ports/fleet.ts';
import type { PurgeStore } from '../../src/ports/purge.ts';
import type { JournalEntry, NewTimelineEvent, Store } from '../../src/ports/store.ts';
import type { UpkeepStore } from '../../src/ports/upkeep.ts';
import type { WaveStore } from '../../src/ports/waves.ts';
import type { Announce, WebhookStore } from '../../src/ports/webhooks.ts';
import type { MigrationContext } from '../../statecharts/context.ts';
import { planned, policyWith } from '../statecharts/machine.ts';

/** A server on which every test has a store of its own. */
export interface StoreServer {
  readonly server: DatabaseServer;
  /** A store in a new, empty schema; `migrate()` has run unless `migrated` is false. */
  newStore(options?: { migrated?: boolean; announce?: Announce | null }): Promise<StoreInstance>;
  /** A pool of its own in a store's schema, as the adapter opens it. */
  pool(database: string): StorePool;
  close(): Promise<void>;
}

/** The store with all that it can do. */
export type AnyStore = Store & FleetStore & WebhookStore & UpkeepStore & WaveStore & PurgeStore;

export interface StoreInstance {
  readonly store: AnyStore;
  /** The store's schema. */
  readonly database: string;
  /** Another controller's store in the same schema. */
  another(): AnyStore;
  /** One statement on a connection of the test's own, in the store's schema. */
  sql(statement: string, values?: unknown[]): Promise<RowDataPacket[]>;
}

export async function startStoreServer(
  kind: 'mariadb' | 'cluster',
  variables: Readonly<Record<string, string>> = {},
): Promise<StoreServer> {
  const folder = await makeTempFolder('bigdb-store-');
  const server = await (kind === 'mariadb' ? startMariaDb : startCluster)({
    name: 'store',
    baseDir: folder,
    variables,
  });
  const { host, port, user, password } = server;
  const stores: AnyStore[] = [];
  let made = 0;
  return {
    server,
    async newStore({ migrated = true, announce = null } = {}) {
      made += 1;
      const database = `store_${made}`;
      await onServer(server, (connection) => connection.query(`CREATE DATABASE ${database}`));
      const open = () => {
        const store = createStore({ host, port, user, password, database }, openPool, announce);
        stores.push(store);
        return store;
      };
      const store = open();
      if (migrated) await store.migrate();
      return {
        store,
        database,
        another: open,
        async sql(statement, values = []) {
          const connection = await createConnection({ host, port, user, password, database });
          try {
            const [rows] = await connection.query<RowDataPacket[]>(statement, values);
            return rows;
          } finally {
            connection.destroy();
          }
        },
      };
    },
    pool: (database) => openPool({ host, port, user, password, database }),
    async close() {
      await Promise.all(stores.map((store) => store.close()));
      await server.stop();
      await removeFolder(folder);
    },
  };
}

/** Journal of a migration that was just planned. */
export function plannedJournal(orgId: number, id: string): JournalEntry {
  const { value, context } = planned(policyWith());
  return { version: 1, value, context: { ...context, orgId, migrationId: id }, asked: [], deadlines: {} };
}

export function event(message: string): NewTimelineEvent {
  return { atMs: Date.UTC(2026, 0, 1), type: 'note', state: 'planned', attempt: null, message, data: { message } };
}

/** A migration in `planned`; answers with its id. */
export async function create(
  store: Store,
  orgId: number,
  id = `m-${orgId}`,
  homeRegion = 'eu-west-2',
): Promise<string> {
  await store.create({
    id,
    orgId,
    homeRegion,
    state: 'planned',
    atMs: Date.UTC(2026, 0, 1),
    journal: plannedJournal(orgId, id),
    timeline: [event('created')],
  });
  return id;
}

/** One step from what is stored now; `changed` overrides what a driver would say. */
export async function step(
  store: Store,
  id: string,
  changed: Partial<{
    epoch: number;
    revision: number;
    state: string;
    ended: boolean;
    journal: JournalEntry;
    messages: string[];
    commands: number[];
  }> = {},
): Promise<void> {
  const row = await store.get(id);
  if (row === null) throw new Error(`there is no ${id}`);
  const { messages = ['step'], ...rest } = changed;
  await store.commit({
    id,
    epoch: row.epoch,
    revision: row.revision,
    state: 'preflight',
    sinceMs: Date.UTC(2026, 0, 2),
    ended: false,
    journal: row.journal,
    timeline: messages.map(event),
    commands: [],
    ...rest,
  });
}

/** What a controller says when nothing of it runs or rests. */
export const nothing = { running: [], resting: [] } as const;

/** Takes what is free; answers with the ids. */
export async function take(store: Store, instance: string, graceMs = 60_000): Promise<readonly string[]> {
  await store.beatController(instance);
  return (await store.claim(instance, graceMs, nothing)).taken.map(({ id }) => id);
}

export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it was expected to fail and did not');
}

/** A step after which the journal says that this side serves the org. */
export async function serve(
  store: Store,
  id: string,
  serving: MigrationContext['serving'],
  changes: { state?: string; ended?: boolean; revision?: number } = {},
): Promise<void> {
  const row = await store.get(id);
  if (row === null) throw new Error(`there is no ${id}`);
  const { epoch, revision, journal } = row;
  await store.commit({
    id,
    epoch,
    revision,
    state: 'soaking',
    sinceMs: Date.UTC(2026, 0, 2),
    ended: false,
    journal: { ...journal, context: { ...journal.context, serving } },
    timeline: [],
    commands: [],
    ...changes,
  });
}
