import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeTempFolder, pollUntil, removeFolder } from '../../infra/lab/databases/index.ts';
import { machineOf } from '../../infra/lab/programs/index.ts';

// On this machine, or in containers of the image that the environment names: nobody can tell the difference.
const machine = machineOf('mariadb');

let folder: string;
let logFile: string;
beforeAll(async () => {
  folder = await makeTempFolder('bigdb-programs-');
  logFile = join(folder, 'log.txt');
});
afterAll(() => removeFolder(folder));

const log = () => readFileSync(logFile, 'utf8');
const shell = (script: string) => ({ executable: 'sh', args: ['-c', script], folder });
const running = 'while true; do sleep 0.05; done';

it('gives what a program writes, in the folder that it is given', async () => {
  // A container engine carries the two streams each for itself.
  const text = await machine.run(shell('pwd; echo told >&2; echo kept > kept.txt'));
  expect(text.trim().split('\n').sort()).toEqual([folder, 'told']);
  expect(readFileSync(join(folder, 'kept.txt'), 'utf8')).toBe('kept\n');
});

it('tells that a program failed', async () => {
  await expect(machine.run(shell('echo broken >&2; exit 3'))).rejects.toThrow(/broken/);
});

it('starts a server that can be frozen, goes on, and ends as it likes', async () => {
  const server = await machine.start({ ...shell(`trap "echo bye; exit 7" TERM; echo ready; ${running}`), logFile });
  await pollUntil('its first words', async () => log().includes('ready'));
  expect(server.ending).toBeNull();
  const state = async () => /State:\s+(\w)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1];
  server.kill('SIGSTOP');
  await pollUntil('it to stand still', async () => (await state()) === 'T');
  server.kill('SIGTERM');
  server.kill('SIGCONT');
  await server.exited;
  expect(server.ending).toBe('exit code 7');
  await pollUntil('its last words', async () => log().includes('bye'));
  // Whoever has gone hears nothing, and somebody else may have its number.
  server.kill('SIGKILL');
});

it('tells by which signal a server ended', async () => {
  const server = await machine.start({ ...shell(running), logFile });
  server.kill('SIGKILL');
  await server.exited;
  expect(server.ending).toBe('SIGKILL');
});

it('tells that a server ended at once', async () => {
  const server = await machine.start({ ...shell('exit 9'), logFile });
  await server.exited;
  expect(server.ending).toBe('exit code 9');
});
