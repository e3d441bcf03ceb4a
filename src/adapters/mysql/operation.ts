import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import type { DiskSpace, UndoLoad } from '../../ports/settings.ts';
import type { PlaceContext } from './context.ts';
import { errorNumber } from './failures.ts';
import { nullableInteger } from './rows.ts';
import type { Session } from './session.ts';

const rowOfAnything = z.record(z.string(), z.unknown());
const historyRow = z.object({ length: nullableInteger });
const oldestRow = z.object({ seconds: nullableInteger });
const diskRow = z.object({ freeBytes: z.coerce.number(), totalBytes: z.coerce.number() });

/** Where it stands when the last backup of a place was made: what a query answers, or what a file says. */
export type BackupSource = { readonly query: string } | { readonly file: string };

/** The time of the last backup (epoch milliseconds); null where nothing is configured, or it says nothing that is a time. */
export async function lastBackup(
  { bulk }: PlaceContext,
  source: BackupSource | undefined,
  signal?: AbortSignal,
): Promise<number | null> {
  if (source === undefined) return null;
  if ('file' in source) return timeInFile(source.file);
  const answer = await bulk.use('asking for the last backup', (session) => firstRow(session, source.query, signal), {
    signal,
  });
  return timeOf(Object.values(answer ?? {})[0]);
}

/** Its content is a time; a file that is only touched holds nothing. */
async function timeInFile(file: string): Promise<number | null> {
  try {
    const content = (await readFile(file, 'utf8')).trim();
    return content === '' ? (await stat(file)).mtimeMs : timeOf(content);
  } catch {
    // A file that is not there, or not ours to read, says nothing.
    return null;
  }
}

/** ISO 8601, a server's date and time in UTC, or seconds since 1970. */
export function timeOf(value: unknown): number | null {
  if (value === null || value === undefined) return null;
  const text = String(value).trim();
  if (/^\d{9,11}(\.\d+)?$/.test(text)) return Number(text) * 1_000;
  const plain = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d+)?)$/.exec(text);
  const ms = Date.parse(plain === null ? text : `${plain[1]}T${plain[2]}Z`);
  return Number.isNaN(ms) ? null : ms;
}

/** Bytes free and in all on the disk of the data, by a query of the configuration's; null without one. */
export async function diskSpace(
  { bulk }: PlaceContext,
  query: string | undefined,
  signal?: AbortSignal,
): Promise<DiskSpace | null> {
  if (query === undefined) return null;
  const row = await bulk.use('asking for its disk', (session) => firstRow(session, query, signal), { signal });
  const [freeBytes, totalBytes] = Object.values(row ?? {});
  return diskRow.parse({ freeBytes, totalBytes });
}

/** What transactions that are open keep from being cleaned up. */
export function undoLoad({ bulk }: PlaceContext, signal?: AbortSignal): Promise<UndoLoad> {
  return bulk.use(
    'looking at its undo',
    async (session) => {
      const history = await session.row(
        historyRow,
        `SELECT \`COUNT\` AS length FROM information_schema.INNODB_METRICS WHERE NAME = 'trx_rseg_history_len'`,
        [],
        { signal },
      );
      const oldest = await session.row(oldestRow, session.dialect.oldestTransaction, [], { signal });
      return { historyLength: history?.length ?? null, oldestTransactionS: oldest?.seconds ?? null };
    },
    { signal },
  );
}

async function firstRow(session: Session, query: string, signal?: AbortSignal) {
  try {
    return await session.row(rowOfAnything, query, [], { signal });
  } catch (error) {
    // What the configuration asks may be wrong: then nothing is known, and that is told.
    if ((errorNumber(error) ?? 0) >= 1_000) return null;
    throw error;
  }
}
