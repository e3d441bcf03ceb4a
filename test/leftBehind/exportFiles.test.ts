import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createExportFiles } from '../../src/adapters/exportFiles.ts';
import type { ExportFile, ExportFiles } from '../../src/ports/exportFiles.ts';

let folder: string;
let files: ExportFiles;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bigdb-cutover-exports-'));
  files = createExportFiles(folder);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const odd = { text: 'line\nand\rothers\u2028\u2029', lone: '\ud800', deep: { base64: 'AP8=' }, none: null };

async function linesOf(path: string): Promise<unknown[]> {
  const lines: unknown[] = [];
  for await (const line of files.read(path)) lines.push(line);
  return lines;
}

async function written(file: ExportFile, lines: readonly unknown[]): Promise<string> {
  for (const line of lines) await file.write(line);
  await file.finish({ rows: lines.length });
  return file.path;
}

describe('a file of rows', () => {
  it('reads back as it was written, whatever is in it, and is its owner’s alone', async () => {
    const many = Array.from({ length: 5_000 }, (_, n) => ({ n, ...odd }));
    const path = await written(await files.begin('a_', 'a_1.jsonl'), many);
    expect(await linesOf(path)).toEqual(many);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['a_1.jsonl']);
    // One document a line, also for those that take more characters for ends of lines.
    expect((await readFile(path, 'utf8')).split(/\r|\u2028|\u2029|\n/)).toHaveLength(many.length + 2);
  });

  it('has its name only when it is complete; what a run left that was cut off goes when the next begins', async () => {
    const cut = await files.begin('a_', 'a_1.jsonl');
    await cut.write(odd);
    expect(await readdir(folder)).toEqual(['a_1.jsonl.partial']);
    const other = await files.begin('b_', 'b_1.jsonl');
    const path = await written(await files.begin('a_', 'a_2.jsonl'), [odd]);
    expect((await readdir(folder)).sort()).toEqual(['a_2.jsonl', 'b_1.jsonl.partial']);
    // The run that was cut off comes back: it does not get a name for what is gone.
    await expect(cut.finish({})).rejects.toMatchObject({ code: 'EXPORT_FAILED' });
    await cut.discard();
    await other.discard();
    expect(await readdir(folder)).toEqual(['a_2.jsonl']);
    expect(await linesOf(path)).toEqual([odd]);
  });

  it('takes the place of one with the same name in one step', async () => {
    await written(await files.begin('a_', 'a_1.jsonl'), [1]);
    const again = await files.begin('a_', 'a_1.jsonl');
    await again.write(2);
    expect(await linesOf(again.path)).toEqual([1]);
    await again.finish({});
    expect(await linesOf(again.path)).toEqual([2]);
  });

  it('is refused where it was cut, changed, or never finished', async () => {
    const path = await written(await files.begin('a_', 'a_1.jsonl'), [{ n: 1 }, { n: 2 }]);
    const whole = await readFile(path, 'utf8');
    const refused = { code: 'EXPORT_NOT_EXACT' };
    await truncate(path, whole.length - 20);
    await expect(linesOf(path)).rejects.toMatchObject(refused);
    for (const text of [whole.replace('"n":2', '"n":3'), whole.slice(whole.indexOf('\n') + 1), '{"n":1}\n', '']) {
      await writeFile(path, text);
      await expect(linesOf(path)).rejects.toMatchObject(refused);
    }
  });

  it('fails with a code where there is no directory', async () => {
    await rm(folder, { recursive: true });
    await expect(files.begin('a_', 'a_1.jsonl')).rejects.toMatchObject({ code: 'EXPORT_FAILED' });
    await expect(linesOf(join(folder, 'a_1.jsonl'))).rejects.toMatchObject({ code: 'EXPORT_FAILED' });
  });
});
