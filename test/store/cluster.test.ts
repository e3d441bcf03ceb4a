import { afterAll, beforeAll, describe } from 'vitest';
import { attemptSuite } from './suites/attempts.ts';
import { censusSuite } from './suites/census.ts';
import { fleetSuite } from './suites/fleet.ts';
import { journalSuite } from './suites/journal.ts';
import { operationsSuite } from './suites/operations.ts';
import { ownershipSuite } from './suites/ownership.ts';
import { purgeSuite } from './suites/purges.ts';
import { schemaSuite } from './suites/schema.ts';
import { servedSuite } from './suites/served.ts';
import { upkeepSuite } from './suites/upkeep.ts';
import { waveSuite } from './suites/waves.ts';
import { webhookRecordSuite } from './suites/webhookRecords.ts';
import { webhookSuite } from './suites/webhooks.ts';
import { type StoreServer, startStoreServer } from './world.ts';

let started: StoreServer;
beforeAll(async () => {
  started = await startStoreServer('cluster');
});
afterAll(() => started.close());

describe('the store on a cluster server', () => {
  schemaSuite(() => started);
  journalSuite(() => started);
  attemptSuite(() => started);
  ownershipSuite(() => started);
  operationsSuite(() => started);
  servedSuite(() => started);
  fleetSuite(() => started);
  censusSuite(() => started);
  webhookRecordSuite(() => started);
  webhookSuite(() => started);
  upkeepSuite(() => started);
  waveSuite(() => started);
  purgeSuite(() => started);
});
