import { execFile, spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { guardProcess } from '../databases/guardian.ts';
import type { Machine } from './program.ts';

/** Programs that are installed here. */
export const thisMachine: Machine = {
  async start({ executable, args, folder, logFile }) {
    const log = await open(logFile, 'a');
    try {
      // A session of its own: Ctrl-C goes to the lab, which stops its servers in order.
      const child = spawn(executable, args, { cwd: folder, stdio: ['ignore', log.fd, log.fd], detached: true });
      let ending: string | null = null;
      const exited = new Promise<void>((resolve) => {
        child.once('exit', (code, signal) => {
          ending = signal ?? `exit code ${code}`;
          resolve();
        });
        child.once('error', (error) => {
          ending = error.message;
          resolve();
        });
      });
      guardProcess(child);
      return {
        pid: child.pid ?? 0,
        get ending() {
          return ending;
        },
        exited,
        kill: (signal) => void child.kill(signal),
      };
    } finally {
      await log.close();
    }
  },

  async run({ executable, args, folder }) {
    const { stdout, stderr } = await promisify(execFile)(executable, [...args], { cwd: folder });
    return stdout + stderr;
  },
};
