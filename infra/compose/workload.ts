// node workload.ts FOLDER SIGN: the orgs' clients at work through the proxies, until SIGTERM. Says every ten seconds how they
// fare, and writes the file SIGN where any of their writes were acknowledged meanwhile.

import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { startWorkload } from '../lab/workload/index.ts';
import { layoutOf, platformSchema } from './layout.ts';

const sayEveryMs = 10_000;
/** Of each org. Every acknowledged write is remembered for the check at the end: a workload for days is none of this. */
const rates = { ratePerOrg: 8, readsPerOrg: 8 };

const { proxies, orgs, routing } = platformSchema.parse(
  JSON.parse(await readFile(layoutOf(process.argv).platform, 'utf8')),
);
const sign = process.argv[3];
if (sign === undefined) throw new TypeError('usage: workload.ts FOLDER SIGN');
const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());

const workload = await startWorkload({ proxies, orgs, routing, ...rates });
let told = 0;
while (!stopping.signal.aborted) {
  await sleep(sayEveryMs, undefined, { signal: stopping.signal }).catch(() => {});
  const fromMs = Date.now() - sayEveryMs;
  const longestMs = Math.max(...orgs.map(({ orgId }) => workload.longestWaitMs(orgId, 'write', fromMs)));
  const { clientErrors, errorSamples } = workload;
  const perSecond = Math.round(workload.acknowledgedPerSecond(sayEveryMs));
  if (perSecond > 0) await writeFile(sign, '');
  console.log(`${perSecond} writes/s, the longest waited ${Math.round(longestMs)} ms, ${clientErrors} errors`);
  for (const { orgId, code, message } of errorSamples.slice(told)) console.log(`org ${orgId}: ${code}: ${message}`);
  told = errorSamples.length;
}
await workload.stop();
