import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { failpointVariable } from '../../../src/failpoints/arm.ts';

/** A file that tells controllers at which points to stop, looked into by them at every point. */
export class ArmedFailpoints {
  readonly #file: string;
  /** What a controller has to be started with, beside `controller.failpoints`. */
  readonly env: Readonly<Record<string, string>>;

  /** @param folder the lab's */
  constructor(folder: string) {
    this.#file = join(folder, 'failpoints');
    this.env = { [failpointVariable]: `@${this.#file}` };
  }

  /** `POINT[@KEY]=ACTION` each, in place of what was armed. Renamed into place: controllers read it at any moment. */
  async arm(points: readonly string[]): Promise<void> {
    await writeFile(`${this.#file}.new`, points.join(','));
    await rename(`${this.#file}.new`, this.#file);
  }

  /** What was armed and has not happened yet; empty: all has. */
  left(): Promise<string> {
    return readFile(this.#file, 'utf8');
  }

  /** Every point that any controller has come to. */
  async reached(): Promise<Set<string>> {
    const text = await readFile(`${this.#file}.reached`, 'utf8');
    return new Set(text.split('\n').map((line) => line.split(' ')[0] ?? ''));
  }
}
