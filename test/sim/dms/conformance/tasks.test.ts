import { afterAll, beforeAll, beforeEach } from 'vitest';
import { carryingSuite } from '../../../conformance/dms/suites/carrying.ts';
import { failingSuite } from '../../../conformance/dms/suites/failing.ts';
import { lifeSuite } from '../../../conformance/dms/suites/life.ts';
import { SimTaskBench } from './simTaskBench.ts';

let bench: SimTaskBench;
beforeAll(async () => {
  bench = await SimTaskBench.start();
});
afterAll(() => bench?.stop());
beforeEach(() => bench.reset());

for (const suite of [lifeSuite, carryingSuite, failingSuite]) suite(() => bench);
