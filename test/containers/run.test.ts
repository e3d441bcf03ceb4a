import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const script = fileURLToPath(new URL('./run.ts', import.meta.url));

// An engine at its usual place is found whatever the environment says.
it.skipIf(existsSync('/var/run/docker.sock'))(
  'says loudly that nothing was tested where there is no container engine',
  async () => {
    const { code, told } = await new Promise<{ code: unknown; told: string }>((resolve) => {
      // A home without a configuration, and a socket that is not there.
      const env = { PATH: process.env.PATH, HOME: '/nonexistent', DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
      execFile(process.execPath, [script], { env }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : error.code, told: stdout + stderr });
      });
    });
    expect(told).toContain('SKIPPED, NOTHING HAS BEEN TESTED');
    expect(told).toMatch(/^0 passed, 0 failed, 2 skipped$/m);
    expect(code).toBe(77);
  },
);
