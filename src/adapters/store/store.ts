import type { Store } from '../../ports/store.ts';
import { attemptOperations } from './attempts.ts';
import { openPool, type StoreConfig, type StorePool, withConnection, withSession } from './connection.ts';
import { journalOperations } from './journal.ts';
import { operationsStore } from './operations.ts';
import { ownershipOperations } from './ownership.ts';
import { migrateSchema } from './schema.ts';

/** The store on MySQL or MariaDB. Opens connections as they are needed; `migrate()` comes before anything else. */
export function createStore(config: StoreConfig, open: (config: StoreConfig) => StorePool = openPool): Store {
  const pool = open(config);
  return {
    migrate: () => withConnection(pool, 'bring the schema up to date', migrateSchema),
    ping: () => withSession(pool, 'ping', async (session) => void (await session.rows('SELECT 1'))),
    ...journalOperations(pool),
    ...attemptOperations(pool),
    ...ownershipOperations(pool),
    ...operationsStore(pool),
    close: () => pool.end(),
  };
}
