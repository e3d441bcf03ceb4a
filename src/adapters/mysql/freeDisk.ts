import { z } from 'zod';
import type { PlaceContext } from './context.ts';
import { errorNumber } from './failures.ts';
import { integer, text } from './rows.ts';

const diskRow = z.object({ datadir: text, path: text, availableKib: integer });

/** What the server answers where information_schema has no such table. */
const UNKNOWN_TABLE = 1109;

/**
 * Free space of the file system that the data lie on (bytes). Null where it cannot be known: the server has no plugin
 * DISKS, as Aurora has none, or the account lacks FILE, without which the table is empty.
 */
export function freeDiskBytes({ bulk }: PlaceContext): Promise<number | null> {
  return bulk.use('asking for free disk space', async (session) => {
    if (session.dialect.flavour !== 'mariadb') return null;
    const rows = await session
      .rows(
        diskRow,
        'SELECT @@GLOBAL.datadir AS datadir, Path AS path, Available AS availableKib FROM information_schema.DISKS',
      )
      .catch((error: unknown) => {
        if (errorNumber(error) === UNKNOWN_TABLE) return [];
        throw error;
      });
    const holding = rows.filter(({ datadir, path }) => isWithin(datadir, path));
    const nearest = holding.toSorted((one, other) => other.path.length - one.path.length)[0];
    return nearest === undefined ? null : nearest.availableKib * 1024;
  });
}

function isWithin(folder: string, mountPoint: string): boolean {
  return mountPoint === '/' || folder === mountPoint || folder.startsWith(`${mountPoint.replace(/\/$/, '')}/`);
}
