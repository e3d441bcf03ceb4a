import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exampleEnv, exampleWith } from '../config/example.ts';

let folder: string;
let child: ChildProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cutover-serve-'));
});
afterEach(async () => {
  if (child && child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  child = undefined;
  rmSync(folder, { recursive: true });
});

function start(script: 'main' | 'fixture', text: string, ...options: string[]) {
  return startWith({}, script, text, ...options);
}

function startWith(variables: Record<string, string>, script: 'main' | 'fixture', text: string, ...options: string[]) {
  const config = join(folder, 'cutover.yaml');
  writeFileSync(config, text);
  const args =
    script === 'main' ? ['src/cli/main.ts', 'serve', '--config', config] : ['test/http/serveFixture.ts', config];
  const running = spawn(process.execPath, [...args, ...options], {
    cwd: new URL('../../', import.meta.url).pathname,
    env: { PATH: process.env.PATH, ...exampleEnv, ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child = running;
  const lines: string[] = [];
  const stdout = createInterface({ input: running.stdout }).on('line', (line) => lines.push(line));
  let stderr = '';
  running.stderr.on('data', (data) => {
    stderr += data;
  });
  return {
    running,
    lines,
    logged: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    async ended() {
      const [[code, signal]] = await Promise.all([once(running, 'close'), once(stdout, 'close')]);
      return { code, signal, stderr };
    },
  };
}

const freePort = exampleWith(['port: 8080', 'port: 0']);

describe('serve', () => {
  it.each([
    'SIGTERM',
    'SIGINT',
  ] as const)('answers until %s, then ends with 0 and nothing but log lines', async (signal) => {
    const serving = start('fixture', freePort);
    const listening = () => serving.logged().find((line) => line.msg === 'listening');
    await expect.poll(listening, { timeout: 20_000 }).toBeDefined();
    const address = String(listening()?.address);
    expect((await fetch(`${address}/healthz`)).status).toBe(200);
    const ended = serving.ended();
    serving.running.kill(signal);
    expect(await ended).toEqual({ code: 0, signal: null, stderr: '' });
    const messages = serving.logged().map((line) => line.msg);
    expect(messages.slice(-3)).toEqual(['stopping', 'the controller has stopped', 'stopped']);
  });

  it('refuses a configuration with faults: all of them, exit code 2, nothing started', async () => {
    const serving = start(
      'main',
      exampleWith(
        ['port: 8080', 'port: http'],
        ['{ env: CUTOVER_STORE_PASSWORD }', '{ env: NOT_SET_ANYWHERE }'],
        ['by: user', 'by: guess'],
      ),
    );
    const { code, stderr } = await serving.ended();
    expect([code, serving.lines]).toEqual([2, []]);
    for (const part of ['3 faults', 'controller.http.port', 'store.password', 'NOT_SET_ANYWHERE', 'routing.by']) {
      expect(stderr).toContain(part);
    }
  });

  it.each([
    ['is not asked for by the configuration', 'flip.hold.before=kill', freePort],
    ['does not exist', 'flip.nothing=kill', freePort.replace('controller:\n', 'controller:\n  failpoints: true\n')],
  ])('refuses a failpoint that %s', async (_, points, text) => {
    const serving = startWith({ BIGDB_CUTOVER_FAILPOINT: points }, 'main', text);
    const { code, stderr } = await serving.ended();
    expect([code, serving.lines]).toEqual([2, []]);
    expect(stderr).toContain('controller.failpoints');
  });

  it('tells them as a problem under --json', async () => {
    const serving = start('main', exampleWith(['port: 8080', 'port: http']), '--json');
    const { code, stderr } = await serving.ended();
    expect(code).toBe(2);
    expect(JSON.parse(stderr)).toMatchObject({
      code: 'CONFIG_INVALID',
      details: { faults: [{ path: 'controller.http.port', position: expect.stringMatching(/^\d+:\d+$/) }] },
    });
  });

  describe('with its port taken', () => {
    let taken: Server;
    beforeEach(async () => {
      taken = createServer().listen(0, '127.0.0.1');
      await once(taken, 'listening');
    });
    afterEach(() => new Promise((resolve) => taken.close(resolve)));

    it('ends with 1 after the controller has stopped', async () => {
      const address = taken.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const serving = start('fixture', exampleWith(['port: 8080', `port: ${port}`]));
      const { code } = await serving.ended();
      expect(code).toBe(1);
      expect(serving.logged().map((line) => line.msg)).toEqual(['the controller ends', 'the controller has stopped']);
    });
  });
});
