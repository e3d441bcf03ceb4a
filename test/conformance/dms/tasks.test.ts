import { afterAll, beforeAll, beforeEach } from 'vitest';
import { StandInBench } from './standInBench.ts';
import { carryingSuite } from './suites/carrying.ts';
import { failingSuite } from './suites/failing.ts';
import { lifeSuite } from './suites/life.ts';

let bench: StandInBench;
beforeAll(async () => {
  bench = await StandInBench.start();
});
afterAll(() => bench?.stop());
beforeEach(() => bench.reset());

for (const suite of [lifeSuite, carryingSuite, failingSuite]) suite(() => bench);
