import { createHash } from 'node:crypto';
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { CutoverError, ExportFailedError, ExportNotExactError } from '../errors/index.ts';
import type { ExportEnd, ExportFile, ExportFiles } from '../ports/exportFiles.ts';

/** Bytes that are kept until they are written. */
const bufferBytes = 256 * 1024;
const ownerOnly = 0o600;
/** Ending of a file that is being written. */
const partial = '.partial';

const endSchema = z.looseObject({ complete: z.literal(true), lines: z.number().int(), sha256: z.string() });

/** Files in one directory, which has to be there. */
export function createExportFiles(directory: string): ExportFiles {
  const folder = resolve(directory);
  return {
    host: hostname(),
    async begin(prefix, name) {
      const path = join(folder, name);
      return doing(path, 'making', async () => {
        for (const left of await readdir(folder)) {
          if (left.startsWith(prefix) && left.endsWith(partial)) await rm(join(folder, left), { force: true });
        }
        return new JsonLinesFile(folder, path, await open(path + partial, 'wx', ownerOnly));
      });
    },
    read: (path) => completeLines(path),
  };
}

class JsonLinesFile implements ExportFile {
  readonly path: string;
  readonly #folder: string;
  readonly #hash = createHash('sha256');
  #handle: FileHandle | null;
  #buffer: Buffer[] = [];
  #buffered = 0;
  #lines = 0;

  constructor(folder: string, path: string, handle: FileHandle) {
    this.#folder = folder;
    this.path = path;
    this.#handle = handle;
  }

  async write(line: unknown): Promise<void> {
    const bytes = Buffer.from(`${oneLine(line)}\n`);
    this.#hash.update(bytes);
    this.#lines += 1;
    await this.#append(bytes);
  }

  async finish(last: Readonly<Record<string, unknown>>): Promise<ExportEnd> {
    const end = { lines: this.#lines, sha256: this.#hash.digest('hex') };
    await this.#append(Buffer.from(`${JSON.stringify({ complete: true, ...end, ...last })}\n`));
    await doing(this.path, 'finishing', async () => {
      await this.#flush();
      const handle = this.#open();
      await handle.sync();
      this.#handle = null;
      await handle.close();
      await rename(this.path + partial, this.path);
      // The name is durable only when its directory is.
      const folder = await open(this.#folder, 'r');
      try {
        await folder.sync();
      } finally {
        await folder.close();
      }
    });
    return end;
  }

  async discard(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    // A file that cannot be removed has the ending of one that is not complete.
    await handle?.close().catch(() => {});
    await rm(this.path + partial, { force: true }).catch(() => {});
  }

  async #append(bytes: Buffer): Promise<void> {
    this.#buffer.push(bytes);
    this.#buffered += bytes.length;
    if (this.#buffered >= bufferBytes) await doing(this.path, 'writing', () => this.#flush());
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#buffer);
    this.#buffer = [];
    this.#buffered = 0;
    for (let written = 0; written < bytes.length; ) {
      written += (await this.#open().write(bytes, written)).bytesWritten;
    }
  }

  #open(): FileHandle {
    if (this.#handle === null) throw new Error('the file is closed');
    return this.#handle;
  }
}

/** Also for readers that take U+2028 and U+2029 for ends of lines. */
function oneLine(line: unknown): string {
  return JSON.stringify(line).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}

async function* completeLines(path: string): AsyncGenerator<unknown> {
  const handle = await doing(path, 'reading', () => open(path, 'r'));
  try {
    const hash = createHash('sha256');
    let lines = 0;
    let held: string | null = null;
    for await (const line of handle.readLines({ autoClose: false })) {
      if (held !== null) {
        hash.update(`${held}\n`);
        lines += 1;
        yield parsed(path, held);
      }
      held = line;
    }
    const end = endSchema.safeParse(held === null ? null : parsed(path, held));
    if (!end.success) throw new ExportNotExactError(path, 'its last line does not say that it is complete');
    if (end.data.lines !== lines || end.data.sha256 !== hash.digest('hex')) {
      throw new ExportNotExactError(path, 'its last line does not fit those before it', { lines });
    }
  } catch (error) {
    throw error instanceof CutoverError ? error : new ExportFailedError(path, 'reading', error);
  } finally {
    await handle.close();
  }
}

function parsed(path: string, line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new ExportNotExactError(path, 'a line is not JSON');
  }
}

async function doing<T>(path: string, what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new ExportFailedError(path, what, error);
  }
}
