// AWS DMS for the lab: its wire protocol and life of a task, moving real rows.
// node main.ts [--host ADDRESS] [--port N] [--config FILE]; prints one line of JSON when it is ready and ends on SIGTERM or SIGINT.

import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { configSchema, type DmsConfig } from './config.ts';
import { messageOf } from './errors.ts';
import { Region } from './region.ts';
import { DmsServer } from './server.ts';

async function readConfig(file: string | undefined): Promise<DmsConfig> {
  const document: unknown = file === undefined ? {} : JSON.parse(await readFile(file, 'utf8'));
  const parsed = configSchema.safeParse(document);
  if (!parsed.success) throw new Error(`${file}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '0' },
      config: { type: 'string' },
    },
  });
  const port = z.coerce.number().int().min(0).max(65_535).parse(values.port);
  const config = await readConfig(values.config);
  const region = new Region(config);
  const server = new DmsServer(region);
  const { url, labUrl } = await server.listen(port, values.host);
  let ending = false;
  const end = (): void => {
    if (ending) return;
    ending = true;
    void Promise.all([server.close(), region.close()]).then(() => process.exit(0));
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  console.log(
    JSON.stringify({
      url,
      labUrl,
      region: config.region,
      pid: process.pid,
      instances: [...region.instances.values()].map(({ identifier, arn }) => ({ identifier, arn })),
    }),
  );
}

main().catch((error: unknown) => {
  console.error(`dms: ${messageOf(error)}`);
  process.exit(1);
});
