import type { RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, describe } from 'vitest';
import type { DatabaseServer } from '../../../../infra/lab/databases/index.ts';
import { createStore } from '../../../../src/adapters/store/store.ts';
import type { Store } from '../../../../src/ports/store.ts';
import { attemptSuite } from '../../../store/suites/attempts.ts';
import { fleetSuite } from '../../../store/suites/fleet.ts';
import { journalSuite } from '../../../store/suites/journal.ts';
import { operationsSuite } from '../../../store/suites/operations.ts';
import { ownershipSuite } from '../../../store/suites/ownership.ts';
import { schemaSuite } from '../../../store/suites/schema.ts';
import { servedSuite } from '../../../store/suites/served.ts';
import { upkeepSuite } from '../../../store/suites/upkeep.ts';
import { webhookSuite } from '../../../store/suites/webhooks.ts';
import type { StoreServer } from '../../../store/world.ts';
import { suiteConnection } from './connection.ts';
import { RealTime } from './realTime.ts';

/** The world of the suites for the store, with a simulated server in it. */
function simulatedStoreServer(flavour: 'mariadb' | 'mysql'): StoreServer {
  const time = new RealTime(flavour, 'store');
  const to = { host: '127.0.0.1', port: time.port, user: 'store' };
  const stores: Store[] = [];
  let made = 0;
  return {
    server: { ...to, name: 'store' } as unknown as DatabaseServer,
    async newStore({ migrated = true, announce = null } = {}) {
      made += 1;
      const database = `store_${made}`;
      time.server.core.catalog.createSchema(database, false);
      const open = () => {
        const store = createStore({ ...to, password: '', database }, time.openStore, announce);
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
          const connection = await suiteConnection(time.directory, time.client, { ...to, database });
          const [rows] = await connection.query<RowDataPacket[]>(statement, values);
          connection.destroy();
          return rows;
        },
      };
    },
    pool: (database) => time.openStore({ ...to, password: '', database }),
    async close() {
      await Promise.all(stores.map((store) => store.close()));
      await time.close();
    },
  };
}

describe.each(['mariadb', 'mysql'] as const)('the store on a simulated %s server', (flavour) => {
  let started: StoreServer;
  beforeAll(() => {
    started = simulatedStoreServer(flavour);
  });
  afterAll(() => started.close());

  schemaSuite(() => started);
  journalSuite(() => started);
  attemptSuite(() => started);
  fleetSuite(() => started);
  ownershipSuite(() => started);
  operationsSuite(() => started);
  servedSuite(() => started);
  webhookSuite(() => started);
  upkeepSuite(() => started);
});
