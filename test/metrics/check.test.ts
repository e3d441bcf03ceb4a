import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freePort, makeTempFolder, removeFolder } from '../../infra/lab/databases/index.ts';
import { projectFolder } from '../docs/documents.ts';
import { contextOf, MetricsWorld } from './world.ts';

const plugin = join(projectFolder, 'infra/monitoring/check_bigdb_cutover');
const servers: Server[] = [];
let world: MetricsWorld;

beforeEach(() => {
  world = new MetricsWorld();
});
afterEach(async () => {
  await world.metrics.stop();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
});

/** Serves the figures of the world as a controller does, or what is given. */
async function serve(answer?: RequestListener): Promise<string> {
  const server = createServer((request, reply) => {
    if (answer !== undefined) return answer(request, reply);
    if (request.headers.authorization !== 'Bearer good') return reply.writeHead(401).end();
    void world.metrics.text().then((text) => reply.end(text));
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function check(options: readonly string[], token = 'good'): Promise<{ code: number; text: string }> {
  const child = spawn(process.execPath, [plugin, ...options], {
    env: { PATH: process.env.PATH ?? '', BIGDB_CUTOVER_TOKEN: token },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += String(chunk);
  });
  const [code] = (await once(child, 'close')) as [number];
  return { code, text };
}

/** Figures of the store, and a sign of life. */
async function sampled(active: object[] = [], store: object = {}): Promise<void> {
  const census = async () => ({ active, ended: [], controllers: 1 });
  world.startSampling({ store: { census, frozen: async () => null, ...store } as never });
  await world.beat(async () => ({ storeMs: 0, known: true }));
  await world.clock.advance(1);
}
const moves = (state: string, count: number, unowned = 0) => ({
  state,
  homeRegion: 'eu-west-2',
  moves: count,
  unowned,
});

describe('check_bigdb_cutover', () => {
  test('is OK with figures where nothing is wrong', async () => {
    await sampled([moves('soaking', 3)]);
    const { code, text } = await check([`--url=${await serve()}`]);
    expect(text).toMatch(/^BIGDB CUTOVER OK - 3 moves under way, 1 controllers answer \| active=3;;;0; /);
    expect(code).toBe(0);
    const [, figures = ''] = text.trim().split(' | ');
    for (const figure of figures.split(' ')) expect(figure).toMatch(/^\w+=\d+(\.\d+)?(s|c)?;[\d.]*;[\d.]*;0;$/);
    expect(figures).toContain('needs_operator=0;1;10;0;');
    expect(text.trim().split('\n')).toHaveLength(1);
  });

  test('goes by thresholds, and the worst decides', async () => {
    await sampled([moves('needsOperator', 2), moves('rollingBack.catchUp', 2), moves('rollingBack.hold', 1)]);
    const url = `--url=${await serve()}`;
    expect(await check([url, '--rolling-back=4,5'])).toMatchObject({
      code: 1,
      text: expect.stringContaining('2 waiting'),
    });
    expect(await check([url])).toMatchObject({
      code: 2,
      text: expect.stringContaining('CRITICAL - 3 on the way back; 2'),
    });
    expect(await check([url, '--rolling-back', ',', '--needs-operator', '3,'])).toMatchObject({ code: 0 });
  });

  test('is critical where an org is held beyond its budget, or a move has no controller', async () => {
    world.step(42, 'flipping.hold', { serving: 'held' }, world.clock.nowMs() - 2_000);
    await sampled([moves('flipping.hold', 1)]);
    const url = `--url=${await serve()}`;
    expect(await check([url])).toMatchObject({ code: 0, text: expect.stringContaining('held=1;') });
    await world.clock.advance(1_500);
    expect(await check([url])).toMatchObject({ code: 2, text: expect.stringContaining('org 42 held beyond') });
    world.metrics.onReleased(contextOf(42));
    expect(await check([url])).toMatchObject({ code: 0 });
  });

  test('is critical where a controller lost its store, and warns of lag by its limit', async () => {
    world.step(42, 'soaking', { serving: 'cluster' });
    world.lags.set(42, { lagMs: 20_000, origin: 'c', atMs: world.clock.monotonicMs() });
    await sampled([moves('soaking', 1, 1)]);
    const url = `--url=${await serve()}`;
    expect(await check([url])).toMatchObject({
      code: 2,
      text: expect.stringContaining('1 without a controller; lag of org 42 20 s of 30 s'),
    });
    await world.beat(() => Promise.reject(new Error('gone'))).catch(() => {});
    expect(await check([url])).toMatchObject({ code: 2, text: expect.stringContaining('the store does not answer') });
  });

  test('says UNKNOWN where the token is refused or the answer is none of a controller', async () => {
    await sampled();
    expect(await check([`--url=${await serve()}`], 'bad')).toMatchObject({
      code: 3,
      text: expect.stringContaining('401'),
    });
    const page = await serve((_, reply) => reply.end('<html>'));
    expect(await check([`--url=${page}`])).toMatchObject({ code: 3 });
    const other = await serve((_, reply) => reply.end('up 1\n'));
    expect(await check([`--url=${other}`])).toMatchObject({
      code: 3,
      text: expect.stringContaining('not the figures'),
    });
  });

  test('says CRITICAL, or what is asked for, where nobody answers in time', async () => {
    const nobody = `--url=http://127.0.0.1:${await freePort()}`;
    expect(await check([nobody])).toMatchObject({ code: 2, text: expect.stringContaining('ECONNREFUSED') });
    expect(await check([nobody, '--unreachable=unknown'])).toMatchObject({ code: 3 });
    const mute = await serve(() => {});
    expect(await check([`--url=${mute}`, '--timeout=0.3'])).toMatchObject({
      code: 2,
      text: expect.stringContaining('no answer in time'),
    });
    // One of two is enough to judge by, and a warning.
    await sampled();
    expect(await check([nobody, `--url=${await serve()}`])).toMatchObject({
      code: 1,
      text: expect.stringContaining('1 of 2 controllers do not answer'),
    });
  });

  test('says UNKNOWN to wrong usage, and takes its token from a file', async () => {
    await sampled();
    const url = `--url=${await serve()}`;
    for (const wrong of [
      [],
      [url, '--lag=x,1'],
      [url, '--what=1'],
      [url, '--lag'],
      [url, '--unreachable=ok'],
      ['--url=ftp://x'],
    ]) {
      expect(await check(wrong)).toMatchObject({ code: 3 });
    }
    expect(await check([url], '')).toMatchObject({ code: 3, text: expect.stringContaining('there is no token') });
    const folder = await makeTempFolder('bigdb-token-');
    await writeFile(join(folder, 'token'), 'good\n');
    expect(await check([url, `--token-file=${join(folder, 'token')}`], '')).toMatchObject({ code: 0 });
    expect(await check([url, `--token-file=${join(folder, 'none')}`], '')).toMatchObject({ code: 3 });
    await removeFolder(folder);
  });
});
