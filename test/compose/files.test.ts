import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { controllerFile } from '../../infra/compose/controllerFile.ts';
import { controllers, Layout, proxies, proxyAdminPort, proxyPort } from '../../infra/compose/layout.ts';
import { writeSecrets } from '../../infra/compose/secrets.ts';
import { makeAccounts } from '../../infra/lab/bigdb/index.ts';
import { makeTempFolder, removeFolder } from '../../infra/lab/databases/index.ts';
import { controllerConfig, makeTokens } from '../../infra/lab/estate/controllerConfig.ts';
import { loadConfig } from '../../src/config/index.ts';

let folder: string;
let layout: Layout;
beforeAll(async () => {
  folder = await makeTempFolder('bigdb-compose-');
  layout = new Layout(folder);
});
afterAll(() => removeFolder(folder));

test('secrets are made up once; proxies listen for others', async () => {
  await writeSecrets(layout);
  const read = async () => {
    const names = await readdir(join(folder, 'secrets'));
    return Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, await readFile(layout.secret(name), 'utf8')] as const)),
    );
  };
  const first = await read();
  for (const name of ['root', 'grafana', 'replication', ...proxies])
    expect(first[name], name).toMatch(/^[0-9a-f]{36}$/);
  await writeSecrets(layout);
  expect(await read()).toEqual(first);
  // Cut off before the end, nobody has used them yet: all are made up anew.
  await rm(layout.secret('complete'));
  await writeSecrets(layout);
  expect((await read()).root).not.toBe(first.root);
  const text = await readFile(layout.proxy('proxy-lon1'), 'utf8');
  expect(text).toContain(`0.0.0.0:${proxyPort}`);
  expect(text).toContain(`0.0.0.0:${proxyAdminPort}`);
  expect(text).toContain(`cutover_admin:${(await read())['proxy-lon1']}`);
});

test('the controllers’ configuration is one that a controller takes, with every secret in a file', async () => {
  const at = (name: string) =>
    ({ name, flavour: 'mariadb', host: name, port: 3306, user: 'root', password: 'of root' }) as const;
  const arn = (name: string) => `arn:aws:dms:eu-west-2:123456789012:endpoint:${name}`;
  const both = { sourceEndpointArn: arn('A'), targetEndpointArn: arn('B') };
  const accounts = makeAccounts([1]);
  const config = controllerConfig({
    routing: 'user',
    sites: [at('lon1'), at('lon2')],
    clusters: [
      {
        homeRegion: 'eu-west-2',
        server: at('aurora-eu-west-2'),
        endpoints: {
          replicationInstanceArn: 'arn:aws:dms:eu-west-2:123456789012:rep:C',
          forward: both,
          reverse: { sourceEndpointArn: arn('D'), targetEndpointArn: arn('E') },
        },
      },
    ],
    store: { host: 'store', port: 3306, account: { user: 'store', password: 'of the store' }, database: 'cutover' },
    coredb: at('coredb'),
    proxies: proxies.map((name) => ({
      name,
      host: name,
      port: proxyPort,
      adminPort: proxyAdminPort,
      adminUser: 'cutover_admin',
      adminPassword: 'of the proxy',
    })),
    dms: { url: 'http://dms:8091', region: 'eu-west-2' },
    accounts,
    tokens: makeTokens(),
    policy: {},
    exportsDirectory: '/var/lib/bigdb-cutover/exports',
  });
  await mkdir(join(folder, 'controllers'), { recursive: true });
  for (const name of controllers) {
    const { text, env } = config(name);
    for (const [variable, value] of Object.entries(env)) await writeFile(layout.secret(variable), value);
    await writeFile(layout.controller(name), controllerFile(text, layout.secret));
    expect(await readFile(layout.controller(name), 'utf8')).not.toMatch(/env:|of root|of the/);
    const loaded = loadConfig(layout.controller(name), {});
    expect(loaded.controller).toMatchObject({ name, http: { host: '0.0.0.0', port: 8080 } });
    expect(loaded.store.password).toBe('of the store');
  }
});
