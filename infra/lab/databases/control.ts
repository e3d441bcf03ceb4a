import { startMariaDb } from './mariadb.ts';
import type { DatabaseServer } from './server.ts';

/** The servers that are neither site nor cluster: the controller's store, and CoreDB with the orgs' home regions. */
export interface ControlServers {
  readonly store: DatabaseServer;
  readonly coredb: DatabaseServer;
  stop(): Promise<void>;
}

/** Starts both. They are empty: the store is set up by the controller, CoreDB by the lab's schema. */
export async function startControl({ baseDir }: { baseDir: string }): Promise<ControlServers> {
  // Server ids of their own, in case somebody points a replica at one.
  const [store, coredb] = await Promise.all([
    startMariaDb({ name: 'store', baseDir, variables: { 'server-id': '101' } }),
    startMariaDb({ name: 'coredb', baseDir, variables: { 'server-id': '102' } }),
  ]);
  return {
    store,
    coredb,
    stop: async () => {
      await Promise.all([store.stop(), coredb.stop()]);
    },
  };
}
