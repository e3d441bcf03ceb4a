import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { createCoreDb } from '../../infra/lab/bigdb/index.ts';
import { makeTempFolder, onServer, removeFolder, startMariaDb } from '../../infra/lab/databases/index.ts';
import { startProxySql } from '../../infra/lab/proxysql/start.ts';
import { exampleText } from '../config/example.ts';
import { Secrets } from './secrets.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
/** Nothing listens there. */
const nowhere = 1;
/** Longest run of a command (milliseconds). */
const commandWithinMs = 10_000;
export const orgId = 42;

/** What answers: nothing; store and CoreDB, everything else refusing; or everything refusing. */
export type Mood = 'unreachable' | 'refusing places' | 'refusing all';

/** A configuration in which every secret is known, and programs that use it. */
export interface Scene {
  readonly secrets: Secrets;
  /** Writes the configuration for a mood; gives its path. */
  config(mood: Mood): Promise<string>;
  /** Runs a command to its end, or for ten seconds; gives all that it wrote. */
  run(args: readonly string[], variables?: Record<string, string>): Promise<string>;
  /** Starts a controller, lets it be used, ends it; gives all that it wrote. */
  serve(config: string, use: (api: string) => Promise<void>): Promise<string>;
  stop(): Promise<void>;
}

export async function startScene(): Promise<Scene> {
  const folder = await makeTempFolder('bigdb-secrets-');
  const secrets = new Secrets();
  const ends: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const end of ends.toReversed()) await end();
    await removeFolder(folder);
  };
  try {
    const server = await startMariaDb({ name: 'all', baseDir: folder });
    ends.push(() => server.stop());
    const proxy = await startProxySql({ name: 'proxy', baseDir: folder });
    ends.push(() => proxy.stop());
    const aws = await startUnfriendlyAws();
    ends.push(aws.stop);

    const document = parse(exampleText);
    await createCoreDb(server, [{ orgId, homeRegion: 'eu-west-2' }]);
    document.controller.http.port = 0;
    document.controller.logLevel = 'trace';
    for (const role of ['operator', 'approver', 'admin']) {
      secrets.make(`token-of-${role}`, `s3cr3t-token+of/${role}==`);
    }
    document.tokens = ['operator', 'approver', 'admin'].map((role) => ({
      name: `the-${role}`,
      role,
      sha256: createHash('sha256')
        .update(secrets.value(`token-of-${role}`))
        .digest('hex'),
    }));
    document.store.password = secrets.make('store');
    document.coredb.password = secrets.make('coredb');
    for (const place of [...document.sites, ...document.clusters]) {
      place.password = secrets.make(place.name);
      place.purge.password = secrets.make(`${place.name} purge`);
    }
    for (const each of document.proxies) each.adminPassword = secrets.make(each.name);
    document.dms.credentials = {
      accessKeyId: secrets.make('access-key', 'AKIAS3CR3TACCESSKEY1'),
      secretAccessKey: secrets.make('secret-key'),
    };
    // A key set that has a private key in it by mistake.
    await writeFile(
      join(folder, 'jwks.json'),
      JSON.stringify({ keys: [{ kty: 'oct', k: secretOf('jwt-key', secrets), kid: 'k1', alg: 'HS256' }] }),
    );
    document.jwt = { issuer: 'https://login.example.net/', audience: 'bigdb-cutover', keys: { file: 'jwks.json' } };
    // Their paths are secrets, as a chat's are. The second one repeats in its answer what it was sent.
    document.webhooks = ['https://127.0.0.1:1', aws.url].map((url, index) => {
      secrets.make(`hook-path-${index}`, `s3cr3t-path-of-hook-${index}`);
      secrets.env[`HOOK_URL_${index}`] = `${url}/${secrets.value(`hook-path-${index}`)}`;
      const secret = secrets.make(`hook-secret-${index}`, `s3cr3t-of-hook-${index}+/ ?=&%"zz`);
      return { name: `hook-${index}`, url: { env: `HOOK_URL_${index}` }, secret };
    });
    secrets.make('db-user');
    await onServer(server, (connection) =>
      connection.query(
        `CREATE DATABASE bigdb_cutover_store;
         CREATE USER 'cutover'@'%' IDENTIFIED BY ?; GRANT ALL ON bigdb_cutover_store.* TO 'cutover'@'%';
         CREATE USER 'cutover_read'@'%' IDENTIFIED BY ?; GRANT SELECT ON CoreDB.* TO 'cutover_read'@'%'`,
        [secrets.value('store'), secrets.value('coredb')],
      ),
    );

    const variables = { PATH: process.env.PATH, HOME: folder, ...secrets.env };
    const start = (args: readonly string[], more: Record<string, string> = {}) => {
      const child = spawn(process.execPath, [main, ...args], {
        env: { ...variables, ...more },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let told = '';
      const hear = (data: Buffer) => {
        told += data;
      };
      for (const stream of [child.stdout, child.stderr]) stream.on('data', hear);
      return { child, told: () => told };
    };

    return {
      secrets,
      stop,
      async config(mood) {
        const changed = structuredClone(document);
        const answers = mood !== 'unreachable';
        const at = (place: { host: string; port: number }) => {
          place.host = '127.0.0.1';
          place.port = answers ? server.port : nowhere;
        };
        for (const place of [changed.store, changed.coredb, ...changed.sites, ...changed.clusters]) {
          at(place);
          delete place.tls;
        }
        // Two regions never share a cluster: one server under two names.
        for (const cluster of changed.clusters.slice(1)) cluster.host = 'localhost';
        if (mood === 'refusing all') {
          // Passwords of something else: each is somebody's secret all the same.
          changed.store.password = document.coredb.password;
          changed.coredb.password = document.store.password;
        }
        for (const [index, each] of changed.proxies.entries()) {
          each.host = index === 0 ? '127.0.0.1' : `127.0.0.${index + 1}`;
          each.adminPort = answers && index === 0 ? proxy.adminPort : nowhere;
          delete each.tls;
        }
        for (const region of Object.values<{ endpoint?: string }>(changed.dms.regions)) {
          region.endpoint = answers ? aws.url : `http://127.0.0.1:${nowhere}`;
        }
        const path = join(folder, `${mood.replace(' ', '-')}.yaml`);
        await writeFile(path, stringify(changed));
        await mkdir(join(folder, 'exports'), { recursive: true });
        return path;
      },
      async run(args, more) {
        const { child, told } = start(args, more);
        // `diagnose` waits for DMS as long as it does not answer.
        const impatience = setTimeout(() => child.kill('SIGKILL'), commandWithinMs);
        await once(child, 'close');
        clearTimeout(impatience);
        return told();
      },
      async serve(config, use) {
        const { child, told } = start(['serve', '--config', config]);
        const closed = once(child, 'close');
        try {
          const address = await listening(told, closed);
          await use(address);
        } finally {
          child.kill('SIGTERM');
          await closed;
        }
        return told();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function secretOf(name: string, secrets: Secrets): string {
  secrets.make(name, 's3cr3t-jwt-key_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz');
  return secrets.value(name);
}

async function listening(told: () => string, closed: Promise<unknown>): Promise<string> {
  let over = false;
  void closed.then(() => {
    over = true;
  });
  for (;;) {
    const address = /"address":"(http[^"]+)"/.exec(told())?.[1];
    if (address !== undefined) return address;
    if (over) throw new Error(`the controller ended: ${told()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Refuses every call, and repeats in its answer all that it was sent. */
async function startUnfriendlyAws(): Promise<{ url: string; stop: () => Promise<void> }> {
  const server = createServer((request, reply) => {
    reply.statusCode = 403;
    reply.setHeader('content-type', 'application/x-amz-json-1.1');
    const message = `you sent ${JSON.stringify(request.headers)}`;
    reply.end(JSON.stringify({ __type: 'AccessDeniedFault', message }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
