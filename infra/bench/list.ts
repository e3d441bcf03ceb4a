import type { Benchmark } from './benchmark.ts';

/** Every benchmark. Loaded when run: what the others need would stand in the memory that one of them measures. */
export const benchmarks: readonly { name: string; about: string; load(): Promise<Benchmark> }[] = [
  {
    name: 'flip',
    about: 'write pause of an org seen by its clients: 16 writers, 4 readers, 4 proxies, 2 sites',
    load: async () => (await import('./flip/flip.ts')).flip,
  },
  {
    name: 'flip-busy',
    about: 'write pause of each of 50 orgs that flip at once, 10,000 settled orgs in the routes',
    load: async () => (await import('./flipBusy/flipBusy.ts')).flipBusy,
  },
  {
    name: 'fence',
    about: 'cost of the triggers per write: single rows, 1,000-row inserts, 16 writers on one org',
    load: async () => (await import('./fence/fence.ts')).fence,
  },
  {
    name: 'verify',
    about: 'rows per second of the comparison: call logs of 300 bytes at a site and a cluster',
    load: async () => (await import('./verify/verify.ts')).verify,
  },
  {
    name: 'proof',
    about:
      'write pause of a flip whose cutover point is compared, beside the same flip without: as `flip`, turn by turn',
    load: async () => (await import('./proof/proof.ts')).proof,
  },
  {
    name: 'routing',
    about: 'latency added to a query by 10,000 settled orgs, for each way to tell orgs apart',
    load: async () => (await import('./routing/routing.ts')).routing,
  },
  {
    name: 'recovery',
    about: 'SIGKILL of the owner in the hold, with a standby: until the org is served again',
    load: async () => (await import('./recovery/recovery.ts')).recovery,
  },
  {
    name: 'driver',
    about: 'state transitions per second through the real store, 200 migrations at once',
    load: async () => (await import('./driver/driver.ts')).driver,
  },
  {
    name: 'estate',
    about: 'cores, memory and DMS calls of a controller: 5,000 orgs, 200 of them moving at once',
    load: async () => (await import('./estate/estate.ts')).estate,
  },
  {
    name: 'start',
    about: 'controller start to /readyz with 10,000 migrations in the store, and 200 that it takes up',
    load: async () => (await import('./start/start.ts')).start,
  },
  {
    name: 'api',
    about: 'answers per second to 1,000 pollers, 10,000 migrations in the store',
    load: async () => (await import('./api/api.ts')).api,
  },
];
