import { cp, mkdir, mkdtemp, rename, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { guardFolder, removeFolder } from './guardian.ts';

/** Where downloads and template data directories are kept between runs; infra/setup/cache.sh names the same folder. */
export function cacheFolder(): string {
  return (
    process.env.BIGDB_CUTOVER_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'bigdb-cutover')
  );
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false;
      throw error;
    },
  );
}

/**
 * A folder in the cache that `make` fills once. It gets its name only when it is whole, so two processes at once both
 * do the work and one of the results stays.
 *
 * @param key names content and version, as in `mariadb-10.11.14-template-1`
 */
export async function cachedFolder(key: string, make: (emptyFolder: string) => Promise<void>): Promise<string> {
  const final = join(cacheFolder(), key);
  if (await exists(final)) return final;
  await mkdir(cacheFolder(), { recursive: true });
  const work = await mkdtemp(join(cacheFolder(), `${key}.part-`));
  guardFolder(work);
  try {
    await make(work);
    await rename(work, final).catch((error: NodeJS.ErrnoException) => {
      // Somebody else was faster: theirs is as good.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await removeFolder(work);
  }
  return final;
}

/** Copies a template to a place that must not exist yet; shares the blocks where the file system can. */
export async function copyFolder(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true, mode: 2 /* COPYFILE_FICLONE */, errorOnExist: true, force: false });
}
