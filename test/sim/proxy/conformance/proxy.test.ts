import { afterAll, beforeAll, beforeEach } from 'vitest';
import { adminSuite } from '../../../conformance/proxysql/suites/admin.ts';
import { connectionSuite } from '../../../conformance/proxysql/suites/connections.ts';
import { fastRoutingSuite } from '../../../conformance/proxysql/suites/fastRouting.ts';
import { holdingSuite } from '../../../conformance/proxysql/suites/holding.ts';
import { processListSuite } from '../../../conformance/proxysql/suites/processList.ts';
import { retiringSuite } from '../../../conformance/proxysql/suites/retiring.ts';
import { ruleSuite } from '../../../conformance/proxysql/suites/routing.ts';
import { transactionSuite } from '../../../conformance/proxysql/suites/transactions.ts';
import { SimBench } from './simBench.ts';

let bench: SimBench;
beforeAll(async () => {
  bench = await SimBench.start();
});
afterAll(() => bench?.stop());
beforeEach(() => bench.reset());

for (const suite of [
  adminSuite,
  ruleSuite,
  fastRoutingSuite,
  holdingSuite,
  retiringSuite,
  transactionSuite,
  processListSuite,
  connectionSuite,
]) {
  suite(() => bench);
}
