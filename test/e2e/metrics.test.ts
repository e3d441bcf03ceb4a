import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pollUntil } from '../../infra/lab/databases/index.ts';
import { Scrape } from '../metrics/scrape.ts';
import { Stage } from './stage.ts';
import { SteadyWriter } from './writer.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.start({ orgs: 4, rows: 50, policy: { soakMs: 600_000 } });
  await stage.controller.stop();
  await stage.startController((config) => {
    config.metrics = { everyMs: 500, queriesEveryMs: 500, storageEveryMs: 1_000 };
  });
});
afterAll(() => stage?.stop());

async function scrape(): Promise<Scrape> {
  const headers = { authorization: `Bearer ${stage.lab.tokens.viewer}` };
  const reply = await fetch(`${stage.controller.api}/metrics`, { headers });
  expect(reply.status).toBe(200);
  return Scrape.parse(await reply.text());
}

async function until(what: string, holds: (scrape: Scrape) => boolean): Promise<Scrape> {
  let last = await scrape();
  await pollUntil(
    what,
    async () => {
      last = await scrape();
      return holds(last);
    },
    { timeoutMs: 20_000, everyMs: 100 },
  );
  return last;
}

it('try', async () => {
  const { orgId } = stage.org(0);
  const writer = await SteadyWriter.start(stage, orgId);
  const id = await stage.toReady(orgId);
  await until(
    'ready',
    (now) => now.value('bigdb_cutover_org_queries_total', { org: String(orgId), side: 'source' }) > 0,
  );
  await stage.toSoaking(id);
  const s = await until(
    'cluster',
    (now) => now.value('bigdb_cutover_org_queries_total', { org: String(orgId), side: 'cluster' }) > 0,
  );
  await stage.api.command(id, 'rollback');
  await stage.untilState(id, 'rolledBack');
  await writer.stop();
  const { writeFile } = await import('node:fs/promises');
  await writeFile('/tmp/m/scrape1.txt', s.text);
  await writeFile('/tmp/m/scrape2.txt', (await scrape()).text);
  await writeFile('/tmp/m/log.txt', await readFile(stage.controller.logFile, 'utf8'));
});
