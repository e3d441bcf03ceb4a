import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import type { SecureVersion } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { freePort, makeTempFolder, removeFolder } from '../../infra/lab/databases/index.ts';
import { type ControllerProcess, startController } from '../../infra/lab/estate/controllerProcess.ts';
import { loadConfig } from '../../src/config/index.ts';
import { exampleEnv } from '../config/example.ts';
import { unreachableExample } from '../config/unreachable.ts';
import { type Authority, type CertificateFiles, makeAuthority } from './certificates.ts';

const projectFile = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const token = 'a-token-that-is-sent-encrypted';

let folder: string;
let port: number;
let right: Authority;
let wrong: Authority;
let files: CertificateFiles;
let controller: ControllerProcess;

beforeAll(async () => {
  folder = await makeTempFolder('bigdb-api-tls-');
  right = await makeAuthority(folder, 'right');
  wrong = await makeAuthority(folder, 'wrong');
  files = await right.issue('localhost');
  port = await freePort();
  controller = await startController('a', { text: configured(files), env: { ...exampleEnv } }, folder);
});
afterAll(async () => {
  await controller?.stop();
  await removeFolder(folder);
});

function configured(tls: CertificateFiles): string {
  const document = parse(unreachableExample({ host: '127.0.0.1', port, tls }));
  document.tokens = [{ name: 't', role: 'viewer', sha256: createHash('sha256').update(token).digest('hex') }];
  return stringify(document);
}

/** Status of /healthz for a client that trusts `authority` alone. */
function healthz(authority: Authority, { name = 'localhost', newest }: { name?: string; newest?: SecureVersion } = {}) {
  return new Promise<number | undefined>((resolve, reject) => {
    const ca = readFileSync(authority.caFile);
    get(
      {
        host: '127.0.0.1',
        port,
        path: '/healthz',
        servername: name,
        ca,
        agent: false,
        ...(newest !== undefined && { minVersion: 'TLSv1', maxVersion: newest }),
      },
      (reply) => {
        reply.resume();
        resolve(reply.statusCode);
      },
    ).on('error', reject);
  });
}

/** A program of the project; its exit code and what it wrote. */
function program(args: readonly string[], env: Record<string, string>): Promise<{ code: unknown; told: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, told: stdout + stderr });
    });
  });
}

const status = (env: Record<string, string>) =>
  program([projectFile('src/cli/main.ts'), 'fleet', '--json', '--api', `https://localhost:${port}`], {
    BIGDB_CUTOVER_TOKEN: token,
    ...env,
  });

it('answers who trusts its authority, and tells its address as https', async () => {
  expect(controller.api).toBe(`https://127.0.0.1:${port}`);
  expect(await healthz(right)).toBe(200);
});

it('proves itself by its own certificate alone', async () => {
  await expect(healthz(wrong)).rejects.toThrow(/certificate/);
  await expect(healthz(right, { name: 'elsewhere.example.net' })).rejects.toThrow(/does not match/);
});

it('speaks no old version, and nothing in the clear', async () => {
  expect(await healthz(right, { newest: 'TLSv1.2' })).toBe(200);
  await expect(healthz(right, { newest: 'TLSv1.1' })).rejects.toThrow(/version|protocol/i);
  await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
  // None of that has disturbed it.
  expect(await healthz(right)).toBe(200);
});

it('is found healthy by the health check of its image', async () => {
  const health = [projectFile('infra/container/health.ts'), join(folder, 'a.yaml')];
  expect(await program(health, {})).toEqual({ code: 0, told: '' });
});

it('is taken by the command line where its authority is known', async () => {
  const told = (await status({ NODE_EXTRA_CA_CERTS: right.caFile })).told;
  // The store is not there: an answer of the API, not a failure to reach it.
  expect(told).toContain('STORE_UNAVAILABLE');
});

it.each<[string, () => Record<string, string>]>([
  ['another authority', () => ({ NODE_EXTRA_CA_CERTS: wrong.caFile })],
  ['the usual authorities', () => ({})],
])('is refused by the command line that knows %s, with the reason', async (_, env) => {
  const { code, told } = await status(env());
  expect(told).toMatch(/API_UNREACHABLE/);
  expect(told).toMatch(/certificate/);
  expect(code).not.toBe(0);
});

it('is no configuration with the key of another certificate, and the key is not shown', async () => {
  const other = await wrong.issue('localhost');
  const path = join(folder, 'mixed.yaml');
  writeFileSync(path, configured({ certFile: files.certFile, keyFile: other.keyFile }));
  const load = () => loadConfig(path, exampleEnv);
  expect(load).toThrow(/controller\.http\.tls.*do not belong together/s);
  writeFileSync(path, configured({ certFile: files.keyFile, keyFile: files.keyFile }));
  expect(load).toThrow(/controller\.http\.tls/);
  const [, secret = 'no key'] = readFileSync(files.keyFile, 'utf8').split('\n');
  expect(load).not.toThrow(secret);
});
