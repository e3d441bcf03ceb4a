import { between } from '../../failpoints/failpoints.ts';
import type { FleetStore } from '../../ports/fleet.ts';
import type { PurgeStore } from '../../ports/purge.ts';
import type { Store } from '../../ports/store.ts';
import type { UpkeepStore } from '../../ports/upkeep.ts';
import type { WaveStore } from '../../ports/waves.ts';
import type { Announce, WebhookStore } from '../../ports/webhooks.ts';
import { attemptOperations } from './attempts.ts';
import { censusOperations } from './census.ts';
import { openPool, type StoreConfig, type StorePool, withConnection, withSession } from './connection.ts';
import { fleetOperations } from './fleet.ts';
import { journalOperations } from './journal.ts';
import { operationsStore } from './operations.ts';
import { ownershipOperations } from './ownership.ts';
import { purgeOperations } from './purges.ts';
import { migrateSchema } from './schema.ts';
import { servedOperations } from './served.ts';
import { starterOperations } from './starters.ts';
import { upkeepOperations } from './upkeep.ts';
import { waveOperations } from './waves.ts';
import { webhookOperations } from './webhooks.ts';

/**
 * The store on MySQL or MariaDB. Opens connections as they are needed; `migrate()` comes before anything else. With
 * `announce` each step takes along what webhooks are told of it.
 */
export function createStore(
  config: StoreConfig,
  open: (config: StoreConfig) => StorePool = openPool,
  announce: Announce | null = null,
): Store & FleetStore & WebhookStore & UpkeepStore & WaveStore & PurgeStore {
  const pool = open(config);
  const journal = journalOperations(pool, announce);
  const attempts = attemptOperations(pool);
  return {
    migrate: () => withConnection(pool, 'bring the schema up to date', migrateSchema),
    ping: () => withSession(pool, 'ping', async (session) => void (await session.rows('SELECT 1'))),
    ...journal,
    commit: (step) => between(`store.commit.${step.state}`, step.id, () => journal.commit(step)),
    ...attempts,
    beginAttempt: (input) => between('store.beginAttempt', input.migrationId, () => attempts.beginAttempt(input)),
    decide: (input) => between('store.decide', input.migrationId, () => attempts.decide(input)),
    ...ownershipOperations(pool),
    ...operationsStore(pool),
    ...servedOperations(pool),
    ...fleetOperations(pool),
    ...censusOperations(pool),
    ...webhookOperations(pool),
    ...purgeOperations(pool),
    ...starterOperations(pool),
    ...upkeepOperations(pool),
    ...waveOperations(pool),
    close: () => pool.end(),
  };
}
