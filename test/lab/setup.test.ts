import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const PREPARE = fileURLToPath(new URL('../../infra/setup/prepare.sh', import.meta.url));
const RUN = fileURLToPath(new URL('../../infra/setup/run.sh', import.meta.url));

describe('set-up', () => {
  test('has nothing to say to stdout, and leaves it to the script that it runs', () => {
    const prepared = spawnSync('bash', [PREPARE], { encoding: 'utf8' });
    expect(prepared).toMatchObject({ status: 0, stdout: '' });
    const script =
      'console.log(JSON.stringify([process.versions.node.split(".")[0], ...process.argv.slice(1)])); process.exit(3)';
    const ran = spawnSync('bash', [RUN, '-e', script, '--', 'two words', '--json'], { encoding: 'utf8' });
    expect(ran.status).toBe(3);
    expect(JSON.parse(ran.stdout)).toEqual(['26', 'two words', '--json']);
  });

  test('is over in a moment when nothing is missing', () => {
    const startedAt = performance.now();
    const prepared = spawnSync('bash', [PREPARE], { encoding: 'utf8' });
    // Where MySQL cannot be had, it is tried anew each time.
    if (prepared.stderr === '') expect(performance.now() - startedAt).toBeLessThan(300);
  });

  test('becomes the script, so that signals reach it', async () => {
    const script =
      "process.on('SIGTERM', () => process.exit(7)); console.log(process.pid); setInterval(() => {}, 60000)";
    const child = spawn('bash', [RUN, '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
    expect(Number(chunk.toString())).toBe(child.pid);
    child.kill('SIGTERM');
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(7);
  });

  test('names what it needs when it is called with nothing', () => {
    const ran = spawnSync('bash', [RUN], { encoding: 'utf8' });
    expect(ran.status).toBe(2);
    expect(ran.stderr).toContain('usage');
  });
});
