import { createWriteStream } from 'node:fs';
import { constants } from 'node:os';
import { PassThrough, type Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { LabDatabaseError } from '../databases/errors.ts';
import { guardPid } from '../databases/guardian.ts';
import type { Machine, ProgramOptions } from './program.ts';

/** The container engine that the environment names or that is at its usual place. Throws where none answers. */
export async function containerEngine() {
  // The servers share this machine's network: nobody has to look for the engine's own, which may not be there.
  process.env.TESTCONTAINERS_HOST_OVERRIDE ??= '127.0.0.1';
  // Loaded for this alone: who has no containers does without it.
  const { getContainerRuntimeClient } = await import('testcontainers');
  return getContainerRuntimeClient();
}

/**
 * Programs of an image. They share this machine's network, its folder under the same path, and the account of this
 * process: so every address, file and process number is what it would be without the container, and whoever uses the
 * server need not know.
 */
export function containersOf(image: string): Machine {
  const created = async ({ executable, args, folder }: ProgramOptions, output: Writable) => {
    const client = await containerEngine();
    const { ImageName } = await import('testcontainers');
    await client.image.pull(ImageName.fromString(image)).catch((error: unknown) => {
      throw new LabDatabaseError(
        'LAB_SERVER_NOT_INSTALLED',
        `the image ${image} is not here and cannot be fetched`,
        'make it, or name another one in the environment',
        error,
      );
    });
    const container = await client.container.create({
      Image: image,
      Entrypoint: [executable],
      Cmd: [...args],
      User: `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`,
      WorkingDir: folder,
      Labels: { 'bigdb-cutover.lab': String(process.pid) },
      HostConfig: { NetworkMode: 'host', Binds: [`${folder}:${folder}`], AutoRemove: true },
    });
    const told = await container.attach({ stream: true, stdout: true, stderr: true });
    container.modem.demuxStream(told, output, output);
    told.on('end', () => output.end());
    // Asked for before the start: what ends at once is gone before anybody could ask.
    const ended = container.wait({ condition: 'next-exit' }) as Promise<{ StatusCode: number }>;
    ended.catch(() => {});
    return { client, container, ended };
  };

  return {
    async start({ logFile, ...options }) {
      const { client, container, ended } = await created(options, createWriteStream(logFile, { flags: 'a' }));
      let ending: string | null = null;
      const exited = ended.then(
        ({ StatusCode }) => {
          ending = endingOf(StatusCode);
        },
        (error: unknown) => {
          ending = String(error);
        },
      );
      await container.start();
      const pid = await client.container.inspect(container).then(
        ({ State }) => State.Pid,
        // It has ended and is gone.
        () => 0,
      );
      if (pid !== 0) guardPid(pid, exited);
      return {
        pid,
        get ending() {
          return ending;
        },
        exited,
        kill(signal) {
          if (pid === 0 || ending !== null) return;
          try {
            process.kill(pid, signal);
          } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
          }
        },
      };
    },

    async run(options) {
      const output = new PassThrough();
      let text = '';
      output.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      const { container, ended } = await created(options, output);
      await container.start();
      const { StatusCode } = await ended;
      await finished(output);
      if (StatusCode === 0) return text;
      throw new Error(`${options.executable} in ${image} ended with ${endingOf(StatusCode)}: ${text.slice(-500)}`);
    },
  };
}

/** Engines tell a signal as 128 and its number. */
function endingOf(status: number): string {
  const signal = Object.entries(constants.signals).find(([, number]) => number === status - 128)?.[0];
  return signal ?? `exit code ${status}`;
}
