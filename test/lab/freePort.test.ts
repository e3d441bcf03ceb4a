import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { freePort } from '../../infra/lab/databases/index.ts';

const module = fileURLToPath(new URL('../../infra/lab/databases/freePort.ts', import.meta.url));

/** Ports that a process of its own takes, while this one has its own. */
async function elsewhere(count: number): Promise<number[]> {
  const script = `import { freePort } from ${JSON.stringify(module)};
    console.log(JSON.stringify(await Promise.all(Array.from({ length: ${count} }, freePort))));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
  return JSON.parse(stdout) as number[];
}

it('gives no port twice, to nobody, though nobody listens there', async () => {
  const here = await Promise.all(Array.from({ length: 250 }, freePort));
  const others = (await Promise.all([0, 1, 2].map(() => elsewhere(250)))).flat();
  expect(new Set(here).size).toBe(250);
  expect(others.length).toBe(750);
  expect(others.filter((port) => here.includes(port))).toEqual([]);
});
