import { execFile } from 'node:child_process';
import { chmod, cp, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { projectFolder } from '../docs/documents.ts';
import { copiedInto, stages } from './dockerfile.ts';

const run = promisify(execFile);

/** Puts into `folder` what the image gets: the tracked files that the Dockerfile names, and their dependencies. */
export async function makeProductionFolder(folder: string): Promise<void> {
  const wanted = [...new Set(['dependencies', 'controller'].flatMap((name) => copied(name)))];
  const { stdout } = await run('git', ['ls-files', '-z', '--', ...wanted], { cwd: projectFolder });
  const files = stdout.split('\0').filter((path) => path !== '');
  for (const path of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await cp(join(projectFolder, path), join(folder, path));
  }
  await run('npm', ['ci', '--omit=dev', '--ignore-scripts', '--prefer-offline'], { cwd: folder });
  // Others may read it, nobody but its owner may write.
  await chmod(folder, 0o755);
}

function copied(stage: string): readonly string[] {
  const found = stages().get(stage);
  return found === undefined ? [] : copiedInto(found);
}
