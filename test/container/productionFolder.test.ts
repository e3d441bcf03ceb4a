import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, copyFile, link, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { freePort, guardProcess, makeTempFolder, removeFolder } from '../../infra/lab/databases/index.ts';
import { exampleEnv, exampleText } from '../config/example.ts';
import { unreachableExample } from '../config/unreachable.ts';
import { textOf } from '../docs/documents.ts';
import { makeProductionFolder } from './productionFolder.ts';

/** Where this runs as root, what is tried runs as nobody: it may read all and write nothing. */
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

const lockFile = z.object({
  packages: z.record(z.string(), z.object({ dev: z.boolean().default(false), optional: z.boolean().default(false) })),
});

let folder: string;
let node: string;
let config: string;
let api: string;
let controller: ChildProcess;
let told = '';

beforeAll(async () => {
  folder = await makeTempFolder('bigdb-production-');
  await makeProductionFolder(folder);
  // Its Node is the machine's: here the project's own, at a place that nobody can reach too.
  node = join(folder, 'machine-node');
  await link(process.execPath, node).catch(() => copyFile(process.execPath, node));

  const port = await freePort();
  api = `http://127.0.0.1:${port}`;
  config = join(folder, 'production.yaml');
  await writeFile(config, unreachableExample({ host: '127.0.0.1', port }));
  await chmod(config, 0o644);
  controller = start('src/cli/main.ts', 'serve', '--config', config);
  for (const stream of [controller.stdout, controller.stderr]) {
    stream?.on('data', (data: Buffer) => {
      told += data;
    });
  }
}, 400_000);

afterAll(async () => {
  controller?.kill('SIGKILL');
  await removeFolder(folder);
});

function start(...args: readonly string[]): ChildProcess {
  const child = spawn(node, args, {
    cwd: folder,
    ...nobody,
    env: { PATH: '/nowhere', HOME: '/nowhere', AWS_EC2_METADATA_DISABLED: 'true', ...exampleEnv },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  guardProcess(child);
  return child;
}

it('has what is depended on in production, and nothing of development', () => {
  const { packages } = lockFile.parse(JSON.parse(textOf('package-lock.json')));
  const wanted = Object.entries(packages).filter(([path, { optional }]) => path !== '' && !optional);
  const there = (path: string) => existsSync(join(folder, path));
  const [development, production] = [true, false].map((dev) => wanted.filter(([, each]) => each.dev === dev));
  expect(development?.length).toBeGreaterThan(0);
  expect(development?.filter(([path]) => there(path)).map(([path]) => path)).toEqual([]);
  expect(production?.filter(([path]) => !there(path)).map(([path]) => path)).toEqual([]);
});

it('starts against hosts that are not there, and /readyz names each of them', async () => {
  await expect.poll(() => fetch(`${api}/healthz`).then((reply) => reply.status), { timeout: 60_000 }).toBe(200);
  const reply = await fetch(`${api}/readyz`);
  const text = await reply.text();
  expect(reply.status).toBe(503);
  const document = parse(exampleText);
  const names = [...document.sites, ...document.clusters, ...document.proxies].map(
    ({ name }: { name: string }) => name,
  );
  for (const dependency of ['store', 'CoreDB', ...names, ...Object.keys(document.dms.regions)]) {
    expect(text.toLowerCase(), dependency).toContain(dependency.toLowerCase());
  }
  told += text;
});

it('serves the page and its libraries', async () => {
  const page = await (await fetch(api)).text();
  const imports = [...page.matchAll(/"(\/[^"]+\.js)"/g)].map(([, path = '']) => path);
  expect(imports.length).toBeGreaterThan(0);
  for (const path of imports) expect((await fetch(api + path)).status, path).toBe(200);
});

it('is found healthy by the health check of its image, and unhealthy once it has gone', async () => {
  const health = () => promisify(execFile)(node, ['infra/container/health.ts', config], { cwd: folder, ...nobody });
  await health();
  expect(controller.exitCode).toBeNull();
  const ended = once(controller, 'exit');
  controller.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  await expect(health()).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^unhealthy: .*ECONNREFUSED/),
  });
});

it('has shown no secret, and nothing crashed', () => {
  expect(told).toContain('"msg":"stopped"');
  expect(Object.values(exampleEnv).filter((secret) => told.includes(secret))).toEqual([]);
  expect(told).not.toMatch(/uncaught|unhandled|^\s+at /im);
});
