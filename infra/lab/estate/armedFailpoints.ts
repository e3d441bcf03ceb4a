import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { failpointVariable } from '../../../src/failpoints/arm.ts';

/** A folder that tells controllers at which points to stop, looked into by them at every point. */
export class ArmedFailpoints {
  readonly #folder: string;
  /** What a controller has to be started with, beside `controller.failpoints`. */
  readonly env: Readonly<Record<string, string>>;

  /** @param folder the lab's */
  constructor(folder: string) {
    this.#folder = join(folder, 'failpoints');
    this.env = { [failpointVariable]: `@${this.#folder}` };
  }

  /** `POINT[@KEY]=ACTION` each, in place of what was armed. */
  async arm(points: readonly string[]): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    await this.disarm(await this.left());
    await this.armToo(points);
  }

  /** Beside what is armed. */
  async armToo(points: readonly string[]): Promise<void> {
    await Promise.all(points.map((point) => writeFile(join(this.#folder, point), '')));
  }

  async disarm(points: readonly string[]): Promise<void> {
    await Promise.all(points.map((point) => rm(join(this.#folder, point), { force: true })));
  }

  /** What was armed and has not happened yet. */
  left(): Promise<string[]> {
    return readdir(this.#folder);
  }

  /** Every point that any controller has come to. */
  async reached(): Promise<Set<string>> {
    const text = await readFile(`${this.#folder}.reached`, 'utf8');
    return new Set(text.split('\n').map((line) => line.split(' ')[0] ?? ''));
  }
}
