// A process of its own: the API over a real store, and a bare server that sends the same bytes.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import Fastify from 'fastify';
import { pino } from 'pino';
import { z } from 'zod';
import { createStore } from '../../../src/adapters/store/store.ts';
import { parseConfig } from '../../../src/config/index.ts';
import { openEstate } from '../../../src/controller.ts';
import { Driver } from '../../../src/driver/driver.ts';
import { RouteKeeper } from '../../../src/flip/routeKeeper.ts';
import { buildApp } from '../../../src/http/app.ts';
import { createOperations } from '../../../src/service/operations.ts';
import { createOrgs } from '../../../src/service/orgs.ts';
import { createRouting } from '../../../src/service/routing.ts';
import { createService } from '../../../src/service/service.ts';

const orders = z.object({
  store: z.object({
    host: z.string(),
    port: z.number(),
    user: z.string(),
    password: z.string(),
    database: z.string(),
  }),
  token: z.string(),
});
const { store: storeConfig, token } = orders.parse(JSON.parse(process.argv[2] ?? ''));

// Nothing of what the example names is ever asked: only the store is used.
const path = new URL('../../config/example.yaml', import.meta.url).pathname;
const text = readFileSync(path, 'utf8');
const env = Object.fromEntries([...text.matchAll(/env: (CUTOVER_\w+)/g)].map(([, name = '']) => [name, 'unused']));
const config = parseConfig(text, { file: path, folder: '/', env });
const logger = pino({ level: 'silent' });
const opened = openEstate(config, logger);
const estate = { ...opened, store: createStore(storeConfig) };
const keeper = new RouteKeeper(estate);
// It owns nothing, as a controller whose moves have ended.
const driver = new Driver({
  instance: 'bench',
  leaseMs: config.controller.leaseMs,
  store: estate.store,
  clock: estate.clock,
  handlers: {} as ConstructorParameters<typeof Driver>[0]['handlers'],
  logger,
  onState: () => {},
  onTaken: () => {},
  onReleased: () => {},
});
const unused = {} as never;
const service = createService({ estate, driver, keeper, watch: unused, policy: config.policy });
const app = buildApp({
  service,
  operations: createOperations(estate, service),
  fleet: unused,
  routing: createRouting(estate),
  orgs: createOrgs({ estate, policy: config.policy }),
  plans: unused,
  waves: unused,
  purges: unused,
  webhooks: unused,
  tokens: [{ name: 'pollers', role: 'viewer', sha256: createHash('sha256').update(token).digest('hex') }],
  // Counted as in production, and never met.
  rateLimit: { requests: 10_000_000, windowMs: 5_000 },
  version: 'bench',
});

/** The least that a server can do: the bytes are there, the ETag is known. */
const bare = Fastify({ logger: false });
async function floorOf(floor: string, url: string): Promise<void> {
  const reply = await app.inject({ url, headers: { authorization: `Bearer ${token}` } });
  if (reply.statusCode !== 200) throw new Error(`${url} was answered with ${reply.statusCode}: ${reply.body}`);
  const body = Buffer.from(reply.rawPayload);
  const etag = String(reply.headers.etag);
  bare.get(floor, async (request, answer) => {
    answer.header('etag', etag);
    if (request.headers['if-none-match'] === etag) return answer.code(304).send();
    return answer.type('application/json; charset=utf-8').send(body);
  });
}

process.on('message', async (message: unknown) => {
  const asked = z.union([z.object({ floors: z.record(z.string(), z.string()) }), z.literal('cpu')]).parse(message);
  if (asked === 'cpu') {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpuUs: user + system });
    return;
  }
  for (const [floor, url] of Object.entries(asked.floors)) await floorOf(floor, url);
  const [api, floor] = await Promise.all(
    [app, bare].map((server) => (server as typeof bare).listen({ host: '127.0.0.1', port: 0 })),
  );
  process.send?.({ api, floor });
});
process.once('disconnect', () => {
  void Promise.all([app.close(), bare.close()])
    .then(() => estate.store.close())
    .finally(() => process.exit());
});
